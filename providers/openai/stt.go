package openai

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/shared/constant"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/stt"
)

// The models that listen when a request to OpenAI names none and the table has
// no row "". OpenAI has announced that the latter two end on 2027-02-26, and no
// others that tell as much.
const (
	// DefaultSTTModel listens to most requests.
	DefaultSTTModel = "gpt-transcribe"
	// DefaultWordsModel listens to requests with Words.
	DefaultWordsModel = "whisper-1"
	// DefaultDiarizeModel listens to requests with Diarize.
	DefaultDiarizeModel = "gpt-4o-transcribe-diarize"
)

// What OpenAI takes.
const (
	maxUpload = 25 << 20
	minPlayed = 100 * time.Millisecond
)

// takenKinds are the files that OpenAI takes, by their extensions.
var takenKinds = map[string]bool{".flac": true, ".mp3": true, ".m4a": true, ".ogg": true, ".wav": true, ".webm": true}

// STT is the account's speech to text: POST /audio/transcriptions. It takes
// FLAC, MP3, MP4, Ogg, WAV and WebM files and headerless audio, of 25 MB at
// most, and no URLs but those that may be fetched here; it always punctuates.
// What else a request may ask for its model decides. Check is that of
// [Client.TTS]. Every call returns a new value, whose fields can be set.
//
// Confidence is the geometric mean of the probabilities of the text's tokens,
// where the model tells them: whisper-1, gpt-4o-transcribe and
// gpt-4o-mini-transcribe do.
func (c *Client) STT() stt.Provider {
	return stt.Provider{Name: c.name, Account: c.account, Do: c.transcribe, Check: c.check, Supports: c.hears}
}

// hears is the Supports of the provider. It leaves alone what is wrong with the
// request itself: Do says that better.
func (c *Client) hears(req stt.Request) bool {
	_, err := c.recording(req)
	return failover.ClassOf(err) != failover.ClassUnsupported
}

// transcribe writes audio down.
func (c *Client) transcribe(ctx context.Context, req stt.Request) (*stt.Transcript, error) {
	params, err := c.recording(req)
	if err != nil {
		return nil, err
	}
	audio, err := req.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer audio.Close()
	if err := c.refuseFile(audio.Size, audio.Extension); err != nil {
		return nil, err
	}
	body, meta, err := c.send(ctx, params, audio)
	if err != nil {
		return nil, err
	}
	heard, rounded, ok := readTranscript(body)
	if !ok {
		return nil, spoiled(meta, body, errNoTranscript)
	}
	heard.Provider, heard.Model, heard.RequestID = c.name, params.Model, requestID(meta, "")
	if heard.Language == "" {
		heard.Language = req.Language
	}
	whole, err := stt.NewTranscript(req, heard)
	if err != nil {
		return nil, httpcall.Answered(&http.Response{StatusCode: meta.Status(), Header: meta.Header()}, err)
	}
	if played := req.PlayingTime(); rounded && played > 0 {
		whole.Duration = played
	}
	return whole, nil
}

// send sends the audio and gives what was answered.
func (c *Client) send(ctx context.Context, params sdk.AudioTranscriptionNewParams, audio *stt.Audio) ([]byte, *sdkcall.Meta, error) {
	form, err := newUpload(params, audio)
	if err != nil {
		return nil, nil, err
	}
	var body []byte
	opts := slices.Concat(c.calls, form.options(), []option.RequestOption{option.WithResponseBodyInto(&body)})
	seen, meta := sdkcall.With(ctx)
	_, err = c.hearing.New(seen, sdk.AudioTranscriptionNewParams{}, opts...)
	if fault := form.fault(); err != nil && fault != nil && ctx.Err() == nil {
		return nil, nil, fault
	}
	return body, meta, audioOutcome(ctx, meta, err)
}

// recording is a request for a transcript in the vendor's words, but for the
// audio; or why this vendor cannot serve it.
func (c *Client) recording(req stt.Request) (sdk.AudioTranscriptionNewParams, error) {
	var params sdk.AudioTranscriptionNewParams
	if err := req.Validate(); err != nil {
		return params, stt.Invalid(err)
	}
	model, why := c.lookup(req.Model, usualEar(req), c.sttModels.ID)
	if why != "" {
		return params, stt.Unsupported("Model", "%s", why)
	}
	ear := earOf(model, c.vendor)
	if err := ear.refuse(req, model); err != nil {
		return params, err
	}
	if err := c.refuseAudio(req); err != nil {
		return params, err
	}
	params.Model, params.ResponseFormat = model, ear.format
	if err := c.setLanguage(&params, ear, req.Language); err != nil {
		return params, err
	}
	ear.setKeywords(&params, req.Keywords)
	if ear.probabilities {
		params.Include = []sdk.TranscriptionInclude{sdk.TranscriptionIncludeLogprobs}
	}
	if ear.speakers {
		// Without it all that is longer than half a minute is refused.
		params.ChunkingStrategy = sdk.AudioTranscriptionNewParamsChunkingStrategyUnion{OfAuto: constant.ValueOf[constant.Auto]()}
	}
	if req.Words {
		params.TimestampGranularities = []string{"word", "segment"}
	}
	return params, nil
}

// usualEar is the model that tells what a request asks for.
func usualEar(req stt.Request) string {
	switch {
	case req.Words:
		return DefaultWordsModel
	case req.Diarize:
		return DefaultDiarizeModel
	default:
		return DefaultSTTModel
	}
}

// refuseAudio is what can be said against the audio before it is opened.
func (c *Client) refuseAudio(req stt.Request) error {
	if !req.Audio.Opens() {
		return stt.Unsupported("Audio", "is a URL, which %s does not take", c.name)
	}
	if size, extension, ok := req.Peek(); ok {
		if err := c.refuseFile(size, extension); err != nil {
			return err
		}
	}
	if played := req.PlayingTime(); c.vendor == Vendor && played > 0 && played < minPlayed {
		return stt.Unsupported("Audio", "plays %v, and %s wants %v", played, c.name, minPlayed)
	}
	return nil
}

// refuseFile is what OpenAI refuses of files. Other vendors are asked.
func (c *Client) refuseFile(size int64, extension string) error {
	switch {
	case c.vendor != Vendor:
		return nil
	case size > maxUpload:
		return stt.Unsupported("Audio", "has %d bytes, and %s takes %d", size, c.name, maxUpload)
	case !takenKinds[extension]:
		return stt.Unsupported("Audio", "is no kind of file that %s takes", c.name)
	}
	return nil
}

// setLanguage asks for a language.
func (c *Client) setLanguage(params *sdk.AudioTranscriptionNewParams, e ear, tag string) error {
	if tag == "" {
		return nil
	}
	code, _, _ := strings.Cut(strings.ToLower(tag), "-")
	if c.vendor == Vendor {
		if code = languageCode(tag); code == "" || hasScript(tag) {
			return stt.Unsupported("Language", "%.40s is not written down by %.40s", tag, params.Model)
		}
	}
	if e.languages {
		params.Languages = []string{code}
	} else {
		params.Language = sdk.String(code)
	}
	return nil
}

// hasScript says whether a tag names a script, as zh-Hant does: it cannot be
// asked for.
func hasScript(tag string) bool {
	parts := strings.Split(tag, "-")
	return len(parts) > 1 && len(parts[1]) == 4 && !strings.ContainsAny(parts[1], "0123456789")
}
