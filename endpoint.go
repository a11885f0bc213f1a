package failover

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// Reason is why a provider is left out, or not in full service.
type Reason string

// The reasons, as they appear in errors and status.
const (
	ReasonOpen          Reason = "open"           // its breaker is open
	ReasonAwaitingProbe Reason = "awaiting_probe" // its open time is over, the next probe has not passed yet
	ReasonHalfOpen      Reason = "half_open"      // a trial is running; others wait for its end
	ReasonCooling       Reason = "cooling"        // rate limit, quota, refused key
	ReasonUnhealthy     Reason = "unhealthy"      // its probes fail
	ReasonRecovering    Reason = "recovering"     // held back by WithFailback
	ReasonDisabled      Reason = "disabled"       // by Disable
	ReasonDrained       Reason = "drained"        // by SetWeight(name, 0)
	ReasonLimited       Reason = "limited"        // over its Limit
	ReasonUnsupported   Reason = "unsupported"    // its Supports said no
	ReasonExcluded      Reason = "excluded"       // by Only or Avoid
	ReasonTooExpensive  Reason = "too_expensive"  // over MaxCost
	ReasonUnknownCost   Reason = "unknown_cost"   // under MaxCost without a known cost
	ReasonNotChosen     Reason = "not_chosen"     // the strategy or NoFailover left it out
)

// Flags of an endpoint. None set is the fast path: in full service.
const (
	flagOpen      uint32 = 1 << iota // gobreaker is not closed
	flagCooling                      // own cooldown, maybe over
	flagAccount                      // the account's cooldown, maybe over
	flagProbation                    // trials only, until enough of them succeed
	flagUnhealthy                    // by its probes
	flagHeld                         // recovering, see WithFailback
	flagDisabled
	flagDrained

	flagsTrial = flagOpen | flagCooling | flagAccount | flagProbation
	// flagsDown are those whose end is a recovery.
	flagsDown = flagsTrial | flagUnhealthy
)

// endpoint is the state of one provider in one router: everything but its
// typed functions.
type endpoint struct {
	core    *core
	index   int
	name    string
	timeout time.Duration
	nested  inner
	account *account
	limit   *limiter
	probed  bool // health checks run for it

	flags   atomic.Uint32
	trials  atomic.Int32
	weight  atomic.Int64
	breaker breaker
	cool    cooldown
	stats   stats
	health  healthState

	awaitProbe  atomic.Bool
	lastFailure atomic.Int64 // for the penalty of Weighted
	lastDial    atomic.Int64
	lastWhole   atomic.Int64 // when a stream was last served whole
	heldSince   atomic.Int64

	errorKind atomic.Int64 // of the last error: class and status
	errorAt   atomic.Int64

	pending atomic.Bool // events wait in queue

	mu        sync.Mutex // guards below; never held while calling gobreaker or user code
	trialsDue int        // successes still needed in probation
	downSince int64
	openedAt  int64        // when the breaker last opened from closed
	told      BreakerState // of the breaker, as events tell it
	armed     int          // generation of the breaker
	queue     []Event
	lastError lastFailure
}

// Tiers of eligibility: a request goes to a lower one first.
const (
	tierReady = iota
	tierHeld
	tierLast // probe-unhealthy: the probe may be the broken part
)

// standing is what an endpoint is good for now.
type standing struct {
	reason Reason // empty if it is in full service
	class  Class  // of a cooldown
	until  int64
	tier   int
	ok     bool // may be asked
	trial  bool // and would be a trial
}

// standing judges the endpoint without changing anything.
func (e *endpoint) standing(now int64) standing {
	f := e.flags.Load()
	if f == 0 {
		return standing{ok: true}
	}
	return e.impaired(f, now)
}

func (e *endpoint) impaired(f uint32, now int64) standing {
	if f&flagDisabled != 0 {
		return standing{reason: ReasonDisabled}
	}
	if f&flagDrained != 0 {
		return standing{reason: ReasonDrained}
	}
	s := standing{ok: true}
	if f&flagsTrial != 0 {
		if s = e.gate(f, now); !s.ok {
			return s
		}
	}
	switch {
	case f&flagUnhealthy != 0:
		s.reason, s.tier = ReasonUnhealthy, tierLast
	case f&flagHeld != 0 && e.holds(now):
		s.reason, s.tier = ReasonRecovering, tierHeld
	}
	return s
}

// gate judges breaker, cooldowns and probation.
func (e *endpoint) gate(f uint32, now int64) standing {
	if f&flagAccount != 0 {
		if until := e.account.cool.until.Load(); now < until {
			return standing{reason: ReasonCooling, class: e.account.cool.cause(), until: until}
		}
	}
	if f&flagCooling != 0 {
		if until := e.cool.until.Load(); now < until {
			return standing{reason: ReasonCooling, class: e.cool.cause(), until: until}
		}
	}
	if f&flagOpen != 0 {
		if until := e.breaker.openUntil.Load(); now < until {
			return standing{reason: ReasonOpen, until: until}
		}
	}
	if e.awaitProbe.Load() {
		return standing{reason: ReasonAwaitingProbe}
	}
	if int(e.trials.Load()) >= e.breaker.policy.HalfOpenTrials {
		return standing{reason: ReasonHalfOpen}
	}
	return standing{ok: true, trial: true, reason: ReasonHalfOpen}
}

// holds says whether a recovered provider is still held back for this request.
func (e *endpoint) holds(now int64) bool {
	p := &e.core.cfg.failback
	elapsed := now - e.heldSince.Load() - int64(p.MinHealthy)
	switch {
	case elapsed < 0:
		return true
	case elapsed >= int64(p.Ramp):
		e.flags.And(^flagHeld)
		return false
	default:
		return chance(now, e.index) >= float64(elapsed)/float64(p.Ramp)
	}
}

// admit takes what an attempt needs: a trial's slot where one is needed, and
// the local limit. It never waits. forced lets a trial through before its
// time.
func (e *endpoint) admit(now int64, forced bool) (trial, ok bool) {
	if f := e.flags.Load(); f != 0 {
		if f&(flagDisabled|flagDrained) != 0 {
			return false, false
		}
		if f&flagsTrial != 0 {
			if !e.takeTrial(f, now, forced) {
				return false, false
			}
			trial = true
		}
	}
	if !e.limit.acquire() {
		if trial {
			e.trials.Add(-1)
		}
		return false, false
	}
	e.stats.begun.Add(1)
	return trial, true
}

// withdraw gives back what admit took; every admitted attempt ends with it.
// busy says that the client is still at it, and that its place is not free.
func (e *endpoint) withdraw(trial, busy bool) {
	e.stats.ended.Add(1)
	if !busy {
		e.limit.release()
	}
	if trial {
		e.trials.Add(-1)
	}
}

// abandon is withdraw for an attempt that was not made after all.
func (e *endpoint) abandon(trial bool) {
	e.stats.refused.Add(1)
	e.withdraw(trial, false)
}

func (e *endpoint) takeTrial(f uint32, now int64, forced bool) bool {
	if !forced && !e.gate(f, now).ok {
		return false
	}
	most := int32(e.breaker.policy.HalfOpenTrials) //nolint:gosec // bounded in complete
	for {
		n := e.trials.Load()
		if n >= most {
			return false
		}
		if e.trials.CompareAndSwap(n, n+1) {
			break
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if f&flagOpen != 0 && !forced {
		e.tell(BreakerHalfOpen, 0)
	}
	e.leaveCooldown(now)
	return true
}

// leaveCooldown turns a cooldown that is over into probation. Under mu.
func (e *endpoint) leaveCooldown(now int64) {
	f := e.flags.Load()
	over := uint32(0)
	if f&flagCooling != 0 && now >= e.cool.until.Load() {
		over |= flagCooling
	}
	if f&flagAccount != 0 && now >= e.account.cool.until.Load() {
		over |= flagAccount
	}
	if over == 0 {
		return
	}
	if f&flagProbation == 0 {
		e.trialsDue = e.breaker.policy.HalfOpenSuccesses
	}
	e.flags.Or(flagProbation)
	e.flags.And(^over)
}

// trialSucceeded counts a success towards the end of probation.
func (e *endpoint) trialSucceeded(now int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flags.Load()&flagProbation == 0 {
		return
	}
	if e.trialsDue--; e.trialsDue <= 0 {
		e.breaker.changedAt.Store(e.core.now())
		e.flags.And(^flagProbation)
		e.recovered(now)
	}
}

// trialFailed ends probation for now: the provider is left alone as if its
// breaker had opened.
func (e *endpoint) trialFailed(now int64, class Class) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.flags.Load()
	if f&flagOpen != 0 || f&flagProbation == 0 {
		return
	}
	e.closeOff(now, class)
}

// relapse closes a provider off whose trial had succeeded at its commit point
// and then broke off: it would otherwise be asked by everybody, and cut them
// all. A provider that is out of service already stays so.
func (e *endpoint) relapse(now int64, class Class) {
	e.mu.Lock()
	defer e.mu.Unlock()
	f := e.flags.Load()
	if f&flagOpen != 0 || f&flagCooling != 0 {
		return
	}
	e.down(now)
	e.closeOff(now, class)
}

// closeOff leaves the provider alone as if its breaker had opened. Under mu.
func (e *endpoint) closeOff(now int64, class Class) {
	e.breaker.rested(e.downSince)
	e.breaker.changedAt.Store(e.core.now())
	end := e.cool.extend(now+e.breaker.openFor(now), class)
	e.awaitProbe.Store(e.probed)
	e.flags.Or(flagCooling)
	e.queueLocked(func(o Origin) Event {
		return CooldownEvent{Origin: o, Provider: e.name, Class: class, Until: e.core.at(end)}
	})
}

// coolDown begins or extends a cooldown of this provider or of its account.
func (e *endpoint) coolDown(now, started int64, class Class, retryAfter time.Duration, grow bool) {
	longest := e.core.cfg.maxCool
	if class == ClassRateLimited || class == ClassUnsupported {
		e.coolOne(now, started, class, retryAfter, longest, grow)
		return
	}
	end, moved, news := e.account.cool.begin(now, started, class, retryAfter, longest, grow)
	if !moved {
		return
	}
	for _, m := range e.account.members {
		m.mu.Lock()
		m.down(now)
		m.flags.Or(flagAccount)
		if m.probed {
			m.awaitProbe.Store(true)
		}
		m.mu.Unlock()
	}
	if news {
		e.queueEvent(func(o Origin) Event {
			return CooldownEvent{Origin: o, Provider: e.name, Account: e.account.name, Class: class, Until: e.core.at(end)}
		})
	}
}

func (e *endpoint) coolOne(now, started int64, class Class, retryAfter, longest time.Duration, grow bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	end, moved, news := e.cool.begin(now, started, class, retryAfter, longest, grow)
	if !moved {
		return
	}
	e.down(now)
	e.flags.Or(flagCooling)
	if e.probed && class != ClassRateLimited {
		e.awaitProbe.Store(true)
	}
	if news {
		e.queueLocked(func(o Origin) Event {
			return CooldownEvent{Origin: o, Provider: e.name, Class: class, Until: e.core.at(end)}
		})
	}
}

// tell queues the news of the breaker's state, if it is news. Under mu.
func (e *endpoint) tell(state BreakerState, until int64) {
	from := e.told
	if from == state {
		return
	}
	e.told = state
	e.queueLocked(func(o Origin) Event {
		ev := BreakerEvent{Origin: o, Provider: e.name, From: from, To: state}
		if until > 0 {
			ev.Until = e.core.at(until)
		}
		return ev
	})
}

// breakerChanged runs under gobreaker's lock: it records and returns.
func (e *endpoint) breakerChanged(generation int, from, to gobreaker.State) {
	now := e.core.now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if generation != e.armed {
		return
	}
	switch to {
	case gobreaker.StateOpen:
		if from == gobreaker.StateClosed {
			e.breaker.rested(now)
			e.openedAt = now
		}
		e.breaker.changedAt.Store(now)
		until := now + e.breaker.openFor(now)
		e.breaker.openUntil.Store(until)
		e.awaitProbe.Store(e.probed)
		e.down(now)
		e.flags.Or(flagOpen)
		e.tell(BreakerOpen, until)
	case gobreaker.StateClosed:
		e.breaker.changedAt.Store(now)
		e.breaker.streak.clear()
		e.flags.And(^(flagOpen | flagProbation))
		e.tell(BreakerClosed, 0)
		e.recovered(now)
	case gobreaker.StateHalfOpen:
		// A late result makes gobreaker say so although the gate is shut; the
		// first trial is what tells.
	}
}

// reset makes the breaker and both cooldowns as new. due is how many trials
// must succeed before full service; 0 for at once.
func (e *endpoint) reset(now int64, due int) {
	e.mu.Lock()
	e.armed++
	e.tell(BreakerClosed, 0)
	e.breaker.openUntil.Store(0)
	e.breaker.changedAt.Store(e.core.now())
	e.breaker.retryAfter.Store(0)
	e.breaker.streak.clear()
	e.awaitProbe.Store(false)
	e.cool.reset()
	if due > 0 {
		e.trialsDue = due
		e.flags.Or(flagProbation)
		e.flags.And(^(flagOpen | flagCooling | flagAccount))
	} else {
		e.flags.And(^flagsTrial)
		e.recovered(now)
	}
	e.mu.Unlock()
	e.arm()
}

// forgive takes back what failures to connect did, once they turn out to be
// our own: the counts, and an opening of the last few seconds.
func (e *endpoint) forgive(now int64) {
	e.mu.Lock()
	open := e.flags.Load()&flagOpen != 0
	if open && now-e.openedAt > localWindow {
		e.mu.Unlock()
		return
	}
	e.armed++
	e.breaker.streak.forgive()
	if open {
		e.tell(BreakerClosed, 0)
		e.breaker.opens.Add(-1)
		e.breaker.openUntil.Store(0)
		e.awaitProbe.Store(false)
		e.flags.And(^flagOpen)
		e.recovered(now)
	}
	e.mu.Unlock()
	e.arm()
}

// arm puts a new gobreaker in place; what an older one reports is dropped.
func (e *endpoint) arm() { e.breaker.arm(e) }

// down notes when trouble began. Under mu.
func (e *endpoint) down(now int64) {
	if e.flags.Load()&flagsDown == 0 {
		e.downSince = now
	}
}

// recovered notes that the last trouble is over. Under mu.
func (e *endpoint) recovered(now int64) {
	f := e.flags.Load()
	if f&flagsTrial == 0 {
		e.awaitProbe.Store(false) // no trial is due: a later cooldown must not find it
	}
	if f&flagsDown != 0 || e.downSince < 0 {
		return
	}
	took := time.Duration(now - e.downSince)
	e.downSince = -1
	if p := e.core.cfg.failback; p.MinHealthy > 0 || p.Ramp > 0 {
		e.heldSince.Store(now)
		e.flags.Or(flagHeld)
	}
	e.queueLocked(func(o Origin) Event { return RecoveredEvent{Origin: o, Provider: e.name, Down: took} })
}

// queueEvent keeps an event until nobody holds a lock.
func (e *endpoint) queueEvent(build func(Origin) Event) {
	e.mu.Lock()
	e.queueLocked(build)
	e.mu.Unlock()
}

// queueLocked is queueEvent under mu.
func (e *endpoint) queueLocked(build func(Origin) Event) {
	if e.core.listening {
		e.queue = append(e.queue, build(e.core.origin()))
		e.pending.Store(true)
	}
}

// takeEvents returns what is queued and empties the queue.
func (e *endpoint) takeEvents() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	events := e.queue
	e.queue = nil
	e.pending.Store(false)
	return events
}

// silentEnough says whether an attempt that was ended for the caller's reasons
// had its time: then its silence is the provider's. extra is what it had on top
// of the timeout.
func (e *endpoint) silentEnough(ran, extra int64) bool {
	line := 2 * time.Second
	if q, ok := e.stats.latencies(); ok {
		line = max(line, 2*q.p99)
	}
	if e.timeout > 0 {
		line = min(line, e.timeout+time.Duration(extra))
	}
	return ran >= int64(line)
}
