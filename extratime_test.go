package failover_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// waits never answers by itself.
func waits(ctx context.Context, _ time.Duration) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

// TestExtraTime sends requests that are the extra time they want.
func TestExtraTime(t *testing.T) {
	t.Parallel()
	const deadline = time.Hour
	asks := func(extra time.Duration) time.Duration { return extra }
	for name, c := range map[string]struct {
		own   time.Duration
		extra func(time.Duration) time.Duration
		req   time.Duration
		opts  []failover.Option
		want  time.Duration
	}{
		"none":                    {extra: nil, req: time.Minute, want: 30 * time.Second},
		"on top":                  {extra: asks, req: time.Minute, want: 90 * time.Second},
		"of a timeout of its own": {own: 2 * time.Second, extra: asks, req: time.Minute, want: 62 * time.Second},
		"of another router's":     {extra: asks, req: time.Minute, opts: []failover.Option{failover.WithTimeout(time.Second)}, want: 61 * time.Second},
		"nothing":                 {extra: asks, req: 0, want: 30 * time.Second},
		"negative":                {extra: asks, req: -time.Minute, want: 30 * time.Second},
		"for ever":                {extra: asks, req: math.MaxInt64, want: deadline},
		"of no timeout":           {extra: asks, req: time.Second, opts: []failover.Option{failover.WithTimeout(0)}, want: deadline},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := failover.Wrap("slow", waits)
				p.Timeout, p.ExtraTime = c.own, c.extra
				router, err := failover.New(failover.Providers(p), c.opts...)
				require.NoError(t, err)
				ctx, cancel := context.WithTimeout(t.Context(), deadline)
				defer cancel()
				start := time.Now()
				_, err = router.Do(ctx, c.req)
				assert.Equal(t, c.want, time.Since(start))
				if c.want < deadline {
					require.ErrorIs(t, err, failover.ErrAttemptTimeout)
					require.NotErrorIs(t, err, context.DeadlineExceeded)
				} else {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
			})
		})
	}
}

// The reserve that planning keeps for a successor comes first.
func TestExtraTimeLeavesTheReserve(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := failover.Wrap("slow", waits)
		slow.ExtraTime = func(extra time.Duration) time.Duration { return extra }
		second := failover.Wrap("second", func(context.Context, time.Duration) (string, error) { return "served", nil })
		router, err := failover.New(failover.Providers(slow, second))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		start := time.Now()
		served, err := router.Do(ctx, time.Hour)
		require.NoError(t, err)
		assert.Equal(t, "served", served)
		assert.Equal(t, 58*time.Second, time.Since(start))
	})
}

// A provider that is slow because it was given much to do, and is cut by the
// caller, is not to blame before its time, the extra one included.
func TestExtraTimeAndBlame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		takes := failover.Wrap("slow", func(ctx context.Context, extra time.Duration) (string, error) {
			select {
			case <-time.After(extra):
				return "done", nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		takes.Timeout = time.Second
		takes.ExtraTime = func(extra time.Duration) time.Duration { return 2 * extra }
		router, err := failover.New(failover.Providers(takes))
		require.NoError(t, err)
		for range 30 { // so that 40 s are usual
			_, err := router.Do(t.Context(), 40*time.Second)
			require.NoError(t, err)
		}
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			_, err := router.Do(ctx, 40*time.Second)
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		assert.Equal(t, failover.BreakerClosed, router.Status().Providers[0].Breaker)
	})
}

// A panic in ExtraTime gives back what was taken.
func TestExtraTimePanics(t *testing.T) {
	t.Parallel()
	p := failover.Wrap("odd", func(context.Context, string) (string, error) { return "served", nil })
	p.ExtraTime = func(req string) time.Duration {
		if req == "panic" {
			panic(errors.New("in ExtraTime"))
		}
		return 0
	}
	router, err := failover.New(failover.Providers(p))
	require.NoError(t, err)
	assert.Panics(t, func() { _, _ = router.Do(t.Context(), "panic") })
	served, err := router.Do(t.Context(), "fine")
	require.NoError(t, err)
	assert.Equal(t, "served", served)
	assert.Zero(t, router.Status().Providers[0].InFlight)
}
