package failover

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Times of streams, where neither provider nor option says otherwise.
const (
	defaultFirstContent = 10 * time.Second
	defaultIdle         = 15 * time.Second
	// thinkingTime is what a provider that shows progress has for its first
	// content, from the start.
	thinkingTime = 2 * time.Minute
)

// WithFirstContent bounds the time to the first content of a stream whose
// provider sets no FirstContent of its own; the error is
// [ErrFirstContentTimeout]. Items without content do not count. Default 10 s;
// 0 turns it off.
func WithFirstContent(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithFirstContent")
		c.notNegative("WithFirstContent", d)
		c.firstContent = d
	})
}

// WithIdle bounds the time that a stream may go without content or progress
// after its first content, at a provider that sets no Idle of its own; the error
// is [ErrIdleTimeout]. Other items do not count, nor does the time that the
// consumer spends in its loop. The stream is cut between d and
// min(1.25 d, d + 0.5 s): an item then costs no timer. Default 15 s; 0 turns
// it off.
func WithIdle(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithIdle")
		c.notNegative("WithIdle", d)
		c.idle = d
	})
}

// WithTotal bounds the whole of a stream, at a provider that sets no Total of
// its own; the error is [ErrTotalTimeout]. The time that the consumer spends in
// its loop does not count, so a slow one blames nobody; to bound that too, give
// the context a deadline. It is measured in steps of a sixteenth of it, or of
// 0.5 s if that is less. Default 0: off.
func WithTotal(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithTotal")
		c.notNegative("WithTotal", d)
		c.total = d
	})
}

// watchStep is how often a stream is looked at, at the least.
const watchStep = 500 * time.Millisecond

// watch cuts an attempt's stream when it takes too long: by one timer, which
// first waits for content and then looks at a word that the stream moves on
// with each item.
type watch struct {
	// word is twice the number of live items so far, plus one while the
	// consumer has an item. Only the stream writes it.
	word  atomic.Uint64
	quiet atomic.Int64 // when silence began at the latest, since the epoch; 0 while the consumer has an item

	core  *core
	cut   context.CancelCauseFunc
	first time.Duration // as configured, like the next two
	idle  time.Duration
	total time.Duration

	mu     sync.Mutex // guards below
	timer  *time.Timer
	state  watchState
	start  int64 // since the epoch
	until  int64 // by when the first content must come
	room   time.Duration
	step   time.Duration
	seen   uint64        // the number of live items when last looked at
	busy   bool          // the consumer had an item then
	silent time.Duration // without one, in steps
	spent  time.Duration // in steps
}

type watchState uint8

const (
	watchFirst watchState = iota // for the first content
	watchItems                   // for items that keep coming
	watchLast                    // for the end, after its marker
	watchOver
)

// begin starts waiting for the first content; a limit of 0 is for as long as it
// takes. room is how long the caller's deadline lets it, 0 without one.
func (w *watch) begin(now int64, limit, room time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start, w.room = now, room
	if limit = w.within(limit); limit > 0 {
		w.until = now + int64(limit)
		w.timer = time.AfterFunc(limit, w.look)
	}
}

// within keeps a wait for content inside the whole; 0 is no limit.
func (w *watch) within(limit time.Duration) time.Duration {
	if w.total > 0 && (limit == 0 || w.total < limit) {
		return w.total
	}
	return limit
}

// alive goes over to watching the items that follow the first content. It
// reports false if the stream was cut just before.
func (w *watch) alive(now int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != watchFirst {
		return w.state != watchOver
	}
	w.state, w.step, w.spent = watchItems, w.pace(), time.Duration(now-w.start)
	switch {
	case w.step == 0:
		w.stopLocked()
	case w.timer == nil:
		w.timer = time.AfterFunc(w.step, w.look)
	default:
		w.timer.Reset(w.step)
	}
	return true
}

// progress gives a provider that is at work more time for its first content,
// as long as it goes on to show it.
func (w *watch) progress() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state != watchFirst || w.timer == nil || w.first == 0 {
		return
	}
	now := w.core.now()
	until := w.start + int64(thinkingTime)
	if w.idle > 0 {
		until = min(until, now+int64(max(w.idle, w.first)))
	}
	if w.total > 0 {
		until = min(until, w.start+int64(w.total))
	}
	if w.room > 0 {
		until = min(until, w.start+int64(w.room))
	}
	if until > w.until {
		w.until = until
		w.timer.Reset(time.Duration(until - now))
	}
}

// afterEnd is how long a stream may go on after its end marker.
const afterEnd = time.Second

// closing bounds what may follow the end marker.
func (w *watch) closing() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.state == watchOver {
		return
	}
	w.state = watchLast
	if w.timer == nil {
		w.timer = time.AfterFunc(afterEnd, w.look)
		return
	}
	w.timer.Reset(afterEnd)
}

// pace is how often to look, 0 for never.
func (w *watch) pace() time.Duration {
	step := watchStep
	switch {
	case w.idle == 0 && w.total == 0:
		return 0
	case w.idle > 0:
		step = min(step, w.idle/4)
	}
	if w.total > 0 {
		step = min(step, w.total/16)
	}
	return max(step, 1)
}

// look runs on the timer's goroutine.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.state {
	case watchFirst:
		if w.total > 0 && w.core.now()-w.start >= int64(w.total) {
			w.end(ErrTotalTimeout)
			return
		}
		w.end(ErrFirstContentTimeout)
	case watchItems:
		w.judge()
	case watchLast:
		if w.word.Load()&1 == 1 { // the consumer's time is nobody's
			w.timer.Reset(afterEnd)
			return
		}
		w.end(ErrIdleTimeout)
	case watchOver:
	}
}

// judge looks whether there were items since the last step.
func (w *watch) judge() {
	word := w.word.Load()
	moved, wasBusy := word>>1 != w.seen, w.busy
	w.seen, w.busy = word>>1, word&1 == 1
	switch {
	case moved:
		w.silent = 0
	case !w.busy && !wasBusy: // of a step that the consumer had a part in nobody knows whose it was
		w.silent += w.step
	}
	switch {
	case w.busy:
		w.quiet.Store(0)
	case moved || wasBusy || w.quiet.Load() == 0:
		w.quiet.Store(w.core.now())
	}
	if !w.busy {
		w.spent += w.step
	}
	switch {
	case w.idle > 0 && w.silent >= w.idle:
		w.end(ErrIdleTimeout)
	case w.total > 0 && w.spent >= w.total:
		w.end(ErrTotalTimeout)
	default:
		w.timer.Reset(w.step)
	}
}

func (w *watch) end(why error) {
	w.state = watchOver
	w.cut(why)
}

// stop ends watching and releases the attempt's context.
func (w *watch) stop() {
	w.mu.Lock()
	w.state = watchOver
	w.stopLocked()
	w.mu.Unlock()
	w.cut(nil)
}

func (w *watch) stopLocked() {
	if w.timer != nil {
		w.timer.Stop()
	}
}

// silence is for how long there was surely no live item.
func (w *watch) silence(now int64) int64 {
	if since := w.quiet.Load(); since > 0 && w.word.Load()&1 == 0 {
		return now - since
	}
	return 0
}

// leastSilence is after how much silence a stream that its caller's deadline
// ends is the provider's failure.
const leastSilence = 2 * time.Second

// hadItsTimeAt says whether a stream that was ended from outside had fallen
// silent for so long that this is its provider's.
func (w *watch) hadItsTimeAt(now int64) bool {
	line := leastSilence
	if w.idle > 0 {
		line = min(line, w.idle)
	}
	return w.silence(now) >= int64(line)
}
