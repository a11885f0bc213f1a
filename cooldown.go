package failover

import (
	"sync"
	"sync/atomic"
	"time"
)

// cooldown leaves a provider, or an account, alone for a while. It grows with
// repetition and is extended, never shortened.
type cooldown struct {
	until atomic.Int64 // since the epoch; 0 if it never cooled

	mu    sync.Mutex
	begun int64 // when the present one began
	steps int
	class Class
}

// Lengths of a cooldown when the vendor names none.
const (
	rateBase    = 5 * time.Second
	rateMost    = 60 * time.Second
	accountBase = time.Minute
	accountMost = 15 * time.Minute
	// unsupportedRow is how many refusals in a row cool a provider.
	unsupportedRow = 3
)

// coolFor says how long step (counted from 0) of a class lasts.
func coolFor(class Class, step int, longest time.Duration) time.Duration {
	base, most := accountBase, accountMost
	if class == ClassRateLimited {
		base, most = rateBase, rateMost
	}
	d := base << min(step, 16)
	return min(d, most, longest)
}

// begin starts or extends the cooldown for a failure of an attempt that was
// started at started. It returns the end, whether that moved, and whether it
// is news: a crowd that fails together extends a cooldown by a little many
// times.
func (c *cooldown) begin(
	now, started int64, class Class, retryAfter, longest time.Duration, grow bool,
) (end int64, moved, news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.until.Load()
	if old == 0 || now-old > growthMemory {
		c.steps, c.begun = 0, -1
	}
	// Sent before the present cooldown began: it says nothing new, but for a
	// longer Retry-After.
	late := started <= c.begun
	step := !late && (retryAfter == 0 || class != ClassRateLimited)
	d := retryAfter
	if step {
		d = max(coolFor(class, c.steps, longest), retryAfter)
	}
	end = now + int64(min(d, longest))
	if end <= max(old, now) {
		return old, false, false
	}
	if !late {
		c.begun = now
	}
	if step && grow {
		c.steps++
	}
	c.until.Store(end)
	c.class = class
	return end, true, old <= now || end-old >= int64(time.Second)
}

// extend moves the end to at least end and returns it. It is no step of
// growth.
func (c *cooldown) extend(end int64, class Class) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if old := c.until.Load(); old >= end {
		return old
	}
	c.until.Store(end)
	c.class = class
	return end
}

// cause is the class that began it.
func (c *cooldown) cause() Class {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.class
}

// reset forgets everything, growth too.
func (c *cooldown) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.until.Store(0)
	c.begun, c.steps = -1, 0
}

// account is what providers with one key share.
type account struct {
	name    string
	cool    cooldown
	members []*endpoint
}
