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

// hedging is a router whose first provider is known to deliver at once.
func hedging(t *testing.T, a, b *narrator, opts ...failover.Option) *theatre {
	t.Helper()
	r := inTheatre(t, []*narrator{a, b}, append(opts, failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond}))...)
	for range 20 {
		_, err := hear(t, r)
		require.NoError(t, err)
	}
	require.Empty(t, b.asked())
	return r
}

func TestHedgedStreamFirstAtItsCommitPointWins(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b", meta, time.Second, "b1", time.Second, "b2", finish)
		r := hedging(t, a, b)
		a.says(meta, 5*time.Second, "a1", finish)
		stream, result := r.Route(t.Context(), "request")
		begun := time.Now()
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, []string{meta, "b1", "b2", finish}, items)
		assert.Equal(t, 2100*time.Millisecond, time.Since(begun))
		assert.Equal(t, "b", result.Provider)
		synctest.Wait()
		assert.Zero(t, a.running())
		assert.Equal(t, uint64(1), r.Status().Providers[0].Attempts["canceled"])

		a.says(meta, 500*time.Millisecond, "a1", time.Second, "a2", finish)
		items, err = heard(r.Stream(t.Context(), "request"))
		require.NoError(t, err)
		assert.Equal(t, []string{meta, "a1", "a2", finish}, items)
		synctest.Wait()
		assert.Zero(t, b.running())
		require.NoError(t, r.Close())
	})
}

func TestHedgedStreamGoesAtTheConsumersPace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := hedging(t, a, b, failover.WithIdle(time.Second))
		a.says("a1", "a2", "a3", "a4", finish)
		said := a.said
		for item, err := range r.Stream(t.Context(), "request") {
			require.NoError(t, err)
			said++
			wait(t, time.Minute)
			assert.Equal(t, said, a.said, "nothing is fetched ahead of %s", item)
		}
	})
}

func TestLeavingAHedgedStream(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(r *theatre){
		"break": func(r *theatre) {
			for range r.Stream(context.Background(), "request") {
				break
			}
		},
		"panic": func(r *theatre) {
			defer func() { _ = recover() }()
			for range r.Stream(context.Background(), "request") {
				panic("consumer")
			}
		},
		"Goexit": func(r *theatre) {
			var wg sync.WaitGroup
			wg.Go(func() {
				for range r.Stream(context.Background(), "request") {
					runtime.Goexit()
				}
			})
			wg.Wait()
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newNarrator("a"), newNarrator("b")
				r := hedging(t, a, b)
				a.says("a1", forEver)
				for range 10 {
					leave(r)
				}
				synctest.Wait()
				assert.Zero(t, a.running())
				assert.Equal(t, map[string]uint64{"success": 30}, r.Status().Providers[0].Attempts)
				require.NoError(t, r.Close())
			})
		})
	}
}

func TestHedgedStreamThatIsCutIsTakenOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newNarrator("a"), newNarrator("b"), newNarrator("c")
		r := inTheatre(t, []*narrator{a, b, c}, failover.WithInterrupted(failover.Restart),
			failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond}))
		for range 20 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		a.says(forEver)
		b.says(cutAt("b1")...)
		stream, result := r.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, []string{meta, "b1", again, meta, "c1", "c2", "c3", finish}, items)
		assert.Equal(t, "c", result.Provider)
		synctest.Wait()
		assert.Zero(t, a.running())
	})
}

func TestHedgedStreamBothFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b", time.Second, errSpilled)
		r := hedging(t, a, b, once())
		a.says(2*time.Second, errSpilled)
		_, err := hear(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.ErrorIs(t, err, errSpilled)
	})
}

func TestCallerLeavesAHedgedStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, script := range map[string][]any{
			"before content": {forEver}, "after content": {"a1", forEver},
		} {
			a, b := newNarrator("a"), newNarrator("b")
			r := hedging(t, a, b)
			a.says(script...)
			b.says(script...)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			begun := time.Now()
			_, err := heard(r.Stream(ctx, "request"))
			require.Error(t, err, name)
			if name == "after content" { // else each is cut just before, to leave time for the other
				require.ErrorIs(t, err, context.DeadlineExceeded)
			}
			assert.InDelta(t, 1, time.Since(begun).Seconds(), 1e-6, name)
			cancel()
			synctest.Wait()
			assert.Zero(t, a.running()+b.running(), name)
			assert.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker, name)
		}
	})
}

func TestPanicOfAHedgedStreamReachesTheConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := hedging(t, a, b)
		a.says("a1", func() { panic("provider") })
		assert.PanicsWithValue(t, "provider", func() { _, _ = hear(t, r) })
	})
}
