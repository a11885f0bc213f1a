package vendorsim

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is one way to fail. The zero Fault is none.
type Fault struct {
	name      string
	apply     func(*exchange)
	onAccept  bool         // before a byte is read
	early     bool         // before the request's body is read
	status    *statusFault // of Status, for its methods
	processed bool         // by Processed
}

// String names the fault, for example "503" or "silence".
func (f Fault) String() string {
	if f.name == "" {
		return "none"
	}
	return f.name
}

// None is no fault: the request is answered as the vendor does.
func None() Fault { return Fault{} }

// Processed lets the vendor do what it was asked to do, and then f happen in
// place of its answer: a message is sent, and its sender is told "500" or
// nothing. Without it a fault such as [ResetAfterRead] or [Status] strikes
// before the vendor has done anything.
func Processed(f Fault) Fault {
	if f.apply == nil || f.processed {
		return f
	}
	name, apply := "processed, then "+f.name, f.apply
	return Fault{name: name, status: f.status, processed: true, apply: func(x *exchange) {
		x.good()
		apply(x)
	}}
}

// Reset ends the connection with a reset before anything is read. It strikes
// a new connection when that is accepted, and a connection in use at its next
// request.
func Reset() Fault {
	return Fault{name: "reset", onAccept: true, apply: func(x *exchange) { x.hijack(true, "") }}
}

// ResetAfterRead ends the connection with a reset once the request was read.
func ResetAfterRead() Fault {
	return Fault{name: "reset after the request", apply: func(x *exchange) { x.hijack(true, "") }}
}

// HangUp ends the connection in good order once the request was read, without
// an answer.
func HangUp() Fault {
	return Fault{name: "hang-up", apply: func(x *exchange) { x.hijack(false, "") }}
}

// Garbage answers with something that is not HTTP.
func Garbage() Fault {
	return Fault{name: "garbage", apply: func(x *exchange) { x.hijack(false, "\x00\x01not HTTP at all\r\n\r\n") }}
}

// HalfHeader ends the connection in the middle of the header.
func HalfHeader() Fault {
	return Fault{name: "half a header", apply: func(x *exchange) { x.hijack(false, "HTTP/1.1 200 OK\r\nContent-Ty") }}
}

// Silence reads the request and never answers. It ends when the client leaves.
func Silence() Fault {
	return Fault{name: "silence", apply: func(x *exchange) { x.silence() }}
}

// SlowFirstByte answers well, after d.
func SlowFirstByte(d time.Duration) Fault {
	return Fault{name: "first byte after " + d.String(), apply: func(x *exchange) {
		x.pause(d)
		x.deliver(x.good())
	}}
}

// Trickle answers well, size bytes at a time with a pause between.
func Trickle(size int, pause time.Duration) Fault {
	return Fault{name: "trickle", apply: func(x *exchange) {
		a := x.good()
		x.head(a, len(a.Body))
		for rest := a.Body; len(rest) > 0; {
			n := min(max(1, size), len(rest))
			if !x.write(rest[:n]) {
				return
			}
			if rest = rest[n:]; len(rest) > 0 {
				x.pause(pause)
			}
		}
	}}
}

// Stall sends the first half of the answer's body and then nothing more. It
// ends when the client leaves.
func Stall() Fault {
	return Fault{name: "stalled body", apply: func(x *exchange) {
		a := x.good()
		x.head(a, len(a.Body))
		x.write(a.Body[:len(a.Body)/2])
		x.silence()
	}}
}

// Cut promises the whole answer's length, sends half and hangs up.
func Cut() Fault {
	return Fault{name: "cut body", apply: func(x *exchange) {
		a := x.good()
		x.head(a, len(a.Body))
		x.write(a.Body[:len(a.Body)/2])
		abort()
	}}
}

// CutReset promises the whole answer's length, sends half and resets.
func CutReset() Fault {
	return Fault{name: "body cut by a reset", apply: func(x *exchange) {
		a := x.good()
		x.hijack(true, rawHead(a, "Content-Length: "+strconv.Itoa(len(a.Body)))+string(a.Body[:len(a.Body)/2]))
	}}
}

// CutChunks sends half of the answer in chunks and hangs up without the last
// one.
func CutChunks() Fault {
	return Fault{name: "missing last chunk", apply: func(x *exchange) {
		a := x.good()
		x.head(a, -1)
		x.write(a.Body[:len(a.Body)/2])
		abort()
	}}
}

// BadChunk sends half of the answer in chunks and then one that is none.
func BadChunk() Fault {
	return Fault{name: "malformed chunk", apply: func(x *exchange) {
		a := x.good()
		half := a.Body[:len(a.Body)/2]
		x.hijack(false, rawHead(a, "Transfer-Encoding: chunked")+fmt.Sprintf("%x\r\n%s\r\nnonsense\r\n", len(half), half))
	}}
}

// Truncate answers with the first half of the body as if it were the whole:
// only its format can tell.
func Truncate() Fault {
	return Fault{name: "truncated answer", apply: func(x *exchange) {
		a := x.good()
		// An odd number of bytes, so that even headerless 16-bit samples tell.
		a.Body = a.Body[:len(a.Body)/2|1]
		x.deliver(a)
	}}
}

// Empty answers with success and no body.
func Empty() Fault {
	return Fault{name: "empty answer", apply: func(x *exchange) {
		a := x.good()
		a.Body = nil
		x.deliver(a)
	}}
}

// Endless answers with the good body over and over, until the client leaves or
// most bytes are sent.
func Endless(most int64) Fault {
	return Fault{name: "endless answer", apply: func(x *exchange) {
		a := x.good()
		x.head(a, -1)
		block := bytes.Repeat(a.Body, 1+1<<20/max(1, len(a.Body)))
		for sent := int64(0); sent < most && x.r.Context().Err() == nil; sent += int64(len(block)) {
			if !x.write(block) {
				break
			}
		}
		abort()
	}}
}

// Page answers with status 200 and a web page, as the login page of a proxy.
func Page() Fault {
	return Body(http.StatusOK, "text/html; charset=utf-8", "<!DOCTYPE html><html><body>Please sign in.</body></html>")
}

// Body answers with exactly that.
func Body(status int, contentType, body string) Fault {
	header := http.Header{}
	if contentType != "" {
		header.Set("Content-Type", contentType)
	}
	return Answered(Answer{Status: status, Header: header, Body: []byte(body)})
}

// Answered answers with exactly that. Without a Content-Type the answer has
// none, rather than one guessed from its body.
func Answered(a Answer) Fault {
	name := strings.TrimSpace(fmt.Sprintf("%d %s", a.Status, a.Header.Get("Content-Type")))
	if a.Header.Get("Content-Type") == "" {
		a.Header = a.Header.Clone()
		if a.Header == nil {
			a.Header = http.Header{}
		}
		a.Header["Content-Type"] = nil
	}
	return Fault{name: name, apply: func(x *exchange) { x.deliver(a) }}
}

// HugeError answers with an error and a body of size bytes.
func HugeError(status int, size int64) Fault {
	return Fault{name: fmt.Sprintf("%d with %d bytes", status, size), apply: func(x *exchange) {
		x.head(Answer{Status: status, Header: http.Header{"Content-Type": {"application/json"}}}, -1)
		x.write([]byte(`{"detail":"`))
		block := bytes.Repeat([]byte("x"), 32<<10)
		for sent := int64(0); sent < size && x.r.Context().Err() == nil; sent += int64(len(block)) {
			if !x.write(block) {
				return
			}
		}
		x.write([]byte(`"}`))
	}}
}

// Redirect answers with a redirect to another place.
func Redirect(status int, location string) Fault {
	return Fault{name: strconv.Itoa(status) + " redirect", apply: func(x *exchange) {
		x.deliver(Answer{Status: status, Header: http.Header{"Location": {location}}})
	}}
}

// Status answers with status in the vendor's own envelope. RetryAfter, Code
// and Header add to it.
func Status(status int) Fault { return statusFault{status: status}.fault() }

type statusFault struct {
	status int
	code   string
	header http.Header
}

func (s statusFault) fault() Fault {
	return Fault{name: strconv.Itoa(s.status), status: &s, apply: func(x *exchange) {
		a := x.server.vendor.Refuse(s.status, s.code)
		if a.Header == nil {
			a.Header = http.Header{}
		}
		maps.Copy(a.Header, s.header)
		x.deliver(a)
	}}
}

// change copies the fault of Status with a change; other faults stay as they
// are.
func (f Fault) change(how func(*statusFault)) Fault {
	if f.status == nil {
		return f
	}
	s := *f.status
	s.header = s.header.Clone()
	if s.header == nil {
		s.header = http.Header{}
	}
	how(&s)
	if f.processed {
		return Processed(s.fault())
	}
	return s.fault()
}

// Code sets the vendor's code of a [Status].
func (f Fault) Code(code string) Fault {
	return f.change(func(s *statusFault) { s.code = code })
}

// Header sets a header of a [Status].
func (f Fault) Header(name, value string) Fault {
	return f.change(func(s *statusFault) { s.header.Set(name, value) })
}

// RetryAfter sets Retry-After of a [Status], in seconds.
func (f Fault) RetryAfter(seconds int) Fault {
	return f.Header("Retry-After", strconv.Itoa(seconds))
}

// RetryAfterDate sets Retry-After of a [Status] to a date, d after the one in
// the answer's Date header, which is an hour slow: only the difference counts.
func (f Fault) RetryAfterDate(d time.Duration) Fault {
	now := time.Now().Add(-time.Hour).UTC()
	return f.Header("Date", now.Format(http.TimeFormat)).Header("Retry-After", now.Add(d).Format(http.TimeFormat))
}

// RetryAfterMs sets Retry-After-Ms of a [Status].
func (f Fault) RetryAfterMs(ms int) Fault {
	return f.Header("Retry-After-Ms", strconv.Itoa(ms))
}

// pause lasts d, less if the client leaves or the server closes.
func (x *exchange) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-x.r.Context().Done():
		abort()
	case <-x.server.closing:
		abort()
	}
}

// hijack takes the connection from the HTTP server, writes raw bytes and ends
// it.
func (x *exchange) hijack(reset bool, raw string) {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		abort() // HTTP/2: the stream is reset instead
	}
	_, _ = conn.Write([]byte(raw))
	if reset {
		resetConn(conn)
		return
	}
	_ = conn.Close()
}

// rawHead is the header of an answer that net/http would not write.
func rawHead(a Answer, framing string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "HTTP/1.1 %d OK\r\n", a.Status)
	_ = a.Header.Write(&b) // a strings.Builder takes everything
	return b.String() + framing + "\r\n\r\n"
}
