package failover_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/gofailover/failover"
)

func brokenAndWhole() []failover.Provider[string, string] {
	return failover.Providers(
		failover.Wrap("broken", func(context.Context, string) (string, error) { return "", errors.New("out of order") }),
		failover.Wrap("whole", func(_ context.Context, s string) (string, error) { return s + "!", nil }),
	)
}

// An observer gets concrete types, and takes those it wants.
func ExampleWithObserver() {
	router, err := failover.New(brokenAndWhole(),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithObserver(func(_ context.Context, e failover.Event) {
			switch e := e.(type) {
			case failover.FailoverEvent:
				fmt.Println("from", e.From, "to", e.To)
			case failover.BreakerEvent:
				fmt.Println(e.Provider, "is", e.To)
			}
		}),
	)
	if err != nil {
		panic(err)
	}
	for range 5 {
		if _, err := router.Do(context.Background(), "hello"); err != nil {
			panic(err)
		}
	}
	// Output:
	// from broken to whole
	// from broken to whole
	// from broken to whole
	// from broken to whole
	// broken is open
	// from broken to whole
}

// A logger gets what an operator wants to see.
func ExampleWithLogger() {
	plain := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: plain}))
	router, err := failover.New(brokenAndWhole(),
		failover.WithName("speech"), failover.WithLogger(logger), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		panic(err)
	}
	if _, err := router.Do(context.Background(), "hello"); err != nil {
		panic(err)
	}
	// Output: level=WARN msg=failover router=speech from=broken to=whole error.provider=broken error.class=unknown
}
