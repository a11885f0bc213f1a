package openai_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/tts"
)

// worded is OpenAI's envelope with another message than the canary.
func worded(message, kind, code string) string {
	body, err := json.Marshal(map[string]any{"error": map[string]any{"message": message, "type": kind, "param": nil, "code": code}})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// audioRefusals are what only the endpoints for audio say.
var audioRefusals = []providertest.Refusal{
	{Name: "tokens of a text", Status: 400, Body: worded("Input of 2132 tokens is over the maximum input limit of 2000 tokens. Please shorten your input.", "invalid_request_error", "invalid_value"), Want: failover.ClassUnsupported, Code: "invalid_value"},
	{Name: "seconds of a recording", Status: 400, Body: worded("audio duration 1830.5 seconds is longer than 1400 seconds which is the maximum for this model", "invalid_request_error", "invalid_value"), Want: failover.ClassUnsupported, Code: "invalid_value"},
	{Name: "characters of a text", Status: 400, Body: worded("[{'type': 'string_too_long', 'loc': ('body', 'input'), 'msg': 'String should have at most 4096 characters'}]", "invalid_request_error", ""), Want: failover.ClassUnsupported, Code: "invalid_request_error"},
	{Name: "characters of a text at FastAPI", Status: 422, Body: `{"detail":"string_too_long"}`, Want: failover.ClassUnsupported},
	{Name: "size of a recording", Status: 413, Body: worded("Maximum content size limit (26214400) exceeded (26251900 bytes read)", "server_error", ""), Want: failover.ClassUnsupported, Code: "server_error"},
	{Name: "container of a recording", Status: 400, Body: said("invalid_request_error", "unsupported_format"), Want: failover.ClassUnsupported, Code: "unsupported_format"},
	{Name: "language of a recording", Status: 400, Body: said("invalid_request_error", "invalid_language_format"), Want: failover.ClassUnsupported, Code: "invalid_language_format"},
	{Name: "format of an answer", Status: 400, Body: worded("response_format 'verbose_json' is not compatible with model 'gpt-4o-transcribe'.", "invalid_request_error", "unsupported_value"), Want: failover.ClassUnsupported, Code: "unsupported_value"},
	{Name: "a recording of nothing", Status: 400, Body: said("invalid_request_error", "audio_too_short"), Want: failover.ClassInvalid, Code: "audio_too_short"},
	{Name: "a spoilt recording", Status: 400, Body: worded("Audio file might be corrupted or unsupported", "invalid_request_error", "invalid_value"), Want: failover.ClassInvalid, Code: "invalid_value"},
	{Name: "a voice that is none", Status: 400, Body: worded("[{'type': 'enum', 'loc': ('body', 'voice')}]", "invalid_request_error", ""), Want: failover.ClassInvalid, Code: "invalid_request_error"},
	{Name: "a known code whatever the message", Status: 400, Body: worded("string_too_long", "invalid_request_error", "something_new"), Want: failover.ClassInvalid, Code: "something_new"},
	{Name: "money under a good status", Status: 200, Body: said("insufficient_quota", "insufficient_quota"), Want: failover.ClassExhausted, Code: "insufficient_quota"},
	{Name: "something new under a good status", Status: 200, Body: said("some_error", "something_new"), Want: failover.ClassIncomplete, Code: "something_new"},
}

func speechRefusals() []providertest.Refusal { return slices.Concat(refusals, audioRefusals) }

var (
	voices    = tts.Voices{"host": "marin", "guest": "onyx"}
	ttsModels = tts.Models{"old": "tts-1", "fine": "tts-1-hd", "new": "gpt-4o-mini-tts-2025-12-15"}
)

// spoken are the formats that OpenAI makes, said in different ways.
var spoken = []tts.Format{
	tts.WAV(0), tts.PCM(24000), tts.MP3(0, 0), tts.MP3(24000, 0), tts.Opus(0),
	{Encoding: tts.EncodingPCM, SampleRate: 24000},
	{Encoding: tts.EncodingWAV, Channels: 1},
}

var unspoken = []tts.Request{
	{Voice: "nobody", Format: tts.WAV(24000)},
	{Voice: "elevenlabs:21m00Tcm4TlvDq8ikWAM", Format: tts.WAV(24000)},
	{Model: "slow", Format: tts.WAV(24000)},
	{Model: "old", Voice: "host", Format: tts.WAV(24000)},
	{Model: "old", Voice: "openai:voice_1234", Format: tts.WAV(24000)},
	{Voice: "host", Speed: 1.2, Format: tts.WAV(24000)},
	{Model: "new", Speed: 0.5, Format: tts.WAV(24000)},
	{Language: "eo", Format: tts.WAV(24000)},
	{Format: tts.WAV(16000)},
	{Format: tts.PCM(8000)},
	{Format: tts.MuLaw(8000)},
	{Format: tts.ALaw(8000)},
	{Format: tts.MP3(44100, 128000)},
	{Format: tts.MP3(24000, 128000)},
	{Format: tts.Opus(64000)},
	{Format: tts.Format{Encoding: tts.EncodingWAV, Channels: 2}},
}

// newSpeaker is how the suites make a client.
func newSpeaker(key, baseURL string, client *http.Client, opts ...openai.Option) (*openai.Client, error) {
	base := []openai.Option{
		openai.WithBaseURL(baseURL + "/v1"), openai.WithHTTPClient(client), openai.WithVoices(voices), openai.WithTTSModels(ttsModels),
	}
	return openai.New(key, append(base, opts...)...)
}

func TestTTSConformance(t *testing.T) {
	t.Parallel()
	providertest.TestTTS(t, providertest.TTS{
		New: func(key, baseURL string, client *http.Client) (tts.Provider, error) {
			c, err := newSpeaker(key, baseURL, client)
			if err != nil {
				return tts.Provider{}, err
			}
			return c.TTS(), nil
		},
		Vendor:      vendorsim.OpenAIVendor(providertest.Key).Handler,
		Request:     tts.Request{Voice: "host", Format: tts.WAV(24000)},
		Formats:     spoken,
		Unsupported: unspoken,
		Refusals:    speechRefusals(),
	})
}

// The models that send events.
func TestTTSStreamConformance(t *testing.T) {
	t.Parallel()
	providertest.TestTTSStream(t, providertest.TTSStream{
		New: func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
			c, err := newSpeaker(key, baseURL, client)
			if err != nil {
				return tts.StreamProvider{}, err
			}
			return c.TTSStream(), nil
		},
		Vendor:      vendorsim.OpenAIVendor(providertest.Key).Handler,
		Audio:       audioOfEvents,
		Request:     tts.Request{Voice: "host", Format: tts.PCM(24000)},
		Formats:     append([]tts.Format{tts.WAV(24000)}, spoken...),
		Unsupported: unspoken,
		Refusals:    speechRefusals(),
		Events:      eventsOf(inSpeech),
	})
}

// inSpeech are errors inside a stream of speech.
var inSpeech = []providertest.Refusal{
	{Name: "money", Body: said("insufficient_quota", "insufficient_quota"), Want: failover.ClassExhausted, Code: "insufficient_quota"},
	{Name: "rate", Body: said("requests", "rate_limit_exceeded"), Want: failover.ClassRateLimited, Code: "rate_limit_exceeded"},
	{Name: "overload", Body: said("service_unavailable_error", "server_is_overloaded"), Want: failover.ClassTransient, Code: "server_is_overloaded"},
	{Name: "unknown", Body: said("new_error", "something_new"), Want: failover.ClassIncomplete, Code: "something_new"},
}

// The older models, which send audio and nothing else.
func TestTTSStreamConformanceOfAudio(t *testing.T) {
	t.Parallel()
	providertest.TestTTSStream(t, providertest.TTSStream{
		New: func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
			c, err := newSpeaker(key, baseURL, client)
			if err != nil {
				return tts.StreamProvider{}, err
			}
			return c.TTSStream(), nil
		},
		Vendor:      vendorsim.OpenAIVendor(providertest.Key).Handler,
		Request:     tts.Request{Model: "old", Voice: "guest", Format: tts.PCM(24000)},
		Formats:     append([]tts.Format{tts.WAV(24000)}, spoken...),
		Unsupported: unspoken,
		Refusals:    speechRefusals(),
		Events: []providertest.Refusal{
			{Name: "money", Body: said("insufficient_quota", "insufficient_quota"), Want: failover.ClassExhausted, Code: "insufficient_quota"},
			{Name: "unknown", Body: said("new_error", "something_new"), Want: failover.ClassIncomplete, Code: "something_new"},
		},
	})
}

// A compatible server under another name.
func TestTTSConformanceOfAnotherVendor(t *testing.T) {
	t.Parallel()
	dial := func(key, baseURL string, client *http.Client) (*openai.Client, error) {
		return newSpeaker(key, baseURL+"/compatible", client, openai.WithVendor("acme"),
			openai.WithVoices(tts.Voices{"": "tara"}), openai.WithTTSModels(tts.Models{"": "acme-voice"}),
			openai.WithTTSFormats(tts.WAV(24000), tts.PCM(24000), tts.MP3(0, 0), tts.Opus(0)))
	}
	unsupported := []tts.Request{
		{Voice: "nobody", Format: tts.WAV(24000)}, {Model: "openai:tts-1", Format: tts.WAV(24000)}, {Format: tts.PCM(8000)}, {Format: tts.WAV(48000)},
	}
	providertest.TestTTS(t, providertest.TTS{
		New: func(key, baseURL string, client *http.Client) (tts.Provider, error) {
			c, err := dial(key, baseURL, client)
			if err != nil {
				return tts.Provider{}, err
			}
			return c.TTS(), nil
		},
		Vendor: vendorsim.OpenAIVendor(providertest.Key).Handler, Request: tts.Request{Format: tts.WAV(24000)},
		Formats: spoken, Unsupported: unsupported, Refusals: speechRefusals(),
	})
	providertest.TestTTSStream(t, providertest.TTSStream{
		New: func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
			c, err := dial(key, baseURL, client)
			if err != nil {
				return tts.StreamProvider{}, err
			}
			return c.TTSStream(), nil
		},
		Vendor: vendorsim.OpenAIVendor(providertest.Key).Handler, Request: tts.Request{Format: tts.PCM(24000)},
		Formats: spoken, Unsupported: unsupported, Refusals: speechRefusals(),
	})
}

// audioOfEvents is the audio in a stream of events.
func audioOfEvents(body []byte) []byte {
	var all []byte
	for line := range strings.Lines(string(body)) {
		var event struct {
			Audio []byte `json:"audio"`
		}
		if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &event) == nil {
			all = append(all, event.Audio...)
		}
	}
	return all
}
