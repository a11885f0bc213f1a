package anthropic_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

// answering makes a provider whose vendor gives one answer to everything, and
// keeps what it was asked.
func answering(t *testing.T, status int, contentType, body string) (llm.Provider, *[]byte) {
	t.Helper()
	var asked []byte
	transport := roundTrip(func(r *http.Request) (*http.Response, error) {
		asked = make([]byte, max(r.ContentLength, 0))
		if r.Body != nil {
			_, _ = r.Body.Read(asked)
		}
		w := vendorsim.Record(status, http.Header{"Content-Type": {contentType}}, body)
		w.Request = r
		return w, nil
	})
	c, err := anthropic.New(key, anthropic.WithModels(models), anthropic.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	return c.LLM(), &asked
}

// assertPrintable says that what an error prints is shaped like codes and ids.
func assertPrintable(t *testing.T, err error) {
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

// FuzzErrors reads arbitrary answers as errors: it never panics, and there is
// always a class.
func FuzzErrors(f *testing.F) {
	f.Add(400, `{"error":{"type":{"a":1},"message":[]},"request_id":7}`)
	f.Add(529, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
	f.Add(400, `{"error":{"type":"invalid_request_error","message":"prompt is too long"}}`)
	f.Add(503, `{"error":"busy"}`)
	f.Add(429, "\xff\xfe<html>")
	f.Add(200, `{"stop_reason":"end_turn","content":[{"type":"tool_use","input":"x"},{"type":7},null]}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // net/http gives no other
		}
		p, _ := answering(t, status, "application/json", body)
		answer, err := p.Complete(t.Context(), hello())
		if err == nil {
			if status >= 300 || answer.Empty() {
				t.Errorf("%d is no success, nor is an empty answer", status)
			}
			return
		}
		if status >= 300 && failover.Classify(err).Class == failover.ClassUnknown {
			t.Errorf("no class for status %d", status)
		}
		assertPrintable(t, err)
	})
}

// FuzzStream reads arbitrary streams: there is one end, a summary or an error,
// and no call that is no JSON object.
func FuzzStream(f *testing.F) {
	tool := event("content_block_start", `"content_block":{"type":"tool_use","id":"1","name":"w","input":{}}`)
	f.Add(event("message_start", `"message":{"model":"m"}`) + textEvents("Hi.") +
		event("message_delta", `"delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":3}`) + event("message_stop", ""))
	f.Add(tool + event("content_block_delta", `"delta":{"type":"input_json_delta","partial_json":"{"}`) + event("content_block_stop", ""))
	f.Add(tool + event("content_block_stop", "") + event("content_block_stop", "") + event("message_stop", ""))
	f.Add("event: error\ndata: {\"error\":{\"type\":\"overloaded_error\"}}\n\n")
	f.Add("event: content_block_delta\ndata: {\"delta\":{\"type\":7,\"text\":[]}}\n\n")
	f.Fuzz(func(t *testing.T, body string) {
		p, _ := answering(t, 200, "text/event-stream", body)
		ended := false
		for chunk, err := range p.Stream(t.Context(), hello()) {
			if ended {
				t.Fatal("something came after the end")
			}
			if err != nil {
				assertPrintable(t, err)
			}
			ended = err != nil || chunk.IsFinal()
			if chunk.IsCall() && (!json.Valid(chunk.Done.Call.Args) || chunk.Done.Call.Args[0] != '{') {
				t.Errorf("arguments %q", chunk.Done.Call.Args)
			}
			if chunk.IsFinal() && !strings.Contains(body, "message_stop") {
				t.Error("a summary without the vendor's word")
			}
		}
		if !ended {
			t.Error("no end")
		}
	})
}

var goodID = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

// FuzzConversation sends arbitrary conversations: what is sent is what the
// vendor takes.
func FuzzConversation(f *testing.F) {
	f.Add(`[{"role":"user","parts":[{"text":"a"}]},{"role":"assistant","parts":[{"call":{"id":"x|y","name":"w","args":{}}}]},
		{"role":"user","parts":[{"result":{"id":"x|y","content":"z"}},{"text":" "}]}]`)
	f.Add(`[{"role":"assistant","parts":[{"thinking":"a","opaque":{"vendor":"anthropic","data":{"type":"thinking"}}}]},{"role":"user","parts":[{"text":"a"}]}]`)
	f.Fuzz(func(t *testing.T, conversation string) {
		var messages []llm.Message
		if json.Unmarshal([]byte(conversation), &messages) != nil {
			return
		}
		p, asked := answering(t, 500, "application/json", "{}")
		req := llm.Request{Messages: messages}
		_, err := p.Complete(t.Context(), req)
		if e := failover.Classify(err); e.Status != 500 {
			if e.Class != failover.ClassInvalid && p.Supports(req) {
				t.Errorf("supports what it refuses: %v", err)
			}
			return
		}
		var body struct {
			Messages []struct {
				Role    string `json:"role"`
				Content []struct {
					Type   string `json:"type"`
					ID     string `json:"id"`
					Text   string `json:"text"`
					Result string `json:"tool_use_id"`
				} `json:"content"`
			} `json:"messages"`
		}
		if err := json.Unmarshal(*asked, &body); err != nil {
			t.Fatal(err)
		}
		ids, open := map[string]bool{}, map[string]bool{}
		for i, m := range body.Messages {
			if (m.Role == "user") != (i%2 == 0) || len(m.Content) == 0 {
				t.Fatalf("message %d is the %s's, of %d blocks", i, m.Role, len(m.Content))
			}
			for _, b := range m.Content {
				switch {
				case b.Type == "text" && strings.TrimSpace(b.Text) == "":
					t.Error("blank text")
				case b.Type == "tool_use" && (ids[b.ID] || !goodID.MatchString(b.ID)):
					t.Errorf("id %q", b.ID)
				case b.Type == "tool_use":
					ids[b.ID], open[b.ID] = true, true
				case b.Type == "tool_result" && !open[b.Result]:
					t.Errorf("result for %q", b.Result)
				case b.Type == "tool_result":
					delete(open, b.Result)
				}
			}
			if m.Role == "user" && len(open) > 0 {
				t.Error("a call without a result")
			}
		}
	})
}

// FuzzSchema translates arbitrary schemas: the result is an error that names the
// field, or JSON in which every object is closed.
func FuzzSchema(f *testing.F) {
	f.Add(`{"type":"object","properties":{"a":{"$ref":"#/$defs/b"}},"$defs":{"b":{"type":["string","null"]}}}`)
	f.Add(`{"anyOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"items":{"$ref":"#/$defs/a"}}}}`)
	f.Add(`{"properties":null,"type":{}}`)
	f.Fuzz(func(t *testing.T, schema string) {
		req := hello()
		req.Format.Schema = json.RawMessage(schema)
		if len(schema) == 0 || req.Validate() != nil {
			return
		}
		p, asked := answering(t, 500, "application/json", "{}")
		_, err := p.Complete(t.Context(), req)
		if e := failover.Classify(err); e.Status != 500 {
			if e.Class != failover.ClassUnsupported {
				t.Error(err)
			}
			return
		}
		var body struct {
			Config struct {
				Format struct {
					Schema map[string]any `json:"schema"`
				} `json:"format"`
			} `json:"output_config"`
		}
		if err := json.Unmarshal(*asked, &body); err != nil {
			t.Fatal(err)
		}
		s := body.Config.Format.Schema
		if s["type"] == "object" && s["additionalProperties"] != false {
			t.Errorf("an open object in %v", s)
		}
	})
}
