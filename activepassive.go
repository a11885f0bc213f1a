package failover

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
)

// ActivePassive tries providers in the order of registration: the first
// serves, the others stand by. [Router.SetPrimary] and [Router.SetFallbacks]
// change the order at run time. It is the default.
func ActivePassive() Strategy { return &activePassive{} }

type activePassive struct {
	mu   sync.Mutex            // held by SetPrimary and SetFallbacks
	rank atomic.Pointer[[]int] // by registration; nil: as registered
}

func (*activePassive) bind(*core) Strategy { return &activePassive{} }
func (*activePassive) String() string      { return "active_passive" }

// Next returns the candidate with the lowest rank.
func (s *activePassive) Next(_ context.Context, p Pick) int {
	rank := s.rank.Load()
	if rank == nil {
		return 0
	}
	best := 0
	for i := range p.Candidates {
		if (*rank)[p.Candidates[i].Index] < (*rank)[p.Candidates[best].Index] {
			best = i
		}
	}
	return best
}

// first is the position of the primary.
func (s *activePassive) first() int {
	if rank := s.rank.Load(); rank != nil {
		return slices.Index(*rank, 0)
	}
	return 0
}

// order returns the registration's positions, first choice first.
func (s *activePassive) order(n int) []int {
	order := make([]int, n)
	rank := s.rank.Load()
	for i := range order {
		if rank == nil {
			order[i] = i
		} else {
			order[(*rank)[i]] = i
		}
	}
	return order
}

func (s *activePassive) setOrder(order []int) {
	rank := make([]int, len(order))
	for place, i := range order {
		rank[i] = place
	}
	s.rank.Store(&rank)
}
