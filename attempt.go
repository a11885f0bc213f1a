package failover

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// attempt is one call of one provider, from admission to what it meant. It
// does not touch the call it belongs to, so that it can run on a goroutine of
// its own.
type attempt[Req, Resp any] struct {
	r      *Router[Req, Resp]
	e      *endpoint
	p      *Provider[Req, Resp]
	caller context.Context //nolint:containedctx // lives as long as the attempt
	ctx    context.Context //nolint:containedctx // the attempt's own; it is the caller's if nothing had to be added
	req    Req
	start  int64
	extra  int64 // on top of the provider's timeout
	number int
	trial  bool // holds a trial's slot
	forced bool // past an open breaker
	hedge  bool
	once   bool       // at most once: no cutting, outcome matters
	ends   bool       // the caller's context can end
	own    bool       // ctx is not the caller's
	timed  bool       // somebody will look at how long it took
	lent   *allowance // to a nested router
	live   *live      // of a stream; nil for Do

	// What came of it.
	resp     Resp
	reading  reading
	end      int64
	entered  bool // the breaker let it through
	asked    bool // Do was called
	ok       bool
	rejected bool // an answer, but Validate refused it
	refused  bool // the breaker did not let it through
	lingers  bool // the client runs on, detached, and keeps its place in the limit
	done     bool // nothing panicked
	dirty    bool // used since forget
}

// forget drops what belongs to a request, so that an attempt can be used for
// another one.
func (a *attempt[Req, Resp]) forget() {
	var noReq Req
	var noResp Resp
	a.caller, a.ctx, a.req, a.resp, a.lent, a.live = nil, nil, noReq, noResp, nil, nil
	if a.reading.err != nil {
		a.reading = reading{}
	}
	a.end, a.extra, a.dirty, a.lingers = 0, 0, false, false
	a.trial, a.forced, a.hedge, a.once, a.ends, a.own, a.timed = false, false, false, false, false, false, false
	a.entered, a.asked, a.ok, a.rejected, a.refused, a.done = false, false, false, false, false, false
}

// goexit stands for runtime.Goexit inside gobreaker, which would otherwise
// never hear that the call ended and keep a half-open slot for ever.
type goexit struct{}

// run makes the attempt and settles everything that was taken for it.
func (a *attempt[Req, Resp]) run() {
	defer a.leave()
	if a.live != nil {
		a.runStream()
		return
	}
	if a.forced {
		_ = a.invoke()
		a.done = true
		return
	}
	_, err := a.e.breaker.cb.Load().Execute(func() (struct{}, error) { return struct{}{}, a.invoke() })
	if !a.entered && (err == gobreaker.ErrOpenState || err == gobreaker.ErrTooManyRequests) { //nolint:errorlint // returned as they are
		a.refused = true
		a.e.stats.refused.Add(1)
	}
	a.done = true
}

// leave gives back slot and limit, on return, panic and Goexit alike.
func (a *attempt[Req, Resp]) leave() {
	a.e.withdraw(a.trial, a.lingers)
	if a.done {
		return
	}
	a.r.flush(a.caller, a.e)
	// User code panicked or left. The panic goes on; after goexit is
	// recovered, so does the Goexit.
	if p := recover(); p != nil {
		if _, left := p.(goexit); !left {
			panic(p)
		}
	}
}

// invoke calls the provider and returns what the breaker is to see.
func (a *attempt[Req, Resp]) invoke() error {
	a.entered = true
	returned := false
	defer func() {
		if returned {
			return
		}
		a.abandoned()
		if p := recover(); p != nil {
			panic(p)
		}
		panic(goexit{})
	}()
	resp, err := a.call()
	sees := a.settle(resp, err)
	returned = true
	return sees
}

func (a *attempt[Req, Resp]) call() (Resp, error) {
	req := a.req
	if a.p.Adapt != nil {
		req = a.p.Adapt(req)
	}
	a.asked = true
	if a.p.detached {
		return a.callAside(req)
	}
	return a.p.Do(a.ctx, req)
}

// settle judges the answer, counts it, and says what the breaker is to see.
func (a *attempt[Req, Resp]) settle(resp Resp, err error) error {
	if err == nil && a.r.empty != nil && a.r.empty(resp) {
		err = &Error{Class: ClassIncomplete, Err: ErrEmpty}
	}
	if err == nil && a.p.Validate != nil {
		if verr := a.p.Validate(a.ctx, a.req, resp); verr != nil {
			return a.refuse(resp, verr)
		}
	}
	if err == nil {
		return a.succeed(resp)
	}
	a.reading = a.read(err)
	if a.once && a.reading.outcome == OutcomeAccepted {
		// Taken, though the answer could not be read: done is done.
		return a.succeed(resp)
	}
	a.p.discard(resp) // a response beside an error belongs to nobody
	return a.failed()
}

func (a *attempt[Req, Resp]) succeed(resp Resp) error {
	a.ok, a.resp = true, resp
	e := a.e
	e.stats.rate(false)
	a.r.budget.succeed()
	a.end = a.start
	if slow := a.r.cfg.breaker.SlowCall; slow > 0 || e.stats.wantsSample() || a.timed {
		a.end = max(a.r.now(), a.start+1)
		e.stats.observe(a.end, a.end-a.start)
		if slow > 0 && a.end-a.start > int64(slow) {
			e.breaker.slow(a.start)
			if a.trial {
				a.reading.class = ClassTimeout
				a.trialDone(errBreakerFailure)
			}
			return errBreakerFailure
		}
	}
	e.breaker.streak.clear()
	if a.trial {
		a.trialDone(nil)
	}
	return nil
}

// refuse is an answer that Validate did not want.
func (a *attempt[Req, Resp]) refuse(resp Resp, verr error) error {
	a.rejected, a.resp = true, resp
	a.reading = a.read(verr)
	r := &a.reading
	switch {
	case a.ends && a.over():
		r.unblamed = true // there was an answer; the caller left while it was judged
	case r.final || !isErr[*Error](verr) || r.class == ClassUnknown:
		// Validate may ask a router of its own; how that fails says nothing of
		// this provider.
		r.class, r.final, r.unblamed = ClassUnsatisfactory, false, false
	}
	return a.failed()
}

// read classifies err, looking at whose time ran out first.
func (a *attempt[Req, Resp]) read(err error) reading {
	a.end = max(a.r.now(), a.start+1)
	r := a.classify(err)
	if r.final && a.e.nested == nil {
		r.outcome = OutcomeUnknown // that router was not all the provider did
	}
	over := a.ends && a.over()
	cut := a.own && a.ctx.Err() != nil
	contextual := (over || cut) &&
		(errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || isTimeout(err) ||
			errors.Is(err, context.Cause(a.ctx))) // which is what reading a body returns
	answered := !contextual && r.answered()
	switch {
	case over:
		if answered {
			break // it came just then
		}
		r.class = ClassCanceled
		if a.caller.Err() != context.Canceled {
			r.class = ClassTimeout
			r.unblamed = !a.hadItsTime()
		}
	case cut && !answered:
		r.class = ClassTimeout
		if errors.Is(context.Cause(a.ctx), errHedgeLost) {
			r.class = ClassCanceled
			if a.hadItsTime() {
				r.class = ClassTimeout
			}
		} else {
			r.err = timedOutError{cutFor(a.ctx), err}
			r.unblamed = !a.hadItsTime()
		}
	}
	if r.class == ClassCanceled && !over && !cut {
		r.class = ClassTransient // somebody else's context, not the caller's
	}
	return r
}

// complete takes from what the provider declared itself what the classifier
// left open.
func (r *reading) complete(own *Error) {
	if r.outcome == OutcomeUnknown && own.Outcome < numOutcomes {
		r.outcome = own.Outcome
	}
	if r.status == 0 {
		r.status = own.Status
	}
	if r.retryAfter == 0 {
		r.retryAfter = clampWait(own.RetryAfter)
	}
}

// answered says whether the provider itself spoke: with a status, or with a
// failure that the end of a context does not look like.
func (r *reading) answered() bool {
	switch r.class {
	case ClassUnknown, ClassTransient, ClassTimeout, ClassIncomplete, ClassCanceled:
		return r.status != 0
	default:
		return true
	}
}

// over says whether the caller's context ended. Its deadline may have passed
// without its timer having fired.
func (a *attempt[Req, Resp]) over() bool {
	if a.caller.Err() != nil {
		return true
	}
	at, ok := a.caller.Deadline()
	return ok && int64(at.Sub(a.r.epoch)) <= a.end
}

func (a *attempt[Req, Resp]) classify(err error) reading {
	if f := a.r.cfg.classifier; f != nil {
		if e := f(a.e.name, err); e != nil {
			r := readDeclared(e, err)
			if own, ok := errors.AsType[*Error](err); ok {
				r.complete(own)
			}
			r.err = classified{e, err}
			r.dial = r.dial || readForeign(err).dial
			return r
		}
	}
	return read(err)
}

// classified keeps what the user's classifier said together with the error it
// said it of.
type classified struct {
	says *Error
	err  error
}

func (c classified) Error() string   { return c.says.Error() }
func (c classified) Unwrap() []error { return []error{c.says, c.err} }

// timedOutError is an attempt that ran out of one of its own times.
type timedOutError struct {
	which sentinel
	err   error
}

func (t timedOutError) Error() string   { return t.which.Error() }
func (t timedOutError) SafeToPrint()    {}
func (t timedOutError) Unwrap() []error { return []error{t.which, t.err} }

// failed counts a failure and says what the breaker is to see.
func (a *attempt[Req, Resp]) failed() error {
	e, r := a.e, &a.reading
	e.stats.failed[r.class].Add(1)
	sees := a.r.cfg.verdicts[r.class].Breaker
	if r.unblamed {
		sees = BreakerIgnored
	}
	local := a.dialled()
	if local {
		sees = BreakerIgnored
	}
	if sees != BreakerIgnored || r.class == ClassUnsatisfactory {
		e.stats.rate(sees == BreakerFailure || r.class == ClassUnsatisfactory)
	}
	if r.class != ClassCanceled {
		e.noteError(a.end, r) // the caller's end is no error of the provider
	}
	switch {
	case sees == BreakerSuccess || local || r.local:
	case r.unblamed || r.class == ClassCanceled:
		e.stats.outlasted(a.end, a.took())
	default:
		e.stats.penalise(a.end, a.took())
	}
	a.cool(local)
	switch sees {
	case BreakerFailure:
		touch(&e.lastFailure, a.end)
		if r.retryAfter > 0 {
			e.breaker.leaveAlone(a.end + int64(min(r.retryAfter, a.r.cfg.maxCool)))
		}
		e.breaker.failed(a.start, r.class == ClassTimeout)
		a.trialDone(errBreakerFailure)
		return errBreakerFailure
	case BreakerSuccess:
		e.breaker.streak.clear()
		a.trialDone(nil)
		return nil
	default:
		return errBreakerIgnored
	}
}

// trialDone tells probation how a trial ended. The breaker's own half-open is
// told by gobreaker, except when the trial went past it.
func (a *attempt[Req, Resp]) trialDone(err error) {
	switch {
	case !a.trial:
	case err != nil:
		a.e.trialFailed(a.end, a.reading.class)
	case a.forced && a.e.flags.Load()&flagOpen != 0:
		due := a.r.cfg.breaker.HalfOpenSuccesses - 1
		a.e.reset(a.end, due)
	default:
		a.e.trialSucceeded(a.end)
	}
}

// cool leaves provider or account alone, where the class asks for it.
func (a *attempt[Req, Resp]) cool(local bool) {
	e, r := a.e, &a.reading
	switch r.class {
	case ClassUnsupported:
		if a.live != nil && a.live.mode != modeFresh && !a.live.committed {
			return // it does not take over what another began
		}
		if e.breaker.streak.unsupported() < unsupportedRow {
			return
		}
		e.breaker.streak.restart()
	case ClassRateLimited:
		if r.local {
			return
		}
	case ClassExhausted, ClassUnauthorized:
	default:
		return
	}
	if r.retryAfter == 0 && a.r.soleEligible(e, a.end) {
		return
	}
	e.coolDown(a.end, a.start, r.class, r.retryAfter, !local)
}

// soleEligible says whether no other provider could be asked now.
func (c *core) soleEligible(e *endpoint, now int64) bool {
	for _, other := range c.ends {
		if other == e {
			continue
		}
		if other.standing(now).ok {
			return false
		}
	}
	return true
}

// localWindow is how close together failures to connect must be to be ours.
const localWindow = int64(5 * time.Second)

// dialled notes whether the failure was one to connect, and says whether
// nobody can be connected to: then the trouble is local and no provider's.
func (a *attempt[Req, Resp]) dialled() bool {
	e, now := a.e, a.end
	if !a.reading.dial {
		if e.breaker.streak.dialFailed() {
			e.breaker.streak.dial(false)
		}
		return false
	}
	e.lastDial.Store(now)
	e.breaker.streak.dial(true)
	down := a.r.dialFailures(now)
	if down == nil {
		return false
	}
	for _, other := range down {
		other.forgive(now)
	}
	if last := a.r.lastLocal.Swap(now); a.r.listening && now-last > localWindow {
		e.queueEvent(func(o Origin) Event { return LocalTroubleEvent{o} })
	}
	return true
}

// dialFailures returns the providers that lately could not be connected to, if
// they are two at least and every other one is out of service anyway.
func (c *core) dialFailures(now int64) []*endpoint {
	var down []*endpoint
	for _, e := range c.ends {
		switch {
		case e.breaker.streak.dialFailed() && now-e.lastDial.Load() <= localWindow:
			down = append(down, e)
		case e.standing(now).ok:
			return nil
		}
	}
	if len(down) < 2 {
		return nil
	}
	return down
}

// abandoned settles an attempt whose user code panicked or left. The outcome
// of a side effect is unknown then.
func (a *attempt[Req, Resp]) abandoned() {
	now := a.r.now()
	a.reading = reading{class: ClassUnknown, err: ErrPanicked}
	e := a.e
	e.stats.failed[ClassUnknown].Add(1)
	e.stats.rate(true)
	e.lastFailure.Store(now)
	e.breaker.failed(a.start, false)
	e.noteError(now, &a.reading)
	if a.trial && !a.forced {
		e.trialFailed(now, ClassUnknown)
	}
}

// callAside runs a Do that ignores its context on a goroutine, so that the
// caller still returns in time.
func (a *attempt[Req, Resp]) callAside(req Req) (Resp, error) {
	type result struct {
		resp    Resp
		err     error
		carried *carried
	}
	// The attempt is reused once the caller has left: take what is needed.
	r, e, p, ctx := a.r, a.e, a.p, a.ctx
	done, gone := make(chan result), make(chan struct{})
	e.stats.detached.Add(1)
	var res result
	go aside(func() { res.resp, res.err = p.Do(ctx, req) }, func(c *carried) {
		res.carried = c
		e.stats.detached.Add(-1)
		select {
		case done <- res:
		case <-gone:
			e.limit.release()
			if c != nil {
				r.panicked(e.name, c)
			} else {
				r.alone(e.name, func() { p.discard(res.resp) })
			}
		}
	})
	select {
	case res := <-done:
		res.carried.resume()
		return res.resp, res.err
	case <-ctx.Done():
		a.lingers = true
		close(gone)
		var none Resp
		return none, ctx.Err()
	}
}
