// Health probes providers beside the traffic: one that fails its probes is left
// out before a single request has to find out, and comes back when its probes
// pass.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"sync/atomic"
	"time"

	"github.com/gofailover/failover"
)

func main() {
	var sick atomic.Bool
	primary := failover.Wrap("primary", func(context.Context, string) (string, error) { return "from primary", nil })
	primary.Check = func(context.Context) error {
		if sick.Load() {
			return errors.New("the probe's endpoint answers 500")
		}
		return nil
	}
	standby := failover.Wrap("standby", func(context.Context, string) (string, error) { return "from standby", nil })

	changed := make(chan failover.HealthEvent, 1)
	router, err := failover.New(failover.Providers(primary, standby),
		failover.WithHealthChecks(failover.HealthPolicy{
			Interval: 20 * time.Millisecond, // seconds in real life: probes cost quota
			Timeout:  time.Second, Unhealthy: 3, Healthy: 2,
		}),
		failover.WithObserver(func(_ context.Context, e failover.Event) {
			if h, ok := e.(failover.HealthEvent); ok {
				changed <- h
			}
		}),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	ask := func(when string) {
		answer, err := router.Do(context.Background(), "hello")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-28s %s\n", when, answer)
	}
	ask("everybody healthy:")

	sick.Store(true)
	e := <-changed
	fmt.Printf("%-28s %s is healthy: %v\n", "three probes failed:", e.Provider, e.Healthy)
	ask("while it is unhealthy:")

	sick.Store(false)
	e = <-changed
	fmt.Printf("%-28s %s is healthy: %v\n", "two probes passed:", e.Provider, e.Healthy)
	ask("afterwards:")
}
