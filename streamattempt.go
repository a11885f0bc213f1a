package failover

import (
	"context"
	"time"
)

// equipStream gives an attempt at a stream its context and its watch.
func (c *call[Req, Resp]) equipStream(parent context.Context, a *attempt[Req, Resp], limit, room time.Duration) context.CancelFunc {
	ctx, cut := context.WithCancelCause(parent)
	a.own, a.timed = true, true
	a.live = a.p.open(a)
	a.live.cut, a.live.parent = cut, parent
	a.ctx, a.lent = c.enclose(ctx, a)
	a.live.begin(a.start, limit, room)
	return a.live.stop
}

// runStream is run for a stream. The breaker is told in two steps: a trial at
// the commit point, for a long stream must not hold the slot, any other at its
// end.
func (a *attempt[Req, Resp]) runStream() {
	if !a.forced {
		settle, err := a.e.breaker.twoStep.Load().Allow()
		if err != nil {
			a.refused, a.done = true, true
			a.e.stats.refused.Add(1)
			return
		}
		a.live.settle = settle
	}
	defer func() {
		if a.done {
			return
		}
		if a.live.left && a.live.relay == nil { // the consumer's own panic, or Goexit
			a.tellBreaker(a.succeedStream())
			return
		}
		a.abandoned()
		a.tellBreaker(errBreakerFailure)
		a.relapse()
	}()
	a.entered = true
	a.tellBreaker(a.settleStream(a.live.flow.run()))
	a.done = true
}

// tellBreaker settles the breaker, once.
func (a *attempt[Req, Resp]) tellBreaker(sees error) {
	if settle := a.live.settle; settle != nil {
		a.live.settle = nil
		settle(sees)
	}
}

// commit settles a trial: its provider delivers again.
func (a *attempt[Req, Resp]) commit() {
	if !a.trial {
		return
	}
	a.end = max(a.live.began, a.r.now())
	if a.live.slow {
		a.reading.class = ClassTimeout
		a.tellBreaker(errBreakerFailure)
		a.trialDone(errBreakerFailure)
		a.reading.class = ClassUnknown
	} else {
		if a.e.flags.Load()&flagOpen != 0 {
			a.tellBreaker(nil)
		}
		a.trialDone(nil)
	}
	a.trial, a.live.trial, a.live.settled = false, true, a.end
	a.e.trials.Add(-1)
	a.r.flush(a.caller, a.e)
}

// settleStream judges how a stream ended and says what the breaker is to see.
func (a *attempt[Req, Resp]) settleStream(err error) error {
	if err == nil {
		return a.succeedStream()
	}
	if said, ok := err.(*rejection); ok { //nolint:errorlint // over has just made it
		return a.refuse(a.resp, said.err)
	}
	a.reading = a.read(err)
	if a.live.committed && a.reading.class != ClassCanceled && !a.reading.unblamed { // its caller ended it
		a.e.stats.interrupted.Add(1)
	}
	sees := a.failed()
	if sees == errBreakerFailure { //nolint:errorlint // one of three
		a.relapse()
	}
	return sees
}

// relapse closes a provider off whose trial broke off after its commit point,
// unless it has served another stream whole since.
func (a *attempt[Req, Resp]) relapse() {
	if a.live.trial && a.e.lastWhole.Load() < a.live.settled {
		a.e.relapse(max(a.end, a.r.now()), a.reading.class)
	}
}

// succeedStream counts a stream that was whole, or that its consumer left.
func (a *attempt[Req, Resp]) succeedStream() error {
	e := a.e
	a.ok, a.end = true, max(a.r.now(), a.start+1)
	e.stats.rate(false)
	a.r.budget.succeed()
	if !a.live.left {
		touch(&e.lastWhole, a.end)
	}
	if a.live.slow {
		e.breaker.slow(a.start)
		a.reading.class = ClassTimeout
		a.trialDone(errBreakerFailure)
		return errBreakerFailure
	}
	e.breaker.streak.clear()
	a.trialDone(nil)
	return nil
}

// afterStream says what follows a stream that failed.
func (c *call[Req, Resp]) afterStream(a *attempt[Req, Resp], index int) next {
	switch {
	case c.over():
		return stop
	case a.live.committed:
		return c.afterInterruption(a, index)
	case a.live.mode == modeContinue && refuses(a.reading.class):
		// It does not continue, which says nothing of the request itself.
		restarts := any(c.req).(streamed).refuse(index) //nolint:forcetypeassert // only a streaming opens a stream
		if restarts && c.budgeted > 0 && c.affords(index) && !c.r.closed.Load() {
			return again
		}
		return move
	case a.live.mode == modeNone:
		return move
	default:
		return c.afterFailure(&a.reading, index)
	}
}

// afterInterruption says what follows a stream that broke off after its commit
// point.
func (c *call[Req, Resp]) afterInterruption(a *attempt[Req, Resp], index int) next {
	s, r := any(c.req).(streamed), &a.reading //nolint:forcetypeassert // as above
	v, err := c.r.cfg.verdicts[r.class], r.toError(a.e.name)
	s.interrupted(err)
	goesOn := v.Next != NextStop && c.resumable(index, v.Retry)
	if c.r.listening {
		c.r.emit(c.ctx, InterruptedEvent{
			Origin: c.r.origin(), Provider: a.e.name, Err: err, Items: a.live.items, Ends: !goesOn,
		})
	}
	switch {
	case !goesOn:
		return stop
	case c.r.closed.Load():
		return move
	case v.Retry && s.resumable(index) && c.ready(index) == 0 && c.retries(r, index):
		return again
	default:
		return move
	}
}

// resumable says whether anybody who may still be asked can take over a stream
// that broke off at index, which may be asked itself if again.
func (c *call[Req, Resp]) resumable(index int, again bool) bool {
	for i := range c.r.providers {
		may := again
		if at := &c.at[i]; i != index {
			may = at.state != placeTried || at.class == ClassRateLimited
		}
		if may && c.r.providers[i].Supports(c.req) {
			return true
		}
	}
	return false
}

// refuses says whether a class of failure is a provider's way to say that it
// does not continue what another one began.
func refuses(class Class) bool { return class == ClassInvalid || class == ClassUnsupported }

// hadItsTime says whether an attempt that was ended from outside had been
// silent for so long that this is its provider's.
func (a *attempt[Req, Resp]) hadItsTime() bool {
	if a.live != nil {
		if why := cutFor(a.ctx); why == ErrIdleTimeout || why == ErrTotalTimeout {
			return true
		}
		if a.live.began >= 0 {
			return a.live.hadItsTimeAt(a.end)
		}
	}
	return a.e.silentEnough(a.end-a.start, a.extra)
}

// took is the latency that a failure stands for: that of a stream is the time
// to its first content.
func (a *attempt[Req, Resp]) took() int64 {
	if a.live != nil && a.live.began >= 0 {
		return a.live.began - a.start
	}
	return a.end - a.start
}

// cutFor says which of our times an attempt ran out of.
func cutFor(ctx context.Context) sentinel {
	if why, ok := context.Cause(ctx).(sentinel); ok { //nolint:errorlint // we gave it ourselves
		return why
	}
	return ErrAttemptTimeout
}
