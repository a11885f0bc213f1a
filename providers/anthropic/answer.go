package anthropic

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"unicode"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// answer makes a portable answer, or an error of one that is none.
func (c *Client) answer(meta *sdkcall.Meta, m *sdk.Message, resumed bool) (*llm.Response, error) {
	switch {
	case meta.Status() >= http.StatusMultipleChoices:
		return nil, meta.Refusal(readError) // a redirect that was not followed
	case m == nil:
		return nil, incomplete(meta, errEmpty)
	case m.StopReason == "":
		return nil, unfinished(meta, m)
	}
	r := &llm.Response{
		Message:  llm.Message{Role: llm.RoleAssistant},
		Usage:    usage(m.Usage),
		Model:    m.Model,
		Provider: c.name, RequestID: requestID(meta),
	}
	lead := trim{on: resumed}
	for i := range m.Content {
		if i == len(m.Content)-1 && cutCall(m.StopReason, m.Content[i].Type) {
			return nil, noRoom(meta, m.StopReason)
		}
		part, err := partOf(&m.Content[i])
		if err != nil {
			return nil, incomplete(meta, err)
		}
		part.Text = lead.cut(part.Text)
		if part.Text != "" || part.Call != nil || part.Opaque != nil {
			r.Message.Parts = append(r.Message.Parts, part)
		}
	}
	var err error
	r.Finish, err = finish(meta, m.StopReason, m.StopDetails, r.Empty())
	return r, err
}

// unfinished is an answer that does not say why it ended: part of one, or an
// error under a good status, as gateways send it.
func unfinished(meta *sdkcall.Meta, m *sdk.Message) error {
	if said := readError([]byte(m.RawJSON())); said.Class != failover.ClassUnknown {
		return httpcall.Refusal(response(meta), said)
	}
	return incomplete(meta, errNoReason)
}

// partOf makes a part of a block. Blocks that only the vendor's own tools make
// are left out: nobody asked for them.
func partOf(b *sdk.ContentBlockUnion) (llm.Part, error) {
	switch b.Type {
	case "text":
		return llm.Part{Text: b.Text}, nil
	case "tool_use":
		return callPart(b.ID, b.Name, b.Input)
	case kindThinking:
		return opaque(opaqueBlock{Type: b.Type, Thinking: b.Thinking, Signature: b.Signature}), nil
	case kindRedacted:
		return opaque(opaqueBlock{Type: b.Type, Data: b.Data}), nil
	}
	return llm.Part{}, nil
}

// cutCall says whether a block that an answer ends with is a call that the end
// cut off: its arguments come as none then.
func cutCall(reason sdk.StopReason, kind string) bool {
	return kind == "tool_use" && (reason == sdk.StopReasonMaxTokens ||
		reason == sdk.StopReasonModelContextWindowExceeded || reason == sdk.StopReasonRefusal)
}

// noRoom is an answer whose last call was cut off: nobody's fault.
func noRoom(meta *sdkcall.Meta, reason sdk.StopReason) error {
	return httpcall.Refusal(response(meta), httpcall.Envelope{Code: string(reason), Class: failover.ClassUnsupported})
}

func callPart(id, name string, args json.RawMessage) (llm.Part, error) {
	args = bytes.TrimSpace(args)
	switch {
	case len(args) == 0:
		args = json.RawMessage("{}")
	case args[0] != '{' || !json.Valid(args):
		return llm.Part{}, errArguments
	}
	if id == "" { // of a gateway: the result needs one
		id = "toolu_" + rand.Text()
	}
	return llm.Part{Call: &llm.ToolCall{ID: id, Name: name, Args: args}}, nil
}

// finish is why an answer ended. One that ended without having said anything is
// an error.
func finish(meta *sdkcall.Meta, reason sdk.StopReason, details sdk.RefusalStopDetails, empty bool) (llm.Finish, error) {
	if empty {
		return "", nothing(meta, reason, details)
	}
	switch reason {
	case sdk.StopReasonEndTurn, sdk.StopReasonStopSequence:
		return llm.FinishStop, nil
	case sdk.StopReasonMaxTokens, sdk.StopReasonModelContextWindowExceeded:
		return llm.FinishLength, nil
	case sdk.StopReasonToolUse:
		return llm.FinishCalls, nil
	case sdk.StopReasonRefusal:
		return llm.FinishRefused, nil
	case sdk.StopReasonPauseTurn:
	}
	return llm.FinishOther, nil
}

// nothing is the error of an empty answer.
func nothing(meta *sdkcall.Meta, reason sdk.StopReason, details sdk.RefusalStopDetails) error {
	said := httpcall.Envelope{Code: string(reason)}
	switch reason {
	case sdk.StopReasonRefusal:
		said.Class, said.Message = failover.ClassFiltered, details.Explanation
	case sdk.StopReasonModelContextWindowExceeded, sdk.StopReasonMaxTokens:
		// There was no room, or all of it went into thoughts: nobody's fault.
		said.Class = failover.ClassUnsupported
	default:
		return incomplete(meta, errEmpty)
	}
	return httpcall.Refusal(response(meta), said)
}

// usage counts tokens: the vendor's input is what it neither read from its cache
// nor wrote to it.
func usage(u sdk.Usage) llm.Usage {
	return llm.Usage{
		Input:      int(u.InputTokens + u.CacheReadInputTokens + u.CacheCreationInputTokens),
		Cached:     int(u.CacheReadInputTokens),
		CacheWrite: int(u.CacheCreationInputTokens),
		Output:     int(u.OutputTokens),
		Reasoning:  int(u.OutputTokensDetails.ThinkingTokens),
	}
}

func requestID(meta *sdkcall.Meta) string { return failover.HTTPError(response(meta)).RequestID }

// trim takes white space off the beginning of an answer.
type trim struct{ on bool }

// cut is what is left of the next text.
func (t *trim) cut(text string) string {
	if !t.on {
		return text
	}
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	t.on = text == ""
	return text
}
