package vendorsim_test

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

// postForm posts a form with a file to OpenAI.
func postForm(t *testing.T, s *vendorsim.Server, path, name string, file []byte, fields ...string) (int, []byte) {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	if name != "" {
		part, err := w.CreateFormFile("file", name)
		require.NoError(t, err)
		_, err = part.Write(file)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+path, &body)
	require.NoError(t, err)
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer bytes.Buffer
	_, err = answer.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, answer.Bytes()
}

const openAIListen = "/v1/audio/transcriptions"

func TestOpenAIListens(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	file := vendorsim.SayWAV("Hello, you. [..] [#1] Yes?", 16000)
	for name, c := range map[string]struct {
		path   string
		fields []string
		want   string
	}{
		"gpt-transcribe": {
			fields: []string{"model", "gpt-transcribe", "languages[]", "en", "keywords[]", "AC-42", "prompt", "A call."},
			want:   `{"text":"Hello, you. Yes?","languages":[{"code":"en"}],"usage":{"type":"duration","seconds":3}}`,
		},
		"gpt-4o-transcribe": {
			fields: []string{"model", "gpt-4o-transcribe", "language", "en"},
			want: `{"text":"Hello, you. Yes?","usage":{"type":"tokens","input_tokens":22,"output_tokens":4,"total_tokens":26,` +
				`"input_token_details":{"text_tokens":0,"audio_tokens":22}}}`,
		},
		"whisper-1": {
			fields: []string{"model", "whisper-1"},
			want: `{"text":"Hello, you. Yes?","usage":{"type":"tokens","input_tokens":22,"output_tokens":4,"total_tokens":26,` +
				`"input_token_details":{"text_tokens":0,"audio_tokens":22}}}`,
		},
		"words": {
			fields: []string{"model", "whisper-1", "response_format", "verbose_json", "timestamp_granularities[]", "word"},
			want: `{"task":"transcribe","language":"english","duration":2.2,"text":"Hello, you. Yes?","usage":{"type":"duration","seconds":3},` +
				`"words":[{"word":"Hello","start":0,"end":0.36},{"word":"you","start":0.42,"end":0.66},{"word":"Yes","start":1.96,"end":2.2}]}`,
		},
		"speakers": {
			fields: []string{"model", "gpt-4o-transcribe-diarize", "response_format", "diarized_json", "chunking_strategy", "auto"},
			want: `{"task":"transcribe","duration":2.2,"text":"Hello, you. Yes?","usage":{"type":"tokens","input_tokens":22,"output_tokens":4,"total_tokens":26,` +
				`"input_token_details":{"text_tokens":0,"audio_tokens":22}},"segments":[` +
				`{"type":"transcript.text.segment","id":"seg_0","speaker":"A","start":0,"end":0.66,"text":" Hello, you."},` +
				`{"type":"transcript.text.segment","id":"seg_1","speaker":"B","start":1.96,"end":2.2,"text":" Yes?"}]}`,
		},
	} {
		status, body := postForm(t, s, openAIListen, "call.wav", file, c.fields...)
		require.Equal(t, 200, status, "%s: %s", name, body)
		assert.JSONEq(t, c.want, string(body), name)
	}

	// Segments, and the probabilities of tokens.
	_, body := postForm(t, s, openAIListen, "call.wav", file, "model", "whisper-1", "response_format", "verbose_json")
	var verbose struct {
		Words    []any `json:"words"`
		Segments []struct {
			Text       string  `json:"text"`
			AvgLogprob float64 `json:"avg_logprob"`
		} `json:"segments"`
	}
	require.NoError(t, json.Unmarshal(body, &verbose))
	assert.Empty(t, verbose.Words)
	require.Len(t, verbose.Segments, 2)
	assert.Equal(t, " Hello, you.", verbose.Segments[0].Text)
	assert.InDelta(t, -0.02, verbose.Segments[0].AvgLogprob, 0.02)

	_, body = postForm(t, s, openAIListen, "call.wav", file, "model", "gpt-4o-mini-transcribe", "include[]", "logprobs")
	assert.Contains(t, string(body), `{"bytes":[32,72,101`)
	assert.Contains(t, string(body), `"token":" you."`)

	// A compatible server has other models.
	status, body := postForm(t, s, "/other/audio/transcriptions", "call.wav", file, "model", "whisper-large-v3", "response_format", "verbose_json")
	assert.Equal(t, 200, status)
	assert.Contains(t, string(body), "Hello, you.")

	// Silence, and another language than was said.
	_, body = postForm(t, s, openAIListen, "a.wav", vendorsim.SayWAV("[..]", 8000), "model", "gpt-transcribe")
	assert.JSONEq(t, `{"text":"","languages":[],"usage":{"type":"duration","seconds":1}}`, string(body))
	_, body = postForm(t, s, openAIListen, "a.wav", file, "model", "gpt-4o-transcribe", "include[]", "logprobs", "language", "fr")
	assert.Contains(t, string(body), `"logprob":-1.1711`, "misheard")
}

func TestOpenAIRefusesToListen(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	defer s.Close()
	good := vendorsim.SayWAV("Hello.", 8000)
	for name, c := range map[string]struct {
		name   string // of the file; "-" for none
		file   []byte
		fields []string
		status int
		says   string
	}{
		"no model":         {fields: []string{"response_format", "json"}, status: 400, says: "model parameter"},
		"unknown model":    {fields: []string{"model", "gpt-5"}, status: 404, says: "model_not_found"},
		"no file":          {name: "-", fields: []string{"model", "whisper-1"}, status: 400, says: "('body', 'file')"},
		"extension":        {name: "call.amr", status: 400, says: "Invalid file format"},
		"no extension":     {name: "call", status: 400, says: "Invalid file format"},
		"another kind":     {name: "call.mp3", status: 400, says: "corrupted or unsupported"},
		"not audio":        {file: []byte("hello"), status: 400, says: "corrupted or unsupported"},
		"cut":              {file: good[:len(good)-100], status: 400, says: "corrupted or unsupported"},
		"empty":            {file: []byte{}, status: 400, says: "corrupted or unsupported"},
		"too large":        {file: append(slices.Clip(good), make([]byte, 25<<20)...), status: 413, says: "Maximum content size limit (26214400)"},
		"too short":        {file: vendorsim.SayWAV("", 8000), status: 400, says: "corrupted or unsupported"},
		"a blip":           {file: vendorsim.SayWAV("a", 8000), status: 400, says: "audio duration 0.06 seconds is shorter"},
		"a blip, whisper":  {file: vendorsim.SayWAV("a", 8000), fields: []string{"model", "whisper-1"}, status: 400, says: "audio_too_short"},
		"too long":         {file: vendorsim.SayWAV(strings.Repeat("[..]", 1401), 100), fields: []string{"model", "gpt-4o-transcribe-diarize", "chunking_strategy", "auto"}, status: 400, says: "longer than 1400 seconds"},
		"unknown field":    {fields: []string{"model", "whisper-1", "punctuate", "true"}, status: 400, says: "Unknown parameter: 'punctuate'"},
		"a field twice":    {fields: []string{"model", "whisper-1", "language", "en", "language", "fr"}, status: 400, says: "more than one 'language'"},
		"prompt":           {fields: []string{"model", "gpt-4o-transcribe-diarize", "chunking_strategy", "auto", "prompt", "a"}, status: 400, says: "'prompt'"},
		"temperature":      {fields: []string{"model", "gpt-transcribe", "temperature", "0"}, status: 400, says: "'temperature'"},
		"format":           {fields: []string{"model", "gpt-4o-transcribe", "response_format", "verbose_json"}, status: 400, says: "is not compatible with model 'gpt-4o-transcribe'. Use 'json' or 'text'"},
		"format not made":  {fields: []string{"model", "whisper-1", "response_format", "srt"}, status: 400, says: "does not make srt"},
		"times":            {fields: []string{"model", "whisper-1", "timestamp_granularities[]", "word"}, status: 400, says: "only available with verbose_json"},
		"probabilities":    {fields: []string{"model", "gpt-transcribe", "include[]", "logprobs"}, status: 400, says: "include is not supported"},
		"no strategy":      {fields: []string{"model", "gpt-4o-transcribe-diarize"}, status: 400, says: "chunking_strategy is required"},
		"language":         {fields: []string{"model", "gpt-transcribe", "language", "en"}, status: 400, says: "Use 'languages' instead"},
		"languages":        {fields: []string{"model", "whisper-1", "languages[]", "en"}, status: 400, says: "unsupported_parameter"},
		"keywords":         {fields: []string{"model", "whisper-1", "keywords[]", "a"}, status: 400, says: "unsupported_parameter"},
		"odd keywords":     {fields: []string{"model", "gpt-transcribe", "keywords[]", "<a>"}, status: 400, says: "single-line literals"},
		"language by name": {fields: []string{"model", "whisper-1", "language", "english"}, status: 400, says: "invalid_language_format"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.name == "" {
				c.name = "call.wav"
			}
			if c.file == nil {
				c.file = good
			}
			if c.fields == nil {
				c.fields = []string{"model", "gpt-transcribe"}
			}
			status, body := postForm(t, s, openAIListen, strings.TrimPrefix(c.name, "-"), c.file, c.fields...)
			assert.Equal(t, c.status, status)
			assert.Contains(t, string(body), c.says)
		})
	}
	status, _, body := ask(t, s, http.MethodPost, openAIListen, "Authorization", "Bearer "+key, `{}`)
	assert.Equal(t, 400, status)
	assert.Contains(t, string(body), "multipart form")
	status, _, body = ask(t, s, http.MethodGet, "/v1/models/gpt-transcribe", "Authorization", "Bearer "+key, "")
	assert.Equal(t, 200, status)
	assert.Contains(t, string(body), "gpt-transcribe")
}
