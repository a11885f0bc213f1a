package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"google.golang.org/genai"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/llm"
)

// Vendor is the name of the vendor: the default name of its providers, the
// prefix of explicit models, as in "google:gemini-3.8-flash", and the owner of
// what is opaque in messages.
const Vendor = "google"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://generativelanguage.googleapis.com"

// Client is one key for the Gemini API. It is safe for concurrent use.
type Client struct {
	sdk     *genai.Client
	name    string
	account string
	models  llm.Models
	change  func(*genai.GenerateContentConfig)
}

// Option configures a [Client].
type Option interface{ apply(*options) error }

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	Client

	baseURL string
	http    *http.Client
}

// New makes a client with an API key. It refuses an empty or malformed key and
// a bad base URL; its errors never show the key.
//
// Nothing is taken from the environment. (The SDK looks at its variables all
// the same, and may log a warning about them; what it finds there is not used.)
func New(key string, opts ...Option) (*Client, error) {
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	if o.baseURL == "" {
		o.baseURL = DefaultBaseURL
	}
	return o.build(genai.ClientConfig{APIKey: key})
}

// Use makes a client with the configuration of one of the SDK: its key, base
// URL, API version, headers, extra body and transport, over which
// [WithBaseURL] and [WithHTTPClient] go. The SDK's client itself stays as it
// is. Its retries, timeouts, redirect policy and cookies are not taken over:
// an attempt is one request, ended by its context. A client for Vertex AI is
// refused.
func Use(sdk *genai.Client, opts ...Option) (*Client, error) {
	if sdk == nil {
		return nil, errors.New("google: Use: the client is nil")
	}
	config := sdk.ClientConfig()
	if config.Backend == genai.BackendVertexAI {
		return nil, errors.New("google: Use: the client is one for Vertex AI, which is not supported")
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	if o.baseURL == "" {
		o.baseURL = config.HTTPOptions.BaseURL
	}
	if o.http == nil {
		o.http = config.HTTPClient
	}
	return o.build(genai.ClientConfig{
		APIKey: config.APIKey,
		HTTPOptions: genai.HTTPOptions{
			APIVersion: config.HTTPOptions.APIVersion,
			Headers:    config.HTTPOptions.Headers.Clone(),
			ExtraBody:  config.HTTPOptions.ExtraBody,
		},
	})
}

func collect(opts []Option) (options, error) {
	o := options{Client: Client{name: Vendor}}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(&o); err != nil {
			return o, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	return o, nil
}

// build makes the client. Whatever the SDK would look up in the environment is
// set; its errors print the key, so they are not shown.
func (o *options) build(config genai.ClientConfig) (*Client, error) {
	if err := httpcall.CheckKey(Vendor, config.APIKey); err != nil {
		return nil, err
	}
	if _, err := httpcall.New(Vendor, o.baseURL, nil, nil); err != nil {
		return nil, err
	}
	config.Backend = genai.BackendGeminiAPI
	config.HTTPOptions.BaseURL = o.baseURL
	config.HTTPClient = httpClient(o.http)
	sdk, err := genai.NewClient(context.Background(), &config)
	if err != nil {
		return nil, errors.New("google: the SDK refuses the configuration")
	}
	c := o.Client
	c.sdk = sdk
	if c.account == "" {
		c.account = c.name
	}
	return &c, nil
}

// WithBaseURL sends requests elsewhere, for example to a gateway. Default
// [DefaultBaseURL].
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		if url == "" {
			return errors.New("WithBaseURL: the URL is empty")
		}
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used: an
// attempt is ended by its context, and a redirect would carry the key away.
// Default a transport shared by the clients of this package.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithName names the client's providers. Default "google". Two clients in one
// router need two names.
func WithName(name string) Option {
	return optionFunc(func(o *options) error {
		if name == "" {
			return errors.New("WithName: the name is empty")
		}
		o.name = name
		return nil
	})
}

// WithAccount says whose quota and key it is: clients of one account cool down
// together when either is refused. Google counts quota by project. Default the
// client's name.
func WithAccount(account string) Option {
	return optionFunc(func(o *options) error {
		o.account = account
		return nil
	})
}

// WithModels gives the table from model names to Google's models. Rows without
// Can get what this package knows of the model. Without a table only explicit
// models ("google:…") can be asked for.
func WithModels(models llm.Models) Option {
	return optionFunc(func(o *options) error {
		o.models = models.Clone()
		return nil
	})
}

// WithConfig lets change set what the portable request has no field for, such
// as safety settings or how much is thought:
//
//	google.WithConfig(func(c *genai.GenerateContentConfig) {
//		c.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
//	})
//
// Models that think show nothing of it unless they are asked as above; a stream
// of one that thinks for longer than its FirstContent is cut.
//
// It is called with the configuration of every request before it is sent, by
// several goroutines at once, and must not keep it. HTTPOptions and
// AutomaticContinuation stay this package's.
func WithConfig(change func(*genai.GenerateContentConfig)) Option {
	return optionFunc(func(o *options) error {
		o.change = change
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "google.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
