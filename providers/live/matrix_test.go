package live_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/livesim"
)

var updateMatrix = flag.Bool("update", false, "write testdata/matrix.txt anew")

// speech is three utterances: of the first the vendors make one final result,
// the second is so long that Deepgram makes two of it, and after the third the
// audio is over at once. It lasts 12.45 seconds.
func speech(v livesim.Voice) script {
	var s script
	s.say(v, 100*time.Millisecond, 1, 6)
	s.rest(v, 2*time.Second)
	s.say(v, 100*time.Millisecond, 7, 16)
	s.rest(v, 2*time.Second)
	s.say(v, 50*time.Millisecond, 17, 21)
	s.say(v, 0, 22, 22)
	return s
}

// moments are those at which a fault may strike.
var moments = []livesim.Moment{
	livesim.AtOnce(), livesim.After(150 * time.Millisecond), livesim.AfterAudio(500 * time.Millisecond),
	livesim.AfterInterims(1), livesim.AfterInterims(4), livesim.AfterFinals(1), livesim.AfterFinals(2),
	livesim.AtFinish(), livesim.AtLast(),
}

// common are the faults that strike at a moment of any vendor's.
func common() []livesim.Fault {
	return []livesim.Fault{
		livesim.Cut(), livesim.Reset(), livesim.Close(1011, "NET-0000"), livesim.Close(1000, ""), livesim.Close(1001, "going away"),
		livesim.Close(1008, "DATA-0000"), livesim.Close(1013, "try again later"), livesim.Silent(), livesim.Deaf(), livesim.Garbage(),
		livesim.Binary(), livesim.BadJSON(), livesim.Huge(2 << 20), livesim.Again(), livesim.Late(2 * time.Second),
		livesim.Late(20 * time.Second),
	}
}

// elevenLabsErrors are the types of errors of ElevenLabs.
var elevenLabsErrors = []string{
	"auth_error", "quota_exceeded", "rate_limited", "queue_overflow", "resource_exhausted", "input_error", "transcriber_error",
	"error", "unaccepted_terms", "chunk_size_exceeded", "session_time_limit_exceeded", "insufficient_audio_activity",
}

// faults are all that can happen to a vendor, at these moments.
func faults(vendor string, moments []livesim.Moment) []livesim.Fault {
	all := []livesim.Fault{
		livesim.Slow(300 * time.Millisecond), livesim.Endless(), livesim.Pongless(), livesim.Unheard(), livesim.Hanging(),
	}
	for _, status := range []int{400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 529, http.StatusOK, http.StatusFound} {
		all = append(all, livesim.Status(status, ""))
	}
	strikes := common()
	if vendor == "elevenlabs" {
		for _, code := range elevenLabsErrors {
			strikes = append(strikes, livesim.Message(code))
		}
	} else {
		// Only results that say which audio they are about show that one is missing.
		strikes = append(strikes, livesim.Skip())
	}
	for _, f := range strikes {
		for _, m := range moments {
			all = append(all, f.At(m))
		}
	}
	return all
}

// few are some of the moments: before there is anything, in the middle of an
// utterance, between two, and at the end.
var few = []livesim.Moment{
	livesim.After(150 * time.Millisecond), livesim.AfterInterims(4), livesim.AfterFinals(1), livesim.AtFinish(),
}

var pairs = [][]string{{"deepgram", "elevenlabs"}, {"elevenlabs", "deepgram"}}

// seen is what a user saw of a session, in a line: who served from where, and
// how each failover came about.
func (k *talk) seen() string {
	var parts []string
	sum := k.session.Summary()
	for _, span := range sum.Served {
		parts = append(parts, fmt.Sprintf("%s from %v", span.Provider, span.From))
	}
	for _, f := range sum.Failovers {
		parts = append(parts, fmt.Sprintf("(%s %s)", f.From, failover.ClassOf(f.Err)))
	}
	return strings.Join(parts, ", ")
}

// Whatever happens to the first vendor, and whenever: every word comes once, and
// nothing is lost. The file says what a user sees of it.
func TestMatrixOfOneFault(t *testing.T) {
	var table strings.Builder
	for _, vendors := range pairs {
		for _, f := range faults(vendors[0], moments) {
			t.Run(fmt.Sprint(vendors[0], " first/", f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, vendors)
					defer r.close()
					r.sims[0].Fail(f)
					k := r.start(t.Context())
					s := speech(r.voice)
					k.speak(s.audio)
					k.finish()
					require.NoError(t, k.err)
					s.check(k)
					assert.Empty(t, k.session.Summary().Gaps)
					for _, f := range k.session.Summary().Failovers {
						assert.Less(t, f.Waited, 6500*time.Millisecond, "no silence lasts longer")
					}
					fmt.Fprintf(&table, "%s, %v: %s\n", vendors[0], f, k.seen())
				})
			})
		}
	}
	if t.Failed() {
		return
	}
	const golden = "testdata/matrix.txt"
	if *updateMatrix {
		require.NoError(t, os.WriteFile(golden, []byte(table.String()), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	got := strings.Split(table.String(), "\n")
	for i, line := range strings.Split(string(want), "\n") {
		if i >= len(got) || got[i] != line {
			t.Fatalf("%s, line %d, is no longer what is seen: run with -update and read the difference\nwas: %s", golden, i+1, line)
		}
	}
}

// The same happens to both vendors, one after the other. The first takes over
// again, unless there is no hope that it does better.
func TestMatrixTwiceInARow(t *testing.T) {
	for _, vendors := range pairs {
		for _, f := range common() {
			for _, m := range few {
				t.Run(fmt.Sprint(vendors[0], " first/", f.At(m)), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						r := newRig(t, vendors)
						defer r.close()
						r.sims[0].Fail(f.At(m))
						r.sims[1].Fail(f.At(m))
						k := r.start(t.Context())
						s := speech(r.voice)
						k.speak(s.audio)
						k.finish()
						s.check(k)
						if k.err != nil {
							assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(k.err))
							return
						}
						assert.Empty(t, k.session.Summary().Gaps)
					})
				})
			}
		}
	}
}

// With one vendor only, it is dialed again if there is hope.
func TestMatrixAlone(t *testing.T) {
	for _, vendor := range []string{"deepgram", "elevenlabs"} {
		for _, f := range faults(vendor, few) {
			t.Run(fmt.Sprint(vendor, "/", f), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRig(t, []string{vendor})
					defer r.close()
					r.sims[0].Fail(f)
					k := r.start(t.Context())
					s := speech(r.voice)
					k.speak(s.audio)
					k.finish()
					s.check(k)
					if k.err == nil {
						assert.Empty(t, k.session.Summary().Gaps)
						return
					}
					assert.Contains(t, []failover.Class{
						failover.ClassUnsupported, failover.ClassUnauthorized, failover.ClassExhausted, failover.ClassInvalid,
					}, failover.ClassOf(k.err))
					assert.True(t, errors.Is(k.err, failover.ErrAllFailed) || errors.Is(k.err, failover.ErrInterrupted))
				})
			})
		}
	}
}

// Nobody is there for a while, at every moment of the session.
func TestMatrixAllDownThenHealed(t *testing.T) {
	for _, vendors := range pairs {
		for _, at := range []time.Duration{0, 300 * time.Millisecond, 1500 * time.Millisecond, 5 * time.Second, 9 * time.Second, 12400 * time.Millisecond} {
			for _, down := range []time.Duration{time.Second, 10 * time.Second, 29 * time.Second} {
				t.Run(fmt.Sprintf("%s first/down at %v for %v", vendors[0], at, down), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						r := newRig(t, vendors)
						defer r.close()
						k := r.start(t.Context())
						healed := make(chan struct{})
						go func() {
							defer close(healed)
							pass(at)
							for _, sim := range r.sims {
								sim.Down()
							}
							pass(down)
							for _, sim := range r.sims {
								assert.NoError(t, sim.Up())
							}
						}()
						s := speech(r.voice)
						k.speak(s.audio)
						k.finish()
						<-healed
						require.NoError(t, k.err)
						s.check(k)
						assert.Empty(t, k.session.Summary().Gaps)
					})
				})
			}
		}
	}
}

// An outage that is longer than what the buffer covers costs what it does not
// cover, and no more.
func TestGapIsWhatTheBufferDidNotCover(t *testing.T) {
	for _, vendors := range pairs {
		t.Run(vendors[0], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRig(t, vendors)
				defer r.close()
				r.req.Buffer, r.req.Patience = 10*time.Second, time.Minute
				k := r.start(t.Context())
				var s script
				s.say(r.voice, 100*time.Millisecond, 1, 100)
				go func() {
					pass(5 * time.Second)
					r.sims[0].Down()
					r.sims[1].Down()
					pass(20 * time.Second)
					assert.NoError(t, r.sims[1].Up())
				}()
				k.speak(s.audio)
				k.finish()
				require.NoError(t, k.err)
				s.check(k)
				gaps := k.session.Summary().Gaps
				require.Len(t, gaps, 1)
				// Of the 25 seconds until there was somebody again, 10 were kept, and
				// somebody was asked within 4 seconds.
				assert.Less(t, gaps[0].From, 5*time.Second)
				assert.Greater(t, gaps[0].To, 15*time.Second)
				assert.Less(t, gaps[0].To, 20*time.Second)
				t.Log(k.seen(), gaps)
			})
		})
	}
}

// An outage that outlasts the session's patience ends it, and says what is
// missing.
func TestPatienceEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRig(t, pairs[0])
		defer r.close()
		r.req.Patience = 10 * time.Second
		k := r.start(t.Context())
		s := speech(r.voice)
		k.speak(s.audio[:len(s.audio)/2])
		r.sims[0].Down()
		r.sims[1].Down()
		down := time.Now()
		k.speak(s.audio[len(s.audio)/2:])
		k.finish()
		require.Error(t, k.err)
		assert.InDelta(t, 10, time.Since(down).Seconds(), 4.1)
		s.check(k)
		assert.NotEmpty(t, k.session.Summary().Gaps)
		assert.True(t, slices.Contains([]failover.Class{failover.ClassTransient}, failover.ClassOf(k.err)))
	})
}
