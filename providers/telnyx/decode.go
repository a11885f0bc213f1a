package telnyx

import (
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gofailover/failover/providers/sms"
)

// decode reads JSON as far as it goes: a field of an unexpected type is left
// out, and does not hide the others. Only what is no JSON gives false.
func decode(body []byte, v any) bool {
	err := json.Unmarshal(body, v)
	if err == nil {
		return true
	}
	_, mistyped := errors.AsType[*json.UnmarshalTypeError](err)
	return mistyped
}

// text is a JSON string, or a number as it was written. The vendor sends codes
// as either: "10016" in messaging, 10010 in voice.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		*t = text(s)
		return nil
	}
	var n json.Number
	if json.Unmarshal(raw, &n) == nil {
		*t = text(n)
	}
	return nil
}

// time reads RFC 3339; the zero time for anything else.
func (t text) time() time.Time {
	at, err := time.Parse(time.RFC3339, string(t))
	if err != nil {
		return time.Time{}
	}
	return at
}

// money is a cost.
type money struct {
	Amount   text `json:"amount"`
	Currency text `json:"currency"`
}

// price is the cost if it is known.
func (m money) price() *sms.Price {
	amount, err := strconv.ParseFloat(string(m.Amount), 64)
	if err != nil || math.IsNaN(amount) || math.IsInf(amount, 0) {
		return nil
	}
	return &sms.Price{Amount: amount, Currency: string(m.Currency)}
}

// isUUID says whether s is the id of a messaging profile.
func isUUID(s string) bool {
	const pattern = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
	if len(s) != len(pattern) {
		return false
	}
	for i, p := range []byte(pattern) {
		if (p == '-') != (s[i] == '-') || p == 'x' && !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return false
		}
	}
	return true
}
