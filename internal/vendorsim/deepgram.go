package vendorsim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Deepgram starts a simulator of Deepgram that accepts key.
func Deepgram(key string, opts ...Option) *Server {
	return Start(DeepgramVendor(key), opts...)
}

// DeepgramVendor is text to speech, speech to text and the projects of Deepgram.
// It hears what [Say] has said.
func DeepgramVendor(key string) Vendor {
	d := deepgram{key: key}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/speak", d.keyed(d.speak))
	mux.HandleFunc("POST /v1/listen", d.keyed(d.listen))
	mux.HandleFunc("GET /v1/projects", d.keyed(d.projects))
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, deepRefuse(http.StatusNotFound, ""))
	})
	return Vendor{Name: "deepgram", KeyHeader: "Authorization", Handler: mux, Refuse: deepRefuse}
}

type deepgram struct{ key string }

func (d deepgram) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Dg-Request-Id", "deep-1")
		if r.Header.Get("Authorization") != "Token "+d.key {
			write(w, deepRefuse(http.StatusUnauthorized, "INVALID_AUTH"))
			return
		}
		next(w, r)
	}
}

func (d deepgram) projects(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]any{"projects": []any{map[string]any{"project_id": "p1", "name": "main"}}})
}

var deepModels = regexp.MustCompile(`^aura(-2)?-[a-z]+-[a-z]{2}$`)

// deepEncoding is one row of the combinations that the vendor takes: nil
// means that the parameter cannot be chosen.
type deepEncoding struct {
	containers  []string
	rates       []int
	bitRates    func(float64) bool
	contentType string
	make        func(d time.Duration, container string, rate, bitRate int) []byte
}

var deepEncodings = map[string]deepEncoding{
	"linear16": {
		containers: []string{"wav", "none"}, rates: []int{24000, 8000, 16000, 32000, 48000}, contentType: "audio/l16",
		make: func(d time.Duration, container string, rate, _ int) []byte {
			if container == "wav" {
				return wav(d, rate)
			}
			return pcm(d, rate)
		},
	},
	"mulaw": {
		containers: []string{"none"}, rates: []int{8000, 16000}, contentType: "audio/mulaw",
		make: func(d time.Duration, _ string, rate, _ int) []byte { return muLaw(d, rate) },
	},
	"alaw": {
		containers: []string{"none"}, rates: []int{8000, 16000}, contentType: "audio/alaw",
		make: func(d time.Duration, _ string, rate, _ int) []byte { return aLaw(d, rate) },
	},
	"mp3": {
		bitRates: func(b float64) bool { return b == 32000 || b == 48000 }, contentType: "audio/mpeg",
		make: func(d time.Duration, _ string, _, bitRate int) []byte { return mp3(d, 22050, bitRate) },
	},
	"opus": {
		containers: []string{"ogg"}, bitRates: func(b float64) bool { return b >= 4000 && b <= 650000 }, contentType: "audio/ogg",
		make: func(d time.Duration, _ string, _, _ int) []byte { return oggOpus(d) },
	},
}

const deepMaxText = 2000

func (d deepgram) speak(w http.ResponseWriter, r *http.Request) {
	var req struct {
		Text *string `json:"text"`
	}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil || req.Text == nil {
		write(w, deepNew(http.StatusBadRequest, "INVALID_JSON", "Invalid JSON submitted."))
		return
	}
	q := r.URL.Query()
	model, speed := q.Get("model"), 1.0
	if model == "" {
		model = "aura-asteria-en"
	}
	if s := q.Get("speed"); s != "" {
		var err error
		if speed, err = strconv.ParseFloat(s, 64); err != nil || outside(&speed, 0.7, 1.5) {
			write(w, deepNew(http.StatusBadRequest, "INVALID_QUERY_PARAMETER", "Failed to deserialize query parameters."))
			return
		}
	}
	switch {
	case strings.TrimSpace(*req.Text) == "":
		write(w, deepOld(http.StatusBadRequest, "Bad Request", "Input text contained no characters."))
	case utf8.RuneCountInString(*req.Text) > deepMaxText:
		write(w, deepRefuse(http.StatusRequestEntityTooLarge, ""))
	case !deepModels.MatchString(model):
		write(w, deepOld(http.StatusBadRequest, "Bad Request", "No such model/version combination found."))
	default:
		w.Header().Set("Dg-Model-Name", model)
		w.Header().Set("Dg-Char-Count", itoa(utf8.RuneCountInString(*req.Text)))
		speakDeep(w, *req.Text, speed, q)
	}
}

func speakDeep(w http.ResponseWriter, text string, speed float64, q url.Values) {
	name := q.Get("encoding")
	if name == "" {
		name = "mp3"
	}
	e, ok := deepEncodings[name]
	container, rate, bitRate := q.Get("container"), 0, 48000
	if container == "" && len(e.containers) > 0 {
		container = e.containers[0]
	}
	ok = ok && (container == "" || slices.Contains(e.containers, container))
	if len(e.rates) > 0 {
		rate = e.rates[0]
	}
	if s := q.Get("sample_rate"); s != "" {
		rate = atoi(s)
		ok = ok && slices.Contains(e.rates, rate)
	}
	if s := q.Get("bit_rate"); s != "" {
		bitRate = atoi(s)
		ok = ok && e.bitRates != nil && e.bitRates(float64(bitRate))
	}
	if !ok {
		write(w, deepOld(http.StatusBadRequest, "UNSUPPORTED_AUDIO_FORMAT", "Unsupported audio format requested."))
		return
	}
	w.Header().Set("Content-Type", e.contentType)
	if container == "wav" {
		w.Header().Set("Content-Type", "audio/wav")
	}
	writeChunks(w, e.make(speechTime(text, speed), container, rate, bitRate))
}

var deepCodes = map[int]string{
	400: "Bad Request",
	401: "INVALID_AUTH",
	402: "ASR_PAYMENT_REQUIRED",
	403: "INSUFFICIENT_PERMISSIONS",
	404: "PROJECT_NOT_FOUND",
	413: "PAYLOAD_TOO_LARGE",
	415: "UNSUPPORTED_MEDIA_TYPE",
	422: "UNPROCESSABLE_ENTITY",
	429: "TOO_MANY_REQUESTS",
	500: "INTERNAL_SERVER_ERROR",
	503: "SERVICE_UNAVAILABLE",
	504: "GATEWAY_TIMEOUT",
}

func deepRefuse(status int, code string) Answer {
	if code == "" {
		code = deepCodes[status]
	}
	return deepOld(status, code, "Refused on command.")
}

// deepOld is the envelope with err_code.
func deepOld(status int, code, message string) Answer {
	return jsonAnswer(status, map[string]any{"err_code": code, "err_msg": message, "request_id": "deep-1"})
}

// deepNew is the envelope with category.
func deepNew(status int, category, message string) Answer {
	return jsonAnswer(status, map[string]any{
		"category": category, "message": message, "details": "on command", "request_id": "deep-1",
	})
}
