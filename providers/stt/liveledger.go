package stt

import (
	"strings"
	"time"
	"unicode"
)

// ledger is what a session has written down for good. It decides what of an
// event is new, and where the audio for another provider has to begin. All
// times are those of the session.
type ledger struct {
	settled time.Duration // the audio before it is written down
	cut     time.Duration // where the last word that stands ends
	word    time.Duration // where it begins, if timed
	timed   bool          // cut is that of a word with times
	paused  time.Duration // the cut at which the end of speech was told last
}

const (
	// nearby is how long before the place where the next provider begins the
	// last word may have ended to be heard once more.
	nearby = time.Second
	// lead is how much earlier than that word its audio begins: vendors' times
	// are good to some hundredths.
	lead = 50 * time.Millisecond
	// overlap is how much audio without a word is heard again: a word that was
	// cut by the place begins in it.
	overlap = 250 * time.Millisecond
)

// place is where the audio for a provider has to begin. One that tells the times
// of its words hears the last word before once more, whole, and it is dropped by
// its time; from any other it could not be told.
func (l *ledger) place(wordTimes bool) time.Duration {
	switch {
	case !wordTimes:
		return l.settled
	case l.timed && l.settled-l.cut <= nearby:
		return max(0, min(l.word-lead, l.settled))
	default:
		return max(0, min(l.settled, max(l.settled-overlap, l.cut)))
	}
}

// fresh takes from an event the words that stood when its connection began. A
// word belongs to whoever has its middle.
func fresh(e *LiveEvent, cut time.Duration) {
	had := 0
	for had < len(e.Words) && middle(e.Words[had]) < cut {
		had++
	}
	if had == 0 {
		return
	}
	e.Text = without(e.Text, e.Words[:had], e.Words[had:])
	if e.Words = e.Words[had:]; len(e.Words) == 0 {
		e.Text, e.Words = "", nil
		return
	}
	e.Start = max(e.Start, e.Words[0].Start)
}

func middle(w Word) time.Duration { return w.Start + (w.End-w.Start)/2 }

// without is text after its first words. Where they are not to be found in it
// one after the other, as in a text that was formatted after its words were
// timed, it is the rest of the words.
func without(text string, words, rest []Word) string {
	for _, w := range words {
		at := strings.Index(text, w.Text)
		if at < 0 || strings.ContainsFunc(text[:at], isLetter) {
			return joined(rest)
		}
		text = text[at+len(w.Text):]
	}
	return strings.TrimLeft(text, closing)
}

// closing is what belongs to the word before it.
const closing = " \t\n.,;:!?…»”’\")]}、。，！？"

func joined(words []Word) string {
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.Text
	}
	return strings.Join(texts, " ")
}

// isLetter says that a rune is part of a word, not of what stands between two.
func isLetter(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// stood says whether a final event says only what stood before.
func (l *ledger) stood(e *LiveEvent) bool {
	if w, ok := e.last(); ok {
		return middle(w) < l.cut
	}
	return e.Text != "" && e.End > 0 && e.End <= l.settled
}

// settle notes a final event. sent is how much audio its connection had been
// given.
func (l *ledger) settle(e *LiveEvent, sent time.Duration) {
	w, timed := e.last()
	end := max(e.End, w.End)
	if end == 0 && e.Text != "" {
		end = sent // the vendor tells no times at all
	}
	l.settled = max(l.settled, end)
	switch {
	case timed:
		l.cut, l.word, l.timed = max(l.cut, w.End), w.Start, true
		l.settled = max(l.settled, l.cut)
	case e.Text != "":
		l.cut, l.timed = max(l.cut, end), false
	}
}

// lose notes gaps. Where they follow on what stands, nobody need go back to them,
// nor to what comes before them.
func (l *ledger) lose(gaps []LiveGap) {
	for range gaps { // one may follow on a later one
		for _, gap := range gaps {
			if gap.From <= l.settled && gap.To > l.settled {
				l.settled, l.cut, l.timed = gap.To, gap.To, false
			}
		}
	}
}
