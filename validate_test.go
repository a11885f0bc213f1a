package failover_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

var errTooShort = errors.New("too short")

// judged is an actor whose answers are refused unless they contain "good".
func judged(a *actor, discarded *bin) failover.Provider[string, string] {
	p := a.provider()
	p.Validate = func(_ context.Context, _, resp string) error {
		if strings.Contains(resp, "good") {
			return nil
		}
		return errTooShort
	}
	p.Discard = discarded.take
	return p
}

func (a *actor) says(resp string) { a.takesAndSays(0, resp) }

func TestValidateMovesOn(t *testing.T) {
	t.Parallel()
	a, b := newActor("a"), newActor("b")
	var discarded bin
	var events notebook
	a.says("bad")
	b.says("good")
	r := withProviders(t, failover.Providers(judged(a, &discarded), judged(b, &discarded)), events.option())
	for range 30 {
		result, err := r.Route(t.Context(), "hello")
		require.NoError(t, err)
		require.Equal(t, "good", result.Value)
		require.Equal(t, failover.ClassUnsatisfactory, result.Attempts[0].Class())
		require.ErrorIs(t, result.Attempts[0].Err, errTooShort)
	}
	require.Equal(t, 30, a.times(), "each time, and only once a time")
	require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "its breaker ignores it")
	status := statusOf(t, r, "a")
	require.Equal(t, map[string]uint64{"unsatisfactory": 30}, status.Attempts)
	require.Less(t, status.SuccessRate, 0.5, "its statistics do not")
	require.Len(t, discarded.content(), 30)
	require.Len(t, noted[failover.FailoverEvent](&events), 30)
}

// The verdict on the class can make a breaker count it.
func TestValidateUnderAnotherVerdict(t *testing.T) {
	t.Parallel()
	a, b := newActor("a"), newActor("b")
	var discarded bin
	a.says("bad")
	r := withProviders(t, failover.Providers(judged(a, &discarded), b.provider()),
		failover.WithVerdict(failover.ClassUnsatisfactory, failover.Verdict{Breaker: failover.BreakerFailure}))
	for range 7 {
		_, err := ask(t, r)
		require.NoError(t, err)
	}
	require.Equal(t, 5, a.times())
	require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
}

func TestRejected(t *testing.T) {
	t.Parallel()
	a, b, c := newActor("a"), newActor("b"), newActor("c")
	var discarded bin
	a.says("bad a")
	b.says("bad b")
	c.failsAs(failover.ClassTimeout)
	providers := failover.Providers(judged(a, &discarded), judged(b, &discarded), judged(c, &discarded))

	t.Run("is in the error", func(t *testing.T) {
		discarded = bin{}
		_, err := ask(t, withProviders(t, providers))
		require.ErrorIs(t, err, failover.ErrAllFailed)
		last, ok := failover.Rejected[string](fmt.Errorf("wrapped: %w", err))
		require.True(t, ok)
		require.Equal(t, "bad b", last)
		_, ok = failover.Rejected[int](err)
		require.False(t, ok, "another type")
		require.Equal(t, []string{"bad a"}, discarded.content(), "the last one is the caller's")
	})
	t.Run("is the answer", func(t *testing.T) {
		discarded = bin{}
		result, err := withProviders(t, providers, failover.WithAcceptLast()).Route(t.Context(), "hello")
		require.NoError(t, err)
		require.Equal(t, "bad b", result.Value)
		require.Equal(t, "b", result.Provider)
		require.Len(t, result.Attempts, 3)
		require.Equal(t, []string{"bad a"}, discarded.content())
	})
	t.Run("not without one", func(t *testing.T) {
		for _, err := range []error{nil, errTooShort, &failover.AllFailedError{}, &failover.NoneAvailableError{}} {
			_, ok := failover.Rejected[string](err)
			require.False(t, ok)
		}
		r := withProviders(t, failover.Providers(judged(c, &discarded)), failover.WithAcceptLast())
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed, "nothing to accept")
		_, ok := failover.Rejected[string](err)
		require.False(t, ok)
	})
}

// A better answer, a panic or the caller's end make a refused answer nobody's.
func TestRejectedIsDiscarded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		then func(ctx context.Context) (string, error)
		err  error
	}{
		"a better answer": {then: func(context.Context) (string, error) { return "good", nil }},
		"a panic":         {then: func(context.Context) (string, error) { panic(errSpilled) }},
		"the caller's end": {then: func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}, err: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				var discarded bin
				a.says("bad")
				b.plays(test.then)
				r := withProviders(t, failover.Providers(judged(a, &discarded), judged(b, &discarded)), failover.WithAcceptLast())
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				var err error
				_, _ = onItsOwn(func() { _, err = r.Do(ctx, "hello") })
				require.ErrorIs(t, err, test.err)
				require.Equal(t, []string{"bad"}, discarded.content())
				_, ok := failover.Rejected[string](err)
				require.False(t, ok)
			})
		})
	}
}

// An empty answer is incomplete before anybody judges it; with
// WithEmptyAnswers it is judged.
func TestValidateAndEmptyAnswers(t *testing.T) {
	t.Parallel()
	a, b := newActor("a"), newActor("b")
	a.says("")
	b.says("good")
	var discarded bin
	pa := judged(a, &discarded)
	judgements := 0
	pa.Validate = func(context.Context, string, string) error { judgements++; return nil }
	providers := failover.Providers(pa, judged(b, &discarded))
	result, err := withProviders(t, providers).Route(t.Context(), "hello")
	require.NoError(t, err)
	require.Equal(t, "good", result.Value)
	require.Equal(t, failover.ClassIncomplete, result.Attempts[0].Class())
	require.ErrorIs(t, result.Attempts[0].Err, failover.ErrEmpty)
	require.Zero(t, judgements)
	resp, err := ask(t, withProviders(t, providers, failover.WithEmptyAnswers()))
	require.NoError(t, err)
	require.Empty(t, resp)
	require.Equal(t, 1, judgements)
	require.Empty(t, discarded.content(), "nothing to release")
}

// Validate may say what was wrong by an Error with a class, and it may ask a
// router of its own, whose failures are not this provider's.
func TestWhatValidateReturns(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err   error
		class failover.Class
		moves bool
	}{
		"any error":     {errTooShort, failover.ClassUnsatisfactory, true},
		"a zero Error":  {&failover.Error{}, failover.ClassUnsatisfactory, true},
		"a class":       {&failover.Error{Class: failover.ClassFiltered}, failover.ClassFiltered, false},
		"a sick judge":  {&failover.AllFailedError{Attempts: []failover.Attempt{{Err: &failover.Error{Class: failover.ClassTransient}}}}, failover.ClassUnsatisfactory, true},
		"a stern judge": {&failover.AllFailedError{Stopped: true, Attempts: []failover.Attempt{{Err: &failover.Error{Class: failover.ClassInvalid}}}}, failover.ClassUnsatisfactory, true},
		"no judge":      {&failover.NoneAvailableError{RetryAt: time.Now().Add(time.Hour)}, failover.ClassUnsatisfactory, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newActor("a"), newActor("b")
			pa := a.provider()
			pa.Validate = func(context.Context, string, string) error { return test.err }
			r := withProviders(t, failover.Providers(pa, b.provider()))
			result, err := r.Route(t.Context(), "hello")
			require.Equal(t, test.class, result.Attempts[0].Class())
			require.Equal(t, test.moves, b.times() == 1)
			require.Equal(t, test.moves, err == nil)
			require.Equal(t, 1, a.times(), "never asked again")
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
			require.Empty(t, reasonsOf(t, r, "a"), "and never cooled")
		})
	}
}

// The caller who leaves while an answer is judged blames nobody.
func TestCallerLeavesDuringValidate(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		var discarded bin
		p := judged(a, &discarded)
		p.Validate = func(ctx context.Context, _, _ string) error {
			<-ctx.Done()
			return errors.Join(errTooShort, ctx.Err())
		}
		r := withProviders(t, failover.Providers(p))
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			_, err := r.Do(ctx, "hello")
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded)
			_, ok := failover.Rejected[string](err)
			require.False(t, ok)
		}
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		require.InDelta(t, 1, statusOf(t, r, "a").SuccessRate, 1e-9)
		require.Len(t, discarded.content(), 10)
	})
}

// Every provider adapts the request as the caller made it; so is it judged,
// priced and filtered.
func TestAdaptStartsFromTheOriginal(t *testing.T) {
	t.Parallel()
	var saw []string
	note := func(what, req string) { saw = append(saw, what+" "+req) }
	provider := func(name string, err error) failover.Provider[string, string] {
		p := failover.Wrap(name, func(_ context.Context, req string) (string, error) {
			note("do", req)
			return name, nil
		})
		p.Adapt = func(req string) string {
			note("adapt", req)
			return req + "@" + name
		}
		p.Supports = func(req string) bool { note("supports", req); return true }
		p.Cost = func(req string) float64 { note("cost", req); return 1 }
		p.Validate = func(_ context.Context, req, _ string) error { note("validate", req); return err }
		return p
	}
	r := withProviders(t, failover.Providers(provider("a", errTooShort), provider("b", nil)),
		failover.WithVerdict(failover.ClassUnsatisfactory, failover.Verdict{Retry: true}),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 2, Base: 1, Max: 1}))
	_, err := r.Do(failover.With(t.Context(), failover.MaxCost(10)), "hello")
	require.NoError(t, err)
	var asked []string
	for _, s := range saw {
		if strings.HasPrefix(s, "do") {
			asked = append(asked, s)
			continue
		}
		require.True(t, strings.HasSuffix(s, " hello"), s)
	}
	require.Equal(t, []string{"do hello@a", "do hello@a", "do hello@b"}, asked, "never chained")
}

// A response beside an error belongs to nobody; a zero one holds nothing.
func TestResponseBesideAnError(t *testing.T) {
	t.Parallel()
	type body struct{ text string }
	var discarded []body
	half := failover.Wrap("half", func(_ context.Context, text string) (body, error) {
		return body{text}, &failover.Error{Class: failover.ClassTimeout}
	})
	half.Discard = func(resp body) { discarded = append(discarded, resp) }
	r, err := failover.New(failover.Providers(half))
	require.NoError(t, err)
	for _, text := range []string{"half an answer", ""} {
		_, err = r.Do(t.Context(), text)
		require.ErrorIs(t, err, failover.ErrAllFailed)
	}
	require.Equal(t, []body{{"half an answer"}}, discarded)
}

// A request under hedges: the refused answer of either racer is not lost.
func TestValidateInARace(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := newRaced(t, func(ps []failover.Provider[string, string]) {
			for i := range ps {
				ps[i].Validate = func(_ context.Context, _, resp string) error {
					if strings.HasPrefix(resp, "bad") {
						return errTooShort
					}
					return nil
				}
			}
		})
		r.a.takesAndSays(3*usual, "bad a")
		r.b.takesAndSays(usual, "bad b")
		resp, err := ask(t, r.router)
		require.NoError(t, err)
		require.Equal(t, "c", resp)
		synctest.Wait()
		require.Equal(t, []string{"bad b", "bad a"}, r.discarded.content())
	})
}
