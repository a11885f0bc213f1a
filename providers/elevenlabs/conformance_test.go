package elevenlabs_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/tts"
)

const canary = providertest.Canary

// now is the envelope of today's API, legacy that of the one before.
func now(kind, code string) string {
	return `{"detail":{"type":"` + kind + `","code":"` + code + `","message":"` + canary + `","status":"` + code +
		`","request_id":"req_1","param":null}}`
}

func legacy(code string) string {
	return `{"detail":{"status":"` + code + `","message":"` + canary + `"}}`
}

var refusals = []providertest.Refusal{
	// Money. The first arrives with the status of a refused key.
	{Name: "quota exceeded", Status: 401, Body: now("authentication_error", "quota_exceeded"), Want: failover.ClassExhausted, Code: "quota_exceeded", Message: canary, RequestID: "req_1"},
	{Name: "quota exceeded, legacy", Status: 401, Body: legacy("quota_exceeded"), Want: failover.ClassExhausted, Code: "quota_exceeded", Message: canary},
	{Name: "no credits", Status: 402, Body: now("payment_required", "insufficient_credits"), Want: failover.ClassExhausted, Code: "insufficient_credits"},
	{Name: "payment of a new kind", Status: 400, Body: now("payment_required", "something_new"), Want: failover.ClassExhausted, Code: "payment_required"},

	// Keys.
	{Name: "bad key", Status: 401, Body: now("authentication_error", "invalid_api_key"), Want: failover.ClassUnauthorized, Code: "invalid_api_key"},
	{Name: "bad key, legacy", Status: 401, Body: legacy("invalid_api_key"), Want: failover.ClassUnauthorized, Code: "invalid_api_key"},
	{Name: "bad key under 400", Status: 400, Body: legacy("invalid_api_key"), Want: failover.ClassUnauthorized, Code: "invalid_api_key"},
	{Name: "no key", Status: 401, Body: legacy("needs_authorization"), Want: failover.ClassUnauthorized, Code: "needs_authorization"},
	{Name: "suspended", Status: 401, Body: legacy("detected_unusual_activity"), Want: failover.ClassUnauthorized, Code: "detected_unusual_activity"},
	{Name: "restricted key", Status: 401, Body: legacy("missing_permissions"), Want: failover.ClassUnsupported, Code: "missing_permissions"},

	// Limits.
	{Name: "rate limit", Status: 429, Body: now("rate_limit_error", "rate_limit_exceeded"), Header: http.Header{"Retry-After": {"3"}}, Want: failover.ClassRateLimited, Code: "rate_limit_exceeded", RetryAfter: 3 * time.Second},
	{Name: "concurrency", Status: 429, Body: now("rate_limit_error", "concurrent_limit_exceeded"), Want: failover.ClassRateLimited, Code: "concurrent_limit_exceeded"},
	{Name: "concurrency, legacy", Status: 429, Body: legacy("too_many_concurrent_requests"), Want: failover.ClassRateLimited, Code: "too_many_concurrent_requests"},
	{Name: "busy", Status: 429, Body: legacy("system_busy"), Want: failover.ClassRateLimited, Code: "system_busy"},
	{Name: "limit of a new kind under 400", Status: 400, Body: now("rate_limit_error", "something_new"), Want: failover.ClassRateLimited, Code: "rate_limit_error"},

	// What this account or model does not do.
	{Name: "voice", Status: 404, Body: now("not_found", "voice_not_found"), Want: failover.ClassUnsupported, Code: "voice_not_found"},
	{Name: "voice under 400", Status: 400, Body: legacy("voice_not_found"), Want: failover.ClassUnsupported, Code: "voice_not_found"},
	{Name: "model", Status: 400, Body: legacy("model_not_found"), Want: failover.ClassUnsupported, Code: "model_not_found"},
	{Name: "language", Status: 400, Body: legacy("unsupported_language"), Want: failover.ClassUnsupported, Code: "unsupported_language"},
	{Name: "text too long", Status: 400, Body: legacy("max_character_limit_exceeded"), Want: failover.ClassUnsupported, Code: "max_character_limit_exceeded"},
	{Name: "format not in plan", Status: 403, Body: legacy("output_format_not_allowed"), Want: failover.ClassUnsupported, Code: "output_format_not_allowed"},
	{Name: "voice not in plan", Status: 402, Body: now("payment_required", "paid_plan_required"), Want: failover.ClassUnsupported, Code: "paid_plan_required"},

	// What nobody should say.
	{Name: "policy", Status: 400, Body: legacy("content_against_policy"), Want: failover.ClassFiltered, Code: "content_against_policy"},

	// The request.
	{Name: "validation", Status: 422, Body: `{"detail":[{"loc":["body","text"],"msg":"` + canary + `","type":"value_error.missing"}]}`, Want: failover.ClassInvalid, Code: "value_error.missing", Message: canary},
	{Name: "unknown code", Status: 400, Body: legacy("something_new"), Want: failover.ClassInvalid, Code: "something_new"},
	{Name: "text", Status: 404, Body: `{"detail":"` + canary + `"}`, Want: failover.ClassUnsupported, Message: canary},
	{Name: "empty list", Status: 422, Body: `{"detail":[]}`, Want: failover.ClassInvalid},
	{Name: "code in capitals", Status: 401, Body: legacy("QUOTA_EXCEEDED"), Want: failover.ClassExhausted, Code: "QUOTA_EXCEEDED"},

	// The service.
	{Name: "server error", Status: 500, Body: now("internal_error", "internal_server_error"), Want: failover.ClassTransient, Code: "internal_server_error"},
	{Name: "unavailable", Status: 503, Body: `{"detail":"` + canary + `"}`, Header: http.Header{"Retry-After": {"30"}}, Want: failover.ClassTransient, RetryAfter: 30 * time.Second},
	{Name: "gateway", Status: 502, Body: "<html>" + canary, Header: http.Header{"Content-Type": {"text/html"}}, Want: failover.ClassTransient},
	{Name: "text from a gateway", Status: 502, Body: canary, Header: http.Header{"Content-Type": {"text/plain"}}, Want: failover.ClassTransient, Message: canary},
	{Name: "request id in the header", Status: 500, Body: "", Header: http.Header{"Request-Id": {"hdr_1"}}, Want: failover.ClassTransient, RequestID: "hdr_1"},

	// An error under a good status.
	{Name: "error as success", Status: 200, Body: legacy("quota_exceeded"), Want: failover.ClassExhausted, Code: "quota_exceeded"},
	{Name: "unknown error as success", Status: 200, Body: legacy("something_new"), Want: failover.ClassIncomplete, Code: "something_new"},
}

// newClient is how the suites make a client.
func newClient(key, baseURL string, client *http.Client, opts ...elevenlabs.Option) (*elevenlabs.Client, error) {
	return elevenlabs.New(key, append([]elevenlabs.Option{
		elevenlabs.WithBaseURL(baseURL),
		elevenlabs.WithHTTPClient(client),
		elevenlabs.WithVoices(tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}),
		elevenlabs.WithTTSModels(tts.Models{"fast": "eleven_flash_v2_5", "english": "eleven_flash_v2"}),
	}, opts...)...)
}

var unsupported = []tts.Request{
	{Voice: "guest", Format: tts.MuLaw(8000)},
	{Format: tts.MuLaw(8000)},
	{Voice: "deepgram:aura-2-thalia-en", Format: tts.MuLaw(8000)},
	{Voice: "elevenlabs:../user", Format: tts.MuLaw(8000)},
	{Voice: "host", Model: "slow", Format: tts.MuLaw(8000)},
	{Voice: "host", Model: "english", Language: "de", Format: tts.MuLaw(8000)},
	{Voice: "host", Speed: 1.5, Format: tts.MuLaw(8000)},
	{Voice: "host", Format: tts.WAV(11025)},
	{Voice: "host", Format: tts.MP3(44100, 320000)},
	{Voice: "host", Format: tts.MuLaw(16000)},
	{Voice: "host", Format: tts.Format{Encoding: tts.EncodingWAV, Channels: 2}},
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
		Vendor:  vendorsim.ElevenLabsVendor(providertest.Key).Handler,
		Request: tts.Request{Voice: "host", Format: tts.MP3(44100, 128000)},
		Formats: []tts.Format{
			tts.MP3(0, 0), tts.MP3(22050, 32000), tts.MP3(24000, 0), tts.WAV(0), tts.WAV(16000), tts.PCM(8000), tts.PCM(44100),
			tts.MuLaw(8000), tts.ALaw(8000), tts.Opus(0), tts.Opus(64000),
			{Encoding: tts.EncodingMP3, Channels: 1},
			{Encoding: tts.EncodingPCM, SampleRate: 16000},
		},
		Unsupported: unsupported,
		Refusals:    refusals,
	})
}

// events are errors inside an answer that began as a success.
var events = []providertest.Refusal{
	{Name: "quota", Body: now("authentication_error", "quota_exceeded"), Want: failover.ClassExhausted, Code: "quota_exceeded"},
	{Name: "busy", Body: legacy("system_busy"), Want: failover.ClassRateLimited, Code: "system_busy"},
	{Name: "policy", Body: legacy("content_against_policy"), Want: failover.ClassFiltered, Code: "content_against_policy"},
	{Name: "unknown", Body: now("internal_error", "generation_failed"), Want: failover.ClassIncomplete, Code: "generation_failed"},
	{Name: "on many lines", Body: "{\n  \"detail\": {\n    \"status\": \"system_busy\"\n  }\n}\n", Want: failover.ClassRateLimited, Code: "system_busy"},
}

func streamConformance(t *testing.T, suite providertest.TTSStream, opts ...elevenlabs.Option) {
	t.Helper()
	suite.New = func(key, baseURL string, client *http.Client) (tts.StreamProvider, error) {
		c, err := newClient(key, baseURL, client, opts...)
		if err != nil {
			return tts.StreamProvider{}, err
		}
		return c.TTSStream(), nil
	}
	suite.Vendor = vendorsim.ElevenLabsVendor(providertest.Key).Handler
	suite.Request = tts.Request{Voice: "host", Format: tts.MP3(44100, 128000)}
	suite.Formats = []tts.Format{
		tts.MP3(0, 0), tts.MP3(22050, 32000), tts.PCM(8000), tts.PCM(44100), tts.MuLaw(8000), tts.ALaw(8000), tts.Opus(0),
		{Encoding: tts.EncodingPCM, SampleRate: 16000},
	}
	suite.Unsupported = append([]tts.Request{{Voice: "host", Format: tts.WAV(24000)}, {Voice: "host", Format: tts.WAV(0)}}, unsupported...)
	suite.Refusals, suite.Events = refusals, events
	providertest.TestTTSStream(t, suite)
}

func TestStreamConformance(t *testing.T) {
	t.Parallel()
	streamConformance(t, providertest.TTSStream{})
}

func TestTimedStreamConformance(t *testing.T) {
	t.Parallel()
	streamConformance(t, providertest.TTSStream{
		Aligned: true,
		Audio: func(body []byte) []byte {
			var all []byte
			for d := json.NewDecoder(bytes.NewReader(body)); ; {
				var object struct {
					Audio []byte `json:"audio_base64"`
				}
				if d.Decode(&object) != nil {
					return all
				}
				all = append(all, object.Audio...)
			}
		},
	}, elevenlabs.WithTimestamps())
}
