package twilio

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
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
	attempt      string
	to, body     string
	sender       string
	service      bool // sender is a messaging service
	ours         bool // this client has sent it, and as sender
	content      content
	begun, ended time.Time // by our clock
	settle       time.Duration
}

// trial is what the vendor puts before the texts of accounts on trial.
const trial = "Sent from your Twilio trial account - "

func (c *Client) wantedOf(m sms.Message, a failover.Attempt) (*wanted, error) {
	if err := m.Validate(); err != nil {
		return nil, err
	}
	sender, ok := c.senders.Own(Vendor, m.From)
	switch {
	case !ok:
		return nil, sms.Unsupported("From", "is not owned at this vendor")
	case strings.TrimSpace(m.Body) == "":
		return nil, errNoText
	case a.Start.IsZero():
		return nil, errNoStart
	}
	w := &wanted{
		attempt: a.ID, to: m.To, body: m.Body, sender: sender, service: isSID(sender, "MG"),
		content: contentOf(m.To, m.Body), begun: a.Start, ended: a.Start.Add(a.Duration), settle: c.settle,
	}
	if begun, ended, ok := c.sends.span(a.ID); ok {
		w.ours, w.ended = true, later(w.ended, ended)
		if begun.Before(w.begun) {
			w.begun = begun
		}
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

// listing is what the vendor lists of a recipient.
type listing struct {
	messages []api.ApiV2010Message
	clock    clock
	whole    bool // there is no more
	asFor    bool // it is certainly the list that was asked for
}

// clock is the vendor's, as an answer shows it: date is when it was made, in
// whole seconds, between asked and answered by ours.
type clock struct {
	date, asked, answered time.Time
}

// earliest and latest are when it was at the vendor's, at a time of ours.
func (k clock) earliest(at time.Time) time.Time { return k.date.Add(at.Sub(k.answered)) }
func (k clock) latest(at time.Time) time.Time   { return k.date.Add(at.Sub(k.asked) + time.Second) }

// jumped says that our own clock was set since then, or stood still while the
// machine slept: how long ago it was cannot be told.
func (k clock) jumped(since time.Time) bool {
	return (k.asked.Sub(since) - k.asked.Round(0).Sub(since.Round(0))).Abs() > slack
}

// listing reads the recipient's list, as far as it is needed.
func (c *Client) listing(ctx context.Context, w *wanted) (*listing, error) {
	form := (&api.ListMessageParams{}).SetTo(w.to).SetPageSize(lookupPage)
	if w.ours && phone.IsE164(w.sender) {
		form.SetFrom(w.sender) // else the table of senders may have been another
	}
	l := &listing{asFor: true}
	at := pageKey{}
	for page := range lookupPages {
		x := c.exchange(ctx, nil)
		x.limit = maxList
		answer, err := x.service().PageMessage(form, at.token, at.number)
		switch {
		case err != nil:
			return nil, x.failed(err)
		case answer.Messages == nil:
			return nil, x.unreadable(errNoList)
		}
		if page == 0 {
			if l.clock, err = readClock(x); err != nil {
				return nil, err
			}
			if l.clock.jumped(w.begun) {
				return nil, errJumped
			}
		}
		l.add(w, answer)
		next := nextPage(answer.NextPageUri)
		if next == nil {
			l.whole = true
			break
		}
		if *next == (pageKey{}) || l.suffices(w) {
			break
		}
		at = *next
	}
	return l, nil
}

// readClock reads the vendor's clock. A local one that is wrong must not make a
// message that was sent one that was not.
func readClock(x *exchange) (clock, error) {
	if age := x.answer.Header.Get("Age"); age != "" && age != "0" {
		return clock{}, errStale
	}
	date, err := http.ParseTime(x.answer.Header.Get("Date"))
	if err != nil {
		return clock{}, errNoDate
	}
	return clock{date: date, asked: x.asked, answered: x.answered}, nil
}

// add takes a page. Pages overlap when messages are sent meanwhile.
func (l *listing) add(w *wanted, page *api.ListMessageResponse) {
	l.asFor = l.asFor && (isFor(page.Uri, w.to) || isFor(page.FirstPageUri, w.to))
	for _, m := range page.Messages {
		l.asFor = l.asFor && value(m.To) == w.to
		if !slices.ContainsFunc(l.messages, func(seen api.ApiV2010Message) bool { return value(seen.Sid) == value(m.Sid) }) {
			l.messages = append(l.messages, m)
		}
	}
}

// isFor says whether the address of a page is that of a recipient's list.
func isFor(uri, to string) bool {
	u, err := url.Parse(uri)
	return err == nil && u.Query().Get("To") == to
}

// suffices says that what follows is older than what is looked for, which is
// enough to find it. To say that it is not there takes the whole list, whose
// order the vendor does not promise.
func (l *listing) suffices(w *wanted) bool {
	if l.settled(w) || len(l.messages) == 0 {
		return false
	}
	order := func(a, b api.ApiV2010Message) int { return created(b.DateCreated).Compare(created(a.DateCreated)) }
	oldest := created(l.messages[len(l.messages)-1].DateCreated)
	return slices.IsSortedFunc(l.messages, order) && !oldest.IsZero() && oldest.Before(l.clock.earliest(w.begun).Add(-before))
}

// settled says that the list was asked for so long after the attempt that its
// message must be in it.
func (l *listing) settled(w *wanted) bool {
	return w.settle > 0 && l.clock.asked.Sub(w.ended) >= w.settle
}

// judge finds the message of an attempt in a list, and says why it cannot.
// failover.ErrNotFound says that it was certainly not sent.
func (s *sends) judge(w *wanted, l *listing) (*api.ApiV2010Message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.byAttempt[w.attempt]
	var same []*api.ApiV2010Message // with the text
	strangers := false              // nobody knows whose
	for i := range l.messages {
		m := &l.messages[i]
		owner := s.owners[value(m.Sid)]
		switch {
		case owner == w.attempt && owner != "" && l.belongs(w, m, own):
			return m, nil
		case owner != "", l.apart(w, m):
		case w.is(m):
			same = append(same, m)
		default:
			strangers = true
		}
	}
	switch {
	case len(same) > 1:
		return nil, errSeveral
	case s.rivals(w, own):
		return nil, errRival
	case len(same) == 1 && l.during(w, same[0]):
		if s.mayMiss(w.begun.Add(-before)) {
			return nil, errForgotten
		}
		s.claim(w.attempt, value(same[0].Sid), messageStatuses[value(same[0].Status)])
		return same[0], nil
	case len(same) == 1 || strangers:
		return nil, errStrangers
	}
	err := l.absent(w, own)
	if own != nil && errors.Is(err, failover.ErrNotFound) {
		s.drop(own)
	}
	return nil, err
}

// belongs says whether a message that is known to be of an attempt of that id is
// of this one. Ids come again when the name of an operation does.
func (l *listing) belongs(w *wanted, m *api.ApiV2010Message, own *send) bool {
	if own != nil {
		return own.sid == value(m.Sid)
	}
	return !l.apart(w, m)
}

// absent says what it means that a list has no message that could be it.
func (l *listing) absent(w *wanted, own *send) error {
	switch {
	case !l.settled(w), own != nil && own.ended.IsZero():
		return errTooSoon
	case !l.whole:
		return errTooMany
	case !l.asFor:
		return errOtherList
	}
	return failover.ErrNotFound
}

// is says whether a message is as the attempt would have made it.
func (w *wanted) is(m *api.ApiV2010Message) bool {
	sender := value(m.From)
	if w.service {
		sender = value(m.MessagingServiceSid)
	}
	body := value(m.Body)
	return isMessage(value(m.Sid)) && value(m.To) == w.to && sender == w.sender && (body == w.body || body == trial+w.body)
}

// apart says that a message cannot be the attempt's: it came in, or was sent at
// another time.
func (l *listing) apart(w *wanted, m *api.ApiV2010Message) bool {
	switch value(m.Direction) {
	case "inbound", "outbound-reply", "outbound-call":
		return true
	}
	at := created(m.DateCreated)
	return !at.IsZero() && (at.Before(l.clock.earliest(w.begun).Add(-before)) ||
		at.After(l.clock.latest(w.ended).Add(max(w.settle, before))))
}

// during says that a message was made while the attempt lasted. Its time is in
// whole seconds, rounded down.
func (l *listing) during(w *wanted, m *api.ApiV2010Message) bool {
	at := created(m.DateCreated)
	return !at.IsZero() && !at.Add(time.Second).Before(l.clock.earliest(w.begun).Add(-slack)) &&
		!at.After(l.clock.latest(w.ended).Add(slack))
}

// rivals says whether another attempt with the same recipient and text, whose
// message is not known, may have been sent at that time. It needs the lock.
func (s *sends) rivals(w *wanted, own *send) bool {
	return slices.ContainsFunc(s.byContent[w.content], func(other *send) bool {
		over := !other.ended.IsZero() && other.ended.Before(w.begun.Add(-before))
		return other != own && other.open() && !over && !other.begun.After(w.ended.Add(before))
	})
}
