package main

import (
	"context"
	"errors"

	"github.com/cenkalti/backoff/v4"
	"github.com/sony/gobreaker/v2"
)

// newComposed is gobreaker and backoff put together by hand, as most services do it: a loop over the providers, each
// behind its breaker, the breaker inside a retry.
func newComposed(s scenario, endpoints []*endpoint) (call, error) {
	providers := guard(s.policy, endpoints)
	return func(ctx context.Context, req Req) (Resp, error) {
		var lastErr error
		for _, p := range providers {
			resp, err := backoff.RetryWithData(func() (Resp, error) {
				resp, err := p.breaker.Execute(func() (Resp, error) { return attempt(ctx, s.policy, p.endpoint, req) })
				return resp, permanent(err)
			}, newSchedule(ctx, s.policy))
			if err == nil {
				return resp, nil
			}
			lastErr = err
		}
		return Resp{}, lastErr
	}, nil
}

// newSchedule is built for each use: a schedule has state and must not be shared.
func newSchedule(ctx context.Context, p policy) backoff.BackOff {
	b := backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(retryDelay),
		backoff.WithMaxInterval(maxDelay),
		backoff.WithMaxElapsedTime(0),
	)
	retries := uint64(p.attempts - 1) //nolint:gosec // never below 0: the first attempt is among them
	return backoff.WithContext(backoff.WithMaxRetries(b, retries), ctx)
}

// permanent marks what a retry cannot help: a breaker that refuses, and a provider that stays silent.
func permanent(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, gobreaker.ErrOpenState),
		errors.Is(err, gobreaker.ErrTooManyRequests),
		errors.Is(err, context.DeadlineExceeded):
		return backoff.Permanent(err)
	default:
		return err
	}
}
