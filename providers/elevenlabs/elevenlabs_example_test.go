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

// With timestamps the chunks say how much has been spoken.
func ExampleWithTimestamps() {
	api := vendorsim.ElevenLabs("my-key") // in place of https://api.elevenlabs.io
	defer api.Close()

	eleven, err := elevenlabs.New("my-key",
		elevenlabs.WithBaseURL(api.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}),
		elevenlabs.WithTimestamps(),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	req := tts.Request{Text: "Good morning.", Voice: "host", Format: tts.PCM(16000)}
	for chunk, err := range eleven.TTSStream().Do(context.Background(), req) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if chunk.IsContent() {
			fmt.Printf("%v %q\n", chunk.Played, req.Text[:chunk.Spoken])
		}
	}
	// Output:
	// 300ms "Good "
	// 600ms "Good morni"
	// 780ms "Good morning."
}

// A provider works alone too; tts.NewStream puts several behind one client.
func ExampleClient_TTSStream() {
	api := vendorsim.ElevenLabs("my-key") // in place of https://api.elevenlabs.io
	defer api.Close()

	eleven, err := elevenlabs.New("my-key", elevenlabs.WithBaseURL(api.URL()),
		elevenlabs.WithVoices(tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	p := eleven.TTSStream()
	fmt.Println(p.Supports(tts.Request{Text: "Good morning.", Voice: "host", Format: tts.WAV(24000)}))
	audio, err := tts.Collect(p.Do(context.Background(), tts.Request{Text: "Good morning.", Voice: "host", Format: tts.MP3(0, 0)}))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Format, audio.RequestID)
	// Output:
	// false
	// mp3 44100 Hz mono eleven-1
}
