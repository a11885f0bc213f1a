package providertest_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/providertest"
)

// More ways to get an adapter wrong, of those that call.
const (
	faultRings   = "says that repeats are dropped, and does not tell the vendor what is one"
	faultSame    = "takes every call for the same one"
	faultLate    = "repeats what the vendor has forgotten"
	faultOver    = "cannot hang up what is over"
	faultOnAndOn = "says that it has hung up and has not"
	faultGone    = "takes an unknown call for a caller's mistake"
	faultRedial  = "places a call to see how it is"
	faultEscape  = "does not escape ids"
	faultAll     = "lists without looking at the filter"
	faultEndless = "lists without a limit"
	faultOldest  = "lists the oldest first"
	faultStale   = "does not say where a call stands"
	faultBusy    = "takes what the callee says for a fault"
)

func newAcmeCall(fault string) func(providertest.Account) (providertest.CallAdapter, error) {
	return func(account providertest.Account) (providertest.CallAdapter, error) {
		a := &acmeCall{acmePhone{account: account, fault: fault, sent: map[string]time.Time{}}}
		return providertest.CallAdapter{
			Provider: call.Provider{
				Provider: failover.Provider[call.Request, *call.Call]{
					Name: "acme", SideEffect: fault != faultHarmless, Dedupes: true, Do: a.place, Supports: a.supports, Check: a.check,
				},
				Get: a.get, Hangup: a.hangup, List: a.list,
			},
			Update: a.update,
		}, nil
	}
}

type acmeCall struct{ acmePhone }

func (a *acmeCall) supports(r call.Request) bool {
	_, owned := a.own(r.From)
	return owned && r.TwiML == "" || a.fault == faultInsistent
}

func (a *acmeCall) place(ctx context.Context, r call.Request) (*call.Call, error) {
	if a.fault == faultBlunt && r.Validate() != nil {
		return nil, call.Invalid(errAcmeNobody)
	}
	if err := r.Validate(); err != nil && a.fault != faultEager {
		return nil, call.Invalid(err)
	}
	from, owned := a.own(r.From)
	switch {
	case !owned:
		return nil, call.Unsupported("From", "%s", a.foreign(r.From))
	case r.TwiML != "":
		return nil, call.Unsupported("TwiML", "is another vendor's")
	case !a.fresh(failover.AttemptID(ctx)):
		return nil, &failover.Error{Class: failover.ClassTransient, Err: errors.New("acme: repeated too late")}
	}
	e := acmeEntry{To: r.To, From: from, Play: r.AudioURL, Callback: a.hook(ctx, r.StatusCallback), Once: a.once(ctx)}
	accepted, err := a.create(ctx, "/calls", &e)
	if !accepted || err != nil && a.fault == faultNoReceipt {
		return nil, meant(err, errAcmeStop, call.ErrInvalidRecipient)
	}
	placed := &call.Call{Provider: a.path(ctx), ID: e.ID, Status: acmeStatuses[e.Status]}
	placed.Operation, placed.Attempt = a.attempt(ctx)
	return placed, err
}

// once is what Acme knows a call by.
func (a *acmeCall) once(ctx context.Context) string {
	switch a.fault {
	case faultRings:
		return ""
	case faultSame:
		return "call"
	default:
		return failover.AttemptID(ctx)
	}
}

// fresh says whether Acme still knows an attempt, or does not know it yet.
func (a *acmeCall) fresh(attempt string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	first, ok := a.sent[attempt]
	if !ok && attempt != "" {
		a.sent[attempt] = time.Now()
	}
	return !ok || time.Since(first) < acmeWindow || a.fault == faultLate
}

// acmeStatuses are Acme's words.
var acmeStatuses = map[string]call.Status{
	"dialing": call.StatusQueued, "done": call.StatusCompleted, "busy": call.StatusBusy, "dead": call.StatusFailed,
}

func (a *acmeCall) seen(e acmeEntry) call.Call {
	c := call.Call{ID: e.ID, To: e.To, From: e.From, Status: acmeStatuses[e.Status], Created: e.Created}
	if a.fault == faultStale {
		c.Status = call.StatusUnknown
	}
	return c
}

func (a *acmeCall) target(id, action string) string {
	if a.fault == faultEscape {
		return "/calls/" + id + action
	}
	return "/calls/" + url.PathEscape(id) + action
}

func (a *acmeCall) get(ctx context.Context, id string) (*call.Call, error) {
	if a.fault == faultRedial {
		return a.place(ctx, call.Request{To: "+15005550006"})
	}
	var e acmeEntry
	err := a.ask(ctx, http.MethodGet, a.target(id, ""), &e)
	if err == nil && e.ID == "" {
		err = &failover.Error{Class: failover.ClassIncomplete}
	}
	if err != nil {
		return nil, a.gone(err)
	}
	c := a.seen(e)
	return &c, nil
}

func (a *acmeCall) gone(err error) error {
	if e, ok := err.(*failover.Error); ok && e.Status == http.StatusNotFound && a.fault == faultGone {
		e.Class = failover.ClassInvalid
	}
	return err
}

func (a *acmeCall) hangup(ctx context.Context, id string) error {
	if a.fault == faultOnAndOn {
		return nil
	}
	err := a.ask(ctx, http.MethodPost, a.target(id, "/end"), &acmeEntry{})
	if e, ok := err.(*failover.Error); ok && e.Status == http.StatusConflict && a.fault != faultOver {
		return nil // it is over
	}
	return err
}

func (a *acmeCall) list(ctx context.Context, f call.Filter) ([]call.Call, error) {
	q := url.Values{"to": {f.To}, "most": {strconv.Itoa(f.Most())}}
	for word, status := range acmeStatuses {
		if status == f.Status {
			q.Set("status", word)
		}
	}
	switch a.fault {
	case faultAll:
		q.Del("to")
		q.Del("status")
	case faultEndless:
		q.Set("most", "1000000")
	}
	var found []acmeEntry
	if err := a.ask(ctx, http.MethodGet, "/calls?"+q.Encode(), &found); err != nil {
		return nil, err
	}
	calls := make([]call.Call, len(found))
	for i, e := range found {
		at := i
		if a.fault == faultOldest {
			at = len(found) - 1 - i
		}
		calls[at] = a.seen(e)
	}
	return calls, nil
}

func (a *acmeCall) update(r *http.Request) (call.Update, error) {
	said, err := a.read(r)
	if err != nil {
		return call.Update{}, err
	}
	q := r.URL.Query()
	u := call.Update{
		ID: said.ID, Status: call.Status(said.Status), Provider: q.Get("failover_provider"),
		Operation: q.Get("failover_operation"), Attempt: q.Get("failover_attempt"),
	}
	if u.Status == call.StatusFailed && a.fault != faultDelivered || u.Status == call.StatusBusy && a.fault == faultBusy {
		u.Err = &failover.Error{
			Code: said.Code, Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: call.ErrInvalidRecipient,
		}
	}
	return u, nil
}
