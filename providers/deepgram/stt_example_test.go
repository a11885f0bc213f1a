package deepgram_test

import (
	"context"
	"fmt"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/stt"
)

// A provider works alone too; stt.New puts several behind one client.
func ExampleClient_STT() {
	api := vendorsim.Deepgram("my-key") // in place of https://api.deepgram.com
	defer api.Close()

	deep, err := deepgram.New("my-key",
		deepgram.WithBaseURL(api.URL()),
		deepgram.WithSTTModels(stt.Models{"clinic": "nova-3-medical"}),
		deepgram.WithSTTLanguages("nova-3", "sw"), // which the vendor has added since
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := deep.STT()
	req := stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("[fr] Bonsoir.", 16000)), Keywords: []string{"Bonsoir"}}
	heard, err := p.Do(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Text, heard.Language, heard.Model, heard.RequestID)

	// A model that does not speak the language is not asked to.
	req.Model, req.Language = "clinic", "fr"
	fmt.Println(p.Supports(req))
	// Output:
	// Bonsoir. fr nova-3 deep-1
	// false
}
