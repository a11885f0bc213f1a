package openai_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
)

var sttModels = stt.Models{
	"timed": "whisper-1", "sure": "gpt-4o-transcribe", "cheap": "gpt-4o-mini-transcribe-2025-12-15", "turns": "gpt-4o-transcribe-diarize",
	"next": "gpt-hears-1",
}

// newListener is how the suites make a provider.
func newListener(key, baseURL string, client *http.Client, opts ...openai.Option) (stt.Provider, error) {
	base := []openai.Option{openai.WithBaseURL(baseURL + "/v1"), openai.WithHTTPClient(client), openai.WithSTTModels(sttModels)}
	c, err := openai.New(key, append(base, opts...)...)
	if err != nil {
		return stt.Provider{}, err
	}
	return c.STT(), nil
}

// headerless are the formats of samples that are taken.
var headerless = []stt.Format{stt.PCM(8000), stt.PCM(16000), stt.PCM(44100), stt.MuLaw(8000), stt.ALaw(8000)}

// partial are answers in which something is missing or makes no sense.
var partial = []string{
	`{"languages":[{"code":"en"}],"usage":{"type":"duration","seconds":2}}`,
	`{"text":null}`,
	`{"text":7}`,
	`{"text":"a","words":[{"word":"a","start":1,"end":1.5},{"word":"b","start":0,"end":0.5}]}`,
	`{"text":"a","words":[{"word":"a","start":1,"end":0.5}]}`,
	`{"text":"a","words":[{"word":"a","start":-1,"end":0.5}]}`,
	`{"text":"a","words":[{"word":"a","start":0,"end":0.5,"probability":7}]}`,
	`{"text":"a","words":{"word":"a"}}`,
	`{"text":"a","segments":[{"text":"a","start":2,"end":1}]}`,
	`{"text":"a","duration":0.4}`,
	`{"text":"a","duration":"40"}`,
}

func TestSTTConformance(t *testing.T) {
	t.Parallel()
	providertest.TestSTT(t, providertest.STT{
		New: func(key, baseURL string, client *http.Client) (stt.Provider, error) {
			return newListener(key, baseURL, client)
		},
		Vendor:  vendorsim.OpenAIVendor(providertest.Key).Handler,
		Request: stt.Request{Language: "en-GB"},
		Formats: headerless,
		Unsupported: []stt.Request{
			{Model: "accurate"},
			{Model: "deepgram:nova-3"},
			{Language: "tlh"},
			{Language: "zh-Hant"},
			{Language: "zh-HK"},
			{NoPunctuation: true},
			{Words: true, Diarize: true},
			{Model: "sure", Words: true},
			{Model: "timed", Diarize: true},
			{Model: "turns", Keywords: []string{"vault"}},
			{Model: "next", Keywords: []string{"vault"}},
			{Keywords: []string{"<vault>"}},
			{Model: "timed", Keywords: []string{strings.Repeat("x", 449)}},
			{Audio: stt.URL("https://audio.test/a.wav")},
			{Audio: stt.Bytes(vendorsim.Hush(99*1e6, 8000)), Format: stt.PCM(8000)},
			{Audio: stt.Bytes(append([]byte("RIFF"), make([]byte, 25<<20)...))},
			{Audio: stt.Bytes([]byte("#!AMR\n and so on"))},
			{Audio: stt.Bytes([]byte("nobody knows what this is"))},
		},
		Refusals: speechRefusals(),
		Partial:  partial,
	})
}

// The other families of models, and Whisper at a compatible server.
func TestSTTConformanceOfOtherModels(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts []openai.Option
		path string
		req  stt.Request
	}{
		"whisper-1":         {req: stt.Request{Model: "timed", Keywords: []string{"vault", "nine four"}, Words: true, Language: "en"}},
		"gpt-4o-transcribe": {req: stt.Request{Model: "sure", Keywords: []string{"vault", "nine four"}}},
		"diarize":           {req: stt.Request{Model: "turns", Diarize: true, Language: "en"}},
		"whisper elsewhere": {path: "/compatible", opts: []openai.Option{
			openai.WithVendor("groq"), openai.WithSTTModels(stt.Models{"": "whisper-large-v3"}),
		}, req: stt.Request{Words: true}},
		"another elsewhere": {path: "/compatible", opts: []openai.Option{
			openai.WithVendor("acme"), openai.WithSTTModels(stt.Models{"": "acme-hears"}),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			providertest.TestSTT(t, providertest.STT{
				New: func(key, baseURL string, client *http.Client) (stt.Provider, error) {
					return newListener(key, baseURL+c.path, client, c.opts...)
				},
				Vendor: vendorsim.OpenAIVendor(providertest.Key).Handler, Request: c.req, Formats: headerless, Refusals: speechRefusals(), Partial: partial,
			})
		})
	}
}
