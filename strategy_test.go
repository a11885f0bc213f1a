package failover_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// node is a provider that does what it is told to, and counts.
type node struct {
	name  string
	calls atomic.Int64
	fails atomic.Pointer[error] // nil: it answers with its name
}

func (n *node) do(context.Context, int) (string, error) {
	n.calls.Add(1)
	if err := n.fails.Load(); err != nil {
		return "", *err
	}
	return n.name, nil
}

// fail makes the node return err from now on; nil lets it answer.
func (n *node) fail(err error) {
	if err == nil {
		n.fails.Store(nil)
		return
	}
	n.fails.Store(&err)
}

// fleet is a number of nodes called a, b, c and so on.
type fleet []*node

func newFleet(size int) fleet {
	f := make(fleet, size)
	for i := range f {
		f[i] = &node{name: string(rune('a' + i))}
	}
	return f
}

// providers of the fleet; set may change each of them.
func (f fleet) providers(set func(i int, p *failover.Provider[int, string])) []failover.Provider[int, string] {
	list := make([]failover.Provider[int, string], len(f))
	for i, n := range f {
		list[i] = failover.Wrap(n.name, n.do)
		if set != nil {
			set(i, &list[i])
		}
	}
	return list
}

// router of the fleet, with one attempt at each provider and breakers that
// never open, unless opts say otherwise.
func (f fleet) router(t testing.TB, set func(i int, p *failover.Provider[int, string]), opts ...failover.Option) *failover.Router[int, string] {
	t.Helper()
	opts = append([]failover.Option{
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: math.MaxInt}),
		failover.WithTimeout(0),
	}, opts...)
	r, err := failover.New(f.providers(set), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

var errNode = errors.New("node fails")

// firstPicks makes n requests and counts who was asked first.
func firstPicks(t testing.TB, r *failover.Router[int, string], n int) map[string]int {
	t.Helper()
	first := map[string]int{}
	for i := range n {
		result, _ := r.Route(t.Context(), i)
		require.NotEmpty(t, result.Attempts)
		first[result.Attempts[0].Provider]++
	}
	return first
}

// checkShares judges the promise that first picks are shared out by weight,
// whoever fails: it sends requests while every proper subset of the providers
// refuses, and says what it found to be wrong.
func checkShares(t testing.TB, weights []int, strategy func() failover.Strategy) error {
	t.Helper()
	total := 0
	for _, w := range weights {
		total += w
	}
	var wrong []error
	for failing := range 1<<len(weights) - 1 {
		f := newFleet(len(weights))
		for i, n := range f {
			if failing>>i&1 == 1 {
				// A refusal of no one's fault, so that weights stay.
				n.fail(&failover.Error{Class: failover.ClassUnsatisfactory})
			}
		}
		r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Weight = weights[i] },
			failover.WithStrategy(strategy()))
		const rounds = 60
		got := firstPicks(t, r, rounds*total)
		for i, n := range f {
			want := rounds * weights[i]
			if off := got[n.name] - want; max(off, -off) > 2*len(weights) {
				wrong = append(wrong, fmt.Errorf("while %0*b fail, %s is asked first %d times instead of %d",
					len(weights), failing, n.name, got[n.name], want))
			}
		}
	}
	return errors.Join(wrong...)
}

func TestFirstPickSharesHoldWhileAnySubsetFails(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		weights  []int
		strategy func() failover.Strategy
	}{
		{"round robin of two", []int{1, 1}, failover.RoundRobin},
		{"round robin of three", []int{1, 1, 1}, failover.RoundRobin},
		{"round robin of five", []int{1, 1, 1, 1, 1}, failover.RoundRobin},
		{"equal weights", []int{1, 1, 1}, failover.Weighted},
		{"small weights", []int{1, 2, 3}, failover.Weighted},
		{"80 to 20", []int{80, 20}, failover.Weighted},
		{"steep weights", []int{1, 10, 100, 5}, failover.Weighted},
		// All of the first picks go to the primary, whatever becomes of them.
		{"active passive", []int{1, 0, 0}, failover.ActivePassive},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, checkShares(t, tc.weights, tc.strategy))
		})
	}
}

// A rotation that failover moves too is the mistake the property is there to
// find: while one provider fails, each of its turns eats its neighbour's.
func TestSharesOfACounterMovedByFailoverDoNotHold(t *testing.T) {
	t.Parallel()
	shared := func() failover.Strategy {
		var turn atomic.Uint64
		return failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
			due := int((turn.Add(1) - 1) % uint64(p.Size))
			for at, c := range p.Candidates {
				if c.Index >= due {
					return at
				}
			}
			return 0
		})
	}
	err := checkShares(t, []int{1, 1, 1}, shared)
	require.Error(t, err, "the checker does not see a starved provider")
	require.ErrorContains(t, err, "while 001 fail, b is asked first 0 times instead of 60")
}

func TestSharesOfTheOthersHoldWhileSomeAreAbsent(t *testing.T) {
	t.Parallel()
	for name, absent := range map[string]func(r *failover.Router[int, string], provider string) error{
		"disabled": func(r *failover.Router[int, string], p string) error { return r.Disable(p) },
		"drained":  func(r *failover.Router[int, string], p string) error { return r.SetWeight(p, 0) },
	} {
		for strategy, s := range map[string]failover.Strategy{
			"round robin": failover.RoundRobin(), "weighted": failover.Weighted(),
		} {
			t.Run(name+" under "+strategy, func(t *testing.T) {
				t.Parallel()
				for left := 1; left < 1<<5; left++ {
					f := newFleet(5)
					r := f.router(t, nil, failover.WithStrategy(s))
					present := 0
					for i, n := range f {
						if left>>i&1 == 0 {
							require.NoError(t, absent(r, n.name))
						} else {
							present++
						}
					}
					got := firstPicks(t, r, 60)
					require.Len(t, got, present)
					for p, n := range got {
						require.InDelta(t, 60/present, n, 1, "%s, present %05b", p, left)
					}
				}
			})
		}
	}
}

func TestHealthyProvidersKeepTheirRatioWhileAnotherIsPenalised(t *testing.T) {
	t.Parallel()
	f := newFleet(3)
	f[0].fail(errNode)
	weights := []int{10, 3, 1}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Weight = weights[i] },
		failover.WithStrategy(failover.Weighted()))
	got := firstPicks(t, r, 4000)
	assert.Less(t, got["a"], 400, "ten parts of fourteen, halved six times")
	assert.InDelta(t, 3, float64(got["b"])/float64(got["c"]), 0.05)
}

// Requests of different kinds, in any pattern, must not use up each other's
// turns.
func TestSharesHoldForEachKindOfRequest(t *testing.T) {
	t.Parallel()
	for name, strategy := range map[string]failover.Strategy{
		"round robin": failover.RoundRobin(), "weighted": failover.Weighted(),
	} {
		for _, kinds := range [][]int{
			{0b1111, 0b0011}, {0b11, 0b10}, {0b1111, 0b0111, 0b0011, 0b0001}, {0b111, 0b110, 0b101, 0b011},
		} {
			t.Run(fmt.Sprintf("%s, %b", name, kinds), func(t *testing.T) {
				t.Parallel()
				size := 0
				for _, k := range kinds {
					for ; k>>size > 0; size++ {
					}
				}
				f := newFleet(size)
				r := f.router(t, func(i int, p *failover.Provider[int, string]) {
					p.Supports = func(req int) bool { return kinds[req]>>i&1 == 1 }
				}, failover.WithStrategy(strategy))
				const rounds = 120
				got := make([]map[string]int, len(kinds))
				for n := range rounds * len(kinds) {
					kind := n % len(kinds)
					if got[kind] == nil {
						got[kind] = map[string]int{}
					}
					who, err := r.Do(t.Context(), kind)
					require.NoError(t, err)
					got[kind][who]++
				}
				for kind, counts := range got {
					able := 0
					for i := range size {
						able += kinds[kind] >> i & 1
					}
					require.Len(t, counts, able, "kind %b: %v", kinds[kind], counts)
					for who, n := range counts {
						require.InDelta(t, rounds/able, n, 2, "kind %b, %s", kinds[kind], who)
					}
				}
			})
		}
	}
}

func TestSharesHoldUnderConcurrency(t *testing.T) {
	t.Parallel()
	for name, strategy := range map[string]failover.Strategy{
		"round robin": failover.RoundRobin(), "weighted": failover.Weighted(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(4)
			r := f.router(t, nil, failover.WithStrategy(strategy))
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					for i := range 500 {
						_, err := r.Do(t.Context(), i)
						assert.NoError(t, err)
					}
				})
			}
			wg.Wait()
			for _, n := range f {
				assert.InDelta(t, 1000, n.calls.Load(), 8, n.name)
			}
		})
	}
}

// allStrategies are those of this package, and one of a user.
func allStrategies() map[string]failover.Strategy {
	return map[string]failover.Strategy{
		"active_passive": failover.ActivePassive(),
		"round_robin":    failover.RoundRobin(),
		"weighted":       failover.Weighted(),
		"least_latency":  failover.LeastLatency(),
		"least_cost":     failover.LeastCost(),
		"scored":         failover.Scored(failover.Weights{Cost: 1, Speed: 1, Success: 1}),
		"custom": failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
			return len(p.Candidates) - 1
		}),
	}
}

// Every strategy serves as long as anybody can, whoever cannot.
func TestEveryStrategyFindsTheOneThatWorks(t *testing.T) {
	t.Parallel()
	for name, strategy := range allStrategies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for size := 1; size <= 5; size++ {
				for works := range size {
					f := newFleet(size)
					for i, n := range f {
						if i != works {
							n.fail(errNode)
						}
					}
					r := f.router(t, nil, failover.WithStrategy(strategy))
					assert.Equal(t, name, r.Status().Strategy)
					for i := range 10 {
						result, err := r.Route(t.Context(), i)
						require.NoError(t, err)
						require.Equal(t, f[works].name, result.Value)
						asked := map[string]bool{}
						for _, a := range result.Attempts {
							require.False(t, asked[a.Provider], "asked twice")
							asked[a.Provider] = true
						}
					}
				}
			}
		})
	}
}

// A strategy of this package may also be called from a user's own, before any
// router has taken it and with whatever is in the Pick.
func TestStrategiesOutsideARouter(t *testing.T) {
	t.Parallel()
	for name, strategy := range allStrategies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			strange := failover.StrategyFunc(func(ctx context.Context, p failover.Pick) int {
				blank := make([]failover.Candidate, 3)
				for i := range blank {
					blank[i].Index = i
					assert.Empty(t, blank[i].Name())
				}
				for attempt := range 3 {
					for n := 1; n <= len(blank); n++ {
						for _, size := range []int{0, n, 9} {
							at := strategy.Next(ctx, failover.Pick{Candidates: blank[:n], Attempt: attempt, Size: size})
							assert.True(t, at >= 0 && at < n, "%d of %d", at, n)
						}
					}
				}
				if name != "custom" {
					assert.Zero(t, strategy.Next(ctx, failover.Pick{Size: 3}), "nobody to choose from")
				}
				return strategy.Next(ctx, p)
			})
			f := newFleet(3)
			r := f.router(t, nil, failover.WithStrategy(strange))
			who, err := r.Do(t.Context(), 1)
			require.NoError(t, err)
			assert.NotEmpty(t, who)
		})
	}
}

func TestOneStrategyServesSeveralRoutersApart(t *testing.T) {
	t.Parallel()
	strategy := failover.RoundRobin()
	one, two := newFleet(2).router(t, nil, failover.WithStrategy(strategy)), newFleet(2).router(t, nil, failover.WithStrategy(strategy))
	for range 2 {
		for _, want := range []string{"a", "b"} {
			for _, r := range []*failover.Router[int, string]{one, two} {
				who, err := r.Do(t.Context(), 0)
				require.NoError(t, err)
				assert.Equal(t, want, who)
			}
		}
	}
	order := failover.ActivePassive()
	one, two = newFleet(2).router(t, nil, failover.WithStrategy(order)), newFleet(2).router(t, nil, failover.WithStrategy(order))
	require.NoError(t, one.SetPrimary("b"))
	for r, want := range map[*failover.Router[int, string]]string{one: "b", two: "a"} {
		who, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		assert.Equal(t, want, who)
	}
}

func TestAStrategyStopsByPointingNowhere(t *testing.T) {
	t.Parallel()
	for _, nowhere := range []int{-1, math.MinInt, 3, math.MaxInt} {
		t.Run(fmt.Sprint(nowhere), func(t *testing.T) {
			t.Parallel()
			f := newFleet(3)
			f[0].fail(errNode)
			r := f.router(t, nil, failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
				if p.Attempt > 0 {
					return nowhere
				}
				return 0
			})))
			_, err := r.Do(t.Context(), 1)
			all, ok := errors.AsType[*failover.AllFailedError](err)
			require.True(t, ok, "%v", err)
			assert.Len(t, all.Attempts, 1)
			assert.Equal(t, []failover.Skip{
				{Provider: "b", Reason: failover.ReasonNotChosen}, {Provider: "c", Reason: failover.ReasonNotChosen},
			}, all.Skipped)

			never := f.router(t, nil, failover.WithStrategy(failover.StrategyFunc(func(context.Context, failover.Pick) int { return nowhere })))
			_, err = never.Do(t.Context(), 1)
			require.ErrorIs(t, err, failover.ErrNoneAvailable)
		})
	}
}

// pickSeen is a Pick as it can be kept: its slices are reused.
type pickSeen struct {
	names   []string
	tried   []int
	attempt int
	dry     bool
	size    int
}

func TestWhatAStrategySees(t *testing.T) {
	t.Parallel()
	var picks []pickSeen
	f := newFleet(4)
	f[0].fail(errNode)
	f[3].fail(errNode)
	r := f.router(t, func(i int, p *failover.Provider[int, string]) {
		p.Weight = i
		if i != 0 {
			p.Cost = func(req int) float64 { return float64(10*i + req) }
		}
	}, failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		s := pickSeen{tried: slices.Clone(p.Tried), attempt: p.Attempt, dry: p.Dry, size: p.Size}
		for _, c := range p.Candidates {
			s.names = append(s.names, c.Name())
			assert.Equal(t, max(c.Index, 1), c.Weight())
			assert.Zero(t, c.InFlight())
			cost, ok := c.Cost()
			assert.Equal(t, c.Index != 0, ok)
			if ok {
				assert.InDelta(t, 10*c.Index+7, cost, 0)
			}
		}
		picks = append(picks, s)
		return []int{0, 2, 0, 0}[p.Attempt]
	})))
	result, err := r.Route(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, "b", result.Value)
	served := []pickSeen{
		{names: []string{"a", "b", "c", "d"}, tried: []int{}, size: 4},
		{names: []string{"b", "c", "d"}, tried: []int{0}, attempt: 1, size: 4},
		{names: []string{"b", "c"}, tried: []int{0, 3}, attempt: 2, size: 4},
	}
	assert.Equal(t, served, picks)

	picks = nil
	plan, err := r.Plan(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, failover.Plan{Order: []string{"a", "d", "b", "c"}}, plan)
	planned := append(served, pickSeen{names: []string{"c"}, tried: []int{0, 3, 1}, attempt: 3, size: 4})
	for i := range planned {
		planned[i].dry = true
	}
	assert.Equal(t, planned, picks)
}

func TestCandidateStatistics(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	var before, after failover.Candidate
	var rate float64
	r := f.router(t, nil, failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		after = p.Candidates[0]
		if p.Attempt == 0 {
			rate = after.SuccessRate()
		}
		return 0
	})))
	assert.Zero(t, before.Latency())
	assert.InDelta(t, 1, before.SuccessRate(), 0)
	_, ok := before.Cost()
	assert.False(t, ok)
	assert.Zero(t, before.Weight())
	assert.Zero(t, before.InFlight())

	_, err := r.Do(t.Context(), 1)
	require.NoError(t, err)
	assert.InDelta(t, 1, rate, 0)
	assert.Positive(t, after.Latency())
	f[0].fail(errNode)
	for range 20 {
		_, err = r.Do(t.Context(), 1)
		require.NoError(t, err)
	}
	assert.Less(t, rate, 0.7)
	assert.Positive(t, rate)
}

// A strategy that panics is user code: the panic goes to the caller, and
// nothing of the router is lost with it.
func TestAStrategyThatPanics(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	f[0].fail(errNode)
	var wild atomic.Int64
	r := f.router(t, func(_ int, p *failover.Provider[int, string]) { p.Limit = failover.Limit{Concurrency: 1} },
		failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
			if int64(p.Attempt) == wild.Load()-1 {
				panic("wild")
			}
			return 0
		})))
	for _, ctx := range []func() (context.Context, context.CancelFunc){
		func() (context.Context, context.CancelFunc) { return t.Context(), func() {} },
		// With a deadline it is also asked who would come next, while an
		// attempt is being made.
		func() (context.Context, context.CancelFunc) { return context.WithTimeout(t.Context(), time.Hour) },
	} {
		for attempt := range int64(2) {
			wild.Store(attempt + 1)
			for range 3 {
				ctx, cancel := ctx()
				assert.PanicsWithValue(t, "wild", func() { _, _ = r.Do(ctx, 0) })
				cancel()
			}
			wild.Store(0)
			ctx, cancel := ctx()
			who, err := r.Do(ctx, 0)
			cancel()
			require.NoError(t, err)
			require.Equal(t, "b", who)
			for _, p := range r.Status().Providers {
				require.True(t, p.Ready, p.Name)
				require.Zero(t, p.InFlight)
			}
		}
	}
}

// With a deadline a strategy is asked ahead who would come after the attempt
// that is about to be made: dry, and with that one among the tried.
func TestLookingAheadIsDry(t *testing.T) {
	t.Parallel()
	var picks []pickSeen
	f := newFleet(3)
	f[0].fail(errNode)
	r := f.router(t, nil, failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		picks = append(picks, pickSeen{tried: slices.Clone(p.Tried), attempt: p.Attempt, dry: p.Dry, size: len(p.Candidates)})
		return 0
	})))
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	_, err := r.Do(ctx, 0)
	require.NoError(t, err)
	assert.Equal(t, []pickSeen{
		{tried: []int{}, size: 3},
		{tried: []int{0}, attempt: 1, dry: true, size: 2},
		{tried: []int{0}, attempt: 1, size: 2},
		{tried: []int{0, 1}, attempt: 2, dry: true, size: 1},
	}, picks)
}
