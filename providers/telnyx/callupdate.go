package telnyx

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/call"
)

// The events that tell the status of a call:
// https://developers.telnyx.com/docs/voice/programmable-voice/voice-api-webhooks.
const (
	eventInitiated = "call.initiated"
	eventAnswered  = "call.answered"
	eventHangup    = "call.hangup"
)

// CallUpdate reads a webhook that tells what became of a call. Its error matches
// [ErrSignature] if the request is not the vendor's, and [ErrUnrelated] if it is
// of something else than a call. Events of a call that tell no status, such as
// the end of a file that was played, give an update without one. It is safe for
// concurrent use.
//
// The update is tied to its attempt by the client_state that came with the call
// or, if the application has replaced it since, by the address that the vendor
// says it has been given. Both are under its signature, unlike the address that
// r was sent to. An update may come before the answer to the call, more than
// once, and in any order. It has no Duration: the vendor does not tell when
// somebody answered.
func (c *Client) CallUpdate(r *http.Request) (call.Update, error) {
	var e event[leg]
	if err := c.read(r, &e); err != nil {
		return call.Update{}, err
	}
	return readCall(e)
}

// readCall is CallUpdate behind the signature.
func readCall(e event[leg]) (call.Update, error) {
	l, kind := e.Data.Payload, string(e.Data.Type)
	if !strings.HasPrefix(kind, "call.") || l.ID == "" {
		return call.Update{}, ErrUnrelated
	}
	tag := tagFrom(phone.FromState(string(l.ClientState)), phone.FromURL(string(e.Meta.DeliveredTo)))
	u := call.Update{
		Provider: tag.Provider, Operation: tag.Operation, Attempt: tag.Attempt,
		ID: string(l.ID), AnsweredBy: answeredBy(kind, string(l.Result)), At: e.Data.At.time(),
	}
	switch kind {
	case eventInitiated:
		u.Status = call.StatusRinging
	case eventAnswered:
		u.Status = call.StatusInProgress
	case eventHangup:
		u.SIP = l.sip()
		if u.Status = l.ending(); u.Status == call.StatusFailed {
			u.Err = l.failure()
		}
	}
	return u, nil
}

// leg is the payload of an event of a call.
type leg struct {
	ID          text         `json:"call_control_id"`
	ClientState text         `json:"client_state"`
	Cause       text         `json:"hangup_cause"`
	SIP         text         `json:"sip_hangup_cause"`
	Refusal     voiceRefusal `json:"telnyx_error"`
	Result      text         `json:"result"` // of machine detection
}

// answeredBy is what machine detection has found, standard or premium.
func answeredBy(kind, result string) call.AnsweredBy {
	switch kind {
	case "call.machine.detection.ended", "call.machine.premium.detection.ended":
		switch result {
		case "human", "human_residence", "human_business":
			return call.AnsweredHuman
		case "machine":
			return call.AnsweredMachine
		case "fax_detected":
			return call.AnsweredFax
		}
	case "call.machine.greeting.ended", "call.machine.premium.greeting.ended":
		if result != "not_sure" {
			return call.AnsweredMachine
		}
	}
	return call.AnsweredUnknown
}

// sip is the network's final answer. "unspecified", and numbers of other lists
// that have been seen in its place, are none.
func (l leg) sip() int {
	code, err := strconv.Atoi(string(l.SIP))
	if err != nil || code < 200 || code > 699 {
		return 0
	}
	return code
}

// ending is how a call ended. The causes are those of the description of
// call.hangup.
func (l leg) ending() call.Status {
	sip := l.sip()
	switch l.Cause {
	case "time_limit":
		return call.StatusCompleted
	case "normal_clearing":
		if sip >= 300 { // somebody hung up before an answer
			return call.StatusEnded
		}
		return call.StatusCompleted
	case "user_busy":
		return call.StatusBusy
	case "timeout", "no_answer":
		return call.StatusNoAnswer
	case "originator_cancel":
		return call.StatusCanceled
	case "not_found":
		return call.StatusFailed
	case "call_rejected":
		if sip == 0 {
			return call.StatusBusy
		}
	}
	return networkEnding(sip)
}

// networkEnding is how a call ended as the network says it. A carrier's 403 is
// as much a rejection as the callee's 603, and is not the callee's.
func networkEnding(sip int) call.Status {
	switch {
	case sip >= 200 && sip < 300:
		return call.StatusCompleted
	case sip == 486, sip == 600, sip == 603, sip == 607, sip == 608:
		return call.StatusBusy
	case sip == 480:
		return call.StatusNoAnswer
	case sip == 487:
		return call.StatusCanceled
	default:
		return call.StatusFailed
	}
}

// failure is why a call could not be put through.
func (l leg) failure() *failover.Error {
	sip := l.sip()
	if l.Cause == "not_found" && sip == 0 {
		sip = http.StatusNotFound // SIP has it from HTTP
	}
	e := &failover.Error{Code: httpcall.Code(string(l.Cause))}
	e.Class, e.Outcome = phone.SIP(sip)
	said := refusal{meaning: meaning{recipient: e.Class == failover.ClassInvalid && e.Outcome == failover.OutcomeNotAccepted}}
	if m, ok := meanings[string(l.Refusal.Code)]; ok { // the vendor's own refusal: it has asked no network
		said.meaning = m
		e.Code, e.Class, e.Outcome = string(l.Refusal.Code), m.class, failover.OutcomeNotAccepted
	}
	said.settle(e, callCauses)
	return e
}
