package live

import (
	"context"
	"encoding/base64"
	"io"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/coder/websocket"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/audio"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// DefaultElevenLabsModel listens when a request names no model and the table has
// no row "".
const DefaultElevenLabsModel = "scribe_v2_realtime"

// ElevenLabsOption configures [ElevenLabs].
type ElevenLabsOption func(*elevenLabsAPI)

// WithManualCommits leaves it to the application when a final result is given:
// see stt.Session.Commit. Without one it is given when half of the session's
// buffer is full, and at the end. Default off: the vendor gives one when the
// speaker pauses.
func WithManualCommits() ElevenLabsOption {
	return func(e *elevenLabsAPI) { e.strategy = "manual" }
}

// ElevenLabs is the account's live transcription: GET
// /v1/speech-to-text/realtime, upgraded to a WebSocket. Its Check is that of the
// client's text to speech. Every call returns a new value, whose fields can be
// set.
func ElevenLabs(client *elevenlabs.Client, opts ...ElevenLabsOption) stt.LiveProvider {
	e := elevenLabsAPI{Live: client.Live(), strategy: "vad"}
	for _, opt := range opts {
		if opt != nil {
			opt(&e)
		}
	}
	return stt.LiveProvider{
		Name: e.Name, Account: e.Account, Dial: e.dial, WordTimes: true, Check: e.Check,
		Supports: func(req stt.LiveRequest) bool {
			_, err := e.query(req)
			return !unsupported(err)
		},
	}
}

type elevenLabsAPI struct {
	httpcall.Live

	strategy string
}

// What the API takes.
const (
	leastPause     = 300 * time.Millisecond
	mostPause      = 3 * time.Second
	mostTerms      = 50
	mostTermLength = 20
)

var elevenLabsRates = []int{8000, 16000, 22050, 24000, 44100, 48000}

// query translates a request, or says why this vendor cannot serve it.
func (e elevenLabsAPI) query(req stt.LiveRequest) (url.Values, error) {
	if err := req.Validate(); err != nil {
		return nil, stt.Invalid(err)
	}
	model, ok := e.Model(req.Model)
	if !ok {
		return nil, stt.Unsupported("Model", "%.40q has no id at %s", req.Model, e.Name)
	}
	if model == "" {
		model = DefaultElevenLabsModel
	}
	format, ok := elevenLabsFormat(req.Format)
	switch {
	case !ok:
		return nil, stt.Unsupported("Format", "%v is not heard by %s", req.Format, e.Name)
	case req.Diarize:
		return nil, stt.Unsupported("Diarize", "is not to be had from %s while somebody speaks", e.Name)
	case req.NoPunctuation:
		return nil, stt.Unsupported("NoPunctuation", "is not to be had from %s", e.Name)
	case req.Pause != 0 && (req.Pause <= leastPause || req.Pause > mostPause):
		return nil, stt.Unsupported("Pause", "%v is not above %v and at most %v", req.Pause, leastPause, mostPause)
	case len(req.Keywords) > mostTerms:
		return nil, stt.Unsupported("Keywords", "are more than %d", mostTerms)
	case slices.ContainsFunc(req.Keywords, func(s string) bool { return utf8.RuneCountInString(s) > mostTermLength }):
		return nil, stt.Unsupported("Keywords", "are longer than %d characters", mostTermLength)
	}
	q := url.Values{
		"model_id": {model}, "audio_format": {format}, "commit_strategy": {e.strategy}, "include_timestamps": {"true"},
	}
	if req.Language == "" {
		q.Set("include_language_detection", "true")
	} else {
		code, _, _ := strings.Cut(req.Language, "-")
		q.Set("language_code", strings.ToLower(code))
	}
	if req.Pause > 0 {
		q.Set("vad_silence_threshold_secs", strconv.FormatFloat(req.Pause.Seconds(), 'f', -1, 64))
	}
	if len(req.Keywords) > 0 {
		q["keyterms"] = req.Keywords
	}
	return q, nil
}

func elevenLabsFormat(f stt.Format) (string, bool) {
	rate := strconv.Itoa(f.SampleRate)
	switch {
	case f.Channels > 1:
		return "", false
	case f.Encoding == tts.EncodingPCM && slices.Contains(elevenLabsRates, f.SampleRate):
		return "pcm_" + rate, true
	case f.Encoding == tts.EncodingMuLaw && f.SampleRate == 8000:
		return "ulaw_" + rate, true
	default:
		return "", false
	}
}

// dial opens a connection and waits until the vendor has let it in.
func (e elevenLabsAPI) dial(ctx context.Context, req stt.LiveRequest) (stt.LiveConn, error) {
	q, err := e.query(req)
	if err != nil {
		return nil, err
	}
	s, err := dial(ctx, e.Live, "/v1/speech-to-text/realtime", q, elevenLabsCodes)
	if err != nil {
		return nil, err
	}
	c := &elevenLabsConn{socket: s, model: q.Get("model_id"), language: req.Language, vad: e.strategy == "vad"}
	c.measure(req.Format)
	if err := c.letIn(ctx); err != nil {
		_ = c.close()
		return nil, err
	}
	return c, nil
}

// elevenLabsConn is a connection to ElevenLabs.
type elevenLabsConn struct {
	*socket

	model, language string
	vad             bool
	coding          audio.Coding
	rate, frame     int
	head, tail      string
	buf             []byte // of Send

	mu       sync.Mutex // guards below
	sent     int64      // bytes of audio
	loud     int64      // of them, up to the last in which something sounds
	commits  []commit   // that may be unanswered
	idle     bool       // nothing was sent since the last KeepAlive
	finished bool
	fenced   bool // the last commit was made to hear whether there is more

	held *elevenLabsMessage // a final result whose words have not come
	twin string             // the text of the last whose words came
}

func (c *elevenLabsConn) measure(f stt.Format) {
	c.rate, c.frame = f.SampleRate, 2
	if f.Encoding == tts.EncodingMuLaw {
		c.coding, c.frame = audio.MuLaw, 1
	}
	c.head = `{"message_type":"input_audio_chunk","audio_base_64":"`
	c.tail = `,"sample_rate":` + strconv.Itoa(c.rate) + `}`
}

// letIn waits for the vendor's first word, which says that audio may come, or
// that it may not: a refusal comes after the socket was accepted.
func (c *elevenLabsConn) letIn(ctx context.Context) error {
	for {
		m, err := c.next(ctx)
		if err != nil {
			return err
		}
		if m.Type == "session_started" {
			c.id = httpcall.Token(m.SessionID)
			return nil
		}
	}
}

// chunk is a message with audio, in the connection's own memory.
func (c *elevenLabsConn) chunk(audio []byte, commit bool) []byte {
	c.buf = append(c.buf[:0], c.head...)
	c.buf = base64.StdEncoding.AppendEncode(c.buf, audio)
	c.buf = append(c.buf, `","commit":`...)
	c.buf = strconv.AppendBool(c.buf, commit)
	return append(c.buf, c.tail...)
}

func (c *elevenLabsConn) Send(_ context.Context, samples []byte) error {
	c.mu.Lock()
	c.sent += int64(len(samples))
	if audio.Sounds(c.coding, samples) {
		c.loud = c.sent
	}
	c.idle = false
	c.mu.Unlock()
	return c.write(websocket.MessageText, c.chunk(samples, false))
}

func (c *elevenLabsConn) Flush(context.Context) error { return c.commit(false) }

func (c *elevenLabsConn) Finish(context.Context) error { return c.commit(true) }

func (c *elevenLabsConn) commit(last bool) error {
	c.mu.Lock()
	c.commits, c.finished = append(c.commits, commit{c.sent, time.Now()}), c.finished || last
	c.mu.Unlock()
	return c.text(c.commitText())
}

func (c *elevenLabsConn) commitText() string { return c.head + `","commit":true` + c.tail }

// KeepAlive sends a chunk without audio when there was none: the vendor closes
// after 15 seconds without any, and pings do not count.
func (c *elevenLabsConn) KeepAlive(ctx context.Context) error {
	c.mu.Lock()
	idle := c.idle
	c.idle = true
	c.mu.Unlock()
	if idle {
		if err := c.text(c.head + `","commit":false` + c.tail); err != nil {
			return err
		}
	}
	return c.ping(ctx)
}

func (c *elevenLabsConn) Close() error { return c.close() }

// span is how long n bytes play.
func (c *elevenLabsConn) span(n int64) time.Duration {
	return time.Duration(n/int64(c.frame)) * time.Second / time.Duration(c.rate)
}

// elevenLabsMessage is what the vendor says, whatever it is.
type elevenLabsMessage struct {
	Type      string           `json:"message_type"`
	SessionID string           `json:"session_id"`
	Text      string           `json:"text"`
	Language  string           `json:"language_code"`
	Words     []elevenLabsWord `json:"words"`
}

type elevenLabsWord struct {
	Text    string   `json:"text"`
	Start   float64  `json:"start"`
	End     float64  `json:"end"`
	Type    string   `json:"type"`
	Speaker string   `json:"speaker_id"`
	Logprob *float64 `json:"logprob"`
}

const (
	partialType   = "partial_transcript"
	plainType     = "committed_transcript"
	timedType     = "committed_transcript_with_timestamps"
	throttledType = "commit_throttled"
)

// next is the vendor's next message; one that is an error becomes an error.
func (c *elevenLabsConn) next(ctx context.Context) (*elevenLabsMessage, error) {
	var m elevenLabsMessage
	data, err := c.read(ctx, &m)
	if err != nil {
		return nil, c.ended(err)
	}
	return &m, c.refused(m.Type, data)
}

// ended reads the error of a connection: to close it without a word is the
// vendor's way to say that nobody speaks.
func (c *elevenLabsConn) ended(err error) error {
	if e, ok := err.(*failover.Error); ok && (e.Code == "close 1000" || expired[e.Code]) { //nolint:errorlint // broken has just made it
		e.Err = stt.ErrLiveExpired
	}
	return err
}

// refused is the error of a message that is one.
func (c *elevenLabsConn) refused(kind string, data []byte) error {
	var m struct {
		Error string `json:"error"`
	}
	class, known := elevenLabsCodes[kind]
	if !known && !expired[kind] {
		return nil
	}
	_ = c.decode(data, &m) // its words are of no consequence
	code := kind
	if inner, ok := elevenLabsCodes[m.Error]; ok && kind == "error" {
		class, code = inner, m.Error
	}
	e := &failover.Error{Class: class, Code: code, Message: httpcall.Message(m.Error), RequestID: c.id}
	if expired[kind] || expired[m.Error] {
		e.Class, e.Err = failover.ClassTransient, stt.ErrLiveExpired
	}
	return e
}

// Receive makes one event of the two messages that a final result comes in: its
// text, and then its text with the words and their times. Now and then they come
// the other way round, or the second does not come.
func (c *elevenLabsConn) Receive(ctx context.Context) (stt.LiveEvent, error) {
	for {
		if c.over.Load() {
			return stt.LiveEvent{}, io.EOF
		}
		m, err := c.next(ctx)
		if err != nil {
			return stt.LiveEvent{}, err
		}
		held := c.held
		switch m.Type {
		case plainType:
			if m.Text == c.twin && m.Text != "" {
				c.twin = "" // its words were there first
				continue
			}
			c.held = m
		case timedType:
			c.held, c.twin = nil, m.Text
			return c.final(m), nil
		case throttledType: // there was not enough for a final result
			c.held = nil
			if held == nil {
				return c.nothing(), nil
			}
		case partialType:
			if c.held = nil; held == nil {
				return stt.LiveEvent{Text: strings.TrimSpace(m.Text), Language: c.language, Model: c.model, RequestID: c.id}, nil
			}
		default:
			continue // something new
		}
		if held != nil {
			return c.final(held), nil // without its words
		}
	}
}

// final is the event of a final result.
func (c *elevenLabsConn) final(m *elevenLabsMessage) stt.LiveEvent {
	e := stt.LiveEvent{
		Text: strings.TrimSpace(m.Text), Final: true, EndOfSpeech: c.vad, Language: m.Language, Model: c.model, RequestID: c.id,
	}
	if c.language != "" {
		e.Language = c.language // as it was asked for, with its region
	}
	certain, n := 0.0, 0.0
	for _, w := range m.Words {
		if w.Type != "word" {
			continue
		}
		word := stt.Word{Text: w.Text, Start: seconds(w.Start), End: seconds(w.End), Speaker: w.Speaker}
		if w.Logprob != nil {
			word.Confidence = math.Exp(min(0, *w.Logprob))
			certain += word.Confidence
			n++
		}
		e.Words = append(e.Words, word)
	}
	if n > 0 {
		e.Confidence = certain / n
	}
	c.settle(&e)
	return e
}

// nothing is the event of a commit without a result.
func (c *elevenLabsConn) nothing() stt.LiveEvent {
	e := stt.LiveEvent{Final: true, Model: c.model, RequestID: c.id}
	c.settle(&e)
	return e
}

// lateSound is how much later than the last word something may still sound that
// belongs to it: audio is looked at by the chunk.
const lateSound = 300 * time.Millisecond

// commit is one that was sent: how much audio had been, and when.
type commit struct {
	at   int64
	when time.Time
}

// answerTime is for how long a commit may go unanswered. A session waits for no
// answer that long.
const answerTime = 2 * time.Minute

// settle says which audio a final event is about, where the vendor does not, and
// whether it was the last.
//
// The vendor gives final results by itself and for commits, and does not tell
// them apart. One without words is for a commit, and says that there are none up
// to it. For which commit is not known; for the oldest that may be unanswered is
// the careful guess. So at the end, when something sounded after the last word,
// commits are added until that guess is the last.
func (c *elevenLabsConn) settle(e *stt.LiveEvent) {
	if c.answered(e) {
		_ = c.text(c.commitText()) // an error is met in reading
	}
}

// answered says whether one more commit is needed.
func (c *elevenLabsConn) answered(e *stt.LiveEvent) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	end := time.Duration(0)
	if n := len(e.Words); n > 0 {
		end = e.Words[n-1].End
	}
	c.commits = slices.DeleteFunc(c.commits, func(o commit) bool {
		return end > 0 && c.span(o.at) <= end || time.Since(o.when) >= answerTime
	})
	if e.Text == "" && len(c.commits) > 0 {
		e.End = c.span(c.commits[0].at)
		end = e.End
		c.commits, c.fenced = c.commits[1:], false
	}
	switch {
	case !c.finished:
	case c.span(c.loud) <= end+lateSound:
		c.over.Store(true)
	case !c.fenced:
		c.fenced, c.commits = true, append(c.commits, commit{c.sent, time.Now()})
		return true
	}
	return false
}
