package failover

import (
	"context"
	"errors"
)

// runOnce is run for a request with side effects: at most once.
func (c *call[Req, Resp]) runOnce() (resp Resp, err error) {
	outer := c.scope != nil && c.scope.sideEffect
	c.operation = ""
	if c.scope != nil {
		c.operation = c.scope.operation
	}
	named := c.operation != "" && !outer && c.r.ops != nil
	if c.operation == "" {
		c.operation = newOperationID()
	}
	c.prefix = c.operation
	if outer && c.scope.attempt != "" {
		c.prefix = c.scope.attempt
	}
	if named {
		if err := c.r.ops.enter(c.operation, c.now, c.failsOver()); err != nil {
			var none Resp
			return none, err
		}
	}
	done := false
	defer func() {
		if c.r.ops != nil {
			c.endOperation(named, done && err == nil)
		}
	}()
	resp, err = c.run()
	done = true
	return resp, err
}

// endOperation keeps what is known of the operation.
func (c *call[Req, Resp]) endOperation(named, served bool) {
	now := c.r.now()
	switch {
	case served && named:
		c.r.ops.leave(c.operation, now, c.r.ends[c.records[len(c.records)-1].index].name, nil)
	case !served && c.uncertain > 0:
		c.r.ops.leave(c.operation, now, "", c.uncertainError())
	case named:
		c.r.ops.leave(c.operation, now, "", nil)
	}
}

// failsOver says whether the caller chose at-least-once.
func (c *call[Req, Resp]) failsOver() bool { return c.wish != nil && c.wish.failOver }

// tainted says that the operation may have taken effect and must not be tried
// again.
func (c *call[Req, Resp]) tainted() bool { return c.uncertain > 0 && !c.failsOver() }

// onceEffect runs an attempt with a side effect. If it panics or leaves after
// Do was entered, the operation is uncertain.
func (c *call[Req, Resp]) onceEffect(a *attempt[Req, Resp], index int, cancel context.CancelFunc) (Resp, next) {
	finished := false
	defer func() {
		if !finished && a.asked {
			if a.end == 0 {
				a.end = c.r.now()
			}
			if !a.done || len(c.records) < c.number {
				c.record(a, index)
			}
			c.taint(len(c.records) - 1)
		}
	}()
	a.run()
	if cancel != nil {
		cancel()
	}
	resp, next := c.decide(a, index)
	finished = true
	return resp, next
}

// afterEffect decides what follows a failed attempt with a side effect.
// Outcome comes first; the class only narrows it.
func (c *call[Req, Resp]) afterEffect(a *attempt[Req, Resp], index int) (Resp, next) {
	var none Resp
	at := len(c.records) - 1
	if a.reading.outcome == OutcomeUnknown {
		resp, outcome := c.findOut(a, index, at)
		switch outcome {
		case OutcomeAccepted:
			return resp, served
		case OutcomeNotAccepted:
			a.reading.outcome = OutcomeNotAccepted
			c.records[at].reading.outcome = OutcomeNotAccepted
		case OutcomeUnknown:
			return none, c.unknown(a, index, at)
		}
	}
	if c.tainted() {
		return none, stop
	}
	return none, c.afterFailure(&a.reading, index)
}

// findOut asks whoever may know what became of an attempt: a report that came
// before the answer, then the provider's Lookup.
func (c *call[Req, Resp]) findOut(a *attempt[Req, Resp], index, at int) (Resp, Outcome) {
	var none Resp
	if c.r.ops != nil {
		switch c.r.ops.reported(c.operation, a.e.name, c.now) {
		case OutcomeNotAccepted:
			return none, OutcomeNotAccepted
		case OutcomeAccepted:
			c.known = OutcomeAccepted
		case OutcomeUnknown:
		}
	}
	lookup := c.r.providers[index].Lookup
	if lookup == nil || c.over() {
		return none, OutcomeUnknown
	}
	limit := a.e.timeout
	if limit == 0 {
		limit = c.r.cfg.timeout
	}
	ctx, cancel := context.WithCancel(c.ctx)
	if limit > 0 {
		cancel()
		ctx, cancel = context.WithTimeoutCause(c.ctx, limit, ErrAttemptTimeout)
	}
	defer cancel()
	resp, err := lookup(ctx, c.req, c.attemptOf(&c.records[at]))
	c.now = c.r.now()
	switch {
	case err == nil:
		c.records[at].ok = true
		return resp, OutcomeAccepted
	case errors.Is(err, ErrNotFound) && c.known != OutcomeAccepted:
		return none, OutcomeNotAccepted
	default:
		return none, OutcomeUnknown
	}
}

// unknown is what follows an attempt that may have taken effect: one repeat
// where repeating is safe, the next provider if the caller chose so, or the
// end.
func (c *call[Req, Resp]) unknown(a *attempt[Req, Resp], index, at int) next {
	repeat := c.r.providers[index].Dedupes && !c.repeated && !c.over() && c.budgeted > 0 &&
		a.e.flags.Load() == 0 && !c.r.closed.Load()
	if repeat {
		c.repeated = true
		c.taintQuietly(at)
		if c.pay() {
			return again
		}
	}
	c.taint(at)
	if !c.failsOver() || c.over() || c.r.closed.Load() {
		return stop
	}
	if c.r.cfg.verdicts[a.reading.class].Next == NextProvider {
		return move
	}
	return stop
}

func (c *call[Req, Resp]) taintQuietly(at int) {
	if c.uncertain == 0 {
		c.uncertain = at + 1
	}
}

// taint marks the operation uncertain for good and tells of it.
func (c *call[Req, Resp]) taint(at int) {
	c.taintQuietly(at)
	if c.r.listening {
		c.r.emit(c.ctx, UncertainEvent{Origin: c.r.origin(), Attempt: c.attemptOf(&c.records[at])})
	}
}

// uncertainError is the story of an operation that may have taken effect.
func (c *call[Req, Resp]) uncertainError() *UncertainError {
	attempts := c.attempts()
	e := &UncertainError{
		Operation: c.operation, Attempts: attempts, Attempt: attempts[c.uncertain-1], Outcome: c.known,
	}
	if c.over() {
		e.ended = ended(c.ctx)
	}
	return e
}
