package twilio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	account = "AC0123456789abcdef0123456789ABCDEF"
	token   = "tok0123456789abcdef0123456789abc"
	service = "MG0123456789abcdef0123456789abcdef"
	app     = "AP0123456789abcdef0123456789abcdef"

	callee = "+15551112222"
	mine   = "+15550009999"
	text   = "The parrot is on the shelf."
)

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...twilio.Option) (*vendorsim.Telephony, *twilio.Client) {
	t.Helper()
	return startOn(t, nil, opts...)
}

func startOn(t *testing.T, how []vendorsim.Option, opts ...twilio.Option) (*vendorsim.Telephony, *twilio.Client) {
	t.Helper()
	s := vendorsim.Twilio(account, token, how...)
	t.Cleanup(s.Close)
	return s, clientOf(t, s, opts...)
}

func clientOf(t *testing.T, s *vendorsim.Telephony, opts ...twilio.Option) *twilio.Client {
	t.Helper()
	base := []twilio.Option{
		twilio.WithBaseURL(s.URL()), twilio.WithHTTPClient(s.Client()),
		twilio.WithSenders(sms.Senders{"": mine, "alerts": service, "brand": "ACME", "short": "12345"}),
		twilio.WithCallers(call.Callers{"": mine, "sales": "+15550008888"}),
		twilio.WithConnections(call.Connections{"ivr": app}),
	}
	c, err := twilio.New(account, token, append(base, opts...)...)
	require.NoError(t, err)
	return c
}

func hello() sms.Message { return sms.Message{To: callee, Body: text} }

func ring() call.Request {
	return call.Request{To: callee, TwiML: "<Response><Say>Hello.</Say></Response>"}
}

// formOf is the form of a request that the simulator got.
func formOf(t *testing.T, r vendorsim.Request) url.Values {
	t.Helper()
	form, err := url.ParseQuery(string(r.Body))
	require.NoError(t, err)
	return form
}

// within is a context in which an attempt of an operation runs, as a router
// makes it.
func within(t *testing.T, operation string, do func(ctx context.Context)) {
	t.Helper()
	p := failover.Wrap("tw", func(ctx context.Context, _ string) (string, error) { do(ctx); return "done", nil })
	p.SideEffect = true
	r, err := failover.New(failover.Providers(p))
	require.NoError(t, err)
	_, err = r.Do(failover.Operation(t.Context(), operation), "")
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

func errorOf(t *testing.T, err error) *failover.Error {
	t.Helper()
	var e *failover.Error
	require.ErrorAs(t, err, &e)
	return e
}

// assertPlain says that nothing secret is printed, in any way of printing.
func assertPlain(t *testing.T, values ...any) {
	t.Helper()
	for _, v := range values {
		texts := []string{fmt.Sprintf("%v", v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%q", v), fmt.Sprintf("%s", v)}
		if asJSON, err := json.Marshal(v); err == nil {
			texts = append(texts, string(asJSON))
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})).Info("x", "value", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "value", v)
		for _, printed := range append(texts, log.String()) {
			assertNoSecret(t, printed)
		}
	}
}

func assertNoSecret(t *testing.T, printed string) {
	t.Helper()
	for _, secret := range []string{
		callee, mine, callee[1:], mine[1:], text, "parrot", token, vendorsim.RefusedNumber, vendorsim.RefusedNumber[1:],
		"http:", "https:", "127.0.0.1", "2010-04-01", "Messages.json", "not a valid", "unsubscribed",
	} {
		assert.NotContains(t, printed, secret)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	const badSID = `twilio: the account SID is not "AC" and 32 hexadecimal digits`
	for _, c := range []struct {
		want       string
		sid, token string
		opts       []twilio.Option
	}{
		{badSID, "", token, nil},
		{badSID, account[:33], token, nil},
		{badSID, account + "0", token, nil},
		{badSID, "SK" + account[2:], token, nil},
		{badSID, "AC../../../../0123456789abcdefabc", token, nil},
		{"twilio: the auth token is empty", account, "", nil},
		{"twilio: the auth token contains a space, line end or other character that none has", account, token + "\n", nil},
		{
			"twilio: the auth token contains a space, line end or other character that none has", account, token + " ",
			[]twilio.Option{twilio.WithAPIKey("SK"+account[2:], "secret")},
		},
		{`twilio: WithAPIKey: the SID is not "SK" and 32 hexadecimal digits`, account, token, []twilio.Option{twilio.WithAPIKey(account, token)}},
		{"twilio: WithAPIKey: the secret is empty", account, token, []twilio.Option{twilio.WithAPIKey("SK"+account[2:], "")}},
		{"twilio: base URL: must begin with https:// or http://", account, token, []twilio.Option{twilio.WithBaseURL("api.twilio.com/" + token)}},
		{"twilio: base URL: must not contain user or password", account, token, []twilio.Option{twilio.WithBaseURL("https://a:" + token + "@x.test")}},
		{"twilio: WithHTTPClient: the client is nil", account, token, []twilio.Option{twilio.WithHTTPClient(nil)}},
		{"twilio: WithName: the name is empty", account, token, []twilio.Option{twilio.WithName("")}},
		{`twilio: WithSenders: sender "alerts" has no value`, account, token, []twilio.Option{twilio.WithSenders(sms.Senders{"alerts": ""})}},
		{`twilio: WithCallers: caller "" has no value`, account, token, []twilio.Option{twilio.WithCallers(call.Callers{"": ""})}},
		{`twilio: WithConnections: connection "x" has no value`, account, token, []twilio.Option{twilio.WithConnections(call.Connections{"x": ""})}},
		{"twilio: WithWebhookURL: must begin with https:// or http://", account, token, []twilio.Option{twilio.WithWebhookURL("example.com")}},
		{"twilio: WithWebhookURL: must not contain a query or fragment", account, token, []twilio.Option{twilio.WithWebhookURL("https://example.com/?" + token)}},
		{"twilio: WithLookupSettle: -1s is negative", account, token, []twilio.Option{twilio.WithLookupSettle(-time.Second)}},
	} {
		client, err := twilio.New(c.sid, c.token, c.opts...)
		require.EqualError(t, err, c.want)
		assert.Nil(t, client)
	}
	_, err := twilio.New(account, "", twilio.WithAPIKey("SK"+account[2:], "secret"))
	require.NoError(t, err, "with a key the token is for webhooks alone")
}

func TestClientPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	c, err := twilio.New(account, token, twilio.WithName("tw-eu"), nil, twilio.WithSenders(sms.Senders{"": mine}))
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "twilio.Client(tw-eu)", fmt.Sprintf(verb, c))
	}
	assertPlain(t, c, c.SMS(), c.Call().Provider)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "twilio.Client(tw-eu)")
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	c, err := twilio.New(account, token)
	require.NoError(t, err)
	texts, calls := c.SMS(), c.Call()
	for _, got := range [][2]string{{texts.Name, texts.Account}, {calls.Name, calls.Account}} {
		assert.Equal(t, [2]string{"twilio", "twilio"}, got)
	}
	assert.True(t, texts.SideEffect)
	assert.True(t, calls.SideEffect)
	assert.False(t, texts.Dedupes)
	assert.False(t, calls.Dedupes)
	assert.NotNil(t, texts.Lookup)
	assert.Nil(t, calls.Lookup, "a call cannot be recognised in the list")
	assert.Zero(t, texts.Timeout, "the client's")
	assert.False(t, texts.Supports(hello()), "without a table nothing is owned")
	assert.False(t, calls.Supports(ring()))

	c, err = twilio.New(account, token, twilio.WithName("fast"), twilio.WithAccount("team"))
	require.NoError(t, err)
	assert.Equal(t, "fast", c.SMS().Name)
	assert.Equal(t, "team", c.Call().Account)
	c, err = twilio.New(account, token, twilio.WithName("alone"))
	require.NoError(t, err)
	assert.Equal(t, "alone", c.SMS().Account)
}

// seen is a transport that keeps the requests, before the simulator drops the
// key.
type seen struct {
	next http.RoundTripper

	mu       sync.Mutex
	requests []*http.Request
}

func (s *seen) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.requests = append(s.requests, r.Clone(context.WithoutCancel(r.Context())))
	s.mu.Unlock()
	if s.next == nil {
		return nil, errors.New("nobody is there")
	}
	return s.next.RoundTrip(r)
}

// ways are all that a client asks of the vendor.
func ways(t *testing.T, c *twilio.Client, id string) map[string]func() error {
	t.Helper()
	calls := c.Call()
	return map[string]func() error{
		"send":   func() error { _, err := c.SMS().Do(t.Context(), hello()); return err },
		"place":  func() error { _, err := calls.Do(t.Context(), ring()); return err },
		"get":    func() error { _, err := calls.Get(t.Context(), id); return err },
		"hangup": func() error { return calls.Hangup(t.Context(), id) },
		"list":   func() error { _, err := calls.List(t.Context(), call.Filter{}); return err },
		"check":  func() error { return c.SMS().Check(t.Context()) },
	}
}

const someCall = "CA0123456789abcdef0123456789abcdef"

// The SDK reads the edge, the region and the key from the environment. None of
// it may matter.
func TestTheEnvironmentIsNotRead(t *testing.T) {
	for _, name := range []string{
		"TWILIO_EDGE", "TWILIO_REGION", "TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_API_KEY", "TWILIO_API_SECRET",
	} {
		t.Setenv(name, "elsewhere")
	}
	require.Equal(t, "elsewhere", os.Getenv("TWILIO_EDGE"))
	wire := &seen{}
	c, err := twilio.New(account, token, twilio.WithHTTPClient(&http.Client{Transport: wire}),
		twilio.WithSenders(sms.Senders{"": mine}), twilio.WithCallers(call.Callers{"": mine}))
	require.NoError(t, err)
	for way, do := range ways(t, c, someCall) {
		require.Error(t, do(), way)
	}
	require.Len(t, wire.requests, 6)
	for _, r := range wire.requests {
		assert.Equal(t, "https://api.twilio.com", r.URL.Scheme+"://"+r.URL.Host)
		user, password, _ := r.BasicAuth()
		assert.Equal(t, []string{account, token}, []string{user, password})
		assert.True(t, strings.HasPrefix(r.URL.Path, "/2010-04-01/Accounts/"+account), r.URL.Path)
		assert.NotContains(t, fmt.Sprint(r.URL, r.Header), "elsewhere")
		assert.Equal(t, "gofailover", r.Header.Get("User-Agent"))
		assert.Empty(t, r.Header.Get("X-Twilio-Apiversion"), "the SDK sends again for services that have it")
		assert.Empty(t, r.Header.Get("Idempotency-Key"), "net/http sends again what has it")
		assert.Nil(t, r.GetBody)
	}
}

func TestWithAPIKey(t *testing.T) {
	t.Parallel()
	const key, secret = "SK0123456789abcdef0123456789abcdef", "sec0123456789"
	s := vendorsim.Twilio(account, token)
	t.Cleanup(s.Close)
	wire := &seen{next: roundTrip(func(r *http.Request) (*http.Response, error) {
		r.SetBasicAuth(account, token) // the simulator knows no keys
		return s.Client().Transport.RoundTrip(r)
	})}
	c := clientOf(t, s, twilio.WithHTTPClient(&http.Client{Transport: wire}), twilio.WithAPIKey(key, secret))
	_, err := c.SMS().Do(t.Context(), hello())
	require.NoError(t, err)
	require.NoError(t, c.SMS().Check(t.Context()))
	for _, r := range wire.requests {
		user, password, _ := r.BasicAuth()
		assert.Equal(t, []string{key, secret}, []string{user, password})
		assert.Contains(t, r.URL.Path, "/Accounts/"+account+"/Messages.json", "a key may not read the account")
	}
	assert.Len(t, s.Ledger.Entries(), 1)
	assert.Equal(t, "1", s.Requests()[1].Query.Get("PageSize"))

	s.Fail(vendorsim.Status(401), vendorsim.Page(), vendorsim.Body(200, "application/json", "{}"))
	assert.Equal(t, failover.ClassUnauthorized, errorOf(t, c.SMS().Check(t.Context())).Class)
	for range 2 {
		assert.Equal(t, failover.ClassIncomplete, errorOf(t, c.SMS().Check(t.Context())).Class)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestBaseURLWithAPath(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://gw.test":            "https://gw.test/2010-04-01/Accounts/" + account + "/Messages.json",
		"https://gw.test/":           "https://gw.test/2010-04-01/Accounts/" + account + "/Messages.json",
		"http://gw.test:8080/a%2Fb/": "http://gw.test:8080/a%2Fb/2010-04-01/Accounts/" + account + "/Messages.json",
	} {
		wire := &seen{}
		c, err := twilio.New(account, token, twilio.WithBaseURL(base), twilio.WithHTTPClient(&http.Client{Transport: wire}),
			twilio.WithSenders(sms.Senders{"": mine}))
		require.NoError(t, err)
		_, err = c.SMS().Do(t.Context(), hello())
		require.Error(t, err)
		assert.Equal(t, want, wire.requests[0].URL.String())
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	require.NoError(t, c.SMS().Check(t.Context()))
	require.NoError(t, c.Call().Check(t.Context()))
	assert.Equal(t, "/2010-04-01/Accounts/"+account+".json", s.Requests()[0].Path)

	s.Suspend(true)
	err := c.SMS().Check(t.Context())
	assert.Equal(t, failover.ClassUnauthorized, errorOf(t, err).Class)
	assert.Equal(t, "unauthorized (the account is not active)", err.Error())
	s.Suspend(false)
	s.SetFunds(0)
	assert.Equal(t, failover.ClassUnauthorized, errorOf(t, c.SMS().Check(t.Context())).Class)
	s.SetFunds(1)

	for name, row := range map[string]struct {
		fault vendorsim.Fault
		class failover.Class
	}{
		"closed":         {accountSays(account, `"closed"`), failover.ClassUnauthorized},
		"no status":      {accountSays(account, "null"), failover.ClassIncomplete},
		"another's":      {accountSays("AC"+service[2:], `"active"`), failover.ClassIncomplete},
		"page":           {vendorsim.Page(), failover.ClassIncomplete},
		"empty":          {vendorsim.Empty(), failover.ClassIncomplete},
		"cut":            {vendorsim.Cut(), failover.ClassIncomplete},
		"unauthorized":   {vendorsim.Status(401), failover.ClassUnauthorized},
		"limited":        {vendorsim.Status(429).RetryAfter(3), failover.ClassRateLimited},
		"internal":       {vendorsim.Status(500), failover.ClassTransient},
		"hang-up":        {vendorsim.HangUp(), failover.ClassTransient},
		"an endless one": {vendorsim.Endless(64 << 20), failover.ClassIncomplete},
	} {
		s.FailAlways(row.fault) // a connection that dies under a question is no answer yet
		err := c.SMS().Check(t.Context())
		require.Error(t, err, name)
		assert.Equal(t, row.class, errorOf(t, err).Class, "%s: %v", name, err)
		assertPlain(t, err)
	}
}

func accountSays(sid, status string) vendorsim.Fault {
	return vendorsim.Body(200, "application/json", `{"sid":"`+sid+`","status":`+status+`,"auth_token":"`+token+`"}`)
}
