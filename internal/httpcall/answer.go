package httpcall

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/gofailover/failover"
)

const (
	// MaxAudio bounds an answer of audio: over an hour of MP3, and half an
	// hour of the widest PCM that anybody synthesises.
	MaxAudio = 64 << 20
	// MaxError bounds what is read of an error's body and of the answer to a
	// health check.
	MaxError = 64 << 10
)

// ReadAll reads the whole body, at most limit bytes, and closes it. A body
// that is cut, longer than limit or garbled gives a failover.Error of class
// incomplete; one that the context or a timeout ended gives that.
func ReadAll(resp *http.Response, limit int64) ([]byte, error) {
	defer resp.Body.Close()
	var buf bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= limit {
		buf.Grow(int(n) + bytes.MinRead)
	}
	_, err := buf.ReadFrom(io.LimitReader(resp.Body, limit+1))
	switch {
	case err != nil:
		return nil, broken(resp, err)
	case int64(buf.Len()) > limit:
		return nil, Incomplete(resp, ErrTooLong)
	}
	return buf.Bytes(), nil
}

// broken is a body that ended before its time, or whose time was over.
func broken(resp *http.Response, err error) error {
	if timedOut(err) {
		return &TransportError{vendor: "reading the answer", err: err}
	}
	return Incomplete(resp, err)
}

// timedOut says that the time was over, not the body.
func timedOut(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// answerError is a fault of an answer, safe to print.
type answerError string

func (e answerError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e answerError) SafeToPrint() {}

// Faults of answers with a good status.
const (
	ErrTooLong  = answerError("the answer is longer than any should be")
	ErrNotAudio = answerError("the answer is not audio")
	ErrNotJSON  = answerError("the answer is not JSON")
)

// Incomplete is a request that was accepted and not answered whole.
func Incomplete(resp *http.Response, cause error) error {
	e := failover.HTTPError(resp)
	e.Class, e.RetryAfter, e.Err = failover.ClassIncomplete, 0, cause
	return e
}

// IsAudio says whether an answer may be audio. A proxy's login page and an
// error sent with status 200 are not; bytes that nobody labelled are.
func IsAudio(resp *http.Response, data []byte) bool {
	label, known := audioLabel(resp)
	if !known {
		return !looksLikeText(data)
	}
	return label
}

func looksLikeText(data []byte) bool {
	return strings.HasPrefix(http.DetectContentType(data), "text/")
}

// isJSON reads an answer and says whether it is a JSON object. Of one that is
// longer than is worth reading the beginning must do.
func isJSON(resp *http.Response) error {
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, MaxError))
	if err != nil {
		return broken(resp, err)
	}
	whole := len(body) < MaxError
	if !bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) || whole && !json.Valid(body) {
		return Incomplete(resp, ErrNotJSON)
	}
	return nil
}
