package failover

import (
	"math"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// limiter applies a Limit. A nil limiter allows everything.
type limiter struct {
	rate *rate.Limiter
	slot *semaphore.Weighted
}

func (l Limit) check() string {
	switch {
	case l.Rate < 0 || math.IsNaN(l.Rate) || math.IsInf(l.Rate, 0):
		return "Limit.Rate"
	case l.Burst < 0:
		return "Limit.Burst"
	case l.Concurrency < 0:
		return "Limit.Concurrency"
	}
	return ""
}

func newLimiter(l Limit) *limiter {
	if l.Rate == 0 && l.Concurrency == 0 {
		return nil
	}
	lim := &limiter{}
	if l.Rate > 0 {
		burst := l.Burst
		if burst == 0 {
			burst = int(math.Ceil(min(l.Rate, math.MaxInt32)))
		}
		lim.rate = rate.NewLimiter(rate.Limit(l.Rate), burst)
	}
	if l.Concurrency > 0 {
		lim.slot = semaphore.NewWeighted(int64(l.Concurrency))
	}
	return lim
}

// ready says whether acquire would probably succeed, without taking anything.
func (l *limiter) ready() bool {
	if l == nil {
		return true
	}
	if l.slot != nil {
		if !l.slot.TryAcquire(1) {
			return false
		}
		l.slot.Release(1)
	}
	return l.rate == nil || l.rate.Tokens() >= 1
}

// acquire takes a place and a token, or neither. It never waits.
func (l *limiter) acquire() bool {
	if l == nil {
		return true
	}
	if l.slot != nil && !l.slot.TryAcquire(1) {
		return false
	}
	if l.rate != nil && !l.rate.Allow() {
		if l.slot != nil {
			l.slot.Release(1)
		}
		return false
	}
	return true
}

// release gives the place back; the token is spent.
func (l *limiter) release() {
	if l != nil && l.slot != nil {
		l.slot.Release(1)
	}
}
