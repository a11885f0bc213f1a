package providertest

import (
	"context"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/internal/vendorsim"
)

func (e *effect[Req, Resp]) testSuccess(t *testing.T) {
	e.bubble(t, "the provider itself", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := failover.New(failover.Providers(l.p)); err != nil {
			t.Errorf("no router can be made of the provider: %v", err)
		}
		if !l.p.SideEffect {
			t.Error("SideEffect is not set: a router would carry a request out at two providers")
		}
		if l.p.Supports != nil && !l.p.Supports(e.req) {
			t.Error("Supports says no to a request that is said to be served")
		}
	})
	e.bubble(t, "taken", func(t *testing.T, l *line[Req, Resp]) {
		got, err := l.send(t.Context(), e.req)
		if err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		l.wantSent(t, 1, 1)
		l.wantReceipt(t, got, l.p.Name, true)
		if ids := l.carrier.Processed(); len(ids) == 1 && got.id != ids[0] {
			t.Errorf("the receipt's ID is %q, want the vendor's %q", got.id, ids[0])
		}
		l.wantCarried(t, e.carried...)
	})
	e.bubble(t, "inside another router", func(t *testing.T, l *line[Req, Resp]) {
		path := "pool/" + l.p.Name
		got, err := l.sendAs(t.Context(), path, e.req)
		if err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		l.wantReceipt(t, got, path, true)
	})
	e.bubble(t, "outside of any router", func(t *testing.T, l *line[Req, Resp]) {
		got, err := l.do(t.Context(), e.req)
		switch {
		case err != nil:
			t.Fatalf("Do failed: %v", err)
		case got == nil:
			t.Fatal("there is no receipt")
		case got.provider != l.p.Name || got.operation != "" || got.attempt != "":
			t.Errorf("the receipt says provider %q, operation %q, attempt %q; want the provider's name and nothing more",
				got.provider, got.operation, got.attempt)
		}
	})
	e.tcp(t, "over TCP", func(t *testing.T, l *line[Req, Resp]) {
		for i := range 4 { // all but the first on a connection that was used before
			l.s.Fail([]vendorsim.Fault{vendorsim.None(), vendorsim.Body(http.StatusTooManyRequests, "text/plain", Canary)}[i%2])
			if _, err := l.send(t.Context(), e.req); (err == nil) != (i%2 == 0) {
				t.Fatalf("call %d: %v", i+1, err)
			}
		}
		if n := l.s.Stats().Connections; n != 1 {
			t.Errorf("calls one after the other, some of them refused, took %d connections, want 1: read every answer to its end", n)
		}
	})
	e.testSenders(t)
}

// testSenders sees that what the vendor is told is what the name stands for.
func (e *effect[Req, Resp]) testSenders(t *testing.T) {
	for _, from := range slices.Sorted(maps.Keys(e.senders)) {
		e.bubble(t, "from "+quoted(from), func(t *testing.T, l *line[Req, Resp]) {
			req := e.from(e.req, from)
			if l.p.Supports != nil && !l.p.Supports(req) {
				t.Errorf("Supports says no to the sender %q, which is the provider's", from)
			}
			if _, err := l.send(t.Context(), req); err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			l.wantCarried(t, e.senders[from])
		})
	}
}

// quoted is a sender as the name of a subtest.
func quoted(from string) string {
	if from == "" {
		return "nobody in particular"
	}
	return from
}

// testCallback sees that a status webhook can be tied to its attempt.
func (e *effect[Req, Resp]) testCallback(t *testing.T) {
	for _, path := range []string{"", "pool/"} {
		e.bubble(t, path+"provider", func(t *testing.T, l *line[Req, Resp]) {
			path += l.p.Name
			got, err := l.sendAs(t.Context(), path, e.hooked)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			l.wantReceipt(t, got, path, true)
			l.wantTagged(t, phone.Tag{Operation: got.operation, Attempt: got.attempt, Provider: path})
		})
	}
	e.bubble(t, "outside of any router", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := l.do(t.Context(), e.hooked); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		for _, address := range l.callbacks() {
			wantOwn(t, address)
			if strings.Contains(address, "failover_") {
				t.Errorf("the callback has become %q: there is no attempt to name", address)
			}
		}
	})
	e.bubble(t, "none", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := l.send(t.Context(), e.req); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		for _, text := range l.said() {
			if strings.Contains(text, "failover_operation") {
				t.Errorf("there is no StatusCallback, and the vendor was told %q", text)
			}
		}
	})
}

// wantTagged checks what the vendor was told of where to tell.
func (l *line[Req, Resp]) wantTagged(t *testing.T, want phone.Tag) {
	t.Helper()
	addresses := l.callbacks()
	if len(addresses) == 0 {
		t.Fatal("the vendor was not told the StatusCallback")
	}
	for _, address := range addresses {
		if tag := phone.FromURL(address); tag != want {
			t.Errorf("the callback's parameters failover_operation, failover_attempt and failover_provider say %+v, want %+v: "+
				"without them no webhook finds its attempt", tag, want)
		}
		wantOwn(t, address)
	}
}

// wantOwn checks that the application's own of an address is all there: every
// value, and those of one name in their order. How they are written is the
// adapter's to choose.
func wantOwn(t *testing.T, address string) {
	t.Helper()
	own, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	got, err := url.Parse(address)
	if err != nil {
		t.Errorf("the callback has become %q, which is no address", address)
		return
	}
	if got.Scheme != own.Scheme || got.Host != own.Host || got.EscapedPath() != own.EscapedPath() {
		t.Errorf("the callback has become %q, want what comes before its query as it was", address)
	}
	for name, values := range own.Query() {
		if !slices.Equal(got.Query()[name], values) {
			t.Errorf("the callback's own parameter %q has become %q, want %q", name, got.Query()[name], values)
		}
	}
}

// callbacks are the addresses of callbacks that the vendor was told.
func (l *line[Req, Resp]) callbacks() []string {
	return slices.DeleteFunc(l.said(), func(text string) bool {
		u, err := url.Parse(text)
		return err != nil || u.Host != callbackHost
	})
}

// wantCarried checks that the vendor was told texts.
func (l *line[Req, Resp]) wantCarried(t *testing.T, texts ...string) {
	t.Helper()
	said := l.said()
	for _, want := range texts {
		if !slices.ContainsFunc(said, func(text string) bool {
			return strings.Contains(text, want) || strings.Contains(html.UnescapeString(text), want)
		}) {
			t.Errorf("the vendor was not told %q, or not as it was given; it was told %q", want, said)
		}
	}
}

// said are the texts of the latest request, decoded.
func (l *line[Req, Resp]) said() []string {
	requests := l.s.Requests()
	if len(requests) == 0 {
		return nil
	}
	return textsOf(requests[len(requests)-1])
}

func textsOf(r vendorsim.Request) []string {
	var value any
	if json.Unmarshal(r.Body, &value) == nil {
		return textsIn(value)
	}
	form, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return []string{string(r.Body)}
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(form)) {
		all = append(all, form[name]...)
	}
	return all
}

// textsIn are the texts in a value of JSON.
func textsIn(value any) []string {
	var all []string
	switch v := value.(type) {
	case string:
		return []string{v}
	case []any:
		for _, item := range v {
			all = append(all, textsIn(item)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, textsIn(v[name])...)
		}
	}
	return all
}

// testLocal has what needs no request.
func (e *effect[Req, Resp]) testLocal(t *testing.T) {
	local := func(name string, req Req, class failover.Class, cause error) {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			_, err := l.send(t.Context(), req)
			l.wantSent(t, 0, 0)
			l.wantClass(t, err, class, failover.OutcomeNotAccepted, name)
			l.wantCause(t, err, cause)
		})
	}
	for _, name := range slices.Sorted(maps.Keys(e.invalid)) {
		local(name, e.invalid[name], failover.ClassInvalid, nil)
	}
	for _, name := range slices.Sorted(maps.Keys(e.recipients)) {
		local(name, e.recipients[name], failover.ClassInvalid, e.noRecipient)
	}
	unsupported := map[string]Req{}
	for i, req := range e.unsupported {
		unsupported["unsupported "+string(rune('a'+i%26))] = req
	}
	for _, from := range e.foreign {
		unsupported["from somebody else's "+from] = e.from(e.req, from)
	}
	for _, name := range slices.Sorted(maps.Keys(unsupported)) {
		req := unsupported[name]
		local(name, req, failover.ClassUnsupported, nil)
		e.bubble(t, name+", asked before", func(t *testing.T, l *line[Req, Resp]) {
			if l.p.Supports == nil || l.p.Supports(req) {
				t.Error("Supports does not say no, so a router wastes an attempt")
			}
		})
	}
	e.bubble(t, "context that has ended", func(t *testing.T, l *line[Req, Resp]) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := l.do(ctx, e.req)
		l.wantOutcome(t, err, failover.OutcomeNotAccepted, "a context that ended before the call")
		l.wantCause(t, err, context.Canceled)
		l.wantSent(t, 0, 0)
	})
}
