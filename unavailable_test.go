package failover_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// tripAll opens the breakers of all, one after the other, by requests that go
// there only.
func tripAll(t *testing.T, r *stage, actors ...*actor) {
	t.Helper()
	for _, a := range actors {
		a.failsAs(failover.ClassTransient)
		for range 5 {
			_, err := r.Do(failover.With(t.Context(), failover.Only(a.name)), "request")
			require.ErrorIs(t, err, failover.ErrAllFailed)
		}
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, a.name))
	}
}

func TestOneTrialASecondWhenAllAreOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once(), failover.WithBreaker(failover.BreakerPolicy{
			ConsecutiveFailures: 5, OpenFor: time.Hour, MaxOpen: time.Hour,
		}))
		tripAll(t, r, a)
		wait(t, 20*time.Minute)
		tripAll(t, r, b)
		a.forget()
		b.forget()
		for range 100 { // ten seconds
			for range 5 {
				_, _ = ask(t, r)
			}
			wait(t, 100*time.Millisecond)
		}
		require.Equal(t, 10, a.times(), "the one that opens soonest, once a second")
		require.Zero(t, b.times())

		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed, "the trial's own request learns what it met")
		_, err = ask(t, r)
		require.ErrorIs(t, err, failover.ErrNoneAvailable, "the others fail at once")
	})
}

func TestForcedTrialGrowsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a}, once())
		tripAll(t, r, a)
		open := left(t, r, "a", failover.ReasonOpen)
		for range 5 {
			_, _ = ask(t, r)
			wait(t, time.Second)
		}
		require.Equal(t, open-5*time.Second, left(t, r, "a", failover.ReasonOpen))
	})
}

func TestForcedTrialEndsAnOutageWithinASecond(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once())
		tripAll(t, r, a, b)
		a.answers()
		b.answers()
		wait(t, time.Second)
		got, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, got), "one success is not yet two")
		mustAsk(t, r, 1)
		require.Empty(t, reasonsOf(t, r, got))
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, got))
		require.Equal(t, 1, a.times()+b.times()-12+1, "nobody else was asked")
	})
}

func TestForcedTrialKeepsGrowth(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a}, once(), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 5, HalfOpenSuccesses: 1}))
		tripAll(t, r, a)
		wait(t, time.Second)
		a.answers()
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		tripAll(t, r, a)
		requireAbout(t, 20*time.Second, left(t, r, "a", failover.ReasonOpen))
	})
}

func TestForcedTrialIsOneAtATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a}, once(), failover.WithTimeout(5*time.Second))
		tripAll(t, r, a)
		a.isSilent()
		a.forget()
		var group sync.WaitGroup
		for range 4 {
			for range 10 {
				group.Go(func() { _, _ = ask(t, r) })
			}
			wait(t, time.Second)
		}
		require.Equal(t, 1, a.times())
		group.Wait()
	})
}

func TestNoForcedTrialPastACooldown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a})
		a.fails(httpError(429, "Retry-After", "60"))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		for range 59 {
			wait(t, time.Second)
			_, err = ask(t, r)
			require.ErrorIs(t, err, failover.ErrNoneAvailable)
		}
		require.Equal(t, 1, a.times(), "it said when to come back")
	})
}

func TestNoneAvailableErrorSaysWhyAndUntilWhen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		names := []string{"open", "cooling", "disabled", "drained", "limited", "unsupported", "excluded", "expensive"}
		actors := map[string]*actor{}
		providers := make([]failover.Provider[string, string], len(names))
		for i, name := range names {
			actors[name] = newActor(name)
			providers[i] = actors[name].provider()
			providers[i].Cost = func(string) float64 { return 1 }
		}
		providers[4].Limit = failover.Limit{Rate: 0.001, Burst: 1}
		providers[5].Supports = func(string) bool { return false }
		providers[7].Cost = func(string) float64 { return 100 }
		r := withProviders(t, providers, once())
		only := func(name string) (string, error) {
			return r.Do(failover.With(t.Context(), failover.Only(name)), "request")
		}
		tripAll(t, r, actors["open"])
		actors["cooling"].fails(httpError(429, "Retry-After", "300"))
		_, _ = only("cooling")
		_, _ = only("limited")
		require.NoError(t, r.Disable("disabled"))
		require.NoError(t, r.SetWeight("drained", 0))

		ctx := failover.With(t.Context(), failover.Avoid("excluded"), failover.MaxCost(10))
		_, err := r.Do(ctx, "request") // the open one's trial of this second
		require.ErrorIs(t, err, failover.ErrAllFailed)
		_, err = r.Do(ctx, "request")
		none, ok := errors.AsType[*failover.NoneAvailableError](err)
		require.True(t, ok)
		require.ErrorIs(t, err, failover.ErrNoneAvailable)
		require.NotErrorIs(t, err, failover.ErrAllFailed)

		open := left(t, r, "open", failover.ReasonOpen)
		now := time.Now()
		until := map[string]time.Time{"open": now.Add(open), "cooling": now.Add(300 * time.Second)}
		want := map[string]failover.Reason{
			"open": failover.ReasonOpen, "cooling": failover.ReasonCooling, "disabled": failover.ReasonDisabled,
			"drained": failover.ReasonDrained, "limited": failover.ReasonLimited, "unsupported": failover.ReasonUnsupported,
			"excluded": failover.ReasonExcluded, "expensive": failover.ReasonTooExpensive,
		}
		require.Len(t, none.Skipped, len(want))
		for _, skip := range none.Skipped {
			require.Equal(t, want[skip.Provider], skip.Reason, skip.Provider)
			if at, ok := until[skip.Provider]; ok {
				require.WithinDuration(t, at, skip.Until, time.Microsecond, skip.Provider)
			} else {
				require.Zero(t, skip.Until, skip.Provider)
			}
			if skip.Provider == "cooling" {
				require.Equal(t, failover.ClassRateLimited, skip.Class)
			}
		}
		require.WithinDuration(t, now.Add(open), none.RetryAt, time.Microsecond, "the first of them")
		require.Regexp(t, `^failover: no provider is available before \d\d:\d\d:\d\d; left out: open \(open until \d\d:\d\d:\d\d\), `+
			`cooling \(cooling: rate_limited until \d\d:\d\d:\d\d\), disabled \(disabled\), drained \(drained\), limited \(limited\), `+
			`unsupported \(unsupported\), excluded \(excluded\), expensive \(too_expensive\)$`, err.Error())
	})
}

func TestNoneAvailableWithoutATime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := onStage(t, []*actor{newActor("a")})
		require.NoError(t, r.Disable("a"))
		_, err := ask(t, r)
		none, ok := errors.AsType[*failover.NoneAvailableError](err)
		require.True(t, ok)
		require.Zero(t, none.RetryAt)
		require.EqualError(t, err, "failover: no provider is available; left out: a (disabled)")
	})
}

func TestAllFailedErrorSaysWhoWasLeftOut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once())
		require.NoError(t, r.Disable("b"))
		a.failsAs(failover.ClassTransient)
		_, err := ask(t, r)
		failed, ok := errors.AsType[*failover.AllFailedError](err)
		require.True(t, ok)
		require.Equal(t, []failover.Skip{{Provider: "b", Reason: failover.ReasonDisabled}}, failed.Skipped)
		require.False(t, failed.Stopped)
	})
}

func TestWithWait(t *testing.T) {
	t.Parallel()
	// cooled is a router whose only provider cools for 30 s and is well then.
	cooled := func(t *testing.T, longest time.Duration) (*actor, *stage) {
		t.Helper()
		a := newActor("a")
		r := onStage(t, []*actor{a}, failover.WithWait(longest))
		a.fails(httpError(429, "Retry-After", "30"))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		a.answers()
		a.forget()
		return a, r
	}
	t.Run("it waits for the earliest recovery", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, r := cooled(t, time.Minute)
			began := time.Now()
			mustAsk(t, r, 1)
			require.InDelta(t, float64(30*time.Second), float64(time.Since(began)), float64(60*time.Millisecond))
		})
	})
	t.Run("a recovery too far away is not waited for", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, r := cooled(t, 29*time.Second)
			began := time.Now()
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrNoneAvailable)
			require.Zero(t, time.Since(began))
		})
	})
	t.Run("nor one past the deadline", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, r := cooled(t, time.Minute)
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			began := time.Now()
			_, err := r.Do(ctx, "request")
			require.ErrorIs(t, err, failover.ErrNoneAvailable)
			require.Zero(t, time.Since(began))
		})
	})
	t.Run("the scatter of waiters does not push it out of reach", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			for range 50 {
				_, r := cooled(t, 30*time.Second+5*time.Millisecond)
				mustAsk(t, r, 1)
			}
		})
	})
	t.Run("it ends with the context", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, r := cooled(t, time.Minute)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			began := time.Now()
			_, err := r.Do(ctx, "request")
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, time.Second, time.Since(began))
		})
	})
	t.Run("and with the router", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, r := cooled(t, time.Minute)
			time.AfterFunc(time.Second, func() { _ = r.Close() })
			began := time.Now()
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrClosed)
			require.Equal(t, time.Second, time.Since(began))
		})
	})
	t.Run("it waits for a place within Limit", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.takes(300 * time.Millisecond)
			p := a.provider()
			p.Limit = failover.Limit{Concurrency: 1}
			r := withProviders(t, failover.Providers(p), failover.WithWait(10*time.Second))
			var group sync.WaitGroup
			var failed atomic.Int64
			for range 10 {
				group.Go(func() {
					if _, err := ask(t, r); err != nil {
						failed.Add(1)
					}
				})
			}
			group.Wait()
			require.Zero(t, failed.Load())
			require.Equal(t, 10, a.times())
		})
	})
	t.Run("nobody waits for what does not end by itself", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			r := onStage(t, []*actor{newActor("a")}, failover.WithWait(time.Hour))
			require.NoError(t, r.Disable("a"))
			began := time.Now()
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrNoneAvailable)
			require.Zero(t, time.Since(began))
		})
	})
	t.Run("a request that has asked somebody does not wait", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a}, failover.WithWait(time.Hour))
			a.failsAs(failover.ClassTimeout)
			began := time.Now()
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			require.Zero(t, time.Since(began))
		})
	})
}

// TestWaitersDoNotComeBackTogether: a thousand of them meet a provider that
// takes one at a time until it is proved well.
func TestWaitersDoNotComeBackTogether(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a}, failover.WithWait(time.Minute))
		a.fails(httpError(429, "Retry-After", "10"))
		_, _ = ask(t, r)
		a.forget()

		a.takes(10 * time.Millisecond)
		var group sync.WaitGroup
		var failed atomic.Int64
		for range 1000 {
			group.Go(func() {
				if _, err := ask(t, r); err != nil {
					failed.Add(1)
				}
			})
		}
		group.Wait()
		require.Zero(t, failed.Load())
		require.Equal(t, 1000, a.times())
		for i, w := range a.waits()[:2] {
			require.GreaterOrEqual(t, w, 10*time.Millisecond, "trial %d was alone: half-open admits one at a time", i+1)
		}
		at := map[time.Time]int{}
		for _, call := range a.calls {
			at[call]++
		}
		for when, n := range at {
			require.Less(t, n, 200, "at %v: the waiters are scattered", when)
		}
	})
}
