package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every variant delivers every item of every stream, and asks only the first provider for it.
func TestStreamsAreWhole(t *testing.T) {
	t.Parallel()
	for _, v := range streamVariants() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			wholeStreams(t, smallItem, v)
			wholeStreams(t, chunkItem, v)
		})
	}
}

func wholeStreams[T any](t *testing.T, s shape[T], v variant) {
	t.Helper()
	for _, n := range []int{1, 100} {
		st, err := s.stage(n, v.opts...)
		require.NoError(t, err)
		do := drain(st.router.Stream)
		const streams = 20
		for range streams {
			resp, err := do(t.Context(), Req{})
			require.NoError(t, err)
			require.Equal(t, int64(n), resp.A, "items")
		}
		assert.Equal(t, [2]int{streams, 0}, [2]int{st.vendors[0].streams, st.vendors[1].streams}, "streams of the providers")
	}
}

// The iterator that streams are set beside does what a StreamFunc has to.
func TestVendorEndsWithItsContext(t *testing.T) {
	t.Parallel()
	own := &vendor[small]{items: smallItem.items(10)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	got := 0
	for _, err := range own.stream(ctx, Req{}) {
		if got == 5 {
			require.ErrorIs(t, err, context.Canceled)
			continue
		}
		require.NoError(t, err)
		if got++; got == 5 {
			cancel()
		}
	}
	assert.Equal(t, 5, got)
}

// What is a difference in a column is that of one unit.
func TestColumnsCompareWithinARound(t *testing.T) {
	t.Parallel()
	a := &cell{samples: []sample{{ns: 30}, {ns: 300}, {ns: 30}}}
	b := &cell{samples: []sample{{ns: 10}, {ns: 100}, {ns: 15}}}
	assert.Equal(t, "20.0", differs("", "").figure(a, b))
	assert.Equal(t, "3.00", divides("", "").figure(a, b))
}
