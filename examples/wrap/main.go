// Wrap puts a router before a client you already have: here one over HTTP whose
// errors carry a status, one that takes no context, and one that wants another
// model name.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/gofailover/failover"
)

// Request and client stand for what an application has already.
type request struct{ model, prompt string }

type client struct{ url string }

// Complete is an ordinary method: context, request, response, error. All that
// the router needs of it is an error that says what happened.
func (c *client) Complete(ctx context.Context, req request) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url+"/"+req.model, strings.NewReader(req.prompt))
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", err // network errors are read as they are
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", failover.HTTPError(resp) // class, Retry-After and request id
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// legacy takes no context and cannot be cancelled.
type legacy struct{}

func (legacy) Ask(req request) (string, error) { return "legacy: " + req.prompt, nil }

func main() {
	main := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, "slow down", http.StatusTooManyRequests)
	}))
	defer main.Close()
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s answers", strings.TrimPrefix(r.URL.Path, "/"))
	}))
	defer other.Close()

	first := failover.Wrap("first", (&client{main.URL}).Complete)

	second := failover.Wrap("second", (&client{other.URL}).Complete)
	second.Timeout = 5 * time.Second
	second.Adapt = func(req request) request {
		req.model = "their-name-for-it"
		return req
	}

	third := failover.Detached("third", legacy{}.Ask)

	router, err := failover.New(failover.Providers(first, second, third))
	if err != nil {
		log.Fatal(err)
	}
	defer router.Close()

	result, err := router.Route(context.Background(), request{"our-name", "hello"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("answer:  ", result.Value)
	for _, a := range result.Attempts {
		if a.Err != nil {
			fmt.Println("failed:  ", a.Err)
		}
	}
	fmt.Println("served by", result.Provider)

	// Only the one that is cooling down: the error says until when.
	_, err = router.Do(failover.With(context.Background(), failover.Only("first")), request{"our-name", "hello"})
	if none, ok := errors.AsType[*failover.NoneAvailableError](err); ok {
		fmt.Println("first is", none.Skipped[0].Reason, "for", time.Until(none.RetryAt).Round(time.Second))
	}
}
