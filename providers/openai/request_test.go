package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// weather is a tool, and its schema as it stands on the wire.
var weather = llm.Tool{
	Name: "weather", Description: "Tells the weather.",
	Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`),
}

const weatherOnTheWire = `{"type":"function","function":{"name":"weather","description":"Tells the weather.",
	"parameters":{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}}}`

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	user := []llm.Message{llm.User("Hello.")}
	for name, c := range map[string]struct {
		opts  []openai.Option
		other bool // another vendor than OpenAI
		req   llm.Request
		want  string
	}{
		"plain": {
			req:  llm.Request{Model: "smart", Messages: user},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}]}`,
		},
		"default model": {
			req:  llm.Request{Messages: user},
			want: `{"model":"gpt-4o-mini","messages":[{"role":"user","content":"Hello."}]}`,
		},
		"explicit model": {
			req:  llm.Request{Model: "openai:gpt-5-mini", Messages: user},
			want: `{"model":"gpt-5-mini","messages":[{"role":"user","content":"Hello."}]}`,
		},
		"everything": {
			req: llm.Request{
				Model: "smart", System: "Be brief.", Messages: user, MaxTokens: 100, Temperature: new(0.0), TopP: new(0.5),
				Stop: []string{"a", "b"}, Seed: new(int64(7)), Metadata: map[string]string{"user": "1"},
			},
			want: `{"model":"gpt-4.1","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"Hello."}],
				"max_completion_tokens":100,"temperature":0,"top_p":0.5,"stop":["a","b"],"seed":7}`,
		},
		"kept": {
			opts: []openai.Option{openai.WithStore()},
			req:  llm.Request{Model: "smart", Messages: user, Metadata: map[string]string{"user": "1"}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"store":true,"metadata":{"user":"1"}}`,
		},
		"the row's tokens": {
			opts: []openai.Option{openai.WithModels(llm.Models{"smart": {ID: "gpt-4.1", MaxTokens: 50}})},
			req:  llm.Request{Model: "smart", Messages: user},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"max_completion_tokens":50}`,
		},
		"the old field": {
			opts: []openai.Option{openai.WithMaxTokensField("max_tokens")},
			req:  llm.Request{Model: "smart", Messages: user, MaxTokens: 9},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"max_tokens":9}`,
		},
		"another vendor's field": {
			other: true,
			req:   llm.Request{Model: "smart", Messages: user, MaxTokens: 9},
			want:  `{"model":"acme-large","messages":[{"role":"user","content":"Hello."}],"max_tokens":9}`,
		},
		"another vendor with the new field": {
			other: true, opts: []openai.Option{openai.WithMaxTokensField("max_completion_tokens")},
			req:  llm.Request{Model: "smart", Messages: user, MaxTokens: 9},
			want: `{"model":"acme-large","messages":[{"role":"user","content":"Hello."}],"max_completion_tokens":9}`,
		},
		"tools": {
			req: llm.Request{Model: "smart", Messages: user, Tools: []llm.Tool{weather, {Name: "now"}}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"tools":[` + weatherOnTheWire + `,
				{"type":"function","function":{"name":"now","parameters":{"type":"object","properties":{}}}}]}`,
		},
		"no tool": {
			req: llm.Request{Model: "smart", Messages: user, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolNone}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"tools":[` + weatherOnTheWire + `],
				"tool_choice":"none"}`,
		},
		"some tool": {
			req: llm.Request{Model: "smart", Messages: user, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"tools":[` + weatherOnTheWire + `],
				"tool_choice":"required"}`,
		},
		"that tool": {
			req: llm.Request{Model: "smart", Messages: user, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolNamed, Name: "weather"}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"tools":[` + weatherOnTheWire + `],
				"tool_choice":{"type":"function","function":{"name":"weather"}}}`,
		},
		"no choice without tools": {
			req:  llm.Request{Model: "smart", Messages: user, ToolChoice: llm.ToolChoice{Mode: llm.ToolNone}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}]}`,
		},
		"JSON": {
			req: llm.Request{Model: "smart", System: "Be brief.", Messages: user, Format: llm.Format{JSON: true}},
			want: `{"model":"gpt-4.1","messages":[{"role":"system","content":"Be brief.\n\nAnswer with a JSON object."},
				{"role":"user","content":"Hello."}],"response_format":{"type":"json_object"}}`,
		},
		"JSON without a system prompt": {
			req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{JSON: true}},
			want: `{"model":"gpt-4.1","messages":[{"role":"system","content":"Answer with a JSON object."},
				{"role":"user","content":"Hello."}],"response_format":{"type":"json_object"}}`,
		},
		"JSON that was asked for": {
			req: llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Hello in Json.")}, Format: llm.Format{JSON: true}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello in Json."}],
				"response_format":{"type":"json_object"}}`,
		},
		"schema": {
			req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{
				Name: "reply", Schema: json.RawMessage(`{"type":"object","properties":{"b":{"type":"integer"},"a":{"type":"string"}},"required":["a","b"]}`),
			}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"response_format":{"type":"json_schema",
				"json_schema":{"name":"reply","strict":true,"schema":{"type":"object","properties":{"b":{"type":"integer"},
				"a":{"type":"string"}},"required":["a","b"],"additionalProperties":false}}}}`,
		},
		"schema that cannot be enforced": {
			req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{
				JSON: true, Schema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"string"}}}`),
			}},
			want: `{"model":"gpt-4.1","messages":[{"role":"user","content":"Hello."}],"response_format":{"type":"json_schema",
				"json_schema":{"name":"answer","strict":false,"schema":{"type":"object","properties":{"a":{"type":"string"}}}}}}`,
		},
		"another vendor's schema": {
			other: true,
			req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{
				Schema: json.RawMessage(`{"anyOf":[{"type":"object"}]}`),
			}, Tools: []llm.Tool{{Name: "f", Schema: json.RawMessage(`{"type":"object","not":{}}`)}}},
			want: `{"model":"acme-large","messages":[{"role":"user","content":"Hello."}],"response_format":{"type":"json_schema",
				"json_schema":{"name":"answer","schema":{"anyOf":[{"type":"object"}]}}},
				"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","not":{}}}}]}`,
		},
		"prefill where the row says so": {
			other: true,
			req:   llm.Request{Model: "prefiller", Messages: []llm.Message{llm.User("Hello."), llm.Assistant("Good")}},
			want:  `{"model":"acme-large","messages":[{"role":"user","content":"Hello."},{"role":"assistant","content":"Good"}]}`,
		},
	} {
		for kind, ask := range asks {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				begin := start
				if c.other {
					begin = startOther
				}
				s, client := begin(t, c.opts...)
				_, _ = ask(t.Context(), client, c.req) // some of these the simulator refuses, rightly
				want := c.want
				if kind == "stream" {
					want = strings.TrimSuffix(want, "}") + `,"stream":true,"stream_options":{"include_usage":true}}`
				}
				require.Len(t, s.Requests(), 1)
				assert.JSONEq(t, want, string(s.Requests()[0].Body))
			})
		}
	}
}

// Models write an answer in the order of its schema.
func TestSchemasKeepTheirOrder(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	schema := `{"type":"object","properties":{"z":{"type":"string"},"a":{"type":"string"}},"required":["z","a"],"additionalProperties":false}`
	_, err := c.LLM().Complete(t.Context(), llm.Request{
		Model: "smart", Messages: []llm.Message{llm.User("Hello.")}, Format: llm.Format{Schema: json.RawMessage(schema)},
		Tools: []llm.Tool{{Name: "f", Schema: json.RawMessage(schema)}},
	})
	require.NoError(t, err)
	sent := string(s.Requests()[0].Body)
	assert.Contains(t, sent, schema)
	assert.Equal(t, 2, strings.Count(sent, `{"z":{"type":"string"},"a":{"type":"string"}}`))
}

// What cannot be served here leaves the vendor alone and names the field.
func TestUnsupported(t *testing.T) {
	t.Parallel()
	user := []llm.Message{llm.User("Hello.")}
	picture := func(i llm.Image) []llm.Message {
		return []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Image: &i}}}}
	}
	tool := func(schema string) []llm.Tool { return []llm.Tool{{Name: "f", Schema: json.RawMessage(schema)}} }
	for name, c := range map[string]struct {
		req   llm.Request
		field string
		want  failover.Class
	}{
		"nothing":             {req: llm.Request{Model: "smart"}, field: "Messages", want: failover.ClassInvalid},
		"unknown model":       {req: llm.Request{Model: "slow", Messages: user}, field: "Model"},
		"another's model":     {req: llm.Request{Model: "google:gemini", Messages: user}, field: "Model"},
		"prefill":             {req: llm.Request{Model: "smart", Messages: append(user, llm.Assistant("Good"))}, field: "Messages"},
		"prefill, unknown":    {req: llm.Request{Model: "openai:gpt-99", Messages: append(user, llm.Assistant("Good"))}, field: "Messages"},
		"tokens":              {req: llm.Request{Model: "smart", Messages: user, MaxTokens: 40000}, field: "MaxTokens"},
		"tokens, explicit":    {req: llm.Request{Model: "openai:gpt-4o", Messages: user, MaxTokens: 40000}, field: "MaxTokens"},
		"stops":               {req: llm.Request{Model: "smart", Messages: user, Stop: []string{"a", "b", "c", "d", "e"}}, field: "Stop"},
		"bitmap":              {req: llm.Request{Model: "smart", Messages: picture(llm.Image{Data: []byte{1}, Type: "image/bmp"})}, field: "Messages[0]"},
		"no image":            {req: llm.Request{Model: "smart", Messages: picture(llm.Image{Data: []byte{1}, Type: "text/plain"})}, field: "Messages[0]", want: failover.ClassInvalid},
		"bucket":              {req: llm.Request{Model: "smart", Messages: picture(llm.Image{URL: "gs://bucket/a.png"})}, field: "Messages[0]"},
		"name of the format":  {req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{Name: "a b", Schema: json.RawMessage(`{}`)}}, field: "Format.Name"},
		"list as an answer":   {req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{Schema: json.RawMessage(`{"type":"array"}`)}}, field: "Format.Schema"},
		"choice as an answer": {req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{Schema: json.RawMessage(`{"anyOf":[]}`)}}, field: "Format.Schema"},
		"far reference": {req: llm.Request{Model: "smart", Messages: user, Format: llm.Format{
			Schema: json.RawMessage(`{"type":"object","properties":{"a":{"anyOf":[{"$ref":"https://example.com/a"}]}}}`),
		}}, field: "Format.Schema"},
		"arguments of a choice":    {req: llm.Request{Model: "smart", Messages: user, Tools: tool(`{"type":"object","oneOf":[{}]}`)}, field: "Tools[0].Schema"},
		"arguments of a list":      {req: llm.Request{Model: "smart", Messages: user, Tools: tool(`{"type":["object","null"]}`)}, field: "Tools[0].Schema"},
		"arguments of a reference": {req: llm.Request{Model: "smart", Messages: user, Tools: tool(`{"$ref":"#/$defs/a"}`)}, field: "Tools[0].Schema"},
	} {
		for kind, ask := range asks {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, client := start(t)
				_, err := ask(t.Context(), client, c.req)
				want := c.want
				if want == failover.ClassUnknown {
					want = failover.ClassUnsupported
				}
				require.Error(t, err)
				assert.Equal(t, want, class(err))
				assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(err).Outcome)
				var wrong *llm.RequestError
				require.ErrorAs(t, err, &wrong)
				assert.Equal(t, c.field, wrong.Field, wrong.Reason)
				assert.Empty(t, s.Requests())
			})
		}
	}
}

func TestUnsupportedSchemaSaysWhere(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	_, err := c.LLM().Complete(t.Context(), llm.Request{
		Model: "smart", Messages: []llm.Message{llm.User("Hello.")},
		Tools: []llm.Tool{{Name: "now"}, {Name: "f", Schema: json.RawMessage(`{"type":"object","allOf":[{}]}`)}},
	})
	require.EqualError(t, err, "unsupported (llm: Tools[1].Schema has allOf at its root, which OpenAI refuses)")
	_, err = c.LLM().Complete(t.Context(), llm.Request{
		Model: "smart", Messages: []llm.Message{llm.User("Hello.")},
		Format: llm.Format{Schema: json.RawMessage(`{"type":"object","properties":{"a":{"anyOf":[{},{"$ref":"b.json"}]}}}`)},
	})
	require.EqualError(t, err,
		"unsupported (llm: Format.Schema has a $ref to another document at /properties/a/anyOf/1/$ref, which OpenAI does not fetch)")
}

func TestMetadataLimits(t *testing.T) {
	t.Parallel()
	s, c := start(t, openai.WithStore())
	many := map[string]string{}
	for _, r := range "abcdefghijklmnopq" {
		many[string(r)] = "1"
	}
	for name, metadata := range map[string]map[string]string{
		"many": many, "long key": {strings.Repeat("k", 65): "1"}, "long text": {"k": strings.Repeat("v", 513)},
	} {
		req := hello()
		req.Metadata = metadata
		_, err := c.LLM().Complete(t.Context(), req)
		assert.Equal(t, failover.ClassUnsupported, class(err), name)
	}
	assert.Empty(t, s.Requests())
}

func TestToolSchemas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ schema, want string }{
		"no type":     {`{"properties":{"a":{"type":"string"}}}`, `{"type":"object","properties":{"a":{"type":"string"}}}`},
		"empty":       {`{}`, `{"type":"object","properties":{}}`},
		"bare list":   {`{"type":"object","properties":{"a":{"type":"array"}}}`, `{"type":"object","properties":{"a":{"type":"array","items":{}}}}`},
		"bare object": {`{"type":"object","properties":{"a":{"type":"object"}}}`, `{"type":"object","properties":{"a":{"type":"object","properties":{}}}}`},
		"deep": {
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"array"},true],"$defs":{"b":{"type":"array"}}}},"$defs":{"c":{"items":{"type":"array"}}}}`,
			`{"type":"object","properties":{"a":{"anyOf":[{"type":"array","items":{}},true],"$defs":{"b":{"type":"array","items":{}}}}},"$defs":{"c":{"items":{"type":"array","items":{}}}}}`,
		},
		"a value that looks like a schema": {
			`{"type":"object","properties":{"a":{"const":{"type":"array"},"default":{"type":"array"}}}}`,
			`{"type":"object","properties":{"a":{"const":{"type":"array"},"default":{"type":"array"}}}}`,
		},
		"a property called type": {
			`{"type":"object","properties":{"type":{"type":"string"},"items":{"type":"string"}}}`,
			`{"type":"object","properties":{"type":{"type":"string"},"items":{"type":"string"}}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			req := hello()
			req.Tools = []llm.Tool{{Name: "f", Schema: json.RawMessage(c.schema)}}
			_, err := client.LLM().Complete(t.Context(), req)
			require.NoError(t, err)
			require.Len(t, s.Asked(), 1)
			assert.JSONEq(t, c.want, string(s.Asked()[0].Tools[0].Schema))
		})
	}
}

func TestFormatSchemas(t *testing.T) {
	t.Parallel()
	same := func(schema string) [2]string { return [2]string{schema, schema} }
	for name, c := range map[string]struct {
		schema [2]string // as given, as sent
		strict bool
	}{
		"closed by itself": {same(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}`), true},
		"closed by us":     {[2]string{`{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{},"required":[]}`, `{"type":"object","properties":{},"required":[],"additionalProperties":false}`}, true},
		"nested": {[2]string{
			`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":["string","null"]}},"required":["b"]}}},"required":["a"]}`,
			`{"type":"object","properties":{"a":{"type":"array","items":{"type":"object","properties":{"b":{"type":["string","null"]}},"required":["b"],"additionalProperties":false}}},"required":["a"],"additionalProperties":false}`,
		}, true},
		"references":       {[2]string{`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"$defs":{"a":{"type":"string","format":"date","description":"A day."}}}`, `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"$defs":{"a":{"type":"string","format":"date","description":"A day."}},"additionalProperties":false}`}, true},
		"optional":         {same(`{"type":"object","properties":{"a":{"type":"string"},"b":{"type":"string"}},"required":["a"]}`), false},
		"open":             {same(`{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":true}`), false},
		"a map":            {same(`{"type":"object","additionalProperties":{"type":"string"}}`), false},
		"any object":       {same(`{"type":"object"}`), false},
		"unknown keyword":  {same(`{"type":"object","properties":{"a":{"type":"string","minLength":2}},"required":["a"]}`), false},
		"unknown format":   {same(`{"type":"object","properties":{"a":{"type":"string","format":"uri"}},"required":["a"]}`), false},
		"one of":           {same(`{"type":"object","properties":{"a":{"oneOf":[{"type":"string"}]}},"required":["a"]}`), false},
		"anything":         {same(`{"type":"object","properties":{"a":{}},"required":["a"]}`), false},
		"required of none": {same(`{"type":"object","properties":{},"required":["a"]}`), false},
		"default":          {same(`{"type":"object","properties":{"a":{"type":"string","default":"x"}},"required":["a"]}`), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			req := hello()
			req.Format = llm.Format{Schema: json.RawMessage(c.schema[0])}
			_, err := client.LLM().Complete(t.Context(), req)
			require.NoError(t, err)
			format := body(t, s)["response_format"].(map[string]any)["json_schema"].(map[string]any)
			assert.Equal(t, c.strict, format["strict"])
			sent, err := json.Marshal(format["schema"])
			require.NoError(t, err)
			assert.JSONEq(t, c.schema[1], string(sent))
		})
	}
}
