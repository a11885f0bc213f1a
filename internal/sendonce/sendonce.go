// Package sendonce sends an HTTP request with a side effect: once, and with
// what can be known of one that failed. Error types alone cannot tell: a reset
// before and one after the vendor has read the request are the same error.
package sendonce

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// idleTimeout is how long a connection is kept for the next request. A vendor
// that closes an idle one just when it is used makes an unknown outcome of
// nothing; the servers and balancers of vendors keep theirs for a minute and
// more.
const idleTimeout = 20 * time.Second

// Transport is the preset: HTTP/1 alone, because over HTTP/2 "the request was
// not written" cannot be told; the proxies of the environment; connections
// that are given up before the vendor would.
func Transport() *http.Transport {
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		Protocols:             protocols,
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		MaxIdleConnsPerHost:   64,
		IdleConnTimeout:       idleTimeout,
		TLSHandshakeTimeout:   10 * time.Second,
		ExpectContinueTimeout: time.Second,
	}
}

// Shared is the transport of those who bring none.
var Shared = sync.OnceValue(func() http.RoundTripper { return Transport() })

// Do sends req by transport, nil for Shared, and follows no redirect. The
// answer's body is the caller's to close. Where there is no answer, unsent says
// that the request certainly did not reach anybody whole.
//
// It takes req over. The body is read before anything is sent, so that what
// goes wrong with it does no harm, and the transport cannot send it a second
// time, as it otherwise does over HTTP/2 and for requests with an
// Idempotency-Key. There is no http.Client in between: one reads the address
// of a redirect even if it does not follow it, and fails if it is none.
func Do(transport http.RoundTripper, req *http.Request) (resp *http.Response, unsent bool, err error) {
	body, err := readBody(req)
	if err != nil {
		return nil, true, err
	}
	if req.URL == nil {
		return nil, true, errNoURL
	}
	shared := Shared()
	if transport == nil {
		transport = shared
	}
	m := &marks{own: transport == shared}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), m.trace()))
	m.prepare(req, body)
	if resp, err = roundTrip(transport, req); err != nil {
		return nil, m.unsent(), err
	}
	return resp, false, nil
}

var (
	errNoURL    = errors.New("sendonce: the request has no URL")
	errNoAnswer = errors.New("sendonce: the transport returned neither an answer nor an error")
)

// readBody reads the body whole and closes it. Afterwards only the connection
// can fail a request that was begun: a transport that stumbles over the end of
// a body, or its Close, says that the request was not written when all of it
// was.
func readBody(req *http.Request) ([]byte, error) {
	ctx := req.Context()
	var body []byte
	var err error
	if req.Body != nil && req.Body != http.NoBody {
		// Close ends a Read that waits: http.Request.Body asks for it.
		stop := context.AfterFunc(ctx, func() { _ = req.Body.Close() })
		if ctx.Err() == nil {
			body, err = io.ReadAll(req.Body)
		}
		if stop() {
			_ = req.Body.Close()
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return nil, err
	case req.ContentLength > 0 && req.ContentLength != int64(len(body)):
		return nil, fmt.Errorf("sendonce: the body has %d bytes, and ContentLength is %d", len(body), req.ContentLength)
	}
	return body, nil
}

// prepare makes req, a copy, one that a transport sends once.
func (m *marks) prepare(req *http.Request, body []byte) {
	req.GetBody = nil
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if user := req.URL.User; user != nil && req.Header.Get("Authorization") == "" {
		req.Header = req.Header.Clone()
		password, _ := user.Password()
		req.SetBasicAuth(user.Username(), password)
	}
	switch {
	case len(body) > 0:
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		if len(req.Trailer) > 0 {
			req.ContentLength = -1 // only chunks have trailers
		}
	case m.mayRepeat(req), len(req.Trailer) > 0:
		// An empty body cannot be had a second time, unlike none.
		req.Body, req.ContentLength = io.NopCloser(strings.NewReader("")), 0
	default:
		req.Body, req.ContentLength = nil, 0
	}
	if req.ContentLength >= 0 {
		req.TransferEncoding = nil
	}
}

// mayRepeat says whether a transport would send the request, without a body,
// again though it has been written. Over HTTP/1 the methods that should only
// read are repeated (there are vendors that send messages by GET), and those
// with a key; over HTTP/2 all are.
func (m *marks) mayRepeat(req *http.Request) bool {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	_, key := req.Header["Idempotency-Key"]
	_, xkey := req.Header["X-Idempotency-Key"]
	return !m.own || key || xkey
}

// roundTrip completes what transports of others may leave out.
func roundTrip(transport http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := transport.RoundTrip(req)
	switch {
	case err != nil:
		return nil, err
	case resp == nil:
		return nil, errNoAnswer
	case resp.Body == nil:
		resp.Body = http.NoBody
	}
	return resp, nil
}

// marks is what was seen of one request. The hooks run on the transport's
// goroutines, and again if it tries again by itself.
type marks struct {
	own bool // sent by Shared, which is known through and through

	asked atomic.Bool // a connection was asked for: the transport traces
	got   atomic.Bool // one was had
	http1 atomic.Bool // a field was written as HTTP/1 does
	http2 atomic.Bool // or as HTTP/2 and HTTP/3 do
	wrote atomic.Bool // the request was written to its end
}

func (m *marks) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { m.asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { m.got.Store(true) },
		WroteHeaderField: func(name string, _ []string) {
			switch {
			case name == "Host":
				m.http1.Store(true)
			case strings.HasPrefix(name, ":"):
				m.http2.Store(true)
			}
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				m.wrote.Store(true)
			}
		},
	}
}

// unsent draws the line: not sent is what never had a connection, and over
// HTTP/1 what was not written to its end.
//
// A transport of somebody else's may not trace at all, not even one of
// net/http's if another was registered with it, and its connection does not
// say what is spoken over it: of one nothing is concluded from silence.
func (m *marks) unsent() bool {
	switch {
	case !m.got.Load():
		return m.own || m.asked.Load()
	case m.http2.Load():
		return false
	case m.own, m.http1.Load():
		return !m.wrote.Load()
	default:
		return false
	}
}
