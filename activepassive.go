package failover

import (
	"context"
	"sync"
	"sync/atomic"
)

// ActivePassive tries providers in the order of registration: the first
// serves, the others stand by. [Router.SetPrimary] and [Router.SetFallbacks]
// change the order at run time. It is the default.
func ActivePassive() Strategy { return &activePassive{} }

type activePassive struct {
	mu    sync.Mutex            // held by SetPrimary and SetFallbacks
	order atomic.Pointer[[]int] // positions in the registration, the primary's first; nil: as registered
}

func (*activePassive) bind(*core) Strategy { return &activePassive{} }
func (*activePassive) String() string      { return "active_passive" }

// Next returns the candidate that stands first in the order.
func (s *activePassive) Next(_ context.Context, p Pick) int {
	if s.order.Load() == nil {
		return 0
	}
	for place := range p.Size {
		if at := position(p.Candidates, s.at(place)); at >= 0 {
			return at
		}
	}
	return 0
}

// at returns who stands at a place of the order, 0 being the primary.
func (s *activePassive) at(place int) int {
	if order := s.order.Load(); order != nil {
		return (*order)[place]
	}
	return place
}

// all returns the order of n providers.
func (s *activePassive) all(n int) []int {
	all := make([]int, n)
	for place := range all {
		all[place] = s.at(place)
	}
	return all
}
