package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// A consumer that leaves early leaves no goroutine of the client behind:
// synctest fails if one stays blocked.
func TestLeavingEarlyStopsTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		streams, err := failover.NewStream(failover.StreamProviders(streamed("only", vendor{voice: "anna"}, "anna")))
		require.NoError(t, err)
		n := 0
		for c, err := range streams.Stream(t.Context(), speech{text: "one two three"}) {
			require.NoError(t, err)
			require.NotEmpty(t, c.Audio)
			n++
			break
		}
		require.Equal(t, 1, n)
		require.NoError(t, streams.Close())
		synctest.Wait()
	})
}

// cut closes its channel without a last chunk.
type cut struct{}

func (cut) SynthesizeStream(context.Context, string, config) (<-chan chunk, error) {
	chunks := make(chan chunk, 1)
	chunks <- chunk{Audio: []byte("half")}
	close(chunks)
	return chunks, nil
}

func TestChannelThatIsClosedEarlyIsNotWhole(t *testing.T) {
	t.Parallel()
	streams, err := failover.NewStream(failover.StreamProviders(streamed("cut", cut{}, ""), streamed("next", vendor{}, "b")),
		failover.WithCommit(failover.CommitPolicy{Whole: true}))
	require.NoError(t, err)
	var got []string
	for c, err := range streams.Stream(t.Context(), speech{text: "all of it"}) {
		require.NoError(t, err)
		got = append(got, string(c.Audio))
	}
	require.Equal(t, []string{"b", "says", "all", "of", "it", ""}, got)
}

func TestErrorsAreReadOnce(t *testing.T) {
	t.Parallel()
	for err, class := range map[error]failover.Class{
		errBusy: failover.ClassRateLimited, errKey: failover.ClassUnauthorized, errors.New("other"): failover.ClassUnknown,
	} {
		require.Equal(t, class, failover.ClassOf(read(err)))
		require.ErrorIs(t, read(err), err)
	}
	require.NoError(t, read(nil))
}
