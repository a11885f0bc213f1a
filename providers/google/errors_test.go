package google_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// canary is what no error may print.
const canary = "canary, call +15550100 at once"

// envelope is an error as the API sends it.
func envelope(code int, status, message, details string) string {
	if details != "" {
		details = `,"details":[` + details + `]`
	}
	return fmt.Sprintf(`{"error":{"code":%d,"message":%q,"status":%q%s}}`, code, message, status, details)
}

func because(reason string) string {
	return `{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"` + reason + `","domain":"googleapis.com"}`
}

const (
	retryInfo = `{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.5s"}`
	perMinute = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerMinutePerProjectPerModel"}]}`
	perDay    = `{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}]}`
)

type refusal struct {
	status  int
	body    string
	header  http.Header
	class   failover.Class
	code    string
	message string
	wait    time.Duration
}

var refusals = map[string]refusal{
	// Retry here, then fail over.
	"internal":    {status: 500, body: envelope(500, "INTERNAL", canary, ""), class: failover.ClassTransient, code: "INTERNAL", message: canary},
	"unavailable": {status: 503, body: envelope(503, "UNAVAILABLE", canary, ""), class: failover.ClassTransient, code: "UNAVAILABLE", message: canary},
	"unavailable for a while": {
		status: 503, body: envelope(503, "UNAVAILABLE", canary, ""), header: http.Header{"Retry-After": {"7"}},
		class: failover.ClassTransient, code: "UNAVAILABLE", wait: 7 * time.Second,
	},
	"aborted":   {status: 409, body: envelope(409, "ABORTED", canary, ""), class: failover.ClassTransient, code: "ABORTED"},
	"cancelled": {status: 499, body: envelope(499, "CANCELLED", canary, ""), class: failover.ClassTransient, code: "CANCELLED"},
	"deadline":  {status: 504, body: envelope(504, "DEADLINE_EXCEEDED", canary, ""), class: failover.ClassTimeout, code: "DEADLINE_EXCEEDED"},
	"gateway":   {status: 502, body: "<html>" + canary, class: failover.ClassTransient},
	"overload":  {status: 529, body: "", class: failover.ClassTransient},

	// Rate.
	"rate": {
		status: 429, body: envelope(429, "RESOURCE_EXHAUSTED", canary, perMinute+","+retryInfo),
		class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED", message: canary, wait: 34500 * time.Millisecond,
	},
	"rate, header first": {
		status: 429, body: envelope(429, "RESOURCE_EXHAUSTED", canary, retryInfo), header: http.Header{"Retry-After": {"3"}},
		class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED", wait: 3 * time.Second,
	},
	"rate, bare": {status: 429, body: "", class: failover.ClassRateLimited},

	// Money and quota of the day.
	"day":           {status: 429, body: envelope(429, "RESOURCE_EXHAUSTED", canary, perDay+","+retryInfo), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
	"credits":       {status: 429, body: envelope(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted.", ""), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
	"spending cap":  {status: 429, body: envelope(429, "RESOURCE_EXHAUSTED", "Your project has exceeded its monthly spending cap.", ""), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
	"payment":       {status: 402, body: envelope(402, "RESOURCE_EXHAUSTED", canary, retryInfo), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
	"payment, bare": {status: 402, body: "", class: failover.ClassExhausted},
	"precondition":  {status: 400, body: envelope(400, "FAILED_PRECONDITION", canary, ""), class: failover.ClassExhausted, code: "FAILED_PRECONDITION"},
	"billing off":   {status: 403, body: envelope(403, "PERMISSION_DENIED", canary, because("BILLING_DISABLED")), class: failover.ClassExhausted, code: "BILLING_DISABLED"},

	// The key.
	"bad key":          {status: 400, body: envelope(400, "INVALID_ARGUMENT", canary, because("API_KEY_INVALID")), class: failover.ClassUnauthorized, code: "API_KEY_INVALID"},
	"bad key in words": {status: 400, body: envelope(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", ""), class: failover.ClassUnauthorized, code: "INVALID_ARGUMENT"},
	"unauthenticated":  {status: 401, body: envelope(401, "UNAUTHENTICATED", canary, ""), class: failover.ClassUnauthorized, code: "UNAUTHENTICATED"},
	"suspended":        {status: 403, body: envelope(403, "PERMISSION_DENIED", canary, because("CONSUMER_SUSPENDED")), class: failover.ClassUnauthorized, code: "CONSUMER_SUSPENDED"},

	// Not offered to this key, or at all.
	"denied":        {status: 403, body: envelope(403, "PERMISSION_DENIED", canary, ""), class: failover.ClassUnsupported, code: "PERMISSION_DENIED"},
	"disabled":      {status: 403, body: envelope(403, "PERMISSION_DENIED", canary, because("SERVICE_DISABLED")), class: failover.ClassUnsupported, code: "SERVICE_DISABLED"},
	"no model":      {status: 404, body: envelope(404, "NOT_FOUND", canary, ""), class: failover.ClassUnsupported, code: "NOT_FOUND"},
	"region":        {status: 400, body: envelope(400, "FAILED_PRECONDITION", "User location is not supported for the API use.", ""), class: failover.ClassUnsupported, code: "FAILED_PRECONDITION"},
	"context":       {status: 400, body: envelope(400, "INVALID_ARGUMENT", "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).", ""), class: failover.ClassUnsupported, code: "INVALID_ARGUMENT"},
	"prefill":       {status: 400, body: envelope(400, "INVALID_ARGUMENT", "Requests ending with a model turn are not supported.", ""), class: failover.ClassUnsupported, code: "INVALID_ARGUMENT"},
	"modality":      {status: 400, body: envelope(400, "INVALID_ARGUMENT", "Image input modality is not enabled for models/gemma-3-1b-it", ""), class: failover.ClassUnsupported, code: "INVALID_ARGUMENT"},
	"media type":    {status: 400, body: envelope(400, "INVALID_ARGUMENT", "Unsupported MIME type: image/gif", ""), class: failover.ClassUnsupported, code: "INVALID_ARGUMENT"},
	"unimplemented": {status: 501, body: envelope(501, "UNIMPLEMENTED", canary, ""), class: failover.ClassUnsupported, code: "UNIMPLEMENTED"},
	"too large":     {status: 413, body: "<html>", class: failover.ClassUnsupported},

	// The request.
	"invalid":      {status: 400, body: envelope(400, "INVALID_ARGUMENT", canary, ""), class: failover.ClassInvalid, code: "INVALID_ARGUMENT", message: canary},
	"out of range": {status: 400, body: envelope(400, "OUT_OF_RANGE", canary, ""), class: failover.ClassInvalid, code: "OUT_OF_RANGE"},

	// Of nobody's form.
	"text":          {status: 400, body: `{"error":"` + canary + `"}`, class: failover.ClassInvalid, message: canary},
	"plain text":    {status: 503, body: canary, class: failover.ClassTransient, message: canary},
	"a list":        {status: 503, body: `[` + envelope(503, "UNAVAILABLE", canary, "") + `]`, class: failover.ClassTransient, code: "UNAVAILABLE", message: canary},
	"odd types":     {status: 429, body: `{"error":{"code":"429","message":["x"],"status":"RESOURCE_EXHAUSTED","details":[7,{"retryDelay":3},` + retryInfo + `]}}`, class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED", wait: 34500 * time.Millisecond},
	"null":          {status: 500, body: `null`, class: failover.ClassTransient},
	"empty list":    {status: 500, body: `[]`, class: failover.ClassTransient},
	"unknown":       {status: 400, body: envelope(400, "SOMETHING_NEW", canary, ""), class: failover.ClassInvalid, code: "SOMETHING_NEW"},
	"status beside": {status: 503, body: envelope(0, "", canary, ""), class: failover.ClassTransient, message: canary},
	"redirect":      {status: 307, body: "", header: http.Header{"Location": {"/elsewhere"}}, class: failover.ClassUnsupported},
}

func (r refusal) fault() vendorsim.Fault {
	header := r.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return vendorsim.Answered(vendorsim.Answer{Status: r.status, Header: header, Body: []byte(r.body)})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for name, row := range refusals {
		for how, call := range calls {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(row.fault())
				e := wantError(t, call(t, c.LLM(), hello()), row.class)
				assert.Equal(t, row.status, e.Status)
				assert.Equal(t, row.code, e.Code)
				assert.Equal(t, row.wait, e.RetryAfter)
				if row.message != "" {
					assert.Equal(t, row.message, e.Message)
				}
				assert.Equal(t, 1, s.Stats().Requests, "one attempt is one request")
			})
		}
	}
}

// calls are the ways to ask.
var calls = map[string]func(*testing.T, llm.Provider, llm.Request) error{
	"whole": func(t *testing.T, p llm.Provider, req llm.Request) error {
		t.Helper()
		resp, err := p.Complete(t.Context(), req)
		if err != nil {
			assert.Nil(t, resp)
		}
		return err
	},
	"stream": func(t *testing.T, p llm.Provider, req llm.Request) error {
		t.Helper()
		_, err := llm.Collect(p.Stream(t.Context(), req))
		return err
	},
	"check": func(t *testing.T, p llm.Provider, _ llm.Request) error {
		t.Helper()
		return p.Check(t.Context())
	},
	"list": func(t *testing.T, p llm.Provider, _ llm.Request) error {
		t.Helper()
		_, err := p.List(t.Context())
		return err
	},
}

// wantError checks an error and that it prints nothing it must not.
func wantError(t *testing.T, err error, class failover.Class) *failover.Error {
	t.Helper()
	require.Error(t, err)
	e := failover.Classify(err)
	assert.Equal(t, class, e.Class, "%v", err)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Error("failed", "err", err, "classified", e)
	raw, jsonErr := json.Marshal(e)
	require.NoError(t, jsonErr)
	all := strings.Join([]string{err.Error(), fmt.Sprintf("%v %+v %#v %q", err, err, err, err), out.String(), string(raw)}, "\n")
	for _, secret := range []string{key, "canary", "Hello", "127.0.0.1", "http://", "localhost"} {
		assert.NotContains(t, all, secret)
	}
	return e
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	candidate := func(finish, parts string) string {
		return `{"candidates":[{"content":{"role":"model","parts":[` + parts + `]},"finishReason":"` + finish + `","finishMessage":"` + canary + `"}]}`
	}
	for name, c := range map[string]struct {
		body  string
		class failover.Class
		code  string
	}{
		"no candidates":      {body: `{"candidates":[]}`, class: failover.ClassIncomplete},
		"empty object":       {body: `{}`, class: failover.ClassIncomplete},
		"null candidate":     {body: `{"candidates":[null]}`, class: failover.ClassIncomplete},
		"no parts":           {body: candidate("STOP", ""), class: failover.ClassIncomplete, code: "STOP"},
		"empty text":         {body: candidate("STOP", `{"text":""}`), class: failover.ClassIncomplete, code: "STOP"},
		"only a thought":     {body: candidate("STOP", `{"text":"Hello","thought":true}`), class: failover.ClassIncomplete, code: "STOP"},
		"thought away":       {body: candidate("MAX_TOKENS", ""), class: failover.ClassUnsupported, code: "MAX_TOKENS"},
		"no reason to end":   {body: candidate("", `{"text":"Hello"}`), class: failover.ClassIncomplete},
		"unspecified":        {body: candidate("FINISH_REASON_UNSPECIFIED", `{"text":"Hello"}`), class: failover.ClassIncomplete},
		"to be continued":    {body: candidate("CONTINUATION", `{"text":"Hello"}`), class: failover.ClassIncomplete},
		"malformed call":     {body: candidate("MALFORMED_FUNCTION_CALL", `{"text":"Hello"}`), class: failover.ClassIncomplete, code: "MALFORMED_FUNCTION_CALL"},
		"unexpected call":    {body: candidate("UNEXPECTED_TOOL_CALL", ""), class: failover.ClassIncomplete, code: "UNEXPECTED_TOOL_CALL"},
		"call of nothing":    {body: candidate("STOP", `{"functionCall":{"args":{}}}`), class: failover.ClassIncomplete},
		"safety":             {body: candidate("SAFETY", ""), class: failover.ClassFiltered, code: "SAFETY"},
		"blocklist":          {body: candidate("BLOCKLIST", ""), class: failover.ClassFiltered, code: "BLOCKLIST"},
		"prohibited":         {body: candidate("PROHIBITED_CONTENT", ""), class: failover.ClassFiltered, code: "PROHIBITED_CONTENT"},
		"personal":           {body: candidate("SPII", ""), class: failover.ClassFiltered, code: "SPII"},
		"recitation":         {body: candidate("RECITATION", ""), class: failover.ClassFiltered, code: "RECITATION"},
		"language":           {body: candidate("LANGUAGE", ""), class: failover.ClassUnsupported, code: "LANGUAGE"},
		"other":              {body: candidate("OTHER", ""), class: failover.ClassIncomplete, code: "OTHER"},
		"new":                {body: candidate("SOMETHING_NEW", ""), class: failover.ClassIncomplete, code: "SOMETHING_NEW"},
		"blocked prompt":     {body: `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT","blockReasonMessage":"` + canary + `"}}`, class: failover.ClassFiltered, code: "PROHIBITED_CONTENT"},
		"error as success":   {body: envelope(503, "UNAVAILABLE", canary, ""), class: failover.ClassTransient, code: "UNAVAILABLE"},
		"limit as success":   {body: envelope(429, "RESOURCE_EXHAUSTED", canary, perDay), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
		"unknown as success": {body: envelope(0, "SOMETHING_NEW", canary, ""), class: failover.ClassIncomplete, code: "SOMETHING_NEW"},
		"text as success":    {body: `{"error":"` + canary + `"}`, class: failover.ClassIncomplete},
		"null":               {body: `null`, class: failover.ClassIncomplete},
		"list":               {body: `[1]`, class: failover.ClassIncomplete},
		"odd candidates":     {body: `{"candidates":"Hello"}`, class: failover.ClassIncomplete},
		"odd parts":          {body: `{"candidates":[{"content":{"parts":{"text":1}},"finishReason":"STOP"}]}`, class: failover.ClassIncomplete},
		"odd text":           {body: candidate("STOP", `{"text":{"Hello":1}}`), class: failover.ClassIncomplete},
		"no JSON":            {body: `<html>canary</html>`, class: failover.ClassIncomplete},
		"nothing":            {body: ``, class: failover.ClassIncomplete},
	} {
		for how, call := range calls {
			if how != "whole" && how != "stream" {
				continue
			}
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s, cl := start(t)
				body := c.body
				if how == "stream" && body != "" {
					body = "data: " + body + "\r\n\r\n"
				}
				s.Fail(vendorsim.Body(200, "application/json", body))
				e := wantError(t, call(t, cl.LLM(), hello()), c.class)
				assert.Equal(t, c.code, e.Code)
				assert.Equal(t, 200, e.Status)
				assert.Equal(t, 1, s.Stats().Requests)
			})
		}
	}
}

// TestTheSimulatorsErrors are rows in the simulator's own envelopes.
func TestTheSimulatorsErrors(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault vendorsim.Fault
		class failover.Class
		code  string
		wait  time.Duration
	}{
		{fault: vendorsim.Status(400).Code("API_KEY_INVALID"), class: failover.ClassUnauthorized, code: "API_KEY_INVALID"},
		{fault: vendorsim.Status(400).Code("PROMPT_LENGTH"), class: failover.ClassUnsupported, code: "INVALID_ARGUMENT"},
		{fault: vendorsim.Status(400).Code("FAILED_PRECONDITION"), class: failover.ClassExhausted, code: "FAILED_PRECONDITION"},
		{fault: vendorsim.Status(402), class: failover.ClassExhausted, code: "FAILED_PRECONDITION"},
		{fault: vendorsim.Status(429), class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED", wait: 34 * time.Second},
		{fault: vendorsim.Status(429).RetryAfter(5), class: failover.ClassRateLimited, code: "RESOURCE_EXHAUSTED", wait: 5 * time.Second},
		{fault: vendorsim.Status(429).Code("QUOTA_PER_DAY"), class: failover.ClassExhausted, code: "RESOURCE_EXHAUSTED"},
		{fault: vendorsim.BareError(503, canary), class: failover.ClassTransient},
		{fault: vendorsim.HTMLError(502), class: failover.ClassTransient},
		{fault: vendorsim.ErrorWithin(503, ""), class: failover.ClassTransient, code: "UNAVAILABLE"},
		{fault: vendorsim.HugeError(503, 8<<20), class: failover.ClassTransient},
	} {
		for how, call := range calls {
			t.Run(row.fault.String()+" "+row.code+"/"+how, func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(row.fault)
				e := wantError(t, call(t, c.LLM(), hello()), row.class)
				assert.Equal(t, row.code, e.Code)
				assert.Equal(t, row.wait, e.RetryAfter)
				assert.Equal(t, 1, s.Stats().Requests)
			})
		}
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Fail(vendorsim.Endless(1 << 30))
	wantError(t, calls["whole"](t, c.LLM(), hello()), failover.ClassIncomplete)
	assert.Less(t, s.Stats().Sent, int64(128<<20))
}

// TestTheVendorsOwnChecks are requests that the simulator refuses as the vendor
// does, for what this package lets pass because it does not know the model.
func TestTheVendorsOwnChecks(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	for _, req := range []llm.Request{
		{Model: "google:gemini-8", Messages: hello().Messages},
		{Model: "google:gemma-3-27b-it", Messages: hello().Messages, Format: llm.Format{JSON: true}},
		{Messages: []llm.Message{user(llm.Part{Image: &llm.Image{Data: []byte("x"), Type: "image/gif"}})}},
		{Model: "google:gemini-2.0-flash", Messages: []llm.Message{llm.User(strings.Repeat("Hello", 1<<20))}},
	} {
		wantError(t, calls["whole"](t, c.LLM(), req), failover.ClassUnsupported)
	}
	assert.Equal(t, 4, s.Stats().Requests)
}

func TestErrorsWithoutEvents(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"object": envelope(503, "UNAVAILABLE", canary, ""),
		"pretty": "{\n  \"error\": {\n    \"code\": 503,\n    \"status\": \"UNAVAILABLE\"\n  }\n}\n",
	} {
		s, c := start(t)
		s.Fail(vendorsim.Body(200, "application/json", body))
		e := wantError(t, calls["stream"](t, c.LLM(), hello()), failover.ClassTransient)
		assert.Equal(t, "UNAVAILABLE", e.Code, name)
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	for class, faults := range map[failover.Class][]vendorsim.Fault{
		failover.ClassTransient: {vendorsim.Reset(), vendorsim.ResetAfterRead(), vendorsim.HangUp()},
		failover.ClassUnknown:   {vendorsim.Garbage(), vendorsim.HalfHeader()}, // as transient
	} {
		for how, call := range calls {
			t.Run(how+"/"+class.String(), func(t *testing.T) {
				t.Parallel()
				for _, fault := range faults {
					s, c := start(t)
					s.Fail(fault)
					wantError(t, call(t, c.LLM(), hello()), class)
					assert.LessOrEqual(t, s.Stats().Requests, 1)
				}
			})
		}
	}
	for _, fault := range []vendorsim.Fault{
		vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Truncate(), vendorsim.Empty(), vendorsim.Page(),
	} {
		for how, call := range calls {
			t.Run(how+"/"+fault.String(), func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(fault)
				wantError(t, call(t, c.LLM(), hello()), failover.ClassIncomplete)
				assert.Equal(t, 1, s.Stats().Requests)
			})
		}
	}
}
