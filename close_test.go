package failover_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestCloseRefusesNewCalls(t *testing.T) {
	t.Parallel()
	a := newActor("a")
	r := onStage(t, []*actor{a})
	require.False(t, r.Status().Closed)
	require.NoError(t, r.Close())
	require.NoError(t, r.Close(), "again")
	require.True(t, r.Status().Closed)
	_, err := ask(t, r)
	require.Equal(t, failover.ErrClosed, err)
	_, err = r.Route(t.Context(), "hello")
	require.Equal(t, failover.ErrClosed, err)
	_, err = r.Plan(t.Context(), "hello")
	require.Equal(t, failover.ErrClosed, err)
	require.Zero(t, a.times())
}

// A running attempt finishes; nothing follows it.
func TestCloseLetsRunningAttemptsFinish(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		part func(a *actor)
		err  error
	}{
		"answered": {part: func(a *actor) { a.takes(5 * time.Second) }},
		"failed, no other": {part: func(a *actor) {
			a.failsAfter(5*time.Second, &failover.Error{Class: failover.ClassTimeout})
		}, err: failover.ErrClosed},
		"failed, no retry": {part: func(a *actor) { a.failsAfter(5*time.Second, errSpilled) }, err: failover.ErrClosed},
		"refused": {part: func(a *actor) {
			a.failsAfter(5*time.Second, &failover.Error{Class: failover.ClassInvalid})
		}, err: failover.ErrAllFailed},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				test.part(a)
				r := onStage(t, []*actor{a, b})
				done := make(chan error)
				go func() {
					_, err := ask(t, r)
					done <- err
				}()
				wait(t, time.Second)
				begun := time.Now()
				require.NoError(t, r.Close())
				require.Zero(t, time.Since(begun), "a plain call is its caller's to wait for")
				err := <-done
				require.Equal(t, 4*time.Second, time.Since(begun))
				require.ErrorIs(t, err, test.err)
				require.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
				if test.err != nil {
					require.ErrorIs(t, err, failover.ErrAllFailed)
				}
			})
		})
	}
}

// Nobody sleeps on in a closed router: not before a retry, nor for a rate
// limit, nor for a recovery.
func TestCloseWakesSleepers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		setup func(t *testing.T, a *actor, r *stage)
		opts  []failover.Option
		want  error
	}{
		"before a retry": {
			setup: func(_ *testing.T, a *actor, _ *stage) {
				a.fails(&failover.Error{Class: failover.ClassTransient, RetryAfter: 9 * time.Second})
			},
			want: failover.ErrAllFailed,
		},
		"for a rate limit": {
			setup: func(_ *testing.T, a *actor, _ *stage) {
				a.fails(&failover.Error{Class: failover.ClassRateLimited, RetryAfter: 9 * time.Second})
			},
			want: failover.ErrAllFailed,
		},
		"for a recovery": {
			setup: func(t *testing.T, _ *actor, r *stage) {
				t.Helper()
				require.NoError(t, r.Disable("a"))
			},
			opts: []failover.Option{failover.WithWait(time.Minute)},
			want: failover.ErrClosed,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				r := onStage(t, []*actor{a}, test.opts...)
				test.setup(t, a, r)
				done := make(chan error, 1)
				go func() {
					_, err := ask(t, r)
					done <- err
				}()
				wait(t, time.Second)
				begun := time.Now()
				require.NoError(t, r.Close())
				err := <-done
				require.Zero(t, time.Since(begun))
				if name == "for a recovery" {
					require.Error(t, err)
					requireTyped(t, err)
					return
				}
				require.ErrorIs(t, err, test.want)
				require.ErrorIs(t, err, failover.ErrClosed)
				require.Equal(t, 1, a.times())
			})
		})
	}
}

// Many may close at once; all of them wait.
func TestCloseWaitsForEverybody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		probing := a.provider()
		probing.Check = func(ctx context.Context) error {
			<-ctx.Done()
			return pass(context.WithoutCancel(ctx), 3*time.Second)
		}
		r := withProviders(t, failover.Providers(
			failover.NewMirror(probing, b.provider(), nil, failover.MirrorPolicy{Mode: failover.Shadow}),
		), failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second, Timeout: time.Hour}))
		b.plays(func(ctx context.Context) (string, error) {
			return "b", pass(context.WithoutCancel(ctx), 6*time.Second)
		})
		wait(t, 2*time.Second)
		_, err := ask(t, r)
		require.NoError(t, err)
		wait(t, time.Second)
		begun := time.Now()
		var group sync.WaitGroup
		for range 3 {
			group.Go(func() {
				require.NoError(t, r.Close())
				require.Equal(t, 5*time.Second, time.Since(begun))
			})
		}
		group.Wait()
	})
}

// A side effect that was uncertain when the router closed is told as such.
func TestCloseKeepsUncertain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.failsAfter(5*time.Second, errMurky)
		p := sends(a)
		p.Dedupes = true
		r := withProviders(t, failover.Providers(p, sends(b)))
		done := make(chan error)
		go func() {
			_, err := r.Do(failover.With(t.Context(), failover.OnUncertain(failover.FailOver)), "hello")
			done <- err
		}()
		wait(t, time.Second)
		require.NoError(t, r.Close())
		require.ErrorIs(t, <-done, failover.ErrUncertain)
		require.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
}
