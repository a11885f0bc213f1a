package stt

import "github.com/gofailover/failover/internal/names"

// Models maps the model names an application uses to one vendor's ids:
//
//	stt.Models{"accurate": "nova-3", "cheap": "base"}
//
// The row "" is the model of requests that name none.
//
// A name with a colon is explicit: "deepgram:nova-3" is that id at Deepgram,
// needs no row, and leaves every other vendor out. Any other name without a row
// is unsupported: the router passes to a provider that has one, rather than let
// a vendor guess.
type Models map[string]string

// ID finds the vendor's id for name. vendor is the prefix of explicit names,
// such as "deepgram". It returns false for a name without a row; for the empty
// name it returns the row "" or, without one, "" and true: the vendor's
// default.
func (t Models) ID(vendor, name string) (string, bool) { return names.Lookup(t, vendor, name) }
