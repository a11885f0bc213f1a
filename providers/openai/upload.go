package openai

import (
	"bytes"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"sync"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover/providers/stt"
)

// upload is the form of a request with audio, which is read while it is sent:
// the SDK would copy all of it into memory first.
type upload struct {
	io.Reader

	audio       *stt.Audio
	size        int64
	contentType string

	mu     sync.Mutex
	closed bool
	err    error // of the audio
}

// newUpload makes the form. It is what the SDK makes of params and a file, cut in
// two where the audio belongs.
func newUpload(params sdk.AudioTranscriptionNewParams, audio *stt.Audio) (*upload, error) {
	var form bytes.Buffer
	at := 0
	params.File = sdk.File(mark(func() { at = form.Len() }), "audio"+audio.Extension, audio.ContentType)
	w := multipart.NewWriter(&form)
	if err := errors.Join(params.MarshalMultipartTo(w), w.Close()); err != nil {
		return nil, stt.Invalid(err)
	}
	head, tail := form.Bytes()[:at], form.Bytes()[at:]
	return &upload{
		Reader: io.MultiReader(bytes.NewReader(head), audio, bytes.NewReader(tail)), audio: audio,
		size: int64(form.Len()) + audio.Size, contentType: w.FormDataContentType(),
	}, nil
}

// mark is an empty file that tells when it is read.
type mark func()

func (m mark) Read([]byte) (int, error) {
	m()
	return 0, io.EOF
}

// options send the form.
func (u *upload) options() []option.RequestOption {
	return []option.RequestOption{
		option.WithRequestBody(u.contentType, u),
		option.WithMiddleware(func(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
			req.ContentLength = u.size
			return next(req)
		}),
	}
}

// Read implements io.Reader. The transport may go on reading when it has
// answered.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.mu.Lock()
		defer u.mu.Unlock()
		if !u.closed && u.err == nil {
			u.err = err
		}
	}
	return n, err
}

// Close implements io.Closer.
func (u *upload) Close() error {
	u.mu.Lock()
	u.closed = true
	u.mu.Unlock()
	return u.audio.Close()
}

// fault is why the audio could not be read.
func (u *upload) fault() error {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.err
}
