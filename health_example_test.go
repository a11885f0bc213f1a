package failover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// Probes find out that a provider is down before a caller does.
func ExampleWithHealthChecks() {
	primary := failover.Wrap("primary", func(context.Context, string) (string, error) { return "primary", nil })
	primary.Check = func(context.Context) error { return errors.New("not today") }
	fallback := failover.Wrap("fallback", func(context.Context, string) (string, error) { return "fallback", nil })

	unhealthy := make(chan failover.HealthEvent, 1)
	router, err := failover.New(failover.Providers(primary, fallback),
		failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Millisecond}),
		failover.WithObserver(func(_ context.Context, e failover.Event) {
			if e, ok := e.(failover.HealthEvent); ok && !e.Healthy {
				unhealthy <- e
			}
		}),
	)
	if err != nil {
		panic(err)
	}
	defer router.Close()

	fmt.Println((<-unhealthy).Provider, "is unhealthy")
	fmt.Println(router.Do(context.Background(), "who is there?"))
	// Output:
	// primary is unhealthy
	// fallback <nil>
}
