package anthropic_test

import (
	"context"
	"errors"
	"fmt"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

func ExampleNew() {
	api := vendorsim.Anthropic("my-key") // in place of https://api.anthropic.com
	defer api.Close()

	claude, err := anthropic.New("my-key",
		anthropic.WithBaseURL(api.URL()),
		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-6"}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; llm.New puts several behind one client.
	p := claude.LLM()
	req := llm.Request{Model: "smart", System: "Be brief.", Messages: []llm.Message{llm.User("Good morning")}}
	answer, err := p.Complete(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Model, answer.Finish)
	fmt.Println(answer.Text())

	// An empty purse has no status of its own, and nothing printed is secret.
	api.Fail(vendorsim.Status(400).Code("credit_balance"))
	_, err = p.Complete(context.Background(), req)
	fmt.Println(err)
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, "-", e.Message[:33])
	}
	// Output:
	// claude-sonnet-4-6 stop
	// You said: Good morning. That was message 1 of our conversation. I have nothing to add to it.
	// exhausted (400 invalid_request_error, request req_anthropic_1)
	// exhausted - Your credit balance is too low to
}

func ExampleUse() {
	api := vendorsim.Anthropic("my-key")
	defer api.Close()

	// A client that you have already, with whatever it needs.
	client := sdk.NewClient(option.WithoutEnvironmentDefaults(), option.WithAPIKey("my-key"), option.WithBaseURL(api.URL()))
	claude, err := anthropic.Use(client, anthropic.WithName("claude-eu"))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := claude.LLM().Complete(context.Background(), llm.Request{
		Model: "anthropic:claude-haiku-4-5", Messages: []llm.Message{llm.User("Good morning")},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Provider, answer.Model)
	// Output: claude-eu claude-haiku-4-5
}

func ExampleClient_LLM() {
	api := vendorsim.Anthropic("my-key")
	defer api.Close()
	claude, err := anthropic.New("my-key",
		anthropic.WithBaseURL(api.URL()),
		anthropic.WithModels(llm.Models{"": {ID: "claude-opus-4-5"}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	p := claude.LLM()
	for chunk, err := range p.Stream(context.Background(), llm.Request{Messages: []llm.Message{llm.User("Good morning")}}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.IsFinal(): // without it the answer is not whole
			fmt.Printf("\n%s\n", chunk.Summary.Finish)
		default:
			fmt.Print(chunk.Text)
		}
	}

	// What the vendor cannot do is said before anything is sent.
	warm := 1.5
	_, err = p.Complete(context.Background(), llm.Request{Messages: []llm.Message{llm.User("Hello")}, Temperature: &warm})
	fmt.Println(err)
	// Output:
	// You said: Good morning. That was message 1 of our conversation. I have nothing to add to it.
	// stop
	// unsupported (llm: Temperature 1.5 is above 1)
}
