package vendorsim

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// anthropicAnswer is an answer on its way into Anthropic's form.
type anthropicAnswer struct {
	req    anthropicRequest
	asked  LLMRequest
	answer LLMAnswer
}

var anthropicStops = map[string]string{
	FinishStop: "end_turn", FinishLength: "max_tokens", FinishCalls: "tool_use", FinishContentFilter: "refusal",
}

// stop is the reason to finish, and the sequence that was one.
func (x anthropicAnswer) stop() (reason string, sequence any) {
	a := x.answer
	switch {
	case a.Refusal != "":
		return "refusal", nil
	case a.StopSequence != "":
		return "stop_sequence", a.StopSequence
	case anthropicStops[a.Finish] != "":
		return anthropicStops[a.Finish], nil
	default:
		return a.Finish, nil
	}
}

// details explain a refusal.
func (x anthropicAnswer) details() any {
	if reason, _ := x.stop(); reason != "refusal" {
		return nil
	}
	explanation := x.answer.Refusal
	if explanation == "" {
		explanation = x.answer.Blocked
	}
	return object{"type": "refusal", "category": "cyber", "explanation": orNull(explanation)}
}

// whole is the answer in one piece.
func (x anthropicAnswer) whole() object {
	m := x.message()
	content := []any{}
	for _, b := range x.blocks() {
		content = append(content, b.whole)
	}
	m["content"] = content
	m["stop_reason"], m["stop_sequence"] = x.stop()
	m["stop_details"] = x.details()
	m["usage"] = x.usage(x.answer.Usage.Output)
	return m
}

// message is what is known before the first word.
func (x anthropicAnswer) message() object {
	return object{
		"id": fmt.Sprintf("msg_%d", x.asked.Number), "type": "message", "role": "assistant", "model": x.req.Model, "content": []any{},
		"stop_reason": nil, "stop_sequence": nil, "stop_details": nil, "container": nil, "usage": x.usage(1),
	}
}

func (x anthropicAnswer) usage(output int) object {
	u := x.answer.Usage
	return object{
		"input_tokens": u.Input - u.Cached, "output_tokens": output, "cache_read_input_tokens": u.Cached,
		"cache_creation_input_tokens": 0, "cache_creation": object{"ephemeral_1h_input_tokens": 0, "ephemeral_5m_input_tokens": 0},
		"service_tier": "standard", "inference_geo": nil, "server_tool_use": nil,
	}
}

// anthropicBlock is a block of the answer: whole, at its start, and how it
// grows.
type anthropicBlock struct {
	whole, start object
	deltas       []object
}

func (x anthropicAnswer) blocks() []anthropicBlock {
	var all []anthropicBlock
	a := x.answer
	if a.Thinking != "" {
		all = append(all, thinkingBlock(a.Thinking))
	}
	if a.Text != "" {
		all = append(all, textBlock(a.Text))
	}
	for i := range a.Calls {
		all = append(all, x.callBlock(i))
	}
	return all
}

func thinkingBlock(thought string) anthropicBlock {
	signature := sign("anthropic", thought)
	b := anthropicBlock{
		whole: object{"type": "thinking", "thinking": thought, "signature": signature},
		start: object{"type": "thinking", "thinking": "", "signature": ""},
	}
	for _, piece := range pieces(thought) {
		b.deltas = append(b.deltas, object{"type": "thinking_delta", "thinking": piece})
	}
	b.deltas = append(b.deltas, object{"type": "signature_delta", "signature": signature})
	return b
}

func textBlock(text string) anthropicBlock {
	b := anthropicBlock{
		whole: object{"type": "text", "text": text, "citations": nil},
		start: object{"type": "text", "text": "", "citations": nil},
	}
	for _, piece := range pieces(text) {
		b.deltas = append(b.deltas, object{"type": "text_delta", "text": piece})
	}
	return b
}

func (x anthropicAnswer) callBlock(i int) anthropicBlock {
	c := x.answer.Calls[i]
	id := c.ID
	if id == "" {
		id = fmt.Sprintf("toolu_%d", x.asked.calls()+i+1)
	}
	one := func(input any) object {
		return object{"type": "tool_use", "id": id, "name": c.Name, "input": input, "caller": object{"type": "direct"}}
	}
	input := any(object{}) // a whole answer cannot have what is no JSON
	if json.Valid([]byte(c.Arguments)) {
		input = json.RawMessage(c.Arguments)
	}
	// The first delta of a call is empty, as the vendor's is.
	b := anthropicBlock{whole: one(input), start: one(object{}), deltas: []object{{"type": "input_json_delta", "partial_json": ""}}}
	for _, fragment := range fragments(c.Arguments) {
		b.deltas = append(b.deltas, object{"type": "input_json_delta", "partial_json": fragment})
	}
	return b
}

// stream sends the answer event by event.
func (x anthropicAnswer) stream(w http.ResponseWriter) {
	e := newEvents(w, "text/event-stream; charset=utf-8", "\n")
	send := func(kind string, value object) {
		value["type"] = kind
		e.named(kind, value)
	}
	send("message_start", object{"message": x.message()})
	for i, b := range x.blocks() {
		send("content_block_start", object{"index": i, "content_block": b.start})
		if i == 0 {
			send("ping", object{})
		}
		for _, delta := range b.deltas {
			send("content_block_delta", object{"index": i, "delta": delta})
		}
		send("content_block_stop", object{"index": i})
	}
	reason, sequence := x.stop()
	u := x.answer.Usage
	send("message_delta", object{
		"delta": object{"stop_reason": reason, "stop_sequence": sequence, "stop_details": x.details(), "container": nil},
		"usage": object{
			"output_tokens": u.Output, "input_tokens": u.Input - u.Cached, "cache_read_input_tokens": u.Cached,
			"cache_creation_input_tokens": 0, "server_tool_use": nil,
		},
	})
	send("message_stop", object{})
}
