package stt_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/stt"
)

func TestSessionTellsInterimAndFinalResults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a"}
		h := newHall(t, []*vendor{a}).open(t.Context(), stt.LiveRequest{Language: "en-GB"})
		h.speak(sentence(1, 2))
		h.speak(sentence(3, 3))
		require.NoError(t, h.finish())

		var story []string
		for _, r := range h.results {
			story = append(story, fmt.Sprintf("%v-%v %q final %v end %v by %s in %s", r.Start, r.End, r.Text, r.Final, r.EndOfSpeech, r.Provider, r.Language))
		}
		assert.Equal(t, []string{
			`0s-100ms "1" final false end false by a in en-GB`,
			`0s-250ms "1 2" final false end false by a in en-GB`,
			`0s-450ms "1 2" final true end true by a in en-GB`,
			`450ms-650ms "3" final false end false by a in en-GB`,
			`450ms-850ms "3" final true end true by a in en-GB`,
		}, story)
		assert.Equal(t, []stt.Word{{Text: "3", Start: 550 * time.Millisecond, End: 650 * time.Millisecond}}, h.results[4].Words)

		sum := h.session.Summary()
		assert.Equal(t, stt.LiveSummary{
			Duration: 950 * time.Millisecond, Settled: 950 * time.Millisecond,
			Served:     []stt.LiveSpan{{Provider: "a", To: 950 * time.Millisecond}},
			BufferMost: sum.BufferMost, BufferCap: 60 * second,
		}, sum)
		assert.Equal(t, "en-GB", a.reqs[0].Language)
	})
}

func TestAudioIsDividedAnywhere(t *testing.T) {
	for _, step := range []int{1, 3, 640, 8001, 100000} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				h := newHall(t, []*vendor{{name: "a"}}).open(t.Context(), stt.LiveRequest{})
				for chunk := range slices.Chunk(append(sentence(1, 9), 0x7f), step) {
					n, err := h.session.Write(chunk)
					require.NoError(t, err)
					require.Equal(t, len(chunk), n)
				}
				require.NoError(t, h.finish())
				assert.Equal(t, numbers(1, 9), h.text(), "half a sample at the end is left out")
			})
		})
	}
}

func TestFailoverGoesOnAfterTheLastFinal(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, c *ear) {
			c.onSay = func(e *ear, ev *stt.LiveEvent) bool {
				if ev.Text != "5 6 7" {
					return true
				}
				e.breakOff(transient())
				return false
			}
		}
		var mu sync.Mutex
		var events []string
		observe := failover.WithObserver(func(_ context.Context, e failover.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e := e.(type) {
			case failover.FailoverEvent:
				events = append(events, e.From+" to "+e.To)
			case failover.InterruptedEvent:
				events = append(events, fmt.Sprintf("%s interrupted, ends %v", e.Provider, e.Ends))
			}
		})
		h := newHall(t, []*vendor{a, b}, observe).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 4))
		h.speak(sentence(5, 9))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 9), h.text())
		assert.Equal(t, []string{"a interrupted, ends false", "a to b"}, events)

		resets := 0
		for i, r := range h.results {
			if r.Reset {
				resets++
				assert.Equal(t, "5 6", h.results[i-1].Text, "this is void")
				assert.Empty(t, r.Text)
				assert.False(t, r.Final)
			}
		}
		assert.Equal(t, 1, resets)

		sum := h.session.Summary()
		require.Len(t, sum.Failovers, 1)
		f := sum.Failovers[0]
		assert.Equal(t, "a", f.From)
		assert.Equal(t, "b", f.To)
		assert.Equal(t, failover.ClassTransient, failover.ClassOf(f.Err))
		assert.Equal(t, f.Took, f.Delay())
		assert.Less(t, f.Delay(), 100*time.Millisecond)
		require.Len(t, sum.Served, 2)
		assert.Equal(t, 400*time.Millisecond, sum.Served[1].From, "from before the last word that was final")
		assert.Empty(t, sum.Gaps)
	})
}

// A vendor without word times cannot be told which word it said before. It gets
// the audio from where the last final result ends.
func TestFailoverWithoutWordTimes(t *testing.T) {
	for _, c := range []struct{ first, second bool }{{true, true}, {true, false}, {false, true}} {
		t.Run(fmt.Sprint(c), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := &vendor{name: "a", wordless: c.first}, &vendor{name: "b", wordless: c.second}
				a.born = func(_ int, e *ear) {
					e.onSay = func(e *ear, ev *stt.LiveEvent) bool {
						if ev.Text == "5 6" {
							e.breakOff(transient())
						}
						return true
					}
				}
				h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
				h.speak(sentence(1, 4))
				h.speak(sentence(5, 9))
				require.NoError(t, h.finish())
				assert.Equal(t, numbers(1, 9), h.text())
			})
		})
	}
}

// Nobody speaks, or nobody writes audio at all: that is no provider's failure.
func TestSilenceOfTheSpeakerIsNobodysFailure(t *testing.T) {
	for name, quiet := range map[string]func(*hall){
		"silent audio": func(h *hall) { h.speak(silence(3 * time.Minute)) },
		"no audio":     func(*hall) { pass(3 * time.Minute) },
	} {
		for where, before := range map[string][]byte{"at the beginning": silence(20 * time.Millisecond), "in the middle": sentence(1, 3)} {
			t.Run(name+" "+where, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a, b := &vendor{name: "a"}, &vendor{name: "b"}
					h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
					h.speak(before)
					quiet(h)
					status := h.client.Router().Status()
					assert.Equal(t, 1, a.dials())
					assert.Zero(t, b.dials())
					assert.Equal(t, failover.BreakerClosed, status.Providers[0].Breaker)
					h.speak(sentence(4, 6))
					require.NoError(t, h.finish())
					assert.Empty(t, h.session.Summary().Failovers)
					assert.Equal(t, 1, a.dials())
					assert.Contains(t, h.text(), "4 5 6")
					assert.GreaterOrEqual(t, a.ears[0].alive, 44, "it was kept alive")
				})
			})
		}
	}
}

// A provider that takes audio and says nothing is cut after Quiet, asked in
// between; what it did not answer goes to the next.
func TestSilentProviderIsCut(t *testing.T) {
	for name, born := range map[string]func(int, *ear){
		"from the beginning": func(_ int, e *ear) {
			e.onSay = func(*ear, *stt.LiveEvent) bool { return false }
		},
		"after half a second": func(_ int, e *ear) {
			e.onSay = func(e *ear, _ *stt.LiveEvent) bool { return at(e.pos) < 500*time.Millisecond }
		},
		"it does not take audio": func(_ int, e *ear) {
			e.onSend = func(ctx context.Context, e *ear, _ []byte) error {
				select {
				case <-ctx.Done():
				case <-e.closed:
				}
				return errors.New("closed")
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := &vendor{name: "a", born: born}, &vendor{name: "b"}
				h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
				var audio []byte
				for n := 1; n < 100; n += 10 {
					audio = append(audio, sentence(n, n+9)...)
				}
				h.speak(audio)
				require.NoError(t, h.finish())
				assert.Equal(t, numbers(1, 100), h.text())
				sum := h.session.Summary()
				require.Len(t, sum.Failovers, 1)
				f := sum.Failovers[0]
				require.ErrorIs(t, f.Err, stt.ErrLiveSilent)
				assert.Equal(t, failover.ClassTimeout, failover.ClassOf(f.Err))
				assert.InDelta(t, 5.5, f.Waited.Seconds(), 0.51)
				assert.Empty(t, sum.Gaps)
				if name != "it does not take audio" {
					assert.Equal(t, 1, a.ears[0].flushes, "it was asked")
				}
			})
		})
	}
}

// Three silences in a row open the breaker, as three timeouts of requests do.
func TestSilenceCountsForTheBreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) { e.onSay = func(*ear, *stt.LiveEvent) bool { return false } }
		h := newHall(t, []*vendor{a, b})
		for range 4 {
			h.open(t.Context(), stt.LiveRequest{})
			h.speak(sentence(1, 60))
			require.NoError(t, h.finish())
			assert.Equal(t, numbers(1, 60), h.text())
		}
		assert.Equal(t, 3, a.dials())
		assert.NotEqual(t, failover.BreakerClosed, h.client.Router().Status().Providers[0].Breaker)
	})
}

// Noise is answered with nothing, when it is asked for.
func TestNoiseIsNobodysFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(tone(400, 2*time.Minute)) // below 1000: no word
		h.speak(sentence(1, 3))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 3), h.text())
		assert.Zero(t, b.dials())
		assert.Greater(t, a.ears[0].flushes, 10)
	})
}

// A provider that never gives a final result is left before audio is lost.
func TestProviderWithoutFinals(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) { e.noFinals = true }
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		var audio []byte
		for n := range 500 {
			audio = slices.Concat(audio, word(n), silence(100*time.Millisecond))
		}
		h.speak(audio)
		require.NoError(t, h.finish())
		assert.True(t, numbers(0, 499) == h.text(), "every word, once")
		sum := h.session.Summary()
		require.Len(t, sum.Failovers, 1)
		require.ErrorIs(t, sum.Failovers[0].Err, stt.ErrLiveNoFinal)
		assert.Empty(t, sum.Gaps)
		assert.LessOrEqual(t, sum.BufferMost, sum.BufferCap)
		assert.Equal(t, 1, a.ears[0].flushes, "it was asked for one")
	})
}

func TestProviderThatLeavesOutAudio(t *testing.T) {
	for name, c := range map[string]struct {
		drop []string
		want error
	}{
		"in the middle":   {[]string{"6 7 8 9 10 11"}, stt.ErrLiveSkipped},
		"at the end":      {[]string{"12 13 14 15"}, stt.ErrLiveSkipped},
		"from some point": {[]string{"12 13 14 15", ""}, stt.ErrLiveUnheard},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := &vendor{name: "a"}, &vendor{name: "b"}
				a.born = func(_ int, e *ear) {
					e.onSay = func(_ *ear, ev *stt.LiveEvent) bool { return !ev.Final || !slices.Contains(c.drop, ev.Text) }
				}
				h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
				h.speak(sentence(1, 5))
				h.speak(sentence(6, 11))
				h.speak(sentence(12, 15))
				require.NoError(t, h.finish())
				assert.Equal(t, numbers(1, 15), h.text())
				sum := h.session.Summary()
				require.Len(t, sum.Failovers, 1)
				require.ErrorIs(t, sum.Failovers[0].Err, c.want)
			})
		})
	}
}

// A vendor whose times run ahead of the audio would make the session believe
// that what nobody has heard is written down.
func TestTimesBeyondTheAudio(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, c *ear) {
			c.onSay = func(e *ear, ev *stt.LiveEvent) bool {
				if n := len(ev.Words); ev.Final && n > 0 {
					ev.Words[n-1].End += time.Minute
				}
				if ev.Text == "5 6 7" {
					e.breakOff(transient())
					return false
				}
				return true
			}
		}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 4))
		h.speak(sentence(5, 9))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 9), h.text())
		sum := h.session.Summary()
		require.Len(t, sum.Failovers, 1)
		require.ErrorIs(t, sum.Failovers[0].Err, stt.ErrLiveAhead)
		assert.Equal(t, "b", sum.Failovers[0].To)
		assert.Empty(t, sum.Gaps)
	})
}

// A little beyond is rounding.
func TestRoundedTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, c *ear) {
			c.onSay = func(_ *ear, ev *stt.LiveEvent) bool {
				if n := len(ev.Words); n > 0 {
					ev.Words[n-1].End += 300 * time.Millisecond
				}
				ev.End += 300 * time.Millisecond
				return true
			}
		}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 4))
		h.speak(sentence(5, 9))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 9), h.text())
		assert.Empty(t, h.session.Summary().Failovers)
		for _, r := range h.results {
			assert.LessOrEqual(t, r.End, h.session.Summary().Settled)
		}
	})
}

// The next vendor hears the last word again. That the speaker paused after it
// was told already, and by now somebody is speaking.
func TestEndOfSpeechIsToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, c *ear) {
			c.onSay = func(e *ear, ev *stt.LiveEvent) bool {
				if ev.Text == "6 7" {
					e.out <- said{event: *ev}
					e.breakOff(transient())
					return false
				}
				return true
			}
		}
		b.born = func(_ int, c *ear) {
			c.onSay = func(e *ear, ev *stt.LiveEvent) bool {
				if ev.Text == "5" { // heard again, and taken for an utterance
					ev.Final, ev.EndOfSpeech = true, true
					e.words, e.start = nil, at(e.pos)
				}
				return true
			}
		}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 5))
		h.speak(sentence(6, 9))
		h.speak(silence(time.Second))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 9), h.text())
		ends := 0
		for _, r := range h.results {
			if r.EndOfSpeech {
				ends++
			}
		}
		assert.Equal(t, 2, ends, "%+v", h.results)
	})
}

// The vendor's time for one connection is over: it is dialed again, and nobody
// is blamed.
func TestExpiredConnectionIsRenewed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) {
			e.onSend = func(_ context.Context, e *ear, _ []byte) error {
				if e.heard() >= 20*time.Second {
					e.breakOff(&failover.Error{Class: failover.ClassTransient, Err: stt.ErrLiveExpired})
				}
				return nil
			}
		}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		for n := 1; n <= 500; n += 7 {
			h.speak(sentence(n, min(n+6, 500)))
		}
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 500), h.text())
		assert.Zero(t, b.dials())
		assert.GreaterOrEqual(t, a.dials(), 5)
		sum := h.session.Summary()
		assert.Empty(t, sum.Failovers)
		assert.Len(t, sum.Served, a.dials())
		assert.Equal(t, failover.BreakerClosed, h.client.Router().Status().Providers[0].Breaker)
	})
}

// One that is over as soon as it is opened is a failure: dialing it again and
// again helps nobody.
func TestExpiredAtOnceIsAFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) { e.breakOff(stt.ErrLiveExpired) }
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 9))
		require.NoError(t, h.finish())
		assert.Equal(t, numbers(1, 9), h.text())
		assert.LessOrEqual(t, a.dials(), 2)
	})
}

func TestNothingIsDialedWithoutAudio(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := &vendor{name: "a"}
		h := newHall(t, []*vendor{a}).open(t.Context(), stt.LiveRequest{})
		pass(time.Minute)
		require.NoError(t, h.finish())
		assert.Zero(t, a.dials())
		assert.Empty(t, h.results)
	})
}

// After a failover in a pause there may be nothing left to do: nobody is asked,
// and nobody is praised.
func TestFinishedWhileNobodyServes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(sentence(1, 3)[:2*second/10+second/4*2])
		h.session.Commit()
		pass(time.Second)
		a.ears[0].breakOff(transient())
		pass(time.Second)
		require.NoError(t, h.finish())
		assert.Zero(t, b.dials())
	})
}

func TestNoInterims(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHall(t, []*vendor{{name: "a"}}).open(t.Context(), stt.LiveRequest{NoInterims: true})
		h.speak(sentence(1, 5))
		require.NoError(t, h.finish())
		require.Len(t, h.results, 1)
		assert.Equal(t, numbers(1, 5), h.results[0].Text)
	})
}

func TestCommitAsksForAFinalResult(t *testing.T) {
	bubble(t, func(t *testing.T) {
		h := newHall(t, []*vendor{{name: "a"}}).open(t.Context(), stt.LiveRequest{})
		h.speak(slices.Concat(word(1), silence(50*time.Millisecond), word(2)))
		assert.Empty(t, h.text())
		h.session.Commit()
		pass(time.Millisecond)
		assert.Equal(t, "1 2", h.text())
		require.NoError(t, h.finish())
	})
}

// A commit that a connection took with it when it broke off is made at the next.
func TestCommitSurvivesAFailover(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		a.born = func(_ int, e *ear) { e.noFlush = true }
		h := newHall(t, []*vendor{a, b}).open(t.Context(), stt.LiveRequest{})
		h.speak(slices.Concat(word(1), silence(50*time.Millisecond), word(2)))
		h.session.Commit()
		pass(time.Millisecond)
		assert.Empty(t, h.text())
		a.ears[0].breakOff(transient())
		pass(time.Second)
		assert.Equal(t, "1 2", h.text())
		require.NoError(t, h.finish())
	})
}

func TestWishesHoldForSessions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}).open(failover.With(t.Context(), failover.Only("b")), stt.LiveRequest{})
		h.speak(sentence(1, 3))
		require.NoError(t, h.finish())
		assert.Zero(t, a.dials())
		assert.Equal(t, "b", h.results[0].Provider)

		h.open(failover.With(t.Context(), failover.Only("nobody")), stt.LiveRequest{})
		h.speak(sentence(1, 3))
		require.ErrorIs(t, h.finish(), failover.ErrUnknownProvider)
	})
}

func TestProvidersThatCannotAreLeftOut(t *testing.T) {
	a, b := &vendor{name: "a"}, &vendor{name: "b"}
	bubble(t, func(t *testing.T) {
		pa := a.provider()
		pa.Supports = func(req stt.LiveRequest) bool { return req.Language == "en" }
		client, err := stt.NewLive([]stt.LiveProvider{pa, b.provider()})
		require.NoError(t, err)
		h := &hall{t: t, client: client}
		h.open(t.Context(), stt.LiveRequest{Language: "de"})
		h.speak(sentence(1, 3))
		require.NoError(t, h.finish())
		assert.Zero(t, a.dials())

		client, err = stt.NewLive([]stt.LiveProvider{pa})
		require.NoError(t, err)
		h = &hall{t: t, client: client}
		h.open(t.Context(), stt.LiveRequest{Language: "de"})
		h.speak(sentence(1, 3))
		begun := time.Now()
		require.ErrorIs(t, h.finish(), failover.ErrNoneAvailable)
		assert.Zero(t, time.Since(begun), "there is no hope")
		assert.Equal(t, []stt.LiveGap{{To: h.session.Summary().Duration}}, h.session.Summary().Gaps)
	})
}

func TestHedgedSessionSaysEverythingOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b}, failover.WithHedge(failover.HedgePolicy{MinSamples: 1, MinDelay: 50 * time.Millisecond}))
		for i := range 4 {
			a.dial = nil
			if i > 0 {
				a.dial = func(ctx context.Context, _ int) error {
					select {
					case <-time.After(3 * time.Second):
						return nil
					case <-ctx.Done():
						return ctx.Err()
					}
				}
			}
			h.open(t.Context(), stt.LiveRequest{})
			h.speak(sentence(1, 40))
			require.NoError(t, h.finish())
			assert.Equal(t, numbers(1, 40), h.text())
		}
		assert.Positive(t, b.dials(), "somebody was asked beside the slow one")
		require.NoError(t, h.client.Close())
	})
}

func TestRouterServesSessionsOnly(t *testing.T) {
	client, err := stt.NewLive([]stt.LiveProvider{(&vendor{name: "a"}).provider()})
	require.NoError(t, err)
	for _, err := range client.Router().Stream(t.Context(), stt.LiveRequest{Format: stt.PCM(16000)}) {
		require.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	}
	plan, err := client.Router().Plan(t.Context(), stt.LiveRequest{Format: stt.PCM(16000)})
	require.NoError(t, err)
	assert.Equal(t, []string{"a"}, plan.Order)
}

func TestNewLiveRefuses(t *testing.T) {
	_, err := stt.NewLive(nil)
	require.ErrorContains(t, err, "no providers")
	_, err = stt.NewLive([]stt.LiveProvider{{Name: "a"}})
	require.ErrorContains(t, err, `"a"`)
	_, err = stt.NewLive([]stt.LiveProvider{(&vendor{name: "a"}).provider()}, failover.WithTimeout(time.Second))
	require.ErrorContains(t, err, "WithTimeout")
}

func TestLiveRequestIsValidated(t *testing.T) {
	client, err := stt.NewLive([]stt.LiveProvider{(&vendor{name: "a"}).provider()})
	require.NoError(t, err)
	good := stt.LiveRequest{Format: stt.MuLaw(8000)}
	require.NoError(t, good.Validate())
	for want, change := range map[string]func(*stt.LiveRequest){
		"Format is missing":               func(r *stt.LiveRequest) { r.Format = stt.Format{} },
		"Format is wav":                   func(r *stt.LiveRequest) { r.Format.Encoding = "wav" },
		"Format.SampleRate is missing":    func(r *stt.LiveRequest) { r.Format.SampleRate = 0 },
		"Language \"x y\" is no BCP 47":   func(r *stt.LiveRequest) { r.Language = "x y" },
		"Pause -1s is outside 0":          func(r *stt.LiveRequest) { r.Pause = -time.Second },
		"Pause 1m0s is outside":           func(r *stt.LiveRequest) { r.Pause = time.Minute },
		"Quiet 100ms is outside 500ms":    func(r *stt.LiveRequest) { r.Quiet = 100 * time.Millisecond },
		"Quiet 2m0s is outside":           func(r *stt.LiveRequest) { r.Quiet = 2 * time.Minute },
		"Buffer 9s is outside 2 × Quiet":  func(r *stt.LiveRequest) { r.Buffer = 9 * time.Second },
		"Buffer 1h0m0s is outside":        func(r *stt.LiveRequest) { r.Buffer = time.Hour },
		"Patience -1s is outside":         func(r *stt.LiveRequest) { r.Patience = -time.Second },
		"Patience 2h0m0s is outside":      func(r *stt.LiveRequest) { r.Patience = 2 * time.Hour },
		"Keywords has a term that is emp": func(r *stt.LiveRequest) { r.Keywords = []string{"good", " "} },
	} {
		req := good
		change(&req)
		_, err := client.Start(t.Context(), req)
		require.ErrorContains(t, err, want)
		assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	}
}

func TestCollectLive(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := &vendor{name: "a"}, &vendor{name: "b"}
		h := newHall(t, []*vendor{a, b})
		h.begin(t.Context(), stt.LiveRequest{Language: "en"})
		go func() {
			h.speak(sentence(1, 3))
			h.speak(sentence(4, 6))
			assert.NoError(t, h.session.Finish(context.Background()))
		}()
		got, err := stt.CollectLive(h.session.Results())
		require.NoError(t, err)
		assert.Equal(t, numbers(1, 6), got.Text)
		assert.Len(t, got.Segments, 2)
		assert.Len(t, got.Words, 6)
		assert.Equal(t, "en", got.Language)
		assert.Equal(t, "a", got.Provider)

		for _, v := range []*vendor{a, b} {
			v.dial = func(context.Context, int) error { return &failover.Error{Class: failover.ClassUnauthorized} }
		}
		h.begin(t.Context(), stt.LiveRequest{})
		_, err = h.session.Write(sentence(1, 3))
		require.NoError(t, err)
		got, err = stt.CollectLive(h.session.Results())
		assert.Equal(t, failover.ClassUnauthorized, failover.ClassOf(err))
		assert.Empty(t, got.Text)
	})
}
