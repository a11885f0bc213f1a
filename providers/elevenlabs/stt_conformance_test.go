package elevenlabs_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
)

// newListener is how the suite makes a client.
func newListener(key, baseURL string, client *http.Client) (stt.Provider, error) {
	c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(baseURL), elevenlabs.WithHTTPClient(client),
		elevenlabs.WithSTTModels(stt.Models{"old": "scribe_v1"}))
	if err != nil {
		return stt.Provider{}, err
	}
	return c.STT(), nil
}

func TestSTTConformance(t *testing.T) {
	t.Parallel()
	providertest.TestSTT(t, providertest.STT{
		New:      newListener,
		Vendor:   vendorsim.ElevenLabsVendor(providertest.Key).Handler,
		Request:  stt.Request{Language: "en-GB", Keywords: []string{"vault", "nine four"}},
		Formats:  []stt.Format{stt.PCM(8000), stt.PCM(16000), stt.PCM(44100), stt.MuLaw(8000), stt.ALaw(8000)},
		TakesURL: true,
		Unsupported: []stt.Request{
			{Model: "accurate"},
			{Model: "deepgram:nova-3"},
			{Language: "tlh"},
			{NoPunctuation: true},
			{Model: "old", Keywords: []string{"vault"}},
			{Keywords: []string{strings.Repeat("x", 50)}},
			{Keywords: []string{"one two three four five six"}},
			{Keywords: make1001()},
			{Audio: stt.URL("http://audio.test/a.wav")},
			{Audio: stt.URL("https://audio.test/a.raw"), Format: stt.PCM(16000)},
		},
		Refusals: append(slices.Clip(refusals),
			providertest.Refusal{Name: "audio", Status: 400, Body: legacy("invalid_audio"), Want: failover.ClassInvalid, Code: "invalid_audio"},
			providertest.Refusal{Name: "model of speech to text", Status: 400, Body: legacy("unsupported_model"), Want: failover.ClassUnsupported, Code: "unsupported_model"},
		),
		Partial: []string{
			`{"message":"accepted","request_id":"r","transcription_id":"t"}`,
			`{"language_code":"eng","words":[]}`,
			`{"transcripts":[{"text":"a"}]}`,
			`{"text":null}`,
			`{"text":7}`,
			`{"text":"a b","words":[{"text":"a","type":"word","start":1,"end":1.5},{"text":"b","type":"word","start":0,"end":0.5}]}`,
			`{"text":"a","words":[{"text":"a","type":"word","start":1,"end":0.5}]}`,
			`{"text":"a","audio_duration_secs":0.4}`,
			`{"text":"a","audio_duration_secs":40}`,
		},
	})
}

func make1001() []string {
	all := make([]string, 1001)
	for i := range all {
		all[i] = "term"
	}
	return all
}
