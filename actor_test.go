package failover_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// actor is a provider that plays the part it was last given, and remembers
// when it was called.
type actor struct {
	name string

	mu    sync.Mutex
	part  func(ctx context.Context) (string, error)
	calls []time.Time
}

func newActor(name string) *actor {
	a := &actor{name: name}
	a.answers()
	return a
}

// plays gives the actor its part from now on.
func (a *actor) plays(part func(ctx context.Context) (string, error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.part = part
}

func (a *actor) answers() {
	a.plays(func(context.Context) (string, error) { return a.name, nil })
}

func (a *actor) fails(err error) {
	a.plays(func(context.Context) (string, error) { return "", err })
}

// failsAs fails with an Error of this class and nothing else.
func (a *actor) failsAs(class failover.Class) { a.fails(&failover.Error{Class: class}) }

// isSilent waits for the end of its context.
func (a *actor) isSilent() {
	a.plays(func(ctx context.Context) (string, error) {
		<-ctx.Done()
		return "", ctx.Err()
	})
}

// takes answers after d.
func (a *actor) takes(d time.Duration) {
	a.plays(func(ctx context.Context) (string, error) { return a.name, pass(ctx, d) })
}

// follows fails with one error a call, then answers; nil is an answer.
func (a *actor) follows(errs ...error) {
	a.plays(func(context.Context) (string, error) {
		a.mu.Lock()
		defer a.mu.Unlock()
		if len(errs) == 0 {
			return a.name, nil
		}
		err := errs[0]
		errs = errs[1:]
		if err != nil {
			return "", err
		}
		return a.name, nil
	})
}

func (a *actor) do(ctx context.Context, _ string) (string, error) {
	a.mu.Lock()
	a.calls = append(a.calls, time.Now())
	part := a.part
	a.mu.Unlock()
	return part(ctx)
}

// times is how often it was called.
func (a *actor) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.calls)
}

// forget makes times start again.
func (a *actor) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.calls = nil
}

// waits are the times between its calls.
func (a *actor) waits() []time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	var waits []time.Duration
	for i := 1; i < len(a.calls); i++ {
		waits = append(waits, a.calls[i].Sub(a.calls[i-1]))
	}
	return waits
}

func (a *actor) provider() failover.Provider[string, string] { return failover.Wrap(a.name, a.do) }

type stage = failover.Router[string, string]

// onStage makes a router of actors in their order.
func onStage(t *testing.T, actors []*actor, opts ...failover.Option) *stage {
	t.Helper()
	providers := make([]failover.Provider[string, string], len(actors))
	for i, a := range actors {
		providers[i] = a.provider()
	}
	return withProviders(t, providers, opts...)
}

func withProviders(t *testing.T, providers []failover.Provider[string, string], opts ...failover.Option) *stage {
	t.Helper()
	r, err := failover.New(providers, opts...)
	require.NoError(t, err)
	return r
}

// ask makes one request without a deadline.
func ask(t *testing.T, r *stage) (string, error) {
	t.Helper()
	return r.Do(t.Context(), "request")
}

// statusOf is the status of one provider.
func statusOf(t *testing.T, r *stage, name string) failover.ProviderStatus {
	t.Helper()
	for _, p := range r.Status().Providers {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no provider %q", name)
	return failover.ProviderStatus{}
}

// reasonsOf are the reasons why a provider is not in full service.
func reasonsOf(t *testing.T, r *stage, name string) []failover.Reason {
	t.Helper()
	var reasons []failover.Reason
	for _, s := range statusOf(t, r, name).Reasons {
		reasons = append(reasons, s.Reason)
	}
	return reasons
}

// left is for how long a provider is still left alone for this reason, 0 if it
// is not.
func left(t *testing.T, r *stage, name string, reason failover.Reason) time.Duration {
	t.Helper()
	for _, s := range statusOf(t, r, name).Reasons {
		if s.Reason == reason {
			return time.Until(s.Until).Round(time.Microsecond)
		}
	}
	return 0
}

// stateOf is the state of a provider's breaker.
func stateOf(t *testing.T, r *stage, name string) failover.BreakerState {
	t.Helper()
	return statusOf(t, r, name).Breaker
}

// wait lets fake time pass.
func wait(t *testing.T, d time.Duration) {
	t.Helper()
	require.NoError(t, pass(context.Background(), d))
}

// bubble runs a test in fake time.
func bubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// notebook keeps the events of a router.
type notebook struct {
	mu     sync.Mutex
	events []failover.Event
}

func (n *notebook) option() failover.Option {
	return failover.WithObserver(func(_ context.Context, e failover.Event) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.events = append(n.events, e)
	})
}

func (n *notebook) all() []failover.Event {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]failover.Event(nil), n.events...)
}

func (n *notebook) clear() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.events = nil
}

// noted are the events of one type.
func noted[E failover.Event](n *notebook) []E {
	var list []E
	for _, e := range n.all() {
		if e, ok := e.(E); ok {
			list = append(list, e)
		}
	}
	return list
}

// once keeps a test to one attempt a provider, so that what an attempt did is
// seen alone.
func once() failover.Option { return failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}) }

// errSpilled is a foreign error that offers nothing.
var errSpilled = errors.New("spilled")
