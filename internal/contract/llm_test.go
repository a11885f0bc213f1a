package contract_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// conversations are requests that use everything a request has.
func conversations() map[string]llm.Request {
	schema := json.RawMessage(`{"type":"object","properties":{"city":{"type":"string","description":"where"}},"required":["city"],"additionalProperties":false}`)
	tools := []llm.Tool{{Name: "weather", Description: "Tells the weather.", Schema: schema}, {Name: "now"}}
	user := []llm.Message{llm.User("Good evening.")}
	picture := llm.Part{Image: &llm.Image{Type: "image/png", Data: []byte("\x89PNG\r\n\x1a\n")}}
	with := func(parts ...llm.Part) []llm.Message { return []llm.Message{{Role: llm.RoleUser, Parts: parts}} }
	called := []llm.Message{
		llm.User("Where does it rain?"),
		{Role: llm.RoleAssistant, Parts: []llm.Part{
			{Text: "I look."},
			{Thinking: "Two calls.", Opaque: &llm.Opaque{Vendor: "google", Data: json.RawMessage(`"c2ln"`)}},
			{Call: &llm.ToolCall{ID: "one", Name: "weather", Args: json.RawMessage(`{"city":"Oslo"}`)}},
			{Call: &llm.ToolCall{ID: "two", Name: "now"}},
		}},
		llm.Results(llm.ToolResult{ID: "one", Content: "rain"}, llm.ToolResult{ID: "two", Content: "no clock", Failed: true}),
	}
	return map[string]llm.Request{
		"text":           {Messages: user},
		"system":         {System: "Be short.", Messages: append(user, llm.Assistant("Yes?"), llm.User("Go on."))},
		"picture":        {Messages: with(llm.Part{Text: "What is it?"}, picture)},
		"picture by URL": {Messages: with(llm.Part{Text: "What is it?"}, llm.Part{Image: &llm.Image{URL: "https://example.com/a.png"}})},
		"tools":          {Messages: user, Tools: tools},
		"no tool":        {Messages: user, Tools: tools, ToolChoice: llm.ToolChoice{Mode: llm.ToolNone}},
		"some tool":      {Messages: user, Tools: tools, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}},
		"one tool":       {Messages: user, Tools: tools, ToolChoice: llm.ToolChoice{Mode: llm.ToolNamed, Name: "weather"}},
		"history":        {Messages: called, Tools: tools},
		"JSON":           {Messages: append(user, llm.User("In JSON.")), Format: llm.Format{JSON: true}},
		"JSON schema":    {Messages: user, Format: llm.Format{Schema: schema, Name: "place"}},
		"settings": {
			Messages: user, MaxTokens: 200, Temperature: new(0.5), Stop: []string{"END"}, Seed: new(int64(7)), Metadata: map[string]string{"user_id": "u1"},
		},
		"empty settings": {Messages: user, Stop: []string{}, Metadata: map[string]string{}},
	}
}

// talks checks each conversation, whole and streamed, and gives what passed.
func talks(t *testing.T, s *spec, wire *tap, p llm.Provider, lacks map[string]bool) {
	t.Helper()
	for name, req := range conversations() {
		if lacks[name] {
			continue
		}
		req.Model = "smart"
		_, err := p.Complete(t.Context(), req)
		require.NoError(t, err, name)
		s.known(t, name, wire.last(t))
		_, err = llm.Collect(p.Stream(t.Context(), req))
		require.NoError(t, err, name)
		s.known(t, name+", streamed", wire.last(t))
	}
}

// known checks a request's body against its schema, and that every field at its
// top is one of the description.
func (s *spec) known(t *testing.T, name string, x exchange) {
	t.Helper()
	request := x.request.Clone(t.Context())
	route, _, err := s.router.FindRoute(request)
	require.NoError(t, err, "no such operation")
	schema := route.Operation.RequestBody.Value.Content["application/json"].Schema
	require.NoError(t, s.conforms(schema, x.body), name)
	var body map[string]any
	require.NoError(t, json.Unmarshal(x.body, &body))
	for field := range body {
		assert.Contains(t, fields(schema), field, name)
	}
}

// conforms checks JSON against a schema.
func (s *spec) conforms(schema *openapi3.SchemaRef, text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	return schema.Value.VisitJSON(value, openapi3.MultiErrors())
}

// says checks the answers of a simulator against a component.
func (s *spec) says(t *testing.T, component string, text []byte) {
	t.Helper()
	schema := s.doc.Components.Schemas[component]
	require.NotNil(t, schema, component)
	require.NoError(t, s.conforms(schema, text), component)
}

// data are the events of a stream.
func data(stream []byte) []string {
	var all []string
	for line := range strings.Lines(string(stream)) {
		if text, ok := strings.CutPrefix(strings.TrimSpace(line), "data: "); ok && text != "[DONE]" {
			all = append(all, text)
		}
	}
	return all
}

func TestOpenAI(t *testing.T) {
	t.Parallel()
	sim := vendorsim.OpenAI(key)
	t.Cleanup(sim.Close)
	s := load(t, "openai.json", sim.URL()+"/v1", func(*openapi3.T) {})
	wire := &tap{next: sim.Client().Transport}
	c, err := openai.New(key, openai.WithBaseURL(sim.URL()+"/v1"), openai.WithHTTPClient(&http.Client{Transport: wire}), openai.WithStore(),
		openai.WithModels(llm.Models{"smart": {ID: "gpt-4.1"}}))
	require.NoError(t, err)
	talks(t, s, wire, c.LLM(), nil)
	last := wire.last(t)
	assert.Equal(t, "Bearer "+key, last.request.Header.Get("Authorization"))
	require.Error(t, s.conforms(s.doc.Paths.Find("/chat/completions").Post.RequestBody.Value.Content["application/json"].Schema,
		[]byte(`{"model":"m","messages":"none"}`)), "the check can fail")

	_, err = c.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}})
	require.NoError(t, err)
	s.says(t, "CreateChatCompletionResponse", wire.last(t).answer)
	for _, status := range []int{400, 401, 404, 429, 500} {
		sim.Fail(vendorsim.Status(status))
		_, err = c.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}})
		require.Error(t, err)
		s.says(t, "ErrorResponse", wire.last(t).answer)
	}
}

func TestAnthropic(t *testing.T) {
	t.Parallel()
	sim := vendorsim.Anthropic(key)
	t.Cleanup(sim.Close)
	s := load(t, "anthropic.json", sim.URL(), func(*openapi3.T) {})
	wire := &tap{next: sim.Client().Transport}
	c, err := anthropic.New(key, anthropic.WithBaseURL(sim.URL()), anthropic.WithHTTPClient(&http.Client{Transport: wire}),
		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-5"}}))
	require.NoError(t, err)
	talks(t, s, wire, c.LLM(), nil)
	last := wire.last(t)
	assert.Equal(t, key, last.request.Header.Get("X-Api-Key"))
	assert.Equal(t, "2023-06-01", last.request.Header.Get("Anthropic-Version"))
	require.Error(t, s.conforms(s.doc.Paths.Find("/v1/messages").Post.RequestBody.Value.Content["application/json"].Schema,
		[]byte(`{"model":"m","messages":[],"max_tokens":1,"invented":true}`)), "the check can fail")

	_, err = c.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}})
	require.NoError(t, err)
	s.says(t, "Message", wire.last(t).answer)
	_, err = llm.Collect(c.LLM().Stream(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}}))
	require.NoError(t, err)
	var start struct {
		Message json.RawMessage `json:"message"`
	}
	require.NoError(t, json.Unmarshal([]byte(data(wire.last(t).answer)[0]), &start))
	s.says(t, "Message", start.Message)
	for _, status := range []int{400, 401, 404, 429, 500, 529} {
		sim.Fail(vendorsim.Status(status))
		_, err = c.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello.")}})
		require.Error(t, err)
		s.says(t, "ErrorResponse", wire.last(t).answer)
	}
}
