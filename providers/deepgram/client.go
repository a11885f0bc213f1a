package deepgram

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// Vendor is the name of the vendor: the default name of its providers, and
// the prefix of explicit voices and models, as in
// "deepgram:aura-2-thalia-en".
const Vendor = "deepgram"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.deepgram.com"

// Client is one account at Deepgram. It is safe for concurrent use.
type Client struct {
	calls   *httpcall.Client
	name    string
	account string
	voices  tts.Voices
	models  tts.Models

	sttModels    stt.Models
	sttLanguages map[string]languages // added by the user, by model
	live         stt.Models
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
// a bad base URL; its errors never show either.
func New(key string, opts ...Option) (*Client, error) {
	if err := httpcall.CheckKey(Vendor, key); err != nil {
		return nil, err
	}
	o := options{Client: Client{name: Vendor}, baseURL: DefaultBaseURL}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(&o); err != nil {
			return nil, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	calls, err := httpcall.New(Vendor, o.baseURL, o.http, func(h http.Header) { h.Set("Authorization", "Token "+key) })
	if err != nil {
		return nil, err
	}
	c := o.Client
	c.calls = calls
	if c.account == "" {
		c.account = c.name
	}
	return &c, nil
}

// WithBaseURL sends requests elsewhere, for example to a server of your own.
// Default [DefaultBaseURL].
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used: an
// attempt is ended by its context, and a redirect would carry the key away.
// Default a transport shared by the adapters of this module.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithName names the client's providers. Default "deepgram". Two clients in
// one router need two names.
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

// WithVoices gives the table from voice names to Deepgram's, such as
// "aura-2-thalia-en". Requests that name no voice get the row "", or
// [DefaultVoice].
func WithVoices(voices tts.Voices) Option {
	return optionFunc(func(o *options) error {
		o.voices = maps.Clone(voices)
		return nil
	})
}

// WithTTSModels gives the table from model names to families, such as "aura-2".
// The voice decides the family; a request for another one than its voice has
// leaves this provider out. Requests that name no model take any.
func WithTTSModels(models tts.Models) Option {
	return optionFunc(func(o *options) error {
		o.models = maps.Clone(models)
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "deepgram.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
