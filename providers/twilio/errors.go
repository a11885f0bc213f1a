package twilio

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/sms"
)

// meaning is what a code of the vendor's comes down to.
type meaning uint8

const (
	unlisted     meaning = iota // the status, or nobody, says
	badRecipient                // no such number, or none that takes this
	optedOut                    // has said STOP
	unreachable                 // there is such a recipient, but not now
	badRequest                  // the caller's own fault
	notFromHere                 // not by this sender or account, or not to that region
	badAccount                  // the account or its key is refused
	spent                       // the account has had its share
	throttled                   // too fast, or a queue is full
	filtered                    // the content was refused
	outage                      // the vendor's own fault
	ambiguous                   // the vendor's own fault, and it may have been sent
)

func (m meaning) class() failover.Class {
	switch m {
	case badRecipient, optedOut, unreachable, badRequest:
		return failover.ClassInvalid
	case notFromHere:
		return failover.ClassUnsupported
	case badAccount:
		return failover.ClassUnauthorized
	case spent:
		return failover.ClassExhausted
	case throttled:
		return failover.ClassRateLimited
	case filtered:
		return failover.ClassFiltered
	case outage, ambiguous:
		return failover.ClassTransient
	default:
		return failover.ClassUnknown
	}
}

// cause is what callers compare with errors.Is; recipient is what a bad
// recipient is called.
func (m meaning) cause(recipient error) error {
	switch m {
	case badRecipient:
		return recipient
	case optedOut:
		return sms.ErrOptedOut
	default:
		return nil
	}
}

const codeNotInProgress = "21220"

// codes are those that mean something else than their status, or more; see
// https://www.twilio.com/docs/api/errors. The vendor adds some now and then: an
// unknown one is read by its status. Many of them come in status webhooks as
// well as in answers, since a messaging service sends later.
var codes = map[string]meaning{
	"13223": badRecipient, // the number's format
	"21202": badRecipient, // premium
	"21211": badRecipient,
	"21214": badRecipient,
	"21217": badRecipient,
	"21614": badRecipient, // not mobile
	"21635": badRecipient, // a landline
	"30004": badRecipient, // blocked
	"30005": badRecipient, // unknown to the carrier
	"30006": badRecipient, // a landline, or a carrier that cannot be reached
	"30011": badRecipient, // takes no media

	"21610": optedOut,

	"30003": unreachable, // switched off

	"14107": badRequest, // two numbers that answer each other: nobody should go on
	"20001": badRequest,
	"21201": badRequest,
	"21205": badRequest,
	"21602": badRequest,
	"21603": badRequest,
	"21604": badRequest,
	"21609": badRequest,
	"21617": badRequest, // too long
	"21619": badRequest,
	"21620": badRequest,

	// Senders.
	"21210": notFromHere, // a caller that is not verified
	"21212": notFromHere,
	"21266": notFromHere, // the sender's own number
	"21401": notFromHere, // no number or sender id of the account
	"21601": notFromHere,
	"21606": notFromHere,
	"21612": notFromHere, // not from this sender to that recipient
	"21659": notFromHere,
	"21660": notFromHere, // another account's
	"21661": notFromHere,
	"30018": notFromHere, // a sender id that is not registered
	"30024": notFromHere,
	"30032": notFromHere, // a toll-free number that is not verified
	"30033": notFromHere, // a campaign that is suspended
	"30034": notFromHere, // a number that is not registered
	"30035": notFromHere,
	// Messaging services.
	"21701": notFromHere,
	"21702": notFromHere,
	"21703": notFromHere,
	"21704": notFromHere,
	"21705": notFromHere,
	// Applications.
	"21218": notFromHere,
	// Regions and destinations.
	"13224": notFromHere, // no carrier gets there
	"13225": notFromHere, // the vendor's list of blocked numbers
	"13227": notFromHere,
	"21203": notFromHere,
	"21215": notFromHere,
	"21216": notFromHere,
	"21408": notFromHere,
	"30010": notFromHere, // dearer than allowed

	"10001": badAccount,
	"10002": badAccount, // a trial's limits, as the next three
	"21219": badAccount,
	"21607": badAccount,
	"21608": badAccount,
	"20003": badAccount,
	"20005": badAccount,
	"30002": badAccount,

	"63038": spent, // the messages of a day

	"10004": throttled, // calls at once
	"20429": throttled,
	"21611": throttled, // the sender's queue
	"30001": throttled, // the account's
	"30022": throttled, // the campaign's rate
	"30023": throttled, // its messages of a day
	"30027": throttled, // those of one carrier
	"30036": throttled, // waited longer than its Validity

	"21618": filtered,
	"30007": filtered,

	"21730": outage, // maintenance
	"30017": outage, // the carrier's congestion

	"20500": ambiguous,
	"20503": ambiguous,
	"30008": ambiguous, // the carrier did not say
	"30410": ambiguous, // the carrier did not answer
	"30500": ambiguous,
}

// refusal reads an answer that says no, and closes it.
func refusal(resp *http.Response, recipient error) *failover.Error {
	e := httpcall.Failure(resp, readError)
	m := codes[e.Code]
	e.Err = m.cause(recipient)
	if m == ambiguous {
		e.Outcome = failover.OutcomeUnknown
	}
	return e
}

// errorBody is the envelope. The fields are raw so that one of an unexpected
// type does not hide the others.
type errorBody struct {
	Code    json.RawMessage `json:"code"`
	Message json.RawMessage `json:"message"`
}

// readError reads any body that came with an error.
func readError(body []byte) httpcall.Envelope {
	var b errorBody
	if json.Unmarshal(body, &b) != nil {
		return httpcall.Envelope{Message: httpcall.PlainText(body)}
	}
	code := readCode(b.Code)
	return httpcall.Envelope{Code: code, Message: httpcall.String(b.Message), Class: codes[code].class()}
}

// readCode reads a code: a number or, in a text, one as well. Anything else is
// none.
func readCode(raw json.RawMessage) string {
	code := string(raw)
	if s := httpcall.String(raw); s != "" {
		code = s
	}
	if code == "" || strings.Trim(code, "0123456789") != "" {
		return ""
	}
	return code
}

// lateError is why a message or a call failed after the vendor had taken it, by
// a code of a webhook. What the vendor says that it knows did not happen
// certainly did not; of the rest, and of codes that are not listed, that cannot
// be said.
func lateError(code, message string, recipient error) *failover.Error {
	m := codes[code]
	e := &failover.Error{
		Class: m.class(), Code: httpcall.Code(code), Message: httpcall.Message(message), Err: m.cause(recipient),
	}
	if m != unlisted && m != ambiguous {
		e.Outcome = failover.OutcomeNotAccepted
	}
	return e
}

// fault is what is wrong with an answer or a webhook; safe to print.
type fault string

func (f fault) Error() string { return string(f) }

// SafeToPrint says that the text holds nothing secret.
func (f fault) SafeToPrint() {}

const (
	errNoSID     = fault("the answer names no message or call")
	errNoList    = fault("the answer is no list")
	errNoAccount = fault("the answer is no account")
	errNotActive = fault("the account is not active")
	errNoCall    = fault("the id is not that of a call")
)
