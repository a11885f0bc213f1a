package google

import (
	"context"
	"iter"

	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

func (c *Client) stream(ctx context.Context, req llm.Request) failover.Stream[llm.Chunk] {
	return func(yield func(llm.Chunk, error) bool) {
		t, err := c.task(req)
		if err != nil {
			yield(llm.Chunk{}, err)
			return
		}
		ctx, seen := begin(ctx)
		a := newAnswer(seen, t)
		emit := func(chunk llm.Chunk) bool { return yield(chunk, nil) }
		for resp, err := range steady(c.sdk.Models.GenerateContentStream(ctx, t.model, t.contents, t.config)) {
			if err != nil {
				yield(llm.Chunk{}, seen.failed(err))
				return
			}
			more, err := a.add(resp, emit)
			if err != nil {
				yield(llm.Chunk{}, err)
			}
			if err != nil || !more {
				return
			}
		}
		yield(c.closing(a))
	}
}

// closing is the last item of a stream that the SDK has read to its end. What
// broke off behind the vendor's last word does not matter, but for the caller's
// time being over.
func (c *Client) closing(a *answer) (llm.Chunk, error) {
	if broke := a.seen.broke(); broke != nil && (a.last == nil || timeOver(broke)) {
		return llm.Chunk{}, a.seen.failed(broke)
	}
	chunk, err := a.end()
	if chunk.Summary != nil {
		chunk.Summary.Provider = c.name
	}
	return chunk, err
}

// timeOver says whether it was the time that ended a call.
func timeOver(err error) bool {
	class := failover.Classify(err).Class
	return class == failover.ClassTimeout || class == failover.ClassCanceled
}

// steady makes an error of the SDK's panics at JSON that is not the vendor's.
// Panics of whoever ranges over it go on.
func steady(stream iter.Seq2[*genai.GenerateContentResponse, error]) iter.Seq2[*genai.GenerateContentResponse, error] {
	return func(yield func(*genai.GenerateContentResponse, error) bool) {
		theirs, stopped := false, false
		defer func() {
			if theirs {
				return
			}
			if r := recover(); r != nil && !stopped {
				yield(nil, errForm)
			}
		}()
		stream(func(resp *genai.GenerateContentResponse, err error) bool {
			if resp == nil && err == nil {
				err = errForm
			}
			theirs = true
			more := yield(resp, err)
			theirs, stopped = false, !more
			return more
		})
	}
}
