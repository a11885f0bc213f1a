// Package twilio sends messages and places calls over Twilio's API, on the
// official SDK.
//
//	tw, err := twilio.New(accountSID, authToken,
//		twilio.WithSenders(sms.Senders{"": "+15005550001"}),
//		twilio.WithCallers(call.Callers{"": "+15005550001"}))
//	...
//	texts, err := sms.New(failover.Providers(tw.SMS(), other.SMS()))
//	calls, err := call.New([]call.Provider{tw.Call(), other.Call()})
//
// Nothing is read from the environment. Of the SDK only the forms and the
// answers are used: it knows no context, and its client loses the status of
// some errors. Requests go through failover.SendOnce.
//
// # What it delivers
//
// Messages of up to 1600 characters, with media, from a number, a short code, a
// sender id or, where the sender begins with "MG", a messaging service. Calls
// that play AudioURL, fetch their instructions from AnswerURL, follow TwiML or,
// with none of these, are handled by the application that Connection names. For
// calls handled by an application the vendor ignores StatusCallback: set it
// there.
//
// A message or call is refused by this provider alone if its sender is not in
// [WithSenders] or [WithCallers].
//
// # What became of it
//
// Status webhooks are read by [Client.SMSUpdate] and [Client.CallUpdate], which
// check the vendor's signature, and are taken by the Report of the clients of
// sms and call. Behind a proxy, [WithWebhookURL] says under which address the
// vendor asks. The StatusCallback is sent in its canonical form, with its
// parameters in order, since the vendor may sign the one it was given and ask
// for the one that it makes of it.
//
// Without a webhook, messages are looked up in the vendor's list when their
// outcome is unknown: see [WithLookupSettle] for what that can tell and what it
// cannot.
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context. The vendor's code is
// read before the status. Errors are failover.Error values that know whether
// the vendor may have taken the request; they print the code and the request
// id, never a number, a text, a token, the URL or the vendor's message.
package twilio
