package failover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// deterministic are the strategies that draw nothing by chance.
func deterministic() map[string]failover.Strategy {
	all := allStrategies()
	delete(all, "least_latency")
	delete(all, "weighted") // the first pick is in turn, the later ones are drawn
	return all
}

// The plan is what Do then does, in whatever state the providers are.
func TestPlanIsWhatDoDoes(t *testing.T) {
	t.Parallel()
	for name, strategy := range deterministic() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(60) {
				synctest.Test(t, func(t *testing.T) { comparePlan(t, strategy, seed) })
			}
		})
	}
}

// comparePlan brings providers into random states, step by step, and looks at
// each one whether a plan comes true.
func comparePlan(t *testing.T, strategy failover.Strategy, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	size := 2 + random.IntN(4)
	f := newFleet(size)
	opts := []failover.Option{
		failover.WithStrategy(strategy),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 2}),
		failover.WithMaxAttempts(1 + random.IntN(size+1)),
	}
	if seed%3 == 0 {
		opts = append(opts, failover.WithFailback(failover.FailbackPolicy{MinHealthy: 20 * time.Second}))
	}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) {
		if i > 0 {
			p.Cost = func(req int) float64 { return float64((req*i)%4 + 1) }
		}
		if i == 1 {
			p.Supports = func(req int) bool { return req%3 != 0 }
			p.Limit = failover.Limit{Rate: 0.5, Burst: 2}
		}
	}, opts...)
	for step := range 60 {
		n := f[random.IntN(size)]
		switch random.IntN(12) {
		case 0:
			require.NoError(t, r.Disable(n.name))
		case 1, 2:
			require.NoError(t, r.Enable(n.name))
		case 3:
			require.NoError(t, r.SetWeight(n.name, random.IntN(3)))
		case 4:
			n.fail(&failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Minute})
		case 5, 6:
			n.fail(errNode)
		default:
			n.fail(nil)
		}
		var wishes []failover.Wish
		switch random.IntN(8) {
		case 0:
			wishes = append(wishes, failover.Prefer(n.name))
		case 1:
			wishes = append(wishes, failover.Avoid(n.name))
		case 2:
			wishes = append(wishes, failover.Only(n.name, f[0].name))
		case 3:
			wishes = append(wishes, failover.MaxCost(float64(random.IntN(8))))
		case 4:
			wishes = append(wishes, failover.Sticky(fmt.Sprint(step%3)))
		case 5:
			wishes = append(wishes, failover.NoFailover())
		case 6:
			wishes = append(wishes, failover.Optimize(failover.Cost))
		}
		ctx, req := failover.With(t.Context(), wishes...), random.IntN(9)

		plan, err := r.Plan(ctx, req)
		require.NoError(t, err)
		again, err := r.Plan(ctx, req)
		require.NoError(t, err)
		require.Equal(t, plan, again, "a plan changes nothing")
		require.Equal(t, size, len(plan.Order)+len(plan.Skipped), "everybody is in it once")
		result, err := r.Route(ctx, req)
		made := []string{}
		for i, a := range result.Attempts {
			if i == 0 || made[len(made)-1] != a.Provider {
				made = append(made, a.Provider)
			}
		}
		if err == nil {
			require.LessOrEqual(t, len(made), len(plan.Order), "seed %d, step %d", seed, step)
			require.Equal(t, plan.Order[:len(made)], made, "seed %d, step %d: %v", seed, step, plan)
		} else {
			require.Equal(t, plan.Order, made, "seed %d, step %d: %v, then %v", seed, step, plan, err)
		}
		if none, ok := errors.AsType[*failover.NoneAvailableError](err); ok {
			require.Equal(t, plan.Skipped, none.Skipped)
		}
		require.NoError(t, pass(t.Context(), time.Duration(random.IntN(8000))*time.Millisecond))
	}
}

// Looking ahead uses up nobody's turn.
func TestPlanMovesNoCounter(t *testing.T) {
	t.Parallel()
	for name, strategy := range map[string]failover.Strategy{
		"round robin": failover.RoundRobin(), "weighted": failover.Weighted(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			weights := []int{3, 2, 1}
			f := newFleet(3)
			r := f.router(t, func(i int, p *failover.Provider[int, string]) {
				if name == "weighted" {
					p.Weight = weights[i]
				}
			}, failover.WithStrategy(strategy))
			for i := range 600 {
				for range i % 5 {
					_, err := r.Plan(t.Context(), i)
					require.NoError(t, err)
				}
				plan, err := r.Plan(t.Context(), i)
				require.NoError(t, err)
				who, err := r.Do(t.Context(), i)
				require.NoError(t, err)
				require.Equal(t, plan.Order[0], who, "request %d", i)
			}
			for i, n := range f {
				want := int64(200)
				if name == "weighted" {
					want = int64(100 * weights[i])
				}
				assert.InDelta(t, want, n.calls.Load(), 2, n.name)
			}
		})
	}
}

// A plan is no use of a sticky key, takes no trial, no place and no token.
func TestPlanTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2)
		r := f.router(t, func(_ int, p *failover.Provider[int, string]) { p.Limit = failover.Limit{Rate: 1, Concurrency: 1} },
			failover.WithStrategy(failover.RoundRobin()),
			failover.WithSticky(failover.StickyPolicy{TTL: time.Minute}),
			failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1, HalfOpenSuccesses: 1}))
		sticky := failover.With(t.Context(), failover.Sticky("k"))
		_, err := r.Do(sticky, 0) // at a
		require.NoError(t, err)
		for range 5 {
			wait(t, 15*time.Second)
			_, err = r.Plan(sticky, 0)
			require.NoError(t, err)
		}
		plan, err := r.Plan(sticky, 0)
		require.NoError(t, err)
		assert.Equal(t, "b", plan.Order[0], "forgotten: the last use was more than a minute ago")

		f[0].fail(errNode)
		f[1].fail(errNode)
		for range 2 {
			_, err = r.Do(t.Context(), 0)
			require.Error(t, err)
			wait(t, 500*time.Millisecond)
		}
		before, err := json.Marshal(r.Status().Providers)
		require.NoError(t, err)
		for range 20 {
			plan, err = r.Plan(t.Context(), 0)
			require.NoError(t, err)
		}
		after, err := json.Marshal(r.Status().Providers)
		require.NoError(t, err)
		assert.JSONEq(t, string(before), string(after))
		assert.Len(t, plan.Order, 1, "everybody is open: one is tried all the same, once a second")
		assert.Len(t, asked(t, r), 1)
		assert.Empty(t, planned(t, r), "and not twice")
		assert.Empty(t, asked(t, r))

		f[0].fail(nil)
		f[1].fail(nil)
		wait(t, time.Minute)
		for range 3 {
			assert.Len(t, planned(t, r), 2)
		}
		_, err = r.Do(t.Context(), 0)
		require.NoError(t, err, "the trial is still there to be had")
	})
}

func TestPlanSaysWhyNot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(10)
		r := f.router(t, func(i int, p *failover.Provider[int, string]) {
			switch i {
			case 3:
				p.Supports = func(int) bool { return false }
			case 4:
				p.Cost = price(9)
			case 5:
			case 6:
				p.Limit = failover.Limit{Rate: 0.001, Burst: 1}
				p.Cost = price(0)
			default:
				p.Cost = price(1)
			}
		}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
		require.NoError(t, r.Disable("a"))
		require.NoError(t, r.SetWeight("b", 0))
		only := func(name string) context.Context { return failover.With(t.Context(), failover.Only(name)) }
		f[7].fail(errNode)
		_, err := r.Do(only("h"), 0)
		require.Error(t, err)
		f[8].fail(&failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Hour})
		_, err = r.Do(only("i"), 0)
		require.Error(t, err)
		_, err = r.Do(only("g"), 0)
		require.NoError(t, err)
		begun := time.Now()

		plan, err := r.Plan(failover.With(t.Context(), failover.MaxCost(2), failover.Avoid("c")), 0)
		require.NoError(t, err)
		assert.Equal(t, []string{"j"}, plan.Order)
		reasons := map[string]failover.Reason{}
		for _, s := range plan.Skipped {
			reasons[s.Provider] = s.Reason
			switch s.Provider {
			case "h":
				assert.WithinDuration(t, begun.Add(10*time.Second), s.Until, time.Second)
			case "i":
				assert.WithinDuration(t, begun.Add(15*time.Minute), s.Until, time.Microsecond, "not longer than WithMaxCooldown")
				assert.Equal(t, failover.ClassRateLimited, s.Class)
			default:
				assert.Zero(t, s.Until, s.Provider)
				assert.Zero(t, s.Class, s.Provider)
			}
		}
		assert.Equal(t, map[string]failover.Reason{
			"a": failover.ReasonDisabled, "b": failover.ReasonDrained, "c": failover.ReasonExcluded,
			"d": failover.ReasonUnknownCost, "e": failover.ReasonTooExpensive, "f": failover.ReasonUnknownCost,
			"g": failover.ReasonLimited, "h": failover.ReasonOpen, "i": failover.ReasonCooling,
		}, reasons)
		f[9].fail(errNode)
		_, err = r.Do(failover.With(t.Context(), failover.MaxCost(2), failover.Avoid("c")), 0)
		all, ok := errors.AsType[*failover.AllFailedError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, plan.Skipped, all.Skipped)
	})
}

// What Plan has to say about a request that Do would refuse.
func TestPlanRefusesWhatDoRefuses(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	r := f.router(t, nil)
	over, cancel := context.WithCancel(t.Context())
	cancel()
	past, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	for _, ctx := range []context.Context{
		over, past,
		failover.With(t.Context(), failover.Only("nobody")),
		failover.With(t.Context(), failover.Only()),
		failover.With(t.Context(), failover.MaxCost(-1)),
	} {
		_, planErr := r.Plan(ctx, 0)
		require.Error(t, planErr)
		_, err := r.Do(ctx, 0)
		require.EqualError(t, err, planErr.Error())
	}
	require.NoError(t, r.Close())
	_, err := r.Plan(t.Context(), 0)
	require.ErrorIs(t, err, failover.ErrClosed)
}

func TestPlanFromInside(t *testing.T) {
	t.Parallel()
	var r *failover.Router[int, string]
	p := failover.Wrap("a", func(ctx context.Context, req int) (string, error) {
		_, err := r.Plan(ctx, req)
		return "planned", err
	})
	p.Timeout = time.Minute
	r, err := failover.New(failover.Providers(p), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
	require.NoError(t, err)
	_, err = r.Do(t.Context(), 0)
	require.ErrorIs(t, err, failover.ErrReentered)
}

func TestPlanIsReadyForJSON(t *testing.T) {
	t.Parallel()
	r := newFleet(1).router(t, nil)
	require.NoError(t, r.Disable("a"))
	plan, err := r.Plan(t.Context(), 0)
	require.NoError(t, err)
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	assert.JSONEq(t, `{"order": [], "skipped": [{"provider": "a", "reason": "disabled"}]}`, string(text))
	var back failover.Plan
	require.NoError(t, json.Unmarshal(text, &back))
	assert.Equal(t, plan, back)
}
