package twilio_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/twilio"
)

func TestCallsOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		request call.Request
		want    url.Values
	}{
		"a sound file": {
			call.Request{To: callee, AudioURL: "https://a.test/hello.mp3?x=1&y=<2>\"'"},
			url.Values{
				"To": {callee}, "From": {mine},
				"Twiml": {"<Response><Play>https://a.test/hello.mp3?x=1&amp;y=&lt;2&gt;&#34;&#39;</Play></Response>"},
			},
		},
		"an address": {
			call.Request{To: callee, AnswerURL: "https://app.test/answer?a=1"},
			url.Values{"To": {callee}, "From": {mine}, "Url": {"https://app.test/answer?a=1"}},
		},
		"instructions": {
			call.Request{To: callee, From: "sales", TwiML: "<Response><Say>Grüße</Say></Response>"},
			url.Values{"To": {callee}, "From": {"+15550008888"}, "Twiml": {"<Response><Say>Grüße</Say></Response>"}},
		},
		"an application": {
			call.Request{To: "sip:anna@example.com", From: "+15550008888", Connection: "ivr"},
			url.Values{"To": {"sip:anna@example.com"}, "From": {"+15550008888"}, "ApplicationSid": {app}},
		},
		"an explicit application": {
			call.Request{To: callee, From: "twilio:+15550007777", Connection: "twilio:" + app},
			url.Values{"To": {callee}, "From": {"+15550007777"}, "ApplicationSid": {app}},
		},
		"a sound file, and a connection of others": {
			call.Request{To: callee, AudioURL: "https://a.test/a.mp3", Connection: "elsewhere"},
			url.Values{"To": {callee}, "From": {mine}, "Twiml": {"<Response><Play>https://a.test/a.mp3</Play></Response>"}},
		},
		"everything": {
			call.Request{
				To: callee, AnswerURL: "https://app.test/answer", RingTimeout: 25 * time.Second, TimeLimit: time.Hour,
				MachineDetection: call.DetectGreetingEnd, Record: true, StatusCallback: "https://app.test/status?a=1",
			},
			url.Values{
				"To": {callee}, "From": {mine}, "Url": {"https://app.test/answer"}, "Timeout": {"25"}, "TimeLimit": {"3600"},
				"MachineDetection": {"DetectMessageEnd"}, "Record": {"true"}, "StatusCallback": {"https://app.test/status?a=1"},
				"StatusCallbackEvent": {"initiated", "ringing", "answered", "completed"},
			},
		},
		"who answers": {
			call.Request{To: callee, AnswerURL: "https://app.test/answer", MachineDetection: call.DetectMachine},
			url.Values{"To": {callee}, "From": {mine}, "Url": {"https://app.test/answer"}, "MachineDetection": {"Enable"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			p := client.Call()
			require.True(t, p.Supports(c.request))
			placed, err := p.Do(t.Context(), c.request)
			require.NoError(t, err)
			require.Len(t, s.Requests(), 1)
			r := s.Requests()[0]
			assert.Equal(t, "POST", r.Method)
			assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Calls.json", r.Path)
			assert.Empty(t, r.Query)
			assert.Equal(t, c.want, formOf(t, r))
			assert.Equal(t, s.Ledger.Entries()[0].ID, placed.ID)
		})
	}
}

func TestCallsForOthers(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	p := client.Call()
	for want, r := range map[string]call.Request{
		"call: From is not owned at this vendor":                                                          {To: callee, From: "+15550001111", TwiML: "<Response/>"},
		"call: Connection has no row for this vendor, and there is neither AudioURL, AnswerURL nor TwiML": {To: callee},
		`call: To is a SIPS URI: this vendor takes "sip:…;transport=tls"`:                                 {To: "sips:anna@example.com", TwiML: "<Response/>"},
		"call: AudioURL is too long for this vendor":                                                      {To: callee, AudioURL: "https://a.test/" + strings.Repeat("&", 1000)},
	} {
		assert.False(t, p.Supports(r))
		placed, err := p.Do(t.Context(), r)
		assert.Nil(t, placed)
		e := errorOf(t, err)
		assert.Equal(t, failover.ClassUnsupported, e.Class)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
		require.EqualError(t, e.Err, want)
		assertPlain(t, err)
	}
	assert.False(t, p.Supports(call.Request{To: callee, Connection: "unknown"}))
	assert.Empty(t, s.Requests())
}

func TestWrongCallsAreNotPlaced(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for _, r := range []call.Request{
		{TwiML: "<Response/>"},
		{To: "anna", TwiML: "<Response/>"},
		{To: callee, TwiML: "<Response/>", AnswerURL: "https://a.test"},
		{To: callee, AudioURL: "file:///x"},
		{To: callee, TwiML: strings.Repeat("x", 4001)},
		{To: callee, TwiML: "<Response/>", RingTimeout: time.Second},
		{To: callee, TwiML: "<Response/>", MachineDetection: "guess"},
	} {
		placed, err := client.Call().Do(t.Context(), r)
		assert.Nil(t, placed)
		e := errorOf(t, err)
		assert.Equal(t, failover.ClassInvalid, e.Class)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
		assertPlain(t, err)
	}
	assert.Empty(t, s.Requests())
}

func TestPlacedCalls(t *testing.T) {
	t.Parallel()
	s, client := start(t, twilio.WithName("tw-eu"))
	placed, err := client.Call().Do(t.Context(), ring())
	require.NoError(t, err)
	assert.Equal(t, &call.Call{
		Provider: "tw-eu", ID: s.Ledger.Entries()[0].ID, Status: call.StatusQueued, To: callee, From: mine,
	}, placed)

	r := ring()
	r.StatusCallback = "https://app.test/c"
	within(t, "reminder-7", func(ctx context.Context) { placed, err = client.Call().Do(ctx, r) })
	require.NoError(t, err)
	last := s.Ledger.Entries()[1]
	assert.Equal(t, &call.Call{
		Provider: "tw", Operation: "reminder-7", Attempt: "reminder-7.1", ID: last.ID, Status: call.StatusQueued, To: callee, From: mine,
	}, placed)
	assert.Equal(t, []string{"reminder-7", "reminder-7.1", "tw"}, []string{last.Operation, last.Attempt, last.Provider})
}

func TestGet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(account, token, vendorsim.InMemory())
		defer s.Close()
		client := clientOf(t, s)
		begun := time.Now()
		placed, err := client.Call().Do(t.Context(), ring())
		require.NoError(t, err)
		for word, want := range map[string]call.Status{
			"queued": call.StatusQueued, "ringing": call.StatusRinging, "in-progress": call.StatusInProgress, "busy": call.StatusBusy,
			"no-answer": call.StatusNoAnswer, "canceled": call.StatusCanceled, "failed": call.StatusFailed,
		} {
			require.NoError(t, s.Ledger.SetStatus(placed.ID, word, ""))
			found, err := client.Call().Get(t.Context(), placed.ID)
			require.NoError(t, err)
			assert.Equal(t, want, found.Status, word)
		}
		<-time.After(7 * time.Second)
		require.NoError(t, s.Ledger.SetStatus(placed.ID, "completed", ""))
		found, err := client.Call().Get(t.Context(), placed.ID)
		require.NoError(t, err)
		assert.Equal(t, &call.Call{
			Provider: "twilio", ID: placed.ID, Status: call.StatusCompleted, To: callee, From: mine,
			Created: found.Created, Duration: 7 * time.Second,
		}, found)
		assert.True(t, found.Created.Equal(begun.Truncate(time.Second)), "%v %v", found.Created, begun)
		r := s.Requests()[len(s.Requests())-1]
		assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Calls/"+placed.ID+".json", r.Path)
		assert.Equal(t, "GET", r.Method)
		assert.Empty(t, r.Body)
	})
}

func TestWhoAnswered(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for word, want := range map[string]call.AnsweredBy{
		"human": call.AnsweredHuman, "machine_start": call.AnsweredMachine, "machine_end_beep": call.AnsweredMachine,
		"machine_end_silence": call.AnsweredMachine, "machine_end_other": call.AnsweredMachine, "machine": call.AnsweredMachine,
		"fax": call.AnsweredFax, "unknown": call.AnsweredUnknown, "": call.AnsweredUnknown, "parrot": call.AnsweredUnknown,
	} {
		s.Fail(vendorsim.Body(200, "application/json", fmt.Sprintf(`{"sid":%q,"status":"in-progress","answered_by":%q,"duration":"-3"}`, someCall, word)))
		found, err := client.Call().Get(t.Context(), someCall)
		require.NoError(t, err)
		assert.Equal(t, want, found.AnsweredBy, word)
		assert.Zero(t, found.Duration)
	}
}

// An id is put into a path: only one that is an id is.
func TestCallsThatNobodyKnows(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	message, err := client.SMS().Do(t.Context(), hello())
	require.NoError(t, err)
	for _, id := range []string{"", "x", message.ID, someCall + "/../../Messages", "CA../../../" + service, strings.ToLower(someCall)} {
		_, err := client.Call().Get(t.Context(), id)
		assert.Equal(t, failover.ClassUnsupported, errorOf(t, err).Class)
		assert.Equal(t, "unsupported (the id is not that of a call)", err.Error())
		assert.Equal(t, failover.ClassUnsupported, errorOf(t, client.Call().Hangup(t.Context(), id)).Class)
	}
	assert.Len(t, s.Requests(), 1)
	_, err = client.Call().Get(t.Context(), someCall)
	assert.Equal(t, failover.ClassUnsupported, errorOf(t, err).Class)
	assert.Equal(t, "20404", errorOf(t, err).Code)
	err = client.Call().Hangup(t.Context(), someCall)
	assert.Equal(t, failover.ClassUnsupported, errorOf(t, err).Class)
	assertPlain(t, err)

	s.Fail(vendorsim.Body(200, "application/json", `{"sid":"`+someCall+`","status":"ringing"}`))
	_, err = client.Call().Get(t.Context(), "CA"+service[2:])
	require.NoError(t, err)
	s.Fail(vendorsim.Body(200, "application/json", `{"sid":"CAffffffffffffffffffffffffffffffff","status":"ringing"}`))
	_, err = client.Call().Get(t.Context(), someCall)
	assert.Equal(t, failover.ClassIncomplete, errorOf(t, err).Class, "another call's answer")
}

func TestHangup(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	calls := client.Call()
	for before, after := range map[string]string{
		"queued": "completed", "ringing": "completed", "in-progress": "completed",
		"completed": "completed", "busy": "busy", "failed": "failed", "no-answer": "no-answer", "canceled": "canceled",
	} {
		placed, err := calls.Do(t.Context(), ring())
		require.NoError(t, err)
		require.NoError(t, s.Ledger.SetStatus(placed.ID, before, ""))
		for range 2 { // it does no harm to do it again
			require.NoError(t, calls.Hangup(t.Context(), placed.ID), before)
			entry, _ := s.Ledger.Find(placed.ID)
			assert.Equal(t, after, entry.Status)
		}
		last := s.Requests()[len(s.Requests())-2]
		assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Calls/"+placed.ID+".json", last.Path)
		assert.Equal(t, url.Values{"Status": {"completed"}}, formOf(t, last))
	}

	placed, err := calls.Do(t.Context(), ring())
	require.NoError(t, err)
	// The vendor says the same of a call that it cannot end yet. The phone goes
	// on ringing, and nobody is told otherwise.
	s.Fail(vendorsim.Status(400).Code("21220"))
	err = calls.Hangup(t.Context(), placed.ID)
	assert.Equal(t, "21220", errorOf(t, err).Code)
	// Nor if it cannot be asked.
	s.Fail(vendorsim.Status(400).Code("21220"), vendorsim.Status(500))
	assert.Equal(t, "21220", errorOf(t, calls.Hangup(t.Context(), placed.ID)).Code)
	for _, fault := range []vendorsim.Fault{vendorsim.Status(500), vendorsim.HangUp(), vendorsim.Status(429)} {
		s.Fail(fault)
		require.Error(t, calls.Hangup(t.Context(), placed.ID))
	}
	for _, fault := range []vendorsim.Fault{vendorsim.Cut(), vendorsim.Empty(), vendorsim.Page()} {
		placed, err := calls.Do(t.Context(), ring())
		require.NoError(t, err)
		s.Fail(fault)
		require.NoError(t, calls.Hangup(t.Context(), placed.ID), "a yes is a yes")
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(account, token, vendorsim.InMemory())
		defer s.Close()
		client := clientOf(t, s)
		calls := client.Call()
		listed, err := calls.List(t.Context(), call.Filter{})
		require.NoError(t, err)
		assert.Empty(t, listed)

		statuses := []string{"queued", "ringing", "in-progress", "completed", "busy", "no-answer", "canceled", "failed"}
		var ids []string
		for i := range 450 {
			r := ring()
			r.To = "+1555100" + strconv.Itoa(1000+i%3)
			if i%2 == 1 {
				r.From = "sales"
			}
			placed, err := calls.Do(t.Context(), r)
			require.NoError(t, err)
			require.NoError(t, s.Ledger.SetStatus(placed.ID, statuses[i%len(statuses)], ""))
			ids = append([]string{placed.ID}, ids...)
			<-time.After(time.Second)
		}
		before := len(s.Requests())
		for _, limit := range []int{0, 1, 50, 200, 201, 450, 1000} {
			listed, err := calls.List(t.Context(), call.Filter{Limit: limit})
			require.NoError(t, err)
			want := ids[:min(call.Filter{Limit: limit}.Most(), len(ids))]
			got := make([]string, len(listed))
			for i, one := range listed {
				got[i] = one.ID
				assert.Equal(t, "twilio", one.Provider)
				assert.False(t, one.Created.IsZero())
			}
			require.Equal(t, want, got, limit)
		}
		assert.Len(t, s.Requests()[before:], 1+1+1+1+2+3+3, "no more pages than are needed")

		for want, f := range map[int]call.Filter{
			150: {To: "+15551001001", Limit: 1000},
			225: {From: "+15550008888", Limit: 1000},
			75:  {To: "+15551001001", From: "+15550008888", Limit: 1000},
			57:  {Status: call.StatusQueued, Limit: 1000},
			56:  {Status: call.StatusNoAnswer, Limit: 1000},
			0:   {To: "+15559999999"},
		} {
			listed, err := calls.List(t.Context(), f)
			require.NoError(t, err)
			assert.Len(t, listed, want, "%v", f)
			for _, one := range listed {
				assert.True(t, f.To == "" || one.To == f.To)
				assert.True(t, f.From == "" || one.From == f.From)
				assert.True(t, f.Status == "" || one.Status == f.Status)
			}
		}
		for status, word := range map[call.Status]string{
			call.StatusQueued: "queued", call.StatusRinging: "ringing", call.StatusInProgress: "in-progress",
			call.StatusCompleted: "completed", call.StatusBusy: "busy", call.StatusNoAnswer: "no-answer",
			call.StatusCanceled: "canceled", call.StatusFailed: "failed",
		} {
			_, err := calls.List(t.Context(), call.Filter{Status: status})
			require.NoError(t, err)
			assert.Equal(t, word, s.Requests()[len(s.Requests())-1].Query.Get("Status"))
		}
		before = len(s.Requests())
		_, err = calls.List(t.Context(), call.Filter{Status: call.StatusEnded})
		assert.Equal(t, failover.ClassUnsupported, errorOf(t, err).Class)
		assert.Len(t, s.Requests(), before)
	})
}

// A list ends, whatever the vendor says of its pages.
func TestListEnds(t *testing.T) {
	t.Parallel()
	one := `{"sid":"` + someCall + `","status":"queued"}`
	for name, c := range map[string]struct {
		next  string
		calls string
		asked int
	}{
		"no next page":               {`null`, one, 1},
		"a next page without a key":  {`"/2010-04-01/x"`, one, 1},
		"a next page that is no URL": {`"::::%zz"`, one, 1},
		"an empty page with a next":  {`"/x?Page=1&PageToken=a"`, ``, 1},
		"a circle":                   {`"https://elsewhere.test/x?Page=1&PageToken=a"`, one, 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			s.FailAlways(vendorsim.Body(200, "application/json", `{"calls":[`+c.calls+`],"next_page_uri":`+c.next+`}`))
			listed, err := client.Call().List(t.Context(), call.Filter{Limit: 1000})
			require.NoError(t, err)
			assert.Len(t, s.Requests(), c.asked)
			for _, r := range s.Requests()[1:] {
				assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Calls.json", r.Path, "of the address only the key is taken")
				assert.Equal(t, "a", r.Query.Get("PageToken"))
			}
			if c.calls != "" {
				assert.Len(t, listed, c.asked)
			}
		})
	}
	s, client := start(t)
	for _, fault := range []vendorsim.Fault{
		vendorsim.Page(), vendorsim.Empty(), vendorsim.Cut(), vendorsim.Body(200, "application/json", `{}`),
		vendorsim.Body(200, "application/json", `{"messages":[]}`), vendorsim.Endless(64 << 20),
	} {
		s.FailAlways(fault)
		_, err := client.Call().List(t.Context(), call.Filter{})
		assert.Equal(t, failover.ClassIncomplete, errorOf(t, err).Class, fault)
		assertPlain(t, err)
	}
}

// The client of calls asks who placed the call.
func TestThroughTheClient(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	calls, err := call.New([]call.Provider{client.Call()})
	require.NoError(t, err)
	defer calls.Close()
	placed, err := calls.MakeCall(t.Context(), ring())
	require.NoError(t, err)
	assert.NotEmpty(t, placed.Operation)
	found, err := calls.Get(t.Context(), placed.Provider, placed.ID)
	require.NoError(t, err)
	assert.Equal(t, call.StatusQueued, found.Status)
	require.NoError(t, calls.Hangup(t.Context(), placed.Provider, placed.ID))
	listed, err := calls.List(t.Context(), call.Filter{To: callee, Status: call.StatusCompleted})
	require.NoError(t, err)
	require.Len(t, listed, 1)
	assert.Equal(t, placed.ID, listed[0].ID)
	assert.Len(t, s.Ledger.Entries(), 1)
}

// Connections are used again, and errors keep none of them.
func TestConnections(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	placed, err := client.Call().Do(t.Context(), ring())
	require.NoError(t, err)
	all := ways(t, client, placed.ID)
	for _, way := range []string{"send", "place", "get", "hangup", "list", "check"} {
		require.NoError(t, all[way](), way)
	}
	assert.Equal(t, 1, s.Stats().Connections, "one after the other over one connection")

	faults := []vendorsim.Fault{
		vendorsim.Status(400).Code("21211"), vendorsim.Status(500), vendorsim.HTMLError(502), vendorsim.HugeError(503, 4<<20),
		vendorsim.Page(), vendorsim.Redirect(307, "/elsewhere"), vendorsim.Endless(2 << 20), vendorsim.Cut(), vendorsim.BadChunk(),
		vendorsim.Body(404, "", ""),
	}
	for _, fault := range faults {
		s.FailAlways(fault)
		for range 5 {
			for _, do := range all {
				_ = do()
			}
		}
	}
	s.Heal()
	requests := s.Stats().Requests
	assert.Equal(t, 7+len(faults)*5*len(all), requests, "one request each: nothing again, and no redirect followed")
	s.Client().CloseIdleConnections()
	require.NoError(t, s.Await(t.Context(), func(st vendorsim.Stats) bool { return st.Open == 0 }), "no error keeps a connection")
	for _, r := range s.Requests() {
		assert.NotEqual(t, "/elsewhere", r.Path)
	}
}

// Redirects lead nowhere: they would send again, or carry the key away.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		s, client := start(t)
		s.Fail(vendorsim.Redirect(status, "/2010-04-01/Accounts/"+account+"/Messages.json"))
		e := refused(t, client, false)
		assert.Equal(t, failover.ClassUnsupported, e.Class)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
		assert.Equal(t, 1, s.Stats().Requests)
		assert.Empty(t, s.Ledger.Entries())
	}
}

// net/http sends a request again by itself when a connection that it had kept
// turns out to be dead. Not this one: the vendor may have read it.
func TestNothingIsSentTwice(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for range 20 {
		_, err := client.SMS().Do(t.Context(), hello()) // leaves a connection that is kept
		require.NoError(t, err)
		before := len(s.Ledger.Entries())
		s.Fail(vendorsim.Processed(vendorsim.HangUp()))
		e := refused(t, client, false)
		assert.Equal(t, failover.OutcomeUnknown, e.Outcome)
		assert.Len(t, s.Ledger.Entries(), before+1)
	}
}

// A transport of the user's that does not tell what it did makes every failure
// one whose outcome is unknown.
func TestAStrangeTransport(t *testing.T) {
	t.Parallel()
	_, client := start(t, twilio.WithHTTPClient(&http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
		return nil, errors.New("lost: " + callee)
	})}))
	e := refused(t, client, false)
	assert.Equal(t, failover.OutcomeUnknown, e.Outcome)
	assertPlain(t, e)
}
