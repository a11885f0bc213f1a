package live

import (
	"context"
	"io"
	"math"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// DefaultDeepgramModel listens when a request names no model and the table has
// no row "".
const DefaultDeepgramModel = "nova-3"

// Deepgram is the account's live transcription: GET /v1/listen, upgraded to a
// WebSocket. Its Check is that of the client's text to speech. Every call
// returns a new value, whose fields can be set.
func Deepgram(client *deepgram.Client) stt.LiveProvider {
	d := deepgramAPI{client.Live()}
	return stt.LiveProvider{
		Name: d.Name, Account: d.Account, Dial: d.dial, WordTimes: true, Check: d.Check,
		Supports: func(req stt.LiveRequest) bool {
			_, err := d.query(req)
			return !unsupported(err)
		},
	}
}

// unsupported says that a request is good, but not for this vendor.
func unsupported(err error) bool { return failover.ClassOf(err) == failover.ClassUnsupported }

type deepgramAPI struct{ httpcall.Live }

// What the API takes.
const (
	mostKeyterms = 100
	minPause     = 10 * time.Millisecond
)

func deepgramEncoding(f stt.Format) string {
	switch f.Encoding {
	case tts.EncodingMuLaw:
		return "mulaw"
	case tts.EncodingALaw:
		return "alaw"
	default: // Validate lets no other pass
		return "linear16"
	}
}

// query translates a request, or says why this vendor cannot serve it.
func (d deepgramAPI) query(req stt.LiveRequest) (url.Values, error) {
	if err := req.Validate(); err != nil {
		return nil, stt.Invalid(err)
	}
	model, ok := d.Model(req.Model)
	if !ok {
		return nil, stt.Unsupported("Model", "%.40q has no id at %s", req.Model, d.Name)
	}
	if model == "" {
		model = DefaultDeepgramModel
	}
	if rate := req.Format.SampleRate; rate > 48000 {
		return nil, stt.Unsupported("Format", "%d Hz are not heard by %s", rate, d.Name)
	}
	language, ok := deepgramLanguage(model, req.Language)
	if !ok {
		return nil, stt.Unsupported("Language", "is not given, and model %.40q does not find it out", model)
	}
	q := url.Values{
		"model": {model}, "language": {language}, "interim_results": {"true"},
		"encoding":    {deepgramEncoding(req.Format)},
		"sample_rate": {strconv.Itoa(req.Format.SampleRate)},
		"channels":    {strconv.Itoa(max(1, req.Format.Channels))},
		"punctuate":   {strconv.FormatBool(!req.NoPunctuation)},
	}
	if req.Diarize {
		q.Set("diarize", "true")
	}
	if req.Pause > 0 && req.Pause < minPause {
		return nil, stt.Unsupported("Pause", "%v is too short for %s", req.Pause, d.Name)
	} else if req.Pause > 0 {
		q.Set("endpointing", strconv.FormatInt(req.Pause.Milliseconds(), 10))
	}
	if len(req.Keywords) > mostKeyterms {
		return nil, stt.Unsupported("Keywords", "are more than %d", mostKeyterms)
	} else if len(req.Keywords) > 0 {
		q[keywordsParam(model)] = req.Keywords
	}
	return q, nil
}

// deepgramLanguage is what to ask for. Live audio is of one language, or of
// several that the newer models tell apart; without a word it would be taken for
// English.
func deepgramLanguage(model, tag string) (string, bool) {
	if tag != "" {
		return tag, true
	}
	return "multi", strings.HasPrefix(model, "nova-2") || strings.HasPrefix(model, "nova-3")
}

// keywordsParam is how a model takes keywords.
func keywordsParam(model string) string {
	if strings.HasPrefix(model, "nova-3") {
		return "keyterm"
	}
	return "keywords"
}

func (d deepgramAPI) dial(ctx context.Context, req stt.LiveRequest) (stt.LiveConn, error) {
	q, err := d.query(req)
	if err != nil {
		return nil, err
	}
	s, err := dial(ctx, d.Live, "/v1/listen", q, deepgramCodes)
	if err != nil {
		return nil, err
	}
	c := &deepgramConn{socket: s}
	if req.Language != "" {
		c.language = req.Language
	}
	return c, nil
}

// deepgramConn is a connection to Deepgram.
type deepgramConn struct {
	*socket

	language string
	sent     atomic.Bool // audio, since the last KeepAlive
	finished atomic.Bool
}

func (c *deepgramConn) Send(_ context.Context, audio []byte) error {
	c.sent.Store(true)
	return c.write(websocket.MessageBinary, audio)
}

func (c *deepgramConn) Flush(context.Context) error { return c.text(`{"type":"Finalize"}`) }

func (c *deepgramConn) KeepAlive(ctx context.Context) error {
	if !c.sent.Swap(false) {
		if err := c.text(`{"type":"KeepAlive"}`); err != nil {
			return err
		}
	}
	return c.ping(ctx)
}

func (c *deepgramConn) Finish(context.Context) error {
	c.finished.Store(true)
	return c.text(`{"type":"CloseStream"}`)
}

func (c *deepgramConn) Close() error { return c.close() }

// deepgramMessage is what the vendor says, whatever it is.
type deepgramMessage struct {
	Type    string `json:"type"`
	Channel struct {
		Alternatives []struct {
			Transcript string         `json:"transcript"`
			Confidence float64        `json:"confidence"`
			Languages  []string       `json:"languages"`
			Words      []deepgramWord `json:"words"`
		} `json:"alternatives"`
	} `json:"channel"`
	Start       float64 `json:"start"`
	Duration    float64 `json:"duration"`
	IsFinal     bool    `json:"is_final"`
	SpeechFinal bool    `json:"speech_final"`
	Metadata    struct {
		RequestID string `json:"request_id"`
		ModelInfo struct {
			Name string `json:"name"`
		} `json:"model_info"`
	} `json:"metadata"`
	Variant string `json:"variant"` // of an error
}

type deepgramWord struct {
	Word       string  `json:"word"`
	Punctuated string  `json:"punctuated_word"`
	Start      float64 `json:"start"`
	End        float64 `json:"end"`
	Confidence float64 `json:"confidence"`
	Speaker    *int    `json:"speaker"`
}

func (c *deepgramConn) Receive(ctx context.Context) (stt.LiveEvent, error) {
	for {
		// UtteranceEnd has a channel of another type, which must not hide the
		// type of the message.
		var head struct {
			Type string `json:"type"`
		}
		data, err := c.read(ctx, &head)
		if err != nil {
			return stt.LiveEvent{}, err
		}
		switch head.Type {
		case "Results":
			return c.results(data)
		case "Metadata":
			if c.finished.Load() {
				c.over.Store(true)
				return stt.LiveEvent{}, io.EOF
			}
		case "UtteranceEnd":
			return c.utteranceEnd(data)
		case "Error":
			return stt.LiveEvent{}, c.failure(data)
		}
	}
}

func (c *deepgramConn) results(data []byte) (stt.LiveEvent, error) {
	var m deepgramMessage
	if err := c.decode(data, &m); err != nil {
		return stt.LiveEvent{}, err
	}
	e := stt.LiveEvent{
		Start: seconds(m.Start), End: seconds(m.Start + m.Duration), Final: m.IsFinal, EndOfSpeech: m.SpeechFinal,
		Language: c.language, Model: m.Metadata.ModelInfo.Name, RequestID: httpcall.Token(m.Metadata.RequestID),
	}
	if len(m.Channel.Alternatives) == 0 {
		return e, nil
	}
	best := m.Channel.Alternatives[0]
	e.Text, e.Confidence = strings.TrimSpace(best.Transcript), best.Confidence
	if e.Language == "" && len(best.Languages) > 0 {
		e.Language = best.Languages[0]
	}
	for i, w := range best.Words {
		word := stt.Word{Text: w.Punctuated, Start: seconds(w.Start), End: seconds(w.End), Confidence: w.Confidence}
		if word.Text == "" {
			word.Text = w.Word
		}
		if w.Speaker != nil {
			word.Speaker = "speaker_" + strconv.Itoa(*w.Speaker)
		}
		e.Words = append(e.Words, word)
		if i == 0 {
			e.Speaker = word.Speaker
		} else if e.Speaker != word.Speaker {
			e.Speaker = ""
		}
	}
	return e, nil
}

func (c *deepgramConn) utteranceEnd(data []byte) (stt.LiveEvent, error) {
	var m struct {
		LastWordEnd float64 `json:"last_word_end"`
	}
	if err := c.decode(data, &m); err != nil {
		return stt.LiveEvent{}, err
	}
	at := seconds(m.LastWordEnd)
	return stt.LiveEvent{Start: at, End: at, EndOfSpeech: true}, nil
}

// failure is an error that came as a message.
func (c *deepgramConn) failure(data []byte) error {
	var m deepgramMessage
	if err := c.decode(data, &m); err != nil {
		return err
	}
	e := &failover.Error{Class: failover.ClassTransient, Code: httpcall.Code(m.Variant), RequestID: c.id, Err: errBroken}
	if class, ok := c.codes[codeIn(m.Variant)]; ok {
		e.Class = class
	}
	return e
}

// longest bounds a time that a vendor tells: nobody talks for a week.
const longest = 7 * 24 * time.Hour

// seconds is a vendor's time. What makes no sense is 0.
func seconds(s float64) time.Duration {
	if s >= 0 && s < longest.Seconds() {
		return time.Duration(math.Round(s*1e6)) * time.Microsecond
	}
	return 0
}
