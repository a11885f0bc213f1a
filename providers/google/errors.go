package google

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/genai"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// reasons is what the reason of a google.rpc.ErrorInfo means. It says more than
// the status: a bad key arrives as INVALID_ARGUMENT. See
// https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto.
var reasons = map[string]failover.Class{
	"API_KEY_INVALID":       failover.ClassUnauthorized, // arrives as 400
	"ACCESS_TOKEN_EXPIRED":  failover.ClassUnauthorized,
	"CREDENTIALS_MISSING":   failover.ClassUnauthorized,
	"ACCOUNT_STATE_INVALID": failover.ClassUnauthorized,
	"CONSUMER_INVALID":      failover.ClassUnauthorized,
	"CONSUMER_SUSPENDED":    failover.ClassUnauthorized,

	"BILLING_DISABLED": failover.ClassExhausted, // arrives as 403

	"API_KEY_SERVICE_BLOCKED":       failover.ClassUnsupported,
	"API_KEY_HTTP_REFERRER_BLOCKED": failover.ClassUnsupported,
	"API_KEY_IP_ADDRESS_BLOCKED":    failover.ClassUnsupported,
	"SERVICE_DISABLED":              failover.ClassUnsupported,
	"LOCATION_POLICY_VIOLATED":      failover.ClassUnsupported,
}

// statuses is what google.rpc.Code means where it says more than the HTTP
// status, or where there is none: inside a stream that began well. See
// https://ai.google.dev/gemini-api/docs/troubleshooting.
var statuses = map[string]failover.Class{
	"CANCELLED":           failover.ClassTransient, // 499: by them, not by us
	"UNKNOWN":             failover.ClassTransient,
	"INTERNAL":            failover.ClassTransient,
	"UNAVAILABLE":         failover.ClassTransient,
	"ABORTED":             failover.ClassTransient,
	"DATA_LOSS":           failover.ClassTransient,
	"DEADLINE_EXCEEDED":   failover.ClassTimeout,
	"RESOURCE_EXHAUSTED":  failover.ClassRateLimited, // 402 with it is money
	"FAILED_PRECONDITION": failover.ClassExhausted,   // 400: no free tier here, and billing is off
	"UNAUTHENTICATED":     failover.ClassUnauthorized,
	"PERMISSION_DENIED":   failover.ClassUnsupported,
	"NOT_FOUND":           failover.ClassUnsupported,
	"UNIMPLEMENTED":       failover.ClassUnsupported,
	"INVALID_ARGUMENT":    failover.ClassInvalid,
	"OUT_OF_RANGE":        failover.ClassInvalid,
	"ALREADY_EXISTS":      failover.ClassInvalid,
}

// words tell apart what Google gives one status and no code: the class of a
// message that contains all of them, in lower case.
var words = []struct {
	status string
	all    []string
	class  failover.Class
}{
	{"INVALID_ARGUMENT", []string{"api key"}, failover.ClassUnauthorized},
	{"INVALID_ARGUMENT", []string{"token count", "exceeds"}, failover.ClassUnsupported},
	// Models and features: "Requests ending with a model turn are not
	// supported.", "Image input modality is not enabled for …".
	{"INVALID_ARGUMENT", []string{"not supported"}, failover.ClassUnsupported},
	{"INVALID_ARGUMENT", []string{"is not enabled for"}, failover.ClassUnsupported},
	{"INVALID_ARGUMENT", []string{"unsupported"}, failover.ClassUnsupported},
	{"FAILED_PRECONDITION", []string{"billing"}, failover.ClassExhausted},
	{"FAILED_PRECONDITION", []string{"location is not supported"}, failover.ClassUnsupported},
	{"RESOURCE_EXHAUSTED", []string{"credits are depleted"}, failover.ClassExhausted},
	{"RESOURCE_EXHAUSTED", []string{"spending cap"}, failover.ClassExhausted},
	{"RESOURCE_EXHAUSTED", []string{"spend cap"}, failover.ClassExhausted},
}

// errorBody is the envelope. Its error is an object, or a text where a gateway
// answers. Fields are raw so that one of an unexpected type does not hide the
// others.
type errorBody struct {
	Error json.RawMessage `json:"error"`
}

type errorObject struct {
	Code    json.RawMessage   `json:"code"`
	Status  json.RawMessage   `json:"status"`
	Message json.RawMessage   `json:"message"`
	Details []json.RawMessage `json:"details"`
}

// detail is what is read of the entries of details, whatever their types.
type detail struct {
	Reason     string `json:"reason"`     // ErrorInfo
	RetryDelay string `json:"retryDelay"` // RetryInfo
	Violations []struct {
		QuotaID string `json:"quotaId"`
	} `json:"violations"` // QuotaFailure
}

// said is what an error said.
type said struct {
	httpcall.Envelope

	wait time.Duration
}

// readError reads any body that came with an error.
func readError(status int, body []byte) said {
	body = bytes.TrimSpace(body)
	if bytes.HasPrefix(body, []byte("[")) { // streams that are not asked for as events are lists
		var list []json.RawMessage
		if json.Unmarshal(body, &list) == nil && len(list) > 0 {
			body = list[0]
		}
	}
	var outer errorBody
	if json.Unmarshal(body, &outer) != nil {
		return said{Envelope: httpcall.Envelope{Message: httpcall.PlainText(body)}}
	}
	var object errorObject
	if json.Unmarshal(outer.Error, &object) != nil {
		return said{Envelope: httpcall.Envelope{Message: httpcall.String(outer.Error)}}
	}
	return object.read(status)
}

func (o errorObject) read(status int) said {
	s := said{Envelope: httpcall.Envelope{Code: httpcall.String(o.Status), Message: httpcall.String(o.Message)}}
	if code, err := strconv.Atoi(string(o.Code)); err == nil && status < http.StatusMultipleChoices {
		status = code
	}
	s.Class = classOf(s.Code, s.Message, status)
	for _, raw := range o.Details {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			continue
		}
		if class, ok := reasons[d.Reason]; ok {
			s.Code, s.Class = d.Reason, class
		}
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil && wait > 0 {
			s.wait = wait
		}
		for _, v := range d.Violations {
			// A quota of the day is not there again in the seconds that the
			// same error asks to wait.
			if s.Class == failover.ClassRateLimited && strings.Contains(v.QuotaID, "PerDay") {
				s.Class = failover.ClassExhausted
			}
		}
	}
	if s.Class == failover.ClassExhausted {
		s.wait = 0
	}
	return s
}

// classOf is the class of a status of google.rpc and its message.
func classOf(name, message string, status int) failover.Class {
	if status == http.StatusPaymentRequired {
		return failover.ClassExhausted
	}
	message = strings.ToLower(message)
	for _, w := range words {
		if w.status == name && containsAll(message, w.all) {
			return w.class
		}
	}
	if class, ok := statuses[name]; ok {
		return class
	}
	return failover.ClassOfStatus(status)
}

func containsAll(s string, all []string) bool {
	for _, part := range all {
		if !strings.Contains(s, part) {
			return false
		}
	}
	return true
}

// response is the HTTP response as far as an error needs it.
func (c *call) response() *http.Response {
	return &http.Response{StatusCode: c.Status(), Header: c.Header()}
}

// refused is the error of what the vendor said.
func (c *call) refused(s said) *failover.Error {
	e := httpcall.Refusal(c.response(), s.Envelope)
	if e.Class == failover.ClassUnknown { // under a good status
		e.Class = failover.ClassIncomplete
	}
	if e.RetryAfter == 0 {
		e.RetryAfter = s.wait
	}
	return e
}

// incomplete is an answer that was begun and is not whole. code is the vendor's
// word for why, if it gave one.
func (c *call) incomplete(code string, cause error) *failover.Error {
	e := failover.HTTPError(c.response())
	e.Class, e.Code, e.Err = failover.ClassIncomplete, httpcall.Code(code), cause
	return e
}

// spoken is what an answer with a good status says in its own fields.
func spoken(class failover.Class, code, message string) said {
	return said{Envelope: httpcall.Envelope{Class: class, Code: code, Message: message}}
}

// failed is the error of a call for which the SDK gave err. The SDK's own
// errors quote answers and URLs; of what they say only what is seen of the call
// is kept.
func (c *call) failed(err error) error {
	switch status := c.Status(); {
	case status >= http.StatusMultipleChoices:
		return c.refused(readError(status, c.Body()))
	case c.Attempts() == 0 && !timeOver(err):
		// The SDK refuses what a WithConfig has set. Its text quotes that.
		return &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted, Err: errUnsent}
	case status == 0:
		return unanswered(err)
	}
	if broke := c.broke(); broke != nil {
		if timeOver(broke) {
			return unanswered(broke)
		}
		return c.incomplete("", broke)
	}
	if e, ok := errors.AsType[genai.APIError](err); ok { // in a stream
		return c.refused(readAPIError(e))
	}
	if e, ok := errors.AsType[answerError](err); ok {
		return c.incomplete("", e)
	}
	return c.incomplete("", httpcall.ErrNotJSON)
}

// readAPIError reads an error that the SDK has read.
func readAPIError(e genai.APIError) said {
	raw, err := json.Marshal(map[string]any{"error": e})
	if err != nil {
		return said{}
	}
	return readError(http.StatusOK, raw)
}

// callError is a call that got no answer, or whose time ran out while it was
// read. It leaves the reading of its cause to failover.Classify and prints what
// that prints.
type callError struct{ err error }

func unanswered(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err // its text is the URL
	}
	return &callError{err}
}

// Error says what happened without address or URL.
func (e *callError) Error() string { return Vendor + ": " + failover.Classify(e.err).Error() }

// Unwrap returns the cause.
func (e *callError) Unwrap() error { return e.err }

// Format prints the same for every verb: %#v would print the cause.
func (e *callError) Format(f fmt.State, verb rune) {
	text := e.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}
