package phone

import "github.com/gofailover/failover"

// SIP reads the final answer of the telephone network to a call that could not
// be put through (RFC 3261 section 21, and RFC 3398 for what telephone switches
// say): whose fault it was, and whether certainly no phone rang. A 6xx speaks
// for the callee everywhere, a 5xx for one server.
func SIP(code int) (failover.Class, failover.Outcome) {
	switch {
	case code == 404, code == 410, code == 484, code == 604: // no such number
		return failover.ClassInvalid, failover.OutcomeNotAccepted
	case code == 401, code == 403, code == 407, code == 488, code == 606: // not from here, or not like this
		return failover.ClassUnsupported, failover.OutcomeNotAccepted
	case code == 408, code == 504:
		return failover.ClassTimeout, failover.OutcomeUnknown
	case code == 480, code == 486, code == 487, code >= 600: // the callee's own answers
		return failover.ClassInvalid, failover.OutcomeUnknown
	case code >= 500:
		return failover.ClassTransient, failover.OutcomeUnknown
	case code >= 400:
		return failover.ClassUnsupported, failover.OutcomeUnknown
	default:
		return failover.ClassUnknown, failover.OutcomeUnknown
	}
}
