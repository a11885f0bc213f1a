package failover

import (
	"math"
	"sync/atomic"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// limiter applies a Limit. A nil limiter allows everything.
type limiter struct {
	rate *rate.Limiter
	slot *semaphore.Weighted // nil: any number may run at once
	most int64
	runs atomic.Int64 // a look at slot that takes nothing from it
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
	if l.Concurrency > 0 {
		lim.slot, lim.most = semaphore.NewWeighted(int64(l.Concurrency)), int64(l.Concurrency)
	}
	if l.Rate > 0 {
		burst := l.Burst
		if burst == 0 {
			burst = int(math.Ceil(min(l.Rate, math.MaxInt32)))
		}
		lim.rate = rate.NewLimiter(rate.Limit(l.Rate), burst)
	}
	return lim
}

// ready says whether acquire would probably succeed. It takes nothing, not
// even for a moment: whoever asks at that moment would be turned away.
func (l *limiter) ready() bool {
	if l == nil {
		return true
	}
	if l.slot != nil && l.runs.Load() >= l.most {
		return false
	}
	return l.rate == nil || l.rate.Tokens() >= 1
}

// acquire takes a place and a token, or neither. It never waits.
func (l *limiter) acquire() bool {
	if l == nil {
		return true
	}
	if l.slot != nil {
		if !l.slot.TryAcquire(1) {
			return false
		}
		l.runs.Add(1)
	}
	if l.rate != nil && !l.rate.Allow() {
		l.release()
		return false
	}
	return true
}

// release gives the place back; the token is spent.
func (l *limiter) release() {
	if l != nil && l.slot != nil {
		l.runs.Add(-1)
		l.slot.Release(1)
	}
}
