package sendonce_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/rawpeer"
	"github.com/gofailover/failover/internal/sendonce"
)

// key names the one request of a test.
const key = "k"

func listen(t *testing.T, script func(*rawpeer.Conn)) *rawpeer.Peer {
	t.Helper()
	peer, err := rawpeer.New(script)
	require.NoError(t, err)
	t.Cleanup(peer.Close)
	return peer
}

// silent reads one request and waits for the client to give up.
func silent(read chan<- struct{}) func(*rawpeer.Conn) {
	return func(c *rawpeer.Conn) {
		if _, _, err := c.Request(); err == nil {
			close(read)
		}
		c.Gone()
	}
}

func request(t *testing.T, ctx context.Context, method, url string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	require.NoError(t, err)
	req.Header.Set(rawpeer.Key, key)
	return req
}

// fresh is a transport of a user's own, without what Shared is trusted for.
func fresh(t *testing.T) *http.Transport {
	t.Helper()
	transport := sendonce.Transport()
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

// stumbling is a body that gives all it promised and then fails, in one of the
// ways bodies do.
type stumbling struct {
	data   io.Reader
	atEnd  func() (int, error)
	closes error
}

func (s *stumbling) Read(p []byte) (int, error) {
	n, err := s.data.Read(p)
	if err == io.EOF {
		return s.atEnd()
	}
	return n, err
}

func (s *stumbling) Close() error { return s.closes }

var errStumbled = errors.New("stumbled")

// TestABodyThatFailsAtItsEnd: net/http reads past the end of a body and closes
// it before it says that the request was written. The request is whole by then.
func TestABodyThatFailsAtItsEnd(t *testing.T) {
	t.Parallel()
	size := 1 << 20 // more than any buffer on the way, so that it is on the wire
	ends := map[string]*stumbling{
		"with an error":          {atEnd: func() (int, error) { return 0, errStumbled }},
		"when it is closed":      {atEnd: func() (int, error) { return 0, io.EOF }, closes: errStumbled},
		"with more than it said": {atEnd: func() (int, error) { return 1, errStumbled }},
	}
	for name, body := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := make(chan struct{})
			peer := listen(t, silent(read))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			body.data = bytes.NewReader(make([]byte, size))
			req := request(t, ctx, http.MethodPost, peer.URL(), body)
			req.ContentLength = int64(size)
			go func() {
				select {
				case <-read:
				case <-t.Context().Done():
				}
				cancel()
			}()
			_, unsent, err := sendonce.Do(nil, req)
			require.Error(t, err)
			peer.Drain()
			require.Equal(t, unsent, peer.Had(key) == 0, "the peer had it %d times, and unsent is %v: %v", peer.Had(key), unsent, err)
		})
	}
}

func TestTheBodyHasTheLengthItSays(t *testing.T) {
	t.Parallel()
	for _, said := range []int64{1, 3, 5, 1000} {
		peer := listen(t, func(c *rawpeer.Conn) { c.Gone() })
		req := request(t, t.Context(), http.MethodPost, peer.URL(), io.MultiReader(strings.NewReader("body")))
		req.ContentLength = said
		_, unsent, err := sendonce.Do(nil, req)
		require.Error(t, err)
		require.True(t, unsent)
		require.Zero(t, peer.Connections(), "what cannot be right is not begun")
	}
	req := request(t, t.Context(), http.MethodPost, "http://127.0.0.1:1", nil)
	req.ContentLength = 4
	_, unsent, err := sendonce.Do(nil, req)
	require.ErrorContains(t, err, "0 bytes")
	require.True(t, unsent)
}

// TestABodyThatWaits: the end of the context is honoured while the body is
// still being made.
func TestABodyThatWaits(t *testing.T) {
	t.Parallel()
	peer := listen(t, func(c *rawpeer.Conn) { c.Gone() })
	for name, size := range map[string]int64{"of a size": 100, "of no size": 0} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			body, w := io.Pipe()
			go func() {
				_, _ = w.Write([]byte("half")) // it is read, and nothing more comes
				cancel(errStumbled)
			}()
			req := request(t, ctx, http.MethodPost, peer.URL(), body)
			req.ContentLength = size
			_, unsent, err := sendonce.Do(nil, req)
			require.ErrorIs(t, err, errStumbled)
			require.True(t, unsent)
			_, err = w.Write([]byte("more"))
			require.ErrorIs(t, err, io.ErrClosedPipe)
		})
	}
	require.Zero(t, peer.Connections())
}

// mute is a transport that sends and says nothing of it.
type mute struct{ send func(*http.Request) error }

func (m mute) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := m.send(req); err != nil {
		return nil, err
	}
	return nil, errStumbled
}

// TestARegisteredTransport: what is registered with a transport of net/http's
// sends in its place, and may not trace.
func TestARegisteredTransport(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	peer := listen(t, silent(read))
	transport := &http.Transport{}
	transport.RegisterProtocol("http", mute{func(req *http.Request) error {
		conn, err := (&net.Dialer{}).DialContext(req.Context(), "tcp", peer.Addr())
		if err != nil {
			return err
		}
		defer conn.Close()
		if err := req.Write(unbuffered{conn}); err != nil {
			return err
		}
		<-read
		return nil
	}})
	_, unsent, err := sendonce.Do(transport, request(t, t.Context(), http.MethodPost, peer.URL(), strings.NewReader("body")))
	require.ErrorIs(t, err, errStumbled)
	require.Equal(t, 1, peer.Had(key))
	require.False(t, unsent)
}

// unbuffered hides everything of a writer but Write.
type unbuffered struct{ io.Writer }

// stuck is a connection whose writes have done their work long before they
// return.
type stuck struct {
	net.Conn

	release <-chan struct{}
}

func (s stuck) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	<-s.release
	return n, err
}

// overHTTP2 is a server that says when it has the request whole, and never
// answers it.
func overHTTP2(t *testing.T, plain bool) (url string, had <-chan string, trusts *tls.Config) {
	t.Helper()
	whole := make(chan string, 10)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get(rawpeer.Key) != key {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole <- r.Proto
		}
		<-r.Context().Done()
	}))
	t.Cleanup(server.Close)
	protocols := &http.Protocols{}
	protocols.SetUnencryptedHTTP2(plain)
	protocols.SetHTTP2(!plain)
	server.Config.Protocols = protocols
	if plain {
		server.Start()
		return server.URL, whole, nil
	}
	server.EnableHTTP2 = true
	server.StartTLS()
	return server.URL, whole, server.Client().Transport.(*http.Transport).TLSClientConfig
}

// TestOverHTTP2NotWrittenProvesNothing: there a request can have arrived before
// its transport says that it was written. The connection is of no help: without
// TLS it looks the same, and whatever is registered with a transport of
// net/http's speaks for it.
func TestOverHTTP2NotWrittenProvesNothing(t *testing.T) {
	t.Parallel()
	only := func(set func(*http.Protocols)) *http.Protocols {
		p := &http.Protocols{}
		set(p)
		return p
	}
	plain := only(func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) })
	kinds := map[string]struct {
		plain bool
		wrap  func(*http.Transport) http.RoundTripper
	}{
		"TLS":          {wrap: func(t *http.Transport) http.RoundTripper { return t }},
		"TLS, wrapped": {wrap: func(t *http.Transport) http.RoundTripper { return wrapped{t} }},
		"plain":        {plain: true, wrap: func(t *http.Transport) http.RoundTripper { return t }},
		"plain, registered": {plain: true, wrap: func(t *http.Transport) http.RoundTripper {
			outer := &http.Transport{}
			outer.RegisterProtocol("http", t)
			return outer
		}},
	}
	for name, kind := range kinds {
		for _, body := range []string{"", "body"} {
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				url, had, trusts := overHTTP2(t, kind.plain)
				release, armed := make(chan struct{}), &atomic.Bool{}
				transport := &http.Transport{
					TLSClientConfig: trusts, ForceAttemptHTTP2: true,
					DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
						conn, err := (&net.Dialer{}).DialContext(ctx, network, addr)
						return onceArmed{stuck{conn, release}, armed}, err
					},
				}
				if kind.plain {
					transport.Protocols = plain
				}
				defer transport.CloseIdleConnections()
				defer close(release)
				first := request(t, t.Context(), http.MethodPost, url, nil) // settles what the ends tell each other at first
				first.Header.Set(rawpeer.Key, "first")
				resp, _, err := sendonce.Do(kind.wrap(transport), first)
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				ctx, cancel := context.WithCancel(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
					WroteHeaders: func() { armed.Store(true) },
				}))
				defer cancel()
				go func() {
					if proto := <-had; proto == "HTTP/2.0" {
						cancel()
					}
				}()
				_, unsent, err := sendonce.Do(kind.wrap(transport), request(t, ctx, http.MethodPost, url, strings.NewReader(body)))
				require.ErrorIs(t, err, context.Canceled)
				require.False(t, unsent, "the server had it")
			})
		}
	}
}

// onceArmed is stuck from some moment on.
type onceArmed struct {
	stuck

	armed *atomic.Bool
}

func (o onceArmed) Write(p []byte) (int, error) {
	if o.armed.Load() {
		return o.stuck.Write(p)
	}
	return o.Conn.Write(p)
}

// wrapped is a transport around another, as people have for logs and traces.
type wrapped struct{ inner http.RoundTripper }

func (w wrapped) RoundTrip(req *http.Request) (*http.Response, error) { return w.inner.RoundTrip(req) }

// TestTransports: what is concluded from the silence, and from the words, of
// transports of each kind.
func TestTransports(t *testing.T) {
	t.Parallel()
	refused := func(*testing.T) string { return "http://" + rawpeer.Nobody }
	swallowed := func(t *testing.T) string {
		t.Helper()
		return listen(t, func(c *rawpeer.Conn) { _, _, _ = c.Request() }).URL()
	}
	beforehand := roundTripper(func(*http.Request) (*http.Response, error) { return nil, errStumbled })
	background := func(inner http.RoundTripper) http.RoundTripper { // loses the trace
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			return inner.RoundTrip(req.WithContext(context.Background()))
		})
	}
	cases := []struct {
		name      string
		transport func(t *testing.T) http.RoundTripper
		url       func(*testing.T) string
		unsent    bool
	}{
		{"shared, refused", func(*testing.T) http.RoundTripper { return nil }, refused, true},
		{"shared, swallowed", func(*testing.T) http.RoundTripper { return nil }, swallowed, false},
		{"a user's, refused", func(t *testing.T) http.RoundTripper { return fresh(t) }, refused, true},
		{"a user's, swallowed", func(t *testing.T) http.RoundTripper { return fresh(t) }, swallowed, false},
		{"wrapped, refused", func(t *testing.T) http.RoundTripper { return wrapped{fresh(t)} }, refused, true},
		{"wrapped, swallowed", func(t *testing.T) http.RoundTripper { return wrapped{fresh(t)} }, swallowed, false},
		{"not tracing, refused", func(t *testing.T) http.RoundTripper { return background(fresh(t)) }, refused, false},
		{"not tracing, swallowed", func(t *testing.T) http.RoundTripper { return background(fresh(t)) }, swallowed, false},
		{"fails before it asks for a connection", func(*testing.T) http.RoundTripper { return beforehand }, refused, false},
		{"no such scheme, shared", func(*testing.T) http.RoundTripper { return nil }, func(*testing.T) string { return "gopher://acme.test" }, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, unsent, err := sendonce.Do(c.transport(t), request(t, t.Context(), http.MethodPost, c.url(t), strings.NewReader("body")))
			require.Error(t, err)
			require.Equal(t, c.unsent, unsent, "%v", err)
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// TestOddTransports: what an http.Client mends is mended without one.
func TestOddTransports(t *testing.T) {
	t.Parallel()
	var seen *http.Request
	answers := func(resp *http.Response) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			seen = req
			return resp, nil
		})
	}
	_, unsent, err := sendonce.Do(answers(nil), request(t, t.Context(), http.MethodPost, "http://acme.test", nil))
	require.Error(t, err)
	require.False(t, unsent)

	resp, _, err := sendonce.Do(answers(&http.Response{StatusCode: 204}), request(t, t.Context(), http.MethodPost, "http://me:hidden@acme.test", nil))
	require.NoError(t, err)
	require.NotNil(t, resp.Body)
	user, password, _ := seen.BasicAuth()
	require.Equal(t, "me hidden", user+" "+password)

	req := &http.Request{Method: http.MethodPost, URL: &url.URL{Scheme: "http", User: url.User("me"), Host: "acme.test"}}
	_, _, err = sendonce.Do(answers(&http.Response{StatusCode: 204}), req)
	require.NoError(t, err)
	require.Equal(t, "Basic bWU6", seen.Header.Get("Authorization"))
	require.Nil(t, req.Header, "the caller's headers are left alone")

	own := request(t, t.Context(), http.MethodPost, "http://me:hidden@acme.test", nil)
	own.Header.Set("Authorization", "Bearer x")
	_, _, err = sendonce.Do(answers(&http.Response{StatusCode: 204}), own)
	require.NoError(t, err)
	require.Equal(t, "Bearer x", seen.Header.Get("Authorization"))

	_, unsent, err = sendonce.Do(nil, &http.Request{})
	require.Error(t, err)
	require.True(t, unsent)
}

// TestOnTheWire: what makes a request one that is not repeated must not be seen
// in it.
func TestOnTheWire(t *testing.T) {
	t.Parallel()
	type seen struct {
		length  int64
		coding  []string
		body    string
		trailer string
	}
	cases := []struct {
		name    string
		method  string
		body    io.Reader
		keyed   bool
		trailer bool
		want    seen
	}{
		{name: "POST", method: http.MethodPost, body: strings.NewReader("body"), want: seen{length: 4, body: "body"}},
		{name: "POST of unknown length", method: http.MethodPost, body: io.MultiReader(strings.NewReader("body")), want: seen{length: 4, body: "body"}},
		{name: "POST without a body", method: http.MethodPost, want: seen{}},
		{name: "POST with an empty body", method: http.MethodPost, body: io.MultiReader(), want: seen{}},
		{name: "PUT with http.NoBody", method: http.MethodPut, body: http.NoBody, want: seen{}},
		{name: "POST without a body, with a key", method: http.MethodPost, keyed: true, want: seen{length: -1, coding: []string{"chunked"}}},
		{name: "GET", method: http.MethodGet, want: seen{}},
		{name: "no method", want: seen{}},
		{name: "GET with a key", method: http.MethodGet, keyed: true, want: seen{}},
		{name: "DELETE", method: http.MethodDelete, want: seen{}},
		{name: "DELETE with a key", method: http.MethodDelete, keyed: true, want: seen{}},
		{
			name: "POST with a trailer", method: http.MethodPost, body: strings.NewReader("body"), trailer: true,
			want: seen{length: -1, coding: []string{"chunked"}, body: "body", trailer: "sum"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := make(chan seen, 1)
			peer := listen(t, func(c *rawpeer.Conn) {
				req, err := c.Head()
				if err != nil {
					return
				}
				body, err := io.ReadAll(req.Body)
				if err != nil {
					return
				}
				got <- seen{req.ContentLength, req.TransferEncoding, string(body), req.Trailer.Get("Sum")}
				c.Say("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
			})
			req := request(t, t.Context(), c.method, peer.URL(), c.body)
			if c.keyed {
				req.Header.Set("Idempotency-Key", "1")
			}
			if c.trailer {
				req.Trailer = http.Header{"Sum": {"sum"}}
			}
			resp, _, err := sendonce.Do(nil, req)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			require.Equal(t, c.want, <-got)
		})
	}
}

// TestNothingIsRepeatedOnAConnectionThatDies: a connection that served one
// request and dies under the next is where net/http sends by itself what it
// takes for harmless.
func TestNothingIsRepeatedOnAConnectionThatDies(t *testing.T) {
	t.Parallel()
	methods := []string{
		http.MethodGet, "", http.MethodHead, http.MethodOptions, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	}
	headers := []string{"", "Idempotency-Key", "X-Idempotency-Key", "idempotency-key"}
	for _, own := range []bool{true, false} {
		for _, method := range methods {
			for _, header := range headers {
				for _, body := range []string{"", "body"} {
					name := strings.Join([]string{strconv.FormatBool(own), method, header, body}, " ")
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						var transport http.RoundTripper // nil: Shared
						if !own {
							transport = fresh(t)
						}
						send := func(req *http.Request) (*http.Response, error) {
							resp, _, err := sendonce.Do(transport, req)
							return resp, err
						}
						had, err := afterOneServed(t, method, header, body, send)
						require.Error(t, err)
						require.Equal(t, 1, had)
					})
				}
			}
		}
	}
	// It means something only where net/http does it.
	for _, c := range []struct{ method, header, body string }{
		{http.MethodGet, "", ""}, {http.MethodPost, "Idempotency-Key", ""}, {http.MethodPost, "X-Idempotency-Key", "body"},
	} {
		had, _ := afterOneServed(t, c.method, c.header, c.body, (&http.Client{Transport: fresh(t)}).Do)
		require.Equal(t, 2, had, "a plain client: %+v", c)
	}
}

// afterOneServed serves one request, and ends the connection when it has had
// the next one. It returns how often it had that.
func afterOneServed(
	t *testing.T, method, header, body string, send func(*http.Request) (*http.Response, error),
) (had int, err error) {
	t.Helper()
	peer := listen(t, func(c *rawpeer.Conn) {
		for {
			req, _, err := c.Request()
			if err != nil || req.Header.Get(rawpeer.Key) == key {
				return
			}
			c.Say("HTTP/1.1 204 No Content\r\n\r\n")
		}
	})
	first := request(t, t.Context(), http.MethodPost, peer.URL(), nil)
	first.Header.Set(rawpeer.Key, "first")
	resp, err := send(first)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	req := request(t, t.Context(), method, peer.URL(), nil)
	if body != "" {
		req = request(t, t.Context(), method, peer.URL(), strings.NewReader(body))
	}
	if header != "" {
		req.Header[header] = []string{"1"}
	}
	resp, err = send(req)
	if err == nil {
		require.NoError(t, resp.Body.Close())
	}
	peer.Drain()
	return peer.Had(key), err
}

// TestTheContextEndsTheCall whatever the transport is waiting for.
func TestTheContextEndsTheCall(t *testing.T) {
	t.Parallel()
	server, client, err := rawpeer.Certificate()
	require.NoError(t, err)
	large := make([]byte, 16<<20)
	cases := map[string]struct {
		config *tls.Config
		script func(reached func()) func(*rawpeer.Conn)
		body   []byte
		unsent bool
	}{
		"the answer": {
			script: func(reached func()) func(*rawpeer.Conn) {
				return func(c *rawpeer.Conn) { _, _, _ = c.Request(); reached(); c.Gone() }
			},
		},
		"the peer to read": {
			script: func(reached func()) func(*rawpeer.Conn) {
				return func(c *rawpeer.Conn) { _, _ = c.Head(); reached() }
			},
			body: large, unsent: true,
		},
		"the handshake": {
			config: server,
			script: func(reached func()) func(*rawpeer.Conn) {
				return func(c *rawpeer.Conn) { _ = c.Hello(); reached(); c.Gone() }
			},
			unsent: true,
		},
		"the peer to read, over TLS": {
			config: server,
			script: func(reached func()) func(*rawpeer.Conn) {
				return func(c *rawpeer.Conn) { _, _ = c.Head(); reached() }
			},
			body: large, unsent: true,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			over := make(chan struct{})
			peer, err := rawpeer.NewTLS(c.config, func(conn *rawpeer.Conn) {
				c.script(func() { cancel(errStumbled) })(conn)
				<-over
			})
			require.NoError(t, err)
			t.Cleanup(peer.Close)
			defer close(over)
			transport := fresh(t)
			transport.TLSClientConfig = client
			_, unsent, err := sendonce.Do(transport, request(t, ctx, http.MethodPost, peer.URL(), bytes.NewReader(c.body)))
			require.ErrorIs(t, err, errStumbled)
			require.Equal(t, c.unsent, unsent)
		})
	}
}

func TestAnEndedContextSendsNothing(t *testing.T) {
	t.Parallel()
	peer := listen(t, func(c *rawpeer.Conn) { c.Gone() })
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errStumbled)
	for _, body := range []*counted{nil, {}} {
		var reader io.Reader
		if body != nil {
			reader = body
		}
		_, unsent, err := sendonce.Do(fresh(t), request(t, ctx, http.MethodPost, peer.URL(), reader))
		require.ErrorIs(t, err, errStumbled)
		require.True(t, unsent)
		if body != nil {
			body.wait(t)
			require.Zero(t, body.reads.Load())
		}
	}
	require.Zero(t, peer.Connections())
}

// counted is a body that counts.
type counted struct {
	reads atomic.Int64
	once  sync.Once
	gone  chan struct{}
	mu    sync.Mutex
	count int
}

func (c *counted) Read([]byte) (int, error) {
	c.reads.Add(1)
	return 0, io.EOF
}

func (c *counted) closed() chan struct{} {
	c.once.Do(func() { c.gone = make(chan struct{}) })
	return c.gone
}

func (c *counted) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.count++; c.count == 1 {
		close(c.closed())
	}
	return nil
}

// wait waits for Close, which may come a moment after the call has returned.
func (c *counted) wait(t *testing.T) {
	t.Helper()
	select {
	case <-c.closed():
	case <-t.Context().Done():
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	require.Equal(t, 1, c.count)
}
