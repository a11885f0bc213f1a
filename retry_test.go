package failover_test

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestRetryWaitsAreDrawnEvenlyUpToTheirCap(t *testing.T) {
	bubble(t, func(t *testing.T) {
		policy := failover.RetryPolicy{MaxAttempts: 7, Base: 100 * time.Millisecond, Factor: 2, Max: 500 * time.Millisecond}
		caps := []time.Duration{100, 200, 400, 500, 500, 500}
		const rounds = 300
		sums := make([]time.Duration, len(caps))
		for range rounds {
			a := newActor("a")
			a.failsAs(failover.ClassTransient)
			r := onStage(t, []*actor{a}, failover.WithRetry(policy), failover.WithMaxAttempts(7),
				failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 100}))
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			waits := a.waits()
			require.Len(t, waits, len(caps))
			for i, w := range waits {
				require.LessOrEqual(t, w, caps[i]*time.Millisecond+10*time.Nanosecond, "wait %d", i+1)
				sums[i] += w
			}
		}
		for i := range caps {
			mean := sums[i] / rounds
			require.InEpsilon(t, float64(caps[i]*time.Millisecond/2), float64(mean), 0.2,
				"full jitter: wait %d is drawn evenly from zero to its cap", i+1)
		}
	})
}

func TestRetryDefaults(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var longest [2]time.Duration
		for range 200 {
			a := newActor("a")
			a.failsAs(failover.ClassTransient)
			_, err := ask(t, onStage(t, []*actor{a}))
			require.Error(t, err)
			waits := a.waits()
			require.Len(t, waits, 2)
			for i := range waits {
				longest[i] = max(longest[i], waits[i])
			}
		}
		require.InDelta(t, float64(100*time.Millisecond), float64(longest[0]), float64(5*time.Millisecond))
		require.InDelta(t, float64(200*time.Millisecond), float64(longest[1]), float64(10*time.Millisecond))
	})
}

func TestAttemptsOnOneProvider(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		max     int
		others  string
		want    int
		wantOwn bool
	}{
		{"two while another is ready", 0, "ready", 2, false},
		{"three when it is alone", 0, "none", 3, false},
		{"three when the others are disabled", 0, "disabled", 3, false},
		{"three when the others were tried", 0, "tried", 3, false},
		{"three when NoFailover keeps it", 0, "kept", 3, false},
		{"three when Only names it", 0, "only", 3, false},
		{"one as configured", 1, "none", 1, false},
		{"four as configured, while another is ready", 4, "ready", 4, false},
		{"four as configured, alone", 4, "none", 4, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.failsAs(failover.ClassTransient)
				actors := []*actor{a, b}
				ctx := t.Context()
				switch tt.others {
				case "none":
					actors = actors[:1]
				case "tried":
					actors = []*actor{b, a}
					b.failsAs(failover.ClassTimeout)
				case "kept":
					ctx = failover.With(ctx, failover.NoFailover())
				case "only":
					ctx = failover.With(ctx, failover.Only("a"))
				}
				r := onStage(t, actors, failover.WithRetry(failover.RetryPolicy{MaxAttempts: tt.max}))
				if tt.others == "disabled" {
					require.NoError(t, r.Disable("b"))
				}
				_, _ = r.Do(ctx, "request")
				require.Equal(t, tt.want, a.times())
			})
		})
	}
}

// TestWhatIsNotRepeatedIsWhenNobodyElseIsReady: the exceptions of the table
// hold only while another provider is ready.
func TestWhatIsNotRepeatedIsWhenNobodyElseIsReady(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"529": httpError(529), "Retry-After": httpError(503, "Retry-After", "2"), "slow": httpError(500),
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				b.failsAs(failover.ClassTransient)
				r := onStage(t, []*actor{b, a}, once())
				mustAsk(t, r, 5)
				require.Equal(t, failover.BreakerOpen, stateOf(t, r, "b"))

				a, b = newActor("a"), newActor("b")
				a.plays(func(ctx context.Context) (string, error) {
					if name == "slow" {
						_ = pass(ctx, 1500*time.Millisecond)
					}
					return "", err
				})
				r = onStage(t, []*actor{a, b})
				require.NoError(t, r.Disable("b"))
				_, got := ask(t, r)
				require.ErrorIs(t, got, failover.ErrAllFailed)
				require.Equal(t, 3, a.times())
				if name == "Retry-After" {
					for _, w := range a.waits() {
						require.GreaterOrEqual(t, w, 2*time.Second, "it is not asked before it wants to be")
					}
				}
			})
		})
	}
}

func TestNoRetryOnceTheBreakerOpens(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.failsAs(failover.ClassTransient)
		r := onStage(t, []*actor{a}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 2}))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, 2, a.times())
	})
}

func TestNoRetryAfterDisable(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a})
		a.plays(func(context.Context) (string, error) {
			_ = r.Disable("a")
			return "", errSpilled
		})
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, 1, a.times())
	})
}

func TestRetryAfterThatTheCallerHasNoTimeFor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.fails(httpError(503, "Retry-After", "11"))
		r := onStage(t, []*actor{a})
		began := time.Now()
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Zero(t, time.Since(began), "without a deadline nobody waits longer than 10 s")

		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = r.Do(ctx, "request")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Zero(t, time.Since(began), "nor beyond the deadline")

		ctx, cancel = context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		a.follows(httpError(503, "Retry-After", "11"))
		_, err = r.Do(ctx, "request")
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), 11*time.Second)
	})
}

func TestAttemptCap(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		providers int
		opts      []failover.Option
		want      int
	}{
		{"two for each provider and two more", 3, []failover.Option{failover.WithRetry(failover.RetryPolicy{MaxAttempts: 10})}, 8},
		{"as configured", 3, []failover.Option{failover.WithMaxAttempts(4)}, 4},
		{"a single attempt", 3, []failover.Option{failover.WithMaxAttempts(1)}, 1},
		{"enough for the defaults", 3, nil, 7},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				actors := make([]*actor, tt.providers)
				for i := range actors {
					actors[i] = newActor(string(rune('a' + i)))
					actors[i].failsAs(failover.ClassTransient)
				}
				opts := append([]failover.Option{failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 99})}, tt.opts...)
				_, err := ask(t, onStage(t, actors, opts...))
				require.ErrorIs(t, err, failover.ErrAllFailed)
				asked := 0
				for _, a := range actors {
					asked += a.times()
				}
				require.Equal(t, tt.want, asked)
			})
		})
	}
}

// drain fails until the budget allows no retry any more, and returns how many
// there were.
func drain(t *testing.T, r *stage, a *actor) int {
	t.Helper()
	a.failsAs(failover.ClassTransient)
	for retries := 0; ; {
		a.forget()
		_, _ = ask(t, r)
		if a.times() == 1 {
			return retries
		}
		retries += a.times() - 1
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	sturdy := failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 10_000})
	t.Run("half of a hundred tokens can be spent", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a}, sturdy)
			require.InDelta(t, 100, r.Status().Tokens, 0)
			require.Equal(t, 50, drain(t, r, a))
			require.InDelta(t, 50, r.Status().Tokens, 0)
		})
	})
	t.Run("ten successes earn a retry", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a}, sturdy)
			drain(t, r, a)
			a.answers()
			mustAsk(t, r, 10)
			require.InDelta(t, 51, r.Status().Tokens, 1e-9)
			require.Equal(t, 1, drain(t, r, a))
		})
	})
	t.Run("it is never more than full", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a}, failover.WithBudget(failover.BudgetPolicy{Tokens: 3, Refill: 2}))
			a.follows(errSpilled) // one token for its retry, two for the answer
			mustAsk(t, r, 1)
			require.InDelta(t, 3, r.Status().Tokens, 0)
			require.Equal(t, 2, drain(t, r, a), "3 and 2 are more than half, 1 is not")
		})
	})
	t.Run("a provider not yet tried is never refused", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b}, sturdy, failover.WithBudget(failover.BudgetPolicy{Tokens: 2}))
			drain(t, r, a)
			mustAsk(t, r, 20)
		})
	})
	t.Run("waiting for a rate limit takes a token too", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a})
			a.follows(httpError(429))
			mustAsk(t, r, 1)
			require.InDelta(t, 99.1, r.Status().Tokens, 1e-9)
		})
	})
	t.Run("what is not waited for takes none", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a})
			a.fails(httpError(429, "Retry-After", "60"))
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			a.fails(httpError(503, "Retry-After", "60"))
			require.NoError(t, r.Enable("a"))
			_, err = ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			require.InDelta(t, 100, r.Status().Tokens, 0)
		})
	})
	t.Run("a wait that was broken off gives its token back", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a})
			for _, err := range []error{httpError(429, "Retry-After", "9"), httpError(503, "Retry-After", "9")} {
				a.fails(err)
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, got := r.Do(ctx, "request")
				require.ErrorIs(t, got, context.Canceled)
				require.InDelta(t, 100, r.Status().Tokens, 0)
				require.NoError(t, r.Enable("a"))
			}
		})
	})
	t.Run("so does one at whose end the provider was gone", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			r := onStage(t, []*actor{a})
			a.fails(httpError(503, "Retry-After", "9"))
			time.AfterFunc(time.Second, func() { _ = r.Disable("a") })
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrAllFailed)
			require.Equal(t, 1, a.times())
			require.InDelta(t, 100, r.Status().Tokens, 0)
		})
	})
}

func TestRateLimitWaits(t *testing.T) {
	t.Parallel()
	limited := func(seconds string) error { return httpError(429, "Retry-After", seconds) }
	for _, tt := range []struct {
		name     string
		err      error
		alone    bool
		deadline time.Duration
		opts     []failover.Option
		want     string // who serves; "": nobody
		took     time.Duration
	}{
		{"others serve at once", limited("1"), false, 0, nil, "b", 0},
		{"a short one is waited out where asked for", limited("1"), false, 0, []failover.Option{failover.WithRateLimitWait(time.Second)}, "a", time.Second},
		{"a longer one is not", limited("2"), false, 0, []failover.Option{failover.WithRateLimitWait(time.Second)}, "b", 0},
		{
			"nor one past the deadline", limited("2"), false, 2 * time.Second,
			[]failover.Option{failover.WithRateLimitWait(time.Minute)},
			"b", 0,
		},
		{"alone it is waited for", limited("9"), true, 0, nil, "a", 9 * time.Second},
		{"for 10 s at the most without a deadline", limited("11"), true, 0, nil, "", 0},
		{"within the deadline if there is one", limited("40"), true, time.Minute, nil, "a", 40 * time.Second},
		{"never past it", limited("40"), true, 40 * time.Second, nil, "", 0},
		{"a second if the vendor does not say", httpError(429), true, 0, nil, "a", time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.follows(tt.err)
				actors := []*actor{a, b}
				if tt.alone {
					actors = actors[:1]
				}
				r := onStage(t, actors, tt.opts...)
				ctx := t.Context()
				if tt.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.deadline)
					defer cancel()
				}
				began := time.Now()
				got, err := r.Do(ctx, "request")
				require.Equal(t, tt.took, time.Since(began).Round(time.Microsecond))
				require.Equal(t, tt.want, got)
				if tt.want == "" {
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Equal(t, failover.ClassRateLimited, failover.ClassOf(err))
				}
			})
		})
	}
}

func TestRateLimitIsWaitedForOnceTheOthersFailed(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newActor("a"), newActor("b"), newActor("c")
		a.follows(httpError(429, "Retry-After", "8"))
		b.follows(httpError(429, "Retry-After", "4"))
		c.failsAs(failover.ClassTimeout)
		got, err := ask(t, onStage(t, []*actor{a, b, c}))
		require.NoError(t, err)
		require.Equal(t, "b", got, "the one that is ready first")
		require.Equal(t, 1, a.times())
	})
}

func TestRateLimitedAloneWaitsLongerEachTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.fails(httpError(429))
		_, err := ask(t, onStage(t, []*actor{a}))
		require.ErrorIs(t, err, failover.ErrAllFailed)
		waits := a.waits()
		for i := range waits {
			waits[i] = waits[i].Round(time.Microsecond)
		}
		require.Equal(t, []time.Duration{time.Second, 2 * time.Second}, waits)
	})
}

func TestRetryPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]failover.RetryPolicy{
		"MaxAttempts -1 is negative": {MaxAttempts: -1},
		"Base -1s is negative":       {Base: -time.Second},
		"Factor 0.5 is below 1":      {Factor: 0.5},
		"Factor -1 is negative":      {Factor: -1},
		"Factor NaN is negative":     {Factor: math.NaN()},
		"Factor +Inf is negative":    {Factor: math.Inf(1)},
		"Max -1s is negative":        {Max: -time.Second},
		"Max 1ms is below Base 5ms":  {Base: 5 * time.Millisecond, Max: time.Millisecond},
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithRetry(p))
		require.ErrorContains(t, err, "WithRetry: "+want)
	}
	_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithRetry(failover.RetryPolicy{Base: time.Minute}))
	require.NoError(t, err, "a Base alone must not collide with the default of Max")
}

func TestBudgetPolicyIsChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]failover.BudgetPolicy{
		"Tokens -1 is negative":       {Tokens: -1},
		"Refill -1 is negative":       {Refill: -1},
		"Tokens NaN is negative":      {Tokens: math.NaN()},
		"Refill +Inf is negative":     {Refill: math.Inf(1)},
		"Tokens 2e+09 is above a tho": {Tokens: 2e9},
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithBudget(p))
		require.ErrorContains(t, err, "WithBudget: "+want)
	}
}

func TestRetryAndWaitOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]failover.Option{
		"WithRateLimitWait: -1s is negative": failover.WithRateLimitWait(-time.Second),
		"WithWait: -1s is negative":          failover.WithWait(-time.Second),
		"WithMaxAttempts: -1 is negative":    failover.WithMaxAttempts(-1),
		"WithTimeout: -1s is negative":       failover.WithTimeout(-time.Second),
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), o)
		require.ErrorContains(t, err, want)
	}
}

// FuzzRetrySchedule: no wait is negative or above its cap, whatever the
// policy.
func FuzzRetrySchedule(f *testing.F) {
	f.Add(int64(100*time.Millisecond), 2.0, int64(2*time.Second))
	f.Add(int64(1), 1.0, int64(1))
	f.Add(int64(math.MaxInt64), 1e300, int64(math.MaxInt64))
	f.Add(int64(time.Hour), math.MaxFloat64, int64(1<<62))
	f.Fuzz(func(t *testing.T, base int64, factor float64, most int64) {
		p := failover.RetryPolicy{Base: time.Duration(base), Factor: factor, Max: time.Duration(most)}
		if _, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithRetry(p)); err != nil {
			return
		}
		p, waits := failover.RetryWaits(p, 70)
		limit := float64(p.Base)
		for i, w := range waits {
			if w < 0 || w > p.Max || float64(w) > math.Nextafter(limit, math.Inf(1))*1.000001 {
				t.Fatalf("wait %d of %+v is %v", i+1, p, w)
			}
			limit = min(limit*p.Factor, float64(p.Max))
		}
	})
}

// FuzzCooldown: a cooldown ends in the future, within the longest, and no
// later failure makes it end earlier.
func FuzzCooldown(f *testing.F) {
	f.Add(uint8(3), int64(time.Second), int64(time.Minute), int64(5))
	f.Add(uint8(5), int64(0), int64(math.MaxInt64/4), int64(0))
	f.Fuzz(func(t *testing.T, class uint8, retryAfter, longest, step int64) {
		if retryAfter < 0 || longest <= 0 || longest > math.MaxInt64/4 || step < 0 || step > int64(time.Hour) {
			return
		}
		c := failover.Class(class % uint8(len(failover.Classes())))
		cool := failover.NewCooldown()
		now, before := int64(0), int64(0)
		for i := range int64(100) {
			if i%7 == 3 {
				retryAfter /= 2
			}
			end := cool(c, now, time.Duration(retryAfter), time.Duration(longest))
			if end < before {
				t.Fatalf("shortened from %d to %d", before, end)
			}
			if end != before && (end <= now || end-now > longest) {
				t.Fatalf("at %d cools until %d, longest %d", now, end, longest)
			}
			before = end
			now += step
		}
	})
}
