package httpcall

import (
	"context"
	"errors"
	"net/http"

	"github.com/gofailover/failover"
)

// Audio sends r and returns the audio of its answer, and the answer's header.
// Everything else is an error: a refusal, read by parse, whatever its status;
// an answer that is cut or no audio.
func (c *Client) Audio(ctx context.Context, r Request, parse func(body []byte) Envelope) ([]byte, *http.Response, error) {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if !succeeded(resp) {
		return nil, nil, Failure(resp, parse)
	}
	data, err := ReadAudio(resp, parse)
	if err != nil {
		return nil, nil, err
	}
	return data, resp, nil
}

// ReadAudio reads the audio of an answer with a good status, and closes it.
// Everything else is an error, as [Client.Audio] says.
func ReadAudio(resp *http.Response, parse func(body []byte) Envelope) ([]byte, error) {
	data, err := ReadAll(resp, MaxAudio)
	if err != nil {
		return nil, err
	}
	if len(data) > 0 && !IsAudio(resp, data) {
		return nil, NotAudio(resp, parse(data[:min(len(data), MaxError)]))
	}
	return data, nil
}

func succeeded(resp *http.Response) bool { return resp.StatusCode >= 200 && resp.StatusCode < 300 }

// NotAudio is a text where audio should be: an error sent as a success, or
// something that is not the vendor's at all.
func NotAudio(resp *http.Response, said Envelope) error { return Instead(resp, said, ErrNotAudio) }

// Answered adds to the error of an answer that was judged by its bytes which
// answer it was.
func Answered(resp *http.Response, err error) error {
	if e, ok := errors.AsType[*failover.Error](err); ok && e.Status == 0 {
		of := failover.HTTPError(resp)
		e.Status, e.RequestID = of.Status, of.RequestID
	}
	return err
}

// Probe sends r and says whether it was answered with success and JSON, which
// a proxy's login page is not.
func (c *Client) Probe(ctx context.Context, r Request, parse func(body []byte) Envelope) error {
	resp, err := c.Do(ctx, r)
	if err != nil {
		return err
	}
	if !succeeded(resp) {
		return Failure(resp, parse)
	}
	return isJSON(resp)
}
