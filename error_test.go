package failover_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestErrorPrintsWhatIdentifiesTheFailure(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  *failover.Error
		want string
	}{
		{&failover.Error{}, "unknown"},
		{nil, "<nil>"},
		{&failover.Error{Provider: "a", Class: failover.ClassTimeout}, "a: timeout"},
		{&failover.Error{Class: failover.ClassTransient, Status: 503}, "transient (503)"},
		{
			&failover.Error{Provider: "openai", Class: failover.ClassRateLimited, Status: 429, Code: "slow_down", RequestID: "req_1", RetryAfter: time.Minute},
			"openai: rate_limited (429 slow_down, request req_1, retry after 1m0s)",
		},
		{&failover.Error{Class: failover.ClassExhausted, Code: "insufficient_quota"}, "exhausted (insufficient_quota)"},
		{
			&failover.Error{Provider: "a", Class: failover.ClassTransient, Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}},
			"a: transient (dial: connection refused)",
		},
		{&failover.Error{Class: failover.ClassTransient, Status: 500, Err: io.EOF}, "transient (500)"},
		{&failover.Error{Err: errors.New("not for logs")}, "unknown"},
		{&failover.Error{Err: withStatus{1}}, "unknown (failover_test.withStatus)"},
		{&failover.Error{Err: fmt.Errorf("not for logs: %w", withStatus{1})}, "unknown (failover_test.withStatus)"},
		{&failover.Error{Code: "a\nb\x1b[31m\tc"}, "unknown (ab[31mc)"},
		{&failover.Error{Code: strings.Repeat("x", 1000)}, "unknown (" + strings.Repeat("x", 80) + "...)"},
		{&failover.Error{Class: 99}, "class(99)"},
	} {
		require.Equal(t, tt.want, tt.err.Error())
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
			require.Equal(t, tt.want, fmt.Sprintf(verb, error(tt.err)), verb)
			if tt.err != nil {
				require.Equal(t, tt.want, fmt.Sprintf(verb, *tt.err), "a value, %s", verb)
			}
		}
		if tt.err != nil {
			require.Equal(t, fmt.Sprintf("%q", tt.want), fmt.Sprintf("%q", tt.err))
		}
	}
}

func TestErrorInJSONAndLogs(t *testing.T) {
	t.Parallel()
	e := &failover.Error{
		Provider: "a", Class: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted, Status: 429, Code: "slow_down",
		Message: "secret", RetryAfter: time.Second, RequestID: "req_1", Err: errors.New("secret"),
	}
	data, err := json.Marshal(e)
	require.NoError(t, err)
	require.JSONEq(t, `{"provider":"a","class":"rate_limited","outcome":"not_accepted","status":429,"code":"slow_down",
		"retry_after":1000000000,"request_id":"req_1"}`, string(data))
	var back failover.Error
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, e.Class, back.Class)
	require.Equal(t, e.Outcome, back.Outcome)

	var text bytes.Buffer
	slog.New(slog.NewTextHandler(&text, nil)).Info("failed", "error", e)
	require.Contains(t, text.String(),
		"error.provider=a error.class=rate_limited error.status=429 error.code=slow_down error.request_id=req_1 error.retry_after=1s\n")
	require.NotContains(t, text.String(), "secret")

	text.Reset()
	slog.New(slog.NewTextHandler(&text, nil)).Info("failed", "error", &failover.Error{Err: &net.OpError{Op: "read", Err: syscall.EPIPE}})
	require.Contains(t, text.String(), `error.reason="read: broken pipe"`)
	text.Reset()
	slog.New(slog.NewTextHandler(&text, nil)).Info("failed", "error", (*failover.Error)(nil))
	require.NotContains(t, text.String(), "panicked")
}

func TestErrorUnwraps(t *testing.T) {
	t.Parallel()
	e := &failover.Error{Class: failover.ClassTransient, Err: fmt.Errorf("read: %w", io.EOF)}
	require.ErrorIs(t, e, io.EOF)
	require.NoError(t, errors.Unwrap(&failover.Error{}))
	require.NoError(t, errors.Unwrap((*failover.Error)(nil)))
}
