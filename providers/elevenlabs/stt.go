package elevenlabs

import (
	"encoding/json"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofailover/failover/internal/hearing"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
)

// DefaultSTTModel listens when a request names no model and the table has no row
// "".
const DefaultSTTModel = "scribe_v2"

// WithSTTModels gives the table from model names to model ids. Requests that
// name no model get the row "", or [DefaultSTTModel].
func WithSTTModels(models stt.Models) Option {
	return optionFunc(func(o *options) error {
		o.sttModels = maps.Clone(models)
		return nil
	})
}

// STT is the account's speech to text: POST /v1/speech-to-text. It takes all
// kinds of files, headerless audio, and https URLs, of files only. It always
// punctuates. Check is that of [Client.TTS]. Every call returns a new value,
// whose fields can be set.
func (c *Client) STT() stt.Provider {
	l := &hearing.Listener{
		Name: c.name, Client: c.calls, Plan: c.hear, ReadError: readError, Read: readTranscript, RequestID: "Request-Id",
	}
	return stt.Provider{Name: c.name, Account: c.account, Do: l.Transcribe, Check: c.check, Supports: l.Supports}
}

// What a term of keyterms may be, and how many there may be.
const (
	maxTerms     = 1000
	maxTerm      = 49
	maxTermWords = 5
)

// samples16k is what file_format calls pcm_s16le_16.
var samples16k = stt.PCM(16000)

// hear translates a request, or says why this vendor cannot serve it.
func (c *Client) hear(req stt.Request) (hearing.Plan, error) {
	if err := req.Validate(); err != nil {
		return hearing.Plan{}, stt.Invalid(err)
	}
	model, ok := c.sttModels.ID(Vendor, req.Model)
	if !ok {
		return hearing.Plan{}, stt.Unsupported("Model", "%.40q has no id at %s", req.Model, c.name)
	}
	if model == "" {
		model = DefaultSTTModel
	}
	if req.NoPunctuation {
		return hearing.Plan{}, stt.Unsupported("NoPunctuation", "is not offered by %s", c.name)
	}
	code, ok := spokenCode(req.Language)
	if !ok {
		return hearing.Plan{}, stt.Unsupported("Language", "%s is not spoken by %s", req.Language, c.name)
	}
	if err := checkKeywords(model, req.Keywords); err != nil {
		return hearing.Plan{}, err
	}
	plan := hearing.Plan{Path: "/v1/speech-to-text", Model: model, Form: []hearing.Field{
		{Name: "model_id", Value: model},
		{Name: "timestamps_granularity", Value: "word"},
		// Laughter and the like would stand in the text.
		{Name: "tag_audio_events", Value: "false"},
		{Name: "diarize", Value: strconv.FormatBool(req.Diarize)},
	}}
	plan.Add("language_code", code)
	for _, term := range req.Keywords {
		plan.Add("keyterms", term)
	}
	err := c.sendAudio(&plan, req)
	return plan, err
}

// sendAudio sends the audio, or its URL where that can be sent.
func (c *Client) sendAudio(plan *hearing.Plan, req stt.Request) error {
	address, isURL := req.Audio.URL()
	headerless := req.Format.Headerless()
	switch {
	case isURL && !headerless && strings.HasPrefix(strings.ToLower(address), "https:"):
		plan.Add("cloud_storage_url", address)
		return nil
	case isURL && !req.Audio.Opens() && headerless:
		return stt.Unsupported("Audio", "is headerless audio at a URL, which %s does not take", c.name)
	case isURL && !req.Audio.Opens():
		return stt.Unsupported("Audio", "is at a URL without https, which %s does not take", c.name)
	}
	plan.File = "file"
	if plan.Raw = req.Format.Allows(samples16k); plan.Raw {
		plan.Add("file_format", "pcm_s16le_16")
	}
	return nil
}

// checkKeywords says what the model does not take as keyterms.
func checkKeywords(model string, terms []string) error {
	switch {
	case len(terms) == 0:
		return nil
	case strings.HasPrefix(model, "scribe_v1"):
		return stt.Unsupported("Keywords", "are not taken by model %.40q", model)
	case len(terms) > maxTerms:
		return stt.Unsupported("Keywords", "are %d, and at most %d are taken", len(terms), maxTerms)
	}
	for _, term := range terms {
		if utf8.RuneCountInString(term) > maxTerm || len(strings.Fields(term)) > maxTermWords {
			return stt.Unsupported("Keywords", "have at most %d characters and %d words each", maxTerm, maxTermWords)
		}
	}
	return nil
}

// answerBody is what is read of an answer. Pointers tell what is missing from
// what is empty.
type answerBody struct {
	Text            *string         `json:"text"`
	LanguageCode    string          `json:"language_code"`
	Words           []answerWord    `json:"words"`
	TranscriptionID json.RawMessage `json:"transcription_id"`
	Duration        float64         `json:"audio_duration_secs"`
}

// answerWord is a word, what stands between two words, or a sound.
type answerWord struct {
	Text    string   `json:"text"`
	Start   float64  `json:"start"`
	End     float64  `json:"end"`
	Type    string   `json:"type"`
	Speaker string   `json:"speaker_id"`
	LogProb *float64 `json:"logprob"`
}

// readTranscript reads the only channel, which is all that is asked for.
func readTranscript(body []byte) (*stt.Transcript, bool) {
	var a answerBody
	if json.Unmarshal(body, &a) != nil || a.Text == nil {
		return nil, false
	}
	heard := &stt.Transcript{
		Text: *a.Text, Language: languageTag(a.LanguageCode), Duration: hearing.Seconds(a.Duration),
		RequestID: httpcall.Token(httpcall.String(a.TranscriptionID)),
	}
	sure, of := 0.0, 0
	for _, w := range a.Words {
		if w.Type != "word" {
			continue
		}
		word := w.word()
		heard.Words = append(heard.Words, word)
		if w.LogProb != nil {
			sure, of = sure+word.Confidence, of+1
		}
	}
	if of > 0 {
		heard.Confidence = sure / float64(of)
	}
	heard.Segments = segments(a.Words)
	return heard, true
}

func (w answerWord) word() stt.Word {
	word := stt.Word{Text: w.Text, Start: hearing.Seconds(w.Start), End: hearing.Seconds(w.End), Speaker: w.Speaker}
	if w.LogProb != nil {
		word.Confidence = math.Exp(min(0, *w.LogProb))
	}
	return word
}

// pause divides the text into segments, as that of another speaker does.
const pause = 800 * time.Millisecond

// segments divides the text, which the vendor does not.
func segments(words []answerWord) []stt.Segment {
	var all []stt.Segment
	for _, w := range words {
		if w.Type != "word" {
			if w.Type == "spacing" && len(all) > 0 {
				all[len(all)-1].Text += w.Text
			}
			continue
		}
		start, end := hearing.Seconds(w.Start), hearing.Seconds(w.End)
		if last := len(all) - 1; last >= 0 && all[last].Speaker == w.Speaker && start-all[last].End < pause {
			all[last].Text += w.Text
			all[last].End = max(all[last].End, end)
			continue
		}
		all = append(all, stt.Segment{Speaker: w.Speaker, Start: start, End: end, Text: w.Text})
	}
	for i := range all {
		all[i].Text = strings.TrimSpace(all[i].Text)
	}
	return all
}
