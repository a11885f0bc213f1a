package llm

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gofailover/failover"
)

// RequestError says which field of a [Request] is wrong, or not to be had from
// one provider. It is the cause of the failover.Error that carries it. Its text
// contains nothing of the conversation.
type RequestError struct {
	// Field is the name of the field, such as "Messages[3].Parts[0].Image".
	Field string
	// Reason says what is wrong with it.
	Reason string
}

// Error names the field and the reason.
func (e *RequestError) Error() string { return "llm: " + e.Field + " " + e.Reason }

// SafeToPrint says that the text holds nothing secret.
func (e *RequestError) SafeToPrint() {}

// UnsupportedError says of a request that nobody was asked for why each of the
// providers cannot serve it, as far as that is known. It wraps the router's
// error, a failover.NoneAvailableError.
type UnsupportedError struct {
	// Reasons are by provider's name. They contain nothing of the
	// conversation.
	Reasons map[string]error
	// Err is the router's error.
	Err error
}

// Error gives the router's error and the reasons.
func (e *UnsupportedError) Error() string {
	parts := make([]string, 0, len(e.Reasons))
	for _, name := range slices.Sorted(maps.Keys(e.Reasons)) {
		parts = append(parts, name+": "+e.Reasons[name].Error())
	}
	return e.Err.Error() + ": " + strings.Join(parts, "; ")
}

// Unwrap returns the router's error.
func (e *UnsupportedError) Unwrap() error { return e.Err }

func invalid(field, format string, args ...any) error {
	return &RequestError{Field: field, Reason: fmt.Sprintf(format, args...)}
}

// Invalid makes what Validate found the error of an attempt: the request is at
// fault, and no other provider will like it better. nil stays nil.
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
		Class:   failover.ClassUnsupported,
		Outcome: failover.OutcomeNotAccepted,
		Err:     invalid(field, format, args...),
	}
}
