package call_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
)

func TestStatusFinal(t *testing.T) {
	t.Parallel()
	for status, final := range map[call.Status]bool{
		call.StatusUnknown: false, call.StatusQueued: false, call.StatusRinging: false, call.StatusInProgress: false,
		call.StatusCompleted: true, call.StatusBusy: true, call.StatusNoAnswer: true, call.StatusCanceled: true,
		call.StatusFailed: true, call.StatusEnded: true, "on hold": false,
	} {
		assert.Equal(t, final, status.Final(), status)
	}
}

func TestCallJSON(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]call.Call{
		`{"provider":"","status":""}`:                            {},
		`{"provider":"twilio","id":"CA1","status":"queued"}`:     {Provider: "twilio", ID: "CA1", Status: call.StatusQueued},
		`{"provider":"pool/a","status":"busy","uncertain":true}`: {Provider: "pool/a", Status: call.StatusBusy, Uncertain: true},
		`{"provider":"","operation":"o","attempt":"o.1","status":"completed","to":"+15005550006","from":"+15005550001",
			"answered_by":"machine","created":"2026-03-01T09:00:00Z","duration":90000000000}`: {
			Operation: "o", Attempt: "o.1", Status: call.StatusCompleted, To: callee, From: "+15005550001",
			AnsweredBy: call.AnsweredMachine, Created: time.Date(2026, time.March, 1, 9, 0, 0, 0, time.UTC), Duration: 90 * time.Second,
		},
	} {
		text, err := json.Marshal(c)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(text))
		var back call.Call
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, c, back)
	}
}

// What a webhook says of the attempt: only a call that certainly rang nowhere
// was not accepted. Busy and no answer are the callee's.
func TestUpdateOutcome(t *testing.T) {
	t.Parallel()
	maybe := &failover.Error{Class: failover.ClassTransient}
	nowhere := &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted}
	for _, row := range []struct {
		u    call.Update
		want failover.Outcome
	}{
		{call.Update{}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusRinging}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusBusy, SIP: 486}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusNoAnswer, SIP: 487}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusCanceled}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusFailed}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusFailed, Err: maybe}, failover.OutcomeAccepted},
		{call.Update{Status: call.StatusFailed, Err: nowhere}, failover.OutcomeNotAccepted},
		{call.Update{Status: call.StatusBusy, Err: nowhere}, failover.OutcomeAccepted},
	} {
		assert.Equal(t, row.want, row.u.Outcome(), "%+v", row.u)
	}
}

func TestFilterMost(t *testing.T) {
	t.Parallel()
	assert.Equal(t, 50, call.Filter{}.Most())
	assert.Equal(t, 7, call.Filter{Limit: 7}.Most())
}
