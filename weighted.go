package failover

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// Weighted spreads requests in proportion to the providers' weights, by static
// stride (the scheduler of gRPC's weighted_round_robin, gRFC A58): in a
// predictable rotation, without a lock. A provider's weight is halved for each
// of its recent failures in a row, down to 1/64; each 10 s since the last
// failure give back one halving, and a success gives back all. After a
// failure, the next provider is drawn by weight from those not yet tried.
//
// [Router.SetWeight] changes a weight at run time; 0 drains the provider.
func Weighted() Strategy { return &weighted{} }

type weighted struct{ turn atomic.Uint64 }

func (*weighted) bind(*core) Strategy { return &weighted{} }
func (*weighted) String() string      { return "weighted" }

const (
	strideMax     = 65535
	strideOffset  = strideMax / 2
	maxHalvings   = 6
	halvingMemory = int64(10 * time.Second)
	// weightScale keeps six halvings of a weight of 1 apart.
	weightScale = 1 << maxHalvings
)

// Next returns whose turn it is by weight.
func (s *weighted) Next(_ context.Context, p Pick) int {
	if len(p.Candidates) == 1 {
		s.step(p)
		return 0
	}
	if p.Attempt > 0 {
		return drawByWeight(p, rand.Uint64()) //nolint:gosec // spreading load needs no secret numbers
	}
	return s.stride(p)
}

// step takes the next number of the rotation.
func (s *weighted) step(p Pick) uint64 {
	if p.Dry || p.Attempt > 0 {
		return s.turn.Load()
	}
	return s.turn.Add(1) - 1
}

// stride walks the registered ring; in generation g of it a provider of
// (scaled) weight w is taken when it gains w of strideMax there. The heaviest
// candidate is taken in every generation, so two of them are always enough.
func (s *weighted) stride(p Pick) int {
	heaviest := uint64(0)
	for i := range p.Candidates {
		heaviest = max(heaviest, p.Candidates[i].e.effectiveWeight(p.now))
	}
	if heaviest == 0 {
		return drawByWeight(p, 0)
	}
	size := uint64(p.Size) //nolint:gosec // a count
	turn := s.step(p)
	for range 2 * p.Size {
		index, generation := turn%size, turn/size
		if at := position(p.Candidates, int(index)); at >= 0 { //nolint:gosec // below size
			w := p.Candidates[at].e.effectiveWeight(p.now) * strideMax / heaviest
			if mod := (w*generation + index*strideOffset) % strideMax; w > 0 && mod >= strideMax-w {
				return at
			}
		}
		if p.Dry {
			turn++
		} else {
			turn = s.turn.Add(1) - 1
		}
	}
	return drawByWeight(p, turn)
}

// position finds the candidate that was registered at index, or -1.
func position(candidates []Candidate, index int) int {
	if index < len(candidates) && candidates[index].Index == index {
		return index // nobody before it is absent
	}
	for i := min(index, len(candidates)-1); i >= 0; i-- {
		if candidates[i].Index == index {
			return i
		}
		if candidates[i].Index < index {
			return -1
		}
	}
	return -1
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
	w := uint64(max(e.weight.Load(), 0)) * weightScale //nolint:gosec // not negative
	if e.breaker.streak.word.Load() == 0 {
		return w
	}
	return w >> e.halvings(now)
}

func (e *endpoint) halvings(now int64) int64 {
	failures, _ := e.breaker.streak.counts()
	recovered := (now - e.lastFailure.Load()) / halvingMemory
	return min(max(int64(failures)-max(recovered, 0), 0), maxHalvings)
}
