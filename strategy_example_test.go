package failover_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
)

// echo is a provider that answers with its name.
func echo(name string) failover.Provider[string, string] {
	return failover.Wrap(name, func(context.Context, string) (string, error) { return name, nil })
}

// A strategy of your own: whoever has the fewest requests running.
func ExampleStrategyFunc() {
	leastBusy := failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		best := 0
		for i, c := range p.Candidates {
			if c.InFlight() < p.Candidates[best].InFlight() {
				best = i
			}
		}
		return best
	})

	started, finish := make(chan struct{}), make(chan struct{})
	busy := failover.Wrap("busy", func(context.Context, string) (string, error) {
		close(started)
		<-finish
		return "busy", nil
	})
	router, err := failover.New(failover.Providers(busy, echo("idle")), failover.WithStrategy(leastBusy))
	if err != nil {
		panic(err)
	}
	done := make(chan string)
	go func() {
		who, _ := router.Do(context.Background(), "first")
		done <- who
	}()
	<-started
	who, _ := router.Do(context.Background(), "second")
	fmt.Println("second:", who)
	close(finish)
	fmt.Println("first:", <-done)
	// Output:
	// second: idle
	// first: busy
}

type tierKey struct{}

// A strategy sees the request's context, and may build on those of this
// package: here paying customers go by speed, everybody else by price.
func ExampleStrategy() {
	fast, cheap := failover.LeastLatency(), failover.LeastCost()
	byTier := failover.StrategyFunc(func(ctx context.Context, p failover.Pick) int {
		if ctx.Value(tierKey{}) == "paying" {
			return fast.Next(ctx, p)
		}
		return cheap.Next(ctx, p)
	})

	premium, budget := echo("premium"), echo("budget")
	premium.Cost = func(string) float64 { return 3 }
	budget.Cost = func(string) float64 { return 1 }
	router, err := failover.New(failover.Providers(premium, budget), failover.WithStrategy(byTier))
	if err != nil {
		panic(err)
	}
	who, _ := router.Do(context.Background(), "hello")
	fmt.Println(who)
	// Output: budget
}

// A strategy may stop: here nobody is asked after the second failure, however
// many are left.
func ExampleStrategyFunc_stop() {
	two := failover.StrategyFunc(func(_ context.Context, p failover.Pick) int {
		if p.Attempt == 2 {
			return -1
		}
		return 0
	})
	down := func(name string) failover.Provider[string, string] {
		return failover.Wrap(name, func(context.Context, string) (string, error) { return "", errors.New("down") })
	}
	router, err := failover.New(
		failover.Providers(down("a"), down("b"), echo("c")),
		failover.WithStrategy(two), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
	)
	if err != nil {
		panic(err)
	}
	_, err = router.Do(context.Background(), "hello")
	fmt.Println(err)
	// Output: failover: all providers failed: a: unknown; b: unknown; left out: c (not_chosen)
}
