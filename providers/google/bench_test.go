package google_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genai"

	"github.com/gofailover/failover/providers/google"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/providertest"
)

// canned answers as the vendor does, with as little work as can be.
func canned(b *testing.B) *httptest.Server {
	b.Helper()
	const (
		whole = `{"candidates":[{"content":{"role":"model","parts":[{"text":"Good evening, and welcome to the show."}]},` +
			`"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"candidatesTokenCount":9},"modelVersion":"gemini-2.5-pro"}`
		piece = `data: {"candidates":[{"content":{"role":"model","parts":[{"text":"word "}]}}],"modelVersion":"gemini-2.5-pro"}` + "\n\n"
	)
	stream := strings.Repeat(piece, 100) + "data: " + whole + "\n\n"
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if strings.Contains(r.URL.Path, "streamGenerateContent") {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, stream)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
	}))
	b.Cleanup(s.Close)
	return s
}

// BenchmarkOverhead is one call, and a stream of a hundred pieces, by the SDK
// alone and by the adapter over it.
func BenchmarkOverhead(b *testing.B) {
	s := canned(b)
	bare, err := genai.NewClient(b.Context(), &genai.ClientConfig{
		APIKey: "key", Backend: genai.BackendGeminiAPI, HTTPClient: s.Client(), HTTPOptions: genai.HTTPOptions{BaseURL: s.URL},
	})
	if err != nil {
		b.Fatal(err)
	}
	c, err := google.New("key", google.WithBaseURL(s.URL), google.WithHTTPClient(s.Client()),
		google.WithModels(llm.Models{"": {ID: "gemini-2.5-pro"}}))
	if err != nil {
		b.Fatal(err)
	}
	p := c.LLM()
	contents := genai.Text("Hello.")
	req := llm.Request{Messages: []llm.Message{llm.User("Hello.")}}
	b.Run("whole", func(b *testing.B) {
		providertest.Overhead(b, func() error {
			if _, err := bare.Models.GenerateContent(b.Context(), "gemini-2.5-pro", contents, nil); err != nil {
				return err
			}
			return nil
		}, func() error {
			if _, err := p.Complete(b.Context(), req); err != nil {
				return err
			}
			return nil
		})
	})
	b.Run("stream", func(b *testing.B) {
		providertest.Overhead(b, func() error {
			for _, err := range bare.Models.GenerateContentStream(b.Context(), "gemini-2.5-pro", contents, nil) {
				if err != nil {
					return err
				}
			}
			return nil
		}, func() error {
			for _, err := range p.Stream(b.Context(), req) {
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}
