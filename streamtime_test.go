package failover_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// cutAfter is when and how a sole provider's stream ends.
func cutAfter(t *testing.T, script []any, opts ...failover.Option) (time.Duration, error) {
	t.Helper()
	a := newNarrator("a", script...)
	begun := time.Now()
	_, err := hear(t, inTheatre(t, []*narrator{a}, opts...))
	assert.Zero(t, a.running())
	return time.Since(begun), err
}

func every(d time.Duration, item string, times int) []any {
	var script []any
	for range times {
		script = append(script, item, d)
	}
	return script
}

func TestStreamTimers(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for name, c := range map[string]struct {
		script   []any
		opts     []failover.Option
		from, to time.Duration
		err      error
	}{
		"first content, default": {[]any{forEver}, nil, 10 * second, 10 * second, failover.ErrFirstContentTimeout},
		"first content": {
			every(second, meta, 60),
			[]failover.Option{failover.WithFirstContent(3 * second)},
			3 * second, 3 * second, failover.ErrFirstContentTimeout,
		},
		"first content off": {
			append(every(second, meta, 60), "a1", errSpilled),
			[]failover.Option{failover.WithFirstContent(0)},
			60 * second, 60 * second, errSpilled,
		},
		"idle, default": {[]any{"a1", forEver}, nil, 15 * second, 15500 * time.Millisecond, failover.ErrIdleTimeout},
		"idle": {
			[]any{"a1", second, "a2", forEver},
			[]failover.Option{failover.WithIdle(2 * second)},
			3 * second, 3500 * time.Millisecond, failover.ErrIdleTimeout,
		},
		"idle, short": {
			[]any{"a1", forEver},
			[]failover.Option{failover.WithIdle(8 * time.Millisecond)},
			8 * time.Millisecond, 10 * time.Millisecond, failover.ErrIdleTimeout,
		},
		"idle is not satisfied by metadata": {
			append([]any{"a1"}, every(second, meta, 60)...), nil, 15 * second, 15500 * time.Millisecond, failover.ErrIdleTimeout,
		},
		"idle off": {
			[]any{"a1", time.Hour, "a2", errSpilled},
			[]failover.Option{failover.WithIdle(0)},
			time.Hour, time.Hour, errSpilled,
		},
		"total": {
			every(second, "a1", 600),
			[]failover.Option{failover.WithTotal(time.Minute)},
			time.Minute, time.Minute + second/2, failover.ErrTotalTimeout,
		},
		"total before any content": {
			[]any{forEver}, []failover.Option{failover.WithTotal(5 * second)}, 5 * second, 5 * second, failover.ErrTotalTimeout,
		},
		"total without idle": {
			[]any{4 * second, "a1", forEver},
			[]failover.Option{failover.WithTotal(8 * second), failover.WithIdle(0)},
			8 * second, 8*second + second/2, failover.ErrTotalTimeout,
		},
		"thinking has two minutes": {
			every(second, thinking, 600), nil, 2 * time.Minute, 2 * time.Minute, failover.ErrFirstContentTimeout,
		},
		"thinking that stops": {
			append(every(second, thinking, 20), forEver), nil, 34 * second, 34 * second, failover.ErrFirstContentTimeout,
		},
		"thinking within the whole": {
			every(second, thinking, 600),
			[]failover.Option{failover.WithTotal(30 * second)},
			30 * second, 30 * second, failover.ErrTotalTimeout,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				took, err := cutAfter(t, c.script, append(c.opts, once())...)
				require.ErrorIs(t, err, c.err)
				assert.GreaterOrEqual(t, took, c.from)
				assert.LessOrEqual(t, took, c.to)
			})
		})
	}
}

func TestProvidersOwnStreamTimes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newNarrator("a", forEver).provider()
		p.FirstContent, p.Idle = 2*time.Second, time.Second
		for script, want := range map[*narrator]time.Duration{
			newNarrator("a", forEver):       2 * time.Second,
			newNarrator("a", "a1", forEver): time.Second,
		} {
			p.Do = script.do
			r, err := failover.NewStream(failover.StreamProviders(p))
			require.NoError(t, err)
			begun := time.Now()
			_, err = hear(t, r)
			require.Error(t, err)
			assert.InDelta(t, want.Seconds(), time.Since(begun).Seconds(), 0.26)
		}
	})
}

// A provider that ends its stream cleanly when its context does must not make
// a cut stream look whole.
func TestStreamThatEndsCleanlyWhenCutIsNotWhole(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := failover.WrapStream("a", func(ctx context.Context, _ string) failover.Stream[string] {
			return func(yield func(string, error) bool) {
				yield("a1", nil)
				<-ctx.Done()
			}
		})
		r, err := failover.NewStream(failover.StreamProviders(p))
		require.NoError(t, err)
		_, err = hear(t, r)
		require.ErrorIs(t, err, failover.ErrIdleTimeout)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = heard(r.Stream(ctx, "request"))
		require.ErrorIs(t, err, context.Canceled)
	})
}

// One that goes on after its context ended is stopped at its next item.
func TestStreamThatIgnoresItsContextIsStopped(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := failover.WrapStream("a", func(context.Context, string) failover.Stream[string] {
			return func(yield func(string, error) bool) {
				for yield("a", nil) {
					_ = pass(context.Background(), time.Second)
				}
			}
		})
		r, err := failover.NewStream(failover.StreamProviders(p))
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute+time.Second/2)
		defer cancel()
		begun := time.Now()
		items, err := heard(r.Stream(ctx, "request"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Len(t, items, 61)
		assert.LessOrEqual(t, time.Since(begun), time.Minute+time.Second)
	})
}

func TestDeadlineLeavesTimeForASuccessor(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", forEver), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b})
		ctx, cancel := context.WithTimeout(t.Context(), 6*time.Second)
		defer cancel()
		begun := time.Now()
		items, err := heard(r.Stream(ctx, "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "b1")
		assert.Equal(t, 4*time.Second, time.Since(begun))
	})
}

func TestWhatComesAfterTheEndMarkerIsNoLoss(t *testing.T) {
	bubble(t, func(t *testing.T) {
		for name, last := range map[string]any{"error": errSpilled, "silence": forEver, "metadata": meta} {
			a := newNarrator("a", "a1", finish, last)
			r := inTheatre(t, []*narrator{a})
			_, err := hear(t, r)
			require.NoError(t, err, name)
			assert.Equal(t, map[string]uint64{"success": 1}, r.Status().Providers[0].Attempts, name)
		}
	})
}

func TestProgressOnlyEverGivesMoreTime(t *testing.T) {
	t.Parallel()
	const second = time.Second
	for name, c := range map[string]struct {
		script []any
		opts   []failover.Option
	}{
		"a first content of five minutes": {
			[]any{10 * second, thinking, 140 * second, "a1", finish}, []failover.Option{failover.WithFirstContent(5 * time.Minute)},
		},
		"no first-content timer": {
			[]any{second, thinking, 20 * second, "a1", finish},
			[]failover.Option{failover.WithFirstContent(0), failover.WithTotal(time.Minute)},
		},
		"thinking between two contents": {
			[]any{"a1", 8 * second, thinking, 8 * second, thinking, 8 * second, "a2", finish}, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				_, err := cutAfter(t, c.script, append(c.opts, once())...)
				require.NoError(t, err)
			})
		})
	}
}

func TestProgressDoesNotTakeTheSuccessorsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", 9*time.Second, thinking, forEver), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, once())
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		items, err := heard(r.Stream(ctx, "request"))
		require.NoError(t, err)
		assert.Contains(t, items, "b1")
	})
}

func TestProviderThatIsSilentForTheWholeTrips(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", forEver), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, once(), failover.WithTotal(1500*time.Millisecond))
		for range 20 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		assert.Less(t, len(a.asked()), 10)
	})
}

func TestStreamEndsSoonAfterItsEndMarker(t *testing.T) {
	t.Parallel()
	for name, opts := range map[string][]failover.Option{
		"by default":   nil,
		"without idle": {failover.WithIdle(0)},
		"whole":        {failover.WithCommit(failover.CommitPolicy{Whole: true}), failover.WithIdle(0)},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newNarrator("a", "a1", finish, 500*time.Millisecond, meta, forEver)
				begun := time.Now()
				text, err := hear(t, inTheatre(t, []*narrator{a}, opts...))
				require.NoError(t, err)
				assert.Equal(t, "a1 #end #meta", text)
				assert.Equal(t, time.Second, time.Since(begun))
			})
		})
	}
}

func TestValidateTakesItsTime(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newNarrator("a").provider()
		p.Validate = func(ctx context.Context, _ string, _ []string) error { return pass(ctx, 20*time.Second) }
		r, err := failover.NewStream(failover.StreamProviders(p), failover.WithCommit(failover.CommitPolicy{Items: 2}))
		require.NoError(t, err)
		_, err = hear(t, r)
		require.NoError(t, err)
	})
}

func TestClassifierSeesNoTimeOfOurs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		p := newNarrator("a").provider()
		p.Do = func(ctx context.Context, _ string) failover.Stream[string] {
			return func(func(string, error) bool) { <-ctx.Done() }
		}
		r, err := failover.NewStream(failover.StreamProviders(p, newNarrator("b").provider()), once(),
			failover.WithClassifier(func(_ string, err error) *failover.Error {
				return &failover.Error{Class: failover.ClassInvalid, Err: err}
			}))
		require.NoError(t, err)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta b1 b2 b3 #end", text)
		assert.Equal(t, map[string]uint64{"timeout": 1}, r.Status().Providers[0].Attempts)
	})
}
