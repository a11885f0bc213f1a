package once_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"golang.org/x/net/http2"

	"github.com/gofailover/failover/internal/rawpeer"
)

// route is how a client gets to a vendor.
type route string

const (
	byShared   route = "HTTP/1, SendOnce's own transport"
	byPlain    route = "HTTP/1, a user's transport"
	byWrapped  route = "HTTP/1, a wrapped transport"
	bySecret   route = "HTTP/1, a transport that does not trace"
	byTLS      route = "HTTP/1 over TLS"
	byTwo      route = "HTTP/2, net/http"
	byTwoOther route = "HTTP/2, x/net"
	byTwoMute  route = "HTTP/2 without ALPN"
)

var routes = []route{
	byShared, byShared, byPlain, byWrapped, bySecret, byTLS, byTLS, byTwo, byTwo, byTwoOther, byTwoMute,
}

func (r route) secure() bool {
	switch r {
	case byTLS, byTwo, byTwoOther, byTwoMute:
		return true
	default:
		return false
	}
}

// protocols is what the vendor negotiates.
func (r route) protocols() []string {
	switch r {
	case byTwo, byTwoOther:
		return []string{"h2"}
	default:
		return nil
	}
}

// script is what the vendor speaks.
func (r route) script(v *vendor) func(*rawpeer.Conn) {
	switch r {
	case byTwo, byTwoOther, byTwoMute:
		return v.serve2
	default:
		return v.serve
	}
}

// client is one for the route; nil takes the adapter's own transport. close
// ends what it keeps.
func (r route) client(w *world, trusts *tls.Config) (client *http.Client, done func()) {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dialer.DialContext(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return lingering{conn, w}, nil
	}
	plain := &http.Transport{DialContext: dial, TLSClientConfig: trusts.Clone(), TLSHandshakeTimeout: 10 * time.Second}
	switch r {
	case byShared:
		return nil, func() {}
	case byWrapped:
		return &http.Client{Transport: wrapped{plain}}, plain.CloseIdleConnections
	case bySecret:
		return &http.Client{Transport: untraced{plain}}, plain.CloseIdleConnections
	case byTwo:
		plain.ForceAttemptHTTP2 = true
		return &http.Client{Transport: plain}, plain.CloseIdleConnections
	case byTwoOther, byTwoMute:
		config := trusts.Clone()
		if r == byTwoOther {
			config.NextProtos = []string{"h2"}
		}
		two := &http2.Transport{ //nolint:staticcheck // people have it still
			DialTLSContext: func(ctx context.Context, network, addr string, _ *tls.Config) (net.Conn, error) { //nolint:staticcheck // as above
				conn, err := dial(ctx, network, addr)
				if err != nil {
					return nil, err
				}
				own := config.Clone()
				own.ServerName = "127.0.0.1"
				secure := tls.Client(conn, own)
				if err := secure.HandshakeContext(ctx); err != nil {
					_ = conn.Close()
					return nil, err
				}
				return secure, nil
			},
		}
		return &http.Client{Transport: two}, two.CloseIdleConnections //nolint:staticcheck // as above
	default:
		return &http.Client{Transport: plain}, plain.CloseIdleConnections
	}
}

// lingering is a connection whose writes sometimes return a while after what
// they wrote has arrived.
type lingering struct {
	net.Conn

	w *world
}

func (l lingering) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	if l.w.dice.oneIn(3) {
		l.w.pass(2 * time.Millisecond)
	}
	return n, err
}

// wrapped is a transport around another, as people have for logs and traces.
type wrapped struct{ inner http.RoundTripper }

func (w wrapped) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.inner.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("wrapped: %w", err)
	}
	return resp, nil
}

// untraced is one that reports nothing.
type untraced struct{ inner http.RoundTripper }

func (u untraced) RoundTrip(req *http.Request) (*http.Response, error) {
	return u.inner.RoundTrip(req.WithContext(bare{req.Context()}))
}

// bare is a context without values, so without a trace.
type bare struct{ context.Context }

func (bare) Value(any) any { return nil }
