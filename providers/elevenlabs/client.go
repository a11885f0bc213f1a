package elevenlabs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"net/http"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

// Vendor is the name of the vendor: the default name of its providers, and
// the prefix of explicit voices and models, as in
// "elevenlabs:21m00Tcm4TlvDq8ikWAM".
const Vendor = "elevenlabs"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.elevenlabs.io"

// Client is one account at ElevenLabs. It is safe for concurrent use.
type Client struct {
	calls    *httpcall.Client
	name     string
	account  string
	voices   tts.Voices
	models   tts.Models
	live     stt.Models
	settings VoiceSettings

	timestamps bool
	sttModels  stt.Models
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

// New makes a client with an API key. It refuses an empty or malformed key, a
// bad base URL, and settings out of range; its errors never show the key.
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
	calls, err := httpcall.New(Vendor, o.baseURL, o.http, func(h http.Header) { h.Set("Xi-Api-Key", key) })
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

// WithBaseURL sends requests elsewhere, for example to a regional endpoint.
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

// WithName names the client's providers. Default "elevenlabs". Two clients in
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

// WithVoices gives the table from voice names to voice ids. Without it only
// explicit voices ("elevenlabs:…") can be asked for: this vendor has no
// default voice.
func WithVoices(voices tts.Voices) Option {
	return optionFunc(func(o *options) error {
		o.voices = maps.Clone(voices)
		return nil
	})
}

// WithTTSModels gives the table from model names to model ids. Requests that
// name no model get the row "", or [DefaultTTSModel].
func WithTTSModels(models tts.Models) Option {
	return optionFunc(func(o *options) error {
		o.models = maps.Clone(models)
		return nil
	})
}

// VoiceSettings adjust how a voice speaks. Zero fields are not sent, and mean
// what is stored with the voice.
type VoiceSettings struct {
	// Stability, from 0 (expressive) to 1 (monotone).
	Stability *float64
	// SimilarityBoost, from 0 to 1: how close to the original voice.
	SimilarityBoost *float64
	// Style, from 0 to 1: how much to exaggerate.
	Style *float64
	// SpeakerBoost trades latency for likeness.
	SpeakerBoost *bool
}

// WithVoiceSettings sends settings with every request, in place of those
// stored with the voice.
func WithVoiceSettings(s VoiceSettings) Option {
	return optionFunc(func(o *options) error {
		for _, f := range []struct {
			name  string
			value *float64
		}{{"Stability", s.Stability}, {"SimilarityBoost", s.SimilarityBoost}, {"Style", s.Style}} {
			if f.value != nil && (math.IsNaN(*f.value) || *f.value < 0 || *f.value > 1) {
				return fmt.Errorf("WithVoiceSettings: %s %v is outside 0 to 1", f.name, *f.value)
			}
		}
		o.settings = s
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "elevenlabs.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
