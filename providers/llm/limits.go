package llm

import (
	"sync"
	"time"
)

// RateLimit is what a vendor said of one of its limits.
type RateLimit struct {
	// Limit is how many there are in a window, Remaining how many are left.
	Limit     int `json:"limit"`
	Remaining int `json:"remaining"`
	// Reset is when all are there again.
	Reset time.Time `json:"reset,omitzero"`
}

// RateLimits are the limits that a vendor told in the headers of its latest
// answer.
type RateLimits struct {
	Requests     RateLimit `json:"requests,omitzero"`
	Tokens       RateLimit `json:"tokens,omitzero"`
	InputTokens  RateLimit `json:"input_tokens,omitzero"`
	OutputTokens RateLimit `json:"output_tokens,omitzero"`
	// At is when it said so; zero if it never did.
	At time.Time `json:"at,omitzero"`
}

// left is the share that is left of a limit at a time, 1 of one that is
// unknown or over.
func (l RateLimit) left(now time.Time) float64 {
	if l.Limit <= 0 || !now.Before(l.Reset) {
		return 1
	}
	return float64(l.Remaining) / float64(l.Limit)
}

// Left is the smallest share, 0 to 1, that is left of the limits at a time.
func (l RateLimits) Left(now time.Time) float64 {
	return min(l.Requests.left(now), l.Tokens.left(now), l.InputTokens.left(now), l.OutputTokens.left(now))
}

// Meter keeps the latest limits of an account, for adapters. It is safe for
// concurrent use; the zero Meter is ready.
type Meter struct {
	mu     sync.Mutex
	latest RateLimits
}

// Note takes in what an answer said, unless it said nothing or is older than
// what is known.
func (m *Meter) Note(l RateLimits) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !l.At.IsZero() && !l.At.Before(m.latest.At) {
		m.latest = l
	}
}

// Latest is what the vendor said last.
func (m *Meter) Latest() RateLimits {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.latest
}
