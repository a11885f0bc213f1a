package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// fake is a provider that answers with its name, or fails.
type fake struct {
	name   string
	err    error
	asked  []llm.Request
	chunks []any // of a stream: chunks and an error; nil: its name
}

func (f *fake) complete(_ context.Context, req llm.Request) (*llm.Response, error) {
	f.asked = append(f.asked, req)
	if f.err != nil {
		return nil, f.err
	}
	return &llm.Response{
		Message: llm.Assistant(f.name), Finish: llm.FinishStop, Usage: llm.Usage{Input: 1000, Cached: 200, Output: 100}, Model: f.name + "-1",
	}, nil
}

func (f *fake) stream(_ context.Context, req llm.Request) failover.Stream[llm.Chunk] {
	return func(yield func(llm.Chunk, error) bool) {
		f.asked = append(f.asked, req)
		if f.err != nil {
			yield(llm.Chunk{}, f.err)
			return
		}
		script := f.chunks
		if script == nil {
			script = []any{text(f.name), llm.Chunk{Summary: &llm.Summary{Finish: llm.FinishStop, Usage: llm.Usage{Output: 7}}}}
		}
		for _, step := range script {
			switch step := step.(type) {
			case llm.Chunk:
				if !yield(step, nil) {
					return
				}
			case error:
				yield(llm.Chunk{}, step)
				return
			}
		}
	}
}

func (f *fake) provider(models llm.Models) llm.Provider {
	return llm.Provider{Name: f.name, Complete: f.complete, Stream: f.stream, Models: models}
}

func text(s string) llm.Chunk { return llm.Chunk{Text: s} }

func call(id string) llm.Chunk {
	return llm.Chunk{Done: &llm.Part{Call: &llm.ToolCall{ID: id, Name: "look", Args: json.RawMessage(`{}`)}}}
}

func newClient(t *testing.T, providers []llm.Provider, opts ...llm.Option) *llm.Client {
	t.Helper()
	c, err := llm.New(providers, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

func hello(model string) llm.Request {
	return llm.Request{Model: model, Messages: []llm.Message{llm.User("Hello.")}}
}

var errDown = &failover.Error{Class: failover.ClassExhausted, Status: 402}

func TestCompleteFailsOver(t *testing.T) {
	t.Parallel()
	a, b := &fake{name: "a", err: errDown}, &fake{name: "b"}
	price := &llm.Price{Input: 1, CachedInput: 0.5, Output: 10}
	c := newClient(t, []llm.Provider{
		a.provider(llm.Models{"smart": {ID: "a-1"}}), b.provider(llm.Models{"smart": {ID: "b-1", Price: price}}),
	})
	answer, err := c.Complete(t.Context(), hello("smart"))
	require.NoError(t, err)
	assert.Equal(t, "b", answer.Text())
	assert.Equal(t, "b", answer.Provider)
	assert.True(t, answer.Priced)
	assert.InDelta(t, (800*1+200*0.5+100*10)/1e6, answer.Cost, 1e-12)
	assert.Equal(t, map[string]float64{"b": price.Estimate(hello("smart"))}, c.Cost(hello("smart")))
	assert.Equal(t, map[string]float64{"b": answer.Cost}, c.Status().Spent)
	_, err = llm.Collect(c.Stream(t.Context(), hello("smart")))
	require.NoError(t, err)
	assert.InDelta(t, answer.Cost+7*10/1e6, c.Status().Spent["b"], 1e-12)
	_, err = c.Complete(t.Context(), hello("wise"))
	require.ErrorIs(t, err, failover.ErrNoneAvailable, "nobody has such a model")
	answer, err = c.Complete(t.Context(), hello("b:b-2"))
	require.NoError(t, err)
	assert.False(t, answer.Priced)
}

func TestRequestsGoWhereTheyCanBeServed(t *testing.T) {
	t.Parallel()
	blind, seeing := &fake{name: "blind"}, &fake{name: "seeing"}
	c := newClient(t, []llm.Provider{
		blind.provider(llm.Models{"": {ID: "x", Can: &llm.Capabilities{Context: 1000}}}),
		seeing.provider(llm.Models{"": {ID: "y", Can: &llm.Capabilities{Vision: true, Tools: true, JSON: true, JSONSchema: true, Prefill: true}}}),
	})
	tool := llm.Tool{Name: "look", Schema: json.RawMessage(`{"type":"object"}`)}
	for name, req := range map[string]llm.Request{
		"images": {Messages: []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{{Image: &llm.Image{Data: []byte("x"), Type: "image/png"}}}}}},
		"tools":  {Messages: []llm.Message{llm.User("x")}, Tools: []llm.Tool{tool}},
		"schema": {Messages: []llm.Message{llm.User("x")}, Format: llm.Format{Schema: json.RawMessage(`{"type":"object"}`)}},
		"json":   {Messages: []llm.Message{llm.User("x")}, Format: llm.Format{JSON: true}},
		"prefill": {Messages: []llm.Message{
			llm.User("x"), llm.Assistant("y"),
		}},
		"length": {Messages: []llm.Message{llm.User(strings.Repeat("word ", 2000))}},
	} {
		answer, err := c.Complete(t.Context(), req)
		require.NoError(t, err, name)
		assert.Equal(t, "seeing", answer.Provider, name)
		assert.Empty(t, blind.asked, name)
	}
	answer, err := c.Complete(t.Context(), hello(""))
	require.NoError(t, err)
	assert.Equal(t, "blind", answer.Provider)
}

func TestPromptsArePinnedToProviders(t *testing.T) {
	t.Parallel()
	a, b := &fake{name: "a", err: errDown}, &fake{name: "b"}
	prompts := llm.WithPrompts(llm.Prompts{"host": {
		Default: llm.PromptVersion{Version: "3", Text: "You are a host."},
		For:     map[string]llm.PromptVersion{"b": {Version: "3b", Text: "Be a host."}},
	}})
	c := newClient(t, []llm.Provider{a.provider(nil), b.provider(nil)}, prompts)
	req := hello("")
	req.Prompt, req.System = "host", "It is late."
	answer, err := c.Complete(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, "3b", answer.Prompt)
	assert.Equal(t, "You are a host.\n\nIt is late.", a.asked[0].System)
	assert.Equal(t, "Be a host.\n\nIt is late.", b.asked[0].System)
	req.Prompt = "guest"
	_, err = c.Complete(t.Context(), req)
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	_, err = llm.New([]llm.Provider{a.provider(nil)}, prompts)
	require.ErrorContains(t, err, `prompt "host": unknown provider "b"`)
}

func TestStreamFailsOverAndIsCollected(t *testing.T) {
	t.Parallel()
	a, b := &fake{name: "a", err: errDown}, &fake{name: "b"}
	c := newClient(t, []llm.Provider{a.provider(nil), b.provider(nil)})
	answer, err := llm.Collect(c.Stream(t.Context(), hello("")))
	require.NoError(t, err)
	assert.Equal(t, "b", answer.Text())
	assert.Equal(t, "b", answer.Provider)
	assert.Equal(t, 7, answer.Usage.Output)
	assert.Equal(t, llm.FinishStop, answer.Finish)
}

func TestStreamContinuesByPrefill(t *testing.T) {
	t.Parallel()
	cut := []any{llm.Chunk{Thinking: "hm"}, text("Good "), text("evening, "), errors.New("cut")}
	able := llm.Models{"": {ID: "x", Can: &llm.Capabilities{Prefill: true}}}
	a, b, d := &fake{name: "a", chunks: cut}, &fake{name: "b"}, &fake{name: "d"}
	opts := llm.WithStreams(failover.WithInterrupted(failover.Continue, failover.Restart))
	c := newClient(t, []llm.Provider{a.provider(nil), b.provider(able)}, opts)
	answer, err := llm.Collect(c.Stream(t.Context(), hello("")))
	require.NoError(t, err)
	assert.Equal(t, "Good evening, b", answer.Text())
	require.Len(t, b.asked, 1)
	last := b.asked[0].Messages[len(b.asked[0].Messages)-1]
	assert.Equal(t, llm.Assistant("Good evening,"), last, "no vendor takes a prefill that ends in a space")
	assert.True(t, b.asked[0].Resumed())

	c = newClient(t, []llm.Provider{a.provider(nil), d.provider(nil)}, opts)
	answer, err = llm.Collect(c.Stream(t.Context(), hello("")))
	require.NoError(t, err)
	assert.Equal(t, "d", answer.Text(), "restarted: nobody knows that it can prefill")
}

func TestStreamOfCallsIsNeverResumedOrRestarted(t *testing.T) {
	t.Parallel()
	able := llm.Models{"": {ID: "x", Can: &llm.Capabilities{Prefill: true, Tools: true}}}
	opts := llm.WithStreams(failover.WithInterrupted(failover.Continue, failover.Restart))
	half := llm.Chunk{Call: &llm.CallDelta{ID: "1", Name: "look", Args: `{"at`}}
	for name, c := range map[string]struct {
		chunks  []any
		restart bool
	}{
		"half a call":  {[]any{text("Let me "), half, errors.New("cut")}, true},
		"a whole call": {[]any{text("Let me "), half, call("1"), errors.New("cut")}, false},
	} {
		a, b := &fake{name: "a", chunks: c.chunks}, &fake{name: "b"}
		client := newClient(t, []llm.Provider{a.provider(nil), b.provider(able)}, opts)
		answer, err := llm.Collect(client.Stream(t.Context(), hello("")))
		if c.restart {
			require.NoError(t, err, name)
			assert.Equal(t, "b", answer.Text(), name)
			assert.Equal(t, hello("").Messages, b.asked[0].Messages, name)
			continue
		}
		require.ErrorIs(t, err, failover.ErrInterrupted, name)
		assert.Empty(t, b.asked, name)
	}
}

func TestCollector(t *testing.T) {
	t.Parallel()
	var c llm.Collector
	opaque := &llm.Opaque{Vendor: "a", Data: json.RawMessage(`"sig"`)}
	for _, chunk := range []llm.Chunk{
		text("forget this"),
		{Restart: true},
		{Thinking: "I sh"},
		{Thinking: "ould look"},
		{Done: &llm.Part{Thinking: "I should look", Opaque: opaque}},
		text("Let me "), text("look."),
		{Call: &llm.CallDelta{ID: "1", Name: "look"}},
		call("1"), call("2"),
		text("Done."),
		{Summary: &llm.Summary{Finish: llm.FinishCalls}},
	} {
		c.Add(chunk)
	}
	answer := c.Response()
	require.Len(t, answer.Message.Parts, 5)
	assert.Equal(t, llm.Part{Thinking: "I should look", Opaque: opaque}, answer.Message.Parts[0])
	assert.Equal(t, "Let me look.", answer.Message.Parts[1].Text)
	assert.Equal(t, []string{"1", "2"}, []string{answer.Calls()[0].ID, answer.Calls()[1].ID})
	assert.Equal(t, "Let me look.Done.", answer.Text())
	assert.Equal(t, llm.FinishCalls, answer.Finish)
	assert.Equal(t, answer.Message, c.Response().Message, "asking twice changes nothing")
}

func TestMessageFor(t *testing.T) {
	t.Parallel()
	m := llm.Message{Role: llm.RoleAssistant, Parts: []llm.Part{
		{Thinking: "secret", Opaque: &llm.Opaque{Vendor: "a", Data: json.RawMessage(`1`)}},
		{Opaque: &llm.Opaque{Vendor: "a", Data: json.RawMessage(`2`)}},
		{Text: "hi", Opaque: &llm.Opaque{Vendor: "a", Data: json.RawMessage(`3`)}},
	}}
	assert.Equal(t, m, m.For("a"))
	assert.Equal(t, llm.Assistant("hi"), m.For("b"))
	kept, err := json.Marshal(m)
	require.NoError(t, err)
	var back llm.Message
	require.NoError(t, json.Unmarshal(kept, &back))
	assert.Equal(t, m, back)
}

func TestValidators(t *testing.T) {
	t.Parallel()
	schema := json.RawMessage(`{"type":"object","required":["n"],"properties":{"n":{"type":"integer"}}}`)
	req := hello("")
	req.Format.Schema = schema
	req.Tools = []llm.Tool{{Name: "look", Schema: schema}}
	say := func(s string) *llm.Response { return &llm.Response{Message: llm.Assistant(s)} }
	args := func(name, s string) *llm.Response {
		return &llm.Response{Message: llm.Message{Parts: []llm.Part{{Call: &llm.ToolCall{ID: "1", Name: name, Args: json.RawMessage(s)}}}}}
	}
	score := func(_ llm.Request, r *llm.Response) float64 { return float64(len(r.Text())) / 10 }
	for name, c := range map[string]struct {
		v         llm.Validator
		good, bad *llm.Response
	}{
		"NonBlank":      {llm.NonBlank, say("x"), say(" \n")},
		"Finished":      {llm.Finished, say("x"), &llm.Response{Finish: llm.FinishLength}},
		"NotRefused":    {llm.NotRefused, say("x"), &llm.Response{Finish: llm.FinishRefused}},
		"ValidJSON":     {llm.ValidJSON, say(`{"a":1}`), say("Sure! {}")},
		"MatchesFormat": {llm.MatchesFormat, say(`{"n":1}`), say(`{"n":"1"}`)},
		"FollowsSchema": {llm.FollowsSchema(schema), say(`{"n":1}`), say(`{}`)},
		"CheckArgs":     {llm.CheckArgs, args("look", `{"n":1}`), args("look", `{"n":"secret"}`)},
		"no such tool":  {llm.CheckArgs, args("look", `{"n":1}`), args("jump", `{"n":1}`)},
		"Confident":     {llm.Confident(0.5, score), say("12345"), say("1")},
		"InScript":      {llm.InScript(unicode.Latin), say("hello, 你"), say("你好")},
		"All":           {llm.All(llm.NonBlank, llm.ValidJSON), say("1"), say("x")},
	} {
		require.NoError(t, c.v(t.Context(), req, c.good), name)
		err := c.v(t.Context(), req, c.bad)
		var bad *llm.UnsatisfactoryError
		require.ErrorAs(t, err, &bad, name)
		assert.NotContains(t, err.Error(), "secret", name)
	}
}

func TestPoorAnswerEscalates(t *testing.T) {
	t.Parallel()
	cheap, good := &fake{name: ""}, &fake{name: "good"}
	p := cheap.provider(nil)
	p.Name, p.Validate = "cheap", llm.NotRefused
	p.Complete = func(context.Context, llm.Request) (*llm.Response, error) {
		return &llm.Response{Message: llm.Assistant("I cannot."), Finish: llm.FinishRefused}, nil
	}
	c := newClient(t, []llm.Provider{p, good.provider(nil)})
	result, err := c.Route(t.Context(), hello(""))
	require.NoError(t, err)
	assert.Equal(t, "good", result.Value.Text())
	assert.Equal(t, failover.ClassUnsatisfactory, result.Attempts[0].Class())
}

func TestProviderNearItsLimitYields(t *testing.T) {
	t.Parallel()
	a, b := &fake{name: "a"}, &fake{name: "b"}
	pa, pb := a.provider(nil), b.provider(nil)
	var meter llm.Meter
	pa.Limits = meter.Latest
	c := newClient(t, []llm.Provider{pa, pb}, llm.WithYield(0.1))
	ask := func() string {
		answer, err := c.Complete(t.Context(), hello(""))
		require.NoError(t, err)
		return answer.Provider
	}
	assert.Equal(t, "a", ask())
	now := time.Now()
	meter.Note(llm.RateLimits{Requests: llm.RateLimit{Limit: 100, Remaining: 5, Reset: now.Add(time.Hour)}, At: now})
	assert.Equal(t, "b", ask())
	assert.Equal(t, 5, c.Status().Limits["a"].Requests.Remaining)
	b.err = errDown
	assert.Equal(t, "a", ask(), "it is asked last, not never")
	b.err = nil
	require.NoError(t, c.Router().Enable("b"))
	meter.Note(llm.RateLimits{Requests: llm.RateLimit{Limit: 100, Remaining: 50, Reset: now.Add(time.Hour)}, At: now.Add(-time.Minute)})
	assert.Equal(t, "b", ask(), "an older answer says nothing")
	meter.Note(llm.RateLimits{Requests: llm.RateLimit{Limit: 100, Remaining: 50, Reset: now.Add(time.Hour)}, At: now.Add(time.Second)})
	assert.Equal(t, "a", ask())
	meter.Note(llm.RateLimits{Tokens: llm.RateLimit{Limit: 100, Remaining: 0, Reset: now.Add(-time.Second)}, At: now.Add(2 * time.Second)})
	assert.Equal(t, "a", ask(), "it was reset")
}

func TestModelsAreListed(t *testing.T) {
	t.Parallel()
	a, b := (&fake{name: "a"}).provider(llm.Models{"smart": {ID: "a-1"}, "default": {ID: "a-1"}}), (&fake{name: "b"}).provider(nil)
	a.List = func(context.Context) ([]llm.ModelInfo, error) { return []llm.ModelInfo{{ID: "a-1"}, {ID: "a-2"}}, nil }
	b.List = func(context.Context) ([]llm.ModelInfo, error) { return nil, errDown }
	c := newClient(t, []llm.Provider{a, b})
	models, err := c.Models(t.Context())
	require.ErrorIs(t, err, errDown)
	assert.Equal(t, []llm.ModelInfo{
		{Provider: "a", ID: "a-1", Names: []string{"default", "smart"}}, {Provider: "a", ID: "a-2"},
	}, models)
}

func TestRequestValidate(t *testing.T) {
	t.Parallel()
	hot := 3.0
	user := func(p llm.Part) []llm.Message { return []llm.Message{{Role: llm.RoleUser, Parts: []llm.Part{p}}} }
	assistant := func(p llm.Part) []llm.Message { return []llm.Message{{Role: llm.RoleAssistant, Parts: []llm.Part{p}}} }
	hi := []llm.Message{llm.User("hi")}
	for want, req := range map[string]llm.Request{
		"Messages is empty":                           {},
		"Messages[0].Role":                            {Messages: []llm.Message{{Role: "system", Parts: []llm.Part{{Text: "x"}}}}},
		"Messages[0].Parts is empty":                  {Messages: []llm.Message{{Role: llm.RoleUser}}},
		"Messages[0].Parts[0] is empty":               {Messages: user(llm.Part{})},
		"Messages[0].Parts[0] is more than one thing": {Messages: user(llm.Part{Text: "x", Thinking: "y"})},
		"Messages[0].Parts[0].Text is not valid UTF-8": {
			Messages: user(llm.Part{Text: "\xff"}),
		},
		"Messages[0].Parts[0].Image has neither":        {Messages: user(llm.Part{Image: &llm.Image{}})},
		"Messages[0].Parts[0].Image.Type is empty":      {Messages: user(llm.Part{Image: &llm.Image{Data: []byte("x")}})},
		"Messages[0].Parts[0].Call is in a message of":  {Messages: user(llm.Part{Call: &llm.ToolCall{ID: "1", Name: "x"}})},
		"Messages[0].Parts[0].Call.Args is no JSON":     {Messages: assistant(llm.Part{Call: &llm.ToolCall{ID: "1", Name: "x", Args: json.RawMessage(`[]`)}})},
		`Messages[0].Parts[0].Result.ID "1" answers no`: {Messages: user(llm.Part{Result: &llm.ToolResult{ID: "1"}})},
		"Tools[0].Name":                     {Messages: hi, Tools: []llm.Tool{{Name: "a b"}}},
		"Tools[1].Name \"a\" is used twice": {Messages: hi, Tools: []llm.Tool{{Name: "a"}, {Name: "a"}}},
		"Tools[0].Schema is no JSON object": {Messages: hi, Tools: []llm.Tool{{Name: "a", Schema: json.RawMessage(`true`)}}},
		"ToolChoice.Name":                   {Messages: hi, ToolChoice: llm.ToolChoice{Mode: llm.ToolNamed, Name: "b"}},
		"ToolChoice requires a tool":        {Messages: hi, ToolChoice: llm.ToolChoice{Mode: llm.ToolRequired}},
		"MaxTokens -1":                      {Messages: hi, MaxTokens: -1},
		"Temperature 3 is outside 0 to 2":   {Messages: hi, Temperature: &hot},
		"TopP 3 is outside 0 to 1":          {Messages: hi, TopP: &hot},
		"Stop contains an empty text":       {Messages: hi, Stop: []string{""}},
		"Format.Schema is no JSON object":   {Messages: hi, Format: llm.Format{Schema: json.RawMessage(`1`)}},
	} {
		require.ErrorContains(t, req.Validate(), want)
	}
	require.NoError(t, hello("").Validate())
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	ok := (&fake{name: "a"}).provider(nil)
	for want, c := range map[string]struct {
		providers []llm.Provider
		opts      []llm.Option
	}{
		"no providers":                {nil, nil},
		"has no Name":                 {[]llm.Provider{{Complete: ok.Complete}}, nil},
		"Complete and Stream are nil": {[]llm.Provider{{Name: "a"}}, nil},
		`model "x" has no ID`:         {[]llm.Provider{(&fake{name: "a"}).provider(llm.Models{"x": {}})}, nil},
		"WithYield: 2 is outside":     {[]llm.Provider{ok}, []llm.Option{llm.WithYield(2)}},
		"used twice":                  {[]llm.Provider{ok, ok}, nil},
		"WithIdle is for NewStream":   {[]llm.Provider{ok}, []llm.Option{llm.WithComplete(failover.WithIdle(1))}},
		"WithTimeout is for New":      {[]llm.Provider{ok}, []llm.Option{llm.WithStreams(failover.WithTimeout(1))}},
	} {
		_, err := llm.New(c.providers, c.opts...)
		require.ErrorContains(t, err, want)
	}
}

func TestTruncatedStreamIsNoAnswer(t *testing.T) {
	t.Parallel()
	half := &fake{name: "half", chunks: []any{text("half of an ans")}}
	p := half.provider(nil)
	p.Complete = nil
	c := newClient(t, []llm.Provider{p})
	_, err := c.Complete(t.Context(), hello(""))
	require.ErrorIs(t, err, failover.ErrTruncated)
	_, err = llm.Collect(p.Stream(t.Context(), hello("")))
	require.ErrorIs(t, err, failover.ErrTruncated)
}

func TestCollectorCanBeAskedInTheMiddle(t *testing.T) {
	t.Parallel()
	var c llm.Collector
	c.Add(text("Hel"))
	assert.Equal(t, "Hel", c.Response().Text())
	c.Add(text("lo"))
	c.Add(llm.Chunk{Done: &llm.Part{Text: "Hello", Opaque: &llm.Opaque{Vendor: "a"}}})
	assert.Equal(t, "Hello", c.Response().Text())
}

func TestCallWithoutArgumentsSurvivesJSON(t *testing.T) {
	t.Parallel()
	req := llm.Request{Messages: []llm.Message{
		llm.User("Go."),
		{Role: llm.RoleAssistant, Parts: []llm.Part{{Call: &llm.ToolCall{ID: "1", Name: "look"}}}},
		llm.Results(llm.ToolResult{ID: "1", Content: "seen"}),
	}}
	kept, err := json.Marshal(req.Messages)
	require.NoError(t, err)
	var back []llm.Message
	require.NoError(t, json.Unmarshal(kept, &back))
	require.NoError(t, llm.Request{Messages: back}.Validate())
}

func TestContinuedAnswerHasNoPrice(t *testing.T) {
	t.Parallel()
	row := llm.Models{"": {ID: "x", Can: &llm.Capabilities{Prefill: true}, Price: &llm.Price{Output: 1}}}
	a, b := &fake{name: "a", chunks: []any{text("Hello "), errors.New("cut")}}, &fake{name: "b"}
	c := newClient(t, []llm.Provider{a.provider(row), b.provider(row)}, llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	answer, err := llm.Collect(c.Stream(t.Context(), hello("")))
	require.NoError(t, err)
	assert.Equal(t, "Hello b", answer.Text())
	assert.False(t, answer.Priced, "of the part that broke off nobody knows the usage")
}

func TestWhyNobodyCanServe(t *testing.T) {
	t.Parallel()
	row := llm.Models{"": {ID: "x", Can: &llm.Capabilities{}}}
	a, b := (&fake{name: "a"}).provider(row), (&fake{name: "b"}).provider(llm.Models{"smart": {ID: "y"}})
	d := (&fake{name: "d"}).provider(nil)
	d.Supports = func(llm.Request) bool { return false }
	d.Explain = func(llm.Request) error { return llm.Unsupported("Tools[0].Schema", "has oneOf at /") }
	c := newClient(t, []llm.Provider{a, b, d})
	req := hello("")
	req.Tools = []llm.Tool{{Name: "look"}}
	_, err := c.Complete(t.Context(), req)
	var why *llm.UnsupportedError
	require.ErrorAs(t, err, &why)
	require.ErrorIs(t, err, failover.ErrNoneAvailable)
	assert.Len(t, why.Reasons, 3)
	assert.ErrorContains(t, err, `a: llm: Tools needs tools, which "x" lacks`)
	assert.ErrorContains(t, err, `b: llm: Model "" has no row`)
	assert.ErrorContains(t, err, `llm: Tools[0].Schema has oneOf at /`)
	_, err = llm.Collect(c.Stream(t.Context(), req))
	require.ErrorAs(t, err, &why)
}
