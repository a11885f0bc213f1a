package failover

import "context"

// live is what the engine knows of an attempt's stream: everything but its
// items.
type live struct {
	watch

	settle    func(error)     // tells the breaker how it ended; nil once told
	parent    context.Context //nolint:containedctx // of the attempt's own, without its watch
	relay     *relay          // to the consumer's goroutine, under hedging
	flow      flowing
	began     int64 // when the first content came, since the epoch; -1: not yet
	settled   int64 // when a trial was settled, at the commit point
	items     int   // delivered
	slow      bool  // the first content came later than SlowCall
	trial     bool  // it was one, and its slot was given back at the commit point
	mode      mode
	committed bool
	final     bool // the end marker came
	left      bool // the consumer left its loop
	restarts  bool // the next item is the marker of a router inside
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
	modeNone // it cannot take over
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
	req      Req
	contents int    // items with content, so far
	alive    uint64 // those and items that show progress
	held     []T
	room     [2]T // for held: it is seldom more than metadata and the first content
	pending  T    // on its way to the consumer's goroutine
	failure  error
	ended    bool // nothing more is wanted of the provider
	marker   bool // what is delivered is the marker of a restart
	lost     bool // an item could not be handed over
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
	f.held = f.room[:0]
	f.mode = a.req.modeAt(index)
	f.req = a.req.reqFor(index, f.mode)
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
	if f.mode == modeNone {
		return &Error{Class: ClassUnsupported, Err: errCannotResume}
	}
	req := f.req
	if f.p.Adapt != nil {
		req = f.p.Adapt(req)
	}
	f.a.asked = true
	items := f.p.Do(f.a.ctx, req)
	if items == nil {
		return &Error{Class: ClassIncomplete, Err: ErrEmpty}
	}
	// Not a range loop: that would panic if the provider went on after it was
	// told to stop.
	items(f.next)
	return f.over()
}

// errCannotResume is the cause of an attempt that should take over and cannot.
const errCannotResume = sentinel("the stream cannot be resumed here")

// next takes what the provider yields and says whether to go on.
func (f *flow[Req, T]) next(item T, err error) bool {
	switch {
	case f.ended:
	case err != nil:
		f.failure, f.ended = err, true
	default:
		f.ended = !f.take(&item)
	}
	return !f.ended
}

// take takes one item in and says whether to go on. Items go by pointer on
// their way through: a large one is copied for each function that it passes.
func (f *flow[Req, T]) take(item *T) bool {
	if f.a.ctx.Err() != nil && !f.final { // the provider did not look
		return false
	}
	if f.restarts {
		f.restarts = false
		return f.begunAgain(item)
	}
	final := f.p.Final != nil && f.p.Final(*item)
	content := !final
	if f.p.Content != nil {
		content = f.p.Content(*item)
	}
	progress := !content && f.p.Progress != nil && f.p.Progress(*item)
	switch {
	case content:
		f.contents++
		f.alive++
		if f.began < 0 && !f.begin() {
			return false
		}
	case progress && f.began < 0:
		f.progress()
	case progress:
		f.alive++ // a model may think between two things that it says
	}
	if final && !f.final {
		f.final = true
		f.closing()
	}
	if f.committed {
		return f.emit(item)
	}
	return f.hold(item)
}

// begunAgain passes on the marker with which a router inside began again.
// Before the commit point it is nobody's business.
func (f *flow[Req, T]) begunAgain(marker *T) bool {
	if !f.committed {
		f.held, f.contents = f.held[:0], 0
		return true
	}
	f.marker = true
	return f.emit(marker)
}

// gone is closed when nobody waits for items any more. What comes up to the end
// marker must come in time; what was held of it then is only delivered.
func (f *flow[Req, T]) gone() <-chan struct{} {
	if f.final {
		return f.parent.Done()
	}
	return f.a.ctx.Done()
}

// begin notes the first content. It reports false if it came too late.
func (f *flow[Req, T]) begin() bool {
	now := f.core.now()
	if !f.watch.alive(now) {
		return false
	}
	f.began = now
	took := f.began - f.a.start
	f.a.e.stats.observe(f.began, took)
	limit := f.core.cfg.breaker.SlowCall
	f.slow = limit > 0 && took > int64(limit)
	return true
}

// hold keeps an item back and commits when enough are held.
func (f *flow[Req, T]) hold(item *T) bool {
	f.held = append(f.held, *item)
	p := &f.core.cfg.commit
	full := len(f.held) > p.MaxHeld
	switch {
	case p.Whole:
		f.long = full
		f.word.Store(f.alive << 1)
		return !full
	case f.began < 0 && !full:
		return true
	case full, p.Items == 0 && p.For == 0, p.Items > 0 && f.contents >= p.Items,
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
	f.word.Store(f.alive<<1 | 1) // what follows is not the provider's time
	if !f.accept() || f.relay != nil && !f.relay.enter(f.gone()) {
		f.word.Store(f.alive << 1)
		return false
	}
	f.word.Store(f.alive << 1)
	f.committed = true
	f.a.commit()
	held := f.held
	f.held = nil
	if f.mode == modeRestart {
		f.marker = true
		marker := f.p.Restarted()
		if !f.emit(&marker) {
			return false
		}
	}
	for i := range held {
		if !f.emit(&held[i]) {
			return false
		}
	}
	return true
}

// accept says whether what is held is good enough.
func (f *flow[Req, T]) accept() bool {
	if f.p.Validate == nil {
		return true
	}
	ctx := f.a.ctx
	if f.final {
		ctx = f.parent // all came in time
	}
	if err := f.p.Validate(ctx, f.s.req, f.held); err != nil {
		f.rejected, f.a.resp = &rejection{err}, f.held
		return false
	}
	return true
}

// emit delivers an item and says whether the consumer wants more.
func (f *flow[Req, T]) emit(item *T) bool {
	f.word.Store(f.alive<<1 | 1)
	var more bool
	if f.relay == nil {
		more = f.pass(item)
	} else {
		f.pending = *item
		more = f.relay.hand(f.gone())
		f.lost = !more && !f.left
	}
	f.word.Store(f.alive << 1)
	return more
}

// deliver hands what is pending to the consumer, on its goroutine.
func (f *flow[Req, T]) deliver() bool { return f.pass(&f.pending) }

// pass hands an item to the consumer, on its goroutine.
func (f *flow[Req, T]) pass(item *T) bool {
	if !f.shown {
		f.shown = true
		f.s.begin(f)
	}
	if f.marker {
		f.marker = false
		f.s.restart()
	} else {
		f.items++
		f.s.count(f, item)
	}
	f.left, f.s.left = true, true // unless it says otherwise: it may panic
	more := f.s.yield(*item, nil)
	f.left, f.s.left = !more, !more
	return more
}

// over says what the end of the stream means, however it came.
func (f *flow[Req, T]) over() error {
	switch {
	case f.left:
		return nil
	case f.rejected != nil:
		return f.rejected
	case f.lost:
		return f.parentErr()
	case f.long:
		return &Error{Class: ClassIncomplete, Err: ErrTooMuchHeld}
	case f.final:
		return f.whole() // what comes after the end marker is no loss
	case f.failure != nil:
		return f.failure
	case f.a.ctx.Err() != nil:
		return f.a.ctx.Err() // it was cut, and ended as if it were whole
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
		return f.parentErr()
	}
}

// parentErr is why nobody waits any more.
func (f *flow[Req, T]) parentErr() error {
	if err := f.a.ctx.Err(); err != nil {
		return err
	}
	return context.Canceled
}
