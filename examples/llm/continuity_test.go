package main

import (
	"encoding/json"
	"slices"
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

const system = "Answer in metric units."

// picture is as much of a PNG as the vendors look at.
var picture = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")

var tools = []llm.Tool{
	{
		Name: "weather", Description: "Tells the weather of a city.",
		Schema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`),
	},
	{
		Name: "clock", Description: "Tells the time in a zone.",
		Schema: json.RawMessage(`{"type":"object","properties":{"zone":{"type":"string"}},"required":["zone"]}`),
	},
}

// mind is what the model of a vendor says: the same at all of them, but for
// the name and the thought.
func mind(vendor string) vendorsim.Script {
	return func(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
		var a vendorsim.LLMAnswer
		if r.Thinking {
			a.Thinking = thought(vendor)
		}
		switch last := r.Messages[len(r.Messages)-1]; {
		case strings.HasPrefix(last.Text, "Compare"):
			a.Text = "I look both up."
			a.Calls = []vendorsim.LLMCall{
				{Name: "weather", Arguments: `{"city":"Oslo"}`},
				{Name: "weather", Arguments: `{"city":"Rome"}`},
			}
		case len(last.Results) == 2:
			a.Text = "Rome has no answer, so I look at the clock."
			a.Calls = []vendorsim.LLMCall{{Name: "clock", Arguments: `{"zone":"Europe/Rome"}`}}
		default:
			a.Text = "So says " + vendor + "."
		}
		return a
	}
}

func thought(vendor string) string { return "What would " + vendor + " say?" }

// turn is what the user says next, made of what the assistant has said, and
// whom it is put to.
type turn struct {
	to   string
	says func(calls []llm.ToolCall) llm.Message
}

func says(text string) func([]llm.ToolCall) llm.Message {
	return func([]llm.ToolCall) llm.Message { return llm.User(text) }
}

// turns are a conversation with everything in it: begun at a, gone on with at b
// in the middle of a step with tools, taken back to a, and ended at c.
func turns(a, b, c string) []turn {
	return []turn{
		{a, func([]llm.ToolCall) llm.Message {
			return llm.Message{Role: llm.RoleUser, Parts: []llm.Part{
				{Text: "What is this?"}, {Image: &llm.Image{Data: picture, Type: "image/png"}},
			}}
		}},
		{a, says("Compare the weather of Oslo and Rome.")},
		{b, func(calls []llm.ToolCall) llm.Message {
			return llm.Results(
				llm.ToolResult{ID: calls[0].ID, Content: "Rain, 4 degrees."},
				llm.ToolResult{ID: calls[1].ID, Content: "no such station", Failed: true},
			)
		}},
		{b, func(calls []llm.ToolCall) llm.Message {
			return llm.Results(llm.ToolResult{ID: calls[0].ID, Content: "13:05"})
		}},
		{a, says("Thank you. And tomorrow?")},
		{c, says("Do you agree?")},
	}
}

// ways are how a conversation gets to the vendor that the turn wants, and how
// the answer comes.
var ways = []struct {
	name    string
	streams bool
	fails   bool // the other vendors are preferred, and fail
}{
	{"asked", false, false},
	{"failed over to", false, true},
	{"asked for a stream", true, false},
	{"failed over to, a stream", true, true},
}

// A conversation begun at any vendor goes on at any other, and back again, and
// nothing of it is lost.
func TestContinuity(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		for i, a := range vendors {
			for _, j := range []int{(i + 1) % 3, (i + 2) % 3} {
				b, c := vendors[j], vendors[3-i-j]
				t.Run(way.name+"/"+a+" to "+b, func(t *testing.T) {
					t.Parallel()
					r := newRig(t, true, vendors)
					for _, vendor := range vendors {
						r.sims[vendor].Answer(mind(vendor))
					}
					var talk []llm.Message
					for n, turn := range turns(a, b, c) {
						var calls []llm.ToolCall
						if n > 0 {
							calls = talk[len(talk)-1].Calls()
						}
						talk = kept(t, append(talk, turn.says(calls)))
						answer := r.ask(t, turn.to, talk, way.streams, way.fails)
						r.check(t, turn.to, talk, answer)
						talk = kept(t, append(talk, answer.Message))
					}
					require.Equal(t, []string{anthropic.Vendor, google.Vendor}, signers(talk))
				})
			}
		}
	}
}

// ask puts a conversation to a vendor.
func (r *rig) ask(t *testing.T, to string, talk []llm.Message, streams, fails bool) *llm.Response {
	t.Helper()
	ctx := failover.With(t.Context(), failover.Only(to))
	if fails {
		others := slices.DeleteFunc(slices.Clone(vendors), func(v string) bool { return v == to })
		for _, other := range others {
			fault := vendorsim.Status(503)
			if streams {
				fault = vendorsim.CutAfter(0) // a success, until then
			}
			r.sims[other].FailAlways(fault)
			defer r.sims[other].Heal()
		}
		ctx = failover.With(t.Context(), failover.Prefer(others...))
	}
	req := llm.Request{Model: "smart", System: system, Tools: tools, Messages: talk}
	if !streams {
		result, err := r.client.Route(ctx, req)
		require.NoError(t, err)
		require.Equal(t, fails, len(result.Attempts) == len(vendors), "attempts: %v", result.Attempts)
		return result.Value
	}
	stream, story := r.client.RouteStream(ctx, req)
	answer, err := llm.Collect(stream)
	require.NoError(t, err)
	require.Equal(t, fails, len(story.Attempts) == len(vendors), "attempts: %v", story.Attempts)
	return answer
}

// check compares what the vendor was told with the conversation, and what it
// said with what came of it.
func (r *rig) check(t *testing.T, vendor string, talk []llm.Message, answer *llm.Response) {
	t.Helper()
	asked := r.asked(t, vendor)
	require.Equal(t, system, asked.System)
	require.Len(t, asked.Tools, len(tools))
	for i, tool := range tools {
		require.Equal(t, tool.Name, asked.Tools[i].Name)
		require.Equal(t, tool.Description, asked.Tools[i].Description)
		require.Contains(t, string(asked.Tools[i].Schema), `"properties"`)
	}
	require.Len(t, asked.Messages, len(talk))
	for i, m := range talk {
		before := vendorsim.LLMMessage{}
		if i > 0 {
			before = asked.Messages[i-1]
		}
		checkMessage(t, vendor, m, asked.Messages[i], before)
	}
	r.checkOpaque(t, vendor, talk)

	said := mind(vendor)(asked)
	require.Equal(t, vendor, answer.Provider)
	require.Equal(t, said.Text, answer.Text())
	require.Len(t, answer.Calls(), len(said.Calls))
	for i, call := range answer.Calls() {
		require.NotEmpty(t, call.ID)
		require.Equal(t, said.Calls[i].Name, call.Name)
		require.JSONEq(t, said.Calls[i].Arguments, string(call.Args))
	}
	want := llm.FinishStop
	if len(said.Calls) > 0 {
		want = llm.FinishCalls
	}
	require.Equal(t, want, answer.Finish)
	require.Positive(t, answer.Usage.Input)
	require.Positive(t, answer.Usage.Output)
	shown := vendor != openai.Vendor // which shows no thoughts
	require.Equal(t, shown, slices.ContainsFunc(answer.Message.Parts, func(p llm.Part) bool {
		return p.Thinking == thought(vendor)
	}))
}

// checkMessage compares a message with what a vendor was told of it. Vendors
// may name calls anew: before is the message before it as the vendor saw it.
func checkMessage(t *testing.T, vendor string, m llm.Message, told, before vendorsim.LLMMessage) {
	t.Helper()
	require.Equal(t, string(m.Role), told.Role)
	require.Equal(t, m.Text(), told.Text)
	var images, results, calls int
	for _, p := range m.Parts {
		switch {
		case p.Image != nil:
			require.Equal(t, vendorsim.LLMImage{MediaType: p.Image.Type, Data: p.Image.Data}, told.Images[images])
			images++
		case p.Call != nil:
			call := told.Calls[calls]
			require.NotEmpty(t, call.ID)
			require.Equal(t, p.Call.Name, call.Name)
			require.JSONEq(t, string(p.Call.Args), call.Arguments)
			require.Equal(t, vendor == google.Vendor && calls == 0, call.Signed, "the first call of a turn is signed, at Google")
			calls++
		case p.Result != nil:
			checkResult(t, vendor, p.Result, told.Results[results], before.Calls[results])
			results++
		}
	}
	require.Len(t, told.Images, images)
	require.Len(t, told.Calls, calls)
	require.Len(t, told.Results, results)
	var own strings.Builder
	for _, p := range m.Parts {
		if p.Opaque != nil && p.Opaque.Vendor == vendor {
			own.WriteString(p.Thinking)
		}
	}
	require.Equal(t, own.String(), told.Thinking, "a vendor gets its own thoughts back, and no other's")
}

func checkResult(t *testing.T, vendor string, r *llm.ToolResult, told vendorsim.LLMResult, call vendorsim.LLMCall) {
	t.Helper()
	require.Equal(t, call.ID, told.ID, "the result is that of its call")
	text, failed := r.Content, r.Failed
	if vendor == openai.Vendor && failed { // which has no field for it
		text, failed = "Error: "+text, false
	}
	require.Equal(t, text, told.Text)
	require.Equal(t, failed, told.Failed)
	if vendor == google.Vendor {
		require.Equal(t, call.Name, told.Name)
	}
}

// signers are the vendors that gave something to be kept for them.
func signers(talk []llm.Message) []string {
	var names []string
	for _, m := range talk {
		for _, p := range m.Parts {
			if p.Opaque != nil {
				names = append(names, p.Opaque.Vendor)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// checkOpaque looks for signatures and thoughts on the wire: a vendor's own are
// there, and no other's.
func (r *rig) checkOpaque(t *testing.T, vendor string, talk []llm.Message) {
	t.Helper()
	wire := r.sent(vendor)
	for _, m := range talk {
		for _, p := range m.Parts {
			if p.Opaque == nil {
				continue
			}
			var kept struct {
				Signature string `json:"signature"`
			}
			require.NoError(t, json.Unmarshal(p.Opaque.Data, &kept))
			require.NotEmpty(t, kept.Signature)
			require.Equal(t, p.Opaque.Vendor == vendor, strings.Contains(wire, kept.Signature),
				"a signature of %s at %s", p.Opaque.Vendor, vendor)
		}
	}
	for _, other := range vendors {
		if other != vendor {
			require.NotContains(t, wire, thought(other))
		}
	}
}
