package failover

import "context"

// Plan says who would be tried for a request.
type Plan struct {
	// Order is who would be tried, in this order, if each one before failed
	// and allowed the next. A strategy that draws by chance may choose
	// another order next time.
	Order []string `json:"order"`
	// Skipped is who is left out now, and why.
	Skipped []Skip `json:"skipped,omitempty"`
}

// Plan says, without calling anyone and without moving any counter, who would
// be tried for the request in which order, and who is left out and why. It
// returns an error where Do would not even begin: a closed router, an ended
// context, a wish that cannot be.
func (r *Router[Req, Resp]) Plan(ctx context.Context, req Req) (Plan, error) {
	c := newCall(r)
	c.ctx, c.req = ctx, req
	if err := c.begin(); err != nil {
		return Plan{}, err
	}
	plan := Plan{Order: []string{}}
	for {
		index := c.foresee()
		if index < 0 {
			break
		}
		plan.Order = append(plan.Order, r.ends[index].name)
		c.at[index].state, c.at[index].tries = placeTried, 1
		if cost, ok := c.costAt(index); ok {
			c.spent += cost
		}
		c.budgeted--
		c.tried = append(c.tried, index)
		c.picks++
		if !c.mayMove() {
			break
		}
	}
	plan.Skipped = c.skipped()
	return plan, nil
}

// foresee is pick without counting.
func (c *call[Req, Resp]) foresee() int {
	if c.budgeted <= 0 {
		return -1
	}
	for tier := tierReady; tier <= tierLast; tier++ {
		if more := c.gather(tier); len(c.cands) > 0 {
			return c.chooseDry()
		} else if !more {
			break
		}
	}
	if c.picks > 0 || c.now-c.r.lastForced.Load() < forcedEvery {
		return -1
	}
	return c.shutOut()
}

// chooseDry asks as choose does, and tells the strategy that it is dry.
func (c *call[Req, Resp]) chooseDry() int {
	at := -1
	if c.wish != nil {
		at = c.wished()
	}
	if at < 0 {
		at = c.strategy().Next(c.ctx, c.pickFor(true))
	}
	if at < 0 || at >= len(c.cands) {
		return -1
	}
	return c.cands[at].Index
}
