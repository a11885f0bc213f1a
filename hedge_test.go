package failover_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// raced is a router that hedges, whose first provider has a history of answers
// within 100 ms.
type raced struct {
	a, b, c   *actor
	router    *stage
	events    notebook
	discarded bin
	begun     time.Time
}

const usual = 100 * time.Millisecond

func newRaced(t *testing.T, set func(providers []failover.Provider[string, string]), opts ...failover.Option) *raced {
	t.Helper()
	r := &raced{a: newActor("a"), b: newActor("b"), c: newActor("c")}
	providers := failover.Providers(r.a.provider(), r.b.provider(), r.c.provider())
	for i := range providers {
		providers[i].Discard = r.discarded.take
	}
	if set != nil {
		set(providers)
	}
	r.router = withProviders(t, providers, append([]failover.Option{
		failover.WithHedge(failover.HedgePolicy{}), r.events.option(),
	}, opts...)...)
	t.Cleanup(func() { require.NoError(t, r.router.Close()) })
	r.warm(t, usual, 20)
	return r
}

// warm gives a the history of n answers.
func (r *raced) warm(t *testing.T, took time.Duration, n int) {
	t.Helper()
	r.a.takes(took)
	ctx := failover.With(t.Context(), failover.Only("a")) // nobody to hedge with
	for range n {
		_, err := r.router.Do(ctx, "hello")
		require.NoError(t, err)
	}
	r.begin()
}

func (r *raced) begin() {
	synctest.Wait()
	r.a.forget()
	r.b.forget()
	r.events.clear()
	r.begun = time.Now()
}

func (r *raced) took() time.Duration { return time.Since(r.begun) }
func (r *raced) times() []int        { return []int{r.a.times(), r.b.times(), r.c.times()} }

// class says how often a provider's attempts ended so.
func (r *raced) class(t *testing.T, name string, class failover.Class) int {
	t.Helper()
	synctest.Wait()
	return int(statusOf(t, r.router, name).Attempts[class.String()])
}

func TestHedgeAsksTheNextOne(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.isSilent()
		r.b.takes(time.Second)
		result, err := r.router.Route(t.Context(), "hello")
		require.NoError(t, err)
		require.Equal(t, "b", result.Value)
		require.Equal(t, "b", result.Provider)
		require.Equal(t, usual+time.Second, r.took())
		require.Equal(t, []int{1, 1, 0}, r.times())
		require.True(t, result.Attempts[0].Hedge)
		require.Equal(t, 2, result.Attempts[0].Number)

		require.Equal(t, 1, r.class(t, "a", failover.ClassCanceled), "the loser is cancelled")
		require.InDelta(t, 1, statusOf(t, r.router, "a").SuccessRate, 1e-9, "and not blamed")
		hedges := noted[failover.HedgeEvent](&r.events)
		require.Len(t, hedges, 1)
		require.Equal(t, []any{"a", "b", usual}, []any{hedges[0].Slow, hedges[0].Hedge, hedges[0].After})
		attempts := noted[failover.AttemptEvent](&r.events)
		require.Len(t, attempts, 2, "each attempt is told once, the loser's too")
		require.Equal(t, []any{"b", true, "a", false},
			[]any{attempts[0].Provider, attempts[0].Hedge, attempts[1].Provider, attempts[1].Hedge})
		require.Equal(t, failover.ClassCanceled, attempts[1].Class())
		require.InDelta(t, 99, r.router.Status().Tokens, 0.2, "a hedge takes a token")
		require.Empty(t, noted[failover.FailoverEvent](&r.events), "nobody failed")
	})
}

func TestHedgeDelay(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		policy failover.HedgePolicy
		warm   []time.Duration // further answers
		want   time.Duration   // 0: no hedge
	}{
		"95 % of the last answers": {failover.HedgePolicy{}, []time.Duration{300 * time.Millisecond, 300 * time.Millisecond}, 300 * time.Millisecond},
		"half of them":             {failover.HedgePolicy{Percentile: 0.5}, []time.Duration{300 * time.Millisecond, 300 * time.Millisecond}, usual},
		"not sooner than MinDelay": {failover.HedgePolicy{MinDelay: time.Second}, nil, time.Second},
		"not before MinSamples":    {failover.HedgePolicy{MinSamples: 22}, []time.Duration{usual}, 0},
		"at MinSamples":            {failover.HedgePolicy{MinSamples: 22}, []time.Duration{usual, usual}, usual},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, nil, failover.WithHedge(test.policy))
				for _, took := range test.warm {
					r.warm(t, took, 1)
				}
				r.a.takes(5 * time.Second)
				resp, err := ask(t, r.router)
				require.NoError(t, err)
				if test.want == 0 {
					require.Equal(t, "a", resp)
					require.Empty(t, noted[failover.HedgeEvent](&r.events))
					return
				}
				require.Equal(t, "b", resp)
				require.Equal(t, test.want, r.took())
				require.Equal(t, test.want, noted[failover.HedgeEvent](&r.events)[0].After)
			})
		})
	}
}

func TestHedgePolicyIsChecked(t *testing.T) {
	t.Parallel()
	for want, policy := range map[string]failover.HedgePolicy{
		"WithHedge: Percentile 1.5 is above 1":   {Percentile: 1.5},
		"WithHedge: Percentile -1 is negative":   {Percentile: -1},
		"WithHedge: Percentile NaN is negative":  {Percentile: math.NaN()},
		"WithHedge: MinDelay -1s is negative":    {MinDelay: -time.Second},
		"WithHedge: MinSamples -1 is negative":   {MinSamples: -1},
		"WithHedge: MinSamples 257 is above 256": {MinSamples: 257},
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithHedge(policy))
		require.ErrorContains(t, err, want)
	}
}

// The first success wins, whoever gives it.
func TestHedgeFirstSuccessWins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.takes(300 * time.Millisecond)
		r.b.takes(time.Second)
		resp, err := ask(t, r.router)
		require.NoError(t, err)
		require.Equal(t, "a", resp)
		require.Equal(t, 300*time.Millisecond, r.took())
		require.Equal(t, 1, r.class(t, "b", failover.ClassCanceled))
		require.InDelta(t, 1, statusOf(t, r.router, "b").SuccessRate, 1e-9)
	})
}

func TestNoHedgeForAQuickAnswer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.takes(usual - time.Millisecond)
		resp, err := ask(t, r.router)
		require.NoError(t, err)
		require.Equal(t, "a", resp)
		require.Equal(t, []int{1, 0, 0}, r.times())
	})
}

// Who was silent for as long as would have been a timeout of its own is blamed
// although it was cancelled.
func TestHedgeBlamesTheTrulySilent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		own    time.Duration // a's timeout
		answer time.Duration // of b
		want   failover.Class
	}{
		"before 2 s":             {0, 1800 * time.Millisecond, failover.ClassCanceled},
		"after 2 s":              {0, 2 * time.Second, failover.ClassTimeout},
		"by its shorter timeout": {500 * time.Millisecond, 200 * time.Millisecond, failover.ClassCanceled},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, func(p []failover.Provider[string, string]) { p[0].Timeout = test.own })
				r.a.isSilent()
				r.b.takes(test.answer)
				_, err := ask(t, r.router)
				require.NoError(t, err)
				require.Equal(t, 1, r.class(t, "a", test.want))
				require.Equal(t, test.want == failover.ClassTimeout, statusOf(t, r.router, "a").SuccessRate < 1)
			})
		})
	}
}

// A silent provider trips although hedges save every request from it.
func TestHedgedSilenceTrips(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.isSilent()
		r.b.takes(3 * time.Second)
		for range 3 {
			_, err := ask(t, r.router)
			require.NoError(t, err)
		}
		synctest.Wait()
		require.Equal(t, failover.BreakerOpen, stateOf(t, r.router, "a"))
	})
}

func TestFailureBeforeTheHedge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.plays(func(ctx context.Context) (string, error) {
			_ = pass(ctx, 50*time.Millisecond)
			return "", &failover.Error{Class: failover.ClassTimeout}
		})
		r.b.takes(time.Second)
		resp, err := ask(t, r.router)
		require.NoError(t, err)
		require.Equal(t, "b", resp)
		require.Equal(t, 50*time.Millisecond+time.Second, r.took())
		require.Empty(t, noted[failover.HedgeEvent](&r.events), "a plain failover")
		require.Len(t, noted[failover.FailoverEvent](&r.events), 1)
	})
}

// failsAfter fails with class after d.
func (a *actor) failsAfter(d time.Duration, err error) {
	a.plays(func(ctx context.Context) (string, error) {
		if pass(ctx, d) != nil {
			return "", ctx.Err()
		}
		return "", err
	})
}

// One failure leaves the race to the other; nobody who failed in it is asked
// again by it.
func TestFailureDuringTheRace(t *testing.T) {
	t.Parallel()
	class := func(c failover.Class) error { return &failover.Error{Class: c} }
	for name, test := range map[string]struct {
		aAfter, bAfter time.Duration
		a, b           error
		want           string
		times          []int
		class          failover.Class
	}{
		"the slow one fails": {
			aAfter: 300 * time.Millisecond, a: class(failover.ClassTransient), bAfter: time.Second,
			want: "b", times: []int{1, 1, 0},
		},
		"the hedge fails": {
			aAfter: time.Second, bAfter: 100 * time.Millisecond, b: class(failover.ClassTransient),
			want: "a", times: []int{1, 1, 0},
		},
		"both fail, the slow one first": {
			aAfter: 300 * time.Millisecond, a: class(failover.ClassTransient), bAfter: time.Second, b: class(failover.ClassTransient),
			want: "c", times: []int{1, 1, 1},
		},
		"both fail, the hedge first": {
			aAfter: time.Second, a: class(failover.ClassTimeout), bAfter: 100 * time.Millisecond, b: class(failover.ClassTransient),
			want: "c", times: []int{1, 1, 1},
		},
		"filtered by the slow one, then the hedge fails": {
			aAfter: 300 * time.Millisecond, a: class(failover.ClassFiltered), bAfter: time.Second, b: class(failover.ClassTransient),
			times: []int{1, 1, 0}, class: failover.ClassFiltered,
		},
		"filtered by the hedge, then the slow one fails": {
			aAfter: time.Second, a: class(failover.ClassTransient), bAfter: 100 * time.Millisecond, b: class(failover.ClassFiltered),
			times: []int{1, 1, 0}, class: failover.ClassFiltered,
		},
		"filtered by the slow one, then the hedge answers": {
			aAfter: 300 * time.Millisecond, a: class(failover.ClassFiltered), bAfter: time.Second,
			want: "b", times: []int{1, 1, 0},
		},
		"refused by both vendors": {
			aAfter: 300 * time.Millisecond, a: &failover.Error{Class: failover.ClassInvalid, Status: 400},
			bAfter: time.Second, b: &failover.Error{Class: failover.ClassInvalid, Status: 422},
			times: []int{1, 1, 0}, class: failover.ClassInvalid,
		},
		"refused by one vendor": {
			aAfter: 300 * time.Millisecond, a: &failover.Error{Class: failover.ClassInvalid, Status: 400},
			bAfter: time.Second, b: class(failover.ClassTransient),
			want: "c", times: []int{1, 1, 1},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, nil)
				part := func(a *actor, after time.Duration, err error) {
					if err == nil {
						a.takes(after)
					} else {
						a.failsAfter(after, err)
					}
				}
				part(r.a, test.aAfter, test.a)
				part(r.b, test.bAfter, test.b)
				resp, err := ask(t, r.router)
				require.Equal(t, test.times, r.times())
				require.Equal(t, test.want, resp)
				if test.want == "" {
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Equal(t, test.class, failover.ClassOf(err))
					var all *failover.AllFailedError
					require.ErrorAs(t, err, &all)
					require.True(t, all.Stopped)
					require.Len(t, all.Attempts, 2)
				} else {
					require.NoError(t, err)
				}
			})
		})
	}
}

// The end of the caller's context ends the race at once, even if nobody hears
// of it.
func TestRaceEndsWithTheCaller(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(context.Context) (context.Context, context.CancelFunc){
		"cancel": func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		},
		"deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, nil)
				for _, a := range []*actor{r.a, r.b} {
					a.plays(func(ctx context.Context) (string, error) {
						return a.name, pass(context.WithoutCancel(ctx), 5*time.Second)
					})
				}
				ctx, cancel := end(t.Context())
				defer cancel()
				_, err := r.router.Do(ctx, "hello")
				require.Equal(t, time.Second, r.took())
				var canceled *failover.CanceledError
				require.ErrorAs(t, err, &canceled)
				require.ErrorIs(t, err, ctx.Err())
				require.Len(t, canceled.Attempts, 2)
				require.Equal(t, []int{1, 1, 0}, r.times())
				for _, a := range canceled.Attempts {
					require.NotErrorIs(t, a.Err, ctx.Err())
					require.NotErrorIs(t, a.Err, failover.ErrAttemptTimeout)
					require.Equal(t, map[string]failover.Class{
						"cancel": failover.ClassCanceled, "deadline": failover.ClassTimeout,
					}[name], a.Class())
				}
				if name == "cancel" {
					require.EqualError(t, err, "failover: context canceled: a: canceled; b: canceled")
				}
				require.NoError(t, r.router.Close(), "which waits for them")
				require.Equal(t, []string{"a", "b"}, r.discarded.content())
				require.Equal(t, 5*time.Second+usual, r.took())
				require.Len(t, noted[failover.AttemptEvent](&r.events), 2)
			})
		})
	}
}

// An answer is returned or discarded, never lost, when it comes as the caller
// leaves.
func TestRaceLosesNoAnswer(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			r := newRaced(t, nil)
			for a, took := range map[*actor]time.Duration{r.a: time.Second, r.b: time.Second - usual} {
				a.plays(func(ctx context.Context) (string, error) {
					if pass(ctx, took) != nil {
						return "", ctx.Err()
					}
					return a.name, nil
				})
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			resp, err := r.router.Do(ctx, "hello")
			require.NoError(t, r.router.Close())
			answers := len(r.discarded.content())
			if err == nil {
				require.NotContains(t, r.discarded.content(), resp)
				answers++
			}
			served := 0
			for _, p := range r.router.Status().Providers {
				served += int(p.Attempts["success"])
			}
			require.Equal(t, served-20, answers)
		})
	}
}

// A response that comes after the race is discarded, once.
func TestLateSuccessIsDiscarded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.plays(func(ctx context.Context) (string, error) {
			return "late", pass(context.WithoutCancel(ctx), 5*time.Second)
		})
		resp, err := ask(t, r.router)
		require.NoError(t, err)
		require.Equal(t, "b", resp)
		require.Empty(t, r.discarded.content())
		settle(t, 5*time.Second)
		require.Equal(t, []string{"late"}, r.discarded.content())
		require.Equal(t, uint64(21), statusOf(t, r.router, "a").Attempts["success"])
	})
}

func TestPanicInARaceIsTheCallers(t *testing.T) {
	t.Parallel()
	leave := map[string]func(){"panic": func() { panic(errSpilled) }, "goexit": runtime.Goexit}
	for name, leaves := range leave {
		for _, who := range []string{"the slow one", "the hedge"} {
			t.Run(who+" "+name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					r := newRaced(t, nil)
					part := func(ctx context.Context) (string, error) {
						_ = pass(ctx, time.Second)
						leaves()
						return "", nil
					}
					if who == "the hedge" {
						r.a.isSilent()
						r.b.plays(part)
					} else {
						r.a.plays(part)
						r.b.isSilent()
					}
					value, exited := onItsOwn(func() { _, _ = r.router.Do(t.Context(), "hello") })
					require.Equal(t, name == "goexit", exited)
					if name == "panic" {
						require.Equal(t, errSpilled, value)
					}
					synctest.Wait()
					require.Zero(t, statusOf(t, r.router, "a").InFlight)
					require.Zero(t, statusOf(t, r.router, "b").InFlight)
					require.Empty(t, noted[failover.PanicEvent](&r.events), "the caller heard of it")
				})
			})
		}
	}
}

// A panic after the race has no caller left; nor has one in Discard or in the
// observer there.
func TestLatePanicIsAnEvent(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		do       func() (string, error)
		discard  func(string)
		observer bool
		events   int
	}{
		"Do panics":       {do: func() (string, error) { panic(errSpilled) }, events: 1},
		"Do exits":        {do: func() (string, error) { runtime.Goexit(); return "", nil }, events: 1},
		"Discard panics":  {do: func() (string, error) { return "late", nil }, discard: func(string) { panic(errSpilled) }, events: 1},
		"Discard exits":   {do: func() (string, error) { return "late", nil }, discard: func(string) { runtime.Goexit() }, events: 1},
		"observer panics": {do: func() (string, error) { return "late", nil }, observer: true, events: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var broken atomic.Bool
				var panics atomic.Int64
				r := newRaced(t, func(p []failover.Provider[string, string]) {
					if test.discard != nil {
						p[0].Discard = test.discard
					}
				}, failover.WithObserver(func(_ context.Context, e failover.Event) {
					if p, ok := e.(failover.PanicEvent); ok {
						panics.Add(1)
						require.Equal(t, "a", p.Provider)
						require.NotEmpty(t, p.Stack)
					}
					if broken.Load() {
						panic("observer")
					}
				}))
				r.a.plays(func(ctx context.Context) (string, error) {
					_ = pass(context.WithoutCancel(ctx), 5*time.Second)
					return test.do()
				})
				resp, err := ask(t, r.router)
				require.NoError(t, err)
				require.Equal(t, "b", resp)
				broken.Store(test.observer)
				settle(t, 5*time.Second)
				broken.Store(false)
				require.Equal(t, test.events, int(panics.Load()))
				require.Zero(t, statusOf(t, r.router, "a").InFlight)
			})
		})
	}
}

// What may not be asked beside a slow one is not.
func TestNoHedge(t *testing.T) {
	t.Parallel()
	limited := func(ps []failover.Provider[string, string]) {
		ps[1].Limit = failover.Limit{Concurrency: 1}
		ps[2].Limit = failover.Limit{Concurrency: 1}
	}
	priced := func(ps []failover.Provider[string, string]) {
		for i := range ps {
			ps[i].Cost = func(string) float64 { return 1 }
		}
	}
	onlyOne := failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		if p.Attempt > 0 {
			return -1
		}
		return 0
	})
	for name, test := range map[string]struct {
		set   func(ps []failover.Provider[string, string])
		opts  []failover.Option
		setup func(t *testing.T, r *raced)
		wish  []failover.Wish
		hedge string // who is asked after all
	}{
		"nothing in the way": {hedge: "b"},
		"the next one over its limit": {set: limited, setup: func(t *testing.T, r *raced) {
			t.Helper()
			for _, a := range []*actor{r.b, r.c} {
				a.takes(time.Minute)
				go func() { _, _ = r.router.Do(failover.With(t.Context(), failover.Only(a.name)), "hello") }()
			}
			synctest.Wait()
		}},
		"the next one disabled": {setup: func(t *testing.T, r *raced) {
			t.Helper()
			require.NoError(t, r.router.Disable("b"))
		}, hedge: "c"},
		"no trial by hedging": {setup: func(t *testing.T, r *raced) {
			t.Helper()
			for _, a := range []*actor{r.b, r.c} {
				a.fails(errSpilled)
				for range 5 {
					_, err := r.router.Do(failover.With(t.Context(), failover.Only(a.name)), "hello")
					require.Error(t, err)
				}
				a.answers()
			}
			wait(t, 12*time.Second)
			require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r.router, "b"))
		}},
		"no tokens": {opts: []failover.Option{failover.WithBudget(failover.BudgetPolicy{Tokens: 1})}, setup: func(t *testing.T, r *raced) {
			t.Helper()
			r.a.takes(time.Second)
			_, err := ask(t, r.router) // takes the only one
			require.NoError(t, err)
			synctest.Wait()
		}},
		"no more attempts":        {opts: []failover.Option{failover.WithMaxAttempts(1)}},
		"NoFailover":              {wish: []failover.Wish{failover.NoFailover()}},
		"Only":                    {wish: []failover.Wish{failover.Only("a")}},
		"too expensive":           {set: priced, wish: []failover.Wish{failover.MaxCost(1.5)}},
		"just affordable":         {set: priced, wish: []failover.Wish{failover.MaxCost(2)}, hedge: "b"},
		"the strategy stops":      {opts: []failover.Option{failover.WithStrategy(onlyOne)}},
		"the strategy's choice":   {opts: []failover.Option{failover.WithStrategy(lastOne)}, hedge: "c"},
		"the caller's preference": {wish: []failover.Wish{failover.Prefer("a", "c")}, hedge: "c"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, test.set, test.opts...)
				if test.setup != nil {
					test.setup(t, r)
				}
				r.begin()
				r.c.forget()
				tokens := r.router.Status().Tokens
				r.a.takes(5 * time.Second)
				result, err := r.router.Route(failover.With(t.Context(), test.wish...), "hello")
				require.NoError(t, err)
				if test.hedge != "" {
					require.Equal(t, test.hedge, result.Value)
					return
				}
				require.Equal(t, "a", result.Value)
				require.Equal(t, 5*time.Second, r.took())
				require.Equal(t, []int{1, 0, 0}, r.times())
				require.GreaterOrEqual(t, r.router.Status().Tokens, tokens, "no hedge, no token")
				require.Empty(t, noted[failover.HedgeEvent](&r.events))
			})
		})
	}
}

// lastOne asks a first, and then the last of those left.
var lastOne = failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
	if p.Attempt == 0 {
		return 0
	}
	return len(p.Candidates) - 1
})

func TestHedgeCosts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, func(ps []failover.Provider[string, string]) {
			for i := range ps {
				ps[i].Cost = func(string) float64 { return float64(i + 1) }
			}
		})
		r.a.isSilent()
		result, err := r.router.Route(t.Context(), "hello")
		require.NoError(t, err)
		require.InDelta(t, 3, result.Cost, 1e-9, "the loser is paid for too")
	})
}

// strict is a context of another making: the context package keeps a goroutine
// for each child of it until that is cancelled, so that a forgotten one shows.
type strict struct {
	context.Context

	done chan struct{}
}

func (s strict) Done() <-chan struct{} { return s.done }
func (s strict) Err() error {
	select {
	case <-s.done:
		return context.Canceled
	default:
		return nil
	}
}

// Every context that a race makes is released, under a caller whose own lasts.
func TestRacesReleaseTheirContexts(t *testing.T) {
	t.Parallel()
	for name, setup := range map[string]func(r *raced){
		"the slow one wins": func(r *raced) { r.a.takes(2 * usual); r.b.isSilent() },
		"the hedge wins":    func(r *raced) { r.a.isSilent() },
		"no hedge":          func(*raced) {},
		"both fail":         func(r *raced) { r.a.failsAfter(2*usual, errSpilled); r.b.failsAfter(usual, errSpilled) },
		"a panic":           func(r *raced) { r.a.plays(func(context.Context) (string, error) { panic(errSpilled) }) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				r := newRaced(t, nil)
				setup(r)
				ctx := strict{t.Context(), make(chan struct{})}
				_, _ = onItsOwn(func() { _, _ = r.router.Do(ctx, "hello") })
				require.NoError(t, r.router.Close())
			}) // a goroutine left behind would be a deadlock here
		})
	}
}

// Close lets a race end, and waits for it.
func TestCloseDuringARace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		r.a.takes(3 * time.Second)
		r.b.takes(3 * time.Second)
		done := make(chan error)
		go func() {
			resp, err := ask(t, r.router)
			require.Equal(t, "a", resp)
			done <- err
		}()
		wait(t, time.Second)
		begun := time.Now()
		require.NoError(t, r.router.Close())
		require.Equal(t, 2*time.Second, time.Since(begun))
		require.NoError(t, <-done)
	})
}

// A router of hedges inside one of hedges.
func TestNestedHedges(t *testing.T) {
	bubble(t, func(t *testing.T) {
		inner := newRaced(t, nil)
		other := newActor("other")
		r := withProviders(t, failover.Providers(failover.Nest("pool", inner.router), other.provider()),
			failover.WithHedge(failover.HedgePolicy{}))
		inner.a.takes(usual)
		for range 20 {
			_, err := ask(t, r)
			require.NoError(t, err)
		}
		inner.begin()
		inner.a.isSilent()
		inner.b.isSilent()
		resp, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "other", resp)
		require.Equal(t, usual, inner.took())
		synctest.Wait()
		require.Equal(t, map[string]uint64{"success": 40, "canceled": 1}, inner.router.Status().Providers[0].Attempts)
		require.NoError(t, r.Close())
	})
}

// Many racing callers, some of whom leave, while providers come and go.
func TestHedgesUnderLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		d := newDice(9)
		for _, a := range []*actor{r.a, r.b, r.c} {
			a.plays(func(ctx context.Context) (string, error) {
				switch d.roll(10) {
				case 0:
					return "", errSpilled
				case 1:
					ctx = context.WithoutCancel(ctx)
				}
				return a.name, pass(ctx, d.within(4*usual))
			})
		}
		var group sync.WaitGroup
		for range 300 {
			group.Go(func() {
				_ = pass(context.Background(), d.within(10*time.Second))
				ctx, cancel := context.WithTimeout(context.Background(), d.within(time.Second))
				defer cancel()
				_, err := r.router.Do(ctx, "hello")
				requireTyped(t, err)
			})
		}
		wait(t, 9*time.Second)
		require.NoError(t, r.router.Close())
		group.Wait()
		require.NotEmpty(t, noted[failover.HedgeEvent](&r.events))
		for _, p := range r.router.Status().Providers {
			require.Zero(t, p.InFlight, p.Name)
		}
	})
}

// The first provider says that the request is at fault while the hedge is still
// under way, and fails in some way of its own. What ended the request comes
// last, for that is where errors and outer routers look.
func TestHedgeThatFailsLaterDecidesNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, nil)
		after := func(d time.Duration, class failover.Class) func(context.Context) (string, error) {
			return func(ctx context.Context) (string, error) {
				_ = pass(ctx, d)
				return "", &failover.Error{Class: class}
			}
		}
		r.a.plays(after(usual+50*time.Millisecond, failover.ClassInvalid))
		r.b.plays(after(time.Second, failover.ClassIncomplete))
		_, err := r.router.Do(t.Context(), "hello")
		all, ok := errors.AsType[*failover.AllFailedError](err)
		require.True(t, ok, "%v", err)
		require.True(t, all.Stopped)
		require.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
		require.Equal(t, []string{"b", "a"}, []string{all.Attempts[0].Provider, all.Attempts[1].Provider})
		require.Equal(t, []int{1, 1, 0}, r.times(), "nobody else is asked")
	})
}
