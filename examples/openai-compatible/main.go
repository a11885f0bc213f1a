// OpenAI-compatible puts an endpoint that any OpenAI client can call,
//
//	POST /v1/chat/completions   streaming and not
//	GET  /v1/models
//
// in front of three vendors with failover between them. It is an example of
// embedding: a handler of a few hundred lines to copy and to change, on a mux
// of yours, behind your authentication and your metrics. It is no gateway: it
// has one key, no tenants, no billing and no storage.
//
// The program runs it before simulated vendors, without a key or a network,
// and calls it twice: the first vendor is down, and the second one breaks off
// in the middle of a stream. The caller sees two good answers.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
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

// callersKey is what the callers of the endpoint show. Those of the vendors
// stay here.
const callersKey = "sk-callers"

func run(ctx context.Context, w io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	// Three vendors. In your service these lines are gone, and so is
	// WithBaseURL.
	openAISim, anthropicSim, googleSim := vendorsim.OpenAI("key"), vendorsim.Anthropic("key"), vendorsim.Google("key")
	defer openAISim.Close()
	defer anthropicSim.Close()
	defer googleSim.Close()
	openAISim.FailAlways(vendorsim.Status(http.StatusServiceUnavailable))

	gpt, err := openai.New("key", openai.WithBaseURL(openAISim.URL()+"/v1"), openai.WithModels(llm.Models{"smart": {ID: "gpt-5.1"}}))
	if err != nil {
		return err
	}
	claude, err := anthropic.New("key", anthropic.WithBaseURL(anthropicSim.URL()),
		anthropic.WithModels(llm.Models{"smart": {ID: "claude-sonnet-4-5"}}))
	if err != nil {
		return err
	}
	gemini, err := google.New("key", google.WithBaseURL(googleSim.URL()),
		google.WithModels(llm.Models{"smart": {ID: "gemini-3.1-pro-preview"}}))
	if err != nil {
		return err
	}
	// Continue, and no Restart: the protocol has no word for "discard that".
	client, err := llm.New([]llm.Provider{gpt.LLM(), claude.LLM(), gemini.LLM()},
		llm.WithStreams(failover.WithInterrupted(failover.Continue)))
	if err != nil {
		return err
	}
	defer client.Close()

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler:           newEndpoint(client, options{Key: callersKey, Models: []string{"smart"}}),
		ReadHeaderTimeout: 10 * time.Second,
	}
	defer server.Close()
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()

	url := "http://" + listener.Addr().String() + "/v1/chat/completions"
	fmt.Fprintln(w, "The first vendor is down.")
	if err := call(ctx, w, url, `{"model":"smart","messages":[{"role":"user","content":"Good morning."}]}`); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nThe second one breaks off in the middle of a stream.")
	anthropicSim.Fail(vendorsim.CutAfter(9))
	if err := call(ctx, w, url, `{"model":"smart","stream":true,"messages":[{"role":"user","content":"Good evening."}]}`); err != nil {
		return err
	}

	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// call is what any client of OpenAI's does.
func call(ctx context.Context, w io.Writer, url, body string) error {
	fmt.Fprintf(w, "   > %s\n", body)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+callersKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{}).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	fmt.Fprintf(w, "   < %s, begun by %s\n", resp.Status, resp.Header.Get(servedBy))
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if lines.Text() != "" {
			fmt.Fprintf(w, "   < %s\n", lines.Text())
		}
	}
	return lines.Err()
}
