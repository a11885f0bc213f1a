package contract_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

const (
	telnyxMessages = "/messages"
	telnyxCalls    = "/calls"
	telnyxProfile  = "4000eba1-a0c0-4563-9925-b25e842a7cb6"
)

func startTelnyx(t *testing.T) (*vendorsim.Telephony, *tap, *spec, *telnyx.Client) {
	t.Helper()
	sim := vendorsim.Telnyx(key)
	t.Cleanup(sim.Close)
	s := load(t, "telnyx.json", sim.URL()+"/v2", func(*openapi3.T) {})
	wire := &tap{next: sim.Client().Transport}
	client, err := telnyx.New(key, telnyx.WithBaseURL(sim.URL()), telnyx.WithHTTPClient(&http.Client{Transport: wire}),
		telnyx.WithSenders(sms.Senders{"": "+15005550001", "pool": telnyxProfile, "shop": "ACME"}), telnyx.WithMessagingProfile(telnyxProfile),
		telnyx.WithCallers(call.Callers{"": "+15005550001"}), telnyx.WithConnections(call.Connections{"": "1494404757140276705"}))
	require.NoError(t, err)
	return sim, wire, s, client
}

// texts are messages that use everything a message has.
func texts() map[string]sms.Message {
	return map[string]sms.Message{
		"text":      {To: "+15005550106", Body: "It is on its way."},
		"long":      {To: "+15005550106", Body: "Ünicode " + string(bytes.Repeat([]byte("word "), 50))},
		"callback":  {To: "+15005550106", Body: "Hello.", StatusCallback: "https://example.com/hooks?a=b", Validity: time.Minute},
		"media":     {To: "+15005550106", Body: "Look.", Media: []string{"https://example.com/a.png"}},
		"pool":      {To: "+15005550106", Body: "Hello.", From: "pool"},
		"sender id": {To: "+15005550106", Body: "Hello.", From: "shop"},
	}
}

// dials are calls that use everything a call has.
func dials() map[string]call.Request {
	const callback, answer = "https://example.com/hooks", "https://example.com/answer"
	return map[string]call.Request{
		"plain":      {To: "+15005550106"},
		"file":       {To: "+15005550106", AudioURL: "https://example.com/a.mp3", StatusCallback: callback},
		"events":     {To: "+15005550106", AnswerURL: answer, StatusCallback: callback},
		"connection": {To: "+15005550106", StatusCallback: callback},
		"everything": {
			To: "+15005550106", AnswerURL: answer, StatusCallback: callback, RingTimeout: 25 * time.Second, TimeLimit: 10 * time.Minute,
			MachineDetection: call.DetectGreetingEnd, Record: true,
		},
		"detection": {To: "+15005550106", MachineDetection: call.DetectMachine, TimeLimit: 4 * time.Hour, RingTimeout: 10 * time.Minute},
	}
}

// Inside a router, so that ids and states are sent too.
func TestTelnyxMessages(t *testing.T) {
	t.Parallel()
	_, wire, s, client := startTelnyx(t)
	messages, err := sms.New(failover.Providers(client.SMS()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = messages.Close() })
	for name, m := range texts() {
		_, err := messages.Send(failover.Operation(t.Context(), name), m)
		require.NoError(t, err, name)
		s.holds(t, wire.last(t))
		assert.Equal(t, "Bearer "+key, wire.last(t).request.Header.Get("Authorization"))
	}
}

func TestTelnyxCalls(t *testing.T) {
	t.Parallel()
	_, wire, s, client := startTelnyx(t)
	calls, err := call.New([]call.Provider{client.Call()})
	require.NoError(t, err)
	t.Cleanup(func() { _ = calls.Close() })
	for name, req := range dials() {
		_, err := calls.MakeCall(failover.Operation(t.Context(), name), req)
		require.NoError(t, err, name)
		s.holds(t, wire.last(t))
		var sent map[string]any
		require.NoError(t, json.Unmarshal(wire.last(t).body, &sent))
		assert.NotEmpty(t, sent["command_id"])
		assert.NotEmpty(t, sent["client_state"])
	}
}

// Fields that the description gives values for have all of those that the
// adapter sends, and no others pass.
func TestTelnyxValues(t *testing.T) {
	t.Parallel()
	_, wire, s, client := startTelnyx(t)
	_, err := client.Call().Do(t.Context(), dials()["everything"])
	require.NoError(t, err)
	x := wire.last(t)
	schema := s.doc.Paths.Find(telnyxCalls).Post.RequestBody.Value.Content["application/json"].Schema
	require.NoError(t, s.conforms(schema, x.body))
	for from, to := range map[string]string{
		`"greeting_end"`:           `"greeting"`,
		`"record-from-answer"`:     `"record"`,
		`"time_limit_secs":600`:    `"time_limit_secs":6`,
		`"timeout_secs":25`:        `"timeout_secs":"25"`,
		`"retry_on_timeout":false`: `"retry_on_timeout":"no"`,
		`"to":`:                    `"two":`,
	} {
		require.Contains(t, string(x.body), from)
		require.Error(t, s.conforms(schema, bytes.Replace(x.body, []byte(from), []byte(to), 1)), "the check can fail")
	}
}

// The simulator says no as the vendor does.
func TestTelnyxRefusals(t *testing.T) {
	t.Parallel()
	sim, wire, s, client := startTelnyx(t)
	for _, status := range []int{400, 401, 403, 422, 429} {
		sim.Fail(vendorsim.Status(status), vendorsim.Status(status))
		_, err := client.SMS().Do(t.Context(), texts()["text"])
		require.Error(t, err)
		s.answers(t, http.MethodPost, telnyxMessages, wire.last(t))
		_, err = client.Call().Do(t.Context(), dials()["plain"])
		require.Error(t, err)
		s.answers(t, http.MethodPost, telnyxCalls, wire.last(t))
	}
	for _, status := range []int{500, 503} { // the description has none for messages
		sim.Fail(vendorsim.Status(status))
		_, err := client.Call().Do(t.Context(), dials()["plain"])
		require.Error(t, err)
		s.answers(t, http.MethodPost, telnyxCalls, wire.last(t))
	}
	sim.OptOut("+15005550106")
	_, err := client.SMS().Do(t.Context(), texts()["text"])
	require.ErrorIs(t, err, sms.ErrOptedOut)
	s.answers(t, http.MethodPost, telnyxMessages, wire.last(t))
}
