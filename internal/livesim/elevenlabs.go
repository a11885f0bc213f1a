package livesim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ElevenLabs runs ElevenLabs' live transcription: GET
// /v1/speech-to-text/realtime.
//
// It gives a partial transcript every quarter second of audio once somebody has
// spoken, and commits when the speaker pauses, if its strategy is vad, and when
// it is told to. It says nothing of silence.
func ElevenLabs(key string, opts ...Option) *Server {
	return start(vendor{
		name: "elevenlabs", path: "/v1/speech-to-text/realtime", keyHeader: "Xi-Api-Key",
		key:    func(key string) string { return key },
		refuse: refuseElevenLabs, check: checkElevenLabs,
		voice: func(q url.Values) Voice {
			coding, rate, _ := strings.Cut(q.Get("audio_format"), "_")
			n, _ := strconv.Atoi(rate)
			return Voice{Rate: n, MuLaw: coding == "ulaw"}
		},
		meet: func(s *session) speaker { return newElevenLabs(s) },
	}, key, opts)
}

var elevenLabsCodes = map[int]string{
	400: "bad_request", 401: "invalid_api_key", 403: "authorization_error", 404: "not_found", 429: "rate_limit_exceeded",
	500: "internal_server_error", 503: "service_unavailable",
}

func refuseElevenLabs(w http.ResponseWriter, status int, code string) {
	if code == "" {
		code = elevenLabsCodes[status]
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Request-Id", "el-refused")
	w.WriteHeader(status)
	_, _ = w.Write(encode(map[string]any{"detail": map[string]string{"code": code, "message": "the vendor's own words"}}))
}

var elevenLabsFormats = []string{"pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000", "pcm_44100", "pcm_48000", "ulaw_8000"}

func checkElevenLabs(q url.Values) (int, string) {
	strategy := q.Get("commit_strategy")
	switch {
	case q.Get("model_id") != "scribe_v2_realtime":
		return http.StatusNotFound, "model_not_found"
	case !slices.Contains(elevenLabsFormats, q.Get("audio_format")):
		return http.StatusBadRequest, ""
	case strategy != "vad" && strategy != "manual" && strategy != "":
		return http.StatusBadRequest, ""
	case len(q["keyterms"]) > 50 || slices.ContainsFunc(q["keyterms"], func(s string) bool { return len(s) > 20 }):
		return http.StatusBadRequest, ""
	}
	return 0, ""
}

const (
	elevenLabsHop    = 250 * time.Millisecond
	elevenLabsLeast  = 300 * time.Millisecond // to be committed
	elevenLabsUnsaid = 90 * time.Second       // after which it commits by itself
)

type elevenLabs struct {
	s     *session
	ear   ear
	pos   int64
	hop   int64
	start int64 // what was committed ends
	words []word
	vad   bool
	pause int64
	id    string
}

func newElevenLabs(s *session) *elevenLabs {
	q := s.seen.Query
	e := &elevenLabs{s: s, ear: ear{voice: s.voice}, vad: q.Get("commit_strategy") == "vad"}
	s.server.mu.Lock()
	e.id = fmt.Sprintf("el-%d", len(s.server.sessions)+1)
	s.server.mu.Unlock()
	e.pause = e.samples(1500 * time.Millisecond)
	if secs, err := strconv.ParseFloat(q.Get("vad_silence_threshold_secs"), 64); err == nil {
		e.pause = e.samples(time.Duration(secs * float64(time.Second)))
	}
	return e
}

func (e *elevenLabs) samples(t time.Duration) int64 {
	return int64(t) * int64(e.s.voice.Rate) / int64(time.Second)
}

func (e *elevenLabs) begin() {
	q := e.s.seen.Query
	e.s.post(message{texts: [][]byte{encode(map[string]any{
		"message_type": "session_started", "session_id": e.id,
		"config": map[string]any{"sample_rate": e.s.voice.Rate, "audio_format": q.Get("audio_format"), "model_id": q.Get("model_id")},
	})}})
}

func (e *elevenLabs) patience() time.Duration { return 15 * time.Second }

func (e *elevenLabs) idle() { e.s.close(1000, "") }

// fail sends an error and closes.
func (e *elevenLabs) fail(code string) {
	e.s.send(true, encode(map[string]string{"message_type": code, "error": "the vendor's own words"}))
	e.s.close(1008, code)
}

func (e *elevenLabs) hear(binary bool, raw []byte) {
	var m struct {
		Type   string  `json:"message_type"`
		Audio  *[]byte `json:"audio_base_64"`
		Commit bool    `json:"commit"`
		Rate   int     `json:"sample_rate"`
	}
	if binary || json.Unmarshal(raw, &m) != nil || m.Type != "input_audio_chunk" || m.Audio == nil ||
		(m.Rate != 0 && m.Rate != e.s.voice.Rate) || base64.StdEncoding.EncodedLen(len(*m.Audio)) > 1<<20 {
		e.s.post(message{act: func() { e.fail("input_error") }})
		return
	}
	if len(*m.Audio) > 0 {
		e.audio(*m.Audio)
	} else if !m.Commit {
		e.s.note("empty")
	}
	if m.Commit {
		e.s.note("commit")
		if e.s.endless {
			return
		}
		e.s.post(message{moment: momentFinish})
		e.commit(true)
		e.s.post(message{moment: momentLast})
		if e.s.hanging {
			e.s.stall()
		}
	}
}

func (e *elevenLabs) audio(audio []byte) {
	e.s.received(len(audio))
	width := int64(e.s.voice.width())
	for len(audio) > 0 {
		left := e.hop + e.samples(elevenLabsHop) - e.pos
		n := min(int64(len(audio))/width, left)
		if n == 0 {
			break
		}
		e.ear.hear(audio[:n*width])
		e.pos += n
		audio = audio[n*width:]
		if n == left {
			e.hop = e.pos
			e.work()
		}
	}
}

func (e *elevenLabs) work() {
	e.words = append(e.words, e.ear.drain()...)
	n := len(e.words)
	switch {
	case e.s.unheard, n == 0:
	case e.vad && !e.s.endless && e.ear.open == nil && e.pos-e.words[n-1].end >= e.pause,
		!e.s.endless && e.pos-e.start >= e.samples(elevenLabsUnsaid):
		e.commit(false)
	default:
		e.s.post(message{texts: [][]byte{encode(map[string]string{
			"message_type": "partial_transcript", "text": e.text(),
		})}, interim: true})
	}
	e.s.post(message{moment: momentAudio, played: e.s.voice.Span(int(e.pos) * e.s.voice.width())})
}

func (e *elevenLabs) text() string {
	var texts []string
	if !e.s.wordless {
		for _, w := range e.words {
			texts = append(texts, w.text())
		}
	}
	return strings.Join(texts, " ")
}

type elWord struct {
	Text    string  `json:"text"`
	Start   float64 `json:"start"`
	End     float64 `json:"end"`
	Type    string  `json:"type"`
	Speaker string  `json:"speaker_id,omitempty"`
	Logprob float64 `json:"logprob"`
}

// commit ends what was said so far.
func (e *elevenLabs) commit(asked bool) {
	if e.s.unheard {
		return
	}
	if asked {
		if e.pos-e.start < e.samples(elevenLabsLeast) {
			e.s.post(message{texts: [][]byte{encode(map[string]string{"message_type": "commit_throttled", "error": "too little audio"})}})
			return
		}
		e.ear.close()
		e.words = append(e.words, e.ear.drain()...)
	}
	text := e.text()
	words := []elWord{}
	for i, w := range e.words {
		if e.s.wordless {
			break
		}
		at := func(n int64) float64 { return float64(n) / float64(e.s.voice.Rate) }
		if i > 0 {
			words = append(words, elWord{Text: " ", Start: at(e.words[i-1].end), End: at(w.start), Type: "spacing"})
		}
		words = append(words, elWord{Text: w.text(), Start: at(w.start), End: at(w.end), Type: "word", Logprob: -0.5})
	}
	language := e.s.seen.Query.Get("language_code")
	if language == "" {
		language = "en"
	}
	texts := [][]byte{encode(map[string]string{"message_type": "committed_transcript", "text": text})}
	if e.s.seen.Query.Get("include_timestamps") == "true" {
		texts = append(texts, encode(map[string]any{
			"message_type": "committed_transcript_with_timestamps", "text": text, "language_code": language, "words": words,
		}))
	}
	e.s.post(message{texts: texts, final: true, words: e.words})
	e.start, e.words = e.pos, nil
}
