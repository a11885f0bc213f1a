package stt_test

import (
	"context"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/providers/stt"
)

// A session of two hours, with an outage of two minutes in its middle, keeps no
// more than its buffer, and the process no more than that and some.
func TestTwoHoursStayUnderTheCap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		var down atomic.Bool
		for _, v := range []*vendor{a, b} {
			v.dial = func(context.Context, int) error {
				if down.Load() {
					return transient()
				}
				return nil
			}
			v.born = func(_ int, e *ear) {
				e.onSend = func(context.Context, *ear, []byte) error {
					if down.Load() {
						return transient()
					}
					return nil
				}
			}
		}
		h := newHall(t, []*vendor{a, b})
		h.begin(t.Context(), stt.LiveRequest{Patience: time.Hour})
		read := make(chan struct{})
		finals := 0
		go func() {
			defer close(read)
			for r, err := range h.session.Results() {
				assert.NoError(t, err)
				if r.Final {
					finals++
				}
			}
		}()
		minute := make([]byte, 0, 60*second)
		for n := range 60 {
			minute = append(minute, sentence(n, n+2)[:700*second/1000]...)
			minute = append(minute, silence(300*time.Millisecond)...)
		}
		var most, usual int
		before := heap()
		for m := range 120 {
			down.Store(m == 60 || m == 61)
			for i := 0; i < len(minute); i += second / 10 {
				_, err := h.session.Write(minute[i : i+second/10])
				require.NoError(t, err)
				pass(100 * time.Millisecond)
			}
			if m == 59 {
				usual = h.session.Summary().BufferMost
			}
			if m%10 == 0 || m == 61 {
				most = max(most, heap()-before)
			}
		}
		require.NoError(t, h.session.Finish(t.Context()))
		<-read
		sum := h.session.Summary()
		assert.Equal(t, 2*time.Hour, sum.Duration)
		assert.Less(t, usual, 2*second, "as long as somebody listens")
		assert.Equal(t, 60*second, sum.BufferCap)
		assert.Equal(t, sum.BufferCap, sum.BufferMost, "in the outage")
		require.Len(t, sum.Gaps, 1)
		assert.InDelta(t, 60, (sum.Gaps[0].To - sum.Gaps[0].From).Seconds(), 6)
		assert.Greater(t, finals, 118*60)
		assert.Less(t, most, 4*sum.BufferCap)
		t.Logf("230 MB of audio; at most %d bytes kept while somebody listened, %d in the outage (cap %d); heap at most %d kB above its beginning",
			usual, sum.BufferMost, sum.BufferCap, most/1024)
	})
}

// heap is how much is in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// sink is a connection that takes audio and acknowledges it now and then.
type sink struct {
	mu    sync.Mutex
	taken sync.Cond
	bytes int
	out   chan stt.LiveEvent
	done  chan struct{}
}

func newSink() *sink {
	s := &sink{out: make(chan stt.LiveEvent, 1), done: make(chan struct{})}
	s.taken.L = &s.mu
	return s
}

func (s *sink) Send(_ context.Context, audio []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes += len(audio)
	s.taken.Broadcast()
	if s.bytes%(10*second) == 0 {
		select {
		case s.out <- stt.LiveEvent{Final: true, End: at(s.bytes)}:
		default:
		}
	}
	return nil
}

// wait waits until so many bytes were taken.
func (s *sink) wait(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.bytes < bytes {
		s.taken.Wait()
	}
}

func (s *sink) Receive(ctx context.Context) (stt.LiveEvent, error) {
	select {
	case e := <-s.out:
		return e, nil
	case <-s.done:
		return stt.LiveEvent{}, io.EOF
	case <-ctx.Done():
		return stt.LiveEvent{}, ctx.Err()
	}
}

func (*sink) Flush(context.Context) error     { return nil }
func (*sink) KeepAlive(context.Context) error { return nil }

func (s *sink) Finish(context.Context) error {
	s.out <- stt.LiveEvent{Final: true, End: at(s.bytes)}
	close(s.done)
	return nil
}

func (*sink) Close() error { return nil }

// stream begins a session into a sink.
func stream(tb testing.TB) (*stt.Session, *sink) {
	tb.Helper()
	s := newSink()
	client, err := stt.NewLive([]stt.LiveProvider{{
		Name: "sink", Dial: func(context.Context, stt.LiveRequest) (stt.LiveConn, error) { return s, nil },
	}})
	require.NoError(tb, err)
	session, err := client.Start(context.Background(), stt.LiveRequest{Format: stt.PCM(16000)})
	require.NoError(tb, err)
	go func() {
		for range session.Results() {
		}
	}()
	return session, s
}

// A chunk of audio costs no allocation on its way to the connection.
func TestChunksAllocateNothing(t *testing.T) {
	session, s := stream(t)
	defer session.Close()
	chunk := silence(20 * time.Millisecond)
	sent := 0
	send := func() {
		_, err := session.Write(chunk)
		if err != nil {
			t.Error(err)
		}
		sent += len(chunk)
		s.wait(sent)
	}
	for range 500 { // the buffer grows
		send()
	}
	assert.Less(t, testing.AllocsPerRun(2000, send), 0.05)
	require.NoError(t, session.Finish(t.Context()))
}

// BenchmarkChunk is 20 ms of PCM(16000) from Write to the connection, on another
// goroutine.
func BenchmarkChunk(b *testing.B) {
	session, s := stream(b)
	defer session.Close()
	chunk := silence(20 * time.Millisecond)
	sent := 0
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		_, err := session.Write(chunk)
		require.NoError(b, err)
		sent += len(chunk)
		s.wait(sent)
	}
}
