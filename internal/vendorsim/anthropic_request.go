package vendorsim

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"strings"
)

// anthropicRequest has all fields of the vendor's: others it refuses.
type anthropicRequest struct {
	Model         string             `json:"model"`
	Messages      []anthropicMessage `json:"messages"`
	MaxTokens     *int               `json:"max_tokens"`
	System        blocks             `json:"system"`
	Stream        bool               `json:"stream"`
	Temperature   *float64           `json:"temperature"`
	TopP          *float64           `json:"top_p"`
	TopK          *int               `json:"top_k"`
	StopSequences []string           `json:"stop_sequences"`
	Tools         []anthropicTool    `json:"tools"`
	ToolChoice    struct {
		Type                   string `json:"type"`
		Name                   string `json:"name"`
		DisableParallelToolUse bool   `json:"disable_parallel_tool_use"`
	} `json:"tool_choice"`
	Thinking struct {
		Type         string `json:"type"`
		BudgetTokens int    `json:"budget_tokens"`
		Display      string `json:"display"`
	} `json:"thinking"`
	OutputConfig struct {
		Effort string `json:"effort"`
		Format *struct {
			Type   string          `json:"type"`
			Schema json.RawMessage `json:"schema"`
		} `json:"format"`
	} `json:"output_config"`
	Metadata struct {
		UserID string `json:"user_id"`
	} `json:"metadata"`
	CacheControl json.RawMessage `json:"cache_control"`
	Container    json.RawMessage `json:"container"`
	InferenceGeo json.RawMessage `json:"inference_geo"`
	ServiceTier  string          `json:"service_tier"`
}

type anthropicMessage struct {
	Role    string `json:"role"`
	Content blocks `json:"content"`
}

type anthropicTool struct {
	Type                string          `json:"type"`
	Name                string          `json:"name"`
	Description         string          `json:"description"`
	InputSchema         json.RawMessage `json:"input_schema"`
	CacheControl        json.RawMessage `json:"cache_control"`
	Strict              bool            `json:"strict"`
	EagerInputStreaming *bool           `json:"eager_input_streaming"`
	AllowedCallers      json.RawMessage `json:"allowed_callers"`
	DeferLoading        bool            `json:"defer_loading"`
	InputExamples       json.RawMessage `json:"input_examples"`
}

// blocks are a text or a list of blocks.
type blocks []block

type block struct {
	Type         string          `json:"type"`
	Text         string          `json:"text"`
	CacheControl json.RawMessage `json:"cache_control"`
	Citations    json.RawMessage `json:"citations"`
	Source       struct {
		Type      string `json:"type"`
		MediaType string `json:"media_type"`
		Data      string `json:"data"`
		URL       string `json:"url"`
	} `json:"source"` // of an image
	Thinking  string          `json:"thinking"`
	Signature string          `json:"signature"`
	Data      string          `json:"data"` // of a redacted thought
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Input     json.RawMessage `json:"input"`
	Caller    json.RawMessage `json:"caller"`
	ToolUseID string          `json:"tool_use_id"`
	Content   blocks          `json:"content"` // of a result
	IsError   bool            `json:"is_error"`
}

func (b *blocks) UnmarshalJSON(raw []byte) error {
	var text *string
	if json.Unmarshal(raw, &text) == nil {
		if text != nil {
			*b = blocks{{Type: "text", Text: *text}}
		}
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	return d.Decode((*[]block)(b))
}

func (b blocks) text() string {
	var all strings.Builder
	for _, one := range b {
		all.WriteString(one.Text)
	}
	return all.String()
}

// of are the blocks of a type.
func (b blocks) of(kind string) blocks {
	var all blocks
	for _, one := range b {
		if one.Type == kind {
			all = append(all, one)
		}
	}
	return all
}

func readAnthropic(body io.Reader) (anthropicRequest, *Answer) {
	var req anthropicRequest
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	err := d.Decode(&req)
	if err == nil {
		return req, nil
	}
	if _, field, ok := strings.Cut(err.Error(), "unknown field "); ok {
		return req, anthropicInvalid("%s: Extra inputs are not permitted", strings.Trim(field, `"`))
	}
	return req, anthropicInvalid("The request body is not valid JSON: %s", err.Error())
}

// prefill is the assistant's last message.
func (req anthropicRequest) prefill() (anthropicMessage, bool) {
	if n := len(req.Messages); n > 0 && req.Messages[n-1].Role == "assistant" {
		return req.Messages[n-1], true
	}
	return anthropicMessage{}, false
}

// neutral is the request in the words of all vendors.
func (req anthropicRequest) neutral() LLMRequest {
	r := LLMRequest{
		Model: req.Model, Stream: req.Stream, System: req.System.text(), Temperature: req.Temperature,
		Stop: req.StopSequences, MaxTokens: *req.MaxTokens, ToolChoice: req.ToolChoice.Name, Thinking: req.thinks(),
	}
	switch req.ToolChoice.Type {
	case "auto", "none":
		r.ToolChoice = req.ToolChoice.Type
	case "any":
		r.ToolChoice = "required"
	}
	if f := req.OutputConfig.Format; f != nil {
		r.JSON, r.Schema = true, f.Schema
	}
	for _, t := range req.Tools {
		r.Tools = append(r.Tools, LLMTool{Name: t.Name, Description: t.Description, Schema: t.InputSchema})
	}
	messages := req.Messages
	if begun, ok := req.prefill(); ok {
		r.Prefill, messages = begun.Content.text(), messages[:len(messages)-1]
	}
	for _, m := range messages {
		r.Messages = append(r.Messages, m.neutral())
	}
	return r
}

// thinks says that thoughts are wanted, and shown.
func (req anthropicRequest) thinks() bool {
	return req.Thinking.Type == "enabled" || req.Thinking.Type == "adaptive"
}

func (m anthropicMessage) neutral() LLMMessage {
	n := LLMMessage{Role: m.Role, Text: m.Content.text()}
	for _, b := range m.Content {
		switch b.Type {
		case "image":
			n.Images = append(n.Images, b.image())
		case "tool_use":
			n.Calls = append(n.Calls, LLMCall{ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		case "tool_result":
			n.Results = append(n.Results, LLMResult{ID: b.ToolUseID, Text: b.Content.text(), Failed: b.IsError})
		case "thinking":
			n.Thinking += b.Thinking
		}
	}
	return n
}

func (b block) image() LLMImage {
	data, err := base64.StdEncoding.DecodeString(b.Source.Data)
	if err != nil {
		data = nil
	}
	return LLMImage{MediaType: b.Source.MediaType, Data: data, URL: b.Source.URL}
}
