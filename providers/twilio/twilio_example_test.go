package twilio_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

func ExampleNew() {
	const accountSID, authToken = "AC0123456789abcdef0123456789abcdef", "my-token"
	api := vendorsim.Twilio(accountSID, authToken) // in place of https://api.twilio.com
	defer api.Close()

	tw, err := twilio.New(accountSID, authToken,
		twilio.WithBaseURL(api.URL()),
		twilio.WithSenders(sms.Senders{"": "+15550002002", "alerts": "MG0123456789abcdef0123456789abcdef"}),
		twilio.WithCallers(call.Callers{"": "+15550002002"}),
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	texts, err := sms.New(failover.Providers(tw.SMS()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer texts.Close()

	ctx := failover.Operation(context.Background(), "order-7:shipped")
	receipt, err := texts.Send(ctx, sms.Message{To: "+15550001001", Body: "It is on its way."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Provider, receipt.Status, receipt.Segments, receipt.Attempt)

	// The vendor has sent the next one and hung up. Its list has it.
	api.Fail(vendorsim.Processed(vendorsim.HangUp()))
	ctx = failover.Operation(context.Background(), "order-8:shipped")
	receipt, err = texts.Send(ctx, sms.Message{To: "+15550001002", Body: "It is on its way."})
	fmt.Println(receipt.Status, err, len(api.Ledger.Entries()))

	// Nothing that is printed is secret.
	api.OptOut("+15550001001")
	_, err = texts.Send(context.Background(), sms.Message{To: "+15550001001", Body: "How was it?"})
	if e, ok := errors.AsType[*failover.Error](err); ok {
		fmt.Println(e.Class, e.Code, errors.Is(err, sms.ErrOptedOut))
	}
	// Output:
	// twilio queued 1 order-7:shipped.1
	// queued <nil> 2
	// invalid 21610 true
}

// A webhook tells what became of a message.
func ExampleClient_SMSUpdate() {
	const accountSID, authToken = "AC0123456789abcdef0123456789abcdef", "my-token"
	api := vendorsim.Twilio(accountSID, authToken) // in place of https://api.twilio.com
	defer api.Close()

	tw, err := twilio.New(accountSID, authToken,
		twilio.WithBaseURL(api.URL()), twilio.WithSenders(sms.Senders{"": "+15550002002"}))
	if err != nil {
		fmt.Println(err)
		return
	}
	texts, err := sms.New(failover.Providers(tw.SMS()))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer texts.Close()

	receipt, err := texts.Send(failover.Operation(context.Background(), "order-7:shipped"), sms.Message{
		To: "+15550001001", Body: "It is on its way.", StatusCallback: "https://example.com/twilio/status",
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// What arrives at https://example.com/twilio/status some seconds later.
	if err := api.Ledger.SetStatus(receipt.ID, "delivered", ""); err != nil {
		fmt.Println(err)
		return
	}
	request, err := api.Callback(context.Background(), receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	update, err := tw.SMSUpdate(request)
	if err != nil {
		fmt.Println(err) // answer 403 if it matches twilio.ErrSignature
		return
	}
	fmt.Println(update.Operation, update.Status, texts.Report(update))

	request.Header.Set("X-Twilio-Signature", "somebody else's")
	_, err = tw.SMSUpdate(request)
	fmt.Println(errors.Is(err, twilio.ErrSignature))
	// Output:
	// order-7:shipped delivered <nil>
	// true
}
