package failover

import (
	"context"
	"math"
	"math/rand/v2"
	"time"
)

// Weighted spreads requests in proportion to the providers' weights, by static
// stride (the scheduler of gRPC's weighted_round_robin, gRFC A58): in a
// predictable rotation, without a lock. A provider's weight is halved for each
// of its recent failures in a row, down to 1/64; each 10 s since the last
// failure give back one halving, and a success gives back all. After a
// failure, the next provider is drawn by weight from those not yet tried.
//
// A provider gets at least one request for 65535 of the heaviest one's.
// [Router.SetWeight] changes a weight at run time; 0 drains the provider.
func Weighted() Strategy { return &weighted{} }

type weighted struct{ turns rotation }

func (*weighted) bind(*core) Strategy { return &weighted{} }
func (*weighted) String() string      { return "weighted" }

const (
	strideMax     = 65535
	strideOffset  = strideMax / 2
	maxHalvings   = 6
	halvingMemory = int64(10 * time.Second)
	// weightScale keeps six halvings of a weight of 1 apart.
	weightScale = 1 << maxHalvings
	// maxWeight keeps the arithmetic on weights within 64 bits.
	maxWeight = math.MaxInt32
)

// Next returns whose turn it is by weight.
func (s *weighted) Next(_ context.Context, p Pick) int {
	switch {
	case len(p.Candidates) < 2:
		return 0
	case p.Attempt > 0:
		return drawByWeight(p, rand.Uint64()) //nolint:gosec // spreading load needs no secret numbers
	default:
		return s.stride(p)
	}
}

// stride walks the ring of candidates; in generation g of it one of (scaled)
// weight w is taken when g·w passes a multiple of strideMax there. The heaviest
// is taken in every generation, so two of them are always enough.
func (s *weighted) stride(p Pick) int {
	heaviest := uint64(0)
	for i := range p.Candidates {
		heaviest = max(heaviest, p.Candidates[i].e.effectiveWeight(p.now))
	}
	if heaviest == 0 {
		return 0
	}
	size := uint64(len(p.Candidates))
	turn := s.turns.of(p)
	n := turn.next(p)
	for range 2 * size {
		at, generation := n%size, n/size
		if takes(p.Candidates[at].e.effectiveWeight(p.now), heaviest, at, generation) {
			return int(at) //nolint:gosec // below size
		}
		if p.Dry {
			n++
		} else {
			n = turn.next(p)
		}
	}
	// Others took the turns in which the heaviest is due.
	return drawByWeight(p, rand.Uint64()) //nolint:gosec // as above
}

// takes says whether the candidate at a place of the ring is taken in this
// generation of it.
func takes(weight, heaviest, at, generation uint64) bool {
	if weight == 0 {
		return false
	}
	scaled := max(weight*strideMax/heaviest, 1)
	return (scaled*(generation%strideMax)+at*strideOffset)%strideMax >= strideMax-scaled
}

// drawByWeight returns a candidate with a chance proportional to its weight.
func drawByWeight(p Pick, random uint64) int {
	total := uint64(0)
	for i := range p.Candidates {
		total += p.Candidates[i].e.effectiveWeight(p.now)
	}
	if total == 0 {
		return 0
	}
	random %= total
	for i := range p.Candidates {
		w := p.Candidates[i].e.effectiveWeight(p.now)
		if random < w {
			return i
		}
		random -= w
	}
	return len(p.Candidates) - 1
}

// effectiveWeight is the weight less the halvings for recent failures, times
// weightScale.
func (e *endpoint) effectiveWeight(now int64) uint64 {
	if e == nil {
		return 0
	}
	w := uint64(max(e.weight.Load(), 0)) * weightScale
	if e.breaker.streak.word.Load() == 0 {
		return w
	}
	return w >> e.halvings(now)
}

func (e *endpoint) halvings(now int64) int64 {
	failures, _ := e.breaker.streak.counts()
	recovered := (now - e.lastFailure.Load()) / halvingMemory
	return max(min(int64(failures), maxHalvings)-max(recovered, 0), 0)
}
