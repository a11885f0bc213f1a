package main

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Scenarios that are not timed, and show that the policies are at work in those that are.
var (
	retried = scenario{
		name:   "first fails and is retried, second serves",
		policy: policy{attempts: attempts, neverTrips: true},
		fault:  errDown,
		calls:  [2]int{attempts, 1},
	}
	silent = scenario{
		name:   "first is silent and is cut, second serves",
		policy: policy{attempts: attempts, timeout: timeout, neverTrips: true},
		fault:  errSilent,
		calls:  [2]int{1, 1},
	}
)

// lacks lists what the simpler peers cannot do.
var lacks = map[string][]scenario{
	"bare call":           {retried, silent},
	"gobreaker in a loop": {retried},
}

func TestSameWork(t *testing.T) {
	t.Parallel()
	for _, s := range append(scenarios(), retried, silent) {
		for _, p := range peers() {
			if lacking(p, s) {
				continue
			}
			t.Run(s.name+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { sameWork(t, s, p) })
			})
		}
	}
}

func sameWork(t *testing.T, s scenario, p peer) {
	t.Helper()
	do, endpoints, err := s.stage(p)
	require.NoError(t, err)
	if s.tripped && p.name != "bare call" {
		assert.Equal(t, tripAfter, endpoints[0].calls, "failures that opened the breaker")
	}

	before := [2]int{endpoints[0].calls, endpoints[1].calls}
	const requests = 20 // more than opens a breaker
	for i := range requests {
		req := Req{A: int64(i), B: 2, C: 3}
		resp, err := do(t.Context(), req)
		require.NoError(t, err)
		require.Equal(t, answer(req), resp)
	}
	made := [2]int{endpoints[0].calls - before[0], endpoints[1].calls - before[1]}
	assert.Equal(t, [2]int{requests * s.calls[0], requests * s.calls[1]}, made, "calls of the first and second provider")
}

func lacking(p peer, s scenario) bool {
	for _, missing := range lacks[p.name] {
		if missing.name == s.name {
			return true
		}
	}
	return false
}
