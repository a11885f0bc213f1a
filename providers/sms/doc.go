// Package sms sends text messages through several vendors, at most once.
//
//	client, err := sms.New(failover.Providers(twilio.SMS(), telnyx.SMS()))
//	...
//	ctx = failover.Operation(ctx, "order-7:shipped")
//	receipt, err := client.Send(ctx, sms.Message{To: "+15005550006", Body: "It is on its way."})
//	switch {
//	case err == nil: // a vendor took it; receipt.Provider says which
//	case errors.Is(err, failover.ErrUncertain): // it may have been sent: wait for the webhook
//	case errors.Is(err, sms.ErrOptedOut): // do not try again, with anybody
//	}
//
// A message goes to the next vendor only if the one before certainly did not
// take it: no connection, a clear refusal, 429. A message that may have been
// taken is not sent again, and is never reported as failed. What became of it
// tells the vendor's status webhook: [Client.Report] takes it, before or after
// Send has returned.
//
// That a vendor took a message is not that it was delivered. Delivery is in
// the later webhooks, and what to do about a failed one is the application's
// to decide.
//
// Each vendor sends only as what is owned there: see [Senders].
package sms
