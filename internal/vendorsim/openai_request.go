package vendorsim

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

type openAIRequest struct {
	Model               string          `json:"model"`
	Messages            []openAIMessage `json:"messages"`
	Stream              bool            `json:"stream"`
	StreamOptions       *openAIOptions  `json:"stream_options"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	N                   *int            `json:"n"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	Stop                texts           `json:"stop"`
	Seed                *int64          `json:"seed"`
	Tools               []openAITool    `json:"tools"`
	ToolChoice          openAIChoice    `json:"tool_choice"`
	ResponseFormat      struct {
		Type       string       `json:"type"`
		JSONSchema openAISchema `json:"json_schema"`
	} `json:"response_format"`
}

type openAIOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type openAIMessage struct {
	Role       string        `json:"role"`
	Content    openAIContent `json:"content"`
	Refusal    string        `json:"refusal"`
	ToolCalls  []openAICall  `json:"tool_calls"`
	ToolCallID string        `json:"tool_call_id"`
}

type openAICall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string  `json:"name"`
		Arguments *string `json:"arguments"`
	} `json:"function"`
}

type openAITool struct {
	Type     string       `json:"type"`
	Function openAISchema `json:"function"`
}

// openAISchema is a function or a format.
type openAISchema struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Schema      json.RawMessage `json:"schema"`
	Strict      bool            `json:"strict"`
}

// openAIContent is a text or a list of parts.
type openAIContent struct {
	given bool
	parts []openAIPart
}

type openAIPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Refusal  string `json:"refusal"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

func (c *openAIContent) UnmarshalJSON(b []byte) error {
	var text *string
	if json.Unmarshal(b, &text) == nil {
		if text != nil {
			c.given, c.parts = true, []openAIPart{{Type: "text", Text: *text}}
		}
		return nil
	}
	c.given = true
	return json.Unmarshal(b, &c.parts)
}

func (c openAIContent) text() string {
	var b strings.Builder
	for _, p := range c.parts {
		b.WriteString(p.Text + p.Refusal)
	}
	return b.String()
}

// texts is one text or several.
type texts []string

func (t *texts) UnmarshalJSON(b []byte) error {
	var one *string
	if json.Unmarshal(b, &one) == nil {
		if one != nil {
			*t = texts{*one}
		}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(t))
}

// openAIChoice is a word or the name of a function.
type openAIChoice string

func (c *openAIChoice) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, (*string)(c)) == nil {
		return nil
	}
	var named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	err := json.Unmarshal(b, &named)
	*c = openAIChoice(named.Function.Name)
	return err
}

func readOpenAI(body io.Reader) (openAIRequest, *Answer) {
	var req openAIRequest
	if err := json.NewDecoder(body).Decode(&req); err != nil {
		return req, openAIInvalid("", "", "We could not parse the JSON body of your request. (HINT: %s)", err.Error())
	}
	return req, nil
}

// neutral is the request in the words of all vendors. OpenAI never continues
// the assistant's last message, so that there is no prefill.
func (req openAIRequest) neutral() LLMRequest {
	r := LLMRequest{
		Model: req.Model, Stream: req.Stream, ToolChoice: string(req.ToolChoice), MaxTokens: req.limit(),
		Temperature: req.Temperature, Stop: req.Stop, Seed: req.Seed,
		JSON: strings.HasPrefix(req.ResponseFormat.Type, "json"), Schema: req.ResponseFormat.JSONSchema.Schema,
	}
	for _, t := range req.Tools {
		r.Tools = append(r.Tools, LLMTool{Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters})
	}
	var system []string
	for _, m := range req.Messages {
		switch m.Role {
		case "system", "developer":
			system = append(system, m.Content.text())
		case "tool":
			r.addResult(LLMResult{ID: m.ToolCallID, Text: m.Content.text()})
		default:
			r.Messages = append(r.Messages, m.neutral())
		}
	}
	r.System = strings.Join(system, "\n")
	return r
}

// addResult puts the results of one turn into one message.
func (r *LLMRequest) addResult(result LLMResult) {
	if last := r.last(); last.Role != "user" || len(last.Results) == 0 {
		r.Messages = append(r.Messages, LLMMessage{Role: "user"})
	}
	m := &r.Messages[len(r.Messages)-1]
	m.Results = append(m.Results, result)
}

func (m openAIMessage) neutral() LLMMessage {
	n := LLMMessage{Role: m.Role, Text: m.Content.text() + m.Refusal}
	for _, p := range m.Content.parts {
		if p.Type == "image_url" {
			n.Images = append(n.Images, image(p.ImageURL.URL))
		}
	}
	for _, c := range m.ToolCalls {
		n.Calls = append(n.Calls, LLMCall{ID: c.ID, Name: c.Function.Name, Arguments: *c.Function.Arguments})
	}
	return n
}

// image reads a data URL, if it is one.
func image(url string) LLMImage {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return LLMImage{URL: url}
	}
	kind, data, _ := strings.Cut(rest, ";base64,")
	decoded, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return LLMImage{MediaType: kind}
	}
	return LLMImage{MediaType: kind, Data: decoded}
}

func (req openAIRequest) limit() int {
	switch {
	case req.MaxCompletionTokens != nil:
		return *req.MaxCompletionTokens
	case req.MaxTokens != nil:
		return *req.MaxTokens
	default:
		return 0
	}
}
