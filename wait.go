package failover

import (
	"math"
	"time"
)

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
		if s := c.r.providers[i].Supports; s != nil && !s(c.req) {
			continue // it cannot take over a stream that broke off meanwhile
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
