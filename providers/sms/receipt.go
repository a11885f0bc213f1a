package sms

import "slices"

// Receipt says that a vendor took a message.
type Receipt struct {
	// Provider is who took it; inside nested routers the path.
	Provider string `json:"provider"`
	// ID is the vendor's id of the message. It is empty where the vendor took
	// the message and its answer could not be read; the webhook has it.
	ID string `json:"id,omitzero"`
	// Operation and Attempt are what the message is known by in webhooks and
	// events.
	Operation string `json:"operation,omitzero"`
	Attempt   string `json:"attempt,omitzero"`
	// Status is what the vendor says of it, mostly StatusQueued.
	Status Status `json:"status"`
	// Segments is how many parts the text was cut into; 0 if not known yet.
	Segments int `json:"segments,omitzero"`
	// Price is what it costs, nil if not known yet.
	Price *Price `json:"price,omitempty"`
	// Uncertain says that an earlier attempt may have been sent too: possible
	// only where the caller chose failover.OnUncertain(failover.FailOver).
	Uncertain bool `json:"uncertain,omitzero"`
}

// Price is an amount of money.
type Price struct {
	Amount float64 `json:"amount"`
	// Currency is the code of ISO 4217, such as "USD".
	Currency string `json:"currency"`
}

// Status is what became of a message, as far as its vendor knows.
type Status string

// The statuses, in the order of a message's life. The zero Status is one that
// nobody told.
const (
	StatusUnknown Status = ""
	// StatusQueued: the vendor has it.
	StatusQueued Status = "queued"
	// StatusSending: it is on its way to the carrier.
	StatusSending Status = "sending"
	// StatusSent: the carrier has it.
	StatusSent Status = "sent"
	// StatusDelivered: the carrier says that the handset has it.
	StatusDelivered Status = "delivered"
	// StatusUnconfirmed: the carrier never said what became of it.
	StatusUnconfirmed Status = "unconfirmed"
	// StatusUndelivered: the carrier says that the handset has not got it.
	StatusUndelivered Status = "undelivered"
	// StatusFailed: the vendor did not send it.
	StatusFailed Status = "failed"
	// StatusCanceled: it was taken back before it was sent.
	StatusCanceled Status = "canceled"
)

// Final says whether nothing more is to come.
func (s Status) Final() bool {
	return slices.Contains([]Status{StatusDelivered, StatusUnconfirmed, StatusUndelivered, StatusFailed, StatusCanceled}, s)
}

// Failed says whether the recipient did not get the message.
func (s Status) Failed() bool {
	return slices.Contains([]Status{StatusUndelivered, StatusFailed, StatusCanceled}, s)
}
