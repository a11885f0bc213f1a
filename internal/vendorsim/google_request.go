package vendorsim

import (
	"encoding/json"
	"io"
	"strings"
)

// googleRequest has all fields of the vendor's that a client of generated
// content has a use for: others it refuses.
type googleRequest struct {
	Model             string          `json:"model"`
	Contents          []googleContent `json:"contents"`
	SystemInstruction *googleContent  `json:"systemInstruction"`
	Tools             []googleTool    `json:"tools"`
	ToolConfig        struct {
		FunctionCallingConfig struct {
			Mode                 string   `json:"mode"`
			AllowedFunctionNames []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	SafetySettings   json.RawMessage `json:"safetySettings"`
	CachedContent    string          `json:"cachedContent"`
	Labels           json.RawMessage `json:"labels"`
	ServiceTier      string          `json:"serviceTier"`
	GenerationConfig googleConfig    `json:"generationConfig"`
}

type googleConfig struct {
	CandidateCount     *int            `json:"candidateCount"`
	StopSequences      []string        `json:"stopSequences"`
	MaxOutputTokens    *int            `json:"maxOutputTokens"`
	Temperature        *float64        `json:"temperature"`
	TopP               *float64        `json:"topP"`
	TopK               *float64        `json:"topK"`
	Seed               *int64          `json:"seed"`
	PresencePenalty    *float64        `json:"presencePenalty"`
	FrequencyPenalty   *float64        `json:"frequencyPenalty"`
	ResponseLogprobs   bool            `json:"responseLogprobs"`
	Logprobs           *int            `json:"logprobs"`
	ResponseMimeType   string          `json:"responseMimeType"`
	ResponseSchema     json.RawMessage `json:"responseSchema"`
	ResponseJSONSchema json.RawMessage `json:"responseJsonSchema"`
	ResponseModalities []string        `json:"responseModalities"`
	MediaResolution    string          `json:"mediaResolution"`
	ThinkingConfig     struct {
		IncludeThoughts bool   `json:"includeThoughts"`
		ThinkingBudget  *int   `json:"thinkingBudget"`
		ThinkingLevel   string `json:"thinkingLevel"`
	} `json:"thinkingConfig"`
}

type googleContent struct {
	Role  string       `json:"role"`
	Parts []googlePart `json:"parts"`
}

type googlePart struct {
	Text             *string `json:"text"`
	Thought          bool    `json:"thought"`
	ThoughtSignature string  `json:"thoughtSignature"`
	InlineData       *struct {
		MimeType    string `json:"mimeType"`
		Data        []byte `json:"data"`
		DisplayName string `json:"displayName"`
	} `json:"inlineData"`
	FileData *struct {
		MimeType string `json:"mimeType"`
		FileURI  string `json:"fileUri"`
	} `json:"fileData"`
	FunctionCall *struct {
		ID   string          `json:"id"`
		Name string          `json:"name"`
		Args json.RawMessage `json:"args"`
	} `json:"functionCall"`
	FunctionResponse *struct {
		ID       string          `json:"id"`
		Name     string          `json:"name"`
		Response json.RawMessage `json:"response"`
	} `json:"functionResponse"`
}

type googleTool struct {
	FunctionDeclarations []struct {
		Name                 string          `json:"name"`
		Description          string          `json:"description"`
		Parameters           json.RawMessage `json:"parameters"`
		ParametersJSONSchema json.RawMessage `json:"parametersJsonSchema"`
		Response             json.RawMessage `json:"response"`
		ResponseJSONSchema   json.RawMessage `json:"responseJsonSchema"`
		Behavior             string          `json:"behavior"`
	} `json:"functionDeclarations"`
	GoogleSearch  json.RawMessage `json:"googleSearch"`
	CodeExecution json.RawMessage `json:"codeExecution"`
	URLContext    json.RawMessage `json:"urlContext"`
}

func readGoogle(body io.Reader) (googleRequest, *Answer) {
	var req googleRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil {
		return req, nil
	}
	if _, field, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return req, googleInvalid("Invalid JSON payload received. Unknown name %s: Cannot find field.", field)
	}
	return req, googleInvalid("Invalid JSON payload received. %s", err.Error())
}

// prefill is the model's turn, if it is the last.
func (req googleRequest) prefill() (googleContent, bool) {
	if n := len(req.Contents); n > 0 && req.Contents[n-1].Role == "model" {
		return req.Contents[n-1], true
	}
	return googleContent{}, false
}

// neutral is the request in the words of all vendors.
func (req googleRequest) neutral(model string) LLMRequest {
	c := req.GenerationConfig
	r := LLMRequest{
		Model: model, Temperature: c.Temperature, Stop: c.StopSequences, Seed: c.Seed, Thinking: c.ThinkingConfig.IncludeThoughts,
		JSON: c.ResponseMimeType == "application/json", Schema: c.ResponseSchema, ToolChoice: req.choice(),
	}
	if len(c.ResponseJSONSchema) > 0 {
		r.Schema = c.ResponseJSONSchema
	}
	if c.MaxOutputTokens != nil {
		r.MaxTokens = *c.MaxOutputTokens
	}
	if req.SystemInstruction != nil {
		r.System = req.SystemInstruction.neutral().Text
	}
	for _, t := range req.Tools {
		for _, f := range t.FunctionDeclarations {
			schema := f.ParametersJSONSchema
			if len(schema) == 0 {
				schema = f.Parameters
			}
			r.Tools = append(r.Tools, LLMTool{Name: f.Name, Description: f.Description, Schema: schema})
		}
	}
	contents := req.Contents
	if begun, ok := req.prefill(); ok {
		r.Prefill, contents = begun.neutral().Text, contents[:len(contents)-1]
	}
	for _, one := range contents {
		r.Messages = append(r.Messages, one.neutral())
	}
	return r
}

// choice is one tool where one is allowed.
func (req googleRequest) choice() string {
	c := req.ToolConfig.FunctionCallingConfig
	switch {
	case c.Mode == "ANY" && len(c.AllowedFunctionNames) == 1:
		return c.AllowedFunctionNames[0]
	case c.Mode == "ANY":
		return "required"
	default:
		return strings.ToLower(c.Mode)
	}
}

func (c googleContent) neutral() LLMMessage {
	m := LLMMessage{Role: "user"}
	if c.Role == "model" {
		m.Role = "assistant"
	}
	for _, p := range c.Parts {
		switch {
		case p.Text != nil && p.Thought:
			m.Thinking += *p.Text
		case p.Text != nil:
			m.Text += *p.Text
		case p.InlineData != nil:
			m.Images = append(m.Images, LLMImage{MediaType: p.InlineData.MimeType, Data: p.InlineData.Data})
		case p.FileData != nil:
			m.Images = append(m.Images, LLMImage{MediaType: p.FileData.MimeType, URL: p.FileData.FileURI})
		case p.FunctionCall != nil:
			m.Calls = append(m.Calls, LLMCall{
				ID: p.FunctionCall.ID, Name: p.FunctionCall.Name, Arguments: p.arguments(), Signed: p.ThoughtSignature != "",
			})
		case p.FunctionResponse != nil:
			m.Results = append(m.Results, p.result())
		}
	}
	return m
}

func (p googlePart) arguments() string {
	if len(p.FunctionCall.Args) == 0 {
		return "{}"
	}
	return string(p.FunctionCall.Args)
}

// result reads a response in the two fields that the vendor suggests; any
// other object is the result itself.
func (p googlePart) result() LLMResult {
	f := p.FunctionResponse
	r := LLMResult{ID: f.ID, Name: f.Name, Text: string(f.Response)}
	var fields map[string]json.RawMessage
	if json.Unmarshal(f.Response, &fields) != nil || len(fields) != 1 {
		return r
	}
	for _, name := range []string{"output", "result", "error"} {
		if value, ok := fields[name]; ok {
			r.Text, r.Failed = string(value), name == "error"
			_ = json.Unmarshal(value, &r.Text) // what is no text stays JSON
		}
	}
	return r
}
