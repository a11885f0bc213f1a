package providertest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/tts"
)

// More ways to get an adapter wrong, of those that stream.
const (
	faultReuse     = "reuses memory"
	faultCollect   = "reads all before it gives any"
	faultSilent    = "takes a broken body for the end"
	faultOpen      = "leaves the body open when it is left"
	faultAhead     = "asks before anybody listens"
	faultRepeat    = "asks again when the body breaks off"
	faultNoSummary = "ends without a summary"
	faultAfter     = "goes on after the end"
	faultEvent     = "takes an error inside for audio"
	faultDrop      = "drops a byte"
	faultOffset    = "forgets where its text begins"
	faultStart     = "cannot continue"
	faultTail      = "does not look at the end"
	faultDeafness  = "streams on when its context has ended"
)

func newAcmeStream(fault string) func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
	return func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
		whole, err := newAcme(fault)(key, baseURL, client)
		a := &acme{key: key, base: baseURL, fault: fault, client: *client}
		a.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		p := tts.WrapStream("acme", a.stream)
		p.Check, p.Supports = whole.Check, a.supports
		if fault == faultStart {
			p.Continue = func(tts.Request, []tts.Chunk) (tts.Request, bool) { return tts.Request{}, false }
		}
		return p, err
	}
}

func (a *acme) stream(ctx context.Context, req tts.Request) failover.Stream[tts.Chunk] {
	var resp *http.Response
	var err error
	if a.fault == faultAhead {
		resp, err = a.open(ctx, req)
	}
	return func(yield func(tts.Chunk, error) bool) {
		if resp == nil && err == nil {
			resp, err = a.open(ctx, req)
		}
		if err != nil {
			yield(tts.Chunk{}, err)
			return
		}
		if a.fault != faultOpen {
			defer resp.Body.Close()
		}
		if a.fault == faultOffset {
			req.Offset = 0
		}
		a.chunks(ctx, req, resp, yield)
	}
}

func (a *acme) chunks(ctx context.Context, req tts.Request, resp *http.Response, yield func(tts.Chunk, error) bool) {
	pieces := a.pieces(ctx, req, resp)
	if a.fault == faultReuse || a.fault == faultTail { // does without what Chunks does
		pass(req, pieces, yield)
		return
	}
	summary := func() tts.Summary { return tts.Summary{Provider: "acme", Characters: len(req.Text)} }
	for chunk, err := range tts.Chunks(req, pieces, summary) {
		if chunk.Summary != nil && a.fault == faultNoSummary {
			return
		}
		if !yield(chunk, err) {
			return
		}
		if chunk.Summary != nil && a.fault == faultAfter {
			yield(chunk, nil)
		}
	}
}

// pass gives out what comes as it comes.
func pass(req tts.Request, pieces iter.Seq2[tts.Piece, error], yield func(tts.Chunk, error) bool) {
	c := tts.Chunk{Format: req.Format, Offset: req.Offset}
	for piece, err := range pieces {
		if err != nil {
			yield(tts.Chunk{}, err)
			return
		}
		c.Data = piece.Data
		c.Played += tts.DefaultIdle
		if !yield(c, nil) {
			return
		}
	}
	if c.Played == 0 {
		yield(tts.Chunk{}, &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrEmpty})
		return
	}
	yield(tts.Chunk{Summary: &tts.Summary{Provider: "acme", Characters: 1, Duration: c.Played}}, nil)
}

// open sends the request.
func (a *acme) open(ctx context.Context, req tts.Request) (*http.Response, error) {
	if err := req.Validate(); err != nil {
		return nil, tts.Invalid(err)
	}
	if !req.Format.Allows(tts.PCM(16000)) {
		return nil, tts.Unsupported("Format", "%v is not ours", req.Format)
	}
	if a.fault == faultDeafness {
		ctx = context.WithoutCancel(ctx)
	}
	resp, err := a.call(ctx, http.MethodPost, "/speak", req.Text)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode >= http.StatusMultipleChoices:
		return nil, a.refusal(resp)
	case resp.Header.Get("Content-Type") != "audio/pcm":
		resp.Body.Close()
		return nil, &failover.Error{Class: failover.ClassIncomplete}
	}
	return resp, nil
}

// pieces are the body as it comes.
func (a *acme) pieces(ctx context.Context, req tts.Request, resp *http.Response) iter.Seq2[tts.Piece, error] {
	var source io.Reader = resp.Body
	var early error
	if a.fault == faultCollect {
		all, err := io.ReadAll(resp.Body)
		source, early = bytes.NewReader(all), err
	}
	return func(yield func(tts.Piece, error) bool) {
		buf, size := make([]byte, 512), 0
		for {
			n, err := source.Read(buf)
			size += n
			data := buf[:n]
			if a.fault != faultReuse {
				data = bytes.Clone(data)
			}
			if a.fault == faultDrop && size > 2048 {
				data, size = data[:max(0, n-2)], -1<<30
			}
			if early != nil && n == 0 {
				err = early
			}
			if size > 8<<20 {
				err = io.ErrShortBuffer
			}
			if fault := a.event(data); fault != nil {
				err = fault
			} else if n > 0 && !yield(tts.Piece{Data: data}, nil) {
				return
			}
			switch {
			case err == nil:
			case errors.Is(err, io.EOF), a.fault == faultSilent:
				return
			case a.fault == faultRepeat && ctx.Err() == nil:
				if again, err := a.open(ctx, req); err == nil {
					again.Body.Close()
				}
				fallthrough
			default:
				yield(tts.Piece{}, a.broken(ctx, err))
				return
			}
		}
	}
}

func (a *acme) broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("acme: %w", ctx.Err())
	}
	if e, ok := errors.AsType[*failover.Error](err); ok {
		return e
	}
	return &failover.Error{Class: failover.ClassIncomplete, Err: err}
}

// event reads an error inside the audio. Acme sends each in a piece of its own.
func (a *acme) event(data []byte) error {
	if a.fault == faultEvent {
		return nil
	}
	var said struct {
		Code string `json:"code"`
	}
	switch {
	case bytes.HasPrefix(data, []byte("<")):
		return &failover.Error{Class: failover.ClassIncomplete}
	case !bytes.HasPrefix(data, []byte("{")) || !json.Valid(data):
		return nil
	}
	_ = json.Unmarshal(data, &said) // other fields are not read
	switch {
	case said.Code == "no_credit":
		return &failover.Error{Class: failover.ClassExhausted, Code: said.Code}
	}
	return &failover.Error{Class: failover.ClassIncomplete, Code: said.Code}
}
