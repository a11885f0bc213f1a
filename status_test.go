package failover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// statusJSON is the status as JSON.
func statusJSON(t *testing.T, r interface{ Status() failover.Status }) string {
	t.Helper()
	text, err := json.Marshal(r.Status())
	require.NoError(t, err)
	return string(text)
}

func TestStatusOfAFreshRouter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newFleet(2).router(t, nil, failover.WithName("speech"), failover.WithStrategy(failover.RoundRobin()))
		assert.JSONEq(t, `{
			"router": "speech", "strategy": "round_robin", "at": "2000-01-01T00:00:00Z", "tokens": 100,
			"providers": [
				{"name": "a", "ready": true, "breaker": "closed", "weight": 1, "in_flight": 0, "attempts": {}, "success_rate": 1,
				 "latency": {"average_ns": 0, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0}},
				{"name": "b", "ready": true, "breaker": "closed", "weight": 1, "in_flight": 0, "attempts": {}, "success_rate": 1,
				 "latency": {"average_ns": 0, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0}}
			]
		}`, statusJSON(t, r))
	})
}

func TestStatusOfARouterInTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(3)
		f[0].fail(&failover.Error{Class: failover.ClassTransient, Status: 503, RequestID: "req_1", RetryAfter: time.Minute})
		f[1].fail(&failover.Error{Class: failover.ClassExhausted, Status: 402, Code: "credit_too_low"})
		r := f.router(t, func(i int, p *failover.Provider[int, string]) {
			p.Weight = i + 1
			p.Cost = price(0.25)
		}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
		_, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		wait(t, time.Second)
		_, err = r.Do(t.Context(), 0)
		require.NoError(t, err)
		var s failover.Status
		text := statusJSON(t, r)
		require.NoError(t, json.Unmarshal([]byte(text), &s), "it can be read back")
		again, err := json.Marshal(s)
		require.NoError(t, err)
		assert.JSONEq(t, text, string(again))

		// Instants differ by the nanosecond an attempt takes at least.
		text = strings.NewReplacer(
			"2000-01-01T00:00:00.000000001Z", "<then>", "2000-01-01T00:00:00.000000002Z", "<then>",
			"2000-01-01T00:01:00.000000001Z", "<a minute later>", "2000-01-01T00:01:00.000000002Z", "<a minute later>",
			"2000-01-01T00:00:00.000000003Z", "<then>", "2000-01-01T00:00:01.000000001Z", "<last>", "2000-01-01T00:00:01Z", "<last>",
		).Replace(text)
		assert.JSONEq(t, `{
			"router": "router", "strategy": "active_passive", "at": "<last>", "tokens": 100,
			"last_switch": {"from": "a", "to": "c", "at": "<then>", "class": "transient"},
			"providers": [
				{"name": "a", "ready": false, "breaker": "open", "weight": 1, "in_flight": 0, "cost": 0.25,
				 "reasons": [{"reason": "open", "until": "<a minute later>"}],
				 "attempts": {"transient": 1}, "success_rate": 0.96875,
				 "latency": {"average_ns": 1000000000, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0},
				 "last_error": {"class": "transient", "status": 503, "request_id": "req_1", "at": "<then>"}},
				{"name": "b", "ready": false, "breaker": "closed", "weight": 2, "in_flight": 0, "cost": 0.25,
				 "reasons": [{"reason": "cooling", "class": "exhausted", "until": "<a minute later>"}],
				 "attempts": {"exhausted": 1}, "success_rate": 1,
				 "latency": {"average_ns": 1000000000, "p50_ns": 0, "p90_ns": 0, "p99_ns": 0},
				 "last_error": {"class": "exhausted", "status": 402, "code": "credit_too_low", "at": "<then>"}},
				{"name": "c", "ready": true, "breaker": "closed", "weight": 3, "in_flight": 0, "cost": 0.5,
				 "attempts": {"success": 2}, "success_rate": 1,
				 "latency": {"average_ns": 1, "p50_ns": 1, "p90_ns": 1, "p99_ns": 1}}
			]
		}`, text)
	})
}

// Every reason why a provider is not in full service, and how long.
func TestStatusReasons(t *testing.T) {
	t.Parallel()
	type step struct {
		do     func(t *testing.T, r *failover.Router[int, string], n *node)
		reason failover.Reason
		class  failover.Class
		within time.Duration // of until; 0: none
		ready  bool
	}
	attempt := func(err error) func(t *testing.T, r *failover.Router[int, string], n *node) {
		return func(t *testing.T, r *failover.Router[int, string], n *node) {
			t.Helper()
			n.fail(err)
			_, _ = r.Do(failover.With(t.Context(), failover.Only("a")), 0)
			n.fail(nil)
		}
	}
	sleep := func(d time.Duration) func(*testing.T, *failover.Router[int, string], *node) {
		return func(*testing.T, *failover.Router[int, string], *node) { wait(t, d) }
	}
	for name, steps := range map[string][]step{
		"open, half-open, recovering": {
			{do: attempt(errNode), reason: failover.ReasonOpen, within: 11 * time.Second},
			{do: sleep(12 * time.Second), reason: failover.ReasonHalfOpen, ready: true},
			{do: attempt(nil), reason: failover.ReasonHalfOpen, ready: true},
			{do: attempt(nil), reason: failover.ReasonRecovering, within: time.Minute, ready: true},
			{do: sleep(time.Minute + time.Second), ready: true},
		},
		"cooling": {
			{
				do:     attempt(&failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Minute}),
				reason: failover.ReasonCooling, class: failover.ClassRateLimited, within: time.Minute,
			},
			{do: sleep(time.Minute + time.Second), reason: failover.ReasonHalfOpen, ready: true},
		},
		"cooling with its account": {
			{
				do:     attempt(&failover.Error{Class: failover.ClassUnauthorized}),
				reason: failover.ReasonCooling, class: failover.ClassUnauthorized, within: time.Minute,
			},
			{do: sleep(time.Minute + time.Second), reason: failover.ReasonHalfOpen, ready: true},
		},
		"disabled": {
			{
				do: func(t *testing.T, r *failover.Router[int, string], _ *node) {
					t.Helper()
					require.NoError(t, r.Disable("a"))
				},
				reason: failover.ReasonDisabled,
			},
			{do: sleep(24 * time.Hour), reason: failover.ReasonDisabled},
		},
		"drained": {{
			do: func(t *testing.T, r *failover.Router[int, string], _ *node) {
				t.Helper()
				require.NoError(t, r.SetWeight("a", 0))
			},
			reason: failover.ReasonDrained,
		}},
		"limited": {
			{do: attempt(nil), reason: failover.ReasonLimited},
			{do: sleep(2 * time.Second), ready: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFleet(2)
				r := f.router(t, func(i int, p *failover.Provider[int, string]) {
					if name == "limited" {
						p.Limit = failover.Limit{Rate: 1}
					}
					p.Account = "shared"
				}, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}),
					failover.WithFailback(failover.FailbackPolicy{MinHealthy: 50 * time.Second, Ramp: 10 * time.Second}))
				for i, step := range steps {
					step.do(t, r, f[0])
					s := r.Status().Providers[0]
					assert.Equal(t, step.ready, s.Ready, "step %d", i)
					if step.reason == "" {
						assert.Empty(t, s.Reasons, "step %d", i)
						continue
					}
					require.Len(t, s.Reasons, 1, "step %d: %v", i, s.Reasons)
					got := s.Reasons[0]
					assert.Equal(t, step.reason, got.Reason)
					assert.Equal(t, step.class, got.Class)
					if step.within == 0 {
						assert.Zero(t, got.Until)
					} else {
						left := time.Until(got.Until)
						assert.True(t, left > step.within*8/10 && left <= step.within+time.Microsecond, "%v of %v", left, step.within)
					}
					plan, err := r.Plan(failover.With(t.Context(), failover.Only("a")), 0)
					require.NoError(t, err)
					if !step.ready && step.reason != failover.ReasonOpen {
						require.Empty(t, plan.Order)
						assert.Equal(t, failover.Skip{Provider: "a", Reason: got.Reason, Class: got.Class, Until: got.Until}, plan.Skipped[0])
					}
				}
			})
		})
	}
}

func TestStatusShowsSeveralReasons(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(2)
		r := f.router(t, nil, failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1}))
		f[0].fail(errNode)
		_, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
		require.NoError(t, r.Disable("a"))
		require.NoError(t, r.SetWeight("a", 0))
		var reasons []failover.Reason
		for _, s := range r.Status().Providers[0].Reasons {
			reasons = append(reasons, s.Reason)
		}
		assert.Equal(t, []failover.Reason{failover.ReasonDisabled, failover.ReasonDrained, failover.ReasonOpen}, reasons)
	})
}

func TestStatusCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(1)
		r := f.router(t, nil, failover.WithClassifier(func(string, error) *failover.Error { return nil }))
		want := map[string]uint64{}
		for i, class := range failover.Classes() {
			for range i + 1 {
				f[0].fail(&failover.Error{Class: class})
				_, err := r.Do(t.Context(), 0)
				require.Error(t, err)
				require.NoError(t, r.Enable("a"))
			}
			want[class.String()] = uint64(i + 1)
		}
		// Nobody's context ended, so that one was some other trouble.
		want["transient"] += want["canceled"]
		delete(want, "canceled")
		f[0].fail(nil)
		for range 40 {
			_, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
		}
		want["success"] = 40
		assert.Equal(t, want, r.Status().Providers[0].Attempts)
		assert.InDelta(t, 1, r.Status().Providers[0].SuccessRate, 0.5)
	})
}

func TestStatusInFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := newPaced("slow", time.Minute)
		detached := failover.Detached("aside", func(int) (string, error) {
			wait(t, time.Minute)
			return "aside", nil
		})
		r := pacedRouter(t, failover.Providers(slow.provider(), detached))
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 3 {
			wg.Go(func() { _, _ = r.Do(ctx, i) })
		}
		for i := range 2 {
			wg.Go(func() { _, _ = r.Do(failover.With(ctx, failover.Only("aside")), i) })
		}
		synctest.Wait()
		s := r.Status().Providers
		assert.Equal(t, [3]int{3, 2, 2}, [3]int{s[0].InFlight, s[1].InFlight, s[1].Detached})
		assert.Empty(t, s[0].Attempts, "none ended")
		cancel()
		wg.Wait()
		s = r.Status().Providers
		assert.Equal(t, [3]int{0, 0, 2}, [3]int{s[0].InFlight, s[1].InFlight, s[1].Detached}, "nobody waits for those any more")
		assert.Equal(t, map[string]uint64{"canceled": 3}, s[0].Attempts)
		assert.Nil(t, s[0].LastError, "the caller's end is nobody's failure")
		wait(t, time.Minute)
		synctest.Wait()
		assert.Zero(t, r.Status().Providers[1].Detached)
	})
}

func TestStatusLatencies(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := newPaced("p", 0)
		r := pacedRouter(t, failover.Providers(p.provider()))
		for i := range 1000 {
			p.takes.Store(int64(time.Duration(i%64+1) * time.Millisecond))
			_, err := r.Do(t.Context(), 0)
			require.NoError(t, err)
		}
		l := r.Status().Providers[0].Latency
		assert.InDelta(t, 32*time.Millisecond, l.P50, float64(2*time.Millisecond))
		assert.InDelta(t, 58*time.Millisecond, l.P90, float64(2*time.Millisecond))
		assert.InDelta(t, 64*time.Millisecond, l.P99, float64(2*time.Millisecond))
		assert.InDelta(t, 64*time.Millisecond, l.Average, float64(8*time.Millisecond), "peaks count")
	})
}

func TestStatusOfNestedRouters(t *testing.T) {
	t.Parallel()
	r := nested(t, fleet{{name: "x"}, {name: "y"}})
	_, err := r.Do(failover.With(t.Context(), failover.Prefer("pool")), 0)
	require.NoError(t, err)
	s := r.Status()
	assert.Nil(t, s.Providers[0].Nested)
	pool := s.Providers[1].Nested
	require.NotNil(t, pool)
	assert.Equal(t, "keys", pool.Router)
	for _, k := range pool.Providers {
		assert.Equal(t, map[string]uint64{"unknown": 1}, k.Attempts, k.Name)
	}
	require.NoError(t, r.Close())
	assert.True(t, r.Status().Closed)
	assert.False(t, r.Status().Providers[1].Nested.Closed, "its owner's")
}

// What leaves the range of numbers must not spoil the whole status.
func TestStatusSurvivesAbsurdCosts(t *testing.T) {
	t.Parallel()
	r := newFleet(1).router(t, func(_ int, p *failover.Provider[int, string]) { p.Cost = price(math.MaxFloat64) })
	for range 3 {
		_, err := r.Do(t.Context(), 0)
		require.NoError(t, err)
	}
	assert.Contains(t, statusJSON(t, r), `"cost":1.7976931348623157e+308`)
}

// Nothing that a vendor or a client puts into an error may come out of status,
// plan or events, whatever the verb.
func TestStatusHoldsNoSecrets(t *testing.T) {
	t.Parallel()
	const secret = "sk-SECRET"
	for name, err := range map[string]error{
		"message":      &failover.Error{Class: failover.ClassInvalid, Status: 400, Message: "key " + secret},
		"cause":        &failover.Error{Class: failover.ClassTransient, Err: errors.New("POST https://api/?key=" + secret)},
		"plain":        errors.New(secret),
		"wrapped":      fmt.Errorf("asking %s: %w", secret, errNode),
		"joined":       errors.Join(errors.New(secret), context.DeadlineExceeded),
		"url":          &url.Error{Op: "Post", URL: "https://user:" + secret + "@api/", Err: errNode},
		"address":      &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: secret + ".example", IsNotFound: true}},
		"address type": &net.AddrError{Err: "bad", Addr: secret},
		"timeout":      &url.Error{Op: "Get", URL: "https://" + secret, Err: context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(1)
			f[0].fail(err)
			var heard []failover.Event
			r := f.router(t, func(_ int, p *failover.Provider[int, string]) {
				p.Check = func(context.Context) error { return err }
			}, failover.WithObserver(func(_ context.Context, e failover.Event) { heard = append(heard, e) }))
			result, got := r.Route(t.Context(), 0)
			require.Error(t, got)
			require.NotEmpty(t, heard)
			s := r.Status()
			require.NotNil(t, s.Providers[0].LastError)
			for _, v := range []any{s, s.Providers[0], *s.Providers[0].LastError, result, result.Attempts, got, heard} {
				text, err := json.Marshal(v)
				require.NoError(t, err)
				assert.NotContains(t, string(text), "SECRET", "%T", v)
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
					assert.NotContains(t, fmt.Sprintf(verb, v), "SECRET", "%s of %T", verb, v)
				}
			}
		})
	}
}
