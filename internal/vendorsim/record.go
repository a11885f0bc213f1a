package vendorsim

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// Request is what the server saw of one request.
type Request struct {
	// Number counts requests from 1.
	Number int
	Method string
	// Path is escaped.
	Path  string
	Query url.Values
	// Header is without the key.
	Header http.Header
	Body   []byte
	// Keyed says that there was a key.
	Keyed bool
}

// Stats counts what happened so far.
type Stats struct {
	// Connections were accepted, those reset at once included.
	Connections int
	// Requests arrived whole, or met a fault before that.
	Requests int
	// Answered requests are over, well or badly.
	Answered int
	// Faults were met, of requests and of connections.
	Faults int
	// Disconnects are clients that left before they were answered.
	Disconnects int
	// Open connections.
	Open int
	// Sent bytes of bodies.
	Sent int64
}

// record keeps what happened and wakes those who wait for it.
type record struct {
	mu       sync.Mutex
	stats    Stats
	requests []Request
	active   int           // handlers running
	changed  chan struct{} // closed at every change
}

// update changes the record and wakes the waiters.
func (l *record) update(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

func (l *record) request(v Vendor, r *http.Request, body []byte) Request {
	header := r.Header.Clone()
	header.Del(v.KeyHeader)
	seen := Request{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.Query(), Header: header, Body: body,
		Keyed: r.Header.Get(v.KeyHeader) != "",
	}
	l.update(func() {
		l.stats.Requests++
		seen.Number = l.stats.Requests
		l.requests = append(l.requests, seen)
	})
	return seen
}

func (l *record) answered(f Fault, left bool) {
	l.update(func() {
		l.stats.Answered++
		if f.apply != nil {
			l.stats.Faults++
		}
		if left {
			l.stats.Disconnects++
		}
	})
}

func (l *record) begin() { l.update(func() { l.active++ }) }

func (l *record) end() { l.update(func() { l.active-- }) }

func (l *record) sent(n int) { l.update(func() { l.stats.Sent += int64(n) }) }

func (l *record) resetOnAccept() {
	l.update(func() {
		l.stats.Connections++
		l.stats.Faults++
	})
}

// connState is the hook of http.Server.
func (l *record) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.update(func() {
			l.stats.Connections++
			l.stats.Open++
		})
	case http.StateClosed, http.StateHijacked:
		l.update(func() { l.stats.Open-- })
	case http.StateActive, http.StateIdle:
	}
}

// waitOver waits for the last connection to be closed and the last handler,
// which may have taken its connection over, to return.
func (l *record) waitOver() {
	_ = l.wait(context.Background(), func() bool { return l.stats.Open == 0 && l.active == 0 })
}

// wait calls until under the lock.
func (l *record) wait(ctx context.Context, until func() bool) error {
	for {
		l.mu.Lock()
		done, changed := until(), l.changed
		l.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Requests are the requests so far, in the order of their arrival.
func (s *Server) Requests() []Request {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return slices.Clone(s.log.requests)
}

// Stats counts what happened so far.
func (s *Server) Stats() Stats {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	return s.log.stats
}

// Await waits until the counts are as wanted, or ctx ends.
func (s *Server) Await(ctx context.Context, until func(Stats) bool) error {
	return s.log.wait(ctx, func() bool { return until(s.log.stats) })
}
