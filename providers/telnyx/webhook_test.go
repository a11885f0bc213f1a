package telnyx_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// The key of TEST 1 of RFC 8032, section 7.1: its seed, and the public key that
// the RFC gives for it.
const (
	seed   = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
	public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" // d75a9801…511a
)

// Two webhooks that OpenSSL 3.0 has signed with that key:
//
//	printf '302e020100300506032b657004220420%s' $SEED | xxd -r -p > key.der
//	printf '946684800|' | cat - body > signed
//	openssl pkeyutl -sign -inkey key.der -keyform DER -rawin -in signed | base64 -w0
//
// The time is 2000-01-01T00:00:00Z, where the clock of a bubble of
// testing/synctest begins. The first body ends with a space and a line end, which
// are signed too.
const (
	vectorTime = "946684800"

	messageVector    = `{"data":{"event_type":"message.finalized","id":"4ee8c3a6-4995-4309-a3c6-38e3db9ea4be","occurred_at":"2000-01-01T00:00:00.148+00:00","payload":{"direction":"outbound","id":"ac012cbf-5e09-46af-a69a-7c0e2d90993c","parts":1,"to":[{"phone_number":"+13125550002","status":"delivered"}],"webhook_url":"https://example.com/hooks?failover_attempt=op-1.1&failover_operation=op-1&failover_provider=telnyx"},"record_type":"event"},"meta":{"attempt":1,"delivered_to":"https://example.com/hooks"}} ` + "\n"
	messageSignature = "cd7ZROa6XkZxGtt3qR8mPmg078DDE77xLxT8OZZHieX/BIL3/HgzOn4LsHjPQdAkv8mnfJUhs3iroe21ZKvpAw=="

	callVector    = `{"data":{"event_type":"call.hangup","id":"0ccc7b54-4df3-4bca-a65a-3da1ecc777f0","occurred_at":"2000-01-01T00:00:00.521992Z","payload":{"call_control_id":"v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg","client_state":"eyJvcGVyYXRpb24iOiJvcC0xIiwiYXR0ZW1wdCI6Im9wLTEuMSIsInByb3ZpZGVyIjoidGVsbnl4In0=","from":"+15005550001","hangup_cause":"call_rejected","hangup_source":"callee","sip_hangup_cause":"603","to":"+15005550106"},"record_type":"event"},"meta":{"attempt":1,"delivered_to":"https://example.com/hooks"}}`
	callSignature = "Q/qaTjknuXBLSgcsXqFMV6/YFqbLWcB4/GHO3EQzPePeK6aXemiNRK+MPUxC1WZhzKP4/f21oK+xMLHpD5vlCw=="
)

// listener is a client that knows the key of the vectors.
func listener(t testing.TB) *telnyx.Client {
	t.Helper()
	c, err := telnyx.New(key, telnyx.WithPublicKey(public))
	require.NoError(t, err)
	return c
}

// webhook is a request as an application's server gets it.
func webhook(timestamp, signature, body string) *http.Request {
	r := &http.Request{Method: http.MethodPost, URL: &url.URL{Path: "/telnyx"}, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	r.Header.Set("Telnyx-Timestamp", timestamp)
	r.Header.Set("Telnyx-Signature-Ed25519", signature)
	return r
}

// sign signs as OpenSSL has signed the vectors.
func sign(t testing.TB, timestamp, body string) string {
	t.Helper()
	raw, err := hex.DecodeString(seed)
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(raw), []byte(timestamp+"|"+body)))
}

// signed is a webhook of now.
func signed(t testing.TB, body string) *http.Request {
	t.Helper()
	now := strconv.FormatInt(time.Now().Unix(), 10)
	return webhook(now, sign(t, now, body), body)
}

func TestVectors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := listener(t)
		message, err := c.SMSUpdate(webhook(vectorTime, messageSignature, messageVector))
		require.NoError(t, err)
		assert.Equal(t, sms.Update{
			Provider: "telnyx", Operation: "op-1", Attempt: "op-1.1", ID: "ac012cbf-5e09-46af-a69a-7c0e2d90993c",
			Status: sms.StatusDelivered, Segments: 1, At: time.Date(2000, 1, 1, 0, 0, 0, 148e6, time.UTC),
		}, utc(message))

		placed, err := c.CallUpdate(webhook(vectorTime, callSignature, callVector))
		require.NoError(t, err)
		assert.Equal(t, call.Update{
			Provider: "telnyx", Operation: "op-1", Attempt: "op-1.1",
			ID: "v3:MdI91X4lWFEs7IgbBEOT9M4AigoY08M0WWZFISt1Yw2axZ_IiE4pqg", Status: call.StatusBusy, SIP: 603,
			At: time.Date(2000, 1, 1, 0, 0, 0, 521992e3, time.UTC),
		}, placed)
		assert.Equal(t, messageSignature, sign(t, vectorTime, messageVector), "these tests sign as OpenSSL does")
	})
}

func utc(u sms.Update) sms.Update {
	u.At = u.At.UTC()
	return u
}

// Requests that are not the vendor's, or no longer.
func TestSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := listener(t)
		other, err := telnyx.New(key, telnyx.WithPublicKey("PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=")) // of TEST 2
		require.NoError(t, err)
		genuine := func() *http.Request { return webhook(vectorTime, callSignature, callVector) }
		header := func(name, value string) *http.Request {
			r := genuine()
			r.Header.Set(name, value)
			return r
		}
		forgeries := map[string]*http.Request{
			"no signature":       header("Telnyx-Signature-Ed25519", ""),
			"no time":            header("Telnyx-Timestamp", ""),
			"no header":          {Header: http.Header{}, Body: io.NopCloser(strings.NewReader(callVector))},
			"no body":            {Header: genuine().Header},
			"another time":       header("Telnyx-Timestamp", "946684801"),
			"time with a sign":   header("Telnyx-Timestamp", "+"+vectorTime),
			"time with zeros":    header("Telnyx-Timestamp", "0"+vectorTime),
			"no number":          header("Telnyx-Timestamp", "now"),
			"an endless time":    header("Telnyx-Timestamp", "9223372036854775807"),
			"before all time":    header("Telnyx-Timestamp", "-9223372036854775808"),
			"more than any time": header("Telnyx-Timestamp", "99999999999999999999"),
			"another signature":  header("Telnyx-Signature-Ed25519", messageSignature),
			"short signature":    header("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString([]byte("short"))),
			"zero signature":     header("Telnyx-Signature-Ed25519", base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize))),
			"no base64":          header("Telnyx-Signature-Ed25519", "!"+callSignature[1:]),
			"another body":       webhook(vectorTime, callSignature, strings.Replace(callVector, "603", "486", 1)),
			"a space more":       webhook(vectorTime, callSignature, callVector+" "),
			"whitespace lost":    webhook(vectorTime, messageSignature, strings.TrimSpace(messageVector)),
			"empty body":         webhook(vectorTime, callSignature, ""),
			"the bar moved":      webhook(vectorTime+"|"+callVector[:1], callSignature, callVector[1:]),
			"too long":           signed(t, `{"data":{}}`+strings.Repeat(" ", 1<<20)),
		}
		for name, r := range forgeries {
			u, err := c.CallUpdate(r)
			require.ErrorIs(t, err, telnyx.ErrSignature, name)
			assert.Zero(t, u, name)
			m, err := c.SMSUpdate(r)
			require.ErrorIs(t, err, telnyx.ErrSignature, name)
			assert.Zero(t, m, name)
		}
		_, err = other.CallUpdate(genuine())
		require.ErrorIs(t, err, telnyx.ErrSignature, "another account's key")
		_, err = c.CallUpdate(genuine())
		require.NoError(t, err, "the genuine one")
	})
}

// A webhook is good for 5 min, and the vendor's clock may be 5 min ahead.
func TestTolerance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := listener(t)
		begin := time.Now()
		for _, row := range []struct {
			signed time.Duration // after begin
			now    time.Duration
			good   bool
		}{
			{0, 0, true},
			{5 * time.Minute, 0, true},
			{5*time.Minute + time.Second, 0, false},
			{time.Hour, 0, false},
			{0, 5 * time.Minute, true},
			{0, 5*time.Minute + time.Second, false},
			{0, time.Hour, false},
		} {
			pause(t, row.now-time.Since(begin))
			timestamp := strconv.FormatInt(begin.Add(row.signed).Unix(), 10)
			_, err := c.CallUpdate(webhook(timestamp, sign(t, timestamp, callVector), callVector))
			assert.Equal(t, row.good, err == nil, "signed at %v, read at %v", row.signed, row.now)
			if !row.good {
				require.ErrorIs(t, err, telnyx.ErrSignature)
			}
		}
	})
}

// Without the account's key nothing can be known to be the vendor's.
func TestNoPublicKey(t *testing.T) {
	t.Parallel()
	c, err := telnyx.New(key)
	require.NoError(t, err)
	_, err = c.SMSUpdate(signed(t, messageVector))
	require.EqualError(t, err, "telnyx: webhooks need WithPublicKey")
	_, err = c.CallUpdate(signed(t, callVector))
	require.EqualError(t, err, "telnyx: webhooks need WithPublicKey")
}

// Bodies that are the vendor's and cannot be read, or not to the end.
func TestMalformedWebhooks(t *testing.T) {
	t.Parallel()
	c := listener(t)
	for _, body := range []string{"", "{", "<html>" + secretBody, callVector[:len(callVector)-3], callVector + "}"} {
		for _, read := range readers(c) {
			err := read(signed(t, body))
			require.EqualError(t, err, "telnyx: the webhook is not JSON")
			require.NotErrorIs(t, err, telnyx.ErrSignature)
		}
	}
	for _, body := range []string{
		"null", "[]", `"x"`, "7", "{}", `{"data":7}`, `{"data":{"event_type":7,"payload":[]}}`,
		`{"data":{"event_type":"message.sent","payload":{"id":null}}}`, `{"data":{"event_type":"call.hangup","payload":"v3"}}`,
	} {
		for _, read := range readers(c) {
			require.ErrorIs(t, read(signed(t, body)), telnyx.ErrUnrelated, body)
		}
	}
	broken := errors.New("broken")
	for _, read := range readers(c) {
		r := signed(t, callVector)
		r.Body = io.NopCloser(iotest.ErrReader(broken))
		err := read(r)
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, telnyx.ErrSignature)
	}
}

func readers(c *telnyx.Client) []func(*http.Request) error {
	return []func(*http.Request) error{
		func(r *http.Request) error { _, err := c.SMSUpdate(r); return err },
		func(r *http.Request) error { _, err := c.CallUpdate(r); return err },
	}
}

// A webhook has 1 MiB at the most.
func TestLengthOfWebhooks(t *testing.T) {
	t.Parallel()
	c := listener(t)
	longest := callVector + strings.Repeat(" ", 1<<20-len(callVector))
	_, err := c.CallUpdate(signed(t, longest))
	require.NoError(t, err)
	_, err = c.CallUpdate(signed(t, longest+" "))
	require.ErrorIs(t, err, telnyx.ErrSignature)
}

// Webhooks of other kinds are handed on: their body can be read again.
func TestUnrelatedWebhooks(t *testing.T) {
	t.Parallel()
	c := listener(t)
	received := `{"data":{"event_type":"message.received","payload":{"direction":"inbound","id":"m","to":[{"status":"webhook_delivered"}],"text":"STOP"}}}`
	r := signed(t, received)
	_, err := c.SMSUpdate(r)
	require.ErrorIs(t, err, telnyx.ErrUnrelated)
	again, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	assert.Equal(t, received, string(again))

	_, err = c.SMSUpdate(signed(t, callVector))
	require.ErrorIs(t, err, telnyx.ErrUnrelated)
	_, err = c.CallUpdate(signed(t, messageVector))
	require.ErrorIs(t, err, telnyx.ErrUnrelated)
	for _, event := range []string{"messaging-profile.spend-limit-reached", "fax.sent", "conference.ended", "callback"} {
		for _, read := range readers(c) {
			require.ErrorIs(t, read(signed(t, `{"data":{"event_type":"`+event+`","payload":{"id":"x","call_control_id":"x"}}}`)), telnyx.ErrUnrelated, event)
		}
	}
}

// messageEvent is a webhook of a message.
func messageEvent(kind, status, errs string) string {
	return `{"data":{"event_type":"` + kind + `","occurred_at":"2024-01-15T21:32:14.148+00:00","payload":{"direction":"outbound",` +
		`"id":"m1","parts":2,"cost":{"amount":"0.0051","currency":"USD"},"to":[{"phone_number":"` + recipient + `","status":"` + status + `"}],` +
		`"errors":` + errs + `,"text":"` + secretBody + `",` +
		`"webhook_url":"https://example.com/hooks?a=b&failover_operation=op-1&failover_attempt=op-1.2&failover_provider=pool%2Ftelnyx"}}}`
}

func TestSMSUpdates(t *testing.T) {
	t.Parallel()
	c := listener(t)
	coded := func(code, title string) string {
		return `[{"code":"` + code + `","title":"` + title + `","detail":"` + recipient + `"}]`
	}
	const (
		accepted    = failover.OutcomeAccepted
		notAccepted = failover.OutcomeNotAccepted
	)
	for name, row := range map[string]struct {
		body    string
		status  sms.Status
		says    failover.Outcome // of the attempt
		failed  bool
		class   failover.Class
		outcome failover.Outcome
		code    string
		cause   error
	}{
		"queued":    {body: messageEvent("message.sent", "queued", "[]"), status: sms.StatusQueued, says: accepted},
		"sending":   {body: messageEvent("message.sent", "sending", "[]"), status: sms.StatusSending, says: accepted},
		"sent":      {body: messageEvent("message.sent", "sent", "[]"), status: sms.StatusSent, says: accepted},
		"delivered": {body: messageEvent("message.finalized", "delivered", "[]"), status: sms.StatusDelivered, says: accepted},
		"unconfirmed": {
			body: messageEvent("message.finalized", "delivery_unconfirmed", "[]"), status: sms.StatusUnconfirmed, says: accepted,
		},
		"unconfirmed, with an error": {
			body: messageEvent("message.finalized", "delivery_unconfirmed", coded("40008", "Undeliverable")), status: sms.StatusUnconfirmed,
			says: accepted, failed: true, class: failover.ClassUnsupported, outcome: failover.OutcomeUnknown, code: "40008",
		},
		"delivery failed": {
			body: messageEvent("message.finalized", "delivery_failed", coded("40008", "Undeliverable")), status: sms.StatusUndelivered,
			says: notAccepted, failed: true, class: failover.ClassUnsupported, outcome: notAccepted, code: "40008",
		},
		"rejected by the destination": {
			body: messageEvent("message.finalized", "delivery_failed", coded("40004", "Rejected by destination")), status: sms.StatusUndelivered,
			says: notAccepted, failed: true, class: failover.ClassUnsupported, outcome: notAccepted, code: "40004",
		},
		"no such number": {
			body:   messageEvent("message.finalized", "delivery_failed", coded("40012", "Invalid messaging destination number")),
			status: sms.StatusUndelivered, says: notAccepted, failed: true, class: failover.ClassInvalid, outcome: notAccepted, code: "40012",
			cause: sms.ErrInvalidRecipient,
		},
		"opted out": {
			body:   messageEvent("message.finalized", "sending_failed", coded("40300", "Blocked due to STOP message")),
			status: sms.StatusFailed, says: notAccepted, failed: true, class: failover.ClassInvalid, outcome: notAccepted, code: "40300",
			cause: sms.ErrOptedOut,
		},
		"40300 of another title": {
			body:   messageEvent("message.finalized", "sending_failed", coded("40300", "Destination number unreachable")),
			status: sms.StatusFailed, says: notAccepted, failed: true, class: failover.ClassInvalid, outcome: notAccepted, code: "40300",
		},
		"spam": {
			body:   messageEvent("message.finalized", "sending_failed", coded("40002", "Blocked as spam - temporary")),
			status: sms.StatusFailed, says: notAccepted, failed: true, class: failover.ClassFiltered, outcome: notAccepted, code: "40002",
		},
		"carrier was down": {
			body:   messageEvent("message.finalized", "sending_failed", coded("40006", "Recipient server unavailable")),
			status: sms.StatusFailed, says: notAccepted, failed: true, class: failover.ClassTransient, outcome: notAccepted, code: "40006",
		},
		"expired": {
			body:   messageEvent("message.finalized", "expired", coded("40014", "Message expired in queue")),
			status: sms.StatusFailed, says: notAccepted, failed: true, class: failover.ClassTransient, outcome: notAccepted, code: "40014",
		},
		"the vendor does not know": {
			body:   messageEvent("message.finalized", "sending_failed", coded("10007", "Unexpected error")),
			status: sms.StatusFailed, says: accepted, failed: true, class: failover.ClassTransient, outcome: failover.OutcomeUnknown, code: "10007",
		},
		"failed without a reason": {
			body: messageEvent("message.finalized", "sending_failed", "[]"), status: sms.StatusFailed, says: notAccepted, failed: true,
			outcome: notAccepted,
		},
		"failed with a new reason": {
			body: messageEvent("message.finalized", "delivery_failed", coded("47000", "10DLC campaign required")), status: sms.StatusUndelivered,
			says: notAccepted, failed: true, outcome: notAccepted, code: "47000",
		},
		"a new status": {body: messageEvent("message.finalized", "pondering", "[]"), status: sms.StatusUnknown, says: accepted},
		"a new event":  {body: messageEvent("message.pondered", "sent", "null"), status: sms.StatusSent, says: accepted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := c.SMSUpdate(signed(t, row.body))
			require.NoError(t, err)
			assert.Equal(t, row.status, u.Status)
			assert.Equal(t, row.says, u.Outcome())
			assert.Equal(t, "m1", u.ID)
			assert.Equal(t, "op-1", u.Operation)
			assert.Equal(t, "op-1.2", u.Attempt)
			assert.Equal(t, "pool/telnyx", u.Provider)
			assert.Equal(t, 2, u.Segments)
			assert.Equal(t, &sms.Price{Amount: 0.0051, Currency: "USD"}, u.Price)
			assert.Equal(t, time.Date(2024, 1, 15, 21, 32, 14, 148e6, time.UTC), u.At.UTC())
			if !row.failed {
				assert.Nil(t, u.Err)
				return
			}
			require.NotNil(t, u.Err)
			assert.Equal(t, row.class, u.Err.Class)
			assert.Equal(t, row.outcome, u.Err.Outcome)
			assert.Equal(t, row.code, u.Err.Code)
			assert.Equal(t, row.cause, u.Err.Err)
			hasNoSecrets(t, u.Err)
		})
	}
}

// callEvent is a webhook of a call.
func callEvent(kind string, payload map[string]any) string {
	all := map[string]any{
		"call_control_id": "v3:x", "from": own, "to": recipient, "start_time": "2018-02-02T22:20:27.521992Z",
		"client_state": "eyJvcGVyYXRpb24iOiJvcC0xIiwiYXR0ZW1wdCI6Im9wLTEuMiIsInByb3ZpZGVyIjoicG9vbC90ZWxueXgifQ==",
	}
	maps.Copy(all, payload)
	text, err := json.Marshal(map[string]any{
		"data": map[string]any{"event_type": kind, "occurred_at": "2018-02-02T22:25:27.521992Z", "payload": all},
		"meta": map[string]any{"attempt": 1, "delivered_to": callback},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func TestCallUpdates(t *testing.T) {
	t.Parallel()
	c := listener(t)
	const (
		accepted    = failover.OutcomeAccepted
		notAccepted = failover.OutcomeNotAccepted
		unknown     = failover.OutcomeUnknown
	)
	hangup := func(cause string, sip any) string {
		return callEvent("call.hangup", map[string]any{"hangup_cause": cause, "sip_hangup_cause": sip, "hangup_source": "unknown", "telnyx_error": nil})
	}
	refused := func(cause, sip, code string) string {
		return callEvent("call.hangup", map[string]any{
			"hangup_cause": cause, "sip_hangup_cause": sip, "telnyx_error": map[string]any{"error_code": code},
		})
	}
	detected := func(kind, result string) string { return callEvent(kind, map[string]any{"result": result}) }
	for name, row := range map[string]struct {
		body    string
		status  call.Status
		says    failover.Outcome // of the attempt; accepted if not said
		sip     int
		by      call.AnsweredBy
		class   failover.Class // of Err
		outcome failover.Outcome
		code    string
		cause   error
	}{
		"initiated": {body: callEvent("call.initiated", map[string]any{"state": "bridging", "direction": "outgoing"}), status: call.StatusRinging},
		"answered":  {body: callEvent("call.answered", map[string]any{"state": "answered"}), status: call.StatusInProgress},
		"bridged":   {body: callEvent("call.bridged", nil)},
		"played":    {body: callEvent("call.playback.ended", map[string]any{"status": "completed"})},

		"a person":              {body: detected("call.machine.detection.ended", "human"), by: call.AnsweredHuman},
		"a machine":             {body: detected("call.machine.detection.ended", "machine"), by: call.AnsweredMachine},
		"who knows":             {body: detected("call.machine.detection.ended", "not_sure")},
		"its greeting":          {body: detected("call.machine.greeting.ended", "ended"), by: call.AnsweredMachine},
		"its beep":              {body: detected("call.machine.greeting.ended", "beep_detected"), by: call.AnsweredMachine},
		"greeting, or not":      {body: detected("call.machine.greeting.ended", "not_sure")},
		"premium, at home":      {body: detected("call.machine.premium.detection.ended", "human_residence"), by: call.AnsweredHuman},
		"premium, at work":      {body: detected("call.machine.premium.detection.ended", "human_business"), by: call.AnsweredHuman},
		"premium, a machine":    {body: detected("call.machine.premium.detection.ended", "machine"), by: call.AnsweredMachine},
		"premium, a fax":        {body: detected("call.machine.premium.detection.ended", "fax_detected"), by: call.AnsweredFax},
		"premium, silence":      {body: detected("call.machine.premium.detection.ended", "silence")},
		"premium, its greeting": {body: detected("call.machine.premium.greeting.ended", "no_beep_detected"), by: call.AnsweredMachine},

		"completed":              {body: hangup("normal_clearing", "200"), status: call.StatusCompleted, sip: 200},
		"completed, SIP unknown": {body: hangup("normal_clearing", "unspecified"), status: call.StatusCompleted},
		"completed, no SIP code": {body: hangup("normal_clearing", "16"), status: call.StatusCompleted},
		"cleared before":         {body: hangup("normal_clearing", 503), status: call.StatusEnded, sip: 503},
		"time limit":             {body: hangup("time_limit", "200"), status: call.StatusCompleted, sip: 200},
		"busy":                   {body: hangup("user_busy", "486"), status: call.StatusBusy, sip: 486},
		"declined":               {body: hangup("call_rejected", "603"), status: call.StatusBusy, sip: 603},
		"declined, SIP unknown":  {body: hangup("call_rejected", "unspecified"), status: call.StatusBusy},
		"timeout":                {body: hangup("timeout", "487"), status: call.StatusNoAnswer, sip: 487},
		"no answer":              {body: hangup("no_answer", "480"), status: call.StatusNoAnswer, sip: 480},
		"canceled":               {body: hangup("originator_cancel", "487"), status: call.StatusCanceled, sip: 487},
		"unspecified, answered":  {body: hangup("unspecified", "200"), status: call.StatusCompleted, sip: 200},
		"unspecified, busy":      {body: hangup("unspecified", "600"), status: call.StatusBusy, sip: 600},
		"unspecified, away":      {body: hangup("unspecified", "480"), status: call.StatusNoAnswer, sip: 480},
		"unspecified, canceled":  {body: hangup("unspecified", "487"), status: call.StatusCanceled, sip: 487},

		"no such number": {
			body: hangup("not_found", "404"), status: call.StatusFailed, sip: 404, says: notAccepted,
			class: failover.ClassInvalid, outcome: notAccepted, code: "not_found", cause: call.ErrInvalidRecipient,
		},
		"no such number, SIP unknown": {
			body: hangup("not_found", "unspecified"), status: call.StatusFailed, says: notAccepted,
			class: failover.ClassInvalid, outcome: notAccepted, code: "not_found", cause: call.ErrInvalidRecipient,
		},
		"nowhere": {
			body: hangup("unspecified", "604"), status: call.StatusFailed, sip: 604, says: notAccepted,
			class: failover.ClassInvalid, outcome: notAccepted, code: "unspecified", cause: call.ErrInvalidRecipient,
		},
		"rejected by a carrier": {
			body: hangup("call_rejected", "403"), status: call.StatusFailed, sip: 403, says: notAccepted,
			class: failover.ClassUnsupported, outcome: notAccepted, code: "call_rejected",
		},
		"a server's fault": {
			body: hangup("unspecified", "503"), status: call.StatusFailed, sip: 503, class: failover.ClassTransient, outcome: unknown, code: "unspecified",
		},
		"nobody says why": {body: hangup("unspecified", "unspecified"), status: call.StatusFailed, outcome: unknown, code: "unspecified"},
		"a new cause":     {body: hangup("cosmic_rays", nil), status: call.StatusFailed, outcome: unknown, code: "cosmic_rays"},
		"no cause":        {body: callEvent("call.hangup", nil), status: call.StatusFailed, outcome: unknown},
		"too many calls": {
			body: refused("call_rejected", "403", "D1"), status: call.StatusFailed, sip: 403, says: notAccepted,
			class: failover.ClassRateLimited, outcome: notAccepted, code: "D1",
		},
		"no credit": {
			body: refused("not_found", "404", "D19"), status: call.StatusFailed, sip: 404, says: notAccepted,
			class: failover.ClassExhausted, outcome: notAccepted, code: "D19",
		},
		"number that the vendor refuses": {
			body: refused("call_rejected", "403", "D11"), status: call.StatusFailed, sip: 403, says: notAccepted,
			class: failover.ClassInvalid, outcome: notAccepted, code: "D11", cause: call.ErrInvalidRecipient,
		},
		"no route": {
			body: refused("unspecified", "503", "PE1"), status: call.StatusFailed, sip: 503, says: notAccepted,
			class: failover.ClassTransient, outcome: notAccepted, code: "PE1",
		},
		"a new refusal": {
			body: refused("unspecified", "503", "TV1"), status: call.StatusFailed, sip: 503, class: failover.ClassTransient, outcome: unknown, code: "unspecified",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := c.CallUpdate(signed(t, row.body))
			require.NoError(t, err)
			if row.says == unknown {
				row.says = accepted
			}
			assert.Equal(t, row.status, u.Status)
			assert.Equal(t, row.says, u.Outcome())
			assert.Equal(t, row.sip, u.SIP)
			assert.Equal(t, row.by, u.AnsweredBy)
			assert.Equal(t, "v3:x", u.ID)
			assert.Equal(t, "op-1", u.Operation)
			assert.Equal(t, "op-1.2", u.Attempt)
			assert.Equal(t, "pool/telnyx", u.Provider)
			assert.Equal(t, time.Date(2018, 2, 2, 22, 25, 27, 521992e3, time.UTC), u.At)
			assert.Zero(t, u.Duration)
			if row.status != call.StatusFailed {
				assert.Nil(t, u.Err)
				return
			}
			require.NotNil(t, u.Err)
			assert.Equal(t, row.class, u.Err.Class)
			assert.Equal(t, row.outcome, u.Err.Outcome)
			assert.Equal(t, row.code, u.Err.Code)
			assert.Equal(t, row.cause, u.Err.Err)
			hasNoSecrets(t, u.Err)
		})
	}
}

// Whose it is comes from what is signed: replayed to another address, a webhook
// says the same.
func TestAddressOfAWebhookSaysNothing(t *testing.T) {
	t.Parallel()
	c := listener(t)
	elsewhere := &url.URL{Path: "/telnyx", RawQuery: "failover_operation=victim&failover_attempt=victim.1&failover_provider=telnyx"}
	r := signed(t, messageEvent("message.finalized", "delivered", "[]"))
	r.URL = elsewhere
	m, err := c.SMSUpdate(r)
	require.NoError(t, err)
	assert.Equal(t, "op-1", m.Operation)
	r = signed(t, callEvent("call.hangup", map[string]any{"hangup_cause": "not_found"}))
	r.URL = elsewhere
	u, err := c.CallUpdate(r)
	require.NoError(t, err)
	assert.Equal(t, "op-1", u.Operation)

	// And where nothing signed names one, nothing does.
	r = signed(t, `{"data":{"event_type":"message.sent","payload":{"id":"m1","direction":"outbound","to":[{"status":"sent"}]}}}`)
	r.URL = elsewhere
	m, err = c.SMSUpdate(r)
	require.NoError(t, err)
	assert.Empty(t, m.Operation+m.Attempt+m.Provider)
	r = signed(t, callEvent("call.hangup", map[string]any{"client_state": "aGF2ZSBhIG5pY2UgZGF5ID1d"}))
	r.URL = elsewhere
	u, err = c.CallUpdate(r)
	require.NoError(t, err)
	assert.Empty(t, u.Operation+u.Attempt+u.Provider)
}

// Where the first place has no tag, the address that the vendor was given has.
func TestSecondPlaceOfTheTag(t *testing.T) {
	t.Parallel()
	c := listener(t)
	const meta = `"meta":{"delivered_to":"https://example.com/?failover_operation=op-9&failover_attempt=op-9.1&failover_provider=telnyx"}`
	m, err := c.SMSUpdate(signed(t, `{"data":{"event_type":"message.sent","payload":{"id":"m1","webhook_url":null}},`+meta+`}`))
	require.NoError(t, err)
	assert.Equal(t, "op-9", m.Operation)
	for _, state := range []string{`null`, `"aGF2ZSBhIG5pY2UgZGF5ID1d"`, `"no base64"`, `7`, `{}`} {
		u, err := c.CallUpdate(signed(t, `{"data":{"event_type":"call.answered","payload":{"call_control_id":"x","client_state":`+state+`}},`+meta+`}`))
		require.NoError(t, err)
		assert.Equal(t, "op-9", u.Operation, state)
		assert.Equal(t, "op-9.1", u.Attempt, state)
	}
}

// The body is as it came, for whoever reads it next.
func TestBodyCanBeReadAgain(t *testing.T) {
	t.Parallel()
	r := signed(t, callVector)
	c := listener(t)
	for range 2 {
		_, err := c.CallUpdate(r)
		require.NoError(t, err)
	}
	var rest bytes.Buffer
	_, err := rest.ReadFrom(r.Body)
	require.NoError(t, err)
	assert.Equal(t, callVector, rest.String())
}
