package failover

import (
	"errors"
	"net/http"
	"net/url"

	"github.com/gofailover/failover/internal/sendonce"
)

// SendOnce sends an HTTP request that has a side effect: at most once, and
// with an [Outcome] where it fails. It is what an adapter of your own needs
// besides [HTTPError]:
//
//	resp, err := failover.SendOnce(nil, req)
//	if err != nil {
//		return nil, err // knows whether the request may have arrived
//	}
//	defer resp.Body.Close()
//	if resp.StatusCode/100 != 2 {
//		return nil, failover.HTTPError(resp)
//	}
//	// It was taken: what fails from here on is of OutcomeAccepted.
//
// net/http sends a POST again by itself in some cases (a header
// Idempotency-Key, HTTP/2, a redirect); SendOnce does not let it, and follows
// no redirect. It takes req over, and reads the body into memory before
// anything is sent. The context of req ends the call.
//
// An error is an [Error] of OutcomeNotAccepted if the request certainly did not
// reach the vendor whole: the body could not be read, the connection was
// refused, the TLS handshake failed, the time ran out before there was a
// connection or, over HTTP/1, before the request was written. Otherwise its
// outcome is unknown. Its class is that of [Classify]. A response, whatever its
// status, is no error.
//
// Of client only the Transport is used: a Timeout belongs in the context. nil,
// or a client without one, takes a transport made for this: HTTP/1 alone, since
// over HTTP/2 nobody can tell whether a request left, and idle connections
// closed after 20 s, before a vendor closes them under a request. Any other
// transport is judged by what it reports through net/http/httptrace; one that
// reports nothing makes every failure unknown. It must not send again by
// itself, nor after it has returned an error.
//
// SendOnce is safe for concurrent use.
func SendOnce(client *http.Client, req *http.Request) (*http.Response, error) {
	var transport http.RoundTripper
	if client != nil {
		transport = client.Transport
	}
	resp, unsent, err := sendonce.Do(transport, req)
	if err == nil {
		return resp, nil
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text is the URL
	}
	e := &Error{Class: Classify(err).Class, Err: err}
	if unsent {
		e.Outcome = OutcomeNotAccepted
	}
	return nil, e
}
