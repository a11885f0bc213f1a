package failover

import (
	"math"
	"time"
)

// Status is a snapshot of a router, ready for JSON.
type Status struct {
	Router   string    `json:"router"`
	Strategy string    `json:"strategy"`
	At       time.Time `json:"at"`
	Closed   bool      `json:"closed,omitzero"`
	// Tokens left for retries and hedges.
	Tokens    float64          `json:"tokens"`
	Providers []ProviderStatus `json:"providers"`
	// LastSwitch is the last time a request was served by another provider
	// than it was first sent to; nil if never.
	LastSwitch *Switch `json:"last_switch,omitempty"`
}

// ProviderStatus is a snapshot of one provider.
type ProviderStatus struct {
	Name string `json:"name"`
	// Ready says that it would be asked now, if only as a trial or last
	// resort.
	Ready   bool         `json:"ready"`
	Breaker BreakerState `json:"breaker"`
	// Reasons are why it is not in full service; empty if it is.
	Reasons []StatusReason `json:"reasons,omitempty"`
	Weight  int            `json:"weight"`
	// InFlight is how many attempts run now; Detached how many calls of a
	// Detached client, those included that nobody waits for any more.
	InFlight int `json:"in_flight"`
	Detached int `json:"detached,omitzero"`
	// Attempts that ended, by class of failure, and under "success".
	Attempts map[string]uint64 `json:"attempts"`
	// Interrupted is how many of a stream router's broke off after the commit
	// point.
	Interrupted uint64 `json:"interrupted,omitzero"`
	// SuccessRate is the smoothed share of successes, 1 without history.
	SuccessRate float64 `json:"success_rate"`
	// Latency of successful attempts; of streams the time to the first content.
	// A provider that answers within 50 µs is
	// measured in one call of eight.
	Latency LatencyStatus `json:"latency"`
	// Cost is the sum of the estimated costs of all attempts.
	Cost      float64       `json:"cost,omitzero"`
	LastError *ErrorInfo    `json:"last_error,omitempty"`
	Health    *HealthStatus `json:"health,omitempty"`
	// Mirror is set for a provider made by NewMirror.
	Mirror *MirrorStatus `json:"mirror,omitempty"`
	// Nested is the status of the router inside a provider made by Nest or
	// NewMirror.
	Nested *Status `json:"nested,omitempty"`
}

// StatusReason is one reason why a provider is not in full service.
type StatusReason struct {
	Reason Reason `json:"reason"`
	// Class of the failure that began a cooldown.
	Class Class `json:"class,omitzero"`
	// Until is when it ends by itself; zero if it does not.
	Until time.Time `json:"until,omitzero"`
}

// LatencyStatus sums up recent latencies, in nanoseconds in JSON. Average is a
// peak-sensitive moving average; the percentiles are over the last 256
// answers.
type LatencyStatus struct {
	Average time.Duration `json:"average_ns"`
	P50     time.Duration `json:"p50_ns"`
	P90     time.Duration `json:"p90_ns"`
	P99     time.Duration `json:"p99_ns"`
}

// ErrorInfo is what status keeps of a provider's last failure.
type ErrorInfo struct {
	Class     Class     `json:"class"`
	Status    int       `json:"status,omitzero"`
	Code      string    `json:"code,omitzero"`
	RequestID string    `json:"request_id,omitzero"`
	Reason    string    `json:"reason,omitzero"`
	At        time.Time `json:"at"`
}

// HealthStatus is what the probes of a provider found.
type HealthStatus struct {
	Healthy bool `json:"healthy"`
	// Passed and Failed count the latest probes in a row.
	Passed    int       `json:"passed"`
	Failed    int       `json:"failed"`
	LastProbe time.Time `json:"last_probe,omitzero"`
	LastError *Error    `json:"last_error,omitempty"`
}

// Status returns a snapshot. It costs a little per provider and nothing to the
// requests that run meanwhile.
func (c *core) Status() Status {
	s := Status{
		Router: c.cfg.name, Strategy: c.strategyName(), At: time.Now(), Closed: c.closed.Load(),
		Tokens: c.budget.tokens(), Providers: make([]ProviderStatus, len(c.ends)), LastSwitch: c.lastSwitch(),
	}
	now := c.now()
	for i, e := range c.ends {
		s.Providers[i] = e.status(now)
	}
	return s
}

func (c *core) strategyName() string {
	if b, ok := c.strategy.(bound); ok {
		return b.String()
	}
	return "custom"
}

func (e *endpoint) status(now int64) ProviderStatus {
	s := ProviderStatus{
		Name: e.name, Ready: e.standing(now).ok && e.limit.ready(), Breaker: e.breakerState(now), Reasons: e.reasons(now),
		Weight: int(e.weight.Load()), InFlight: e.stats.inFlight(),
		Detached: int(e.stats.detached.Load()), Attempts: e.stats.attempts(),
		Interrupted: e.stats.interrupted.Load(),
		SuccessRate: e.stats.successRate(), Cost: finite(e.stats.cost.load()), LastError: e.errorInfo(),
		Latency: LatencyStatus{Average: time.Duration(e.stats.ewma.load())},
	}
	if q, ok := e.stats.latencies(); ok {
		s.Latency.P50, s.Latency.P90, s.Latency.P99 = q.p50, q.p90, q.p99
	}
	if e.probed {
		s.Health = e.healthStatus()
	}
	if e.nested != nil {
		s.Nested = e.nested.innerStatus()
		if m, ok := e.nested.(interface{ mirrorStatus() *MirrorStatus }); ok {
			s.Mirror = m.mirrorStatus()
		}
	}
	return s
}

// finite keeps a sum that left the range of numbers from spoiling the JSON.
func finite(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(max(v, 0), math.MaxFloat64)
}

// breakerState is the state as a user understands it: half-open as soon as a
// trial is due, although gobreaker only says so when it is asked.
func (e *endpoint) breakerState(now int64) BreakerState {
	switch {
	case e.flags.Load()&flagOpen == 0:
		return BreakerClosed
	case now < e.breaker.openUntil.Load():
		return BreakerOpen
	default:
		return BreakerHalfOpen
	}
}

func (e *endpoint) reasons(now int64) []StatusReason {
	f := e.flags.Load()
	if f == 0 {
		if !e.limit.ready() {
			return []StatusReason{{Reason: ReasonLimited}}
		}
		return nil
	}
	var list []StatusReason
	add := func(flag uint32, r StatusReason) {
		if f&flag != 0 {
			list = append(list, r)
		}
	}
	add(flagDisabled, StatusReason{Reason: ReasonDisabled})
	add(flagDrained, StatusReason{Reason: ReasonDrained})
	if f&flagOpen != 0 && e.breakerState(now) == BreakerOpen {
		add(flagOpen, StatusReason{Reason: ReasonOpen, Until: e.core.at(e.breaker.openUntil.Load())})
	}
	cooling := func(flag uint32, c *cooldown) {
		if until := c.until.Load(); now < until {
			add(flag, StatusReason{Reason: ReasonCooling, Class: c.cause(), Until: e.core.at(until)})
		}
	}
	cooling(flagCooling, &e.cool)
	cooling(flagAccount, &e.account.cool)
	if f&flagsTrial != 0 && e.awaitProbe.Load() {
		list = append(list, StatusReason{Reason: ReasonAwaitingProbe})
	}
	if f&flagsTrial != 0 && len(list) == 0 {
		list = append(list, StatusReason{Reason: ReasonHalfOpen})
	}
	add(flagUnhealthy, StatusReason{Reason: ReasonUnhealthy})
	if f&flagHeld != 0 {
		p := e.core.cfg.failback
		until := e.heldSince.Load() + int64(p.MinHealthy+p.Ramp)
		if now < until {
			add(flagHeld, StatusReason{Reason: ReasonRecovering, Until: e.core.at(until)})
		}
	}
	if !e.limit.ready() {
		list = append(list, StatusReason{Reason: ReasonLimited})
	}
	return list
}

func (e *endpoint) healthStatus() *HealthStatus {
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	return &HealthStatus{
		Healthy: e.flags.Load()&flagUnhealthy == 0, Passed: h.passed, Failed: h.failed,
		LastProbe: h.last, LastError: h.lastErr,
	}
}

// failure is what an endpoint keeps of its last failure, without allocating.
type lastFailure struct {
	at      int64
	reading reading
	known   bool
}

// noteError remembers a failure for status. Of failures alike within a
// millisecond the first is enough, and spares the others the lock.
func (e *endpoint) noteError(now int64, r *reading) {
	kind := int64(r.class+1)<<32 | int64(uint32(r.status)) //nolint:gosec // bits; 0 stands for none yet
	if e.errorKind.Load() == kind && now-e.errorAt.Load() < int64(time.Millisecond) {
		return
	}
	e.errorKind.Store(kind)
	e.errorAt.Store(now)
	e.mu.Lock()
	e.lastError = lastFailure{at: now, reading: *r, known: true}
	e.mu.Unlock()
}

func (e *endpoint) errorInfo() *ErrorInfo {
	e.mu.Lock()
	last := e.lastError
	e.mu.Unlock()
	if !last.known {
		return nil
	}
	err := last.reading.toError(e.name)
	info := &ErrorInfo{
		Class: err.Class, Status: err.Status, Code: printable(err.Code), RequestID: printable(err.RequestID),
		At: e.core.at(last.at),
	}
	if err.Status == 0 && err.Code == "" {
		info.Reason = safeReason(err.Err)
	}
	return info
}
