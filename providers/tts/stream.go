package tts

import (
	"context"
	"slices"
	"time"

	"github.com/gofailover/failover"
)

// StreamProvider is one way to synthesise speech as a stream. [WrapStream]
// makes one of a function.
type StreamProvider = failover.StreamProvider[Request, Chunk]

// Times of streams, for providers that set none of their own: a listener takes
// three seconds of silence for the end of the call. failover.WithFirstContent
// and failover.WithIdle override them.
const (
	// DefaultFirstContent bounds the time to the first audio.
	DefaultFirstContent = 3 * time.Second
	// DefaultIdle bounds the time between two chunks.
	DefaultIdle = 3 * time.Second
)

// WrapStream makes a provider of a function, with the fields of speech filled
// in: Content and Final from [Chunk], a Restarted, and [Continue]. Let [Chunks]
// make what do returns.
func WrapStream(name string, do failover.StreamFunc[Request, Chunk]) StreamProvider {
	p := completed(StreamProvider{Name: name, Do: do})
	p.Continue = Continue
	return p
}

// completed fills in the fields of speech that are not set.
func completed(p StreamProvider) StreamProvider {
	if p.Content == nil {
		p.Content = Chunk.IsContent
	}
	if p.Final == nil {
		p.Final = Chunk.IsFinal
	}
	if p.Restarted == nil {
		p.Restarted = restarted
	}
	if p.Continue == nil {
		p.Continue = ContinueWhere(p.Supports)
	}
	return p
}

// StreamClient synthesises speech as streams, through a router over several
// providers. It is safe for concurrent use; a single stream is not.
type StreamClient struct {
	router *failover.StreamRouter[Request, Chunk]
}

// NewStream makes a client over providers, the preferred one first. What a
// provider leaves nil of Content, Final and Restarted is as [WrapStream] makes
// it, and Continue is [ContinueWhere] its Supports.
//
// The options are the router's; the defaults here are the name "tts-stream",
// first audio within [DefaultFirstContent] and no longer silence than
// [DefaultIdle]. A stream that breaks off after its first audio ends with a
// failover.InterruptedError unless failover.WithInterrupted says otherwise. It
// refuses what failover.NewStream refuses.
func NewStream(providers []StreamProvider, opts ...failover.Option) (*StreamClient, error) {
	providers = slices.Clone(providers)
	for i, p := range providers {
		providers[i] = completed(p)
	}
	router, err := failover.NewStream(providers, failover.WithName("tts-stream"),
		failover.WithFirstContent(DefaultFirstContent), failover.WithIdle(DefaultIdle), failover.WithOptions(opts...))
	if err != nil {
		return nil, err
	}
	return &StreamClient{router: router}, nil
}

// SynthesizeStream speaks the request's text with the first provider that can,
// and yields the audio as it comes. Nothing happens before it is ranged over,
// once. The last item has the Summary; without it the stream is not whole, and
// there was an error.
//
// A request that fails Validate is refused with a failover.Error of class
// invalid before any provider is asked. Other errors are the router's: see
// failover.StreamRouter.Stream.
func (c *StreamClient) SynthesizeStream(ctx context.Context, req Request) failover.Stream[Chunk] {
	stream, _ := c.Route(ctx, req)
	return stream
}

// Route is SynthesizeStream with the story; see failover.StreamRouter.Route.
func (c *StreamClient) Route(ctx context.Context, req Request) (failover.Stream[Chunk], *failover.StreamResult) {
	if err := req.Validate(); err != nil {
		err = Invalid(err)
		return func(yield func(Chunk, error) bool) { yield(Chunk{}, err) }, &failover.StreamResult{Err: err}
	}
	stream, result := c.router.Route(ctx, req)
	return summed(stream, result), result
}

// summed makes the summary that of the whole stream, whoever spoke its parts.
func summed(stream failover.Stream[Chunk], result *failover.StreamResult) failover.Stream[Chunk] {
	return func(yield func(Chunk, error) bool) {
		var before time.Duration // played by others than who speaks now
		var last Chunk
		continued := 0
		for chunk, err := range stream {
			if chunk.Restart {
				before, last = 0, Chunk{}
			}
			if chunk.IsContent() {
				// A router inside continues without a word.
				if result.Continued != continued || chunk.Offset != last.Offset || chunk.Played < last.Played {
					before += last.Played
				}
				continued, last = result.Continued, chunk
			}
			if chunk.Summary != nil {
				total := *chunk.Summary // a provider may keep its own
				total.Duration += before
				if result.Provider != "" {
					total.Provider = result.Provider
				}
				chunk.Summary = &total
			}
			if !yield(chunk, err) {
				return
			}
		}
	}
}

// Router is the router underneath, for Status, Plan, SetPrimary, Disable and
// the rest.
func (c *StreamClient) Router() *failover.StreamRouter[Request, Chunk] { return c.router }

// Close closes the router: see failover.Router.Close.
func (c *StreamClient) Close() error { return c.router.Close() }
