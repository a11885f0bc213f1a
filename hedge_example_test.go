package failover_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// A provider that is slower than usual gets company, and the first answer
// wins.
func ExampleWithHedge() {
	quick := true
	first := failover.Wrap("first", func(ctx context.Context, _ string) (string, error) {
		if quick {
			return "first", nil
		}
		<-ctx.Done() // the other one answers, and this one is cancelled
		return "", ctx.Err()
	})
	second := failover.Wrap("second", func(context.Context, string) (string, error) { return "second", nil })
	router, err := failover.New(failover.Providers(first, second),
		failover.WithHedge(failover.HedgePolicy{MinDelay: time.Millisecond, MinSamples: 1}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer router.Close()
	fmt.Println(router.Do(context.Background(), "hello"))
	quick = false
	fmt.Println(router.Do(context.Background(), "hello"))
	// Output:
	// first <nil>
	// second <nil>
}
