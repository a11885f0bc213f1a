package google

import (
	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/llm"
)

// answerError is a fault of what the SDK gave, safe to print.
type answerError string

func (e answerError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e answerError) SafeToPrint() {}

// Faults of answers, and of there being none.
const (
	errEmpty   = answerError("the answer is empty")
	errUnended = answerError("the answer has no end")
	errBadCall = answerError("the answer calls a tool in a way that cannot be read")
	errUnsent  = answerError("the SDK did not send the request")
	errForm    = answerError("the answer is of an unknown form")
)

// meaning is what a reason to finish means for an answer that has something in
// it. One that nobody knows may be newer than the SDK.
func meaning(reason genai.FinishReason) llm.Finish {
	switch reason {
	case genai.FinishReasonStop:
		return llm.FinishStop
	case genai.FinishReasonMaxTokens:
		return llm.FinishLength
	case genai.FinishReasonSafety, genai.FinishReasonRecitation, genai.FinishReasonBlocklist,
		genai.FinishReasonProhibitedContent, genai.FinishReasonSPII, genai.FinishReasonImageSafety,
		genai.FinishReasonImageProhibitedContent, genai.FinishReasonImageRecitation, "MODEL_ARMOR":
		return llm.FinishRefused
	default:
		return llm.FinishOther
	}
}

// lostCall says whether an answer ended because a tool call in it was none.
func lostCall(reason genai.FinishReason) bool {
	return reason == genai.FinishReasonMalformedFunctionCall || reason == genai.FinishReasonUnexpectedToolCall ||
		reason == "MALFORMED_RESPONSE"
}

// answer is what is known of an answer as it comes, whole or in pieces.
type answer struct {
	seen    *call
	emitter emitter
	last    *genai.Candidate // the one that ended it
	usage   llm.Usage
	model   string
	id      string
}

func newAnswer(seen *call, t *task) *answer {
	return &answer{seen: seen, model: t.model, emitter: emitter{trim: trimmer(t.resumed)}}
}

// add takes in the next of the answer and gives its chunks to yield. It stops
// when yield returns false, or with an error.
func (a *answer) add(resp *genai.GenerateContentResponse, yield func(llm.Chunk) bool) (more bool, err error) {
	a.note(resp)
	candidate := first(resp)
	if candidate == nil {
		return true, a.blocked(resp)
	}
	if ended(candidate.FinishReason) {
		a.last = candidate
	}
	if candidate.Content == nil {
		return true, nil
	}
	for _, part := range candidate.Content.Parts {
		if part != nil && part.FunctionCall != nil && part.FunctionCall.Name == "" {
			return false, a.seen.incomplete("", errBadCall)
		}
		if !a.emitter.add(part, yield) {
			return false, nil
		}
	}
	return true, nil
}

// note keeps what is told beside the answer. The usage is that of all until
// now.
func (a *answer) note(resp *genai.GenerateContentResponse) {
	if u := resp.UsageMetadata; u != nil {
		a.usage = llm.Usage{
			Input:     int(u.PromptTokenCount) + int(u.ToolUsePromptTokenCount),
			Cached:    int(u.CachedContentTokenCount),
			Output:    int(u.CandidatesTokenCount) + int(u.ThoughtsTokenCount),
			Reasoning: int(u.ThoughtsTokenCount),
		}
	}
	if resp.ModelVersion != "" {
		a.model = resp.ModelVersion
	}
	if id := httpcall.Token(resp.ResponseID); id != "" {
		a.id = id
	}
}

// end is the chunk that ends the answer, or the error that its end means.
func (a *answer) end() (llm.Chunk, error) {
	finish, err := a.finish()
	if err != nil {
		return llm.Chunk{}, err
	}
	return llm.Chunk{Summary: &llm.Summary{Finish: finish, Usage: a.usage, Model: a.model, RequestID: a.id}}, nil
}

func (a *answer) finish() (llm.Finish, error) {
	if a.last == nil {
		return "", a.seen.incomplete("", errUnended)
	}
	reason, empty := a.last.FinishReason, !a.emitter.content
	finish := meaning(reason)
	switch {
	case lostCall(reason):
		return "", a.seen.incomplete(string(reason), errBadCall)
	case empty && finish == llm.FinishRefused:
		return "", a.seen.refused(spoken(failover.ClassFiltered, string(reason), a.last.FinishMessage))
	case empty && reason == genai.FinishReasonLanguage:
		return "", a.seen.refused(spoken(failover.ClassUnsupported, string(reason), a.last.FinishMessage))
	case empty && finish == llm.FinishLength:
		// There was no room, or all of it went into thoughts: nobody's fault.
		return "", a.seen.refused(spoken(failover.ClassUnsupported, string(reason), a.last.FinishMessage))
	case empty:
		return "", a.seen.incomplete(string(reason), errEmpty)
	case a.emitter.calls > 0 && finish == llm.FinishStop:
		return llm.FinishCalls, nil
	}
	return finish, nil
}

// blocked is the error of a prompt that a filter took away; nil if none did.
func (a *answer) blocked(resp *genai.GenerateContentResponse) error {
	if f := resp.PromptFeedback; f != nil && f.BlockReason != "" {
		return a.seen.refused(spoken(failover.ClassFiltered, string(f.BlockReason), f.BlockReasonMessage))
	}
	return nil
}

// first is the candidate that is the answer; nil if there is none. No more than
// one is asked for.
func first(resp *genai.GenerateContentResponse) *genai.Candidate {
	if len(resp.Candidates) == 0 {
		return nil
	}
	return resp.Candidates[0]
}

// ended says whether a reason to finish is one.
func ended(reason genai.FinishReason) bool {
	return reason != "" && reason != genai.FinishReasonUnspecified && reason != genai.FinishReasonContinuation
}
