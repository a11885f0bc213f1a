package tts

import (
	"slices"
	"strings"
	"time"
	"unicode"
)

// Continue makes a request for the part of req's text that the chunks
// delivered so far have not spoken; false if it cannot. It is the
// StreamProvider.Continue of [WrapStream], and is only used under
// failover.WithInterrupted(failover.Continue). Any provider's chunks can be
// continued by any other.
//
// Where the last chunk says how much was Spoken, the rest begins there; a word
// that was cut is said again. Where it does not, the place is estimated from
// the playing time, at a slow speaking rate, and the rest begins with the
// sentence at that place. Estimates are guesses: the rate is chosen so that
// text is rather said twice than lost, up to a sentence or two.
//
// The request asks for the sample rate and the channels of what was delivered.
// It returns false where the formats cannot follow one another (a WAV or Ogg
// file has one header, at its beginning), where nothing is left to be spoken,
// and where nothing can be estimated.
func Continue(req Request, got []Chunk) (Request, bool) {
	last, ok := lastAudio(got)
	if !ok || !req.Format.joins() {
		return Request{}, false
	}
	text := []rune(req.Text)
	at, ok := reached(text, last, req)
	if !ok {
		return Request{}, false
	}
	for at < len(text) && unicode.IsSpace(text[at]) {
		at++
	}
	if !hasWords(text[at:]) {
		return Request{}, false
	}
	req.Text, req.Offset = string(text[at:]), req.Offset+at
	req.Format.SampleRate, req.Format.Channels = last.Format.SampleRate, last.Format.Channels
	return req, true
}

// ContinueWhere is [Continue] for a provider that serves some requests only:
// it also returns false where supports does of the request that Continue makes.
// supports may be nil.
func ContinueWhere(supports func(Request) bool) func(req Request, got []Chunk) (Request, bool) {
	return func(req Request, got []Chunk) (Request, bool) {
		rest, ok := Continue(req, got)
		if !ok || supports != nil && !supports(rest) {
			return Request{}, false
		}
		return rest, true
	}
}

func lastAudio(got []Chunk) (Chunk, bool) {
	for _, c := range slices.Backward(got) {
		if c.IsContent() {
			return c, true
		}
	}
	return Chunk{}, false
}

// joins says whether audio of the format can follow other audio of it.
func (f Format) joins() bool { return f.Headerless() || f.Encoding == EncodingMP3 }

// reached is where in the text to go on after the chunk; false if that cannot
// be told.
func reached(text []rune, last Chunk, req Request) (int, bool) {
	begin := min(max(0, last.Offset-req.Offset), len(text))
	switch {
	case last.Spoken > 0:
		return wordAt(text, min(max(begin, last.Spoken-req.Offset), len(text))), true
	case last.Played > 0:
		spoken := begin + within(text[begin:], last.Played, req.Rate())
		return begin + sentenceAt(text[begin:spoken]), true
	default:
		return 0, false
	}
}

// How long a character takes to say. English is spoken at about 15 characters
// a second (150 to 160 words a minute), and languages written in syllables at
// 5 to 8 of those (F. Pellegrino, C. Coupé, E. Marsico, Across-language
// perspective on speech information rate, Language 87, 2011: Mandarin 5.2,
// Japanese 7.8). These are a fifth slower, so that less is thought to be spoken
// than was. Digits are said as words.
const (
	perLetter   = 80 * time.Millisecond
	perSyllable = 160 * time.Millisecond
	perHan      = 240 * time.Millisecond
	perDigit    = 300 * time.Millisecond
)

func sayingTime(r rune) time.Duration {
	switch {
	case unicode.Is(unicode.Han, r):
		return perHan
	case unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Hangul, unicode.Ethiopic, unicode.Yi):
		return perSyllable
	case unicode.IsNumber(r):
		return perDigit
	default:
		return perLetter
	}
}

// within is how many characters of the text can have been said in the time.
func within(text []rune, played time.Duration, rate float64) int {
	played = time.Duration(float64(played) * rate)
	for i, r := range text {
		if played -= sayingTime(r); played < 0 {
			return i
		}
	}
	return len(text)
}

// sentenceAt is where the sentence begins that text ends with.
func sentenceAt(text []rune) int {
	for i := len(text); i > 0; i-- {
		if endsSentence(text[:i]) {
			return i
		}
	}
	return 0
}

// endsSentence says whether a sentence ends with the last character: at a line
// break, at a full stop of a script without spaces, or at white space after any
// other. An abbreviation is taken for an end too, which loses nothing: what
// comes before it was spoken.
func endsSentence(text []rune) bool {
	last := text[len(text)-1]
	switch {
	case last == '\n', strings.ContainsRune("。！？｡", last):
		return true
	case !unicode.IsSpace(last):
		return false
	}
	for _, r := range slices.Backward(text[:len(text)-1]) {
		switch {
		case strings.ContainsRune(".!?…:;։؟۔।॥", r):
			return true
		case !unicode.In(r, unicode.Quotation_Mark, unicode.Pe, unicode.Pf):
			return false
		}
	}
	return false
}

// wordAt is where to go on when the text has been spoken up to at: there, or
// at the beginning of a word that was cut.
func wordAt(text []rune, at int) int {
	end := at
	for end < len(text) && !unicode.IsSpace(text[end]) {
		end++
	}
	if !hasWords(text[at:end]) {
		return end // of the word only its full stop is left
	}
	for at > 0 && !unicode.IsSpace(text[at-1]) && !standsAlone(text[at-1]) {
		at--
	}
	return at
}

// standsAlone says that a character of a script without spaces is a word.
func standsAlone(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana) || strings.ContainsRune("、。！？，", r)
}
