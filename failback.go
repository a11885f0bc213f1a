package failover

import "time"

// FailbackPolicy says how a provider that was down gets its traffic back.
type FailbackPolicy struct {
	// MinHealthy is how long it must have been back before it is chosen while
	// another can serve. It stands by as a fallback meanwhile. Default 0.
	MinHealthy time.Duration
	// Ramp is the time over which its share of requests then grows from none
	// to all. Default 0: all at once.
	Ramp time.Duration
}

// WithFailback slows down the return to a provider whose breaker closed, whose
// cooldown ended or whose probes pass again. Default: new requests return to
// it at once.
func WithFailback(p FailbackPolicy) Option {
	return optionFunc(func(c *config) { c.failback = p })
}

func (p *FailbackPolicy) complete(c *config) {
	field(c, "WithFailback", "MinHealthy", &p.MinHealthy, 0)
	field(c, "WithFailback", "Ramp", &p.Ramp, 0)
}
