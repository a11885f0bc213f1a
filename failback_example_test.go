package failover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// A provider that was down stands by for a while before it is the first choice
// again.
func ExampleWithFailback() {
	down := true
	primary := failover.Wrap("primary", func(context.Context, string) (string, error) {
		if down {
			return "", errors.New("down")
		}
		return "primary", nil
	})
	router, err := failover.New(
		failover.Providers(primary, echo("standby")),
		failover.WithFailback(failover.FailbackPolicy{MinHealthy: time.Minute, Ramp: 10 * time.Minute}),
		failover.WithBreaker(failover.BreakerPolicy{
			ConsecutiveFailures: 1, OpenFor: time.Millisecond, HalfOpenSuccesses: 1,
		}),
	)
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	who, _ := router.Do(ctx, "hello")
	fmt.Println("served by", who)

	down = false
	for router.Status().Providers[0].Breaker != failover.BreakerClosed {
		_, _ = router.Do(ctx, "hello") // the first one after the open time is the trial
	}
	who, _ = router.Do(ctx, "hello")
	fmt.Println("served by", who)
	for _, r := range router.Status().Providers[0].Reasons {
		fmt.Println("primary is", r.Reason)
	}
	// Output:
	// served by standby
	// served by standby
	// primary is recovering
}
