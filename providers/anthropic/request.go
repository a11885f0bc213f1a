package anthropic

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/packages/param"

	"github.com/gofailover/failover/providers/llm"
)

// request is a request in the vendor's words.
type request struct {
	params sdk.MessageNewParams
	// resumed: the answer must not begin with white space, for the text that it
	// goes on after had some at its end, and the vendor refuses that.
	resumed bool
	dry     bool
}

// translate makes a request of the vendor's. Its errors are failover.Error
// values: invalid for what nobody can serve, unsupported for what others may. A
// dry one is not for sending, and its request was validated.
func (c *Client) translate(req llm.Request, dry bool) (*request, error) {
	if !dry {
		if err := req.Validate(); err != nil {
			return nil, llm.Invalid(err)
		}
	}
	m, err := c.model(req)
	if err != nil {
		return nil, err
	}
	r := &request{dry: dry, params: sdk.MessageNewParams{Model: m.ID, MaxTokens: int64(c.answerLength(req, m))}}
	for _, step := range []func(llm.Request) error{
		r.addSystem, r.addMessages, r.addTools, r.addThinking, r.addFormat, r.addSampling, r.addStop, r.addMetadata,
	} {
		if err := step(req); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (c *Client) answerLength(req llm.Request, m llm.Model) int {
	switch {
	case req.MaxTokens > 0:
		return req.MaxTokens
	case m.MaxTokens > 0:
		return m.MaxTokens
	case c.maxTokens > 0:
		return c.maxTokens
	case known[m.ID].thinks:
		return DefaultThinkingMaxTokens
	default:
		return DefaultMaxTokens
	}
}

// onlyJSON stands for the JSON mode that the vendor does not have.
const onlyJSON = "Answer with one JSON object and nothing else: no words before or after it, and no code fence."

func (r *request) addSystem(req llm.Request) error {
	if !blank(req.System) {
		r.params.System = append(r.params.System, sdk.TextBlockParam{Text: req.System})
	}
	if req.Format.JSON && len(req.Format.Schema) == 0 {
		r.params.System = append(r.params.System, sdk.TextBlockParam{Text: onlyJSON})
	}
	return nil
}

func (r *request) addMessages(req llm.Request) error {
	talk := conversation{dry: r.dry, turns: make([]turn, 0, len(req.Messages))}
	for i, m := range req.Messages {
		if err := talk.add(i, m); err != nil {
			return err
		}
	}
	messages, trimmed, err := talk.finish(req.Messages)
	r.params.Messages, r.resumed = messages, trimmed || req.Resumed()
	return err
}

func (r *request) addTools(req llm.Request) error {
	for i, t := range req.Tools {
		schema, err := inputSchema(t.Schema, i)
		if err != nil {
			return err
		}
		r.addTool(t.Name, t.Description, schema)
	}
	switch {
	case len(req.Tools) == 0:
		return r.addFormerTools(req)
	case forces(req.ToolChoice) && known[r.params.Model].noForce:
		return llm.Unsupported("ToolChoice", "cannot be forced on %s", r.params.Model)
	}
	r.params.ToolChoice = choice(req.ToolChoice)
	return nil
}

func forces(c llm.ToolChoice) bool { return c.Mode == llm.ToolRequired || c.Mode == llm.ToolNamed }

func (r *request) addTool(name, description string, schema sdk.ToolInputSchemaParam) {
	tool := &sdk.ToolParam{Name: name, InputSchema: schema}
	if description != "" {
		tool.Description = param.NewOpt(description)
	}
	r.params.Tools = append(r.params.Tools, sdk.ToolUnionParam{OfTool: tool})
}

// addFormerTools declares the tools that were called earlier in a conversation
// that has none any more: the vendor refuses calls of tools it does not know. It
// must not call them.
func (r *request) addFormerTools(req llm.Request) error {
	names := slices.Collect(maps.Values(req.ToolNames()))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		r.addTool(name, "", anyObject())
	}
	if len(names) > 0 {
		r.params.ToolChoice = choice(llm.ToolChoice{Mode: llm.ToolNone})
	}
	return nil
}

func choice(c llm.ToolChoice) sdk.ToolChoiceUnionParam {
	switch c.Mode {
	case llm.ToolNone:
		none := sdk.NewToolChoiceNoneParam()
		return sdk.ToolChoiceUnionParam{OfNone: &none}
	case llm.ToolRequired:
		return sdk.ToolChoiceUnionParam{OfAny: &sdk.ToolChoiceAnyParam{}}
	case llm.ToolNamed:
		return sdk.ToolChoiceUnionParam{OfTool: &sdk.ToolChoiceToolParam{Name: c.Name}}
	case llm.ToolAuto:
	}
	return sdk.ToolChoiceUnionParam{} // as the model likes
}

// addThinking has a model that thinks show its thoughts. By default it is silent
// until it has done, and whoever watches a stream takes it for dead. It thinks no
// more than it would; only with a tool that is forced may it not be told so.
func (r *request) addThinking(req llm.Request) error {
	if known[r.params.Model].thinks && !forces(req.ToolChoice) {
		r.params.Thinking.OfAdaptive = &sdk.ThinkingConfigAdaptiveParam{Display: sdk.ThinkingConfigAdaptiveDisplaySummarized}
	}
	return nil
}

func (r *request) addFormat(req llm.Request) error {
	if len(req.Format.Schema) == 0 {
		return nil
	}
	if _, prefill := req.Prefill(); prefill {
		return llm.Unsupported("Format.Schema", "is not followed after a prefill")
	}
	schema, err := outputSchema(req.Format.Schema)
	if err != nil {
		return err
	}
	r.params.OutputConfig.Format = param.Override[sdk.JSONOutputFormatParam](struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"schema"`
	}{"json_schema", schema})
	return nil
}

// The values that models take which take no other.
const (
	usualTemperature = 1
	leastTopP        = 0.99
)

// addSampling leaves out what says no more than the default does.
func (r *request) addSampling(req llm.Request) error {
	t, p := req.Temperature, req.TopP
	model, isKnown := known[r.params.Model]
	switch {
	case t != nil && *t > 1:
		return llm.Unsupported("Temperature", "%v is above 1", *t)
	case model.noSampling && t != nil && *t != usualTemperature:
		return llm.Unsupported("Temperature", "%v is not taken by %s", *t, r.params.Model)
	case model.noSampling && p != nil && *p < leastTopP:
		return llm.Unsupported("TopP", "%v is not taken by %s", *p, r.params.Model)
	case model.noSampling:
		return nil
	case isKnown && p != nil && t != nil && *t != usualTemperature:
		return llm.Unsupported("TopP", "is not taken by %s together with Temperature", r.params.Model)
	}
	if t != nil && (p == nil || !isKnown) {
		r.params.Temperature = param.NewOpt(*t)
	}
	if p != nil {
		r.params.TopP = param.NewOpt(*p)
	}
	return nil
}

func (r *request) addStop(req llm.Request) error {
	for i, stop := range req.Stop {
		if blank(stop) {
			return llm.Unsupported(fmt.Sprintf("Stop[%d]", i), "is white space, at which this vendor does not stop")
		}
	}
	r.params.StopSequences = req.Stop
	return nil
}

// longestUser is the vendor's limit.
const longestUser = 512

func (r *request) addMetadata(req llm.Request) error {
	user := req.Metadata["user_id"]
	if len(user) > longestUser {
		return llm.Unsupported("Metadata", "has a user_id longer than %d", longestUser)
	}
	if user != "" {
		r.params.Metadata.UserID = param.NewOpt(user)
	}
	return nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }
