package main

import (
	"context"
	"fmt"
	"time"
)

const (
	tripAfter  = 5                // consecutive failures that open a breaker, everywhere
	retryDelay = time.Millisecond // first delay of a retry of the peers; only opening a breaker waits for it
	maxDelay   = 2 * time.Second  // longest delay of a retry
	attempts   = 2                // on one provider
	timeout    = 30 * time.Second // of one attempt
	openTime   = 24 * time.Hour   // longer than any run
)

// policy is what every implementation is configured with. An implementation without such a policy leaves it out.
type policy struct {
	attempts   int           // on one provider, the first included
	timeout    time.Duration // of one attempt; 0: none
	openFor    time.Duration // how long a breaker stays open; 0: the implementation's default
	neverTrips bool          // the breaker counts and never opens
}

// scenario is one situation of two providers.
type scenario struct {
	name    string
	policy  policy
	fault   error  // of the first provider
	tripped bool   // the first provider's breaker was opened by real failures before
	calls   [2]int // what one request must cost the two providers
}

var (
	healthy = scenario{
		name:   "healthy, attempt timeout off",
		policy: policy{attempts: attempts},
		calls:  [2]int{1, 0},
	}
	firstOpen = scenario{
		name:    "first provider open, second serves",
		policy:  policy{attempts: attempts, openFor: openTime},
		fault:   errDown,
		tripped: true,
		calls:   [2]int{0, 1},
	}
	firstFails = scenario{
		name:   "first fails without retry, second serves",
		policy: policy{attempts: 1, neverTrips: true},
		fault:  errDown,
		calls:  [2]int{1, 1},
	}
	defaults = scenario{
		name:   "healthy, defaults, attempt timeout on",
		policy: policy{attempts: attempts, timeout: timeout},
		calls:  [2]int{1, 0},
	}
)

// scenarios are those that are timed.
func scenarios() []scenario { return []scenario{healthy, firstOpen, firstFails, defaults} }

// stage sets the scenario for one implementation, and returns the endpoints so that their calls can be counted.
func (s scenario) stage(p peer) (call, []*endpoint, error) {
	endpoints := newEndpoints(2)
	endpoints[0].fault = s.fault
	do, err := p.build(s, endpoints)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", p.name, err)
	}
	if s.tripped {
		// Every request brings at least one failure until the breaker opens; the second provider serves them all.
		for range tripAfter {
			if _, err := do(context.Background(), Req{}); err != nil {
				return nil, nil, fmt.Errorf("%s, opening the breaker: %w", p.name, err)
			}
		}
	}
	return do, endpoints, nil
}
