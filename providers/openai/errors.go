package openai

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/openai/openai-go/v3/packages/ssestream"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
)

// classes is what the vendor's codes and types mean where the status does not
// say it, or says something else: OpenAI's
// (https://developers.openai.com/api/docs/guides/error-codes), and those of
// compatible servers under the name that has one.
var classes = map[string]failover.Class{
	// Money. Most arrive as 429, beside the rate limits.
	"insufficient_quota":                failover.ClassExhausted,
	"billing_not_active":                failover.ClassExhausted,
	"billing_hard_limit_reached":        failover.ClassExhausted,
	"credit_balance_exhausted":          failover.ClassExhausted,
	"organization_spend_limit_exceeded": failover.ClassExhausted,
	"project_spend_limit_exceeded":      failover.ClassExhausted,
	"organization_usage_limit_exceeded": failover.ClassExhausted,
	"billing_error":                     failover.ClassExhausted,
	"insufficient_balance":              failover.ClassExhausted, // DeepSeek
	"insufficient_credits":              failover.ClassExhausted, // OpenRouter
	"credit_limit":                      failover.ClassExhausted, // Together
	"payment_required":                  failover.ClassExhausted,

	"rate_limit_exceeded": failover.ClassRateLimited,
	"slow_down":           failover.ClassRateLimited, // arrives as 503
	"rate_limit_error":    failover.ClassRateLimited,
	"rate_limit":          failover.ClassRateLimited,
	"too_many_requests":   failover.ClassRateLimited,
	"resource_exhausted":  failover.ClassRateLimited, // Google's compatible endpoint

	"invalid_api_key":         failover.ClassUnauthorized,
	"invalid_issuer":          failover.ClassUnauthorized,
	"account_deactivated":     failover.ClassUnauthorized,
	"access_terminated":       failover.ClassUnauthorized,
	"ip_not_authorized":       failover.ClassUnauthorized,
	"invalid_organization":    failover.ClassUnauthorized,
	"mismatched_organization": failover.ClassUnauthorized,
	"mismatched_project":      failover.ClassUnauthorized,
	"authentication_error":    failover.ClassUnauthorized,
	"unauthenticated":         failover.ClassUnauthorized, // Google's compatible endpoint

	// The request is good, this account or model cannot serve it.
	"context_length_exceeded":              failover.ClassUnsupported,
	"model_not_found":                      failover.ClassUnsupported,
	"model_not_available":                  failover.ClassUnsupported, // Together
	"model_decommissioned":                 failover.ClassUnsupported, // Groq
	"deploymentnotfound":                   failover.ClassUnsupported, // Azure
	"operationnotsupported":                failover.ClassUnsupported, // Azure
	"unsupported_country_region_territory": failover.ClassUnsupported,
	"unsupported_parameter":                failover.ClassUnsupported,
	"unsupported_value":                    failover.ClassUnsupported,
	"unsupported_model":                    failover.ClassUnsupported,
	"string_above_max_length":              failover.ClassUnsupported,
	"array_above_max_length":               failover.ClassUnsupported,
	"request_too_large":                    failover.ClassUnsupported,
	"unsupported_format":                   failover.ClassUnsupported, // of audio
	"invalid_language_format":              failover.ClassUnsupported, // a language that whisper-1 has no code for
	"permission_error":                     failover.ClassUnsupported,
	"permission_denied":                    failover.ClassUnsupported,
	"not_found_error":                      failover.ClassUnsupported,

	"content_filter":               failover.ClassFiltered,
	"content_policy_violation":     failover.ClassFiltered,
	"responsibleaipolicyviolation": failover.ClassFiltered, // Azure
	"moderation_blocked":           failover.ClassFiltered,
	"invalid_prompt":               failover.ClassFiltered, // of reasoning models: the prompt is against the policy

	"server_error":              failover.ClassTransient,
	"server_is_overloaded":      failover.ClassTransient,
	"service_unavailable_error": failover.ClassTransient,
	"service_unavailable":       failover.ClassTransient,
	"overloaded_error":          failover.ClassTransient,
	"engine_overloaded":         failover.ClassTransient,
	"internal_error":            failover.ClassTransient,
	"internal_server_error":     failover.ClassTransient,
	"internalservererror":       failover.ClassTransient, // vLLM

	"timeout":         failover.ClassTimeout,
	"request_timeout": failover.ClassTimeout,

	// The model wrote what its server could not read. Both arrive as 400.
	"json_validate_failed": failover.ClassIncomplete, // Groq
	"tool_use_failed":      failover.ClassIncomplete, // Groq
}

// errorBody is the envelope, of OpenAI and of those who have it flat. The
// fields are raw so that one of an unexpected type does not hide the others.
type errorBody struct {
	errorDetail

	Error  json.RawMessage `json:"error"`
	Detail json.RawMessage `json:"detail"`
}

type errorDetail struct {
	Type     json.RawMessage `json:"type"`
	Code     json.RawMessage `json:"code"`
	Status   json.RawMessage `json:"status"`
	Message  json.RawMessage `json:"message"`
	Metadata struct {
		Reasons json.RawMessage `json:"reasons"`
	} `json:"metadata"`
}

// readError reads any body that came with an error: OpenAI's envelope, an
// "error" that is a text, the fields without an envelope (vLLM), a "detail"
// (FastAPI), any of these in a list (Google), or a text.
func readError(body []byte) httpcall.Envelope {
	body = bytes.TrimSpace(body)
	var list []json.RawMessage
	if json.Unmarshal(body, &list) == nil && len(list) > 0 {
		body = list[0]
	}
	if text := httpcall.String(body); text != "" {
		return httpcall.Envelope{Message: text}
	}
	var outer errorBody
	if json.Unmarshal(body, &outer) != nil && !json.Valid(body) {
		return httpcall.Envelope{Message: httpcall.PlainText(body)}
	}
	for _, raw := range []json.RawMessage{outer.Error, outer.Detail} {
		if text := httpcall.String(raw); text != "" {
			return httpcall.Envelope{Message: text}
		}
	}
	var inner errorDetail
	if len(outer.Error) > 0 && json.Unmarshal(outer.Error, &inner) == nil {
		return readDetail(inner)
	}
	return readDetail(outer.errorDetail)
}

func readDetail(d errorDetail) httpcall.Envelope {
	said := httpcall.Envelope{Message: httpcall.String(d.Message)}
	// The most telling name first; the first that is known decides.
	for _, raw := range []json.RawMessage{d.Code, d.Type, d.Status} {
		name := httpcall.String(raw)
		if isNumber(name) {
			continue
		}
		if said.Code == "" {
			said.Code = name
		}
		if class, ok := classes[strings.ToLower(name)]; ok {
			said.Code, said.Class = name, class
			break
		}
	}
	if len(d.Metadata.Reasons) > 0 && said.Class == failover.ClassUnknown {
		said.Class = failover.ClassFiltered // OpenRouter's moderation, under 403
	}
	if said.Class == failover.ClassUnknown && isGeneric(said.Code) && saysTooLong(said.Message) {
		said.Class = failover.ClassUnsupported
	}
	return said
}

func isNumber(s string) bool {
	_, err := strconv.Atoi(s)
	return err == nil
}

// isGeneric says whether a code tells no more than that the request is bad.
func isGeneric(code string) bool {
	switch strings.ToLower(code) {
	case "", "invalid_request_error", "badrequesterror", "bad_request", "invalid_argument", "value_error":
		return true
	}
	return false
}

// saysTooLong reads the text of compatible servers that have no code for a
// conversation that is longer than their model's context: vLLM, Ollama,
// OpenRouter, llama.cpp.
func saysTooLong(message string) bool {
	message = strings.ToLower(message)
	for _, phrase := range []string{"maximum context length", "context length", "context window", "context size"} {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}

// numericStatus is the HTTP status that a body has for its code, as OpenRouter
// and vLLM do; 0 if there is none.
func numericStatus(body []byte) int {
	var outer struct {
		Error struct {
			Code json.RawMessage `json:"code"`
		} `json:"error"`
		Code json.RawMessage `json:"code"`
	}
	_ = json.Unmarshal(body, &outer) // what could be read counts
	for _, raw := range []json.RawMessage{outer.Error.Code, outer.Code} {
		n, err := strconv.Atoi(strings.Trim(string(raw), `"`))
		if err == nil && n >= http.StatusMultipleChoices && n < 600 {
			return n
		}
	}
	return 0
}

// within is the error of a body under a good status, or of an event of a
// stream. What nobody knows is an answer that is not whole.
func within(meta *sdkcall.Meta, body []byte) *failover.Error {
	said := readError(body)
	if said.Class == failover.ClassUnknown {
		status := numericStatus(body)
		switch {
		case status != 0:
			said.Class = failover.ClassOfStatus(status)
		case strings.EqualFold(said.Code, "api_error"): // Ollama's word for all but two statuses
			said.Class = failover.ClassTransient
		default:
			said.Class = failover.ClassIncomplete
		}
	}
	e := httpcall.Refusal(&http.Response{StatusCode: meta.Status(), Header: meta.Header()}, said)
	if e.Code == "" && e.Message == "" {
		e.Err = httpcall.ErrNotJSON
	}
	return e
}

// spoiled is an answer under a good status that is not one: the error in its
// body, or else cause.
func spoiled(meta *sdkcall.Meta, body []byte, cause error) *failover.Error {
	if said := readError(body); (said.Code != "" || said.Message != "") && bytes.HasPrefix(bytes.TrimSpace(body), []byte("{")) {
		return within(meta, body)
	}
	return incomplete(meta, cause)
}

// incomplete is an answer that is not whole.
func incomplete(meta *sdkcall.Meta, cause error) *failover.Error {
	e := failover.HTTPError(&http.Response{StatusCode: meta.Status(), Header: meta.Header()})
	e.Class, e.RetryAfter, e.Err = failover.ClassIncomplete, 0, cause
	return e
}

// answerError is a fault of an answer, safe to print.
type answerError string

func (e answerError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e answerError) SafeToPrint() {}

const (
	errNoChoice   = answerError("the answer has no choices")
	errEmpty      = answerError("the answer is empty")
	errUnfinished = answerError("the stream ended before the answer did")
	errNotEvents  = answerError("the answer is no stream")
	errBadCall    = answerError("the answer has a tool call that is not whole")
)

// failed reads the error of a call that was not refused and whose context goes
// on: the vendor could not be asked, did not answer, or not well.
func failed(meta *sdkcall.Meta, err error) error {
	if e, ok := errors.AsType[*ssestream.StreamError](err); ok {
		return within(meta, e.Event.Data)
	}
	if meta.Status() == 0 || timedOut(err) {
		// The text of an url.Error is the URL.
		if e, ok := errors.AsType[*url.Error](err); ok {
			err = e.Err
		}
		return failover.Classify(err)
	}
	switch {
	case errors.Is(err, bufio.ErrTooLong), errors.Is(err, httpcall.ErrTooLong):
		return incomplete(meta, httpcall.ErrTooLong)
	case errors.Is(err, io.ErrUnexpectedEOF), isNet(err):
		return incomplete(meta, err)
	}
	return incomplete(meta, httpcall.ErrNotJSON)
}

func isNet(err error) bool {
	_, ok := errors.AsType[net.Error](err)
	return ok
}

// timedOut says that the time was over, not the body.
func timedOut(err error) bool {
	e, ok := errors.AsType[net.Error](err)
	return ok && e.Timeout() || errors.Is(err, os.ErrDeadlineExceeded)
}

// audioOutcome is what became of a call of a model that speaks or hears.
func audioOutcome(ctx context.Context, meta *sdkcall.Meta, err error) error {
	err = outcome(ctx, meta, err)
	if e, ok := err.(*failover.Error); ok && //nolint:errorlint // as outcome made it
		e.Class == failover.ClassInvalid && isVague(e.Code) && saysTooMuch(e.Message) {
		e.Class = failover.ClassUnsupported
	}
	return err
}

// isVague says whether a code tells no more than that some value is bad.
func isVague(code string) bool { return isGeneric(code) || code == "invalid_value" }

// saysTooMuch reads what the audio endpoints have no code for: a text or a
// recording that is longer than the model takes.
func saysTooMuch(message string) bool {
	for _, phrase := range []string{
		"is over the maximum input limit of",  // tokens of a text
		"which is the maximum for this model", // seconds of a recording
		"string_too_long",                     // characters of a text
	} {
		if strings.Contains(message, phrase) {
			return true
		}
	}
	return false
}
