package failover

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// Error is one failed attempt, read once at the boundary to the provider.
// Adapters return it; an error of any other type is turned into one by the
// classifier (see [Classify]).
//
// What it prints is safe to log: provider, class, status, code, request id,
// and for network errors the operation and the reason. The vendor's message
// and the cause are there to be read as fields, but appear in no Error, JSON
// or log output, because vendors echo keys, prompts and phone numbers in them.
type Error struct {
	// Provider is the name of the provider; the router fills it in.
	Provider string `json:"provider,omitzero"`
	// Class decides what happens next.
	Class Class `json:"class"`
	// Outcome says whether the attempt may have taken effect. It is read only
	// where side effects are at stake; leave it zero (unknown) unless sure.
	Outcome Outcome `json:"outcome"`
	// Status is the HTTP status, 0 if there was none.
	Status int `json:"status,omitzero"`
	// Code is the vendor's own code, such as "insufficient_quota".
	Code string `json:"code,omitzero"`
	// Message is the vendor's text. Readable here, never printed.
	Message string `json:"-"`
	// RetryAfter is how long the vendor asked to wait, 0 if it did not say.
	RetryAfter time.Duration `json:"retry_after,omitzero"`
	// RequestID is the vendor's id of the request.
	RequestID string `json:"request_id,omitzero"`
	// Err is the cause. Reachable with errors.Is and errors.As. Its text is not
	// printed unless its type promises that it holds nothing secret, by having
	// a method SafeToPrint().
	Err error `json:"-"`
}

// Error returns provider, class and what identifies the failure at the vendor,
// for example "openai: rate_limited (429 rate_limit_exceeded, request req_1)".
func (e *Error) Error() string {
	if e == nil {
		return "<nil>" // a nil pointer that was returned as an error is no reason to panic
	}
	var b strings.Builder
	if e.Provider != "" {
		b.WriteString(e.Provider)
		b.WriteString(": ")
	}
	b.WriteString(e.Class.String())
	if d := e.detail(); d != "" {
		b.WriteString(" (")
		b.WriteString(d)
		b.WriteString(")")
	}
	return b.String()
}

// detail is what stands in the brackets: "429 rate_limit_exceeded, request x",
// "dial: connection refused" or, for a foreign error, its type.
func (e *Error) detail() string {
	var parts []string
	switch {
	case e.Status != 0 && e.Code != "":
		parts = append(parts, strconv.Itoa(e.Status)+" "+printable(e.Code))
	case e.Status != 0:
		parts = append(parts, strconv.Itoa(e.Status))
	case e.Code != "":
		parts = append(parts, printable(e.Code))
	}
	if reason := e.reason(); reason != "" {
		parts = append(parts, reason)
	}
	if e.RequestID != "" {
		parts = append(parts, "request "+printable(e.RequestID))
	}
	if e.RetryAfter > 0 {
		parts = append(parts, "retry after "+e.RetryAfter.String())
	}
	return strings.Join(parts, ", ")
}

// reason is why there was no answer, or a success that was none; a status and
// a code say enough by themselves.
func (e *Error) reason() string {
	if e.Status >= 300 || e.Code != "" {
		return ""
	}
	return safeReason(e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Err
}

// Format prints the same for every verb, so that %+v and %#v cannot reach the
// fields that Error leaves out, of a pointer or of a value.
func (e Error) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// LogValue implements slog.LogValuer with the fields that Error prints.
func (e *Error) LogValue() slog.Value {
	if e == nil {
		return slog.Value{}
	}
	attrs := make([]slog.Attr, 0, 6)
	if e.Provider != "" {
		attrs = append(attrs, slog.String("provider", e.Provider))
	}
	attrs = append(attrs, slog.String("class", e.Class.String()))
	if e.Status != 0 {
		attrs = append(attrs, slog.Int("status", e.Status))
	}
	if e.Code != "" {
		attrs = append(attrs, slog.String("code", printable(e.Code)))
	}
	if e.RequestID != "" {
		attrs = append(attrs, slog.String("request_id", printable(e.RequestID)))
	}
	if e.RetryAfter > 0 {
		attrs = append(attrs, slog.Duration("retry_after", e.RetryAfter))
	}
	if reason := e.reason(); reason != "" {
		attrs = append(attrs, slog.String("reason", reason))
	}
	return slog.GroupValue(attrs...)
}

// printable keeps vendor codes and ids from carrying control characters or
// whole bodies into logs: at most 80 characters, the unprintable dropped.
func printable(s string) string {
	const most = 80
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r > 0x7e {
			return -1
		}
		return r
	}, s)
	if len(clean) > most {
		return clean[:most] + "..."
	}
	return clean
}
