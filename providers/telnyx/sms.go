package telnyx

import (
	"context"
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/providers/sms"
)

// SMS is the account's text messages: POST /v2/messages. Its Check is a GET of
// /v2/balance, which is free: it fails with class exhausted if there is no
// credit. Every call returns a new value, whose fields can be set.
func (c *Client) SMS() sms.Provider {
	return sms.Provider{
		Name: c.name, Account: c.account, Do: c.sendMessage, Check: c.check, SideEffect: true,
		Supports: func(m sms.Message) bool {
			_, err := c.message(m, phone.Tag{})
			return failover.ClassOf(err) != failover.ClassUnsupported // what is wrong with a message Do says better
		},
	}
}

var smsCauses = causes{recipient: sms.ErrInvalidRecipient, optedOut: sms.ErrOptedOut}

type messageBody struct {
	From       string   `json:"from,omitzero"`
	ProfileID  string   `json:"messaging_profile_id,omitzero"`
	To         string   `json:"to"`
	Text       string   `json:"text,omitzero"`
	MediaURLs  []string `json:"media_urls,omitempty"`
	WebhookURL string   `json:"webhook_url,omitzero"`
}

// message translates a message, or says why this vendor cannot send it.
func (c *Client) message(m sms.Message, tag phone.Tag) (messageBody, error) {
	if err := m.Validate(); err != nil {
		return messageBody{}, sms.Invalid(err)
	}
	from, ok := c.senders.Own(Vendor, m.From)
	if !ok {
		return messageBody{}, sms.Unsupported("From", "is not owned at %s", c.name)
	}
	b := messageBody{From: from, To: m.To, Text: m.Body, MediaURLs: m.Media, WebhookURL: tag.AddTo(m.StatusCallback)}
	switch {
	case isUUID(from):
		b.From, b.ProfileID = "", from
	case isNumber(from):
	case c.profile != "":
		b.ProfileID = c.profile
	default:
		return messageBody{}, sms.Unsupported("From", "is a sender id, which %s takes with a messaging profile only", c.name)
	}
	return b, nil
}

// isNumber says whether a sender is a number or a short code, and no word.
func isNumber(sender string) bool {
	return strings.Trim(strings.TrimPrefix(sender, "+"), "0123456789") == ""
}

// message is the resource, as far as it says what became of it.
type message struct {
	ID text `json:"id"`
	To []struct {
		Status text `json:"status"`
	} `json:"to"`
	Parts  int        `json:"parts"`
	Cost   money      `json:"cost"`
	Errors []apiError `json:"errors"`

	Direction  text `json:"direction"`
	WebhookURL text `json:"webhook_url"`
}

// statuses are the vendor's words for what became of a message.
var statuses = map[string]sms.Status{
	"queued":               sms.StatusQueued,
	"sending":              sms.StatusSending,
	"sent":                 sms.StatusSent,
	"delivered":            sms.StatusDelivered,
	"delivery_unconfirmed": sms.StatusUnconfirmed,
	"delivery_failed":      sms.StatusUndelivered,
	"sending_failed":       sms.StatusFailed,
	"expired":              sms.StatusFailed, // while it waited
}

// status is that of the only recipient.
func (m message) status() sms.Status {
	if len(m.To) == 0 {
		return sms.StatusUnknown
	}
	return statuses[string(m.To[0].Status)]
}

func (c *Client) sendMessage(ctx context.Context, m sms.Message) (*sms.Receipt, error) {
	tag := phone.TagOf(ctx)
	body, err := c.message(m, tag)
	if err != nil {
		return nil, err
	}
	var said answer[message]
	resp, err := c.send(ctx, "/v2/messages", body, &said, smsCauses)
	receipt := &sms.Receipt{
		Provider: c.path(tag), Operation: tag.Operation, Attempt: tag.Attempt,
		ID: string(said.Data.ID), Status: said.Data.status(), Segments: max(said.Data.Parts, 0), Price: said.Data.Cost.price(),
	}
	switch {
	case err != nil && resp == nil:
		return nil, err
	case err == nil && receipt.ID == "":
		err = httpcall.Unreadable(resp, errNoID)
	}
	return receipt, err
}

// path is who sends: where the provider is in the routers, or its own name
// outside of them.
func (c *Client) path(tag phone.Tag) string {
	if tag.Provider == "" {
		return c.name
	}
	return tag.Provider
}
