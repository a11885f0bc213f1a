package sms

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofailover/failover/internal/phone"
)

// Message is one text message to one recipient.
type Message struct {
	// To is the recipient's number in E.164, such as "+15005550006". Required.
	To string
	// From is a name in the providers' [Senders] tables, or a number, short
	// code or sender id that is in one of them. Empty takes each table's row
	// "". A provider that does not own it is left out.
	From string
	// Body is the text, valid UTF-8. Required unless there is Media. How long
	// it may be is the vendor's to say.
	Body string
	// Media are the URLs of pictures and the like (MMS), at most 10. A vendor
	// or sender without MMS refuses them.
	Media []string
	// StatusCallback is the URL that the vendor tells what becomes of the
	// message. The adapter adds the parameters failover_operation,
	// failover_attempt and failover_provider, by which [Client.Report] finds
	// the attempt again. Empty: the vendor tells what its own settings say.
	StatusCallback string
	// Validity is how long the message may wait at the vendor before it is
	// sent, from 1 s to 10 h, in whole seconds: an old one-time password should
	// not arrive after its successor. It bounds the wait in the vendor's queue,
	// not delivery. Vendors without such a limit (Telnyx) send without. 0 is the
	// vendor's own limit, hours.
	Validity time.Duration
}

// Limits of the fields of a Message: the widest that any vendor takes.
const (
	maxMedia    = 10
	maxValidity = 10 * time.Hour
)

// Validate says what is wrong with the message whoever sends it; nil if nothing
// is. [Client.Send] and the providers of this module call it before anything is
// sent. Its errors contain neither number nor text.
func (m Message) Validate() error {
	switch {
	case m.To == "":
		return &RequestError{Field: "To", Reason: "is empty"}
	case !phone.IsE164(m.To):
		return &RequestError{
			Field: "To", Reason: "is no number in E.164: a plus, the country code and the number, digits only",
			cause: ErrInvalidRecipient,
		}
	case strings.TrimSpace(m.Body) == "" && len(m.Media) == 0:
		return &RequestError{Field: "Body", Reason: "is empty, and there is no Media"}
	case !utf8.ValidString(m.Body):
		return &RequestError{Field: "Body", Reason: "is not valid UTF-8"}
	case len(m.Media) > maxMedia:
		return invalid("Media", "has %d URLs, more than %d", len(m.Media), maxMedia)
	case m.StatusCallback != "" && !phone.IsURL(m.StatusCallback):
		return &RequestError{Field: "StatusCallback", Reason: "is no absolute http or https URL"}
	case m.Validity < 0 || m.Validity > maxValidity || m.Validity%time.Second != 0:
		return invalid("Validity", "%v is not in whole seconds up to %v", m.Validity, maxValidity)
	}
	if i := slices.IndexFunc(m.Media, func(u string) bool { return !phone.IsURL(u) }); i >= 0 {
		return invalid("Media", "%d is no absolute http or https URL", i)
	}
	return nil
}

// Senders maps the sender names an application uses to what it owns at one
// vendor: a number, a short code, a sender id, or the vendor's id of a pool of
// them.
//
//	sms.Senders{"": "+15005550001", "alerts": "MG0123456789abcdef0123456789abcdef"}
//
// The row "" is the sender of messages that name none. A name without a row is
// not sent through the vendor, unless it is one of the table's values, or
// explicit, as in "twilio:+15005550001": a number that belongs to another
// vendor would be refused, or worse, be sent under a name that is not yours.
type Senders map[string]string

// Own finds what the vendor sends as for a message's From. vendor is the prefix
// of explicit senders, such as "twilio".
func (s Senders) Own(vendor, from string) (string, bool) { return phone.Sender(s, vendor, from) }
