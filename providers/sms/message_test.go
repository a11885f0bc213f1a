package sms_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

const (
	recipient = "+15005550006"
	secret    = "Your code is 471133."
	hook      = "https://hooks.example.org/sms?ticket=sesame"
)

func TestMessageValidate(t *testing.T) {
	t.Parallel()
	const noNumber = "sms: To is no number in E.164: a plus, the country code and the number, digits only"
	pictures := func(n int) []string {
		return strings.Split(strings.TrimSuffix(strings.Repeat("https://media.example.org/cat.png ", n), " "), " ")
	}
	for _, row := range []struct {
		want   string
		change func(*sms.Message)
	}{
		{"", func(*sms.Message) {}},
		{"sms: To is empty", func(m *sms.Message) { m.To = "" }},
		{noNumber, func(m *sms.Message) { m.To = "15005550006" }},
		{noNumber, func(m *sms.Message) { m.To = "+1 500 555 0006" }},
		{noNumber, func(m *sms.Message) { m.To = "+1500555000a" }},
		{noNumber, func(m *sms.Message) { m.To = "+05005550006" }},
		{noNumber, func(m *sms.Message) { m.To = "+150055" }},
		{noNumber, func(m *sms.Message) { m.To = "+1234567890123456" }},
		{noNumber, func(m *sms.Message) { m.To = "whatsapp:+15005550006" }},
		{noNumber, func(m *sms.Message) { m.To = recipient + "\n" }},
		{"", func(m *sms.Message) { m.To = "+1500555" }},
		{"", func(m *sms.Message) { m.To = "+123456789012345" }},
		{"sms: Body is empty, and there is no Media", func(m *sms.Message) { m.Body = "" }},
		{"sms: Body is empty, and there is no Media", func(m *sms.Message) { m.Body = " \t\n" }},
		{"sms: Body is not valid UTF-8", func(m *sms.Message) { m.Body = "caf\xe9" }},
		{"sms: Body is not valid UTF-8", func(m *sms.Message) { m.Body, m.Media = "caf\xe9", pictures(1) }},
		{"", func(m *sms.Message) { m.Body, m.Media = "", pictures(1) }},
		{"", func(m *sms.Message) { m.Media = pictures(10) }},
		{"sms: Media has 11 URLs, more than 10", func(m *sms.Message) { m.Media = pictures(11) }},
		{"sms: Media 1 is no absolute http or https URL", func(m *sms.Message) { m.Media = append(pictures(1), "file:///etc/passwd") }},
		{"sms: Media 0 is no absolute http or https URL", func(m *sms.Message) { m.Media = []string{""} }},
		{"", func(m *sms.Message) { m.StatusCallback = hook }},
		{"sms: StatusCallback is no absolute http or https URL", func(m *sms.Message) { m.StatusCallback = "/hooks" }},
		{"sms: StatusCallback is no absolute http or https URL", func(m *sms.Message) { m.StatusCallback = "https://:443/hooks" }},
		{"sms: StatusCallback is no absolute http or https URL", func(m *sms.Message) { m.StatusCallback = "https://me:pass@example.org" }},
		{"", func(m *sms.Message) { m.Validity = time.Second }},
		{"", func(m *sms.Message) { m.Validity = 10 * time.Hour }},
		{"sms: Validity 10h0m1s is not in whole seconds up to 10h0m0s", func(m *sms.Message) { m.Validity = 10*time.Hour + time.Second }},
		{"sms: Validity -1s is not in whole seconds up to 10h0m0s", func(m *sms.Message) { m.Validity = -time.Second }},
		{"sms: Validity 1.5s is not in whole seconds up to 10h0m0s", func(m *sms.Message) { m.Validity = 1500 * time.Millisecond }},
	} {
		m := sms.Message{To: recipient, Body: secret}
		row.change(&m)
		err := m.Validate()
		if row.want == "" {
			require.NoError(t, err, "%+v", m)
			continue
		}
		require.EqualError(t, err, row.want, "%+v", m)
		assert.Equal(t, row.want == noNumber, errors.Is(err, sms.ErrInvalidRecipient), "%+v", m)
	}
}

func TestInvalidAndUnsupported(t *testing.T) {
	t.Parallel()
	require.NoError(t, sms.Invalid(nil))

	err := failover.Classify(sms.Invalid(sms.Message{}.Validate()))
	assert.Equal(t, failover.ClassInvalid, err.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, err.Outcome)
	var field *sms.RequestError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "To", field.Field)
	require.EqualError(t, err, "invalid (sms: To is empty)")

	err = failover.Classify(sms.Unsupported("Body", "has more than %d characters", 1600))
	assert.Equal(t, failover.ClassUnsupported, err.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, err.Outcome)
	require.ErrorAs(t, err, &field)
	require.EqualError(t, field, "sms: Body has more than 1600 characters")
	require.EqualError(t, err, "unsupported (sms: Body has more than 1600 characters)")
	require.NotErrorIs(t, err, sms.ErrInvalidRecipient)
}

func TestSenders(t *testing.T) {
	t.Parallel()
	table := sms.Senders{"": "+15005550001", "alerts": "MG0123456789abcdef0123456789abcdef", "news": "FAILOVER", "off": ""}
	for from, want := range map[string]string{
		"": "+15005550001", "alerts": "MG0123456789abcdef0123456789abcdef", "news": "FAILOVER",
		"+15005550001": "+15005550001", "FAILOVER": "FAILOVER",
		"twilio:+15005550009": "+15005550009",
		"telnyx:+15005550009": "", "+15005550009": "", "ALERTS": "", "twilio:": "", "twilio": "", "off": "",
	} {
		own, ok := table.Own("twilio", from)
		assert.Equal(t, want, own, from)
		assert.Equal(t, want != "", ok, from)
	}
	_, ok := sms.Senders(nil).Own("twilio", "")
	assert.False(t, ok, "no table, no sender")
	own, ok := sms.Senders(nil).Own("twilio", "twilio:+15005550009")
	assert.True(t, ok)
	assert.Equal(t, "+15005550009", own)
}

// A number of one vendor's is not sent from through another.
func ExampleSenders() {
	twilio := sms.Senders{"": "+15005550001", "alerts": "MG0123456789abcdef0123456789abcdef"}
	telnyx := sms.Senders{"": "+15005550002"}
	for _, from := range []string{"", "alerts", "+15005550002", "twilio:+15005550003"} {
		a, _ := twilio.Own("twilio", from)
		b, _ := telnyx.Own("telnyx", from)
		fmt.Printf("%q: twilio %q, telnyx %q\n", from, a, b)
	}
	// Output:
	// "": twilio "+15005550001", telnyx "+15005550002"
	// "alerts": twilio "MG0123456789abcdef0123456789abcdef", telnyx ""
	// "+15005550002": twilio "", telnyx "+15005550002"
	// "twilio:+15005550003": twilio "+15005550003", telnyx ""
}

// What is wrong is said without the number.
func ExampleMessage_Validate() {
	fmt.Println(sms.Message{To: "0500 555 0006", Body: "Hello."}.Validate())
	fmt.Println(sms.Message{To: "+15005550006"}.Validate())
	fmt.Println(sms.Message{To: "+15005550006", Body: "Hello."}.Validate())
	// Output:
	// sms: To is no number in E.164: a plus, the country code and the number, digits only
	// sms: Body is empty, and there is no Media
	// <nil>
}
