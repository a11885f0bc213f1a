package failover_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// sends makes an actor a provider with side effects.
func sends(a *actor) failover.Provider[string, string] {
	p := a.provider()
	p.SideEffect = true
	return p
}

// declares fails with an outcome.
func (a *actor) declares(class failover.Class, outcome failover.Outcome) {
	a.fails(&failover.Error{Class: class, Outcome: outcome})
}

// sendOn makes a router of actors with side effects.
func sendOn(t *testing.T, actors []*actor, opts ...failover.Option) *stage {
	t.Helper()
	providers := make([]failover.Provider[string, string], len(actors))
	for i, a := range actors {
		providers[i] = sends(a)
	}
	return withProviders(t, providers, opts...)
}

// An outcome decides; the class only narrows it.
func TestOutcomeDecides(t *testing.T) {
	t.Parallel()
	moves, stops, again := "moves", "stops", "again"
	for class, afterNo := range map[failover.Class]string{
		failover.ClassUnknown:      again,
		failover.ClassTransient:    again,
		failover.ClassTimeout:      moves,
		failover.ClassRateLimited:  moves,
		failover.ClassExhausted:    moves,
		failover.ClassUnauthorized: moves,
		failover.ClassUnsupported:  moves,
		failover.ClassIncomplete:   moves,
		failover.ClassFiltered:     stops,
		failover.ClassInvalid:      stops,
	} {
		t.Run(class.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				r := sendOn(t, []*actor{a, b})

				a.declares(class, failover.OutcomeUnknown)
				_, err := ask(t, r)
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.NotErrorIs(t, err, failover.ErrAllFailed)
				require.Equal(t, []int{1, 0}, []int{a.times(), b.times()}, "unknown stops, whatever the class")

				require.NoError(t, r.Enable("a"))
				a.declares(class, failover.OutcomeAccepted)
				resp, err := ask(t, r)
				require.NoError(t, err, "accepted is success, whatever the class")
				require.Empty(t, resp)
				require.Equal(t, []int{2, 0}, []int{a.times(), b.times()})

				require.NoError(t, r.Enable("a"))
				a.forget()
				a.declares(class, failover.OutcomeNotAccepted)
				resp, err = ask(t, r)
				switch afterNo {
				case stops:
					require.ErrorIs(t, err, failover.ErrAllFailed)
					require.Equal(t, class, failover.ClassOf(err))
					require.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
				case moves:
					require.NoError(t, err)
					require.Equal(t, "b", resp)
					require.Equal(t, []int{1, 1}, []int{a.times(), b.times()})
				case again:
					require.NoError(t, err)
					require.Equal(t, "b", resp)
					require.Equal(t, []int{2, 1}, []int{a.times(), b.times()})
				}
			})
		})
	}
}

// A vendor's 400 gets no second opinion where side effects are at stake.
func TestNoSecondOpinionOnASideEffect(t *testing.T) {
	t.Parallel()
	a, b := newActor("a"), newActor("b")
	a.fails(&failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Status: 400})
	r := sendOn(t, []*actor{a, b})
	_, err := ask(t, r)
	require.ErrorIs(t, err, failover.ErrAllFailed)
	require.Zero(t, b.times())
}

func TestUndeclaredErrorsAreUncertain(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"foreign":       errMurky,
		"wrapped":       fmt.Errorf("send: %w", errMurky),
		"zero Error":    &failover.Error{},
		"closed router": failover.ErrClosed,
		"helper router, nobody available": fmt.Errorf("shorten the text: %w", &failover.NoneAvailableError{
			RetryAt: time.Now().Add(time.Hour),
		}),
		"helper router, all failed": &failover.AllFailedError{Attempts: []failover.Attempt{{
			Outcome: failover.OutcomeNotAccepted, Err: &failover.Error{Outcome: failover.OutcomeNotAccepted},
		}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b := newActor("a"), newActor("b")
			a.fails(err)
			r := sendOn(t, []*actor{a, b})
			_, got := ask(t, r)
			require.ErrorIs(t, got, failover.ErrUncertain)
			require.Zero(t, b.times())
		})
	}
}

func TestUncertainErrorNamesTheAttempt(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.declares(failover.ClassExhausted, failover.OutcomeNotAccepted)
		b.fails(errMurky)
		var events notebook
		r := sendOn(t, []*actor{a, b}, events.option())
		wait(t, time.Hour)
		_, err := r.Do(failover.Operation(t.Context(), "greeting-7"), "hello")
		var uncertain *failover.UncertainError
		require.ErrorAs(t, err, &uncertain)
		require.Equal(t, "greeting-7", uncertain.Operation)
		require.Equal(t, "b", uncertain.Attempt.Provider)
		require.Equal(t, "greeting-7.2", uncertain.Attempt.ID)
		require.Equal(t, 2, uncertain.Attempt.Number)
		require.WithinDuration(t, time.Now(), uncertain.Attempt.Start, time.Millisecond)
		require.Equal(t, failover.OutcomeUnknown, uncertain.Outcome)
		require.Len(t, uncertain.Attempts, 2)
		require.Equal(t, failover.OutcomeNotAccepted, uncertain.Attempts[0].Outcome)
		require.ErrorIs(t, err, errMurky)
		require.EqualError(t, err, "failover: the operation may have taken effect: "+
			"operation greeting-7, attempt 2 at 2000-01-01T01:00:00Z: b: unknown")
		told := noted[failover.UncertainEvent](&events)
		require.Len(t, told, 1)
		require.Equal(t, "greeting-7.2", told[0].ID)
	})
}

func TestUncertainMatchesTheCallersContext(t *testing.T) {
	t.Parallel()
	errHungUp := errors.New("the caller hung up")
	for name, test := range map[string]struct {
		context func(context.Context) (context.Context, context.CancelFunc)
		is      []error
		isNot   []error
	}{
		"cancel": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancelCause(ctx)
				time.AfterFunc(time.Second, func() { cancel(errHungUp) })
				return ctx, func() { cancel(nil) }
			},
			[]error{context.Canceled, errHungUp},
			[]error{context.DeadlineExceeded},
		},
		"deadline": {
			func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			[]error{context.DeadlineExceeded},
			[]error{context.Canceled},
		},
		"attempt timeout": {
			func(ctx context.Context) (context.Context, context.CancelFunc) { return ctx, func() {} },
			[]error{failover.ErrAttemptTimeout},
			[]error{context.DeadlineExceeded, context.Canceled},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.isSilent()
				r := sendOn(t, []*actor{a, b}, failover.WithTimeout(5*time.Second))
				ctx, cancel := test.context(failover.Operation(t.Context(), "op"))
				defer cancel()
				_, err := r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				for _, is := range test.is {
					require.ErrorIs(t, err, is)
				}
				for _, isNot := range test.isNot {
					require.NotErrorIs(t, err, isNot)
				}
				require.Zero(t, b.times())

				_, err = r.Do(failover.Operation(t.Context(), "op"), "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.NotErrorIs(t, err, context.DeadlineExceeded, "the next caller's context did not end")
				require.NotErrorIs(t, err, context.Canceled)
			})
		})
	}
}

// A canceled call that was surely not sent is canceled, not uncertain.
func TestCanceledBetweenAttemptsIsCertain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		ctx, cancel := context.WithCancel(t.Context())
		a.plays(func(context.Context) (string, error) {
			cancel()
			return "", &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted}
		})
		b := newActor("b")
		r := sendOn(t, []*actor{a, b})
		_, err := r.Do(failover.Operation(ctx, "op"), "hello")
		var canceled *failover.CanceledError
		require.ErrorAs(t, err, &canceled)
		require.NotErrorIs(t, err, failover.ErrUncertain)
		require.Zero(t, b.times())
		_, err = r.Do(failover.Operation(t.Context(), "op"), "hello")
		require.NoError(t, err, "it may be begun again")
	})
}

// aside runs a call that may panic or end its goroutine on one of its own.
func onItsOwn(call func()) (panicked any, exited bool) {
	done := make(chan struct{})
	exited = true
	go func() {
		defer close(done)
		defer func() {
			if panicked = recover(); panicked != nil {
				exited = false
			}
		}()
		call()
		exited = false
	}()
	<-done
	return panicked, exited
}

func TestPanicAndGoexitLeaveTheOperationUncertain(t *testing.T) {
	t.Parallel()
	for name, leaves := range map[string]func(){
		"panic":  func() { panic(errMurky) },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.plays(func(context.Context) (string, error) { leaves(); return "", nil })
				var events notebook
				r := sendOn(t, []*actor{a, b}, events.option())
				ctx := failover.Operation(t.Context(), "op")
				value, exited := onItsOwn(func() { _, _ = r.Do(ctx, "hello") })
				if name == "panic" {
					require.Equal(t, errMurky, value)
				} else {
					require.True(t, exited)
				}
				require.Zero(t, b.times())
				require.Zero(t, statusOf(t, r, "a").InFlight)
				require.Len(t, noted[failover.UncertainEvent](&events), 1)

				_, err := r.Do(ctx, "hello")
				var uncertain *failover.UncertainError
				require.ErrorAs(t, err, &uncertain)
				require.ErrorIs(t, err, failover.ErrPanicked)
				require.Equal(t, "op.1", uncertain.Attempt.ID)
				require.Equal(t, 1, a.times())
			})
		})
	}
}

// The observer must not be able to hide that something was sent.
func TestPanickingObserverLeavesTheOperationUncertain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.plays(func(context.Context) (string, error) { panic(errMurky) })
		broken := true
		r := sendOn(t, []*actor{a}, failover.WithObserver(func(context.Context, failover.Event) {
			if broken {
				panic("observer")
			}
		}))
		ctx := failover.Operation(t.Context(), "op")
		value, _ := onItsOwn(func() { _, _ = r.Do(ctx, "hello") })
		require.NotNil(t, value)
		broken = false
		a.answers()
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, a.times())
	})
}

// What panics before Do is entered was not sent.
func TestPanicBeforeDoIsCertain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		p := sends(a)
		p.Adapt = func(string) string { panic(errMurky) }
		r := withProviders(t, failover.Providers(p))
		ctx := failover.Operation(t.Context(), "op")
		for range 2 {
			value, _ := onItsOwn(func() { _, _ = r.Do(ctx, "hello") })
			require.Equal(t, errMurky, value, "nothing was sent, so it may be begun again")
		}
		require.Zero(t, a.times())
	})
}

func TestLookupSettles(t *testing.T) {
	t.Parallel()
	type asked struct {
		id      string
		outcome failover.Outcome
		err     error
	}
	for name, test := range map[string]struct {
		lookup    func(ctx context.Context) (string, error)
		resp      string
		uncertain bool
		next      int // attempts at the next provider
		took      time.Duration
	}{
		"found":       {lookup: func(context.Context) (string, error) { return "found", nil }, resp: "found"},
		"not found":   {lookup: func(context.Context) (string, error) { return "", failover.ErrNotFound }, resp: "b", next: 1},
		"cannot tell": {lookup: func(context.Context) (string, error) { return "", errCannotTell }, uncertain: true},
		"hangs": {lookup: func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		}, uncertain: true, took: 15 * time.Second},
		"hangs, then finds nothing": {lookup: func(ctx context.Context) (string, error) {
			<-ctx.Done()
			return "", errors.Join(ctx.Err(), errCannotTell)
		}, uncertain: true, took: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.fails(errMurky)
				pa, pb := sends(a), sends(b)
				pa.Timeout = 15 * time.Second
				var saw []asked
				pa.Lookup = func(ctx context.Context, req string, at failover.Attempt) (string, error) {
					require.Equal(t, "hello", req)
					saw = append(saw, asked{at.ID, at.Outcome, at.Err})
					return test.lookup(ctx)
				}
				r := withProviders(t, failover.Providers(pa, pb), once())
				begun := time.Now()
				resp, err := r.Do(failover.Operation(t.Context(), "op"), "hello")
				require.Equal(t, test.took, time.Since(begun))
				require.Equal(t, test.resp, resp)
				require.Equal(t, test.next, b.times())
				require.Equal(t, test.uncertain, errors.Is(err, failover.ErrUncertain))
				require.Equal(t, test.uncertain, err != nil)
				require.Len(t, saw, 1)
				require.Equal(t, "op.1", saw[0].id)
				require.Equal(t, failover.OutcomeUnknown, saw[0].outcome)
				require.ErrorIs(t, saw[0].err, errMurky)
				if test.resp != "" {
					_, err = r.Do(failover.Operation(t.Context(), "op"), "hello")
					require.ErrorIs(t, err, failover.ErrDuplicate)
				}
			})
		})
	}
}

func TestPanickingLookupLeavesTheOperationUncertain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.fails(errMurky)
		p := sends(a)
		p.Lookup = func(context.Context, string, failover.Attempt) (string, error) { panic(errCannotTell) }
		r := withProviders(t, failover.Providers(p))
		ctx := failover.Operation(t.Context(), "op")
		value, _ := onItsOwn(func() { _, _ = r.Do(ctx, "hello") })
		require.Equal(t, errCannotTell, value)
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, a.times())
		require.Zero(t, statusOf(t, r, "a").InFlight)
	})
}

// No Lookup is asked for an attempt whose outcome is known, nor when the
// caller is gone.
func TestLookupIsAskedOnlyWhenItCanHelp(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		p := sends(a)
		lookups := 0
		p.Lookup = func(context.Context, string, failover.Attempt) (string, error) {
			lookups++
			return "", errCannotTell
		}
		r := withProviders(t, failover.Providers(p), once())
		a.declares(failover.ClassTransient, failover.OutcomeNotAccepted)
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		a.isSilent()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, lookups)
	})
}

// Planning keeps a second for Lookup, or half of what is left.
func TestPlanningKeepsTimeForLookup(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		lookup   bool
		deadline time.Duration
		want     time.Duration
	}{
		"with Lookup":      {true, 10 * time.Second, 9 * time.Second},
		"with little left": {true, 1500 * time.Millisecond, 750 * time.Millisecond},
		"ample":            {true, 20 * time.Second, 15 * time.Second},
		"without Lookup":   {false, 10 * time.Second, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.isSilent()
				p := sends(a)
				p.Timeout = 15 * time.Second
				begun := time.Now()
				var asked time.Duration
				if test.lookup {
					p.Lookup = func(context.Context, string, failover.Attempt) (string, error) {
						asked = time.Since(begun)
						return "found", nil
					}
				}
				r := withProviders(t, failover.Providers(p, sends(b)))
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				resp, err := r.Do(ctx, "hello")
				if test.lookup {
					require.NoError(t, err)
					require.Equal(t, "found", resp)
					require.Equal(t, test.want, asked)
					return
				}
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.Equal(t, test.want, time.Since(begun), "a side effect is not cut short for a successor")
			})
		})
	}
}

// idsOf plays a part and keeps the attempt ids that it saw.
func (a *actor) idsOf(ids *[]string, part func(call int) (string, error)) {
	call := 0
	a.plays(func(ctx context.Context) (string, error) {
		call++
		*ids = append(*ids, a.name+":"+failover.AttemptID(ctx))
		return part(call)
	})
}

func TestDedupesAllowsOneRepeat(t *testing.T) {
	t.Parallel()
	notAccepted := &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted}
	murky := func(int) (string, error) { return "", errMurky }
	for name, test := range map[string]struct {
		part      func(call int) (string, error)
		failOver  bool
		ids       []string
		resp      string
		uncertain bool // as error, or as flag of the result
		events    int
	}{
		"then it answers": {
			part: func(call int) (string, error) {
				if call == 1 {
					return "", errMurky
				}
				return "a", nil
			},
			ids: []string{"a:op.1", "a:op.1"}, resp: "a",
		},
		"not a second one": {part: murky, ids: []string{"a:op.1", "a:op.1"}, uncertain: true, events: 1},
		"a refusal of the repeat does not settle it": {
			part: func(call int) (string, error) {
				if call == 1 {
					return "", errMurky
				}
				return "", notAccepted
			},
			ids: []string{"a:op.1", "a:op.1"}, uncertain: true, events: 1,
		},
		"after a refusal the id is a new one": {
			part: func(call int) (string, error) {
				switch call {
				case 1:
					return "", notAccepted
				case 2:
					return "", errMurky
				default:
					return "a", nil
				}
			},
			ids: []string{"a:op.1", "a:op.2", "a:op.2"}, resp: "a",
		},
		"never elsewhere": {
			part: murky, failOver: true, ids: []string{"a:op.1", "a:op.1", "b:op.3"}, resp: "b", uncertain: true, events: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				var ids []string
				a.idsOf(&ids, test.part)
				b.idsOf(&ids, func(int) (string, error) { return "b", nil })
				p := sends(a)
				p.Dedupes = true
				var events notebook
				r := withProviders(t, failover.Providers(p, sends(b)), events.option())
				ctx := failover.Operation(t.Context(), "op")
				if test.failOver {
					ctx = failover.With(ctx, failover.OnUncertain(failover.FailOver))
				}
				result, err := r.Route(ctx, "hello")
				require.Equal(t, test.ids, ids)
				require.Equal(t, test.resp, result.Value)
				if test.resp == "" {
					require.ErrorIs(t, err, failover.ErrUncertain)
				} else {
					require.NoError(t, err)
					require.Equal(t, test.uncertain, result.Uncertain)
				}
				require.Len(t, noted[failover.UncertainEvent](&events), test.events)
			})
		})
	}
}

// The repeat at a provider that dedupes keeps its id too when another provider
// was uncertain before it.
func TestDedupesKeepsTheIDAfterAFailOver(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		var ids []string
		a.idsOf(&ids, func(int) (string, error) { return "", errMurky })
		b.idsOf(&ids, func(call int) (string, error) {
			if call == 1 {
				return "", errMurky
			}
			return "b", nil
		})
		p := sends(b)
		p.Dedupes = true
		r := withProviders(t, failover.Providers(sends(a), p))
		ctx := failover.With(failover.Operation(t.Context(), "op"), failover.OnUncertain(failover.FailOver))
		result, err := r.Route(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, []string{"a:op.1", "b:op.2", "b:op.2"}, ids)
		require.True(t, result.Uncertain, "what a did is still unknown")
	})
}

// A repeat spends a token, and an empty bucket refuses it.
func TestRepeatSpendsAToken(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.fails(errMurky)
		p := sends(a)
		p.Dedupes = true
		r := withProviders(t, failover.Providers(p), failover.WithBudget(failover.BudgetPolicy{Tokens: 2}))
		for _, times := range []int{2, 3} {
			_, err := ask(t, r)
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.Equal(t, times, a.times())
		}
	})
}

func TestFailOverIsAtLeastOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(errMurky)
		var events notebook
		r := sendOn(t, []*actor{a, b}, events.option())
		ctx := failover.With(t.Context(), failover.OnUncertain(failover.FailOver))
		result, err := r.Route(ctx, "one-time password")
		require.NoError(t, err)
		require.Equal(t, "b", result.Value)
		require.True(t, result.Uncertain)
		require.Equal(t, []int{1, 1}, []int{a.times(), b.times()})
		require.Len(t, noted[failover.UncertainEvent](&events), 1)

		b.declares(failover.ClassUnsupported, failover.OutcomeNotAccepted)
		_, err = r.Do(ctx, "one-time password")
		var uncertain *failover.UncertainError
		require.ErrorAs(t, err, &uncertain, "once uncertain, never failed")
		require.Equal(t, "a", uncertain.Attempt.Provider)
		require.Len(t, uncertain.Attempts, 2)
		require.Equal(t, 2, b.times())
	})
}

// What a recipient said holds for all providers, at-least-once or not.
func TestFailOverStopsWhereTheTableDoes(t *testing.T) {
	t.Parallel()
	for _, class := range []failover.Class{failover.ClassInvalid, failover.ClassFiltered} {
		a, b := newActor("a"), newActor("b")
		a.declares(class, failover.OutcomeUnknown)
		r := sendOn(t, []*actor{a, b})
		_, err := r.Do(failover.With(t.Context(), failover.OnUncertain(failover.FailOver)), "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Zero(t, b.times(), class)
	}
}

// The later of two wishes holds, inside a nested router too.
func TestStopOverridesFailOver(t *testing.T) {
	t.Parallel()
	for name, wishes := range map[string][]failover.Wish{
		"later stop":       {failover.OnUncertain(failover.FailOver), failover.OnUncertain(failover.Stop)},
		"only inside":      {failover.For("inside", failover.OnUncertain(failover.FailOver))},
		"only outside":     {failover.For("outside", failover.OnUncertain(failover.FailOver))},
		"nobody wished it": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, c := newActor("a"), newActor("b"), newActor("c")
			a.fails(errMurky)
			inside := sendOn(t, []*actor{a, b}, failover.WithName("inside"))
			outside := withProviders(t, failover.Providers(failover.Nest("pool", inside), sends(c)), failover.WithName("outside"))
			result, err := outside.Route(failover.With(t.Context(), wishes...), "hello")
			require.Zero(t, b.times(), "the router around it stops, so does the one inside")
			if name == "only outside" {
				require.NoError(t, err)
				require.True(t, result.Uncertain)
				return
			}
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.Zero(t, c.times())
		})
	}
}

func TestNewRefusesWhatDoesThingsTwice(t *testing.T) {
	t.Parallel()
	a, b := newActor("a"), newActor("b")
	plain, effect := b.provider(), sends(a)
	validated := b.provider()
	validated.Validate = func(context.Context, string, string) error { return nil }
	mirror := func(p, s failover.Provider[string, string]) failover.Provider[string, string] {
		return failover.NewMirror(p, s, nil, failover.MirrorPolicy{})
	}
	shadow := newActor("shadow").provider()
	nest := func(ps []failover.Provider[string, string], opts ...failover.Option) failover.Provider[string, string] {
		return failover.Nest("pool", withProviders(t, ps, opts...))
	}
	hedge := failover.WithHedge(failover.HedgePolicy{})
	for name, test := range map[string]struct {
		providers []failover.Provider[string, string]
		opts      []failover.Option
		want      string
	}{
		"hedging": {failover.Providers(effect, plain), []failover.Option{hedge}, "WithHedge"},
		"hedging, effect nested": {
			failover.Providers(nest(failover.Providers(effect)), plain), []failover.Option{hedge}, "WithHedge",
		},
		"hedging nested": {failover.Providers(effect, nest(failover.Providers(plain), hedge)), nil, `"pool": WithHedge`},
		"Validate":       {failover.Providers(effect, validated), nil, `"b": Validate`},
		"Validate nested": {
			failover.Providers(effect, nest(failover.Providers(validated))), nil, `"pool": Validate of its provider "b"`,
		},
		"mirror of it":     {failover.Providers(mirror(effect, plain)), nil, "mirror"},
		"as shadow":        {failover.Providers(mirror(plain, effect)), nil, "mirror"},
		"mirror beside it": {failover.Providers(effect, mirror(plain, shadow)), nil, `"b": a mirror`},
		"mirror nested": {
			failover.Providers(effect, nest(failover.Providers(mirror(plain, shadow)))), nil, `"pool": a mirror`,
		},
		"mirror nested twice": {
			failover.Providers(effect, failover.Nest("deep", withProviders(t,
				failover.Providers(nest(failover.Providers(mirror(plain, shadow))))))), nil, `"deep": a mirror`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := failover.New(test.providers, test.opts...)
			require.Nil(t, r)
			require.ErrorContains(t, err, test.want)
			require.ErrorContains(t, err, "not allowed with side effects")
		})
	}
}

// The id that a repeat was to keep goes to nobody else.
func TestRepeatThatCannotBeMadeTakesItsIDAlong(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		var ids []string
		a.idsOf(&ids, func(int) (string, error) { return "", errMurky })
		b.idsOf(&ids, func(int) (string, error) { return "b", nil })
		p := sends(a)
		p.Dedupes = true
		p.Limit = failover.Limit{Rate: 1, Burst: 1}
		r := withProviders(t, failover.Providers(p, sends(b)))
		ctx := failover.With(failover.Operation(t.Context(), "op"), failover.OnUncertain(failover.FailOver))
		result, err := r.Route(ctx, "hello")
		require.NoError(t, err)
		require.True(t, result.Uncertain)
		require.Equal(t, []string{"a:op.1", "b:op.2"}, ids)
	})
}

// A nested router repeats inside, where it is safe; as a whole it may choose
// another provider the second time.
func TestNestedRouterIsNotRepeated(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key := newActor("key")
		key.fails(errMurky)
		pool := failover.Nest("pool", sendOn(t, []*actor{key}))
		pool.Dedupes = true
		r := withProviders(t, failover.Providers(pool))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, key.times())
	})
}

// An uncertain attempt is told of although the repeat that might have cleared
// it could not be made.
func TestRepeatThatCannotBeMadeIsTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		p := sends(a)
		p.Dedupes = true
		p.Limit = failover.Limit{Rate: 1, Burst: 1}
		a.fails(errMurky)
		var events notebook
		r := withProviders(t, failover.Providers(p), events.option())
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, a.times())
		require.Len(t, noted[failover.UncertainEvent](&events), 1)
	})
}

// TestARefusalIsNotTheNextProviders: the breaker of the first provider opens
// between admission and attempt, so that gobreaker refuses the attempt. The
// second provider's answer must not be taken for refused as well, and done
// again by a third.
func TestARefusalIsNotTheNextProviders(t *testing.T) {
	t.Parallel()
	var r *failover.Router[string, string]
	tripped, sent := false, []string{}
	send := func(name string) failover.Provider[string, string] {
		p := failover.Wrap(name, func(context.Context, string) (string, error) {
			sent = append(sent, name)
			return name, nil
		})
		p.SideEffect = true
		return p
	}
	first := failover.Wrap("first", func(context.Context, string) (string, error) {
		return "", &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted}
	})
	first.SideEffect = true
	first.Cost = func(string) float64 { // asked between admission and attempt
		if !tripped {
			tripped = true
			_, err := r.Do(failover.With(t.Context(), failover.Only("first")), "trip it")
			require.ErrorIs(t, err, failover.ErrAllFailed)
		}
		return 1
	}
	r, err := failover.New(failover.Providers(first, send("second"), send("third")),
		failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
	require.NoError(t, err)
	result, err := r.Route(t.Context(), "hello")
	require.NoError(t, err)
	require.Equal(t, "second", result.Value)
	require.Equal(t, []string{"second"}, sent)
	require.Len(t, result.Attempts, 1)
}
