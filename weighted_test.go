package failover_test

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// effectiveWeight of a provider, as seen by a strategy now.
func effectiveWeight(r *failover.Router[int, string], index int, since time.Duration) float64 {
	return r.PickAmong(1<<index, 0, true, int64(since)).Candidates[0].EffectiveWeight(int64(since))
}

func TestWeightIsHalvedPerFailureAndRecoversWithTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		f := newFleet(2)
		r := f.router(t, func(_ int, p *failover.Provider[int, string]) { p.Weight = 64 },
			failover.WithStrategy(failover.Weighted()))
		only := failover.With(t.Context(), failover.Only("a"))
		weight := func() float64 { return effectiveWeight(r, 0, time.Since(begun)) }
		require.InDelta(t, 64, weight(), 0)

		f[0].fail(errNode)
		for _, want := range []float64{32, 16, 8, 4, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1} {
			_, err := r.Do(only, 1)
			require.Error(t, err)
			require.InDelta(t, want, weight(), 0)
		}
		assert.InDelta(t, 64, effectiveWeight(r, 1, time.Since(begun)), 0, "the neighbour's")

		// Each 10 s give back one halving, however long the row was.
		wait(t, 10*time.Second-time.Nanosecond)
		require.InDelta(t, 1, weight(), 0)
		for _, want := range []float64{2, 4, 8, 16, 32, 64, 64} {
			wait(t, 10*time.Second)
			require.InDelta(t, want, weight(), 0)
		}

		_, err := r.Do(only, 1)
		require.Error(t, err)
		require.InDelta(t, 1, weight(), 0, "another failure of the same row")
		f[0].fail(nil)
		_, err = r.Do(only, 1)
		require.NoError(t, err)
		assert.InDelta(t, 64, weight(), 0, "a success gives back all")
	})
}

// What does not tell against a provider costs it no weight.
func TestWeightIgnoresWhatTheBreakerIgnores(t *testing.T) {
	t.Parallel()
	for _, class := range failover.Classes() {
		f := newFleet(2)
		f[0].fail(&failover.Error{Class: class})
		r := f.router(t, nil, failover.WithStrategy(failover.Weighted()))
		_, _ = r.Do(failover.With(t.Context(), failover.Only("a")), 1)
		want := 1.0
		if failover.DefaultVerdict(class).Breaker == failover.BreakerFailure {
			want = 0.5
		}
		if class == failover.ClassCanceled {
			want = 0.5 // not the caller's context, so some other trouble
		}
		assert.InDelta(t, want, effectiveWeight(r, 0, 0), 0, class)
	}
}

func TestWeightedRotationIsPredictable(t *testing.T) {
	t.Parallel()
	order := func() (got string) {
		f := newFleet(3)
		weights := []int{3, 2, 1}
		r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Weight = weights[i] },
			failover.WithStrategy(failover.Weighted()))
		for range 12 {
			who, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
			got += who
		}
		return got
	}
	first := order()
	assert.Equal(t, first, order())
	for from := 0; from < len(first); from += 6 {
		counts := map[rune]int{}
		for _, who := range first[from : from+6] {
			counts[who]++
		}
		assert.Equal(t, map[rune]int{'a': 3, 'b': 2, 'c': 1}, counts, "in %q", first)
	}
}

func TestSetWeight(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	r := f.router(t, nil, failover.WithStrategy(failover.Weighted()))
	assert.Equal(t, map[string]int{"a": 50, "b": 50}, firstPicks(t, r, 100))

	require.NoError(t, r.SetWeight("a", 3))
	assert.Equal(t, 3, r.Status().Providers[0].Weight)
	assert.InDelta(t, 75, firstPicks(t, r, 100)["a"], 1)

	require.NoError(t, r.SetWeight("a", 0))
	assert.Equal(t, map[string]int{"b": 100}, firstPicks(t, r, 100))
	s := r.Status().Providers[0]
	assert.False(t, s.Ready)
	assert.Equal(t, []failover.StatusReason{{Reason: failover.ReasonDrained}}, s.Reasons)
	f[1].fail(errNode)
	_, err := r.Do(t.Context(), 1)
	require.ErrorContains(t, err, "left out: a (drained)", "a drained provider is no fallback either")

	require.NoError(t, r.SetWeight("a", 1))
	f[1].fail(nil)
	who, err := r.Do(failover.With(t.Context(), failover.Only("a")), 1)
	require.NoError(t, err)
	assert.Equal(t, "a", who)

	require.NoError(t, r.SetWeight("a", 0))
	require.NoError(t, r.SetWeight("b", 0))
	_, err = r.Do(t.Context(), 1)
	require.ErrorIs(t, err, failover.ErrNoneAvailable)

	require.EqualError(t, r.SetWeight("a", -1), `failover: SetWeight: "a": -1 is negative`)
	require.EqualError(t, r.SetWeight("a", math.MaxInt), `failover: SetWeight: "a": 9223372036854775807 is above 2147483647`)
	require.EqualError(t, r.SetWeight("z", 1), `failover: SetWeight: unknown provider "z"`)
	require.ErrorIs(t, r.SetWeight("z", 1), failover.ErrUnknownProvider)
	assert.Zero(t, r.Status().Providers[0].Weight, "what was refused changed nothing")
}

// Weight and drained are one setting: whoever sets last decides both.
func TestSetWeightIsOneStep(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	r := f.router(t, nil, failover.WithStrategy(failover.Weighted()))
	var round, done atomic.Int64
	var wg sync.WaitGroup
	const rounds = 5_000
	for _, w := range []int{0, 5} {
		wg.Go(func() {
			for i := range int64(rounds) {
				for round.Load() <= i { // so that both set at the same moment
					runtime.Gosched()
				}
				assert.NoError(t, r.SetWeight("a", w))
				done.Add(1)
			}
		})
	}
	for i := range int64(rounds) {
		round.Store(i + 1)
		for done.Load() < 2*(i+1) {
			runtime.Gosched()
		}
		s := r.Status().Providers[0]
		if !assert.Equal(t, s.Weight != 0, s.Ready, "weight %d in round %d", s.Weight, i) {
			round.Store(rounds)
			break
		}
	}
	wg.Wait()
}

func TestTheSmallestShareIsNotNothing(t *testing.T) {
	t.Parallel()
	f := newFleet(2)
	weights := []int{1, math.MaxInt32}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Weight = weights[i] })
	s := failover.Weighted()
	counts := [2]int{}
	for range 4 * 65536 {
		counts[s.Next(t.Context(), r.PickAmong(0b11, 0, false, 0))]++
	}
	assert.InDelta(t, 4, counts[0], 1)
}

func TestAfterAFailureTheNextIsDrawnByWeight(t *testing.T) {
	t.Parallel()
	f := newFleet(3)
	weights := []int{1, 1, 3}
	r := f.router(t, func(i int, p *failover.Provider[int, string]) { p.Weight = weights[i] })
	p := r.PickAmong(0b111, 1, false, 0)
	counts := [3]int{}
	for random := range uint64(5 * 64) {
		counts[failover.DrawByWeight(p, random)]++
	}
	assert.Equal(t, [3]int{64, 64, 192}, counts)
}

// FuzzWeights: whatever the weights, their penalties and the number of turns
// that were taken, Weighted names a candidate with a weight above zero if there
// is one, and comes to an end.
func FuzzWeights(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 0, 0, 2}, []byte{0, 9}, uint64(3), uint64(0), int64(0), 0, false)
	f.Add([]byte{0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 1}, []byte{200}, uint64(3), uint64(math.MaxUint64), int64(-1), 1, true)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, []byte{}, uint64(7), uint64(1<<40), int64(math.MaxInt64), 0, true)
	f.Fuzz(func(t *testing.T, raw, failures []byte, live, turns uint64, now int64, attempt int, dry bool) {
		n := min(len(raw)/4, 12)
		live &= 1<<n - 1
		if live == 0 {
			return
		}
		fleet := newFleet(n)
		r := fleet.router(t, nil)
		for i, node := range fleet {
			weight := int(binary.BigEndian.Uint32(raw[4*i:]) & math.MaxInt32)
			require.NoError(t, r.SetWeight(node.name, weight))
		}
		p := r.PickAmong(live, attempt, dry, now)
		heavy := false
		for i, c := range p.Candidates {
			if i < len(failures) {
				c.Penalise(int(failures[i]), now/2)
			}
			require.GreaterOrEqual(t, c.EffectiveWeight(now), 0.0)
			require.LessOrEqual(t, c.EffectiveWeight(now), float64(c.Weight()))
			heavy = heavy || c.Weight() > 0
		}
		s := failover.Weighted()
		failover.Rotate(s, turns)
		for range 2 * n {
			for _, at := range []int{s.Next(t.Context(), p), failover.DrawByWeight(p, turns)} {
				require.True(t, at >= 0 && at < len(p.Candidates), "%d of %d", at, len(p.Candidates))
				if heavy {
					require.Positive(t, p.Candidates[at].Weight(), "position %d", at)
				}
			}
		}
	})
}
