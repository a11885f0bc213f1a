package failover

import (
	"context"
	"sync/atomic"
)

// RoundRobin gives each provider its turn in the order of registration, those
// skipped that cannot serve. It takes no lock. After a failure, the next
// provider in the ring is asked, which takes nobody's turn away.
func RoundRobin() Strategy { return &roundRobin{} }

type roundRobin struct{ turns rotation }

func (*roundRobin) bind(*core) Strategy { return &roundRobin{} }
func (*roundRobin) String() string      { return "round_robin" }

// Next returns whose turn it is; after a failure, the next in the ring.
func (s *roundRobin) Next(_ context.Context, p Pick) int {
	if len(p.Candidates) < 2 {
		return 0
	}
	if p.Attempt > 0 && len(p.Tried) > 0 {
		return afterInRing(p.Candidates, p.Tried[len(p.Tried)-1])
	}
	turn := s.turns.of(p)
	return int(turn.next(p) % uint64(len(p.Candidates))) //nolint:gosec // below the number of candidates
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

// rotation counts turns, apart for each set of candidates. With one counter
// for all, requests that only some providers can serve would use up the turns
// of the others: two kinds of request in strict alternation would each see
// every other turn only, and a provider whose turns are the ones in between
// would get nothing.
type rotation struct {
	turns [1 + 1<<setBits]turn // the first for the full set, the usual one
}

// setBits is how many bits of a set's hash choose its counter. Sets that
// happen to share one still get even shares together.
const setBits = 4

// of returns the counter for the candidates of p.
func (r *rotation) of(p Pick) *turn {
	if len(p.Candidates) == p.Size {
		return &r.turns[0]
	}
	hash := uint64(0)
	for i := range p.Candidates {
		hash = (hash + uint64(p.Candidates[i].Index) + 1) * 0x9e3779b97f4a7c15 //nolint:gosec // a position; 2^64 over the golden ratio
	}
	return &r.turns[1+hash>>(64-setBits)]
}

// turn is one counter.
type turn struct{ n atomic.Uint64 }

// next takes the next number, or only looks at it if p is not to count.
func (t *turn) next(p Pick) uint64 {
	if p.Dry || p.Attempt > 0 {
		return t.n.Load()
	}
	return t.n.Add(1) - 1
}
