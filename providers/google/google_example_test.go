package google_test

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
)

func ExampleNew() {
	api := vendorsim.Google("my-key") // in place of https://generativelanguage.googleapis.com
	defer api.Close()

	gemini, err := google.New("my-key",
		google.WithBaseURL(api.URL()),
		google.WithModels(llm.Models{"smart": {ID: "gemini-3.1-pro-preview"}}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; llm.New puts several behind one client.
	p := gemini.LLM()
	req := llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Good morning.")}}
	answer, err := p.Complete(context.Background(), req)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Model, answer.Finish)

	// What the error says counts more than its status, and nothing printed is
	// secret.
	api.Fail(vendorsim.Status(400).Code("API_KEY_INVALID"))
	_, err = p.Complete(context.Background(), req)
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, e.Code)
	}
	// Output:
	// gemini-3.1-pro-preview stop
	// unauthorized API_KEY_INVALID
}

// A client of the SDK that is already there lends its configuration.
func ExampleUse() {
	api := vendorsim.Google("my-key") // in place of https://generativelanguage.googleapis.com
	defer api.Close()

	sdk, err := genai.NewClient(context.Background(), &genai.ClientConfig{
		APIKey: "my-key", Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: api.URL()},
	})
	if err != nil {
		fmt.Println("no client")
		return
	}
	gemini, err := google.Use(sdk, google.WithModels(llm.Models{"": {ID: "gemini-2.5-flash-lite"}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	stream := gemini.LLM().Stream(context.Background(), llm.Request{Messages: []llm.Message{llm.User("Good morning.")}})
	answer, err := llm.Collect(stream)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Text())
	// Output:
	// You said: Good morning. That was message 1 of our conversation. I have nothing to add to it.
}

// What the portable request has no field for is set in the SDK's own type.
func ExampleWithConfig() {
	api := vendorsim.Google("my-key") // in place of https://generativelanguage.googleapis.com
	defer api.Close()

	gemini, err := google.New("my-key",
		google.WithBaseURL(api.URL()),
		google.WithModels(llm.Models{"": {ID: "gemini-3.1-pro-preview"}}),
		google.WithConfig(func(c *genai.GenerateContentConfig) {
			c.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
		}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := gemini.LLM().Complete(context.Background(), llm.Request{Messages: []llm.Message{llm.User("Good morning.")}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Message.Parts[0].Thinking)
	// Output:
	// The user wants an answer, so I give one.
}

// A conversation that another vendor began, tool calls and results included,
// goes on here.
func ExampleClient_LLM() {
	api := vendorsim.Google("my-key") // in place of https://generativelanguage.googleapis.com
	defer api.Close()

	gemini, err := google.New("my-key", google.WithBaseURL(api.URL()))
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := gemini.LLM().Complete(context.Background(), llm.Request{
		Model: "google:gemini-3.1-pro-preview",
		Messages: []llm.Message{
			llm.User("How is the weather in Oslo?"),
			{Role: llm.RoleAssistant, Parts: []llm.Part{
				{Thinking: "I should look.", Opaque: &llm.Opaque{Vendor: "anthropic", Data: []byte(`{}`)}},
				{Call: &llm.ToolCall{ID: "toolu_1", Name: "weather", Args: []byte(`{"city":"Oslo"}`)}},
			}},
			llm.Results(llm.ToolResult{ID: "toolu_1", Content: "Rain, 4 degrees."}),
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Text())
	// Output:
	// The tool said: Rain, 4 degrees. That was message 3 of our conversation. I have nothing to add to it.
}
