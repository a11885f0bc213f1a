package providertest_test

import (
	"maps"
	"os"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/providertest"
)

func callConformance(t *testing.T, fault string) {
	t.Helper()
	providertest.TestCall(t, providertest.Call{
		New:         newAcmeCall(fault),
		Vendor:      newAcmeExchange,
		Request:     call.Request{To: "+15005550006", AudioURL: "https://media.example.org/a.mp3?x=1&y=2"},
		Callers:     map[string]string{"": "+15005550001", "alerts": "+15005550002", "+15005550002": "+15005550002"},
		Foreign:     []string{"+15005550003", "somebody"},
		Unsupported: []call.Request{{TwiML: "<Response/>"}},
		Refusals:    acmeRefusals(nil, call.ErrInvalidRecipient),
		Unknown:     "call-9999",
		Updates: []providertest.CallUpdate{
			{Status: call.StatusRinging},
			{Status: call.StatusCompleted},
			{Status: call.StatusBusy},
			{
				Status: call.StatusFailed, Code: "gone", Want: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted,
				Cause: call.ErrInvalidRecipient,
			},
		},
		Forged:   errAcmeForged,
		Lifetime: acmePatience,
		Window:   acmeWindow,
	})
}

// TestAGoodCallAdapterPasses is for calls what TestAGoodAdapterPasses is for
// speech.
func TestAGoodCallAdapterPasses(t *testing.T) { callConformance(t, "") }

const callFaultVariable = "PROVIDERTEST_CALL_FAULT"

// TestBadCallAdapter is run by TestEveryCallFaultIsFound, in a process of its
// own.
func TestBadCallAdapter(t *testing.T) {
	fault := os.Getenv(callFaultVariable)
	if fault == "" {
		t.Skip("run by TestEveryCallFaultIsFound")
	}
	callConformance(t, fault)
}

// TestEveryCallFaultIsFound is TestEverySMSFaultIsFound for calls.
func TestEveryCallFaultIsFound(t *testing.T) {
	t.Parallel()
	faults := maps.Clone(phoneFaults)
	maps.Copy(faults, map[string]found{
		faultRings:   {"repeats", "the same attempt was carried out 2 times"},
		faultSame:    {"repeats", "nothing says that they are the same"},
		faultLate:    {"repeats", "one call made 2 HTTP requests, want 1"},
		faultOver:    {"calls", "a call that is over is no error"},
		faultOnAndOn: {"calls", "after Hangup the call is"},
		faultGone:    {"calls", "the error is of class invalid, want unsupported"},
		faultRedial:  {"calls", "Get sent a POST"},
		faultEscape:  {"calls", "escape it, or refuse it"},
		faultAll:     {"calls", "List to one number returns 50 calls, want 11"},
		faultEndless: {"calls", "List the last three returns 55 calls, want 3"},
		faultOldest:  {"calls", "the newest first"},
		faultStale:   {"calls", "the Status of a call that was just placed is"},
		faultBusy:    {"webhooks", "and nothing went wrong"},
	})
	for fault, found := range faults {
		findsIn(t, "TestBadCallAdapter", callFaultVariable, fault, found)
	}
}
