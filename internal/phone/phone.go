// Package phone is what messages and calls have in common: numbers, who may
// send as whom, and how a status webhook is tied to the attempt it speaks of.
package phone

import (
	"net/url"
	"strings"
)

// IsE164 says whether s is a number in the form of ITU-T E.164: a plus, then at
// most 15 digits that begin with a country code. No country has numbers of less
// than 7.
func IsE164(s string) bool {
	digits, ok := strings.CutPrefix(s, "+")
	if !ok || len(digits) < 7 || len(digits) > 15 || digits[0] == '0' {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

// IsURL says whether s is an absolute http or https URL without a password.
func IsURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil
}

// Sender finds what one vendor sends as. table maps an application's names to
// what is owned there; name is the request's From. Besides a name of the table
// it may be one of its values, or "vendor:value". Anything else is owned by
// somebody else.
func Sender(table map[string]string, vendor, name string) (string, bool) {
	if own, ok := table[name]; ok {
		return own, own != ""
	}
	if prefix, own, explicit := strings.Cut(name, ":"); explicit && prefix == vendor {
		return own, own != ""
	}
	for _, own := range table {
		if own == name {
			return own, own != ""
		}
	}
	return "", false
}
