// Package contract holds the requests that the adapters send, and the answers
// that their simulators give, against the descriptions of the APIs that the
// vendors publish.
//
// It is a module of its own, because reading such descriptions takes a library
// that users of the adapters need not have. The descriptions are not part of
// this repository: FAILOVER_SPECS names the folder that has them, with a file
// for each vendor, such as elevenlabs.json. Without it the tests are skipped.
package contract
