package failover_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// tripwire is user code that, once armed, panics or ends its goroutine at its
// next call.
type tripwire struct {
	armed atomic.Bool
	leave func()
}

func (w *tripwire) step() {
	if w.armed.CompareAndSwap(true, false) {
		w.leave()
	}
}

// TestUserCodeThatLeaves lets every function that a user can give panic, and
// end its goroutine, in the ways of an attempt: whatever was taken for it comes
// back, the panic goes up the caller's goroutine as it was, and the router
// works on.
func TestUserCodeThatLeaves(t *testing.T) {
	t.Parallel()
	type placed struct {
		p    *failover.Provider[string, string]
		opts *[]failover.Option
		w    *tripwire
	}
	code := map[string]func(in placed){
		"Do": func(in placed) {
			do := in.p.Do
			in.p.Do = func(ctx context.Context, req string) (string, error) { in.w.step(); return do(ctx, req) }
		},
		"Adapt": func(in placed) { in.p.Adapt = func(req string) string { in.w.step(); return req } },
		"Validate": func(in placed) {
			in.p.Validate = func(context.Context, string, string) error { in.w.step(); return nil }
		},
		"Supports": func(in placed) { in.p.Supports = func(string) bool { in.w.step(); return true } },
		"Cost":     func(in placed) { in.p.Cost = func(string) float64 { in.w.step(); return 1 } },
		"Discard": func(in placed) {
			do := in.p.Do
			in.p.Do = func(ctx context.Context, req string) (string, error) {
				if resp, err := do(ctx, req); err != nil || !in.w.armed.Load() {
					return resp, err
				}
				return "half an answer", errSpilled
			}
			in.p.Discard = func(string) { in.w.step() }
		},
		"the classifier": func(in placed) {
			do := in.p.Do
			in.p.Do = func(ctx context.Context, req string) (string, error) {
				if in.w.armed.Load() {
					return "", errSpilled
				}
				return do(ctx, req)
			}
			*in.opts = append(*in.opts, failover.WithClassifier(func(string, error) *failover.Error { in.w.step(); return nil }))
		},
		"the observer": func(in placed) {
			*in.opts = append(*in.opts, failover.WithObserver(func(context.Context, failover.Event) { in.w.step() }))
		},
		"the strategy": func(in placed) {
			*in.opts = append(*in.opts, failover.WithStrategy(failover.StrategyFunc(func(context.Context, failover.Pick) int {
				in.w.step()
				return 0
			})))
		},
	}
	leave := map[string]func(){"panic": func() { panic(errSpilled) }, "goexit": runtime.Goexit}
	for what, place := range code {
		for how, leaves := range leave {
			for _, when := range []string{"in service", "in a trial", "last resort", "after a failure", "hedged", "with a deadline"} {
				if what == "the strategy" && when == "last resort" {
					continue // nobody is left to choose from
				}
				t.Run(fmt.Sprintf("%s, %s, %s", what, how, when), func(t *testing.T) {
					bubble(t, func(t *testing.T) {
						w := &tripwire{leave: leaves}
						before, a, b := newActor("before"), newActor("a"), newActor("b")
						pa := a.provider()
						pa.Limit = failover.Limit{Concurrency: 1}
						opts := []failover.Option{failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 2}), once()}
						if when == "hedged" {
							opts = append(opts, failover.WithHedge(failover.HedgePolicy{}))
						}
						place(placed{&pa, &opts, w})
						providers := failover.Providers(pa)
						switch when {
						case "after a failure":
							providers = failover.Providers(before.provider(), pa)
							before.failsAs(failover.ClassTimeout)
						case "with a deadline", "hedged":
							providers = failover.Providers(pa, b.provider())
						}
						r := withProviders(t, providers, opts...)
						ctx := t.Context()
						switch when {
						case "in a trial", "last resort":
							a.fails(errSpilled)
							for range 2 {
								_, err := ask(t, r)
								require.Error(t, err)
							}
							a.answers()
							require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
							if when == "in a trial" {
								wait(t, 12*time.Second)
							} else {
								wait(t, time.Second)
							}
						case "hedged":
							for range 20 {
								_, err := r.Do(failover.With(ctx, failover.Only("a")), "hello")
								require.NoError(t, err)
							}
						case "with a deadline":
							var cancel context.CancelFunc
							ctx, cancel = context.WithTimeout(ctx, time.Minute)
							defer cancel()
						}
						w.armed.Store(true)
						value, exited := onItsOwn(func() { _, _ = r.Do(ctx, "hello") })
						require.False(t, w.armed.Load(), "it was called")
						require.Equal(t, how == "goexit", exited)
						if how == "panic" {
							require.Equal(t, errSpilled, value)
						}
						synctest.Wait()
						require.Zero(t, statusOf(t, r, "a").InFlight)

						// Its only place was given back, and so was a trial's.
						require.NotContains(t, reasonsOf(t, r, "a"), failover.ReasonLimited)
						wait(t, 2*time.Minute)
						for range 3 {
							resp, err := ask(t, r)
							require.NoError(t, err)
							require.Equal(t, "a", resp)
						}
						require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
						require.NoError(t, r.Close())
					})
				})
			}
		}
	}
}

// After a panic in a trial the breaker goes on as after any failed trial.
func TestRouterWorksAfterAPanicInATrial(t *testing.T) {
	t.Parallel()
	for how, leaves := range map[string]func(){"panic": func() { panic(errSpilled) }, "goexit": runtime.Goexit} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				r := withProviders(t, failover.Providers(a.provider()), once(),
					failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
				a.fails(errSpilled)
				_, err := ask(t, r)
				require.Error(t, err)
				for range 3 {
					wait(t, 70*time.Second)
					require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, "a"))
					a.plays(func(context.Context) (string, error) { leaves(); return "", nil })
					_, exited := onItsOwn(func() { _, _ = ask(t, r) })
					require.Equal(t, how == "goexit", exited)
					require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
				}
				wait(t, 70*time.Second)
				a.answers()
				for range 2 {
					_, err := ask(t, r)
					require.NoError(t, err)
				}
				require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
			})
		})
	}
}

// A panic's stack shows where it happened, and is not cut off by what carries
// it.
func TestPanicKeepsItsStack(t *testing.T) {
	t.Parallel()
	a := newActor("a")
	a.plays(func(context.Context) (string, error) { return spillHere() })
	r := withProviders(t, failover.Providers(a.provider()))
	var stack string
	func() {
		defer func() {
			require.Equal(t, errSpilled, recover())
			buf := make([]byte, 1<<16)
			stack = string(buf[:runtime.Stack(buf, false)])
		}()
		_, _ = ask(t, r)
	}()
	require.True(t, strings.Contains(stack, "spillHere"), stack)
}

func spillHere() (string, error) { panic(errSpilled) }

// A probe that panics or ends its goroutine is a failed one; probing goes on.
func TestCheckThatLeaves(t *testing.T) {
	t.Parallel()
	for how, leaves := range map[string]func(){"panic": func() { panic(errSpilled) }, "goexit": runtime.Goexit} {
		t.Run(how, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var broken atomic.Bool
				broken.Store(true)
				a := newActor("a")
				p := a.provider()
				p.Check = func(context.Context) error {
					if broken.Load() {
						leaves()
					}
					return nil
				}
				var events notebook
				r := withProviders(t, failover.Providers(p), events.option(),
					failover.WithHealthChecks(failover.HealthPolicy{Interval: 10 * time.Second}))
				settle(t, time.Minute)
				require.Contains(t, reasonsOf(t, r, "a"), failover.ReasonUnhealthy)
				panics := noted[failover.PanicEvent](&events)
				require.NotEmpty(t, panics)
				require.Equal(t, "a", panics[0].Provider)
				broken.Store(false)
				settle(t, time.Minute)
				require.Empty(t, reasonsOf(t, r, "a"))
				require.NoError(t, r.Close())
			})
		})
	}
}

// An observer that panics on a probe's event ends neither the process nor the
// probing.
func TestObserverThatPanicsInAProbe(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var healthy atomic.Bool
		a := newActor("a")
		p := a.provider()
		p.Check = func(context.Context) error {
			if healthy.Load() {
				return nil
			}
			return errSpilled
		}
		r := withProviders(t, failover.Providers(p),
			failover.WithObserver(func(context.Context, failover.Event) { panic("observer") }),
			failover.WithHealthChecks(failover.HealthPolicy{Interval: 10 * time.Second}))
		settle(t, time.Minute)
		require.Contains(t, reasonsOf(t, r, "a"), failover.ReasonUnhealthy)
		healthy.Store(true)
		settle(t, time.Minute)
		require.Empty(t, reasonsOf(t, r, "a"))
		require.NoError(t, r.Close())
	})
}
