package failover_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// What SDKs' errors offer.
type (
	withStatus     struct{ status int }
	withRetryable  struct{ retryable bool }
	withRetryAfter struct{ after time.Duration }
	withAll        struct {
		status    int
		retryable bool
		after     time.Duration
	}
	withCause struct {
		withRetryable
		cause error
	}
	withTimeout struct{ timeout bool }
)

func (withStatus) Error() string                   { return "status" }
func (e withStatus) StatusCode() int               { return e.status }
func (withRetryable) Error() string                { return "retryable" }
func (e withRetryable) Retryable() bool            { return e.retryable }
func (withRetryAfter) Error() string               { return "retry after" }
func (e withRetryAfter) RetryAfter() time.Duration { return e.after }
func (*withAll) Error() string                     { return "all" }
func (e *withAll) StatusCode() int                 { return e.status }
func (e *withAll) Retryable() bool                 { return e.retryable }
func (e *withAll) RetryAfter() time.Duration       { return e.after }
func (e withCause) Unwrap() error                  { return e.cause }
func (withTimeout) Error() string                  { return "timeout" }
func (e withTimeout) Timeout() bool                { return e.timeout }

func TestClassifyByWhatAnErrorOffers(t *testing.T) {
	t.Parallel()
	dial := &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
	for _, tt := range []struct {
		name  string
		err   error
		want  failover.Class
		after time.Duration
	}{
		{"nothing", errors.New("nothing"), failover.ClassUnknown, 0},
		{"status 500", withStatus{500}, failover.ClassTransient, 0},
		{"status 429", withStatus{429}, failover.ClassRateLimited, 0},
		{"status 401", withStatus{401}, failover.ClassUnauthorized, 0},
		{"status 404", withStatus{404}, failover.ClassUnsupported, 0},
		{"no status", withStatus{0}, failover.ClassUnknown, 0},
		{"a status that is no failure", withStatus{200}, failover.ClassUnknown, 0},
		{"a status that is none", withStatus{70000}, failover.ClassUnknown, 0},
		{"retryable", withRetryable{true}, failover.ClassTransient, 0},
		{"not retryable", withRetryable{false}, failover.ClassUnsupported, 0},
		{"retry after", withRetryAfter{time.Second}, failover.ClassTransient, time.Second},
		{"retry after nothing", withRetryAfter{0}, failover.ClassUnknown, 0},
		{"retry after negative", withRetryAfter{-time.Second}, failover.ClassUnknown, 0},
		{"retry after centuries", withRetryAfter{1 << 62}, failover.ClassTransient, 365 * 24 * time.Hour},
		{"a status says more than retryable", &withAll{429, false, time.Minute}, failover.ClassRateLimited, time.Minute},
		{"retryable without a status", &withAll{0, true, 0}, failover.ClassTransient, 0},
		{"a lost connection says more than not retryable", withCause{withRetryable{false}, dial}, failover.ClassTransient, 0},
		{"so does a timeout", withCause{withRetryable{true}, os.ErrDeadlineExceeded}, failover.ClassTimeout, 0},
		{"a timeout", withTimeout{true}, failover.ClassTimeout, 0},
		{"no timeout", withTimeout{false}, failover.ClassUnknown, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{
				tt.err, fmt.Errorf("synthesize: %w", tt.err), errors.Join(errors.New("first"), tt.err),
				&url.Error{Op: "Post", URL: "https://x", Err: tt.err},
			} {
				got := failover.Classify(err)
				require.Equal(t, tt.want, got.Class, "%T", err)
				require.Equal(t, tt.after, got.RetryAfter)
				require.ErrorIs(t, got, tt.err, "the cause stays reachable")
			}
		})
	}
}

func TestClassifyNil(t *testing.T) {
	t.Parallel()
	require.Nil(t, failover.Classify(nil))
}

// TestClassifyNilPointer: a nil pointer in an error is a slip that must not
// become a panic on the way of a request.
func TestClassifyNilPointer(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var none *failover.Error
		for _, err := range []error{none, fmt.Errorf("synthesize: %w", error(none)), &failover.Error{Class: failover.ClassTransient, Err: none}} {
			a, b := newActor("a"), newActor("b")
			a.fails(err)
			got, err := ask(t, onStage(t, []*actor{a, b}))
			require.NoError(t, err)
			require.Equal(t, "b", got)
			require.Contains(t, []int{1, 2}, a.times())
		}
	})
}

func TestClassifyKeepsWhatAnErrorDeclares(t *testing.T) {
	t.Parallel()
	declared := &failover.Error{
		Provider: "mine", Class: failover.ClassExhausted, Outcome: failover.OutcomeNotAccepted, Status: 429,
		Code: "insufficient_quota", Message: "you are broke", RetryAfter: time.Minute, RequestID: "req_1", Err: io.EOF,
	}
	for _, err := range []error{declared, fmt.Errorf("synthesize: %w", declared)} {
		got := failover.Classify(err)
		got.Err = nil
		want := *declared
		want.Err = nil
		require.Equal(t, &want, got)
	}
	require.Equal(t, failover.ClassTransient, failover.Classify(&failover.Error{Status: 503}).Class, "a status stands in for a class")
	require.Equal(t, failover.ClassTimeout, failover.Classify(&failover.Error{Err: os.ErrDeadlineExceeded}).Class, "so does a cause")
	odd := failover.Classify(&failover.Error{Class: 77, Outcome: 77, RetryAfter: -5})
	require.Equal(t, failover.ClassUnknown, odd.Class)
	require.Equal(t, failover.OutcomeUnknown, odd.Outcome)
	require.Zero(t, odd.RetryAfter)
}

// TestClassifyReadsNoText: words in a message decide nothing.
func TestClassifyReadsNoText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"429 Too Many Requests", "rate limit exceeded", "context deadline exceeded", "timeout", "i/o timeout", "connection refused",
		"EOF", "unexpected EOF", "401 Unauthorized", "invalid request", "insufficient_quota", "content filter", "x509: certificate", "canceled",
	} {
		require.Equal(t, failover.ClassUnknown, failover.Classify(errors.New(text)).Class, text)
		e := &failover.Error{Class: failover.ClassTransient, Message: text, Code: text}
		require.Equal(t, failover.ClassTransient, failover.Classify(e).Class, text)
	}
}

func TestClassifyKnownErrors(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err    error
		want   failover.Class
		reason string
	}{
		{context.DeadlineExceeded, failover.ClassTimeout, "timeout"},
		{context.Canceled, failover.ClassTransient, ""},
		{os.ErrDeadlineExceeded, failover.ClassTimeout, "timeout"},
		{failover.ErrAttemptTimeout, failover.ClassTimeout, "attempt timeout"},
		{failover.ErrEmpty, failover.ClassIncomplete, "empty answer"},
		{failover.ErrPanicked, failover.ClassUnknown, "the provider's code panicked"},
		{io.ErrUnexpectedEOF, failover.ClassIncomplete, "unexpected EOF"},
		{io.EOF, failover.ClassTransient, "EOF"},
		{net.ErrClosed, failover.ClassTransient, ""},
		{http.ErrServerClosed, failover.ClassTransient, ""},
		{http.ErrSchemeMismatch, failover.ClassTransient, "tls: not a TLS answer"},
		{syscall.ECONNRESET, failover.ClassTransient, "connection reset by peer"},
		{syscall.EPIPE, failover.ClassTransient, "broken pipe"},
		{syscall.ETIMEDOUT, failover.ClassTimeout, "connection timed out"},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, failover.ClassTransient, "read: connection reset by peer"},
		{&net.OpError{Op: "write", Err: errors.New("secret")}, failover.ClassTransient, "write: failed"},
		{&net.DNSError{Name: "secret", IsNotFound: true}, failover.ClassTransient, "lookup: no such host"},
		{&net.DNSError{Name: "secret", IsTimeout: true}, failover.ClassTimeout, "lookup: timeout"},
		{&net.DNSError{Name: "secret", IsTemporary: true}, failover.ClassTransient, "lookup: failed"},
		{tls.AlertError(42), failover.ClassTransient, "tls: bad certificate"},
		{tls.RecordHeaderError{Msg: "secret"}, failover.ClassTransient, "tls: not a TLS answer"},
		{x509.UnknownAuthorityError{}, failover.ClassTransient, "tls: certificate not trusted"},
		{x509.HostnameError{Host: "secret", Certificate: &x509.Certificate{}}, failover.ClassTransient, "tls: certificate not trusted"},
		{x509.CertificateInvalidError{Reason: x509.Expired}, failover.ClassTransient, "tls: certificate not trusted"},
	} {
		t.Run(fmt.Sprintf("%T %v", tt.err, tt.want), func(t *testing.T) {
			t.Parallel()
			for _, err := range []error{tt.err, fmt.Errorf("secret: %w", tt.err), &url.Error{Op: "Get", URL: "https://secret", Err: tt.err}} {
				got := failover.Classify(err)
				require.Equal(t, tt.want, got.Class, "%T", err)
				require.NotContains(t, got.Error(), "secret")
				if tt.reason != "" {
					require.Equal(t, tt.want.String()+" ("+tt.reason+")", got.Error(), "%T", err)
				}
			}
		})
	}
}

// onWire is one real fault on a loopback connection.
type onWire struct {
	name   string
	make   func(t *testing.T) error
	want   failover.Class
	reason string
}

func get(t *testing.T, c *http.Client, target string) error {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target+"/secret?key=secret", http.NoBody)
	require.NoError(t, err)
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	return err
}

// serve accepts connections and gives each to handle.
func serve(t *testing.T, handle func(net.Conn)) string {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			handle(conn)
		}
	}()
	return l.Addr().String()
}

// reset closes a connection with RST.
func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	c.Close()
}

func readRequest(c net.Conn) { _, _ = http.ReadRequest(bufio.NewReader(c)) }

func client(tr *http.Transport) *http.Client {
	tr.DisableKeepAlives = true
	return &http.Client{Transport: tr}
}

func wireFaults() []onWire {
	silent := func(t *testing.T) string {
		t.Helper()
		return serve(t, func(c net.Conn) { t.Cleanup(func() { c.Close() }) })
	}
	return []onWire{
		{"connection refused", func(t *testing.T) error {
			var config net.ListenConfig
			l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := l.Addr().String()
			l.Close()
			return get(t, client(&http.Transport{}), "http://"+address)
		}, failover.ClassTransient, "dial: connection refused"},
		{"dial timeout", func(t *testing.T) error {
			d := &net.Dialer{Deadline: time.Now().Add(-time.Second)}
			return get(t, client(&http.Transport{DialContext: d.DialContext}), "http://127.0.0.1:1")
		}, failover.ClassTimeout, "dial: timeout"},
		{"no such host", func(t *testing.T) error {
			d := &net.Dialer{Resolver: resolver(t, 3)}
			return get(t, client(&http.Transport{DialContext: d.DialContext}), "http://secret.example.:80")
		}, failover.ClassTransient, "lookup: no such host"},
		{"name server failure", func(t *testing.T) error {
			d := &net.Dialer{Resolver: resolver(t, 2)}
			return get(t, client(&http.Transport{DialContext: d.DialContext}), "http://secret.example.:80")
		}, failover.ClassTransient, "lookup: failed"},
		{"reset after the request", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) { readRequest(c); reset(c) })
			return get(t, client(&http.Transport{}), "http://"+address)
		}, failover.ClassTransient, "read: connection reset by peer"},
		{"closed without an answer", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) { readRequest(c); c.Close() })
			return get(t, client(&http.Transport{}), "http://"+address)
		}, failover.ClassTransient, "EOF"},
		{"body cut", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) {
				readRequest(c)
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsecret")
				c.Close()
			})
			return get(t, client(&http.Transport{}), "http://"+address)
		}, failover.ClassIncomplete, "unexpected EOF"},
		{"client timeout", func(t *testing.T) error {
			c := client(&http.Transport{})
			c.Timeout = 20 * time.Millisecond
			return get(t, c, "http://"+silent(t))
		}, failover.ClassTimeout, "timeout"},
		{"no response header in time", func(t *testing.T) error {
			return get(t, client(&http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}), "http://"+silent(t))
		}, failover.ClassTimeout, "timeout"},
		{"read deadline", func(t *testing.T) error {
			var d net.Dialer
			c, err := d.DialContext(t.Context(), "tcp", silent(t))
			require.NoError(t, err)
			defer c.Close()
			require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
			_, err = c.Read(make([]byte, 1))
			return err
		}, failover.ClassTimeout, "read: timeout"},
		{"connection closed here", func(t *testing.T) error {
			var d net.Dialer
			c, err := d.DialContext(t.Context(), "tcp", silent(t))
			require.NoError(t, err)
			c.Close()
			_, err = c.Read(make([]byte, 1))
			return err
		}, failover.ClassTransient, "read: failed"},
		{"certificate of an unknown authority", func(t *testing.T) error {
			s := quietTLS(t, nil)
			return get(t, client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: x509.NewCertPool()}}), s.URL)
		}, failover.ClassTransient, "tls: certificate not trusted"},
		{"certificate for another name", func(t *testing.T) error {
			s := quietTLS(t, nil)
			return get(t, client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(s), ServerName: "secret.example"}}), s.URL)
		}, failover.ClassTransient, "tls: certificate not trusted"},
		{"certificate expired", func(t *testing.T) error {
			s := quietTLS(t, nil)
			far := func() time.Time { return time.Now().AddDate(1000, 0, 0) }
			return get(t, client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(s), Time: far}}), s.URL)
		}, failover.ClassTransient, "tls: certificate not trusted"},
		{"the server refuses our certificate", func(t *testing.T) error {
			s := quietTLS(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
			return get(t, client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(s)}}), s.URL)
		}, failover.ClassTransient, "tls: certificate required"},
		{"no protocol version in common", func(t *testing.T) error {
			s := quietTLS(t, &tls.Config{MinVersion: tls.VersionTLS13})
			return get(t, client(&http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool(s), MaxVersion: tls.VersionTLS12}}), s.URL)
		}, failover.ClassTransient, "tls: protocol version not supported"},
		{"an HTTP server where TLS should be", func(t *testing.T) error {
			s := httptest.NewServer(http.NotFoundHandler())
			t.Cleanup(s.Close)
			return get(t, client(&http.Transport{}), strings.Replace(s.URL, "http", "https", 1))
		}, failover.ClassTransient, "tls: not a TLS answer"},
		{"garbage where TLS should be", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) { _, _ = io.WriteString(c, "secret secret secret"); c.Close() })
			d := &tls.Dialer{Config: &tls.Config{ServerName: "secret"}}
			_, err := d.DialContext(t.Context(), "tcp", address)
			return err
		}, failover.ClassTransient, "tls: not a TLS answer"},
		{"reset in the TLS handshake", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 1)); reset(c) })
			return get(t, client(&http.Transport{}), "https://"+address)
		}, failover.ClassTransient, "read: connection reset by peer"},
		{"closed in the TLS handshake", func(t *testing.T) error {
			address := serve(t, func(c net.Conn) {
				_, _ = c.Read(make([]byte, 64<<10))
				c.Close()
			})
			return get(t, client(&http.Transport{}), "https://"+address)
		}, failover.ClassTransient, "EOF"},
		{"silence in the TLS handshake", func(t *testing.T) error {
			return get(t, client(&http.Transport{TLSHandshakeTimeout: 20 * time.Millisecond}), "https://"+silent(t))
		}, failover.ClassTimeout, "timeout"},
	}
}

// quietTLS is a TLS server that does not log what it refuses.
func quietTLS(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.TLS = config
	s.StartTLS()
	t.Cleanup(s.Close)
	return s
}

func pool(s *httptest.Server) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(s.Certificate())
	return p
}

// resolver asks a name server of ours that answers everything with rcode.
func resolver(t *testing.T, rcode byte) *net.Resolver {
	t.Helper()
	var config net.ListenConfig
	server, err := config.ListenPacket(t.Context(), "udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { server.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			if n < 12 {
				continue
			}
			// The question comes back with the answer bit and the code; what
			// follows the question (EDNS) is cut off.
			end := 12
			for end < n && buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			buf[2], buf[3] = buf[2]|0x80, rcode
			clear(buf[6:12])
			_, _ = server.WriteTo(buf[:min(end+5, n)], from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}

func TestClassifyFaultsOnTheWire(t *testing.T) {
	t.Parallel()
	for _, fault := range wireFaults() {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			err := fault.make(t)
			require.Error(t, err)
			got := failover.Classify(err)
			require.Equal(t, fault.want, got.Class, "%#v", err)
			require.Equal(t, fault.want.String()+" ("+fault.reason+")", got.Error())
			require.NotContains(t, got.Error(), "127.0.0.1")
			require.NotContains(t, got.Error(), "secret")
			require.NotErrorIs(t, got, context.DeadlineExceeded, "it is not the caller's")
			require.NotErrorIs(t, got, context.Canceled)
		})
	}
}

// TestFaultsOnTheWireThroughARouter: whatever the fault, another provider
// serves.
func TestFaultsOnTheWireThroughARouter(t *testing.T) {
	t.Parallel()
	for _, fault := range wireFaults() {
		t.Run(fault.name, func(t *testing.T) {
			t.Parallel()
			a, b := newActor("a"), newActor("b")
			a.plays(func(context.Context) (string, error) { return "", fault.make(t) })
			r := onStage(t, []*actor{a, b}, once())
			result, err := r.Route(t.Context(), "request")
			require.NoError(t, err)
			require.Equal(t, "b", result.Value)
			require.Equal(t, fault.want, result.Attempts[0].Class())
			require.Equal(t, 1, a.times())
		})
	}
}

// FuzzClassify reads errors made of arbitrary parts: a class always comes out,
// and nothing of the vendor's words is printed.
func FuzzClassify(f *testing.F) {
	f.Add(uint8(0), uint8(0), 0, "", "", "", int64(0), uint8(0))
	f.Add(uint8(3), uint8(1), 429, "rate_limit", "slow down", "req", int64(time.Second), uint8(1))
	f.Add(uint8(255), uint8(255), -1, "\x00\xff", strings.Repeat("x", 1000), "\n", int64(-1), uint8(5))
	causes := []error{
		nil, io.EOF, context.DeadlineExceeded, &net.OpError{Op: "dial"}, errors.New("q9z"),
		withStatus{503},
		withRetryAfter{-1},
		&net.DNSError{Name: "q9z"}, &url.Error{URL: "q9z", Err: errors.New("q9z")},
	}
	f.Fuzz(func(t *testing.T, class, outcome uint8, status int, code, message, id string, after int64, cause uint8) {
		e := &failover.Error{
			Class: failover.Class(class), Outcome: failover.Outcome(outcome), Status: status, Code: code,
			Message: "q9z" + message, RequestID: id, RetryAfter: time.Duration(after), Err: causes[int(cause)%len(causes)],
		}
		for _, err := range []error{e, fmt.Errorf("q9z: %w", e), errors.Join(io.EOF, e)} {
			got := failover.Classify(err)
			if got.Class > failover.ClassCanceled || got.Outcome > failover.OutcomeAccepted || got.RetryAfter < 0 {
				t.Fatalf("%d %d %v", got.Class, got.Outcome, got.RetryAfter)
			}
			text := got.Error()
			if !strings.Contains(code+id, "q9z") && strings.Contains(text, "q9z") {
				t.Fatalf("printed: %q", text)
			}
			if len(text) > 400 || strings.ContainsAny(text, "\n\x00\x1b") {
				t.Fatalf("not fit for a log: %q", text)
			}
		}
	})
}
