package twilio_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	messageSID = "SM0123456789abcdef0123456789abcdef"
	formType   = "application/x-www-form-urlencoded; charset=UTF-8"
	jsonType   = "application/json"
	tagged     = "failover_attempt=op.1&failover_operation=op&failover_provider=pool%2Ftwilio"
)

// hook is a webhook as it arrives.
func hook(method, target, contentType, body, signature string) *http.Request {
	r := httptest.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if signature != "" {
		r.Header.Set("X-Twilio-Signature", signature)
	}
	return r
}

func fields(pairs ...string) string {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func newClient(t *testing.T, opts ...twilio.Option) *twilio.Client {
	t.Helper()
	c, err := twilio.New(account, token, opts...)
	require.NoError(t, err)
	return c
}

// delivered are the fields of a status, out of order.
var delivered = fields("To", callee, "From", mine, "SmsSid", messageSID, "SmsStatus", "delivered", "MessageStatus", "delivered",
	"MessageSid", messageSID, "ApiVersion", "2010-04-01", "AccountSid", account)

// The vendor's own examples, from its documentation and the tests of its
// libraries. Their ids are none, so that what is signed by the vendor is not of
// a call: but it is signed by the vendor.
func TestPublishedSignatures(t *testing.T) {
	t.Parallel()
	const (
		address = "https://mycompany.com/myapp.php?foo=1&bar=2"
		json    = `{"property": "value", "boolean": true}`
		hash    = "&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
	)
	c, err := twilio.New(account, "12345")
	require.NoError(t, err)
	call := func(caller string) string {
		return fields("To", "+18005551212", "From", caller, "Digits", "1234", "Caller", caller, "CallSid", "CA1234567890ABCDE")
	}
	for name, e := range map[string]struct{ address, contentType, body, signature string }{
		"the documentation":      {address, formType, call("+12349013030"), "0/KCTR6DLpKmkAf8muzZqo1nDgQ="},
		"the libraries":          {address, formType, call("+14158675309"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		"signed with a port":     {address, formType, call("+14158675309"), "kvajT1Ptam85bY51eRf/AJRuM3w="},
		"asked with a port":      {strings.Replace(address, ".com", ".com:1234", 1), formType, call("+14158675309"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="},
		"a host in capitals":     {strings.Replace(address, "mycompany", "MyCompany", 1), formType, call("+14158675309"), "g9IN/x4Cft2g517EjYvEvM/W7LU="},
		"names that begin alike": {address, formType, call("+14158675309") + "&Reason=Participant&ReasonConferenceEnded=test", "vOEb5UThFn24KEfnOFLQY2AE5FY="},
		"repeated":               {address, formType, "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234", "IK+Dwps556ElfBT0I3Rgjkr1wJU="},
		"a form of its own":      {address, formType, "property=value&boolean=true", "NBdBDr/T/lgjI+tlgpXjKZQZs/k="},
		"another body":           {address + hash, jsonType, json, "a9nBmqA0ju/hNViExpshrM61xv4="},
		"another body, alone":    {"https://mycompany.com/myapp.php?" + hash[1:], jsonType, json, "y77kIzt2vzLz71DgmJGsen2scGs="},
	} {
		_, err := c.CallUpdate(hook("POST", e.address, e.contentType, e.body, e.signature))
		require.ErrorIs(t, err, twilio.ErrUnrelated, name)
		_, err = c.CallUpdate(hook("POST", strings.Replace(e.address, "php", "phq", 1), e.contentType, e.body, e.signature))
		require.ErrorIs(t, err, twilio.ErrSignature, name)
		_, err = c.CallUpdate(hook("POST", e.address, e.contentType, strings.Replace(e.body, "e", "f", 1)+"x", e.signature))
		require.ErrorIs(t, err, twilio.ErrSignature, name)
	}
}

// Signatures made with openssl, each of the address and, behind it, the names
// and values that are listed above the line, sorted by name:
//
//	printf '%s' "$address$fields" | openssl dgst -sha1 -hmac "$token" -binary | openssl base64
//
// and the hash of the JSON body with
//
//	printf '%s' "$body" | openssl dgst -sha256
func TestSignatures(t *testing.T) {
	t.Parallel()
	const (
		at     = "/status?" + tagged
		object = `{"AccountSid":"` + account + `","MessageSid":"` + messageSID + `","MessageStatus":"sent","Parts":2}`
		hash   = "&bodySHA256=32fd50089fc6680b8a0c93533f65fc641d467416445dd6365033178cf3b20c5f"
	)
	base := sms.Update{Provider: "pool/twilio", Operation: "op", Attempt: "op.1", ID: messageSID, Status: sms.StatusDelivered}
	sent := base
	sent.Status = sms.StatusSent
	for name, e := range map[string]struct {
		target, contentType, body, signature string
		want                                 sms.Update
	}{
		// AccountSid ApiVersion From MessageSid MessageStatus SmsSid SmsStatus To
		"a form":                         {"https://app.test" + at, formType, delivered, "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg=", base},
		"signed with the usual port":     {"https://app.test" + at, formType, delivered, "7UINaXKQOXQU1VsQP3hBOzMrYzw=", base},
		"asked with the usual port":      {"https://app.test:443" + at, formType, delivered, "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg=", base},
		"another port":                   {"https://app.test:8443" + at, formType, delivered, "4o1SL3+cVpPh6J7OkJk1/bVDwGc=", base},
		"another port, signed without":   {"https://app.test:8443" + at, formType, delivered, "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg=", base},
		"http":                           {"http://app.test" + at, formType, delivered, "XOPLxSWVKRyLgoXHQaeyBJXtHqI=", base},
		"http, signed with its port":     {"http://app.test" + at, formType, delivered, "4nDXdF8/o33IR9jJ07Qhfi56vqk=", base},
		"an address of numbers":          {"https://[2001:db8::1]" + at, formType, delivered, "i3IdjBT2PWJuRjLpbnbSr7f6J4g=", base},
		"an address of numbers and port": {"https://[2001:db8::1]:8443" + at, formType, delivered, "i3IdjBT2PWJuRjLpbnbSr7f6J4g=", base},
		// The same with MediaUrl https://a.test/1 and MediaUrl https://a.test/2
		"repeated": {
			"https://app.test" + at, formType, delivered + "&MediaUrl=https%3A%2F%2Fa.test%2F2&MediaUrl=https%3A%2F%2Fa.test%2F1&MediaUrl=https%3A%2F%2Fa.test%2F2",
			"K8ip58ttT2JRBrSeFuFBqhunE2E=", base,
		},
		// The address alone.
		"a JSON object": {"https://app.test" + at + hash, jsonType, object, "FTT3/eUAKhG+JelsZebUMss/t5I=", sent},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			r := hook("POST", e.target, e.contentType, e.body, e.signature)
			got, err := c.SMSUpdate(r)
			require.NoError(t, err)
			assert.Equal(t, e.want, got)
			again, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			assert.Equal(t, e.body, string(again), "the body is there for others")

			for what, forged := range map[string]*http.Request{
				"no signature":    hook("POST", e.target, e.contentType, e.body, ""),
				"an empty field":  hook("POST", e.target, e.contentType, e.body, "="),
				"not base64":      hook("POST", e.target, e.contentType, e.body, "%%%"),
				"a byte less":     hook("POST", e.target, e.contentType, e.body, e.signature[:len(e.signature)-2]+"="),
				"a byte more":     hook("POST", e.target, e.contentType, e.body, e.signature+"="),
				"another address": hook("POST", strings.Replace(e.target, "op.1", "op.2", 1), e.contentType, e.body, e.signature),
				"another path":    hook("POST", strings.Replace(e.target, "/status", "/statut", 1), e.contentType, e.body, e.signature),
				"another host":    hook("POST", strings.NewReplacer("app.test", "apq.test", "2001", "2002").Replace(e.target), e.contentType, e.body, e.signature),
				"another status":  hook("POST", e.target, e.contentType, strings.NewReplacer("=delivered", "=undelivered", "sent", "fail").Replace(e.body), e.signature),
				"another message": hook("POST", e.target, e.contentType, strings.ReplaceAll(e.body, "SM0", "SM1"), e.signature),
				"a field more":    hook("POST", e.target, e.contentType, e.body+"&ErrorCode=30007", e.signature),
				"a second status": hook("POST", e.target, e.contentType, e.body+"&MessageStatus=failed", e.signature),
				"a first status":  hook("POST", e.target, e.contentType, "MessageStatus=failed&"+e.body, e.signature),
				"no body":         hook("POST", e.target, e.contentType, "", e.signature),
				"a PUT":           hook("PUT", e.target, e.contentType, e.body, e.signature),
				"no media type":   hook("POST", e.target, "", e.body, e.signature),
				"another type":    hook("POST", e.target, "text/plain", e.body+" ", e.signature),
				"a bad type":      hook("POST", e.target, ";;", e.body, e.signature),
				"bad escapes":     hook("POST", e.target, formType, e.body+"&a=%zz", e.signature),
				"too long":        hook("POST", e.target, e.contentType, e.body+"&a="+strings.Repeat("x", 64<<10), e.signature),
			} {
				_, err := c.SMSUpdate(forged)
				require.ErrorIs(t, err, twilio.ErrSignature, what)
				assertPlain(t, err)
				_, err = c.CallUpdate(forged)
				require.ErrorIs(t, err, twilio.ErrSignature, what)
			}
			other, err := twilio.New(account, token+"0")
			require.NoError(t, err)
			_, err = other.SMSUpdate(hook("POST", e.target, e.contentType, e.body, e.signature))
			require.ErrorIs(t, err, twilio.ErrSignature, "another token")
		})
	}
}

// With GET the fields are in the address, and the address alone is signed.
func TestGETWebhooks(t *testing.T) {
	t.Parallel()
	const target = "https://app.test/status?" + tagged + "&AccountSid=" + account + "&CallSid=" + someCall +
		"&CallStatus=completed&CallDuration=42&Timestamp=Wed%2C+16+Feb+2022+16%3A11%3A53+%2B0000"
	c := newClient(t)
	got, err := c.CallUpdate(hook("GET", target, "", "", "NieXf9zaDjufonFKMKCm8rwuBTc="))
	require.NoError(t, err)
	assert.Equal(t, call.Update{
		Provider: "pool/twilio", Operation: "op", Attempt: "op.1", ID: someCall, Status: call.StatusCompleted, Duration: 42 * time.Second,
		At: got.At,
	}, got)
	assert.True(t, got.At.Equal(time.Date(2022, 2, 16, 16, 11, 53, 0, time.UTC)))
	for what, forged := range map[string]string{
		"a parameter": strings.Replace(target, "=42", "=43", 1), "one more": target + "&x=1", "one less": strings.Replace(target, "&CallDuration=42", "", 1),
		"the order": strings.Replace(target, "CallStatus=completed&CallDuration=42", "CallDuration=42&CallStatus=completed", 1),
	} {
		_, err := c.CallUpdate(hook("GET", forged, "", "", "NieXf9zaDjufonFKMKCm8rwuBTc="))
		require.ErrorIs(t, err, twilio.ErrSignature, what)
	}
}

// A signature is of an address and fields in a row, so that they could be cut
// in another way. What comes of that is no update.
func TestSignaturesThatAreCutElsewhere(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const of = "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg=" // as "a form" above
	row := "AccountSid" + account + "ApiVersion2010-04-01From" + mine + "MessageSid" + messageSID +
		"MessageStatusdeliveredSmsSid" + messageSID + "SmsStatusdeliveredTo" + callee
	target := "https://app.test/status?" + tagged
	for what, r := range map[string]*http.Request{
		"all in the address": hook("GET", target+row, "", "", of),
		"all in one name":    hook("POST", target, formType, url.QueryEscape(row)+"=", of),
		"half in the address": hook("POST", target+row[:strings.Index(row, "MessageStatus")], formType,
			fields("MessageStatus", "delivered", "SmsSid", messageSID, "SmsStatus", "delivered", "To", callee), of),
	} {
		for _, err := range []error{second(c.SMSUpdate(r)), second(c.CallUpdate(r))} {
			require.Error(t, err, what)
		}
	}
	// A status that is none says of the message that there is one.
	for what, cut := range map[string][]string{
		"a longer status":  {"MessageStatus", "deliveredSmsSid" + messageSID + "SmsStatusdeliveredTo" + callee},
		"a shorter status": {"MessageStatus", "deliver", "edSmsSid" + messageSID + "SmsStatusdeliveredTo", callee},
	} {
		got, err := c.SMSUpdate(hook("POST", target, formType, fields(append([]string{
			"AccountSid", account, "ApiVersion", "2010-04-01", "From", mine, "MessageSid", messageSID,
		}, cut...)...), of))
		require.NoError(t, err, what)
		assert.Equal(t, sms.Update{Provider: "pool/twilio", Operation: "op", Attempt: "op.1", ID: messageSID}, got)
		assert.Equal(t, failover.OutcomeAccepted, got.Outcome())
	}
}

func second[T any](_ T, err error) error { return err }

// A body that no webhook has is not read, even if it is signed.
func TestWebhooksThatAreTooLong(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	for more, want := range map[int]error{60 << 10: nil, 64 << 10: twilio.ErrSignature} {
		body := delivered + "&Zeal=" + strings.Repeat("x", more)
		form, err := url.ParseQuery(body)
		require.NoError(t, err)
		_, err = c.SMSUpdate(hook("POST", "https://app.test/s", formType, body, signatureOf("https://app.test/s", form)))
		require.ErrorIs(t, err, want)
	}
}

// A message of another account is none of ours, whoever has signed it.
func TestAnotherAccount(t *testing.T) {
	t.Parallel()
	body := fields("AccountSid", "AC"+strings.Repeat("f", 32), "MessageSid", messageSID, "MessageStatus", "delivered")
	_, err := newClient(t).SMSUpdate(hook("POST", "https://app.test/status?"+tagged, formType, body, "68L+epOyWpzrSOC2tRJCe41vorw="))
	require.ErrorIs(t, err, twilio.ErrSignature)
}

// Without a token nothing is believed, not even what nobody's token signs.
func TestWebhooksWithoutAToken(t *testing.T) {
	t.Parallel()
	c, err := twilio.New(account, "", twilio.WithAPIKey("SK"+account[2:], "secret"))
	require.NoError(t, err)
	_, err = c.SMSUpdate(hook("POST", "https://app.test/status?"+tagged, formType, delivered, "VyceQgWadlu6KyxP2WIocshAiTc="))
	require.ErrorIs(t, err, twilio.ErrSignature)
}

// Behind a proxy the request does not say under which address the vendor asked.
func TestBehindAProxy(t *testing.T) {
	t.Parallel()
	const of = "OBswe57Npfo1dUelmGo45VV8NmU=" // https://public.example/api/status and the fields of a form
	arrives := func() *http.Request {
		r := hook("POST", "http://10.0.0.7:8080/status?"+tagged, formType, delivered, of)
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "public.example")
		r.Header.Set("X-Forwarded-Prefix", "/api")
		r.Header.Set("Forwarded", "host=public.example;proto=https")
		return r
	}
	_, err := newClient(t).SMSUpdate(arrives())
	require.ErrorIs(t, err, twilio.ErrSignature, "what anybody can send is not believed")
	for _, base := range []string{"https://public.example/api", "https://public.example/api/", "https://public.example:443/api"} {
		got, err := newClient(t, twilio.WithWebhookURL(base)).SMSUpdate(arrives())
		require.NoError(t, err, base)
		assert.Equal(t, "op.1", got.Attempt)
	}
	for _, base := range []string{"https://public.example", "http://public.example/api", "https://elsewhere.example/api", "https://public.example/api/api"} {
		_, err := newClient(t, twilio.WithWebhookURL(base)).SMSUpdate(arrives())
		require.ErrorIs(t, err, twilio.ErrSignature, base)
	}
}

// Handlers around ours may take a prefix from the path, or read the form.
func TestBehindOtherHandlers(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	const of = "cK1XnS+WIdIIb5Y/Sw5xfIwUjQg="
	var got sms.Update
	var err error
	http.StripPrefix("/status", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, err = c.SMSUpdate(r)
	})).ServeHTTP(httptest.NewRecorder(), originForm(hook("POST", "https://app.test/status?"+tagged, formType, delivered, of)))
	require.NoError(t, err)
	assert.Equal(t, "op", got.Operation)

	r := hook("POST", "https://app.test/status?"+tagged, formType, delivered, of)
	require.NoError(t, r.ParseForm())
	got, err = c.SMSUpdate(r)
	require.NoError(t, err)
	assert.Equal(t, messageSID, got.ID)
	r = hook("POST", "https://app.test/status?"+tagged, formType, delivered+"&MessageStatus=failed", of)
	require.NoError(t, r.ParseForm())
	_, err = c.SMSUpdate(r)
	require.ErrorIs(t, err, twilio.ErrSignature)

	// What a handler has made of the address is not signed.
	asked := "https://app.test/status?" + tagged + "&AccountSid=" + account + "&MessageSid=" + messageSID + "&MessageStatus=sent"
	r = hook("GET", asked, "", "", signatureOf(asked, nil))
	r.RequestURI = r.URL.RequestURI()
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "MessageStatus=sent", "MessageStatus=failed", 1)
	got, err = c.SMSUpdate(r)
	require.NoError(t, err)
	assert.Equal(t, sms.StatusSent, got.Status)

	r = hook("POST", "https://app.test/status?"+tagged, formType, "", of)
	r.Body = nil
	_, err = c.SMSUpdate(r)
	require.ErrorIs(t, err, twilio.ErrSignature)
	r.Body = io.NopCloser(io.MultiReader(strings.NewReader(delivered[:10]), errReader{}))
	_, err = c.SMSUpdate(r)
	require.EqualError(t, err, "twilio: the webhook did not come whole")
	assertPlain(t, err)
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("reset: " + callee) }

// originForm is a request with the target that a server gets.
func originForm(r *http.Request) *http.Request {
	r.RequestURI = r.URL.RequestURI()
	return r
}

// Over a real server, asked by the simulator.
func TestWebhooksOverHTTP(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	got := make(chan sms.Update, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/hooks/sms", func(w http.ResponseWriter, r *http.Request) {
		u, err := c.SMSUpdate(r)
		if errors.Is(err, twilio.ErrSignature) {
			http.Error(w, "", http.StatusForbidden)
			return
		}
		got <- u
	})
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	m := hello()
	m.StatusCallback = server.URL + "/hooks/sms?b=2&a=ü x"
	receipt, err := c.SMS().Do(t.Context(), m)
	require.NoError(t, err)
	status, err := s.Deliver(t.Context(), server.Client(), receipt.ID, "delivered", "")
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, status)
	u := <-got
	assert.Equal(t, sms.Update{ID: receipt.ID, Status: sms.StatusDelivered}, u, "sent outside a router it names no attempt")

	r, err := s.Callback(t.Context(), receipt.ID)
	require.NoError(t, err)
	r.Header.Set("X-Twilio-Signature", "AAAA")
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusForbidden, resp.StatusCode)
}

// The vendor takes addresses apart before it asks, and signs what it was given:
// parameters out of order, and escaped in another way, are still the same.
func TestCallbacksStayTheSame(t *testing.T) {
	t.Parallel()
	for given, sent := range map[string]string{
		"https://app.test/s":                  "https://app.test/s",
		"https://App.Test":                    "https://app.test/",
		"https://app.test:443/s":              "https://app.test/s",
		"http://app.test:80/s":                "http://app.test/s",
		"http://app.test:443/s":               "http://app.test:443/s",
		"https://[2001:DB8::1]:443/s":         "https://[2001:db8::1]/s",
		"https://app.test/s?":                 "https://app.test/s",
		"https://app.test?z=1&a=x%20y&a=b#me": "https://app.test/?a=x+y&a=b&z=1",
		"https://app.test/a%2Fb/c?q=ü":        "https://app.test/a%2Fb/c?q=%C3%BC",
		"https://app.test/s?a;b":              "https://app.test/s?a;b",
	} {
		s, c := start(t)
		m, r := hello(), ring()
		m.StatusCallback, r.StatusCallback = given, given
		_, err := c.SMS().Do(t.Context(), m)
		require.NoError(t, err, given)
		_, err = c.Call().Do(t.Context(), r)
		require.NoError(t, err)
		for _, e := range s.Ledger.Entries() {
			assert.Equal(t, sent, e.StatusCallback)
		}
	}

	s, c := start(t)
	texts, err := sms.New(failover.Providers(c.SMS()))
	require.NoError(t, err)
	defer texts.Close()
	m := hello()
	m.StatusCallback = "https://app.test/s?z=1&a=x%20y"
	_, err = texts.Send(failover.Operation(t.Context(), "order 7:shipped/now*~"), m)
	require.NoError(t, err)
	made := s.Ledger.Entries()[0]
	for what, change := range map[string]func(*url.URL){
		"as it was":    func(*url.URL) {},
		"out of order": func(u *url.URL) { u.RawQuery = "z=1&" + strings.TrimSuffix(u.RawQuery, "&z=1") },
		"other escapes": func(u *url.URL) {
			u.RawQuery = strings.NewReplacer("+", "%20", "%3A", ":", "%2A", "*", "~", "%7E", "%2F", "%2f").Replace(u.RawQuery)
		},
	} {
		r, err := s.Callback(t.Context(), made.ID)
		require.NoError(t, err)
		change(r.URL)
		u, err := c.SMSUpdate(r)
		require.NoError(t, err, what)
		assert.Equal(t, "order 7:shipped/now*~", u.Operation)
		assert.Equal(t, "order 7:shipped/now*~.1", u.Attempt)
		assert.Equal(t, "twilio", u.Provider)
	}
	r, err := s.Callback(t.Context(), made.ID)
	require.NoError(t, err)
	r.URL.RawQuery = strings.Replace(r.URL.RawQuery, "z=1", "z=2", 1)
	_, err = c.SMSUpdate(r)
	require.ErrorIs(t, err, twilio.ErrSignature)
}

// Every status of a message, as the vendor tells it.
func TestUpdatesOfMessages(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	m := hello()
	m.StatusCallback = "https://app.test/s"
	var receipt *sms.Receipt
	within(t, "op", func(ctx context.Context) { receipt = must(c.SMS().Do(ctx, m)) })
	update := func(status, code string) sms.Update {
		t.Helper()
		require.NoError(t, s.Ledger.SetStatus(receipt.ID, status, code))
		r, err := s.Callback(t.Context(), receipt.ID)
		require.NoError(t, err)
		u, err := c.SMSUpdate(r)
		require.NoError(t, err)
		assert.Equal(t, []string{"tw", "op", "op.1", receipt.ID}, []string{u.Provider, u.Operation, u.Attempt, u.ID})
		assert.Zero(t, u.At, "the vendor does not say")
		return u
	}
	for word, want := range map[string]sms.Status{
		"accepted": sms.StatusQueued, "scheduled": sms.StatusQueued, "queued": sms.StatusQueued, "sending": sms.StatusSending,
		"sent": sms.StatusSent, "delivered": sms.StatusDelivered, "read": sms.StatusDelivered,
	} {
		u := update(word, "")
		assert.Equal(t, want, u.Status, word)
		assert.Nil(t, u.Err)
		assert.Equal(t, failover.OutcomeAccepted, u.Outcome())
	}
	u := update("canceled", "")
	assert.Equal(t, sms.StatusCanceled, u.Status)
	assert.Equal(t, failover.ClassCanceled, u.Err.Class)
	assert.Equal(t, failover.OutcomeNotAccepted, u.Outcome())

	for word, status := range map[string]sms.Status{"undelivered": sms.StatusUndelivered, "failed": sms.StatusFailed} {
		for _, row := range rows {
			for _, code := range row.codes {
				u := update(word, strconv.Itoa(code))
				assert.Equal(t, status, u.Status)
				require.NotNil(t, u.Err)
				assert.Equal(t, row.class, u.Err.Class, code)
				assert.Equal(t, failover.OutcomeNotAccepted, u.Outcome(), code)
				assert.Equal(t, strconv.Itoa(code), u.Err.Code)
				assert.Equal(t, row.cause == optedOut, errors.Is(u.Err, sms.ErrOptedOut))
				assert.Equal(t, row.cause == badRecipient, errors.Is(u.Err, sms.ErrInvalidRecipient))
			}
		}
		for _, code := range ambiguous {
			u := update(word, strconv.Itoa(code))
			assert.Equal(t, failover.ClassTransient, u.Err.Class)
			assert.Equal(t, failover.OutcomeUnknown, u.Err.Outcome, "the vendor itself does not know")
			assert.Equal(t, failover.OutcomeAccepted, u.Outcome())
		}
		for _, code := range []string{"", "39999"} {
			u := update(word, code)
			assert.Equal(t, failover.ClassUnknown, u.Err.Class)
			assert.Equal(t, failover.OutcomeUnknown, u.Err.Outcome)
			assert.Equal(t, failover.OutcomeAccepted, u.Outcome())
		}
	}
	assertPlain(t, u.Err)
}

// Every status of a call, as the vendor tells it.
func TestUpdatesOfCalls(t *testing.T) {
	t.Parallel()
	s, c := start(t)
	r := ring()
	r.StatusCallback = "https://app.test/s"
	var placed *call.Call
	within(t, "op", func(ctx context.Context) { placed = must(c.Call().Do(ctx, r)) })
	update := func(status, code string) call.Update {
		t.Helper()
		require.NoError(t, s.Ledger.SetStatus(placed.ID, status, code))
		r, err := s.Callback(t.Context(), placed.ID)
		require.NoError(t, err)
		u, err := c.CallUpdate(r)
		require.NoError(t, err)
		assert.Equal(t, []string{"tw", "op", "op.1", placed.ID}, []string{u.Provider, u.Operation, u.Attempt, u.ID})
		assert.WithinDuration(t, time.Now(), u.At, 5*time.Second)
		return u
	}
	for word, want := range map[string]call.Status{
		"queued": call.StatusRinging, "ringing": call.StatusRinging, "in-progress": call.StatusInProgress, "completed": call.StatusCompleted,
		"busy": call.StatusBusy, "no-answer": call.StatusNoAnswer, "canceled": call.StatusCanceled,
	} {
		u := update(word, "")
		assert.Equal(t, want, u.Status, word)
		assert.Nil(t, u.Err, "the callee's answers are no faults")
		assert.Equal(t, failover.OutcomeAccepted, u.Outcome())
	}
	assert.Equal(t, 486, update("busy", "486").SIP)
	assert.Nil(t, update("busy", "486").Err)
	for code, want := range map[string]struct {
		class   failover.Class
		outcome failover.Outcome
	}{
		"404": {failover.ClassInvalid, failover.OutcomeNotAccepted},
		"484": {failover.ClassInvalid, failover.OutcomeNotAccepted},
		"604": {failover.ClassInvalid, failover.OutcomeNotAccepted},
		"403": {failover.ClassUnsupported, failover.OutcomeNotAccepted},
		"408": {failover.ClassTimeout, failover.OutcomeUnknown},
		"487": {failover.ClassInvalid, failover.OutcomeUnknown},
		"503": {failover.ClassTransient, failover.OutcomeUnknown},
		"603": {failover.ClassInvalid, failover.OutcomeUnknown},
		"":    {failover.ClassUnknown, failover.OutcomeUnknown},
	} {
		u := update("failed", code)
		require.NotNil(t, u.Err)
		assert.Equal(t, call.StatusFailed, u.Status)
		sip, _ := strconv.Atoi(code)
		assert.Equal(t, sip, u.SIP)
		assert.Equal(t, want.class, u.Err.Class, code)
		assert.Equal(t, want.outcome, u.Err.Outcome, code)
		assert.Equal(t, want.outcome == failover.OutcomeNotAccepted, u.Outcome() == failover.OutcomeNotAccepted)
		assert.Equal(t, want.class == failover.ClassInvalid && want.outcome == failover.OutcomeNotAccepted, errors.Is(u.Err, call.ErrInvalidRecipient))
		assertPlain(t, u.Err)
	}
}

// What is signed by the vendor, but not what was expected.
func TestOtherWebhooks(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	signed := func(pairs ...string) *http.Request {
		body := fields(append(pairs, "AccountSid", account)...)
		v, err := url.ParseQuery(body)
		require.NoError(t, err)
		return hook("POST", "https://app.test/s", formType, body, signatureOf("https://app.test/s", v))
	}
	for what, r := range map[string]*http.Request{
		"nothing":           signed(),
		"of a call":         signed("CallSid", someCall, "CallStatus", "ringing"),
		"no status":         signed("MessageSid", messageSID),
		"no message":        signed("MessageStatus", "sent"),
		"an odd id":         signed("MessageSid", "SM1", "MessageStatus", "sent"),
		"one that came in":  signed("MessageSid", messageSID, "SmsStatus", "received", "Body", "STOP"),
		"one that comes in": signed("MessageSid", messageSID, "MessageStatus", "receiving"),
	} {
		_, err := c.SMSUpdate(r)
		require.ErrorIs(t, err, twilio.ErrUnrelated, what)
		require.NotErrorIs(t, err, twilio.ErrSignature)
	}
	for what, r := range map[string]*http.Request{
		"nothing": signed(), "of a message": signed("MessageSid", messageSID, "MessageStatus", "sent"), "an odd id": signed("CallSid", "CA1", "CallStatus", "ringing"),
	} {
		_, err := c.CallUpdate(r)
		require.ErrorIs(t, err, twilio.ErrUnrelated, what)
		require.NotErrorIs(t, err, twilio.ErrSignature)
	}

	unnamed := fields("MessageSid", messageSID, "MessageStatus", "delivered")
	_, err := c.SMSUpdate(hook("POST", "https://app.test/status?"+tagged, formType, unnamed, "idzzzoFiliJvfTcxWycs9yiSAl0="))
	require.ErrorIs(t, err, twilio.ErrUnrelated, "of no account")

	u, err := c.SMSUpdate(signed("SmsSid", messageSID, "SmsStatus", "sent", "NumSegments", "3", "Price", "-0.01", "PriceUnit", "USD"))
	require.NoError(t, err)
	assert.Equal(t, sms.Update{ID: messageSID, Status: sms.StatusSent, Segments: 3, Price: &sms.Price{Amount: 0.01, Currency: "USD"}}, u)
	v, err := c.CallUpdate(signed("CallSid", someCall, "RecordingSid", "RE1"))
	require.NoError(t, err)
	assert.Equal(t, call.Update{ID: someCall}, v, "of something else than its status")
	v, err = c.CallUpdate(signed("CallSid", someCall, "CallStatus", "in-progress", "AnsweredBy", "machine_end_beep", "CallDuration", "x",
		"SipResponseCode", "99999", "Timestamp", "noon"))
	require.NoError(t, err)
	assert.Equal(t, call.Update{ID: someCall, Status: call.StatusInProgress, AnsweredBy: call.AnsweredMachine}, v)
	v, err = c.CallUpdate(signed("CallSid", someCall, "CallStatus", "failed", "ErrorCode", "13224", "ErrorMessage", "To "+callee, "SipResponseCode", "503"))
	require.NoError(t, err)
	assert.Equal(t, failover.ClassUnsupported, v.Err.Class, "the vendor's own code says more")
	assert.Equal(t, "To "+callee, v.Err.Message)
	assertPlain(t, v.Err)
}

// signatureOf signs, where what is signed is not the point.
func signatureOf(address string, form url.Values) string {
	mac := hmac.New(sha1.New, []byte(token))
	mac.Write([]byte(address))
	for _, name := range slices.Sorted(maps.Keys(form)) {
		mac.Write([]byte(name + form.Get(name)))
	}
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
