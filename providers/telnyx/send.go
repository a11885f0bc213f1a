package telnyx

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// answerError is a fault of an answer, safe to print.
type answerError string

func (e answerError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e answerError) SafeToPrint() {}

const (
	errNoID     = answerError("the answer names no id")
	errNoCredit = answerError("the account has no credit left")
	errTooLate  = answerError("the command was first given too long ago to be repeated")
)

// answer is the envelope of every success.
type answer[T any] struct {
	Data T `json:"data"`
}

// send makes a request with a side effect, once, and reads its answer into
// what. An answer that is not JSON is an error of OutcomeAccepted.
func (c *Client) send(ctx context.Context, path string, body, what any, because causes) (*http.Response, error) {
	payload, err := json.Marshal(body)
	if err != nil {
		return nil, err // strings, numbers and lists of them always marshal
	}
	var said refusal
	parse := func(body []byte) httpcall.Envelope {
		said = readError(body)
		return said.envelope()
	}
	raw, resp, err := c.calls.SendOnce(ctx, httpcall.Request{Method: http.MethodPost, Path: path, Body: payload}, parse)
	if err != nil {
		if e, ok := errors.AsType[*failover.Error](err); ok {
			said.settle(e, because)
		}
		return resp, err
	}
	if !decode(raw, what) {
		return resp, httpcall.Unreadable(resp, httpcall.ErrNotJSON)
	}
	return resp, nil
}

// ask makes a request that can be repeated, and reads its answer into what.
func (c *Client) ask(ctx context.Context, r httpcall.Request, what any) (*http.Response, error) {
	resp, err := c.calls.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return nil, httpcall.Failure(resp, func(body []byte) httpcall.Envelope { return readError(body).envelope() })
	}
	raw, err := httpcall.ReadAll(resp, httpcall.MaxError)
	if err != nil {
		return nil, err
	}
	if !decode(raw, what) {
		return nil, httpcall.Incomplete(resp, httpcall.ErrNotJSON)
	}
	return resp, nil
}
