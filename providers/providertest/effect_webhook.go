package providertest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// testWebhooks has the vendor tell what became of a request, and others tell
// lies.
func (e *effect[Req, Resp]) testWebhooks(t *testing.T) {
	if len(e.updates) == 0 {
		t.Skip("the vendor tells nothing")
	}
	for _, row := range e.updates {
		e.bubble(t, strings.TrimSpace(row.status+" "+row.code), func(t *testing.T, l *line[Req, Resp]) { l.testTold(t, row) })
	}
	e.bubble(t, "settles what was uncertain", func(t *testing.T, l *line[Req, Resp]) { l.testSettles(t) })
	e.bubble(t, "of somebody else's", func(t *testing.T, l *line[Req, Resp]) {
		got, err := l.do(t.Context(), e.hooked) // in no attempt
		if err != nil || got == nil {
			t.Fatalf("Do failed: %v", err)
		}
		u, err := l.update(l.webhook(t, got.id, e.updates[0]))
		if err != nil {
			t.Fatalf("a good webhook was refused: %v", err)
		}
		if u.operation != "" || u.attempt != "" || u.provider != "" {
			t.Errorf("the update names provider %q, operation %q, attempt %q; its request named none", u.provider, u.operation, u.attempt)
		}
		client, err := e.serve(l.p)
		if err != nil {
			t.Fatalf("no client can be made of the provider: %v", err)
		}
		if err := client.report(u); !errors.Is(err, e.notOurs) {
			t.Errorf("Report says %v of it, want %v", err, e.notOurs)
		}
	})
	e.testForged(t)
	e.testAge(t)
	e.testHostile(t)
}

// webhook is what the vendor sends, as an application's server gets it.
func (l *line[Req, Resp]) webhook(t *testing.T, id string, row statusRow) *http.Request {
	t.Helper()
	return arrived(t, l.tells(t, id, row))
}

func (l *line[Req, Resp]) tells(t *testing.T, id string, row statusRow) *http.Request {
	t.Helper()
	if l.carrier.Webhook == nil || l.update == nil {
		t.Fatal("providertest: Updates needs Carrier.Webhook and the adapter's Update")
	}
	r, err := l.carrier.Webhook(t.Context(), id, row.status, row.code)
	if err != nil {
		t.Fatalf("providertest: Carrier.Webhook: %v", err)
	}
	return r
}

// arrived is a request as it is after its way through the net.
func arrived(t *testing.T, sent *http.Request) *http.Request {
	t.Helper()
	var wire bytes.Buffer
	if err := sent.Write(&wire); err != nil {
		t.Fatalf("providertest: the webhook cannot be sent: %v", err)
	}
	r, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatalf("providertest: the webhook cannot be read: %v", err)
	}
	if sent.URL.Scheme == "https" {
		r.TLS = &tls.ConnectionState{}
	}
	return r.WithContext(sent.Context())
}

// withBody replaces the body.
func withBody(r *http.Request, body []byte) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.GetBody = nil
	return r
}

// withAnotherID lets the body be of something else.
func withAnotherID(t *testing.T, r *http.Request, id string) {
	t.Helper()
	other := []byte(id)
	slices.Reverse(other[len(other)/2:])
	body := bodyOf(t, r)
	changed := bytes.ReplaceAll(body, []byte(id), other)
	changed = bytes.ReplaceAll(changed, []byte(url.QueryEscape(id)), []byte(url.QueryEscape(string(other))))
	if bytes.Equal(body, changed) {
		t.Fatal("providertest: the webhook's body does not have the id")
	}
	withBody(r, changed)
}

func bodyOf(t *testing.T, r *http.Request) []byte {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("providertest: the webhook's body: %v", err)
	}
	withBody(r, body)
	return body
}

// takes sends a request that the vendor will tell of.
func (l *line[Req, Resp]) takes(t *testing.T) *receipt {
	t.Helper()
	got, err := l.send(t.Context(), l.e.hooked)
	if err != nil {
		t.Fatalf("Do failed: %v", err)
	}
	l.wantReceipt(t, got, l.p.Name, true)
	return got
}

func (l *line[Req, Resp]) testTold(t *testing.T, row statusRow) {
	t.Helper()
	got := l.takes(t)
	client, err := l.e.serve(l.p)
	if err != nil {
		t.Fatalf("no client can be made of the provider: %v", err)
	}
	for range 2 { // vendors tell things twice
		u, err := l.update(l.webhook(t, got.id, row))
		if err != nil {
			t.Fatalf("a good webhook was refused: %v", err)
		}
		switch {
		case u.provider != got.provider || u.operation != got.operation || u.attempt != got.attempt:
			t.Errorf("the update names provider %q, operation %q, attempt %q; the receipt %q, %q, %q",
				u.provider, u.operation, u.attempt, got.provider, got.operation, got.attempt)
		case u.id != got.id:
			t.Errorf("the update's ID is %q, want %q", u.id, got.id)
		case u.status != row.status:
			t.Errorf("the update's Status is %q, want %q", u.status, row.status)
		}
		l.wantTold(t, u, row)
		if err := client.report(u); err != nil {
			t.Errorf("Report does not take the update: %v", err)
		}
	}
}

// wantTold checks why something went wrong.
func (l *line[Req, Resp]) wantTold(t *testing.T, u update, row statusRow) {
	t.Helper()
	if row.want == failover.ClassUnknown {
		if u.err != nil {
			t.Errorf("the update's Err is %v, and nothing went wrong", u.err)
		}
		return
	}
	if u.err == nil {
		t.Errorf("the update's Err is nil, want one of class %v", row.want)
		return
	}
	l.e.wantDiscreet(t, u.err)
	l.wantCause(t, u.err, row.cause)
	if u.err.Class != row.want || u.err.Outcome != row.outcome {
		t.Errorf("the update's Err is of class %v and outcome %v, want %v and %v", u.err.Class, u.err.Outcome, row.want, row.outcome)
	}
}

// testSettles has a request carried out without an answer: the webhook is all
// there is.
func (l *line[Req, Resp]) testSettles(t *testing.T) {
	l.p.Dedupes, l.p.Lookup = false, nil // they would find out before
	client, err := l.e.serve(l.p)
	if err != nil {
		t.Fatalf("no client can be made of the provider: %v", err)
	}
	ctx := failover.Operation(t.Context(), anOperation)
	l.s.Fail(vendorsim.Processed(vendorsim.ResetAfterRead()))
	if _, err := client.send(ctx, l.e.hooked); !errors.Is(err, failover.ErrUncertain) {
		t.Fatalf("the error of a request without an answer is %v, want %v", err, failover.ErrUncertain)
	}
	ids := l.carrier.Processed()
	if len(ids) != 1 {
		t.Fatalf("the vendor has carried out %d requests, want 1", len(ids))
	}
	u, err := l.update(l.webhook(t, ids[0], l.e.updates[0]))
	if err != nil {
		t.Fatalf("a good webhook was refused: %v", err)
	}
	if err := client.report(u); err != nil {
		t.Fatalf("Report does not take the update: %v", err)
	}
	var begun *failover.DuplicateError
	if _, err := client.send(ctx, l.e.hooked); !errors.As(err, &begun) || begun.Provider != l.p.Name {
		t.Errorf("after the webhook the operation is %v, want a DuplicateError of %s", err, l.p.Name)
	}
	if n := len(l.carrier.Processed()); n != 1 {
		t.Errorf("the recipient got %d", n)
	}
}

// wantForged checks that a webhook is not believed.
func (l *line[Req, Resp]) wantForged(t *testing.T, r *http.Request, what string) {
	t.Helper()
	u, err := l.update(r)
	switch {
	case err == nil:
		t.Errorf("%s was believed: it says that %s is %s; check the signature before anything else", what, u.id, u.status)
	case l.e.forged != nil && !errors.Is(err, l.e.forged):
		t.Errorf("%s: the error does not match %q, by which an application answers 403: %v", what, l.e.forged, err)
	}
	if err != nil {
		l.e.wantDiscreet(t, err)
	}
}

func (e *effect[Req, Resp]) testForged(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, l *line[Req, Resp], id string, r *http.Request){
		"a webhook without a signature": func(_ *testing.T, _ *line[Req, Resp], _ string, r *http.Request) {
			for name := range r.Header {
				if name != "Content-Type" {
					r.Header.Del(name)
				}
			}
		},
		"a webhook with empty headers": func(_ *testing.T, _ *line[Req, Resp], _ string, r *http.Request) {
			for name := range r.Header {
				if name != "Content-Type" {
					r.Header.Set(name, "")
				}
			}
		},
		"a webhook with another id": func(t *testing.T, _ *line[Req, Resp], id string, r *http.Request) {
			t.Helper()
			withAnotherID(t, r, id)
		},
		"a webhook with one more byte": func(t *testing.T, _ *line[Req, Resp], _ string, r *http.Request) {
			t.Helper()
			more := " "
			if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
				more = "&x=y"
			}
			withBody(r, append(bodyOf(t, r), more...))
		},
		"a webhook without a body": func(_ *testing.T, _ *line[Req, Resp], _ string, r *http.Request) { withBody(r, nil) },
		"a webhook of another account's": func(t *testing.T, l *line[Req, Resp], _ string, _ *http.Request) {
			t.Helper()
			l.adapt(t, Account{Key: strangeKey, BaseURL: l.s.URL(), Client: l.s.Client(), PublicKey: e.start().PublicKey})
		},
	} {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			got := l.takes(t)
			r := l.webhook(t, got.id, e.updates[0])
			change(t, l, got.id, r)
			l.wantForged(t, r, name)
		})
	}
	e.testForgedAround(t)
}

// testForgedAround has webhooks that are good but for their headers.
func (e *effect[Req, Resp]) testForgedAround(t *testing.T) {
	e.bubble(t, "a webhook with a character of its signature changed", func(t *testing.T, l *line[Req, Resp]) {
		got := l.takes(t)
		signature := l.signature(t, got.id)
		for i := 0; i < len(l.webhook(t, got.id, e.updates[0]).Header.Get(signature)); i += 7 {
			r := l.webhook(t, got.id, e.updates[0])
			text := []byte(r.Header.Get(signature))
			text[i] = map[bool]byte{true: '1', false: '0'}[text[i] == '0'] // in hexadecimal too
			r.Header.Set(signature, string(text))
			l.wantForged(t, r, fmt.Sprintf("a signature with character %d changed", i))
		}
	})
	e.bubble(t, "a webhook to another address", func(t *testing.T, l *line[Req, Resp]) {
		got := l.takes(t)
		r := l.webhook(t, got.id, e.updates[0])
		q := r.URL.Query()
		for name := range q {
			q.Set(name, "somebody-elses")
		}
		r.URL.RawQuery = q.Encode()
		r.RequestURI = r.URL.RequestURI()
		if u, err := l.update(r); err == nil && u.operation != got.operation {
			t.Errorf("the address, which was not signed, was believed: it says that the operation is %q", u.operation)
		}
	})
	e.bubble(t, "a webhook, and no key to check it with", func(t *testing.T, l *line[Req, Resp]) {
		if l.carrier.PublicKey == "" {
			t.Skip("it is checked with the account's key")
		}
		got := l.takes(t)
		l.adapt(t, Account{Key: Key, BaseURL: l.s.URL(), Client: l.s.Client()})
		if _, err := l.update(l.webhook(t, got.id, e.updates[0])); err == nil {
			t.Error("a webhook was believed that nothing could be checked with")
		}
	})
}

// signature is the header of a webhook whose change is noticed: the one that is
// longest.
func (l *line[Req, Resp]) signature(t *testing.T, id string) string {
	t.Helper()
	h := l.webhook(t, id, l.e.updates[0]).Header
	return slices.MaxFunc(slices.Sorted(maps.Keys(h)), func(a, b string) int {
		return weight(a, h) - weight(b, h)
	})
}

func weight(name string, h http.Header) int {
	if strings.Contains(strings.ToLower(name), "signature") {
		return 1 << 20
	}
	return len(h.Get(name))
}

// testAge has webhooks that come late, or once more.
func (e *effect[Req, Resp]) testAge(t *testing.T) {
	e.bubble(t, "a webhook that is old", func(t *testing.T, l *line[Req, Resp]) {
		if e.lifetime == 0 {
			t.Skip("the vendor's webhooks do not grow old")
		}
		got := l.takes(t)
		sent := l.tells(t, got.id, e.updates[0])
		body := bodyOf(t, sent)
		<-time.After(e.lifetime - time.Second)
		if _, err := l.update(arrived(t, withBody(sent, body))); err != nil {
			t.Errorf("a webhook was refused before it was %v old: %v", e.lifetime, err)
		}
		<-time.After(time.Minute)
		l.wantForged(t, arrived(t, withBody(sent, body)), "a webhook that somebody has kept and sends again")
	})
}

// testHostile has what anybody can send to an address that is open to all.
func (e *effect[Req, Resp]) testHostile(t *testing.T) {
	e.bubble(t, "a body without end", func(t *testing.T, l *line[Req, Resp]) {
		got := l.takes(t)
		r := l.webhook(t, got.id, e.updates[0])
		endless := &counted{most: 64 << 20}
		r.Body, r.ContentLength = endless, -1
		if _, err := l.update(r); err == nil {
			t.Error("a body without end was taken for a webhook")
		}
		if endless.read > 4<<20 {
			t.Errorf("%d bytes of a webhook were read: bound it", endless.read)
		}
	})
	e.bubble(t, "a body that breaks off", func(t *testing.T, l *line[Req, Resp]) {
		got := l.takes(t)
		r := l.webhook(t, got.id, e.updates[0])
		body := bodyOf(t, r)
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body[:len(body)/2]), broken{}))
		if _, err := l.update(r); err == nil {
			t.Error("a body that broke off was taken for a webhook")
		}
	})
	for name, body := range map[string]string{
		"nothing": "", "a brace": "{", "null": "null", "a list": "[]", "an empty object": "{}", "a number": "7",
		"other types": `{"data":{"payload":[],"event_type":{}},"id":[],"status":{}}`, "bytes": "\x00\xff\xfe", "half an escape": "a=%zz&%",
		"deep JSON": strings.Repeat("[", 10000), "a page": "<html>" + Canary,
	} {
		e.bubble(t, name+" for a body", func(t *testing.T, l *line[Req, Resp]) {
			got := l.takes(t)
			r := withBody(l.tells(t, got.id, e.updates[0]), []byte(body))
			if l.carrier.Sign != nil {
				l.carrier.Sign(r)
			}
			u, err := l.update(arrived(t, withBody(r, []byte(body))))
			if err == nil && (u.id != "" || u.status != "" || l.carrier.Sign == nil) {
				t.Errorf("%q was taken for a webhook that says that %q is %q", body, u.id, u.status)
			}
			if err != nil {
				e.wantDiscreet(t, err)
			}
		})
	}
}

// counted is a body that ends late, and says how much was read of it.
type counted struct{ most, read int64 }

func (c *counted) Read(p []byte) (int, error) {
	if c.read >= c.most {
		return 0, io.EOF
	}
	for i := range p {
		p[i] = 'x'
	}
	c.read += int64(len(p))
	return len(p), nil
}

func (c *counted) Close() error { return nil }

// broken is where a body breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
