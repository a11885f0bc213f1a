package stt_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/stt"
)

// Audio of these tests is PCM(16000). A word is a tenth of a second of samples
// of one value, which is its number.
const (
	second   = 32000 // bytes
	wordTime = 100 * time.Millisecond
)

func word(n int) []byte { return tone(1000+n, wordTime) }

func tone(value int, d time.Duration) []byte {
	b := make([]byte, 0, int(d.Seconds()*second))
	for range cap(b) / 2 {
		b = binary.LittleEndian.AppendUint16(b, uint16(value))
	}
	return b
}

func silence(d time.Duration) []byte { return tone(0, d) }

// sentence is the numbers from first to last, 50 ms apart, and a pause.
func sentence(first, last int) []byte {
	var b []byte
	for n := first; n <= last; n++ {
		b = slices.Concat(b, word(n), silence(50*time.Millisecond))
	}
	return append(b, silence(250*time.Millisecond)...)
}

func numbers(first, last int) string {
	var parts []string
	for n := first; n <= last; n++ {
		parts = append(parts, fmt.Sprint(n))
	}
	return strings.Join(parts, " ")
}

// vendor listens. What its connections do beyond that is up to the test.
type vendor struct {
	name string
	// dial is called for the nth connection, from 1, before it is opened.
	dial func(ctx context.Context, n int) error
	// born may change a connection before it is used.
	born func(n int, c *ear)
	// wordless vendors do not tell words and times.
	wordless bool

	mu   sync.Mutex
	ears []*ear
	reqs []stt.LiveRequest
}

func (v *vendor) provider() stt.LiveProvider {
	return stt.LiveProvider{Name: v.name, WordTimes: !v.wordless, Dial: v.open}
}

func (v *vendor) open(ctx context.Context, req stt.LiveRequest) (stt.LiveConn, error) {
	v.mu.Lock()
	v.reqs = append(v.reqs, req)
	n := len(v.reqs)
	v.mu.Unlock()
	if v.dial != nil {
		if err := v.dial(ctx, n); err != nil {
			return nil, err
		}
	}
	c := &ear{vendor: v, out: make(chan said, 1<<12), closed: make(chan struct{})}
	if v.born != nil {
		v.born(n, c)
	}
	v.mu.Lock()
	v.ears = append(v.ears, c)
	v.mu.Unlock()
	return c, nil
}

// dials is how often somebody dialed.
func (v *vendor) dials() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.reqs)
}

// ear is a connection.
type ear struct {
	vendor *vendor
	// onSend is called for all audio before it is heard; an error is Send's.
	onSend func(ctx context.Context, e *ear, audio []byte) error
	// onSay may change or drop an event.
	onSay func(e *ear, ev *stt.LiveEvent) bool
	// Faults.
	noFlush, noFinish, noFinals bool
	keepAlive                   func(ctx context.Context) error

	mu       sync.Mutex
	out      chan said
	closed   chan struct{}
	pos      int // bytes
	value    int
	begun    int // of the word, or of the silence, that is being heard
	words    []stt.Word
	start    time.Duration
	flushes  int
	alive    int
	finished bool
	once     sync.Once
}

type said struct {
	event stt.LiveEvent
	err   error
}

func at(bytes int) time.Duration { return time.Duration(bytes) * time.Second / second }

func (e *ear) Send(ctx context.Context, audio []byte) error {
	if e.onSend != nil {
		if err := e.onSend(ctx, e, audio); err != nil {
			return err
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for ; len(audio) >= 2; audio = audio[2:] {
		if v := int(binary.LittleEndian.Uint16(audio)); v != e.value {
			e.turn(v)
		}
		e.pos += 2
		if e.value == 0 && len(e.words) > 0 && at(e.pos-e.begun) == 200*time.Millisecond {
			e.final(true)
		}
	}
	return nil
}

// turn ends a word, or begins one.
func (e *ear) turn(value int) {
	if e.value >= 1000 {
		text := fmt.Sprint(e.value - 1000)
		if at(e.pos-e.begun) < wordTime*9/10 {
			text += "?"
		}
		e.words = append(e.words, stt.Word{Text: text, Start: at(e.begun), End: at(e.pos)})
		e.say(e.event())
	}
	e.value, e.begun = value, e.pos
}

func (e *ear) event() stt.LiveEvent {
	ev := stt.LiveEvent{Words: slices.Clone(e.words), Start: e.start, End: at(e.pos)}
	for i, w := range e.words {
		if i > 0 {
			ev.Text += " "
		}
		ev.Text += w.Text
	}
	if e.vendor.wordless {
		ev.Words = nil
	}
	return ev
}

func (e *ear) final(paused bool) {
	if e.noFinals {
		return
	}
	ev := e.event()
	ev.Final, ev.EndOfSpeech = true, paused
	e.say(ev)
	e.words, e.start = nil, at(e.pos)
}

func (e *ear) say(ev stt.LiveEvent) {
	if e.onSay == nil || e.onSay(e, &ev) {
		e.out <- said{event: ev}
	}
}

// breakOff ends the connection with an error.
func (e *ear) breakOff(err error) { e.out <- said{err: err} }

func (e *ear) Receive(ctx context.Context) (stt.LiveEvent, error) {
	select {
	case s := <-e.out:
		return s.event, s.err
	case <-e.closed:
		return stt.LiveEvent{}, io.ErrClosedPipe
	case <-ctx.Done():
		return stt.LiveEvent{}, ctx.Err()
	}
}

func (e *ear) Flush(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flushes++; !e.noFlush {
		e.turn(e.value)
		e.final(false)
	}
	return nil
}

func (e *ear) KeepAlive(ctx context.Context) error {
	e.mu.Lock()
	e.alive++
	e.mu.Unlock()
	if e.keepAlive != nil {
		return e.keepAlive(ctx)
	}
	return nil
}

func (e *ear) Finish(context.Context) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.finished = true
	if !e.noFinish {
		e.turn(0)
		e.final(false)
		e.out <- said{err: io.EOF}
	}
	return nil
}

func (e *ear) Close() error {
	e.once.Do(func() { close(e.closed) })
	return nil
}

// heard is how much audio it got.
func (e *ear) heard() time.Duration {
	e.mu.Lock()
	defer e.mu.Unlock()
	return at(e.pos)
}

// hall is a client over vendors, and a session with its consumer.
type hall struct {
	t       *testing.T
	client  *stt.LiveClient
	session *stt.Session
	read    chan struct{}
	mu      sync.Mutex
	results []stt.LiveResult
	err     error
}

func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	time.Sleep(d) //nolint:forbidigo // fake time
}

func newHall(t *testing.T, vendors []*vendor, opts ...failover.Option) *hall {
	t.Helper()
	providers := make([]stt.LiveProvider, len(vendors))
	for i, v := range vendors {
		providers[i] = v.provider()
	}
	client, err := stt.NewLive(providers, opts...)
	require.NoError(t, err)
	return &hall{t: t, client: client}
}

// open begins a session, and reads its results aside.
func (h *hall) open(ctx context.Context, req stt.LiveRequest) *hall {
	h.t.Helper()
	h.begin(ctx, req)
	go h.listen()
	return h
}

func (h *hall) begin(ctx context.Context, req stt.LiveRequest) {
	h.t.Helper()
	if req.Format == (stt.Format{}) {
		req.Format = stt.PCM(16000)
	}
	var err error
	h.session, err = h.client.Start(ctx, req)
	require.NoError(h.t, err)
	h.results, h.err, h.read = nil, nil, make(chan struct{})
}

func (h *hall) listen() {
	defer close(h.read)
	for r, err := range h.session.Results() {
		if err != nil {
			h.err = err
			return
		}
		h.mu.Lock()
		h.results = append(h.results, r)
		h.mu.Unlock()
	}
}

// speak writes audio at the speed of life.
func (h *hall) speak(audio []byte) {
	for chunk := range slices.Chunk(audio, second/50) {
		if _, err := h.session.Write(chunk); err != nil {
			return
		}
		pass(20 * time.Millisecond)
	}
}

// finish ends the audio, and waits for all of it.
func (h *hall) finish() error {
	h.t.Helper()
	err := h.session.Finish(context.Background())
	<-h.read
	assert.Equal(h.t, err, h.err, "Finish and Results say the same")
	require.NoError(h.t, h.session.Close())
	return err
}

// text is the final transcript, with gaps in brackets.
func (h *hall) text() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var parts []string
	for _, r := range h.results {
		switch {
		case r.Gap != nil:
			parts = append(parts, fmt.Sprintf("[%v-%v]", r.Gap.From, r.Gap.To))
		case r.Final && r.Text != "":
			parts = append(parts, r.Text)
		}
	}
	return strings.Join(parts, " ")
}

func transient() error { return &failover.Error{Class: failover.ClassTransient} }
