package failover_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// planned is the order of a router's plan.
func planned(t *testing.T, r *failover.Router[int, string], wishes ...failover.Wish) []string {
	t.Helper()
	plan, err := r.Plan(failover.With(t.Context(), wishes...), 0)
	require.NoError(t, err)
	return plan.Order
}

// asked is who a request was given to, in order, while everybody fails.
func asked(t *testing.T, r *failover.Router[int, string], wishes ...failover.Wish) []string {
	t.Helper()
	result, _ := r.Route(failover.With(t.Context(), wishes...), 0)
	names := []string{}
	for _, a := range result.Attempts {
		names = append(names, a.Provider)
	}
	return names
}

func TestSetPrimaryAndFallbacks(t *testing.T) {
	t.Parallel()
	f := newFleet(4)
	for _, n := range f {
		n.fail(errNode)
	}
	r := f.router(t, nil)
	order := func(want ...string) {
		t.Helper()
		assert.Equal(t, want, planned(t, r))
		assert.Equal(t, want, asked(t, r))
	}
	order("a", "b", "c", "d")
	require.NoError(t, r.SetPrimary("c"))
	order("c", "a", "b", "d")
	require.NoError(t, r.SetPrimary("c"))
	order("c", "a", "b", "d")
	require.NoError(t, r.SetFallbacks("d", "b"))
	order("c", "d", "b", "a")
	require.NoError(t, r.SetFallbacks())
	order("c", "d", "b", "a")
	require.NoError(t, r.SetFallbacks("a"))
	order("c", "a", "d", "b")
	require.NoError(t, r.SetPrimary("b"))
	order("b", "c", "a", "d")
	require.NoError(t, r.SetFallbacks("d", "a", "c"))
	order("b", "d", "a", "c")
	require.NoError(t, r.SetPrimary("a"))
	order("a", "b", "d", "c")

	for want, err := range map[string]error{
		`failover: SetPrimary: unknown provider "z"`:                     r.SetPrimary("z"),
		`failover: SetPrimary: unknown provider ""`:                      r.SetPrimary(""),
		`failover: SetPrimary: unknown provider "a/b"`:                   r.SetPrimary("a/b"),
		`failover: SetFallbacks: unknown provider "z"`:                   r.SetFallbacks("b", "z"),
		`failover: SetFallbacks: "b" is given twice`:                     r.SetFallbacks("b", "c", "b"),
		`failover: SetFallbacks: the primary cannot be its own fallback`: r.SetFallbacks("b", "a"),
	} {
		require.EqualError(t, err, want)
	}
	order("a", "b", "d", "c") // what was refused changed nothing
}

func TestOrderIsActivePassives(t *testing.T) {
	t.Parallel()
	for name, strategy := range allStrategies() {
		if name == "active_passive" {
			continue
		}
		r := newFleet(2).router(t, nil, failover.WithStrategy(strategy))
		require.EqualError(t, r.SetPrimary("b"), "failover: SetPrimary: the strategy is not ActivePassive")
		require.EqualError(t, r.SetFallbacks("b"), "failover: SetFallbacks: the strategy is not ActivePassive")
	}
}

// A request that runs while the order changes sees a whole order.
func TestReorderingWhileRequestsRun(t *testing.T) {
	t.Parallel()
	f := newFleet(5)
	for _, n := range f {
		n.fail(errNode)
	}
	r := f.router(t, nil)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				assert.NoError(t, r.SetPrimary(f[i%5].name))
				_ = r.SetFallbacks(f[(i+2)%5].name, f[(i+1)%5].name)
			}
		}
	})
	for range 500 {
		names := asked(t, r)
		require.ElementsMatch(t, []string{"a", "b", "c", "d", "e"}, names)
		require.Len(t, planned(t, r), 5)
	}
	close(stop)
	wg.Wait()
}

func TestDisableAndEnable(t *testing.T) {
	t.Parallel()
	r := newFleet(3).router(t, nil)
	require.NoError(t, r.Disable("a"))
	require.NoError(t, r.Disable("a"))
	assert.Equal(t, []string{"b", "c"}, planned(t, r))
	s := r.Status().Providers[0]
	assert.False(t, s.Ready)
	assert.Equal(t, []failover.StatusReason{{Reason: failover.ReasonDisabled}}, s.Reasons)
	assert.Equal(t, "b", servedBy(t, r, 1))
	_, err := r.Do(failover.With(t.Context(), failover.Only("a")), 0)
	require.EqualError(t, err, "failover: no provider is available; left out: a (disabled), b (excluded), c (excluded)")

	require.NoError(t, r.Enable("a"))
	require.NoError(t, r.Enable("b"), "nothing to undo")
	assert.Equal(t, "a", servedBy(t, r, 1))

	require.EqualError(t, r.Disable("z"), `failover: Disable: unknown provider "z"`)
	require.EqualError(t, r.Enable("z"), `failover: Enable: unknown provider "z"`)

	for _, p := range []string{"a", "b", "c"} {
		require.NoError(t, r.Disable(p))
	}
	_, err = r.Do(t.Context(), 0)
	none, ok := err.(*failover.NoneAvailableError)
	require.True(t, ok)
	assert.Zero(t, none.RetryAt)
	assert.Len(t, none.Skipped, 3)
}
