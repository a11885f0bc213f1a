package failover_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// policyOptions are the options that take a struct, by name.
func policyOptions() map[string]func(policy any) failover.Option {
	return map[string]func(policy any) failover.Option{
		"WithRetry":        func(p any) failover.Option { return failover.WithRetry(p.(failover.RetryPolicy)) },
		"WithBudget":       func(p any) failover.Option { return failover.WithBudget(p.(failover.BudgetPolicy)) },
		"WithBreaker":      func(p any) failover.Option { return failover.WithBreaker(p.(failover.BreakerPolicy)) },
		"WithHealthChecks": func(p any) failover.Option { return failover.WithHealthChecks(p.(failover.HealthPolicy)) },
		"WithHedge":        func(p any) failover.Option { return failover.WithHedge(p.(failover.HedgePolicy)) },
		"WithFailback":     func(p any) failover.Option { return failover.WithFailback(p.(failover.FailbackPolicy)) },
		"WithSticky":       func(p any) failover.Option { return failover.WithSticky(p.(failover.StickyPolicy)) },
	}
}

// policies are the zero values of what they take.
func policies() map[string]any {
	return map[string]any{
		"WithRetry": failover.RetryPolicy{}, "WithBudget": failover.BudgetPolicy{}, "WithBreaker": failover.BreakerPolicy{},
		"WithHealthChecks": failover.HealthPolicy{}, "WithHedge": failover.HedgePolicy{},
		"WithFailback": failover.FailbackPolicy{}, "WithSticky": failover.StickyPolicy{},
	}
}

// with returns a copy of a policy with one number changed.
func with(policy any, field int, value float64) (changed any, text string) {
	v := reflect.New(reflect.TypeOf(policy)).Elem()
	v.Set(reflect.ValueOf(policy))
	f := v.Field(field)
	switch f.Kind() {
	case reflect.Float64:
		f.SetFloat(value)
	case reflect.Int, reflect.Int64:
		n := int64(math.MaxInt64)
		switch {
		case value <= math.MinInt64:
			n = math.MinInt64
		case value < math.MaxInt64:
			n = int64(value)
		}
		f.SetInt(n)
	default:
	}
	return v.Interface(), fmt.Sprint(f.Interface())
}

// numbers calls f for each number in each policy.
func numbers(f func(option, field string, index int, kind reflect.Type, zero any)) {
	for option, zero := range policies() {
		t := reflect.TypeOf(zero)
		for i := range t.NumField() {
			if k := t.Field(i).Type.Kind(); k == reflect.Int || k == reflect.Int64 || k == reflect.Float64 {
				f(option, t.Field(i).Name, i, t.Field(i).Type, zero)
			}
		}
	}
}

// Each number of each policy that cannot be is refused by name and value.
func TestPoliciesRefuseWhatCannotBe(t *testing.T) {
	t.Parallel()
	checked := 0
	numbers(func(option, field string, index int, kind reflect.Type, zero any) {
		bad := []float64{-1, math.MinInt64}
		if kind.Kind() == reflect.Float64 {
			bad = append(bad, -1e-300, math.NaN(), math.Inf(1), math.Inf(-1))
		}
		if kind == reflect.TypeFor[time.Duration]() {
			bad = append(bad, float64(366*24*time.Hour), math.MaxInt64)
		}
		for _, value := range bad {
			policy, text := with(zero, index, value)
			_, err := failover.New(newFleet(2).providers(nil), policyOptions()[option](policy))
			require.Error(t, err, "%s: %s %s", option, field, text)
			assert.True(t, strings.HasPrefix(err.Error(), "failover: "+option+": "), err.Error())
			assert.Contains(t, err.Error(), field+" "+text)
			checked++
		}
	})
	assert.Greater(t, checked, 90)
}

// What New accepts, works: no number that it lets through makes a router
// panic, hang or refuse to serve.
func TestPoliciesWorkAsAccepted(t *testing.T) {
	t.Parallel()
	year := float64(365 * 24 * time.Hour)
	numbers(func(option, field string, index int, kind reflect.Type, zero any) {
		for _, value := range []float64{0, 1e-9, 0.5, 1, 2, 1e6, math.MaxInt32, year - 1e9, year, math.MaxInt64, math.MaxFloat64} {
			if option == "WithHealthChecks" && value < 1e6 && kind == reflect.TypeFor[time.Duration]() {
				continue // a probe every few nanoseconds is asked for, and had
			}
			policy, text := with(zero, index, value)
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(2)
				r, err := failover.New(f.providers(func(_ int, p *failover.Provider[int, string]) {
					p.Check = func(context.Context) error { return nil }
				}), policyOptions()[option](policy))
				if err != nil {
					assert.Contains(t, err.Error(), field, "%s: %s %s", option, field, text)
					return
				}
				defer func() { require.NoError(t, r.Close()) }()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				for _, fails := range []error{errNode, &failover.Error{Class: failover.ClassTimeout}, nil} {
					f[0].fail(fails)
					for range 30 {
						who, err := r.Do(ctx, 0)
						require.NoError(t, err, "%s: %s %s", option, field, text)
						if fails != nil {
							require.Equal(t, "b", who)
						}
					}
				}
				f[1].fail(errNode)
				_, _ = r.Do(ctx, 0)
				for _, p := range r.Status().Providers {
					for _, reason := range p.Reasons {
						assert.False(t, !reason.Until.IsZero() && reason.Until.Before(time.Now().Add(-time.Second)), "%s: %s %s: %v", option, field, text, reason)
					}
				}
			})
		}
	})
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	type provider = failover.Provider[int, string]
	ok := newFleet(1).providers(nil)[0]
	but := func(change func(p *provider)) []provider {
		p := ok
		p.Name = "mine"
		change(&p)
		return failover.Providers(ok, p)
	}
	nan, inf := math.NaN(), math.Inf(1)
	effect := func(p *provider) { p.SideEffect = true }
	inner, err := failover.New(failover.Providers(ok))
	require.NoError(t, err)
	hedging, err := failover.New(failover.Providers(ok, newFleet(2).providers(nil)[1]), failover.WithHedge(failover.HedgePolicy{}))
	require.NoError(t, err)
	defer func() { require.NoError(t, hedging.Close()) }()
	for _, tc := range []struct {
		want      string
		providers []provider
		opts      []failover.Option
	}{
		{want: `failover: New: no providers`},
		{want: `failover: New: provider 1 has no Name`, providers: but(func(p *provider) { p.Name = "" })},
		{want: `failover: New: provider "a/b": Name contains "/"`, providers: but(func(p *provider) { p.Name = "a/b" })},
		{want: `failover: New: provider "/": Name contains "/"`, providers: but(func(p *provider) { p.Name = "/" })},
		{want: `failover: New: provider "a": Name is used twice`, providers: but(func(p *provider) { p.Name = "a" })},
		{want: `failover: New: provider "mine": Do is nil`, providers: but(func(p *provider) { p.Do = nil })},
		{want: `failover: New: provider "mine": Do is nil`, providers: failover.Providers(failover.Nest[int, string]("mine", nil))},
		{want: `failover: New: provider "mine": Do is nil`, providers: failover.Providers(failover.Detached[int, string]("mine", nil))},
		{want: `failover: New: provider "mine": Weight -3 is negative`, providers: but(func(p *provider) { p.Weight = -3 })},
		{want: `failover: New: provider "mine": Weight 2147483648 is above 2147483647`, providers: but(func(p *provider) { p.Weight = 1 << 31 })},
		{want: `failover: New: provider "mine": Timeout -1s is negative`, providers: but(func(p *provider) { p.Timeout = -time.Second })},
		{
			want:      `failover: New: provider "mine": Limit.Rate is negative or no number: {Rate:-1 Burst:0 Concurrency:0}`,
			providers: but(func(p *provider) { p.Limit.Rate = -1 }),
		},
		{
			want:      `failover: New: provider "mine": Limit.Rate is negative or no number: {Rate:NaN Burst:0 Concurrency:0}`,
			providers: but(func(p *provider) { p.Limit.Rate = nan }),
		},
		{
			want:      `failover: New: provider "mine": Limit.Rate is negative or no number: {Rate:+Inf Burst:0 Concurrency:0}`,
			providers: but(func(p *provider) { p.Limit.Rate = inf }),
		},
		{
			want:      `failover: New: provider "mine": Limit.Burst is negative or no number: {Rate:1 Burst:-1 Concurrency:0}`,
			providers: but(func(p *provider) { p.Limit = failover.Limit{Rate: 1, Burst: -1} }),
		},
		{
			want:      `failover: New: provider "mine": Limit.Concurrency is negative or no number: {Rate:0 Burst:0 Concurrency:-2}`,
			providers: but(func(p *provider) { p.Limit.Concurrency = -2 }),
		},
		{want: `failover: WithName: the name is empty`, opts: []failover.Option{failover.WithName("")}},
		{want: `failover: WithStrategy: the strategy is nil`, opts: []failover.Option{failover.WithStrategy(nil)}},
		{want: `failover: WithStrategy: the strategy is nil`, opts: []failover.Option{failover.WithStrategy(failover.StrategyFunc(nil))}},
		{want: `failover: WithTimeout: -1s is negative`, opts: []failover.Option{failover.WithTimeout(-time.Second)}},
		{want: `failover: WithMaxAttempts: -1 is negative`, opts: []failover.Option{failover.WithMaxAttempts(-1)}},
		{want: `failover: WithMaxCooldown: 0s is not positive`, opts: []failover.Option{failover.WithMaxCooldown(0)}},
		{want: `failover: WithMaxCooldown: -1ns is not positive`, opts: []failover.Option{failover.WithMaxCooldown(-1)}},
		{want: `failover: WithRateLimitWait: -1ns is negative`, opts: []failover.Option{failover.WithRateLimitWait(-1)}},
		{want: `failover: WithWait: -1ns is negative`, opts: []failover.Option{failover.WithWait(-1)}},
		{want: `failover: WithClassifier: the function is nil`, opts: []failover.Option{failover.WithClassifier(nil)}},
		{want: `failover: WithObserver: the function is nil`, opts: []failover.Option{failover.WithObserver(nil)}},
		{want: `failover: WithLogger: the logger is nil`, opts: []failover.Option{failover.WithLogger(nil)}},
		{want: `failover: WithVerdict: class(77) is no class`, opts: []failover.Option{failover.WithVerdict(77, failover.Verdict{})}},
		{
			want: `failover: WithBreaker: FailureRatio 0.5 needs a Window`,
			opts: []failover.Option{failover.WithBreaker(failover.BreakerPolicy{FailureRatio: 0.5})},
		},
		{want: `failover: Weights: all are zero`, opts: []failover.Option{failover.WithStrategy(failover.Scored(failover.Weights{}))}},
		{
			want:      `failover: New: WithHedge is not allowed with side effects: both attempts could take effect`,
			providers: but(effect), opts: []failover.Option{failover.WithHedge(failover.HedgePolicy{})},
		},
		{
			want: `failover: New: provider "mine": Validate is not allowed with side effects: what was done cannot be refused`,
			providers: but(func(p *provider) {
				p.SideEffect = true
				p.Validate = func(context.Context, int, string) error { return nil }
			}),
		},
		{
			want:      `failover: New: provider "a": a mirror is not allowed with side effects`,
			providers: append(but(effect)[1:], failover.NewMirror(ok, newFleet(2).providers(nil)[1], nil, failover.MirrorPolicy{})),
		},
		{
			want:      `failover: New: provider "a": NewMirror: Sample 1.5 is not between 0 and 1`,
			providers: failover.Providers(failover.NewMirror(ok, newFleet(2).providers(nil)[1], nil, failover.MirrorPolicy{Sample: 1.5})),
		},
		// The first thing that is wrong is named.
		{want: `failover: WithWait: -2ns is negative`, opts: []failover.Option{failover.WithWait(-2), failover.WithName("")}},
		{want: `failover: WithName: the name is empty`, opts: []failover.Option{failover.WithOptions(failover.WithName(""), failover.WithWait(-2))}},
	} {
		t.Run(tc.want, func(t *testing.T) {
			t.Parallel()
			if tc.opts != nil && tc.providers == nil {
				tc.providers = failover.Providers(ok)
			}
			r, err := failover.New(tc.providers, tc.opts...)
			require.EqualError(t, err, tc.want)
			assert.Nil(t, r)
		})
	}
	_, err = failover.New(failover.Providers(failover.Nest("pool", inner), but(effect)[1]))
	require.NoError(t, err, "a plain pool beside a side effect")
	_, err = failover.New(failover.Providers(failover.Nest("pool", hedging), but(effect)[1]))
	require.ErrorContains(t, err, `failover: New: provider "pool": `)
	require.ErrorContains(t, err, `WithHedge`)
}

// New changes nothing of what it is given, and is not changed by what becomes
// of it.
func TestNewCopiesItsProviders(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	list := f.providers(nil)
	r, err := failover.New(list)
	require.NoError(t, err)
	list[0].Do, list[1] = nil, list[0]
	assert.Equal(t, []string{"a", "b"}, planned(t, r))
	assert.Equal(t, "a", servedBy(t, r, 1))
}

func TestOptionsOverrideAndGroup(t *testing.T) {
	t.Parallel()
	group := failover.WithOptions(
		failover.WithName("group"), nil, failover.WithOptions(), failover.WithOptions(failover.WithStrategy(failover.RoundRobin())),
	)
	for want, opts := range map[string][]failover.Option{
		"router active_passive": nil,
		"group round_robin":     {group},
		"last round_robin":      {group, failover.WithName("last")},
		"group weighted":        {failover.WithName("first"), group, failover.WithStrategy(failover.Weighted())},
	} {
		r, err := failover.New(newFleet(1).providers(nil), opts...)
		require.NoError(t, err)
		assert.Equal(t, want, r.Status().Router+" "+r.Status().Strategy)
	}
}

func TestProvidersOfANilListAndNilOptions(t *testing.T) {
	t.Parallel()
	_, err := failover.New(failover.Providers[int, string]())
	require.EqualError(t, err, "failover: New: no providers")
	r, err := failover.New(newFleet(1).providers(nil), nil, failover.WithLogger(slog.New(slog.DiscardHandler)), nil)
	require.NoError(t, err)
	assert.Equal(t, "a", servedBy(t, r, 1))
}
