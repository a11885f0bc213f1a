package openai_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/llm"
)

// Every answer tells the limits, errors and streams too.
func TestLimits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := inMemory(t)
		defer s.Close()
		p := c.LLM()
		left := 100
		told := func(ask func()) {
			t.Helper()
			left--
			s.Limits(vendorsim.LLMLimits{Requests: 100, RequestsLeft: left, Tokens: 1000, TokensLeft: 10 * left, Reset: 6 * time.Minute})
			ask()
			assert.Equal(t, llm.RateLimits{
				Requests: llm.RateLimit{Limit: 100, Remaining: left, Reset: time.Now().Add(6 * time.Minute)},
				Tokens:   llm.RateLimit{Limit: 1000, Remaining: 10 * left, Reset: time.Now().Add(6 * time.Minute)},
				At:       time.Now(),
			}, p.Limits())
			<-time.After(time.Second) // of fake time, so that the next answer is a later one
		}
		told(func() {
			_, err := p.Complete(t.Context(), hello())
			require.NoError(t, err)
		})
		told(func() {
			_, err := llm.Collect(p.Stream(t.Context(), hello()))
			require.NoError(t, err)
		})

		s.Fail(vendorsim.Status(429).Header("X-RateLimit-Limit-Requests", "100").Header("X-RateLimit-Remaining-Requests", "0").
			Header("X-RateLimit-Reset-Requests", "12ms"))
		_, err := p.Complete(t.Context(), hello())
		require.Error(t, err)
		assert.Equal(t, llm.RateLimit{Limit: 100, Reset: time.Now().Add(12 * time.Millisecond)}, p.Limits().Requests)
		assert.Equal(t, time.Now(), p.Limits().At)
		assert.Zero(t, p.Limits().Left(time.Now()))

		before := p.Limits()
		s.Fail(vendorsim.HangUp())
		_, err = p.Complete(t.Context(), hello())
		require.Error(t, err)
		assert.Equal(t, before, p.Limits(), "an answer that says nothing changes nothing")
	})
}

// Compatible servers write their limits in many ways.
func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		suffix, limit, remaining, reset string
		want                            llm.RateLimit
		at                              func(now time.Time) time.Time
	}{
		"seconds":      {suffix: "-Requests", limit: "10", remaining: "4", reset: "1.5", want: llm.RateLimit{Limit: 10, Remaining: 4}, at: func(now time.Time) time.Time { return now.Add(1500 * time.Millisecond) }},
		"duration":     {suffix: "-Requests", limit: "10", remaining: "4", reset: "1m30.5s", want: llm.RateLimit{Limit: 10, Remaining: 4}, at: func(now time.Time) time.Time { return now.Add(90500 * time.Millisecond) }},
		"days":         {suffix: "-Requests", limit: "10", remaining: "4", reset: "1d2h", want: llm.RateLimit{Limit: 10, Remaining: 4}, at: func(now time.Time) time.Time { return now.Add(26 * time.Hour) }},
		"one limit":    {limit: "10", remaining: "4", reset: "7", want: llm.RateLimit{Limit: 10, Remaining: 4}, at: func(now time.Time) time.Time { return now.Add(7 * time.Second) }},
		"epoch":        {limit: "10", remaining: "4", reset: "1900000000", want: llm.RateLimit{Limit: 10, Remaining: 4, Reset: time.Unix(1900000000, 0)}},
		"milliseconds": {limit: "10", remaining: "4", reset: "1900000000500", want: llm.RateLimit{Limit: 10, Remaining: 4, Reset: time.UnixMilli(1900000000500)}},
		"no reset":     {limit: "10", remaining: "4", want: llm.RateLimit{Limit: 10, Remaining: 4}},
		"nonsense":     {limit: "10", remaining: "4", reset: "soon", want: llm.RateLimit{Limit: 10, Remaining: 4}},
		"negative":     {limit: "10", remaining: "4", reset: "-3s", want: llm.RateLimit{Limit: 10, Remaining: 4}},
		"far":          {limit: "10", remaining: "4", reset: "60000d", want: llm.RateLimit{Limit: 10, Remaining: 4}, at: func(now time.Time) time.Time { return now.Add(366 * 24 * time.Hour) }},
		"no number":    {limit: "NaN", remaining: "4", reset: "NaN"},
		"no remaining": {limit: "10", remaining: "-1"},
		"none":         {},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s, client := inMemory(t)
				defer s.Close()
				header := http.Header{"Content-Type": {"application/json"}}
				for field, value := range map[string]string{"Limit": c.limit, "Remaining": c.remaining, "Reset": c.reset} {
					if value != "" {
						header.Set("X-Ratelimit-"+field+c.suffix, value)
					}
				}
				s.Fail(vendorsim.Answered(vendorsim.Answer{Status: 200, Header: header, Body: []byte(`{"data":[]}`)}))
				p := client.LLM()
				require.NoError(t, p.Check(t.Context()))
				want := c.want
				if c.at != nil {
					want.Reset = c.at(time.Now())
				}
				assert.Equal(t, want, p.Limits().Requests)
				assert.Equal(t, want == llm.RateLimit{}, p.Limits().At.IsZero())
			})
		})
	}
}
