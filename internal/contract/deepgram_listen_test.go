package contract_test

import (
	"bytes"
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/stt"
)

// Everything that a request can ask for, of all kinds of audio.
func TestDeepgramListens(t *testing.T) {
	t.Parallel()
	_, wire, s, client := newDeep(t)
	p := client.STT()
	said := stt.Bytes(vendorsim.SayWAV("Hello there.", 16000))
	for name, req := range map[string]stt.Request{
		"plain":          {Audio: said},
		"language":       {Audio: said, Language: "en-GB"},
		"everything":     {Audio: said, Language: "en", Words: true, Diarize: true, Keywords: []string{"Fjord", "two words"}},
		"older model":    {Audio: said, Model: "deepgram:base", Language: "fr", Keywords: []string{"Fjord", "vault"}},
		"no punctuation": {Audio: said, NoPunctuation: true},
		"headerless":     {Audio: stt.Bytes(vendorsim.Say("Hello there.", 8000)), Format: stt.PCM(8000)},
		"telephone":      {Audio: stt.Bytes(vendorsim.SayMuLaw("Hello there.", 8000)), Format: stt.MuLaw(8000)},
		"MP3":            {Audio: stt.Bytes(vendorsim.SayMP3("Hello there."))},
		"URL":            {Audio: stt.URL("https://a.test/hello-there.wav")},
	} {
		_, err := p.Do(t.Context(), req)
		require.NoError(t, err, name)
		s.holds(t, wire.last(t))
		assert.Equal(t, "Token "+key, wire.last(t).request.Header.Get("Authorization"))
	}
	assert.Contains(t, enum(s.parameter(t, deepListen, "model")), deepgram.DefaultSTTModel)
}

// The models whose languages are known are the vendor's.
func TestDeepgramListeningModels(t *testing.T) {
	t.Parallel()
	_, _, s, client := newDeep(t)
	models := enum(s.parameter(t, deepListen, "model"))
	p := client.STT()
	for _, model := range []string{"nova-3", "nova-3-general", "nova-3-medical", "nova-2", "nova-2-general", "nova-2-medical", "nova-2-video"} {
		assert.True(t, slices.Contains(models, model), model)
		req := stt.Request{Audio: stt.Bytes([]byte("?")), Model: "deepgram:" + model, Language: "tlh"}
		assert.False(t, p.Supports(req), "nobody speaks Klingon")
	}
}

// The simulator says no as the vendor does.
func TestDeepgramRefusesToListen(t *testing.T) {
	t.Parallel()
	sim, wire, s, client := newDeep(t)
	sim.Fail(vendorsim.Status(400), vendorsim.Status(402), vendorsim.Status(429).RetryAfter(1))
	for range 3 {
		_, err := client.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hello.", 8000))})
		require.Error(t, err)
		s.holds(t, wire.last(t))
	}
	for _, body := range []string{"", "no audio", `{"url":7}`} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.URL()+deepListen, bytes.NewReader([]byte(body)))
		require.NoError(t, err)
		req.Header.Set("Authorization", "Token "+key)
		req.Header.Set("Content-Type", "audio/wav")
		resp, err := (&http.Client{Transport: wire}).Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		s.answers(t, http.MethodPost, deepListen, wire.last(t))
	}
}
