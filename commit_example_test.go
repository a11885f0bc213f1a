package failover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gofailover/failover"
)

// stutterer breaks off after three words; orator does not.
func stutterer() failover.StreamProvider[string, string] {
	return failover.WrapStream("stutterer", func(context.Context, string) failover.Stream[string] {
		return wordsOf("I have a", &failover.Error{Class: failover.ClassIncomplete})
	})
}

func orator() failover.StreamProvider[string, string] {
	return failover.WrapStream("orator", func(context.Context, string) failover.Stream[string] {
		return wordsOf("four score and seven years ago", nil)
	})
}

// The first words are held back, so that one who breaks off among them is not
// heard at all.
func ExampleWithCommit() {
	router, err := failover.NewStream(failover.StreamProviders(stutterer(), orator()),
		failover.WithCommit(failover.CommitPolicy{Items: 4}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "a speech") {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(word, " ")
	}
	// Output: four score and seven years ago
}

// With the whole stream held, the consumer gets all of it or an error, and
// nothing in between.
func ExampleWithCommit_whole() {
	router, err := failover.NewStream(failover.StreamProviders(stutterer()),
		failover.WithCommit(failover.CommitPolicy{Whole: true}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), "a speech") {
		fmt.Printf("%q %v\n", word, err)
	}
	// Output: "" failover: all providers failed: stutterer: incomplete
}

// An opening that is not good enough moves on before anybody has heard it.
func ExampleStreamProvider_validate() {
	shy := failover.WrapStream("shy", func(context.Context, string) failover.Stream[string] {
		return wordsOf("I cannot help with speeches", nil)
	})
	shy.Validate = func(_ context.Context, _ string, held []string) error {
		if strings.HasPrefix(strings.Join(held, " "), "I cannot") {
			return errors.New("a refusal")
		}
		return nil
	}
	router, err := failover.NewStream(failover.StreamProviders(shy, orator()),
		failover.WithCommit(failover.CommitPolicy{Items: 2}))
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
	// shy: unsatisfactory
}
