package providertest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// testTime runs under fake time: a call ends at the very moment it should.
func (o operation) testTime(t *testing.T) {
	const deadline, cancelled = 5 * time.Second, 2 * time.Second
	for _, fault := range []vendorsim.Fault{
		vendorsim.Silence(), vendorsim.Stall(), vendorsim.SlowFirstByte(time.Hour), vendorsim.Trickle(1, time.Minute),
	} {
		inBubble(t, "deadline in "+fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			err := o.call(t, s)(ctx)
			wantEnded(t, err, context.DeadlineExceeded, "the caller's deadline")
			wantAt(t, start, deadline)
			wantGone(t, s)
		})
		inBubble(t, "cancel in "+fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(cancelled, cancel)
			start := time.Now()
			err := o.call(t, s)(ctx)
			wantEnded(t, err, context.Canceled, "the caller's cancel")
			wantAt(t, start, cancelled)
			wantGone(t, s)
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.SlowFirstByte(time.Minute), vendorsim.Trickle(2000, time.Second)} {
		inBubble(t, "patience with "+fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			if err := o.call(t, s)(t.Context()); err != nil {
				t.Fatalf("a slow answer failed, though its context had not ended: %v; how long to wait is the router's to say", err)
			}
		})
	}
}

func wantAt(t *testing.T, start time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(start); took != want {
		t.Errorf("the call returned after %v, want %v: it must end with its context", took, want)
	}
}

// wantGone checks that the vendor saw the client leave: nothing goes on behind
// the caller's back.
func wantGone(t *testing.T, s *vendorsim.Server) {
	t.Helper()
	synctest.Wait()
	if got := s.Stats(); got.Requests != 1 || got.Disconnects != 1 {
		t.Errorf("the vendor saw %d requests and %d clients leave, want 1 and 1", got.Requests, got.Disconnects)
	}
}

func (o operation) testHealth(t *testing.T) {
	inBubble(t, "good", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		check := o.check(t, s)
		for range 2 {
			if err := check(t.Context()); err != nil {
				t.Errorf("Check of a healthy vendor failed: %v", err)
			}
		}
		wantRequests(t, s, 2)
		for _, r := range s.Requests() {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				t.Errorf("Check sent a %s: a probe must be free and change nothing", r.Method)
			}
		}
	})
	inBubble(t, "wrong key", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		_, check := o.make(t, strangeKey, s, s.Client())
		if check == nil {
			t.Skip("the provider has no Check")
		}
		wantClass(t, check(t.Context()), failover.ClassUnauthorized, "Check with a refused key")
	})
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(http.StatusInternalServerError), failover.ClassTransient},
		{vendorsim.Status(http.StatusTooManyRequests), failover.ClassRateLimited},
		{vendorsim.ResetAfterRead(), failover.ClassTransient},
		{vendorsim.HangUp(), failover.ClassTransient},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Empty(), failover.ClassIncomplete},
	} {
		inBubble(t, row.fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			check := o.check(t, s)
			s.FailAlways(row.fault)
			wantClass(t, check(t.Context()), row.want, "Check of a vendor with "+row.fault.String())
			wantRequests(t, s, 1)
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall()} {
		inBubble(t, fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			check := o.check(t, s)
			s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			wantEnded(t, check(ctx), context.DeadlineExceeded, "Check of a silent vendor")
			wantAt(t, start, time.Second)
		})
	}
	inBubble(t, "refused", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		check := o.check(t, s)
		s.Down()
		wantClass(t, check(t.Context()), failover.ClassTransient, "Check of a vendor that is down")
	})
}

// testConcurrency has many callers at once, every third of which meets a
// fault. Run it with -race.
func (o operation) testConcurrency(t *testing.T) {
	inBubble(t, "many callers", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		const callers = 24
		call := o.call(t, s)
		s.Flap(2, 1, vendorsim.Status(503))
		errs := make([]error, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() { errs[i] = call(t.Context()) })
		}
		wg.Wait()
		failed := 0
		for _, err := range errs {
			if err != nil {
				failed++
				wantClass(t, err, failover.ClassTransient, "a 503 among concurrent calls")
			}
		}
		if failed != callers/3 {
			t.Errorf("%d of %d concurrent calls failed, want %d: one call's failure must not touch another", failed, callers, callers/3)
		}
		wantRequests(t, s, callers)
	})
}
