package providertest

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
)

// calls is a vendor and a provider that looks after its calls.
type calls struct {
	*line[call.Request, *call.Call]

	p call.Provider
}

// testCalls has calls looked at, listed and ended by who placed them.
func (c Call) testCalls(t *testing.T, e *effect[call.Request, *call.Call]) {
	run := func(t *testing.T, name string, test func(t *testing.T, l calls)) {
		t.Helper()
		e.bubble(t, name, func(t *testing.T, l *line[call.Request, *call.Call]) {
			made, err := c.New(Account{Key: Key, BaseURL: l.s.URL(), Client: l.s.Client(), PublicKey: l.carrier.PublicKey})
			if err != nil {
				t.Fatalf("New failed: %v", err)
			}
			test(t, calls{line: l, p: made.Provider})
		})
	}
	run(t, "looked at", func(t *testing.T, l calls) { l.testGet(t) })
	run(t, "hung up", func(t *testing.T, l calls) { l.testHangup(t) })
	for _, id := range []string{c.Unknown, "x/../../balance?a=b#c", "%2e%2e"} {
		run(t, "unknown "+id, func(t *testing.T, l calls) { c.testUnknown(t, l, id) })
	}
	c.testCallFaults(t, run)
	run(t, "listed", func(t *testing.T, l calls) { c.testList(t, l) })
}

func (l calls) testGet(t *testing.T) {
	placed := l.placed(t)
	l.needs(t, l.p.Get != nil, "Get")
	before := len(l.s.Requests())
	got, err := l.p.Get(t.Context(), placed.ID)
	for _, r := range l.s.Requests()[before:] {
		if r.Method != http.MethodGet {
			t.Errorf("Get sent a %s", r.Method)
		}
	}
	switch {
	case err != nil:
		t.Fatalf("Get failed: %v", err)
	case got == nil || got.ID != placed.ID:
		t.Fatalf("Get returns %+v for the call %q", got, placed.ID)
	case got.Status == call.StatusUnknown || got.Status.Final():
		t.Errorf("the Status of a call that was just placed is %q", got.Status)
	}
	l.wantSent(t, before+1, 1)
}

func (l calls) testHangup(t *testing.T) {
	placed := l.placed(t)
	l.needs(t, l.p.Hangup != nil, "Hangup")
	for range 2 { // it is over the second time
		if err := l.p.Hangup(t.Context(), placed.ID); err != nil {
			t.Fatalf("Hangup failed: %v; a call that is over is no error", err)
		}
		if l.p.Get == nil {
			continue
		}
		if got, err := l.p.Get(t.Context(), placed.ID); err != nil || !got.Status.Final() {
			t.Errorf("after Hangup the call is %+v (%v)", got, err)
		}
	}
	if n := len(l.carrier.Processed()); n != 1 {
		t.Errorf("%d calls were placed: Hangup places none", n)
	}
}

// placed places a call.
func (l calls) placed(t *testing.T) *call.Call {
	t.Helper()
	placed, err := l.p.Do(t.Context(), l.e.req)
	if err != nil || placed == nil {
		t.Fatalf("Do failed: %v", err)
	}
	return placed
}

func (l calls) needs(t *testing.T, has bool, what string) {
	t.Helper()
	if !has {
		t.Skip("the provider has no " + what)
	}
}

// testUnknown has an id that is of no call, or is none.
func (c Call) testUnknown(t *testing.T, l calls, id string) {
	if id == "" {
		t.Fatal("providertest: Call.Unknown is empty")
	}
	if l.p.Get != nil {
		got, err := l.p.Get(t.Context(), id)
		if err == nil {
			t.Fatalf("Get returns %+v for a call that the vendor does not know", got)
		}
		if id == c.Unknown {
			l.wantIll(t, err, failover.ClassUnsupported, "Get of a call that the vendor does not know")
		}
	}
	if l.p.Hangup != nil {
		err := l.p.Hangup(t.Context(), id)
		if err == nil {
			t.Error("Hangup of a call that the vendor does not know succeeded")
		} else {
			l.e.wantDiscreet(t, err)
		}
	}
	for _, r := range l.s.Requests() {
		if !strings.Contains(r.Path, url.PathEscape(id)) {
			t.Errorf("the id %q has become the path %q: escape it, or refuse it", id, r.Path)
		}
	}
}

// testCallFaults breaks what looks after calls.
func (c Call) testCallFaults(t *testing.T, run func(t *testing.T, name string, test func(t *testing.T, l calls))) {
	ask := map[string]func(p call.Provider) func(ctx context.Context, id string) error{
		"Get": func(p call.Provider) func(ctx context.Context, id string) error {
			if p.Get == nil {
				return nil
			}
			return func(ctx context.Context, id string) error {
				_, err := p.Get(ctx, id)
				return err
			}
		},
		"Hangup": func(p call.Provider) func(ctx context.Context, id string) error { return p.Hangup },
		"List": func(p call.Provider) func(ctx context.Context, id string) error {
			if p.List == nil {
				return nil
			}
			return func(ctx context.Context, _ string) error {
				_, err := p.List(ctx, call.Filter{})
				return err
			}
		},
	}
	each := func(name string, test func(t *testing.T, l calls, what string, ask func(ctx context.Context) error)) {
		for what, of := range ask {
			run(t, name+", "+what, func(t *testing.T, l calls) {
				id := l.placed(t).ID
				asked := of(l.p)
				l.needs(t, asked != nil, what)
				test(t, l, what, func(ctx context.Context) error { return asked(ctx, id) })
				if n := len(l.carrier.Processed()); n != 1 {
					t.Errorf("%d calls were placed: %s places none", n, what)
				}
			})
		}
	}
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.Status(http.StatusUnauthorized), failover.ClassUnauthorized},
		{vendorsim.Status(http.StatusTooManyRequests).RetryAfter(7), failover.ClassRateLimited},
		{vendorsim.Status(http.StatusInternalServerError), failover.ClassTransient},
		{vendorsim.Status(http.StatusServiceUnavailable), failover.ClassTransient},
		{vendorsim.ResetAfterRead(), failover.ClassTransient},
		{vendorsim.HangUp(), failover.ClassTransient},
		{vendorsim.Redirect(http.StatusTemporaryRedirect, "http://elsewhere.test/collect"), failover.ClassUnsupported},
		{vendorsim.Redirect(http.StatusFound, "http://elsewhere.test/collect"), failover.ClassUnsupported},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Cut(), failover.ClassIncomplete},
		{vendorsim.Empty(), failover.ClassIncomplete},
	} {
		each(row.fault.String(), func(t *testing.T, l calls, what string, ask func(ctx context.Context) error) {
			l.s.FailAlways(row.fault)
			err := ask(t.Context())
			if err == nil && what == "Hangup" && row.want == failover.ClassIncomplete {
				return // a 2xx is a yes
			}
			l.wantIll(t, err, row.want, what+" with "+row.fault.String())
			if got := failover.Classify(err).RetryAfter; row.want == failover.ClassRateLimited && got != 7*time.Second {
				t.Errorf("Error.RetryAfter is %v, want 7s", got)
			}
		})
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.SlowFirstByte(time.Hour)} {
		each("deadline in "+fault.String(), func(t *testing.T, l calls, what string, ask func(ctx context.Context) error) {
			l.s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			wantEnded(t, ask(ctx), context.DeadlineExceeded, what+" of a silent vendor")
			wantAt(t, start, deadline)
		})
	}
}

// listed are how many calls there are in testList: more than are listed
// without a limit.
const listed = 55

func (c Call) testList(t *testing.T, l calls) {
	l.needs(t, l.p.List != nil, "List")
	other := l.e.req
	other.To = otherNumber(other.To)
	for i := range listed {
		req := l.e.req
		if i%5 == 0 {
			req = other
		}
		if _, err := l.p.Do(t.Context(), req); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		<-time.After(time.Second)
	}
	ids := l.carrier.Processed()
	for name, row := range map[string]struct {
		filter call.Filter
		want   int
	}{
		"without a filter": {call.Filter{}, 50},
		"all":              {call.Filter{Limit: 1000}, listed},
		"the last three":   {call.Filter{Limit: 3}, 3},
		"to one number":    {call.Filter{To: other.To}, listed / 5},
		"to nobody":        {call.Filter{To: otherNumber(other.To)}, 0},
		"over":             {call.Filter{Status: call.StatusCompleted}, 0},
	} {
		got, err := l.p.List(t.Context(), row.filter)
		if err != nil {
			t.Fatalf("List %s failed: %v", name, err)
		}
		if len(got) != row.want {
			t.Errorf("List %s returns %d calls, want %d", name, len(got), row.want)
		}
		for i, one := range got {
			switch {
			case one.ID == "" || one.Status == call.StatusUnknown:
				t.Errorf("List %s: a call without id or status: %+v", name, one)
			case row.filter.To == "" && one.ID != ids[len(ids)-1-i]:
				t.Fatalf("List %s: call %d is %q, want %q: the newest first", name, i, one.ID, ids[len(ids)-1-i])
			case row.filter.To != "" && one.To != row.filter.To:
				t.Errorf("List %s has a call to another number", name)
			}
		}
	}
}

// otherNumber is the same number but for its last digit.
func otherNumber(to string) string {
	last := to[len(to)-1]
	return to[:len(to)-1] + string('0'+(last-'0'+1)%10)
}
