package failover_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// cooling is for how long a still cools.
func cooling(t *testing.T, r *stage) time.Duration {
	t.Helper()
	return left(t, r, "a", failover.ReasonCooling)
}

// coolOff waits for the end of a's cooldown.
func coolOff(t *testing.T, r *stage) {
	t.Helper()
	wait(t, cooling(t, r)+time.Microsecond)
	require.Zero(t, cooling(t, r))
}

func TestCooldownFollowsRetryAfter(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header []string
		opts   []failover.Option
		want   time.Duration
	}{
		{"seconds", []string{"Retry-After", "42"}, nil, 42 * time.Second},
		{"milliseconds", []string{"Retry-After-Ms", "1500", "Retry-After", "2"}, nil, 1500 * time.Millisecond},
		{
			"a date against the response's own Date, whatever the clock here says",
			[]string{"Retry-After", "Wed, 21 Oct 2015 07:28:30 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT"},
			nil, 30 * time.Second,
		},
		{"shorter than the default", []string{"Retry-After", "1"}, nil, time.Second},
		{"at most 15 min", []string{"Retry-After", "86400"}, nil, 15 * time.Minute},
		{
			"at most WithMaxCooldown",
			[]string{"Retry-After", "86400"},
			[]failover.Option{failover.WithMaxCooldown(time.Hour)},
			time.Hour,
		},
		{
			"WithMaxCooldown caps the default too", nil,
			[]failover.Option{failover.WithMaxCooldown(2 * time.Second)},
			2 * time.Second,
		},
		{"a date in the past says nothing", []string{
			"Retry-After", "Wed, 21 Oct 2015 07:27:00 GMT", "Date", "Wed, 21 Oct 2015 07:28:00 GMT",
		}, nil, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t, tt.opts...)
				a.fails(httpError(http.StatusTooManyRequests, tt.header...))
				mustAsk(t, r, 1)
				require.Equal(t, tt.want, cooling(t, r))
				asked := a.times()
				wait(t, tt.want-time.Millisecond)
				mustAsk(t, r, 1)
				require.Equal(t, asked, a.times(), "it is left alone until then")
				wait(t, 2*time.Millisecond)
				mustAsk(t, r, 1)
				require.Equal(t, asked+1, a.times(), "and asked again after")
			})
		})
	}
}

func TestCooldownGrows(t *testing.T) {
	t.Parallel()
	minutes := func(ns ...int) (list []time.Duration) {
		for _, n := range ns {
			list = append(list, time.Duration(n)*time.Minute)
		}
		return list
	}
	for _, tt := range []struct {
		status int
		want   []time.Duration
	}{
		{429, []time.Duration{
			5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute, time.Minute,
		}},
		{402, minutes(1, 2, 4, 8, 15, 15)},
		{401, minutes(1, 2, 4, 8, 15, 15)},
	} {
		t.Run(http.StatusText(tt.status), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t)
				a.fails(httpError(tt.status))
				for _, want := range tt.want {
					mustAsk(t, r, 1)
					require.Equal(t, want, cooling(t, r))
					coolOff(t, r)
				}
			})
		})
	}
}

func TestAccountCooldownGrowsToFifteenMinutesAtMost(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, _, r := pair(t, failover.WithMaxCooldown(24*time.Hour))
		a.fails(httpError(402))
		for range 6 {
			mustAsk(t, r, 1)
			require.LessOrEqual(t, cooling(t, r), 15*time.Minute)
			coolOff(t, r)
		}
	})
}

func TestCooldownGrowthIsForgottenAfterFiveCleanMinutes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		clean time.Duration
		want  time.Duration
	}{
		{"not yet", 5*time.Minute - time.Second, 20 * time.Second},
		{"forgotten", 5*time.Minute + time.Second, 5 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t)
				a.fails(httpError(429))
				for range 2 {
					mustAsk(t, r, 1)
					coolOff(t, r)
				}
				a.answers()
				mustAsk(t, r, 2)
				wait(t, tt.clean)
				a.fails(httpError(429))
				mustAsk(t, r, 1)
				require.Equal(t, tt.want, cooling(t, r))
			})
		})
	}
}

// volley sends n requests to a at once; they come back together, one after the
// other, with these errors in turn.
func volley(t *testing.T, a *actor, r *stage, n int, errs ...error) {
	t.Helper()
	var mu sync.Mutex
	next := 0
	a.plays(func(ctx context.Context) (string, error) {
		mu.Lock()
		i := next
		next++
		mu.Unlock()
		_ = pass(ctx, time.Second+time.Duration(i)*time.Millisecond)
		return "", errs[i%len(errs)]
	})
	var group sync.WaitGroup
	for range n {
		group.Go(func() { _, _ = ask(t, r) })
	}
	synctest.Wait()
	group.Wait()
}

func TestCooldownGrowsOneStepForAttemptsBegunBeforeIt(t *testing.T) {
	t.Parallel()
	t.Run("after the default", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			volley(t, a, r, 20, httpError(429))
			require.LessOrEqual(t, cooling(t, r), 5*time.Second)
			coolOff(t, r)
			a.fails(httpError(429))
			mustAsk(t, r, 1)
			require.Equal(t, 10*time.Second, cooling(t, r), "twenty failures of one moment are one step")
		})
	})
	t.Run("after a Retry-After", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			volley(t, a, r, 20, append([]error{httpError(429, "Retry-After", "30")}, repeat(httpError(429), 19)...)...)
			coolOff(t, r)
			a.fails(httpError(429))
			mustAsk(t, r, 1)
			require.Equal(t, 5*time.Second, cooling(t, r), "those begun before the Retry-After came add nothing")
		})
	})
	t.Run("of an account", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, _, r := pair(t)
			volley(t, a, r, 20, httpError(401))
			require.LessOrEqual(t, cooling(t, r), time.Minute)
			coolOff(t, r)
			a.fails(httpError(401))
			mustAsk(t, r, 1)
			require.Equal(t, 2*time.Minute, cooling(t, r))
		})
	})
}

func repeat(err error, n int) []error {
	list := make([]error, n)
	for i := range list {
		list[i] = err
	}
	return list
}

func TestCooldownIsExtendedNeverShortened(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		errs []error
		want time.Duration
	}{
		{"a longer Retry-After extends", []error{httpError(429, "Retry-After", "20"), httpError(429, "Retry-After", "60")}, time.Minute},
		{
			"a shorter one does not shorten",
			[]error{httpError(429, "Retry-After", "60"), httpError(429, "Retry-After", "1")},
			time.Minute - time.Millisecond,
		},
		{"nor does none", []error{httpError(429, "Retry-After", "60"), httpError(429)}, time.Minute - time.Millisecond},
		{"a Retry-After extends the default", []error{httpError(429), httpError(429, "Retry-After", "60")}, time.Minute},
		{"quota with a Retry-After", []error{httpError(402, "Retry-After", "300"), httpError(402)}, 5*time.Minute - time.Millisecond},
		{"quota with a short one keeps its minute", []error{httpError(402, "Retry-After", "3"), httpError(402)}, time.Minute - time.Millisecond},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, _, r := pair(t)
				volley(t, a, r, 2, tt.errs...)
				require.Equal(t, tt.want, cooling(t, r))
			})
		})
	}
}

func TestSoleEligibleProviderCoolsOnlyForRetryAfter(t *testing.T) {
	t.Parallel()
	shutOut := map[string]func(t *testing.T, b *actor, r *stage){
		"none": nil,
		"a disabled one": func(t *testing.T, _ *actor, r *stage) {
			require.NoError(t, r.Disable("b"))
		},
		"a drained one": func(t *testing.T, _ *actor, r *stage) {
			require.NoError(t, r.SetWeight("b", 0))
		},
		"an open one": func(t *testing.T, b *actor, r *stage) {
			b.failsAs(failover.ClassTransient)
			for range 5 {
				_, _ = r.Do(failover.With(t.Context(), failover.Only("b")), "request")
			}
			require.Equal(t, failover.BreakerOpen, stateOf(t, r, "b"))
		},
		"a cooling one": func(t *testing.T, b *actor, r *stage) {
			b.fails(httpError(402))
			_, _ = r.Do(failover.With(t.Context(), failover.Only("b")), "request")
			require.Equal(t, []failover.Reason{failover.ReasonCooling}, reasonsOf(t, r, "b"))
		},
	}
	for others, prepare := range shutOut {
		for _, status := range []int{401, 402, 429} {
			t.Run(others+"/"+http.StatusText(status), func(t *testing.T) {
				bubble(t, func(t *testing.T) {
					a, b := newActor("a"), newActor("b")
					actors := []*actor{a}
					if prepare != nil {
						actors = append(actors, b)
					}
					r := onStage(t, actors, once())
					if prepare != nil {
						prepare(t, b, r)
					}
					a.fails(httpError(status))
					_, err := ask(t, r)
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Empty(t, reasonsOf(t, r, "a"), "to cool the last one left is to refuse everybody")
					a.fails(httpError(status, "Retry-After", "90"))
					_, err = ask(t, r)
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Equal(t, 90*time.Second, cooling(t, r))
				})
			})
		}
	}
}

func TestAccountSharesItsTroubles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		err    error
		shared bool
	}{
		{"quota", httpError(402), true},
		{"key", httpError(401), true},
		{"rate limits are each provider's own", httpError(429), false},
		{"so are failures", httpError(500), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				names := []string{"a", "a2", "b", "none", "none2"}
				providers := make([]failover.Provider[string, string], len(names))
				a := newActor("a")
				for i, name := range names {
					providers[i] = newActor(name).provider()
				}
				providers[0] = a.provider()
				providers[0].Account, providers[1].Account, providers[2].Account = "key", "key", "other"
				notes := &notebook{}
				r := withProviders(t, providers, once(), notes.option())
				a.fails(tt.err)
				mustAsk(t, r, 1)
				require.Equal(t, tt.shared, len(reasonsOf(t, r, "a2")) == 1)
				for _, name := range names[2:] {
					require.Empty(t, reasonsOf(t, r, name), "no account is no common account")
				}
				if !tt.shared {
					return
				}
				events := noted[failover.CooldownEvent](notes)
				require.Len(t, events, 1)
				require.Equal(t, "a", events[0].Provider)
				require.Equal(t, "key", events[0].Account)

				// Each of them comes back by trials of its own.
				coolOff(t, r)
				a.answers()
				require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a2"))
				mustAsk(t, r, 2)
				require.Empty(t, reasonsOf(t, r, "a"))
				require.Equal(t, []failover.Reason{failover.ReasonHalfOpen}, reasonsOf(t, r, "a2"))
			})
		})
	}
}

func TestLocalLimitCoolsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		p := a.provider()
		p.Limit = failover.Limit{Rate: 1, Burst: 1}
		r := withProviders(t, failover.Providers(p, b.provider()))
		mustAsk(t, r, 3)
		require.Equal(t, 1, a.times())
		require.Equal(t, 2, b.times())
		require.Equal(t, []failover.Reason{failover.ReasonLimited}, reasonsOf(t, r, "a"))
		require.Zero(t, cooling(t, r))
	})
}

// TestNestedLimitCoolsNobody: a nested router that only ran into limits of its
// own is rate limited outside, and does not cool.
func TestNestedLimitCoolsNobody(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key, b := newActor("key"), newActor("b")
		key.isSilent()
		p := key.provider()
		p.Limit = failover.Limit{Concurrency: 1}
		inner := withProviders(t, failover.Providers(p))
		r := withProviders(t, failover.Providers(failover.Nest("pool", inner), b.provider()))
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { _, _ = r.Do(ctx, "request") })
		synctest.Wait()
		got, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "b", got)
		require.Empty(t, reasonsOf(t, r, "pool"))
		require.Equal(t, uint64(1), statusOf(t, r, "pool").Attempts["rate_limited"])
		cancel()
		group.Wait()
	})
}

func TestMaxCooldownIsChecked(t *testing.T) {
	t.Parallel()
	for _, d := range []time.Duration{0, -time.Second} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), failover.WithMaxCooldown(d))
		require.ErrorContains(t, err, "WithMaxCooldown: "+d.String()+" is not positive")
	}
}
