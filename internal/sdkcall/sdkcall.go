// Package sdkcall sees what a vendor's SDK sends and gets: each SDK loses
// something of a failed call (the status, a header, the body), and all of them
// pass the context on. Under a context of [With] the transport or middleware of
// this package notes how often the vendor was asked and what it answered.
package sdkcall

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// Meta is what was seen of one call.
type Meta struct {
	mu       sync.Mutex
	attempts int
	status   int
	header   http.Header
	body     []byte
}

type metaKey struct{}

// With makes a context under which a call is seen.
func With(ctx context.Context) (context.Context, *Meta) {
	m := &Meta{}
	return context.WithValue(ctx, metaKey{}, m), m
}

// Attempts is how many requests were sent.
func (m *Meta) Attempts() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.attempts
}

// Status is that of the last answer, 0 if there was none.
func (m *Meta) Status() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

// Header is that of the last answer, for reading; nil if there was none.
func (m *Meta) Header() http.Header {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.header
}

// Body is the beginning of the last answer, if it was an error.
func (m *Meta) Body() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.body
}

// Refusal makes the error of an answer with an error status, by what parse
// reads in its body; nil if there was no such answer.
func (m *Meta) Refusal(parse func(body []byte) httpcall.Envelope) *failover.Error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.status < http.StatusMultipleChoices {
		return nil
	}
	return httpcall.Refusal(&http.Response{StatusCode: m.status, Header: m.header}, parse(m.body))
}

// Middleware notes a request and its answer: the shape that the SDKs of OpenAI
// and Anthropic take.
func Middleware(req *http.Request, next func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	m, _ := req.Context().Value(metaKey{}).(*Meta)
	if m == nil {
		return next(req)
	}
	// With GetBody the transport sends a request again by itself. To repeat is
	// the router's business.
	req.GetBody = nil
	m.mu.Lock()
	m.attempts++
	m.status, m.header, m.body = 0, nil, nil
	m.mu.Unlock()
	resp, err := next(req)
	if err != nil {
		return resp, err
	}
	var body []byte
	if resp.StatusCode >= http.StatusMultipleChoices {
		body, _ = io.ReadAll(io.LimitReader(resp.Body, httpcall.MaxError))
		resp.Body = again{io.MultiReader(bytes.NewReader(body), resp.Body), resp.Body}
	}
	m.mu.Lock()
	m.status, m.header, m.body = resp.StatusCode, resp.Header, body
	m.mu.Unlock()
	return resp, nil
}

// again is a body of which the beginning was read and put back.
type again struct {
	io.Reader
	io.Closer
}

// Transport is [Middleware] as a transport, for SDKs that take a client.
type Transport struct {
	// Next sends; nil takes the transport that our adapters share.
	Next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	next := t.Next
	if next == nil {
		next = httpcall.TransportOf(nil)
	}
	return Middleware(req.WithContext(req.Context()), next.RoundTrip) // a copy: it changes a field
}
