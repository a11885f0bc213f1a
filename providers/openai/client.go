package openai

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	sdk "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// Vendor is the name of the vendor: the default name of its providers, and the
// prefix of explicit models, as in "openai:gpt-5.1".
const Vendor = "openai"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.openai.com/v1"

// Client is one account at OpenAI, or at a compatible server. It is safe for
// concurrent use.
type Client struct {
	settings

	services

	calls  []option.RequestOption // of every call
	meter  llm.Meter
	models llm.Models
}

// services are what is asked of the SDK.
type services struct {
	chat    sdk.ChatCompletionService
	list    sdk.ModelService
	speech  sdk.AudioSpeechService
	hearing sdk.AudioTranscriptionService
}

// settings are what options say of a client.
type settings struct {
	name, vendor, account string

	legacyMaxTokens bool // send max_tokens
	store           bool

	voices     tts.Voices
	ttsModels  tts.Models
	ttsFormats []tts.Format // nil: the vendor's own
	sttModels  stt.Models
}

// New makes a client with an API key. It refuses an empty or malformed key, a
// bad base URL and bad options; its errors never show the key. It reads none
// of the SDK's environment variables. Servers that want no key take any word.
func New(key string, opts ...Option) (*Client, error) {
	if err := httpcall.CheckKey(Vendor, key); err != nil {
		return nil, err
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	base := []option.RequestOption{
		option.WithAPIKey(key),
		option.WithBaseURL(strings.TrimSuffix(o.baseURL, "/") + "/"),
		option.WithHTTPClient(httpClient(o.http)),
	}
	if o.keyHeader != "" {
		base = append(base, option.WithHeaderDel("Authorization"), option.WithHeader(o.keyHeader, key))
	}
	return o.client(services{
		chat: sdk.NewChatCompletionService(base...), list: sdk.NewModelService(base...),
		speech: sdk.NewAudioSpeechService(base...), hearing: sdk.NewAudioTranscriptionService(base...),
	}), nil
}

// Use makes a client of one of the SDK's, with its key, base URL, HTTP client
// and middlewares. Its retries are off for the calls of this package, and for
// no others. Options that say where requests go and who sends them
// ([WithBaseURL], [WithHTTPClient], [WithKeyHeader], [WithOrganization],
// [WithProject]) are refused: they are the SDK client's. So is its redirect
// policy.
func Use(client sdk.Client, opts ...Option) (*Client, error) {
	if len(client.Options) == 0 {
		return nil, errors.New("openai: Use: the client is empty: make it with NewClient")
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	if len(o.connection) > 0 {
		return nil, fmt.Errorf("openai: Use: %s: that is for the SDK's client to say", strings.Join(o.connection, ", "))
	}
	return o.client(services{
		chat: client.Chat.Completions, list: client.Models, speech: client.Audio.Speech, hearing: client.Audio.Transcriptions,
	}), nil
}

// client makes the client of the options.
func (o *options) client(s services) *Client {
	return &Client{
		services: s, settings: o.settings, models: known(o.models, o.vendor),
		calls: append(o.calls, option.WithMaxRetries(0), option.WithMiddleware(bounded, sdkcall.Middleware)),
	}
}

// httpClient is what New sends with. There is no Timeout: it would cut streams
// and hide whose time ran out. Redirects are not followed: the key must not go
// where it was not meant for.
func httpClient(own *http.Client) *http.Client {
	return &http.Client{
		Transport:     httpcall.TransportOf(own),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// maxAnswer bounds what is read of an answer: hours of talk.
const maxAnswer = 64 << 20

// bounded keeps the SDK, which reads whatever comes, from reading it all.
func bounded(req *http.Request, next option.MiddlewareNext) (*http.Response, error) {
	resp, err := next(req)
	if err != nil || resp.Body == nil {
		return resp, err
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		resp.Body = part{io.LimitReader(resp.Body, httpcall.MaxError), resp.Body}
		return resp, nil
	}
	resp.Body = &limited{ReadCloser: resp.Body, left: maxAnswer}
	return resp, nil
}

// part is the beginning of a body.
type part struct {
	io.Reader
	io.Closer
}

// limited is a body that fails past its limit.
type limited struct {
	io.ReadCloser

	left int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, httpcall.ErrTooLong
	}
	n, err := l.ReadCloser.Read(p)
	l.left -= int64(n)
	return n, err
}

// String names the client.
func (c *Client) String() string { return "openai.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
