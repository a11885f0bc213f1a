package failover_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"github.com/gofailover/failover"
)

// What a log line says when everybody failed: who, what kind of failure, what
// identifies it at the vendor, and who was left out. Never the vendor's words.
func ExampleAllFailedError() {
	say := func(err error) failover.Func[string, string] {
		return func(context.Context, string) (string, error) { return "", err }
	}
	overloaded := &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{"X-Request-Id": {"req_81f"}}}
	router, err := failover.New(failover.Providers(
		failover.Wrap("elevenlabs", say(failover.HTTPError(overloaded))),
		failover.Wrap("deepgram", say(&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED})),
		failover.Wrap("openai", say(&failover.Error{
			Class: failover.ClassExhausted, Status: 429, Code: "insufficient_quota", Message: "You exceeded your current quota, sk-proj-…",
		})),
		failover.Wrap("local", say(nil)),
	), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
	if err != nil {
		panic(err)
	}
	if err := router.Disable("local"); err != nil {
		panic(err)
	}

	_, err = router.Do(context.Background(), "Good evening.")
	fmt.Println(err)
	fmt.Println(errors.Is(err, failover.ErrAllFailed), errors.Is(err, syscall.ECONNREFUSED))
	if failed, ok := errors.AsType[*failover.AllFailedError](err); ok {
		for _, attempt := range failed.Attempts {
			fmt.Println(attempt.Provider, attempt.Class())
		}
	}
	// Output:
	// failover: all providers failed: elevenlabs: transient (503, request req_81f); deepgram: transient (dial: connection refused); openai: exhausted (429 insufficient_quota); left out: local (disabled)
	// true true
	// elevenlabs transient
	// deepgram transient
	// openai exhausted
}

// A caller decides by sentinel errors and by class, not by text.
func ExampleClassOf() {
	router, err := failover.New(failover.Providers(
		failover.Wrap("only", func(context.Context, string) (string, error) {
			return "", &failover.Error{Class: failover.ClassFiltered, Status: http.StatusBadRequest}
		}),
	))
	if err != nil {
		panic(err)
	}
	_, err = router.Do(context.Background(), "something awful")
	switch {
	case errors.Is(err, failover.ErrNoneAvailable):
		fmt.Println("try again later")
	case failover.ClassOf(err) == failover.ClassFiltered:
		fmt.Println("we cannot say that")
	}
	// Output: we cannot say that
}

// A NoneAvailableError says why nobody could be asked.
func ExampleNoneAvailableError() {
	french := failover.Wrap("french", func(_ context.Context, s string) (string, error) { return s, nil })
	french.Supports = func(language string) bool { return language == "fr" }
	router, err := failover.New(failover.Providers(french))
	if err != nil {
		panic(err)
	}
	_, err = router.Do(context.Background(), "de")
	fmt.Println(err)
	if none, ok := errors.AsType[*failover.NoneAvailableError](err); ok {
		fmt.Println(none.Skipped[0].Reason, none.RetryAt.IsZero())
	}
	// Output:
	// failover: no provider is available; left out: french (unsupported)
	// unsupported true
}
