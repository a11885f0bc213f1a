package twilio

import (
	"crypto/sha256"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/sms"
)

// sendsKept is how many attempts, and how many messages of others, a client
// remembers.
const sendsKept = 8192

// content is what a message is recognised by: the recipient and, as a hash, the
// text with it.
type content struct {
	to   string
	hash [sha256.Size]byte
}

func contentOf(to, body string) content {
	return content{to: to, hash: sha256.Sum256([]byte(to + "\n" + body))}
}

// sent is what went to the vendor, which need not be what the router was given:
// a provider may adapt it.
type sent struct {
	content content
	sender  string
	bare    bool // without text
}

func sentOf(to, sender, body string) sent {
	return sent{content: contentOf(to, body), sender: sender, bare: strings.TrimSpace(body) == ""}
}

// send is one attempt of this client.
type send struct {
	sent

	tag          phone.Tag
	begun, ended time.Time // zero while under way
	sid          string    // empty: under way, or nobody knows
	status       sms.Status
	refused      bool // nothing came of it
	forgotten    bool // it had to go for others
}

// open says that a message in the list may be this attempt's.
func (s *send) open() bool { return s.sid == "" && !s.refused }

// sends is what a client remembers of its attempts, so that a message that it
// looks up is not taken for another. It is safe for concurrent use.
type sends struct {
	mu        sync.Mutex
	attempts  ring[*send]
	byContent map[content][]*send
	byAttempt map[string]*send // the latest of that id
	// owners are the ids of the attempts that messages are known to belong to,
	// by SID: those of this client, and those that a webhook has told of.
	owners map[string]string
	others ring[string] // SIDs of owners that are not in attempts
	// forgotten: an attempt that ended before may be missing.
	forgotten time.Time
	adrift    int // attempts that were forgotten while they were under way, and still are
}

func newSends() *sends {
	return &sends{
		byContent: map[content][]*send{}, byAttempt: map[string]*send{}, owners: map[string]string{},
	}
}

// begin enters an attempt.
func (s *sends) begin(tag phone.Tag, what sent) *send {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt := &send{tag: tag, sent: what, begun: time.Now()}
	s.byContent[what.content] = append(s.byContent[what.content], attempt)
	if tag.Attempt != "" {
		s.byAttempt[tag.Attempt] = attempt
	}
	if oldest, full := s.attempts.push(attempt); full && !oldest.refused {
		s.remove(oldest)
		oldest.forgotten = true
		s.forgotten = later(s.forgotten, oldest.ended)
		if oldest.ended.IsZero() {
			s.adrift++
		}
	}
	return attempt
}

// end says what came of an attempt. The receipt of one that was accepted has
// the SID, or nobody knows it.
func (s *sends) end(attempt *send, outcome failover.Outcome, receipt *sms.Receipt) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt.ended = time.Now()
	switch {
	case attempt.forgotten:
		s.adrift--
		s.forgotten = later(s.forgotten, attempt.ended)
	case outcome == failover.OutcomeNotAccepted && attempt.sid == "":
		s.drop(attempt)
	case outcome == failover.OutcomeAccepted && receipt.ID != "":
		s.own(attempt, receipt.ID, receipt.Status)
	}
}

// drop takes out an attempt of which nothing came. It needs the lock.
func (s *sends) drop(attempt *send) {
	attempt.refused = true
	s.remove(attempt)
}

// own ties a message to an attempt. It needs the lock.
func (s *sends) own(attempt *send, sid string, status sms.Status) {
	if attempt.sid == "" {
		attempt.sid = sid
		s.owners[sid] = ownerOf(attempt)
	}
	if attempt.sid == sid {
		attempt.status = status
	}
}

// ownerOf is the id of an attempt, or that it has none.
func ownerOf(attempt *send) string {
	if attempt.tag.Attempt == "" {
		return "-"
	}
	return attempt.tag.Attempt
}

// told takes what a webhook says: whose message it is.
func (s *sends) told(attemptID, sid string, status sms.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.claim(attemptID, sid, status)
}

// claim ties a message to an attempt, which may be another process's. It needs
// the lock.
func (s *sends) claim(attemptID, sid string, status sms.Status) {
	if attemptID == "" {
		return
	}
	attempt, ours := s.byAttempt[attemptID]
	if _, known := s.owners[sid]; ours && (!known || attempt.sid == sid) { // else it is of an earlier one of that id
		s.own(attempt, sid, status)
	}
	if _, known := s.owners[sid]; known {
		return
	}
	s.owners[sid] = attemptID
	if oldest, full := s.others.push(sid); full {
		delete(s.owners, oldest)
	}
}

// known is the message of an attempt, if that is known.
func (s *sends) known(attemptID string) (sid string, status sms.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt, ok := s.byAttempt[attemptID]
	if !ok || attemptID == "" {
		return "", ""
	}
	return attempt.sid, attempt.status
}

// recall writes what is remembered of an attempt into what is wanted of it.
func (s *sends) recall(w *wanted) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	attempt, ok := s.byAttempt[w.attempt]
	if !ok {
		return false
	}
	w.sent, w.ended = attempt.sent, later(w.ended, attempt.ended)
	if w.begun.IsZero() || attempt.begun.Before(w.begun) {
		w.begun = attempt.begun
	}
	if attempt.ended.IsZero() {
		w.ended = time.Now()
	}
	return true
}

// mayMiss says whether an attempt that was under way after that time may be
// forgotten. It needs the lock.
func (s *sends) mayMiss(since time.Time) bool { return s.adrift > 0 || since.Before(s.forgotten) }

// tagOf is the tag that an attempt was sent with; the zero Tag if it is not
// remembered.
func (s *sends) tagOf(attemptID string) phone.Tag {
	s.mu.Lock()
	defer s.mu.Unlock()
	if attempt, ok := s.byAttempt[attemptID]; ok {
		return attempt.tag
	}
	return phone.Tag{}
}

// remove takes out an attempt. It needs the lock.
func (s *sends) remove(attempt *send) {
	same := slices.DeleteFunc(s.byContent[attempt.content], func(other *send) bool { return other == attempt })
	if len(same) == 0 {
		delete(s.byContent, attempt.content)
	} else {
		s.byContent[attempt.content] = same
	}
	if s.byAttempt[attempt.tag.Attempt] == attempt {
		delete(s.byAttempt, attempt.tag.Attempt)
	}
	if attempt.sid != "" {
		delete(s.owners, attempt.sid)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// ring keeps the latest sendsKept values.
type ring[T any] struct {
	values []T
	next   int
}

// push adds a value, and returns the one that had to go for it.
func (r *ring[T]) push(v T) (oldest T, full bool) {
	if len(r.values) < sendsKept {
		r.values = append(r.values, v)
		return oldest, false
	}
	oldest = r.values[r.next]
	r.values[r.next] = v
	r.next = (r.next + 1) % sendsKept
	return oldest, true
}
