package failover_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// budgeted records how long each attempt was given, and answers after took;
// took 0 is silence.
type timed struct {
	given []time.Duration
	took  time.Duration
}

func (p *timed) do(ctx context.Context, _ int) (string, error) {
	if at, ok := ctx.Deadline(); ok {
		p.given = append(p.given, time.Until(at))
	} else {
		p.given = append(p.given, 0)
	}
	if p.took == 0 {
		<-ctx.Done()
		return "", ctx.Err()
	}
	if err := pass(ctx, p.took); err != nil {
		return "", err
	}
	return "ok", nil
}

func TestDeadlineLeavesTimeForSuccessors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		warm     bool // the second provider has answered in 300 ms before
		timeout  time.Duration
		want     time.Duration // given to the silent first one
	}{
		{"unknown successor keeps 2 s", 10 * time.Second, false, 30 * time.Second, 8 * time.Second},
		{"known successor keeps its p90", 10 * time.Second, true, 30 * time.Second, 9700 * time.Millisecond},
		{"at most half of what remains is kept", 3 * time.Second, false, 30 * time.Second, 1500 * time.Millisecond},
		{"the attempt timeout still holds", 10 * time.Second, false, time.Second, time.Second},
		{"without an attempt timeout too", 10 * time.Second, false, 0, 8 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first, second := &timed{}, &timed{took: 300 * time.Millisecond}
				r, err := failover.New(failover.Providers(
					failover.Wrap("first", first.do), failover.Wrap("second", second.do),
				), failover.WithTimeout(tt.timeout))
				require.NoError(t, err)
				if tt.warm {
					for range 20 {
						_, err := r.Do(failover.With(t.Context(), failover.Only("second")), 0)
						require.NoError(t, err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
				defer cancel()
				got, err := r.Do(ctx, 0)
				require.NoError(t, err)
				require.Equal(t, "ok", got)
				require.Equal(t, []time.Duration{tt.want}, first.given)
			})
		})
	}
}

func TestLastCandidateGetsAllThatIsLeft(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		only := &timed{took: 9 * time.Second}
		r, err := failover.New(failover.Providers(failover.Wrap("only", only.do)))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err = r.Do(ctx, 0)
		require.NoError(t, err)
		require.Equal(t, []time.Duration{10 * time.Second}, only.given)
	})
}

func TestSideEffectIsNotCutForSuccessors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		lookup bool
		want   time.Duration
	}{
		{"it gets its whole time", false, 6 * time.Second},
		{"less a second for Lookup", true, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first := &timed{took: time.Second}
				p := failover.Wrap("first", first.do)
				p.SideEffect = true
				if tt.lookup {
					p.Lookup = func(context.Context, int, failover.Attempt) (string, error) {
						return "", failover.ErrNotFound
					}
				}
				r, err := failover.New(failover.Providers(p, failover.Wrap("second", first.do)))
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
				defer cancel()
				_, err = r.Do(ctx, 0)
				require.NoError(t, err)
				require.Equal(t, []time.Duration{tt.want}, first.given)
			})
		})
	}
}

func TestCutByPlanningBlamesOnlyTheTrulySilent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		deadline time.Duration
		blamed   bool
	}{
		{"cut before 2 s", 3 * time.Second, false},
		{"cut after 2 s", 8 * time.Second, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				first, second := &timed{}, &timed{took: 10 * time.Millisecond}
				r, err := failover.New(failover.Providers(
					failover.Wrap("first", first.do), failover.Wrap("second", second.do),
				))
				require.NoError(t, err)
				for range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), tt.deadline)
					_, err = r.Do(ctx, 0)
					require.NoError(t, err)
					cancel()
				}
				want := failover.BreakerClosed
				if tt.blamed {
					want = failover.BreakerOpen
				}
				require.Equal(t, want, r.Status().Providers[0].Breaker)
			})
		})
	}
}

func TestARetryThatCannotFinishIsSkipped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r, err := failover.New(failover.Providers(
			failover.Wrap("only", func(ctx context.Context, _ int) (string, error) {
				calls++
				return "", &failover.Error{Class: failover.ClassTransient, Status: 503, RetryAfter: 3 * time.Second}
			}),
		))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = r.Do(ctx, 0)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.NotErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, time.Since(begun), "it must not wait for what cannot be")
		require.Equal(t, 1, calls)

		long, cancelLong := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancelLong()
		_, err = r.Do(long, 0)
		require.Error(t, err)
		require.Equal(t, 4, calls, "with time, the only provider is asked three times")
		require.Equal(t, 6*time.Second, time.Since(begun), "each time after its Retry-After")
	})
}

func TestAnEndedContextAsksNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		r, err := failover.New(failover.Providers(
			failover.Wrap("only", func(context.Context, int) (string, error) { calls++; return "ok", nil }),
		))
		require.NoError(t, err)
		why := failover.ErrNotFound // any error will do
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(why)
		_, err = r.Do(ctx, 0)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		past, stop := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		defer stop()
		_, err = r.Do(past, 0)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Zero(t, calls)
	})
}

func TestCancelDuringBackoffReturnsAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, err := failover.New(failover.Providers(
			failover.Wrap("only", func(context.Context, int) (string, error) {
				return "", &failover.Error{Class: failover.ClassTransient, RetryAfter: 8 * time.Second}
			}),
		))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		begun := time.Now()
		time.AfterFunc(time.Second, cancel)
		_, err = r.Do(ctx, 0)
		require.ErrorIs(t, err, context.Canceled)
		canceled, ok := err.(*failover.CanceledError)
		require.True(t, ok)
		require.Len(t, canceled.Attempts, 1)
		require.Equal(t, time.Second, time.Since(begun))
	})
}
