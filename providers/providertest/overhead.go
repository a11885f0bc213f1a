package providertest

import (
	"slices"
	"testing"
	"time"
)

// Overhead measures what an adapter adds to the SDK under it: adapted makes one
// call by the adapter, and bare the same call by the SDK alone. Both run in
// turn, a few calls at a time, so that a busy machine slows both; the metric
// "times-sdk" is the median of the ratios of neighbouring turns. Use -cpu 1, so
// that time is processor time.
func Overhead(b *testing.B, bare, adapted func() error) {
	b.Helper()
	const calls = 8
	turn := func(call func() error) time.Duration {
		begun := time.Now()
		for range calls {
			if err := call(); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begun)
	}
	turn(bare) // connections and caches
	turn(adapted)
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, float64(turn(adapted))/float64(turn(bare)))
	}
	slices.Sort(ratios)
	b.ReportMetric(ratios[len(ratios)/2], "times-sdk")
	b.ReportMetric(0, "ns/op") // of both together: it says nothing
}
