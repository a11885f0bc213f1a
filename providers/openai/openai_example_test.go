package openai_test

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

func ExampleNew() {
	api := vendorsim.OpenAI("my-key") // in place of https://api.openai.com
	defer api.Close()
	api.Answer(func(vendorsim.LLMRequest) vendorsim.LLMAnswer { return vendorsim.LLMAnswer{Text: "Good morning."} })

	gpt, err := openai.New("my-key",
		openai.WithBaseURL(api.URL()+"/v1"),
		openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}, "fast": {ID: "gpt-5-mini"}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; llm.New puts several behind one client.
	p := gpt.LLM()
	req := llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Greet me.")}}
	answer, err := p.Complete(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Model, answer.Finish, answer.Text())

	// The code says more than the status, and nothing printed is secret.
	api.Fail(vendorsim.Status(429).Code("insufficient_quota"))
	_, err = p.Complete(context.Background(), req)
	fmt.Println(err)
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, e.Code)
	}
	// Output:
	// gpt-5.1 stop Good morning.
	// exhausted (429 insufficient_quota, request req_openai_1)
	// exhausted insufficient_quota
}

// A server that speaks OpenAI's protocol has a name, a base URL and models of
// its own.
func ExampleWithVendor() {
	api := vendorsim.OpenAI("groq-key") // in place of https://api.groq.com
	defer api.Close()

	groq, err := openai.New("groq-key",
		openai.WithVendor("groq"),
		openai.WithBaseURL(api.URL()+"/openai/v1"),
		openai.WithModels(llm.Models{"fast": {ID: "llama-3.3-70b-versatile", Can: &llm.Capabilities{Tools: true, JSON: true}}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	for chunk, err := range groq.LLM().Stream(context.Background(), llm.Request{
		Model: "fast", Messages: []llm.Message{llm.User("Hello.")},
	}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(chunk.Text)
		if chunk.Summary != nil {
			fmt.Println()
			fmt.Println(chunk.Summary.Provider, chunk.Summary.Model, chunk.Summary.Finish)
		}
	}
	// Output:
	// You said: Hello. That was message 1 of our conversation. I have nothing to add to it.
	// groq llama-3.3-70b-versatile stop
}

func ExampleUse() {
	api := vendorsim.OpenAI("my-key")
	defer api.Close()

	client := sdk.NewClient(option.WithAPIKey("my-key"), option.WithBaseURL(api.URL()+"/v1"))
	gpt, err := openai.Use(client, openai.WithName("gpt"), openai.WithModels(llm.Models{"fast": {ID: "gpt-5-mini"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	// The SDK would try three times; here one attempt is one request.
	api.FailAlways(vendorsim.Status(503))
	_, err = gpt.LLM().Complete(context.Background(), llm.Request{Model: "fast", Messages: []llm.Message{llm.User("Hello.")}})
	fmt.Println(err)
	fmt.Println(len(api.Requests()), "request")
	// Output:
	// transient (503 server_is_overloaded, request req_openai_1)
	// 1 request
}

func ExampleClient_TTS() {
	api := vendorsim.OpenAI("my-key") // in place of https://api.openai.com
	defer api.Close()

	gpt, err := openai.New("my-key",
		openai.WithBaseURL(api.URL()+"/v1"),
		openai.WithVoices(tts.Voices{"host": "marin", "guest": "cedar"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; tts.New puts several behind one client.
	p := gpt.TTS()
	audio, err := p.Do(context.Background(), tts.Request{Text: "Good morning.", Voice: "host", Format: tts.WAV(24000)})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(audio.Model, audio.Voice, audio.Format, audio.Duration)

	// What it does not make it is not asked for.
	fmt.Println(p.Supports(tts.Request{Text: "Good morning.", Voice: "host", Format: tts.MuLaw(8000)}))
	// Output:
	// gpt-4o-mini-tts marin wav 24000 Hz mono 780ms
	// false
}

func ExampleClient_TTSStream() {
	api := vendorsim.OpenAI("my-key") // in place of https://api.openai.com
	defer api.Close()

	gpt, err := openai.New("my-key", openai.WithBaseURL(api.URL()+"/v1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	// The second stream ends in good order, too early: the vendor did not say
	// that it was all.
	api.Fail(vendorsim.None(), vendorsim.EndAfter(3))
	for range 2 {
		for chunk, err := range gpt.TTSStream().Do(context.Background(), tts.Request{Text: "Good morning.", Format: tts.PCM(24000)}) {
			if err != nil {
				fmt.Println(err)
				break
			}
			if total := chunk.Summary; total != nil {
				fmt.Println(total.Voice, total.Duration)
			}
		}
	}
	// Output:
	// alloy 780ms
	// incomplete (200, the stream ended before the answer did, request req_openai_1)
}

func ExampleClient_STT() {
	api := vendorsim.OpenAI("my-key") // in place of https://api.openai.com
	defer api.Close()

	gpt, err := openai.New("my-key", openai.WithBaseURL(api.URL()+"/v1"))
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; stt.New puts several behind one client.
	p := gpt.STT()
	call := vendorsim.SayMuLaw("Good morning, Oslo.", 8000) // what came over the telephone
	heard, err := p.Do(context.Background(), stt.Request{
		Audio: stt.Bytes(call), Format: stt.MuLaw(8000), Words: true, Language: "en", Keywords: []string{"Oslo"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(heard.Model, heard.Language, heard.Duration, heard.Text)
	for _, word := range heard.Words {
		fmt.Println(word.Start, word.Text)
	}

	// Nobody fetches a URL unless the request allows it.
	fmt.Println(p.Supports(stt.Request{Audio: stt.URL("https://example.com/call.wav")}))
	// Output:
	// whisper-1 en 1.14s Good morning, Oslo.
	// 0s Good
	// 300ms morning,
	// 840ms Oslo.
	// false
}
