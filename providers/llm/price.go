package llm

// Price is what a model costs per million tokens, in any one unit that all
// providers of a client use.
type Price struct {
	// Input is for tokens read, CachedInput for those of them that the vendor
	// had kept (0 takes Input), CacheWrite for those it kept now (0 takes
	// Input).
	Input, CachedInput, CacheWrite float64
	// Output is for tokens written, thoughts included.
	Output float64
	// AsOf is the day on which this was the vendor's price, "2006-01-02". This
	// package ships no prices: they change, and yours may be your own.
	AsOf string
}

const million = 1e6

// Of is what a usage costs.
func (p Price) Of(u Usage) float64 {
	cached, written := or(p.CachedInput, p.Input), or(p.CacheWrite, p.Input)
	fresh := max(u.Input-u.Cached-u.CacheWrite, 0)
	return (float64(fresh)*p.Input + float64(u.Cached)*cached + float64(u.CacheWrite)*written +
		float64(u.Output)*p.Output) / million
}

func or(v, def float64) float64 {
	if v == 0 {
		return def
	}
	return v
}

// usualAnswer stands for the length of an answer, in tokens, of which nobody
// said how long it may be.
const usualAnswer = 500

// Estimate is what a request may cost, before it is made: a quarter of its
// characters as input, and MaxTokens as output, 500 where it sets none.
func (p Price) Estimate(req Request) float64 {
	out := req.MaxTokens
	if out == 0 {
		out = usualAnswer
	}
	return p.Of(Usage{Input: EstimateTokens(req), Output: out})
}
