package failover_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
)

// A message that may have been sent is not sent by another provider; the
// status webhook says later what became of it.
func ExampleRouter_Report() {
	first := failover.Wrap("first", func(context.Context, string) (string, error) {
		return "", errors.New("connection lost after the request was written")
	})
	first.SideEffect = true
	second := failover.Wrap("second", func(context.Context, string) (string, error) { return "sent", nil })
	second.SideEffect = true
	router, err := failover.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}

	ctx := failover.Operation(context.Background(), "order-7")
	_, err = router.Do(ctx, "your parcel is here")
	fmt.Println(errors.Is(err, failover.ErrUncertain))

	if err := router.Report("order-7", "first", failover.OutcomeAccepted, nil); err != nil {
		fmt.Println(err)
	}
	_, err = router.Do(ctx, "your parcel is here")
	fmt.Println(err)
	// Output:
	// true
	// failover: the operation was already begun: operation order-7 was accepted by first
}

// An error that says the message was surely not taken lets the next provider
// send it.
func ExampleOutcome() {
	first := failover.Wrap("first", func(context.Context, string) (string, error) {
		return "", &failover.Error{Class: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted, Status: 429}
	})
	first.SideEffect = true
	second := failover.Wrap("second", func(ctx context.Context, _ string) (string, error) {
		return "sent as " + failover.AttemptID(ctx), nil
	})
	second.SideEffect = true
	router, err := failover.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(router.Do(failover.Operation(context.Background(), "order-8"), "your parcel is here"))
	// Output: sent as order-8.2 <nil>
}

// A one-time password is better sent twice than not at all.
func ExampleOnUncertain() {
	first := failover.Wrap("first", func(context.Context, string) (string, error) { return "", errors.New("no answer") })
	first.SideEffect = true
	second := failover.Wrap("second", func(context.Context, string) (string, error) { return "sent", nil })
	second.SideEffect = true
	router, err := failover.New(failover.Providers(first, second))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.With(context.Background(), failover.OnUncertain(failover.FailOver))
	result, err := router.Route(ctx, "your code is 123456")
	fmt.Println(result.Value, result.Provider, result.Uncertain, err)
	// Output: sent second true <nil>
}

// A webhook says later what became of a message. The address it will come to
// names the attempt, as Report takes it.
func ExampleProviderPath() {
	send := failover.Wrap("key1", func(ctx context.Context, _ string) (string, error) {
		return "https://example.com/status?provider=" + failover.ProviderPath(ctx) +
			"&operation=" + failover.OperationID(ctx), nil
	})
	send.SideEffect = true
	pool, err := failover.New(failover.Providers(send))
	if err != nil {
		fmt.Println(err)
		return
	}
	router, err := failover.New(failover.Providers(failover.Nest("pool", pool)))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.Operation(context.Background(), "order-9")
	fmt.Println(router.Do(ctx, "your parcel is here"))
	fmt.Println(router.Report("order-9", "pool/key1", failover.OutcomeAccepted, nil))
	// Output:
	// https://example.com/status?provider=pool/key1&operation=order-9 <nil>
	// <nil>
}
