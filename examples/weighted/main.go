// Weighted spreads requests over three providers 5:3:1, drains one, and lets
// one fail: its share goes to the others and comes back when it is well.
package main

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"github.com/gofailover/failover"
)

func main() {
	var down atomic.Bool
	provider := func(name string, weight int) failover.Provider[string, string] {
		p := failover.Wrap(name, func(_ context.Context, req string) (string, error) {
			if name == "large" && down.Load() {
				return "", &failover.Error{Class: failover.ClassTransient, Status: 503}
			}
			return name + " answered " + req, nil
		})
		p.Weight = weight
		return p
	}
	router, err := failover.New(
		failover.Providers(provider("large", 5), provider("medium", 3), provider("small", 1)),
		failover.WithStrategy(failover.Weighted()),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	count := func(title string) {
		served := map[string]int{}
		for range 900 {
			result, err := router.Route(context.Background(), "hello")
			if err != nil {
				log.Fatal(err)
			}
			served[result.Provider]++
		}
		fmt.Printf("%-34s large %3d   medium %3d   small %3d\n",
			title, served["large"], served["medium"], served["small"])
	}
	count("weights 5:3:1")

	must(router.SetWeight("small", 0))
	count("small drained")
	must(router.SetWeight("small", 1))

	down.Store(true)
	count("large fails, its breaker opens")

	down.Store(false)
	must(router.Enable("large")) // or wait for the breaker's own trials
	count("large is back")
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
