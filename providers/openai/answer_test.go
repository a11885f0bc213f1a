package openai_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// events makes a stream of events, each of which is the data of one.
func events(data ...string) vendorsim.Fault {
	return vendorsim.Body(http.StatusOK, "text/event-stream", "data: "+strings.Join(data, "\n\ndata: ")+"\n\n")
}

// delta is an event with a piece of the message.
func delta(piece string) string {
	return `{"id":"x1","model":"m-1","choices":[{"index":0,"delta":` + piece + `,"finish_reason":null}]}`
}

// end is an event with a reason to finish.
func end(reason string) string {
	return `{"id":"x1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"` + reason + `"}]}`
}

// answers makes an answer of a message and a reason to finish.
func answers(message, reason string) vendorsim.Fault {
	return vendorsim.Body(http.StatusOK, "application/json",
		`{"id":"x1","model":"m-1","choices":[{"index":0,"message":`+message+`,"finish_reason":"`+reason+`"}]}`)
}

// thinkingAnswer thinks and then calls a tool.
func thinkingAnswer(stream bool, field string) vendorsim.Fault {
	if stream {
		return events(delta(`{"role":"assistant","content":null}`), delta(`{"`+field+`":"I should "}`), delta(`{"`+field+`":"look."}`),
			delta(`{"tool_calls":[`+strings.Replace(wireA, "{", `{"index":0,`, 1)+`]}`), end("tool_calls"), "[DONE]")
	}
	return answers(`{"role":"assistant","content":null,"`+field+`":"I should look.","tool_calls":[`+wireA+`]}`, "tool_calls")
}

// Whole answers and streams of compatible servers, and what they are.
func TestAnswers(t *testing.T) {
	t.Parallel()
	text := func(s string) []llm.Part { return []llm.Part{{Text: s}} }
	for name, c := range map[string]struct {
		message, reason string   // of a whole answer
		events          []string // of a stream
		parts           []llm.Part
		finish          llm.Finish
	}{
		"text": {
			message: `{"content":"Hi."}`, reason: "stop",
			events: []string{delta(`{"content":"Hi"}`), delta(`{"content":"."}`), end("stop"), "[DONE]"},
			parts:  text("Hi."), finish: llm.FinishStop,
		},
		"cut by its length": {
			message: `{"content":"Hi"}`, reason: "length",
			events: []string{delta(`{"content":"Hi"}`), end("length"), "[DONE]"},
			parts:  text("Hi"), finish: llm.FinishLength,
		},
		"a refusal": {
			message: `{"content":null,"refusal":"I will not."}`, reason: "stop",
			events: []string{delta(`{"refusal":"I will"}`), delta(`{"refusal":" not."}`), end("stop"), "[DONE]"},
			parts:  text("I will not."), finish: llm.FinishRefused,
		},
		"filtered on the way": {
			message: `{"content":"You take"}`, reason: "content_filter",
			events: []string{delta(`{"content":"You take"}`), end("content_filter"), "[DONE]"},
			parts:  text("You take"), finish: llm.FinishRefused,
		},
		"a reason that nobody knows": {
			message: `{"content":"Hi."}`, reason: "tired",
			events: []string{delta(`{"content":"Hi."}`), end("tired"), "[DONE]"},
			parts:  text("Hi."), finish: llm.FinishOther,
		},
		"another word for stop": {
			message: `{"content":"Hi."}`, reason: "eos",
			events: []string{delta(`{"content":"Hi."}`), end("eos"), "[DONE]"},
			parts:  text("Hi."), finish: llm.FinishStop,
		},
		"calls": {
			message: `{"content":"I look.","tool_calls":[` + wireA + `,` + wireB + `]}`, reason: "tool_calls",
			events: []string{
				delta(`{"content":"I look."}`),
				delta(`{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}}]}`),
				delta(`{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\""}}]}`),
				delta(`{"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"g"}},{"index":0,"function":{"arguments":":1}"}}]}`),
				end("tool_calls"), "[DONE]",
			},
			parts:  append(text("I look."), callPart("a", "f", `{"x":1}`), callPart("b", "g", "{}")),
			finish: llm.FinishCalls,
		},
		"calls under stop, all with number 0": {
			message: `{"tool_calls":[` + wireA + `,` + wireB + `]}`, reason: "stop",
			events: []string{
				delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}`),
				delta(`{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"null"}}]}`),
				end("stop"), "[DONE]",
			},
			parts:  []llm.Part{callPart("a", "f", `{"x":1}`), callPart("b", "g", "{}")},
			finish: llm.FinishCalls,
		},
		"a call whose name and id come again and late": {
			message: `{"tool_calls":[` + wireA + `]}`, reason: "tool_calls",
			events: []string{
				delta(`{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]}`),
				delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"\"x\":"}}]}`),
				delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"1}"}}]}`),
				end("tool_calls"), "[DONE]",
			},
			parts:  []llm.Part{callPart("a", "f", `{"x":1}`)},
			finish: llm.FinishCalls,
		},
		"no end mark after the reason": {
			message: `{"content":"Hi."}`, reason: "stop",
			events: []string{delta(`{"content":"Hi."}`), end("stop")},
			parts:  text("Hi."), finish: llm.FinishStop,
		},
		"a second choice": {
			message: `{"content":"Hi."}`, reason: "stop",
			events: []string{
				`{"choices":[{"index":1,"delta":{"content":"Ho."},"finish_reason":"stop"},{"index":0,"delta":{"content":"Hi."}}]}`, end("stop"), "[DONE]",
			},
			parts: text("Hi."), finish: llm.FinishStop,
		},
	} {
		for kind, ask := range asks {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, client := startOther(t)
				fault := answers(c.message, c.reason)
				if kind == "stream" {
					fault = events(c.events...)
				}
				s.Fail(fault)
				resp, err := ask(t.Context(), client, hello())
				require.NoError(t, err)
				assert.Equal(t, c.parts, resp.Message.Parts)
				assert.Equal(t, llm.RoleAssistant, resp.Message.Role)
				assert.Equal(t, c.finish, resp.Finish)
				assert.Equal(t, "m-1", resp.Model)
				assert.Equal(t, "acme", resp.Provider)
				assert.Equal(t, "x1", resp.RequestID, "the answer's, where the request has none")
			})
		}
	}
}

// Answers under a good status that are none.
func TestBadAnswers(t *testing.T) {
	t.Parallel()
	badCall := strings.Replace(wireA, `{\"x\":1}`, `{\"x\":`, 1)
	for name, c := range map[string]struct {
		whole  vendorsim.Fault
		stream vendorsim.Fault
		want   failover.Class
		code   string
	}{
		"no choices": {
			whole: vendorsim.Body(200, "application/json", `{"choices":[]}`), stream: events(`{"choices":[]}`, "[DONE]"),
		},
		"nothing":      {whole: vendorsim.Body(200, "application/json", `{}`), stream: events("[DONE]")},
		"null":         {whole: vendorsim.Body(200, "application/json", `null`), stream: events("null", "[DONE]")},
		"no body":      {whole: vendorsim.Empty(), stream: vendorsim.Empty()},
		"page":         {whole: vendorsim.Page(), stream: vendorsim.Page()},
		"a text":       {whole: vendorsim.Body(200, "text/plain", "hello"), stream: vendorsim.Body(200, "text/plain", "hello")},
		"half JSON":    {whole: vendorsim.Body(200, "application/json", `{"choices":[{"mess`), stream: events(delta(`{"content":"a"}`), `{"choices":[{"del`)},
		"empty text":   {whole: answers(`{"content":""}`, "stop"), stream: events(delta(`{"content":""}`), end("stop"), "[DONE]")},
		"reason error": {whole: answers(`{"content":"Hi"}`, "error"), stream: events(delta(`{"content":"Hi"}`), end("error"), "[DONE]")},
		"half a call": {
			whole:  answers(`{"tool_calls":[`+badCall+`]}`, "tool_calls"),
			stream: events(delta(`{"tool_calls":[`+strings.Replace(badCall, "{", `{"index":0,`, 1)+`]}`), end("tool_calls"), "[DONE]"),
		},
		"a call with a list": {
			whole:  answers(`{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"[1]"}}]}`, "tool_calls"),
			stream: events(delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"[1]"}}]}`), end("tool_calls"), "[DONE]"),
		},
		"a call of nothing": {
			whole:  answers(`{"tool_calls":[{"id":"a","type":"function","function":{"arguments":"{}"}}]}`, "tool_calls"),
			stream: events(delta(`{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{}"}}]}`), end("tool_calls"), "[DONE]"),
		},
		"filtered whole": {
			whole: answers(`{"content":null}`, "content_filter"), stream: events(delta(`{"role":"assistant"}`), end("content_filter"), "[DONE]"),
			want: failover.ClassFiltered, code: "content_filter",
		},
		"an error": {
			whole:  vendorsim.ErrorWithin(429, "insufficient_quota"),
			stream: vendorsim.ErrorWithin(429, "insufficient_quota"),
			want:   failover.ClassExhausted, code: "insufficient_quota",
		},
		"an error that is a text": {
			whole: vendorsim.BareError(200, "out of memory"), stream: vendorsim.BareError(200, "out of memory"),
		},
		"an error with a status for its code": {
			whole:  vendorsim.Body(200, "application/json", `{"error":{"code":502,"message":"upstream"}}`),
			stream: events(`{"error":{"code":502,"message":"upstream"}}`),
			want:   failover.ClassTransient,
		},
		"an error of the choice": {
			whole: vendorsim.Body(200, "application/json",
				`{"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"error","error":{"code":429,"message":"slow"}}]}`),
			stream: events(delta(`{"content":"Hi"}`), `{"choices":[{"index":0,"delta":{},"finish_reason":"error","error":{"code":"429","message":"slow"}}]}`),
			want:   failover.ClassRateLimited,
		},
		"a whole answer for a stream": {
			whole: vendorsim.Body(200, "application/json", `{"choices":[]}`), stream: answers(`{"content":"Hi."}`, "stop"),
		},
	} {
		for kind, ask := range asks {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, client := startOther(t)
				fault := c.whole
				if kind == "stream" {
					fault = c.stream
				}
				s.Fail(fault)
				resp, err := ask(t.Context(), client, hello())
				require.Error(t, err, "%+v", resp)
				want := c.want
				if want == failover.ClassUnknown {
					want = failover.ClassIncomplete
				}
				assert.Equal(t, want, class(err), "%v", err)
				assert.Equal(t, c.code, failover.Classify(err).Code)
				assert.Equal(t, 200, failover.Classify(err).Status)
				assert.Equal(t, failover.OutcomeAccepted, failover.Classify(err).Outcome)
			})
		}
	}
}

// A call without an id gets one, another for each.
func TestCallsWithoutIDs(t *testing.T) {
	t.Parallel()
	call := `{"type":"function","function":{"name":"f","arguments":"{}"}}`
	for kind, ask := range asks {
		s, c := startOther(t)
		fault := answers(`{"tool_calls":[`+call+`,`+call+`]}`, "tool_calls")
		if kind == "stream" {
			indexed := func(i string) string { return strings.Replace(call, "{", `{"index":`+i+`,`, 1) }
			fault = events(delta(`{"tool_calls":[`+indexed("0")+`,`+indexed("1")+`]}`), end("tool_calls"), "[DONE]")
		}
		s.Fail(fault)
		resp, err := ask(t.Context(), c, hello())
		require.NoError(t, err)
		calls := resp.Calls()
		require.Len(t, calls, 2, kind)
		assert.NotEmpty(t, calls[0].ID)
		assert.LessOrEqual(t, len(calls[0].ID), 40)
		assert.NotEqual(t, calls[0].ID, calls[1].ID)
	}
}

// Tokens that the vendor had kept, or thought with, are told apart.
func TestUsage(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		s, c := start(t)
		s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{
			Text: "Hi.", Usage: vendorsim.LLMUsage{Input: 100, Output: 30, Cached: 60, Reasoning: 20},
		}))
		resp, err := ask(t.Context(), c, hello())
		require.NoError(t, err)
		assert.Equal(t, llm.Usage{Input: 100, Cached: 60, Output: 30, Reasoning: 20}, resp.Usage, kind)
	}
	s, c := startOther(t)
	usage := `"usage":{"prompt_tokens":5,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":1,"cache_write_tokens":3}}`
	s.Fail(events(delta(`{"content":"Hi."}`), strings.TrimSuffix(end("stop"), "}")+","+usage+"}", "[DONE]"))
	resp, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, llm.Usage{Input: 5, Cached: 1, CacheWrite: 3, Output: 2}, resp.Usage, "with the reason to finish")
}

// Text, calls, pictures, JSON and results, to and fro, as the simulator saw it.
func TestConversation(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		s, c := start(t)
		req := llm.Request{
			Model: "smart", System: "Be brief.", Tools: []llm.Tool{weather},
			Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{
				{Text: "How is it here?"}, {Image: &llm.Image{Data: []byte("png"), Type: "image/png"}},
			}}},
		}
		resp, err := ask(t.Context(), c, req)
		require.NoError(t, err, kind)
		require.Len(t, resp.Calls(), 1)
		assert.Equal(t, llm.FinishCalls, resp.Finish)
		call := resp.Calls()[0]
		assert.Equal(t, "weather", call.Name)
		assert.True(t, json.Valid(call.Args))

		req.Messages = append(req.Messages, resp.Message, llm.Results(llm.ToolResult{ID: call.ID, Content: "rain"}))
		resp, err = ask(t.Context(), c, req)
		require.NoError(t, err, kind)
		assert.Contains(t, resp.Text(), "The tool said: rain.")
		last := s.Asked()[1]
		require.Len(t, last.Messages, 3)
		assert.Equal(t, "Be brief.", last.System)
		assert.Equal(t, []byte("png"), last.Messages[0].Images[0].Data)
		assert.Equal(t, call.ID, last.Messages[1].Calls[0].ID)
		assert.Equal(t, call.ID, last.Messages[2].Results[0].ID)

		req.Messages, req.Tools = append(req.Messages, resp.Message, llm.User("As JSON.")), nil
		req.Format.Schema = weather.Schema
		resp, err = ask(t.Context(), c, req)
		require.NoError(t, err, kind)
		require.NoError(t, llm.MatchesFormat(t.Context(), req, resp))
	}
}

// An answer that goes on after a space does not begin with one.
func TestResumed(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		s, c := startOther(t)
		req, ok := llm.Continue(llm.Request{Model: "prefiller", Messages: []llm.Message{llm.User("Hello.")}}, []llm.Chunk{{Text: "Good \n"}})
		require.True(t, ok)
		fault := answers(`{"content":" \n morning. "}`, "stop")
		if kind == "stream" {
			fault = events(delta(`{"content":" \n"}`), delta(`{"content":" morning."}`), delta(`{"content":" "}`), end("stop"), "[DONE]")
		}
		s.Fail(fault)
		resp, err := ask(t.Context(), c, req)
		require.NoError(t, err)
		assert.Equal(t, "morning. ", resp.Text(), kind)
		messages := body(t, s)["messages"].([]any)
		assert.Equal(t, map[string]any{"role": "assistant", "content": "Good"}, messages[1], kind)
	}
}

// A call that the end of the answer cut off is not handed out, and it is nobody's
// fault that there was no room.
func TestCallsThatAreCutOff(t *testing.T) {
	t.Parallel()
	for name, args := range map[string]string{"none": "", "empty": "{}", "half": `{\"x\":`} {
		for _, reason := range []string{"length", "content_filter"} {
			for kind, ask := range asks {
				t.Run(strings.Join([]string{name, reason, kind}, " "), func(t *testing.T) {
					t.Parallel()
					s, client := startOther(t)
					calls := `{"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"f","arguments":"` + args + `"}}]}`
					fault := answers(calls, reason)
					if kind == "stream" {
						fault = events(delta(calls), end(reason), "[DONE]")
					}
					s.Fail(fault)
					resp, err := ask(t.Context(), client, hello())
					require.Error(t, err)
					if resp != nil {
						assert.Empty(t, resp.Calls())
					}
					want := failover.ClassUnsupported
					if reason != "length" {
						want = failover.ClassIncomplete
					}
					assert.Equal(t, want, failover.ClassOf(err))
				})
			}
		}
	}
}

func TestAnswerWithoutRoomIsNobodysFault(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		s, client := startOther(t)
		fault := answers(`{"reasoning":"Hm."}`, "length")
		if kind == "stream" {
			fault = events(delta(`{"reasoning":"Hm."}`), end("length"), "[DONE]")
		}
		s.Fail(fault)
		_, err := ask(t.Context(), client, hello())
		assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err), kind)
	}
}

// Some servers tell calls apart by nothing but that a name begins one.
func TestCallsWithoutNumberAndID(t *testing.T) {
	t.Parallel()
	s, client := startOther(t)
	s.Fail(events(
		delta(`{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}`),
		delta(`{"tool_calls":[{"index":0,"function":{"name":"g","arguments":"{\"b\":1}"}}]}`),
		end("tool_calls"), "[DONE]",
	))
	resp, err := asks["stream"](t.Context(), client, hello())
	require.NoError(t, err)
	require.Len(t, resp.Calls(), 2)
	assert.Equal(t, []string{"f", "{}"}, []string{resp.Calls()[0].Name, string(resp.Calls()[0].Args)})
	assert.Equal(t, []string{"g", `{"b":1}`}, []string{resp.Calls()[1].Name, string(resp.Calls()[1].Args)})
}
