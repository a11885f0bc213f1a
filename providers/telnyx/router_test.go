package telnyx_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// two is a pair of simulators behind one client of messages and one of calls,
// and everything that they have told.
type two struct {
	sims    [2]*vendorsim.Telephony
	clients [2]*telnyx.Client
	sms     *sms.Client
	call    *call.Client

	mu   sync.Mutex
	told bytes.Buffer // log and events
}

func (w *two) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.told.Write(p)
}

// pair starts two vendors, the first of which is preferred.
func pair(t testing.TB, opts ...failover.Option) *two {
	t.Helper()
	w := &two{}
	for i, name := range []string{"first", "second"} {
		w.sims[i] = vendorsim.Telnyx(key, vendorsim.InMemory())
		t.Cleanup(w.sims[i].Close)
		w.clients[i] = client(t, w.sims[i], telnyx.WithName(name))
	}
	listen := failover.WithOptions(append(opts,
		failover.WithLogger(slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))),
		failover.WithObserver(func(_ context.Context, e failover.Event) { fmt.Fprintf(w, "%+v\n", e) }),
	)...)
	var err error
	w.sms, err = sms.New(failover.Providers(w.clients[0].SMS(), w.clients[1].SMS()), listen)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.sms.Close() })
	w.call, err = call.New([]call.Provider{w.clients[0].Call(), w.clients[1].Call()}, listen)
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.call.Close() })
	return w
}

// processed is how often each vendor has acted.
func (w *two) processed(operation string) [2]int {
	return [2]int{w.sims[0].Ledger.Count(operation), w.sims[1].Ledger.Count(operation)}
}

var (
	tracked = sms.Message{To: recipient, Body: secretBody, StatusCallback: callback}
	ringing = call.Request{To: recipient, AudioURL: sound, StatusCallback: callback}
)

func TestOutageMovesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, outage := range map[string]func(*vendorsim.Telephony){
			"down":       func(s *vendorsim.Telephony) { s.Down() },
			"limited":    func(s *vendorsim.Telephony) { s.FailAlways(vendorsim.Status(429).RetryAfter(7)) },
			"no key":     func(s *vendorsim.Telephony) { s.FailAlways(vendorsim.Status(401)) },
			"no funds":   func(s *vendorsim.Telephony) { s.SetFunds(0) },
			"no region":  func(s *vendorsim.Telephony) { s.Regions("+44") },
			"redirected": func(s *vendorsim.Telephony) { s.FailAlways(vendorsim.Redirect(307, "https://elsewhere.test")) },
		} {
			w := pair(t)
			outage(w.sims[0])
			receipt, err := w.sms.Send(failover.Operation(t.Context(), "m"), tracked)
			require.NoError(t, err, name)
			assert.Equal(t, "second", receipt.Provider, name)
			assert.Equal(t, "m", receipt.Operation, name)
			assert.False(t, receipt.Uncertain)
			assert.Equal(t, [2]int{0, 1}, w.processed("m"), name)

			placed, err := w.call.MakeCall(failover.Operation(t.Context(), "c"), ringing)
			require.NoError(t, err, name)
			assert.Equal(t, "second", placed.Provider, name)
			assert.Equal(t, [2]int{0, 1}, w.processed("c"), name)

			// A call stays with who placed it.
			found, err := w.call.Get(t.Context(), placed.Provider, placed.ID)
			require.NoError(t, err, name)
			assert.Equal(t, call.StatusActive, found.Status)
			require.NoError(t, w.call.Hangup(t.Context(), placed.Provider, placed.ID))
			require.NoError(t, w.call.Hangup(t.Context(), placed.Provider, placed.ID))
			w.hasNoSecrets(t)
		}
	})
}

// Nobody can help a recipient who does not want it or is not there, and it
// counts against no provider.
func TestRecipientsOwnCause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pair(t)
		w.sims[0].OptOut(recipient)
		_, err := w.sms.Send(failover.Operation(t.Context(), "m"), tracked)
		require.ErrorIs(t, err, sms.ErrOptedOut)
		require.NotErrorIs(t, err, failover.ErrUncertain)
		w.sims[0].OptOut()
		w.sims[0].Landlines(recipient)
		_, err = w.sms.Send(failover.Operation(t.Context(), "m2"), tracked)
		require.ErrorIs(t, err, sms.ErrInvalidRecipient)
		assert.Zero(t, w.sims[1].Stats().Requests)
		hasNoSecrets(t, err)
		for _, p := range w.sms.Router().Status().Providers {
			assert.True(t, p.Ready, p.Name)
		}
		w.hasNoSecrets(t)
	})
}

// A message that may have been sent is not sent again, and never reported as
// failed.
func TestUncertainStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []vendorsim.Fault{
			vendorsim.ResetAfterRead(), vendorsim.HangUp(), vendorsim.HalfHeader(), vendorsim.Garbage(), vendorsim.Silence(),
			vendorsim.Status(500), vendorsim.Status(503), vendorsim.Status(400).Code("10007"),
		} {
			w := pair(t)
			w.sims[0].FailAlways(vendorsim.Processed(fault))
			_, err := w.sms.Send(failover.Operation(t.Context(), "m"), tracked)
			require.ErrorIs(t, err, failover.ErrUncertain, fault)
			hasNoSecrets(t, err)
			assert.Equal(t, [2]int{1, 0}, w.processed("m"), fault)
			assert.Equal(t, 1, w.sims[0].Stats().Requests, fault)

			// A call's command is repeated once, which makes no other call.
			_, err = w.call.MakeCall(failover.Operation(t.Context(), "c"), ringing)
			require.ErrorIs(t, err, failover.ErrUncertain, fault)
			hasNoSecrets(t, err)
			assert.Equal(t, [2]int{1, 0}, w.processed("c"), fault)
			assert.Equal(t, 3, w.sims[0].Stats().Requests, fault)
			assert.Zero(t, w.sims[1].Stats().Requests, fault)
			w.hasNoSecrets(t)
		}
	})
}

// The repeat of a command finds the call that the first one has made.
func TestRepeatSettlesACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pair(t)
		w.sims[0].Fail(vendorsim.Processed(vendorsim.Silence()))
		placed, err := w.call.MakeCall(failover.Operation(t.Context(), "c"), ringing)
		require.NoError(t, err)
		entry := w.sims[0].Ledger.Entries()[0]
		assert.Equal(t, entry.ID, placed.ID)
		assert.Equal(t, "first", placed.Provider)
		assert.Equal(t, "c.1", entry.CommandID)
		assert.Equal(t, 1, entry.Ignored)
		assert.Equal(t, [2]int{1, 0}, w.processed("c"))
		w.hasNoSecrets(t)
	})
}

// Where an attempt lasts longer than the vendor remembers, there is no repeat.
func TestNoRepeatAfterALongAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pair(t, failover.WithTimeout(70*time.Second))
		w.sims[0].Fail(vendorsim.Processed(vendorsim.Silence()))
		_, err := w.call.MakeCall(failover.Operation(t.Context(), "c"), ringing)
		require.ErrorIs(t, err, failover.ErrUncertain)
		assert.Equal(t, [2]int{1, 0}, w.processed("c"))
		assert.Equal(t, 1, w.sims[0].Stats().Requests)
	})
}

// A success whose answer is lost is a success.
func TestUnreadableAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, fault := range []vendorsim.Fault{vendorsim.Cut(), vendorsim.Empty(), vendorsim.Page(), vendorsim.Stall()} {
			w := pair(t)
			w.sims[0].FailAlways(vendorsim.Processed(fault))
			receipt, err := w.sms.Send(failover.Operation(t.Context(), "m"), tracked)
			require.NoError(t, err, fault)
			assert.Equal(t, &sms.Receipt{Provider: "first", Operation: "m", Attempt: "m.1"}, receipt, fault)
			placed, err := w.call.MakeCall(failover.Operation(t.Context(), "c"), ringing)
			require.NoError(t, err, fault)
			assert.Equal(t, &call.Call{Provider: "first", Operation: "c", Attempt: "c.1", To: recipient, From: own}, placed, fault)
			assert.Equal(t, [2]int{1, 0}, w.processed("m"), fault)
			assert.Equal(t, [2]int{1, 0}, w.processed("c"), fault)
		}
	})
}

// deliver tells the application what became of an entry, as the vendor does.
func (w *two) deliver(t testing.TB, operation, status, code string) *http.Request {
	t.Helper()
	for _, e := range w.sims[0].Ledger.Entries() {
		if e.Operation == operation {
			require.NoError(t, w.sims[0].Ledger.SetStatus(e.ID, status, code))
			r, err := w.sims[0].Callback(t.Context(), e.ID)
			require.NoError(t, err)
			return r
		}
	}
	require.Fail(t, "nothing was processed")
	return nil
}

// A webhook settles an uncertain message: it was taken, or it certainly reached
// nobody and may be sent again.
func TestWebhookSettlesAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pair(t)
		w.sims[0].Fail(vendorsim.Processed(vendorsim.HangUp()))
		ctx := failover.Operation(t.Context(), "m")
		_, err := w.sms.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrUncertain)
		u, err := w.clients[0].SMSUpdate(w.deliver(t, "m", "delivered", ""))
		require.NoError(t, err)
		assert.Equal(t, sms.StatusDelivered, u.Status)
		require.NoError(t, w.sms.Report(u))
		require.NoError(t, w.sms.Report(u), "webhooks come twice")
		_, err = w.sms.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrDuplicate)

		w.sims[0].Fail(vendorsim.Processed(vendorsim.HangUp()))
		ctx = failover.Operation(t.Context(), "m2")
		_, err = w.sms.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrUncertain)
		u, err = w.clients[0].SMSUpdate(w.deliver(t, "m2", "sending_failed", "40006"))
		require.NoError(t, err)
		require.NoError(t, w.sms.Report(u))
		_, err = w.sms.Send(ctx, tracked)
		require.NoError(t, err, "it had reached nobody")
		w.hasNoSecrets(t)
	})
}

// A webhook may be faster than the answer.
func TestWebhookBeforeTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := pair(t)
		w.sims[0].Fail(vendorsim.Processed(vendorsim.Silence()))
		ctx := failover.Operation(t.Context(), "m")
		failed := make(chan error)
		go func() {
			_, err := w.sms.Send(ctx, tracked)
			failed <- err
		}()
		synctest.Wait()
		u, err := w.clients[0].SMSUpdate(w.deliver(t, "m", "sending_failed", "40305"))
		require.NoError(t, err)
		require.NoError(t, w.sms.Report(u))
		require.NoError(t, <-failed, "nobody got the first, so that the second vendor may send it")
		assert.Equal(t, [2]int{1, 1}, w.processed("m"))

		w.sims[0].Fail(vendorsim.Processed(vendorsim.Silence()))
		ctx = failover.Operation(t.Context(), "m2")
		go func() {
			_, err := w.sms.Send(ctx, tracked)
			failed <- err
		}()
		synctest.Wait()
		u, err = w.clients[0].SMSUpdate(w.deliver(t, "m2", "sent", ""))
		require.NoError(t, err)
		require.NoError(t, w.sms.Report(u))
		err = <-failed
		require.ErrorIs(t, err, failover.ErrUncertain)
		assert.Equal(t, [2]int{1, 0}, w.processed("m2"))
		_, err = w.sms.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrDuplicate, "the webhook says that it was sent")
		w.hasNoSecrets(t)
	})
}

// The same of a call, whose webhooks go to two places where an application runs
// it.
func TestWebhookSettlesACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, req := range map[string]call.Request{
			"a file":          ringing,
			"an application":  {To: recipient, StatusCallback: callback},
			"its own address": {To: recipient, AnswerURL: "https://app.example.com/", StatusCallback: callback},
			"and no callback": {To: recipient, AnswerURL: "https://app.example.com/"},
		} {
			w := pair(t)
			w.sims[0].FailAlways(vendorsim.Processed(vendorsim.HangUp()))
			ctx := failover.Operation(t.Context(), "c")
			_, err := w.call.MakeCall(ctx, req)
			require.ErrorIs(t, err, failover.ErrUncertain, name)
			u, err := w.clients[0].CallUpdate(w.deliver(t, "c", "hangup", "user_busy"))
			require.NoError(t, err, name)
			assert.Equal(t, call.StatusBusy, u.Status, name)
			assert.Equal(t, "first", u.Provider, name)
			assert.Equal(t, "c.1", u.Attempt, name)
			require.NoError(t, w.call.Report(u), name)
			_, err = w.call.MakeCall(ctx, req)
			require.ErrorIs(t, err, failover.ErrDuplicate, name)
			assert.Equal(t, [2]int{1, 0}, w.processed("c"), name)

			// A number that does not exist settles it the other way.
			ctx = failover.Operation(t.Context(), "c2")
			_, err = w.call.MakeCall(ctx, req)
			require.ErrorIs(t, err, failover.ErrUncertain, name)
			u, err = w.clients[0].CallUpdate(w.deliver(t, "c2", "hangup", "not_found"))
			require.NoError(t, err, name)
			assert.Equal(t, failover.OutcomeNotAccepted, u.Outcome(), name)
			require.NoError(t, w.call.Report(u), name)
			_, err = w.call.MakeCall(ctx, req)
			require.NotErrorIs(t, err, failover.ErrDuplicate, name)
			w.hasNoSecrets(t)
		}
	})
}

// A webhook that names nobody's operation settles nothing.
func TestStrayWebhooks(t *testing.T) {
	t.Parallel()
	w := pair(t)
	c := listener(t)
	m, err := c.SMSUpdate(signed(t, `{"data":{"event_type":"message.sent","payload":{"id":"m1"}}}`))
	require.NoError(t, err)
	require.ErrorIs(t, w.sms.Report(m), sms.ErrNotOurs)
	u, err := c.CallUpdate(signed(t, `{"data":{"event_type":"call.answered","payload":{"call_control_id":"x"}}}`))
	require.NoError(t, err)
	require.ErrorIs(t, w.call.Report(u), call.ErrNotOurs)
}

// Inside nested routers a webhook names the path.
func TestNestedProvider(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := vendorsim.Telnyx(key, vendorsim.InMemory())
		defer sim.Close()
		c := client(t, sim, telnyx.WithName("key1"))
		pool, err := failover.New(failover.Providers(c.SMS()))
		require.NoError(t, err)
		defer pool.Close()
		messages, err := sms.New(failover.Providers(failover.Nest("pool", pool)))
		require.NoError(t, err)
		defer messages.Close()
		sim.Fail(vendorsim.Processed(vendorsim.HangUp()))
		ctx := failover.Operation(t.Context(), "m")
		_, err = messages.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrUncertain)
		r, err := sim.Callback(t.Context(), sim.Ledger.Entries()[0].ID)
		require.Error(t, err, "the vendor tells nobody of queued messages")
		require.Nil(t, r)
		require.NoError(t, sim.Ledger.SetStatus(sim.Ledger.Entries()[0].ID, "sent", ""))
		r, err = sim.Callback(t.Context(), sim.Ledger.Entries()[0].ID)
		require.NoError(t, err)
		u, err := c.SMSUpdate(r)
		require.NoError(t, err)
		assert.Equal(t, "pool/key1", u.Provider)
		require.NoError(t, messages.Report(u))
		_, err = messages.Send(ctx, tracked)
		require.ErrorIs(t, err, failover.ErrDuplicate)
	})
}

// Everybody may use a client at once.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	w := pair(t)
	w.sims[0].Flap(2, 1, vendorsim.Processed(vendorsim.HangUp()))
	var all sync.WaitGroup
	for i := range 20 {
		name := fmt.Sprintf("op-%d", i)
		all.Go(func() {
			_, err := w.sms.Send(failover.Operation(t.Context(), name), tracked)
			assert.True(t, err == nil || errors.Is(err, failover.ErrUncertain), "%v", err)
			_, err = w.call.MakeCall(failover.Operation(t.Context(), "call-"+name), ringing)
			assert.True(t, err == nil || errors.Is(err, failover.ErrUncertain), "%v", err)
			_, err = w.clients[0].SMSUpdate(signed(t, messageVector))
			assert.ErrorIs(t, err, telnyx.ErrSignature, "another key")
			assert.NoError(t, w.clients[1].SMS().Check(t.Context()))
		})
	}
	all.Wait()
	for i := range 20 {
		name := fmt.Sprintf("op-%d", i)
		for _, operation := range []string{name, "call-" + name} {
			done := w.processed(operation)
			assert.LessOrEqual(t, done[0]+done[1], 1, operation)
		}
	}
}

// hasNoSecrets looks through logs, events and status.
func (w *two) hasNoSecrets(t testing.TB) {
	t.Helper()
	status, err := json.Marshal([]any{w.sms.Router().Status(), w.call.Router().Status()})
	require.NoError(t, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	require.NotEmpty(t, w.told.String(), "nobody was told of anything")
	told := w.told.String() + string(status)
	for _, secret := range secrets {
		assert.NotContains(t, told, secret)
	}
}
