package sms_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

// vendor is a provider that does what it was told, and counts.
type vendor struct {
	name string

	mu       sync.Mutex
	script   []func(ctx context.Context, m sms.Message) (*sms.Receipt, error)
	attempts []string
	paths    []string
}

// then adds what happens next; at the end of the script messages are taken.
func (v *vendor) then(do func(ctx context.Context, m sms.Message) (*sms.Receipt, error)) *vendor {
	v.script = append(v.script, do)
	return v
}

func (v *vendor) fails(err error) *vendor {
	return v.then(func(context.Context, sms.Message) (*sms.Receipt, error) { return nil, err })
}

func (v *vendor) refuses(class failover.Class, status int) *vendor {
	return v.fails(&failover.Error{Class: class, Outcome: failover.OutcomeNotAccepted, Status: status})
}

// errLost is an answer that never came.
var errLost = errors.New("lost")

func (v *vendor) send(ctx context.Context, m sms.Message) (*sms.Receipt, error) {
	v.mu.Lock()
	v.attempts, v.paths = append(v.attempts, failover.AttemptID(ctx)), append(v.paths, failover.ProviderPath(ctx))
	do := v.taken
	if len(v.script) > 0 {
		do, v.script = v.script[0], v.script[1:]
	}
	v.mu.Unlock()
	return do(ctx, m)
}

// taken does not say whose receipt it is, as providers of one's own do not.
func (v *vendor) taken(context.Context, sms.Message) (*sms.Receipt, error) {
	return &sms.Receipt{ID: "SM-" + v.name, Status: sms.StatusQueued}, nil
}

func (v *vendor) times() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.attempts)
}

func (v *vendor) provider() sms.Provider {
	p := failover.Wrap(v.name, v.send)
	p.SideEffect = true
	return p
}

func newClient(t *testing.T, opts []failover.Option, providers ...sms.Provider) *sms.Client {
	t.Helper()
	c, err := sms.New(providers, opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// two are vendors in a client, and their client.
func two(t *testing.T, opts ...failover.Option) (a, b *vendor, c *sms.Client) {
	t.Helper()
	a, b = &vendor{name: "a"}, &vendor{name: "b"}
	return a, b, newClient(t, opts, a.provider(), b.provider())
}

var message = sms.Message{To: recipient, Body: secret, StatusCallback: hook}

func operation(t *testing.T, id string) context.Context {
	t.Helper()
	return failover.Operation(t.Context(), id)
}

func TestSend(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	got, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{
		Provider: "a", ID: "SM-a", Operation: "order-7", Attempt: "order-7.1", Status: sms.StatusQueued,
	}, got)

	a.refuses(failover.ClassRateLimited, 429)
	got, err = c.Send(operation(t, "order-8"), message)
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{
		Provider: "b", ID: "SM-b", Operation: "order-8", Attempt: "order-8.2", Status: sms.StatusQueued,
	}, got)
	assert.Equal(t, []string{"order-7.1", "order-8.1"}, a.attempts)
	assert.Equal(t, []string{"order-8.2"}, b.attempts)

	_, err = c.Send(operation(t, "order-8"), message)
	var begun *failover.DuplicateError
	require.ErrorAs(t, err, &begun)
	assert.Equal(t, "b", begun.Provider)
	assert.Equal(t, 1, b.times(), "what was sent is not sent again")
}

func TestSendWithoutAnOperation(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	for range 2 {
		got, err := c.Send(t.Context(), message)
		require.NoError(t, err)
		assert.NotEmpty(t, got.Operation)
		assert.Equal(t, got.Operation+".1", got.Attempt)
	}
	assert.Equal(t, 2, a.times(), "nothing says that they are the same")
}

func TestSendRefusesWhatNobodyCanSend(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	_, err := c.Send(t.Context(), sms.Message{To: "anna", Body: secret})
	require.ErrorIs(t, err, sms.ErrInvalidRecipient)
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	assert.Zero(t, a.times())
	_, err = c.Send(operation(t, "order-7"), sms.Message{To: recipient})
	require.Error(t, err)
	_, err = c.Send(operation(t, "order-7"), message)
	require.NoError(t, err, "an operation that was refused here was not begun")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := (&vendor{name: "a"}).provider()
	for what, make := range map[string]func() (*sms.Client, error){
		"no providers": func() (*sms.Client, error) { return sms.New(nil) },
		"nil Do":       func() (*sms.Client, error) { return sms.New([]sms.Provider{{Name: "a", SideEffect: true}}) },
		"same name":    func() (*sms.Client, error) { return sms.New([]sms.Provider{good, good}) },
		"hedging": func() (*sms.Client, error) {
			return sms.New([]sms.Provider{good, (&vendor{name: "b"}).provider()}, failover.WithHedge(failover.HedgePolicy{}))
		},
	} {
		_, err := make()
		assert.Error(t, err, what)
	}
}

// A router inside a router: receipts name the path, which Report takes.
func TestReceiptOfANestedProvider(t *testing.T) {
	t.Parallel()
	a, b, spare := &vendor{name: "a"}, &vendor{name: "b"}, &vendor{name: "spare"}
	pool := newClient(t, []failover.Option{failover.WithName("pool")}, a.provider(), b.provider())
	c := newClient(t, nil, failover.Nest("pool", pool.Router()), spare.provider())

	a.refuses(failover.ClassExhausted, 402)
	got, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	assert.Equal(t, "pool/b", got.Provider)
	assert.Equal(t, "order-7", got.Operation)
	assert.Equal(t, b.attempts, []string{got.Attempt})
	assert.Equal(t, []string{"pool/b"}, b.paths)
	require.NoError(t, c.Report(sms.Update{Provider: got.Provider, Operation: got.Operation, Status: sms.StatusDelivered}))

	b.fails(&failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Status: 201})
	got, err = c.Send(operation(t, "order-8"), message)
	require.NoError(t, err, "a yes without a receipt is a yes through every router")
	assert.Equal(t, "pool/b", got.Provider)
	assert.Empty(t, got.ID)
	assert.Zero(t, spare.times())
}

func TestReceiptIsTheCallers(t *testing.T) {
	t.Parallel()
	kept := &sms.Receipt{ID: "SM1", Provider: "its own word", Status: sms.StatusQueued}
	a, _, c := two(t)
	keeps := func(context.Context, sms.Message) (*sms.Receipt, error) { return kept, nil }
	a.then(keeps).then(keeps)
	first, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	second, err := c.Send(operation(t, "order-8"), message)
	require.NoError(t, err)
	first.ID = "changed"
	assert.Equal(t, "order-7", first.Operation)
	assert.Equal(t, "order-8", second.Operation)
	assert.Equal(t, "SM1", second.ID)
	assert.Equal(t, &sms.Receipt{ID: "SM1", Provider: "its own word", Status: sms.StatusQueued}, kept)
}

func TestReceiptThatSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	a.then(func(context.Context, sms.Message) (*sms.Receipt, error) {
		return &sms.Receipt{Provider: "account/a", ID: "SM1", Operation: "o", Attempt: "o.9", Segments: 2}, nil
	})
	got, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{Provider: "account/a", ID: "SM1", Operation: "o", Attempt: "o.9", Segments: 2}, got)
}

// A vendor said yes, and what else it said could not be read.
func TestAcceptedWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for name, receipt := range map[string]*sms.Receipt{
		"no receipt": nil, "empty receipt": {}, "receipt without an id": {Provider: "a", Operation: "order-7", Attempt: "order-7.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, c := two(t)
			a.then(func(context.Context, sms.Message) (*sms.Receipt, error) {
				return receipt, &failover.Error{Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Status: 201}
			})
			got, err := c.Send(operation(t, "order-7"), message)
			require.NoError(t, err)
			assert.Equal(t, &sms.Receipt{Provider: "a", Operation: "order-7", Attempt: "order-7.1"}, got)
			assert.Zero(t, b.times())
		})
	}
}

func TestUncertainStops(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	a.fails(errLost)
	_, err := c.Send(operation(t, "order-7"), message)
	require.ErrorIs(t, err, failover.ErrUncertain)
	var uncertain *failover.UncertainError
	require.ErrorAs(t, err, &uncertain)
	assert.Equal(t, "a", uncertain.Attempt.Provider)
	assert.Equal(t, "order-7.1", uncertain.Attempt.ID)
	assert.Zero(t, b.times())

	_, err = c.Send(operation(t, "order-7"), message)
	require.ErrorIs(t, err, failover.ErrUncertain, "and it stays uncertain")
	assert.Equal(t, 1, a.times())
}

// A one-time password is sent by the next vendor all the same; the receipt says
// that there may be two.
func TestUncertainAndOn(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	a.fails(errLost)
	got, err := c.Send(failover.With(operation(t, "code-7"), failover.OnUncertain(failover.FailOver)), message)
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{
		Provider: "b", ID: "SM-b", Operation: "code-7", Attempt: "code-7.2", Status: sms.StatusQueued, Uncertain: true,
	}, got)
	assert.Equal(t, []int{1, 1}, []int{a.times(), b.times()})

	a.fails(errLost)
	b.refuses(failover.ClassUnauthorized, 401)
	_, err = c.Send(failover.With(operation(t, "code-8"), failover.OnUncertain(failover.FailOver)), message)
	require.ErrorIs(t, err, failover.ErrUncertain, "the last no does not undo the first maybe")
}

// Lookup finds what an attempt without an answer has become.
func TestLookup(t *testing.T) {
	t.Parallel()
	a, b := &vendor{name: "a"}, &vendor{name: "b"}
	p := a.provider()
	found, lookupErr := &sms.Receipt{ID: "SM-found", Status: sms.StatusSent}, error(nil)
	p.Lookup = func(_ context.Context, m sms.Message, attempt failover.Attempt) (*sms.Receipt, error) {
		assert.Equal(t, message, m)
		assert.Equal(t, "a", attempt.Provider)
		return found, lookupErr
	}
	c := newClient(t, nil, p, b.provider())
	a.fails(errLost).fails(errLost).fails(errLost)
	got, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{
		Provider: "a", ID: "SM-found", Operation: "order-7", Attempt: "order-7.1", Status: sms.StatusSent,
	}, got)

	found, lookupErr = nil, errors.New("cannot tell")
	_, err = c.Send(operation(t, "order-8"), message)
	require.ErrorIs(t, err, failover.ErrUncertain)

	lookupErr = failover.ErrNotFound
	got, err = c.Send(operation(t, "order-9"), message)
	require.NoError(t, err)
	assert.Equal(t, "order-9.2", got.Attempt, "what was surely not sent is sent again")
}

// What is the recipient's own ends the operation for all vendors, and is
// nobody's fault.
func TestRecipientsBlameNobody(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{"opted out": sms.ErrOptedOut, "invalid": sms.ErrInvalidRecipient} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, b, c := two(t)
			const times = 20
			for i := range times {
				a.fails(&failover.Error{
					Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Status: 400, Code: "21610",
					Message: "no " + recipient, Err: cause,
				})
				_, err := c.Send(operation(t, fmt.Sprint(i)), message)
				require.ErrorIs(t, err, cause)
				require.NotErrorIs(t, err, failover.ErrUncertain)
				assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
				assertDiscreet(t, err)
			}
			assert.Equal(t, times, a.times())
			assert.Zero(t, b.times(), "asking another vendor would evade what the recipient wants")
			status := c.Router().Status().Providers[0]
			assert.True(t, status.Ready)
			assert.Empty(t, status.Reasons)
			assert.Equal(t, failover.BreakerClosed, status.Breaker)
			assert.InDelta(t, 1, status.SuccessRate, 0)
		})
	}
}

// What the vendors' webhooks say, whenever they say it.
func TestReport(t *testing.T) {
	t.Parallel()
	delivered := sms.Update{Provider: "a", Operation: "order-7", Attempt: "order-7.1", ID: "SM1", Status: sms.StatusDelivered}
	lost := sms.Update{Provider: "a", Operation: "order-7", ID: "SM1", Status: sms.StatusFailed, Err: &failover.Error{
		Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted, Code: "30001",
	}}
	again := func(t *testing.T, c *sms.Client) error {
		t.Helper()
		_, err := c.Send(operation(t, "order-7"), message)
		return err
	}
	begun := func(t *testing.T, err error) {
		t.Helper()
		var begun *failover.DuplicateError
		require.ErrorAs(t, err, &begun)
		assert.Equal(t, "a", begun.Provider)
	}
	t.Run("delivered, after Send", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.fails(errLost)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		for range 2 {
			require.NoError(t, c.Report(delivered))
		}
		begun(t, again(t, c))
		assert.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
	t.Run("delivered, before Send has returned", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.then(func(context.Context, sms.Message) (*sms.Receipt, error) {
			require.NoError(t, c.Report(delivered))
			return nil, errLost
		})
		err := again(t, c)
		var uncertain *failover.UncertainError
		require.ErrorAs(t, err, &uncertain)
		assert.Equal(t, failover.OutcomeAccepted, uncertain.Outcome, "by then it is known")
		begun(t, again(t, c))
		assert.Equal(t, []int{1, 0}, []int{a.times(), b.times()})
	})
	t.Run("not sent, after Send", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.fails(errLost).refuses(failover.ClassUnsupported, 403)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		require.NoError(t, c.Report(lost))
		require.NoError(t, again(t, c), "what was not sent can be sent")
		assert.Equal(t, []string{"order-7.1", "order-7.2"}, a.attempts, "and no attempt has the name of another")
		assert.Equal(t, []string{"order-7.3"}, b.attempts)
	})
	t.Run("not sent, before Send has returned", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		a.then(func(context.Context, sms.Message) (*sms.Receipt, error) {
			require.NoError(t, c.Report(lost))
			return nil, errLost
		}).refuses(failover.ClassUnsupported, 403)
		require.NoError(t, again(t, c))
		assert.Equal(t, 1, b.times())
	})
	t.Run("out of order", func(t *testing.T) {
		t.Parallel()
		a, _, c := two(t)
		a.fails(errLost)
		require.ErrorIs(t, again(t, c), failover.ErrUncertain)
		for _, status := range []sms.Status{sms.StatusDelivered, sms.StatusQueued, sms.StatusSent, sms.StatusQueued} {
			require.NoError(t, c.Report(sms.Update{Provider: "a", Operation: "order-7", Status: status}))
		}
		begun(t, again(t, c))
		assert.Equal(t, 1, a.times())
	})
	t.Run("undelivered, of what was taken", func(t *testing.T) {
		t.Parallel()
		a, b, c := two(t)
		require.NoError(t, again(t, c))
		require.NoError(t, c.Report(lost))
		begun(t, again(t, c))
		assert.Equal(t, []int{1, 0}, []int{a.times(), b.times()}, "what to do about it is the application's to say")
	})
	t.Run("of an operation that is not known", func(t *testing.T) {
		t.Parallel()
		a, _, c := two(t)
		require.NoError(t, c.Report(delivered), "another process has sent it, or this one before it was started again")
		begun(t, again(t, c))
		assert.Zero(t, a.times())
	})
	t.Run("of somebody else's", func(t *testing.T) {
		t.Parallel()
		_, _, c := two(t)
		require.ErrorIs(t, c.Report(sms.Update{ID: "SM1", Status: sms.StatusDelivered}), sms.ErrNotOurs)
		require.ErrorIs(t, c.Report(sms.Update{Operation: "order-7", Status: sms.StatusDelivered}), sms.ErrNotOurs)
		require.ErrorIs(t, c.Report(sms.Update{Provider: "a", Status: sms.StatusDelivered}), sms.ErrNotOurs)
		err := c.Report(sms.Update{Provider: "z", Operation: "order-7", Status: sms.StatusDelivered})
		require.ErrorIs(t, err, failover.ErrUnknownProvider)
	})
}

// Reports of what vendors did wrong count; of what recipients did, do not.
func TestReportBlames(t *testing.T) {
	t.Parallel()
	for class, want := range map[failover.Class]failover.BreakerState{
		failover.ClassTransient: failover.BreakerOpen,
		failover.ClassInvalid:   failover.BreakerClosed,
		failover.ClassFiltered:  failover.BreakerClosed,
	} {
		t.Run(class.String(), func(t *testing.T) {
			t.Parallel()
			a, _, c := two(t)
			for i := range 6 {
				_, err := c.Send(operation(t, fmt.Sprint(i)), message)
				require.NoError(t, err)
			}
			assert.Equal(t, 6, a.times())
			for i := range 6 {
				require.NoError(t, c.Report(sms.Update{
					Provider: "a", Operation: fmt.Sprint(i), Status: sms.StatusFailed,
					Err: &failover.Error{Class: class, Outcome: failover.OutcomeNotAccepted},
				}))
			}
			assert.Equal(t, want, c.Router().Status().Providers[0].Breaker)
		})
	}
}

// The default timeout, and a provider's own, end attempts that have no answer.
func TestTimeout(t *testing.T) {
	for name, row := range map[string]struct {
		own  time.Duration
		opts []failover.Option
		want time.Duration
	}{
		"default":        {want: sms.DefaultTimeout},
		"the provider's": {own: 3 * time.Second, want: 3 * time.Second},
		"the router's":   {opts: []failover.Option{failover.WithTimeout(7 * time.Second)}, want: 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := &vendor{name: "a"}, &vendor{name: "b"}
				a.then(func(ctx context.Context, _ sms.Message) (*sms.Receipt, error) {
					<-ctx.Done()
					return nil, context.Cause(ctx)
				})
				p := a.provider()
				p.Timeout = row.own
				c := newClient(t, row.opts, p, b.provider())
				start := time.Now()
				_, err := c.Send(operation(t, "order-7"), message)
				require.ErrorIs(t, err, failover.ErrUncertain)
				require.ErrorIs(t, err, failover.ErrAttemptTimeout)
				require.NotErrorIs(t, err, context.DeadlineExceeded, "it was not the caller's")
				assert.Equal(t, row.want, time.Since(start))
				assert.Zero(t, b.times())
			})
		})
	}
}

func TestCallersContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := two(t)
		a.then(func(ctx context.Context, _ sms.Message) (*sms.Receipt, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		ctx, cancel := context.WithTimeout(operation(t, "order-7"), time.Second)
		defer cancel()
		_, err := c.Send(ctx, message)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, failover.ErrUncertain, "it may have been sent all the same")
		assert.Zero(t, b.times())
	})
}

// Many callers of one operation send one message.
func TestConcurrentOperation(t *testing.T) {
	t.Parallel()
	a, b, c := two(t)
	const callers = 16
	errs := make([]error, callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() { _, errs[i] = c.Send(operation(t, "order-7"), message) })
	}
	group.Wait()
	good := 0
	for _, err := range errs {
		var begun *failover.DuplicateError
		switch {
		case err == nil:
			good++
		case !errors.As(err, &begun):
			t.Errorf("unexpected: %v", err)
		}
	}
	assert.Equal(t, 1, good)
	assert.Equal(t, 1, a.times()+b.times())
}

func TestClosed(t *testing.T) {
	t.Parallel()
	a, _, c := two(t)
	require.NoError(t, c.Close())
	_, err := c.Send(t.Context(), message)
	require.ErrorIs(t, err, failover.ErrClosed)
	assert.Zero(t, a.times())
}

// Neither number nor text gets into errors, events, logs or status.
func TestDiscretion(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	var mu sync.Mutex
	tell := func(what any) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&log, "%v %+v %#v\n", what, what, what)
	}
	a, b := &vendor{name: "a"}, &vendor{name: "b"}
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c := newClient(t, []failover.Option{
		failover.WithLogger(logger), failover.WithObserver(func(_ context.Context, e failover.Event) { tell(e) }),
	}, a.provider(), b.provider())
	a.fails(&failover.Error{
		Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted, Status: 403, Message: recipient + " " + secret,
		Err: errors.New(recipient + " " + secret),
	}).fails(errors.New(recipient + " " + secret + " " + hook))
	_, err := c.Send(operation(t, "order-7"), message)
	require.NoError(t, err)
	_, err = c.Send(operation(t, "order-8"), message)
	require.ErrorIs(t, err, failover.ErrUncertain)
	assertDiscreet(t, err)
	require.NoError(t, c.Report(sms.Update{Provider: "a", Operation: "order-8", Status: sms.StatusFailed, Err: &failover.Error{
		Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Message: recipient, Err: errors.New(recipient),
	}}))
	status, err := json.Marshal(c.Router().Status())
	require.NoError(t, err)
	log.Write(status)
	require.NotZero(t, log.Len())
	assertSilent(t, log.String())
}

func assertDiscreet(t *testing.T, err error) {
	t.Helper()
	text, jsonErr := json.Marshal(err)
	require.NoError(t, jsonErr)
	assertSilent(t, fmt.Sprintf("%v %+v %#v %q %s", err, err, err, err, text))
}

func assertSilent(t *testing.T, text string) {
	t.Helper()
	for _, s := range []string{strings.TrimPrefix(recipient, "+"), secret, "471133", "hooks.example.org", "sesame"} {
		assert.NotContains(t, text, s)
	}
}
