package openai

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gofailover/failover/providers/llm"
)

// readLimits reads the rate limits in the headers of an answer. OpenAI, Groq
// and others count requests and tokens apart; servers that count one thing
// (Together, OpenRouter) are taken to count requests.
func readLimits(h http.Header, now time.Time) llm.RateLimits {
	limits := llm.RateLimits{Requests: readLimit(h, "-Requests", now), Tokens: readLimit(h, "-Tokens", now)}
	if limits == (llm.RateLimits{}) {
		limits.Requests = readLimit(h, "", now)
	}
	if limits != (llm.RateLimits{}) {
		limits.At = now
	}
	return limits
}

// readLimit reads one limit; the zero limit if there is none that makes sense.
func readLimit(h http.Header, what string, now time.Time) llm.RateLimit {
	limit, err := strconv.Atoi(h.Get("X-Ratelimit-Limit" + what))
	if err != nil || limit <= 0 {
		return llm.RateLimit{}
	}
	remaining, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining" + what))
	if err != nil || remaining < 0 {
		return llm.RateLimit{}
	}
	return llm.RateLimit{
		Limit: limit, Remaining: remaining, Reset: readReset(h.Get("X-Ratelimit-Reset"+what), now),
	}
}

// maxReset bounds what is believed of a reset, so that no arithmetic on it can
// overflow.
const maxReset = 366 * 24 * time.Hour

// readReset reads when a limit is whole again: a duration as Go writes it
// ("6m0s", "12ms"), which may begin with days ("1d2h"), a number of seconds, or
// a time since 1970 in seconds or milliseconds. The zero time if it is none of
// these.
func readReset(s string, now time.Time) time.Time {
	if s = strings.TrimSpace(s); s == "" {
		return time.Time{}
	}
	if n, err := strconv.ParseFloat(s, 64); err == nil {
		return resetNumber(n, now)
	}
	var wait time.Duration
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return time.Time{}
		}
		wait, s = time.Duration(n)*24*time.Hour, rest
	}
	if s != "" {
		rest, err := time.ParseDuration(s)
		if err != nil || rest < 0 {
			return time.Time{}
		}
		wait += min(rest, maxReset)
	}
	return now.Add(min(wait, maxReset))
}

func resetNumber(n float64, now time.Time) time.Time {
	const (
		seconds = 1e9  // more is a time, not a wait
		millis  = 1e12 // more is a time in milliseconds
		absurd  = 1e14
	)
	switch {
	case !(n >= 0) || n > absurd:
		return time.Time{}
	case n > millis:
		return time.UnixMilli(int64(n))
	case n > seconds:
		return time.Unix(int64(n), 0)
	}
	return now.Add(time.Duration(min(n, maxReset.Seconds()) * float64(time.Second)))
}
