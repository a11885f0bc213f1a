// Nested puts a weighted pool of keys of one vendor inside an active/passive
// pair of vendors: a key that runs out of quota is left alone, and only when
// all of them are does the traffic go to the other vendor.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/gofailover/failover"
)

func main() {
	var exhausted [2]atomic.Bool
	key := func(i, weight int) failover.Provider[string, string] {
		name := fmt.Sprintf("key%d", i+1)
		p := failover.Wrap(name, func(_ context.Context, req string) (string, error) {
			if exhausted[i].Load() {
				return "", &failover.Error{Class: failover.ClassExhausted, Status: 429, Code: "insufficient_quota"}
			}
			return req + " by main vendor with " + name, nil
		})
		p.Account, p.Weight = name, weight
		return p
	}
	pool, err := failover.New(failover.Providers(key(0, 3), key(1, 1)),
		failover.WithName("pool"), failover.WithStrategy(failover.Weighted()))
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	router, err := failover.New(failover.Providers(
		failover.Nest("main", pool),
		failover.Wrap("other", func(_ context.Context, req string) (string, error) {
			return req + " by other vendor", nil
		}),
	))
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	ask := func(ctx context.Context, when string) {
		answer, err := router.Do(ctx, "served")
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-26s %s\n", when, answer)
	}
	ctx := context.Background()
	ask(ctx, "both keys good:")
	ask(failover.With(ctx, failover.Only("main/key2")), "only main/key2:")
	exhausted[0].Store(true)
	ask(ctx, "key1 out of quota:")
	exhausted[1].Store(true)
	ask(ctx, "both out of quota:")

	status, err := json.MarshalIndent(router.Status().Providers[0].Nested.Providers[0].Reasons, "", "  ")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("\nwhat status says of main/key1:\n%s\n", status)
}
