package contract_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const (
	twilioSID = "AC0123456789abcdef0123456789abcdef"
)

// simulated sends one request to a simulator, without an adapter between.
func simulated(t *testing.T, sim *vendorsim.Telephony, method, path, contentType, body string) exchange {
	t.Helper()
	wire := &tap{next: sim.Client().Transport}
	req, err := http.NewRequestWithContext(t.Context(), method, sim.URL()+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Authorization", "Bearer "+key)
	if sim.Vendor.Name == "twilio" {
		req.SetBasicAuth(twilioSID, key)
	}
	resp, err := (&http.Client{Transport: wire}).Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	return wire.last(t)
}

// knowsAnswer checks that an answer to POST is as described, and that every
// field of it is one of the description.
func (s *spec) knowsAnswer(t *testing.T, path string, x exchange) {
	t.Helper()
	s.answers(t, http.MethodPost, path, x)
	var answer map[string]any
	require.NoError(t, json.Unmarshal(x.answer, &answer))
	schema := s.doc.Paths.Find(path).Post.Responses.Status(x.status).Value.Content["application/json"].Schema
	for name, property := range fields(schema) {
		if property.Value.Type.Is("object") && len(property.Value.Properties) == 0 {
			delete(answer, name) // anything may be in it
		}
	}
	knowsFields(t, "", answer, schema)
}

// The simulator of Twilio answers as its description says. Errors are not in
// it, and neither are lists, but what lists are of is.
func TestTwilioAnswers(t *testing.T) {
	t.Parallel()
	sim := vendorsim.Twilio(twilioSID, key)
	t.Cleanup(sim.Close)
	s := load(t, "twilio.json", sim.URL(), func(*openapi3.T) {})
	for _, c := range []struct {
		path     string
		statuses map[string]string // and codes
		forms    []url.Values
	}{
		{"Messages.json", map[string]string{
			"queued": "", "sending": "", "sent": "", "delivered": "", "undelivered": "30005", "failed": "30008", "canceled": "",
		}, []url.Values{
			{"To": {"+15550001001"}, "From": {"+15550002002"}, "Body": {"Hello."}},
			{"To": {"+15550001001"}, "MessagingServiceSid": {"MG" + twilioSID[2:]}, "Body": {"👍"}, "MediaUrl": {"https://a.test/1", "https://a.test/2"}},
		}},
		{"Calls.json", map[string]string{
			"queued": "", "ringing": "", "in-progress": "", "completed": "200", "busy": "486", "failed": "503", "no-answer": "", "canceled": "",
		}, []url.Values{
			{"To": {"+15550001001"}, "From": {"+15550002002"}, "Twiml": {"<Response/>"}},
			{"To": {"sip:a@b.test"}, "From": {"client:a"}, "Url": {"https://a.test"}, "StatusCallback": {"https://a.test"}},
		}},
	} {
		path := "/2010-04-01/Accounts/{AccountSid}/" + c.path
		for _, form := range c.forms {
			x := simulated(t, sim, http.MethodPost, strings.Replace(path, "{AccountSid}", twilioSID, 1), "application/x-www-form-urlencoded", form.Encode())
			require.Equal(t, 201, x.status, "%s", x.answer)
			s.knowsAnswer(t, path, x)
			var made struct {
				SID string `json:"sid"`
				URI string `json:"uri"`
			}
			require.NoError(t, json.Unmarshal(x.answer, &made))
			for status, code := range c.statuses {
				require.NoError(t, sim.Ledger.SetStatus(made.SID, status, code))
				x := simulated(t, sim, http.MethodGet, made.URI, "", "")
				require.Equal(t, 200, x.status)
				x.status = 201 // the answer is the same, and only that of making it is described
				s.knowsAnswer(t, path, x)
			}
		}
		var list map[string]json.RawMessage
		x := simulated(t, sim, http.MethodGet, strings.Replace(path, "{AccountSid}", twilioSID, 1), "", "")
		require.NoError(t, json.Unmarshal(x.answer, &list))
		var items []json.RawMessage
		require.NoError(t, json.Unmarshal(list[strings.ToLower(strings.TrimSuffix(c.path, ".json"))], &items))
		require.Len(t, items, len(c.forms))
		for _, item := range items {
			x.status, x.answer = 201, item
			s.knowsAnswer(t, path, x)
		}
	}
}

// The simulator of Telnyx answers as its description says, errors included.
func TestTelnyxAnswers(t *testing.T) {
	t.Parallel()
	sim := vendorsim.Telnyx(key)
	t.Cleanup(sim.Close)
	s := load(t, "telnyx.json", sim.URL()+"/v2", func(*openapi3.T) {})
	const text, call = `{"to":"+15550001001","from":"+15550002002","text":"Hello.","webhook_url":"https://a.test"}`,
		`{"to":"+15550001001","from":"+15550002002","connection_id":"1","client_state":"e30=","webhook_url":"https://a.test"}`
	for _, c := range []struct {
		path, good string
		statuses   map[string]string // and codes
		bad        []string
	}{
		{"/messages", text, map[string]string{
			"queued": "", "sending": "", "sent": "", "delivered": "", "sending_failed": "40008", "delivery_failed": "40001", "expired": "40014",
			"delivery_unconfirmed": "",
		}, []string{`{`, `{}`, strings.Replace(text, "Hello.", "", 1), strings.Replace(text, "+15550001001", "1", 1), strings.Replace(text, "https", "x", 1)}},
		{
			"/calls", call,
			map[string]string{"initiated": "", "answered": "", "hangup": "user_busy"},
			[]string{`{`, `{}`, strings.Replace(call, "+15550001001", "1", 1), strings.Replace(call, "e30=", "?", 1)},
		},
	} {
		x := simulated(t, sim, http.MethodPost, "/v2"+c.path, "application/json", c.good)
		require.Equal(t, 200, x.status, "%s", x.answer)
		s.holds(t, x)
		s.knowsAnswer(t, c.path, x)
		id := sim.Ledger.Entries()[len(sim.Ledger.Entries())-1].ID
		for status, code := range c.statuses {
			require.NoError(t, sim.Ledger.SetStatus(id, status, code))
			got := simulated(t, sim, http.MethodGet, "/v2"+c.path+"/"+id, "", "")
			require.Equal(t, 200, got.status)
			s.knowsAnswer(t, c.path, got)
		}
		for _, body := range c.bad {
			x := simulated(t, sim, http.MethodPost, "/v2"+c.path, "application/json", body)
			assert.GreaterOrEqual(t, x.status, 400, body)
			s.answers(t, http.MethodPost, c.path, x)
		}
		for _, status := range []int{400, 401, 402, 403, 404, 422, 429, 500, 503} {
			if status >= 500 && c.path == "/messages" {
				continue // is not described
			}
			sim.Fail(vendorsim.Status(status))
			x := simulated(t, sim, http.MethodPost, "/v2"+c.path, "application/json", c.good)
			require.Equal(t, status, x.status)
			s.answers(t, http.MethodPost, c.path, x)
		}
	}
}
