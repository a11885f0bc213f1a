package failover_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
)

// The first provider serves; the others stand by until it fails.
func ExampleActivePassive() {
	primary := failover.Wrap("primary", func(_ context.Context, text string) (string, error) {
		if text == "a hard one" {
			return "", errors.New("out of order")
		}
		return "primary: " + text, nil
	})
	standby := failover.Wrap("standby", func(_ context.Context, text string) (string, error) {
		return "standby: " + text, nil
	})
	router, err := failover.New(
		failover.Providers(primary, standby),
		failover.WithStrategy(failover.ActivePassive()), // the default
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
	)
	if err != nil {
		panic(err)
	}
	for _, text := range []string{"an easy one", "a hard one"} {
		answer, err := router.Do(context.Background(), text)
		fmt.Println(answer, err)
	}
	// Output:
	// primary: an easy one <nil>
	// standby: a hard one <nil>
}

// The order can be changed while the router runs.
func ExampleRouter_SetPrimary() {
	serve := func(name string) failover.Provider[string, string] {
		return failover.Wrap(name, func(context.Context, string) (string, error) { return name, nil })
	}
	router, err := failover.New(failover.Providers(serve("eu"), serve("us"), serve("asia")))
	if err != nil {
		panic(err)
	}
	order := func() {
		plan, _ := router.Plan(context.Background(), "hello")
		fmt.Println(plan.Order)
	}
	order()
	_ = router.SetPrimary("us")
	order()
	_ = router.SetFallbacks("asia", "eu")
	order()
	fmt.Println(router.SetPrimary("mars"))
	// Output:
	// [eu us asia]
	// [us eu asia]
	// [us asia eu]
	// failover: SetPrimary: unknown provider "mars"
}

// A provider can be taken out of service by hand, for maintenance say.
func ExampleRouter_Disable() {
	serve := func(name string) failover.Provider[string, string] {
		return failover.Wrap(name, func(context.Context, string) (string, error) { return name, nil })
	}
	router, err := failover.New(failover.Providers(serve("a"), serve("b")))
	if err != nil {
		panic(err)
	}
	ask := func() {
		who, err := router.Do(context.Background(), "hello")
		fmt.Println(who, err)
	}
	_ = router.Disable("a")
	ask()
	_ = router.Disable("b")
	ask()
	_ = router.Enable("a")
	ask()
	// Output:
	// b <nil>
	//  failover: no provider is available; left out: a (disabled), b (disabled)
	// a <nil>
}
