package sms_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

// scripted is a provider that does the same with every message. Real ones are
// made by the packages of the vendors.
func scripted(name string, send func() (*sms.Receipt, error)) sms.Provider {
	p := failover.Wrap(name, func(context.Context, sms.Message) (*sms.Receipt, error) { return send() })
	p.SideEffect = true
	return p
}

func takes(id string) func() (*sms.Receipt, error) {
	return func() (*sms.Receipt, error) { return &sms.Receipt{ID: id, Status: sms.StatusQueued}, nil }
}

func fails(err error) func() (*sms.Receipt, error) {
	return func() (*sms.Receipt, error) { return nil, err }
}

// A vendor that certainly did not take a message is followed by the next.
func Example() {
	full := &failover.Error{Class: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted, Status: 429}
	client, err := sms.New(failover.Providers(scripted("twilio", fails(full)), scripted("telnyx", takes("40317f"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.Operation(context.Background(), "order-7:shipped")
	receipt, err := client.Send(ctx, sms.Message{To: "+15005550006", Body: "It is on its way."})
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := json.Marshal(receipt)
	fmt.Println(string(text), err)
	// Output:
	// {"provider":"telnyx","id":"40317f","operation":"order-7:shipped","attempt":"order-7:shipped.2","status":"queued"} <nil>
}

// A message that may have been sent is not sent again, until the webhook says
// what became of it.
func ExampleClient_Report() {
	lost := errors.New("connection lost after the request was written")
	client, err := sms.New(failover.Providers(scripted("twilio", fails(lost)), scripted("telnyx", takes("40317f"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.Operation(context.Background(), "order-7:shipped")
	message := sms.Message{To: "+15005550006", Body: "It is on its way."}
	_, err = client.Send(ctx, message)
	fmt.Println("may have been sent:", errors.Is(err, failover.ErrUncertain))

	// In the handler of the webhook; the vendor's package reads it.
	err = client.Report(sms.Update{
		Provider: "twilio", Operation: "order-7:shipped", ID: "SM1", Status: sms.StatusFailed,
		Err: &failover.Error{Class: failover.ClassTransient, Outcome: failover.OutcomeNotAccepted, Code: "30001"},
	})
	fmt.Println("reported:", err)

	twilio := failover.With(ctx, failover.Avoid("twilio"))
	receipt, err := client.Send(twilio, message)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("sent by", receipt.Provider, "as", receipt.Attempt)
	// Output:
	// may have been sent: true
	// reported: <nil>
	// sent by telnyx as order-7:shipped.2
}

// A one-time password is better sent twice than not at all.
func ExampleReceipt_uncertain() {
	lost := errors.New("connection lost after the request was written")
	client, err := sms.New(failover.Providers(scripted("twilio", fails(lost)), scripted("telnyx", takes("40317f"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.With(context.Background(), failover.OnUncertain(failover.FailOver))
	receipt, err := client.Send(ctx, sms.Message{To: "+15005550006", Body: "Your code is 123456."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(receipt.Provider, receipt.Uncertain)
	// Output: telnyx true
}

// Whoever has asked for no more messages gets none from the next vendor either,
// and the vendor that said so is not blamed.
func ExampleErrOptedOut() {
	stop := &failover.Error{
		Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Status: 400, Code: "21610", Err: sms.ErrOptedOut,
	}
	client, err := sms.New(failover.Providers(scripted("twilio", fails(stop)), scripted("telnyx", takes("40317f"))))
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.Send(context.Background(), sms.Message{To: "+15005550006", Body: "News!"})
	fmt.Println(errors.Is(err, sms.ErrOptedOut), errors.Is(err, failover.ErrUncertain))
	fmt.Println(client.Router().Status().Providers[0].Breaker)
	// Output:
	// true false
	// closed
}

// A provider of your own says what it cannot do, and who is at fault.
func ExampleUnsupported() {
	fmt.Println(sms.Unsupported("Media", "cannot be sent from a short code"))
	fmt.Println(sms.Invalid(sms.Message{To: "0500 5550006", Body: "Hello."}.Validate()))
	fmt.Println(sms.Invalid(nil))
	// Output:
	// unsupported (sms: Media cannot be sent from a short code)
	// invalid (sms: To is no number in E.164: a plus, the country code and the number, digits only)
	// <nil>
}

// Which field is wrong can be asked.
func ExampleRequestError() {
	err := sms.Message{To: "+15005550006", Body: "Hello.", StatusCallback: "/status"}.Validate()
	var wrong *sms.RequestError
	fmt.Println(errors.As(err, &wrong), wrong.Field, wrong.Reason)
	// Output: true StatusCallback is no absolute http or https URL
}

func ExampleStatus() {
	for _, s := range []sms.Status{sms.StatusSent, sms.StatusDelivered, sms.StatusUndelivered} {
		fmt.Println(s, s.Final(), s.Failed())
	}
	// Output:
	// sent false false
	// delivered true false
	// undelivered true true
}

// What certainly reached nobody may be sent again; everything else was taken.
func ExampleUpdate_Outcome() {
	blocked := &failover.Error{Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Code: "30005"}
	unknown := &failover.Error{Class: failover.ClassTransient, Code: "30008"}
	fmt.Println(sms.Update{Status: sms.StatusSent}.Outcome())
	fmt.Println(sms.Update{Status: sms.StatusUndelivered, Err: blocked}.Outcome())
	fmt.Println(sms.Update{Status: sms.StatusUndelivered, Err: unknown}.Outcome())
	// Output:
	// accepted
	// not_accepted
	// accepted
}
