package deepgram_test

import (
	"encoding/json"
	"maps"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

func said(text string) stt.Source { return stt.Bytes(vendorsim.SayWAV(text, 16000)) }

func TestListenParameters(t *testing.T) {
	t.Parallel()
	base := url.Values{"model": {"nova-3"}, "utterances": {"true"}, "punctuate": {"true"}, "smart_format": {"true"}}
	with := func(pairs ...string) url.Values {
		q := url.Values{}
		maps.Copy(q, base)
		for i := 0; i < len(pairs); i += 2 {
			if q.Del(pairs[i]); pairs[i+1] != "" {
				q.Set(pairs[i], pairs[i+1])
			}
		}
		return q
	}
	terms := with("language", "en")
	terms["keyterm"] = []string{"Fjord", "two words"}
	oldTerms := with("model", "base", "language", "fr")
	oldTerms["keywords"] = []string{"Fjord", "vault"}
	s, c := start(t, deepgram.WithSTTModels(stt.Models{"cheap": "base", "clinic": "nova-3-medical"}))
	for name, row := range map[string]struct {
		req  stt.Request
		want url.Values
	}{
		"nothing said":         {stt.Request{}, with("detect_language", "true")},
		"language":             {stt.Request{Language: "en"}, with("language", "en")},
		"region":               {stt.Request{Language: "EN-us"}, with("language", "en-US")},
		"unknown region":       {stt.Request{Language: "en-CA"}, with("language", "en")},
		"its other name":       {stt.Request{Language: "nb-NO"}, with("language", "no")},
		"Cantonese":            {stt.Request{Language: "zh-HK"}, with("language", "zh-HK")},
		"explicit model":       {stt.Request{Model: "deepgram:nova-2", Language: "de"}, with("model", "nova-2", "language", "de")},
		"model of one tongue":  {stt.Request{Model: "clinic"}, with("model", "nova-3-medical", "language", "en")},
		"model nobody knows":   {stt.Request{Model: "cheap", Language: "es"}, with("model", "base", "language", "es")},
		"speakers":             {stt.Request{Diarize: true}, with("detect_language", "true", "diarize", "true")},
		"words":                {stt.Request{Words: true}, with("detect_language", "true")},
		"no punctuation":       {stt.Request{NoPunctuation: true}, with("detect_language", "true", "punctuate", "", "smart_format", "")},
		"terms":                {stt.Request{Language: "en", Keywords: []string{"Fjord", "two words"}}, terms},
		"terms of older model": {stt.Request{Model: "cheap", Language: "fr", Keywords: []string{"Fjord", "vault"}}, oldTerms},
	} {
		row.req.Audio = said("Hello.")
		heard, err := c.STT().Do(t.Context(), row.req)
		require.NoError(t, err, name)
		all := s.Requests()
		assert.Equal(t, row.want, all[len(all)-1].Query, name)
		assert.Equal(t, row.want.Get("model"), heard.Model, name)
		assert.Equal(t, "audio/wav", all[len(all)-1].Header.Get("Content-Type"))
		assert.Empty(t, all[len(all)-1].Header.Get("Expect"))
	}
}

func TestListenToAURL(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	heard, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.URL("https://a.test/good-evening.mp3?token=x&y=1")})
	require.NoError(t, err)
	assert.Equal(t, "good evening", heard.Text)
	sent := s.Requests()[0]
	assert.Equal(t, "application/json", sent.Header.Get("Content-Type"))
	var body map[string]string
	require.NoError(t, json.Unmarshal(sent.Body, &body))
	assert.Equal(t, map[string]string{"url": "https://a.test/good-evening.mp3?token=x&y=1"}, body)

	_, err = c.STT().Do(t.Context(), stt.Request{Audio: stt.URL("https://missing.test/a.mp3")})
	e := failover.Classify(err)
	assert.Equal(t, failover.ClassInvalid, e.Class, "another vendor may have a second opinion, and nobody cools")
	assert.Equal(t, "REMOTE_CONTENT_ERROR", e.Code)
}

func TestTranscriptOfDeepgram(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	heard, err := c.STT().Do(t.Context(), stt.Request{
		Audio: said("[fr] Bonsoir. [..] [#1] Qui est là ?"), Diarize: true, Words: true,
	})
	require.NoError(t, err)
	assert.Equal(t, "Bonsoir. Qui est là ?", heard.Text)
	assert.Equal(t, "fr", heard.Language)
	assert.Equal(t, "deepgram", heard.Provider)
	assert.Equal(t, "nova-3", heard.Model)
	assert.Equal(t, "deep-1", heard.RequestID)
	assert.InDelta(t, 0.98, heard.Confidence, 0.01)
	assert.Len(t, heard.Words, 5)
	at := func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond }
	assert.Equal(t, stt.Word{Text: "Bonsoir.", Start: at(300), End: at(780), Confidence: 0.98, Speaker: "speaker_0"}, heard.Words[0])
	assert.Equal(t, []stt.Segment{
		{Speaker: "speaker_0", Start: at(300), End: at(780), Text: "Bonsoir."},
		{Speaker: "speaker_1", Start: at(2080), End: at(2860), Text: "Qui est là ?"},
	}, heard.Segments)

	plain, err := c.STT().Do(t.Context(), stt.Request{Audio: said("Hello there."), Language: "en-GB", NoPunctuation: true})
	require.NoError(t, err)
	assert.Equal(t, "hello there", plain.Text)
	assert.Equal(t, "hello", plain.Words[0].Text)
	assert.Equal(t, "en-GB", plain.Language, "the vendor was told, and does not tell")
	assert.Empty(t, plain.Words[0].Speaker)
}

func TestSTTProviderFields(t *testing.T) {
	t.Parallel()
	c, err := deepgram.New(key, deepgram.WithName("deep-eu"), deepgram.WithAccount("main"))
	require.NoError(t, err)
	p := c.STT()
	assert.Equal(t, "deep-eu", p.Name)
	assert.Equal(t, "main", p.Account)
	assert.NotNil(t, p.Check)
	assert.False(t, p.SideEffect)
	assert.True(t, p.Supports(stt.Request{}), "what is wrong with a request Do says better")
}

// What the vendor has learned since this was written can be added.
func TestWithSTTLanguages(t *testing.T) {
	t.Parallel()
	swahili := stt.Request{Audio: said("Habari."), Language: "sw-KE"}
	c, err := deepgram.New(key)
	require.NoError(t, err)
	assert.False(t, c.STT().Supports(swahili))
	c, err = deepgram.New(key, deepgram.WithSTTLanguages("nova-3", "ht"), deepgram.WithSTTLanguages("nova-3", "sw"))
	require.NoError(t, err)
	assert.True(t, c.STT().Supports(swahili))
	swahili.Language = "ht"
	assert.True(t, c.STT().Supports(swahili))
	swahili.Model = "deepgram:nova-2"
	assert.False(t, c.STT().Supports(swahili), "that model has not learned it")

	other, err := deepgram.New(key)
	require.NoError(t, err)
	assert.False(t, other.STT().Supports(stt.Request{Audio: said("Habari."), Language: "sw"}), "clients do not share what was added")

	_, err = deepgram.New(key, deepgram.WithSTTLanguages("", "sw"))
	require.EqualError(t, err, "deepgram: WithSTTLanguages: the model is empty")
	_, err = deepgram.New(key, deepgram.WithSTTLanguages("nova-3", "Swahili!"))
	require.EqualError(t, err, `deepgram: WithSTTLanguages: "Swahili!" is no BCP 47 tag`)
}

// Headerless audio says itself what it is on its way.
func TestHeaderlessAudioIsSentAsAFile(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for _, format := range []stt.Format{stt.PCM(24000), {Encoding: tts.EncodingPCM, SampleRate: 24000}} {
		heard, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.Say("Bare samples.", 24000)), Format: format})
		require.NoError(t, err)
		assert.Equal(t, "Bare samples.", heard.Text)
		assert.Equal(t, 780*time.Millisecond, heard.Duration)
	}
	assert.Equal(t, "RIFF", string(s.Requests()[0].Body[:4]))
}
