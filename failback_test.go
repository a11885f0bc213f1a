package failover_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// recovering is a router of two whose first provider was open and has just
// closed its breaker.
func recovering(t *testing.T, p failover.FailbackPolicy, opts ...failover.Option) (*failover.Router[int, string], fleet) {
	t.Helper()
	f := newFleet(2)
	r := f.router(t, nil, append([]failover.Option{
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1, OpenFor: time.Second, HalfOpenSuccesses: 1}),
		failover.WithFailback(p),
	}, opts...)...)
	f[0].fail(errNode)
	who, err := r.Do(failover.With(t.Context(), failover.Prefer("a")), 0)
	require.NoError(t, err)
	require.Equal(t, "b", who)
	f[0].fail(nil)
	wait(t, 1200*time.Millisecond)
	who, err = r.Do(failover.With(t.Context(), failover.Only("a")), 0)
	require.NoError(t, err)
	require.Equal(t, "a", who)
	require.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker)
	return r, f
}

func TestFailbackIsAtOnceByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := recovering(t, failover.FailbackPolicy{})
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who)
	})
}

func TestFailbackWaitsForTheMinimumHealthyTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, f := recovering(t, failover.FailbackPolicy{MinHealthy: time.Minute})
		back := time.Now().Add(time.Minute)
		s := r.Status().Providers[0]
		assert.True(t, s.Ready)
		assert.Equal(t, []failover.StatusReason{{Reason: failover.ReasonRecovering, Until: s.Reasons[0].Until}}, s.Reasons)
		assert.WithinDuration(t, back, s.Reasons[0].Until, 0)

		for time.Until(back) > 0 {
			who, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
			require.Equal(t, "b", who, "%v too early", time.Until(back))
			wait(t, 10*time.Second)
		}
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who)
		assert.Empty(t, r.Status().Providers[0].Reasons)

		// It falls and recovers again: the time begins anew.
		f[0].fail(errNode)
		_, err = r.Do(t.Context(), 0)
		require.NoError(t, err)
		f[0].fail(nil)
		wait(t, 2*time.Second)
		_, err = r.Do(failover.With(t.Context(), failover.Only("a")), 0)
		require.NoError(t, err)
		wait(t, 59*time.Second)
		who, err = r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "b", who)
	})
}

// While it is held back it still stands by.
func TestHeldProviderIsAFallback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, f := recovering(t, failover.FailbackPolicy{MinHealthy: time.Hour})
		f[1].fail(errNode)
		result, err := r.Route(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", result.Value)
		assert.Len(t, result.Attempts, 2)
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who, "the other one is open now")
	})
}

func TestFailbackRampsTheShareUp(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		strategy failover.Strategy
		full     float64
	}{
		"active passive": {failover.ActivePassive(), 1},
		"round robin":    {failover.RoundRobin(), 0.5},
		"weighted":       {failover.Weighted(), 0.5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const minute = 60_000
				r, _ := recovering(t, failover.FailbackPolicy{MinHealthy: time.Minute, Ramp: 10 * time.Minute},
					failover.WithStrategy(tc.strategy))
				share := func() float64 { // over a minute
					n := 0
					for i := range minute / 20 {
						who, err := r.Do(t.Context(), i)
						require.NoError(t, err)
						if who == "a" {
							n++
						}
						wait(t, 20*time.Millisecond)
					}
					return float64(n) / (minute / 20)
				}
				require.Zero(t, share(), "the minimum healthy time")
				for tenth := range 10 {
					want := (float64(tenth) + 0.5) / 10 * tc.full
					require.InDelta(t, want, share(), 0.04, "minute %d of the ramp", tenth)
				}
				assert.InDelta(t, tc.full, share(), 0.01)
				assert.Empty(t, r.Status().Providers[0].Reasons)
			})
		})
	}
}

// A provider on the ramp is looked at several times for one request; it must
// not slip between the looks when it is the only one left.
func TestRampDoesNotLoseRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, f := recovering(t, failover.FailbackPolicy{Ramp: time.Hour})
		require.NoError(t, r.Disable("b"))
		for i := range 3000 {
			who, err := r.Do(t.Context(), i)
			require.NoError(t, err, "%v into the ramp", time.Duration(i)*time.Second)
			require.Equal(t, "a", who)
			wait(t, time.Second)
		}
		require.NoError(t, r.Enable("b"))
		f[1].fail(errNode)
		who, err := r.Do(failover.With(t.Context(), failover.Prefer("b")), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who)
	})
}

// Enable is an operator's word: it ends the waiting too.
func TestEnableEndsFailback(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, f := recovering(t, failover.FailbackPolicy{MinHealthy: time.Hour, Ramp: time.Hour})
		require.NoError(t, r.Enable("a"))
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who)

		f[0].fail(errNode)
		_, err = r.Do(t.Context(), 0)
		require.NoError(t, err)
		f[0].fail(nil)
		require.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
		require.NoError(t, r.Enable("a"))
		assert.Empty(t, r.Status().Providers[0].Reasons)
		who, err = r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "a", who)
	})
}

func TestFailbackForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, _ := recovering(t, failover.FailbackPolicy{MinHealthy: 365 * 24 * time.Hour, Ramp: 365 * 24 * time.Hour})
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "b", who)
		assert.Equal(t, failover.ReasonRecovering, r.Status().Providers[0].Reasons[0].Reason)
	})
}
