package telnyx

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gofailover/failover/internal/phone"
)

// Why a webhook tells nothing.
var (
	// ErrSignature says that a request is not the vendor's: its signature is
	// missing or wrong, it was signed more than 5 min ago or ahead of our clock,
	// or it is longer than any webhook. Answer it with 403 and do nothing.
	ErrSignature = errors.New("telnyx: the webhook is not signed by Telnyx")
	// ErrUnrelated says that a webhook is the vendor's, but not of a message
	// sent, or a call: a message received, say. The request's body can be read
	// again.
	ErrUnrelated = errors.New("telnyx: the webhook is of something else")
)

const (
	// tolerance is how old a webhook may be, or how far ahead the vendor's clock:
	// what the vendor's own libraries allow.
	tolerance = 5 * time.Minute
	// maxWebhook bounds what is read of a webhook: a long message, many times
	// over.
	maxWebhook = 1 << 20
)

// event is a webhook whose signature was right.
type event[T any] struct {
	Data struct {
		Type    text `json:"event_type"`
		At      text `json:"occurred_at"`
		Payload T    `json:"payload"`
	} `json:"data"`
	Meta struct {
		DeliveredTo text `json:"delivered_to"`
	} `json:"meta"`
}

// read reads a webhook into what, if the vendor has signed it. The request's
// body can be read again afterwards.
func (c *Client) read(r *http.Request, what any) error {
	if c.public == nil {
		return errors.New("telnyx: webhooks need WithPublicKey")
	}
	if r.Body == nil { // no server's request
		return ErrSignature
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebhook+1))
	if err != nil {
		return fmt.Errorf("telnyx: reading the webhook: %w", err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case len(body) > maxWebhook, !c.signed(r.Header, body, time.Now()):
		return ErrSignature
	case !decode(body, what):
		return errors.New("telnyx: the webhook is not JSON")
	default:
		return nil
	}
}

// signed says whether the vendor has signed the body, a moment ago: the text
// under the signature is the time, a bar and the body as it came
// (https://developers.telnyx.com/development/api-fundamentals/webhooks/receiving-webhooks).
// The address that it was sent to is not under it.
func (c *Client) signed(h http.Header, body []byte, now time.Time) bool {
	timestamp := h.Get("Telnyx-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	signature, err := base64.StdEncoding.DecodeString(h.Get("Telnyx-Signature-Ed25519"))
	return err == nil && ed25519.Verify(c.public, append([]byte(timestamp+"|"), body...), signature)
}

// tagFrom is the first of the tags that names an operation.
func tagFrom(tags ...phone.Tag) phone.Tag {
	for _, t := range tags {
		if t.Operation != "" {
			return t
		}
	}
	return phone.Tag{}
}
