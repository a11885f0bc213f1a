package vendorsim_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

// askTelnyx sends a JSON object, or nothing, with the key.
func askTelnyx(t *testing.T, s *vendorsim.Telephony, method, path, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	assert.NotEmpty(t, resp.Header.Get("X-Request-Id"))
	assert.Equal(t, "1000", resp.Header.Get("X-Ratelimit-Limit"))
	return resp.StatusCode, object(t, got)
}

// fields are those of a JSON object.
type fields map[string]any

// with sets a field, or takes it away.
func (f fields) with(name string, value any) string {
	all := fields{}
	maps.Copy(all, f)
	if all[name] = value; value == nil {
		delete(all, name)
	}
	return all.String()
}

func (f fields) String() string {
	b, err := json.Marshal(map[string]any(f))
	if err != nil {
		panic(err)
	}
	return string(b)
}

var (
	telnyxText = fields{"to": callee, "from": caller, "text": "Hello."}
	telnyxCall = fields{"to": callee, "from": caller, "connection_id": "1234567890"}
)

const uuid = `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`

func TestTelnyxMessage(t *testing.T) {
	t.Parallel()
	s := vendorsim.Telnyx(key)
	defer s.Close()
	hook := callback + "?failover_operation=op&failover_attempt=op.1&failover_provider=telnyx"
	status, answer := askTelnyx(t, s, http.MethodPost, "/v2/messages", telnyxText.with("webhook_url", hook))
	require.Equal(t, 200, status, "%v", answer)
	id, _ := at(answer, "data", "id").(string)
	assert.Regexp(t, uuid, id)
	assert.Equal(t, "message", at(answer, "data", "record_type"))
	assert.Equal(t, "outbound", at(answer, "data", "direction"))
	assert.Equal(t, "SMS", at(answer, "data", "type"))
	assert.Equal(t, "Hello.", at(answer, "data", "text"))
	assert.Equal(t, caller, at(answer, "data", "from", "phone_number"))
	assert.Equal(t, callee, at(answer, "data", "to", 0, "phone_number"))
	assert.Equal(t, "queued", at(answer, "data", "to", 0, "status"))
	assert.InDelta(t, 1, at(answer, "data", "parts"), 0)
	assert.Equal(t, "GSM-7", at(answer, "data", "encoding"))
	assert.Equal(t, hook, at(answer, "data", "webhook_url"))
	assert.Empty(t, at(answer, "data", "errors"))
	assert.Nil(t, at(answer, "data", "sent_at"))

	e, ok := s.Ledger.Find(id)
	require.True(t, ok)
	assert.Equal(t, "op", e.Operation)
	assert.Equal(t, "op.1", e.Attempt)
	assert.Equal(t, "telnyx", e.Provider)
	assert.Equal(t, "Hello.", e.Body)
	assert.Equal(t, callee, e.Fields.Get("to"))
	assert.Equal(t, 1, s.Ledger.Count("op"))

	require.NoError(t, s.Ledger.SetStatus(id, "delivery_failed", "40001"))
	status, answer = askTelnyx(t, s, http.MethodGet, "/v2/messages/"+id, "")
	require.Equal(t, 200, status)
	assert.Equal(t, "delivery_failed", at(answer, "data", "to", 0, "status"))
	assert.Equal(t, "40001", at(answer, "data", "errors", 0, "code"))
	assert.Equal(t, "Not routable", at(answer, "data", "errors", 0, "title"))
	assert.NotNil(t, at(answer, "data", "completed_at"))

	status, answer = askTelnyx(t, s, http.MethodPost, "/v2/messages",
		fields{"to": callee, "messaging_profile_id": "p", "text": strings.Repeat("ж", 71), "media_urls": []string{"https://app.test/a.png"}}.String())
	require.Equal(t, 200, status, "%v", answer)
	assert.Equal(t, "MMS", at(answer, "data", "type"))
	assert.Equal(t, "UCS-2", at(answer, "data", "encoding"))
	assert.InDelta(t, 2, at(answer, "data", "parts"), 0)
	assert.Equal(t, "https://app.test/a.png", at(answer, "data", "media", 0, "url"))
	assert.JSONEq(t, `["https://app.test/a.png"]`, s.Ledger.Entries()[1].Fields.Get("media_urls"))
}

func TestTelnyxRefuses(t *testing.T) {
	t.Parallel()
	s := vendorsim.Telnyx(key)
	defer s.Close()
	for name, c := range map[string]struct {
		path, body, code, pointer, says string
		status                          int
	}{
		"no JSON":          {"/v2/messages", `{"to"`, "10015", "", "", 400},
		"no object":        {"/v2/messages", `[]`, "10015", "", "", 400},
		"wrong type":       {"/v2/messages", telnyxText.with("to", 1), "10015", "", "", 400},
		"no recipient":     {"/v2/messages", telnyxText.with("to", nil), "10004", "/to", "", 422},
		"bad recipient":    {"/v2/messages", telnyxText.with("to", "+1555"), "10002", "/to", "+1555", 400},
		"no sender":        {"/v2/messages", telnyxText.with("from", nil), "10004", "/from", "", 422},
		"bad sender":       {"/v2/messages", telnyxText.with("from", "+1555"), "40305", "/from", "+1555", 400},
		"no text":          {"/v2/messages", telnyxText.with("text", nil), "10004", "/text", "", 422},
		"long text":        {"/v2/messages", telnyxText.with("text", strings.Repeat("x", 1531)), "40302", "/text", "", 400},
		"bad webhook":      {"/v2/messages", telnyxText.with("webhook_url", "app.test"), "10003", "/webhook_url", "app.test", 422},
		"no callee":        {"/v2/calls", telnyxCall.with("to", nil), "10004", "/to", "", 422},
		"bad callee":       {"/v2/calls", telnyxCall.with("to", "5550001"), "10016", "/to", "5550001", 422},
		"no caller":        {"/v2/calls", telnyxCall.with("from", nil), "10004", "/from", "", 422},
		"bad caller":       {"/v2/calls", telnyxCall.with("from", "5550001"), "10016", "/from", "5550001", 422},
		"no connection":    {"/v2/calls", telnyxCall.with("connection_id", nil), "10004", "/connection_id", "", 422},
		"bad call webhook": {"/v2/calls", telnyxCall.with("webhook_url", "app.test"), "10003", "/webhook_url", "app.test", 422},
		"bad state":        {"/v2/calls", telnyxCall.with("client_state", "?"), "10015", "/client_state", "", 422},
		"no call's JSON":   {"/v2/calls", `null`, "10015", "", "", 400},
		"call to hang up":  {"/v2/calls/v3:x/actions/hangup", `{}`, "90015", "/call_control_id", "", 422},
		"unknown path":     {"/v2/faxes", `{}`, "10005", "", "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			status, answer := askTelnyx(t, s, http.MethodPost, c.path, c.body)
			assert.Equal(t, c.status, status)
			assert.Equal(t, c.code, at(answer, "errors", 0, "code"))
			assert.NotEmpty(t, at(answer, "errors", 0, "title"))
			assert.Contains(t, at(answer, "errors", 0, "detail"), c.says)
			pointer, _ := at(answer, "errors", 0, "source", "pointer").(string)
			assert.Equal(t, c.pointer, pointer)
		})
	}
	for _, path := range []string{"/v2/messages/1", "/v2/calls/1", "/v1/balance", "/"} {
		status, answer := askTelnyx(t, s, http.MethodGet, path, "")
		assert.Equal(t, 404, status)
		assert.Equal(t, "10005", at(answer, "errors", 0, "code"))
	}
	assert.Empty(t, s.Ledger.Entries())

	for _, value := range []string{"", "Bearer other", "Basic " + key} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+"/v2/balance", http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", value)
		resp, err := s.Client().Do(req)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, 401, resp.StatusCode)
		assert.Equal(t, "10009", at(object(t, body), "errors", 0, "code"))
	}
}

func TestTelnyxBalance(t *testing.T) {
	t.Parallel()
	s := vendorsim.Telnyx(key)
	defer s.Close()
	for _, c := range []struct {
		dollars float64
		text    string
	}{{100, "100.00"}, {0.5, "0.50"}, {-3, "-3.00"}} {
		s.SetFunds(c.dollars)
		status, answer := askTelnyx(t, s, http.MethodGet, "/v2/balance", "")
		assert.Equal(t, 200, status)
		assert.Equal(t, c.text, at(answer, "data", "balance"))
		assert.Equal(t, c.text, at(answer, "data", "available_credit"))
		assert.Equal(t, "USD", at(answer, "data", "currency"))
		assert.Equal(t, "balance", at(answer, "data", "record_type"))
	}
}

// state is a client state as the adapters write it.
const state = `{"operation":"op","attempt":"op.1","provider":"telnyx"}`

func TestTelnyxCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer s.Close()
		encoded := base64.StdEncoding.EncodeToString([]byte(state))
		status, answer := askTelnyx(t, s, http.MethodPost, "/v2/calls", telnyxCall.with("client_state", encoded))
		require.Equal(t, 200, status, "%v", answer)
		id, _ := at(answer, "data", "call_control_id").(string)
		assert.Regexp(t, `^v3:[A-Za-z0-9_-]+$`, id)
		assert.Regexp(t, uuid, at(answer, "data", "call_leg_id"))
		assert.Regexp(t, uuid, at(answer, "data", "call_session_id"))
		assert.Equal(t, true, at(answer, "data", "is_alive"))
		assert.Equal(t, "call", at(answer, "data", "record_type"))
		assert.Equal(t, encoded, at(answer, "data", "client_state"))

		e, ok := s.Ledger.Find(id)
		require.True(t, ok)
		assert.Equal(t, "op", e.Operation)
		assert.Equal(t, "op.1", e.Attempt)
		assert.Equal(t, "telnyx", e.Provider)
		assert.Equal(t, 1, s.Ledger.Count("op"))

		<-time.After(30 * time.Second)
		status, answer = askTelnyx(t, s, http.MethodGet, "/v2/calls/"+id, "")
		assert.Equal(t, 200, status)
		assert.Equal(t, true, at(answer, "data", "is_alive"))
		status, answer = askTelnyx(t, s, http.MethodPost, "/v2/calls/"+id+"/actions/hangup", `{}`)
		assert.Equal(t, 200, status)
		assert.Equal(t, "ok", at(answer, "data", "result"))
		e, _ = s.Ledger.Find(id)
		assert.Equal(t, "hangup", e.Status)
		assert.Equal(t, "normal_clearing", e.Code)
		<-time.After(time.Minute)
		_, answer = askTelnyx(t, s, http.MethodGet, "/v2/calls/"+id, "")
		assert.Equal(t, false, at(answer, "data", "is_alive"))
		assert.InDelta(t, 30, at(answer, "data", "call_duration"), 0)
		status, answer = askTelnyx(t, s, http.MethodPost, "/v2/calls/"+id+"/actions/hangup", `{}`)
		assert.Equal(t, 422, status)
		assert.Equal(t, "90018", at(answer, "errors", 0, "code"))

		// A state that is not ours says nothing; the address may.
		status, answer = askTelnyx(t, s, http.MethodPost, "/v2/calls", fields{
			"to": callee, "from": caller, "connection_id": "1", "client_state": base64.StdEncoding.EncodeToString([]byte("{}")),
			"webhook_url": callback + "?failover_operation=op2",
		}.String())
		require.Equal(t, 200, status, "%v", answer)
		assert.Equal(t, 1, s.Ledger.Count("op2"))
	})
}

// TestTelnyxCommands repeats a dial.
func TestTelnyxCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer s.Close()
		dial := func(command any) any {
			status, answer := askTelnyx(t, s, http.MethodPost, "/v2/calls", telnyxCall.with("command_id", command))
			require.Equal(t, 200, status, "%v", answer)
			return at(answer, "data", "call_control_id")
		}
		first := dial("a")
		require.NotNil(t, first)
		<-time.After(59 * time.Second)
		assert.Equal(t, first, dial("a"), "a repeat is ignored")
		assert.NotEqual(t, first, dial("b"))
		all := s.Ledger.Entries()
		require.Len(t, all, 2)
		assert.Equal(t, "a", all[0].CommandID)
		assert.Equal(t, 1, all[0].Ignored)
		assert.Zero(t, all[1].Ignored)

		s.AnswerRepeats(false)
		assert.Nil(t, dial("b"), "no more is promised than that it is ignored")
		assert.Len(t, s.Ledger.Entries(), 2)
		s.AnswerRepeats(true)

		// The vendor forgets: the minute runs from the first one.
		<-time.After(time.Second)
		assert.NotEqual(t, first, dial("a"))
		assert.Len(t, s.Ledger.Entries(), 3)

		// Without a command every dial is a call.
		assert.NotEqual(t, dial(nil), dial(nil))
		assert.Len(t, s.Ledger.Entries(), 5)

		// The answer to the first one is lost.
		s.Fail(vendorsim.Processed(vendorsim.HangUp()))
		path, contentType, request := carriers["telnyx"].call(callee, caller, "https://app.test/c")
		_, _, err := carriers["telnyx"].send(t.Context(), s, path, contentType, request)
		require.ErrorIs(t, err, io.EOF)
		_, _, err = carriers["telnyx"].send(t.Context(), s, path, contentType, request)
		require.NoError(t, err)
		assert.Equal(t, 1, s.Ledger.Count("https://app.test/c"))

		// Many at once.
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() { dial("d") })
		}
		wg.Wait()
		last := s.Ledger.Entries()[6]
		assert.Equal(t, "d", last.CommandID)
		assert.Equal(t, 19, last.Ignored)
		assert.Len(t, s.Ledger.Entries(), 7)
	})
}

func TestTelnyxRefusesOnCommand(t *testing.T) {
	t.Parallel()
	s := vendorsim.Telnyx(key)
	defer s.Close()
	for _, c := range []struct {
		fault          vendorsim.Fault
		status         int
		code, pointer  string
		titleIncluding string
	}{
		{vendorsim.Status(400), 400, "10015", "", "Bad Request"},
		{vendorsim.Status(401), 401, "10009", "", "Authentication"},
		{vendorsim.Status(401).Code("20002"), 401, "20002", "", "revoked"},
		{vendorsim.Status(402), 402, "20100", "", "Funds"},
		{vendorsim.Status(403), 403, "10010", "", "Authorization"},
		{vendorsim.Status(404), 404, "10005", "", "not found"},
		{vendorsim.Status(408), 408, "10008", "", "timeout"},
		{vendorsim.Status(422), 422, "10016", "/to", "E.164"},
		{vendorsim.Status(429), 429, "10011", "", "Too many"},
		{vendorsim.Status(500), 500, "10007", "", "Unexpected"},
		{vendorsim.Status(502), 502, "10007", "", "Unexpected"},
		{vendorsim.Status(503), 503, "10007", "", "Unexpected"},
		{vendorsim.Status(400).Code("40300"), 400, "40300", "", "Blocked due to STOP message"},
		{vendorsim.Status(400).Code("40999"), 400, "40999", "", "Refused"},
	} {
		s.Fail(c.fault)
		status, answer := askTelnyx(t, s, http.MethodPost, "/v2/messages", telnyxText.String())
		assert.Equal(t, c.status, status)
		assert.Equal(t, c.code, at(answer, "errors", 0, "code"))
		assert.Contains(t, at(answer, "errors", 0, "title"), c.titleIncluding)
		assert.Contains(t, at(answer, "errors", 0, "detail"), vendorsim.RefusedNumber)
		pointer, _ := at(answer, "errors", 0, "source", "pointer").(string)
		assert.Equal(t, c.pointer, pointer)
	}
	assert.Empty(t, s.Ledger.Entries())
}

// TestTelnyxSigns uses the key of the second test of RFC 8032 and what openssl
// makes of it.
func TestTelnyxSigns(t *testing.T) {
	t.Parallel()
	seed, err := hex.DecodeString("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")
	require.NoError(t, err)
	assert.Equal(t, "yIFWR8orWSOA0wBzCcUR5jBuCTcj6axc4kCOZLkWu/sTNR/zTN1pt3vfN5Synwx9zKd1i5/ybX06NvnVbfo3BQ==",
		vendorsim.TelnyxSign(ed25519.NewKeyFromSeed(seed), "1700000000", []byte(`{"data":{"event_type":"call.hangup"}}`)))
}

// checkTelnyx reads a webhook and checks its signature with the public key.
func checkTelnyx(t *testing.T, s *vendorsim.Telephony, header http.Header, body []byte) map[string]any {
	t.Helper()
	public, err := base64.StdEncoding.DecodeString(s.PublicKey())
	require.NoError(t, err)
	signature, err := base64.StdEncoding.DecodeString(header.Get("Telnyx-Signature-Ed25519"))
	require.NoError(t, err)
	timestamp := header.Get("Telnyx-Timestamp")
	assert.True(t, ed25519.Verify(public, []byte(timestamp+"|"+string(body)), signature))
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), time.Unix(seconds, 0), time.Second)
	answer := object(t, body)
	assert.Equal(t, "event", at(answer, "data", "record_type"))
	assert.Regexp(t, uuid, at(answer, "data", "id"))
	assert.InDelta(t, 1, at(answer, "meta", "attempt"), 0)
	_, err = time.Parse(time.RFC3339Nano, at(answer, "data", "occurred_at").(string))
	require.NoError(t, err)
	return answer
}

func TestTelnyxTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer s.Close()
		app := program(t, 200)
		hook := app.URL() + "/hook?failover_operation=op"
		encoded := base64.StdEncoding.EncodeToString([]byte(state))
		told := func(id, status, code string) map[string]any {
			got, err := s.Deliver(t.Context(), app.Client(), id, status, code)
			require.NoError(t, err)
			assert.Equal(t, 200, got)
			all := app.Requests()
			last := all[len(all)-1]
			assert.Equal(t, "application/json", last.Header.Get("Content-Type"))
			event := checkTelnyx(t, s, last.Header, last.Body)
			assert.Equal(t, hook, at(event, "meta", "delivered_to"))
			return event
		}

		_, answer := askTelnyx(t, s, http.MethodPost, "/v2/messages", telnyxText.with("webhook_url", hook))
		text := at(answer, "data", "id").(string)
		_, err := s.Callback(t.Context(), text)
		require.ErrorContains(t, err, "queued", "the vendor does not tell of that")
		event := told(text, "sent", "")
		assert.Equal(t, "message.sent", at(event, "data", "event_type"))
		assert.Equal(t, text, at(event, "data", "payload", "id"))
		assert.Equal(t, hook, at(event, "data", "payload", "webhook_url"))
		assert.Equal(t, "sent", at(event, "data", "payload", "to", 0, "status"))
		assert.Empty(t, at(event, "data", "payload", "errors"))
		first := at(event, "data", "id")
		event = told(text, "delivery_failed", "40002")
		assert.Equal(t, "message.finalized", at(event, "data", "event_type"))
		assert.Equal(t, "40002", at(event, "data", "payload", "errors", 0, "code"))
		assert.NotEqual(t, first, at(event, "data", "id"))

		_, answer = askTelnyx(t, s, http.MethodPost, "/v2/calls", fields{
			"to": callee, "from": caller, "connection_id": "7", "webhook_url": hook, "client_state": encoded,
		}.String())
		call := at(answer, "data", "call_control_id").(string)
		for _, c := range []struct {
			status, code string
			sent         map[string]any
		}{
			{status: "initiated", sent: map[string]any{"state": "bridging", "direction": "outgoing"}},
			{status: "answered", sent: map[string]any{"state": "answered"}},
			{status: "hangup", sent: map[string]any{"state": "hangup", "hangup_cause": "normal_clearing", "sip_hangup_cause": "200"}},
			{status: "hangup", code: "user_busy", sent: map[string]any{"hangup_cause": "user_busy", "sip_hangup_cause": "486"}},
			{status: "hangup", code: "timeout", sent: map[string]any{"hangup_cause": "timeout", "sip_hangup_cause": "487"}},
			{status: "hangup", code: "call_rejected", sent: map[string]any{"hangup_cause": "call_rejected", "sip_hangup_cause": "603"}},
			{status: "hangup", code: "other", sent: map[string]any{"hangup_cause": "other", "sip_hangup_cause": "unspecified"}},
		} {
			event := told(call, c.status, c.code)
			assert.Equal(t, "call."+c.status, at(event, "data", "event_type"))
			assert.Equal(t, call, at(event, "data", "payload", "call_control_id"))
			assert.Equal(t, at(answer, "data", "call_leg_id"), at(event, "data", "payload", "call_leg_id"))
			assert.Equal(t, encoded, at(event, "data", "payload", "client_state"))
			assert.Equal(t, "7", at(event, "data", "payload", "connection_id"))
			for name, value := range c.sent {
				assert.Equal(t, value, at(event, "data", "payload", name), name)
			}
		}

		_, answer = askTelnyx(t, s, http.MethodPost, "/v2/calls", telnyxCall.String())
		_, err = s.Callback(t.Context(), at(answer, "data", "call_control_id").(string))
		require.ErrorContains(t, err, "no address")
	})
}
