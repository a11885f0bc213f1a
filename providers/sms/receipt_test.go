package sms_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

func TestStatus(t *testing.T) {
	t.Parallel()
	for status, want := range map[sms.Status]struct{ final, failed bool }{
		sms.StatusUnknown:     {},
		sms.StatusQueued:      {},
		sms.StatusSending:     {},
		sms.StatusSent:        {},
		sms.StatusDelivered:   {final: true},
		sms.StatusUnconfirmed: {final: true},
		sms.StatusUndelivered: {final: true, failed: true},
		sms.StatusFailed:      {final: true, failed: true},
		sms.StatusCanceled:    {final: true, failed: true},
		"lost in the post":    {},
	} {
		assert.Equal(t, want.final, status.Final(), status)
		assert.Equal(t, want.failed, status.Failed(), status)
	}
}

func TestReceiptJSON(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]sms.Receipt{
		`{"provider":"","status":""}`:                        {},
		`{"provider":"twilio","id":"SM1","status":"queued"}`: {Provider: "twilio", ID: "SM1", Status: sms.StatusQueued},
		`{"provider":"pool/a","status":"","uncertain":true}`: {Provider: "pool/a", Uncertain: true},
		`{"provider":"telnyx","status":"sent","segments":2}`: {Provider: "telnyx", Status: sms.StatusSent, Segments: 2},
		`{"provider":"","operation":"o","attempt":"o.1","status":"","price":{"amount":0.0079,"currency":"USD"}}`: {
			Operation: "o", Attempt: "o.1", Price: &sms.Price{Amount: 0.0079, Currency: "USD"},
		},
	} {
		text, err := json.Marshal(r)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(text))
		var back sms.Receipt
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, r, back)
	}
}

// What a webhook says of the attempt: only what certainly reached nobody was
// not accepted.
func TestUpdateOutcome(t *testing.T) {
	t.Parallel()
	reached := &failover.Error{Class: failover.ClassTransient}
	nobody := &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted}
	for _, row := range []struct {
		u    sms.Update
		want failover.Outcome
	}{
		{sms.Update{}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusQueued}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusDelivered, At: time.Unix(0, 0)}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusFailed}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusUnconfirmed, Err: reached}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusUndelivered, Err: reached}, failover.OutcomeAccepted},
		{sms.Update{Status: sms.StatusUndelivered, Err: nobody}, failover.OutcomeNotAccepted},
		{sms.Update{Status: sms.StatusFailed, Err: nobody}, failover.OutcomeNotAccepted},
		{sms.Update{Status: sms.StatusCanceled, Err: nobody}, failover.OutcomeNotAccepted},
		{sms.Update{Status: sms.StatusSent, Err: nobody}, failover.OutcomeAccepted},
	} {
		assert.Equal(t, row.want, row.u.Outcome(), "%+v", row.u)
	}
}
