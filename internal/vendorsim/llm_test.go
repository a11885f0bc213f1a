package vendorsim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

// dialect is how to speak to one vendor of language models.
type dialect struct {
	start   func(key string, opts ...vendorsim.Option) *vendorsim.Server
	headers map[string]string
	path    string // for an answer in one piece
	stream  string // for one in parts
	models  string
	hello   string // a request that says Hello.
	helloIn string // the same for a stream
	end     string // what the last event has
}

var dialects = map[string]dialect{
	"openai": {
		start: vendorsim.OpenAI, headers: map[string]string{"Authorization": "Bearer " + key},
		path: "/v1/chat/completions", stream: "/v1/chat/completions", models: "/v1/models",
		hello:   `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello."}]}`,
		helloIn: `{"model":"gpt-4o","messages":[{"role":"user","content":"Hello."}],"stream":true}`,
		end:     "[DONE]",
	},
	"anthropic": {
		start: vendorsim.Anthropic, headers: map[string]string{"X-Api-Key": key, "Anthropic-Version": "2023-06-01"},
		path: "/v1/messages", stream: "/v1/messages", models: "/v1/models",
		hello:   `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello."}]}`,
		helloIn: `{"model":"claude-sonnet-4-5","max_tokens":100,"messages":[{"role":"user","content":"Hello."}],"stream":true}`,
		end:     "message_stop",
	},
	"google": {
		start: vendorsim.Google, headers: map[string]string{"X-Goog-Api-Key": key},
		path: "/v1beta/models/gemini-2.5-flash:generateContent", stream: "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
		models:  "/v1beta/models",
		hello:   `{"contents":[{"role":"user","parts":[{"text":"Hello."}]}]}`,
		helloIn: `{"contents":[{"role":"user","parts":[{"text":"Hello."}]}]}`,
		end:     "finishReason",
	},
}

// helloAnswer is what all of them say to it.
const helloAnswer = "You said: Hello. That was message 1 of our conversation. I have nothing to add to it."

// send sends a request; without a body it gets.
func (d dialect) send(t *testing.T, s *vendorsim.Server, path, body string) (*http.Response, []byte, error) {
	t.Helper()
	method := http.MethodPost
	if body == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	for name, value := range d.headers {
		req.Header.Set(name, value)
	}
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return resp, got, err
}

// good sends a request that is answered well.
func (d dialect) good(t *testing.T, s *vendorsim.Server, path, body string) []byte {
	t.Helper()
	resp, got, err := d.send(t, s, path, body)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode, "%s", got)
	return got
}

// refused sends a request that is refused, and gives the refusal.
func (d dialect) refused(t *testing.T, s *vendorsim.Server, path, body string) (int, string) {
	t.Helper()
	resp, got, err := d.send(t, s, path, body)
	require.NoError(t, err)
	require.True(t, json.Valid(got), "%s", got)
	return resp.StatusCode, string(got)
}

// event is one server-sent event.
type event struct {
	name string
	data string
}

func (e event) json(t *testing.T) map[string]any {
	t.Helper()
	return object(t, []byte(e.data))
}

// read splits a stream, and checks that it is one.
func readEvents(t *testing.T, body []byte) []event {
	t.Helper()
	var all []event
	text := strings.ReplaceAll(string(body), "\r\n", "\n")
	require.True(t, strings.HasSuffix(text, "\n\n"), "the last event ends")
	for block := range strings.SplitSeq(strings.TrimSuffix(text, "\n\n"), "\n\n") {
		var e event
		for line := range strings.SplitSeq(block, "\n") {
			field, value, ok := strings.Cut(line, ": ")
			require.True(t, ok, "%q", line)
			switch field {
			case "event":
				e.name = value
			case "data":
				e.data += value
			default:
				require.Fail(t, "no such field", "%q", line)
			}
		}
		all = append(all, e)
	}
	return all
}

func object(t *testing.T, b []byte) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal(b, &m), "%s", b)
	return m
}

// at follows names and numbers into JSON; what is not there is nil.
func at(v any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			l, _ := v.([]any)
			if step < 0 || step >= len(l) {
				return nil
			}
			v = l[step]
		}
	}
	return v
}

func each(t *testing.T, test func(t *testing.T, d dialect)) {
	t.Helper()
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, d)
		})
	}
}

func TestModelsAnswerAlike(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d dialect) {
		s := d.start(key)
		defer s.Close()
		assert.Contains(t, string(d.good(t, s, d.path, d.hello)), helloAnswer)
		d.good(t, s, d.stream, d.helloIn)
		asked := s.Asked()
		require.Len(t, asked, 2)
		assert.Equal(t, []vendorsim.LLMMessage{{Role: "user", Text: "Hello."}}, asked[0].Messages)
		assert.False(t, asked[0].Stream)
		assert.True(t, asked[1].Stream)
		assert.Equal(t, 2, asked[1].Number)
		assert.Equal(t, 2, s.Stats().Requests)
	})
}

func TestModelsKeepTheirKeys(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d dialect) {
		s := d.start("another key")
		defer s.Close()
		for _, path := range []string{d.path, d.models} {
			body := d.hello
			if path == d.models {
				body = ""
			}
			status, refusal := d.refused(t, s, path, body)
			assert.Contains(t, []int{400, 401}, status)
			assert.Contains(t, strings.ToLower(refusal), "api")
		}
		assert.Empty(t, s.Asked())
		for _, r := range s.Requests() {
			assert.True(t, r.Keyed)
			assert.NotContains(t, r.Header, http.CanonicalHeaderKey("Authorization"))
		}
	})
}

func TestModelsFollowAScript(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d dialect) {
		s := d.start(key, vendorsim.InMemory(), vendorsim.WithScript(vendorsim.Answers(
			vendorsim.LLMAnswer{Text: "One."}, vendorsim.LLMAnswer{Status: 429},
		)))
		defer s.Close()
		assert.Contains(t, string(d.good(t, s, d.path, d.hello)), "One.")
		status, _ := d.refused(t, s, d.path, d.hello)
		assert.Equal(t, 429, status)
		assert.Contains(t, string(d.good(t, s, d.path, d.hello)), helloAnswer)

		s.Answer(func(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
			assert.Len(t, s.Asked(), r.Number, "a script may look at the server")
			return vendorsim.LLMAnswer{Text: "Two."}
		})
		assert.Contains(t, string(d.good(t, s, d.path, d.hello)), "Two.")
		s.Answer(nil)
		assert.Contains(t, string(d.good(t, s, d.path, d.hello)), helloAnswer)
	})
}

func TestRefusalsTellTheLimits(t *testing.T) {
	t.Parallel()
	for name, header := range map[string]string{
		"openai": "X-Ratelimit-Remaining-Requests", "anthropic": "Anthropic-Ratelimit-Requests-Remaining",
	} {
		d := dialects[name]
		s := d.start(key, vendorsim.InMemory())
		defer s.Close()
		s.Limits(vendorsim.LLMLimits{Requests: 10})
		s.Fail(vendorsim.Status(429).RetryAfter(7))
		resp, _, err := d.send(t, s, d.path, d.hello)
		require.NoError(t, err)
		assert.Equal(t, "0", resp.Header.Get(header))
		assert.Equal(t, "7", resp.Header.Get("Retry-After"))
	}
}

func TestModelsHaveOtherNames(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key, vendorsim.WithModels("my-model"))
	defer s.Close()
	d := dialects["openai"]
	d.good(t, s, d.path, strings.Replace(d.hello, "gpt-4o", "my-model", 1))
	assert.Contains(t, string(d.good(t, s, d.models, "")), `"my-model"`)
	assert.Panics(t, func() { vendorsim.ElevenLabs(key, vendorsim.WithModels("x")) }, "it has none")
}

func TestStreamsBreak(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d dialect) {
		s := d.start(key, vendorsim.InMemory())
		defer s.Close()
		whole := d.good(t, s, d.stream, d.helloIn)
		events := readEvents(t, whole)
		require.Greater(t, len(events), 5)
		assert.Contains(t, events[len(events)-1].data, d.end)

		broken := func(f vendorsim.Fault) ([]byte, error) {
			t.Helper()
			s.Fail(f)
			resp, got, err := d.send(t, s, d.stream, d.helloIn)
			require.NotNil(t, resp, "%v", err)
			assert.Equal(t, 200, resp.StatusCode)
			assert.Contains(t, resp.Header.Get("Content-Type"), "text/event-stream")
			return got, err
		}
		got, err := broken(vendorsim.EndAfter(3))
		require.NoError(t, err)
		assert.Len(t, readEvents(t, got), 3, "one event is one chunk")

		got, err = broken(vendorsim.CutAfter(2))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Len(t, readEvents(t, got), 2)

		got, err = broken(vendorsim.Unfinished())
		require.NoError(t, err)
		assert.Len(t, readEvents(t, got), len(events)-1)
		assert.NotContains(t, string(got), d.end)

		got, err = broken(vendorsim.EndAt("That "))
		require.NoError(t, err)
		assert.True(t, bytes.HasSuffix(got, []byte("\n\n")) || bytes.HasSuffix(got, []byte("\n\r\n")))
		assert.NotContains(t, string(got), "nothing")

		_, err = broken(vendorsim.CutAt("That "))
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)

		got, err = broken(vendorsim.ReplaceAfter(1, "data: {\"id\":\n\n"))
		require.NoError(t, err)
		last := readEvents(t, got)[1]
		assert.False(t, json.Valid([]byte(last.data)))

		got, err = broken(vendorsim.EndWithin(4))
		require.NoError(t, err)
		assert.False(t, bytes.HasSuffix(got, []byte("\n\n")))
	})
}

func TestErrorsInAStream(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		status int
		code   string
		event  event
		path   []any
		kind   string
	}{
		"openai":    {status: 500, event: event{}, path: []any{"error", "type"}, kind: "server_error"},
		"anthropic": {status: 529, event: event{name: "error"}, path: []any{"error", "type"}, kind: "overloaded_error"},
		"google":    {status: 503, event: event{}, path: []any{"error", "status"}, kind: "UNAVAILABLE"},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialects[name]
			s := d.start(key, vendorsim.InMemory())
			defer s.Close()
			s.Fail(vendorsim.SSEErrorAfter(2, want.status, want.code), vendorsim.ErrorAfter(2, want.status, ""))
			events := readEvents(t, d.good(t, s, d.stream, d.helloIn))
			require.Len(t, events, 3)
			assert.Equal(t, want.event.name, events[2].name)
			assert.Equal(t, want.kind, at(events[2].json(t), want.path...))
			// A proxy may put the error there as it is.
			raw := d.good(t, s, d.stream, d.helloIn)
			assert.Contains(t, string(raw), "\n{")
		})
	}
}

func TestErrorsThatAreNotTheVendors(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, d dialect) {
		s := d.start(key, vendorsim.InMemory())
		defer s.Close()
		s.Fail(vendorsim.ErrorWithin(500, ""), vendorsim.BareError(400, "no such model"), vendorsim.HTMLError(502), vendorsim.Empty())
		assert.NotNil(t, object(t, d.good(t, s, d.path, d.hello))["error"])
		status, body := d.refused(t, s, d.path, d.hello)
		assert.Equal(t, 400, status)
		assert.JSONEq(t, `{"error":"no such model"}`, body)
		resp, got, err := d.send(t, s, d.path, d.hello)
		require.NoError(t, err)
		assert.Equal(t, 502, resp.StatusCode)
		assert.Contains(t, resp.Header.Get("Content-Type"), "text/html")
		assert.Contains(t, string(got), "502 Bad Gateway")
		assert.Empty(t, d.good(t, s, d.path, d.hello))
	})
}

func TestStreamsUnderFakeTime(t *testing.T) {
	for name, d := range dialects {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := d.start(key, vendorsim.InMemory())
				defer s.Close()
				whole := d.good(t, s, d.stream, d.helloIn)
				s.Fail(vendorsim.SlowFirstChunk(time.Minute), vendorsim.Pace(time.Second))
				begun := time.Now()
				d.good(t, s, d.stream, d.helloIn)
				assert.Equal(t, time.Minute, time.Since(begun))
				begun = time.Now()
				d.good(t, s, d.stream, d.helloIn)
				assert.Equal(t, time.Duration(len(readEvents(t, whole))-1)*time.Second, time.Since(begun))
			})
		})
	}
}

func TestStallInAStream(t *testing.T) {
	each(t, func(t *testing.T, d dialect) {
		s := d.start(key, vendorsim.InMemory())
		s.Fail(vendorsim.StallAt("That "))
		go func() {
			_ = s.Await(t.Context(), func(st vendorsim.Stats) bool { return st.Sent > 0 })
			s.Close()
		}()
		_, _, err := d.send(t, s, d.stream, d.helloIn)
		require.Error(t, err)
	})
}

func TestSample(t *testing.T) {
	t.Parallel()
	for schema, want := range map[string]string{
		``: `{}`,
		`{"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer","minimum":3}}}`: `{"city":"sample","days":3}`,
		`{"type":"object","properties":{"unit":{"enum":["c","f"]},"on":{"type":["null","boolean"]}}}`:     `{"unit":"c","on":true}`,
		`{"type":"OBJECT","properties":{"when":{"type":"STRING","format":"date"}}}`:                       `{"when":"2026-01-02"}`,
		`{"type":"array","minItems":2,"items":{"anyOf":[{"type":"null"},{"type":"number"}]}}`:             `[1,1]`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object","properties":{"n":{"const":7}}}}}`:             `{"n":7}`,
		`{"type":"string","minLength":8}`: `"samplexx"`,
		`{"type":"string","maxLength":3}`: `"sam"`,
	} {
		assert.JSONEq(t, want, string(vendorsim.Sample(json.RawMessage(schema))), schema)
	}
	endless := `{"type":"object","properties":{"next":{"$ref":"#"}}}`
	assert.True(t, json.Valid(vendorsim.Sample(json.RawMessage(endless))))
}

func TestModelsAreToldAlike(t *testing.T) {
	t.Parallel()
	const schema = `{"type":"object","properties":{"q":{"type":"string"}}}`
	two := func(format string) string {
		one := strings.ReplaceAll(format, "SCHEMA", schema)
		return strings.ReplaceAll(one, "NAME", "first") + "," + strings.ReplaceAll(one, "NAME", "second")
	}
	function := two(`{"type":"function","function":{"name":"NAME","parameters":SCHEMA}}`)
	tool := two(`{"name":"NAME","input_schema":SCHEMA}`)
	declaration := two(`{"name":"NAME","parameters":SCHEMA}`)
	for name, body := range map[string]func(choice string) string{
		"openai": func(choice string) string {
			return chat("gpt-5", `"tools":[`+function+`],"tool_choice":`+map[string]string{
				"auto": `"auto"`, "none": `"none"`, "required": `"required"`, "second": `{"type":"function","function":{"name":"second"}}`,
			}[choice], `{"role":"user","content":[{"type":"text","text":"Look."},{"type":"image_url","image_url":{"url":"https://example.com/a.png"}}]}`)
		},
		"anthropic": func(choice string) string {
			return claude(newClaude, `"tools":[`+tool+`],"tool_choice":`+map[string]string{
				"auto": `{"type":"auto"}`, "none": `{"type":"none"}`, "required": `{"type":"any"}`, "second": `{"type":"tool","name":"second"}`,
			}[choice], has("user", `{"type":"text","text":"Look."}`, `{"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}`))
		},
		"google": func(choice string) string {
			return gemini(`"tools":[{"functionDeclarations":[`+declaration+`]}],"toolConfig":{"functionCallingConfig":`+map[string]string{
				"auto": `{"mode":"AUTO"}`, "none": `{"mode":"NONE"}`, "required": `{"mode":"ANY"}`, "second": `{"mode":"ANY","allowedFunctionNames":["second"]}`,
			}[choice]+`}`, turn("user", `{"text":"Look."}`, `{"fileData":{"mimeType":"image/png","fileUri":"https://example.com/a.png"}}`))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := dialects[name]
			s := d.start(key)
			defer s.Close()
			for choice, want := range map[string]string{"auto": "first", "required": "first", "second": "second", "none": "That was message 1"} {
				assert.Contains(t, string(d.good(t, s, d.path, body(choice))), want, choice)
				all := s.Asked()
				asked := all[len(all)-1]
				assert.Equal(t, choice, asked.ToolChoice)
				require.Len(t, asked.Tools, 2)
				assert.JSONEq(t, schema, string(asked.Tools[1].Schema))
				assert.Equal(t, "https://example.com/a.png", asked.Messages[0].Images[0].URL)
			}
		})
	}
}
