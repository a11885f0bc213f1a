package google

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
)

const (
	// maxAnswer bounds what is read of an answer; no model writes as much.
	maxAnswer = 64 << 20
	// headSize is how much is kept of an answer that may turn out to be an
	// error under a good status.
	headSize = 8 << 10
)

// httpClient is a client that follows no redirects, has no timeout, and whose
// calls are seen.
func httpClient(client *http.Client) *http.Client {
	return &http.Client{
		Transport:     &sdkcall.Transport{Next: watched{httpcall.TransportOf(client)}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// call is what was seen of one call of the SDK.
type call struct {
	*sdkcall.Meta

	mu   sync.Mutex
	head []byte // the beginning of the answer
	err  error  // why the answer broke off
}

type callKey struct{}

// begin makes a context under which a call of the SDK is seen.
func begin(ctx context.Context) (context.Context, *call) {
	ctx, meta := sdkcall.With(ctx)
	c := &call{Meta: meta}
	return context.WithValue(ctx, callKey{}, c), c
}

// broke is why the answer broke off; nil if it did not.
func (c *call) broke() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// beginning is the first of the answer.
func (c *call) beginning() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.head
}

// watched is a transport whose answers end cleanly for the SDK: it writes
// errors of reading to the standard log, and a library does not print. The
// call keeps them instead.
type watched struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (w watched) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := w.next.RoundTrip(req)
	c, _ := req.Context().Value(callKey{}).(*call)
	if err != nil || c == nil {
		return resp, err
	}
	most := maxAnswer
	if resp.StatusCode >= http.StatusMultipleChoices {
		most = httpcall.MaxError
	}
	resp.Body = &watchedBody{body: resp.Body, call: c, rest: most}
	return resp, nil
}

type watchedBody struct {
	body io.ReadCloser
	call *call
	rest int // how much more is read
}

// Read gives what comes, and io.EOF for every end.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	b.rest -= n
	if err == nil && b.rest < 0 {
		err = httpcall.ErrTooLong
	}
	b.call.note(p[:n], err)
	if err != nil {
		return n, io.EOF
	}
	return n, nil
}

func (c *call) note(read []byte, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if room := headSize - len(c.head); room > 0 {
		c.head = append(c.head, read[:min(room, len(read))]...)
	}
	if err != nil && !errors.Is(err, io.EOF) && c.err == nil {
		c.err = err
	}
}

// Close closes the body. That it could not be closed helps nobody.
func (b *watchedBody) Close() error {
	_ = b.body.Close()
	return nil
}
