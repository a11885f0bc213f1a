package vendorsim

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	openAIRoles  = []string{"system", "developer", "user", "assistant", "tool"}
	openAIName   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	openAIImages = []string{"image/png", "image/jpeg", "image/gif", "image/webp"}
)

// refuse checks as the vendor does. Fields it does not know it lets pass.
func (req openAIRequest) refuse(m llmModel) *Answer {
	for _, check := range []func(llmModel) *Answer{
		req.refuseLimits, req.refuseMessages, req.refuseTools, req.refuseFormat, req.refuseLength,
	} {
		if a := check(m); a != nil {
			return a
		}
	}
	return nil
}

func (req openAIRequest) refuseLimits(m llmModel) *Answer {
	limit := req.limit()
	given := req.MaxTokens != nil || req.MaxCompletionTokens != nil
	switch {
	case req.MaxTokens != nil && req.MaxCompletionTokens != nil:
		return openAIInvalid("max_tokens", "invalid_parameter_combination",
			"Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
	case req.MaxTokens != nil && m.strict:
		return openAIInvalid("max_tokens", "unsupported_parameter",
			"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.")
	case given && limit < 1:
		return openAIInvalid("max_tokens", "integer_below_min_value",
			"Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got %d instead.", limit)
	case limit > m.output:
		return openAIInvalid("max_tokens", "invalid_value",
			"max_tokens is too large: %d. This model supports at most %d completion tokens.", limit, m.output)
	case req.N != nil && *req.N != 1:
		return openAIInvalid("n", "unsupported_value", "This server gives one choice: 'n' must be 1.")
	case outside(req.Temperature, 0, 2):
		return openAIInvalid("temperature", "decimal_above_max_value", "Invalid 'temperature': expected a value between 0 and 2.")
	case m.strict && req.Temperature != nil && *req.Temperature != 1:
		return openAIInvalid("temperature", "unsupported_value",
			"Unsupported value: 'temperature' does not support %v with this model. Only the default (1) value is supported.",
			*req.Temperature)
	case m.strict && len(req.Stop) > 0:
		return openAIInvalid("stop", "unsupported_parameter", "Unsupported parameter: 'stop' is not supported with this model.")
	case len(req.Stop) > 4:
		return openAIInvalid("stop", "array_above_max_length", "Invalid 'stop': array too long. Expected an array with maximum length 4.")
	case req.StreamOptions != nil && !req.Stream:
		return openAIInvalid("stream_options", "", "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
	default:
		return nil
	}
}

func (req openAIRequest) refuseMessages(m llmModel) *Answer {
	if len(req.Messages) == 0 {
		return openAIInvalid("messages", "missing_required_parameter", "Missing required parameter: 'messages'.")
	}
	var open []string // calls without a result yet
	for i, message := range req.Messages {
		at := fmt.Sprintf("messages[%d]", i)
		if message.Role == "tool" {
			if !slices.Contains(open, message.ToolCallID) {
				return openAIInvalid(at+".role", "",
					"Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.")
			}
			open = slices.DeleteFunc(open, func(id string) bool { return id == message.ToolCallID })
		} else if len(open) > 0 {
			break
		}
		if a := message.refuse(at, m); a != nil {
			return a
		}
		for _, c := range message.ToolCalls {
			open = append(open, c.ID)
		}
	}
	if len(open) > 0 {
		return openAIInvalid("messages", "",
			"An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "+
				"The following tool_call_ids did not have response messages: %s", strings.Join(open, ", "))
	}
	return nil
}

func (m openAIMessage) refuse(at string, model llmModel) *Answer {
	switch {
	case !contains(openAIRoles, m.Role):
		return openAIInvalid(at+".role", "invalid_value",
			"Invalid value: '%s'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", m.Role)
	case !m.Content.given && len(m.ToolCalls) == 0 && m.Refusal == "":
		return openAIInvalid(at+".content", "invalid_type", "Invalid value for 'content': expected a string, got null.")
	case m.Content.given && len(m.Content.parts) == 0:
		return openAIInvalid(at+".content", "empty_array", "Invalid '%s.content': empty array. Expected an array with minimum "+
			"length 1.", at)
	case len(m.ToolCalls) > 0 && m.Role != "assistant":
		return openAIInvalid(at+".tool_calls", "unknown_parameter", "Unknown parameter: '%s.tool_calls'.", at)
	}
	for j, p := range m.Content.parts {
		if a := p.refuse(fmt.Sprintf("%s.content[%d]", at, j), m.Role, model); a != nil {
			return a
		}
	}
	for j, c := range m.ToolCalls {
		if a := c.refuse(fmt.Sprintf("%s.tool_calls[%d]", at, j)); a != nil {
			return a
		}
	}
	return nil
}

func (p openAIPart) refuse(at, role string, m llmModel) *Answer {
	switch p.Type {
	case "text":
		return nil
	case "refusal":
		if role == "assistant" {
			return nil
		}
	case "image_url":
		if role == "user" {
			return p.refuseImage(at, m)
		}
		return openAIInvalid(at, "", "Image URLs are only allowed for messages with role 'user', but this message with role '%s' "+
			"has one.", role)
	}
	return openAIInvalid(at+".type", "invalid_value", "Invalid value: '%s'. Supported values are: 'text' and 'image_url'.", p.Type)
}

func (p openAIPart) refuseImage(at string, m llmModel) *Answer {
	url := p.ImageURL.URL
	if m.noVision {
		return openAIInvalid(at+".type", "invalid_value", "Invalid content type. image_url is only supported by certain models.")
	}
	if got := image(url); got.URL != "" && !strings.HasPrefix(url, "http") || got.URL == "" && len(got.Data) == 0 {
		return openAIInvalid(at+".image_url", "invalid_image_url", "Invalid image URL: expected a valid URL or base64 data.")
	} else if got.URL == "" && !contains(openAIImages, got.MediaType) {
		return openAIInvalid(at+".image_url", "invalid_image_format",
			"You uploaded an unsupported image. Please make sure your image has one of the following formats: ['png', 'jpeg', 'gif', "+
				"'webp'].")
	}
	return nil
}

func (c openAICall) refuse(at string) *Answer {
	switch {
	case c.ID == "":
		return openAIInvalid(at+".id", "missing_required_parameter", "Missing required parameter: '%s.id'.", at)
	case len(c.ID) > 40:
		return openAIInvalid(at+".id", "string_above_max_length",
			"Invalid '%s.id': string too long. Expected a string with maximum length 40, but got a string with length %d instead.",
			at, len(c.ID))
	case c.Type != "function":
		return openAIInvalid(at+".type", "invalid_value", "Invalid value: '%s'. Supported values are: 'function'.", c.Type)
	case !openAIName.MatchString(c.Function.Name):
		return openAIInvalid(at+".function.name", "invalid_value", "Invalid '%s.function.name': string does not match pattern.", at)
	case c.Function.Arguments == nil:
		return openAIInvalid(at+".function.arguments", "missing_required_parameter",
			"Missing required parameter: '%s.function.arguments'.", at)
	default:
		return nil
	}
}

func (req openAIRequest) refuseTools(llmModel) *Answer {
	var names []string
	for i, t := range req.Tools {
		at := fmt.Sprintf("tools[%d]", i)
		f := t.Function
		switch {
		case t.Type != "function":
			return openAIInvalid(at+".type", "invalid_value", "Invalid value: '%s'. Supported values are: 'function'.", t.Type)
		case !openAIName.MatchString(f.Name):
			return openAIInvalid(at+".function.name", "invalid_value",
				"Invalid '%s.function.name': string does not match pattern. Expected a string that matches the pattern "+
					"'^[a-zA-Z0-9_-]+$'.", at)
		}
		if why := looseSchema(f.Parameters, f.Strict); why != "" {
			return openAIInvalid(at+".function.parameters", "invalid_function_parameters", "Invalid schema for function '%s': %s",
				f.Name, why)
		}
		names = append(names, f.Name)
	}
	switch choice := string(req.ToolChoice); {
	case choice == "":
		return nil
	case len(names) == 0:
		return openAIInvalid("tool_choice", "", "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are "+
			"specified.")
	case !contains([]string{"auto", "none", "required"}, choice) && !contains(names, choice):
		return openAIInvalid("tool_choice", "", "Tool choice '%s' not found in 'tools' parameter.", choice)
	default:
		return nil
	}
}

// looseSchema says what is wrong with a schema. If it is strict, every object
// in it is closed and requires all it has.
func looseSchema(raw json.RawMessage, strict bool) string {
	if len(raw) == 0 {
		return ""
	}
	var schema map[string]any
	if json.Unmarshal(raw, &schema) != nil {
		return "schema must be a JSON Schema of 'type: \"object\"'."
	}
	if len(schema) > 0 && kind(schema) != "object" && schema["$ref"] == nil {
		return fmt.Sprintf("schema must be a JSON Schema of 'type: \"object\"', got 'type: \"%v\"'.", schema["type"])
	}
	if !strict {
		return ""
	}
	var why string
	walk(schema, func(s map[string]any) {
		properties, ok := s["properties"].(map[string]any)
		if s["type"] != "object" && !ok {
			return
		}
		required, _ := s["required"].([]any)
		if s["additionalProperties"] != false {
			why = "In context=(), 'additionalProperties' is required to be supplied and to be false."
		} else if len(required) != len(properties) {
			why = "In context=(), 'required' is required to be supplied and to be an array including every key in properties."
		}
	})
	return why
}

// walk visits all schemas of a schema.
func walk(schema map[string]any, visit func(map[string]any)) {
	visit(schema)
	for _, key := range []string{"properties", "$defs", "definitions"} {
		children, _ := schema[key].(map[string]any)
		for _, child := range children {
			if child, ok := child.(map[string]any); ok {
				walk(child, visit)
			}
		}
	}
	if items, ok := schema["items"].(map[string]any); ok {
		walk(items, visit)
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		alternatives, _ := schema[key].([]any)
		for _, child := range alternatives {
			if child, ok := child.(map[string]any); ok {
				walk(child, visit)
			}
		}
	}
}

func (req openAIRequest) refuseFormat(m llmModel) *Answer {
	f := req.ResponseFormat
	switch f.Type {
	case "", "text":
		return nil
	case "json_object":
		for _, message := range req.Messages {
			if strings.Contains(strings.ToLower(message.Content.text()), "json") {
				return nil
			}
		}
		return openAIInvalid("messages", "",
			"'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.")
	case "json_schema":
		why := looseSchema(f.JSONSchema.Schema, f.JSONSchema.Strict)
		switch {
		case m.noSchema:
			return openAIInvalid("response_format", "",
				"Invalid parameter: 'response_format' of type 'json_schema' is not supported with this model.")
		case !openAIName.MatchString(f.JSONSchema.Name):
			return openAIInvalid("response_format.json_schema.name", "missing_required_parameter",
				"Missing required parameter: 'response_format.json_schema.name'.")
		case why != "":
			return openAIInvalid("response_format", "", "Invalid schema for response_format '%s': %s", f.JSONSchema.Name, why)
		default:
			return nil
		}
	default:
		return openAIInvalid("response_format.type", "invalid_value",
			"Invalid value: '%s'. Supported values are: 'json_object', 'json_schema', and 'text'.", f.Type)
	}
}

func (req openAIRequest) refuseLength(m llmModel) *Answer {
	n := req.neutral().tokens()
	if n+req.limit() <= m.window {
		return nil
	}
	return openAIInvalid("messages", "context_length_exceeded",
		"This model's maximum context length is %d tokens. However, your messages resulted in %d tokens. Please reduce the length of "+
			"the messages.",
		m.window, n+req.limit())
}
