package llm

import (
	"encoding/json"
	"strings"
)

// Role is who speaks.
type Role string

// The roles of a conversation. What a system says is Request.System; results
// of tools are parts of a user's message.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn of a conversation. It survives JSON, so that a
// conversation can be kept and gone on with, at any vendor.
type Message struct {
	Role  Role   `json:"role"`
	Parts []Part `json:"parts"`
}

// Part is a piece of a message: exactly one of Text, Thinking, Image, Call and
// Result is set. A part that has nothing but Opaque is for its vendor alone.
type Part struct {
	// Text is what is said.
	Text string `json:"text,omitzero"`
	// Thinking is what a model let be seen of its reasoning. It is shown, and
	// given back to its own vendor where Opaque says how; others never get it.
	Thinking string `json:"thinking,omitzero"`
	// Image is a picture, in a user's message.
	Image *Image `json:"image,omitempty"`
	// Call is a call of a tool, in an assistant's message.
	Call *ToolCall `json:"call,omitempty"`
	// Result is what a tool answered, in a user's message.
	Result *ToolResult `json:"result,omitempty"`
	// Opaque is what the vendor wants back with this part.
	Opaque *Opaque `json:"opaque,omitempty"`
}

// Opaque is what one vendor keeps in a conversation and no other understands:
// the signature of a thought, say.
type Opaque struct {
	// Vendor is whose it is, such as "anthropic".
	Vendor string `json:"vendor"`
	// Data is for that vendor's adapter to read.
	Data json.RawMessage `json:"data"`
}

// Image is a picture: its bytes, or where they are.
type Image struct {
	// Data is the picture; Type its media type, such as "image/png".
	Data []byte `json:"data,omitempty"`
	Type string `json:"type,omitzero"`
	// URL is where the vendor can fetch it, in place of Data. A vendor that
	// fetches nothing is left out.
	URL string `json:"url,omitzero"`
}

// ToolCall is a model's wish to have a tool called.
type ToolCall struct {
	// ID ties the result to the call. Where a vendor gives none it is made.
	ID string `json:"id"`
	// Name is the tool's.
	Name string `json:"name"`
	// Args are the arguments, a JSON object; "{}" where there are none.
	Args json.RawMessage `json:"args,omitempty"`
}

// ToolResult answers a [ToolCall].
type ToolResult struct {
	// ID is that of the call.
	ID string `json:"id"`
	// Name is the tool's. It may be left empty: it is found by the ID.
	Name string `json:"name,omitzero"`
	// Content is what the tool answered.
	Content string `json:"content"`
	// Failed says that Content is an error.
	Failed bool `json:"failed,omitzero"`
}

// User makes a user's message of a text.
func User(text string) Message { return Message{Role: RoleUser, Parts: []Part{{Text: text}}} }

// Assistant makes an assistant's message of a text. As the last message of a
// request it is a prefill: the answer goes on after it, at providers that can.
func Assistant(text string) Message {
	return Message{Role: RoleAssistant, Parts: []Part{{Text: text}}}
}

// Results makes the message that answers tool calls: the results of all calls
// of a turn belong together.
func Results(results ...ToolResult) Message {
	m := Message{Role: RoleUser}
	for _, r := range results {
		m.Parts = append(m.Parts, Part{Result: &r})
	}
	return m
}

// Text is all text of the message.
func (m Message) Text() string {
	var b strings.Builder
	for _, p := range m.Parts {
		b.WriteString(p.Text)
	}
	return b.String()
}

// Calls are the tool calls of the message.
func (m Message) Calls() []ToolCall {
	var calls []ToolCall
	for _, p := range m.Parts {
		if p.Call != nil {
			calls = append(calls, *p.Call)
		}
	}
	return calls
}

// For is the message as vendor is to see it: what is opaque and another's is
// left out, thoughts with it, and so are parts of which nothing remains.
func (m Message) For(vendor string) Message {
	own := Message{Role: m.Role}
	for _, p := range m.Parts {
		if p.Opaque != nil && p.Opaque.Vendor != vendor {
			p.Opaque = nil
		}
		if p.Opaque == nil {
			p.Thinking = ""
		}
		if p != (Part{}) {
			own.Parts = append(own.Parts, p)
		}
	}
	return own
}
