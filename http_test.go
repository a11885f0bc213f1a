package failover_test

import (
	"math"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// classOfStatus is the table written as a list, so that each status is decided
// here and not by the code under test.
func classOfStatus(status int) failover.Class {
	listed := map[failover.Class][]int{
		failover.ClassUnauthorized: {401, 407},
		failover.ClassExhausted:    {402},
		failover.ClassUnsupported:  {403, 404, 410, 413, 501},
		failover.ClassTimeout:      {408, 504},
		failover.ClassTransient:    {409},
		failover.ClassRateLimited:  {429},
	}
	for class, statuses := range listed {
		if slices.Contains(statuses, status) {
			return class
		}
	}
	switch status / 100 {
	case 3:
		return failover.ClassUnsupported
	case 4:
		return failover.ClassInvalid
	case 5, 6, 7, 8, 9:
		return failover.ClassTransient
	default:
		return failover.ClassUnknown
	}
}

func outcomeOfStatus(status int) failover.Outcome {
	switch status {
	case 408, 409:
		return failover.OutcomeUnknown
	case 501, 505:
		return failover.OutcomeNotAccepted
	}
	switch status / 100 {
	case 2:
		return failover.OutcomeAccepted
	case 3, 4:
		return failover.OutcomeNotAccepted
	default:
		return failover.OutcomeUnknown
	}
}

func TestEveryStatus(t *testing.T) {
	t.Parallel()
	for status := range 1000 {
		class, outcome := classOfStatus(status), outcomeOfStatus(status)
		require.Equal(t, class, failover.ClassOfStatus(status), "%d", status)
		require.Equal(t, outcome, failover.OutcomeOfStatus(status), "%d", status)
		e := failover.HTTPError(&http.Response{StatusCode: status, Header: http.Header{}})
		require.Equal(t, &failover.Error{Class: class, Outcome: outcome, Status: status}, e)
	}
	for _, odd := range []int{math.MinInt, -1, 1000, math.MaxInt} {
		require.Contains(t, failover.Classes(), failover.ClassOfStatus(odd))
		require.Equal(t, failover.OutcomeUnknown, failover.OutcomeOfStatus(odd))
	}
}

func TestHTTPErrorReadsHeaders(t *testing.T) {
	t.Parallel()
	resp := &http.Response{StatusCode: 429, Header: http.Header{}}
	resp.Header.Set("Retry-After", "3")
	resp.Header.Set("x-request-id", "req_1")
	e := failover.HTTPError(resp)
	require.Equal(t, 3*time.Second, e.RetryAfter)
	require.Equal(t, "req_1", e.RequestID)
	require.Empty(t, e.Message)
	require.NoError(t, e.Err)
}

func TestHTTPErrorFindsRequestIDs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"X-Request-Id", "Request-Id", "Dg-Request-Id", "Twilio-Request-Id", "X-Goog-Request-Id", "X-Amzn-Requestid",
	} {
		resp := &http.Response{StatusCode: 500, Header: http.Header{}}
		resp.Header.Set(name, "id")
		require.Equal(t, "id", failover.HTTPError(resp).RequestID, name)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	const (
		date  = "Wed, 21 Oct 2015 07:28:00 GMT"
		later = "Wed, 21 Oct 2015 07:29:30 GMT"
	)
	year := 365 * 24 * time.Hour
	for _, tt := range []struct {
		name, ms, after, date string
		want                  time.Duration
	}{
		{"nothing", "", "", "", 0},
		{"seconds", "", "120", "", 2 * time.Minute},
		{"zero", "", "0", "", 0},
		{"fractions, which some vendors send", "", "0.5", "", 500 * time.Millisecond},
		{"spaces", "", "  7 ", "", 7 * time.Second},
		{"negative", "", "-5", "", 0},
		{"absurd", "", "99999999999999999999", "", year},
		{"beyond any float", "", "1e999", "", 0},
		{"infinite", "", "Inf", "", year},
		{"no number", "", "NaN", "", 0},
		{"text", "", "soon", "", 0},
		{"milliseconds", "250", "", "", 250 * time.Millisecond},
		{"milliseconds are preferred", "250", "9", "", 250 * time.Millisecond},
		{"unreadable milliseconds are not", "soon", "9", "", 9 * time.Second},
		{"absurd milliseconds", "9999999999999999999999", "", "", year},
		{"a date against Date", "", later, date, 90 * time.Second},
		{"a date in RFC 850 format", "", "Wednesday, 21-Oct-15 07:29:30 GMT", date, 90 * time.Second},
		{"a date in asctime format", "", "Wed Oct 21 07:29:30 2015", date, 90 * time.Second},
		{"a date before Date", "", date, later, 0},
		{"a date of another age", "", "Fri, 31 Dec 9999 23:59:59 GMT", date, year},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := http.Header{}
			for name, value := range map[string]string{"Retry-After-Ms": tt.ms, "Retry-After": tt.after, "Date": tt.date} {
				if value != "" {
					h.Set(name, value)
				}
			}
			require.Equal(t, tt.want, failover.RetryAfter(h))
		})
	}
}

func TestRetryAfterDateWithoutDateIsReadByTheLocalClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := http.Header{}
		h.Set("Retry-After", time.Now().Add(25*time.Second).UTC().Format(http.TimeFormat))
		require.Equal(t, 25*time.Second, failover.RetryAfter(h))
		h.Set("Date", "nonsense")
		require.Equal(t, 25*time.Second, failover.RetryAfter(h))
	})
}

func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "1", "-1", "1e300", "Inf", "NaN", "0x1p-2", "Wed, 21 Oct 2015 07:28:00 GMT", "\x00", "1_000"} {
		f.Add(seed, "", "")
		f.Add("", seed, "Wed, 21 Oct 2015 07:28:00 GMT")
		f.Add("", "Wed, 21 Oct 2015 07:28:00 GMT", seed)
	}
	f.Fuzz(func(t *testing.T, ms, after, date string) {
		h := http.Header{"Retry-After-Ms": {ms}, "Retry-After": {after}, "Date": {date}}
		if d := failover.RetryAfter(h); d < 0 || d > 365*24*time.Hour {
			t.Fatalf("%v", d)
		}
	})
}
