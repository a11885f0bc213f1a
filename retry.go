package failover

import (
	"math"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// RetryPolicy says how often and how soon the same provider is asked again
// after a transient failure. Zero fields take their defaults.
type RetryPolicy struct {
	// MaxAttempts at one provider for one request, the first included.
	// Default 2, and 3 when nobody else is left to ask. A value given here
	// holds in both cases; 1 turns retries off.
	MaxAttempts int
	// Base is the longest first wait. Default 100 ms.
	Base time.Duration
	// Factor multiplies it for each further one. Default 2.
	Factor float64
	// Max is the longest wait. Default 2 s, or Base if that is longer.
	Max time.Duration
}

// WithRetry sets how the same provider is asked again. Every wait is drawn
// evenly from zero to its longest ("full jitter"), so that callers which
// failed together do not come back together.
func WithRetry(p RetryPolicy) Option {
	return optionFunc(func(c *config) { c.retry = p })
}

func (p *RetryPolicy) complete(c *config) {
	field(c, "WithRetry", "MaxAttempts", &p.MaxAttempts, 0)
	field(c, "WithRetry", "Base", &p.Base, 100*time.Millisecond)
	field(c, "WithRetry", "Factor", &p.Factor, 2)
	field(c, "WithRetry", "Max", &p.Max, max(2*time.Second, p.Base))
	if p.Factor < 1 {
		c.rejectf("WithRetry: Factor %v is below 1", p.Factor)
	}
	if p.Max < p.Base {
		c.rejectf("WithRetry: Max %v is below Base %v", p.Max, p.Base)
	}
}

// attempts is how often one provider may be asked.
func (p *RetryPolicy) attempts(alone bool) int {
	switch {
	case p.MaxAttempts > 0:
		return p.MaxAttempts
	case alone:
		return 3
	default:
		return 2
	}
}

// schedule is the waits between attempts at one provider. backoff supplies the
// growth only: its own jitter is applied after its cap and may exceed it, so
// it is off, and the wait is drawn here.
type schedule struct{ b *backoff.ExponentialBackOff }

func newSchedule(p *RetryPolicy) schedule {
	b := &backoff.ExponentialBackOff{
		InitialInterval: p.Base,
		Multiplier:      p.Factor,
		MaxInterval:     p.Max,
		MaxElapsedTime:  0, // the deadline and the caps end retrying
		Stop:            backoff.Stop,
		Clock:           backoff.SystemClock,
	}
	b.Reset()
	return schedule{b}
}

// next returns a wait in [0, the schedule's next interval], never above most.
func (s schedule) next(most time.Duration) time.Duration {
	d := s.b.NextBackOff()
	if d == backoff.Stop || d > most {
		d = most
	}
	return jitter(d)
}

// jitter draws evenly from [0, d].
func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(rand.Int64N(max(int64(d)+1, int64(d)))) //nolint:gosec // spreading load needs no secret numbers
}

// around draws evenly from d ± share·d, and never nothing.
func around(d time.Duration, share float64) time.Duration {
	return max(time.Duration(float64(d)*(1-share+2*share*rand.Float64())), 1) //nolint:gosec // as above
}

// BudgetPolicy is a token bucket shared by all requests of a router, so that
// an outage does not multiply traffic: a retry or a hedge takes a token, and
// needs more than half of them to be left; a success gives a little back (the
// arithmetic of gRPC's retry throttling, gRFC A6). Moving on to a provider not
// yet tried is never refused.
type BudgetPolicy struct {
	// Tokens is the size of the bucket. Default 100.
	Tokens float64
	// Refill is what a success gives back. Default 0.1.
	Refill float64
}

// WithBudget sets the token bucket for retries and hedges.
func WithBudget(p BudgetPolicy) Option {
	return optionFunc(func(c *config) { c.budget = p })
}

func (p *BudgetPolicy) complete(c *config) {
	field(c, "WithBudget", "Tokens", &p.Tokens, 100)
	field(c, "WithBudget", "Refill", &p.Refill, 0.1)
	if p.Tokens > 1e9 {
		c.rejectf("WithBudget: Tokens %v is above a thousand million", p.Tokens)
	}
}

// budget counts in thousandths of a token. Safe for concurrent use.
type budget struct {
	left        atomic.Int64
	most, refil int64
}

func newBudget(p BudgetPolicy) *budget {
	b := &budget{most: int64(p.Tokens * 1000), refil: int64(math.Min(p.Refill, p.Tokens) * 1000)}
	b.left.Store(b.most)
	return b
}

// take spends one token if more than half are left.
func (b *budget) take() bool {
	for {
		left := b.left.Load()
		if left <= b.most/2 || left < 1000 {
			return false
		}
		if b.left.CompareAndSwap(left, left-1000) {
			return true
		}
	}
}

// untake gives a token back that was not used after all.
func (b *budget) untake() { b.give(1000) }

// succeed refills for a success. The full bucket of a healthy service costs
// one load.
func (b *budget) succeed() {
	if b.left.Load() < b.most {
		b.give(b.refil)
	}
}

func (b *budget) give(n int64) {
	for {
		left := b.left.Load()
		next := min(left+n, b.most)
		if next == left || b.left.CompareAndSwap(left, next) {
			return
		}
	}
}

func (b *budget) tokens() float64 { return float64(b.left.Load()) / 1000 }
