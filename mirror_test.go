package failover_test

import (
	"context"
	"errors"
	"math"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// mirrored is a router whose first provider is a mirror, named "primary".
type mirrored struct {
	primary, shadow, other *actor
	router                 *stage
	events                 notebook
	discarded              bin
}

// bin keeps the responses that were discarded.
type bin struct {
	mu  sync.Mutex
	all []string
}

func (b *bin) take(resp string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, resp)
}

func (b *bin) content() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.all...)
}

// settle lets fake time pass and what is due then happen.
func settle(t *testing.T, d time.Duration) {
	t.Helper()
	wait(t, d)
	synctest.Wait()
}

func sameLetters(primary, shadow string) bool { return strings.EqualFold(primary, shadow) }

func newMirrored(t *testing.T, policy failover.MirrorPolicy, opts ...failover.Option) *mirrored {
	t.Helper()
	m := &mirrored{primary: newActor("primary"), shadow: newActor("shadow"), other: newActor("other")}
	primary, shadow := m.primary.provider(), m.shadow.provider()
	primary.Cost = func(string) float64 { return 2 }
	shadow.Cost = func(string) float64 { return 5 }
	primary.Discard, shadow.Discard = m.discarded.take, m.discarded.take
	m.router = withProviders(t, failover.Providers(
		failover.NewMirror(primary, shadow, sameLetters, policy), m.other.provider(),
	), append([]failover.Option{m.events.option(), once()}, opts...)...)
	t.Cleanup(func() { require.NoError(t, m.router.Close()) })
	return m
}

func (m *mirrored) status(t *testing.T) failover.MirrorStatus {
	t.Helper()
	status := statusOf(t, m.router, "primary")
	require.NotNil(t, status.Mirror)
	return *status.Mirror
}

// side is the status of one side.
func (m *mirrored) side(t *testing.T, i int) failover.ProviderStatus {
	t.Helper()
	return statusOf(t, m.router, "primary").Nested.Providers[i]
}

func (a *actor) takesAndSays(d time.Duration, resp string) {
	a.plays(func(ctx context.Context) (string, error) { return resp, pass(ctx, d) })
}

func TestPairedAsksBothAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		m.primary.takesAndSays(time.Second, "answer")
		m.shadow.takesAndSays(3*time.Second, "ANSWER")
		begun := time.Now()
		result, err := m.router.Route(t.Context(), "hello")
		require.NoError(t, err)
		require.Equal(t, "answer", result.Value)
		require.Equal(t, time.Second, time.Since(begun), "nobody waits for the shadow")
		require.InDelta(t, 7, result.Cost, 1e-9, "both are paid for")
		settle(t, 3*time.Second)

		m.shadow.takesAndSays(2*time.Second, "another")
		_, err = ask(t, m.router)
		require.NoError(t, err)
		settle(t, 3*time.Second)
		require.Equal(t, failover.MirrorStatus{
			Sent: 2, Compared: 2, Agreed: 1, LatencyDelta: 1500 * time.Millisecond, CostDelta: 3,
		}, m.status(t))
		told := noted[failover.MirrorEvent](&m.events)
		require.Len(t, told, 2)
		require.Equal(t, "primary", told[0].Provider)
		require.True(t, told[0].Compared)
		require.True(t, told[0].Agreed)
		require.InDelta(t, 2*time.Second, told[0].LatencyDelta, 1e6)
		require.True(t, told[1].Compared)
		require.False(t, told[1].Agreed)
		require.Equal(t, []string{"ANSWER", "another"}, m.discarded.content())
		require.Equal(t, []int{2, 2, 0}, []int{m.primary.times(), m.shadow.times(), m.other.times()})
	})
}

// Without a function, answers are compared deeply.
func TestMirrorComparesDeeply(t *testing.T) {
	bubble(t, func(t *testing.T) {
		words := func(list ...string) failover.Func[string, []string] {
			return func(context.Context, string) ([]string, error) { return list, nil }
		}
		for _, test := range []struct {
			shadow []string
			agreed uint64
		}{{[]string{"a", "b"}, 1}, {[]string{"b", "a"}, 0}} {
			r, err := failover.New(failover.Providers(failover.NewMirror(
				failover.Wrap("primary", words("a", "b")), failover.Wrap("shadow", words(test.shadow...)), nil, failover.MirrorPolicy{},
			)))
			require.NoError(t, err)
			_, err = r.Do(t.Context(), "hello")
			require.NoError(t, err)
			synctest.Wait()
			require.Equal(t, test.agreed, r.Status().Providers[0].Mirror.Agreed)
		}
	})
}

// The shadow stands in for the primary, whose failures count all the same.
func TestPairedCoversUp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		m.primary.fails(errSpilled)
		m.shadow.takesAndSays(time.Second, "shadow")
		for range 7 {
			resp, err := ask(t, m.router)
			require.NoError(t, err)
			require.Equal(t, "shadow", resp)
		}
		require.Equal(t, 5, m.primary.times(), "its own breaker opened")
		require.Equal(t, failover.BreakerOpen, m.side(t, 0).Breaker)
		require.Equal(t, failover.BreakerClosed, m.side(t, 1).Breaker)
		require.Equal(t, failover.BreakerClosed, stateOf(t, m.router, "primary"), "the mirror as a whole serves")
		require.Equal(t, map[string]uint64{"unknown": 5}, m.side(t, 0).Attempts)
		require.Zero(t, m.other.times())
		require.Equal(t, failover.MirrorStatus{Sent: 7, PrimaryFailed: 7}, m.status(t))
		require.Empty(t, m.discarded.content(), "the shadow's answers were returned")
		told := noted[failover.MirrorEvent](&m.events)
		require.Len(t, told, 7)
		require.Equal(t, failover.ClassUnknown, told[0].Primary.Class)
		require.Nil(t, told[0].Shadow)
	})
}

func TestPairedBothFail(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		m.primary.failsAs(failover.ClassTimeout)
		m.shadow.failsAs(failover.ClassUnauthorized)
		result, err := m.router.Route(t.Context(), "hello")
		require.NoError(t, err)
		require.Equal(t, "other", result.Value)
		require.Equal(t, "primary/primary", result.Attempts[0].Inner[0].Provider)
		told := noted[failover.MirrorEvent](&m.events)
		require.Len(t, told, 1)
		require.Equal(t, failover.ClassTimeout, told[0].Primary.Class)
		require.Equal(t, failover.ClassUnauthorized, told[0].Shadow.Class)
		require.Equal(t, failover.MirrorStatus{Sent: 1, PrimaryFailed: 1, ShadowFailed: 1}, m.status(t))
	})
}

// A caller that waits for the shadow to cover up leaves when its time is up.
func TestPairedReturnsInTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		m.primary.fails(errSpilled)
		m.shadow.takes(10 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		begun := time.Now()
		_, err := m.router.Do(ctx, "hello")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, time.Second, time.Since(begun))
		settle(t, 10*time.Second)
		require.Equal(t, []string{"shadow"}, m.discarded.content(), "detached from the caller, and nobody's")
	})
}

func TestShadowNeverShows(t *testing.T) {
	t.Parallel()
	for name, part := range map[string]func(a *actor){
		"slow":   func(a *actor) { a.takesAndSays(20*time.Second, "shadow") },
		"failed": func(a *actor) { a.fails(errSpilled) },
		"silent": func(a *actor) { a.isSilent() },
		"panics": func(a *actor) { a.plays(func(context.Context) (string, error) { panic("shadow") }) },
		"exits":  func(a *actor) { a.plays(func(context.Context) (string, error) { runtime.Goexit(); return "", nil }) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMirrored(t, failover.MirrorPolicy{Mode: failover.Shadow})
				m.primary.takesAndSays(time.Second, "primary")
				part(m.shadow)
				ctx, cancel := context.WithCancel(t.Context())
				begun := time.Now()
				resp, err := m.router.Do(ctx, "hello")
				cancel()
				require.NoError(t, err)
				require.Equal(t, "primary", resp)
				require.Equal(t, time.Second, time.Since(begun))

				m.primary.fails(errSpilled)
				resp, err = ask(t, m.router)
				require.NoError(t, err)
				require.Equal(t, "other", resp, "a shadow covers nothing up")
				settle(t, time.Minute)
				status := m.status(t)
				require.Equal(t, uint64(2), status.Sent)
				if name == "slow" {
					require.Equal(t, uint64(1), status.Compared, "it outlived the caller's context")
					require.Equal(t, []string{"shadow", "shadow"}, m.discarded.content())
				} else {
					require.Equal(t, uint64(2), status.ShadowFailed)
				}
				panics := noted[failover.PanicEvent](&m.events)
				if name == "panics" || name == "exits" {
					require.Len(t, panics, 2)
					require.Equal(t, "shadow", panics[0].Provider)
					require.NotEmpty(t, panics[0].Stack)
				} else {
					require.Empty(t, panics)
				}
				require.NoError(t, m.router.Close())
			})
		})
	}
}

func TestShadowSamples(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{Mode: failover.Shadow, Sample: 0.25})
		const n = 2000
		for range n {
			_, err := ask(t, m.router)
			require.NoError(t, err)
			synctest.Wait()
		}
		require.InDelta(t, n/4, m.status(t).Sent, 6*math.Sqrt(n*0.25*0.75))
		require.Equal(t, m.status(t).Sent, uint64(m.shadow.times()))
		require.Zero(t, m.status(t).Dropped)
	})
}

// A full mirror drops the shadow's part, without a wait.
func TestMirrorDropsWhenFull(t *testing.T) {
	t.Parallel()
	for _, mode := range []failover.MirrorMode{failover.Paired, failover.Shadow} {
		t.Run(map[failover.MirrorMode]string{failover.Paired: "paired", failover.Shadow: "shadow"}[mode], func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMirrored(t, failover.MirrorPolicy{Mode: mode, MaxInFlight: 2})
				m.shadow.takes(10 * time.Second)
				for range 5 {
					begun := time.Now()
					_, err := ask(t, m.router)
					require.NoError(t, err)
					require.Zero(t, time.Since(begun))
				}
				require.Equal(t, uint64(2), m.status(t).Sent)
				require.Equal(t, uint64(3), m.status(t).Dropped)
				dropped := noted[failover.MirrorEvent](&m.events)
				require.Len(t, dropped, 3)
				require.True(t, dropped[0].Dropped)
				settle(t, 11*time.Second)
				_, err := ask(t, m.router)
				require.NoError(t, err)
				synctest.Wait()
				require.Equal(t, 3, m.shadow.times(), "there is room again")
				require.NoError(t, m.router.Close())
			})
		})
	}
}

// A shadow that never ends is bounded by the attempt timeout.
func TestShadowIsBoundedByItsTimeout(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{Mode: failover.Shadow, MaxInFlight: 1}, failover.WithTimeout(5*time.Second))
		m.shadow.isSilent()
		_, err := ask(t, m.router)
		require.NoError(t, err)
		settle(t, 6*time.Second)
		_, err = ask(t, m.router)
		require.NoError(t, err)
		synctest.Wait()
		require.Equal(t, 2, m.shadow.times())
		require.Equal(t, map[string]uint64{"timeout": 1}, m.side(t, 1).Attempts)
		require.NoError(t, m.router.Close())
	})
}

// Close cancels what the shadow does and waits for it.
func TestCloseEndsShadows(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{Mode: failover.Shadow})
		var ended atomic.Bool
		m.shadow.plays(func(ctx context.Context) (string, error) {
			<-ctx.Done()
			_ = pass(context.WithoutCancel(ctx), time.Second)
			ended.Store(true)
			return "", ctx.Err()
		})
		_, err := ask(t, m.router)
		require.NoError(t, err)
		settle(t, time.Second)
		begun := time.Now()
		require.NoError(t, m.router.Close())
		require.True(t, ended.Load())
		require.Equal(t, time.Second, time.Since(begun))
		require.Zero(t, m.status(t).ShadowFailed, "it was stopped")
		_, err = ask(t, m.router)
		require.ErrorIs(t, err, failover.ErrClosed)
	})
}

// A call that waits for the shadow to cover up is not left behind by Close.
func TestCloseWhileCoveringUp(t *testing.T) {
	t.Parallel()
	for range 20 { // which of two ready events is seen first is chance
		synctest.Test(t, func(t *testing.T) {
			m := newMirrored(t, failover.MirrorPolicy{})
			m.primary.fails(errSpilled)
			m.shadow.isSilent()
			done := make(chan error)
			go func() {
				_, err := m.router.Do(t.Context(), "hello")
				done <- err
			}()
			settle(t, time.Second)
			require.NoError(t, m.router.Close())
			err := <-done
			require.ErrorIs(t, err, failover.ErrAllFailed)
			require.ErrorIs(t, err, errSpilled)
			require.Zero(t, m.other.times(), "no new attempts")
		})
	}
}

// Close does not wait for a primary that the mirror is still asking.
func TestCloseWhileThePrimaryRuns(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{Mode: failover.Shadow})
		m.primary.takesAndSays(5*time.Second, "primary")
		done := make(chan string)
		go func() {
			resp, _ := ask(t, m.router)
			done <- resp
		}()
		settle(t, time.Second)
		begun := time.Now()
		require.NoError(t, m.router.Close())
		require.Zero(t, time.Since(begun))
		require.Equal(t, "primary", <-done, "a running call finishes")
		require.Equal(t, []string{"shadow"}, m.discarded.content())
	})
}

// A panic of the primary is the caller's; the shadow is not left waiting.
func TestMirroredPrimaryPanics(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]func(){"panic": func() { panic(errSpilled) }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				m := newMirrored(t, failover.MirrorPolicy{MaxInFlight: 1})
				m.primary.plays(func(context.Context) (string, error) { leaves(); return "", nil })
				m.shadow.takes(time.Second)
				for i := range 3 {
					value, exited := onItsOwn(func() { _, _ = m.router.Do(t.Context(), "hello") })
					require.Equal(t, name == "goexit", exited)
					if !exited {
						require.Equal(t, errSpilled, value)
					}
					settle(t, 2*time.Second)
					require.Equal(t, i+1, m.shadow.times(), "the place was given back")
				}
				require.Len(t, m.discarded.content(), 3)
				require.Zero(t, statusOf(t, m.router, "primary").InFlight)
				require.Zero(t, m.side(t, 0).InFlight)
			})
		})
	}
}

// User code that panics where no caller is left becomes an event, and an
// observer that panics there is nobody's end.
func TestMirrorCallbacksPanic(t *testing.T) {
	t.Parallel()
	boom := func(string) { panic("discard") }
	for name, test := range map[string]struct {
		equal    func(a, b string) bool
		discard  func(string)
		observer func()
		panics   int
	}{
		"equal":           {equal: func(string, string) bool { panic("equal") }, panics: 1},
		"equal exits":     {equal: func(string, string) bool { runtime.Goexit(); return false }, panics: 1},
		"discard":         {discard: boom, panics: 1},
		"observer":        {observer: func() { panic("observer") }, panics: 1},
		"observer, equal": {observer: func() { panic("observer") }, equal: func(string, string) bool { panic("equal") }, panics: 1},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				primary, shadow := newActor("primary"), newActor("shadow")
				shadow.takes(time.Second)
				ps := shadow.provider()
				discarded := 0
				ps.Discard = func(resp string) {
					discarded++
					if test.discard != nil {
						test.discard(resp)
					}
				}
				panics := 0
				r := withProviders(t, failover.Providers(failover.NewMirror(
					primary.provider(), ps, test.equal, failover.MirrorPolicy{MaxInFlight: 1},
				)), failover.WithObserver(func(_ context.Context, e failover.Event) {
					switch e.(type) {
					case failover.PanicEvent:
						panics++
					case failover.MirrorEvent:
					default:
						return
					}
					if test.observer != nil {
						test.observer()
					}
				}))
				for i := range 2 {
					_, err := ask(t, r)
					require.NoError(t, err)
					settle(t, 2*time.Second)
					require.Equal(t, (i+1)*test.panics, panics)
					require.Equal(t, i+1, discarded, "the shadow's answer is discarded all the same")
					require.Equal(t, i+1, shadow.times())
				}
				require.NoError(t, r.Close())
			})
		})
	}
}

// Each side has its own Adapt and Validate.
func TestMirrorSidesAdaptAndValidate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var saw sync.Map
		side := func(name string) failover.Provider[string, string] {
			p := failover.Wrap(name, func(_ context.Context, req string) (string, error) {
				saw.Store(name, req)
				return name, nil
			})
			p.Adapt = func(req string) string { return req + " for " + name }
			return p
		}
		primary := side("primary")
		primary.Validate = func(context.Context, string, string) error { return errors.New("not good enough") }
		r := withProviders(t, failover.Providers(failover.NewMirror(primary, side("shadow"), nil, failover.MirrorPolicy{})))
		resp, err := ask(t, r)
		require.NoError(t, err)
		require.Equal(t, "shadow", resp)
		for _, name := range []string{"primary", "shadow"} {
			req, _ := saw.Load(name)
			require.Equal(t, "request for "+name, req)
		}
	})
}

// A mirror takes over what its router is told.
func TestMirrorAdoptsItsRoutersOptions(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{}, failover.WithEmptyAnswers(), failover.WithTimeout(time.Second),
			failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}),
			failover.WithClassifier(func(provider string, err error) *failover.Error {
				if provider == "primary" && errors.Is(err, errSpilled) {
					return &failover.Error{Class: failover.ClassTransient}
				}
				return nil
			}))
		m.primary.takesAndSays(0, "")
		resp, err := ask(t, m.router)
		require.NoError(t, err)
		require.Empty(t, resp)
		require.Zero(t, m.status(t).PrimaryFailed)
		m.primary.isSilent()
		begun := time.Now()
		_, err = ask(t, m.router)
		require.NoError(t, err)
		require.Equal(t, time.Second, time.Since(begun))
		require.NoError(t, m.router.Enable("primary"))

		synctest.Wait()
		m.primary.fails(errSpilled)
		_, err = ask(t, m.router)
		require.NoError(t, err)
		require.Equal(t, failover.BreakerOpen, m.side(t, 0).Breaker)
	})
}

// The cap on attempts does not run out between the two sides.
func TestMirrorCountsAsOneAttempt(t *testing.T) {
	t.Parallel()
	for range 20 { // which side is first is chance
		synctest.Test(t, func(t *testing.T) {
			m := newMirrored(t, failover.MirrorPolicy{}, failover.WithMaxAttempts(1))
			resp, err := ask(t, m.router)
			require.NoError(t, err)
			require.Equal(t, "primary", resp)
			synctest.Wait()
			require.Equal(t, 1, m.shadow.times())
		})
	}
}

// The end of the caller's context is nobody's failure.
func TestMirrorBlamesNobodyForTheCaller(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		m.primary.isSilent()
		m.shadow.takes(5 * time.Second)
		for range 10 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			_, err := m.router.Do(ctx, "hello")
			require.ErrorIs(t, err, context.Canceled)
			settle(t, 10*time.Second)
		}
		require.Zero(t, m.status(t).PrimaryFailed)
		require.Equal(t, failover.BreakerClosed, m.side(t, 0).Breaker)
		require.Len(t, m.discarded.content(), 10)
		require.Zero(t, m.status(t).Compared)
	})
}

// A wish is for the router around the mirror: it never parts the pair.
func TestMirrorUnderWishes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{})
		for i, wish := range []failover.Wish{
			failover.Only("primary"), failover.Prefer("primary"), failover.NoFailover(), failover.MaxCost(7), failover.Only("primary/shadow"),
		} {
			resp, err := m.router.Do(failover.With(t.Context(), wish), "hello")
			require.NoError(t, err)
			require.Equal(t, "primary", resp)
			synctest.Wait()
			require.Equal(t, i+1, m.shadow.times())
		}
		resp, err := m.router.Do(failover.With(t.Context(), failover.Avoid("primary")), "hello")
		require.NoError(t, err)
		require.Equal(t, "other", resp)
		require.NoError(t, m.router.Close())
	})
}

func TestNewMirrorRefuses(t *testing.T) {
	t.Parallel()
	a, b := newActor("a").provider(), newActor("b").provider()
	broken := b
	broken.Do = nil
	used := failover.NewMirror(a, b, nil, failover.MirrorPolicy{})
	withProviders(t, failover.Providers(used))
	for name, test := range map[string]struct {
		mirror failover.Provider[string, string]
		want   string
	}{
		"a side without Do":   {failover.NewMirror(a, broken, nil, failover.MirrorPolicy{}), `provider "b": Do is nil`},
		"a side of that name": {failover.NewMirror(a, a, nil, failover.MirrorPolicy{}), `provider "a": Name is used twice`},
		"a mode":              {failover.NewMirror(a, b, nil, failover.MirrorPolicy{Mode: 7}), "NewMirror: Mode 7"},
		"a negative sample":   {failover.NewMirror(a, b, nil, failover.MirrorPolicy{Sample: -0.5}), "NewMirror: Sample -0.5"},
		"a great sample":      {failover.NewMirror(a, b, nil, failover.MirrorPolicy{Sample: 2}), "NewMirror: Sample 2"},
		"no number":           {failover.NewMirror(a, b, nil, failover.MirrorPolicy{Sample: math.NaN()}), "NewMirror: Sample NaN"},
		"negative room":       {failover.NewMirror(a, b, nil, failover.MirrorPolicy{MaxInFlight: -1}), "NewMirror: MaxInFlight -1"},
		"another owner":       {used, "belongs to another router"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := failover.New(failover.Providers(test.mirror))
			require.Nil(t, r)
			require.ErrorContains(t, err, `provider "a"`)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// The primary's Limit is the mirror's; over it, the next provider is asked.
func TestMirrorLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		primary, shadow, other := newActor("primary"), newActor("shadow"), newActor("other")
		p := primary.provider()
		p.Limit = failover.Limit{Rate: 1, Burst: 1}
		r := withProviders(t, failover.Providers(
			failover.NewMirror(p, shadow.provider(), nil, failover.MirrorPolicy{}), other.provider(),
		))
		for _, want := range []string{"primary", "other"} {
			resp, err := ask(t, r)
			require.NoError(t, err)
			require.Equal(t, want, resp)
		}
		require.NoError(t, r.Close())
	})
}

// Mirrors under load, closed in the middle of it.
func TestMirrorsUnderLoad(t *testing.T) {
	bubble(t, func(t *testing.T) {
		m := newMirrored(t, failover.MirrorPolicy{MaxInFlight: 8})
		d := newDice(5)
		for i, a := range []*actor{m.primary, m.shadow, m.other} {
			a.plays(func(ctx context.Context) (string, error) {
				if err := pass(ctx, d.within(time.Second)); err != nil {
					return "", err
				}
				if i < 2 && d.roll(4) == 0 {
					return "", errSpilled
				}
				return a.name, nil
			})
		}
		var group sync.WaitGroup
		for range 200 {
			group.Go(func() {
				_ = pass(context.Background(), d.within(10*time.Second))
				ctx, cancel := context.WithTimeout(context.Background(), d.within(3*time.Second))
				defer cancel()
				_, err := m.router.Do(ctx, "hello")
				requireTyped(t, err)
			})
		}
		settle(t, 8*time.Second)
		require.NoError(t, m.router.Close())
		group.Wait()
		s := m.status(t)
		require.Positive(t, s.Compared)
		require.LessOrEqual(t, s.Agreed, s.Compared)
		require.LessOrEqual(t, s.Compared+s.ShadowFailed, s.Sent)
		require.Zero(t, m.side(t, 0).InFlight)
		require.Zero(t, m.side(t, 1).InFlight)
	})
}
