package failover_test

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/gofailover/failover"
)

// A fault of the moment is tried again at the same provider, soon and at random.
func ExampleWithRetry() {
	calls := 0
	router, err := failover.New(failover.Providers(
		failover.Wrap("flaky", func(_ context.Context, s string) (string, error) {
			if calls++; calls < 3 {
				return "", failover.HTTPError(&http.Response{StatusCode: http.StatusBadGateway})
			}
			return s + "!", nil
		}),
	), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 4, Base: time.Millisecond, Max: 5 * time.Millisecond}))
	if err != nil {
		panic(err)
	}
	fmt.Println(router.Do(context.Background(), "hello"))
	fmt.Println(calls)
	// Output:
	// hello! <nil>
	// 3
}
