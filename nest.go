package failover

import (
	"context"
	"slices"
	"strconv"
	"time"
)

// Nest makes a router a provider of another: a weighted pool of keys, say,
// inside an active/passive pair. Its own providers are then known by path
// ("pool/key1") in errors, status, reports and wishes. Side-effect rules, the
// cap on attempts and the spending of tokens travel inward, and the strictest
// hold. Its Cost is that of its cheapest provider until it has answered, then
// what was really spent. The outer router never retries what the inner one gave up. Closing the
// outer router does not close the inner one.
func Nest[Req, Resp any](name string, r *Router[Req, Resp]) Provider[Req, Resp] {
	if r == nil {
		return Provider[Req, Resp]{Name: name}
	}
	p := Provider[Req, Resp]{Name: name, Do: r.Do, nested: nestedRouter{r.core, hasValidate(r.providers), countLeaves(r.providers)}}
	if slices.ContainsFunc(r.providers, func(p Provider[Req, Resp]) bool { return p.Cost != nil }) {
		p.Cost = r.cheapest
	}
	return p
}

// NestStream makes a stream router a provider of another, as [Nest] does. What
// the inner router delivers is past its commit point, so any item of it counts
// as content, and its own timers watch it. When it restarts, the outer router
// knows. Restarted is that of its first provider that has one, and an item is
// Irrevocable if it is for any of them. Continue is not: set it on the result
// if the outer router is to continue there.
func NestStream[Req, T any](name string, r *StreamRouter[Req, T]) StreamProvider[Req, T] {
	if r == nil {
		return StreamProvider[Req, T]{Name: name}
	}
	p := StreamProvider[Req, T]{
		Name: name, Do: r.Stream, nested: nestedRouter{r.core, "", countLeaves(r.router.providers)},
	}
	var acts []func(T) bool
	for _, inner := range r.providers {
		if p.Restarted == nil {
			p.Restarted = inner.Restarted
		}
		if inner.Irrevocable != nil {
			acts = append(acts, inner.Irrevocable)
		}
	}
	if len(acts) > 0 {
		p.Irrevocable = func(item T) bool {
			return slices.ContainsFunc(acts, func(acts func(T) bool) bool { return acts(item) })
		}
	}
	if slices.ContainsFunc(r.providers, func(p StreamProvider[Req, T]) bool { return p.Cost != nil }) {
		p.Cost = func(req Req) float64 { return r.router.cheapest(&streaming[Req, T]{r: r, req: req}) }
	}
	return p
}

// cheapest is the least that the request can cost in this router, -1 if no
// provider's cost is known.
func (r *Router[Req, Resp]) cheapest(req Req) float64 {
	least := -1.0
	for i := range r.providers {
		if r.providers[i].Cost == nil {
			continue
		}
		if cost := r.providers[i].Cost(req); cost >= 0 && (least < 0 || cost < least) {
			least = cost
		}
	}
	return least
}

// nestedRouter is a router seen from the one around it.
type nestedRouter struct {
	*core

	validating string // a provider with Validate, "" if there is none
	leaves     int    // providers, those of routers further inside counted
}

func (n nestedRouter) innerStatus() *Status { s := n.Status(); return &s }
func (n nestedRouter) sideEffects() bool    { return n.sideEffect }

// repeats says what in the router may do a request twice or refuse what was
// done, which at-most-once rules out; "" if nothing does.
func (n nestedRouter) repeats() string {
	if n.cfg.hedge != nil {
		return "WithHedge of its router"
	}
	if n.validating != "" {
		return "Validate of its provider " + strconv.Quote(n.validating)
	}
	return n.repeater()
}

// repeater is the first thing in a nested router or mirror that may do so.
func (c *core) repeater() string {
	for _, e := range c.ends {
		if n, ok := e.nested.(interface{ repeats() string }); ok && n.repeats() != "" {
			return n.repeats()
		}
	}
	return ""
}

// refusal is why a router did not begin a call at all: a wish that cannot be.
type refusal struct{ err error }

func (r *refusal) Error() string { return r.err.Error() }
func (r *refusal) Unwrap() error { return r.err }
func (r *refusal) SafeToPrint()  {}

// readNested maps what a router inside a provider returned to what it means
// outside. The inner router has done its retrying, so the outer never repeats.
func readNested(err error) (reading, bool) {
	r := reading{err: err, final: true, class: ClassTransient}
	switch e := routerError(err).(type) { //nolint:errorlint // routerError has looked through the chain
	case *UncertainError:
		r.class, r.fence = e.Attempt.Class(), true
	case *CanceledError:
		r.class, r.outcome = ClassCanceled, outcomeOf(e.Attempts)
	case *InterruptedError:
		r.class = ClassOf(e)
	case *DuplicateError:
		r.class, r.fence = ClassInvalid, true
	case *NoneAvailableError:
		r.class, r.outcome = ClassRateLimited, OutcomeNotAccepted
		r.retryAfter = untilReady(e.Skipped)
		// Somebody whom only this request, or only this moment, left out is
		// there for the next one.
		r.local = r.retryAfter == 0 || slices.ContainsFunc(e.Skipped, Skip.passing)
	case *AllFailedError:
		return readAllFailed(r, e), true
	case *refusal:
		r.class, r.outcome = ClassInvalid, OutcomeNotAccepted
	case sentinel: // it did not even begin
		r.outcome = OutcomeNotAccepted
	default:
		return r, false
	}
	return r, true
}

func readAllFailed(r reading, e *AllFailedError) reading {
	r.outcome = outcomeOf(e.Attempts)
	if len(e.Attempts) == 0 {
		return r
	}
	last := e.Attempts[len(e.Attempts)-1]
	if class := last.Class(); e.Stopped && (class == ClassInvalid || class == ClassFiltered) {
		r.class, r.status = class, last.Err.Status
		return r
	}
	wait := untilReady(e.Skipped)
	for _, a := range e.Attempts {
		if a.Class() != ClassRateLimited {
			return r
		}
		if w := a.Err.RetryAfter; w > 0 && (wait == 0 || w < wait) {
			wait = w
		}
	}
	r.class, r.retryAfter = ClassRateLimited, wait
	r.local = slices.ContainsFunc(e.Skipped, Skip.passing)
	return r
}

// outcomeOf says whether attempts that all failed may have taken effect.
func outcomeOf(attempts []Attempt) Outcome {
	for _, a := range attempts {
		if a.Outcome != OutcomeNotAccepted {
			return OutcomeUnknown
		}
	}
	return OutcomeNotAccepted
}

// untilReady is how long until the first of those left out may be asked again,
// 0 if that is unknown.
func untilReady(skipped []Skip) time.Duration {
	if at := earliest(skipped); !at.IsZero() {
		return clampWait(max(time.Until(at), 1))
	}
	return 0
}

// passing says whether the provider was left out for the sake of this very
// request or moment.
func (s Skip) passing() bool {
	switch s.Reason {
	case ReasonExcluded, ReasonUnsupported, ReasonTooExpensive, ReasonUnknownCost, ReasonNotChosen,
		ReasonLimited, ReasonHalfOpen:
		return true
	default:
		return false
	}
}

// innerAttempts finds the attempts of a nested router in what it returned, and
// puts its name before theirs.
func innerAttempts(err error, name string) []Attempt {
	var attempts []Attempt
	switch e := routerError(err).(type) { //nolint:errorlint // routerError has looked through the chain
	case *AllFailedError:
		attempts = e.Attempts
	case *CanceledError:
		attempts = e.Attempts
	case *InterruptedError:
		attempts = e.Attempts
	case *UncertainError:
		attempts = e.Attempts
	}
	if len(attempts) == 0 {
		return nil
	}
	named := make([]Attempt, len(attempts))
	for i, a := range attempts {
		named[i] = a.under(name)
	}
	return named
}

func (a Attempt) under(name string) Attempt {
	a.Provider = name + "/" + a.Provider
	if a.Err != nil {
		err := *a.Err
		err.Provider = name + "/" + err.Provider
		a.Err = &err
	}
	inner := make([]Attempt, len(a.Inner))
	for i := range a.Inner {
		inner[i] = a.Inner[i].under(name)
	}
	if len(inner) > 0 {
		a.Inner = inner
	}
	return a
}

// Detached makes a provider of a client that takes no context or ignores it.
// Each call runs on a goroutine of its own: the caller still returns when its
// time is up, [Router.Status] counts what is still running, which keeps its
// place in Limit.Concurrency, and a late response goes to Discard. The
// goroutine ends when the client does, even after Close.
func Detached[Req, Resp any](name string, do func(req Req) (Resp, error)) Provider[Req, Resp] {
	p := Provider[Req, Resp]{Name: name, detached: true}
	if do != nil {
		p.Do = func(_ context.Context, req Req) (Resp, error) { return do(req) }
	}
	return p
}
