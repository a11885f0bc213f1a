package google

import (
	"crypto/rand"
	"encoding/json"
	"strings"
	"unicode"

	"google.golang.org/genai"

	"github.com/gofailover/failover/providers/llm"
)

// opaque is what is kept of a part for Google alone.
type opaque struct {
	// Signature is that of the thought behind the part.
	Signature []byte `json:"signature,omitempty"`
	// Part is one that means nothing to others: what a tool of Google's own
	// did.
	Part *genai.Part `json:"part,omitempty"`
}

func (o opaque) wrap() *llm.Opaque {
	if len(o.Signature) == 0 && o.Part == nil {
		return nil
	}
	data, err := json.Marshal(o)
	if err != nil {
		return nil
	}
	return &llm.Opaque{Vendor: Vendor, Data: data}
}

// emitter makes chunks of the parts of an answer. A text comes in many parts,
// which are one; a part with a signature stands for itself.
type emitter struct {
	trim     func(string) string
	text     strings.Builder // of parts without a signature, since the part before
	thinking strings.Builder
	calls    int
	content  bool // there was text or a call
}

// add gives the chunks of a part to yield, until that returns false.
func (e *emitter) add(part *genai.Part, yield func(llm.Chunk) bool) bool {
	if part == nil {
		return true
	}
	signed := opaque{Signature: part.ThoughtSignature}.wrap()
	switch {
	case part.FunctionCall != nil:
		return e.call(part.FunctionCall, signed, yield)
	case part.Text != "" && part.Thought:
		return e.thought(part.Text, signed, yield)
	case part.Text != "":
		return e.say(e.trim(part.Text), signed, yield)
	case isOwn(part):
		return e.done(llm.Part{Opaque: opaque{Part: part}.wrap()}, yield)
	case signed != nil:
		return e.done(llm.Part{Opaque: signed}, yield)
	}
	return true
}

// isOwn says whether a part is of a kind that only Google has.
func isOwn(part *genai.Part) bool {
	return part.ExecutableCode != nil || part.CodeExecutionResult != nil || part.InlineData != nil ||
		part.FileData != nil || part.ToolCall != nil || part.ToolResponse != nil
}

func (e *emitter) call(f *genai.FunctionCall, signed *llm.Opaque, yield func(llm.Chunk) bool) bool {
	call := readCall(f)
	delta := llm.CallDelta{Index: e.calls, ID: call.ID, Name: call.Name, Args: string(call.Args)}
	e.calls++
	e.content = true
	return yield(llm.Chunk{Call: &delta}) && e.done(llm.Part{Call: call, Opaque: signed}, yield)
}

func readCall(f *genai.FunctionCall) *llm.ToolCall {
	call := &llm.ToolCall{ID: f.ID, Name: f.Name, Args: json.RawMessage("{}")}
	if call.ID == "" {
		// Not a count: ids must differ throughout a conversation.
		call.ID = "call_" + rand.Text()
	}
	if len(f.Args) > 0 {
		if args, err := json.Marshal(f.Args); err == nil {
			call.Args = args
		}
	}
	return call
}

func (e *emitter) say(text string, signed *llm.Opaque, yield func(llm.Chunk) bool) bool {
	if text == "" {
		return signed == nil || e.done(llm.Part{Opaque: signed}, yield)
	}
	e.content = true
	if signed == nil {
		e.thinking.Reset()
		e.text.WriteString(text)
		return yield(llm.Chunk{Text: text})
	}
	if before := e.text.String(); before != "" && !e.done(llm.Part{Text: before}, yield) {
		return false
	}
	return yield(llm.Chunk{Text: text}) && e.done(llm.Part{Text: text, Opaque: signed}, yield)
}

func (e *emitter) thought(text string, signed *llm.Opaque, yield func(llm.Chunk) bool) bool {
	if signed == nil {
		e.text.Reset()
		e.thinking.WriteString(text)
		return yield(llm.Chunk{Thinking: text})
	}
	if before := e.thinking.String(); before != "" && !e.done(llm.Part{Thinking: before}, yield) {
		return false
	}
	return yield(llm.Chunk{Thinking: text}) && e.done(llm.Part{Thinking: text, Opaque: signed}, yield)
}

// done gives a part that is complete; what came before it is closed by it.
func (e *emitter) done(p llm.Part, yield func(llm.Chunk) bool) bool {
	e.text.Reset()
	e.thinking.Reset()
	return yield(llm.Chunk{Done: &p})
}

// trimmer removes white space from the beginning of a text that comes in
// pieces, if on.
func trimmer(on bool) func(string) string {
	return func(text string) string {
		if on {
			text = strings.TrimLeftFunc(text, unicode.IsSpace)
			on = text == ""
		}
		return text
	}
}
