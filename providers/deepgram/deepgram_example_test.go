package deepgram_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/tts"
)

func ExampleNew() {
	api := vendorsim.Deepgram("my-key") // in place of https://api.deepgram.com
	defer api.Close()

	deep, err := deepgram.New("my-key",
		deepgram.WithBaseURL(api.URL()),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en", "anfitriona": "aura-2-celeste-es"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; tts.New puts several behind one client.
	p := deep.TTS()
	audio, err := p.Do(context.Background(), tts.Request{
		Text: "Buenos días.", Voice: "anfitriona", Language: "es", Format: tts.MuLaw(8000),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Voice, audio.Format, audio.Duration)

	// A voice that does not speak the language is not asked to.
	fmt.Println(p.Supports(tts.Request{Text: "Hello.", Voice: "anfitriona", Language: "en", Format: tts.MuLaw(8000)}))
	// Output:
	// aura-2-celeste-es mulaw 8000 Hz mono 720ms
	// false
}

// A provider works alone too; tts.NewStream puts several behind one client.
func ExampleClient_TTSStream() {
	api := vendorsim.Deepgram("my-key") // in place of https://api.deepgram.com
	defer api.Close()

	deep, err := deepgram.New("my-key", deepgram.WithBaseURL(api.URL()))
	if err != nil {
		fmt.Println(err)
		return
	}
	req := tts.Request{Text: "Good morning.", Format: tts.MuLaw(8000)}
	for chunk, err := range deep.TTSStream().Do(context.Background(), req) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if total := chunk.Summary; total != nil {
			fmt.Println(total.Voice, total.Duration, total.RequestID)
		}
	}
	// Output:
	// aura-2-thalia-en 780ms deep-1
}
