package telnyx

import (
	"strings"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/httpcall"
)

// meaning is what a code says.
type meaning struct {
	class failover.Class
	// recipient: the number is at fault, and no vendor can help.
	recipient bool
	// ambiguous: the vendor does not know itself what became of it.
	ambiguous bool
}

// meanings is the table. Codes of five digits are those of
// https://developers.telnyx.com/development/api-fundamentals/api-errors and
// https://support.telnyx.com/en/articles/6505121-telnyx-messaging-error-codes;
// those from 40001 to 40020 come with webhooks only. Codes with letters are
// those of https://support.telnyx.com/en/articles/4409457-telnyx-sip-response-codes,
// as far as calls from here meet them; D24 is a limit of the price, not of the
// rate. Codes that are not here are left to their status.
var meanings = tabulate([]row{
	// The number: no such one, or it takes no messages.
	{meaning{class: failover.ClassInvalid, recipient: true}, "40001 40012 40301 40310 40319 D11 D14 D50"},
	// The request, whoever serves it.
	{meaning{class: failover.ClassInvalid}, "10003 10004 10015 40009 40302 40304 40316 40317 40328"},

	// What is owned here may not send this, or not to there: inactive and
	// unregistered senders, profiles that are off, regions that are not
	// allowed, calls that have no route or cost too much.
	{meaning{class: failover.ClassUnsupported}, "10001 40004 40008 40010 40013 40019 40100 40150 40151 40155 " +
		"40305 40306 40307 40308 40309 40311 40312 40313 40315 40320 40321 40325 40329 40330 40331"},
	{meaning{class: failover.ClassUnsupported}, "D7 D8 D10 D12 D13 D15 D16 D18 D24 D25 D26 D27 D28 D29 D30 D31 D34 D35 D36 D37 D38 D39 " +
		"D40 D41 D44 D46 D48 D49 D51 D53 D54 D57 D58 D59 D63 D64 TM1"},
	// What the tables or the adapter name is not the vendor's, or the call is not
	// known.
	{meaning{class: failover.ClassUnsupported}, "10006 10013 10017 90002 90015 90017 90028 90029 90057"},

	// The key is refused, or the account as it is.
	{meaning{class: failover.ClassUnauthorized}, "10009 10010 10038 10039 20001 20002 20003 20006 20008 20013 20014 20015 20016 20017 " +
		"40314 D17 D60"},
	{meaning{class: failover.ClassExhausted}, "20012 20100 40333 D19"},
	// Too many requests or calls at once, and full queues.
	{meaning{class: failover.ClassRateLimited}, "10011 40011 40016 40018 40020 40318 90041 90042 90043 D1 D2 D3 D9 D22 P05"},
	{meaning{class: failover.ClassFiltered}, "40002 40003 40015 40017 40322"},

	// The carrier was not there, or the message waited too long for it.
	{meaning{class: failover.ClassTransient}, "40005 40006 40014 PE1 PE2 PE3 PE4 PE5 PE6"},
	{meaning{class: failover.ClassTransient, ambiguous: true}, "10007 10008"},
})

// row is codes of one meaning.
type row struct {
	meaning meaning
	codes   string
}

func tabulate(rows []row) map[string]meaning {
	table := map[string]meaning{}
	for _, r := range rows {
		for code := range strings.FieldsSeq(r.codes) {
			table[code] = r.meaning
		}
	}
	return table
}

const (
	codeEnded = "90018" // the call is over already

	// The code stands for more than one thing; the vendor's support says that
	// the title tells.
	codeStopped  = "40300"
	titleStopped = "Blocked due to STOP message"
)

// apiError is one of the errors of a refusal, or of a message that failed.
type apiError struct {
	Code   text `json:"code"`
	Title  text `json:"title"`
	Detail text `json:"detail"`
	Source struct {
		Pointer text `json:"pointer"`
	} `json:"source"`
}

// refusalBody is the envelope. The voice API says in telnyx_error what it means
// by "10010".
type refusalBody struct {
	Errors []apiError   `json:"errors"`
	Voice  voiceRefusal `json:"telnyx_error"`
}

type voiceRefusal struct {
	Code text `json:"error_code"`
}

// refusal is what the vendor said no with.
type refusal struct {
	meaning

	code     string
	field    string // that it is about, if it says
	message  string
	optedOut bool
}

// readError reads any body that came with an error.
func readError(body []byte) refusal {
	var b refusalBody
	if !decode(body, &b) {
		return refusal{message: httpcall.PlainText(body)}
	}
	r := readErrors(b.Errors)
	if m, ok := meanings[string(b.Voice.Code)]; ok {
		r.code, r.meaning = string(b.Voice.Code), m
	}
	return r
}

// readErrors reads a list of errors: the first that is known decides, unless
// the recipient has opted out.
func readErrors(all []apiError) refusal {
	var r refusal
	for i, e := range all {
		read := e.read()
		if read.optedOut {
			return read
		}
		if i == 0 || r.class == failover.ClassUnknown && read.class != failover.ClassUnknown {
			r = read
		}
	}
	return r
}

// read finds what the code means, and the field that it is about.
func (e apiError) read() refusal {
	r := refusal{
		meaning: meanings[string(e.Code)], code: string(e.Code), field: e.field(),
		message: strings.TrimSuffix(string(e.Title)+": "+string(e.Detail), ": "),
	}
	switch r.code {
	case codeStopped:
		// Even if it does not say STOP: nobody else must try then.
		r.class, r.optedOut = failover.ClassInvalid, strings.EqualFold(string(e.Title), titleStopped)
	case "10001", "10002", "10016":
		if r.field == fieldTo {
			r.meaning = meaning{class: failover.ClassInvalid, recipient: true}
		}
	case "10010":
		if r.field != "" { // a sender or destination that is not allowed, not the account
			r.class = failover.ClassUnsupported
		}
	}
	return r
}

const fieldTo = "to"

// field is the first step of the pointer, such as "to" of "/to/0/phone_number".
func (e apiError) field() string {
	field, _, _ := strings.Cut(strings.TrimPrefix(string(e.Source.Pointer), "/"), "/")
	return field
}

// envelope is the refusal as httpcall takes it.
func (r refusal) envelope() httpcall.Envelope {
	return httpcall.Envelope{Code: r.code, Message: r.message, Class: r.class}
}

// causes are what an error wraps where no vendor can help.
type causes struct{ recipient, optedOut error }

// settle completes the error that was made of the refusal.
func (r refusal) settle(e *failover.Error, because causes) {
	switch {
	case r.ambiguous:
		e.Outcome = failover.OutcomeUnknown
	case r.optedOut:
		e.Err = because.optedOut
	case r.recipient:
		e.Err = because.recipient
	case e.Class == failover.ClassInvalid && r.code != codeStopped && !isCallers(r.field):
		e.Class = failover.ClassUnsupported
	}
}

// isCallers says whether the caller has written a field. The others are from
// the tables or from the adapter, so that another provider may do better.
func isCallers(field string) bool {
	switch field {
	case "", fieldTo, "text", "media_urls", "webhook_url", "audio_url":
		return true
	default:
		return false
	}
}
