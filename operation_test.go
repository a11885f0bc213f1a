package failover_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestOperationIsGivenOnce(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.takes(time.Second)
		r := sendOn(t, []*actor{a})
		ctx := failover.Operation(t.Context(), "order-7")
		first := make(chan error)
		go func() {
			_, err := r.Do(ctx, "hello")
			first <- err
		}()
		wait(t, time.Millisecond)
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrDuplicate)
		require.Equal(t, &failover.DuplicateError{Operation: "order-7", Running: true}, err)
		require.EqualError(t, err, "failover: the operation was already begun: operation order-7 is running")
		require.NoError(t, <-first)

		_, err = r.Do(ctx, "hello")
		require.Equal(t, &failover.DuplicateError{Operation: "order-7", Provider: "a"}, err)
		require.EqualError(t, err, "failover: the operation was already begun: operation order-7 was accepted by a")
		require.Equal(t, 1, a.times())

		_, err = r.Do(failover.Operation(t.Context(), "order-8"), "hello")
		require.NoError(t, err, "another operation")
		_, err = r.Do(failover.Operation(t.Context(), ""), "hello")
		require.NoError(t, err)
		_, err = r.Do(failover.Operation(t.Context(), ""), "hello")
		require.NoError(t, err, "an empty id is no name")
	})
}

// An operation that surely took no effect may be begun again, and its attempts
// never share an id.
func TestRefusedOperationMayBeBegunAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		var ids []string
		refuse := &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted}
		a.idsOf(&ids, func(call int) (string, error) {
			if call < 6 {
				return "", refuse
			}
			return "a", nil
		})
		r := sendOn(t, []*actor{a})
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.NoError(t, r.Enable("a"))
		_, err = r.Do(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, []string{"a:op.1", "a:op.2", "a:op.3", "a:op.4", "a:op.5", "a:op.6"}, ids)

		require.NoError(t, r.Disable("a"))
		ctx = failover.Operation(t.Context(), "another")
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrNoneAvailable)
		require.NoError(t, r.Enable("a"))
		_, err = r.Do(ctx, "hello")
		require.NoError(t, err, "nobody was asked before")
	})
}

func TestUncertainOperationIsNotBegunAgain(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(errMurky)
		r := sendOn(t, []*actor{a, b})
		ctx := failover.Operation(t.Context(), "op")
		_, first := r.Do(ctx, "hello")
		require.ErrorIs(t, first, failover.ErrUncertain)
		_, second := r.Do(ctx, "hello")
		require.ErrorIs(t, second, failover.ErrUncertain)
		require.Equal(t, first.Error(), second.Error(), "the same story")
		require.Equal(t, []int{1, 0}, []int{a.times(), b.times()})

		// The caller may choose otherwise, and is not told that it failed.
		var ids []string
		refuse := &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted}
		a.idsOf(&ids, func(int) (string, error) { return "", refuse })
		b.idsOf(&ids, func(call int) (string, error) {
			if call == 1 {
				return "", refuse
			}
			return "b", nil
		})
		again := failover.With(ctx, failover.OnUncertain(failover.FailOver))
		_, third := r.Do(again, "hello")
		var uncertain *failover.UncertainError
		require.ErrorAs(t, third, &uncertain)
		require.Equal(t, "op.1", uncertain.Attempt.ID, "the attempt that is unknown is the first one")
		require.Len(t, uncertain.Attempts, 3)

		require.NoError(t, r.Disable("a"))
		require.NoError(t, r.Disable("b"))
		_, err := r.Do(again, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain, "even if nobody could be asked")
		require.NoError(t, r.Enable("b"))

		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain, "without the wish it still stops")
		result, err := r.Route(again, "hello")
		require.NoError(t, err)
		require.True(t, result.Uncertain)
		require.Equal(t, []string{"a:op.2", "b:op.3", "b:op.4"}, ids)
		_, err = r.Do(again, "hello")
		require.ErrorIs(t, err, failover.ErrDuplicate, "accepted is accepted")
	})
}

// The memory of operations is bounded, but not that of the running ones.
func TestOperationsAreForgotten(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		slow := make(chan struct{})
		a.plays(func(ctx context.Context) (string, error) {
			if failover.OperationID(ctx) == "slow" {
				<-slow
			}
			return "a", nil
		})
		r := sendOn(t, []*actor{a}, failover.WithTimeout(0))
		first := make(chan error)
		go func() {
			_, err := r.Do(failover.Operation(t.Context(), "slow"), "hello")
			first <- err
		}()
		synctest.Wait() // it is running
		send := func(id string) error {
			_, err := r.Do(failover.Operation(t.Context(), id), "hello")
			return err
		}
		const kept = 8192
		for i := range kept + 1 {
			require.NoError(t, send(fmt.Sprint(i)))
		}
		require.ErrorIs(t, send("slow"), failover.ErrDuplicate, "it is running")
		require.ErrorIs(t, send(fmt.Sprint(kept)), failover.ErrDuplicate)
		require.NoError(t, send("0"), "the oldest of too many is forgotten")
		close(slow)
		require.NoError(t, <-first)
		require.ErrorIs(t, send("slow"), failover.ErrDuplicate)
		wait(t, 24*time.Hour)
		require.ErrorIs(t, send("slow"), failover.ErrDuplicate)
		wait(t, 25*time.Hour)
		require.NoError(t, send("slow"), "a day of disuse")
	})
}

func TestOperationAndAttemptIDs(t *testing.T) {
	t.Parallel()
	type ids struct{ operation, attempt string }
	var saw []ids
	look := func(ctx context.Context, _ string) (string, error) {
		saw = append(saw, ids{failover.OperationID(ctx), failover.AttemptID(ctx)})
		return "ok", nil
	}
	effect := failover.Wrap("a", look)
	effect.SideEffect = true
	sending := withProviders(t, failover.Providers(effect))
	nested := withProviders(t, failover.Providers(failover.Nest("pool", withProviders(t, failover.Providers(effect)))))
	reading := withProviders(t, failover.Providers(failover.Wrap("a", look)))

	require.Empty(t, failover.OperationID(t.Context()))
	require.Empty(t, failover.AttemptID(t.Context()))
	ctx := failover.Operation(t.Context(), "op")
	require.Equal(t, "op", failover.OperationID(ctx))
	require.Empty(t, failover.AttemptID(ctx))

	for _, test := range []struct {
		router *stage
		ctx    context.Context
		want   ids
	}{
		{sending, ctx, ids{"op", "op.1"}},
		{nested, ctx, ids{"op", "op.1.1"}},
		{reading, ctx, ids{"op", ""}},
		{reading, t.Context(), ids{"", ""}},
	} {
		saw = nil
		_, err := test.router.Do(test.ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, []ids{test.want}, saw)
	}

	saw = nil
	for range 2 {
		_, err := sending.Do(t.Context(), "hello")
		require.NoError(t, err)
	}
	require.NotEmpty(t, saw[0].operation, "the router makes one")
	require.Equal(t, saw[0].operation+".1", saw[0].attempt)
	require.NotEqual(t, saw[0].operation, saw[1].operation)
}

// A router with side effects that is called from inside an attempt of one
// without guards the operation by itself: the attempt may be repeated.
func TestOperationInsideARepeatableAttempt(t *testing.T) {
	t.Parallel()
	a := newActor("a")
	sms := sendOn(t, []*actor{a})
	assistant := failover.Wrap("assistant", func(ctx context.Context, req string) (string, error) {
		if _, err := sms.Do(ctx, req); err != nil && !errors.Is(err, failover.ErrDuplicate) {
			return "", err
		}
		return "", errMurky // the tool was used, then the model failed
	})
	other := newActor("other")
	r := withProviders(t, failover.Providers(assistant, other.provider()))
	_, err := r.Do(failover.Operation(t.Context(), "op"), "hello")
	require.NoError(t, err)
	require.Equal(t, 1, a.times(), "the retry did not send it again")
}

func TestReportRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	a := newActor("a")
	reading := onStage(t, []*actor{newActor("a")})
	sending := withProviders(t, failover.Providers(
		sends(a), failover.Nest("pool", sendOn(t, []*actor{newActor("key")})), newActor("plain").provider(),
		failover.Nest("readers", reading),
	))
	yes := failover.OutcomeAccepted
	require.EqualError(t, sending.Report("", "a", yes, nil), "failover: Report: the operation is empty")
	require.EqualError(t, sending.Report("op", "a", failover.OutcomeUnknown, nil), "failover: Report: the outcome is unknown")
	require.EqualError(t, sending.Report("op", "a", 7, nil), "failover: Report: the outcome is outcome(7)")
	for _, unknown := range []string{"", "b", "a/key", "pool/", "pool/b", "pool/key/x", "/a"} {
		require.ErrorIs(t, sending.Report("op", unknown, yes, nil), failover.ErrUnknownProvider, unknown)
	}
	require.ErrorContains(t, reading.Report("op", "a", yes, nil), "no provider of the router has side effects")
	require.NoError(t, sending.Report("op", "a", yes, nil))
	require.NoError(t, sending.Report("op", "pool", yes, nil))
	require.NoError(t, sending.Report("op", "pool/key", yes, nil))
	require.NoError(t, sending.Report("op", "readers/a", yes, nil), "it sends too, inside a router that does")
}

func TestReportSettles(t *testing.T) {
	t.Parallel()
	for _, outcome := range []failover.Outcome{failover.OutcomeAccepted, failover.OutcomeNotAccepted} {
		t.Run(outcome.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.fails(errMurky)
				var events notebook
				r := sendOn(t, []*actor{a, b}, events.option())
				ctx := failover.Operation(t.Context(), "op")
				_, err := r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)

				require.NoError(t, r.Report("op", "b", failover.OutcomeNotAccepted, nil))
				_, err = r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrUncertain, "that was not the provider in question")

				require.NoError(t, r.Report("op", "a", outcome, nil))
				require.NoError(t, r.Report("op", "a", outcome, nil))
				told := noted[failover.ReportEvent](&events)
				require.Len(t, told, 2, "a second delivery is none")
				require.Equal(t, "a", told[1].Provider)
				require.Equal(t, outcome, told[1].Outcome)
				require.True(t, told[1].Uncertain)
				require.Equal(t, 1, a.times(), "a report sends nothing")

				a.answers()
				_, err = r.Do(ctx, "hello")
				if outcome == failover.OutcomeAccepted {
					require.Equal(t, &failover.DuplicateError{Operation: "op", Provider: "a"}, err)
					return
				}
				require.NoError(t, err, "it did not happen, so it may be begun again")
				require.Equal(t, 2, a.times())
			})
		})
	}
}

// What was uncertain at two providers stays so until both are settled.
func TestReportSettlesOneProvider(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(errMurky)
		b.fails(errMurky)
		r := sendOn(t, []*actor{a, b})
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(failover.With(ctx, failover.OnUncertain(failover.FailOver)), "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, b.times())
		a.answers()

		require.NoError(t, r.Report("op", "a", failover.OutcomeNotAccepted, nil))
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain, "b may have done it")
		require.NoError(t, r.Report("op", "b", failover.OutcomeNotAccepted, nil))
		_, err = r.Do(ctx, "hello")
		require.NoError(t, err)
	})
}

// A report may come before the provider's answer.
func TestEarlyReport(t *testing.T) {
	t.Parallel()
	type test struct {
		outcome  failover.Outcome
		failOver bool
		moves    bool
		err      error
	}
	for name, test := range map[string]test{
		"not accepted":                         {failover.OutcomeNotAccepted, false, true, nil},
		"accepted":                             {failover.OutcomeAccepted, false, false, failover.ErrUncertain},
		"accepted: at least once is fulfilled": {failover.OutcomeAccepted, true, false, failover.ErrUncertain},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				pa := sends(a)
				pa.Dedupes = true
				r := withProviders(t, failover.Providers(pa, sends(b)), once())
				a.plays(func(context.Context) (string, error) {
					require.NoError(t, r.Report("op", "a", test.outcome, nil))
					return "", errMurky
				})
				ctx := failover.Operation(t.Context(), "op")
				send := ctx
				if test.failOver {
					send = failover.With(ctx, failover.OnUncertain(failover.FailOver))
				}
				_, err := r.Do(send, "hello")
				require.ErrorIs(t, err, test.err)
				require.Equal(t, 1, a.times(), "what is known needs no repeat")
				require.Equal(t, test.moves, b.times() == 1)
				if test.outcome == failover.OutcomeAccepted {
					var uncertain *failover.UncertainError
					require.ErrorAs(t, err, &uncertain)
					require.Equal(t, failover.OutcomeAccepted, uncertain.Outcome, "the answer is missing, nothing else")
				}
				_, err = r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrDuplicate)
			})
		})
	}
}

// A report names no attempt, so it is not believed of the second attempt at a
// provider when it may speak of the first.
func TestEarlyReportOfAnotherAttempt(t *testing.T) {
	t.Parallel()
	refuse := &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted}
	for name, again := range map[string]bool{"within a run": false, "across runs": true} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				ctx := failover.Operation(t.Context(), "op")
				var r *stage
				call := 0
				a.plays(func(context.Context) (string, error) {
					if call++; call == 1 {
						return "", refuse
					}
					require.NoError(t, r.Report("op", "a", failover.OutcomeNotAccepted, nil))
					return "", errMurky
				})
				opts := []failover.Option{}
				if again {
					opts = append(opts, once())
					b.fails(refuse)
				}
				r = sendOn(t, []*actor{a, b}, opts...)
				_, err := r.Do(ctx, "hello")
				if again {
					require.ErrorIs(t, err, failover.ErrAllFailed)
					_, err = r.Do(ctx, "hello")
				}
				require.ErrorIs(t, err, failover.ErrUncertain)
				_, err = r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.Equal(t, 2, a.times())
			})
		})
	}
}

func TestEarlyReportOfAnotherAttemptInsideANestedRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key, other := newActor("key"), newActor("other")
		refuse := &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted}
		key.fails(refuse)
		other.fails(refuse)
		r := withProviders(t, failover.Providers(failover.Nest("pool", sendOn(t, []*actor{key})), sends(other)))
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		key.plays(func(context.Context) (string, error) {
			require.NoError(t, r.Report("op", "pool/key", failover.OutcomeNotAccepted, nil))
			return "", errMurky
		})
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, other.times())
	})
}

// Reports of operations that nobody began do not push out what is known.
func TestReportsOfUnknownOperationsAreBounded(t *testing.T) {
	t.Parallel()
	a := newActor("a")
	r := sendOn(t, []*actor{a})
	ctx := failover.Operation(t.Context(), "op")
	_, err := r.Do(ctx, "hello")
	require.NoError(t, err)
	for i := range 10_000 {
		require.NoError(t, r.Report(fmt.Sprint("stray", i), "a", failover.OutcomeAccepted, nil))
	}
	_, err = r.Do(ctx, "hello")
	require.ErrorIs(t, err, failover.ErrDuplicate)
	_, err = r.Do(failover.Operation(t.Context(), "stray9999"), "hello")
	require.ErrorIs(t, err, failover.ErrDuplicate, "it was accepted, says the report")
}

// A report that came before the operation was begun is of an earlier process:
// it says nothing of the attempt that is made now.
func TestReportBeforeTheOperation(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(errMurky)
		r := sendOn(t, []*actor{a, b}, once())
		require.NoError(t, r.Report("op", "a", failover.OutcomeNotAccepted, nil))
		ctx := failover.Operation(t.Context(), "op")
		for range 2 {
			_, err := r.Do(ctx, "hello")
			require.ErrorIs(t, err, failover.ErrUncertain)
		}
		require.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
}

// Two attempts at one provider may have taken effect: that one of them did not
// leaves the other.
func TestReportOfOneOfTwoAttempts(t *testing.T) {
	t.Parallel()
	for outcome, end := range map[failover.Outcome]error{
		failover.OutcomeNotAccepted: failover.ErrUncertain, failover.OutcomeAccepted: failover.ErrDuplicate,
	} {
		t.Run(outcome.String(), func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := newActor("a"), newActor("b")
				a.fails(errMurky)
				b.fails(&failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted})
				r := sendOn(t, []*actor{a, b}, once())
				ctx := failover.Operation(t.Context(), "op")
				_, err := r.Do(ctx, "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				_, err = r.Do(failover.With(ctx, failover.OnUncertain(failover.FailOver)), "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.Equal(t, 2, a.times())

				a.answers()
				require.NoError(t, r.Report("op", "a", outcome, nil))
				_, err = r.Do(ctx, "hello")
				require.ErrorIs(t, err, end)
				require.Equal(t, 2, a.times())
			})
		})
	}
}

// A webhook that is delivered once more during the next run settles nothing.
func TestStaleReport(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newActor("a"), newActor("b")
		a.fails(errMurky)
		r := sendOn(t, []*actor{a, b})
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		report := func() { require.NoError(t, r.Report("op", "a", failover.OutcomeNotAccepted, nil)) }
		report()
		a.plays(func(context.Context) (string, error) {
			report()
			return "", errMurky
		})
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		report()
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, []int{2, 0}, []int{a.times(), b.times()})
		require.NoError(t, r.Report("op", "a", failover.OutcomeAccepted, nil))
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrDuplicate)
	})
}

// A report counts as an attempt would have: against the provider, unless it is
// the recipient's own cause or was counted before; and for it.
func TestReportCounts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		r := sendOn(t, []*actor{a}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 3}))
		no, yes := failover.OutcomeNotAccepted, failover.OutcomeAccepted
		report := func(op string, outcome failover.Outcome, cause error) {
			require.NoError(t, r.Report(op, "a", outcome, cause))
		}
		isOpen := func() bool { return stateOf(t, r, "a") == failover.BreakerOpen }

		report("1", no, nil)
		report("2", no, &failover.Error{Class: failover.ClassTransient})
		report("2", no, nil)
		require.False(t, isOpen(), "what was reported twice counts once")
		require.Less(t, statusOf(t, r, "a").SuccessRate, 1.0)
		report("3", no, errMurky)
		require.True(t, isOpen())

		require.NoError(t, r.Enable("a"))
		report("4", no, nil)
		report("5", no, nil)
		report("6", yes, nil)
		report("7", no, nil)
		require.False(t, isOpen(), "a success begins the count anew")

		require.NoError(t, r.Enable("a"))
		for _, class := range []failover.Class{failover.ClassInvalid, failover.ClassExhausted} {
			for i := range 10 {
				report(fmt.Sprint(class, i), no, &failover.Error{Class: class})
			}
			require.False(t, isOpen(), "nobody's fault")
		}

		require.NoError(t, r.Enable("a"))
		a.fails(errMurky)
		for i := range 2 {
			op := fmt.Sprint("uncertain", i)
			_, err := r.Do(failover.Operation(t.Context(), op), "hello")
			require.ErrorIs(t, err, failover.ErrUncertain)
			report(op, no, nil)
		}
		require.False(t, isOpen(), "two failures, each counted once")
	})
}

// A report is no trial: it neither closes nor reopens a breaker.
func TestReportIsNoTrial(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newActor("a")
		a.fails(&failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted})
		r := sendOn(t, []*actor{a}, once(), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
		_, err := ask(t, r)
		require.ErrorIs(t, err, failover.ErrAllFailed)
		wait(t, 12*time.Second)
		require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, "a"))
		for i := range 5 {
			require.NoError(t, r.Report(fmt.Sprint("yes", i), "a", failover.OutcomeAccepted, nil))
			require.NoError(t, r.Report(fmt.Sprint("no", i), "a", failover.OutcomeNotAccepted, nil))
		}
		require.Equal(t, failover.BreakerHalfOpen, stateOf(t, r, "a"))
	})
}

func TestReportIntoNestedRouters(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key1, key2, other := newActor("key1"), newActor("key2"), newActor("other")
		key1.fails(errMurky)
		pool := sendOn(t, []*actor{key1, key2}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 2}))
		r := withProviders(t, failover.Providers(failover.Nest("pool", pool), sends(other)))
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(ctx, "hello")
		var uncertain *failover.UncertainError
		require.ErrorAs(t, err, &uncertain)
		require.Equal(t, "pool/key1", uncertain.Attempt.Inner[0].Provider)
		require.Equal(t, "op.1.1", uncertain.Attempt.Inner[0].ID)

		require.NoError(t, r.Report("op", "pool/key2", failover.OutcomeNotAccepted, nil))
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.NoError(t, r.Report("op", "pool/key1", failover.OutcomeNotAccepted, nil))
		require.Equal(t, failover.BreakerClosed, stateOf(t, pool, "key1"), "it was counted when it happened")
		key1.answers()
		_, err = r.Do(ctx, "hello")
		require.NoError(t, err)
		require.Equal(t, []int{2, 0, 0}, []int{key1.times(), key2.times(), other.times()})

		for i := range 2 {
			require.NoError(t, r.Report(fmt.Sprint("late", i), "pool/key2", failover.OutcomeNotAccepted, nil))
		}
		require.Equal(t, failover.BreakerOpen, stateOf(t, pool, "key2"), "it counts inside")
		require.Equal(t, failover.BreakerClosed, stateOf(t, r, "pool"))
	})
}

// With at-least-once, two providers of a nested router may be uncertain: the
// operation is until both are settled, by path or as a whole.
func TestReportOfANestedRouterAsAWhole(t *testing.T) {
	t.Parallel()
	for name, reports := range map[string][]string{
		"by path": {"pool/key1", "pool/key2"}, "as a whole": {"pool"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				key1, key2 := newActor("key1"), newActor("key2")
				key1.fails(errMurky)
				key2.fails(errMurky)
				r := withProviders(t, failover.Providers(failover.Nest("pool", sendOn(t, []*actor{key1, key2}))))
				ctx := failover.Operation(t.Context(), "op")
				_, err := r.Do(failover.With(ctx, failover.OnUncertain(failover.FailOver)), "hello")
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.Equal(t, 1, key2.times())
				key1.answers()
				for _, path := range reports {
					_, err = r.Do(ctx, "hello")
					require.ErrorIs(t, err, failover.ErrUncertain)
					require.NoError(t, r.Report("op", path, failover.OutcomeNotAccepted, nil))
				}
				_, err = r.Do(ctx, "hello")
				require.NoError(t, err)
			})
		})
	}
}

// A report about what key1 did in the first run is not taken for the second.
func TestStaleReportInsideANestedRouter(t *testing.T) {
	bubble(t, func(t *testing.T) {
		key, other := newActor("key"), newActor("other")
		refuse := &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted}
		key.fails(refuse)
		other.fails(refuse)
		r := withProviders(t, failover.Providers(failover.Nest("pool", sendOn(t, []*actor{key})), sends(other)))
		ctx := failover.Operation(t.Context(), "op")
		_, err := r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrAllFailed)
		require.NoError(t, r.Report("op", "pool/key", failover.OutcomeNotAccepted, nil))
		key.fails(errMurky)
		_, err = r.Do(ctx, "hello")
		require.ErrorIs(t, err, failover.ErrUncertain)
		require.Equal(t, 1, other.times())
	})
}
