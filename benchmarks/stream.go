package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/gofailover/failover"
)

const (
	itemsName = "streams, per item"
	firstName = "streams, first item"

	ownIterator = "vendor's own iterator"
	streaming   = "StreamRouter"
	observed    = "StreamRouter, observer"
	continuing  = "StreamRouter, Continue keeps the items"
	hedging     = "StreamRouter, hedged, from another goroutine"
	untimed     = "StreamRouter, timers off"
	twoStep     = "gobreaker TwoStep alone, Allow and done"
	timedDo     = "Router.Do, attempt timeout on"

	// longStream is so long that its start does not show in an item.
	longStream = 10_000
)

// mark is what Content and Final look at.
type mark struct{ content, final bool }

// An item may be as small as a piece of a counter, or like the chunk of an LLM's answer: with text, a slice and a
// pointer, which the garbage collector looks through.
type (
	small struct {
		mark

		n int64
	}
	chunk struct {
		mark

		text  string
		calls []string
		usage *[2]int64
	}
)

// shape is a type of items and how adapters tell what one is.
type shape[T any] struct {
	name           string
	item           func(mark) T
	content, final func(T) bool
}

var (
	smallItem = shape[small]{
		"small item",
		func(m mark) small { return small{m, 1} },
		func(s small) bool { return s.content },
		func(s small) bool { return s.final },
	}
	chunkItem = shape[chunk]{
		"item with text, slice and pointer",
		func(m mark) chunk { return chunk{m, "word", []string{"tool"}, &[2]int64{1, 2}} },
		func(c chunk) bool { return c.content },
		func(c chunk) bool { return c.final },
	}
)

func (s shape[T]) cell(name string) string { return name + ", " + s.name }

// items are n of them as a vendor sends them: metadata, content, an end marker. One alone is content and marker.
func (s shape[T]) items(n int) []T {
	items := make([]T, n)
	for i := range items {
		items[i] = s.item(mark{content: n == 1 || i > 0 && i < n-1, final: i == n-1})
	}
	return items
}

// vendor streams from memory, and does what a StreamFunc has to: it ends with its context and sends anew each time. It
// counts its streams.
type vendor[T any] struct {
	items   []T
	streams int
}

func (v *vendor[T]) stream(ctx context.Context, _ Req) failover.Stream[T] {
	return func(yield func(T, error) bool) {
		v.streams++
		for _, item := range v.items {
			if err := ctx.Err(); err != nil {
				var none T
				yield(none, err)
				return
			}
			if !yield(item, nil) {
				return
			}
		}
	}
}

// staged is a router of two vendors that stream the same.
type staged[T any] struct {
	vendors [2]*vendor[T]
	router  *failover.StreamRouter[Req, T]
}

func (s shape[T]) stage(n int, opts ...failover.Option) (*staged[T], error) {
	st := &staged[T]{}
	providers := make([]failover.StreamProvider[Req, T], len(st.vendors))
	for i := range st.vendors {
		st.vendors[i] = &vendor[T]{items: s.items(n)}
		p := failover.WrapStream(fmt.Sprintf("p%d", i+1), st.vendors[i].stream)
		p.Content, p.Final = s.content, s.final
		p.Continue = func(req Req, _ []T) (Req, bool) { return req, true }
		providers[i] = p
	}
	var err error
	st.router, err = failover.NewStream(providers, opts...)
	return st, err
}

// drain is a call that ranges over a whole stream. Its answer says of how many items that was.
func drain[T any](open failover.StreamFunc[Req, T]) call {
	return func(ctx context.Context, req Req) (Resp, error) {
		var resp Resp
		for _, err := range open(ctx, req) {
			if err != nil {
				return Resp{}, err
			}
			resp.A++
		}
		return resp, nil
	}
}

// variant is a router of streams with options.
type variant struct {
	name string
	opts []failover.Option
}

// streamVariants are timed by the item. Nobody is slow here, so the hedged one pays for the goroutine between provider
// and consumer and for nothing else; one stream is enough for it to know its provider.
func streamVariants() []variant {
	return []variant{
		{streaming, nil},
		{observed, []failover.Option{failover.WithObserver(func(context.Context, failover.Event) {})}},
		{continuing, []failover.Option{failover.WithInterrupted(failover.Continue)}},
		{hedging, []failover.Option{failover.WithHedge(failover.HedgePolicy{MinSamples: 1, MinDelay: time.Minute})}},
	}
}

// streams measures long streams by the item, and what comes before the first one.
func streams() ([]*group, error) {
	smalls, err := smallItem.long()
	if err != nil {
		return nil, err
	}
	chunks, err := chunkItem.long()
	if err != nil {
		return nil, err
	}
	first, err := smallItem.first()
	if err != nil {
		return nil, err
	}
	return []*group{smalls, chunks, first}, nil
}

// long ranges over the vendor's own iterator and over routers of the same vendor.
func (s shape[T]) long() (*group, error) {
	own := &vendor[T]{items: s.items(longStream)}
	g := &group{
		name: s.cell(itemsName), unit: "item", of: longStream,
		cells:   []*cell{{name: ownIterator, do: drain(own.stream)}},
		columns: []column{differs("ns more", ownIterator)},
	}
	for _, v := range streamVariants() {
		st, err := s.stage(longStream, v.opts...)
		if err != nil {
			return nil, err
		}
		do := drain(st.router.Stream)
		if _, err := do(context.Background(), Req{}); err != nil {
			return nil, fmt.Errorf("%s: %w", v.name, err)
		}
		g.cells = append(g.cells, &cell{name: v.name, do: do})
	}
	return g, nil
}

// first ranges over streams of one item, beside the router of plain requests as New gives it and the breaker alone.
func (s shape[T]) first() (*group, error) {
	do, err := route(newEndpoints(2))
	if err != nil {
		return nil, err
	}
	defaults, err := s.stage(1)
	if err != nil {
		return nil, err
	}
	bare, err := s.stage(1, failover.WithFirstContent(0), failover.WithIdle(0))
	if err != nil {
		return nil, err
	}
	own := &vendor[T]{items: s.items(1)}
	return &group{
		name: firstName, unit: "stream", of: 1,
		columns: []column{divides("time / TwoStep", twoStep), divides("time / Do", timedDo)},
		cells: []*cell{
			{name: twoStep, do: newTwoStep()},
			{name: timedDo, do: do},
			{name: ownIterator, do: drain(own.stream)},
			{name: streaming, do: drain(defaults.router.Stream)},
			{name: untimed, do: drain(bare.router.Stream)},
		},
	}, nil
}

// newTwoStep asks the breaker that streams need, one that is told later how it went, and nothing else.
func newTwoStep() call {
	breaker := gobreaker.NewTwoStepCircuitBreaker[Resp](gobreaker.Settings{})
	return func(_ context.Context, req Req) (Resp, error) {
		done, err := breaker.Allow()
		if err != nil {
			return Resp{}, err
		}
		done(nil)
		return answer(req), nil
	}
}
