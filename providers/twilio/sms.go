package twilio

import (
	"cmp"
	"context"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	api "github.com/twilio/twilio-go/rest/api/v2010"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/sms"
)

// maxBody is how many characters the vendor takes.
const maxBody = 1600

// SMS is the client as a provider of messages.
func (c *Client) SMS() sms.Provider {
	return sms.Provider{
		Name:       c.name,
		Account:    c.account,
		SideEffect: true,
		Do:         c.send,
		Supports:   func(m sms.Message) bool { _, err := c.form(m); return err == nil },
		Check:      c.check,
		Lookup:     c.lookup,
	}
}

// form is a message in the vendor's words. What this provider cannot serve is
// Unsupported.
func (c *Client) form(m sms.Message) (*api.CreateMessageParams, error) {
	sender, ok := c.senders.Own(Vendor, m.From)
	switch {
	case !ok:
		return nil, sms.Unsupported("From", "is not owned at this vendor")
	case utf8.RuneCountInString(m.Body) > maxBody:
		return nil, sms.Unsupported("Body", "is longer than %d characters", maxBody)
	}
	form := (&api.CreateMessageParams{}).SetTo(m.To)
	if isSID(sender, "MG") {
		form.SetMessagingServiceSid(sender)
	} else {
		form.SetFrom(sender)
	}
	if m.Body != "" {
		form.SetBody(m.Body)
	}
	if len(m.Media) > 0 {
		form.SetMediaUrl(m.Media)
	}
	if m.Validity > 0 {
		form.SetValidityPeriod(int(m.Validity / time.Second))
	}
	return form, nil
}

// send makes one attempt.
func (c *Client) send(ctx context.Context, m sms.Message) (*sms.Receipt, error) {
	if err := sms.Invalid(m.Validate()); err != nil {
		return nil, err
	}
	form, err := c.form(m)
	if err != nil {
		return nil, err
	}
	tag := phone.TagOf(ctx)
	if m.StatusCallback != "" {
		form.SetStatusCallback(callback(tag, m.StatusCallback))
	}
	receipt := &sms.Receipt{
		Provider: cmp.Or(tag.Provider, c.name), Operation: tag.Operation, Attempt: tag.Attempt,
	}
	attempt := c.sends.begin(tag, sentOf(m.To, value(cmp.Or(form.From, form.MessagingServiceSid)), m.Body))
	outcome := failover.OutcomeUnknown // should anything panic
	defer func() { c.sends.end(attempt, outcome, receipt) }()

	x := c.exchange(ctx, sms.ErrInvalidRecipient)
	message, err := x.service().CreateMessage(form)
	if err != nil {
		e := x.failed(err)
		outcome = e.Outcome
		return taken(receipt, e), e
	}
	outcome = failover.OutcomeAccepted
	describe(receipt, message)
	if receipt.ID == "" {
		return receipt, x.unreadable(errNoSID)
	}
	return receipt, nil
}

// taken is the receipt of an attempt that failed: nil unless the vendor took it
// all the same.
func taken[T any](receipt *T, e *failover.Error) *T {
	if e.Outcome != failover.OutcomeAccepted {
		return nil
	}
	return receipt
}

// describe writes into a receipt what the vendor says of a message.
func describe(receipt *sms.Receipt, m *api.ApiV2010Message) {
	if sid := value(m.Sid); isMessage(sid) {
		receipt.ID = sid
	}
	receipt.Status = messageStatuses[value(m.Status)]
	if n, err := strconv.Atoi(value(m.NumSegments)); err == nil && n > 0 {
		receipt.Segments = n
	}
	receipt.Price = price(value(m.Price), value(m.PriceUnit))
}

func isMessage(sid string) bool { return isSID(sid, "SM") || isSID(sid, "MM") }

// price reads what a message costs; nil if that is not known. The vendor counts
// it as a loss: "-0.0075".
func price(amount, unit string) *sms.Price {
	f, err := strconv.ParseFloat(amount, 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) || unit == "" {
		return nil
	}
	return &sms.Price{Amount: math.Abs(f), Currency: strings.ToUpper(unit)}
}

// messageStatuses are the vendor's words, but those for messages that come in.
var messageStatuses = map[string]sms.Status{
	"accepted":            sms.StatusQueued,
	"scheduled":           sms.StatusQueued,
	"queued":              sms.StatusQueued,
	"sending":             sms.StatusSending,
	"sent":                sms.StatusSent,
	"delivered":           sms.StatusDelivered,
	"partially_delivered": sms.StatusDelivered,
	"read":                sms.StatusDelivered,
	"undelivered":         sms.StatusUndelivered,
	"failed":              sms.StatusFailed,
	"canceled":            sms.StatusCanceled,
}
