package main

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/llm"
)

// apiError is an error as OpenAI's clients read it. What vendors said stays
// here: it is about accounts and limits that are not the caller's.
type apiError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Param   string `json:"param,omitempty"`
	Code    string `json:"code,omitempty"`

	status int
	wait   time.Duration // Retry-After
}

const (
	invalidRequest = "invalid_request_error"
	serverError    = "server_error"
)

func (e apiError) Error() string { return e.Message }

// envelope is the body of an error, and the event of one in a stream.
type envelope struct {
	Error apiError `json:"error"`
}

func refuse(w http.ResponseWriter, p apiError) {
	if p.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((p.wait+time.Second-1)/time.Second)))
	}
	writeJSON(w, p.status, envelope{p})
}

// invalid is a request that cannot be read or served; it names the field.
func invalid(param, message string) apiError {
	return apiError{status: http.StatusBadRequest, Message: message, Type: invalidRequest, Param: param}
}

// unreadable is what is wrong with a body.
func unreadable(err error) error {
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return apiError{
			status: http.StatusRequestEntityTooLarge, Type: invalidRequest, Code: "request_too_large",
			Message: "The request is larger than " + strconv.FormatInt(tooLarge.Limit, 10) + " bytes.",
		}
	}
	if p, ok := errors.AsType[apiError](err); ok {
		return p
	}
	return invalid("", "The body is not the JSON of a chat completion request.")
}

// explain finds the words for an error of the client's.
func explain(err error) apiError {
	if p, ok := errors.AsType[apiError](err); ok {
		return p
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return apiError{status: http.StatusGatewayTimeout, Message: "The answer took too long.", Type: serverError, Code: "timeout"}
	}
	switch classOf(err) {
	case failover.ClassInvalid, failover.ClassUnsupported:
		p := invalid("", "The request cannot be served as it is.")
		if e, ok := errors.AsType[*llm.RequestError](err); ok {
			p.Message = e.Field + " " + e.Reason + "."
		}
		return p
	case failover.ClassFiltered:
		return apiError{
			status: http.StatusBadRequest, Message: "A content filter refused the request.", Type: invalidRequest, Code: "content_filter",
		}
	case failover.ClassRateLimited:
		return apiError{
			status: http.StatusTooManyRequests, Message: "All providers are busy.", Type: "requests", Code: "rate_limit_exceeded",
			wait: time.Second,
		}
	default:
		return apiError{
			status: http.StatusServiceUnavailable, Message: "No provider gave an answer.", Type: serverError, Code: "no_provider",
			wait: time.Second,
		}
	}
}

// classOf is what kind of failure an error is to a caller: of several one that
// passes, because then the same request may be good in a moment.
func classOf(err error) failover.Class {
	if none, ok := errors.AsType[*failover.NoneAvailableError](err); ok {
		if slices.ContainsFunc(none.Skipped, func(s failover.Skip) bool { return s.Reason != failover.ReasonUnsupported }) {
			return failover.ClassTransient
		}
		return failover.ClassUnsupported
	}
	if all, ok := errors.AsType[*failover.AllFailedError](err); ok {
		for _, attempt := range all.Attempts {
			switch class := attempt.Class(); class {
			case failover.ClassInvalid, failover.ClassUnsupported, failover.ClassFiltered:
			default:
				return class
			}
		}
	}
	return failover.ClassOf(err)
}
