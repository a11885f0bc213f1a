package telnyx_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/telnyx"
)

func TestCallOnTheWire(t *testing.T) {
	t.Parallel()
	callers := call.Callers{"": own, "desk": "+15005550002"}
	connections := call.Connections{"": connection, "robot": "7267000000000000000"}
	const answer = "https://app.example.com/telnyx"
	// plain is what every call has.
	plain := func(more map[string]any) map[string]any {
		b := map[string]any{"connection_id": connection, "to": recipient, "from": own, "retry_on_timeout": false}
		maps.Copy(b, more)
		return b
	}
	some := map[string]any{"call.initiated": callback, "call.hangup": callback}
	for name, c := range map[string]struct {
		request call.Request
		want    map[string]any
	}{
		"the application decides": {call.Request{To: recipient}, plain(nil)},
		"a file":                  {call.Request{To: recipient, AudioURL: sound}, plain(map[string]any{"audio_url": sound})},
		"events":                  {call.Request{To: recipient, AnswerURL: answer}, plain(map[string]any{"webhook_url": answer})},
		"a file and its status": {
			call.Request{To: recipient, AudioURL: sound, StatusCallback: callback},
			plain(map[string]any{"audio_url": sound, "webhook_url": callback}),
		},
		"events and their status": {
			call.Request{To: recipient, AnswerURL: answer, StatusCallback: callback},
			plain(map[string]any{"webhook_url": answer, "webhook_urls": some}),
		},
		"the application's events and their status": {
			call.Request{To: recipient, StatusCallback: callback}, plain(map[string]any{"webhook_urls": some}),
		},
		"everything": {
			call.Request{
				To: recipient, From: "desk", Connection: "robot", RingTimeout: 25 * time.Second, TimeLimit: 10 * time.Minute,
				MachineDetection: call.DetectGreetingEnd, Record: true,
			},
			map[string]any{
				"connection_id": "7267000000000000000", "to": recipient, "from": "+15005550002", "retry_on_timeout": false,
				"timeout_secs": 25.0, "time_limit_secs": 600.0, "answering_machine_detection": "greeting_end", "record": "record-from-answer",
			},
		},
		"detection": {
			call.Request{To: recipient, MachineDetection: call.DetectMachine}, plain(map[string]any{"answering_machine_detection": "detect"}),
		},
		"explicit": {
			call.Request{To: recipient, From: "telnyx:+15005550009", Connection: "telnyx:42"},
			plain(map[string]any{"from": "+15005550009", "connection_id": "42"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sim, client := start(t, telnyx.WithCallers(callers), telnyx.WithConnections(connections))
			require.True(t, client.Call().Supports(c.request))
			placed, err := client.Call().Do(t.Context(), c.request)
			require.NoError(t, err)
			seen := sim.Requests()
			require.Len(t, seen, 1)
			assert.Equal(t, http.MethodPost, seen[0].Method)
			assert.Equal(t, "/v2/calls", seen[0].Path)
			assert.Empty(t, seen[0].Query)
			assert.Equal(t, "application/json", seen[0].Header.Get("Content-Type"))
			assert.True(t, seen[0].Keyed)
			assert.Equal(t, c.want, body(t, sim))

			entries := sim.Ledger.Entries()
			require.Len(t, entries, 1)
			assert.Equal(t, &call.Call{
				Provider: "telnyx", ID: entries[0].ID, Status: call.StatusQueued, To: recipient, From: c.want["from"].(string),
			}, placed)
		})
	}
}

// The simulator knows numbers only; the vendor dials addresses of SIP too.
func TestCallToSIP(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	sim.Fail(vendorsim.Body(http.StatusOK, "application/json", `{"data":{"call_control_id":"v3:x"}}`))
	placed, err := c.Call().Do(t.Context(), call.Request{To: "sip:anna@example.com"})
	require.NoError(t, err)
	assert.Equal(t, "v3:x", placed.ID)
	assert.Equal(t, "sip:anna@example.com", body(t, sim)["to"])
}

// Inside a router the command has the attempt's id, and its events bring back
// whose call it was.
func TestCallCarriesItsAttempt(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	placed, err := c.Call().Do(within(t, "reminder-7"), ring)
	require.NoError(t, err)
	assert.Equal(t, "reminder-7", placed.Operation)
	assert.Equal(t, "reminder-7.1", placed.Attempt)
	assert.Equal(t, "telnyx", placed.Provider)
	sent := body(t, sim)
	assert.Equal(t, "reminder-7.1", sent["command_id"])
	state, err := base64.StdEncoding.DecodeString(sent["client_state"].(string))
	require.NoError(t, err)
	assert.JSONEq(t, `{"operation":"reminder-7","attempt":"reminder-7.1","provider":"telnyx"}`, string(state))
	assert.NotContains(t, sent, "webhook_url", "the connection's own")

	// The callback's address carries it too, where the vendor tells some events
	// and where it tells all.
	const tagged = callback + "&failover_attempt=reminder-8.1&failover_operation=reminder-8&failover_provider=telnyx"
	_, err = c.Call().Do(within(t, "reminder-8"), call.Request{To: recipient, AudioURL: sound, StatusCallback: callback})
	require.NoError(t, err)
	assert.Equal(t, tagged, body(t, sim)["webhook_url"])
	_, err = c.Call().Do(within(t, "reminder-8"), call.Request{To: recipient, StatusCallback: callback})
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"call.initiated": tagged, "call.hangup": tagged}, body(t, sim)["webhook_urls"])
}

func TestCallsThatAreNotPlaced(t *testing.T) {
	t.Parallel()
	sim, c := start(t, telnyx.WithCallers(call.Callers{"desk": own}), telnyx.WithConnections(call.Connections{"robot": connection}))
	for name, row := range map[string]struct {
		request call.Request
		class   failover.Class
		text    string
	}{
		"no caller":        {call.Request{To: recipient, Connection: "robot"}, failover.ClassUnsupported, "call: From is not owned at telnyx"},
		"another's caller": {call.Request{To: recipient, From: "twilio:" + own, Connection: "robot"}, failover.ClassUnsupported, "call: From is not owned at telnyx"},
		"no connection":    {call.Request{To: recipient, From: "desk"}, failover.ClassUnsupported, `call: Connection "" has no id at telnyx, which needs one for every call`},
		"unknown connection": {
			call.Request{To: recipient, From: "desk", Connection: "human"},
			failover.ClassUnsupported,
			`call: Connection "human" has no id at telnyx, which needs one for every call`,
		},
		"TwiML": {
			call.Request{To: recipient, From: "desk", Connection: "robot", TwiML: "<Response/>"},
			failover.ClassUnsupported,
			"call: TwiML is not spoken by telnyx",
		},
		"bad callee": {call.Request{To: "12", From: "desk", Connection: "robot"}, failover.ClassInvalid, ""},
	} {
		placed, err := c.Call().Do(t.Context(), row.request)
		assert.Nil(t, placed, name)
		e := failover.Classify(err)
		assert.Equal(t, row.class, e.Class, name)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, name)
		assert.Equal(t, row.class == failover.ClassInvalid, c.Call().Supports(row.request), name)
		if row.text != "" {
			require.EqualError(t, e.Err, row.text, name)
		}
		hasNoSecrets(t, err)
	}
	assert.Empty(t, sim.Requests())
}

func TestGet(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	placed, err := c.Call().Do(t.Context(), ring)
	require.NoError(t, err)
	found, err := c.Call().Get(t.Context(), placed.ID)
	require.NoError(t, err)
	assert.Equal(t, placed.ID, found.ID)
	assert.Equal(t, call.StatusActive, found.Status)
	assert.False(t, found.Status.Final())
	last := sim.Requests()[1]
	assert.Equal(t, http.MethodGet, last.Method)
	assert.Equal(t, "/v2/calls/"+placed.ID, last.Path)
	assert.Empty(t, last.Body)

	require.NoError(t, c.Call().Hangup(t.Context(), placed.ID))
	found, err = c.Call().Get(t.Context(), placed.ID)
	require.NoError(t, err)
	assert.Equal(t, call.StatusEnded, found.Status)
	assert.True(t, found.Status.Final())
	assert.False(t, found.Created.IsZero())

	for answer, want := range map[string]call.Call{
		// A call that was just placed is not alive yet.
		`{"data":{"call_control_id":"a","is_alive":false}}`: {ID: "a", Status: call.StatusQueued},
		`{"data":{"call_control_id":"b","is_alive":false,"start_time":"2019-01-23T18:10:02.574Z","end_time":"2019-01-23T18:11:52.574Z","call_duration":50}}`: {
			ID: "b", Status: call.StatusEnded, Created: time.Date(2019, 1, 23, 18, 10, 2, 574e6, time.UTC), Duration: 50 * time.Second,
		},
		`{"data":{"call_control_id":"c","is_alive":true,"call_duration":50,"start_time":"soon"}}`:       {ID: "c", Status: call.StatusActive},
		`{"data":{"call_control_id":"d","end_time":"2019-01-23T18:11:52.574Z","call_duration":-1}}`:     {ID: "d", Status: call.StatusEnded},
		`{"data":{"call_control_id":"e","end_time":"2019-01-23T18:11:52.574Z","call_duration":1e300}}`:  {ID: "e", Status: call.StatusEnded},
		`{"data":{"call_control_id":"f","end_time":"2019-01-23T18:11:52.574Z","call_duration":"long"}}`: {ID: "f", Status: call.StatusEnded},
	} {
		sim.Fail(vendorsim.Body(http.StatusOK, "application/json", answer))
		found, err := c.Call().Get(t.Context(), "x")
		require.NoError(t, err, answer)
		want.Provider = "telnyx"
		assert.Equal(t, want, *found, answer)
	}
	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.None(), failover.ClassUnsupported}, // the vendor does not know it
		{vendorsim.Body(200, "application/json", `{"data":{}}`), failover.ClassIncomplete},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.Status(401), failover.ClassUnauthorized},
		{vendorsim.Status(500), failover.ClassTransient},
	} {
		sim.Fail(row.fault)
		found, err := c.Call().Get(t.Context(), "v3:unknown")
		assert.Nil(t, found)
		assert.Equal(t, row.want, class(err), "%v", row.fault)
		hasNoSecrets(t, err)
	}
}

func TestHangup(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	placed, err := c.Call().Do(t.Context(), ring)
	require.NoError(t, err)
	require.NoError(t, c.Call().Hangup(t.Context(), placed.ID))
	last := sim.Requests()[1]
	assert.Equal(t, http.MethodPost, last.Method)
	assert.Equal(t, "/v2/calls/"+placed.ID+"/actions/hangup", last.Path)
	assert.JSONEq(t, "{}", string(last.Body))
	assert.Equal(t, "hangup", sim.Ledger.Entries()[0].Status)

	// The vendor's 422 with 90018 is no error: the call is over.
	require.NoError(t, c.Call().Hangup(t.Context(), placed.ID))
	assert.Len(t, sim.Requests(), 3)

	for _, row := range []struct {
		fault vendorsim.Fault
		want  failover.Class
	}{
		{vendorsim.None(), failover.ClassUnsupported}, // 90015: the vendor does not know it
		{vendorsim.Status(404), failover.ClassUnsupported},
		{vendorsim.Status(401), failover.ClassUnauthorized},
		{vendorsim.Status(500), failover.ClassTransient},
		{vendorsim.Page(), failover.ClassIncomplete},
		{vendorsim.HangUp(), failover.ClassTransient},
	} {
		sim.Fail(row.fault)
		err := c.Call().Hangup(t.Context(), "v3:unknown")
		assert.Equal(t, row.want, class(err), "%v", row.fault)
		hasNoSecrets(t, err)
	}
}

// An id is one segment of a path, whatever it is.
func TestIDsStayInTheirPath(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	for _, id := range []string{"", ".", "..", "a b", "a\nb", "ü", "\x00"} {
		_, err := c.Call().Get(t.Context(), id)
		assert.Equal(t, failover.ClassUnsupported, class(err), "%q", id)
		assert.Equal(t, failover.ClassUnsupported, class(c.Call().Hangup(t.Context(), id)), "%q", id)
	}
	assert.Empty(t, sim.Requests())
	for id, path := range map[string]string{
		"../balance": "/v2/calls/..%2Fbalance", "a?b=c": "/v2/calls/a%3Fb=c", "a#b": "/v2/calls/a%23b", "a%2fb": "/v2/calls/a%252fb",
	} {
		_, err := c.Call().Get(t.Context(), id)
		require.Error(t, err)
		seen := sim.Requests()
		assert.Equal(t, path, seen[len(seen)-1].Path)
		assert.Empty(t, seen[len(seen)-1].Query)
	}
}

// A command that was repeated is one call, and its repeat has the same id.
func TestRepeatedCommand(t *testing.T) {
	for _, known := range []bool{true, false} { // what the answer to a repeat names
		synctest.Test(t, func(t *testing.T) {
			sim := vendorsim.Telnyx(key, vendorsim.InMemory())
			defer sim.Close()
			sim.AnswerRepeats(known)
			c := client(t, sim)
			ctx := within(t, "op")
			sim.Fail(vendorsim.Processed(vendorsim.HangUp()))
			placed, err := c.Call().Do(ctx, ring)
			assert.Nil(t, placed)
			assert.Equal(t, failover.OutcomeUnknown, failover.Classify(err).Outcome)

			pause(t, 49*time.Second)
			placed, err = c.Call().Do(ctx, ring)
			require.NoError(t, err)
			entries := sim.Ledger.Entries()
			require.Len(t, entries, 1)
			assert.Equal(t, 1, entries[0].Ignored)
			want := &call.Call{
				Provider: "telnyx", Operation: "op", Attempt: "op.1", Status: call.StatusQueued, To: recipient, From: own,
			}
			if known {
				want.ID = entries[0].ID
			}
			assert.Equal(t, want, placed)
			seen := sim.Requests()
			require.Len(t, seen, 2)
			assert.Equal(t, string(seen[0].Body), string(seen[1].Body))
			assert.Zero(t, c.Remembered(), "its outcome is known")
		})
	}
}

// pause lets fake time pass.
func pause(t testing.TB, d time.Duration) {
	t.Helper()
	<-time.After(d)
}

// The vendor forgets a command after a minute: so long after, it must not be
// given again.
func TestLateRepeatIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer sim.Close()
		c := client(t, sim)
		ctx := within(t, "op")
		sim.Fail(vendorsim.Processed(vendorsim.HangUp()), vendorsim.HangUp())
		_, err := c.Call().Do(ctx, ring)
		require.Error(t, err)
		pause(t, 30*time.Second)
		_, err = c.Call().Do(ctx, ring) // a repeat does not begin the minute anew
		require.Error(t, err)
		pause(t, 20*time.Second)
		for range 2 {
			placed, err := c.Call().Do(ctx, ring)
			assert.Nil(t, placed)
			require.EqualError(t, err, "unsupported (the command was first given too long ago to be repeated)")
			e := failover.Classify(err)
			assert.Equal(t, failover.OutcomeUnknown, e.Outcome)
			assert.Equal(t, failover.BreakerIgnored, failover.DefaultVerdict(e.Class).Breaker)
			pause(t, time.Hour)
		}
		assert.Len(t, sim.Requests(), 2)
		assert.Len(t, sim.Ledger.Entries(), 1)

		// Another attempt is another command.
		_, err = c.Call().Do(within(t, "other"), ring)
		require.NoError(t, err)
		assert.Len(t, sim.Ledger.Entries(), 2)
	})
}

// A repeat that is refused leaves open what became of the first.
func TestRefusedRepeatIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer sim.Close()
		c := client(t, sim)
		ctx := within(t, "op")
		sim.Fail(vendorsim.Processed(vendorsim.HangUp()), vendorsim.Status(429))
		for range 2 {
			_, err := c.Call().Do(ctx, ring)
			require.Error(t, err)
		}
		pause(t, time.Minute)
		_, err := c.Call().Do(ctx, ring)
		require.EqualError(t, err, "unsupported (the command was first given too long ago to be repeated)")
		assert.Len(t, sim.Ledger.Entries(), 1)
	})
}

// After a day the name of an operation may come again, and is no repeat.
func TestCommandOfANameThatWasUsedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer sim.Close()
		c := client(t, sim)
		ctx := within(t, "daily")
		for want := 1; want <= 2; want++ {
			sim.Fail(vendorsim.Processed(vendorsim.HangUp()))
			_, err := c.Call().Do(ctx, ring)
			require.Error(t, err)
			assert.Len(t, sim.Ledger.Entries(), want)
			pause(t, 24*time.Hour)
		}
	})
}

// A repeat that was begun in time is given up before it can come too late.
func TestSlowRepeatIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer sim.Close()
		c := client(t, sim)
		ctx := within(t, "op")
		began := time.Now()
		sim.Fail(vendorsim.Processed(vendorsim.HangUp()), vendorsim.Silence())
		_, err := c.Call().Do(ctx, ring)
		require.Error(t, err)
		pause(t, 49*time.Second)
		_, err = c.Call().Do(ctx, ring)
		assert.Equal(t, failover.OutcomeUnknown, failover.Classify(err).Outcome)
		assert.Equal(t, failover.ClassTimeout, class(err))
		assert.Equal(t, 55*time.Second, time.Since(began))
		assert.Len(t, sim.Ledger.Entries(), 1)
	})
}

// Only commands that stay uncertain are remembered, and not too many.
func TestMemoryOfCommands(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	ctx := within(t, "op")
	for _, fault := range []vendorsim.Fault{
		vendorsim.None(), vendorsim.Status(422), vendorsim.Status(429), vendorsim.Empty(), vendorsim.Cut(),
	} {
		sim.Fail(fault)
		_, err := c.Call().Do(ctx, ring)
		assert.NotEqual(t, failover.OutcomeUnknown, outcome(err), "%v", fault)
		assert.Zero(t, c.Remembered(), "%v", fault)
	}
	sim.Fail(vendorsim.Status(500))
	_, err := c.Call().Do(ctx, ring)
	require.Error(t, err)
	assert.Equal(t, 1, c.Remembered())

	// Outside a router there is nothing to repeat.
	sim.Fail(vendorsim.Status(500))
	_, err = c.Call().Do(t.Context(), ring)
	require.Error(t, err)
	assert.Equal(t, 1, c.Remembered())
	assert.NotContains(t, body(t, sim), "command_id")
}

// What is forgotten first is the oldest.
func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := telnyx.New(key, telnyx.WithHTTPClient(&http.Client{Transport: answerWith{http.StatusInternalServerError, ""}}),
			telnyx.WithCallers(call.Callers{"": own}), telnyx.WithConnections(call.Connections{"": connection}))
		require.NoError(t, err)
		p := c.Call().Provider
		dial := p.Do
		var inside []context.Context
		p.Dedupes, p.Do = false, func(ctx context.Context, req call.Request) (*call.Call, error) {
			inside = append(inside, context.WithoutCancel(ctx))
			return dial(ctx, req)
		}
		r, err := failover.New(failover.Providers(p),
			failover.WithVerdict(failover.ClassTransient, failover.Verdict{Breaker: failover.BreakerIgnored}))
		require.NoError(t, err)
		defer r.Close()
		for range telnyx.CommandsKept + 1 {
			_, err := r.Do(t.Context(), ring)
			require.ErrorIs(t, err, failover.ErrUncertain)
			pause(t, time.Millisecond)
		}
		assert.Equal(t, telnyx.CommandsKept, c.Remembered())
		pause(t, time.Hour)
		_, err = dial(inside[1], ring)
		require.EqualError(t, err, "unsupported (the command was first given too long ago to be repeated)")
		_, err = dial(inside[0], ring)
		assert.Equal(t, http.StatusInternalServerError, failover.Classify(err).Status, "forgotten")
	})
}

// outcome is that of an answer, too.
func outcome(err error) failover.Outcome {
	if err == nil {
		return failover.OutcomeAccepted
	}
	return failover.Classify(err).Outcome
}

// A dial that is answered before it can be read is JSON for nobody else.
func TestCallMarshals(t *testing.T) {
	t.Parallel()
	_, c := start(t)
	placed, err := c.Call().Do(within(t, "op"), ring)
	require.NoError(t, err)
	text, err := json.Marshal(placed)
	require.NoError(t, err)
	assert.Contains(t, string(text), `"status":"queued"`)
	assert.NotContains(t, string(text), key)
}
