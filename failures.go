package failover

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Errors that callers compare with errors.Is.
const (
	// ErrAllFailed matches an [AllFailedError].
	ErrAllFailed = sentinel("all providers failed")
	// ErrNoneAvailable matches a [NoneAvailableError].
	ErrNoneAvailable = sentinel("no provider is available")
	// ErrUncertain matches an [UncertainError].
	ErrUncertain = sentinel("the operation may have taken effect")
	// ErrDuplicate matches a [DuplicateError].
	ErrDuplicate = sentinel("the operation was already begun")
	// ErrClosed is returned after Close.
	ErrClosed = sentinel("the router is closed")
	// ErrReentered is returned by a router that is called from inside one of
	// its own attempts, with the attempt's context. An attempt that has no
	// deadline and no timeout carries nothing to tell it by.
	ErrReentered = sentinel("the router was called from inside itself")
	// ErrUnknownProvider is returned when a name is not one of the router's.
	ErrUnknownProvider = sentinel("unknown provider")
	// ErrNotFound is what a Lookup returns when the attempt surely took no
	// effect.
	ErrNotFound = sentinel("not found")
	// ErrAttemptTimeout is the cause of an attempt that ran out of its own
	// time while the caller still had some.
	ErrAttemptTimeout = sentinel("attempt timeout")
	// ErrFirstContentTimeout is the cause of a stream without content in its
	// time; see [WithFirstContent].
	ErrFirstContentTimeout = sentinel("no first content in time")
	// ErrIdleTimeout is the cause of a stream that went silent; see [WithIdle].
	ErrIdleTimeout = sentinel("the stream went silent")
	// ErrTotalTimeout is the cause of a stream that took too long as a whole;
	// see [WithTotal].
	ErrTotalTimeout = sentinel("the whole stream took too long")
	// ErrTruncated is the cause of a stream that ended without its end marker.
	ErrTruncated = sentinel("the stream ended without its end marker")
	// ErrTooMuchHeld is the cause of a stream with more items before its commit
	// point than may be held; see [CommitPolicy].
	ErrTooMuchHeld = sentinel("the stream is longer than may be held")
	// ErrInterrupted matches an [InterruptedError].
	ErrInterrupted = sentinel("the stream was interrupted")
	// ErrStreamUsed is yielded by a stream that is ranged over a second time.
	ErrStreamUsed = sentinel("the stream was used before")
	// ErrEmpty is the cause of an attempt that succeeded with nothing: a nil
	// response, zero bytes, a stream without content.
	ErrEmpty = sentinel("empty answer")
	// ErrPanicked is the cause recorded for an attempt whose Do panicked or
	// ended its goroutine.
	ErrPanicked = sentinel("the provider's code panicked")
)

// Attempt is one call of one provider.
type Attempt struct {
	// Provider is the name of the provider; inside nested routers the path.
	Provider string `json:"provider"`
	// Operation is the id of the operation, where it has one: named by the
	// caller, or made because side effects are at stake.
	Operation string `json:"operation,omitzero"`
	// ID is the id of this attempt, "<operation>.<number>"; empty without an
	// operation. A repeat at a provider that dedupes keeps the ID.
	ID string `json:"id,omitzero"`
	// Number counts the attempts of a request from 1.
	Number int `json:"number"`
	// Hedge says that it ran beside an earlier attempt.
	Hedge bool `json:"hedge,omitzero"`
	// Start is when it began.
	Start time.Time `json:"start"`
	// Duration is how long it took.
	Duration time.Duration `json:"duration"`
	// FirstContent is how long a stream took to its first content; 0 if there
	// was none.
	FirstContent time.Duration `json:"first_content,omitzero"`
	// Items is how many items of a stream were delivered.
	Items int `json:"items,omitzero"`
	// Outcome says whether it may have taken effect.
	Outcome Outcome `json:"outcome"`
	// Err is how it failed, nil if it succeeded.
	Err *Error `json:"error,omitempty"`
	// Inner are the attempts of a nested router.
	Inner []Attempt `json:"inner,omitempty"`
}

// Class is the class of the failure; it must not be asked of an attempt that
// succeeded, for which it returns ClassUnknown.
func (a Attempt) Class() Class {
	if a.Err == nil {
		return ClassUnknown
	}
	return a.Err.Class
}

// describe is the attempt as errors print it.
func (a Attempt) describe() string {
	if len(a.Inner) > 0 {
		return describeAttempts(a.Inner)
	}
	if a.Err == nil {
		return a.Provider + ": success"
	}
	return a.Err.Error()
}

func describeAttempts(attempts []Attempt) string {
	parts := make([]string, len(attempts))
	for i, a := range attempts {
		parts[i] = a.describe()
	}
	return strings.Join(parts, "; ")
}

// causes are the attempts' errors for errors.Is and errors.As.
func causes(attempts []Attempt) []error {
	errs := make([]error, 0, len(attempts))
	for _, a := range attempts {
		if a.Err != nil {
			errs = append(errs, a.Err)
		}
	}
	return errs
}

// Skip says why a provider was left out.
type Skip struct {
	// Provider is its name.
	Provider string `json:"provider"`
	// Reason is why.
	Reason Reason `json:"reason"`
	// Class is what began a cooldown; ClassUnknown otherwise.
	Class Class `json:"class,omitzero"`
	// Until is when the reason ends by itself; zero if it does not, or nobody
	// can know.
	Until time.Time `json:"until,omitzero"`
}

func (s Skip) describe() string {
	text := s.Provider + " (" + string(s.Reason)
	if s.Reason == ReasonCooling {
		text += ": " + s.Class.String()
	}
	if !s.Until.IsZero() {
		text += " until " + s.Until.UTC().Format("15:04:05")
	}
	return text + ")"
}

func describeSkips(skips []Skip) string {
	if len(skips) == 0 {
		return ""
	}
	parts := make([]string, len(skips))
	for i, s := range skips {
		parts[i] = s.describe()
	}
	return "; left out: " + strings.Join(parts, ", ")
}

// AllFailedError says that the request was given to one or more providers and
// none served it. It matches [ErrAllFailed], and errors.Is and errors.As reach
// every attempt's [Error] and cause.
//
// Stopped tells a request that was ended by what a provider said of it
// (invalid, filtered) from one that ran out of providers; it then matches
// ErrAllFailed all the same, and [ClassOf] gives the class.
type AllFailedError struct {
	Attempts []Attempt
	Skipped  []Skip
	// Stopped: the last attempt's class ended the request while others were
	// left to ask.
	Stopped bool
	// Closed: the router was closed before the request was through.
	Closed bool

	rejected any // the last answer that Validate refused, a box[Resp]
}

// Error lists the attempts and who was left out.
func (e *AllFailedError) Error() string {
	head := "failover: all providers failed: "
	switch {
	case e.Closed:
		head = "failover: the router was closed: "
	case e.Stopped:
		head = "failover: refused: "
	}
	return head + describeAttempts(e.Attempts) + describeSkips(e.Skipped)
}

// Unwrap returns the attempts' errors, the last first: it is the one that
// decided.
func (e *AllFailedError) Unwrap() []error {
	errs := causes(e.Attempts)
	for i, j := 0, len(errs)-1; i < j; i, j = i+1, j-1 {
		errs[i], errs[j] = errs[j], errs[i]
	}
	return errs
}

// Is matches ErrAllFailed, and ErrClosed if the router was closed meanwhile.
func (e *AllFailedError) Is(target error) bool {
	return target == ErrAllFailed || (e.Closed && target == ErrClosed)
}

// Format prints the same as Error for every verb.
func (e AllFailedError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// LogValue implements slog.LogValuer.
func (e *AllFailedError) LogValue() slog.Value {
	return slog.GroupValue(slog.String("error", e.Error()), slog.Int("attempts", len(e.Attempts)))
}

// NoneAvailableError says that no provider could be asked at all: all open,
// cooling, limited, disabled or unsuited. It matches [ErrNoneAvailable].
type NoneAvailableError struct {
	// RetryAt is when the first of them may be asked again; zero if unknown.
	RetryAt time.Time
	Skipped []Skip
}

// Error lists the providers and why each was left out.
func (e *NoneAvailableError) Error() string {
	text := ErrNoneAvailable.Error()
	if !e.RetryAt.IsZero() {
		text += " before " + e.RetryAt.UTC().Format("15:04:05")
	}
	return text + describeSkips(e.Skipped)
}

// Is matches ErrNoneAvailable.
func (e *NoneAvailableError) Is(target error) bool { return target == ErrNoneAvailable }

// Format prints the same as Error for every verb.
func (e NoneAvailableError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// UncertainError says that an operation with a side effect may have taken
// effect: an attempt was sent and nobody knows what became of it. The router
// stopped there, because a second attempt might do it twice. It matches
// [ErrUncertain], and the caller's context error where that was the cause.
//
// Settle it with the vendor (a status webhook, a look into its records) and
// tell the router with [Router.Report].
type UncertainError struct {
	// Operation is the id of the operation.
	Operation string
	// Attempt is the first attempt whose outcome is unknown.
	Attempt Attempt
	// Attempts are all of the operation, in order.
	Attempts []Attempt
	// Outcome is what is known by now: OutcomeUnknown, or OutcomeAccepted if
	// a report said so before the provider answered.
	Outcome Outcome

	ended error // the caller's context error and cause, if that was the reason
}

// Error names the operation, provider, attempt and time.
func (e *UncertainError) Error() string {
	return fmt.Sprintf("%s: operation %s, attempt %d at %s: %s",
		ErrUncertain.Error(), printable(e.Operation), e.Attempt.Number,
		e.Attempt.Start.UTC().Format(time.RFC3339), e.Attempt.describe())
}

// Is matches ErrUncertain.
func (e *UncertainError) Is(target error) bool { return target == ErrUncertain }

// Unwrap returns the caller's context error, if it was the cause, the error of
// the uncertain attempt, and then those of all attempts.
func (e *UncertainError) Unwrap() []error {
	var errs []error
	if e.ended != nil {
		errs = append(errs, e.ended)
	}
	if e.Attempt.Err != nil {
		errs = append(errs, e.Attempt.Err)
	}
	return append(errs, causes(e.Attempts)...)
}

// Format prints the same as Error for every verb.
func (e UncertainError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// DuplicateError says that an operation the caller named was already begun by
// this router: it is running, or it was accepted. It matches [ErrDuplicate].
type DuplicateError struct {
	// Operation is the id the caller gave.
	Operation string
	// Provider is who accepted it; empty while it is running.
	Provider string
	// Running says that it has not ended yet.
	Running bool
}

// Error names the operation.
func (e *DuplicateError) Error() string {
	if e.Running {
		return fmt.Sprintf("%s: operation %s is running", ErrDuplicate.Error(), printable(e.Operation))
	}
	return fmt.Sprintf("%s: operation %s was accepted by %s", ErrDuplicate.Error(), printable(e.Operation), e.Provider)
}

// Is matches ErrDuplicate.
func (e *DuplicateError) Is(target error) bool { return target == ErrDuplicate }

// CanceledError says that the caller's own context ended before the request
// was served. It matches the context's error and its cause, and keeps the
// attempts made until then.
type CanceledError struct {
	Attempts []Attempt

	ended error
}

// Error says how the context ended and what had been tried.
func (e *CanceledError) Error() string {
	text := "failover: " + endedText(e.ended)
	if len(e.Attempts) > 0 {
		text += ": " + describeAttempts(e.Attempts)
	}
	return text
}

// Unwrap returns the context's error, its cause and the attempts' errors.
func (e *CanceledError) Unwrap() []error { return append([]error{e.ended}, causes(e.Attempts)...) }

// Format prints the same as Error for every verb.
func (e CanceledError) Format(f fmt.State, verb rune) { formatError(f, verb, &e) }

// ended is how a context ended: its error and, if different, its cause.
func ended(ctx context.Context) error {
	err := ctx.Err()
	if err == nil {
		// Its deadline has passed but its timer has not fired yet.
		return context.DeadlineExceeded
	}
	if cause := context.Cause(ctx); cause != nil && !errors.Is(err, cause) {
		return endedError{err: err, cause: cause}
	}
	return err
}

// endedError matches a context's error and its cause, and prints the error
// only: the cause is the caller's text.
type endedError struct{ err, cause error }

func (e endedError) Error() string   { return e.err.Error() }
func (e endedError) Unwrap() []error { return []error{e.err, e.cause} }

// endedText is how the context ended, whatever its cause says or matches.
func endedText(err error) string {
	if e, ok := err.(endedError); ok { //nolint:errorlint // ended has just made it
		err = e.err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded.Error()
	}
	return context.Canceled.Error()
}

// ClassOf returns the class that decided how a request ended: of an [Error]
// itself, of the last attempt of an [AllFailedError], of the uncertain one of
// an [UncertainError], of the first failure of an [InterruptedError],
// ClassCanceled for a [CanceledError], ClassInvalid for a [DuplicateError]. Any other error, a [NoneAvailableError] and nil have none
// and give ClassUnknown.
func ClassOf(err error) Class {
	class, _ := classIn(err)
	return class
}

// classIn looks for the outermost error that has a class.
func classIn(err error) (Class, bool) {
	switch e := err.(type) { //nolint:errorlint // the chain is walked here
	case *CanceledError:
		return ClassCanceled, true
	case *UncertainError:
		return e.Attempt.Class(), true
	case *InterruptedError:
		if e.Err == nil {
			return ClassCanceled, true
		}
		return e.Err.Class, true
	case *DuplicateError:
		return ClassInvalid, true
	case *AllFailedError:
		if last := len(e.Attempts) - 1; last >= 0 {
			return e.Attempts[last].Class(), true
		}
		return ClassUnknown, true
	case *Error:
		if e == nil {
			return ClassUnknown, true
		}
		return e.Class, true
	case interface{ Unwrap() error }:
		return classIn(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, err := range e.Unwrap() {
			if class, ok := classIn(err); ok {
				return class, true
			}
		}
	}
	return ClassUnknown, false
}

// masked hides the context errors of an attempt, and what a nested router says
// of itself: they must not look like the caller's deadline or like this
// router's own state. Everything else stays reachable.
type masked struct{ err error }

func (m masked) Error() string { return "failover: " + safeReason(m.err) }

func (m masked) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded, context.Canceled, ErrNoneAvailable, ErrClosed:
		return false // an attempt's, or a nested router's; not the caller's
	}
	return errors.Is(m.err, target)
}

func (m masked) As(target any) bool {
	switch target.(type) {
	case **CanceledError, **NoneAvailableError:
		return false
	}
	return errors.As(m.err, target)
}

// mask wraps err if it matches a context error.
func mask(err error) error {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || isRouterError(err) {
		return masked{err}
	}
	return err
}

// box carries a typed answer in an untyped error.
type box[Resp any] struct{ resp Resp }

// Rejected returns the last answer that Validate refused, if err says that no
// answer was accepted and at least one was given. The answer is the caller's:
// Discard is not called for it.
func Rejected[Resp any](err error) (Resp, bool) {
	if e, ok := errors.AsType[*AllFailedError](err); ok {
		if b, ok := e.rejected.(box[Resp]); ok {
			return b.resp, true
		}
	}
	var zero Resp
	return zero, false
}
