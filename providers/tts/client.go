package tts

import (
	"context"
	"time"

	"github.com/gofailover/failover"
)

// Provider is one way to synthesise speech.
type Provider = failover.Provider[Request, *Audio]

// DefaultTimeout bounds one attempt at a provider that sets no Timeout of its
// own: dead air is worse than a retry. failover.WithTimeout overrides it.
const DefaultTimeout = 10 * time.Second

// Client synthesises speech through a router over several providers. It is
// safe for concurrent use.
type Client struct {
	router *failover.Router[Request, *Audio]
}

// New makes a client over providers, the preferred one first. The options are
// the router's; the defaults here are the name "tts" and an attempt timeout of
// [DefaultTimeout]. It refuses what failover.New refuses.
func New(providers []Provider, opts ...failover.Option) (*Client, error) {
	defaults := failover.WithOptions(failover.WithName("tts"), failover.WithTimeout(DefaultTimeout))
	router, err := failover.New(providers, defaults, failover.WithOptions(opts...))
	if err != nil {
		return nil, err
	}
	return &Client{router: router}, nil
}

// Synthesize speaks the request's text with the first provider that can. The
// audio is whole and in the format asked for, or there is an error.
//
// A request that fails Validate is refused with a failover.Error of class
// invalid before any provider is asked. Other errors are the router's: see
// failover.Router.Do.
func (c *Client) Synthesize(ctx context.Context, req Request) (*Audio, error) {
	if err := req.Validate(); err != nil {
		return nil, Invalid(err)
	}
	result, err := c.router.Route(ctx, req)
	if err != nil {
		return nil, err
	}
	// A copy: a provider may hand out audio it keeps. None at all is possible
	// with failover.WithEmptyAnswers.
	var spoken Audio
	if result.Value != nil {
		spoken = *result.Value
	}
	spoken.Provider = result.Provider
	return &spoken, nil
}

// Router is the router underneath, for Status, Plan, SetPrimary, Disable and
// the rest.
func (c *Client) Router() *failover.Router[Request, *Audio] { return c.router }

// Close closes the router: see failover.Router.Close.
func (c *Client) Close() error { return c.router.Close() }
