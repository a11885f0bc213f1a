package call_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
)

const (
	callee = "+15005550006"
	audio  = "https://media.example.org/reminder.mp3?ticket=sesame"
	hook   = "https://hooks.example.org/call"
)

func TestRequestValidate(t *testing.T) {
	t.Parallel()
	const (
		noNumber = "call: To is no number in E.164 (a plus, the country code and the number, digits only) and no SIP URI"
		several  = "call: AudioURL is not the only answer: AudioURL, AnswerURL and TwiML exclude each other"
		ring     = "call: RingTimeout %v is not in whole seconds from 5s to 10m0s"
		limit    = "call: TimeLimit %v is not in whole seconds from 30s to 4h0m0s"
	)
	for _, row := range []struct {
		want   string
		change func(*call.Request)
	}{
		{"", func(*call.Request) {}},
		{"call: To is empty", func(r *call.Request) { r.To = "" }},
		{noNumber, func(r *call.Request) { r.To = "15005550006" }},
		{noNumber, func(r *call.Request) { r.To = "+1 500 555 0006" }},
		{noNumber, func(r *call.Request) { r.To = "+0500555000" }},
		{noNumber, func(r *call.Request) { r.To = "+1234567890123456" }},
		{noNumber, func(r *call.Request) { r.To = "client:anna" }},
		{noNumber, func(r *call.Request) { r.To = "anna@example.com" }},
		{noNumber, func(r *call.Request) { r.To = "sip:anna" }},
		{noNumber, func(r *call.Request) { r.To = "sip:@example.com" }},
		{noNumber, func(r *call.Request) { r.To = "sip:anna@" }},
		{noNumber, func(r *call.Request) { r.To = "sip:anna @example.com" }},
		{noNumber, func(r *call.Request) { r.To = "sip:anna@example.com\r\nX: y" }},
		{noNumber, func(r *call.Request) { r.To = "sip:änna@example.com" }},
		{"", func(r *call.Request) { r.To = "sip:anna@example.com;transport=tls" }},
		{"", func(r *call.Request) { r.To = "sips:anna@example.com" }},
		{"", func(r *call.Request) { r.AudioURL = "" }},
		{"", func(r *call.Request) { r.AudioURL, r.AnswerURL = "", "https://app.example.org/answer" }},
		{"", func(r *call.Request) { r.AudioURL, r.TwiML = "", "<Response/>" }},
		{several, func(r *call.Request) { r.AnswerURL = "https://app.example.org/answer" }},
		{several, func(r *call.Request) { r.TwiML = "<Response/>" }},
		{several, func(r *call.Request) { r.AudioURL, r.AnswerURL, r.TwiML = "", "https://app.example.org", "<Response/>" }},
		{"call: AudioURL is no absolute http or https URL", func(r *call.Request) { r.AudioURL = "reminder.mp3" }},
		{"call: AudioURL is no absolute http or https URL", func(r *call.Request) { r.AudioURL = "file:///etc/passwd" }},
		{"call: AnswerURL is no absolute http or https URL", func(r *call.Request) { r.AudioURL, r.AnswerURL = "", "https://" }},
		{"call: StatusCallback is no absolute http or https URL", func(r *call.Request) { r.StatusCallback = "https://me:pass@example.org" }},
		{"", func(r *call.Request) { r.StatusCallback = hook }},
		{"", func(r *call.Request) { r.AudioURL, r.TwiML = "", strings.Repeat("x", 4000) }},
		{"call: TwiML is longer than 4000 bytes or no valid UTF-8", func(r *call.Request) { r.AudioURL, r.TwiML = "", strings.Repeat("x", 4001) }},
		{"call: TwiML is longer than 4000 bytes or no valid UTF-8", func(r *call.Request) { r.AudioURL, r.TwiML = "", "caf\xe9" }},
		{"", func(r *call.Request) { r.RingTimeout = 5 * time.Second }},
		{"", func(r *call.Request) { r.RingTimeout = 10 * time.Minute }},
		{fmt.Sprintf(ring, "4s"), func(r *call.Request) { r.RingTimeout = 4 * time.Second }},
		{fmt.Sprintf(ring, "-5s"), func(r *call.Request) { r.RingTimeout = -5 * time.Second }},
		{fmt.Sprintf(ring, "10m1s"), func(r *call.Request) { r.RingTimeout = 10*time.Minute + time.Second }},
		{fmt.Sprintf(ring, "5.5s"), func(r *call.Request) { r.RingTimeout = 5500 * time.Millisecond }},
		{"", func(r *call.Request) { r.TimeLimit = 30 * time.Second }},
		{"", func(r *call.Request) { r.TimeLimit = 4 * time.Hour }},
		{fmt.Sprintf(limit, "29s"), func(r *call.Request) { r.TimeLimit = 29 * time.Second }},
		{fmt.Sprintf(limit, "4h0m1s"), func(r *call.Request) { r.TimeLimit = 4*time.Hour + time.Second }},
		{fmt.Sprintf(limit, "1m0.001s"), func(r *call.Request) { r.TimeLimit = time.Minute + time.Millisecond }},
		{"", func(r *call.Request) { r.MachineDetection = call.DetectMachine }},
		{"", func(r *call.Request) { r.MachineDetection = call.DetectGreetingEnd }},
		{`call: MachineDetection "guess" is none`, func(r *call.Request) { r.MachineDetection = "guess" }},
	} {
		r := call.Request{To: callee, AudioURL: audio}
		row.change(&r)
		err := r.Validate()
		if row.want == "" {
			require.NoError(t, err, "%+v", r)
			continue
		}
		require.EqualError(t, err, row.want, "%+v", r)
		assert.Equal(t, row.want == noNumber, errors.Is(err, call.ErrInvalidRecipient), "%+v", r)
	}
}

func TestInvalidAndUnsupported(t *testing.T) {
	t.Parallel()
	require.NoError(t, call.Invalid(nil))

	err := failover.Classify(call.Invalid(call.Request{}.Validate()))
	assert.Equal(t, failover.ClassInvalid, err.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, err.Outcome)
	var field *call.RequestError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "To", field.Field)
	require.EqualError(t, err, "invalid (call: To is empty)")

	err = failover.Classify(call.Unsupported("TwiML", "is the language of %s", "Twilio"))
	assert.Equal(t, failover.ClassUnsupported, err.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, err.Outcome)
	require.ErrorAs(t, err, &field)
	require.EqualError(t, field, "call: TwiML is the language of Twilio")
	require.EqualError(t, err, "unsupported (call: TwiML is the language of Twilio)")
}

func TestCallers(t *testing.T) {
	t.Parallel()
	table := call.Callers{"": "+15005550001", "support": "+15005550002"}
	for from, want := range map[string]string{
		"": "+15005550001", "support": "+15005550002", "+15005550002": "+15005550002", "twilio:+15005550009": "+15005550009",
		"+15005550009": "", "telnyx:+15005550001": "", "sales": "", "twilio:": "",
	} {
		own, ok := table.Own("twilio", from)
		assert.Equal(t, want, own, from)
		assert.Equal(t, want != "", ok, from)
	}
	_, ok := call.Callers(nil).Own("twilio", "")
	assert.False(t, ok)
}

func TestConnections(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		table call.Connections
		name  string
		id    string
		ok    bool
	}{
		{nil, "", "", true},
		{nil, "ivr", "", false},
		{nil, "telnyx:17", "17", true},
		{call.Connections{"ivr": "17"}, "", "", true},
		{call.Connections{"ivr": "17"}, "ivr", "17", true},
		{call.Connections{"ivr": "17"}, "17", "17", true},
		{call.Connections{"ivr": "17"}, "18", "", false},
		{call.Connections{"": "16", "ivr": "17"}, "", "16", true},
		{call.Connections{"": ""}, "", "", true},
	} {
		id, ok := row.table.ID("telnyx", row.name)
		assert.Equal(t, row.id, id, "%+v", row)
		assert.Equal(t, row.ok, ok, "%+v", row)
	}
}

// A caller is a name of the application's; each vendor has its own number.
func ExampleCallers() {
	twilio := call.Callers{"": "+15005550001", "support": "+15005550002"}
	telnyx := call.Callers{"": "+15005550003"}
	for _, from := range []string{"", "support", "+15005550003"} {
		a, _ := twilio.Own("twilio", from)
		b, _ := telnyx.Own("telnyx", from)
		fmt.Printf("%q: twilio %q, telnyx %q\n", from, a, b)
	}
	// Output:
	// "": twilio "+15005550001", telnyx "+15005550003"
	// "support": twilio "+15005550002", telnyx ""
	// "+15005550003": twilio "", telnyx "+15005550003"
}

// A vendor that needs no application of its own takes the empty one.
func ExampleConnections() {
	telnyx := call.Connections{"": "1293384261075731499", "ivr": "1293384261075731500"}
	fmt.Println(telnyx.ID("telnyx", "ivr"))
	fmt.Println(telnyx.ID("telnyx", ""))
	fmt.Println(telnyx.ID("telnyx", "survey"))
	fmt.Println(call.Connections{}.ID("twilio", ""))
	// Output:
	// 1293384261075731500 true
	// 1293384261075731499 true
	//  false
	//  true
}

// What is wrong is said without number and URL.
func ExampleRequest_Validate() {
	fmt.Println(call.Request{To: "+15005550006", AudioURL: "reminder.mp3"}.Validate())
	fmt.Println(call.Request{To: "+15005550006", RingTimeout: time.Second}.Validate())
	fmt.Println(call.Request{To: "sip:anna@example.com", AudioURL: "https://example.com/reminder.mp3"}.Validate())
	// Output:
	// call: AudioURL is no absolute http or https URL
	// call: RingTimeout 1s is not in whole seconds from 5s to 10m0s
	// <nil>
}

// Which field is wrong can be asked.
func ExampleRequestError() {
	err := call.Request{To: "0500 5550006"}.Validate()
	var wrong *call.RequestError
	fmt.Println(errors.As(err, &wrong), wrong.Field, errors.Is(err, call.ErrInvalidRecipient))
	// Output: true To true
}

// A provider of your own says what it cannot do, and who is at fault.
func ExampleUnsupported() {
	fmt.Println(call.Unsupported("Record", "is not offered"))
	fmt.Println(call.Invalid(call.Request{}.Validate()))
	// Output:
	// unsupported (call: Record is not offered)
	// invalid (call: To is empty)
}
