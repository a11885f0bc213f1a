// Package once holds the promise of messages and calls against the wire: for
// every fault and moment, no vendor's ledger has an operation twice, and a
// caller is told "failed" only of what no ledger has or ever will have.
//
// The vendors are raw listeners, over HTTP/1 and HTTP/2, that end requests in
// more ways than servers do. The adapters are those of Telnyx and Twilio, and
// one that a user would write on failover.SendOnce.
package once
