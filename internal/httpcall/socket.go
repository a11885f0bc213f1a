package httpcall

import (
	"context"
	"net/http"
)

// Live is what an adapter that talks over a WebSocket takes from a vendor's
// client, so that key, base URL, transport, names and models are given once.
type Live struct {
	// Name and Account are the provider's.
	Name, Account string
	// Calls opens sockets.
	Calls *Client
	// ReadError reads the body of a refusal.
	ReadError func(body []byte) Envelope
	// Check is a cheap probe of health.
	Check func(ctx context.Context) error
	// Model finds the vendor's id of a live model, as stt.Models.ID does.
	Model func(name string) (id string, ok bool)
}

// Socket is how the WebSocket of r is opened: where, with which header, the key
// in it, and by which client.
func (c *Client) Socket(r Request) (target string, header http.Header, client *http.Client) {
	header = http.Header{"User-Agent": {"gofailover"}}
	c.auth(header)
	return c.url(r), header, c.http
}

// Failed is the error of a call that got no answer, as [Client.Do] returns it.
func (c *Client) Failed(err error) error { return c.failed(err) }
