package call_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
)

// vendor is a provider that does what it was told, and counts.
type vendor struct {
	name string

	mu       sync.Mutex
	script   []func(ctx context.Context, r call.Request) (*call.Call, error)
	attempts []string
	asked    []string // of Get, Hangup and List

	get    func(ctx context.Context, id string) (*call.Call, error)
	hangup func(ctx context.Context, id string) error
	list   func(ctx context.Context, f call.Filter) ([]call.Call, error)
}

// then adds what happens next; at the end of the script calls are taken.
func (v *vendor) then(do func(ctx context.Context, r call.Request) (*call.Call, error)) *vendor {
	v.script = append(v.script, do)
	return v
}

func (v *vendor) fails(err error) *vendor {
	return v.then(func(context.Context, call.Request) (*call.Call, error) { return nil, err })
}

func (v *vendor) refuses(class failover.Class, status int) *vendor {
	return v.fails(&failover.Error{Class: class, Outcome: failover.OutcomeNotAccepted, Status: status})
}

// errLost is an answer that never came.
var errLost = errors.New("lost")

func (v *vendor) place(ctx context.Context, r call.Request) (*call.Call, error) {
	v.mu.Lock()
	v.attempts = append(v.attempts, failover.AttemptID(ctx))
	do := v.taken
	if len(v.script) > 0 {
		do, v.script = v.script[0], v.script[1:]
	}
	v.mu.Unlock()
	return do(ctx, r)
}

// taken does not say who has placed the call, as providers of one's own do not.
func (v *vendor) taken(context.Context, call.Request) (*call.Call, error) {
	return &call.Call{ID: "CA-" + v.name, Status: call.StatusQueued}, nil
}

func (v *vendor) times() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.attempts)
}

func (v *vendor) note(what string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, what)
}

func (v *vendor) provider() call.Provider {
	p := call.Provider{Provider: failover.Wrap(v.name, v.place)}
	p.SideEffect = true
	if v.get != nil {
		p.Get = func(ctx context.Context, id string) (*call.Call, error) {
			v.note("get " + id)
			return v.get(ctx, id)
		}
	}
	if v.hangup != nil {
		p.Hangup = func(ctx context.Context, id string) error {
			v.note("hangup " + id)
			return v.hangup(ctx, id)
		}
	}
	if v.list != nil {
		p.List = func(ctx context.Context, f call.Filter) ([]call.Call, error) {
			v.note("list")
			return v.list(ctx, f)
		}
	}
	return p
}

// all gives a vendor everything that one can have.
func all(name string) *vendor {
	return &vendor{
		name: name,
		get: func(_ context.Context, id string) (*call.Call, error) {
			return &call.Call{ID: id, Status: call.StatusRinging}, nil
		},
		hangup: func(context.Context, string) error { return nil },
		list:   func(context.Context, call.Filter) ([]call.Call, error) { return nil, nil },
	}
}

func newClient(t *testing.T, opts []failover.Option, providers ...call.Provider) *call.Client {
	t.Helper()
	c, err := call.New(providers, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// two are vendors in a client, and their client.
func two(t *testing.T, opts ...failover.Option) (a, b *vendor, c *call.Client) {
	t.Helper()
	a, b = all("a"), all("b")
	return a, b, newClient(t, opts, a.provider(), b.provider())
}

var request = call.Request{To: callee, AudioURL: audio, StatusCallback: hook}

func operation(t *testing.T, id string) context.Context {
	t.Helper()
	return failover.Operation(t.Context(), id)
}

func TestMakeCall(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	got, err := c.MakeCall(operation(t, "reminder-7"), request)
	require.NoError(t, err)
	assert.Equal(t, &call.Call{
		Provider: "a", ID: "CA-a", Operation: "reminder-7", Attempt: "reminder-7.1", Status: call.StatusQueued,
	}, got)

	a.refuses(failover.ClassUnsupported, 403)
	got, err = c.MakeCall(operation(t, "reminder-8"), request)
	require.NoError(t, err)
	assert.Equal(t, &call.Call{
		Provider: "b", ID: "CA-b", Operation: "reminder-8", Attempt: "reminder-8.2", Status: call.StatusQueued,
	}, got)

	_, err = c.MakeCall(operation(t, "reminder-8"), request)
	var begun *failover.DuplicateError
	require.ErrorAs(t, err, &begun)
	assert.Equal(t, "b", begun.Provider)
	assert.Equal(t, []int{2, 1}, []int{a.times(), b.times()}, "nobody is rung twice")
}

func TestMakeCallRefusesWhatNobodyCanServe(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	_, err := c.MakeCall(t.Context(), call.Request{To: "anna"})
	require.ErrorIs(t, err, call.ErrInvalidRecipient)
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	assert.Zero(t, a.times())
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good, other := all("a").provider(), all("b").provider()
	for what, make := range map[string]func() (*call.Client, error){
		"no providers": func() (*call.Client, error) { return call.New(nil) },
		"nil Do":       func() (*call.Client, error) { return call.New([]call.Provider{{}}) },
		"same name":    func() (*call.Client, error) { return call.New([]call.Provider{good, good}) },
		"nil client":   func() (*call.Client, error) { return call.New([]call.Provider{call.Nest("pool", nil)}) },
		"hedging": func() (*call.Client, error) {
			return call.New([]call.Provider{good, other}, failover.WithHedge(failover.HedgePolicy{}))
		},
	} {
		_, err := make()
		assert.Error(t, err, what)
	}
}

// The client keeps the providers it was given, whatever becomes of the slice.
func TestNewCopies(t *testing.T) {
	t.Parallel()
	a := all("a")
	providers := []call.Provider{a.provider()}
	c := newClient(t, nil, providers...)
	providers[0] = call.Provider{}
	_, err := c.Get(t.Context(), "a", "CA1")
	require.NoError(t, err)
}

func TestCallIsTheCallers(t *testing.T) {
	t.Parallel()
	kept := &call.Call{ID: "CA1", Provider: "its own word", Status: call.StatusQueued}
	a, _, c := two(t)
	a.get = func(context.Context, string) (*call.Call, error) { return kept, nil }
	keeps := func(context.Context, call.Request) (*call.Call, error) { return kept, nil }
	a.then(keeps).then(keeps)
	first, err := c.MakeCall(operation(t, "reminder-7"), request)
	require.NoError(t, err)
	second, err := c.MakeCall(operation(t, "reminder-8"), request)
	require.NoError(t, err)
	looked, err := c.Get(t.Context(), "a", "CA1")
	require.NoError(t, err)
	first.ID, looked.ID = "changed", "changed"
	assert.Equal(t, "reminder-7", first.Operation)
	assert.Equal(t, "reminder-8", second.Operation)
	assert.Equal(t, "CA1", second.ID)
	assert.Equal(t, &call.Call{ID: "CA1", Provider: "its own word", Status: call.StatusQueued}, kept)
}

// A vendor said yes, and what else it said could not be read.
func TestAcceptedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, placed := range map[string]*call.Call{
		"no call": nil, "empty call": {}, "call without an id": {Provider: "a", Operation: "reminder-7", Attempt: "reminder-7.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, c := two(t)
			a.then(func(context.Context, call.Request) (*call.Call, error) {
				return placed, &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Status: 201}
			})
			got, err := c.MakeCall(operation(t, "reminder-7"), request)
			require.NoError(t, err)
			assert.Equal(t, &call.Call{Provider: "a", Operation: "reminder-7", Attempt: "reminder-7.1"}, got)
			assert.Zero(t, b.times())
		})
	}
}

func TestUncertain(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	a.fails(errLost)
	_, err := c.MakeCall(operation(t, "reminder-7"), request)
	require.ErrorIs(t, err, failover.ErrUncertain)
	assert.Zero(t, b.times(), "the phone may be ringing")

	a.fails(errLost)
	got, err := c.MakeCall(failover.With(operation(t, "alarm-7"), failover.OnUncertain(failover.FailOver)), request)
	require.NoError(t, err)
	assert.True(t, got.Uncertain)
	assert.Equal(t, "b", got.Provider)
	assert.Equal(t, "alarm-7.2", got.Attempt)
}

// A vendor that drops repeats is given the command once more, with its name.
func TestDedupes(t *testing.T) {
	t.Parallel()
	a, b := all("a"), all("b")
	p := a.provider()
	p.Dedupes = true
	c := newClient(t, nil, p, b.provider())
	a.fails(errLost)
	got, err := c.MakeCall(operation(t, "reminder-7"), request)
	require.NoError(t, err)
	assert.Equal(t, []string{"reminder-7.1", "reminder-7.1"}, a.attempts)
	assert.Equal(t, "reminder-7.1", got.Attempt)
	assert.False(t, got.Uncertain)

	a.fails(errLost).fails(errLost)
	_, err = c.MakeCall(operation(t, "reminder-8"), request)
	require.ErrorIs(t, err, failover.ErrUncertain)
	assert.Equal(t, 4, a.times(), "once more, and no more than that")
	assert.Zero(t, b.times())
}

// What is the callee's own ends the operation for all vendors, and is nobody's
// fault.
func TestCalleesBlameNobody(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	const times = 20
	for i := range times {
		a.fails(&failover.Error{
			Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Status: 400, Code: "21217",
			Message: "no " + callee, Err: call.ErrInvalidRecipient,
		})
		_, err := c.MakeCall(operation(t, fmt.Sprint(i)), request)
		require.ErrorIs(t, err, call.ErrInvalidRecipient)
		require.NotErrorIs(t, err, failover.ErrUncertain)
		assertDiscreet(t, err)
	}
	assert.Equal(t, times, a.times())
	assert.Zero(t, b.times())
	status := c.Router().Status().Providers[0]
	assert.True(t, status.Ready)
	assert.Empty(t, status.Reasons)
	assert.Equal(t, failover.BreakerClosed, status.Breaker)
}

func TestReport(t *testing.T) {
	t.Parallel()
	ringing := call.Update{Provider: "a", Operation: "reminder-7", Attempt: "reminder-7.1", ID: "CA1", Status: call.StatusRinging}
	nowhere := call.Update{Provider: "a", Operation: "reminder-7", ID: "CA1", Status: call.StatusFailed, Err: &failover.Error{
		Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted,
	}}
	again := func(t *testing.T, c *call.Client) error {
		t.Helper()
		_, err := c.MakeCall(operation(t, "reminder-7"), request)
		return err
	}
	begun := func(t *testing.T, err error) {
		t.Helper()
		var begun *failover.DuplicateError
		require.ErrorAs(t, err, &begun)
		assert.Equal(t, "a", begun.Provider)
	}
	t.Run("ringing, after MakeCall", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.fails(errLost)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		for range 2 {
			require.NoError(t, c.Report(ringing))
		}
		begun(t, again(t, c))
		assert.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
	t.Run("ringing, before MakeCall has returned", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.then(func(context.Context, call.Request) (*call.Call, error) {
			require.NoError(t, c.Report(ringing))
			return nil, errLost
		})
		var uncertain *failover.UncertainError
		require.ErrorAs(t, again(t, c), &uncertain)
		assert.Equal(t, failover.OutcomeAccepted, uncertain.Outcome)
		begun(t, again(t, c))
		assert.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
	t.Run("rang nowhere", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.fails(errLost).refuses(failover.ClassUnsupported, 403)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		require.NoError(t, c.Report(nowhere))
		require.NoError(t, again(t, c))
		assert.Equal(t, []int{2, 1}, []int{a.times(), b.times()})
	})
	t.Run("busy and no answer are no faults", func(t *testing.T) {
		t.Parallel()
		a, _, c := two(t)
		for i, status := range slices.Repeat([]call.Status{call.StatusBusy, call.StatusNoAnswer, call.StatusCanceled}, 5) {
			_, err := c.MakeCall(operation(t, fmt.Sprint(i)), request)
			require.NoError(t, err)
			require.NoError(t, c.Report(call.Update{Provider: "a", Operation: fmt.Sprint(i), Status: status, SIP: 486}))
		}
		assert.Equal(t, 15, a.times())
		status := c.Router().Status().Providers[0]
		assert.Equal(t, failover.BreakerClosed, status.Breaker)
		assert.InDelta(t, 1, status.SuccessRate, 0)
	})
	t.Run("out of order, and without a status", func(t *testing.T) {
		t.Parallel()
		a, _, c := two(t)
		a.fails(errLost)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		for _, status := range []call.Status{call.StatusUnknown, call.StatusCompleted, call.StatusRinging, call.StatusQueued} {
			require.NoError(t, c.Report(call.Update{Provider: "a", Operation: "reminder-7", Status: status}))
		}
		begun(t, again(t, c))
	})
	t.Run("of an operation that is not known", func(t *testing.T) {
		t.Parallel()
		a, _, c := two(t)
		require.NoError(t, c.Report(ringing))
		begun(t, again(t, c))
		assert.Zero(t, a.times())
	})
	t.Run("of somebody else's", func(t *testing.T) {
		t.Parallel()
		_, _, c := two(t)
		require.ErrorIs(t, c.Report(call.Update{ID: "CA1", Status: call.StatusBusy}), call.ErrNotOurs)
		require.ErrorIs(t, c.Report(call.Update{Operation: "reminder-7"}), call.ErrNotOurs)
		require.ErrorIs(t, c.Report(call.Update{Provider: "a"}), call.ErrNotOurs)
		require.ErrorIs(t, c.Report(call.Update{Provider: "z", Operation: "reminder-7"}), failover.ErrUnknownProvider)
	})
}

// A call stays with who placed it.
func TestGetAndHangupAskWhoPlacedIt(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	a.refuses(failover.ClassRateLimited, 429)
	placed, err := c.MakeCall(t.Context(), request)
	require.NoError(t, err)
	require.NoError(t, c.SetPrimary("a"), "whoever is asked first now")
	got, err := c.Get(t.Context(), placed.Provider, placed.ID)
	require.NoError(t, err)
	assert.Equal(t, &call.Call{Provider: "b", ID: "CA-b", Status: call.StatusRinging}, got)
	require.NoError(t, c.Hangup(t.Context(), placed.Provider, placed.ID))
	require.NoError(t, c.Hangup(t.Context(), placed.Provider, placed.ID))
	assert.Empty(t, a.asked)
	assert.Equal(t, []string{"get CA-b", "hangup CA-b", "hangup CA-b"}, b.asked)
}

// Even a provider that takes no more calls looks after those it has placed.
func TestGetOfADisabledProvider(t *testing.T) {
	t.Parallel()
	_, _, c := two(t)
	require.NoError(t, c.Router().Disable("a"))
	_, err := c.Get(t.Context(), "a", "CA1")
	require.NoError(t, err)
	require.NoError(t, c.Hangup(t.Context(), "a", "CA1"))
}

func TestGetAndHangupOfNobody(t *testing.T) {
	t.Parallel()
	bare, a := &vendor{name: "bare"}, all("a")
	c := newClient(t, nil, bare.provider(), a.provider())
	for want, row := range map[string]struct{ provider, id string }{
		`call: %s: failover: unknown provider "z"`: {"z", "CA1"},
		`call: %s: failover: unknown provider ""`:  {"", "CA1"},
		`call: %s: the id is empty`:                {"a", ""},
		`call: %s: provider "bare" cannot`:         {"bare", "CA1"},
	} {
		_, err := c.Get(t.Context(), row.provider, row.id)
		require.EqualError(t, err, fmt.Sprintf(want, "Get"))
		require.EqualError(t, c.Hangup(t.Context(), row.provider, row.id), fmt.Sprintf(want, "Hangup"))
		assert.Equal(t, strings.Contains(want, "unknown"), errors.Is(err, failover.ErrUnknownProvider))
	}
	assert.Empty(t, a.asked)
}

// A router without Lists lists nothing.
func TestListOfNobody(t *testing.T) {
	t.Parallel()
	c := newClient(t, nil, (&vendor{name: "bare"}).provider())
	calls, err := c.List(t.Context(), call.Filter{})
	require.NoError(t, err)
	assert.Empty(t, calls)
	for _, limit := range []int{-1, 1001} {
		_, err := c.List(t.Context(), call.Filter{Limit: limit})
		require.EqualError(t, err, fmt.Sprintf("call: List: Limit %d is outside 1 to 1000", limit))
	}
}

func TestListJoins(t *testing.T) {
	t.Parallel()
	at := func(minute int) time.Time { return time.Date(2026, time.March, 1, 9, minute, 0, 0, time.UTC) }
	a, b, bare := all("a"), all("b"), &vendor{name: "bare"}
	filters := make(chan call.Filter, 2)
	mine := []call.Call{{ID: "1", Created: at(5)}, {ID: "2", Created: at(1)}}
	a.list = func(_ context.Context, f call.Filter) ([]call.Call, error) {
		filters <- f
		return mine, nil
	}
	b.list = func(_ context.Context, f call.Filter) ([]call.Call, error) {
		filters <- f
		return []call.Call{{ID: "3", Created: at(7)}, {ID: "4", Created: at(3)}, {ID: "5", Created: at(1)}}, nil
	}
	c := newClient(t, nil, a.provider(), bare.provider(), b.provider())
	f := call.Filter{To: callee, Status: call.StatusBusy, Limit: 3}
	calls, err := c.List(t.Context(), f)
	require.NoError(t, err)
	assert.Equal(t, []string{"b 3", "a 1", "b 4", "a 2", "b 5"}, names(calls), "the newest first, in the order of the providers")
	assert.Equal(t, []call.Filter{f, f}, []call.Filter{<-filters, <-filters})
	assert.Empty(t, mine[0].Provider, "what a provider keeps is not written to")
}

func names(calls []call.Call) []string {
	var all []string
	for _, c := range calls {
		all = append(all, c.Provider+" "+c.ID)
	}
	return all
}

// What one provider lists is there whatever becomes of the others, and every
// failure is told.
func TestListOfSomeThatFail(t *testing.T) {
	t.Parallel()
	a, b, d := all("a"), all("b"), all("d")
	a.list = func(context.Context, call.Filter) ([]call.Call, error) {
		return []call.Call{{ID: "1"}}, &failover.Error{Class: failover.ClassIncomplete, Message: callee}
	}
	b.list = func(context.Context, call.Filter) ([]call.Call, error) { return nil, errors.New(callee) }
	d.list = func(context.Context, call.Filter) ([]call.Call, error) { return []call.Call{{ID: "2"}}, nil }
	c := newClient(t, nil, a.provider(), b.provider(), d.provider())
	calls, err := c.List(t.Context(), call.Filter{})
	assert.Equal(t, []string{"a 1", "d 2"}, names(calls))
	require.EqualError(t, err, "a: incomplete\nb: unknown")
	assertDiscreet(t, err)
}

// A failure of Get and Hangup is an Error with the provider's name, read as the
// router reads it, and counts for nothing.
func TestGetAndHangupFail(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	for _, row := range []struct {
		err  error
		want failover.Class
	}{
		{&failover.Error{Class: failover.ClassUnsupported, Status: 404, Message: callee}, failover.ClassUnsupported},
		{&failover.Error{Class: failover.ClassRateLimited, Status: 429, RetryAfter: time.Second}, failover.ClassRateLimited},
		{errors.New(callee), failover.ClassUnknown},
	} {
		a.get = func(context.Context, string) (*call.Call, error) { return nil, row.err }
		a.hangup = func(context.Context, string) error { return row.err }
		_, err := c.Get(t.Context(), "a", "CA1")
		for _, err := range []error{err, c.Hangup(t.Context(), "a", "CA1")} {
			var e *failover.Error
			require.ErrorAs(t, err, &e)
			assert.Equal(t, "a", e.Provider)
			assert.Equal(t, row.want, e.Class)
			assert.Equal(t, failover.Classify(row.err).RetryAfter, e.RetryAfter)
			assertDiscreet(t, err)
		}
	}
	a.get = func(context.Context, string) (found *call.Call, err error) { return found, err }
	_, err := c.Get(t.Context(), "a", "CA1")
	require.EqualError(t, err, "a: incomplete (empty answer)")
	assert.Equal(t, failover.BreakerClosed, c.Router().Status().Providers[0].Breaker)
}

// Get, Hangup and List end with the caller's context, and with a limit of their
// own, which is not taken for the caller's.
func TestControlEndsInTime(t *testing.T) {
	silent := func(v *vendor) {
		v.get = func(ctx context.Context, _ string) (*call.Call, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		v.hangup = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return fmt.Errorf("hangup: %w", context.Cause(ctx))
		}
		v.list = func(ctx context.Context, _ call.Filter) ([]call.Call, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
	}
	for name, ask := range map[string]func(ctx context.Context, c *call.Client) error{
		"Get": func(ctx context.Context, c *call.Client) error {
			_, err := c.Get(ctx, "a", "CA1")
			return err
		},
		"Hangup": func(ctx context.Context, c *call.Client) error { return c.Hangup(ctx, "a", "CA1") },
		"List": func(ctx context.Context, c *call.Client) error {
			_, err := c.List(ctx, call.Filter{})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := all("a")
				silent(a)
				p := a.provider()
				ends := func(ctx context.Context, want time.Duration) error {
					start := time.Now()
					err := ask(ctx, newClient(t, nil, p))
					require.Error(t, err)
					assert.Equal(t, want, time.Since(start))
					return err
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				require.ErrorIs(t, ends(ctx, time.Second), context.DeadlineExceeded)

				ctx, left := context.WithCancel(t.Context())
				time.AfterFunc(2*time.Second, left)
				require.ErrorIs(t, ends(ctx, 2*time.Second), context.Canceled)

				err := ends(t.Context(), call.DefaultTimeout)
				require.NotErrorIs(t, err, context.DeadlineExceeded, "it was not the caller's")
				assert.Equal(t, failover.ClassTimeout, failover.ClassOf(err))

				p.Timeout = 3 * time.Second
				err = ends(t.Context(), 3*time.Second)
				assert.Equal(t, failover.ClassTimeout, failover.ClassOf(err))
			})
		})
	}
}

// One provider that is silent does not keep what the others have listed.
func TestListOfOneThatIsSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := all("a"), all("b")
		a.list = func(ctx context.Context, _ call.Filter) ([]call.Call, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		b.list = func(context.Context, call.Filter) ([]call.Call, error) { return []call.Call{{ID: "1"}}, nil }
		c := newClient(t, nil, a.provider(), b.provider())
		start := time.Now()
		calls, err := c.List(t.Context(), call.Filter{})
		assert.Equal(t, []string{"b 1"}, names(calls))
		assert.Equal(t, failover.ClassTimeout, failover.ClassOf(err))
		assert.Equal(t, call.DefaultTimeout, time.Since(start))
	})
}

func TestSetPrimaryAndFallbacks(t *testing.T) {
	t.Parallel()
	a, b, d := all("a"), all("b"), all("d")
	c := newClient(t, nil, a.provider(), b.provider(), d.provider())
	by := func() string {
		placed, err := c.MakeCall(t.Context(), request)
		require.NoError(t, err)
		return placed.Provider
	}
	assert.Equal(t, "a", by())
	require.NoError(t, c.SetPrimary("b"))
	assert.Equal(t, "b", by())
	require.NoError(t, c.SetFallbacks("d", "a"))
	b.refuses(failover.ClassUnsupported, 403)
	assert.Equal(t, "d", by())
	require.ErrorIs(t, c.SetPrimary("z"), failover.ErrUnknownProvider)
	require.ErrorIs(t, c.SetFallbacks("z"), failover.ErrUnknownProvider)
	assert.Equal(t, "b", by(), "what was refused has changed nothing")
}

// A client inside another: calls are bound by path.
func TestNest(t *testing.T) {
	t.Parallel()
	a, b, spare := all("a"), all("b"), all("spare")
	a.list = func(context.Context, call.Filter) ([]call.Call, error) { return []call.Call{{ID: "1"}}, nil }
	b.list = func(context.Context, call.Filter) ([]call.Call, error) { return nil, errors.New("no list") }
	inner := newClient(t, []failover.Option{failover.WithName("inner")}, a.provider(), b.provider())
	pool := newClient(t, []failover.Option{failover.WithName("pool")}, call.Nest("inner", inner))
	c := newClient(t, nil, call.Nest("pool", pool), spare.provider())

	a.refuses(failover.ClassExhausted, 402)
	placed, err := c.MakeCall(operation(t, "reminder-7"), request)
	require.NoError(t, err)
	assert.Equal(t, "pool/inner/b", placed.Provider)
	assert.Equal(t, "reminder-7", placed.Operation)
	assert.Equal(t, []string{placed.Attempt}, b.attempts)
	require.NoError(t, c.Report(call.Update{Provider: placed.Provider, Operation: placed.Operation, Status: call.StatusBusy}))

	got, err := c.Get(t.Context(), placed.Provider, placed.ID)
	require.NoError(t, err)
	assert.Equal(t, &call.Call{Provider: "pool/inner/b", ID: "CA-b", Status: call.StatusRinging}, got)
	require.NoError(t, c.Hangup(t.Context(), placed.Provider, placed.ID))
	assert.Equal(t, []string{"get CA-b", "hangup CA-b"}, b.asked)
	assert.Empty(t, a.asked)
	assert.Empty(t, spare.asked)

	calls, err := c.List(t.Context(), call.Filter{})
	assert.Equal(t, []string{"pool/inner/a 1"}, names(calls))
	require.EqualError(t, err, "pool/inner/b: unknown")

	for _, provider := range []string{"pool", "pool/inner", "pool/b", "b", "pool/inner/z", "pool/inner/b/"} {
		_, err := c.Get(t.Context(), provider, "CA1")
		require.ErrorIs(t, err, failover.ErrUnknownProvider, provider)
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	require.NoError(t, c.Close())
	_, err := c.MakeCall(t.Context(), request)
	require.ErrorIs(t, err, failover.ErrClosed)
	assert.Zero(t, a.times())
	require.NoError(t, c.Hangup(t.Context(), "a", "CA1"), "calls that were placed can still be ended")
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			placed, err := c.MakeCall(operation(t, fmt.Sprint(i)), request)
			if assert.NoError(t, err) {
				assert.Equal(t, fmt.Sprintf("%d.1", i), placed.Attempt)
			}
			_, err = c.Get(t.Context(), "a", "CA1")
			assert.NoError(t, err)
			_, err = c.List(t.Context(), call.Filter{})
			assert.NoError(t, err)
			assert.NoError(t, c.SetPrimary([]string{"a", "b"}[i%2]))
		})
	}
	group.Wait()
	assert.Equal(t, 16, a.times()+b.times())
}

func assertDiscreet(t *testing.T, err error) {
	t.Helper()
	marshalled, jsonErr := json.Marshal(err)
	require.NoError(t, jsonErr)
	text := fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, marshalled)
	for _, s := range []string{strings.TrimPrefix(callee, "+"), "sesame", "example.org"} {
		assert.NotContains(t, text, s)
	}
}
