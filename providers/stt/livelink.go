package stt

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/gofailover/failover"
)

// leg is an attempt at one provider: a connection, and those that follow it at
// the same provider when the vendor's time for one is over.
type leg struct {
	s       *Session
	p       LiveProvider
	yield   func(LiveEvent, error) bool
	yielded bool
	left    bool // nothing more is wanted
}

func (l *leg) run(ctx context.Context) {
	for {
		err := l.connect(ctx)
		switch {
		case l.left:
			return
		case err == errRenew: //nolint:errorlint // broke has just said so
			continue
		case err != nil:
			l.yield(LiveEvent{}, err)
		}
		return
	}
}

// errRenew says that the same provider is to be dialed again.
const errRenew = liveError("to be dialed again")

// give passes an event on to the router, and says whether it wants more.
func (l *leg) give(e LiveEvent) bool {
	l.yielded = true
	l.left = !l.yield(e, nil)
	return !l.left
}

// link is one connection.
type link struct {
	leg    *leg
	s      *Session
	conn   LiveConn
	opened time.Time
	cut    time.Duration // of the ledger, when it began
	heard  chan heard    // from receive
	failed chan error    // from the others that work on it

	// Guarded by the session's lock.
	seams     []seam
	sent      int64     // audio up to here was given to it
	committed int64     // up to here a final result was asked for, because the user did
	answered  int64     // audio up to here was answered
	answerAt  time.Time // when it said something last
	since     time.Time // when audio began to wait for an answer; zero: none does
	asked     time.Time // when a final result was asked for last
	asking    bool      // and it was not sent yet
	flushed   bool      // it was sent, and not answered
	sending   time.Time // when it began to take the audio that it is taking; zero: none
	behind    time.Time // when it had not been given all for the last time
	pinged    time.Time // when it was asked whether the vendor is there; zero: it is
	finished  time.Time // when it was told that there is no more
	adopted   time.Time // when its first answer came
	lost      []LiveGap // by its beginning or by a seam, until it is adopted
	model, id string
}

// seam is where a link's audio begins, or goes on after some was lost.
type seam struct{ conn, session time.Duration }

type heard struct {
	event LiveEvent
	err   error
}

const (
	// chunkMost is how much audio is sent at once, chunkLeast how much is worth
	// a message.
	chunkMost  = 250 * time.Millisecond
	chunkLeast = 20 * time.Millisecond
	// keepAlive is how often a vendor is told, and asked, that the connection
	// is alive. The strictest closes after 10 s.
	keepAlive = 4 * time.Second
	// standing is how long a connection without anything to answer must have
	// stood to count as good: vendors that accept a socket and then refuse take
	// some hundred milliseconds for that.
	standing = 2 * time.Second
	// enough is how much audio that sounds deserves an answer. It is longer
	// than any cough, and no vendor takes so much for an interim result.
	enough = time.Second
	// rounding is how far beyond the audio the times of a vendor may be: they
	// come in steps, of half a second at the most.
	rounding = time.Second
	// unsaid is how much audio that sounds may be left out, between two final
	// results or when a provider has said all: the end of a word, but no word.
	unsaid = 300 * time.Millisecond
	// lastWords is how long a broken connection is listened to for what the
	// vendor had to say of it.
	lastWords = 250 * time.Millisecond
)

// connect opens a connection and works on it to its end.
func (l *leg) connect(ctx context.Context) (err error) {
	s := l.s
	if !s.work(ctx) {
		if ctx.Err() == nil { // there is nothing to do, and this provider has no part in it
			s.end(nil, nil)
			s.cancel()
		}
		return context.Canceled
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	conn, err := l.dial(ctx)
	if err != nil {
		return s.broke(ctx, &link{leg: l, s: s}, err)
	}
	k := &link{
		leg: l, s: s, conn: conn, opened: time.Now(),
		heard: make(chan heard), failed: make(chan error, 3),
	}
	k.begin()
	var working sync.WaitGroup
	defer func() {
		cancel()
		_ = conn.Close()
		working.Wait()
	}()
	k.work(&working, func() error { return k.receive(ctx) })
	k.work(&working, func() error { return k.pump(ctx) })
	k.work(&working, func() error { return k.keep(ctx) })
	err = k.run(ctx)
	if p, ok := errors.AsType[*panicked](err); ok {
		panic(p.value)
	}
	if err == nil || l.left {
		return nil
	}
	if k.unanswered() { // a connection may end because of that
		err = silent()
	}
	if err = s.broke(ctx, k, err); err == nil {
		k.end()
	}
	return err
}

// dial opens a connection in time.
func (l *leg) dial(ctx context.Context) (LiveConn, error) {
	inTime, cancel := context.WithTimeout(ctx, l.s.req.Quiet)
	defer cancel()
	req := l.s.req
	req.session = nil
	conn, err := l.p.Dial(inTime, req)
	switch {
	case err != nil && inTime.Err() != nil && ctx.Err() == nil:
		return nil, &failover.Error{Class: failover.ClassTimeout, Err: failover.ErrAttemptTimeout}
	case err == nil && conn == nil:
		return nil, &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrEmpty}
	}
	return conn, err
}

// panicked carries a panic from a goroutine of a link to that of the session.
type panicked struct{ value any }

func (p *panicked) Error() string { return failover.ErrPanicked.Error() }

// work runs a part of the link. Its error, if any, breaks the link.
func (k *link) work(working *sync.WaitGroup, part func() error) {
	working.Go(func() {
		returned := false
		defer func() {
			if p := recover(); p != nil {
				k.failed <- &panicked{p}
			} else if !returned { // runtime.Goexit
				k.failed <- &panicked{failover.ErrPanicked}
			}
		}()
		if err := part(); err != nil {
			k.failed <- err
		}
		returned = true
	})
}

// receive passes on what the vendor says.
func (k *link) receive(ctx context.Context) error {
	for {
		var h heard
		h.event, h.err = k.conn.Receive(ctx)
		select {
		case k.heard <- h:
		case <-ctx.Done():
			return nil
		}
		if h.err != nil {
			return nil //nolint:nilerr // it was passed on
		}
	}
}

// keep keeps the connection alive.
func (k *link) keep(ctx context.Context) error {
	ticker := time.NewTicker(keepAlive)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := k.keepAlive(ctx); err != nil {
				return err
			}
		}
	}
}

func (k *link) keepAlive(ctx context.Context) error {
	k.asks(time.Now())
	inTime, cancel := context.WithTimeout(ctx, k.s.req.Quiet)
	defer cancel()
	err := k.conn.KeepAlive(inTime)
	if err == nil {
		k.asks(time.Time{})
	}
	return err
}

// silent is the error of a provider that says nothing.
func silent() error { return &failover.Error{Class: failover.ClassTimeout, Err: ErrLiveSilent} }

// pump sends audio as it comes.
func (k *link) pump(ctx context.Context) error {
	stop := context.AfterFunc(ctx, k.s.wake)
	defer stop()
	buf := make([]byte, k.s.tempo.bytes(chunkMost))
	for {
		var err error
		n, what := k.next(ctx, buf)
		switch what {
		case sendAudio:
			err = k.conn.Send(ctx, buf[:n])
		case sendFlush:
			err = k.conn.Flush(ctx)
		case sendFinish:
			return k.conn.Finish(ctx)
		case sendNothing:
			return nil
		}
		if err != nil {
			return err
		}
		k.taken()
	}
}

// run listens, and watches that there is something to be heard.
func (k *link) run(ctx context.Context) error {
	ticker := time.NewTicker(k.s.req.Quiet / 5)
	defer ticker.Stop()
	var broken error // it is listened to what the vendor says of it
	var last <-chan time.Time
	for {
		select {
		case h := <-k.heard:
			if h.err != nil {
				return k.over(h.err, broken)
			}
			if err := k.said(h.event); err != nil || k.leg.left {
				return err
			}
		case err := <-k.failed:
			if _, ok := errors.AsType[*panicked](err); ok {
				return err
			}
			if broken == nil {
				broken, last = err, time.After(lastWords)
			}
		case <-last:
			return broken
		case <-ticker.C:
			if err := k.watch(); err != nil {
				return err
			}
			if k.stands() && !k.leg.give(LiveEvent{kind: eventStood, link: k}) {
				return nil
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// over says what the end of what the vendor says means.
func (k *link) over(err, broken error) error {
	s := k.s
	s.mu.Lock()
	finished := !k.finished.IsZero()
	heard := s.sounds(s.tempo.bytes(s.ledger.settled), k.sent, unsaid) < unsaid
	s.mu.Unlock()
	if !errors.Is(err, io.EOF) {
		if _, ok := errors.AsType[*failover.Error](err); !ok && broken != nil {
			return broken // it is what caused the other
		}
		return err
	}
	switch {
	case !finished:
		return &failover.Error{Class: failover.ClassIncomplete, Err: failover.ErrTruncated}
	case !heard:
		return &failover.Error{Class: failover.ClassIncomplete, Err: ErrLiveUnheard}
	}
	k.end()
	return nil
}

// end tells the router that all was said.
func (k *link) end() {
	if k.leg.yielded || k.leg.give(LiveEvent{kind: eventStood, link: k}) {
		k.leg.give(LiveEvent{kind: eventEnd, link: k})
	}
}
