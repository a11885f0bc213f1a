package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gofailover/failover/providers/llm"
)

// completion is an answer, or a piece of one.
type completion struct {
	ID      string   `json:"id"`
	Object  string   `json:"object"`
	Created int64    `json:"created"`
	Model   string   `json:"model"` // as the caller named it
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage,omitempty"`
}

type choice struct {
	Index        int     `json:"index"`
	Message      *said   `json:"message,omitempty"`
	Delta        *said   `json:"delta,omitempty"`
	FinishReason *string `json:"finish_reason"`
}

type said struct {
	Role      string     `json:"role,omitempty"`
	Content   *string    `json:"content,omitempty"`
	ToolCalls []toolCall `json:"tool_calls,omitempty"`
}

type toolCall struct {
	Index    *int   `json:"index,omitempty"` // in pieces
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

// call is a call that comes back in a history.
func (c toolCall) call() *llm.ToolCall {
	return &llm.ToolCall{ID: c.ID, Name: c.Function.Name, Args: json.RawMessage(c.Function.Arguments)}
}

func callOf(c llm.ToolCall) toolCall {
	call := toolCall{ID: c.ID, Type: "function"}
	call.Function.Name, call.Function.Arguments = c.Name, string(c.Args)
	return call
}

type usage struct {
	PromptTokens        int `json:"prompt_tokens"`
	CompletionTokens    int `json:"completion_tokens"`
	TotalTokens         int `json:"total_tokens"`
	PromptTokensDetails struct {
		CachedTokens int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
	CompletionTokensDetails struct {
		ReasoningTokens int `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func usageOf(u llm.Usage) *usage {
	all := &usage{PromptTokens: u.Input, CompletionTokens: u.Output, TotalTokens: u.Input + u.Output}
	all.PromptTokensDetails.CachedTokens = u.Cached
	all.CompletionTokensDetails.ReasoningTokens = u.Reasoning
	return all
}

// finishOf is the word for why an answer ended.
func finishOf(f llm.Finish) *string {
	switch f {
	case llm.FinishLength, llm.FinishCalls:
		return new(string(f))
	case llm.FinishRefused:
		return new("content_filter")
	default:
		return new("stop")
	}
}

func newCompletion(asked chatRequest, object string) completion {
	return completion{ID: "chatcmpl-" + rand.Text(), Object: object, Created: time.Now().Unix(), Model: asked.Model}
}

// whole is an answer in one piece.
func whole(asked chatRequest, answer *llm.Response) completion {
	m := &said{Role: "assistant", Content: new(answer.Text())}
	for _, c := range answer.Calls() {
		m.ToolCalls = append(m.ToolCalls, callOf(c))
	}
	c := newCompletion(asked, "chat.completion")
	c.Choices = []choice{{Message: m, FinishReason: finishOf(answer.Finish)}}
	c.Usage = usageOf(answer.Usage)
	return c
}

// stream sends an answer as it comes. An error before its first word has a
// status of its own; one after it is an event, and the stream has no [DONE].
func (e *endpoint) stream(ctx context.Context, w http.ResponseWriter, r *http.Request, asked chatRequest, req llm.Request) {
	stream, story := e.client.RouteStream(ctx, req)
	out := events{
		w: w, control: http.NewResponseController(w),
		piece: newCompletion(asked, "chat.completion.chunk"), wantsUsage: asked.StreamOptions.IncludeUsage,
	}
	for chunk, err := range stream {
		if chunk.Restart && out.begun {
			err = errRestarted
		}
		if err != nil && !out.begun {
			e.fail(w, r, err)
			return
		}
		if err != nil {
			if p, ok := e.problem(r, err); ok {
				_ = out.send(envelope{p})
			}
			return
		}
		if !out.begun {
			w.Header().Set(servedBy, story.Provider)
		}
		if out.chunk(chunk) != nil {
			return // the caller left
		}
	}
}

var errRestarted = errors.New("the stream began again after a part of it was sent: its client has to hold it, or not to restart")

// events sends pieces of an answer as server-sent events.
type events struct {
	w          http.ResponseWriter
	control    *http.ResponseController
	piece      completion
	wantsUsage bool

	begun bool
	said  bool // some of the text of the part that is being written
	calls int
}

// chunk sends what a chunk has for the caller. Calls are sent whole, so that
// none is half sent when a stream goes on elsewhere; thoughts are not sent.
func (s *events) chunk(c llm.Chunk) error {
	switch {
	case c.Text != "":
		s.said = true
		return s.delta(said{Content: &c.Text})
	case c.IsCall():
		call := callOf(*c.Done.Call)
		call.Index = new(s.calls)
		s.calls++
		s.said = false
		return s.delta(said{ToolCalls: []toolCall{call}})
	case c.Done != nil:
		sent := s.said
		s.said = false
		if c.Done.Text == "" || sent {
			return nil
		}
		return s.delta(said{Content: &c.Done.Text})
	case c.Summary != nil:
		return s.end(*c.Summary)
	}
	return nil
}

// delta sends a piece of the message.
func (s *events) delta(d said) error {
	if !s.begun {
		d.Role = "assistant"
	}
	return s.choose(choice{Delta: &d})
}

func (s *events) choose(c choice) error {
	piece := s.piece
	piece.Choices = []choice{c}
	return s.send(piece)
}

// end sends why it ended, the usage if it is wanted, and the mark of the end.
func (s *events) end(sum llm.Summary) error {
	if err := s.choose(choice{Delta: &said{}, FinishReason: finishOf(sum.Finish)}); err != nil {
		return err
	}
	if s.wantsUsage {
		last := s.piece
		last.Choices, last.Usage = []choice{}, usageOf(sum.Usage)
		if err := s.send(last); err != nil {
			return err
		}
	}
	return s.write("[DONE]")
}

func (s *events) send(event any) error {
	raw, err := json.Marshal(event)
	if err != nil {
		return err
	}
	return s.write(string(raw))
}

// slowestReader is how long a caller may take to take an event.
const slowestReader = 30 * time.Second

// write sends an event at once.
func (s *events) write(data string) error {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "text/event-stream")
		s.w.Header().Set("Cache-Control", "no-cache")
	}
	_ = s.control.SetWriteDeadline(time.Now().Add(slowestReader)) // where there is one to set
	if _, err := s.w.Write([]byte("data: " + data + "\n\n")); err != nil {
		return err
	}
	return s.control.Flush()
}
