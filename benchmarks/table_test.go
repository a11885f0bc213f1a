package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A short run prints every implementation and every bar. What it measures is worth nothing.
func TestReportIsWhole(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	require.NoError(t, report(&out, 1, 100*time.Microsecond))
	for _, p := range peers() {
		assert.Equal(t, len(scenarios()), strings.Count(out.String(), "\n  "+p.name+"  "), "rows of %s", p.name)
	}
	for _, b := range bars() {
		assert.Contains(t, out.String(), b.what)
	}
}

func TestReportRefusesNothingToDo(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, report(&strings.Builder{}, 0, time.Second), "-rounds 0")
	require.ErrorContains(t, report(&strings.Builder{}, 1, 0), "-benchtime 0s")
}

func TestRatioIsMedianOfRounds(t *testing.T) {
	t.Parallel()
	// The second round was slow for both, the third for one of them: neither may show.
	a := &cell{samples: []sample{{ns: 10}, {ns: 100}, {ns: 10}}}
	b := &cell{samples: []sample{{ns: 5}, {ns: 50}, {ns: 1}}}
	assert.InDelta(t, 2, a.ratio(b), 0)
	assert.InDelta(t, 10, a.ns(), 0)
	assert.InDelta(t, 9, a.slope(b, 1), 0)
}

func TestBarMet(t *testing.T) {
	t.Parallel()
	assert.True(t, bar{atMost: true, limit: 1.7}.met(1.7))
	assert.False(t, bar{atMost: true, limit: 1.7}.met(1.71))
	assert.True(t, bar{limit: 3}.met(3))
	assert.False(t, bar{limit: 3}.met(2.9))
}
