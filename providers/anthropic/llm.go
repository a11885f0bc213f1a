package anthropic

import (
	"context"
	"net/http"
	"slices"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// LLM is the provider of language models, for llm.New. It can be used alone
// too: what it returns is safe for concurrent use, and each stream is for one
// consumer.
func (c *Client) LLM() llm.Provider {
	return llm.Provider{
		Name: c.name, Vendor: Vendor, Account: c.account,
		Complete: c.complete, Stream: c.stream,
		Models: c.models.Clone(),
		Known:  func(id string) *llm.Capabilities { return filled(llm.Model{ID: id}).Can },
		Check:  c.check, List: c.list, Limits: c.meter.Latest,
		Supports: func(req llm.Request) bool {
			_, err := c.translate(req, true)
			return err == nil
		},
		Explain: func(req llm.Request) error {
			_, err := c.translate(req, true)
			return err
		},
	}
}

// longest is how long an answer may take at the very most; the context ends
// every call before. Without a time the SDK refuses to ask for long answers.
const longest = time.Hour

// within adds to the options of a call how long it may take; 0 is no limit.
func within(timeout time.Duration, opts []option.RequestOption) []option.RequestOption {
	return append(slices.Clip(opts), option.WithRequestTimeout(timeout))
}

// complete answers a conversation whole.
func (c *Client) complete(ctx context.Context, req llm.Request) (*llm.Response, error) {
	r, err := c.translate(req, false)
	if err != nil {
		return nil, err
	}
	ctx, meta := sdkcall.With(ctx)
	message, err := c.messages.New(ctx, r.params, within(longest, c.asking)...)
	c.note(meta)
	if err != nil {
		return nil, failed(meta, err)
	}
	return c.answer(meta, message, r.resumed)
}

// check asks for one model, which costs nothing.
func (c *Client) check(ctx context.Context) error {
	_, err := c.page(ctx, sdk.ModelListParams{Limit: sdk.Int(1)})
	return err
}

// pageSize is the most models that the vendor lists at once, and mostPages more
// than there are.
const (
	pageSize  = 1000
	mostPages = 100
)

// list names all models.
func (c *Client) list(ctx context.Context) ([]llm.ModelInfo, error) {
	var all []llm.ModelInfo
	params := sdk.ModelListParams{Limit: sdk.Int(pageSize)}
	for range mostPages {
		page, err := c.page(ctx, params)
		if err != nil {
			return nil, err
		}
		for i := range page.models {
			all = append(all, c.info(&page.models[i]))
		}
		switch page.next {
		case "":
			return all, nil
		case params.AfterID.Value:
			return nil, &failover.Error{Class: failover.ClassIncomplete, Err: errPages}
		}
		params.AfterID = sdk.String(page.next)
	}
	return nil, &failover.Error{Class: failover.ClassIncomplete, Err: errPages}
}

// modelPage is one page of the list; next is empty on the last.
type modelPage struct {
	models []sdk.ModelInfo
	next   string
}

// page asks for one page. The SDK's own pager would send several requests under
// one call.
func (c *Client) page(ctx context.Context, params sdk.ModelListParams) (modelPage, error) {
	ctx, meta := sdkcall.With(ctx)
	page, err := c.catalog.List(ctx, params, within(0, c.opts)...)
	c.note(meta)
	switch {
	case err != nil:
		return modelPage{}, failed(meta, err)
	case meta.Status() >= http.StatusMultipleChoices:
		return modelPage{}, meta.Refusal(readError)
	case !page.JSON.Data.Valid():
		return modelPage{}, incomplete(meta, errEmpty)
	}
	answer := modelPage{models: page.Data}
	if page.HasMore {
		answer.next = page.LastID
	}
	return answer, nil
}

func (c *Client) info(m *sdk.ModelInfo) llm.ModelInfo {
	info := llm.ModelInfo{Provider: c.name, ID: m.ID, Name: m.DisplayName}
	if m.CreatedAt.Unix() > 0 { // the vendor's word for not knowing
		info.Created = m.CreatedAt
	}
	return info
}
