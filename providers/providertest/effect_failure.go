package providertest

import (
	"context"
	"errors"
	"maps"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// wantCause checks what an error matches.
func (l *line[Req, Resp]) wantCause(t *testing.T, err, cause error) {
	t.Helper()
	if cause != nil && !errors.Is(err, cause) {
		t.Errorf("the error does not match %q, which callers look for: %v", cause, err)
	}
}

func (e *effect[Req, Resp]) testRefusals(t *testing.T) {
	for _, row := range e.refusals {
		e.bubble(t, row.Name, func(t *testing.T, l *line[Req, Resp]) {
			l.s.Fail(row.fault())
			_, err := l.send(t.Context(), e.req)
			l.wantRow(t, l.wantClass(t, err, row.Want, row.outcome(), row.Name), row)
			l.wantCause(t, err, row.Cause)
			l.wantSent(t, 1, 0)
		})
	}
	for _, status := range statuses {
		when := strconv.Itoa(status) + " with any body"
		e.bubble(t, when, func(t *testing.T, l *line[Req, Resp]) {
			for name, b := range bodies {
				l.s.Fail(vendorsim.Body(status, b.contentType, b.body))
				_, err := l.send(t.Context(), e.req)
				got := l.wantClass(t, err, failover.ClassOfStatus(status), failover.OutcomeOfStatus(status), when+": "+name)
				if got.Status != status {
					t.Errorf("%d with %s: Error.Status is %d", status, name, got.Status)
				}
			}
			l.wantSent(t, len(bodies), 0)
		})
	}
	e.bubble(t, "Retry-After", func(t *testing.T, l *line[Req, Resp]) {
		limited := vendorsim.Status(http.StatusTooManyRequests)
		for _, row := range []struct {
			fault vendorsim.Fault
			want  time.Duration
		}{
			{limited, 0},
			{limited.RetryAfter(7), 7 * time.Second},
			{limited.RetryAfterDate(90 * time.Second), 90 * time.Second},
			{limited.Header("Retry-After", "soon"), 0},
		} {
			l.s.Fail(row.fault)
			_, err := l.send(t.Context(), e.req)
			got := l.wantClass(t, err, failover.ClassRateLimited, failover.OutcomeNotAccepted, "429")
			if got.RetryAfter != row.want {
				t.Errorf("Error.RetryAfter is %v, want %v: a router waits as long as the vendor asks", got.RetryAfter, row.want)
			}
		}
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		e.bubble(t, strconv.Itoa(status)+" redirect", func(t *testing.T, l *line[Req, Resp]) {
			l.s.Fail(vendorsim.Redirect(status, "http://elsewhere.test/collect"))
			_, err := l.send(t.Context(), e.req)
			l.wantSent(t, 1, 0)
			l.wantClass(t, err, failover.ClassUnsupported, failover.OutcomeNotAccepted,
				"a redirect, which would carry the key elsewhere, and the request twice")
		})
	}
	e.bubble(t, "huge error body", func(t *testing.T, l *line[Req, Resp]) {
		l.s.Fail(vendorsim.HugeError(http.StatusInternalServerError, 64<<20))
		_, err := l.send(t.Context(), e.req)
		l.wantClass(t, err, failover.ClassTransient, failover.OutcomeUnknown, "a huge error body")
		if sent := l.s.Stats().Sent; sent > 1<<20 {
			t.Errorf("%d bytes of an error's body were read: bound it", sent)
		}
	})
	e.bubble(t, "wrong key", func(t *testing.T, l *line[Req, Resp]) {
		l.adapt(t, Account{Key: strangeKey, BaseURL: l.s.URL(), Client: l.s.Client(), PublicKey: l.carrier.PublicKey})
		_, err := l.send(t.Context(), e.req)
		l.wantClass(t, err, failover.ClassUnauthorized, failover.OutcomeNotAccepted, "a refused key")
		l.wantSent(t, 1, 0)
	})
}

// fault answers with the row.
func (r Refusal) fault() vendorsim.Fault {
	h := r.Header.Clone()
	if h == nil {
		h = http.Header{}
	}
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", "application/json")
	}
	return vendorsim.Answered(vendorsim.Answer{Status: r.Status, Header: h, Body: []byte(r.Body)})
}

func (l *line[Req, Resp]) wantRow(t *testing.T, e *failover.Error, row Refusal) {
	t.Helper()
	switch {
	case e.Status != row.Status:
		t.Errorf("Error.Status is %d, want %d", e.Status, row.Status)
	case e.Code != row.Code:
		t.Errorf("Error.Code is %q, want %q", e.Code, row.Code)
	case row.Message != "" && e.Message != row.Message:
		t.Errorf("Error.Message is %q, want %q", e.Message, row.Message)
	case e.RetryAfter != row.RetryAfter:
		t.Errorf("Error.RetryAfter is %v, want %v", e.RetryAfter, row.RetryAfter)
	case row.RequestID != "" && e.RequestID != row.RequestID:
		t.Errorf("Error.RequestID is %q, want %q", e.RequestID, row.RequestID)
	}
}

// testNeverConnected has requests that cannot have left.
func (e *effect[Req, Resp]) testNeverConnected(t *testing.T) {
	transient := func(t *testing.T, l *line[Req, Resp], when string) {
		t.Helper()
		_, err := l.send(t.Context(), e.req)
		l.wantSent(t, 0, 0)
		l.wantClass(t, err, failover.ClassTransient, failover.OutcomeNotAccepted, when)
	}
	e.both(t, "refused", func(t *testing.T, l *line[Req, Resp]) {
		l.s.Down()
		transient(t, l, "a refused connection")
	})
	e.both(t, "reset when accepted", func(t *testing.T, l *line[Req, Resp]) {
		l.s.FailAlways(vendorsim.Reset())
		_, err := l.send(t.Context(), e.req)
		l.wantSent(t, 0, 0)
		// Whether anything was written before the reset, not everybody can tell.
		got := wantClass(t, err, failover.ClassTransient, "a connection that was reset at once")
		l.e.wantDiscreet(t, err)
		if got.Outcome == failover.OutcomeAccepted {
			t.Errorf("the outcome of a connection that was reset at once is %v", got.Outcome)
		}
	})
	// TLS needs a connection with a buffer: over a pipe, two who say goodbye at
	// once wait for each other.
	e.tcp(t, "certificate that is not trusted", func(t *testing.T, l *line[Req, Resp]) {
		l.connect(t, through(t, l.dial()), l.s.URL())
		transient(t, l, "a certificate that is not trusted")
	}, vendorsim.WithTLS())
	e.tcp(t, "reset in the TLS handshake", func(t *testing.T, l *line[Req, Resp]) {
		l.s.FailAlways(vendorsim.Reset())
		transient(t, l, "a reset in the TLS handshake")
	}, vendorsim.WithTLS())
	e.tcp(t, "TLS to a port without", func(t *testing.T, l *line[Req, Resp]) {
		l.connect(t, through(t, l.dial()), strings.Replace(l.s.URL(), "http:", "https:", 1))
		_, err := l.send(t.Context(), e.req)
		l.wantSent(t, 0, 0)
		l.wantOutcome(t, err, failover.OutcomeNotAccepted, "a vendor that does not speak TLS")
	})
	e.bubble(t, "unknown host", func(t *testing.T, l *line[Req, Resp]) {
		l.connect(t, through(t, func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "vendor.test", IsNotFound: true}}
		}), l.s.URL())
		transient(t, l, "a host that is not known")
	})
	e.testDialling(t)
}

// testDialling has calls that end before there is a connection.
func (e *effect[Req, Resp]) testDialling(t *testing.T) {
	for _, end := range ends() {
		e.bubble(t, end.name+" while dialling", func(t *testing.T, l *line[Req, Resp]) {
			l.connect(t, through(t, func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: ctx.Err()}
			}), l.s.URL())
			ctx, cancel := end.context(t.Context())
			defer cancel()
			start := time.Now()
			_, err := l.send(ctx, e.req)
			l.wantEnded(t, err, end, failover.OutcomeNotAccepted, end.name+" before there was a connection")
			wantAt(t, start, deadline)
			l.wantSent(t, 0, 0)
		})
	}
}

// dial is how the vendor is reached.
func (l *line[Req, Resp]) dial() func(ctx context.Context, network, address string) (net.Conn, error) {
	return l.s.Client().Transport.(*http.Transport).DialContext //nolint:forcetypeassert // vendorsim makes no other
}

// through is a client that trusts nobody in particular.
func through(t *testing.T, dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	t.Helper()
	transport := &http.Transport{DialContext: dial}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// doubtful are statuses that leave it open whether a request was carried out.
var doubtful = []int{408, 409, 500, 502, 503, 504, 520, 599}

// testOnce has requests that have left and were not answered, or with an
// answer that says nothing: carried out by the vendor or not.
func (e *effect[Req, Resp]) testOnce(t *testing.T) {
	broken := []vendorsim.Fault{vendorsim.ResetAfterRead(), vendorsim.HangUp(), vendorsim.Garbage(), vendorsim.HalfHeader()}
	for _, fault := range broken {
		for processed, fault := range []vendorsim.Fault{fault, vendorsim.Processed(fault)} {
			e.both(t, fault.String(), func(t *testing.T, l *line[Req, Resp]) {
				l.s.FailAlways(fault)
				_, err := l.send(t.Context(), e.req)
				l.wantSent(t, 1, processed)
				l.wantOutcome(t, err, failover.OutcomeUnknown, fault.String())
			})
			e.both(t, fault.String()+", on a connection that was used before", func(t *testing.T, l *line[Req, Resp]) {
				if _, err := l.send(t.Context(), e.req); err != nil {
					t.Fatalf("Do failed: %v", err)
				}
				l.s.FailAlways(fault)
				_, err := l.send(t.Context(), e.req)
				if requests := l.s.Stats().Requests; requests > 2 {
					t.Errorf("the transport sent the request again by itself: set GetBody to nil (failover.SendOnce does), " +
						"and no header Idempotency-Key")
				}
				l.wantSent(t, 2, 1+processed)
				l.wantOutcome(t, err, failover.OutcomeUnknown, fault.String())
			})
		}
	}
	for _, status := range doubtful {
		for processed, fault := range []vendorsim.Fault{vendorsim.Status(status), vendorsim.Processed(vendorsim.Status(status))} {
			e.bubble(t, fault.String(), func(t *testing.T, l *line[Req, Resp]) {
				l.s.FailAlways(fault)
				_, err := l.send(t.Context(), e.req)
				l.wantSent(t, 1, processed)
				l.wantClass(t, err, failover.ClassOfStatus(status), failover.OutcomeUnknown, fault.String())
			})
		}
	}
	e.both(t, "a connection that the vendor has closed", func(t *testing.T, l *line[Req, Resp]) {
		if _, err := l.send(t.Context(), e.req); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		l.s.Down()
		if err := l.s.Up(); err != nil {
			t.Skipf("the address is taken: %v", err)
		}
		_, err := l.send(t.Context(), e.req)
		if err != nil { // it was used before it was seen to be closed
			l.e.wantDiscreet(t, err)
		}
		if requests, processed := l.s.Stats().Requests, len(l.carrier.Processed()); requests > 2 || processed != requests {
			t.Errorf("two calls made %d requests, of which the vendor carried out %d", requests, processed)
		}
	})
}

// testAnswer has answers that say yes and cannot be read.
func (e *effect[Req, Resp]) testAnswer(t *testing.T) {
	unreadable := func(name string, fault vendorsim.Fault) {
		e.bubble(t, name, func(t *testing.T, l *line[Req, Resp]) {
			l.s.FailAlways(vendorsim.Processed(fault))
			got, err := l.send(t.Context(), e.req)
			l.wantSent(t, 1, 1)
			l.wantAccepted(t, got, err, name)
		})
	}
	for _, fault := range []vendorsim.Fault{
		vendorsim.Empty(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Truncate(),
		vendorsim.Page(), vendorsim.Body(http.StatusNoContent, "", ""), vendorsim.Body(http.StatusAccepted, "", ""),
	} {
		unreadable(fault.String(), fault)
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		for _, status := range []int{http.StatusOK, http.StatusCreated} {
			unreadable(strconv.Itoa(status)+" with "+name, vendorsim.Body(status, bodies[name].contentType, bodies[name].body))
		}
	}
	e.bubble(t, "endless", func(t *testing.T, l *line[Req, Resp]) {
		if testing.Short() {
			t.Skip("reads until the provider has had enough")
		}
		const tooMuch = 1 << 30
		l.s.FailAlways(vendorsim.Endless(tooMuch))
		got, err := l.send(t.Context(), e.req)
		l.wantAccepted(t, got, err, "an answer without end")
		if l.s.Stats().Sent >= tooMuch {
			t.Error("a gigabyte was read: bound the answer")
		}
	})
}

// wantAccepted checks what became of a request that was taken, with an answer
// that could not be read.
func (l *line[Req, Resp]) wantAccepted(t *testing.T, got *receipt, err error, when string) {
	t.Helper()
	if err == nil {
		id := "none"
		if got != nil && got.id != "" {
			id = got.id
		}
		t.Fatalf("%s was passed off as a whole answer, with the id %s", when, id)
	}
	l.wantClass(t, err, failover.ClassIncomplete, failover.OutcomeAccepted, when)
	l.wantReceipt(t, got, l.p.Name, false)
}
