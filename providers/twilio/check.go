package twilio

import (
	"context"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
)

// check asks for the account: it proves that the vendor is there, knows the key
// and serves the account.
func (c *Client) check(ctx context.Context) error {
	if c.user != c.sid {
		return c.checkKey(ctx)
	}
	x := c.exchange(ctx, nil)
	account, err := x.service().FetchAccount(c.sid)
	switch {
	case err != nil:
		return x.failed(err)
	case value(account.Sid) != c.sid || account.Status == nil:
		return x.unreadable(errNoAccount)
	case *account.Status != "active":
		return &failover.Error{Class: failover.ClassUnauthorized, Outcome: failover.OutcomeNotAccepted, Err: errNotActive}
	}
	return nil
}

// checkKey reads what every key may read.
func (c *Client) checkKey(ctx context.Context) error {
	x := c.exchange(ctx, nil)
	page, err := x.service().PageMessage((&api.ListMessageParams{}).SetPageSize(1), "", "")
	switch {
	case err != nil:
		return x.failed(err)
	case page.Messages == nil:
		return x.unreadable(errNoList)
	}
	return nil
}
