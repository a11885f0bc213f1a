package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// Plan says who would be asked, who would not, and why, without asking anyone.
func ExampleRouter_Plan() {
	vision := echo("vision")
	text := echo("text")
	text.Supports = func(req string) bool { return req != "a picture" }
	router, err := failover.New(failover.Providers(text, vision, echo("spare")))
	if err != nil {
		panic(err)
	}
	_ = router.Disable("spare")
	for _, req := range []string{"a question", "a picture"} {
		plan, err := router.Plan(context.Background(), req)
		if err != nil {
			panic(err)
		}
		fmt.Println(req, "goes to", plan.Order)
		for _, s := range plan.Skipped {
			fmt.Println("  not to", s.Provider, "because it is", s.Reason)
		}
	}
	// Output:
	// a question goes to [text vision]
	//   not to spare because it is disabled
	// a picture goes to [vision]
	//   not to text because it is unsupported
	//   not to spare because it is disabled
}
