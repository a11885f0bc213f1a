package openai_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/providertest"
)

// eventsOf makes events of the bodies of refusals.
func eventsOf(rows []providertest.Refusal) []providertest.Refusal {
	var all []providertest.Refusal
	for _, row := range rows {
		row.Body = "data: " + row.Body + "\n\n"
		all = append(all, row)
	}
	return all
}

func TestConformance(t *testing.T) {
	t.Parallel()
	providertest.TestLLM(t, providertest.LLM{
		New: func(key, baseURL string, client *http.Client) (llm.Provider, error) {
			c, err := openai.New(key, openai.WithBaseURL(baseURL+"/v1"), openai.WithHTTPClient(client), openai.WithModels(table))
			if err != nil {
				return llm.Provider{}, err
			}
			return c.LLM(), nil
		},
		Wire:  providertest.OpenAI,
		Model: "smart",
		Lacks: providertest.Lacks{Prefill: true, Reuse: true},
		Unsupported: []llm.Request{
			{Model: "slow"},
			{Model: "google:gemini-2.5-pro"},
			{Stop: []string{"a", "b", "c", "d", "e"}},
			{Tools: []llm.Tool{{Name: "f", Schema: json.RawMessage(`{"oneOf":[]}`)}}},
			{Format: llm.Format{Schema: json.RawMessage(`{"type":"array"}`)}},
		},
		Refusals: refusals,
		Events:   eventsOf(inStream),
	})
}

// A compatible server under another name.
func TestConformanceOfAnotherVendor(t *testing.T) {
	t.Parallel()
	providertest.TestLLM(t, providertest.LLM{
		New: func(key, baseURL string, client *http.Client) (llm.Provider, error) {
			c, err := openai.New(key, openai.WithBaseURL(baseURL+"/compatible/v1"), openai.WithHTTPClient(client),
				openai.WithVendor("acme"), openai.WithModels(llm.Models{"smart": {ID: "gpt-4.1"}}))
			if err != nil {
				return llm.Provider{}, err
			}
			return c.LLM(), nil
		},
		Wire:        providertest.OpenAI,
		Model:       "smart",
		Lacks:       providertest.Lacks{Prefill: true, Reuse: true},
		Unsupported: []llm.Request{{Model: "slow"}, {Model: "openai:gpt-4.1"}},
		Refusals:    refusals,
		Events:      eventsOf(inStream),
	})
}
