package deepgram

import (
	"encoding/json"
	"net/url"
	"strconv"
	"strings"

	"github.com/gofailover/failover/internal/hearing"
	"github.com/gofailover/failover/providers/stt"
)

// DefaultSTTModel listens when a request names no model and the table has no row
// "".
const DefaultSTTModel = "nova-3"

// WithSTTModels gives the table from model names to models, such as "nova-3" or
// "nova-2-phonecall". Requests that name no model get the row "", or
// [DefaultSTTModel].
func WithSTTModels(models stt.Models) Option {
	return optionFunc(func(o *options) error {
		o.sttModels = cloned(models)
		return nil
	})
}

// WithSTTLanguages adds to the languages that a model is known to speak, as BCP
// 47 tags: for those that the vendor has added since. Of models that this
// package does not know nothing is assumed, and the vendor is asked.
func WithSTTLanguages(model string, tags ...string) Option {
	return optionFunc(func(o *options) error {
		return o.addLanguages(model, tags)
	})
}

// STT is the account's speech to text: POST /v1/listen. It takes all kinds of
// files, headerless audio, and URLs, of files only. Without a Language in the
// request the vendor finds it out. Check is that of [Client.TTS]. Every call
// returns a new value, whose fields can be set.
func (c *Client) STT() stt.Provider {
	l := &hearing.Listener{
		Name: c.name, Client: c.calls, Plan: c.hear, ReadError: readError, Read: readTranscript, RequestID: "Dg-Request-Id",
	}
	return stt.Provider{Name: c.name, Account: c.account, Do: l.Transcribe, Check: c.check, Supports: l.Supports}
}

type urlBody struct {
	URL string `json:"url"`
}

// hear translates a request, or says why this vendor cannot serve it.
func (c *Client) hear(req stt.Request) (hearing.Plan, error) {
	if err := req.Validate(); err != nil {
		return hearing.Plan{}, stt.Invalid(err)
	}
	model, ok := c.sttModels.ID(Vendor, req.Model)
	if !ok {
		return hearing.Plan{}, stt.Unsupported("Model", "%.40q has no name at %s", req.Model, c.name)
	}
	if model == "" {
		model = DefaultSTTModel
	}
	plan := hearing.Plan{Path: "/v1/listen", Model: model, Query: url.Values{"model": {model}, "utterances": {"true"}}}
	if err := c.askLanguage(plan.Query, model, req.Language); err != nil {
		return hearing.Plan{}, err
	}
	if err := askKeywords(plan.Query, model, req.Keywords); err != nil {
		return hearing.Plan{}, err
	}
	if !req.NoPunctuation {
		plan.Query.Set("punctuate", "true")
		plan.Query.Set("smart_format", "true")
	}
	if req.Diarize {
		plan.Query.Set("diarize", "true")
	}
	address, isURL := req.Audio.URL()
	switch {
	case isURL && !req.Format.Headerless():
		plan.Body = urlBody{address}
	case isURL && !req.Audio.Opens():
		return hearing.Plan{}, stt.Unsupported("Audio", "is headerless audio at a URL, which %s does not take", c.name)
	}
	return plan, nil
}

// askLanguage asks for the language, or to have it found out.
func (c *Client) askLanguage(query url.Values, model, tag string) error {
	code, ok := c.languages(model).code(tag)
	switch {
	case !ok:
		return stt.Unsupported("Language", "%s is not spoken by model %.40q", tag, model)
	case code == "":
		query.Set("detect_language", "true")
	default:
		query.Set("language", code)
	}
	return nil
}

// askKeywords names the terms as the model takes them: nova-3 as keyterm, those
// before it as keywords, where a colon would be read as a weight.
func askKeywords(query url.Values, model string, terms []string) error {
	if len(terms) == 0 {
		return nil
	}
	switch {
	case strings.HasPrefix(model, "nova-3"):
		query["keyterm"] = terms
		return nil
	case strings.HasPrefix(model, "whisper"):
		return stt.Unsupported("Keywords", "are not taken by model %.40q", model)
	}
	for _, term := range terms {
		if strings.ContainsAny(term, ": ") {
			return stt.Unsupported("Keywords", "are single words at model %.40q", model)
		}
	}
	query["keywords"] = terms
	return nil
}

// answerBody is what is read of an answer. Pointers tell what is missing from
// what is empty.
type answerBody struct {
	Metadata struct {
		RequestID json.RawMessage `json:"request_id"`
		Duration  float64         `json:"duration"`
	} `json:"metadata"`
	Results *struct {
		Channels []struct {
			Alternatives []struct {
				Transcript *string      `json:"transcript"`
				Confidence float64      `json:"confidence"`
				Words      []answerWord `json:"words"`
			} `json:"alternatives"`
			DetectedLanguage string `json:"detected_language"`
		} `json:"channels"`
		Utterances []struct {
			Start      float64 `json:"start"`
			End        float64 `json:"end"`
			Transcript string  `json:"transcript"`
			Speaker    *int    `json:"speaker"`
		} `json:"utterances"`
	} `json:"results"`
}

type answerWord struct {
	Word           string  `json:"word"`
	PunctuatedWord string  `json:"punctuated_word"`
	Start          float64 `json:"start"`
	End            float64 `json:"end"`
	Confidence     float64 `json:"confidence"`
	Speaker        *int    `json:"speaker"`
}

// readTranscript reads the first alternative of the first channel, which are
// all that is asked for.
func readTranscript(body []byte) (*stt.Transcript, bool) {
	var a answerBody
	if json.Unmarshal(body, &a) != nil || a.Results == nil || len(a.Results.Channels) == 0 ||
		len(a.Results.Channels[0].Alternatives) == 0 || a.Results.Channels[0].Alternatives[0].Transcript == nil {
		return nil, false
	}
	channel := a.Results.Channels[0]
	best := channel.Alternatives[0]
	heard := &stt.Transcript{
		Text: *best.Transcript, Confidence: best.Confidence, Language: channel.DetectedLanguage,
		Duration: hearing.Seconds(a.Metadata.Duration), RequestID: requestID(a.Metadata.RequestID),
	}
	for _, w := range best.Words {
		heard.Words = append(heard.Words, w.word())
	}
	for _, u := range a.Results.Utterances {
		heard.Segments = append(heard.Segments, stt.Segment{
			Speaker: speaker(u.Speaker), Text: u.Transcript, Start: hearing.Seconds(u.Start), End: hearing.Seconds(u.End),
		})
	}
	return heard, true
}

func (w answerWord) word() stt.Word {
	text := w.PunctuatedWord
	if text == "" {
		text = w.Word
	}
	return stt.Word{
		Text: text, Start: hearing.Seconds(w.Start), End: hearing.Seconds(w.End), Confidence: w.Confidence, Speaker: speaker(w.Speaker),
	}
}

// speaker names a number.
func speaker(n *int) string {
	if n == nil {
		return ""
	}
	return "speaker_" + strconv.Itoa(*n)
}
