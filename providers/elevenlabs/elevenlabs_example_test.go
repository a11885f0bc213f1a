package elevenlabs_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

func ExampleNew() {
	api := vendorsim.ElevenLabs("my-key") // in place of https://api.elevenlabs.io
	defer api.Close()

	eleven, err := elevenlabs.New("my-key",
		elevenlabs.WithBaseURL(api.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}),
		elevenlabs.WithTTSModels(tts.Models{"fast": "eleven_flash_v2_5"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; tts.New puts several behind one client.
	p := eleven.TTS()
	audio, err := p.Do(context.Background(), tts.Request{
		Text: "Good morning.", Voice: "host", Model: "fast", Format: tts.MP3(44100, 128000),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Model, audio.Format)

	// The code says more than the status, and nothing printed is secret.
	api.Fail(vendorsim.Status(401).Code("quota_exceeded"))
	_, err = p.Do(context.Background(), tts.Request{Text: "Good morning.", Voice: "host", Format: tts.MP3(0, 0)})
	fmt.Println(err)
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, e.Code)
	}
	// Output:
	// eleven_flash_v2_5 mp3 44100 Hz mono 128 kbit/s
	// exhausted (401 quota_exceeded, request eleven-1)
	// exhausted quota_exceeded
}
