package vendorsim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"time"
)

// Twilio starts a simulator of Twilio with one account.
func Twilio(accountSID, authToken string, opts ...Option) *Telephony {
	return TwilioVendor(accountSID, authToken).run(opts)
}

// TwilioVendor is messages, calls and the account of Twilio, at the paths of
// https://api.twilio.com. It panics if accountSID is not "AC" and 32
// hexadecimal digits, for the answers have it.
func TwilioVendor(accountSID, authToken string) *Carrier {
	if !twilioAccount.MatchString(accountSID) {
		panic(fmt.Sprintf("vendorsim: an account SID is AC and 32 hexadecimal digits, not %q", accountSID))
	}
	c := &Carrier{Ledger: newLedger(twilioMessageStatuses, twilioCallStatuses), rules: beginning}
	t := &twilio{Carrier: c, sid: accountSID, token: authToken}
	const account = "/2010-04-01/Accounts/{account}"
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+account+"/Messages.json", t.active(t.sendMessage))
	mux.HandleFunc("GET "+account+"/Messages.json", t.keyed(t.listMessages))
	mux.HandleFunc("GET "+account+"/Messages/{sid}", t.keyed(t.fetch(MessageKind, t.message)))
	mux.HandleFunc("POST "+account+"/Calls.json", t.active(t.makeCall))
	mux.HandleFunc("GET "+account+"/Calls.json", t.keyed(t.listCalls))
	mux.HandleFunc("GET "+account+"/Calls/{sid}", t.keyed(t.fetch(CallKind, t.call)))
	mux.HandleFunc("POST "+account+"/Calls/{sid}", t.active(t.updateCall))
	mux.HandleFunc("GET "+account, t.keyed(t.fetchAccount))
	mux.HandleFunc("/", t.keyed(func(w http.ResponseWriter, r *http.Request) { write(w, twilioMissing(r.URL.Path)) }))
	c.Vendor = Vendor{Name: "twilio", KeyHeader: "Authorization", Handler: mux, Refuse: t.refuse}
	c.webhook = t.webhook
	return c
}

type twilio struct {
	*Carrier

	sid, token string
}

var (
	twilioAccount = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	twilioService = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
	twilioApp     = regexp.MustCompile(`^AP[0-9a-fA-F]{32}$`)
)

// keyed lets requests pass that know the account's token.
func (t *twilio) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(twilioRequest, t.requestID())
		user, password, _ := r.BasicAuth()
		account := r.PathValue("account")
		switch {
		case user != t.sid || password != t.token:
			w.Header().Set("WWW-Authenticate", `Basic realm="Twilio API"`)
			write(w, twilioRefuse(http.StatusUnauthorized, ""))
		case account != "" && account != t.sid && account != t.sid+".json":
			write(w, twilioMissing(r.URL.Path))
		default:
			next(w, r)
		}
	}
}

// active lets requests pass that an account in good standing may make.
func (t *twilio) active(next http.HandlerFunc) http.HandlerFunc {
	return t.keyed(func(w http.ResponseWriter, r *http.Request) {
		if t.state() != "active" {
			write(w, twilioRefuse(http.StatusForbidden, "20005"))
			return
		}
		if err := r.ParseForm(); err != nil {
			write(w, twilioRefuse(http.StatusBadRequest, ""))
			return
		}
		next(w, r)
	})
}

// state is the vendor's word for how the account is.
func (t *twilio) state() string {
	if r := t.now(); r.suspended || r.funds <= 0 {
		return "suspended"
	}
	return "active"
}

// refuse says no on command.
func (t *twilio) refuse(status int, code string) Answer {
	a := twilioRefuse(status, code)
	a.Header.Set(twilioRequest, t.requestID())
	return a
}

// twilioRequest is the header with the id of a request.
const twilioRequest = "Twilio-Request-Id"

func (t *twilio) requestID() string {
	return "RQ" + t.digest("request "+strconv.FormatInt(t.requests.Add(1), 10))
}

// digest is 32 hexadecimal digits that are this account's own.
func (t *twilio) digest(of string) string {
	sum := sha256.Sum256([]byte(t.sid + "\n" + of))
	return hex.EncodeToString(sum[:16])
}

// numbered makes SIDs with the prefix.
func (t *twilio) numbered(prefix string) func(int) string {
	return func(n int) string { return prefix + t.digest(itoa(n)) }
}

func (t *twilio) path(rest string) string {
	return "/2010-04-01/Accounts/" + t.sid + rest
}

// fetch answers with one entry. Paths of resources end in .json.
func (t *twilio) fetch(kind string, show func(Entry) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e, ok := t.find(kind, r)
		if !ok {
			write(w, twilioMissing(r.URL.Path))
			return
		}
		writeJSON(w, show(e))
	}
}

// find is the entry that the path names, with .json at its end.
func (t *twilio) find(kind string, r *http.Request) (Entry, bool) {
	sid := r.PathValue("sid")
	const suffix = len(".json")
	if len(sid) <= suffix || sid[len(sid)-suffix:] != ".json" {
		return Entry{}, false
	}
	e, ok := t.Ledger.Find(sid[:len(sid)-suffix])
	return e, ok && e.Kind == kind
}

func (t *twilio) fetchAccount(w http.ResponseWriter, r *http.Request) {
	if r.PathValue("account") != t.sid+".json" {
		write(w, twilioMissing(r.URL.Path))
		return
	}
	opened := twilioTime(time.Date(2020, time.March, 1, 9, 0, 0, 0, time.UTC))
	writeJSON(w, object{
		"sid": t.sid, "owner_account_sid": t.sid, "friendly_name": "main", "auth_token": t.token, "type": "Full",
		"status": t.state(), "date_created": opened, "date_updated": opened, "uri": t.path(".json"),
		"subresource_uris": object{"messages": t.path("/Messages.json"), "calls": t.path("/Calls.json")},
	})
}

// twilioTime is RFC 2822, in UTC; null for the zero time.
func twilioTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format(time.RFC1123Z)
}

// given counts the fields of those names that are not empty.
func given(form url.Values, names ...string) int {
	n := 0
	for _, name := range names {
		if form.Get(name) != "" {
			n++
		}
	}
	return n
}
