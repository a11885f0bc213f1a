package vendorsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/audio"
	"github.com/gofailover/failover/internal/vendorsim"
)

// ask sends one request with the vendor's key header.
func ask(t *testing.T, s *vendorsim.Server, method, path, header, value, body string) (int, http.Header, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	if header != "" {
		req.Header.Set(header, value)
	}
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, got
}

// A text of 50 characters takes three seconds to say.
const (
	text50 = "0123456789 123456789 123456789 123456789 123456789"
	spoken = 3 * time.Second
)

// read checks that body is audio of the kind, whole, and says how long it is.
func read(t *testing.T, kind string, rate int, body []byte) audio.Info {
	t.Helper()
	var info audio.Info
	var err error
	switch kind {
	case "mp3":
		info, err = audio.MP3(body)
	case "wav":
		info, err = audio.WAV(body)
	case "opus":
		info, err = audio.OggOpus(body)
	case "pcm":
		info, err = audio.Raw(body, rate, 1, 16)
	default:
		info, err = audio.Raw(body, rate, 1, 8)
	}
	require.NoError(t, err)
	return info
}

func TestElevenLabsSpeaks(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	for _, c := range []struct {
		format, kind string
		rate         int
	}{
		{"", "mp3", 44100},
		{"mp3_44100_192", "mp3", 44100},
		{"mp3_24000_48", "mp3", 24000},
		{"mp3_22050_32", "mp3", 22050},
		{"wav_24000", "wav", 24000},
		{"pcm_16000", "pcm", 16000},
		{"ulaw_8000", "mulaw", 8000},
		{"alaw_8000", "alaw", 8000},
		{"opus_48000_64", "opus", 48000},
	} {
		t.Run(c.format, func(t *testing.T) {
			path := "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[1]
			if c.format != "" {
				path += "?output_format=" + c.format
			}
			status, header, body := ask(t, s, http.MethodPost, path, "Xi-Api-Key", key, `{"text":"`+text50+`"}`)
			require.Equal(t, 200, status, "%s", body)
			info := read(t, c.kind, c.rate, body)
			assert.Equal(t, c.rate, info.SampleRate)
			assert.Equal(t, 1, info.Channels)
			assert.InDelta(t, spoken, info.Duration, float64(60*time.Millisecond))
			assert.Equal(t, "50", header.Get("Character-Cost"))
			assert.NotEmpty(t, header.Get("Request-Id"))
		})
	}
}

func TestElevenLabsRefuses(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	voice := "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[0]
	for name, c := range map[string]struct {
		method, path, key, body string
		status                  int
		code                    string
	}{
		"wrong key":       {path: voice, key: "other", body: `{"text":"a"}`, status: 401, code: "invalid_api_key"},
		"no key":          {path: voice, body: `{"text":"a"}`, status: 401, code: "needs_authorization"},
		"unknown voice":   {path: "/v1/text-to-speech/nobody", key: key, body: `{"text":"a"}`, status: 404, code: "voice_not_found"},
		"unknown model":   {path: voice, key: key, body: `{"text":"a","model_id":"x"}`, status: 400, code: "model_not_found"},
		"language":        {path: voice, key: key, body: `{"text":"a","language_code":"en"}`, status: 400, code: "unsupported_language"},
		"no text":         {path: voice, key: key, body: `{}`, status: 422, code: "missing"},
		"empty text":      {path: voice, key: key, body: `{"text":" "}`, status: 400, code: "input_text_empty"},
		"long text":       {path: voice, key: key, body: `{"text":"` + strings.Repeat("x", 10001) + `"}`, status: 400, code: "max_character_limit_exceeded"},
		"no JSON":         {path: voice, key: key, body: `{"text"`, status: 422, code: "json_invalid"},
		"unknown format":  {path: voice + "?output_format=mp3_1_1", key: key, body: `{"text":"a"}`, status: 422, code: "enum"},
		"speed":           {path: voice, key: key, body: `{"text":"a","voice_settings":{"speed":2}}`, status: 400, code: "invalid_voice_settings"},
		"unknown path":    {path: "/v1/other", key: key, body: `{}`, status: 404, code: "Not Found"},
		"unknown account": {method: http.MethodGet, path: "/v1/user", key: "other", status: 401, code: "invalid_api_key"},
	} {
		t.Run(name, func(t *testing.T) {
			method := c.method
			if method == "" {
				method = http.MethodPost
			}
			header := "Xi-Api-Key"
			if c.key == "" {
				header = ""
			}
			status, _, body := ask(t, s, method, c.path, header, c.key, c.body)
			assert.Equal(t, c.status, status)
			assert.Contains(t, string(body), c.code)
		})
	}
	status, _, body := ask(t, s, http.MethodGet, "/v1/user", "Xi-Api-Key", key, "")
	assert.Equal(t, 200, status)
	assert.Contains(t, string(body), "subscription")
}

func TestDeepgramSpeaks(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	for _, c := range []struct {
		query, kind string
		rate        int
	}{
		{"", "mp3", 22050},
		{"encoding=mp3&bit_rate=32000", "mp3", 22050},
		{"encoding=linear16", "wav", 24000},
		{"encoding=linear16&container=none&sample_rate=16000", "pcm", 16000},
		{"encoding=mulaw&container=none&sample_rate=8000", "mulaw", 8000},
		{"encoding=alaw&container=none&sample_rate=16000", "alaw", 16000},
		{"encoding=opus&container=ogg&bit_rate=64000", "opus", 48000},
	} {
		t.Run(c.query, func(t *testing.T) {
			status, header, body := ask(t, s, http.MethodPost, "/v1/speak?model=aura-2-thalia-en&"+c.query, "Authorization", "Token "+key, `{"text":"`+text50+`"}`)
			require.Equal(t, 200, status, "%s", body)
			info := read(t, c.kind, c.rate, body)
			assert.Equal(t, c.rate, info.SampleRate)
			assert.InDelta(t, spoken, info.Duration, float64(60*time.Millisecond))
			assert.Equal(t, "50", header.Get("Dg-Char-Count"))
			assert.Equal(t, "aura-2-thalia-en", header.Get("Dg-Model-Name"))
			assert.NotEmpty(t, header.Get("Dg-Request-Id"))
		})
	}
	_, _, slow := ask(t, s, http.MethodPost, "/v1/speak?encoding=linear16&speed=0.75", "Authorization", "Token "+key, `{"text":"`+text50+`"}`)
	assert.Equal(t, 4*time.Second, read(t, "wav", 24000, slow).Duration)
}

func TestDeepgramRefuses(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	for name, c := range map[string]struct {
		path, key, body string
		status          int
		code            string
	}{
		"wrong key":       {path: "/v1/speak", key: "Token other", body: `{"text":"a"}`, status: 401, code: "INVALID_AUTH"},
		"wrong scheme":    {path: "/v1/speak", key: "Basic " + key, body: `{"text":"a"}`, status: 401, code: "INVALID_AUTH"},
		"unknown model":   {path: "/v1/speak?model=siri", body: `{"text":"a"}`, status: 400, code: "Bad Request"},
		"no text":         {path: "/v1/speak", body: `{}`, status: 400, code: "INVALID_JSON"},
		"empty text":      {path: "/v1/speak", body: `{"text":" "}`, status: 400, code: "Bad Request"},
		"long text":       {path: "/v1/speak", body: `{"text":"` + strings.Repeat("x", 2001) + `"}`, status: 413, code: "PAYLOAD_TOO_LARGE"},
		"rate of mp3":     {path: "/v1/speak?encoding=mp3&sample_rate=24000", body: `{"text":"a"}`, status: 400, code: "UNSUPPORTED_AUDIO_FORMAT"},
		"bit rate of pcm": {path: "/v1/speak?encoding=linear16&bit_rate=48000", body: `{"text":"a"}`, status: 400, code: "UNSUPPORTED_AUDIO_FORMAT"},
		"container":       {path: "/v1/speak?encoding=opus&container=wav", body: `{"text":"a"}`, status: 400, code: "UNSUPPORTED_AUDIO_FORMAT"},
		"speed":           {path: "/v1/speak?speed=9", body: `{"text":"a"}`, status: 400, code: "INVALID_QUERY_PARAMETER"},
		"unknown path":    {path: "/v2/speak", body: `{}`, status: 404, code: "PROJECT_NOT_FOUND"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.key == "" {
				c.key = "Token " + key
			}
			status, _, body := ask(t, s, http.MethodPost, c.path, "Authorization", c.key, c.body)
			assert.Equal(t, c.status, status)
			assert.Contains(t, string(body), c.code)
		})
	}
	status, _, body := ask(t, s, http.MethodGet, "/v1/projects", "Authorization", "Token "+key, "")
	assert.Equal(t, 200, status)
	assert.True(t, json.Valid(body))
}
