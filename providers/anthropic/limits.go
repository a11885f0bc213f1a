package anthropic

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gofailover/failover/internal/sdkcall"
	"github.com/gofailover/failover/providers/llm"
)

// note takes in what an answer said of the rate limits, whatever its status.
func (c *Client) note(meta *sdkcall.Meta) {
	c.meter.Note(readLimits(meta.Header(), time.Now()))
}

// readLimits reads the headers of an answer that came now; zero if they say
// nothing.
func readLimits(h http.Header, now time.Time) llm.RateLimits {
	l := llm.RateLimits{
		Requests:     readLimit(h, &ofRequests, now),
		Tokens:       readLimit(h, &ofTokens, now),
		InputTokens:  readLimit(h, &ofInputTokens, now),
		OutputTokens: readLimit(h, &ofOutputTokens, now),
	}
	if l != (llm.RateLimits{}) {
		l.At = now
	}
	return l
}

// limitHeaders are the names of the headers of one limit, in the form that costs
// nothing to look up.
type limitHeaders struct{ limit, remaining, reset string }

var (
	ofRequests     = namesOf("Requests")
	ofTokens       = namesOf("Tokens")
	ofInputTokens  = namesOf("Input-Tokens")
	ofOutputTokens = namesOf("Output-Tokens")
)

func namesOf(kind string) limitHeaders {
	prefix := "Anthropic-Ratelimit-" + kind
	return limitHeaders{limit: prefix + "-Limit", remaining: prefix + "-Remaining", reset: prefix + "-Reset"}
}

func readLimit(h http.Header, names *limitHeaders, now time.Time) llm.RateLimit {
	limit, err := strconv.Atoi(h.Get(names.limit))
	if err != nil || limit <= 0 {
		return llm.RateLimit{}
	}
	remaining, err := strconv.Atoi(h.Get(names.remaining))
	if err != nil {
		return llm.RateLimit{}
	}
	return llm.RateLimit{
		Limit:     limit,
		Remaining: max(remaining, 0),
		Reset:     readReset(h, names.reset, now),
	}
}

// readReset reads when a limit is full again. It is a time by the vendor's
// clock, which the Date of the answer tells, and need not be by ours.
func readReset(h http.Header, name string, now time.Time) time.Time {
	reset, err := time.Parse(time.RFC3339, h.Get(name))
	if err != nil {
		return time.Time{}
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		return now.Add(reset.Sub(date))
	}
	return reset
}
