package failover_test

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// pair is a router of a and b, where b answers, one attempt at each.
func pair(t *testing.T, opts ...failover.Option) (a, b *actor, r *stage) {
	t.Helper()
	a, b = newActor("a"), newActor("b")
	return a, b, onStage(t, []*actor{a, b}, append([]failover.Option{once()}, opts...)...)
}

// mustAsk makes n requests that somebody must serve.
func mustAsk(t *testing.T, r *stage, n int) {
	t.Helper()
	for range n {
		_, err := ask(t, r)
		require.NoError(t, err)
	}
}

// trip opens the breaker of a with five failures.
func trip(t *testing.T, r *stage, a *actor) {
	t.Helper()
	a.failsAs(failover.ClassTransient)
	mustAsk(t, r, 5)
	require.Equal(t, failover.BreakerOpen, stateOf(t, r, a.name))
}

// untilTrial waits for the end of the open time.
func untilTrial(t *testing.T, r *stage, name string) {
	t.Helper()
	wait(t, left(t, r, name, failover.ReasonOpen)+time.Microsecond)
	require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, name))
}

func TestBreakerOpensAtFiveFailuresInARow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 4)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		a.answers()
		mustAsk(t, r, 1)
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 4)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "a success starts the count again")
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		asked := a.times()
		mustAsk(t, r, 10)
		require.Equal(t, asked, a.times(), "an open provider is not asked")
	})
}

func TestBreakerOpensAtThreeTimeoutsInARow(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		timeout := httpError(504)
		a.follows(timeout, timeout, errSpilled, timeout, nil, timeout, timeout)
		mustAsk(t, r, 7)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "another failure breaks the row of timeouts")
		a.fails(timeout)
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestBreakerOpensForSilence(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		a.isSilent()
		mustAsk(t, r, 2)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		require.Equal(t, []time.Duration{30 * time.Second, 30 * time.Second}, a.waits(), "each cost its caller an attempt timeout")
	})
}

// TestConsecutiveFailuresDoNotAge: gobreaker forgets them with its window.
func TestConsecutiveFailuresDoNotAge(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		a.failsAs(failover.ClassTransient)
		for range 5 {
			wait(t, 90*time.Second)
			mustAsk(t, r, 1)
		}
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestBreakerOpensAtHalfFailuresOfTwenty(t *testing.T) {
	t.Parallel()
	// alternate asks n times, every other one a failure, a success first.
	alternate := func(t *testing.T, a *actor, r *stage, n int, every time.Duration) {
		t.Helper()
		for i := range n {
			if a.answers(); i%2 == 1 {
				a.failsAs(failover.ClassTransient)
			}
			mustAsk(t, r, 1)
			wait(t, every)
		}
	}
	t.Run("ten of twenty", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			alternate(t, a, r, 18, 0)
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "the sample is too small")
			alternate(t, a, r, 2, 0)
			require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		})
	})
	t.Run("fewer than half", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			mustAsk(t, r, 2)
			alternate(t, a, r, 60, 0)
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		})
	})
	t.Run("twenty, but in more than a minute", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			alternate(t, a, r, 100, 4*time.Second)
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		})
	})
	t.Run("the minute rolls", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			wait(t, 55*time.Second)
			alternate(t, a, r, 10, 0)
			wait(t, 10*time.Second)
			alternate(t, a, r, 10, 0)
			require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"), "a fixed window would have begun anew between the two halves")
		})
	})
	t.Run("what is ignored is no sample", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			a.failsAs(failover.ClassUnsatisfactory)
			mustAsk(t, r, 1)
			a.failsAs(failover.ClassTransient)
			mustAsk(t, r, 1)
			alternate(t, a, r, 18, 0)
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "ten of nineteen")
		})
	})
}

func TestOnlyTheRulesThatAreSetHold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveTimeouts: 2}))
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 100)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		a.failsAs(failover.ClassTimeout)
		mustAsk(t, r, 2)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestSlowCallsOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, r := pair(t, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 3, SlowCall: time.Second}))
		a.takes(time.Second)
		mustAsk(t, r, 5)
		a.takes(time.Second + time.Millisecond)
		mustAsk(t, r, 2)
		a.takes(time.Millisecond)
		mustAsk(t, r, 1)
		a.takes(2 * time.Second)
		for range 3 {
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
			got, err := ask(t, r)
			require.NoError(t, err)
			require.Equal(t, "a", got, "a slow answer is an answer")
		}
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		require.Zero(t, b.times())
		require.Equal(t, uint64(11), statusOf(t, r, "a").Attempts["success"])
	})
}

func TestSlowTrialReopens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 5, SlowCall: time.Second}))
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.takes(2 * time.Second)
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

// requireAbout checks a wait that varies by a tenth.
func requireAbout(t *testing.T, want, got time.Duration) {
	t.Helper()
	require.InDelta(t, float64(want), float64(got), float64(want)/10)
}

func TestOpenTimeGrows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		trip(t, r, a)
		for n := 1; n <= 9; n++ {
			open := left(t, r, "a", failover.ReasonOpen)
			requireAbout(t, min(time.Duration(n)*10*time.Second, time.Minute), open)
			require.LessOrEqual(t, open, time.Minute)
			untilTrial(t, r, "a")
			mustAsk(t, r, 1)
		}
		require.Greater(t, time.Since(a.calls[0]), 5*time.Minute, "growth holds through a long outage")
	})
}

func TestOpenTimeVaries(t *testing.T) {
	bubble(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 10 {
			a, _, r := pair(t)
			trip(t, r, a)
			seen[left(t, r, "a", failover.ReasonOpen)] = true
		}
		require.Greater(t, len(seen), 5, "routers that opened together must not come back together")
	})
}

func TestOpenTimeGrowthIsForgottenAfterFiveMinutesClosed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		closed time.Duration
		want   time.Duration
	}{
		{"not yet", 5*time.Minute - time.Second, 30 * time.Second},
		{"forgotten", 5*time.Minute + time.Second, 10 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t)
				trip(t, r, a)
				untilTrial(t, r, "a")
				mustAsk(t, r, 1) // opens again
				untilTrial(t, r, "a")
				a.answers()
				mustAsk(t, r, 2)
				require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
				wait(t, tt.closed)
				trip(t, r, a)
				requireAbout(t, tt.want, left(t, r, "a", failover.ReasonOpen))
			})
		})
	}
}

func TestOpenTimeIsNeverShorterThanRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		asked []string
		want  time.Duration
	}{
		{"of the failure that opened it", []string{"", "", "", "", "120"}, 2 * time.Minute},
		{"of one before", []string{"", "", "200", "", ""}, 200 * time.Second},
		{"a later shorter one does not shorten", []string{"", "", "200", "", "30"}, 200 * time.Second},
		{"at most WithMaxCooldown", []string{"", "", "", "", "86400"}, 15 * time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t)
				for _, seconds := range tt.asked {
					a.fails(httpError(503, "Retry-After", seconds))
					mustAsk(t, r, 1)
				}
				require.Equal(t, tt.want, left(t, r, "a", failover.ReasonOpen))
			})
		})
	}
}

func TestHalfOpenLetsOneThroughAndTwoSuccessesClose(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, r := pair(t)
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.takes(time.Second)
		a.forget()
		b.forget()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { _, _ = ask(t, r) })
		}
		synctest.Wait()
		require.Equal(t, 1, a.times())
		require.Equal(t, 9, b.times(), "the others do not wait for the trial")
		group.Wait()
		require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, "a"), "one success is not enough")
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		require.Empty(t, reasonsOf(t, r, "a"))
	})
}

func TestHalfOpenAsConfigured(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t, failover.WithBreaker(failover.BreakerPolicy{
			ConsecutiveFailures: 5, HalfOpenTrials: 3, HalfOpenSuccesses: 4, OpenFor: time.Second, MaxOpen: 2 * time.Second,
		}))
		trip(t, r, a)
		requireAbout(t, time.Second, left(t, r, "a", failover.ReasonOpen))
		untilTrial(t, r, "a")
		a.takes(time.Second)
		a.forget()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { _, _ = ask(t, r) })
		}
		synctest.Wait()
		require.Equal(t, 3, a.times())
		group.Wait()
		require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, "a"))
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
	})
}

func TestHalfOpenFailureReopens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.answers()
		mustAsk(t, r, 1)
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		requireAbout(t, 20*time.Second, left(t, r, "a", failover.ReasonOpen))
	})
}

// waysBack are the two ways to be tried again: after an open breaker and
// after a cooldown.
var waysBack = map[string]func(t *testing.T, a *actor, r *stage){
	"after open": func(t *testing.T, a *actor, r *stage) {
		t.Helper()
		trip(t, r, a)
		untilTrial(t, r, "a")
	},
	"after a cooldown": func(t *testing.T, a *actor, r *stage) {
		t.Helper()
		a.fails(httpError(429))
		mustAsk(t, r, 1)
		wait(t, left(t, r, "a", failover.ReasonCooling)+time.Microsecond)
		require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a"))
	},
}

// TestHalfOpenCannotWedge ends a trial in every way there is. Whatever the
// trial meant, its slot comes back, and a provider that is well again is back
// in full service soon after.
func TestHalfOpenCannotWedge(t *testing.T) {
	t.Parallel()
	ends := map[string]func(t *testing.T, a *actor, r *stage){
		"failure": func(t *testing.T, a *actor, r *stage) {
			a.failsAs(failover.ClassTransient)
			mustAsk(t, r, 1)
		},
		"ignored failure": func(t *testing.T, a *actor, r *stage) {
			a.failsAs(failover.ClassUnsatisfactory)
			mustAsk(t, r, 1)
		},
		"rate limit": func(t *testing.T, a *actor, r *stage) {
			a.fails(httpError(429))
			mustAsk(t, r, 1)
		},
		"panic": func(t *testing.T, a *actor, r *stage) {
			a.plays(func(context.Context) (string, error) { panic("trial") })
			require.PanicsWithValue(t, "trial", func() { _, _ = ask(t, r) })
		},
		"Goexit": func(t *testing.T, a *actor, r *stage) {
			a.plays(func(context.Context) (string, error) { runtime.Goexit(); return "", nil })
			left := true
			var group sync.WaitGroup
			group.Go(func() {
				_, _ = ask(t, r)
				left = false
			})
			group.Wait()
			require.True(t, left, "Goexit goes on")
		},
		"hang": func(t *testing.T, a *actor, r *stage) {
			a.isSilent()
			mustAsk(t, r, 1)
		},
		"cancel": func(t *testing.T, a *actor, r *stage) {
			a.isSilent()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := r.Do(ctx, "request")
			require.ErrorIs(t, err, context.Canceled)
		},
		"caller's deadline": func(t *testing.T, a *actor, r *stage) {
			a.isSilent()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := r.Do(failover.With(ctx, failover.NoFailover()), "request")
			require.ErrorIs(t, err, context.DeadlineExceeded)
		},
	}
	for why, recover := range waysBack {
		for how, end := range ends {
			t.Run(why+"/"+how, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a, _, r := pair(t)
					recover(t, a, r)
					a.forget()
					end(t, a, r)
					require.Equal(t, 1, a.times())
					require.Zero(t, statusOf(t, r, "a").InFlight)
					a.answers()
					for range 40 {
						wait(t, time.Second)
						mustAsk(t, r, 1)
					}
					require.Empty(t, reasonsOf(t, r, "a"))
					require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
				})
			})
		}
	}
}

// TestTrialSurvivesPanicsAroundIt lets user code panic that runs after a
// trial was admitted and before the provider is called.
func TestTrialSurvivesPanicsAroundIt(t *testing.T) {
	t.Parallel()
	tests := map[string]func(a, b *failover.Provider[string, string], armed *atomic.Bool) failover.Option{
		"Cost": func(a, _ *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			a.Cost = func(string) float64 { panicIf(armed); return 1 }
			return nil
		},
		"Supports of a successor": func(_, b *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			b.Supports = func(string) bool { panicIf(armed); return true }
			return nil
		},
		"Adapt": func(a, _ *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			a.Adapt = func(s string) string { panicIf(armed); return s }
			return nil
		},
		"Validate": func(a, _ *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			a.Validate = func(context.Context, string, string) error { panicIf(armed); return nil }
			return nil
		},
		"a strategy that looks ahead": func(_, _ *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			return failover.WithStrategy(failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
				if p.Dry {
					panicIf(armed)
				}
				return 0
			}))
		},
		"the observer": func(_, _ *failover.Provider[string, string], armed *atomic.Bool) failover.Option {
			return failover.WithObserver(func(context.Context, failover.Event) { panicIf(armed) })
		},
	}
	for name, sabotage := range tests {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var armed atomic.Bool
				a, b := newActor("a"), newActor("b")
				pa, pb := a.provider(), b.provider()
				pa.Limit.Concurrency = 1
				opts := []failover.Option{once()}
				if o := sabotage(&pa, &pb, &armed); o != nil {
					opts = append(opts, o)
				}
				r := withProviders(t, failover.Providers(pa, pb), opts...)
				trip(t, r, a)
				untilTrial(t, r, "a")
				a.answers()
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // so that successors matter
				defer cancel()
				armed.Store(true)
				require.PanicsWithValue(t, "sabotage", func() { _, _ = r.Do(ctx, "request") })
				armed.Store(false)
				require.Zero(t, statusOf(t, r, "a").InFlight)
				for range 40 {
					wait(t, time.Second)
					mustAsk(t, r, 1)
				}
				require.Empty(t, reasonsOf(t, r, "a"), "neither the trial's slot nor the place within Limit may be lost")
			})
		})
	}
}

func panicIf(armed *atomic.Bool) {
	if armed.Load() {
		panic("sabotage")
	}
}

func TestAttemptTimeoutBoundsATrial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t, failover.WithTimeout(3*time.Second))
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.isSilent()
		began := time.Now()
		mustAsk(t, r, 1)
		require.Equal(t, 3*time.Second, time.Since(began))
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestLeavingACooldownIsHalfOpen(t *testing.T) {
	t.Parallel()
	t.Run("one at a time, two successes", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b, r := pair(t)
			waysBack["after a cooldown"](t, a, r)
			a.takes(time.Second)
			a.forget()
			b.forget()
			var group sync.WaitGroup
			for range 10 {
				group.Go(func() { _, _ = ask(t, r) })
			}
			synctest.Wait()
			require.Equal(t, 1, a.times())
			require.Equal(t, 9, b.times())
			group.Wait()
			require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a"))
			mustAsk(t, r, 1)
			require.Empty(t, reasonsOf(t, r, "a"))
		})
	})
	t.Run("a failed trial is as an opening", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			waysBack["after a cooldown"](t, a, r)
			a.failsAs(failover.ClassTransient)
			for n := 1; n <= 4; n++ {
				mustAsk(t, r, 1)
				cooling := left(t, r, "a", failover.ReasonCooling)
				requireAbout(t, time.Duration(n)*10*time.Second, cooling)
				wait(t, cooling+time.Microsecond)
			}
		})
	})
	t.Run("a failed trial does not shorten a longer cooldown", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			// A request that is under way when the provider begins to cool
			// comes back with a long Retry-After during the trial.
			release := make(chan struct{})
			a.plays(func(context.Context) (string, error) { <-release; return "", httpError(429, "Retry-After", "600") })
			var group sync.WaitGroup
			group.Go(func() { _, _ = ask(t, r) })
			synctest.Wait()
			waysBack["after a cooldown"](t, a, r)
			a.plays(func(ctx context.Context) (string, error) {
				close(release)
				_ = pass(ctx, time.Second)
				return "", errSpilled
			})
			mustAsk(t, r, 1)
			group.Wait()
			require.Equal(t, 599*time.Second, left(t, r, "a", failover.ReasonCooling))
		})
	})
}

func TestEnableClearsEverything(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		pa, pb := a.provider(), b.provider()
		pa.Account = "key"
		pc := newActor("c").provider()
		pc.Account = "key"
		r := withProviders(t, failover.Providers(pa, pb, pc), once())
		trip(t, r, a)
		untilTrial(t, r, "a")
		mustAsk(t, r, 1) // opens for 20 s
		require.NoError(t, r.Enable("a"))
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		require.Empty(t, reasonsOf(t, r, "a"))
		trip(t, r, a)
		requireAbout(t, 10*time.Second, left(t, r, "a", failover.ReasonOpen))

		require.NoError(t, r.Enable("a"))
		a.fails(httpError(401))
		mustAsk(t, r, 1)
		require.Equal(t, []failover.Reason{failover.ReasonCooling}, reasonsOf(t, r, "a"))
		require.Equal(t, []failover.Reason{failover.ReasonCooling}, reasonsOf(t, r, "c"), "c shares the account")
		require.NoError(t, r.Enable("a"))
		require.Empty(t, reasonsOf(t, r, "a"))
		require.Empty(t, reasonsOf(t, r, "c"))

		a.fails(httpError(429))
		for range 2 {
			mustAsk(t, r, 1)
			require.Equal(t, 5*time.Second, cooling(t, r), "the growth of its cooldowns is forgotten")
			require.NoError(t, r.Enable("a"))
			wait(t, time.Second)
		}

		require.NoError(t, r.Disable("a"))
		require.NoError(t, r.Enable("a"))
		require.Empty(t, reasonsOf(t, r, "a"))
		a.answers()
		got, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "a", got)
	})
}

// TestLateResultsAreDropped lets attempts that began before a breaker opened
// fail after it has closed: they say nothing of the provider as it is now.
func TestLateResultsAreDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		a.isSilent()
		var group sync.WaitGroup
		for range 10 {
			group.Go(func() { _, _ = ask(t, r) })
		}
		synctest.Wait()
		trip(t, r, a)
		untilTrial(t, r, "a")
		a.answers()
		mustAsk(t, r, 2)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		group.Wait() // ten timeouts come in
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		a.failsAs(failover.ClassTransient)
		mustAsk(t, r, 4)
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "they are not counted with new failures either")
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestResultsFromBeforeEnableAreDropped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t)
		release := make(chan struct{})
		a.plays(func(context.Context) (string, error) { <-release; return "", errSpilled })
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { _, _ = ask(t, r) })
		}
		synctest.Wait()
		wait(t, time.Second)
		require.NoError(t, r.Enable("a"))
		close(release)
		group.Wait()
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
	})
}

func TestBreakerPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]failover.BreakerPolicy{
		"FailureRatio 0.5 needs a Window":                   {FailureRatio: 0.5},
		"FailureRatio 1.5 is above 1":                       {FailureRatio: 1.5, Window: time.Minute},
		"ConsecutiveFailures -1 is negative":                {ConsecutiveFailures: -1},
		"ConsecutiveTimeouts -2 is negative":                {ConsecutiveTimeouts: -2},
		"FailureRatio -0.1 is negative":                     {FailureRatio: -0.1, Window: time.Minute},
		"MinRequests -3 is negative":                        {MinRequests: -3},
		"Window -1s is negative":                            {Window: -time.Second},
		"SlowCall -1s is negative":                          {SlowCall: -time.Second},
		"OpenFor -1s is negative":                           {OpenFor: -time.Second},
		"MaxOpen -1s is negative":                           {MaxOpen: -time.Second},
		"MaxOpen 5s is below OpenFor 10s":                   {MaxOpen: 5 * time.Second},
		"HalfOpenTrials -1 is negative":                     {HalfOpenTrials: -1},
		"HalfOpenTrials 1 and HalfOpenSuccesses 40000 must": {HalfOpenSuccesses: 40_000},
		"HalfOpenTrials 40000 and HalfOpenSuccesses 40000 ": {HalfOpenTrials: 40_000},
		"HalfOpenTrials 3 is above HalfOpenSuccesses 2":     {HalfOpenTrials: 3, HalfOpenSuccesses: 2},
		"MaxOpen 8784h0m0s is above a year":                 {MaxOpen: 366 * 24 * time.Hour},
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithBreaker(p))
		require.ErrorContains(t, err, "WithBreaker: "+want)
	}
}

// TestBreakerWithExtremeNumbers: no overflow turns an open breaker into one
// that lets everything through, or nothing for ever.
func TestBreakerWithExtremeNumbers(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]failover.BreakerPolicy{
		"months":      {ConsecutiveFailures: 5, OpenFor: 180 * 24 * time.Hour, MaxOpen: 365 * 24 * time.Hour},
		"nanoseconds": {ConsecutiveFailures: 5, OpenFor: 1},
		"tiny window": {ConsecutiveFailures: 5, FailureRatio: 0.5, Window: 5},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t, failover.WithBreaker(p))
				a.failsAs(failover.ClassTransient)
				mustAsk(t, r, 5)
				if p.OpenFor > time.Hour {
					asked := a.times()
					wait(t, 1000*time.Hour)
					mustAsk(t, r, 3)
					require.Equal(t, asked, a.times())
					return
				}
				a.answers()
				wait(t, time.Minute)
				mustAsk(t, r, 2)
				require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
			})
		})
	}
}

func TestBreakerStateText(t *testing.T) {
	t.Parallel()
	for s, want := range map[failover.BreakerState]string{
		failover.BreakerClosed: "closed", failover.BreakerHalfOpen: "half_open", failover.BreakerOpen: "open", 9: "breaker_state(9)",
	} {
		require.Equal(t, want, s.String())
		text, err := s.MarshalText()
		require.NoError(t, err)
		require.Equal(t, want, string(text))
	}
}
