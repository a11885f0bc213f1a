package failover

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"time"
)

// MirrorMode says how a mirror treats its shadow.
type MirrorMode uint8

const (
	// Paired sends every request to both at once and answers with the
	// primary's answer, or with the shadow's if the primary failed.
	Paired MirrorMode = iota
	// Shadow sends a sample of the requests to the shadow as well. It never
	// delays or changes the answer.
	Shadow
)

// MirrorPolicy configures a mirror. Zero fields take their defaults.
type MirrorPolicy struct {
	// Mode is Paired by default.
	Mode MirrorMode
	// Sample is the share of requests (0 to 1) that the shadow gets in Shadow
	// mode. Default 1.
	Sample float64
	// MaxInFlight bounds the shadow's requests that run at once; one more is
	// dropped. Default 16.
	MaxInFlight int
}

// NewMirror makes one provider of two, to try the shadow out beside the
// primary. Both keep a breaker and statistics of their own, shown in the
// status of the router that the mirror is given to, and a primary's failure
// that the shadow's answer covers up still counts against the primary.
//
// Agreement is judged by equal (nil: reflect.DeepEqual), which may run after
// the primary's answer was returned: the caller must not change what the
// answer points to. The shadow's answer, where it is not returned, goes to its
// Discard. The shadow's work is detached from the caller's context, bounded by
// its attempt timeout, and ended by the Close of the router that the mirror
// belongs to.
//
// The mirror takes name, account, weight, check, supports, limit and discard
// from the primary. It is not allowed with side effects. New reports what is wrong with
// it.
func NewMirror[Req, Resp any](
	primary, shadow Provider[Req, Resp], equal func(primary, shadow Resp) bool, policy MirrorPolicy,
) Provider[Req, Resp] {
	p := Provider[Req, Resp]{
		Name: primary.Name, Account: primary.Account, Weight: primary.Weight,
		Check: primary.Check, Supports: primary.Supports, Limit: primary.Limit, Discard: primary.Discard,
	}
	if p.Discard == nil {
		p.Discard = shadow.Discard
	}
	m := &mirror[Req, Resp]{equal: equal, policy: policy, primary: primary.Name, shadow: shadow.Name}
	p.err = m.build(primary, shadow)
	p.Do, p.nested = m.do, m
	p.Cost = m.cost(primary.Cost, shadow.Cost)
	return p
}

// MirrorStatus counts what a mirror did.
type MirrorStatus struct {
	// Sent to the shadow, and Dropped because it was full.
	Sent    uint64 `json:"sent"`
	Dropped uint64 `json:"dropped"`
	// Compared answers of both, and how many of them Agreed.
	Compared uint64 `json:"compared"`
	Agreed   uint64 `json:"agreed"`
	// PrimaryFailed and ShadowFailed count the requests that each side failed.
	PrimaryFailed uint64 `json:"primary_failed"`
	ShadowFailed  uint64 `json:"shadow_failed"`
	// LatencyDelta is the mean of the shadow's time less the primary's, over
	// the compared ones; CostDelta that of the estimated costs.
	LatencyDelta time.Duration `json:"latency_delta_ns"`
	CostDelta    float64       `json:"cost_delta"`
}

type mirror[Req, Resp any] struct {
	*Router[Req, Resp]

	equal           func(primary, shadow Resp) bool
	policy          MirrorPolicy
	primary, shadow string
	outer           *core

	inFlight                        atomic.Int64
	sent, dropped, compared, agreed atomic.Uint64
	primaryFailed, shadowFailed     atomic.Uint64
	latencyDelta                    atomic.Int64
	costDelta                       atomicFloat
}

// half is what one side made of a request.
type half[Resp any] struct {
	result Result[Resp]
	err    error
}

func (m *mirror[Req, Resp]) build(primary, shadow Provider[Req, Resp]) error {
	p := &m.policy
	switch {
	case p.Mode > Shadow:
		return fmt.Errorf("NewMirror: Mode %d is none", p.Mode)
	case p.Sample < 0 || p.Sample > 1 || p.Sample != p.Sample:
		return fmt.Errorf("NewMirror: Sample %v is not between 0 and 1", p.Sample)
	case p.MaxInFlight < 0:
		return fmt.Errorf("NewMirror: MaxInFlight %d is negative", p.MaxInFlight)
	}
	if p.Sample == 0 {
		p.Sample = 1
	}
	if p.MaxInFlight == 0 {
		p.MaxInFlight = 16
	}
	primary.Limit = Limit{} // the mirror's own limit is the primary's
	r, err := New(Providers(primary, shadow), WithRetry(RetryPolicy{MaxAttempts: 1}))
	m.Router = r
	if err == nil && p.Mode == Paired {
		// A side that is open is not tried out of need: there is the other.
		r.lastForced.Store(math.MaxInt64 / 2)
	}
	return err
}

// adopt takes over the settings of the router the mirror was given to.
func (m *mirror[Req, Resp]) adopt(c *core, name string) error {
	if m.outer != nil {
		return errors.New("the mirror belongs to another router already")
	}
	m.outer = c
	cfg := c.cfg
	cfg.name, cfg.hedge, cfg.health, cfg.wait, cfg.failback = name, nil, nil, 0, FailbackPolicy{}
	cfg.retry = m.cfg.retry
	cfg.attempts = m.cfg.attempts
	m.cfg, m.listening = cfg, c.listening
	if cfg.allowEmpty {
		m.Router.empty = nil
	}
	for i, e := range m.ends {
		if e.timeout = m.providers[i].Timeout; e.timeout == 0 {
			e.timeout = cfg.timeout
		}
		e.arm()
	}
	return nil
}

func (m *mirror[Req, Resp]) innerStatus() *Status { s := m.Status(); return &s }
func (m *mirror[Req, Resp]) sideEffects() bool    { return m.Router != nil && m.sideEffect }
func (m *mirror[Req, Resp]) repeats() string      { return "a mirror" }
func (m *mirror[Req, Resp]) stop()                { _ = m.Close() }

func (m *mirror[Req, Resp]) mirrorStatus() *MirrorStatus {
	s := &MirrorStatus{
		Sent: m.sent.Load(), Dropped: m.dropped.Load(), Compared: m.compared.Load(), Agreed: m.agreed.Load(),
		PrimaryFailed: m.primaryFailed.Load(), ShadowFailed: m.shadowFailed.Load(),
	}
	if s.Compared > 0 {
		s.LatencyDelta = time.Duration(m.latencyDelta.Load() / int64(s.Compared)) //nolint:gosec // a count
		s.CostDelta = m.costDelta.load() / float64(s.Compared)
	}
	return s
}

// cost is that of both sides in Paired mode; in Shadow mode the shadow costs
// its share.
func (m *mirror[Req, Resp]) cost(primary, shadow func(Req) float64) func(Req) float64 {
	if primary == nil || shadow == nil {
		return primary
	}
	return func(req Req) float64 {
		extra := shadow(req)
		if m.policy.Mode == Shadow {
			extra *= m.policy.Sample
		}
		if cost := primary(req); cost >= 0 && extra >= 0 {
			return cost + extra
		}
		return -1
	}
}

func (m *mirror[Req, Resp]) do(ctx context.Context, req Req) (Resp, error) {
	shadow, asked := m.cast(ctx, req)
	if asked {
		defer close(shadow.meet) // if the primary panics too
	}
	primary := m.ask(ctx, m.primary, req)
	if sideFailed(primary.err) {
		m.primaryFailed.Add(1)
	}
	switch {
	case !asked:
	case m.policy.Mode == Paired && primary.err != nil && ctx.Err() == nil:
		return m.coverUp(ctx, primary, shadow)
	default:
		shadow.meet <- primary
	}
	return primary.result.Value, primary.err
}

// sideFailed says whether a side failed, which it did not if its context ended.
func sideFailed(err error) bool { return err != nil && !isErr[*CanceledError](err) }

// shade is a request on its way through the shadow.
type shade[Resp any] struct {
	meet chan half[Resp] // the primary's half; closed without it if there is none
	mine chan half[Resp] // the shadow's half, for the one who takes it; closed without it if nobody can
}

// cast sends the request to the shadow on a goroutine of the mirror's router.
func (m *mirror[Req, Resp]) cast(ctx context.Context, req Req) (*shade[Resp], bool) {
	if m.policy.Mode == Shadow && m.policy.Sample < 1 && rand.Float64() >= m.policy.Sample { //nolint:gosec // a share of traffic, no secret
		return nil, false
	}
	if m.inFlight.Add(1) > int64(m.policy.MaxInFlight) {
		m.inFlight.Add(-1)
		m.dropped.Add(1)
		m.tell(ctx, MirrorEvent{Dropped: true})
		return nil, false
	}
	s := &shade[Resp]{meet: make(chan half[Resp], 1), mine: make(chan half[Resp])}
	detached := context.WithoutCancel(ctx)
	started := m.work.run(func() {
		aside(func() { m.follow(detached, s, req) }, func(p *carried) {
			m.inFlight.Add(-1)
			close(s.mine)
			if p != nil {
				m.shadowFailed.Add(1)
				m.panicked(m.shadow, p)
			}
		})
	})
	if !started {
		m.inFlight.Add(-1)
		return nil, false
	}
	m.sent.Add(1)
	return s, true
}

// follow is the shadow's side of a request.
func (m *mirror[Req, Resp]) follow(ctx context.Context, s *shade[Resp], req Req) {
	life, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(m.life, cancel)()
	shadow := m.ask(life, m.shadow, req)
	if sideFailed(shadow.err) {
		m.shadowFailed.Add(1)
	}
	taken := false
	defer func() {
		if !taken && shadow.err == nil {
			m.providers[1].discard(shadow.result.Value)
		}
	}()
	select {
	case s.mine <- shadow:
		taken = true // it was needed as the answer
	case primary, ok := <-s.meet:
		if ok {
			m.compare(ctx, primary, shadow)
		}
	case <-m.life.Done():
		// Closed while the primary is still at it: there is nothing to compare.
	}
}

// coverUp answers with the shadow's half.
func (m *mirror[Req, Resp]) coverUp(ctx context.Context, primary half[Resp], s *shade[Resp]) (Resp, error) {
	select {
	case shadow, ok := <-s.mine:
		if !ok {
			return primary.result.Value, primary.err
		}
		m.tell(ctx, MirrorEvent{Primary: failureOf(primary.err), Shadow: failureOf(shadow.err)})
		if shadow.err == nil {
			return shadow.result.Value, nil
		}
	case <-ctx.Done():
		s.meet <- primary
	}
	return primary.result.Value, primary.err
}

func (m *mirror[Req, Resp]) compare(ctx context.Context, primary, shadow half[Resp]) {
	e := MirrorEvent{Primary: failureOf(primary.err), Shadow: failureOf(shadow.err)}
	if primary.err == nil && shadow.err == nil {
		e.Compared = true
		if m.equal != nil {
			e.Agreed = m.equal(primary.result.Value, shadow.result.Value)
		} else {
			e.Agreed = reflect.DeepEqual(primary.result.Value, shadow.result.Value)
		}
		e.LatencyDelta = shadow.result.Duration - primary.result.Duration
		e.CostDelta = shadow.result.Cost - primary.result.Cost
		m.compared.Add(1)
		if e.Agreed {
			m.agreed.Add(1)
		}
		m.latencyDelta.Add(int64(e.LatencyDelta))
		m.costDelta.add(e.CostDelta)
	}
	m.tell(ctx, e)
}

func (m *mirror[Req, Resp]) tell(ctx context.Context, e MirrorEvent) {
	if m.listening {
		e.Origin, e.Provider = m.outer.origin(), m.cfg.name
		m.emit(ctx, e)
	}
}

// ask gives the request to one side. The caller's wishes were for the router
// around the mirror.
func (m *mirror[Req, Resp]) ask(ctx context.Context, side string, req Req) half[Resp] {
	s := &scope{wishes: []Wish{Only(side)}}
	if outer := scopeOf(ctx); outer != nil {
		s.operation, s.attempt, s.within = outer.operation, outer.attempt, outer.within
		if s.within != nil {
			// Both sides ask at once: what the router around allows one nested
			// call must not run out between them.
			within := *s.within
			within.lent = nil
			s.within = &within
		}
	}
	result, err := m.Route(context.WithValue(ctx, scopeKey{}, s), req)
	return half[Resp]{result, err}
}

// failureOf is the provider's error in what a side returned.
func failureOf(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return Classify(err)
}
