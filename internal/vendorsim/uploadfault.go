package vendorsim

import (
	"io"
	"strconv"
	"time"
)

// The faults here strike while a request's body is still being sent.

// Early answers as fault does as soon as the header has been read, without
// reading the body.
func Early(fault Fault) Fault {
	fault.name, fault.early, fault.status = "early "+fault.String(), true, nil
	return fault
}

// ResetUpload resets the connection after n bytes of the body.
func ResetUpload(n int64) Fault {
	return Fault{name: "reset after " + strconv.FormatInt(n, 10) + " bytes sent", early: true, apply: func(x *exchange) {
		_, _ = io.CopyN(io.Discard, x.r.Body, n)
		x.hijack(true, "")
	}}
}

// slowRead is how long StallUpload waits between two bytes: who does not read
// does not see the client leave.
const slowRead = 10 * time.Millisecond

// StallUpload reads n bytes of the body, and from then on a hundred a second. It
// ends when the client has left, once it has read what had arrived.
func StallUpload(n int64) Fault {
	return Fault{name: "stall after " + strconv.FormatInt(n, 10) + " bytes sent", early: true, apply: func(x *exchange) {
		_, err := io.CopyN(io.Discard, x.r.Body, n)
		for err == nil {
			x.pause(slowRead)
			_, err = io.CopyN(io.Discard, x.r.Body, 1)
		}
		abort()
	}}
}

// Without answers well but for a part of its JSON, which is left out: a path of
// names and numbers joined by ".", such as "results.channels.0.alternatives".
func Without(path string) Fault {
	return Fault{name: "without " + path, apply: func(x *exchange) {
		a := x.good()
		a.Body = without(a.Body, path)
		x.deliver(a)
	}}
}
