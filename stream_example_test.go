package failover_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/gofailover/failover"
)

// wordsOf is a stream of a text's words. It breaks off with err, if there is one.
func wordsOf(text string, err error) failover.Stream[string] {
	return func(yield func(string, error) bool) {
		for word := range strings.FieldsSeq(text) {
			if !yield(word, nil) {
				return
			}
		}
		if err != nil {
			yield("", err)
		}
	}
}

// The first model fails before it has said a word; the consumer does not
// notice.
func ExampleNewStream() {
	overloaded := failover.WrapStream("overloaded", func(context.Context, string) failover.Stream[string] {
		return wordsOf("", &failover.Error{Class: failover.ClassTransient, Status: 529})
	})
	calm := failover.WrapStream("calm", func(context.Context, string) failover.Stream[string] {
		return wordsOf("the sky scatters blue light", nil)
	})
	router, err := failover.NewStream(failover.StreamProviders(overloaded, calm))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "why is the sky blue?") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(word, " ")
	}
	// Output: the sky scatters blue light
}

// An error ends a stream, and comes last. What was heard before it is not the
// whole.
func ExampleStreamRouter_Stream() {
	model := failover.WrapStream("model", func(context.Context, string) failover.Stream[string] {
		return wordsOf("once upon a", &failover.Error{Class: failover.ClassIncomplete})
	})
	router, err := failover.NewStream(failover.StreamProviders(model))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	stream := router.Stream(context.Background(), "a story, please")
	for word, err := range stream {
		if err != nil {
			fmt.Println(errors.Is(err, failover.ErrInterrupted), err)
			break
		}
		fmt.Println(word)
	}
	for _, err := range stream {
		fmt.Println(err)
	}
	// Output:
	// once
	// upon
	// a
	// true failover: the stream was interrupted after 3 items: model: incomplete
	// failover: the stream was used before
}

// Route tells who speaks while the stream goes, and the rest when it has ended.
func ExampleStreamRouter_Route() {
	mute := failover.WrapStream("mute", func(context.Context, string) failover.Stream[string] {
		return wordsOf("", nil)
	})
	lively := failover.WrapStream("lively", func(context.Context, string) failover.Stream[string] {
		return wordsOf("good evening", nil)
	})
	router, err := failover.NewStream(failover.StreamProviders(mute, lively))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	stream, result := router.Route(context.Background(), "greet me")
	for word, err := range stream {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Provider, "says", word)
	}
	fmt.Println(result.Items, "items")
	for _, a := range result.Attempts {
		fmt.Println(a.Provider, a.Items, a.Err)
	}
	// Output:
	// lively says good
	// lively says evening
	// 2 items
	// mute 0 mute: incomplete (empty answer)
	// lively 2 <nil>
}

// narrate is a client's own function: it returns an iterator.
func narrate(_ context.Context, subject string) iter.Seq2[string, error] {
	return wordsOf("a tale of "+subject, nil)
}

// A function or method value that returns an iterator is a provider as it is.
func ExampleWrapStream() {
	narrator := failover.WrapStream("narrator", narrate)
	router, err := failover.NewStream(failover.StreamProviders(narrator))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "two cities") {
		fmt.Print(word, " ")
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output: a tale of two cities
}

// chunk is what a channel-based client delivers.
type chunk struct {
	Text string
	Err  error
}

// transcribe stands for such a client: it sends until its context ends.
func transcribe(ctx context.Context, text string) <-chan chunk {
	chunks := make(chan chunk)
	go func() {
		defer close(chunks)
		for word := range strings.FieldsSeq(text) {
			select {
			case chunks <- chunk{Text: word}:
			case <-ctx.Done():
				return
			}
		}
	}()
	return chunks
}

// A client that delivers through a channel becomes a StreamFunc in one loop:
// it ends when the context does, takes the error out of the chunk, and lets
// the client go when the consumer leaves.
func ExampleStreamFunc() {
	stream := func(ctx context.Context, audio string) failover.Stream[string] {
		return func(yield func(string, error) bool) {
			ctx, leave := context.WithCancel(ctx)
			defer leave()
			chunks := transcribe(ctx, audio)
			for {
				select {
				case c, ok := <-chunks:
					if !ok {
						if ctx.Err() != nil {
							yield("", ctx.Err()) // cut, not over
						}
						return
					}
					if !yield(c.Text, c.Err) || c.Err != nil {
						return
					}
				case <-ctx.Done():
					yield("", ctx.Err())
					return
				}
			}
		}
	}
	router, err := failover.NewStream(failover.StreamProviders(failover.WrapStream("ear", stream)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "leave a message after the tone") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(word)
		if word == "message" {
			break
		}
	}
	// Output:
	// leave
	// a
	// message
}

// A pool of keys is a stream router inside another.
func ExampleNestStream() {
	key := func(name string) failover.StreamProvider[string, string] {
		return failover.WrapStream(name, func(context.Context, string) failover.Stream[string] {
			return wordsOf("", &failover.Error{Class: failover.ClassExhausted, Status: 402})
		})
	}
	pool, err := failover.NewStream(failover.StreamProviders(key("key1"), key("key2")))
	if err != nil {
		fmt.Println(err)
		return
	}
	fallback := failover.WrapStream("fallback", func(context.Context, string) failover.Stream[string] {
		return wordsOf("good morning", nil)
	})
	router, err := failover.NewStream(failover.StreamProviders(failover.NestStream("pool", pool), fallback))
	if err != nil {
		fmt.Println(err)
		return
	}
	stream, result := router.Route(context.Background(), "greet me")
	for word, err := range stream {
		fmt.Println(word, err)
	}
	for _, a := range result.Attempts[0].Inner {
		fmt.Println(a.Err)
	}
	// Output:
	// good <nil>
	// morning <nil>
	// pool/key1: exhausted (402)
	// pool/key2: exhausted (402)
}
