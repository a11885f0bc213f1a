package failover

import "time"

// What tests see of the inside.

// Rotate makes a Weighted or RoundRobin that has already handed out n turns to
// each set of candidates.
func Rotate(s Strategy, n uint64) {
	var turns *rotation
	switch s := s.(type) {
	case *roundRobin:
		turns = &s.turns
	case *weighted:
		turns = &s.turns
	}
	for i := range turns.turns {
		turns.turns[i].n.Store(n)
	}
}

// PickAmong is what a strategy of the router would see at a time since the
// router was made, if only those candidates were left whose bits are set.
func (r *Router[Req, Resp]) PickAmong(live uint64, attempt int, dry bool, now int64) Pick {
	p := Pick{Attempt: attempt, Dry: dry, Size: len(r.ends), now: now}
	for i, e := range r.ends {
		if live>>i&1 == 1 {
			p.Candidates = append(p.Candidates, Candidate{Index: i, e: e})
		}
	}
	return p
}

// DrawByWeight chooses as Weighted does after a failure.
func DrawByWeight(p Pick, random uint64) int { return drawByWeight(p, random) }

// EffectiveWeight is the candidate's weight less the penalty for its failures.
func (c Candidate) EffectiveWeight(now int64) float64 {
	return float64(c.e.effectiveWeight(now)) / weightScale
}

// Penalise counts failures in a row, the last of them at a time.
func (c Candidate) Penalise(failures int, at int64) {
	c.e.breaker.streak.clear()
	for range failures {
		c.e.breaker.streak.fail(false)
	}
	c.e.lastFailure.Store(at)
}

// RetryWaits completes a policy as New does, and returns it with the waits it
// gives before the next n attempts at one provider.
func RetryWaits(p RetryPolicy, n int) (RetryPolicy, []time.Duration) {
	p.complete(&config{})
	s, waits := newSchedule(&p), make([]time.Duration, n)
	for i := range waits {
		waits[i] = s.next(p.Max)
	}
	return p, waits
}

// NewCooldown returns a cooldown as a function: when it ends after a failure at
// now of an attempt begun just before.
func NewCooldown() func(class Class, now int64, retryAfter, longest time.Duration) int64 {
	c := &cooldown{begun: -1}
	return func(class Class, now int64, retryAfter, longest time.Duration) int64 {
		end, _, _ := c.begin(now, now, class, retryAfter, longest, true)
		return end
	}
}

// Budget is the token bucket of a router, counted in thousandths.
type Budget = budget

// NewBudget makes one as New does.
func NewBudget(p BudgetPolicy) (*Budget, error) {
	c := &config{}
	p.complete(c)
	return newBudget(p), c.err
}

// The steps of a request: taking a token, giving it back, and a success.
func (b *budget) Take() bool      { return b.take() }
func (b *budget) Untake()         { b.untake() }
func (b *budget) Succeed()        { b.succeed() }
func (b *budget) Tokens() float64 { return b.tokens() }

// OpenTimes are how long a breaker stays open the first n times, one after the
// other, when a failure asked to be left alone for retryAfter each time.
func OpenTimes(p BreakerPolicy, n int, retryAfter time.Duration) ([]time.Duration, BreakerPolicy, error) {
	c := &config{}
	p.complete(c)
	b, times := &breaker{policy: &p}, make([]time.Duration, n)
	if c.err != nil {
		return nil, p, c.err
	}
	for i := range times {
		now := int64(i) * int64(time.Hour)
		b.leaveAlone(now + int64(retryAfter))
		times[i] = time.Duration(b.openFor(now))
	}
	return times, p, nil
}

// Table is the bounded table behind Sticky and the operations.
type Table struct{ l *lru[int] }

// NewTable makes one for so many keys.
func NewTable(most int, ttl int64) Table { return Table{newLRU[int](most, ttl)} }

// Put keeps a value, Get looks it up as a use, Drop removes it, Len counts.
func (t Table) Put(key string, value int, now int64) {
	t.l.update(key, now, func(int, bool) (int, bool) { return value, true })
}

// Get returns the value of a key.
func (t Table) Get(key string, now int64) (value int, ok bool) {
	t.l.update(key, now, func(v int, found bool) (int, bool) { value, ok = v, found; return v, found })
	return value, ok
}

// Drop removes a key.
func (t Table) Drop(key string, now int64) {
	t.l.update(key, now, func(v int, _ bool) (int, bool) { return v, false })
}

// Len is how many keys there are.
func (t Table) Len() int { return len(t.l.byKey) }
