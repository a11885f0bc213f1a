package failover

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// HTTPError reads an unsuccessful HTTP response into an [Error]: class and
// outcome by status, Retry-After, and the vendor's request id. It does not
// touch the body; a caller that knows the vendor's envelope fills in Code and
// Message, and may better the Class.
//
//	if resp.StatusCode >= 300 {
//		return failover.HTTPError(resp)
//	}
func HTTPError(resp *http.Response) *Error {
	return &Error{
		Class:      ClassOfStatus(resp.StatusCode),
		Outcome:    OutcomeOfStatus(resp.StatusCode),
		Status:     resp.StatusCode,
		RetryAfter: RetryAfter(resp.Header),
		RequestID:  requestID(resp.Header),
	}
}

// ClassOfStatus returns the class of an HTTP status when nothing more is
// known. Statuses below 300 have no class of failure and give ClassUnknown.
func ClassOfStatus(status int) Class {
	switch status {
	case http.StatusUnauthorized, http.StatusProxyAuthRequired:
		return ClassUnauthorized
	case http.StatusPaymentRequired:
		return ClassExhausted
	case http.StatusForbidden, http.StatusNotFound, http.StatusGone,
		http.StatusRequestEntityTooLarge, http.StatusNotImplemented:
		return ClassUnsupported
	case http.StatusRequestTimeout, http.StatusGatewayTimeout:
		return ClassTimeout
	case http.StatusConflict:
		return ClassTransient
	case http.StatusTooManyRequests:
		return ClassRateLimited
	}
	switch {
	case status < 300:
		return ClassUnknown
	case status < 400:
		// A redirect that was not followed: the address is wrong, not the fault
		// of the moment.
		return ClassUnsupported
	case status < 500:
		return ClassInvalid
	default:
		return ClassTransient
	}
}

// OutcomeOfStatus says whether a request that was answered with status may
// have taken effect. A 2xx accepted it. 3xx, 501, 505 and 4xx other than 408
// and 409 refused it. Every other 5xx, 408 and 409 leave it open: gateways
// answer 502 and 503 after the request went through.
func OutcomeOfStatus(status int) Outcome {
	switch {
	case status == http.StatusRequestTimeout, status == http.StatusConflict:
		return OutcomeUnknown
	case status >= 200 && status < 300:
		return OutcomeAccepted
	case status >= 300 && status < 500,
		status == http.StatusNotImplemented, status == http.StatusHTTPVersionNotSupported:
		return OutcomeNotAccepted
	default:
		return OutcomeUnknown
	}
}

// RetryAfter reads how long a response asks to wait, from Retry-After-Ms
// (milliseconds, as OpenAI sends it) or Retry-After (seconds or an HTTP date,
// RFC 9110 section 10.2.3). A date is read against the response's own Date
// header, so that a wrong clock on either side does no harm; without one it is
// read against the local clock. 0 means that nothing usable was said; the
// result is never negative and never above a year.
func RetryAfter(h http.Header) time.Duration {
	if ms := strings.TrimSpace(h.Get("Retry-After-Ms")); ms != "" {
		if d, ok := parseWait(ms, time.Millisecond); ok {
			return d
		}
	}
	value := strings.TrimSpace(h.Get("Retry-After"))
	if value == "" {
		return 0
	}
	if d, ok := parseWait(value, time.Second); ok {
		return d
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return clampWait(at.Sub(now))
}

// maxWait bounds what is read from a header, so that no arithmetic on it can
// overflow. WithMaxCooldown bounds what is done about it.
const maxWait = 365 * 24 * time.Hour

func parseWait(s string, unit time.Duration) (time.Duration, bool) {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil || n != n {
		return 0, false
	}
	if n >= float64(maxWait/unit) {
		return maxWait, true
	}
	return clampWait(time.Duration(n * float64(unit))), true
}

func clampWait(d time.Duration) time.Duration { return min(max(d, 0), maxWait) }

// requestID finds the vendor's id of a request under the names the vendors
// use.
func requestID(h http.Header) string {
	for _, name := range [...]string{
		"X-Request-Id", "Request-Id", "Dg-Request-Id", "Twilio-Request-Id", "X-Goog-Request-Id", "X-Amzn-Requestid",
	} {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return ""
}
