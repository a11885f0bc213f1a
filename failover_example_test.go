package failover_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// The first provider is down; the caller does not notice.
func ExampleNew() {
	primary := func(context.Context, string) (string, error) {
		return "", &failover.Error{Class: failover.ClassTimeout, Status: 504}
	}
	fallback := func(_ context.Context, text string) (string, error) { return "spoken: " + text, nil }

	router, err := failover.New(failover.Providers(
		failover.Wrap("primary", primary),
		failover.Wrap("fallback", fallback),
	), failover.WithTimeout(3*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	fmt.Println(router.Do(context.Background(), "good evening"))
	// Output: spoken: good evening <nil>
}

// Route tells who served and what was tried before.
func ExampleRouter_Route() {
	router, err := failover.New(failover.Providers(
		failover.Wrap("primary", func(context.Context, int) (int, error) {
			return 0, &failover.Error{Class: failover.ClassRateLimited, Status: 429, RetryAfter: 7 * time.Second}
		}),
		failover.Wrap("fallback", func(_ context.Context, n int) (int, error) { return n * n, nil }),
	))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	result, err := router.Route(context.Background(), 6)
	fmt.Println(result.Value, err, "by", result.Provider)
	fmt.Println(result.Attempts[0].Err)
	// Output:
	// 36 <nil> by fallback
	// primary: rate_limited (429, retry after 7s)
}

// A named operation is not begun twice.
func ExampleOperation() {
	sms := failover.Wrap("sms", func(ctx context.Context, _ string) (string, error) {
		return "sent as " + failover.AttemptID(ctx), nil
	})
	sms.SideEffect = true
	router, err := failover.New(failover.Providers(sms))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()

	ctx := failover.Operation(context.Background(), "order-17")
	fmt.Println(router.Do(ctx, "your order is on its way"))
	_, err = router.Do(ctx, "your order is on its way")
	fmt.Println(errors.Is(err, failover.ErrDuplicate), err)
	// Output:
	// sent as order-17.1 <nil>
	// true failover: the operation was already begun: operation order-17 was accepted by sms
}
