package telnyx_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

func ExampleNew() {
	api := vendorsim.Telnyx("my-key") // in place of https://api.telnyx.com
	defer api.Close()

	client, err := telnyx.New("my-key",
		telnyx.WithBaseURL(api.URL()),
		telnyx.WithSenders(sms.Senders{"": "+15005550001", "alerts": "+15005550002"}),
		telnyx.WithCallers(call.Callers{"": "+15005550001"}),
		telnyx.WithConnections(call.Connections{"": "1494404757140276705"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	// A provider works alone too; sms.New puts several behind one client.
	p := client.SMS()
	receipt, err := p.Do(context.Background(), sms.Message{To: "+15005550006", From: "alerts", Body: "It is on its way."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Provider, receipt.Status, receipt.Segments, *receipt.Price)

	// The code says more than the status, and nothing printed is secret.
	api.OptOut("+15005550006")
	_, err = p.Do(context.Background(), sms.Message{To: "+15005550006", Body: "It is here."})
	fmt.Println(errors.Is(err, sms.ErrOptedOut))
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, e.Outcome, e.Status, e.Code)
	}
	// Output:
	// telnyx queued 1 {0.004 USD}
	// true
	// invalid not_accepted 400 40300
}

// A message that may have been sent is settled by the vendor's webhook.
func ExampleClient_SMSUpdate() {
	api := vendorsim.Telnyx("my-key") // in place of https://api.telnyx.com
	defer api.Close()

	client, err := telnyx.New("my-key",
		telnyx.WithBaseURL(api.URL()),
		telnyx.WithSenders(sms.Senders{"": "+15005550001"}),
		telnyx.WithPublicKey(api.PublicKey()),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	messages, err := sms.New(failover.Providers(client.SMS()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer messages.Close()

	// The application listens to webhooks.
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		update, err := client.SMSUpdate(r)
		switch {
		case errors.Is(err, telnyx.ErrSignature):
			w.WriteHeader(http.StatusForbidden)
		case errors.Is(err, telnyx.ErrUnrelated): // a message received, say: r.Body can be read again
		case err != nil:
			w.WriteHeader(http.StatusBadRequest)
		default:
			fmt.Println("webhook:", update.Operation, update.Status)
			fmt.Println(messages.Report(update))
		}
	}))
	defer hooks.Close()

	// The vendor sends the message, and its answer is lost.
	api.Fail(vendorsim.Processed(vendorsim.HangUp()))
	ctx := failover.Operation(context.Background(), "order-7:shipped")
	_, err = messages.Send(ctx, sms.Message{To: "+15005550006", Body: "It is on its way.", StatusCallback: hooks.URL})
	fmt.Println(errors.Is(err, failover.ErrUncertain))

	sent := api.Ledger.Entries()[0]
	if _, err := api.Deliver(ctx, hooks.Client(), sent.ID, "delivered", ""); err != nil {
		fmt.Println(err)
		return
	}
	_, err = messages.Send(ctx, sms.Message{To: "+15005550006", Body: "It is on its way."})
	fmt.Println(errors.Is(err, failover.ErrDuplicate), len(api.Ledger.Entries()))
	// Output:
	// true
	// webhook: order-7:shipped delivered
	// <nil>
	// true 1
}

// A call whose answer is lost is asked for once more, under the same id, and
// rings once.
func ExampleClient_Call() {
	api := vendorsim.Telnyx("my-key") // in place of https://api.telnyx.com
	defer api.Close()

	client, err := telnyx.New("my-key",
		telnyx.WithBaseURL(api.URL()),
		telnyx.WithCallers(call.Callers{"": "+15005550001"}),
		telnyx.WithConnections(call.Connections{"": "1494404757140276705"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	calls, err := call.New([]call.Provider{client.Call()})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer calls.Close()

	api.Fail(vendorsim.Processed(vendorsim.HangUp()))
	ctx := failover.Operation(context.Background(), "reminder-7")
	placed, err := calls.MakeCall(ctx, call.Request{To: "+15005550006", AudioURL: "https://example.com/reminder.mp3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	rung := api.Ledger.Entries()
	fmt.Println(placed.Status, len(rung), rung[0].CommandID, rung[0].Ignored)

	fmt.Println(calls.Hangup(ctx, placed.Provider, placed.ID))
	over, err := calls.Get(ctx, placed.Provider, placed.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(over.Status)
	// Output:
	// queued 1 reminder-7.1 1
	// <nil>
	// ended
}
