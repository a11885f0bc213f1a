//go:build !race

package failover_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// The race detector allocates on its own, so these run without it.

// triple is a request and an answer of a usual size.
type triple struct{ a, b, c int64 }

// allocations counts those of a request, once the router is warm.
func allocations[Req, Resp any](t *testing.T, r *failover.Router[Req, Resp], ctx context.Context, req Req) float64 {
	t.Helper()
	for range 20 {
		_, err := r.Do(ctx, req)
		require.NoError(t, err)
	}
	return testing.AllocsPerRun(500, func() { _, _ = r.Do(ctx, req) })
}

// healthyPair is a router of two that answer, with opts.
func healthyPair(t *testing.T, opts ...failover.Option) *failover.Router[triple, triple] {
	t.Helper()
	answer := func(_ context.Context, req triple) (triple, error) { return req, nil }
	one, two := failover.Wrap("one", answer), failover.Wrap("two", answer)
	one.Cost = func(triple) float64 { return 1 }
	r, err := failover.New(failover.Providers(one, two), append([]failover.Option{failover.WithTimeout(0)}, opts...)...)
	require.NoError(t, err)
	return r
}

func TestHealthyRequestAllocatesNothing(t *testing.T) {
	strategies := allStrategies()
	strategies["default"] = failover.ActivePassive()
	for name, strategy := range strategies {
		t.Run(name, func(t *testing.T) {
			assert.Zero(t, allocations(t, healthyPair(t, failover.WithStrategy(strategy)), context.Background(), triple{1, 2, 3}))
		})
	}
	t.Run("context with a cancel", func(t *testing.T) {
		assert.Zero(t, allocations(t, healthyPair(t), t.Context(), triple{1, 2, 3}))
	})
	t.Run("limit", func(t *testing.T) {
		p := failover.Wrap("p", func(_ context.Context, req triple) (triple, error) { return req, nil })
		p.Limit = failover.Limit{Rate: 1e9, Concurrency: 5}
		r, err := failover.New(failover.Providers(p), failover.WithTimeout(0))
		require.NoError(t, err)
		assert.Zero(t, allocations(t, r, context.Background(), triple{}))
	})
	t.Run("adapt, validate, supports", func(t *testing.T) {
		p := failover.Wrap("p", func(_ context.Context, req triple) (triple, error) { return req, nil })
		p.Adapt = func(req triple) triple { return req }
		p.Validate = func(context.Context, triple, triple) error { return nil }
		p.Supports = func(triple) bool { return true }
		r, err := failover.New(failover.Providers(p), failover.WithTimeout(0))
		require.NoError(t, err)
		assert.Zero(t, allocations(t, r, context.Background(), triple{}))
	})
}

// Whatever an answer is, looking whether it holds anything costs nothing.
func TestJudgingAnswersAllocatesNothing(t *testing.T) {
	t.Run("string", func(t *testing.T) { assert.Zero(t, answering(t, strings.Repeat("x", 100))) })
	t.Run("bytes", func(t *testing.T) { assert.Zero(t, answering(t, make([]byte, 100))) })
	t.Run("slice", func(t *testing.T) { assert.Zero(t, answering(t, make([]triple, 100))) })
	t.Run("map", func(t *testing.T) { assert.Zero(t, answering(t, map[string]int{"a": 1})) })
	t.Run("pointer", func(t *testing.T) { assert.Zero(t, answering(t, &triple{})) })
	t.Run("pointer that speaks", func(t *testing.T) { assert.Zero(t, answering(t, &choice{[]string{"x"}})) })
	t.Run("interface", func(t *testing.T) { assert.Zero(t, answering(t, any(&choice{[]string{"x"}}))) })
	t.Run("struct that speaks", func(t *testing.T) { assert.LessOrEqual(t, answering(t, choices{[]string{"x"}}), 1.0) })
}

func answering[Resp any](t *testing.T, answer Resp) float64 {
	t.Helper()
	r, err := failover.New(failover.Providers(
		failover.Wrap("p", func(context.Context, int) (Resp, error) { return answer, nil }),
	), failover.WithTimeout(0))
	require.NoError(t, err)
	return allocations(t, r, context.Background(), 1)
}

func TestSkippingAnOpenProviderAllocatesNothing(t *testing.T) {
	for name, strategy := range allStrategies() {
		t.Run(name, func(t *testing.T) {
			f := newFleet(3)
			f[0].fail(errNode)
			r := f.router(t, nil, failover.WithStrategy(strategy),
				failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1, OpenFor: time.Hour}))
			_, err := r.Do(failover.With(t.Context(), failover.Prefer("a")), 0)
			require.NoError(t, err)
			require.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
			assert.Zero(t, allocations(t, r, context.Background(), 1))
		})
	}
}

func TestFailingOverAllocatesLittle(t *testing.T) {
	for name, err := range map[string]error{
		"an error of no type": errNode,
		"an Error":            &failover.Error{Class: failover.ClassTransient, Status: 503},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFleet(2)
			f[0].fail(err)
			assert.LessOrEqual(t, allocations(t, f.router(t, nil), context.Background(), 1), 2.0)
		})
	}
}

// What a deadline, an attempt timeout or wishes cost is bounded too.
func TestRicherRequestsAllocateLittle(t *testing.T) {
	deadline, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	for name, tc := range map[string]struct {
		opts []failover.Option
		ctx  context.Context
		most float64
	}{
		"attempt timeout":            {[]failover.Option{failover.WithTimeout(time.Minute)}, context.Background(), 5},
		"deadline":                   {nil, deadline, 5},
		"deadline beside a timeout":  {[]failover.Option{failover.WithTimeout(time.Minute)}, deadline, 5},
		"prefer":                     {nil, failover.With(t.Context(), failover.Prefer("two")), 2},
		"sticky":                     {nil, failover.With(t.Context(), failover.Sticky("k")), 2},
		"an observer that hears all": {[]failover.Option{failover.WithObserver(func(context.Context, failover.Event) {})}, context.Background(), 3},
	} {
		t.Run(name, func(t *testing.T) {
			got := allocations(t, healthyPair(t, tc.opts...), tc.ctx, triple{})
			assert.LessOrEqual(t, got, tc.most)
		})
	}
}
