package failover

import (
	"context"
	"errors"
	"slices"
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
		c.rejectf("WithHedge: Percentile %v is above 1", p.Percentile)
	}
	field(c, "WithHedge", "Percentile", &p.Percentile, 0.95)
	field(c, "WithHedge", "MinDelay", &p.MinDelay, 10*time.Millisecond)
	field(c, "WithHedge", "MinSamples", &p.MinSamples, 20)
	if p.MinSamples > latencyWindow {
		c.rejectf("WithHedge: MinSamples %d is above %d", p.MinSamples, latencyWindow)
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
	claims  chan *racer[Req, Resp] // streams at their commit point; room for both
	winner  *racer[Req, Resp]      // the stream that was first
	running []*racer[Req, Resp]    // the call's own
	stopped bool                   // what a racer said of the request ends it
	decider int                    // its number

	mu   sync.Mutex
	over bool // the caller has left: who comes now is late
}

type racer[Req, Resp any] struct {
	attempt[Req, Resp]

	index   int
	leave   func() // the goroutines that Close waits for
	cancel  context.CancelCauseFunc
	carried *carried
}

// race runs an attempt on a goroutine, and a second one at the next provider
// if the first is slow.
func (c *call[Req, Resp]) race(index int, trial bool, delay time.Duration) (Resp, next) {
	race := &race[Req, Resp]{results: make(chan *racer[Req, Resp], 2), claims: make(chan *racer[Req, Resp], 2)}
	c.launch(race, index, trial, false)
	timer := time.NewTimer(delay)
	defer timer.Stop()
	defer race.end()
	for {
		select {
		case <-timer.C:
			c.now = c.r.now()
			c.hedge(race, index, delay)
		case first := <-race.claims:
			race.take(first)
			timer.Stop()
		case <-race.ready():
			race.winner.live.relay.pass()
			if race.winner.live.left {
				return c.leave(race, index)
			}
		case done := <-race.results:
			if resp, next, over := c.arrive(race, index, done); over {
				return resp, next
			}
		case <-c.ctx.Done():
			return c.desert(race, index)
		}
	}
}

// leave ends a stream whose consumer left its loop: the winner is told and
// waited for, as one that is not hedged would be.
func (c *call[Req, Resp]) leave(race *race[Req, Resp], index int) (Resp, next) {
	for {
		if resp, next, over := c.arrive(race, index, <-race.results); over {
			return resp, next
		}
	}
}

// take makes the stream that reached its commit point first the winner; the
// other is cancelled and clears up after itself.
func (r *race[Req, Resp]) take(first *racer[Req, Resp]) {
	if r.winner != nil {
		return
	}
	r.winner = first
	for _, who := range r.running {
		if who != first {
			who.cancel(errHedgeLost)
		}
	}
	r.running = []*racer[Req, Resp]{first}
	first.leave() // it is the consumer's own call now
	close(first.live.relay.won)
}

// ready tells of the winning stream's items; nil while there is none.
func (r *race[Req, Resp]) ready() <-chan struct{} {
	if r.winner == nil {
		return nil
	}
	return r.winner.live.relay.ready
}

// launch starts an attempt on a goroutine of the router.
func (c *call[Req, Resp]) launch(race *race[Req, Resp], index int, trial, hedge bool) {
	ctx, cancelCause := context.WithCancelCause(c.ctx)
	prepared := false
	defer func() {
		if !prepared {
			cancelCause(nil) // user code panicked
		}
	}()
	who := &racer[Req, Resp]{index: index, cancel: cancelCause}
	cancel := c.prepare(ctx, &who.attempt, index, trial, false)
	who.hedge, who.own, prepared = hedge, true, true
	if who.live != nil {
		who.live.relay = newRelay(func() { race.claims <- who }, who.live.flow.deliver)
	}
	race.running = append(race.running, who)
	who.leave = func() {}
	if c.r.work.enter() { // else closed meanwhile: the running call finishes, nobody waits for it
		who.leave = sync.OnceFunc(c.r.work.leave)
	}
	go func() {
		defer who.leave()
		aside(who.run, func(p *carried) {
			if cancel != nil {
				cancel()
			}
			cancelCause(nil)
			who.carried = p
			race.finish(who)
		})
	}()
}

// arrive takes in a racer's result. It reports whether the race is over.
func (c *call[Req, Resp]) arrive(race *race[Req, Resp], index int, done *racer[Req, Resp]) (Resp, next, bool) {
	var none Resp
	if race.winner != nil && race.winner != done {
		done.clearUp()
		return none, move, false
	}
	race.running = slices.DeleteFunc(race.running, func(who *racer[Req, Resp]) bool { return who == done })
	done.carried.resume()
	alone := len(race.running) == 0
	if done.ok || done == race.winner || (alone && done.index == index && !race.stopped) {
		resp, next := c.decide(&done.attempt, done.index)
		if done.index != index {
			next = c.afterHedge(done.index, next)
			c.outrun = done == race.winner // the other one lost, and has not failed
		}
		return resp, next, true
	}
	c.fallBehind(race, done)
	switch {
	case !alone:
		return none, move, false
	case race.stopped:
		c.last(race.decider)
		return none, stop, true
	case c.over():
		return none, stop, true
	default:
		return none, move, true
	}
}

// last puts the attempt that decided at the end, where it is looked for, though
// another one came back later.
func (c *call[Req, Resp]) last(number int) {
	at := slices.IndexFunc(c.records, func(rec record) bool { return rec.number == number })
	rec := c.records[at]
	c.records = append(slices.Delete(c.records, at, at+1), rec)
}

// afterHedge turns what follows the hedge into what follows for the provider
// that was asked first: it is left either way.
func (c *call[Req, Resp]) afterHedge(index int, next next) next {
	switch {
	case next == again:
		c.due = index + 1
		return move
	case next == move && c.at[index].state == placeOpen:
		c.at[index].state = placeTried
		c.tried = append(c.tried, index)
	}
	return next
}

// hedge starts the second attempt, if there may be one.
func (c *call[Req, Resp]) hedge(race *race[Req, Resp], slow int, after time.Duration) {
	if c.budgeted <= 0 || c.r.closed.Load() || c.over() {
		return
	}
	next := c.successor(slow)
	if next < 0 {
		return
	}
	e := c.r.ends[next]
	if e.flags.Load()&^flagHeld != 0 || !c.pay() {
		return
	}
	trial, ok := e.admit(c.now, false)
	if !ok {
		c.refund()
		return
	}
	if c.r.listening {
		c.tell(e, trial, HedgeEvent{Origin: c.r.origin(), Slow: c.r.ends[slow].name, Hedge: e.name, After: after})
	}
	c.launch(race, next, trial, true)
}

// finish hands in a racer's result, or clears up after it if it is late.
func (r *race[Req, Resp]) finish(who *racer[Req, Resp]) {
	r.mu.Lock()
	late := r.over
	if !late {
		r.results <- who
	}
	r.mu.Unlock()
	if late {
		who.clearUp()
	}
}

// clearUp ends an attempt that nobody waits for any more.
func (who *racer[Req, Resp]) clearUp() {
	if who.carried != nil {
		who.r.panicked(who.e.name, who.carried)
		return
	}
	if who.ok || who.rejected {
		who.r.alone(who.e.name, func() { who.p.discard(who.resp) })
	}
	who.r.alone(who.e.name, func() {
		who.r.flush(who.caller, who.e)
		if who.r.listening && !who.refused {
			who.r.emit(who.caller, AttemptEvent{Origin: who.r.origin(), Attempt: who.story()})
		}
	})
}

// story is the attempt as an event tells it.
func (who *racer[Req, Resp]) story() Attempt {
	a := Attempt{
		Provider: who.e.name, Number: who.number, Hedge: who.hedge, Start: who.r.at(who.start),
		Duration: time.Duration(max(who.end-who.start, 0)), Outcome: OutcomeAccepted,
	}
	if !who.ok {
		a.Outcome, a.Err = who.reading.outcome, who.reading.toError(who.e.name)
		a.Inner = innerAttempts(who.reading.err, who.e.name)
	}
	return a
}

// end leaves the race: those still running are cancelled as losers, and their
// results are their own to clear up.
func (r *race[Req, Resp]) end() {
	r.mu.Lock()
	r.over = true
	r.mu.Unlock()
	for _, who := range r.running {
		who.cancel(errHedgeLost)
	}
	for {
		select {
		case late := <-r.results:
			late.clearUp()
		default:
			return
		}
	}
}

// fallBehind records a racer that failed and is not asked again.
func (c *call[Req, Resp]) fallBehind(race *race[Req, Resp], done *racer[Req, Resp]) {
	if done.refused {
		c.takeBack(&done.attempt, done.index)
		return
	}
	c.now = max(c.now, done.end)
	c.takeStock(&done.attempt)
	c.record(&done.attempt, done.index)
	c.r.flush(c.ctx, done.e)
	c.note(&done.attempt, done.index)
	c.at[done.index].state = placeTried
	c.tried = append(c.tried, done.index)
	if !c.movesOn(&done.reading) {
		race.stopped, race.decider = true, done.number
	}
}

// desert returns when the caller's context ends, without waiting for anybody.
// An answer that came just then counts.
func (c *call[Req, Resp]) desert(race *race[Req, Resp], index int) (Resp, next) {
	c.now = c.r.now()
	for {
		select {
		case done := <-race.results:
			if resp, next, over := c.arrive(race, index, done); over {
				return resp, next
			}
			continue
		default:
		}
		break
	}
	how := reading{class: ClassCanceled, err: c.ctx.Err()}
	if errors.Is(how.err, context.DeadlineExceeded) {
		how.class = ClassTimeout
	}
	for _, who := range race.running {
		rec := record{
			index: who.index, number: who.number, start: who.start, end: c.now, hedge: who.hedge, reading: how,
		}
		if who == race.winner { // it waited to be taken, so these can be read
			rec.items = who.live.items
			if who.live.began >= 0 {
				rec.first = max(who.live.began-who.start, 1)
			}
		}
		c.records = append(c.records, rec)
	}
	var none Resp
	return none, stop
}
