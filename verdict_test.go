package failover_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// seen is what a breaker made of a failure.
type seen string

const (
	seenFailure seen = "failure"
	seenSuccess seen = "success"
	seenIgnored seen = "ignored"
)

// row is one row of the table of what an error means, as a user would see it.
type row struct {
	name string
	err  error
	took time.Duration // until it failed

	class  failover.Class
	asked  int // how often the failing provider is asked while another is ready
	moves  bool
	alone  int // how often it is asked when there is no other
	sees   seen
	cools  time.Duration // how long it is left alone afterwards
	reason failover.Class
}

func httpError(status int, header ...string) error {
	resp := &http.Response{StatusCode: status, Header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return failover.HTTPError(resp)
}

func table() []row {
	transient := func(name string, err error) row {
		return row{name: name, err: err, class: failover.ClassTransient, asked: 2, moves: true, alone: 3, sees: seenFailure}
	}
	timeout := func(name string, err error) row {
		return row{name: name, err: err, class: failover.ClassTimeout, asked: 1, moves: true, alone: 1, sees: seenFailure}
	}
	account := func(name string, err error, class failover.Class) row {
		return row{
			name: name, err: err, class: class, asked: 1, moves: true, alone: 1, sees: seenIgnored,
			cools: time.Minute, reason: class,
		}
	}
	unsupported := func(name string, err error) row {
		return row{name: name, err: err, class: failover.ClassUnsupported, asked: 1, moves: true, alone: 1, sees: seenIgnored}
	}
	invalid := func(name string, err error, moves bool) row {
		return row{name: name, err: err, class: failover.ClassInvalid, asked: 1, moves: moves, alone: 1, sees: seenSuccess}
	}
	notYet := transient("529 is not repeated while another is ready", httpError(529))
	notYet.asked = 1
	asksToWait := transient("503 with Retry-After is not repeated while another is ready", httpError(503, "Retry-After", "1"))
	asksToWait.asked = 1
	slow := transient("500 after more than a second is not repeated while another is ready", httpError(500))
	slow.took, slow.asked = 1001*time.Millisecond, 1
	limited := row{
		name: "429", err: httpError(429), class: failover.ClassRateLimited, asked: 1, moves: true, alone: 3, sees: seenIgnored,
		cools: 5 * time.Second, reason: failover.ClassRateLimited,
	}
	limitedFor := limited
	limitedFor.name, limitedFor.err, limitedFor.cools = "429 with Retry-After", httpError(429, "Retry-After", "7"), 7*time.Second
	unknown := transient("an error that offers nothing", errSpilled)
	unknown.class = failover.ClassUnknown
	incomplete := timeout("incomplete", &failover.Error{Class: failover.ClassIncomplete})
	incomplete.class = failover.ClassIncomplete
	unsatisfactory := unsupported("unsatisfactory", &failover.Error{Class: failover.ClassUnsatisfactory})
	unsatisfactory.class = failover.ClassUnsatisfactory
	filtered := invalid("filtered", &failover.Error{Class: failover.ClassFiltered, Status: 400}, false)
	filtered.class = failover.ClassFiltered

	return []row{
		transient("transient", &failover.Error{Class: failover.ClassTransient}),
		transient("500", httpError(500)),
		transient("502", httpError(502)),
		transient("503", httpError(503)),
		transient("409", httpError(409)),
		notYet, asksToWait, slow,
		timeout("timeout", &failover.Error{Class: failover.ClassTimeout}),
		timeout("408", httpError(408)),
		timeout("504", httpError(504)),
		limited, limitedFor,
		account("402", httpError(402), failover.ClassExhausted),
		account("insufficient quota", &failover.Error{Class: failover.ClassExhausted, Status: 429}, failover.ClassExhausted),
		account("401", httpError(401), failover.ClassUnauthorized),
		account("407", httpError(407), failover.ClassUnauthorized),
		unsupported("403", httpError(403)),
		unsupported("404", httpError(404)),
		unsupported("410", httpError(410)),
		unsupported("413", httpError(413)),
		unsupported("501", httpError(501)),
		unsatisfactory, incomplete, filtered,
		invalid("400 gets a second opinion", httpError(400), true),
		invalid("422 gets a second opinion", httpError(422), true),
		invalid("other 4xx", httpError(418), false),
		invalid("our own validation", &failover.Error{Class: failover.ClassInvalid}, false),
		unknown,
	}
}

func (r row) actor(name string) *actor {
	a := newActor(name)
	a.plays(func(ctx context.Context) (string, error) {
		if err := pass(ctx, r.took); err != nil {
			return "", err
		}
		return "", r.err
	})
	return a
}

func TestTableRetryAndNext(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := row.actor("a"), newActor("b")
				got, err := ask(t, onStage(t, []*actor{a, b}))
				require.Equal(t, row.asked, a.times())
				if row.moves {
					require.NoError(t, err)
					require.Equal(t, "b", got)
					require.Equal(t, 1, b.times())
					return
				}
				require.ErrorIs(t, err, failover.ErrAllFailed)
				require.Equal(t, row.class, failover.ClassOf(err))
				require.Zero(t, b.times(), "a request that was refused must not travel")
				failed, ok := errors.AsType[*failover.AllFailedError](err)
				require.True(t, ok)
				require.True(t, failed.Stopped)
			})
		})
	}
}

func TestTableRetryWithNobodyElse(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := row.actor("a")
				_, err := ask(t, onStage(t, []*actor{a}))
				require.Equal(t, row.alone, a.times())
				require.ErrorIs(t, err, failover.ErrAllFailed)
				require.Equal(t, row.class, failover.ClassOf(err))
			})
		})
	}
}

// TestTableBreaker lets a failure follow two that count, of three that open. A
// failure opens; a success starts the count again; what is ignored does
// neither.
func TestTableBreaker(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a := newActor("a")
				r := onStage(t, []*actor{a}, once(), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 3}))
				fail := func(err error) {
					a.fails(err)
					_, got := ask(t, r)
					require.Error(t, got)
				}
				spill := &failover.Error{Class: failover.ClassTransient}
				fail(spill)
				fail(spill)
				fail(row.err)
				if row.sees == seenFailure {
					require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
					return
				}
				require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
				if row.name == "429 with Retry-After" {
					wait(t, row.cools+time.Millisecond) // it cools even the only provider, which hides the breaker
				}
				fail(spill)
				if row.sees == seenIgnored {
					require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"), "what is ignored must not hide a row of failures")
					return
				}
				fail(spill)
				require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"), "the provider did its job: the count starts again")
				fail(spill)
				require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
			})
		})
	}
}

func TestTableCooldown(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := row.actor("a"), newActor("b")
				r := onStage(t, []*actor{a, b}, once())
				_, _ = ask(t, r)
				require.Equal(t, row.cools, left(t, r, "a", failover.ReasonCooling))
				if row.cools > 0 {
					require.Equal(t, row.reason, statusOf(t, r, "a").Reasons[0].Class)
				}
			})
		})
	}
}

func TestTableStatistics(t *testing.T) {
	t.Parallel()
	for _, row := range table() {
		t.Run(row.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b := row.actor("a"), newActor("b")
				r := onStage(t, []*actor{a, b}, once())
				_, _ = ask(t, r)
				s := statusOf(t, r, "a")
				require.Equal(t, map[string]uint64{row.class.String(): 1}, s.Attempts)
				lowers := row.sees == seenFailure || row.class == failover.ClassUnsatisfactory
				require.Equal(t, lowers, s.SuccessRate < 1, "success rate %v", s.SuccessRate)
			})
		})
	}
}

func TestTableCoversEveryClass(t *testing.T) {
	t.Parallel()
	rows := map[failover.Class]bool{failover.ClassCanceled: true} // tested with blame
	for _, row := range table() {
		rows[row.class] = true
		require.Equal(t, row.class, failover.Classify(row.err).Class, row.name)
	}
	for _, class := range failover.Classes() {
		require.True(t, rows[class], "%v has no row", class)
	}
}

func TestThreeUnsupportedInARowCoolTheProvider(t *testing.T) {
	t.Parallel()
	t.Run("three in a row", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b})
			a.fails(httpError(404))
			for range 2 {
				_, err := ask(t, r)
				require.NoError(t, err)
				require.Empty(t, reasonsOf(t, r, "a"))
			}
			_, err := ask(t, r)
			require.NoError(t, err)
			require.Equal(t, time.Minute, left(t, r, "a", failover.ReasonCooling))
		})
	})
	t.Run("a success between starts again", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b})
			refused := httpError(404)
			a.follows(refused, refused, nil, refused, refused)
			for range 5 {
				_, err := ask(t, r)
				require.NoError(t, err)
			}
			require.Empty(t, reasonsOf(t, r, "a"))
		})
	})
	t.Run("other failures between do not", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			r := onStage(t, []*actor{a, b}, once())
			refused := httpError(404)
			a.follows(refused, errSpilled, refused, httpError(504), refused)
			for range 5 {
				_, err := ask(t, r)
				require.NoError(t, err)
			}
			require.Equal(t, []failover.Reason{failover.ReasonCooling}, reasonsOf(t, r, "a"))
		})
	})
	t.Run("it cools that provider, not its account", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			pa, pb := a.provider(), b.provider()
			pa.Account, pb.Account = "key", "key"
			r := withProviders(t, failover.Providers(pa, pb))
			a.fails(httpError(404))
			for range 3 {
				_, err := ask(t, r)
				require.NoError(t, err)
			}
			require.Equal(t, []failover.Reason{failover.ReasonCooling}, reasonsOf(t, r, "a"))
			require.Empty(t, reasonsOf(t, r, "b"), "another model of the same account works")
		})
	})
}

func TestSecondOpinion(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		a, b   error
		served bool // by c
		asked  []int
	}{
		{"two agreeing stop", httpError(400), httpError(422), false, []int{1, 1, 0}},
		{"one is overruled", httpError(400), nil, true, []int{1, 1, 0}},
		{"a failure is no opinion", httpError(400), httpError(500), true, []int{1, 2, 1}},
		{"a filter stops at once", httpError(400), &failover.Error{Class: failover.ClassFiltered}, false, []int{1, 1, 0}},
		{"a fault of our own needs none", &failover.Error{Class: failover.ClassInvalid}, nil, false, []int{1, 0, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				a, b, c := newActor("a"), newActor("b"), newActor("c")
				a.fails(tt.a)
				if tt.b != nil {
					b.fails(tt.b)
				}
				_, err := ask(t, onStage(t, []*actor{a, b, c}))
				require.Equal(t, tt.served, err == nil, "%v", err)
				require.Equal(t, tt.asked, []int{a.times(), b.times(), c.times()})
				if err != nil {
					failed, ok := errors.AsType[*failover.AllFailedError](err)
					require.True(t, ok)
					require.True(t, failed.Stopped)
				}
			})
		})
	}
}

func TestWithVerdictChangesARow(t *testing.T) {
	t.Parallel()
	t.Run("filtered goes on", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.failsAs(failover.ClassFiltered)
			got, err := ask(t, onStage(t, []*actor{a, b}, failover.WithVerdict(failover.ClassFiltered,
				failover.Verdict{Next: failover.NextProvider, Breaker: failover.BreakerSuccess})))
			require.NoError(t, err)
			require.Equal(t, "b", got)
		})
	})
	t.Run("invalid stops without a second opinion", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.fails(httpError(400))
			_, err := ask(t, onStage(t, []*actor{a, b}, failover.WithVerdict(failover.ClassInvalid,
				failover.Verdict{Next: failover.NextStop, Breaker: failover.BreakerSuccess})))
			require.Error(t, err)
			require.Zero(t, b.times())
		})
	})
	t.Run("timeouts are retried", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.follows(httpError(504))
			got, err := ask(t, onStage(t, []*actor{a, b}, failover.WithVerdict(failover.ClassTimeout,
				failover.Verdict{Retry: true, Breaker: failover.BreakerFailure})))
			require.NoError(t, err)
			require.Equal(t, "a", got)
		})
	})
	t.Run("a rate limit is not waited for", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.fails(httpError(429))
			_, err := ask(t, onStage(t, []*actor{a}, failover.WithVerdict(failover.ClassRateLimited,
				failover.Verdict{Breaker: failover.BreakerIgnored})))
			require.Error(t, err)
			require.Equal(t, 1, a.times())
		})
	})
	t.Run("what Validate refuses counts against the provider", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			p := a.provider()
			p.Validate = func(context.Context, string, string) error { return errSpilled }
			r := withProviders(t, failover.Providers(p, b.provider()),
				failover.WithVerdict(failover.ClassUnsatisfactory, failover.Verdict{Breaker: failover.BreakerFailure}))
			for range 5 {
				got, err := ask(t, r)
				require.NoError(t, err)
				require.Equal(t, "b", got)
			}
			require.Equal(t, failover.BreakerOpen, stateOf(t, r, "a"))
		})
	})
}

func TestWithVerdictRefusesNonsense(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]failover.Option{
		"class(99)":   failover.WithVerdict(99, failover.Verdict{}),
		"Next 9":      failover.WithVerdict(failover.ClassTimeout, failover.Verdict{Next: 9}),
		"Breaker 9":   failover.WithVerdict(failover.ClassTimeout, failover.Verdict{Breaker: 9}),
		"caller's":    failover.WithVerdict(failover.ClassCanceled, failover.Verdict{}),
		"WithVerdict": failover.WithVerdict(99, failover.Verdict{}),
	} {
		_, err := failover.New(failover.Providers(newActor("a").provider()), o)
		require.ErrorContains(t, err, name)
	}
}

func TestDefaultVerdictIsWhatTheRouterDoes(t *testing.T) {
	t.Parallel()
	want := map[seen]failover.BreakerSees{
		seenFailure: failover.BreakerFailure, seenSuccess: failover.BreakerSuccess, seenIgnored: failover.BreakerIgnored,
	}
	for _, row := range table() {
		v := failover.DefaultVerdict(row.class)
		require.Equal(t, want[row.sees], v.Breaker, row.name)
		require.Equal(t, row.alone > 1, v.Retry, row.name)
		if row.moves {
			require.NotEqual(t, failover.NextStop, v.Next, row.name)
		} else {
			require.NotEqual(t, failover.NextProvider, v.Next, row.name)
		}
	}
}

func TestWithClassifier(t *testing.T) {
	t.Parallel()
	overloaded := errors.New("overloaded")
	classifier := failover.WithClassifier(func(provider string, err error) *failover.Error {
		if provider == "a" && errors.Is(err, overloaded) {
			return &failover.Error{Class: failover.ClassRateLimited, Code: "overloaded", RetryAfter: 3 * time.Second}
		}
		return nil
	})
	t.Run("it overrides", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.fails(overloaded)
			r := onStage(t, []*actor{a, b}, classifier)
			result, err := r.Route(t.Context(), "request")
			require.NoError(t, err)
			require.Equal(t, 1, a.times())
			require.Equal(t, 3*time.Second, left(t, r, "a", failover.ReasonCooling))
			failed := result.Attempts[0].Err
			require.Equal(t, "a: rate_limited (overloaded, retry after 3s)", failed.Error())
			require.ErrorIs(t, failed, overloaded, "the provider's own error stays reachable")
		})
	})
	t.Run("nil leaves it to the router", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.fails(httpError(401))
			r := onStage(t, []*actor{a, b}, classifier)
			_, err := ask(t, r)
			require.NoError(t, err)
			require.Equal(t, failover.ClassUnauthorized, statusOf(t, r, "a").Reasons[0].Class)
		})
	})
	t.Run("it is told whose error it is", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a, b := newActor("a"), newActor("b")
			a.failsAs(failover.ClassTimeout)
			b.fails(overloaded)
			_, err := ask(t, onStage(t, []*actor{a, b}, classifier, once()))
			require.Equal(t, failover.ClassUnknown, failover.ClassOf(err))
		})
	})
	t.Run("a panic in it leaves no slot taken", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.fails(errSpilled)
			r := onStage(t, []*actor{a}, failover.WithClassifier(func(string, error) *failover.Error { panic("classifier") }))
			require.PanicsWithValue(t, "classifier", func() { _, _ = ask(t, r) })
			require.Zero(t, statusOf(t, r, "a").InFlight)
		})
	})
	t.Run("it cannot make the caller's own cancel anybody's fault", func(t *testing.T) {
		bubble(t, func(t *testing.T) {
			a := newActor("a")
			a.isSilent()
			r := onStage(t, []*actor{a}, failover.WithClassifier(func(string, error) *failover.Error {
				return &failover.Error{Class: failover.ClassTransient}
			}), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				synctest.Wait()
				cancel()
			}()
			_, err := r.Do(ctx, "request")
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, failover.BreakerClosed, stateOf(t, r, "a"))
		})
	})
}
