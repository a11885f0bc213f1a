package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/internal/vendorsim"
)

// The vendors, and what the caller and the models say. In your service this file
// is gone.

const (
	deepgramKey  = "deepgram-key-0123456789"
	elevenKey    = "elevenlabs-key-0123456789"
	anthropicKey = "anthropic-key-0123456789"
	googleKey    = "google-key-0123456789"
)

// rig is every vendor's services, those over WebSocket apart.
type rig struct {
	deepgramLive, elevenLive *livesim.Server
	anthropic, google        *vendorsim.Server
	eleven, deepgram         *vendorsim.Server
	words                    phrasebook
}

func newRig() *rig {
	takes, says := livesim.Latency(30*time.Millisecond), vendorsim.WithScript(mind)
	return &rig{
		deepgramLive: livesim.Deepgram(deepgramKey, takes),
		elevenLive:   livesim.ElevenLabs(elevenKey, takes),
		anthropic:    vendorsim.Anthropic(anthropicKey, says),
		google:       vendorsim.Google(googleKey, says),
		eleven:       vendorsim.ElevenLabs(elevenKey),
		deepgram:     vendorsim.Deepgram(deepgramKey),
	}
}

func (r *rig) close() {
	for _, sim := range []interface{ Close() }{r.deepgramLive, r.elevenLive, r.anthropic, r.google, r.eleven, r.deepgram} {
		sim.Close()
	}
}

// dropLive cuts the connection of the live transcription; a new one could be had
// at once.
func (r *rig) dropLive() error {
	r.deepgramLive.Down()
	return r.deepgramLive.Up()
}

// thought is how long a model takes for its first word.
const thought = 60 * time.Millisecond

// mind is that of both models. The rest of an answer that broke off is what
// comes after its prefill.
func mind(r vendorsim.LLMRequest) vendorsim.LLMAnswer {
	<-time.After(thought)
	answer := "I did not get that. Please say it again."
	question := r.Messages[len(r.Messages)-1].Text
	for word, text := range map[string]string{
		"train":    "Your train leaves at nine. It is on time today.",
		"platform": "It leaves from platform two. That is across the bridge.",
		"bicycle":  "Yes, there is room for it. Please take the last car.",
		"long":     "The journey takes three hours. You arrive at noon.",
		"bye":      "You are welcome. I wish you a good journey.",
	} {
		if strings.Contains(question, word) {
			answer = text
		}
	}
	return vendorsim.LLMAnswer{Text: strings.TrimPrefix(answer, r.Prefill)}
}

// phrasebook numbers words, because the simulators of live transcription hear
// numbers: what they write down is what is in the samples that reached them, and
// of half a word they say so.
type phrasebook struct{ words []string }

// pause is between two words.
const pause = 100 * time.Millisecond

// speech is the audio of a text.
func (p *phrasebook) speech(v livesim.Voice, text string) []byte {
	var audio []byte
	for i, word := range strings.Fields(text) {
		if !slices.Contains(p.words, word) {
			p.words = append(p.words, word)
		}
		if i > 0 {
			audio = append(audio, v.Silence(pause)...)
		}
		audio = append(audio, v.Word(slices.Index(p.words, word))...)
	}
	return audio
}

// text is a transcript in words. What is no number of a word stays as it is.
func (p *phrasebook) text(transcript string) string {
	words := strings.Fields(transcript)
	for i, word := range words {
		n, err := strconv.Atoi(strings.TrimSuffix(word, "."))
		if err == nil && n < len(p.words) {
			words[i] = p.words[n]
		} else {
			words[i] = fmt.Sprintf("<%s>", word)
		}
	}
	return strings.Join(words, " ")
}
