package twilio

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
)

// Vendor is the name of the vendor: the default name of its providers, and the
// prefix of explicit senders, callers and connections, as in
// "twilio:+15005550001".
const Vendor = "twilio"

// DefaultBaseURL is where the API lives.
const DefaultBaseURL = "https://api.twilio.com"

// DefaultLookupSettle is how long after an attempt a message that is not in the
// vendor's list was surely not sent. See [WithLookupSettle].
const DefaultLookupSettle = 2 * time.Minute

// Client is one account at Twilio. It is safe for concurrent use. Use one for
// all that is sent from an account: it remembers what it has sent, so that a
// message that is looked up is not taken for another.
type Client struct {
	name        string
	account     string
	senders     sms.Senders
	callers     call.Callers
	connections call.Connections
	settle      time.Duration

	sid, token   string // of the account; the token signs webhooks
	user, secret string // who asks
	base         *url.URL
	http         *http.Client // nil: the one of failover.SendOnce
	webhooks     string       // where the vendor finds this program; empty: as the request says

	sends *sends
}

// Option configures a [Client].
type Option interface{ apply(*options) error }

type optionFunc func(*options) error

func (f optionFunc) apply(o *options) error { return f(o) }

type options struct {
	Client

	baseURL string
}

// New makes a client of an account, with its SID ("AC…") and its auth token. It
// refuses a malformed SID, an empty or malformed token, and a bad base URL; its
// errors show none of them. With [WithAPIKey] the token may be empty, and no
// webhook is accepted then.
func New(accountSID, authToken string, opts ...Option) (*Client, error) {
	if !isSID(accountSID, "AC") {
		return nil, errors.New(Vendor + `: the account SID is not "AC" and 32 hexadecimal digits`)
	}
	o := options{
		Client: Client{
			name: Vendor, sid: accountSID, token: authToken, settle: DefaultLookupSettle, sends: newSends(),
		},
		baseURL: DefaultBaseURL,
	}
	for _, opt := range opts {
		if opt == nil {
			continue
		}
		if err := opt.apply(&o); err != nil {
			return nil, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	c := o.Client
	if c.user == "" {
		c.user, c.secret = accountSID, authToken
	}
	if authToken != "" || c.user == accountSID {
		if err := checkSecret("the auth token", authToken); err != nil {
			return nil, fmt.Errorf("%s: %w", Vendor, err)
		}
	}
	if c.account == "" {
		c.account = c.name
	}
	base, err := parseURL(o.baseURL)
	if err != nil {
		return nil, err
	}
	c.base = base
	return &c, nil
}

// checkSecret says what is wrong with a token or secret, and never what it is.
func checkSecret(what, secret string) error {
	switch {
	case secret == "":
		return errors.New(what + " is empty")
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New(what + " contains a space, line end or other character that none has")
	}
	return nil
}

// parseURL reads a base URL by the rules of all adapters, whose errors do not
// show it.
func parseURL(base string) (*url.URL, error) {
	if _, err := httpcall.New(Vendor, base, nil, nil); err != nil {
		return nil, err
	}
	return url.Parse(strings.TrimSuffix(base, "/"))
}

// isSID says whether s is an id of the vendor's: the prefix and 32 hexadecimal
// digits.
func isSID(s, prefix string) bool {
	digits, ok := strings.CutPrefix(s, prefix)
	return ok && len(digits) == 32 && strings.Trim(digits, "0123456789abcdefABCDEF") == ""
}

// WithAPIKey signs in with an API key ("SK…") in place of the auth token, which
// is then for webhooks alone. A key other than a main key may not read the
// account, so that the health check reads a page of messages instead.
func WithAPIKey(sid, secret string) Option {
	return optionFunc(func(o *options) error {
		if !isSID(sid, "SK") {
			return errors.New(`WithAPIKey: the SID is not "SK" and 32 hexadecimal digits`)
		}
		if err := checkSecret("the secret", secret); err != nil {
			return fmt.Errorf("WithAPIKey: %w", err)
		}
		o.user, o.secret = sid, secret
		return nil
	})
}

// WithBaseURL sends requests elsewhere, for example to an edge
// ("https://api.dublin.ie1.twilio.com"). Default [DefaultBaseURL]; the variables
// of the environment that the SDK knows are not read.
func WithBaseURL(url string) Option {
	return optionFunc(func(o *options) error {
		o.baseURL = url
		return nil
	})
}

// WithHTTPClient takes the transport of client, to set proxies, TLS or
// connection limits. Its Timeout, redirect policy and cookies are not used. It
// must not send again by itself; failover.SendOnce says what else it should be.
// Default the transport that failover.SendOnce has for this.
func WithHTTPClient(client *http.Client) Option {
	return optionFunc(func(o *options) error {
		if client == nil {
			return errors.New("WithHTTPClient: the client is nil")
		}
		o.http = client
		return nil
	})
}

// WithName names the client's providers. Default "twilio". Two clients in one
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

// WithSenders gives the table from sender names to numbers, short codes, sender
// ids and messaging services ("MG…"). Without it only explicit senders
// ("twilio:…") can be sent as.
func WithSenders(senders sms.Senders) Option {
	return optionFunc(func(o *options) error {
		o.senders = maps.Clone(senders)
		return hasValues("WithSenders: sender", senders)
	})
}

// WithCallers gives the table from caller names to numbers. Without it only
// explicit callers ("twilio:…") can be called from.
func WithCallers(callers call.Callers) Option {
	return optionFunc(func(o *options) error {
		o.callers = maps.Clone(callers)
		return hasValues("WithCallers: caller", callers)
	})
}

// WithConnections gives the table from connection names to applications
// ("AP…").
func WithConnections(connections call.Connections) Option {
	return optionFunc(func(o *options) error {
		o.connections = maps.Clone(connections)
		return hasValues("WithConnections: connection", connections)
	})
}

// hasValues refuses a table with a row that leads nowhere.
func hasValues(what string, table map[string]string) error {
	for name, value := range table {
		if value == "" {
			return fmt.Errorf("%s %.40q has no value", what, name)
		}
	}
	return nil
}

// WithWebhookURL says how the vendor reaches this program: scheme, host and the
// beginning of the path that a proxy takes away, as in
// "https://example.com/api". The vendor signs the address that it asks for, so a
// webhook can be checked against that one only.
//
// Default what the request says of itself: its Host, and https if it came over
// TLS. X-Forwarded-Proto and the like are not believed: anybody can send them.
func WithWebhookURL(base string) Option {
	return optionFunc(func(o *options) error {
		u, err := parseURL(base)
		if err != nil {
			return fmt.Errorf("WithWebhookURL: %w", errors.Unwrap(err))
		}
		o.webhooks = u.String()
		return nil
	})
}

// WithLookupSettle says how long after an attempt its message must be in the
// vendor's list, if it is ever to be. Default [DefaultLookupSettle]. 0 never
// takes a message that is not in the list for one that was not sent.
//
// A router asks SMS().Lookup about an attempt whose outcome is unknown, right
// after it; a program may ask later. It looks into the list, again after 1 s and
// after 3 s, and answers:
//
//   - the receipt, if a webhook has named the message, or if the list has exactly
//     one with the recipient, the sender and the text, that was made while the
//     attempt lasted, give or take 5 s, and is not known to be another attempt's;
//   - failover.ErrNotFound, if that time has passed since the attempt, and of all
//     that the list has, 1000 messages at the most, none could be it, whatever
//     its text;
//   - [ErrCannotTell] otherwise, above all while another attempt of this client
//     with the same recipient and text is under way or uncertain. Messages
//     without text cannot be told from each other.
//
// What the client does not know of can mislead it. The same text that another
// program sends to the same recipient in these seconds is taken for this
// message. An attempt of an earlier life of the program is looked for by the
// message that Lookup is given, which must be the one that was sent. Set 0 for an account that redacts the numbers of recipients, or whose
// messages are deleted soon after they were sent: there a message that was sent
// is not in the list.
func WithLookupSettle(d time.Duration) Option {
	return optionFunc(func(o *options) error {
		if d < 0 {
			return fmt.Errorf("WithLookupSettle: %v is negative", d)
		}
		o.settle = d
		return nil
	})
}

// String names the client.
func (c *Client) String() string { return "twilio.Client(" + c.name + ")" }

// Format prints the name for every verb, so that no %+v shows the token.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, c.String()) }

// LogValue implements slog.LogValuer.
func (c *Client) LogValue() slog.Value { return slog.StringValue(c.String()) }
