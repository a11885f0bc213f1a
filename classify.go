package failover

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"
)

// Classify reads any error into an [Error], the way the router does it for
// errors that are not one already. It looks, in this order, at
//
//   - an [Error] in the chain, whose fields stand,
//   - the errors of a nested router,
//   - the methods StatusCode() int, Retryable() bool and
//     RetryAfter() time.Duration, which many SDK errors have,
//   - network, TLS, time-out and end-of-file errors.
//
// It never looks at message text. What it cannot read is ClassUnknown.
// Classify(nil) is nil.
func Classify(err error) *Error {
	if err == nil {
		return nil
	}
	r := read(err)
	provider := ""
	if declared, ok := errors.AsType[*Error](err); ok && declared != nil && !r.final {
		provider = declared.Provider
	}
	return r.toError(provider)
}

// reading is what was read from an error. It is a value, so that a failure
// that is never looked at costs no allocation.
type reading struct {
	class      Class
	outcome    Outcome
	status     int
	retryAfter time.Duration
	err        error // as the provider returned it
	dial       bool  // no connection was obtained: dial or DNS
	final      bool  // from a nested router, which did its own retrying
	fence      bool  // of an operation inside that may have taken effect, or was begun before
	local      bool  // a limit of ours, which cools nobody
	unblamed   bool  // ended by the caller or by planning before it had its time
}

// toError makes the Error that callers see.
func (r *reading) toError(provider string) *Error {
	e := &Error{}
	cause := r.err
	if declared, ok := errors.AsType[*Error](r.err); ok && declared != nil && !r.final {
		*e = *declared
		if r.err == error(declared) { //nolint:errorlint // only if nothing is wrapped around it
			cause = declared.Err
		}
	}
	e.Provider, e.Class, e.Outcome = provider, r.class, r.outcome
	e.Status, e.RetryAfter, e.Err = r.status, r.retryAfter, mask(cause)
	return e
}

func read(err error) reading {
	if declared, ok := err.(*Error); ok { //nolint:errorlint // the common case; the chain is searched below
		return readDeclared(declared, err)
	}
	if !says(err) {
		return reading{err: err}
	}
	if r, ok := readNested(err); ok {
		return r
	}
	if declared, ok := errors.AsType[*Error](err); ok {
		return readDeclared(declared, err)
	}
	return readOffered(err)
}

const (
	nothing   = false
	something = true
)

// says tells in one look whether there is anything to read in an error, so
// that one that says nothing costs nothing.
func says(err error) bool {
	switch err { //nolint:errorlint // wrapping is looked for below
	case io.EOF, io.ErrUnexpectedEOF, context.Canceled, net.ErrClosed, http.ErrServerClosed, http.ErrSchemeMismatch:
		return something
	}
	switch err.(type) { //nolint:errorlint // wrapping is one of the things looked for
	case interface{ Unwrap() error }, interface{ Unwrap() []error }, interface{ Is(target error) bool },
		interface{ As(target any) bool }, interface{ StatusCode() int }, interface{ Retryable() bool },
		interface{ RetryAfter() time.Duration }, interface{ Timeout() bool }, ownError,
		x509.UnknownAuthorityError, x509.HostnameError, x509.CertificateInvalidError,
		tls.RecordHeaderError, tls.AlertError:
		return something
	}
	return nothing
}

func readDeclared(e *Error, err error) reading {
	if e == nil {
		return reading{err: err} // a nil pointer in an error: somebody's slip, and no reason to panic
	}
	r := reading{
		class: e.Class, outcome: e.Outcome, status: e.Status,
		retryAfter: clampWait(e.RetryAfter), err: err,
	}
	if r.class >= numClasses {
		r.class = ClassUnknown
	}
	if r.outcome >= numOutcomes {
		r.outcome = OutcomeUnknown
	}
	if r.class == ClassUnknown && e.Status >= 300 {
		r.class = ClassOfStatus(e.Status)
	}
	if e.Err != nil {
		cause := readForeign(e.Err)
		r.dial = cause.dial
		if r.class == ClassUnknown {
			r.class = cause.class
		}
	}
	return r
}

// readOffered asks an SDK's error for what it offers. A status says most, what
// happened to the connection comes next, then whether the SDK would have tried
// again.
func readOffered(err error) reading {
	r := readForeign(err)
	below := r.class
	if e, ok := errors.AsType[interface {
		error
		RetryAfter() time.Duration
	}](err); ok {
		if r.retryAfter = clampWait(e.RetryAfter()); r.retryAfter > 0 {
			r.class = ClassTransient
		}
	}
	if e, ok := errors.AsType[interface {
		error
		Retryable() bool
	}](err); ok {
		r.class = ClassUnsupported
		if e.Retryable() {
			r.class = ClassTransient
		}
	}
	if below != ClassUnknown {
		r.class = below
	}
	if e, ok := errors.AsType[interface {
		error
		StatusCode() int
	}](err); ok {
		if status := e.StatusCode(); status >= 300 && status < 1000 {
			r.status, r.class = status, ClassOfStatus(status)
		}
	}
	return r
}

func readForeign(err error) reading {
	r := reading{err: err, class: ClassUnknown}
	if op, ok := errors.AsType[*net.OpError](err); ok {
		r.dial = op.Op == "dial"
		r.class = ClassTransient
	}
	if isErr[*net.DNSError](err) {
		r.dial = true
		r.class = ClassTransient
	}
	switch {
	case errors.Is(err, ErrAttemptTimeout), errors.Is(err, context.DeadlineExceeded),
		errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		r.class = ClassTimeout
	case errors.Is(err, ErrEmpty), errors.Is(err, io.ErrUnexpectedEOF):
		r.class = ClassIncomplete
	case r.class != ClassUnknown:
	case errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled),
		errors.Is(err, http.ErrServerClosed), errors.Is(err, http.ErrSchemeMismatch),
		isErr[syscall.Errno](err), tlsReason(err) != "":
		r.class = ClassTransient
	}
	return r
}

func isTimeout(err error) bool {
	e, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && e.Timeout()
}

// isRouterError says whether err came out of a router. Its attempts carry
// Errors of their own, which speak for the inner providers only.
func isRouterError(err error) bool { return routerError(err) != nil }

// routerError finds the error of a router in the chain of err.
func routerError(err error) error {
	if e, ok := errors.AsType[*UncertainError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*CanceledError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*DuplicateError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*InterruptedError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*NoneAvailableError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*AllFailedError](err); ok {
		return e
	}
	if e, ok := errors.AsType[*refusal](err); ok {
		return e
	}
	for _, none := range []sentinel{ErrClosed, ErrReentered} {
		if errors.Is(err, none) {
			return none
		}
	}
	return nil
}
