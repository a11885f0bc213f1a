package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gofailover/failover/providers/llm"
)

// chatRequest is what a caller asks for. Fields that are not here are ignored,
// as those that only tune what an answer costs may be; those that would change
// its form are refused.
type chatRequest struct {
	Model    string    `json:"model"`
	Messages []message `json:"messages"`

	Stream        bool `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`

	Tools          []tool         `json:"tools"`
	ToolChoice     toolChoice     `json:"tool_choice"`
	ResponseFormat responseFormat `json:"response_format"`

	MaxTokens           int               `json:"max_tokens"`
	MaxCompletionTokens int               `json:"max_completion_tokens"`
	Temperature         *float64          `json:"temperature"`
	TopP                *float64          `json:"top_p"`
	Stop                texts             `json:"stop"`
	Seed                *int64            `json:"seed"`
	Metadata            map[string]string `json:"metadata"`

	// Refused.
	N         int             `json:"n"`
	Logprobs  bool            `json:"logprobs"`
	Functions json.RawMessage `json:"functions"`
	Audio     json.RawMessage `json:"audio"`
}

type message struct {
	Role       string     `json:"role"`
	Content    content    `json:"content"`
	ToolCalls  []toolCall `json:"tool_calls"`
	ToolCallID string     `json:"tool_call_id"`
}

type tool struct {
	Function struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
	} `json:"function"`
}

type responseFormat struct {
	Type       string `json:"type"`
	JSONSchema struct {
		Name   string          `json:"name"`
		Schema json.RawMessage `json:"schema"`
	} `json:"json_schema"`
}

// content is a text, or a list of texts and images.
type content []contentPart

type contentPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	ImageURL struct {
		URL string `json:"url"`
	} `json:"image_url"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *content) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*c = content{{Type: "text", Text: text}}
		return nil
	}
	return json.Unmarshal(raw, (*[]contentPart)(c))
}

// texts is one text or several.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(t))
}

// toolChoice is a word, or the name of a function.
type toolChoice llm.ToolChoice

// UnmarshalJSON implements json.Unmarshaler.
func (c *toolChoice) UnmarshalJSON(raw []byte) error {
	var named struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	switch string(raw) {
	case "null", `"auto"`:
		c.Mode = llm.ToolAuto
	case `"none"`:
		c.Mode = llm.ToolNone
	case `"required"`:
		c.Mode = llm.ToolRequired
	default:
		if json.Unmarshal(raw, &named) != nil || named.Function.Name == "" {
			return invalid("tool_choice", "tool_choice is neither auto, none, required nor a function.")
		}
		c.Mode, c.Name = llm.ToolNamed, named.Function.Name
	}
	return nil
}

// request puts it in the words of all vendors.
func (q chatRequest) request() (llm.Request, error) {
	for param, asked := range map[string]bool{
		"n": q.N > 1, "logprobs": q.Logprobs, "functions": len(q.Functions) > 0, "audio": len(q.Audio) > 0,
	} {
		if asked {
			return llm.Request{}, invalid(param, param+" is not supported here.")
		}
	}
	req := llm.Request{
		Model: q.Model, ToolChoice: llm.ToolChoice(q.ToolChoice), MaxTokens: max(q.MaxTokens, q.MaxCompletionTokens),
		Temperature: q.Temperature, TopP: q.TopP, Stop: q.Stop, Seed: q.Seed, Metadata: q.Metadata,
	}
	for _, t := range q.Tools {
		req.Tools = append(req.Tools, llm.Tool{
			Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters,
		})
	}
	switch f := q.ResponseFormat; f.Type {
	case "", "text":
	case "json_object":
		req.Format.JSON = true
	case "json_schema":
		req.Format = llm.Format{JSON: true, Schema: f.JSONSchema.Schema, Name: f.JSONSchema.Name}
	default:
		return req, invalid("response_format", "response_format is neither text, json_object nor json_schema.")
	}
	for i, m := range q.Messages {
		if err := m.appendTo(&req, fmt.Sprintf("messages[%d]", i)); err != nil {
			return req, err
		}
	}
	return req, nil
}

// appendTo adds a message to the conversation. The results of tools, a message
// each, become one of the user's.
func (m message) appendTo(req *llm.Request, param string) error {
	parts, err := m.parts(param)
	if err != nil {
		return err
	}
	switch m.Role {
	case "system", "developer":
		req.System = strings.TrimPrefix(req.System+"\n\n"+text(parts), "\n\n")
	case "user":
		req.Messages = append(req.Messages, llm.Message{Role: llm.RoleUser, Parts: parts})
	case "assistant":
		for _, c := range m.ToolCalls {
			parts = append(parts, llm.Part{Call: c.call()})
		}
		req.Messages = append(req.Messages, llm.Message{Role: llm.RoleAssistant, Parts: parts})
	case "tool":
		result := llm.ToolResult{ID: m.ToolCallID, Content: text(parts)}
		if last := len(req.Messages) - 1; last >= 0 && isResults(req.Messages[last]) {
			req.Messages[last].Parts = append(req.Messages[last].Parts, llm.Part{Result: &result})
			return nil
		}
		req.Messages = append(req.Messages, llm.Results(result))
	default:
		return invalid(param+".role", param+".role is neither system, developer, user, assistant nor tool.")
	}
	return nil
}

func isResults(m llm.Message) bool { return len(m.Parts) > 0 && m.Parts[0].Result != nil }

func text(parts []llm.Part) string { return llm.Message{Parts: parts}.Text() }

// parts are what is said and shown.
func (m message) parts(param string) ([]llm.Part, error) {
	var parts []llm.Part
	for _, p := range m.Content {
		switch {
		case p.Type == "text" && p.Text == "": // says nothing
		case p.Type == "text":
			parts = append(parts, llm.Part{Text: p.Text})
		case p.Type == "image_url":
			image, err := readImage(p.ImageURL.URL)
			if err != nil {
				return nil, invalid(param+".content", param+".content has an image that is neither base64 nor at an address.")
			}
			parts = append(parts, llm.Part{Image: image})
		default:
			return nil, invalid(param+".content", param+".content has a part that is neither text nor image_url.")
		}
	}
	return parts, nil
}

// readImage reads an image from its address, which may be all of it.
func readImage(url string) (*llm.Image, error) {
	inline, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return &llm.Image{URL: url}, nil
	}
	kind, encoded, _ := strings.Cut(inline, ";base64,")
	data, err := base64.StdEncoding.DecodeString(encoded)
	return &llm.Image{Type: kind, Data: data}, err
}
