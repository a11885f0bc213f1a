package providertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
)

// acmeText is what Acme hears in whatever it is sent.
const acmeText = "Acme hears all."

// acmeListenAPI is a vendor that listens: to files, which are its whole body.
func acmeListenAPI() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /listen", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Key") != providertest.Key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if head, err := io.ReadAll(io.LimitReader(r.Body, 4)); err != nil || string(head) != "RIFF" {
			w.WriteHeader(http.StatusUnsupportedMediaType)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"text":"`+acmeText+`","words":[`+
			`{"text":"Acme","start":0.1,"end":0.3},{"text":"hears","start":0.4,"end":0.6},{"text":"all.","start":0.7,"end":0.9}]}`)
	})
	mux.Handle("/", acmeAPI())
	return mux
}

// listener is an adapter of speech to text written the way an outsider would,
// and a fault of it.
type listener struct{ acme }

// heard are the sources of the fault that opens each once.
var heard sync.Map

// The ways to get an adapter of speech to text wrong, besides those of others.
const (
	faultOnce     = "reads the audio once and has none for the second attempt"
	faultHalf     = "sends half of the audio"
	faultHeadless = "sends headerless audio without a word"
	faultFetch    = "fetches a URL that nobody allowed it to"
	faultPath     = "prints the path"
	faultBlame    = "blames the vendor for audio that is not there"
	faultWordless = "leaves out words that were asked for"
	faultNameless = "leaves the model out"
)

func newListener(fault string) func(key, baseURL string, client *http.Client) (stt.Provider, error) {
	return func(key, baseURL string, client *http.Client) (stt.Provider, error) {
		l := &listener{acme: acme{key: key, base: baseURL, fault: fault, client: *client}}
		if fault != faultRedirect {
			l.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		}
		if fault == faultHasty {
			l.client.Timeout = time.Second
		}
		return stt.Provider{
			Name: "acme", Do: l.listen, Check: l.check, Supports: l.supports, SideEffect: fault == faultEffect,
		}, nil
	}
}

func (l *listener) supports(req stt.Request) bool {
	return l.fault == faultWindow || l.refuse(req) == nil
}

// refuse says what this vendor does not offer.
func (l *listener) refuse(req stt.Request) error {
	switch {
	case req.Language != "" && req.Language != "en":
		return stt.Unsupported("Language", "%s is not spoken", req.Language)
	case req.Diarize:
		return stt.Unsupported("Diarize", "is not offered")
	case req.NoPunctuation:
		return stt.Unsupported("NoPunctuation", "is not offered")
	case !req.Audio.Opens() && l.fault != faultFetch:
		return stt.Unsupported("Audio", "is a URL, which is not taken")
	}
	return nil
}

func (l *listener) listen(ctx context.Context, req stt.Request) (*stt.Transcript, error) {
	if l.fault != faultEager {
		if err := req.Validate(); err != nil {
			return nil, stt.Invalid(err)
		}
		if err := l.refuse(req); err != nil {
			return nil, err
		}
	}
	if l.fault == faultDeaf {
		ctx = context.WithoutCancel(ctx)
	}
	audio, err := l.audio(ctx, req)
	if err != nil {
		return nil, err
	}
	resp, err := l.send(ctx, audio)
	if l.fault == faultRetry && err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp.Body.Close()
		resp, err = l.send(ctx, audio)
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, l.refusal(resp)
	}
	defer resp.Body.Close()
	return l.read(ctx, req, resp)
}

// audio is all of it, in memory.
func (l *listener) audio(ctx context.Context, req stt.Request) ([]byte, error) {
	if address, ok := req.Audio.URL(); ok && l.fault == faultFetch {
		resp, err := l.client.Get(l.base + address[len("https://vendor.test"):]) //nolint:noctx // it is wrong anyway
		if err != nil {
			return nil, errors.New("acme: no such URL")
		}
		defer resp.Body.Close()
		return io.ReadAll(resp.Body)
	}
	open := req.Open
	if l.fault == faultHeadless {
		open = req.OpenRaw
	}
	opened, err := open(ctx)
	var request *stt.RequestError
	switch {
	case err == nil:
	case l.fault == faultPath && errors.As(err, &request) && request.Err != nil:
		return nil, &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: loud{request.Err}}
	case l.fault == faultBlame:
		return nil, &failover.Error{Class: failover.ClassTransient}
	default:
		return nil, err
	}
	defer opened.Close()
	audio, err := io.ReadAll(opened)
	switch l.fault {
	case faultHalf:
		audio = audio[:len(audio)/2]
	case faultOnce:
		if _, again := heard.LoadOrStore(req.Audio, true); again {
			audio = audio[:0]
		}
	}
	return audio, err
}

func (l *listener) send(ctx context.Context, audio []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.base+"/listen", bytes.NewReader(audio))
	if err != nil {
		return nil, errors.New("acme: bad request")
	}
	req.GetBody = nil
	req.Header.Set("X-Key", l.key)
	req.Header.Set("Content-Type", "audio/wav")
	resp, err := l.client.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case l.fault == faultPrint:
		return nil, err
	case l.fault == faultPrintKey:
		return nil, fmt.Errorf("acme with %s: %w", l.key, errors.Unwrap(err))
	}
	e := failover.Classify(err)
	if ended := ctx.Err(); ended != nil {
		return nil, fmt.Errorf("acme: %w", ended)
	}
	return nil, e
}

func (l *listener) read(ctx context.Context, req stt.Request, resp *http.Response) (*stt.Transcript, error) {
	const most = 1 << 20
	body, err := io.ReadAll(io.LimitReader(resp.Body, most))
	var said struct {
		Text  string `json:"text"`
		Words []struct {
			Text  string  `json:"text"`
			Start float64 `json:"start"`
			End   float64 `json:"end"`
		} `json:"words"`
	}
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case l.fault == faultGullible:
		return &stt.Transcript{Text: acmeText, Provider: "acme", Model: "ear-1", Duration: time.Second}, nil
	case err != nil, len(body) == most, json.Unmarshal(body, &said) != nil, said.Text == "":
		return nil, &failover.Error{Class: failover.ClassIncomplete, Status: resp.StatusCode, Err: err}
	}
	transcript := &stt.Transcript{Text: said.Text, Provider: "acme", Model: "ear-1", Language: req.Language}
	for _, w := range said.Words {
		transcript.Words = append(transcript.Words, stt.Word{Text: w.Text, Start: seconds(w.Start), End: seconds(w.End)})
	}
	switch l.fault {
	case faultNameless:
		transcript.Model = ""
	case faultWordless:
		transcript.Words = nil
		return transcript, nil
	case faultBlank:
		return transcript, nil // without its duration
	}
	return stt.NewTranscript(req, transcript)
}

// loud is an error that says that it may be printed, and may not.
type loud struct{ error }

func (loud) SafeToPrint() {}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
