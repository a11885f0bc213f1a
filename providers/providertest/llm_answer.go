package providertest

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// tale is an answer that is several events long on every wire.
const tale = "Once upon a time there were three servers, and each of them was asked in turn; the first was silent, " +
	"the second was busy, and the third said that it would gladly answer."

// babel has what protocols may trip over.
const babel = "Grüße, 世界! Καλημέρα \U0001F30D\u2028\"quoted\" \\ <b>&amp;</b> data: [DONE]"

// thought is what the model thinks.
const thought = "They want an answer, so I give them one."

// place is a schema that every vendor takes.
const place = `{"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false}`

// Tools of the suite. Every vendor takes their schemas.
var (
	weather = llm.Tool{
		Name: "get_weather", Description: "Tells the weather of a city.",
		Schema: json.RawMessage(place),
	}
	clock = llm.Tool{Name: "get_time", Description: "Tells the time."}
)

// said is what the model says and what is to become of it.
type said struct {
	name   string
	answer vendorsim.LLMAnswer
	finish llm.Finish
}

func (c LLM) sayings() []said {
	all := []said{
		{"text", vendorsim.LLMAnswer{Text: tale}, llm.FinishStop},
		{"one word", vendorsim.LLMAnswer{Text: "Yes"}, llm.FinishStop},
		{"white space", vendorsim.LLMAnswer{Text: "  one\n\n\ttwo  three \n"}, llm.FinishStop},
		{"other scripts", vendorsim.LLMAnswer{Text: babel}, llm.FinishStop},
		{"a thought", vendorsim.LLMAnswer{Thinking: thought, Text: "It was."}, llm.FinishStop},
		{"cut by its length", vendorsim.LLMAnswer{Text: "It was", Finish: vendorsim.FinishLength}, llm.FinishLength},
		{"cut by a filter", vendorsim.LLMAnswer{Text: "It was", Finish: vendorsim.FinishContentFilter}, llm.FinishRefused},
		{"a reason of its own", vendorsim.LLMAnswer{Text: "It was", Finish: "because"}, llm.FinishOther},
		{"usage", vendorsim.LLMAnswer{
			Text: "It was.", Usage: vendorsim.LLMUsage{Input: 321, Cached: 100, Output: 45, Reasoning: 12},
		}, llm.FinishStop},
	}
	if c.Lacks.Tools {
		return all
	}
	paris := vendorsim.LLMCall{ID: "call_1", Name: weather.Name, Arguments: `{"city":"Paris"}`}
	rome := vendorsim.LLMCall{ID: "call_2", Name: weather.Name, Arguments: `{"city":"Rome, the \"eternal\" {city}"}`}
	now := vendorsim.LLMCall{ID: "call_3", Name: clock.Name, Arguments: `{}`}
	return append(all,
		said{"a call", vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{paris}}, llm.FinishCalls},
		said{"a call without arguments", vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{now}}, llm.FinishCalls},
		said{"parallel calls", vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{paris, rome, now}}, llm.FinishCalls},
		said{"a text and calls", vendorsim.LLMAnswer{Text: "Let me see.", Calls: []vendorsim.LLMCall{rome, paris}}, llm.FinishCalls},
	)
}

// testAnswers has the model say things: all of it arrives, whole and streamed
// alike.
func (c LLM) testAnswers(t *testing.T) {
	for _, row := range c.sayings() {
		req := c.hello()
		if len(row.answer.Calls) > 0 {
			req.Tools = []llm.Tool{weather, clock}
		}
		var answers []*llm.Response
		c.each(t, row.name, func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return row.answer })
			got, err := ask(t.Context(), req)
			if err != nil {
				t.Fatalf("the provider failed: %v", err)
			}
			wantRequests(t, s, 1)
			c.wantAnswer(t, got, row)
			answers = append(answers, got)
		})
		if len(answers) > 1 {
			wantSame(t, row.name, answers[0], answers[1])
		}
	}
	c.testNoAnswers(t)
	c.eachTCP(t, "over TCP", func(t *testing.T, s *vendorsim.Server, ask asker) {
		for range 3 { // the later ones on a connection that was used before
			if _, err := ask(t.Context(), c.hello()); err != nil {
				t.Fatalf("the provider failed: %v", err)
			}
		}
		if n := s.Stats().Connections; n != 1 && !(c.Lacks.Reuse && strings.Contains(t.Name(), "streamed")) {
			t.Errorf("three calls one after the other took %d connections, want 1: read every answer to its end", n)
		}
	})
	c.bubble(t, "the provider itself", func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		client, err := llm.New([]llm.Provider{p})
		if err != nil {
			t.Fatalf("no client can be made of the provider: %v", err)
		}
		if _, err := client.Complete(t.Context(), c.hello()); err != nil {
			t.Errorf("a client of the provider failed: %v", err)
		}
	})
}

// wantAnswer checks an answer against what the model said.
func (c LLM) wantAnswer(t *testing.T, got *llm.Response, row said) {
	t.Helper()
	if got.Text() != row.answer.Text {
		t.Errorf("the text is %q, want %q: pass on every character, once and in order", got.Text(), row.answer.Text)
	}
	wantCalls(t, got.Calls(), row.answer.Calls)
	if c.Wire.showsThoughts() {
		var thoughts strings.Builder
		for _, p := range got.Message.Parts {
			thoughts.WriteString(p.Thinking)
		}
		if thoughts.String() != row.answer.Thinking {
			t.Errorf("the model's thoughts are %q, want %q, in parts of their own", thoughts.String(), row.answer.Thinking)
		}
	}
	if got.Message.Role != llm.RoleAssistant {
		t.Errorf("Message.Role is %q, want %q", got.Message.Role, llm.RoleAssistant)
	}
	if got.Finish != row.finish {
		t.Errorf("Finish is %q, want %q", got.Finish, row.finish)
	}
	switch {
	case got.Provider == "":
		t.Error("Response.Provider is not set")
	case got.Model == "":
		t.Error("Response.Model is not set")
	case got.RequestID == "":
		t.Error("Response.RequestID is not set")
	}
	c.wantUsage(t, got.Usage, row.answer.Usage)
}

func (c LLM) wantUsage(t *testing.T, got llm.Usage, said vendorsim.LLMUsage) {
	t.Helper()
	if said == (vendorsim.LLMUsage{}) {
		if got.Input <= 0 || got.Output <= 0 {
			t.Errorf("Usage is %+v: read what the vendor counted", got)
		}
		return
	}
	want := llm.Usage{Input: said.Input, Cached: said.Cached, Output: said.Output}
	if c.Wire.countsThoughts() {
		want.Reasoning = said.Reasoning
	}
	if got != want {
		t.Errorf("Usage is %+v, want %+v: Input is all that was read, Output all that was written", got, want)
	}
}

func wantCalls(t *testing.T, got []llm.ToolCall, want []vendorsim.LLMCall) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("there are %d tool calls, want %d", len(got), len(want))
		return
	}
	for i, call := range got {
		if call.Name != want[i].Name || call.ID != want[i].ID {
			t.Errorf("call %d is %s %q, want %s %q", i+1, call.Name, call.ID, want[i].Name, want[i].ID)
		}
		if !sameJSON(string(call.Args), want[i].Arguments) {
			t.Errorf("the arguments of call %d are %s, want %s", i+1, call.Args, want[i].Arguments)
		}
	}
}

// sameJSON compares values, not spelling.
func sameJSON(a, b string) bool {
	var v, w any
	return json.Unmarshal([]byte(a), &v) == nil && json.Unmarshal([]byte(b), &w) == nil && reflect.DeepEqual(v, w)
}

// shown is what others see of an answer's parts: what a vendor wants back may
// stand elsewhere in its streams.
func shown(t *testing.T, m llm.Message) (parts string, opaque bool) {
	t.Helper()
	var all []llm.Part
	for _, p := range m.Parts {
		opaque = opaque || p.Opaque != nil
		if p.Opaque = nil; p != (llm.Part{}) {
			all = append(all, p)
		}
	}
	text, err := json.Marshal(all)
	if err != nil {
		t.Errorf("the message is no JSON: %v", err)
	}
	return string(text), opaque
}

// wantSame compares a whole answer and a stream that was collected.
func wantSame(t *testing.T, name string, whole, streamed *llm.Response) {
	t.Helper()
	a, kept := shown(t, whole.Message)
	b, keptToo := shown(t, streamed.Message)
	if !sameJSON(a, b) || kept != keptToo {
		t.Errorf("%s: a stream comes to another message than a whole answer:\n%s\n%s", name, b, a)
	}
	if whole.Model != streamed.Model || whole.Provider != streamed.Provider || whole.Usage != streamed.Usage {
		t.Errorf("%s: a stream comes to another summary than a whole answer", name)
	}
}

// testNoAnswers has the model say nothing of use.
func (c LLM) testNoAnswers(t *testing.T) {
	rows := []struct {
		name   string
		answer vendorsim.LLMAnswer
		want   failover.Class
	}{
		{"nothing", vendorsim.LLMAnswer{}, failover.ClassIncomplete},
		{"blocked", vendorsim.LLMAnswer{Blocked: "SAFETY"}, failover.ClassFiltered},
	}
	if c.Wire != Anthropic {
		rows = append(rows, rows[0])
		rows[2].name, rows[2].answer = "no choices", vendorsim.LLMAnswer{NoChoices: true}
	}
	for _, row := range rows {
		c.each(t, row.name, func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return row.answer })
			_, err := ask(t.Context(), c.hello())
			wantClass(t, err, row.want, row.name)
			wantRequests(t, s, 1)
		})
	}
	if c.Lacks.Tools {
		return
	}
	for _, args := range []string{`{"city":"Par`, `["Paris"]`, Canary} {
		c.each(t, "a call with bad arguments", func(t *testing.T, s *vendorsim.Server, ask asker) {
			if c.Wire == Anthropic && strings.Contains(t.Name(), "whole") {
				t.Skip("a whole answer of this vendor cannot have them")
			}
			s.Answer(vendorsim.Answers(vendorsim.LLMAnswer{Calls: []vendorsim.LLMCall{{Name: weather.Name, Arguments: args}}}))
			req := c.hello()
			req.Tools = []llm.Tool{weather}
			_, err := ask(t.Context(), req)
			wantClass(t, err, failover.ClassIncomplete, "a call whose arguments are no JSON object")
		})
	}
}
