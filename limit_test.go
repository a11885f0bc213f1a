package failover_test

import (
	"context"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// limited is a router of two, the first under a Limit.
func limited(t *testing.T, l failover.Limit) (*failover.Router[int, string], fleet) {
	t.Helper()
	f := newFleet(2)
	return f.router(t, func(i int, p *failover.Provider[int, string]) {
		if i == 0 {
			p.Limit = l
		}
	}), f
}

// servedBy makes n requests and joins the names of who answered.
func servedBy(t *testing.T, r *failover.Router[int, string], n int) (names string) {
	t.Helper()
	for i := range n {
		who, err := r.Do(t.Context(), i)
		require.NoError(t, err)
		names += who
	}
	return names
}

func TestRateLimitMovesToTheNextProvider(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		limit  failover.Limit
		first  string        // at once
		refill time.Duration // until one more is allowed
	}{
		"two a second":        {failover.Limit{Rate: 2}, "aabb", 500 * time.Millisecond},
		"a burst of its own":  {failover.Limit{Rate: 2, Burst: 3}, "aaab", 500 * time.Millisecond},
		"rounded up":          {failover.Limit{Rate: 1.5}, "aabb", time.Second * 2 / 3},
		"one in ten seconds":  {failover.Limit{Rate: 0.1}, "abbb", 10 * time.Second},
		"one at a time first": {failover.Limit{Rate: 1, Burst: 2, Concurrency: 1}, "aabb", time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				r, _ := limited(t, tc.limit)
				assert.Equal(t, tc.first, servedBy(t, r, 4))
				s := r.Status().Providers[0]
				assert.False(t, s.Ready)
				assert.Equal(t, []failover.StatusReason{{Reason: failover.ReasonLimited}}, s.Reasons)
				plan, err := r.Plan(t.Context(), 0)
				require.NoError(t, err)
				assert.Equal(t, failover.Plan{
					Order: []string{"b"}, Skipped: []failover.Skip{{Provider: "a", Reason: failover.ReasonLimited}},
				}, plan)

				wait(t, tc.refill-time.Millisecond)
				assert.Equal(t, "b", servedBy(t, r, 1))
				wait(t, 2*time.Millisecond)
				assert.True(t, r.Status().Providers[0].Ready)
				assert.Equal(t, "ab", servedBy(t, r, 2))
			})
		})
	}
}

// A limit is ours, so it tells nothing of the provider.
func TestLimitIsNoFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, f := limited(t, failover.Limit{Rate: 1})
		assert.Equal(t, "abbbbbbbbb", servedBy(t, r, 10))
		s := r.Status().Providers[0]
		assert.Equal(t, map[string]uint64{"success": 1}, s.Attempts)
		assert.InDelta(t, 1, s.SuccessRate, 0)
		assert.Nil(t, s.LastError)
		assert.EqualValues(t, 1, f[0].calls.Load())

		require.NoError(t, r.Disable("b"))
		_, err := r.Do(t.Context(), 0)
		require.ErrorIs(t, err, failover.ErrNoneAvailable)
		require.EqualError(t, err, "failover: no provider is available; left out: a (limited), b (disabled)")
	})
}

func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		slow := failover.Wrap("slow", func(ctx context.Context, _ int) (string, error) {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			return "slow", pass(ctx, time.Second)
		})
		slow.Limit = failover.Limit{Concurrency: 3}
		spare := newFleet(1).providers(nil)[0]
		r, err := failover.New(failover.Providers(slow, spare))
		require.NoError(t, err)
		var wg sync.WaitGroup
		var served sync.Map
		for i := range 10 {
			wg.Go(func() {
				who, err := r.Do(t.Context(), i)
				assert.NoError(t, err)
				n, _ := served.LoadOrStore(who, new(atomic.Int64))
				n.(*atomic.Int64).Add(1)
			})
		}
		wg.Wait()
		n, _ := served.Load("slow")
		assert.EqualValues(t, 3, n.(*atomic.Int64).Load())
		assert.EqualValues(t, 3, most.Load())
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, "slow", who, "every place was given back")
	})
}

// However an attempt ends, its place comes back.
func TestPlaceComesBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func() (string, error){
		"answer": func() (string, error) { return "ok", nil },
		"error":  func() (string, error) { return "", errNode },
		"empty":  func() (string, error) { return "", nil },
		"panic":  func() (string, error) { panic("user code") },
		"goexit": func() (string, error) { runtime.Goexit(); return "", nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := failover.Wrap("a", func(context.Context, int) (string, error) { return end() })
			p.Limit = failover.Limit{Concurrency: 1}
			r, err := failover.New(failover.Providers(p),
				failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
				failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: math.MaxInt}))
			require.NoError(t, err)
			for range 5 {
				done := make(chan struct{})
				go func() {
					defer close(done)
					defer func() { _ = recover() }()
					_, _ = r.Do(t.Context(), 1)
				}()
				<-done
				require.True(t, r.Status().Providers[0].Ready)
			}
			count := uint64(0)
			for _, n := range r.Status().Providers[0].Attempts {
				count += n
			}
			assert.EqualValues(t, 5, count)
		})
	}
}

// Looking at a limit takes nothing, or a status page would turn requests away.
func TestLookingTakesNoPlace(t *testing.T) {
	t.Parallel()
	n := newFleet(1)
	r := n.router(t, func(_ int, p *failover.Provider[int, string]) { p.Limit = failover.Limit{Concurrency: 1} })
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					_ = r.Status()
					_, _ = r.Plan(t.Context(), 0)
				}
			}
		})
	}
	for i := range 20_000 {
		_, err := r.Do(t.Context(), i)
		if !assert.NoError(t, err, "request %d", i) {
			break
		}
	}
	close(stop)
	wg.Wait()
}

func TestZeroLimitIsNone(t *testing.T) {
	t.Parallel()
	for _, l := range []failover.Limit{{}, {Burst: 5}} {
		r, _ := limited(t, l)
		require.Equal(t, 500, len(servedBy(t, r, 500)))
		assert.EqualValues(t, 500, r.Status().Providers[0].Attempts["success"])
	}
	for _, l := range []failover.Limit{
		{Rate: math.MaxFloat64, Concurrency: math.MaxInt}, {Rate: 1e9, Burst: math.MaxInt}, {Rate: math.SmallestNonzeroFloat64},
	} {
		r, _ := limited(t, l)
		assert.NotEmpty(t, servedBy(t, r, 10))
	}
}
