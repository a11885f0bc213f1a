package failover

import (
	"context"
	"math"
	"strconv"
	"time"
)

// errHedgeLost is the cause with which the loser of a hedge is cancelled.
const errHedgeLost = sentinel("another provider answered first")

// once makes one attempt at a provider that was admitted, and decides what
// follows.
func (c *call[Req, Resp]) once(index int, trial, forced bool) (Resp, next) {
	if h := c.r.cfg.hedge; h != nil && !forced && !c.sideEffect {
		if delay, ok := c.hedgeAfter(index); ok {
			return c.race(index, trial, delay)
		}
	}
	a := &c.att
	cancel := c.prepare(c.ctx, a, index, trial, forced)
	if cancel != nil {
		defer cancel() // for a panic; harmless twice
	}
	if c.sideEffect {
		return c.onceEffect(a, index, cancel)
	}
	a.run()
	if cancel != nil {
		cancel()
	}
	return c.decide(a, index)
}

// prepare fills in an attempt and its context, and counts it. The returned
// function, if any, releases the context.
func (c *call[Req, Resp]) prepare(
	parent context.Context, a *attempt[Req, Resp], index int, trial, forced bool,
) context.CancelFunc {
	r, e := c.r, c.r.ends[index]
	ready := false
	defer func() {
		if !ready {
			e.abandon(trial) // Cost, Supports or a strategy panicked
		}
	}()
	c.number++
	if c.repeating != index+1 {
		c.idNumber = c.idBase + c.number
	}
	c.repeating = 0
	c.budgeted--
	if c.borrowed != nil {
		c.borrowed.attempts.Add(-1)
	}
	at := &c.at[index]
	at.tries++
	if c.r.providers[index].Cost != nil {
		if cost, ok := c.costAt(index); ok {
			c.spend(e, cost)
		}
	}
	if a.dirty {
		a.forget()
	}
	a.dirty = true
	a.r, a.e, a.p, a.caller, a.ctx, a.req = r, e, &r.providers[index], c.ctx, parent, c.req
	a.start, a.number, a.trial, a.forced = c.now, c.number, trial, forced
	a.once, a.ends, a.timed = c.sideEffect, c.caller, c.story
	cancel := c.equip(parent, a, index)
	ready = true
	return cancel
}

// equip gives the attempt a context of its own where it needs one: for its
// time, or to carry its id or the router inward.
func (c *call[Req, Resp]) equip(parent context.Context, a *attempt[Req, Resp], index int) context.CancelFunc {
	a.extra = c.extraTime(index)
	limit, room := c.timeFor(index, a.extra)
	if a.p.open != nil {
		return c.equipStream(parent, a, time.Duration(limit), time.Duration(room))
	}
	var cancel context.CancelFunc
	if limit > 0 {
		a.ctx, cancel = context.WithTimeoutCause(parent, time.Duration(limit), ErrAttemptTimeout)
	}
	if limit > 0 || c.deadline > 0 || c.sideEffect || a.e.nested != nil {
		a.ctx, a.lent = c.enclose(a.ctx, a)
	}
	a.own = limit > 0
	return cancel
}

// enclose makes the context that the attempt's code sees, and what is lent to
// a router nested in it.
func (c *call[Req, Resp]) enclose(ctx context.Context, a *attempt[Req, Resp]) (context.Context, *allowance) {
	e := a.e
	ac := &attemptContext{Context: ctx}
	s := &ac.scope
	if c.scope != nil {
		*s = *c.scope
	}
	ac.frame = frame{core: c.r.core, outer: s.within, at: e}
	s.within = &ac.frame
	s.sideEffect, s.stops = c.sideEffect, c.sideEffect && !c.failsOver()
	if c.sideEffect {
		s.operation, s.attempt, s.rerun = c.operation, c.attemptID(), c.rerun
	}
	if e.nested != nil {
		ac.frame.live = a.live
		s.wishes = inward(s.wishes, c.r.cfg.name, e.name)
		if c.wish != nil && c.wish.capped {
			cost, _ := c.costAt(e.index)
			s.wishes = append(s.wishes, atMost(max(c.wish.maxCost-c.spent+cost, 0)))
		}
		ac.frame.lent = &allowance{}
		ac.frame.lent.attempts.Store(int64(c.budgeted) + 1)
	}
	return ac, ac.frame.lent
}

// takeStock counts what a nested router really used: its attempts but the one
// that was counted for it, and its cost in place of the estimate. It learns too
// whether the success may be the second.
func (c *call[Req, Resp]) takeStock(a *attempt[Req, Resp]) {
	if a.lent == nil {
		return
	}
	if more := c.budgeted - int(a.lent.attempts.Load()); more > 0 {
		c.budgeted -= more
		if c.borrowed != nil {
			c.borrowed.attempts.Add(int64(-more))
		}
	}
	if spent := a.lent.spent.load(); spent > 0 {
		estimate, ok := c.costAt(a.e.index)
		if !ok {
			estimate = 0
		}
		c.spend(a.e, spent-estimate)
	}
	c.murky = c.murky || a.lent.uncertain.Load()
	a.lent = nil
}

// spend adds to the cost of the call here and in the router around.
func (c *call[Req, Resp]) spend(e *endpoint, cost float64) {
	c.spent += cost
	e.stats.cost.add(cost)
	if c.borrowed != nil {
		c.borrowed.spent.add(cost)
	}
}

// timeFor is how long the attempt may take, 0 for as long as the caller's
// context lets it, and how long it could take at the most, 0 without a
// deadline.
//
// A repeatable request with a deadline leaves something for its successors:
// the next one's p90, 2 s while that is unknown, at most half of what remains.
// A side effect is not cut short for the sake of successors; it leaves time
// for Lookup only.
func (c *call[Req, Resp]) timeFor(index int, extra int64) (limit, room int64) {
	limit = int64(c.r.ends[index].timeout) + extra
	if c.deadline == 0 {
		return limit, 0
	}
	remaining := c.deadline - c.now
	room = remaining
	switch {
	case c.sideEffect:
		if c.r.providers[index].Lookup != nil {
			room -= min(int64(lookupReserve), remaining/2)
		}
	case c.budgeted > 0 && c.mayMove():
		if next := c.successor(index); next >= 0 {
			room -= min(c.r.ends[next].usually(), remaining/2)
		}
	}
	if limit == 0 || room < limit {
		limit = room
	}
	if limit >= remaining {
		return 0, room // the caller's own deadline comes first
	}
	return limit, room
}

// extraTime is what an attempt gets on top of its timeout.
func (c *call[Req, Resp]) extraTime(index int) int64 {
	timeout, extra := c.r.ends[index].timeout, c.r.providers[index].ExtraTime
	if extra == nil || timeout == 0 {
		return 0
	}
	return int64(min(max(extra(c.req), 0), math.MaxInt64-timeout))
}

// unknownLatency stands for the latency of a provider without history.
const unknownLatency = 2 * time.Second

// usually is the time in which most answers come.
func (e *endpoint) usually() int64 {
	if q, ok := e.stats.latencies(); ok {
		return int64(q.p90)
	}
	return int64(unknownLatency)
}

// successor is who would be asked after index, or -1.
func (c *call[Req, Resp]) successor(index int) int {
	state, tried := c.at[index].state, len(c.tried)
	c.at[index].state, c.tried = placeTried, append(c.tried, index)
	defer func() { c.at[index].state, c.tried = state, c.tried[:tried] }()
	for tier := tierReady; tier <= tierLast; tier++ {
		if more := c.gather(tier); len(c.cands) > 0 {
			return c.peek()
		} else if !more {
			break
		}
	}
	return -1
}

// decide records the attempt and says what follows.
func (c *call[Req, Resp]) decide(a *attempt[Req, Resp], index int) (Resp, next) {
	if a.refused {
		c.takeBack(a, index)
		var none Resp
		return none, move
	}
	if a.end > c.now {
		c.now = a.end
	}
	if a.lent != nil {
		c.takeStock(a)
	}
	if !a.ok || c.story {
		c.record(a, index)
	}
	if a.e.pending.Load() {
		c.r.flush(c.ctx, a.e)
	}
	if a.ok || a.live != nil && a.live.committed && c.over() {
		c.served(index)
	}
	if a.ok {
		if c.repeated && c.uncertain > 0 && c.records[c.uncertain-1].id == c.attemptID() {
			c.uncertain, c.untold = 0, 0 // the same attempt, repeated where that is safe
		}
		if c.hasRejected {
			c.keepRejected(-1, a.resp) // the better answer makes it superfluous
		}
		c.by = index
		return a.resp, served
	}
	c.note(a, index)
	if c.sideEffect {
		return c.afterEffect(a, index)
	}
	var none Resp
	if a.live != nil {
		return none, c.afterStream(a, index)
	}
	return none, c.afterFailure(&a.reading, index)
}

// served remembers who served the request. A stream that its caller ended
// early, as people do who interrupt, was served too.
func (c *call[Req, Resp]) served(index int) {
	if c.isSticky() {
		c.r.sticky.put(c.wish.sticky, index, c.now)
	}
	if len(c.records) > 0 && c.records[0].index != index {
		first := &c.records[0]
		c.r.noteSwitch(first.index, index, first.reading.class, c.now)
	}
}

// note keeps what a failed attempt says of its provider.
func (c *call[Req, Resp]) note(a *attempt[Req, Resp], index int) {
	at := &c.at[index]
	at.class, at.ready = a.reading.class, 0
	if a.reading.class == ClassRateLimited {
		wait := min(a.reading.retryAfter, c.r.cfg.maxCool)
		if wait == 0 {
			wait = aloneWait << min(at.tries-1, 6)
		}
		at.ready = max(c.now+int64(wait), c.r.ends[index].cool.until.Load())
	}
	if a.rejected {
		c.keepRejected(index, a.resp)
	}
}

// takeBack uncounts an attempt that the breaker did not let through.
func (c *call[Req, Resp]) takeBack(a *attempt[Req, Resp], index int) {
	at := &c.at[index]
	c.r.flush(c.ctx, a.e)
	c.number--
	c.budgeted++
	if c.borrowed != nil {
		c.borrowed.attempts.Add(1)
	}
	if at.costed {
		if cost, ok := c.costAt(index); ok {
			c.spend(a.e, -cost)
		}
	}
	at.tries--
	at.state = placePassed
}

func (c *call[Req, Resp]) record(a *attempt[Req, Resp], index int) {
	c.keep(a, index)
	if c.r.listening {
		last := &c.records[len(c.records)-1]
		c.r.emit(c.ctx, AttemptEvent{Origin: c.r.origin(), Attempt: c.attemptOf(last)})
	}
}

// keep is record without telling.
func (c *call[Req, Resp]) keep(a *attempt[Req, Resp], index int) {
	rec := record{
		index: index, number: a.number, start: a.start, end: max(a.end, a.start), ok: a.ok, hedge: a.hedge,
		reading: a.reading,
	}
	if a.live != nil {
		rec.items = a.live.items
		if a.live.began >= 0 {
			rec.first = max(a.live.began-a.start, 1)
		}
	}
	if c.sideEffect {
		rec.id = c.attemptID()
	}
	c.records = append(c.records, rec)
}

// keepRejected remembers the last answer that was refused and discards the one
// before. index is -1 to discard only.
func (c *call[Req, Resp]) keepRejected(index int, resp Resp) {
	if c.hasRejected {
		c.discard(c.rejecter, c.rejected)
	}
	c.hasRejected, c.rejecter = index >= 0, index
	if index >= 0 {
		c.rejected = resp
	}
}

// afterFailure applies the table to a repeatable attempt, or to one that
// certainly took no effect.
func (c *call[Req, Resp]) afterFailure(r *reading, index int) next {
	v := c.r.cfg.verdicts[r.class]
	switch {
	case c.over():
		return stop
	case r.fence && !c.failsOver():
		c.fenced = true
		return stop
	case c.r.closed.Load():
		return move // the loop ends there
	case v.Retry && c.retries(r, index):
		return again
	}
	if c.movesOn(r) {
		return move
	}
	return stop
}

// movesOn says whether the table allows another provider after a failure.
func (c *call[Req, Resp]) movesOn(r *reading) bool {
	switch c.r.cfg.verdicts[r.class].Next {
	case NextProvider:
		return true
	case NextSecondOpinion:
		if (r.status == 400 || r.status == 422) && !c.sideEffect && !c.invalid {
			c.invalid = true
			return true
		}
	case NextStop:
	}
	return false
}

// aloneWait is how long a provider that nobody can stand in for is given after
// a rate limit without a Retry-After; doubled for each further one.
const aloneWait = time.Second

// slowFailure: a failure slower than this is not repeated while another
// provider is ready.
const slowFailure = int64(time.Second)

// retries waits before the same provider is asked again, and reports whether
// it is worth it.
func (c *call[Req, Resp]) retries(r *reading, index int) bool {
	e, at := c.r.ends[index], &c.at[index]
	if r.final || c.budgeted <= 0 || !c.affords(index) || at.tries >= c.r.cfg.retry.attempts(true) {
		return false
	}
	others := c.mayMove() && c.ready(index) > 0
	if at.tries >= c.r.cfg.retry.attempts(!others) {
		return false
	}
	if r.class == ClassRateLimited {
		return c.outwait(at, r)
	}
	if e.flags.Load() != 0 {
		return false // it tripped, or was disabled meanwhile
	}
	last := &c.records[len(c.records)-1]
	if others && (r.status == 529 || r.retryAfter > 0 || last.end-last.start > slowFailure) {
		return false
	}
	if at.sched.b == nil {
		at.sched = newSchedule(&c.r.cfg.retry)
	}
	wait := max(at.sched.next(c.r.cfg.retry.Max), r.retryAfter)
	if !c.fits(int64(wait), e) || !c.pay() {
		return false
	}
	if c.sleep(int64(wait)) && e.flags.Load() == 0 {
		return true
	}
	c.refund()
	return false
}

// outwait waits out a short rate limit where WithRateLimitWait asks for it.
func (c *call[Req, Resp]) outwait(at *place, r *reading) bool {
	if c.r.cfg.rateWait == 0 || r.local {
		return false
	}
	wait := at.ready - c.now
	if wait <= 0 || wait > int64(c.r.cfg.rateWait) || !c.fits(wait, nil) || !c.pay() {
		return false
	}
	if c.sleep(wait) {
		return true
	}
	c.refund()
	return false
}

// fits says whether an attempt after the wait can still be answered in time.
func (c *call[Req, Resp]) fits(wait int64, e *endpoint) bool {
	if c.deadline == 0 {
		return wait <= int64(unlimitedWait)
	}
	needed := wait
	if e != nil {
		if q, ok := e.stats.latencies(); ok {
			needed += int64(q.p50)
		}
	}
	return c.now+needed < c.deadline
}

// pay takes a token here and in every router we are inside of.
func (c *call[Req, Resp]) pay() bool {
	if !c.r.budget.take() {
		return false
	}
	if c.scope == nil {
		return true
	}
	for f := c.scope.within; f != nil; f = f.outer {
		if f.core.budget.take() {
			continue
		}
		c.r.budget.untake()
		for g := c.scope.within; g != f; g = g.outer {
			g.core.budget.untake()
		}
		return false
	}
	return true
}

// refund gives back what pay took for an attempt that was not made after all.
func (c *call[Req, Resp]) refund() {
	c.r.budget.untake()
	if c.scope == nil {
		return
	}
	for f := c.scope.within; f != nil; f = f.outer {
		f.core.budget.untake()
	}
}

// attemptID names the attempt that is being made. The repeat of one keeps its
// id.
func (c *call[Req, Resp]) attemptID() string {
	return c.prefix + "." + strconv.Itoa(c.idNumber)
}

// Switch is the last time that requests began to be served by somebody else.
type Switch struct {
	From string    `json:"from"`
	To   string    `json:"to"`
	At   time.Time `json:"at"`
	// Class is how the provider they left had failed.
	Class Class `json:"class"`
}

// noteSwitch remembers a request that was served elsewhere than it was first
// sent, in two words, for it happens on the way of requests.
func (c *core) noteSwitch(from, to int, class Class, now int64) {
	word := uint64(from)<<32 | uint64(to)<<8 | uint64(class) //nolint:gosec // positions in a slice
	if c.switched.Load() != word {
		c.switched.Store(word)
	}
	touch(&c.switchedAt, max(now, 1))
}

func (c *core) lastSwitch() *Switch {
	at := c.switchedAt.Load()
	if at == 0 {
		return nil
	}
	word := c.switched.Load()
	return &Switch{
		From: c.ends[word>>32].name, To: c.ends[word>>8&0xffffff].name,
		Class: Class(word & 0xff), At: c.at(at),
	}
}

// lookupReserve is kept of the deadline for Lookup.
const lookupReserve = time.Second
