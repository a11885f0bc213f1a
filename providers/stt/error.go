package stt

import (
	"fmt"
	"io"
	"strconv"

	"github.com/gofailover/failover"
)

// RequestError says which field of a [Request] is wrong, or not to be had from
// one provider. It is the cause of the failover.Error that carries it. Its text
// contains no audio, path, URL or keyword.
type RequestError struct {
	// Field is the name of the field, such as "Language" or "Audio".
	Field string
	// Reason says what is wrong with it.
	Reason string
	// Err is why audio could not be read, which matches fs.ErrNotExist and the
	// like. It may name a path or a URL, and is never printed.
	Err error `json:"-"`
}

// Error names the field and the reason.
func (e *RequestError) Error() string { return "stt: " + e.Field + " " + e.Reason }

// Unwrap returns Err.
func (e *RequestError) Unwrap() error { return e.Err }

// SafeToPrint says that the text holds nothing secret.
func (e *RequestError) SafeToPrint() {}

// Format prints the same for every verb: others would print Err.
func (e *RequestError) Format(f fmt.State, verb rune) { printed(f, verb, e.Error()) }

func printed(f fmt.State, verb rune, text string) {
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

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

// TranscriptError says why what a provider delivered is not all of what was
// asked for. It is the cause of the failover.Error that carries it, of class
// incomplete.
type TranscriptError struct {
	// Reason contains nothing of the transcript.
	Reason string
}

// Error gives the reason.
func (e *TranscriptError) Error() string { return "stt: the transcript " + e.Reason }

// SafeToPrint says that the text holds nothing secret.
func (e *TranscriptError) SafeToPrint() {}

// incomplete is a request that was accepted and answered with less than it
// asked for.
func incomplete(format string, args ...any) error {
	return &failover.Error{
		Class:   failover.ClassIncomplete,
		Outcome: failover.OutcomeAccepted,
		Err:     &TranscriptError{Reason: fmt.Sprintf(format, args...)},
	}
}
