package call

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
)

// DefaultTimeout bounds one attempt at a provider that sets no Timeout of its
// own, and each request of Get, Hangup and List. failover.WithTimeout overrides
// the former.
const DefaultTimeout = 15 * time.Second

// Provider is one way to place a call, and to look after those it has placed.
type Provider struct {
	// Provider places calls. Its SideEffect is set.
	failover.Provider[Request, *Call]

	// Get asks what became of a call that this provider has placed.
	Get func(ctx context.Context, id string) (*Call, error)
	// Hangup ends such a call. A call that is over is no error.
	Hangup func(ctx context.Context, id string) error
	// List lists the account's calls, the newest first. nil: the vendor cannot.
	List func(ctx context.Context, f Filter) ([]Call, error)

	inner []bound // of a nested client
}

// bound is a provider and the path by which its calls name it.
type bound struct {
	*Provider

	path string
}

// Filter says which calls to list. Zero fields let every call pass.
type Filter struct {
	// To and From are numbers in E.164.
	To, From string
	// Status is one that vendors know: StatusActive and StatusEnded are none.
	Status Status
	// Limit is how many calls of each provider to list at the most, 1 to 1000.
	// 0 means 50.
	Limit int
}

// The limits of Filter.Limit.
const (
	defaultList = 50
	maxList     = 1000
)

// Most is Limit with its default applied.
func (f Filter) Most() int {
	if f.Limit == 0 {
		return defaultList
	}
	return f.Limit
}

// Client places calls through a router over several providers, at most once,
// and looks after them. It is safe for concurrent use.
type Client struct {
	bound  []bound // those that place calls, wherever they are
	router *failover.Router[Request, *Call]
}

// New makes a client over providers, the preferred one first. The options are
// the router's; the defaults here are the name "call" and an attempt timeout of
// [DefaultTimeout]. It refuses what failover.New refuses, hedging among it.
//
// Calls that do not say who placed them, as of a provider of your own, are
// completed.
func New(providers []Provider, opts ...failover.Option) (*Client, error) {
	kept, all := slices.Clone(providers), make([]bound, 0, len(providers))
	placing := make([]failover.Provider[Request, *Call], len(providers))
	for i := range kept {
		p := &kept[i]
		placing[i] = signs(p.Provider)
		if p.inner == nil {
			all = append(all, bound{p, p.Name})
		}
		for _, q := range p.inner {
			all = append(all, bound{q.Provider, p.Name + "/" + q.path})
		}
	}
	defaults := failover.WithOptions(failover.WithName("call"), failover.WithTimeout(DefaultTimeout))
	router, err := failover.New(placing, defaults, failover.WithOptions(opts...))
	if err != nil {
		return nil, err
	}
	return &Client{bound: all, router: router}, nil
}

// Nest makes a client a provider of another, as failover.Nest does: a pool of
// accounts, say, before another vendor. Calls are known by the path of who
// placed them ("pool/account1"), and Get, Hangup and List find it.
func Nest(name string, c *Client) Provider {
	if c == nil {
		return Provider{Provider: failover.Provider[Request, *Call]{Name: name}} // New refuses it
	}
	return Provider{Provider: failover.Nest(name, c.router), inner: c.bound}
}

// signs completes the calls of a provider that do not say whose they are. Where
// in nested routers it is, is known inside the attempt only.
func signs(p failover.Provider[Request, *Call]) failover.Provider[Request, *Call] {
	do := p.Do
	if do == nil {
		return p // failover.New refuses it
	}
	p.Do = func(ctx context.Context, req Request) (*Call, error) {
		placed, err := do(ctx, req)
		if placed == nil && err != nil && failover.Classify(err).Outcome == failover.OutcomeAccepted {
			placed = &Call{}
		}
		if placed == nil || placed.Attempt != "" {
			return placed, err
		}
		signed, tag := *placed, phone.TagOf(ctx) // a copy: a provider may hand out what it keeps
		signed.Provider, signed.Operation, signed.Attempt = tag.Provider, tag.Operation, tag.Attempt
		return &signed, err
	}
	return p
}

// MakeCall places the call with the first provider that takes it. Name what it
// is for with failover.Operation, so that calling MakeCall again for the same
// thing does not ring twice. It returns when the vendor has taken the call, not
// when somebody answers.
//
// A request that fails Validate is refused with a failover.Error of class
// invalid before any provider is asked. An error that matches
// failover.ErrUncertain means that the phone may be ringing, any other that it
// is not; see failover.Router.Do for all of them.
func (c *Client) MakeCall(ctx context.Context, req Request) (*Call, error) {
	if err := req.Validate(); err != nil {
		return nil, Invalid(err)
	}
	result, err := c.router.Route(ctx, req)
	if err != nil {
		return nil, err
	}
	// A copy: a provider may hand out what it keeps. What a Lookup has found, and
	// what a classifier has read as a yes, may be without a call, or without a
	// name.
	var placed Call
	if result.Value != nil {
		placed = *result.Value
	}
	placed.Uncertain = result.Uncertain
	if last := result.Attempts[len(result.Attempts)-1]; placed.Attempt == "" {
		placed.Provider, placed.Operation, placed.Attempt = last.Provider, last.Operation, last.ID
	}
	return &placed, nil
}

// Get asks the provider that placed a call what became of it. provider and id
// are those of the [Call]. An unknown provider, or one without Get, is an
// error; a call that the vendor does not know is a failover.Error of class
// unsupported, and a failure of the vendor's says nothing of the call.
func (c *Client) Get(ctx context.Context, provider, id string) (*Call, error) {
	p, err := c.find("Get", provider, id)
	if err != nil {
		return nil, err
	}
	if p.Get == nil {
		return nil, fmt.Errorf("call: Get: provider %q cannot", provider)
	}
	within, cancel := p.within(ctx)
	defer cancel()
	found, err := p.Get(within, id)
	if err == nil && found == nil {
		err = &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrEmpty}
	}
	if err != nil {
		return nil, p.failed(ctx, err)
	}
	kept := *found
	kept.Provider = provider
	return &kept, nil
}

// Hangup ends a call at the provider that placed it, whether it rings or
// somebody talks. A call that is over is no error. Hanging up twice does no
// harm, so what failed can be tried again.
func (c *Client) Hangup(ctx context.Context, provider, id string) error {
	p, err := c.find("Hangup", provider, id)
	if err != nil {
		return err
	}
	if p.Hangup == nil {
		return fmt.Errorf("call: Hangup: provider %q cannot", provider)
	}
	within, cancel := p.within(ctx)
	defer cancel()
	return p.failed(ctx, p.Hangup(within, id))
}

// List lists the calls of all providers whose vendor can list them, the newest
// first. What one provider lists is returned even if another failed; the error
// then joins a failover.Error for each that did.
func (c *Client) List(ctx context.Context, f Filter) ([]Call, error) {
	if f.Limit < 0 || f.Limit > maxList {
		return nil, fmt.Errorf("call: List: Limit %d is outside 1 to %d", f.Limit, maxList)
	}
	lists, errs := make([][]Call, len(c.bound)), make([]error, len(c.bound))
	var group errgroup.Group
	for i, p := range c.bound {
		if p.List == nil {
			continue
		}
		group.Go(func() error {
			within, cancel := p.within(ctx)
			defer cancel()
			listed, err := p.List(within, f)
			for _, one := range listed {
				one.Provider = p.path
				lists[i] = append(lists[i], one)
			}
			errs[i] = p.failed(ctx, err)
			return nil
		})
	}
	_ = group.Wait() // what failed is in errs: the others are not ended for it
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Call) int { return b.Created.Compare(a.Created) })
	return all, errors.Join(errs...)
}

// find is the provider that a call is bound to.
func (c *Client) find(what, provider, id string) (bound, error) {
	if id == "" {
		return bound{}, fmt.Errorf("call: %s: the id is empty", what)
	}
	i := slices.IndexFunc(c.bound, func(p bound) bool { return p.path == provider })
	if i < 0 {
		return bound{}, fmt.Errorf("call: %s: %w %.80q", what, failover.ErrUnknownProvider, provider)
	}
	return c.bound[i], nil
}

// within bounds a request beside those of the router.
func (p bound) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, cmp.Or(p.Timeout, DefaultTimeout), failover.ErrAttemptTimeout)
}

// failed is a provider's error with its name, read as the router reads it. It
// matches the caller's context error if that was the cause.
func (p bound) failed(caller context.Context, err error) error {
	if err == nil {
		return nil
	}
	e := failover.Classify(err)
	e.Provider = p.path
	if ended := caller.Err(); ended != nil {
		return fmt.Errorf("call: %w: %w", ended, e)
	}
	return e
}

// Report takes what a status webhook said. It settles an attempt that was
// uncertain, before or after MakeCall has returned, and counts for or against
// the provider unless the callee was the cause; it never rings anybody. Updates
// may be reported twice and in any order.
//
// It returns [ErrNotOurs] for an update of a call that MakeCall did not place,
// and otherwise what failover.Router.Report returns. An update without a status
// says nothing of the attempt but that the call exists.
func (c *Client) Report(u Update) error {
	if u.Operation == "" || u.Provider == "" {
		return ErrNotOurs
	}
	return c.router.Report(u.Operation, u.Provider, u.Outcome(), u.cause())
}

// SetPrimary moves a provider to the front, at once: see
// failover.Router.SetPrimary.
func (c *Client) SetPrimary(name string) error { return c.router.SetPrimary(name) }

// SetFallbacks orders those that follow the first, at once: see
// failover.Router.SetFallbacks.
func (c *Client) SetFallbacks(names ...string) error { return c.router.SetFallbacks(names...) }

// Router is the router underneath, for Status, Plan, Disable and the rest.
func (c *Client) Router() *failover.Router[Request, *Call] { return c.router }

// Close closes the router: see failover.Router.Close.
func (c *Client) Close() error { return c.router.Close() }
