package llm

import (
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover"
)

// Chunk is one item of a streamed answer: a piece of text or of a thought, a
// part that is complete, the marker of a restart, or the end. What comes before
// the first text or complete call, thoughts and pieces of calls, a [Client]
// holds until then, so that a failure can still be hidden.
type Chunk struct {
	// Text is what comes next of the answer.
	Text string
	// Thinking is what comes next of the reasoning, where the model lets it be
	// seen.
	Thinking string
	// Call is what comes next of a tool call, for those who show it while it
	// is written. Act on Done.
	Call *CallDelta
	// Done is a part that is complete: a tool call, or a thought or a text with
	// what its vendor wants back. It takes the place of the pieces of its kind
	// that came since the part before.
	Done *Part
	// Restart marks that everything before it is to be discarded: the answer
	// comes from its beginning again. It only comes under failover.Restart.
	Restart bool
	// Summary is set in the last item, and in no other.
	Summary *Summary
}

// CallDelta is a piece of a tool call.
type CallDelta struct {
	// Index counts the calls of the answer from 0.
	Index int
	// ID and Name are set in the first piece.
	ID, Name string
	// Args is what comes next of the arguments, a piece of JSON.
	Args string
}

// Summary is what is known of a streamed answer at its end; see [Response].
type Summary struct {
	Finish    Finish
	Usage     Usage
	Model     string
	Provider  string
	RequestID string
	Prompt    string
	Cost      float64
	Priced    bool
	Duration  time.Duration
}

// IsContent says whether a chunk carries output: text, or a call that is
// complete. It is the StreamProvider.Content of an answer.
func (c Chunk) IsContent() bool {
	return c.Text != "" || c.Done != nil && (c.Done.Call != nil || c.Done.Text != "")
}

// IsProgress says whether a chunk shows that the model is at work: it thinks,
// or writes a call.
func (c Chunk) IsProgress() bool {
	return c.Thinking != "" || c.Call != nil || c.Done != nil && c.Done.Thinking != ""
}

// IsFinal says whether a chunk is the end of the answer.
func (c Chunk) IsFinal() bool { return c.Summary != nil }

// IsCall says whether a chunk is a complete tool call, on which the consumer
// may act at once, so that no restart can take it back.
func (c Chunk) IsCall() bool { return c.Done != nil && c.Done.Call != nil }

func restarted() Chunk { return Chunk{Restart: true} }

// Collector puts the chunks of a stream together to the answer that Complete
// would have given, restarts and continuations included. The zero Collector is
// ready. It is not safe for concurrent use.
type Collector struct {
	parts    []Part
	text     strings.Builder
	thinking strings.Builder
	summary  Summary
	ended    bool
}

// Add takes in the next chunk.
func (c *Collector) Add(chunk Chunk) {
	if chunk.Restart {
		*c = Collector{}
		return
	}
	if chunk.Text != "" {
		c.closeThought()
		c.text.WriteString(chunk.Text)
	}
	if chunk.Thinking != "" {
		c.closeText()
		c.thinking.WriteString(chunk.Thinking)
	}
	if chunk.Done != nil {
		c.done(*chunk.Done)
	}
	if chunk.Summary != nil {
		c.summary, c.ended = *chunk.Summary, true
	}
}

// done puts a complete part in the place of its pieces. A text may have had a
// beginning at another vendor, which this one went on after: it stays.
func (c *Collector) done(p Part) {
	switch {
	case p.Thinking != "":
		c.thinking.Reset()
	case p.Text != "":
		before, ends := strings.CutSuffix(c.text.String(), p.Text)
		c.text.Reset()
		if ends {
			c.text.WriteString(before)
		}
	}
	c.closeThought()
	c.closeText()
	c.parts = append(c.parts, p)
}

func (c *Collector) closeText() {
	if c.text.Len() > 0 {
		c.parts = append(c.parts, Part{Text: c.text.String()})
		c.text.Reset()
	}
}

func (c *Collector) closeThought() {
	if c.thinking.Len() > 0 {
		c.parts = append(c.parts, Part{Thinking: c.thinking.String()})
		c.thinking.Reset()
	}
}

// Response is the answer so far. It is whole once the chunk with the Summary
// was added. It can be asked for at any time.
func (c *Collector) Response() *Response {
	parts := slices.Clone(c.parts)
	if c.thinking.Len() > 0 {
		parts = append(parts, Part{Thinking: c.thinking.String()})
	}
	if c.text.Len() > 0 {
		parts = append(parts, Part{Text: c.text.String()})
	}
	s := c.summary
	return &Response{
		Message: Message{Role: RoleAssistant, Parts: parts}, Finish: s.Finish, Usage: s.Usage, Model: s.Model,
		Provider: s.Provider, RequestID: s.RequestID, Prompt: s.Prompt, Cost: s.Cost, Priced: s.Priced, Duration: s.Duration,
	}
}

// Collect reads a stream to its end and returns the answer. With an error it
// returns what had come until then; a stream that ends without a Summary is one,
// of class incomplete.
func Collect(stream failover.Stream[Chunk]) (*Response, error) {
	var c Collector
	for chunk, err := range stream {
		if err != nil {
			return c.Response(), err
		}
		c.Add(chunk)
	}
	if !c.ended {
		return c.Response(), &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrTruncated}
	}
	return c.Response(), nil
}
