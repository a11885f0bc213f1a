package twilio

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
)

// SMSUpdate reads a status webhook of a message, for the Report of a client of
// sms. Its error matches [ErrSignature] if the request is not the vendor's, and
// [ErrUnrelated] if it is of something else. The body can be read again
// afterwards.
//
// The update is tied to its attempt by the parameters of the address, which are
// signed. What it says is remembered for Lookup too.
func (c *Client) SMSUpdate(r *http.Request) (sms.Update, error) {
	fields, tag, err := c.verified(r)
	if err != nil {
		return sms.Update{}, err
	}
	sid := fields.Get("MessageSid")
	if sid == "" {
		sid = fields.Get("SmsSid")
	}
	word := fields.Get("MessageStatus")
	if word == "" {
		word = fields.Get("SmsStatus")
	}
	if !isMessage(sid) || !fields.Has("AccountSid") || word == "" || word == "received" || word == "receiving" {
		return sms.Update{}, ErrUnrelated
	}
	u := sms.Update{
		Provider: tag.Provider, Operation: tag.Operation, Attempt: tag.Attempt, ID: sid, Status: messageStatuses[word],
		Price: price(fields.Get("Price"), fields.Get("PriceUnit")),
	}
	if n, err := strconv.Atoi(fields.Get("NumSegments")); err == nil && n > 0 {
		u.Segments = n
	}
	switch {
	case u.Status == sms.StatusCanceled:
		u.Err = &failover.Error{Class: failover.ClassCanceled, Outcome: failover.OutcomeNotAccepted}
	case u.Status.Failed():
		u.Err = lateError(fields.Get("ErrorCode"), fields.Get("ErrorMessage"), sms.ErrInvalidRecipient)
	}
	c.sends.told(tag.Attempt, sid, u.Status)
	return u, nil
}

// CallUpdate reads a status webhook of a call, for the Report of a client of
// call. Its error matches [ErrSignature] if the request is not the vendor's, and
// [ErrUnrelated] if it is not of a call. One that tells no status gives an update
// without. The body can be read again afterwards.
func (c *Client) CallUpdate(r *http.Request) (call.Update, error) {
	fields, tag, err := c.verified(r)
	if err != nil {
		return call.Update{}, err
	}
	sid := fields.Get("CallSid")
	if !isSID(sid, "CA") || !fields.Has("AccountSid") {
		return call.Update{}, ErrUnrelated
	}
	u := call.Update{
		Provider: tag.Provider, Operation: tag.Operation, Attempt: tag.Attempt, ID: sid,
		Status: callStatuses[fields.Get("CallStatus")], AnsweredBy: answeredBy(fields.Get("AnsweredBy")),
		Duration: seconds(fields.Get("CallDuration")),
	}
	if n, err := strconv.Atoi(fields.Get("SipResponseCode")); err == nil && n > 0 && n < 1000 {
		u.SIP = n
	}
	if at, err := time.Parse(time.RFC1123Z, fields.Get("Timestamp")); err == nil {
		u.At = at
	}
	if u.Status == call.StatusFailed {
		u.Err = callFailure(u.SIP, fields)
	}
	return u, nil
}

// callFailure is why a call could not be put through: the vendor's code says
// it, or the telephone network.
func callFailure(sip int, fields url.Values) *failover.Error {
	e := lateError(fields.Get("ErrorCode"), fields.Get("ErrorMessage"), call.ErrInvalidRecipient)
	if e.Class != failover.ClassUnknown {
		return e
	}
	e.Class, e.Outcome = phone.SIP(sip)
	if e.Class == failover.ClassInvalid && e.Outcome == failover.OutcomeNotAccepted {
		e.Err = call.ErrInvalidRecipient
	}
	return e
}
