package vendorsim

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// openAISpeechModels speak. The older ones have fewer voices, and no events in
// place of audio.
var openAISpeechModels = []string{"gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15", "tts-1", "tts-1-hd"}

// OpenAIVoices are the voices of OpenAI, those of the older models first.
var OpenAIVoices = []string{
	"alloy", "ash", "coral", "echo", "fable", "nova", "onyx", "sage", "shimmer",
	"ballad", "cedar", "marin", "verse",
}

// openAIOldVoices is how many of them the older models have.
const openAIOldVoices = 9

const (
	openAIMaxText   = 4096 // characters
	openAIMaxTokens = 2000 // of the newer models
)

// openAISound is how a format is made.
type openAISound struct {
	contentType string
	make        func(d time.Duration) []byte
}

// openAIRate is what the vendor speaks at.
const openAIRate = 24000

var openAISounds = map[string]openAISound{
	"mp3":  {"audio/mpeg", func(d time.Duration) []byte { return mp3(d, openAIRate, 160000) }},
	"opus": {"audio/opus", oggOpus},
	"wav":  {"audio/wav", func(d time.Duration) []byte { return unsized(wav(d, openAIRate)) }},
	"pcm":  {"audio/pcm", func(d time.Duration) []byte { return pcm(d, openAIRate) }},
}

// unsized is a WAV file whose header was written before its length was known.
func unsized(file []byte) []byte {
	copy(file[4:], "\xff\xff\xff\xff")
	copy(file[40:], "\xff\xff\xff\xff")
	return file
}

type openAISpeech struct {
	Model        string      `json:"model"`
	Input        *string     `json:"input"`
	Voice        openAIVoice `json:"voice"`
	Format       string      `json:"response_format"`
	Speed        *float64    `json:"speed"`
	StreamFormat string      `json:"stream_format"`
}

// openAIVoice is a name, or the id of a voice of one's own.
type openAIVoice struct{ name, id string }

func (v *openAIVoice) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &v.name) == nil {
		return nil
	}
	var own struct {
		ID string `json:"id"`
	}
	err := json.Unmarshal(b, &own)
	v.id = own.ID
	return err
}

// old says whether the model is of the older ones.
func (req openAISpeech) old() bool { return strings.HasPrefix(req.Model, "tts-1") }

// speak checks a request and answers it.
func (o openAI) speak(w http.ResponseWriter, r *http.Request) {
	req := openAISpeech{Format: "mp3", StreamFormat: "audio"}
	if err := json.NewDecoder(r.Body).Decode(&req); err != nil {
		write(w, *openAIInvalid("", "", "We could not parse the JSON body of your request. (HINT: %s)", err.Error()))
		return
	}
	compatible := !strings.HasPrefix(r.URL.Path, "/v1/")
	if refusal := req.refuse(compatible); refusal != nil {
		write(w, *refusal)
		return
	}
	o.headers(w.Header())
	speed := 1.0
	if req.Speed != nil && (compatible || req.old()) { // the others do not mind it
		speed = *req.Speed
	}
	sound := openAISounds[req.Format]
	audio := sound.make(speechTime(*req.Input, speed))
	if req.StreamFormat == "sse" {
		req.events(w, audio)
		return
	}
	w.Header().Set("Content-Type", sound.contentType)
	writeChunks(w, audio)
}

// events are the audio in pieces, and the end.
func (req openAISpeech) events(w http.ResponseWriter, audio []byte) {
	e := newEvents(w, "text/event-stream; charset=utf-8", "\n")
	for chunk := range slices.Chunk(audio, ChunkSize) {
		e.data(object{"type": "speech.audio.delta", "audio": chunk})
	}
	in, out := speechTokens(*req.Input), len(audio)/ChunkSize+1
	e.data(object{"type": "speech.audio.done", "usage": object{
		"input_tokens": in, "output_tokens": out, "total_tokens": in + out,
	}})
}

// speechTokens of a text are four letters each, or one character of another
// script.
func speechTokens(text string) int {
	n := 0.0
	for _, r := range text {
		if r < utf8.RuneSelf {
			n += 0.25
		} else {
			n++
		}
	}
	return int(math.Ceil(n))
}

// refuse checks as the vendor does. A compatible server has other models and
// voices.
func (req openAISpeech) refuse(compatible bool) *Answer {
	_, known := openAISounds[req.Format]
	switch {
	case req.Model == "":
		return openAIMissing("model")
	case !compatible && !contains(openAISpeechModels, req.Model):
		a := openAIUnknown(req.Model)
		return &a
	case req.Input == nil:
		return openAIMissing("input")
	case req.Voice == openAIVoice{}:
		return openAIMissing("voice")
	case *req.Input == "":
		return openAIMistyped("string_too_short", "input", "String should have at least 1 character")
	case utf8.RuneCountInString(*req.Input) > openAIMaxText:
		return openAIMistyped("string_too_long", "input", "String should have at most 4096 characters")
	case !known && req.Format != "aac" && req.Format != "flac":
		return openAIMistyped("enum", "response_format", "Input should be 'mp3', 'opus', 'aac', 'flac', 'wav' or 'pcm'")
	case !known:
		return openAIInvalid("response_format", "unsupported_value", "This simulator does not make %s.", req.Format)
	case req.StreamFormat != "audio" && req.StreamFormat != "sse":
		return openAIMistyped("enum", "stream_format", "Input should be 'sse' or 'audio'")
	case outside(req.Speed, 0.25, 4):
		return openAIMistyped("less_than_equal", "speed", "Input should be greater than or equal to 0.25 and less than or equal to 4")
	case compatible:
		return nil
	}
	return req.refuseByModel()
}

// refuseByModel is what a model cannot do.
func (req openAISpeech) refuseByModel() *Answer {
	voices := OpenAIVoices
	if req.old() {
		voices = voices[:openAIOldVoices]
	}
	tokens := speechTokens(*req.Input)
	switch {
	case req.Voice.name != "" && !contains(voices, req.Voice.name):
		return openAIMistyped("enum", "voice", "Input should be '"+strings.Join(voices, "', '")+"'")
	case req.old() && req.Voice.id != "":
		return openAIInvalid("voice", "unsupported_value", "Custom voices are not supported with this model.")
	case req.old() && req.StreamFormat == "sse":
		return openAIInvalid("stream_format", "unsupported_value", "stream_format 'sse' is not supported with this model.")
	case !req.old() && tokens > openAIMaxTokens:
		return openAIInvalid("", "invalid_value",
			"Input of %d tokens is over the maximum input limit of %d tokens. Please shorten your input.", tokens, openAIMaxTokens)
	default:
		return nil
	}
}

// openAIMissing and openAIMistyped are how the audio endpoints tell what is
// wrong with a field: in the message, without a code.
func openAIMissing(field string) *Answer { return openAIMistyped("missing", field, "Field required") }

func openAIMistyped(kind, field, what string) *Answer {
	return openAIInvalid("", "", "%s", fmt.Sprintf("[{'type': '%s', 'loc': ('body', '%s'), 'msg': %q}]", kind, field, what))
}
