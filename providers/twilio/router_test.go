package twilio_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

// pair is two accounts, one behind the other.
type pair struct {
	first, second *vendorsim.Telephony
	a, b          *twilio.Client
	texts         *sms.Client
	calls         *call.Client
}

func onPair(t *testing.T, test func(t *testing.T, p *pair), opts ...failover.Option) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &pair{
			first:  vendorsim.Twilio(account, token, vendorsim.InMemory()),
			second: vendorsim.Twilio(account, token, vendorsim.InMemory()),
		}
		defer p.first.Close()
		defer p.second.Close()
		p.a, p.b = clientOf(t, p.first, twilio.WithName("a")), clientOf(t, p.second, twilio.WithName("b"))
		var err error
		p.texts, err = sms.New(failover.Providers(p.a.SMS(), p.b.SMS()), opts...)
		require.NoError(t, err)
		defer p.texts.Close()
		p.calls, err = call.New([]call.Provider{p.a.Call(), p.b.Call()}, opts...)
		require.NoError(t, err)
		defer p.calls.Close()
		test(t, p)
	})
}

// counts are how many messages and calls the vendors have processed.
func (p *pair) counts() [2]int {
	return [2]int{len(p.first.Ledger.Entries()), len(p.second.Ledger.Entries())}
}

func tracked() sms.Message {
	m := hello()
	m.StatusCallback = "https://app.test/s"
	return m
}

func trackedCall() call.Request {
	r := ring()
	r.StatusCallback = "https://app.test/c"
	return r
}

// What certainly was not sent goes to the next provider.
func TestAnOutageMovesOn(t *testing.T) {
	for name, c := range map[string]func(p *pair){
		"down":        func(p *pair) { p.first.Down() },
		"limited":     func(p *pair) { p.first.FailAlways(vendorsim.Status(429)) },
		"suspended":   func(p *pair) { p.first.Suspend(true) },
		"queue full":  func(p *pair) { p.first.FailAlways(vendorsim.Status(400).Code("21611")) },
		"the sender":  func(p *pair) { p.first.FailAlways(vendorsim.Status(400).Code("21606")) },
		"the region":  func(p *pair) { p.first.Regions("+44") },
		"maintenance": func(p *pair) { p.first.FailAlways(vendorsim.Status(400).Code("21730")) },
	} {
		t.Run(name, func(t *testing.T) {
			onPair(t, func(t *testing.T, p *pair) {
				c(p)
				receipt, err := p.texts.Send(t.Context(), hello())
				require.NoError(t, err)
				assert.Equal(t, "b", receipt.Provider)
				assert.False(t, receipt.Uncertain)
				placed, err := p.calls.MakeCall(t.Context(), ring())
				require.NoError(t, err)
				assert.Equal(t, "b", placed.Provider)
				assert.Equal(t, [2]int{0, 2}, p.counts())
			})
		})
	}
	t.Run("a sender that only the other owns", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			other := clientOf(t, p.second, twilio.WithName("c"), twilio.WithSenders(sms.Senders{"news": "+15550003333"}))
			texts, err := sms.New(failover.Providers(p.a.SMS(), other.SMS()))
			require.NoError(t, err)
			defer texts.Close()
			for _, from := range []string{"news", "+15550003333"} {
				receipt, err := texts.Send(t.Context(), sms.Message{To: callee, From: from, Body: text})
				require.NoError(t, err)
				assert.Equal(t, "c", receipt.Provider)
			}
			assert.Empty(t, p.first.Requests(), "a number is not sent through a vendor that does not own it")
		})
	})
}

// The recipient's own reasons end it for everybody, and count against nobody.
func TestTheRecipientEndsIt(t *testing.T) {
	onPair(t, func(t *testing.T, p *pair) {
		p.first.OptOut(callee)
		for range 10 {
			_, err := p.texts.Send(t.Context(), hello())
			require.ErrorIs(t, err, sms.ErrOptedOut)
			require.NotErrorIs(t, err, failover.ErrUncertain)
		}
		p.first.OptOut()
		p.first.Landlines(callee)
		_, err := p.texts.Send(t.Context(), hello())
		require.ErrorIs(t, err, sms.ErrInvalidRecipient)
		assert.Equal(t, [2]int{}, p.counts())
		assert.Empty(t, p.second.Requests())
		p.first.Landlines()
		receipt, err := p.texts.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, "a", receipt.Provider, "it is as healthy as before")
	})
}

// What may have been sent is not sent again.
func TestUncertainStops(t *testing.T) {
	for name, fault := range map[string]vendorsim.Fault{
		"500": vendorsim.Status(500), "hang-up": vendorsim.HangUp(), "silence": vendorsim.Silence(), "garbage": vendorsim.Garbage(),
	} {
		t.Run(name, func(t *testing.T) {
			onPair(t, func(t *testing.T, p *pair) {
				for _, f := range []vendorsim.Fault{fault, vendorsim.Processed(fault)} {
					before := p.counts()
					p.first.Lag(time.Hour) // nothing can be looked up
					p.first.Fail(f, vendorsim.None(), vendorsim.None(), vendorsim.None(), f)
					_, err := p.texts.Send(t.Context(), hello())
					require.ErrorIs(t, err, failover.ErrUncertain)
					require.NotErrorIs(t, err, failover.ErrAllFailed)
					assertPlain(t, err)
					_, err = p.calls.MakeCall(t.Context(), ring())
					require.ErrorIs(t, err, failover.ErrUncertain)
					assert.Zero(t, p.counts()[1])
					assert.LessOrEqual(t, p.counts()[0], before[0]+2)
					require.NoError(t, p.texts.Router().Enable("a"))
					require.NoError(t, p.calls.Router().Enable("a"))
				}
				assert.Empty(t, p.second.Requests())
			})
		})
	}
	t.Run("unless the caller chose so", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			p.first.FailAlways(vendorsim.Processed(vendorsim.HangUp()))
			p.first.Lag(time.Hour)
			receipt, err := p.texts.Send(failover.With(t.Context(), failover.OnUncertain(failover.FailOver)), hello())
			require.NoError(t, err)
			assert.Equal(t, "b", receipt.Provider)
			assert.True(t, receipt.Uncertain)
			assert.Equal(t, [2]int{1, 1}, p.counts())
		})
	})
}

// A message that the list has was sent.
func TestTheRouterLooksItUp(t *testing.T) {
	for lag, took := range map[time.Duration]time.Duration{0: 0, 2 * time.Second: 3 * time.Second} {
		onceFound := func(t *testing.T, p *pair) {
			p.first.Lag(lag)
			p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
			begun := time.Now()
			receipt, err := p.texts.Send(failover.Operation(t.Context(), "op"), hello())
			require.NoError(t, err)
			assert.Equal(t, took, time.Since(begun))
			assert.Equal(t, &sms.Receipt{
				Provider: "a", ID: p.first.Ledger.Entries()[0].ID, Operation: "op", Attempt: "op.1", Status: sms.StatusQueued, Segments: 1,
			}, receipt)
			assert.Equal(t, [2]int{1, 0}, p.counts())
			_, err = p.texts.Send(failover.Operation(t.Context(), "op"), hello())
			require.ErrorIs(t, err, failover.ErrDuplicate)
		}
		t.Run(lag.String(), func(t *testing.T) { onPair(t, onceFound) })
	}
	t.Run("within the caller's deadline", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			p.first.FailAlways(vendorsim.Silence())
			ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
			defer cancel()
			begun := time.Now()
			_, err := p.texts.Send(ctx, hello())
			require.ErrorIs(t, err, failover.ErrUncertain)
			assert.LessOrEqual(t, time.Since(begun), 4*time.Second)
		})
	})
	t.Run("and moves on if it was surely not sent", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			a := clientOf(t, p.first, twilio.WithName("a"), twilio.WithLookupSettle(2*time.Second))
			texts, err := sms.New(failover.Providers(a.SMS(), p.b.SMS()))
			require.NoError(t, err)
			defer texts.Close()
			p.first.FailWhen(func(r vendorsim.Request) vendorsim.Fault {
				if r.Method == "POST" {
					return vendorsim.HangUp()
				}
				return vendorsim.None()
			})
			receipt, err := texts.Send(t.Context(), hello())
			require.NoError(t, err)
			assert.Equal(t, "b", receipt.Provider)
			assert.False(t, receipt.Uncertain)
			assert.Equal(t, [2]int{0, 1}, p.counts())
			p.first.Heal()
			p.first.Fail(vendorsim.HangUp())
			receipt, err = texts.Send(t.Context(), hello())
			require.NoError(t, err)
			assert.Equal(t, "a", receipt.Provider, "it is tried again where it was not sent")
			assert.Equal(t, [2]int{1, 1}, p.counts())
		})
	})
	t.Run("in a router inside another", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			inner, err := failover.New(failover.Providers(p.a.SMS(), p.b.SMS()))
			require.NoError(t, err)
			defer inner.Close()
			texts, err := sms.New(failover.Providers(failover.Nest("pool", inner)))
			require.NoError(t, err)
			defer texts.Close()
			p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
			receipt, err := texts.Send(t.Context(), tracked())
			require.NoError(t, err)
			assert.Equal(t, "pool/a", receipt.Provider, "as Report takes it")
			assert.Equal(t, "pool/a", p.first.Ledger.Entries()[0].Provider)
			require.NoError(t, texts.Report(p.smsUpdate(t, p.first, receipt.ID, "delivered", "")))
		})
	})
}

func (p *pair) smsUpdate(t *testing.T, s *vendorsim.Telephony, id, status, code string) sms.Update {
	t.Helper()
	require.NoError(t, s.Ledger.SetStatus(id, status, code))
	r, err := s.Callback(t.Context(), id)
	require.NoError(t, err)
	u, err := p.a.SMSUpdate(r)
	require.NoError(t, err)
	return u
}

func (p *pair) callUpdate(t *testing.T, id, status, code string) call.Update {
	t.Helper()
	require.NoError(t, p.first.Ledger.SetStatus(id, status, code))
	r, err := p.first.Callback(t.Context(), id)
	require.NoError(t, err)
	u, err := p.a.CallUpdate(r)
	require.NoError(t, err)
	return u
}

// A webhook settles what was uncertain, after Send has returned.
func TestAWebhookSettlesAfterTheAnswer(t *testing.T) {
	t.Run("it was sent", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			ctx := failover.Operation(t.Context(), "op")
			p.first.Lag(time.Hour)
			p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
			_, err := p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrUncertain)
			_, err = p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrUncertain, "still")
			u := p.smsUpdate(t, p.first, p.first.Ledger.Entries()[0].ID, "sent", "")
			for range 3 { // webhooks come more than once
				require.NoError(t, p.texts.Report(u))
			}
			_, err = p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrDuplicate)
			require.NotErrorIs(t, err, failover.ErrUncertain)
			assert.Equal(t, [2]int{1, 0}, p.counts())
		})
	})
	t.Run("it reached nobody", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			ctx := failover.Operation(t.Context(), "op")
			p.first.Lag(time.Hour)
			p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
			_, err := p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrUncertain)
			u := p.smsUpdate(t, p.first, p.first.Ledger.Entries()[0].ID, "failed", "21610")
			require.ErrorIs(t, u.Err, sms.ErrOptedOut)
			require.NoError(t, p.texts.Report(u))
			receipt, err := p.texts.Send(ctx, tracked())
			require.NoError(t, err, "it may be begun again")
			assert.Equal(t, "op.2", receipt.Attempt)
		})
	})
	t.Run("the vendor does not know", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			ctx := failover.Operation(t.Context(), "op")
			p.first.Lag(time.Hour)
			p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
			_, err := p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrUncertain)
			require.NoError(t, p.texts.Report(p.smsUpdate(t, p.first, p.first.Ledger.Entries()[0].ID, "undelivered", "30008")))
			_, err = p.texts.Send(ctx, tracked())
			require.ErrorIs(t, err, failover.ErrDuplicate, "it is not sent again")
		})
	})
	t.Run("a call", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			for status, again := range map[string]bool{"busy": false, "no-answer": false, "completed": false, "failed": true} {
				ctx := failover.Operation(t.Context(), "op "+status)
				p.first.Fail(vendorsim.Processed(vendorsim.HangUp()))
				_, err := p.calls.MakeCall(ctx, trackedCall())
				require.ErrorIs(t, err, failover.ErrUncertain)
				all := p.first.Ledger.Entries()
				code := map[bool]string{true: "404"}[again]
				require.NoError(t, p.calls.Report(p.callUpdate(t, all[len(all)-1].ID, status, code)))
				_, err = p.calls.MakeCall(ctx, trackedCall())
				if again {
					require.NoError(t, err, "no phone rang")
				} else {
					require.ErrorIs(t, err, failover.ErrDuplicate, status)
				}
			}
		})
	})
}

// A webhook may be faster than the answer.
func TestAWebhookSettlesBeforeTheAnswer(t *testing.T) {
	t.Run("a message", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			p.first.Lag(time.Hour)
			p.first.Fail(vendorsim.Processed(vendorsim.Silence()))
			told := make(chan struct{})
			go func() {
				defer close(told)
				_ = p.first.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool { return len(all) == 1 })
				assert.NoError(t, p.texts.Report(p.smsUpdate(t, p.first, p.first.Ledger.Entries()[0].ID, "sent", "")))
			}()
			receipt, err := p.texts.Send(failover.Operation(t.Context(), "op"), tracked())
			<-told
			require.NoError(t, err)
			assert.Equal(t, &sms.Receipt{
				Provider: "a", ID: p.first.Ledger.Entries()[0].ID, Operation: "op", Attempt: "op.1", Status: sms.StatusSent,
			}, receipt)
			assert.Equal(t, [2]int{1, 0}, p.counts())
		})
	})
	t.Run("a call", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			ctx := failover.Operation(t.Context(), "op")
			p.first.Fail(vendorsim.Processed(vendorsim.Silence()))
			told := make(chan struct{})
			go func() {
				defer close(told)
				_ = p.first.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool { return len(all) == 1 })
				assert.NoError(t, p.calls.Report(p.callUpdate(t, p.first.Ledger.Entries()[0].ID, "ringing", "")))
			}()
			_, err := p.calls.MakeCall(ctx, trackedCall())
			<-told
			var uncertain *failover.UncertainError
			require.ErrorAs(t, err, &uncertain)
			assert.Equal(t, failover.OutcomeAccepted, uncertain.Outcome, "it rings, and nobody has its id")
			_, err = p.calls.MakeCall(ctx, trackedCall())
			require.ErrorIs(t, err, failover.ErrDuplicate)
			assert.Equal(t, [2]int{1, 0}, p.counts())
		})
	})
	t.Run("an answer after it", func(t *testing.T) {
		onPair(t, func(t *testing.T, p *pair) {
			p.first.Fail(vendorsim.Processed(vendorsim.SlowFirstByte(3 * time.Second)))
			told := make(chan struct{})
			go func() {
				defer close(told)
				_ = p.first.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool { return len(all) == 1 })
				assert.NoError(t, p.texts.Report(p.smsUpdate(t, p.first, p.first.Ledger.Entries()[0].ID, "sent", "")))
			}()
			receipt, err := p.texts.Send(t.Context(), tracked())
			<-told
			require.NoError(t, err)
			assert.NotEmpty(t, receipt.ID)
		})
	})
}

// A vendor that took a message and could not be understood has it all the same.
func TestTakenIsSuccess(t *testing.T) {
	onPair(t, func(t *testing.T, p *pair) {
		p.first.Fail(vendorsim.Cut(), vendorsim.Cut())
		receipt, err := p.texts.Send(failover.Operation(t.Context(), "op"), tracked())
		require.NoError(t, err)
		assert.Equal(t, &sms.Receipt{Provider: "a", Operation: "op", Attempt: "op.1"}, receipt)
		placed, err := p.calls.MakeCall(failover.Operation(t.Context(), "op"), trackedCall())
		require.NoError(t, err)
		assert.Equal(t, &call.Call{Provider: "a", Operation: "op", Attempt: "op.1"}, placed)
		assert.Equal(t, [2]int{2, 0}, p.counts())
	})
}

// The health check opens no breaker by itself, and says why.
func TestHealthChecks(t *testing.T) {
	onPair(t, func(t *testing.T, p *pair) {
		texts, err := sms.New(failover.Providers(p.a.SMS(), p.b.SMS()), failover.WithHealthChecks(failover.HealthPolicy{}))
		require.NoError(t, err)
		defer texts.Close()
		p.first.Suspend(true)
		<-time.After(5 * time.Minute)
		receipt, err := texts.Send(t.Context(), hello())
		require.NoError(t, err)
		assert.Equal(t, "b", receipt.Provider)
		assert.Equal(t, [2]int{0, 1}, p.counts())
		for _, r := range p.first.Requests() {
			assert.Equal(t, "GET", r.Method, "nobody was asked to send")
		}
	})
}
