package httpcall

import (
	"context"
	"net/http"

	"github.com/gofailover/failover"
)

// MaxJSON bounds an answer of JSON: the words of a day of talk, each with its
// times.
const MaxJSON = 64 << 20

// JSON sends r and returns the body of its answer, whole, and the answer's
// header. Whether it is the JSON that it should be the caller must see; one that
// is not becomes an error with [Instead]. A refusal is read by parse and is an
// error.
func (c *Client) JSON(ctx context.Context, r Request, parse func(body []byte) Envelope) ([]byte, *http.Response, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if !succeeded(resp) {
		return nil, nil, Failure(resp, parse)
	}
	body, err := ReadAll(resp, MaxJSON)
	if err != nil {
		return nil, nil, err
	}
	return body, resp, nil
}

// Instead is an answer with a good status that is not what it should be: an
// error sent as a success, or something that is not the vendor's at all, which
// is incomplete because of cause.
func Instead(resp *http.Response, said Envelope, cause error) error {
	e := Refusal(resp, said)
	if said.Class == failover.ClassUnknown {
		e.Class, e.Err = failover.ClassIncomplete, cause
	}
	return e
}
