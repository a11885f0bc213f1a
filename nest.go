package failover

import (
	"context"
	"slices"
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
	p := Provider[Req, Resp]{Name: name, Do: r.Do, nested: nestedRouter{r.core}}
	if slices.ContainsFunc(r.providers, func(p Provider[Req, Resp]) bool { return p.Cost != nil }) {
		p.Cost = r.cheapest
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
type nestedRouter struct{ *core }

func (n nestedRouter) innerStatus() *Status { s := n.Status(); return &s }
func (n nestedRouter) sideEffects() bool    { return n.sideEffect }

func (n nestedRouter) innerReport(operation, provider string, outcome Outcome, cause error) error {
	return n.Report(operation, provider, outcome, cause)
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
// time is up, [Router.Status] counts what is still running, and a late response
// goes to Discard. The goroutine ends when the client does, even after Close.
func Detached[Req, Resp any](name string, do func(req Req) (Resp, error)) Provider[Req, Resp] {
	p := Provider[Req, Resp]{Name: name, detached: true}
	if do != nil {
		p.Do = func(_ context.Context, req Req) (Resp, error) { return do(req) }
	}
	return p
}
