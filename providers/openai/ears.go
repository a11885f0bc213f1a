package openai

import (
	"strings"
	"time"
	"unicode/utf8"

	sdk "github.com/openai/openai-go/v3"

	"github.com/gofailover/failover/providers/stt"
)

// ear is what a model that listens can do.
type ear struct {
	format        sdk.AudioResponseFormat
	words         bool // tells when words were said
	speakers      bool // tells who speaks
	probabilities bool // of tokens, if it is asked
	languages     bool // takes a list of languages
	terms         bool // takes keywords as such
	prompt        int  // characters of a prompt with keywords in it; 0: takes none
	longest       time.Duration
}

// The families of models, as the vendor's reference has them
// (https://developers.openai.com/api/reference/resources/audio/subresources/transcriptions/methods/create).
// The limits of playing time are told by its errors alone.
var (
	plainEar   = ear{format: sdk.AudioResponseFormatJSON}
	newEar     = ear{format: sdk.AudioResponseFormatJSON, languages: true, terms: true}
	gpt4oEar   = ear{format: sdk.AudioResponseFormatJSON, probabilities: true, prompt: 1024, longest: 1500 * time.Second}
	diarizeEar = ear{format: sdk.AudioResponseFormatDiarizedJSON, speakers: true, longest: 1400 * time.Second}
	// Of a prompt whisper-1 heeds 224 tokens and passes over the others without a
	// word. Two characters are fewer than a token has of most names.
	whisperEar = ear{format: sdk.AudioResponseFormatVerboseJSON, words: true, prompt: 448}
)

// earOf is the family of a model. Of other vendors' models those that are
// called so are taken for Whisper; of the others nothing is assumed.
func earOf(model, vendor string) ear {
	switch {
	case strings.Contains(strings.ToLower(model), "whisper"):
		return whisperEar
	case vendor != Vendor:
		return plainEar
	case strings.HasPrefix(model, DefaultSTTModel):
		return newEar
	case strings.HasPrefix(model, DefaultDiarizeModel):
		return diarizeEar
	case strings.HasPrefix(model, "gpt-4o-transcribe"), strings.HasPrefix(model, "gpt-4o-mini-transcribe"):
		return gpt4oEar
	default:
		return plainEar
	}
}

// refuse is what the model cannot do.
func (e ear) refuse(req stt.Request, model string) error {
	switch {
	case req.NoPunctuation:
		return stt.Unsupported("NoPunctuation", "is not offered by model %.40q", model)
	case req.Words && !e.words:
		return stt.Unsupported("Words", "are not told by model %.40q", model)
	case req.Diarize && !e.speakers:
		return stt.Unsupported("Diarize", "is not offered by model %.40q", model)
	case e.longest > 0 && req.PlayingTime() > e.longest:
		return stt.Unsupported("Audio", "plays %v, and model %.40q takes %v", req.PlayingTime().Round(time.Second), model, e.longest)
	}
	return e.refuseKeywords(req.Keywords, model)
}

func (e ear) refuseKeywords(terms []string, model string) error {
	switch {
	case len(terms) == 0:
		return nil
	case e.terms && strings.ContainsAny(strings.Join(terms, ""), "<>"):
		return stt.Unsupported("Keywords", "have characters that model %.40q does not take", model)
	case e.terms:
		return nil
	case e.prompt == 0:
		return stt.Unsupported("Keywords", "are not taken by model %.40q", model)
	case utf8.RuneCountInString(promptOf(terms)) > e.prompt:
		return stt.Unsupported("Keywords", "have more than the %d characters that model %.40q heeds", e.prompt, model)
	}
	return nil
}

// setKeywords names the terms as the model takes them.
func (e ear) setKeywords(params *sdk.AudioTranscriptionNewParams, terms []string) {
	switch {
	case len(terms) == 0:
	case e.terms:
		params.Keywords = terms
	default:
		params.Prompt = sdk.String(promptOf(terms))
	}
}

// promptOf is a prompt that says nothing else: one with words in another
// language than the audio's would mislead the model.
func promptOf(terms []string) string { return strings.Join(terms, ", ") }
