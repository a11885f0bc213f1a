package vendorsim

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"math"
	"mime/multipart"
	"net/http"
	"path"
	"slices"
	"strings"
	"unicode"
)

// openAIEar is a model that listens and what it can do.
type openAIEar struct {
	formats  []string // of an answer
	words    bool     // tells when words were said
	logprobs bool     // tells the probabilities of tokens
	diarizes bool     // tells who speaks, and wants to be told how to divide the audio
	lists    bool     // takes languages and keywords in place of a language
	deafTo   string   // the field that it does not take
	longest  float64  // seconds; 0: any
}

var (
	openAIWhisper = openAIEar{formats: []string{"json", "text", "srt", "verbose_json", "vtt"}, words: true}
	openAI4o      = openAIEar{formats: []string{"json", "text"}, logprobs: true, longest: 1500}
	openAIEars    = map[string]openAIEar{
		"whisper-1":                         openAIWhisper,
		"gpt-transcribe":                    {formats: []string{"json"}, lists: true, deafTo: "temperature"},
		"gpt-4o-transcribe":                 openAI4o,
		"gpt-4o-mini-transcribe":            openAI4o,
		"gpt-4o-mini-transcribe-2025-12-15": openAI4o,
		"gpt-4o-transcribe-diarize": {
			formats: []string{"json", "text", "diarized_json"}, diarizes: true, deafTo: "prompt", longest: 1400,
		},
	}
)

// openAIFields are those of a form.
var openAIFields = []string{
	"model", "language", "languages[]", "keywords[]", "prompt", "response_format", "temperature", "include[]",
	"timestamp_granularities[]", "chunking_strategy", "stream", "known_speaker_names[]", "known_speaker_references[]",
}

// openAIFiles are the kinds of files that are taken, by the extension of their
// name.
var openAIFiles = []string{"flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"}

const (
	openAIMaxFile   = 25 << 20
	openAIMinLength = 0.1 // seconds
)

// openAILanguages are languages by their codes, as whisper-1 names them.
var openAILanguages = map[string]string{
	"en": "english", "fr": "french", "de": "german", "es": "spanish", "no": "norwegian", "zh": "chinese",
}

// openAIRecording is a form with audio.
type openAIRecording struct {
	*multipart.Form

	name string // of the file
	data []byte
	ear  openAIEar
}

// transcribe checks a form and writes down the audio in it.
func (o openAI) transcribe(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseMultipartForm(maxMemory); err != nil {
		write(w, *openAIInvalid("", "", "Could not parse multipart form"))
		return
	}
	rec := openAIRecording{Form: r.MultipartForm}
	compatible := !strings.HasPrefix(r.URL.Path, "/v1/")
	for _, check := range []func(bool) *Answer{rec.readModel, rec.readFile} {
		if refusal := check(compatible); refusal != nil {
			write(w, *refusal)
			return
		}
	}
	if refusal := rec.refuse(); refusal != nil {
		write(w, *refusal)
		return
	}
	heard, ok := hearingOf(r.Context()).listen(rec.data, 0)
	if !ok || isCut(rec.data) || !rec.isNamed() {
		write(w, *openAIInvalid("file", "invalid_value", "Audio file might be corrupted or unsupported"))
		return
	}
	if refusal := rec.refuseLength(heard.duration); refusal != nil {
		write(w, *refusal)
		return
	}
	if language := rec.get("language"); language != "" && language != heard.language {
		// Another language is misheard.
		for i := range heard.words {
			heard.words[i].confidence = min(heard.words[i].confidence, 0.31)
		}
	}
	o.headers(w.Header())
	writeObject(w, rec.answer(heard))
}

// get is a field that is there once.
func (rec *openAIRecording) get(name string) string { return field(rec.Form, name) }

func (rec *openAIRecording) readModel(compatible bool) *Answer {
	model := rec.get("model")
	ear, ok := openAIEars[model]
	switch {
	case model == "":
		return openAIInvalid("", "", "you must provide a model parameter")
	case compatible:
		ear = openAIWhisper
	case !ok:
		a := openAIUnknown(model)
		return &a
	}
	rec.ear = ear
	return nil
}

// readFile reads the audio, by whose name the vendor goes.
func (rec *openAIRecording) readFile(bool) *Answer {
	files := rec.File["file"]
	if len(files) != 1 {
		return openAIMissing("file")
	}
	rec.name = files[0].Filename
	file, err := files[0].Open()
	if err == nil {
		defer file.Close()
		rec.data, err = io.ReadAll(file)
	}
	switch {
	case err != nil:
		return openAIInvalid("file", "", "The file could not be read.")
	case len(rec.data) > openAIMaxFile:
		a := openAIError(http.StatusRequestEntityTooLarge, "server_error", "", "",
			"Maximum content size limit ("+itoa(openAIMaxFile)+") exceeded ("+itoa(len(rec.data))+" bytes read)")
		return &a
	case !contains(openAIFiles, strings.TrimPrefix(path.Ext(rec.name), ".")):
		return openAIInvalid("", "", "Invalid file format. Supported formats: ['%s']", strings.Join(openAIFiles, "', '"))
	}
	return nil
}

// refuse is what the model does not take.
func (rec *openAIRecording) refuse() *Answer {
	for _, name := range slices.Sorted(maps.Keys(rec.Value)) {
		switch {
		case !contains(openAIFields, name), name == rec.ear.deafTo:
			return openAIInvalid(name, "unknown_parameter", "Unknown parameter: '%s'.", name)
		case len(rec.Value[name]) > 1 && !strings.HasSuffix(name, "[]"):
			return openAIInvalid(name, "invalid_value", "There is more than one '%s'.", name)
		}
	}
	format := rec.format()
	language, timed, keywords := rec.get("language"), rec.Value["timestamp_granularities[]"], rec.Value["keywords[]"]
	switch {
	case !contains(rec.ear.formats, format):
		return openAIInvalid("response_format", "unsupported_value",
			"response_format '%s' is not compatible with model '%s'. Use '%s' instead.",
			format, rec.get("model"), strings.Join(rec.ear.formats, "' or '"))
	case !strings.HasSuffix(format, "json"):
		return openAIInvalid("response_format", "unsupported_value", "This simulator does not make %s.", format)
	case len(timed) > 0 && (format != "verbose_json" || !rec.ear.words):
		return openAIInvalid("timestamp_granularities", "unsupported_value",
			"Timestamp granularities are only available with verbose_json.")
	case len(rec.Value["include[]"]) > 0 && !rec.ear.logprobs:
		return openAIInvalid("include", "unsupported_value", "include is not supported with this model.")
	case rec.ear.diarizes && rec.get("chunking_strategy") == "":
		return openAIInvalid("chunking_strategy", "invalid_value", "chunking_strategy is required for diarization models")
	case rec.ear.lists && language != "":
		return openAIInvalid("language", "unsupported_parameter", "Unsupported parameter: 'language'. Use 'languages' instead.")
	case !rec.ear.lists && len(rec.Value["languages[]"])+len(keywords) > 0:
		return openAIInvalid("languages", "unsupported_parameter", "Unsupported parameter: this model takes no languages and keywords.")
	case strings.ContainsAny(strings.Join(keywords, ""), "<>\r\n"):
		return openAIInvalid("keywords", "invalid_value", "Keywords must be single-line literals without '<' and '>'.")
	case language != "" && len(language) != 2:
		return openAIInvalid("language", "invalid_language_format",
			"Invalid language '%s'. Language parameter must be specified in ISO-639-1 format.", language)
	default:
		return nil
	}
}

func (rec *openAIRecording) format() string {
	if format := rec.get("response_format"); format != "" {
		return format
	}
	return "json"
}

// refuseLength says no to what is too short or too long for the model.
func (rec *openAIRecording) refuseLength(seconds float64) *Answer {
	switch {
	case seconds < openAIMinLength && rec.ear.words:
		return openAIInvalid("file", "audio_too_short", "Audio file is too short. Minimum audio length is 0.1 seconds.")
	case seconds < openAIMinLength:
		return openAIInvalid("", "invalid_value",
			"audio duration %v seconds is shorter than 0.1 seconds which is the minimum for this model", seconds)
	case rec.ear.longest > 0 && seconds > rec.ear.longest:
		return openAIInvalid("", "invalid_value",
			"audio duration %v seconds is longer than %v seconds which is the maximum for this model", seconds, rec.ear.longest)
	default:
		return nil
	}
}

// isNamed says whether the file is what its name says.
func (rec *openAIRecording) isNamed() bool {
	return bytes.HasPrefix(rec.data, []byte("RIFF")) == (path.Ext(rec.name) == ".wav")
}

// isCut says whether a WAV file is shorter than its header says.
func isCut(file []byte) bool {
	if !bytes.HasPrefix(file, []byte("RIFF")) || len(file) < 8 {
		return false
	}
	size := binary.LittleEndian.Uint32(file[4:])
	return size != math.MaxUint32 && int64(size) > int64(len(file)-8)
}

// answer is the transcript in the format that was asked for.
func (rec *openAIRecording) answer(heard heardSpeech) object {
	seconds := object{"type": "duration", "seconds": math.Ceil(heard.duration)}
	in, out := int(10*heard.duration), tokens(heard.text())
	counted := object{
		"type": "tokens", "input_tokens": in, "output_tokens": out, "total_tokens": in + out,
		"input_token_details": object{"text_tokens": 0, "audio_tokens": in},
	}
	a := object{"text": heard.text(), "usage": counted}
	switch {
	case rec.format() == "verbose_json":
		rec.tell(a, heard)
		a["usage"] = seconds
	case rec.format() == "diarized_json":
		a["task"], a["duration"], a["segments"] = "transcribe", thousandths(heard.duration), turnsBySpeaker(heard)
	case rec.ear.lists:
		a["languages"], a["usage"] = []object{{"code": heard.language}}, seconds
		if len(heard.words) == 0 {
			a["languages"] = []object{}
		}
	case len(rec.Value["include[]"]) > 0:
		a["logprobs"] = logprobs(heard)
	}
	return a
}

// tell adds what only verbose_json has.
func (rec *openAIRecording) tell(a object, heard heardSpeech) {
	a["task"], a["duration"], a["language"] = "transcribe", thousandths(heard.duration), openAILanguages[heard.language]
	timed := rec.Value["timestamp_granularities[]"]
	if len(timed) == 0 || slices.Contains(timed, "segment") {
		segments := []object{}
		for i, turn := range heard.turns() {
			text := heardSpeech{words: turn}
			n := make([]int, tokens(text.text()))
			segments = append(segments, object{
				"id": i, "seek": 0, "start": turn[0].start, "end": turn[len(turn)-1].end, "text": " " + text.text(), "tokens": n,
				"temperature": 0.0, "avg_logprob": logOf(text.confidence()), "compression_ratio": 1.1, "no_speech_prob": 0.01,
			})
		}
		a["segments"] = segments
	}
	if slices.Contains(timed, "word") {
		words := []object{}
		for _, w := range heard.words {
			words = append(words, object{"word": strings.TrimFunc(w.text, unicode.IsPunct), "start": w.start, "end": w.end})
		}
		a["words"] = words
	}
}

// turnsBySpeaker are segments whose speakers are called A, B and so on.
func turnsBySpeaker(heard heardSpeech) []object {
	segments := []object{}
	for i, turn := range heard.turns() {
		segments = append(segments, object{
			"type": "transcript.text.segment", "id": "seg_" + itoa(i), "start": turn[0].start, "end": turn[len(turn)-1].end,
			"text": " " + heardSpeech{words: turn}.text(), "speaker": string(rune('A' + turn[0].speaker)),
		})
	}
	return segments
}

// logprobs are tokens, one for each word.
func logprobs(heard heardSpeech) []object {
	all := []object{}
	for _, w := range heard.words {
		bytes := []int{}
		for _, b := range []byte(" " + w.text) {
			bytes = append(bytes, int(b))
		}
		all = append(all, object{"token": " " + w.text, "bytes": bytes, "logprob": logOf(w.confidence)})
	}
	return all
}

// logOf is the logarithm of a probability that may be none.
func logOf(p float64) float64 { return math.Log(max(p, 1e-9)) }
