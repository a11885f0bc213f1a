package openai

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/respjson"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// response translates a whole answer.
func (c *Client) response(req llm.Request, a *sdk.ChatCompletion, meta *sdkcall.Meta) (*llm.Response, error) {
	if a == nil {
		return nil, incomplete(meta, errNoChoice)
	}
	if len(a.Choices) == 0 {
		return nil, spoiled(meta, []byte(a.RawJSON()), errNoChoice)
	}
	choice := a.Choices[0]
	if fault := extra(choice.JSON.ExtraFields, "error"); fault != "" {
		return nil, within(meta, envelope(fault))
	}
	said := choice.Message
	text := said.Content + said.Refusal
	if req.Resumed() {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
	}
	m := llm.Message{Role: llm.RoleAssistant}
	if field, thought := reasoned(said.JSON.ExtraFields); thought != "" {
		m.Parts = append(m.Parts, c.thought(field, thought))
	}
	if text != "" {
		m.Parts = append(m.Parts, llm.Part{Text: text})
	}
	for _, call := range said.ToolCalls {
		whole, ok := wholeCall(call.ID, call.Function.Name, call.Function.Arguments)
		if !ok || cutCall(choice.FinishReason, call.Function.Arguments) {
			return nil, brokenCall(meta, choice.FinishReason)
		}
		m.Parts = append(m.Parts, llm.Part{Call: whole})
	}
	e := ending{reason: choice.FinishReason, text: text != "", calls: len(said.ToolCalls) > 0, refused: said.Refusal != ""}
	finish, err := e.finish(meta)
	if err != nil {
		return nil, err
	}
	return &llm.Response{
		Message: m, Finish: finish, Usage: usage(a.Usage), Model: a.Model, Provider: c.name, RequestID: requestID(meta, a.ID),
	}, nil
}

// extra is a field that OpenAI does not have, as JSON; "" if it is not there or
// null.
func extra(fields map[string]respjson.Field, name string) string {
	f, ok := fields[name]
	if raw := f.Raw(); ok && raw != respjson.Null {
		return raw
	}
	return ""
}

// envelope is an error that stands alone, in the place that it usually has.
func envelope(fault string) []byte { return []byte(`{"error":` + fault + `}`) }

// ending is how an answer ended, for its finish.
type ending struct {
	reason      string
	text, calls bool // there was some
	refused     bool // by the model
}

// finish is why an answer ended. One with nothing in it is an error, unless
// the request allowed for no more.
func (e ending) finish(meta *sdkcall.Meta) (llm.Finish, error) {
	f := finishes[strings.ToLower(e.reason)]
	switch {
	case f == "" && strings.EqualFold(e.reason, "error"): // OpenRouter
		return "", incomplete(meta, errUnfinished)
	case f == "":
		f = llm.FinishOther
	}
	switch {
	case f == llm.FinishRefused && !e.text && !e.calls:
		filtered := incomplete(meta, nil)
		filtered.Class, filtered.Code = failover.ClassFiltered, "content_filter"
		return "", filtered
	case f == llm.FinishLength && !e.text && !e.calls:
		return "", noRoom(meta, errEmpty)
	case !e.text && !e.calls:
		return "", incomplete(meta, errEmpty)
	case e.refused:
		return llm.FinishRefused, nil
	case e.calls && (f == llm.FinishStop || f == llm.FinishOther):
		return llm.FinishCalls, nil // compatible servers call it a stop
	case !e.calls && f == llm.FinishCalls:
		return llm.FinishOther, nil
	}
	return f, nil
}

// finishes are the reasons to finish, of OpenAI and of compatible servers.
var finishes = map[string]llm.Finish{
	"stop":           llm.FinishStop,
	"eos":            llm.FinishStop, // Together
	"eos_token":      llm.FinishStop, // Hugging Face
	"stop_sequence":  llm.FinishStop,
	"end_turn":       llm.FinishStop,
	"length":         llm.FinishLength,
	"max_tokens":     llm.FinishLength,
	"model_length":   llm.FinishLength, // Mistral
	"tool_calls":     llm.FinishCalls,
	"function_call":  llm.FinishCalls,
	"content_filter": llm.FinishRefused,
	"safety":         llm.FinishRefused,
	"refusal":        llm.FinishRefused,
}

// cutCall says whether a call's arguments were cut off before they began: an
// answer that ended early has none of a call that has some.
func cutCall(reason, args string) bool {
	f := finishes[strings.ToLower(reason)]
	return (f == llm.FinishLength || f == llm.FinishRefused) && strings.Trim(args, " \t\r\n{}") == ""
}

// brokenCall is the error of an answer with a call that is not whole.
func brokenCall(meta *sdkcall.Meta, reason string) error {
	if finishes[strings.ToLower(reason)] == llm.FinishLength {
		return noRoom(meta, errBadCall)
	}
	return incomplete(meta, errBadCall)
}

// noRoom is an answer for which MaxTokens, or the context, was too small:
// nobody's fault.
func noRoom(meta *sdkcall.Meta, cause error) error {
	e := incomplete(meta, cause)
	e.Class = failover.ClassUnsupported
	return e
}

// wholeCall is a tool call whose arguments are a JSON object; ok is false if
// they are not. Models write them themselves, and err.
func wholeCall(id, name, args string) (call *llm.ToolCall, ok bool) {
	args = strings.TrimSpace(args)
	if args == "" || args == "null" {
		args = "{}"
	}
	if name == "" || args[0] != '{' || !json.Valid([]byte(args)) {
		return nil, false
	}
	if id == "" {
		id = newCallID()
	}
	return &llm.ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}, true
}

// newCallID makes an id for a call that its vendor gave none.
func newCallID() string { return "call_" + rand.Text() }

// reasoningFields are where compatible servers show the reasoning: DeepSeek
// and older vLLM, and OpenRouter, Groq and vLLM.
var reasoningFields = []string{"reasoning_content", "reasoning"}

// reasoned finds the reasoning of a message or a piece of one.
func reasoned(fields map[string]respjson.Field) (field, text string) {
	if len(fields) == 0 {
		return "", ""
	}
	for _, field := range reasoningFields {
		if text := httpcall.String(json.RawMessage(extra(fields, field))); text != "" {
			return field, text
		}
	}
	return "", ""
}

// opaque is what is kept of a thought for its vendor: where it was.
type opaque struct {
	Field string `json:"field"`
}

// thought is a part of reasoning. OpenAI itself wants none back, and refuses
// it: what comes under its name is of a server that goes without one.
func (c *Client) thought(field, text string) llm.Part {
	p := llm.Part{Thinking: text}
	if c.vendor == Vendor {
		return p
	}
	data, err := json.Marshal(opaque{Field: field})
	if err != nil {
		return p
	}
	p.Opaque = &llm.Opaque{Vendor: c.vendor, Data: data}
	return p
}

func usage(u sdk.CompletionUsage) llm.Usage {
	return llm.Usage{
		Input:      int(u.PromptTokens),
		Cached:     int(u.PromptTokensDetails.CachedTokens),
		CacheWrite: int(u.PromptTokensDetails.CacheWriteTokens),
		Output:     int(u.CompletionTokens),
		Reasoning:  int(u.CompletionTokensDetails.ReasoningTokens),
	}
}

// requestID is the vendor's id of the request, or else of the answer.
func requestID(meta *sdkcall.Meta, answer string) string {
	if id := failover.HTTPError(&http.Response{Header: meta.Header()}).RequestID; id != "" {
		return id
	}
	return answer
}
