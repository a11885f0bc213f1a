package telnyx

import (
	"context"
	"sync"
	"time"

	"github.com/gofailover/failover"
)

const (
	// The vendor ignores a command that it gets again within 60 s, and takes it
	// for another one later:
	// https://developers.telnyx.com/docs/voice/programmable-voice/receiving-webhooks.
	// A repeat that is begun within repeatable and given up at repeatEnd comes
	// in time, because the vendor's minute began no earlier than ours.
	repeatable = 50 * time.Second
	repeatEnd  = 55 * time.Second

	// A router forgets operations after a day, so that a name, and with it the ids
	// of its attempts, may come again. That is no repeat.
	commandLife = 24 * time.Hour

	// commandsKept bounds the memory of commands. They are forgotten when their
	// outcome is known, so that it holds those in flight and those that have
	// stayed uncertain. A repeat follows its first at once.
	commandsKept = 8192
)

// commands remembers when each command was first given.
type commands struct {
	mu    sync.Mutex
	first map[string]time.Time
}

func newCommands() *commands { return &commands{first: map[string]time.Time{}} }

// begin says under which context a command may be given, and whether it was
// given before; or that it must not be given any more. It ends with end. An
// empty id is no command's.
func (c *commands) begin(ctx context.Context, id string) (within context.Context, cancel context.CancelFunc, repeats bool, err error) {
	if id == "" {
		return ctx, func() {}, false, nil
	}
	first, repeats := c.give(id, time.Now())
	switch {
	case !repeats:
		return ctx, func() {}, false, nil
	case time.Since(first) >= repeatable:
		return nil, nil, true, &failover.Error{Class: failover.ClassUnsupported, Err: errTooLate}
	default:
		within, cancel = context.WithDeadlineCause(ctx, first.Add(repeatEnd), failover.ErrAttemptTimeout)
		return within, cancel, true, nil
	}
}

// give says when the command was first given, and whether that was before.
func (c *commands) give(id string, now time.Time) (first time.Time, repeats bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if first, ok := c.first[id]; ok && now.Sub(first) < commandLife {
		return first, true
	}
	if len(c.first) >= commandsKept {
		delete(c.first, c.oldest())
	}
	c.first[id] = now
	return now, false
}

// oldest needs the lock.
func (c *commands) oldest() (id string) {
	var at time.Time
	for one, first := range c.first {
		if id == "" || first.Before(at) {
			id, at = one, first
		}
	}
	return id
}

// end forgets a command whose outcome is known, which is not given again. That a
// repeat was refused says nothing of the first.
func (c *commands) end(id string, repeats bool, err error) {
	if err != nil {
		outcome := failover.Classify(err).Outcome
		if outcome == failover.OutcomeUnknown || repeats && outcome == failover.OutcomeNotAccepted {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.first, id)
}
