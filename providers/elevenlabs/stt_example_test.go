package elevenlabs_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/stt"
)

// A provider works alone too; stt.New puts several behind one client.
func ExampleClient_STT() {
	api := vendorsim.ElevenLabs("my-key") // in place of https://api.elevenlabs.io
	defer api.Close()

	eleven, err := elevenlabs.New("my-key",
		elevenlabs.WithBaseURL(api.URL()),
		elevenlabs.WithSTTModels(stt.Models{"": "scribe_v2", "cheap": "scribe_v1"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := eleven.STT()
	heard, err := p.Do(context.Background(), stt.Request{
		Audio:   stt.Bytes(vendorsim.SayWAV("[#0] Hello? [#1] Speaking.", 16000)),
		Diarize: true,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, s := range heard.Segments {
		fmt.Println(s.Speaker, s.Text)
	}

	// It always punctuates, and is not asked for bare words.
	fmt.Println(p.Supports(stt.Request{Audio: stt.Bytes([]byte("?")), NoPunctuation: true}))
	// Output:
	// speaker_0 Hello?
	// speaker_1 Speaking.
	// false
}
