package failover

import (
	"context"
	"sync/atomic"
)

// RoundRobin gives each provider its turn in the order of registration. The
// turn of one that is absent goes to the others in rotation, so that its
// neighbour is not given twice the load. It takes no lock.
func RoundRobin() Strategy { return &roundRobin{} }

type roundRobin struct{ turn atomic.Uint64 }

func (*roundRobin) bind(*core) Strategy { return &roundRobin{} }
func (*roundRobin) String() string      { return "round_robin" }

// Next returns whose turn it is; after a failure, the next in the ring.
func (s *roundRobin) Next(_ context.Context, p Pick) int {
	if p.Attempt > 0 && len(p.Tried) > 0 {
		return afterInRing(p.Candidates, p.Tried[len(p.Tried)-1])
	}
	turn := s.turn.Load()
	if p.Attempt == 0 && !p.Dry {
		turn = s.turn.Add(1) - 1
	}
	size := uint64(max(p.Size, 1)) //nolint:gosec // a count
	due := int(turn % size)        //nolint:gosec // below size
	if len(p.Candidates) == p.Size {
		return due
	}
	for i := range p.Candidates {
		if p.Candidates[i].Index == due {
			return i
		}
	}
	return int(turn / size % uint64(len(p.Candidates))) //nolint:gosec // below the number of candidates
}

// afterInRing returns the candidate that follows index in the ring.
func afterInRing(candidates []Candidate, index int) int {
	for i := range candidates {
		if candidates[i].Index > index {
			return i
		}
	}
	return 0
}
