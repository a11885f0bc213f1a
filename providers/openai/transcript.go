package openai

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/gofailover/failover/internal/hearing"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

const errNoTranscript = answerError("the answer is no transcript")

// transcriptBody has the fields of all formats of an answer: json, verbose_json
// and diarized_json. Those that need not be there are raw, so that one of an
// unexpected type does not spoil the others.
type transcriptBody struct {
	Text      *string         `json:"text"`
	Language  json.RawMessage `json:"language"`
	Languages json.RawMessage `json:"languages"`
	Duration  json.RawMessage `json:"duration"`
	Usage     json.RawMessage `json:"usage"`
	Logprobs  json.RawMessage `json:"logprobs"`
	Segments  []segmentBody   `json:"segments"`
	Words     []wordBody      `json:"words"`
}

type segmentBody struct {
	Start      float64           `json:"start"`
	End        float64           `json:"end"`
	Text       string            `json:"text"`
	Speaker    string            `json:"speaker"`
	AvgLogprob *float64          `json:"avg_logprob"`
	Tokens     []json.RawMessage `json:"tokens"`
}

type wordBody struct {
	Word        string   `json:"word"`
	Start       float64  `json:"start"`
	End         float64  `json:"end"`
	Probability *float64 `json:"probability"` // of servers that run Whisper themselves
}

// readTranscript reads an answer; false if it is none. rounded says that its
// Duration is in whole seconds, rounded up.
func readTranscript(body []byte) (heard *stt.Transcript, rounded, ok bool) {
	var a transcriptBody
	if json.Unmarshal(body, &a) != nil || a.Text == nil {
		return nil, false, false
	}
	heard = &stt.Transcript{
		Text: *a.Text, Language: a.language(), Duration: a.duration(), Confidence: a.confidence(),
		Segments: a.segments(), Words: a.words(),
	}
	if heard.Duration <= 0 {
		heard.Duration, rounded = a.counted(), true
	}
	return heard, rounded, true
}

// language is what the model heard: a code, or at whisper-1 an English name.
// Where several were spoken it is the first.
func (a transcriptBody) language() string {
	var all []struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(a.Languages, &all) == nil && len(all) > 0 {
		return all[0].Code
	}
	var name string
	if json.Unmarshal(a.Language, &name) != nil {
		return ""
	}
	for code, known := range languages {
		if strings.EqualFold(name, known) {
			return code
		}
	}
	if base, _, _ := strings.Cut(name, "-"); len(base) > longestCode || !tts.IsLanguage(name) {
		return "" // a name of a language that nobody could ask for
	}
	return name
}

// longestCode is the length of a language's longest code in ISO 639.
const longestCode = 3

// duration is how long the audio plays, where the answer has words or speakers.
func (a transcriptBody) duration() time.Duration {
	seconds, err := strconv.ParseFloat(strings.Trim(string(a.Duration), `"`), 64)
	if err != nil {
		return 0
	}
	return hearing.Seconds(seconds)
}

// counted is the same in whole seconds, of models that are paid by them.
func (a transcriptBody) counted() time.Duration {
	var usage struct {
		Seconds float64 `json:"seconds"`
	}
	if json.Unmarshal(a.Usage, &usage) != nil {
		return 0
	}
	return hearing.Seconds(usage.Seconds)
}

// confidence is the geometric mean of the tokens' probabilities, 0 if they are
// not told.
func (a transcriptBody) confidence() float64 {
	sum, of := 0.0, 0
	var tokens []struct {
		Logprob float64 `json:"logprob"`
	}
	if json.Unmarshal(a.Logprobs, &tokens) == nil {
		for _, t := range tokens {
			sum, of = sum+t.Logprob, of+1
		}
	}
	for _, s := range a.Segments {
		if s.AvgLogprob != nil {
			n := max(1, len(s.Tokens))
			sum, of = sum+*s.AvgLogprob*float64(n), of+n
		}
	}
	if of == 0 {
		return 0
	}
	return math.Exp(min(0, sum/float64(of)))
}

// segments are the parts of the text. Speakers are called by number, in the
// order in which they speak.
func (a transcriptBody) segments() []stt.Segment {
	var all []stt.Segment
	var speakers []string
	for _, s := range a.Segments {
		segment := stt.Segment{Text: strings.TrimSpace(s.Text), Start: hearing.Seconds(s.Start), End: hearing.Seconds(s.End)}
		if s.Speaker != "" {
			n := slices.Index(speakers, s.Speaker)
			if n < 0 {
				n, speakers = len(speakers), append(speakers, s.Speaker)
			}
			segment.Speaker = "speaker_" + strconv.Itoa(n)
		}
		all = append(all, segment)
	}
	return all
}

// words are the words, with the punctuation that whisper-1 leaves out of them
// and not out of the text.
func (a transcriptBody) words() []stt.Word {
	var all []stt.Word
	texts := make([]string, 0, len(a.Words))
	for _, w := range a.Words {
		word := stt.Word{Text: strings.TrimSpace(w.Word), Start: hearing.Seconds(w.Start), End: hearing.Seconds(w.End)}
		if w.Probability != nil {
			word.Confidence = *w.Probability
		}
		all, texts = append(all, word), append(texts, word.Text)
	}
	for i, text := range punctuated(*a.Text, texts) {
		all[i].Text = text
	}
	return all
}

// punctuated gives words the punctuation that they have in a text: what stands
// behind one belongs to it, up to the next white space, and what stands behind
// that to the next word. Words that are not those of the text stay as they are.
func punctuated(text string, words []string) []string {
	all := make([]string, len(words))
	for i, word := range words {
		at := strings.Index(text, word)
		if word == "" || at < 0 || strings.ContainsFunc(text[:at], isSpoken) {
			return words
		}
		all[i] = strings.TrimSpace(text[:at]) + word
		if i > 0 {
			behind, ahead := divided(text[:at])
			all[i-1] += behind
			all[i] = ahead + word
		}
		text = text[at+len(word):]
	}
	if len(all) == 0 || strings.ContainsFunc(text, isSpoken) {
		return words
	}
	all[len(all)-1] += strings.TrimSpace(text)
	return all
}

// isSpoken says whether a character is said, and not only written.
func isSpoken(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// divided is what stands between two words, divided at the first white space;
// without any it belongs to the first.
func divided(gap string) (behind, ahead string) {
	at := strings.IndexFunc(gap, unicode.IsSpace)
	if at < 0 {
		return gap, ""
	}
	return gap[:at], strings.Join(strings.Fields(gap[at:]), "")
}
