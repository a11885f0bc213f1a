// Package sendonce sends an HTTP request with a side effect: once, and with
// what can be known of one that failed. Error types alone cannot tell: a reset
// before and one after the vendor has read the request are the same error.
package sendonce

import (
	"context"
	"crypto/tls"
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

// Do sends req by transport and follows no redirect. The answer's body is the
// caller's to close. Where there is no answer, unsent says that the request
// certainly did not reach anybody whole.
//
// It takes req over: the body is not sent a second time by the transport, as
// it is otherwise for HTTP/2 and for requests with an Idempotency-Key.
func Do(transport http.RoundTripper, req *http.Request) (resp *http.Response, unsent bool, err error) {
	if err := req.Context().Err(); err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, true, context.Cause(req.Context())
	}
	if transport == nil {
		transport = Shared()
	}
	m := &marks{transport: transport}
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), m.trace()))
	req.GetBody = nil
	if req.Body == nil || req.Body == http.NoBody {
		req.Body = oneBody(req)
	}
	client := http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err = client.Do(req) //nolint:gosec // where to is the caller's to say: this is a client
	if err != nil {
		return nil, m.unsent(), err
	}
	return resp, false, nil
}

// oneBody is no body at all, which a transport may send again, for methods
// that only read; for others it is an empty one, which it may not.
func oneBody(req *http.Request) io.ReadCloser {
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return nil
	default:
		return io.NopCloser(strings.NewReader(""))
	}
}

// marks is what was seen of one request. The hooks run on the transport's
// goroutines, and again if it tries again by itself.
type marks struct {
	transport http.RoundTripper

	asked atomic.Bool // a connection was asked for: the transport traces
	got   atomic.Bool // one was had
	http2 atomic.Bool // or may be
	wrote atomic.Bool // the request was written to its end
}

func (m *marks) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { m.asked.Store(true) },
		GotConn: func(info httptrace.GotConnInfo) {
			if !m.isHTTP1(info.Conn) {
				m.http2.Store(true)
			}
			m.got.Store(true)
		},
		WroteRequest: func(info httptrace.WroteRequestInfo) {
			if info.Err == nil {
				m.wrote.Store(true)
			}
		},
	}
}

// isHTTP1 says whether a connection certainly speaks HTTP/1.
func (m *marks) isHTTP1(conn net.Conn) bool {
	if secure, ok := conn.(interface{ ConnectionState() tls.ConnectionState }); ok {
		protocol := secure.ConnectionState().NegotiatedProtocol
		return protocol == "" || protocol == "http/1.1"
	}
	// Without TLS a transport speaks HTTP/2 only where it was told to.
	known, ok := m.transport.(*http.Transport)
	return ok && (known.Protocols == nil || !known.Protocols.UnencryptedHTTP2())
}

// unsent draws the line: not sent is what never had a connection, and over
// HTTP/1 what was not written to its end. A transport that is not net/http's
// may not trace at all, so that of one silence proves nothing.
func (m *marks) unsent() bool {
	_, known := m.transport.(*http.Transport)
	switch {
	case !m.got.Load():
		return known || m.asked.Load()
	case m.http2.Load():
		return false
	default:
		return !m.wrote.Load()
	}
}
