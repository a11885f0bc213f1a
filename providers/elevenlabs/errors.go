package elevenlabs

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

const codeMissingPermissions = "missing_permissions"

// classes is what the vendor's codes mean where the status does not say it, or
// says something else. Documented codes of both generations of the API, and
// their types; see https://elevenlabs.io/docs/eleven-api/resources/errors and
// https://help.elevenlabs.io/hc/en-us/articles/19572237925521.
var classes = map[string]failover.Class{
	// Arrives as 401.
	"quota_exceeded":       failover.ClassExhausted,
	"insufficient_credits": failover.ClassExhausted,
	"payment_required":     failover.ClassExhausted,

	"invalid_api_key":              failover.ClassUnauthorized,
	"missing_api_key":              failover.ClassUnauthorized,
	"needs_authorization":          failover.ClassUnauthorized,
	"invalid_authorization_header": failover.ClassUnauthorized,
	"authentication_error":         failover.ClassUnauthorized,
	// The account is suspended for what it looks like; no request will pass.
	"detected_unusual_activity": failover.ClassUnauthorized,

	"rate_limit_exceeded":          failover.ClassRateLimited,
	"concurrent_limit_exceeded":    failover.ClassRateLimited,
	"too_many_concurrent_requests": failover.ClassRateLimited,
	"system_busy":                  failover.ClassRateLimited,
	"rate_limit_error":             failover.ClassRateLimited,

	// The request is good, this account or model cannot serve it.
	codeMissingPermissions:            failover.ClassUnsupported, // arrives as 401
	"authorization_error":             failover.ClassUnsupported,
	"voice_not_found":                 failover.ClassUnsupported,
	"model_not_found":                 failover.ClassUnsupported,
	"not_found":                       failover.ClassUnsupported,
	"not_found_error":                 failover.ClassUnsupported,
	"model_can_not_do_text_to_speech": failover.ClassUnsupported,
	"unsupported_model":               failover.ClassUnsupported,
	"unsupported_language":            failover.ClassUnsupported,
	"max_character_limit_exceeded":    failover.ClassUnsupported,
	"text_too_long":                   failover.ClassUnsupported,
	"output_format_not_allowed":       failover.ClassUnsupported,
	"paid_plan_required":              failover.ClassUnsupported, // arrives as 402
	"subscription_required":           failover.ClassUnsupported,
	"feature_not_available":           failover.ClassUnsupported,

	"content_against_policy":   failover.ClassFiltered,
	"content_policy_violation": failover.ClassFiltered,
}

// errorBody is the envelope: detail is an object of the new or the old
// generation, a list of validation errors, or a text.
type errorBody struct {
	Detail json.RawMessage `json:"detail"`
}

// errorDetail is the object of both generations: the old one has status and
// message. The fields are raw so that one of an unexpected type does not hide
// the others.
type errorDetail struct {
	Type      json.RawMessage `json:"type"`
	Code      json.RawMessage `json:"code"`
	Status    json.RawMessage `json:"status"`
	Message   json.RawMessage `json:"message"`
	RequestID json.RawMessage `json:"request_id"`
}

type validationError struct {
	Type json.RawMessage `json:"type"`
	Msg  json.RawMessage `json:"msg"`
}

// readError reads any body that came with an error.
func readError(body []byte) httpcall.Envelope {
	var outer errorBody
	if json.Unmarshal(body, &outer) != nil {
		return httpcall.Envelope{Message: httpcall.PlainText(body)}
	}
	switch detail := bytes.TrimSpace(outer.Detail); {
	case len(detail) == 0:
		return httpcall.Envelope{}
	case detail[0] == '{':
		return readDetail(detail)
	case detail[0] == '[':
		return readValidation(detail)
	default:
		return httpcall.Envelope{Message: httpcall.String(detail)}
	}
}

func readDetail(detail []byte) httpcall.Envelope {
	var d errorDetail
	if json.Unmarshal(detail, &d) != nil {
		return httpcall.Envelope{}
	}
	said := httpcall.Envelope{Message: httpcall.String(d.Message), RequestID: httpcall.String(d.RequestID)}
	// The most telling name first; the first that is known decides.
	for _, raw := range []json.RawMessage{d.Code, d.Status, d.Type} {
		name := httpcall.String(raw)
		if said.Code == "" {
			said.Code = name
		}
		if class, ok := classes[strings.ToLower(name)]; ok {
			said.Code, said.Class = name, class
			break
		}
	}
	return said
}

func readValidation(detail []byte) httpcall.Envelope {
	var all []validationError
	if json.Unmarshal(detail, &all) != nil || len(all) == 0 {
		return httpcall.Envelope{}
	}
	return httpcall.Envelope{Code: httpcall.String(all[0].Type), Message: httpcall.String(all[0].Msg)}
}
