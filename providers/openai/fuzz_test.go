package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
)

// answerWith is a transport that gives one answer to everything.
type answerWith struct {
	status     int
	kind, body string
}

func (a answerWith) RoundTrip(r *http.Request) (*http.Response, error) {
	w := vendorsim.Record(a.status, http.Header{"Content-Type": {a.kind}}, a.body)
	w.Request = r
	return w, nil
}

func clientOf(t *testing.T, a answerWith) llm.Provider {
	t.Helper()
	c, err := openai.New(key, openai.WithModels(table), openai.WithHTTPClient(&http.Client{Transport: a}))
	if err != nil {
		t.Fatal(err)
	}
	return c.LLM()
}

// FuzzErrors reads arbitrary answers as errors: it never panics, there is
// always a class, and what is printed is shaped like codes and ids, whatever
// the body says.
func FuzzErrors(f *testing.F) {
	for _, row := range refusals {
		f.Add(row.Status, row.Body)
	}
	f.Add(400, `{"error":{"code":{"status":1},"type":null,"message":[]}}`)
	f.Add(429, "\xff\xfe<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 300 || status > 599 {
			return // net/http gives no other, and others are for FuzzStream
		}
		for _, ask := range []func(llm.Provider) error{
			func(p llm.Provider) error { _, err := p.Complete(t.Context(), hello()); return err },
			func(p llm.Provider) error { _, err := llm.Collect(p.Stream(t.Context(), hello())); return err },
			func(p llm.Provider) error { _, err := p.List(t.Context()); return err },
		} {
			err := ask(clientOf(t, answerWith{status, "application/json", body}))
			if err == nil {
				t.Fatalf("%d is no success", status)
			}
			e := failover.Classify(err)
			if e.Class == failover.ClassUnknown {
				t.Errorf("no class for status %d", status)
			}
			checkPrinted(t, err)
		}
	})
}

func checkPrinted(t *testing.T, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, failover.Classify(err))
	if len(text) > 1000 {
		t.Errorf("prints %d bytes", len(text))
	}
	for _, r := range text {
		if r > unicode.MaxASCII || r < ' ' || strings.ContainsRune(`<>{}[]"\+@/?&=%`, r) {
			t.Errorf("prints %q of the body: %s", r, text)
		}
	}
}

// FuzzStream reads arbitrary events: it never panics, a stream ends with a
// summary or an error and never with both, and calls are whole.
func FuzzStream(f *testing.F) {
	for _, all := range [][]string{
		{delta(`{"content":"Hi."}`), end("stop"), "[DONE]"},
		{delta(`{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}`), end("tool_calls")},
		{delta(`{"reasoning":"Hm."}`), delta(`{"refusal":"No."}`), end("length")},
		{`{"error":{"code":500}}`},
		{`{"choices":[{"index":-1,"delta":null}],"usage":{"prompt_tokens":-1}}`, end("content_filter")},
	} {
		f.Add("data: " + strings.Join(all, "\n\ndata: ") + "\n\n")
	}
	f.Fuzz(func(t *testing.T, body string) {
		ended := false
		for chunk, err := range clientOf(t, answerWith{http.StatusOK, "text/event-stream", body}).Stream(t.Context(), hello()) {
			if ended {
				t.Fatal("goes on after its end")
			}
			ended = err != nil || chunk.IsFinal()
			if err != nil {
				checkPrinted(t, err)
			}
			if chunk.IsCall() && (!json.Valid(chunk.Done.Call.Args) || chunk.Done.Call.ID == "" || chunk.Done.Call.Name == "") {
				t.Errorf("gives half a call: %+v", chunk.Done.Call)
			}
		}
		if !ended {
			t.Error("has no end")
		}
	})
}

// FuzzSchemas translates arbitrary schemas: it never panics, and what is sent
// is JSON and not less than what was given.
func FuzzSchemas(f *testing.F) {
	for _, schema := range []string{
		`{}`, `{"type":"object","properties":{"a":{"type":"array"}}}`, `{"anyOf":[true,{"items":[{}]}]}`,
		`{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"required":["a"],"$defs":{"a":{"enum":[1,{"type":"array"}]}}}`,
		`{"type":"object","type":"array","properties":[],"required":{}}`,
	} {
		f.Add(schema)
	}
	f.Add("")
	f.Fuzz(func(t *testing.T, schema string) {
		req := hello()
		req.Tools = []llm.Tool{{Name: "f", Schema: json.RawMessage(schema)}}
		req.Format.Schema = json.RawMessage(schema)
		if schema == "" || req.Validate() != nil {
			return
		}
		s := &recorder{}
		c, err := openai.New(key, openai.WithModels(table), openai.WithHTTPClient(&http.Client{Transport: s}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.LLM().Complete(t.Context(), req); failover.Classify(err).Class == failover.ClassUnsupported && len(s.body) == 0 {
			return
		}
		var sent struct {
			Tools []struct {
				Function struct {
					Parameters map[string]any `json:"parameters"`
				} `json:"function"`
			} `json:"tools"`
			Format struct {
				Schema struct {
					Schema map[string]any `json:"schema"`
				} `json:"json_schema"`
			} `json:"response_format"`
		}
		if err := json.Unmarshal(s.body, &sent); err != nil {
			t.Fatalf("sends no JSON: %v: %s", err, s.body)
		}
		var given map[string]any
		if err := json.Unmarshal([]byte(schema), &given); err != nil {
			t.Fatal(err)
		}
		if !holds(sent.Tools[0].Function.Parameters, given) {
			t.Errorf("a tool loses something: %s", s.body)
		}
		if !holds(sent.Format.Schema.Schema, given) {
			t.Errorf("an answer loses something: %s", s.body)
		}
	})
}

// holds says whether a schema has all that another one has, but for what says
// nothing of a value.
func holds(schema, other any) bool {
	switch other := other.(type) {
	case map[string]any:
		members, ok := schema.(map[string]any)
		for name, value := range other {
			got, kept := members[name]
			ok = ok && (kept && holds(got, value) || name == "$schema" || name == "$id" || name == "$comment")
		}
		return ok
	case []any:
		items, ok := schema.([]any)
		return ok && slices.EqualFunc(items, other, holds)
	default:
		return reflect.DeepEqual(schema, other)
	}
}

// recorder keeps what is sent, and answers nothing.
type recorder struct{ body []byte }

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	r.body, _ = io.ReadAll(req.Body)
	w := vendorsim.Record(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, "{}")
	w.Request = req
	return w, nil
}
