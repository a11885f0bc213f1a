package anthropic_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		says   vendorsim.LLMAnswer
		change func(*llm.Request)
		parts  []llm.Part
		finish llm.Finish
	}{
		"text": {says: vendorsim.LLMAnswer{Text: "Good morning."}, parts: []llm.Part{{Text: "Good morning."}}, finish: llm.FinishStop},
		"calls": {
			says: vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{
				{ID: "toolu_a", Name: "weather", Arguments: `{"city": "Oslo"}`}, {ID: "toolu_b", Name: "weather"},
			}},
			change: func(r *llm.Request) { r.Tools = []llm.Tool{weather} },
			parts:  []llm.Part{call("toolu_a", "weather", `{"city": "Oslo"}`), call("toolu_b", "weather", `{}`)},
			finish: llm.FinishCalls,
		},
		"stop sequence": {
			says: vendorsim.LLMAnswer{Text: "One. END Two."}, change: func(r *llm.Request) { r.Stop = []string{" END"} },
			parts: []llm.Part{{Text: "One."}}, finish: llm.FinishStop,
		},
		"too long":   {says: vendorsim.LLMAnswer{Text: "One", Finish: "length"}, parts: []llm.Part{{Text: "One"}}, finish: llm.FinishLength},
		"context":    {says: vendorsim.LLMAnswer{Text: "One", Finish: "model_context_window_exceeded"}, parts: []llm.Part{{Text: "One"}}, finish: llm.FinishLength},
		"pause":      {says: vendorsim.LLMAnswer{Text: "One", Finish: "pause_turn"}, parts: []llm.Part{{Text: "One"}}, finish: llm.FinishOther},
		"new reason": {says: vendorsim.LLMAnswer{Text: "One", Finish: "tea_time"}, parts: []llm.Part{{Text: "One"}}, finish: llm.FinishOther},
		"refused":    {says: vendorsim.LLMAnswer{Text: "I'd rather", Refusal: "no"}, parts: []llm.Part{{Text: "I'd rather"}}, finish: llm.FinishRefused},
		"prefill kept": {
			says: vendorsim.LLMAnswer{Text: "  good."}, change: func(r *llm.Request) { r.Messages = append(r.Messages, llm.Assistant("All is")) },
			parts: []llm.Part{{Text: "  good."}}, finish: llm.FinishStop,
		},
		// The space was said already.
		"prefill trimmed": {
			says: vendorsim.LLMAnswer{Text: " \ngood."}, change: func(r *llm.Request) { r.Messages = append(r.Messages, llm.Assistant("All is ")) },
			parts: []llm.Part{{Text: "good."}}, finish: llm.FinishStop,
		},
		"resumed": {
			says: vendorsim.LLMAnswer{Text: " good."}, change: func(r *llm.Request) {
				*r, _ = llm.Continue(*r, []llm.Chunk{{Text: "All is "}})
			},
			parts: []llm.Part{{Text: "good."}}, finish: llm.FinishStop,
		},
	} {
		for _, streamed := range []bool{false, true} {
			s, client := start(t)
			s.Answer(vendorsim.Answers(c.says))
			req := hello()
			if c.change != nil {
				c.change(&req)
			}
			answer, err := ask(t, client.LLM(), req, streamed)
			require.NoError(t, err, name)
			assert.Equal(t, llm.RoleAssistant, answer.Message.Role)
			require.Len(t, answer.Message.Parts, len(c.parts), name)
			for i, want := range c.parts {
				got := answer.Message.Parts[i]
				assert.Equal(t, want.Text, got.Text, name)
				if want.Call != nil {
					assert.Equal(t, want.Call.ID, got.Call.ID, name)
					assert.Equal(t, want.Call.Name, got.Call.Name, name)
					assert.JSONEq(t, string(want.Call.Args), string(got.Call.Args), name)
				}
			}
			assert.Equal(t, c.finish, answer.Finish, name)
			assert.Equal(t, "claude-sonnet-4-5", answer.Model)
			assert.Equal(t, "anthropic", answer.Provider)
			assert.Equal(t, "req_anthropic_1", answer.RequestID)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, streamed := range []bool{false, true} {
		s, c := start(t)
		s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{Text: "Hi.", Usage: vendorsim.LLMUsage{Input: 100, Cached: 40, Output: 7}}))
		answer, err := ask(t, c.LLM(), hello(), streamed)
		require.NoError(t, err)
		assert.Equal(t, llm.Usage{Input: 100, Cached: 40, Output: 7}, answer.Usage)
	}
}

// Everything that the vendor counts, in both of its places.
func TestUsageInFull(t *testing.T) {
	t.Parallel()
	const whole = `{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","stop_reason":"end_turn",
		"content":[{"type":"text","text":"Hi."}],"usage":{"input_tokens":10,"cache_read_input_tokens":20,
		"cache_creation_input_tokens":30,"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}}`
	stream := event("message_start", `"message":{"model":"claude-sonnet-4-5","usage":{"input_tokens":10,"cache_read_input_tokens":20,
		"cache_creation_input_tokens":30,"output_tokens":1}}`) + textEvents("Hi.") +
		event("message_delta", `"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}}`) +
		event("message_stop", ``)
	for _, streamed := range []bool{false, true} {
		s, c := start(t)
		s.Fail(map[bool]vendorsim.Fault{
			false: vendorsim.Body(200, "application/json", whole), true: vendorsim.Body(200, "text/event-stream", stream),
		}[streamed])
		answer, err := ask(t, c.LLM(), hello(), streamed)
		require.NoError(t, err)
		assert.Equal(t, llm.Usage{Input: 60, Cached: 20, CacheWrite: 30, Output: 9, Reasoning: 4}, answer.Usage)
	}
}

// Answers with a good status that are none.
func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	const head = `{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5",`
	for name, c := range map[string]struct {
		fault vendorsim.Fault
		says  vendorsim.LLMAnswer
		want  string
		class failover.Class
	}{
		"empty":        {says: vendorsim.LLMAnswer{Finish: "stop"}, want: "incomplete (200, the answer is empty, request req_anthropic_1)", class: failover.ClassIncomplete},
		"only thought": {says: vendorsim.LLMAnswer{Thinking: "hm", Finish: "length"}, want: "unsupported (200 max_tokens, request req_anthropic_1)", class: failover.ClassUnsupported},
		"refused":      {says: vendorsim.LLMAnswer{Refusal: "No: secret."}, want: "filtered (200 refusal, request req_anthropic_1)", class: failover.ClassFiltered},
		"blocked":      {says: vendorsim.LLMAnswer{Blocked: "secret"}, want: "filtered (200 refusal, request req_anthropic_1)", class: failover.ClassFiltered},
		"no room": {
			says: vendorsim.LLMAnswer{Finish: "model_context_window_exceeded"},
			want: "unsupported (200 model_context_window_exceeded, request req_anthropic_1)", class: failover.ClassUnsupported,
		},
		"no reason": {
			fault: vendorsim.Body(200, "application/json", head+`"stop_reason":null,"content":[{"type":"text","text":"Hi."}]}`),
			want:  "incomplete (200, the answer has no stop_reason)", class: failover.ClassIncomplete,
		},
		"null":    {fault: vendorsim.Body(200, "application/json", `null`), want: "incomplete (200, the answer is empty)", class: failover.ClassIncomplete},
		"nothing": {fault: vendorsim.Body(200, "application/json", `{}`), want: "incomplete (200, the answer has no stop_reason)", class: failover.ClassIncomplete},
		"arguments": {
			fault: vendorsim.Body(200, "application/json", head+`"stop_reason":"tool_use","content":[{"type":"tool_use","id":"1","name":"w","input":[1]}]}`),
			want:  "incomplete (200, the arguments of a tool call are no JSON object)", class: failover.ClassIncomplete,
		},
		"page":     {fault: vendorsim.Page(), want: "incomplete (200)", class: failover.ClassIncomplete},
		"garbled":  {fault: vendorsim.Body(200, "application/json", `{"id":`), want: "incomplete (200, unexpected EOF)", class: failover.ClassIncomplete},
		"cut":      {fault: vendorsim.Cut(), want: "incomplete (200, unexpected EOF, request req_anthropic_1)", class: failover.ClassIncomplete},
		"redirect": {fault: vendorsim.Redirect(302, "https://example.com/secret"), want: "unsupported (302)", class: failover.ClassUnsupported},
		"error":    {fault: vendorsim.ErrorWithin(529, ""), want: "transient (200 overloaded_error, request req_anthropic_1)", class: failover.ClassTransient},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			s.Answer(vendorsim.Answers(c.says))
			s.Fail(c.fault)
			_, err := client.LLM().Complete(t.Context(), hello())
			require.Error(t, err)
			assert.Equal(t, c.class, failover.Classify(err).Class)
			assert.Equal(t, c.want, err.Error())
			assert.Equal(t, 1, s.Stats().Requests)
		})
	}
}

// A call that the end of the answer cut off comes without its arguments, and is
// not handed out.
func TestCallsThatAreCutOff(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"max_tokens", "model_context_window_exceeded", "refusal"} {
		s, c := start(t)
		const head = `{"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5","usage":{"input_tokens":1,"output_tokens":1},`
		s.Fail(
			vendorsim.Body(200, "application/json", head+`"stop_reason":"`+reason+
				`","content":[{"type":"text","text":"I do."},{"type":"tool_use","id":"1","name":"delete_all","input":{}}]}`),
			vendorsim.Body(200, "text/event-stream",
				event("message_start", `"message":`+head+`"content":[]}`)+
					event("content_block_start", `"index":0,"content_block":{"type":"tool_use","id":"1","name":"first","input":{}}`)+
					event("content_block_stop", `"index":0`)+
					event("content_block_start", `"index":1,"content_block":{"type":"tool_use","id":"2","name":"delete_all","input":{}}`)+
					event("content_block_stop", `"index":1`)+
					event("message_delta", `"delta":{"stop_reason":"`+reason+`"},"usage":{"output_tokens":3}`)+event("message_stop", "")),
		)
		_, err := c.LLM().Complete(t.Context(), hello())
		assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err), reason)
		answer, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err), reason)
		require.Len(t, answer.Calls(), 1, "the one that was whole")
		assert.Equal(t, "first", answer.Calls()[0].Name)
	}
}
