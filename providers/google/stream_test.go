package google_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// chunks are those of a stream without an error.
func chunks(t *testing.T, stream failover.Stream[llm.Chunk]) []llm.Chunk {
	t.Helper()
	var all []llm.Chunk
	for chunk, err := range stream {
		require.NoError(t, err)
		all = append(all, chunk)
	}
	return all
}

// events is a stream of these responses.
func events(responses ...string) vendorsim.Fault {
	return vendorsim.Body(200, "text/event-stream", "data: "+strings.Join(responses, "\r\n\r\ndata: ")+"\r\n\r\n")
}

// says is a response with these parts.
func says(finish string, parts ...string) string {
	if finish != "" {
		finish = `,"finishReason":"` + finish + `"`
	}
	return `{"candidates":[{"content":{"role":"model","parts":[` + strings.Join(parts, ",") + `]}` + finish + `}],` +
		`"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2},"modelVersion":"m-1","responseId":"r-1"}`
}

func TestStream(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	got := chunks(t, c.LLM().Stream(t.Context(), hello()))
	for _, chunk := range got[:len(got)-1] {
		assert.True(t, chunk.IsContent())
		assert.False(t, chunk.IsFinal())
	}
	last := got[len(got)-1]
	require.True(t, last.IsFinal())
	assert.Equal(t, llm.FinishStop, last.Summary.Finish)
	assert.Equal(t, older, last.Summary.Model)
	assert.Equal(t, "google", last.Summary.Provider)
	assert.Equal(t, "google-1", last.Summary.RequestID)
	assert.Positive(t, last.Summary.Usage.Output)

	whole, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	streamed, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, whole.Message, streamed.Message, "both ways give the same")
	assert.Equal(t, whole.Usage, streamed.Usage)
	assert.Equal(t, "sse", s.Requests()[0].Query.Get("alt"))
	assert.Equal(t, 3, s.Stats().Requests)
}

func TestStreamedParts(t *testing.T) {
	t.Parallel()
	const sig = `"thoughtSignature":"c2ln"`
	signed := opaque("google", `{"signature":"c2ln"}`)
	for name, c := range map[string]struct {
		events []string
		want   []llm.Chunk
		parts  []llm.Part
	}{
		"text": {
			events: []string{says("", `{"text":"Good "}`), says("", `{"text":"day"}`, `{"text":"."}`), says("STOP")},
			want:   []llm.Chunk{{Text: "Good "}, {Text: "day"}, {Text: "."}},
			parts:  []llm.Part{{Text: "Good day."}},
		},
		"signature behind the text": {
			events: []string{says("", `{"text":"Good day."}`), says("STOP", `{"text":"",`+sig+`}`)},
			want:   []llm.Chunk{{Text: "Good day."}, {Done: &llm.Part{Opaque: signed}}},
			parts:  []llm.Part{{Text: "Good day."}, {Opaque: signed}},
		},
		"signature with a piece of the text": {
			events: []string{says("", `{"text":"Good "}`), says("STOP", `{"text":"day.",`+sig+`}`)},
			want: []llm.Chunk{
				{Text: "Good "}, {Done: &llm.Part{Text: "Good "}}, {Text: "day."}, {Done: &llm.Part{Text: "day.", Opaque: signed}},
			},
			parts: []llm.Part{{Text: "Good "}, {Text: "day.", Opaque: signed}},
		},
		"thoughts": {
			events: []string{says("", `{"text":"Let me ","thought":true}`), says("", `{"text":"see.","thought":true}`), says("STOP", `{"text":"Yes."}`)},
			want:   []llm.Chunk{{Thinking: "Let me "}, {Thinking: "see."}, {Text: "Yes."}},
			parts:  []llm.Part{{Thinking: "Let me see."}, {Text: "Yes."}},
		},
		"signed thoughts": {
			events: []string{says("", `{"text":"Let me ","thought":true}`), says("", `{"text":"see.","thought":true,`+sig+`}`), says("STOP", `{"text":"Yes."}`)},
			want: []llm.Chunk{
				{Thinking: "Let me "}, {Done: &llm.Part{Thinking: "Let me "}}, {Thinking: "see."}, {Done: &llm.Part{Thinking: "see.", Opaque: signed}}, {Text: "Yes."},
			},
			parts: []llm.Part{{Thinking: "Let me "}, {Thinking: "see.", Opaque: signed}, {Text: "Yes."}},
		},
		"calls": {
			events: []string{says("", `{"text":"Look: "}`), says("", `{"functionCall":{"id":"f1","name":"a","args":{"x":1,"y":[true]}},`+sig+`}`), says("STOP", `{"functionCall":{"id":"f2","name":"b"}}`)},
			want: []llm.Chunk{
				{Text: "Look: "},
				{Call: &llm.CallDelta{ID: "f1", Name: "a", Args: `{"x":1,"y":[true]}`}},
				{Done: &llm.Part{Call: &llm.ToolCall{ID: "f1", Name: "a", Args: json.RawMessage(`{"x":1,"y":[true]}`)}, Opaque: signed}},
				{Call: &llm.CallDelta{Index: 1, ID: "f2", Name: "b", Args: `{}`}},
				{Done: &llm.Part{Call: &llm.ToolCall{ID: "f2", Name: "b", Args: json.RawMessage(`{}`)}}},
			},
			parts: []llm.Part{
				{Text: "Look: "},
				{Call: &llm.ToolCall{ID: "f1", Name: "a", Args: json.RawMessage(`{"x":1,"y":[true]}`)}, Opaque: signed},
				{Call: &llm.ToolCall{ID: "f2", Name: "b", Args: json.RawMessage(`{}`)}},
			},
		},
		"its own tools": {
			events: []string{says("", `{"executableCode":{"code":"1","language":"PYTHON"}}`, `{"videoMetadata":{}}`), says("STOP", `{"text":"One."}`)},
			want:   []llm.Chunk{{Done: &llm.Part{Opaque: opaque("google", `{"part":{"executableCode":{"code":"1","language":"PYTHON"}}}`)}}, {Text: "One."}},
			parts:  []llm.Part{{Opaque: opaque("google", `{"part":{"executableCode":{"code":"1","language":"PYTHON"}}}`)}, {Text: "One."}},
		},
		"usage after the end": {
			events: []string{says("STOP", `{"text":"Yes."}`), `{"usageMetadata":{"promptTokenCount":4,"candidatesTokenCount":2},"modelVersion":"m-1","responseId":"r-1"}`},
			want:   []llm.Chunk{{Text: "Yes."}},
			parts:  []llm.Part{{Text: "Yes."}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl := start(t)
			s.Fail(events(c.events...), events(c.events...))
			got := chunks(t, cl.LLM().Stream(t.Context(), hello()))
			require.NotEmpty(t, got)
			assert.Equal(t, c.want, got[:len(got)-1])
			finish := llm.FinishStop
			if name == "calls" {
				finish = llm.FinishCalls
			}
			summary := llm.Summary{Finish: finish, Usage: llm.Usage{Input: 4, Output: 2}, Model: "m-1", Provider: "google", RequestID: "r-1"}
			assert.Equal(t, llm.Chunk{Summary: &summary}, got[len(got)-1])
			answer, err := llm.Collect(cl.LLM().Stream(t.Context(), hello()))
			require.NoError(t, err)
			assert.Equal(t, c.parts, answer.Message.Parts)
		})
	}
}

func TestFinishes(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]llm.Finish{
		"STOP": llm.FinishStop, "MAX_TOKENS": llm.FinishLength, "SAFETY": llm.FinishRefused, "RECITATION": llm.FinishRefused,
		"BLOCKLIST": llm.FinishRefused, "PROHIBITED_CONTENT": llm.FinishRefused, "SPII": llm.FinishRefused,
		"LANGUAGE": llm.FinishOther, "OTHER": llm.FinishOther, "SOMETHING_NEW": llm.FinishOther,
	} {
		s, c := start(t)
		s.Fail(events(says(reason, `{"text":"Yes."}`)), vendorsim.Body(200, "application/json", says(reason, `{"text":"Yes."}`)))
		streamed, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		require.NoError(t, err)
		whole, err := c.LLM().Complete(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, want, streamed.Finish, reason)
		assert.Equal(t, want, whole.Finish, reason)
	}
}

func TestIDsAreMadeWhereThereAreNone(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	call := says("STOP", `{"functionCall":{"name":"a"}}`, `{"functionCall":{"name":"a"}}`)
	s.Fail(events(call), vendorsim.Body(200, "application/json", call))
	streamed, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	whole, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, call := range append(streamed.Calls(), whole.Calls()...) {
		assert.Regexp(t, `^call_[A-Z2-7]{1,35}$`, call.ID, "every vendor takes it")
		seen[call.ID] = true
	}
	assert.Len(t, seen, 4)
}

func TestResumedAnswersBeginWithoutSpace(t *testing.T) {
	t.Parallel()
	req, ok := llm.Continue(hello(), []llm.Chunk{{Text: "One, "}})
	require.True(t, ok)
	s, c := start(t)
	parts := []string{says("", `{"text":" "}`), says("", `{"text":"\n two"}`), says("STOP", `{"text":" three."}`)}
	s.Fail(events(parts...), vendorsim.Body(200, "application/json", says("STOP", `{"text":"  "}`, `{"text":" two"}`, `{"text":" three."}`)))
	streamed := chunks(t, c.LLM().Stream(t.Context(), req))
	assert.Equal(t, "two", streamed[0].Text)
	assert.Equal(t, " three.", streamed[1].Text)
	whole, err := c.LLM().Complete(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, "two three.", whole.Text())
}

func TestBrokenStreams(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault vendorsim.Fault
		class failover.Class
		code  string
	}{
		"cut at once":     {fault: vendorsim.CutAfter(0), class: failover.ClassIncomplete},
		"cut":             {fault: vendorsim.CutAfter(2), class: failover.ClassIncomplete},
		"reset":           {fault: vendorsim.ResetAfter(2), class: failover.ClassIncomplete},
		"bad chunk":       {fault: vendorsim.BadChunkAfter(2), class: failover.ClassIncomplete},
		"end":             {fault: vendorsim.EndAfter(2), class: failover.ClassIncomplete},
		"end at once":     {fault: vendorsim.EndAfter(0), class: failover.ClassIncomplete},
		"half an event":   {fault: vendorsim.EndWithin(2), class: failover.ClassIncomplete},
		"no end":          {fault: vendorsim.Unfinished(), class: failover.ClassIncomplete},
		"no JSON":         {fault: vendorsim.ReplaceAfter(2, "data: {\"candidates\":\r\n\r\n"), class: failover.ClassIncomplete},
		"odd JSON":        {fault: vendorsim.ReplaceAfter(2, "data: {\"candidates\":7}\r\n\r\n"), class: failover.ClassIncomplete},
		"null":            {fault: vendorsim.ReplaceAfter(2, "data: null\r\n\r\n"), class: failover.ClassIncomplete},
		"comment":         {fault: vendorsim.ReplaceAfter(2, ": canary\r\n\r\n"), class: failover.ClassIncomplete},
		"page":            {fault: vendorsim.Page(), class: failover.ClassIncomplete},
		"overload":        {fault: vendorsim.SSEErrorAfter(2, 503, ""), class: failover.ClassTransient, code: "UNAVAILABLE"},
		"overload first":  {fault: vendorsim.SSEErrorAfter(0, 503, ""), class: failover.ClassTransient, code: "UNAVAILABLE"},
		"limit":           {fault: vendorsim.SSEErrorAfter(2, 429, ""), class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED"},
		"day":             {fault: vendorsim.SSEErrorAfter(2, 429, "QUOTA_PER_DAY"), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
		"deadline":        {fault: vendorsim.SSEErrorAfter(2, 504, ""), class: failover.ClassTimeout, code: "DEADLINE_EXCEEDED"},
		"key":             {fault: vendorsim.SSEErrorAfter(0, 400, "API_KEY_INVALID"), class: failover.ClassUnauthorized, code: "API_KEY_INVALID"},
		"invalid":         {fault: vendorsim.SSEErrorAfter(0, 400, ""), class: failover.ClassInvalid, code: "INVALID_ARGUMENT"},
		"error, no event": {fault: vendorsim.ErrorAfter(2, 503, ""), class: failover.ClassTransient, code: "UNAVAILABLE"},
		"blocked": {
			fault: events(says("", `{"text":"Yes"}`), `{"promptFeedback":{"blockReason":"SAFETY"}}`), class: failover.ClassFiltered, code: "SAFETY",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, cl := start(t)
			s.Fail(c.fault)
			var last error
			for chunk, err := range cl.LLM().Stream(t.Context(), hello()) {
				require.NoError(t, last, "an error is the last item")
				assert.False(t, chunk.IsFinal())
				last = err
			}
			e := wantError(t, last, c.class)
			assert.Equal(t, c.code, e.Code)
			assert.Equal(t, 200, e.Status)
			assert.Equal(t, 1, s.Stats().Requests, "nothing is continued behind the router's back")
		})
	}
}

func TestContinuationIsOff(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	token := `{"candidates":[{"content":{"parts":[{"text":"One"}],"role":"model"},"finishReason":"CONTINUATION","continuationToken":"dG9r"}]}`
	s.Fail(events(token), vendorsim.Body(200, "application/json", token))
	wantError(t, calls["stream"](t, c.LLM(), hello()), failover.ClassIncomplete)
	wantError(t, calls["whole"](t, c.LLM(), hello()), failover.ClassIncomplete)
	assert.Equal(t, 2, s.Stats().Requests)
	assert.NotContains(t, sent(t, s), "ontinuation")
}

func TestWhatBreaksBehindTheEndDoesNotMatter(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Fail(vendorsim.CutAt("finishReason"))
	_, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
}

// TestStreamsAreClosed leaves streams in every way; goroutines and connections
// that stay make synctest fail.
func TestStreamsAreClosed(t *testing.T) {
	for name, leave := range map[string]func(t *testing.T, stream func(context.Context) failover.Stream[llm.Chunk]){
		"break": func(t *testing.T, stream func(context.Context) failover.Stream[llm.Chunk]) {
			for _, err := range stream(t.Context()) {
				require.NoError(t, err)
				break
			}
		},
		"cancel": func(t *testing.T, stream func(context.Context) failover.Stream[llm.Chunk]) {
			ctx, cancel := context.WithCancel(t.Context())
			var last error
			for _, err := range stream(ctx) {
				last = err
				cancel()
			}
			cancel()
			require.ErrorIs(t, last, context.Canceled)
		},
		"panic": func(t *testing.T, stream func(context.Context) failover.Stream[llm.Chunk]) {
			assert.PanicsWithValue(t, "mine", func() {
				for range stream(t.Context()) {
					panic("mine")
				}
			})
		},
		"never ranged over": func(t *testing.T, stream func(context.Context) failover.Stream[llm.Chunk]) {
			stream(t.Context())
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := vendorsim.Google(key, vendorsim.InMemory())
				defer s.Close()
				s.FailAlways(vendorsim.StallAfter(2))
				c := client(t, s)
				leave(t, func(ctx context.Context) failover.Stream[llm.Chunk] { return c.LLM().Stream(ctx, hello()) })
				s.Client().CloseIdleConnections()
				synctest.Wait()
				assert.Zero(t, s.Stats().Open, "connections")
			})
		})
	}
}

func TestStreamsCanBeLeftAnywhere(t *testing.T) {
	t.Parallel()
	const sig = `"thoughtSignature":"c2ln"`
	parts := []string{
		says("", `{"text":"A","thought":true}`, `{"text":"B","thought":true,`+sig+`}`, `{"text":"C"}`, `{"text":"D",`+sig+`}`),
		says("", `{"functionCall":{"name":"a"}}`, `{"text":"",`+sig+`}`), says("STOP"),
	}
	s, c := start(t)
	s.FailAlways(events(parts...))
	all := len(chunks(t, c.LLM().Stream(t.Context(), hello())))
	require.Equal(t, 12, all)
	for most := 1; most < all; most++ {
		seen := 0
		for _, err := range c.LLM().Stream(t.Context(), hello()) {
			require.NoError(t, err)
			if seen++; seen == most {
				break
			}
		}
		assert.Equal(t, most, seen)
	}
}

// TestContinues begins an answer at a vendor that breaks off, and goes on at
// Google.
func TestContinues(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	broken := llm.Provider{Name: "broken", Stream: func(context.Context, llm.Request) failover.Stream[llm.Chunk] {
		return func(yield func(llm.Chunk, error) bool) {
			if yield(llm.Chunk{Text: "You said: "}, nil) {
				yield(llm.Chunk{}, &failover.Error{Class: failover.ClassIncomplete})
			}
		}
	}}
	both, err := llm.New([]llm.Provider{broken, c.LLM()}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	require.NoError(t, err)
	defer both.Close()
	answer, err := llm.Collect(both.Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, "You said: Hello. That was message 1 of our conversation. I have nothing to add to it.", answer.Text())
	assert.Equal(t, "google", answer.Provider)
	assert.Equal(t, "You said:", s.Asked()[0].Prefill)
}

func TestCallsGoRound(t *testing.T) {
	t.Parallel()
	for _, model := range []string{"google:" + older, "google:" + newer} {
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s streamed %t", model, streamed), func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{
					{Name: "weather", Arguments: `{"where":"Oslo"}`}, {Name: "weather", Arguments: `{"where":"Rome"}`},
				}}))
				req := llm.Request{Model: model, Messages: []llm.Message{llm.User("Weather?")}, Tools: []llm.Tool{weather}}
				for range 3 {
					answer, err := c.LLM().Complete(t.Context(), req)
					if streamed {
						answer, err = llm.Collect(c.LLM().Stream(t.Context(), req))
					}
					require.NoError(t, err)
					req.Messages = append(req.Messages, answer.Message)
					var results []llm.ToolResult
					for _, call := range answer.Calls() {
						results = append(results, llm.ToolResult{ID: call.ID, Content: "sun"})
					}
					if len(results) == 0 {
						break
					}
					assert.Equal(t, llm.FinishCalls, answer.Finish)
					req.Messages = append(req.Messages, llm.Results(results...))
				}
				last := s.Asked()[len(s.Asked())-1]
				assert.Equal(t, "sun", last.Messages[2].Results[0].Text)
			})
		}
	}
}
