package contract_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	twilioMessages = "/2010-04-01/Accounts/{AccountSid}/Messages.json"
	twilioCalls    = "/2010-04-01/Accounts/{AccountSid}/Calls.json"
)

func startTwilio(t *testing.T) (*vendorsim.Telephony, *tap, *spec, *twilio.Client) {
	t.Helper()
	sim := vendorsim.Twilio(twilioSID, key)
	t.Cleanup(sim.Close)
	s := load(t, "twilio.json", sim.URL(), func(*openapi3.T) {})
	wire := &tap{next: sim.Client().Transport}
	client, err := twilio.New(twilioSID, key,
		twilio.WithBaseURL(sim.URL()), twilio.WithHTTPClient(&http.Client{Transport: wire}),
		twilio.WithSenders(sms.Senders{"": "+15550002002", "alerts": "MG" + twilioSID[2:], "brand": "ACME"}),
		twilio.WithCallers(call.Callers{"": "+15550002002"}), twilio.WithConnections(call.Connections{"ivr": "AP" + twilioSID[2:]}))
	require.NoError(t, err)
	return sim, wire, s, client
}

// attempt runs do as a router runs an attempt, so that callbacks are tagged.
func attempt(t *testing.T, do func(ctx context.Context)) {
	t.Helper()
	p := failover.Wrap("pool", func(ctx context.Context, _ string) (string, error) { do(ctx); return "done", nil })
	p.SideEffect = true
	r, err := failover.New(failover.Providers(p))
	require.NoError(t, err)
	_, err = r.Do(failover.Operation(t.Context(), "order 7: shipped"), "")
	require.NoError(t, err)
	require.NoError(t, r.Close())
}

// fieldsOf are the names in a form.
func fieldsOf(t *testing.T, x exchange) []string {
	t.Helper()
	form, err := url.ParseQuery(string(x.body))
	require.NoError(t, err)
	var names []string
	for name := range form {
		names = append(names, name)
	}
	return names
}

func TestTwilioMessages(t *testing.T) {
	t.Parallel()
	_, wire, s, client := startTwilio(t)
	var sent []string
	for _, m := range []sms.Message{
		{To: "+15550001001", Body: "Hello."},
		{To: "+15550001001", From: "alerts", Body: strings.Repeat("Grüße & 100 % + 👍\n", 50)},
		{To: "+15550001001", From: "brand", Body: "Hello."},
		{
			To: "+15550001001", Body: "Hello.", Media: []string{"https://a.test/1", "https://a.test/2?x=1&y=2"},
			StatusCallback: "https://app.test/status?b=1&a=2", Validity: 10 * time.Hour,
		},
		{To: "+15550001001", Media: []string{"https://a.test/1"}, Validity: time.Second},
	} {
		attempt(t, func(ctx context.Context) {
			receipt, err := client.SMS().Do(ctx, m)
			require.NoError(t, err)
			assert.NotEmpty(t, receipt.ID)
		})
		x := wire.last(t)
		s.holds(t, x)
		s.knowsAnswer(t, twilioMessages, x)
		sent = append(sent, fieldsOf(t, x)...)
	}
	for _, name := range []string{"To", "From", "MessagingServiceSid", "Body", "MediaUrl", "StatusCallback", "ValidityPeriod"} {
		assert.Contains(t, sent, name)
	}
}

func TestTwilioCalls(t *testing.T) {
	t.Parallel()
	_, wire, s, client := startTwilio(t)
	var sent []string
	for _, r := range []call.Request{
		{To: "+15550001001", AudioURL: "https://a.test/hello.mp3?x=1&y=2"},
		{To: "+15550001001", TwiML: "<Response><Say>Grüße</Say></Response>", MachineDetection: call.DetectMachine},
		{To: "sip:anna@example.com", Connection: "ivr"},
		{
			To: "+15550001001", AnswerURL: "https://app.test/answer", RingTimeout: 10 * time.Minute, TimeLimit: 4 * time.Hour,
			MachineDetection: call.DetectGreetingEnd, Record: true, StatusCallback: "https://app.test/status?b=1&a=2",
		},
	} {
		attempt(t, func(ctx context.Context) {
			placed, err := client.Call().Do(ctx, r)
			require.NoError(t, err)
			assert.NotEmpty(t, placed.ID)
		})
		x := wire.last(t)
		s.holds(t, x)
		s.knowsAnswer(t, twilioCalls, x)
		sent = append(sent, fieldsOf(t, x)...)
	}
	for _, name := range []string{
		"To", "From", "Url", "Twiml", "ApplicationSid", "StatusCallback", "StatusCallbackEvent", "Timeout", "TimeLimit", "MachineDetection", "Record",
	} {
		assert.Contains(t, sent, name)
	}
}
