package failover_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/gofailover/failover"
)

type breq struct{ A, B, C int64 }

func bok(_ context.Context, r breq) (breq, error) { return r, nil }

var errB = errors.New("bad")

func bbad(_ context.Context, r breq) (breq, error) { return breq{}, errB }

func BenchmarkGB(b *testing.B) {
	cb := gobreaker.NewCircuitBreaker[breq](gobreaker.Settings{})
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = cb.Execute(func() (breq, error) { return bok(ctx, breq{1, 2, 3}) })
	}
}

func BenchmarkHealthy(b *testing.B) {
	r, _ := failover.New(failover.Providers(failover.Wrap("a", bok), failover.Wrap("b", bok)), failover.WithTimeout(0))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
}

func BenchmarkOpen(b *testing.B) {
	r, _ := failover.New(failover.Providers(failover.Wrap("a", bbad), failover.Wrap("b", bok)), failover.WithTimeout(0), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}), failover.WithBreaker(failover.BreakerPolicy{OpenFor: time.Hour}))
	ctx := context.Background()
	for range 10 {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
}

func BenchmarkFails(b *testing.B) {
	r, _ := failover.New(failover.Providers(failover.Wrap("a", bbad), failover.Wrap("b", bok)), failover.WithTimeout(0), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1 << 40}))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
}

func BenchmarkDefault(b *testing.B) {
	r, _ := failover.New(failover.Providers(failover.Wrap("a", bok), failover.Wrap("b", bok)))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
}

func BenchmarkHealthyNoWindow(b *testing.B) {
	r, _ := failover.New(failover.Providers(failover.Wrap("a", bok), failover.Wrap("b", bok)), failover.WithTimeout(0), failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 5}))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Do(ctx, breq{1, 2, 3})
	}
}
