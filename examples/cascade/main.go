// Cascade asks the cheap model first and escalates when its answer is not good
// enough, under a cap on what one request may cost.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/gofailover/failover"
)

type question struct{ text string }

type reply struct {
	text       string
	confidence float64
}

func model(name string, cost float64, answer func(question) reply) failover.Provider[question, *reply] {
	p := failover.Wrap(name, func(_ context.Context, q question) (*reply, error) {
		r := answer(q)
		return &r, nil
	})
	p.Cost = func(question) float64 { return cost }
	p.Validate = func(_ context.Context, _ question, r *reply) error {
		if r.confidence < 0.8 {
			return errors.New("not sure enough")
		}
		return nil
	}
	return p
}

func main() {
	small := model("small", 0.001, func(q question) reply {
		if len(q.text) > 20 {
			return reply{"well, it depends", 0.4}
		}
		return reply{"42", 0.99}
	})
	large := model("large", 0.03, func(question) reply {
		return reply{"It is 42, and here is why.", 0.95}
	})
	router, err := failover.New(failover.Providers(large, small), // the order does not matter:
		failover.WithStrategy(failover.LeastCost()), // the cheapest is asked first
		failover.WithAcceptLast(),                   // an unsure answer is better than none
	)
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	ask := func(ctx context.Context, text string) {
		result, err := router.Route(ctx, question{text})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q\n  %s (confidence %.2f, %d model(s) asked, cost %.3f)\n",
			text, result.Value.text, result.Value.confidence, len(result.Attempts), result.Cost)
	}
	ctx := context.Background()
	ask(ctx, "six by seven?")
	ask(ctx, "what is the answer to everything, and why?")

	fmt.Println("\nwith at most 0.02 for a request, escalation is out of reach:")
	ask(failover.With(ctx, failover.MaxCost(0.02)), "what is the answer to everything, and why?")
}
