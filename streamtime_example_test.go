package failover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// drowsy says these words and then nothing more, until its context ends.
func drowsy(text string) failover.StreamProvider[string, string] {
	return failover.WrapStream("drowsy", func(ctx context.Context, _ string) failover.Stream[string] {
		return func(yield func(string, error) bool) {
			for word, err := range wordsOf(text, nil) {
				if !yield(word, err) {
					return
				}
			}
			<-ctx.Done()
			yield("", ctx.Err())
		}
	})
}

// A model that says nothing is left before the consumer has lost patience.
func ExampleWithFirstContent() {
	router, err := failover.NewStream(failover.StreamProviders(drowsy(""), orator()),
		failover.WithFirstContent(5*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	stream, result := router.Route(context.Background(), "a speech")
	for word, err := range stream {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(" ", word)
	}
	fmt.Println()
	fmt.Println(result.Attempts[0].Err)
	// Output:
	// four score and seven years ago
	// drowsy: timeout (no first content in time)
}

// A model that falls silent in the middle is cut.
func ExampleWithIdle() {
	router, err := failover.NewStream(failover.StreamProviders(drowsy("it was a dark and")),
		failover.WithIdle(10*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "a story") {
		if err != nil {
			fmt.Println()
			fmt.Println(errors.Is(err, failover.ErrIdleTimeout), err)
			return
		}
		fmt.Print(" ", word)
	}
	// Output:
	// it was a dark and
	// true failover: the stream was interrupted after 5 items: drowsy: timeout (the stream went silent)
}

// A model that never comes to an end is cut, however busy it is.
func ExampleWithTotal() {
	endless := failover.WrapStream("endless", func(context.Context, string) failover.Stream[string] {
		return func(yield func(string, error) bool) {
			for yield("blah", nil) {
				continue
			}
		}
	})
	router, err := failover.NewStream(failover.StreamProviders(endless), failover.WithTotal(10*time.Millisecond))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for _, err := range router.Stream(context.Background(), "a speech") {
		if err != nil {
			fmt.Println(errors.Is(err, failover.ErrTotalTimeout))
		}
	}
	// Output: true
}
