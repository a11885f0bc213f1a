package providertest_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// talker is an adapter for a vendor of language models, written over plain
// net/http, and a fault of it.
type talker struct {
	key, base string
	client    http.Client
	fault     string
	meter     llm.Meter
	models    llm.Models
}

// More ways to get an adapter wrong, of those for language models.
const (
	faultTrust     = "takes every clean end for the end"
	faultHalfCall  = "gives calls before they are whole"
	faultLastWord  = "takes the last word for the end"
	faultMute      = "drops the system's text"
	faultOneCall   = "knows one call only"
	faultLongIDs   = "sends ids as they are"
	faultForeign   = "sends the thoughts of others"
	faultUnasked   = "asks for what the model lacks"
	faultNoUsage   = "does not ask for the usage"
	faultBlocked   = "takes a block for an answer"
	faultImages    = "drops images"
	faultHang      = "does not close what is left"
	faultEvents    = "takes an error inside for the end"
	faultAmbient   = "reads the environment"
	faultMeterless = "reads no limits of errors"
	faultMixed     = "writes into the request"
	faultSlow      = "collects before it gives"
	faultDouble    = "repeats a stream that broke"
	faultLost      = "loses a piece of the text"
)

func newTalker(fault string) func(key, baseURL string, client *http.Client) (llm.Provider, error) {
	return func(key, baseURL string, client *http.Client) (llm.Provider, error) {
		a := &talker{key: key, base: baseURL + "/v1", fault: fault, client: http.Client{Transport: client.Transport}}
		if fault != faultRedirect {
			a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		}
		if fault == faultHasty {
			a.client.Timeout = time.Second
		}
		if own := os.Getenv("OPENAI_API_KEY"); fault == faultAmbient && own != "" {
			a.key = own
		}
		a.models = llm.Models{"smart": {ID: "gpt-4.1", Can: &llm.Capabilities{
			Vision: true, ImageURLs: true, Tools: true, JSON: true, JSONSchema: true, Prefill: fault == faultUnasked,
		}}}
		return llm.Provider{
			Name: "acme", Models: a.models, Complete: a.complete, Stream: a.stream,
			Check: a.check, List: a.list, Limits: a.meter.Latest,
		}, nil
	}
}

// The wire.
type (
	wireRequest struct {
		Model               string          `json:"model"`
		Messages            []wireMessage   `json:"messages"`
		Tools               []wireTool      `json:"tools,omitempty"`
		ToolChoice          any             `json:"tool_choice,omitempty"`
		ResponseFormat      any             `json:"response_format,omitempty"`
		MaxCompletionTokens int             `json:"max_completion_tokens,omitempty"`
		Temperature         *float64        `json:"temperature,omitempty"`
		Stop                []string        `json:"stop,omitempty"`
		Seed                *int64          `json:"seed,omitempty"`
		Stream              bool            `json:"stream,omitempty"`
		StreamOptions       map[string]bool `json:"stream_options,omitempty"`
	}
	wireMessage struct {
		Role       string     `json:"role"`
		Content    any        `json:"content"`
		ToolCalls  []wireCall `json:"tool_calls,omitempty"`
		ToolCallID string     `json:"tool_call_id,omitempty"`
	}
	wireCall struct {
		Index    int      `json:"index"`
		ID       string   `json:"id,omitempty"`
		Type     string   `json:"type,omitempty"`
		Function function `json:"function"`
	}
	function struct {
		Name        string          `json:"name,omitempty"`
		Description string          `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
		Arguments   string          `json:"arguments"`
	}
	wireTool struct {
		Type     string   `json:"type"`
		Function function `json:"function"`
	}
	wireAnswer struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Choices []struct {
			Message struct {
				Content   string     `json:"content"`
				ToolCalls []wireCall `json:"tool_calls"`
			} `json:"message"`
			Delta struct {
				Content   string     `json:"content"`
				ToolCalls []wireCall `json:"tool_calls"`
			} `json:"delta"`
			FinishReason string `json:"finish_reason"`
		} `json:"choices"`
		Usage *struct {
			Prompt     int `json:"prompt_tokens"`
			Completion int `json:"completion_tokens"`
			Read       struct {
				Cached int `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
			Written struct {
				Reasoning int `json:"reasoning_tokens"`
			} `json:"completion_tokens_details"`
		} `json:"usage"`
		Error json.RawMessage `json:"error"`
	}
)

type fields = map[string]any

// encode translates a request.
func (a *talker) encode(req llm.Request, stream bool) ([]byte, error) {
	if a.fault != faultEager {
		if err := req.Validate(); err != nil {
			return nil, llm.Invalid(err)
		}
	}
	m, ok := a.models.Find("acme", req.Model)
	if !ok {
		return nil, llm.Unsupported("Model", "is none of ours")
	}
	if field, what := m.Can.Lacks(req); field != "" {
		return nil, llm.Unsupported(field, "needs %s", what)
	}
	w := wireRequest{
		Model: m.ID, MaxCompletionTokens: req.MaxTokens, Temperature: req.Temperature, Stop: req.Stop, Seed: req.Seed, Stream: stream,
	}
	if stream && a.fault != faultNoUsage {
		w.StreamOptions = map[string]bool{"include_usage": true}
	}
	if req.System != "" && a.fault != faultMute {
		w.Messages = append(w.Messages, wireMessage{Role: "system", Content: req.System})
	}
	ids := map[string]string{}
	for _, message := range req.Messages {
		if a.fault != faultForeign {
			message = message.For("acme")
		}
		w.Messages = append(w.Messages, a.encodeMessage(message, ids)...)
	}
	if a.fault == faultMixed {
		req.Messages[0].Parts[0].Text += " Be brief."
	}
	a.encodeTools(req, &w)
	return json.Marshal(w)
}

func (a *talker) encodeTools(req llm.Request, w *wireRequest) {
	for _, t := range req.Tools {
		w.Tools = append(w.Tools, wireTool{Type: "function", Function: function{
			Name: t.Name, Description: t.Description, Parameters: t.Schema,
		}})
	}
	switch req.ToolChoice.Mode {
	case llm.ToolAuto:
	case llm.ToolNone:
		if len(req.Tools) > 0 {
			w.ToolChoice = "none"
		}
	case llm.ToolRequired:
		w.ToolChoice = "required"
	case llm.ToolNamed:
		w.ToolChoice = fields{"type": "function", "function": fields{"name": req.ToolChoice.Name}}
	}
	switch {
	case len(req.Format.Schema) > 0:
		w.ResponseFormat = fields{"type": "json_schema", "json_schema": fields{"name": "answer", "schema": req.Format.Schema}}
	case req.Format.JSON:
		w.ResponseFormat = fields{"type": "json_object"}
	}
}

// encodeMessage translates a message; results are messages of their own.
func (a *talker) encodeMessage(m llm.Message, ids map[string]string) []wireMessage {
	var all []wireMessage
	var content []fields
	own := wireMessage{Role: string(m.Role)}
	for _, p := range m.Parts {
		switch {
		case p.Result != nil:
			all = append(all, wireMessage{Role: "tool", ToolCallID: ids[p.Result.ID], Content: p.Result.Content})
		case p.Call != nil:
			id := p.Call.ID
			if len(id) > 40 && a.fault != faultLongIDs {
				id = "call_" + strconv.Itoa(len(ids)+1)
			}
			ids[p.Call.ID] = id
			own.ToolCalls = append(own.ToolCalls, wireCall{ID: id, Type: "function", Function: function{
				Name: p.Call.Name, Arguments: string(p.Call.Args),
			}})
		case p.Image != nil && a.fault != faultImages:
			url := p.Image.URL
			if url == "" {
				url = "data:" + p.Image.Type + ";base64," + base64.StdEncoding.EncodeToString(p.Image.Data)
			}
			content = append(content, fields{"type": "image_url", "image_url": fields{"url": url}})
		case p.Text+p.Thinking != "":
			content = append(content, fields{"type": "text", "text": p.Text + p.Thinking})
		}
	}
	if len(content) > 0 {
		own.Content = content
	}
	if len(content)+len(own.ToolCalls) > 0 {
		all = append(all, own)
	}
	return all
}

// call sends a request and gives a good answer.
func (a *talker) call(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	if a.fault == faultDeaf {
		ctx = context.WithoutCancel(ctx)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("acme: bad request")
	}
	req.Header.Set("Authorization", "Bearer "+a.key)
	resp, err := a.client.Do(req)
	if a.fault == faultRetry && err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp.Body.Close()
		req.Body = io.NopCloser(bytes.NewReader(body))
		resp, err = a.client.Do(req)
	}
	switch {
	case a.fault == faultPrint && err != nil:
		return nil, err
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, failover.Classify(err)
	}
	if a.fault != faultMeterless || resp.StatusCode == http.StatusOK {
		a.note(resp.Header)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, a.refusal(resp)
	}
	return resp, nil
}

func (a *talker) note(h http.Header) {
	limit, err := strconv.Atoi(h.Get("X-Ratelimit-Limit-Requests"))
	left, err2 := strconv.Atoi(h.Get("X-Ratelimit-Remaining-Requests"))
	reset, err3 := time.ParseDuration(h.Get("X-Ratelimit-Reset-Requests"))
	if err == nil && err2 == nil && err3 == nil {
		now := time.Now()
		a.meter.Note(llm.RateLimits{At: now, Requests: llm.RateLimit{Limit: limit, Remaining: left, Reset: now.Add(reset)}})
	}
}

// refusal reads an error answer.
func (a *talker) refusal(resp *http.Response) error {
	e := failover.HTTPError(resp)
	if a.fault == faultLeak {
		return e
	}
	defer resp.Body.Close()
	limit := int64(4 << 10)
	if a.fault == faultBound {
		limit = 1 << 30
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, limit))
	if resp.StatusCode < http.StatusMultipleChoices {
		e.Class = failover.ClassIncomplete
	}
	a.explain(e, body)
	if a.fault == faultHint {
		e.RetryAfter = 0
	}
	return e
}

// explain reads the vendor's words.
func (a *talker) explain(e *failover.Error, body []byte) {
	var said struct {
		Error struct {
			Message string `json:"message"`
			Code    string `json:"code"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &said) // other bodies say nothing
	e.Message = said.Error.Message
	class, ok := map[string]failover.Class{
		"insufficient_quota": failover.ClassExhausted, "rate_limit_exceeded": failover.ClassRateLimited,
		"invalid_api_key": failover.ClassUnauthorized,
	}[said.Error.Code]
	if ok && a.fault != faultCode {
		e.Code, e.Class = said.Error.Code, class
	}
	if a.fault == faultMessage {
		e.Code = said.Error.Message
	}
}

// within is an error under a good status.
func (a *talker) within(body []byte) error {
	e := &failover.Error{Class: failover.ClassIncomplete, Status: http.StatusOK}
	if bytes.Contains(body, []byte("server_error")) {
		e.Class = failover.ClassTransient
	}
	a.explain(e, body)
	return e
}

// incomplete is the error of an answer that is not whole.
func incomplete(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &failover.Error{Class: failover.ClassIncomplete, Status: http.StatusOK, Err: err}
}
