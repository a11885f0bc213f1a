package main

import (
	"fmt"
	"math"

	"github.com/gofailover/failover"
)

// newRouter is what all the others are here for: a router over the same endpoints, with the same policies. What the
// scenario does not ask to be different is left as New gives it.
func newRouter(s scenario, endpoints []*endpoint) (call, error) {
	var opts []failover.Option
	if s.policy.timeout != timeout {
		opts = append(opts, failover.WithTimeout(s.policy.timeout))
	}
	if s.policy.attempts != attempts {
		opts = append(opts, failover.WithRetry(failover.RetryPolicy{MaxAttempts: s.policy.attempts}))
	}
	if s.policy.neverTrips {
		opts = append(opts, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: math.MaxInt}))
	}
	if s.policy.openFor > 0 {
		opts = append(opts, failover.WithBreaker(failover.BreakerPolicy{OpenFor: s.policy.openFor}))
	}
	return route(endpoints, opts...)
}

func route(endpoints []*endpoint, opts ...failover.Option) (call, error) {
	providers := make([]failover.Provider[Req, Resp], len(endpoints))
	for i, e := range endpoints {
		providers[i] = failover.Wrap(fmt.Sprintf("p%d", i+1), e.call)
	}
	r, err := failover.New(providers, opts...)
	if err != nil {
		return nil, err
	}
	return r.Do, nil
}
