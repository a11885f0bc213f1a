package stt

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gofailover/failover"
)

// LiveSummary is the story of a session, so far or whole.
type LiveSummary struct {
	// Duration is how much audio was written.
	Duration time.Duration `json:"duration"`
	// Settled is up to where it is written down for good, or reported as a gap.
	Settled time.Duration `json:"settled"`
	// Served are those who served, in their order.
	Served []LiveSpan `json:"served"`
	// Failovers are the times at which somebody had to take over.
	Failovers []LiveFailover `json:"failovers"`
	// Gaps are what nobody wrote down.
	Gaps []LiveGap `json:"gaps"`
	// BufferMost is the most audio that was kept at once, in bytes, and
	// BufferCap what it is bounded by.
	BufferMost int `json:"buffer_most"`
	BufferCap  int `json:"buffer_cap"`
}

// LiveSpan is what one provider served.
type LiveSpan struct {
	// Provider is its name.
	Provider string `json:"provider"`
	// Model is the vendor's id of the model, and RequestID that of the
	// connection, for its support desk; empty where it does not say.
	Model     string `json:"model,omitzero"`
	RequestID string `json:"request_id,omitzero"`
	// From is where its audio begins, and To where the last final result of it
	// ends.
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// LiveFailover is a connection that broke off, or could not be had, and what it
// cost.
type LiveFailover struct {
	// From is the provider that failed, To the one that took over, which may be
	// the same. To is empty while nobody has.
	From string `json:"from"`
	To   string `json:"to,omitzero"`
	// At is from where the audio had to be written down by another.
	At time.Duration `json:"at"`
	// Waited is for how long audio had been waiting for an answer when the
	// failure was noticed.
	Waited time.Duration `json:"waited"`
	// Took is how long it was from there to the first answer of the one that
	// took over.
	Took time.Duration `json:"took"`
	// Connections is how many did not come to an answer in between.
	Connections int `json:"connections,omitzero"`
	// Err is how it failed; it prints nothing secret.
	Err error `json:"-"`
}

// Delay is what the failover added to the results: Waited and Took.
func (f LiveFailover) Delay() time.Duration { return f.Waited + f.Took }

// Summary is the story of the session so far. It may be asked at any time.
func (s *Session) Summary() LiveSummary {
	s.mu.Lock()
	defer s.mu.Unlock()
	sum := s.summary
	sum.Duration = s.tempo.span(s.ring.end)
	sum.Settled = min(s.ledger.settled, sum.Duration)
	sum.BufferMost, sum.BufferCap = s.ring.peak, s.ring.most
	sum.Served, sum.Gaps = slices.Clone(sum.Served), slices.Clone(sum.Gaps)
	sum.Failovers = slices.Clone(sum.Failovers)
	if o := s.outage; o != nil {
		sum.Failovers = append(sum.Failovers, o.LiveFailover)
	}
	return sum
}

// outage is a failover that nobody has taken over yet.
type outage struct {
	LiveFailover

	noticed time.Time
}

// take takes in what an event says. It runs on the session's goroutine.
func (s *Session) take(e *LiveEvent) {
	if e.kind == eventEnd {
		s.end(nil, nil)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := e.link
	if k.adopted.IsZero() {
		s.adopt(k)
	}
	if e.kind == eventStood {
		return
	}
	again := len(e.Words) > 0
	fresh(e, k.cut)
	if again && len(e.Words) == 0 && s.ledger.paused == k.cut {
		e.EndOfSpeech = false // that was told when the words were
	}
	if e.Final {
		s.final(e)
	} else {
		s.show(s.result(e, s.ledger.settled))
	}
	served := &s.summary.Served[len(s.summary.Served)-1]
	served.Model, served.RequestID = k.model, k.id
}

// final takes in a final event.
func (s *Session) final(e *LiveEvent) {
	k := e.link
	if s.ledger.stood(e) {
		return // said before
	}
	before := s.ledger.settled
	s.ledger.settle(e, s.tempo.span(k.sent))
	if e.EndOfSpeech {
		s.ledger.paused = s.ledger.cut
	}
	if s.ledger.settled > before {
		s.advance, s.trouble = time.Now(), trouble{}
		s.ring.release(s.tempo.bytes(s.ledger.place(true)))
		s.summary.Served[len(s.summary.Served)-1].To = s.ledger.settled
		s.changed.Broadcast()
	}
	s.show(s.result(e, before))
}

// show lets the consumer have a result, if there is something in it for it.
func (s *Session) show(r LiveResult) {
	b := &s.inbox
	switch {
	case r.Text != "":
		b.paused = r.Final && r.EndOfSpeech
	case r.EndOfSpeech && !b.paused && b.spoke:
		r.Final, b.paused = true, true
	case b.shown: // there was a text, and now there is none
		r.Final, r.EndOfSpeech = false, false
	default:
		return
	}
	b.spoke = b.spoke || r.Text != ""
	if !r.Final && s.req.NoInterims {
		return
	}
	b.add(r)
	s.changed.Broadcast()
}

// adopt lets a link deliver.
func (s *Session) adopt(k *link) {
	now := time.Now()
	k.adopted = now
	s.summary.Served = append(s.summary.Served, LiveSpan{
		Provider: k.leg.p.Name, From: k.seams[0].session, To: s.ledger.settled,
	})
	if o := s.outage; o != nil {
		o.To, o.Took = k.leg.p.Name, now.Sub(o.noticed)
		s.summary.Failovers = append(s.summary.Failovers, o.LiveFailover)
		s.outage = nil
	}
	for _, gap := range k.lost {
		s.tell(gap)
	}
	k.lost = nil
}

// tell reports a gap, without what was reported before.
func (s *Session) tell(gap LiveGap) {
	for _, told := range s.summary.Gaps {
		if told.From < gap.To && gap.From < told.To {
			if gap.From < told.From {
				s.tell(LiveGap{gap.From, told.From})
			}
			gap.From = told.To
		}
	}
	if gap.From >= gap.To {
		return
	}
	s.summary.Gaps = append(s.summary.Gaps, gap)
	s.ledger.lose(s.summary.Gaps)
	s.inbox.add(LiveResult{Start: gap.From, End: gap.To, Gap: &gap})
	s.changed.Broadcast()
}

// lose reports that audio between two offsets will not be written down.
func (s *Session) lose(from, to int64) {
	if from < to {
		s.tell(LiveGap{s.tempo.span(from), s.tempo.span(to)})
	}
}

// broke notes how a link ended, and returns what the router is to know of it:
// nothing if all was written down, errRenew if the same provider is to go on.
func (s *Session) broke(ctx context.Context, k *link, err error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil {
		return err // it was ended from outside
	}
	if !k.finished.IsZero() && s.complete() {
		return nil
	}
	if s.inbox.shown && !k.adopted.IsZero() {
		s.inbox.add(LiveResult{Provider: k.leg.p.Name, Reset: true})
		s.changed.Broadcast()
	}
	served := k.answerAt.Sub(k.opened) >= s.req.Quiet
	if errors.Is(err, ErrLiveExpired) {
		if !k.adopted.IsZero() && time.Since(k.opened) >= s.req.Quiet {
			return errRenew
		}
		err = &failover.Error{Class: failover.ClassTransient, Err: ErrLiveExpired}
	}
	s.fail(k, err, served)
	return err
}

// fail notes a failover that begins, or one that goes on.
func (s *Session) fail(k *link, err error, served bool) {
	now := time.Now()
	if served || s.trouble.since.IsZero() {
		s.trouble = trouble{since: now}
	}
	if s.outage != nil {
		s.outage.Connections++
		return
	}
	waited := time.Duration(0)
	for _, since := range []time.Time{k.since, k.sending, k.finished, k.pinged} {
		if !since.IsZero() {
			waited = max(waited, now.Sub(since))
		}
	}
	s.outage = &outage{LiveFailover: LiveFailover{From: k.leg.p.Name, At: s.ledger.settled, Waited: waited, Err: err}, noticed: now}
}
