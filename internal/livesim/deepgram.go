package livesim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Deepgram runs Deepgram's live transcription: GET /v1/listen.
//
// It gives an interim result every half second of audio, and a final one when an
// utterance is over, when three seconds are undecided, and when it is asked to.
func Deepgram(key string, opts ...Option) *Server {
	return start(vendor{
		name: "deepgram", path: "/v1/listen", keyHeader: "Authorization",
		key:    func(key string) string { return "Token " + key },
		refuse: refuseDeepgram, check: checkDeepgram,
		voice: func(q url.Values) Voice {
			rate, _ := strconv.Atoi(q.Get("sample_rate"))
			return Voice{Rate: rate, MuLaw: q.Get("encoding") == "mulaw"}
		},
		meet: func(s *session) speaker { return newDeepgram(s) },
	}, key, opts)
}

// deepgramCodes are the vendor's most common codes.
var deepgramCodes = map[int]string{
	400: "Bad Request", 401: "INVALID_AUTH", 402: "ASR_PAYMENT_REQUIRED", 403: "INSUFFICIENT_PERMISSIONS",
	404: "NOT_FOUND", 429: "TOO_MANY_REQUESTS",
}

func refuseDeepgram(w http.ResponseWriter, status int, code string) {
	if code == "" {
		code = deepgramCodes[status]
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Dg-Request-Id", "dg-refused")
	w.Header().Set("Dg-Error", "the vendor's own words")
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]string{"err_code": code, "err_msg": "the vendor's own words", "request_id": "dg-refused"}))
}

func checkDeepgram(q url.Values) (int, string) {
	rate, err := strconv.Atoi(q.Get("sample_rate"))
	switch encoding := q.Get("encoding"); {
	case err != nil || rate < 8000 || rate > 48000:
		return http.StatusBadRequest, ""
	case encoding != "linear16" && encoding != "mulaw":
		return http.StatusBadRequest, ""
	case q.Get("model") == "" || q.Get("model") == "unknown":
		return http.StatusBadRequest, ""
	case q.Get("channels") != "1":
		return http.StatusBadRequest, ""
	}
	return 0, ""
}

const (
	deepgramHop     = 500 * time.Millisecond
	deepgramSegment = 3 * time.Second
	deepgramPause   = 300 * time.Millisecond
)

type deepgram struct {
	s       *session
	ear     ear
	pos     int64 // samples received
	hop     int64 // up to here it was worked on
	start   int64 // of the segment
	words   []word
	pause   int64
	punct   bool
	lang    string
	diarize bool
	id      string
}

func newDeepgram(s *session) *deepgram {
	q := s.seen.Query
	d := &deepgram{
		s: s, ear: ear{voice: s.voice}, lang: q.Get("language"),
		punct: q.Get("punctuate") == "true", diarize: q.Get("diarize") == "true",
	}
	s.server.mu.Lock()
	d.id = fmt.Sprintf("dg-%d", len(s.server.sessions)+1)
	s.server.mu.Unlock()
	d.pause = d.samples(deepgramPause)
	if ms, err := strconv.Atoi(q.Get("endpointing")); err == nil {
		d.pause = d.samples(time.Duration(ms) * time.Millisecond)
	}
	return d
}

func (d *deepgram) samples(t time.Duration) int64 {
	return int64(t) * int64(d.s.voice.Rate) / int64(time.Second)
}

func (d *deepgram) seconds(samples int64) float64 {
	return float64(samples) / float64(d.s.voice.Rate)
}

func (d *deepgram) begin() {}

func (d *deepgram) patience() time.Duration { return 10 * time.Second }

// idle is the vendor's close when nothing came for ten seconds.
func (d *deepgram) idle() {
	d.s.close(1011, "Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001")
}

func (d *deepgram) fail(code string) { d.s.close(1011, code) }

func (d *deepgram) hear(binary bool, raw []byte) {
	if binary {
		d.audio(raw)
		return
	}
	var m struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(raw, &m) != nil {
		d.s.post(message{act: func() { d.s.close(1008, "Could not parse the message") }})
		return
	}
	d.s.note(m.Type)
	switch m.Type {
	case "KeepAlive":
	case "Finalize":
		if !d.s.endless {
			d.finalize(d.pos, false, true)
		}
	case "CloseStream":
		d.s.post(message{moment: momentFinish})
		d.finalize(d.pos, true, true)
		d.s.post(message{moment: momentLast})
		d.s.post(message{texts: [][]byte{d.metadata()}})
		d.s.post(message{act: func() { d.s.close(1000, "") }})
	}
}

func (d *deepgram) audio(audio []byte) {
	if len(audio) == 0 { // an old way to close
		d.s.post(message{act: func() { d.s.close(1000, "") }})
		return
	}
	d.s.received(len(audio))
	// In pieces that end at hops, so that it does not matter how it came.
	width := int64(d.s.voice.width())
	for len(audio) > 0 {
		left := d.hop + d.samples(deepgramHop) - d.pos
		n := min(int64(len(audio))/width, left)
		if n == 0 {
			break // half a sample
		}
		d.ear.hear(audio[:n*width])
		d.pos += n
		audio = audio[n*width:]
		if n == left {
			d.hop = d.pos
			d.work()
		}
	}
}

// work says what there is to say at a hop.
func (d *deepgram) work() {
	d.words = append(d.words, d.ear.drain()...)
	n := len(d.words)
	switch {
	case d.s.unheard:
	case d.s.endless:
		d.interim()
	case n > 0 && d.ear.open == nil && d.pos-d.words[n-1].end >= d.pause:
		d.finalize(d.pos, true, false)
	case d.pos-d.start >= d.samples(deepgramSegment) && n > 0:
		d.finalize(d.words[n-1].end, false, false)
	case d.pos-d.start >= d.samples(deepgramSegment) && d.ear.open == nil:
		d.finalize(d.pos, false, false)
	default:
		d.interim()
	}
	d.s.post(message{moment: momentAudio, played: d.s.voice.Span(int(d.pos) * d.s.voice.width())})
}

func (d *deepgram) interim() {
	d.s.post(message{texts: [][]byte{d.results(d.start, d.pos, d.words, false, false, false)}, interim: len(d.words) > 0})
}

// finalize ends the segment.
func (d *deepgram) finalize(end int64, speech, asked bool) {
	if d.s.unheard {
		return
	}
	if asked {
		d.ear.close()
		d.words = append(d.words, d.ear.drain()...)
	}
	if end > d.start {
		d.s.post(message{
			texts: [][]byte{d.results(d.start, end, d.words, true, speech && len(d.words) > 0, asked)}, final: true, words: d.words,
		})
	}
	d.start, d.words = end, nil
}

type dgWord struct {
	Word           string  `json:"word"`
	Start          float64 `json:"start"`
	End            float64 `json:"end"`
	Confidence     float64 `json:"confidence"`
	PunctuatedWord string  `json:"punctuated_word,omitempty"`
	Speaker        *int    `json:"speaker,omitempty"`
	Language       string  `json:"language,omitempty"`
}

type dgAlternative struct {
	Transcript string   `json:"transcript"`
	Confidence float64  `json:"confidence"`
	Languages  []string `json:"languages,omitempty"`
	Words      []dgWord `json:"words"`
}

type dgResults struct {
	Type         string  `json:"type"`
	ChannelIndex []int   `json:"channel_index"`
	Duration     float64 `json:"duration"`
	Start        float64 `json:"start"`
	IsFinal      bool    `json:"is_final"`
	SpeechFinal  bool    `json:"speech_final"`
	FromFinalize bool    `json:"from_finalize"`
	Channel      struct {
		Alternatives []dgAlternative `json:"alternatives"`
	} `json:"channel"`
	Metadata struct {
		RequestID string `json:"request_id"`
		ModelInfo struct {
			Name    string `json:"name"`
			Version string `json:"version"`
			Arch    string `json:"arch"`
		} `json:"model_info"`
		ModelUUID string `json:"model_uuid"`
	} `json:"metadata"`
}

func (d *deepgram) results(start, end int64, words []word, final, speech, asked bool) []byte {
	r := dgResults{Type: "Results", ChannelIndex: []int{0, 1}, IsFinal: final, SpeechFinal: speech, FromFinalize: asked}
	r.Start, r.Duration = d.seconds(start), d.seconds(end-start)
	r.Metadata.RequestID, r.Metadata.ModelInfo.Name, r.Metadata.ModelUUID = d.id, d.s.seen.Query.Get("model"), "uuid"
	alternative := dgAlternative{Words: []dgWord{}}
	if d.s.wordless {
		words = nil
	}
	var texts []string
	for i, w := range words {
		text := w.text()
		out := dgWord{Word: text, Start: d.seconds(w.start), End: d.seconds(w.end), Confidence: 0.75}
		if d.punct {
			if i == len(words)-1 && final {
				text += "."
			}
			out.PunctuatedWord = text
		}
		if d.diarize {
			who := w.number % 2
			out.Speaker = &who
		}
		if d.lang == "multi" {
			out.Language, alternative.Languages = "en", []string{"en"}
		}
		texts = append(texts, text)
		alternative.Words = append(alternative.Words, out)
		alternative.Confidence = 0.75
	}
	alternative.Transcript = strings.Join(texts, " ")
	r.Channel.Alternatives = []dgAlternative{alternative}
	return encode(r)
}

func (d *deepgram) metadata() []byte {
	duration := d.seconds(d.pos)
	if d.s.unheard {
		duration = 0
	}
	return encode(map[string]any{
		"type": "Metadata", "transaction_key": "deprecated", "request_id": d.id, "sha256": "0",
		"created": "2026-01-01T00:00:00Z", "duration": duration, "channels": 1,
	})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
