package vendorsim

import (
	"fmt"
	"net/http"
)

const anthropicRequestID = "req_anthropic_1"

// anthropicKinds are the types of errors by status.
var anthropicKinds = map[int]string{
	400: "invalid_request_error",
	401: "authentication_error",
	402: "billing_error",
	403: "permission_error",
	404: "not_found_error",
	408: "timeout_error",
	409: "conflict_error",
	413: "request_too_large",
	429: "rate_limit_error",
	500: "api_error",
	504: "timeout_error",
	529: "overloaded_error",
}

// anthropicTexts are messages that a client has to read, because the vendor
// has one type for all of them. Their keys are codes of this package's own.
var anthropicTexts = map[string]string{
	"credit_balance": "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or " +
		"purchase credits.",
	"usage_limits":  "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.",
	"prompt_length": "prompt is too long: 210000 tokens > 200000 maximum",
	"prefill":       anthropicNoPrefill,
}

const anthropicNoPrefill = "This model does not support assistant message prefill. The conversation must end with a user message."

// anthropicRefuse takes a type as a code, and the keys of anthropicTexts.
func anthropicRefuse(status int, code string) Answer {
	kind := code
	message, special := anthropicTexts[code]
	if kind == "" || special {
		kind = anthropicKinds[status]
	}
	switch {
	case special:
	case kind == "overloaded_error":
		message = "Overloaded"
	case kind == "authentication_error":
		message = "invalid x-api-key"
	default:
		message = "Refused on command."
	}
	if kind == "" {
		kind = "api_error"
	}
	return anthropicError(status, kind, message)
}

func anthropicError(status int, kind, message string) Answer {
	a := jsonAnswer(status, object{
		"type": "error", "error": object{"type": kind, "message": message}, "request_id": anthropicRequestID,
	})
	a.Header.Set("Request-Id", anthropicRequestID)
	a.Header.Set("X-Should-Retry", map[bool]string{true: "true", false: "false"}[status >= 429])
	return a
}

func anthropicInvalid(format string, args ...any) *Answer {
	a := anthropicError(http.StatusBadRequest, "invalid_request_error", fmt.Sprintf(format, args...))
	return &a
}

// anthropicEvent is an error inside a stream.
func anthropicEvent(a Answer) []byte { return fmt.Appendf(nil, "event: error\ndata: %s\n\n", a.Body) }
