package google_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
)

const dummy = "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I=" // skip_thought_signature_validator

var weather = llm.Tool{
	Name: "weather", Description: "Tells it.",
	Schema: json.RawMessage(`{"type":"object","properties":{"where":{"type":"string"},"at":{"type":"string"}},"required":["where"]}`),
}

const weatherOnWire = `{"functionDeclarations":[{"description":"Tells it.","name":"weather","parametersJsonSchema":` +
	`{"properties":{"at":{"type":"string"},"where":{"type":"string"}},"propertyOrdering":["where","at"],"required":["where"],"type":"object"}}]}`

const helloOnWire = `"contents":[{"parts":[{"text":"Hello."}],"role":"user"}]`

func called(id, name, args string) llm.Part {
	return llm.Part{Call: &llm.ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}}
}

func assistant(parts ...llm.Part) llm.Message {
	return llm.Message{Role: llm.RoleAssistant, Parts: parts}
}

func user(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleUser, Parts: parts} }

func result(id, content string) llm.Part {
	return llm.Part{Result: &llm.ToolResult{ID: id, Content: content}}
}

func opaque(vendor, data string) *llm.Opaque {
	return &llm.Opaque{Vendor: vendor, Data: json.RawMessage(data)}
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		req  llm.Request
		body string
	}{
		"text": {req: hello(), body: `{` + helloOnWire + `}`},
		"system": {
			req:  llm.Request{System: "Be kind.", Messages: []llm.Message{llm.User("Hello.")}},
			body: `{` + helloOnWire + `,"systemInstruction":{"parts":[{"text":"Be kind."}],"role":"user"}}`,
		},
		"settings": {
			req: llm.Request{
				Messages: []llm.Message{llm.User("Hello.")}, Temperature: new(0.7), TopP: new(0.9), MaxTokens: 300,
				Stop: []string{"END"}, Seed: new(int64(7)), Metadata: map[string]string{"a": "b"},
			},
			body: `{` + helloOnWire + `,"generationConfig":{"maxOutputTokens":300,"seed":7,"stopSequences":["END"],"temperature":0.7,"topP":0.9}}`,
		},
		"zeros": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Temperature: new(0.0), TopP: new(0.0), Seed: new(int64(0))},
			body: `{` + helloOnWire + `,"generationConfig":{"seed":0,"temperature":0,"topP":0}}`,
		},
		"long seed": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Seed: new(int64(1<<32 | 5))},
			body: `{` + helloOnWire + `,"generationConfig":{"seed":4}}`,
		},
		"images": {
			req: ask(user(llm.Part{Text: "What?"}, llm.Part{Image: &llm.Image{Data: []byte("img"), Type: "image/png"}},
				llm.Part{Image: &llm.Image{URL: "https://a.test/p.JPG?x=1"}}, llm.Part{Image: &llm.Image{URL: "https://a.test/p", Type: "image/webp"}})),
			body: `{"contents":[{"parts":[{"text":"What?"},{"inlineData":{"data":"aW1n","mimeType":"image/png"}},` +
				`{"fileData":{"fileUri":"https://a.test/p.JPG?x=1","mimeType":"image/jpeg"}},{"fileData":{"fileUri":"https://a.test/p","mimeType":"image/webp"}}],"role":"user"}]}`,
		},
		"tools": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{weather}},
			body: `{` + helloOnWire + `,"tools":[` + weatherOnWire + `]}`,
		},
		"tool without arguments": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{{Name: "now"}}},
			body: `{` + helloOnWire + `,"tools":[{"functionDeclarations":[{"name":"now"}]}]}`,
		},
		"no tool": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolNone}},
			body: `{` + helloOnWire + `,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}},"tools":[` + weatherOnWire + `]}`,
		},
		"any tool": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}},
			body: `{` + helloOnWire + `,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},"tools":[` + weatherOnWire + `]}`,
		},
		"this tool": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{weather}, ToolChoice: llm.ToolChoice{Mode: llm.ToolNamed, Name: "weather"}},
			body: `{` + helloOnWire + `,"toolConfig":{"functionCallingConfig":{"allowedFunctionNames":["weather"],"mode":"ANY"}},"tools":[` + weatherOnWire + `]}`,
		},
		"json": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Format: llm.Format{JSON: true}},
			body: `{` + helloOnWire + `,"generationConfig":{"responseMimeType":"application/json"}}`,
		},
		"schema": {
			req:  llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Format: llm.Format{Schema: json.RawMessage(`{"type":"object","properties":{"z":{"type":"integer"},"a":{"const":"b"}}}`)}},
			body: `{` + helloOnWire + `,"generationConfig":{"responseJsonSchema":{"properties":{"a":{"enum":["b"]},"z":{"type":"integer"}},"propertyOrdering":["z","a"],"type":"object"},"responseMimeType":"application/json"}}`,
		},
		"prefill": {
			req:  ask(llm.User("Hello."), llm.Assistant("Good")),
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},{"parts":[{"text":"Good"}],"role":"model"}]}`,
		},
		"turns of one role": {
			req:  ask(llm.User("One."), llm.User("Two."), llm.Assistant("Three."), llm.Assistant("Four."), llm.User("Five.")),
			body: `{"contents":[{"parts":[{"text":"One."},{"text":"Two."}],"role":"user"},{"parts":[{"text":"Three."},{"text":"Four."}],"role":"model"},{"parts":[{"text":"Five."}],"role":"user"}]}`,
		},
		"calls of another vendor, an older model": {
			req: ask(llm.User("Hello."), assistant(called("call_1", "weather", `{"where":"Oslo"}`)), llm.Results(llm.ToolResult{ID: "call_1", Content: "sun"})),
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},{"parts":[{"functionCall":{"args":{"where":"Oslo"},"id":"call_1","name":"weather"}}],"role":"model"},` +
				`{"parts":[{"functionResponse":{"id":"call_1","name":"weather","response":{"output":"sun"}}}],"role":"user"}]}`,
		},
		"calls of another vendor": {
			req: llm.Request{Model: "new", Messages: []llm.Message{
				llm.User("Hello."),
				assistant(llm.Part{Thinking: "Hm.", Opaque: opaque("anthropic", `{"s":1}`)}, llm.Part{Opaque: opaque("openai", `{}`)},
					called("toolu_1", "weather", `{}`), called("toolu_2", "weather", `{}`)),
				llm.Results(llm.ToolResult{ID: "toolu_2", Content: "rain", Failed: true}, llm.ToolResult{ID: "toolu_1", Content: "sun"}),
			}},
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},` +
				`{"parts":[{"functionCall":{"id":"toolu_1","name":"weather"},"thoughtSignature":"` + dummy + `"},{"functionCall":{"id":"toolu_2","name":"weather"}}],"role":"model"},` +
				`{"parts":[{"functionResponse":{"id":"toolu_1","name":"weather","response":{"output":"sun"}}},{"functionResponse":{"id":"toolu_2","name":"weather","response":{"error":"rain"}}}],"role":"user"}]}`,
		},
		"a call of another vendor behind a text": {
			req: llm.Request{Model: "new", Messages: []llm.Message{
				llm.User("Hello."), assistant(llm.Part{Text: "Well."}, called("1", "a", `{}`)), user(result("1", "A")), llm.Assistant("So."), llm.User("Yes."),
			}},
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},{"parts":[{"text":"Well."},{"functionCall":{"id":"1","name":"a"},"thoughtSignature":"` + dummy + `"}],"role":"model"},` +
				`{"parts":[{"functionResponse":{"id":"1","name":"a","response":{"output":"A"}}}],"role":"user"},{"parts":[{"text":"So."}],"role":"model"},{"parts":[{"text":"Yes."}],"role":"user"}]}`,
		},
		"what is its own": {
			req: ask(llm.User("Hello."),
				assistant(llm.Part{Thinking: "Hm.", Opaque: opaque("google", `{"signature":"c2ln"}`)}, llm.Part{Text: "Well.", Opaque: opaque("google", `{"signature":"c2ln"}`)},
					llm.Part{Opaque: opaque("google", `{"signature":"c2ln"}`)}, llm.Part{Opaque: opaque("google", `{"part":{"executableCode":{"code":"1","language":"PYTHON"}}}`)}),
				llm.User("Go on.")),
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},{"parts":[{"text":"Hm.","thought":true,"thoughtSignature":"c2ln"},{"text":"Well.","thoughtSignature":"c2ln"},` +
				`{"text":"","thoughtSignature":"c2ln"},{"executableCode":{"code":"1","language":"PYTHON"}}],"role":"model"},{"parts":[{"text":"Go on."}],"role":"user"}]}`,
		},
		"results apart, and one that is missing": {
			req: ask(llm.User("Hello."), assistant(called("1", "a", `{}`), called("2", "b", `{}`), called("3", "c", `{}`)),
				user(result("3", "C")), user(llm.Part{Text: "And?"}, result("1", "A"))),
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},` +
				`{"parts":[{"functionCall":{"id":"1","name":"a"}},{"functionCall":{"id":"2","name":"b"}},{"functionCall":{"id":"3","name":"c"}}],"role":"model"},` +
				`{"parts":[{"functionResponse":{"id":"1","name":"a","response":{"output":"A"}}},{"functionResponse":{"id":"2","name":"b","response":{"error":"no result was given"}}},` +
				`{"functionResponse":{"id":"3","name":"c","response":{"output":"C"}}},{"text":"And?"}],"role":"user"}]}`,
		},
		"one id in two turns": {
			req: ask(llm.User("Hello."), assistant(called("1", "a", `{}`)), user(result("1", "A")), assistant(called("1", "b", `{}`)), user(result("1", "B"))),
			body: `{"contents":[{"parts":[{"text":"Hello."}],"role":"user"},{"parts":[{"functionCall":{"id":"1","name":"a"}}],"role":"model"},{"parts":[{"functionResponse":{"id":"1","name":"a","response":{"output":"A"}}}],"role":"user"},` +
				`{"parts":[{"functionCall":{"id":"1","name":"b"}}],"role":"model"},{"parts":[{"functionResponse":{"id":"1","name":"b","response":{"output":"B"}}}],"role":"user"}]}`,
		},
	} {
		for _, how := range []string{"whole", "stream"} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s, cl := start(t)
				var err error
				path := ":generateContent"
				if how == "stream" {
					path = ":streamGenerateContent"
					_, err = llm.Collect(cl.LLM().Stream(t.Context(), c.req))
				} else {
					_, err = cl.LLM().Complete(t.Context(), c.req)
				}
				// The simulator does not know all parts.
				if !strings.Contains(c.body, "executableCode") {
					require.NoError(t, err)
				}
				require.Equal(t, 1, s.Stats().Requests, "one attempt is one request")
				assert.True(t, cl.LLM().Supports(c.req))
				model := older
				if c.req.Model != "" {
					model = newer
				}
				assert.Equal(t, "/v1beta/models/"+model+path, s.Requests()[0].Path)
				assert.Equal(t, compact(t, c.body), compact(t, sent(t, s)))
			})
		}
	}
}

func TestRefusedLocally(t *testing.T) {
	t.Parallel()
	long := make([]string, 6)
	for i := range long {
		long[i] = "x"
	}
	withTool := func(t llm.Tool) llm.Request {
		return llm.Request{Messages: []llm.Message{llm.User("Hello.")}, Tools: []llm.Tool{t}}
	}
	for name, c := range map[string]struct {
		req   llm.Request
		class failover.Class
		field string
		says  string
	}{
		"invalid":          {req: llm.Request{}, class: failover.ClassInvalid, field: "Messages"},
		"no row":           {req: llm.Request{Model: "smart", Messages: hello().Messages}, class: failover.ClassUnsupported, field: "Model"},
		"another vendor's": {req: llm.Request{Model: "openai:gpt-5", Messages: hello().Messages}, class: failover.ClassUnsupported, field: "Model"},
		"a path":           {req: llm.Request{Model: "google:../files", Messages: hello().Messages}, class: failover.ClassUnsupported, field: "Model"},
		"a query":          {req: llm.Request{Model: "google:gemini?x=1", Messages: hello().Messages}, class: failover.ClassUnsupported, field: "Model"},
		"stop":             {req: llm.Request{Messages: hello().Messages, Stop: long}, class: failover.ClassUnsupported, field: "Stop"},
		"prefill": {
			req:   llm.Request{Model: "google:gemini-3.8-flash", Messages: []llm.Message{llm.User("Hello."), llm.Assistant("Good")}},
			class: failover.ClassUnsupported, field: "Messages", says: "prefill",
		},
		"tool name":   {req: withTool(llm.Tool{Name: "2nd"}), class: failover.ClassUnsupported, field: "Tools[0].Name"},
		"tool schema": {req: withTool(llm.Tool{Name: "a", Schema: json.RawMessage(`{"properties":{"b":{"not":{}}}}`)}), class: failover.ClassUnsupported, field: "Tools[0].Schema", says: `has the keyword "not", unknown to Gemini, at #/properties/b/not`},
		"answer schema": {
			req:   llm.Request{Messages: hello().Messages, Format: llm.Format{Schema: json.RawMessage(`{"minLength":1}`)}},
			class: failover.ClassUnsupported, field: "Format.Schema", says: "minLength",
		},
		"json beside tools": {
			req:   llm.Request{Messages: hello().Messages, Tools: []llm.Tool{weather}, Format: llm.Format{JSON: true}},
			class: failover.ClassUnsupported, field: "Format",
		},
		"image": {
			req:   ask(user(llm.Part{Image: &llm.Image{URL: "https://a.test/secret"}})),
			class: failover.ClassUnsupported, field: "Messages[0].Parts[0].Image.Type",
		},
		"nothing left": {
			req:   ask(user(llm.Part{Opaque: opaque("openai", `{}`)})),
			class: failover.ClassUnsupported, field: "Messages",
		},
		"ends with a call": {
			req:   ask(llm.User("Hello."), assistant(called("1", "a", `{}`))),
			class: failover.ClassUnsupported, field: "Messages", says: "tool call",
		},
		"late result": {
			req:   ask(llm.User("Hello."), assistant(called("1", "a", `{}`)), llm.User("Well?"), llm.Assistant("No."), user(result("1", "A"))),
			class: failover.ClassUnsupported, field: "Messages",
		},
		"two results": {
			req:   ask(llm.User("Hello."), assistant(called("1", "a", `{}`)), user(result("1", "A"), result("1", "B"))),
			class: failover.ClassInvalid, field: "Messages",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl := start(t)
			_, err := cl.LLM().Complete(t.Context(), c.req)
			_, streamed := llm.Collect(cl.LLM().Stream(t.Context(), c.req))
			for _, err := range []error{err, streamed} {
				assert.Equal(t, c.class, failover.ClassOf(err))
				var e *llm.RequestError
				require.ErrorAs(t, err, &e)
				assert.Equal(t, c.field, e.Field)
				assert.Contains(t, e.Reason, c.says)
				assert.NotContains(t, err.Error(), "secret")
			}
			assert.Equal(t, c.class != failover.ClassUnsupported, cl.LLM().Supports(c.req))
			assert.Zero(t, s.Stats().Requests)
		})
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	s, c := start(t, google.WithConfig(func(conf *genai.GenerateContentConfig) {
		conf.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
		conf.AutomaticContinuation = new(true)
		conf.HTTPOptions = &genai.HTTPOptions{BaseURL: "http://127.0.0.1:1"}
	}))
	answer, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.NotEmpty(t, answer.Message.Parts[0].Thinking)
	assert.Positive(t, answer.Usage.Reasoning)
	assert.JSONEq(t, `{`+helloOnWire+`,"generationConfig":{"thinkingConfig":{"includeThoughts":true}}}`, sent(t, s))
}

func TestConfigThatTheSDKRefuses(t *testing.T) {
	t.Parallel()
	s, c := start(t, google.WithConfig(func(conf *genai.GenerateContentConfig) { conf.AudioTimestamp = true }))
	for _, how := range []string{"whole", "stream"} {
		wantError(t, calls[how](t, c.LLM(), hello()), failover.ClassUnsupported)
	}
	assert.Zero(t, s.Stats().Requests)
}

func TestMaxTokensOfTheTable(t *testing.T) {
	t.Parallel()
	s, c := start(t, google.WithModels(llm.Models{"": {ID: older, MaxTokens: 200}}))
	_, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, 200, s.Asked()[0].MaxTokens)
	_, err = c.LLM().Complete(t.Context(), llm.Request{Messages: hello().Messages, MaxTokens: 1 << 40, Model: "google:gemini-2.0-flash"})
	require.Error(t, err)
	assert.Contains(t, sent(t, s), `"maxOutputTokens":2147483647`)
}

// An id that is used again names another call.
func TestIDsAreUsedAgain(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	call := func() llm.Message {
		return llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{
			{Call: &llm.ToolCall{ID: "call_0", Name: "look", Args: json.RawMessage(`{"n":1}`)}},
		}}
	}
	_, err := c.LLM().Complete(t.Context(), ask(llm.User("Look."), call(), llm.User("Never mind."), call(),
		llm.Results(llm.ToolResult{ID: "call_0", Content: "SECOND"})))
	require.NoError(t, err)
	body := sent(t, s)
	first, second := strings.Index(body, noneGiven), strings.Index(body, "SECOND")
	require.Positive(t, first)
	assert.Less(t, first, second, "the first call has no result, the second has its own")
}

const noneGiven = "no result was given"
