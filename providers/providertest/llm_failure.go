package providertest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

func (c LLM) testRefusals(t *testing.T) {
	for _, row := range c.Refusals {
		c.each(t, row.Name, func(t *testing.T, s *vendorsim.Server, ask asker) {
			h := row.Header.Clone()
			if h == nil {
				h = http.Header{}
			}
			if h.Get("Content-Type") == "" {
				h.Set("Content-Type", "application/json")
			}
			s.Fail(vendorsim.Answered(vendorsim.Answer{Status: row.Status, Header: h, Body: []byte(row.Body)}))
			_, err := ask(t.Context(), c.hello())
			wantRow(t, wantClass(t, err, row.Want, row.Name), row)
			wantRequests(t, s, 1)
		})
	}
	for _, status := range statuses {
		c.each(t, strconv.Itoa(status)+" with any body", func(t *testing.T, s *vendorsim.Server, ask asker) {
			for name, b := range bodies {
				s.Fail(vendorsim.Body(status, b.contentType, b.body))
				_, err := ask(t.Context(), c.hello())
				e := wantClass(t, err, failover.ClassOfStatus(status), "status "+strconv.Itoa(status)+" with "+name)
				if e.Status != status {
					t.Errorf("%d with %s: Error.Status is %d", status, name, e.Status)
				}
			}
			wantRequests(t, s, len(bodies))
		})
	}
	c.each(t, "Retry-After", c.testRetryAfter)
	for _, status := range []int{301, 302, 303, 307, 308} {
		c.each(t, strconv.Itoa(status)+" redirect", func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.Fail(vendorsim.Redirect(status, "http://elsewhere.test/collect"))
			_, err := ask(t.Context(), c.hello())
			wantClass(t, err, failover.ClassUnsupported, "a redirect, which would carry the key elsewhere")
			wantRequests(t, s, 1)
		})
	}
	c.each(t, "huge error body", func(t *testing.T, s *vendorsim.Server, ask asker) {
		s.Fail(vendorsim.HugeError(http.StatusInternalServerError, 64<<20))
		_, err := ask(t.Context(), c.hello())
		wantClass(t, err, failover.ClassTransient, "a huge error body")
		if sent := s.Stats().Sent; sent > 1<<20 {
			t.Errorf("%d bytes of an error's body were read: bound it", sent)
		}
	})
	for _, m := range c.modes() {
		c.bubble(t, "wrong key, "+m.name, func(t *testing.T, s *vendorsim.Server) {
			_, err := m.of(c.providerWith(t, strangeKey, s, s.Client()))(t.Context(), c.hello())
			wantClass(t, err, failover.ClassUnauthorized, "a refused key")
			wantRequests(t, s, 1)
		})
	}
}

// strangeKey is one that no vendor has given.
const strangeKey = "another-key-that-is-not-known"

// wantRow checks the fields of a refusal.
func wantRow(t *testing.T, e *failover.Error, row Refusal) {
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
	case e.Outcome != failover.OutcomeOfStatus(row.Status):
		t.Errorf("Error.Outcome is %v, want %v", e.Outcome, failover.OutcomeOfStatus(row.Status))
	}
}

func (c LLM) testRetryAfter(t *testing.T, s *vendorsim.Server, ask asker) {
	now := time.Now().Add(-time.Hour).UTC() // only the difference of two dates counts
	for _, row := range []struct {
		header http.Header
		want   time.Duration
	}{
		{header(), 0},
		{header("Retry-After", "7"), 7 * time.Second},
		{header("Retry-After-Ms", "250"), 250 * time.Millisecond},
		{header("Date", now.Format(http.TimeFormat), "Retry-After", now.Add(90*time.Second).Format(http.TimeFormat)), 90 * time.Second},
		{header("Retry-After", "soon"), 0},
	} {
		s.Fail(vendorsim.Answered(vendorsim.Answer{Status: http.StatusTooManyRequests, Header: row.header}))
		_, err := ask(t.Context(), c.hello())
		if e := wantClass(t, err, failover.ClassRateLimited, "429"); e.RetryAfter != row.want {
			t.Errorf("Error.RetryAfter is %v, want %v: a router waits as long as the vendor asks", e.RetryAfter, row.want)
		}
	}
	wantRequests(t, s, 5)
}

func (c LLM) testConnection(t *testing.T) {
	down := func(t *testing.T, s *vendorsim.Server, ask asker) {
		t.Helper()
		s.Down()
		_, err := ask(t.Context(), c.hello())
		wantClass(t, err, failover.ClassTransient, "a refused connection")
		wantRequests(t, s, 0)
	}
	c.each(t, "refused", down)
	c.eachTCP(t, "refused over TCP", down)
	for _, fault := range []vendorsim.Fault{vendorsim.Reset(), vendorsim.ResetAfterRead(), vendorsim.HangUp()} {
		broken := func(t *testing.T, s *vendorsim.Server, ask asker) {
			t.Helper()
			s.FailAlways(fault)
			_, err := ask(t.Context(), c.hello())
			wantClass(t, err, failover.ClassTransient, fault.String())
			if n := s.Stats().Requests; n > 1 {
				t.Errorf("the request was sent %d times: one attempt is one request", n)
			}
		}
		c.each(t, fault.String(), broken)
		c.eachTCP(t, fault.String()+" over TCP", broken)
	}
	c.each(t, "reset of a connection that was used before", func(t *testing.T, s *vendorsim.Server, ask asker) {
		if _, err := ask(t.Context(), c.hello()); err != nil {
			t.Fatalf("the provider failed: %v", err)
		}
		s.Fail(vendorsim.ResetAfterRead())
		_, err := ask(t.Context(), c.hello())
		wantClass(t, err, failover.ClassTransient, "a reset")
		wantRequests(t, s, 2)
	})
	for _, fault := range []vendorsim.Fault{vendorsim.Garbage(), vendorsim.HalfHeader()} {
		c.each(t, fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			_, err := ask(t.Context(), c.hello())
			// There is no type to tell it by; unknown is treated as transient.
			if class := failover.Classify(err).Class; err == nil || class != failover.ClassUnknown && class != failover.ClassTransient {
				t.Fatalf("the error is of class %v, want %v or %v", class, failover.ClassUnknown, failover.ClassTransient)
			}
			wantDiscreet(t, err)
			wantRequests(t, s, 1)
		})
	}
	c.tcp(t, "certificate that is not trusted", func(t *testing.T, s *vendorsim.Server) {
		stranger := &http.Client{Transport: &http.Transport{}}
		defer stranger.CloseIdleConnections()
		for _, m := range c.modes() {
			_, err := m.of(c.providerWith(t, Key, s, stranger))(t.Context(), c.hello())
			wantClass(t, err, failover.ClassTransient, "a certificate that is not trusted")
		}
		wantRequests(t, s, 0)
	}, vendorsim.WithTLS())
}

// testBroken has answers under a good status that are none.
func (c LLM) testBroken(t *testing.T) {
	faults := []vendorsim.Fault{
		vendorsim.Empty(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Truncate(),
		vendorsim.Page(), vendorsim.Body(http.StatusNoContent, "", ""),
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		faults = append(faults, vendorsim.Body(http.StatusOK, bodies[name].contentType, bodies[name].body))
	}
	for _, fault := range faults {
		c.each(t, fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			got, err := ask(t.Context(), c.hello())
			if err == nil {
				t.Fatalf("%q of %v was passed off as whole", got.Text(), fault)
			}
			wantClass(t, err, failover.ClassIncomplete, fault.String())
			wantRequests(t, s, 1)
		})
	}
	for _, row := range []struct {
		status int
		want   failover.Class
	}{
		{http.StatusTooManyRequests, failover.ClassRateLimited},
		{http.StatusInternalServerError, failover.ClassTransient},
	} {
		fault := vendorsim.ErrorWithin(row.status, "")
		c.each(t, fault.String(), func(t *testing.T, s *vendorsim.Server, ask asker) {
			s.FailAlways(fault)
			_, err := ask(t.Context(), c.hello())
			want := row.want
			if c.Wire == Anthropic && strings.Contains(t.Name(), "streamed") && failover.Classify(err).Class == failover.ClassIncomplete {
				want = failover.ClassIncomplete // its streams have events for errors, and nothing else
			}
			wantClass(t, err, want, "the vendor's error under a good status")
			wantRequests(t, s, 1)
		})
	}
	c.bubble(t, "endless", func(t *testing.T, s *vendorsim.Server) {
		if testing.Short() {
			t.Skip("reads until the provider has had enough")
		}
		p := c.provider(t, s)
		if p.Complete == nil {
			t.Skip("a stream ends where the vendor says so")
		}
		const tooMuch = 1 << 30
		s.FailWhen(func(vendorsim.Request) vendorsim.Fault { return vendorsim.Endless(tooMuch) })
		_, err := p.Complete(t.Context(), c.hello())
		wantClass(t, err, failover.ClassIncomplete, "an answer without end")
		if s.Stats().Sent >= tooMuch {
			t.Error("a gigabyte was read: bound the answer")
		}
	})
}
