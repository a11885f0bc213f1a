package httpcall

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/gofailover/failover"
)

// Envelope is what a vendor's error body said.
type Envelope struct {
	// Code is the vendor's word for the error.
	Code string
	// Message is the vendor's text.
	Message string
	// RequestID is the vendor's id of the request.
	RequestID string
	// Class is what the vendor's words mean; ClassUnknown leaves it to the
	// status.
	Class failover.Class
}

// Failure makes the error of an answer without success, reads at most MaxError
// of its body and closes it. parse reads the vendor's envelope, and gets
// whatever came: HTML, nothing, half of a JSON text.
func Failure(resp *http.Response, parse func(body []byte) Envelope) *failover.Error {
	defer resp.Body.Close()
	// What was read before a body broke off may still hold the code. The
	// status is there in any case.
	body, _ := io.ReadAll(io.LimitReader(resp.Body, MaxError))
	return Refusal(resp, parse(body))
}

// Refusal is an answer that says no, whatever its status.
func Refusal(resp *http.Response, said Envelope) *failover.Error {
	e := failover.HTTPError(resp)
	if said.Class != failover.ClassUnknown {
		e.Class = said.Class
	}
	e.Code = Code(said.Code)
	e.Message = Message(said.Message)
	if e.RequestID == "" {
		e.RequestID = Token(said.RequestID)
	}
	return e
}

// Code passes a vendor's code through if it is shaped like one: words of ASCII
// letters joined by "_", "-", "." or a space, few digits, not long. Codes are
// printed and logged, and vendors echo input in odd places: anything else,
// above all keys and phone numbers, is dropped.
func Code(s string) string {
	const maxLen, maxDigits = 64, 5
	s = strings.TrimSpace(s)
	digits := 0
	for _, c := range []byte(s) {
		switch {
		case c|0x20 >= 'a' && c|0x20 <= 'z', strings.IndexByte("_-. ", c) >= 0:
		case c >= '0' && c <= '9':
			digits++
		default:
			return ""
		}
	}
	if len(s) > maxLen || digits > maxDigits || strings.Count(s, " ") > 2 {
		return ""
	}
	return s
}

// Token passes an id through if it is shaped like one.
func Token(s string) string {
	const maxLen = 64
	if len(s) > maxLen {
		return ""
	}
	for _, c := range []byte(s) {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && c != '-' && c != '_' {
			return ""
		}
	}
	return s
}

// Message bounds a vendor's text.
func Message(s string) string {
	const most = 4 << 10
	if len(s) > most {
		s = s[:most]
	}
	return strings.ToValidUTF8(s, "")
}

// PlainText is a body as a message if it is one: neither markup nor JSON nor
// bytes.
func PlainText(body []byte) string {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || !utf8.Valid(body) || strings.IndexByte("<{[\"", body[0]) >= 0 {
		return ""
	}
	return string(body)
}

// String reads a JSON string, and gives "" for any other value: vendors change
// their minds about types.
func String(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}
