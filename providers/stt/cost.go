package stt

// PerMinute is a Provider.Cost: price for a minute of audio, in any unit that
// all providers of the router use. Where the playing time is not known the cost
// is not: say Request.Duration, or do without MaxCost.
//
//	p := deep.STT()
//	p.Cost = stt.PerMinute(0.0043)
func PerMinute(price float64) func(Request) float64 {
	const unknown = -1
	return func(r Request) float64 {
		if played := r.PlayingTime(); played > 0 {
			return played.Minutes() * price
		}
		return unknown
	}
}
