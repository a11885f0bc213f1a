package failover_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
)

// Requests are shared out by weight; a weight of zero drains a provider.
func ExampleWeighted() {
	large, small := echo("large"), echo("small")
	large.Weight, small.Weight = 80, 20
	router, err := failover.New(failover.Providers(large, small), failover.WithStrategy(failover.Weighted()))
	if err != nil {
		panic(err)
	}
	hundred := func() {
		counts := map[string]int{}
		for range 100 {
			who, _ := router.Do(context.Background(), "hello")
			counts[who]++
		}
		fmt.Println(counts)
	}
	hundred()
	_ = router.SetWeight("small", 80)
	hundred()
	_ = router.SetWeight("large", 0)
	hundred()
	// Output:
	// map[large:80 small:20]
	// map[large:50 small:50]
	// map[small:100]
}
