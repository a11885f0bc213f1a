package failover

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"
)

// Option configures a router. Options carry no type parameters; everything
// typed is a field of [Provider]. A later option overrides an earlier one.
type Option interface{ apply(*config) }

type optionFunc func(*config)

func (f optionFunc) apply(c *config) { f(c) }

// WithOptions makes one option of several.
func WithOptions(opts ...Option) Option {
	return optionFunc(func(c *config) {
		for _, o := range opts {
			if o != nil {
				o.apply(c)
			}
		}
	})
}

// config is what the options of a router add up to.
type config struct {
	name       string
	strategy   Strategy
	timeout    time.Duration
	retry      RetryPolicy
	budget     BudgetPolicy
	breaker    BreakerPolicy
	attempts   int
	maxCool    time.Duration
	rateWait   time.Duration
	wait       time.Duration
	failback   FailbackPolicy
	health     *HealthPolicy
	hedge      *HedgePolicy
	sticky     StickyPolicy
	acceptLast bool
	allowEmpty bool
	verdicts   [numClasses]Verdict
	classifier func(provider string, err error) *Error
	observer   func(ctx context.Context, e Event)
	logger     *slog.Logger

	// Of streams.
	firstContent time.Duration
	idle         time.Duration
	total        time.Duration
	commit       CommitPolicy
	interrupted  []Interruption
	deliveredCap int
	onlyStreams  string // an option that was given and is for NewStream
	onlyPlain    string // one that is for New
	streams      bool   // the router is a StreamRouter's

	err error
}

func defaultConfig() config {
	return config{
		strategy: ActivePassive(),
		timeout:  30 * time.Second,
		maxCool:  15 * time.Minute,
		verdicts: defaultVerdicts(),

		firstContent: defaultFirstContent,
		idle:         defaultIdle,
		deliveredCap: defaultDeliveredCap,
	}
}

// rejectf records the first bad option; New reports it.
func (c *config) rejectf(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("failover: "+format, args...)
	}
}

// WithName names the router for [For], events, status and logs. Default
// "router".
func WithName(name string) Option {
	return optionFunc(func(c *config) {
		if name == "" {
			c.rejectf("WithName: the name is empty")
		}
		c.name = name
	})
}

// WithStrategy chooses who is asked first, and next. Default [ActivePassive].
func WithStrategy(s Strategy) Option {
	return optionFunc(func(c *config) {
		if f, ok := s.(StrategyFunc); s == nil || (ok && f == nil) {
			c.rejectf("WithStrategy: the strategy is nil")
			return
		}
		c.strategy = s
	})
}

// WithTimeout bounds one attempt at a provider that sets no Timeout of its
// own. Default 30 s. 0 turns it off: a silent provider is then cut by the
// caller's deadline only, and one without any deadline can hold a caller for
// ever. Streams have [WithFirstContent], [WithIdle] and [WithTotal] instead.
func WithTimeout(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.notNegative("WithTimeout", d)
		c.onlyPlain = "WithTimeout"
		c.timeout = d
	})
}

// WithMaxAttempts caps the attempts of one request over all providers, retries
// and hedges included. Default 2 × providers + 2, where the providers of nested
// routers count; 0 takes the default.
func WithMaxAttempts(n int) Option {
	return optionFunc(func(c *config) {
		if n < 0 {
			c.rejectf("WithMaxAttempts: %d is negative", n)
		}
		c.attempts = n
	})
}

// WithMaxCooldown caps how long a provider is left alone after a rate limit,
// an exhausted quota or a refused key, whatever the vendor asks for. Default
// 15 min.
func WithMaxCooldown(d time.Duration) Option {
	return optionFunc(func(c *config) {
		if d <= 0 {
			c.rejectf("WithMaxCooldown: %v is not positive", d)
		}
		c.maxCool = d
	})
}

// WithRateLimitWait lets a request wait up to d for a rate-limited provider,
// although others could serve it at once. Default 0: move on at once. When
// nobody else can serve, a request waits for the limit without this option
// too, within its deadline, and without a deadline for 10 s at the most.
func WithRateLimitWait(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.notNegative("WithRateLimitWait", d)
		c.rateWait = d
	})
}

// WithWait lets a request that finds nobody available wait up to d, and never
// past its deadline, for the first provider to recover. Default 0: it fails at
// once with a [NoneAvailableError].
func WithWait(d time.Duration) Option {
	return optionFunc(func(c *config) {
		c.notNegative("WithWait", d)
		c.wait = d
	})
}

// WithAcceptLast makes the last answer that Validate refused the answer, when
// no provider gave a better one. Without it such a request fails, and
// [Rejected] has the answer. A stream must be held as a whole for that, see
// [WithCommit].
func WithAcceptLast() Option {
	return optionFunc(func(c *config) { c.acceptLast = true })
}

// WithEmptyAnswers accepts nil and zero-length responses. By default a nil
// pointer, interface, map, slice, func or channel, an empty string, zero bytes,
// and a response whose method Empty() bool says so are incomplete, and the next
// provider is asked.
func WithEmptyAnswers() Option {
	return optionFunc(func(c *config) { c.allowEmpty = true })
}

// WithVerdict changes what a class of failure means to this router; see
// [DefaultVerdict].
func WithVerdict(class Class, v Verdict) Option {
	return optionFunc(func(c *config) {
		switch {
		case class >= numClasses:
			c.rejectf("WithVerdict: %v is no class", class)
			return
		case v.Next > NextSecondOpinion:
			c.rejectf("WithVerdict: %v: Next %d is none", class, v.Next)
		case v.Breaker > BreakerIgnored:
			c.rejectf("WithVerdict: %v: Breaker %d is none", class, v.Breaker)
		case class == ClassCanceled:
			c.rejectf("WithVerdict: the end of the caller's context is nobody's failure and cannot be changed")
		}
		c.verdicts[class] = v
	})
}

// WithClassifier reads errors before the router does. It gets the provider's
// name and what its Do returned, and returns nil for an error it has nothing
// to say about. It is called concurrently and must not keep err. With side
// effects, an Outcome other than unknown in its result is believed.
func WithClassifier(classify func(provider string, err error) *Error) Option {
	return optionFunc(func(c *config) {
		if classify == nil {
			c.rejectf("WithClassifier: the function is nil")
		}
		c.classifier = classify
	})
}

// WithObserver is told of every event, after the fact, without any lock held,
// on the goroutine where it happened. It must return soon: a request waits for
// it. Events of concurrent requests come concurrently. Without an observer and
// a logger an event costs nothing.
func WithObserver(observe func(ctx context.Context, e Event)) Option {
	return optionFunc(func(c *config) {
		if observe == nil {
			c.rejectf("WithObserver: the function is nil")
		}
		c.observer = observe
	})
}

// WithLogger logs the events an operator wants to see: failovers, cooldowns,
// breakers and health at Warn and Info, uncertain operations and requests that
// nobody served at Error, single attempts at Debug.
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(c *config) {
		if logger == nil {
			c.rejectf("WithLogger: the logger is nil")
		}
		c.logger = logger
	})
}

// forStreams notes an option that only NewStream takes.
func (c *config) forStreams(option string) { c.onlyStreams = option }

// completeStreams turns the options of a stream router into those of the
// engine under it.
func (c *config) completeStreams() {
	switch {
	case c.onlyPlain != "":
		c.rejectf("NewStream: %s is for New; streams have WithFirstContent, WithIdle and WithTotal", c.onlyPlain)
	case c.acceptLast && !c.commit.Whole:
		c.rejectf("NewStream: WithAcceptLast needs the whole stream held (WithCommit): what was cut cannot be accepted")
	}
	c.commit.complete(c)
	c.timeout, c.onlyStreams, c.streams = c.firstContent, "", true
}

func (c *config) notNegative(option string, d time.Duration) {
	if d < 0 {
		c.rejectf("%s: %v is negative", option, d)
	}
	if d > maxWait {
		c.rejectf("%s: %v is above a year", option, d)
	}
}

// field checks one number of a policy: not negative, and zero means def.
// Durations end at a year, with which no arithmetic can overflow.
func field[N int | time.Duration | float64](c *config, option, name string, value *N, def N) {
	if *value < 0 || math.IsNaN(float64(*value)) || math.IsInf(float64(*value), 0) {
		c.rejectf("%s: %s %v is negative or no number", option, name, *value)
	}
	if d, ok := any(*value).(time.Duration); ok && d > maxWait {
		c.rejectf("%s: %s %v is above a year", option, name, d)
	}
	if *value == 0 {
		*value = def
	}
}
