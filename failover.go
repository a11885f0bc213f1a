// Package failover keeps a service up when the providers it depends on are
// not: LLMs, speech, SMS, phone calls, or any client of its own.
//
// Hand the providers to a [Router]. It picks one for each request, watches it,
// and moves to another when it fails, without doing harm on the way: no hang
// past the caller's deadline, no message sent twice, no empty answer passed
// off as whole, no storm on a provider in trouble.
//
//	router, err := failover.New(failover.Providers(
//		failover.Wrap("primary", primary.Synthesize),
//		failover.Wrap("fallback", fallback.Synthesize),
//	))
//	...
//	audio, err := router.Do(ctx, request)
//
// A request goes through
//
//	Router.Do(ctx, req)
//	  └─ plan          who is eligible for this request
//	      └─ Strategy    picks the next candidate
//	          └─ retry       same provider, only where it can help
//	              └─ breaker     one per provider and router
//	                  └─ timeout     of one attempt
//	                      └─ Adapt → Do → Validate
//	                          ↓
//	                     classify: what happened, may it have taken effect, what next
//
// [Provider] describes one way to serve a request; [Wrap] makes one of the
// client you have. Options configure the router: [WithStrategy],
// [WithTimeout], [WithRetry], [WithBreaker], [WithHealthChecks], [WithHedge]
// and more, each with a default that suits a service with people waiting.
// [With] carries the wishes of a single call in its context. What an error
// means is told by its [Class] and the table of [DefaultVerdict].
//
// A [StreamRouter] does the same for providers that answer item by item: make
// it with [NewStream] and range over [StreamRouter.Stream].
//
// All exported functions and methods are safe for concurrent use unless they
// say otherwise.
package failover

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
)

// Router gives each request to one of its providers, and to others when that
// one fails. Make it with [New]. It is safe for concurrent use.
type Router[Req, Resp any] struct {
	*core

	providers []Provider[Req, Resp]
	empty     func(Resp) bool // nil: no answer is empty
	calls     sync.Pool       // of *call[Req, Resp]
}

// core is the part of a router that knows no types.
type core struct {
	cfg        config
	epoch      time.Time // clocks are read against it: cheaper than time.Now
	ends       []*endpoint
	byName     map[string]int
	strategy   Strategy
	inOrder    *activePassive // the strategy, if it is this one
	budget     *budget
	sticky     *stickyTable
	ops        *operations
	sideEffect bool
	listening  bool // somebody observes or logs

	closed     atomic.Bool
	life       context.Context //nolint:containedctx // the router's own life, ended by Close
	end        context.CancelFunc
	work       workers
	lastForced atomic.Int64
	lastLocal  atomic.Int64
	switched   atomic.Uint64 // the last failover that served: from, to, class
	switchedAt atomic.Int64
}

// New makes a router of providers. It returns an error that names the
// provider or option and the value if there are no providers, a name is
// empty, not unique or contains "/", a Do is nil, a number is negative, or
// options contradict each other: hedging, mirroring or Validate with side
// effects, a failure ratio without a window.
//
// A router with health checks, mirrors or hedges has goroutines of its own;
// [Router.Close] ends them.
func New[Req, Resp any](providers []Provider[Req, Resp], opts ...Option) (*Router[Req, Resp], error) {
	cfg := defaultConfig()
	WithOptions(opts...).apply(&cfg)
	if cfg.onlyStreams != "" {
		cfg.rejectf("New: %s is for NewStream", cfg.onlyStreams)
	}
	return build("New", slices.Clone(providers), cfg)
}

// build makes a router for the function that is named.
func build[Req, Resp any](maker string, providers []Provider[Req, Resp], cfg config) (*Router[Req, Resp], error) {
	if err := checkProviders(maker, providers); err != nil {
		return nil, err
	}
	c, err := newCore(cfg, len(providers), countLeaves(providers))
	if err != nil {
		return nil, err
	}
	accounts := map[string]*account{}
	for i := range providers {
		addEndpoint(c, &providers[i], i, accounts)
	}
	if err := c.checkSideEffects(hasValidate(providers)); err != nil {
		return nil, err
	}
	r := &Router[Req, Resp]{core: c, providers: providers}
	if !cfg.allowEmpty && !c.sideEffect && !cfg.streams {
		r.empty = emptiness[Resp]()
	}
	r.calls.New = func() any { return newCall(r) }
	if b, ok := cfg.strategy.(bound); ok {
		c.strategy = b.bind(c)
		if c.cfg.err != nil {
			return nil, c.cfg.err
		}
	}
	c.inOrder, _ = c.strategy.(*activePassive)
	for i := range providers {
		if m, ok := providers[i].nested.(interface {
			adopt(c *core, name string) error
		}); ok {
			if err := m.adopt(c, providers[i].Name); err != nil {
				return nil, fmt.Errorf("failover: %s: provider %q: %w", maker, providers[i].Name, err)
			}
		}
	}
	startProbes(r)
	return r, nil
}

func newCore(cfg config, providers, leaves int) (*core, error) {
	cfg.retry.complete(&cfg)
	cfg.budget.complete(&cfg)
	cfg.breaker.complete(&cfg)
	cfg.sticky.complete(&cfg)
	cfg.failback.complete(&cfg)
	if cfg.health != nil {
		cfg.health.complete(&cfg)
	}
	if cfg.hedge != nil {
		cfg.hedge.complete(&cfg)
	}
	if cfg.err != nil {
		return nil, cfg.err
	}
	if cfg.name == "" {
		cfg.name = "router"
	}
	if cfg.attempts == 0 {
		cfg.attempts = 2*leaves + 2
	}
	c := &core{
		cfg: cfg, epoch: time.Now(), byName: make(map[string]int, providers),
		strategy: cfg.strategy, budget: newBudget(cfg.budget), sticky: newStickyTable(cfg.sticky),
		listening: cfg.observer != nil || cfg.logger != nil,
	}
	c.lastForced.Store(math.MinInt64 / 2)
	c.lastLocal.Store(math.MinInt64 / 2)
	c.life, c.end = context.WithCancel(context.Background())
	return c, nil
}

func checkProviders[Req, Resp any](maker string, providers []Provider[Req, Resp]) error {
	if len(providers) == 0 {
		return fmt.Errorf("failover: %s: no providers", maker)
	}
	seen := map[string]bool{}
	for i, p := range providers {
		fault := ""
		switch {
		case p.Name == "":
			return fmt.Errorf("failover: %s: provider %d has no Name", maker, i)
		case strings.Contains(p.Name, "/"):
			fault = `Name contains "/"`
		case strings.ContainsFunc(p.Name, unicode.IsControl):
			fault = "Name contains a control character"
		case seen[p.Name]:
			fault = "Name is used twice"
		case p.err != nil:
			return fmt.Errorf("failover: %s: provider %q: %w", maker, p.Name, p.err)
		case p.Do == nil:
			fault = "Do is nil"
		case p.Weight < 0:
			fault = fmt.Sprintf("Weight %d is negative", p.Weight)
		case p.Weight > maxWeight:
			fault = fmt.Sprintf("Weight %d is above %d", p.Weight, maxWeight)
		case p.Timeout < 0:
			fault = fmt.Sprintf("Timeout %v is negative", p.Timeout)
		case p.Limit.check() != "":
			fault = fmt.Sprintf("%s is negative or no number: %+v", p.Limit.check(), p.Limit)
		}
		if fault != "" {
			return fmt.Errorf("failover: %s: provider %q: %s", maker, p.Name, fault)
		}
		seen[p.Name] = true
	}
	return nil
}

// countLeaves counts providers, in a nested router its own.
func countLeaves[Req, Resp any](providers []Provider[Req, Resp]) int {
	n := 0
	for _, p := range providers {
		if r, ok := p.nested.(nestedRouter); ok {
			n += r.leaves
		} else {
			n++
		}
	}
	return n
}

func hasValidate[Req, Resp any](providers []Provider[Req, Resp]) string {
	for _, p := range providers {
		if p.Validate != nil {
			return p.Name
		}
	}
	return ""
}

func addEndpoint[Req, Resp any](c *core, p *Provider[Req, Resp], index int, accounts map[string]*account) {
	if p.nested != nil && p.nested.sideEffects() {
		p.SideEffect = true
	}
	e := &endpoint{
		core: c, index: index, name: p.Name, timeout: p.Timeout, nested: p.nested,
		limit: newLimiter(p.Limit), probed: p.Check != nil && c.cfg.health != nil, downSince: -1,
	}
	if e.timeout == 0 && p.nested == nil {
		e.timeout = c.cfg.timeout // what is nested bounds its own attempts
	}
	e.weight.Store(int64(max(p.Weight, 1)))
	e.breaker.policy = &c.cfg.breaker
	e.breaker.changedAt.Store(math.MinInt64 / 2)
	e.cool.begun = -1
	e.arm()
	name := p.Account
	a := accounts[name]
	if a == nil || name == "" {
		a = &account{name: name}
		accounts[name] = a
	}
	a.members = append(a.members, e)
	e.account = a
	c.sideEffect = c.sideEffect || p.SideEffect
	c.ends = append(c.ends, e)
	c.byName[p.Name] = index
}

func (c *core) checkSideEffects(validating string) error {
	if !c.sideEffect {
		return nil
	}
	c.ops = newOperations()
	switch {
	case c.cfg.hedge != nil:
		return errors.New("failover: New: WithHedge is not allowed with side effects: both attempts could take effect")
	case validating != "":
		return fmt.Errorf("failover: New: provider %q: Validate is not allowed with side effects: "+
			"what was done cannot be refused", validating)
	}
	for _, e := range c.ends {
		if n, ok := e.nested.(interface{ repeats() string }); ok && n.repeats() != "" {
			return fmt.Errorf("failover: New: provider %q: %s is not allowed with side effects", e.name, n.repeats())
		}
	}
	return nil
}

// now is the time since the router was made, in nanoseconds; monotonic.
func (c *core) now() int64 { return int64(time.Since(c.epoch)) }

// at is the wall-clock time of an instant of ours.
func (c *core) at(now int64) time.Time { return c.epoch.Add(time.Duration(now)) }

func (c *core) knows(path string) bool {
	name, rest, nested := strings.Cut(path, "/")
	i, ok := c.byName[name]
	if !ok || !nested {
		return ok
	}
	return c.ends[i].nested != nil && c.ends[i].nested.knows(rest)
}

// unknownProviderError says that a name given to a method or wish is nobody's.
type unknownProviderError struct{ where, name string }

func (e *unknownProviderError) Error() string {
	return fmt.Sprintf("failover: %s: unknown provider %q", e.where, printable(e.name))
}

func (e *unknownProviderError) Is(target error) bool { return target == ErrUnknownProvider }

// find returns the endpoint of a name given to method.
func (c *core) find(method, name string) (*endpoint, error) {
	i, ok := c.byName[name]
	if !ok {
		return nil, &unknownProviderError{method, name}
	}
	return c.ends[i], nil
}

// SetPrimary makes the named provider the first choice of [ActivePassive]; the
// others keep their order. It returns an error for an unknown name or under
// another strategy.
func (c *core) SetPrimary(name string) error {
	return c.reorder("SetPrimary", []string{name}, func(order, named []int) []int {
		return append(named, slices.DeleteFunc(order, func(i int) bool { return slices.Contains(named, i) })...)
	})
}

// SetFallbacks sets who stands behind the primary of [ActivePassive], in this
// order; those not named come last, in their present order. It returns an
// error for an unknown name, for the primary's, for one given twice, or under
// another strategy.
func (c *core) SetFallbacks(names ...string) error {
	return c.reorder("SetFallbacks", names, func(order, named []int) []int {
		if slices.Contains(named, order[0]) {
			return nil
		}
		next := append([]int{order[0]}, named...)
		rest := slices.DeleteFunc(order[1:], func(i int) bool { return slices.Contains(named, i) })
		return append(next, rest...)
	})
}

func (c *core) reorder(method string, names []string, change func(order, named []int) []int) error {
	s, ok := c.strategy.(*activePassive)
	if !ok {
		return fmt.Errorf("failover: %s: the strategy is not ActivePassive", method)
	}
	named := make([]int, 0, len(names))
	for _, name := range names {
		e, err := c.find(method, name)
		if err != nil {
			return err
		}
		if slices.Contains(named, e.index) {
			return fmt.Errorf("failover: %s: %q is given twice", method, name)
		}
		named = append(named, e.index)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	order := change(s.all(len(c.ends)), named)
	if order == nil {
		return fmt.Errorf("failover: %s: the primary cannot be its own fallback", method)
	}
	s.order.Store(&order)
	return nil
}

// SetWeight changes a provider's weight under [Weighted]. 0 drains it: it gets
// no new requests, under any strategy, until its weight is set again.
func (c *core) SetWeight(name string, weight int) error {
	e, err := c.find("SetWeight", name)
	if err != nil {
		return err
	}
	if weight < 0 {
		return fmt.Errorf("failover: SetWeight: %q: %d is negative", name, weight)
	}
	if weight > maxWeight {
		return fmt.Errorf("failover: SetWeight: %q: %d is above %d", name, weight, maxWeight)
	}
	e.mu.Lock() // so that weight and flag come from the same call
	defer e.mu.Unlock()
	e.weight.Store(int64(weight))
	if weight == 0 {
		e.flags.Or(flagDrained)
	} else {
		e.flags.And(^flagDrained)
	}
	return nil
}

// Disable takes a provider out of service at once. An attempt that is running
// there may finish; it is not repeated.
func (c *core) Disable(name string) error {
	e, err := c.find("Disable", name)
	if err == nil {
		e.flags.Or(flagDisabled)
	}
	return err
}

// Enable puts a provider back into full service: it undoes Disable and clears
// its breaker and its cooldowns, those of its account included.
func (c *core) Enable(name string) error {
	e, err := c.find("Enable", name)
	if err != nil {
		return err
	}
	now := c.now()
	e.account.cool.reset()
	for _, m := range e.account.members {
		if m != e {
			m.mu.Lock()
			m.flags.And(^flagAccount)
			m.recovered(now)
			m.mu.Unlock()
			c.flush(context.Background(), m)
		}
	}
	e.reset(now, 0)
	e.breaker.opens.Store(0)
	e.flags.And(^(flagDisabled | flagHeld))
	c.flush(context.Background(), e)
	return nil
}

// flush emits what an endpoint queued while locks were held.
func (c *core) flush(ctx context.Context, e *endpoint) {
	if !e.pending.Load() {
		return
	}
	for _, ev := range e.takeEvents() {
		c.emit(ctx, ev)
	}
}

// Close refuses new calls, lets running attempts finish without new ones,
// stops probes, mirrors and hedges, and waits for them; it does not wait for
// plain calls of Do, nor for streams that are being delivered. It must not be called from what it waits for: an observer,
// a Check, or a Do under hedging or mirroring. Nested routers are not
// closed: they are their owner's. Further calls of Close wait too and return
// nil.
func (c *core) Close() error {
	c.closed.Store(true)
	c.end()
	for _, e := range c.ends {
		if m, ok := e.nested.(interface{ stop() }); ok {
			m.stop()
		}
	}
	c.work.wait()
	return nil
}

// workers are the goroutines of a router. Unlike a WaitGroup it refuses new
// ones once somebody waits.
type workers struct {
	mu     sync.Mutex
	closed bool
	group  sync.WaitGroup
}

// run starts f unless the router is closed, and says whether it did.
func (w *workers) run(f func()) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.group.Go(f)
	return true
}

// enter is run for a goroutine that may leave before it ends.
func (w *workers) enter() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.group.Add(1)
	return true
}

func (w *workers) leave() { w.group.Done() }

func (w *workers) wait() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.group.Wait()
}
