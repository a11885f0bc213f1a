package vendorsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

var twilioMessageStatuses = []string{
	"accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered", "failed", "canceled", "read",
}

var (
	// e164 is a phone number.
	e164 = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	// senderID is a short code or the name of a sender, with a letter in it.
	senderID = regexp.MustCompile(`^[0-9]{5,6}$|^[A-Za-z0-9 ]{0,10}[A-Za-z][A-Za-z0-9 ]{0,10}$`)
)

const twilioMaxBody = 1600

// sendMessage checks a message and takes it.
func (t *twilio) sendMessage(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	if refusal := t.refuseMessage(form); refusal != nil {
		write(w, *refusal)
		return
	}
	e := Entry{
		Kind: MessageKind, To: form.Get("To"), From: form.Get("From"), Body: form.Get("Body"), Status: "queued",
		StatusCallback: form.Get("StatusCallback"), Fields: form,
	}
	if e.From == "" {
		e.Status = "accepted" // the service has yet to choose a sender
	}
	prefix := "SM"
	if len(form["MediaUrl"]) > 0 {
		prefix = "MM"
	}
	write(w, jsonAnswer(http.StatusCreated, t.message(t.Ledger.add(e.named(), t.numbered(prefix)))))
}

// refuseMessage checks as the vendor does.
func (t *twilio) refuseMessage(form url.Values) *Answer {
	to, from, service, body := form.Get("To"), form.Get("From"), form.Get("MessagingServiceSid"), form.Get("Body")
	callback, validity := form.Get("StatusCallback"), form.Get("ValidityPeriod")
	rules := t.now()
	switch {
	case to == "":
		return twilioInvalid("21604", "A 'To' phone number is required.")
	case !e164.MatchString(to):
		return twilioInvalid("21211", "The 'To' number %s is not a valid phone number.", to)
	case from == "" && service == "":
		return twilioInvalid("21603", "A 'From' phone number is required.")
	case service != "" && !twilioService.MatchString(service):
		return twilioInvalid("21701", "The Messaging Service with SID %s could not be found.", service)
	case from != "" && !e164.MatchString(from) && !senderID.MatchString(from):
		return twilioInvalid("21212", "The 'From' number %s is not a valid phone number, shortcode, or alphanumeric sender ID.", from)
	case given(form, "Body", "MediaUrl", "ContentSid") == 0:
		return twilioInvalid("21602", "Message body is required.")
	case utf8.RuneCountInString(body) > twilioMaxBody:
		return twilioInvalid("21617", "The concatenated message body exceeds the %d character limit.", twilioMaxBody)
	case callback != "" && !isWeb(callback):
		return twilioInvalid("21609", "The 'StatusCallback' URL %s is not a valid URL.", callback)
	case validity != "" && outside(numeral(validity), 1, 36000):
		return twilioInvalid("20001", "The value of 'ValidityPeriod' must be between 1 and 36000.")
	case from != "" && !rules.owns(from):
		return twilioInvalid("21606", "The From phone number %s is not a valid, SMS-capable inbound phone number or short code "+
			"for your account.", from)
	case contains(rules.optedOut, to):
		return twilioInvalid("21610", "Attempt to send to unsubscribed recipient")
	case contains(rules.landlines, to):
		return twilioInvalid("21614", "To number: %s, is not a mobile number", to)
	case !rules.reaches(to):
		return twilioInvalid("21408", "Permission to send an SMS has not been enabled for the region indicated by the 'To' "+
			"number: %s.", to)
	default:
		return nil
	}
}

// numeral reads what should be a number; what is none is out of every range.
func numeral(s string) *float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		f = -1
	}
	return &f
}

// message is the resource.
func (t *twilio) message(e Entry) object {
	var code, text any
	if e.Code != "" {
		code, text = atoi(e.Code), twilioText(e.Code)
	}
	uri := t.path("/Messages/" + e.ID)
	return object{
		"sid": e.ID, "account_sid": t.sid, "api_version": "2010-04-01", "direction": "outbound-api", "status": e.Status,
		"to": e.To, "from": orNull(e.From), "messaging_service_sid": orNull(e.Fields.Get("MessagingServiceSid")), "body": e.Body,
		"num_segments": itoa(segments(e.Body)), "num_media": itoa(len(e.Fields["MediaUrl"])),
		"date_created": twilioTime(e.Created), "date_updated": twilioTime(e.updated()),
		"date_sent": twilioTime(e.since("sent", "delivered", "undelivered")),
		"price":     nil, "price_unit": "USD", "error_code": code, "error_message": text,
		"uri": uri + ".json", "subresource_uris": object{"media": uri + "/Media.json"},
	}
}

// gsm7 are the characters of the alphabet of short messages; gsm7Twice take
// two places.
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§" +
		"¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Twice = "\f^{}\\[~]|€"
)

// segments is how many short messages a text takes.
func segments(text string) int {
	if septets, plain := gsm7Septets(text); plain {
		return parts(septets, 160, 153)
	}
	return parts(len(utf16.Encode([]rune(text))), 70, 67)
}

// gsm7Septets is how long a text is in the alphabet of short messages, and
// whether it can be written in it at all.
func gsm7Septets(text string) (n int, plain bool) {
	for _, r := range text {
		switch {
		case strings.ContainsRune(gsm7, r):
			n++
		case strings.ContainsRune(gsm7Twice, r):
			n += 2
		default:
			return 0, false
		}
	}
	return n, true
}

// parts of several are shorter than one alone.
func parts(n, alone, each int) int {
	if n <= alone {
		return 1
	}
	return (n + each - 1) / each
}
