package failover_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestWishesDecideWhoIsAsked(t *testing.T) {
	t.Parallel()
	f := newFleet(4)
	for _, n := range f {
		n.fail(errNode)
	}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) {
		if i < 3 {
			p.Cost = price(float64(1 + i)) // a 1, b 2, c 3, d unknown
		}
	}, failover.WithName("speech"))
	type wishes []failover.Wish
	for name, tc := range map[string]struct {
		wishes wishes
		want   string
	}{
		"none":                     {nil, "abcd"},
		"prefer":                   {wishes{failover.Prefer("c")}, "cabd"},
		"prefer two, in order":     {wishes{failover.Prefer("d", "b")}, "dbac"},
		"prefer nobody":            {wishes{failover.Prefer()}, "abcd"},
		"prefer a stranger":        {wishes{failover.Prefer("z", "b")}, "bacd"},
		"a later prefer replaces":  {wishes{failover.Prefer("c"), failover.Prefer("b")}, "bacd"},
		"an empty one too":         {wishes{failover.Prefer("c"), failover.Prefer()}, "abcd"},
		"only":                     {wishes{failover.Only("b", "d")}, "bd"},
		"only, in whatever order":  {wishes{failover.Only("d", "b")}, "bd"},
		"only what is in both":     {wishes{failover.Only("a", "b"), failover.Only("b", "c")}, "b"},
		"only nobody":              {wishes{failover.Only("a"), failover.Only("b")}, ""},
		"avoid":                    {wishes{failover.Avoid("a", "c")}, "bd"},
		"avoid adds up":            {wishes{failover.Avoid("a"), failover.Avoid("b")}, "cd"},
		"avoid a stranger":         {wishes{failover.Avoid("z")}, "abcd"},
		"avoid all":                {wishes{failover.Avoid("a", "b", "c", "d")}, ""},
		"only, less avoid":         {wishes{failover.Only("a", "b"), failover.Avoid("a")}, "b"},
		"prefer what is avoided":   {wishes{failover.Prefer("a", "c"), failover.Avoid("a")}, "cbd"},
		"prefer outside only":      {wishes{failover.Prefer("a"), failover.Only("b", "c")}, "bc"},
		"cost of one":              {wishes{failover.MaxCost(1)}, "a"},
		"cost is a sum":            {wishes{failover.MaxCost(4)}, "ab"},
		"cost of all":              {wishes{failover.MaxCost(6)}, "abc"},
		"cost, dear one first":     {wishes{failover.MaxCost(5), failover.Prefer("c")}, "ca"},
		"cost without bounds":      {wishes{failover.MaxCost(math.Inf(1))}, "abc"},
		"cost of nothing":          {wishes{failover.MaxCost(0)}, ""},
		"a later cost replaces":    {wishes{failover.MaxCost(0), failover.MaxCost(1)}, "a"},
		"no failover":              {wishes{failover.NoFailover()}, "a"},
		"no failover, prefer":      {wishes{failover.NoFailover(), failover.Prefer("d")}, "d"},
		"optimize":                 {wishes{failover.Optimize(failover.Cost), failover.Avoid("a")}, "bcd"},
		"optimize after prefer":    {wishes{failover.Optimize(failover.Cost), failover.Prefer("d")}, "dabc"},
		"for this router":          {wishes{failover.For("speech", failover.Avoid("a"), failover.Prefer("c"))}, "cbd"},
		"for another":              {wishes{failover.For("chat", failover.Only("z"))}, "abcd"},
		"for this and for another": {wishes{failover.For("chat", failover.Avoid("a")), failover.For("speech", failover.Avoid("b"))}, "acd"},
		"for in for":               {wishes{failover.For("speech", failover.For("chat", failover.Avoid("a")), failover.For("speech", failover.Avoid("b")))}, "acd"},
		"for, in order with others": {
			wishes{failover.Prefer("b"), failover.For("speech", failover.Prefer("c")), failover.For("chat", failover.Prefer("d"))}, "cabd",
		},
		"zero wish": {wishes{{}, failover.For("speech", failover.Wish{})}, "abcd"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tc.want, strings.Join(planned(t, r, tc.wishes...), ""), "planned")
			assert.Equal(t, tc.want, strings.Join(asked(t, r, tc.wishes...), ""), "asked")

			// One by one they say the same.
			ctx := t.Context()
			for _, w := range tc.wishes {
				ctx = failover.With(ctx, w)
			}
			plan, err := r.Plan(ctx, 0)
			require.NoError(t, err)
			assert.Equal(t, tc.want, strings.Join(plan.Order, ""), "one by one")
		})
	}
}

func TestWishesThatCannotBe(t *testing.T) {
	t.Parallel()
	r := newFleet(2).router(t, nil, failover.WithName("speech"))
	for want, wish := range map[string]failover.Wish{
		`failover: Only: unknown provider "z"`:                                  failover.Only("a", "z"),
		`failover: Only: unknown provider "a/b"`:                                failover.Only("a/b"),
		`failover: Only: unknown provider ""`:                                   failover.Only(""),
		`failover: Only: no provider is named`:                                  failover.Only(),
		`failover: MaxCost: -1 is negative or no number`:                        failover.MaxCost(-1),
		`failover: MaxCost: NaN is negative or no number`:                       failover.MaxCost(math.NaN()),
		`failover: Weights: all are zero`:                                       failover.Optimize(failover.Weights{}),
		`failover: OnUncertain: 7 is no policy`:                                 failover.OnUncertain(7),
		`failover: For: the router's name is empty`:                             failover.For("", failover.Avoid("a")),
		`failover: MaxCost: -2 is negative or no number`:                        failover.For("speech", failover.Avoid("a"), failover.MaxCost(-2)),
		`failover: Only: unknown provider "` + strings.Repeat("x", 80) + `..."`: failover.Only(strings.Repeat("x", 5000)),
	} {
		_, err := r.Do(failover.With(t.Context(), wish), 0)
		require.EqualError(t, err, want)
		_, err = r.Route(failover.With(t.Context(), failover.Prefer("a"), wish), 0)
		require.EqualError(t, err, want)
	}
	_, err := r.Do(failover.With(t.Context(), failover.Only("z")), 0)
	require.ErrorIs(t, err, failover.ErrUnknownProvider)
	_, err = r.Do(failover.With(t.Context(), failover.For("chat", failover.MaxCost(-1), failover.Only("z"))), 0)
	require.NoError(t, err, "not for this router")
	for _, p := range r.Status().Providers {
		assert.LessOrEqual(t, len(p.Attempts), 1, "nobody was asked for nonsense")
	}
}

// A context may be shared: neither a later With nor the caller's own slice
// changes what was wished.
func TestWishesAreKept(t *testing.T) {
	t.Parallel()
	r := newFleet(3).router(t, nil)
	names := []string{"b"}
	list := []failover.Wish{failover.Avoid("b")}
	parents := []context.Context{
		failover.With(t.Context(), failover.Prefer(names...)),
		failover.With(t.Context(), failover.Only(names...)),
		failover.With(t.Context(), failover.For("router", list...)),
		failover.With(t.Context(), failover.Avoid(names...)),
	}
	names[0], list[0] = "c", failover.Only("b")
	for i, want := range []string{"bac", "b", "ac", "ac"} {
		one, two := failover.With(parents[i], failover.Avoid("a")), failover.With(parents[i], failover.Avoid("c"))
		for range 2 {
			for _, ctx := range []context.Context{one, two} {
				_, err := r.Plan(ctx, 0)
				require.NoError(t, err)
			}
			plan, err := r.Plan(parents[i], 0)
			require.NoError(t, err)
			assert.Equal(t, want, strings.Join(plan.Order, ""))
		}
	}
}

// MaxCost bounds everything that is spent, repeats at the same provider too.
func TestMaxCostCountsRetries(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"after a backoff":    errNode,
		"after a rate limit": &failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, tc := range []struct {
				most  float64
				times int
			}{{0.5, 1}, {0.99, 1}, {1, 2}, {10, 3}} {
				synctest.Test(t, func(t *testing.T) {
					f := newFleet(1)
					f[0].fail(err)
					r := f.router(t, func(_ int, p *failover.Provider[int, string]) { p.Cost = price(0.5) },
						failover.WithRetry(failover.RetryPolicy{MaxAttempts: 3}))
					result, err := r.Route(failover.With(t.Context(), failover.MaxCost(tc.most)), 0)
					require.Error(t, err)
					assert.Len(t, result.Attempts, tc.times, "within %v", tc.most)
					assert.LessOrEqual(t, result.Cost, tc.most)
				})
			}
		})
	}
}

// A cap that is the sum of the prices allows them, although 0.1 + 0.2 comes
// out above 0.3.
func TestMaxCostIsNotPetty(t *testing.T) {
	t.Parallel()
	f := newFleet(3)
	for _, n := range f {
		n.fail(errNode)
	}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Cost = price([]float64{0.1, 0.2, 0.000001}[i]) })
	assert.Equal(t, []string{"a", "b"}, asked(t, r, failover.MaxCost(0.3)))
	assert.Equal(t, []string{"a", "b"}, planned(t, r, failover.MaxCost(0.3)))
}

// The price is asked once a request, of the original request, and not at all
// where nobody needs it.
func TestCostIsAskedOnce(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	f[0].fail(errNode)
	calls := map[string]int{}
	r := f.router(t, func(_ int, p *failover.Provider[int, string]) {
		p.Adapt = func(int) int { return -1 }
		p.Cost = func(req int) float64 {
			calls[p.Name]++
			assert.Equal(t, 7, req)
			return 2
		}
	}, failover.WithStrategy(failover.LeastCost()))
	result, err := r.Route(failover.With(t.Context(), failover.MaxCost(4)), 7)
	require.NoError(t, err)
	assert.InDelta(t, 4, result.Cost, 0)
	assert.Equal(t, map[string]int{"a": 1, "b": 1}, calls)
	s := r.Status().Providers
	assert.InDelta(t, 2, s[0].Cost, 0, "a failed attempt is paid too, as far as we know")
	assert.InDelta(t, 2, s[1].Cost, 0)
}

func TestNoFailoverRetriesWhereItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2)
		f[0].fail(errNode)
		r := f.router(t, nil, failover.WithRetry(failover.RetryPolicy{}))
		_, err := r.Do(failover.With(t.Context(), failover.NoFailover()), 0)
		all, ok := errors.AsType[*failover.AllFailedError](err)
		require.True(t, ok)
		assert.Len(t, all.Attempts, 3, "nobody else is left, so once more than usual")
		assert.Equal(t, []failover.Skip{{Provider: "b", Reason: failover.ReasonNotChosen}}, all.Skipped)
		assert.Zero(t, f[1].calls.Load())

		// Who cannot be asked at all was not tried.
		require.NoError(t, r.Disable("a"))
		who, err := r.Do(failover.With(t.Context(), failover.NoFailover()), 0)
		require.NoError(t, err)
		assert.Equal(t, "b", who)
	})
}

// nested is a router of x, a pool of three keys, and y.
func nested(t *testing.T, f fleet) *failover.Router[int, string] {
	t.Helper()
	keys := fleet{{name: "k1"}, {name: "k2"}, {name: "k3"}}
	for _, k := range keys {
		k.fail(errNode)
	}
	pool := keys.router(t, nil, failover.WithName("keys"))
	list := f.providers(nil)
	r, err := failover.New(failover.Providers(list[0], failover.Nest("pool", pool), list[1]),
		failover.WithName("outer"),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: math.MaxInt}))
	require.NoError(t, err)
	return r
}

func TestWishesReachNestedRouters(t *testing.T) {
	t.Parallel()
	f := fleet{{name: "x"}, {name: "y"}}
	for _, n := range f {
		n.fail(errNode)
	}
	r := nested(t, f)
	type wishes []failover.Wish
	for name, tc := range map[string]struct {
		wishes wishes
		want   string
	}{
		"none":                           {nil, "x k1 k2 k3 y"},
		"prefer a path":                  {wishes{failover.Prefer("pool/k2")}, "k2 k1 k3 x y"},
		"prefer paths in order":          {wishes{failover.Prefer("pool/k3", "y", "pool/k1")}, "k3 k1 k2 y x"},
		"prefer replaced outside":        {wishes{failover.Prefer("pool/k3"), failover.Prefer("y")}, "y x k1 k2 k3"},
		"only a path":                    {wishes{failover.Only("pool/k2")}, "k2"},
		"only a path and another":        {wishes{failover.Only("pool/k2", "y")}, "k2 y"},
		"only the pool":                  {wishes{failover.Only("pool")}, "k1 k2 k3"},
		"only the pool and one of it":    {wishes{failover.Only("pool", "pool/k2")}, "k1 k2 k3"},
		"only different paths":           {wishes{failover.Only("pool/k1", "pool/k2"), failover.Only("pool/k2", "y")}, "k2"},
		"avoid a path":                   {wishes{failover.Avoid("pool/k1")}, "x k2 k3 y"},
		"avoid the pool":                 {wishes{failover.Avoid("pool")}, "x y"},
		"avoid a name of the pool":       {wishes{failover.Avoid("k1")}, "x k1 k2 k3 y"},
		"no failover":                    {wishes{failover.NoFailover(), failover.Prefer("pool")}, "k1"},
		"for the pool's router":          {wishes{failover.For("keys", failover.Only("k3"))}, "x k3 y"},
		"for the outer router":           {wishes{failover.For("outer", failover.Only("pool/k3"))}, "k3"},
		"for the outer, not further":     {wishes{failover.For("outer", failover.NoFailover(), failover.Prefer("pool"))}, "k1 k2 k3"},
		"no failover, inside only":       {wishes{failover.For("keys", failover.NoFailover())}, "x k1 y"},
		"a path of a path is a stranger": {wishes{failover.Prefer("pool/k1/z", "pool/z")}, "k1 k2 k3 x y"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			result, err := r.Route(failover.With(t.Context(), tc.wishes...), 0)
			require.Error(t, err)
			for _, a := range result.Attempts {
				if len(a.Inner) == 0 {
					got = append(got, a.Provider)
				}
				for _, in := range a.Inner {
					got = append(got, strings.TrimPrefix(in.Provider, "pool/"))
				}
			}
			assert.Equal(t, tc.want, strings.Join(got, " "))
		})
	}
	for want, wish := range map[string]failover.Wish{
		`failover: Only: unknown provider "pool/z"`:    failover.Only("pool/z"),
		`failover: Only: unknown provider "pool/"`:     failover.Only("pool/"),
		`failover: Only: unknown provider "k1"`:        failover.Only("k1"),
		`failover: Only: unknown provider "pool/k1/z"`: failover.Only("pool/k1/z"),
		`failover: Only: unknown provider "x/k1"`:      failover.Only("x/k1"),
	} {
		_, err := r.Do(failover.With(t.Context(), wish), 0)
		require.EqualError(t, err, want)
	}
}

// Prices add up through nested routers: the cap is for the whole call.
func TestMaxCostThroughNestedRouters(t *testing.T) {
	t.Parallel()
	for most, want := range map[float64]string{1: "x", 2: "x k0", 3: "x k0 k1", 4: "x k0 k1 k2", 5: "x k0 k1 k2 y", 9: "x k0 k1 k2 y"} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			t.Parallel()
			keys := fleet{{name: "k0"}, {name: "k1"}, {name: "k2"}}
			ends := fleet{{name: "x"}, {name: "y"}}
			each := func(_ int, p *failover.Provider[int, string]) { p.Cost = price(1) }
			for _, n := range append(keys, ends...) {
				n.fail(errNode)
			}
			list := ends.providers(each)
			r, err := failover.New(failover.Providers(list[0], failover.Nest("pool", keys.router(t, each)), list[1]),
				failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
			require.NoError(t, err)
			result, err := r.Route(failover.With(t.Context(), failover.MaxCost(most)), 0)
			require.Error(t, err)
			var got []string
			for _, n := range []*node{ends[0], keys[0], keys[1], keys[2], ends[1]} {
				if n.calls.Load() > 0 {
					got = append(got, n.name)
				}
			}
			assert.Equal(t, want, strings.Join(got, " "))
			assert.InDelta(t, float64(len(got)), result.Cost, 0)
		})
	}
}

func TestMaxCostCountsHedges(t *testing.T) {
	t.Parallel()
	for most, hedged := range map[float64]bool{1.9: false, 2: true} {
		synctest.Test(t, func(t *testing.T) {
			slow, spare := newPaced("slow", 10*time.Millisecond), newPaced("spare", 10*time.Millisecond)
			providers := failover.Providers(slow.provider(), spare.provider())
			providers[0].Cost, providers[1].Cost = price(1), price(1)
			r := pacedRouter(t, providers, failover.WithHedge(failover.HedgePolicy{}))
			served(t, r, 25, time.Millisecond)
			slow.takes.Store(int64(5 * time.Second))
			result, err := r.Route(failover.With(t.Context(), failover.MaxCost(most)), 0)
			require.NoError(t, err)
			assert.Equal(t, hedged, result.Value == "spare")
			assert.LessOrEqual(t, result.Cost, most)
			require.NoError(t, r.Close())
		})
	}
}
