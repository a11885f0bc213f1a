package vendorsim

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// ElevenLabsVoices are the voices that the simulator knows.
var ElevenLabsVoices = []string{"21m00Tcm4TlvDq8ikWAM", "JBFqnCBsd6RMkjVDRZzb"}

// ElevenLabs starts a simulator of ElevenLabs that accepts key.
func ElevenLabs(key string, opts ...Option) *Server {
	return Start(ElevenLabsVendor(key), opts...)
}

// ElevenLabsVendor is text to speech, speech to text and the account of
// ElevenLabs. It hears what [Say] has said.
func ElevenLabsVendor(key string) Vendor {
	e := elevenLabs{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/text-to-speech/{voice}", e.keyed(speakEleven(elevenWhole)))
	mux.HandleFunc("POST /v1/text-to-speech/{voice}/stream", e.keyed(speakEleven(elevenStream)))
	mux.HandleFunc("POST /v1/text-to-speech/{voice}/stream/with-timestamps", e.keyed(speakEleven(elevenTimed)))
	mux.HandleFunc("POST /v1/speech-to-text", e.keyed(listenEleven))
	mux.HandleFunc("GET /v1/user", e.keyed(e.user))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, elevenText(http.StatusNotFound, "Not Found"))
	})
	return Vendor{Name: "elevenlabs", KeyHeader: "Xi-Api-Key", Handler: mux, Refuse: elevenRefuse}
}

type elevenLabs struct{ key string }

func (e elevenLabs) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Xi-Api-Key") {
		case e.key:
			next(w, r)
		case "":
			write(w, elevenRefuse(http.StatusUnauthorized, "needs_authorization"))
		default:
			write(w, elevenRefuse(http.StatusUnauthorized, "invalid_api_key"))
		}
	}
}

func (e elevenLabs) user(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{
		"user_id":      "u1",
		"subscription": map[string]any{"tier": "creator", "character_count": 100, "character_limit": 100000},
	})
}

// elevenFormats splits output_format into codec, sample rate and bit rate.
var elevenFormats = regexp.MustCompile(`^(mp3)_(22050)_(32)$|^(mp3)_(24000)_(48)$|^(mp3)_(44100)_(32|64|96|128|192)$|` +
	`^(opus)_(48000)_(32|64|96|128|192)$|^(pcm|wav)_(8000|16000|22050|24000|32000|44100|48000)$|^(ulaw|alaw)_(8000)$`)

var elevenModels = []string{
	"eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_flash_v2", "eleven_turbo_v2", "eleven_v3",
}

const elevenMaxText = 10000

type elevenRequest struct {
	Text          *string `json:"text"`
	ModelID       string  `json:"model_id"`
	LanguageCode  string  `json:"language_code"`
	VoiceSettings struct {
		Stability       *float64 `json:"stability"`
		SimilarityBoost *float64 `json:"similarity_boost"`
		Style           *float64 `json:"style"`
		Speed           *float64 `json:"speed"`
	} `json:"voice_settings"`
}

// elevenSpeech is what a good request asks for.
type elevenSpeech struct {
	text, format string
	time         time.Duration
}

// speakEleven checks a request and has it answered.
func speakEleven(endpoint elevenEndpoint) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		req := elevenRequest{ModelID: "eleven_multilingual_v2"}
		if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
			write(w, elevenInvalid("body", "json_invalid", "JSON decode error"))
			return
		}
		format := r.URL.Query().Get("output_format")
		if format == "" {
			format = "mp3_44100_128"
		}
		if endpoint.chunked && strings.HasPrefix(format, "wav_") {
			write(w, elevenInvalid("output_format", "enum", "Input should be one of the known formats"))
			return
		}
		if refusal := req.refuse(r.PathValue("voice"), format); refusal != nil {
			write(w, *refusal)
			return
		}
		speed := 1.0
		if s := req.VoiceSettings.Speed; s != nil {
			speed = *s
		}
		w.Header().Set("Request-Id", "eleven-1")
		w.Header().Set("Character-Cost", strconv.Itoa(utf8.RuneCountInString(*req.Text)))
		endpoint.answer(w, elevenSpeech{text: *req.Text, format: format, time: speechTime(*req.Text, speed)})
	}
}

// elevenEndpoint is one way to get speech.
type elevenEndpoint struct {
	chunked bool // there is no WAV then
	answer  func(http.ResponseWriter, elevenSpeech)
}

var (
	elevenWhole  = elevenEndpoint{answer: answerWhole}
	elevenStream = elevenEndpoint{chunked: true, answer: answerChunks}
	elevenTimed  = elevenEndpoint{chunked: true, answer: answerTimed}
)

func answerWhole(w http.ResponseWriter, s elevenSpeech) {
	contentType, body := s.audio()
	w.Header().Set("Content-Type", contentType)
	_, _ = w.Write(body)
}

func answerChunks(w http.ResponseWriter, s elevenSpeech) {
	contentType, body := s.audio()
	w.Header().Set("Content-Type", contentType)
	writeChunks(w, body)
}

// refuse checks as the vendor does, in its order.
func (req elevenRequest) refuse(voice, format string) *Answer {
	var a Answer
	v := req.VoiceSettings
	switch {
	case req.Text == nil:
		a = elevenInvalid("text", "missing", "Field required")
	case elevenFormats.FindString(format) == "":
		a = elevenInvalid("output_format", "enum", "Input should be one of the known formats")
	case outside(v.Stability, 0, 1), outside(v.SimilarityBoost, 0, 1), outside(v.Style, 0, 1), outside(v.Speed, 0.7, 1.2):
		a = elevenLegacy("invalid_voice_settings", "Invalid setting received.")
	case strings.TrimSpace(*req.Text) == "":
		a = elevenLegacy("input_text_empty", "Input text is empty.")
	case utf8.RuneCountInString(*req.Text) > elevenMaxText:
		a = elevenRefuse(http.StatusBadRequest, "max_character_limit_exceeded")
	case !contains(ElevenLabsVoices, voice):
		a = elevenRefuse(http.StatusNotFound, "voice_not_found")
	case !contains(elevenModels, req.ModelID):
		a = elevenLegacy("model_not_found", "A model with that ID does not exist.")
	case req.LanguageCode != "" && req.ModelID == "eleven_multilingual_v2":
		a = elevenLegacy("unsupported_language", "The model does not support the language_code.")
	default:
		return nil
	}
	return &a
}

// audio is the speech in the format asked for.
func (s elevenSpeech) audio() (contentType string, body []byte) {
	parts := strings.Split(s.format, "_")
	rate := atoi(parts[1])
	switch parts[0] {
	case "mp3":
		return "audio/mpeg", mp3(s.time, rate, 1000*atoi(parts[2]))
	case "wav":
		return "audio/wav", wav(s.time, rate)
	case "ulaw":
		return "audio/basic", muLaw(s.time, rate)
	case "alaw":
		return "audio/alaw", aLaw(s.time, rate)
	case "opus":
		return "audio/ogg", oggOpus(s.time)
	default:
		return "audio/pcm", pcm(s.time, rate)
	}
}

// elevenCodes is what the vendor says with a status when it says the usual.
var elevenCodes = map[int]struct{ kind, code string }{
	400: {"validation_error", "invalid_request"},
	401: {"authentication_error", "invalid_api_key"},
	402: {"payment_required", "insufficient_credits"},
	403: {"authorization_error", "insufficient_permissions"},
	404: {"not_found", "voice_not_found"},
	409: {"conflict", "already_running"},
	422: {"validation_error", "invalid_parameters"},
	429: {"rate_limit_error", "rate_limit_exceeded"},
	500: {"internal_error", "internal_server_error"},
	503: {"service_unavailable", "service_unavailable"},
}

// elevenRefuse is the envelope of the newer generation.
func elevenRefuse(status int, code string) Answer {
	usual := elevenCodes[status]
	if code == "" {
		code = usual.code
	}
	return jsonAnswer(status, map[string]any{"detail": map[string]any{
		"type": usual.kind, "code": code, "status": code, "message": "Refused on command.", "request_id": "eleven-1",
	}})
}

// elevenLegacy is the envelope of the older generation, which the API still
// has for bad requests.
func elevenLegacy(code, message string) Answer {
	return jsonAnswer(http.StatusBadRequest, map[string]any{"detail": map[string]any{"status": code, "message": message}})
}

// elevenInvalid is the envelope of a request that does not fit the schema.
func elevenInvalid(field, kind, message string) Answer {
	return jsonAnswer(http.StatusUnprocessableEntity, map[string]any{"detail": []any{
		map[string]any{"loc": []any{"body", field}, "msg": message, "type": kind},
	}})
}

// elevenText is the envelope of the framework underneath.
func elevenText(status int, text string) Answer {
	return jsonAnswer(status, map[string]any{"detail": text})
}
