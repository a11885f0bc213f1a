// Package speech is what the text-to-speech adapters over net/http share: an
// adapter says how a request looks in its vendor's words, and gets audio whole
// or as a stream.
package speech

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/tts"
)

// Plan is a request in a vendor's words.
type Plan struct {
	// Path and Query are where it is posted to.
	Path  string
	Query url.Values
	// Body is sent as JSON.
	Body any
	// Model and Voice are the vendor's ids.
	Model, Voice string
}

// Speaker is one account at one vendor, and one of its operations.
type Speaker struct {
	// Name is that of the provider.
	Name string
	// Client has the key.
	Client *httpcall.Client
	// Plan translates a request, or says why this vendor cannot serve it. It
	// validates the request first.
	Plan func(req tts.Request) (Plan, error)
	// ReadError reads the vendor's errors.
	ReadError func(body []byte) httpcall.Envelope
	// RequestID and Characters are the headers with the vendor's id of the
	// request and with the number of characters it counted.
	RequestID, Characters string
	// Pieces reads a stream; nil if its body is audio and nothing else.
	Pieces func(resp *http.Response) iter.Seq2[tts.Piece, error]
}

// Supports is the Supports of a provider. It leaves alone what is wrong with
// the request itself: Do says that better.
func (s *Speaker) Supports(req tts.Request) bool {
	_, err := s.Plan(req)
	return failover.ClassOf(err) != failover.ClassUnsupported
}

// Synthesize is the Do of a provider.
func (s *Speaker) Synthesize(ctx context.Context, req tts.Request) (*tts.Audio, error) {
	plan, call, err := s.call(req)
	if err != nil {
		return nil, err
	}
	data, resp, err := s.Client.Audio(ctx, call, s.ReadError) //nolint:bodyclose // Audio has read and closed it
	if err != nil {
		return nil, err
	}
	audio, err := tts.NewAudio(req.Format, data)
	if err != nil {
		return nil, httpcall.Answered(resp, err)
	}
	audio.Provider, audio.Model, audio.Voice = s.Name, plan.Model, plan.Voice
	audio.RequestID, audio.Characters = s.requestID(resp), s.characters(resp, req.Text)
	return audio, nil
}

// Stream is the Do of a streaming provider.
func (s *Speaker) Stream(ctx context.Context, req tts.Request) failover.Stream[tts.Chunk] {
	return func(yield func(tts.Chunk, error) bool) {
		plan, resp, err := s.open(ctx, req)
		if err != nil {
			yield(tts.Chunk{}, err)
			return
		}
		summary := func() tts.Summary {
			return tts.Summary{
				Provider: s.Name, Model: plan.Model, Voice: plan.Voice,
				RequestID: s.requestID(resp), Characters: s.characters(resp, req.Text),
			}
		}
		for chunk, err := range tts.Chunks(req, s.pieces(resp), summary) {
			if !yield(chunk, httpcall.Answered(resp, err)) {
				return
			}
		}
	}
}

// open sends the request. The answer's body is open where there is no error.
func (s *Speaker) open(ctx context.Context, req tts.Request) (Plan, *http.Response, error) {
	plan, call, err := s.call(req)
	if err != nil {
		return Plan{}, nil, err
	}
	resp, err := s.Client.Open(ctx, call, s.ReadError)
	return plan, resp, err
}

// call is the HTTP request.
func (s *Speaker) call(req tts.Request) (Plan, httpcall.Request, error) {
	plan, err := s.Plan(req)
	if err != nil {
		return Plan{}, httpcall.Request{}, err
	}
	body, err := json.Marshal(plan.Body)
	if err != nil {
		return Plan{}, httpcall.Request{}, tts.Invalid(err)
	}
	return plan, httpcall.Request{Method: http.MethodPost, Path: plan.Path, Query: plan.Query, Body: body}, nil
}

// pieces close the body when they are left or at their end.
func (s *Speaker) pieces(resp *http.Response) iter.Seq2[tts.Piece, error] {
	if s.Pieces != nil {
		return s.Pieces(resp)
	}
	return func(yield func(tts.Piece, error) bool) {
		for data, err := range httpcall.Pieces(resp, s.ReadError) {
			if !yield(tts.Piece{Data: data}, err) {
				return
			}
		}
	}
}

func (s *Speaker) requestID(resp *http.Response) string {
	return httpcall.Token(resp.Header.Get(s.RequestID))
}

// characters is what the vendor counted, or what there is to count.
func (s *Speaker) characters(resp *http.Response, text string) int {
	if n, err := strconv.Atoi(resp.Header.Get(s.Characters)); err == nil && n >= 0 {
		return n
	}
	return utf8.RuneCountInString(text)
}
