package elevenlabs

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/speech"
	"github.com/gofailover/failover/providers/tts"
)

// DefaultTTSModel speaks when a request names no model and the table has no
// row "". It is the API's own default.
const DefaultTTSModel = "eleven_multilingual_v2"

// The speeds that voice_settings.speed takes.
const (
	minSpeed = 0.7
	maxSpeed = 1.2
)

// ttsFormat is a value of output_format.
type ttsFormat struct {
	param  string
	format tts.Format
}

// ttsFormats are the values of output_format. A request that leaves rates open
// gets the first that fits.
var ttsFormats = []ttsFormat{
	{"mp3_44100_128", mono(tts.MP3(44100, 128000))},
	{"mp3_44100_192", mono(tts.MP3(44100, 192000))},
	{"mp3_44100_96", mono(tts.MP3(44100, 96000))},
	{"mp3_44100_64", mono(tts.MP3(44100, 64000))},
	{"mp3_44100_32", mono(tts.MP3(44100, 32000))},
	{"mp3_24000_48", mono(tts.MP3(24000, 48000))},
	{"mp3_22050_32", mono(tts.MP3(22050, 32000))},
	{"wav_24000", mono(tts.WAV(24000))},
	{"wav_8000", mono(tts.WAV(8000))},
	{"wav_16000", mono(tts.WAV(16000))},
	{"wav_22050", mono(tts.WAV(22050))},
	{"wav_32000", mono(tts.WAV(32000))},
	{"wav_44100", mono(tts.WAV(44100))},
	{"wav_48000", mono(tts.WAV(48000))},
	{"pcm_8000", tts.PCM(8000)},
	{"pcm_16000", tts.PCM(16000)},
	{"pcm_22050", tts.PCM(22050)},
	{"pcm_24000", tts.PCM(24000)},
	{"pcm_32000", tts.PCM(32000)},
	{"pcm_44100", tts.PCM(44100)},
	{"pcm_48000", tts.PCM(48000)},
	{"ulaw_8000", tts.MuLaw(8000)},
	{"alaw_8000", tts.ALaw(8000)},
	{"opus_48000_64", mono(tts.Opus(64000))},
	{"opus_48000_32", mono(tts.Opus(32000))},
	{"opus_48000_96", mono(tts.Opus(96000))},
	{"opus_48000_128", mono(tts.Opus(128000))},
	{"opus_48000_192", mono(tts.Opus(192000))},
}

func mono(f tts.Format) tts.Format {
	f.Channels = 1
	return f
}

// TTS is the account's text to speech: POST /v1/text-to-speech/{voice}. Its
// Check is a GET of /v1/user, which is free; it proves that the service
// answers and knows the key, not that credit is left. Every call returns a new
// value, whose fields can be set.
func (c *Client) TTS() tts.Provider {
	s := c.speaker("", ttsFormats)
	return tts.Provider{Name: c.name, Account: c.account, Do: s.Synthesize, Check: c.check, Supports: s.Supports}
}

// speaker is one of the operations: variant is what follows the voice in its
// path.
func (c *Client) speaker(variant string, formats []ttsFormat) *speech.Speaker {
	return &speech.Speaker{
		Name: c.name, Client: c.calls, ReadError: readError,
		RequestID: "Request-Id", Characters: "Character-Cost",
		Plan: func(req tts.Request) (speech.Plan, error) { return c.plan(req, variant, formats) },
	}
}

type speechBody struct {
	Text          string         `json:"text"`
	ModelID       string         `json:"model_id"`
	LanguageCode  string         `json:"language_code,omitzero"`
	VoiceSettings *voiceSettings `json:"voice_settings,omitempty"`
}

type voiceSettings struct {
	Stability       *float64 `json:"stability,omitempty"`
	SimilarityBoost *float64 `json:"similarity_boost,omitempty"`
	Style           *float64 `json:"style,omitempty"`
	UseSpeakerBoost *bool    `json:"use_speaker_boost,omitempty"`
	Speed           float64  `json:"speed,omitzero"`
}

// plan translates a request, or says why this vendor cannot serve it.
func (c *Client) plan(req tts.Request, variant string, formats []ttsFormat) (speech.Plan, error) {
	if err := req.Validate(); err != nil {
		return speech.Plan{}, tts.Invalid(err)
	}
	voice, ok := c.voices.ID(Vendor, req.Voice)
	if !ok || !isID(voice) {
		return speech.Plan{}, tts.Unsupported("Voice", "%.40q has no id at %s", req.Voice, c.name)
	}
	model, ok := c.models.ID(Vendor, req.Model)
	if !ok {
		return speech.Plan{}, tts.Unsupported("Model", "%.40q has no id at %s", req.Model, c.name)
	}
	if model == "" {
		model = DefaultTTSModel
	}
	if rate := req.Rate(); rate < minSpeed || rate > maxSpeed {
		return speech.Plan{}, tts.Unsupported("Speed", "%v is outside %v to %v", rate, minSpeed, maxSpeed)
	}
	code, ok := languageCode(model, req.Language)
	if !ok {
		return speech.Plan{}, tts.Unsupported("Language", "%s is not spoken by model %.40q", req.Language, model)
	}
	for _, f := range formats {
		if req.Format.Allows(f.format) {
			return speech.Plan{
				Path:  "/v1/text-to-speech/" + voice + variant,
				Query: url.Values{"output_format": {f.param}},
				Body:  speechBody{Text: req.Text, ModelID: model, LanguageCode: code, VoiceSettings: c.voiceSettings(req)},
				Model: model, Voice: voice,
			}, nil
		}
	}
	return speech.Plan{}, tts.Unsupported("Format", "%v is not delivered by %s", req.Format, c.name)
}

// isID keeps a voice id one segment of a path.
func isID(voice string) bool {
	return voice != "" && httpcall.Token(voice) == voice
}

// Models that refuse a language_code: they find the language out by
// themselves, or know English only.
var (
	detectingModels = map[string]bool{"eleven_multilingual_v1": true, "eleven_multilingual_v2": true}
	englishModels   = map[string]bool{"eleven_monolingual_v1": true, "eleven_turbo_v2": true, "eleven_flash_v2": true}
)

// languageCode is what to send to model for a BCP 47 tag, an ISO 639-1 code
// because the API knows no regions; false if the model does not speak it.
func languageCode(model, tag string) (string, bool) {
	switch {
	case tag == "" || detectingModels[model]:
		return "", true
	case englishModels[model]:
		return "", tts.SameLanguage(tag, "en")
	}
	code, _, _ := strings.Cut(tag, "-")
	return strings.ToLower(code), true
}

func (c *Client) voiceSettings(req tts.Request) *voiceSettings {
	rate := req.Rate()
	if c.settings == (VoiceSettings{}) && rate == 1 {
		return nil
	}
	s := &voiceSettings{
		Stability:       c.settings.Stability,
		SimilarityBoost: c.settings.SimilarityBoost,
		Style:           c.settings.Style,
		UseSpeakerBoost: c.settings.SpeakerBoost,
	}
	if rate != 1 {
		s.Speed = rate
	}
	return s
}

// check asks for the account. A key that is restricted to speech may not, but
// the refusal comes from a service that knows it.
func (c *Client) check(ctx context.Context) error {
	err := c.calls.Probe(ctx, httpcall.Request{Method: http.MethodGet, Path: "/v1/user"}, readError)
	if e, ok := errors.AsType[*failover.Error](err); ok && strings.EqualFold(e.Code, codeMissingPermissions) {
		return nil
	}
	return err
}
