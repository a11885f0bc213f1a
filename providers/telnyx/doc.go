// Package telnyx sends text messages and places phone calls over the Telnyx
// API (v2), with net/http and nothing else, and reads its webhooks.
//
//	client, err := telnyx.New(key,
//		telnyx.WithSenders(sms.Senders{"": "+15005550001"}),
//		telnyx.WithCallers(call.Callers{"": "+15005550001"}),
//		telnyx.WithConnections(call.Connections{"": "1494404757140276705"}),
//		telnyx.WithPublicKey(publicKey))
//	...
//	messages, err := sms.New(failover.Providers(client.SMS(), other.SMS()))
//	calls, err := call.New([]call.Provider{client.Call(), other.Call()})
//
// # What it does with a message
//
// POST /v2/messages. How long a message may wait cannot be told to this vendor:
// Validity is not sent. The vendor does not recognise a message that it gets a
// second time, so none is ever sent again.
//
// # What it does with a call
//
// POST /v2/calls, the Call Control API. A command carries the attempt's id, and
// the vendor ignores a command that it gets again within a minute. The router
// uses that to ask once more when it does not know whether the first one
// arrived; after 50 s, the provider does not.
//
// AudioURL is played when somebody answers; the call then goes on until it is
// hung up. An AnswerURL gets the events of the call, and without either the
// application of the connection does. TwiML is not spoken here. A call that rings
// to the end of RingTimeout is not tried over another carrier, as the vendor
// would by itself: the phone would ring again.
//
// StatusCallback gets the events call.initiated and call.hangup, or all of them
// where AudioURL says what happens: the vendor tells an event to one address
// only, and those that an application runs the call by are the application's.
// Every event carries the operation in its client_state, so that
// [Client.CallUpdate] can be given those of AnswerURL and of the connection too.
//
// Asked for a call, the vendor says whether it is over and no more: Get gives
// "queued", "active" or "ended". There is no List.
//
// # Webhooks
//
// [Client.SMSUpdate] and [Client.CallUpdate] read a webhook into an update for
// sms.Client.Report or call.Client.Report, after they have checked its
// signature. Whose it is they take from what the vendor has signed, the body, and
// never from the address that it was sent to.
//
// # How it fails
//
// Every attempt is one HTTP request, ended by its context, and every error is a
// failover.Error that says whether the vendor may have acted. The vendor's code
// is read before the HTTP status. Errors print the code and the request id,
// never the key, a number, a text, a URL or the vendor's message.
package telnyx
