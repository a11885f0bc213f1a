package llm

import "time"

// Finish is why an answer ended.
type Finish string

// The reasons to finish.
const (
	FinishStop    Finish = "stop"       // it was done, or met a text of Stop
	FinishLength  Finish = "length"     // MaxTokens, or the context, was full
	FinishCalls   Finish = "tool_calls" // it wants tools called
	FinishRefused Finish = "refused"    // the model or a filter would not go on
	FinishOther   Finish = "other"      // the vendor's own reason
)

// Response is an answer, whole.
type Response struct {
	// Message is what the assistant said. Append it to the conversation.
	Message Message `json:"message"`
	// Finish is why it ended. FinishLength is an answer that was cut because
	// the request allowed no more.
	Finish Finish `json:"finish"`
	// Usage is what the vendor counted.
	Usage Usage `json:"usage"`
	// Model is the vendor's id of the model that answered.
	Model string `json:"model"`
	// Provider is the name of the provider that answered.
	Provider string `json:"provider"`
	// RequestID is the vendor's id of the request, for its support desk.
	RequestID string `json:"request_id,omitzero"`
	// Prompt is the version of the prompt that was used, where the request
	// named one.
	Prompt string `json:"prompt,omitzero"`
	// Cost is what the usage costs by the table of the provider's prices;
	// Priced says that there was a price. A streamed answer that one provider
	// began and another went on with has none: Usage is the last one's.
	Cost   float64 `json:"cost,omitzero"`
	Priced bool    `json:"priced,omitzero"`
	// Duration is how long it took.
	Duration time.Duration `json:"duration"`
}

// Text is the answer's text.
func (r *Response) Text() string { return r.Message.Text() }

// Calls are the tools that the model wants called.
func (r *Response) Calls() []ToolCall { return r.Message.Calls() }

// Empty says whether there is neither text nor a call. A router takes an empty
// answer for none and asks the next provider.
func (r *Response) Empty() bool {
	if r == nil {
		return true
	}
	for _, p := range r.Message.Parts {
		if p.Text != "" || p.Call != nil {
			return false
		}
	}
	return true
}

// Usage counts tokens.
type Usage struct {
	// Input is all that was read, Cached the part of it that the vendor had
	// kept and charges less for, CacheWrite the part that it kept now.
	Input      int `json:"input"`
	Cached     int `json:"cached,omitzero"`
	CacheWrite int `json:"cache_write,omitzero"`
	// Output is all that was written, Reasoning the part of it that was
	// thought.
	Output    int `json:"output"`
	Reasoning int `json:"reasoning,omitzero"`
}

// Add sums up the usage of the parts of an answer.
func (u Usage) Add(v Usage) Usage {
	return Usage{
		Input: u.Input + v.Input, Cached: u.Cached + v.Cached, CacheWrite: u.CacheWrite + v.CacheWrite,
		Output: u.Output + v.Output, Reasoning: u.Reasoning + v.Reasoning,
	}
}
