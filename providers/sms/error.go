package sms

import (
	"fmt"

	"github.com/gofailover/failover"
)

// Why no vendor can help. Both end the operation for all providers, count
// against none, and match with errors.Is.
var (
	// ErrOptedOut: the recipient has asked for no more messages. Sending
	// through another vendor would evade that.
	ErrOptedOut error = reason("sms: the recipient has opted out")
	// ErrInvalidRecipient: there is no such number, or it takes no messages.
	ErrInvalidRecipient error = reason("sms: the recipient's number cannot be reached by message")
)

type reason string

func (r reason) Error() string { return string(r) }

// SafeToPrint says that the text holds nothing secret.
func (r reason) SafeToPrint() {}

// RequestError says which field of a [Message] is wrong, or not to be had from
// one provider. It is the cause of the failover.Error that carries it. Its text
// contains neither number nor body.
type RequestError struct {
	// Field is the name of the field, such as "To".
	Field string
	// Reason says what is wrong with it.
	Reason string

	cause error
}

// Error names the field and the reason.
func (e *RequestError) Error() string { return "sms: " + e.Field + " " + e.Reason }

// Unwrap returns ErrInvalidRecipient where that is what it means.
func (e *RequestError) Unwrap() error { return e.cause }

// SafeToPrint says that the text holds nothing secret.
func (e *RequestError) SafeToPrint() {}

func invalid(field, format string, args ...any) error {
	return &RequestError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Invalid makes what Validate found the error of an attempt: the message is at
// fault, nothing was sent, and no other provider will like it better. nil stays
// nil.
func Invalid(err error) error {
	if err == nil {
		return nil
	}
	return &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: err}
}

// Unsupported says that this provider does not offer what a field asks for,
// while others may. Nothing secret belongs in the reason.
func Unsupported(field, format string, args ...any) error {
	return &failover.Error{
		Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted, Err: invalid(field, format, args...),
	}
}
