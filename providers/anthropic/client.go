package anthropic

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// Vendor is the name of the vendor: the default name of its providers, the
// prefix of explicit models, as in "anthropic:claude-sonnet-4-6", and the owner
// of what is opaque in messages.
const Vendor = "anthropic"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.anthropic.com"

// How long an answer may be where nobody said so, for the vendor wants a number.
// Known models that think get more: what they think counts.
const (
	DefaultMaxTokens         = 4096
	DefaultThinkingMaxTokens = 16384
)

// Client is one account at Anthropic. It is safe for concurrent use.
type Client struct {
	name      string
	account   string
	models    llm.Models
	maxTokens int // 0: the default

	messages sdk.MessageService
	catalog  sdk.ModelService
	opts     []option.RequestOption // of every call, over those of the services
	asking   []option.RequestOption // of calls for an answer, over these
	meter    *llm.Meter
}

// Option configures a [Client].
type Option interface{ apply(*options) error }

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	Client

	baseURL    string
	http       *http.Client
	connection []string // the options given that Use has no use for
}

// New makes a client with an API key. It refuses an empty or malformed key and
// a bad base URL; its errors never show the key. Nothing is read from the
// environment.
func New(key string, opts ...Option) (*Client, error) {
	if err := httpcall.CheckKey(Vendor, key); err != nil {
		return nil, err
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	// Services made by themselves read nothing from the environment, while
	// NewClient does. The telemetry of the SDK does too, and is off.
	base := []option.RequestOption{
		option.WithAPIKey(key), option.WithBaseURL(o.baseURL), option.WithoutOpenTelemetry(),
		// There is no Timeout: it would cut streams and hide whose time ran
		// out. Redirects are not followed: the key must not go where it was not
		// meant for.
		option.WithHTTPClient(&http.Client{
			Transport:     httpcall.TransportOf(o.http),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}),
	}
	return o.client(sdk.NewMessageService(base...), sdk.NewModelService(base...)), nil
}

// Use makes a client of one of the SDK's, with its key, base URL, HTTP client
// and middleware. Its retries and its request timeout are overruled for the
// calls of this package, and for no others: the router does that work. A
// Timeout of its HTTP client cuts streams; have none. [WithBaseURL] and
// [WithHTTPClient] are refused: they are the SDK client's. So is its redirect
// policy.
func Use(client sdk.Client, opts ...Option) (*Client, error) {
	if len(client.Options) == 0 {
		return nil, errors.New(Vendor + ": Use: the client is empty: make it with NewClient")
	}
	o, err := collect(opts)
	if err != nil {
		return nil, err
	}
	if len(o.connection) > 0 {
		return nil, fmt.Errorf("%s: Use: %s: that is for the SDK's client to say", Vendor, strings.Join(o.connection, ", "))
	}
	return o.client(client.Messages, client.Models), nil
}

func collect(opts []Option) (*options, error) {
	o := &options{
		Client:  Client{name: Vendor, models: llm.Models{}, meter: &llm.Meter{}},
		baseURL: DefaultBaseURL,
	}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(o); err != nil {
			return nil, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	if o.account == "" {
		o.account = o.name
	}
	return o, nil
}

// client makes the client of the options. What makes a call one request comes
// last, so that it holds.
func (o *options) client(messages sdk.MessageService, catalog sdk.ModelService) *Client {
	c := o.Client
	c.messages, c.catalog = messages, catalog
	one := []option.RequestOption{option.WithMaxRetries(0), option.WithMiddleware(bounded, sdkcall.Middleware)}
	c.asking = slices.Concat(c.opts, c.asking, one)
	c.opts = slices.Concat(c.opts, one)
	return &c
}

// WithBaseURL sends requests elsewhere, for example to a gateway; "/v1/messages"
// is appended. Default [DefaultBaseURL].
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, "WithBaseURL")
		// It is the same rule for all adapters; the client that it makes is not
		// needed.
		if _, err := httpcall.New("WithBaseURL", url, nil, nil); err != nil {
			return err
		}
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used: an
// attempt is ended by its context, and a redirect would carry the key away.
// Default a transport shared by the adapters of this project.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		o.connection = append(o.connection, "WithHTTPClient")
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithName names the client's provider. Default "anthropic". Two clients in one
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
// together when either is refused. Default the client's name.
func WithAccount(account string) Option {
	return optionFunc(func(o *options) error {
		o.account = account
		return nil
	})
}

// WithModels gives the table from model names to models. What well-known models
// can do is filled in where Can is nil. Without a table only explicit models
// ("anthropic:…") can be asked for: this vendor has no default model.
func WithModels(models llm.Models) Option {
	return optionFunc(func(o *options) error {
		o.models = llm.Models{}
		for name, m := range models {
			if m.ID == "" {
				return fmt.Errorf("WithModels: model %q has no ID", name)
			}
			if m.MaxTokens < 0 {
				return fmt.Errorf("WithModels: model %q: MaxTokens %d is negative", name, m.MaxTokens)
			}
			o.models[name] = filled(m)
		}
		return nil
	})
}

// WithMaxTokens bounds the answers, thinking included, of requests that set no
// MaxTokens and whose model's row sets none. Default [DefaultMaxTokens], and
// [DefaultThinkingMaxTokens] for known models that think by themselves.
func WithMaxTokens(n int) Option {
	return optionFunc(func(o *options) error {
		if n <= 0 {
			return fmt.Errorf("WithMaxTokens: %d is not above 0", n)
		}
		o.maxTokens = n
		return nil
	})
}

// WithBeta asks for features of the vendor that are in beta, by the names that
// its anthropic-beta header takes. Default none.
func WithBeta(names ...string) Option {
	return optionFunc(func(o *options) error {
		for _, name := range names {
			if name == "" || httpcall.Token(name) == "" {
				return fmt.Errorf("WithBeta: %.70q is no name of a feature", name)
			}
		}
		if len(names) > 0 {
			o.opts = append(o.opts, option.WithHeaderAdd("anthropic-beta", strings.Join(names, ",")))
		}
		return nil
	})
}

// WithRequestOptions passes options of the SDK to every call for an answer, for
// what the portable request has no word for:
//
//	anthropic.WithRequestOptions(option.WithJSONSet("thinking", map[string]any{"type": "disabled"}))
//
// Retries stay off. Default none.
func WithRequestOptions(opts ...option.RequestOption) Option {
	return optionFunc(func(o *options) error {
		for _, opt := range opts {
			if opt == nil {
				return errors.New("WithRequestOptions: an option is nil")
			}
		}
		o.asking = append(o.asking, opts...)
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "anthropic.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
