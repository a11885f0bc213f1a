package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// A conversation stays with whoever served it, although others take turns.
func ExampleSticky() {
	router, err := failover.New(
		failover.Providers(echo("a"), echo("b")),
		failover.WithStrategy(failover.RoundRobin()),
	)
	if err != nil {
		panic(err)
	}
	for _, conversation := range []string{"ann", "bob", "ann", "bob", "bob"} {
		ctx := failover.With(context.Background(), failover.Sticky(conversation))
		who, _ := router.Do(ctx, "hello")
		fmt.Println(conversation, "talks to", who)
	}
	_ = router.Disable("b")
	ctx := failover.With(context.Background(), failover.Sticky("bob"))
	who, _ := router.Do(ctx, "hello")
	fmt.Println("bob", "moves to", who)
	// Output:
	// ann talks to a
	// bob talks to b
	// ann talks to a
	// bob talks to b
	// bob talks to b
	// bob moves to a
}
