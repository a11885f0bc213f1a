package failover

import (
	"context"
	"errors"
	"sync"
	"time"
)

// HedgePolicy says when a slow provider gets company. Zero fields take their
// defaults.
type HedgePolicy struct {
	// Percentile (0 to 1) of the provider's recent latency after which the
	// next provider is asked as well. Default 0.95: about one request in
	// twenty is hedged.
	Percentile float64
	// MinDelay is the least to wait. Default 10 ms.
	MinDelay time.Duration
	// MinSamples is how many answers must have been measured before a provider
	// is hedged at all. Default 20; at most 256, which is how many are kept.
	MinSamples int
}

// WithHedge also asks the next provider when the first is slower than usual;
// the first good answer wins. The loser is cancelled, not waited for, and not
// blamed, unless it had been silent for as long as would have counted as its
// own timeout. A hedge takes a token of the budget (see [WithBudget]), needs a
// provider in full service and within its Limit, and otherwise does not
// happen. Default: off. Not allowed with side effects.
//
// With hedging, attempts run on goroutines of the router; a panic in one is
// carried to the caller's.
func WithHedge(p HedgePolicy) Option {
	return optionFunc(func(c *config) { c.hedge = &p })
}

func (p *HedgePolicy) complete(c *config) {
	if p.Percentile > 1 {
		c.reject("WithHedge: Percentile %v is above 1", p.Percentile)
	}
	field(c, "WithHedge", "Percentile", &p.Percentile, 0.95)
	field(c, "WithHedge", "MinDelay", &p.MinDelay, 10*time.Millisecond)
	field(c, "WithHedge", "MinSamples", &p.MinSamples, 20)
	if p.MinSamples > latencyWindow {
		c.reject("WithHedge: MinSamples %d is above %d", p.MinSamples, latencyWindow)
	}
}

// hedgeAfter is when the provider counts as slow; false if it is not known
// well enough, or nobody may be asked beside it.
func (c *call[Req, Resp]) hedgeAfter(index int) (time.Duration, bool) {
	p := c.r.cfg.hedge
	if !c.mayMove() || len(c.r.ends) < 2 {
		return 0, false
	}
	delay, n := c.r.ends[index].stats.percentile(p.Percentile)
	return max(delay, p.MinDelay), n >= p.MinSamples
}

// race is an attempt with a hedge. What the racers share outlives the call.
type race[Req, Resp any] struct {
	results chan *racer[Req, Resp] // room for both, so that nobody waits

	mu   sync.Mutex
	over bool // the caller has left: who comes now is late
}

type racer[Req, Resp any] struct {
	attempt[Req, Resp]

	index   int
	cancel  context.CancelCauseFunc
	carried *carried
}

// race runs an attempt on a goroutine, and a second one at the next provider
// if the first is slow.
func (c *call[Req, Resp]) race(index int, trial bool, delay time.Duration) (Resp, next) {
	race := &race[Req, Resp]{results: make(chan *racer[Req, Resp], 2)}
	running := []*racer[Req, Resp]{c.launch(race, index, trial, false)}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	defer func() { race.end(running) }()
	for {
		select {
		case <-timer.C:
			c.now = c.r.now()
			if hedge := c.hedge(race, index, delay); hedge != nil {
				running = append(running, hedge)
			}
		case done := <-race.results:
			running = remove(running, done)
			if done.carried != nil {
				done.carried.resume()
			}
			if !done.ok && len(running) > 0 {
				c.fallBehind(done)
				continue
			}
			return c.decide(&done.attempt, done.index)
		case <-c.ctx.Done():
			return c.desert(running)
		}
	}
}

// launch starts an attempt on a goroutine of the router.
func (c *call[Req, Resp]) launch(race *race[Req, Resp], index int, trial, hedge bool) *racer[Req, Resp] {
	ctx, cancelCause := context.WithCancelCause(c.ctx)
	who := &racer[Req, Resp]{index: index, cancel: cancelCause}
	cancel := c.prepare(&who.attempt, ctx, index, trial, false)
	who.hedge, who.own = hedge, true
	work := func() {
		aside(who.run, func(p *carried) {
			if cancel != nil {
				cancel()
			}
			who.carried = p
			race.finish(who)
		})
	}
	if !c.r.work.run(work) {
		go work() // closed meanwhile: the running call finishes, nobody waits for it
	}
	return who
}

// hedge starts the second attempt, or returns nil if it must not be.
func (c *call[Req, Resp]) hedge(race *race[Req, Resp], slow int, after time.Duration) *racer[Req, Resp] {
	if c.budgeted <= 0 || c.r.closed.Load() || c.over() {
		return nil
	}
	next := c.successor(slow)
	if next < 0 {
		return nil
	}
	e := c.r.ends[next]
	if e.flags.Load()&^flagHeld != 0 || !c.pay() {
		return nil
	}
	trial, ok := e.admit(c.now, false)
	if !ok {
		return nil
	}
	if c.r.listening {
		c.r.emit(c.ctx, HedgeEvent{Origin: c.r.origin(), Slow: c.r.ends[slow].name, Hedge: e.name, After: after})
	}
	return c.launch(race, next, trial, true)
}

// finish hands in a racer's result, or clears up after it if it is late.
func (r *race[Req, Resp]) finish(who *racer[Req, Resp]) {
	r.mu.Lock()
	late := r.over
	if !late {
		r.results <- who
	}
	r.mu.Unlock()
	if !late {
		return
	}
	switch {
	case who.carried != nil:
		who.r.panicked(who.e.name, who.carried)
	case who.ok || who.rejected:
		if who.p.Discard != nil {
			who.p.Discard(who.resp)
		}
	}
	who.cancel(nil)
	who.r.flush(who.caller, who.e)
	if who.r.listening && who.carried == nil {
		who.r.emit(who.caller, AttemptEvent{Origin: who.r.origin(), Attempt: who.story()})
	}
}

// story is the attempt as an event tells it.
func (who *racer[Req, Resp]) story() Attempt {
	a := Attempt{
		Provider: who.e.name, Number: who.number, Hedge: who.hedge, Start: who.r.at(who.start),
		Duration: time.Duration(max(who.end-who.start, 0)), Outcome: OutcomeAccepted,
	}
	if !who.ok {
		a.Outcome, a.Err = who.reading.outcome, who.reading.toError(who.e.name)
	}
	return a
}

// end leaves the race: those still running are cancelled as losers, and their
// results are their own to clear up.
func (r *race[Req, Resp]) end(running []*racer[Req, Resp]) {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	for _, who := range running {
		who.cancel(errHedgeLost)
	}
	for {
		select {
		case late := <-r.results:
			r.finish(late)
		default:
			return
		}
	}
}

// fallBehind records a racer that failed while the other is running.
func (c *call[Req, Resp]) fallBehind(done *racer[Req, Resp]) {
	defer done.cancel(nil)
	if done.refused {
		_, _ = c.takeBack(&done.attempt, done.index)
		return
	}
	c.now = max(c.now, done.end)
	c.record(&done.attempt, done.index)
	c.r.flush(c.ctx, done.e)
	c.note(&done.attempt, done.index)
	c.at[done.index].state = placeTried
	c.tried = append(c.tried, done.index)
	c.invalid = c.invalid || done.reading.class == ClassInvalid
}

// desert returns when the caller's context ends, without waiting for anybody.
func (c *call[Req, Resp]) desert(running []*racer[Req, Resp]) (Resp, next) {
	c.now = c.r.now()
	how := reading{class: ClassCanceled, err: errHedgeLost}
	if errors.Is(ended(c.ctx), context.DeadlineExceeded) {
		how = reading{class: ClassTimeout, err: timedOut{context.DeadlineExceeded}}
	}
	for _, who := range running {
		c.records = append(c.records, record{
			index: who.index, number: who.number, start: who.start, end: c.now, hedge: who.hedge, reading: how,
		})
	}
	var none Resp
	return none, stop
}

func remove[T comparable](list []T, item T) []T {
	for i := range list {
		if list[i] == item {
			return append(list[:i], list[i+1:]...)
		}
	}
	return list
}
