package failover

import (
	"math"
	"time"
)

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
