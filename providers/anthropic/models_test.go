package anthropic_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/anthropic"
	"github.com/gofailover/failover/providers/llm"
)

func TestCheckIsFree(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	require.NoError(t, c.LLM().Check(t.Context()))
	r := s.Requests()[0]
	assert.Equal(t, "GET", r.Method)
	assert.Equal(t, "/v1/models", r.Path)
	assert.Equal(t, "1", r.Query.Get("limit"))

	for name, fault := range map[string]vendorsim.Fault{
		"page": vendorsim.Page(), "nothing": vendorsim.Body(200, "application/json", "{}"), "cut": vendorsim.Cut(),
	} {
		s.Fail(fault)
		err := c.LLM().Check(t.Context())
		assert.Equal(t, failover.ClassIncomplete, failover.Classify(err).Class, name)
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	s, c := start(t, anthropic.WithName("claude"))
	all, err := c.LLM().List(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, all)
	assert.Equal(t, llm.ModelInfo{
		Provider: "claude", ID: "claude-opus-5-5", Name: "claude opus 5 5", Created: time.Date(2025, 9, 29, 0, 0, 0, 0, time.UTC),
	}, all[0])
	assert.Equal(t, 1, s.Stats().Requests)
}

// pages serves models one a page. After the last it says what more says.
func pages(t *testing.T, n int, more string) (*anthropic.Client, *int) {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		i := 0
		if after := r.URL.Query().Get("after_id"); after != "" {
			i, _ = strconv.Atoi(after)
		}
		w.Header().Set("Content-Type", "application/json")
		if i >= n {
			fmt.Fprint(w, more)
			return
		}
		fmt.Fprintf(w, `{"data":[{"id":"m%d","display_name":"M","created_at":"1970-01-01T00:00:00Z"}],"has_more":true,"last_id":"%d"}`, i, i+1)
	}))
	t.Cleanup(server.Close)
	c, err := anthropic.New(key, anthropic.WithBaseURL(server.URL))
	require.NoError(t, err)
	return c, &asked
}

func TestListReadsAllPages(t *testing.T) {
	t.Parallel()
	c, asked := pages(t, 3, `{"data":[],"has_more":false,"last_id":null}`)
	all, err := c.LLM().List(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 3)
	assert.Equal(t, "m2", all[2].ID)
	assert.True(t, all[0].Created.IsZero(), "the vendor does not know")
	assert.Equal(t, 4, *asked)

	c, _ = pages(t, 3, `{"data":[],"has_more":true,"last_id":"3"}`)
	_, err = c.LLM().List(t.Context())
	require.EqualError(t, err, "incomplete (the list of models does not end)")

	c, asked = pages(t, 1<<30, "")
	_, err = c.LLM().List(t.Context())
	require.EqualError(t, err, "incomplete (the list of models does not end)")
	assert.Equal(t, 100, *asked)
}

func TestLimitsAreThoseOfTheLastAnswer(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	p := c.LLM()
	assert.True(t, p.Limits().At.IsZero(), "nothing was said yet")
	s.Limits(vendorsim.LLMLimits{Requests: 100, RequestsLeft: 7, Tokens: 5000, TokensLeft: 4000, Reset: time.Minute})
	for _, streamed := range []bool{false, true} {
		begun := time.Now()
		_, err := ask(t, p, hello(), streamed)
		require.NoError(t, err)
		got := p.Limits()
		assert.False(t, got.At.Before(begun))
		assert.Equal(t, 100, got.Requests.Limit)
		assert.Equal(t, 7, got.Requests.Remaining)
		assert.Equal(t, 4000, got.Tokens.Remaining)
		assert.Equal(t, 4000, got.InputTokens.Remaining)
		assert.Equal(t, 4000, got.OutputTokens.Remaining)
		assert.WithinDuration(t, begun.Add(time.Minute), got.Requests.Reset, 3*time.Second)
		assert.InDelta(t, 0.07, got.Left(time.Now()), 1e-9)
	}

	// An error tells them too, and the vendor's clock need not be ours.
	s.Fail(vendorsim.Status(429).Header("Anthropic-Ratelimit-Requests-Limit", "100").
		Header("Anthropic-Ratelimit-Requests-Remaining", "-1").Header("Anthropic-Ratelimit-Requests-Reset", "2020-01-01T00:00:30Z").
		Header("Anthropic-Ratelimit-Tokens-Limit", "many").Header("Date", "Wed, 01 Jan 2020 00:00:00 GMT"))
	_, err := p.Complete(t.Context(), hello())
	require.Error(t, err)
	got := p.Limits()
	assert.Equal(t, 0, got.Requests.Remaining)
	assert.Zero(t, got.Tokens)
	assert.WithinDuration(t, time.Now().Add(30*time.Second), got.Requests.Reset, 3*time.Second)

	s.Fail(vendorsim.HTMLError(502))
	_, err = p.Complete(t.Context(), hello())
	require.Error(t, err)
	assert.Equal(t, got, p.Limits(), "an answer that says nothing changes nothing")
}
