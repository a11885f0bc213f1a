package failover

import "context"

// live is what the engine knows of an attempt's stream: everything but its
// items.
type live struct {
	watch

	settle    func(error) // tells the breaker how it ended; nil once told
	relay     *relay      // to the consumer's goroutine, under hedging
	flow      flowing
	began     int64 // when the first content came, since the epoch; -1: not yet
	items     int   // delivered
	slow      bool  // the first content came later than SlowCall
	trial     bool  // it was one, and its slot was given back at the commit point
	mode      mode
	committed bool
	final     bool // the end marker came
	left      bool // the consumer left its loop
}

// flowing is a flow of any type.
type flowing interface {
	run() error    // to the end; nil if it was whole or the consumer left
	deliver() bool // the pending item; says whether the consumer wants more
}

// mode is what an attempt at a stream asks for.
type mode uint8

const (
	modeFresh mode = iota
	modeContinue
	modeRestart
)

// rejection is what Validate said of the items held.
type rejection struct{ err error }

func (r *rejection) Error() string { return r.err.Error() }
func (r *rejection) Unwrap() error { return r.err }

// flow passes one provider's stream on to the consumer.
type flow[Req, T any] struct {
	live

	p        *StreamProvider[Req, T]
	s        *streaming[Req, T]
	a        *attempt[*streaming[Req, T], []T]
	index    int
	done     <-chan struct{} // of the attempt's context
	alive    uint64          // items that carry content, so far
	held     []T
	pending  T    // on its way to the consumer
	marker   bool // and is the marker of a restart
	shown    bool // something was delivered
	rejected *rejection
	long     bool // more came than may be held
}

func newFlow[Req, T any](p *StreamProvider[Req, T], index int, a *attempt[*streaming[Req, T], []T]) *live {
	f := &flow[Req, T]{p: p, s: a.req, a: a, index: index}
	f.core, f.flow, f.began = a.r.core, f, -1
	cfg := &f.core.cfg
	f.first, f.idle, f.total = a.e.timeout, p.Idle, p.Total
	if p.nested == nil { // what is nested watches its own streams
		f.idle, f.total = or(p.Idle, cfg.idle), or(p.Total, cfg.total)
	}
	f.mode = a.req.modeAt(index)
	return &f.live
}

// or is v, or def if v is zero.
func or[V comparable](v, def V) V {
	var zero V
	if v == zero {
		return def
	}
	return v
}

// run passes the stream on to its end. It returns nil if the stream was whole
// or the consumer left.
func (f *flow[Req, T]) run() error {
	req := f.s.reqFor(f.index, f.mode)
	if f.p.Adapt != nil {
		req = f.p.Adapt(req)
	}
	f.a.asked = true
	f.done = f.a.ctx.Done()
	items := f.p.Do(f.a.ctx, req)
	if items == nil {
		return &Error{Class: ClassIncomplete, Err: ErrEmpty}
	}
	var failure error
	for item, err := range items {
		if err != nil {
			failure = err
			break
		}
		if !f.take(item) {
			break
		}
	}
	return f.over(failure)
}

// take takes one item in and says whether to go on.
func (f *flow[Req, T]) take(item T) bool {
	select {
	case <-f.done: // the provider did not look
		return false
	default:
	}
	final := f.p.Final != nil && f.p.Final(item)
	f.final = f.final || final
	content := !final
	if f.p.Content != nil {
		content = f.p.Content(item)
	}
	if content {
		f.alive++
		if f.began < 0 && !f.begin() {
			return false
		}
	}
	if f.committed {
		return f.emit(item)
	}
	if !content && f.p.Progress != nil && f.p.Progress(item) {
		f.progress()
	}
	return f.hold(item)
}

// begin notes the first content. It reports false if it came too late.
func (f *flow[Req, T]) begin() bool {
	if !f.watch.alive() {
		return false
	}
	f.began = f.core.now()
	took := f.began - f.a.start
	f.a.e.stats.observe(f.began, took)
	limit := f.core.cfg.breaker.SlowCall
	f.slow = limit > 0 && took > int64(limit)
	return true
}

// hold keeps an item back and commits when enough are held.
func (f *flow[Req, T]) hold(item T) bool {
	f.held = append(f.held, item)
	p := &f.core.cfg.commit
	full := len(f.held) > p.MaxHeld
	switch {
	case p.Whole:
		f.long = full
		f.word.Store(f.alive << 1)
		return !full
	case f.began < 0 && !full:
		return true
	case full, p.Items == 0 && p.For == 0, p.Items > 0 && f.alive >= uint64(p.Items),
		p.For > 0 && f.core.now()-f.began >= int64(p.For):
		return f.commit()
	default:
		f.word.Store(f.alive << 1)
		return true
	}
}

// commit lets the consumer have what is held: from here on a failure shows. It
// reports false if the stream is not wanted.
func (f *flow[Req, T]) commit() bool {
	if f.p.Validate != nil {
		if err := f.p.Validate(f.a.ctx, f.s.req, f.held); err != nil {
			f.rejected, f.a.resp = &rejection{err}, f.held
			return false
		}
	}
	if f.relay != nil && !f.relay.enter(f.done) {
		return false
	}
	f.committed = true
	f.a.commit()
	held := f.held
	f.held = nil
	if f.mode == modeRestart {
		f.marker = true
		if !f.emit(f.p.Restarted()) {
			return false
		}
	}
	for _, item := range held {
		if !f.emit(item) {
			return false
		}
	}
	return true
}

// emit delivers an item and says whether the consumer wants more.
func (f *flow[Req, T]) emit(item T) bool {
	f.pending = item
	f.word.Store(f.alive<<1 | 1)
	var more bool
	if f.relay == nil {
		more = f.deliver()
	} else {
		more = f.relay.hand(f.done)
	}
	f.word.Store(f.alive << 1)
	return more
}

// deliver hands what is pending to the consumer, on its goroutine.
func (f *flow[Req, T]) deliver() bool {
	f.left = true // unless it says otherwise: it may panic
	if !f.shown {
		f.shown = true
		f.s.begin(f)
	}
	if f.marker {
		f.marker = false
	} else {
		f.items++
		f.s.count(f)
	}
	f.left = !f.s.yield(f.pending, nil)
	return !f.left
}

// over says what the end of the stream means, however it came.
func (f *flow[Req, T]) over(failure error) error {
	switch {
	case f.left:
		return nil
	case f.rejected != nil:
		return f.rejected
	case f.long:
		return &Error{Class: ClassIncomplete, Err: ErrTooMuchHeld}
	case f.final:
		return f.whole() // what comes after the end marker is no loss
	case failure != nil:
		return failure
	case f.a.ctx.Err() != nil:
		return context.Cause(f.a.ctx) // it was cut, and ended as if it were whole
	case f.p.Final != nil:
		return &Error{Class: ClassIncomplete, Err: ErrTruncated}
	default:
		return f.whole()
	}
}

// whole delivers what is still held of a stream that ended well.
func (f *flow[Req, T]) whole() error {
	if f.committed {
		return nil
	}
	// Nothing may be left of a stream that is continued; its end marker says so.
	nothingLeft := f.mode == modeContinue && f.final
	if f.alive == 0 && !f.core.cfg.allowEmpty && !nothingLeft {
		return &Error{Class: ClassIncomplete, Err: ErrEmpty}
	}
	switch {
	case f.commit(), f.left:
		return nil
	case f.rejected != nil:
		return f.rejected
	default:
		return context.Cause(f.a.ctx)
	}
}
