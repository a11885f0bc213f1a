package failover

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// Stream is a sequence of items that ends cleanly or with one error, which
// comes last and beside a zero item. Range over it:
//
//	for item, err := range stream {
//		if err != nil {
//			return err
//		}
//		use(item)
//	}
type Stream[T any] = iter.Seq2[T, error]

// StreamFunc is one streaming operation of a provider. Nothing is sent before
// the stream is ranged over; a failure to open it is the first item's error.
// The stream must end when ctx does, release what it holds when the loop over
// it is left, and not reuse the memory of an item for a later one.
// [StreamRouter.Stream] has this shape.
type StreamFunc[Req, T any] func(ctx context.Context, req Req) Stream[T]

// StreamProvider is one way to serve a request with a stream of items. Only
// Name and Do are required. Fields that [Provider] has too mean the same there
// and here. Every function in it may be called by many goroutines at once, and
// those that see items are called between two items, so they should be quick.
type StreamProvider[Req, T any] struct {
	// Name is unique in a router and contains no "/".
	Name string

	// Do opens the stream.
	Do StreamFunc[Req, T]

	// Account groups providers that share a key. Empty: it stands alone.
	Account string

	// Weight is the share under [Weighted]. 0 means 1.
	Weight int

	// Limit is a local limit of rate and concurrency; a stream counts until it
	// ends.
	Limit Limit

	// Check is a cheap probe of health, used by [WithHealthChecks].
	Check func(ctx context.Context) error

	// Supports says whether this provider can serve the request at all.
	Supports func(req Req) bool

	// Adapt changes the request for this provider. It starts from the
	// original, or from what Continue made of it, and must not write through
	// its pointers, slices and maps.
	Adapt func(req Req) Req

	// Cost estimates what the original request costs here.
	Cost func(req Req) float64

	// Content says whether an item carries output, as opposed to metadata,
	// roles and keep-alives. Only content reaches the commit point and
	// satisfies the timers. nil: every item does, but for the one that is
	// Final.
	Content func(item T) bool

	// Progress says of an item without output that the provider is at work (an
	// LLM that thinks). Before the first content each gives it as much time
	// again as FirstContent or Idle, whichever is longer, up to 2 min from the
	// start and never into the time that is kept for a successor; after it, it
	// counts against Idle as content does. nil: none is.
	Progress func(item T) bool

	// Final says whether an item is the end marker. With it, a stream that
	// ends without one is [ClassIncomplete]. What follows one, a count of
	// tokens, say, is delivered for a second more; a failure there is none any
	// more. nil: a clean end is enough.
	Final func(item T) bool

	// Irrevocable says whether the consumer acts on an item at once (a
	// complete tool call), so that no [Restart] can take it back once it was
	// delivered. nil: none is.
	Irrevocable func(item T) bool

	// Validate says whether what is held at the commit point is good enough;
	// an error moves on to the next provider, and [Rejected] of []T gives
	// what was held. It sees the original request. What [WithCommit] holds is
	// what it gets.
	Validate func(ctx context.Context, req Req, held []T) error

	// Continue makes of the original request and the items delivered so far
	// one that resumes after them; false if this cannot be done. It is asked
	// under [Continue], and must not write through its arguments. nil: this
	// provider cannot resume.
	Continue func(req Req, got []T) (Req, bool)

	// Restarted makes the item that tells the consumer to discard all that
	// came before. Required under [Restart].
	Restarted func() T

	// FirstContent bounds the time to the first content, Idle the time without
	// content after it, Total the whole stream. 0 takes the router's; see
	// [WithFirstContent], [WithIdle] and [WithTotal].
	FirstContent, Idle, Total time.Duration

	nested inner // a router inside
}

// StreamProviders builds the slice of providers that NewStream takes, so that
// NewStream infers both types from it.
func StreamProviders[Req, T any](providers ...StreamProvider[Req, T]) []StreamProvider[Req, T] {
	return providers
}

// WrapStream makes a provider of a function or method value that returns an
// iterator; both types are inferred. Its other fields can be set on the result.
func WrapStream[Req, T any](name string, do StreamFunc[Req, T]) StreamProvider[Req, T] {
	return StreamProvider[Req, T]{Name: name, Do: do}
}

// StreamRouter gives each request to one of its providers and passes its
// stream on, and moves to others when that one fails. Make it with
// [NewStream]. It is safe for concurrent use; a single stream is not.
//
// Until the commit point, the first item with content or what [WithCommit]
// says, a failure is invisible: an error inside a success, a stall, an empty
// stream all move to the next provider. After it [WithInterrupted] decides. A
// stream that broke off is never passed off as whole.
//
// Latencies in status, events and strategies are times to the first content.
type StreamRouter[Req, T any] struct {
	*core

	router    *Router[*streaming[Req, T], []T]
	providers []StreamProvider[Req, T]
}

// NewStream makes a router of streaming providers. It returns an error as
// [New] does, and for Restart without Restarted, WithAcceptLast without the
// whole stream held, and options that are for New: streams have
// [WithFirstContent], [WithIdle] and [WithTotal] in place of WithTimeout.
func NewStream[Req, T any](providers []StreamProvider[Req, T], opts ...Option) (*StreamRouter[Req, T], error) {
	cfg := defaultConfig()
	WithOptions(opts...).apply(&cfg)
	cfg.completeStreams()
	r := &StreamRouter[Req, T]{providers: slices.Clone(providers)}
	plain := make([]Provider[*streaming[Req, T], []T], len(providers))
	for i := range r.providers {
		p := &r.providers[i]
		if err := p.check(&cfg); err != nil {
			return nil, fmt.Errorf("failover: NewStream: provider %q: %w", p.Name, err)
		}
		plain[i] = r.plain(i)
	}
	router, err := build("NewStream", plain, cfg)
	if err != nil {
		return nil, err
	}
	r.router, r.core = router, router.core
	return r, nil
}

// check says what is wrong with the fields that only streams have.
func (p *StreamProvider[Req, T]) check(cfg *config) error {
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"FirstContent", p.FirstContent}, {"Idle", p.Idle}, {"Total", p.Total}} {
		if f.value < 0 || f.value > maxWait {
			return fmt.Errorf("%s %v is negative or above a year", f.name, f.value)
		}
	}
	if p.Restarted == nil && cfg.does(Restart) && !cfg.commit.Whole {
		return fmt.Errorf("WithInterrupted: %v needs Restarted, or the whole stream held", Restart)
	}
	return nil
}

// plain is a streaming provider as the engine sees it.
func (r *StreamRouter[Req, T]) plain(index int) Provider[*streaming[Req, T], []T] {
	p := &r.providers[index]
	plain := Provider[*streaming[Req, T], []T]{
		Name: p.Name, Account: p.Account, Weight: p.Weight, Limit: p.Limit, Check: p.Check,
		Timeout: p.FirstContent, nested: p.nested,
		Supports: func(s *streaming[Req, T]) bool {
			return (p.Supports == nil || p.Supports(s.req)) && (!s.interrupt || s.resumable(index))
		},
		open: func(a *attempt[*streaming[Req, T], []T]) *live { return newFlow(p, index, a) },
	}
	if p.Do != nil {
		plain.Do = func(context.Context, *streaming[Req, T]) ([]T, error) { return nil, ErrStreamUsed } // open is asked
	}
	if p.Cost != nil {
		plain.Cost = func(s *streaming[Req, T]) float64 { return p.Cost(s.req) }
	}
	return plain
}

// Stream serves the request with the stream of one of the providers. Nothing
// happens before it is ranged over, once: a second range yields
// [ErrStreamUsed]. The attempt's context lives until the stream ends, the loop
// is left, or ctx ends.
//
// The error that ends a stream of which nothing was delivered is one that
// [Router.Do] returns. Once something was, it is an [InterruptedError].
// Leaving the loop, however it is left, and the time spent in it, are never a
// provider's failure.
func (r *StreamRouter[Req, T]) Stream(ctx context.Context, req Req) Stream[T] {
	stream, _ := r.stream(ctx, req, false)
	return stream
}

// Route is [StreamRouter.Stream] with the story, which is filled in as the
// stream goes.
func (r *StreamRouter[Req, T]) Route(ctx context.Context, req Req) (Stream[T], *StreamResult) {
	return r.stream(ctx, req, true)
}

// StreamResult is the story of a stream. It must only be read on the goroutine
// that ranges over the stream: in the loop, or after it. A loop that ended in a
// panic leaves it unfinished.
type StreamResult struct {
	// Provider is whose content is being delivered, or was last; empty before
	// the commit point.
	Provider string
	// Attempts are all that were made, losers of a hedge apart, each with its
	// number of items and the time to its first content; empty before the loop
	// has ended.
	Attempts []Attempt
	// FirstContent is the time from the start of the loop to the commit point;
	// 0 before it.
	FirstContent time.Duration
	// Items is how many items were delivered, markers of a restart apart.
	Items int
	// Continued and Restarted count how often another attempt took over after
	// the commit point.
	Continued, Restarted int
	// Cost is the sum of the estimated costs of all attempts; like Duration and
	// Err, it is set when the loop has ended.
	Cost float64
	// Duration is the time from the start of the loop to its end.
	Duration time.Duration
	// Err is the error that ended the stream; nil if it was whole or the loop
	// was left.
	Err error
}

func (r *StreamRouter[Req, T]) stream(ctx context.Context, req Req, story bool) (Stream[T], *StreamResult) {
	result := &StreamResult{}
	var used atomic.Bool
	return func(yield func(T, error) bool) {
		if used.Swap(true) {
			var none T
			yield(none, ErrStreamUsed)
			return
		}
		s := &streaming[Req, T]{r: r, req: req, yield: yield, result: result, keeps: r.cfg.does(Continue)}
		s.run(ctx, story)
	}, result
}

// Plan says who would be tried for the request; see [Router.Plan].
func (r *StreamRouter[Req, T]) Plan(ctx context.Context, req Req) (Plan, error) {
	return r.router.Plan(ctx, &streaming[Req, T]{r: r, req: req})
}
