package vendorsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

var (
	anthropicName   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,128}$`)
	anthropicID     = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
	anthropicImages = []string{"image/jpeg", "image/png", "image/gif", "image/webp"}
)

// refuse checks as the vendor does.
func (req anthropicRequest) refuse(m llmModel) *Answer {
	for _, check := range []func(llmModel) *Answer{
		req.refuseLimits, req.refuseThinking, req.refuseTools, req.refuseMessages, req.refuseEnd, req.refuseFormat, req.refuseLength,
	} {
		if a := check(m); a != nil {
			return a
		}
	}
	return nil
}

func (req anthropicRequest) refuseLimits(m llmModel) *Answer {
	switch {
	case req.MaxTokens == nil:
		return anthropicInvalid("max_tokens: Field required")
	case *req.MaxTokens < 1:
		return anthropicInvalid("max_tokens: Input should be greater than or equal to 1")
	case *req.MaxTokens > m.output:
		return anthropicInvalid("max_tokens: %d > %d, which is the maximum allowed number of output tokens for %s",
			*req.MaxTokens, m.output, m.name)
	case outside(req.Temperature, 0, 1):
		return anthropicInvalid("temperature: range: 0..1")
	case slices.ContainsFunc(req.StopSequences, func(s string) bool { return strings.TrimSpace(s) == "" }):
		return anthropicInvalid("stop_sequences: each stop sequence must contain non-whitespace")
	default:
		return nil
	}
}

func (req anthropicRequest) refuseThinking(m llmModel) *Answer {
	t := req.Thinking
	switch t.Type {
	case "", "disabled":
		return nil
	case "enabled", "adaptive":
	default:
		return anthropicInvalid("thinking: Input tag '%s' found using 'type' does not match any of the expected tags", t.Type)
	}
	_, prefilled := req.prefill()
	switch {
	case !m.thinks:
		return anthropicInvalid("'%s' does not support thinking.", m.name)
	case t.Type == "enabled" && t.BudgetTokens < 1024:
		return anthropicInvalid("thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
	case t.Type == "enabled" && t.BudgetTokens >= *req.MaxTokens:
		return anthropicInvalid("`max_tokens` must be greater than `thinking.budget_tokens`.")
	case req.Temperature != nil && *req.Temperature != 1:
		return anthropicInvalid("`temperature` may only be set to 1 when thinking is enabled.")
	case req.ToolChoice.Type == "any", req.ToolChoice.Type == "tool":
		return anthropicInvalid("Thinking may not be enabled when tool_choice forces tool use.")
	case prefilled:
		return anthropicInvalid("Your API request included an `assistant` message in the final position, which would pre-fill the " +
			"`assistant` response. When thinking is enabled, prefill is not supported.")
	default:
		return nil
	}
}

func (req anthropicRequest) refuseTools(llmModel) *Answer {
	var names []string
	for i, t := range req.Tools {
		if t.Type != "" && t.Type != "custom" {
			continue // the vendor's own
		}
		at := fmt.Sprintf("tools.%d.custom", i)
		switch {
		case !anthropicName.MatchString(t.Name):
			return anthropicInvalid("%s.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", at)
		case contains(names, t.Name):
			return anthropicInvalid("tools: Tool names must be unique.")
		case !objectSchema(t.InputSchema):
			return anthropicInvalid("%s.input_schema.type: Input should be 'object'", at)
		}
		names = append(names, t.Name)
	}
	switch req.ToolChoice.Type {
	case "", "none":
		return nil
	case "auto", "any":
		if len(names) == 0 {
			return anthropicInvalid("tool_choice may only be specified while providing tools")
		}
		return nil
	case "tool":
		if !contains(names, req.ToolChoice.Name) {
			return anthropicInvalid("Tool '%s' not found in provided tools", req.ToolChoice.Name)
		}
		return nil
	default:
		return anthropicInvalid("tool_choice: Input tag '%s' found using 'type' does not match any of the expected tags",
			req.ToolChoice.Type)
	}
}

func objectSchema(raw json.RawMessage) bool {
	var schema map[string]any
	return json.Unmarshal(raw, &schema) == nil && schema["type"] == "object"
}

func (req anthropicRequest) refuseMessages(m llmModel) *Answer {
	if len(req.Messages) == 0 {
		return anthropicInvalid("messages: at least one message is required")
	}
	if a := req.System.refuse("system", "system"); a != nil {
		return a
	}
	for i, message := range req.Messages {
		at := fmt.Sprintf("messages.%d", i)
		before := anthropicMessage{}
		if i > 0 {
			before = req.Messages[i-1]
		}
		switch {
		case message.Role != "user" && message.Role != "assistant":
			return anthropicInvalid("%s.role: Input should be 'user' or 'assistant'", at)
		case i == 0 && message.Role != "user":
			return anthropicInvalid("messages: first message must use the \"user\" role")
		case message.Role == before.Role:
			return anthropicInvalid(
				"messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"%s\" roles in a row",
				message.Role)
		case len(message.Content) == 0:
			return anthropicInvalid("%s: messages must have non-empty content", at)
		}
		if a := message.Content.refuse(at+".content", message.Role); a != nil {
			return a
		}
		if a := message.refuseResults(at, before); a != nil {
			return a
		}
	}
	return req.refuseThoughts(m)
}

// refuseResults wants every call of the message before answered at the
// beginning of this one, and no other.
func (m anthropicMessage) refuseResults(at string, before anthropicMessage) *Answer {
	var open []string
	for _, b := range before.Content.of("tool_use") {
		open = append(open, b.ID)
	}
	for j, b := range m.Content {
		if b.Type != "tool_result" {
			if len(open) > 0 {
				break // what comes later is too late
			}
			continue
		}
		if !contains(open, b.ToolUseID) {
			return anthropicInvalid("%s.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. "+
				"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", at, j, b.ToolUseID)
		}
		open = slices.DeleteFunc(open, func(id string) bool { return id == b.ToolUseID })
	}
	if len(open) > 0 {
		return anthropicInvalid("%s: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
			"Each `tool_use` block must have a corresponding `tool_result` block in the next message.", at, strings.Join(open, ", "))
	}
	return nil
}

func (b blocks) refuse(at, role string) *Answer {
	for j, one := range b {
		if a := one.refuse(fmt.Sprintf("%s.%d", at, j), role); a != nil {
			return a
		}
	}
	return nil
}

// anthropicPlaces say which blocks may stand where.
var anthropicPlaces = map[string][]string{
	"system":    {"text"},
	"user":      {"text", "image", "document", "tool_result", "search_result"},
	"assistant": {"text", "tool_use", "thinking", "redacted_thinking", "server_tool_use", "web_search_tool_result"},
	"result":    {"text", "image", "document", "search_result"},
}

func (b block) refuse(at, role string) *Answer {
	if !contains(anthropicPlaces[role], b.Type) {
		return anthropicInvalid("%s: Input tag '%s' found using 'type' does not match any of the expected tags for %s", at, b.Type, role)
	}
	switch b.Type {
	case "text":
		switch {
		case b.Text == "":
			return anthropicInvalid("%s: text content blocks must be non-empty", strings.SplitN(at, ".content", 2)[0])
		case strings.TrimSpace(b.Text) == "":
			return anthropicInvalid("%s: text content blocks must contain non-whitespace text", strings.SplitN(at, ".content", 2)[0])
		}
	case "image":
		return b.refuseImage(at)
	case "tool_use":
		var input map[string]any
		switch {
		case !anthropicID.MatchString(b.ID):
			return anthropicInvalid("%s.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", at)
		case !anthropicName.MatchString(b.Name):
			return anthropicInvalid("%s.tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", at)
		case json.Unmarshal(b.Input, &input) != nil || bytes.Equal(b.Input, []byte("null")):
			return anthropicInvalid("%s.tool_use.input: Input should be a valid dictionary", at)
		}
	case "tool_result":
		if b.ToolUseID == "" {
			return anthropicInvalid("%s.tool_result.tool_use_id: Field required", at)
		}
		return b.Content.refuse(at+".tool_result.content", "result")
	case "thinking":
		if b.Signature != sign("anthropic", b.Thinking) {
			return anthropicInvalid("%s: Invalid `signature` in `thinking` block", at)
		}
	}
	return nil
}

func (b block) refuseImage(at string) *Answer {
	switch s := b.Source; {
	case s.Type == "url" && strings.HasPrefix(s.URL, "https://"):
		return nil
	case s.Type == "url":
		return anthropicInvalid("%s.image.source.url: Only HTTPS URLs are supported.", at)
	case s.Type != "base64":
		return anthropicInvalid("%s.image.source: Input tag '%s' found using 'type' does not match any of the expected tags: "+
			"'base64', 'url'", at, s.Type)
	case !contains(anthropicImages, s.MediaType):
		return anthropicInvalid("%s.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or "+
			"'image/webp'", at)
	case len(b.image().Data) == 0:
		return anthropicInvalid("%s.image.source.base64.data: invalid base64 data", at)
	default:
		return nil
	}
}

// refuseThoughts wants, of a strict model that thinks, the thoughts before
// the calls of the turn that is going on.
func (req anthropicRequest) refuseThoughts(m llmModel) *Answer {
	if !m.strict || req.Thinking.Type != "enabled" {
		return nil
	}
	for i, message := range slices.Backward(req.Messages) {
		if message.Role == "user" {
			if len(message.Content.of("tool_result")) == 0 {
				return nil // the turn began here
			}
			continue
		}
		if kind := message.Content[0].Type; kind != "thinking" && kind != "redacted_thinking" {
			return anthropicInvalid("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. "+
				"When `thinking` is enabled, a final `assistant` message must start with a thinking block "+
				"(preceding the lastmost set of `tool_use` and `tool_result` blocks).", i, kind)
		}
	}
	return nil
}

// refuseEnd is about a last message of the assistant's.
func (req anthropicRequest) refuseEnd(m llmModel) *Answer {
	begun, ok := req.prefill()
	if !ok {
		return nil
	}
	text := begun.Content[len(begun.Content)-1].Text
	switch {
	case m.noPrefill:
		return anthropicInvalid("%s", anthropicNoPrefill)
	case len(begun.Content.of("tool_use")) > 0:
		return anthropicInvalid("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
			"Each `tool_use` block must have a corresponding `tool_result` block in the next message.",
			len(req.Messages)-1, begun.Content.of("tool_use")[0].ID)
	case strings.TrimRight(text, " \t\r\n") != text:
		return anthropicInvalid("messages: final assistant content cannot end with trailing whitespace")
	default:
		return nil
	}
}

func (req anthropicRequest) refuseFormat(m llmModel) *Answer {
	f := req.OutputConfig.Format
	if f == nil {
		return nil
	}
	_, prefilled := req.prefill()
	var schema map[string]any
	switch {
	case m.noSchema:
		return anthropicInvalid("'%s' does not support output format.", m.name)
	case f.Type != "json_schema":
		return anthropicInvalid("output_config.format.type: Input should be 'json_schema'")
	case json.Unmarshal(f.Schema, &schema) != nil:
		return anthropicInvalid("output_config.format.schema: Input should be a valid dictionary")
	case prefilled:
		return anthropicInvalid("output_config.format: prefill is not compatible with structured outputs")
	}
	var open bool
	walk(schema, func(s map[string]any) { open = open || s["type"] == "object" && s["additionalProperties"] != false })
	if open {
		return anthropicInvalid("output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false")
	}
	return nil
}

func (req anthropicRequest) refuseLength(m llmModel) *Answer {
	if n := req.neutral().tokens(); n > m.window {
		a := anthropicError(http.StatusBadRequest, "invalid_request_error",
			fmt.Sprintf("prompt is too long: %d tokens > %d maximum", n, m.window))
		return &a
	}
	return nil
}
