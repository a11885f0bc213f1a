package sdkcall_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/internal/vendorsim"
)

func TestWhatAnSDKLosesIsSeen(t *testing.T) {
	t.Parallel()
	s := vendorsim.Start(vendorsim.Vendor{Name: "vendor", Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "fine")
	}), Refuse: func(status int, code string) vendorsim.Answer {
		return vendorsim.Answer{Status: status, Body: []byte(code)}
	}})
	defer s.Close()
	s.Fail(vendorsim.Status(429).Code("slow_down").RetryAfter(7))
	client := &http.Client{Transport: &sdkcall.Transport{Next: s.Client().Transport}}
	ctx, meta := sdkcall.With(t.Context())
	ask := func() string {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL(), bytes.NewReader([]byte("hello")))
		require.NoError(t, err)
		resp, err := client.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return string(body)
	}
	parse := func(body []byte) httpcall.Envelope { return httpcall.Envelope{Code: string(body)} }

	assert.Equal(t, "slow_down", ask(), "what was looked at can still be read")
	assert.Equal(t, 1, meta.Attempts())
	refusal := meta.Refusal(parse)
	require.NotNil(t, refusal)
	assert.Equal(t, failover.ClassRateLimited, refusal.Class)
	assert.Equal(t, "slow_down", refusal.Code)
	assert.InDelta(t, 7, refusal.RetryAfter.Seconds(), 0)

	assert.Equal(t, "fine", ask())
	assert.Equal(t, 2, meta.Attempts())
	assert.Equal(t, 200, meta.Status())
	assert.NotEmpty(t, meta.Header())
	assert.Empty(t, meta.Body())
	assert.Nil(t, meta.Refusal(parse), "the last answer counts")
}

func TestCallsThatNobodyLooksAtPassThrough(t *testing.T) {
	t.Parallel()
	s := vendorsim.Start(vendorsim.Vendor{Name: "vendor", Handler: http.NotFoundHandler()})
	defer s.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL(), http.NoBody)
	require.NoError(t, err)
	resp, err := (&sdkcall.Transport{Next: s.Client().Transport}).RoundTrip(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, http.StatusNotFound, resp.StatusCode)
}
