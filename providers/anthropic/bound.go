package anthropic

import (
	"io"
	"net/http"

	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/gofailover/failover/internal/httpcall"
)

// maxAnswer bounds what is read of an answer: hours of talk.
const maxAnswer = 64 << 20

// bounded keeps the SDK, which reads whatever comes, from reading it all.
func bounded(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	resp, err := next(req)
	if err != nil || resp.Body == nil {
		return resp, err
	}
	left := int64(maxAnswer)
	if resp.StatusCode >= http.StatusMultipleChoices {
		left = httpcall.MaxError
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: left}
	return resp, nil
}

// limited is a body that fails past its limit.
type limited struct {
	io.ReadCloser

	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, httpcall.ErrTooLong
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}
