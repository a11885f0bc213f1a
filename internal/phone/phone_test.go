package phone_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
)

func TestIsE164(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"+15005550006": true, "+1234567": true, "+123456789012345": true, "+4930123456": true, "+800123456789": true,
		"": false, "+": false, "15005550006": false, "0015005550006": false, "++15005550006": false, "+05005550006": false,
		"+123456": false, "+1234567890123456": false, "+1 500 555": false, "+1-500-5550006": false, "+1500555000a": false,
		"+15005550006 ": false, " +15005550006": false, "+15005550006\n": false, "+١٥٠٠٥٥٥٠٠٠٦": false, "+1500555000６": false,
		"tel:+15005550006": false, "+1(500)5550006": false,
	} {
		assert.Equal(t, want, phone.IsE164(s), s)
	}
}

func FuzzIsE164(f *testing.F) {
	for _, s := range []string{"+15005550006", "+1234567", "+", "", "+0", "1", "+15005550006x", "+1234567890123456"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want := len(s) >= 8 && len(s) <= 16 && s[0] == '+' && s[1] != '0'
		for _, b := range []byte(s[min(1, len(s)):]) {
			want = want && b >= '0' && b <= '9'
		}
		if got := phone.IsE164(s); got != want {
			t.Errorf("IsE164(%q) is %v", s, got)
		}
	})
}

func TestIsURL(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"https://example.org": true, "http://example.org/a?b=c#d": true, "HTTPS://EXAMPLE.ORG": true, "https://[::1]:8443/x": true,
		"https://127.0.0.1": true, "https://example.org:8443": true,
		"": false, "example.org": false, "//example.org": false, "/hooks": false, "https:": false, "https://": false, "https:///x": false,
		"https://:443/x": false, "ftp://example.org": false, "file:///etc/passwd": false, "javascript:alert(1)": false,
		"https://me@example.org": false, "https://me:pass@example.org": false, "https://exa mple.org": false,
		"https://example.org/\n": false, "https://example.org/%zz": false, "mailto:anna@example.org": false,
	} {
		assert.Equal(t, want, phone.IsURL(s), s)
	}
}

func TestSender(t *testing.T) {
	t.Parallel()
	table := map[string]string{"": "+1500", "alerts": "MG1", "closed": "", "twilio:odd": "+1501"}
	for _, row := range []struct {
		name, own string
		ok        bool
	}{
		{"", "+1500", true},
		{"alerts", "MG1", true},
		{"MG1", "MG1", true},
		{"+1500", "+1500", true},
		{"twilio:+1999", "+1999", true},
		{"twilio:odd", "+1501", true}, // a name of the table is a name
		{"twilio:a:b", "a:b", true},
		{"closed", "", false},
		{"twilio:", "", false},
		{"telnyx:+1500", "", false},
		{"Twilio:+1500", "", false},
		{"+1999", "", false},
		{"Alerts", "", false},
	} {
		own, ok := phone.Sender(table, "twilio", row.name)
		assert.Equal(t, row.own, own, row.name)
		assert.Equal(t, row.ok, ok, row.name)
	}
	_, ok := phone.Sender(map[string]string{"closed": ""}, "twilio", "")
	assert.False(t, ok, "an empty value is nobody's")
}

// What is found is owned: a row of the table, or said to be the vendor's.
func FuzzSender(f *testing.F) {
	f.Add("alerts", "MG1", "twilio", "twilio:+1999")
	f.Add("", "+1500", "telnyx", "")
	f.Add("a", "", "", ":")
	f.Fuzz(func(t *testing.T, key, value, vendor, name string) {
		own, ok := phone.Sender(map[string]string{key: value}, vendor, name)
		explicit := strings.HasPrefix(name, vendor+":")
		switch {
		case ok != (own != ""):
			t.Errorf("Sender says %q and %v", own, ok)
		case ok && own != value && (!explicit || own != name[len(vendor)+1:]):
			t.Errorf("Sender of %q gives %q, which nobody said is owned", name, own)
		case !ok && value != "" && (name == key || name == value && !explicit):
			t.Errorf("Sender of %q gives nothing, and the table has %q for %q", name, value, key)
		}
	})
}

func TestSIP(t *testing.T) {
	t.Parallel()
	for code, want := range map[int]struct {
		class   failover.Class
		outcome failover.Outcome
	}{
		404: {failover.ClassInvalid, failover.OutcomeNotAccepted}, // no such number
		410: {failover.ClassInvalid, failover.OutcomeNotAccepted},
		484: {failover.ClassInvalid, failover.OutcomeNotAccepted},
		604: {failover.ClassInvalid, failover.OutcomeNotAccepted},
		401: {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		403: {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		407: {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		488: {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		606: {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		408: {failover.ClassTimeout, failover.OutcomeUnknown},
		504: {failover.ClassTimeout, failover.OutcomeUnknown},
		480: {failover.ClassInvalid, failover.OutcomeUnknown}, // the callee's own answers
		486: {failover.ClassInvalid, failover.OutcomeUnknown},
		487: {failover.ClassInvalid, failover.OutcomeUnknown},
		600: {failover.ClassInvalid, failover.OutcomeUnknown},
		603: {failover.ClassInvalid, failover.OutcomeUnknown},
		500: {failover.ClassTransient, failover.OutcomeUnknown},
		503: {failover.ClassTransient, failover.OutcomeUnknown},
		599: {failover.ClassTransient, failover.OutcomeUnknown},
		400: {failover.ClassUnsupported, failover.OutcomeUnknown},
		499: {failover.ClassUnsupported, failover.OutcomeUnknown},
		0:   {},
		200: {},
		302: {},
	} {
		class, outcome := phone.SIP(code)
		assert.Equal(t, want.class, class, code)
		assert.Equal(t, want.outcome, outcome, code)
	}
}
