package vendorsim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Telnyx starts a simulator of Telnyx that accepts key.
func Telnyx(key string, opts ...Option) *Telephony {
	return TelnyxVendor(key).run(opts)
}

// TelnyxVendor is messages, calls and the balance of Telnyx, at the paths of
// https://api.telnyx.com, which begin with /v2. It has a pair of keys of its
// own to sign webhooks with.
func TelnyxVendor(key string) *Carrier {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("vendorsim: " + err.Error()) // there are no random numbers
	}
	c := &Carrier{
		Ledger: newLedger(telnyxMessageStatuses, telnyxCallStatuses), rules: beginning,
		publicKey: base64.StdEncoding.EncodeToString(public),
	}
	t := &telnyx{Carrier: c, key: key, private: private}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v2/messages", t.active(t.sendMessage))
	mux.HandleFunc("GET /v2/messages/{id}", t.keyed(t.fetch(MessageKind, telnyxMessage)))
	mux.HandleFunc("POST /v2/calls", t.active(t.dial))
	mux.HandleFunc("GET /v2/calls/{id}", t.keyed(t.fetch(CallKind, telnyxCall)))
	mux.HandleFunc("POST /v2/calls/{id}/actions/hangup", t.keyed(t.hangUp))
	mux.HandleFunc("GET /v2/balance", t.keyed(t.balance))
	mux.HandleFunc("/", t.keyed(func(w http.ResponseWriter, _ *http.Request) { write(w, telnyxRefuse(http.StatusNotFound, "")) }))
	c.Vendor = Vendor{Name: "telnyx", KeyHeader: "Authorization", Handler: mux, Refuse: t.refuse}
	c.webhook = t.webhook
	return c
}

// PublicKey is the key that the signatures of Telnyx's webhooks are checked
// with, in base64; Twilio has none, for it signs with the account's token.
func (c *Carrier) PublicKey() string { return c.publicKey }

// AnswerRepeats says whether a repeated command is answered with the call that
// the first one made, as it is to begin with, or with no call at all: the
// vendor promises no more than that it ignores the command.
func (c *Carrier) AnswerRepeats(withCall bool) {
	c.change(func(r *rules) { r.curt = !withCall })
}

type telnyx struct {
	*Carrier

	key     string
	private ed25519.PrivateKey
}

func (t *telnyx) keyed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t.label(w.Header(), 999)
		if r.Header.Get("Authorization") != "Bearer "+t.key {
			write(w, telnyxRefuse(http.StatusUnauthorized, ""))
			return
		}
		next(w, r)
	}
}

// label sets what every answer has: the id of the request, and how many
// requests may follow in this second.
func (t *telnyx) label(header http.Header, left int) {
	header.Set("X-Request-ID", telnyxUUID("request", int(t.requests.Add(1))))
	header.Set("X-Ratelimit-Limit", "1000")
	header.Set("X-Ratelimit-Remaining", strconv.Itoa(left))
	header.Set("X-Ratelimit-Reset", "1")
}

// refuse says no on command.
func (t *telnyx) refuse(status int, code string) Answer {
	a, left := telnyxRefuse(status, code), 999
	if status == http.StatusTooManyRequests {
		left = 0
	}
	t.label(a.Header, left)
	return a
}

// active lets requests pass that an account in good standing may make.
func (t *telnyx) active(next http.HandlerFunc) http.HandlerFunc {
	return t.keyed(func(w http.ResponseWriter, r *http.Request) {
		switch rules := t.now(); {
		case rules.suspended:
			write(w, telnyxRefuse(http.StatusForbidden, "20012"))
		case rules.funds <= 0:
			write(w, telnyxRefuse(http.StatusForbidden, "20100"))
		default:
			next(w, r)
		}
	})
}

func (t *telnyx) balance(w http.ResponseWriter, _ *http.Request) {
	funds := strconv.FormatFloat(t.now().funds, 'f', 2, 64)
	writeJSON(w, object{"data": object{
		"record_type": "balance", "balance": funds, "credit_limit": "0.00", "available_credit": funds, "pending": "0.00", "currency": "USD",
	}})
}

// fetch answers with one entry.
func (t *telnyx) fetch(kind string, show func(Entry) object) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		e, ok := t.Ledger.Find(r.PathValue("id"))
		if !ok || e.Kind != kind {
			write(w, telnyxRefuse(http.StatusNotFound, ""))
			return
		}
		writeJSON(w, object{"data": show(e)})
	}
}

// telnyxRead reads a JSON object into req, and its fields.
func telnyxRead(body io.Reader, req any) (url.Values, *Answer) {
	raw, _ := io.ReadAll(body) // it is in memory
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil || all == nil || json.Unmarshal(raw, req) != nil {
		a := telnyxError(http.StatusBadRequest, "10015", "The request failed because it was not well-formed.", "")
		return nil, &a
	}
	fields := url.Values{}
	for name, value := range all {
		var text string
		if json.Unmarshal(value, &text) != nil {
			var compact bytes.Buffer
			_ = json.Compact(&compact, value) // it was read above
			text = compact.String()
		}
		fields.Set(name, text)
	}
	return fields, nil
}

// telnyxUUID is the n-th one of a kind.
func telnyxUUID(kind string, n int) string {
	sum := sha256.Sum256([]byte(kind + "\n" + strconv.Itoa(n)))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// telnyxTime is RFC 3339, in UTC; null for the zero time.
func telnyxTime(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	return at.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
