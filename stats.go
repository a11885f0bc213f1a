package failover

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Latency is kept as the last latencyWindow answers for percentiles, and as a
// peak EWMA for LeastLatency.
const (
	latencyWindow = 256
	// ewmaTau is the time constant of the moving average (Finagle's PeakEwma).
	ewmaTau = 10 * time.Second
	// sampleBelow and sampleEvery: a provider that answers faster than
	// sampleBelow (one in memory) is measured in one call of sampleEvery, since
	// reading the clock would cost more than the call.
	sampleBelow = 50 * time.Microsecond
	sampleEvery = 8
	// rateAlpha is the weight of one attempt in the success rate.
	rateAlpha = 1.0 / 32
)

// stats counts what one provider did. Safe for concurrent use.
type stats struct {
	started  atomic.Uint64
	inFlight atomic.Int64
	detached atomic.Int64
	byClass  [numClasses + 1]atomic.Uint64
	cost     atomicFloat
	failRate atomicFloat // smoothed share of failures, so that zero is a good start

	ewma      atomicFloat  // nanoseconds
	ewmaStamp atomic.Int64 // when ewma was last moved
	quantiles atomic.Pointer[quantiles]

	mu   sync.Mutex // guards below
	ring [latencyWindow]int64
	n    int // latencies ever put into ring
}

type quantiles struct {
	n             int
	p50, p90, p99 time.Duration
}

// wantsSample says whether this success is to be measured.
func (s *stats) wantsSample() bool {
	return s.ewma.load() >= float64(sampleBelow) || s.started.Load()%sampleEvery < 2
}

// observe adds one latency.
func (s *stats) observe(now, took int64) {
	took = max(took, 0)
	s.mu.Lock()
	s.ring[s.n%latencyWindow] = took
	s.n++
	s.moveEWMA(now, float64(took))
	s.mu.Unlock()
}

// moveEWMA jumps up to a peak at once and decays with ewmaTau. Under mu.
func (s *stats) moveEWMA(now int64, took float64) {
	cost := s.ewma.load()
	if took > cost {
		cost = took
	} else {
		w := math.Exp(-float64(max(now-s.ewmaStamp.Load(), 0)) / float64(ewmaTau))
		cost = cost*w + took*(1-w)
	}
	s.ewma.store(cost)
	s.ewmaStamp.Store(now)
}

// penalise keeps a failure from looking fast: it counts as twice the usual
// latency, at least a second.
func (s *stats) penalise(now, took int64) {
	s.mu.Lock()
	slow := max(float64(took), 2*s.ewma.load(), float64(time.Second))
	s.moveEWMA(now, min(slow, float64(time.Minute)))
	s.mu.Unlock()
}

// load is the peak-EWMA load: latency, decayed to now, times the requests that
// would be waiting. A provider without history takes one request at a time.
func (s *stats) load(now int64) float64 {
	waiting := float64(s.inFlight.Load())
	cost := s.ewma.load()
	if cost == 0 {
		if waiting > 0 {
			return float64(1<<47) + waiting
		}
		return 0
	}
	cost *= math.Exp(-float64(max(now-s.ewmaStamp.Load(), 0)) / float64(ewmaTau))
	return cost * (waiting + 1)
}

func (s *stats) rate(failed bool) {
	old := s.failRate.load()
	target := 0.0
	if failed {
		target = 1
	}
	if old == target {
		return
	}
	next := old + (target-old)*rateAlpha
	if next < 1e-6 {
		next = 0
	}
	s.failRate.store(next) // a lost update among many is no loss
}

func (s *stats) successRate() float64 { return 1 - s.failRate.load() }

// latencies returns percentiles of the last latencyWindow answers; ok is false
// while there are none. They are computed anew when the window has moved by an
// eighth.
func (s *stats) latencies() (quantiles, bool) {
	cached := s.quantiles.Load()
	s.mu.Lock()
	n := s.n
	if n == 0 {
		s.mu.Unlock()
		return quantiles{}, false
	}
	if cached != nil && (n == cached.n || (n > 64 && n-cached.n < latencyWindow/8)) {
		s.mu.Unlock()
		return *cached, true
	}
	var sorted [latencyWindow]int64
	size := min(n, latencyWindow)
	copy(sorted[:size], s.ring[:size])
	s.mu.Unlock()
	slices.Sort(sorted[:size])
	at := func(q float64) time.Duration {
		return time.Duration(sorted[min(int(q*float64(size)), size-1)])
	}
	q := &quantiles{n: n, p50: at(.5), p90: at(.9), p99: at(.99)}
	s.quantiles.Store(q)
	return *q, true
}

// percentile is one quantile of the window, for hedging.
func (s *stats) percentile(q float64) (time.Duration, int) {
	s.mu.Lock()
	var sorted [latencyWindow]int64
	size := min(s.n, latencyWindow)
	copy(sorted[:size], s.ring[:size])
	s.mu.Unlock()
	if size == 0 {
		return 0, 0
	}
	slices.Sort(sorted[:size])
	return time.Duration(sorted[min(int(q*float64(size)), size-1)]), size
}

type atomicFloat struct{ bits atomic.Uint64 }

func (f *atomicFloat) load() float64   { return math.Float64frombits(f.bits.Load()) }
func (f *atomicFloat) store(v float64) { f.bits.Store(math.Float64bits(v)) }

func (f *atomicFloat) add(v float64) {
	for {
		old := f.bits.Load()
		if f.bits.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}
