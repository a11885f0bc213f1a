// Package vendorsim runs vendors' APIs on loopback, as far as the adapters of
// this module use them: same paths, same checks, same answers, real audio. And
// they fail on command, in every way a vendor or the network between can.
//
//	sim := vendorsim.ElevenLabs("key")
//	defer sim.Close()
//	client, err := elevenlabs.New("key", elevenlabs.WithBaseURL(sim.URL()))
//	...
//	sim.Fail(vendorsim.Status(503), vendorsim.Silence()) // the next two requests
//	sim.FailAlways(vendorsim.Status(429).RetryAfter(7))  // and those after them
//	sim.Heal()
//
// An answer that a vendor streams is sent in chunks, and faults such as
// [CutAfter] strike after so many of them.
//
// What a vendor says and what it does are two things. A simulator of messages
// and calls has a [Ledger] of those that it really processed, and [Processed]
// lets a fault strike only then:
//
//	sim := vendorsim.Telnyx("key")
//	sim.Fail(vendorsim.Processed(vendorsim.HangUp())) // sent, and no answer
//	...
//	sim.Ledger.Count(operation) // more than one is what must not happen
//	sim.Deliver(ctx, client, id, "delivered", "") // the vendor's signed webhook
//
// Simulators of speech to text hear what [Say] has said: a text coded in tones.
// What they write down is what is in the samples that arrived.
//
// A [Server] is made of two parts that know nothing of each other: a [Vendor],
// which is a handler for good requests and an envelope for errors, and the
// engine that counts, records and breaks. A new vendor is a new Vendor.
//
// Servers listen on TCP, where connections are refused and reset by the kernel,
// or with [InMemory] on pipes, which work under the fake time of testing/synctest.
//
// The package uses the standard library only, and not its test packages, so
// that programs can show what they do when a vendor fails.
package vendorsim
