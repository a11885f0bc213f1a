package failover_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/gofailover/failover"
)

// priced is a provider that costs so much a letter.
func priced(name string, letter float64) failover.Provider[string, string] {
	p := echo(name)
	p.Cost = func(text string) float64 { return letter * float64(len(text)) }
	return p
}

// The cheapest for the request at hand is asked first: here one with a flat
// price is worth it for long texts only.
func ExampleLeastCost() {
	flat := echo("flat")
	flat.Cost = func(string) float64 { return 5 }
	router, err := failover.New(
		failover.Providers(flat, priced("by the letter", 0.1)),
		failover.WithStrategy(failover.LeastCost()),
	)
	if err != nil {
		panic(err)
	}
	for _, n := range []int{10, 100} {
		result, _ := router.Route(context.Background(), strings.Repeat("x", n))
		fmt.Printf("%d letters: %s for %.2f\n", n, result.Provider, result.Cost)
	}
	// Output:
	// 10 letters: by the letter for 1.00
	// 100 letters: flat for 5.00
}

// Cost, speed and reliability together, as much as each one matters.
func ExampleScored() {
	router, err := failover.New(
		failover.Providers(priced("a", 0.3), priced("b", 0.1)),
		failover.WithStrategy(failover.Scored(failover.Weights{Cost: 1, Success: 2})),
	)
	if err != nil {
		panic(err)
	}
	who, _ := router.Do(context.Background(), "hello")
	fmt.Println(who)
	// Output: b
}

// One call may want something else than the router does.
func ExampleOptimize() {
	router, err := failover.New(failover.Providers(priced("best", 0.3), priced("cheap", 0.1)))
	if err != nil {
		panic(err)
	}
	who, _ := router.Do(context.Background(), "an answer to a customer")
	fmt.Println(who)
	ctx := failover.With(context.Background(), failover.Optimize(failover.Cost))
	who, _ = router.Do(ctx, "a note to ourselves")
	fmt.Println(who)
	// Output:
	// best
	// cheap
}
