package vendorsim

import (
	"fmt"
	"strings"
	"time"
)

// The faults here strike a stream after its first n chunks. A chunk is what
// the vendor flushes at once: [ChunkSize] bytes of audio, or one JSON object.
// The answer has no length. Of a stream that has no more than n chunks all are
// sent before the fault.

func after(n int, what string) string { return fmt.Sprintf("%s after %d chunks", what, n) }

// SlowFirstChunk sends the header at once and the body after d.
func SlowFirstChunk(d time.Duration) Fault {
	return Fault{name: "first chunk after " + d.String(), apply: func(x *exchange) {
		a := x.good()
		rest := x.begin(a, 0)
		x.pause(d)
		x.chunks(rest)
	}}
}

// Pace answers well, with a pause between chunks.
func Pace(pause time.Duration) Fault {
	return Fault{name: "a chunk every " + pause.String(), apply: func(x *exchange) {
		for i, chunk := range x.begin(x.good(), 0) {
			if i > 0 {
				x.pause(pause)
			}
			if !x.write(chunk) {
				return
			}
		}
	}}
}

// StallAfter sends n chunks and then nothing more. It ends when the client
// leaves.
func StallAfter(n int) Fault {
	return Fault{name: after(n, "stall"), apply: func(x *exchange) {
		x.begin(x.good(), n)
		x.silence()
	}}
}

// CutAfter sends n chunks and hangs up, without the end of the body.
func CutAfter(n int) Fault {
	return Fault{name: after(n, "cut"), apply: func(x *exchange) {
		x.begin(x.good(), n)
		abort()
	}}
}

// ResetAfter sends n chunks and resets the connection. On TCP some of them may
// be lost with it.
func ResetAfter(n int) Fault {
	return Fault{name: after(n, "reset"), apply: func(x *exchange) {
		x.hijack(true, rawChunks(x.good(), n))
	}}
}

// BadChunkAfter sends n chunks and then one that HTTP does not have.
func BadChunkAfter(n int) Fault {
	return Fault{name: after(n, "malformed chunk"), apply: func(x *exchange) {
		x.hijack(false, rawChunks(x.good(), n)+"nonsense\r\n")
	}}
}

// EndAfter sends n chunks and ends the body in good order, as if that were
// all: only what is in the chunks can tell.
func EndAfter(n int) Fault {
	return Fault{name: after(n, "end"), apply: func(x *exchange) { x.begin(x.good(), n) }}
}

// EndWithin is EndAfter in the middle of the next chunk, after an odd number
// of its bytes.
func EndWithin(n int) Fault {
	return Fault{name: after(n, "end within the next chunk"), apply: func(x *exchange) {
		if rest := x.begin(x.good(), n); len(rest) > 0 {
			x.write(rest[0][:(len(rest[0])-1)/2|1])
		}
	}}
}

// ReplaceAfter sends n chunks, then body in place of the others, and ends in
// good order.
func ReplaceAfter(n int, body string) Fault {
	return Fault{name: after(n, "something else"), apply: func(x *exchange) {
		x.begin(x.good(), n)
		x.write([]byte(body))
	}}
}

// ErrorAfter sends n chunks and then the vendor's error for status, inside the
// answer that had begun as a success. An empty code is the one that the vendor
// uses most with the status.
func ErrorAfter(n, status int, code string) Fault {
	return Fault{name: after(n, fmt.Sprintf("error %d", status)), apply: func(x *exchange) {
		x.begin(x.good(), n)
		x.write(x.server.vendor.Refuse(status, code).Body)
	}}
}

// chunks sends them all.
func (x *exchange) chunks(all [][]byte) {
	for _, chunk := range all {
		if !x.write(chunk) {
			return
		}
	}
}

// rawChunks is the beginning of an answer that net/http would not write to its
// end.
func rawChunks(a Answer, n int) string {
	var b strings.Builder
	b.WriteString(rawHead(a, "Transfer-Encoding: chunked"))
	for i, chunk := range a.chunks() {
		if i == n {
			break
		}
		fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
	}
	return b.String()
}
