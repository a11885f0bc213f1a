package providertest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// vendors are those whose conversations are gone on with, and the ids that
// they give to calls.
var vendors = map[string][2]string{
	"openai":    {"call_6lGmyA8XvPtCkIN0bPVYwRnH", "call_hU2mOqDn9qfjFXYwbXTMrDyA"},
	"anthropic": {"toolu_01A09q90qw90lq917835lq9", "toolu_01B09q90qw90lq917835lq9"},
	"google":    {"function-call-12345678901234567890", "function-call-12345678901234567891"},
	// A server of one's own may give anything.
	"elsewhere": {strings.Repeat("a", 70) + ":1", strings.Repeat("a", 70) + ":2"},
}

// foreign is what one vendor keeps in a conversation, and no other must see.
const foreign = "kept-by-another-vendor-8c41"

// conversation is one that began at a vendor, tools, a thought and a failure
// included.
func (c LLM) conversation(vendor string) llm.Request {
	ids := vendors[vendor]
	opaque := &llm.Opaque{Vendor: vendor, Data: json.RawMessage(`{"signature":"` + foreign + `","field":"` + foreign + `"}`)}
	req := c.hello()
	req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{
		{Thinking: "The user wants " + foreign, Opaque: opaque},
		{Text: "Let me see.", Opaque: opaque},
	}})
	if c.Lacks.Tools {
		req.Messages = append(req.Messages, llm.User("Go on."))
		return req
	}
	req.Tools = []llm.Tool{weather, clock}
	m := &req.Messages[1]
	m.Parts = append(m.Parts,
		llm.Part{Call: &llm.ToolCall{ID: ids[0], Name: weather.Name, Args: json.RawMessage(`{"city":"Paris"}`)}, Opaque: opaque},
		llm.Part{Call: &llm.ToolCall{ID: ids[1], Name: clock.Name, Args: json.RawMessage(`{}`)}},
	)
	last := llm.User("And now?")
	if !c.Lacks.Images {
		last.Parts = append(last.Parts, llm.Part{Image: &llm.Image{Data: picture, Type: "image/png"}})
	}
	req.Messages = append(req.Messages,
		llm.Results(
			llm.ToolResult{ID: ids[0], Content: "It rains."},
			llm.ToolResult{ID: ids[1], Content: "The clock stands.", Failed: true},
		),
		llm.Assistant("It rains in Paris."),
		last,
	)
	return req
}

// testHistories goes on with conversations that began elsewhere, and with the
// provider's own.
func (c LLM) testHistories(t *testing.T) {
	for vendor := range vendors {
		req := c.conversation(vendor)
		c.each(t, "begun at "+vendor, func(t *testing.T, s *vendorsim.Server, ask asker) {
			p := c.provider(t, s)
			if vendor == p.Vendor || vendor == p.Name {
				t.Skip("the provider's own is tested by itself")
			}
			if _, err := ask(t.Context(), req); err != nil {
				t.Fatalf("the conversation does not go on here: %v", err)
			}
			asked := s.Asked()
			if len(asked) != 1 {
				t.Fatalf("the model was asked %d times, want once", len(asked))
			}
			wantHistory(t, asked[0], req)
			if body := string(s.Requests()[0].Body); strings.Contains(body, foreign) {
				t.Error("what another vendor keeps in the conversation was sent: see llm.Message.For")
			}
		})
	}
	if !c.Lacks.Tools {
		c.testOwn(t)
	}
}

// wantHistory checks that the model was told the conversation.
func wantHistory(t *testing.T, got vendorsim.LLMRequest, req llm.Request) {
	t.Helper()
	if len(got.Messages) != len(req.Messages) {
		t.Fatalf("the model was told %d messages, want %d", len(got.Messages), len(req.Messages))
	}
	names := map[string]string{}
	for i, m := range req.Messages {
		told := got.Messages[i]
		if told.Role != string(m.Role) || told.Text != m.Text() {
			t.Errorf("message %d is %s %q, want %s %q", i+1, told.Role, told.Text, m.Role, m.Text())
		}
		images := slices.DeleteFunc(slices.Clone(m.Parts), func(p llm.Part) bool { return p.Image == nil })
		if len(told.Images) != len(images) {
			t.Errorf("message %d has %d images, want %d", i+1, len(told.Images), len(images))
		}
		calls := m.Calls()
		if len(told.Calls) != len(calls) {
			t.Errorf("message %d has %d calls, want %d", i+1, len(told.Calls), len(calls))
			continue
		}
		for n, call := range told.Calls {
			names[call.ID] = call.Name
			if call.Name != calls[n].Name || !sameJSON(call.Arguments, string(calls[n].Args)) {
				t.Errorf("a call of message %d is %s(%s), want %s(%s)", i+1, call.Name, call.Arguments, calls[n].Name, calls[n].Args)
			}
		}
		wantResults(t, told.Results, m, names)
	}
}

// wantResults checks that the results belong to their calls; names are those
// of the calls by their ids, which the provider may have changed.
func wantResults(t *testing.T, got []vendorsim.LLMResult, m llm.Message, names map[string]string) {
	t.Helper()
	tools := []string{weather.Name, clock.Name}
	n := 0
	for _, p := range m.Parts {
		if p.Result == nil {
			continue
		}
		if n >= len(got) {
			t.Error("a result of a tool was not passed on")
			return
		}
		result := got[n]
		// Some vendors have no ids, and some no names.
		if result.ID != "" && names[result.ID] != tools[n] || result.Name != "" && result.Name != tools[n] {
			t.Errorf("result %d belongs to %s, want %s", n+1, names[result.ID]+result.Name, tools[n])
		}
		if !strings.Contains(result.Text, p.Result.Content) {
			t.Errorf("result %d is %q, want %q", n+1, result.Text, p.Result.Content)
		}
		n++
	}
}

// testOwn goes on with conversations of the provider's own, which were kept as
// JSON between the turns.
func (c LLM) testOwn(t *testing.T) {
	c.each(t, "its own", func(t *testing.T, s *vendorsim.Server, ask asker) {
		req := c.hello()
		req.Tools = []llm.Tool{weather, clock}
		s.Answer(func(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
			a := vendorsim.LLMAnswer{Text: "Let me see.", Thinking: thought}
			if r.Number <= 2 {
				a.Calls = []vendorsim.LLMCall{{Name: weather.Name, Arguments: `{"city":"Rome"}`}, {Name: clock.Name, Arguments: `{}`}}
			}
			return a
		})
		const turns = 3
		for turn := range turns {
			got, err := ask(t.Context(), req)
			if err != nil {
				t.Fatalf("turn %d of the provider's own conversation failed: %v", turn+1, err)
			}
			req.Messages = append(req.Messages, kept(t, got.Message))
			if calls := got.Calls(); len(calls) > 0 {
				results := make([]llm.ToolResult, 0, len(calls))
				for _, call := range calls {
					results = append(results, llm.ToolResult{ID: call.ID, Content: "so it is"})
				}
				req.Messages = append(req.Messages, llm.Results(results...))
			}
		}
		asked := s.Asked()
		if len(asked) != turns {
			t.Fatalf("the model was asked %d times, want %d", len(asked), turns)
		}
		if c.Wire == Anthropic && asked[turns-1].Messages[1].Thinking != thought {
			t.Error("the vendor did not get its own thought back, which it wants: see llm.Part.Opaque")
		}
		wantHistory(t, asked[turns-1], llm.Request{Messages: req.Messages[:len(req.Messages)-1]})
	})
}

// kept is a message that went through JSON.
func kept(t *testing.T, m llm.Message) llm.Message {
	t.Helper()
	var back llm.Message
	text, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatalf("the message does not survive JSON: %v", err)
	}
	return back
}
