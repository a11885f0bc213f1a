package failover_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// kinds are the types of what was noted, in order.
func kinds(n *notebook) []string {
	var list []string
	for _, e := range n.all() {
		switch e := e.(type) {
		case failover.AttemptEvent:
			list = append(list, "attempt "+e.Attempt.Provider)
		case failover.FailoverEvent:
			list = append(list, "failover "+e.From+" to "+e.To)
		case failover.CooldownEvent:
			list = append(list, "cooldown "+e.Provider)
		case failover.BreakerEvent:
			list = append(list, fmt.Sprintf("breaker %s %v to %v", e.Provider, e.From, e.To))
		case failover.RecoveredEvent:
			list = append(list, "recovered "+e.Provider)
		case failover.ExhaustedEvent:
			list = append(list, "exhausted")
		default:
			list = append(list, fmt.Sprintf("%T", e))
		}
	}
	return list
}

func TestEventsOfARequest(t *testing.T) {
	t.Parallel()
	t.Run("served", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b}, notes.option(), failover.WithName("speech"))
			mustAsk(t, r, 1)
			require.Equal(t, []string{"attempt a"}, kinds(notes))
			e := noted[failover.AttemptEvent](notes)[0]
			require.Equal(t, "speech", e.RouterName())
			require.Nil(t, e.Err)
			require.Equal(t, failover.OutcomeAccepted, e.Outcome)
		})
	})
	t.Run("retried, moved and served", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			a, b, c := newActor("a"), newActor("b"), newActor("c")
			a.fails(errSpilled)
			b.failsAs(failover.ClassTimeout)
			r := onStage(t, []*actor{a, b, c}, notes.option())
			mustAsk(t, r, 1)
			require.Equal(t, []string{
				"attempt a", "attempt a", "failover a to b", "attempt b", "failover b to c", "attempt c",
			}, kinds(notes))
			moves := noted[failover.FailoverEvent](notes)
			require.ErrorIs(t, moves[0].Err, errSpilled)
			require.Equal(t, "a", moves[0].Err.Provider)
			require.Equal(t, failover.ClassTimeout, moves[1].Err.Class)
		})
	})
	t.Run("nobody left to move to", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			a, b := newActor("a"), newActor("b")
			a.fails(errSpilled)
			r := onStage(t, []*actor{a, b}, notes.option(), once())
			require.NoError(t, r.Disable("b"))
			_, err := ask(t, r)
			require.Equal(t, []string{"attempt a", "exhausted"}, kinds(notes))
			require.Equal(t, err, noted[failover.ExhaustedEvent](notes)[0].Err)
		})
	})
	t.Run("refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			a, b := newActor("a"), newActor("b")
			a.failsAs(failover.ClassFiltered)
			_, err := ask(t, onStage(t, []*actor{a, b}, notes.option()))
			require.Error(t, err)
			require.Equal(t, []string{"attempt a", "exhausted"}, kinds(notes))
		})
	})
	t.Run("nobody available", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			r := onStage(t, []*actor{newActor("a")}, notes.option())
			require.NoError(t, r.Disable("a"))
			_, err := ask(t, r)
			require.Error(t, err)
			require.Equal(t, []string{"exhausted"}, kinds(notes))
		})
	})
	t.Run("to a last resort", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			c, a, b, r := clinic(t, failover.HealthPolicy{}, notes.option())
			c.fails(errSpilled)
			probes(t, c, 3)
			notes.clear()
			b.failsAs(failover.ClassTimeout)
			mustAsk(t, r, 1)
			require.Equal(t, []string{"attempt b", "failover b to a", "attempt a"}, kinds(notes))
			require.Equal(t, 1, a.times())
		})
	})
	t.Run("back to one whose rate limit was waited for", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			a, b := newActor("a"), newActor("b")
			a.follows(httpError(429, "Retry-After", "1"))
			b.failsAs(failover.ClassTimeout)
			mustAsk(t, onStage(t, []*actor{a, b}, notes.option()), 1)
			require.Equal(t, []string{
				"attempt a", "cooldown a", "failover a to b", "attempt b", "failover b to a", "attempt a",
			}, kinds(notes))
		})
	})
}

// TestFailoverEventNamesWhoIsAsked: a strategy that draws by chance may draw
// otherwise the next time.
func TestFailoverEventNamesWhoIsAsked(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		var actors []*actor
		for i := range 8 {
			a := newActor(fmt.Sprint("p", i))
			a.failsAs(failover.ClassTimeout)
			actors = append(actors, a)
		}
		r := onStage(t, actors, notes.option(), failover.WithStrategy(failover.LeastLatency()), failover.WithMaxAttempts(8))
		for range 2 {
			_, err := ask(t, r)
			require.Error(t, err)
		}
		last := ""
		for _, e := range notes.all() {
			switch e := e.(type) {
			case failover.AttemptEvent:
				if last != "" {
					require.Equal(t, last, e.Attempt.Provider)
				}
			case failover.FailoverEvent:
				last = e.To
			case failover.ExhaustedEvent:
				last = ""
			}
		}
		require.Len(t, noted[failover.FailoverEvent](notes), 14)
	})
}

func TestEventsOfABreaker(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		began := time.Now()
		trip(t, r, a)
		opened := noted[failover.BreakerEvent](notes)
		require.Len(t, opened, 1)
		require.WithinDuration(t, time.Now().Add(left(t, r, "a", failover.ReasonOpen)), opened[0].Until, time.Microsecond)

		notes.clear()
		untilTrial(t, r, "a")
		mustAsk(t, r, 1)
		require.Equal(t, []string{
			"attempt a", "breaker a open to half_open", "breaker a half_open to open", "failover a to b", "attempt b",
		}, kinds(notes))

		notes.clear()
		untilTrial(t, r, "a")
		a.answers()
		mustAsk(t, r, 3)
		require.Equal(t, []string{
			"attempt a", "breaker a open to half_open", "attempt a", "breaker a half_open to closed", "recovered a", "attempt a",
		}, kinds(notes))
		recovered := noted[failover.RecoveredEvent](notes)[0]
		require.Equal(t, time.Since(began), recovered.Down)
	})
}

// TestHalfOpenIsToldByItsTrial: a late result makes gobreaker half-open while
// ours is still shut for longer.
func TestHalfOpenIsToldByItsTrial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.answers()
		mustAsk(t, r, 2)
		a.takes(12 * time.Second)
		var group sync.WaitGroup
		group.Go(func() { _, _ = ask(t, r) })
		synctest.Wait()
		trip(t, r, a) // for 20 s
		notes.clear()
		group.Wait()
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		require.Equal(t, []string{"attempt a"}, kinds(notes))
		notes.clear()
		untilTrial(t, r, "a")
		require.Empty(t, notes.all())
		a.answers()
		mustAsk(t, r, 2)
		require.Equal(t, []string{
			"attempt a", "breaker a open to half_open", "attempt a", "breaker a half_open to closed", "recovered a",
		}, kinds(notes))
	})
}

func TestEventsOfACooldown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		a.fails(httpError(429, "Retry-After", "30"))
		mustAsk(t, r, 1)
		require.Equal(t, []string{"attempt a", "cooldown a", "failover a to b", "attempt b"}, kinds(notes))
		e := noted[failover.CooldownEvent](notes)[0]
		require.Equal(t, failover.ClassRateLimited, e.Class)
		require.Empty(t, e.Account)
		require.WithinDuration(t, time.Now().Add(30*time.Second), e.Until, time.Microsecond)

		notes.clear()
		coolOff(t, r)
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 1)
		require.Equal(t, []string{"attempt a", "cooldown a", "failover a to b", "attempt b"}, kinds(notes), "the failed trial")
		require.Equal(t, failover.ClassTransient, noted[failover.CooldownEvent](notes)[0].Class)

		notes.clear()
		coolOff(t, r)
		a.answers()
		mustAsk(t, r, 2)
		require.Equal(t, []string{"attempt a", "attempt a", "recovered a"}, kinds(notes))
		require.Greater(t, noted[failover.RecoveredEvent](notes)[0].Down, 30*time.Second)
	})
}

func TestEventsOfACooldownAreToldOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		volley(t, a, r, 20, httpError(429, "Retry-After", "30"))
		require.Len(t, noted[failover.CooldownEvent](notes), 1, "each of them extends it by a millisecond, which is no news")
		require.Equal(t, 30*time.Second, cooling(t, r))
		coolOff(t, r)
		volley(t, a, r, 1, httpError(429))
		require.Len(t, noted[failover.CooldownEvent](notes), 2)

		notes = &notebook{}
		a, _, r = pair(t, notes.option())
		volley(t, a, r, 2, httpError(429, "Retry-After", "10"), httpError(429, "Retry-After", "60"))
		require.Len(t, noted[failover.CooldownEvent](notes), 2, "a minute instead of ten seconds is")
	})
}

func TestEventsOfEnable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		trip(t, r, a)
		notes.clear()
		require.NoError(t, r.Enable("a"))
		require.Equal(t, []string{"breaker a open to closed", "recovered a"}, kinds(notes))
		notes.clear()
		require.NoError(t, r.Enable("a"))
		require.Empty(t, notes.all(), "nothing changed")
	})
}

func TestEventsOfAForcedTrial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a := newActor("a")
		r := onStage(t, []*actor{a}, once(), notes.option())
		tripAll(t, r, a)
		notes.clear()
		a.answers()
		wait(t, time.Second)
		mustAsk(t, r, 2)
		require.Equal(t, []string{"attempt a", "breaker a open to closed", "attempt a", "recovered a"}, kinds(notes))
	})
}

func TestEventsOfACallerThatWent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a := newActor("a")
		a.isSilent()
		r := onStage(t, []*actor{a}, notes.option())
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := r.Do(ctx, "request")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, []string{"attempt a", "exhausted"}, kinds(notes))
		require.Equal(t, err, noted[failover.ExhaustedEvent](notes)[0].Err)
	})
}

// TestObserverMayDoAnything: no lock of ours or of gobreaker is held while an
// event is told.
func TestObserverMayDoAnything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		var r *stage
		told := map[string]int{}
		var mu sync.Mutex
		busy := false
		observer := failover.WithObserver(func(ctx context.Context, e failover.Event) {
			mu.Lock()
			told[fmt.Sprintf("%T", e)]++
			again := busy
			busy = true
			mu.Unlock()
			if again {
				return // its own request
			}
			_ = r.Status()
			_, _ = r.Plan(context.WithoutCancel(ctx), "request")
			_ = r.SetWeight("b", 2)
			_ = r.SetPrimary("a")
			_ = r.Disable("b")
			_ = r.Enable("b")
			_, _ = r.Do(t.Context(), "request")
			mu.Lock()
			busy = false
			mu.Unlock()
		})
		r = onStage(t, []*actor{a, b}, observer)
		a.failsAs(failover.ClassTransient)
		b.fails(httpError(429))
		for range 20 {
			_, _ = ask(t, r)
			wait(t, time.Second)
		}
		a.answers()
		b.answers()
		for range 100 {
			_, _ = ask(t, r)
			wait(t, time.Second)
		}
		for _, kind := range []string{"AttemptEvent", "BreakerEvent", "CooldownEvent", "FailoverEvent", "RecoveredEvent", "ExhaustedEvent"} {
			require.Positive(t, told["failover."+kind], kind)
		}
	})
}

// TestAccountsDoNotDependOnListeners: with and without an observer the same
// requests leave the same state.
func TestAccountsDoNotDependOnListeners(t *testing.T) {
	bubble(t, func(t *testing.T) {
		story := func(opts ...failover.Option) failover.Status {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b}, append(opts, once())...)
			a.follows(errSpilled, httpError(504), httpError(429), nil, httpError(401))
			mustAsk(t, r, 10)
			wait(t, 6*time.Second)
			mustAsk(t, r, 10)
			return r.Status()
		}
		silent := story()
		observed := story((&notebook{}).option())
		for i := range silent.Providers {
			x, y := silent.Providers[i], observed.Providers[i]
			require.Equal(t, x.Attempts, y.Attempts)
			require.InDelta(t, x.SuccessRate, y.SuccessRate, 1e-9)
			require.Equal(t, x.Breaker, y.Breaker)
			require.Len(t, y.Reasons, len(x.Reasons))
		}
	})
}

// TestEventsAreNotLostInACrowd: every state change is told exactly once,
// whoever happens to be there to tell it.
func TestEventsAreNotLostInACrowd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		a, _, r := pair(t, notes.option())
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 300 {
					_, _ = ask(t, r)
					_ = pass(t.Context(), 100*time.Millisecond)
				}
			})
		}
		for i := range 15 {
			if a.answers(); i%2 == 0 {
				a.failsAs(failover.ClassTransient)
			}
			wait(t, 2*time.Second)
		}
		group.Wait()
		synctest.Wait()
		state, attempts := failover.BreakerClosed, 0
		for _, e := range notes.all() {
			switch e := e.(type) {
			case failover.BreakerEvent:
				require.Equal(t, state, e.From, "the events of a breaker form a chain")
				state = e.To
			case failover.AttemptEvent:
				attempts++
			}
		}
		var counted uint64
		for _, p := range r.Status().Providers {
			for _, n := range p.Attempts {
				counted += n
			}
		}
		require.Equal(t, counted, uint64(attempts))
	})
}

func TestObserverAndLoggerAreChecked(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]failover.Option{
		"WithObserver: the function is nil":   failover.WithObserver(nil),
		"WithLogger: the logger is nil":       failover.WithLogger(nil),
		"WithClassifier: the function is nil": failover.WithClassifier(nil),
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), o)
		require.ErrorContains(t, err, want)
	}
}
