package providertest

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
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

func (o operation) testRefusals(t *testing.T) {
	for _, row := range o.refusals {
		inBubble(t, row.Name, o.vendor, func(t *testing.T, s *vendorsim.Server) {
			o.testRefusal(t, s, row)
		})
	}
	for _, status := range statuses {
		inBubble(t, strconv.Itoa(status)+" with any body", o.vendor, func(t *testing.T, s *vendorsim.Server) {
			call := o.call(t, s)
			for name, b := range bodies {
				s.Fail(vendorsim.Body(status, b.contentType, b.body))
				e := wantClass(t, call(t.Context()), failover.ClassOfStatus(status), "status "+strconv.Itoa(status)+" with "+name)
				if e.Status != status {
					t.Errorf("%d with %s: Error.Status is %d", status, name, e.Status)
				}
			}
			wantRequests(t, s, len(bodies))
		})
	}
	inBubble(t, "Retry-After", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		call := o.call(t, s)
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
			if e := wantClass(t, call(t.Context()), failover.ClassRateLimited, "429"); e.RetryAfter != row.want {
				t.Errorf("Error.RetryAfter is %v, want %v: a router waits as long as the vendor asks", e.RetryAfter, row.want)
			}
		}
	})
	for _, status := range []int{301, 302, 303, 307, 308} {
		inBubble(t, strconv.Itoa(status)+" redirect", o.vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Redirect(status, "http://elsewhere.test/collect"))
			err := o.call(t, s)(t.Context())
			wantClass(t, err, failover.ClassUnsupported, "a redirect, which would carry the key elsewhere")
			wantRequests(t, s, 1)
		})
	}
	inBubble(t, "huge error body", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		s.Fail(vendorsim.HugeError(http.StatusInternalServerError, 64<<20))
		err := o.call(t, s)(t.Context())
		wantClass(t, err, failover.ClassTransient, "a huge error body")
		if sent := s.Stats().Sent; sent > 1<<20 {
			t.Errorf("%d bytes of an error's body were read: bound it", sent)
		}
	})
}

func (o operation) testRefusal(t *testing.T, s *vendorsim.Server, row Refusal) {
	t.Helper()
	header := row.Header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if header.Get("Content-Type") == "" {
		header.Set("Content-Type", "application/json")
	}
	s.Fail(vendorsim.Answered(vendorsim.Answer{Status: row.Status, Header: header, Body: []byte(row.Body)}))
	err := o.call(t, s)(t.Context())
	wantRow(t, wantClass(t, err, row.Want, row.Name), row)
	wantRequests(t, s, 1)
}

func (o operation) testConnection(t *testing.T) {
	down := func(t *testing.T, s *vendorsim.Server) {
		t.Helper()
		call := o.call(t, s)
		s.Down()
		wantClass(t, call(t.Context()), failover.ClassTransient, "a refused connection")
		wantRequests(t, s, 0)
	}
	inBubble(t, "refused", o.vendor, down)
	overTCP(t, "refused over TCP", o.vendor, down)

	for _, fault := range []vendorsim.Fault{vendorsim.Reset(), vendorsim.ResetAfterRead(), vendorsim.HangUp()} {
		broken := func(t *testing.T, s *vendorsim.Server) {
			t.Helper()
			s.FailAlways(fault)
			err := o.call(t, s)(t.Context())
			wantClass(t, err, failover.ClassTransient, fault.String())
			if n := s.Stats().Requests; n > 1 {
				t.Errorf("the request was sent %d times: one attempt is one request", n)
			}
		}
		inBubble(t, fault.String(), o.vendor, broken)
		overTCP(t, fault.String()+" over TCP", o.vendor, broken)
	}
	inBubble(t, "reset of a connection that was used before", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		call := o.call(t, s)
		if err := call(t.Context()); err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		s.Fail(vendorsim.ResetAfterRead())
		wantClass(t, call(t.Context()), failover.ClassTransient, "a reset")
		wantRequests(t, s, 2)
	})
	for _, fault := range []vendorsim.Fault{vendorsim.Garbage(), vendorsim.HalfHeader()} {
		inBubble(t, fault.String(), o.vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			err := o.call(t, s)(t.Context())
			// There is no type to tell it by; unknown is treated as transient.
			if class := failover.Classify(err).Class; err == nil || class != failover.ClassUnknown && class != failover.ClassTransient {
				t.Errorf("the error is of class %v, want %v or %v", class, failover.ClassUnknown, failover.ClassTransient)
			}
			wantDiscreet(t, err)
			wantRequests(t, s, 1)
		})
	}
	overTCP(t, "certificate that is not trusted", o.vendor, func(t *testing.T, s *vendorsim.Server) {
		stranger := &http.Client{Transport: &http.Transport{}}
		defer stranger.CloseIdleConnections()
		call, _ := o.make(t, Key, s, stranger)
		wantClass(t, call(t.Context()), failover.ClassTransient, "a certificate that is not trusted")
		wantRequests(t, s, 0)
	}, vendorsim.WithTLS())
}
