package failover_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// The random-fault test: hours of virtual outages, silences, slow-downs, rate
// limits and flapping, and thousands of requests through one router. Each
// promise has a check of its own, judged against what the simulated providers
// know of themselves.

type fault uint8

const (
	faultNone fault = iota
	faultRefused
	faultError
	faultSilent
	faultSlow // past the attempt timeout
	faultRateLimited
	faultRateLimitedWithDate // says how long
	faultFlapping
	faultIncomplete
	numFaults
)

// phase is a time during which a simulated provider behaves one way.
type phase struct {
	from, to time.Duration
	fault    fault
}

// sim is a provider that follows a script of phases and keeps a ledger.
type sim struct {
	name   string
	begun  time.Time
	phases []phase
	seed   uint64

	mu     sync.Mutex
	calls  []time.Duration // when each call came
	served int
	random *rand.Rand
}

func newSim(name string, seed uint64, length time.Duration, faulty bool) *sim {
	s := &sim{name: name, begun: time.Now(), seed: seed, random: rand.New(rand.NewPCG(seed, 1))}
	if !faulty {
		s.phases = []phase{{0, length, faultNone}}
		return s
	}
	draw := func(low, high time.Duration) time.Duration {
		return low + time.Duration(s.random.Int64N(int64(high-low)))
	}
	for at := time.Duration(0); at < length; {
		healthy := draw(time.Minute, 20*time.Minute)
		s.phases = append(s.phases, phase{at, at + healthy, faultNone})
		at += healthy
		broken := draw(10*time.Second, 8*time.Minute)
		s.phases = append(s.phases, phase{at, at + broken, fault(1 + s.random.IntN(int(numFaults)-1))})
		at += broken
	}
	return s
}

// phaseAt is what the script says of a moment.
func (s *sim) phaseAt(at time.Duration) phase {
	for _, p := range s.phases {
		if at >= p.from && at < p.to {
			return p
		}
	}
	return phase{to: 1 << 62}
}

func (s *sim) now() time.Duration { return time.Since(s.begun) }

// faultyWithin says whether the provider was anything but healthy in a span.
func (s *sim) faultyWithin(from, to time.Duration) bool {
	return slices.ContainsFunc(s.phases, func(p phase) bool {
		return p.fault != faultNone && p.from < to && p.to > from
	})
}

func (s *sim) do(ctx context.Context, _ int) (string, error) {
	now := s.now()
	p := s.phaseAt(now)
	s.mu.Lock()
	s.calls = append(s.calls, now)
	latency := 20*time.Millisecond + time.Duration(s.random.Int64N(int64(180*time.Millisecond)))
	coin := s.random.IntN(2) == 0
	s.mu.Unlock()
	f := p.fault
	if f == faultFlapping {
		f = faultNone
		if (now-p.from)/(3*time.Second)%2 == 0 {
			f = faultError
		}
	}
	switch f {
	case faultRefused:
		return "", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	case faultSilent:
		<-ctx.Done()
		return "", ctx.Err()
	case faultSlow:
		latency = time.Minute
	}
	if err := pass(ctx, latency); err != nil {
		return "", err
	}
	switch f {
	case faultError:
		return "", &failover.Error{Class: failover.ClassTransient, Status: 503}
	case faultRateLimited:
		return "", &failover.Error{Class: failover.ClassRateLimited, Status: 429}
	case faultRateLimitedWithDate:
		return "", &failover.Error{
			Class: failover.ClassRateLimited, Status: 429, RetryAfter: min(p.to-s.now(), 90*time.Second),
		}
	case faultIncomplete:
		if coin {
			return "", nil // an empty success
		}
		return "", &failover.Error{Class: failover.ClassIncomplete}
	}
	s.mu.Lock()
	s.served++
	s.mu.Unlock()
	return s.name, nil
}

// pass lets virtual time pass.
func pass(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// answer is how one request ended.
type answer struct {
	begun, ended time.Duration
	deadline     time.Duration // 0: none
	canceled     bool          // the caller gave up
	served       string
	err          error
}

type world struct {
	sims    []*sim
	router  *failover.Router[int, string]
	length  time.Duration
	answers []answer
	opened  map[string]int // breaker openings and cooldowns, by provider
}

const (
	faultsLength = 3 * time.Hour
	faultsEvery  = 500 * time.Millisecond // mean time between requests
	faultsLimit  = 2 * time.Second        // attempt timeout
)

// runWorld lets requests come at random for the whole script. It must run in
// a bubble.
func runWorld(t *testing.T, seed uint64, steady, impatient bool, opts ...failover.Option) *world {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 2))
	w := &world{length: faultsLength, opened: map[string]int{}}
	var providers []failover.Provider[int, string]
	for i, name := range []string{"first", "second", "third"} {
		s := newSim(name, seed*10+uint64(i), w.length, !steady || i < 2)
		w.sims = append(w.sims, s)
		providers = append(providers, failover.Wrap(name, s.do))
	}
	var mu sync.Mutex
	opts = append([]failover.Option{
		failover.WithTimeout(faultsLimit),
		failover.WithObserver(func(_ context.Context, e failover.Event) {
			mu.Lock()
			defer mu.Unlock()
			switch e := e.(type) {
			case failover.BreakerEvent:
				if e.To == failover.BreakerOpen {
					w.opened[e.Provider]++
				}
			case failover.CooldownEvent:
				w.opened[e.Provider]++
			}
		}),
	}, opts...)
	r, err := failover.New(providers, opts...)
	require.NoError(t, err)
	w.router = r
	begun := time.Now()
	var wg sync.WaitGroup
	for time.Since(begun) < w.length {
		require.NoError(t, pass(t.Context(), time.Duration(random.Int64N(int64(2*faultsEvery)))))
		wish := random.IntN(10)
		if int(time.Since(begun)/time.Minute)%7 == 3 {
			wish = 8 // a minute in which every caller gives up
		}
		if !impatient {
			wish = 0
		}
		wg.Go(func() {
			a := w.request(begun, wish, random.Uint64())
			mu.Lock()
			w.answers = append(w.answers, a)
			mu.Unlock()
		})
		synctest.Wait() // random is shared with nobody, and the order stays the seed's
	}
	wg.Wait()
	return w
}

// request is one caller: most are patient, some are not, some give up.
func (w *world) request(begun time.Time, wish int, random uint64) answer {
	a := answer{begun: time.Since(begun)}
	ctx := context.Background()
	switch {
	case wish < 6:
		a.deadline = 12 * time.Second
	case wish < 8:
		a.deadline = time.Duration(1 + random%uint64(3*time.Second))
	case wish < 9:
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer context.AfterFunc(ctx, func() {})()
		timer := time.AfterFunc(time.Duration(random%uint64(time.Second)), cancel)
		defer timer.Stop()
		defer cancel()
		a.canceled = true
	}
	if a.deadline > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, a.deadline)
		defer cancel()
	}
	a.served, a.err = w.router.Do(ctx, 0)
	a.ended = time.Since(begun)
	if a.canceled && ctx.Err() == nil {
		a.canceled = false // it was answered first
	}
	return a
}

func (w *world) close(t *testing.T) {
	t.Helper()
	require.NoError(t, w.router.Close())
	for _, p := range w.router.Status().Providers {
		require.Zero(t, p.InFlight, "%s: attempts are still counted as running", p.Name)
	}
}

// patient says that the request had all the time it could need.
func (a answer) patient() bool {
	return !a.canceled && (a.deadline == 0 || a.deadline >= 12*time.Second)
}

// checkServed: a request is served whenever an eligible provider can serve it.
func (w *world) checkServed(t *testing.T) {
	t.Helper()
	for _, a := range w.answers {
		if a.patient() {
			require.NoError(t, a.err, "request at %v: the third provider was healthy all the time", a.begun)
		}
	}
}

// checkAccounted: a request that nobody served names every provider, each
// with a reason that its own script confirms.
func (w *world) checkAccounted(t *testing.T) {
	t.Helper()
	// longestShut is how long a healthy provider may still be shut out: the
	// longest open time or cooldown of this test, and a trial.
	const longestShut = 90*time.Second + faultsLimit
	failed := 0
	for _, a := range w.answers {
		if !a.patient() || a.err == nil {
			continue
		}
		failed++
		var attempts []failover.Attempt
		var skipped []failover.Skip
		if all, ok := errors.AsType[*failover.AllFailedError](a.err); ok {
			attempts, skipped = all.Attempts, all.Skipped
		} else if none, ok := errors.AsType[*failover.NoneAvailableError](a.err); ok {
			skipped = none.Skipped
		} else {
			require.Fail(t, "unexpected error", "%T %v", a.err, a.err)
		}
		for _, s := range w.sims {
			tried := slices.ContainsFunc(attempts, func(at failover.Attempt) bool { return at.Provider == s.name })
			at := slices.IndexFunc(skipped, func(k failover.Skip) bool { return k.Provider == s.name })
			require.NotEqual(t, tried, at >= 0, "%s must be either tried or skipped: %v", s.name, a.err)
			if tried {
				require.True(t, s.faultyWithin(a.begun, a.ended+time.Millisecond),
					"request at %v: %s was tried while healthy, and failed: %v", a.begun, s.name, a.err)
				continue
			}
			require.Contains(t, []failover.Reason{failover.ReasonOpen, failover.ReasonCooling, failover.ReasonHalfOpen},
				skipped[at].Reason, "%v", a.err)
			if skipped[at].Reason == failover.ReasonHalfOpen {
				continue // its one trial was with another request
			}
			require.True(t, s.faultyWithin(a.begun-longestShut, a.ended),
				"request at %v: %s was shut out although it had long been healthy: %v", a.begun, s.name, a.err)
		}
	}
	require.NotZero(t, failed, "the seed makes no total outage: the check saw nothing")
}

// checkDeadlines: the caller returns by its deadline.
func (w *world) checkDeadlines(t *testing.T) {
	t.Helper()
	late := 0
	for _, a := range w.answers {
		if a.deadline > 0 && a.ended-a.begun > a.deadline+20*time.Millisecond {
			late++
		}
		if a.deadline > 0 && a.ended-a.begun >= a.deadline {
			require.ErrorIs(t, a.err, context.DeadlineExceeded)
		}
	}
	require.Zero(t, late, "callers returned more than 20 ms after their deadline")
}

// checkUnblamed: a provider that never failed is never shut out, however
// impatient its callers are.
func (w *world) checkUnblamed(t *testing.T, name string) {
	t.Helper()
	require.Zero(t, w.opened[name], "%s never failed, yet it was shut out", name)
}

// checkHealed: a healed provider gets its traffic back.
func (w *world) checkHealed(t *testing.T) {
	t.Helper()
	primary, checked := w.sims[0], 0
	for _, p := range primary.phases {
		// By then open time (66 s) and cooldown (90 s) are over, and two trials
		// were made.
		back := p.from + 95*time.Second
		p.to = min(p.to, w.length)
		if p.fault != faultNone || p.from == 0 || p.to-back < 30*time.Second {
			continue
		}
		mine, others := 0, 0
		for _, a := range w.answers {
			if a.begun < back || a.ended >= p.to || a.err != nil {
				continue
			}
			if a.served == primary.name {
				mine++
			} else {
				others++
			}
		}
		checked++
		require.Greater(t, mine, 9*others, "healed at %v, healthy until %v: %d requests to it, %d elsewhere",
			p.from, p.to, mine, others)
	}
	require.Greater(t, checked, 3, "the seed heals too seldom: the check saw nothing")
}

// checkProbesOnly: a failing provider gets only probes: once it had time to be
// found out, at most a few calls in any 10 s.
//
// Three things are not probes and are not judged here: calls of callers too
// impatient to tell a silent provider from a slow one; and, where everybody
// may fail (sole), a rate limit without a Retry-After at the only provider
// left, which cools nobody, and failures to connect to all that are left,
// which are taken for local trouble.
func (w *world) checkProbesOnly(t *testing.T, most int, sole bool) {
	t.Helper()
	checked := 0
	for _, s := range w.sims {
		for _, p := range s.phases {
			// 20 s from the first call that met the fault are enough to find out
			// any of them but flapping.
			met := slices.IndexFunc(s.calls, func(at time.Duration) bool { return at >= p.from })
			if met < 0 {
				continue
			}
			from := s.calls[met] + 20*time.Second
			if p.fault == faultNone || p.fault == faultFlapping || (sole && (p.fault == faultRateLimited || p.fault == faultRefused)) || p.to < from+10*time.Second {
				continue
			}
			for at := from; at+10*time.Second <= p.to; at += 10 * time.Second {
				n := 0
				for _, call := range s.calls {
					if call >= at && call < at+10*time.Second {
						n++
					}
				}
				checked++
				require.LessOrEqual(t, n, most, "%s: fault %d since %v: %d calls in 10 s at %v", s.name, p.fault, p.from, n, at)
			}
		}
	}
	require.Greater(t, checked, 50, "the seed fails too seldom: the check saw nothing")
}

// checkLedger: the statistics agree with what the providers saw.
func (w *world) checkLedger(t *testing.T) {
	t.Helper()
	for i, p := range w.router.Status().Providers {
		sum := uint64(0)
		for _, n := range p.Attempts {
			sum += n
		}
		require.Equal(t, uint64(len(w.sims[i].calls)), sum, "%s: calls seen and attempts counted", p.Name)
		require.Equal(t, uint64(w.sims[i].served), p.Attempts["success"], "%s: successes", p.Name)
	}
}

func faultSeeds() []uint64 { return []uint64{1, 2, 3, uint64(time.Now().UnixNano())} }

func TestRandomFaultsWithOneSteadyProvider(t *testing.T) {
	t.Parallel()
	for _, seed := range faultSeeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runWorld(t, seed, true, true)
				w.checkServed(t)
				w.checkDeadlines(t)
				w.checkUnblamed(t, "third")
				w.checkHealed(t)
				w.checkLedger(t)
				w.close(t)
			})
		})
	}
}

func TestRandomFaultsEverywhere(t *testing.T) {
	t.Parallel()
	for _, seed := range faultSeeds()[:3] {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runWorld(t, seed, false, true)
				w.checkAccounted(t)
				w.checkDeadlines(t)
				w.checkHealed(t)
				w.checkLedger(t)
				w.close(t)
			})
		})
	}
}

func TestFailingProviderGetsOnlyProbes(t *testing.T) {
	t.Parallel()
	for _, seed := range faultSeeds() {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runWorld(t, seed, true, false)
				w.checkServed(t)
				w.checkProbesOnly(t, 4, false)
				w.close(t)
			})
		})
		t.Run(fmt.Sprint(seed, " everywhere"), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runWorld(t, seed, false, false)
				w.checkProbesOnly(t, 12, true) // with nobody left, one trial a second
				w.close(t)
			})
		})
	}
}

func TestRandomFaultsUnderEveryStrategy(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]failover.Strategy{
		"round robin": failover.RoundRobin(), "weighted": failover.Weighted(),
		"least latency": failover.LeastLatency(), "scored": failover.Scored(failover.Weights{Speed: 1, Success: 1}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := runWorld(t, 7, true, true, failover.WithStrategy(s))
				w.checkServed(t)
				w.checkDeadlines(t)
				w.checkUnblamed(t, "third")
				w.checkLedger(t)
				w.close(t)
			})
		})
	}
}

func TestEverybodySilentReturnsByTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var left atomic.Int64
		silent := func(ctx context.Context, _ int) (string, error) {
			left.Add(1)
			defer left.Add(-1)
			<-ctx.Done()
			return "", ctx.Err()
		}
		r, err := failover.New(failover.Providers(
			failover.Wrap("a", silent), failover.Wrap("b", silent), failover.Wrap("c", silent),
		))
		require.NoError(t, err)
		for range 50 {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			begun := time.Now()
			_, err = r.Do(ctx, 0)
			require.LessOrEqual(t, time.Since(begun), 5*time.Second+20*time.Millisecond)
			if time.Since(begun) >= 5*time.Second {
				require.ErrorIs(t, err, context.DeadlineExceeded)
			} else {
				require.Error(t, err) // nobody left to ask: it need not wait
			}
			cancel()
		}
		require.NoError(t, r.Close())
		synctest.Wait()
		require.Zero(t, left.Load())
	})
}
