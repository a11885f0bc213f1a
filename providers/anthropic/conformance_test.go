package anthropic_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/providertest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for model, lacks := range map[string]providertest.Lacks{
		"claude-sonnet-4-5": {},
		"claude-opus-5-5":   {Prefill: true, Sampling: true, MustCall: true},
	} {
		t.Run(model, func(t *testing.T) {
			t.Parallel()
			providertest.TestLLM(t, providertest.LLM{
				New: func(key, baseURL string, client *http.Client) (llm.Provider, error) {
					c, err := anthropic.New(key, anthropic.WithBaseURL(baseURL), anthropic.WithHTTPClient(client),
						anthropic.WithModels(llm.Models{"smart": {ID: model}}))
					if err != nil {
						return llm.Provider{}, err
					}
					return c.LLM(), nil
				},
				Wire:  providertest.Anthropic,
				Model: "smart",
				Lacks: lacks,
				Unsupported: []llm.Request{
					{Model: "slow"},
					{Model: "google:gemini-2.5-pro"},
					{Tools: []llm.Tool{{Name: "f", Schema: json.RawMessage(`{"type":"array"}`)}}},
				},
			})
		})
	}
}
