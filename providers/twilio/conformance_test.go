package twilio_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

// carrier is a simulator as the suites need it.
func carrier(words map[string]string) providertest.Carrier {
	sim := vendorsim.TwilioVendor(account, providertest.Key)
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
			return sim.Callback(ctx, id)
		},
		Sign: signed,
	}
}

// signed signs a form once more, as
// https://www.twilio.com/docs/usage/webhooks/webhooks-security says.
func signed(r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	form, _ := url.ParseQuery(string(body))
	mac := hmac.New(sha1.New, []byte(providertest.Key))
	mac.Write([]byte(r.URL.String()))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range form[name] {
			mac.Write([]byte(name + value))
		}
	}
	r.Header.Set("X-Twilio-Signature", base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// adapted is a client as the suites need it.
func adapted(a providertest.Account) (*twilio.Client, error) {
	return twilio.New(account, a.Key, twilio.WithBaseURL(a.BaseURL), twilio.WithHTTPClient(a.Client),
		twilio.WithSenders(sms.Senders{"": mine, "alerts": service}), twilio.WithCallers(call.Callers{"": mine}),
		twilio.WithConnections(call.Connections{"ivr": app}))
}

// saysNo is a refusal of the vendor's.
func saysNo(name string, status int, code string, want failover.Class, cause error) providertest.Refusal {
	return providertest.Refusal{
		Name: name, Status: status, Want: want, Code: code, Cause: cause, Message: providertest.Canary,
		Body: `{"code":` + code + `,"message":"` + providertest.Canary + `","more_info":"https://www.twilio.com/docs/errors/` + code + `"}`,
	}
}

func TestSMSConformance(t *testing.T) {
	ambiguous := saysNo("does not know itself", 400, "20500", failover.ClassTransient, nil)
	ambiguous.Ambiguous = true
	providertest.TestSMS(t, providertest.SMS{
		New: func(a providertest.Account) (providertest.SMSAdapter, error) {
			c, err := adapted(a)
			if err != nil {
				return providertest.SMSAdapter{}, err
			}
			return providertest.SMSAdapter{Provider: c.SMS(), Update: c.SMSUpdate}, nil
		},
		Vendor: func() providertest.Carrier {
			return carrier(map[string]string{
				string(sms.StatusQueued): "queued", string(sms.StatusSent): "sent", string(sms.StatusDelivered): "delivered",
				string(sms.StatusUndelivered): "undelivered", string(sms.StatusFailed): "failed",
			})
		},
		Message:     sms.Message{To: callee, Media: []string{"https://media.example.com/cat.png?a=1&b=2"}},
		Senders:     map[string]string{"": mine, "alerts": service, service: service, "twilio:+15550007777": "+15550007777"},
		Foreign:     []string{"+15005550003", "support", "telnyx:" + mine},
		Unsupported: []sms.Message{{Body: strings.Repeat("x", 1601)}},
		Refusals: []providertest.Refusal{
			saysNo("opted out", 400, "21610", failover.ClassInvalid, sms.ErrOptedOut),
			saysNo("no such number", 400, "21211", failover.ClassInvalid, sms.ErrInvalidRecipient),
			saysNo("region", 400, "21408", failover.ClassUnsupported, nil),
			saysNo("suspended", 403, "20005", failover.ClassUnauthorized, nil),
			saysNo("queue full", 400, "21611", failover.ClassRateLimited, nil),
			saysNo("content", 400, "21618", failover.ClassFiltered, nil),
			ambiguous,
		},
		Updates: []providertest.SMSUpdate{
			{Status: sms.StatusSent},
			{Status: sms.StatusQueued},
			{Status: sms.StatusDelivered},
			{
				Status: sms.StatusUndelivered, Code: "30005", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: sms.ErrInvalidRecipient,
			},
			{
				Status: sms.StatusUndelivered, Code: "21610", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: sms.ErrOptedOut,
			},
			{Status: sms.StatusFailed, Code: "30001", Want: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted},
			{Status: sms.StatusUndelivered, Code: "30008", Want: failover.ClassTransient},
		},
		Forged: twilio.ErrSignature,
	})
}

func TestCallConformance(t *testing.T) {
	providertest.TestCall(t, providertest.Call{
		New: func(a providertest.Account) (providertest.CallAdapter, error) {
			c, err := adapted(a)
			if err != nil {
				return providertest.CallAdapter{}, err
			}
			return providertest.CallAdapter{Provider: c.Call(), Update: c.CallUpdate}, nil
		},
		Vendor: func() providertest.Carrier {
			return carrier(map[string]string{
				string(call.StatusRinging): "ringing", string(call.StatusInProgress): "in-progress", string(call.StatusCompleted): "completed",
				string(call.StatusBusy): "busy", string(call.StatusNoAnswer): "no-answer", string(call.StatusCanceled): "canceled",
				string(call.StatusFailed): "failed",
			})
		},
		Request:     call.Request{To: callee, AudioURL: "https://media.example.com/a.mp3?a=1&b=2"},
		Callers:     map[string]string{"": mine, mine: mine, "twilio:+15550007777": "+15550007777"},
		Foreign:     []string{"+15005550003", "support"},
		Unsupported: []call.Request{{To: "sips:anna@example.com"}, {Connection: "survey"}},
		Refusals: []providertest.Refusal{
			saysNo("no such number", 400, "21217", failover.ClassInvalid, call.ErrInvalidRecipient),
			saysNo("region", 400, "21215", failover.ClassUnsupported, nil),
			saysNo("too many", 429, "20429", failover.ClassRateLimited, nil),
		},
		Unknown: "CA0123456789abcdef0123456789abcdef",
		Updates: []providertest.CallUpdate{
			{Status: call.StatusRinging},
			{Status: call.StatusInProgress},
			{Status: call.StatusCompleted},
			{Status: call.StatusBusy, Code: "486"},
			{Status: call.StatusNoAnswer},
			{Status: call.StatusCanceled},
			{
				Status: call.StatusFailed, Code: "404", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: call.ErrInvalidRecipient,
			},
		},
		Forged: twilio.ErrSignature,
	})
}
