package vendorsim

import (
	"fmt"
	"net/http"
)

// openAIUsual is the code that goes with a status, most of the time.
var openAIUsual = map[int]string{
	401: "invalid_api_key",
	403: "unsupported_country_region_territory",
	404: "model_not_found",
	429: "rate_limit_exceeded",
	503: "server_is_overloaded",
}

// openAIKinds are the types of errors, by their code and else by their status.
var (
	openAIKinds = map[string]string{
		"insufficient_quota":                   "insufficient_quota",
		"credit_balance_exhausted":             "insufficient_quota",
		"billing_not_active":                   "billing_not_active",
		"rate_limit_exceeded":                  "requests",
		"slow_down":                            "service_unavailable_error",
		"server_is_overloaded":                 "service_unavailable_error",
		"unsupported_country_region_territory": "request_forbidden",
		"content_policy_violation":             "image_generation_user_error",
	}
	openAIStatuses = map[int]string{
		429: "requests", 500: "server_error", 502: "server_error", 503: "server_error", 504: "server_error",
	}
)

// openAITexts are messages that a client may have to read.
var openAITexts = map[string]string{
	"invalid_api_key":     "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
	"insufficient_quota":  "You exceeded your current quota, please check your plan and billing details.",
	"billing_not_active":  "Your account is not active, please check your billing details on our website.",
	"rate_limit_exceeded": "Rate limit reached for requests. Please try again in 6s.",
	"context_length_exceeded": "This model's maximum context length is 8192 tokens. However, your messages resulted in 10000 tokens. " +
		"Please reduce the length of the messages.",
	"content_filter": "The response was filtered due to the prompt triggering the content management policy.",
}

// openAIParams are the fields that an error is about.
var openAIParams = map[string]string{"context_length_exceeded": "messages", "content_filter": "prompt"}

func openAIRefuse(status int, code string) Answer {
	if code == "" {
		code = openAIUsual[status]
	}
	kind := openAIKinds[code]
	if kind == "" {
		kind = openAIStatuses[status]
	}
	if kind == "" {
		kind = "invalid_request_error"
	}
	message := openAITexts[code]
	if message == "" {
		message = "Refused on command."
	}
	return openAIError(status, kind, code, openAIParams[code], message)
}

// openAIError has null where it has nothing to say.
func openAIError(status int, kind, code, param, message string) Answer {
	a := jsonAnswer(status, object{"error": object{
		"message": message, "type": kind, "param": orNull(param), "code": orNull(code),
	}})
	a.Header.Set("X-Request-ID", "req_openai_1")
	return a
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// openAIInvalid is about one field of a request.
func openAIInvalid(param, code, format string, args ...any) *Answer {
	a := openAIError(http.StatusBadRequest, "invalid_request_error", code, param, fmt.Sprintf(format, args...))
	return &a
}

// openAIEvent is an error inside a stream.
func openAIEvent(a Answer) []byte { return fmt.Appendf(nil, "data: %s\n\n", a.Body) }
