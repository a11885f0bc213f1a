package failover

import (
	"time"
)

// fail makes the error of a request that nobody served.
func (c *call[Req, Resp]) fail() (Resp, error) {
	var none Resp
	err := c.failure()
	if c.hasRejected {
		if _, ok := err.(*AllFailedError); ok && c.r.cfg.acceptLast { //nolint:errorlint // it was just made
			c.by = c.rejecter
			return c.rejected, nil
		}
		if e, ok := err.(*AllFailedError); ok { //nolint:errorlint // it was just made
			e.rejected = box[Resp]{c.rejected}
		} else {
			c.discard(c.rejecter, c.rejected)
		}
	}
	if s, ok := any(c.req).(streamed); ok {
		err = s.failure(c.attempts(), err)
	}
	if c.r.listening {
		c.r.emit(c.ctx, ExhaustedEvent{Origin: c.r.origin(), Err: err})
	}
	return none, err
}

func (c *call[Req, Resp]) failure() error {
	switch {
	case c.maybe():
		return c.uncertainError()
	case c.fenced:
		return routerError(c.records[len(c.records)-1].reading.err)
	case c.over():
		return &CanceledError{Attempts: c.attempts(), ended: ended(c.ctx)}
	case c.number > 0:
		return &AllFailedError{
			Attempts: c.attempts(), Skipped: c.skipped(), Closed: c.r.closed.Load() && !c.stopped, Stopped: c.refused(),
		}
	case c.r.closed.Load():
		return ErrClosed
	default:
		skipped := c.skipped()
		return &NoneAvailableError{RetryAt: earliest(skipped), Skipped: skipped}
	}
}

// refused says that what a provider said of the request ended it.
func (c *call[Req, Resp]) refused() bool {
	return c.stopped || (c.invalid && c.records[len(c.records)-1].reading.class == ClassInvalid)
}

func earliest(skipped []Skip) time.Time {
	var first time.Time
	for _, s := range skipped {
		if !s.Until.IsZero() && (first.IsZero() || s.Until.Before(first)) {
			first = s.Until
		}
	}
	return first
}

// skipped explains why the providers that were not tried were not.
func (c *call[Req, Resp]) skipped() []Skip {
	var skips []Skip
	for i, e := range c.r.ends {
		if c.at[i].tries > 0 {
			continue
		}
		skips = append(skips, c.explain(i, e))
	}
	return skips
}

func (c *call[Req, Resp]) explain(i int, e *endpoint) Skip {
	skip := Skip{Provider: e.name, Reason: c.suits(i, e)}
	if skip.Reason != "" && skip.Reason != ReasonLimited {
		return skip
	}
	s := e.standing(c.now)
	if !s.ok {
		skip.Reason, skip.Class = s.reason, s.class
		if s.until > 0 {
			skip.Until = c.r.at(s.until)
		}
	}
	if skip.Reason == "" {
		skip.Reason = ReasonNotChosen
		if c.at[i].state == placePassed {
			skip.Reason = ReasonHalfOpen // its only trial went to somebody else
		}
	}
	return skip
}

// attempts makes the story of the records.
func (c *call[Req, Resp]) attempts() []Attempt {
	if len(c.records) == 0 {
		return nil
	}
	list := make([]Attempt, len(c.records))
	for i := range c.records {
		list[i] = c.attemptOf(&c.records[i])
	}
	return list
}

func (c *call[Req, Resp]) attemptOf(rec *record) Attempt {
	name := c.r.ends[rec.index].name
	a := Attempt{
		Provider: name, Operation: c.operation, ID: rec.id, Number: rec.number, Hedge: rec.hedge,
		Start: c.r.at(rec.start), Duration: time.Duration(rec.end - rec.start), Outcome: rec.reading.outcome,
		FirstContent: time.Duration(rec.first), Items: rec.items,
	}
	if rec.ok {
		a.Outcome = OutcomeAccepted
		return a
	}
	a.Err = rec.reading.toError(name)
	a.Inner = innerAttempts(rec.reading.err, name)
	return a
}

// discard hands an answer that nobody gets to its provider's Discard.
func (c *call[Req, Resp]) discard(index int, resp Resp) {
	c.r.providers[index].discard(resp)
}
