package vendorsim

import (
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
	e = t.Ledger.add(e.named(), func(n int) string { return telnyxUUID("message", n) })
	writeJSON(w, http.StatusOK, object{"data": telnyxMessage(e)})
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
	kind := "SMS"
	media := []object{}
	if e.Fields.Get("type") == "MMS" || e.Fields.Get("media_urls") != "" {
		kind = "MMS"
	}
	errs := []object{}
	if e.Code != "" {
		errs = append(errs, object{"code": e.Code, "title": "Message not delivered", "detail": "The message could not be delivered."})
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
		"cc":   []object{}, "media": media, "tags": []string{}, "errors": errs, "parts": segments(e.Body), "encoding": "GSM-7",
		"num_chars": utf8.RuneCountInString(e.Body), "cost": object{"amount": "0.0040", "currency": "USD"},
		"webhook_url": orNull(e.StatusCallback), "webhook_failover_url": nil, "subject": nil, "valid_until": nil,
		"received_at": telnyxTime(e.Created), "sent_at": telnyxTime(e.since("sent", "delivered", "delivery_failed")), "completed_at": done,
	}
}

// telnyxFinal says whether a message has its last status.
func telnyxFinal(e Entry) bool {
	return !contains([]string{"queued", "sending", "sent"}, e.Status)
}
