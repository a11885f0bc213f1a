package twilio

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // it is what the vendor signs with
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gofailover/failover/internal/phone"
)

// ErrSignature says that a webhook is not the vendor's, or not of this account,
// or is not asked for under the address that the vendor knows: see
// [WithWebhookURL]. Answer it with 403.
const ErrSignature = fault("twilio: the webhook is not signed by the vendor for this account")

// ErrUnrelated says that a webhook is the vendor's, but not of what it was read
// as: a message that came in, say.
const ErrUnrelated = fault("twilio: the webhook is of something else")

const errCutShort = fault("twilio: the webhook did not come whole")

// maxWebhook bounds the body of a webhook.
const maxWebhook = 64 << 10

// verified reads a webhook that is the vendor's: its fields, and the attempt
// that its address names. The vendor signs the address, and behind it the fields
// of a form or, as a part of it, the hash of any other body.
func (c *Client) verified(r *http.Request) (url.Values, phone.Tag, error) {
	signature := r.Header.Get("X-Twilio-Signature")
	if signature == "" || c.token == "" {
		return nil, phone.Tag{}, ErrSignature
	}
	address := c.addressOf(r)
	fields, signed, err := fieldsOf(r, address)
	if err != nil {
		return nil, phone.Tag{}, err
	}
	good := false
	for _, candidate := range candidates(address) {
		good = hmac.Equal([]byte(c.sign(candidate, signed)), []byte(signature)) || good
	}
	if !good || fields.Has("AccountSid") && fields.Get("AccountSid") != c.sid {
		return nil, phone.Tag{}, ErrSignature
	}
	return fields, phone.FromURL(address), nil
}

// addressOf is the address that the vendor asked for.
func (c *Client) addressOf(r *http.Request) string {
	path := r.RequestURI // as it came, before any handler took a prefix away
	if !strings.HasPrefix(path, "/") {
		path = r.URL.RequestURI()
	}
	switch {
	case c.webhooks != "":
		return c.webhooks + path
	case r.TLS != nil:
		return "https://" + r.Host + path
	default: // a request that was made here, not received, has a scheme
		return cmp.Or(r.URL.Scheme, "http") + "://" + r.Host + path
	}
}

// fieldsOf reads the fields of a webhook, and those of them that are signed
// beside the address. What handlers have made of r.URL is not signed.
func fieldsOf(r *http.Request, address string) (fields, signed url.Values, err error) {
	asked, err := url.Parse(address)
	if err != nil {
		return nil, nil, ErrSignature
	}
	if r.Method == http.MethodGet {
		return asked.Query(), nil, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || r.Method != http.MethodPost {
		return nil, nil, ErrSignature
	}
	isForm := media == "application/x-www-form-urlencoded"
	if isForm && r.PostForm != nil {
		return r.PostForm, r.PostForm, nil // somebody has read it
	}
	body, err := bodyOf(r)
	if err != nil {
		return nil, nil, err
	}
	if isForm {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return nil, nil, ErrSignature
		}
		return form, form, nil
	}
	sum := sha256.Sum256(body)
	if !strings.EqualFold(asked.Query().Get("bodySHA256"), hex.EncodeToString(sum[:])) {
		return nil, nil, ErrSignature
	}
	return textsOf(body), nil, nil
}

// bodyOf reads the body and puts it back.
func bodyOf(r *http.Request) ([]byte, error) {
	if r.Body == nil {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebhook+1))
	switch {
	case err != nil:
		return nil, errCutShort
	case len(body) > maxWebhook:
		return nil, ErrSignature
	}
	_ = r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, nil
}

// textsOf are the texts in a JSON object.
func textsOf(body []byte) url.Values {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	fields := url.Values{}
	for name, value := range object {
		if text, ok := value.(string); ok {
			fields.Set(name, text)
		}
	}
	return fields
}

// sign is the signature of an address and fields: sorted by name, and of one
// name each value once, sorted too.
func (c *Client) sign(address string, fields url.Values) string {
	mac := hmac.New(sha1.New, []byte(c.token))
	_, _ = io.WriteString(mac, address)
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		for _, v := range slices.Compact(slices.Sorted(slices.Values(fields[name]))) {
			_, _ = io.WriteString(mac, name+v)
		}
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// candidates are the forms of an address that the vendor may have signed: with
// and without the port, and the one that callback made, if the vendor has
// changed it since.
func candidates(address string) []string {
	u, err := url.Parse(address)
	if err != nil {
		return []string{address}
	}
	all := []string{address}
	for _, query := range []string{u.RawQuery, u.Query().Encode()} {
		for _, host := range hosts(u) {
			form := *u
			form.Host, form.RawQuery = host, query
			all = append(all, form.String())
		}
	}
	return all
}

// hosts are a host with and without a port.
func hosts(u *url.URL) []string {
	name := strings.TrimSuffix(u.Host, ":"+u.Port())
	return []string{name, name + ":" + cmp.Or(u.Port(), usualPorts[u.Scheme])}
}

var usualPorts = map[string]string{"http": "80", "https": "443"}

// callback is the address of a callback with the tag, in a form that stays the
// same when it is taken apart and put together again. The vendor does so before
// it asks, and signs what it was given.
func callback(tag phone.Tag, to string) string {
	tagged := tag.AddTo(to)
	u, err := url.Parse(tagged)
	if err != nil {
		return tagged
	}
	u.Host = strings.TrimSuffix(strings.ToLower(u.Host), ":"+usualPorts[u.Scheme])
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment, u.RawFragment, u.ForceQuery = "", "", false
	if q, err := url.ParseQuery(u.RawQuery); err == nil {
		u.RawQuery = q.Encode()
	}
	return u.String()
}
