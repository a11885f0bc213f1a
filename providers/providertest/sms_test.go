package providertest_test

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/sms"
)

// acmeRefusals are what Acme says no with.
func acmeRefusals(stop, nobody error) []providertest.Refusal {
	body := func(code string) string { return `{"code":"` + code + `","message":"` + providertest.Canary + `"}` }
	return []providertest.Refusal{
		{Name: "opted out", Status: 400, Body: body("stop"), Want: failover.ClassInvalid, Code: "stop", Cause: stop},
		{
			Name: "no such number", Status: 404, Body: body("nobody"), Want: failover.ClassInvalid, Code: "nobody",
			Message: providertest.Canary, Cause: nobody,
		},
		{Name: "in doubt", Status: 400, Body: body("maybe"), Want: failover.ClassTransient, Code: "maybe", Ambiguous: true},
	}
}

func smsConformance(t *testing.T, fault string) {
	t.Helper()
	providertest.TestSMS(t, providertest.SMS{
		New:         newAcmeSMS(fault),
		Vendor:      newAcmeExchange,
		Message:     sms.Message{To: "+15005550006"},
		Senders:     map[string]string{"": "+15005550001", "alerts": "+15005550002", "+15005550002": "+15005550002"},
		Foreign:     []string{"+15005550003", "somebody", "twilio:+15005550001"},
		Unsupported: []sms.Message{{Media: []string{"https://media.example.org/cat.png"}}},
		Refusals:    acmeRefusals(sms.ErrOptedOut, sms.ErrInvalidRecipient),
		Updates: []providertest.SMSUpdate{
			{Status: sms.StatusSent},
			{Status: sms.StatusDelivered},
			{
				Status: sms.StatusUndelivered, Code: "gone", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: sms.ErrInvalidRecipient,
			},
		},
		Forged:   errAcmeForged,
		Lifetime: acmePatience,
	})
}

// TestAGoodSMSAdapterPasses is for messages what TestAGoodAdapterPasses is for
// speech.
func TestAGoodSMSAdapterPasses(t *testing.T) { smsConformance(t, "") }

const smsFaultVariable = "PROVIDERTEST_SMS_FAULT"

// TestBadSMSAdapter is run by TestEverySMSFaultIsFound, in a process of its
// own.
func TestBadSMSAdapter(t *testing.T) {
	fault := os.Getenv(smsFaultVariable)
	if fault == "" {
		t.Skip("run by TestEverySMSFaultIsFound")
	}
	smsConformance(t, fault)
}

// found is the part of a suite that finds a fault, and what it says.
type found struct{ by, rule string }

// phoneFaults are those that messages and calls can have.
var phoneFaults = map[string]found{
	faultHarmless:  {"success", "SideEffect is not set"},
	faultKeyed:     {"sent once", "the transport sent the request again by itself"},
	faultRenewable: {"http2", "the vendor got the request 2 times"},
	faultRedirect:  {"refusals", "one call made 2 HTTP requests, want 1"},
	faultRetry:     {"sent once", "one call made 2 HTTP requests, want 1"},
	faultSurely:    {"sent once", "want unknown: it may have been carried out"},
	faultTimid:     {"never connected", "want not_accepted: it was certainly not carried out"},
	faultGateway:   {"sent once", "want unknown: it may have been carried out"},
	faultConflict:  {"sent once", "want unknown: it may have been carried out"},
	faultUnsure:    {"refusals", "want not_accepted: it was certainly not carried out"},
	faultStrict:    {"answer", "want accepted: a 2xx is a yes"},
	faultNoReceipt: {"answer", "there is no receipt"},
	faultGullible:  {"answer", "was passed off as a whole answer"},
	faultForgetful: {"success", "failover.OperationID says it"},
	faultTagless:   {"callback", "without them no webhook finds its attempt"},
	faultRewrites:  {"callback", "the callback's own parameter"},
	faultPathless:  {"callback", "failover.ProviderPath says it"},
	faultAnybody:   {"before anything is sent", "so a router wastes an attempt"},
	faultInsistent: {"before anything is sent", "so a router wastes an attempt"},
	faultEager:     {"before anything is sent", "want an error of class invalid"},
	faultBlunt:     {"before anything is sent", "which callers look for"},
	faultOptOut:    {"refusals", "which callers look for"},
	faultClassless: {"refusals", "the error is of class unknown, want"},
	faultHint:      {"refusals", "Error.RetryAfter is 0s, want 7s"},
	faultCode:      {"refusals", "Error.Code is \"\", want"},
	faultBound:     {"refusals", "bytes of an error's body were read: bound it"},
	faultLeak:      {"refusals", "read or close the body of every response"},
	faultMessage:   {"refusals", "prints the vendor's message"},
	faultPrint:     {"never connected", "prints a URL"},
	faultPrintKey:  {"never connected", "prints the API key"},
	faultPrintTo:   {"sent once", "number; keep it out of errors"},
	faultDeaf:      {"time", "deadlock"}, // nobody else would end the call either
	faultHasty:     {"time", "it must end with its context"},
	faultPrintFrom: {"before anything is sent", "prints a sender's number"},
	faultUnread:    {"success", "took 2 connections, want 1"},
	faultFresh:     {"success", "took 4 connections, want 1"},
	faultShared:    {"concurrency", "is of another"},
	faultProbe:     {"health check", "the provider reported success"},
	faultPaid:      {"health check", "a probe must be free"},
	faultGentle:    {"webhooks", "check the signature before anything else"},
	faultPartial:   {"webhooks", "check the signature before anything else"},
	faultTimeless:  {"webhooks", "a webhook that somebody has kept and sends again was believed"},
	faultGreedy:    {"webhooks", "bytes of a webhook were read: bound it"},
	faultVague:     {"webhooks", "by which an application answers 403"},
	faultDelivered: {"webhooks", "the update's Err is nil, want one of class invalid"},
}

// TestEverySMSFaultIsFound breaks the adapter in one way at a time: the suite
// must fail in the part that is there for it, and say which rule was broken.
func TestEverySMSFaultIsFound(t *testing.T) {
	t.Parallel()
	faults := maps.Clone(phoneFaults)
	maps.Copy(faults, map[string]found{
		faultBodiless: {"success", "the vendor was not told"},
		faultMissing:  {"lookup", "it cannot tell"},
		faultHopeful:  {"lookup", "where two could be meant"},
		faultAges:     {"lookup", "which is of another operation"},
		faultPoke:     {"lookup", "it must change nothing"},
	})
	for fault, found := range faults {
		findsIn(t, "TestBadSMSAdapter", smsFaultVariable, fault, found)
	}
}

// findsIn runs a part of a suite on a bad adapter and wants it to say the rule.
func findsIn(t *testing.T, test, variable, fault string, found found) {
	t.Helper()
	t.Run(fault, func(t *testing.T) {
		t.Parallel()
		self, err := os.Executable()
		require.NoError(t, err)
		part := "^" + strings.ReplaceAll(found.by, " ", "_") + "$"
		cmd := exec.CommandContext(t.Context(), self, "-test.run=^"+test+"$/"+part, "-test.short", "-test.timeout=60s")
		cmd.Env = append(os.Environ(), variable+"="+fault)
		out, err := cmd.CombinedOutput()
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit, "the suite passed an adapter that %s:\n%s", fault, out)
		assert.Contains(t, string(out), found.rule)
	})
}
