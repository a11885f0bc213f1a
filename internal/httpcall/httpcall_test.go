package httpcall_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// roundTrip is a transport in a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// body is a response body that remembers being closed.
type body struct {
	io.Reader

	closed bool
}

func (b *body) Close() error {
	b.closed = true
	return nil
}

func answer(status int, r io.Reader) (*http.Response, *body) {
	b := &body{Reader: r}
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: b, ContentLength: -1}, b
}

func client(t *testing.T, f roundTrip) *httpcall.Client {
	t.Helper()
	c, err := httpcall.New("acme", "https://acme.test/base/", &http.Client{Transport: f}, func(h http.Header) { h.Set("X-Key", "secret") })
	require.NoError(t, err)
	return c
}

func nothing([]byte) httpcall.Envelope { return httpcall.Envelope{} }

func TestNewRefusesBadBaseURLs(t *testing.T) {
	t.Parallel()
	for baseURL, want := range map[string]string{
		"":                            "acme: base URL: must begin with https:// or http://",
		"acme.test":                   "acme: base URL: must begin with https:// or http://",
		"ftp://acme.test":             "acme: base URL: must begin with https:// or http://",
		"https://":                    "acme: base URL: has no host",
		"https://u:secret@acme.test":  "acme: base URL: must not contain user or password",
		"https://acme.test?":          "acme: base URL: must not contain a query or fragment",
		"https://acme.test?k=secret":  "acme: base URL: must not contain a query or fragment",
		"https://acme.test/#secret":   "acme: base URL: must not contain a query or fragment",
		"https://acme.test/%zzsecret": "acme: base URL: is not a URL",
	} {
		_, err := httpcall.New("acme", baseURL, nil, nil)
		require.EqualError(t, err, want, baseURL)
	}
	_, err := httpcall.New("acme", "http://127.0.0.1:1", nil, nil)
	require.NoError(t, err)
}

func TestCheckKey(t *testing.T) {
	t.Parallel()
	require.NoError(t, httpcall.CheckKey("acme", "sk_0-a.b:c"))
	require.EqualError(t, httpcall.CheckKey("acme", ""), "acme: the API key is empty")
	for _, key := range []string{"secret\n", " secret", "secr et", "secret\x7f", "sécret", "secret\r\nX-Other: 1"} {
		err := httpcall.CheckKey("acme", key)
		require.ErrorContains(t, err, "acme: the API key contains")
		assert.NotContains(t, err.Error(), "secr")
	}
}

func TestRequest(t *testing.T) {
	t.Parallel()
	c := client(t, func(r *http.Request) (*http.Response, error) {
		assert.Equal(t, "https://acme.test/base/v1/say/a%2Fb?q=1+2", r.URL.String())
		assert.Equal(t, "secret", r.Header.Get("X-Key"))
		assert.Equal(t, "application/json", r.Header.Get("Content-Type"))
		assert.Equal(t, int64(2), r.ContentLength)
		assert.Nil(t, r.GetBody, "the transport must not be able to send it again")
		resp, _ := answer(200, strings.NewReader("ok"))
		return resp, nil
	})
	resp, err := c.Do(t.Context(), httpcall.Request{
		Method: http.MethodPost, Path: "/v1/say/a%2Fb", Query: url.Values{"q": {"1 2"}}, Body: []byte("{}"),
	})
	require.NoError(t, err)
	got, err := httpcall.ReadAll(resp, 10)
	require.NoError(t, err)
	assert.Equal(t, "ok", string(got))
}

func TestTransportErrorsHideTheURL(t *testing.T) {
	t.Parallel()
	c := client(t, func(*http.Request) (*http.Response, error) { return nil, context.DeadlineExceeded })
	_, err := c.Do(t.Context(), httpcall.Request{Method: http.MethodGet, Path: "/secret"})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var e *httpcall.TransportError
	require.ErrorAs(t, err, &e)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		assert.NotContains(t, fmt.Sprintf(verb, err), "secret")
		assert.Contains(t, fmt.Sprintf(verb, err), "acme: timeout")
	}

	_, err = c.Do(t.Context(), httpcall.Request{Method: "BAD METHOD", Path: "/secret"})
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
}

func TestReadAll(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset")
	for name, c := range map[string]struct {
		body  io.Reader
		want  string
		class failover.Class
		cause error
	}{
		"whole":     {body: strings.NewReader("0123456789"), want: "0123456789"},
		"empty":     {body: strings.NewReader("")},
		"too long":  {body: strings.NewReader("0123456789a"), class: failover.ClassIncomplete, cause: httpcall.ErrTooLong},
		"cut":       {body: broken("01234", io.ErrUnexpectedEOF), class: failover.ClassIncomplete, cause: io.ErrUnexpectedEOF},
		"reset":     {body: broken("01234", reset), class: failover.ClassIncomplete, cause: reset},
		"timed out": {body: broken("01234", os.ErrDeadlineExceeded), class: failover.ClassTimeout, cause: os.ErrDeadlineExceeded},
		"deadline":  {body: broken("01234", context.DeadlineExceeded), class: failover.ClassTimeout, cause: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, b := answer(200, c.body)
			got, err := httpcall.ReadAll(resp, 10)
			assert.True(t, b.closed, "closed")
			if c.cause == nil {
				require.NoError(t, err)
				assert.Equal(t, c.want, string(got))
				return
			}
			require.ErrorIs(t, err, c.cause)
			assert.Equal(t, c.class, failover.Classify(err).Class)
		})
	}
}

// broken gives s and then err.
func broken(s string, err error) io.Reader { return io.MultiReader(strings.NewReader(s), failing{err}) }

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestFailure(t *testing.T) {
	t.Parallel()
	t.Run("reads a bounded part and closes", func(t *testing.T) {
		t.Parallel()
		resp, b := answer(500, strings.NewReader(strings.Repeat("x", 3*httpcall.MaxError)))
		seen := 0
		httpcall.Failure(resp, func(body []byte) httpcall.Envelope {
			seen = len(body)
			return httpcall.Envelope{}
		})
		assert.Equal(t, httpcall.MaxError, seen)
		assert.True(t, b.closed)
	})
	t.Run("keeps the status of a body that breaks off", func(t *testing.T) {
		t.Parallel()
		resp, _ := answer(401, broken(`{"code":`, io.ErrUnexpectedEOF))
		e := httpcall.Failure(resp, nothing)
		assert.Equal(t, failover.ClassUnauthorized, e.Class)
		assert.Equal(t, 401, e.Status)
	})
	t.Run("the code beats the status", func(t *testing.T) {
		t.Parallel()
		resp, _ := answer(401, strings.NewReader(""))
		e := httpcall.Failure(resp, func([]byte) httpcall.Envelope {
			return httpcall.Envelope{Code: "no_money", Message: "m\xff", RequestID: "r-1", Class: failover.ClassExhausted}
		})
		assert.Equal(t, &failover.Error{
			Class: failover.ClassExhausted, Outcome: failover.OutcomeNotAccepted, Status: 401,
			Code: "no_money", Message: "m", RequestID: "r-1",
		}, e)
	})
	t.Run("the header's request id beats the body's", func(t *testing.T) {
		t.Parallel()
		resp, _ := answer(500, strings.NewReader(""))
		resp.Header.Set("Request-Id", "from-header")
		e := httpcall.Failure(resp, func([]byte) httpcall.Envelope { return httpcall.Envelope{RequestID: "from-body"} })
		assert.Equal(t, "from-header", e.RequestID)
	})
}

func TestCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"quota_exceeded":            "quota_exceeded",
		" Bad Request ":             "Bad Request",
		"value_error.missing":       "value_error.missing",
		"E40300":                    "E40300",
		"":                          "",
		"+15550100":                 "",
		"15550100":                  "",
		"sk_5e1f0b9d12":             "",
		"please call us at once":    "",
		"https://acme.test":         "",
		"line\nbreak":               "",
		"caf\u00e9":                 "",
		strings.Repeat("x", 65):     "",
		"<script>":                  "",
		`{"code":"quota_exceeded"}`: "",
	} {
		assert.Equal(t, want, httpcall.Code(in), "%q", in)
	}
}

func TestToken(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"req_01-AB":             "req_01-AB",
		"":                      "",
		"a b":                   "",
		"a/b":                   "",
		"a\nb":                  "",
		strings.Repeat("x", 65): "",
	} {
		assert.Equal(t, want, httpcall.Token(in), "%q", in)
	}
}

func TestPlainTextAndMessage(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "upstream error", httpcall.PlainText([]byte(" upstream error\n")))
	for _, in := range []string{"", " ", "<html>", `{"a"`, `["a"`, `"a`, "\xff\xfe"} {
		assert.Empty(t, httpcall.PlainText([]byte(in)), "%q", in)
	}
	assert.Len(t, httpcall.Message(strings.Repeat("x", 10000)), 4096)
}

func TestIsAudio(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		contentType, body string
		want              bool
	}{
		{"audio/mpeg", "\xff\xfb\x90\x00", true},
		{"Audio/L16;rate=16000", "\x00\x01", true},
		{"application/ogg", "OggS", true},
		{"application/octet-stream", "\x00\x01\xff", true},
		{"application/octet-stream", `{"error":1}`, false},
		{"", "\x00\x01\xff", true},
		{"", "<html>", false},
		{"nonsense;;", "\x00\x01", true},
		{"text/html; charset=utf-8", "\x00\x01", false},
		{"application/json", "\x00\x01", false},
	} {
		resp := &http.Response{Header: http.Header{"Content-Type": {c.contentType}}}
		assert.Equal(t, c.want, httpcall.IsAudio(resp, []byte(c.body)), "%q %q", c.contentType, c.body)
	}
}

func TestProbe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status int
		body   io.Reader
		want   failover.Class
		good   bool
	}{
		"object":      {status: 200, body: strings.NewReader(` {"a":1}`), good: true},
		"long object": {status: 200, body: strings.NewReader(`{"a":"` + strings.Repeat("x", httpcall.MaxError) + `"}`), good: true},
		"cut object":  {status: 200, body: strings.NewReader(`{"a":`), want: failover.ClassIncomplete},
		"page":        {status: 200, body: strings.NewReader("<html>"), want: failover.ClassIncomplete},
		"nothing":     {status: 200, body: strings.NewReader(""), want: failover.ClassIncomplete},
		"broken":      {status: 200, body: broken("{", io.ErrUnexpectedEOF), want: failover.ClassIncomplete},
		"silent":      {status: 200, body: broken("{", context.DeadlineExceeded), want: failover.ClassTimeout},
		"refused":     {status: 401, body: strings.NewReader("{}"), want: failover.ClassUnauthorized},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, b := answer(c.status, c.body)
			err := client(t, func(*http.Request) (*http.Response, error) { return resp, nil }).
				Probe(t.Context(), httpcall.Request{Method: http.MethodGet, Path: "/v1"}, nothing)
			assert.True(t, b.closed, "closed")
			if c.good {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, c.want, failover.Classify(err).Class)
		})
	}
}
