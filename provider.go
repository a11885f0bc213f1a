package failover

import (
	"context"
	"reflect"
	"time"
)

// Func is one operation of a provider: a request in, a complete response out.
// It must honour its context (wrap it with [Detached] if it cannot) and be
// safe for concurrent use.
type Func[Req, Resp any] func(ctx context.Context, req Req) (Resp, error)

// Provider is one way to serve a request: one account, one operation, one
// model family. What fails apart is registered apart.
//
// Only Name and Do are required. Every function in it is called without any
// lock held, possibly by many goroutines at once.
type Provider[Req, Resp any] struct {
	// Name is unique in a router and contains no "/". It appears in errors,
	// events and status.
	Name string

	// Do serves the request. The response is complete when Do returns: its
	// context ends then, so a body still to be read does not belong here.
	Do Func[Req, Resp]

	// SideEffect says that an attempt may change the world: a message, a call.
	// One such provider makes the whole router at-most-once: see [Outcome]. So
	// are routers that are called inside its attempts with their context.
	SideEffect bool

	// Dedupes says that repeating the same attempt id at this provider does
	// nothing twice. It allows one repeat there after an unknown outcome.
	Dedupes bool

	// Account groups providers that share a key: an exhausted quota or a
	// refused key at one cools all of them. Empty: the provider stands alone.
	Account string

	// Weight is the share under [Weighted]. 0 means 1.
	Weight int

	// Timeout bounds one attempt. 0 takes the router's, see [WithTimeout].
	Timeout time.Duration

	// ExtraTime is how much longer than its timeout an attempt at this request
	// may take: half the audio, say. It sees the original request. Where there
	// is no timeout it changes nothing; nil or not above 0: no longer.
	ExtraTime func(req Req) time.Duration

	// Check is a cheap probe of health, used by [WithHealthChecks]. nil: the
	// provider is judged by its traffic alone.
	Check func(ctx context.Context) error

	// Supports says whether this provider can serve the request at all. It
	// sees the original request. nil: everything.
	Supports func(req Req) bool

	// Adapt changes the request for this provider (another model name, another
	// prompt). It always starts from the original and must not write through
	// its pointers, slices and maps.
	Adapt func(req Req) Req

	// Validate says whether a response is good enough; an error moves on to
	// the next provider. It sees the original request. Not allowed with side
	// effects.
	Validate func(ctx context.Context, req Req, resp Resp) error

	// Cost estimates what the original request costs here, in any one unit
	// used by all providers of the router. Negative or NaN: unknown.
	Cost func(req Req) float64

	// Lookup asks the provider whether an attempt with an unknown outcome took
	// effect. It returns the response if it did, [ErrNotFound] if it surely
	// did not, and any other error if that cannot be told. Used with side
	// effects only.
	Lookup func(ctx context.Context, req Req, a Attempt) (Resp, error)

	// Discard is called for every response that is not returned to the caller:
	// the loser of a hedge, an answer that Validate refused, one that came too
	// late. Use it to release what the response holds. A zero response holds
	// nothing and is not given to it.
	Discard func(resp Resp)

	// Limit is a local limit of rate and concurrency, so that a fallback is
	// not flooded when everybody moves to it. Over it, the next provider is
	// asked.
	Limit Limit

	detached bool  // Do ignores its context and runs aside
	nested   inner // a router or a mirror inside
	// open is set for a stream: Do is not called, what it returns is run.
	open func(a *attempt[Req, Resp]) *live
	err  error // a fault found by the constructor, reported by New
}

// inner is a router (or mirror) inside a provider.
type inner interface {
	innerStatus() *Status
	knows(path string) bool
	sideEffects() bool
}

// Providers builds the slice of providers that New takes, so that New infers
// both types from it.
func Providers[Req, Resp any](providers ...Provider[Req, Resp]) []Provider[Req, Resp] {
	return providers
}

// Wrap makes a provider of a function or method value; both types are
// inferred. Its other fields can be set on the result.
//
//	p := failover.Wrap("mine", client.Synthesize)
//	p.Timeout = 3 * time.Second
func Wrap[Req, Resp any](name string, do Func[Req, Resp]) Provider[Req, Resp] {
	return Provider[Req, Resp]{Name: name, Do: do}
}

// Limit bounds what the router sends to one provider. The zero Limit is none.
type Limit struct {
	// Rate is the number of attempts a second; 0 is unlimited.
	Rate float64
	// Burst is how many may come at once; 0 means the Rate rounded up.
	Burst int
	// Concurrency is how many may run at once; 0 is unlimited.
	Concurrency int
}

// discard hands a response that nobody gets to Discard. The zero value, which
// comes beside most errors, is none.
func (p *Provider[Req, Resp]) discard(resp Resp) {
	if p.Discard != nil && !reflect.ValueOf(&resp).Elem().IsZero() {
		p.Discard(resp)
	}
}
