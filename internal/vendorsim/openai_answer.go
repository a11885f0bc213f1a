package vendorsim

import (
	"fmt"
	"net/http"
)

// openAIAnswer is an answer on its way into OpenAI's form.
type openAIAnswer struct {
	req     openAIRequest
	asked   LLMRequest
	answer  LLMAnswer
	created int64
}

func (x openAIAnswer) id() string { return fmt.Sprintf("chatcmpl-%d", x.asked.Number) }

// whole is the answer in one piece.
func (x openAIAnswer) whole() object {
	a := x.answer
	message := object{"role": "assistant", "content": a.Text, "refusal": orNull(a.Refusal), "annotations": []any{}}
	if a.Text == "" && (len(a.Calls) > 0 || a.Refusal != "" || a.Blocked != "") {
		message["content"] = nil
	}
	if calls := x.calls(); len(calls) > 0 {
		message["tool_calls"] = calls
	}
	choices := []any{object{"index": 0, "message": message, "logprobs": nil, "finish_reason": a.Finish}}
	if a.NoChoices {
		choices = []any{}
	}
	return object{
		"id": x.id(), "object": "chat.completion", "created": x.created, "model": x.req.Model,
		"choices": choices, "usage": x.usage(), "service_tier": "default", "system_fingerprint": "fp_1",
	}
}

func (x openAIAnswer) calls() []object {
	var all []object
	for i, c := range x.answer.Calls {
		all = append(all, object{
			"id": x.callID(i), "type": "function", "function": object{"name": c.Name, "arguments": c.Arguments},
		})
	}
	return all
}

func (x openAIAnswer) callID(i int) string {
	if id := x.answer.Calls[i].ID; id != "" {
		return id
	}
	return fmt.Sprintf("call_%d", x.asked.calls()+i+1)
}

func (x openAIAnswer) usage() object {
	u := x.answer.Usage
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details": object{"cached_tokens": u.Cached, "audio_tokens": 0},
		"completion_tokens_details": object{
			"reasoning_tokens": u.Reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
		},
	}
}

// stream sends the answer piece by piece: the role, the text, the calls, the
// reason to finish, the usage if it is wanted, and the mark of the end.
func (x openAIAnswer) stream(w http.ResponseWriter) {
	e := newEvents(w, "text/event-stream; charset=utf-8", "\n")
	if !x.answer.NoChoices {
		x.deltas(e)
	}
	if x.wantsUsage() {
		last := x.chunk([]any{})
		last["usage"] = x.usage()
		e.data(last)
	}
	e.raw("data: [DONE]")
}

func (x openAIAnswer) deltas(e events) {
	a := x.answer
	first := object{"role": "assistant", "content": "", "refusal": nil}
	if a.Text == "" && (len(a.Calls) > 0 || a.Refusal != "") {
		first["content"] = nil
	}
	e.data(x.delta(first, nil))
	for _, piece := range pieces(a.Text) {
		e.data(x.delta(object{"content": piece}, nil))
	}
	for _, piece := range pieces(a.Refusal) {
		e.data(x.delta(object{"refusal": piece}, nil))
	}
	for i, c := range a.Calls {
		e.data(x.delta(object{"tool_calls": []any{object{
			"index": i, "id": x.callID(i), "type": "function", "function": object{"name": c.Name, "arguments": ""},
		}}}, nil))
		for _, fragment := range fragments(c.Arguments) {
			e.data(x.delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": fragment}}}}, nil))
		}
	}
	e.data(x.delta(object{}, a.Finish))
}

func (x openAIAnswer) wantsUsage() bool {
	return x.req.StreamOptions != nil && x.req.StreamOptions.IncludeUsage
}

func (x openAIAnswer) delta(delta object, finish any) object {
	c := x.chunk([]any{object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}})
	if x.wantsUsage() {
		c["usage"] = nil
	}
	return c
}

func (x openAIAnswer) chunk(choices []any) object {
	return object{
		"id": x.id(), "object": "chat.completion.chunk", "created": x.created, "model": x.req.Model,
		"choices": choices, "service_tier": "default", "system_fingerprint": "fp_1",
	}
}
