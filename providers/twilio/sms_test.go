package twilio_test

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

func TestMessagesOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		message sms.Message
		want    url.Values
	}{
		"plain": {
			sms.Message{To: callee, Body: text},
			url.Values{"To": {callee}, "From": {mine}, "Body": {text}},
		},
		"a name of the table": {
			sms.Message{To: callee, From: "alerts", Body: text},
			url.Values{"To": {callee}, "MessagingServiceSid": {service}, "Body": {text}},
		},
		"a sender id": {
			sms.Message{To: callee, From: "brand", Body: text},
			url.Values{"To": {callee}, "From": {"ACME"}, "Body": {text}},
		},
		"a value of the table": {
			sms.Message{To: callee, From: "12345", Body: text},
			url.Values{"To": {callee}, "From": {"12345"}, "Body": {text}},
		},
		"explicit": {
			sms.Message{To: callee, From: "twilio:+15550007777", Body: text},
			url.Values{"To": {callee}, "From": {"+15550007777"}, "Body": {text}},
		},
		"an explicit service": {
			sms.Message{To: callee, From: "twilio:" + service, Body: text},
			url.Values{"To": {callee}, "MessagingServiceSid": {service}, "Body": {text}},
		},
		"everything": {
			sms.Message{
				To: callee, Body: "Grüße & so = 100 % + 👍\n", Media: []string{"https://a.test/1?x=1&y=2", "https://a.test/2"},
				StatusCallback: "https://app.test/status?b=2&a=1", Validity: 90 * time.Second,
			},
			url.Values{
				"To": {callee}, "From": {mine}, "Body": {"Grüße & so = 100 % + 👍\n"},
				"MediaUrl": {"https://a.test/1?x=1&y=2", "https://a.test/2"}, "ValidityPeriod": {"90"},
				"StatusCallback": {"https://app.test/status?a=1&b=2"},
			},
		},
		"media alone": {
			sms.Message{To: callee, Media: []string{"https://a.test/1"}},
			url.Values{"To": {callee}, "From": {mine}, "MediaUrl": {"https://a.test/1"}},
		},
		"the longest": {
			sms.Message{To: callee, Body: strings.Repeat("ü", 1600), Validity: 10 * time.Hour},
			url.Values{"To": {callee}, "From": {mine}, "Body": {strings.Repeat("ü", 1600)}, "ValidityPeriod": {"36000"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			p := client.SMS()
			require.True(t, p.Supports(c.message))
			receipt, err := p.Do(t.Context(), c.message)
			require.NoError(t, err)
			require.Len(t, s.Requests(), 1)
			r := s.Requests()[0]
			assert.Equal(t, "POST", r.Method)
			assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Messages.json", r.Path)
			assert.Empty(t, r.Query)
			assert.True(t, r.Keyed)
			assert.Equal(t, "application/x-www-form-urlencoded", r.Header.Get("Content-Type"))
			assert.Equal(t, "application/json", r.Header.Get("Accept"))
			assert.Equal(t, c.want, formOf(t, r))
			entry, ok := s.Ledger.Find(receipt.ID)
			require.True(t, ok)
			assert.Equal(t, callee, entry.To)
		})
	}
}

// What this vendor does not own, or does not take, is for others.
func TestMessagesForOthers(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	p := client.SMS()
	for want, m := range map[string]sms.Message{
		"sms: From is not owned at this vendor":    {To: callee, From: "+15550001111", Body: text},
		"sms: Body is longer than 1600 characters": {To: callee, Body: strings.Repeat("ü", 1601)},
	} {
		assert.False(t, p.Supports(m))
		receipt, err := p.Do(t.Context(), m)
		assert.Nil(t, receipt)
		e := errorOf(t, err)
		assert.Equal(t, failover.ClassUnsupported, e.Class)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
		require.EqualError(t, e.Err, want)
		assertPlain(t, err)
	}
	for _, from := range []string{"nobody", "telnyx:" + mine, "twilio:", "ACM", service[1:]} {
		assert.False(t, p.Supports(sms.Message{To: callee, From: from, Body: text}), from)
	}
	assert.Empty(t, s.Requests())
}

// A message that is wrong whoever sends it is not sent.
func TestWrongMessagesAreNotSent(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for _, m := range []sms.Message{
		{Body: text},
		{To: callee[1:], Body: text},
		{To: "whatsapp:" + callee, Body: text},
		{To: callee},
		{To: callee, Body: " \n"},
		{To: callee, Body: "\xff"},
		{To: callee, Body: text, StatusCallback: "app.test"},
		{To: callee, Body: text, Validity: time.Millisecond},
		{To: callee, Body: text, Validity: 11 * time.Hour},
		{To: callee, Media: []string{"file:///etc/passwd"}},
	} {
		receipt, err := client.SMS().Do(t.Context(), m)
		assert.Nil(t, receipt)
		e := errorOf(t, err)
		assert.Equal(t, failover.ClassInvalid, e.Class)
		assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome)
		assertPlain(t, err)
	}
	assert.Empty(t, s.Requests())
	_, err := client.SMS().Do(t.Context(), sms.Message{To: "12", Body: text})
	require.ErrorIs(t, err, sms.ErrInvalidRecipient)
}

func TestReceipts(t *testing.T) {
	t.Parallel()
	s, client := start(t, twilio.WithName("tw-eu"))
	receipt, err := client.SMS().Do(t.Context(), hello())
	require.NoError(t, err)
	assert.Equal(t, &sms.Receipt{
		Provider: "tw-eu", ID: s.Ledger.Entries()[0].ID, Status: sms.StatusQueued, Segments: 1,
	}, receipt, "outside a router it has no operation")

	within(t, "order-7", func(ctx context.Context) {
		receipt, err = client.SMS().Do(ctx, sms.Message{To: callee, From: "alerts", Body: strings.Repeat("long ", 50), StatusCallback: "https://app.test/s"})
	})
	require.NoError(t, err)
	last := s.Ledger.Entries()[1]
	assert.Equal(t, &sms.Receipt{
		Provider: "tw", Operation: "order-7", Attempt: "order-7.1", ID: last.ID, Status: sms.StatusQueued, Segments: 2,
	}, receipt)
	assert.Equal(t, []string{"order-7", "order-7.1", "tw"}, []string{last.Operation, last.Attempt, last.Provider}, "the callback has the tag")
	assertPlain(t, receipt)

	for name, c := range map[string]struct {
		body string
		want sms.Receipt
	}{
		"a price": {
			`"status":"sent","num_segments":"3","price":"-0.00790","price_unit":"usd"`,
			sms.Receipt{Status: sms.StatusSent, Segments: 3, Price: &sms.Price{Amount: 0.0079, Currency: "USD"}},
		},
		"not known yet":      {`"status":"accepted","num_segments":"0","price":null,"price_unit":"USD"`, sms.Receipt{Status: sms.StatusQueued}},
		"odd values":         {`"status":"mumbling","num_segments":"many","price":"NaN","price_unit":"USD"`, sms.Receipt{}},
		"a price of no coin": {`"status":"queued","num_segments":"-1","price":"1"`, sms.Receipt{Status: sms.StatusQueued}},
	} {
		s.Fail(vendorsim.Body(201, "application/json", `{"sid":"SM0123456789abcdef0123456789abcdef",`+c.body+`}`))
		receipt, err := client.SMS().Do(t.Context(), hello())
		require.NoError(t, err, name)
		c.want.Provider, c.want.ID = "tw-eu", "SM0123456789abcdef0123456789abcdef"
		assert.Equal(t, &c.want, receipt, name)
	}
}

// Every word that the vendor has for a status.
func TestStatusesOfMessages(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for word, want := range map[string]sms.Status{
		"accepted": sms.StatusQueued, "scheduled": sms.StatusQueued, "queued": sms.StatusQueued, "sending": sms.StatusSending,
		"sent": sms.StatusSent, "delivered": sms.StatusDelivered, "partially_delivered": sms.StatusDelivered, "read": sms.StatusDelivered,
		"undelivered": sms.StatusUndelivered, "failed": sms.StatusFailed, "canceled": sms.StatusCanceled, "something new": sms.StatusUnknown,
	} {
		s.Fail(vendorsim.Body(201, "application/json", fmt.Sprintf(`{"sid":"MM0123456789abcdef0123456789abcdef","status":%q}`, word)))
		receipt, err := client.SMS().Do(t.Context(), hello())
		require.NoError(t, err, word)
		assert.Equal(t, want, receipt.Status, word)
		assert.Equal(t, "MM0123456789abcdef0123456789abcdef", receipt.ID)
	}
}

// The vendor took the message: what it says besides does not change that.
func TestTakenWithAnAnswerThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, fault := range unreadable {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			s.FailAlways(fault)
			within(t, "op", func(ctx context.Context) {
				receipt, err := client.SMS().Do(ctx, hello())
				e := errorOf(t, err)
				assert.Equal(t, failover.OutcomeAccepted, e.Outcome, "%v", err)
				assert.Equal(t, failover.ClassIncomplete, e.Class)
				assert.Equal(t, &sms.Receipt{Provider: "tw", Operation: "op", Attempt: "op.1"}, withoutStatus(receipt))
				assertPlain(t, err, receipt)

				placed, err := client.Call().Do(ctx, ring())
				e = errorOf(t, err)
				assert.Equal(t, failover.OutcomeAccepted, e.Outcome, "%v", err)
				require.NotNil(t, placed)
				assert.Empty(t, placed.ID)
				assert.Equal(t, []string{"tw", "op", "op.1"}, []string{placed.Provider, placed.Operation, placed.Attempt})
				assertPlain(t, err)
			})
			assert.Equal(t, 2, s.Stats().Requests)
		})
	}
}

func withoutStatus(r *sms.Receipt) *sms.Receipt {
	if r != nil {
		r.Status, r.Segments = "", 0
	}
	return r
}

// What is read of an answer has an end.
func TestAnswersHaveAnEnd(t *testing.T) {
	t.Parallel()
	const huge = 512 << 20
	s, client := start(t)
	for _, fault := range []vendorsim.Fault{vendorsim.Endless(huge), vendorsim.HugeError(500, huge)} {
		s.FailAlways(fault)
		for way, do := range ways(t, client, someCall) {
			if way == "hangup" {
				continue // a yes, however long, is a yes
			}
			require.Error(t, do(), way)
		}
	}
	s.Close()
	assert.Less(t, s.Stats().Sent, int64(huge/2), "of what would have been 5 GiB")
}

// unreadable are successes that say nothing.
var unreadable = map[string]vendorsim.Fault{
	"cut":             vendorsim.Cut(),
	"cut by a reset":  vendorsim.CutReset(),
	"missing chunk":   vendorsim.CutChunks(),
	"bad chunk":       vendorsim.BadChunk(),
	"truncated":       vendorsim.Truncate(),
	"empty":           vendorsim.Empty(),
	"page":            vendorsim.Page(),
	"endless":         vendorsim.Endless(64 << 20),
	"204":             vendorsim.Body(204, "", ""),
	"null":            vendorsim.Body(201, "application/json", "null"),
	"array":           vendorsim.Body(201, "application/json", "[]"),
	"no sid":          vendorsim.Body(200, "application/json", `{"status":"queued"}`),
	"odd sid":         vendorsim.Body(200, "application/json", `{"sid":"../../x","status":"queued"}`),
	"odd type":        vendorsim.Body(200, "application/json", `{"sid":7}`),
	"an error inside": vendorsim.Body(200, "application/json", `{"code":21211,"message":"The 'To' number `+callee+` is not a valid phone number.","status":400}`),
}
