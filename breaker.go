package failover

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// BreakerPolicy says when a provider's circuit breaker opens and how it closes
// again. The breaker is sony/gobreaker; one stands before each provider of
// each router, because operations fail separately.
//
// Opening: the three rules below are on together by default. Set any of them
// and only those set are on. Times and half-open numbers left zero take their
// defaults in any case.
type BreakerPolicy struct {
	// ConsecutiveFailures opens it. Default 5. Above 65535 it never does.
	ConsecutiveFailures int
	// ConsecutiveTimeouts opens it. Default 3: a silent provider costs each
	// caller a whole attempt timeout.
	ConsecutiveTimeouts int
	// FailureRatio (0 to 1) opens it when at least MinRequests were made in
	// Window. Default 0.5 of 20 in 60 s. A FailureRatio needs a Window.
	FailureRatio float64
	// MinRequests is the smallest sample FailureRatio is judged on. Default 20.
	MinRequests int
	// Window is how far back FailureRatio looks, in ten steps. Default 60 s.
	Window time.Duration

	// SlowCall makes an answer that took longer count as a failure, although
	// it is returned. Default 0: off.
	SlowCall time.Duration

	// OpenFor is how long it stays open the first time, ±10 %. Default 10 s.
	// It grows by OpenFor each time it opens again, up to MaxOpen, and is
	// never shorter than a Retry-After of the failure that opened it. Growth
	// is forgotten after 5 min closed.
	OpenFor time.Duration
	// MaxOpen caps the growth. Default 60 s.
	MaxOpen time.Duration

	// HalfOpenTrials is how many requests try a provider at once before its
	// breaker closes, HalfOpenSuccesses at the most. Default 1.
	HalfOpenTrials int
	// HalfOpenSuccesses closes it. Default 2.
	HalfOpenSuccesses int
}

// WithBreaker sets when breakers open and close.
func WithBreaker(p BreakerPolicy) Option {
	return optionFunc(func(c *config) { c.breaker = p })
}

func (p *BreakerPolicy) complete(c *config) {
	const option = "WithBreaker"
	if p.FailureRatio > 0 && p.Window == 0 {
		c.rejectf("%s: FailureRatio %v needs a Window", option, p.FailureRatio)
	}
	if p.FailureRatio > 1 {
		c.rejectf("%s: FailureRatio %v is above 1", option, p.FailureRatio)
	}
	if p.ConsecutiveFailures == 0 && p.ConsecutiveTimeouts == 0 && p.FailureRatio == 0 {
		p.ConsecutiveFailures, p.ConsecutiveTimeouts, p.FailureRatio = 5, 3, 0.5
	}
	field(c, option, "ConsecutiveFailures", &p.ConsecutiveFailures, math.MaxInt)
	field(c, option, "ConsecutiveTimeouts", &p.ConsecutiveTimeouts, math.MaxInt)
	field(c, option, "FailureRatio", &p.FailureRatio, 2) // never reached
	field(c, option, "MinRequests", &p.MinRequests, 20)
	field(c, option, "Window", &p.Window, 60*time.Second)
	field(c, option, "SlowCall", &p.SlowCall, 0)
	field(c, option, "OpenFor", &p.OpenFor, 10*time.Second)
	field(c, option, "MaxOpen", &p.MaxOpen, max(60*time.Second, p.OpenFor))
	field(c, option, "HalfOpenTrials", &p.HalfOpenTrials, 1)
	field(c, option, "HalfOpenSuccesses", &p.HalfOpenSuccesses, max(2, p.HalfOpenTrials))
	if p.HalfOpenTrials > p.HalfOpenSuccesses {
		c.rejectf("%s: HalfOpenTrials %d is above HalfOpenSuccesses %d", option, p.HalfOpenTrials, p.HalfOpenSuccesses)
	}
	if p.MaxOpen < p.OpenFor {
		c.rejectf("%s: MaxOpen %v is below OpenFor %v", option, p.MaxOpen, p.OpenFor)
	}
	if p.HalfOpenSuccesses > math.MaxInt16 || p.HalfOpenTrials > math.MaxInt16 {
		c.rejectf("%s: HalfOpenTrials %d and HalfOpenSuccesses %d must be below 32768",
			option, p.HalfOpenTrials, p.HalfOpenSuccesses)
	}
}

// BreakerState is the state of a provider's breaker.
type BreakerState uint8

// The three states of a circuit breaker.
const (
	BreakerClosed BreakerState = iota
	BreakerHalfOpen
	BreakerOpen
)

// String returns "closed", "half_open" or "open".
func (s BreakerState) String() string {
	switch s {
	case BreakerClosed:
		return "closed"
	case BreakerHalfOpen:
		return "half_open"
	case BreakerOpen:
		return "open"
	default:
		return fmt.Sprintf("breaker_state(%d)", uint8(s))
	}
}

// MarshalText makes a BreakerState its name in JSON and logs.
func (s BreakerState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (s *BreakerState) UnmarshalText(text []byte) error {
	for _, state := range []BreakerState{BreakerClosed, BreakerHalfOpen, BreakerOpen} {
		if state.String() == string(text) {
			*s = state
			return nil
		}
	}
	return fmt.Errorf("failover: unknown breaker state %q", text)
}

// What the closure inside Execute returns: gobreaker needs to see failure,
// success or neither, and the real error stays outside, so that it is neither
// kept nor changed on the way.
var (
	errBreakerFailure = errors.New("failure")
	errBreakerIgnored = errors.New("ignored")
)

// breaker is gobreaker with what it lacks: consecutive counts that no window
// ages out, an open time that grows and honours Retry-After, and a check
// whether it is open for the price of a load.
type breaker struct {
	policy *BreakerPolicy
	// Of the next two one is in use: streams are settled in two steps.
	cb      atomic.Pointer[gobreaker.CircuitBreaker[struct{}]]
	twoStep atomic.Pointer[gobreaker.TwoStepCircuitBreaker[struct{}]]
	streak  streak

	openUntil  atomic.Int64 // since the epoch; meaningful while flagOpen
	opens      atomic.Int64 // times opened without 5 min closed between
	changedAt  atomic.Int64 // when it last opened or closed
	retryAfter atomic.Int64 // until when a failure asked to be left alone
}

// growthMemory is after how much undisturbed time growth is forgotten.
const growthMemory = int64(5 * time.Minute)

// breakerJitter is the share by which open times vary.
const breakerJitter = 0.1

// arm puts in a fresh, closed gobreaker.
func (b *breaker) arm(e *endpoint) {
	p := b.policy
	e.mu.Lock()
	generation := e.armed
	e.mu.Unlock()
	window := p.Window
	if p.FailureRatio > 1 {
		window = 0 // nobody asks for the counts
	}
	settings := gobreaker.Settings{
		MaxRequests:  uint32(p.HalfOpenSuccesses), //nolint:gosec // bounded in complete
		Interval:     window,
		BucketPeriod: window / 10,
		// Less than any open time of ours, so that the gate only lengthens it.
		Timeout:      max(time.Duration(float64(p.OpenFor)*(1-2*breakerJitter)), 1),
		ReadyToTrip:  b.readyToTrip,
		IsSuccessful: func(err error) bool { return err == nil },
		IsExcluded:   func(err error) bool { return err == errBreakerIgnored }, //nolint:errorlint // identity is meant
		// Runs under gobreaker's lock: records, and returns.
		OnStateChange: func(_ string, from, to gobreaker.State) { e.breakerChanged(generation, from, to) },
	}
	if e.core.cfg.streams {
		b.twoStep.Store(gobreaker.NewTwoStepCircuitBreaker[struct{}](settings))
		return
	}
	b.cb.Store(gobreaker.NewCircuitBreaker[struct{}](settings))
}

// readyToTrip runs under gobreaker's lock, after a failure.
func (b *breaker) readyToTrip(counts gobreaker.Counts) bool {
	failures, timeouts := b.streak.counts()
	if failures >= b.policy.ConsecutiveFailures || timeouts >= b.policy.ConsecutiveTimeouts {
		return true
	}
	judged := int(counts.TotalSuccesses) + int(counts.TotalFailures)
	return judged >= b.policy.MinRequests &&
		float64(counts.TotalFailures) >= b.policy.FailureRatio*float64(judged)
}

// openFor is how long the breaker stays open now, growing with each opening.
func (b *breaker) openFor(now int64) int64 {
	d := b.policy.MaxOpen
	if n := b.opens.Add(1); n <= int64(d/b.policy.OpenFor) {
		d = time.Duration(n) * b.policy.OpenFor
	}
	return max(int64(min(around(d, breakerJitter), b.policy.MaxOpen)), b.retryAfter.Load()-now)
}

// rested forgets growth if the breaker had been closed long enough when the
// present trouble began.
func (b *breaker) rested(trouble int64) {
	if trouble-b.changedAt.Load() > growthMemory {
		b.opens.Store(0)
	}
}

// failed counts one failure of an attempt that began at started. One that began
// before the breaker last changed says nothing of the provider as it is now;
// gobreaker drops those too.
func (b *breaker) failed(started int64, timeout bool) {
	if started >= b.changedAt.Load() {
		b.streak.fail(timeout)
	}
}

// slow counts an answer that came too slowly to be a success.
func (b *breaker) slow(started int64) {
	b.streak.answered()
	b.failed(started, false)
}

// leaveAlone notes a Retry-After. None shortens another.
func (b *breaker) leaveAlone(until int64) {
	if until > b.retryAfter.Load() {
		b.retryAfter.Store(until)
	}
}

// streak packs what must be forgotten on a success into one word, so that a
// healthy provider pays one load: consecutive failures, consecutive timeouts,
// consecutive Unsupported, and whether the last failure was no connection.
type streak struct{ word atomic.Uint64 }

const (
	streakTimeouts    = 16
	streakUnsupported = 32
	streakDial        = 1 << 48
	streakMask        = 0xffff
)

// clear forgets the streak.
func (s *streak) clear() {
	if s.word.Load() != 0 {
		s.word.Store(0)
	}
}

func (s *streak) update(f func(failures, timeouts, unsupported uint64, dial bool) (uint64, uint64, uint64, bool)) uint64 {
	for {
		old := s.word.Load()
		a, b, c, dial := f(old&streakMask, old>>streakTimeouts&streakMask,
			old>>streakUnsupported&streakMask, old&streakDial != 0)
		next := min(a, streakMask) | min(b, streakMask)<<streakTimeouts | min(c, streakMask)<<streakUnsupported
		if dial {
			next |= streakDial
		}
		if s.word.CompareAndSwap(old, next) {
			return next
		}
	}
}

// fail counts one failure.
func (s *streak) fail(timeout bool) {
	for {
		old := s.word.Load()
		failures := min(old&streakMask+1, streakMask)
		timeouts := uint64(0)
		if timeout {
			timeouts = min(old>>streakTimeouts&streakMask+1, streakMask)
		}
		next := old&^(streakMask|streakMask<<streakTimeouts) | failures | timeouts<<streakTimeouts
		if s.word.CompareAndSwap(old, next) {
			return
		}
	}
}

// unsupported counts one refusal and returns how many came in a row.
func (s *streak) unsupported() int {
	word := s.update(func(failures, timeouts, unsupported uint64, dial bool) (uint64, uint64, uint64, bool) {
		return failures, timeouts, unsupported + 1, dial
	})
	return int(word >> streakUnsupported & streakMask)
}

// restart forgets the Unsupported row once it has been acted upon.
func (s *streak) restart() {
	s.update(func(failures, timeouts, _ uint64, dial bool) (uint64, uint64, uint64, bool) {
		return failures, timeouts, 0, dial
	})
}

// dial marks or unmarks the last failure as one without a connection.
func (s *streak) dial(failed bool) {
	s.update(func(failures, timeouts, unsupported uint64, _ bool) (uint64, uint64, uint64, bool) {
		return failures, timeouts, unsupported, failed
	})
}

func (s *streak) dialFailed() bool { return s.word.Load()&streakDial != 0 }

// answered forgets what any answer disproves.
func (s *streak) answered() {
	s.update(func(failures, timeouts, _ uint64, _ bool) (uint64, uint64, uint64, bool) {
		return failures, timeouts, 0, false
	})
}

// forgive forgets failures and timeouts that turned out to be our own.
func (s *streak) forgive() {
	s.update(func(_, _, unsupported uint64, dial bool) (uint64, uint64, uint64, bool) {
		return 0, 0, unsupported, dial
	})
}

func (s *streak) counts() (failures, timeouts int) {
	word := s.word.Load()
	return int(word & streakMask), int(word >> streakTimeouts & streakMask)
}
