package vendorsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

func TestOpenAISpeaks(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	say := func(t *testing.T, path, rest string) (http.Header, []byte) {
		t.Helper()
		status, header, body := ask(t, s, http.MethodPost, path, "Authorization", "Bearer "+key, `{"input":"`+text50+`",`+rest+`}`)
		require.Equal(t, 200, status, "%s", body)
		assert.NotEmpty(t, header.Get("X-Request-Id"))
		return header, body
	}
	for _, c := range []struct{ format, kind, contentType string }{
		{"", "mp3", "audio/mpeg"},
		{`,"response_format":"mp3"`, "mp3", "audio/mpeg"},
		{`,"response_format":"wav"`, "wav", "audio/wav"},
		{`,"response_format":"pcm"`, "pcm", "audio/pcm"},
		{`,"response_format":"opus"`, "opus", "audio/opus"},
	} {
		t.Run(c.format, func(t *testing.T) {
			for _, voice := range []string{`"model":"tts-1","voice":"onyx"`, `"model":"gpt-4o-mini-tts","voice":{"id":"voice_1"}`} {
				header, body := say(t, "/v1/audio/speech", voice+c.format)
				assert.Equal(t, c.contentType, header.Get("Content-Type"))
				info := read(t, c.kind, 24000, body)
				if c.kind != "opus" {
					assert.Equal(t, 24000, info.SampleRate)
				}
				assert.Equal(t, 1, info.Channels)
				assert.InDelta(t, spoken, info.Duration, float64(60*time.Millisecond))
			}
		})
	}
	_, body := say(t, "/v1/audio/speech", `"model":"tts-1","voice":"nova","response_format":"wav"`)
	assert.Equal(t, "RIFF\xff\xff\xff\xffWAVE", string(body[:12]), "of a length that was not known")
	assert.Equal(t, "data\xff\xff\xff\xff", string(body[36:44]))

	for model, want := range map[string]time.Duration{"tts-1": 2 * spoken, "gpt-4o-mini-tts": spoken} { // which does not heed it
		_, body := say(t, "/v1/audio/speech", `"model":"`+model+`","voice":"nova","response_format":"pcm","speed":0.5`)
		assert.Equal(t, want, read(t, "pcm", 24000, body).Duration, model)
	}
	_, body = say(t, "/elsewhere/audio/speech", `"model":"orpheus","voice":"tara","response_format":"pcm","speed":2`)
	assert.Equal(t, spoken/2, read(t, "pcm", 24000, body).Duration, "a compatible server")
}

func TestOpenAISpeaksInEvents(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	status, header, body := ask(t, s, http.MethodPost, "/v1/audio/speech", "Authorization", "Bearer "+key,
		`{"input":"`+text50+`","model":"gpt-4o-mini-tts","voice":"marin","response_format":"wav","stream_format":"sse"}`)
	require.Equal(t, 200, status, "%s", body)
	assert.Equal(t, "text/event-stream; charset=utf-8", header.Get("Content-Type"))
	var audio []byte
	var types []string
	for line := range strings.Lines(string(body)) {
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var event struct {
			Type  string         `json:"type"`
			Audio []byte         `json:"audio"`
			Usage map[string]int `json:"usage"`
		}
		require.NoError(t, json.Unmarshal([]byte(data), &event))
		audio, types = append(audio, event.Audio...), append(types, event.Type)
		if event.Usage != nil {
			assert.Equal(t, 13, event.Usage["input_tokens"])
			assert.Equal(t, event.Usage["total_tokens"], event.Usage["input_tokens"]+event.Usage["output_tokens"])
		}
	}
	assert.Equal(t, spoken, read(t, "wav", 24000, audio).Duration)
	assert.Equal(t, "speech.audio.delta", types[0])
	assert.Equal(t, "speech.audio.done", types[len(types)-1])
}

func TestOpenAIRefusesToSpeak(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	good := `"model":"gpt-4o-mini-tts","voice":"alloy"`
	for name, c := range map[string]struct {
		method, path, body string
		status             int
		says               string
	}{
		"no JSON":           {body: `{"input"`, status: 400, says: "could not parse"},
		"no model":          {body: `{"input":"a","voice":"alloy"}`, status: 400, says: "('body', 'model')"},
		"unknown model":     {body: `{"input":"a","voice":"alloy","model":"gpt-5"}`, status: 404, says: "model_not_found"},
		"no input":          {body: `{` + good + `}`, status: 400, says: "('body', 'input')"},
		"empty input":       {body: `{"input":"",` + good + `}`, status: 400, says: "string_too_short"},
		"long input":        {body: `{"input":"` + strings.Repeat("x", 4097) + `",` + good + `}`, status: 400, says: "at most 4096 characters"},
		"many tokens":       {body: `{"input":"` + strings.Repeat("語", 2001) + `",` + good + `}`, status: 400, says: "Input of 2001 tokens"},
		"no voice":          {body: `{"input":"a","model":"tts-1"}`, status: 400, says: "('body', 'voice')"},
		"unknown voice":     {body: `{"input":"a","model":"gpt-4o-mini-tts","voice":"siri"}`, status: 400, says: "'alloy', 'ash'"},
		"newer voice":       {body: `{"input":"a","model":"tts-1-hd","voice":"marin"}`, status: 400, says: "'shimmer'\\\""},
		"own voice":         {body: `{"input":"a","model":"tts-1","voice":{"id":"voice_1"}}`, status: 400, says: "unsupported_value"},
		"format":            {body: `{"input":"a","response_format":"mulaw",` + good + `}`, status: 400, says: "response_format"},
		"format not made":   {body: `{"input":"a","response_format":"flac",` + good + `}`, status: 400, says: "does not make flac"},
		"speed":             {body: `{"input":"a","speed":5,` + good + `}`, status: 400, says: "('body', 'speed')"},
		"stream format":     {body: `{"input":"a","stream_format":"raw",` + good + `}`, status: 400, says: "'sse' or 'audio'"},
		"events":            {body: `{"input":"a","stream_format":"sse","model":"tts-1","voice":"alloy"}`, status: 400, says: "not supported with this model"},
		"method":            {method: http.MethodGet, status: 405, says: "method_not_supported"},
		"unknown path":      {path: "/v1/audio/music", body: `{}`, status: 404, says: "Invalid URL"},
		"format of another": {path: "/other/audio/speech", body: `{"input":"a","model":"x","voice":"y","response_format":"gsm"}`, status: 400, says: "response_format"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.method == "" {
				c.method = http.MethodPost
			}
			if c.path == "" {
				c.path = "/v1/audio/speech"
			}
			status, _, body := ask(t, s, c.method, c.path, "Authorization", "Bearer "+key, c.body)
			assert.Equal(t, c.status, status)
			assert.Contains(t, string(body), c.says)
		})
	}
	status, _, body := ask(t, s, http.MethodGet, "/v1/models/gpt-4o-mini-tts", "Authorization", "Bearer "+key, "")
	assert.Equal(t, 200, status)
	assert.Contains(t, string(body), "gpt-4o-mini-tts")
	_, _, body = ask(t, s, http.MethodGet, "/v1/models", "Authorization", "Bearer "+key, "")
	assert.Contains(t, string(body), "tts-1-hd")
}
