package stt_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/stt"
)

// hangs blocks until the context ends or the connection is closed.
func hangs(ctx context.Context, e *ear) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-e.closed:
		return errors.New("closed")
	}
}

// states are what a session may be in the middle of.
func states() map[string]func(*vendor) {
	return map[string]func(*vendor){
		"listening": func(*vendor) {},
		"dialing": func(v *vendor) {
			v.dial = func(ctx context.Context, _ int) error {
				<-ctx.Done()
				return ctx.Err()
			}
		},
		"sending": func(v *vendor) {
			v.born = func(_ int, e *ear) {
				e.onSend = func(ctx context.Context, e *ear, _ []byte) error { return hangs(ctx, e) }
			}
		},
		"keeping alive": func(v *vendor) {
			v.born = func(_ int, e *ear) { e.keepAlive = func(ctx context.Context) error { return hangs(ctx, e) } }
		},
		"waiting to try again": func(v *vendor) { v.dial = func(context.Context, int) error { return transient() } },
		"silent": func(v *vendor) {
			v.born = func(_ int, e *ear) { e.onSay = func(*ear, *stt.LiveEvent) bool { return false } }
		},
	}
}

// The end of the caller's context ends a session at once, whatever it does, and
// Results and Finish say so.
func TestContextEndsASessionAtOnce(t *testing.T) {
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				why := errors.New("the caller hung up")
				ctx, cancel := context.WithCancelCause(t.Context())
				v := &vendor{name: "a"}
				state(v)
				h := newHall(t, []*vendor{v}).open(ctx, stt.LiveRequest{})
				h.speak(sentence(1, 28)) // 4.5 s: a keep-alive is under way
				cancel(why)
				begun := time.Now()
				<-h.read
				require.ErrorIs(t, h.err, context.Canceled)
				require.ErrorIs(t, h.err, why)
				require.ErrorIs(t, h.session.Finish(t.Context()), context.Canceled)
				_, err := h.session.Write(word(1))
				require.ErrorIs(t, err, stt.ErrSessionOver)
				require.ErrorIs(t, err, context.Canceled)
				require.NoError(t, h.session.Close())
				assert.Zero(t, time.Since(begun))
				if name != "waiting to try again" {
					assert.Equal(t, failover.BreakerClosed, h.client.Router().Status().Providers[0].Breaker)
				}
			})
		})
	}
}

func TestDeadlineEndsASession(t *testing.T) {
	bubble(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}).open(ctx, stt.LiveRequest{})
		begun := time.Now()
		h.speak(sentence(1, 60))
		<-h.read
		assert.InDelta(t, 2, time.Since(begun).Seconds(), 0.021)
		require.ErrorIs(t, h.err, context.DeadlineExceeded)
		assert.InDelta(t, 1, h.client.Router().Status().Providers[0].SuccessRate, 0, "nobody is blamed")
	})
}

func TestCloseEndsASessionAtOnce(t *testing.T) {
	for name, state := range states() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				v := &vendor{name: "a"}
				state(v)
				h := newHall(t, []*vendor{v}).open(t.Context(), stt.LiveRequest{})
				h.speak(sentence(1, 28))
				begun := time.Now()
				require.NoError(t, h.session.Close())
				require.NoError(t, h.session.Close())
				<-h.read
				require.NoError(t, h.err, "who closes a session knows")
				require.NoError(t, h.session.Finish(t.Context()))
				_, err := h.session.Write(word(1))
				require.Equal(t, stt.ErrSessionOver, err)
				assert.Zero(t, time.Since(begun))
			})
		})
	}
}

func TestLeavingTheLoopClosesTheSession(t *testing.T) {
	for name, leave := range map[string]func(s *stt.Session){
		"break": func(s *stt.Session) {
			for range s.Results() {
				break
			}
		},
		"panic": func(s *stt.Session) {
			assert.PanicsWithValue(t, "the consumer's", func() {
				for range s.Results() {
					panic("the consumer's")
				}
			})
		},
		"Goexit": func(s *stt.Session) {
			var left sync.WaitGroup
			left.Go(func() {
				for range s.Results() {
					runtime.Goexit()
				}
			})
			left.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHall(t, []*vendor{{name: "a"}})
				h.begin(t.Context(), stt.LiveRequest{})
				_, err := h.session.Write(sentence(1, 3))
				require.NoError(t, err)
				leave(h.session)
				_, err = h.session.Write(sentence(1, 3))
				require.ErrorIs(t, err, stt.ErrSessionOver)
				assert.Empty(t, h.client.Router().Status().Providers[0].InFlight)
			})
		})
	}
}

func TestResultsCanBeReadOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHall(t, []*vendor{{name: "a"}}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 3))
		for _, err := range h.session.Results() {
			require.ErrorIs(t, err, failover.ErrStreamUsed)
		}
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 3), h.text(), "the first goes on")
	})
}

// Results need not be read before all is over.
func TestResultsWait(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHall(t, []*vendor{{name: "a"}})
		h.begin(t.Context(), stt.LiveRequest{})
		_, err := h.session.Write(sentence(1, 9))
		require.NoError(t, err)
		require.NoError(t, h.session.Finish(t.Context()))
		require.NoError(t, h.session.Finish(t.Context()))
		require.NoError(t, h.session.Close())
		h.listen()
		assert.Equal(t, numbers(1, 9), h.text())
		assert.Len(t, h.results, 1, "interim results that nobody saw are of no interest any more")
	})
}

func TestFinishWaitsNoLongerThanItsContext(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a", born: func(_ int, e *ear) { e.noFinish = true }}
		b := &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 3)[:5000])
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		require.ErrorIs(t, h.session.Finish(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(begun))
		_, err := h.session.Write(word(1))
		require.ErrorIs(t, err, stt.ErrSessionOver)
		require.NoError(t, h.finish(), "the session goes on, at the next provider")
		assert.Equal(t, 1, b.dials())
	})
}

// Panics of an adapter, on whichever of its methods, and of an observer, go on
// where the session is used; nothing is left running.
func TestPanicsAreCarriedToTheUser(t *testing.T) {
	const boom = "boom"
	for name, v := range map[string]*vendor{
		"Dial": {dial: func(context.Context, int) error { panic(boom) }},
		"Send": {born: func(_ int, e *ear) {
			e.onSend = func(context.Context, *ear, []byte) error { panic(boom) }
		}},
		"KeepAlive": {born: func(_ int, e *ear) {
			e.keepAlive = func(context.Context) error { panic(boom) }
		}},
		"Receive": {born: func(_ int, e *ear) { close(e.out) }},
	} {
		v.name = "a"
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				providers := []stt.LiveProvider{v.provider()}
				if name == "Receive" {
					dial := providers[0].Dial
					providers[0].Dial = func(ctx context.Context, req stt.LiveRequest) (stt.LiveConn, error) {
						c, err := dial(ctx, req)
						return panicking{c}, err
					}
				}
				client, err := stt.NewLive(providers)
				require.NoError(t, err)
				h := &hall{t: t, client: client}
				h.begin(t.Context(), stt.LiveRequest{})
				h.speak(sentence(1, 40))
				assert.PanicsWithValue(t, boom, func() { _ = h.session.Finish(t.Context()) })
				assert.PanicsWithValue(t, boom, func() {
					for range h.session.Results() {
						continue
					}
				})
				require.NoError(t, h.session.Close())
				assert.Zero(t, client.Router().Status().Providers[0].InFlight)
			})
		})
	}
	bubble(t, func(t *testing.T) {
		h := newHall(t, []*vendor{{name: "a", dial: func(context.Context, int) error { return transient() }}},
			failover.WithObserver(func(context.Context, failover.Event) { panic(boom) }))
		h.begin(t.Context(), stt.LiveRequest{})
		_, err := h.session.Write(sentence(1, 3))
		require.NoError(t, err)
		assert.PanicsWithValue(t, boom, func() { _ = h.session.Finish(t.Context()) })
		require.NoError(t, h.session.Close())
	})
}

type panicking struct{ stt.LiveConn }

func (panicking) Receive(context.Context) (stt.LiveEvent, error) { panic("boom") }

// An adapter that ends its goroutine is as good as one that panics.
func TestGoexitOfAnAdapter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for _, v := range []*vendor{
			{name: "a", dial: func(context.Context, int) error { runtime.Goexit(); return nil }},
			{name: "a", born: func(_ int, e *ear) {
				e.onSend = func(context.Context, *ear, []byte) error { runtime.Goexit(); return nil }
			}},
		} {
			h := newHall(t, []*vendor{v})
			h.begin(t.Context(), stt.LiveRequest{})
			_, err := h.session.Write(sentence(1, 3))
			require.NoError(t, err)
			assert.PanicsWithError(t, failover.ErrPanicked.Error(), func() { _ = h.session.Finish(t.Context()) })
			require.NoError(t, h.session.Close())
		}
	})
}

func TestClosedRouterEndsSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a"}
		h := newHall(t, []*vendor{a}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 3))
		closed := make(chan struct{})
		go func() {
			defer close(closed)
			assert.NoError(t, h.client.Close())
		}()
		h.speak(sentence(4, 6))
		h.speak(word(7))
		a.ears[0].breakOff(transient())
		require.ErrorIs(t, h.finish(), failover.ErrClosed)
		assert.Equal(t, numbers(1, 6), h.text()[:len(numbers(1, 6))])
		<-closed
	})
}

// A consumer that takes its time is nobody's failure, and holds nobody up.
func TestSlowConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b})
		h.begin(t.Context(), stt.LiveRequest{})
		go func() {
			pass(5 * time.Minute)
			h.listen()
		}()
		for n := 1; n < 1000; n += 4 {
			h.speak(sentence(n, n+3))
		}
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 1000), h.text())
		assert.Zero(t, b.dials())
		assert.Empty(t, h.session.Summary().Failovers)
	})
}

// When more results wait than anybody should let wait, audio is held back, and
// what the buffer cannot hold is reported.
func TestConsumerThatReadsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b})
		h.begin(t.Context(), stt.LiveRequest{})
		var audio []byte
		for n := 1; n <= 1200; n++ {
			audio = append(audio, word(n)...)
			audio = append(audio, silence(200*time.Millisecond)...)
		}
		h.speak(audio) // 6 min, 1200 final results
		assert.InDelta(t, 1024*0.3, a.ears[0].heard().Seconds(), 1)
		assert.Empty(t, h.session.Summary().Gaps)
		h.speak(audio[:2*60*second])
		go h.listen()
		require.NoError(t, h.finish())
		sum := h.session.Summary()
		require.Len(t, sum.Gaps, 1)
		assert.Equal(t, sum.BufferCap, sum.BufferMost)
		assert.Empty(t, sum.Failovers)
		assert.Zero(t, b.dials())
		gap := sum.Gaps[0]
		assert.InDelta(t, 1024*0.3, gap.From.Seconds(), 1)
		lost := (sum.Duration - gap.From - time.Minute).Seconds()
		assert.InDelta(t, lost+6, (gap.To - gap.From).Seconds(), 1, "a tenth of the buffer besides")
	})
}

// Live audio is never held up: not even when nobody listens and the buffer is
// full.
func TestLiveAudioIsNotHeldUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a", dial: func(ctx context.Context, n int) error {
			if n < 12 {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}}
		h := newHall(t, []*vendor{a}).open(t.Context(), stt.LiveRequest{Buffer: 10 * time.Second, Patience: time.Hour})
		begun := time.Now()
		for n := range 500 {
			_, err := h.session.Write(append(word(n), silence(100*time.Millisecond)...))
			require.NoError(t, err)
			pass(200 * time.Millisecond)
		}
		assert.Equal(t, 100*time.Second, time.Since(begun))
		require.NoError(t, h.finish())
		sum := h.session.Summary()
		assert.Equal(t, sum.BufferCap, sum.BufferMost)
		require.Len(t, sum.Gaps, 1)
		first := int(sum.Gaps[0].To / (200 * time.Millisecond))
		assert.True(t, "["+sum.Gaps[0].From.String()+"-"+sum.Gaps[0].To.String()+"] "+numbers(first+1, 499) == h.text(), h.text()[:80])
	})
}

// Audio that comes faster than real time waits, and nothing of it is lost.
func TestFastAudioWaits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) { // ten times as fast as real time, until it breaks
			e.onSend = func(_ context.Context, e *ear, audio []byte) error {
				pass(at(len(audio)) / 10)
				if e.heard() > time.Minute {
					return transient()
				}
				return nil
			}
		}
		b.born = func(_ int, e *ear) {
			e.onSend = func(_ context.Context, _ *ear, audio []byte) error {
				pass(at(len(audio)) / 5)
				return nil
			}
		}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{Buffer: 10 * time.Second})
		begun := time.Now()
		for n := 1; n <= 1500; n += 5 { // five minutes
			_, err := h.session.Write(sentence(n, n+4))
			require.NoError(t, err)
		}
		require.NoError(t, h.finish())
		assert.True(t, numbers(1, 1500) == h.text(), "every word, once")
		assert.Less(t, time.Since(begun), 70*time.Second)
		assert.Empty(t, h.session.Summary().Gaps)
		assert.LessOrEqual(t, h.session.Summary().BufferMost, 10*second)
	})
}

// Sessions, their writers, readers and closers do as they please at once.
func TestEverythingAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a", born: func(n int, e *ear) {
			e.onSend = func(context.Context, *ear, []byte) error {
				if n%3 == 0 && e.heard() > time.Second {
					return transient()
				}
				return nil
			}
		}}
		h := newHall(t, []*vendor{a, {name: "b"}})
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				s, err := h.client.Start(t.Context(), stt.LiveRequest{Format: stt.PCM(16000)})
				if !assert.NoError(t, err) {
					return
				}
				defer s.Close()
				all.Go(func() {
					for n := range 50 {
						_, _ = s.Write(sentence(n, n+2))
						s.Commit()
						s.Summary()
						pass(time.Duration(i) * 10 * time.Millisecond)
					}
					_ = s.Finish(t.Context())
				})
				all.Go(func() {
					pass(time.Duration(i) * 200 * time.Millisecond)
					if i%4 == 0 {
						_ = s.Close()
					}
				})
				for _, err := range s.Results() {
					if err != nil {
						break
					}
				}
			})
		}
		all.Wait()
	})
}
