package failover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gofailover/failover"
)

// A cascade asks a cheap model first and escalates when its answer is not good
// enough.
func ExampleProvider_cascade() {
	small := failover.Wrap("small", func(_ context.Context, question string) (string, error) {
		if strings.Contains(question, "why") {
			return "I am not sure.", nil
		}
		return "Paris.", nil
	})
	small.Cost = func(string) float64 { return 0.001 }
	small.Validate = func(_ context.Context, _, answer string) error {
		if strings.Contains(answer, "not sure") {
			return errors.New("no answer")
		}
		return nil
	}
	large := failover.Wrap("large", func(context.Context, string) (string, error) {
		return "Because of how light scatters.", nil
	})
	large.Cost = func(string) float64 { return 0.02 }

	router, err := failover.New(failover.Providers(large, small), failover.WithStrategy(failover.LeastCost()))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, question := range []string{"the capital of France?", "why is the sky blue?"} {
		result, err := router.Route(context.Background(), question)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s: %s (%.3f)\n", result.Provider, result.Value, result.Cost)
	}
	// Output:
	// small: Paris. (0.001)
	// large: Because of how light scatters. (0.021)
}

// When no answer is good enough, the last one is in the error.
func ExampleRejected() {
	terse := failover.Wrap("terse", func(context.Context, string) (string, error) { return "ok", nil })
	terse.Validate = func(context.Context, string, string) error { return errors.New("too short") }
	router, err := failover.New(failover.Providers(terse))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = router.Do(context.Background(), "hello")
	fmt.Println(err)
	answer, ok := failover.Rejected[string](err)
	fmt.Println(answer, ok)
	// Output:
	// failover: all providers failed: terse: unsatisfactory
	// ok true
}
