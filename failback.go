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

// chance draws a number in [0, 1) for a provider at a moment. It is the same
// whenever it is drawn for that moment, because a request looks at a provider
// several times and must find it either held back or not.
func chance(now int64, index int) float64 {
	const golden = 0x9e3779b97f4a7c15         // 2^64 over the golden ratio
	x := uint64(now) + golden*uint64(index+1) //nolint:gosec // bits, no numbers
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9      // SplitMix64's mixing, so that neighbouring moments differ
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return float64((x^x>>31)>>11) / (1 << 53)
}
