package failover_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// Most requests go to whoever is faster just now.
func ExampleLeastLatency() {
	after := func(name string, d time.Duration) failover.Provider[string, string] {
		return failover.Wrap(name, func(ctx context.Context, _ string) (string, error) {
			select {
			case <-time.After(d):
				return name, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
	}
	router, err := failover.New(
		failover.Providers(after("slow", 20*time.Millisecond), after("fast", time.Millisecond)),
		failover.WithStrategy(failover.LeastLatency()),
	)
	if err != nil {
		panic(err)
	}
	counts := map[string]int{}
	for range 20 {
		who, _ := router.Do(context.Background(), "hello")
		counts[who]++
	}
	fmt.Println("mostly fast:", counts["fast"] >= 15)
	// Output: mostly fast: true
}
