package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// Each provider gets its turn; one that is out of service is skipped.
func ExampleRoundRobin() {
	router, err := failover.New(
		failover.Providers(echo("a"), echo("b"), echo("c")),
		failover.WithStrategy(failover.RoundRobin()),
	)
	if err != nil {
		panic(err)
	}
	six := func() {
		var order []string
		for range 6 {
			who, _ := router.Do(context.Background(), "hello")
			order = append(order, who)
		}
		fmt.Println(order)
	}
	six()
	_ = router.Disable("b")
	six()
	// Output:
	// [a b c a b c]
	// [a c a c a c]
}
