package failover_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/rawpeer"
)

// wired is one request on its way to a peer that ends it in its own way.
type wired struct {
	script    func(*rawpeer.Conn)
	server    *tls.Config     // of the peer; nil is without TLS
	transport *http.Transport // nil is SendOnce's own
	body      []byte
	gone      bool // nobody listens

	peer     *rawpeer.Peer
	end      func(cause error) // ends the request's context
	returned chan struct{}     // closed when SendOnce has
}

const wiredKey = "wired"

// send sends the request, whose every part holds the secret.
func (w *wired) send(t *testing.T) (*http.Response, error) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	w.end, w.returned = cancel, make(chan struct{})
	defer close(w.returned)
	peer, err := rawpeer.NewTLS(w.server, w.script)
	require.NoError(t, err)
	w.peer = peer
	t.Cleanup(peer.Close)
	target := peer.URL()
	if w.gone {
		target = "http://" + rawpeer.Nobody
	}
	if w.body == nil {
		w.body = []byte(planted)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+"/"+planted+"?to="+planted, bytes.NewReader(w.body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+planted)
	req.Header.Set(rawpeer.Key, wiredKey)
	var client *http.Client
	if w.transport != nil {
		t.Cleanup(w.transport.CloseIdleConnections)
		client = &http.Client{Transport: w.transport}
	}
	return failover.SendOnce(client, req)
}

// had is how often the peer got the request whole, once nothing more can come.
func (w *wired) had(t *testing.T) int {
	t.Helper()
	w.peer.Drain()
	return w.peer.Had(wiredKey)
}

// says is a peer that reads the request and then says something and ends the
// connection.
func says(text string) func(*rawpeer.Conn) {
	return func(c *rawpeer.Conn) {
		if _, _, err := c.Request(); err == nil {
			c.Say(text)
		}
	}
}

// deafDial dials, but not before the context ends.
func deafDial(w *wired) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		w.end(context.DeadlineExceeded)
		<-ctx.Done()
		return nil, ctx.Err()
	}
}

// TestSendOnceThatFails: the same error means one thing before the request was
// written and another one after it.
func TestSendOnceThatFails(t *testing.T) {
	t.Parallel()
	server, client, err := rawpeer.Certificate()
	require.NoError(t, err)
	trusting := func() *http.Transport { return &http.Transport{TLSClientConfig: client} }
	large := make([]byte, 16<<20) // more than the buffers on the way

	cases := []struct {
		name    string
		set     func(w *wired)
		outcome failover.Outcome
		class   failover.Class
		had     int
	}{
		// Before there is a connection.
		{"refused", func(w *wired) { w.gone = true }, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"no such host", func(w *wired) {
			resolver := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				return nil, errMurky
			}}
			dialer := &net.Dialer{Resolver: resolver}
			w.transport = &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return dialer.DialContext(ctx, network, planted+".test:80")
			}}
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"time ends while dialling", func(w *wired) {
			w.transport = &http.Transport{DialContext: deafDial(w)}
		}, failover.OutcomeNotAccepted, failover.ClassTimeout, 0},
		{"reset in the handshake", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.script = func(c *rawpeer.Conn) { _ = c.Hello(); c.Reset() }
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"ended in the handshake", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.script = func(c *rawpeer.Conn) { _ = c.Hello() }
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"not trusted", func(w *wired) { w.server, w.script = server, says("") }, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"no TLS there", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.script = func(c *rawpeer.Conn) { _ = c.Hello(); _, _ = c.TCP.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")) }
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"time ends in the handshake", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.script = func(c *rawpeer.Conn) { _ = c.Hello(); w.end(context.DeadlineExceeded); <-w.returned }
		}, failover.OutcomeNotAccepted, failover.ClassTimeout, 0},
		{"no handshake in the transport's time", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.transport.TLSHandshakeTimeout = time.Millisecond
			w.script = func(c *rawpeer.Conn) { _ = c.Hello(); _, _ = io.Copy(io.Discard, c.TCP) }
		}, failover.OutcomeNotAccepted, failover.ClassTimeout, 0},

		// Before the request was written.
		{"reset in an upload", func(w *wired) {
			w.body = large
			w.script = func(c *rawpeer.Conn) { _, _ = c.Head(); c.Reset() }
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},
		{"time ends in an upload", func(w *wired) {
			w.body = large
			w.script = func(c *rawpeer.Conn) { _, _ = c.Head(); w.end(context.DeadlineExceeded); <-w.returned }
		}, failover.OutcomeNotAccepted, failover.ClassTimeout, 0},
		{"canceled in an upload over TLS", func(w *wired) {
			w.server, w.transport, w.body = server, trusting(), large
			w.script = func(c *rawpeer.Conn) { _, _ = c.Head(); w.end(context.Canceled); <-w.returned }
		}, failover.OutcomeNotAccepted, failover.ClassTransient, 0},

		// Afterwards.
		{"reset", func(w *wired) {
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); c.Reset() }
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"reset over TLS", func(w *wired) {
			w.server, w.transport = server, trusting()
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); c.Reset() }
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"ended", func(w *wired) { w.script = says("") }, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"half ended", func(w *wired) {
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); c.Finish() }
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"ended over TLS", func(w *wired) {
			w.server, w.transport, w.script = server, trusting(), says("")
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"ended before it was read", func(w *wired) {
			w.script = func(c *rawpeer.Conn) { _, _ = c.Head() }
			w.body = make([]byte, 3000)
		}, failover.OutcomeUnknown, failover.ClassTransient, 0},
		{"time ends", func(w *wired) {
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); w.end(context.DeadlineExceeded); c.Gone() }
		}, failover.OutcomeUnknown, failover.ClassTimeout, 1},
		{"canceled", func(w *wired) {
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); w.end(context.Canceled); c.Gone() }
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"no answer in the transport's time", func(w *wired) {
			w.transport = &http.Transport{ResponseHeaderTimeout: time.Millisecond}
			w.script = func(c *rawpeer.Conn) { _, _, _ = c.Request(); c.Gone() }
		}, failover.OutcomeUnknown, failover.ClassTimeout, 1},
		{"half a status line", func(w *wired) { w.script = says("HTTP/1.1 20") }, failover.OutcomeUnknown, failover.ClassUnknown, 1},
		{"half a head", func(w *wired) {
			w.script = says("HTTP/1.1 201 Created\r\nContent-Le")
		}, failover.OutcomeUnknown, failover.ClassUnknown, 1},
		{"a head that is not ended", func(w *wired) {
			w.script = says("HTTP/1.1 201 Created\r\nContent-Length: 4\r\n")
		}, failover.OutcomeUnknown, failover.ClassIncomplete, 1},
		{"not HTTP", func(w *wired) { w.script = says("220 smtp.acme.test ESMTP\r\n") }, failover.OutcomeUnknown, failover.ClassUnknown, 1},
		{"a status that is none", func(w *wired) { w.script = says("HTTP/1.1 2x1 Created\r\n\r\n") }, failover.OutcomeUnknown, failover.ClassUnknown, 1},
		{"early answers and no last one", func(w *wired) {
			w.script = func(c *rawpeer.Conn) {
				_, _, _ = c.Request()
				c.Say("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")
				c.Reset()
			}
		}, failover.OutcomeUnknown, failover.ClassTransient, 1},
		{"too many early answers", func(w *wired) {
			w.transport = &http.Transport{MaxResponseHeaderBytes: 1000}
			w.script = says(strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n", 1000))
		}, failover.OutcomeUnknown, failover.ClassUnknown, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := &wired{script: says("")}
			c.set(w)
			_, err := w.send(t)
			e, ok := err.(*failover.Error)
			require.True(t, ok, "%T", err)
			require.Equal(t, c.outcome, e.Outcome, "%v: %v", e, e.Err)
			require.Equal(t, c.class, e.Class, "%v: %#v", e, e.Err)
			require.Equal(t, failover.Classify(e.Err).Class, e.Class)
			require.Equal(t, c.had, w.had(t))
			for way, text := range exposures(err) {
				require.NotContains(t, text, planted, way)
			}
		})
	}
}

// TestSendOnceResetWhenAccepted may be seen as a failure to connect or as one
// after the request was written, and the peer has nothing either way.
func TestSendOnceResetWhenAccepted(t *testing.T) {
	t.Parallel()
	for range 50 {
		w := &wired{script: (*rawpeer.Conn).Reset}
		_, err := w.send(t)
		require.Equal(t, failover.ClassTransient, failover.ClassOf(err))
		require.Zero(t, w.had(t))
	}
}

// TestSendOnceThatIsAnswered: an answer is none of SendOnce's business, whatever
// it says and wherever it breaks off.
func TestSendOnceThatIsAnswered(t *testing.T) {
	t.Parallel()
	elsewhere, err := rawpeer.New(says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
	require.NoError(t, err)
	t.Cleanup(elsewhere.Close)
	status := func(code int, more string) string {
		if code == 204 || code == 304 {
			return fmt.Sprintf("HTTP/1.1 %d Whatever\r\nX-Of-Its-Own: yes\r\n\r\n", code)
		}
		return fmt.Sprintf("HTTP/1.1 %d Whatever\r\nContent-Length: 4\r\nX-Of-Its-Own: yes\r\n%s\r\nbody", code, more)
	}
	type answer struct {
		name   string
		text   string
		status int
		body   string
		fails  error
	}
	cases := []answer{
		{"whole", status(201, ""), 201, "body", nil},
		{"after early answers", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n" + status(201, ""), 201, "body", nil},
		{"cut", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\nContent-Length: 40\r\n\r\nbo", 201, "bo", io.ErrUnexpectedEOF},
		{"cut before the body", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\nContent-Length: 40\r\n\r\n", 201, "", io.ErrUnexpectedEOF},
		{"empty", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\nContent-Length: 0\r\n\r\n", 201, "", nil},
		{"to the end of the connection", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\n\r\nbody", 201, "body", nil},
		{"in chunks", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", 201, "body", nil},
		{"in chunks without a last one", "HTTP/1.1 201 Created\r\nX-Of-Its-Own: yes\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n", 201, "body", io.ErrUnexpectedEOF},
		{"two at once", status(201, "Connection: close\r\n") + status(500, ""), 201, "body", nil},
	}
	for _, code := range []int{
		200, 202, 204, 304, 400, 401, 402, 403, 404, 408, 409, 410, 417, 422, 425, 429, 451, 500, 501, 502, 503, 504, 505, 529, 599,
	} {
		body := "body"
		if code == 204 || code == 304 {
			body = ""
		}
		cases = append(cases, answer{fmt.Sprint(code), status(code, ""), code, body, nil})
	}
	for _, code := range []int{300, 301, 302, 303, 305, 307, 308} {
		for name, location := range map[string]string{
			"to another place":   elsewhere.URL(),
			"to the same place":  "/again",
			"to no place at all": "",
			"to no address":      "http://%zz/" + planted,
			"to another scheme":  "gopher://acme.test",
		} {
			more := "Location: " + location + "\r\n"
			if location == "" {
				more = ""
			}
			cases = append(cases, answer{fmt.Sprint(code, " ", name), status(code, more), code, "body", nil})
		}
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &wired{script: says(c.text)}
			resp, err := w.send(t)
			require.NoError(t, err)
			require.Equal(t, c.status, resp.StatusCode)
			require.Equal(t, "yes", resp.Header.Get("X-Of-Its-Own"))
			body, err := io.ReadAll(resp.Body)
			require.Equal(t, c.fails, err)
			require.Equal(t, c.body, string(body))
			require.NoError(t, resp.Body.Close())
			require.Equal(t, 1, w.had(t))
		})
	}
	t.Cleanup(func() {
		assert.Zero(t, elsewhere.Connections(), "no redirect is followed")
	})
}

// TestSendOnceGivesTheBodyWithTheContext: the context ends the reading of an
// answer too.
func TestSendOnceGivesTheBodyWithTheContext(t *testing.T) {
	t.Parallel()
	w := &wired{script: func(c *rawpeer.Conn) {
		_, _, _ = c.Request()
		c.Say("HTTP/1.1 201 Created\r\nContent-Length: 40\r\n\r\nbo")
		c.Gone()
	}}
	resp, err := w.send(t)
	require.NoError(t, err)
	w.end(errMurky)
	_, err = io.ReadAll(resp.Body)
	require.ErrorIs(t, err, errMurky)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 1, w.had(t))
}

// TestSendOnceWithAKey: a header Idempotency-Key is an invitation to net/http to
// send again. A vendor that ignores the header would have it twice.
func TestSendOnceWithAKey(t *testing.T) {
	t.Parallel()
	dies := func(c *rawpeer.Conn) {
		for {
			req, _, err := c.Request()
			if err != nil || req.Header.Get(rawpeer.Key) == wiredKey {
				return // the second request of a connection dies with it
			}
			c.Say("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
		}
	}
	for _, body := range []string{"", "body"} {
		for name, sends := range map[string]struct {
			send  func(*http.Request) (*http.Response, error)
			times int
		}{
			"a plain client": {(&http.Client{Transport: &http.Transport{}}).Do, 2},
			"SendOnce":       {func(r *http.Request) (*http.Response, error) { return failover.SendOnce(nil, r) }, 1},
		} {
			t.Run(name+" "+body, func(t *testing.T) {
				t.Parallel()
				peer, err := rawpeer.New(dies)
				require.NoError(t, err)
				t.Cleanup(peer.Close)
				for _, key := range []string{"first", wiredKey} {
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, peer.URL(), strings.NewReader(body))
					require.NoError(t, err)
					req.Header.Set(rawpeer.Key, key)
					req.Header.Set("Idempotency-Key", key)
					resp, err := sends.send(req)
					if key == wiredKey {
						require.Error(t, err)
						require.True(t, sends.times == 2 || outcomeOf(err) == failover.OutcomeUnknown)
						break
					}
					require.NoError(t, err)
					require.NoError(t, resp.Body.Close())
				}
				peer.Drain()
				require.Equal(t, sends.times, peer.Had(wiredKey))
			})
		}
	}
}

func outcomeOf(err error) failover.Outcome {
	e, ok := errors.AsType[*failover.Error](err)
	if !ok {
		return failover.OutcomeUnknown
	}
	return e.Outcome
}

// TestSendOnceOnAConnectionThatWasClosed: a vendor closes an idle connection
// when it likes. What becomes of the next request depends on who was faster,
// and in no case is it sent twice.
func TestSendOnceOnAConnectionThatWasClosed(t *testing.T) {
	t.Parallel()
	served, unknown, unsent := 0, 0, 0
	for range 200 {
		w := &wired{script: says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), transport: &http.Transport{}}
		resp, err := w.send(t)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())

		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.peer.URL(), strings.NewReader("body"))
		require.NoError(t, err)
		req.Header.Set(rawpeer.Key, "next")
		resp, err = failover.SendOnce(&http.Client{Transport: w.transport}, req)
		had := func() int { w.transport.CloseIdleConnections(); w.peer.Drain(); return w.peer.Had("next") }
		switch {
		case err == nil:
			served++
			require.NoError(t, resp.Body.Close())
			require.Equal(t, 1, had())
		case outcomeOf(err) == failover.OutcomeNotAccepted:
			unsent++
			require.Zero(t, had())
		default:
			unknown++
			require.LessOrEqual(t, had(), 1)
		}
	}
	require.Equal(t, 200, served+unknown+unsent)
	t.Logf("%d served on another connection, %d unknown, %d unsent", served, unknown, unsent)
}

// readBody is a body that counts.
type readBody struct {
	io.Reader

	reads, closed atomic.Int64
}

func (n *readBody) Read(p []byte) (int, error) {
	n.reads.Add(1)
	return n.Reader.Read(p)
}

func (n *readBody) Close() error {
	n.closed.Add(1)
	return nil
}

// TestSendOnceTakesTheBody: it is closed whatever happens, is never asked for a
// second time, and what cannot be read is not sent.
func TestSendOnceTakesTheBody(t *testing.T) {
	t.Parallel()
	refuses := &http.Client{Transport: roundTripFunc(func(*http.Request) (*http.Response, error) { return nil, errMurky })}
	ended, end := context.WithCancelCause(t.Context())
	end(errMurky)
	cases := []struct {
		name   string
		client *http.Client
		ctx    context.Context
		length int64
		reader io.Reader
		want   failover.Outcome
	}{
		{"a transport that fails", refuses, t.Context(), 4, strings.NewReader("body"), failover.OutcomeUnknown},
		{"an ended context", nil, ended, 4, strings.NewReader("body"), failover.OutcomeNotAccepted},
		{"a body that fails", nil, t.Context(), 4, io.MultiReader(strings.NewReader("bo"), failing{}), failover.OutcomeNotAccepted},
		{"a body that is too short", nil, t.Context(), 4, strings.NewReader("bo"), failover.OutcomeNotAccepted},
		{"nobody listens", nil, t.Context(), 4, strings.NewReader("body"), failover.OutcomeNotAccepted},
		{"served", nil, t.Context(), 0, strings.NewReader("body"), failover.OutcomeAccepted},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			peer, err := rawpeer.New(says("HTTP/1.1 204 No Content\r\n\r\n"))
			require.NoError(t, err)
			t.Cleanup(peer.Close)
			target := peer.URL()
			if c.name == "nobody listens" {
				target = "http://" + rawpeer.Nobody
			}
			body := &readBody{Reader: c.reader}
			req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, target, body)
			require.NoError(t, err)
			req.ContentLength = c.length
			req.GetBody = func() (io.ReadCloser, error) {
				t.Error("the body was asked for again")
				return nil, errMurky
			}
			resp, err := failover.SendOnce(c.client, req)
			if c.want == failover.OutcomeAccepted {
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
			} else {
				require.Equal(t, c.want, outcomeOf(err), "%v", err)
			}
			if c.name == "an ended context" {
				require.ErrorIs(t, err, errMurky)
				require.Zero(t, body.reads.Load())
				return // it is closed beside the call
			}
			require.EqualValues(t, 1, body.closed.Load())
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errMurky }

type roundTripFunc func(*http.Request) (*http.Response, error)

func (f roundTripFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSendOnceWithoutAContext: a request that was made by hand has none.
func TestSendOnceWithoutAContext(t *testing.T) {
	t.Parallel()
	peer, err := rawpeer.New(says("HTTP/1.1 204 No Content\r\n\r\n"))
	require.NoError(t, err)
	t.Cleanup(peer.Close)
	target, err := url.Parse(peer.URL())
	require.NoError(t, err)
	resp, err := failover.SendOnce(nil, &http.Request{Method: http.MethodPost, URL: target})
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())

	_, err = failover.SendOnce(nil, &http.Request{Method: http.MethodPost})
	require.Equal(t, failover.OutcomeNotAccepted, outcomeOf(err))
}

// TestSendOnceUsesTheTransportOnly of a client.
func TestSendOnceUsesTheTransportOnly(t *testing.T) {
	t.Parallel()
	w := &wired{script: says("HTTP/1.1 307 Temporary Redirect\r\nLocation: /again\r\nSet-Cookie: a=b\r\n\r\n")}
	peer, err := rawpeer.New(w.script)
	require.NoError(t, err)
	t.Cleanup(peer.Close)
	client := &http.Client{
		Timeout:       time.Nanosecond,
		CheckRedirect: func(*http.Request, []*http.Request) error { return nil },
		Jar:           refusingJar{t},
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, peer.URL(), strings.NewReader("body"))
	require.NoError(t, err)
	resp, err := failover.SendOnce(client, req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 307, resp.StatusCode)
	require.Equal(t, 1, peer.Connections())
}

type refusingJar struct{ t *testing.T }

func (j refusingJar) SetCookies(*url.URL, []*http.Cookie) { j.t.Error("a cookie was kept") }

func (j refusingJar) Cookies(*url.URL) []*http.Cookie {
	j.t.Error("cookies were asked for")
	return nil
}

// TestSendOnceThroughAProxy: the proxy has a request in clear as the vendor
// would; a tunnel that cannot be had carries nothing.
func TestSendOnceThroughAProxy(t *testing.T) {
	t.Parallel()
	server, client, err := rawpeer.Certificate()
	require.NoError(t, err)
	cases := []struct {
		name    string
		vendor  string
		script  func(*rawpeer.Conn)
		outcome failover.Outcome
		status  int
		had     int
	}{
		{name: "in clear, ended", vendor: "http://vendor.test", script: says(""), outcome: failover.OutcomeUnknown, had: 1},
		{
			name: "in clear, the proxy refuses", vendor: "http://vendor.test",
			script: says("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"), status: 407, had: 1,
		},
		{
			name: "no tunnel", vendor: "https://vendor.test", outcome: failover.OutcomeNotAccepted,
			script: func(c *rawpeer.Conn) { _, _ = c.Head(); c.Say("HTTP/1.1 502 Bad Gateway " + planted + "\r\n\r\n") },
		},
		{
			name: "a tunnel that ends", vendor: "https://vendor.test", outcome: failover.OutcomeNotAccepted,
			script: func(c *rawpeer.Conn) { _, _ = c.Head(); c.Say("HTTP/1.1 200 OK\r\n\r\n") },
		},
		{
			name: "a tunnel", vendor: "https://localhost", outcome: failover.OutcomeUnknown, had: 1,
			script: func(c *rawpeer.Conn) {
				_, _ = c.Head()
				c.Say("HTTP/1.1 200 OK\r\n\r\n")
				vendor := c.Over(tls.Server(c.TCP, server))
				_, _, _ = vendor.Request()
			},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			proxy, err := rawpeer.New(c.script)
			require.NoError(t, err)
			t.Cleanup(proxy.Close)
			at, err := url.Parse(proxy.URL())
			require.NoError(t, err)
			transport := &http.Transport{Proxy: http.ProxyURL(at), TLSClientConfig: client}
			t.Cleanup(transport.CloseIdleConnections)
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.vendor, strings.NewReader("body"))
			require.NoError(t, err)
			req.Header.Set(rawpeer.Key, wiredKey)
			resp, err := failover.SendOnce(&http.Client{Transport: transport}, req)
			if c.status != 0 {
				require.NoError(t, err)
				require.NoError(t, resp.Body.Close())
				require.Equal(t, c.status, resp.StatusCode)
			} else {
				require.Error(t, err)
				require.Equal(t, c.outcome, outcomeOf(err), "%v", errors.Unwrap(err))
				require.NotContains(t, err.Error(), planted)
			}
			transport.CloseIdleConnections()
			proxy.Drain()
			require.Equal(t, c.had, proxy.Had(wiredKey))
		})
	}
}

// TestSendOnceOverHTTP2, which the client of a user negotiates: a connection is
// all that can be told of a request that failed.
func TestSendOnceOverHTTP2(t *testing.T) {
	t.Parallel()
	var had atomic.Int64
	arrived := make(chan struct{}, 1)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil || r.ProtoMajor != 2 {
			t.Errorf("%s: %v", r.Proto, err)
		}
		had.Add(1)
		switch r.URL.Path {
		case "/aborts":
			panic(http.ErrAbortHandler)
		case "/silent":
			arrived <- struct{}{}
			<-r.Context().Done()
		default:
			w.WriteHeader(http.StatusCreated)
		}
	}))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	client := server.Client()
	send := func(ctx context.Context, path string, client *http.Client) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL+path, strings.NewReader("body"))
		require.NoError(t, err)
		return failover.SendOnce(client, req)
	}

	resp, err := send(t.Context(), "/served", client)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, 201, resp.StatusCode)

	_, err = send(t.Context(), "/aborts", client)
	require.Equal(t, failover.OutcomeUnknown, outcomeOf(err))

	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		<-arrived
		cancel(context.DeadlineExceeded)
	}()
	_, err = send(ctx, "/silent", client)
	require.Equal(t, failover.OutcomeUnknown, outcomeOf(err))
	require.EqualValues(t, 3, had.Load())

	stranger := &http.Transport{ForceAttemptHTTP2: true}
	_, err = send(t.Context(), "/served", &http.Client{Transport: stranger})
	require.Equal(t, failover.OutcomeNotAccepted, outcomeOf(err), "the certificate is not trusted")
	require.EqualValues(t, 3, had.Load())
}

// TestSendOnceWithTransportsOfOthers that speak, are silent, or give up by
// themselves.
func TestSendOnceWithTransportsOfOthers(t *testing.T) {
	t.Parallel()
	wraps := func(inner http.RoundTripper) http.RoundTripper {
		return roundTripFunc(func(r *http.Request) (*http.Response, error) {
			resp, err := inner.RoundTrip(r)
			if err != nil {
				return nil, &url.Error{Op: "Post", URL: planted, Err: err}
			}
			return resp, nil
		})
	}
	for name, c := range map[string]struct {
		transport http.RoundTripper
		gone      bool
		want      failover.Outcome
		class     failover.Class
	}{
		"wrapped, refused":   {wraps(&http.Transport{}), true, failover.OutcomeNotAccepted, failover.ClassTransient},
		"wrapped, swallowed": {wraps(&http.Transport{}), false, failover.OutcomeUnknown, failover.ClassTransient},
		"silent, refused": {roundTripFunc(func(r *http.Request) (*http.Response, error) {
			return (&http.Transport{}).RoundTrip(r.WithContext(context.Background()))
		}), true, failover.OutcomeUnknown, failover.ClassTransient},
		"gives up by itself": {roundTripFunc(func(*http.Request) (*http.Response, error) {
			return nil, errMurky
		}), true, failover.OutcomeUnknown, failover.ClassUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer, err := rawpeer.New(says(""))
			require.NoError(t, err)
			t.Cleanup(peer.Close)
			target := peer.URL()
			if c.gone {
				target = "http://" + rawpeer.Nobody
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target, strings.NewReader("body"))
			require.NoError(t, err)
			_, err = failover.SendOnce(&http.Client{Transport: c.transport}, req)
			require.Equal(t, c.want, outcomeOf(err), "%v", err)
			require.Equal(t, c.class, failover.ClassOf(err))
			for way, text := range exposures(err) {
				require.NotContains(t, text, planted, way)
			}
		})
	}
}

// TestSendOnceFromManySides at once, through the transport that all share.
func TestSendOnceFromManySides(t *testing.T) {
	t.Parallel()
	const senders, each = 16, 25
	peer, err := rawpeer.New(func(c *rawpeer.Conn) {
		for {
			req, _, err := c.Request()
			switch {
			case err != nil:
				return
			case strings.HasSuffix(req.Header.Get(rawpeer.Key), "0"):
				c.Reset()
				return
			}
			c.Say("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	require.NoError(t, err)
	t.Cleanup(peer.Close)
	var sent, unknown atomic.Int64
	var group sync.WaitGroup
	for sender := range senders {
		group.Go(func() {
			for i := range each {
				key := fmt.Sprint(sender, "-", i)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, peer.URL(), strings.NewReader(key))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set(rawpeer.Key, key)
				req.Header.Set("Idempotency-Key", key)
				resp, err := failover.SendOnce(nil, req)
				switch {
				case err == nil:
					sent.Add(1)
					_, _ = io.Copy(io.Discard, resp.Body)
					_ = resp.Body.Close()
				case outcomeOf(err) == failover.OutcomeUnknown:
					unknown.Add(1)
				default:
					t.Errorf("%s: %v", key, err)
				}
			}
		})
	}
	group.Wait()
	require.EqualValues(t, senders*each, sent.Load()+unknown.Load())
	require.EqualValues(t, senders*3, unknown.Load())
	for sender := range senders {
		for i := range each {
			require.Equal(t, 1, peer.Had(fmt.Sprint(sender, "-", i)))
		}
	}
}
