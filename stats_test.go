package failover_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// A provider that takes a network's time is measured from its first answer
// on, also if it failed before.
func TestLatencyIsKnownFromTheFirstAnswer(t *testing.T) {
	t.Parallel()
	for failures := range 20 {
		synctest.Test(t, func(t *testing.T) {
			p := newPaced("p", 300*time.Millisecond)
			p.fails.Store(new(error(&failover.Error{Class: failover.ClassInvalid})))
			r := pacedRouter(t, failover.Providers(p.provider()))
			for range failures {
				_, err := r.Do(t.Context(), 0)
				require.Error(t, err)
			}
			require.Zero(t, r.Status().Providers[0].Latency, "a refused request says nothing of it")
			p.fails.Store(nil)
			_, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
			l := r.Status().Providers[0].Latency
			assert.Equal(t, failover.LatencyStatus{
				Average: 300 * time.Millisecond, P50: 300 * time.Millisecond, P90: 300 * time.Millisecond, P99: 300 * time.Millisecond,
			}, l, "after %d failures", failures)
		})
	}
}

// Percentiles are those of the last answers, as soon as there are a few.
func TestPercentilesFollow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPaced("p", 10*time.Millisecond)
		r := pacedRouter(t, failover.Providers(p.provider()))
		answers := func(n int, takes time.Duration) failover.LatencyStatus {
			p.takes.Store(int64(takes))
			for range n {
				_, err := r.Do(t.Context(), 0)
				require.NoError(t, err)
			}
			return r.Status().Providers[0].Latency
		}
		assert.Equal(t, 10*time.Millisecond, answers(9, 10*time.Millisecond).P99)
		l := answers(1, 800*time.Millisecond)
		assert.Equal(t, 10*time.Millisecond, l.P50)
		assert.Equal(t, 800*time.Millisecond, l.P99)
		assert.Equal(t, 20*time.Millisecond, answers(300, 20*time.Millisecond).P99, "the peak has left the window")
		l = answers(160, 40*time.Millisecond)
		assert.Equal(t, 40*time.Millisecond, l.P50)
	})
}

// The average jumps to a peak at once and forgets it within some 10 s.
func TestAverageIsPeakSensitive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPaced("p", 100*time.Millisecond)
		r := pacedRouter(t, failover.Providers(p.provider()))
		average := func(takes time.Duration) time.Duration {
			p.takes.Store(int64(takes))
			_, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
			return r.Status().Providers[0].Latency.Average
		}
		require.Equal(t, 100*time.Millisecond, average(100*time.Millisecond))
		require.Equal(t, 3*time.Second, average(3*time.Second))
		require.Greater(t, average(100*time.Millisecond), 2900*time.Millisecond)
		wait(t, 10*time.Second)
		assert.InDelta(t, 1.1*float64(time.Second), average(100*time.Millisecond), 0.1*float64(time.Second), "1/e of the peak is left")
		wait(t, time.Minute)
		assert.InDelta(t, 100*time.Millisecond, average(100*time.Millisecond), float64(5*time.Millisecond))
	})
}

// The success rate is a share: between 0 and 1, and 1 again in the end.
func TestSuccessRate(t *testing.T) {
	t.Parallel()
	f := newFleet(1)
	r := f.router(t, nil)
	rate := func() float64 { return r.Status().Providers[0].SuccessRate }
	last := rate()
	require.InDelta(t, 1, last, 0)
	f[0].fail(errNode)
	for range 500 {
		_, err := r.Do(t.Context(), 0)
		require.Error(t, err)
		require.LessOrEqual(t, rate(), last)
		last = rate()
	}
	assert.Zero(t, last)
	f[0].fail(nil)
	for range 1000 {
		_, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		require.GreaterOrEqual(t, rate(), last)
		last = rate()
	}
	assert.InDelta(t, 1, last, 0)

	// An answer that Validate refuses is none.
	p := failover.Wrap("p", func(context.Context, int) (string, error) { return "poor", nil })
	p.Validate = func(context.Context, int, string) error { return errNode }
	r, err := failover.New(failover.Providers(p))
	require.NoError(t, err)
	_, err = r.Do(t.Context(), 0)
	require.Error(t, err)
	assert.Less(t, rate(), 1.0)
	assert.Equal(t, map[string]uint64{"unsatisfactory": 1}, r.Status().Providers[0].Attempts)
}

// However many count at once, nothing is lost.
func TestCountsAreExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	f[0].fail(&failover.Error{Class: failover.ClassIncomplete})
	r := f.router(t, func(_ int, p *failover.Provider[int, string]) { p.Cost = price(0.5) })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 500 {
				_, err := r.Do(t.Context(), 0)
				assert.NoError(t, err)
				_ = r.Status()
			}
		})
	}
	wg.Wait()
	s := r.Status().Providers
	assert.Equal(t, map[string]uint64{"incomplete": 4000}, s[0].Attempts)
	assert.Equal(t, map[string]uint64{"success": 4000}, s[1].Attempts)
	for _, p := range s {
		assert.Zero(t, p.InFlight)
		assert.InDelta(t, 2000, p.Cost, 0)
	}
}
