package telnyx

import (
	"net/http"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/sms"
)

// SMSUpdate reads a webhook that tells what became of a message. Its error
// matches [ErrSignature] if the request is not the vendor's, and [ErrUnrelated]
// if it is of something else. It is safe for concurrent use.
//
// The update is tied to its attempt by the address that the vendor says it has
// been given for the message, which is under its signature, unlike the one that
// r was sent to. An update may come before the answer to the message, more than
// once, and in any order.
func (c *Client) SMSUpdate(r *http.Request) (sms.Update, error) {
	var e event[message]
	if err := c.read(r, &e); err != nil {
		return sms.Update{}, err
	}
	return readMessage(e)
}

// readMessage is SMSUpdate behind the signature.
func readMessage(e event[message]) (sms.Update, error) {
	m := e.Data.Payload
	if !strings.HasPrefix(string(e.Data.Type), "message.") || m.ID == "" || m.Direction == "inbound" {
		return sms.Update{}, ErrUnrelated
	}
	tag := tagFrom(phone.FromURL(string(m.WebhookURL)), phone.FromURL(string(e.Meta.DeliveredTo)))
	return sms.Update{
		Provider: tag.Provider, Operation: tag.Operation, Attempt: tag.Attempt,
		ID: string(m.ID), Status: m.status(), Err: m.failure(),
		Segments: max(m.Parts, 0), Price: m.Cost.price(), At: e.Data.At.time(),
	}, nil
}

// failure is why a message did not reach its recipient, or may not have. Carriers
// know that one did not; one that they say nothing of, nobody knows of.
func (m message) failure() *failover.Error {
	status := m.status()
	if !status.Failed() && (status != sms.StatusUnconfirmed || len(m.Errors) == 0) {
		return nil
	}
	said := readErrors(m.Errors)
	e := &failover.Error{
		Class: said.class, Outcome: failover.OutcomeNotAccepted, Code: httpcall.Code(said.code), Message: httpcall.Message(said.message),
	}
	if status == sms.StatusUnconfirmed {
		e.Outcome = failover.OutcomeUnknown
	}
	said.settle(e, smsCauses)
	return e
}
