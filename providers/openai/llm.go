package openai

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// LLM is the account's language models. Its Check lists the models, which is
// free of charge and proves key and reachability, not that a model can answer.
// Its Limits are those of the latest answer, errors included. The time of an
// attempt and of a stream is the client's: set Timeout and its neighbours in
// the result to change that.
func (c *Client) LLM() llm.Provider {
	return llm.Provider{
		Name: c.name, Vendor: c.vendor, Account: c.account, Models: c.models.Clone(),
		Known:    func(id string) *llm.Capabilities { return informed(llm.Model{ID: id}, c.vendor).Can },
		Complete: c.complete, Stream: c.stream,
		Check: c.check, List: c.listModels, Limits: c.meter.Latest,
		Supports: func(req llm.Request) bool {
			_, _, err := c.params(req)
			return failover.ClassOf(err) != failover.ClassUnsupported
		},
		Explain: func(req llm.Request) error {
			_, _, err := c.params(req)
			return err
		},
	}
}

// complete gives a whole answer.
func (c *Client) complete(ctx context.Context, req llm.Request) (*llm.Response, error) {
	params, model, err := c.params(req)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	ctx, meta := sdkcall.With(ctx)
	answer, err := c.chat.New(ctx, params, c.calls...)
	if err := c.outcome(ctx, meta, err); err != nil {
		return nil, err
	}
	resp, err := c.response(req, answer, meta)
	if err != nil {
		return nil, err
	}
	if resp.Model == "" {
		resp.Model = model
	}
	resp.Duration = time.Since(begun)
	return resp, nil
}

// outcome is what became of a call of a language model. It notes the rate
// limits of the answer.
func (c *Client) outcome(ctx context.Context, meta *sdkcall.Meta, err error) error {
	c.meter.Note(readLimits(meta.Header(), time.Now()))
	return outcome(ctx, meta, err)
}

// outcome is what became of a call: its error, if the vendor refused it or it
// came to nothing.
func outcome(ctx context.Context, meta *sdkcall.Meta, err error) error {
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	// Of a redirect that was not followed the SDK makes a success.
	if refusal := meta.Refusal(readError); refusal != nil {
		if refusal.Status == http.StatusRequestEntityTooLarge ||
			refusal.Class == failover.ClassRateLimited && strings.HasPrefix(refusal.Message, tooLarge) {
			// It is called a rate limit, but no wait makes the request fit.
			refusal.Class, refusal.RetryAfter = failover.ClassUnsupported, 0
		}
		return refusal
	}
	if err != nil {
		return failed(meta, err)
	}
	return nil
}

// tooLarge is how OpenAI begins the message of a 429 for one request that is
// larger than a whole minute's allowance. It has no code of its own.
const tooLarge = "Request too large"

// scopeOfModels is what a restricted key needs to list models. One that may
// only ask them is healthy.
const scopeOfModels = "api.model.read"

// check lists the models.
func (c *Client) check(ctx context.Context) error {
	_, err := c.listModels(ctx)
	if e, ok := err.(*failover.Error); ok && //nolint:errorlint // as listModels made it
		(e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden) && strings.Contains(e.Message, scopeOfModels) {
		return nil
	}
	return err
}

// listed is a model as compatible servers list them.
type listed struct {
	ID          string  `json:"id"`
	Created     float64 `json:"created"`
	Name        string  `json:"name"`
	DisplayName string  `json:"display_name"`
}

// listModels lists the models. The API has no pages.
func (c *Client) listModels(ctx context.Context) ([]llm.ModelInfo, error) {
	var body []byte
	ctx, meta := sdkcall.With(ctx)
	_, err := c.list.List(ctx, append(slices.Clip(c.calls), option.WithResponseBodyInto(&body))...)
	if err := c.outcome(ctx, meta, err); err != nil {
		return nil, err
	}
	var page struct {
		Data *[]listed `json:"data"`
	}
	all := &[]listed{}
	if json.Unmarshal(body, all) != nil { // Together's is an array
		if json.Unmarshal(body, &page) != nil || page.Data == nil {
			return nil, spoiled(meta, body, httpcall.ErrNotJSON)
		}
		all = page.Data
	}
	models := make([]llm.ModelInfo, 0, len(*all))
	for _, m := range *all {
		info := llm.ModelInfo{Provider: c.name, ID: m.ID, Name: m.Name}
		if info.Name == "" {
			info.Name = m.DisplayName
		}
		if m.Created > 0 {
			info.Created = time.Unix(int64(m.Created), 0)
		}
		models = append(models, info)
	}
	return models, nil
}
