package twilio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unsafe"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

// desk is a client whose messages get lost, under fake time.
type desk struct {
	t      *testing.T
	sim    *vendorsim.Telephony
	client *twilio.Client
}

func onDesk(t *testing.T, test func(t *testing.T, d *desk), opts ...twilio.Option) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(account, token, vendorsim.InMemory())
		defer s.Close()
		test(t, &desk{t: t, sim: s, client: clientOf(t, s, opts...)})
	})
}

// sends sends a message as a router does, without asking Lookup.
func (d *desk) sends(client *twilio.Client, operation string, m sms.Message) (*sms.Receipt, error) {
	d.t.Helper()
	p := client.SMS()
	p.Lookup = nil
	texts, err := sms.New(failover.Providers(p))
	require.NoError(d.t, err)
	defer texts.Close()
	return texts.Send(failover.Operation(d.t.Context(), operation), m)
}

// sent sends a message for sure.
func (d *desk) sent(client *twilio.Client, operation string, m sms.Message) *sms.Receipt {
	d.t.Helper()
	receipt, err := d.sends(client, operation, m)
	require.NoError(d.t, err)
	return receipt
}

// loses sends a message that meets the fault, and returns the attempt.
func (d *desk) loses(fault vendorsim.Fault, operation string, m sms.Message) failover.Attempt {
	d.t.Helper()
	d.sim.Fail(fault)
	_, err := d.sends(d.client, operation, m)
	var uncertain *failover.UncertainError
	require.ErrorAs(d.t, err, &uncertain)
	return uncertain.Attempt
}

var (
	lostAfter  = vendorsim.Processed(vendorsim.HangUp()) // it was sent
	lostBefore = vendorsim.HangUp()                      // it was not
)

// finds asks Lookup, and checks that it has only read.
func (d *desk) finds(m sms.Message, a failover.Attempt) (*sms.Receipt, error) {
	d.t.Helper()
	before := len(d.sim.Requests())
	receipt, err := d.client.SMS().Lookup(d.t.Context(), m, a)
	for _, r := range d.sim.Requests()[before:] {
		assert.Equal(d.t, "GET", r.Method)
	}
	assert.Equal(d.t, err != nil, receipt == nil)
	if err != nil {
		assertPlain(d.t, err)
	}
	return receipt, err
}

func (d *desk) found(m sms.Message, a failover.Attempt, id string) {
	d.t.Helper()
	receipt, err := d.finds(m, a)
	require.NoError(d.t, err)
	require.Equal(d.t, id, receipt.ID)
	require.Equal(d.t, []string{a.Operation, a.ID}, []string{receipt.Operation, receipt.Attempt})
}

func (d *desk) notFound(m sms.Message, a failover.Attempt) {
	d.t.Helper()
	_, err := d.finds(m, a)
	require.ErrorIs(d.t, err, failover.ErrNotFound)
}

func (d *desk) cannotTell(m sms.Message, a failover.Attempt, why string) {
	d.t.Helper()
	_, err := d.finds(m, a)
	require.NotErrorIs(d.t, err, failover.ErrNotFound)
	require.ErrorIs(d.t, err, twilio.ErrCannotTell)
	require.EqualError(d.t, err, "twilio: whether the message was sent cannot be told: "+why)
}

func (d *desk) lastID() string {
	all := d.sim.Ledger.Entries()
	return all[len(all)-1].ID
}

func (d *desk) wait(span time.Duration) { <-time.After(span) }

// Why Lookup cannot tell.
const (
	notYet    = "it is not in the list yet"
	several   = "several messages could be it"
	rival     = "another attempt with the same recipient and text is under way or uncertain"
	strangers = "the recipient got another message at that time"
	tooMany   = "the recipient has more messages than are looked through"
	otherList = "the list is not the one that was asked for"
)

func TestLookupFinds(t *testing.T) {
	for name, m := range map[string]sms.Message{
		"from a number":     {To: callee, Body: "Grüße & 100 %"},
		"from a service":    {To: callee, From: "alerts", Body: text},
		"from a sender id":  {To: callee, From: "brand", Body: text},
		"from a short code": {To: callee, From: "short", Body: text},
		"with media":        {To: callee, Body: text, Media: []string{"https://a.test/1"}},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				a := d.loses(lostAfter, "op", m)
				begun := time.Now()
				receipt, err := d.finds(m, a)
				require.NoError(t, err)
				assert.Zero(t, time.Since(begun), "the first look was enough")
				want := sms.StatusQueued
				assert.Equal(t, &sms.Receipt{
					Provider: "twilio", ID: d.lastID(), Operation: "op", Attempt: "op.1", Status: want, Segments: 1,
				}, receipt)
				asked := d.sim.Requests()[len(d.sim.Requests())-1]
				assert.Equal(t, "/2010-04-01/Accounts/"+account+"/Messages.json", asked.Path)
				assert.Equal(t, callee, asked.Query.Get("To"))
				assert.Equal(t, map[bool]string{true: mine}[m.From == ""], asked.Query.Get("From"), "where it is a number")
				assert.Equal(t, []string{"From", "PageSize", "To"}[map[bool]int{false: 1}[m.From == ""]:], names(asked.Query),
					"dates are judged here: what is not sent yet has none")

				// It is remembered.
				before := len(d.sim.Requests())
				d.found(m, a, receipt.ID)
				assert.Len(t, d.sim.Requests(), before)
			})
		})
	}
}

func names(q map[string][]string) []string {
	var all []string
	for _, name := range []string{"DateSent", "DateSent<", "DateSent>", "From", "Page", "PageSize", "PageToken", "To"} {
		if _, ok := q[name]; ok {
			all = append(all, name)
		}
	}
	return all
}

// The vendor may still be about it.
func TestLookupLooksAgain(t *testing.T) {
	for lag, want := range map[time.Duration]struct {
		took  time.Duration
		looks int
		found bool
	}{
		0:                       {0, 1, true},
		800 * time.Millisecond:  {time.Second, 2, true},
		2500 * time.Millisecond: {3 * time.Second, 3, true},
		4 * time.Second:         {3 * time.Second, 3, false},
	} {
		t.Run(lag.String(), func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				d.sim.Lag(lag)
				a := d.loses(lostAfter, "op", hello())
				before, begun := len(d.sim.Requests()), time.Now()
				if want.found {
					d.found(hello(), a, d.lastID())
				} else {
					d.cannotTell(hello(), a, notYet)
				}
				assert.Equal(t, want.took, time.Since(begun))
				assert.Len(t, d.sim.Requests()[before:], want.looks)
			})
		})
	}
}

// That it is not in the list says nothing soon after the attempt.
func TestLookupSettle(t *testing.T) {
	for name, c := range map[string]struct {
		opts  []twilio.Option
		waits time.Duration
		sure  bool
	}{
		"at once":             {nil, 0, false},
		"just before":         {nil, 2*time.Minute - 4*time.Second, false},
		"after two minutes":   {nil, 2 * time.Minute, true},
		"an hour later":       {nil, time.Hour, true},
		"sooner":              {[]twilio.Option{twilio.WithLookupSettle(10 * time.Second)}, 10 * time.Second, true},
		"sooner, not so soon": {[]twilio.Option{twilio.WithLookupSettle(10 * time.Second)}, 5 * time.Second, false},
		"never":               {[]twilio.Option{twilio.WithLookupSettle(0)}, 24 * time.Hour, false},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				// The attempt lasts 15 s: it is from its end that one waits.
				a := d.loses(vendorsim.Silence(), "op", hello())
				require.Equal(t, 15*time.Second, a.Duration)
				d.wait(c.waits)
				begun := time.Now()
				if c.sure {
					d.notFound(hello(), a)
					assert.Zero(t, time.Since(begun))
				} else {
					d.cannotTell(hello(), a, notYet)
				}
			}, c.opts...)
		})
	}
	t.Run("it was sent after all", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			a := d.loses(vendorsim.Processed(vendorsim.Silence()), "op", hello())
			d.wait(time.Hour)
			d.found(hello(), a, d.lastID())
		})
	})
	t.Run("a router does not move on without it", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			other := failover.Wrap("other", func(context.Context, sms.Message) (*sms.Receipt, error) { panic("sent twice") })
			other.SideEffect = true
			texts, err := sms.New(failover.Providers(d.client.SMS(), other))
			require.NoError(t, err)
			defer texts.Close()
			d.sim.Fail(lostBefore)
			_, err = texts.Send(t.Context(), hello())
			require.ErrorIs(t, err, failover.ErrUncertain)
		})
	})
}

// Two messages with the same text: nobody can say which is which.
func TestSeveralMessagesCouldBeIt(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		d.sent(clientOf(t, d.sim), "another program's", hello())
		a := d.loses(lostAfter, "op", hello())
		d.cannotTell(hello(), a, several)
		d.wait(time.Hour)
		d.cannotTell(hello(), a, several)
	})
}

// A message of another attempt is not this one, even with the same text.
func TestAMessageOfAnotherAttempt(t *testing.T) {
	t.Run("that was answered", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			first := d.sent(d.client, "first", hello())
			a := d.loses(lostBefore, "second", hello())
			d.cannotTell(hello(), a, notYet)
			d.wait(2 * time.Minute)
			d.notFound(hello(), a)
			assert.Len(t, d.sim.Ledger.Entries(), 1)
			assert.NotEmpty(t, first.ID)
		})
	})
	t.Run("and this one was sent too", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sent(d.client, "first", hello())
			a := d.loses(lostAfter, "second", hello())
			d.found(hello(), a, d.lastID())
		})
	})
	t.Run("that a lookup has found", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			first := d.loses(lostAfter, "first", hello())
			d.found(hello(), first, d.lastID())
			second := d.loses(lostBefore, "second", hello())
			d.cannotTell(hello(), second, notYet)
			d.wait(2 * time.Minute)
			d.notFound(hello(), second)
		})
	})
	t.Run("that a webhook told of", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			m := hello()
			m.StatusCallback = "https://app.test/s"
			d.loses(lostAfter, "first", m)
			second := d.loses(lostBefore, "second", m)
			d.cannotTell(m, second, rival)
			d.hears(d.lastID())
			d.cannotTell(m, second, notYet)
			d.wait(2 * time.Minute)
			d.notFound(m, second)
		})
	})
	t.Run("of another process, that a webhook told of", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			m := hello()
			m.StatusCallback = "https://app.test/s"
			receipt := d.sent(clientOf(t, d.sim), "other", m)
			a := d.loses(lostBefore, "op", m)
			d.hears(receipt.ID)
			d.wait(2 * time.Minute)
			d.notFound(m, a)
		})
	})
	t.Run("that was looked up for somebody unknown", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sent(clientOf(t, d.sim), "other", hello())
			d.found(hello(), failover.Attempt{ID: "of.1", Operation: "of", Start: time.Now()}, d.lastID())
			a := d.loses(lostBefore, "op", hello())
			d.cannotTell(hello(), a, notYet)
		})
	})
}

// hears gets the webhook of a message.
func (d *desk) hears(id string) {
	d.t.Helper()
	require.NoError(d.t, d.sim.Ledger.SetStatus(id, "sent", ""))
	r, err := d.sim.Callback(d.t.Context(), id)
	require.NoError(d.t, err)
	_, err = d.client.SMSUpdate(r)
	require.NoError(d.t, err)
}

// A webhook says more than any list.
func TestLookupRemembersWebhooks(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		m := hello()
		m.StatusCallback = "https://app.test/s"
		d.sent(clientOf(t, d.sim), "another program's", m)
		a := d.loses(lostAfter, "op", m)
		d.cannotTell(m, a, several)
		d.hears(d.lastID())
		before := len(d.sim.Requests())
		receipt, err := d.finds(m, a)
		require.NoError(t, err)
		assert.Equal(t, &sms.Receipt{
			Provider: "twilio", ID: d.lastID(), Operation: "op", Attempt: "op.1", Status: sms.StatusSent,
		}, receipt)
		assert.Len(t, d.sim.Requests(), before, "nobody was asked")
	})
	t.Run("before the answer", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			m := hello()
			m.StatusCallback = "https://app.test/s"
			go func() {
				_ = d.sim.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool { return len(all) == 1 })
				d.hears(d.lastID())
			}()
			a := d.loses(vendorsim.Processed(vendorsim.Silence()), "op", m)
			d.found(m, a, d.lastID())
		})
	})
}

// While another attempt with the same recipient and text is under way or
// uncertain, a message may be either's.
func TestRivals(t *testing.T) {
	t.Run("under way", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sim.Fail(vendorsim.Processed(vendorsim.Silence()))
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, _ = d.client.SMS().Do(ctx, hello())
			}()
			synctest.Wait()
			a := d.loses(lostBefore, "op", hello())
			d.cannotTell(hello(), a, rival)
			d.wait(5 * time.Minute)
			d.cannotTell(hello(), a, rival)
			cancel()
			<-done
		})
	})
	t.Run("under way, and answered then", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sim.Fail(vendorsim.SlowFirstByte(2 * time.Second))
			done := make(chan struct{})
			go func() {
				defer close(done)
				d.sent(d.client, "slow", hello())
			}()
			synctest.Wait()
			a := d.loses(lostAfter, "op", hello())
			lost := d.lastID()
			d.found(hello(), a, lost) // at the third look
			<-done
		})
	})
	t.Run("uncertain", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			a := d.loses(lostAfter, "first", hello())
			b := d.loses(lostBefore, "second", hello())
			d.cannotTell(hello(), a, rival)
			d.cannotTell(hello(), b, rival)
			d.wait(5 * time.Minute)
			d.cannotTell(hello(), a, rival)
			d.cannotTell(hello(), b, rival)
		})
	})
	t.Run("taken with an answer that could not be read", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sim.Fail(vendorsim.Cut())
			assert.Empty(t, d.sent(d.client, "first", hello()).ID)
			a := d.loses(lostBefore, "second", hello())
			d.cannotTell(hello(), a, rival)
		})
	})
	t.Run("of the same operation", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			a := d.loses(lostAfter, "op", hello())
			p := d.client.SMS()
			p.Lookup = nil
			texts, err := sms.New(failover.Providers(p))
			require.NoError(t, err)
			defer texts.Close()
			for range 2 {
				d.sim.Fail(lostBefore)
				_, err := texts.Send(failover.With(failover.Operation(t.Context(), "again"), failover.OnUncertain(failover.FailOver)), hello())
				require.ErrorIs(t, err, failover.ErrUncertain)
			}
			d.cannotTell(hello(), a, rival)
		})
	})
	t.Run("with another text or recipient", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.loses(lostBefore, "first", sms.Message{To: callee, Body: text + " "})
			d.loses(lostBefore, "second", sms.Message{To: "+15551112223", Body: text})
			a := d.loses(lostAfter, "op", hello())
			d.found(hello(), a, d.lastID())
		})
	})
	t.Run("refused", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.sim.Fail(vendorsim.Status(400).Code("21211"))
			_, err := d.sends(d.client, "first", hello())
			require.ErrorIs(t, err, failover.ErrAllFailed)
			a := d.loses(lostAfter, "op", hello())
			d.found(hello(), a, d.lastID())
		})
	})
	t.Run("of another time", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			d.loses(lostAfter, "yesterday", hello())
			d.wait(24 * time.Hour)
			a := d.loses(lostAfter, "today", hello())
			today := d.lastID()
			d.wait(24 * time.Hour)
			d.loses(lostAfter, "tomorrow", hello())
			d.found(hello(), a, today)
		})
	})
}

// A message that nobody knows of does not make this one found, and forbids to
// say that there is none.
func TestStrangers(t *testing.T) {
	for name, c := range map[string]struct {
		message sms.Message
		waits   time.Duration // after the attempt
	}{
		"another text":                       {sms.Message{To: callee, Body: "Something else."}, 0},
		"a text that was changed":            {sms.Message{To: callee, Body: text + "."}, time.Second},
		"the same text, half a minute later": {hello(), 30 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				a := d.loses(lostBefore, "op", hello())
				d.wait(c.waits)
				d.sent(clientOf(t, d.sim), "stranger", c.message)
				d.wait(time.Hour)
				d.cannotTell(hello(), a, strangers)
			})
		})
		t.Run(name+", and it was sent", func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				a := d.loses(lostAfter, "op", hello())
				id := d.lastID()
				d.wait(c.waits)
				d.sent(clientOf(t, d.sim), "stranger", c.message)
				d.wait(time.Hour)
				if c.message.Body == text {
					d.cannotTell(hello(), a, several)
					return
				}
				d.found(hello(), a, id)
			})
		})
	}
	t.Run("of another time, sender or recipient", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			other := clientOf(t, d.sim)
			d.sent(other, "yesterday", hello())
			d.wait(24 * time.Hour)
			a := d.loses(lostBefore, "op", hello())
			d.sent(other, "recipient", sms.Message{To: "+15551112223", Body: text})
			d.sent(other, "sender", sms.Message{To: callee, From: "twilio:+15550007777", Body: text})
			d.wait(5 * time.Minute)
			d.sent(other, "later", hello())
			d.notFound(hello(), a)
		})
	})
	t.Run("by another sender that is no number", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			m := sms.Message{To: callee, From: "alerts", Body: text}
			a := d.loses(lostBefore, "op", m)
			d.sent(clientOf(t, d.sim), "other", hello())
			d.wait(time.Hour)
			d.cannotTell(m, a, strangers)
		})
	})
}

// edited changes what the vendor lists.
func (d *desk) edited(change func(list map[string]any, header http.Header)) {
	d.t.Helper()
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := d.sim.Client().Transport.RoundTrip(r)
		if err != nil || r.Method != http.MethodGet {
			return resp, err
		}
		defer resp.Body.Close()
		var list map[string]any
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			return nil, err
		}
		change(list, resp.Header)
		body, err := json.Marshal(list)
		if err != nil {
			return nil, err
		}
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		return resp, nil
	})
	d.client = clientOf(d.t, d.sim, twilio.WithHTTPClient(&http.Client{Transport: wire}))
}

// each changes every message that is listed.
func each(change func(m map[string]any)) func(map[string]any, http.Header) {
	return func(list map[string]any, _ http.Header) {
		for _, m := range list["messages"].([]any) {
			change(m.(map[string]any))
		}
	}
}

// Lists are not always as one would have them.
func TestListsOfTheVendor(t *testing.T) {
	shift := func(field string, by time.Duration) func(map[string]any) {
		return func(m map[string]any) {
			at, err := time.Parse(time.RFC1123Z, m[field].(string))
			if err != nil {
				panic(err)
			}
			m[field] = at.Add(by).Format(time.RFC1123Z)
		}
	}
	const found, notFound = "", "not found"
	for name, c := range map[string]struct {
		change  func(list map[string]any, header http.Header)
		sent    string // what Lookup says where the message was sent: why it cannot tell
		notSent string // and where it was not, an hour later
	}{
		"as they are":           {func(map[string]any, http.Header) {}, found, notFound},
		"an account on trial":   {each(func(m map[string]any) { m["body"] = "Sent from your Twilio trial account - " + m["body"].(string) }), found, notFound},
		"no bodies":             {each(func(m map[string]any) { m["body"] = "" }), strangers, notFound},
		"no body at all":        {each(func(m map[string]any) { m["body"] = nil }), strangers, notFound},
		"incoming":              {each(func(m map[string]any) { m["direction"] = "inbound" }), notYet, notFound},
		"replies":               {each(func(m map[string]any) { m["direction"] = "outbound-reply" }), notYet, notFound},
		"without direction":     {each(func(m map[string]any) { delete(m, "direction") }), found, notFound},
		"another sender":        {each(func(m map[string]any) { m["from"] = "+15550007777" }), strangers, notFound},
		"another recipient":     {each(func(m map[string]any) { m["to"] = callee + "0" }), strangers, notFound},
		"no dates":              {each(func(m map[string]any) { m["date_created"] = nil }), strangers, notFound},
		"dates of another kind": {each(func(m map[string]any) { m["date_created"] = "2026-01-01T00:00:00Z" }), strangers, notFound},
		"no ids":                {each(func(m map[string]any) { m["sid"] = nil }), strangers, notFound},
		"a bit early":           {each(shift("date_created", -4*time.Second)), found, notFound},
		"a bit late":            {each(shift("date_created", 4*time.Second)), found, notFound},
		"too early":             {each(shift("date_created", -10*time.Second)), strangers, notFound},
		"too late":              {each(shift("date_created", 10*time.Second)), strangers, notFound},
		"a clock of their own": {
			func(list map[string]any, header http.Header) {
				each(shift("date_created", -5*time.Hour))(list, header)
				at, _ := http.ParseTime(header.Get("Date"))
				header.Set("Date", at.Add(-5*time.Hour).Format(http.TimeFormat))
			}, found, notFound,
		},
		"no clock":       {func(_ map[string]any, h http.Header) { h.Del("Date") }, "the answer does not say when it was made", "the answer does not say when it was made"},
		"a bad clock":    {func(_ map[string]any, h http.Header) { h.Set("Date", "noon") }, "the answer does not say when it was made", "the answer does not say when it was made"},
		"out of a cache": {func(_ map[string]any, h http.Header) { h.Set("Age", "30") }, "the answer comes out of a cache", "the answer comes out of a cache"},
		"passed a cache": {func(_ map[string]any, h http.Header) { h.Set("Age", "0") }, found, notFound},
		"no address": {
			func(list map[string]any, _ http.Header) { delete(list, "uri"); delete(list, "first_page_uri") }, found, otherList,
		},
		"the address of the first page": {func(list map[string]any, _ http.Header) { delete(list, "uri") }, found, notFound},
		"of somebody else": {
			func(list map[string]any, _ http.Header) { list["uri"], list["first_page_uri"] = "/x?To=%2B1555", "%zz" }, found, otherList,
		},
		"a next page nowhere": {func(list map[string]any, _ http.Header) { list["next_page_uri"] = "/x" }, found, tooMany},
		"a circle":            {func(list map[string]any, _ http.Header) { list["next_page_uri"] = "/x?Page=0&PageToken=a" }, found, tooMany},
		"no list": {
			func(list map[string]any, _ http.Header) { delete(list, "messages") },
			"incomplete (200, the answer is no list)", "incomplete (200, the answer is no list)",
		},
		"null": {
			func(list map[string]any, _ http.Header) { list["messages"] = nil },
			"incomplete (200, the answer is no list)", "incomplete (200, the answer is no list)",
		},
		"a message of another": {
			func(list map[string]any, _ http.Header) {
				list["messages"] = append(list["messages"].([]any), map[string]any{
					"sid": "SM" + service[2:], "to": callee + "0", "from": mine, "body": text, "direction": "outbound-api",
					"date_created": "Mon, 03 Jan 2000 00:00:00 +0000",
				})
			}, found, otherList,
		},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				d.edited(c.change)
				check := func(a failover.Attempt, want string) {
					t.Helper()
					switch want {
					case found:
						d.found(hello(), a, d.lastID())
					case notFound:
						d.notFound(hello(), a)
					default:
						_, err := d.finds(hello(), a)
						require.ErrorIs(t, err, twilio.ErrCannotTell)
						require.NotErrorIs(t, err, failover.ErrNotFound)
						require.Contains(t, strings.ReplaceAll(err.Error(), requestIn(err), ""), want)
					}
				}
				a := d.loses(lostBefore, "first", hello())
				d.wait(time.Hour)
				check(a, c.notSent)
				a = d.loses(lostAfter, "second", hello())
				check(a, c.sent)
			})
		})
	}
}

// requestIn is what an error says of the vendor's request.
func requestIn(err error) string {
	if e, ok := errors.AsType[*failover.Error](err); ok && e.RequestID != "" {
		return ", request " + e.RequestID
	}
	return "\x00"
}

// The vendor's failures say nothing of the message.
func TestLookupFails(t *testing.T) {
	for name, c := range map[string]struct {
		fault vendorsim.Fault
		looks int
	}{
		"500":               {vendorsim.Status(500), 3},
		"page":              {vendorsim.Page(), 3},
		"empty":             {vendorsim.Empty(), 3},
		"cut":               {vendorsim.Cut(), 3},
		"truncated":         {vendorsim.Truncate(), 3},
		"{}":                {vendorsim.Body(200, "application/json", "{}"), 3},
		"null":              {vendorsim.Body(200, "application/json", "null"), 3},
		"[]":                {vendorsim.Body(200, "application/json", "[]"), 3},
		"an error in a 200": {vendorsim.Body(200, "application/json", `{"code":20003,"message":"x","status":401}`), 3},
		"too many asked":    {vendorsim.Status(429).RetryAfter(60), 1},
		"unauthorized":      {vendorsim.Status(401), 1},
		"forbidden":         {vendorsim.Status(403), 1},
		"gone":              {vendorsim.Status(404), 1},
		"redirect":          {vendorsim.Redirect(307, "/elsewhere"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				a := d.loses(lostBefore, "op", hello())
				d.wait(time.Hour)
				before := len(d.sim.Requests())
				d.sim.FailAlways(c.fault)
				_, err := d.finds(hello(), a)
				require.ErrorIs(t, err, twilio.ErrCannotTell)
				require.NotErrorIs(t, err, failover.ErrNotFound)
				assert.NotEqual(t, failover.ClassUnknown, failover.ClassOf(err), "%v", err)
				assert.Len(t, d.sim.Requests()[before:], c.looks)
				d.sim.Heal()
				d.sim.Fail(c.fault) // once is no reason to give up
				if c.looks > 1 {
					d.notFound(hello(), a)
				}
			})
		})
	}
	t.Run("down", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			a := d.loses(lostAfter, "op", hello())
			d.wait(time.Hour)
			d.sim.Down()
			begun := time.Now()
			_, err := d.finds(hello(), a)
			require.ErrorIs(t, err, twilio.ErrCannotTell)
			require.EqualError(t, err, "twilio: whether the message was sent cannot be told: transient (dial: connection refused)")
			assert.Equal(t, 3*time.Second, time.Since(begun))
		})
	})
}

// A look that could not be had in time is not begun, and one that is waited for
// ends with the context.
func TestLookupKeepsItsContext(t *testing.T) {
	for left, want := range map[time.Duration]struct {
		took  time.Duration
		looks int
	}{
		500 * time.Millisecond: {0, 1},
		time.Second:            {0, 1},
		2 * time.Second:        {time.Second, 2},
		3 * time.Second:        {time.Second, 2},
		10 * time.Second:       {3 * time.Second, 3},
	} {
		t.Run(left.String(), func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				a := d.loses(lostBefore, "op", hello())
				before, begun := len(d.sim.Requests()), time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), left)
				defer cancel()
				_, err := d.client.SMS().Lookup(ctx, hello(), a)
				require.ErrorIs(t, err, twilio.ErrCannotTell)
				assert.Equal(t, want.took, time.Since(begun))
				assert.Len(t, d.sim.Requests()[before:], want.looks)
			})
		})
	}
	t.Run("canceled while it waits", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			a := d.loses(lostBefore, "op", hello())
			begun := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(400*time.Millisecond, cancel)
			_, err := d.client.SMS().Lookup(ctx, hello(), a)
			require.ErrorIs(t, err, twilio.ErrCannotTell)
			assert.Equal(t, 400*time.Millisecond, time.Since(begun))
			_, err = d.client.SMS().Lookup(ctx, hello(), a)
			require.EqualError(t, err, "twilio: whether the message was sent cannot be told")
		})
	})
}

// A machine that slept, and a clock that was set, make it unknown how long ago
// the attempt was: a message that was sent could be taken for one of another
// time.
func TestLookupAfterOurClockJumped(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	d := &desk{t: t, sim: s, client: client}
	for _, by := range []time.Duration{-time.Hour, -6 * time.Second, -4 * time.Second, 4 * time.Second, 6 * time.Second, time.Hour} {
		m := sms.Message{To: callee, Body: fmt.Sprint("By ", by)}
		a := d.loses(lostAfter, "op", m)
		d.client = clientOf(t, s) // one that has not sent it
		// Of the two clocks in a time, the one that only counts: it stands still
		// while a machine sleeps.
		(*struct {
			wall uint64
			ext  int64
		})(unsafe.Pointer(&a.Start)).ext += int64(by)
		if by.Abs() < 5*time.Second {
			d.found(m, a, d.lastID())
		} else {
			d.cannotTell(m, a, "the clock was set since the attempt, or the machine has slept")
		}
	}
}

// What cannot be recognised is not looked for.
func TestLookupWithoutAHold(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		now := failover.Attempt{ID: "op.1", Start: time.Now()}
		d.cannotTell(sms.Message{To: callee, Media: []string{"https://a.test/1"}}, now, "a message without text cannot be recognised")
		d.cannotTell(sms.Message{To: callee, Body: " \n", Media: []string{"https://a.test/1"}}, now, "a message without text cannot be recognised")
		d.cannotTell(hello(), failover.Attempt{ID: "op.1"}, "the attempt has no start")
		d.cannotTell(sms.Message{To: callee, From: "unknown", Body: text}, now, "unsupported (sms: From is not owned at this vendor)")
		_, err := d.finds(sms.Message{To: "12", Body: text}, now)
		require.ErrorIs(t, err, twilio.ErrCannotTell)
		assert.Empty(t, d.sim.Requests())
	})
}

// An attempt of an earlier life is looked up all the same. Its rivals are not
// known then; what has been found since is not it.
func TestLookupOfAnUnknownAttempt(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		a := d.loses(lostAfter, "op", hello())
		b := d.loses(lostBefore, "other", hello())
		d.client = clientOf(t, d.sim)
		a.Start, b.Start = a.Start.Round(0), b.Start.Round(0) // as they come out of a database
		d.found(hello(), a, d.lastID())
		d.cannotTell(hello(), b, notYet)
		d.wait(time.Hour)
		d.found(hello(), a, d.lastID())
		d.notFound(hello(), b)
	})
}

// What a provider adapts is looked for as it was sent.
func TestLookupOfAnAdaptedMessage(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		p := d.client.SMS()
		p.Adapt = func(m sms.Message) sms.Message {
			m.To, m.From, m.Body = "+15551119999", "brand", m.Body+" Reply STOP to opt out."
			return m
		}
		texts, err := sms.New(failover.Providers(p))
		require.NoError(t, err)
		defer texts.Close()
		d.sim.Fail(lostAfter)
		receipt, err := texts.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, d.lastID(), receipt.ID)

		d.sim.Fail(lostBefore)
		_, err = texts.Send(failover.Operation(t.Context(), "lost"), sms.Message{To: callee, Body: "Another."})
		var uncertain *failover.UncertainError
		require.ErrorAs(t, err, &uncertain)
		other := clientOf(t, d.sim)
		d.sent(other, "other", sms.Message{To: callee, Body: "Another."})
		d.wait(time.Hour)
		d.notFound(sms.Message{To: callee, Body: "Another."}, uncertain.Attempt)

		d.sim.Fail(vendorsim.Processed(vendorsim.Silence()))
		d.sim.Lag(time.Minute)
		_, err = texts.Send(failover.Operation(t.Context(), "sent"), sms.Message{To: callee, Body: "A third."})
		require.ErrorAs(t, err, &uncertain)
		d.wait(time.Hour)
		d.found(sms.Message{To: callee, Body: "A third."}, uncertain.Attempt, d.lastID())
	})
}

// A table of senders may have changed since: what was sent from the number of
// that time is not overlooked.
func TestLookupAfterTheSenderChanged(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		a := d.loses(lostAfter, "op", hello())
		d.client = clientOf(t, d.sim, twilio.WithSenders(sms.Senders{"": "+15550007777"}))
		d.cannotTell(hello(), a, strangers)
		d.wait(time.Hour)
		d.cannotTell(hello(), a, strangers)
	})
}

// What is still under way may yet be sent.
func TestLookupOfAnAttemptUnderWay(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		d.sim.Fail(vendorsim.Silence())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			within(t, "op", func(inner context.Context) {
				attempt, end := context.WithCancel(context.WithoutCancel(inner))
				context.AfterFunc(ctx, end)
				_, _ = d.client.SMS().Do(attempt, hello())
			})
		}()
		synctest.Wait()
		a := failover.Attempt{ID: "op.1", Operation: "op", Start: time.Now()}
		d.wait(time.Hour)
		d.cannotTell(hello(), a, notYet)
		cancel()
		<-done
		d.wait(2 * time.Minute)
		d.notFound(hello(), a)
	}, twilio.WithLookupSettle(500*time.Millisecond)) // shorter than from one look to the next
}

// A recipient with many messages: enough of them are read to find one, all of
// them to say that there is none, and no more than 1000.
func TestLookupPages(t *testing.T) {
	for _, c := range []struct {
		before         int // messages of another program, an hour earlier
		pages, missing int // read where it was sent, and where it was not
		want           string
	}{
		{0, 1, 1, ""},
		{199, 1, 1, ""},
		{200, 1, 1, ""},
		{201, 1, 2, ""},
		{450, 1, 3, ""},
		{1000, 1, 5, ""},
		{1001, 1, 5, tooMany},
	} {
		t.Run(fmt.Sprint(c.before), func(t *testing.T) {
			onDesk(t, func(t *testing.T, d *desk) {
				other := clientOf(t, d.sim)
				for i := range c.before {
					_, err := other.SMS().Do(t.Context(), sms.Message{To: callee, Body: fmt.Sprint("Number ", i)})
					require.NoError(t, err)
				}
				d.wait(time.Hour)
				a := d.loses(lostBefore, "first", hello())
				d.wait(time.Hour)
				before := len(d.sim.Requests())
				if c.want == "" {
					d.notFound(hello(), a)
					assert.Len(t, d.sim.Requests()[before:], c.missing)
				} else {
					d.cannotTell(hello(), a, c.want)
					assert.Len(t, d.sim.Requests()[before:], 3*c.missing)
				}
				a = d.loses(lostAfter, "second", hello())
				before = len(d.sim.Requests())
				d.found(hello(), a, d.lastID())
				assert.Len(t, d.sim.Requests()[before:], c.pages)
			})
		})
	}
	// While pages are read, messages go on being sent, and one comes on two
	// pages.
	t.Run("that move", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			other := clientOf(t, d.sim)
			a := d.loses(lostAfter, "op", hello())
			id := d.lastID()
			for i := range 199 {
				_, err := other.SMS().Do(t.Context(), sms.Message{To: callee, Body: fmt.Sprint("Number ", i)})
				require.NoError(t, err)
			}
			var page atomic.Int64
			d.edited(func(list map[string]any, _ http.Header) {
				if page.Add(1) == 1 {
					list["next_page_uri"] = "/x?Page=1&PageToken=a"
					_, err := other.SMS().Do(t.Context(), sms.Message{To: callee, Body: "Another."})
					assert.NoError(t, err)
				}
			})
			receipt, err := d.client.SMS().Lookup(t.Context(), hello(), a)
			require.NoError(t, err)
			assert.Equal(t, id, receipt.ID)
			assert.EqualValues(t, 2, page.Load())
		})
	})
	// An order that is none is no reason to stop.
	t.Run("out of order", func(t *testing.T) {
		onDesk(t, func(t *testing.T, d *desk) {
			other := clientOf(t, d.sim)
			for i := range 250 {
				_, err := other.SMS().Do(t.Context(), sms.Message{To: callee, Body: fmt.Sprint("Number ", i)})
				require.NoError(t, err)
				d.wait(time.Minute)
			}
			a := d.loses(lostAfter, "op", hello())
			id := d.lastID()
			var first any
			d.edited(func(list map[string]any, _ http.Header) {
				all := list["messages"].([]any)
				if first == nil {
					first, all = all[0], append(all[2:], all[1]) // what is newer comes after what is older,
					all[len(all)-1], all[len(all)-2] = all[len(all)-2], all[len(all)-1]
				} else {
					all = append(all, first) // and the newest on the next page
				}
				list["messages"] = all
			})
			before, begun := len(d.sim.Requests()), time.Now()
			d.found(hello(), a, id)
			assert.Len(t, d.sim.Requests()[before:], 2)
			assert.Zero(t, time.Since(begun), "both pages at the first look")
		})
	})
}

// When an attempt of its own was, a client knows better than whoever asks.
func TestLookupTrustsWhatItKnows(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		a := d.loses(vendorsim.Processed(vendorsim.Silence()), "op", hello())
		id := d.lastID()
		a.Start, a.Duration = a.Start.Add(10*time.Minute), 0
		d.wait(time.Hour)
		d.found(hello(), a, id)

		m := sms.Message{To: callee, Body: "Another."}
		a = d.loses(vendorsim.Silence(), "again", m)
		a.Duration = 0
		d.wait(2*time.Minute - 5*time.Second)
		d.cannotTell(m, a, notYet)
		d.wait(time.Minute)
		d.notFound(m, a)
	})
}

// A client forgets the oldest of what it has sent. What it may have forgotten
// does not make a message somebody's.
func TestAClientForgets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(account, token, vendorsim.InMemory())
		defer s.Close()
		sent := 0
		mass := roundTrip(func(r *http.Request) (*http.Response, error) {
			if body, err := io.ReadAll(r.Body); err != nil || !bytes.Contains(body, []byte("Mass")) {
				r.Body = io.NopCloser(bytes.NewReader(body))
				return s.Client().Transport.RoundTrip(r)
			}
			sent++
			answer := vendorsim.Record(201, http.Header{"Content-Type": {"application/json"}}, fmt.Sprintf(`{"sid":"SM%032x","status":"queued"}`, sent))
			answer.Request = r
			return answer, nil
		})
		wire := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return s.Client().Transport.RoundTrip(r)
			}
			return mass(r)
		})
		d := &desk{t: t, sim: s, client: clientOf(t, s, twilio.WithHTTPClient(&http.Client{Transport: wire}))}
		rivalAttempt := d.loses(lostAfter, "first", hello())
		a := d.loses(lostBefore, "second", hello())
		d.cannotTell(hello(), a, rival)
		for range 8190 {
			_, err := d.client.SMS().Do(t.Context(), sms.Message{To: callee, Body: "Mass"})
			require.NoError(t, err)
		}
		d.cannotTell(hello(), a, rival)
		for range 2 {
			_, err := d.client.SMS().Do(t.Context(), sms.Message{To: callee, Body: "Mass"})
			require.NoError(t, err)
		}
		d.cannotTell(hello(), a, "too many messages were sent since")
		d.cannotTell(hello(), rivalAttempt, "too many messages were sent since")
		d.wait(time.Minute)
		b := d.loses(lostAfter, "third", hello())
		d.found(hello(), b, d.lastID())
	})
}

// An attempt that is forgotten while it is under way may yet be sent.
func TestAClientForgetsWhatIsUnderWay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(account, token, vendorsim.InMemory())
		defer s.Close()
		sent := 0
		wire := roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Body == nil {
				return s.Client().Transport.RoundTrip(r)
			}
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Contains(body, []byte("Mass")) {
				r.Body = io.NopCloser(bytes.NewReader(body))
				return s.Client().Transport.RoundTrip(r)
			}
			sent++
			answer := vendorsim.Record(201, http.Header{"Content-Type": {"application/json"}}, fmt.Sprintf(`{"sid":"SM%032x","status":"queued"}`, sent))
			answer.Request = r
			return answer, nil
		})
		d := &desk{t: t, sim: s, client: clientOf(t, s, twilio.WithHTTPClient(&http.Client{Transport: wire}))}
		d.sim.Fail(vendorsim.SlowFirstByte(time.Hour))
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = d.client.SMS().Do(ctx, hello())
		}()
		synctest.Wait()
		for range 8192 {
			_, err := d.client.SMS().Do(t.Context(), sms.Message{To: callee, Body: "Mass"})
			require.NoError(t, err)
		}
		d.wait(10 * time.Minute)
		a := d.loses(lostAfter, "op", hello())
		lost := d.lastID()
		d.cannotTell(hello(), a, "too many messages were sent since")
		cancel()
		<-done
		d.cannotTell(hello(), a, "too many messages were sent since")
		d.wait(2 * time.Minute)
		b := d.loses(lostAfter, "again", sms.Message{To: callee, Body: "Another."})
		d.found(sms.Message{To: callee, Body: "Another."}, b, d.lastID())
		assert.NotEqual(t, lost, d.lastID())
	})
}

// Many at once: nobody gets another's message.
func TestLookupsSideBySide(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		const n = 30
		owner := make([]string, n)
		done := make(chan int)
		d.sim.FailWhen(func(r vendorsim.Request) vendorsim.Fault {
			switch {
			case r.Method != http.MethodPost:
				return vendorsim.None()
			case r.Number%3 == 0:
				return lostBefore
			case r.Number%3 == 1:
				return lostAfter
			}
			return vendorsim.None()
		})
		for i := range n {
			go func() {
				defer func() { done <- i }()
				texts, err := sms.New(failover.Providers(d.client.SMS())) // one each: a breaker would open
				assert.NoError(t, err)
				defer texts.Close()
				m := sms.Message{To: callee, Body: fmt.Sprint("Text ", i%10), StatusCallback: "https://app.test/s"} // three of each
				receipt, err := texts.Send(failover.Operation(t.Context(), fmt.Sprint("op", i)), m)
				if err == nil {
					owner[i] = receipt.ID
				} else {
					assert.ErrorIs(t, err, failover.ErrUncertain)
				}
			}()
		}
		for range n {
			<-done
		}
		given := map[string]int{}
		for i, id := range owner {
			if id == "" {
				continue
			}
			given[id]++
			assert.Equal(t, 1, given[id])
			entry, ok := d.sim.Ledger.Find(id)
			require.True(t, ok)
			assert.Equal(t, fmt.Sprint("op", i), entry.Operation)
		}
		assert.NotEmpty(t, given)
	})
}

// A router forgets operations after a day, so that their names, and with them
// the ids of their attempts, may come again. The message of the first time is not
// that of the second.
func TestLookupOfANameThatWasUsedBefore(t *testing.T) {
	onDesk(t, func(t *testing.T, d *desk) {
		m := sms.Message{To: callee, Body: text, StatusCallback: "https://example.com/status"}
		first := d.sent(d.client, "daily", m)
		d.wait(25 * time.Hour)
		a := d.loses(lostBefore, "daily", m)
		require.Equal(t, first.Attempt, a.ID)
		d.hears(first.ID)
		d.cannotTell(m, a, notYet)
		d.wait(twilio.DefaultLookupSettle)
		d.notFound(m, a)

		d.wait(25 * time.Hour)
		a = d.loses(lostAfter, "daily", m)
		d.hears(first.ID)
		d.found(m, a, d.lastID())
	})
}
