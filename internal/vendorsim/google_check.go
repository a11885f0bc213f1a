package vendorsim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

var (
	googleName   = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$`)
	googleImages = []string{
		"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif", "application/pdf", "text/plain",
		"audio/wav", "audio/mpeg", "video/mp4",
	}
	// googleDummies are what the vendor takes for the signature of a call that
	// it did not make.
	googleDummies = []string{"skip_thought_signature_validator", "context_engineering_is_the_way_to_go"}
	// googleDialect is what the vendor's own kind of schema consists of.
	googleDialect = []string{
		"type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
		"minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
		"default", "items", "minimum", "maximum",
	}
)

// refuse checks as the vendor does.
func (req googleRequest) refuse(m llmModel) *Answer {
	for _, check := range []func(llmModel) *Answer{
		req.refuseConfig, req.refuseTools, req.refuseContents, req.refuseTurns, req.refuseSignatures, req.refuseLength,
	} {
		if a := check(m); a != nil {
			return a
		}
	}
	return nil
}

func (req googleRequest) refuseConfig(m llmModel) *Answer {
	c := req.GenerationConfig
	asksJSON := c.ResponseMimeType == "application/json"
	switch {
	case outside(c.Temperature, 0, 2):
		return googleInvalid("* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n")
	case c.MaxOutputTokens != nil && (*c.MaxOutputTokens < 1 || *c.MaxOutputTokens > m.output):
		return googleInvalid("Unable to submit request because it has a maxOutputTokens value of %d but the supported range is from "+
			"1 (inclusive) to %d (exclusive). Update the value and try again.", *c.MaxOutputTokens, m.output+1)
	case c.CandidateCount != nil && *c.CandidateCount != 1:
		return googleInvalid("Only one candidate can be specified for this model.")
	case len(c.StopSequences) > 5:
		return googleInvalid("* GenerateContentRequest.generation_config.stop_sequences: The number of stop_sequences must be at " +
			"most 5.\n")
	case len(c.ResponseSchema) > 0 && len(c.ResponseJSONSchema) > 0:
		return googleInvalid("* GenerateContentRequest.generation_config: only one of response_schema and response_json_schema may " +
			"be set.\n")
	case (len(c.ResponseSchema) > 0 || len(c.ResponseJSONSchema) > 0) && !asksJSON:
		return googleInvalid("* GenerateContentRequest.generation_config.response_schema: only allowed for response_mime_type " +
			"`application/json`.\n")
	case asksJSON && m.noSchema:
		return googleInvalid("JSON mode is not enabled for models/%s", m.name)
	case asksJSON && len(req.Tools) > 0 && !m.strict:
		return googleInvalid("Function calling with a response mime type: 'application/json' is unsupported")
	case c.ThinkingConfig.IncludeThoughts && !m.thinks:
		return googleInvalid("Unable to submit request because thinking is not supported by this model.")
	}
	return googleSchema("generation_config.response_schema", c.ResponseSchema)
}

// googleSchema is about a schema of the vendor's own kind.
func googleSchema(at string, raw json.RawMessage) *Answer {
	if len(raw) == 0 {
		return nil
	}
	var schema map[string]any
	if json.Unmarshal(raw, &schema) != nil {
		return googleInvalid("Invalid value at '%s' (type.googleapis.com/google.ai.generativelanguage.v1beta.Schema)", at)
	}
	var unknown []string
	walk(schema, func(s map[string]any) {
		for _, name := range slices.Sorted(maps.Keys(s)) {
			if !contains(googleDialect, name) {
				unknown = append(unknown, name)
			}
		}
	})
	if len(unknown) > 0 {
		return googleInvalid("Invalid JSON payload received. Unknown name %q at '%s': Cannot find field.", unknown[0], at)
	}
	return nil
}

func (req googleRequest) refuseTools(llmModel) *Answer {
	var names []string
	for i, t := range req.Tools {
		for j, f := range t.FunctionDeclarations {
			at := fmt.Sprintf("tools[%d].function_declarations[%d]", i, j)
			switch {
			case !googleName.MatchString(f.Name):
				return googleInvalid("* GenerateContentRequest.%s.name: Invalid function name. "+
					"Must start with a letter or an underscore. Must be alphameric (a-z, A-Z, 0-9), underscores (_), dots (.), "+
					"colons (:), or dashes (-), with a maximum length of 64.\n", at)
			case contains(names, f.Name):
				return googleInvalid("Duplicate function declaration found: %s", f.Name)
			case len(f.Parameters) > 0 && len(f.ParametersJSONSchema) > 0:
				return googleInvalid("* GenerateContentRequest.%s: only one of parameters and parameters_json_schema may be set.\n", at)
			}
			if a := googleSchema(at+".parameters", f.Parameters); a != nil {
				return a
			}
			names = append(names, f.Name)
		}
	}
	c := req.ToolConfig.FunctionCallingConfig
	switch c.Mode {
	case "", "AUTO", "NONE", "ANY", "VALIDATED":
	default:
		return googleInvalid("Invalid value at 'tool_config.function_calling_config.mode', %q", c.Mode)
	}
	for _, name := range c.AllowedFunctionNames {
		switch {
		case c.Mode != "ANY" && c.Mode != "VALIDATED":
			return googleInvalid("Function calling config: allowed_function_names should only be set when the mode is ANY or VALIDATED.")
		case !contains(names, name):
			return googleInvalid("* GenerateContentRequest.tool_config: %s is not a declared function.\n", name)
		}
	}
	return nil
}

func (req googleRequest) refuseContents(llmModel) *Answer {
	if len(req.Contents) == 0 {
		return googleInvalid("* GenerateContentRequest.contents: contents is not specified\n")
	}
	for i, c := range req.Contents {
		at := fmt.Sprintf("GenerateContentRequest.contents[%d]", i)
		switch {
		case !contains([]string{"", "user", "model", "function"}, c.Role):
			return googleInvalid("Please use a valid role: user, model.")
		case len(c.Parts) == 0:
			return googleInvalid("* %s.parts: contents.parts must not be empty.\n", at)
		}
		for j, p := range c.Parts {
			if a := p.refuse(fmt.Sprintf("%s.parts[%d]", at, j)); a != nil {
				return a
			}
		}
	}
	return nil
}

func (p googlePart) refuse(at string) *Answer {
	switch {
	case p.InlineData != nil && !contains(googleImages, p.InlineData.MimeType):
		return googleInvalid("Unsupported MIME type: %s", p.InlineData.MimeType)
	case p.InlineData != nil && len(p.InlineData.Data) == 0:
		return googleInvalid("Unable to process input image. Please retry or report in " +
			"https://developers.generativeai.google/guide/troubleshooting")
	case p.FunctionCall != nil && !googleName.MatchString(p.FunctionCall.Name):
		return googleInvalid("* %s.function_call.name: Name cannot be empty.\n", at)
	case p.FunctionCall != nil && !jsonObject(p.arguments()):
		return googleInvalid("Invalid value at '%s.function_call.args' (type.googleapis.com/google.protobuf.Struct)", at)
	case p.FunctionResponse != nil && p.FunctionResponse.Name == "":
		return googleInvalid("* %s.function_response.name: Name cannot be empty.\n", at)
	case p.FunctionResponse != nil && !jsonObject(string(p.FunctionResponse.Response)):
		return googleInvalid("Invalid value at '%s.function_response.response' (type.googleapis.com/google.protobuf.Struct)", at)
	case p.Text == nil && p.InlineData == nil && p.FileData == nil && p.FunctionCall == nil && p.FunctionResponse == nil:
		return googleInvalid("* %s.data: required oneof field 'data' must have one initialized field\n", at)
	default:
		return nil
	}
}

func jsonObject(text string) bool {
	_, ok := parsed(text).(map[string]any)
	return ok
}

func (c googleContent) calls() (names []string) {
	for _, p := range c.Parts {
		if p.FunctionCall != nil {
			names = append(names, p.FunctionCall.Name)
		}
	}
	return names
}

func (c googleContent) responses() (names []string) {
	for _, p := range c.Parts {
		if p.FunctionResponse != nil {
			names = append(names, p.FunctionResponse.Name)
		}
	}
	return names
}

// refuseTurns wants calls after the user and responses after calls, as many.
func (req googleRequest) refuseTurns(llmModel) *Answer {
	for i, c := range req.Contents {
		var before, after googleContent
		if i > 0 {
			before = req.Contents[i-1]
		}
		if i+1 < len(req.Contents) {
			after = req.Contents[i+1]
		}
		calls, responses := c.calls(), c.responses()
		switch {
		case len(calls) > 0 && (i == 0 || before.Role == "model"):
			return googleInvalid("Please ensure that function call turn comes immediately after a user turn or after a function " +
				"response turn.")
		case len(responses) > 0 && len(before.calls()) == 0:
			return googleInvalid("Please ensure that function response turn comes immediately after a function call turn.")
		case len(calls) > 0 && !sameNames(calls, after.responses()):
			return googleInvalid("Please ensure that the number of function response parts is equal to the number of " +
				"function call parts of the function call turn.")
		}
	}
	return nil
}

func sameNames(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// refuseSignatures wants the signatures that the vendor gave. Of strict models
// it wants one with the first call of each step of the turn that is going on;
// earlier turns are not looked at.
func (req googleRequest) refuseSignatures(m llmModel) *Answer {
	for i, c := range req.Contents {
		for _, p := range c.Parts {
			if p.ThoughtSignature != "" && !p.signed() {
				return googleInvalid("Corrupted thought signature.")
			}
		}
		first := slices.IndexFunc(c.Parts, func(p googlePart) bool { return p.FunctionCall != nil })
		if first >= 0 && m.strict && i >= req.turn() && c.Parts[first].ThoughtSignature == "" {
			return googleInvalid("Function call is missing a thought_signature in functionCall parts. This is required for tools to "+
				"work correctly, and missing thought_signature may lead to degraded model performance. Additional data, function call "+
				"`default_api:%s` , position %d. "+
				"Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.",
				c.Parts[first].FunctionCall.Name, i+1)
		}
	}
	return nil
}

// turn is where the turn that is going on began: with the user's last words.
func (req googleRequest) turn() int {
	for i, c := range slices.Backward(req.Contents) {
		if c.Role != "model" && len(c.responses()) == 0 {
			return i
		}
	}
	return 0
}

// signed says that a signature is the vendor's, or stands for one. Clients
// encode bytes, and so some send the stand-in encoded and some as it is.
func (p googlePart) signed() bool {
	decoded, err := base64.StdEncoding.DecodeString(p.ThoughtSignature)
	for _, dummy := range googleDummies {
		if p.ThoughtSignature == dummy || err == nil && bytes.Equal(decoded, []byte(dummy)) {
			return true
		}
	}
	return p.ThoughtSignature == googleSign(p.name())
}

func (p googlePart) name() string {
	if p.FunctionCall == nil {
		return ""
	}
	return p.FunctionCall.Name
}

// googleSign is the signature of a call of a function, or of text.
func googleSign(name string) string { return sign("google", name) }

func (req googleRequest) refuseLength(m llmModel) *Answer {
	if n := req.neutral(m.name).tokens(); n > m.window {
		return googleInvalid("The input token count (%d) exceeds the maximum number of tokens allowed (%d).", n, m.window)
	}
	return nil
}
