package failover_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/gofailover/failover"
)

// texter makes a provider of one's own out of a vendor's HTTP API.
func texter(name, url string) failover.Provider[string, string] {
	p := failover.Wrap(name, func(ctx context.Context, text string) (string, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(text))
		if err != nil {
			return "", err
		}
		resp, err := failover.SendOnce(nil, req)
		if err != nil {
			return "", err // knows whether the message may have been sent
		}
		defer resp.Body.Close()
		if resp.StatusCode/100 != 2 {
			return "", failover.HTTPError(resp)
		}
		id, err := io.ReadAll(resp.Body)
		if err != nil { // the vendor has taken it all the same
			return "", &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Err: err}
		}
		return string(id), nil
	})
	p.SideEffect = true
	return p
}

// A message goes to the next vendor if the one before certainly has not got it,
// and only then.
func ExampleSendOnce() {
	const gone = "http://127.0.0.1:1" // nobody listens
	// This one hangs up once it has read the message.
	murky := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	}))
	defer murky.Close()
	works := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		fmt.Println("second sends:", string(text))
		_, _ = io.WriteString(w, "SM1")
	}))
	defer works.Close()

	for _, first := range []string{gone, murky.URL} {
		router, err := failover.New(failover.Providers(texter("first", first), texter("second", works.URL)))
		if err != nil {
			fmt.Println(err)
			return
		}
		id, err := router.Do(context.Background(), "your parcel is here")
		fmt.Println(id, errors.Is(err, failover.ErrUncertain))
	}
	// Output:
	// second sends: your parcel is here
	// SM1 false
	//  true
}
