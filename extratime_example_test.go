package failover_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gofailover/failover"
)

// An attempt at more work may take longer: ten seconds, and a second for each
// page.
func ExampleProvider_extraTime() {
	p := failover.Wrap("reader", func(ctx context.Context, _ int) (time.Duration, error) {
		deadline, _ := ctx.Deadline()
		return time.Until(deadline).Round(time.Second), nil
	})
	p.Timeout = 10 * time.Second
	p.ExtraTime = func(pages int) time.Duration { return time.Duration(pages) * time.Second }
	router, err := failover.New(failover.Providers(p))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, pages := range []int{1, 50} {
		allowed, err := router.Do(context.Background(), pages)
		fmt.Println(pages, allowed, err)
	}
	// Output:
	// 1 11s <nil>
	// 50 1m0s <nil>
}
