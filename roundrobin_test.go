package failover_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// After a failure the ring goes on from there, which is nobody's turn.
func TestRoundRobinGoesOnInTheRing(t *testing.T) {
	t.Parallel()
	f := newFleet(4)
	for _, n := range f {
		n.fail(errNode)
	}
	r := f.router(t, nil, failover.WithStrategy(failover.RoundRobin()))
	for _, want := range []string{"abcd", "bcda", "cdab", "dabc", "abcd"} {
		assert.Equal(t, want, strings.Join(planned(t, r), ""))
		assert.Equal(t, want, strings.Join(asked(t, r), ""))
	}
	require.NoError(t, r.Disable("c"))
	for _, want := range []string{"abd", "bda", "dab", "abd"} {
		assert.Equal(t, want, strings.Join(asked(t, r), ""))
	}
	assert.Equal(t, "dba", strings.Join(asked(t, r, failover.Prefer("d", "b")), ""), "wishes come first")
}

// FuzzRoundRobin: whoever is left, it names one of them, and each as often as
// the others.
func FuzzRoundRobin(f *testing.F) {
	f.Add(3, uint64(7), uint64(0))
	f.Add(9, uint64(0b101010101), uint64(math.MaxUint64-5))
	f.Fuzz(func(t *testing.T, size int, live, turns uint64) {
		if size < 1 || size > 12 {
			return
		}
		if live &= 1<<size - 1; live == 0 {
			return
		}
		r := newFleet(size).router(t, nil)
		p := r.PickAmong(live, 0, false, 0)
		s := failover.RoundRobin()
		failover.Rotate(s, turns)
		counts := make([]int, len(p.Candidates))
		for range 10 * len(counts) {
			counts[s.Next(t.Context(), p)]++
		}
		for _, n := range counts {
			require.InDelta(t, 10, n, 1) // a counter that wraps breaks one lap
		}
	})
}
