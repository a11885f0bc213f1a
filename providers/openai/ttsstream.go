package openai

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"
	"mime"
	"net/http"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/tts"
)

// TTSStream is the account's text to speech as a stream. It delivers the
// formats of [Client.TTS]; a WAV file says in its header that its length is not
// known. Check is the same. Every call returns a new value, whose fields can be
// set.
//
// OpenAI's models from gpt-4o-mini-tts on send events, of which the last one
// says that the speech is whole. Older models and other vendors send audio and
// nothing else: of MP3, WAV and PCM that end in good order between two samples
// or frames nobody can tell that it is not all.
func (c *Client) TTSStream() tts.StreamProvider {
	p := tts.WrapStream(c.name, c.speechStream)
	p.Account, p.Check, p.Supports = c.account, c.check, c.speaks
	p.Continue = tts.ContinueWhere(c.speaks)
	return p
}

// speechStream gives audio as it comes.
func (c *Client) speechStream(caller context.Context, req tts.Request) failover.Stream[tts.Chunk] {
	return func(yield func(tts.Chunk, error) bool) {
		u, err := c.utterance(req)
		if err != nil {
			yield(tts.Chunk{}, err)
			return
		}
		if c.vendor == Vendor && !isOldSpeaker(u.params.Model) {
			u.params.StreamFormat = sdk.AudioSpeechNewParamsStreamFormatSSE
		}
		ctx, cancel := context.WithCancel(caller)
		defer cancel()
		resp, meta, err := c.speak(ctx, u.params)
		if err != nil {
			yield(tts.Chunk{}, err)
			return
		}
		pieces := audioPieces(resp)
		if isEvents(resp) {
			pieces = (&speechReader{resp: resp, meta: meta, caller: caller, cancel: cancel}).pieces
		}
		for chunk, err := range tts.Chunks(req, pieces, func() tts.Summary { return c.spoken(req, u, resp) }) {
			if !yield(chunk, httpcall.Answered(resp, err)) {
				return
			}
		}
	}
}

func isEvents(resp *http.Response) bool {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	return media == "text/event-stream"
}

// audioPieces are a body that is audio.
func audioPieces(resp *http.Response) iter.Seq2[tts.Piece, error] {
	return func(yield func(tts.Piece, error) bool) {
		for data, err := range httpcall.Pieces(resp, readError) {
			if !yield(tts.Piece{Data: data}, err) {
				return
			}
		}
	}
}

// speechReader reads the events of a stream.
type speechReader struct {
	resp   *http.Response
	meta   *sdkcall.Meta
	caller context.Context //nolint:containedctx // of the stream
	cancel func()          // ends the reading

	whole bool // the vendor said that it was all
}

// speechEvent is an event of a stream, or an error in place of one.
type speechEvent struct {
	Type  string          `json:"type"`
	Audio []byte          `json:"audio"`
	Error json.RawMessage `json:"error"`
}

const (
	errBadEvent = answerError("the stream has an event that cannot be read")
	errGoesOn   = answerError("the stream goes on behind its end")
)

// pieces are the audio of the events. They come to their end where the body
// does, so that the connection can be used again, but once the vendor said that
// it was all, no later than tail.
func (r *speechReader) pieces(yield func(tts.Piece, error) bool) {
	events := ssestream.NewDecoder(r.resp)
	defer events.Close()
	for r.next(events) {
		data, err := r.read(events.Event())
		if err != nil {
			yield(tts.Piece{}, err)
			return
		}
		if len(data) > 0 && !yield(tts.Piece{Data: data}, nil) {
			return
		}
	}
	if err := r.end(events.Err()); err != nil {
		yield(tts.Piece{}, err)
	}
}

// next waits for an event. What the consumer does between events is not
// counted.
func (r *speechReader) next(events ssestream.Decoder) bool {
	if r.whole {
		defer time.AfterFunc(tail, r.cancel).Stop()
	}
	return events.Next()
}

// read is the audio of an event, if it has any. Events of other kinds are
// passed over.
func (r *speechReader) read(event ssestream.Event) ([]byte, error) {
	if bytes.HasPrefix(event.Data, []byte("[DONE]")) {
		r.whole = true // of those who translate for others
		return nil, nil
	}
	var e speechEvent
	err := json.Unmarshal(event.Data, &e) // what could be read counts
	kind := cmp.Or(e.Type, event.Type)
	switch {
	case kind == "error", len(e.Error) > 0 && string(e.Error) != "null":
		return nil, within(r.meta, event.Data)
	case err != nil:
		return nil, incomplete(r.meta, errBadEvent)
	case kind == "speech.audio.done":
		r.whole = true
	case kind == "speech.audio.delta" && r.whole:
		return nil, incomplete(r.meta, errGoesOn)
	case kind == "speech.audio.delta":
		return e.Audio, nil
	}
	return nil, nil
}

// end is the error of a stream that ended too early. Whatever happened after the
// vendor said that it was done, it was done.
func (r *speechReader) end(err error) error {
	switch {
	case r.whole:
		return nil
	case r.caller.Err() != nil:
		return r.caller.Err()
	case err != nil:
		return failed(r.meta, err)
	}
	return incomplete(r.meta, errUnfinished)
}
