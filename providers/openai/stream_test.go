package openai_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// drain ranges over a stream to its end.
func drain(stream failover.Stream[llm.Chunk]) ([]llm.Chunk, error) {
	var all []llm.Chunk
	for chunk, err := range stream {
		if err != nil {
			return all, err
		}
		all = append(all, chunk)
	}
	return all, nil
}

func TestStream(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	chunks, err := drain(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	require.Greater(t, len(chunks), 3)
	for i, chunk := range chunks[:len(chunks)-1] {
		assert.NotEmpty(t, chunk.Text, i)
		assert.Nil(t, chunk.Summary, i)
	}
	total := chunks[len(chunks)-1].Summary
	require.NotNil(t, total)
	assert.Equal(t, llm.FinishStop, total.Finish)
	assert.Equal(t, "gpt-4.1", total.Model)
	assert.Equal(t, "openai", total.Provider)
	assert.Equal(t, "req_openai_1", total.RequestID)
	assert.Positive(t, total.Usage.Input)

	whole, err := c.LLM().Complete(t.Context(), hello())
	require.NoError(t, err)
	var collector llm.Collector
	for _, chunk := range chunks {
		collector.Add(chunk)
	}
	streamed := collector.Response()
	assert.Equal(t, whole.Message, streamed.Message)
	assert.Equal(t, whole.Usage, streamed.Usage)
	assert.Equal(t, whole.Finish, streamed.Finish)
	assert.Len(t, s.Requests(), 2)
}

func TestStreamedCalls(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	req := hello()
	req.Tools = []llm.Tool{weather}
	chunks, err := drain(c.LLM().Stream(t.Context(), req))
	require.NoError(t, err)
	var args strings.Builder
	for i, chunk := range chunks[:len(chunks)-2] {
		require.NotNil(t, chunk.Call, i)
		assert.Equal(t, 0, chunk.Call.Index)
		assert.Equal(t, i == 0, chunk.Call.ID != "" && chunk.Call.Name == "weather", "the first piece names the call")
		args.WriteString(chunk.Call.Args)
	}
	done := chunks[len(chunks)-2].Done
	require.NotNil(t, done)
	require.NotNil(t, done.Call)
	assert.Equal(t, args.String(), string(done.Call.Args))
	assert.Equal(t, chunks[0].Call.ID, done.Call.ID)
	assert.Equal(t, llm.FinishCalls, chunks[len(chunks)-1].Summary.Finish)
}

func TestStreamedThoughts(t *testing.T) {
	t.Parallel()
	s, c := startOther(t)
	s.Fail(events(delta(`{"reasoning":"I "}`), delta(`{"reasoning":"think."}`), delta(`{"content":"Hi."}`), end("stop"), "[DONE]"))
	chunks, err := drain(c.LLM().Stream(t.Context(), hello()))
	require.NoError(t, err)
	require.Len(t, chunks, 5)
	assert.Equal(t, llm.Chunk{Thinking: "I "}, chunks[0])
	assert.Equal(t, llm.Chunk{Thinking: "think."}, chunks[1])
	require.NotNil(t, chunks[2].Done)
	assert.Equal(t, "I think.", chunks[2].Done.Thinking)
	assert.Equal(t, "acme", chunks[2].Done.Opaque.Vendor)
	assert.Equal(t, llm.Chunk{Text: "Hi."}, chunks[3])
	assert.NotNil(t, chunks[4].Summary)
}

// countChunks counts those of the simulator's answer to hello.
func countChunks(t *testing.T, req llm.Request) int {
	t.Helper()
	s, c := start(t)
	n := 0
	for ; ; n++ {
		s.Fail(vendorsim.EndAfter(n))
		if _, err := llm.Collect(c.LLM().Stream(t.Context(), req)); err == nil {
			return n
		}
		require.Less(t, n, 100)
	}
}

// A stream that breaks off anywhere before its finish reason is an error, is
// not taken for a whole answer, and gives no half call.
func TestStreamFaults(t *testing.T) {
	t.Parallel()
	calling := hello()
	calling.Tools = []llm.Tool{weather}
	for name, req := range map[string]llm.Request{"text": hello(), "call": calling} {
		whole := countChunks(t, req)
		require.Greater(t, whole, 3)
		for n := range whole {
			for _, fault := range []vendorsim.Fault{
				vendorsim.EndAfter(n), vendorsim.CutAfter(n), vendorsim.ResetAfter(n), vendorsim.BadChunkAfter(n), vendorsim.EndWithin(n),
				vendorsim.ReplaceAfter(n, "data: {\"choices\":[{\n\n"), vendorsim.ReplaceAfter(n, "data: nonsense\n\n"),
				vendorsim.ReplaceAfter(n, "<html>"), vendorsim.ErrorAfter(n, 503, ""), vendorsim.ReplaceAfter(n, "data: [DONE]\n\n"),
			} {
				t.Run(fmt.Sprintf("%s %v", name, fault), func(t *testing.T) {
					t.Parallel()
					s, c := start(t)
					s.Fail(fault)
					chunks, err := drain(c.LLM().Stream(t.Context(), req))
					require.Error(t, err)
					assert.Equal(t, failover.ClassIncomplete, class(err), "%v", err)
					for _, chunk := range chunks {
						assert.Nil(t, chunk.Summary)
						assert.False(t, chunk.IsCall())
					}
					assert.Len(t, s.Requests(), 1)
				})
			}
		}
	}
}

// What happens after the finish reason is no failure any more.
func TestFaultsAfterTheEnd(t *testing.T) {
	t.Parallel()
	calling := hello()
	calling.Tools = []llm.Tool{weather}
	for name, req := range map[string]llm.Request{"text": hello(), "call": calling} {
		whole := countChunks(t, req)
		for n := whole; n < whole+3; n++ {
			for _, fault := range []vendorsim.Fault{
				vendorsim.EndAfter(n), vendorsim.CutAfter(n), vendorsim.BadChunkAfter(n), vendorsim.ReplaceAfter(n, "data: nonsense\n\n"),
			} {
				s, c := start(t)
				s.Fail(fault)
				resp, err := llm.Collect(c.LLM().Stream(t.Context(), req))
				require.NoError(t, err, "%s %v", name, fault)
				assert.False(t, resp.Empty())
				assert.NotEmpty(t, resp.Finish)
				assert.Equal(t, n > whole, resp.Usage.Input > 0, "%s %v", name, fault)
			}
		}
	}
}

// inMemory runs a simulator inside a bubble of fake time.
func inMemory(t *testing.T) (*vendorsim.Server, *openai.Client) {
	t.Helper()
	s := vendorsim.OpenAI(key, vendorsim.InMemory())
	return s, dial(t, s)
}

// A vendor that says that it is done and then nothing is waited for no longer
// than it takes to count.
func TestSilenceAfterTheEnd(t *testing.T) {
	t.Parallel()
	for part, wait := range map[string]time.Duration{`"finish_reason":"stop"`: 2 * time.Second, `"prompt_tokens"`: 0} {
		synctest.Test(t, func(t *testing.T) {
			s, c := inMemory(t)
			defer s.Close()
			s.Fail(vendorsim.StallAt(part))
			begun := time.Now()
			var took time.Duration
			for chunk, err := range c.LLM().Stream(t.Context(), hello()) {
				require.NoError(t, err)
				if chunk.IsFinal() {
					took = time.Since(begun)
					assert.Equal(t, llm.FinishStop, chunk.Summary.Finish)
				}
			}
			assert.Equal(t, wait, took, part)
			assert.Equal(t, 2*time.Second, time.Since(begun), "the stream ends")
		})
	}
}

// The consumer may take its time over a call: that is not the vendor's.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t)
		defer s.Close()
		req := hello()
		req.Tools = []llm.Tool{weather}
		var total *llm.Summary
		for chunk, err := range c.LLM().Stream(t.Context(), req) {
			require.NoError(t, err)
			if chunk.IsCall() {
				<-time.After(time.Minute)
			}
			total = chunk.Summary
		}
		require.NotNil(t, total)
		assert.Positive(t, total.Usage.Input)
	})
}

// Whoever leaves the loop leaves nothing behind: the bubble would not end.
func TestLeaving(t *testing.T) {
	t.Parallel()
	for _, fault := range []vendorsim.Fault{vendorsim.None(), vendorsim.StallAfter(5), vendorsim.Pace(time.Minute)} {
		for leave := range 3 {
			synctest.Test(t, func(t *testing.T) {
				s, c := inMemory(t)
				defer s.Close()
				s.Fail(fault)
				n := 0
				for _, err := range c.LLM().Stream(t.Context(), hello()) {
					require.NoError(t, err)
					if n++; n > leave {
						break
					}
				}
				assert.Equal(t, leave+1, n)
				require.NoError(t, s.Await(t.Context(), func(got vendorsim.Stats) bool { return got.Answered == 1 }))
			})
		}
	}
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t)
		defer s.Close()
		_ = c.LLM().Stream(t.Context(), hello())
		synctest.Wait()
		assert.Empty(t, s.Requests(), "nothing is sent before the loop")
	})
}

// Leaving at the last chunk, or within a call, is leaving too.
func TestLeavingLate(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	req := hello()
	req.Tools = []llm.Tool{weather}
	for name, stop := range map[string]func(llm.Chunk) bool{
		"summary": llm.Chunk.IsFinal, "call": llm.Chunk.IsCall, "piece": func(c llm.Chunk) bool { return c.Call != nil },
	} {
		left := false
		for chunk, err := range c.LLM().Stream(t.Context(), req) {
			require.NoError(t, err)
			require.False(t, left, name)
			if stop(chunk) {
				left = true
				break
			}
		}
		assert.True(t, left, name)
	}
}

// Whoever leaves hears nothing more, not even of what was wrong behind it.
func TestLeavingBeforeAFault(t *testing.T) {
	t.Parallel()
	s, c := startOther(t)
	s.Fail(events(`{"choices":[{"index":0,"delta":{"content":"Hi.","tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]},` +
		`"finish_reason":"tool_calls"}]}`))
	n := 0
	for chunk, err := range c.LLM().Stream(t.Context(), hello()) {
		require.NoError(t, err)
		assert.Equal(t, "Hi.", chunk.Text)
		n++
		break
	}
	assert.Equal(t, 1, n)
}

// A context that ends once all has come takes nothing back.
func TestCanceledAtTheEnd(t *testing.T) {
	t.Parallel()
	s, c := startOther(t)
	s.Fail(events(delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`),
		strings.TrimSuffix(end("tool_calls"), "}")+`,"usage":{"prompt_tokens":1}}`, "[DONE]"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := false
	for chunk, err := range c.LLM().Stream(ctx, hello()) {
		require.NoError(t, err)
		if chunk.IsCall() {
			cancel()
		}
		ended = chunk.IsFinal()
	}
	assert.True(t, ended)
}

// A stream that was read to its end leaves its connection for the next one.
func TestConnectionsAreUsedAgain(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for range 5 {
		_, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		require.NoError(t, err)
		_, err = c.LLM().Complete(t.Context(), hello())
		require.NoError(t, err)
		require.NoError(t, c.LLM().Check(t.Context()))
	}
	assert.Equal(t, 1, s.Stats().Connections)
}

// A stream that is cut goes on at the next provider, which is not this one: it
// has no prefill.
func TestContinueElsewhere(t *testing.T) {
	t.Parallel()
	first, gpt := start(t)
	second, acme := startOther(t, openai.WithModels(llm.Models{"smart": {ID: "acme-large", Can: &llm.Capabilities{Prefill: true}}}))
	client, err := llm.New([]llm.Provider{gpt.LLM(), acme.LLM()}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	require.NoError(t, err)
	defer client.Close()
	first.Fail(events(delta(`{"content":"Good "}`)))
	second.Fail(events(delta(`{"content":" morning."}`), end("stop"), "[DONE]"))
	resp, err := llm.Collect(client.Stream(t.Context(), hello()))
	require.NoError(t, err)
	assert.Equal(t, "Good morning.", resp.Text())
	assert.Equal(t, "acme", resp.Provider)

	// The other way round there is nobody to go on.
	client, err = llm.New([]llm.Provider{acme.LLM(), gpt.LLM()}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	require.NoError(t, err)
	defer client.Close()
	second.Fail(events(delta(`{"content":"Good "}`)))
	_, err = llm.Collect(client.Stream(t.Context(), hello()))
	_, cut := errors.AsType[*failover.InterruptedError](err)
	assert.True(t, cut, "%v", err)
}
