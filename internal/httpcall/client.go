package httpcall

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Client calls one vendor's API with one key.
type Client struct {
	vendor string
	base   *url.URL
	http   *http.Client
	auth   func(http.Header)
}

// Request is one call.
type Request struct {
	Method string
	// Path is appended to the base URL. Its segments must be escaped.
	Path  string
	Query url.Values
	// Body is sent as JSON; nil sends none.
	Body []byte
	// Upload is sent in place of Body.
	Upload *Upload
}

// New makes a client of vendor at baseURL. Of client it uses the Transport
// only; nil takes one with sensible limits, shared by all clients of this
// package. auth writes the key into a request's header.
//
// Timeouts of an http.Client would cut streams and hide whose time ran out, so
// there are none: the context ends a call. Redirects are not followed: the key
// must not go where it was not meant for.
func New(vendor, baseURL string, client *http.Client, auth func(http.Header)) (*Client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: base URL: %w", vendor, err)
	}
	transport := defaultTransport
	if client != nil && client.Transport != nil {
		transport = client.Transport
	}
	return &Client{
		vendor: vendor,
		base:   base,
		auth:   auth,
		http: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}, nil
}

// parseBase names what is wrong, never the URL: people put keys into them.
func parseBase(baseURL string) (*url.URL, error) {
	base, err := url.Parse(baseURL)
	switch {
	case err != nil:
		return nil, errors.New("is not a URL")
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("must begin with https:// or http://")
	case base.Host == "":
		return nil, errors.New("has no host")
	case base.User != nil:
		return nil, errors.New("must not contain user or password")
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, errors.New("must not contain a query or fragment")
	}
	return base, nil
}

// CheckKey says what is wrong with an API key, and never what it is.
func CheckKey(vendor, key string) error {
	switch {
	case key == "":
		return fmt.Errorf("%s: the API key is empty", vendor)
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("%s: the API key contains a space, line end or other character that no key has", vendor)
	}
	return nil
}

// defaultTransport has the settings of http.DefaultTransport and more idle
// connections: with its two a host, a busy service dials all the time.
var defaultTransport http.RoundTripper = &http.Transport{
	Proxy:                 http.ProxyFromEnvironment,
	DialContext:           dial,
	ForceAttemptHTTP2:     true,
	MaxIdleConnsPerHost:   64,
	IdleConnTimeout:       90 * time.Second,
	TLSHandshakeTimeout:   10 * time.Second,
	ExpectContinueTimeout: time.Second,
}

// Do sends r. The caller must read the answer with [ReadAll], [Pieces],
// [Objects] or [Failure], which close it. An error means that there was no
// answer; it wraps the transport's error and, as the case may be, matches the
// context's.
func (c *Client) Do(ctx context.Context, r Request) (*http.Response, error) {
	if r.Upload != nil {
		return c.upload(ctx, r)
	}
	req, err := c.inJSON(ctx, r)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, c.failed(err)
	}
	return resp, nil
}

// inJSON is r with its Body, as net/http takes it.
func (c *Client) inJSON(ctx context.Context, r Request) (*http.Request, error) {
	var body io.Reader
	if r.Body != nil {
		body = bytes.NewReader(r.Body)
	}
	req, err := c.request(ctx, r, body)
	if err == nil && r.Body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, err
}

func (c *Client) request(ctx context.Context, r Request, body io.Reader) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, c.url(r), body)
	if err != nil {
		return nil, c.failed(err)
	}
	// With GetBody the transport sends a request again by itself, over HTTP/2 up
	// to seven times and even after the vendor has read it. To repeat is the
	// router's business.
	req.GetBody = nil
	req.Header.Set("User-Agent", "gofailover")
	c.auth(req.Header)
	return req, nil
}

func (c *Client) url(r Request) string {
	target := strings.TrimSuffix(c.base.String(), "/") + r.Path
	if len(r.Query) > 0 {
		target += "?" + r.Query.Encode()
	}
	return target
}

// failed drops the *url.Error, whose text is the URL.
func (c *Client) failed(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return &TransportError{vendor: c.vendor, err: err}
}
