package anthropic_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/providertest"
)

// canned answers as the vendor does, with as little work as can be.
func canned(b *testing.B) *httptest.Server {
	b.Helper()
	const (
		message = `"id":"m","type":"message","role":"assistant","model":"claude-sonnet-4-5"`
		whole   = `{` + message + `,"content":[{"type":"text","text":"Good evening, and welcome to the show."}],` +
			`"stop_reason":"end_turn","usage":{"input_tokens":9,"output_tokens":9}}`
		begin = "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{" + message +
			`,"content":[],"usage":{"input_tokens":9,"output_tokens":1}}}` + "\n\n" +
			`event: content_block_start` + "\n" +
			`data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n"
		piece = `event: content_block_delta` + "\n" +
			`data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"word "}}` + "\n\n"
		end = `event: content_block_stop` + "\n" + `data: {"type":"content_block_stop","index":0}` + "\n\n" +
			`event: message_delta` + "\n" +
			`data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":100}}` + "\n\n" +
			`event: message_stop` + "\n" + `data: {"type":"message_stop"}` + "\n\n"
	)
	stream := begin + strings.Repeat(piece, 100) + end
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
	bare := sdk.NewClient(option.WithoutEnvironmentDefaults(), option.WithAPIKey("key"), option.WithBaseURL(s.URL),
		option.WithMaxRetries(0), option.WithHTTPClient(s.Client()), option.WithoutOpenTelemetry())
	c, err := anthropic.New("key", anthropic.WithBaseURL(s.URL), anthropic.WithHTTPClient(s.Client()),
		anthropic.WithModels(llm.Models{"": {ID: "claude-sonnet-4-5"}}))
	if err != nil {
		b.Fatal(err)
	}
	p := c.LLM()
	params := sdk.MessageNewParams{
		Model: "claude-sonnet-4-5", MaxTokens: 4096,
		Messages: []sdk.MessageParam{sdk.NewUserMessage(sdk.NewTextBlock("Hello."))},
	}
	req := llm.Request{Messages: []llm.Message{llm.User("Hello.")}}
	b.Run("whole", func(b *testing.B) {
		providertest.Overhead(b, func() error {
			if _, err := bare.Messages.New(b.Context(), params); err != nil {
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
			stream := bare.Messages.NewStreaming(b.Context(), params)
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
