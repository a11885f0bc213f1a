package telnyx

import (
	"context"
	"net/http"
	"strconv"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// balance is what the account has to spend.
type balance struct {
	Available text `json:"available_credit"` // balance and credit limit
}

// check asks for the balance, which is free. It proves that the service answers
// and knows the key, and that there is money left.
func (c *Client) check(ctx context.Context) error {
	var b answer[balance]
	resp, err := c.ask(ctx, httpcall.Request{Method: http.MethodGet, Path: "/v2/balance"}, &b)
	if err != nil {
		return err
	}
	if left, err := strconv.ParseFloat(string(b.Data.Available), 64); err == nil && left <= 0 {
		e := failover.HTTPError(resp)
		e.Class, e.Err = failover.ClassExhausted, errNoCredit
		return e
	}
	return nil
}
