package twilio

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/twilio/twilio-go/client"
	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

const (
	// maxResource bounds the answer to a request for one message or call.
	maxResource = 1 << 20
	// maxList bounds a page of a list.
	maxList = 8 << 20
)

// exchange is one request and its answer, for which it is the SDK's client: the
// SDK has no context to carry, its own client leaves the bodies of errors open,
// and reads the environment.
type exchange struct {
	ctx       context.Context //nolint:containedctx // lives as long as the request
	client    *Client
	limit     int64
	recipient error // what a bad recipient is called

	asked, answered time.Time
	answer          *http.Response // the head of a success
}

func (c *Client) exchange(ctx context.Context, recipient error) *exchange {
	return &exchange{ctx: ctx, client: c, limit: maxResource, recipient: recipient}
}

// service is the SDK's API for this one request. A handler that was not made by
// the SDK has no edge or region of the environment.
func (x *exchange) service() *api.ApiService {
	return api.NewApiService(&sdk.RequestHandler{Client: x})
}

// AccountSid implements the SDK's BaseClient.
func (x *exchange) AccountSid() string { return x.client.sid }

// SetTimeout implements the SDK's BaseClient: the context ends a request.
func (x *exchange) SetTimeout(time.Duration) {}

// SetOauth implements the SDK's BaseClient.
func (x *exchange) SetOauth(sdk.OAuth) {}

// OAuth implements the SDK's BaseClient.
func (x *exchange) OAuth() sdk.OAuth { return nil }

// SendRequest implements the SDK's BaseClient. It returns a success with its
// whole body; everything else is a failover.Error.
func (x *exchange) SendRequest(
	method, rawURL string, data url.Values, _ map[string]any, _ ...byte,
) (*http.Response, error) {
	req, err := x.request(method, rawURL, data)
	if err != nil {
		return nil, unsent(err)
	}
	x.asked = time.Now()
	resp, err := failover.SendOnce(x.client.http, req)
	if err != nil {
		return nil, err
	}
	x.answered = time.Now()
	if resp.StatusCode < 200 || resp.StatusCode >= 300 {
		return nil, refusal(resp, x.recipient)
	}
	body, err := httpcall.ReadAll(resp, x.limit)
	switch {
	case err == nil:
	case method == http.MethodPost:
		return nil, httpcall.Unreadable(resp, err)
	default:
		return nil, unread(err)
	}
	x.answer = resp
	whole := *resp
	whole.Body = io.NopCloser(strings.NewReader(string(body)))
	return &whole, nil
}

// request is what the SDK asks for, at our base URL and with our key.
func (x *exchange) request(method, rawURL string, data url.Values) (*http.Request, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, err
	}
	u = x.client.base.JoinPath(u.Path)
	var form io.Reader
	if method == http.MethodPost {
		form = strings.NewReader(data.Encode())
	} else {
		u.RawQuery = data.Encode()
	}
	req, err := http.NewRequestWithContext(x.ctx, method, u.String(), form)
	if err != nil {
		return nil, err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	} else {
		req.Header.Set("Cache-Control", "no-cache") // what was not there yet may be now
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "gofailover")
	req.SetBasicAuth(x.client.user, x.client.secret)
	return req, nil
}

// unsent is a request that could not be made.
func unsent(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text is the URL
	}
	return &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: err}
}

// unread is an answer to a question that did not come whole.
func unread(err error) error {
	if e, ok := errors.AsType[*failover.Error](err); ok {
		return e
	}
	return &failover.Error{Class: failover.Classify(err).Class, Err: err}
}

// failed reads the error of a call of the SDK's. What it does not return as we
// gave it is of its own reading, of an answer that was a success.
func (x *exchange) failed(err error) *failover.Error {
	if e, ok := errors.AsType[*failover.Error](err); ok {
		return e
	}
	if x.answer == nil {
		return asError(unsent(err))
	}
	return x.unreadable(httpcall.ErrNotJSON)
}

// unreadable is a success that says nothing.
func (x *exchange) unreadable(cause error) *failover.Error {
	return asError(httpcall.Unreadable(x.answer, cause))
}

// asError is an error that is one of ours for sure.
func asError(err error) *failover.Error {
	e, _ := errors.AsType[*failover.Error](err)
	return e
}

// pageKey is where a page of a list is: what of its address the SDK takes. The
// rest of it is the vendor's, and not followed.
type pageKey struct{ token, number string }

// nextPage reads the address of the next page; nil if there is none.
func nextPage(uri *string) *pageKey {
	if value(uri) == "" {
		return nil
	}
	u, err := url.Parse(*uri)
	if err != nil {
		return &pageKey{}
	}
	q := u.Query()
	return &pageKey{token: q.Get("PageToken"), number: q.Get("Page")}
}

func value[T any](p *T) T {
	if p == nil {
		var none T
		return none
	}
	return *p
}

// created reads a time of the vendor's, which is in whole seconds; zero if it is
// none.
func created(s *string) time.Time {
	at, err := time.Parse(time.RFC1123Z, value(s))
	if err != nil {
		return time.Time{}
	}
	return at
}
