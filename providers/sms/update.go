package sms

import (
	"time"

	"github.com/gofailover/failover"
)

// Update is what a vendor's status webhook said of a message. The adapters read
// it from a request whose signature they have checked.
type Update struct {
	// Provider, Operation and Attempt say whose message it is: what Send had
	// added to the callback. Empty for a message that Send did not send.
	Provider  string
	Operation string
	Attempt   string
	// ID is the vendor's id of the message.
	ID string
	// Status is the message's status now. Webhooks come in any order, and more
	// than once.
	Status Status
	// Err is why the message failed; nil if it did not. Its Outcome is
	// OutcomeNotAccepted if it certainly did not reach the recipient, and its
	// Class says whose fault that is.
	Err *failover.Error
	// Segments and Price are as in Receipt; 0 and nil if not told.
	Segments int
	Price    *Price
	// At is when it happened, zero if the vendor does not say.
	At time.Time
}

// Outcome is what the update says of the attempt: whatever has a status was
// taken by the vendor, but for a message that certainly did not reach anybody.
func (u Update) Outcome() failover.Outcome {
	if u.Status.Failed() && u.Err != nil && u.Err.Outcome == failover.OutcomeNotAccepted {
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
