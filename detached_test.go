package failover_test

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// deaf is a client that takes no context.
type deaf struct {
	took      time.Duration
	end       func() (string, error)
	discarded bin
}

func (d *deaf) call(string) (string, error) {
	_ = pass(context.Background(), d.took)
	return d.end()
}

func (d *deaf) provider(name string) failover.Provider[string, string] {
	p := failover.Detached(name, d.call)
	p.Discard = d.discarded.take
	return p
}

func answersWith(resp string) func() (string, error) {
	return func() (string, error) { return resp, nil }
}

func TestDetachedAnswers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &deaf{took: time.Second, end: answersWith("heard")}
		r := withProviders(t, failover.Providers(d.provider("deaf")))
		resp, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "heard", resp)

		d.end = func() (string, error) { return "", errSpilled }
		_, err = ask(t, r)
		require.ErrorIs(t, err, errSpilled)
		synctest.Wait()
		require.Zero(t, statusOf(t, r, "deaf").Detached)
		require.Empty(t, d.discarded.content())
	})
}

// The caller returns in time; what still runs is counted, and what comes late
// is discarded.
func TestDetachedReturnsInTime(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opts     []failover.Option
		deadline time.Duration
		want     time.Duration
		resp     string
	}{
		"attempt timeout": {opts: []failover.Option{failover.WithTimeout(2 * time.Second)}, want: 2 * time.Second, resp: "other"},
		"the caller's deadline": {
			opts: []failover.Option{failover.WithTimeout(0)}, deadline: 3 * time.Second, want: 1500 * time.Millisecond, resp: "other",
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := &deaf{took: time.Minute, end: answersWith("late")}
				other := newActor("other")
				r := withProviders(t, failover.Providers(d.provider("deaf"), other.provider()), test.opts...)
				ctx := t.Context()
				if test.deadline > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.deadline)
					defer cancel()
				}
				begun := time.Now()
				resp, err := r.Do(ctx, "hello")
				require.NoError(t, err)
				require.Equal(t, test.resp, resp)
				require.Equal(t, test.want, time.Since(begun))
				status := statusOf(t, r, "deaf")
				require.Equal(t, 1, status.Detached)
				require.Zero(t, status.InFlight, "nobody waits for it")
				require.NoError(t, r.Close())
				require.Empty(t, d.discarded.content(), "nor does Close")

				settle(t, time.Minute)
				require.Zero(t, statusOf(t, r, "deaf").Detached)
				require.Equal(t, []string{"late"}, d.discarded.content())
			})
		})
	}
}

func TestDetachedCancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &deaf{took: time.Minute, end: func() (string, error) { return "", errSpilled }}
		r := withProviders(t, failover.Providers(d.provider("deaf")))
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(begun))
		settle(t, time.Minute)
		require.Empty(t, d.discarded.content(), "an error holds nothing")
		require.Equal(t, map[string]uint64{"canceled": 1}, statusOf(t, r, "deaf").Attempts)
	})
}

func TestDetachedPanics(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		leaves  func()
		discard func(string)
		late    bool
	}{
		"panic":               {leaves: func() { panic(errSpilled) }},
		"goexit":              {leaves: runtime.Goexit},
		"late panic":          {leaves: func() { panic(errSpilled) }, late: true},
		"late goexit":         {leaves: runtime.Goexit, late: true},
		"late Discard panics": {discard: func(string) { panic(errSpilled) }, late: true},
		"late Discard exits":  {discard: func(string) { runtime.Goexit() }, late: true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				d := &deaf{took: 10 * time.Second, end: func() (string, error) {
					if test.leaves != nil {
						test.leaves()
					}
					return "late", nil
				}}
				p := d.provider("deaf")
				if test.discard != nil {
					p.Discard = test.discard
				}
				if test.late {
					p.Timeout = time.Second
				}
				p.Limit = failover.Limit{Concurrency: 1}
				var events notebook
				r := withProviders(t, failover.Providers(p), events.option(), once())
				for i := range 2 {
					value, exited := onItsOwn(func() { _, _ = r.Do(t.Context(), "hello") })
					require.Equal(t, name == "goexit", exited)
					if name == "panic" {
						require.Equal(t, errSpilled, value)
					} else {
						require.Nil(t, value)
					}
					settle(t, 20*time.Second)
					require.Zero(t, statusOf(t, r, "deaf").InFlight)
					require.Zero(t, statusOf(t, r, "deaf").Detached)
					panics := noted[failover.PanicEvent](&events)
					if !test.late {
						require.Empty(t, panics)
						continue
					}
					require.Len(t, panics, i+1)
					require.Equal(t, "deaf", panics[i].Provider)
					require.Contains(t, panics[i].Stack, "detached_test.go")
				}
			})
		})
	}
}

// An answer that comes as the caller leaves is returned or discarded.
func TestDetachedLosesNoAnswer(t *testing.T) {
	t.Parallel()
	for range 50 {
		synctest.Test(t, func(t *testing.T) {
			d := &deaf{took: time.Second, end: answersWith("heard")}
			r := withProviders(t, failover.Providers(d.provider("deaf")))
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			resp, err := r.Do(ctx, "hello")
			synctest.Wait()
			if err == nil {
				require.Equal(t, "heard", resp)
				require.Empty(t, d.discarded.content())
			} else {
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, []string{"heard"}, d.discarded.content())
			}
		})
	}
}

// A client that ignores its context may be hedged like any other.
func TestDetachedLosesARace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := &deaf{took: usual, end: answersWith("deaf")}
		other := newActor("other")
		r := withProviders(t, failover.Providers(d.provider("deaf"), other.provider()), failover.WithHedge(failover.HedgePolicy{}))
		for range 20 {
			_, err := r.Do(failover.With(t.Context(), failover.Only("deaf")), "hello")
			require.NoError(t, err)
		}
		d.took = 5 * time.Second
		begun := time.Now()
		resp, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "other", resp)
		require.Equal(t, usual, time.Since(begun))
		require.NoError(t, r.Close())
		settle(t, 5*time.Second)
		require.Equal(t, []string{"deaf"}, d.discarded.content())
	})
}

func TestDetachedWithSideEffects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var sent atomic.Int64
		d := &deaf{took: 10 * time.Second, end: func() (string, error) { sent.Add(1); return "sent", nil }}
		p := d.provider("deaf")
		p.SideEffect = true
		p.Timeout = time.Second
		other := newActor("other")
		r := withProviders(t, failover.Providers(p, sends(other)))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Zero(t, other.times())
		settle(t, 10*time.Second)
		require.Equal(t, int64(1), sent.Load(), "it was sent after all")
	})
}

func TestDetachedNothing(t *testing.T) {
	t.Parallel()
	_, err := failover.New(failover.Providers(failover.Detached[string, string]("deaf", nil)))
	require.EqualError(t, err, `failover: New: provider "deaf": Do is nil`)
}

func TestDetachedKeepsItsPlaceInTheLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Int32
		release := make(chan struct{})
		p := failover.Detached("slow", func(int) (string, error) {
			begun.Add(1)
			<-release
			return "ok", nil
		})
		p.Limit = failover.Limit{Concurrency: 1}
		p.Timeout = time.Second
		r, err := failover.New(failover.Providers(p))
		require.NoError(t, err)
		_, err = r.Do(t.Context(), 0)
		require.ErrorIs(t, err, failover.ErrAttemptTimeout)
		_, err = r.Do(t.Context(), 0)
		none, ok := errors.AsType[*failover.NoneAvailableError](err)
		require.True(t, ok, "%v", err)
		require.Equal(t, failover.ReasonLimited, none.Skipped[0].Reason)
		require.EqualValues(t, 1, begun.Load())
		close(release)
		synctest.Wait()
		_, err = r.Do(t.Context(), 0)
		require.NoError(t, err, "the client is free again")
	})
}
