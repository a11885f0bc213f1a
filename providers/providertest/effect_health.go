package providertest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// testHealth is that of TTS, and sees that a probe carries nothing out.
func (e *effect[Req, Resp]) testHealth(t *testing.T) {
	probed := func(name string, test func(t *testing.T, l *line[Req, Resp])) {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			if l.p.Check == nil {
				t.Skip("the provider has no Check")
			}
			test(t, l)
			if n := len(l.carrier.Processed()); n > 0 {
				t.Errorf("Check made the vendor carry out %d requests: a probe must be free and change nothing", n)
			}
		})
	}
	probed("good", func(t *testing.T, l *line[Req, Resp]) {
		for range 2 {
			if err := l.p.Check(t.Context()); err != nil {
				t.Errorf("Check of a healthy vendor failed: %v", err)
			}
		}
		wantRequests(t, l.s, 2)
		for _, r := range l.s.Requests() {
			if r.Method != http.MethodGet && r.Method != http.MethodHead {
				t.Errorf("Check sent a %s: a probe must be free and change nothing", r.Method)
			}
		}
	})
	probed("wrong key", func(t *testing.T, l *line[Req, Resp]) {
		l.adapt(t, Account{Key: strangeKey, BaseURL: l.s.URL(), Client: l.s.Client(), PublicKey: l.carrier.PublicKey})
		l.wantIll(t, l.p.Check(t.Context()), failover.ClassUnauthorized, "Check with a refused key")
	})
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(http.StatusInternalServerError), failover.ClassTransient},
		{vendorsim.Status(http.StatusTooManyRequests), failover.ClassRateLimited},
		{vendorsim.Status(http.StatusPaymentRequired), failover.ClassExhausted},
		{vendorsim.ResetAfterRead(), failover.ClassTransient},
		{vendorsim.HangUp(), failover.ClassTransient},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Empty(), failover.ClassIncomplete},
		{vendorsim.Cut(), failover.ClassIncomplete},
	} {
		probed(row.fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			l.s.FailAlways(row.fault)
			l.wantIll(t, l.p.Check(t.Context()), row.want, "Check of a vendor with "+row.fault.String())
			wantRequests(t, l.s, 1)
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall()} {
		probed(fault.String(), func(t *testing.T, l *line[Req, Resp]) {
			l.s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			wantEnded(t, l.p.Check(ctx), context.DeadlineExceeded, "Check of a silent vendor")
			wantAt(t, start, time.Second)
		})
	}
	probed("refused", func(t *testing.T, l *line[Req, Resp]) {
		l.s.Down()
		l.wantIll(t, l.p.Check(t.Context()), failover.ClassTransient, "Check of a vendor that is down")
	})
}

// wantIll checks an error of something that has no side effect, whose outcome
// means nothing.
func (l *line[Req, Resp]) wantIll(t *testing.T, err error, want failover.Class, when string) {
	t.Helper()
	wantClass(t, err, want, when)
	l.e.wantDiscreet(t, err)
}
