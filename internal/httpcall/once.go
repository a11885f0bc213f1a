package httpcall

import (
	"context"
	"net/http"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/sendonce"
)

// Once is the client to give to New for requests with side effects: client, or
// one with a transport made for them.
func Once(client *http.Client) *http.Client {
	if client != nil && client.Transport != nil {
		return client
	}
	return &http.Client{Transport: sendonce.Shared()}
}

// SendOnce sends r, which has a side effect, and returns what a success
// answered. Every error is a failover.Error that knows its outcome: not
// accepted if the vendor said no or nothing can have reached it, accepted if the
// vendor said yes and the rest of its answer could not be read, unknown
// otherwise.
func (c *Client) SendOnce(ctx context.Context, r Request, parse func(body []byte) Envelope) ([]byte, *http.Response, error) {
	req, err := c.inJSON(ctx, r)
	if err != nil {
		return nil, nil, &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: err}
	}
	resp, err := failover.SendOnce(c.http, req)
	if err != nil {
		return nil, nil, err
	}
	if !succeeded(resp) {
		return nil, nil, Failure(resp, parse)
	}
	body, err := ReadAll(resp, maxReceipt)
	if err != nil {
		return nil, resp, Unreadable(resp, err)
	}
	return body, resp, nil
}

// maxReceipt bounds the answer to a request with a side effect.
const maxReceipt = 1 << 20

// Unreadable is a request that the vendor took, with an answer that cannot be
// understood.
func Unreadable(resp *http.Response, cause error) error {
	e := failover.HTTPError(resp)
	e.Class, e.Outcome, e.RetryAfter, e.Err = failover.ClassIncomplete, failover.OutcomeAccepted, 0, cause
	return e
}
