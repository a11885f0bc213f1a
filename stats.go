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
	begun    atomic.Uint64 // admitted
	ended    atomic.Uint64 // of those; what neither failed nor was refused succeeded
	refused  atomic.Uint64 // admitted, but not let through by the breaker
	failed   [numClasses]atomic.Uint64
	detached atomic.Int64
	// interrupted counts streams that broke off after their commit point.
	interrupted atomic.Uint64
	cost        atomicFloat
	failRate    atomicFloat // smoothed share of failures, so that zero is a good start

	latest    atomic.Int64 // the latency measured last; 0 if none was
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
	latest := s.latest.Load()
	return latest == 0 || latest >= int64(sampleBelow) || s.begun.Load()%sampleEvery == 1
}

// inFlight is how many attempts run now. Counting the ends instead of the
// successes and the ones running saves two writes an attempt.
func (s *stats) inFlight() int {
	ended := s.ended.Load()
	return int(s.begun.Load() - ended) //nolint:gosec // begun is read later, so it is not below
}

// attempts counts those that ended, by class and under "success".
func (s *stats) attempts() map[string]uint64 {
	counts := map[string]uint64{}
	other := s.refused.Load()
	for class := range s.failed {
		if n := s.failed[class].Load(); n > 0 {
			counts[Class(class).String()] = n
			other += n
		}
	}
	if ended := s.ended.Load(); ended > other {
		counts[classSuccess.String()] = ended - other
	}
	return counts
}

// observe adds one latency.
func (s *stats) observe(now, took int64) {
	took = max(took, 1)
	s.latest.Store(took)
	s.moveEWMA(now, float64(took))
	s.mu.Lock()
	s.ring[s.n%latencyWindow] = took
	s.n++
	s.mu.Unlock()
}

// moveEWMA jumps up to a peak at once and decays with ewmaTau. Of two moves at
// the same moment one may be lost, which an average outlives.
func (s *stats) moveEWMA(now int64, took float64) {
	cost := s.ewma.load()
	if took > cost {
		cost = took
	} else {
		w := decay(now - s.ewmaStamp.Load())
		cost = cost*w + took*(1-w)
	}
	s.ewma.store(cost)
	s.ewmaStamp.Store(now)
}

// decay is what is left of an average after elapsed.
func decay(elapsed int64) float64 {
	x := float64(max(elapsed, 0)) / float64(ewmaTau)
	if x < 1e-3 {
		return 1 - x // within a millionth of e^-x, and much cheaper
	}
	return math.Exp(-x)
}

// leastPenalty is what a failure counts as at least.
const leastPenalty = float64(time.Second)

// penalise keeps a failure from looking fast: it counts as a second at least,
// and never as faster than usual.
func (s *stats) penalise(now, took int64) {
	if slow := max(float64(took), leastPenalty); slow > s.ewma.load() {
		s.ewma.store(slow)
	}
	touch(&s.ewmaStamp, now)
}

// leastOutlasted is how long an attempt must have run to say anything.
const leastOutlasted = int64(time.Millisecond)

// outlasted notes an attempt that was ended from outside before it answered,
// the loser of a hedge, say: it would have taken longer still. Otherwise a
// provider that always loses would stay unknown, which strategies take for
// fast.
func (s *stats) outlasted(now, ran int64) {
	if ran >= leastOutlasted && float64(ran) > s.ewma.load() {
		s.ewma.store(float64(ran))
		s.ewmaStamp.Store(now)
	}
}

// touch moves a time stamp that is read in seconds. A write to memory that
// other cores read is dear, so it is saved within a millisecond.
func touch(stamp *atomic.Int64, now int64) {
	if old := stamp.Load(); old == 0 || now-old > int64(time.Millisecond) || now < old {
		stamp.Store(now)
	}
}

// load is the peak-EWMA load: latency, decayed to now, times the requests that
// would be waiting. A provider without history takes one request at a time.
func (s *stats) load(now int64) float64 {
	waiting := float64(s.inFlight())
	cost := s.ewma.load()
	if cost == 0 {
		if waiting > 0 {
			return float64(1<<47) + waiting
		}
		return 0
	}
	return cost * decay(now-s.ewmaStamp.Load()) * (waiting + 1)
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
	if math.Abs(next-target) < 1e-6 {
		next = target
	}
	s.failRate.store(next) // a lost update among many is no loss
}

// fadeTau is how soon Scored forgets what it knows of a provider that is not
// asked: otherwise one bad moment would keep it out for good.
const fadeTau = 5 * time.Minute

// faded is the average latency, in nanoseconds, and the share of failures, as
// they are still believed.
func (s *stats) faded(now int64) (latency, failures float64) {
	left := math.Exp(-float64(max(now-s.ewmaStamp.Load(), 0)) / float64(fadeTau))
	return s.ewma.load() * left, s.failRate.load() * left
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
