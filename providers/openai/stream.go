package openai

import (
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// tail is how long to wait, once the vendor said that the answer is over, for
// the usage and the end of the stream.
const tail = 2 * time.Second

// stream gives an answer as it comes.
func (c *Client) stream(ctx context.Context, req llm.Request) failover.Stream[llm.Chunk] {
	return func(yield func(llm.Chunk, error) bool) {
		if err := c.read(ctx, req, yield); err != nil {
			yield(llm.Chunk{}, err)
		}
	}
}

// read asks for a stream and yields what comes of it. It returns an error for
// the consumer, and nil if there is none or the consumer has left.
func (c *Client) read(caller context.Context, req llm.Request, yield func(llm.Chunk, error) bool) error {
	params, model, err := c.params(req)
	if err != nil {
		return err
	}
	params.StreamOptions.IncludeUsage = sdk.Bool(true)
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	ctx, meta := sdkcall.With(ctx)
	var raw *http.Response
	events := c.chat.NewStreaming(ctx, params, append(slices.Clip(c.calls), option.WithResponseInto(&raw))...)
	defer events.Close()
	if err := c.outcome(caller, meta, events.Err()); err != nil {
		return err
	}
	if err := notEvents(raw, meta); err != nil {
		return cmp.Or(caller.Err(), err)
	}
	r := reader{client: c, meta: meta, yield: yield, resumed: req.Resumed()}
	r.summary.Model, r.summary.Provider = model, c.name
	for !r.over() && r.next(events, cancel) {
		if err := r.take(events.Current()); err != nil && !r.left {
			return err
		}
	}
	switch {
	case r.left:
		return nil
	case caller.Err() != nil && !r.counted:
		return caller.Err()
	case r.ended.reason == "" && events.Err() == nil:
		return incomplete(meta, errUnfinished)
	case r.ended.reason == "":
		return failed(meta, events.Err())
	}
	// Whatever happened after the vendor said that it was done, it was done.
	if err := r.finish(); err != nil || r.left {
		return err
	}
	// To its end, so that the connection can be used again.
	watch := time.AfterFunc(tail, cancel)
	defer watch.Stop()
	for events.Next() {
		continue
	}
	return nil
}

// next waits for an event; once the vendor said that the answer is over, no
// longer than tail. What the consumer does between events is not counted.
func (r *reader) next(events *ssestream.Stream[sdk.ChatCompletionChunk], cancel func()) bool {
	if r.ended.reason != "" {
		defer time.AfterFunc(tail, cancel).Stop()
	}
	return events.Next()
}

// notEvents is the error of an answer that says itself that it is no stream.
func notEvents(raw *http.Response, meta *sdkcall.Meta) error {
	if raw == nil {
		return incomplete(meta, errUnfinished)
	}
	media, _, _ := mime.ParseMediaType(raw.Header.Get("Content-Type"))
	if media != "application/json" && media != "text/html" {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(raw.Body, httpcall.MaxError))
	if err != nil {
		return failed(meta, err)
	}
	return spoiled(meta, body, errNotEvents)
}

// reader turns the pieces of an answer into chunks.
type reader struct {
	client *Client
	meta   *sdkcall.Meta
	yield  func(llm.Chunk, error) bool
	left   bool // the consumer did

	resumed bool // and nothing but white space came yet
	calls   []*pendingCall
	thought strings.Builder
	field   string // of the thought
	ended   ending
	counted bool // the usage came with the end or after it
	summary llm.Summary
	id      string
}

// pendingCall is a tool call that is being written.
type pendingCall struct {
	index     int64 // the vendor's
	id, name  string
	args      strings.Builder
	announced bool // a first piece was given
}

// over says whether nothing more is wanted.
func (r *reader) over() bool { return r.left || r.counted }

// give gives the consumer a chunk.
func (r *reader) give(chunk llm.Chunk) {
	if !r.left && !r.yield(chunk, nil) {
		r.left = true
	}
}

// take takes in an event.
func (r *reader) take(event sdk.ChatCompletionChunk) error {
	if event.Model != "" {
		r.summary.Model = event.Model
	}
	if event.ID != "" {
		r.id = event.ID
	}
	if event.Object == "error" { // vLLM, without an envelope
		return within(r.meta, []byte(event.RawJSON()))
	}
	for _, choice := range event.Choices {
		if choice.Index != 0 {
			continue // one was asked for
		}
		if fault := extra(choice.JSON.ExtraFields, "error"); fault != "" {
			return within(r.meta, envelope(fault))
		}
		r.delta(choice.Delta)
		if choice.FinishReason != "" && r.ended.reason == "" {
			r.ended.reason = choice.FinishReason
			if err := r.complete(); err != nil {
				return err
			}
		}
	}
	if event.JSON.Usage.Valid() {
		r.summary.Usage = usage(event.Usage)
		r.counted = r.ended.reason != ""
	}
	return nil
}

// delta takes in a piece of the message.
func (r *reader) delta(d sdk.ChatCompletionChunkChoiceDelta) {
	if field, text := reasoned(d.JSON.ExtraFields); text != "" {
		r.field = field
		r.thought.WriteString(text)
		r.give(llm.Chunk{Thinking: text})
	}
	if d.Refusal != "" {
		r.ended.refused = true
	}
	if text := r.fresh(d.Content + d.Refusal); text != "" {
		r.closeThought()
		r.ended.text = true
		r.give(llm.Chunk{Text: text})
	}
	for _, piece := range d.ToolCalls {
		r.closeThought()
		r.call(piece)
	}
}

// fresh is a text without the white space that must not begin an answer that
// goes on.
func (r *reader) fresh(text string) string {
	if r.resumed {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		r.resumed = text == ""
	}
	return text
}

// closeThought gives a thought that is complete.
func (r *reader) closeThought() {
	if r.thought.Len() == 0 {
		return
	}
	p := r.client.thought(r.field, r.thought.String())
	r.thought.Reset()
	r.give(llm.Chunk{Done: &p})
}

// call takes in a piece of a tool call.
func (r *reader) call(piece sdk.ChatCompletionChunkChoiceDeltaToolCall) {
	at := r.find(piece)
	p := r.calls[at]
	if p.name == "" {
		p.name = piece.Function.Name
	}
	args := piece.Function.Arguments
	p.args.WriteString(args)
	if p.name == "" {
		return // held until it has one
	}
	delta := llm.CallDelta{Index: at, Args: args}
	if !p.announced {
		p.announced = true
		delta.ID, delta.Name, delta.Args = p.id, p.name, p.args.String()
	}
	r.give(llm.Chunk{Call: &delta})
}

// find is the call that a piece belongs to. Some servers number all calls 0,
// and tell them apart by their ids.
func (r *reader) find(piece sdk.ChatCompletionChunkChoiceDeltaToolCall) int {
	for i, p := range slices.Backward(r.calls) {
		if p.index == piece.Index && (piece.ID == "" || piece.ID == p.id) {
			if piece.ID == "" && piece.Function.Name != "" && p.name != "" {
				break // a name begins a call, at servers that tell them apart by nothing else
			}
			return i
		}
	}
	p := &pendingCall{index: piece.Index, id: piece.ID}
	if p.id == "" {
		p.id = newCallID()
	}
	r.calls = append(r.calls, p)
	return len(r.calls) - 1
}

// complete gives what the message ends with: all its calls, or none if one is
// not whole.
func (r *reader) complete() error {
	r.closeThought()
	whole := make([]*llm.ToolCall, 0, len(r.calls))
	for _, p := range r.calls {
		call, ok := wholeCall(p.id, p.name, p.args.String())
		if !ok || cutCall(r.ended.reason, p.args.String()) {
			return brokenCall(r.meta, r.ended.reason)
		}
		whole = append(whole, call)
	}
	for _, call := range whole {
		r.ended.calls = true
		r.give(llm.Chunk{Done: &llm.Part{Call: call}})
	}
	return nil
}

// finish gives the summary.
func (r *reader) finish() error {
	finish, err := r.ended.finish(r.meta)
	if err != nil {
		return err
	}
	r.summary.Finish, r.summary.RequestID = finish, requestID(r.meta, r.id)
	r.give(llm.Chunk{Summary: &r.summary})
	return nil
}
