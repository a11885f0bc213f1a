package google_test

import (
	"net/http"
	"testing"

	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for model, lacks := range map[string]providertest.Lacks{
		"gemini-3.1-pro-preview": {},
		"gemini-2.5-flash":       {Prefill: true},
	} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			providertest.TestLLM(t, providertest.LLM{
				New: func(key, baseURL string, client *http.Client) (llm.Provider, error) {
					c, err := google.New(key, google.WithBaseURL(baseURL), google.WithHTTPClient(client),
						google.WithModels(llm.Models{"smart": {ID: model}}))
					if err != nil {
						return llm.Provider{}, err
					}
					return c.LLM(), nil
				},
				Wire:  providertest.Google,
				Model: "smart",
				Lacks: lacks,
				Unsupported: []llm.Request{
					{Model: "slow"},
					{Model: "openai:gpt-4.1"},
					{Stop: []string{"a", "b", "c", "d", "e", "f"}},
				},
			})
		})
	}
}
