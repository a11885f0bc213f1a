package vendorsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// listMessages lists newest first.
func (t *twilio) listMessages(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	dates, refusal := twilioDates(q, "DateSent", true)
	if refusal != nil {
		write(w, *refusal)
		return
	}
	t.list(w, r, "Messages", t.message, func(e Entry) bool {
		sent := e.since("sent", "delivered", "undelivered")
		if sent.IsZero() {
			sent = e.Created // it has no such date yet
		}
		return e.Kind == MessageKind && matches(q, "To", e.To) && matches(q, "From", e.From) && dates.admit(sent)
	})
}

// listCalls lists newest first.
func (t *twilio) listCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	dates, refusal := twilioDates(q, "StartTime", false)
	if refusal != nil {
		write(w, *refusal)
		return
	}
	t.list(w, r, "Calls", t.call, func(e Entry) bool {
		started := e.since("in-progress")
		if started.IsZero() {
			started = e.Created
		}
		return e.Kind == CallKind && matches(q, "To", e.To) && matches(q, "From", e.From) && matches(q, "Status", e.Status) &&
			dates.admit(started)
	})
}

func matches(q url.Values, name, value string) bool {
	return q.Get(name) == "" || q.Get(name) == value
}

// span is from a time up to but not including another; zero times are no
// bounds.
type span struct{ from, until time.Time }

func (s span) admit(at time.Time) bool {
	return !at.Before(s.from) && (s.until.IsZero() || at.Before(s.until))
}

// twilioDates are the filters of a date: on a day, or before (<), or on it and
// after (>). Before a day is with that day for messages and without it for
// calls. A bound can be a time as well, in whole seconds.
func twilioDates(q url.Values, name string, with bool) (span, *Answer) {
	var s span
	for _, filter := range []string{name, name + "<", name + ">"} {
		text := q.Get(filter)
		if text == "" {
			continue
		}
		at, long, err := twilioDate(text)
		if err != nil {
			return s, twilioInvalid("20001", "%s is not a date: %s", filter, text)
		}
		switch {
		case filter == name:
			s = span{from: at, until: at.Add(long)}
		case filter == name+">":
			s.from = at
		case with:
			s.until = at.Add(long)
		default:
			s.until = at
		}
	}
	return s, nil
}

// twilioDate is a date or a time, and how long it is.
func twilioDate(text string) (at time.Time, long time.Duration, err error) {
	if at, err = time.Parse(time.DateOnly, text); err == nil {
		return at, 24 * time.Hour, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateTime, time.RFC1123Z} {
		if at, err = time.Parse(layout, text); err == nil {
			return at, time.Second, nil
		}
	}
	return at, 0, err
}

// list answers with a page of the entries that were processed long enough ago.
func (t *twilio) list(w http.ResponseWriter, r *http.Request, name string, show func(Entry) object, wanted func(Entry) bool) {
	q := r.URL.Query()
	size, page := 50, atoi(q.Get("Page"))
	if s := q.Get("PageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			write(w, *twilioInvalid("20001", "Page size must be greater than 0"))
			return
		}
		size = min(n, 1000)
	}
	lag := t.now().lag
	found := slices.DeleteFunc(t.Ledger.Entries(), func(e Entry) bool {
		return time.Since(e.Created) < lag || !wanted(e)
	})
	slices.Reverse(found)
	start := min(max(0, page)*size, len(found))
	shown := found[start:min(start+size, len(found))]
	items := make([]object, 0, len(shown))
	for _, e := range shown {
		items = append(items, show(e))
	}
	uri := func(page int) string {
		q.Set("Page", strconv.Itoa(page))
		q.Set("PageSize", strconv.Itoa(size))
		return t.path("/" + name + ".json?" + q.Encode())
	}
	var next, previous any
	if start+size < len(found) {
		next = uri(page + 1)
	}
	if page > 0 {
		previous = uri(page - 1)
	}
	writeJSON(w, object{
		map[string]string{"Messages": "messages", "Calls": "calls"}[name]: items,
		"page": page, "page_size": size, "start": start, "end": max(start, start+len(shown)-1),
		"uri": uri(page), "first_page_uri": uri(0), "next_page_uri": next, "previous_page_uri": previous,
	})
}
