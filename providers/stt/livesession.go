package stt

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gofailover/failover"
)

// liveError is a sentinel of live sessions, safe to print.
type liveError string

func (e liveError) Error() string { return string(e) }

// SafeToPrint says that the text holds nothing secret.
func (e liveError) SafeToPrint() {}

// Errors of live sessions, to be compared with errors.Is.
const (
	// ErrSessionOver is returned by Write once the session was finished, closed
	// or has ended.
	ErrSessionOver = liveError("stt: the session takes no more audio")
	// ErrLiveSilent is the cause of a connection whose provider said nothing of
	// the audio it was given, or did not take it; see LiveRequest.Quiet.
	ErrLiveSilent = liveError("the provider says nothing of the audio")
	// ErrLiveNoFinal is the cause of a connection that gave no final result
	// until the buffer was full.
	ErrLiveNoFinal = liveError("the provider gives no final result")
	// ErrLiveSkipped is the cause of a connection that went on without a final
	// result of audio in which something sounds.
	ErrLiveSkipped = liveError("the provider left out some of the audio")
	// ErrLiveAhead is the cause of a connection that told times of audio that
	// it was not given yet: what it has really written down cannot be told.
	ErrLiveAhead = liveError("the provider tells times beyond the audio")
	// ErrLiveUnheard is the cause of a connection that ended in good order
	// without a word about some of the audio.
	ErrLiveUnheard = liveError("the provider ended without a word about some of the audio")
	// ErrLiveExpired is what an adapter returns, or wraps, when the vendor
	// ended a connection because its time was over, or nobody had spoken for
	// long. It is no failure: the same provider is dialed again, unless it had
	// not lasted for LiveRequest.Quiet.
	ErrLiveExpired = liveError("the vendor's time for one connection was over")
)

// Session is live audio on its way to being written down. Write, Finish,
// Results and the rest may be used from different goroutines; each of Write and
// Results from one at a time. It must be closed.
//
// Results must be read while audio is written: when an hour of them waits, no
// more audio is sent.
type Session struct {
	router *failover.StreamRouter[LiveRequest, LiveEvent]
	req    LiveRequest
	tempo  tempo
	ctx    context.Context //nolint:containedctx // of the session
	cancel context.CancelFunc
	done   chan struct{} // run has returned
	over   chan struct{} // there will be no more results

	mu      sync.Mutex // guards the rest
	changed sync.Cond
	ring    ring
	due     time.Time // by when the audio written so far will have been spoken
	ledger  ledger
	advance time.Time // when settled moved last
	inbox   inbox
	outage  *outage
	trouble trouble
	summary LiveSummary
	commit  int64 // up to here a final result is wanted; see Commit
	input   bool  // no more audio comes
	ended   bool  // over is closed
	closed  bool  // by the user
	ranged  bool
	err     error
	panic   any
}

// slack is how far ahead of real time audio may come and still count as live:
// callers gather some before they write.
const slack = time.Second

func newSession(ctx context.Context, router *failover.StreamRouter[LiveRequest, LiveEvent], req LiveRequest) *Session {
	req = req.complete()
	s := &Session{router: router, req: req, tempo: tempoOf(req.Format), done: make(chan struct{}), over: make(chan struct{})}
	s.req.session = s
	s.changed.L = &s.mu
	s.ring.most = int(s.tempo.bytes(req.Buffer))
	s.ctx, s.cancel = context.WithCancel(ctx)
	context.AfterFunc(s.ctx, s.wake)
	go s.run()
	return s
}

// wake lets everybody look again who waits for a change.
func (s *Session) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed.Broadcast()
}

// Write adds audio, in the format of the session, and keeps none of p. It
// returns at once for audio that comes in real time; audio that comes faster
// waits while the buffer is full. A last part of a sample waits for its rest.
// Its error is [ErrSessionOver], joined with the session's error if it ended
// with one.
func (s *Session) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	written := 0
	for {
		if s.input || s.ended || s.ctx.Err() != nil {
			return written, s.overErr()
		}
		if written == len(p) {
			return written, nil
		}
		room := s.room(len(p) - written)
		if room == 0 {
			continue // it was waited for
		}
		piece := p[written : written+room]
		s.ring.write(piece)
		s.due = later(s.due, time.Now()).Add(s.tempo.span(int64(room)))
		written += room
		s.changed.Broadcast()
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (s *Session) overErr() error {
	if s.err != nil {
		return errors.Join(ErrSessionOver, s.err)
	}
	return ErrSessionOver
}

// room makes room for some of n bytes and says for how many. Where there is
// none it waits for a change and says 0, or gives up the oldest audio: live
// audio does not wait.
func (s *Session) room(n int) int {
	if room := min(n, s.ring.room()); room > 0 {
		return room
	}
	if ahead := time.Until(s.due) - slack; ahead > 0 {
		timer := time.AfterFunc(ahead, s.wake)
		s.changed.Wait()
		timer.Stop()
		return 0
	}
	n = min(n, s.ring.most)
	frame := int(s.tempo.frame)
	s.ring.release(s.ring.start + int64((n+frame-1)/frame*frame))
	return min(n, s.ring.room())
}

// Commit asks for a final result of the audio that was written so far, because
// the application knows that the speaker is done, say. It does not wait for it.
// The vendor may have nothing to add; in the middle of a word it cuts it.
func (s *Session) Commit() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commit = s.tempo.whole(s.ring.end)
	s.changed.Broadcast()
}

// Finish says that there is no more audio, and waits until the last final
// result is there to be read, the session has ended otherwise, or ctx ends. It
// returns the session's error, nil if everything was written down or the
// session was closed, or that of ctx. A last part of a sample is left out.
func (s *Session) Finish(ctx context.Context) error {
	s.mu.Lock()
	s.input = true
	s.changed.Broadcast()
	s.mu.Unlock()
	select {
	case <-s.over:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return s.verdict()
}

// verdict is how the session ended. A panic of an adapter, or of an observer,
// goes on here and in Results.
func (s *Session) verdict() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.panic != nil {
		panic(s.panic)
	}
	return s.err
}

// Close ends the session at once and returns when nothing of it is left
// running. Results that wait are still there to be read. It always returns nil.
func (s *Session) Close() error {
	s.mu.Lock()
	if !s.ended {
		s.closed = true
	}
	s.mu.Unlock()
	s.cancel()
	<-s.done
	return nil
}

// Results yields what is written down as it comes, and ends when the session
// does, with its error if it ended with one. It may be ranged over once. To
// leave the loop closes the session.
//
// The error is the router's: of a session that nobody could serve it matches
// failover.ErrAllFailed, failover.ErrNoneAvailable or failover.ErrInterrupted,
// and that of the context if it ended.
func (s *Session) Results() iter.Seq2[LiveResult, error] {
	return func(yield func(LiveResult, error) bool) {
		s.mu.Lock()
		again := s.ranged
		s.ranged = true
		s.mu.Unlock()
		if again {
			yield(LiveResult{}, failover.ErrStreamUsed)
			return
		}
		defer s.Close() // however the loop is left
		for {
			r, ok := s.next()
			if !ok {
				break
			}
			if !yield(r, nil) {
				return
			}
		}
		if err := s.verdict(); err != nil {
			yield(LiveResult{}, err)
		}
	}
}

// next waits for a result; false if none comes any more.
func (s *Session) next() (LiveResult, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if r, ok := s.inbox.take(); ok {
			s.changed.Broadcast() // audio may be held back
			return r, true
		}
		if s.ended {
			return LiveResult{}, false
		}
		s.changed.Wait()
	}
}

// run serves the session by one stream of the router after the other.
func (s *Session) run() {
	defer close(s.done)
	defer s.cancel()
	returned := false
	defer func() {
		p := recover()
		if p == nil && !returned { // runtime.Goexit
			p = failover.ErrPanicked
		}
		s.end(nil, p)
	}()
	for s.work(s.ctx) {
		before := s.settled()
		err := s.serve()
		if err == nil {
			break
		}
		if wait, ok := s.goesOn(err, s.settled() > before); !ok || !s.pause(wait) {
			s.end(err, nil)
			break
		}
	}
	returned = true
}

// end closes the results, once.
func (s *Session) end(err error, panicked any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		if s.panic == nil {
			s.panic = panicked
		}
		return
	}
	switch {
	case s.closed:
		err = nil
	case err != nil || !s.complete():
		err = endedBy(s.ctx, err)
	}
	if err != nil {
		s.lose(s.tempo.bytes(s.ledger.settled), s.ring.end)
	}
	s.err, s.panic, s.ended = err, panicked, true
	close(s.over)
	s.changed.Broadcast()
}

// endedBy adds to the error of a session the end of its context, if that is why
// and it does not say so.
func endedBy(ctx context.Context, err error) error {
	for _, why := range []error{ctx.Err(), context.Cause(ctx)} {
		if why != nil && !errors.Is(err, why) {
			err = errors.Join(err, why)
		}
	}
	return err
}

// complete says that there is no more audio, and nothing left to be written
// down.
func (s *Session) complete() bool {
	return s.input && s.quietFrom(s.tempo.bytes(s.ledger.settled))
}

// work waits until there is audio to be written down; false if there is none
// any more, or ctx has ended.
func (s *Session) work(ctx context.Context) bool {
	stop := context.AfterFunc(ctx, s.wake)
	defer stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case ctx.Err() != nil, s.complete():
			return false
		case s.input, s.tempo.whole(s.ring.end) > s.tempo.bytes(s.ledger.settled):
			return true
		}
		s.changed.Wait()
	}
}

// quietFrom says that nothing sounds in the audio after an offset: not for a
// moment.
func (s *Session) quietFrom(offset int64) bool {
	return s.sounds(offset, s.tempo.whole(s.ring.end), 1) == 0
}

// serve is one stream of the router: a connection and, if it breaks off, those
// that take over.
func (s *Session) serve() error {
	for event, err := range s.router.Stream(s.ctx, s.req) {
		if err != nil {
			return err
		}
		s.take(&event)
	}
	return nil
}

// Waits before the router is asked once more when nobody could serve.
const (
	firstWait = 250 * time.Millisecond
	lastWait  = 4 * time.Second
)

// trouble is since when, and how often, nobody could serve.
type trouble struct {
	since time.Time
	tries int
}

// settled is up to where the audio is written down.
func (s *Session) settled() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.settled
}

// goesOn says whether to try again, and after which wait. advanced says that
// some of the audio was written down before it broke off.
func (s *Session) goesOn(err error, advanced bool) (time.Duration, bool) {
	if s.ctx.Err() != nil || !hopeful(err, advanced) {
		return 0, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := &s.trouble
	if t.since.IsZero() {
		t.since = time.Now()
	}
	if t.tries++; t.tries == 1 {
		return 0, true
	}
	wait := min(firstWait<<min(t.tries-2, 10), lastWait)
	wait = wait/2 + rand.N(wait/2) //nolint:gosec // spreading load needs no secret numbers
	left := s.req.Patience - time.Since(t.since)
	return min(wait, left), left > 0
}

// hopeful says whether the same may go well a little later. That a vendor does
// not take the audio is not to be believed once it has written some of it down.
func hopeful(err error, advanced bool) bool {
	if errors.Is(err, failover.ErrClosed) {
		return false
	}
	var attempts []failover.Attempt
	if e, ok := errors.AsType[*failover.NoneAvailableError](err); ok {
		return !e.RetryAt.IsZero()
	} else if e, ok := errors.AsType[*failover.AllFailedError](err); ok {
		attempts = e.Attempts
	} else if e, ok := errors.AsType[*failover.InterruptedError](err); ok {
		attempts = e.Attempts
	}
	for _, a := range attempts {
		switch a.Class() {
		case failover.ClassTransient, failover.ClassTimeout, failover.ClassRateLimited, failover.ClassIncomplete, failover.ClassUnknown:
			return true
		case failover.ClassUnsupported:
			if advanced {
				return true
			}
		default:
		}
	}
	return false
}

// pause waits; false if the session ended meanwhile.
func (s *Session) pause(d time.Duration) bool {
	if d <= 0 {
		return s.ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
