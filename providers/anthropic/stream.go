package anthropic

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/ssestream"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// stream answers a conversation as it comes. Nothing is sent before it is
// ranged over.
func (c *Client) stream(ctx context.Context, req llm.Request) failover.Stream[llm.Chunk] {
	return func(yield func(llm.Chunk, error) bool) {
		r, err := c.translate(req, false)
		if err != nil {
			yield(llm.Chunk{}, err)
			return
		}
		ctx, meta := sdkcall.With(ctx)
		events := c.messages.NewStreaming(ctx, r.params, within(0, c.asking)...)
		defer events.Close()
		c.note(meta)
		s := &reader{meta: meta, lead: trim{on: r.resumed}, summary: llm.Summary{Provider: c.name, RequestID: requestID(meta)}}
		if err := s.read(events, yield); err != nil {
			yield(llm.Chunk{}, err)
		}
	}
}

// reader makes chunks of the vendor's events.
type reader struct {
	meta *sdkcall.Meta
	lead trim

	summary llm.Summary
	usage   sdk.Usage
	reason  sdk.StopReason
	details sdk.RefusalStopDetails
	said    bool // text or a call came
	calls   int  // begun so far

	block block
	call  *llm.Part // complete, as it seems: the answer's end may say that it was cut
}

// block is the one that is being written: they come one after the other.
type block struct {
	kind, id, name  string
	text            strings.Builder // a thought, or arguments
	signature, data string
}

// read yields the chunks of a stream. It returns what the vendor did wrong, nil
// if it was the consumer who ended.
func (s *reader) read(events *ssestream.Stream[sdk.MessageStreamEventUnion], yield func(llm.Chunk, error) bool) error {
	if refusal := s.meta.Refusal(readError); refusal != nil && events.Err() == nil {
		return refusal // a redirect that was not followed, which the SDK takes for a stream
	}
	for events.Next() {
		event := events.Current()
		if call := s.settled(&event); call != nil && !yield(llm.Chunk{Done: call}, nil) {
			return nil
		}
		chunk, err := s.event(&event)
		switch {
		case err != nil:
			return err
		case chunk.Summary != nil:
			if yield(chunk, nil) {
				drain(events)
			}
			return nil
		case chunk != (llm.Chunk{}) && !yield(chunk, nil):
			return nil
		}
	}
	if err := events.Err(); err != nil {
		return failed(s.meta, err)
	}
	return incomplete(s.meta, errNoEnd)
}

// patience is how long to wait for the end of a body that has said all.
const patience = time.Second

// drain reads a stream to its end, so that its connection can be used again.
func drain(events *ssestream.Stream[sdk.MessageStreamEventUnion]) {
	cut := time.AfterFunc(patience, func() { _ = events.Close() })
	defer cut.Stop()
	for events.Next() {
	}
}

// event makes a chunk of an event; the zero chunk of one that says nothing to
// others.
func (s *reader) event(e *sdk.MessageStreamEventUnion) (llm.Chunk, error) {
	switch e.Type {
	case "message_start":
		s.summary.Model, s.usage = e.Message.Model, e.Message.Usage
	case "content_block_start":
		return s.start(&e.ContentBlock), nil
	case "content_block_delta":
		return s.delta(&e.Delta), nil
	case "content_block_stop":
		return s.stop()
	case "message_delta":
		if e.Delta.StopReason != "" {
			s.reason, s.details = e.Delta.StopReason, e.Delta.StopDetails
		}
		s.count(&e.Usage)
	case "message_stop":
		return s.end()
	}
	return llm.Chunk{}, nil
}

func (s *reader) start(b *sdk.ContentBlockStartEventContentBlockUnion) llm.Chunk {
	s.block = block{kind: b.Type, id: b.ID, name: b.Name, signature: b.Signature, data: b.Data}
	switch b.Type {
	case "text":
		return s.text(b.Text)
	case "tool_use":
		s.calls++
		return llm.Chunk{Call: &llm.CallDelta{Index: s.calls - 1, ID: b.ID, Name: b.Name}}
	case kindThinking:
		return s.thought(b.Thinking)
	}
	return llm.Chunk{}
}

func (s *reader) delta(d *sdk.MessageStreamEventUnionDelta) llm.Chunk {
	switch d.Type {
	case "text_delta":
		return s.text(d.Text)
	case "thinking_delta":
		return s.thought(d.Thinking)
	case "signature_delta":
		s.block.signature += d.Signature
	case "input_json_delta":
		if s.block.kind == "tool_use" && d.PartialJSON != "" {
			s.block.text.WriteString(d.PartialJSON)
			return llm.Chunk{Call: &llm.CallDelta{Index: s.calls - 1, Args: d.PartialJSON}}
		}
	}
	return llm.Chunk{}
}

func (s *reader) text(piece string) llm.Chunk {
	piece = s.lead.cut(piece)
	s.said = s.said || piece != ""
	return llm.Chunk{Text: piece}
}

func (s *reader) thought(piece string) llm.Chunk {
	s.block.text.WriteString(piece)
	return llm.Chunk{Thinking: piece}
}

// stop completes a block: calls and thoughts are given whole.
func (s *reader) stop() (llm.Chunk, error) {
	b := &s.block
	defer func() { s.block = block{} }()
	var part llm.Part
	switch b.kind {
	case "tool_use":
		call, err := callPart(b.id, b.name, json.RawMessage(b.text.String()))
		if err != nil {
			return llm.Chunk{}, incomplete(s.meta, err)
		}
		s.call, s.said = &call, true
		return llm.Chunk{}, nil
	case kindThinking:
		part = opaque(opaqueBlock{Type: b.kind, Thinking: b.text.String(), Signature: b.signature})
	case kindRedacted:
		part = opaque(opaqueBlock{Type: b.kind, Data: b.data})
	default:
		return llm.Chunk{}, nil
	}
	return llm.Chunk{Done: &part}, nil
}

// settled is the call that waited for what comes after it, once that says that
// it was not cut off.
func (s *reader) settled(e *sdk.MessageStreamEventUnion) *llm.Part {
	call := s.call
	switch {
	case call == nil:
	case cutCall(s.reason, "tool_use"), e.Type == "message_delta" && cutCall(e.Delta.StopReason, "tool_use"):
		return nil // it stays, for end to find
	case e.Type == "content_block_start", e.Type == "message_delta", e.Type == "message_stop":
		s.call = nil
		return call
	}
	return nil
}

// count takes in the counts of the end, which are of the whole answer. Those
// that are left out stay as they were at the beginning.
func (s *reader) count(u *sdk.MessageDeltaUsage) {
	for _, n := range []struct {
		valid    bool
		from, to *int64
	}{
		{u.JSON.InputTokens.Valid(), &u.InputTokens, &s.usage.InputTokens},
		{u.JSON.CacheReadInputTokens.Valid(), &u.CacheReadInputTokens, &s.usage.CacheReadInputTokens},
		{u.JSON.CacheCreationInputTokens.Valid(), &u.CacheCreationInputTokens, &s.usage.CacheCreationInputTokens},
		{u.JSON.OutputTokens.Valid(), &u.OutputTokens, &s.usage.OutputTokens},
		{
			u.OutputTokensDetails.JSON.ThinkingTokens.Valid(),
			&u.OutputTokensDetails.ThinkingTokens, &s.usage.OutputTokensDetails.ThinkingTokens,
		},
	} {
		if n.valid {
			*n.to = *n.from
		}
	}
}

// end makes the summary, once the vendor said that the answer is whole and why
// it ended.
func (s *reader) end() (llm.Chunk, error) {
	switch {
	case s.reason == "":
		return llm.Chunk{}, incomplete(s.meta, errNoReason)
	case s.block.kind != "":
		return llm.Chunk{}, incomplete(s.meta, errNoEnd)
	case s.call != nil:
		return llm.Chunk{}, noRoom(s.meta, s.reason)
	}
	reason, err := finish(s.meta, s.reason, s.details, !s.said)
	if err != nil {
		return llm.Chunk{}, err
	}
	total := s.summary
	total.Finish, total.Usage = reason, usage(s.usage)
	return llm.Chunk{Summary: &total}, nil
}
