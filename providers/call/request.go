package call

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gofailover/failover/internal/phone"
)

// Request is one call to one callee.
//
// At most one of AudioURL, AnswerURL and TwiML says what happens when somebody
// answers. AudioURL works everywhere; the others are a vendor's own language.
// With none of them the application at the vendor decides, see Connection.
type Request struct {
	// To is the callee's number in E.164, such as "+15005550006", or a SIP URI
	// ("sip:anna@example.com"). Required.
	To string
	// From is a name in the providers' [Callers] tables, or a number that is in
	// one of them. Empty takes each table's row "". A provider that does not own
	// it is left out.
	From string

	// AudioURL is a sound file that is played to who answers, then the call
	// ends where the vendor ends it.
	AudioURL string
	// AnswerURL is where the vendor asks what to do: Twilio for TwiML, Telnyx
	// with the events of its Call Control API.
	AnswerURL string
	// TwiML is what to do, in Twilio's language. Providers of other vendors are
	// left out.
	TwiML string
	// Connection is a name in the providers' [Connections] tables: an
	// application or connection at the vendor. Empty takes each table's row "".
	// Telnyx needs one for every call.
	Connection string

	// RingTimeout is how long the phone rings before it is given up, 5 s to
	// 10 min, in whole seconds. 0 is the vendor's own: 60 s at Twilio, 30 s at
	// Telnyx.
	RingTimeout time.Duration
	// TimeLimit is how long the call may last, 30 s to 4 h, in whole seconds. 0
	// is the vendor's own, 4 h.
	TimeLimit time.Duration
	// MachineDetection says whether to find out if a person or a machine
	// answers. Updates tell the result.
	MachineDetection MachineDetection
	// Record records the call from its answer on.
	Record bool
	// StatusCallback is the URL that the vendor tells what becomes of the call.
	// The adapter adds the parameters failover_operation, failover_attempt and
	// failover_provider, by which [Client.Report] finds the attempt again.
	StatusCallback string
}

// MachineDetection says whether to find out who answers.
type MachineDetection string

// The kinds of machine detection.
const (
	// DetectNone does not find out.
	DetectNone MachineDetection = ""
	// DetectMachine tells as soon as it is known.
	DetectMachine MachineDetection = "detect"
	// DetectGreetingEnd waits for the end of a machine's greeting, to leave a
	// message.
	DetectGreetingEnd MachineDetection = "greeting_end"
)

// Limits of the times of a Request: what every vendor takes.
const (
	minRing  = 5 * time.Second
	maxRing  = 10 * time.Minute
	minLimit = 30 * time.Second
	maxLimit = 4 * time.Hour
)

// maxTwiML is what Twilio takes.
const maxTwiML = 4000

// Validate says what is wrong with the request whoever serves it; nil if
// nothing is. [Client.MakeCall] and the providers of this module call it before
// anything is sent. Its errors contain neither number nor URL.
func (r Request) Validate() error {
	answers := 0
	for _, s := range []string{r.AudioURL, r.AnswerURL, r.TwiML} {
		if s != "" {
			answers++
		}
	}
	switch {
	case r.To == "":
		return &RequestError{Field: "To", Reason: "is empty"}
	case !isCallee(r.To):
		return &RequestError{
			Field: "To", Reason: "is no number in E.164 (a plus, the country code and the number, digits only) and no SIP URI",
			cause: ErrInvalidRecipient,
		}
	case answers > 1:
		return &RequestError{Field: "AudioURL", Reason: "is not the only answer: AudioURL, AnswerURL and TwiML exclude each other"}
	case r.AudioURL != "" && !phone.IsURL(r.AudioURL):
		return notURL("AudioURL")
	case r.AnswerURL != "" && !phone.IsURL(r.AnswerURL):
		return notURL("AnswerURL")
	case r.StatusCallback != "" && !phone.IsURL(r.StatusCallback):
		return notURL("StatusCallback")
	case !utf8.ValidString(r.TwiML) || len(r.TwiML) > maxTwiML:
		return invalid("TwiML", "is longer than %d bytes or no valid UTF-8", maxTwiML)
	}
	return r.validateTimes()
}

func (r Request) validateTimes() error {
	switch {
	case r.RingTimeout != 0 && !inSeconds(r.RingTimeout, minRing, maxRing):
		return invalid("RingTimeout", "%v is not in whole seconds from %v to %v", r.RingTimeout, minRing, maxRing)
	case r.TimeLimit != 0 && !inSeconds(r.TimeLimit, minLimit, maxLimit):
		return invalid("TimeLimit", "%v is not in whole seconds from %v to %v", r.TimeLimit, minLimit, maxLimit)
	}
	switch r.MachineDetection {
	case DetectNone, DetectMachine, DetectGreetingEnd:
		return nil
	default:
		return invalid("MachineDetection", "%.40q is none", string(r.MachineDetection))
	}
}

func inSeconds(d, low, high time.Duration) bool {
	return d >= low && d <= high && d%time.Second == 0
}

func notURL(field string) error {
	return &RequestError{Field: field, Reason: "is no absolute http or https URL"}
}

// isCallee says whether s can be dialled by every vendor: a number, or an
// address of SIP.
func isCallee(s string) bool {
	if phone.IsE164(s) {
		return true
	}
	address, ok := strings.CutPrefix(s, "sip:")
	if !ok {
		address, ok = strings.CutPrefix(s, "sips:")
	}
	user, host, has := strings.Cut(address, "@")
	return ok && has && user != "" && host != "" && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

// Callers maps the caller names an application uses to numbers that it owns at
// one vendor. The row "" is the caller of requests that name none. A name
// without a row is not called from at the vendor, unless it is one of the
// table's values or explicit, as in "twilio:+15005550001".
type Callers map[string]string

// Own finds the number at the vendor for a request's From. vendor is the prefix
// of explicit callers, such as "twilio".
func (c Callers) Own(vendor, from string) (string, bool) { return phone.Sender(c, vendor, from) }

// Connections maps the connection names an application uses to one vendor's
// ids: of an application at Twilio ("AP…"), of a Call Control application at
// Telnyx. The row "" is that of requests that name none.
type Connections map[string]string

// ID finds the vendor's id for a request's Connection. For the empty name
// without a row "" it returns "" and true.
func (c Connections) ID(vendor, name string) (string, bool) {
	if id, ok := phone.Sender(c, vendor, name); ok || name != "" {
		return id, ok
	}
	return "", true
}
