package failover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gofailover/failover"
)

// sdkError is what many SDKs return.
type sdkError struct{ status int }

func (e *sdkError) Error() string             { return "the SDK's own words" }
func (e *sdkError) StatusCode() int           { return e.status }
func (e *sdkError) RetryAfter() time.Duration { return 20 * time.Second }

// An error is read by what it offers, however it is wrapped; its text is never
// looked at.
func ExampleClassify() {
	for _, err := range []error{
		&sdkError{429},
		fmt.Errorf("synthesize: %w", &sdkError{401}),
		io.ErrUnexpectedEOF,
		context.DeadlineExceeded,
		errors.New("429 too many requests"),
	} {
		fmt.Println(failover.Classify(err))
	}
	// Output:
	// rate_limited (429, retry after 20s)
	// unauthorized (401, retry after 20s)
	// incomplete (unexpected EOF)
	// timeout (timeout)
	// unknown
}

// A classifier reads the errors of a client that tells its story in a way of
// its own.
func ExampleWithClassifier() {
	errSoldOut := errors.New("sold out")
	router, err := failover.New(failover.Providers(
		failover.Wrap("odd", func(context.Context, string) (string, error) { return "", errSoldOut }),
		failover.Wrap("other", func(_ context.Context, s string) (string, error) { return s + "!", nil }),
	), failover.WithClassifier(func(_ string, err error) *failover.Error {
		if errors.Is(err, errSoldOut) {
			return &failover.Error{Class: failover.ClassExhausted}
		}
		return nil // the router reads everything else
	}))
	if err != nil {
		panic(err)
	}
	answer, err := router.Do(context.Background(), "hello")
	fmt.Println(answer, err)
	fmt.Println(router.Status().Providers[0].Reasons[0].Class)
	// Output:
	// hello! <nil>
	// exhausted
}
