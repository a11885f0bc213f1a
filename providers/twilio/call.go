package twilio

import (
	"cmp"
	"context"
	"encoding/xml"
	"strconv"
	"strings"
	"time"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/call"
)

const (
	// maxTwiML is how many bytes of instructions the vendor takes.
	maxTwiML = 4000
	// listPage is how many calls of a list are asked for at a time.
	listPage = 200
	// listPages bounds how often.
	listPages = 20
)

// Call is the client as a provider of calls.
func (c *Client) Call() call.Provider {
	return call.Provider{
		Provider: failover.Provider[call.Request, *call.Call]{
			Name:       c.name,
			Account:    c.account,
			SideEffect: true,
			Do:         c.place,
			Supports:   func(r call.Request) bool { _, err := c.dial(r); return err == nil },
			Check:      c.check,
		},
		Get:    c.get,
		Hangup: c.hangup,
		List:   c.list,
	}
}

// dial is a call in the vendor's words. What this provider cannot serve is
// Unsupported.
func (c *Client) dial(r call.Request) (*api.CreateCallParams, error) {
	caller, ok := c.callers.Own(Vendor, r.From)
	switch {
	case !ok:
		return nil, call.Unsupported("From", "is not owned at this vendor")
	case strings.HasPrefix(r.To, "sips:"):
		return nil, call.Unsupported("To", `is a SIPS URI: this vendor takes "sip:…;transport=tls"`)
	}
	form := (&api.CreateCallParams{}).SetTo(r.To).SetFrom(caller)
	if err := c.instruct(form, r); err != nil {
		return nil, err
	}
	if r.RingTimeout > 0 {
		form.SetTimeout(int(r.RingTimeout / time.Second))
	}
	if r.TimeLimit > 0 {
		form.SetTimeLimit(int(r.TimeLimit / time.Second))
	}
	switch r.MachineDetection {
	case call.DetectMachine:
		form.SetMachineDetection("Enable")
	case call.DetectGreetingEnd:
		form.SetMachineDetection("DetectMessageEnd")
	case call.DetectNone:
	}
	if r.Record {
		form.SetRecord(true)
	}
	return form, nil
}

// instruct says what happens when somebody answers.
func (c *Client) instruct(form *api.CreateCallParams, r call.Request) error {
	switch {
	case r.AudioURL != "":
		twiml := play(r.AudioURL)
		if len(twiml) > maxTwiML {
			return call.Unsupported("AudioURL", "is too long for this vendor")
		}
		form.SetTwiml(twiml)
	case r.AnswerURL != "":
		form.SetUrl(r.AnswerURL)
	case r.TwiML != "":
		form.SetTwiml(r.TwiML)
	default:
		id, ok := c.connections.ID(Vendor, r.Connection)
		if !ok || id == "" {
			return call.Unsupported("Connection",
				"has no row for this vendor, and there is neither AudioURL, AnswerURL nor TwiML")
		}
		form.SetApplicationSid(id)
	}
	return nil
}

// play are the instructions to play a sound file.
func play(audio string) string {
	var b strings.Builder
	b.WriteString("<Response><Play>")
	_ = xml.EscapeText(&b, []byte(audio)) // a strings.Builder takes everything
	b.WriteString("</Play></Response>")
	return b.String()
}

// place makes one attempt.
func (c *Client) place(ctx context.Context, r call.Request) (*call.Call, error) {
	if err := call.Invalid(r.Validate()); err != nil {
		return nil, err
	}
	form, err := c.dial(r)
	if err != nil {
		return nil, err
	}
	tag := phone.TagOf(ctx)
	if r.StatusCallback != "" {
		form.SetStatusCallback(callback(tag, r.StatusCallback))
		form.SetStatusCallbackEvent([]string{"initiated", "ringing", "answered", "completed"})
	}
	placed := &call.Call{Provider: cmp.Or(tag.Provider, c.name), Operation: tag.Operation, Attempt: tag.Attempt}
	x := c.exchange(ctx, call.ErrInvalidRecipient)
	answer, err := x.service().CreateCall(form)
	if err != nil {
		e := x.failed(err)
		return taken(placed, e), e
	}
	describeCall(placed, answer)
	if placed.ID == "" {
		return placed, x.unreadable(errNoSID)
	}
	return placed, nil
}

// get asks for a call.
func (c *Client) get(ctx context.Context, id string) (*call.Call, error) {
	if !isSID(id, "CA") {
		return nil, unknownCall()
	}
	x := c.exchange(ctx, nil)
	answer, err := x.service().FetchCall(id, nil)
	if err != nil {
		return nil, x.failed(err)
	}
	found := &call.Call{Provider: c.name}
	describeCall(found, answer)
	if found.ID != id {
		return nil, x.unreadable(errNoSID)
	}
	return found, nil
}

// unknownCall is what the vendor says of an id that it does not know. Ids are
// put into paths by the SDK as they are.
func unknownCall() error {
	return &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted, Err: errNoCall}
}

// hangup ends a call. "completed" ends those that ring as well as those that
// were answered. The vendor refuses to end one that is over, and says the same
// of other states, so that it is asked which.
func (c *Client) hangup(ctx context.Context, id string) error {
	if !isSID(id, "CA") {
		return unknownCall()
	}
	x := c.exchange(ctx, nil)
	_, err := x.service().UpdateCall(id, (&api.UpdateCallParams{}).SetStatus("completed"))
	if err == nil {
		return nil
	}
	e := x.failed(err)
	switch {
	case e.Outcome == failover.OutcomeAccepted:
		return nil
	case e.Code != codeNotInProgress:
		return e
	}
	if found, err := c.get(ctx, id); err != nil || !found.Status.Final() {
		return e
	}
	return nil
}

// list lists calls, the newest first.
func (c *Client) list(ctx context.Context, f call.Filter) ([]call.Call, error) {
	form := &api.ListCallParams{}
	if f.To != "" {
		form.SetTo(f.To)
	}
	if f.From != "" {
		form.SetFrom(f.From)
	}
	if f.Status != "" {
		word, ok := callWord(f.Status)
		if !ok {
			return nil, call.Unsupported("Status", "is none that this vendor knows")
		}
		form.SetStatus(word)
	}
	most := f.Most()
	form.SetPageSize(min(most, listPage))
	var all []call.Call
	at := pageKey{}
	for range listPages {
		x := c.exchange(ctx, nil)
		x.limit = maxList
		page, err := x.service().PageCall(form, at.token, at.number)
		switch {
		case err != nil:
			return nil, x.failed(err)
		case page.Calls == nil:
			return nil, x.unreadable(errNoList)
		}
		for i := range page.Calls {
			one := call.Call{Provider: c.name}
			describeCall(&one, &page.Calls[i])
			all = append(all, one)
		}
		next := nextPage(page.NextPageUri)
		if next == nil || *next == (pageKey{}) || len(all) >= most || len(page.Calls) == 0 {
			break
		}
		at = *next
	}
	return all[:min(len(all), most)], nil
}

// describeCall writes into a call what the vendor says of it.
func describeCall(to *call.Call, answer *api.ApiV2010Call) {
	if sid := value(answer.Sid); isSID(sid, "CA") {
		to.ID = sid
	}
	to.Status = callStatuses[value(answer.Status)]
	to.To, to.From = value(answer.To), value(answer.From)
	to.AnsweredBy = answeredBy(value(answer.AnsweredBy))
	to.Created = created(answer.DateCreated)
	to.Duration = seconds(value(answer.Duration))
}

// callStatuses are the vendor's words. "initiated" is in webhooks only.
var callStatuses = map[string]call.Status{
	"queued":      call.StatusQueued,
	"initiated":   call.StatusRinging,
	"ringing":     call.StatusRinging,
	"in-progress": call.StatusInProgress,
	"answered":    call.StatusInProgress,
	"completed":   call.StatusCompleted,
	"busy":        call.StatusBusy,
	"no-answer":   call.StatusNoAnswer,
	"canceled":    call.StatusCanceled,
	"failed":      call.StatusFailed,
}

// callWord is the vendor's word for a status, in lists.
func callWord(status call.Status) (string, bool) {
	for word, s := range callStatuses {
		if s == status && word != "initiated" && word != "answered" {
			return word, true
		}
	}
	return "", false
}

// answeredBy reads what machine detection found: "machine_start",
// "machine_end_beep" and others of that kind.
func answeredBy(word string) call.AnsweredBy {
	kind, _, _ := strings.Cut(word, "_")
	switch by := call.AnsweredBy(kind); by {
	case call.AnsweredHuman, call.AnsweredMachine, call.AnsweredFax:
		return by
	default:
		return call.AnsweredUnknown
	}
}

func seconds(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 {
		return 0
	}
	return time.Duration(n) * time.Second
}
