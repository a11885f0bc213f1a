package failover_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// checkup is a Check that finds what it was last told to.
type checkup struct {
	mu    sync.Mutex
	find  func(ctx context.Context) error
	times []time.Time
}

func (c *checkup) finds(find func(ctx context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.find = find
}

func (c *checkup) fails(err error) { c.finds(func(context.Context) error { return err }) }

func (c *checkup) check(ctx context.Context) error {
	c.mu.Lock()
	c.times = append(c.times, time.Now())
	find := c.find
	c.mu.Unlock()
	if find == nil {
		return nil
	}
	return find(ctx)
}

func (c *checkup) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.times)
}

// clinic is a router of a, which is probed every 10 s, and b, which is not.
func clinic(t *testing.T, policy failover.HealthPolicy, opts ...failover.Option) (c *checkup, a, b *actor, r *stage) {
	t.Helper()
	c, a, b = &checkup{}, newActor("a"), newActor("b")
	p := a.provider()
	p.Check = c.check
	if policy.Interval == 0 {
		policy.Interval = 10 * time.Second
	}
	r = withProviders(t, failover.Providers(p, b.provider()),
		append([]failover.Option{once(), failover.WithHealthChecks(policy)}, opts...)...)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return c, a, b, r
}

// probes lets n more probes happen.
func probes(t *testing.T, c *checkup, n int) {
	t.Helper()
	for target := c.count() + n; c.count() < target; {
		wait(t, 100*time.Millisecond)
	}
	synctest.Wait()
}

func TestProbesAreSpreadAndJittered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		const n = 40
		checks := make([]*checkup, n)
		providers := make([]failover.Provider[string, string], n)
		for i := range providers {
			checks[i] = &checkup{}
			providers[i] = newActor(fmt.Sprint("p", i)).provider()
			providers[i].Check = checks[i].check
		}
		began := time.Now()
		r := withProviders(t, providers, failover.WithHealthChecks(failover.HealthPolicy{}))
		wait(t, 10*time.Minute)
		require.NoError(t, r.Close())

		firsts, gaps := map[int]int{}, map[time.Duration]bool{}
		for _, c := range checks {
			first := c.times[0].Sub(began)
			require.Less(t, first, 30*time.Second)
			firsts[int(first/(10*time.Second))]++
			for i := 1; i < len(c.times); i++ {
				gap := c.times[i].Sub(c.times[i-1])
				require.InDelta(t, float64(30*time.Second), float64(gap), float64(3*time.Second))
				gaps[gap] = true
			}
		}
		require.Len(t, firsts, 3, "the first ones are spread over the interval")
		require.Greater(t, len(gaps), 100, "the others are jittered")
	})
}

func TestThreeFailedProbesAreUnhealthyTwoPassedHealthy(t *testing.T) {
	bubble(t, func(t *testing.T) {
		notes := &notebook{}
		c, a, b, r := clinic(t, failover.HealthPolicy{}, notes.option())
		c.fails(errSpilled)
		probes(t, c, 2)
		c.fails(nil)
		probes(t, c, 1)
		c.fails(errSpilled)
		probes(t, c, 2)
		require.Empty(t, reasonsOf(t, r, "a"), "a passed probe starts the count again")
		require.True(t, statusOf(t, r, "a").Health.Healthy)
		probes(t, c, 1)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
		require.Equal(t, 3, statusOf(t, r, "a").Health.Failed)
		got, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "b", got)
		probes(t, c, 5)
		require.Len(t, noted[failover.HealthEvent](notes), 1, "news is told once")

		c.fails(nil)
		probes(t, c, 1)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
		probes(t, c, 1)
		require.Empty(t, reasonsOf(t, r, "a"))
		got, err = ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "a", got)

		health := noted[failover.HealthEvent](notes)
		require.Len(t, health, 2)
		require.False(t, health[0].Healthy)
		require.ErrorIs(t, health[0].Err, errSpilled)
		require.True(t, health[1].Healthy)
		require.NoError(t, errorOrNil(health[1].Err))
		recovered := noted[failover.RecoveredEvent](notes)
		require.Len(t, recovered, 1)
		require.Equal(t, health[1].Time.Sub(health[0].Time), recovered[0].Down)
		require.Equal(t, 1, a.times()+b.times()-1)
		require.Nil(t, statusOf(t, r, "b").Health, "b is not probed")
	})
}

func errorOrNil(e *failover.Error) error {
	if e == nil {
		return nil
	}
	return e
}

func TestHealthCountsAsConfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, _, _, r := clinic(t, failover.HealthPolicy{Unhealthy: 1, Healthy: 3})
		c.fails(errSpilled)
		probes(t, c, 1)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
		c.fails(nil)
		probes(t, c, 2)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
		probes(t, c, 1)
		require.Empty(t, reasonsOf(t, r, "a"))
	})
}

func TestRateLimitedProbeSaysNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, _, _, r := clinic(t, failover.HealthPolicy{})
		c.fails(httpError(429))
		probes(t, c, 10)
		require.Empty(t, reasonsOf(t, r, "a"))
		require.Zero(t, statusOf(t, r, "a").Health.Failed)
		c.fails(errSpilled)
		probes(t, c, 2)
		c.fails(httpError(429))
		probes(t, c, 1)
		c.fails(errSpilled)
		probes(t, c, 1)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"), "nor does it break a row")
		c.fails(httpError(429))
		probes(t, c, 10)
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"), "it is no sign of health either")
	})
}

func TestProbeTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, _, _, r := clinic(t, failover.HealthPolicy{Timeout: 2 * time.Second})
		c.finds(func(ctx context.Context) error {
			began := time.Now()
			<-ctx.Done()
			if time.Since(began) != 2*time.Second {
				return nil // would count as passed
			}
			return ctx.Err()
		})
		probes(t, c, 3)
		wait(t, 2*time.Second)
		synctest.Wait()
		require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
		last := statusOf(t, r, "a").Health.LastError
		require.Equal(t, failover.ClassTimeout, last.Class)
		require.ErrorIs(t, last, failover.ErrAttemptTimeout)
	})
}

func TestProbeThatPanicsOrLeavesIsAFailedOne(t *testing.T) {
	t.Parallel()
	for name, find := range map[string]func(context.Context) error{
		"panic":  func(context.Context) error { panic("secret") },
		"Goexit": func(context.Context) error { runtime.Goexit(); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				notes := &notebook{}
				c, _, _, r := clinic(t, failover.HealthPolicy{}, notes.option())
				c.finds(find)
				probes(t, c, 3)
				require.Equal(t, []failover.Reason{failover.ReasonUnhealthy}, reasonsOf(t, r, "a"))
				require.ErrorIs(t, statusOf(t, r, "a").Health.LastError, failover.ErrPanicked)
				panics := noted[failover.PanicEvent](notes)
				require.Len(t, panics, 3)
				require.Equal(t, "a", panics[0].Provider)
				require.Contains(t, panics[0].Stack, "health_test.go")
				require.NotContains(t, panics[0].Stack, "secret")
				c.fails(nil)
				probes(t, c, 2)
				require.Empty(t, reasonsOf(t, r, "a"), "the probes went on")
			})
		})
	}
}

func TestUnhealthyIsTheLastResort(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, a, b, r := clinic(t, failover.HealthPolicy{})
		c.fails(errSpilled)
		probes(t, c, 3)
		got, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "b", got)
		b.failsAs(failover.ClassTimeout)
		got, err = ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "a", got, "the probe may be the broken part")
		require.NoError(t, r.Disable("b"))
		got, err = ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "a", got)
		require.Equal(t, 2, a.times())
		require.True(t, statusOf(t, r, "a").Ready)
	})
}

func TestOnlyDownSparesTheQuota(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, a, _, r := clinic(t, failover.HealthPolicy{OnlyDown: true})
		wait(t, 10*time.Minute)
		require.Zero(t, c.count(), "a provider in full service is not probed")
		trip(t, r, a)
		wait(t, 12*time.Second)
		require.Positive(t, c.count())
		a.answers()
		for len(reasonsOf(t, r, "a")) > 0 {
			wait(t, time.Second)
			mustAsk(t, r, 1)
		}
		probed := c.count()
		wait(t, 10*time.Minute)
		require.Equal(t, probed, c.count())
	})
}

// TestTrialsWaitForAPassedProbe: after an opening, a refused key or a spent
// quota the first trial comes when a probe has passed; the probe itself closes
// nothing.
func TestTrialsWaitForAPassedProbe(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		down  func(t *testing.T, a *actor, r *stage)
		waits bool
	}{
		"open": {trip2, true},
		"refused key": {func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(401))
			mustAsk(t, r, 1)
		}, true},
		"spent quota": {func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(402))
			mustAsk(t, r, 1)
		}, true},
		"three times unsupported": {func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(404))
			mustAsk(t, r, 3)
		}, true},
		"a failed trial": {func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(429))
			mustAsk(t, r, 1)
			coolOff(t, r)
			a.failsAs(failover.ClassTransient)
			mustAsk(t, r, 1)
		}, true},
		"rate limit": {func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(429))
			mustAsk(t, r, 1)
		}, false},
		"rate limit after another trouble was over": {func(t *testing.T, a *actor, r *stage) {
			trip(t, r, a)
			require.NoError(t, r.Enable("a"))
			a.fails(httpError(429))
			mustAsk(t, r, 1)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				// The probe fails, but never often enough to be unhealthy.
				c, a, _, r := clinic(t, failover.HealthPolicy{Unhealthy: 1000})
				c.fails(errSpilled)
				probes(t, c, 1)
				tt.down(t, a, r)
				wait(t, max(left(t, r, "a", failover.ReasonOpen), cooling(t, r))+time.Microsecond)
				a.answers()
				a.forget()
				if !tt.waits {
					mustAsk(t, r, 1)
					require.Equal(t, 1, a.times())
					return
				}
				require.Equal(t, []failover.Reason{failover.ReasonAwaitingProbe}, reasonsOf(t, r, "a"))
				require.False(t, statusOf(t, r, "a").Ready)
				probes(t, c, 3)
				mustAsk(t, r, 5)
				require.Zero(t, a.times())
				c.fails(nil)
				probes(t, c, 1)
				require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a"), "the probe closes nothing by itself")
				require.Zero(t, a.times())
				mustAsk(t, r, 1)
				require.Equal(t, 1, a.times())
				mustAsk(t, r, 1)
				require.Empty(t, reasonsOf(t, r, "a"))
			})
		})
	}
}

func trip2(t *testing.T, a *actor, r *stage) { t.Helper(); trip(t, r, a) }

// TestAwaitingProbeIsForcedWhenNobodyElseIsLeft: the probe may be the broken
// part.
func TestAwaitingProbeIsForcedWhenNobodyElseIsLeft(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, a, _, r := clinic(t, failover.HealthPolicy{Unhealthy: 1000})
		c.fails(errSpilled)
		trip(t, r, a)
		wait(t, 15*time.Second)
		require.NoError(t, r.Disable("b"))
		a.answers()
		mustAsk(t, r, 1)
		wait(t, time.Second)
		mustAsk(t, r, 2)
		require.Empty(t, reasonsOf(t, r, "a"))

		// That it once waited for a probe is forgotten with its recovery.
		require.NoError(t, r.Enable("b"))
		a.fails(httpError(429))
		mustAsk(t, r, 1)
		coolOff(t, r)
		require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a"))
	})
}

func TestAwaitingProbeIsForgottenWithTheCooldown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c, a, _, r := clinic(t, failover.HealthPolicy{Unhealthy: 1000})
		c.fails(errSpilled)
		a.fails(httpError(402))
		mustAsk(t, r, 1)
		coolOff(t, r)
		require.Equal(t, []failover.Reason{failover.ReasonAwaitingProbe}, reasonsOf(t, r, "a"))
		require.NoError(t, r.Disable("b"))
		a.answers()
		for range 2 {
			wait(t, time.Second)
			mustAsk(t, r, 1)
		}
		require.Empty(t, reasonsOf(t, r, "a"))
		require.NoError(t, r.Enable("b"))
		a.fails(httpError(429))
		mustAsk(t, r, 1)
		coolOff(t, r)
		require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a"))
	})
}

func TestCloseStopsProbes(t *testing.T) {
	t.Parallel()
	t.Run("between probes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			c, _, _, r := clinic(t, failover.HealthPolicy{})
			probes(t, c, 2)
			require.NoError(t, r.Close())
			probed := c.count()
			wait(t, time.Hour)
			require.Equal(t, probed, c.count())
		}) // the bubble fails if a goroutine is left
	})
	t.Run("in the middle of one", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			notes := &notebook{}
			c, _, _, r := clinic(t, failover.HealthPolicy{Timeout: time.Hour, Unhealthy: 1}, notes.option())
			ended := false
			c.finds(func(ctx context.Context) error {
				<-ctx.Done()
				ended = true
				return ctx.Err()
			})
			probes(t, c, 1)
			require.NoError(t, r.Close())
			require.True(t, ended, "Close waits for it")
			require.Empty(t, noted[failover.HealthEvent](notes), "that probe says nothing of the provider")
		})
	})
	t.Run("before the first", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			_, _, _, r := clinic(t, failover.HealthPolicy{Interval: time.Hour})
			require.NoError(t, r.Close())
			require.NoError(t, r.Close())
		})
	})
}

func TestProbesOfProvidersRunConcurrently(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var providers []failover.Provider[string, string]
		running := make(chan struct{}, 3)
		for _, name := range []string{"a", "b", "c"} {
			p := newActor(name).provider()
			p.Check = func(ctx context.Context) error {
				running <- struct{}{}
				<-ctx.Done()
				return ctx.Err()
			}
			providers = append(providers, p)
		}
		r := withProviders(t, providers, failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Minute, Timeout: time.Hour}))
		wait(t, 2*time.Minute)
		require.Len(t, running, 3, "one that hangs does not hold up the others")
		require.NoError(t, r.Close())
	})
}

func TestChecksWithoutHealthChecksAreNotRun(t *testing.T) {
	bubble(t, func(t *testing.T) {
		c := &checkup{}
		p := newActor("a").provider()
		p.Check = c.check
		r := withProviders(t, failover.Providers(p))
		wait(t, time.Hour)
		require.Zero(t, c.count())
		require.Nil(t, statusOf(t, r, "a").Health)
	})
}

func TestHealthPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]failover.HealthPolicy{
		"Interval -1s is negative": {Interval: -time.Second},
		"Timeout -1s is negative":  {Timeout: -time.Second},
		"Unhealthy -1 is negative": {Unhealthy: -1},
		"Healthy -1 is negative":   {Healthy: -1},
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithHealthChecks(p))
		require.ErrorContains(t, err, "WithHealthChecks: "+want)
	}
}

// TestObserverMayAskBackDuringAProbe: no lock is held while an event of a probe
// is told.
func TestObserverMayAskBackDuringAProbe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *stage
		var told []string
		observer := failover.WithObserver(func(ctx context.Context, e failover.Event) {
			if e, ok := e.(failover.HealthEvent); ok {
				data := r.Status()
				told = append(told, fmt.Sprint(data.Providers[0].Health.Healthy))
				_, err := r.Plan(ctx, "request")
				told = append(told, fmt.Sprint(errors.Is(err, nil), e.Healthy))
			}
		})
		c := &checkup{}
		p := newActor("a").provider()
		p.Check = c.check
		r = withProviders(t, failover.Providers(p), observer, failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second}))
		c.fails(errSpilled)
		probes(t, c, 3)
		require.NoError(t, r.Close())
		require.Equal(t, "false true false", strings.Join(told, " "))
	})
}
