//go:build !race

package failover_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// note is an item of a usual kind: something to read, and something that the
// garbage collector follows.
type note struct {
	content, final bool
	text           string
	parts          []int
}

// score is a stream of n notes from memory: metadata, content, an end marker.
func score(n int) failover.StreamFunc[int, note] {
	notes := make([]note, n)
	for i := range notes {
		notes[i] = note{content: i > 0 && i < n-1, final: i == n-1, text: "do", parts: []int{i}}
	}
	return func(ctx context.Context, _ int) failover.Stream[note] {
		return func(yield func(note, error) bool) {
			for _, item := range notes {
				if err := ctx.Err(); err != nil {
					yield(note{}, err)
					return
				}
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// concert is a router of two that play n notes, as adapters of LLMs are made.
func concert(t *testing.T, n int, opts ...failover.Option) *failover.StreamRouter[int, note] {
	t.Helper()
	var providers []failover.StreamProvider[int, note]
	for _, name := range []string{"one", "two"} {
		p := failover.WrapStream(name, score(n))
		p.Content = func(item note) bool { return item.content }
		p.Final = func(item note) bool { return item.final }
		p.Continue = func(req int, _ []note) (int, bool) { return req, true }
		providers = append(providers, p)
	}
	r, err := failover.NewStream(providers, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, r.Close()) })
	return r
}

// playing counts what ranging over a whole stream of n notes allocates.
func playing(t *testing.T, stream failover.StreamFunc[int, note], n int) float64 {
	t.Helper()
	ctx, got := context.Background(), 0
	play := func() {
		got = 0
		for _, err := range stream(ctx, 1) {
			if err == nil {
				got++
			}
		}
	}
	for range 20 { // until the router is warm
		play()
	}
	allocs := testing.AllocsPerRun(100, play)
	require.Equal(t, n, got)
	return allocs
}

// concertOf counts what a stream of n notes from a router allocates.
func concertOf(t *testing.T, n int, opts ...failover.Option) float64 {
	t.Helper()
	return playing(t, concert(t, n, opts...).Stream, n)
}

func hears(context.Context, failover.Event) {}

// However long a stream is, its items allocate nothing.
func TestItemsAllocateNothing(t *testing.T) {
	for name, opts := range map[string][]failover.Option{
		"defaults":          nil,
		"observer":          {failover.WithObserver(hears)},
		"total":             {failover.WithTotal(time.Hour)},
		"timers off":        {failover.WithFirstContent(0), failover.WithIdle(0)},
		"commit after five": {failover.WithCommit(failover.CommitPolicy{Items: 5})},
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, concertOf(t, 10, opts...), concertOf(t, 1000, opts...), 0)
		})
	}
	t.Run("hedged", func(t *testing.T) {
		// Goroutines and channels allocate a little now and then, and not for each item.
		hedge := failover.WithHedge(failover.HedgePolicy{MinSamples: 1, MinDelay: time.Minute})
		assert.InDelta(t, concertOf(t, 10, hedge), concertOf(t, 1000, hedge), 5)
	})
}

// Where items are kept or held, the slice that has them is all that grows.
func TestKeptItemsCostTheirSlice(t *testing.T) {
	growth := float64(growths(1000) - growths(10))
	for name, opt := range map[string]failover.Option{
		"kept to be continued": failover.WithInterrupted(failover.Continue),
		"held as a whole":      failover.WithCommit(failover.CommitPolicy{Whole: true}),
	} {
		t.Run(name, func(t *testing.T) {
			assert.InDelta(t, growth, concertOf(t, 1000, opt)-concertOf(t, 10, opt), 0)
		})
	}
	t.Run("kept up to the cap", func(t *testing.T) {
		opt := failover.WithOptions(failover.WithInterrupted(failover.Continue), failover.WithDeliveredCap(10))
		assert.InDelta(t, concertOf(t, 10, opt), concertOf(t, 1000, opt), 0)
	})
}

// growths is how often a slice moves until it has n notes.
func growths(n int) int {
	var notes []note
	moves := 0
	for range n {
		if len(notes) == cap(notes) {
			moves++
		}
		notes = append(notes, note{})
	}
	return moves
}

// A stream has a context, a timer and a story of its own, and not much else.
func TestStreamStartsWithFewAllocations(t *testing.T) {
	const n = 3
	own := playing(t, score(n), n)
	assert.LessOrEqual(t, concertOf(t, n)-own, 14.0)
	assert.LessOrEqual(t, concertOf(t, n, failover.WithObserver(hears))-own, 16.0)
}

// Nobody but the caller's goroutine works for a stream that is not hedged.
func TestStreamNeedsNoGoroutine(t *testing.T) {
	for name, opts := range map[string][]failover.Option{
		"defaults": nil,
		"observer": {failover.WithObserver(hears)},
		"continue": {failover.WithInterrupted(failover.Continue)},
		"whole":    {failover.WithCommit(failover.CommitPolicy{Whole: true})},
		"total":    {failover.WithTotal(time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			before, within := musicians(t, opts...)
			// Some that earlier tests left may end meanwhile.
			assert.LessOrEqual(t, within, before)
		})
	}
	t.Run("hedged", func(t *testing.T) { // or else counting them would show nothing
		seen := false
		for range 10 {
			before, within := musicians(t, failover.WithHedge(failover.HedgePolicy{MinSamples: 1, MinDelay: time.Minute}))
			seen = seen || within > before
		}
		assert.True(t, seen)
	})
}

// musicians counts goroutines before a stream and, at the most, during it.
func musicians(t *testing.T, opts ...failover.Option) (before, within int) {
	t.Helper()
	r := concert(t, 100, opts...)
	for range 2 { // the first one is never hedged
		before, within = runtime.NumGoroutine(), 0
		for _, err := range r.Stream(t.Context(), 1) {
			require.NoError(t, err)
			within = max(within, runtime.NumGoroutine())
		}
	}
	return before, within
}
