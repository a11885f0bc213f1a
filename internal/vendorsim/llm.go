package vendorsim

import "encoding/json"

// LLMRequest is what a language model was asked, whichever vendor's: what a
// test wants to know is what the model was told, not how its vendor spells it.
type LLMRequest struct {
	// Number counts the requests that were good enough to be answered, from 1.
	Number int
	// Model is the vendor's name for it.
	Model  string
	System string
	// Messages are those of user and assistant, in the order sent. Results of
	// tools are part of the user's.
	Messages []LLMMessage
	// Prefill is the beginning of the answer, where the vendor continues one.
	// It is not among the Messages.
	Prefill string
	Tools   []LLMTool
	// ToolChoice is "" or "auto", "none", "required", or the name of a tool.
	ToolChoice string
	// JSON says that the answer is to be JSON; of this Schema, if there is one.
	JSON   bool
	Schema json.RawMessage
	// Limits are zero when the request has none.
	MaxTokens   int
	Temperature *float64
	Stop        []string
	Seed        *int64
	// Thinking says that the model's thoughts are to be shown.
	Thinking bool
	Stream   bool
}

// LLMMessage is one message of a conversation.
type LLMMessage struct {
	// Role is "user" or "assistant".
	Role    string
	Text    string
	Images  []LLMImage
	Calls   []LLMCall
	Results []LLMResult
	// Thinking is a thought of the model that came back to it.
	Thinking string
}

// LLMImage is an image by value or by address.
type LLMImage struct {
	MediaType string
	Data      []byte
	URL       string
}

// LLMTool is a tool that the model may call.
type LLMTool struct {
	Name        string
	Description string
	Schema      json.RawMessage
}

// LLMCall is a call of a tool.
type LLMCall struct {
	// ID is made up, where the vendor has one, for a call of a [Script] that
	// has none.
	ID   string
	Name string
	// Arguments are JSON, or what a model that errs says instead.
	Arguments string
	// Signed says of a call sent to Google that it had a signature.
	Signed bool
}

// LLMResult is what a tool answered.
type LLMResult struct {
	// ID and Name are those that the vendor has: one of them may be empty.
	ID     string
	Name   string
	Text   string
	Failed bool
}

// Reasons to finish that every vendor has a word for. Any other is sent as it
// is.
const (
	FinishStop          = "stop"
	FinishLength        = "length"
	FinishCalls         = "tool_calls"
	FinishContentFilter = "content_filter"
)

// LLMAnswer is what the model says. The zero answer is an empty one.
type LLMAnswer struct {
	Text string
	// Thinking is shown by Anthropic and Google; OpenAI only counts it.
	Thinking string
	Calls    []LLMCall
	// Finish is found out if it is empty.
	Finish string
	// StopSequence is the one of the request's that ended the answer.
	StopSequence string
	// Refusal is the model's own no: a field at OpenAI, a reason to stop at
	// Anthropic, and just text at Google.
	Refusal string
	// Blocked is the reason why there is no answer: promptFeedback at Google,
	// content_filter with nothing before it at the others.
	Blocked string
	// NoChoices leaves out the list of answers, where the vendor has a list.
	NoChoices bool
	// Usage is counted where it is zero.
	Usage LLMUsage
	// Status of 400 and more refuses, with the vendor's Code.
	Status int
	Code   string
}

// LLMUsage counts tokens.
type LLMUsage struct {
	Input  int // all of the request
	Output int // all of the answer
	Cached int // of the input
	// Reasoning is the part of the output that is thought and not said.
	Reasoning int
}

// last is the last message, or none.
func (r LLMRequest) last() LLMMessage {
	if len(r.Messages) == 0 {
		return LLMMessage{}
	}
	return r.Messages[len(r.Messages)-1]
}

// calls counts the calls so far: the number of the next one is its id.
func (r LLMRequest) calls() int {
	n := 0
	for _, m := range r.Messages {
		n += len(m.Calls)
	}
	return n
}

// imageTokens is what an image costs.
const imageTokens = 85

// tokens of a text are four characters each, which is near enough for English.
func tokens(texts ...string) int {
	n := 0
	for _, s := range texts {
		n += (len([]rune(s)) + 3) / 4
	}
	return n
}

// tokens are those of the whole request: what a message costs beside its
// parts is three.
func (r LLMRequest) tokens() int {
	n := tokens(r.System, r.Prefill, string(r.Schema))
	for _, t := range r.Tools {
		n += tokens(t.Name, t.Description, string(t.Schema))
	}
	for _, m := range r.Messages {
		n += 3 + tokens(m.Text, m.Thinking) + imageTokens*len(m.Images)
		for _, c := range m.Calls {
			n += tokens(c.Name, c.Arguments)
		}
		for _, result := range m.Results {
			n += tokens(result.Text)
		}
	}
	return n
}

// tokens are those of the answer, and of what was thought for it.
func (a LLMAnswer) tokens() (all, thought int) {
	thought = tokens(a.Thinking)
	all = thought + tokens(a.Text, a.Refusal)
	for _, c := range a.Calls {
		all += tokens(c.Name, c.Arguments)
	}
	return all, thought
}
