package telnyx_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// carrier is a simulator as the suites need it. Its webhooks are signed with a
// key of the test's, so that what is malformed can be signed too.
func carrier(words map[string]string) providertest.Carrier {
	sim := vendorsim.TelnyxVendor(providertest.Key)
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	sign := func(r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		at := strconv.FormatInt(time.Now().Unix(), 10)
		r.Header.Set("Telnyx-Timestamp", at)
		r.Header.Set("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString(ed25519.Sign(private, append([]byte(at+"|"), body...))))
	}
	return providertest.Carrier{
		Handler: sim.Vendor.Handler,
		Processed: func() []string {
			var ids []string
			for _, e := range sim.Ledger.Entries() {
				ids = append(ids, e.ID)
			}
			return ids
		},
		Webhook: func(ctx context.Context, id, status, code string) (*http.Request, error) {
			if err := sim.Ledger.SetStatus(id, words[status], code); err != nil {
				return nil, err
			}
			r, err := sim.Callback(ctx, id)
			if err == nil {
				sign(r)
			}
			return r, err
		},
		Sign:      sign,
		PublicKey: base64.StdEncoding.EncodeToString(public),
	}
}

// account is a client as the suites need it.
func account(a providertest.Account) (*telnyx.Client, error) {
	opts := []telnyx.Option{
		telnyx.WithBaseURL(a.BaseURL), telnyx.WithHTTPClient(a.Client),
		telnyx.WithSenders(sms.Senders{"": own, "pool": profile}), telnyx.WithCallers(call.Callers{"": own}),
		telnyx.WithConnections(call.Connections{"": connection}),
	}
	if a.PublicKey != "" {
		opts = append(opts, telnyx.WithPublicKey(a.PublicKey))
	}
	return telnyx.New(a.Key, opts...)
}

// refused is a refusal of the vendor's.
func refused(name string, status int, code, title, pointer string, want failover.Class, cause error) providertest.Refusal {
	return providertest.Refusal{
		Name: name, Status: status, Want: want, Code: code, Cause: cause, Message: title + ": " + providertest.Canary,
		Body: `{"errors":[{"code":"` + code + `","title":"` + title + `","detail":"` + providertest.Canary +
			`","source":{"pointer":"` + pointer + `"}}]}`,
	}
}

func TestSMSConformance(t *testing.T) {
	ambiguous := refused("does not know itself", 422, "10007", "Unexpected error", "", failover.ClassTransient, nil)
	ambiguous.Ambiguous = true
	providertest.TestSMS(t, providertest.SMS{
		New: func(a providertest.Account) (providertest.SMSAdapter, error) {
			c, err := account(a)
			if err != nil {
				return providertest.SMSAdapter{}, err
			}
			return providertest.SMSAdapter{Provider: c.SMS(), Update: c.SMSUpdate}, nil
		},
		Vendor: func() providertest.Carrier {
			return carrier(map[string]string{
				string(sms.StatusSent): "sent", string(sms.StatusDelivered): "delivered", string(sms.StatusUndelivered): "delivery_failed",
				string(sms.StatusFailed): "sending_failed", string(sms.StatusUnconfirmed): "delivery_unconfirmed",
			})
		},
		Message:     sms.Message{To: recipient, Media: []string{"https://media.example.com/cat.png?a=1&b=2"}},
		Senders:     map[string]string{"": own, "pool": profile, own: own, "telnyx:+15005550077": "+15005550077"},
		Foreign:     []string{"+15005550003", "alerts", "twilio:" + own},
		Unsupported: []sms.Message{{From: "telnyx:FAILOVER"}},
		Refusals: []providertest.Refusal{
			refused("opted out", 400, "40300", "Blocked due to STOP message", "", failover.ClassInvalid, sms.ErrOptedOut),
			refused("no such number", 400, "40310", "Invalid 'to' address", "/to", failover.ClassInvalid, sms.ErrInvalidRecipient),
			refused("region", 400, "40309", "Invalid destination region", "", failover.ClassUnsupported, nil),
			refused("no funds", 403, "20100", "Insufficient Funds", "", failover.ClassExhausted, nil),
			refused("queue full", 400, "40318", "Queue full", "", failover.ClassRateLimited, nil),
			refused("content", 400, "40322", "Content", "", failover.ClassFiltered, nil),
			ambiguous,
		},
		Updates: []providertest.SMSUpdate{
			{Status: sms.StatusSent},
			{Status: sms.StatusDelivered},
			{Status: sms.StatusUnconfirmed},
			{
				Status: sms.StatusFailed, Code: "40001", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: sms.ErrInvalidRecipient,
			},
			{Status: sms.StatusUndelivered, Code: "40002", Want: failover.ClassFiltered, Outcome: failover.OutcomeNotAccepted},
		},
		Forged:   telnyx.ErrSignature,
		Lifetime: 5 * time.Minute,
	})
}

func TestCallConformance(t *testing.T) {
	providertest.TestCall(t, providertest.Call{
		New: func(a providertest.Account) (providertest.CallAdapter, error) {
			c, err := account(a)
			if err != nil {
				return providertest.CallAdapter{}, err
			}
			return providertest.CallAdapter{Provider: c.Call(), Update: c.CallUpdate}, nil
		},
		Vendor: func() providertest.Carrier {
			return carrier(map[string]string{
				string(call.StatusRinging): "initiated", string(call.StatusInProgress): "answered", string(call.StatusCompleted): "hangup",
				string(call.StatusBusy): "hangup", string(call.StatusNoAnswer): "hangup", string(call.StatusFailed): "hangup",
			})
		},
		Request:     call.Request{To: recipient, AudioURL: "https://media.example.com/a.mp3?a=1&b=2"},
		Callers:     map[string]string{"": own, own: own, "telnyx:+15005550077": "+15005550077"},
		Foreign:     []string{"+15005550003", "support"},
		Unsupported: []call.Request{{TwiML: "<Response/>"}, {Connection: "ivr"}},
		Refusals: []providertest.Refusal{
			refused("no such number", 422, "10016", "Phone number must be in +E.164 format", "/to", failover.ClassInvalid, call.ErrInvalidRecipient),
			refused("caller", 422, "10016", "Phone number must be in +E.164 format", "/from", failover.ClassUnsupported, nil),
			refused("too many", 429, "10011", "Too many requests", "", failover.ClassRateLimited, nil),
		},
		Unknown: "v3:unknown",
		Updates: []providertest.CallUpdate{
			{Status: call.StatusRinging},
			{Status: call.StatusInProgress},
			{Status: call.StatusCompleted, Code: "normal_clearing"},
			{Status: call.StatusBusy, Code: "user_busy"},
			{Status: call.StatusNoAnswer, Code: "timeout"},
			{
				Status: call.StatusFailed, Code: "not_found", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: call.ErrInvalidRecipient,
			},
		},
		Forged:   telnyx.ErrSignature,
		Lifetime: 5 * time.Minute,
		Window:   50 * time.Second,
	})
}
