package vendorsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
)

// twilioCallStatuses end with those that are final.
var twilioCallStatuses = []string{"queued", "ringing", "in-progress", "completed", "busy", "failed", "no-answer", "canceled"}

// twilioEndpoint is where calls may go besides phone numbers.
var twilioEndpoint = regexp.MustCompile(`^(client|sip):.+$`)

func twilioOver(e Entry) bool { return contains(twilioCallStatuses[3:], e.Status) }

// makeCall checks a call and takes it.
func (t *twilio) makeCall(w http.ResponseWriter, r *http.Request) {
	form := r.PostForm
	if refusal := t.refuseCall(form); refusal != nil {
		write(w, *refusal)
		return
	}
	e := Entry{
		Kind: CallKind, To: form.Get("To"), From: form.Get("From"), Status: "queued",
		Body:           form.Get("Twiml") + form.Get("Url") + form.Get("ApplicationSid"), // one of them
		StatusCallback: form.Get("StatusCallback"), Fields: form,
	}
	call := t.call(t.Ledger.add(e.named(), t.numbered("CA")))
	// At this time the vendor tells no dates.
	call["date_created"], call["date_updated"] = nil, nil
	write(w, jsonAnswer(http.StatusCreated, call))
}

// refuseCall checks as the vendor does.
func (t *twilio) refuseCall(form url.Values) *Answer {
	to, from, address := form.Get("To"), form.Get("From"), form.Get("Url")
	callback, method := form.Get("StatusCallback"), form.Get("StatusCallbackMethod")
	rules := t.now()
	switch {
	case to == "":
		return twilioInvalid("21201", "No 'To' number is specified")
	case !e164.MatchString(to) && !twilioEndpoint.MatchString(to):
		return twilioInvalid("21211", "The phone number you are attempting to call, %s, is not valid.", to)
	case from == "":
		return twilioInvalid("21213", "No 'From' number is specified")
	case !e164.MatchString(from) && !twilioEndpoint.MatchString(from):
		return twilioInvalid("21212", "The source phone number provided, %s, is not valid.", from)
	case given(form, "Url", "Twiml", "ApplicationSid") == 0:
		return twilioInvalid("21205", "Url parameter is required.")
	case given(form, "Url", "Twiml", "ApplicationSid") > 1:
		// The vendor takes one of them and says nothing; nobody can have meant that.
		return twilioInvalid("21205", "Only one of Url, Twiml and ApplicationSid can be given.")
	case address != "" && !isWeb(address):
		return twilioInvalid("21205", "Url is not a valid URL: %s", address)
	case form.Get("ApplicationSid") != "" && !twilioApp.MatchString(form.Get("ApplicationSid")):
		return twilioInvalid("21218", "Invalid ApplicationSid %s", form.Get("ApplicationSid"))
	case callback != "" && !isWeb(callback):
		return twilioInvalid("21609", "The 'StatusCallback' URL %s is not a valid URL.", callback)
	case !contains([]string{"", http.MethodGet, http.MethodPost}, method):
		return twilioInvalid("20001", "StatusCallbackMethod must be GET or POST, not %s.", method)
	case !rules.owns(from):
		return twilioInvalid("21210", "The source phone number provided, %s, is not yet verified for your account. You may only make "+
			"calls from phone numbers that you've verified or purchased from Twilio.", from)
	case !rules.reaches(to):
		return twilioInvalid("21215", "Account not authorized to call %s. Perhaps you need to enable some international permissions: "+
			"https://www.twilio.com/console/voice/calls/geo-permissions/low-risk", to)
	default:
		return nil
	}
}

// updateCall hangs up.
func (t *twilio) updateCall(w http.ResponseWriter, r *http.Request) {
	e, ok := t.find(CallKind, r)
	if !ok {
		write(w, twilioMissing(r.URL.Path))
		return
	}
	status := r.PostForm.Get("Status")
	over := twilioOver
	switch status {
	case "completed":
	case "canceled":
		over = func(e Entry) bool { return twilioOver(e) || e.Status == "in-progress" }
	default:
		write(w, *twilioInvalid("20001", "Status must be completed or canceled, not %s.", status))
		return
	}
	e, ended := t.Ledger.end(e.ID, status, "", over)
	if !ended {
		write(w, *twilioInvalid("21220", "Call is not in-progress. Cannot redirect."))
		return
	}
	writeJSON(w, t.call(e))
}

// call is the resource.
func (t *twilio) call(e Entry) object {
	var seconds, ended any
	started := e.since("in-progress")
	if twilioOver(e) {
		ended, seconds = twilioTime(e.updated()), strconv.Itoa(twilioSeconds(e))
	}
	uri := t.path("/Calls/" + e.ID)
	return object{
		"sid": e.ID, "account_sid": t.sid, "api_version": "2010-04-01", "direction": "outbound-api", "status": e.Status,
		"to": e.To, "to_formatted": e.To, "from": e.From, "from_formatted": e.From, "phone_number_sid": nil, "parent_call_sid": nil,
		"date_created": twilioTime(e.Created), "date_updated": twilioTime(e.updated()),
		"start_time": twilioTime(started), "end_time": ended, "duration": seconds, "queue_time": "0",
		"price": nil, "price_unit": "USD", "answered_by": nil, "caller_name": nil, "forwarded_from": nil,
		"group_sid": nil, "trunk_sid": nil,
		"uri": uri + ".json", "subresource_uris": object{
			"events": uri + "/Events.json", "notifications": uri + "/Notifications.json", "recordings": uri + "/Recordings.json",
		},
	}
}

// twilioSeconds is how long a call that is over was.
func twilioSeconds(e Entry) int {
	started := e.since("in-progress")
	if started.IsZero() {
		return 0
	}
	return int(e.updated().Sub(started).Seconds())
}
