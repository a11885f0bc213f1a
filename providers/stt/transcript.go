package stt

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover"
)

// Transcript is what was said.
type Transcript struct {
	// Text is all of it. Empty if nothing was said.
	Text string
	// Segments are parts of the text in their order: sentences, utterances or
	// turns, as the vendor divides them. nil where it does not.
	Segments []Segment
	// Words are the words in their order, nil where the vendor does not tell
	// them.
	Words []Word

	// Language is the language spoken, as a BCP 47 tag: what the vendor heard,
	// or what the request said where the vendor does not tell. Empty where
	// neither is known.
	Language string
	// Duration is how long the audio plays, as the vendor counted, or the
	// request's PlayingTime where it does not say.
	Duration time.Duration
	// Confidence is how sure the vendor is of the text, from 0 to 1; 0 where it
	// does not say.
	Confidence float64

	// Provider is the name of the provider that served the request.
	Provider string
	// Model is the vendor's id of the model that listened.
	Model string
	// RequestID is the vendor's id of the request, for its support desk.
	RequestID string
}

// Segment is a part of a transcript.
type Segment struct {
	// Speaker tells the speakers of one transcript apart ("speaker_0"). Empty
	// where the vendor does not tell, or was not asked to.
	Speaker string
	// Start and End are times from the beginning of the audio.
	Start, End time.Duration
	// Text is what was said.
	Text string
}

// Word is one word of a transcript.
type Word struct {
	// Text is the word, with the punctuation that belongs to it.
	Text string
	// Start and End are times from the beginning of the audio.
	Start, End time.Duration
	// Confidence is how sure the vendor is, from 0 to 1; 0 where it does not
	// say.
	Confidence float64
	// Speaker is as in [Segment].
	Speaker string
}

// NewTranscript checks what a vendor delivered for req, as far as that can be
// told, and fills in what it leaves open: Duration. Adapters call it on
// everything they return. Its errors are failover.Error of class incomplete:
// the vendor said yes and did not deliver.
//
// It wants the words and the speakers that were asked for, of a text that is not
// empty; times that do not run backwards; and a Duration, where the vendor tells
// it, that is that of the audio: one that is shorter means that the vendor
// stopped listening, or took the samples for others than they are. A tenth and
// a second is let pass. An empty text is no error: see [NonEmpty].
func NewTranscript(req Request, heard *Transcript) (*Transcript, error) {
	if heard == nil {
		return nil, &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Err: failover.ErrEmpty}
	}
	t := *heard
	t.Text = strings.TrimSpace(t.Text)
	switch {
	case t.Text != "" && req.Words && len(t.Words) == 0:
		return nil, incomplete("has no words, which were asked for")
	case t.Text != "" && req.Diarize && !t.namesSpeakers():
		return nil, incomplete("names no speakers, which were asked for")
	case !isShare(t.Confidence) || slices.ContainsFunc(t.Words, func(w Word) bool { return !isShare(w.Confidence) }):
		return nil, incomplete("has a confidence that is none")
	case !t.inOrder():
		return nil, incomplete("has times that run backwards")
	}
	played, exact := req.Audio.playingTime(req.Format)
	if t.Duration > 0 && played > 0 {
		const slack = time.Second
		switch {
		case t.Duration+slack+played/10 < played:
			return nil, incomplete("is of %v of audio that plays %v", t.Duration.Round(time.Millisecond), played.Round(time.Millisecond))
		case exact && t.Duration > played+slack+played/10:
			return nil, incomplete("is of %v, and the audio plays %v", t.Duration.Round(time.Millisecond), played.Round(time.Millisecond))
		}
	}
	if t.Duration <= 0 {
		t.Duration = req.PlayingTime()
	}
	return &t, nil
}

func isShare(v float64) bool { return !math.IsNaN(v) && v >= 0 && v <= 1 }

func (t *Transcript) namesSpeakers() bool {
	return slices.ContainsFunc(t.Words, func(w Word) bool { return w.Speaker != "" }) ||
		slices.ContainsFunc(t.Segments, func(s Segment) bool { return s.Speaker != "" })
}

// inOrder says whether nothing ends before it begins, and words begin in their
// order. People talk over each other, so that one may begin before the one
// before it has ended.
func (t *Transcript) inOrder() bool {
	var last time.Duration
	for _, w := range t.Words {
		if w.Start < last || w.End < w.Start {
			return false
		}
		last = w.Start
	}
	return !slices.ContainsFunc(t.Segments, func(s Segment) bool { return s.Start < 0 || s.End < s.Start })
}
