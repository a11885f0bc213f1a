package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkScenario(b *testing.B) {
	for _, s := range scenarios() {
		for _, p := range peers() {
			b.Run(s.name+"/"+p.name, func(b *testing.B) {
				do, _, err := s.stage(p)
				require.NoError(b, err)
				benchmark(b, do)
			})
		}
	}
}

func benchmark(b *testing.B, do call) {
	b.Helper()
	b.ReportAllocs()
	ctx := b.Context()
	for b.Loop() {
		if _, err := do(ctx, Req{A: 1, B: 2, C: 3}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkStream(b *testing.B) {
	groups, err := streams()
	require.NoError(b, err)
	for _, g := range groups {
		for _, c := range g.cells {
			b.Run(g.name+"/"+c.name, func(b *testing.B) {
				benchmark(b, c.do)
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*g.of), "ns/"+g.unit)
			})
		}
	}
}

func BenchmarkPool(b *testing.B) {
	for _, strategy := range poolStrategies() {
		for _, n := range []int{smallPool, largePool} {
			b.Run(poolCell(strategy.name, n), func(b *testing.B) {
				do, _, err := strategy.pool(n)
				require.NoError(b, err)
				benchmark(b, do)
			})
		}
	}
}
