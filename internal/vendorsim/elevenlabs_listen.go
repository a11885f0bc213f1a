package vendorsim

import (
	"io"
	"math"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"
)

// elevenSTTModels are those of speech to text.
var elevenSTTModels = []string{"scribe_v1", "scribe_v2"}

// elevenCodes639 are languages as the vendor names those it heard.
var elevenCodes639 = map[string]string{"en": "eng", "fr": "fra", "de": "deu", "es": "spa", "no": "nor", "zh": "zho", "yue": "yue"}

// maxMemory is how much of a form is kept in memory.
const maxMemory = 128 << 20

// listenEleven is POST /v1/speech-to-text.
func listenEleven(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Request-Id", "eleven-1")
	if err := r.ParseMultipartForm(maxMemory); err != nil {
		write(w, elevenInvalid("body", "missing", "Field required"))
		return
	}
	form := r.MultipartForm
	if refusal := refuseListening(form); refusal != nil {
		write(w, *refusal)
		return
	}
	heard, ok := listenForm(hearingOf(r.Context()), form)
	if !ok {
		write(w, elevenLegacy("invalid_audio", "The audio could not be read."))
		return
	}
	writeJSON(w, elevenTranscript(heard, field(form, "diarize") == "true"))
}

// refuseListening checks as the vendor does.
func refuseListening(form *multipart.Form) *Answer {
	var a Answer
	model, file, address := field(form, "model_id"), len(form.File["file"]), field(form, "cloud_storage_url")
	language := field(form, "language_code")
	_, spoken := elevenCodes639[language]
	switch {
	case model == "":
		a = elevenInvalid("model_id", "missing", "Field required")
	case !contains(elevenSTTModels, model):
		a = elevenLegacy("invalid_model_id", "The model does not exist.")
	case (file == 1) == (address != ""):
		a = elevenLegacy("invalid_parameters", "Exactly one of file and cloud_storage_url must be given.")
	case address != "" && !strings.HasPrefix(strings.ToLower(address), "https://"):
		a = elevenLegacy("invalid_parameters", "The URL must be https.")
	case language != "" && !spoken:
		a = elevenLegacy("unsupported_language", "The language is not supported.")
	case !isBool(field(form, "diarize")), !isBool(field(form, "tag_audio_events")):
		a = elevenInvalid("diarize", "bool_parsing", "Input should be a valid boolean")
	case !contains([]string{"", "none", "word", "character"}, field(form, "timestamps_granularity")):
		a = elevenInvalid("timestamps_granularity", "enum", "Input should be 'none', 'word' or 'character'")
	case !contains([]string{"", "pcm_s16le_16", "other"}, field(form, "file_format")):
		a = elevenInvalid("file_format", "enum", "Input should be 'pcm_s16le_16' or 'other'")
	case len(form.Value["keyterms"]) > 0 && model == "scribe_v1":
		a = elevenLegacy("invalid_parameters", "The model takes no keyterms.")
	default:
		for _, term := range form.Value["keyterms"] {
			if utf8.RuneCountInString(term) >= 50 || len(strings.Fields(term)) > 5 {
				a = elevenLegacy("invalid_parameters", "A keyterm is too long.")
				return &a
			}
		}
		return nil
	}
	return &a
}

func isBool(value string) bool { return contains([]string{"", "true", "false"}, value) }

func field(form *multipart.Form, name string) string {
	if all := form.Value[name]; len(all) > 0 {
		return all[0]
	}
	return ""
}

// listenForm hears the file, or what is at the URL.
func listenForm(h hearing, form *multipart.Form) (heardSpeech, bool) {
	if address := field(form, "cloud_storage_url"); address != "" {
		return h.fetch(address)
	}
	file, err := form.File["file"][0].Open()
	if err != nil {
		return heardSpeech{}, false
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return heardSpeech{}, false
	}
	rate := 0
	if field(form, "file_format") == "pcm_s16le_16" {
		rate = 16000
	}
	return h.listen(data, rate)
}

// elevenTranscript is an answer as the vendor's: words, and what is between
// them.
func elevenTranscript(heard heardSpeech, diarized bool) map[string]any {
	words := []any{}
	add := func(w heardWord, kind, text string) {
		word := map[string]any{
			"text": text, "start": w.start, "end": w.end, "type": kind,
			"logprob": math.Log(max(w.confidence, 1e-9)), "speaker_id": nil,
		}
		if diarized {
			word["speaker_id"] = "speaker_" + itoa(w.speaker)
		}
		words = append(words, word)
	}
	for i, w := range heard.words {
		if i > 0 {
			before := heard.words[i-1]
			add(heardWord{start: before.end, end: w.start, confidence: 1, speaker: before.speaker}, "spacing", " ")
		}
		add(w, "word", w.text)
	}
	code, ok := elevenCodes639[heard.language]
	if !ok {
		code = heard.language
	}
	return map[string]any{
		"language_code": code, "language_probability": 0.98, "text": heard.text(), "words": words,
		"transcription_id": "transcript1", "audio_duration_secs": thousandths(heard.duration),
	}
}
