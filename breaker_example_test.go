package failover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// A provider that failed three times in a row is left alone for a while; the
// others serve meanwhile.
func ExampleWithBreaker() {
	calls := 0
	router, err := failover.New(failover.Providers(
		failover.Wrap("broken", func(context.Context, string) (string, error) {
			calls++
			return "", errors.New("out of order")
		}),
		failover.Wrap("standby", func(_ context.Context, s string) (string, error) { return s + "!", nil }),
	),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 3, OpenFor: time.Minute}),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
	)
	if err != nil {
		panic(err)
	}
	for range 10 {
		if _, err := router.Do(context.Background(), "hello"); err != nil {
			panic(err)
		}
	}
	fmt.Println(calls, "calls,", router.Status().Providers[0].Breaker)
	// Output: 3 calls, open
}
