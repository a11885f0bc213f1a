package providertest

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// testLookup asks what became of attempts without an answer. What Lookup says
// is believed: "not found" is a licence to send again.
func (e *effect[Req, Resp]) testLookup(t *testing.T) {
	run := func(name string, test func(t *testing.T, l *line[Req, Resp])) {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			if l.p.Lookup == nil {
				t.Skip("the provider has no Lookup")
			}
			test(t, l)
		})
	}
	run("carried out", func(t *testing.T, l *line[Req, Resp]) { l.testFound(t) })
	run("carried out, and another like it", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := l.send(t.Context(), e.req); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		a := l.unanswered(t, vendorsim.Processed(vendorsim.ResetAfterRead()))
		got, err := l.lookup(t.Context(), a)
		right := err == nil && got != nil && got.id == l.carrier.Processed()[1]
		if errors.Is(err, failover.ErrNotFound) || err == nil && !right {
			t.Errorf("Lookup says %+v (%v) where two could be meant: it cannot tell", got, err)
		}
	})
	run("not carried out", func(t *testing.T, l *line[Req, Resp]) {
		a := l.unanswered(t, vendorsim.ResetAfterRead())
		if got, err := l.lookup(t.Context(), a); err == nil {
			t.Errorf("Lookup found %+v, and nothing was carried out", got)
		}
	})
	run("not carried out, unlike another before", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := l.send(t.Context(), e.req); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		<-time.After(time.Hour)
		a := l.unanswered(t, vendorsim.ResetAfterRead())
		if got, err := l.lookup(t.Context(), a); err == nil {
			t.Errorf("Lookup found %+v, which is of another operation: it cannot tell", got)
		}
	})
	for _, fault := range []vendorsim.Fault{
		vendorsim.Status(http.StatusUnauthorized), vendorsim.Status(http.StatusNotFound), vendorsim.Status(http.StatusTooManyRequests),
		vendorsim.Status(http.StatusInternalServerError), vendorsim.ResetAfterRead(), vendorsim.Page(), vendorsim.Empty(), vendorsim.Cut(),
		vendorsim.Body(http.StatusOK, "application/json", "{}"), vendorsim.Silence(),
	} {
		run(fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			a := l.unanswered(t, vendorsim.Processed(vendorsim.ResetAfterRead()))
			l.s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			got, err := l.lookup(ctx, a)
			if err == nil || errors.Is(err, failover.ErrNotFound) {
				t.Fatalf("Lookup says %+v (%v) to %v: it cannot tell", got, err, fault)
			}
			e.wantDiscreet(t, err)
		})
	}
}

func (l *line[Req, Resp]) testFound(t *testing.T) {
	t.Helper()
	a := l.unanswered(t, vendorsim.Processed(vendorsim.ResetAfterRead()))
	before := len(l.s.Requests())
	got, err := l.lookup(t.Context(), a)
	switch {
	case errors.Is(err, failover.ErrNotFound):
		t.Error("Lookup says that an attempt had no effect, and it had one: it would be sent again")
	case err == nil && (got == nil || got.id != l.carrier.Processed()[0]):
		t.Errorf("Lookup found %+v, want %q", got, l.carrier.Processed()[0])
	case err == nil:
		l.wantReceipt(t, got, l.p.Name, true)
	}
	for _, r := range l.s.Requests()[before:] {
		if r.Method != http.MethodGet {
			t.Errorf("Lookup sent a %s: it must change nothing", r.Method)
		}
	}
}

// unanswered sends a request that gets no answer.
func (l *line[Req, Resp]) unanswered(t *testing.T, fault vendorsim.Fault) failover.Attempt {
	t.Helper()
	l.s.Fail(fault)
	start := time.Now()
	_, err := l.send(t.Context(), l.e.req)
	l.wantOutcome(t, err, failover.OutcomeUnknown, fault.String())
	return failover.Attempt{
		Provider: l.p.Name, Operation: l.operation, ID: l.attempt, Number: 1, Start: start, Duration: time.Since(start),
	}
}

// lookup asks as a router does: in a call of the operation, but in no attempt.
func (l *line[Req, Resp]) lookup(ctx context.Context, a failover.Attempt) (*receipt, error) {
	resp, err := l.p.Lookup(failover.Operation(ctx, a.Operation), l.e.req, a)
	return l.e.seen(resp), err
}
