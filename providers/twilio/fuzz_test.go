package twilio_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
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

// FuzzErrors reads arbitrary answers: it never panics, a success is never
// called a failure and a failure never a success, there is always a class, and
// what is printed is shaped like codes, whatever the body says.
func FuzzErrors(f *testing.F) {
	f.Add(400, `{"code":21211,"message":"The 'To' number +15551112222 is not a valid phone number.","more_info":"x","status":400}`)
	f.Add(400, `{"code":"21610","message":7}`)
	f.Add(429, `{"code":20429}`)
	f.Add(500, `{"code":{},"message":[]}`)
	f.Add(503, "\xff\xfe<html>")
	f.Add(201, `{"sid":"SM0123456789abcdef0123456789abcdef","status":"queued"}`)
	f.Add(200, `{"sid":"CA0123456789abcdef0123456789abcdef","status":7}`)
	f.Add(204, ``)
	f.Add(302, `{"code":9999999999}`)
	f.Fuzz(func(t *testing.T, status int, body string) {
		if status < 200 || status > 599 {
			return // net/http gives no other
		}
		c, err := twilio.New(account, token, twilio.WithHTTPClient(&http.Client{Transport: answerWith{status, body}}),
			twilio.WithSenders(sms.Senders{"": mine}), twilio.WithCallers(call.Callers{"": mine}))
		if err != nil {
			t.Fatal(err)
		}
		receipt, err := c.SMS().Do(t.Context(), hello())
		if success := status < 300; success != (receipt != nil) {
			t.Errorf("%d: receipt %v", status, receipt)
		}
		checkError(t, status, err)
		placed, err := c.Call().Do(t.Context(), ring())
		if success := status < 300; success != (placed != nil) {
			t.Errorf("%d: call %v", status, placed)
		}
		checkError(t, status, err)
		_, err = c.Call().List(t.Context(), call.Filter{})
		checkPlain(t, err)
		checkPlain(t, c.Call().Hangup(t.Context(), someCall))
		checkPlain(t, c.SMS().Check(t.Context()))
		_, err = c.Call().Get(t.Context(), someCall)
		checkPlain(t, err)
	})
}

func checkError(t *testing.T, status int, err error) {
	t.Helper()
	if err == nil {
		return
	}
	e := failover.Classify(err)
	if e.Class == failover.ClassUnknown {
		t.Errorf("no class for status %d", status)
	}
	if (status < 300) != (e.Outcome == failover.OutcomeAccepted) {
		t.Errorf("%d: outcome %v", status, e.Outcome)
	}
	checkPlain(t, err)
}

func checkPlain(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
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

// FuzzWebhook reads arbitrary requests: it never panics, what is not signed is
// not believed, and what is signed gives an update of a message or a call whose
// id is one, or an error that is not about the signature.
func FuzzWebhook(f *testing.F) {
	f.Add("POST", "/status?failover_attempt=op.1", formType, delivered, "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg=", true)
	f.Add("POST", "/status?bodySHA256=32fd50089fc6680b8a0c93533f65fc641d467416445dd6365033178cf3b20c5f", jsonType, `{"MessageSid":"x"}`, "x", false)
	f.Add("GET", "/status?CallSid="+someCall+"&CallStatus=busy&AccountSid="+account, "", "", "", true)
	f.Add("POST", "//evil.test/%2e%2e/?a=%zz&a;b", "multipart/form-data", "\x00\xff", "\x00", true)
	f.Add("POST", "/?", formType, "a=1&a=1&a=2&=&%", "=", true)
	f.Fuzz(func(t *testing.T, method, target, contentType, body, signature string, sign bool) {
		r, err := http.NewRequestWithContext(t.Context(), method, "http://app.test", strings.NewReader(body))
		if err != nil {
			return
		}
		r.RequestURI = target
		if u, err := r.URL.Parse(target); err == nil {
			r.URL.Path, r.URL.RawQuery = u.Path, u.RawQuery
		}
		r.Header.Set("Content-Type", contentType)
		r.Header.Set("X-Twilio-Signature", signature)
		if sign {
			form := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
			form.Header.Set("Content-Type", contentType)
			_ = form.ParseForm()
			if !strings.HasPrefix(target, "/") {
				target = r.URL.RequestURI()
			}
			r.Header.Set("X-Twilio-Signature", signatureOf("http://app.test"+target, form.PostForm))
		}
		c := newClient(t)
		u, err := c.SMSUpdate(r)
		switch {
		case err != nil:
			checkPlain(t, err)
		case !sign:
			t.Errorf("believed %q", signature)
		case !strings.HasPrefix(u.ID, "SM") && !strings.HasPrefix(u.ID, "MM") || len(u.ID) != 34:
			t.Errorf("an update of %q", u.ID)
		}
		v, err := c.CallUpdate(r)
		switch {
		case err != nil:
			checkPlain(t, err)
		case !sign:
			t.Errorf("believed %q", signature)
		case !strings.HasPrefix(v.ID, "CA") || len(v.ID) != 34:
			t.Errorf("an update of %q", v.ID)
		}
	})
}
