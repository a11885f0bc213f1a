package anthropic

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
)

// classes is what the vendor's types of errors mean, in an answer of any status
// and inside a stream; see https://platform.claude.com/docs/en/api/errors. The
// zero class leaves it to the status.
var classes = map[string]failover.Class{
	"authentication_error": failover.ClassUnauthorized,
	"billing_error":        failover.ClassExhausted,
	"rate_limit_error":     failover.ClassRateLimited,
	"permission_error":     failover.ClassUnsupported,
	"not_found_error":      failover.ClassUnsupported,
	"request_too_large":    failover.ClassUnsupported,
	"timeout_error":        failover.ClassTimeout,
	"api_error":            failover.ClassTransient,
	"overloaded_error":     failover.ClassTransient,
	typeInvalid:            failover.ClassInvalid,
}

const typeInvalid = "invalid_request_error"

// invalid tells apart what the vendor calls an invalid request though it is
// none. It has no type or code for these, only the message.
var invalid = []struct {
	says  string // a part of the message, in lower case
	class failover.Class
}{
	{"credit balance is too low", failover.ClassExhausted},
	{"api usage limits", failover.ClassExhausted},
	{"prompt is too long", failover.ClassUnsupported},
	{"exceed context limit", failover.ClassUnsupported},
	{"image exceeds", failover.ClassUnsupported},
	{"image dimensions exceed", failover.ClassUnsupported},
	{"organization has been disabled", failover.ClassUnauthorized},
	{"maximum allowed number of output tokens", failover.ClassUnsupported},
	{"content filtering policy", failover.ClassFiltered},
	// A model that takes no prefill, temperature or kind of thinking, and a
	// schema with keywords that are not followed.
	{"does not support", failover.ClassUnsupported},
	{"not supported", failover.ClassUnsupported},
	{"deprecated for this model", failover.ClassUnsupported},
	// A thought of a conversation that was changed since.
	{"invalid `signature`", failover.ClassUnsupported},
	{"when thinking is enabled", failover.ClassUnsupported},
	{"when `thinking` is enabled", failover.ClassUnsupported}, // the thoughts before a call of another vendor's are missing
	{"thinking may not be enabled", failover.ClassUnsupported},
}

// errorBody is the envelope, of an answer and of an event. The fields are raw so
// that one of an unexpected type does not hide the others.
type errorBody struct {
	Error     json.RawMessage `json:"error"`
	RequestID json.RawMessage `json:"request_id"`
}

type errorDetail struct {
	Type    json.RawMessage `json:"type"`
	Message json.RawMessage `json:"message"`
}

// readError reads any body that came with an error.
func readError(body []byte) httpcall.Envelope {
	var outer errorBody
	if json.Unmarshal(body, &outer) != nil {
		return httpcall.Envelope{Message: httpcall.PlainText(body)}
	}
	said := httpcall.Envelope{RequestID: httpcall.String(outer.RequestID)}
	var d errorDetail
	if json.Unmarshal(outer.Error, &d) != nil {
		said.Message = httpcall.String(outer.Error) // gateways send a text
		return said
	}
	said.Code, said.Message = httpcall.String(d.Type), httpcall.String(d.Message)
	said.Class = classes[said.Code]
	if said.Code == typeInvalid {
		said.Class = classOfInvalid(said.Message)
	}
	return said
}

func classOfInvalid(message string) failover.Class {
	message = strings.ToLower(message)
	for _, row := range invalid {
		if strings.Contains(message, row.says) {
			return row.class
		}
	}
	return failover.ClassInvalid
}

// failed reads what went wrong with a call that the SDK gave an error for.
func failed(meta *sdkcall.Meta, err error) error {
	if timedOut(err) {
		return &callError{err}
	}
	if refusal := meta.Refusal(readError); refusal != nil {
		return refusal
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		// Inside a stream, under a good status. An error whose type says
		// nothing broke the stream off.
		refusal := httpcall.Refusal(response(meta), readError([]byte(e.RawJSON())))
		if refusal.Class == failover.ClassUnknown {
			refusal.Class = failover.ClassIncomplete
		}
		return refusal
	}
	if meta.Status() == 0 {
		return &callError{err}
	}
	if _, ok := errors.AsType[*json.SyntaxError](err); ok {
		err = httpcall.ErrNotJSON
	}
	return incomplete(meta, err)
}

// response is the head of the answer to a call.
func response(meta *sdkcall.Meta) *http.Response {
	return &http.Response{StatusCode: meta.Status(), Header: meta.Header()}
}

// incomplete is an answer under a good status that is none.
func incomplete(meta *sdkcall.Meta, cause error) error {
	return httpcall.Incomplete(response(meta), cause)
}

// timedOut says that the time was over.
func timedOut(err error) bool {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded) {
		return true
	}
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout()
}

// callError is a call without an answer. It prints no URL, and leaves the
// reading of its cause to failover.Classify.
type callError struct{ err error }

// Error says what happened without address or URL.
func (e *callError) Error() string {
	return Vendor + ": " + failover.Classify(e.Unwrap()).Error()
}

// Unwrap returns the transport's error, without the *url.Error whose text is
// the URL.
func (e *callError) Unwrap() error {
	if outer, ok := errors.AsType[*url.Error](e.err); ok {
		return outer.Err
	}
	return e.err
}

// Format prints the same for every verb: %#v would print the cause.
func (e *callError) Format(f fmt.State, verb rune) {
	text := e.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}

// fault is what is wrong with an answer; safe to print.
type fault string

func (f fault) Error() string { return string(f) }

// SafeToPrint says that the text holds nothing secret.
func (f fault) SafeToPrint() {}

const (
	errEmpty     = fault("the answer is empty")
	errNoReason  = fault("the answer has no stop_reason")
	errNoEnd     = fault("the stream has no message_stop")
	errArguments = fault("the arguments of a tool call are no JSON object")
	errPages     = fault("the list of models does not end")
)
