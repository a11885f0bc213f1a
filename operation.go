package failover

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// A router with side effects remembers its latest operations, so that one that
// the caller named is not begun twice, and that a late report finds what it
// settles.
const (
	operationsKept = 8192
	operationTTL   = int64(24 * time.Hour)
)

type operations struct {
	table  *lru[operation]
	strays *lru[operation] // reports of operations that were not begun here, or not yet

	mu      sync.Mutex          // held by every method, so that the tables agree
	running map[string]struct{} // apart from the table, which may forget
}

// operation is what is known of one that is not running for the first time.
type operation struct {
	accepted  string          // who accepted it
	uncertain *UncertainError // it may have taken effect, and nobody accepted it
	open      []opening       // those that may have taken effect
	made      int             // attempts, so that their ids go on where they ended
	reports   map[string]Outcome
}

// opening is an attempt that may have taken effect: the path of its provider,
// and its id.
type opening struct{ path, id string }

func newOperations() *operations {
	return &operations{
		table:   newLRU[operation](operationsKept, operationTTL),
		strays:  newLRU[operation](operationsKept, operationTTL),
		running: map[string]struct{}{},
	}
}

// enter begins an operation the caller named, or says why it must not be. It
// returns what is known of it: the uncertainty of an earlier run, where the
// caller begins it anyway, and what was made and reported before.
func (o *operations) enter(id string, now int64, evenIfUncertain bool) (before operation, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.running[id]; ok {
		return before, &DuplicateError{Operation: id, Running: true}
	}
	o.adopt(id, now)
	o.table.update(id, now, func(op operation, found bool) (operation, bool) {
		switch {
		case op.accepted != "":
			err = &DuplicateError{Operation: id, Provider: op.accepted}
		case op.uncertain != nil && !evenIfUncertain:
			err = op.uncertain
		default:
			o.running[id] = struct{}{}
			before = op
		}
		return op, found
	})
	return before, err
}

// begun says that there were attempts before: in this process or, since they
// were reported of, in one that has ended.
func (op *operation) begun() bool { return op.made > 0 || len(op.reports) > 0 }

// adopt takes over what was reported of an operation before it was known. Under
// mu.
func (o *operations) adopt(id string, now int64) {
	var stray operation
	o.strays.update(id, now, func(op operation, _ bool) (operation, bool) {
		stray = op
		return op, false
	})
	if stray.reports != nil {
		o.table.update(id, now, func(operation, bool) (operation, bool) { return stray, true })
	}
}

// ending is how a run ended: accepted by a provider, uncertain (or both, if the
// caller chose at-least-once), or neither: without effect, so that it may be
// begun again.
type ending struct {
	made      int
	accepted  string
	uncertain *UncertainError
	open      []opening
	// settles says whether what was reported of a path during the run settles
	// the attempt there.
	settles func(path string) bool
}

// leave ends a run.
func (o *operations) leave(id string, now int64, end ending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.running, id)
	o.adopt(id, now)
	o.table.update(id, now, func(op operation, _ bool) (operation, bool) {
		op.made += end.made
		if op.accepted == "" {
			op.accepted = end.accepted
		}
		op.open = slices.Clip(op.open)
		for _, one := range end.open {
			settled := op.reports[one.path] != OutcomeUnknown && end.settles(one.path)
			if !settled && !slices.Contains(op.open, one) {
				op.open = append(op.open, one)
			}
		}
		if end.uncertain != nil {
			kept := *end.uncertain
			kept.ended = nil // that context was this caller's, not the next one's
			op.uncertain = &kept
		}
		op.close()
		return op, op.made > 0 || op.accepted != "" || len(op.open) > 0 || len(op.reports) > 0
	})
}

// close forgets an uncertainty that nothing is left of.
func (op *operation) close() {
	if op.accepted != "" || len(op.open) == 0 {
		op.uncertain = nil
	}
}

// unsettled adds the attempts that may have taken effect.
func unsettled(open []opening, attempts []Attempt) []opening {
	for _, a := range attempts {
		if a.Outcome != OutcomeUnknown {
			continue
		}
		before := len(open)
		if open = unsettled(open, a.Inner); len(open) == before {
			open = append(open, opening{a.Provider, a.ID})
		}
	}
	return open
}

// reported returns what a report said of the operation at a provider.
func (o *operations) reported(id, path string, now int64) (outcome Outcome) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.home(id, now).update(id, now, func(op operation, found bool) (operation, bool) {
		outcome = op.reports[path]
		return op, found
	})
	return outcome
}

// home is where an operation is kept: one that was not begun here, or is
// running and nothing was told of it before, must not push out what was. Under
// mu.
func (o *operations) home(id string, now int64) *lru[operation] {
	if o.table.has(id, now) {
		return o.table
	}
	return o.strays
}

// settle keeps a report. It says whether the same was reported before, and
// whether the attempt had been uncertain.
//
// A report that repeats one of an earlier run says nothing of the present one:
// webhooks are delivered twice.
func (o *operations) settle(id, path string, outcome Outcome, now int64) (repeated, wasUncertain bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.home(id, now).update(id, now, func(op operation, _ bool) (operation, bool) {
		if repeated = op.reports[path] == outcome; repeated {
			return op, true
		}
		wasUncertain = op.opened(path) > 0
		reports := make(map[string]Outcome, len(op.reports)+1)
		maps.Copy(reports, op.reports)
		reports[path] = outcome
		op.reports = reports
		op.open = slices.DeleteFunc(slices.Clone(op.open), func(one opening) bool {
			return within(one.path, path) && (outcome == OutcomeAccepted || op.opened(one.path) == 1)
		})
		if outcome == OutcomeAccepted && op.accepted == "" {
			op.accepted = path
		}
		op.close()
		return op, true
	})
	return repeated, wasUncertain
}

// opened counts the attempts at a path that may have taken effect. A report
// names no attempt: that one of several was not accepted settles none of them.
func (op *operation) opened(path string) (n int) {
	for _, one := range op.open {
		if one.path == path {
			n++
		}
	}
	return n
}

// within says whether path is provider or lies inside it.
func within(path, provider string) bool {
	return path == provider || strings.HasPrefix(path, provider+"/")
}

func newOperationID() string {
	return fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64()) //nolint:gosec // unique, not secret
}

// Report takes a late result of an operation with a side effect, from a status
// webhook whose signature was verified, say, in whichever order it and the
// provider's answer arrive. It settles an attempt that was uncertain and counts
// for or against the provider; it never sends anything again. What was
// reported twice counts once: if an operation was begun again after it was
// reported as not accepted, and is uncertain at the same provider again, the
// same report settles nothing, for it may be the first one delivered twice. Nor
// does one that came before the operation was begun here, or one of "not
// accepted" where several attempts at the provider are uncertain: it does not
// say which of them it is about.
//
// outcome is OutcomeAccepted or OutcomeNotAccepted. cause says why it was not
// accepted; its class decides whether the provider is blamed, as in
// [DefaultVerdict]: a recipient's own cause is an [Error] of ClassInvalid and
// blames nobody. nil is an unknown cause.
//
// provider may be a path into a nested router. Report returns an error if the
// router has no side effects, for an empty operation, an unknown provider or
// an unknown outcome.
func (r *Router[Req, Resp]) Report(operation, provider string, outcome Outcome, cause error) error {
	c := r.core
	switch {
	case !c.knows(provider):
		return fmt.Errorf("failover: Report: %w %q", ErrUnknownProvider, printable(provider))
	case operation == "":
		return fmt.Errorf("failover: Report: the operation is empty") //nolint:perfsprint // reads like its neighbours
	case outcome != OutcomeAccepted && outcome != OutcomeNotAccepted:
		return fmt.Errorf("failover: Report: the outcome is %v", outcome)
	case c.ops == nil:
		return fmt.Errorf("failover: Report: no provider of the router has side effects") //nolint:perfsprint // as above
	}
	c.report(operation, provider, outcome, cause)
	return nil
}

// report is Report at a known path, in this router and in those on the way.
func (c *core) report(operation, path string, outcome Outcome, cause error) {
	wasUncertain := false
	if c.ops != nil { // else it sends only inside a router that does
		var repeated bool
		if repeated, wasUncertain = c.ops.settle(operation, path, outcome, c.now()); repeated {
			return
		}
	}
	name, rest, inside := strings.Cut(path, "/")
	e := c.ends[c.byName[name]]
	if n, ok := e.nested.(nestedRouter); inside && ok {
		n.report(operation, rest, outcome, cause)
	} else {
		c.count(e, outcome, cause, wasUncertain)
	}
	if c.listening {
		e.queueEvent(func(o Origin) Event {
			return ReportEvent{Origin: o, Operation: operation, Provider: path, Outcome: outcome, Uncertain: wasUncertain}
		})
		c.flush(c.life, e)
	}
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
