package httpcall

import (
	"context"
	"errors"
	"io"
	"net/http"
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

// upload sends a body that may be long. A vendor may answer before it has read
// all of it, to say no.
func (c *Client) upload(ctx context.Context, r Request) (*http.Response, error) {
	body := &watched{ReadCloser: r.Upload.Body}
	req, err := c.request(ctx, r, body)
	if err != nil {
		_ = body.Close()
		return nil, err
	}
	req.ContentLength = r.Upload.Size
	req.Header.Set("Content-Type", r.Upload.ContentType)
	resp, err := c.http.Do(req)
	if err == nil {
		return resp, nil
	}
	if fault := body.fault(); fault != nil && ctx.Err() == nil {
		return nil, fault
	}
	return nil, c.failed(err)
}

// watched is a body that remembers why it could not be read. The transport may
// read it still when it has answered.
type watched struct {
	io.ReadCloser

	mu     sync.Mutex
	closed bool
	err    error
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.closed && w.err == nil {
			w.err = err
		}
	}
	return n, err
}

func (w *watched) Close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	return w.ReadCloser.Close()
}

func (w *watched) fault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.err
}
