package failover

import (
	"context"
	"fmt"
	"math"
)

// LeastCost takes the cheapest provider by its Cost for the request at hand;
// those with an unknown cost come last, in the order of registration.
func LeastCost() Strategy { return leastCost{} }

type leastCost struct{}

func (leastCost) bind(*core) Strategy { return leastCost{} }
func (leastCost) String() string      { return "least_cost" }

// Next returns the cheapest candidate.
func (leastCost) Next(_ context.Context, p Pick) int {
	best, least := 0, math.Inf(1)
	for i := range p.Candidates {
		if cost, ok := p.Candidates[i].Cost(); ok && cost < least {
			best, least = i, cost
		}
	}
	return best
}

// Weights says how much cost, speed and success matter to [Scored]. They are
// relative to each other; a zero weight leaves the measure out.
type Weights struct {
	Cost    float64
	Speed   float64
	Success float64
}

// What [Optimize] can set for one call.
var (
	// Cost takes the cheapest that works.
	Cost = Weights{Cost: 1, Success: 0.2}
	// Speed takes the fastest that works.
	Speed = Weights{Speed: 1, Success: 0.2}
	// Success takes the one that fails least.
	Success = Weights{Success: 1}
)

func (w Weights) check() error {
	for _, f := range []struct {
		name  string
		value float64
	}{{"Cost", w.Cost}, {"Speed", w.Speed}, {"Success", w.Success}} {
		if f.value < 0 || math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("failover: Weights: %s %v is negative or no number", f.name, f.value)
		}
	}
	if w == (Weights{}) {
		return fmt.Errorf("failover: Weights: all are zero") //nolint:perfsprint // reads like its neighbour
	}
	return nil
}

// Scored takes the candidate with the best weighted sum of cost, speed and
// success rate. Cost and latency are taken relative to the best among the
// candidates (half the latency scores double), success is the smoothed share
// of successes. An unknown cost scores nothing for cost; a provider without
// latency history scores above the fastest, for one request at a time, so that
// it gets one. A failure counts as 1 s at least, and what is known of a provider that is not asked fades
// (time constant 5 min), so that one bad moment does not keep it out for good.
// [Optimize] replaces the weights for one call.
func Scored(w Weights) Strategy { return scored{w} }

type scored struct{ w Weights }

func (s scored) bind(c *core) Strategy {
	if err := s.w.check(); err != nil && c.cfg.err == nil {
		c.cfg.err = err
	}
	return s
}

func (scored) String() string { return "scored" }

// Next returns the candidate with the highest score.
func (s scored) Next(_ context.Context, p Pick) int {
	cheapest, fastest := math.Inf(1), math.Inf(1)
	for i := range p.Candidates {
		if cost, ok := p.Candidates[i].Cost(); ok {
			cheapest = min(cheapest, cost)
		}
		if latency, _ := p.Candidates[i].believed(p.now); latency > 0 {
			fastest = min(fastest, latency)
		}
	}
	best, most := 0, math.Inf(-1)
	for i := range p.Candidates {
		if score := s.w.score(p.Candidates[i], p.now, cheapest, fastest); score > most {
			best, most = i, score
		}
	}
	return best
}

func (w Weights) score(c Candidate, now int64, cheapest, fastest float64) float64 {
	latency, failures := c.believed(now)
	score := w.Success * (1 - failures)
	if cost, ok := c.Cost(); ok {
		score += w.Cost * relative(cheapest, cost)
	}
	switch {
	case latency > 0:
		score += w.Speed * relative(fastest, latency)
	case c.InFlight() == 0:
		score += w.Speed * unknownSpeed
	}
	return score
}

// unknownSpeed is what a provider without latency history scores while nobody
// waits for its first answer: a little more than the fastest, who would
// otherwise win the tie.
const unknownSpeed = 1 + 1e-6

// believed is what the candidate's statistics say by now.
func (c Candidate) believed(now int64) (latency, failures float64) {
	if c.e == nil {
		return 0, 0
	}
	return c.e.stats.faded(now)
}

// relative is how close value comes to the best, in [0, 1].
func relative(best, value float64) float64 {
	if value <= best {
		return 1
	}
	return best / value
}
