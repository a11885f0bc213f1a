package providertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/tts"
)

// acmeAPI is a vendor that speaks 16 kHz PCM: half a second of noise.
func acmeAPI() http.Handler {
	keyed := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Key") != providertest.Key {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			next(w, r)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /speak", keyed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "audio/pcm")
		noise := make([]byte, 16000)
		for i := range noise {
			noise[i] = byte(i * i / 7)
		}
		_, _ = w.Write(noise)
	}))
	mux.HandleFunc("GET /ping", keyed(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"pong":true}`)
	}))
	return mux
}

// acme is an adapter written the way an outsider would, and a fault of it.
type acme struct {
	key, base string
	client    http.Client
	fault     string
}

// The ways to get an adapter wrong.
const (
	faultLeak      = "leaves error bodies open"
	faultRetry     = "retries by itself"
	faultPrint     = "prints the URL"
	faultPrintKey  = "prints the key"
	faultMessage   = "prints the vendor's message"
	faultRedirect  = "follows redirects"
	faultBound     = "reads all of an error's body"
	faultDeaf      = "does not listen to its context"
	faultGullible  = "takes any 200 for audio"
	faultClassless = "does not classify"
	faultEager     = "asks before it thinks"
	faultHint      = "drops Retry-After"
	faultCode      = "drops the code"
	faultHasty     = "has a timeout of its own"
	faultProbe     = "takes any 200 for health"
	faultPaid      = "probes with a paid call"
	faultWindow    = "says yes to everything"
	faultBlank     = "leaves fields empty"
	faultEffect    = "claims a side effect"
)

func newAcme(fault string) func(key, baseURL string, client *http.Client) (tts.Provider, error) {
	return func(key, baseURL string, client *http.Client) (tts.Provider, error) {
		a := &acme{key: key, base: baseURL, fault: fault, client: *client}
		if fault != faultRedirect {
			a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		}
		if fault == faultHasty {
			a.client.Timeout = time.Second
		}
		return tts.Provider{
			Name: "acme", Do: a.speak, Check: a.check, Supports: a.supports, SideEffect: fault == faultEffect,
		}, nil
	}
}

func (a *acme) supports(req tts.Request) bool {
	return a.fault == faultWindow || req.Format.Allows(tts.PCM(16000))
}

func (a *acme) speak(ctx context.Context, req tts.Request) (*tts.Audio, error) {
	if a.fault != faultEager {
		if err := req.Validate(); err != nil {
			return nil, tts.Invalid(err)
		}
		if !req.Format.Allows(tts.PCM(16000)) {
			return nil, tts.Unsupported("Format", "%v is not ours", req.Format)
		}
	}
	if a.fault == faultDeaf {
		ctx = context.WithoutCancel(ctx)
	}
	resp, err := a.call(ctx, http.MethodPost, "/speak", req.Text)
	if a.fault == faultRetry && err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp.Body.Close()
		resp, err = a.call(ctx, http.MethodPost, "/speak", req.Text)
	}
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, a.refusal(resp)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.fault == faultGullible:
		return &tts.Audio{Data: data, Format: req.Format, Duration: 1, Provider: "acme", Characters: 1}, nil
	case err != nil:
		return nil, &failover.Error{Class: failover.ClassIncomplete, Err: err}
	case len(data) == 8<<20, resp.Header.Get("Content-Type") != "audio/pcm":
		return nil, &failover.Error{Class: failover.ClassIncomplete}
	}
	audio, err := tts.NewAudio(req.Format, data)
	if err == nil && a.fault != faultBlank {
		audio.Provider, audio.Characters = "acme", len(req.Text)
	}
	return audio, err
}

func (a *acme) check(ctx context.Context) error {
	method, path := http.MethodGet, "/ping"
	if a.fault == faultPaid {
		method, path = http.MethodPost, "/speak"
	}
	resp, err := a.call(ctx, method, path, "")
	if err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return a.refusal(resp)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case a.fault == faultProbe, a.fault == faultPaid:
		return nil
	case err != nil || !json.Valid(body):
		return &failover.Error{Class: failover.ClassIncomplete, Status: http.StatusOK, Err: err}
	}
	return nil
}

func (a *acme) call(ctx context.Context, method, path, text string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, errors.New("acme: bad request")
	}
	req.Header.Set("X-Key", a.key)
	resp, err := a.client.Do(req)
	switch {
	case err == nil:
		return resp, nil
	case a.fault == faultPrint:
		return nil, err
	case a.fault == faultPrintKey:
		return nil, fmt.Errorf("acme with %s: %w", a.key, errors.Unwrap(err))
	}
	e := failover.Classify(err)
	if ended := ctx.Err(); ended != nil {
		return nil, fmt.Errorf("acme: %w", ended)
	}
	return nil, e
}

func (a *acme) refusal(resp *http.Response) error {
	if a.fault == faultLeak {
		return failover.HTTPError(resp)
	}
	defer resp.Body.Close()
	limit := int64(4 << 10)
	if a.fault == faultBound {
		limit = 1 << 30
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, limit))
	e := failover.HTTPError(resp)
	var said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said)
	e.Message = said.Message
	if said.Code == "no_credit" {
		e.Code, e.Class = said.Code, failover.ClassExhausted
	}
	switch a.fault {
	case faultClassless:
		return errors.New("acme: refused")
	case faultMessage:
		return fmt.Errorf("acme: %d: %s: %w", resp.StatusCode, body, e)
	case faultHint:
		e.RetryAfter = 0
	case faultCode:
		e.Code, e.Class = "", failover.ClassOfStatus(e.Status)
	}
	return e
}
