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
