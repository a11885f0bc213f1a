package failover_test

import (
	"fmt"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// sticks makes one request of a conversation and says who answered.
func sticks(t *testing.T, r *failover.Router[int, string], key string, wishes ...failover.Wish) string {
	t.Helper()
	who, err := r.Do(failover.With(t.Context(), append(wishes, failover.Sticky(key))...), 0)
	require.NoError(t, err)
	return who
}

func TestStickyStaysAndMovesOnce(t *testing.T) {
	t.Parallel()
	for name, strategy := range allStrategies() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(4)
			r := f.router(t, nil, failover.WithStrategy(strategy))
			at := map[string]string{}
			for _, key := range []string{"one", "two", "three"} {
				at[key] = sticks(t, r, key)
			}
			stay := func() {
				t.Helper()
				for range 10 {
					_, err := r.Do(t.Context(), 0) // others in between
					require.NoError(t, err)
					for key, who := range at {
						require.Equal(t, who, sticks(t, r, key), key)
					}
				}
			}
			stay()

			left := at["one"]
			gone := f[left[0]-'a']
			gone.fail(errNode)
			for key, who := range at {
				if who == left {
					at[key] = sticks(t, r, key)
					require.NotEqual(t, left, at[key])
				}
			}
			stay()
			gone.fail(nil)
			stay() // where it moved to, although the first is back
		})
	}
}

func TestStickyGivesWayToFilters(t *testing.T) {
	t.Parallel()
	f := newFleet(3)
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Cost = price(float64(3 - i)) })
	require.Equal(t, "a", sticks(t, r, "k"))
	assert.Equal(t, "a", sticks(t, r, "k", failover.Prefer("b")), "sticky comes before prefer")
	assert.Equal(t, "b", sticks(t, r, "k", failover.Avoid("a")))
	assert.Equal(t, "b", sticks(t, r, "k"), "and it stays where it went")
	assert.Equal(t, "c", sticks(t, r, "k", failover.Only("c")))
	assert.Equal(t, "c", sticks(t, r, "k"))
	assert.Equal(t, "b", sticks(t, r, "other", failover.Prefer("b")), "prefer decides for a new one")
	assert.Equal(t, "c", sticks(t, r, "other", failover.MaxCost(1)))
	require.NoError(t, r.Disable("c"))
	assert.Equal(t, "a", sticks(t, r, "k"))
}

func TestStickyIsForgotten(t *testing.T) {
	t.Parallel()
	t.Run("after disuse", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newFleet(2).router(t, nil) // 30 min by default
			require.Equal(t, "b", sticks(t, r, "k", failover.Prefer("b")))
			for range 5 {
				wait(t, 30*time.Minute)
				require.Equal(t, "b", sticks(t, r, "k"), "each use counts")
			}
			wait(t, 30*time.Minute+1)
			assert.Equal(t, "a", sticks(t, r, "k"))
		})
	})
	t.Run("when there are too many", func(t *testing.T) {
		t.Parallel()
		r := newFleet(2).router(t, nil, failover.WithSticky(failover.StickyPolicy{Keys: 3}))
		for _, key := range []string{"1", "2", "3"} {
			require.Equal(t, "b", sticks(t, r, key, failover.Prefer("b")))
		}
		require.Equal(t, "b", sticks(t, r, "1")) // so that 2 is the least recently used
		require.Equal(t, "b", sticks(t, r, "4", failover.Prefer("b")))
		assert.Equal(t, "a", sticks(t, r, "2"))
		assert.Equal(t, "b", sticks(t, r, "1"))
		assert.Equal(t, "b", sticks(t, r, "4"))
		assert.Equal(t, "a", sticks(t, r, "3"), "pushed out by 2 coming back")
	})
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			r := newFleet(2).router(t, nil, failover.WithSticky(failover.StickyPolicy{Keys: math.MaxInt, TTL: 365 * 24 * time.Hour}))
			require.Equal(t, "b", sticks(t, r, "k", failover.Prefer("b")))
			wait(t, 300*24*time.Hour)
			assert.Equal(t, "b", sticks(t, r, "k"))
		})
	})
}

// A conversation is no test: the trial of a recovering provider is left to
// other requests.
func TestStickyIsNoTrial(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2)
		r := f.router(t, nil, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
		require.Equal(t, "a", sticks(t, r, "old"))
		f[0].fail(errNode)
		require.Equal(t, "b", servedBy(t, r, 1))
		f[0].fail(nil)
		wait(t, 15*time.Second) // half-open
		require.Equal(t, failover.BreakerHalfOpen, r.Status().Providers[0].Breaker)
		assert.Equal(t, "b", sticks(t, r, "old"))
		assert.Equal(t, "b", sticks(t, r, "new"))
		assert.Equal(t, "aa", servedBy(t, r, 2), "the trials")
		require.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker)
		assert.Equal(t, "b", sticks(t, r, "new"))
		assert.Equal(t, "a", sticks(t, r, "newer"))

		f[0].fail(errNode)
		require.Equal(t, "b", servedBy(t, r, 1))
		require.NoError(t, r.Disable("b"))
		f[0].fail(nil)
		wait(t, 25*time.Second)
		assert.Equal(t, "a", sticks(t, r, "newest"), "unless nobody else can serve")
	})
}

func TestStickyConcurrently(t *testing.T) {
	t.Parallel()
	f := newFleet(5)
	r := f.router(t, nil, failover.WithStrategy(failover.RoundRobin()), failover.WithSticky(failover.StickyPolicy{Keys: 64}))
	var wg sync.WaitGroup
	for key := range 16 {
		wg.Go(func() {
			first := ""
			for range 200 {
				who, err := r.Do(failover.With(t.Context(), failover.Sticky(fmt.Sprint(key))), 0)
				if !assert.NoError(t, err) {
					return
				}
				if first == "" {
					first = who
				}
				assert.Equal(t, first, who)
			}
		})
	}
	wg.Wait()
}

// An empty key is no key.
func TestStickyEmpty(t *testing.T) {
	t.Parallel()
	r := newFleet(2).router(t, nil, failover.WithStrategy(failover.RoundRobin()))
	for _, want := range []string{"a", "b", "a", "b"} {
		assert.Equal(t, want, sticks(t, r, ""))
	}
}

func TestStickyIsPerRouter(t *testing.T) {
	t.Parallel()
	one, two := newFleet(2).router(t, nil), newFleet(2).router(t, nil)
	require.Equal(t, "b", sticks(t, one, "k", failover.Prefer("b")))
	assert.Equal(t, "b", sticks(t, one, "k"))
	assert.Equal(t, "a", sticks(t, two, "k"))
}
