package main

import (
	"context"

	"github.com/sony/gobreaker/v2"
)

// guarded is an endpoint behind its breaker.
type guarded struct {
	*endpoint

	breaker *gobreaker.CircuitBreaker[Resp]
}

func guard(p policy, endpoints []*endpoint) []guarded {
	guardeds := make([]guarded, len(endpoints))
	for i, e := range endpoints {
		guardeds[i] = guarded{e, gobreaker.NewCircuitBreaker[Resp](gobreaker.Settings{
			Timeout: p.openFor,
			ReadyToTrip: func(c gobreaker.Counts) bool {
				return !p.neverTrips && c.ConsecutiveFailures >= tripAfter
			},
		})}
	}
	return guardeds
}

// newGobreaker tries each provider once behind its breaker. With the first one healthy it is one Execute.
func newGobreaker(s scenario, endpoints []*endpoint) (call, error) {
	providers := guard(s.policy, endpoints)
	return func(ctx context.Context, req Req) (Resp, error) {
		var lastErr error
		for _, p := range providers {
			resp, err := p.breaker.Execute(func() (Resp, error) { return attempt(ctx, s.policy, p.endpoint, req) })
			if err == nil {
				return resp, nil
			}
			lastErr = err
		}
		return Resp{}, lastErr
	}, nil
}

// attempt calls the endpoint within the attempt timeout.
func attempt(ctx context.Context, p policy, e *endpoint, req Req) (Resp, error) {
	if p.timeout == 0 {
		return e.call(ctx, req)
	}
	ctx, cancel := context.WithTimeout(ctx, p.timeout)
	defer cancel()
	return e.call(ctx, req)
}
