package call

import (
	"errors"
	"time"

	"github.com/gofailover/failover"
)

// Update is what a vendor's status webhook said of a call. The adapters read it
// from a request whose signature they have checked.
type Update struct {
	// Provider, Operation and Attempt say whose call it is: what MakeCall had
	// sent along. Empty for a call that MakeCall did not place.
	Provider  string
	Operation string
	Attempt   string
	// ID is the vendor's id of the call.
	ID string
	// Status is the call's status now, StatusUnknown if the webhook was of
	// something else. Webhooks come in any order, and more than once.
	Status Status
	// AnsweredBy is what machine detection found.
	AnsweredBy AnsweredBy
	// SIP is the answer of the telephone network, such as 486; 0 if not told.
	SIP int
	// Duration is how long the call lasted, 0 if not told.
	Duration time.Duration
	// Err is why the call could not be put through; nil if it could. Its
	// Outcome is OutcomeNotAccepted if certainly no phone rang, and its Class
	// says whose fault that is.
	Err *failover.Error
	// At is when it happened, zero if the vendor does not say.
	At time.Time
}

// Outcome is what the update says of the attempt: whatever has a status was
// taken by the vendor, but for a call that certainly rang nowhere.
func (u Update) Outcome() failover.Outcome {
	if u.Status == StatusFailed && u.Err != nil && u.Err.Outcome == failover.OutcomeNotAccepted {
		return failover.OutcomeNotAccepted
	}
	return failover.OutcomeAccepted
}

// cause is Err as Router.Report takes it; a nil pointer is no cause.
func (u Update) cause() error {
	if u.Err == nil {
		return nil
	}
	return u.Err
}

// ErrNotOurs says that an update carries no operation: its call was placed by
// somebody else.
var ErrNotOurs = errors.New("call: the update names no operation")
