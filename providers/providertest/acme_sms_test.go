package providertest_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
	"github.com/gofailover/failover/providers/sms"
)

func newAcmeSMS(fault string) func(providertest.Account) (providertest.SMSAdapter, error) {
	return func(account providertest.Account) (providertest.SMSAdapter, error) {
		a := &acmeSMS{acmePhone{account: account, fault: fault, sent: map[string]time.Time{}}}
		return providertest.SMSAdapter{
			Provider: sms.Provider{
				Name: "acme", SideEffect: fault != faultHarmless, Do: a.message, Supports: a.supports, Check: a.check,
				Lookup: a.lookup,
			},
			Update: a.update,
		}, nil
	}
}

type acmeSMS struct{ acmePhone }

func (a *acmeSMS) supports(m sms.Message) bool {
	_, owned := a.own(m.From)
	return owned && len(m.Media) == 0 || a.fault == faultInsistent
}

func (a *acmeSMS) message(ctx context.Context, m sms.Message) (*sms.Receipt, error) {
	if a.fault == faultBlunt && m.Validate() != nil {
		return nil, sms.Invalid(errAcmeNobody)
	}
	if err := m.Validate(); err != nil && a.fault != faultEager {
		return nil, sms.Invalid(err)
	}
	from, owned := a.own(m.From)
	switch {
	case !owned:
		return nil, sms.Unsupported("From", "%s", a.foreign(m.From))
	case len(m.Media) > 0:
		return nil, sms.Unsupported("Media", "cannot be sent")
	}
	if a.fault == faultBodiless {
		m.Body = m.Body[:len(m.Body)/2]
	}
	e := acmeEntry{To: m.To, From: from, Text: m.Body, Callback: a.hook(ctx, m.StatusCallback)}
	accepted, err := a.create(ctx, "/messages", &e)
	if !accepted || err != nil && a.fault == faultNoReceipt {
		return nil, meant(err, sms.ErrOptedOut, sms.ErrInvalidRecipient)
	}
	receipt := &sms.Receipt{Provider: a.path(ctx), ID: e.ID, Status: sms.Status(e.Status)}
	receipt.Operation, receipt.Attempt = a.attempt(ctx)
	return receipt, err
}

// errAcmeMany says that several messages may be the one.
var errAcmeMany = errors.New("acme: several messages may be the one")

// lookup looks for a message that was sent when the attempt was made.
func (a *acmeSMS) lookup(ctx context.Context, m sms.Message, attempt failover.Attempt) (*sms.Receipt, error) {
	var sent []acmeEntry
	from, _ := a.own(m.From)
	method := http.MethodGet
	if a.fault == faultPoke {
		method = http.MethodPost
	}
	err := a.ask(ctx, method, "/messages?most=100&to="+url.QueryEscape(m.To), &sent)
	if err != nil && a.fault == faultMissing {
		return nil, failover.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	sent = slices.DeleteFunc(sent, func(e acmeEntry) bool {
		old := e.Created.Before(attempt.Start.Add(-time.Second)) && a.fault != faultAges
		return old || e.From != from || e.Text != m.Body
	})
	switch {
	case len(sent) == 0:
		return nil, failover.ErrNotFound
	case len(sent) > 1 && a.fault != faultHopeful:
		return nil, errAcmeMany
	}
	found := sent[len(sent)-1]
	return &sms.Receipt{
		Provider: attempt.Provider, ID: found.ID, Operation: attempt.Operation, Attempt: attempt.ID, Status: sms.Status(found.Status),
	}, nil
}

// meant gives a refusal the cause that the capability has for it.
func meant(err, stop, nobody error) error {
	e, ok := err.(*failover.Error)
	if !ok {
		return err
	}
	switch e.Err {
	case errAcmeStop:
		e.Err = stop
	case errAcmeNobody:
		e.Err = nobody
	}
	return e
}

// update reads a webhook. Acme's words are ours.
func (a *acmeSMS) update(r *http.Request) (sms.Update, error) {
	said, err := a.read(r)
	if err != nil {
		return sms.Update{}, err
	}
	q := r.URL.Query()
	u := sms.Update{
		ID: said.ID, Status: sms.Status(said.Status), Provider: q.Get("failover_provider"),
		Operation: q.Get("failover_operation"), Attempt: q.Get("failover_attempt"),
	}
	if slices.Contains([]sms.Status{sms.StatusUndelivered, sms.StatusFailed}, u.Status) && a.fault != faultDelivered {
		u.Err = &failover.Error{
			Code: said.Code, Class: failover.ClassInvalid, Outcome: failover.OutcomeNotAccepted, Err: sms.ErrInvalidRecipient,
		}
	}
	return u, nil
}
