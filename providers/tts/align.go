package tts

import (
	"strings"
	"time"
	"unicode"
)

// Mark says when a piece of text has been spoken: one character, or more.
type Mark struct {
	// Text is what is spoken, as it stands in the text of the request.
	Text string
	// End is when it has been spoken, in playing time from the beginning of the
	// vendor's stream. Times that begin again with a piece are counted from
	// that piece's beginning.
	End time.Duration
}

// alignment follows the text through the marks of a stream.
type alignment struct {
	text   []rune
	at     int // up to here the text was found in marks
	ahead  []milestone
	spoken int           // up to here the text has been spoken
	base   time.Duration // what the times of the marks count from
	last   time.Duration // the latest of them
	seen   bool          // there were marks
	lost   bool          // they do not follow the text
}

// milestone is a place in the text and when it is reached.
type milestone struct {
	at  int
	end time.Duration
}

// add takes the marks of a piece in that begins when so much has been played.
func (a *alignment) add(marks []Mark, played time.Duration) {
	if len(marks) == 0 || a.lost {
		return
	}
	a.seen = true
	if marks[0].End < a.last/2 {
		a.base = played
	}
	for _, m := range marks {
		if !a.find(m.Text) {
			a.lost, a.ahead = true, nil
			return
		}
		a.last = m.End
		a.ahead = append(a.ahead, milestone{at: a.at, end: a.base + m.End})
	}
}

// find goes on to the end of said in the text. Vendors differ in how they give
// white space.
func (a *alignment) find(said string) bool {
	for _, r := range said {
		if unicode.IsSpace(r) {
			if a.at < len(a.text) && unicode.IsSpace(a.text[a.at]) {
				a.at++
			}
			continue
		}
		for a.at < len(a.text) && unicode.IsSpace(a.text[a.at]) {
			a.at++
		}
		if a.at == len(a.text) || a.text[a.at] != r {
			return false
		}
		a.at++
	}
	return true
}

// alignSlack is how far a mark's time may be from a frame's.
const alignSlack = 20 * time.Millisecond

// spokenAt is how many characters have been spoken when so much has been
// played; false if that is not known.
func (a *alignment) spokenAt(played time.Duration) (int, bool) {
	for len(a.ahead) > 0 && a.ahead[0].end <= played+alignSlack {
		a.spoken = a.ahead[0].at
		a.ahead = a.ahead[1:]
	}
	return a.spoken, a.seen && !a.lost
}

// fault says what is wrong if the stream ends when so much has been played:
// marks that come to an end before the text does, or after the audio did.
func (a *alignment) fault(played time.Duration) string {
	switch {
	case !a.seen, a.lost:
		return ""
	case hasWords(unmarked(a.text[a.at:])):
		return "the text is not spoken to its end"
	case len(a.ahead) > 0 && a.ahead[len(a.ahead)-1].end > played+played/10+time.Second:
		return "the audio ends before the text does"
	}
	return ""
}

// hasWords says whether anything in the text can be heard.
func hasWords(text []rune) bool {
	for _, r := range text {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return true
		}
	}
	return false
}

// unmarked is text without directions in brackets, which are not spoken and
// may have no marks.
func unmarked(text []rune) []rune {
	var plain []rune
	depth := 0
	for _, r := range text {
		switch {
		case strings.ContainsRune("<[", r):
			depth++
		case strings.ContainsRune(">]", r):
			depth = max(0, depth-1)
		case depth == 0:
			plain = append(plain, r)
		}
	}
	return plain
}
