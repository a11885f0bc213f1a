package deepgram

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

const codeInsufficientPermissions = "INSUFFICIENT_PERMISSIONS"

// classes is what the vendor's codes mean where the status does not say it, or
// says something else; see https://developers.deepgram.com/docs/errors. Many
// errors have no code but "Bad Request": those are left to their status, never
// told apart by their message.
var classes = map[string]failover.Class{
	"INVALID_AUTH": failover.ClassUnauthorized,

	// Arrives as 401 or 403: the key is good, but not for this.
	codeInsufficientPermissions: failover.ClassUnsupported,

	"ASR_PAYMENT_REQUIRED": failover.ClassExhausted,
	"PAYMENT_REQUIRED":     failover.ClassExhausted,
	"INSUFFICIENT_CREDITS": failover.ClassExhausted,

	"TOO_MANY_REQUESTS":   failover.ClassRateLimited,
	"RATE_LIMIT_EXCEEDED": failover.ClassRateLimited,

	"PROJECT_NOT_FOUND":        failover.ClassUnsupported,
	"MODEL_NOT_FOUND":          failover.ClassUnsupported,
	"UNSUPPORTED_MODEL":        failover.ClassUnsupported,
	"UNSUPPORTED_LANGUAGE":     failover.ClassUnsupported,
	"UNSUPPORTED_AUDIO_FORMAT": failover.ClassUnsupported,
	"PAYLOAD_TOO_LARGE":        failover.ClassUnsupported,
}

// errorBody has the fields of both envelopes: err_code and err_msg of the
// older, category, message and details of the newer. The fields are raw so
// that one of an unexpected type does not hide the others.
type errorBody struct {
	ErrCode   json.RawMessage `json:"err_code"`
	ErrMsg    json.RawMessage `json:"err_msg"`
	Category  json.RawMessage `json:"category"`
	Message   json.RawMessage `json:"message"`
	RequestID json.RawMessage `json:"request_id"`
}

// readError reads any body that came with an error: an object of either
// envelope, a JSON string, or plain text.
func readError(body []byte) httpcall.Envelope {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return httpcall.Envelope{}
	}
	if body[0] == '"' {
		return httpcall.Envelope{Message: httpcall.String(body)}
	}
	var e errorBody
	if json.Unmarshal(body, &e) != nil {
		return httpcall.Envelope{Message: httpcall.PlainText(body)}
	}
	said := httpcall.Envelope{
		Code:      httpcall.String(e.ErrCode),
		Message:   httpcall.String(e.ErrMsg),
		RequestID: httpcall.String(e.RequestID),
	}
	if said.Code == "" {
		said.Code = httpcall.String(e.Category)
	}
	if said.Message == "" {
		said.Message = httpcall.String(e.Message)
	}
	said.Class = classes[strings.ToUpper(said.Code)]
	return said
}
