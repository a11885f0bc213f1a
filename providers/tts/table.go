package tts

import "github.com/gofailover/failover/internal/names"

// Voices maps the voice names an application uses to one vendor's ids:
//
//	tts.Voices{"host": "21m00Tcm4TlvDq8ikWAM", "guest": "JBFqnCBsd6RMkjVDRZzb"}
//
// The row "" is the voice of requests that name none.
//
// A name with a colon is explicit: "elevenlabs:21m00Tcm4TlvDq8ikWAM" is that
// id at ElevenLabs, needs no row, and leaves every other vendor out. Any other
// name without a row is unsupported: the router passes to a provider that has
// one, rather than let a vendor guess.
type Voices map[string]string

// Models maps the model names an application uses to one vendor's ids, by the
// same rules as [Voices].
type Models map[string]string

// ID finds the vendor's id for name. vendor is the prefix of explicit names,
// such as "elevenlabs". It returns false for a name without a row; for the
// empty name it returns the row "" or, without one, "" and true: the vendor's
// default.
func (t Voices) ID(vendor, name string) (string, bool) { return names.Lookup(t, vendor, name) }

// ID finds the vendor's id for name, as [Voices.ID] does.
func (t Models) ID(vendor, name string) (string, bool) { return names.Lookup(t, vendor, name) }
