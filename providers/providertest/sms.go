package providertest

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

// SMS describes a provider of messages to be tested.
type SMS struct {
	// New makes the provider, and what reads the vendor's webhooks. Required.
	New func(Account) (SMSAdapter, error)
	// Vendor makes a vendor that has not sent anything yet. Required.
	Vendor func() Carrier
	// Message is one that the provider sends. Its Body is replaced, its
	// StatusCallback set where that matters. Required.
	Message sms.Message
	// Senders are names of the provider's table, and what the vendor must be
	// told for them.
	Senders map[string]string
	// Foreign are senders that the provider does not own: others may.
	Foreign []string
	// Unsupported are messages that this provider cannot send, though another
	// might. Without To and Body they get those of Message.
	Unsupported []sms.Message
	// Refusals are the vendor's error answers and what they mean.
	Refusals []Refusal

	// Updates are the statuses that the vendor's webhooks tell, the first one
	// of a message that was sent. Without them nothing is told.
	Updates []SMSUpdate
	// Forged is what the error for a webhook matches that is not the vendor's;
	// nil means that any will do.
	Forged error
	// Lifetime is how old a webhook may be. 0: they do not grow old.
	Lifetime time.Duration
	// Window is how long a vendor that Dedupes remembers an attempt; the
	// provider must not repeat it later. 0: for ever.
	Window time.Duration
}

// SMSAdapter is an adapter of one vendor's messages.
type SMSAdapter struct {
	// Provider sends.
	Provider sms.Provider
	// Update reads a webhook. nil if the vendor has none.
	Update func(*http.Request) (sms.Update, error)
}

// SMSUpdate is a webhook and what it means.
type SMSUpdate struct {
	// Status is what the webhook tells; Code is why, in the vendor's words.
	Status sms.Status
	Code   string
	// Want and Outcome are those of Update.Err. ClassUnknown: nothing went
	// wrong, and Err is nil.
	Want    failover.Class
	Outcome failover.Outcome
	// Cause is what Err must match; nil means that any will do.
	Cause error
}

// TestSMS runs the suite.
func TestSMS(t *testing.T, c SMS) {
	t.Helper()
	if c.New == nil || c.Vendor == nil {
		t.Fatal("providertest: SMS needs New and Vendor")
	}
	c.Message.Body, c.Message.StatusCallback = secretText, ""
	if err := c.Message.Validate(); err != nil {
		t.Fatalf("providertest: SMS.Message: %v", err)
	}
	e := c.effect()
	e.test(t)
}

func (c SMS) effect() *effect[sms.Message, *sms.Receipt] {
	e := &effect[sms.Message, *sms.Receipt]{
		start: c.Vendor, adapt: c.adapt, serve: serveSMS, seen: seenReceipt,
		req: c.Message, hooked: c.Message,
		from: func(m sms.Message, from string) sms.Message {
			m.From = from
			return m
		},
		senders: c.Senders, foreign: c.Foreign, carried: append([]string{c.Message.To, c.Message.Body}, c.Message.Media...),
		invalid: c.invalid(), recipients: c.recipients(), noRecipient: sms.ErrInvalidRecipient, refusals: c.Refusals,
		forged: c.Forged, notOurs: sms.ErrNotOurs, lifetime: c.Lifetime, window: c.Window,
		secrets: map[string]string{"the recipient's number": strings.TrimPrefix(c.Message.To, "+")},
	}
	e.hooked.StatusCallback = callback
	for _, m := range c.Unsupported {
		if m.To == "" {
			m.To = c.Message.To
		}
		if m.Body == "" {
			m.Body = secretText
		}
		e.unsupported = append(e.unsupported, m)
	}
	for _, u := range c.Updates {
		e.updates = append(e.updates, statusRow{string(u.Status), u.Code, u.Want, u.Outcome, u.Cause})
	}
	return e
}

func (c SMS) adapt(account Account) (adapter[sms.Message, *sms.Receipt], error) {
	made, err := c.New(account)
	a := adapter[sms.Message, *sms.Receipt]{provider: made.Provider}
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

func seenReceipt(r *sms.Receipt) *receipt {
	if r == nil {
		return nil
	}
	return &receipt{provider: r.Provider, id: r.ID, operation: r.Operation, attempt: r.Attempt, status: string(r.Status)}
}

func serveSMS(providers ...sms.Provider) (service[sms.Message], error) {
	client, err := sms.New(providers)
	return service[sms.Message]{
		send: func(ctx context.Context, m sms.Message) (*receipt, error) {
			got, err := client.Send(ctx, m)
			return seenReceipt(got), err
		},
		report: func(u update) error { return client.Report(u.whole.(sms.Update)) }, //nolint:forcetypeassert // adapt makes no other
	}, err
}

// invalid are messages that nobody can send.
func (c SMS) invalid() map[string]sms.Message {
	nobody, empty, blank, garbled, many, local, callback, validity, early := c.Message, c.Message, c.Message, c.Message, c.Message,
		c.Message, c.Message, c.Message, c.Message
	nobody.To = ""
	empty.Body, empty.Media = "", nil
	blank.Body, blank.Media = " \n\t", nil
	garbled.Body = "caf\xe9"
	many.Media = make([]string, 100)
	for i := range many.Media {
		many.Media[i] = "https://media.example.org/cat.png"
	}
	local.Media = []string{"file:///etc/passwd"}
	callback.StatusCallback = "hooks.example.org/status"
	validity.Validity = 100 * time.Hour
	early.Validity = time.Millisecond
	return map[string]sms.Message{
		"no recipient": nobody, "empty body": empty, "blank body": blank, "body that is not UTF-8": garbled, "a hundred pictures": many,
		"picture without an address": local, "callback that is no address": callback, "absurd validity": validity,
		"validity of less than a second": early,
	}
}

// recipients are messages to what is no number.
func (c SMS) recipients() map[string]sms.Message {
	all := map[string]sms.Message{}
	for name, to := range map[string]string{
		"recipient without a plus": "15005550006", "recipient with spaces": "+1 500 555 0006", "recipient with a word": "+1500555000x",
		"recipient of no country": "+05005550006", "recipient without end": "+" + strings.Repeat("1", 16), "recipient by name": "anna",
	} {
		m := c.Message
		m.To = to
		all[name] = m
	}
	return all
}
