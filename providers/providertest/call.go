package providertest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
)

// Call describes a provider of phone calls to be tested.
type Call struct {
	// New makes the provider, and what reads the vendor's webhooks. Required.
	New func(Account) (CallAdapter, error)
	// Vendor makes a vendor that has not placed any call yet. Required.
	Vendor func() Carrier
	// Request is one that the provider serves. Its StatusCallback is set where
	// that matters. Required.
	Request call.Request
	// Callers are names of the provider's table, and what the vendor must be
	// told for them.
	Callers map[string]string
	// Foreign are callers that the provider does not own: others may.
	Foreign []string
	// Unsupported are requests that this provider cannot serve, though another
	// might. Without To they get that of Request.
	Unsupported []call.Request
	// Refusals are the vendor's error answers and what they mean.
	Refusals []Refusal
	// Unknown is an id of a call, in the vendor's form, that the vendor does
	// not know. Required if the provider has Get or Hangup.
	Unknown string

	// Updates are the statuses that the vendor's webhooks tell, the first one
	// of a call that was placed. Without them nothing is told.
	Updates []CallUpdate
	// Forged is what the error for a webhook matches that is not the vendor's;
	// nil means that any will do.
	Forged error
	// Lifetime is how old a webhook may be. 0: they do not grow old.
	Lifetime time.Duration
	// Window is how long a vendor that Dedupes remembers an attempt; the
	// provider must not repeat it later. 0: for ever.
	Window time.Duration
}

// CallAdapter is an adapter of one vendor's calls.
type CallAdapter struct {
	// Provider places calls and looks after them.
	Provider call.Provider
	// Update reads a webhook. nil if the vendor has none.
	Update func(*http.Request) (call.Update, error)
}

// CallUpdate is a webhook and what it means.
type CallUpdate struct {
	// Status is what the webhook tells; Code is why, in the vendor's words.
	Status call.Status
	Code   string
	// Want and Outcome are those of Update.Err. ClassUnknown: nothing went
	// wrong, and Err is nil.
	Want    failover.Class
	Outcome failover.Outcome
	// Cause is what Err must match; nil means that any will do.
	Cause error
}

// TestCall runs the suite.
func TestCall(t *testing.T, c Call) {
	t.Helper()
	if c.New == nil || c.Vendor == nil {
		t.Fatal("providertest: Call needs New and Vendor")
	}
	c.Request.StatusCallback = ""
	if err := c.Request.Validate(); err != nil {
		t.Fatalf("providertest: Call.Request: %v", err)
	}
	e := c.effect()
	e.test(t)
	t.Run("calls", func(t *testing.T) { c.testCalls(t, e) })
}

func (c Call) effect() *effect[call.Request, *call.Call] {
	e := &effect[call.Request, *call.Call]{
		start: c.Vendor, adapt: c.adapt, serve: serveCall, seen: seenCall,
		req: c.Request, hooked: c.Request,
		from: func(r call.Request, from string) call.Request {
			r.From = from
			return r
		},
		senders: c.Callers, foreign: c.Foreign, carried: c.carried(),
		invalid: c.invalid(), recipients: c.recipients(), noRecipient: call.ErrInvalidRecipient, refusals: c.Refusals,
		forged: c.Forged, notOurs: call.ErrNotOurs, lifetime: c.Lifetime, window: c.Window,
		secrets: map[string]string{"the callee's number": strings.TrimPrefix(c.Request.To, "+")},
	}
	e.hooked.StatusCallback = callback
	for _, r := range c.Unsupported {
		if r.To == "" {
			r.To = c.Request.To
		}
		e.unsupported = append(e.unsupported, r)
	}
	for _, u := range c.Updates {
		e.updates = append(e.updates, statusRow{string(u.Status), u.Code, u.Want, u.Outcome, u.Cause})
	}
	return e
}

// carried is what the vendor must be told for Request.
func (c Call) carried() []string {
	all := []string{c.Request.To}
	for _, text := range []string{c.Request.AudioURL, c.Request.AnswerURL, c.Request.TwiML} {
		if text != "" {
			all = append(all, text)
		}
	}
	return all
}

func (c Call) adapt(account Account) (adapter[call.Request, *call.Call], error) {
	made, err := c.New(account)
	a := adapter[call.Request, *call.Call]{provider: made.Provider.Provider}
	if made.Update != nil {
		a.update = func(r *http.Request) (update, error) {
			u, err := made.Update(r)
			return update{
				provider: u.Provider, operation: u.Operation, attempt: u.Attempt, id: u.ID, status: string(u.Status),
				err: u.Err, whole: u,
			}, err
		}
	}
	return a, err
}

func seenCall(c *call.Call) *receipt {
	if c == nil {
		return nil
	}
	return &receipt{provider: c.Provider, id: c.ID, operation: c.Operation, attempt: c.Attempt, status: string(c.Status)}
}

func serveCall(providers ...failover.Provider[call.Request, *call.Call]) (service[call.Request], error) {
	all := make([]call.Provider, len(providers))
	for i, p := range providers {
		all[i] = call.Provider{Provider: p}
	}
	client, err := call.New(all)
	return service[call.Request]{
		send: func(ctx context.Context, r call.Request) (*receipt, error) {
			got, err := client.MakeCall(ctx, r)
			return seenCall(got), err
		},
		report: func(u update) error { return client.Report(u.whole.(call.Update)) }, //nolint:forcetypeassert // adapt makes no other
	}, err
}

// invalid are requests that nobody can serve.
func (c Call) invalid() map[string]call.Request {
	nobody, both, audio, answer, callback, hasty, fast, long, detection := c.Request, c.Request, c.Request, c.Request, c.Request,
		c.Request, c.Request, c.Request, c.Request
	nobody.To = ""
	both.AudioURL, both.AnswerURL, both.TwiML = "https://media.example.org/a.mp3", "https://app.example.org/answer", ""
	audio.AudioURL, audio.AnswerURL, audio.TwiML = "a.mp3", "", ""
	answer.AudioURL, answer.AnswerURL, answer.TwiML = "", "/answer", ""
	callback.StatusCallback = "hooks.example.org/status"
	hasty.RingTimeout = time.Second
	fast.RingTimeout = 30*time.Second + time.Millisecond
	long.TimeLimit = 100 * time.Hour
	detection.MachineDetection = "guess"
	return map[string]call.Request{
		"no callee": nobody, "two things to do": both, "audio without an address": audio, "answer without an address": answer,
		"callback that is no address": callback, "ringing for a second": hasty, "ringing for parts of a second": fast,
		"absurd limit": long, "unknown detection": detection,
	}
}

// recipients are requests to what is no number.
func (c Call) recipients() map[string]call.Request {
	all := map[string]call.Request{}
	for name, to := range map[string]string{
		"callee without a plus": "15005550006", "callee with spaces": "+1 500 555 0006", "callee of no country": "+05005550006",
		"callee without end": "+" + strings.Repeat("1", 16), "callee by name": "anna", "address of SIP without a host": "sip:anna@",
	} {
		r := c.Request
		r.To = to
		all[name] = r
	}
	return all
}
