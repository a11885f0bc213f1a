package vendorsim

import (
	"fmt"
	"net/http"
)

// googleStatuses are the names of statuses.
var googleStatuses = map[int]string{
	400: "INVALID_ARGUMENT",
	401: "UNAUTHENTICATED",
	402: "FAILED_PRECONDITION",
	403: "PERMISSION_DENIED",
	404: "NOT_FOUND",
	409: "ABORTED",
	413: "INVALID_ARGUMENT",
	429: "RESOURCE_EXHAUSTED",
	499: "CANCELLED",
	500: "INTERNAL",
	501: "UNIMPLEMENTED",
	503: "UNAVAILABLE",
	504: "DEADLINE_EXCEEDED",
}

// googleSpecial are errors that share their status with others: a client
// knows them by their details or their message. Their keys are codes of this
// package's own, but for API_KEY_INVALID, which is the vendor's reason.
var googleSpecial = map[string]struct {
	message string
	details []any
}{
	"API_KEY_INVALID": {
		message: "API key not valid. Please pass a valid API key.",
		details: []any{object{
			"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com",
			"metadata": object{"service": "generativelanguage.googleapis.com"},
		}},
	},
	"QUOTA_PER_DAY": {
		message: "You exceeded your current quota, please check your plan and billing details.",
		details: []any{quotaFailure("GenerateRequestsPerDayPerProjectPerModel-FreeTier"), retryInfo("41s")},
	},
	"PROMPT_LENGTH": {
		message: "The input token count (1100000) exceeds the maximum number of tokens allowed (1048576).",
	},
}

func quotaFailure(id string) object {
	return object{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []any{object{
		"quotaMetric": "generativelanguage.googleapis.com/generate_content_free_tier_requests", "quotaId": id, "quotaValue": "50",
	}}}
}

func retryInfo(delay string) object {
	return object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}
}

// googleRefuse takes the name of a status as a code, and the keys of
// googleSpecial.
func googleRefuse(status int, code string) Answer {
	name := googleStatuses[status]
	if name == "" {
		name = "UNKNOWN"
	}
	if special, ok := googleSpecial[code]; ok {
		return googleError(status, name, special.message, special.details...)
	}
	if code != "" {
		name = code
	}
	switch name {
	case "RESOURCE_EXHAUSTED":
		return googleError(status, name, "You exceeded your current quota. Please retry in 34s.",
			quotaFailure("GenerateRequestsPerMinutePerProjectPerModel"), retryInfo("34s"))
	case "UNAVAILABLE":
		return googleError(status, name, "The model is overloaded. Please try again later.")
	case "FAILED_PRECONDITION":
		return googleError(status, name, "User location is not supported for the API use without a billing account linked.")
	default:
		return googleError(status, name, "Refused on command.")
	}
}

func googleError(status int, name, message string, details ...any) Answer {
	e := object{"code": status, "message": message, "status": name}
	if len(details) > 0 {
		e["details"] = details
	}
	a := jsonAnswer(status, object{"error": e})
	a.Header.Set("Content-Type", "application/json; charset=UTF-8")
	return a
}

func googleInvalid(format string, args ...any) *Answer {
	a := googleError(http.StatusBadRequest, "INVALID_ARGUMENT", fmt.Sprintf(format, args...))
	return &a
}

// googleEvent is an error inside a stream.
func googleEvent(a Answer) []byte { return fmt.Appendf(nil, "data: %s\r\n\r\n", a.Body) }
