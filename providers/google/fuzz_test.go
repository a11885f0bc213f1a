package google_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
)

// answerWith is a transport that gives one answer to everything.
type answerWith struct {
	status int
	body   string
}

func (a answerWith) RoundTrip(r *http.Request) (*http.Response, error) {
	w := vendorsim.Record(a.status, http.Header{"Content-Type": {"application/json"}}, a.body)
	w.Request = r
	return w, nil
}

// FuzzAnswers reads arbitrary answers, whole and streamed: nothing panics, an
// error has a class and prints nothing but codes, and what is no error is an
// answer that another request can take up.
func FuzzAnswers(f *testing.F) {
	for _, row := range refusals {
		f.Add(row.status, row.body)
	}
	f.Add(200, says("STOP", `{"text":"Yes."}`))
	f.Add(200, "data: "+says("STOP", `{"text":"","thoughtSignature":"c2ln"}`, `{"functionCall":{"name":"a","args":{"x":[null]}}}`)+"\n\n")
	f.Add(200, `{"candidates":[{"content":{"parts":[{"text":7}]}}]}`)
	f.Add(200, "null")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // net/http gives no other
		}
		c, err := google.New(key, google.WithModels(models), google.WithHTTPClient(&http.Client{Transport: answerWith{status, body}}))
		if err != nil {
			t.Fatal(err)
		}
		whole, err := c.LLM().Complete(t.Context(), hello())
		wantReadable(t, c, status, whole, err)
		streamed, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		wantReadable(t, c, status, streamed, err)
	})
}

func wantReadable(t *testing.T, c *google.Client, status int, answer *llm.Response, err error) {
	t.Helper()
	if err == nil {
		if status >= 300 {
			t.Fatalf("%d is no success", status)
		}
		next := llm.Request{Messages: []llm.Message{llm.User("Hello."), answer.Message, llm.User("Go on.")}}
		if err := next.Validate(); err != nil {
			t.Errorf("the answer cannot be taken up: %v", err)
		}
		if !c.LLM().Supports(next) {
			t.Error("the answer cannot be sent back")
		}
		return
	}
	e := failover.Classify(err)
	if e.Class == failover.ClassUnknown {
		t.Errorf("no class for status %d", status)
	}
	text := fmt.Sprintf("%v %+v %#v", err, err, e)
	for _, r := range text {
		if r > unicode.MaxASCII || r < ' ' || strings.ContainsRune(`<>{}[]"\+@/?&=%`, r) {
			t.Errorf("prints %q of the body: %s", r, text)
		}
	}
}

// FuzzSchemas translates arbitrary schemas: they are either sent as JSON, or
// refused by name.
func FuzzSchemas(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"enum":["b",null]},"c":{"const":1}},"allOf":[{"$ref":"#/$defs/d"}]}`)
	f.Add(`{"items":[{"exclusiveMinimum":1,"type":"integer"}],"definitions":{"a":{}},"type":"x","type":"y"}`)
	f.Fuzz(func(t *testing.T, schema string) {
		req := llm.Request{Messages: hello().Messages, Format: llm.Format{Schema: json.RawMessage(schema)}}
		if len(schema) == 0 || req.Validate() != nil {
			return
		}
		c, err := google.New(key, google.WithModels(models), google.WithHTTPClient(&http.Client{
			Transport: answerWith{200, says("STOP", `{"text":"{}"}`)},
		}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.LLM().Complete(t.Context(), req)
		if err != nil && failover.ClassOf(err) != failover.ClassUnsupported {
			t.Errorf("%v", err)
		}
	})
}
