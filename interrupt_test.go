package failover_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// cutAt breaks a stream off after these items.
func cutAt(items ...string) []any {
	script := []any{meta}
	for _, item := range items {
		script = append(script, item)
	}
	return append(script, io.ErrUnexpectedEOF)
}

func TestInterruptedFails(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b")
		var events notebook
		r := inTheatre(t, []*narrator{a, b}, events.option())
		text, err := hear(t, r)
		assert.Equal(t, "#meta a1 a2", text)
		var broken *failover.InterruptedError
		require.ErrorAs(t, err, &broken)
		require.ErrorIs(t, err, failover.ErrInterrupted)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.NotErrorIs(t, err, failover.ErrAllFailed)
		assert.Equal(t, "a", broken.Provider)
		assert.Equal(t, 3, broken.Items)
		assert.Equal(t, "a", broken.Err.Provider)
		assert.Len(t, broken.Attempts, 1)
		assert.Equal(t, broken.Err.Class, failover.ClassOf(err))
		assert.Equal(t, "failover: the stream was interrupted after 3 items: a: incomplete (unexpected EOF)", err.Error())
		_, kept := failover.Delivered[string](err)
		assert.False(t, kept, "nothing is kept that nobody can use")
		assert.Empty(t, b.asked())
		cuts := noted[failover.InterruptedEvent](&events)
		require.Len(t, cuts, 1)
		assert.True(t, cuts[0].Ends)
		assert.Equal(t, 3, cuts[0].Items)
		assert.Equal(t, uint64(1), r.Status().Providers[0].Interrupted)
		assert.Equal(t, err, noted[failover.ExhaustedEvent](&events)[0].Err)
	})
}

func TestInterruptedContinues(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b", cutAt("b3")...), newNarrator("c", words("c4")...)
		r := inTheatre(t, []*narrator{a, b, c}, failover.WithInterrupted(failover.Continue))
		stream, result := r.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 a2 #meta b3 #meta c4 #end", strings.Join(items, " "))
		assert.Equal(t, []string{"request after a1 a2"}, b.asked())
		assert.Equal(t, []string{"request after a1 a2 b3"}, c.asked())
		assert.Equal(t, "c", result.Provider)
		assert.Equal(t, 2, result.Continued)
		assert.Equal(t, 0, result.Restarted)
		assert.Equal(t, 8, result.Items)
		require.Len(t, result.Attempts, 3)
		assert.Equal(t, []int{3, 2, 3}, []int{result.Attempts[0].Items, result.Attempts[1].Items, result.Attempts[2].Items})
	})
}

func TestInterruptedRestarts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart))
		stream, result := r.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 a2 #restart #meta b1 b2 b3 #end", strings.Join(items, " "))
		assert.Equal(t, []string{"request"}, b.asked())
		assert.Equal(t, 1, result.Restarted)
		assert.Equal(t, 8, result.Items, "the marker is not counted")
	})
}

func TestRestartTellsNobodyBeforeTheNextOneDelivers(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1")...), newNarrator("b", meta, errSpilled)
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart), once())
		text, err := hear(t, r)
		assert.Equal(t, "#meta a1", text, "no marker: what came before is all there is")
		var broken *failover.InterruptedError
		require.ErrorAs(t, err, &broken)
		assert.Equal(t, "a", broken.Provider, "the first failure stands")
		require.ErrorIs(t, broken.Err, io.ErrUnexpectedEOF)
		require.ErrorIs(t, err, errSpilled)
		assert.Len(t, broken.Attempts, 2)
		assert.Contains(t, err.Error(), "b: unknown")
	})
}

func TestRefusedContinuation(t *testing.T) {
	t.Parallel()
	refusal := &failover.Error{Class: failover.ClassInvalid, Status: 400, Code: "prefill_not_supported"}
	t.Run("restarts at the same provider where that is allowed", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newNarrator("a", cutAt("a1")...), newNarrator("b")
			b.then(refusal)
			r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Continue, failover.Restart))
			text, err := hear(t, r)
			require.NoError(t, err)
			assert.Equal(t, "#meta a1 #restart #meta b1 b2 b3 #end", text)
			assert.Equal(t, []string{"request after a1", "request"}, b.asked())
			assert.Equal(t, failover.BreakerClosed, r.Status().Providers[1].Breaker)
		})
	})
	t.Run("moves on, and the first failure stands", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b, c := newNarrator("a", cutAt("a1")...), newNarrator("b", refusal), newNarrator("c", refusal)
			r := inTheatre(t, []*narrator{a, b, c}, failover.WithInterrupted(failover.Continue))
			text, err := hear(t, r)
			assert.Equal(t, "#meta a1", text)
			var broken *failover.InterruptedError
			require.ErrorAs(t, err, &broken)
			assert.Equal(t, "a", broken.Err.Provider)
			require.ErrorIs(t, broken.Err, io.ErrUnexpectedEOF)
			assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err))
			assert.Len(t, broken.Attempts, 3)
			got, ok := failover.Delivered[string](err)
			require.True(t, ok)
			assert.Equal(t, []string{"#meta", "a1"}, got)
		})
	})
}

func TestContinueLeavesOutWhoCannot(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b, c := newNarrator("a", cutAt("a1")...), newNarrator("b"), newNarrator("c", words("c2")...)
		pa, pb, pc := a.provider(), b.provider(), c.provider()
		pb.Continue = nil
		r, err := failover.NewStream(failover.StreamProviders(pa, pb, pc), failover.WithInterrupted(failover.Continue))
		require.NoError(t, err)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #meta c2 #end", text)
		assert.Empty(t, b.asked())

		pb.Continue = func(string, []string) (string, bool) { return "", false }
		pc.Continue = nil
		r, err = failover.NewStream(failover.StreamProviders(pa, pb, pc), failover.WithInterrupted(failover.Continue, failover.Restart))
		require.NoError(t, err)
		text, err = hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #restart #meta b1 b2 b3 #end", text)
	})
}

func TestNothingLeftToContinueIsWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1")...), newNarrator("b", meta, finish)
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Continue))
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #meta #end", text)
	})
}

func TestIrrevocableItemRulesOutRestart(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", toolCall)...), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart))
		text, err := hear(t, r)
		assert.Equal(t, "#meta a1 tool()", text)
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Empty(t, b.asked())

		r = inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart, failover.Continue))
		text, err = hear(t, r)
		require.NoError(t, err, "it can be continued all the same")
		assert.Equal(t, "#meta a1 tool() #meta b1 b2 b3 #end", text)
	})
}

func TestDeliveredCapTurnsContinueOff(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Continue), failover.WithDeliveredCap(2))
		text, err := hear(t, r)
		assert.Equal(t, "#meta a1 a2", text)
		_, ok := failover.Delivered[string](err)
		assert.False(t, ok)
		require.ErrorIs(t, err, failover.ErrInterrupted)

		r = inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Continue), failover.WithDeliveredCap(3))
		_, err = hear(t, r)
		require.NoError(t, err)
	})
}

func TestContinueWithoutKeepingWhatWasDelivered(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var got [][]string
		pa, pb := newNarrator("a", cutAt("a1", "a2")...).provider(), newNarrator("b", cutAt("b3")...).provider()
		pb.Continue = func(req string, items []string) (string, bool) {
			got = append(got, items)
			return req, true
		}
		r, err := failover.NewStream(failover.StreamProviders(pa, pb),
			failover.WithInterrupted(failover.Continue), failover.WithDeliveredCap(0))
		require.NoError(t, err)
		text, err := hear(t, r)
		assert.Equal(t, "#meta a1 a2 #meta b3", text)
		assert.Equal(t, [][]string{nil}, got, "it was asked, with nothing")
		require.ErrorIs(t, err, failover.ErrInterrupted)
		_, ok := failover.Delivered[string](err)
		assert.False(t, ok, "nothing was kept to be given")
	})
}

func TestFilteredInTheMiddleEndsTheStream(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", "a1", &failover.Error{Class: failover.ClassFiltered}), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart))
		_, err := hear(t, r)
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Equal(t, failover.ClassFiltered, failover.ClassOf(err))
		assert.Empty(t, b.asked())
	})
}

func TestCancelWhileAnotherTakesOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1")...), newNarrator("b", forEver)
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Continue))
		ctx, cancel := context.WithCancelCause(t.Context())
		why := errors.New("user hung up")
		time.AfterFunc(time.Second, func() { cancel(why) })
		items, err := heard(r.Stream(ctx, "request"))
		assert.Equal(t, []string{"#meta", "a1"}, items)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, why)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, "and how it broke off first")
		var gone *failover.CanceledError
		require.ErrorAs(t, err, &gone)
		assert.Zero(t, b.running())
	})
}

func TestCloseLetsAStreamRunToItsEnd(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", "a1", time.Second, "a2", finish), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart))
		time.AfterFunc(time.Millisecond, func() { _ = r.Close() })
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "a1 a2 #end", text)
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrClosed)

		r = inTheatre(t, []*narrator{a, b}, failover.WithInterrupted(failover.Restart))
		a.says("a1", time.Second, errSpilled)
		time.AfterFunc(time.Millisecond, func() { _ = r.Close() })
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrInterrupted)
		require.ErrorIs(t, err, failover.ErrClosed)
		assert.Empty(t, b.asked(), "no new attempt")
	})
}

func TestSoleProviderRestartsAfterATransientCut(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a")
		a.then("a1", &failover.Error{Class: failover.ClassTransient})
		r := inTheatre(t, []*narrator{a}, failover.WithInterrupted(failover.Restart))
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "a1 #restart #meta a1 a2 a3 #end", text)
	})
}

// errReset is a cut that the same provider may be asked again after.
var errReset = &failover.Error{Class: failover.ClassTransient}

// Whoever cannot take over is not asked, by whatever way it is reached: what was
// delivered must not come twice.
func TestNobodyTakesOverWhoCannot(t *testing.T) {
	t.Parallel()
	mute := func(n *narrator, refuses bool) failover.StreamProvider[string, string] {
		p := n.provider()
		p.Continue = nil
		if refuses {
			p.Continue = func(string, []string) (string, bool) { return "", false }
		}
		return p
	}
	limited := &failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Second}
	for name, c := range map[string]struct {
		first, then []any
		second      []any
		opts        []failover.Option
	}{
		"a retry at the same provider":          {first: []any{meta, "a1", errReset}},
		"a retry after something irrevocable":   {first: []any{meta, toolCall, errReset}, opts: []failover.Option{failover.WithInterrupted(failover.Continue, failover.Restart)}},
		"a rate limit that is waited out":       {first: []any{meta, "a1", limited}, opts: []failover.Option{failover.WithRateLimitWait(3 * time.Second)}},
		"one that was limited before the other": {first: []any{limited}, second: cutAt("b1")},
	} {
		for _, refuses := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a, b := newNarrator("a"), newNarrator("b", c.second...)
					a.then(c.first...)
					providers := failover.StreamProviders(mute(a, refuses))
					if c.second != nil {
						providers = append(providers, b.provider())
					}
					var events notebook
					r, err := failover.NewStream(providers, append([]failover.Option{
						failover.WithInterrupted(failover.Continue), events.option(),
					}, c.opts...)...)
					require.NoError(t, err)
					_, err = hear(t, r)
					require.ErrorIs(t, err, failover.ErrInterrupted)
					assert.Len(t, a.asked(), 1)
					assert.True(t, noted[failover.InterruptedEvent](&events)[0].Ends)
				})
			})
		}
	}
}

func TestRefusedContinuationsDoNotCool(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, once(), failover.WithInterrupted(failover.Continue))
		for range 3 {
			a.then(cutAt("a1")...)
			b.then(&failover.Error{Class: failover.ClassUnsupported})
			_, err := hear(t, r)
			require.ErrorIs(t, err, failover.ErrInterrupted)
			_, err = hear(t, r)
			require.NoError(t, err)
		}
		assert.Empty(t, r.Status().Providers[1].Reasons)
	})
}

// A caller's cause, another vendor's refusal, say, is not this provider's.
func TestCauseOfTheCallersCancelIsNotTheProviders(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a", "a1", "a2", "a3", finish)
		r := inTheatre(t, []*narrator{a, newNarrator("b")})
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		var last error
		for _, err := range r.Stream(ctx, "request") {
			cancel(&failover.Error{Class: failover.ClassUnauthorized, Status: 401})
			last = err
		}
		require.ErrorIs(t, last, context.Canceled)
		status := r.Status().Providers[0]
		assert.Empty(t, status.Reasons)
		assert.Equal(t, map[string]uint64{"canceled": 1}, status.Attempts)
		assert.Zero(t, status.Interrupted)
	})
}

func TestStickySurvivesACancel(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b", "b1", forEver)
		a.then(errSpilled)
		r := inTheatre(t, []*narrator{a, b}, once())
		ctx, bargeIn := context.WithCancel(failover.With(t.Context(), failover.Sticky("call")))
		defer bargeIn()
		for range r.Stream(ctx, "request") {
			bargeIn()
		}
		b.says(words("b1")...)
		items, err := heard(r.Stream(failover.With(t.Context(), failover.Sticky("call")), "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "b1")
	})
}

func TestProviderThatGoesOnAfterItWasToldToStop(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := failover.WrapStream("a", func(context.Context, string) failover.Stream[string] {
			return func(yield func(string, error) bool) {
				yield("", errReset)
				yield("x", nil)
			}
		})
		r, err := failover.NewStream(failover.StreamProviders(p, newNarrator("b").provider()), once())
		require.NoError(t, err)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
	})
}
