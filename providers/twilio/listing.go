package twilio

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
)

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
	form := (&api.ListMessageParams{}).SetTo(w.content.to).SetPageSize(lookupPage)
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
	l.asFor = l.asFor && (isFor(page.Uri, w.content.to) || isFor(page.FirstPageUri, w.content.to))
	for _, m := range page.Messages {
		l.asFor = l.asFor && value(m.To) == w.content.to
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
	if isSID(w.sender, "MG") {
		sender = value(m.MessagingServiceSid)
	}
	to, body := value(m.To), value(m.Body)
	return isMessage(value(m.Sid)) && sender == w.sender &&
		(contentOf(to, body) == w.content || contentOf(to, strings.TrimPrefix(body, trial)) == w.content)
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
