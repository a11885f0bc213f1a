package failover_test

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gofailover/failover"
)

// poet is a model that continues what it is given: it says the verse from
// after the words that the prompt ends with.
func poet(name string, breaksOffAfter int) failover.StreamProvider[[]string, string] {
	verse := strings.Fields("tyger tyger burning bright")
	p := failover.WrapStream(name, func(_ context.Context, said []string) failover.Stream[string] {
		if breaksOffAfter < len(verse) {
			return wordsOf(strings.Join(verse[:breaksOffAfter], " "), &failover.Error{Class: failover.ClassIncomplete})
		}
		return wordsOf(strings.Join(verse[len(said):], " "), nil)
	})
	p.Continue = func(said, got []string) ([]string, bool) {
		return append(slices.Clip(said), got...), true // said is the caller's
	}
	p.Restarted = func() string { return "(once more)" }
	return p
}

// Another model takes up where the first broke off, and is asked for the rest
// alone.
func ExampleWithInterrupted_continue() {
	router, err := failover.NewStream(failover.StreamProviders(poet("first", 2), poet("second", 4)),
		failover.WithInterrupted(failover.Continue))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	stream, result := router.Route(context.Background(), nil)
	for word, err := range stream {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(result.Provider, word)
	}
	fmt.Println("continued:", result.Continued)
	// Output:
	// first tyger
	// first tyger
	// second burning
	// second bright
	// continued: 1
}

// Another model begins anew; a marker tells the consumer to forget what came
// before.
func ExampleWithInterrupted_restart() {
	router, err := failover.NewStream(failover.StreamProviders(poet("first", 2), poet("second", 4)),
		failover.WithInterrupted(failover.Restart))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for word, err := range router.Stream(context.Background(), nil) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(word, " ")
	}
	// Output: tyger tyger (once more) tyger tyger burning bright
}

// When nobody can go on, the error has what was delivered.
func ExampleDelivered() {
	router, err := failover.NewStream(failover.StreamProviders(poet("only", 3)),
		failover.WithInterrupted(failover.Continue))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	for _, err := range router.Stream(context.Background(), nil) {
		if err != nil {
			fmt.Println(err)
			fmt.Println(failover.Delivered[string](err))
		}
	}
	// Output:
	// failover: the stream was interrupted after 3 items: only: incomplete
	// [tyger tyger burning] true
}
