package elevenlabs_test

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/stt"
)

// listening is a client of a simulator that listens.
func listening(t *testing.T, opts ...elevenlabs.Option) (*vendorsim.Server, *elevenlabs.Client) {
	t.Helper()
	s := vendorsim.ElevenLabs(key)
	t.Cleanup(s.Close)
	base := []elevenlabs.Option{elevenlabs.WithBaseURL(s.URL()), elevenlabs.WithHTTPClient(s.Client())}
	c, err := elevenlabs.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return s, c
}

// sent is a form that was sent.
type sent struct {
	fields map[string][]string
	file   []byte
	name   string
	kind   string
}

func lastForm(t *testing.T, s *vendorsim.Server) sent {
	t.Helper()
	all := s.Requests()
	r := all[len(all)-1]
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/form-data", media)
	got := sent{fields: map[string][]string{}}
	for form := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"]); ; {
		part, err := form.NextPart()
		if err == io.EOF {
			return got
		}
		require.NoError(t, err)
		data, err := io.ReadAll(part)
		require.NoError(t, err)
		if part.FileName() == "" {
			got.fields[part.FormName()] = append(got.fields[part.FormName()], string(data))
			continue
		}
		require.Equal(t, "file", part.FormName())
		got.file, got.name, got.kind = data, part.FileName(), part.Header.Get("Content-Type")
	}
}

func TestListenFields(t *testing.T) {
	t.Parallel()
	s, c := listening(t, elevenlabs.WithSTTModels(stt.Models{"cheap": "scribe_v1"}))
	file := vendorsim.SayWAV("Hello.", 16000)
	with := func(pairs ...string) map[string][]string {
		fields := map[string][]string{
			"model_id": {"scribe_v2"}, "timestamps_granularity": {"word"}, "tag_audio_events": {"false"}, "diarize": {"false"},
		}
		for i := 0; i < len(pairs); i += 2 {
			fields[pairs[i]] = []string{pairs[i+1]}
		}
		return fields
	}
	terms := with()
	terms["keyterms"] = []string{"Fjord", "two words"}
	for name, row := range map[string]struct {
		req  stt.Request
		want map[string][]string
	}{
		"nothing said":   {stt.Request{}, with()},
		"language":       {stt.Request{Language: "en-GB"}, with("language_code", "en")},
		"its other name": {stt.Request{Language: "nb-NO"}, with("language_code", "no")},
		"Cantonese":      {stt.Request{Language: "zh-HK"}, with("language_code", "yue")},
		"Mandarin":       {stt.Request{Language: "zh-Hant-TW"}, with("language_code", "zh")},
		"model":          {stt.Request{Model: "cheap"}, with("model_id", "scribe_v1")},
		"explicit model": {stt.Request{Model: "elevenlabs:scribe_v1"}, with("model_id", "scribe_v1")},
		"speakers":       {stt.Request{Diarize: true}, with("diarize", "true")},
		"words":          {stt.Request{Words: true}, with()},
		"terms":          {stt.Request{Keywords: []string{"Fjord", "two words"}}, terms},
	} {
		row.req.Audio = stt.Bytes(file)
		heard, err := c.STT().Do(t.Context(), row.req)
		require.NoError(t, err, name)
		form := lastForm(t, s)
		assert.Equal(t, row.want, form.fields, name)
		assert.Equal(t, row.want["model_id"][0], heard.Model, name)
		assert.Equal(t, file, form.file)
		assert.Equal(t, "audio.wav", form.name)
		assert.Equal(t, "audio/wav", form.kind)
	}
}

// Samples of 16 kHz have a name of their own, and are faster; others are sent
// as a file that says what it is.
func TestHeaderlessAudio(t *testing.T) {
	t.Parallel()
	s, c := listening(t)
	samples := vendorsim.Say("Bare samples.", 16000)
	heard, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(samples), Format: stt.PCM(16000)})
	require.NoError(t, err)
	assert.Equal(t, "Bare samples.", heard.Text)
	form := lastForm(t, s)
	assert.Equal(t, []string{"pcm_s16le_16"}, form.fields["file_format"])
	assert.Equal(t, samples, form.file)
	assert.Equal(t, "audio.raw", form.name)

	stereo := stt.Format{Encoding: stt.PCM(16000).Encoding, SampleRate: 16000, Channels: 2}
	for _, format := range []stt.Format{stt.PCM(8000), stereo} {
		var data []byte
		for _, sample := range chunks(vendorsim.Say("Bare samples.", format.SampleRate)) {
			for range max(1, format.Channels) {
				data = append(data, sample...)
			}
		}
		heard, err = c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(data), Format: format})
		require.NoError(t, err)
		assert.Equal(t, "Bare samples.", heard.Text)
		form = lastForm(t, s)
		assert.Empty(t, form.fields["file_format"])
		assert.Equal(t, "RIFF", string(form.file[:4]))
		assert.Equal(t, "audio.wav", form.name)
	}
}

// chunks are 16-bit samples, one by one.
func chunks(samples []byte) [][]byte {
	var all [][]byte
	for ; len(samples) >= 2; samples = samples[2:] {
		all = append(all, samples[:2])
	}
	return all
}

func TestListenToAURL(t *testing.T) {
	t.Parallel()
	s, c := listening(t)
	heard, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.URL("HTTPS://a.test/good-evening.mp3?token=x")})
	require.NoError(t, err)
	assert.Equal(t, "good evening", heard.Text)
	form := lastForm(t, s)
	assert.Equal(t, []string{"HTTPS://a.test/good-evening.mp3?token=x"}, form.fields["cloud_storage_url"])
	assert.Nil(t, form.file)
}

func TestTranscriptOfElevenLabs(t *testing.T) {
	t.Parallel()
	_, c := listening(t)
	heard, err := c.STT().Do(t.Context(), stt.Request{
		Audio: stt.Bytes(vendorsim.SayWAV("[fr] Bonsoir. Oui ? [..] Ah. [#1] Qui est là ?", 16000)), Diarize: true, Words: true,
	})
	require.NoError(t, err)
	assert.Equal(t, "Bonsoir. Oui ? Ah. Qui est là ?", heard.Text)
	assert.Equal(t, "fr", heard.Language, "not fra")
	assert.Equal(t, "elevenlabs", heard.Provider)
	assert.Equal(t, "scribe_v2", heard.Model)
	assert.Equal(t, "eleven-1", heard.RequestID)
	assert.InDelta(t, 0.98, heard.Confidence, 0.01)
	assert.Len(t, heard.Words, 8, "what is between them is none")
	assert.InDelta(t, 0.98, heard.Words[0].Confidence, 0.01)
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	assert.Equal(t, []stt.Segment{
		{Speaker: "speaker_0", Start: at(300), End: at(1140), Text: "Bonsoir. Oui ?"},
		{Speaker: "speaker_0", Start: at(2140), End: at(2320), Text: "Ah."},
		{Speaker: "speaker_1", Start: at(2680), End: at(3460), Text: "Qui est là ?"},
	}, heard.Segments)
	assert.Equal(t, at(3460), heard.Duration)
}

// Of an answer with less in it, there is less in the transcript.
func TestTranscriptsWithLess(t *testing.T) {
	t.Parallel()
	s, c := listening(t)
	req := stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hello.", 16000)), Language: "en-GB"}
	for body, want := range map[string]stt.Transcript{
		`{"text":""}`:                            {Language: "en-GB"},
		`{"text":" Hello. "}`:                    {Text: "Hello.", Language: "en-GB"},
		`{"text":"Hi","language_code":"tlh"}`:    {Text: "Hi", Language: "tlh"},
		`{"text":"Hi","language_code":" ENG "}`:  {Text: "Hi", Language: "en"},
		`{"text":"Hi","transcription_id":"t-1"}`: {Text: "Hi", Language: "en-GB", RequestID: "t-1"},
		`{"text":"Hi (laughs)","words":[{"text":"Hi","type":"word","start":0,"end":0.1},{"text":"(laughs)","type":"audio_event","start":0.2,"end":0.3}]}`: {
			Text: "Hi (laughs)", Language: "en-GB", Words: []stt.Word{{Text: "Hi", End: 100 * time.Millisecond}},
			Segments: []stt.Segment{{End: 100 * time.Millisecond, Text: "Hi"}},
		},
	} {
		s.Fail(vendorsim.Body(200, "application/json", body))
		heard, err := c.STT().Do(t.Context(), req)
		require.NoError(t, err, body)
		want.Provider, want.Model, want.Duration = "elevenlabs", "scribe_v2", 360*time.Millisecond
		assert.Equal(t, &want, heard, body)
	}
}

func TestSTTProviderFields(t *testing.T) {
	t.Parallel()
	c, err := elevenlabs.New(key, elevenlabs.WithName("eleven-eu"), elevenlabs.WithAccount("main"))
	require.NoError(t, err)
	p := c.STT()
	assert.Equal(t, "eleven-eu", p.Name)
	assert.Equal(t, "main", p.Account)
	assert.NotNil(t, p.Check)
	assert.False(t, p.SideEffect)
	assert.True(t, p.Supports(stt.Request{}), "what is wrong with a request Do says better")
}
