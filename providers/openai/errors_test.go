package openai_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/providertest"
)

const canary = providertest.Canary

// said is OpenAI's envelope.
func said(kind, code string) string {
	if code != "null" {
		code = `"` + code + `"`
	}
	return `{"error":{"message":"` + canary + `","type":"` + kind + `","param":null,"code":` + code + `}}`
}

// refusals are all that an error answer can be, of OpenAI and of compatible
// servers.
var refusals = []providertest.Refusal{
	// Money. The first arrives with the status of a rate limit.
	{Name: "quota", Status: 429, Body: said("insufficient_quota", "insufficient_quota"), Want: failover.ClassExhausted, Code: "insufficient_quota", Message: canary},
	{Name: "quota by its type", Status: 429, Body: said("insufficient_quota", "null"), Want: failover.ClassExhausted, Code: "insufficient_quota"},
	{Name: "credit", Status: 429, Body: said("insufficient_quota", "credit_balance_exhausted"), Want: failover.ClassExhausted, Code: "credit_balance_exhausted"},
	{Name: "spend of the organisation", Status: 429, Body: said("insufficient_quota", "organization_spend_limit_exceeded"), Want: failover.ClassExhausted, Code: "organization_spend_limit_exceeded"},
	{Name: "spend of the project", Status: 429, Body: said("insufficient_quota", "project_spend_limit_exceeded"), Want: failover.ClassExhausted, Code: "project_spend_limit_exceeded"},
	{Name: "usage of the organisation", Status: 429, Body: said("requests", "organization_usage_limit_exceeded"), Want: failover.ClassExhausted, Code: "organization_usage_limit_exceeded"},
	{Name: "billing", Status: 429, Body: said("billing_not_active", "billing_not_active"), Want: failover.ClassExhausted, Code: "billing_not_active"},
	{Name: "hard limit", Status: 400, Body: said("invalid_request_error", "billing_hard_limit_reached"), Want: failover.ClassExhausted, Code: "billing_hard_limit_reached"},
	{Name: "payment", Status: 402, Body: `{"error":{"code":402,"message":"` + canary + `"}}`, Want: failover.ClassExhausted, Message: canary},

	// Limits.
	{Name: "rate limit", Status: 429, Body: said("requests", "rate_limit_exceeded"), Header: http.Header{"Retry-After": {"3"}}, Want: failover.ClassRateLimited, Code: "rate_limit_exceeded", RetryAfter: 3 * time.Second},
	{Name: "rate limit in milliseconds", Status: 429, Body: said("tokens", "rate_limit_exceeded"), Header: http.Header{"Retry-After": {"3"}, "Retry-After-Ms": {"2500"}}, Want: failover.ClassRateLimited, Code: "rate_limit_exceeded", RetryAfter: 2500 * time.Millisecond},
	{Name: "slow down", Status: 503, Body: said("service_unavailable_error", "slow_down"), Want: failover.ClassRateLimited, Code: "slow_down"},
	{Name: "limit without a code", Status: 429, Body: said("tokens", "null"), Want: failover.ClassRateLimited, Code: "tokens"},
	{Name: "Azure's limit", Status: 429, Body: `{"error":{"code":"429","message":"` + canary + `"}}`, Want: failover.ClassRateLimited},

	// Keys.
	{Name: "bad key", Status: 401, Body: said("invalid_request_error", "invalid_api_key"), Want: failover.ClassUnauthorized, Code: "invalid_api_key"},
	{Name: "no key", Status: 401, Body: said("invalid_request_error", "null"), Want: failover.ClassUnauthorized, Code: "invalid_request_error"},
	{Name: "Azure's key", Status: 401, Body: `{"error":{"code":"401","message":"` + canary + `"}}`, Want: failover.ClassUnauthorized, Message: canary},
	{Name: "Ollama's key", Status: 401, Body: said("api_error", "null"), Want: failover.ClassUnauthorized, Code: "api_error"},
	{Name: "deactivated", Status: 403, Body: said("invalid_request_error", "account_deactivated"), Want: failover.ClassUnauthorized, Code: "account_deactivated"},
	{Name: "address", Status: 401, Body: said("invalid_request_error", "ip_not_authorized"), Want: failover.ClassUnauthorized, Code: "ip_not_authorized"},

	// What this account or model does not do.
	{Name: "region", Status: 403, Body: said("request_forbidden", "unsupported_country_region_territory"), Want: failover.ClassUnsupported, Code: "unsupported_country_region_territory"},
	{Name: "model", Status: 404, Body: said("invalid_request_error", "model_not_found"), Want: failover.ClassUnsupported, Code: "model_not_found"},
	{Name: "model under 400", Status: 400, Body: said("invalid_request_error", "model_not_found"), Want: failover.ClassUnsupported, Code: "model_not_found"},
	{Name: "context", Status: 400, Body: said("invalid_request_error", "context_length_exceeded"), Want: failover.ClassUnsupported, Code: "context_length_exceeded"},
	{Name: "context at vLLM", Status: 400, Body: `{"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","param":null,"code":400}`, Want: failover.ClassUnsupported, Code: "BadRequestError"},
	{Name: "context at OpenRouter", Status: 400, Body: `{"error":{"message":"This endpoint's maximum context length is 8192 tokens.","code":400}}`, Want: failover.ClassUnsupported},
	{Name: "parameter", Status: 400, Body: said("invalid_request_error", "unsupported_parameter"), Want: failover.ClassUnsupported, Code: "unsupported_parameter"},
	{Name: "value", Status: 400, Body: said("invalid_request_error", "unsupported_value"), Want: failover.ClassUnsupported, Code: "unsupported_value"},
	{Name: "size", Status: 413, Body: said("invalid_request_error", "null"), Want: failover.ClassUnsupported, Code: "invalid_request_error"},
	{Name: "size at Groq", Status: 413, Body: said("tokens", "rate_limit_exceeded"), Want: failover.ClassUnsupported, Code: "rate_limit_exceeded"},
	{Name: "Ollama's model", Status: 404, Body: said("not_found_error", "null"), Want: failover.ClassUnsupported, Code: "not_found_error"},
	{Name: "Azure's deployment", Status: 404, Body: `{"error":{"code":"DeploymentNotFound","message":"` + canary + `"}}`, Want: failover.ClassUnsupported, Code: "DeploymentNotFound"},
	{Name: "redirect", Status: 302, Header: http.Header{"Location": {"https://example.com/"}}, Body: `{"choices":[]}`, Want: failover.ClassUnsupported},

	// What nobody should say.
	{Name: "filter", Status: 400, Body: said("invalid_request_error", "content_filter"), Want: failover.ClassFiltered, Code: "content_filter"},
	{Name: "policy", Status: 400, Body: said("image_generation_user_error", "content_policy_violation"), Want: failover.ClassFiltered, Code: "content_policy_violation"},
	{Name: "prompt", Status: 400, Body: said("invalid_request_error", "invalid_prompt"), Want: failover.ClassFiltered, Code: "invalid_prompt"},
	{Name: "OpenRouter's moderation", Status: 403, Body: `{"error":{"code":403,"message":"` + canary + `","metadata":{"reasons":["violence"],"flagged_input":"` + canary + `"}}}`, Want: failover.ClassFiltered},

	// The request.
	{Name: "request", Status: 400, Body: said("invalid_request_error", "null"), Want: failover.ClassInvalid, Code: "invalid_request_error", Message: canary},
	{Name: "request of a new kind", Status: 400, Body: said("invalid_request_error", "something_new"), Want: failover.ClassInvalid, Code: "something_new"},
	{Name: "entity", Status: 422, Body: `{"detail":[{"loc":["body"],"msg":"` + canary + `"}]}`, Want: failover.ClassInvalid},
	{Name: "Google's request", Status: 400, Body: `[{"error":{"code":400,"message":"` + canary + `","status":"INVALID_ARGUMENT"}}]`, Want: failover.ClassInvalid, Code: "INVALID_ARGUMENT", Message: canary},

	// The service.
	{Name: "error", Status: 500, Body: said("server_error", "null"), Want: failover.ClassTransient, Code: "server_error"},
	{Name: "gateway", Status: 502, Body: "<html>" + canary, Header: http.Header{"Content-Type": {"text/html"}}, Want: failover.ClassTransient},
	{Name: "overloaded", Status: 503, Body: said("service_unavailable_error", "server_is_overloaded"), Header: http.Header{"Retry-After": {"30"}}, Want: failover.ClassTransient, Code: "server_is_overloaded", RetryAfter: 30 * time.Second},
	{Name: "conflict", Status: 409, Body: said("invalid_request_error", "null"), Want: failover.ClassTransient, Code: "invalid_request_error"},
	{Name: "timeout", Status: 408, Body: "", Want: failover.ClassTimeout},
	{Name: "gateway timeout", Status: 504, Body: "upstream", Header: http.Header{"Content-Type": {"text/plain"}}, Want: failover.ClassTimeout, Message: "upstream"},
	{Name: "request id", Status: 500, Body: "", Header: http.Header{"X-Request-Id": {"req_1"}}, Want: failover.ClassTransient, RequestID: "req_1"},

	// Other envelopes.
	{Name: "bare text", Status: 400, Body: `{"error":"` + canary + `"}`, Want: failover.ClassInvalid, Message: canary},
	{Name: "bare text of a server", Status: 500, Body: `{"error":"` + canary + `"}`, Want: failover.ClassTransient, Message: canary},
	{Name: "bare text of a limit", Status: 429, Body: `{"error":"` + canary + `"}`, Header: http.Header{"Retry-After": {"1"}}, Want: failover.ClassRateLimited, Message: canary, RetryAfter: time.Second},
	{Name: "a string", Status: 404, Body: `"` + canary + `"`, Want: failover.ClassUnsupported, Message: canary},
	{Name: "detail", Status: 404, Body: `{"detail":"` + canary + `"}`, Want: failover.ClassUnsupported, Message: canary},
	{Name: "flat", Status: 500, Body: `{"type":"InternalServerError","message":"` + canary + `","code":500}`, Want: failover.ClassTransient, Code: "InternalServerError", Message: canary},
	{Name: "fields of odd types", Status: 400, Body: `{"error":{"type":{},"code":["x"],"message":7,"metadata":"none"}}`, Want: failover.ClassInvalid},
	{Name: "null", Status: 400, Body: `null`, Want: failover.ClassInvalid},
	{Name: "Groq's model", Status: 400, Body: said("invalid_request_error", "tool_use_failed"), Want: failover.ClassIncomplete, Code: "tool_use_failed"},
	{Name: "code in capitals", Status: 429, Body: said("x", "INSUFFICIENT_QUOTA"), Want: failover.ClassExhausted, Code: "INSUFFICIENT_QUOTA"},
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	for _, row := range refusals {
		for kind, ask := range asks {
			t.Run(row.Name+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				header := row.Header.Clone()
				if header == nil {
					header = http.Header{}
				}
				if header.Get("Content-Type") == "" {
					header.Set("Content-Type", "application/json")
				}
				s.Fail(vendorsim.Answered(vendorsim.Answer{Status: row.Status, Header: header, Body: []byte(row.Body)}))
				_, err := ask(t.Context(), c, hello())
				checkError(t, err, row)
				assert.Equal(t, row.Status, failover.Classify(err).Status)
				assert.Len(t, s.Requests(), 1)
			})
		}
	}
}

// checkError compares an error with what it should be, and looks for secrets
// in what it prints.
func checkError(t *testing.T, err error, row providertest.Refusal) {
	t.Helper()
	var e *failover.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, row.Want, e.Class)
	assert.Equal(t, row.Code, e.Code)
	assert.Equal(t, row.RetryAfter, e.RetryAfter)
	if row.Message != "" {
		assert.Equal(t, row.Message, e.Message)
	}
	if row.RequestID != "" {
		assert.Equal(t, row.RequestID, e.RequestID)
	}
	printed := fmt.Sprintf("%v %+v %#v %q", err, err, err, err)
	for _, secret := range []string{canary, key, "127.0.0.1", "http://", "Hello"} {
		assert.NotContains(t, printed, secret)
	}
}

// inStream are errors inside a stream.
var inStream = []providertest.Refusal{
	{Name: "overloaded", Body: said("service_unavailable_error", "server_is_overloaded"), Want: failover.ClassTransient, Code: "server_is_overloaded"},
	{Name: "server", Body: said("server_error", "null"), Want: failover.ClassTransient, Code: "server_error", Message: canary},
	{Name: "limit", Body: said("requests", "rate_limit_exceeded"), Want: failover.ClassRateLimited, Code: "rate_limit_exceeded"},
	{Name: "quota", Body: said("insufficient_quota", "insufficient_quota"), Want: failover.ClassExhausted, Code: "insufficient_quota"},
	{Name: "context", Body: said("invalid_request_error", "context_length_exceeded"), Want: failover.ClassUnsupported, Code: "context_length_exceeded"},
	{Name: "filter", Body: said("invalid_request_error", "content_filter"), Want: failover.ClassFiltered, Code: "content_filter"},
	{Name: "status for a code", Body: `{"error":{"code":503,"message":"` + canary + `"},"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}`, Want: failover.ClassTransient, Message: canary},
	{Name: "vLLM", Body: `{"object":"error","message":"` + canary + `","type":"InternalServerError","param":null,"code":500}`, Want: failover.ClassTransient, Code: "InternalServerError"},
	{Name: "vLLM's context", Body: `{"object":"error","message":"maximum context length","type":"BadRequestError","param":null,"code":400}`, Want: failover.ClassUnsupported, Code: "BadRequestError"},
	{Name: "Ollama", Body: said("api_error", "null"), Want: failover.ClassTransient, Code: "api_error"},
	{Name: "text", Body: `{"error":"` + canary + `"}`, Want: failover.ClassIncomplete, Message: canary},
	{Name: "nobody knows", Body: said("x", "something_new"), Want: failover.ClassIncomplete, Code: "something_new"},
	{Name: "nothing", Body: `{"error":null}`, Want: failover.ClassIncomplete},
}

// Errors inside a stream are read by their code, before and behind content.
func TestErrorsInStreams(t *testing.T) {
	t.Parallel()
	for _, row := range inStream {
		for n := range 4 {
			s, c := start(t)
			s.Fail(vendorsim.ReplaceAfter(n, "data: "+row.Body+"\n\n"))
			got, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
			checkError(t, err, row)
			assert.Equal(t, n > 1, got.Text() != "", "what came before the error was given")
		}
	}
	for n := range 3 {
		s, c := start(t)
		s.Fail(vendorsim.SSEErrorAfter(n, 503, ""))
		_, err := llm.Collect(c.LLM().Stream(t.Context(), hello()))
		assert.Equal(t, failover.ClassTransient, class(err))
	}
}

// What happens to the connection is read as what it is.
func TestConnections(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.ResetAfterRead(), failover.ClassTransient},
		{vendorsim.HangUp(), failover.ClassTransient},
		{vendorsim.HalfHeader(), failover.ClassUnknown}, // which is treated as transient
		{vendorsim.Cut(), failover.ClassIncomplete},
		{vendorsim.CutReset(), failover.ClassIncomplete},
		{vendorsim.CutChunks(), failover.ClassIncomplete},
		{vendorsim.BadChunk(), failover.ClassIncomplete},
		{vendorsim.Truncate(), failover.ClassIncomplete},
	} {
		for kind, ask := range asks {
			t.Run(row.fault.String()+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(row.fault)
				_, err := ask(t.Context(), c, hello())
				require.Error(t, err)
				assert.Equal(t, row.want, class(err), "%v", err)
				printed := fmt.Sprintf("%v %+v %#v", err, err, err)
				assert.NotContains(t, printed, "127.0.0.1")
				assert.NotContains(t, printed, key)
				assert.Len(t, s.Requests(), 1)
			})
		}
	}
	s, c := start(t)
	s.Down()
	for _, ask := range asks {
		_, err := ask(t.Context(), c, hello())
		require.EqualError(t, err, "transient (dial: connection refused)")
	}
	require.EqualError(t, c.LLM().Check(t.Context()), "transient (dial: connection refused)")
}

// The end of the context is nobody's failure.
func TestContexts(t *testing.T) {
	t.Parallel()
	for _, f := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall(), vendorsim.StallAfter(2)} {
		for kind, ask := range asks {
			t.Run(f.String()+" "+kind, func(t *testing.T) {
				t.Parallel()
				s, c := start(t)
				s.Fail(f, f)
				ctx, cancel := context.WithCancel(t.Context())
				go func() {
					defer cancel()
					_ = s.Await(ctx, func(got vendorsim.Stats) bool { return got.Requests > 0 && (got.Sent > 0 || f.String() == "silence") })
				}()
				_, err := ask(ctx, c, hello())
				require.ErrorIs(t, err, context.Canceled)
				_, own := errors.AsType[*failover.Error](err)
				assert.False(t, own)

				ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
				defer cancel()
				_, err = ask(ctx, c, hello())
				require.ErrorIs(t, err, context.DeadlineExceeded)
			})
		}
	}
	// In the middle of an answer that is no stream.
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"err`))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer page.Close()
	s, c := start(t)
	stuck := dial(t, s, openai.WithBaseURL(page.URL))
	for _, ask := range asks {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		_, err := ask(ctx, stuck, hello())
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, ask := range asks {
		_, err := ask(ctx, c, hello())
		require.ErrorIs(t, err, context.Canceled)
	}
	assert.Empty(t, s.Requests())
}

// Models that think take no temperature but their own: no fault of the
// request's.
func TestParametersThatAModelLacks(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*llm.Request){
		"unsupported_value":     func(r *llm.Request) { r.Temperature = new(0.2) },
		"unsupported_parameter": func(r *llm.Request) { r.Stop = []string{"."} },
	} {
		_, c := start(t)
		req := hello()
		req.Model = "thinker"
		change(&req)
		_, err := c.LLM().Complete(t.Context(), req)
		assert.Equal(t, failover.ClassUnsupported, class(err))
		assert.Equal(t, name, failover.Classify(err).Code)
	}
}

// HugeError is not read to its end.
func TestHugeErrors(t *testing.T) {
	t.Parallel()
	for kind, ask := range asks {
		s, c := start(t)
		s.Fail(vendorsim.HugeError(503, 256<<20))
		_, err := ask(t.Context(), c, hello())
		assert.Equal(t, failover.ClassTransient, class(err), kind)
		assert.Less(t, s.Stats().Sent, int64(64<<20), kind)
	}
}

// Two clients of one vendor in one router, and one that is not OpenAI's.
func TestBehindARouter(t *testing.T) {
	t.Parallel()
	first, gpt := start(t)
	second, acme := startOther(t, openai.WithName("backup"))
	client, err := llm.New([]llm.Provider{gpt.LLM(), acme.LLM()})
	require.NoError(t, err)
	defer client.Close()
	first.FailAlways(vendorsim.Status(429).Code("insufficient_quota"))
	resp, err := client.Complete(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, "backup", resp.Provider)
	assert.Len(t, first.Requests(), 1)
	assert.Len(t, second.Requests(), 1)

	first.Heal()
	first.FailAlways(vendorsim.StallAfter(1))
	_, err = llm.Collect(client.Stream(t.Context(), llm.Request{Model: "acme:acme-small", Messages: []llm.Message{llm.User("Hello.")}}))
	require.NoError(t, err)
	assert.Len(t, first.Requests(), 1, "an explicit model is at its vendor alone")
}
