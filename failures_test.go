package failover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// codedError is a foreign error that callers look for by its type.
type codedError struct{ code int }

func (e *codedError) Error() string { return fmt.Sprint("code ", e.code) }

func TestAllFailedErrorKeepsEveryCause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newActor("a"), newActor("b"), newActor("c")
		mine := &codedError{7}
		a.fails(fmt.Errorf("synthesize: %w", mine))
		b.fails(&failover.Error{Class: failover.ClassTimeout, Status: 504, Err: io.ErrClosedPipe})
		c.fails(httpError(401))
		_, err := ask(t, onStage(t, []*actor{a, b, c}, once()))

		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.ErrorIs(t, err, mine)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.NotErrorIs(t, err, failover.ErrNoneAvailable)
		require.NotErrorIs(t, err, failover.ErrClosed)
		coded, ok := errors.AsType[*codedError](err)
		require.True(t, ok)
		require.Same(t, mine, coded)

		failed, ok := errors.AsType[*failover.AllFailedError](err)
		require.True(t, ok)
		require.Len(t, failed.Attempts, 3)
		for i, name := range []string{"a", "b", "c"} {
			require.Equal(t, name, failed.Attempts[i].Provider)
			require.Equal(t, name, failed.Attempts[i].Err.Provider)
			require.Equal(t, i+1, failed.Attempts[i].Number)
			require.ErrorIs(t, err, failed.Attempts[i].Err)
		}
		last, ok := errors.AsType[*failover.Error](err)
		require.True(t, ok)
		require.Same(t, failed.Attempts[2].Err, last, "the last one decided")
		require.Equal(t, failover.ClassUnauthorized, failover.ClassOf(err))
		require.EqualError(t, err,
			"failover: all providers failed: a: unknown (*failover_test.codedError); b: timeout (504); c: unauthorized (401)")
	})
}

// TestAttemptsContextErrorsAreOutOfReach: however deep an attempt's own
// deadline is wrapped, errors.Is finds only the caller's.
func TestAttemptsContextErrorsAreOutOfReach(t *testing.T) {
	t.Parallel()
	type part func(ctx context.Context) error
	parts := map[string]part{
		"bare":           func(ctx context.Context) error { return ctx.Err() },
		"cause":          context.Cause,
		"wrapped":        func(ctx context.Context) error { return fmt.Errorf("a: %w", fmt.Errorf("b: %w", ctx.Err())) },
		"joined":         func(ctx context.Context) error { return errors.Join(io.EOF, ctx.Err()) },
		"in a url.Error": func(ctx context.Context) error { return &url.Error{Op: "Post", URL: "https://x", Err: ctx.Err()} },
		"in an Error": func(ctx context.Context) error {
			return &failover.Error{Class: failover.ClassTransient, Err: ctx.Err()}
		},
		"in a wrapped Error": func(ctx context.Context) error {
			return fmt.Errorf("a: %w", &failover.Error{Class: failover.ClassTransient, Err: ctx.Err()})
		},
		"as net says it": func(context.Context) error {
			_, err := (&net.Dialer{Deadline: time.Unix(1, 0)}).DialContext(context.Background(), "tcp", "127.0.0.1:1")
			return err
		},
	}
	for name, part := range parts {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				a.plays(func(ctx context.Context) (string, error) {
					if name != "as net says it" {
						<-ctx.Done()
					}
					return "", part(ctx)
				})
				notes := &notebook{}
				for _, opts := range [][]failover.Option{nil, {failover.WithClassifier(func(_ string, err error) *failover.Error {
					return &failover.Error{Class: failover.ClassTransient, Err: err}
				})}} {
					r := onStage(t, []*actor{a}, append(opts, once(), notes.option())...)
					result, err := r.Route(t.Context(), "request")
					require.ErrorIs(t, err, failover.ErrAllFailed)
					for _, ended := range []error{context.DeadlineExceeded, context.Canceled} {
						require.NotErrorIs(t, err, ended)
						require.NotErrorIs(t, result.Attempts[0].Err, ended)
						for _, e := range noted[failover.AttemptEvent](notes) {
							require.NotErrorIs(t, e.Err, ended)
						}
					}
				}
				require.NotErrorIs(t, noted[failover.ExhaustedEvent](notes)[0].Err, context.DeadlineExceeded)
			})
		})
	}
}

func TestCallersContextIsInReach(t *testing.T) {
	t.Parallel()
	cause := errors.New("hung up")
	for _, tt := range []struct {
		name   string
		ctx    func(ctx context.Context) (context.Context, context.CancelFunc)
		is     []error
		isNot  error
		prints string
	}{
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, []error{context.DeadlineExceeded}, context.Canceled, "context deadline exceeded"},
		{"deadline with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeoutCause(ctx, time.Second, cause)
		}, []error{context.DeadlineExceeded, cause}, context.Canceled, "context deadline exceeded"},
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, []error{context.Canceled}, context.DeadlineExceeded, "context canceled"},
		{"cancel with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Second, func() { cancel(cause) })
			return ctx, func() { cancel(nil) }
		}, []error{context.Canceled, cause}, context.DeadlineExceeded, "context canceled"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.fails(io.ErrClosedPipe)
				b.isSilent()
				r := onStage(t, []*actor{a, b}, once())
				ctx, cancel := tt.ctx(t.Context())
				defer cancel()
				_, err := r.Do(ctx, "request")
				for _, is := range tt.is {
					require.ErrorIs(t, err, is)
				}
				require.NotErrorIs(t, err, tt.isNot)
				require.NotErrorIs(t, err, failover.ErrAllFailed)
				require.ErrorIs(t, err, io.ErrClosedPipe, "the attempts' causes are kept")
				canceled, ok := errors.AsType[*failover.CanceledError](err)
				require.True(t, ok)
				require.Len(t, canceled.Attempts, 2)
				require.EqualError(t, canceled.Unwrap()[0], tt.prints, "the cause is the caller's text")
				require.Equal(t, failover.ClassCanceled, failover.ClassOf(err))
				require.True(t, strings.HasPrefix(err.Error(), "failover: "+tt.prints+": a: unknown (io: ") ||
					strings.HasPrefix(err.Error(), "failover: "+tt.prints+": a: unknown; b: "), err.Error())
				require.NotContains(t, err.Error(), "hung up")

				_, err = r.Do(ctx, "request")
				require.EqualError(t, err, "failover: "+tt.prints, "an ended context asks nobody")
			})
		})
	}
}

func TestErrorsOfAClosedRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b})
		a.plays(func(context.Context) (string, error) {
			require.NoError(t, r.Close())
			return "", io.ErrClosedPipe
		})
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrClosed)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.True(t, strings.HasPrefix(err.Error(), "failover: the router was closed: a: "), err.Error())
		require.Zero(t, b.times(), "running attempts finish, new ones are not begun")
		require.Equal(t, 1, a.times())

		_, err = ask(t, r)
		require.Equal(t, failover.ErrClosed, err)
		require.EqualError(t, err, "failover: the router is closed")
		require.True(t, r.Status().Closed)
	})
}

func TestErrorsOfReentry(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *stage
		a := newActor("a")
		a.plays(func(ctx context.Context) (string, error) { return r.Do(ctx, "again") })
		r = onStage(t, []*actor{a}, once())
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrReentered)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.Equal(t, 1, a.times())
	})
}

func TestErrorsOfUnknownNames(t *testing.T) {
	t.Parallel()
	r := onStage(t, []*actor{newActor("a")})
	for _, err := range []error{
		r.Disable("x"), r.Enable("x"), r.SetWeight("x", 1), r.SetPrimary("x"), r.SetFallbacks("x"),
		func() error {
			_, err := r.Do(failover.With(t.Context(), failover.Only("x")), "request")
			return err
		}(),
	} {
		require.ErrorIs(t, err, failover.ErrUnknownProvider)
		require.ErrorContains(t, err, `"x"`)
	}
}

func TestUncertainError(t *testing.T) {
	t.Parallel()
	sending := func(a *actor) failover.Provider[string, string] {
		p := a.provider()
		p.SideEffect = true
		return p
	}
	t.Run("it names operation, provider, attempt and time", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.fails(io.ErrClosedPipe)
			r := withProviders(t, failover.Providers(sending(a), sending(b)))
			_, err := r.Do(failover.Operation(t.Context(), "op-1"), "request")
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.ErrorIs(t, err, io.ErrClosedPipe)
			require.NotErrorIs(t, err, failover.ErrAllFailed, "it is never reported as failed")
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			uncertain, ok := errors.AsType[*failover.UncertainError](err)
			require.True(t, ok)
			require.Equal(t, "op-1", uncertain.Operation)
			require.Equal(t, "op-1.1", uncertain.Attempt.ID)
			require.Equal(t, "failover: the operation may have taken effect: operation op-1, attempt 1 at 2000-01-01T00:00:00Z: "+
				uncertain.Attempt.Err.Error(), err.Error())
			require.Zero(t, b.times())
		})
	})
	t.Run("it matches the caller's context where that was the cause", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.isSilent()
			r := withProviders(t, failover.Providers(sending(a)))
			cause := errors.New("hung up")
			ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, cause)
			defer cancel()
			_, err := r.Do(ctx, "request")
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.ErrorIs(t, err, cause)
		})
	})
	t.Run("an attempt timeout is not the caller's", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.isSilent()
			r := withProviders(t, failover.Providers(sending(a)))
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.ErrorIs(t, err, failover.ErrAttemptTimeout)
			require.NotErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, failover.ClassTimeout, failover.ClassOf(err))
		})
	})
}

func TestDuplicateError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		p := a.provider()
		p.SideEffect = true
		r := withProviders(t, failover.Providers(p))
		ctx := failover.Operation(t.Context(), "op-1")
		_, err := r.Do(ctx, "request")
		require.NoError(t, err)
		_, err = r.Do(ctx, "request")
		require.ErrorIs(t, err, failover.ErrDuplicate)
		require.EqualError(t, err, "failover: the operation was already begun: operation op-1 was accepted by a")
		require.Equal(t, 1, a.times())
	})
}

func TestRejectedAnswerInTheError(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		pa, pb := a.provider(), b.provider()
		refuse := func(context.Context, string, string) error { return io.ErrClosedPipe }
		pa.Validate, pb.Validate = refuse, refuse
		_, err := ask(t, withProviders(t, failover.Providers(pa, pb)))
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.ErrorIs(t, err, io.ErrClosedPipe)
		require.Equal(t, failover.ClassUnsatisfactory, failover.ClassOf(err))
		got, ok := failover.Rejected[string](fmt.Errorf("wrapped: %w", err))
		require.True(t, ok)
		require.Equal(t, "b", got)
		_, ok = failover.Rejected[int](err)
		require.False(t, ok, "of that type there is none")
		_, ok = failover.Rejected[string](io.EOF)
		require.False(t, ok)
	})
}

func TestClassOf(t *testing.T) {
	t.Parallel()
	limited := &failover.Error{Class: failover.ClassRateLimited}
	failed := &failover.AllFailedError{Attempts: []failover.Attempt{
		{Err: &failover.Error{Class: failover.ClassTimeout}}, {Err: limited},
	}}
	for _, tt := range []struct {
		err  error
		want failover.Class
	}{
		{nil, failover.ClassUnknown},
		{io.EOF, failover.ClassUnknown},
		{limited, failover.ClassRateLimited},
		{fmt.Errorf("wrapped: %w", limited), failover.ClassRateLimited},
		{errors.Join(io.EOF, limited), failover.ClassRateLimited},
		{failed, failover.ClassRateLimited},
		{errors.Join(failed, io.EOF), failover.ClassRateLimited},
		{&failover.AllFailedError{}, failover.ClassUnknown},
		{&failover.CanceledError{Attempts: failed.Attempts}, failover.ClassCanceled},
		{&failover.UncertainError{Attempt: failed.Attempts[0], Attempts: failed.Attempts}, failover.ClassTimeout},
		{&failover.DuplicateError{}, failover.ClassInvalid},
		{&failover.NoneAvailableError{}, failover.ClassUnknown},
		{(*failover.Error)(nil), failover.ClassUnknown},
	} {
		require.Equal(t, tt.want, failover.ClassOf(tt.err), "%T", tt.err)
	}
	require.Equal(t, failover.ClassUnknown, failover.Attempt{}.Class())
}

func TestErrorsInJSON(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(httpError(503))
		r := onStage(t, []*actor{a, b}, once())
		require.NoError(t, r.Disable("b"))
		_, err := ask(t, r)
		data, jerr := json.Marshal(err)
		require.NoError(t, jerr)
		require.JSONEq(t, `{"Attempts":[{"provider":"a","number":1,"start":"2000-01-01T00:00:00Z","duration":1,"outcome":"unknown",
			"error":{"provider":"a","class":"transient","outcome":"unknown","status":503}}],
			"Skipped":[{"provider":"b","reason":"disabled"}],"Stopped":false,"Closed":false}`, string(data))
	})
}
