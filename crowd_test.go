package failover_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// crowd is a thousand callers of one router, while everything happens to it.
type crowd struct {
	dice   *dice
	router *failover.Router[letter, string]
	names  []string

	returned, served, uncertain, closed atomic.Int64
	effects                             *ledger
}

const crowdSize = 1000

// member behaves as badly as a vendor does, but never panics.
func (c *crowd) member(name string, effect bool) failover.Provider[letter, string] {
	p := failover.Wrap(name, func(ctx context.Context, m letter) (string, error) {
		took := c.dice.within(400 * time.Millisecond)
		sent := effect && c.dice.roll(2) == 0
		if sent {
			c.effects.mu.Lock()
			c.effects.took[m.op]++
			c.effects.mu.Unlock()
		}
		switch roll := c.dice.roll(14); {
		case roll == 0:
			<-ctx.Done()
			return "", ctx.Err()
		case roll == 1:
			return "", errMurky
		case roll < 6:
			e := &failover.Error{Class: anyClass[roll], RetryAfter: took, Outcome: failover.OutcomeNotAccepted}
			if sent {
				e.Outcome = failover.OutcomeUnknown
			}
			return "", e
		}
		if err := pass(ctx, took); err != nil {
			return "", err
		}
		if effect && !sent {
			c.effects.mu.Lock()
			c.effects.took[m.op]++
			c.effects.mu.Unlock()
		}
		return name, nil
	})
	p.SideEffect = effect
	p.Cost = func(letter) float64 { return 1 }
	p.Limit = failover.Limit{Concurrency: 200}
	p.Check = func(ctx context.Context) error {
		if c.dice.roll(3) == 0 {
			return errSpilled
		}
		return pass(ctx, c.dice.within(100*time.Millisecond))
	}
	if c.dice.roll(2) == 0 {
		p.Account = "shared"
	}
	return p
}

// call is one caller's life: some requests, each with wishes and an end of its
// own.
func (c *crowd) call(t *testing.T, i int) {
	_ = pass(context.Background(), c.dice.within(20*time.Second))
	ctx := context.Background()
	wishes := []failover.Wish{failover.Sticky(fmt.Sprint("caller", i%50))}
	switch i % 5 {
	case 0:
		wishes = append(wishes, failover.Prefer("c"))
	case 1:
		wishes = append(wishes, failover.MaxCost(3))
	case 2:
		wishes = append(wishes, failover.NoFailover())
	case 3:
		wishes = append(wishes, failover.Optimize(failover.Weights{Speed: 1}))
	}
	ctx = failover.With(failover.Operation(ctx, fmt.Sprint("op", i)), wishes...)
	var cancel context.CancelFunc
	if i%3 == 0 {
		ctx, cancel = context.WithTimeout(ctx, c.dice.within(2*time.Second))
	} else {
		ctx, cancel = context.WithCancel(ctx)
		if i%7 == 0 {
			time.AfterFunc(c.dice.within(time.Second), cancel)
		}
	}
	defer cancel()
	result, err := c.router.Route(ctx, letter{fmt.Sprint("op", i)})
	c.returned.Add(1)
	requireTyped(t, err)
	switch {
	case err == nil:
		require.NotEmpty(t, result.Value)
		c.served.Add(1)
	case errors.Is(err, failover.ErrUncertain):
		c.uncertain.Add(1)
	case errors.Is(err, failover.ErrClosed):
		c.closed.Add(1)
	}
	if n := c.effects.count(fmt.Sprint("op", i)); n > 1 {
		t.Errorf("op%d was done %d times", i, n)
	} else if n == 1 && err != nil && !errors.Is(err, failover.ErrUncertain) {
		t.Errorf("op%d was done, and its caller was told %v", i, err)
	}
}

// meddle changes the router in every way until stop is closed.
func (c *crowd) meddle(t *testing.T, stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			return
		case <-time.After(c.dice.within(50 * time.Millisecond)):
		}
		name := c.names[c.dice.roll(len(c.names))]
		switch c.dice.roll(9) {
		case 0:
			require.NoError(t, c.router.Disable(name))
		case 1, 2:
			require.NoError(t, c.router.Enable(name))
		case 3:
			require.NoError(t, c.router.SetWeight(name, c.dice.roll(3)))
		case 4:
			_ = c.router.SetPrimary(name)
		case 5:
			_ = c.router.SetFallbacks(name)
		case 6:
			// Only providers with side effects can be reported on.
			_ = c.router.Report(fmt.Sprint("elsewhere", c.dice.roll(100)), name, failover.OutcomeNotAccepted, nil)
		case 7:
			_ = c.router.Status()
		case 8:
			_, err := c.router.Plan(context.Background(), letter{})
			requireTyped(t, err)
		}
	}
}

// TestCrowd: no race, no leak, no lost call.
func TestCrowd(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		effect bool
		opts   []failover.Option
	}{
		"hedged and probed": {opts: []failover.Option{
			failover.WithHedge(failover.HedgePolicy{MinSamples: 1}),
			failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second}),
			failover.WithFailback(failover.FailbackPolicy{MinHealthy: time.Second, Ramp: time.Second}),
		}},
		"weighted, waiting": {opts: []failover.Option{
			failover.WithStrategy(failover.Weighted()), failover.WithWait(time.Second), failover.WithRateLimitWait(time.Second),
		}},
		"by latency":   {opts: []failover.Option{failover.WithStrategy(failover.LeastLatency())}},
		"side effects": {effect: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := &crowd{dice: newDice(42), names: []string{"a", "b", "c", "pool"}, effects: newLedger()}
				key1, key2 := c.member("key1", test.effect), c.member("key2", test.effect)
				pool, err := failover.New(failover.Providers(key1, key2), failover.WithTimeout(2*time.Second))
				require.NoError(t, err)
				providers := failover.Providers(c.member("a", test.effect), c.member("b", test.effect))
				if test.effect {
					providers = append(providers, c.member("c", true))
				} else {
					providers = append(providers, failover.NewMirror(c.member("c", false), c.member("shadow", false), nil, failover.MirrorPolicy{}))
				}
				providers = append(providers, failover.Nest("pool", pool))
				var events atomic.Int64
				opts := append([]failover.Option{
					failover.WithTimeout(2 * time.Second),
					failover.WithObserver(func(context.Context, failover.Event) { events.Add(1) }),
				}, test.opts...)
				c.router, err = failover.New(providers, opts...)
				require.NoError(t, err)

				stop := make(chan struct{})
				var meddlers, callers sync.WaitGroup
				for range 4 {
					meddlers.Go(func() { c.meddle(t, stop) })
				}
				for i := range crowdSize {
					callers.Go(func() { c.call(t, i) })
				}
				_ = pass(context.Background(), 18*time.Second)
				require.NoError(t, c.router.Close())
				callers.Wait()
				close(stop)
				meddlers.Wait()
				require.NoError(t, pool.Close())

				require.Equal(t, int64(crowdSize), c.returned.Load())
				require.Greater(t, c.served.Load(), int64(crowdSize/10))
				require.Positive(t, c.closed.Load())
				require.Positive(t, events.Load())
				if test.effect {
					require.Positive(t, c.uncertain.Load())
				}
				for _, s := range []failover.Status{c.router.Status(), pool.Status()} {
					for _, p := range s.Providers {
						require.Zero(t, p.InFlight, p.Name)
						requireTypedCounts(t, p)
					}
				}
			}) // a goroutine left behind would be a deadlock here
		})
	}
}

// requireTypedCounts says that no count of a status ran below zero.
func requireTypedCounts(t *testing.T, p failover.ProviderStatus) {
	t.Helper()
	for class, n := range p.Attempts {
		require.Less(t, n, uint64(1<<40), "%s: %s", p.Name, class)
	}
	require.GreaterOrEqual(t, p.SuccessRate, 0.0)
	require.LessOrEqual(t, p.SuccessRate, 1.0)
}
