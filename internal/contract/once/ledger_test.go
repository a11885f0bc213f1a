package once_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// dice are shared by what runs in one world.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{rng: rand.New(rand.NewPCG(seed, 11))} }

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// oneIn says yes once in n times.
func (d *dice) oneIn(n int) bool { return d.roll(n) == 0 }

// within draws a time up to most.
func (d *dice) within(most time.Duration) time.Duration {
	return time.Duration(d.roll(int(most/time.Microsecond))+1) * time.Microsecond
}

// ledger is what the vendors really did.
type ledger struct {
	mu    sync.Mutex
	took  map[string]int
	story map[string][]string // of an operation, for a failed test
	plots map[string]int      // how often each was played
}

func newLedger() *ledger {
	return &ledger{took: map[string]int{}, story: map[string][]string{}, plots: map[string]int{}}
}

// enter says that an operation took effect.
func (l *ledger) enter(op, where string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.took[op]++
	l.story[op] = append(l.story[op], where+" did it")
}

func (l *ledger) count(op string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.took[op]
}

func (l *ledger) note(op, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.story[op] = append(l.story[op], fmt.Sprintf(format, args...))
}

func (l *ledger) played(op, where, plot string) {
	l.note(op, "%s plays %q", where, plot)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.plots[plot]++
}

func (l *ledger) tale(op string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return "\t" + strings.Join(l.story[op], "\n\t")
}
