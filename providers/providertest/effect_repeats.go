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

// testRepeats holds a provider to its Dedupes: the same attempt may come twice,
// and must be carried out once.
func (e *effect[Req, Resp]) testRepeats(t *testing.T) {
	repeats := func(name string, test func(t *testing.T, l *line[Req, Resp])) {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			if !l.p.Dedupes {
				t.Skip("the provider does not say that its vendor drops repeats")
			}
			test(t, l)
		})
	}
	// An attempt is repeated if it had no answer.
	twice := func(t *testing.T, l *line[Req, Resp], fault vendorsim.Fault, after time.Duration) (err error) {
		t.Helper()
		l.s.Fail(fault)
		within(t.Context(), l.p.Name, anOperation, func(ctx context.Context) {
			_, unanswered := l.do(ctx, e.req)
			l.wantOutcome(t, unanswered, failover.OutcomeUnknown, fault.String())
			<-time.After(after)
			_, err = l.do(ctx, e.req)
		})
		return err
	}
	lost := vendorsim.ResetAfterRead()
	for _, fault := range []vendorsim.Fault{lost, vendorsim.Processed(lost), vendorsim.Processed(vendorsim.Status(http.StatusBadGateway))} {
		repeats("the same attempt after "+fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			if err := twice(t, l, fault, 0); err != nil && failover.Classify(err).Outcome != failover.OutcomeAccepted {
				t.Errorf("the repeat of an attempt failed: %v", err)
			}
			if n := len(l.carrier.Processed()); n != 1 {
				t.Errorf("the same attempt was carried out %d times: Dedupes promises once", n)
			}
		})
	}
	repeats("other attempts", func(t *testing.T, l *line[Req, Resp]) {
		for range 2 {
			if _, err := l.do(t.Context(), e.req); err != nil {
				t.Fatalf("Do failed: %v", err)
			}
		}
		if n := len(l.carrier.Processed()); n != 2 {
			t.Errorf("two requests without an attempt were carried out %d times: nothing says that they are the same", n)
		}
	})
	repeats("after the vendor has forgotten it", func(t *testing.T, l *line[Req, Resp]) {
		if e.window == 0 {
			t.Skip("the vendor forgets nothing")
		}
		err := twice(t, l, vendorsim.Processed(lost), e.window+time.Second)
		l.wantSent(t, 1, 1)
		l.wantOutcome(t, err, failover.OutcomeUnknown, "a repeat that the vendor would not know")
	})
	repeats("by a router", func(t *testing.T, l *line[Req, Resp]) {
		router, err := failover.New(failover.Providers(l.p))
		if err != nil {
			t.Fatalf("no router can be made of the provider: %v", err)
		}
		l.s.Fail(vendorsim.Processed(lost))
		if _, err := router.Do(failover.Operation(t.Context(), anOperation), e.req); err != nil {
			t.Errorf("an attempt that was repeated where that is safe failed: %v", err)
		}
		l.wantSent(t, 2, 1)
	})
}

// testFailover puts the provider before another, breaks it at every moment,
// and counts what recipients got.
func (e *effect[Req, Resp]) testFailover(t *testing.T) {
	e.failover(t, vendorsim.None())
	for _, fault := range []vendorsim.Fault{
		vendorsim.ResetAfterRead(), vendorsim.HangUp(), vendorsim.Garbage(), vendorsim.HalfHeader(), vendorsim.Silence(),
		vendorsim.SlowFirstByte(time.Hour), vendorsim.Stall(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(),
		vendorsim.BadChunk(), vendorsim.Truncate(), vendorsim.Empty(), vendorsim.Page(),
	} {
		e.failover(t, fault)
		e.failover(t, vendorsim.Processed(fault))
	}
	for _, status := range statuses {
		e.failover(t, vendorsim.Status(status))
	}
	for _, status := range doubtful {
		e.failover(t, vendorsim.Processed(vendorsim.Status(status)))
	}
	e.failover(t, vendorsim.Reset())
	e.failover(t, vendorsim.Redirect(http.StatusTemporaryRedirect, "http://elsewhere.test/collect"))
}

func (e *effect[Req, Resp]) failover(t *testing.T, fault vendorsim.Fault) {
	t.Helper()
	e.bubble(t, fault.String(), func(t *testing.T, l *line[Req, Resp]) {
		spare := 0
		client, err := e.serve(l.p, failover.Provider[Req, Resp]{
			Name: "spare", SideEffect: true,
			Do: func(context.Context, Req) (resp Resp, err error) {
				spare++
				return resp, &failover.Error{Outcome: failover.OutcomeAccepted}
			},
		})
		if err != nil {
			t.Fatalf("no client can be made of the provider: %v", err)
		}
		l.s.Fail(fault) // once: what sends again has its effect
		got, err := client.send(failover.Operation(t.Context(), anOperation), e.req)
		carriedOut := len(l.carrier.Processed())
		if carriedOut+spare > 1 {
			t.Errorf("the recipient got %d: %d by the provider and %d by the next", carriedOut+spare, carriedOut, spare)
		}
		switch {
		case err == nil && got == nil:
			t.Error("success without a receipt")
		case err != nil && !errors.Is(err, failover.ErrUncertain) && carriedOut+spare > 0:
			t.Errorf("the caller was told that nothing was sent, and it was: %v", err)
		}
		if err != nil {
			e.wantDiscreet(t, err)
		}
	})
}
