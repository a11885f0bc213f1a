package failover_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestNestStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k1, k2, other := newNarrator("k1", errSpilled), newNarrator("k2"), newNarrator("other")
		pool := inTheatre(t, []*narrator{k1, k2}, once(), failover.WithName("pool"))
		outer, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool), other.provider()), once(),
			failover.WithInterrupted(failover.Restart))
		require.NoError(t, err)
		stream, result := outer.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, "#meta k21 k22 k23 #end", strings.Join(items, " "))
		assert.Equal(t, "pool", result.Provider)

		k2.says(meta, forEver)
		text, err := hear(t, outer)
		require.NoError(t, err)
		assert.Equal(t, "#meta other1 other2 other3 #end", text, "the pool found nobody")

		k2.says(cutAt("k21")...)
		stream, result = outer.Route(t.Context(), "request")
		items, err = heard(stream)
		require.NoError(t, err)
		assert.Equal(t, "#meta k21 #restart #meta other1 other2 other3 #end", strings.Join(items, " "))
		require.Len(t, result.Attempts, 2)
		require.ErrorIs(t, result.Attempts[0].Err, failover.ErrInterrupted)
		assert.Equal(t, "pool/k1", result.Attempts[0].Inner[0].Provider)
		assert.NotNil(t, outer.Status().Providers[0].Nested)

		ctx := failover.With(t.Context(), failover.Only("other"))
		items, err = heard(outer.Stream(ctx, "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "other1")
		ctx = failover.With(t.Context(), failover.Only("nobody"))
		_, err = heard(outer.Stream(ctx, "request"))
		require.ErrorIs(t, err, failover.ErrUnknownProvider)
	})
}

func TestStreamReentered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var r *theatre
		p := failover.WrapStream("a", func(ctx context.Context, req string) failover.Stream[string] { return r.Stream(ctx, req) })
		var err error
		r, err = failover.NewStream(failover.StreamProviders(p))
		require.NoError(t, err)
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrReentered)
	})
}

func TestStreamsFollowStrategiesAndWishes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newNarrator("a"), newNarrator("b"), newNarrator("c")
		three := []*narrator{a, b, c}
		r := inTheatre(t, three, failover.WithStrategy(failover.RoundRobin()))
		for range 9 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		for _, n := range three {
			assert.Len(t, n.asked(), 3)
		}
		r = inTheatre(t, three)
		require.NoError(t, r.SetPrimary("b"))
		plan, err := r.Plan(t.Context(), "request")
		require.NoError(t, err)
		assert.Equal(t, []string{"b", "a", "c"}, plan.Order)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
		ctx := failover.With(t.Context(), failover.Prefer("c"), failover.Sticky("conversation"))
		items, err := heard(r.Stream(ctx, "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "c1")
		items, err = heard(r.Stream(failover.With(t.Context(), failover.Sticky("conversation")), "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "c1")
		b.says(errSpilled)
		_, err = heard(r.Stream(failover.With(t.Context(), failover.NoFailover()), "request"))
		require.ErrorIs(t, err, failover.ErrAllFailed)

		pa, pb := a.provider(), b.provider()
		pa.Supports = func(req string) bool { return req != "request" }
		pb.Cost = func(string) float64 { return 2 }
		b.says(words("b1")...)
		r, err = failover.NewStream(failover.StreamProviders(pa, pb))
		require.NoError(t, err)
		stream, result := r.Route(t.Context(), "request")
		_, err = heard(stream)
		require.NoError(t, err)
		assert.InDelta(t, 2, result.Cost, 0)
		_, err = heard(r.Stream(failover.With(t.Context(), failover.MaxCost(1)), "request"))
		require.ErrorIs(t, err, failover.ErrNoneAvailable)
	})
}

func TestStreamsAdaptTheRequest(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1")...), newNarrator("b")
		pa, pb := a.provider(), b.provider()
		pa.Adapt = func(req string) string { return "a:" + req }
		pb.Adapt = func(req string) string { return "b:" + req }
		r, err := failover.NewStream(failover.StreamProviders(pa, pb), failover.WithInterrupted(failover.Continue))
		require.NoError(t, err)
		_, err = hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, []string{"a:request"}, a.asked())
		assert.Equal(t, []string{"b:request after a1"}, b.asked())
	})
}

func TestStreamHealthChecks(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newNarrator("a").provider()
		p.Check = func(context.Context) error { return errSpilled }
		r, err := failover.NewStream(failover.StreamProviders(p, newNarrator("b").provider()),
			failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second}))
		require.NoError(t, err)
		defer func() { require.NoError(t, r.Close()) }()
		wait(t, 10*time.Second)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
	})
}

func TestNewStreamRefuses(t *testing.T) {
	t.Parallel()
	p := newNarrator("a").provider()
	markless, negative, nameless := p, p, p
	markless.Restarted = nil
	negative.Idle = -time.Second
	nameless.Name = ""
	whole := failover.WithCommit(failover.CommitPolicy{Whole: true})
	for want, c := range map[string]struct {
		p    failover.StreamProvider[string, string]
		opts []failover.Option
	}{
		`NewStream: provider 0 has no Name`:            {nameless, nil},
		`provider "a": Idle -1s is negative`:           {negative, nil},
		`provider "a": WithInterrupted: restart needs`: {markless, []failover.Option{failover.WithInterrupted(failover.Restart)}},
		`WithTimeout is for New`:                       {p, []failover.Option{failover.WithTimeout(time.Second)}},
		`WithAcceptLast needs the whole stream`:        {p, []failover.Option{failover.WithAcceptLast()}},
		`WithInterrupted: no action`:                   {p, []failover.Option{failover.WithInterrupted()}},
		`WithInterrupted: 7 is no action`:              {p, []failover.Option{failover.WithInterrupted(7)}},
		`WithInterrupted: restart is given twice`: {
			p, []failover.Option{failover.WithInterrupted(failover.Restart, failover.Restart)},
		},
		`WithInterrupted: fail stands alone`: {
			p, []failover.Option{failover.WithInterrupted(failover.Continue, failover.Fail)},
		},
		`WithDeliveredCap: -1 is negative`:  {p, []failover.Option{failover.WithDeliveredCap(-1)}},
		`WithFirstContent: -1s is negative`: {p, []failover.Option{failover.WithFirstContent(-time.Second)}},
		`WithIdle: -1s is negative`:         {p, []failover.Option{failover.WithIdle(-time.Second)}},
		`WithTotal: -1s is negative`:        {p, []failover.Option{failover.WithTotal(-time.Second)}},
		`WithCommit: Items -1 is negative`:  {p, []failover.Option{failover.WithCommit(failover.CommitPolicy{Items: -1})}},
		`WithCommit: Whole stands alone: Items 2`: {
			p, []failover.Option{failover.WithCommit(failover.CommitPolicy{Whole: true, Items: 2})},
		},
		`NewStream: provider "pool": Do is nil`: {failover.NestStream[string, string]("pool", nil), nil},
	} {
		_, err := failover.NewStream(failover.StreamProviders(c.p), c.opts...)
		require.ErrorContains(t, err, want)
	}
	_, err := failover.NewStream[string, string](nil)
	require.ErrorContains(t, err, "NewStream: no providers")
	_, err = failover.NewStream(failover.StreamProviders(markless), failover.WithInterrupted(failover.Restart), whole)
	require.NoError(t, err, "what is held as a whole needs no marker")
	for _, o := range []failover.Option{
		failover.WithIdle(1), failover.WithTotal(1), failover.WithFirstContent(1), whole, failover.WithDeliveredCap(1),
		failover.WithInterrupted(failover.Fail),
	} {
		_, err = failover.New(failover.Providers(newActor("a").provider()), o)
		require.ErrorContains(t, err, "is for NewStream")
	}
}

// What a nested router takes back is taken back outside too.
func TestRestartInsideIsKnownOutside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k1, k2, other := newNarrator("k1", cutAt("k11")...), newNarrator("k2", cutAt("k21")...), newNarrator("other")
		pool := inTheatre(t, []*narrator{k1, k2}, once(), failover.WithName("pool"), failover.WithInterrupted(failover.Restart))
		middle, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool)), once(), failover.WithName("middle"))
		require.NoError(t, err)
		outer, err := failover.NewStream(failover.StreamProviders(failover.NestStream("middle", middle), other.provider()), once(),
			failover.WithInterrupted(failover.Continue))
		require.NoError(t, err)
		stream, result := outer.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, "#meta k11 #restart #meta k21 #meta other1 other2 other3 #end", strings.Join(items, " "))
		assert.Equal(t, []string{"request after k21"}, other.asked())
		assert.Equal(t, 9, result.Items, "the marker is not counted")
	})
}

func TestRestartInsideBeforeTheOuterCommitPointIsInvisible(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k1, k2 := newNarrator("k1", cutAt("k11")...), newNarrator("k2")
		pool := inTheatre(t, []*narrator{k1, k2}, once(), failover.WithName("pool"), failover.WithInterrupted(failover.Restart))
		outer, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool)),
			failover.WithCommit(failover.CommitPolicy{Whole: true}))
		require.NoError(t, err)
		text, err := hear(t, outer)
		require.NoError(t, err)
		assert.Equal(t, "#meta k21 k22 k23 #end", text)
	})
}

func TestIrrevocableInsideIsSoOutside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k1, k2, other := newNarrator("k1", errSpilled), newNarrator("k2", cutAt(toolCall)...), newNarrator("other")
		p1 := k1.provider()
		p1.Irrevocable = nil
		pool, err := failover.NewStream(failover.StreamProviders(p1, k2.provider()), once())
		require.NoError(t, err)
		outer, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool), other.provider()), once(),
			failover.WithInterrupted(failover.Restart))
		require.NoError(t, err)
		text, err := hear(t, outer)
		assert.Equal(t, "#meta tool()", text)
		require.ErrorIs(t, err, failover.ErrInterrupted)
	})
}

func TestDeliveredInside(t *testing.T) {
	bubble(t, func(t *testing.T) {
		k1 := newNarrator("k1", cutAt("k11")...)
		pool := inTheatre(t, []*narrator{k1}, once(), failover.WithName("pool"), failover.WithInterrupted(failover.Continue))
		outer, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool)), once())
		require.NoError(t, err)
		_, err = hear(t, outer)
		got, ok := failover.Delivered[string](err)
		assert.True(t, ok)
		assert.Equal(t, []string{meta, "k11"}, got)
	})
}
