package failover_test

import (
	"context"
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
	for name, leave := range leavings() {
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

// Who was asked first and lost to its hedge was slow, but has not failed.
func TestWhoLostToItsHedgeCanTakeOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := hedging(t, a, b, failover.WithInterrupted(failover.Restart))
		a.then(meta, 300*time.Millisecond, "a1", finish)
		b.says(cutAt("b1")...)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 #restart #meta a1 a2 a3 #end", text)
	})
}

// A continuation of which nothing is left has no content to wait for.
func TestHedgedEndWithoutContentWaitsForItsConsumer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b", words("b1")...)
		r := hedging(t, a, b, failover.WithInterrupted(failover.Continue), failover.WithFirstContent(3*time.Second))
		for range 20 { // so that b has company too
			_, err := heard(r.Stream(failover.With(t.Context(), failover.Only("b")), "request"))
			require.NoError(t, err)
		}
		a.says(cutAt("a1")...)
		b.says(meta, meta, meta, meta, finish)
		var items []string
		for item, err := range r.Stream(t.Context(), "request") {
			require.NoError(t, err)
			items = append(items, item)
			wait(t, 4*time.Second)
		}
		assert.Equal(t, []string{meta, "a1", meta, meta, meta, meta, finish}, items)
	})
}

func TestStoryOfAHedgedStreamWhoseCallerLeaves(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := hedging(t, a, b)
		a.says(50*time.Millisecond, "a1", "a2", forEver)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		stream, result := r.Route(ctx, "request")
		_, err := heard(stream)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Len(t, result.Attempts, 1)
		assert.Equal(t, 2, result.Attempts[0].Items)
		assert.Equal(t, 50*time.Millisecond, result.Attempts[0].FirstContent)
		synctest.Wait()
		assert.Zero(t, r.Status().Providers[0].Interrupted, "its caller ended it")
	})
}

func TestCancelAndBreakOfAHedgedStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		var events notebook
		r := hedging(t, a, b, events.option())
		a.says("a1", "a2")
		for range 50 {
			ctx, cancel := context.WithCancel(t.Context())
			for range r.Stream(ctx, "request") {
				cancel()
				break
			}
			cancel()
		}
		assert.Empty(t, noted[failover.ExhaustedEvent](&events), "they were served")
	})
}

func TestBreakOfAHedgedStreamWhoseProviderIsSlowToEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		p := a.provider()
		p.Do = func(ctx context.Context, req string) failover.Stream[string] {
			return func(yield func(string, error) bool) {
				a.do(ctx, req)(yield)
				if req == "slow" {
					_ = pass(context.Background(), 2*time.Second)
				}
			}
		}
		r, err := failover.NewStream(failover.StreamProviders(p, b.provider()),
			failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond}))
		require.NoError(t, err)
		for range 20 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for range r.Stream(ctx, "slow") {
			break
		}
		assert.Equal(t, map[string]uint64{"success": 21}, r.Status().Providers[0].Attempts)
	})
}

func TestCloseInTheLoopOverAHedgedStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := hedging(t, a, b)
		for _, err := range r.Stream(t.Context(), "request") {
			require.NoError(t, err)
			require.NoError(t, r.Close())
		}
	})
}

// An end marker that could not be handed over was not delivered.
func TestHedgedStreamIsNotWholeWithoutItsLastItem(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for range 30 {
			a, b := newNarrator("a"), newNarrator("b")
			p := a.provider()
			slow := false
			p.Final = func(item string) bool {
				if slow && item == "last" {
					_ = pass(context.Background(), 5*time.Second)
				}
				return item == "last" || item == finish
			}
			p.Total = 3 * time.Second
			r, err := failover.NewStream(failover.StreamProviders(p, b.provider()),
				failover.WithHedge(failover.HedgePolicy{MinDelay: 100 * time.Millisecond}))
			require.NoError(t, err)
			for range 20 {
				_, err := hear(t, r)
				require.NoError(t, err)
			}
			slow = true
			a.says("a1", "last")
			text, err := hear(t, r)
			if err == nil {
				require.Equal(t, "a1 last", text)
			}
		}
	})
}

// A loser that is still at it must not see what the stream went on to.
func TestLosersDoNotShareWhatTakesOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c, d := newNarrator("a"), newNarrator("b"), newNarrator("c"), newNarrator("d")
		deaf := false
		p := b.provider()
		p.Do = func(ctx context.Context, req string) failover.Stream[string] {
			if !deaf {
				return b.do(ctx, req)
			}
			return func(func(string, error) bool) { _ = pass(context.Background(), 200*time.Millisecond) }
		}
		r, err := failover.NewStream(failover.StreamProviders(a.provider(), p, c.provider(), d.provider()),
			failover.WithInterrupted(failover.Continue),
			failover.WithHedge(failover.HedgePolicy{MinSamples: 1, MinDelay: 20 * time.Millisecond}))
		require.NoError(t, err)
		_, err = heard(r.Stream(failover.With(t.Context(), failover.Only("b")), "request"))
		require.NoError(t, err)
		deaf = true
		a.says(meta, "a1", errReset)
		c.says(meta, "c1", errReset)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #meta c1 #meta d1 d2 d3 #end", text)
		wait(t, time.Second)
	})
}
