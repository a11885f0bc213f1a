// Llm is a chat with tools over the wire protocols of three vendors, simulated
// on loopback: no key, no network. The vendors fail one after the other, in the
// middle of the conversation and in the middle of a word, and it goes on. Then
// a cheap model is asked first and a better one where that is not enough, and a
// vendor close to its rate limit is spared.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

// show is the chat, its vendors, and where it is shown.
type show struct {
	io.Writer

	openai, anthropic, google *vendorsim.Server
	chat                      *llm.Client

	talk  []llm.Message // the conversation, which is nobody's own
	spent float64
}

func run(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// Three vendors. In your service these lines are gone, and so is
	// WithBaseURL.
	says := vendorsim.WithScript(script)
	s := &show{
		Writer: w,
		openai: vendorsim.OpenAI("key", says), anthropic: vendorsim.Anthropic("key", says), google: vendorsim.Google("key", says),
	}
	defer s.openai.Close()
	defer s.anthropic.Close()
	defer s.google.Close()

	providers, err := s.providers()
	if err != nil {
		return err
	}
	s.chat, err = llm.New(providers,
		llm.WithComplete(failover.WithObserver(trouble(w, "   ! %v\n"))),
		llm.WithStreams(
			failover.WithObserver(trouble(w, "\n   ! %v")),                // in the middle of a line
			failover.WithInterrupted(failover.Continue, failover.Restart), // by default it ends with an error
		),
		llm.WithYield(0.05), // leave a vendor alone while less than 5 % of its rate limit is left
	)
	if err != nil {
		return err
	}
	defer s.chat.Close()

	for _, scene := range []func(context.Context) error{s.tools, s.streams, s.cascade, s.limits} {
		if err := scene(ctx); err != nil {
			return err
		}
	}
	fmt.Fprintf(w, "\nAll of this cost %.4f, by the prices of the tables.\n", s.spent)
	return nil
}

// trouble tells how a provider failed when the next one is asked.
func trouble(w io.Writer, format string) func(context.Context, failover.Event) {
	return func(_ context.Context, e failover.Event) {
		if e, ok := e.(failover.FailoverEvent); ok {
			fmt.Fprintf(w, format, e.Err)
		}
	}
}

// providers have models of the same quality under the same name. The prices are
// examples: take those that you pay.
func (s *show) providers() ([]llm.Provider, error) {
	gpt, err := openai.New("key", openai.WithBaseURL(s.openai.URL()+"/v1"), openai.WithModels(llm.Models{
		"smart": {ID: "gpt-5.1", Price: &llm.Price{Input: 2, CachedInput: 0.2, Output: 10}},
	}))
	if err != nil {
		return nil, err
	}
	claude, err := anthropic.New("key", anthropic.WithBaseURL(s.anthropic.URL()), anthropic.WithModels(llm.Models{
		"smart": {ID: "claude-sonnet-4-5", Price: &llm.Price{Input: 3, CachedInput: 0.3, Output: 15}},
	}))
	if err != nil {
		return nil, err
	}
	gemini, err := google.New("key", google.WithBaseURL(s.google.URL()), google.WithModels(llm.Models{
		"smart": {ID: "gemini-3.1-pro-preview", Price: &llm.Price{Input: 2, CachedInput: 0.2, Output: 12}},
	}))
	if err != nil {
		return nil, err
	}
	return []llm.Provider{gpt.LLM(), claude.LLM(), gemini.LLM()}, nil
}

// request is the conversation so far, with whatever tools there are.
func (s *show) request() llm.Request {
	return llm.Request{
		Model: "smart", System: "You help travellers. Be brief.", Messages: s.talk, MaxTokens: 500,
		Tools: []llm.Tool{{
			Name: "forecast", Description: "Tells tomorrow's weather in a city.",
			Schema: []byte(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`),
		}},
	}
}

// tools are called at one vendor and answered at another.
func (s *show) tools(ctx context.Context) error {
	fmt.Fprintln(s, "A tool is called at one vendor, and its result answered at another.")
	answer, err := s.say(ctx, llm.User("Do I need an umbrella tomorrow, in Oslo or in Rome?"))
	if err != nil {
		return err
	}
	var results []llm.ToolResult
	for _, call := range answer.Calls() {
		results = append(results, llm.ToolResult{ID: call.ID, Content: forecast(string(call.Args))})
	}
	fmt.Fprintln(s, "   (openai goes down)")
	s.openai.FailAlways(vendorsim.Status(503))
	if _, err := s.say(ctx, llm.Results(results...)); err != nil {
		return err
	}
	fmt.Fprintln(s, "   (anthropic goes down too)")
	s.anthropic.FailAlways(vendorsim.Status(529))
	if _, err := s.say(ctx, llm.User("And what do I wear?")); err != nil {
		return err
	}
	fmt.Fprintln(s, "   (both are repaired)")
	s.openai.Heal()
	s.anthropic.Heal()
	_, err = s.say(ctx, llm.User("Thank you."))
	return err
}

// say puts a message to whoever serves.
func (s *show) say(ctx context.Context, m llm.Message) (*llm.Response, error) {
	s.talk = append(s.talk, m)
	for _, p := range m.Parts {
		if p.Result != nil {
			fmt.Fprintf(s, "   %-10s %s\n", "tool", p.Result.Content)
		} else {
			fmt.Fprintf(s, "   %-10s %s\n", "you", p.Text)
		}
	}
	answer, err := s.chat.Complete(ctx, s.request())
	if err != nil {
		return nil, err
	}
	s.talk = append(s.talk, answer.Message)
	s.tell(answer)
	return answer, nil
}

// tell shows an answer and what it cost.
func (s *show) tell(answer *llm.Response) {
	var said []string
	if text := answer.Text(); text != "" {
		said = append(said, text)
	}
	for _, call := range answer.Calls() {
		said = append(said, fmt.Sprintf("%s(%s)", call.Name, call.Args))
	}
	s.spent += answer.Cost
	fmt.Fprintf(s, "   %-10s %s  [%s, %d+%d tokens, %.5f]\n", answer.Provider, strings.Join(said, " "),
		answer.Model, answer.Usage.Input, answer.Usage.Output, answer.Cost)
}

// streams break off in the middle of an answer.
func (s *show) streams(ctx context.Context) error {
	question := llm.Request{Model: "smart", Messages: []llm.Message{llm.User("Tell me about the sea.")}}
	for _, scene := range []struct {
		what  string
		fail  *vendorsim.Server
		after int // events
		order failover.Wish
	}{
		{
			"A stream breaks off. The next model can go on after what was said, and does.",
			s.anthropic, 12,
			failover.Prefer(anthropic.Vendor, google.Vendor),
		},
		{
			"A stream breaks off, and the next model cannot: it begins again.",
			s.google, 3,
			failover.Prefer(google.Vendor, openai.Vendor),
		},
	} {
		fmt.Fprintf(s, "\n%s", scene.what)
		scene.fail.Fail(vendorsim.CutAfter(scene.after))
		if err := s.listen(failover.With(ctx, scene.order), question); err != nil {
			return err
		}
	}
	return nil
}

// listen shows an answer as it comes.
func (s *show) listen(ctx context.Context, req llm.Request) error {
	stream, story := s.chat.RouteStream(ctx, req)
	var all llm.Collector
	speaking := ""
	for chunk, err := range stream {
		if err != nil {
			return err
		}
		all.Add(chunk)
		if chunk.Restart {
			fmt.Fprint(s, "\n   << that is discarded, and it begins again:")
		}
		if chunk.Text != "" && story.Provider != speaking {
			speaking = story.Provider
			fmt.Fprintf(s, "\n   %-10s ", speaking)
		}
		fmt.Fprint(s, chunk.Text)
	}
	answer := all.Response()
	s.spent += answer.Cost
	fmt.Fprintf(s, "\n   whole: %q\n   finished by %s; continued %d, restarted %d\n",
		answer.Text(), answer.Provider, story.Continued, story.Restarted)
	return nil
}

// cascade asks a cheap model first, and a better one where its answer is a
// refusal or not sure enough.
func (s *show) cascade(ctx context.Context) error {
	fmt.Fprintln(s, "\nA cheap model is asked first. What it refuses or is not sure of goes to a better one.")
	cheap, err := openai.New("key", openai.WithName("cheap"), openai.WithBaseURL(s.openai.URL()+"/v1"),
		openai.WithModels(llm.Models{"any": {ID: "gpt-5-nano", Price: &llm.Price{Input: 0.05, Output: 0.4}}}))
	if err != nil {
		return err
	}
	better, err := anthropic.New("key", anthropic.WithName("better"), anthropic.WithBaseURL(s.anthropic.URL()),
		anthropic.WithModels(llm.Models{"any": {ID: "claude-opus-4-5", Price: &llm.Price{Input: 5, Output: 25}}}))
	if err != nil {
		return err
	}
	first := cheap.LLM()
	first.Validate = llm.All(llm.NotRefused, llm.Confident(0.7, confidence))
	client, err := llm.New([]llm.Provider{better.LLM(), first}, // the order does not matter:
		llm.WithRouter(failover.WithStrategy(failover.LeastCost()))) // the cheapest is asked first
	if err != nil {
		return err
	}
	defer client.Close()

	for _, question := range []string{"What is six by seven?", "Is this mushroom safe to eat?", "Will it snow at Christmas?"} {
		fmt.Fprintf(s, "   %-10s %s\n", "you", question)
		result, err := client.Route(ctx, llm.Request{Model: "any", Messages: []llm.Message{llm.User(question)}})
		if err != nil {
			return err
		}
		for _, attempt := range result.Attempts {
			if attempt.Err != nil {
				fmt.Fprintf(s, "   ! %v\n", attempt.Err)
			}
		}
		s.tell(result.Value)
	}
	return nil
}

// confidence is a number that you make of an answer: from a second question to
// a model, from the words, from the length.
func confidence(_ llm.Request, answer *llm.Response) float64 {
	if strings.Contains(answer.Text(), "perhaps") {
		return 0.3
	}
	return 1
}

// limits are told by the vendors with every answer, and shown in the status.
func (s *show) limits(ctx context.Context) error {
	fmt.Fprintln(s, "\nCosts are known before, and a vendor whose rate limit is nearly used up is left alone while others have more.")
	s.openai.Limits(vendorsim.LLMLimits{
		Requests: 500, RequestsLeft: 12, Tokens: 200000, TokensLeft: 150000, Reset: time.Minute,
	})
	next := s.request()
	next.Messages = append(slices.Clip(next.Messages), llm.User("One more question."))
	costs := s.chat.Cost(next)
	for _, name := range slices.Sorted(maps.Keys(costs)) {
		fmt.Fprintf(s, "   %-10s may cost about %.5f\n", name, costs[name])
	}
	for _, question := range []string{"One more question.", "And another one."} {
		if _, err := s.say(ctx, llm.User(question)); err != nil {
			return err
		}
	}
	status := s.chat.Status()
	for _, p := range status.Complete.Providers {
		limits, told := status.Limits[p.Name]
		if !told {
			fmt.Fprintf(s, "   %-10s tells no limits\n", p.Name)
			continue
		}
		fmt.Fprintf(s, "   %-10s %d of %d requests left, %d of %d tokens\n", p.Name,
			limits.Requests.Remaining, limits.Requests.Limit, limits.Tokens.Remaining, limits.Tokens.Limit)
	}
	return nil
}
