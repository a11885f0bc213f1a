package failover_test

import (
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// Settings that several routers share make one option; what comes later
// overrides it.
func ExampleWithOptions() {
	house := failover.WithOptions(
		failover.WithTimeout(5*time.Second),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithStrategy(failover.RoundRobin()),
	)
	chat, err := failover.New(failover.Providers(echo("a"), echo("b")), house, failover.WithName("chat"))
	if err != nil {
		panic(err)
	}
	speech, err := failover.New(
		failover.Providers(echo("c")), house, failover.WithName("speech"), failover.WithStrategy(failover.ActivePassive()),
	)
	if err != nil {
		panic(err)
	}
	for _, router := range []*failover.Router[string, string]{chat, speech} {
		fmt.Println(router.Status().Router, router.Status().Strategy)
	}
	// Output:
	// chat round_robin
	// speech active_passive
}

// What cannot be is refused at once, with the name and the value.
func ExampleNew_refused() {
	_, err := failover.New(failover.Providers(echo("a"), echo("a")))
	fmt.Println(err)
	_, err = failover.New(failover.Providers(echo("a")), failover.WithTimeout(-time.Second))
	fmt.Println(err)
	_, err = failover.New(failover.Providers(echo("a")), failover.WithBreaker(failover.BreakerPolicy{FailureRatio: 0.5}))
	fmt.Println(err)
	// Output:
	// failover: New: provider "a": Name is used twice
	// failover: WithTimeout: -1s is negative
	// failover: WithBreaker: FailureRatio 0.5 needs a Window
}
