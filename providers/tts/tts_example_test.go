package tts_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

// Two vendors, one voice. The first is out of credit, and the listener hears
// the second.
func ExampleNew() {
	// Simulators of both vendors, so that the example runs anywhere.
	elevenAPI, deepAPI := vendorsim.ElevenLabs("eleven-key"), vendorsim.Deepgram("deep-key")
	defer elevenAPI.Close()
	defer deepAPI.Close()
	elevenAPI.Fail(vendorsim.Status(401).Code("quota_exceeded"))

	eleven, err := elevenlabs.New("eleven-key", elevenlabs.WithBaseURL(elevenAPI.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	deep, err := deepgram.New("deep-key", deepgram.WithBaseURL(deepAPI.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := tts.New(failover.Providers(eleven.TTS(), deep.TTS()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	audio, err := client.Synthesize(context.Background(), tts.Request{
		Text:   "Your table is ready.",
		Voice:  "host",
		Format: tts.WAV(24000),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s spoke for %v: %v, %d bytes\n", audio.Provider, audio.Duration, audio.Format, len(audio.Data))
	// Output:
	// deepgram spoke for 1.2s: wav 24000 Hz mono, 57644 bytes
}

// A vendor of one's own is any function of the right type.
func ExampleNewAudio() {
	speak := func(_ context.Context, req tts.Request) (*tts.Audio, error) {
		if err := req.Validate(); err != nil {
			return nil, tts.Invalid(err)
		}
		if !tts.PCM(16000).Allows(req.Format) {
			return nil, tts.Unsupported("Format", "%v is not delivered here", req.Format)
		}
		samples := make([]byte, 32000) // a second of silence
		return tts.NewAudio(req.Format, samples)
	}
	client, err := tts.New(failover.Providers(failover.Wrap("house", speak)))
	if err != nil {
		fmt.Println(err)
		return
	}
	audio, err := client.Synthesize(context.Background(), tts.Request{Text: "…", Format: tts.PCM(16000)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Provider, audio.Duration, audio.Format)
	// Output:
	// house 1s pcm_s16le 16000 Hz mono
}

// Requests are checked before any vendor is asked.
func ExampleRequest_Validate() {
	req := tts.Request{Text: "Hello.", Voice: "host", Speed: 9, Format: tts.MP3(44100, 128000)}
	fmt.Println(req.Validate())
	// Output:
	// tts: Speed 9 is outside 0.25 to 4
}

// The same name means each vendor's own voice; an explicit id goes to its
// vendor alone.
func ExampleVoices() {
	eleven := tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}
	for _, voice := range []string{"host", "elevenlabs:JBFqnCBsd6RMkjVDRZzb", "deepgram:aura-2-thalia-en", "nobody"} {
		id, ok := eleven.ID("elevenlabs", voice)
		fmt.Printf("%q %v\n", id, ok)
	}
	// Output:
	// "21m00Tcm4TlvDq8ikWAM" true
	// "JBFqnCBsd6RMkjVDRZzb" true
	// "aura-2-thalia-en" false
	// "" false
}
