package telnyx_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// codes are the rows of the table, as the vendor's lists have them.
var codes = []struct {
	class     failover.Class
	recipient bool
	unknown   bool // the outcome
	codes     string
}{
	{class: failover.ClassInvalid, recipient: true, codes: "40001 40012 40301 40310 40319 D11 D14 D50"},
	{class: failover.ClassInvalid, codes: "10003 10004 10015 40009 40302 40304 40316 40317 40328"},
	{class: failover.ClassUnsupported, codes: "10001 40004 40008 40010 40013 40019 40100 40150 40151 40155"},
	{class: failover.ClassUnsupported, codes: "40305 40306 40307 40308 40309 40311 40312 40313 40315 40320 40321 40325 40329 40330 40331"},
	{class: failover.ClassUnsupported, codes: "D7 D8 D10 D12 D13 D15 D16 D18 D24 D25 D26 D27 D28 D29 D30 D31 D34 D35 D36 D37 D38 D39"},
	{class: failover.ClassUnsupported, codes: "D40 D41 D44 D46 D48 D49 D51 D53 D54 D57 D58 D59 D63 D64 TM1"},
	{class: failover.ClassUnsupported, codes: "10006 10013 10017 90002 90015 90017 90028 90029 90057"},
	{class: failover.ClassUnauthorized, codes: "10009 10010 10038 10039 20001 20002 20003 20006 20008 20013 20014 20015 20016 20017 40314"},
	{class: failover.ClassUnauthorized, codes: "D17 D60"},
	{class: failover.ClassExhausted, codes: "20012 20100 40333 D19"},
	{class: failover.ClassRateLimited, codes: "10011 40011 40016 40018 40020 40318 90041 90042 90043 D1 D2 D3 D9 D22 P05"},
	{class: failover.ClassFiltered, codes: "40002 40003 40015 40017 40322"},
	{class: failover.ClassTransient, codes: "40005 40006 40014 PE1 PE2 PE3 PE4 PE5 PE6"},
	{class: failover.ClassTransient, unknown: true, codes: "10007 10008"},
}

// envelope is a refusal as the messaging API writes it.
func envelope(code, title, pointer string) string {
	e := map[string]any{"code": code, "title": title, "detail": "About " + recipient + ": " + secretBody}
	if pointer != "" {
		e["source"] = map[string]any{"pointer": pointer}
	}
	text, err := json.Marshal(map[string]any{"errors": []any{e}})
	if err != nil {
		panic(err)
	}
	return string(text)
}

// voiceEnvelope is one as the voice API writes it: the code is a number, there
// is no title, and there is the id of a call.
func voiceEnvelope(code string) string {
	return fmt.Sprintf(`{"data":{"call_control_id":"v3:-HA6lTgrVUjJHgOyKoiBX5qWEsB9MAh5NWD4IL7HQjDgb-Y6COJNsg"},`+
		`"errors":[{"code":10010,"detail":"Dialed number %s %s"}],"telnyx_error":{"error_code":%q}}`, recipient, code, code)
}

// TestCodes has every row of the table over the wire, of a message and of a
// call, and no row that is not.
func TestCodes(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	var seen []string
	for _, row := range codes {
		for code := range strings.FieldsSeq(row.codes) {
			seen = append(seen, code)
			outcome := failover.OutcomeNotAccepted
			if row.unknown {
				outcome = failover.OutcomeUnknown
			}
			answer := envelope(code, "Some title", "")
			if code[0] > '9' {
				answer = voiceEnvelope(code)
			}
			for kind, send := range map[string]struct {
				do    func() error
				cause error
			}{
				"message": {func() error { _, err := c.SMS().Do(t.Context(), text); return err }, sms.ErrInvalidRecipient},
				"call":    {func() error { _, err := c.Call().Do(t.Context(), ring); return err }, call.ErrInvalidRecipient},
			} {
				sim.Fail(vendorsim.Body(http.StatusForbidden, "application/json", answer))
				err := send.do()
				e := failover.Classify(err)
				require.Error(t, err)
				assert.Equal(t, row.class, e.Class, "%s %s", kind, code)
				assert.Equal(t, outcome, e.Outcome, "%s %s", kind, code)
				assert.Equal(t, http.StatusForbidden, e.Status)
				assert.Equal(t, code, e.Code)
				assert.Contains(t, e.Message, recipient, "readable, for whoever wants to")
				if row.recipient {
					require.ErrorIs(t, err, send.cause, "%s %s", kind, code)
				} else {
					require.NoError(t, e.Err, "%s %s", kind, code)
				}
				hasNoSecrets(t, err)
			}
		}
	}
	have := telnyx.Codes()
	slices.Sort(have)
	slices.Sort(seen)
	assert.Equal(t, have, seen)
	assert.Empty(t, sim.Ledger.Entries())
}

// What decides beside the code: its title, the field that it is about, and the
// status.
func TestRefusals(t *testing.T) {
	t.Parallel()
	const stop = "Blocked due to STOP message"
	for name, row := range map[string]struct {
		status  int
		body    string
		class   failover.Class
		unknown bool // the outcome
		code    string
		cause   error
	}{
		"STOP":                      {status: 400, body: envelope("40300", stop, ""), class: failover.ClassInvalid, code: "40300", cause: sms.ErrOptedOut},
		"STOP under another status": {status: 403, body: envelope("40300", strings.ToUpper(stop), "/to"), class: failover.ClassInvalid, code: "40300", cause: sms.ErrOptedOut},
		"STOP as a server error": {
			status: 500, body: envelope("40300", stop, ""), class: failover.ClassInvalid, unknown: true, code: "40300", cause: sms.ErrOptedOut,
		},
		"40300 of another title": {status: 400, body: envelope("40300", "Destination number unreachable", ""), class: failover.ClassInvalid, code: "40300"},
		"40300 about the sender": {status: 400, body: envelope("40300", "Something", "/from"), class: failover.ClassInvalid, code: "40300"},
		"STOP behind another error": {
			status: 400, body: `{"errors":[{"code":"40305","title":"Invalid 'from' address"},{"code":"40300","title":"` + stop + `"}]}`,
			class: failover.ClassInvalid, code: "40300", cause: sms.ErrOptedOut,
		},
		"the first known code": {
			status: 400, body: `{"errors":[{"code":"77777"},{"code":"40318"},{"code":"40305"}]}`, class: failover.ClassRateLimited, code: "40318",
		},
		"code as a number": {status: 400, body: `{"errors":[{"code":40318}]}`, class: failover.ClassRateLimited, code: "40318"},

		"number of the recipient": {status: 400, body: envelope("10002", "Invalid phone number", "/to"), class: failover.ClassInvalid, code: "10002", cause: sms.ErrInvalidRecipient},
		"form of the recipient":   {status: 422, body: envelope("10016", "Phone number must be in +E.164 format", "/to"), class: failover.ClassInvalid, code: "10016", cause: sms.ErrInvalidRecipient},
		"inactive recipient":      {status: 400, body: envelope("10001", "Inactive phone number", "/to/0/phone_number"), class: failover.ClassInvalid, code: "10001", cause: sms.ErrInvalidRecipient},
		"number of the sender":    {status: 400, body: envelope("10002", "Invalid phone number", "/from"), class: failover.ClassUnsupported, code: "10002"},
		"some number":             {status: 400, body: envelope("10002", "Invalid phone number", ""), class: failover.ClassInvalid, code: "10002"},
		"region of the recipient": {status: 403, body: envelope("10010", "Authorization failed", "/to"), class: failover.ClassUnsupported, code: "10010"},
		"the key's rights":        {status: 403, body: envelope("10010", "Authorization failed", ""), class: failover.ClassUnauthorized, code: "10010"},
		"the caller's text":       {status: 422, body: envelope("10015", "Bad Request", "/text"), class: failover.ClassInvalid, code: "10015"},
		"the caller's URL":        {status: 422, body: envelope("10003", "Invalid URL", "/webhook_url"), class: failover.ClassInvalid, code: "10003"},
		"the table's sender":      {status: 422, body: envelope("10015", "Bad Request", "/from"), class: failover.ClassUnsupported, code: "10015"},
		"a queue, not the sender": {status: 400, body: envelope("40318", "Message queue full", "/from"), class: failover.ClassRateLimited, code: "40318"},
		"the adapter's field":     {status: 422, body: envelope("10026", "Invalid parameter type", "/webhook_urls"), class: failover.ClassUnsupported, code: "10026"},
		"an unknown code":         {status: 422, body: envelope("10032", "Invalid enumerated value", ""), class: failover.ClassInvalid, code: "10032"},

		// Codes that are not known fall to the status.
		"gateway":               {status: 502, body: "<html>" + secretBody, class: failover.ClassTransient, unknown: true},
		"server error":          {status: 500, body: "", class: failover.ClassTransient, unknown: true},
		"unavailable":           {status: 503, body: envelope("10037", "Service unavailable", ""), class: failover.ClassTransient, unknown: true, code: "10037"},
		"gateway timeout":       {status: 504, body: "", class: failover.ClassTimeout, unknown: true},
		"not implemented":       {status: 501, body: "", class: failover.ClassUnsupported},
		"request timeout":       {status: 408, body: "", class: failover.ClassTimeout, unknown: true},
		"conflict":              {status: 409, body: envelope("10036", "Resource is being processed", ""), class: failover.ClassTransient, unknown: true, code: "10036"},
		"too many":              {status: 429, body: "", class: failover.ClassRateLimited},
		"no route":              {status: 404, body: envelope("10005", "Resource not found", ""), class: failover.ClassUnsupported, code: "10005"},
		"text":                  {status: 400, body: secretBody, class: failover.ClassInvalid},
		"no errors":             {status: 400, body: `{"errors":[]}`, class: failover.ClassInvalid},
		"errors of other types": {status: 400, body: `{"errors":{"code":"40318"},"telnyx_error":[]}`, class: failover.ClassInvalid},
		"an error of other types": {
			status: 400, body: `{"errors":[{"code":["x"],"title":{},"source":"to"},{"code":"40318","title":7,"source":{"pointer":null}}]}`,
			class: failover.ClassRateLimited, code: "40318",
		},
		"a code that is none": {status: 400, body: envelope("+15005550106", "x", ""), class: failover.ClassInvalid},
		"an unknown voice code": {
			status: 403, body: `{"errors":[{"code":10010}],"telnyx_error":{"error_code":"D99"}}`, class: failover.ClassUnauthorized, code: "10010",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, c := start(t)
			sim.Fail(vendorsim.Body(row.status, "application/json", row.body))
			receipt, err := c.SMS().Do(t.Context(), text)
			assert.Nil(t, receipt)
			e := failover.Classify(err)
			assert.Equal(t, row.class, e.Class)
			outcome := failover.OutcomeNotAccepted
			if row.unknown {
				outcome = failover.OutcomeUnknown
			}
			assert.Equal(t, outcome, e.Outcome)
			assert.Equal(t, row.code, e.Code)
			assert.Equal(t, row.status, e.Status)
			assert.Equal(t, row.cause, e.Err)
			if row.cause != nil {
				require.ErrorIs(t, err, row.cause)
			}
			hasNoSecrets(t, err)
		})
	}
}

// A call has no opting out.
func TestStoppedCall(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	sim.Fail(vendorsim.Body(400, "application/json", envelope("40300", "Blocked due to STOP message", "")))
	_, err := c.Call().Do(t.Context(), ring)
	assert.Equal(t, failover.ClassInvalid, class(err))
	require.NotErrorIs(t, err, sms.ErrOptedOut)
}

// The vendor's own simulated rules, through the simulator's own checks.
func TestNumbers(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	for name, row := range map[string]struct {
		rule  func()
		class failover.Class
		cause error
	}{
		"opted out": {func() { sim.OptOut(recipient) }, failover.ClassInvalid, sms.ErrOptedOut},
		"landline":  {func() { sim.Landlines(recipient) }, failover.ClassInvalid, sms.ErrInvalidRecipient},
		"region":    {func() { sim.Regions("+44") }, failover.ClassUnsupported, nil},
		"sender":    {func() { sim.Own("+15005550002") }, failover.ClassUnsupported, nil},
		"funds":     {func() { sim.SetFunds(-1) }, failover.ClassExhausted, nil},
	} {
		row.rule()
		_, err := c.SMS().Do(t.Context(), text)
		e := failover.Classify(err)
		assert.Equal(t, row.class, e.Class, name)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, name)
		assert.Equal(t, row.cause, e.Err, name)
		assert.NotEmpty(t, e.Message, name)
		hasNoSecrets(t, err)
		sim.OptOut()
		sim.Landlines()
		sim.Regions()
		sim.Own()
		sim.SetFunds(1)
	}
	sim.Regions("+44")
	_, err := c.Call().Do(t.Context(), ring)
	assert.Equal(t, failover.ClassUnsupported, class(err))
	hasNoSecrets(t, err)
	assert.Empty(t, sim.Ledger.Entries())
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	sim.Fail(vendorsim.Status(429).RetryAfter(7).Header("X-Request-Id", "req-9"))
	_, err := c.SMS().Do(t.Context(), text)
	e := failover.Classify(err)
	assert.Equal(t, failover.ClassRateLimited, e.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.Equal(t, "req-9", e.RequestID)
}
