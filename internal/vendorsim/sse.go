package vendorsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
)

// Language models stream server-sent events. One event is one chunk for the
// faults that count chunks: StallAfter(3) sends three events.

// object is a JSON object.
type object = map[string]any

func writeObject(w http.ResponseWriter, value any) { write(w, jsonAnswer(http.StatusOK, value)) }

// events writes server-sent events, each flushed.
type events struct {
	w   http.ResponseWriter
	end string // of a line
}

// newEvents begins a stream.
func newEvents(w http.ResponseWriter, contentType, end string) events {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "no-cache")
	return events{w: w, end: end}
}

// data sends an event without a name.
func (e events) data(value any) { e.raw("data: " + marshal(value)) }

// named sends an event with a name.
func (e events) named(name string, value any) {
	e.raw("event: " + name + e.end + "data: " + marshal(value))
}

func (e events) raw(lines string) { writeChunk(e.w, []byte(lines+e.end+e.end)) }

func marshal(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("vendorsim: " + err.Error()) // values are written in this package
	}
	return string(text)
}

// SSEErrorAfter sends n events and then the vendor's error for status as the
// vendor sends it inside a stream, and ends in good order.
func SSEErrorAfter(n, status int, code string) Fault {
	return Fault{name: after(n, fmt.Sprintf("event of error %d", status)), apply: func(x *exchange) {
		x.begin(x.good(), n)
		x.write(x.server.language().event(x.server.vendor.Refuse(status, code)))
	}}
}

// Unfinished answers with everything but the last event, and ends in good
// order: no [DONE], no message_stop, no finishReason.
func Unfinished() Fault {
	return Fault{name: "without the last event", apply: func(x *exchange) {
		a := x.good()
		x.begin(a, len(a.chunks())-1)
	}}
}

// EndAt sends the events up to the first that contains part, and that one, and
// ends in good order. Where no event contains it, that is the whole stream.
func EndAt(part string) Fault {
	return Fault{name: "end at " + part, apply: func(x *exchange) { x.upTo(part) }}
}

// CutAt hangs up where [EndAt] ends.
func CutAt(part string) Fault {
	return Fault{name: "cut at " + part, apply: func(x *exchange) {
		x.upTo(part)
		abort()
	}}
}

// StallAt sends nothing more where [EndAt] ends. It ends when the client leaves.
func StallAt(part string) Fault {
	return Fault{name: "stall at " + part, apply: func(x *exchange) {
		x.upTo(part)
		x.silence()
	}}
}

func (x *exchange) upTo(part string) {
	a := x.good()
	n := 0
	for _, chunk := range a.chunks() {
		n++
		if bytes.Contains(chunk, []byte(part)) {
			break
		}
	}
	x.begin(a, n)
}

// ErrorWithin answers with the vendor's error for status, under the status of
// a success.
func ErrorWithin(status int, code string) Fault {
	return Fault{name: fmt.Sprintf("200 with error %d", status), apply: func(x *exchange) {
		a := x.server.vendor.Refuse(status, code)
		a.Status = http.StatusOK
		x.deliver(a)
	}}
}

// BareError answers with an error that is just a text, as many servers do that
// speak somebody else's protocol.
func BareError(status int, text string) Fault {
	return Body(status, "application/json", marshal(object{"error": text}))
}

// HTMLError answers with a web page, as a proxy does in front of a vendor that
// is not there.
func HTMLError(status int) Fault {
	return Body(status, "text/html; charset=utf-8", fmt.Sprintf(
		"<html>\r\n<head><title>%[1]d %[2]s</title></head>\r\n<body>\r\n<center><h1>%[1]d %[2]s</h1></center>\r\n</body>\r\n</html>\r\n",
		status, http.StatusText(status)))
}
