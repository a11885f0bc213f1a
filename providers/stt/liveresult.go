package stt

import (
	"iter"
	"strings"
	"time"
)

// LiveResult is what a session has to tell. Its memory is the consumer's own.
//
// To show a session, keep the text of the final results, and after them that of
// the last result if it is not final: an interim result, even an empty one,
// takes the place of the interim before it, and a final one that of both.
type LiveResult struct {
	// Text is what was said between Start and End. Empty in an interim result
	// that takes back the one before it, at a gap, and where only an utterance
	// ended.
	Text string
	// Words are the words of Text with their times, nil where the vendor does
	// not tell them.
	Words []Word
	// Start and End are times from the beginning of the session's audio.
	Start, End time.Duration
	// Final says that the text stands and that none of it comes again.
	Final bool
	// EndOfSpeech says that an utterance is over: the speaker pauses.
	EndOfSpeech bool
	// Speaker tells the speakers of one connection apart ("speaker_0"). Empty
	// where the vendor does not tell, was not asked to, or several speak in one
	// result; then see Words.
	Speaker string
	// Language is the language spoken, as a BCP 47 tag: what the vendor heard,
	// or what the request said. Empty where neither is known.
	Language string
	// Confidence is how sure the vendor is of the text, from 0 to 1; 0 where it
	// does not say.
	Confidence float64
	// Provider is the name of the provider that listened.
	Provider string
	// Reset says that the connection broke off which the interim results since
	// the last final one came from: they are void, and come again from another.
	Reset bool
	// Gap is audio that nobody wrote down; nil in all other results.
	Gap *LiveGap
}

// LiveGap is audio that no provider wrote down: the session's buffer did not
// cover it when one failed. From and To are times from the beginning of the
// session's audio.
type LiveGap struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// interim says that a later result may take its place.
func (r *LiveResult) interim() bool { return !r.Final && r.Gap == nil }

// result is an event, with the session's times, as the consumer gets it. Before
// it, the audio up to from was written down.
func (s *Session) result(e *LiveEvent, from time.Duration) LiveResult {
	r := LiveResult{
		Text: e.Text, Words: e.Words, Start: e.Start, End: e.End, Final: e.Final, EndOfSpeech: e.EndOfSpeech,
		Speaker: e.Speaker, Language: e.Language, Confidence: e.Confidence, Provider: e.link.leg.p.Name,
	}
	if w, ok := e.last(); ok && r.End == 0 {
		r.Start, r.End = e.Words[0].Start, w.End
	} else if r.End == 0 {
		r.Start, r.End = from, s.tempo.span(e.link.sent) // somewhere there
	}
	if r.Language == "" {
		r.Language = s.req.Language
	}
	return r
}

// CollectLive ranges over the results of a session to their end and makes one
// transcript of the final ones, each of them a segment. Beside an error it
// returns what came before it.
func CollectLive(results iter.Seq2[LiveResult, error]) (*Transcript, error) {
	t := &Transcript{}
	var texts []string
	for r, err := range results {
		if err != nil {
			t.Text = strings.Join(texts, " ")
			return t, err
		}
		if !r.Final || r.Text == "" {
			continue
		}
		texts = append(texts, r.Text)
		t.Segments = append(t.Segments, Segment{Speaker: r.Speaker, Start: r.Start, End: r.End, Text: r.Text})
		t.Words = append(t.Words, r.Words...)
		t.Duration = max(t.Duration, r.End)
		if t.Language == "" {
			t.Language = r.Language
		}
		t.Provider = r.Provider
	}
	t.Text = strings.Join(texts, " ")
	return t, nil
}

// inbox is what waits for the consumer.
type inbox struct {
	waiting []LiveResult
	shown   bool // an interim with a text is the last that the consumer knows or will know
	spoke   bool // something was said
	paused  bool // the last final ended an utterance
}

// most is how many results may wait for the consumer before no more audio is
// sent: an hour of talk.
const mostWaiting = 1024

func (b *inbox) full() bool { return len(b.waiting) >= mostWaiting }

// add puts a result at the end. What waits there and is no longer of interest
// makes room for it.
func (b *inbox) add(r LiveResult) {
	if n := len(b.waiting); n > 0 && b.waiting[n-1].interim() {
		r.Reset = r.Reset || b.waiting[n-1].Reset && !r.Final
		b.waiting = b.waiting[:n-1]
	}
	b.shown = r.interim() && r.Text != "" || r.Gap != nil && b.shown
	b.waiting = append(b.waiting, r)
}

// take removes the first result.
func (b *inbox) take() (LiveResult, bool) {
	if len(b.waiting) == 0 {
		return LiveResult{}, false
	}
	r := b.waiting[0]
	b.waiting[0] = LiveResult{}
	if b.waiting = b.waiting[1:]; len(b.waiting) == 0 {
		b.waiting = nil
	}
	return r, true
}
