package failover_test

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

var (
	errDial   = &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
	errLookup = &net.DNSError{IsTemporary: true}
)

// outage lets nobody be connected to.
func outage(actors ...*actor) {
	for i, a := range actors {
		if a.fails(errDial); i%2 == 1 {
			a.fails(errLookup)
		}
	}
}

func TestLocalTroubleBlamesNobody(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		every time.Duration // between requests
		burst int           // requests at once
		long  time.Duration
	}{
		{"steady", time.Second, 1, 10 * time.Minute},
		{"seldom", 6 * time.Second, 1, 10 * time.Minute},
		{"very seldom", time.Minute, 1, 20 * time.Minute},
		{"in bursts", 500 * time.Millisecond, 50, 20 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b, c := newActor("a"), newActor("b"), newActor("c")
				r := onStage(t, []*actor{a, b, c})
				outage(a, b, c)
				for began := time.Now(); time.Since(began) < tt.long; wait(t, tt.every) {
					var group sync.WaitGroup
					for range tt.burst {
						group.Go(func() { _, _ = ask(t, r) })
					}
					group.Wait()
				}
				for _, name := range []string{"a", "b", "c"} {
					require.Empty(t, reasonsOf(t, r, name), "%s: the fault is here, not there", name)
				}
				require.InDelta(t, 1, statusOf(t, r, "c").SuccessRate, 0, "nor does it count against them")
				a.answers()
				got, err := ask(t, r)
				require.NoError(t, err)
				require.Equal(t, "a", got, "when the network is back, so is everybody")
			})
		})
	}
}

func TestLocalTroubleRaisesOneEvent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		notes := &notebook{}
		r := onStage(t, []*actor{a, b}, notes.option())
		outage(a, b)
		for range 60 {
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			wait(t, time.Second)
		}
		require.Len(t, noted[failover.LocalTroubleEvent](notes), 1)
		a.answers()
		mustAsk(t, r, 3)
		wait(t, time.Minute)
		outage(a, b)
		_, _ = ask(t, r)
		require.Len(t, noted[failover.LocalTroubleEvent](notes), 2)
	})
}

func TestLocalTroubleUndoesAnOpening(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		notes := &notebook{}
		r := onStage(t, []*actor{a, b}, once(), notes.option())
		outage(a)
		b.takes(time.Millisecond)
		mustAsk(t, r, 5)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		outage(a, b)
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "it was not a after all")
		events := noted[failover.BreakerEvent](notes)
		require.Len(t, events, 2)
		require.Equal(t, failover.BreakerClosed, events[1].To)
		require.Len(t, noted[failover.RecoveredEvent](notes), 1)

		b.answers()
		wait(t, 10*time.Second)
		trip(t, r, a)
		requireAbout(t, 10*time.Second, left(t, r, "a", failover.ReasonOpen)) // it grew nothing
	})
}

func TestLocalTroubleUndoesNoOldOpening(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once())
		outage(a)
		b.takes(time.Millisecond)
		mustAsk(t, r, 5)
		untilTrial(t, r, "a")
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"), "its trial failed")
		outage(b)
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"), "it had been open long before b was lost")
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "b"))
	})
}

func TestWhatIsNotLocalTrouble(t *testing.T) {
	t.Parallel()
	failures := func(t *testing.T, prepare func(t *testing.T, a, b *actor, r *stage)) failover.BreakerState {
		t.Helper()
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once())
		outage(a, b)
		prepare(t, a, b, r)
		for range 5 {
			_, _ = ask(t, r)
			wait(t, 100*time.Millisecond)
		}
		return stateOf(t, r, "a")
	}
	t.Run("one that answers proves it", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			require.Equal(t, failover.BreakerOpen, failures(t, func(_ *testing.T, _, b *actor, _ *stage) { b.answers() }))
		})
	})
	t.Run("one that fails otherwise was reached", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			require.Equal(t, failover.BreakerOpen, failures(t, func(_ *testing.T, _, b *actor, _ *stage) { b.fails(httpError(500)) }))
		})
	})
	t.Run("one that was lost and then fails otherwise was reached", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			require.Equal(t, failover.BreakerOpen, failures(t, func(t *testing.T, _, b *actor, r *stage) {
				b.follows(errDial, httpError(500))
				for range 2 {
					_, _ = r.Do(failover.With(t.Context(), failover.Only("b")), "request")
				}
			}))
		})
	})
	t.Run("a sole provider cannot tell", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			require.Equal(t, failover.BreakerOpen, failures(t, func(t *testing.T, _, _ *actor, r *stage) {
				require.NoError(t, r.Disable("b"))
			}))
		})
	})
	t.Run("failures minutes apart are two stories", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b}, once())
			outage(b)
			_, _ = r.Do(failover.With(t.Context(), failover.Only("b")), "request")
			wait(t, 6*time.Second)
			outage(a)
			for range 5 {
				_, _ = r.Do(failover.With(t.Context(), failover.Only("a")), "request")
			}
			require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		})
	})
	t.Run("out of service they need not be asked", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b, c := newActor("a"), newActor("b"), newActor("c")
			r := onStage(t, []*actor{a, b, c}, once())
			require.NoError(t, r.Disable("c"))
			outage(a, b)
			for range 20 {
				_, err := ask(t, r)
				require.ErrorIs(t, err, failover.ErrAllFailed)
			}
			require.Empty(t, reasonsOf(t, r, "a"))
			require.Empty(t, reasonsOf(t, r, "b"))
		})
	})
}

// TestLocalTroubleIsSeenThroughErrorsOfAnyMake: adapters wrap, classifiers
// replace; the lost connection is still seen.
func TestLocalTroubleIsSeenThroughErrorsOfAnyMake(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		opts []failover.Option
	}{
		"an Error with a cause": {err: &failover.Error{Class: failover.ClassTransient, Err: errDial}},
		"an SDK's error":        {err: withCause{withRetryable{true}, errDial}},
		"a classifier": {err: errDial, opts: []failover.Option{failover.WithClassifier(func(string, error) *failover.Error {
			return &failover.Error{Class: failover.ClassTransient}
		})}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.fails(tt.err)
				b.fails(tt.err)
				r := onStage(t, []*actor{a, b}, tt.opts...)
				for range 20 {
					_, err := r.Do(context.WithoutCancel(t.Context()), "request")
					require.ErrorIs(t, err, failover.ErrAllFailed)
				}
				require.Empty(t, reasonsOf(t, r, "a"))
			})
		})
	}
}
