package failover_test

import (
	"math"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// FuzzBudget: whatever is taken and given, the bucket is never below zero nor
// above its size, and gives only while more than half are left.
func FuzzBudget(f *testing.F) {
	f.Add(100.0, 0.1, []byte{0, 0, 1, 2, 2, 0})
	f.Add(0.5, 7.0, []byte{0, 1, 2})
	f.Add(1e9, 1e9, []byte{2, 2, 1, 1, 0})
	f.Add(math.SmallestNonzeroFloat64, math.MaxFloat64, []byte{0, 2, 0, 1})
	f.Fuzz(func(t *testing.T, tokens, refill float64, steps []byte) {
		b, err := failover.NewBudget(failover.BudgetPolicy{Tokens: tokens, Refill: refill})
		if err != nil {
			return
		}
		most := b.Tokens()
		taken := 0
		for _, step := range steps {
			before := b.Tokens()
			switch step % 3 {
			case 0:
				if b.Take() {
					taken++
					require.Greater(t, before, most/2)
					require.InDelta(t, before-1, b.Tokens(), 1e-6)
				} else {
					require.InDelta(t, before, b.Tokens(), 0)
					require.True(t, before <= most/2+0.001 || before < 1, "%v of %v", before, most)
				}
			case 1:
				if taken > 0 {
					taken--
					b.Untake()
					require.GreaterOrEqual(t, b.Tokens(), before)
				}
			case 2:
				b.Succeed()
				require.GreaterOrEqual(t, b.Tokens(), before)
			}
			require.True(t, b.Tokens() >= 0 && b.Tokens() <= most, "%v of %v", b.Tokens(), most)
		}
	})
}

func TestBudgetIsExactUnderConcurrency(t *testing.T) {
	t.Parallel()
	b, err := failover.NewBudget(failover.BudgetPolicy{Tokens: 2000, Refill: 1})
	require.NoError(t, err)
	var wg sync.WaitGroup
	var mu sync.Mutex
	taken := 0
	for range 8 {
		wg.Go(func() {
			mine := 0
			for range 500 {
				if b.Take() {
					mine++
				}
			}
			mu.Lock()
			defer mu.Unlock()
			taken += mine
		})
	}
	wg.Wait()
	require.Equal(t, 1000, taken)
	require.InDelta(t, 1000, b.Tokens(), 0)
}

// FuzzOpenTime: how long a breaker stays open is never negative, never above
// its cap, and never shorter than what was asked for.
func FuzzOpenTime(f *testing.F) {
	f.Add(int64(0), int64(0), uint16(10), int64(0))
	f.Add(int64(1), int64(1), uint16(2000), int64(time.Minute))
	f.Add(int64(1), int64(23), uint16(18), int64(-21))
	f.Add(int64(time.Hour), int64(365*24*time.Hour), uint16(3000), int64(time.Hour))
	f.Fuzz(func(t *testing.T, openFor, maxOpen int64, n uint16, retryAfter int64) {
		retryAfter = max(retryAfter%int64(365*24*time.Hour), 0)
		times, p, err := failover.OpenTimes(failover.BreakerPolicy{
			OpenFor: time.Duration(openFor), MaxOpen: time.Duration(maxOpen),
		}, int(n), time.Duration(retryAfter))
		if err != nil {
			return
		}
		for i, d := range times {
			require.Positive(t, d, "time %d", i)
			require.GreaterOrEqual(t, d, time.Duration(retryAfter))
			require.LessOrEqual(t, d, max(p.MaxOpen, time.Duration(retryAfter)))
			require.GreaterOrEqual(t, d, min(time.Duration(float64(p.OpenFor)*0.9), p.MaxOpen))
		}
	})
}
