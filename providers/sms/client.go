package sms

import (
	"context"
	"errors"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
)

// Provider is one way to send a message. Its SideEffect is set.
type Provider = failover.Provider[Message, *Receipt]

// DefaultTimeout bounds one attempt at a provider that sets no Timeout of its
// own. failover.WithTimeout overrides it.
const DefaultTimeout = 15 * time.Second

// Client sends messages through a router over several providers, at most once.
// It is safe for concurrent use.
type Client struct {
	router *failover.Router[Message, *Receipt]
}

// New makes a client over providers, the preferred one first. The options are
// the router's; the defaults here are the name "sms" and an attempt timeout of
// [DefaultTimeout]. It refuses what failover.New refuses, hedging among it.
//
// Receipts that do not say whose they are, as of a provider of your own, are
// completed.
func New(providers []Provider, opts ...failover.Option) (*Client, error) {
	defaults := failover.WithOptions(failover.WithName("sms"), failover.WithTimeout(DefaultTimeout))
	signing := make([]Provider, len(providers))
	for i, p := range providers {
		signing[i] = signs(p)
	}
	router, err := failover.New(signing, defaults, failover.WithOptions(opts...))
	if err != nil {
		return nil, err
	}
	return &Client{router: router}, nil
}

// signs completes the receipts of a provider that do not say whose they are.
// Where in nested routers it is, is known inside the attempt only.
func signs(p Provider) Provider {
	do := p.Do
	if do == nil {
		return p // failover.New refuses it
	}
	p.Do = func(ctx context.Context, m Message) (*Receipt, error) {
		receipt, err := do(ctx, m)
		if receipt == nil && err != nil && failover.Classify(err).Outcome == failover.OutcomeAccepted {
			receipt = &Receipt{}
		}
		if receipt == nil || receipt.Attempt != "" {
			return receipt, err
		}
		signed, tag := *receipt, phone.TagOf(ctx) // a copy: a provider may hand out what it keeps
		signed.Provider, signed.Operation, signed.Attempt = tag.Provider, tag.Operation, tag.Attempt
		return &signed, err
	}
	return p
}

// Send sends the message with the first provider that takes it. Name what is
// sent with failover.Operation, so that calling Send again for the same thing
// does not send it again.
//
// A message that fails Validate is refused with a failover.Error of class
// invalid before any provider is asked. An error that matches
// failover.ErrUncertain means that the message may have been sent, any other
// that it was not; see failover.Router.Do for all of them.
func (c *Client) Send(ctx context.Context, m Message) (*Receipt, error) {
	if err := m.Validate(); err != nil {
		return nil, Invalid(err)
	}
	result, err := c.router.Route(ctx, m)
	if err != nil {
		return nil, err
	}
	// A copy: a provider may hand out what it keeps. What a Lookup has found, and
	// what a classifier has read as a yes, may be without a receipt, or without a
	// name.
	var receipt Receipt
	if result.Value != nil {
		receipt = *result.Value
	}
	receipt.Uncertain = result.Uncertain
	if last := result.Attempts[len(result.Attempts)-1]; receipt.Attempt == "" {
		receipt.Provider, receipt.Operation, receipt.Attempt = last.Provider, last.Operation, last.ID
	}
	return &receipt, nil
}

// Report takes what a status webhook said. It settles an attempt that was
// uncertain, before or after Send has returned, and counts for or against the
// provider unless the recipient was the cause; it never sends anything again.
// Updates may be reported twice and in any order.
//
// It returns [ErrNotOurs] for an update of a message that Send did not send,
// and otherwise what failover.Router.Report returns.
func (c *Client) Report(u Update) error {
	if u.Operation == "" || u.Provider == "" {
		return ErrNotOurs
	}
	return c.router.Report(u.Operation, u.Provider, u.Outcome(), u.cause())
}

// ErrNotOurs says that an update carries no operation: its message was sent by
// somebody else, or without a StatusCallback.
var ErrNotOurs = errors.New("sms: the update names no operation")

// Router is the router underneath, for Status, Plan, SetPrimary, Disable and
// the rest.
func (c *Client) Router() *failover.Router[Message, *Receipt] { return c.router }

// Close closes the router: see failover.Router.Close.
func (c *Client) Close() error { return c.router.Close() }
