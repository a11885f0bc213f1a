package failover

import (
	"context"
	"slices"
	"time"
)

// streaming is one stream on its way through a router: what the engine takes
// for the request. Only the consumer's goroutine changes it.
type streaming[Req, T any] struct {
	r      *StreamRouter[Req, T]
	req    Req
	yield  func(T, error) bool
	result *StreamResult
	begun  int64
	story  bool // somebody will look at the result

	items       int // delivered, markers apart
	keeps       bool
	got         []T // delivered since the last restart, if kept
	irrevocable bool
	left        bool  // the consumer left its loop: it must hear nothing more
	outer       *live // of the router around this one; nil: there is none

	interrupt bool              // it broke off after something was delivered
	first     *Error            // how, the first time
	resumes   []resumption[Req] // by provider, since it broke off
}

// resumption is what a provider can make of what was delivered.
type resumption[Req any] struct {
	asked   bool
	ok      bool
	refused bool // by the provider itself
	req     Req
}

// streamed is a streaming of any type.
type streamed interface {
	interrupted(err *Error)
	resumable(index int) bool
	refuse(index int) bool
	failure(attempts []Attempt, err error) error
}

// run serves the stream.
func (s *streaming[Req, T]) run(ctx context.Context, story bool) {
	r := s.r.router
	c := r.calls.Get().(*call[*streaming[Req, T], []T]) //nolint:forcetypeassert // it makes nothing else
	c.story, s.story = story, story
	if scope := scopeOf(ctx); scope != nil && scope.within != nil {
		s.outer = scope.within.live
	}
	if story {
		s.begun = r.now()
	}
	held, err := c.do(ctx, s)
	if story {
		s.result.Attempts, s.result.Cost = c.attempts(), c.spent
		s.result.Duration, s.result.Err = time.Duration(r.now()-s.begun), err
		if err == nil && len(held) > 0 {
			s.result.Provider = r.ends[c.by].name
		}
	}
	c.release()
	for _, item := range held { // refused, and accepted for want of a better one
		if s.result.Items++; !s.yield(item, nil) {
			return
		}
	}
	if err != nil && !s.left {
		var none T
		s.yield(none, err)
	}
}

// begin notes who delivers now.
func (s *streaming[Req, T]) begin(f *flow[Req, T]) {
	result := s.result
	result.Provider = f.p.Name
	if s.story && result.FirstContent == 0 {
		result.FirstContent = time.Duration(max(s.r.now()-s.begun, 1))
	}
	switch f.mode {
	case modeContinue:
		result.Continued++
	case modeRestart:
		result.Restarted++
	case modeFresh, modeNone:
	}
}

// restart notes that the consumer is told to forget what came before, and
// tells the router around.
func (s *streaming[Req, T]) restart() {
	s.got = nil // a new slice: Continue may have kept the old one
	if s.outer != nil {
		s.outer.restarts = true
	}
}

// count notes an item that is being delivered.
func (s *streaming[Req, T]) count(f *flow[Req, T], item *T) {
	s.items++
	s.result.Items = s.items
	if s.keeps {
		s.keep(item)
	}
	if f.p.Irrevocable != nil && f.p.Irrevocable(*item) {
		s.irrevocable = true
	}
}

// keep remembers a delivered item for a continuation, while there are not too
// many.
func (s *streaming[Req, T]) keep(item *T) {
	most := s.r.cfg.deliveredCap
	switch {
	case most == 0: // the request knows without them
	case len(s.got) >= most:
		s.keeps, s.got = false, nil
	default:
		s.got = append(s.got, *item)
	}
}

// interrupted notes that the stream broke off.
func (s *streaming[Req, T]) interrupted(err *Error) {
	s.interrupt = true
	if s.first == nil {
		s.first = err
	}
	clear(s.resumes)
}

func (s *streaming[Req, T]) mayRestart() bool {
	return s.r.cfg.does(Restart) && !s.irrevocable
}

// resumable says whether the provider can take over.
func (s *streaming[Req, T]) resumable(index int) bool {
	return s.mayRestart() || s.mayContinue(index)
}

// mayContinue says whether the provider can be asked for the rest.
func (s *streaming[Req, T]) mayContinue(index int) bool {
	p := &s.r.providers[index]
	if !s.keeps || p.Continue == nil {
		return false
	}
	if s.resumes == nil {
		s.resumes = make([]resumption[Req], len(s.r.providers))
	}
	at := &s.resumes[index]
	if !at.asked {
		at.asked = true
		at.req, at.ok = p.Continue(s.req, slices.Clip(s.got))
	}
	return at.ok && !at.refused
}

// modeAt is how the provider would take over: by the first action of the
// policy that is possible there.
func (s *streaming[Req, T]) modeAt(index int) mode {
	if !s.interrupt {
		return modeFresh
	}
	for _, action := range s.r.cfg.interrupted {
		switch {
		case action == Continue && s.mayContinue(index):
			return modeContinue
		case action == Restart && s.mayRestart():
			return modeRestart
		}
	}
	return modeNone
}

// reqFor is the request for the provider.
func (s *streaming[Req, T]) reqFor(index int, m mode) Req {
	if m == modeContinue {
		return s.resumes[index].req
	}
	return s.req
}

// refuse notes that a provider does not continue, and says whether it can be
// asked to restart.
func (s *streaming[Req, T]) refuse(index int) bool {
	s.resumes[index].refused = true
	return s.mayRestart()
}

// failure is the error of a stream that was not whole.
func (s *streaming[Req, T]) failure(attempts []Attempt, err error) error {
	if s.items == 0 {
		return err
	}
	e := &InterruptedError{Provider: s.result.Provider, Err: s.first, Items: s.items, Attempts: attempts}
	if s.first != nil {
		e.Provider = s.first.Provider
	}
	switch end := err.(type) { //nolint:errorlint // the engine has just made it
	case *CanceledError:
		e.ended = err
	case *AllFailedError:
		if end.Closed {
			e.ended = ErrClosed
		}
	}
	if s.keeps && s.r.cfg.deliveredCap > 0 {
		e.delivered = box[[]T]{s.got}
	}
	return e
}
