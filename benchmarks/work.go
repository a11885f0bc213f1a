package main

import (
	"context"
	"errors"
)

// Req and Resp are small enough that copying them is not what is measured, and large enough not to fit a register.
type (
	Req  struct{ A, B, C int64 }
	Resp struct{ A, B, C int64 }
)

// call is one request through an implementation, whatever it is made of.
type call func(context.Context, Req) (Resp, error)

var (
	errDown   = errors.New("endpoint is down")
	errSilent = errors.New("endpoint never answers")
)

// endpoint stands for a vendor's client. It does next to nothing, so that what is left is the router's own cost, and
// counts its calls, so that a test can tell that everybody did the same work. It serves one goroutine.
type endpoint struct {
	fault error
	calls int
}

func (e *endpoint) call(ctx context.Context, req Req) (Resp, error) {
	e.calls++
	if e.fault != nil {
		return Resp{}, e.fail(ctx)
	}
	return answer(req), nil
}

func (e *endpoint) fail(ctx context.Context) error {
	if e.fault == errSilent { //nolint:errorlint // our own sentinel, never wrapped, on the measured path
		<-ctx.Done()
		return ctx.Err()
	}
	return e.fault
}

func answer(req Req) Resp {
	return Resp{A: req.A + 1, B: req.B, C: req.C}
}

func newEndpoints(n int) []*endpoint {
	endpoints := make([]*endpoint, n)
	for i := range endpoints {
		endpoints[i] = new(endpoint)
	}
	return endpoints
}
