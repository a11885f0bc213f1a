package sendonce_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/rawpeer"
	"github.com/gofailover/failover/internal/sendonce"
)

// dice are shared by the goroutines of a test.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// quits are how the peer, which will be silent, ends a request in time.
type quits struct{ cancels sync.Map }

func (q *quits) quit(key string) {
	if cancel, ok := q.cancels.Load(key); ok {
		cancel.(context.CancelFunc)()
	}
}

// moment ends a request at one of the things that happen on its way, or after
// a random time.
type moment struct {
	cancel context.CancelFunc
	left   atomic.Int64
}

func (m *moment) passes() {
	if m.left.Add(-1) == 0 {
		m.cancel()
	}
}

func (m *moment) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:           func(string) { m.passes() },
		ConnectDone:       func(string, string, error) { m.passes() },
		TLSHandshakeStart: m.passes,
		TLSHandshakeDone:  func(tls.ConnectionState, error) { m.passes() },
		GotConn:           func(httptrace.GotConnInfo) { m.passes() },
		WroteHeaderField:  func(string, []string) { m.passes() },
		WroteHeaders:      m.passes,
		WroteRequest:      func(httptrace.WroteRequestInfo) { m.passes() },
	}
}

// dripping is a connection that writes in pieces and takes its time.
type dripping struct {
	net.Conn

	dice *dice
}

func (d dripping) Write(p []byte) (int, error) {
	written := 0
	for written < len(p) {
		piece := len(p) - written
		if d.dice.roll(3) == 0 {
			piece = 1 + d.dice.roll(piece)
		}
		n, err := d.Conn.Write(p[written : written+piece])
		if written += n; err != nil {
			return written, err
		}
		if d.dice.roll(6) == 0 {
			<-time.After(time.Duration(d.dice.roll(300)) * time.Microsecond)
		}
	}
	return written, nil
}

// ending is a script that reads whole requests and ends each in another way.
func ending(d *dice, q *quits) func(*rawpeer.Conn) {
	return func(c *rawpeer.Conn) {
		for {
			if d.roll(20) == 0 {
				_, _ = c.Head()
				c.Reset() // in the middle of it, if it has a body
				return
			}
			req, _, err := c.Request()
			if err != nil {
				return
			}
			switch d.roll(8) {
			case 0, 1, 2:
				c.Say("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
			case 3:
				c.Say("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")
				return // under the next request
			case 4:
				return
			case 5:
				c.Reset()
				return
			case 6:
				c.Say("HTTP/1.1 20")
				return
			default:
				q.quit(req.Header.Get(rawpeer.Key))
				c.Gone()
				return
			}
		}
	}
}

// endingHTTP2 is a server that does the same over HTTP/2.
func endingHTTP2(t *testing.T, d *dice, q *quits) (url string, config *tls.Config, had func(string) int, drain func()) {
	t.Helper()
	var mu sync.Mutex
	count := map[string]int{}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		mu.Lock()
		count[r.Header.Get(rawpeer.Key)]++
		mu.Unlock()
		switch d.roll(3) {
		case 0:
			w.WriteHeader(http.StatusCreated)
		case 1:
			panic(http.ErrAbortHandler)
		default:
			q.quit(r.Header.Get(rawpeer.Key))
			<-r.Context().Done()
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	return server.URL, server.Client().Transport.(*http.Transport).TLSClientConfig,
		func(key string) int {
			mu.Lock()
			defer mu.Unlock()
			return count[key]
		}, server.Close
}

// tally is what came of many requests.
type tally struct {
	answered, unknown, unsent atomic.Int64
	unsentOnConn              atomic.Int64 // with a connection that was had: the finer line
	whole                     atomic.Int64 // arrived, and were not answered
}

func (l *tally) String() string {
	return fmt.Sprintf("%d answered, %d unknown (%d of them had arrived), %d unsent (%d of them on a connection)",
		l.answered.Load(), l.unknown.Load(), l.whole.Load(), l.unsent.Load(), l.unsentOnConn.Load())
}

// TestUnsentIsUnsent draws the line thousands of times: what was said not to
// have been sent has not arrived, whenever the context ends, whatever the peer
// does, however slowly the request leaves. Nothing arrives twice.
func TestUnsentIsUnsent(t *testing.T) {
	t.Parallel()
	const requests = 600
	for _, kind := range []string{"HTTP/1, shared", "HTTP/1, a user's", "HTTP/1 over TLS", "HTTP/2"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			seed := rand.Uint64()
			d, q := &dice{rng: rand.New(rand.NewPCG(seed, 1))}, &quits{}
			server, client, err := rawpeer.Certificate()
			require.NoError(t, err)
			if kind != "HTTP/1 over TLS" {
				server, client = nil, nil
			}
			peer, err := rawpeer.NewTLS(server, ending(d, q))
			require.NoError(t, err)
			t.Cleanup(peer.Close)
			url, had, drain := peer.URL(), peer.Had, peer.Drain
			if kind == "HTTP/2" {
				url, client, had, drain = endingHTTP2(t, d, q)
			}
			transport := slow(t, d, client)
			if kind == "HTTP/2" {
				transport.Protocols, transport.ForceAttemptHTTP2 = nil, true
			}
			var through http.RoundTripper = transport
			if kind == "HTTP/1, shared" {
				through = nil
			}

			seen := &tally{}
			claimed := sendAll(t, d, q, through, url, requests, seen)
			transport.CloseIdleConnections()
			if kind != "HTTP/1, shared" { // whose idle connections are others' too
				drain()
			} else {
				peer.Close()
			}
			for key, unsent := range claimed {
				if n := had(key); n > 1 || unsent && n > 0 {
					t.Errorf("seed %d: request %s arrived %d times, and unsent is %v", seed, key, n, unsent)
				} else if n > 0 {
					seen.whole.Add(1)
				}
			}
			t.Logf("%s: %v", kind, seen)
			require.NotZero(t, seen.answered.Load())
			require.NotZero(t, seen.whole.Load(), "some arrive and are not answered")
			if kind == "HTTP/2" {
				require.Zero(t, seen.unsentOnConn.Load(), "where a connection is all that can be told")
			} else {
				require.NotZero(t, seen.unsentOnConn.Load(), "the finer line is drawn")
			}
		})
	}
}

// slow is a transport whose connections drip.
func slow(t *testing.T, d *dice, config *tls.Config) *http.Transport {
	t.Helper()
	transport := fresh(t)
	transport.TLSClientConfig = config
	dial := transport.DialContext
	transport.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if d.roll(20) == 0 {
			<-time.After(time.Duration(d.roll(2000)) * time.Microsecond)
		}
		conn, err := dial(ctx, network, addr)
		if err == nil && d.roll(2) == 0 {
			conn = dripping{conn, d}
		}
		return conn, err
	}
	return transport
}

// sendAll sends many requests and returns, of those that were not answered,
// which were said to be unsent.
func sendAll(
	t *testing.T, d *dice, q *quits, through http.RoundTripper, url string, requests int, seen *tally,
) map[string]bool {
	t.Helper()
	claimed := map[string]bool{}
	var mu sync.Mutex
	var next atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for {
				i := next.Add(1)
				if i > int64(requests) {
					return
				}
				key := fmt.Sprint(i)
				unsent, err := sendOne(t, d, q, through, url, key, seen)
				if err != nil {
					mu.Lock()
					claimed[key] = unsent
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	return claimed
}

func sendOne(
	t *testing.T, d *dice, q *quits, through http.RoundTripper, url, key string, seen *tally,
) (unsent bool, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	q.cancels.Store(key, cancel)
	var got atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(httptrace.GotConnInfo) { got.Store(true) }})
	switch d.roll(3) {
	case 0:
		m := &moment{cancel: cancel}
		m.left.Store(int64(1 + d.roll(14)))
		ctx = httptrace.WithClientTrace(ctx, m.trace())
	case 1:
		timer := time.AfterFunc(time.Duration(d.roll(3000))*time.Microsecond, cancel)
		defer timer.Stop()
	default: // as long as it takes
	}
	sizes := []int{0, 150, 150, 3000, 5000, 60_000}
	var body io.Reader = bytes.NewReader(make([]byte, sizes[d.roll(len(sizes))]))
	if d.roll(4) == 0 {
		body = io.MultiReader(strings.NewReader("of no"), strings.NewReader(" known length"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return false, err
	}
	req.Header.Set(rawpeer.Key, key)
	if d.roll(3) == 0 {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, unsent, err := sendonce.Do(through, req)
	switch {
	case err == nil:
		seen.answered.Add(1)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	case unsent:
		seen.unsent.Add(1)
		if got.Load() {
			seen.unsentOnConn.Add(1)
		}
	default:
		seen.unknown.Add(1)
	}
	if err != nil && ctx.Err() == nil && errors.Is(err, context.Canceled) {
		t.Errorf("request %s says that its context ended: %v", key, err)
	}
	return unsent, err
}
