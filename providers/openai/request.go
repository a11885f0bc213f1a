package openai

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/gofailover/failover/providers/llm"
)

// What OpenAI takes at most.
const (
	maxStops    = 4
	maxMetadata = 16
	maxMetaKey  = 64
	maxMetaText = 512
)

// params translates a request, and says which model it asks for.
func (c *Client) params(req llm.Request) (sdk.ChatCompletionNewParams, string, error) {
	var none sdk.ChatCompletionNewParams
	if err := req.Validate(); err != nil {
		return none, "", llm.Invalid(err)
	}
	messages, err := c.messages(req)
	if err != nil {
		return none, "", err
	}
	model, err := c.model(req)
	if err != nil {
		return none, "", err
	}
	if err := c.fits(req, model); err != nil {
		return none, "", err
	}
	p := sdk.ChatCompletionNewParams{
		Model: model.ID, Messages: messages, Temperature: optional(req.Temperature), TopP: optional(req.TopP), Seed: optional(req.Seed),
	}
	if len(req.Stop) > 0 {
		p.Stop.OfStringArray = req.Stop
	}
	c.limit(&p, req, model)
	if c.store {
		p.Store, p.Metadata = sdk.Bool(true), req.Metadata
	}
	if p.Tools, err = c.tools(req.Tools); err != nil {
		return none, "", err
	}
	if len(req.Tools) > 0 { // else there is nothing to choose, and OpenAI refuses a choice
		p.ToolChoice = toolChoice(req.ToolChoice)
	}
	if p.ResponseFormat, err = c.format(req.Format); err != nil {
		return none, "", err
	}
	return p, model.ID, nil
}

// fits refuses what the vendor does not offer and would refuse, or worse,
// ignore.
func (c *Client) fits(req llm.Request, model llm.Model) error {
	if len(req.Stop) > maxStops {
		return llm.Unsupported("Stop", "has %d texts, of which %d can be sent", len(req.Stop), maxStops)
	}
	if _, prefill := req.Prefill(); prefill && (model.Can == nil || !model.Can.Prefill) {
		return llm.Unsupported("Messages", "needs prefill, which the model is not known to have")
	}
	if !c.store {
		return nil
	}
	if len(req.Metadata) > maxMetadata {
		return llm.Unsupported("Metadata", "has %d pairs, of which %d can be sent", len(req.Metadata), maxMetadata)
	}
	for k, v := range req.Metadata {
		if len(k) > maxMetaKey || len(v) > maxMetaText {
			return llm.Unsupported("Metadata", "has a key or value that is longer than can be sent")
		}
	}
	return nil
}

func optional[T comparable](v *T) param.Opt[T] {
	if v == nil {
		return param.Opt[T]{}
	}
	return param.NewOpt(*v)
}

// limit bounds the answer.
func (c *Client) limit(p *sdk.ChatCompletionNewParams, req llm.Request, model llm.Model) {
	most := req.MaxTokens
	if most == 0 {
		most = model.MaxTokens
	}
	switch {
	case most == 0:
	case c.legacyMaxTokens:
		p.MaxTokens = sdk.Int(int64(most))
	default:
		p.MaxCompletionTokens = sdk.Int(int64(most))
	}
}

// tools translates the tools.
func (c *Client) tools(tools []llm.Tool) ([]sdk.ChatCompletionToolUnionParam, error) {
	var all []sdk.ChatCompletionToolUnionParam
	for i, t := range tools {
		f := shared.FunctionDefinitionParam{Name: t.Name}
		if t.Description != "" {
			f.Description = sdk.String(t.Description)
		}
		schema := t.Schema
		if c.vendor == Vendor {
			var err error
			if schema, err = toolSchema(schema, fmt.Sprintf("Tools[%d].Schema", i)); err != nil {
				return nil, err
			}
		}
		if len(schema) == 0 {
			schema = json.RawMessage(emptySchema)
		}
		members, err := readObject(schema)
		if err != nil {
			return nil, llm.Invalid(&llm.RequestError{Field: fmt.Sprintf("Tools[%d].Schema", i), Reason: "is no JSON object"})
		}
		f.Parameters = make(shared.FunctionParameters, len(members))
		for _, m := range members {
			f.Parameters[m.name] = m.value
		}
		all = append(all, sdk.ChatCompletionFunctionTool(f))
	}
	return all, nil
}

func toolChoice(choice llm.ToolChoice) sdk.ChatCompletionToolChoiceOptionUnionParam {
	var c sdk.ChatCompletionToolChoiceOptionUnionParam
	switch choice.Mode {
	case llm.ToolNone:
		c.OfAuto = sdk.String("none")
	case llm.ToolRequired:
		c.OfAuto = sdk.String("required")
	case llm.ToolNamed:
		c.OfFunctionToolChoice = &sdk.ChatCompletionNamedToolChoiceParam{
			Function: sdk.ChatCompletionNamedToolChoiceFunctionParam{Name: choice.Name},
		}
	case llm.ToolAuto: // the vendor's default
	}
	return c
}

// formatName is what a schema may be called.
var formatName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

const defaultFormatName = "answer"

func (c *Client) format(f llm.Format) (sdk.ChatCompletionNewParamsResponseFormatUnion, error) {
	var u sdk.ChatCompletionNewParamsResponseFormatUnion
	if len(f.Schema) == 0 {
		if f.JSON {
			u.OfJSONObject = &shared.ResponseFormatJSONObjectParam{}
		}
		return u, nil
	}
	schema := shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: f.Name, Schema: f.Schema}
	if f.Name == "" {
		schema.Name = defaultFormatName
	}
	if !formatName.MatchString(schema.Name) {
		return u, llm.Unsupported("Format.Name", "is not 1 to 64 letters, digits, _ and -")
	}
	if c.vendor == Vendor {
		own, strict, err := formatSchema(f.Schema)
		if err != nil {
			return u, err
		}
		schema.Schema, schema.Strict = own, sdk.Bool(strict)
	}
	u.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: schema}
	return u, nil
}

// askForJSON is added to the system prompt where JSON is asked for and the
// conversation does not say so, because OpenAI refuses that: a model that is
// not told may write spaces for ever.
const askForJSON = "Answer with a JSON object."

// system is the system prompt as it is sent.
func system(req llm.Request) string {
	if !req.Format.JSON || len(req.Format.Schema) > 0 || mentionsJSON(req) {
		return req.System
	}
	if req.System == "" {
		return askForJSON
	}
	return req.System + "\n\n" + askForJSON
}

func mentionsJSON(req llm.Request) bool {
	if strings.Contains(strings.ToLower(req.System), "json") {
		return true
	}
	for _, m := range req.Messages {
		if strings.Contains(strings.ToLower(m.Text()), "json") {
			return true
		}
	}
	return false
}
