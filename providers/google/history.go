package google

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"strings"

	"google.golang.org/genai"

	"github.com/gofailover/failover/providers/llm"
)

// noSignature stands for the signature of a thought that there was none of:
// calls that another vendor made. Gemini 3 refuses the calls of a step without
// a signature; for a history that moves in from elsewhere Google documents this
// value (https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ).
const noSignature = "skip_thought_signature_validator"

// noResult answers a call that nobody answered: Gemini wants a result for each.
const noResult = "no result was given"

// history translates a conversation.
type history struct {
	model    string
	results  map[*llm.ToolCall]llm.ToolResult
	calls    map[*genai.FunctionCall]*llm.ToolCall
	contents []*genai.Content
}

// contents are the messages as Google takes them: turns of user and model that
// alternate, the results of all calls of a turn in the turn after it.
func contents(req llm.Request, model string) ([]*genai.Content, error) {
	h := history{model: model, calls: map[*genai.FunctionCall]*llm.ToolCall{}}
	var err error
	if h.results, err = answered(req.Messages); err != nil {
		return nil, err
	}
	for i, m := range req.Messages {
		if err := h.add(fmt.Sprintf("Messages[%d]", i), m); err != nil {
			return nil, err
		}
	}
	_, prefill := req.Prefill()
	return h.end(prefill)
}

// answered binds each result to the latest call of its id that has none: ids
// may be used again in a long conversation.
func answered(messages []llm.Message) (map[*llm.ToolCall]llm.ToolResult, error) {
	open, results := map[string][]*llm.ToolCall{}, map[*llm.ToolCall]llm.ToolResult{}
	for _, m := range messages {
		for _, p := range m.Parts {
			switch {
			case p.Call != nil:
				open[p.Call.ID] = append(open[p.Call.ID], p.Call)
			case p.Result != nil:
				calls := open[p.Result.ID]
				if len(calls) == 0 {
					return nil, llm.Invalid(&llm.RequestError{
						Field: "Messages", Reason: fmt.Sprintf("have two results of the call %.70q", p.Result.ID),
					})
				}
				results[calls[len(calls)-1]] = *p.Result
				open[p.Result.ID] = calls[:len(calls)-1]
			}
		}
	}
	return results, nil
}

// add appends a message to the turn of its role.
func (h *history) add(field string, m llm.Message) error {
	var role genai.Role = genai.RoleUser
	if m.Role == llm.RoleAssistant {
		role = genai.RoleModel
	}
	for i, p := range m.Parts {
		part, err := h.part(fmt.Sprintf("%s.Parts[%d]", field, i), p)
		if err != nil {
			return err
		}
		if part != nil {
			turn := h.turn(role)
			turn.Parts = append(turn.Parts, part)
		}
	}
	return nil
}

// turn is the last one if it is of that role, or a new one, which begins with
// the results of the calls of the one before.
func (h *history) turn(role genai.Role) *genai.Content {
	if n := len(h.contents); n > 0 && h.contents[n-1].Role == string(role) {
		return h.contents[n-1]
	}
	turn := &genai.Content{Role: string(role)}
	if role == genai.RoleUser {
		turn.Parts = h.answers()
	}
	h.contents = append(h.contents, turn)
	return turn
}

// answers are the results of the calls of the last turn, all of them and in
// the order of the calls.
func (h *history) answers() []*genai.Part {
	var parts []*genai.Part
	for _, call := range h.openCalls() {
		parts = append(parts, &genai.Part{FunctionResponse: h.answer(call)})
	}
	return parts
}

// openCalls are the calls of the last turn.
func (h *history) openCalls() []*genai.FunctionCall {
	if len(h.contents) == 0 {
		return nil
	}
	var calls []*genai.FunctionCall
	for _, p := range h.contents[len(h.contents)-1].Parts {
		if p.FunctionCall != nil {
			calls = append(calls, p.FunctionCall)
		}
	}
	return calls
}

func (h *history) answer(call *genai.FunctionCall) *genai.FunctionResponse {
	key, value := "error", noResult
	if result, ok := h.results[h.calls[call]]; ok {
		value = result.Content
		if !result.Failed {
			key = "output"
		}
	}
	return &genai.FunctionResponse{ID: call.ID, Name: call.Name, Response: map[string]any{key: value}}
}

// end is the whole conversation.
func (h *history) end(prefill bool) ([]*genai.Content, error) {
	switch {
	case len(h.contents) == 0:
		return nil, llm.Unsupported("Messages", "contain nothing for %s", Vendor)
	case h.contents[len(h.contents)-1].Role != genai.RoleModel:
	case len(h.openCalls()) > 0:
		return nil, llm.Unsupported("Messages", "end with a tool call, after which the model does not go on")
	case !prefill:
		return nil, llm.Unsupported("Messages", "end with a result whose call is not of the turn before")
	}
	for _, turn := range h.contents {
		h.sign(turn)
	}
	return h.contents, nil
}

// sign gives the first call of a turn of the model's a signature, if it has
// none.
func (h *history) sign(turn *genai.Content) {
	if turn.Role != genai.RoleModel || beforeGemini3(h.model) {
		return
	}
	for _, p := range turn.Parts {
		if p.FunctionCall == nil {
			continue
		}
		if len(p.ThoughtSignature) == 0 {
			p.ThoughtSignature = []byte(noSignature)
		}
		return
	}
}

// part translates a part; nil if it is nothing to Google: what others keep for
// themselves, and results, which stand with their calls.
func (h *history) part(field string, p llm.Part) (*genai.Part, error) {
	kept := own(p.Opaque)
	switch {
	case p.Result != nil:
		// Its turn, which has the answers, must be there even if nothing else is
		// in it.
		if len(h.openCalls()) > 0 {
			h.turn(genai.RoleUser)
		}
		return nil, nil //nolint:nilnil // none is not an error
	case p.Image != nil:
		return image(field+".Image", p.Image)
	case p.Call != nil:
		call := &genai.FunctionCall{ID: p.Call.ID, Name: p.Call.Name, Args: arguments(p.Call.Args)}
		h.calls[call] = p.Call
		return &genai.Part{FunctionCall: call, ThoughtSignature: kept.Signature}, nil
	case p.Text != "":
		return &genai.Part{Text: p.Text, ThoughtSignature: kept.Signature}, nil
	case p.Thinking != "" && len(kept.Signature) > 0:
		return &genai.Part{Text: p.Thinking, Thought: true, ThoughtSignature: kept.Signature}, nil
	case p.Thinking == "" && kept.Part != nil:
		return kept.Part, nil
	case p.Thinking == "" && len(kept.Signature) > 0:
		return &genai.Part{ThoughtSignature: kept.Signature}, nil
	}
	return nil, nil //nolint:nilnil // none is not an error
}

// own is what was kept for Google, nothing of what was kept for others.
func own(o *llm.Opaque) opaque {
	var kept opaque
	if o == nil || o.Vendor != Vendor || json.Unmarshal(o.Data, &kept) != nil {
		return opaque{}
	}
	return kept
}

// imageTypes are the media types of the endings of pictures that Gemini reads.
var imageTypes = map[string]string{
	".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".webp": "image/webp", ".heic": "image/heic", ".heif": "image/heif",
}

func image(field string, i *llm.Image) (*genai.Part, error) {
	if len(i.Data) > 0 {
		return &genai.Part{InlineData: &genai.Blob{Data: i.Data, MIMEType: i.Type}}, nil
	}
	media := i.Type
	if media == "" {
		if u, err := url.Parse(i.URL); err == nil {
			media = imageTypes[strings.ToLower(path.Ext(u.Path))]
		}
	}
	if media == "" {
		return nil, llm.Unsupported(field+".Type", "is empty, and the URL does not tell it")
	}
	return &genai.Part{FileData: &genai.FileData{FileURI: i.URL, MIMEType: media}}, nil
}
