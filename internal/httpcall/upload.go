package httpcall

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"sync"
)

// Upload is a body that is read once, by the request it is for, and that may be
// long.
type Upload struct {
	// Body is read to its end, and closed in any case. If reading it fails, the
	// error of the call is that of the body.
	Body io.ReadCloser
	// Size is its length in bytes, above 0.
	Size int64
	// ContentType is the MIME type.
	ContentType string
}

// upload sends a body that may be long.
//
// A vendor may answer before it has read all of it, to say no. Over HTTP/1 the
// transport goes on writing all the same, until the vendor closes the
// connection; then the answer is lost, or cut. So the rest of the body is held
// back as soon as an answer begins, and let go if it is a good one.
func (c *Client) upload(ctx context.Context, r Request) (*http.Response, error) {
	body := newGate(r.Upload)
	req, err := c.request(httptrace.WithClientTrace(ctx, body.trace()), r, body)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	req.ContentLength = r.Upload.Size
	req.Header.Set("Content-Type", r.Upload.ContentType)
	resp, err := c.http.Do(req)
	if err != nil {
		_ = body.Close()
		if cause := body.fault(); cause != nil && ctx.Err() == nil {
			return nil, cause
		}
		return nil, c.failed(err)
	}
	if succeeded(resp) {
		body.hold(false)
	}
	resp.Body = &released{resp.Body, body}
	return resp, nil
}

// released is the body of an answer that lets go of the body of the request
// when it is closed.
type released struct {
	io.ReadCloser

	sent *gate
}

func (r *released) Close() error {
	_ = r.sent.Close()
	return r.ReadCloser.Close()
}

// gate is the body of a request that can be held back.
type gate struct {
	body io.ReadCloser
	left int64 // to be read, by one reader

	mu     sync.Mutex
	open   chan struct{} // closed unless the body is held back
	closed chan struct{}
	err    error // of body
}

func newGate(u *Upload) *gate {
	g := &gate{body: u.Body, left: u.Size, open: make(chan struct{}), closed: make(chan struct{})}
	close(g.open)
	return g
}

// trace holds the body back when an answer begins. One that says to go on is
// none.
func (g *gate) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GotFirstResponseByte: func() { g.hold(true) },
		Got100Continue:       func() { g.hold(false) },
		Got1xxResponse: func(int, textproto.MIMEHeader) error {
			g.hold(false)
			return nil
		},
	}
}

func (g *gate) hold(back bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if back {
			g.open = make(chan struct{})
		}
	default:
		if !back {
			close(g.open)
		}
	}
}

func (g *gate) Read(p []byte) (int, error) {
	if g.left > 0 { // the end is not held back, so that the connection can be used again
		if err := g.wait(); err != nil {
			return 0, err
		}
	}
	n, err := g.body.Read(p)
	g.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		g.mu.Lock()
		defer g.mu.Unlock()
		if g.err == nil && !g.isClosed() {
			g.err = err
		}
	}
	return n, err
}

func (g *gate) wait() error {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
		return nil
	case <-g.closed:
		return os.ErrClosed
	}
}

func (g *gate) isClosed() bool {
	select {
	case <-g.closed:
		return true
	default:
		return false
	}
}

// Close is called by the transport and when the answer is closed.
func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.isClosed() {
		return nil
	}
	close(g.closed)
	return g.body.Close()
}

// fault is why the body could not be read.
func (g *gate) fault() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.err
}
