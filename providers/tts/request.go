package tts

import (
	"math"
	"strings"
	"unicode/utf8"
)

// Request is one text to be spoken. It is a value without pointers, so that a
// provider's Adapt changes a copy of its own.
type Request struct {
	// Text is what to say. Required, valid UTF-8. How long it may be is the
	// vendor's to say.
	Text string
	// Voice is a name in the providers' [Voices] tables. Empty takes the
	// table's row "", or the vendor's own default where it has one.
	Voice string
	// Model is a name in the providers' [Models] tables, such as "fast".
	// Empty takes the table's row "", or the vendor's default.
	Model string
	// Format is the audio wanted. Required.
	Format Format
	// Language is the language of Text as a BCP 47 tag ("en", "en-GB").
	// Empty leaves it to the vendor to find out. A provider whose voice
	// speaks another language is left out.
	Language string
	// Speed is the speaking rate: 1 is normal, 2 twice as fast. 0 means 1.
	// Between 0.25 and 4; vendors offer less, and one that does not offer the
	// speed asked for is left out.
	Speed float64
	// Offset says where Text begins in a longer one, in characters, in a
	// request that continues a stream that broke off; see [Continue]. Callers
	// leave it 0. It changes nothing of what is spoken: providers report it in
	// Chunk.Offset.
	Offset int
}

// Limits of Speed: the widest that any vendor takes.
const (
	minSpeed = 0.25
	maxSpeed = 4
)

// Rate is Speed with its default applied.
func (r Request) Rate() float64 {
	if r.Speed == 0 {
		return 1
	}
	return r.Speed
}

// Validate says what is wrong with the request whoever serves it; nil if
// nothing is. [Client.Synthesize] and the providers of this module call it
// before anything is sent. Its errors never contain the text.
func (r Request) Validate() error {
	switch {
	case strings.TrimSpace(r.Text) == "":
		return &RequestError{Field: "Text", Reason: "is empty"}
	case !utf8.ValidString(r.Text):
		return &RequestError{Field: "Text", Reason: "is not valid UTF-8"}
	case math.IsNaN(r.Speed) || r.Speed != 0 && (r.Speed < minSpeed || r.Speed > maxSpeed):
		return invalid("Speed", "%v is outside %v to %v", r.Speed, minSpeed, maxSpeed)
	case r.Language != "" && !IsLanguage(r.Language):
		return invalid("Language", "%.40q is no BCP 47 tag", r.Language)
	case r.Offset < 0:
		return invalid("Offset", "%d is negative", r.Offset)
	}
	return r.Format.Validate()
}

// IsLanguage says whether tag has the outline of a BCP 47 tag: a language of two
// to eight letters, then subtags of up to eight letters and digits.
func IsLanguage(tag string) bool {
	for i, part := range strings.Split(tag, "-") {
		if part == "" || len(part) > 8 || i == 0 && len(part) < 2 {
			return false
		}
		for _, c := range []byte(part) {
			digit := c >= '0' && c <= '9'
			if c|0x20 < 'a' || c|0x20 > 'z' {
				if i == 0 || !digit {
					return false
				}
			}
		}
	}
	return true
}

// SameLanguage says whether two BCP 47 tags name the same language, whatever
// the regions: "en-GB" and "EN", but also "nb-NO" and "no", which are written
// alike, and "zh-HK" and "yue", which is Cantonese.
func SameLanguage(a, b string) bool { return language(a) == language(b) }

// languageAliases are other names of languages, in small letters.
var languageAliases = map[string]string{
	"nb": "no", "nn": "no", "fil": "tl", "cmn": "zh", "iw": "he", "in": "id", "zh-hk": "yue", "zh-yue": "yue",
}

// language is what a tag names, without regions.
func language(tag string) string {
	tag = strings.ToLower(tag)
	if name, ok := languageAliases[tag]; ok {
		return name
	}
	tag, _, _ = strings.Cut(tag, "-")
	if name, ok := languageAliases[tag]; ok {
		return name
	}
	return tag
}
