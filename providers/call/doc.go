// Package call places phone calls through several vendors, at most once.
//
//	client, err := call.New([]call.Provider{twilio.Call(), telnyx.Call()})
//	...
//	ctx = failover.Operation(ctx, "reminder-7")
//	placed, err := client.MakeCall(ctx, call.Request{To: "+15005550006", AudioURL: "https://example.com/reminder.mp3"})
//	switch {
//	case err == nil: // a vendor dials; placed.Provider says which
//	case errors.Is(err, failover.ErrUncertain): // the phone may be ringing: wait for the webhook
//	}
//
// A call goes to the next vendor only if the one before certainly did not take
// it. A call that may be ringing is not placed again, and is never reported as
// failed; at a vendor that drops the repetition of a command (Telnyx) the
// command is repeated once. What became of it tells the vendor's status webhook:
// [Client.Report] takes it.
//
// A call stays with who placed it: [Client.Get] and [Client.Hangup] ask that
// provider and no other. Busy, no answer and canceled are the callee's answers,
// not faults.
//
// What happens when somebody answers is told in each vendor's own way: see
// [Request].
package call
