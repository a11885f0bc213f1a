package failover

import (
	"context"
	"math"
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
	fenced   bool       // by an operation of a router inside; see reading.fence
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
		Value: resp, Attempts: c.attempts(), Cost: c.spent, Uncertain: err == nil && c.maybe(),
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
	c.fenced, c.by = false, 0
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

// pick returns the registration's position of the provider to try now, or -1.
func (c *call[Req, Resp]) pick() int {
	if c.due > 0 {
		index := c.due - 1
		c.due = 0
		return index
	}
	if c.budgeted <= 0 || c.noMore() {
		return -1
	}
	if c.r.inOrder != nil && c.wish == nil {
		if i := c.nextInOrder(); i >= 0 {
			return i
		}
	}
	for tier := tierReady; tier <= tierLast; tier++ {
		if more := c.gather(tier); len(c.cands) > 0 {
			return c.choose()
		} else if !more {
			break
		}
	}
	return c.force()
}

// nextInOrder is the usual case of the default strategy, which needs no
// candidates: the first one left that is in full service. It returns -1 if a
// better one, by order, is not in full service and has to be looked at.
func (c *call[Req, Resp]) nextInOrder() int {
	for place := range c.r.ends {
		i := c.r.inOrder.at(place)
		if c.at[i].state != placeOpen {
			continue
		}
		e := c.r.ends[i]
		if f := e.flags.Load(); f != 0 {
			if s := e.impaired(f, c.now); s.ok && s.tier == tierReady {
				return -1
			}
			continue
		}
		if c.suits(i, e) == "" {
			c.picks++
			return i
		}
	}
	return -1
}

// noMore says whether the call may not move on although somebody is left.
func (c *call[Req, Resp]) noMore() bool {
	if c.picks == 0 {
		return false
	}
	return c.tainted() || c.r.closed.Load() || (c.wish != nil && c.wish.noFailover && c.number > 0)
}

// gather collects who may serve the request in this tier; it reports whether a
// higher tier would find more.
func (c *call[Req, Resp]) gather(tier int) (more bool) {
	c.cands = c.cands[:0]
	for i, e := range c.r.ends {
		if c.at[i].state != placeOpen {
			continue
		}
		if f := e.flags.Load(); f != 0 {
			s := e.impaired(f, c.now)
			if !s.ok {
				continue
			}
			if s.trial && c.isSticky() {
				s.tier = tierLast // a conversation is no test
			}
			if s.tier > tier {
				more = true
				continue
			}
		}
		if c.suits(i, e) == "" {
			c.cands = append(c.cands, Candidate{Index: i, e: e, c: c})
		}
	}
	return more
}

func (c *call[Req, Resp]) isSticky() bool { return c.wish != nil && c.wish.sticky != "" }

// suits says why the provider cannot serve this very request, or "".
func (c *call[Req, Resp]) suits(i int, e *endpoint) Reason {
	if c.wish != nil {
		if !c.wish.allows(e.name) {
			return ReasonExcluded
		}
		if c.wish.capped {
			if _, ok := c.costAt(i); !ok {
				return ReasonUnknownCost
			}
			if !c.affords(i) {
				return ReasonTooExpensive
			}
		}
	}
	if p := &c.r.providers[i]; p.Supports != nil && !p.Supports(c.req) {
		return ReasonUnsupported
	}
	if e.limit != nil && !e.limit.ready() {
		return ReasonLimited
	}
	return ""
}

// affords says whether one more attempt at the provider stays within MaxCost.
// A cap that is the exact sum of the costs allows them, although the sum of
// their binary fractions may come out a little higher.
func (c *call[Req, Resp]) affords(i int) bool {
	if c.wish == nil || !c.wish.capped {
		return true
	}
	const rounding = 1e-9
	cost, ok := c.costAt(i)
	return ok && c.spent+cost <= c.wish.maxCost*(1+rounding)
}

// costAt estimates the request's cost at a provider, once per call.
func (c *call[Req, Resp]) costAt(index int) (float64, bool) {
	at, p := &c.at[index], &c.r.providers[index]
	if p.Cost == nil {
		return 0, false
	}
	if !at.costed {
		at.cost, at.costed = p.Cost(c.req), true
	}
	return at.cost, at.cost >= 0 && !math.IsInf(at.cost, 0)
}

// choose asks sticky, preference and strategy, in this order.
func (c *call[Req, Resp]) choose() int {
	at := -1
	if c.wish != nil {
		at = c.wished()
	}
	if at < 0 {
		at = c.strategy().Next(c.ctx, c.pickFor(false))
	}
	c.picks++
	if at < 0 || at >= len(c.cands) {
		return -1
	}
	return c.cands[at].Index
}

func (c *call[Req, Resp]) strategy() Strategy {
	if c.wish != nil && c.wish.optimize != nil {
		return scored{*c.wish.optimize}
	}
	return c.r.strategy
}

func (c *call[Req, Resp]) pickFor(dry bool) Pick {
	return Pick{
		Candidates: c.cands, Tried: c.tried, Attempt: c.picks, Dry: dry, Size: len(c.r.ends), now: c.now,
	}
}

// wished returns the candidate that a sticky key or a preference names, or -1.
func (c *call[Req, Resp]) wished() int {
	if c.wish.sticky != "" {
		if index, ok := c.r.sticky.get(c.wish.sticky, c.now); ok {
			if at := position(c.cands, index); at >= 0 {
				return at
			}
		}
	}
	for _, name := range c.wish.prefer {
		if index, ok := c.r.byName[head(name)]; ok {
			if at := position(c.cands, index); at >= 0 {
				return at
			}
		}
	}
	return -1
}

// forcedEvery is how often one request tries a provider whose breaker is open,
// while nobody else is left.
const forcedEvery = int64(time.Second)

// force returns the provider whose breaker opens soonest, when nothing was
// tried and everybody is shut out: one trial a second, so that a fault of ours
// does not outlast its repair.
func (c *call[Req, Resp]) force() int {
	c.forced = false
	if c.number > 0 {
		return -1
	}
	best := c.shutOut()
	last := c.r.lastForced.Load()
	if best < 0 || c.now-last < forcedEvery || !c.r.lastForced.CompareAndSwap(last, c.now) {
		return -1
	}
	c.forced = true
	c.picks++
	return best
}

// shutOut returns the provider whose breaker opens soonest, if nobody can be
// asked, or -1.
func (c *call[Req, Resp]) shutOut() int {
	best, soonest := -1, int64(math.MaxInt64)
	for i, e := range c.r.ends {
		if c.at[i].state != placeOpen || c.suits(i, e) != "" {
			continue
		}
		switch s := e.standing(c.now); s.reason {
		case ReasonOpen, ReasonAwaitingProbe:
			if s.until < soonest {
				best, soonest = i, s.until
			}
		case ReasonUnhealthy, ReasonRecovering, ReasonHalfOpen, "":
			if s.ok {
				return -1 // somebody can be asked, the strategy did not want to
			}
		default:
		}
	}
	return best
}

// ready counts the providers, other than index, that could be asked next.
func (c *call[Req, Resp]) ready(index int) int {
	n := 0
	for i, e := range c.r.ends {
		if i == index || c.at[i].state != placeOpen {
			continue
		}
		if s := e.standing(c.now); s.ok && c.suits(i, e) == "" {
			n++
		}
	}
	return n
}

// mayMove says whether a failure may be followed by another provider.
func (c *call[Req, Resp]) mayMove() bool { return c.wish == nil || !c.wish.noFailover }

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
		if next == move && at.state == placeOpen {
			at.state = placeTried
			c.tried = append(c.tried, index)
		}
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

// peek is who would be asked next of the present candidates, without counting,
// or -1 if the strategy would stop.
func (c *call[Req, Resp]) peek() int {
	p := c.pickFor(true)
	p.Attempt = max(p.Attempt, 1)
	at := -1
	if c.wish != nil {
		at = c.wished()
	}
	if at < 0 {
		at = c.strategy().Next(c.ctx, p)
	}
	if at < 0 || at >= len(c.cands) {
		return -1
	}
	return c.cands[at].Index
}

// pause waits, when nobody is left to ask, for what may make somebody ready:
// the end of a rate limit this call met, or any recovery if WithWait allows.
// It reports whether to look again.
func (c *call[Req, Resp]) pause() bool {
	if c.r.closed.Load() || c.budgeted <= 0 || c.tainted() {
		return false
	}
	if index, until := c.limited(); index >= 0 {
		if !c.worth(until, int64(unlimitedWait)) || !c.pay() {
			return false
		}
		if !c.sleep(until - c.now) {
			c.refund()
			return false
		}
		c.at[index].state = placeOpen
		c.due = index + 1
		return true
	}
	if c.number > 0 || c.sleepLeft <= 0 {
		return false
	}
	until := c.recovery()
	if until == math.MaxInt64 {
		return false
	}
	// Waiters that were told the same time do not come back together.
	until = max(until, c.now)
	until += int64(jitter(min(waiterSpread, c.room(until))))
	began := c.now
	ok := c.sleepUntil(until, c.sleepLeft)
	c.sleepLeft -= c.now - began
	if ok {
		c.reopen()
	}
	return ok
}

// room is how much later than until a call may still come back.
func (c *call[Req, Resp]) room(until int64) time.Duration {
	last := c.now + c.sleepLeft
	if c.deadline > 0 {
		last = min(last, c.deadline-1)
	}
	return time.Duration(last - until)
}

const (
	// unlimitedWait is how long a call without a deadline waits for a rate
	// limit.
	unlimitedWait = 10 * time.Second
	// waiterSpread spreads the waiters of WithWait.
	waiterSpread = 50 * time.Millisecond
	// busyPoll is when to look again at a provider whose readiness has no
	// time: a trial running, a local limit.
	busyPoll = 25 * time.Millisecond
)

// reopen lets providers that could not be admitted be picked again.
func (c *call[Req, Resp]) reopen() {
	for i := range c.at {
		if c.at[i].state == placePassed {
			c.at[i].state = placeOpen
		}
	}
}

// limited returns the provider whose rate limit, met by this call, ends first
// and which may be asked once more.
func (c *call[Req, Resp]) limited() (index int, until int64) {
	index, until = -1, math.MaxInt64
	for i := range c.at {
		at := &c.at[i]
		if at.state != placeTried || at.class != ClassRateLimited || at.tries >= c.r.cfg.retry.attempts(true) || !c.affords(i) {
			continue
		}
		if f := c.r.ends[i].flags.Load(); f&(flagDisabled|flagDrained) != 0 || !c.r.cfg.verdicts[ClassRateLimited].Retry {
			continue
		}
		if ready := max(at.ready, c.standingUntil(i)); ready < until {
			index, until = i, ready
		}
	}
	return index, until
}

func (c *call[Req, Resp]) standingUntil(i int) int64 { return c.r.ends[i].standing(c.now).until }

// recovery is when the first provider that suits the request may be ready.
func (c *call[Req, Resp]) recovery() int64 {
	soonest := int64(math.MaxInt64)
	for i, e := range c.r.ends {
		reason := c.suits(i, e)
		if c.at[i].state == placeTried || (reason != "" && reason != ReasonLimited) {
			continue
		}
		s := e.standing(c.now)
		switch {
		case s.reason == ReasonDisabled || s.reason == ReasonDrained:
		case s.until > c.now:
			soonest = min(soonest, s.until)
		default:
			soonest = min(soonest, c.now+int64(busyPoll))
		}
	}
	return soonest
}

// sleepUntil waits, at most longest, and reports whether it did.
func (c *call[Req, Resp]) sleepUntil(until, longest int64) bool {
	return c.worth(until, longest) && c.sleep(until-c.now)
}

// worth says whether a wait is short enough: one that cannot finish before the
// deadline is not begun.
func (c *call[Req, Resp]) worth(until, longest int64) bool {
	if c.deadline > 0 {
		if until >= c.deadline {
			return false
		}
		if longest == int64(unlimitedWait) {
			return true // the deadline bounds it
		}
	}
	return until-c.now <= longest
}

// sleep ends with the context, or when the router is closed.
func (c *call[Req, Resp]) sleep(d int64) bool {
	c.waited = true
	if d > 0 {
		until := c.now + d
		timer := time.NewTimer(time.Duration(d))
		select {
		case <-timer.C:
			// An attempt that took no time, in fake time, ends a nanosecond
			// ahead of the clock.
			c.now = max(c.r.now(), until)
		case <-c.ctx.Done():
			timer.Stop()
			c.now = c.r.now()
		case <-c.r.life.Done():
			timer.Stop()
			c.now = c.r.now()
		}
	}
	return !c.over() && !c.r.closed.Load()
}

// over says whether the caller's context has ended.
func (c *call[Req, Resp]) over() bool {
	return c.caller && (c.ctx.Err() != nil || (c.deadline > 0 && c.now >= c.deadline))
}

// fail makes the error of a request that nobody served.
func (c *call[Req, Resp]) fail() (Resp, error) {
	var none Resp
	err := c.failure()
	if c.hasRejected {
		if _, ok := err.(*AllFailedError); ok && c.r.cfg.acceptLast { //nolint:errorlint // it was just made
			c.by = c.rejecter
			return c.rejected, nil
		}
		if e, ok := err.(*AllFailedError); ok { //nolint:errorlint // it was just made
			e.rejected = box[Resp]{c.rejected}
		} else {
			c.discard(c.rejecter, c.rejected)
		}
	}
	if c.r.listening {
		c.r.emit(c.ctx, ExhaustedEvent{Origin: c.r.origin(), Err: err})
	}
	return none, err
}

func (c *call[Req, Resp]) failure() error {
	switch {
	case c.maybe():
		return c.uncertainError()
	case c.fenced:
		return routerError(c.records[len(c.records)-1].reading.err)
	case c.over():
		return &CanceledError{Attempts: c.attempts(), ended: ended(c.ctx)}
	case c.number > 0:
		return &AllFailedError{
			Attempts: c.attempts(), Skipped: c.skipped(), Closed: c.r.closed.Load() && !c.stopped, Stopped: c.refused(),
		}
	case c.r.closed.Load():
		return ErrClosed
	default:
		skipped := c.skipped()
		return &NoneAvailableError{RetryAt: earliest(skipped), Skipped: skipped}
	}
}

// refused says that what a provider said of the request ended it.
func (c *call[Req, Resp]) refused() bool {
	return c.stopped || (c.invalid && c.records[len(c.records)-1].reading.class == ClassInvalid)
}

func earliest(skipped []Skip) time.Time {
	var first time.Time
	for _, s := range skipped {
		if !s.Until.IsZero() && (first.IsZero() || s.Until.Before(first)) {
			first = s.Until
		}
	}
	return first
}

// skipped explains why the providers that were not tried were not.
func (c *call[Req, Resp]) skipped() []Skip {
	var skips []Skip
	for i, e := range c.r.ends {
		if c.at[i].tries > 0 {
			continue
		}
		skips = append(skips, c.explain(i, e))
	}
	return skips
}

func (c *call[Req, Resp]) explain(i int, e *endpoint) Skip {
	skip := Skip{Provider: e.name, Reason: c.suits(i, e)}
	if skip.Reason != "" && skip.Reason != ReasonLimited {
		return skip
	}
	s := e.standing(c.now)
	if !s.ok {
		skip.Reason, skip.Class = s.reason, s.class
		if s.until > 0 {
			skip.Until = c.r.at(s.until)
		}
	}
	if skip.Reason == "" {
		skip.Reason = ReasonNotChosen
		if c.at[i].state == placePassed {
			skip.Reason = ReasonHalfOpen // its only trial went to somebody else
		}
	}
	return skip
}

// attempts makes the story of the records.
func (c *call[Req, Resp]) attempts() []Attempt {
	if len(c.records) == 0 {
		return nil
	}
	list := make([]Attempt, len(c.records))
	for i := range c.records {
		list[i] = c.attemptOf(&c.records[i])
	}
	return list
}

func (c *call[Req, Resp]) attemptOf(rec *record) Attempt {
	name := c.r.ends[rec.index].name
	a := Attempt{
		Provider: name, Operation: c.operation, ID: rec.id, Number: rec.number, Hedge: rec.hedge,
		Start: c.r.at(rec.start), Duration: time.Duration(rec.end - rec.start), Outcome: rec.reading.outcome,
	}
	if rec.ok {
		a.Outcome = OutcomeAccepted
		return a
	}
	a.Err = rec.reading.toError(name)
	a.Inner = innerAttempts(rec.reading.err, name)
	return a
}

// discard hands an answer that nobody gets to its provider's Discard.
func (c *call[Req, Resp]) discard(index int, resp Resp) {
	c.r.providers[index].discard(resp)
}
