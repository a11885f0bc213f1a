package anthropic_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

const secret = "my-secret"

func typed(status int, kind, message string) vendorsim.Fault {
	return vendorsim.Body(status, "application/json", fmt.Sprintf(
		`{"type":"error","error":{"type":%q,"message":%q},"request_id":"req_x"}`, kind, message))
}

// refusals are the rows of the table of errors, and what gateways say.
var refusals = map[string]struct {
	fault vendorsim.Fault
	class failover.Class
	code  string
}{
	"invalid":            {vendorsim.Status(400), failover.ClassInvalid, "invalid_request_error"},
	"unauthorized":       {vendorsim.Status(401), failover.ClassUnauthorized, "authentication_error"},
	"billing":            {vendorsim.Status(402), failover.ClassExhausted, "billing_error"},
	"permission":         {vendorsim.Status(403), failover.ClassUnsupported, "permission_error"},
	"not found":          {vendorsim.Status(404), failover.ClassUnsupported, "not_found_error"},
	"conflict":           {vendorsim.Status(409), failover.ClassTransient, "conflict_error"},
	"too large":          {vendorsim.Status(413), failover.ClassUnsupported, "request_too_large"},
	"limited":            {vendorsim.Status(429), failover.ClassRateLimited, "rate_limit_error"},
	"internal":           {vendorsim.Status(500), failover.ClassTransient, "api_error"},
	"bad gateway":        {vendorsim.Status(502), failover.ClassTransient, "api_error"},
	"unavailable":        {vendorsim.Status(503), failover.ClassTransient, "api_error"},
	"timeout":            {vendorsim.Status(504), failover.ClassTimeout, "timeout_error"},
	"request timeout":    {vendorsim.Status(408), failover.ClassTimeout, "timeout_error"},
	"overloaded":         {vendorsim.Status(529), failover.ClassTransient, "overloaded_error"},
	"credit":             {vendorsim.Status(400).Code("credit_balance"), failover.ClassExhausted, "invalid_request_error"},
	"spend limit":        {vendorsim.Status(400).Code("usage_limits"), failover.ClassExhausted, "invalid_request_error"},
	"prompt length":      {vendorsim.Status(400).Code("prompt_length"), failover.ClassUnsupported, "invalid_request_error"},
	"prefill":            {vendorsim.Status(400).Code("prefill"), failover.ClassUnsupported, "invalid_request_error"},
	"type before status": {typed(400, "rate_limit_error", secret), failover.ClassRateLimited, "rate_limit_error"},
	"context limit": {
		typed(400, "invalid_request_error", "input length and `max_tokens` exceed context limit: 1 + 2 > 2"),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"image size": {
		typed(400, "invalid_request_error", "messages.0.content.1.image.source.base64: image exceeds 5 MB maximum: 6 bytes > 5 bytes"),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"answer length": {
		typed(400, "invalid_request_error", "max_tokens: 9 > 8, which is the maximum allowed number of output tokens for x"),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"output blocked": {
		typed(400, "invalid_request_error", "Output blocked by content filtering policy"), failover.ClassFiltered, "invalid_request_error",
	},
	"temperature": {
		typed(400, "invalid_request_error", "`temperature` is deprecated for this model."), failover.ClassUnsupported, "invalid_request_error",
	},
	"kind of thinking": {
		typed(400, "invalid_request_error", `"thinking.type.disabled" is not supported for this model.`), failover.ClassUnsupported, "invalid_request_error",
	},
	"thought of another conversation": {
		typed(400, "invalid_request_error", "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation."),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"missing thought": {
		typed(400, "invalid_request_error", "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "+
			"When `thinking` is enabled, a final `assistant` message must start with a thinking block."),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"forced tool": {
		typed(400, "invalid_request_error", "Thinking may not be enabled when tool_choice forces tool use."),
		failover.ClassUnsupported, "invalid_request_error",
	},
	"unknown type":   {typed(418, "teapot_error", secret), failover.ClassInvalid, "teapot_error"},
	"bare text":      {vendorsim.BareError(503, secret), failover.ClassTransient, ""},
	"bare text, 400": {vendorsim.BareError(400, "credit balance is too low"), failover.ClassInvalid, ""},
	"page":           {vendorsim.HTMLError(502), failover.ClassTransient, ""},
	"page, 403":      {vendorsim.HTMLError(403), failover.ClassUnsupported, ""},
	"no body":        {vendorsim.Body(500, "", ""), failover.ClassTransient, ""},
	"array":          {vendorsim.Body(429, "application/json", "[1]"), failover.ClassRateLimited, ""},
	"odd types":      {vendorsim.Body(401, "application/json", `{"error":{"type":7,"message":{}},"request_id":[]}`), failover.ClassUnauthorized, ""},
	"key for a code": {typed(400, "sk-ant-0123456789", secret), failover.ClassInvalid, ""},
	"huge":           {vendorsim.HugeError(500, 1<<20), failover.ClassTransient, ""},
	"redirect":       {vendorsim.Redirect(307, "https://example.com/"+secret), failover.ClassUnsupported, ""},
}

func TestEveryErrorHasItsClass(t *testing.T) {
	t.Parallel()
	for name, row := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := start(t)
			s.FailAlways(row.fault)
			p := c.LLM()
			for way, call := range map[string]func() error{
				"Complete": func() error { _, err := p.Complete(t.Context(), hello()); return err },
				"Stream":   func() error { _, err := llm.Collect(p.Stream(t.Context(), hello())); return err },
				"Check":    func() error { return p.Check(t.Context()) },
				"List":     func() error { _, err := p.List(t.Context()); return err },
			} {
				err := call()
				var e *failover.Error
				require.ErrorAs(t, err, &e, way)
				assert.Equal(t, row.class, e.Class, way)
				assert.Equal(t, row.code, e.Code, way)
				assert.GreaterOrEqual(t, e.Status, 300, way)
				assertPlain(t, err)
			}
			assert.Equal(t, 4, s.Stats().Requests)
		})
	}
}

// assertPlain says that an error prints nothing that is secret.
func assertPlain(t *testing.T, err error) {
	t.Helper()
	for _, text := range []string{fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err), fmt.Sprintf("%q", err)} {
		for _, word := range []string{secret, key, "Hello", "http", "127.0.0.1", "v1/messages", "credit", "Overloaded", "html"} {
			assert.NotContains(t, text, word)
		}
	}
}

func TestWhatAnErrorKnows(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	s.Fail(vendorsim.Status(429).RetryAfter(7))
	_, err := c.LLM().Complete(t.Context(), hello())
	var e *failover.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.Equal(t, "req_anthropic_1", e.RequestID)
	assert.Equal(t, "Refused on command.", e.Message)
	assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
	assert.Equal(t, "rate_limited (429 rate_limit_error, request req_anthropic_1, retry after 7s)", err.Error())

	s.Fail(vendorsim.Body(400, "application/json", `{"error":{"type":"invalid_request_error","message":"m"},"request_id":"req_body"}`))
	_, err = c.LLM().Complete(t.Context(), hello())
	require.ErrorAs(t, err, &e)
	assert.Equal(t, "req_body", e.RequestID, "that of the body, where the header has none")
}

func TestWrongKey(t *testing.T) {
	t.Parallel()
	s := vendorsim.Anthropic("another")
	defer s.Close()
	c, err := anthropic.New(key, anthropic.WithBaseURL(s.URL()), anthropic.WithHTTPClient(s.Client()))
	require.NoError(t, err)
	err = c.LLM().Check(t.Context())
	assert.Equal(t, failover.ClassUnauthorized, failover.Classify(err).Class)
	assertPlain(t, err)
}

func TestCallsWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault vendorsim.Fault
		class failover.Class
	}{
		"reset":            {vendorsim.Reset(), failover.ClassTransient},
		"reset after read": {vendorsim.ResetAfterRead(), failover.ClassTransient},
		"hang-up":          {vendorsim.HangUp(), failover.ClassTransient},
		"garbage":          {vendorsim.Garbage(), failover.ClassUnknown},
		"half a header":    {vendorsim.HalfHeader(), failover.ClassUnknown},
	} {
		for _, streamed := range []bool{false, true} {
			s, client := start(t)
			s.Fail(c.fault)
			_, err := ask(t, client.LLM(), hello(), streamed)
			require.Error(t, err, name)
			assert.Equal(t, c.class, failover.Classify(err).Class, "%s: %v", name, err)
			assertPlain(t, err)
		}
	}
	s, client := start(t)
	s.Down()
	_, err := client.LLM().Complete(t.Context(), hello())
	require.EqualError(t, err, "anthropic: transient (dial: connection refused)")
	_, ok := errors.AsType[*net.OpError](err)
	assert.True(t, ok, "the cause can be reached")
	assertPlain(t, err)
}

// The end of the context is the context's, wherever it strikes.
func TestTheContextEndsACall(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]vendorsim.Fault{
		"before the answer": vendorsim.Silence(),
		"within":            vendorsim.Stall(),
	} {
		for _, streamed := range []bool{false, true} {
			s, client := start(t)
			s.Fail(fault)
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				_ = s.Await(ctx, func(stats vendorsim.Stats) bool { return stats.Requests == 1 })
				cancel()
			}()
			var err error
			if streamed {
				_, err = llm.Collect(client.LLM().Stream(ctx, hello()))
			} else {
				_, err = client.LLM().Complete(ctx, hello())
			}
			require.ErrorIs(t, err, context.Canceled, name)
			_, ok := errors.AsType[*failover.Error](err)
			assert.False(t, ok, "it is for the router to say whose it is")
			assertPlain(t, err)
		}
	}
	_, client := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	_, err := client.LLM().Complete(ctx, hello())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, failover.ClassTimeout, failover.Classify(err).Class)
}

// A timeout of the user's HTTP client is no answer either.
func TestATimeoutOfTheTransport(t *testing.T) {
	t.Parallel()
	timeout := roundTrip(func(*http.Request) (*http.Response, error) { return nil, &net.DNSError{IsTimeout: true, Name: secret} })
	c, err := anthropic.New(key, anthropic.WithHTTPClient(&http.Client{Transport: timeout}), anthropic.WithModels(models))
	require.NoError(t, err)
	_, err = c.LLM().Complete(t.Context(), hello())
	assert.Equal(t, failover.ClassTimeout, failover.Classify(err).Class)
	assertPlain(t, err)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
