package anthropic_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// sent asks and gives the body that arrived.
func sent(t *testing.T, req llm.Request) string {
	t.Helper()
	s, c := start(t)
	require.True(t, c.LLM().Supports(req))
	_, err := c.LLM().Complete(t.Context(), req)
	require.NoError(t, err)
	require.Len(t, s.Requests(), 1)
	return string(s.Requests()[0].Body)
}

var weather = llm.Tool{
	Name: "weather", Description: "Tells the weather.",
	Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"x":12345678901234567890}`),
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	const base = `"model":"claude-sonnet-4-5","max_tokens":4096`
	const ask = `"messages":[{"role":"user","content":[{"type":"text","text":"Hello."}]}]`
	const tool = `"tools":[{"name":"weather","description":"Tells the weather.","input_schema":` +
		`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"x":12345678901234567890}}]`
	for name, c := range map[string]struct {
		change func(*llm.Request)
		want   string
	}{
		"plain":  {func(*llm.Request) {}, base + "," + ask},
		"system": {func(r *llm.Request) { r.System = "Be brief." }, base + `,"system":[{"type":"text","text":"Be brief."}],` + ask},
		"blank system": {
			func(r *llm.Request) { r.System = " \n" }, base + "," + ask,
		},
		"a row's length":     {func(r *llm.Request) { r.Model = "other" }, `"model":"claude-3-haiku-20240307","max_tokens":1000,` + ask},
		"the request's":      {func(r *llm.Request) { r.MaxTokens = 9 }, `"model":"claude-sonnet-4-5","max_tokens":9,` + ask},
		"explicit model":     {func(r *llm.Request) { r.Model = "anthropic:claude-opus-4-5" }, `"model":"claude-opus-4-5","max_tokens":4096,` + ask},
		"temperature":        {func(r *llm.Request) { r.Temperature = new(0.0) }, base + `,"temperature":0,` + ask},
		"top_p":              {func(r *llm.Request) { r.TopP = new(0.5) }, base + `,"top_p":0.5,` + ask},
		"top_p of the usual": {func(r *llm.Request) { r.TopP, r.Temperature = new(0.5), new(1.0) }, base + `,"top_p":0.5,` + ask},
		"usual sampling": {
			func(r *llm.Request) { r.Model, r.TopP, r.Temperature = "smart", new(1.0), new(1.0) },
			`"model":"claude-opus-5-5","max_tokens":16384,"thinking":{"type":"adaptive","display":"summarized"},` + ask,
		},
		"unknown models take both": {
			func(r *llm.Request) { r.Model, r.TopP, r.Temperature = "other", new(0.5), new(0.7) },
			`"model":"claude-3-haiku-20240307","max_tokens":1000,"temperature":0.7,"top_p":0.5,` + ask,
		},
		"stop":     {func(r *llm.Request) { r.Stop = []string{"END", "\nUser:"} }, base + `,"stop_sequences":["END","\nUser:"],` + ask},
		"seed":     {func(r *llm.Request) { r.Seed = new(int64(7)) }, base + "," + ask},
		"metadata": {func(r *llm.Request) { r.Metadata = map[string]string{"user_id": "u-1", "team": "x"} }, base + `,"metadata":{"user_id":"u-1"},` + ask},
		"tools":    {func(r *llm.Request) { r.Tools = []llm.Tool{weather} }, base + "," + tool + "," + ask},
		"a tool of no arguments": {
			func(r *llm.Request) { r.Tools = []llm.Tool{{Name: "now"}} },
			base + `,"tools":[{"name":"now","input_schema":{"type":"object","properties":{}}}],` + ask,
		},
		"a tool's schema without a type": {
			func(r *llm.Request) {
				r.Tools = []llm.Tool{{Name: "now", Schema: json.RawMessage(`{"properties":{"a":{"oneOf":[{"type":"null"}]}}}`)}}
			},
			base + `,"tools":[{"name":"now","input_schema":{"type":"object","properties":{"a":{"oneOf":[{"type":"null"}]}}}}],` + ask,
		},
		"no tool": {
			func(r *llm.Request) { r.Tools, r.ToolChoice = []llm.Tool{weather}, llm.ToolChoice{Mode: llm.ToolNone} },
			base + "," + tool + `,"tool_choice":{"type":"none"},` + ask,
		},
		"any tool": {
			func(r *llm.Request) {
				r.Tools, r.ToolChoice = []llm.Tool{weather}, llm.ToolChoice{Mode: llm.ToolRequired}
			},
			base + "," + tool + `,"tool_choice":{"type":"any"},` + ask,
		},
		"that tool": {
			func(r *llm.Request) {
				r.Tools, r.ToolChoice = []llm.Tool{weather}, llm.ToolChoice{Mode: llm.ToolNamed, Name: "weather"}
			},
			base + "," + tool + `,"tool_choice":{"type":"tool","name":"weather"},` + ask,
		},
		"a tool that is forced on one that thinks": {
			func(r *llm.Request) {
				r.Model, r.Tools, r.ToolChoice = "anthropic:claude-opus-5", []llm.Tool{weather}, llm.ToolChoice{Mode: llm.ToolRequired}
			},
			`"model":"claude-opus-5","max_tokens":16384,` + tool + `,"tool_choice":{"type":"any"},` + ask,
		},
		"no tool where there is none": {
			func(r *llm.Request) { r.ToolChoice = llm.ToolChoice{Mode: llm.ToolNone} }, base + "," + ask,
		},
		"JSON": {
			func(r *llm.Request) { r.System, r.Format.JSON = "Be brief.", true },
			base + `,"system":[{"type":"text","text":"Be brief."},{"type":"text","text":` +
				`"Answer with one JSON object and nothing else: no words before or after it, and no code fence."}],` + ask,
		},
		"schema": {
			func(r *llm.Request) {
				r.Format.Schema = json.RawMessage(`{"type":"object","properties":{"n":{"type":"integer","const":12345678901234567890}}}`)
			},
			base + `,"output_config":{"format":{"type":"json_schema","schema":{"type":"object",` +
				`"properties":{"n":{"type":"integer","const":12345678901234567890}},"additionalProperties":false}}},` + ask,
		},
		"images": {
			func(r *llm.Request) {
				r.Messages[0].Parts = append(r.Messages[0].Parts,
					llm.Part{Image: &llm.Image{Data: []byte("png"), Type: "image/png"}},
					llm.Part{Image: &llm.Image{URL: "https://example.com/a.webp"}})
			},
			base + `,"messages":[{"role":"user","content":[{"type":"text","text":"Hello."},` +
				`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"cG5n"}},` +
				`{"type":"image","source":{"type":"url","url":"https://example.com/a.webp"}}]}]`,
		},
		"prefill": {
			func(r *llm.Request) { r.Messages = append(r.Messages, llm.Assistant("You said: ")) },
			base + `,"messages":[{"role":"user","content":[{"type":"text","text":"Hello."}]},` +
				`{"role":"assistant","content":[{"type":"text","text":"You said:"}]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			req := hello()
			c.change(&req)
			assert.JSONEq(t, "{"+c.want+"}", sent(t, req))
		})
	}
}

// What this vendor or the model cannot do is told before anything is sent, and
// leaves the provider out of a router's choice.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*llm.Request){
		`unsupported (llm: Model "none" has no row in the table of anthropic)`: func(r *llm.Request) { r.Model = "none" },
		`unsupported (llm: Model "openai:gpt-5.1" has no row in the table of anthropic)`: func(r *llm.Request) {
			r.Model = "openai:gpt-5.1"
		},
		`unsupported (llm: Messages needs prefill, which claude-opus-5-5 does not offer)`: func(r *llm.Request) {
			r.Model, r.Messages = "smart", append(r.Messages, llm.Assistant("So"))
		},
		`unsupported (llm: MaxTokens needs an answer that long, which claude-sonnet-4-5 does not offer)`: func(r *llm.Request) {
			r.MaxTokens = 70_000
		},
		`unsupported (llm: Temperature 1.5 is above 1)`: func(r *llm.Request) { r.Temperature = new(1.5) },
		`unsupported (llm: Temperature 0.2 is not taken by claude-opus-5-5)`: func(r *llm.Request) {
			r.Model, r.Temperature = "smart", new(0.2)
		},
		`unsupported (llm: TopP 0.2 is not taken by claude-opus-5-5)`: func(r *llm.Request) {
			r.Model, r.TopP = "smart", new(0.2)
		},
		`unsupported (llm: TopP is not taken by claude-sonnet-4-5 together with Temperature)`: func(r *llm.Request) {
			r.TopP, r.Temperature = new(0.2), new(0.2)
		},
		`unsupported (llm: ToolChoice cannot be forced on claude-opus-5-5)`: func(r *llm.Request) {
			r.Model, r.Tools, r.ToolChoice = "smart", []llm.Tool{weather}, llm.ToolChoice{Mode: llm.ToolNamed, Name: "weather"}
		},
		`unsupported (llm: Stop[1] is white space, at which this vendor does not stop)`: func(r *llm.Request) {
			r.Stop = []string{"END", "\n"}
		},
		`unsupported (llm: Metadata has a user_id longer than 512)`: func(r *llm.Request) {
			r.Metadata = map[string]string{"user_id": strings.Repeat("x", 513)}
		},
		`unsupported (llm: Format.Schema is not followed after a prefill)`: func(r *llm.Request) {
			r.Messages, r.Format.Schema = append(r.Messages, llm.Assistant("{")), json.RawMessage(`{"type":"string"}`)
		},
		`unsupported (llm: Messages[0].Parts[1].Image.Type "image/bmp" is neither JPEG, PNG, GIF nor WebP)`: func(r *llm.Request) {
			r.Messages[0].Parts = append(r.Messages[0].Parts, llm.Part{Image: &llm.Image{Data: []byte("x"), Type: "image/bmp"}})
		},
		`unsupported (llm: Messages[0].Parts[1].Image.URL is not https)`: func(r *llm.Request) {
			r.Messages[0].Parts = append(r.Messages[0].Parts, llm.Part{Image: &llm.Image{URL: "http://example.com/a.png"}})
		},
		`unsupported (llm: Tools[1].Schema has the keyword anyOf at its top)`: func(r *llm.Request) {
			r.Tools = []llm.Tool{weather, {Name: "b", Schema: json.RawMessage(`{"type":"object","anyOf":[]}`)}}
		},
		`unsupported (llm: Tools[0].Schema is not of the type object)`: func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "b", Schema: json.RawMessage(`{"type":"array"}`)}}
		},
		`invalid (llm: Messages[1].Role "system" is no role)`: func(r *llm.Request) {
			r.Messages = append(r.Messages, llm.Message{Role: "system", Parts: []llm.Part{{Text: "secret"}}})
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			req := hello()
			change(&req)
			s, c := start(t)
			p := c.LLM()
			assert.Equal(t, strings.HasPrefix(want, "invalid"), p.Supports(req), "what is invalid is for Validate to say")
			_, err := p.Complete(t.Context(), req)
			require.EqualError(t, err, want)
			_, err = llm.Collect(p.Stream(t.Context(), req))
			require.EqualError(t, err, want)
			assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(err).Outcome)
			assert.Zero(t, s.Stats().Requests)
		})
	}
}
