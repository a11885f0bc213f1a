package vendorsim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
)

const (
	twilioSID = "AC0123456789abcdef0123456789ABCDEF"
	callee    = "+15550001001"
	caller    = "+15550002002"
	callback  = "https://app.test/status"
)

// carrier is how one vendor is asked for what both have.
type carrier struct {
	start       func(...vendorsim.Option) *vendorsim.Telephony
	text, call  func(to, from, body string) (path, contentType, request string)
	sign        func(*http.Request)
	refusedCode func(map[string]any) any
}

func form(pairs ...string) url.Values {
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v
}

const formType = "application/x-www-form-urlencoded"

var carriers = map[string]carrier{
	"twilio": {
		start: func(opts ...vendorsim.Option) *vendorsim.Telephony { return vendorsim.Twilio(twilioSID, key, opts...) },
		text: func(to, from, body string) (path, contentType, request string) {
			return "/2010-04-01/Accounts/" + twilioSID + "/Messages.json", formType, form("To", to, "From", from, "Body", body).Encode()
		},
		call: func(to, from, body string) (path, contentType, request string) {
			return "/2010-04-01/Accounts/" + twilioSID + "/Calls.json", formType, form("To", to, "From", from, "Twiml", body).Encode()
		},
		sign:        func(r *http.Request) { r.SetBasicAuth(twilioSID, key) },
		refusedCode: func(body map[string]any) any { return fmt.Sprint(body["code"]) },
	},
	"telnyx": {
		start: func(opts ...vendorsim.Option) *vendorsim.Telephony { return vendorsim.Telnyx(key, opts...) },
		text: func(to, from, body string) (path, contentType, request string) {
			return "/v2/messages", "application/json", fmt.Sprintf(`{"to":%q,"from":%q,"text":%q}`, to, from, body)
		},
		call: func(to, from, body string) (path, contentType, request string) {
			return "/v2/calls", "application/json",
				fmt.Sprintf(`{"to":%q,"from":%q,"connection_id":"1","audio_url":%q,"command_id":%q}`, to, from, body, body)
		},
		sign:        func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+key) },
		refusedCode: func(body map[string]any) any { return at(body, "errors", 0, "code") },
	},
}

// send posts what text or call have made.
func (c carrier) send(ctx context.Context, s *vendorsim.Telephony, path, contentType, request string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL()+path, strings.NewReader(request))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", contentType)
	c.sign(req)
	resp, err := s.Client().Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}

func (c carrier) sendText(ctx context.Context, s *vendorsim.Telephony, body string) (*http.Response, []byte, error) {
	path, contentType, request := c.text(callee, caller, body)
	return c.send(ctx, s, path, contentType, request)
}

// TestProcessed has every fault strike before and after the vendor did what it
// was asked to do. Those that break the vendor's answer cannot come before it.
func TestProcessed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fault  vendorsim.Fault
		before int // messages without Processed
	}{
		{vendorsim.Reset(), 0},
		{vendorsim.ResetAfterRead(), 0},
		{vendorsim.HangUp(), 0},
		{vendorsim.Garbage(), 0},
		{vendorsim.HalfHeader(), 0},
		{vendorsim.Silence(), 0},
		{vendorsim.Page(), 0},
		{vendorsim.Body(201, "application/json", "{}"), 0},
		{vendorsim.HugeError(500, 1<<20), 0},
		{vendorsim.Redirect(307, "/elsewhere"), 0},
		{vendorsim.Status(400), 0},
		{vendorsim.Status(429).RetryAfter(1), 0},
		{vendorsim.Status(500), 0},
		{vendorsim.Status(503).Code("x"), 0},
		{vendorsim.SlowFirstByte(time.Second), 1},
		{vendorsim.SlowFirstByte(time.Hour), 0},
		{vendorsim.Trickle(10, time.Millisecond), 1},
		{vendorsim.Stall(), 1},
		{vendorsim.Cut(), 1},
		{vendorsim.CutReset(), 1},
		{vendorsim.CutChunks(), 1},
		{vendorsim.BadChunk(), 1},
		{vendorsim.Truncate(), 1},
		{vendorsim.Empty(), 1},
		{vendorsim.Endless(1 << 20), 1},
		{vendorsim.SlowFirstChunk(time.Second), 1},
		{vendorsim.Pace(time.Second), 1},
		{vendorsim.StallAfter(0), 1},
		{vendorsim.CutAfter(0), 1},
		{vendorsim.ResetAfter(0), 1},
		{vendorsim.BadChunkAfter(0), 1},
		{vendorsim.EndAfter(0), 1},
		{vendorsim.EndWithin(0), 1},
		{vendorsim.ReplaceAfter(0, "x"), 1},
		{vendorsim.ErrorAfter(0, 500, ""), 1},
		{vendorsim.None(), 1},
	} {
		for name, v := range carriers {
			t.Run(name+" "+c.fault.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := v.start(vendorsim.InMemory())
					defer s.Close()
					once := func(fault vendorsim.Fault) (status int, body []byte, err error) {
						s.Fail(fault)
						ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
						defer cancel()
						resp, body, err := v.sendText(ctx, s, "Hello.")
						s.Client().CloseIdleConnections()
						synctest.Wait()
						if resp != nil {
							status = resp.StatusCode
						}
						return status, body, err
					}
					status, body, err := once(c.fault)
					require.Len(t, s.Ledger.Entries(), c.before)

					again, _, err2 := once(vendorsim.Processed(c.fault))
					assert.Len(t, s.Ledger.Entries(), c.before+1, "it was processed, and once")
					assert.Equal(t, status, again, "%s", body)
					assert.Equal(t, err == nil, err2 == nil, "the client sees the same")
				})
			})
		}
	}
}

func TestProcessedKeepsWhatItWraps(t *testing.T) {
	t.Parallel()
	s := vendorsim.Telnyx(key)
	defer s.Close()
	v := carriers["telnyx"]

	fault := vendorsim.Processed(vendorsim.Status(429)).Code("40318").RetryAfter(7)
	assert.Equal(t, "processed, then 429", fault.String())
	s.Fail(fault)
	resp, body, err := v.sendText(t.Context(), s, "Hello.")
	require.NoError(t, err)
	assert.Equal(t, 429, resp.StatusCode)
	assert.Equal(t, "7", resp.Header.Get("Retry-After"))
	assert.Equal(t, "40318", v.refusedCode(object(t, body)))
	assert.Len(t, s.Ledger.Entries(), 1)

	// A reset that would have struck the connection strikes the request.
	s.Client().CloseIdleConnections()
	s.Fail(vendorsim.Processed(vendorsim.Processed(vendorsim.Reset())))
	_, _, err = v.sendText(t.Context(), s, "Hello.")
	require.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Len(t, s.Ledger.Entries(), 2)
	assert.Equal(t, 2, s.Stats().Requests)

	// A request that the vendor refuses is not processed by it.
	s.Fail(vendorsim.Processed(vendorsim.HangUp()))
	path, contentType, request := v.text("nobody", caller, "Hello.")
	_, _, err = v.send(t.Context(), s, path, contentType, request)
	require.ErrorIs(t, err, io.EOF)
	assert.Len(t, s.Ledger.Entries(), 2)

	assert.Equal(t, "none", vendorsim.Processed(vendorsim.None()).String())
}

// TestLedger is what both vendors' ledgers say.
func TestLedger(t *testing.T) {
	t.Parallel()
	for name, v := range carriers {
		t.Run(name, func(t *testing.T) {
			s := v.start()
			defer s.Close()
			start := time.Now()
			const body = "Your code: 1234 (order-12order-12 order-1)."
			path, contentType, request := v.text(callee, caller, body)
			_, _, err := v.send(t.Context(), s, path, contentType, request)
			require.NoError(t, err)
			path, contentType, request = v.call(callee, caller, "https://app.test/order-1.wav")
			_, _, err = v.send(t.Context(), s, path, contentType, request)
			require.NoError(t, err)

			all := s.Ledger.Entries()
			require.Len(t, all, 2)
			assert.Equal(t, vendorsim.MessageKind, all[0].Kind)
			assert.Equal(t, vendorsim.CallKind, all[1].Kind)
			assert.NotEqual(t, all[0].ID, all[1].ID)
			for _, e := range all {
				assert.Equal(t, callee, e.To)
				assert.Equal(t, caller, e.From)
				assert.Empty(t, e.Operation)
				assert.WithinRange(t, e.Created, start, time.Now())
				found, ok := s.Ledger.Find(e.ID)
				assert.True(t, ok)
				assert.Equal(t, e, found)
			}
			assert.Equal(t, body, all[0].Body)

			// Without an operation the body is asked, for whole names.
			assert.Equal(t, 2, s.Ledger.Count("order-1"))
			assert.Zero(t, s.Ledger.Count("order-"))
			assert.Zero(t, s.Ledger.Count("rder-1"))
			assert.Zero(t, s.Ledger.Count("order-12"))
			assert.Zero(t, s.Ledger.Count(""))

			_, ok := s.Ledger.Find("other")
			assert.False(t, ok)
			require.ErrorContains(t, s.Ledger.SetStatus("other", "queued", ""), `"other"`)
			require.ErrorContains(t, s.Ledger.SetStatus(all[0].ID, "busy", ""), `"busy"`)
			require.NoError(t, s.Ledger.SetStatus(all[0].ID, "sent", ""))
			e, _ := s.Ledger.Find(all[0].ID)
			assert.Equal(t, "sent", e.Status)
			assert.Equal(t, "queued", all[0].Status, "what was read does not change")
		})
	}
}

func TestLedgerAwaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := carriers["twilio"]
		s := v.start(vendorsim.InMemory())
		defer s.Close()
		var wg sync.WaitGroup
		wg.Go(func() {
			assert.NoError(t, s.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool {
				return len(all) == 2 && s.Ledger.Count("order-2") == 1 && all[0].Status == "delivered"
			}))
		})
		for _, body := range []string{"order-1", "order-2"} {
			synctest.Wait()
			_, _, err := v.sendText(t.Context(), s, body)
			require.NoError(t, err)
		}
		synctest.Wait()
		require.NoError(t, s.Ledger.SetStatus(s.Ledger.Entries()[0].ID, "delivered", ""))
		wg.Wait()

		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errors.New("enough"))
		require.ErrorIs(t, s.Ledger.Await(ctx, func([]vendorsim.Entry) bool { return false }), context.Canceled)
	})
}

func TestLedgerIsForMany(t *testing.T) {
	t.Parallel()
	for name, v := range carriers {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := v.start(vendorsim.InMemory())
				defer s.Close()
				var wg sync.WaitGroup
				for i := range 20 {
					wg.Go(func() {
						resp, _, err := v.sendText(t.Context(), s, fmt.Sprintf("order-%d", i))
						if assert.NoError(t, err) {
							assert.Less(t, resp.StatusCode, 300)
						}
					})
				}
				require.NoError(t, s.Ledger.Await(t.Context(), func(all []vendorsim.Entry) bool { return len(all) == 20 }))
				wg.Wait()
				ids := map[string]bool{}
				for _, e := range s.Ledger.Entries() {
					ids[e.ID] = true
				}
				assert.Len(t, ids, 20)
				assert.Equal(t, 1, s.Ledger.Count("order-1"))
			})
		})
	}
}

// TestCarrierRefuses is what both vendors refuse, each with its own code, and
// what the account can do again afterwards.
func TestCarrierRefuses(t *testing.T) {
	t.Parallel()
	type code struct{ status, call int } // of a message and of a call
	for _, c := range []struct {
		name           string
		set            func(*vendorsim.Telephony)
		undo           func(*vendorsim.Telephony)
		twilio, telnyx [2]string // code of a message and of a call; none if it passes
		status         map[string]code
	}{
		{
			"owned", func(s *vendorsim.Telephony) { s.Own("+15550009999") }, func(s *vendorsim.Telephony) { s.Own("+15550009999", caller) },
			[2]string{"21606", "21210"},
			[2]string{"40305", "10010"},
			map[string]code{"twilio": {400, 400}, "telnyx": {400, 403}},
		},
		{
			"opted out", func(s *vendorsim.Telephony) { s.OptOut("+15550009999", callee) }, func(s *vendorsim.Telephony) { s.OptOut() },
			[2]string{"21610", ""},
			[2]string{"40300", ""},
			map[string]code{"twilio": {400, 0}, "telnyx": {400, 0}},
		},
		{
			"landline", func(s *vendorsim.Telephony) { s.Landlines(callee) }, func(s *vendorsim.Telephony) { s.Landlines() },
			[2]string{"21614", ""},
			[2]string{"40310", ""},
			map[string]code{"twilio": {400, 0}, "telnyx": {400, 0}},
		},
		{
			"region", func(s *vendorsim.Telephony) { s.Regions("+44", "+49") }, func(s *vendorsim.Telephony) { s.Regions("+44", "+1") },
			[2]string{"21408", "21215"},
			[2]string{"40309", "10010"},
			map[string]code{"twilio": {400, 400}, "telnyx": {400, 403}},
		},
		{
			"suspended", func(s *vendorsim.Telephony) { s.Suspend(true) }, func(s *vendorsim.Telephony) { s.Suspend(false) },
			[2]string{"20005", "20005"},
			[2]string{"20012", "20012"},
			map[string]code{"twilio": {403, 403}, "telnyx": {403, 403}},
		},
		{
			"funds", func(s *vendorsim.Telephony) { s.SetFunds(0) }, func(s *vendorsim.Telephony) { s.SetFunds(0.01) },
			[2]string{"20005", "20005"},
			[2]string{"20100", "20100"},
			map[string]code{"twilio": {403, 403}, "telnyx": {403, 403}},
		},
	} {
		for name, v := range carriers {
			t.Run(c.name+" "+name, func(t *testing.T) {
				s := v.start()
				defer s.Close()
				c.set(s)
				codes := map[string][2]string{"twilio": c.twilio, "telnyx": c.telnyx}[name]
				statuses := [2]int{c.status[name].status, c.status[name].call}
				made := 0
				for i, ask := range []func(to, from, body string) (string, string, string){v.text, v.call} {
					path, contentType, request := ask(callee, caller, "https://app.test/1")
					resp, body, err := v.send(t.Context(), s, path, contentType, request)
					require.NoError(t, err)
					if codes[i] == "" {
						made++
						assert.Less(t, resp.StatusCode, 300, "%s", body)
						continue
					}
					assert.Equal(t, statuses[i], resp.StatusCode)
					assert.Equal(t, codes[i], v.refusedCode(object(t, body)), "%s", body)
				}
				assert.Len(t, s.Ledger.Entries(), made)

				c.undo(s)
				resp, body, err := v.sendText(t.Context(), s, "Hello.")
				require.NoError(t, err)
				assert.Less(t, resp.StatusCode, 300, "%s", body)
				assert.Len(t, s.Ledger.Entries(), made+1)
			})
		}
	}
}

// TestCarrierVendorAlone serves a vendor on a server that somebody else has
// started.
func TestCarrierVendorAlone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*vendorsim.Carrier{
		"twilio": vendorsim.TwilioVendor(twilioSID, key), "telnyx": vendorsim.TelnyxVendor(key),
	} {
		v := carriers[name]
		s := &vendorsim.Telephony{Server: vendorsim.Start(c.Vendor), Carrier: c}
		_, _, err := v.sendText(t.Context(), s, "Hello.")
		require.NoError(t, err)
		assert.Len(t, c.Ledger.Entries(), 1)
		assert.True(t, s.Requests()[0].Keyed)
		assert.Empty(t, s.Requests()[0].Header["Authorization"])
		s.Close()
	}
}

// Two accounts of one vendor never use the same id.
func TestCarrierIDs(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, account := range []struct {
		carrier string
		s       *vendorsim.Telephony
		sign    func(*http.Request)
	}{
		{"twilio", vendorsim.Twilio(twilioSID, key), carriers["twilio"].sign},
		{"twilio", vendorsim.Twilio("AC"+strings.Repeat("0", 32), key), func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, twilioSID, "AC"+strings.Repeat("0", 32), 1)
			r.SetBasicAuth("AC"+strings.Repeat("0", 32), key)
		}},
		{"telnyx", vendorsim.Telnyx(key), carriers["telnyx"].sign},
		{"telnyx", vendorsim.Telnyx("b"), func(r *http.Request) { r.Header.Set("Authorization", "Bearer b") }},
	} {
		v := carriers[account.carrier]
		v.sign = account.sign
		for i := range 2 {
			for _, ask := range []func(to, from, body string) (string, string, string){v.text, v.call} {
				// Another body each time: that of a call is its command, too.
				path, contentType, request := ask(callee, caller, "Hello "+strconv.Itoa(i))
				resp, body, err := v.send(t.Context(), account.s, path, contentType, request)
				require.NoError(t, err)
				require.Less(t, resp.StatusCode, 300, "%s", body)
			}
		}
		for _, e := range account.s.Ledger.Entries() {
			seen[e.ID] = true
		}
		account.s.Close()
	}
	assert.Len(t, seen, 16)
}
