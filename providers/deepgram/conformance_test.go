package deepgram_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/tts"
)

const canary = providertest.Canary

// older and newer are the two envelopes.
func older(code string) string {
	return `{"err_code":"` + code + `","err_msg":"` + canary + `","request_id":"req-1"}`
}

func newer(category string) string {
	return `{"category":"` + category + `","message":"` + canary + `","details":"` + canary + `","request_id":"req-1"}`
}

var refusals = []providertest.Refusal{
	{Name: "bad key", Status: 401, Body: older("INVALID_AUTH"), Want: failover.ClassUnauthorized, Code: "INVALID_AUTH", Message: canary, RequestID: "req-1"},
	{Name: "bad key, newer", Status: 401, Body: newer("INVALID_AUTH"), Want: failover.ClassUnauthorized, Code: "INVALID_AUTH", Message: canary, RequestID: "req-1"},
	{Name: "restricted key", Status: 401, Body: older("INSUFFICIENT_PERMISSIONS"), Want: failover.ClassUnsupported, Code: "INSUFFICIENT_PERMISSIONS"},
	{Name: "model not in plan", Status: 403, Body: older("INSUFFICIENT_PERMISSIONS"), Want: failover.ClassUnsupported, Code: "INSUFFICIENT_PERMISSIONS"},
	{Name: "no credit", Status: 402, Body: older("ASR_PAYMENT_REQUIRED"), Want: failover.ClassExhausted, Code: "ASR_PAYMENT_REQUIRED"},
	{Name: "no credit under 400", Status: 400, Body: newer("INSUFFICIENT_CREDITS"), Want: failover.ClassExhausted, Code: "INSUFFICIENT_CREDITS"},
	{Name: "too many requests", Status: 429, Body: older("TOO_MANY_REQUESTS"), Header: http.Header{"Retry-After": {"2"}}, Want: failover.ClassRateLimited, Code: "TOO_MANY_REQUESTS", RetryAfter: 2 * time.Second},
	{Name: "no project", Status: 404, Body: newer("PROJECT_NOT_FOUND"), Want: failover.ClassUnsupported, Code: "PROJECT_NOT_FOUND"},
	{Name: "text too long", Status: 413, Body: older("PAYLOAD_TOO_LARGE"), Want: failover.ClassUnsupported, Code: "PAYLOAD_TOO_LARGE"},
	{Name: "format", Status: 400, Body: older("UNSUPPORTED_AUDIO_FORMAT"), Want: failover.ClassUnsupported, Code: "UNSUPPORTED_AUDIO_FORMAT"},
	{Name: "format in small letters", Status: 400, Body: older("unsupported_audio_format"), Want: failover.ClassUnsupported, Code: "unsupported_audio_format"},
	{Name: "bad JSON", Status: 400, Body: newer("INVALID_JSON"), Want: failover.ClassInvalid, Code: "INVALID_JSON"},
	{Name: "bad request without a code", Status: 400, Body: older("Bad Request"), Want: failover.ClassInvalid, Code: "Bad Request", Message: canary},
	{Name: "content type", Status: 415, Body: older("UNSUPPORTED_MEDIA_TYPE"), Want: failover.ClassInvalid, Code: "UNSUPPORTED_MEDIA_TYPE"},
	{Name: "unprocessable", Status: 422, Body: newer("UNPROCESSABLE_ENTITY"), Want: failover.ClassInvalid, Code: "UNPROCESSABLE_ENTITY"},
	{Name: "server error", Status: 500, Body: older("INTERNAL_SERVER_ERROR"), Want: failover.ClassTransient, Code: "INTERNAL_SERVER_ERROR"},
	{Name: "unavailable", Status: 503, Body: newer("SERVICE_UNAVAILABLE"), Want: failover.ClassTransient, Code: "SERVICE_UNAVAILABLE"},
	{Name: "gateway timeout", Status: 504, Body: "<html>" + canary, Want: failover.ClassTimeout},
	{Name: "JSON text", Status: 400, Body: `"` + canary + `"`, Want: failover.ClassInvalid, Message: canary},
	{Name: "plain text", Status: 400, Body: canary, Want: failover.ClassInvalid, Message: canary},
	{Name: "request id in the header", Status: 500, Header: http.Header{"Dg-Request-Id": {"hdr-1"}}, Body: older("X"), Want: failover.ClassTransient, Code: "X", RequestID: "hdr-1"},
	{Name: "error as success", Status: 200, Body: older("ASR_PAYMENT_REQUIRED"), Want: failover.ClassExhausted, Code: "ASR_PAYMENT_REQUIRED"},
	{Name: "unknown error as success", Status: 200, Body: newer("NEW"), Want: failover.ClassIncomplete, Code: "NEW"},
}

// newClient is how the suites make a client.
func newClient(key, baseURL string, client *http.Client) (*deepgram.Client, error) {
	return deepgram.New(key,
		deepgram.WithBaseURL(baseURL),
		deepgram.WithHTTPClient(client),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en", "anfitriona": "aura-2-celeste-es", "old": "aura-asteria-en"}),
		deepgram.WithTTSModels(tts.Models{"best": "aura-2"}),
	)
}

var formats = []tts.Format{
	tts.WAV(0), tts.WAV(8000), tts.PCM(8000), tts.PCM(48000), tts.MuLaw(8000), tts.ALaw(16000),
	tts.MP3(0, 0), tts.MP3(22050, 32000), tts.Opus(0), tts.Opus(64000),
	{Encoding: tts.EncodingPCM, SampleRate: 16000},
}

var unsupported = []tts.Request{
	{Voice: "guest", Format: tts.WAV(24000)},
	{Voice: "elevenlabs:21m00Tcm4TlvDq8ikWAM", Format: tts.WAV(24000)},
	{Voice: "host", Model: "slow", Format: tts.WAV(24000)},
	{Voice: "old", Model: "best", Format: tts.WAV(24000)},
	{Voice: "host", Language: "es-MX", Format: tts.WAV(24000)},
	{Voice: "anfitriona", Language: "en", Format: tts.WAV(24000)},
	{Voice: "host", Speed: 2, Format: tts.WAV(24000)},
	{Voice: "host", Format: tts.MP3(44100, 128000)},
	{Voice: "host", Format: tts.PCM(44100)},
	{Voice: "host", Format: tts.Format{Encoding: tts.EncodingPCM, SampleRate: 16000, Channels: 2}},
}

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.TestTTS(t, providertest.TTS{
		New: func(key, baseURL string, client *http.Client) (tts.Provider, error) {
			c, err := newClient(key, baseURL, client)
			if err != nil {
				return tts.Provider{}, err
			}
			return c.TTS(), nil
		},
		Vendor:      vendorsim.DeepgramVendor(providertest.Key).Handler,
		Request:     tts.Request{Voice: "host", Format: tts.WAV(24000)},
		Formats:     formats,
		Unsupported: unsupported,
		Refusals:    refusals,
	})
}

func TestStreamConformance(t *testing.T) {
	t.Parallel()
	providertest.TestTTSStream(t, providertest.TTSStream{
		New: func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
			c, err := newClient(key, baseURL, client)
			if err != nil {
				return tts.StreamProvider{}, err
			}
			return c.TTSStream(), nil
		},
		Vendor:      vendorsim.DeepgramVendor(providertest.Key).Handler,
		Request:     tts.Request{Voice: "host", Format: tts.PCM(24000)},
		Formats:     append([]tts.Format{tts.WAV(24000)}, formats...),
		Unsupported: unsupported,
		Refusals:    refusals,
		// Errors inside an answer that began as a success.
		Events: []providertest.Refusal{
			{Name: "money", Body: older("ASR_PAYMENT_REQUIRED"), Want: failover.ClassExhausted, Code: "ASR_PAYMENT_REQUIRED"},
			{Name: "rate", Body: newer("TOO_MANY_REQUESTS"), Want: failover.ClassRateLimited, Code: "TOO_MANY_REQUESTS"},
			{Name: "unknown", Body: newer("GENERATION_FAILED"), Want: failover.ClassIncomplete, Code: "GENERATION_FAILED"},
		},
	})
}
