package failover

// relay takes the items of a hedged stream, which runs on a goroutine of the
// router, to the consumer's, one at a time: the provider goes on when the
// consumer asks for more.
type relay struct {
	claim func()        // says that the commit point is reached
	won   chan struct{} // closed when the consumer takes this stream
	ready chan struct{} // an item waits
	taken chan bool     // what the consumer said to it
	take  func() bool   // delivers the waiting item, on the consumer's goroutine
}

func newRelay(claim func(), take func() bool) *relay {
	return &relay{
		claim: claim, take: take,
		won: make(chan struct{}), ready: make(chan struct{}), taken: make(chan bool, 1),
	}
}

// enter waits, at the commit point, to be taken. It reports false if another
// stream was first, or nobody waits any more.
func (r *relay) enter(done <-chan struct{}) bool {
	r.claim()
	select {
	case <-r.won:
		return true
	case <-done:
		return false
	}
}

// hand hands over an item and says whether the consumer wants more.
func (r *relay) hand(done <-chan struct{}) bool {
	select {
	case r.ready <- struct{}{}:
		return <-r.taken
	case <-done:
		return false
	}
}

// pass delivers the waiting item. If the consumer's loop panics, the provider
// hears that it was left.
func (r *relay) pass() {
	more := false
	defer func() { r.taken <- more }()
	more = r.take()
}
