package stt

import (
	"context"
	"time"

	"github.com/gofailover/failover"
)

// begin places a new link in the session's audio.
func (k *link) begin() {
	s := k.s
	s.mu.Lock()
	defer s.mu.Unlock()
	k.cut = s.ledger.cut
	if s.tempo.span(s.commit) <= s.ledger.settled {
		k.committed = s.commit
	}
	settled := s.tempo.bytes(s.ledger.settled)
	k.sent = s.tempo.bytes(s.ledger.place(k.leg.p.WordTimes))
	at := max(k.sent, s.ring.start)
	if at > settled && at > k.sent {
		at = s.hush(at)
	}
	k.seam(at, settled)
	k.answered, k.answerAt = k.sent, k.opened
}

// seam lets the link's audio go on at an offset. What is skipped by that, and is
// not written down, is lost.
func (k *link) seam(at, settled int64) {
	s := k.s
	if from := max(k.sent, settled); from < at {
		k.lose(LiveGap{s.tempo.span(from), s.tempo.span(at)})
	}
	conn := time.Duration(0)
	if n := len(k.seams); n > 0 {
		last := k.seams[n-1]
		conn = last.conn + s.tempo.span(k.sent) - last.session
	}
	k.seams = append(k.seams, seam{conn, s.tempo.span(at)})
	if k.sent = at; k.answered < at {
		k.answered = at
	}
}

// lose notes lost audio, which is told once the link delivers.
func (k *link) lose(gap LiveGap) {
	if k.adopted.IsZero() {
		k.lost = append(k.lost, gap)
		return
	}
	k.s.tell(gap)
}

// place is a time of the connection in the session's audio.
func (k *link) place(t time.Duration) time.Duration {
	at := k.seams[0]
	for _, seam := range k.seams[1:] {
		if seam.conn > t {
			break
		}
		at = seam
	}
	return at.session + max(0, t-at.conn)
}

// sending is what a connection is to be sent.
type sending uint8

const (
	sendNothing sending = iota // it is over
	sendAudio
	sendFlush
	sendFinish
)

// next waits for something to be sent, and copies audio to buf.
func (k *link) next(ctx context.Context, buf []byte) (n int, what sending) {
	s := k.s
	s.mu.Lock()
	defer s.mu.Unlock()
	for ctx.Err() == nil {
		if n, what = k.ready(int64(len(buf))); what != sendNothing {
			s.ring.copy(k.sent, buf[:n])
			k.sent += int64(n)
			k.sending = time.Now()
			return n, what
		}
		s.changed.Wait()
	}
	return 0, sendNothing
}

// ready is what can be sent now, of audio at most so many bytes.
func (k *link) ready(most int64) (n int, what sending) {
	s := k.s
	if s.inbox.full() && !s.input {
		return 0, sendNothing // until the consumer has read some
	}
	if k.sent < s.ring.start {
		k.skip()
	}
	left := s.tempo.whole(s.ring.end) - k.sent
	if k.committed < s.commit {
		if left = min(left, s.commit-k.sent); left <= 0 {
			k.committed = s.commit
			return k.flush()
		}
	}
	if k.unsettled() >= int64(s.ring.most)*3/4 && !k.flushed && !k.asking {
		k.asked, k.asking = time.Now(), true // while there is room to choose the place
	}
	if k.asking {
		if left = k.pause(min(left, most)); left < 0 {
			k.asking = false
			return k.flush()
		}
	}
	switch {
	case left > 0 && (s.input || left >= s.tempo.bytes(chunkLeast) || k.committed < s.commit || k.asking):
		return int(min(left, most)), sendAudio
	case s.input && left == 0:
		k.finished = time.Now()
		return 0, sendFinish
	}
	return 0, sendNothing
}

// unsettled is how much audio the connection was given that is not written down.
func (k *link) unsettled() int64 {
	s := k.s
	from := max(s.ledger.settled, k.seams[len(k.seams)-1].session)
	return k.sent - s.tempo.bytes(from)
}

// flush is what next returns to ask for a final result.
func (k *link) flush() (int, sending) {
	k.flushed = true
	return 0, sendFlush
}

// pause is how much of the next audio is to be sent before a final result is
// asked for: up to where nothing sounds, so that no word is cut. It is negative
// if that is now.
func (k *link) pause(left int64) int64 {
	s := k.s
	hush, window := s.tempo.bytes(hushTime), s.tempo.bytes(soundWindow)
	for n := int64(0); n <= left; n += window {
		if s.sounds(k.sent+n-hush, k.sent+n, 1) > 0 {
			continue
		}
		if n == 0 {
			return -1
		}
		return n
	}
	if time.Since(k.asked) >= s.req.Quiet/4 && s.drones(k.sent) {
		return -1
	}
	return left
}

// skip goes on where there is audio still: the connection, or the consumer, did
// not take it in time. It leaves a tenth of the buffer out besides, rather than
// one sample after the other.
func (k *link) skip() {
	r := &k.s.ring
	at := min(r.start+k.s.tempo.whole(int64(r.most/10)), k.s.tempo.whole(r.end))
	k.seam(k.s.hush(at), k.s.tempo.bytes(k.s.ledger.settled))
}

// taken notes that the connection took what it was given.
func (k *link) taken() {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.sending = time.Time{}
}

// said passes on what the vendor said, with the times of the session.
func (k *link) said(e LiveEvent) error {
	s := k.s
	s.mu.Lock()
	e.kind, e.link = eventSaid, k
	e.shift(k.place)
	sent := s.tempo.span(k.sent)
	switch {
	case e.reach() > sent+rounding:
		s.mu.Unlock()
		return &failover.Error{Class: failover.ClassIncomplete, Err: ErrLiveAhead}
	case k.skipped(&e):
		s.mu.Unlock()
		return &failover.Error{Class: failover.ClassIncomplete, Err: ErrLiveSkipped}
	}
	if e.upTo(sent); e.End > 0 {
		k.answered = max(k.answered, min(s.tempo.bytes(e.End), k.sent))
	} else {
		k.answered = k.sent
	}
	k.answerAt, k.since = time.Now(), time.Time{}
	k.flushed = k.flushed && !e.Final
	if e.Model != "" {
		k.model = e.Model
	}
	if e.RequestID != "" {
		k.id = e.RequestID
	}
	s.mu.Unlock()
	k.leg.give(e)
	return nil
}

// skipped says whether a final event leaves out audio, before it, in which
// something sounds.
func (k *link) skipped(e *LiveEvent) bool {
	s := k.s
	if !e.Final || e.End == 0 {
		return false
	}
	from := s.ledger.settled
	for _, seam := range k.seams {
		if seam.session <= e.Start {
			from = max(from, seam.session)
		}
	}
	return e.Start-from >= unsaid && s.sounds(s.tempo.bytes(from), s.tempo.bytes(e.Start), unsaid) >= unsaid
}

// asks notes that it is being asked whether the vendor is there, or, with no
// time, that it is.
func (k *link) asks(now time.Time) {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	k.pinged = now
}

// unanswered says that nothing came of asking whether the vendor is there.
func (k *link) unanswered() bool {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	return !k.pinged.IsZero() && time.Since(k.pinged) >= k.s.req.Quiet
}

// stands says that the connection has nothing to prove, and nobody knows yet.
func (k *link) stands() bool {
	k.s.mu.Lock()
	defer k.s.mu.Unlock()
	return !k.leg.yielded && k.since.IsZero() && time.Since(k.opened) >= standing
}

// watch says what is wrong with a link that is not broken.
func (k *link) watch() error {
	s := k.s
	s.mu.Lock()
	defer s.mu.Unlock()
	now, quiet := time.Now(), s.req.Quiet
	if s.sounds(k.answered, k.sent, enough) < enough {
		k.since = time.Time{}
	} else if k.since.IsZero() {
		k.since = now
	}
	past := func(since time.Time, d time.Duration) bool { return !since.IsZero() && now.Sub(since) >= d }
	stuck := past(k.sending, quiet) && past(k.answerAt, quiet)
	mute := past(k.finished, quiet) && past(k.answerAt, quiet)
	if past(k.since, quiet) || stuck || mute {
		return silent()
	}
	kept, most := s.ring.kept(), s.ring.most
	if int(s.ring.end-k.sent) > most/10 {
		k.behind = now // of what it did not get there can be no result
	}
	advanced := later(later(s.advance, k.opened), k.behind)
	live := time.Until(s.due) <= slack
	if live && kept >= most-most/10 && past(advanced, 2*quiet) {
		return &failover.Error{Class: failover.ClassTimeout, Err: ErrLiveNoFinal}
	}
	if past(k.since, quiet/3) || kept >= most/2 && past(advanced, quiet) {
		k.ask(now)
	}
	return nil
}

// ask lets a final result be asked for, if that was not done just now, and the
// answer is not due.
func (k *link) ask(now time.Time) {
	if !k.asking && !k.flushed && now.Sub(k.asked) >= k.s.req.Quiet/5 {
		k.asked, k.asking = now, true
	}
	if k.asking {
		k.s.changed.Broadcast() // it may have waited for long enough, too
	}
}
