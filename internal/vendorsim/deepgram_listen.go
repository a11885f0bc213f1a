package vendorsim

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// DeepgramSTTModels are the speech-to-text models that the simulator knows, with
// the languages that they speak.
var DeepgramSTTModels = map[string][]string{
	"nova-3":         {"en", "en-US", "en-GB", "de", "es", "es-419", "fr", "no", "zh", "zh-HK", "multi"},
	"nova-3-medical": {"en", "en-US", "en-GB"},
	"nova-2":         {"en", "en-US", "en-GB", "de", "es", "es-419", "fr", "zh"},
	"base":           {"en", "es", "fr"},
}

// listenParameters are those that the vendor has and the simulator understands.
var listenParameters = []string{
	"model", "language", "detect_language", "smart_format", "punctuate", "diarize", "utterances", "keyterm", "keywords",
}

// listen is POST /v1/listen.
func (d deepgram) listen(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains(listenParameters, name) {
			write(w, deepOld(http.StatusBadRequest, "Bad Request", "Unknown query parameter."))
			return
		}
	}
	model := q.Get("model")
	if model == "" {
		model = "base"
	}
	languages, ok := DeepgramSTTModels[model]
	language := q.Get("language")
	switch {
	case !ok, language != "" && !slices.Contains(languages, language):
		write(w, deepOld(http.StatusBadRequest, "Bad Request", "Bad Request: No such model/language/tier combination found."))
		return
	case q.Has("keyterm") && !strings.HasPrefix(model, "nova-3"), q.Has("keywords") && strings.HasPrefix(model, "nova-3"):
		write(w, deepOld(http.StatusBadRequest, "Bad Request", "Bad Request: the model does not take such terms."))
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		write(w, deepRefuse(http.StatusBadRequest, ""))
		return
	}
	heard, refusal := listenDeep(hearingOf(r.Context()), r.Header.Get("Content-Type"), body)
	if refusal != nil {
		write(w, *refusal)
		return
	}
	if language == "" && q.Get("detect_language") != "true" {
		language = "en"
	}
	if language != "" && !strings.HasPrefix(language, heard.language) {
		// Another language is misheard.
		for i := range heard.words {
			heard.words[i].confidence = min(heard.words[i].confidence, 0.31)
		}
	}
	sum := sha256.Sum256(body)
	writeJSON(w, deepTranscript(heard, model, hex.EncodeToString(sum[:]), q))
}

// listenDeep hears what was sent, or what is at its URL.
func listenDeep(h hearing, contentType string, body []byte) (heardSpeech, *Answer) {
	if contentType != "application/json" {
		heard, ok := h.listen(body, 0)
		if !ok {
			a := deepOld(http.StatusBadRequest, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data")
			return heardSpeech{}, &a
		}
		return heard, nil
	}
	var req struct {
		URL *string `json:"url"`
	}
	if json.Unmarshal(body, &req) != nil || req.URL == nil {
		a := deepNew(http.StatusBadRequest, "INVALID_JSON", "Invalid JSON submitted.")
		return heardSpeech{}, &a
	}
	heard, ok := h.fetch(*req.URL)
	if !ok {
		a := deepOld(http.StatusBadRequest, "REMOTE_CONTENT_ERROR", "The remote server returned 404 Not Found.")
		return heardSpeech{}, &a
	}
	return heard, nil
}

// deepTranscript is an answer as the vendor's.
func deepTranscript(heard heardSpeech, model, sum string, q url.Values) map[string]any {
	const id = "00000000-0000-4000-8000-000000000001"
	punctuated, diarized := q.Get("punctuate") == "true" || q.Get("smart_format") == "true", q.Get("diarize") == "true"
	say := func(words []heardWord) (string, []any) {
		texts, all := []string{}, []any{}
		for _, w := range words {
			word := map[string]any{"word": bare(w.text), "start": w.start, "end": w.end, "confidence": w.confidence}
			texts = append(texts, bare(w.text))
			if punctuated {
				word["punctuated_word"], texts[len(texts)-1] = w.text, w.text
			}
			if diarized {
				word["speaker"], word["speaker_confidence"] = w.speaker, 0.9
			}
			all = append(all, word)
		}
		return strings.Join(texts, " "), all
	}
	text, words := say(heard.words)
	channel := map[string]any{"alternatives": []any{map[string]any{
		"transcript": text, "confidence": heard.confidence(), "words": words,
	}}}
	if q.Get("detect_language") == "true" {
		channel["detected_language"], channel["language_confidence"] = heard.language, 0.99
	}
	results := map[string]any{"channels": []any{channel}}
	if q.Get("utterances") == "true" {
		utterances := []any{}
		for _, turn := range heard.turns() {
			text, words := say(turn)
			u := map[string]any{
				"id": id, "channel": 0, "transcript": text, "words": words, "confidence": turn[0].confidence,
				"start": turn[0].start, "end": turn[len(turn)-1].end,
			}
			if diarized {
				u["speaker"] = turn[0].speaker
			}
			utterances = append(utterances, u)
		}
		results["utterances"] = utterances
	}
	return map[string]any{
		"metadata": map[string]any{
			"transaction_key": "deprecated", "request_id": id, "sha256": sum, "created": "2026-01-02T03:04:05.678Z",
			"duration": thousandths(heard.duration), "channels": 1, "models": []any{id},
			"model_info": map[string]any{id: map[string]any{"name": "general-" + model, "version": "2026-01-01.0", "arch": model}},
		},
		"results": results,
	}
}
