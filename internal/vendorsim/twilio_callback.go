package vendorsim

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// webhook is a status callback.
func (t *twilio) webhook(ctx context.Context, e Entry) (*http.Request, error) {
	if e.Kind == MessageKind {
		return t.post(ctx, http.MethodPost, e.StatusCallback, t.messageStatus(e))
	}
	if !twilioTells(e) {
		return nil, fmt.Errorf("vendorsim: the caller did not ask to be told of %q", e.Status)
	}
	method := e.Fields.Get("StatusCallbackMethod")
	if method == "" {
		method = http.MethodPost
	}
	return t.post(ctx, method, e.StatusCallback, t.callStatus(e))
}

func (t *twilio) messageStatus(e Entry) url.Values {
	form := url.Values{
		"AccountSid": {t.sid}, "ApiVersion": {"2010-04-01"}, "MessageSid": {e.ID}, "MessageStatus": {e.Status},
		"SmsSid": {e.ID}, "SmsStatus": {e.Status}, "To": {e.To}, "From": {e.From},
	}
	if service := e.Fields.Get("MessagingServiceSid"); service != "" {
		form.Set("MessagingServiceSid", service)
	}
	if e.Code != "" {
		form.Set("ErrorCode", e.Code)
	}
	return form
}

// twilioEvents are what StatusCallbackEvent calls the statuses that are not
// final.
var twilioEvents = map[string]string{"queued": "initiated", "ringing": "ringing", "in-progress": "answered"}

// twilioTells says whether the caller asked to be told of the status.
func twilioTells(e Entry) bool {
	events := e.Fields["StatusCallbackEvent"]
	if len(events) == 0 {
		events = []string{"completed"}
	}
	event, ok := twilioEvents[e.Status]
	if !ok {
		event = "completed"
	}
	return contains(events, event)
}

func (t *twilio) callStatus(e Entry) url.Values {
	form := url.Values{
		"AccountSid": {t.sid}, "ApiVersion": {"2010-04-01"}, "CallSid": {e.ID}, "CallStatus": {e.Status},
		"To": {e.To}, "Called": {e.To}, "From": {e.From}, "Caller": {e.From}, "Direction": {"outbound-api"},
		"CallbackSource": {"call-progress-events"}, "SequenceNumber": {itoa(len(e.changes) - 1)},
		"Timestamp": {e.updated().UTC().Format(time.RFC1123Z)},
	}
	if e.Status == "queued" {
		form.Set("CallStatus", "initiated")
	}
	if twilioOver(e) {
		seconds := twilioSeconds(e)
		form.Set("CallDuration", itoa(seconds))
		form.Set("Duration", itoa((seconds+59)/60))
		if e.Code != "" {
			form.Set("SipResponseCode", e.Code)
		}
	}
	return form
}

// post signs. With GET the fields are in the address, and the signature is of
// the address alone.
func (t *twilio) post(ctx context.Context, method, address string, form url.Values) (*http.Request, error) {
	signed, body := form, form.Encode()
	if method == http.MethodGet {
		u, err := url.Parse(address)
		if err != nil {
			return nil, err
		}
		q := u.Query()
		maps.Copy(q, form)
		u.RawQuery = q.Encode()
		address, signed, body = u.String(), nil, ""
	}
	req, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=UTF-8")
	}
	req.Header.Set("User-Agent", "TwilioProxy/1.1")
	req.Header.Set("I-Twilio-Idempotency-Token", t.digest(address+form.Encode()))
	req.Header.Set("X-Twilio-Signature", twilioSign(t.token, address, signed))
	return req, nil
}

// twilioSign signs the address and the fields behind it, sorted by name.
func twilioSign(token, address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		for _, value := range slices.Sorted(slices.Values(form[name])) {
			mac.Write([]byte(name + value))
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
