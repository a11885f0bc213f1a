package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// threeNames plans a call with wishes and prints who would be asked.
func threeNames(wishes ...failover.Wish) {
	router, err := failover.New(failover.Providers(
		priced("eu", 0.3), priced("us", 0.2), priced("asia", 0.1),
	), failover.WithName("chat"))
	if err != nil {
		panic(err)
	}
	plan, err := router.Plan(failover.With(context.Background(), wishes...), "hello")
	fmt.Println(plan.Order, err)
}

// Wishes travel in the context and hold for one call.
func ExampleWith() {
	threeNames()
	threeNames(failover.Avoid("eu"), failover.Prefer("asia"))
	// Output:
	// [eu us asia] <nil>
	// [asia us] <nil>
}

func ExamplePrefer() {
	threeNames(failover.Prefer("asia"))
	// Output: [asia eu us] <nil>
}

// A name in Only that the router does not have is an error, never ignored.
func ExampleOnly() {
	threeNames(failover.Only("eu", "us"))
	threeNames(failover.Only("eu", "mars"))
	// Output:
	// [eu us] <nil>
	// [] failover: Only: unknown provider "mars"
}

func ExampleAvoid() {
	threeNames(failover.Avoid("eu", "mars"))
	// Output: [us asia] <nil>
}

// The cap is on the sum of the attempts: here a failover to the second is
// covered, but not to the third.
func ExampleMaxCost() {
	threeNames(failover.MaxCost(2.5))
	threeNames(failover.MaxCost(1))
	// Output:
	// [eu us] <nil>
	// [us] <nil>
}

func ExampleNoFailover() {
	threeNames(failover.NoFailover())
	// Output: [eu] <nil>
}

// One context may pass several routers: For says which one is meant.
func ExampleFor() {
	threeNames(failover.For("chat", failover.Only("us")), failover.For("speech", failover.Only("elevenlabs")))
	// Output: [us] <nil>
}
