package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// Status is a snapshot for people and for JSON.
func ExampleRouter_Status() {
	limited := failover.Wrap("limited", func(context.Context, string) (string, error) {
		return "", &failover.Error{Class: failover.ClassRateLimited, Status: 429, Code: "slow_down"}
	})
	router, err := failover.New(failover.Providers(limited, echo("spare")))
	if err != nil {
		panic(err)
	}
	for range 3 {
		_, _ = router.Do(context.Background(), "hello")
	}
	for _, p := range router.Status().Providers {
		fmt.Println(p.Name, "ready:", p.Ready, "breaker:", p.Breaker, "attempts:", p.Attempts)
		for _, r := range p.Reasons {
			fmt.Println("  out of service:", r.Reason, r.Class)
		}
		if p.LastError != nil {
			fmt.Println("  last error:", p.LastError.Class, p.LastError.Status, p.LastError.Code)
		}
	}
	// Output:
	// limited ready: false breaker: closed attempts: map[rate_limited:1]
	//   out of service: cooling rate_limited
	//   last error: rate_limited 429 slow_down
	// spare ready: true breaker: closed attempts: map[success:3]
}
