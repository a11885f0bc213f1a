package failover

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

// HealthPolicy says how providers with a Check are probed. Zero fields take
// their defaults.
type HealthPolicy struct {
	// Interval between the probes of one provider, ±10 %. Default 30 s.
	Interval time.Duration
	// Timeout of a probe. Default 5 s.
	Timeout time.Duration
	// Unhealthy is how many failed probes in a row make a provider unhealthy.
	// Default 3.
	Unhealthy int
	// Healthy is how many passed probes in a row make it healthy again.
	// Default 2.
	Healthy int
	// OnlyDown probes a provider only while its breaker is open, it cools down
	// or is unhealthy, to save quota.
	OnlyDown bool
}

// WithHealthChecks probes every provider that has a Check, beside any
// strategy. An unhealthy provider is asked only when nobody else can be: the
// probe may be the broken part. A provider whose breaker opened, or whose
// quota or key failed, gets its first trial only after a probe has passed; the
// probe itself closes no breaker. A rate-limited probe says nothing. Default:
// off, since probes cost quota.
//
// The probes of different providers run concurrently, their first ones spread
// over the interval. A Check must honour its context, which [Router.Close]
// ends; a panic in one counts as a failed probe.
func WithHealthChecks(p HealthPolicy) Option {
	return optionFunc(func(c *config) { c.health = &p })
}

func (p *HealthPolicy) complete(c *config) {
	const option = "WithHealthChecks"
	field(c, option, "Interval", &p.Interval, 30*time.Second)
	field(c, option, "Timeout", &p.Timeout, 5*time.Second)
	field(c, option, "Unhealthy", &p.Unhealthy, 3)
	field(c, option, "Healthy", &p.Healthy, 2)
}

// healthState is what the probes of one provider found.
type healthState struct {
	mu       sync.Mutex
	passed   int // in a row
	failed   int // in a row
	last     time.Time
	lastErr  *Error
	everDone bool
}

// startProbes starts a goroutine for each provider that has a Check.
func startProbes[Req, Resp any](r *Router[Req, Resp]) {
	if r.cfg.health == nil {
		return
	}
	for i := range r.providers {
		if check := r.providers[i].Check; check != nil {
			e := r.ends[i]
			r.work.run(func() { r.core.probe(e, check) })
		}
	}
}

// probe runs until Close.
func (c *core) probe(e *endpoint, check func(context.Context) error) {
	p := c.cfg.health
	wait := time.Duration(rand.Float64() * float64(p.Interval)) //nolint:gosec // spreading load needs no secret numbers
	timer := time.NewTimer(wait)
	defer timer.Stop()
	for {
		select {
		case <-c.life.Done():
			return
		case <-timer.C:
		}
		f := e.flags.Load()
		if f&flagDisabled == 0 && (!p.OnlyDown || f&flagsDown != 0) {
			if !c.probeOnce(e, check) {
				return
			}
		}
		timer.Reset(around(p.Interval, 0.1))
	}
}

// probeOnce runs one probe on a goroutine of its own, since a Check that calls
// Goexit would take ours along. It returns false once the router is closed.
func (c *core) probeOnce(e *endpoint, check func(context.Context) error) bool {
	ctx, cancel := context.WithTimeoutCause(c.life, c.cfg.health.Timeout, ErrAttemptTimeout)
	defer cancel()
	done := make(chan error, 1)
	var err error
	if !c.work.run(func() {
		aside(func() { err = check(ctx) }, func(p *carried) {
			if p != nil {
				c.panicked(e.name, p)
				err = ErrPanicked
			}
			done <- err
		})
	}) {
		return false
	}
	err = <-done
	if c.life.Err() != nil {
		return false
	}
	c.probed(e, err, ctx.Err() != nil)
	return true
}

// probed counts the result of a probe.
func (c *core) probed(e *endpoint, err error, timedOutProbe bool) {
	now := c.now()
	h := &e.health
	h.mu.Lock()
	h.last, h.everDone = time.Now(), true
	var changed bool
	healthy := err == nil
	if err == nil {
		h.passed, h.failed, h.lastErr = h.passed+1, 0, nil
		e.awaitProbe.Store(false)
		changed = h.passed >= c.cfg.health.Healthy && e.flags.Load()&flagUnhealthy != 0
	} else {
		r := read(err)
		if timedOutProbe {
			r.class, r.err = ClassTimeout, timedOutError{ErrAttemptTimeout, err}
		}
		if r.class == ClassRateLimited {
			e.awaitProbe.Store(false) // it says nothing of health, but it was an answer
			h.mu.Unlock()
			return
		}
		h.passed, h.failed, h.lastErr = 0, h.failed+1, r.toError(e.name)
		changed = h.failed >= c.cfg.health.Unhealthy && e.flags.Load()&flagUnhealthy == 0
	}
	lastErr := h.lastErr
	h.mu.Unlock()
	if !changed {
		return
	}
	e.mu.Lock()
	e.queueLocked(func(o Origin) Event {
		return HealthEvent{Origin: o, Provider: e.name, Healthy: healthy, Err: lastErr}
	})
	if healthy {
		e.flags.And(^flagUnhealthy)
		e.recovered(now)
	} else {
		e.down(now)
		e.flags.Or(flagUnhealthy)
	}
	e.mu.Unlock()
	c.alone(e.name, func() { c.flush(c.life, e) })
}
