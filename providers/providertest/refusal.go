package providertest

import (
	"net/http"
	"time"

	"github.com/gofailover/failover"
)

// Key is the API key that the suite gives to the provider.
const Key = "conformance-secret-key-5e1f0b9d"

// Canary is a text that no error may print. Put it where the vendor puts
// messages, to prove that those stay out of logs.
const Canary = "canary, call +15550100 at once"

// Refusal is an error answer of a vendor and what it means.
type Refusal struct {
	// Name of the row.
	Name string
	// Status, Header and Body are the answer. Without a Content-Type it is
	// JSON.
	Status int
	Header http.Header
	Body   string
	// Want is the class it means.
	Want failover.Class
	// Code is what Error.Code must be; empty means that it must be empty.
	Code string
	// Message is what Error.Message must be; empty means that any will do.
	Message string
	// RetryAfter is what Error.RetryAfter must be.
	RetryAfter time.Duration
	// RequestID is what Error.RequestID must be; empty means that any will do.
	RequestID string

	// The rest is for messages and calls.

	// Cause is what the error must match, such as sms.ErrOptedOut; nil means
	// that any will do.
	Cause error
	// Outcome is what Error.Outcome must be; zero means that of the status,
	// unless Ambiguous says that it must be unknown whatever the status.
	Outcome   failover.Outcome
	Ambiguous bool
}

// outcome is what Error.Outcome must be.
func (r Refusal) outcome() failover.Outcome {
	switch {
	case r.Ambiguous:
		return failover.OutcomeUnknown
	case r.Outcome != failover.OutcomeUnknown:
		return r.Outcome
	default:
		return failover.OutcomeOfStatus(r.Status)
	}
}
