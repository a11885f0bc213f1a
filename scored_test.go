package failover_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func price(cost float64) func(int) float64 { return func(int) float64 { return cost } }

func TestLeastCostTakesTheCheapest(t *testing.T) {
	t.Parallel()
	f := newFleet(5)
	costs := []func(int) float64{
		nil,
		price(math.NaN()),
		func(req int) float64 { return float64(req) },
		price(3),
		price(-1),
	}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Cost = costs[i] },
		failover.WithStrategy(failover.LeastCost()))
	for req, want := range map[int][]string{
		2: {"c", "d", "a", "b", "e"},
		9: {"d", "c", "a", "b", "e"},
		3: {"c", "d", "a", "b", "e"}, // a tie goes by registration
		0: {"c", "d", "a", "b", "e"}, // free is known
	} {
		plan, err := r.Plan(t.Context(), req)
		require.NoError(t, err)
		assert.Equal(t, want, plan.Order, "request %d", req)
	}
	for _, n := range f[:4] {
		n.fail(errNode)
	}
	result, err := r.Route(t.Context(), 9)
	require.NoError(t, err)
	assert.Equal(t, "e", result.Value)
	assert.InDelta(t, 12, result.Cost, 0, "what is known of it")
}

func TestLeastCostWithNothingKnownGoesByRegistration(t *testing.T) {
	t.Parallel()
	for _, cost := range []float64{math.Inf(1), math.NaN(), -1} {
		r := newFleet(3).router(t, func(_ int, p *failover.Provider[int, string]) { p.Cost = price(cost) },
			failover.WithStrategy(failover.LeastCost()))
		plan, err := r.Plan(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c"}, plan.Order)
	}
}

// market is three providers that are best at one thing each.
func market(t *testing.T, strategy failover.Strategy) *failover.Router[int, string] {
	t.Helper()
	cheap, fast, steady := newPaced("cheap", 900*time.Millisecond), newPaced("fast", 50*time.Millisecond), newPaced("steady", 800*time.Millisecond)
	providers := failover.Providers(cheap.provider(), fast.provider(), steady.provider())
	for i, cost := range []float64{1, 10, 9} {
		providers[i].Cost = price(cost)
	}
	r := pacedRouter(t, providers, failover.WithStrategy(strategy))
	flaky := errNode
	for range 3 {
		for _, p := range []*paced{cheap, fast, steady} {
			for i := range 8 {
				p.fails.Store(nil)
				if i%4 == 0 && p != steady {
					p.fails.Store(&flaky)
				}
				_, _ = r.Do(failover.With(t.Context(), failover.Only(p.name)), 0)
			}
		}
	}
	// Peaks are forgotten, so that only the usual latency stands.
	wait(t, time.Minute)
	for range 4 {
		for _, p := range []*paced{cheap, fast, steady} {
			p.fails.Store(nil)
			_, err := r.Do(failover.With(t.Context(), failover.Only(p.name)), 0)
			require.NoError(t, err)
		}
		wait(t, 30*time.Second)
	}
	return r
}

func TestScoredWeighsWhatItIsTold(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		weights failover.Weights
		want    string
	}{
		"cost":                                {failover.Cost, "cheap"},
		"speed":                               {failover.Speed, "fast"},
		"success":                             {failover.Success, "steady"},
		"a mix of cost and speed, cost first": {failover.Weights{Cost: 2, Speed: 1}, "cheap"},
		"a mix of cost and speed":             {failover.Weights{Cost: 1, Speed: 2}, "fast"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				plan, err := market(t, failover.Scored(tc.weights)).Plan(t.Context(), 0)
				require.NoError(t, err)
				assert.Equal(t, tc.want, plan.Order[0])

				// Optimize says the same for one call under any strategy.
				other := market(t, failover.RoundRobin())
				ctx := failover.With(t.Context(), failover.Optimize(tc.weights))
				plan, err = other.Plan(ctx, 0)
				require.NoError(t, err)
				assert.Equal(t, tc.want, plan.Order[0])
				who, err := other.Do(ctx, 0)
				require.NoError(t, err)
				assert.Equal(t, tc.want, who)
			})
		})
	}
}

// One bad moment must not keep the better provider out for good: the other one
// never fails, so nothing else would ever bring it back.
func TestScoredForgivesWithTime(t *testing.T) {
	t.Parallel()
	for name, weights := range map[string]failover.Weights{
		"speed":            {Speed: 1},
		"speed and others": {Speed: 1, Success: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				better, other := newPaced("better", 50*time.Millisecond), newPaced("other", 100*time.Millisecond)
				r := pacedRouter(t, failover.Providers(better.provider(), other.provider()), failover.WithStrategy(failover.Scored(weights)))
				require.Equal(t, map[string]int{"better": 59, "other": 1}, served(t, r, 60, time.Second), "each is tried once")
				better.fails.Store(new(error(errNode)))
				require.Equal(t, map[string]int{"other": 1}, served(t, r, 1, time.Second))
				better.fails.Store(nil)
				require.Equal(t, map[string]int{"other": 60}, served(t, r, 60, time.Second), "not at once")
				served(t, r, 1200, time.Second)
				require.Equal(t, map[string]int{"better": 60}, served(t, r, 60, time.Second), "but after some minutes")
			})
		})
	}
}

// A slow provider is looked at again now and then, not in turn with the fast
// one, however rarely requests come.
func TestScoredLooksAgainRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fast, slow := newPaced("fast", 100*time.Millisecond), newPaced("slow", 3*time.Second)
		r := pacedRouter(t, failover.Providers(slow.provider(), fast.provider()), failover.WithStrategy(failover.Scored(failover.Weights{Speed: 1})))
		counts := served(t, r, 1000, time.Minute)
		assert.Greater(t, counts["fast"], 930, counts)
		assert.Greater(t, counts["slow"], 1, counts)
	})
}

func TestWeightsAreChecked(t *testing.T) {
	t.Parallel()
	for want, w := range map[string]failover.Weights{
		"failover: Weights: all are zero":                          {},
		"failover: Weights: Cost -1 is negative or no number":      {Cost: -1},
		"failover: Weights: Speed NaN is negative or no number":    {Speed: math.NaN()},
		"failover: Weights: Success +Inf is negative or no number": {Cost: 1, Success: math.Inf(1)},
		"failover: Weights: Cost -Inf is negative or no number":    {Cost: math.Inf(-1), Speed: 1},
		"failover: Weights: Speed -0.5 is negative or no number":   {Cost: 1, Speed: -0.5, Success: 1},
	} {
		_, err := failover.New(newFleet(1).providers(nil), failover.WithStrategy(failover.Scored(w)))
		require.EqualError(t, err, want)
		r := newFleet(1).router(t, nil)
		_, err = r.Do(failover.With(t.Context(), failover.Optimize(w)), 0)
		require.EqualError(t, err, want)
		_, err = r.Plan(failover.With(t.Context(), failover.Optimize(w)), 0)
		require.EqualError(t, err, want)
	}
}

// FuzzScored: whatever the prices and the weights, somebody is named.
func FuzzScored(f *testing.F) {
	f.Add(1.0, 2.0, 0.0, 1.0, 1.0, 1.0)
	f.Add(math.MaxFloat64, math.SmallestNonzeroFloat64, 0.0, math.MaxFloat64, math.MaxFloat64, math.MaxFloat64)
	f.Add(math.NaN(), math.Inf(1), -1.0, math.NaN(), math.Inf(1), -1.0)
	f.Fuzz(func(t *testing.T, a, b, c, cost, speed, success float64) {
		prices := []float64{a, b, c}
		strategies := []failover.Strategy{
			failover.LeastCost(), failover.Scored(failover.Weights{Cost: cost, Speed: speed, Success: success}),
		}
		for _, s := range strategies {
			r, err := failover.New(newFleet(3).providers(func(i int, p *failover.Provider[int, string]) { p.Cost = price(prices[i]) }),
				failover.WithStrategy(failover.StrategyFunc(func(ctx context.Context, p failover.Pick) int {
					at := s.Next(ctx, p)
					assert.True(t, at >= 0 && at < len(p.Candidates))
					return at
				})))
			require.NoError(t, err)
			plan, err := r.Plan(t.Context(), 0)
			require.NoError(t, err)
			require.Len(t, plan.Order, 3)
		}
	})
}
