package vendorsim

import (
	"encoding/json"
	"net/http"
	"unicode/utf8"
)

var telnyxMessageStatuses = []string{
	"queued", "sending", "sent", "expired", "sending_failed", "delivery_unconfirmed", "delivered", "delivery_failed",
}

type telnyxMessageRequest struct {
	From       string   `json:"from"`
	To         string   `json:"to"`
	Text       string   `json:"text"`
	ProfileID  string   `json:"messaging_profile_id"`
	MediaURLs  []string `json:"media_urls"`
	WebhookURL string   `json:"webhook_url"`
	Type       string   `json:"type"`
}

// telnyxMaxParts is how many parts a text may take.
const telnyxMaxParts = 10

func (t *telnyx) sendMessage(w http.ResponseWriter, r *http.Request) {
	var req telnyxMessageRequest
	fields, refusal := telnyxRead(r.Body, &req)
	if refusal == nil {
		refusal = req.refuse(t.now())
	}
	if refusal != nil {
		write(w, *refusal)
		return
	}
	e := Entry{
		Kind: MessageKind, To: req.To, From: req.From, Body: req.Text, StatusCallback: req.WebhookURL, Status: "queued", Fields: fields,
	}
	e = t.Ledger.add(e.named(), func(n int) string { return telnyxUUID("message of "+t.key, n) })
	writeJSON(w, object{"data": telnyxMessage(e)})
}

// refuse checks as the vendor does.
func (req telnyxMessageRequest) refuse(rules rules) *Answer {
	switch {
	case req.To == "":
		return telnyxInvalid(telnyxUnprocessable, "10004", "/to", "The 'to' parameter is required and cannot be blank.")
	case !e164.MatchString(req.To):
		return telnyxInvalid(http.StatusBadRequest, "10002", "/to", "The destination "+req.To+" is not a valid phone number.")
	case req.From == "" && req.ProfileID == "":
		return telnyxInvalid(telnyxUnprocessable, "10004", "/from", "The 'from' parameter is required and cannot be blank.")
	case req.From != "" && !e164.MatchString(req.From) && !senderID.MatchString(req.From):
		return telnyxInvalid(http.StatusBadRequest, "40305", "/from", "The 'from' address "+req.From+" is invalid.")
	case req.Text == "" && len(req.MediaURLs) == 0:
		return telnyxInvalid(telnyxUnprocessable, "10004", "/text", "Either 'text' or 'media_urls' is required.")
	case segments(req.Text) > telnyxMaxParts:
		return telnyxInvalid(http.StatusBadRequest, "40302", "/text", "The message is too large.")
	case req.WebhookURL != "" && !isWeb(req.WebhookURL):
		return telnyxInvalid(telnyxUnprocessable, "10003", "/webhook_url", "The URL "+req.WebhookURL+" is invalid.")
	case req.From != "" && !rules.owns(req.From):
		return telnyxInvalid(http.StatusBadRequest, "40305", "/from", "The 'from' address "+req.From+" is not yours to send from.")
	case contains(rules.optedOut, req.To):
		return telnyxInvalid(http.StatusBadRequest, "40300", "", "Messages cannot be sent from your number to "+req.To+
			" due to an existing block rule.")
	case contains(rules.landlines, req.To):
		return telnyxInvalid(http.StatusBadRequest, "40310", "/to", "The 'to' address "+req.To+" cannot get messages.")
	case !rules.reaches(req.To):
		return telnyxInvalid(http.StatusBadRequest, "40309", "/to", "The region of "+req.To+" is not whitelisted.")
	default:
		return nil
	}
}

// telnyxMessage is the resource.
func telnyxMessage(e Entry) object {
	kind, media := "SMS", telnyxMedia(e)
	if e.Fields.Get("type") == "MMS" || len(media) > 0 {
		kind = "MMS"
	}
	encoding := "UCS-2"
	if _, plain := gsm7Septets(e.Body); plain {
		encoding = "GSM-7"
	}
	errs := []object{}
	if e.Code != "" {
		errs = append(errs, object{
			"code": e.Code, "title": telnyxTitle(e.Code), "detail": "The message to " + e.To + " could not be delivered.",
		})
	}
	var done any
	if telnyxFinal(e) {
		done = telnyxTime(e.updated())
	}
	return object{
		"record_type": "message", "direction": "outbound", "id": e.ID, "type": kind, "text": e.Body,
		"organization_id": telnyxUUID("organization", 1), "messaging_profile_id": e.Fields.Get("messaging_profile_id"),
		"from": object{"phone_number": e.From, "carrier": "Telnyx", "line_type": "Wireless"},
		"to":   []object{{"phone_number": e.To, "status": e.Status, "carrier": "CARRIER", "line_type": "Wireless"}},
		"cc":   []object{}, "media": media, "tags": []string{}, "errors": errs, "parts": segments(e.Body), "encoding": encoding,
		"num_chars": utf8.RuneCountInString(e.Body), "cost": object{"amount": "0.0040", "currency": "USD"},
		"webhook_url": orNull(e.StatusCallback), "webhook_failover_url": nil, "subject": nil, "valid_until": nil,
		"received_at": telnyxTime(e.Created), "sent_at": telnyxTime(e.since("sent", "delivered", "delivery_failed")), "completed_at": done,
	}
}

// telnyxMedia are the files of a message, which nobody has fetched.
func telnyxMedia(e Entry) []object {
	var urls []string
	_ = json.Unmarshal([]byte(e.Fields.Get("media_urls")), &urls) // absent, or checked when it was sent
	media := make([]object, 0, len(urls))
	for _, address := range urls {
		media = append(media, object{"url": address, "content_type": nil, "sha256": nil, "size": nil})
	}
	return media
}

// telnyxFinal says whether a message has its last status.
func telnyxFinal(e Entry) bool {
	return !contains([]string{"queued", "sending", "sent"}, e.Status)
}
