package twilio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/sms"
)

// ErrCannotTell says that Lookup could not find out whether a message was sent.
// The errors that match it say why.
const ErrCannotTell = fault("twilio: whether the message was sent cannot be told")

// Why it cannot be told.
const (
	errNoText    = fault("a message without text cannot be recognised")
	errNoStart   = fault("the attempt has no start")
	errTooSoon   = fault("it is not in the list yet")
	errSeveral   = fault("several messages could be it")
	errRival     = fault("another attempt with the same recipient and text is under way or uncertain")
	errForgotten = fault("too many messages were sent since")
	errStrangers = fault("the recipient got another message at that time")
	errTooMany   = fault("the recipient has more messages than are looked through")
	errOtherList = fault("the list is not the one that was asked for")
	errNoDate    = fault("the answer does not say when it was made")
	errStale     = fault("the answer comes out of a cache")
	errJumped    = fault("the clock was set since the attempt, or the machine has slept")
)

const (
	// slack is how far the vendor's clocks may be apart, and how late it may make
	// a message of a request.
	slack = 5 * time.Second
	// before is how long before an attempt a message to the same recipient that
	// nobody knows of forbids to say that there is none.
	before = time.Minute
	// lookupPage is how many messages are asked for at a time, and lookupPages
	// how often: the list of one recipient is rarely longer.
	lookupPage  = 200
	lookupPages = 5
)

// looks is when the list is looked at: the vendor may still be about it.
var looks = [...]time.Duration{0, time.Second, 3 * time.Second}

// lookup finds out what became of an attempt. It only reads.
func (c *Client) lookup(ctx context.Context, m sms.Message, a failover.Attempt) (*sms.Receipt, error) {
	if receipt := c.remembered(a); receipt != nil {
		return receipt, nil
	}
	w, err := c.wantedOf(m, a)
	if err != nil {
		return nil, cannotTell(err)
	}
	begun := time.Now()
	for _, at := range looks {
		if !waitUntil(ctx, begun.Add(at)) {
			return nil, cannotTell(err)
		}
		var receipt *sms.Receipt
		receipt, err = c.look(ctx, w, a)
		switch {
		case err == nil:
			return receipt, nil
		case errors.Is(err, failover.ErrNotFound):
			return nil, failover.ErrNotFound
		case hopeless(err):
			return nil, cannotTell(err)
		}
	}
	return nil, cannotTell(err)
}

func cannotTell(why error) error {
	if why == nil {
		return ErrCannotTell
	}
	return fmt.Errorf("%w: %w", ErrCannotTell, why)
}

// waitUntil waits, and says whether it is worth it: it does not begin what the
// context will not let it end.
func waitUntil(ctx context.Context, at time.Time) bool {
	wait := time.Until(at)
	if deadline, ok := ctx.Deadline(); ctx.Err() != nil || ok && wait > 0 && !at.Before(deadline) {
		return false
	}
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// hopeless says that asking again soon would not help.
func hopeless(err error) bool {
	if errors.Is(err, errJumped) {
		return true
	}
	switch failover.ClassOf(err) {
	case failover.ClassUnauthorized, failover.ClassExhausted, failover.ClassRateLimited, failover.ClassUnsupported,
		failover.ClassInvalid:
		return true
	default:
		return false
	}
}

// remembered is the receipt of an attempt whose message is known, most likely
// from a webhook.
func (c *Client) remembered(a failover.Attempt) *sms.Receipt {
	sid, status := c.sends.known(a.ID)
	if sid == "" {
		return nil
	}
	receipt := c.receiptFor(a)
	receipt.ID, receipt.Status = sid, status
	return receipt
}

func (c *Client) receiptFor(a failover.Attempt) *sms.Receipt {
	return &sms.Receipt{
		Provider: cmp.Or(c.sends.tagOf(a.ID).Provider, a.Provider, c.name), Operation: a.Operation, Attempt: a.ID,
	}
}

// wanted is what a message must be like to be that of an attempt.
type wanted struct {
	sent

	attempt      string
	ours         bool      // this client has made it, and knows how
	begun, ended time.Time // by our clock
	settle       time.Duration
}

// trial is what the vendor puts before the texts of accounts on trial.
const trial = "Sent from your Twilio trial account - "

func (c *Client) wantedOf(m sms.Message, a failover.Attempt) (*wanted, error) {
	w := &wanted{attempt: a.ID, begun: a.Start, ended: a.Start.Add(a.Duration), settle: c.settle}
	if w.ours = c.sends.recall(w); !w.ours {
		if err := m.Validate(); err != nil {
			return nil, err
		}
		sender, ok := c.senders.Own(Vendor, m.From)
		if !ok {
			return nil, sms.Unsupported("From", "is not owned at this vendor")
		}
		w.sent = sentOf(m.To, sender, m.Body)
	}
	switch {
	case w.bare:
		return nil, errNoText
	case w.begun.IsZero():
		return nil, errNoStart
	}
	return w, nil
}

// look looks once.
func (c *Client) look(ctx context.Context, w *wanted, a failover.Attempt) (*sms.Receipt, error) {
	l, err := c.listing(ctx, w)
	if err != nil {
		return nil, err
	}
	found, err := c.sends.judge(w, l)
	if err != nil {
		return nil, err
	}
	receipt := c.receiptFor(a)
	describe(receipt, found)
	return receipt, nil
}
