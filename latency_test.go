package failover_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// paced is a provider that takes its time, and may fail after it.
type paced struct {
	name  string
	takes atomic.Int64
	fails atomic.Pointer[error]
	calls atomic.Int64
}

func newPaced(name string, takes time.Duration) *paced {
	p := &paced{name: name}
	p.takes.Store(int64(takes))
	return p
}

func (p *paced) do(ctx context.Context, _ int) (string, error) {
	p.calls.Add(1)
	if err := pass(ctx, time.Duration(p.takes.Load())); err != nil {
		return "", err
	}
	if err := p.fails.Load(); err != nil {
		return "", *err
	}
	return p.name, nil
}

func (p *paced) provider() failover.Provider[int, string] { return failover.Wrap(p.name, p.do) }

// pacedRouter never opens a breaker and asks each provider once.
func pacedRouter(t *testing.T, providers []failover.Provider[int, string], opts ...failover.Option) *failover.Router[int, string] {
	t.Helper()
	r, err := failover.New(providers, append([]failover.Option{
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1 << 30}),
	}, opts...)...)
	require.NoError(t, err)
	return r
}

// served counts who answered n requests that follow one another at a pace.
func served(t *testing.T, r *failover.Router[int, string], n int, every time.Duration) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for i := range n {
		who, err := r.Do(t.Context(), i)
		require.NoError(t, err)
		counts[who]++
		require.NoError(t, pass(t.Context(), every))
	}
	return counts
}

func TestLeastLatencyPrefersTheFaster(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fast, slow := newPaced("fast", 50*time.Millisecond), newPaced("slow", 400*time.Millisecond)
		r := pacedRouter(t, failover.Providers(slow.provider(), fast.provider()), failover.WithStrategy(failover.LeastLatency()))
		counts := served(t, r, 1000, 50*time.Millisecond)
		assert.Greater(t, counts["fast"], 980, counts)
		assert.Positive(t, counts["slow"], "it is looked at again from time to time")

		// They change places.
		fast.takes.Store(int64(400 * time.Millisecond))
		slow.takes.Store(int64(50 * time.Millisecond))
		counts = served(t, r, 1000, 50*time.Millisecond)
		assert.Greater(t, counts["slow"], 900, counts)
	})
}

// Failing fast must not look fast, whatever kind of failure it is.
func TestLeastLatencyDoesNotChaseFailures(t *testing.T) {
	t.Parallel()
	for _, class := range []failover.Class{
		failover.ClassUnknown, failover.ClassTransient, failover.ClassIncomplete, failover.ClassUnsatisfactory, failover.ClassTimeout,
	} {
		t.Run(class.String(), func(t *testing.T) {
			t.Parallel()
			for _, warm := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					good, bad := newPaced("good", 200*time.Millisecond), newPaced("bad", time.Millisecond)
					r := pacedRouter(t, failover.Providers(bad.provider(), good.provider()), failover.WithStrategy(failover.LeastLatency()))
					if warm {
						served(t, r, 20, 10*time.Millisecond)
						require.Positive(t, bad.calls.Swap(0))
					}
					bad.fails.Store(new(error(&failover.Error{Class: class})))
					counts := served(t, r, 1000, 10*time.Millisecond)
					require.Equal(t, map[string]int{"good": 1000}, counts)
					assert.Less(t, bad.calls.Load(), int64(40), "asked over and over, warm: %t", warm)
				})
			}
		})
	}
}

// A provider nobody knows yet gets one request, not the whole crowd.
func TestLeastLatencyTriesTheUnknownOneAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		known, fresh := newPaced("known", 100*time.Millisecond), newPaced("fresh", 5*time.Second)
		r := pacedRouter(t, failover.Providers(known.provider(), fresh.provider()), failover.WithStrategy(failover.LeastLatency()))
		_, err := r.Do(failover.With(t.Context(), failover.Only("known")), 0)
		require.NoError(t, err)
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				_, err := r.Do(t.Context(), i)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
		assert.EqualValues(t, 1, fresh.calls.Load())
	})
}

// Of many, the crowd spreads over the fast ones by what is in flight there.
func TestLeastLatencySpreadsByLoad(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []*paced
		var providers []failover.Provider[int, string]
		for i, takes := range []time.Duration{100, 100, 100, 3000} {
			all = append(all, newPaced(string(rune('a'+i)), takes*time.Millisecond))
			providers = append(providers, all[i].provider())
		}
		r := pacedRouter(t, providers, failover.WithStrategy(failover.LeastLatency()))
		var wg sync.WaitGroup
		for i := range 3000 {
			wg.Go(func() {
				_, err := r.Do(t.Context(), i)
				assert.NoError(t, err)
			})
			wait(t, 5*time.Millisecond)
		}
		wg.Wait()
		for _, p := range all[:3] {
			assert.InDelta(t, 1000, p.calls.Load(), 150, p.name)
		}
		assert.Less(t, all[3].calls.Load(), int64(30), "the slow one")
	})
}

// A silent provider that impatient callers never give its time is not blamed,
// but it must not pass for fast either.
func TestLeastLatencyDoesNotChaseSilence(t *testing.T) {
	t.Parallel()
	for name, strategy := range map[string]failover.Strategy{
		"least latency": failover.LeastLatency(), "scored": failover.Scored(failover.Weights{Speed: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				silent, good := newPaced("silent", time.Hour), newPaced("good", 100*time.Millisecond)
				r := pacedRouter(t, failover.Providers(silent.provider(), good.provider()), failover.WithStrategy(strategy))
				for i := range 200 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Second)
					who, err := r.Do(ctx, i)
					cancel()
					require.NoError(t, err)
					require.Equal(t, "good", who)
				}
				assert.Less(t, silent.calls.Load(), int64(15))
				assert.Empty(t, r.Status().Providers[0].Reasons)
				assert.InDelta(t, 1, r.Status().Providers[0].SuccessRate, 0)
			})
		})
	}
}
