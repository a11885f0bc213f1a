package anthropic_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

func call(id, name, args string) llm.Part {
	return llm.Part{Call: &llm.ToolCall{ID: id, Name: name, Args: json.RawMessage(args)}}
}

func said(parts ...llm.Part) llm.Message { return llm.Message{Role: llm.RoleAssistant, Parts: parts} }

func messagesOf(t *testing.T, req llm.Request) string {
	t.Helper()
	var body struct {
		Messages json.RawMessage `json:"messages"`
	}
	require.NoError(t, json.Unmarshal([]byte(sent(t, req)), &body))
	return string(body.Messages)
}

func TestConversations(t *testing.T) {
	t.Parallel()
	foreign := &llm.Opaque{Vendor: "google", Data: json.RawMessage(`"c2ln"`)}
	for name, c := range map[string]struct {
		messages []llm.Message
		want     string
	}{
		"roles take turns": {
			[]llm.Message{llm.User("a"), llm.User("b"), llm.Assistant("c"), llm.Assistant("d"), llm.User("e")},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
			{"role":"assistant","content":[{"type":"text","text":"c"},{"type":"text","text":"d"}]},
			{"role":"user","content":[{"type":"text","text":"e"}]}]`,
		},
		"white space says nothing": {
			[]llm.Message{llm.User("a"), llm.Assistant(" \n"), llm.User("b"), llm.User("\t")},
			`[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]`,
		},
		"the thoughts of others are left out": {
			[]llm.Message{
				llm.User("a"), said(llm.Part{Thinking: "hm", Opaque: foreign}), said(llm.Part{Thinking: "hm"}, llm.Part{Text: "b", Opaque: foreign}),
				llm.User("c"),
			},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},{"role":"assistant","content":[{"type":"text","text":"b"}]},
			{"role":"user","content":[{"type":"text","text":"c"}]}]`,
		},
		"own thoughts go back": {
			[]llm.Message{
				llm.User("a"),
				said(
					llm.Part{Opaque: &llm.Opaque{Vendor: "anthropic", Data: json.RawMessage(`{"type":"redacted_thinking","data":"xyz"}`)}},
					llm.Part{Text: "b"},
				),
				llm.User("c"),
			},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},
			{"role":"assistant","content":[{"type":"redacted_thinking","data":"xyz"},{"type":"text","text":"b"}]},
			{"role":"user","content":[{"type":"text","text":"c"}]}]`,
		},
		"results together, and first": {
			[]llm.Message{
				llm.User("a"), said(llm.Part{Text: "I look."}, call("1", "weather", `{"city":"Oslo"}`), call("2", "weather", ``)),
				llm.User("Quick!"), llm.Results(llm.ToolResult{ID: "2", Content: "broken", Failed: true}),
				llm.Results(llm.ToolResult{ID: "1", Content: ""}),
			},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},
			{"role":"assistant","content":[{"type":"text","text":"I look."},
			{"type":"tool_use","id":"1","name":"weather","input":{"city":"Oslo"}},{"type":"tool_use","id":"2","name":"weather","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"2","is_error":true,"content":[{"type":"text","text":"broken"}]},
			{"type":"tool_result","tool_use_id":"1"},{"type":"text","text":"Quick!"}]}]`,
		},
		"ids of others": {
			[]llm.Message{
				llm.User("a"), said(call("call|1/ä", "weather", `{}`), call("call_1__", "weather", `{}`)),
				llm.Results(llm.ToolResult{ID: "call_1__", Content: "x"}, llm.ToolResult{ID: "call|1/ä", Content: "y"}),
				said(call("call|1/ä", "weather", `{}`)), llm.Results(llm.ToolResult{ID: "call|1/ä", Content: "z"}),
			},
			`[{"role":"user","content":[{"type":"text","text":"a"}]},
			{"role":"assistant","content":[{"type":"tool_use","id":"call_1__","name":"weather","input":{}},
			{"type":"tool_use","id":"call_1___2","name":"weather","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1___2","content":[{"type":"text","text":"x"}]},
			{"type":"tool_result","tool_use_id":"call_1__","content":[{"type":"text","text":"y"}]}]},
			{"role":"assistant","content":[{"type":"tool_use","id":"call_1___3","name":"weather","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"call_1___3","content":[{"type":"text","text":"z"}]}]}]`,
		},
		"the assistant begins": {
			[]llm.Message{llm.Assistant("How can I help?"), llm.User("a")},
			`[{"role":"user","content":[{"type":"text","text":"(The assistant begins.)"}]},
			{"role":"assistant","content":[{"type":"text","text":"How can I help?"}]},{"role":"user","content":[{"type":"text","text":"a"}]}]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.JSONEq(t, c.want, messagesOf(t, llm.Request{Messages: c.messages}))
		})
	}
}

// Numbers do not lose digits on their way to the vendor and from it.
func TestNumbersStayAsTheyAre(t *testing.T) {
	t.Parallel()
	const n, args = "12345678901234567890", `{"n":12345678901234567890,"f":1.10}`
	body := sent(t, llm.Request{
		Tools:    []llm.Tool{weather},
		Format:   llm.Format{Schema: json.RawMessage(`{"const":98765432109876543210}`)},
		Messages: []llm.Message{llm.User("a"), said(call("1", "weather", args)), llm.Results(llm.ToolResult{ID: "1", Content: "x"})},
	})
	assert.Contains(t, body, args)
	assert.Contains(t, body, `"x":`+n, "of the schema of the tool")
	assert.Contains(t, body, `"const":98765432109876543210`)
	for _, streamed := range []bool{false, true} {
		s, c := start(t)
		s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{{Name: "weather", Arguments: args}}}))
		answer, err := ask(t, c.LLM(), llm.Request{Tools: []llm.Tool{weather}, Messages: []llm.Message{llm.User("a")}}, streamed)
		require.NoError(t, err)
		assert.Equal(t, args, string(answer.Calls()[0].Args))
	}
}

// The vendor wants the tools of earlier calls declared.
func TestToolsOfEarlierTurnsAreDeclaredAndNotCalled(t *testing.T) {
	t.Parallel()
	body := sent(t, llm.Request{Messages: []llm.Message{
		llm.User("a"), said(call("1", "weather", `{}`), call("2", "clock", `{}`), call("3", "weather", `{}`)),
		llm.Results(llm.ToolResult{ID: "1", Content: "x"}, llm.ToolResult{ID: "2", Content: "y"}, llm.ToolResult{ID: "3", Content: "z"}),
	}})
	var got struct {
		Tools  json.RawMessage `json:"tools"`
		Choice json.RawMessage `json:"tool_choice"`
	}
	require.NoError(t, json.Unmarshal([]byte(body), &got))
	assert.JSONEq(t, `[{"name":"clock","input_schema":{"type":"object","properties":{}}},
		{"name":"weather","input_schema":{"type":"object","properties":{}}}]`, string(got.Tools))
	assert.JSONEq(t, `{"type":"none"}`, string(got.Choice))
}

func TestConversationsThatCannotGoOn(t *testing.T) {
	t.Parallel()
	for want, messages := range map[string][]llm.Message{
		"Messages[1].Parts[1].Call has no result in the message after it": {
			llm.User("a"), said(call("1", "w", `{}`), call("2", "w", `{}`)), llm.Results(llm.ToolResult{ID: "1"}),
		},
		"Messages[1].Parts[0].Call has no result in the message after it": {llm.User("a"), said(call("1", "w", `{}`))},
		"Messages[4].Parts[0].Result does not answer a call of the message before it, or answers it twice": {
			llm.User("a"), said(call("1", "w", `{}`)), llm.User("never mind"), llm.Assistant("b"), llm.Results(llm.ToolResult{ID: "1"}),
		},
		"Messages[2].Parts[1].Result does not answer a call of the message before it, or answers it twice": {
			llm.User("a"), said(call("1", "w", `{}`)), llm.Results(llm.ToolResult{ID: "1"}, llm.ToolResult{ID: "1"}),
		},
		"Messages[1].Parts[0].Call.Name is not 1 to 128 letters, digits, _ and -": {
			llm.User("a"), said(call("1", "default_api:w", `{}`)), llm.Results(llm.ToolResult{ID: "1"}),
		},
		"Messages[0].Parts[0].Text is white space, which this vendor refuses": {llm.User(" ")},
		"Messages[2].Parts[0].Text is white space, which this vendor refuses": {llm.User("a"), llm.Assistant("b"), llm.User(" ")},
		"Messages end in nothing that this vendor reads":                      {said(llm.Part{Thinking: "hm"})},
		"Messages[1].Parts[0].Opaque is of a kind that this version does not know": {
			llm.User("a"), said(llm.Part{Opaque: &llm.Opaque{Vendor: "anthropic", Data: json.RawMessage(`{"type":"dream"}`)}}), llm.User("b"),
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, c := start(t)
			req := llm.Request{Messages: messages}
			_, err := c.LLM().Complete(t.Context(), req)
			require.EqualError(t, err, "unsupported (llm: "+want+")")
			assert.False(t, c.LLM().Supports(req))
		})
	}
}

// ask asks in one of the two ways.
func ask(t *testing.T, p llm.Provider, req llm.Request, streamed bool) (*llm.Response, error) {
	t.Helper()
	if streamed {
		return llm.Collect(p.Stream(t.Context(), req))
	}
	return p.Complete(t.Context(), req)
}

// Thoughts, calls and results survive the way out and back, and JSON between.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	for _, streamed := range []bool{false, true} {
		s, c := start(t)
		s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{
			Thinking: "The user wants the weather.", Text: "I look.",
			Calls: []vendorsim.LLMCall{{Name: "weather", Arguments: `{"city":"Oslo"}`}, {Name: "weather", Arguments: `{"city":"Bergen"}`}},
		}))
		p := c.LLM()
		req := llm.Request{Messages: []llm.Message{llm.User("Weather?")}, Tools: []llm.Tool{weather}}
		first, err := ask(t, p, req, streamed)
		require.NoError(t, err)
		require.Len(t, first.Message.Parts, 4)
		assert.Equal(t, "The user wants the weather.", first.Message.Parts[0].Thinking)
		assert.Equal(t, "I look.", first.Text())
		require.Len(t, first.Calls(), 2)
		assert.Equal(t, llm.FinishCalls, first.Finish)

		kept, err := json.Marshal(first.Message)
		require.NoError(t, err)
		var again llm.Message
		require.NoError(t, json.Unmarshal(kept, &again))
		req.Messages = append(req.Messages, again, llm.Results(
			llm.ToolResult{ID: first.Calls()[1].ID, Content: "rain"}, llm.ToolResult{ID: first.Calls()[0].ID, Content: "sun"},
		))
		answer, err := p.Complete(t.Context(), req)
		require.NoError(t, err, "the vendor checks the signature and the ids")
		assert.Contains(t, answer.Text(), "rain")
		asked := s.Asked()
		got := asked[len(asked)-1].Messages
		assert.Equal(t, "The user wants the weather.", got[1].Thinking)
		assert.Len(t, got[1].Calls, 2)
		assert.Len(t, got[2].Results, 2)
	}
}
