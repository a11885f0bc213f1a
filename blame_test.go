package failover_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// touchy opens at the first failure, so that any blame is seen.
func touchy() failover.Option {
	return failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1})
}

// TestCancelNeverBlames ends the caller's context in the middle of an attempt.
// Whatever the provider makes of it, it is not its failure.
func TestCancelNeverBlames(t *testing.T) {
	t.Parallel()
	ways := map[string]func(ctx context.Context) error{
		"the context's error":     func(ctx context.Context) error { return ctx.Err() },
		"its cause":               context.Cause,
		"an error of its own":     func(context.Context) error { return errSpilled },
		"a cut answer":            func(context.Context) error { return io.ErrUnexpectedEOF },
		"a transient Error":       func(context.Context) error { return &failover.Error{Class: failover.ClassTransient} },
		"an incomplete Error":     func(context.Context) error { return &failover.Error{Class: failover.ClassIncomplete} },
		"a timeout Error":         func(context.Context) error { return &failover.Error{Class: failover.ClassTimeout} },
		"a canceled Error":        func(context.Context) error { return &failover.Error{Class: failover.ClassCanceled} },
		"an Error with the cause": func(ctx context.Context) error { return &failover.Error{Class: failover.ClassTimeout, Err: ctx.Err()} },
	}
	cancels := map[string]error{
		"cancel":                              nil,
		"cancel with a cause":                 errors.New("hung up"),
		"cancel with somebody's own deadline": context.DeadlineExceeded,
	}
	for how, cause := range cancels {
		for what, part := range ways {
			t.Run(how+"/"+what, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a, b := newActor("a"), newActor("b")
					a.plays(func(ctx context.Context) (string, error) {
						<-ctx.Done()
						return "", part(ctx)
					})
					r := onStage(t, []*actor{a, b}, touchy())
					ctx, cancel := context.WithCancelCause(t.Context())
					time.AfterFunc(20*time.Second, func() { cancel(cause) })
					_, err := r.Do(ctx, "request")

					require.ErrorIs(t, err, context.Canceled)
					if cause != nil {
						require.ErrorIs(t, err, cause)
					}
					canceled, ok := errors.AsType[*failover.CanceledError](err)
					require.True(t, ok)
					require.Len(t, canceled.Attempts, 1)
					require.Equal(t, failover.ClassCanceled, failover.ClassOf(err))
					require.Zero(t, b.times(), "nobody waits for an answer any more")

					s := statusOf(t, r, "a")
					require.Equal(t, failover.BreakerClosed, s.Breaker)
					require.InDelta(t, 1, s.SuccessRate, 0)
					require.Nil(t, s.LastError)
					require.Equal(t, map[string]uint64{"canceled": 1}, s.Attempts)
				})
			})
		}
	}
}

// TestARealAnswerAtTheLastMomentCounts: what a provider itself says is its own,
// even if the caller has gone.
func TestARealAnswerAtTheLastMomentCounts(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err   error
		class string
		open  bool
		cools bool
	}{
		{httpError(401), "unauthorized", false, true},
		{httpError(429), "rate_limited", false, true},
		{httpError(400), "invalid", false, false},
		{httpError(500), "transient", true, false},
	} {
		t.Run(tt.class, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.plays(func(ctx context.Context) (string, error) {
					<-ctx.Done()
					return "", tt.err
				})
				r := onStage(t, []*actor{a, b}, touchy())
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Second, cancel)
				_, err := r.Do(ctx, "request")
				require.ErrorIs(t, err, context.Canceled)
				require.Equal(t, map[string]uint64{tt.class: 1}, statusOf(t, r, "a").Attempts)
				require.Equal(t, tt.open, stateOf(t, r, "a") == failover.BreakerOpen)
				require.Equal(t, tt.cools, cooling(t, r) > 0)
			})
		})
	}
}

func TestCallersDeadlineBlamesOnlyTheTrulySilent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		usual    time.Duration // how fast it answered before; 0: no history
		timeout  time.Duration
		deadline time.Duration
		blamed   bool
	}{
		{"impatient, no history", 0, 30 * time.Second, 1999 * time.Millisecond, false},
		{"two seconds, no history", 0, 30 * time.Second, 2 * time.Second, true},
		{"two seconds of one that is fast", 10 * time.Millisecond, 30 * time.Second, 2 * time.Second, true},
		{"two seconds of one that is slow", 4 * time.Second, 30 * time.Second, 7900 * time.Millisecond, false},
		{"twice its p99", 4 * time.Second, 30 * time.Second, 8001 * time.Millisecond, true},
		{"no more than its attempt timeout", 4 * time.Second, 6 * time.Second, 6 * time.Second, true},
		{"a short attempt timeout", 0, time.Second, time.Second, true},
		{"no attempt timeout, impatient", 0, 0, time.Second, false},
		{"no attempt timeout, patient", 0, 0, 3 * time.Second, true},
	} {
		for way, part := range map[string]func(ctx context.Context) error{
			"context error": func(ctx context.Context) error { return ctx.Err() },
			"own error":     func(context.Context) error { return errSpilled },
		} {
			t.Run(tt.name+"/"+way, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a := newActor("a")
					r := onStage(t, []*actor{a}, touchy(), failover.WithTimeout(tt.timeout))
					if tt.usual > 0 {
						a.takes(tt.usual)
						mustAsk(t, r, 20)
					}
					a.plays(func(ctx context.Context) (string, error) {
						<-ctx.Done()
						return "", part(ctx)
					})
					a.forget()
					ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
					defer cancel()
					began := time.Now()
					_, err := r.Do(ctx, "request")
					require.Equal(t, tt.deadline, time.Since(began))
					require.ErrorIs(t, err, context.DeadlineExceeded)
					require.Equal(t, tt.blamed, stateOf(t, r, "a") == failover.BreakerOpen)
					require.Equal(t, uint64(1), statusOf(t, r, "a").Attempts["timeout"], "it is counted in any case")
				})
			})
		}
	}
}

// TestAttemptTimeoutAlwaysBlames: the provider had the whole time it is given.
func TestAttemptTimeoutAlwaysBlames(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.takes(4 * time.Second) // so that 2 × p99 is longer than the timeout below
		p := a.provider()
		p.Timeout = 5 * time.Second
		r := withProviders(t, failover.Providers(p, b.provider()), touchy())
		mustAsk(t, r, 20)
		a.isSilent()
		mustAsk(t, r, 1)
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestSilentSoleProviderTripsInTheEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := onStage(t, []*actor{a})
		mustAsk(t, r, 50)
		a.isSilent()
		for range 3 {
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := r.Do(ctx, "request")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
	})
}

func TestHealthyProviderIsNotTrippedByImpatientCallers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.takes(1500 * time.Millisecond)
		r := onStage(t, []*actor{a})
		for range 200 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			_, err := r.Do(ctx, "request")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		require.Empty(t, reasonsOf(t, r, "a"))
		mustAsk(t, r, 1)
	})
}

// TestAttemptsOwnContextIsNotTheCallers: an attempt that ran out of its own
// time, and a provider that canceled something of its own, are failures of the
// provider that do not look like the caller's.
func TestAttemptsOwnContextIsNotTheCallers(t *testing.T) {
	t.Parallel()
	parts := map[string]struct {
		part  func(ctx context.Context) error
		class failover.Class
		is    error
	}{
		"attempt timeout": {
			func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }, failover.ClassTimeout, failover.ErrAttemptTimeout,
		},
		"attempt timeout, wrapped": {func(ctx context.Context) error {
			<-ctx.Done()
			return &failover.Error{Class: failover.ClassTransient, Err: context.Cause(ctx)}
		}, failover.ClassTimeout, failover.ErrAttemptTimeout},
		"attempt timeout, declared canceled": {func(ctx context.Context) error {
			<-ctx.Done()
			return &failover.Error{Class: failover.ClassCanceled}
		}, failover.ClassTimeout, failover.ErrAttemptTimeout},
		"a deadline of the provider's own": {func(context.Context) error { return context.DeadlineExceeded }, failover.ClassTimeout, nil},
		"a cancel of the provider's own":   {func(context.Context) error { return context.Canceled }, failover.ClassTransient, nil},
		"declared canceled":                {func(context.Context) error { return &failover.Error{Class: failover.ClassCanceled} }, failover.ClassTransient, nil},
	}
	for name, tt := range parts {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				a.plays(func(ctx context.Context) (string, error) { return "", tt.part(ctx) })
				r := onStage(t, []*actor{a}, once(), touchy())
				_, err := ask(t, r)
				require.ErrorIs(t, err, failover.ErrAllFailed)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
				require.NotErrorIs(t, err, context.Canceled)
				require.Equal(t, tt.class, failover.ClassOf(err))
				if tt.is != nil {
					require.ErrorIs(t, err, tt.is)
				}
				require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
			})
		})
	}
}

// TestDeadlineWithoutItsTimer: between the instant of a deadline and the firing
// of its timer a context has no error yet.
func TestDeadlineWithoutItsTimer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.plays(func(ctx context.Context) (string, error) {
			_ = pass(context.Background(), time.Second)
			return "", errSpilled
		})
		r := onStage(t, []*actor{a, b}, touchy())
		_, err := r.Do(lateContext{t.Context(), time.Now().Add(time.Second)}, "request")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, b.times())
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
	})
}

// lateContext has a deadline that nobody enforces.
type lateContext struct {
	context.Context

	at time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.at, true }

func TestCancelWhileWaitingReturnsAtOnce(t *testing.T) {
	t.Parallel()
	for name, class := range map[string]failover.Class{
		"backoff": failover.ClassTransient, "rate limit": failover.ClassRateLimited,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				a.fails(&failover.Error{Class: class, RetryAfter: 9 * time.Second, Err: errSpilled})
				r := onStage(t, []*actor{a})
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					synctest.Wait()
					cancel()
				}()
				began := time.Now()
				_, err := r.Do(ctx, "request")
				require.ErrorIs(t, err, context.Canceled)
				require.ErrorIs(t, err, errSpilled, "what had been tried stays known")
				require.Zero(t, time.Since(began))
			})
		})
	}
}
