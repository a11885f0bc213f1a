package vendorsim_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const twilioBase = "/2010-04-01/Accounts/" + twilioSID

// askTwilio sends a form, or none, as the account.
func askTwilio(t *testing.T, s *vendorsim.Telephony, method, path string, form url.Values) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(form.Encode()))
	require.NoError(t, err)
	if form != nil {
		req.Header.Set("Content-Type", formType)
	}
	req.SetBasicAuth(twilioSID, key)
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	assert.NotEmpty(t, resp.Header.Get("Twilio-Request-Id"))
	return resp.StatusCode, object(t, body)
}

// with adds fields to a form, or takes those away that are empty.
func with(base url.Values, pairs ...string) url.Values {
	v := maps.Clone(base)
	for i := 0; i < len(pairs); i += 2 {
		v.Del(pairs[i])
		if pairs[i+1] != "" {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v
}

var (
	twilioText = form("To", callee, "From", caller, "Body", "Hello.")
	twilioCall = form("To", callee, "From", caller, "Twiml", "<Response><Say>Hello.</Say></Response>")
)

func TestTwilioMessage(t *testing.T) {
	t.Parallel()
	s := vendorsim.Twilio(twilioSID, key)
	defer s.Close()
	status, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json", with(twilioText,
		"StatusCallback", callback+"?failover_operation=op&failover_attempt=op.1&failover_provider=pool%2Ftwilio", "ValidityPeriod", "60"))
	require.Equal(t, 201, status, "%v", m)
	sid, _ := m["sid"].(string)
	assert.Regexp(t, `^SM[0-9a-f]{32}$`, sid)
	assert.Equal(t, "queued", m["status"])
	assert.Equal(t, callee, m["to"])
	assert.Equal(t, caller, m["from"])
	assert.Equal(t, "Hello.", m["body"])
	assert.Equal(t, "1", m["num_segments"])
	assert.Equal(t, "0", m["num_media"])
	assert.Equal(t, "outbound-api", m["direction"])
	assert.Equal(t, twilioBase+"/Messages/"+sid+".json", m["uri"])
	created, err := time.Parse(time.RFC1123Z, m["date_created"].(string))
	require.NoError(t, err)
	assert.WithinDuration(t, time.Now(), created, time.Minute)
	for _, name := range []string{"price", "date_sent", "error_code", "error_message", "messaging_service_sid"} {
		value, there := m[name]
		assert.True(t, there, name)
		assert.Nil(t, value, name)
	}

	e, ok := s.Ledger.Find(sid)
	require.True(t, ok)
	assert.Equal(t, "op", e.Operation)
	assert.Equal(t, "op.1", e.Attempt)
	assert.Equal(t, "pool/twilio", e.Provider)
	assert.Equal(t, "60", e.Fields.Get("ValidityPeriod"))
	assert.True(t, strings.HasPrefix(e.StatusCallback, callback))
	assert.Equal(t, 1, s.Ledger.Count("op"))

	// Its fate is told when it is asked for.
	require.NoError(t, s.Ledger.SetStatus(sid, "undelivered", "30005"))
	status, m = askTwilio(t, s, http.MethodGet, m["uri"].(string), nil)
	require.Equal(t, 200, status)
	assert.Equal(t, "undelivered", m["status"])
	assert.InDelta(t, 30005, m["error_code"], 0)
	assert.Equal(t, "Unknown destination handset", m["error_message"])
	assert.NotNil(t, m["date_sent"])

	// A service chooses the sender itself, later.
	status, m = askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json",
		with(twilioText, "From", "", "MessagingServiceSid", "MG"+twilioSID[2:], "Body", "", "MediaUrl", "https://app.test/a.png"))
	require.Equal(t, 201, status, "%v", m)
	assert.Regexp(t, `^MM[0-9a-f]{32}$`, m["sid"])
	assert.Equal(t, "accepted", m["status"])
	assert.Nil(t, m["from"])
	assert.Equal(t, "1", m["num_media"])
}

func TestTwilioSegments(t *testing.T) {
	t.Parallel()
	s := vendorsim.Twilio(twilioSID, key)
	defer s.Close()
	for text, n := range map[string]string{
		strings.Repeat("x", 160): "1",
		strings.Repeat("x", 161): "2",
		strings.Repeat("x", 306): "2",
		strings.Repeat("x", 307): "3",
		strings.Repeat("€", 80):  "1",
		strings.Repeat("€", 81):  "2",
		strings.Repeat("ж", 70):  "1",
		strings.Repeat("ж", 71):  "2",
		strings.Repeat("👍", 35):  "1",
		strings.Repeat("👍", 36):  "2",
	} {
		_, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json", with(twilioText, "Body", text))
		assert.Equal(t, n, m["num_segments"], text)
	}
}

func TestTwilioRefuses(t *testing.T) {
	t.Parallel()
	s := vendorsim.Twilio(twilioSID, key)
	defer s.Close()
	for name, c := range map[string]struct {
		path string
		form url.Values
		code int
		says string
	}{
		"no recipient":     {"/Messages.json", with(twilioText, "To", ""), 21604, "'To'"},
		"bad recipient":    {"/Messages.json", with(twilioText, "To", "+1555"), 21211, "The 'To' number +1555 is not a valid phone number."},
		"no sender":        {"/Messages.json", with(twilioText, "From", ""), 21603, "'From'"},
		"bad sender":       {"/Messages.json", with(twilioText, "From", "+1555"), 21212, "'From' number +1555"},
		"bad service":      {"/Messages.json", with(twilioText, "From", "", "MessagingServiceSid", "MG1"), 21701, "MG1"},
		"no body":          {"/Messages.json", with(twilioText, "Body", ""), 21602, "body"},
		"long body":        {"/Messages.json", with(twilioText, "Body", strings.Repeat("ж", 1601)), 21617, "1600"},
		"bad callback":     {"/Messages.json", with(twilioText, "StatusCallback", "ftp://app.test"), 21609, "ftp://app.test"},
		"callback's host":  {"/Messages.json", with(twilioText, "StatusCallback", "https://my_app.test"), 21609, "my_app"},
		"validity":         {"/Messages.json", with(twilioText, "ValidityPeriod", "36001"), 20001, "ValidityPeriod"},
		"validity's words": {"/Messages.json", with(twilioText, "ValidityPeriod", "1h"), 20001, "ValidityPeriod"},
		"no form":          {"/Messages.json", nil, 21604, "'To'"},
		"no callee":        {"/Calls.json", with(twilioCall, "To", ""), 21201, "'To'"},
		"bad callee":       {"/Calls.json", with(twilioCall, "To", "5550001"), 21211, "5550001"},
		"no caller":        {"/Calls.json", with(twilioCall, "From", ""), 21213, "'From'"},
		"bad caller":       {"/Calls.json", with(twilioCall, "From", "Shop"), 21212, "Shop"},
		"nothing to say":   {"/Calls.json", with(twilioCall, "Twiml", ""), 21205, "required"},
		"two to say":       {"/Calls.json", with(twilioCall, "Url", "https://app.test"), 21205, "Only one"},
		"bad address":      {"/Calls.json", with(twilioCall, "Twiml", "", "Url", "app.test"), 21205, "app.test"},
		"bad application":  {"/Calls.json", with(twilioCall, "Twiml", "", "ApplicationSid", "AP1"), 21218, "AP1"},
		"bad call's calls": {"/Calls.json", with(twilioCall, "StatusCallback", "app.test"), 21609, "app.test"},
		"bad call status":  {"/Calls.json", with(twilioCall, "StatusCallbackMethod", "PUT"), 20001, "PUT"},
	} {
		t.Run(name, func(t *testing.T) {
			status, m := askTwilio(t, s, http.MethodPost, twilioBase+c.path, c.form)
			assert.Equal(t, 400, status)
			assert.InDelta(t, c.code, m["code"], 0)
			assert.InDelta(t, 400, m["status"], 0)
			assert.Contains(t, m["message"], c.says)
			assert.Contains(t, m["more_info"], "https://www.twilio.com/docs/errors/2")
		})
	}

	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+twilioBase+"/Messages.json", strings.NewReader("To=%zz"))
	require.NoError(t, err)
	req.Header.Set("Content-Type", formType)
	req.SetBasicAuth(twilioSID, key)
	resp, err := s.Client().Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	assert.Equal(t, 400, resp.StatusCode, "that is no form")
	assert.Empty(t, s.Ledger.Entries())
}

func TestTwilioKnowsWho(t *testing.T) {
	t.Parallel()
	s := vendorsim.Twilio(twilioSID, key)
	defer s.Close()
	for name, c := range map[string]struct {
		user, password, path string
		status, code         int
	}{
		"nobody":         {"", "", twilioBase + ".json", 401, 20003},
		"wrong token":    {twilioSID, "other", twilioBase + ".json", 401, 20003},
		"wrong account":  {"AC1", key, twilioBase + ".json", 401, 20003},
		"other account":  {twilioSID, key, "/2010-04-01/Accounts/AC1.json", 404, 20404},
		"others' texts":  {twilioSID, key, "/2010-04-01/Accounts/AC1/Messages.json", 404, 20404},
		"no format":      {twilioSID, key, twilioBase, 404, 20404},
		"unknown path":   {twilioSID, key, twilioBase + "/Faxes.json", 404, 20404},
		"unknown text":   {twilioSID, key, twilioBase + "/Messages/SM1.json", 404, 20404},
		"text's format":  {twilioSID, key, twilioBase + "/Messages/SM1", 404, 20404},
		"unknown call":   {twilioSID, key, twilioBase + "/Calls/CA1.json", 404, 20404},
		"path's end":     {twilioSID, key, twilioBase + "/Calls/.json", 404, 20404},
		"the whole site": {"", "", "/", 401, 20003},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL()+c.path, http.NoBody)
			require.NoError(t, err)
			if c.user != "" {
				req.SetBasicAuth(c.user, c.password)
			}
			resp, err := s.Client().Do(req)
			require.NoError(t, err)
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Equal(t, c.status, resp.StatusCode)
			assert.InDelta(t, c.code, object(t, body)["code"], 0, "%s", body)
			assert.Equal(t, c.status == 401, resp.Header.Get("Www-Authenticate") != "")
		})
	}
	assert.Panics(t, func() { vendorsim.TwilioVendor("AC1", key) })

	status, m := askTwilio(t, s, http.MethodGet, twilioBase+".json", nil)
	assert.Equal(t, 200, status)
	assert.Equal(t, "active", m["status"])
	assert.Equal(t, twilioSID, m["sid"])
	s.Suspend(true)
	_, m = askTwilio(t, s, http.MethodGet, twilioBase+".json", nil)
	assert.Equal(t, "suspended", m["status"])
}

func TestTwilioCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(twilioSID, key, vendorsim.InMemory())
		defer s.Close()
		status, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Calls.json", with(twilioCall, "StatusCallback", callback+"?failover_operation=op"))
		require.Equal(t, 201, status, "%v", m)
		sid, _ := m["sid"].(string)
		assert.Regexp(t, `^CA[0-9a-f]{32}$`, sid)
		assert.Equal(t, "queued", m["status"])
		for _, name := range []string{"price", "date_created", "date_updated", "start_time", "end_time", "duration"} {
			value, there := m[name]
			assert.True(t, there, name)
			assert.Nil(t, value, name)
		}
		e, ok := s.Ledger.Find(sid)
		require.True(t, ok)
		assert.Equal(t, twilioCall.Get("Twiml"), e.Body)
		assert.Equal(t, 1, s.Ledger.Count("op"))
		path := twilioBase + "/Calls/" + sid + ".json"

		require.NoError(t, s.Ledger.SetStatus(sid, "in-progress", ""))
		<-time.After(90 * time.Second)
		status, m = askTwilio(t, s, http.MethodPost, path, form("Status", "canceled"))
		assert.Equal(t, 400, status, "only a call that nobody has taken can be canceled")
		assert.InDelta(t, 21220, m["code"], 0)
		status, m = askTwilio(t, s, http.MethodPost, path, form("Status", "completed"))
		assert.Equal(t, 200, status)
		assert.Equal(t, "completed", m["status"])
		assert.Equal(t, "90", m["duration"])
		<-time.After(time.Minute)
		status, m = askTwilio(t, s, http.MethodGet, path, nil)
		assert.Equal(t, 200, status)
		assert.Equal(t, "90", m["duration"])
		assert.NotNil(t, m["date_created"])
		started, err := time.Parse(time.RFC1123Z, m["start_time"].(string))
		require.NoError(t, err)
		ended, err := time.Parse(time.RFC1123Z, m["end_time"].(string))
		require.NoError(t, err)
		assert.Equal(t, 90*time.Second, ended.Sub(started))
		status, m = askTwilio(t, s, http.MethodPost, path, form("Status", "completed"))
		assert.Equal(t, 400, status)
		assert.InDelta(t, 21220, m["code"], 0)

		// Before it is answered.
		for _, by := range []string{"canceled", "completed"} {
			_, m = askTwilio(t, s, http.MethodPost, twilioBase+"/Calls.json", with(twilioCall, "To", "sip:a@b.test", "From", "client:shop"))
			path = m["uri"].(string)
			status, m = askTwilio(t, s, http.MethodPost, path, form("Status", "busy"))
			assert.Equal(t, 400, status)
			assert.InDelta(t, 20001, m["code"], 0)
			status, m = askTwilio(t, s, http.MethodPost, path, form("Status", by))
			assert.Equal(t, 200, status)
			assert.Equal(t, by, m["status"])
			assert.Equal(t, "0", m["duration"])
		}
		status, _ = askTwilio(t, s, http.MethodPost, twilioBase+"/Calls/CA1.json", form("Status", "completed"))
		assert.Equal(t, 404, status)
	})
}

func TestTwilioLists(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the clock stands at midnight, the first of January 2000
		s := vendorsim.Twilio(twilioSID, key, vendorsim.InMemory())
		defer s.Close()
		for _, to := range []string{callee, "+15550001002", callee, callee} {
			for path, form := range map[string]url.Values{"/Messages.json": twilioText, "/Calls.json": twilioCall} {
				status, _ := askTwilio(t, s, http.MethodPost, twilioBase+path, with(form, "To", to))
				require.Equal(t, 201, status)
			}
			<-time.After(20 * time.Hour)
		}
		sids := func(kind string) (all []string) {
			for _, e := range slices.Backward(s.Ledger.Entries()) {
				if e.Kind == kind {
					all = append(all, e.ID)
				}
			}
			return all
		}
		texts, calls := sids(vendorsim.MessageKind), sids(vendorsim.CallKind)
		list := func(name, query string) (got []string, answer map[string]any) {
			status, answer := askTwilio(t, s, http.MethodGet, twilioBase+"/"+name+".json?"+query, nil)
			require.Equal(t, 200, status, "%v", answer)
			got = []string{}
			for _, item := range answer[strings.ToLower(name)].([]any) {
				got = append(got, at(item, "sid").(string))
			}
			return got, answer
		}
		// Made at: day 1, 0 h; day 1, 20 h; day 2, 16 h; day 3, 12 h. Newest first.
		for query, want := range map[string][]string{
			"":                                    texts,
			"To=%2B15550001002":                   {texts[2]},
			"To=" + url.QueryEscape(callee):       {texts[0], texts[1], texts[3]},
			"From=" + url.QueryEscape(caller):     texts,
			"From=" + url.QueryEscape(callee):     {},
			"DateSent=2000-01-01":                 texts[2:],
			"DateSent%3E=2000-01-02":              texts[:2],
			"DateSent%3C=2000-01-02":              texts[1:],
			"DateSent%3E=2000-01-01T20:00:00Z":    texts[:3],
			"DateSent%3E=2000-01-01T20:00:01Z":    texts[:2],
			"DateSent%3C=2000-01-01T20:00:00Z":    texts[2:],
			"DateSent%3C=2000-01-01+19:59:59.000": texts[3:],
			"DateSent%3E=2000-01-02&DateSent%3C=2000-01-02&To=" + url.QueryEscape(callee): {texts[1]},
		} {
			got, _ := list("Messages", query)
			assert.Equal(t, want, got, query)
		}
		require.NoError(t, s.Ledger.SetStatus(texts[3], "sent", "")) // on day 4
		require.NoError(t, s.Ledger.SetStatus(calls[0], "completed", ""))
		got, _ := list("Messages", "DateSent=2000-01-04")
		assert.Equal(t, []string{texts[3]}, got)
		for query, want := range map[string][]string{
			"":                        calls,
			"Status=completed":        {calls[0]},
			"Status=queued":           calls[1:],
			"StartTime%3E=2000-01-02": calls[:2],
			"StartTime%3C=2000-01-02": calls[2:], // before the day
			"StartTime=2000-01-02":    {calls[1]},
			"To=%2B15550001002":       {calls[2]},
		} {
			got, _ := list("Calls", query)
			assert.Equal(t, want, got, query)
		}

		// Page by page.
		var paged []string
		next := twilioBase + "/Messages.json?PageSize=2&To=" + url.QueryEscape(callee)
		for page := 0; next != ""; page++ {
			status, answer := askTwilio(t, s, http.MethodGet, next, nil)
			require.Equal(t, 200, status)
			assert.InDelta(t, page, answer["page"], 0)
			assert.InDelta(t, 2, answer["page_size"], 0)
			for _, item := range answer["messages"].([]any) {
				paged = append(paged, at(item, "sid").(string))
			}
			assert.Equal(t, page > 0, answer["previous_page_uri"] != nil)
			next, _ = answer["next_page_uri"].(string)
		}
		assert.Equal(t, []string{texts[0], texts[1], texts[3]}, paged)

		for _, query := range []string{"PageSize=0", "PageSize=x", "DateSent=yesterday"} {
			status, answer := askTwilio(t, s, http.MethodGet, twilioBase+"/Messages.json?"+query, nil)
			assert.Equal(t, 400, status, "%v", answer)
		}
		status, _ := askTwilio(t, s, http.MethodGet, twilioBase+"/Calls.json?StartTime=yesterday", nil)
		assert.Equal(t, 400, status)

		// Lists are late; what is asked for by its SID is there.
		s.Lag(time.Minute)
		_, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json", twilioText)
		got, _ = list("Messages", "")
		assert.Equal(t, texts, got)
		status, _ = askTwilio(t, s, http.MethodGet, m["uri"].(string), nil)
		assert.Equal(t, 200, status)
		<-time.After(time.Minute)
		got, answer := list("Messages", "")
		assert.Len(t, got, len(texts)+1)
		assert.InDelta(t, 4, answer["end"], 0)
	})
}

func TestTwilioRefusesOnCommand(t *testing.T) {
	t.Parallel()
	s := vendorsim.Twilio(twilioSID, key)
	defer s.Close()
	for _, c := range []struct {
		fault vendorsim.Fault
		code  int
		says  string
	}{
		{vendorsim.Status(400), 20001, ""},
		{vendorsim.Status(401), 20003, "Authenticate"},
		{vendorsim.Status(403), 20403, ""},
		{vendorsim.Status(404), 20404, ""},
		{vendorsim.Status(429), 20429, "Too Many Requests"},
		{vendorsim.Status(500), 20500, ""},
		{vendorsim.Status(502), 20502, vendorsim.RefusedNumber},
		{vendorsim.Status(503), 20503, ""},
		{vendorsim.Status(400).Code("21211"), 21211, vendorsim.RefusedNumber},
		{vendorsim.Status(400).Code("21612"), 21612, vendorsim.RefusedNumber},
	} {
		s.Fail(c.fault)
		_, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json", twilioText)
		assert.InDelta(t, c.code, m["code"], 0)
		assert.Contains(t, m["message"], c.says)
		assert.NotEmpty(t, m["message"])
	}
	assert.Empty(t, s.Ledger.Entries())
}

// TestTwilioSigns uses the vendor's published example, and openssl says the
// same.
func TestTwilioSigns(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "RSOYDt4T1cUTdK1PDd93/VVr8B8=", vendorsim.TwilioSign("12345", "https://mycompany.com/myapp.php?foo=1&bar=2",
		form("CallSid", "CA1234567890ABCDE", "Caller", "+14158675309", "Digits", "1234", "From", "+14158675309", "To", "+18005551212")))
}

// checkTwilio reads a callback and checks its signature as the vendor tells
// programs to do.
func checkTwilio(t *testing.T, req *http.Request) url.Values {
	t.Helper()
	body, err := io.ReadAll(req.Body)
	require.NoError(t, err)
	fields, err := url.ParseQuery(string(body))
	require.NoError(t, err)
	var signed strings.Builder
	signed.WriteString(req.URL.String())
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		signed.WriteString(name + fields.Get(name))
	}
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(signed.String()))
	assert.Equal(t, base64.StdEncoding.EncodeToString(mac.Sum(nil)), req.Header.Get("X-Twilio-Signature"))
	if req.Method == http.MethodGet {
		assert.Empty(t, fields)
		return req.URL.Query()
	}
	assert.Equal(t, formType+"; charset=UTF-8", req.Header.Get("Content-Type"))
	return fields
}

func TestTwilioTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(twilioSID, key, vendorsim.InMemory())
		defer s.Close()
		address := callback + "?failover_operation=op&b=1"
		take := func(path string, form url.Values) string {
			status, m := askTwilio(t, s, http.MethodPost, twilioBase+path, form)
			require.Equal(t, 201, status, "%v", m)
			return m["sid"].(string)
		}
		told := func(id, status, code string) url.Values {
			require.NoError(t, s.Ledger.SetStatus(id, status, code))
			req, err := s.Callback(t.Context(), id)
			require.NoError(t, err)
			assert.Equal(t, "app.test", req.URL.Host)
			assert.Equal(t, "op", req.URL.Query().Get("failover_operation"))
			return checkTwilio(t, req)
		}

		text := take("/Messages.json", with(twilioText, "StatusCallback", address, "MessagingServiceSid", "MG"+twilioSID[2:]))
		assert.Equal(t, form("AccountSid", twilioSID, "ApiVersion", "2010-04-01", "MessageSid", text, "SmsSid", text,
			"MessageStatus", "sent", "SmsStatus", "sent", "To", callee, "From", caller, "MessagingServiceSid", "MG"+twilioSID[2:]),
			told(text, "sent", ""))
		assert.Equal(t, "30003", told(text, "undelivered", "30003").Get("ErrorCode"))

		call := take("/Calls.json", with(twilioCall, "StatusCallback", address))
		require.NoError(t, s.Ledger.SetStatus(call, "ringing", ""))
		_, err := s.Callback(t.Context(), call)
		require.ErrorContains(t, err, "ringing", "the default is to tell the end only")
		require.NoError(t, s.Ledger.SetStatus(call, "in-progress", ""))
		<-time.After(61 * time.Second)
		fields := told(call, "completed", "200")
		assert.Equal(t, call, fields.Get("CallSid"))
		assert.Equal(t, "completed", fields.Get("CallStatus"))
		assert.Equal(t, "61", fields.Get("CallDuration"))
		assert.Equal(t, "2", fields.Get("Duration"), "minutes")
		assert.Equal(t, "200", fields.Get("SipResponseCode"))
		assert.Equal(t, "call-progress-events", fields.Get("CallbackSource"))
		assert.Equal(t, "3", fields.Get("SequenceNumber"))
		_, err = time.Parse(time.RFC1123Z, fields.Get("Timestamp"))
		require.NoError(t, err)

		all := with(twilioCall, "StatusCallback", address, "StatusCallbackMethod", "GET")
		all["StatusCallbackEvent"] = []string{"initiated", "ringing", "answered", "completed"}
		call = take("/Calls.json", all)
		req, err := s.Callback(t.Context(), call)
		require.NoError(t, err)
		assert.Equal(t, "initiated", checkTwilio(t, req).Get("CallStatus"))
		assert.Equal(t, "ringing", told(call, "ringing", "").Get("CallStatus"))
		assert.Equal(t, "busy", told(call, "busy", "486").Get("CallStatus"))
		assert.Equal(t, "486", told(call, "busy", "486").Get("SipResponseCode"))
		assert.Equal(t, "0", told(call, "no-answer", "").Get("CallDuration"))

		_, err = s.Callback(t.Context(), "CA1")
		require.ErrorContains(t, err, `"CA1"`)
		_, err = s.Callback(t.Context(), take("/Messages.json", twilioText))
		require.ErrorContains(t, err, "no address")
		assert.Empty(t, s.PublicKey())
	})
}

// TestTwilioDelivers posts to a program, which here is a simulator too: it
// records what it gets.
func TestTwilioDelivers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := vendorsim.Twilio(twilioSID, key, vendorsim.InMemory())
		defer s.Close()
		app := program(t, 204)
		_, m := askTwilio(t, s, http.MethodPost, twilioBase+"/Messages.json", with(twilioText, "StatusCallback", app.URL()+"/status?a=1"))
		id := m["sid"].(string)
		status, err := s.Deliver(t.Context(), app.Client(), id, "delivered", "")
		require.NoError(t, err)
		assert.Equal(t, 204, status)
		require.Len(t, app.Requests(), 1)
		got := app.Requests()[0]
		assert.Equal(t, http.MethodPost, got.Method)
		assert.Equal(t, "/status", got.Path)
		assert.Contains(t, string(got.Body), "MessageStatus=delivered")
		e, _ := s.Ledger.Find(id)
		assert.Equal(t, "delivered", e.Status)

		_, err = s.Deliver(t.Context(), app.Client(), id, "lost", "")
		require.ErrorContains(t, err, `"lost"`)
		app.FailAlways(vendorsim.HangUp())
		_, err = s.Deliver(t.Context(), app.Client(), id, "read", "")
		require.ErrorIs(t, err, io.EOF)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err = s.Deliver(ctx, app.Client(), id, "read", "")
		require.ErrorIs(t, err, context.Canceled)
	})
}

// program is a server that takes whatever is delivered.
func program(t *testing.T, status int) *vendorsim.Server {
	t.Helper()
	app := vendorsim.Start(vendorsim.Vendor{
		Name:    "app",
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }),
	}, vendorsim.InMemory())
	t.Cleanup(app.Close)
	return app
}
