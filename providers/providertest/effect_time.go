package providertest

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// deadline is when calls end that would not end by themselves.
const deadline = 5 * time.Second

// errLeft is why a caller left.
var errLeft = errors.New("the caller has left")

// testTime runs under fake time: a call ends at the very moment it should, and
// says what may have become of it.
func (e *effect[Req, Resp]) testTime(t *testing.T) {
	for _, fault := range []vendorsim.Fault{
		vendorsim.Silence(), vendorsim.Processed(vendorsim.Silence()), vendorsim.SlowFirstByte(time.Hour),
	} {
		e.ended(t, fault, failover.OutcomeUnknown)
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Stall(), vendorsim.Trickle(1, time.Minute)} {
		e.ended(t, fault, failover.OutcomeAccepted)
	}
	for _, fault := range []vendorsim.Fault{vendorsim.SlowFirstByte(time.Minute), vendorsim.Trickle(16, time.Second)} {
		e.bubble(t, "patience with "+fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			l.s.FailAlways(fault)
			got, err := l.send(t.Context(), e.req)
			if err != nil {
				t.Fatalf("a slow answer failed, though its context had not ended: %v; how long to wait is the router's to say", err)
			}
			l.wantReceipt(t, got, l.p.Name, true)
		})
	}
}

// end is a way for a caller to end a call.
type end struct {
	name    string
	context func(ctx context.Context) (context.Context, context.CancelFunc)
	matches []error // any of these says it
}

// ends are all ways, each after the deadline.
func ends() []end {
	return []end{
		{"deadline", func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, deadline)
		}, []error{context.DeadlineExceeded}},
		{"cancel", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(deadline, cancel)
			return ctx, cancel
		}, []error{context.Canceled}},
		{"cancel with a cause", func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(deadline, func() { cancel(errLeft) })
			return ctx, func() { cancel(nil) }
		}, []error{errLeft, context.Canceled}},
	}
}

// wantEnded checks the error of a call that its context ended.
func (l *line[Req, Resp]) wantEnded(t *testing.T, err error, end end, outcome failover.Outcome, when string) {
	t.Helper()
	l.wantOutcome(t, err, outcome, when)
	if !slices.ContainsFunc(end.matches, func(want error) bool { return errors.Is(err, want) }) {
		t.Errorf("%s: the error does not match %v: %v", when, end.matches[0], err)
	}
}

// ended has calls that the context ends, in each way that it can.
func (e *effect[Req, Resp]) ended(t *testing.T, fault vendorsim.Fault, outcome failover.Outcome) {
	t.Helper()
	for _, end := range ends() {
		e.bubble(t, end.name+" in "+fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			l.s.FailAlways(fault)
			ctx, cancel := end.context(t.Context())
			defer cancel()
			start := time.Now()
			got, err := l.send(ctx, e.req)
			wantAt(t, start, deadline)
			wantGone(t, l.s)
			when := "the caller's " + end.name
			l.wantEnded(t, err, end, outcome, when)
			if outcome == failover.OutcomeAccepted {
				l.wantReceipt(t, got, l.p.Name, false)
				return
			}
			class := failover.Classify(err).Class
			if errors.Is(end.matches[0], context.DeadlineExceeded) && class != failover.ClassTimeout {
				t.Errorf("%s: the error is of class %v, want %v: time ran out, the answer was not at fault (%v)",
					when, class, failover.ClassTimeout, err)
			}
		})
	}
}

// testConcurrency has many callers at once, every third of which meets a
// fault. Run it with -race.
func (e *effect[Req, Resp]) testConcurrency(t *testing.T) {
	e.bubble(t, "many callers", func(t *testing.T, l *line[Req, Resp]) {
		const callers = 24
		l.s.Flap(2, 1, vendorsim.Status(503))
		receipts, errs, wanted := make([]*receipt, callers), make([]error, callers), make([]string, callers)
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				within(t.Context(), l.p.Name, anOperation+" #"+strconv.Itoa(i), func(ctx context.Context) {
					wanted[i] = failover.AttemptID(ctx)
					receipts[i], errs[i] = l.do(ctx, e.req)
				})
			})
		}
		group.Wait()
		failed, ids := 0, map[string]bool{}
		for i, err := range errs {
			switch got := receipts[i]; {
			case err != nil:
				failed++
				l.wantClass(t, err, failover.ClassTransient, failover.OutcomeUnknown, "a 503 among concurrent calls")
			case got == nil || got.attempt != wanted[i]:
				t.Errorf("the receipt of attempt %q is of another: %+v", wanted[i], got)
			default:
				ids[got.id] = true
			}
		}
		if failed != callers/3 || len(ids) != callers-failed {
			t.Errorf("%d of %d concurrent calls failed, want %d; the others have %d ids: one call must not touch another",
				failed, callers, callers/3, len(ids))
		}
		l.wantSent(t, callers, callers-callers/3)
	})
}
