package vendorsim

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"
)

// Kinds of entries.
const (
	MessageKind = "message"
	CallKind    = "call"
)

// Entry is a message or a call that a vendor has really processed: somebody's
// phone rings, whatever the caller was told.
type Entry struct {
	// Kind is [MessageKind] or [CallKind].
	Kind string
	// ID is the vendor's: a SID, a message id, a call control id.
	ID string
	// To, From and Body are as sent. The body of a call is what is said or
	// played, or where instructions for that are found.
	To, From, Body string
	// Operation, Attempt and Provider are what the caller put into the address
	// of its callback (failover_operation and so on) or into the client state of
	// a call. Empty if it did not: then only the body can tell.
	Operation, Attempt, Provider string
	// CommandID is what a vendor that dedupes knows the call by.
	CommandID string
	// Ignored counts repeats of the command, which made no other call.
	Ignored int
	// StatusCallback is where the caller wants to be told of the status.
	StatusCallback string
	// Status is the vendor's word; Code says why: an error code of a message, a
	// SIP code (Twilio) or a hangup cause (Telnyx) of a call.
	Status, Code string
	// Created is when the vendor processed it.
	Created time.Time
	// Fields are all fields that were sent, those of JSON as compact JSON unless
	// they are text. They must not be changed.
	Fields url.Values

	changes []change
}

// change is one status that an entry has had.
type change struct {
	status, code string
	at           time.Time
}

// since is when the entry first had one of the statuses; zero if it never had.
func (e Entry) since(statuses ...string) time.Time {
	for _, c := range e.changes {
		if contains(statuses, c.status) {
			return c.at
		}
	}
	return time.Time{}
}

// updated is when the entry got its status.
func (e Entry) updated() time.Time { return e.changes[len(e.changes)-1].at }

// Ledger is every message and call that a vendor has processed, in order. It
// is safe for concurrent use.
type Ledger struct {
	statuses map[string][]string // of the vendor, by kind

	mu      sync.Mutex
	entries []Entry
	changed chan struct{} // closed at every change
}

func newLedger(messages, calls []string) *Ledger {
	return &Ledger{
		statuses: map[string][]string{MessageKind: messages, CallKind: calls},
		changed:  make(chan struct{}),
	}
}

// Entries are the entries so far.
func (l *Ledger) Entries() []Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.entries)
}

// Count is how many messages and calls of the operation there are. More than
// one is what must not happen. An entry of which the caller has not said the
// operation counts if its body names it. There are none of the operation "".
func (l *Ledger) Count(operation string) int {
	if operation == "" {
		return 0
	}
	n := 0
	for _, e := range l.Entries() {
		if e.Operation == operation || e.Operation == "" && names(e.Body, operation) {
			n++
		}
	}
	return n
}

// names says whether text has the name, and not as a part of a longer one.
func names(text, name string) bool {
	part := func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }
	for start := 0; ; start++ {
		i := strings.Index(text[start:], name)
		if i < 0 {
			return false
		}
		start += i
		before, _ := utf8.DecodeLastRuneInString(text[:start])
		after, _ := utf8.DecodeRuneInString(text[start+len(name):])
		if !part(before) && !part(after) {
			return true
		}
	}
}

// Find is the entry with that id.
func (l *Ledger) Find(id string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.index(id)
	if i < 0 {
		return Entry{}, false
	}
	return l.entries[i], true
}

func (l *Ledger) index(id string) int {
	return slices.IndexFunc(l.entries, func(e Entry) bool { return e.ID == id })
}

// Await waits until the entries are as wanted, or ctx ends.
func (l *Ledger) Await(ctx context.Context, until func([]Entry) bool) error {
	for {
		l.mu.Lock()
		entries, changed := slices.Clone(l.entries), l.changed
		l.mu.Unlock()
		if until(entries) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// SetStatus lets time pass for an entry: its status is the vendor's word, and
// code as [Entry.Code]. It tells nobody; [Carrier.Deliver] does. An unknown id
// or status is an error.
func (l *Ledger) SetStatus(id, status, code string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := l.index(id)
	if i < 0 {
		return fmt.Errorf("vendorsim: no message or call %q", id)
	}
	e := &l.entries[i]
	if !contains(l.statuses[e.Kind], status) {
		return fmt.Errorf("vendorsim: a %s has no status %q, only %q", e.Kind, status, l.statuses[e.Kind])
	}
	l.set(e, status, code)
	return nil
}

// set needs the lock.
func (l *Ledger) set(e *Entry, status, code string) {
	e.Status, e.Code = status, code
	e.changes = append(e.changes, change{status: status, code: code, at: time.Now()})
	l.tell()
}

// tell needs the lock.
func (l *Ledger) tell() {
	close(l.changed)
	l.changed = make(chan struct{})
}

// add enters e, whose id is made from its number.
func (l *Ledger) add(e Entry, id func(n int) string) Entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.enter(e, id)
}

// enter needs the lock.
func (l *Ledger) enter(e Entry, id func(n int) string) Entry {
	e.ID, e.Created = id(len(l.entries)+1), time.Now()
	l.entries = append(l.entries, e)
	at := &l.entries[len(l.entries)-1]
	l.set(at, e.Status, e.Code)
	return *at
}

// addOnce enters e unless its command was given within the window: then it
// returns the entry of that time, and true.
func (l *Ledger) addOnce(e Entry, window time.Duration, id func(n int) string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.entries {
		first := &l.entries[i]
		if e.CommandID != "" && first.CommandID == e.CommandID && time.Since(first.Created) < window {
			first.Ignored++
			l.tell()
			return *first, true
		}
	}
	return l.enter(e, id), false
}

// end gives an entry a last status, unless over says that it has one.
func (l *Ledger) end(id, status, code string, over func(Entry) bool) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := &l.entries[l.index(id)]
	if over(*e) {
		return *e, false
	}
	l.set(e, status, code)
	return *e, true
}
