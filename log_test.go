package failover_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// page is what a logger wrote, one line a map.
type page struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.buf.Write(b)
}

func (p *page) logger(level slog.Level) failover.Option {
	return failover.WithLogger(slog.New(slog.NewJSONHandler(p, &slog.HandlerOptions{Level: level})))
}

// lines are what was written since the last time.
func (p *page) lines(t *testing.T) []map[string]any {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	var lines []map[string]any
	for dec := json.NewDecoder(&p.buf); dec.More(); {
		var line map[string]any
		require.NoError(t, dec.Decode(&line))
		delete(line, "time")
		lines = append(lines, line)
	}
	p.buf.Reset()
	return lines
}

// said are level and text of each line.
func said(lines []map[string]any) []string {
	var list []string
	for _, line := range lines {
		list = append(list, line["level"].(string)+" "+line["msg"].(string))
	}
	return list
}

func TestLogLevels(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p page
		a, b := newActor("a"), newActor("b")
		r := onStage(t, []*actor{a, b}, once(), failover.WithName("speech"), p.logger(slog.LevelDebug))
		a.fails(httpError(503, "X-Request-Id", "req_1"))
		mustAsk(t, r, 1)
		lines := p.lines(t)
		require.Equal(t, []string{"DEBUG attempt", "WARN failover", "DEBUG attempt"}, said(lines))
		failed := map[string]any{"provider": "a", "class": "transient", "status": 503.0, "request_id": "req_1"}
		require.Equal(t, map[string]any{
			"level": "WARN", "msg": "failover", "router": "speech", "from": "a", "to": "b", "error": failed,
		}, lines[1])
		require.Equal(t, map[string]any{
			"level": "DEBUG", "msg": "attempt", "router": "speech", "provider": "a", "number": 1.0, "duration": 1.0,
			"outcome": "unknown", "error": failed,
		}, lines[0])

		mustAsk(t, r, 4)
		lines = p.lines(t)
		require.Contains(t, said(lines), "WARN breaker open")
		untilTrial(t, r, "a")
		a.answers()
		mustAsk(t, r, 2)
		require.Equal(t, []string{
			"DEBUG attempt", "INFO breaker half_open", "DEBUG attempt", "INFO breaker closed", "INFO provider recovered",
		}, said(p.lines(t)))

		a.fails(httpError(429))
		mustAsk(t, r, 1)
		require.Contains(t, said(p.lines(t)), "WARN provider cools down")

		b.failsAs(failover.ClassTimeout)
		_, err := ask(t, r)
		require.Error(t, err)
		lines = p.lines(t)
		require.Equal(t, "ERROR request not served", said(lines)[len(lines)-1])
		require.Equal(t, err.Error(), lines[len(lines)-1]["error"])
	})
}

func TestLogLevelsOfACallerThatWent(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p page
		a := newActor("a")
		a.isSilent()
		r := onStage(t, []*actor{a}, p.logger(slog.LevelInfo))
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(context.DeadlineExceeded) })
		_, err := r.Do(ctx, "request")
		require.ErrorIs(t, err, context.Canceled)
		require.Empty(t, p.lines(t), "callers hang up all day")

		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		_, err = r.Do(ctx, "request")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, []string{"ERROR request not served"}, said(p.lines(t)), "one that waited in vain is another story")
	})
}

func TestLogOfHealthAndLocalTrouble(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p page
		c, a, b, r := clinic(t, failover.HealthPolicy{}, p.logger(slog.LevelInfo))
		c.fails(httpError(500))
		probes(t, c, 3)
		lines := p.lines(t)
		require.Equal(t, []string{"WARN provider unhealthy"}, said(lines))
		require.Equal(t, map[string]any{"provider": "a", "class": "transient", "status": 500.0}, lines[0]["error"])
		c.fails(nil)
		probes(t, c, 2)
		require.Equal(t, []string{"INFO provider healthy", "INFO provider recovered"}, said(p.lines(t)))

		outage(a, b)
		_, err := ask(t, r)
		require.Error(t, err)
		require.Contains(t, said(p.lines(t)), "ERROR no provider can be connected to: the fault seems to be local")

		a.answers()
		b.answers()
		c.finds(func(context.Context) error { panic("probe") })
		probes(t, c, 1)
		lines = p.lines(t)
		require.Equal(t, []string{"ERROR provider code panicked"}, said(lines))
		require.Contains(t, lines[0]["stack"], "log_test.go")
	})
}

func TestLogOfSideEffects(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p page
		a := newActor("a")
		a.fails(errSpilled)
		sending := a.provider()
		sending.SideEffect = true
		r := withProviders(t, failover.Providers(sending), p.logger(slog.LevelInfo))
		_, err := r.Do(failover.Operation(t.Context(), "op-1"), "request")
		require.ErrorIs(t, err, failover.ErrUncertain)
		lines := p.lines(t)
		require.Equal(t, []string{"ERROR operation uncertain", "ERROR request not served"}, said(lines))
		require.Equal(t, "op-1", lines[0]["operation"])
		require.NoError(t, r.Report("op-1", "a", failover.OutcomeAccepted, nil))
		lines = p.lines(t)
		require.Equal(t, []string{"INFO operation reported"}, said(lines))
		require.Equal(t, "accepted", lines[0]["outcome"])
		require.Equal(t, true, lines[0]["was_uncertain"])
	})
}

// TestLogBelowItsLevelIsNotMade: what nobody reads is not put together.
func TestLogBelowItsLevelIsNotMade(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var p page
		r := onStage(t, []*actor{newActor("a")}, p.logger(slog.LevelInfo))
		mustAsk(t, r, 10)
		require.Empty(t, p.lines(t))
	})
}
