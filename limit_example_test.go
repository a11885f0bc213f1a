package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// A fallback with a small quota gets no more than it can take.
func ExampleLimit() {
	answer := func(name string) failover.Provider[string, string] {
		return failover.Wrap(name, func(context.Context, string) (string, error) { return name, nil })
	}
	small := answer("small")
	small.Limit = failover.Limit{Rate: 1, Burst: 2} // one a second, two at once
	router, err := failover.New(failover.Providers(small, answer("large")))
	if err != nil {
		panic(err)
	}
	for range 4 {
		who, _ := router.Do(context.Background(), "hello")
		fmt.Println(who)
	}
	// Output:
	// small
	// small
	// large
	// large
}
