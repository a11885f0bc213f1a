package failover_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

func TestProviderThatCutsEveryStreamTrips(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", cutAt("a1")...), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b})
		for range 5 {
			_, err := hear(t, r)
			require.ErrorIs(t, err, failover.ErrInterrupted)
		}
		assert.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.True(t, strings.HasPrefix(text, "#meta b1"))

		// A trial is settled at its commit point, but one that is cut then does
		// not open the door for everybody.
		for range 60 {
			wait(t, 10*time.Second)
			for range 10 {
				_, _ = hear(t, r)
			}
		}
		assert.Less(t, len(a.asked()), 5+30, "of 600 requests in ten minutes only trials reach it")
		a.says(words("a1")...)
		wait(t, 2*time.Minute)
		for range 3 {
			_, err = hear(t, r)
			require.NoError(t, err)
		}
		text, err = hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #end", text, "it serves again once it is healed")
		assert.Empty(t, r.Status().Providers[0].Reasons)
	})
}

func TestTrialGivesItsSlotBackAtTheCommitPoint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", errSpilled), newNarrator("b")
		var events notebook
		r := inTheatre(t, []*narrator{a, b}, once(), events.option())
		for range 5 {
			_, _ = hear(t, r)
		}
		require.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
		wait(t, 15*time.Second)
		a.says("a1", time.Hour, "a2", finish)
		long := func() {
			_, err := heard(r.Stream(t.Context(), "request"))
			assert.ErrorIs(t, err, failover.ErrIdleTimeout)
		}
		go long()
		synctest.Wait()
		events.clear()
		go long()
		synctest.Wait()
		assert.Equal(t, failover.BreakerClosed, r.Status().Providers[0].Breaker, "two long trials, both under way, closed it")
		assert.NotEmpty(t, noted[failover.RecoveredEvent](&events), "told at once, not at the end of the streams")
		assert.Equal(t, 2, r.Status().Providers[0].InFlight)
		wait(t, time.Minute)
		assert.Equal(t, 0, r.Status().Providers[0].InFlight)
	})
}

func TestSlowFirstContentCanCountAsFailure(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", 2*time.Second, "a1", finish), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, failover.WithBreaker(failover.BreakerPolicy{SlowCall: time.Second, ConsecutiveFailures: 3}))
		for range 3 {
			text, err := hear(t, r)
			require.NoError(t, err)
			assert.Equal(t, "a1 #end", text)
		}
		assert.Equal(t, failover.BreakerOpen, r.Status().Providers[0].Breaker)
	})
}

func TestLatencyOfStreamsIsTheirFirstContent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a := newNarrator("a", meta, 100*time.Millisecond, "a1", 10*time.Second, "a2", finish)
		r := inTheatre(t, []*narrator{a})
		stream, result := r.Route(t.Context(), "request")
		_, err := heard(stream)
		require.NoError(t, err)
		assert.Equal(t, 100*time.Millisecond, r.Status().Providers[0].Latency.P50)
		assert.Equal(t, 100*time.Millisecond, result.FirstContent)
		assert.Equal(t, 100*time.Millisecond, result.Attempts[0].FirstContent)
		assert.Equal(t, 10100*time.Millisecond, result.Duration)
		assert.Equal(t, 10100*time.Millisecond, result.Attempts[0].Duration)
	})
}

func TestStreamsCoolDown(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", &failover.Error{Class: failover.ClassRateLimited, RetryAfter: time.Minute}), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b})
		for range 5 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		assert.Len(t, a.asked(), 1)
		assert.Equal(t, failover.ReasonCooling, r.Status().Providers[0].Reasons[0].Reason)
		wait(t, time.Minute+time.Millisecond)
		a.says(words("a1")...)
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 #end", text)
	})
}

func TestStreamCountsUntilItsEndAgainstTheLimit(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", "a1", time.Second, finish), newNarrator("b")
		p := a.provider()
		p.Limit = failover.Limit{Concurrency: 1}
		r, err := failover.NewStream(failover.StreamProviders(p, b.provider()))
		require.NoError(t, err)
		for item, err := range r.Stream(t.Context(), "request") {
			require.NoError(t, err)
			if item == "a1" {
				text, err := hear(t, r)
				require.NoError(t, err)
				assert.Equal(t, "#meta b1 b2 b3 #end", text)
			}
		}
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "a1 #end", text)
	})
}

func TestStreamsRetryBeforeTheCommitPoint(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a"), newNarrator("b")
		a.then(&failover.Error{Class: failover.ClassTransient, Status: 503})
		r := inTheatre(t, []*narrator{a, b})
		text, err := hear(t, r)
		require.NoError(t, err)
		assert.Equal(t, "#meta a1 a2 a3 #end", text)
		assert.Len(t, a.asked(), 2)
		assert.Empty(t, b.asked())
	})
}

func TestOldTrialDoesNotCloseARecoveredProvider(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", errSpilled), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, once())
		for range 5 {
			_, _ = hear(t, r)
		}
		wait(t, 12*time.Second)
		a.says(words("a1")...)
		a.then("a1", 10*time.Second, "a2", 10*time.Second, errSpilled)
		done := make(chan error)
		go func() {
			_, err := heard(r.Stream(t.Context(), "request"))
			done <- err
		}()
		wait(t, time.Second)
		for range 10 {
			_, err := hear(t, r)
			require.NoError(t, err)
		}
		require.ErrorIs(t, <-done, failover.ErrInterrupted)
		assert.Empty(t, r.Status().Providers[0].Reasons)
	})
}

func TestTrialThatPanicsLaterIsARelapse(t *testing.T) {
	bubble(t, func(t *testing.T) {
		a, b := newNarrator("a", errSpilled), newNarrator("b")
		r := inTheatre(t, []*narrator{a, b}, once())
		for range 5 {
			_, _ = hear(t, r)
		}
		a.says("a1", func() { panic("provider") })
		for range 3 {
			wait(t, 2*time.Minute)
			assert.Panics(t, func() { _, _ = hear(t, r) })
			assert.NotEmpty(t, r.Status().Providers[0].Reasons)
			assert.Zero(t, r.Status().Providers[0].InFlight)
		}
	})
}
