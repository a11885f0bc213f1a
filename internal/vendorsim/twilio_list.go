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
	t.list(w, r, "Messages", t.message, func(e Entry) bool {
		sent := e.since("sent", "delivered", "undelivered")
		if sent.IsZero() {
			sent = e.Created // it has no such date yet
		}
		return e.Kind == MessageKind && matches(q, "To", e.To) && matches(q, "From", e.From) && within(q, "DateSent", sent)
	})
}

// listCalls lists newest first.
func (t *twilio) listCalls(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	t.list(w, r, "Calls", t.call, func(e Entry) bool {
		started := e.since("in-progress")
		if started.IsZero() {
			started = e.Created
		}
		return e.Kind == CallKind && matches(q, "To", e.To) && matches(q, "From", e.From) && matches(q, "Status", e.Status) &&
			within(q, "StartTime", started)
	})
}

func matches(q url.Values, name, value string) bool {
	return q.Get(name) == "" || q.Get(name) == value
}

// within checks the three filters of a date: on that day, or not before it, or
// not after it. Times of day are not in them.
func within(q url.Values, name string, at time.Time) bool {
	day := at.UTC().Format(time.DateOnly)
	on, until, from := twilioDay(q, name), twilioDay(q, name+"<"), twilioDay(q, name+">")
	return (on == "" || day == on) && (until == "" || day <= until) && (from == "" || day >= from)
}

// twilioDay is the day of a filter, of which the vendor takes dates and times.
func twilioDay(q url.Values, name string) string {
	s := q.Get(name)
	return s[:min(len(s), len(time.DateOnly))]
}

// list answers with a page of the entries that were processed long enough ago.
func (t *twilio) list(w http.ResponseWriter, r *http.Request, name string, show func(Entry) object, wanted func(Entry) bool) {
	q := r.URL.Query()
	size, page := 50, atoi(q.Get("Page"))
	if s := q.Get("PageSize"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			write(w, *twilioInvalid("20006", "Page size must be greater than 0"))
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
	writeJSON(w, http.StatusOK, object{
		map[string]string{"Messages": "messages", "Calls": "calls"}[name]: items,
		"page": page, "page_size": size, "start": start, "end": max(start, start+len(shown)-1),
		"uri": uri(page), "first_page_uri": uri(0), "next_page_uri": next, "previous_page_uri": previous,
	})
}
