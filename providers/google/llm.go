package google

import (
	"context"
	"time"

	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/llm"
)

// LLM is the key's language models: models/{model}:generateContent and
// :streamGenerateContent. Check asks for one entry of the list of models, which
// proves the key and costs nothing. Google tells no rate limits in its answers,
// so that Limits is nil. Every call returns a new value, whose fields can be
// set.
//
// Seed is sent as 32 bits. Metadata is not sent: the API keeps none. Schemas
// are translated to what Gemini understands of JSON Schema; a request with one
// that says more is unsupported here, as are more than five texts of Stop, and
// JSON beside tools at models before Gemini 3.
func (c *Client) LLM() llm.Provider {
	return llm.Provider{
		Name: c.name, Vendor: Vendor, Account: c.account,
		Complete: c.complete,
		Stream:   c.stream,
		Models:   filled(c.models),
		Known:    capabilities,
		Check:    c.check,
		List:     c.list,
		Supports: c.supports,
		Explain: func(req llm.Request) error {
			_, err := c.plan(req)
			return err
		},
	}
}

func (c *Client) supports(req llm.Request) bool {
	_, err := c.plan(req)
	return failover.ClassOf(err) != failover.ClassUnsupported
}

func (c *Client) complete(ctx context.Context, req llm.Request) (*llm.Response, error) {
	begun := time.Now()
	t, err := c.task(req)
	if err != nil {
		return nil, err
	}
	ctx, seen := begin(ctx)
	resp, err := c.generate(ctx, t)
	if err == nil {
		err = seen.broke()
	}
	if err != nil {
		return nil, seen.failed(err)
	}
	answer, err := c.whole(seen, t, resp)
	if err != nil {
		return nil, err
	}
	answer.Provider, answer.Duration = c.name, time.Since(begun)
	return answer, nil
}

// generate calls the SDK, which panics at JSON that is not the vendor's: null,
// a text in the place of a list.
func (c *Client) generate(ctx context.Context, t *task) (resp *genai.GenerateContentResponse, err error) {
	defer func() {
		if r := recover(); r != nil {
			resp, err = nil, errForm
		}
	}()
	return c.sdk.Models.GenerateContent(ctx, t.model, t.contents, t.config)
}

// whole puts an answer together.
func (c *Client) whole(seen *call, t *task, resp *genai.GenerateContentResponse) (*llm.Response, error) {
	var collected llm.Collector
	a := newAnswer(seen, t)
	collect := func(chunk llm.Chunk) bool {
		collected.Add(chunk)
		return true
	}
	if _, err := a.add(resp, collect); err != nil {
		return nil, err
	}
	if first(resp) == nil {
		return nil, seen.nothing()
	}
	end, err := a.end()
	if err != nil {
		return nil, err
	}
	collected.Add(end)
	return collected.Response(), nil
}

// nothing is the error of an answer under a good status without what was asked
// for: it may say why.
func (c *call) nothing() error {
	if s := readError(c.Status(), c.beginning()); s.Envelope != (httpcall.Envelope{}) {
		return c.refused(s)
	}
	return c.incomplete("", errEmpty)
}

func (c *Client) check(ctx context.Context) error {
	_, err := c.page(ctx, "", 1)
	return err
}

const (
	pageSize = 1000 // the most that Google gives
	maxPages = 100  // a list that never ends is none
)

func (c *Client) list(ctx context.Context) ([]llm.ModelInfo, error) {
	var all []llm.ModelInfo
	token := ""
	for range maxPages {
		page, err := c.page(ctx, token, pageSize)
		if err != nil {
			return nil, err
		}
		for _, m := range page.Items {
			if m != nil {
				all = append(all, llm.ModelInfo{Provider: c.name, ID: modelID(m.Name), Name: m.DisplayName})
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	return all, nil
}

// page is a page of the list of models.
func (c *Client) page(ctx context.Context, token string, size int32) (page genai.Page[genai.Model], err error) {
	ctx, seen := begin(ctx)
	defer func() {
		if r := recover(); r != nil {
			err = seen.failed(errForm)
		}
	}()
	page, err = c.sdk.Models.List(ctx, &genai.ListModelsConfig{PageSize: size, PageToken: token})
	if err == nil {
		err = seen.broke()
	}
	if err != nil {
		return page, seen.failed(err)
	}
	if len(page.Items) == 0 && token == "" {
		return page, seen.nothing()
	}
	return page, nil
}
