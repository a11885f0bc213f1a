package failover

import (
	"context"
	"time"
)

// call is one request on its way through a router. Calls are pooled; nothing
// in one may be used after Do has returned, so hedges work on copies.
type call[Req, Resp any] struct {
	r      *Router[Req, Resp]
	ctx    context.Context //nolint:containedctx // lives as long as Do
	req    Req
	scope  *scope
	wish   *wishes // nil: none
	caller bool    // ctx can end
	story  bool    // the successful attempt is to be recorded too

	sideEffect bool
	operation  string
	prefix     string // of attempt ids
	begun      int64
	now        int64
	deadline   int64 // since the epoch; 0: none

	cands    []Candidate
	tried    []int
	at       []place // by registration
	records  []record
	picks    int
	number   int // attempts begun
	forced   bool
	stopped  bool
	outrun   bool       // who was asked first lost to the stream of its hedge, so it can still take over
	fenced   bool       // by an operation of a router inside; see reading.fence
	murky    bool       // a router inside did it, and may have done it before that
	by       int        // who answered
	budgeted int        // attempts still allowed
	borrowed *allowance // from the router around this one

	spent       float64
	waited      bool
	sleepLeft   int64           // of WithWait
	invalid     bool            // one vendor refused the request; a second opinion is out
	uncertain   int             // 1 + index of the first uncertain record
	untold      int             // 1 + index of an uncertain record that no event was made of yet
	before      *UncertainError // of an earlier run of the operation
	repeated    bool            // the one repeat at a provider that dedupes was made
	repeating   int             // 1 + index of the provider that is to get it
	idNumber    int             // of the attempt's id
	idBase      int             // attempts of earlier runs
	rerun       bool            // there were earlier runs
	due         int             // 1 + index of a provider whose rate limit was waited for
	known       Outcome
	rejected    Resp
	rejecter    int
	hasRejected bool

	att attempt[Req, Resp]
}

// place is what a call knows of one provider.
type place struct {
	tries  int
	state  placeState
	class  Class
	ready  int64 // when its rate limit of this call is over
	cost   float64
	costed bool
	sched  schedule
}

type placeState uint8

const (
	placeOpen   placeState = iota // may be picked
	placePassed                   // could not be admitted just now
	placeTried                    // done with
)

// record is an attempt as the call keeps it: errors are made of it only when
// somebody looks.
type record struct {
	index      int
	number     int
	start, end int64
	first      int64 // how long a stream took to its first content
	items      int   // of a stream, delivered
	id         string
	ok         bool
	hedge      bool
	reading    reading
}

func newCall[Req, Resp any](r *Router[Req, Resp]) *call[Req, Resp] {
	n := len(r.ends)
	return &call[Req, Resp]{
		r: r, cands: make([]Candidate, 0, n), tried: make([]int, 0, n), at: make([]place, n),
		records: make([]record, 0, 4),
	}
}

// Do serves the request with one of the providers and returns the first good
// answer. It returns
//
//   - [AllFailedError] when every provider that could be asked failed, or one
//     refused the request itself,
//   - [NoneAvailableError] when none could be asked,
//   - [CanceledError] when ctx ended first, within milliseconds of it,
//   - [UncertainError] when a side effect may have happened,
//   - [DuplicateError] for an [Operation] that was begun before,
//   - [ErrClosed] after Close, [ErrReentered] from inside an attempt of the
//     same router, and a plain error for a wish that cannot be.
//
// With side effects, an attempt that was accepted although its answer could not
// be read ([OutcomeAccepted]) is a success: Do returns nil and whatever the
// provider returned, which may be the zero Resp.
func (r *Router[Req, Resp]) Do(ctx context.Context, req Req) (Resp, error) {
	c := r.calls.Get().(*call[Req, Resp]) //nolint:forcetypeassert // it makes nothing else
	resp, err := c.do(ctx, req)
	c.release()
	return resp, err
}

// Result is an answer with its story.
type Result[Resp any] struct {
	// Value is the answer.
	Value Resp
	// Provider is who gave it.
	Provider string
	// Attempts are all that were made, the failed ones first.
	Attempts []Attempt
	// Uncertain says that an attempt before the successful one may have taken
	// effect too; possible only with OnUncertain(FailOver).
	Uncertain bool
	// Cost is the sum of the estimated costs of all attempts.
	Cost float64
	// Duration is how long it took from the call to the answer.
	Duration time.Duration
}

// Route is [Router.Do] with the story. The result has the attempts in case of
// an error too.
func (r *Router[Req, Resp]) Route(ctx context.Context, req Req) (Result[Resp], error) {
	c := r.calls.Get().(*call[Req, Resp]) //nolint:forcetypeassert // it makes nothing else
	c.story = true
	resp, err := c.do(ctx, req)
	result := Result[Resp]{
		Value: resp, Attempts: c.attempts(), Cost: c.spent, Uncertain: err == nil && (c.maybe() || c.murky),
		Duration: time.Duration(r.now() - c.begun),
	}
	if err == nil {
		result.Provider = r.ends[c.by].name
	}
	c.release()
	return result, err
}

// release forgets the request and returns the call to the pool. A call that a
// panic left behind is not returned.
func (c *call[Req, Resp]) release() {
	var noReq Req
	var noResp Resp
	c.ctx, c.req, c.scope, c.wish, c.borrowed = nil, noReq, nil, nil, nil
	c.rejected, c.hasRejected, c.story, c.before = noResp, false, false, nil
	clear(c.records)
	c.records, c.tried = c.records[:0], c.tried[:0]
	c.att.forget()
	c.r.calls.Put(c)
}

func (c *call[Req, Resp]) do(ctx context.Context, req Req) (Resp, error) {
	c.ctx, c.req = ctx, req
	if err := c.begin(); err != nil {
		var none Resp
		return none, err
	}
	if !c.sideEffect {
		return c.run()
	}
	return c.runOnce()
}

func (c *call[Req, Resp]) run() (Resp, error) {
	for {
		index := c.pick()
		if index < 0 {
			if c.pause() {
				continue
			}
			return c.fail()
		}
		resp, next := c.serveAfter(index)
		switch next {
		case served:
			return resp, nil
		case stop:
			c.stopped = true
			return c.fail()
		case move, again: // serve has done the repeating
		}
	}
}

// begin reads clock, context and wishes.
func (c *call[Req, Resp]) begin() error {
	r := c.r
	c.now = r.now()
	c.begun = c.now
	clear(c.at)
	c.picks, c.number = 0, 0
	c.spent, c.waited, c.invalid, c.forced, c.stopped = 0, false, false, false, false
	c.fenced, c.outrun, c.murky, c.by = false, false, false, 0
	c.uncertain, c.known, c.budgeted = 0, OutcomeUnknown, r.cfg.attempts
	c.untold, c.before, c.repeated, c.repeating, c.idNumber, c.idBase, c.rerun, c.due = 0, nil, false, 0, 0, 0, false, 0
	c.story = c.story || r.listening || r.sideEffect
	c.sideEffect, c.operation, c.prefix, c.deadline = r.sideEffect, "", "", 0
	c.sleepLeft = int64(r.cfg.wait)
	c.caller = c.ctx.Done() != nil
	if r.closed.Load() {
		return ErrClosed
	}
	if c.caller {
		if c.ctx.Err() != nil {
			return &CanceledError{ended: ended(c.ctx)}
		}
		if at, ok := c.ctx.Deadline(); ok {
			c.deadline = max(int64(at.Sub(r.epoch)), 1)
			if c.deadline <= c.now {
				return &CanceledError{ended: ended(c.ctx)}
			}
		}
	}
	if c.scope = scopeOf(c.ctx); c.scope != nil {
		return c.enter()
	}
	return nil
}

// enter takes over what came in the context.
func (c *call[Req, Resp]) enter() error {
	s := c.scope
	for f := s.within; f != nil; f = f.outer {
		if f.core == c.r.core {
			return ErrReentered
		}
	}
	c.sideEffect = c.sideEffect || s.sideEffect
	c.story = c.story || c.sideEffect
	if s.within != nil && s.within.lent != nil {
		c.borrowed = s.within.lent
		c.budgeted = min(c.budgeted, int(c.borrowed.attempts.Load()))
	}
	if len(s.wishes) == 0 {
		return nil
	}
	w, err := collect(s.wishes, c.r.cfg.name)
	if err == nil {
		err = w.check(c.r.core)
	}
	if err != nil {
		return &refusal{err}
	}
	c.wish = w
	return nil
}

// next is what follows an attempt.
type next uint8

const (
	served next = iota // answered
	move               // to another provider
	again              // the same provider, now
	stop               // the request is over
)

// serveAfter is serve for a call that may hold an answer which Validate
// refused: nobody gets it if a later provider's code panics.
func (c *call[Req, Resp]) serveAfter(index int) (Resp, next) {
	if !c.hasRejected {
		return c.serve(index)
	}
	returned := false
	defer func() {
		if !returned {
			c.discard(c.rejecter, c.rejected)
		}
	}()
	resp, next := c.serve(index)
	returned = true
	return resp, next
}

// serve makes attempts at one provider until it has answered, is done with, or
// the request is over.
func (c *call[Req, Resp]) serve(index int) (Resp, next) {
	e, at := c.r.ends[index], &c.at[index]
	forced := c.forced
	c.forced = false
	for {
		trial, ok := e.admit(c.now, forced)
		if !ok {
			at.state = placePassed
			var none Resp
			return none, move
		}
		if c.r.listening {
			c.announce(index, trial)
		}
		resp, next := c.once(index, trial, forced)
		if next == again {
			continue
		}
		if next == move && at.state == placeOpen && !c.outrun {
			at.state = placeTried
			c.tried = append(c.tried, index)
		}
		c.outrun = false
		return resp, next
	}
}

// announce tells of a failover to a provider that was just admitted.
func (c *call[Req, Resp]) announce(to int, trial bool) {
	last := len(c.records) - 1
	if last < 0 || c.records[last].index == to {
		return
	}
	from := c.r.ends[c.records[last].index].name
	c.tell(c.r.ends[to], trial, FailoverEvent{
		Origin: c.r.origin(), From: from, To: c.r.ends[to].name, Err: c.records[last].reading.toError(from),
	})
}

// tell emits an event between admission and attempt. If the observer panics,
// what was admitted is given back.
func (c *call[Req, Resp]) tell(e *endpoint, trial bool, ev Event) {
	told := false
	defer func() {
		if !told {
			e.abandon(trial)
		}
	}()
	c.r.emit(c.ctx, ev)
	told = true
}
