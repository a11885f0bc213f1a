package anthropic_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

// event is one of a stream, as the vendor sends it.
func event(kind, rest string) string {
	if rest != "" {
		rest = "," + rest
	}
	return "event: " + kind + "\ndata: {\"type\":\"" + kind + "\"" + strings.Join(strings.Fields(rest), " ") + "}\n\n"
}

func textEvents(text string) string {
	return event("content_block_start", `"index":0,"content_block":{"type":"text","text":""}`) +
		event("content_block_delta", `"index":0,"delta":{"type":"text_delta","text":"`+text+`"}`) + event("content_block_stop", `"index":0`)
}

// chunks are those of a stream, and its error.
func chunks(t *testing.T, c llm.Provider, req llm.Request) ([]llm.Chunk, error) {
	t.Helper()
	var all []llm.Chunk
	for chunk, err := range c.Stream(t.Context(), req) {
		if err != nil {
			return all, err
		}
		all = append(all, chunk)
	}
	return all, nil
}

func TestStreamInPieces(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{
		Thinking: "Think twice.", Text: "I look.",
		Calls: []vendorsim.LLMCall{{ID: "toolu_a", Name: "weather", Arguments: `{"city":"Oslo"}`}, {ID: "toolu_b", Name: "weather", Arguments: `{}`}},
	}))
	req := hello()
	req.Tools = []llm.Tool{weather}
	all, err := chunks(t, c.LLM(), req)
	require.NoError(t, err)

	var text, thought string
	var done []llm.Part
	args, names := map[int]string{}, map[int]string{}
	for i, chunk := range all {
		text, thought = text+chunk.Text, thought+chunk.Thinking
		if chunk.Call != nil {
			args[chunk.Call.Index] += chunk.Call.Args
			names[chunk.Call.Index] += chunk.Call.ID + chunk.Call.Name
		}
		if chunk.Done != nil {
			done = append(done, *chunk.Done)
		}
		assert.Equal(t, i == len(all)-1, chunk.IsFinal(), "the summary is last")
		assert.NotEqual(t, llm.Chunk{}, chunk)
	}
	assert.Equal(t, "I look.", text)
	assert.Equal(t, "Think twice.", thought)
	assert.Equal(t, map[int]string{0: `{"city":"Oslo"}`, 1: `{}`}, args)
	assert.Equal(t, map[int]string{0: "toolu_aweather", 1: "toolu_bweather"}, names, "once each")
	require.Len(t, done, 3)
	assert.Equal(t, "Think twice.", done[0].Thinking)
	assert.Equal(t, "anthropic", done[0].Opaque.Vendor)
	assert.Contains(t, string(done[0].Opaque.Data), `"signature":"`)
	assert.JSONEq(t, `{"city":"Oslo"}`, string(done[1].Call.Args))
	assert.JSONEq(t, `{}`, string(done[2].Call.Args))
	total := all[len(all)-1].Summary
	assert.Equal(t, llm.FinishCalls, total.Finish)
	assert.Equal(t, "claude-sonnet-4-5", total.Model)
	assert.Equal(t, "req_anthropic_1", total.RequestID)
	assert.Positive(t, total.Usage.Output)
	assert.Positive(t, total.Usage.Input)
}

// What is not shown is kept.
func TestThoughtsThatAreNotShown(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Fail(vendorsim.Body(200, "text/event-stream", event("message_start", `"message":{"model":"m"}`)+
		event("content_block_start", `"index":0,"content_block":{"type":"thinking","thinking":"","signature":""}`)+
		event("content_block_delta", `"index":0,"delta":{"type":"signature_delta","signature":"c2ln"}`)+event("content_block_stop", `"index":0`)+
		event("content_block_start", `"index":1,"content_block":{"type":"redacted_thinking","data":"xyz"}`)+event("content_block_stop", `"index":1`)+
		event("content_block_start", `"index":2,"content_block":{"type":"server_tool_use","id":"x","name":"y","input":{}}`)+
		event("content_block_delta", `"index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}`)+event("content_block_stop", `"index":2`)+
		event("novelty", `"index":9`)+
		textEvents("Hi.")+event("message_delta", `"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}`)+event("message_stop", "")))
	answer, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	require.Len(t, answer.Message.Parts, 3)
	assert.JSONEq(t, `{"type":"thinking","signature":"c2ln"}`, string(answer.Message.Parts[0].Opaque.Data))
	assert.JSONEq(t, `{"type":"redacted_thinking","data":"xyz"}`, string(answer.Message.Parts[1].Opaque.Data))
	assert.Equal(t, llm.Part{Text: "Hi."}, answer.Message.Parts[2])
}

func TestStreamFaults(t *testing.T) {
	t.Parallel()
	const id = ", request req_anthropic_1)"
	tool := event("content_block_start", `"index":0,"content_block":{"type":"tool_use","id":"1","name":"w","input":{}}`)
	end := event("message_delta", `"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}`) + event("message_stop", "")
	for name, c := range map[string]struct {
		fault vendorsim.Fault
		says  vendorsim.LLMAnswer
		want  string
	}{
		"cut at once":       {fault: vendorsim.CutAfter(0), want: "incomplete (200, unexpected EOF" + id},
		"cut":               {fault: vendorsim.CutAfter(4), want: "incomplete (200, unexpected EOF" + id},
		"reset":             {fault: vendorsim.ResetAfter(4), want: "incomplete (200, read: connection reset by peer" + id},
		"malformed chunk":   {fault: vendorsim.BadChunkAfter(4), want: "incomplete (200" + id},
		"ended":             {fault: vendorsim.EndAfter(4), want: "incomplete (200, the stream has no message_stop" + id},
		"ended within":      {fault: vendorsim.EndWithin(4), want: "incomplete (200, the stream has no message_stop" + id},
		"ended at once":     {fault: vendorsim.EndAfter(0), want: "incomplete (200, the stream has no message_stop" + id},
		"unfinished":        {fault: vendorsim.Unfinished(), want: "incomplete (200, the stream has no message_stop" + id},
		"no reason":         {fault: vendorsim.ReplaceAfter(4, event("message_stop", "")), want: "incomplete (200, the answer has no stop_reason" + id},
		"garbled":           {fault: vendorsim.ReplaceAfter(4, "event: content_block_delta\ndata: {\"type\n\n"), want: "incomplete (200, the answer is not JSON" + id},
		"overloaded":        {fault: vendorsim.SSEErrorAfter(4, 529, ""), want: "transient (200 overloaded_error" + id},
		"overloaded first":  {fault: vendorsim.SSEErrorAfter(0, 529, ""), want: "transient (200 overloaded_error" + id},
		"limited":           {fault: vendorsim.SSEErrorAfter(4, 429, ""), want: "rate_limited (200 rate_limit_error" + id},
		"money":             {fault: vendorsim.SSEErrorAfter(1, 400, "credit_balance"), want: "exhausted (200 invalid_request_error" + id},
		"internal":          {fault: vendorsim.SSEErrorAfter(4, 500, ""), want: "transient (200 api_error" + id},
		"timeout":           {fault: vendorsim.SSEErrorAfter(4, 504, ""), want: "timeout (200 timeout_error" + id},
		"unknown":           {fault: vendorsim.SSEErrorAfter(4, 500, "new_error"), want: "incomplete (200 new_error" + id},
		"error of no sense": {fault: vendorsim.ReplaceAfter(4, "event: error\ndata: <html>secret\n\n"), want: "incomplete (200" + id},
		"page":              {fault: vendorsim.Page(), want: "incomplete (200, the stream has no message_stop)"},
		"JSON":              {fault: vendorsim.ErrorWithin(529, ""), want: "incomplete (200, the stream has no message_stop" + id},
		"redirect":          {fault: vendorsim.Redirect(302, "https://example.com/secret"), want: "unsupported (302)"},
		"refusal":           {fault: vendorsim.Status(529), want: "transient (529 overloaded_error" + id},
		"empty":             {says: vendorsim.LLMAnswer{Finish: "stop"}, want: "incomplete (200, the answer is empty" + id},
		"refused":           {says: vendorsim.LLMAnswer{Refusal: "No."}, want: "filtered (200 refusal" + id},
		"bad arguments": {
			says: vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{{Name: "w", Arguments: `{"a":`}}},
			want: "incomplete (200, the arguments of a tool call are no JSON object" + id,
		},
		"arguments that are no object": {
			says: vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{{Name: "w", Arguments: `[1]`}}},
			want: "incomplete (200, the arguments of a tool call are no JSON object" + id,
		},
		"half a call": {
			fault: vendorsim.Body(200, "text/event-stream", textEvents("Hi.")+tool+end),
			want:  "incomplete (200, the stream has no message_stop)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			if c.says.Finish+c.says.Refusal != "" || c.says.Calls != nil {
				s.Answer(vendorsim.Answers(c.says))
			}
			s.Fail(c.fault)
			all, err := chunks(t, client.LLM(), hello())
			require.EqualError(t, err, c.want)
			for _, chunk := range all {
				assert.False(t, chunk.IsFinal())
				assert.False(t, chunk.IsCall())
			}
			assert.Equal(t, 1, s.Stats().Requests)
		})
	}
}

// However a stream ends, its connection does not stay with us.
func TestStreamsAreClosed(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, cancel func(), c llm.Provider) error{
		"break": func(ctx context.Context, _ func(), c llm.Provider) error {
			for _, err := range c.Stream(ctx, hello()) {
				return err
			}
			return errors.New("nothing came")
		},
		"cancel": func(ctx context.Context, cancel func(), c llm.Provider) error {
			for _, err := range c.Stream(ctx, hello()) {
				if err != nil {
					if errors.Is(err, context.Canceled) {
						return nil
					}
					return err
				}
				cancel()
			}
			return errors.New("the stream ended by itself")
		},
		"panic": func(ctx context.Context, _ func(), c llm.Provider) (err error) {
			defer func() {
				if recover() == nil {
					err = errors.New("no panic")
				}
			}()
			for range c.Stream(ctx, hello()) {
				panic("enough")
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			s.Fail(vendorsim.StallAfter(5))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			require.NoError(t, end(ctx, cancel, client.LLM()))
			require.NoError(t, s.Await(t.Context(), func(stats vendorsim.Stats) bool { return stats.Disconnects == 1 }))
		})
	}
}

// A connection is used again, unless the vendor does not let go of it.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for range 5 {
		_, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		require.NoError(t, err)
	}
	assert.Equal(t, 1, s.Stats().Connections)
}

func TestAWholeAnswerDoesNotWaitForItsConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Anthropic(key, vendorsim.InMemory())
		defer s.Close()
		s.Fail(vendorsim.StallAt("event: message_stop"))
		c, err := anthropic.New(key, anthropic.WithBaseURL(s.URL()), anthropic.WithHTTPClient(s.Client()), anthropic.WithModels(models))
		require.NoError(t, err)
		begun := time.Now()
		answer, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		require.NoError(t, err)
		assert.Equal(t, llm.FinishStop, answer.Finish)
		assert.Equal(t, time.Second, time.Since(begun))
	})
}

func TestNothingIsSentBeforeAStreamIsRanged(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	_ = c.LLM().Stream(t.Context(), hello())
	assert.Zero(t, s.Stats().Requests)
}

// A text that breaks off goes on at the next account, after what was said.
func TestAnAnswerIsContinued(t *testing.T) {
	t.Parallel()
	s, first := start(t)
	s2, second := start(t, anthropic.WithName("second"))
	client, err := llm.New([]llm.Provider{first.LLM(), second.LLM()}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	require.NoError(t, err)
	defer client.Close()
	whole, err := second.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)

	s.Fail(vendorsim.CutAt("message "))
	answer, err := llm.Collect(client.Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, whole.Text(), answer.Text())
	assert.Equal(t, "second", answer.Provider)
	asked := s2.Asked()
	assert.NotEmpty(t, asked[len(asked)-1].Prefill)
}

// Behind a router with streams and whole answers, as users have it.
func TestBehindAClient(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	client, err := llm.New([]llm.Provider{c.LLM()})
	require.NoError(t, err)
	defer client.Close()
	answer, err := client.Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, "anthropic", answer.Provider)
	answer, err = llm.Collect(client.Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, "anthropic", answer.Provider)

	cold := hello()
	cold.Model, cold.Temperature = "smart", new(0.0)
	_, err = client.Complete(t.Context(), cold)
	require.ErrorIs(t, err, failover.ErrNoneAvailable, "nobody is asked for what nobody has")
	assert.Equal(t, 2, s.Stats().Requests)
}
