package llm

import (
	"slices"
	"strings"
	"unicode"
)

// Continue makes a request for the rest of an answer that broke off: what was
// delivered of its text becomes a prefill, the assistant's last message, after
// which the next provider goes on. It is the StreamProvider.Continue of a
// [Client] and used under failover.WithInterrupted(failover.Continue), where
// the model's table says that it can prefill.
//
// It returns false once a tool call was begun: half a call cannot be resumed,
// and a whole one is acted upon. It does so too for answers in JSON, whose
// halves need not fit together, and while no text was delivered.
func Continue(req Request, got []Chunk) (Request, bool) {
	if req.Format.structured() {
		return Request{}, false
	}
	var text strings.Builder
	for _, c := range got {
		switch {
		case c.Restart:
			text.Reset()
		case c.Call != nil, c.IsCall():
			return Request{}, false
		default:
			text.WriteString(c.Text)
		}
	}
	said := text.String()
	// Vendors refuse a prefill that ends in white space, and models begin with
	// their own.
	prefill := strings.TrimRightFunc(said, unicode.IsSpace)
	if prefill == "" {
		return Request{}, false
	}
	if before, ok := req.Prefill(); ok {
		req.Messages = req.Messages[:len(req.Messages)-1]
		prefill = before + prefill
	}
	req.Messages = append(slices.Clip(req.Messages), Assistant(prefill))
	req.trimmed = len(said) > len(strings.TrimRightFunc(said, unicode.IsSpace))
	return req, true
}

// Resumed says whether the answer must not begin with white space, because the
// text that it goes on after had ended in some.
func (r Request) Resumed() bool { return r.trimmed }
