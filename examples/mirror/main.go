// Mirror tries a new provider out beside the present one: every request goes to
// both, the present one answers, and the router counts how often they agree
// and what the difference in time and cost is. When the present one fails, the
// new one's answer is used.
package main

import (
	"context"
	"fmt"
	"log"
	"strings"
	"sync/atomic"
	"time"

	"github.com/gofailover/failover"
)

func main() {
	var broken atomic.Bool
	present := failover.Wrap("present", func(_ context.Context, req string) (string, error) {
		if broken.Load() {
			return "", &failover.Error{Class: failover.ClassTransient, Status: 500}
		}
		return strings.ToUpper(req), nil
	})
	present.Cost = func(req string) float64 { return 0.002 * float64(len(req)) }
	candidate := failover.Wrap("candidate", func(_ context.Context, req string) (string, error) {
		return strings.ToUpper(strings.TrimSuffix(req, "?")), nil // it drops question marks
	})
	candidate.Cost = func(req string) float64 { return 0.001 * float64(len(req)) }

	compared := make(chan struct{}, 16)
	router, err := failover.New(failover.Providers(
		failover.NewMirror(present, candidate,
			func(a, b string) bool { return a == b },
			failover.MirrorPolicy{Mode: failover.Paired}),
	), failover.WithObserver(func(_ context.Context, e failover.Event) {
		if m, ok := e.(failover.MirrorEvent); ok && m.Compared {
			compared <- struct{}{}
		}
	}))
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	for _, req := range []string{"one", "two", "three?", "four"} {
		answer, err := router.Do(context.Background(), req)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%-8s -> %s\n", req, answer)
		<-compared // only so that the counts below are complete
	}

	broken.Store(true)
	answer, err := router.Do(context.Background(), "five")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%-8s -> %s (the present provider failed, the candidate's answer was used)\n", "five", answer)

	m := router.Status().Providers[0].Mirror
	fmt.Printf("\ncompared %d, agreed %d, mean cost difference %+.4f, measured time difference: %v\n",
		m.Compared, m.Agreed, m.CostDelta, m.LatencyDelta.Abs() < time.Second)
	for _, p := range router.Status().Providers[0].Nested.Providers {
		fmt.Printf("%-10s %v\n", p.Name, p.Attempts)
	}
}
