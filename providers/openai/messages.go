package openai

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	sdk "github.com/openai/openai-go/v3"

	"github.com/gofailover/failover/providers/llm"
)

// history is a conversation on its way into the vendor's form: the results of
// a turn come right after its calls, as messages of their own, and what the
// user said with them comes after.
type history struct {
	vendor string
	out    []sdk.ChatCompletionMessageParamUnion

	open  []call                                   // calls of the turn without a result
	calls *sdk.ChatCompletionAssistantMessageParam // the latest message of the assistant's
	later []sdk.ChatCompletionMessageParamUnion    // after the results
}

// call is a call that waits for its result, and where it stands.
type call struct{ id, field string }

// messages translates the conversation.
func (c *Client) messages(req llm.Request) ([]sdk.ChatCompletionMessageParamUnion, error) {
	h := &history{vendor: c.vendor, out: make([]sdk.ChatCompletionMessageParamUnion, 0, len(req.Messages)+1)}
	if prompt := system(req); prompt != "" {
		h.out = append(h.out, sdk.SystemMessage(prompt))
	}
	for i, m := range req.Messages {
		add := h.user
		if m.Role == llm.RoleAssistant {
			add = h.assistant
		}
		if err := add(m.For(c.vendor), fmt.Sprintf("Messages[%d]", i)); err != nil {
			return nil, err
		}
	}
	if err := h.settled(); err != nil {
		return nil, err
	}
	if h.out = append(h.out, h.later...); h.calls == nil && len(h.later) == 0 {
		return nil, llm.Invalid(&llm.RequestError{Field: "Messages", Reason: "has nothing that can be sent"})
	}
	return h.out, nil
}

// settled refuses calls without results, which this vendor does not take.
func (h *history) settled() error {
	if len(h.open) == 0 {
		return nil
	}
	return llm.Unsupported(h.open[0].field, "has no result before the next turn")
}

// user adds a message of the user's: its results, and what else there is.
func (h *history) user(m llm.Message, field string) error {
	var rest []llm.Part
	for i, p := range m.Parts {
		if p.Result == nil {
			rest = append(rest, p)
			continue
		}
		at := slices.IndexFunc(h.open, func(c call) bool { return c.id == p.Result.ID })
		if at < 0 {
			return llm.Invalid(&llm.RequestError{
				Field:  fmt.Sprintf("%s.Parts[%d].Result.ID", field, i),
				Reason: "answers no call of the turn before, or one that has its result",
			})
		}
		h.open = slices.Delete(h.open, at, at+1)
		h.out = append(h.out, sdk.ToolMessage(resultText(p.Result), callID(p.Result.ID)))
	}
	if !slices.ContainsFunc(rest, func(p llm.Part) bool { return p.Text != "" || p.Image != nil }) {
		return nil
	}
	said, err := h.content(rest, field)
	if err != nil {
		return err
	}
	h.later = append(h.later, sdk.ChatCompletionMessageParamUnion{OfUser: &said})
	return nil
}

// resultText is the result of a tool. The vendor has no other word for one that
// failed.
func resultText(r *llm.ToolResult) string {
	if r.Failed {
		return "Error: " + r.Content
	}
	return r.Content
}

// content is what the user said: a text where there are texts alone, because
// some compatible servers take nothing else.
func (h *history) content(parts []llm.Part, field string) (sdk.ChatCompletionUserMessageParam, error) {
	var m sdk.ChatCompletionUserMessageParam
	if !slices.ContainsFunc(parts, func(p llm.Part) bool { return p.Image != nil }) {
		m.Content.OfString = sdk.String(llm.Message{Parts: parts}.Text())
		return m, nil
	}
	for _, p := range parts {
		switch {
		case p.Text != "":
			m.Content.OfArrayOfContentParts = append(m.Content.OfArrayOfContentParts, sdk.TextContentPart(p.Text))
		case p.Image != nil:
			url, err := h.image(p.Image, field)
			if err != nil {
				return m, err
			}
			m.Content.OfArrayOfContentParts = append(m.Content.OfArrayOfContentParts,
				sdk.ImageContentPart(sdk.ChatCompletionContentPartImageImageURLParam{URL: url}))
		}
	}
	return m, nil
}

// images are the media types that OpenAI reads.
var images = []string{"image/png", "image/jpeg", "image/webp", "image/gif"}

// image is the URL of a picture: its own, or one that contains it.
func (h *history) image(i *llm.Image, field string) (string, error) {
	if i.URL != "" {
		for _, scheme := range []string{"https://", "http://", "data:"} {
			if strings.HasPrefix(strings.ToLower(i.URL), scheme) {
				return i.URL, nil
			}
		}
		return "", llm.Unsupported(field, "has an image at an address that is neither https, http nor data")
	}
	kind := strings.ToLower(i.Type)
	switch {
	case !strings.HasPrefix(kind, "image/") || strings.ContainsAny(kind, " ;,"):
		return "", llm.Invalid(&llm.RequestError{Field: field, Reason: "has an image whose Type is no media type of one"})
	case h.vendor == Vendor && !slices.Contains(images, kind):
		return "", llm.Unsupported(field, "has an image that is neither PNG, JPEG, WebP nor GIF")
	}
	return "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(i.Data), nil
}

// assistant adds a message of the assistant's. One with calls that follows
// calls is taken for more of the same turn.
func (h *history) assistant(m llm.Message, field string) error {
	text, calls := m.Text(), m.Calls()
	if text == "" && len(calls) == 0 {
		return nil // another vendor's thoughts, and nothing else
	}
	more := len(h.open) > 0 && len(calls) > 0 && len(h.later) == 0 && h.last() == h.calls
	if !more {
		if err := h.settled(); err != nil {
			return err
		}
		h.calls = &sdk.ChatCompletionAssistantMessageParam{}
		h.out = append(append(h.out, h.later...), sdk.ChatCompletionMessageParamUnion{OfAssistant: h.calls})
		h.later = nil
	}
	if text != "" {
		h.calls.Content.OfString = sdk.String(h.calls.Content.OfString.Value + text)
	}
	h.addCalls(m, field)
	return nil
}

// last is the last message, if it is the assistant's.
func (h *history) last() *sdk.ChatCompletionAssistantMessageParam {
	if len(h.out) == 0 {
		return nil
	}
	return h.out[len(h.out)-1].OfAssistant
}

// addCalls adds the calls of a message to the latest of the assistant's, and
// the reasoning that led to them.
func (h *history) addCalls(m llm.Message, field string) {
	for i, p := range m.Parts {
		if p.Call == nil {
			continue
		}
		args := string(p.Call.Args)
		if args == "" {
			args = "{}"
		}
		h.open = append(h.open, call{id: p.Call.ID, field: fmt.Sprintf("%s.Parts[%d].Call", field, i)})
		h.calls.ToolCalls = append(h.calls.ToolCalls, sdk.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &sdk.ChatCompletionMessageFunctionToolCallParam{
				ID: callID(p.Call.ID),
				Function: sdk.ChatCompletionMessageFunctionToolCallFunctionParam{
					Name: p.Call.Name, Arguments: args,
				},
			},
		})
	}
	if len(h.calls.ToolCalls) > 0 {
		h.reasoning(m)
	}
}

// reasoning gives a vendor its own reasoning back, in the field that it came
// in.
func (h *history) reasoning(m llm.Message) {
	fields := map[string]any{}
	for _, p := range m.Parts {
		var own opaque
		if p.Thinking == "" || p.Opaque == nil || json.Unmarshal(p.Opaque.Data, &own) != nil {
			continue
		}
		if slices.Contains(reasoningFields, own.Field) {
			before, _ := fields[own.Field].(string)
			fields[own.Field] = before + p.Thinking
		}
	}
	if len(fields) > 0 {
		h.calls.SetExtraFields(fields)
	}
}

// maxCallID is how long an id of a call may be.
const maxCallID = 40

// callID is the id of a call as it is sent: its own, or one made of it where
// another vendor's is too long or of other characters.
func callID(id string) string {
	plain := !strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' })
	if len(id) <= maxCallID && plain {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return "call_" + hex.EncodeToString(sum[:16])
}
