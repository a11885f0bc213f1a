package telnyx_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// answerWith is a transport that gives one answer to everything.
type answerWith struct {
	status int
	body   string
}

func (a answerWith) RoundTrip(r *http.Request) (*http.Response, error) {
	w := vendorsim.Record(a.status, http.Header{"Content-Type": {"application/json"}}, a.body)
	w.Request = r
	return w, nil
}

// printsSafely says what is printed of a body that is not shaped like codes and
// ids.
func printsSafely(t *testing.T, err error) {
	t.Helper()
	text := fmt.Sprintf("%v %+v %#v", err, err, failover.Classify(err))
	if len(text) > 1000 {
		t.Errorf("prints %d bytes", len(text))
	}
	for _, r := range text {
		if r > unicode.MaxASCII || r < ' ' || strings.ContainsRune(`<>{}[]"\+@/?&=%`, r) {
			t.Errorf("prints %q of the body: %s", r, text)
		}
	}
}

// FuzzAnswers reads arbitrary answers to messages and calls: it never panics, a
// success is never anything but accepted, a refusal has a class, and what is
// printed is shaped like codes and ids, whatever the body says.
func FuzzAnswers(f *testing.F) {
	for _, row := range codes {
		code, _, _ := strings.Cut(row.codes, " ")
		f.Add(403, envelope(code, "Blocked due to STOP message", "/to"))
		f.Add(403, voiceEnvelope(code))
	}
	f.Add(200, `{"data":{"id":"m1","to":[{"status":"queued"}],"parts":1,"cost":{"amount":"0.0040","currency":"USD"}}}`)
	f.Add(200, `{"data":{"call_control_id":"v3:x","is_alive":false}}`)
	f.Add(200, `{"data":{"id":7,"to":{},"parts":"x","cost":[1e999]}}`)
	f.Add(400, `{"errors":[{"code":["x"],"title":{},"source":"to"}],"telnyx_error":7}`)
	f.Add(429, "\xff\xfe<html>")
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // net/http gives no other
		}
		c, err := telnyx.New(key, telnyx.WithHTTPClient(&http.Client{Transport: answerWith{status, body}}),
			telnyx.WithSenders(sms.Senders{"": own}), telnyx.WithCallers(call.Callers{"": own}), telnyx.WithConnections(call.Connections{"": connection}))
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := c.SMS().Do(t.Context(), text)
		judge(t, status, err, receipt != nil, receipt != nil && receipt.ID != "")
		placed, err := c.Call().Do(t.Context(), ring)
		judge(t, status, err, placed != nil, placed != nil && placed.ID != "")
		for _, err := range []error{c.SMS().Check(t.Context()), c.Call().Hangup(t.Context(), "x")} {
			if err != nil {
				printsSafely(t, err)
			}
		}
		if found, err := c.Call().Get(t.Context(), "x"); err != nil {
			printsSafely(t, err)
		} else if found.ID == "" || found.Duration < 0 {
			t.Errorf("found %+v", found)
		}
	})
}

func judge(t *testing.T, status int, err error, answered, named bool) {
	t.Helper()
	if err == nil {
		if status >= 300 || !named {
			t.Errorf("%d is a success", status)
		}
		return
	}
	printsSafely(t, err)
	e := failover.Classify(err)
	switch {
	case status < 300 && (e.Outcome != failover.OutcomeAccepted || !answered):
		t.Errorf("%d is %v", status, e.Outcome)
	case status >= 300 && (e.Outcome == failover.OutcomeAccepted || answered):
		t.Errorf("%d is %v", status, e.Outcome)
	case status >= 300 && e.Class == failover.ClassUnknown:
		t.Errorf("no class for status %d", status)
	case status >= 500 && status != 501 && status != 505 && e.Outcome != failover.OutcomeUnknown:
		t.Errorf("%d is %v", status, e.Outcome)
	}
}

// FuzzWebhooks reads arbitrary bodies: it never panics, gives an update of
// something or none, and what is printed of it is shaped like codes.
func FuzzWebhooks(f *testing.F) {
	f.Add(messageVector)
	f.Add(callVector)
	f.Add(messageEvent("message.finalized", "delivery_failed", `[{"code":"40300","title":"Blocked due to STOP message"}]`))
	f.Add(callEvent("call.hangup", map[string]any{"hangup_cause": "not_found", "telnyx_error": map[string]any{"error_code": "D13"}}))
	f.Add(callEvent("call.machine.detection.ended", map[string]any{"result": "human"}))
	f.Add(`{"data":{"event_type":"message.sent","payload":{"id":1e5,"to":[{"status":["x"]}],"parts":1e99}}}`)
	f.Add(`{"data":[{"event_type":"call.hangup"}]}`)
	f.Add("")
	f.Fuzz(func(t *testing.T, body string) {
		m, err := telnyx.ReadMessage([]byte(body))
		switch {
		case err != nil || m.ID == "":
			if m != (sms.Update{}) {
				t.Errorf("an update of nothing: %+v, %v", m, err)
			}
		case m.Segments < 0:
			t.Errorf("%d parts", m.Segments)
		case m.Status.Failed() != (m.Err != nil) && m.Status != sms.StatusUnconfirmed:
			t.Errorf("%q with error %v", m.Status, m.Err)
		case m.Err != nil:
			printsSafely(t, m.Err)
		}
		u, err := telnyx.ReadCall([]byte(body))
		switch {
		case err != nil || u.ID == "":
			if u != (call.Update{}) {
				t.Errorf("an update of nothing: %+v, %v", u, err)
			}
		case (u.Status == call.StatusFailed) != (u.Err != nil):
			t.Errorf("%q with error %v", u.Status, u.Err)
		case u.SIP != 0 && (u.SIP < 200 || u.SIP > 699):
			t.Errorf("SIP %d", u.SIP)
		case u.Err != nil:
			printsSafely(t, u.Err)
		}
	})
}
