// Package hearing is what the speech-to-text adapters over net/http share: an
// adapter says how a request looks in its vendor's words and reads the answer,
// and the audio is sent whole, opened anew for every attempt.
package hearing

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
)

// Plan is a request in a vendor's words.
type Plan struct {
	// Path and Query are where it is posted to.
	Path  string
	Query url.Values
	// Body is sent as JSON, in place of the audio; nil sends the audio.
	Body any
	// Form sends the audio, or none if Body is set, in a form with these fields.
	Form []Field
	// File is the name of the form's field with the audio; empty if there is
	// none.
	File string
	// Raw sends headerless audio as it is, without a WAV header.
	Raw bool
	// Model is the vendor's id.
	Model string
}

// Add adds a field to the form, unless its value is empty.
func (p *Plan) Add(name, value string) {
	if value != "" {
		p.Form = append(p.Form, Field{name, value})
	}
}

// Field is a field of a form.
type Field struct{ Name, Value string }

// Listener is one account at one vendor.
type Listener struct {
	// Name is that of the provider.
	Name string
	// Client has the key.
	Client *httpcall.Client
	// Plan translates a request, or says why this vendor cannot serve it. It
	// validates the request first.
	Plan func(req stt.Request) (Plan, error)
	// ReadError reads the vendor's errors.
	ReadError func(body []byte) httpcall.Envelope
	// Read makes a transcript of an answer; false if it is none.
	Read func(body []byte) (*stt.Transcript, bool)
	// RequestID is the header with the vendor's id of the request.
	RequestID string
}

// Supports is the Supports of a provider. It leaves alone what is wrong with
// the request itself: Do says that better.
func (l *Listener) Supports(req stt.Request) bool {
	_, err := l.Plan(req)
	return failover.ClassOf(err) != failover.ClassUnsupported
}

// errNoTranscript is an answer that has none of what it should have.
const errNoTranscript = answerError("the answer is no transcript")

type answerError string

func (e answerError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e answerError) SafeToPrint() {}

// Transcribe is the Do of a provider.
func (l *Listener) Transcribe(ctx context.Context, req stt.Request) (*stt.Transcript, error) {
	plan, err := l.Plan(req)
	if err != nil {
		return nil, err
	}
	call, err := plan.call(ctx, req)
	if err != nil {
		return nil, err
	}
	body, resp, err := l.Client.JSON(ctx, call, l.ReadError) //nolint:bodyclose // JSON has read and closed it
	if err != nil {
		return nil, err
	}
	heard, ok := l.Read(body)
	if !ok {
		return nil, httpcall.Instead(resp, l.ReadError(body[:min(len(body), httpcall.MaxError)]), errNoTranscript)
	}
	heard.Provider, heard.Model = l.Name, plan.Model
	if heard.Language == "" {
		heard.Language = req.Language
	}
	if id := httpcall.Token(resp.Header.Get(l.RequestID)); id != "" {
		heard.RequestID = id
	}
	checked, err := stt.NewTranscript(req, heard)
	return checked, httpcall.Answered(resp, err)
}

// call opens the audio, where it is sent.
func (p Plan) call(ctx context.Context, req stt.Request) (httpcall.Request, error) {
	call := httpcall.Request{Method: http.MethodPost, Path: p.Path, Query: p.Query}
	if p.Body != nil {
		body, err := json.Marshal(p.Body)
		call.Body = body
		return call, stt.Invalid(err)
	}
	if p.Form != nil && p.File == "" {
		head, tail, contentType, err := p.form(nil)
		call.Upload = upload(head, nil, tail, contentType)
		return call, err
	}
	open := req.Open
	if p.Raw {
		open = req.OpenRaw
	}
	audio, err := open(ctx)
	if err != nil {
		return httpcall.Request{}, err
	}
	if p.Form == nil {
		call.Upload = &httpcall.Upload{Body: audio, Size: audio.Size, ContentType: audio.ContentType}
		return call, nil
	}
	head, tail, contentType, err := p.form(audio)
	if err != nil {
		_ = audio.Close()
		return httpcall.Request{}, err
	}
	call.Upload = upload(head, audio, tail, contentType)
	return call, nil
}

// form is what stands before and behind the audio in a form.
func (p Plan) form(audio *stt.Audio) (head, tail []byte, contentType string, err error) {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for _, f := range p.Form {
		if err := w.WriteField(f.Name, f.Value); err != nil {
			return nil, nil, "", stt.Invalid(err)
		}
	}
	if audio != nil {
		header := textproto.MIMEHeader{}
		header.Set("Content-Disposition", multipart.FileContentDisposition(p.File, "audio"+audio.Extension))
		header.Set("Content-Type", audio.ContentType)
		if _, err := w.CreatePart(header); err != nil {
			return nil, nil, "", stt.Invalid(err)
		}
	}
	split := buf.Len()
	if err := w.Close(); err != nil {
		return nil, nil, "", stt.Invalid(err)
	}
	return buf.Bytes()[:split], buf.Bytes()[split:], w.FormDataContentType(), nil
}

func upload(head []byte, audio *stt.Audio, tail []byte, contentType string) *httpcall.Upload {
	u := &httpcall.Upload{Size: int64(len(head) + len(tail)), ContentType: contentType}
	if audio == nil {
		u.Body = io.NopCloser(io.MultiReader(bytes.NewReader(head), bytes.NewReader(tail)))
		return u
	}
	u.Size += audio.Size
	u.Body = joined{io.MultiReader(bytes.NewReader(head), audio, bytes.NewReader(tail)), audio}
	return u
}

type joined struct {
	io.Reader
	io.Closer
}

// Seconds is a time that a vendor tells. One that makes no sense is negative.
func Seconds(s float64) time.Duration {
	const most = 1e7 // months
	if math.IsNaN(s) || s < 0 || s > most {
		return -1
	}
	return time.Duration(math.Round(s * float64(time.Second)))
}
