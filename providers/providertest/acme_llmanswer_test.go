package providertest_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

const acmeMost = 8 << 20 // of an answer

func (a *talker) complete(ctx context.Context, req llm.Request) (*llm.Response, error) {
	body, err := a.encode(req, false)
	if err != nil {
		return nil, err
	}
	answer, id, err := a.answer(ctx, body)
	if err != nil {
		return nil, err
	}
	choice := answer.Choices[0]
	e := ended{provider: a.name(), model: answer.Model, id: id, text: choice.Message.Content, reason: choice.FinishReason}
	for _, c := range choice.Message.ToolCalls {
		e.calls = append(e.calls, &c)
	}
	e.count(answer)
	parts, err := a.parts(&e)
	if err != nil {
		return nil, err
	}
	s := e.summary()
	return &llm.Response{
		Message: llm.Message{Role: llm.RoleAssistant, Parts: parts}, Finish: s.Finish, Usage: s.Usage, Model: s.Model,
		Provider: s.Provider, RequestID: s.RequestID,
	}, nil
}

// answer reads a whole answer that has a choice.
func (a *talker) answer(ctx context.Context, body []byte) (answer wireAnswer, id string, err error) {
	resp, err := a.call(ctx, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return answer, "", err
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, acmeMost))
	if err != nil {
		return answer, "", incomplete(ctx, err)
	}
	_ = json.Unmarshal(body, &answer) // without a choice it is none
	switch {
	case a.fault == faultGullible && len(answer.Choices) == 0:
		answer.Choices = make([]struct {
			Message struct {
				Content   string     `json:"content"`
				ToolCalls []wireCall `json:"tool_calls"`
			} `json:"message"`
			Delta struct {
				Content   string     `json:"content"`
				ToolCalls []wireCall `json:"tool_calls"`
			} `json:"delta"`
			FinishReason string `json:"finish_reason"`
		}, 1)
		answer.Choices[0].Message.Content = string(body)
	case answer.Error != nil || len(answer.Choices) == 0 || !json.Valid(body):
		return answer, "", a.within(body)
	}
	return answer, resp.Header.Get("X-Request-Id"), nil
}

// ended is an answer, gathered.
type ended struct {
	provider, model, id, text, reason string

	calls   []*wireCall
	usage   llm.Usage
	counted bool
}

func (e *ended) count(a wireAnswer) {
	if u := a.Usage; u != nil {
		e.counted = true
		e.usage = llm.Usage{Input: u.Prompt, Cached: u.Read.Cached, Output: u.Completion, Reasoning: u.Written.Reasoning}
	}
}

func (e *ended) summary() llm.Summary {
	finish, ok := map[string]llm.Finish{
		"stop": llm.FinishStop, "length": llm.FinishLength, "tool_calls": llm.FinishCalls, "content_filter": llm.FinishRefused,
	}[e.reason]
	if !ok {
		finish = llm.FinishOther
	}
	return llm.Summary{Finish: finish, Usage: e.usage, Model: e.model, Provider: e.provider, RequestID: e.id}
}

// parts are those of the message, if it is one.
func (a *talker) parts(e *ended) ([]llm.Part, error) {
	var parts []llm.Part
	if e.text != "" {
		parts = append(parts, llm.Part{Text: e.text})
	}
	for i, c := range e.calls {
		if !strings.HasPrefix(c.Function.Arguments, "{") || !json.Valid([]byte(c.Function.Arguments)) {
			return nil, &failover.Error{Class: failover.ClassIncomplete}
		}
		if i == 0 || a.fault != faultOneCall {
			parts = append(parts, llm.Part{Call: &llm.ToolCall{
				ID: c.ID, Name: c.Function.Name, Args: json.RawMessage(c.Function.Arguments),
			}})
		}
	}
	switch {
	case len(parts) > 0:
		return parts, nil
	case a.fault == faultBlocked:
		return []llm.Part{{Text: "I cannot say."}}, nil
	case e.reason == "content_filter":
		return nil, &failover.Error{Class: failover.ClassFiltered}
	}
	return nil, &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrEmpty}
}

func (a *talker) stream(ctx context.Context, req llm.Request) failover.Stream[llm.Chunk] {
	return func(yield func(llm.Chunk, error) bool) {
		body, err := a.encode(req, true)
		if err == nil {
			err = a.open(ctx, body, yield)
		}
		if err != nil {
			yield(llm.Chunk{}, err)
		}
	}
}

// open asks for a stream and gives what comes of it.
func (a *talker) open(ctx context.Context, body []byte, yield func(llm.Chunk, error) bool) error {
	resp, err := a.call(ctx, http.MethodPost, "/chat/completions", body)
	if err != nil {
		return err
	}
	if a.fault != faultHang {
		defer resp.Body.Close()
	}
	var source io.Reader = resp.Body
	if a.fault == faultSlow {
		all, _ := io.ReadAll(resp.Body)
		source = bytes.NewReader(all)
	}
	e := ended{provider: a.name(), id: resp.Header.Get("X-Request-Id")}
	left := false
	give := func(c llm.Chunk) {
		if !left && !yield(c, nil) {
			left = true
		}
	}
	err = a.events(source, &e, give, &left)
	switch {
	case left:
		return nil
	case a.fault == faultTrust && e.text != "" && err == nil:
		e.reason = either(e.reason, "stop")
	case a.fault == faultLastWord && strings.HasSuffix(e.text, "."):
		e.reason, err = either(e.reason, "stop"), nil
	case a.fault == faultDouble && err != nil && ctx.Err() == nil:
		if again, failed := a.call(ctx, http.MethodPost, "/chat/completions", body); failed == nil {
			again.Body.Close()
		}
	}
	if e.reason == "" {
		if _, ok := err.(*failover.Error); ok {
			return err
		}
		return incomplete(ctx, err)
	}
	return a.finish(&e, give, &left)
}

func either(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (a *talker) name() string {
	if a.fault == faultBlank {
		return ""
	}
	return "acme"
}

// finish gives the calls, which are whole now, and the summary.
func (a *talker) finish(e *ended, give func(llm.Chunk), left *bool) error {
	parts, err := a.parts(e)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if p.Call != nil && a.fault != faultHalfCall {
			give(llm.Chunk{Done: &p})
		}
	}
	if s := e.summary(); !*left && a.fault != faultNoSummary {
		give(llm.Chunk{Summary: &s})
	}
	return nil
}

// events reads a stream until it is over.
func (a *talker) events(source io.Reader, e *ended, give func(llm.Chunk), left *bool) error {
	lines := bufio.NewReader(io.LimitReader(source, acmeMost))
	for !*left {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF && len(line) == 0 {
			return nil
		}
		if err != nil && err != io.EOF {
			return err
		}
		data, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("data: "))
		switch {
		case !ok && bytes.HasPrefix(line, []byte("{")):
			return a.within(line)
		case !ok:
			continue
		case string(data) == "[DONE]":
			_, _ = io.Copy(io.Discard, lines)
			return nil
		}
		var event wireAnswer
		if json.Unmarshal(data, &event) != nil && e.reason == "" {
			return &failover.Error{Class: failover.ClassIncomplete}
		}
		if event.Error != nil && a.fault != faultEvents {
			return a.within(data)
		}
		a.take(event, e, give)
	}
	return nil
}

// take takes in an event.
func (a *talker) take(event wireAnswer, e *ended, give func(llm.Chunk)) {
	e.model = either(event.Model, e.model)
	e.count(event)
	for _, choice := range event.Choices {
		if text := choice.Delta.Content; text != "" {
			e.text += text
			if a.fault == faultLost && text == "the " {
				continue
			}
			give(llm.Chunk{Text: text})
		}
		for _, piece := range choice.Delta.ToolCalls {
			a.takeCall(piece, e, give)
		}
		e.reason = either(choice.FinishReason, e.reason)
	}
}

func (a *talker) takeCall(piece wireCall, e *ended, give func(llm.Chunk)) {
	at := slices.IndexFunc(e.calls, func(c *wireCall) bool { return c.Index == piece.Index })
	if at < 0 {
		at = len(e.calls)
		e.calls = append(e.calls, &wireCall{Index: piece.Index, ID: piece.ID, Function: function{Name: piece.Function.Name}})
	}
	c := e.calls[at]
	c.Function.Arguments += piece.Function.Arguments
	give(llm.Chunk{Call: &llm.CallDelta{Index: at, ID: piece.ID, Name: piece.Function.Name, Args: piece.Function.Arguments}})
	if a.fault == faultHalfCall && piece.Function.Arguments != "" {
		args := c.Function.Arguments
		if !json.Valid([]byte(args)) {
			args = "{}"
		}
		give(llm.Chunk{Done: &llm.Part{Call: &llm.ToolCall{ID: c.ID, Name: c.Function.Name, Args: json.RawMessage(args)}}})
	}
}

func (a *talker) check(ctx context.Context) error {
	if a.fault == faultPaid {
		body, err := a.encode(llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}}, false)
		if err != nil {
			return err
		}
		_, _, err = a.answer(ctx, body)
		return err
	}
	_, err := a.list(ctx)
	return err
}

func (a *talker) list(ctx context.Context) ([]llm.ModelInfo, error) {
	resp, err := a.call(ctx, http.MethodGet, "/models", nil)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var page struct {
		Data []struct {
			ID      string `json:"id"`
			Created int64  `json:"created"`
		} `json:"data"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, acmeMost))
	if err == nil {
		err = json.Unmarshal(body, &page)
	}
	if err != nil || page.Data == nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &failover.Error{Class: failover.ClassIncomplete, Status: http.StatusOK}
	}
	models := make([]llm.ModelInfo, 0, len(page.Data))
	for _, m := range page.Data {
		models = append(models, llm.ModelInfo{Provider: "acme", ID: m.ID, Created: time.Unix(m.Created, 0)})
	}
	return models, nil
}
