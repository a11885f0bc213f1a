package llm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// scripted is a provider that says one thing, or fails. In your service it is
// the LLM() of an adapter.
func scripted(name, says string, fails error) llm.Provider {
	return llm.Provider{
		Name: name,
		Complete: func(context.Context, llm.Request) (*llm.Response, error) {
			if fails != nil {
				return nil, fails
			}
			return &llm.Response{Message: llm.Assistant(says), Finish: llm.FinishStop, Usage: llm.Usage{Input: 12, Output: 4}}, nil
		},
		Stream: func(context.Context, llm.Request) failover.Stream[llm.Chunk] {
			return func(yield func(llm.Chunk, error) bool) {
				if !yield(llm.Chunk{Text: says}, nil) {
					return
				}
				if fails != nil {
					yield(llm.Chunk{}, fails)
					return
				}
				yield(llm.Chunk{Summary: &llm.Summary{Finish: llm.FinishStop}}, nil)
			}
		},
	}
}

var overloaded = &failover.Error{Class: failover.ClassExhausted, Status: 402, Code: "insufficient_quota"}

func ExampleNew() {
	client, err := llm.New([]llm.Provider{
		scripted("first", "", overloaded),
		scripted("second", "Good evening.", nil),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()

	history := []llm.Message{llm.User("Hello.")}
	answer, err := client.Complete(context.Background(), llm.Request{Messages: history})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(answer.Provider+":", answer.Text())
	history = append(history, answer.Message, llm.User("And now?")) // at whichever vendor
	fmt.Println(len(history), "messages")
	// Output:
	// second: Good evening.
	// 3 messages
}

func ExampleClient_Stream() {
	client, err := llm.New([]llm.Provider{
		scripted("first", "Once upon", errors.New("connection lost")),
		scripted("second", "Once upon a time.", nil),
	}, llm.WithStreams(failover.WithInterrupted(failover.Continue, failover.Restart)))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	for chunk, err := range client.Stream(context.Background(), llm.Request{Messages: []llm.Message{llm.User("A story.")}}) {
		switch {
		case err != nil:
			fmt.Println(err)
		case chunk.Restart:
			fmt.Println("(from the beginning)")
		case chunk.Summary != nil:
			fmt.Println("finished by", chunk.Summary.Provider)
		default:
			fmt.Println(chunk.Text)
		}
	}
	// Output:
	// Once upon
	// (from the beginning)
	// Once upon a time.
	// finished by second
}

func ExampleCollect() {
	client, err := llm.New([]llm.Provider{scripted("only", "All of it.", nil)})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	answer, err := llm.Collect(client.Stream(context.Background(), llm.Request{Messages: []llm.Message{llm.User("Go on.")}}))
	fmt.Println(answer.Text(), answer.Finish, err)
	// Output: All of it. stop <nil>
}

func ExampleModels() {
	models := llm.Models{
		"smart": {ID: "big-1", Can: &llm.Capabilities{Vision: true, Tools: true, Context: 200_000}},
		"fast":  {ID: "small-1", Can: &llm.Capabilities{Context: 8_000}},
	}
	m, ok := models.Find("acme", "fast")
	fmt.Println(m.ID, ok)
	field, what := m.Can.Lacks(llm.Request{Tools: []llm.Tool{{Name: "look_up"}}})
	fmt.Println(field, "needs", what)
	_, ok = models.Find("acme", "wise")
	fmt.Println(ok)
	m, _ = models.Find("acme", "acme:big-2") // that very one
	fmt.Println(m.ID)
	// Output:
	// small-1 true
	// Tools needs tools
	// false
	// big-2
}

func ExamplePrice() {
	price := llm.Price{Input: 2, CachedInput: 0.5, Output: 8, AsOf: "2026-11-21"} // yours, per million tokens
	fmt.Printf("%.4f\n", price.Of(llm.Usage{Input: 1000, Cached: 400, Output: 250}))
	fmt.Printf("%.4f\n", price.Estimate(llm.Request{Messages: []llm.Message{llm.User("Hello, world.")}, MaxTokens: 100}))
	// Output:
	// 0.0034
	// 0.0008
}

func ExampleWithPrompts() {
	show := scripted("strict", "", nil)
	show.Complete = func(_ context.Context, req llm.Request) (*llm.Response, error) {
		return &llm.Response{Message: llm.Assistant("told: " + req.System)}, nil
	}
	client, err := llm.New([]llm.Provider{show}, llm.WithPrompts(llm.Prompts{"support": {
		Default: llm.PromptVersion{Version: "7", Text: "You help customers."},
		For:     map[string]llm.PromptVersion{"strict": {Version: "7-strict", Text: "Help customers. Answer in one sentence."}},
	}}))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	answer, err := client.Complete(context.Background(), llm.Request{Prompt: "support", Messages: []llm.Message{llm.User("Hi.")}})
	fmt.Println(answer.Text(), answer.Prompt, err)
	// Output: told: Help customers. Answer in one sentence. 7-strict <nil>
}

func ExampleAll() {
	cheap, good := scripted("cheap", "Well, maybe?", nil), scripted("good", `{"city":"Oslo"}`, nil)
	cheap.Validate = llm.All(llm.NotRefused, llm.MatchesFormat)
	client, err := llm.New([]llm.Provider{cheap, good})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close()
	answer, err := client.Complete(context.Background(), llm.Request{
		Messages: []llm.Message{llm.User("Where?")},
		Format:   llm.Format{Schema: json.RawMessage(`{"type":"object","required":["city"]}`)},
	})
	fmt.Println(answer.Provider, answer.Text(), err)
	// Output: good {"city":"Oslo"} <nil>
}

func ExampleContinue() {
	req := llm.Request{Messages: []llm.Message{llm.User("Count.")}}
	rest, ok := llm.Continue(req, []llm.Chunk{{Text: "One, "}, {Text: "two, "}})
	fmt.Printf("%v %q\n", ok, rest.Messages[1].Text())
	_, ok = llm.Continue(req, []llm.Chunk{{Text: "Let me look. "}, {Call: &llm.CallDelta{Name: "look", Args: `{"at`}}})
	fmt.Println(ok, "half a call is never resumed")
	// Output:
	// true "One, two,"
	// false half a call is never resumed
}
