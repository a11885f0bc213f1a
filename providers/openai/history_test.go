package openai_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

func callPart(id, name, args string) llm.Part {
	return llm.Part{Call: &llm.ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}}
}

func result(id, content string) llm.Part {
	return llm.Part{Result: &llm.ToolResult{ID: id, Content: content}}
}

func says(role llm.Role, parts ...llm.Part) llm.Message { return llm.Message{Role: role, Parts: parts} }

// Calls and results on the wire.
const (
	wireA  = `{"type":"function","id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}`
	wireB  = `{"type":"function","id":"b","function":{"name":"g","arguments":"{}"}}`
	toolA  = `{"role":"tool","tool_call_id":"a","content":"A"}`
	toolB  = `{"role":"tool","tool_call_id":"b","content":"B"}`
	asking = `{"role":"user","content":"Go."}`
)

// Conversations of any vendor are sent in OpenAI's form.
func TestHistory(t *testing.T) {
	t.Parallel()
	a, b := callPart("a", "f", `{"x":1}`), callPart("b", "g", "")
	long := strings.Repeat("toolu_0123456789", 4)
	const short = "call_02d5ae1c2fb8bc3be6b7eb2e6e9b0b9b" // replaced below: what counts is that both agree
	for name, c := range map[string]struct {
		messages []llm.Message
		want     string
	}{
		"turns": {
			[]llm.Message{llm.User("Go."), llm.Assistant("Yes."), llm.User("Go.")},
			asking + `,{"role":"assistant","content":"Yes."},` + asking,
		},
		"texts of a message": {
			[]llm.Message{says(llm.RoleUser, llm.Part{Text: "Go"}, llm.Part{Text: "."})},
			asking,
		},
		"calls": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, llm.Part{Text: "I look."}, a, b), says(llm.RoleUser, result("a", "A"), result("b", "B"))},
			asking + `,{"role":"assistant","content":"I look.","tool_calls":[` + wireA + `,` + wireB + `]},` + toolA + `,` + toolB,
		},
		"results before what is said with them": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a), says(llm.RoleUser, llm.Part{Text: "Go."}, result("a", "A"))},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},` + toolA + `,` + asking,
		},
		"results in two messages": {
			[]llm.Message{
				llm.User("Go."), says(llm.RoleAssistant, a, b), says(llm.RoleUser, result("b", "B"), llm.Part{Text: "Go."}),
				says(llm.RoleUser, result("a", "A")), llm.Assistant("Done."), llm.User("Go."),
			},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `,` + wireB + `]},` + toolB + `,` + toolA + `,` + asking +
				`,{"role":"assistant","content":"Done."},` + asking,
		},
		"calls in two messages": {
			[]llm.Message{
				llm.User("Go."), says(llm.RoleAssistant, llm.Part{Text: "I "}, a), says(llm.RoleAssistant, llm.Part{Text: "look."}, b),
				says(llm.RoleUser, result("a", "A"), result("b", "B")),
			},
			asking + `,{"role":"assistant","content":"I look.","tool_calls":[` + wireA + `,` + wireB + `]},` + toolA + `,` + toolB,
		},
		"an error": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a), llm.Results(llm.ToolResult{ID: "a", Content: "no such city", Failed: true})},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},{"role":"tool","tool_call_id":"a","content":"Error: no such city"}`,
		},
		"an empty result": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a), says(llm.RoleUser, result("a", ""))},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},{"role":"tool","tool_call_id":"a","content":""}`,
		},
		"another vendor's thoughts": {
			[]llm.Message{
				llm.User("Go."),
				says(llm.RoleAssistant, llm.Part{Thinking: "Hm.", Opaque: &llm.Opaque{Vendor: "anthropic", Data: json.RawMessage(`{"signature":"s"}`)}}, a),
				says(llm.RoleUser, result("a", "A")),
				says(llm.RoleAssistant, llm.Part{Thinking: "Hm."}),
				llm.User("Go."),
			},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},` + toolA + `,` + asking,
		},
		"another vendor's signature of a call": {
			[]llm.Message{
				llm.User("Go."),
				says(llm.RoleAssistant, llm.Part{Call: a.Call, Opaque: &llm.Opaque{Vendor: "google", Data: json.RawMessage(`"sig"`)}}),
				says(llm.RoleUser, result("a", "A")),
			},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},` + toolA,
		},
		"long ids": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, callPart(long, "g", "{}")), says(llm.RoleUser, result(long, "B"))},
			asking + `,{"role":"assistant","tool_calls":[` + strings.Replace(wireB, `"b"`, `"`+short+`"`, 1) + `]},` + strings.Replace(toolB, `"b"`, `"`+short+`"`, 1),
		},
		"images": {
			[]llm.Message{says(llm.RoleUser,
				llm.Part{Text: "What is this?"},
				llm.Part{Image: &llm.Image{Data: []byte("abc"), Type: "image/PNG"}},
				llm.Part{Image: &llm.Image{URL: "https://example.com/a.jpg"}},
			)},
			`{"role":"user","content":[{"type":"text","text":"What is this?"},
				{"type":"image_url","image_url":{"url":"data:image/png;base64,YWJj"}},
				{"type":"image_url","image_url":{"url":"https://example.com/a.jpg"}}]}`,
		},
		"an image with a result": {
			[]llm.Message{
				llm.User("Go."), says(llm.RoleAssistant, a),
				says(llm.RoleUser, llm.Part{Image: &llm.Image{URL: "https://example.com/a.jpg"}}, result("a", "A")),
			},
			asking + `,{"role":"assistant","tool_calls":[` + wireA + `]},` + toolA +
				`,{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://example.com/a.jpg"}}]}`,
		},
	} {
		for kind, ask := range asks {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, client := start(t)
				_, err := ask(t.Context(), client, llm.Request{Model: "smart", Messages: c.messages})
				require.NoError(t, err)
				sent := body(t, s)["messages"]
				got, err := json.Marshal(sent)
				require.NoError(t, err)
				want := "[" + c.want + "]"
				if strings.Contains(want, short) {
					id := sent.([]any)[1].(map[string]any)["tool_calls"].([]any)[0].(map[string]any)["id"].(string)
					assert.LessOrEqual(t, len(id), 40)
					want = strings.ReplaceAll(want, short, id)
				}
				assert.JSONEq(t, want, string(got))
			})
		}
	}
}

// Two long ids stay two.
func TestLongIDsStayApart(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	one, two := strings.Repeat("x", 50)+"1", strings.Repeat("x", 50)+"2"
	_, err := c.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: []llm.Message{
		llm.User("Go."), says(llm.RoleAssistant, callPart(one, "f", "{}"), callPart(two, "f", "{}"), callPart("with spaces", "f", "{}")),
		says(llm.RoleUser, result(one, "1"), result(two, "2"), result("with spaces", "3")),
	}})
	require.NoError(t, err)
	calls := s.Asked()[0].Messages[1].Calls
	require.Len(t, calls, 3)
	assert.NotEqual(t, calls[0].ID, calls[1].ID)
	results := s.Asked()[0].Messages[2].Results
	for i := range calls {
		assert.Equal(t, calls[i].ID, results[i].ID)
	}
}

// Histories that make no sense are the request's fault, those that only this
// vendor refuses are unsupported, and both say where.
func TestBrokenHistories(t *testing.T) {
	t.Parallel()
	a, b := callPart("a", "f", `{"x":1}`), callPart("b", "g", "")
	for name, c := range map[string]struct {
		messages []llm.Message
		want     string
	}{
		"a call at the end": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, llm.Part{Text: "I look."}, a)},
			"unsupported (llm: Messages[1].Parts[1].Call has no result before the next turn)",
		},
		"a call that nobody answers": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a, b), says(llm.RoleUser, result("a", "A")), llm.Assistant("Well."), llm.User("Go.")},
			"unsupported (llm: Messages[1].Parts[1].Call has no result before the next turn)",
		},
		"a result that is late": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a), llm.User("Go."), llm.Assistant("Well."), says(llm.RoleUser, result("a", "A"))},
			"unsupported (llm: Messages[1].Parts[0].Call has no result before the next turn)",
		},
		"two results of a call": {
			[]llm.Message{llm.User("Go."), says(llm.RoleAssistant, a), says(llm.RoleUser, result("a", "A"), result("a", "A"))},
			"invalid (llm: Messages[2].Parts[1].Result.ID answers no call of the turn before, or one that has its result)",
		},
		"nothing but another's thoughts": {
			[]llm.Message{says(llm.RoleUser, llm.Part{Opaque: &llm.Opaque{Vendor: "google", Data: json.RawMessage(`1`)}})},
			"invalid (llm: Messages has nothing that can be sent)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			_, err := client.LLM().Complete(t.Context(), llm.Request{Model: "smart", Messages: c.messages})
			require.EqualError(t, err, c.want)
			assert.Contains(t, []failover.Class{failover.ClassInvalid, failover.ClassUnsupported}, class(err))
			assert.Empty(t, s.Requests())
		})
	}
}

// An answer goes back as it came: what a compatible server showed of its
// reasoning goes with the calls that it led to, to that vendor alone.
func TestReasoningGoesBack(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		for _, field := range []string{"reasoning", "reasoning_content"} {
			s, c := startOther(t)
			s.Fail(thinkingAnswer(kind == "stream", field))
			resp, err := ask(t.Context(), c, hello())
			require.NoError(t, err)
			require.Len(t, resp.Message.Parts, 2, "%+v", resp.Message.Parts)
			assert.Equal(t, "I should look.", resp.Message.Parts[0].Thinking)

			// It survives being kept.
			kept, err := json.Marshal(resp.Message)
			require.NoError(t, err)
			var back llm.Message
			require.NoError(t, json.Unmarshal(kept, &back))
			history := []llm.Message{llm.User("Hello."), back, says(llm.RoleUser, result("a", "A"))}
			_, err = ask(t.Context(), c, llm.Request{Model: "smart", Messages: history})
			require.NoError(t, err)
			var sent struct {
				Messages []map[string]any `json:"messages"`
			}
			require.NoError(t, json.Unmarshal(s.Requests()[1].Body, &sent))
			assert.Equal(t, "I should look.", sent.Messages[1][field], kind)

			gpt, other := start(t)
			_, err = ask(t.Context(), other, llm.Request{Model: "smart", Messages: history})
			require.NoError(t, err)
			assert.NotContains(t, string(gpt.Requests()[0].Body), "I should look.")
		}
	}
}
