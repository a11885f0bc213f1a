package failover

import (
	"context"
	"math"
	"time"
)

// Strategy chooses who is tried next. Eligibility is settled before it is
// asked, so a strategy is a few lines.
//
// Next is called once before each provider of a request is tried, by many
// goroutines at once, without a lock held. It returns a position in
// p.Candidates, or a negative number to stop; a position outside is taken as
// "stop". It must not keep p's slices, which are reused, and must not block.
//
// A strategy that counts (rotates) must move its counters only when p.Attempt
// is 0 and p.Dry is false: a counter that failover also moves starves a healthy
// provider of its share.
//
// A strategy with state belongs to one router. The strategies of this package
// keep theirs in the router, and may be given to several.
type Strategy interface {
	Next(ctx context.Context, p Pick) int
}

// StrategyFunc makes a function a [Strategy].
type StrategyFunc func(ctx context.Context, p Pick) int

// Next calls f.
func (f StrategyFunc) Next(ctx context.Context, p Pick) int { return f(ctx, p) }

// Pick is what a strategy decides on.
type Pick struct {
	// Candidates may serve the request and were not tried yet, in the order of
	// registration. There is at least one. The slice is scratch.
	Candidates []Candidate
	// Tried are the positions (in the registration) of those tried before.
	// The slice is scratch.
	Tried []int
	// Attempt counts the picks of this request from 0.
	Attempt int
	// Dry says that this is for [Router.Plan] or to look ahead: nothing may be
	// counted.
	Dry bool
	// Size is how many providers are registered.
	Size int

	now int64
}

// Candidate is a provider that a strategy may choose. It is good for one call
// of Next and must not be kept.
type Candidate struct {
	// Index is its place in the router's registration.
	Index int

	e *endpoint
	c coster
}

// position finds the candidate that was registered at index, or -1.
func position(candidates []Candidate, index int) int {
	if index < len(candidates) && candidates[index].Index == index {
		return index // nobody before it is absent
	}
	for i := min(index, len(candidates)-1); i >= 0; i-- {
		if candidates[i].Index == index {
			return i
		}
		if candidates[i].Index < index {
			return -1
		}
	}
	return -1
}

// coster estimates what the request at hand costs.
type coster interface {
	costAt(index int) (float64, bool)
}

// Name returns the provider's name.
func (c Candidate) Name() string {
	if c.e == nil {
		return ""
	}
	return c.e.name
}

// Weight returns its registered weight, or what SetWeight made of it.
func (c Candidate) Weight() int {
	if c.e == nil {
		return 0
	}
	return int(c.e.weight.Load())
}

// InFlight returns how many attempts it is serving now.
func (c Candidate) InFlight() int {
	if c.e == nil {
		return 0
	}
	return c.e.stats.inFlight()
}

// Latency returns its peak-EWMA latency; 0 while there is no history.
func (c Candidate) Latency() time.Duration {
	if c.e == nil {
		return 0
	}
	return time.Duration(c.e.stats.ewma.load())
}

// SuccessRate returns its smoothed share of successes, 1 while there is no
// history.
func (c Candidate) SuccessRate() float64 {
	if c.e == nil {
		return 1
	}
	return c.e.stats.successRate()
}

// Cost returns what the request would cost there; ok is false if that is
// unknown.
func (c Candidate) Cost() (cost float64, ok bool) {
	if c.c == nil {
		return math.NaN(), false
	}
	return c.c.costAt(c.Index)
}

// bound is a strategy of this package: it is made anew for each router.
type bound interface {
	bind(c *core) Strategy
	String() string
}
