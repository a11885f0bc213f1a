package stt

import (
	"context"
	"time"
)

// LiveConn is a connection to a vendor that listens. The session calls Receive
// from one goroutine, Send, Flush and Finish from a second, KeepAlive from a
// third, and Close when the others may as well return. All but Close end when
// their context does, or when Close is called, with an error.
//
// Errors should be failover.Error values: their class decides what the router
// makes of it.
type LiveConn interface {
	// Send gives the vendor audio in the request's format, whole samples of
	// all channels, never none. It must not keep or change it.
	Send(ctx context.Context, audio []byte) error
	// Receive waits for what the vendor says next. After Finish, when the
	// vendor has said all, it returns io.EOF; before it, an end in good order
	// is an error too: [ErrLiveExpired] if the vendor's time for one connection
	// was over.
	Receive(ctx context.Context) (LiveEvent, error)
	// Flush asks for a final result of what was sent so far. An empty one is an
	// answer too.
	Flush(ctx context.Context) error
	// KeepAlive is called every four seconds. It keeps the connection open when
	// no audio is sent, and should find out whether the vendor is still there:
	// its context ends after LiveRequest.Quiet.
	KeepAlive(ctx context.Context) error
	// Finish says that there is no more audio. Receive goes on until io.EOF.
	Finish(ctx context.Context) error
	// Close ends the connection, within a second, and releases what it holds.
	// After io.EOF it says goodbye as the vendor wants it.
	Close() error
}

// LiveEvent is what a vendor says on a [LiveConn]. All its times are those of
// the connection: they begin with the first audio that was sent on it.
type LiveEvent struct {
	// Text is the transcript of the audio from Start to End. Empty says that it
	// was heard, and that there were no words.
	Text string
	// Words are the words of Text in their order, nil where the vendor does not
	// tell them with their times.
	Words []Word
	// Start and End say which audio this is about. End 0: the vendor does not
	// tell; then it is about audio up to the end of its last word, or without
	// words all that was sent. Where it does tell, a final that it leaves out
	// shows, and the audio is transcribed again; where it does not, nobody can
	// know.
	Start, End time.Duration
	// Final says that it stands. Otherwise it takes the place of the one before
	// it.
	Final bool
	// EndOfSpeech says that an utterance is over: the speaker pauses.
	EndOfSpeech bool
	// Speaker, Language and Confidence are as in [LiveResult].
	Speaker    string
	Language   string
	Confidence float64
	// Model and RequestID are what the vendor says of the connection; either
	// may come with any event.
	Model, RequestID string

	kind eventKind
	link *link // that it came on
}

type eventKind uint8

const (
	eventSaid  eventKind = iota
	eventStood           // nothing was said, and nothing had to be
	eventEnd             // all was said
)

// last is the last word; false without words.
func (e *LiveEvent) last() (Word, bool) {
	if len(e.Words) == 0 {
		return Word{}, false
	}
	return e.Words[len(e.Words)-1], true
}

// shift moves all times by what to says. It does not touch the Words it was
// given.
func (e *LiveEvent) shift(to func(time.Duration) time.Duration) {
	if e.End > 0 {
		e.Start, e.End = to(e.Start), to(e.End)
	}
	words := make([]Word, len(e.Words))
	for i, w := range e.Words {
		w.Start, w.End = to(w.Start), to(w.End)
		words[i] = w
	}
	if len(words) > 0 {
		e.Words = words
	}
}

// reach is the latest time that the event tells.
func (e *LiveEvent) reach() time.Duration {
	w, _ := e.last()
	return max(e.End, w.End)
}

// upTo bounds all times: vendors round theirs. Its Words are the event's own
// since shift.
func (e *LiveEvent) upTo(most time.Duration) {
	e.Start, e.End = min(e.Start, most), min(e.End, most)
	for i := range e.Words {
		w := &e.Words[i]
		w.Start, w.End = min(w.Start, most), min(w.End, most)
	}
}
