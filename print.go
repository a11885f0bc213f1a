package failover

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"syscall"
)

// formatError prints err.Error() for every verb. Without it %+v and %#v would
// print what Error leaves out.
func formatError(f fmt.State, verb rune, err error) {
	text := err.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

// safeReason says why a call failed without naming addresses, URLs or bodies:
// the operation and reason of a network error, our own errors by their text,
// and of any other error its type only.
func safeReason(err error) string {
	if err == nil {
		return ""
	}
	if own, ok := errors.AsType[ownError](err); ok {
		return strings.TrimPrefix(own.Error(), "failover: ")
	}
	if reason := netReason(err); reason != "" {
		return reason
	}
	for _, known := range []error{
		context.DeadlineExceeded, context.Canceled, io.ErrUnexpectedEOF, io.EOF,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return typeName(err)
}

// ownError marks errors whose text is safe to print wherever they turn up:
// those of this package, and of adapters that promise it.
type ownError interface {
	error
	SafeToPrint()
}

// sentinel is an error of this package that callers compare with errors.Is.
type sentinel string

func (s sentinel) Error() string { return "failover: " + string(s) }
func (s sentinel) SafeToPrint()  {}

func netReason(err error) string {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		switch {
		case dns.IsNotFound:
			return "lookup: no such host"
		case dns.IsTimeout:
			return "lookup: timeout"
		default:
			return "lookup: failed"
		}
	}
	if reason := tlsReason(err); reason != "" {
		return reason
	}
	op := ""
	if e, ok := errors.AsType[*net.OpError](err); ok {
		if fmt.Sprintf("%T", e.Err) == "tls.alert" { // not exported; its text is of a fixed list
			return printable(e.Err.Error())
		}
		op = printable(e.Op) + ": "
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return op + errno.Error()
	}
	if t, ok := errors.AsType[net.Error](err); ok && t.Timeout() {
		return op + "timeout"
	}
	if op != "" {
		return op + "failed"
	}
	return ""
}

func tlsReason(err error) string {
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return alert.Error()
	}
	if isErr[*tls.CertificateVerificationError](err) || isErr[x509.UnknownAuthorityError](err) ||
		isErr[x509.HostnameError](err) || isErr[x509.CertificateInvalidError](err) {
		return "tls: certificate not trusted"
	}
	if isErr[tls.RecordHeaderError](err) || errors.Is(err, http.ErrSchemeMismatch) {
		return "tls: not a TLS answer"
	}
	return ""
}

func isErr[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// typeName names the type of a foreign error, looking through wrappers. Types
// that say nothing, such as *errors.errorString, give "".
func typeName(err error) string {
	for err != nil {
		switch e := err.(type) { //nolint:errorlint // the chain is walked here
		case masked:
			err = e.err
			continue
		case classified:
			err = e.err
			continue
		case *Error:
			return "" // it has said what it has to say
		}
		switch name := fmt.Sprintf("%T", err); name {
		case "*errors.errorString", "*fmt.wrapError", "*fmt.wrapErrors", "*errors.joinError":
			err = errors.Unwrap(err)
		default:
			return printable(name)
		}
	}
	return ""
}
