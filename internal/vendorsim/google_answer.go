package vendorsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// googleAnswer is an answer on its way into Google's form.
type googleAnswer struct {
	model  llmModel
	asked  LLMRequest
	answer LLMAnswer
}

var googleFinishes = map[string]string{
	FinishStop: "STOP", FinishLength: "MAX_TOKENS", FinishCalls: "STOP", FinishContentFilter: "SAFETY",
}

// finish is the reason to finish. Arguments that are none are a reason.
func (x googleAnswer) finish() string {
	switch a := x.answer; {
	case x.malformed():
		return "MALFORMED_FUNCTION_CALL"
	case googleFinishes[a.Finish] != "":
		return googleFinishes[a.Finish]
	default:
		return a.Finish
	}
}

func (x googleAnswer) malformed() bool {
	return slices.ContainsFunc(x.answer.Calls, func(c LLMCall) bool { return !jsonObject(c.Arguments) })
}

// whole is the answer in one piece.
func (x googleAnswer) whole() object {
	if x.empty() {
		return x.chunk(nil)
	}
	var parts []any
	if x.answer.Thinking != "" {
		parts = append(parts, object{"text": x.answer.Thinking, "thought": true})
	}
	if text := x.said(); text != "" {
		part := object{"text": text}
		if x.signsText() {
			part["thoughtSignature"] = googleSign("")
		}
		parts = append(parts, part)
	}
	return x.chunk(x.candidate(append(parts, x.calls()...), x.finish()))
}

// said is the text: Google's models refuse in words.
func (x googleAnswer) said() string { return x.answer.Text + x.answer.Refusal }

// signsText says that the answer is a strict model's, who sign text, too.
func (x googleAnswer) signsText() bool { return x.model.strict && len(x.answer.Calls) == 0 }

// empty answers have no candidates.
func (x googleAnswer) empty() bool { return x.answer.NoChoices || x.answer.Blocked != "" }

// calls have an id at the newer models and a signature at all that think; of
// several made at once only the first has it.
func (x googleAnswer) calls() []any {
	var all []any
	if x.malformed() {
		return nil
	}
	for i, c := range x.answer.Calls {
		call := object{"name": c.Name, "args": json.RawMessage(c.Arguments)}
		switch {
		case c.ID != "":
			call["id"] = c.ID
		case x.model.strict:
			call["id"] = fmt.Sprintf("fc%d", x.asked.calls()+i+1)
		}
		part := object{"functionCall": call}
		if i == 0 && x.model.thinks {
			part["thoughtSignature"] = googleSign(c.Name)
		}
		all = append(all, part)
	}
	return all
}

// candidate without parts is one that said nothing.
func (x googleAnswer) candidate(parts []any, finish string) object {
	content := object{"role": "model"}
	if len(parts) > 0 {
		content["parts"] = parts
	}
	c := object{"content": content, "index": 0}
	if finish != "" {
		c["finishReason"] = finish
	}
	switch finish {
	case "SAFETY":
		c["safetyRatings"] = []any{object{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true}}
	case "MALFORMED_FUNCTION_CALL":
		c["finishMessage"] = "Malformed function call"
	}
	return c
}

// chunk is an answer or a part of one.
func (x googleAnswer) chunk(candidate object) object {
	c := object{"modelVersion": x.model.name, "responseId": fmt.Sprintf("google-%d", x.asked.Number), "usageMetadata": x.usage()}
	if candidate != nil {
		c["candidates"] = []any{candidate}
	}
	if x.answer.Blocked != "" {
		c["promptFeedback"] = object{"blockReason": x.answer.Blocked, "safetyRatings": []any{}}
	}
	return c
}

func (x googleAnswer) usage() object {
	u := x.answer.Usage
	m := object{
		"promptTokenCount": u.Input, "totalTokenCount": u.Input + u.Output,
		"promptTokensDetails": []any{object{"modality": "TEXT", "tokenCount": u.Input}},
	}
	// The vendor leaves out what is zero.
	for name, n := range map[string]int{
		"candidatesTokenCount": u.Output - u.Reasoning, "thoughtsTokenCount": u.Reasoning, "cachedContentTokenCount": u.Cached,
	} {
		if n != 0 {
			m[name] = n
		}
	}
	return m
}

// chunks are the parts of a stream. The last one has the reason to finish.
func (x googleAnswer) chunks() []object {
	if x.empty() {
		return []object{x.chunk(nil)}
	}
	var all []object
	add := func(parts []any) { all = append(all, x.chunk(x.candidate(parts, ""))) }
	if x.answer.Thinking != "" {
		add([]any{object{"text": x.answer.Thinking, "thought": true}})
	}
	// Google's pieces are longer than others'.
	for words := range slices.Chunk(pieces(x.said()), 4) {
		add([]any{object{"text": strings.Join(words, "")}})
	}
	for _, call := range x.calls() {
		add([]any{call})
	}
	end := object{"text": ""}
	if x.signsText() {
		end["thoughtSignature"] = googleSign("")
	}
	return append(all, x.chunk(x.candidate([]any{end}, x.finish())))
}

func (x googleAnswer) stream(w http.ResponseWriter) {
	e := newEvents(w, "text/event-stream", "\r\n")
	for _, c := range x.chunks() {
		e.data(c)
	}
}
