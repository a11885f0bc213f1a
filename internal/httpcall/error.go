package httpcall

import (
	"fmt"
	"io"
	"strconv"

	"github.com/gofailover/failover"
)

// TransportError is a call that got no answer, or whose answer was cut by the
// end of its time. It leaves the reading of its cause to failover.Classify and
// prints what that prints.
type TransportError struct {
	vendor string
	err    error
}

// Error says what happened without address or URL.
func (e *TransportError) Error() string {
	return e.vendor + ": " + failover.Classify(e.err).Error()
}

// Unwrap returns the transport's error.
func (e *TransportError) Unwrap() error { return e.err }

// Format prints the same for every verb: %#v would print the cause.
func (e *TransportError) Format(f fmt.State, verb rune) {
	text := e.Error()
	if verb == 'q' {
		text = strconv.Quote(text)
	}
	_, _ = io.WriteString(f, text)
}
