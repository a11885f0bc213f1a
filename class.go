package failover

import "fmt"

// Class says what kind of failure an attempt ended with. It decides what
// happens next: whether the same provider is asked again, whether another one
// is, what the breaker sees and whether the provider cools down. See
// [DefaultVerdict] for the table.
//
// The zero Class is ClassUnknown: an error nobody could read.
type Class uint8

// The classes, from least to most specific knowledge.
const (
	// ClassUnknown is an error nobody could classify. Treated as
	// ClassTransient.
	ClassUnknown Class = iota
	// ClassTransient is a fault that may be gone in a moment: 500, 502, 503,
	// 529, 409, a refused or reset connection.
	ClassTransient
	// ClassTimeout is silence: the attempt's time ran out, or 408, 504.
	ClassTimeout
	// ClassRateLimited is 429: too many requests just now.
	ClassRateLimited
	// ClassExhausted is money or quota: 402, insufficient quota, spend limit.
	ClassExhausted
	// ClassUnauthorized is a refused key: 401.
	ClassUnauthorized
	// ClassUnsupported is something this provider does not offer: 403, 404,
	// 410, 413, 501, unknown model, context length, region.
	ClassUnsupported
	// ClassUnsatisfactory is an answer that the provider's Validate refused.
	ClassUnsatisfactory
	// ClassIncomplete is an answer that is not whole: empty, cut, or without
	// its end marker.
	ClassIncomplete
	// ClassFiltered is a refusal by the provider's content policy.
	ClassFiltered
	// ClassInvalid is a fault in the request itself: 400, 422, other 4xx, a
	// bad recipient, a recipient who opted out.
	ClassInvalid
	// ClassCanceled is the end of the caller's own context.
	ClassCanceled

	numClasses
)

// classSuccess is where statistics count the attempts that succeeded.
const classSuccess = numClasses

var classNames = [...]string{
	ClassUnknown:        "unknown",
	ClassTransient:      "transient",
	ClassTimeout:        "timeout",
	ClassRateLimited:    "rate_limited",
	ClassExhausted:      "exhausted",
	ClassUnauthorized:   "unauthorized",
	ClassUnsupported:    "unsupported",
	ClassUnsatisfactory: "unsatisfactory",
	ClassIncomplete:     "incomplete",
	ClassFiltered:       "filtered",
	ClassInvalid:        "invalid",
	ClassCanceled:       "canceled",
	classSuccess:        "success",
}

// Classes returns every class, in order.
func Classes() []Class {
	all := make([]Class, numClasses)
	for i := range all {
		all[i] = Class(i)
	}
	return all
}

// String returns the name used in errors, logs and status, such as
// "rate_limited".
func (c Class) String() string {
	if c <= classSuccess {
		return classNames[c]
	}
	return fmt.Sprintf("class(%d)", uint8(c))
}

// MarshalText makes a Class its name in JSON and logs.
func (c Class) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (c *Class) UnmarshalText(text []byte) error {
	for i, name := range classNames {
		if name == string(text) && Class(i) < numClasses {
			*c = Class(i)
			return nil
		}
	}
	return fmt.Errorf("failover: unknown class %q", text)
}

// Outcome says whether an attempt may have taken effect at the provider. It
// matters for side effects (messages, calls): only an attempt that certainly
// took no effect may be followed by another one.
//
// The zero Outcome is OutcomeUnknown.
type Outcome uint8

const (
	// OutcomeUnknown means that the attempt may have taken effect.
	OutcomeUnknown Outcome = iota
	// OutcomeNotAccepted means that it certainly did not: no connection was
	// obtained, or the provider said no.
	OutcomeNotAccepted
	// OutcomeAccepted means that the provider took the request, even if its
	// answer could not be read.
	OutcomeAccepted

	numOutcomes
)

var outcomeNames = [...]string{
	OutcomeUnknown:     "unknown",
	OutcomeNotAccepted: "not_accepted",
	OutcomeAccepted:    "accepted",
}

// String returns "unknown", "not_accepted" or "accepted".
func (o Outcome) String() string {
	if o < numOutcomes {
		return outcomeNames[o]
	}
	return fmt.Sprintf("outcome(%d)", uint8(o))
}

// MarshalText makes an Outcome its name in JSON and logs.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (o *Outcome) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*o = Outcome(i)
			return nil
		}
	}
	return fmt.Errorf("failover: unknown outcome %q", text)
}
