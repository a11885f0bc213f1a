package call

import (
	"slices"
	"time"
)

// Call is a call as its vendor knows it.
type Call struct {
	// Provider is who placed it; inside nested routers the path. ID is that
	// provider's id of the call. Both are what Get and Hangup take. ID is empty
	// where the vendor took the call and its answer could not be read; the
	// webhook has it.
	Provider string `json:"provider"`
	ID       string `json:"id,omitzero"`
	// Operation and Attempt are what the call is known by in webhooks and
	// events; empty from Get and List.
	Operation string `json:"operation,omitzero"`
	Attempt   string `json:"attempt,omitzero"`
	// Status is where the call stands.
	Status Status `json:"status"`
	// To and From are the numbers, where the vendor tells them.
	To   string `json:"to,omitzero"`
	From string `json:"from,omitzero"`
	// AnsweredBy is what machine detection found, if it was asked to and has.
	AnsweredBy AnsweredBy `json:"answered_by,omitzero"`
	// Created is when it was placed, zero if not told.
	Created time.Time `json:"created,omitzero"`
	// Duration is how long it lasted, 0 before its end.
	Duration time.Duration `json:"duration,omitzero"`
	// Uncertain says that an earlier attempt may be ringing too: possible only
	// where the caller chose failover.OnUncertain(failover.FailOver).
	Uncertain bool `json:"uncertain,omitzero"`
}

// Status is where a call stands, as far as its vendor knows.
type Status string

// The statuses. The zero Status is one that nobody told.
const (
	StatusUnknown Status = ""
	// StatusQueued: the vendor has it.
	StatusQueued Status = "queued"
	// StatusRinging: it was dialled.
	StatusRinging Status = "ringing"
	// StatusInProgress: somebody, or something, has answered.
	StatusInProgress Status = "in_progress"
	// StatusCompleted: it was answered, and is over.
	StatusCompleted Status = "completed"
	// StatusBusy: the callee is on the phone, or has declined.
	StatusBusy Status = "busy"
	// StatusNoAnswer: nobody answered in time.
	StatusNoAnswer Status = "no_answer"
	// StatusCanceled: it was taken back before somebody answered.
	StatusCanceled Status = "canceled"
	// StatusFailed: it could not be put through.
	StatusFailed Status = "failed"
	// StatusActive: it is not over, and the vendor does not say whether somebody
	// has answered.
	StatusActive Status = "active"
	// StatusEnded: it is over, and the vendor does not say how it went.
	StatusEnded Status = "ended"
)

// Final says whether the call is over.
func (s Status) Final() bool {
	return slices.Contains([]Status{
		StatusCompleted, StatusBusy, StatusNoAnswer, StatusCanceled, StatusFailed, StatusEnded,
	}, s)
}

// AnsweredBy is who, or what, answered.
type AnsweredBy string

// Who answered. The zero AnsweredBy is not known.
const (
	AnsweredUnknown AnsweredBy = ""
	AnsweredHuman   AnsweredBy = "human"
	AnsweredMachine AnsweredBy = "machine"
	AnsweredFax     AnsweredBy = "fax"
)
