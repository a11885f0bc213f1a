package failover

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
)

// Interruption is what follows when a stream breaks off after its commit
// point.
type Interruption uint8

const (
	// Fail ends the stream with an [InterruptedError].
	Fail Interruption = iota
	// Continue asks the next provider for the rest, where its
	// [StreamProvider.Continue] can make such a request.
	Continue
	// Restart begins again at the next provider. The consumer is told by the
	// item that [StreamProvider.Restarted] makes, after which the stream comes
	// from its beginning. An item that is Irrevocable rules it out.
	Restart
)

// String returns "fail", "continue" or "restart".
func (i Interruption) String() string {
	switch i {
	case Fail:
		return "fail"
	case Continue:
		return "continue"
	case Restart:
		return "restart"
	default:
		return fmt.Sprintf("interruption(%d)", uint8(i))
	}
}

// MarshalText makes an Interruption its name in JSON and logs.
func (i Interruption) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// WithInterrupted chooses what follows when a stream breaks off after its
// commit point; the first of the actions that is possible at the next provider
// is taken. WithInterrupted(Continue, Restart) resumes where that can be done
// and restarts where it cannot or the continuation was refused; with Continue
// alone providers that cannot resume are left out. Default [Fail], which also
// is what remains when nothing else can be done.
func WithInterrupted(actions ...Interruption) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithInterrupted")
		if len(actions) == 0 {
			c.rejectf("WithInterrupted: no action")
		}
		for i, a := range actions {
			switch {
			case a > Restart:
				c.rejectf("WithInterrupted: %d is no action", a)
			case a == Fail && len(actions) > 1:
				c.rejectf("WithInterrupted: %v stands alone: it is what remains in any case", Fail)
			case slices.Contains(actions[:i], a):
				c.rejectf("WithInterrupted: %v is given twice", a)
			}
		}
		c.interrupted = slices.Clone(actions)
	})
}

// does says whether the policy has this action.
func (c *config) does(action Interruption) bool { return slices.Contains(c.interrupted, action) }

// defaultDeliveredCap is more items than the longest answer of an LLM has.
const defaultDeliveredCap = 16384

// WithDeliveredCap bounds how many delivered items a stream keeps for
// [Continue], which is the only reason to keep any. Past it they are dropped
// and the stream can no longer be continued. 0 keeps none, and Continue is
// asked without them: that is for requests which know themselves how far they
// got. Default 16384.
func WithDeliveredCap(items int) Option {
	return optionFunc(func(c *config) {
		c.forStreams("WithDeliveredCap")
		if items < 0 {
			c.rejectf("WithDeliveredCap: %d is negative", items)
		}
		c.deliveredCap = items
	})
}

// InterruptedError says that a stream broke off after something of it had been
// delivered, and that nobody could take over. It matches [ErrInterrupted], and
// errors.Is and errors.As reach the first failure, then those of the attempts
// that should have taken over, and the caller's context error or [ErrClosed] if
// that was the reason. [Delivered] gives what was delivered.
type InterruptedError struct {
	// Provider is whose stream broke off first.
	Provider string
	// Err is how it broke off; nil if no provider failed and the caller's
	// context ended. What happened later never takes its place.
	Err *Error
	// Items is how many items were delivered.
	Items int
	// Attempts are all that were made.
	Attempts []Attempt

	ended     error // by the caller's context, or by Close
	delivered any   // a box[[]T]
}

// Error says after how many items the stream broke off and how, and what was
// tried then.
func (e *InterruptedError) Error() string {
	text := ErrInterrupted.Error() + " after " + strconv.Itoa(e.Items) + " items: "
	if e.Err == nil {
		return text + e.Provider + ": " + endedText(e.ended)
	}
	return text + describeAttempts(e.Attempts)
}

// Is matches ErrInterrupted.
func (e *InterruptedError) Is(target error) bool { return target == ErrInterrupted }

// Unwrap returns the first failure, then the others.
func (e *InterruptedError) Unwrap() []error {
	var errs []error
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	if e.ended != nil {
		errs = append(errs, e.ended)
	}
	return append(errs, causes(e.Attempts)...)
}

// Format prints the same as Error for every verb.
func (e InterruptedError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// LogValue implements slog.LogValuer.
func (e *InterruptedError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("error", e.Error()), slog.Int("items", e.Items))
}

// Delivered returns the items that had been delivered since the last restart
// when the stream broke off. ok is false if err does not say that one did, or
// they were not kept: that takes [Continue], and no more than
// [WithDeliveredCap] of them.
func Delivered[T any](err error) (items []T, ok bool) {
	for e, found := errors.AsType[*InterruptedError](err); found; e, found = errors.AsType[*InterruptedError](e.Err) {
		if b, is := e.delivered.(box[[]T]); is {
			return b.resp, true
		}
		if e.Err == nil {
			break
		}
	}
	return nil, false
}
