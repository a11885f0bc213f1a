package vendorsim

import "sync"

// plan decides which request meets which fault.
type plan struct {
	mu     sync.Mutex
	queue  []Fault
	always Fault // of FailAlways
	choose func(Request) Fault
}

// Fail queues faults for the next requests, one each. [None] lets one pass.
func (s *Server) Fail(faults ...Fault) {
	s.plan.mu.Lock()
	defer s.plan.mu.Unlock()
	s.plan.queue = append(s.plan.queue, faults...)
}

// FailAlways lets every request that finds the queue empty meet fault.
func (s *Server) FailAlways(fault Fault) {
	s.plan.mu.Lock()
	defer s.plan.mu.Unlock()
	s.plan.always = fault
	s.plan.choose = func(Request) Fault { return fault }
}

// FailWhen asks choose about every request that finds the queue empty; it
// returns [None] for those that pass. It is called for one request at a time.
// [Reset] before reading cannot depend on a request: choose gets a zero
// Request for a new connection. Faults that strike before the body is read
// cannot be chosen so.
func (s *Server) FailWhen(choose func(Request) Fault) {
	s.plan.mu.Lock()
	defer s.plan.mu.Unlock()
	s.plan.always, s.plan.choose = None(), choose
}

// Flap lets good requests pass and then bad ones meet fault, over and over.
func (s *Server) Flap(good, bad int, fault Fault) {
	n := 0
	s.FailWhen(func(r Request) Fault {
		if r.Number == 0 {
			return None() // a connection, not a request
		}
		n++
		if (n-1)%max(1, good+bad) < good {
			return None()
		}
		return fault
	})
}

// Heal forgets all faults.
func (s *Server) Heal() {
	s.plan.mu.Lock()
	defer s.plan.mu.Unlock()
	s.plan.queue, s.plan.always, s.plan.choose = nil, None(), nil
}

// early is the fault whose turn it is, if that is before the body is read.
func (p *plan) early() (Fault, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) == 0 {
		return p.always, p.always.early
	}
	f := p.queue[0]
	if f.early {
		p.queue = p.queue[1:]
	}
	return f, f.early
}

func (p *plan) next(r Request) Fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		f := p.queue[0]
		p.queue = p.queue[1:]
		return f
	}
	if p.choose != nil {
		return p.choose(r)
	}
	return None()
}

// resetsNow says whether a new connection is to be reset at once, and if it
// is, takes that fault off the queue.
func (p *plan) resetsNow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.queue) > 0 {
		if !p.queue[0].onAccept {
			return false
		}
		p.queue = p.queue[1:]
		return true
	}
	return p.choose != nil && p.choose(Request{}).onAccept
}
