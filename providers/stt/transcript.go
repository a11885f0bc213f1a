package stt

import "time"

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
