package deepgram_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
)

// newListener is how the suite makes a client.
func newListener(key, baseURL string, client *http.Client) (stt.Provider, error) {
	c, err := deepgram.New(key, deepgram.WithBaseURL(baseURL), deepgram.WithHTTPClient(client),
		deepgram.WithSTTModels(stt.Models{"old": "base", "clinic": "nova-3-medical", "own": "my-model"}))
	if err != nil {
		return stt.Provider{}, err
	}
	return c.STT(), nil
}

func TestSTTConformance(t *testing.T) {
	t.Parallel()
	providertest.TestSTT(t, providertest.STT{
		New:      newListener,
		Vendor:   vendorsim.DeepgramVendor(providertest.Key).Handler,
		Request:  stt.Request{Language: "en-CA", Keywords: []string{"vault"}},
		Formats:  []stt.Format{stt.PCM(8000), stt.PCM(16000), stt.PCM(44100), stt.MuLaw(8000), stt.ALaw(8000)},
		TakesURL: true,
		Unsupported: []stt.Request{
			{Model: "accurate"},
			{Model: "elevenlabs:scribe_v2"},
			{Language: "sw"},
			{Language: "zh-SG"},
			{Model: "clinic", Language: "de"},
			{Model: "old", Keywords: []string{"two words"}},
			{Model: "old", Keywords: []string{"weighted:5"}},
			{Model: "deepgram:whisper-large", Keywords: []string{"vault"}},
			{Audio: stt.URL("https://audio.test/a.raw"), Format: stt.PCM(16000)},
		},
		Refusals: append(slices.Clip(refusals),
			providertest.Refusal{Name: "audio that cannot be fetched", Status: 400, Body: older("REMOTE_CONTENT_ERROR"), Want: failover.ClassInvalid, Code: "REMOTE_CONTENT_ERROR"},
			providertest.Refusal{Name: "limit in words", Status: 429, Body: older("Too Many Requests"), Want: failover.ClassRateLimited, Code: "Too Many Requests"},
			providertest.Refusal{Name: "audio that came too slowly", Status: 408, Body: older("SLOW_UPLOAD"), Want: failover.ClassTimeout, Code: "SLOW_UPLOAD"},
			providertest.Refusal{Name: "audio too long to wait for", Status: 504, Body: older("GATEWAY_TIMEOUT"), Want: failover.ClassTimeout, Code: "GATEWAY_TIMEOUT"},
		),
		Partial: []string{
			`{"request_id":"accepted-1"}`,
			`{"metadata":{"request_id":"r","duration":2.2}}`,
			`{"metadata":{"duration":2.2},"results":null}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[]}}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[{"alternatives":[]}]}}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[{"alternatives":[{"confidence":0.9,"words":[]}]}]}}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[{"alternatives":[{"transcript":"a","confidence":7}]}]}}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[{"alternatives":[{"transcript":"a","confidence":"high"}]}]}}`,
			`{"metadata":{"duration":2.2},"results":{"channels":[{"alternatives":[{"transcript":"a b","words":[{"word":"a","start":1,"end":1.5},{"word":"b","start":0,"end":0.5}]}]}]}}`,
			`{"metadata":{"duration":0.4},"results":{"channels":[{"alternatives":[{"transcript":"a"}]}]}}`,
			`{"metadata":{"duration":40},"results":{"channels":[{"alternatives":[{"transcript":"a"}]}]}}`,
		},
	})
}
