package failover_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestStreamPassesOn(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b})
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 a2 a3 #end", text)
		assert.Empty(t, b.asked())
		assert.Equal(t, map[string]uint64{"success": 1}, r.Status().Providers[0].Attempts)
	})
}

func TestStreamHidesWhatFailsBeforeTheCommitPoint(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		script []any
		class  failover.Class
		cause  error
	}{
		"refused at once":     {[]any{&failover.Error{Class: failover.ClassUnauthorized}}, failover.ClassUnauthorized, nil},
		"error after meta":    {[]any{meta, &failover.Error{Class: failover.ClassExhausted}}, failover.ClassExhausted, nil},
		"empty":               {[]any{}, failover.ClassIncomplete, failover.ErrTruncated},
		"end marker alone":    {[]any{finish}, failover.ClassIncomplete, failover.ErrEmpty},
		"meta alone":          {[]any{meta, meta, finish}, failover.ClassIncomplete, failover.ErrEmpty},
		"silence":             {[]any{forEver}, failover.ClassTimeout, failover.ErrFirstContentTimeout},
		"meta, then silence":  {[]any{meta, forEver}, failover.ClassTimeout, failover.ErrFirstContentTimeout},
		"meta for ever":       {metaFor(time.Minute), failover.ClassTimeout, failover.ErrFirstContentTimeout},
		"unknown error first": {[]any{errSpilled}, failover.ClassUnknown, errSpilled},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newNarrator("a", c.script...), newNarrator("b")
				r := inTheatre(t, []*narrator{a, b}, once())
				stream, result := r.Route(t.Context(), "request")
				items, err := heard(stream)
				require.NoError(t, err)
				assert.Equal(t, []string{"#meta", "b1", "b2", "b3", "#end"}, items)
				assert.Equal(t, "b", result.Provider)
				require.Len(t, result.Attempts, 2)
				assert.Equal(t, c.class, result.Attempts[0].Class())
				if c.cause != nil {
					require.ErrorIs(t, result.Attempts[0].Err, c.cause)
				}
				assert.Zero(t, a.running())
			})
		})
	}
}

// metaFor is a script of metadata, one a second.
func metaFor(d time.Duration) []any {
	var script []any
	for range int(d / time.Second) {
		script = append(script, meta, time.Second)
	}
	return script
}

func TestStreamIsUsedOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a")
		stream := inTheatre(t, []*narrator{a}).Stream(t.Context(), "request")
		_, err := heard(stream)
		require.NoError(t, err)
		items, err := heard(stream)
		require.ErrorIs(t, err, failover.ErrStreamUsed)
		assert.Empty(t, items)
		assert.Len(t, a.asked(), 1)
	})
}

func TestStreamThatIsNeverRangedSendsNothing(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a")
		r := inTheatre(t, []*narrator{a})
		_ = r.Stream(t.Context(), "request")
		require.NoError(t, r.Close())
		assert.Empty(t, a.asked())
		assert.Zero(t, r.Status().Providers[0].InFlight)
	})
}

func TestLeavingTheLoopBlamesNobody(t *testing.T) {
	t.Parallel()
	for name, leave := range leavings() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newNarrator("a", "a1", forEver)
				r := inTheatre(t, []*narrator{a, newNarrator("b")})
				for range 30 {
					leave(r)
				}
				assert.Zero(t, a.running())
				status := r.Status().Providers[0]
				assert.Equal(t, map[string]uint64{"success": 30}, status.Attempts)
				assert.Equal(t, failover.BreakerClosed, status.Breaker)
				assert.InDelta(t, 1, status.SuccessRate, 0)
				assert.Zero(t, status.InFlight)
			})
		})
	}
}

func TestProvidersPanicReachesTheConsumerAndCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, script := range map[string][]any{
			"before content": {meta, func() { panic("provider") }},
			"after content":  {"a1", func() { panic("provider") }},
			"Goexit":         {"a1", runtime.Goexit},
		} {
			r := inTheatre(t, []*narrator{newNarrator("a", script...)})
			var wg sync.WaitGroup
			wg.Go(func() {
				defer func() { _ = recover() }()
				_, err := hear(t, r)
				t.Errorf("%s: returned with %v", name, err)
			})
			wg.Wait()
			status := r.Status().Providers[0]
			assert.Equal(t, map[string]uint64{"unknown": 1}, status.Attempts, name)
			assert.Zero(t, status.InFlight, name)
		}
	})
}

func TestStreamOfACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	for name, script := range map[string][]any{
		"before content": {meta, forEver},
		"after content":  {"a1", forEver},
	} {
		t.Run("cancel "+name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newNarrator("a", script...)
				r := inTheatre(t, []*narrator{a, newNarrator("b")}, failover.WithInterrupted(failover.Restart))
				for range 10 {
					ctx, cancel := context.WithCancel(t.Context())
					time.AfterFunc(time.Second, cancel)
					_, err := heard(r.Stream(ctx, "request"))
					require.ErrorIs(t, err, context.Canceled)
					assert.Equal(t, failover.ClassCanceled, failover.ClassOf(err))
				}
				assert.Zero(t, a.running())
				assert.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker)
				assert.Equal(t, map[string]uint64{"canceled": 10}, r.Status().Providers[0].Attempts)
			})
		})
	}
}

func TestSilentStreamTripsThoughCallersHaveDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a", "a1", forEver)
		r := inTheatre(t, []*narrator{a})
		for range 3 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			begun := time.Now()
			_, err := heard(r.Stream(ctx, "request"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, 5*time.Second, time.Since(begun))
			cancel()
		}
		assert.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
	})
}

func TestLivelyStreamIsNotBlamedForDeadlines(t *testing.T) {
	bubble(t, func(t *testing.T) {
		lively := []any{}
		for range 100 {
			lively = append(lively, "a", 300*time.Millisecond)
		}
		a := newNarrator("a", lively...)
		r := inTheatre(t, []*narrator{a})
		for range 6 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := heard(r.Stream(ctx, "request"))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			cancel()
		}
		assert.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker)
	})
}

func TestSlowConsumerBlamesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a", "a1", meta, "a2", "a3", finish)
		r := inTheatre(t, []*narrator{a}, failover.WithIdle(time.Second), failover.WithTotal(2*time.Second))
		n := 0
		for _, err := range r.Stream(t.Context(), "request") {
			require.NoError(t, err)
			wait(t, time.Minute)
			n++
		}
		assert.Equal(t, 5, n)
		assert.Equal(t, map[string]uint64{"success": 1}, r.Status().Providers[0].Attempts)
	})
}

func TestStreamsOfManyCallersAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a", "a1", time.Second, "a2", errSpilled)
		r := inTheatre(t, []*narrator{a, newNarrator("b")}, failover.WithInterrupted(failover.Restart))
		var wg sync.WaitGroup
		for range 500 {
			wg.Go(func() {
				items, err := heard(r.Stream(t.Context(), "request"))
				assert.NoError(t, err)
				assert.Equal(t, finish, items[len(items)-1])
			})
		}
		wg.Wait()
		synctest.Wait()
		assert.Zero(t, a.running())
		require.NoError(t, r.Close())
	})
}

// Reading a body that its context ended gives the context's cause, which an
// adapter wraps: it is still the caller's doing.
func TestBodyCutByTheCallersCauseBlamesNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := failover.WrapStream("a", func(ctx context.Context, _ string) failover.Stream[string] {
			return func(yield func(string, error) bool) {
				if yield("a1", nil) {
					<-ctx.Done()
					yield("", &failover.Error{Class: failover.ClassIncomplete, Status: 200, Err: context.Cause(ctx)})
				}
			}
		})
		r, err := failover.NewStream(failover.StreamProviders(p))
		require.NoError(t, err)
		for range 6 {
			ctx, cancel := context.WithCancelCause(t.Context())
			for range r.Stream(ctx, "request") {
				cancel(errSpilled)
			}
			cancel(nil)
		}
		assert.Equal(t, map[string]uint64{"canceled": 6}, r.Status().Providers[0].Attempts)
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrIdleTimeout)
		assert.Equal(t, uint64(1), r.Status().Providers[0].Attempts["timeout"])
	})
}
