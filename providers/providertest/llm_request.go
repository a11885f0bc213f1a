package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// told is a request and what the model must have been told.
type told struct {
	name  string
	lacks bool // the provider is to refuse it
	req   llm.Request
	check func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response)
}

// picture is an image of which only the vendor has to know what is on it.
var picture = []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89")

const (
	pictureURL = "https://images.example.com/cat.png"
	manners    = "You are brief. Answer in JSON if you are asked to."
)

// testRequests sees that the model is told all that the request says, or that
// the request is refused before anything is sent.
func (c LLM) testRequests(t *testing.T) {
	for _, row := range slices.Concat(c.plainRequests(), c.richRequests(), c.toolRequests()) {
		row.req.Model = c.Model
		c.each(t, row.name, func(t *testing.T, s *vendorsim.Server, ask asker) {
			got, err := ask(t.Context(), row.req)
			if row.lacks {
				wantRefusedHere(t, s, err, row.name)
				return
			}
			if err != nil {
				t.Fatalf("the provider failed: %v", err)
			}
			wantRequests(t, s, 1)
			asked := s.Asked()
			if len(asked) != 1 {
				t.Fatalf("the model was asked %d times, want once", len(asked))
			}
			if text := asked[0].Messages[0].Text; text != secretText {
				t.Errorf("the model was told %q, want %q", text, secretText)
			}
			row.check(t, asked[0], got)
		})
	}
}

// wantRefusedHere checks the refusal of what the provider does not offer.
func wantRefusedHere(t *testing.T, s *vendorsim.Server, err error, what string) {
	t.Helper()
	e := wantClass(t, err, failover.ClassUnsupported, what)
	if e.Outcome != failover.OutcomeNotAccepted {
		t.Errorf("%s: the outcome is %v, want %v: nothing was sent", what, e.Outcome, failover.OutcomeNotAccepted)
	}
	wantRequests(t, s, 0)
}

func (c LLM) plainRequests() []told {
	half, seed := 0.5, int64(7)
	system, limited, cool, ended, seeded := c.hello(), c.hello(), c.hello(), c.hello(), c.hello()
	system.System, limited.MaxTokens, cool.Temperature = manners, 77, &half
	ended.Stop, seeded.Seed = []string{"nothing to add"}, &seed
	return []told{
		{"system", false, system, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			if got.System != manners {
				t.Errorf("the system's text is %q, want %q", got.System, manners)
			}
		}},
		{"limit", false, limited, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			if got.MaxTokens != limited.MaxTokens {
				t.Errorf("the limit is %d tokens, want %d", got.MaxTokens, limited.MaxTokens)
			}
		}},
		{"temperature", c.Lacks.Sampling, cool, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			if got.Temperature == nil || *got.Temperature != half {
				t.Error("the temperature was not passed on")
			}
		}},
		{"stop", c.Lacks.Stop, ended, func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response) {
			if !slices.Equal(got.Stop, ended.Stop) || answer.Finish != llm.FinishStop {
				t.Errorf("Stop is %q and Finish %q, want %q and %q", got.Stop, answer.Finish, ended.Stop, llm.FinishStop)
			}
		}},
		{"seed", false, seeded, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			if got.Seed != nil && *got.Seed != seed {
				t.Errorf("the seed is %d, want %d or none", *got.Seed, seed)
			}
		}},
	}
}

func (c LLM) richRequests() []told {
	seen, fetched, object, shaped, begun := c.hello(), c.hello(), c.hello(), c.hello(), c.hello()
	show := func(images ...*llm.Image) []llm.Message {
		m := llm.User(secretText)
		for _, image := range images {
			m.Parts = append(m.Parts, llm.Part{Image: image})
		}
		return []llm.Message{m}
	}
	seen.Messages = show(&llm.Image{Data: picture, Type: "image/png"}, &llm.Image{Data: picture, Type: "image/jpeg"})
	fetched.Messages = show(&llm.Image{URL: pictureURL, Type: "image/png"})
	object.System, object.Format = manners, llm.Format{JSON: true}
	shaped.Format = llm.Format{Schema: json.RawMessage(place), Name: "place"}
	begun.Messages = append(begun.Messages, llm.Assistant("You said:"))
	return []told{
		{"images", c.Lacks.Images, seen, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			images := got.Messages[0].Images
			if len(images) != 2 || !bytes.Equal(images[0].Data, picture) ||
				images[0].MediaType != "image/png" || images[1].MediaType != "image/jpeg" {
				t.Errorf("the model saw %d images, want both as they are and in order", len(images))
			}
		}},
		{"image by address", c.Lacks.ImageURLs, fetched, func(t *testing.T, got vendorsim.LLMRequest, _ *llm.Response) {
			if images := got.Messages[0].Images; len(images) != 1 || images[0].URL != pictureURL {
				t.Error("the model was not given the image's address")
			}
		}},
		{"JSON", c.Lacks.JSON, object, func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response) {
			// A vendor that has no such mode is told in words.
			if inWords := strings.Contains(strings.ReplaceAll(got.System, manners, ""), "JSON"); !got.JSON && !inWords {
				t.Error("the model was not asked for JSON")
			}
			if err := llm.ValidJSON(t.Context(), object, answer); got.JSON && err != nil {
				t.Error(err)
			}
		}},
		{"schema", c.Lacks.Schema, shaped, func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response) {
			if err := llm.MatchesFormat(t.Context(), shaped, answer); !got.JSON || err != nil {
				t.Errorf("the model was not given the schema: %v", err)
			}
		}},
		{"prefill", c.Lacks.Prefill, begun, func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response) {
			if got.Prefill != "You said:" {
				t.Errorf("the answer goes on after %q, want %q", got.Prefill, "You said:")
			}
			if text := answer.Text(); len(text) == 0 || text[0] != ' ' {
				t.Errorf("the rest of the answer is %q, want it as the model gave it", text)
			}
		}},
	}
}

func (c LLM) toolRequests() []told {
	var all []told
	for name, choice := range map[string]llm.ToolChoice{
		"auto": {}, "none": {Mode: llm.ToolNone}, "required": {Mode: llm.ToolRequired}, clock.Name: {Mode: llm.ToolNamed, Name: clock.Name},
	} {
		req := c.hello()
		req.Tools, req.ToolChoice = []llm.Tool{weather, clock}, choice
		lacks := c.Lacks.Tools || c.Lacks.MustCall && choice.Mode >= llm.ToolRequired
		all = append(all, told{"tools, " + name, lacks, req, func(t *testing.T, got vendorsim.LLMRequest, answer *llm.Response) {
			calls := answer.Calls()
			switch {
			case name == "none":
				// Not to name the tools is as good as to forbid them.
				if len(got.Tools) > 0 && got.ToolChoice != "none" {
					t.Errorf("the choice of tools is %q, want none", got.ToolChoice)
				}
				return
			case got.ToolChoice != name && (name != "auto" || got.ToolChoice != ""):
				t.Errorf("the choice of tools is %q, want %q", got.ToolChoice, name)
			case len(got.Tools) != 2 || got.Tools[0].Name != weather.Name || got.Tools[0].Description != weather.Description:
				t.Errorf("the model was given the tools %+v, want both as they are and in order", got.Tools)
			case !bytes.Contains(got.Tools[0].Schema, []byte(`"city"`)):
				t.Errorf("the schema of the arguments is %s, want that of the tool", got.Tools[0].Schema)
			case len(calls) != 1:
				t.Fatalf("there are %d calls, want one", len(calls))
			}
			if calls[0].ID == "" {
				t.Error("the call has no ID: make one where the vendor gives none")
			}
			if err := llm.CheckArgs(t.Context(), req, answer); err != nil {
				t.Errorf("%v: %s", err, calls[0].Args)
			}
		}})
	}
	return all
}

// testLocal has what needs no vendor: requests that none can serve, and those
// that this one cannot.
func (c LLM) testLocal(t *testing.T) {
	for name, req := range c.badRequests() {
		c.each(t, name, func(t *testing.T, s *vendorsim.Server, ask asker) {
			_, err := ask(t.Context(), req)
			e := wantClass(t, err, failover.ClassInvalid, name)
			if e.Outcome != failover.OutcomeNotAccepted {
				t.Errorf("the outcome is %v, want %v: nothing was sent", e.Outcome, failover.OutcomeNotAccepted)
			}
			wantRequests(t, s, 0)
		})
	}
	strange, foreign := c.hello(), c.hello()
	strange.Model, foreign.Model = "no-such-model-in-the-table", "nobody:large"
	for _, req := range append([]llm.Request{strange, foreign}, c.Unsupported...) {
		if req.Model == "" {
			req.Model = c.Model
		}
		if len(req.Messages) == 0 {
			req.Messages = c.hello().Messages
		}
		c.each(t, "unsupported", func(t *testing.T, s *vendorsim.Server, ask asker) {
			if c.provider(t, s).Models == nil && (req.Model == strange.Model || req.Model == foreign.Model) {
				t.Skip("the provider serves every name")
			}
			_, err := ask(t.Context(), req)
			wantRefusedHere(t, s, err, "model "+req.Model)
		})
	}
	c.each(t, "context that has ended", func(t *testing.T, s *vendorsim.Server, ask asker) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := ask(ctx, c.hello())
		wantEnded(t, err, context.Canceled, "a context that ended before the call")
		wantRequests(t, s, 0)
	})
	c.bubble(t, "requests are left as they are", func(t *testing.T, s *vendorsim.Server) {
		req := c.conversation("elsewhere")
		for _, m := range c.modes() {
			_, _ = m.of(c.provider(t, s))(t.Context(), req)
		}
		if !reflect.DeepEqual(req, c.conversation("elsewhere")) {
			t.Error("the provider wrote through the request, which another provider gets next")
		}
	})
}

// badRequests are those that nobody can serve.
func (c LLM) badRequests() map[string]llm.Request {
	hot, nan := 3.0, math.NaN()
	bad := map[string]func(*llm.Request){
		"no messages":           func(r *llm.Request) { r.Messages = nil },
		"message without parts": func(r *llm.Request) { r.Messages = []llm.Message{{Role: llm.RoleUser}} },
		"message without role":  func(r *llm.Request) { r.Messages[0].Role = "" },
		"strange role":          func(r *llm.Request) { r.Messages[0].Role = "system" },
		"empty part":            func(r *llm.Request) { r.Messages[0].Parts = append(r.Messages[0].Parts, llm.Part{}) },
		"text and image in one": func(r *llm.Request) { r.Messages[0].Parts[0].Image = &llm.Image{Data: picture, Type: "image/png"} },
		"text that is not UTF-8": func(r *llm.Request) {
			r.Messages[0].Parts[0].Text = secretText + "\xe9"
		},
		"image without anything": func(r *llm.Request) { r.Messages[0].Parts[0] = llm.Part{Image: &llm.Image{}} },
		"image without type":     func(r *llm.Request) { r.Messages[0].Parts[0] = llm.Part{Image: &llm.Image{Data: picture}} },
		"result without a call": func(r *llm.Request) {
			r.Messages = append(r.Messages, llm.Results(llm.ToolResult{ID: "call_9", Content: secretText}))
		},
		"negative limit":     func(r *llm.Request) { r.MaxTokens = -1 },
		"absurd temperature": func(r *llm.Request) { r.Temperature = &hot },
		"no number":          func(r *llm.Request) { r.TopP = &nan },
		"empty stop":         func(r *llm.Request) { r.Stop = []string{""} },
		"nameless tool":      func(r *llm.Request) { r.Tools = []llm.Tool{{Description: secretText}} },
		"tool twice":         func(r *llm.Request) { r.Tools = []llm.Tool{clock, clock} },
		"tool that is not there": func(r *llm.Request) {
			r.Tools, r.ToolChoice = []llm.Tool{clock}, llm.ToolChoice{Mode: llm.ToolNamed, Name: weather.Name}
		},
		"tools required and none there": func(r *llm.Request) { r.ToolChoice.Mode = llm.ToolRequired },
		"schema that is none":           func(r *llm.Request) { r.Format.Schema = json.RawMessage(`"` + secretText) },
	}
	all := map[string]llm.Request{}
	for name, spoil := range bad {
		req := c.hello()
		spoil(&req)
		all[name] = req
	}
	return all
}

// header of an answer on command.
func header(pairs ...string) http.Header {
	h := http.Header{}
	for i := 0; i+1 < len(pairs); i += 2 {
		h.Set(pairs[i], pairs[i+1])
	}
	return h
}
