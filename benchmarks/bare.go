package main

import "context"

// newBare calls the endpoints and nothing else. Having no breaker, it is told which provider not to call.
func newBare(s scenario, endpoints []*endpoint) (call, error) {
	if s.tripped {
		endpoints = endpoints[1:]
	}
	return func(ctx context.Context, req Req) (Resp, error) {
		var lastErr error
		for _, e := range endpoints {
			resp, err := e.call(ctx, req)
			if err == nil {
				return resp, nil
			}
			lastErr = err
		}
		return Resp{}, lastErr
	}, nil
}
