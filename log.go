package failover

import (
	"context"
	"log/slog"
)

// logEvent writes one event at the level an operator would give it.
func logEvent(ctx context.Context, l *slog.Logger, e Event) {
	level, text, attrs := describeEvent(e)
	if !l.Enabled(ctx, level) {
		return
	}
	l.LogAttrs(ctx, level, text, append([]slog.Attr{slog.String("router", e.RouterName())}, attrs...)...)
}

func describeEvent(e Event) (slog.Level, string, []slog.Attr) {
	switch e := e.(type) {
	case AttemptEvent:
		return slog.LevelDebug, "attempt", attemptAttrs(e.Attempt)
	case FailoverEvent:
		return slog.LevelWarn, "failover", []slog.Attr{
			slog.String("from", e.From), slog.String("to", e.To), slog.Any("error", e.Err),
		}
	case CooldownEvent:
		return slog.LevelWarn, "provider cools down", []slog.Attr{
			slog.String("provider", e.Provider), slog.String("account", e.Account),
			slog.String("class", e.Class.String()), slog.Time("until", e.Until),
		}
	case BreakerEvent:
		return breakerLevel(e), "breaker " + e.To.String(), []slog.Attr{
			slog.String("provider", e.Provider), slog.String("from", e.From.String()), slog.Time("until", e.Until),
		}
	case HealthEvent:
		if e.Healthy {
			return slog.LevelInfo, "provider healthy", []slog.Attr{slog.String("provider", e.Provider)}
		}
		return slog.LevelWarn, "provider unhealthy", []slog.Attr{
			slog.String("provider", e.Provider), slog.Any("error", e.Err),
		}
	case RecoveredEvent:
		return slog.LevelInfo, "provider recovered", []slog.Attr{
			slog.String("provider", e.Provider), slog.Duration("down", e.Down),
		}
	case ExhaustedEvent:
		return exhaustedLevel(e), "request not served", []slog.Attr{slog.String("error", e.Err.Error())}
	case HedgeEvent:
		return slog.LevelDebug, "hedge", []slog.Attr{
			slog.String("slow", e.Slow), slog.String("hedge", e.Hedge), slog.Duration("after", e.After),
		}
	case MirrorEvent:
		return mirrorLevel(e), "mirror", []slog.Attr{
			slog.String("provider", e.Provider), slog.Bool("dropped", e.Dropped),
			slog.Bool("compared", e.Compared), slog.Bool("agreed", e.Agreed),
		}
	case InterruptedEvent:
		return slog.LevelWarn, "stream interrupted", []slog.Attr{
			slog.String("provider", e.Provider), slog.Any("error", e.Err),
			slog.Int("items", e.Items), slog.Bool("ends", e.Ends),
		}
	case UncertainEvent:
		return slog.LevelError, "operation uncertain", attemptAttrs(e.Attempt)
	case ReportEvent:
		return slog.LevelInfo, "operation reported", []slog.Attr{
			slog.String("operation", printable(e.Operation)), slog.String("provider", e.Provider),
			slog.String("outcome", e.Outcome.String()), slog.Bool("was_uncertain", e.Uncertain),
		}
	case LocalTroubleEvent:
		return slog.LevelError, "no provider can be connected to: the fault seems to be local", nil
	case PanicEvent:
		return slog.LevelError, "provider code panicked", []slog.Attr{
			slog.String("provider", e.Provider), slog.String("stack", e.Stack),
		}
	default:
		return slog.LevelDebug, "event", nil
	}
}

func breakerLevel(e BreakerEvent) slog.Level {
	if e.To == BreakerOpen {
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// exhaustedLevel keeps callers that went away from looking like an outage.
func exhaustedLevel(e ExhaustedEvent) slog.Level {
	c, ok := e.Err.(*CanceledError) //nolint:errorlint // made by the call as it is
	if ok && endedText(c.ended) == context.Canceled.Error() {
		return slog.LevelDebug
	}
	return slog.LevelError
}

func mirrorLevel(e MirrorEvent) slog.Level {
	if e.Compared && !e.Agreed {
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

func attemptAttrs(a Attempt) []slog.Attr {
	attrs := []slog.Attr{
		slog.String("provider", a.Provider), slog.Int("number", a.Number), slog.Duration("duration", a.Duration),
	}
	if a.Operation != "" {
		attrs = append(attrs, slog.String("operation", printable(a.Operation)))
	}
	if a.Err != nil {
		attrs = append(attrs, slog.String("outcome", a.Outcome.String()), slog.Any("error", a.Err))
	}
	return attrs
}
