package failover_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// errMurky is an undeclared error of a provider with side effects.
var errMurky = errors.New("murky")

type letter struct{ op string }

// dice are shared by what runs in one world.
type dice struct {
	mu  sync.Mutex
	rng *rand.Rand
}

func newDice(seed uint64) *dice { return &dice{rng: rand.New(rand.NewPCG(seed, 7))} }

func (d *dice) roll(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.rng.IntN(n)
}

// within draws a time from (0, most].
func (d *dice) within(most time.Duration) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return time.Duration(d.rng.Int64N(int64(most)) + 1)
}

// ledger is what really happened: how often each operation took effect.
type ledger struct {
	mu    sync.Mutex
	took  map[string]int
	ids   map[string]string // attempt id → the only carrier that may see it
	wrong []string
	story map[string][]string // of an operation, for a failed test
}

// note adds to the story of an operation.
func (l *ledger) note(op, format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.story[op] = append(l.story[op], fmt.Sprintf(format, args...))
}

func (l *ledger) tale(op string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.story[op], "\n")
}

func newLedger() *ledger {
	return &ledger{took: map[string]int{}, ids: map[string]string{}, story: map[string][]string{}}
}

func (l *ledger) count(op string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.took[op]
}

// sees checks the ids of an attempt as the carrier saw them. A dedupes carrier
// may see an id twice.
func (l *ledger) sees(ctx context.Context, carrier string, dedupes bool, op string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := failover.AttemptID(ctx)
	if got := failover.OperationID(ctx); op != "" && got != op {
		l.wrong = append(l.wrong, fmt.Sprintf("%s saw operation %q, not %q", carrier, got, op))
	}
	before, again := l.ids[id]
	if again && (before != carrier || !dedupes) {
		l.wrong = append(l.wrong, fmt.Sprintf("attempt id %q went to %s and to %s", id, before, carrier))
	}
	l.ids[id] = carrier
}

// carrier is a provider with side effects whose every attempt ends in another
// way. It never lies: what it declares, reports and finds is what happened.
type carrier struct {
	path    string // in the router that reports are made to
	book    *ledger
	dice    *dice
	dedupes bool
	naive   bool
	report  func(op, path string, outcome failover.Outcome)

	mu      sync.Mutex
	asked   map[string]bool // by operation
	effects map[string]bool // by attempt id
	pending map[string]int  // by attempt id: may still happen
	perOp   map[string]int  // effects of an operation here
	waiting map[string]int  // pending ones of an operation here
}

func newCarrier(path string, book *ledger, d *dice) *carrier {
	return &carrier{
		path: path, book: book, dice: d,
		asked: map[string]bool{}, effects: map[string]bool{}, pending: map[string]int{}, perOp: map[string]int{}, waiting: map[string]int{},
	}
}

// take makes the side effect happen.
func (v *carrier) take(id, op string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.dedupes && v.effects[id] {
		return
	}
	v.effects[id] = true
	v.perOp[op]++
	defer v.book.note(op, "%s took %s", v.path, id)
	v.book.mu.Lock()
	v.book.took[op]++
	v.book.mu.Unlock()
}

// expect says that the attempt may still take effect.
func (v *carrier) expect(id, op string, n int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked[op] = true
	v.pending[id] += n
	v.waiting[op] += n
}

// tell reports the truth about an operation here, if there is one yet.
func (v *carrier) tell(op string) {
	v.mu.Lock()
	outcome, known := failover.OutcomeNotAccepted, v.waiting[op] == 0
	if v.perOp[op] > 0 {
		outcome, known = failover.OutcomeAccepted, true
	}
	known = known && v.asked[op]
	v.mu.Unlock()
	if known && v.report != nil {
		v.book.note(op, "%s reported %v", v.path, outcome)
		v.report(op, v.path, outcome)
	}
}

var anyClass = []failover.Class{
	failover.ClassUnknown, failover.ClassTransient, failover.ClassTimeout, failover.ClassRateLimited,
	failover.ClassExhausted, failover.ClassUnauthorized, failover.ClassUnsupported, failover.ClassIncomplete,
	failover.ClassFiltered, failover.ClassInvalid, failover.ClassTransient, failover.ClassTransient,
}

func (v *carrier) do(ctx context.Context, m letter) (string, error) {
	id, op := failover.AttemptID(ctx), m.op
	if !v.naive {
		v.book.sees(ctx, v.path, v.dedupes, op)
		op = failover.OperationID(ctx)
	}
	v.expect(id, op, 1)
	defer func() {
		v.expect(id, op, -1)
		if v.dice.roll(6) == 0 {
			v.tell(op) // the report comes before the answer
		}
	}()
	happens := v.dice.roll(2) == 0
	maybe := func() {
		if happens {
			v.take(id, op)
		}
	}
	if v.dice.roll(3) > 0 {
		if pass(ctx, v.dice.within(4*time.Second)) != nil {
			maybe()
			return "", ctx.Err()
		}
	}
	declared := &failover.Error{Class: anyClass[v.dice.roll(len(anyClass))], Err: errMurky}
	plot := v.dice.roll(14)
	v.book.note(op, "%s asked, attempt %s, plot %d, happens %v, class %v", v.path, id, plot, happens, declared.Class)
	switch plot {
	case 0, 1:
		v.take(id, op)
		return "sent", nil
	case 2, 3, 4, 5:
		declared.Outcome = failover.OutcomeNotAccepted
		return "", declared
	case 6:
		v.take(id, op)
		declared.Outcome = failover.OutcomeAccepted
		return "", declared
	case 7:
		maybe()
		return "", declared
	case 8:
		maybe()
		return "", errMurky
	case 9:
		maybe()
		panic(errMurky)
	case 10:
		maybe()
		if v.naive {
			return "", errMurky
		}
		runtime.Goexit()
	case 11: // the vendor is at it when the caller has long left
		v.expect(id, op, 1)
		go func() {
			_ = pass(context.WithoutCancel(ctx), v.dice.within(time.Minute))
			maybe()
			v.expect(id, op, -1)
		}()
		return "", errMurky
	case 12: // ignores the end of its context
		_ = pass(context.WithoutCancel(ctx), v.dice.within(20*time.Second))
		v.take(id, op)
		return "sent", nil
	default:
		maybe()
		<-ctx.Done()
	}
	return "", fmt.Errorf("too late: %w", ctx.Err())
}

var errCannotTell = errors.New("two messages match")

func (v *carrier) lookup(ctx context.Context, _ letter, a failover.Attempt) (resp string, err error) {
	defer func() { v.book.note(a.Operation, "%s looked up %s: %q %v", v.path, a.ID, resp, err) }()
	switch v.dice.roll(6) {
	case 0:
		<-ctx.Done()
		return "", ctx.Err()
	case 1:
		panic(errCannotTell)
	case 2:
		return "", errCannotTell
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	switch {
	case v.pending[a.ID] > 0:
		return "", errCannotTell
	case v.effects[a.ID]:
		return "sent", nil
	default:
		return "", fmt.Errorf("no such message: %w", failover.ErrNotFound)
	}
}

func (v *carrier) provider(name string) failover.Provider[letter, string] {
	p := failover.Wrap(name, v.do)
	p.SideEffect = true
	p.Dedupes = v.dedupes
	if v.dice.roll(2) == 0 {
		p.Lookup = v.lookup
	}
	if v.dice.roll(4) == 0 {
		p.Adapt = func(m letter) letter {
			if v.dice.roll(10) == 0 {
				panic(errMurky) // before anything was sent
			}
			return m
		}
	}
	return p
}

// post is a router of carriers, some of them nested.
type post struct {
	t        *testing.T
	dice     *dice
	book     *ledger
	router   *failover.Router[letter, string]
	carriers []*carrier
	late     sync.WaitGroup
}

func newPost(t *testing.T, seed uint64) *post {
	t.Helper()
	p := &post{t: t, dice: newDice(seed), book: newLedger()}
	p.router = p.build("", 1+p.dice.roll(3), 2)
	for _, v := range p.carriers {
		v.report = func(op, path string, outcome failover.Outcome) {
			require.NoError(t, p.router.Report(op, path, outcome, nil))
		}
	}
	return p
}

func (p *post) build(path string, size, depth int) *failover.Router[letter, string] {
	var providers []failover.Provider[letter, string]
	for i := range size {
		name := fmt.Sprintf("c%d", i)
		if depth > 0 && p.dice.roll(3) == 0 {
			providers = append(providers, failover.Nest(name, p.build(path+name+"/", 1+p.dice.roll(3), depth-1)))
			continue
		}
		v := newCarrier(path+name, p.book, p.dice)
		v.dedupes = p.dice.roll(3) == 0
		p.carriers = append(p.carriers, v)
		providers = append(providers, v.provider(name))
	}
	opts := []failover.Option{failover.WithTimeout(5 * time.Second)}
	if p.dice.roll(2) == 0 {
		opts = append(opts, failover.WithObserver(func(context.Context, failover.Event) {}))
	}
	if p.dice.roll(2) == 0 {
		opts = append(opts, failover.WithStrategy(failover.RoundRobin()))
	}
	if p.dice.roll(2) == 0 {
		opts = append(opts, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1 << 20}))
	}
	r, err := failover.New(providers, opts...)
	require.NoError(p.t, err)
	return r
}

// told is what a caller learned.
type told struct {
	result   failover.Result[string]
	err      error
	panicked any
	exited   bool
}

// send calls the router on a goroutine of its own, for it may end it.
func (p *post) send(op string, failOver bool) told {
	ctx := context.Background()
	if op != "" {
		ctx = failover.Operation(ctx, op)
	}
	if failOver {
		ctx = failover.With(ctx, failover.OnUncertain(failover.FailOver))
	}
	var cancel context.CancelFunc
	switch p.dice.roll(6) {
	case 0:
		ctx, cancel = context.WithTimeout(ctx, p.dice.within(15*time.Second))
		defer cancel()
	case 1:
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		if p.dice.roll(5) == 0 {
			cancel()
		} else {
			time.AfterFunc(p.dice.within(15*time.Second), cancel)
		}
	}
	p.book.note(op, "sent, fail over: %v", failOver)
	done := make(chan told, 1)
	go func() {
		end := told{exited: true}
		defer func() {
			if v := recover(); v != nil {
				end.exited, end.panicked = false, v
			}
			done <- end
		}()
		end.result, end.err = p.router.Route(ctx, letter{op})
		end.exited = false
	}()
	end := <-done
	p.book.note(op, "told %v, panic %v, exited %v", end.err, end.panicked, end.exited)
	return end
}

// reports delivers some reports, some of them late and twice.
func (p *post) reports(op string) {
	for _, v := range p.carriers {
		for range p.dice.roll(3) {
			p.late.Go(func() {
				if p.dice.roll(2) == 0 {
					_ = pass(context.Background(), p.dice.within(2*time.Minute))
				}
				v.tell(op)
			})
		}
	}
}

// TestNothingIsDoneTwice holds a router to its first promise against providers
// that end their attempts in every way there is.
func TestNothingIsDoneTwice(t *testing.T) {
	t.Parallel()
	doubled, sent, uncertain, refused := 0, 0, 0, 0
	for _, seed := range append([]uint64{11, 12}, faultSeeds()...) {
		synctest.Test(t, func(t *testing.T) {
			p := newPost(t, seed)
			for i := range 150 {
				op := fmt.Sprintf("op%d", i)
				for range 1 + p.dice.roll(4) {
					before := p.book.count(op)
					both := p.sendSome(op, 1+p.dice.roll(8)/7)
					p.reports(op)
					p.check(seed, op, before, both)
					for _, end := range both {
						switch {
						case end.err == nil && end.panicked == nil && !end.exited:
							sent++
						case errors.Is(end.err, failover.ErrUncertain):
							uncertain++
						default:
							refused++
						}
					}
				}
				_ = pass(context.Background(), p.dice.within(3*time.Minute))
				if n := p.book.count(op); n > 1 {
					t.Errorf("seed %d: %s was done %d times\n%s", seed, op, n, p.book.tale(op))
				}
			}
			p.late.Wait()
			_ = pass(context.Background(), 2*time.Minute) // for the vendors that are still at it
			require.Empty(t, p.book.wrong, "seed %d", seed)
			require.NoError(t, p.router.Close())
		})
		doubled += naiveDoubles(t, seed)
	}
	// The test means something only if all of it happened.
	require.Greater(t, sent, 100)
	require.Greater(t, uncertain, 100)
	require.Greater(t, refused, 100)
	require.Greater(t, doubled, 20, "a loop over the same providers does operations twice")
}

// sendSome sends one operation once, or n times at once.
func (p *post) sendSome(op string, n int) []told {
	ends := make([]told, n)
	var group sync.WaitGroup
	for i := range ends {
		group.Go(func() { ends[i] = p.send(op, false) })
	}
	group.Wait()
	return ends
}

// check says that nobody was told "failed" of what happened.
func (p *post) check(seed uint64, op string, before int, ends []told) {
	p.t.Helper()
	after := p.book.count(op)
	knows := false
	for _, end := range ends {
		switch {
		case end.panicked != nil, end.exited, end.err == nil,
			errors.Is(end.err, failover.ErrUncertain), errors.Is(end.err, failover.ErrDuplicate):
			knows = true
		}
	}
	if after > 1 {
		p.t.Errorf("seed %d: %s was done %d times\n%s", seed, op, after, p.book.tale(op))
	}
	if after > before && !knows {
		p.t.Errorf("seed %d: %s was done, and its caller was told %v\n%s", seed, op, ends[0].err, p.book.tale(op))
	}
	for _, end := range ends {
		if end.panicked == nil && !end.exited {
			requireTyped(p.t, end.err)
		}
	}
}

// requireTyped says that an error is one of those that Do documents.
func requireTyped(t *testing.T, err error) {
	t.Helper()
	if err == nil || errors.Is(err, failover.ErrClosed) {
		return
	}
	for _, ok := range []bool{
		isType[*failover.AllFailedError](err), isType[*failover.NoneAvailableError](err),
		isType[*failover.CanceledError](err), isType[*failover.UncertainError](err),
		isType[*failover.DuplicateError](err),
	} {
		if ok {
			return
		}
	}
	t.Fatalf("Do returned a %T: %v", err, err)
}

func isType[E error](err error) bool {
	_, ok := err.(E)
	return ok
}

// naiveDoubles counts what a loop that tries one after the other does twice
// with the same providers.
func naiveDoubles(t *testing.T, seed uint64) int {
	t.Helper()
	doubles := 0
	synctest.Test(t, func(*testing.T) {
		d, book := newDice(seed), newLedger()
		carriers := []*carrier{newCarrier("a", book, d), newCarrier("b", book, d), newCarrier("c", book, d)}
		for i := range 150 {
			op := fmt.Sprintf("op%d", i)
			for _, v := range carriers {
				v.naive = true
				ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
				_, err := v.tolerant(ctx, letter{op})
				cancel()
				if err == nil {
					break
				}
			}
			_ = pass(context.Background(), 2*time.Minute)
			if book.count(op) > 1 {
				doubles++
			}
		}
	})
	return doubles
}

// tolerant is do for a loop that catches panics.
func (v *carrier) tolerant(ctx context.Context, m letter) (resp string, err error) {
	defer func() {
		if recover() != nil {
			err = errMurky
		}
	}()
	return v.do(ctx, m)
}

// TestAtLeastOnceStaysUncertain: with OnUncertain(FailOver) a second attempt
// is made, and whatever comes of it, the caller learns that the first may have
// taken effect too.
func TestAtLeastOnceStaysUncertain(t *testing.T) {
	t.Parallel()
	again, flagged := 0, 0
	for _, seed := range faultSeeds() {
		synctest.Test(t, func(t *testing.T) {
			p := newPost(t, seed)
			for i := range 300 {
				op := ""
				if i%2 == 0 {
					op = fmt.Sprintf("op%d", i/3)
				}
				end := p.send(op, true)
				_ = pass(context.Background(), p.dice.within(3*time.Minute))
				if end.panicked != nil || end.exited {
					continue
				}
				unknown := openAttempts(end.result.Attempts)
				if unknown == 0 {
					continue
				}
				if len(end.result.Attempts) > 1 {
					again++
				}
				if end.err != nil {
					require.ErrorIs(t, end.err, failover.ErrUncertain, "seed %d: %s", seed, op)
				} else {
					require.True(t, end.result.Uncertain, "seed %d: %s: %+v", seed, op, end.result.Attempts)
					flagged++
				}
			}
			require.Empty(t, p.book.wrong, "seed %d", seed)
			_ = pass(context.Background(), 2*time.Minute)
		})
	}
	require.Greater(t, again, 50, "second attempts")
	require.Greater(t, flagged, 5, "successes that say that an attempt before may have taken effect")
}

// TestUncertaintyInsideIsToldOutside: a success that may be the second is one
// for the routers around too, as deep as it happened.
func TestUncertaintyInsideIsToldOutside(t *testing.T) {
	t.Parallel()
	fails := failover.Wrap("fails", func(context.Context, letter) (string, error) { return "", errMurky })
	works := failover.Wrap("works", func(context.Context, letter) (string, error) { return "sent", nil })
	fails.SideEffect, works.SideEffect = true, true
	router := func(providers ...failover.Provider[letter, string]) *failover.Router[letter, string] {
		r, err := failover.New(providers)
		require.NoError(t, err)
		return r
	}
	for depth := range 3 {
		for _, murky := range []bool{true, false} {
			inner := router(works)
			if murky {
				inner = router(fails, works)
			}
			for range depth {
				inner = router(failover.Nest("inside", inner))
			}
			for range 2 { // calls are pooled: the second must not remember the first
				result, err := inner.Route(failover.With(context.Background(), failover.OnUncertain(failover.FailOver)), letter{})
				require.NoError(t, err)
				require.Equal(t, murky, result.Uncertain, "depth %d", depth)
			}
		}
	}
}

// openAttempts counts the attempts whose outcome is unknown, but for one that
// was repeated, by its id, with success.
func openAttempts(attempts []failover.Attempt) int {
	n := 0
	for i, a := range attempts {
		if a.Outcome != failover.OutcomeUnknown {
			continue
		}
		settled := false
		for _, b := range attempts[i+1:] {
			settled = settled || (b.ID == a.ID && b.Err == nil)
		}
		if !settled {
			n++
		}
	}
	return n
}
