package once_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"

	"github.com/gofailover/failover"
)

// own is the adapter that a user would write: a function around
// failover.SendOnce and failover.HTTPError, with a vendor's Idempotency-Key.
func own[Req, Resp any](
	name, url string, client *http.Client, body func(Req) map[string]string, receipt func(id string) Resp,
) failover.Provider[Req, Resp] {
	p := failover.Wrap(name, func(ctx context.Context, r Req) (resp Resp, err error) {
		payload, err := json.Marshal(body(r))
		if err != nil {
			return resp, err
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/send", bytes.NewReader(payload))
		if err != nil {
			return resp, err
		}
		req.Header.Set("Idempotency-Key", failover.AttemptID(ctx))
		answer, err := failover.SendOnce(client, req)
		if err != nil {
			return resp, err
		}
		defer answer.Body.Close()
		if answer.StatusCode/100 != 2 {
			return resp, failover.HTTPError(answer)
		}
		var said struct {
			ID string `json:"id"`
		}
		text, err := io.ReadAll(answer.Body)
		if err == nil {
			err = json.Unmarshal(text, &said)
		}
		if err != nil {
			return resp, &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Err: err}
		}
		return receipt(said.ID), nil
	})
	p.SideEffect = true
	return p
}
