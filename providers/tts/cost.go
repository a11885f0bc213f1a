package tts

import "unicode/utf8"

// PerThousand is a Provider.Cost: price for a thousand characters of text, in
// any unit that all providers of the router use.
//
//	p := eleven.TTS()
//	p.Cost = tts.PerThousand(0.30)
func PerThousand(price float64) func(Request) float64 {
	return func(r Request) float64 {
		return float64(utf8.RuneCountInString(r.Text)) * price / 1000
	}
}
