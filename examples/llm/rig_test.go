package main

import (
	"encoding/json"
	"testing"

	"github.com/anthropics/anthropic-sdk-go/option"
	"github.com/stretchr/testify/require"
	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// vendors are those of the tests, by the names of their providers.
var vendors = []string{openai.Vendor, anthropic.Vendor, google.Vendor}

// rig is the three vendors, simulated, and a client that asks them in this
// order.
type rig struct {
	sims   map[string]*vendorsim.Server
	client *llm.Client
}

// newRig starts the vendors. With thinking, those that show thoughts do.
func newRig(t *testing.T, thinking bool, order []string, opts ...llm.Option) *rig {
	t.Helper()
	r := &rig{sims: map[string]*vendorsim.Server{
		openai.Vendor:    vendorsim.OpenAI("key", vendorsim.InMemory()),
		anthropic.Vendor: vendorsim.Anthropic("key", vendorsim.InMemory()),
		google.Vendor:    vendorsim.Google("key", vendorsim.InMemory()),
	}}
	var providers []llm.Provider
	for _, vendor := range order {
		providers = append(providers, r.provider(t, vendor, thinking))
	}
	// Each request finds all providers ready, and asks each of them once.
	calm := llm.WithRouter(failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1000}))
	var err error
	r.client, err = llm.New(providers, append([]llm.Option{calm}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, r.client.Close())
		for _, sim := range r.sims {
			sim.Close()
		}
	})
	return r
}

func (r *rig) provider(t *testing.T, vendor string, thinking bool) llm.Provider {
	t.Helper()
	sim := r.sims[vendor]
	switch vendor {
	case openai.Vendor:
		c, err := openai.New("key", openai.WithBaseURL(sim.URL()+"/v1"), openai.WithHTTPClient(sim.Client()),
			openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}}))
		require.NoError(t, err)
		return c.LLM()
	case anthropic.Vendor:
		opts := []anthropic.Option{anthropic.WithBaseURL(sim.URL()), anthropic.WithHTTPClient(sim.Client())}
		model := "claude-sonnet-4-5" // goes on after a text
		if thinking {
			model = "claude-sonnet-4-6" // thinks as it likes, and takes calls that others made without a thought
			opts = append(opts, anthropic.WithRequestOptions(option.WithJSONSet("thinking", map[string]any{"type": "adaptive"})))
		}
		c, err := anthropic.New("key", append(opts, anthropic.WithModels(llm.Models{"smart": {ID: model}}))...)
		require.NoError(t, err)
		return c.LLM()
	default:
		opts := []google.Option{
			google.WithBaseURL(sim.URL()), google.WithHTTPClient(sim.Client()),
			google.WithModels(llm.Models{"smart": {ID: "gemini-3.1-pro-preview"}}),
		}
		if thinking {
			opts = append(opts, google.WithConfig(func(c *genai.GenerateContentConfig) {
				c.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
			}))
		}
		c, err := google.New("key", opts...)
		require.NoError(t, err)
		return c.LLM()
	}
}

// asked is what the model of a vendor was told last.
func (r *rig) asked(t *testing.T, vendor string) vendorsim.LLMRequest {
	t.Helper()
	all := r.sims[vendor].Asked()
	require.NotEmpty(t, all, "%s was asked nothing", vendor)
	return all[len(all)-1]
}

// sent is the same as it came over the wire.
func (r *rig) sent(vendor string) string {
	all := r.sims[vendor].Requests()
	return string(all[len(all)-1].Body)
}

// kept is a conversation after it was written down and read again.
func kept(t *testing.T, talk []llm.Message) []llm.Message {
	t.Helper()
	raw, err := json.Marshal(talk)
	require.NoError(t, err)
	var read []llm.Message
	require.NoError(t, json.Unmarshal(raw, &read))
	require.Equal(t, talk, read)
	return read
}
