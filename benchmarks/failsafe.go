package main

import (
	"context"

	"github.com/failsafe-go/failsafe-go"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/failsafe-go/failsafe-go/fallback"
	"github.com/failsafe-go/failsafe-go/retrypolicy"
	timeoutpolicy "github.com/failsafe-go/failsafe-go/timeout"
)

// newFailsafeDocumented is the form of failsafe-go's documentation: failsafe.With(fallback, retry, breaker).Get(fn).
// A fallback does not see the request, so it is made for each call around it.
func newFailsafeDocumented(s scenario, endpoints []*endpoint) (call, error) {
	first, second := newFailsafeProvider(s.policy, endpoints[0]), newFailsafeProvider(s.policy, endpoints[1])
	return func(ctx context.Context, req Req) (Resp, error) {
		toSecond := fallback.NewWithFunc(func(exec failsafe.Execution[Resp]) (Resp, error) { //nolint:contextcheck // exec carries it
			return second.get(exec.Context(), failsafe.With(second.policies...), req)
		})
		return first.get(ctx, first.under(toSecond), req)
	}, nil
}

type requestKey struct{}

// newFailsafePrebuilt builds the same composition once. Its functions find the request in the context.
func newFailsafePrebuilt(s scenario, endpoints []*endpoint) (call, error) {
	first, second := newFailsafeProvider(s.policy, endpoints[0]), newFailsafeProvider(s.policy, endpoints[1])
	rest := failsafe.With(second.policies...)
	whole := first.under(fallback.NewWithFunc(func(exec failsafe.Execution[Resp]) (Resp, error) {
		return rest.WithContext(exec.Context()).GetWithExecution(second.callForContext)
	}))
	toFirst := first.callForContext
	return func(ctx context.Context, req Req) (Resp, error) {
		return whole.WithContext(context.WithValue(ctx, requestKey{}, req)).GetWithExecution(toFirst)
	}, nil
}

// newFailsafeLoop drops the fallback: one prebuilt executor a provider, and a loop.
func newFailsafeLoop(s scenario, endpoints []*endpoint) (call, error) {
	providers := make([]failsafeProvider, len(endpoints))
	executors := make([]failsafe.Executor[Resp], len(endpoints))
	for i, e := range endpoints {
		providers[i] = newFailsafeProvider(s.policy, e)
		executors[i] = failsafe.With(providers[i].policies...)
	}
	return func(ctx context.Context, req Req) (Resp, error) {
		var lastErr error
		for i := range providers {
			resp, err := providers[i].get(ctx, executors[i], req)
			if err == nil {
				return resp, nil
			}
			lastErr = err
		}
		return Resp{}, lastErr
	}, nil
}

// failsafeProvider is an endpoint with its policies, the outermost first: retry, breaker, timeout of one attempt if any.
type failsafeProvider struct {
	*endpoint

	policies []failsafe.Policy[Resp]
}

func newFailsafeProvider(p policy, e *endpoint) failsafeProvider {
	policies := []failsafe.Policy[Resp]{newFailsafeRetry(p), newFailsafeBreaker(p)}
	if p.timeout > 0 {
		policies = append(policies, timeoutpolicy.New[Resp](p.timeout))
	}
	return failsafeProvider{e, policies}
}

// under composes the policies under a fallback, in as few allocations as writing them out takes.
func (p failsafeProvider) under(f fallback.Fallback[Resp]) failsafe.Executor[Resp] {
	if !p.timed() {
		return failsafe.With[Resp](f, p.policies[0], p.policies[1])
	}
	return failsafe.With[Resp](f, p.policies[0], p.policies[1], p.policies[2])
}

func (p failsafeProvider) timed() bool { return len(p.policies) > 2 }

// get takes the dearer GetWithExecution only where the context of the timeout is needed.
func (p failsafeProvider) get(ctx context.Context, executor failsafe.Executor[Resp], req Req) (Resp, error) {
	executor = executor.WithContext(ctx)
	if !p.timed() {
		return executor.Get(func() (Resp, error) { return p.call(ctx, req) })
	}
	return executor.GetWithExecution(func(exec failsafe.Execution[Resp]) (Resp, error) { //nolint:contextcheck // exec carries it
		return p.call(exec.Context(), req)
	})
}

// callForContext calls the endpoint with the request that the context carries.
func (p failsafeProvider) callForContext(exec failsafe.Execution[Resp]) (Resp, error) {
	ctx := exec.Context()
	req, _ := ctx.Value(requestKey{}).(Req)
	return p.call(ctx, req)
}

func newFailsafeRetry(p policy) retrypolicy.RetryPolicy[Resp] {
	return retrypolicy.NewBuilder[Resp]().
		WithMaxAttempts(p.attempts).
		WithBackoff(retryDelay, maxDelay).
		AbortOnErrors(circuitbreaker.ErrOpen, timeoutpolicy.ErrExceeded).
		Build()
}

func newFailsafeBreaker(p policy) circuitbreaker.CircuitBreaker[Resp] {
	b := circuitbreaker.NewBuilder[Resp]().WithFailureThreshold(tripAfter)
	if p.neverTrips {
		// Six failures among the last five: it counts as before and cannot open.
		b.WithFailureThresholdRatio(tripAfter+1, tripAfter)
	}
	if p.openFor > 0 {
		b.WithDelay(p.openFor)
	}
	return b.Build()
}
