package telnyx_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// Everything that must be in no error, log or event.
const (
	key        = "KEY0123456789telnyxsecret"
	recipient  = "+15005550106"
	own        = "+15005550001"
	secretBody = "Your code is 481516."
	callback   = "https://hooks.example.com/telnyx?tenant=hush"
	sound      = "https://example.com/hush.mp3"
	profile    = "4000eba1-a0c0-4563-9925-b25e842a7cb6"
	connection = "1494404757140276705"
)

var secrets = []string{
	key, recipient, recipient[1:], own, own[1:], "481516", "hush", "example.com", profile, connection,
}

// client makes a client of a simulator.
func client(t testing.TB, sim *vendorsim.Telephony, opts ...telnyx.Option) *telnyx.Client {
	t.Helper()
	base := []telnyx.Option{
		telnyx.WithBaseURL(sim.URL()), telnyx.WithHTTPClient(sim.Client()),
		telnyx.WithSenders(sms.Senders{"": own}), telnyx.WithCallers(call.Callers{"": own}),
		telnyx.WithConnections(call.Connections{"": connection}), telnyx.WithPublicKey(sim.PublicKey()),
	}
	c, err := telnyx.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return c
}

// start runs a simulator and makes a client of it.
func start(t testing.TB, opts ...telnyx.Option) (*vendorsim.Telephony, *telnyx.Client) {
	t.Helper()
	sim := vendorsim.Telnyx(key, vendorsim.InMemory())
	t.Cleanup(sim.Close)
	return sim, client(t, sim, opts...)
}

var (
	text = sms.Message{To: recipient, Body: secretBody}
	ring = call.Request{To: recipient, AudioURL: sound}
)

// within is a context as a provider gets it from a router.
func within(t testing.TB, operation string) context.Context {
	t.Helper()
	var inside context.Context
	p := failover.Wrap("telnyx", func(ctx context.Context, _ int) (int, error) {
		inside = ctx
		return 1, nil
	})
	p.SideEffect = true
	r, err := failover.New(failover.Providers(p))
	require.NoError(t, err)
	defer r.Close()
	_, err = r.Do(failover.Operation(t.Context(), operation), 0)
	require.NoError(t, err)
	return context.WithoutCancel(inside) // it ended with the attempt
}

// class is what a router reads.
func class(err error) failover.Class {
	if err == nil {
		return failover.ClassUnknown
	}
	return failover.Classify(err).Class
}

// hasNoSecrets prints an error in every way there is and looks for what must
// not be in it.
func hasNoSecrets(t testing.TB, err error) {
	t.Helper()
	var log bytes.Buffer
	e := failover.Classify(err)
	slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", err, "error", e)
	slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", err, "error", e)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		fmt.Fprintf(&log, verb+" "+verb+"\n", err, e)
	}
	text, marshal := marshalled(e)
	require.NoError(t, marshal)
	log.Write(text)
	for _, secret := range secrets {
		assert.NotContains(t, log.String(), secret)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, construct := range map[string]func() (*telnyx.Client, error){
		"telnyx: the API key is empty": func() (*telnyx.Client, error) { return telnyx.New("") },
		"telnyx: the API key contains a space, line end or other character that no key has": func() (*telnyx.Client, error) {
			return telnyx.New("Bearer " + key)
		},
		"telnyx: base URL: must not contain user or password": func() (*telnyx.Client, error) {
			return telnyx.New(key, telnyx.WithBaseURL("https://"+key+":x@api.telnyx.com"))
		},
		"telnyx: WithHTTPClient: the client is nil": func() (*telnyx.Client, error) { return telnyx.New(key, telnyx.WithHTTPClient(nil)) },
		"telnyx: WithName: the name is empty":       func() (*telnyx.Client, error) { return telnyx.New(key, telnyx.WithName("")) },
		"telnyx: WithMessagingProfile: the id is no UUID": func() (*telnyx.Client, error) {
			return telnyx.New(key, telnyx.WithMessagingProfile(strings.Replace(profile, "-", "0", 1)))
		},
		"telnyx: WithPublicKey: the key is not 32 bytes in base64": func() (*telnyx.Client, error) {
			return telnyx.New(key, telnyx.WithPublicKey("c2hvcnQ="))
		},
	} {
		c, err := construct()
		require.EqualError(t, err, want)
		assert.Nil(t, c)
		assert.NotContains(t, err.Error(), key)
	}
	_, err := telnyx.New(key, telnyx.WithPublicKey("not base64!"))
	require.ErrorContains(t, err, "WithPublicKey")
	assert.NotContains(t, err.Error(), "not base64")
}

func TestClientPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	_, c := start(t, telnyx.WithName("telnyx-eu"), nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "telnyx.Client(telnyx-eu)", fmt.Sprintf(verb, c))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "telnyx.Client(telnyx-eu)")
	assert.NotContains(t, log.String(), key)
	assert.NotContains(t, fmt.Sprintf("%+v %#v %+v %#v", c.SMS(), c.SMS(), c.Call(), c.Call()), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	messages, calls := c.SMS(), c.Call()
	for _, p := range []struct{ name, account string }{{messages.Name, messages.Account}, {calls.Name, calls.Account}} {
		assert.Equal(t, "telnyx", p.name)
		assert.Equal(t, "telnyx", p.account)
	}
	assert.True(t, messages.SideEffect)
	assert.True(t, calls.SideEffect)
	assert.False(t, messages.Dedupes, "the vendor does not recognise a message")
	assert.True(t, calls.Dedupes)
	assert.Nil(t, calls.List)
	assert.Zero(t, messages.Timeout+calls.Timeout, "the client's")

	_, c = start(t, telnyx.WithName("fast"), telnyx.WithAccount("team"))
	assert.Equal(t, "fast", c.SMS().Name)
	assert.Equal(t, "team", c.SMS().Account)
	assert.Equal(t, "fast", c.Call().Name)
	assert.Equal(t, "team", c.Call().Account)
}

// Changing what was given to an option changes nothing.
func TestTablesAreCopied(t *testing.T) {
	t.Parallel()
	senders, callers, connections := sms.Senders{"": own}, call.Callers{"": own}, call.Connections{"": connection}
	_, c := start(t, telnyx.WithSenders(senders), telnyx.WithCallers(callers), telnyx.WithConnections(connections))
	clear(senders)
	clear(callers)
	clear(connections)
	assert.True(t, c.SMS().Supports(text))
	assert.True(t, c.Call().Supports(ring))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	require.NoError(t, c.SMS().Check(t.Context()))
	require.NoError(t, c.Call().Check(t.Context()))
	seen := sim.Requests()
	require.Len(t, seen, 2)
	assert.Equal(t, http.MethodGet, seen[0].Method)
	assert.Equal(t, "/v2/balance", seen[0].Path)
	assert.Empty(t, seen[0].Body)

	sim.SetFunds(0)
	err := c.SMS().Check(t.Context())
	require.EqualError(t, err, "exhausted (200, the account has no credit left, request "+failover.Classify(err).RequestID+")")
	assert.Equal(t, failover.ClassExhausted, class(err))

	for body, want := range map[string]failover.Class{
		`{"data":{"available_credit":"-0.01","balance":"5.00"}}`: failover.ClassExhausted,
		`{"data":{"available_credit":0}}`:                        failover.ClassExhausted,
		`{"data":{"available_credit":0.01}}`:                     0,
		`{"data":{"available_credit":"a lot"}}`:                  0,
		`{"data":{"available_credit":null}}`:                     0,
		`{"data":[]}`:                                            0,
		`<html>`:                                                 failover.ClassIncomplete,
		``:                                                       failover.ClassIncomplete,
	} {
		sim.Fail(vendorsim.Body(http.StatusOK, "application/json", body))
		assert.Equal(t, want, class(c.SMS().Check(t.Context())), body)
	}
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(401), failover.ClassUnauthorized},
		{vendorsim.Status(403).Code("20012"), failover.ClassExhausted},
		{vendorsim.Status(429), failover.ClassRateLimited},
		{vendorsim.Status(500), failover.ClassTransient},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Cut(), failover.ClassIncomplete},
		{vendorsim.HangUp(), failover.ClassTransient},
	} {
		sim.Fail(row.fault)
		err := c.SMS().Check(t.Context())
		assert.Equal(t, row.want, class(err), "%v: %v", row.fault, err)
		hasNoSecrets(t, err)
	}
}

// Without a client of one's own there is one with a transport that works.
func TestDefaultHTTPClient(t *testing.T) {
	t.Parallel()
	sim := vendorsim.Telnyx(key)
	defer sim.Close()
	c, err := telnyx.New(key, telnyx.WithBaseURL(sim.URL()), telnyx.WithSenders(sms.Senders{"": own}))
	require.NoError(t, err)
	receipt, err := c.SMS().Do(t.Context(), text)
	require.NoError(t, err)
	assert.NotEmpty(t, receipt.ID)

	down := vendorsim.Telnyx(key)
	defer down.Close()
	down.Down()
	c, err = telnyx.New(key, telnyx.WithBaseURL(down.URL()), telnyx.WithSenders(sms.Senders{"": own}))
	require.NoError(t, err)
	_, err = c.SMS().Do(t.Context(), text)
	assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(err).Outcome, "the default transport can tell")
	hasNoSecrets(t, err)
}
