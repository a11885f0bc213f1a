package llm

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Request is a conversation to be answered. A provider's Adapt must not write
// through its slices and maps.
type Request struct {
	// Model is a name in the providers' [Models] tables, such as "smart". Empty
	// takes the row "". "openai:gpt-5.1" is that very model, at that vendor only.
	Model string
	// System tells the model how to behave.
	System string
	// Prompt names a row of [WithPrompts], whose text for the provider that
	// serves is put before System.
	Prompt string
	// Messages are the conversation so far, the last one a user's, or an
	// assistant's to be gone on with (a prefill). Required.
	Messages []Message
	// Tools are those the model may call.
	Tools []Tool
	// ToolChoice says whether it must. The zero choice leaves it to the model.
	ToolChoice ToolChoice
	// Format is the form of the answer. The zero format is text.
	Format Format
	// MaxTokens bounds the answer, thinking included. 0 takes the provider's
	// default.
	MaxTokens int
	// Temperature and TopP say how freely to choose words; nil takes the
	// vendor's default.
	Temperature *float64
	TopP        *float64
	// Stop are texts before which the answer ends.
	Stop []string
	// Seed asks for the same answer to the same request, where the vendor
	// offers that; others ignore it.
	Seed *int64
	// Metadata goes with the request to vendors that keep it; others ignore
	// it.
	Metadata map[string]string

	trimmed bool // see Continue
}

// Tool is a function the model may ask for.
type Tool struct {
	// Name is of letters, digits, "_" and "-", at most 64.
	Name string
	// Description tells the model what it does.
	Description string
	// Schema is the JSON schema of its arguments, an object's. Empty: it has
	// none.
	Schema json.RawMessage
}

// ToolChoice says whether tools are called.
type ToolChoice struct {
	Mode ToolMode
	// Name is the tool's, under ToolNamed.
	Name string
}

// ToolMode is how free the model is to call tools.
type ToolMode uint8

// The modes.
const (
	ToolAuto     ToolMode = iota // as it likes
	ToolNone                     // none
	ToolRequired                 // one at least
	ToolNamed                    // this one
)

// Format is the form of an answer.
type Format struct {
	// JSON asks for a JSON object.
	JSON bool
	// Schema asks for JSON that follows this JSON schema; it implies JSON.
	Schema json.RawMessage
	// Name names the schema, for vendors that want a name. Default "answer".
	Name string
}

// structured says whether the answer is JSON.
func (f Format) structured() bool { return f.JSON || len(f.Schema) > 0 }

// Validate says what is wrong with the request whoever serves it; nil if
// nothing is. [Client.Complete], [Client.Stream] and the providers of this
// project call it before anything is sent. Its errors contain no text of the
// conversation.
func (r Request) Validate() error {
	if len(r.Messages) == 0 {
		return invalid("Messages", "is empty")
	}
	if err := r.checkNumbers(); err != nil {
		return err
	}
	if err := r.checkTools(); err != nil {
		return err
	}
	if len(r.Format.Schema) > 0 && !isObject(r.Format.Schema) {
		return invalid("Format.Schema", "is no JSON object")
	}
	calls := map[string]string{}
	for i, m := range r.Messages {
		if err := m.check(fmt.Sprintf("Messages[%d]", i), calls); err != nil {
			return err
		}
	}
	return nil
}

func (r Request) checkNumbers() error {
	switch {
	case r.MaxTokens < 0:
		return invalid("MaxTokens", "%d is negative", r.MaxTokens)
	case outside(r.Temperature, 2):
		return invalid("Temperature", "%v is outside 0 to 2", *r.Temperature)
	case outside(r.TopP, 1):
		return invalid("TopP", "%v is outside 0 to 1", *r.TopP)
	case slices.Contains(r.Stop, ""):
		return invalid("Stop", "contains an empty text")
	}
	return nil
}

func outside(v *float64, most float64) bool {
	return v != nil && (math.IsNaN(*v) || *v < 0 || *v > most)
}

func (r Request) checkTools() error {
	seen := map[string]bool{}
	for i, t := range r.Tools {
		field := fmt.Sprintf("Tools[%d]", i)
		switch {
		case !isToolName(t.Name):
			return invalid(field+".Name", "%.70q is not 1 to 64 letters, digits, _ and -", t.Name)
		case seen[t.Name]:
			return invalid(field+".Name", "%q is used twice", t.Name)
		case len(t.Schema) > 0 && !isObject(t.Schema):
			return invalid(field+".Schema", "is no JSON object")
		}
		seen[t.Name] = true
	}
	switch c := r.ToolChoice; {
	case c.Mode > ToolNamed:
		return invalid("ToolChoice.Mode", "%d is none", c.Mode)
	case c.Mode == ToolNamed && !seen[c.Name]:
		return invalid("ToolChoice.Name", "%.70q is no tool of the request", c.Name)
	case c.Mode == ToolRequired && len(r.Tools) == 0:
		return invalid("ToolChoice", "requires a tool, and there are none")
	}
	return nil
}

func isToolName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// isObject says whether raw is a JSON object, whole.
func isObject(raw json.RawMessage) bool {
	return json.Valid(raw) && bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{"))
}

// check says what is wrong with a message. calls has the names of the tools
// called so far, by id.
func (m Message) check(field string, calls map[string]string) error {
	if m.Role != RoleUser && m.Role != RoleAssistant {
		return invalid(field+".Role", "%.20q is no role", string(m.Role))
	}
	if len(m.Parts) == 0 {
		return invalid(field+".Parts", "is empty")
	}
	for i, p := range m.Parts {
		if err := p.check(fmt.Sprintf("%s.Parts[%d]", field, i), m.Role, calls); err != nil {
			return err
		}
	}
	return nil
}

func (p Part) check(field string, role Role, calls map[string]string) error {
	switch set := p.kinds(); {
	case set > 1:
		return invalid(field, "is more than one thing")
	case set == 0 && p.Opaque == nil:
		return invalid(field, "is empty")
	case !utf8.ValidString(p.Text):
		return invalid(field+".Text", "is not valid UTF-8")
	case p.Image != nil:
		return p.Image.check(field+".Image", role)
	case p.Call != nil:
		return p.Call.check(field+".Call", role, calls)
	case p.Result != nil:
		return p.Result.check(field+".Result", role, calls)
	}
	return nil
}

// kinds counts what the part is.
func (p Part) kinds() int {
	n := 0
	for _, set := range []bool{p.Text != "", p.Thinking != "", p.Image != nil, p.Call != nil, p.Result != nil} {
		if set {
			n++
		}
	}
	return n
}

func (i *Image) check(field string, role Role) error {
	switch {
	case role != RoleUser:
		return invalid(field, "is in a message of the assistant")
	case len(i.Data) == 0 && i.URL == "":
		return invalid(field, "has neither Data nor URL")
	case len(i.Data) > 0 && i.URL != "":
		return invalid(field, "has both Data and URL")
	case len(i.Data) > 0 && i.Type == "":
		return invalid(field+".Type", "is empty")
	}
	return nil
}

func (c *ToolCall) check(field string, role Role, calls map[string]string) error {
	switch {
	case role != RoleAssistant:
		return invalid(field, "is in a message of the user")
	case c.ID == "":
		return invalid(field+".ID", "is empty")
	case c.Name == "":
		return invalid(field+".Name", "is empty")
	case len(c.Args) > 0 && !isObject(c.Args):
		return invalid(field+".Args", "is no JSON object")
	}
	calls[c.ID] = c.Name
	return nil
}

func (r *ToolResult) check(field string, role Role, calls map[string]string) error {
	switch {
	case role != RoleUser:
		return invalid(field, "is in a message of the assistant")
	case calls[r.ID] == "":
		return invalid(field+".ID", "%.70q answers no call before it", r.ID)
	}
	return nil
}

// ToolNames are the names of the tools called in the conversation, by the id
// of the call: results may leave their Name empty.
func (r Request) ToolNames() map[string]string {
	names := map[string]string{}
	for _, m := range r.Messages {
		for _, c := range m.Calls() {
			names[c.ID] = c.Name
		}
	}
	return names
}

// Prefill is the text that the answer is to go on after: that of the last
// message, if it is an assistant's.
func (r Request) Prefill() (string, bool) {
	if n := len(r.Messages); n > 0 && r.Messages[n-1].Role == RoleAssistant {
		return r.Messages[n-1].Text(), true
	}
	return "", false
}
