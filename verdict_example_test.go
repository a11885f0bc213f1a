package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// What one vendor's content policy refuses, another may serve; whether that is
// wanted is for the caller to decide.
func ExampleWithVerdict() {
	verdict := failover.DefaultVerdict(failover.ClassFiltered)
	verdict.Next = failover.NextProvider
	router, err := failover.New(failover.Providers(
		failover.Wrap("prim", func(context.Context, string) (string, error) {
			return "", &failover.Error{Class: failover.ClassFiltered}
		}),
		failover.Wrap("frank", func(_ context.Context, s string) (string, error) { return "about " + s, nil }),
	), failover.WithVerdict(failover.ClassFiltered, verdict))
	if err != nil {
		panic(err)
	}
	fmt.Println(router.Do(context.Background(), "anatomy"))
	// Output: about anatomy <nil>
}
