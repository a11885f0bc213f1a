package failover_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// pooled is a router of two keys inside one with another provider.
type pooled struct {
	key1, key2, other *actor
	pool, router      *stage
}

func newPooled(t *testing.T, opts ...failover.Option) *pooled {
	t.Helper()
	p := &pooled{key1: newActor("key1"), key2: newActor("key2"), other: newActor("other")}
	p.pool = onStage(t, []*actor{p.key1, p.key2}, append([]failover.Option{failover.WithName("pool")}, opts...)...)
	p.router = withProviders(t, failover.Providers(failover.Nest("pool", p.pool), p.other.provider()))
	return p
}

func (p *pooled) bothFail(err error) {
	p.key1.fails(err)
	p.key2.fails(err)
}

func (p *pooled) times() []int { return []int{p.key1.times(), p.key2.times(), p.other.times()} }

// What an inner router gave up means to the outer one.
func TestNestedFailureOutside(t *testing.T) {
	t.Parallel()
	limited := func(after time.Duration) error {
		return &failover.Error{Class: failover.ClassRateLimited, Status: 429, RetryAfter: after}
	}
	type test struct {
		inner []failover.Option
		setup func(t *testing.T, p *pooled)
		wish  []failover.Wish
		class failover.Class
		times []int // key1, key2, other
		cools time.Duration
	}
	for name, test := range map[string]test{
		"all failed": {
			setup: func(_ *testing.T, p *pooled) { p.bothFail(errSpilled) },
			class: failover.ClassTransient, times: []int{2, 3, 1},
		},
		"silent": {
			inner: []failover.Option{failover.WithTimeout(time.Second)},
			setup: func(_ *testing.T, p *pooled) { p.key1.isSilent(); p.key2.isSilent() },
			class: failover.ClassTransient, times: []int{1, 1, 1},
		},
		"invalid": {
			setup: func(_ *testing.T, p *pooled) { p.key1.failsAs(failover.ClassInvalid) },
			class: failover.ClassInvalid, times: []int{1, 0, 0},
		},
		"two vendors' 400": {
			setup: func(_ *testing.T, p *pooled) {
				p.bothFail(&failover.Error{Class: failover.ClassInvalid, Status: http.StatusBadRequest})
			},
			class: failover.ClassInvalid, times: []int{1, 1, 1}, // the outer asks for its own second opinion
		},
		"filtered": {
			setup: func(_ *testing.T, p *pooled) { p.key1.failsAs(failover.ClassFiltered) },
			class: failover.ClassFiltered, times: []int{1, 0, 0},
		},
		"all limited": {
			setup: func(_ *testing.T, p *pooled) {
				p.key1.fails(limited(time.Minute))
				p.key2.fails(limited(40 * time.Second))
			},
			class: failover.ClassRateLimited, times: []int{1, 1, 1}, cools: 40 * time.Second,
		},
		"limited, the other one back sooner": {
			setup: func(t *testing.T, p *pooled) {
				p.key1.fails(limited(30 * time.Second))
				_, err := ask(t, p.pool)
				require.NoError(t, err)
				p.key1.forget()
				p.key2.fails(limited(time.Minute))
			},
			class: failover.ClassRateLimited, times: []int{0, 2, 1}, cools: 30 * time.Second,
		},
		"one limited, one failed": {
			setup: func(_ *testing.T, p *pooled) {
				p.key1.fails(limited(time.Minute))
				p.key2.failsAs(failover.ClassTimeout)
			},
			class: failover.ClassTransient, times: []int{1, 1, 1},
		},
		"nobody available": {
			setup: func(t *testing.T, p *pooled) {
				p.key1.fails(limited(time.Minute))
				p.key2.fails(limited(40 * time.Second))
				_, err := ask(t, p.pool)
				require.Error(t, err)
				p.key1.forget()
				p.key2.forget()
			},
			class: failover.ClassRateLimited, times: []int{0, 0, 1}, cools: 40 * time.Second,
		},
		"nobody in service": {
			setup: func(t *testing.T, p *pooled) {
				require.NoError(t, p.pool.Disable("key1"))
				require.NoError(t, p.pool.SetWeight("key2", 0))
			},
			class: failover.ClassRateLimited, times: []int{0, 0, 1},
		},
		"only a cooling one was wished for": {
			setup: func(t *testing.T, p *pooled) {
				p.key1.fails(limited(time.Minute))
				_, err := ask(t, p.pool)
				require.NoError(t, err)
				p.key1.forget()
				p.key2.forget()
			},
			wish:  []failover.Wish{failover.For("pool", failover.Only("key1"))},
			class: failover.ClassRateLimited, times: []int{0, 0, 1},
		},
		"the only one wished for is limited": {
			setup: func(_ *testing.T, p *pooled) { p.key1.fails(limited(time.Minute)) },
			wish:  []failover.Wish{failover.For("pool", failover.Only("key1"))},
			class: failover.ClassRateLimited, times: []int{1, 0, 1},
		},
		"a wish that cannot be": {
			setup: func(*testing.T, *pooled) {},
			wish:  []failover.Wish{failover.For("pool", failover.Only("nobody"))},
			class: failover.ClassInvalid, times: []int{0, 0, 0},
		},
		"closed": {
			setup: func(t *testing.T, p *pooled) { require.NoError(t, p.pool.Close()) },
			class: failover.ClassTransient, times: []int{0, 0, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				p := newPooled(t, test.inner...)
				test.setup(t, p)
				result, err := p.router.Route(failover.With(t.Context(), test.wish...), "hello")
				require.Equal(t, test.times, p.times())
				require.Equal(t, "pool", result.Attempts[0].Provider)
				require.Equal(t, test.class, result.Attempts[0].Class())
				if test.times[2] > 0 {
					require.NoError(t, err)
					require.Equal(t, "other", result.Value)
				} else {
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Equal(t, test.class, failover.ClassOf(err))
				}
				require.InDelta(t, test.cools, left(t, p.router, "pool", failover.ReasonCooling), float64(time.Second))
			})
		})
	}
}

// A nested router that is alone is not repeated either.
func TestNestedRouterIsNotRetried(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key := newActor("key")
		key.fails(errSpilled)
		r := withProviders(t, failover.Providers(failover.Nest("pool", onStage(t, []*actor{key}))))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, 3, key.times(), "the inner router's attempts, and no more")
	})
}

func TestWishThatCannotBeInsideIsTold(t *testing.T) {
	t.Parallel()
	p := newPooled(t)
	_, err := p.router.Do(failover.With(t.Context(), failover.For("pool", failover.Only("nobody"))), "hello")
	require.ErrorIs(t, err, failover.ErrUnknownProvider)
	require.ErrorContains(t, err, `unknown provider "nobody"`)
}

// The caller's own end, and a cut by the outer router's planning, are not the
// inner router's failures.
func TestNestedRouterWhoseContextEnds(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPooled(t)
		p.key1.isSilent()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err := p.router.Do(ctx, "hello")
		var canceled *failover.CanceledError
		require.ErrorAs(t, err, &canceled)
		require.EqualError(t, err, "failover: context canceled: pool/key1: canceled")
		require.Equal(t, []int{1, 0, 0}, p.times())

		p.key2.isSilent()
		ctx, cancel = context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		begun := time.Now()
		result, err := p.router.Route(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, "other", result.Value)
		require.InDelta(t, 1500*time.Millisecond, time.Since(begun), 1e6, "half is left for the successor")
		require.Equal(t, failover.ClassTimeout, result.Attempts[0].Class())
		require.ErrorIs(t, result.Attempts[0].Err, failover.ErrAttemptTimeout)
		require.NotErrorIs(t, result.Attempts[0].Err, context.DeadlineExceeded)
	})
}

func TestNestedAttemptsHavePaths(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key1, key2, other := newActor("key1"), newActor("key2"), newActor("other")
		key1.fails(&failover.Error{Class: failover.ClassUnauthorized, Status: 401, RequestID: "r1"})
		key2.failsAs(failover.ClassTimeout)
		other.failsAs(failover.ClassExhausted)
		pool := onStage(t, []*actor{key1, key2})
		region := withProviders(t, failover.Providers(failover.Nest("pool", pool)))
		r := withProviders(t, failover.Providers(failover.Nest("eu", region), other.provider()))
		result, err := r.Route(t.Context(), "hello")
		require.EqualError(t, err, "failover: all providers failed: "+
			"eu/pool/key1: unauthorized (401, request r1); eu/pool/key2: timeout; other: exhausted")
		inner := result.Attempts[0].Inner
		require.Len(t, inner, 1)
		require.Equal(t, "eu/pool", inner[0].Provider)
		require.Equal(t, "eu/pool/key1", inner[0].Inner[0].Provider)
		require.Equal(t, "eu/pool/key1", inner[0].Inner[0].Err.Provider)
		var first *failover.Error
		require.ErrorAs(t, err, &first)
		require.Equal(t, "other", first.Provider, "the last one decided")
	})
}

// The cap on attempts is one for all routers on the way.
func TestAttemptCapGoesInward(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		most int
		want []int
	}{
		"by default every key is asked": {0, []int{2, 3, 2, 3}},
		"enough for one pool":           {3, []int{2, 1, 0, 0}},
		"enough for some":               {6, []int{2, 3, 1, 0}},
		"one":                           {1, []int{1, 0, 0, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var keys []*actor
				var pools []failover.Provider[string, string]
				for _, name := range []string{"a", "b"} {
					key1, key2 := newActor("key1"), newActor("key2")
					key1.fails(errSpilled)
					key2.fails(errSpilled)
					keys = append(keys, key1, key2)
					region := withProviders(t, failover.Providers(failover.Nest("pool", onStage(t, []*actor{key1, key2}))))
					pools = append(pools, failover.Nest(name, region))
				}
				var opts []failover.Option
				if test.most > 0 {
					opts = append(opts, failover.WithMaxAttempts(test.most))
				}
				_, err := ask(t, withProviders(t, pools, opts...))
				require.ErrorIs(t, err, failover.ErrAllFailed)
				var times []int
				for _, key := range keys {
					times = append(times, key.times())
				}
				require.Equal(t, test.want, times)
			})
		})
	}
}

// A retry inside takes a token of every router around it, or is not made.
func TestTokensAreSpentInward(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key := newActor("key")
		key.fails(errSpilled)
		pool := onStage(t, []*actor{key}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1000}))
		r := withProviders(t, failover.Providers(failover.Nest("pool", pool)),
			failover.WithBudget(failover.BudgetPolicy{Tokens: 6}),
			failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1000}))
		for _, tokens := range []float64{4, 3, 3} {
			_, err := ask(t, r)
			require.Error(t, err)
			require.InDelta(t, tokens, r.Status().Tokens, 0.01)
			require.InDelta(t, 94+tokens, pool.Status().Tokens, 0.01, "a token that the outer refused is given back")
		}
		require.Equal(t, 3+2+1, key.times())
	})
}

func TestWishesWithPaths(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		wishes []failover.Wish
		want   []int // key1, key2, other
		err    error
	}{
		"none":                       {nil, []int{1, 0, 0}, nil},
		"prefer a key":               {[]failover.Wish{failover.Prefer("pool/key2")}, []int{0, 1, 0}, nil},
		"prefer another":             {[]failover.Wish{failover.Prefer("other", "pool/key2")}, []int{0, 0, 1}, nil},
		"the later preference holds": {[]failover.Wish{failover.Prefer("pool/key2"), failover.Prefer("pool")}, []int{1, 0, 0}, nil},
		"only a key":                 {[]failover.Wish{failover.Only("pool/key2")}, []int{0, 1, 0}, nil},
		"only a pool":                {[]failover.Wish{failover.Only("pool")}, []int{1, 0, 0}, nil},
		"only a pool, and its key":   {[]failover.Wish{failover.Only("pool"), failover.Only("pool/key2")}, []int{0, 1, 0}, nil},
		"only a key or another":      {[]failover.Wish{failover.Only("pool/key2", "other")}, []int{0, 1, 0}, nil},
		"two that exclude each other": {
			[]failover.Wish{failover.Only("pool/key1"), failover.Only("pool/key2")},
			[]int{0, 0, 0},
			failover.ErrAllFailed,
		},
		"avoid a key":            {[]failover.Wish{failover.Avoid("pool/key1")}, []int{0, 1, 0}, nil},
		"avoid a pool":           {[]failover.Wish{failover.Avoid("pool")}, []int{0, 0, 1}, nil},
		"avoid all keys":         {[]failover.Wish{failover.Avoid("pool/key1", "pool/key2")}, []int{0, 0, 1}, nil},
		"avoid nobody":           {[]failover.Wish{failover.Avoid("pool/key3", "nobody")}, []int{1, 0, 0}, nil},
		"only an unknown key":    {[]failover.Wish{failover.Only("pool/key3")}, []int{0, 0, 0}, failover.ErrUnknownProvider},
		"only below a leaf":      {[]failover.Wish{failover.Only("other/key1")}, []int{0, 0, 0}, failover.ErrUnknownProvider},
		"for the inner router":   {[]failover.Wish{failover.For("pool", failover.Prefer("key2"))}, []int{0, 1, 0}, nil},
		"for the outer router":   {[]failover.Wish{failover.For("router", failover.Only("pool/key2"))}, []int{0, 1, 0}, nil},
		"for a router elsewhere": {[]failover.Wish{failover.For("another", failover.Only("nobody"))}, []int{1, 0, 0}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPooled(t)
			_, err := p.router.Do(failover.With(t.Context(), test.wishes...), "hello")
			require.ErrorIs(t, err, test.err)
			require.Equal(t, test.want, p.times())
		})
	}
}

// NoFailover holds inside too: the call stays with the key that is asked first.
func TestNoFailoverGoesInward(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPooled(t)
		p.key1.failsAs(failover.ClassTimeout)
		_, err := p.router.Do(failover.With(t.Context(), failover.NoFailover()), "hello")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, []int{1, 0, 0}, p.times())
	})
}

// Sticky keeps a conversation with the key, not only with the pool.
func TestStickyGoesInward(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newPooled(t)
		ctx := failover.With(t.Context(), failover.Sticky("conversation"))
		p.key1.failsAs(failover.ClassTimeout)
		_, err := p.router.Do(ctx, "hello")
		require.NoError(t, err)
		p.key1.answers()
		_, err = p.router.Do(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, []int{1, 2, 0}, p.times())
	})
}

// MaxCost bounds what the attempts of all routers cost together, and a lower
// bound for the inner router stands.
func TestMaxCostGoesInward(t *testing.T) {
	t.Parallel()
	priced := func(a *actor, cost float64) failover.Provider[string, string] {
		p := a.provider()
		p.Cost = func(string) float64 { return cost }
		return p
	}
	for name, test := range map[string]struct {
		wishes []failover.Wish
		want   []int // cheap, dear, other
		spent  float64
	}{
		"enough for all":          {[]failover.Wish{failover.MaxCost(10)}, []int{1, 1, 1}, 9},
		"not for dear":            {[]failover.Wish{failover.MaxCost(5)}, []int{1, 0, 1}, 4},
		"nor for other":           {[]failover.Wish{failover.MaxCost(3)}, []int{1, 0, 0}, 1},
		"nobody":                  {[]failover.Wish{failover.MaxCost(0.5)}, []int{0, 0, 0}, 0},
		"a lower one inside":      {[]failover.Wish{failover.MaxCost(10), failover.For("pool", failover.MaxCost(2))}, []int{1, 0, 1}, 4},
		"a higher one inside":     {[]failover.Wish{failover.MaxCost(5), failover.For("pool", failover.MaxCost(20))}, []int{1, 0, 1}, 4},
		"for the outer one alone": {[]failover.Wish{failover.For("router", failover.MaxCost(5))}, []int{1, 0, 1}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				cheap, dear, other := newActor("cheap"), newActor("dear"), newActor("other")
				for _, a := range []*actor{cheap, dear, other} {
					a.failsAs(failover.ClassTimeout)
				}
				pool := withProviders(t, failover.Providers(priced(cheap, 1), priced(dear, 5)), failover.WithName("pool"))
				r := withProviders(t, failover.Providers(failover.Nest("pool", pool), priced(other, 3)))
				result, err := r.Route(failover.With(t.Context(), test.wishes...), "hello")
				require.Error(t, err)
				require.Equal(t, test.want, []int{cheap.times(), dear.times(), other.times()})
				require.InDelta(t, test.spent, result.Cost, 1e-9)
			})
		})
	}
}

// A router that is called from inside itself says so, however deep, and does
// not go round until the stack or the deadline ends.
func TestReenteringIsAnError(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts     []failover.Option
		deadline time.Duration
		nested   bool
	}{
		"plain":                      {},
		"with a deadline":            {deadline: time.Second},
		"deadline, no timeout":       {opts: []failover.Option{failover.WithTimeout(0)}, deadline: time.Minute},
		"through another":            {nested: true},
		"through another, unbounded": {opts: []failover.Option{failover.WithTimeout(0)}, nested: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r *stage
			calls := 0
			loop := func(ctx context.Context, req string) (string, error) {
				calls++
				return r.Do(ctx, req)
			}
			inner := failover.Wrap("loop", loop)
			if test.nested {
				inner = failover.Nest("pool", withProviders(t, failover.Providers(inner), test.opts...))
			}
			r = withProviders(t, failover.Providers(inner), append(test.opts, once())...)
			ctx := t.Context()
			if test.deadline > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, test.deadline)
				defer cancel()
			}
			_, err := r.Do(ctx, "hello")
			require.ErrorIs(t, err, failover.ErrReentered)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			require.Equal(t, 1, calls, "it is not repeated")
		})
	}
}

func TestNestedStatus(t *testing.T) {
	t.Parallel()
	p := newPooled(t)
	p.key1.failsAs(failover.ClassTimeout)
	_, err := ask(t, p.router)
	require.NoError(t, err)
	status := statusOf(t, p.router, "pool")
	require.NotNil(t, status.Nested)
	require.Equal(t, "pool", status.Nested.Router)
	require.Equal(t, map[string]uint64{"success": 1}, status.Attempts)
	require.Equal(t, map[string]uint64{"timeout": 1}, status.Nested.Providers[0].Attempts)
	require.Equal(t, map[string]uint64{"success": 1}, status.Nested.Providers[1].Attempts)
}

func TestNestingNothing(t *testing.T) {
	t.Parallel()
	_, err := failover.New(failover.Providers(failover.Nest[string, string]("pool", nil)))
	require.EqualError(t, err, `failover: New: provider "pool": Do is nil`)
}

// Each router is closed by its owner.
func TestClosingTheOuterRouterLeavesTheInnerOne(t *testing.T) {
	t.Parallel()
	p := newPooled(t)
	require.NoError(t, p.router.Close())
	_, err := ask(t, p.router)
	require.ErrorIs(t, err, failover.ErrClosed)
	_, err = ask(t, p.pool)
	require.NoError(t, err)
}

// Side-effect rules go inward: a router without any of its own becomes
// at-most-once inside one that is.
func TestSideEffectsGoInward(t *testing.T) {
	t.Parallel()
	p := newPooled(t)
	p.key1.fails(errMurky)
	sms := newActor("sms")
	r := withProviders(t, failover.Providers(failover.Nest("pool", p.pool), sends(sms)))
	_, err := ask(t, r)
	require.ErrorIs(t, err, failover.ErrUncertain)
	require.Equal(t, []int{1, 0, 0}, p.times())
	require.Zero(t, sms.times())

	require.NoError(t, p.pool.Enable("key1"))
	_, err = ask(t, p.pool)
	require.NoError(t, err, "by itself it fails over")
}

// What a closed or unavailable inner router was given was surely not sent.
func TestNestedRouterThatSentNothing(t *testing.T) {
	t.Parallel()
	for name, breaks := range map[string]func(t *testing.T, pool *stage){
		"closed":   func(t *testing.T, pool *stage) { require.NoError(t, pool.Close()) },
		"disabled": func(t *testing.T, pool *stage) { require.NoError(t, pool.Disable("key")) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			key, other := newActor("key"), newActor("other")
			pool := sendOn(t, []*actor{key})
			breaks(t, pool)
			r := withProviders(t, failover.Providers(failover.Nest("pool", pool), sends(other)))
			resp, err := ask(t, r)
			require.NoError(t, err)
			require.Equal(t, "other", resp)
		})
	}
}

// Errors of an inner router print no more than those of an outer one.
func TestNestedErrorsPrintNoMore(t *testing.T) {
	t.Parallel()
	p := newPooled(t)
	p.bothFail(&failover.Error{Class: failover.ClassTimeout, Message: "secret", Err: errors.New("secret")})
	p.other.fails(errors.New("secret"))
	_, err := ask(t, p.router)
	require.Error(t, err)
	require.NotContains(t, strings.ToLower(err.Error()), "secret")
}
