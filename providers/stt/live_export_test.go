package stt

import "time"

// Ring opens the buffer of a session to its tests.
type Ring struct{ ring }

func NewRing(most int) *Ring { return &Ring{ring{most: most}} }

func (r *Ring) Write(p []byte)           { r.write(p) }
func (r *Ring) Release(to int64)         { r.release(to) }
func (r *Ring) Room() int                { return r.room() }
func (r *Ring) Bounds() (from, to int64) { return r.start, r.end }
func (r *Ring) Memory() int              { return len(r.buf) }
func (r *Ring) Copy(from int64, p []byte) int {
	return r.copy(from, p)
}

// Fresh is what of an event is new after cut.
func Fresh(e LiveEvent, cut time.Duration) LiveEvent {
	fresh(&e, cut)
	return e
}

// Ledger opens what a session has written down to its tests.
type Ledger struct{ ledger }

func (l *Ledger) Settle(e LiveEvent, sent time.Duration) { l.settle(&e, sent) }
func (l *Ledger) Stood(e LiveEvent) bool                 { return l.stood(&e) }
func (l *Ledger) Place(wordTimes bool) time.Duration     { return l.place(wordTimes) }
func (l *Ledger) Settled() time.Duration                 { return l.settled }

// SpanBytes is how many bytes play for how long n bytes play.
func SpanBytes(f Format, n int64) int64 {
	t := tempoOf(f)
	return t.bytes(t.span(n))
}
