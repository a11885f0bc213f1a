package failover

import (
	"context"
	"time"
)

// Event is something that happened in a router. The concrete types are
// [AttemptEvent], [FailoverEvent], [CooldownEvent], [BreakerEvent],
// [HealthEvent], [RecoveredEvent], [ExhaustedEvent], [HedgeEvent],
// [MirrorEvent], [InterruptedEvent], [UncertainEvent], [ReportEvent], [LocalTroubleEvent] and
// [PanicEvent]. No event carries a request, a response, a vendor's message or
// a URL.
type Event interface {
	// RouterName is the name of the router it happened in.
	RouterName() string
	event()
}

// Origin is where and when an event happened; every event embeds it.
type Origin struct {
	Router string    `json:"router"`
	Time   time.Time `json:"time"`
}

// RouterName returns the name of the router.
func (o Origin) RouterName() string { return o.Router }

func (Origin) event() {}

// AttemptEvent says that one call of one provider ended.
type AttemptEvent struct {
	Origin
	Attempt
}

// FailoverEvent says that a request moves from one provider to the next.
type FailoverEvent struct {
	Origin
	From, To string
	// Err is how From failed.
	Err *Error
}

// CooldownEvent says that a provider, or its account, is left alone until
// a time.
type CooldownEvent struct {
	Origin
	Provider string
	Account  string
	Class    Class
	Until    time.Time
}

// BreakerEvent says that a provider's breaker changed its state.
type BreakerEvent struct {
	Origin
	Provider string
	From, To BreakerState
	// Until is when an open breaker lets the first trial through.
	Until time.Time
}

// HealthEvent says that health checks changed their mind about a provider.
type HealthEvent struct {
	Origin
	Provider string
	Healthy  bool
	// Err is the last failed probe.
	Err *Error
}

// RecoveredEvent says that a provider that was open, cooling or unhealthy is back in
// full service.
type RecoveredEvent struct {
	Origin
	Provider string
	// Down is how long it was not.
	Down time.Duration
}

// ExhaustedEvent says that a request ended without an answer: everybody failed, nobody
// was available, the request was refused, or the caller's context ended. Err is
// what the caller got.
type ExhaustedEvent struct {
	Origin
	Err error
}

// HedgeEvent says that a second provider was asked beside a slow one.
type HedgeEvent struct {
	Origin
	Slow, Hedge string
	After       time.Duration
}

// MirrorEvent says that a mirrored request was compared, or was not mirrored.
type MirrorEvent struct {
	Origin
	Provider string
	// Dropped: the shadow was full and did not get the request.
	Dropped bool
	// Compared: both sides answered; Agreed is what equal said of them.
	Compared, Agreed bool
	// Primary and Shadow are how each side failed, nil if it answered.
	Primary, Shadow *Error
	// LatencyDelta is the shadow's time less the primary's, CostDelta its cost
	// less the primary's, when both sides answered.
	LatencyDelta time.Duration
	CostDelta    float64
}

// InterruptedEvent says that a stream broke off after its commit point.
type InterruptedEvent struct {
	Origin
	Provider string
	// Err is how it broke off.
	Err *Error
	// Items is how many items this attempt had delivered.
	Items int
	// Ends says that nobody is asked to take over.
	Ends bool
}

// UncertainEvent says that an attempt with a side effect ended with an unknown outcome.
type UncertainEvent struct {
	Origin
	Attempt
}

// ReportEvent says that [Router.Report] settled an attempt.
type ReportEvent struct {
	Origin
	Operation, Provider string
	Outcome             Outcome
	// Uncertain says that the attempt had been uncertain until then.
	Uncertain bool
}

// LocalTroubleEvent says that no provider could be connected to within 5 s, so the
// fault is taken to be here and none of them is blamed.
type LocalTroubleEvent struct{ Origin }

// PanicEvent says that user code panicked where no caller was left to panic to: in a
// probe, a mirror, a late hedge or Detached. Stack is where.
type PanicEvent struct {
	Origin
	Provider string
	Stack    string
}

// emit tells the observer and the logger. Call it without a lock held.
func (c *core) emit(ctx context.Context, e Event) {
	if c.cfg.observer != nil {
		c.cfg.observer(ctx, e)
	}
	if c.cfg.logger != nil {
		logEvent(ctx, c.cfg.logger, e)
	}
}

func (c *core) origin() Origin { return Origin{Router: c.cfg.name, Time: time.Now()} }
