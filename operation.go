package failover

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// A router with side effects remembers its latest operations, so that one that
// the caller named is not begun twice, and that a late report finds what it
// settles.
const (
	operationsKept = 8192
	operationTTL   = int64(24 * time.Hour)
)

type operations struct{ table *lru[operation] }

// operation is what is known of one.
type operation struct {
	running   bool
	accepted  string          // who accepted it
	uncertain *UncertainError // it may have taken effect
	reports   map[string]Outcome
}

func newOperations() *operations {
	return &operations{newLRU[operation](operationsKept, operationTTL)}
}

// enter begins an operation the caller named, or says why it must not be.
func (o *operations) enter(id string, now int64, evenIfUncertain bool) (err error) {
	o.table.update(id, now, func(op operation, found bool) (operation, bool) {
		switch {
		case op.running:
			err = &DuplicateError{Operation: id, Running: true}
		case op.accepted != "":
			err = &DuplicateError{Operation: id, Provider: op.accepted}
		case op.uncertain != nil && !evenIfUncertain:
			err = op.uncertain
		default:
			op.running = true
			return op, true
		}
		return op, found
	})
	return err
}

// leave ends it: accepted by a provider, uncertain, or (neither) without
// effect, so that it may be begun again.
func (o *operations) leave(id string, now int64, accepted string, uncertain *UncertainError) {
	o.table.update(id, now, func(op operation, _ bool) (operation, bool) {
		op.running = false
		switch {
		case accepted != "":
			op.accepted, op.uncertain = accepted, nil
		case uncertain != nil && op.accepted == "":
			op.uncertain = uncertain
		}
		return op, op.accepted != "" || op.uncertain != nil || len(op.reports) > 0
	})
}

// reported returns what a report said of the operation at a provider.
func (o *operations) reported(id, provider string, now int64) (outcome Outcome) {
	o.table.update(id, now, func(op operation, found bool) (operation, bool) {
		outcome = op.reports[provider]
		return op, found
	})
	return outcome
}

// settle keeps a report. It says whether the same was reported before, and
// whether the attempt had been uncertain.
func (o *operations) settle(id, provider string, outcome Outcome, now int64) (repeated, wasUncertain bool) {
	o.table.update(id, now, func(op operation, _ bool) (operation, bool) {
		repeated = op.reports[provider] == outcome
		wasUncertain = op.uncertain != nil && head(op.uncertain.Attempt.Provider) == provider
		reports := map[string]Outcome{provider: outcome}
		for p, old := range op.reports {
			if p != provider {
				reports[p] = old
			}
		}
		op.reports = reports
		if outcome == OutcomeAccepted {
			op.accepted = provider
		}
		if wasUncertain {
			op.uncertain = nil
		}
		return op, true
	})
	return repeated, wasUncertain
}

func newOperationID() string {
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) //nolint:gosec // unique, not secret
}

// Report takes a late result of an operation with a side effect, from a status
// webhook whose signature was verified, say, in whichever order it and the
// provider's answer arrive. It settles an attempt that was uncertain and counts
// for or against the provider; it never sends anything again. What was
// reported twice counts once.
//
// outcome is OutcomeAccepted or OutcomeNotAccepted. cause says why it was not
// accepted; its class decides whether the provider is blamed, as in
// [DefaultVerdict]: a recipient's own cause is an [Error] of ClassInvalid and
// blames nobody. nil is an unknown cause.
//
// provider may be a path into a nested router. Report returns an error if the
// router has no side effects, for an empty operation, an unknown provider or
// an unknown outcome.
func (c *core) Report(operation, provider string, outcome Outcome, cause error) error {
	name := head(provider)
	e, err := c.find("Report", name)
	switch {
	case err != nil:
		return err
	case operation == "":
		return fmt.Errorf("failover: Report: the operation is empty") //nolint:perfsprint // reads like its neighbours
	case outcome != OutcomeAccepted && outcome != OutcomeNotAccepted:
		return fmt.Errorf("failover: Report: the outcome is %v", outcome)
	case c.ops == nil:
		return fmt.Errorf("failover: Report: no provider of the router has side effects") //nolint:perfsprint // as above
	}
	if name != provider {
		inner, ok := e.nested.(interface {
			innerReport(operation, provider string, outcome Outcome, cause error) error
		})
		if !ok {
			return fmt.Errorf("failover: Report: %w %q", ErrUnknownProvider, printable(provider))
		}
		if err := inner.innerReport(operation, provider[len(name)+1:], outcome, cause); err != nil {
			return err
		}
	}
	repeated, wasUncertain := c.ops.settle(operation, name, outcome, c.now())
	if repeated {
		return nil
	}
	if name == provider {
		c.count(e, outcome, cause, wasUncertain)
	}
	if c.listening {
		e.queueEvent(func(o Origin) Event {
			return ReportEvent{Origin: o, Operation: operation, Provider: provider, Outcome: outcome, Uncertain: wasUncertain}
		})
		c.flush(c.life, e)
	}
	return nil
}

// count lets a report count as an attempt would have. A failure that was
// uncertain was counted when it happened.
func (c *core) count(e *endpoint, outcome Outcome, cause error, wasUncertain bool) {
	sees := error(nil)
	if outcome == OutcomeNotAccepted {
		r := reading{class: ClassUnknown}
		if cause != nil {
			r = read(cause)
		}
		switch c.cfg.verdicts[r.class].Breaker {
		case BreakerFailure:
			sees = errBreakerFailure
		case BreakerIgnored:
			return
		case BreakerSuccess:
		}
	}
	if sees == nil {
		e.breaker.streak.clear()
	} else {
		if wasUncertain {
			return
		}
		e.lastFailure.Store(c.now())
		e.breaker.streak.fail(false)
	}
	e.stats.rate(sees != nil)
	if e.flags.Load()&flagsTrial != 0 {
		return // a report is no trial
	}
	_, _ = e.breaker.cb.Load().Execute(func() (struct{}, error) { return struct{}{}, sees })
}
