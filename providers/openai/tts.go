package openai

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	sdk "github.com/openai/openai-go/v3"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/tts"
)

const (
	// DefaultTTSModel speaks when a request to OpenAI names no model and the
	// table has no row "". OpenAI has announced that this endpoint's models end
	// on 2027-01-06, and names no others for it.
	DefaultTTSModel = "gpt-4o-mini-tts"
	// DefaultVoice speaks when a request to OpenAI names no voice and the table
	// has no row "". All of OpenAI's models have it.
	DefaultVoice = "alloy"
)

// maxSpoken is how many characters OpenAI speaks at a time. Its newer models
// also have a limit of 2000 tokens, which only they can count.
const maxSpoken = 4096

// audioFormat is the protocol's name of what can be asked for; empty if it has
// none.
func audioFormat(e tts.Encoding) sdk.AudioSpeechNewParamsResponseFormat {
	switch e {
	case tts.EncodingMP3:
		return sdk.AudioSpeechNewParamsResponseFormatMP3
	case tts.EncodingWAV:
		return sdk.AudioSpeechNewParamsResponseFormatWAV
	case tts.EncodingOpus:
		return sdk.AudioSpeechNewParamsResponseFormatOpus
	case tts.EncodingPCM:
		return sdk.AudioSpeechNewParamsResponseFormatPCM
	default:
		return ""
	}
}

var (
	// openAIFormats are what OpenAI makes; nothing of it can be chosen.
	openAIFormats = []tts.Format{mono(tts.MP3(24000, 0)), mono(tts.WAV(24000)), mono(tts.Opus(0)), tts.PCM(24000)}
	// otherFormats are what tells itself what it is.
	otherFormats = []tts.Format{tts.MP3(0, 0), tts.WAV(0), tts.Opus(0)}
)

func mono(f tts.Format) tts.Format {
	f.Channels = 1
	return f
}

// newerVoices are the voices that the models before gpt-4o-mini-tts lack.
var newerVoices = []string{"ballad", "cedar", "marin", "verse"}

// ownVoice begins the ids of voices that are made from recordings.
const ownVoice = "voice_"

// TTS is the account's text to speech: POST /audio/speech. Its Check lists the
// models, which is free of charge and proves key and reachability. Every call
// returns a new value, whose fields can be set.
func (c *Client) TTS() tts.Provider {
	return tts.Provider{Name: c.name, Account: c.account, Do: c.synthesize, Check: c.check, Supports: c.speaks}
}

// speaks is the Supports of a provider. It leaves alone what is wrong with the
// request itself: Do says that better.
func (c *Client) speaks(req tts.Request) bool {
	_, err := c.utterance(req)
	return failover.ClassOf(err) != failover.ClassUnsupported
}

// synthesize gives whole audio.
func (c *Client) synthesize(ctx context.Context, req tts.Request) (*tts.Audio, error) {
	u, err := c.utterance(req)
	if err != nil {
		return nil, err
	}
	resp, _, err := c.speak(ctx, u.params)
	if err != nil {
		return nil, err
	}
	data, err := httpcall.ReadAudio(resp, readError)
	if err != nil {
		return nil, err
	}
	audio, err := tts.NewAudio(req.Format, data)
	if err != nil {
		return nil, httpcall.Answered(resp, err)
	}
	s := c.spoken(req, u, resp)
	audio.Provider, audio.Model, audio.Voice, audio.RequestID, audio.Characters = s.Provider, s.Model, s.Voice, s.RequestID, s.Characters
	return audio, nil
}

// speak asks for speech. The answer's body is open where there is no error.
func (c *Client) speak(ctx context.Context, params sdk.AudioSpeechNewParams) (*http.Response, *sdkcall.Meta, error) {
	seen, meta := sdkcall.With(ctx)
	resp, err := c.speech.New(seen, params, c.calls...)
	if err := audioOutcome(ctx, meta, err); err != nil {
		if resp != nil {
			_ = resp.Body.Close() // of a redirect
		}
		return nil, nil, err
	}
	return resp, meta, nil
}

// spoken is what is known of speech beside the audio. The vendor counts tokens,
// not characters.
func (c *Client) spoken(req tts.Request, u utterance, resp *http.Response) tts.Summary {
	return tts.Summary{
		Provider: c.name, Model: u.params.Model, Voice: u.voice,
		RequestID: failover.HTTPError(resp).RequestID, Characters: utf8.RuneCountInString(req.Text),
	}
}

// utterance is a request for speech in the vendor's words.
type utterance struct {
	params sdk.AudioSpeechNewParams
	voice  string
}

// utterance translates a request, or says why this vendor cannot serve it.
func (c *Client) utterance(req tts.Request) (utterance, error) {
	if err := req.Validate(); err != nil {
		return utterance{}, tts.Invalid(err)
	}
	model, why := c.lookup(req.Model, DefaultTTSModel, c.ttsModels.ID)
	if why != "" {
		return utterance{}, tts.Unsupported("Model", "%s", why)
	}
	voice, why := c.lookup(req.Voice, DefaultVoice, c.voices.ID)
	if why != "" {
		return utterance{}, tts.Unsupported("Voice", "%s", why)
	}
	if !c.makes(req.Format) {
		return utterance{}, tts.Unsupported("Format", "%v is not delivered by %s", req.Format, c.name)
	}
	if c.vendor == Vendor {
		if err := refuseSpeech(req, model, voice); err != nil {
			return utterance{}, err
		}
	}
	u := utterance{voice: voice, params: sdk.AudioSpeechNewParams{
		Model: model, Input: req.Text, Voice: c.voiceParam(voice), ResponseFormat: audioFormat(req.Format.Encoding),
	}}
	if rate := req.Rate(); rate != 1 {
		u.params.Speed = sdk.Float(rate)
	}
	return u, nil
}

// lookup finds the vendor's id for a name of a request, or says why there is
// none. usual is what OpenAI gets for no name.
func (c *Client) lookup(name, usual string, find func(vendor, name string) (string, bool)) (id, why string) {
	id, ok := find(c.vendor, name)
	switch {
	case !ok:
		return "", fmt.Sprintf("%.40q has no name at %s", name, c.name)
	case id != "":
		return id, ""
	case c.vendor != Vendor:
		return "", "is empty, and " + c.name + " has no usual one"
	}
	return usual, ""
}

// makes says whether a format is one that comes.
func (c *Client) makes(want tts.Format) bool {
	rows := c.ttsFormats
	switch {
	case rows != nil:
	case c.vendor == Vendor:
		rows = openAIFormats
	default:
		rows = otherFormats
	}
	return slices.ContainsFunc(rows, func(row tts.Format) bool {
		return row.Encoding == want.Encoding && agree(row.SampleRate, want.SampleRate) && agree(row.Channels, want.Channels) &&
			(want.BitRate == 0 || want.BitRate == row.BitRate)
	})
}

// agree says whether two numbers are the same, or one of them is left open.
func agree(a, b int) bool { return a == 0 || b == 0 || a == b }

// refuseSpeech is what OpenAI's models cannot do.
func refuseSpeech(req tts.Request, model, voice string) error {
	old := isOldSpeaker(model)
	switch {
	case utf8.RuneCountInString(req.Text) > maxSpoken:
		return tts.Unsupported("Text", "has more than %d characters", maxSpoken)
	case req.Language != "" && languageCode(req.Language) == "":
		return tts.Unsupported("Language", "%.40s is not spoken by %.40s", req.Language, model)
	case old && (slices.Contains(newerVoices, voice) || strings.HasPrefix(voice, ownVoice)):
		return tts.Unsupported("Voice", "%.40q is not one of %.40s", voice, model)
	// The vendor said so in its reference until the end of 2025, and has said
	// nothing since. The parameter is taken, and nothing tells what came of it.
	case req.Rate() != 1 && strings.HasPrefix(model, DefaultTTSModel):
		return tts.Unsupported("Speed", "%v is not heeded by %.40s", req.Rate(), model)
	}
	return nil
}

// isOldSpeaker says whether a model is of those before gpt-4o-mini-tts.
func isOldSpeaker(model string) bool { return model == "tts-1" || strings.HasPrefix(model, "tts-1-") }

func (c *Client) voiceParam(voice string) sdk.AudioSpeechNewParamsVoiceUnion {
	if c.vendor == Vendor && strings.HasPrefix(voice, ownVoice) {
		return sdk.AudioSpeechNewParamsVoiceUnion{OfAudioSpeechNewsVoiceID: &sdk.AudioSpeechNewParamsVoiceID{ID: voice}}
	}
	return sdk.AudioSpeechNewParamsVoiceUnion{OfString: sdk.String(voice)}
}
