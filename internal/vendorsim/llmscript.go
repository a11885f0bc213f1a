package vendorsim

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Script is what a model says to a request. It is called for one request at a
// time, when the request is answered and not refused by the vendor's checks.
type Script func(LLMRequest) LLMAnswer

// Answers gives answers in turn, then those of [Echo].
func Answers(answers ...LLMAnswer) Script {
	return func(r LLMRequest) LLMAnswer {
		if len(answers) == 0 {
			return Echo(r)
		}
		a := answers[0]
		answers = answers[1:]
		return a
	}
}

// Echo is the [Script] of a server that was given no other. It says the same
// whichever vendor it speaks for:
//
//   - with tools, and a last message of the user's own, it calls the first one,
//     or the one that must be called
//   - with results of tools, it tells them
//   - it answers with JSON of the schema that is asked for
//   - otherwise with a few sentences about what it was told; of a prefill that
//     began with these it gives the rest
func Echo(r LLMRequest) LLMAnswer {
	var a LLMAnswer
	if r.Thinking {
		a.Thinking = "The user wants an answer, so I give one."
	}
	last := r.last()
	tool, ok := r.tool()
	switch {
	case ok && len(last.Results) == 0 && r.Prefill == "":
		a.Calls = []LLMCall{{Name: tool.Name, Arguments: string(Sample(tool.Schema))}}
	case r.JSON:
		a.Text = strings.TrimPrefix(string(Sample(r.Schema)), r.Prefill)
	case r.Prefill != "":
		a.Text = continued(sentences(r), r.Prefill)
	default:
		a.Text = sentences(r)
	}
	return a
}

// tool is the one to call, if any.
func (r LLMRequest) tool() (LLMTool, bool) {
	if len(r.Tools) == 0 || r.ToolChoice == "none" {
		return LLMTool{}, false
	}
	for _, t := range r.Tools {
		if t.Name == r.ToolChoice {
			return t, true
		}
	}
	return r.Tools[0], true
}

// sentences say what the model was told.
func sentences(r LLMRequest) string {
	var b strings.Builder
	last := r.last()
	for _, result := range last.Results {
		what := "said"
		if result.Failed {
			what = "failed with"
		}
		fmt.Fprintf(&b, "The tool %s: %s ", what, ended(result.Text))
	}
	if last.Text != "" {
		fmt.Fprintf(&b, "You said: %s ", ended(last.Text))
	}
	for i, m := range last.Images {
		fmt.Fprintf(&b, "Image %d is %s. ", i+1, m.kind())
	}
	fmt.Fprintf(&b, "That was message %d of our conversation. I have nothing to add to it.", len(r.Messages))
	return b.String()
}

// ended is a sentence.
func ended(text string) string {
	if strings.HasSuffix(text, ".") || strings.HasSuffix(text, "?") || strings.HasSuffix(text, "!") {
		return text
	}
	return text + "."
}

func (m LLMImage) kind() string {
	if m.URL != "" {
		return "at " + m.URL
	}
	return fmt.Sprintf("%d bytes of %s", len(m.Data), m.MediaType)
}

// continued is what is left of the text after its beginning, or all of it
// after another beginning.
func continued(text, prefill string) string {
	if rest, ok := strings.CutPrefix(text, prefill); ok {
		return rest
	}
	return " " + text
}

// settle makes an answer as the vendors give it, with what the script left
// out: it ends at a stop sequence and at the limit, has its reason to finish
// and its tokens.
func settle(r LLMRequest, a LLMAnswer) LLMAnswer {
	for _, stop := range r.Stop {
		if before, _, found := strings.Cut(a.Text, stop); found && stop != "" {
			a.Text, a.StopSequence, a.Calls = before, stop, nil
		}
	}
	if most := 4 * r.MaxTokens; r.MaxTokens > 0 && len([]rune(a.Text)) > most {
		a.Text, a.Calls, a.StopSequence = string([]rune(a.Text)[:most]), nil, ""
		a.finish(FinishLength)
	}
	switch {
	case a.Blocked != "":
		a.Text, a.Thinking, a.Calls = "", "", nil
		a.finish(FinishContentFilter)
	case len(a.Calls) > 0:
		a.finish(FinishCalls)
	default:
		a.finish(FinishStop)
	}
	all, thought := a.tokens()
	a.Usage.Input = either(a.Usage.Input, r.tokens())
	a.Usage.Output = either(a.Usage.Output, all-thought+either(a.Usage.Reasoning, thought))
	a.Usage.Reasoning = either(a.Usage.Reasoning, thought)
	return a
}

// finish sets the reason unless the script did.
func (a *LLMAnswer) finish(reason string) {
	if a.Finish == "" {
		a.Finish = reason
	}
}

// either is n, or other if n is zero.
func either(n, other int) int {
	if n != 0 {
		return n
	}
	return other
}

// pieces are a text in the parts in which a model makes it: words, and of long
// ones no more than 16 characters at a time.
func pieces(text string) []string {
	var all []string
	for word := range strings.SplitAfterSeq(text, " ") {
		for part := []rune(word); len(part) > 0; {
			n := min(16, len(part))
			all = append(all, string(part[:n]))
			part = part[n:]
		}
	}
	return all
}

// fragments are the arguments of a call in parts: two at least, so that a
// stream can break between them.
func fragments(arguments string) []string {
	half := max(1, min(12, len([]rune(arguments))/2))
	var all []string
	for rest := []rune(arguments); len(rest) > 0; {
		n := min(half, len(rest))
		all = append(all, string(rest[:n]))
		rest = rest[n:]
	}
	return all
}

// parsed is JSON as a value, and nil if it is none.
func parsed(text string) any {
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return nil
	}
	return v
}
