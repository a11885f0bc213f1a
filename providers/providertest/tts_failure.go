package providertest

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

// bodies come with errors from vendors, their gateways and their framework.
var bodies = map[string]struct{ contentType, body string }{
	"no body":        {"", ""},
	"HTML":           {"text/html", "<html><body><h1>" + Canary + "</h1></body></html>"},
	"text":           {"text/plain", Canary},
	"JSON text":      {"application/json", `"` + Canary + `"`},
	"JSON object":    {"application/json", `{"message":"` + Canary + `","error":{"message":"` + Canary + `"}}`},
	"JSON list":      {"application/json", `[{"msg":"` + Canary + `"}]`},
	"empty object":   {"application/json", `{}`},
	"null":           {"application/json", `null`},
	"number":         {"application/json", `17`},
	"truncated JSON": {"application/json", `{"detail":{"message":"` + Canary},
	"deep JSON":      {"application/json", `{"detail":[[[[[[{"a":{"b":"` + Canary + `"}}]]]]]]}`},
	"code as text":   {"application/json", `{"detail":{"code":"` + Canary + `","status":"` + Canary + `"},"err_code":"` + Canary + `"}`},
	"code as number": {"application/json", `{"detail":{"code":7,"status":[],"message":{}},"err_code":7,"request_id":{}}`},
	"bytes":          {"application/octet-stream", "\x00\xff\xfe\x01"},
}

// statuses that mean something by themselves.
var statuses = []int{
	400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 415, 422, 429, 451, 500, 501, 502, 503, 504, 505, 529, 599,
}

func (c TTS) testRefusals(t *testing.T) {
	for _, row := range c.Refusals {
		inBubble(t, row.Name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			c.testRefusal(t, s, row)
		})
	}
	for _, status := range statuses {
		inBubble(t, strconv.Itoa(status)+" with any body", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			p := c.provider(t, s)
			for name, b := range bodies {
				s.Fail(vendorsim.Body(status, b.contentType, b.body))
				_, err := p.Do(t.Context(), c.Request)
				e := wantClass(t, err, failover.ClassOfStatus(status), "status "+strconv.Itoa(status)+" with "+name)
				if e.Status != status {
					t.Errorf("%d with %s: Error.Status is %d", status, name, e.Status)
				}
			}
			wantRequests(t, s, len(bodies))
		})
	}
	inBubble(t, "Retry-After", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		limited := vendorsim.Status(http.StatusTooManyRequests)
		for _, row := range []struct {
			fault vendorsim.Fault
			want  time.Duration
		}{
			{limited, 0},
			{limited.RetryAfter(7), 7 * time.Second},
			{limited.RetryAfterMs(250), 250 * time.Millisecond},
			{limited.RetryAfterDate(90 * time.Second), 90 * time.Second},
			{limited.Header("Retry-After", "soon"), 0},
		} {
			s.Fail(row.fault)
			_, err := p.Do(t.Context(), c.Request)
			if e := wantClass(t, err, failover.ClassRateLimited, "429"); e.RetryAfter != row.want {
				t.Errorf("Error.RetryAfter is %v, want %v: a router waits as long as the vendor asks", e.RetryAfter, row.want)
			}
		}
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		inBubble(t, strconv.Itoa(status)+" redirect", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Redirect(status, "http://elsewhere.test/collect"))
			_, err := c.provider(t, s).Do(t.Context(), c.Request)
			wantClass(t, err, failover.ClassUnsupported, "a redirect, which would carry the key elsewhere")
			wantRequests(t, s, 1)
		})
	}
	inBubble(t, "huge error body", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		s.Fail(vendorsim.HugeError(http.StatusInternalServerError, 64<<20))
		_, err := c.provider(t, s).Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassTransient, "a huge error body")
		if sent := s.Stats().Sent; sent > 1<<20 {
			t.Errorf("%d bytes of an error's body were read: bound it", sent)
		}
	})
}

func (c TTS) testRefusal(t *testing.T, s *vendorsim.Server, row Refusal) {
	t.Helper()
	header := row.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	s.Fail(vendorsim.Answered(vendorsim.Answer{Status: row.Status, Header: header, Body: []byte(row.Body)}))
	_, err := c.provider(t, s).Do(t.Context(), c.Request)
	e := wantClass(t, err, row.Want, row.Name)
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
	wantRequests(t, s, 1)
}

func (c TTS) testConnection(t *testing.T) {
	down := func(t *testing.T, s *vendorsim.Server) {
		t.Helper()
		p := c.provider(t, s)
		s.Down()
		_, err := p.Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassTransient, "a refused connection")
		wantRequests(t, s, 0)
	}
	inBubble(t, "refused", c.Vendor, down)
	overTCP(t, "refused over TCP", c.Vendor, down)

	for _, fault := range []vendorsim.Fault{vendorsim.Reset(), vendorsim.ResetAfterRead(), vendorsim.HangUp()} {
		broken := func(t *testing.T, s *vendorsim.Server) {
			t.Helper()
			s.FailAlways(fault)
			_, err := c.provider(t, s).Do(t.Context(), c.Request)
			wantClass(t, err, failover.ClassTransient, fault.String())
			if n := s.Stats().Requests; n > 1 {
				t.Errorf("the request was sent %d times: one attempt is one request", n)
			}
		}
		inBubble(t, fault.String(), c.Vendor, broken)
		overTCP(t, fault.String()+" over TCP", c.Vendor, broken)
	}
	inBubble(t, "reset of a connection that was used before", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		if _, err := p.Do(t.Context(), c.Request); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		s.Fail(vendorsim.ResetAfterRead())
		_, err := p.Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassTransient, "a reset")
		wantRequests(t, s, 2)
	})
	for _, fault := range []vendorsim.Fault{vendorsim.Garbage(), vendorsim.HalfHeader()} {
		inBubble(t, fault.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			_, err := c.provider(t, s).Do(t.Context(), c.Request)
			// There is no type to tell it by; unknown is treated as transient.
			if class := failover.Classify(err).Class; err == nil || class != failover.ClassUnknown && class != failover.ClassTransient {
				t.Errorf("the error is of class %v, want %v or %v", class, failover.ClassUnknown, failover.ClassTransient)
			}
			wantDiscreet(t, err)
			wantRequests(t, s, 1)
		})
	}
	overTCP(t, "certificate that is not trusted", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		stranger := &http.Client{Transport: &http.Transport{}}
		defer stranger.CloseIdleConnections()
		_, err := c.providerWith(t, Key, s, stranger).Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassTransient, "a certificate that is not trusted")
		wantRequests(t, s, 0)
	}, vendorsim.WithTLS())
}

func (c TTS) testAnswer(t *testing.T) {
	for _, fault := range []vendorsim.Fault{
		vendorsim.Empty(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Page(),
		vendorsim.Body(http.StatusOK, "application/json", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "text/plain", Canary),
		vendorsim.Body(http.StatusNoContent, "", ""),
	} {
		inBubble(t, fault.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			audio, err := c.provider(t, s).Do(t.Context(), c.Request)
			if err == nil {
				t.Fatalf("%d bytes of %v were passed off as whole", len(audio.Data), fault)
			}
			wantClass(t, err, failover.ClassIncomplete, fault.String())
			wantRequests(t, s, 1)
		})
	}
	for _, format := range c.formats() {
		if format.Encoding == tts.EncodingMuLaw || format.Encoding == tts.EncodingALaw {
			continue // any bytes are good samples
		}
		inBubble(t, "truncated "+format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Truncate())
			req := c.Request
			req.Format = format
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassIncomplete, "half of the audio under a good status")
		})
		if format.Encoding == tts.EncodingPCM {
			continue
		}
		inBubble(t, "something else than "+format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Body(http.StatusOK, format.ContentType(), "\x01\x02\x03\x04 not that at all"))
			req := c.Request
			req.Format = format
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassIncomplete, "audio of another format")
		})
	}
	inBubble(t, "endless", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		if testing.Short() {
			t.Skip("reads until the provider has had enough")
		}
		const tooMuch = 1 << 30
		s.FailWhen(func(vendorsim.Request) vendorsim.Fault { return vendorsim.Endless(tooMuch) })
		_, err := c.provider(t, s).Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassIncomplete, "an answer without end")
		if s.Stats().Sent >= tooMuch {
			t.Error("a gigabyte was read: bound the answer")
		}
	})
}
