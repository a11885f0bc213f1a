package telnyx

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
)

// Vendor is the name of the vendor: the default name of its providers, and
// the prefix of explicit senders, callers and connections, as in
// "telnyx:+15005550001".
const Vendor = "telnyx"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.telnyx.com"

// Client is one account at Telnyx. It is safe for concurrent use.
type Client struct {
	calls       *httpcall.Client
	name        string
	account     string
	senders     sms.Senders
	profile     string
	callers     call.Callers
	connections call.Connections
	public      ed25519.PublicKey // nil: there are no webhooks
	commands    *commands
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

// New makes a client with an API key (v2). It refuses an empty or malformed
// key, a bad base URL and a public key that is none; its errors never show the
// key.
func New(key string, opts ...Option) (*Client, error) {
	if err := httpcall.CheckKey(Vendor, key); err != nil {
		return nil, err
	}
	o := options{Client: Client{name: Vendor, commands: newCommands()}, baseURL: DefaultBaseURL}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(&o); err != nil {
			return nil, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	calls, err := httpcall.New(Vendor, o.baseURL, httpcall.Once(o.http), func(h http.Header) { h.Set("Authorization", "Bearer "+key) })
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

// WithBaseURL sends requests elsewhere. Default [DefaultBaseURL].
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used: an
// attempt is ended by its context, and a redirect would send the message again.
// Default a transport made for requests that must not be sent twice: see
// failover.SendOnce, which also says what is lost with another one.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithName names the client's providers. Default "telnyx". Two clients in one
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

// WithAccount says whose money and key it is: clients of one account cool down
// together when either is refused. Default the client's name.
func WithAccount(account string) Option {
	return optionFunc(func(o *options) error {
		o.account = account
		return nil
	})
}

// WithSenders gives the table of what messages are sent as: numbers in E.164,
// short codes, alphanumeric sender ids (see [WithMessagingProfile]), or the UUID
// of a messaging profile, whose number pool then chooses the number. Without it
// only explicit senders ("telnyx:…") can be used: no number is sent from by
// default.
func WithSenders(senders sms.Senders) Option {
	return optionFunc(func(o *options) error {
		o.senders = maps.Clone(senders)
		return nil
	})
}

// WithMessagingProfile gives the UUID of the messaging profile that is sent
// along with alphanumeric sender ids, which the vendor refuses without one.
// Numbers bring their own. Default none: messages from such senders are left to
// other providers.
func WithMessagingProfile(id string) Option {
	return optionFunc(func(o *options) error {
		if !isUUID(id) {
			return errors.New("WithMessagingProfile: the id is no UUID")
		}
		o.profile = id
		return nil
	})
}

// WithCallers gives the table of the numbers that calls are made from. Without
// it only explicit callers ("telnyx:…") can be used.
func WithCallers(callers call.Callers) Option {
	return optionFunc(func(o *options) error {
		o.callers = maps.Clone(callers)
		return nil
	})
}

// WithConnections gives the table from connection names to ids of Call Control
// applications. The vendor needs one for every call: without the row "" only
// requests that name a connection can be served.
func WithConnections(connections call.Connections) Option {
	return optionFunc(func(o *options) error {
		o.connections = maps.Clone(connections)
		return nil
	})
}

// WithPublicKey gives the account's public key, in base64 as the vendor's
// portal shows it, by which webhooks are known to be the vendor's. Default none:
// [Client.SMSUpdate] and [Client.CallUpdate] then refuse every request.
func WithPublicKey(key string) Option {
	return optionFunc(func(o *options) error {
		public, err := base64.StdEncoding.DecodeString(key)
		if err != nil || len(public) != ed25519.PublicKeySize {
			return fmt.Errorf("WithPublicKey: the key is not %d bytes in base64", ed25519.PublicKeySize)
		}
		o.public = public
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "telnyx.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the key.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
