package call_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
)

// scripted is a provider that does the same with every request. Real ones are
// made by the packages of the vendors.
func scripted(name string, place func() (*call.Call, error)) call.Provider {
	p := call.Provider{
		Provider: failover.Wrap(name, func(context.Context, call.Request) (*call.Call, error) { return place() }),
		Get: func(_ context.Context, id string) (*call.Call, error) {
			return &call.Call{ID: id, Status: call.StatusInProgress}, nil
		},
		Hangup: func(context.Context, string) error { return nil },
		List: func(context.Context, call.Filter) ([]call.Call, error) {
			return []call.Call{{ID: "of " + name, Status: call.StatusInProgress}}, nil
		},
	}
	p.SideEffect = true
	return p
}

func takes(id string) func() (*call.Call, error) {
	return func() (*call.Call, error) { return &call.Call{ID: id, Status: call.StatusQueued}, nil }
}

func fails(err error) func() (*call.Call, error) {
	return func() (*call.Call, error) { return nil, err }
}

// A vendor that certainly did not take a call is followed by the next; the call
// stays with who placed it.
func Example() {
	full := &failover.Error{Class: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted, Status: 429}
	client, err := call.New([]call.Provider{scripted("twilio", fails(full)), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.Operation(context.Background(), "reminder-7")
	placed, err := client.MakeCall(ctx, call.Request{To: "+15005550006", AudioURL: "https://example.com/reminder.mp3"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.Provider, placed.ID, placed.Status, placed.Attempt)
	now, err := client.Get(ctx, placed.Provider, placed.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(now.Status, now.Status.Final())
	fmt.Println(client.Hangup(ctx, placed.Provider, placed.ID))
	// Output:
	// telnyx v3:1 queued reminder-7.2
	// in_progress false
	// <nil>
}

// A phone that may be ringing is not rung again; the webhook says what became
// of it.
func ExampleClient_Report() {
	lost := errors.New("connection lost after the request was written")
	client, err := call.New([]call.Provider{scripted("twilio", fails(lost)), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx := failover.Operation(context.Background(), "reminder-7")
	request := call.Request{To: "+15005550006", AudioURL: "https://example.com/reminder.mp3"}
	_, err = client.MakeCall(ctx, request)
	fmt.Println("may be ringing:", errors.Is(err, failover.ErrUncertain))

	// In the handler of the webhook; the vendor's package reads it.
	err = client.Report(call.Update{Provider: "twilio", Operation: "reminder-7", ID: "CA1", Status: call.StatusNoAnswer})
	fmt.Println("reported:", err)

	_, err = client.MakeCall(ctx, request)
	fmt.Println(err)
	fmt.Println(client.Report(call.Update{ID: "CA2", Status: call.StatusBusy}))
	// Output:
	// may be ringing: true
	// reported: <nil>
	// failover: the operation was already begun: operation reminder-7 was accepted by twilio
	// call: the update names no operation
}

// A number that does not exist is nobody's fault, and no other vendor is asked.
func ExampleErrInvalidRecipient() {
	wrong := &failover.Error{
		Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Status: 400, Code: "21217", Err: call.ErrInvalidRecipient,
	}
	client, err := call.New([]call.Provider{scripted("twilio", fails(wrong)), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = client.MakeCall(context.Background(), call.Request{To: "+15005550009"})
	fmt.Println(errors.Is(err, call.ErrInvalidRecipient), client.Router().Status().Providers[0].Breaker)
	// Output: true closed
}

// Who is asked first can be changed while the program runs.
func ExampleClient_SetPrimary() {
	client, err := call.New([]call.Provider{scripted("twilio", takes("CA1")), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.SetPrimary("telnyx"); err != nil {
		fmt.Println(err)
		return
	}
	placed, err := client.MakeCall(context.Background(), call.Request{To: "+15005550006"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.Provider)
	// Output: telnyx
}

// The order of those that follow the first can be changed too.
func ExampleClient_SetFallbacks() {
	full := &failover.Error{Class: failover.ClassRateLimited, Outcome: failover.OutcomeNotAccepted, Status: 429}
	client, err := call.New([]call.Provider{
		scripted("twilio", fails(full)), scripted("telnyx", takes("v3:1")), scripted("mine", takes("1")),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := client.SetFallbacks("mine", "telnyx"); err != nil {
		fmt.Println(err)
		return
	}
	placed, err := client.MakeCall(context.Background(), call.Request{To: "+15005550006"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.Provider)
	// Output: mine
}

// The calls of all vendors are one list.
func ExampleClient_List() {
	client, err := call.New([]call.Provider{scripted("twilio", takes("CA1")), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	calls, err := client.List(context.Background(), call.Filter{To: "+15005550006", Limit: 10})
	for _, c := range calls {
		fmt.Println(c.Provider, c.ID, c.Status)
	}
	fmt.Println(err)
	// Output:
	// twilio of twilio in_progress
	// telnyx of telnyx in_progress
	// <nil>
}

// A pool of accounts is a client inside another. Calls are bound by path.
func ExampleNest() {
	pool, err := call.New([]call.Provider{scripted("account1", takes("CA1")), scripted("account2", takes("CA2"))},
		failover.WithName("pool"), failover.WithStrategy(failover.RoundRobin()))
	if err != nil {
		fmt.Println(err)
		return
	}
	client, err := call.New([]call.Provider{call.Nest("pool", pool), scripted("telnyx", takes("v3:1"))})
	if err != nil {
		fmt.Println(err)
		return
	}
	placed, err := client.MakeCall(context.Background(), call.Request{To: "+15005550006"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(placed.Provider, client.Hangup(context.Background(), placed.Provider, placed.ID))
	// Output: pool/account1 <nil>
}

func ExampleStatus() {
	for _, s := range []call.Status{call.StatusRinging, call.StatusInProgress, call.StatusBusy, call.StatusCompleted} {
		fmt.Println(s, s.Final())
	}
	// Output:
	// ringing false
	// in_progress false
	// busy true
	// completed true
}

// A call that certainly rang nowhere may be placed again. Busy was a call.
func ExampleUpdate_Outcome() {
	barred := &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted}
	fmt.Println(call.Update{Status: call.StatusBusy, SIP: 486}.Outcome())
	fmt.Println(call.Update{Status: call.StatusFailed, SIP: 403, Err: barred}.Outcome())
	// Output:
	// accepted
	// not_accepted
}
