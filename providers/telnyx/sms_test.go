package telnyx_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

func marshalled(v any) ([]byte, error) { return json.Marshal(v) }

// body is what was sent last.
func body(t testing.TB, sim *vendorsim.Telephony) map[string]any {
	t.Helper()
	seen := sim.Requests()
	require.NotEmpty(t, seen)
	var b map[string]any
	require.NoError(t, json.Unmarshal(seen[len(seen)-1].Body, &b))
	return b
}

func TestMessageOnTheWire(t *testing.T) {
	t.Parallel()
	senders := sms.Senders{"": own, "alerts": "+15005550002", "short": "12345", "pool": profile, "shop": "ACME", "none": ""}
	for name, c := range map[string]struct {
		message sms.Message
		want    map[string]any
	}{
		"plain": {sms.Message{To: recipient, Body: "Hi."}, map[string]any{"from": own, "to": recipient, "text": "Hi."}},
		"named sender": {
			sms.Message{To: recipient, From: "alerts", Body: "Grüße 🎉"},
			map[string]any{"from": "+15005550002", "to": recipient, "text": "Grüße 🎉"},
		},
		"number of the table": {
			sms.Message{To: recipient, From: "+15005550002", Body: "Hi."},
			map[string]any{"from": "+15005550002", "to": recipient, "text": "Hi."},
		},
		"explicit sender": {
			sms.Message{To: recipient, From: "telnyx:+15005550009", Body: "Hi."},
			map[string]any{"from": "+15005550009", "to": recipient, "text": "Hi."},
		},
		"short code": {
			sms.Message{To: recipient, From: "short", Body: "Hi."}, map[string]any{"from": "12345", "to": recipient, "text": "Hi."},
		},
		"number pool": {
			sms.Message{To: recipient, From: "pool", Body: "Hi."},
			map[string]any{"messaging_profile_id": profile, "to": recipient, "text": "Hi."},
		},
		"sender id": {
			sms.Message{To: recipient, From: "shop", Body: "Hi."},
			map[string]any{"from": "ACME", "messaging_profile_id": profile, "to": recipient, "text": "Hi."},
		},
		"media": {
			sms.Message{To: recipient, Media: []string{"https://example.com/a.png", "https://example.com/b.png"}},
			map[string]any{"from": own, "to": recipient, "media_urls": []any{"https://example.com/a.png", "https://example.com/b.png"}},
		},
		"callback outside a router": {
			sms.Message{To: recipient, Body: "Hi.", StatusCallback: callback},
			map[string]any{"from": own, "to": recipient, "text": "Hi.", "webhook_url": callback},
		},
		"validity, which the vendor has not": {
			sms.Message{To: recipient, Body: "Hi.", Validity: time.Minute}, map[string]any{"from": own, "to": recipient, "text": "Hi."},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, client := start(t, telnyx.WithSenders(senders), telnyx.WithMessagingProfile(profile))
			require.True(t, client.SMS().Supports(c.message))
			_, err := client.SMS().Do(t.Context(), c.message)
			require.NoError(t, err)
			seen := sim.Requests()
			require.Len(t, seen, 1)
			assert.Equal(t, http.MethodPost, seen[0].Method)
			assert.Equal(t, "/v2/messages", seen[0].Path)
			assert.Empty(t, seen[0].Query)
			assert.Equal(t, "application/json", seen[0].Header.Get("Content-Type"))
			assert.True(t, seen[0].Keyed)
			assert.Empty(t, seen[0].Header.Get("Idempotency-Key"), "the vendor does not know it, and net/http would send again")
			assert.Equal(t, c.want, body(t, sim))
			assert.Len(t, sim.Ledger.Entries(), 1)
		})
	}
}

// Inside a router the callback brings back whose message it was.
func TestMessageCarriesItsAttempt(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	m := text
	m.StatusCallback = callback
	receipt, err := c.SMS().Do(within(t, "order-7"), m)
	require.NoError(t, err)
	assert.Equal(t, "order-7", receipt.Operation)
	assert.Equal(t, "order-7.1", receipt.Attempt)
	assert.Equal(t, "telnyx", receipt.Provider)
	sent, err := url.Parse(body(t, sim)["webhook_url"].(string))
	require.NoError(t, err)
	assert.Equal(t, url.Values{
		"tenant": {"hush"}, "failover_operation": {"order-7"}, "failover_attempt": {"order-7.1"}, "failover_provider": {"telnyx"},
	}, sent.Query())
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	sim, c := start(t, telnyx.WithName("telnyx-eu"))
	m := text
	m.Body = "č" + strings.Repeat(secretBody, 4) // two parts of UCS-2
	receipt, err := c.SMS().Do(t.Context(), m)
	require.NoError(t, err)
	entry := sim.Ledger.Entries()[0]
	assert.Equal(t, &sms.Receipt{
		Provider: "telnyx-eu", ID: entry.ID, Status: sms.StatusQueued, Segments: 2, Price: &sms.Price{Amount: 0.004, Currency: "USD"},
	}, receipt)
	assert.NotEmpty(t, entry.ID)

	for answer, want := range map[string]sms.Receipt{
		`{"data":{"id":"m1","to":[{"status":"sending"}],"parts":3,"cost":null}}`: {ID: "m1", Status: sms.StatusSending, Segments: 3},
		`{"data":{"id":"m2","to":[{"status":"new"}],"cost":{"amount":"NaN"}}}`:   {ID: "m2"},
		`{"data":{"id":"m3","parts":-1,"cost":{"amount":"x","currency":"USD"}}}`: {ID: "m3"},
		`{"data":{"id":"m4","to":[],"cost":{"amount":0.01,"currency":"EUR"}}}`:   {ID: "m4", Price: &sms.Price{Amount: 0.01, Currency: "EUR"}},
		`{"data":{"id":"m5","to":{"status":"queued"},"parts":"1","cost":7}}`:     {ID: "m5"},
	} {
		sim.Fail(vendorsim.Body(http.StatusOK, "application/json", answer))
		receipt, err := c.SMS().Do(t.Context(), text)
		require.NoError(t, err, answer)
		want.Provider = "telnyx-eu"
		assert.Equal(t, want, *receipt, answer)
	}
}

func TestMessagesThatAreNotSent(t *testing.T) {
	t.Parallel()
	sim, c := start(t, telnyx.WithSenders(sms.Senders{"alerts": own, "shop": "ACME", "off": ""}))
	for name, row := range map[string]struct {
		message sms.Message
		class   failover.Class
		text    string
	}{
		"no sender":             {sms.Message{To: recipient, Body: "Hi."}, failover.ClassUnsupported, "sms: From is not owned at telnyx"},
		"another's sender":      {sms.Message{To: recipient, From: "twilio:" + own, Body: "Hi."}, failover.ClassUnsupported, "sms: From is not owned at telnyx"},
		"another's number":      {sms.Message{To: recipient, From: "+15005550099", Body: "Hi."}, failover.ClassUnsupported, "sms: From is not owned at telnyx"},
		"an empty row":          {sms.Message{To: recipient, From: "off", Body: "Hi."}, failover.ClassUnsupported, "sms: From is not owned at telnyx"},
		"nearly a UUID":         {sms.Message{To: recipient, From: "telnyx:" + profile[:35] + "g", Body: "Hi."}, failover.ClassUnsupported, ""},
		"sender id, no profile": {sms.Message{To: recipient, From: "shop", Body: "Hi."}, failover.ClassUnsupported, "sms: From is a sender id, which telnyx takes with a messaging profile only"},
		"no body":               {sms.Message{To: recipient, From: "alerts"}, failover.ClassInvalid, "sms: Body is empty, and there is no Media"},
		"bad recipient":         {sms.Message{To: "12", From: "alerts", Body: "Hi."}, failover.ClassInvalid, ""},
	} {
		receipt, err := c.SMS().Do(t.Context(), row.message)
		assert.Nil(t, receipt, name)
		e := failover.Classify(err)
		assert.Equal(t, row.class, e.Class, name)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, name)
		assert.Equal(t, row.class == failover.ClassInvalid, c.SMS().Supports(row.message), name)
		if row.text != "" {
			require.EqualError(t, e.Err, row.text, name)
		}
		hasNoSecrets(t, err)
	}
	_, err := c.SMS().Do(t.Context(), sms.Message{To: "12", From: "alerts", Body: "Hi."})
	require.ErrorIs(t, err, sms.ErrInvalidRecipient)
	assert.Empty(t, sim.Requests())
}
