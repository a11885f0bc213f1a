package failover

import (
	"context"
	"errors"
	"slices"
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
		known, err := c.r.ops.enter(c.operation, c.now, c.failsOver())
		if err != nil {
			return resp, err
		}
		c.before, c.idBase, c.rerun = known.uncertain, known.made, known.begun()
	}
	if outer {
		c.rerun = c.scope.rerun
	}
	done := false
	defer func() {
		if c.r.ops != nil {
			c.endOperation(named, done && err == nil)
		}
	}()
	resp, err = c.run()
	done = true
	c.tellUncertain()
	if err == nil && c.borrowed != nil && (c.maybe() || c.murky) {
		c.borrowed.uncertain.Store(true)
	}
	return resp, err
}

// endOperation keeps what is known of the operation.
func (c *call[Req, Resp]) endOperation(named, served bool) {
	if !named && c.uncertain == 0 {
		return
	}
	end := ending{made: c.number}
	if served {
		end.accepted = c.r.ends[c.records[len(c.records)-1].index].name
	}
	if c.uncertain > 0 {
		end.uncertain = c.uncertainError()
		end.open = unsettled(nil, c.attempts())
		end.settles = func(path string) bool {
			i, ok := c.r.byName[path]
			return ok && c.sole(i)
		}
	}
	c.r.ops.leave(c.operation, c.r.now(), end)
}

// failsOver says whether the caller chose at-least-once, here and in every
// router around this one.
func (c *call[Req, Resp]) failsOver() bool {
	return c.wish != nil && c.wish.failOver && !(c.scope != nil && c.scope.stops)
}

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
				c.keep(a, index)
			}
			// First of all, for the observer, told next, may panic too.
			c.taintQuietly(len(c.records) - 1)
			c.tellUncertain()
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
			if c.sole(index) {
				return none, OutcomeNotAccepted
			}
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
		if c.isSticky() {
			c.r.sticky.put(c.wish.sticky, index, c.now)
		}
		return resp, OutcomeAccepted
	case errors.Is(err, ErrNotFound) && c.known != OutcomeAccepted:
		return none, OutcomeNotAccepted
	default:
		return none, OutcomeUnknown
	}
}

// sole says whether the operation was given to the provider once only. A report
// names no attempt: of several, it may speak of an earlier one.
func (c *call[Req, Resp]) sole(index int) bool { return c.at[index].tries == 1 && !c.rerun }

// unknown is what follows an attempt that may have taken effect: one repeat
// where repeating is safe, the next provider if the caller chose so, or the
// end.
func (c *call[Req, Resp]) unknown(a *attempt[Req, Resp], index, at int) next {
	c.taintQuietly(at)
	if c.over() || c.r.closed.Load() || c.known == OutcomeAccepted {
		c.tellUncertain()
		return stop
	}
	// What is nested did its own repeating, where it is safe.
	repeat := c.r.providers[index].Dedupes && !c.repeated && a.e.nested == nil && c.budgeted > 0 && a.e.flags.Load() == 0 &&
		c.affords(index)
	if repeat && c.pay() {
		c.repeated, c.repeating = true, index+1
		return again
	}
	c.tellUncertain()
	if c.failsOver() && c.r.cfg.verdicts[a.reading.class].Next == NextProvider {
		return move
	}
	return stop
}

// taintQuietly marks the operation uncertain for good; a repeat, where that is
// safe, may still clear it.
func (c *call[Req, Resp]) taintQuietly(at int) {
	c.untold = at + 1
	if c.uncertain == 0 {
		c.uncertain = at + 1
	}
}

// tellUncertain tells of the latest attempt with an unknown outcome, once.
func (c *call[Req, Resp]) tellUncertain() {
	at := c.untold - 1
	c.untold = 0
	if at >= 0 && c.r.listening {
		c.r.emit(c.ctx, UncertainEvent{Origin: c.r.origin(), Attempt: c.attemptOf(&c.records[at])})
	}
}

// maybe says that the operation may have taken effect, now or when it was
// begun before.
func (c *call[Req, Resp]) maybe() bool { return c.uncertain > 0 || c.before != nil }

// uncertainError is the story of an operation that may have taken effect.
func (c *call[Req, Resp]) uncertainError() *UncertainError {
	attempts := c.attempts()
	e := &UncertainError{Operation: c.operation, Attempts: attempts, Outcome: c.known}
	if c.uncertain > 0 {
		e.Attempt = attempts[c.uncertain-1]
	}
	if c.before != nil {
		e.Attempt = c.before.Attempt
		e.Attempts = slices.Concat(c.before.Attempts, attempts)
	}
	if c.over() {
		e.ended = ended(c.ctx)
	}
	return e
}
