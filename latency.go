package failover

import (
	"context"
	"math/rand/v2"
)

// LeastLatency draws two candidates and takes the one with the lower load: the
// peak exponentially weighted moving average of its latency (time constant
// 10 s) times the requests waiting there plus one (Finagle's P2C + PeakEWMA).
// A failure counts as 1 s at least and never as faster than usual, so that
// failing fast never looks fast. A provider without history is tried one
// request at a time.
func LeastLatency() Strategy { return leastLatency{} }

type leastLatency struct{}

func (leastLatency) bind(*core) Strategy { return leastLatency{} }
func (leastLatency) String() string      { return "least_latency" }

// Next returns the less loaded of two.
func (leastLatency) Next(_ context.Context, p Pick) int {
	n := len(p.Candidates)
	if n < 2 {
		return 0
	}
	a := rand.IntN(n)                 //nolint:gosec // spreading load needs no secret numbers
	b := (a + 1 + rand.IntN(n-1)) % n //nolint:gosec // as above
	if p.Candidates[b].load(p.now) < p.Candidates[a].load(p.now) {
		return b
	}
	return a
}

func (c Candidate) load(now int64) float64 {
	if c.e == nil {
		return 0
	}
	return c.e.stats.load(now)
}
