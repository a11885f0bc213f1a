package vendorsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

// listened is what is read of an answer of either vendor.
type listened struct {
	// Deepgram
	Metadata struct {
		Duration float64 `json:"duration"`
	} `json:"metadata"`
	Results struct {
		Channels []struct {
			DetectedLanguage string `json:"detected_language"`
			Alternatives     []struct {
				Transcript string  `json:"transcript"`
				Confidence float64 `json:"confidence"`
				Words      []struct {
					Start   float64 `json:"start"`
					End     float64 `json:"end"`
					Speaker *int    `json:"speaker"`
				} `json:"words"`
			} `json:"alternatives"`
		} `json:"channels"`
		Utterances []struct {
			Transcript string `json:"transcript"`
			Speaker    *int   `json:"speaker"`
		} `json:"utterances"`
	} `json:"results"`
	// ElevenLabs
	Text         string  `json:"text"`
	LanguageCode string  `json:"language_code"`
	Duration     float64 `json:"audio_duration_secs"`
	Words        []struct {
		Type    string  `json:"type"`
		Speaker string  `json:"speaker_id"`
		LogProb float64 `json:"logprob"`
	} `json:"words"`
}

func deepListen(t *testing.T, s *vendorsim.Server, query, contentType string, body []byte) (int, listened, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/v1/listen?"+query, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Token "+key)
	req.Header.Set("Content-Type", contentType)
	return sendListen(t, s, req)
}

func sendListen(t *testing.T, s *vendorsim.Server, req *http.Request) (int, listened, string) {
	t.Helper()
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var got listened
	if resp.StatusCode == http.StatusOK {
		require.NoError(t, json.Unmarshal(body, &got))
	}
	return resp.StatusCode, got, string(body)
}

// form is a form for ElevenLabs: fields, and a file unless that is nil.
func multipartForm(t *testing.T, file []byte, fields ...string) (body []byte, contentType string) {
	t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	for i := 0; i < len(fields); i += 2 {
		require.NoError(t, w.WriteField(fields[i], fields[i+1]))
	}
	if file != nil {
		part, err := w.CreateFormFile("file", "audio.wav")
		require.NoError(t, err)
		_, err = part.Write(file)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return buf.Bytes(), w.FormDataContentType()
}

func elevenListen(t *testing.T, s *vendorsim.Server, file []byte, fields ...string) (int, listened, string) {
	t.Helper()
	body, contentType := multipartForm(t, file, fields...)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/v1/speech-to-text", bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Xi-Api-Key", key)
	req.Header.Set("Content-Type", contentType)
	return sendListen(t, s, req)
}

// What is heard is what is in the samples, at any rate.
func TestDeepgramHearsWhatIsSaid(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	const said = "Well, [..] [#1] is that so? [#0] It is. Naïve!"
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 44100, 48000} {
		status, got, body := deepListen(t, s, "model=nova-3&detect_language=true&punctuate=true&diarize=true&utterances=true",
			"audio/wav", vendorsim.SayWAV(said, rate))
		require.Equal(t, 200, status, body)
		best := got.Results.Channels[0].Alternatives[0]
		assert.Equal(t, "Well, is that so? It is. Naïve!", best.Transcript)
		assert.Equal(t, "en", got.Results.Channels[0].DetectedLanguage)
		assert.InDelta(t, 0.98, best.Confidence, 0.005)
		assert.Len(t, best.Words, 7)
		assert.InDelta(t, 0, best.Words[0].Start, 0.001)
		assert.InDelta(t, 0.3, best.Words[0].End, 0.001, "five characters")
		assert.InDelta(t, 1.3+5*0.06, best.Words[1].Start, 0.001, "a second of silence, and a direction")
		assert.Equal(t, 1, *best.Words[1].Speaker)
		assert.Len(t, got.Results.Utterances, 3)
		assert.Equal(t, "is that so?", got.Results.Utterances[1].Transcript)
		assert.Equal(t, 1, *got.Results.Utterances[1].Speaker)
	}
	for name, audio := range map[string][]byte{
		"cut":     vendorsim.SayWAV("Hello friend", 8000)[:44+10*60*8*2],
		"silence": append(vendorsim.SayWAV("", 8000), vendorsim.Hush(time.Second, 8000)...),
	} {
		status, got, body := deepListen(t, s, "", "audio/wav", audio)
		if name == "silence" {
			assert.Equal(t, 400, status, "the header says that there are no samples: %s", body)
			continue
		}
		require.Equal(t, 200, status, body)
		assert.Equal(t, "hello frie", got.Results.Channels[0].Alternatives[0].Transcript)
	}
	status, got, _ := deepListen(t, s, "smart_format=true", "audio/mpeg", vendorsim.SayMP3("From a tag."))
	assert.Equal(t, 200, status)
	assert.Equal(t, "From a tag.", got.Results.Channels[0].Alternatives[0].Transcript)
	assert.InDelta(t, 11*0.06, got.Metadata.Duration, 0.03)

	status, got, _ = deepListen(t, s, "language=en&model=nova-3", "application/json", []byte(`{"url":"https://a.test/good-evening.wav"}`))
	assert.Equal(t, 200, status)
	assert.Equal(t, "good evening", got.Results.Channels[0].Alternatives[0].Transcript)

	// Another language is misheard.
	_, got, _ = deepListen(t, s, "language=en&model=nova-3", "audio/wav", vendorsim.SayWAV("[fr] Bonsoir.", 8000))
	assert.InDelta(t, 0.31, got.Results.Channels[0].Alternatives[0].Confidence, 0.001)
}

func TestDeepgramRefusesToListen(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	wav := vendorsim.SayWAV("Hello.", 8000)
	for name, c := range map[string]struct {
		query, contentType string
		body               []byte
		code               string
	}{
		"no audio":             {"", "audio/wav", nil, "corrupt or unsupported data"},
		"text":                 {"", "audio/wav", []byte("Hello."), "corrupt or unsupported data"},
		"headerless":           {"", "audio/wav", vendorsim.Say("Hello.", 8000), "corrupt or unsupported data"},
		"WAV of floats":        {"", "audio/wav", bytes.Replace(wav, []byte("fmt \x10\x00\x00\x00\x01"), []byte("fmt \x10\x00\x00\x00\x03"), 1), "corrupt or unsupported data"},
		"MP3 without a text":   {"", "audio/mpeg", []byte("ID3\x04\x00\x00\x00\x00\x00\x04none"), "corrupt or unsupported data"},
		"MP3 that is cut":      {"", "audio/mpeg", []byte("ID3\x04\x00\x00\x00\x00\x00\x44none"), "corrupt or unsupported data"},
		"no URL":               {"", "application/json", []byte(`{}`), "INVALID_JSON"},
		"no JSON":              {"", "application/json", wav, "INVALID_JSON"},
		"nothing at the URL":   {"", "application/json", []byte(`{"url":"https://missing.test/a.wav"}`), "REMOTE_CONTENT_ERROR"},
		"unknown model":        {"model=nova-9", "audio/wav", wav, "No such model"},
		"unknown language":     {"model=nova-3&language=en-CA", "audio/wav", wav, "No such model"},
		"terms of the new":     {"model=nova-2&keyterm=a", "audio/wav", wav, "does not take such terms"},
		"terms of the old":     {"model=nova-3&keywords=a", "audio/wav", wav, "does not take such terms"},
		"an unknown parameter": {"sample_rate=8000", "audio/wav", wav, "Unknown query parameter"},
	} {
		status, _, body := deepListen(t, s, c.query, c.contentType, c.body)
		assert.Equal(t, 400, status, name)
		assert.Contains(t, body, c.code, name)
	}
}

func TestElevenLabsHearsWhatIsSaid(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	status, got, body := elevenListen(t, s, vendorsim.SayWAV("[fr] Bonsoir. [#1] Qui est là ?", 16000), "model_id", "scribe_v2", "diarize", "true")
	require.Equal(t, 200, status, body)
	assert.Equal(t, "Bonsoir. Qui est là ?", got.Text)
	assert.Equal(t, "fra", got.LanguageCode)
	assert.Len(t, got.Words, 9, "words and what is between them")
	assert.Equal(t, "speaker_0", got.Words[0].Speaker)
	assert.Equal(t, "spacing", got.Words[1].Type)
	assert.Equal(t, "speaker_1", got.Words[2].Speaker)
	assert.InDelta(t, -0.02, got.Words[0].LogProb, 0.005)

	status, got, body = elevenListen(t, s, vendorsim.Say("Bare samples.", 16000), "model_id", "scribe_v1", "file_format", "pcm_s16le_16")
	require.Equal(t, 200, status, body)
	assert.Equal(t, "Bare samples.", got.Text)
	assert.InDelta(t, 13*0.06, got.Duration, 0.001)
	assert.Empty(t, got.Words[0].Speaker)

	for kind, file := range map[string][]byte{"mu-law": wrapped(vendorsim.SayMuLaw("In a call.", 8000), 7), "A-law": wrapped(vendorsim.SayALaw("In a call.", 8000), 6)} {
		status, got, body = elevenListen(t, s, file, "model_id", "scribe_v2")
		require.Equal(t, 200, status, body)
		assert.Equal(t, "In a call.", got.Text, kind)
	}

	status, got, _ = elevenListen(t, s, nil, "model_id", "scribe_v2", "cloud_storage_url", "https://a.test/good-evening.mp3")
	assert.Equal(t, 200, status)
	assert.Equal(t, "good evening", got.Text)
}

// wrapped puts 8-bit samples of 8 kHz into a WAV file.
func wrapped(samples []byte, codec byte) []byte {
	head := []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00")
	head = append(head, codec, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0)
	n := len(samples)
	head = append(append(head, "data"...), byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(head, samples...)
}

func TestElevenLabsRefusesToListen(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	wav := vendorsim.SayWAV("Hello.", 8000)
	v2 := func(more ...string) []string { return append([]string{"model_id", "scribe_v2"}, more...) }
	for name, c := range map[string]struct {
		file   []byte
		fields []string
		status int
		code   string
	}{
		"no model":        {wav, nil, 422, "missing"},
		"unknown model":   {wav, []string{"model_id", "scribe_v9"}, 400, "invalid_model_id"},
		"no audio":        {nil, v2(), 400, "Exactly one"},
		"audio and URL":   {wav, v2("cloud_storage_url", "https://a.test/b"), 400, "Exactly one"},
		"URL of http":     {nil, v2("cloud_storage_url", "http://a.test/b"), 400, "must be https"},
		"nothing there":   {nil, v2("cloud_storage_url", "https://missing.test/b"), 400, "invalid_audio"},
		"text":            {[]byte("Hello."), v2(), 400, "invalid_audio"},
		"language":        {wav, v2("language_code", "tlh"), 400, "unsupported_language"},
		"diarize":         {wav, v2("diarize", "yes"), 422, "bool_parsing"},
		"events":          {wav, v2("tag_audio_events", "no"), 422, "bool_parsing"},
		"granularity":     {wav, v2("timestamps_granularity", "phoneme"), 422, "enum"},
		"format":          {wav, v2("file_format", "pcm"), 422, "enum"},
		"terms of the v1": {wav, []string{"model_id", "scribe_v1", "keyterms", "a"}, 400, "takes no keyterms"},
		"long term":       {wav, v2("keyterms", "fine", "keyterms", strings.Repeat("x", 50)), 400, "too long"},
		"many words":      {wav, v2("keyterms", "a b c d e f"), 400, "too long"},
	} {
		status, _, body := elevenListen(t, s, c.file, c.fields...)
		assert.Equal(t, c.status, status, name)
		assert.Contains(t, body, c.code, name)
	}
	status, _, body := ask(t, s, http.MethodPost, "/v1/speech-to-text", "Xi-Api-Key", key, "no form")
	assert.Equal(t, 422, status)
	assert.Contains(t, string(body), "missing")
}

func TestHearingFaults(t *testing.T) {
	t.Parallel()
	deep, eleven := vendorsim.Deepgram(key), vendorsim.ElevenLabs(key)
	defer deep.Close()
	defer eleven.Close()
	wav := vendorsim.SayWAV("Good evening.", 8000)
	for _, fault := range []vendorsim.Fault{vendorsim.EmptyTranscript(), vendorsim.LowConfidence(0.25), vendorsim.WrongSampleRate()} {
		t.Run(fault.String(), func(t *testing.T) {
			deep.Fail(fault, fault)
			eleven.Fail(fault, fault)
			_, heard, _ := deepListen(t, deep, "punctuate=true", "audio/wav", wav)
			best := heard.Results.Channels[0].Alternatives[0]
			_, other, _ := elevenListen(t, eleven, wav, "model_id", "scribe_v2")
			_, atURL, _ := deepListen(t, deep, "punctuate=true", "application/json", []byte(`{"url":"https://a.test/good.wav"}`))
			_, otherAtURL, _ := elevenListen(t, eleven, nil, "model_id", "scribe_v2", "cloud_storage_url", "https://a.test/good.wav")
			switch fault.String() {
			case "empty transcript":
				assert.Empty(t, best.Transcript)
				assert.Empty(t, other.Text)
				assert.InDelta(t, 13*0.06, heard.Metadata.Duration, 0.001, "it has listened")
				assert.Empty(t, atURL.Results.Channels[0].Alternatives[0].Transcript)
				assert.Empty(t, otherAtURL.Text)
			case "low confidence":
				assert.Equal(t, "Good evening.", best.Transcript)
				assert.InDelta(t, 0.25, best.Confidence, 0.001)
				assert.InDelta(t, -1.386, other.Words[0].LogProb, 0.001)
			default:
				assert.NotEqual(t, "Good evening.", best.Transcript)
				assert.InDelta(t, 13*0.03, heard.Metadata.Duration, 0.001)
				assert.InDelta(t, 13*0.03, other.Duration, 0.001)
			}
		})
	}
	deep.Fail(vendorsim.Without("results.channels.0.alternatives"), vendorsim.Without("no.such.7.thing"))
	_, _, body := deepListen(t, deep, "", "audio/wav", wav)
	assert.NotContains(t, body, "alternatives")
	assert.Contains(t, body, "channels")
	_, _, body = deepListen(t, deep, "", "audio/wav", wav)
	assert.Contains(t, body, "good evening")
}

// slowly sends a body of which a server wants to see no more than it needs.
func slowly(ctx context.Context, t *testing.T, s *vendorsim.Server, size int) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+"/v1/listen", bytes.NewReader(make([]byte, size)))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Token "+key)
	return s.Client().Do(req)
}

func TestUploadFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Deepgram(key, vendorsim.InMemory())
		defer s.Close()
		early := vendorsim.Early(vendorsim.Status(401))
		assert.Equal(t, "early 401", early.String())
		assert.Equal(t, "early 401", early.Code("OTHER").String(), "nothing can be added to it")
		s.Fail(vendorsim.Status(503), early, vendorsim.None())
		for _, want := range []int{503, 401, 400} {
			resp, err := slowly(t.Context(), t, s, 1<<20)
			require.NoError(t, err)
			require.NoError(t, resp.Body.Close())
			assert.Equal(t, want, resp.StatusCode)
		}
		assert.Len(t, s.Requests()[0].Body, 1<<20)
		assert.Empty(t, s.Requests()[1].Body)

		s.FailAlways(vendorsim.Early(vendorsim.Status(413)))
		resp, err := slowly(t.Context(), t, s, 1<<20)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Equal(t, 413, resp.StatusCode)
		s.Heal()

		s.Fail(vendorsim.ResetUpload(1000))
		_, err = slowly(t.Context(), t, s, 1<<20)
		require.ErrorIs(t, err, syscall.ECONNRESET)

		s.Fail(vendorsim.StallUpload(1000))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err = slowly(ctx, t, s, 1<<20)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(start))
		require.NoError(t, s.Await(t.Context(), func(s vendorsim.Stats) bool { return s.Answered == 6 }), "it notices in the end")
	})
}

// A request that is longer than a simulator reads is not cut in silence.
func TestHugeRequest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("sends 64 MB")
	}
	s := vendorsim.Deepgram(key)
	defer s.Close()
	resp, err := slowly(t.Context(), t, s, 64<<20+1)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 413, resp.StatusCode)
	resp, err = slowly(t.Context(), t, s, 64<<20)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 400, resp.StatusCode)
}
