package main

import (
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// What a service makes at its start: one client for each step, the preferred
// vendor first. In yours a vendor needs no WithBaseURL, and one elevenlabs.Client
// and one deepgram.Client are enough for both of what they do here.

func ears(r *rig) (*stt.LiveClient, error) {
	deep, err := deepgram.New(deepgramKey, deepgram.WithBaseURL(r.deepgramLive.URL()))
	if err != nil {
		return nil, err
	}
	eleven, err := elevenlabs.New(elevenKey, elevenlabs.WithBaseURL(r.elevenLive.URL()))
	if err != nil {
		return nil, err
	}
	return stt.NewLive([]stt.LiveProvider{live.Deepgram(deep), live.ElevenLabs(eleven)})
}

func brain(r *rig) (*llm.Client, error) {
	claude, err := anthropic.New(anthropicKey, anthropic.WithBaseURL(r.anthropic.URL()),
		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-5"}}))
	if err != nil {
		return nil, err
	}
	gemini, err := google.New(googleKey, google.WithBaseURL(r.google.URL()),
		google.WithModels(llm.Models{"smart": {ID: "gemini-3.1-pro-preview"}}))
	if err != nil {
		return nil, err
	}
	// What was spoken cannot be taken back: an answer that breaks off goes on
	// after it and is not begun again, as failover.Restart would allow.
	return llm.New([]llm.Provider{claude.LLM(), gemini.LLM()},
		llm.WithStreams(failover.WithInterrupted(failover.Continue)))
}

func mouth(r *rig) (*tts.StreamClient, error) {
	eleven, err := elevenlabs.New(elevenKey, elevenlabs.WithBaseURL(r.eleven.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}),
		elevenlabs.WithTimestamps()) // so that another goes on at the word
	if err != nil {
		return nil, err
	}
	deep, err := deepgram.New(deepgramKey, deepgram.WithBaseURL(r.deepgram.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	if err != nil {
		return nil, err
	}
	return tts.NewStream(failover.StreamProviders(eleven.TTSStream(), deep.TTSStream()),
		failover.WithIdle(500*time.Millisecond), // by default it is silent for 3 s before another goes on
		failover.WithInterrupted(failover.Continue))
}
