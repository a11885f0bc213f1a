package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

const (
	story   = "Once upon a time two models told one story, and nobody heard where the first one stopped."
	looking = "I look both up."
	object  = `{"title": "Two models and one story", "moral": "Nobody hears a failover"}`
)

// narrator tells the story, or the rest of it; gives an object where one is
// asked for; and calls two tools where there are some.
func narrator(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
	switch {
	case len(r.Tools) > 0:
		return vendorsim.LLMAnswer{Text: looking, Calls: []vendorsim.LLMCall{
			{Name: "weather", Arguments: `{"city":"Oslo"}`}, {Name: "weather", Arguments: `{"city":"Rome"}`},
		}}
	case r.JSON || strings.Contains(r.System, "JSON"): // Anthropic has no field for it
		return vendorsim.LLMAnswer{Text: object}
	default:
		return vendorsim.LLMAnswer{Text: strings.TrimPrefix(story, r.Prefill)}
	}
}

// cuts are after how many events a stream breaks off, at each vendor. OpenAI
// begins with one that has no content, Anthropic with three; then there is a
// word in each, and four at Google.
var cuts = []struct {
	name   string
	after  map[string]int
	change func(*llm.Request)
	want   string
	// prefills: the answer is one that can go on elsewhere in its middle.
	prefills bool
}{
	{"a text", map[string]int{openai.Vendor: 4, anthropic.Vendor: 6, google.Vendor: 1}, func(*llm.Request) {}, story, true},
	{
		"an object",
		map[string]int{openai.Vendor: 4, anthropic.Vendor: 6, google.Vendor: 1},
		func(r *llm.Request) { r.Format.JSON = true },
		object,
		false,
	},
	{ // the text before it, its beginning and half of its arguments; Google sends a call whole
		"a call",
		map[string]int{openai.Vendor: 7, anthropic.Vendor: 11},
		func(r *llm.Request) { r.Tools = tools },
		looking,
		false,
	},
}

// A stream that breaks off at any vendor goes on at any other: after what was
// said where the model can do that, else from the beginning.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	for _, cut := range cuts {
		for _, a := range vendors {
			for _, b := range vendors {
				if a == b || cut.after[a] == 0 {
					continue
				}
				t.Run(cut.name+"/"+a+" to "+b, func(t *testing.T) {
					t.Parallel()
					r := newRig(t, false, []string{a, b}, llm.WithStreams(failover.WithInterrupted(failover.Continue, failover.Restart)))
					r.sims[a].Answer(narrator)
					r.sims[b].Answer(narrator)
					r.sims[a].Fail(vendorsim.CutAfter(cut.after[a]))

					req := llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Tell me a story, please.")}}
					cut.change(&req)
					stream, told := r.client.RouteStream(t.Context(), req)
					answer, err := llm.Collect(stream)
					require.NoError(t, err)
					require.Equal(t, b, answer.Provider)
					require.Equal(t, cut.want, answer.Text())
					require.Len(t, answer.Calls(), len(req.Tools))

					prefill := r.asked(t, b).Prefill
					if cut.prefills && b != openai.Vendor {
						require.NotEmpty(t, prefill)
						require.True(t, strings.HasPrefix(story, prefill))
						require.Equal(t, []int{1, 0}, []int{told.Continued, told.Restarted})
						return
					}
					require.Empty(t, prefill)
					require.Equal(t, []int{0, 1}, []int{told.Continued, told.Restarted})
				})
			}
		}
	}
}

// Once a call is whole its reader may have acted on it: nobody is asked again.
// OpenAI's calls are whole with the end of the answer only, Anthropic's with what
// comes after them.
func TestInterruptedAfterCall(t *testing.T) {
	t.Parallel()
	for vendor, after := range map[string]int{anthropic.Vendor: 15, google.Vendor: 2} {
		t.Run(vendor, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, false, []string{vendor, openai.Vendor},
				llm.WithStreams(failover.WithInterrupted(failover.Continue, failover.Restart)))
			r.sims[vendor].Answer(narrator)
			r.sims[vendor].Fail(vendorsim.CutAfter(after))

			answer, err := llm.Collect(r.client.Stream(t.Context(), llm.Request{
				Model: "smart", Tools: tools, Messages: []llm.Message{llm.User("Tell me the weather.")},
			}))
			require.ErrorIs(t, err, failover.ErrInterrupted)
			require.Len(t, answer.Calls(), 1)
			require.JSONEq(t, `{"city":"Oslo"}`, string(answer.Calls()[0].Args))
			require.Zero(t, r.sims[openai.Vendor].Stats().Requests)
		})
	}
}

// Google may sign the end of a text, which then comes again as a part. It is
// the part of its own text, not of what another vendor had said before.
func TestContinuedWithSignature(t *testing.T) {
	t.Parallel()
	r := newRig(t, false, []string{anthropic.Vendor, google.Vendor}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	r.sims[anthropic.Vendor].Answer(narrator)
	r.sims[anthropic.Vendor].Fail(vendorsim.CutAfter(6)) // "Once upon a "
	r.sims[google.Vendor].Fail(vendorsim.Body(200, "text/event-stream", ""+
		`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"time it "}]}}]}`+"\r\n\r\n"+
		`data: {"candidates":[{"content":{"role":"model","parts":[{"text":"was told.","thoughtSignature":"c2lnbmVk"}]},`+
		`"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":1}}`+"\r\n\r\n"))

	answer, err := llm.Collect(r.client.Stream(t.Context(), llm.Request{
		Model: "smart", Messages: []llm.Message{llm.User("Tell me a story, please.")},
	}))
	require.NoError(t, err)
	require.Equal(t, "Once upon a time it was told.", answer.Text())
	require.Equal(t, []string{google.Vendor}, signers([]llm.Message{answer.Message}))
}
