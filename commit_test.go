package failover_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestCommitByItems(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithCommit(failover.CommitPolicy{Items: 3}), once())
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
		a.says(cutAt("a1", "a2", "a3", "a4")...)
		text, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Equal(t, "#meta a1 a2 a3 a4", text)
		a.says(words("a1")...)
		text, err = hear(t, r)
		require.NoError(t, err, "a stream shorter than the hold is whole")
		assert.Equal(t, "#meta a1 #end", text)
	})
}

func TestCommitByDuration(t *testing.T) {
	bubble(t, func(t *testing.T) {
		second := time.Second
		a, b := newNarrator("a", "a1", second, "a2", second, errSpilled), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithCommit(failover.CommitPolicy{For: 3 * second}), once())
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
		a.says("a1", second, "a2", 2*second, "a3", second, "a4", errSpilled)
		var at []time.Duration
		begun := time.Now()
		for _, err = range r.Stream(t.Context(), "request") {
			at = append(at, time.Since(begun))
		}
		require.ErrorIs(t, err, failover.ErrInterrupted)
		assert.Equal(t, []time.Duration{3 * second, 3 * second, 3 * second, 4 * second, 4 * second}, at)
	})
}

func TestCommitOfTheWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1", "a2")...), newNarrator("b", "b1", time.Second, "b2", finish)
		r := inTheatre(t, []*narrator{a, b}, failover.WithCommit(failover.CommitPolicy{Whole: true}), once())
		begun := time.Now()
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "b1 b2 #end", text)
		assert.Equal(t, time.Second, time.Since(begun))
		b.says("b1", forEver)
		text, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.ErrorIs(t, err, failover.ErrIdleTimeout)
		assert.Empty(t, text)
	})
}

func TestHoldIsBounded(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", words("a1", "a2", "a3", "a4")...), newNarrator("b", words("b1")...)
		r := inTheatre(t, []*narrator{a, b}, failover.WithCommit(failover.CommitPolicy{Whole: true, MaxHeld: 3}))
		stream, result := r.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, []string{meta, "b1", finish}, items)
		require.ErrorIs(t, result.Attempts[0].Err, failover.ErrTooMuchHeld)
		assert.Equal(t, failover.ClassIncomplete, result.Attempts[0].Class())

		a.says(meta, meta, meta, meta, "a1", io.ErrUnexpectedEOF)
		r = inTheatre(t, []*narrator{a, b}, failover.WithCommit(failover.CommitPolicy{Items: 5, MaxHeld: 3}))
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrInterrupted, "it had committed")
	})
}

func TestValidateSeesWhatIsHeld(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		pa, pb := a.provider(), b.provider()
		errMumbled := errors.New("mumbled")
		var saw []string
		pa.Validate = func(_ context.Context, req string, held []string) error {
			saw = append(saw, req)
			saw = append(saw, held...)
			return errMumbled
		}
		r, err := failover.NewStream(failover.StreamProviders(pa, pb), failover.WithCommit(failover.CommitPolicy{Items: 2}))
		require.NoError(t, err)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
		assert.Equal(t, []string{"request", "#meta", "a1", "a2"}, saw)
		assert.Zero(t, a.running())
		assert.Equal(t, map[string]uint64{"unsatisfactory": 1}, r.Status().Providers[0].Attempts)

		pb.Validate = pa.Validate
		r, err = failover.NewStream(failover.StreamProviders(pa, pb), failover.WithCommit(failover.CommitPolicy{Whole: true}))
		require.NoError(t, err)
		_, err = hear(t, r)
		require.ErrorIs(t, err, errMumbled)
		held, ok := failover.Rejected[[]string](err)
		require.True(t, ok)
		assert.Equal(t, []string{"#meta", "b1", "b2", "b3", "#end"}, held)

		r, err = failover.NewStream(failover.StreamProviders(pa, pb), failover.WithCommit(failover.CommitPolicy{Whole: true}),
			failover.WithAcceptLast())
		require.NoError(t, err)
		stream, result := r.Route(t.Context(), "request")
		items, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, []string{"#meta", "b1", "b2", "b3", "#end"}, items)
		assert.Equal(t, "b", result.Provider)
		assert.Equal(t, 5, result.Items)
	})
}

func TestEmptyStreamsCanBeAccepted(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", meta, finish), newNarrator("b")
		text, err := hear(t, inTheatre(t, []*narrator{a, b}, failover.WithEmptyAnswers()))
		require.NoError(t, err)
		assert.Equal(t, "#meta #end", text)
	})
}
