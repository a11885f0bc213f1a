package openai_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/stt"
)

// canned answers as the vendor does, with as little work as can be.
func canned(b *testing.B) *httptest.Server {
	b.Helper()
	const (
		whole = `{"id":"c","object":"chat.completion","created":1,"model":"gpt-4.1","choices":[{"index":0,"finish_reason":"stop",` +
			`"message":{"role":"assistant","content":"Good evening, and welcome to the show."}}],` +
			`"usage":{"prompt_tokens":9,"completion_tokens":9,"total_tokens":18}}`
		piece = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4.1","choices":[{"index":0,"delta":{"content":"word "}}]}` + "\n\n"
		end   = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4.1","choices":[{"index":0,"delta":{},` +
			`"finish_reason":"stop"}]}` + "\n\n" + "data: [DONE]\n\n"
	)
	stream := strings.Repeat(piece, 100) + end
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if strings.Contains(string(body), `"stream":true`) {
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
	bare := sdk.NewChatCompletionService(option.WithAPIKey("key"), option.WithBaseURL(s.URL+"/v1"), option.WithMaxRetries(0),
		option.WithHTTPClient(s.Client()))
	c, err := openai.New("key", openai.WithBaseURL(s.URL+"/v1"), openai.WithHTTPClient(s.Client()),
		openai.WithModels(llm.Models{"": {ID: "gpt-4.1"}}))
	if err != nil {
		b.Fatal(err)
	}
	p := c.LLM()
	params := sdk.ChatCompletionNewParams{
		Model: "gpt-4.1", Messages: []sdk.ChatCompletionMessageParamUnion{sdk.UserMessage("Hello.")},
	}
	req := llm.Request{Messages: []llm.Message{llm.User("Hello.")}}
	b.Run("whole", func(b *testing.B) {
		providertest.Overhead(b, func() error {
			if _, err := bare.New(b.Context(), params); err != nil {
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
			stream := bare.NewStreaming(b.Context(), params)
			for stream.Next() {
				_ = stream.Current()
			}
			if err := stream.Err(); err != nil {
				return err
			}
			_ = stream.Close()
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

// BenchmarkUpload is a recording as large as the vendor takes: the figure to
// look at is B/op, which does not grow with it.
func BenchmarkUpload(b *testing.B) {
	file := vendorsim.SayWAV("Hello.", 8000)
	file = append(file, make([]byte, 25<<20-len(file))...)
	sent := int64(0)
	drain := roundTripper(func(r *http.Request) (*http.Response, error) {
		defer r.Body.Close()
		n, err := io.Copy(io.Discard, r.Body)
		sent += n
		return vendorsim.Record(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, `{"text":"Hello."}`), err
	})
	c, err := openai.New("key", openai.WithHTTPClient(&http.Client{Transport: drain}))
	if err != nil {
		b.Fatal(err)
	}
	p, req := c.STT(), stt.Request{Audio: stt.Bytes(file)}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Do(b.Context(), req); err != nil {
			b.Fatal(err)
		}
	}
	if sent < int64(b.N)*int64(len(file)) {
		b.Errorf("%d bytes were sent of %d recordings", sent, b.N)
	}
}
