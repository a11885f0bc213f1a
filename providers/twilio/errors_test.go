package twilio_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/twilio"
)

// What a code's row may say beside its class.
const (
	badRecipient = "bad recipient"
	optedOut     = "opted out"
)

// rows are the table of codes, as answers to a request have them.
var rows = []struct {
	class failover.Class
	cause string
	codes []int
}{
	{failover.ClassInvalid, badRecipient, []int{13223, 21202, 21211, 21214, 21217, 21614, 21635, 30004, 30005, 30006, 30011}},
	{failover.ClassInvalid, optedOut, []int{21610}},
	{failover.ClassInvalid, "", []int{
		14107, 20001, 21201, 21205, 21602, 21603, 21604, 21609, 21617, 21619, 21620, 30003,
	}},
	{failover.ClassUnsupported, "", []int{
		13224, 13225, 13227, 21203, 21210, 21212, 21215, 21216, 21218, 21266, 21401, 21408, 21601, 21606, 21612, 21659, 21660, 21661,
		21701, 21702, 21703, 21704, 21705, 30010, 30018, 30024, 30032, 30033, 30034, 30035,
	}},
	{failover.ClassUnauthorized, "", []int{10001, 10002, 20003, 20005, 21219, 21607, 21608, 30002}},
	{failover.ClassExhausted, "", []int{63038}},
	{failover.ClassRateLimited, "", []int{10004, 20429, 21611, 30001, 30022, 30023, 30027, 30036}},
	{failover.ClassFiltered, "", []int{21618, 30007}},
	{failover.ClassTransient, "", []int{21730, 30017}},
}

// ambiguous codes leave open whether the message was sent, whatever the status.
var ambiguous = []int{20500, 20503, 30008, 30410, 30500}

// Code comes before status, for messages and for calls; whether the vendor took
// the request, the status says.
func TestEveryCodeHasItsMeaning(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	for _, row := range rows {
		for _, code := range row.codes {
			for status, outcome := range map[int]failover.Outcome{
				400: failover.OutcomeNotAccepted, 403: failover.OutcomeNotAccepted, 429: failover.OutcomeNotAccepted,
				408: failover.OutcomeUnknown, 502: failover.OutcomeUnknown,
			} {
				for _, ofCall := range []bool{false, true} {
					s.Fail(vendorsim.Status(status).Code(strconv.Itoa(code)))
					e := refused(t, client, ofCall)
					assert.Equal(t, row.class, e.Class, "%d %d", status, code)
					assert.Equal(t, outcome, e.Outcome, "%d %d", status, code)
					assert.Equal(t, strconv.Itoa(code), e.Code)
					assert.Equal(t, status, e.Status)
					assert.Equal(t, row.cause == optedOut, errors.Is(e, sms.ErrOptedOut), code)
					assert.Equal(t, row.cause == badRecipient && !ofCall, errors.Is(e, sms.ErrInvalidRecipient), code)
					assert.Equal(t, row.cause == badRecipient && ofCall, errors.Is(e, call.ErrInvalidRecipient), code)
					assertPlain(t, e)
				}
			}
		}
	}
	for _, code := range ambiguous {
		for _, status := range []int{400, 403, 429, 500, 503} {
			s.Fail(vendorsim.Status(status).Code(strconv.Itoa(code)))
			e := refused(t, client, false)
			assert.Equal(t, failover.ClassTransient, e.Class, code)
			assert.Equal(t, failover.OutcomeUnknown, e.Outcome, "%d %d", status, code)
		}
	}
	assert.Empty(t, s.Ledger.Entries())
}

func refused(t *testing.T, client *twilio.Client, ofCall bool) *failover.Error {
	t.Helper()
	if ofCall {
		placed, err := client.Call().Do(t.Context(), ring())
		require.Nil(t, placed)
		return errorOf(t, err)
	}
	receipt, err := client.SMS().Do(t.Context(), hello())
	require.Nil(t, receipt)
	return errorOf(t, err)
}

// Unknown codes and answers that are none are read by their status.
func TestStatuses(t *testing.T) {
	t.Parallel()
	const invalid, unsupported, transient = failover.ClassInvalid, failover.ClassUnsupported, failover.ClassTransient
	says := func(status int, body string) vendorsim.Fault { return vendorsim.Body(status, "application/json", body) }
	for name, row := range map[string]struct {
		fault   vendorsim.Fault
		class   failover.Class
		outcome failover.Outcome
		code    string
	}{
		"unknown, 400": {vendorsim.Status(400).Code("29999"), invalid, failover.OutcomeNotAccepted, "29999"},
		"unknown, 404": {vendorsim.Status(404).Code("29999"), unsupported, failover.OutcomeNotAccepted, "29999"},
		"unknown, 500": {vendorsim.Status(500).Code("29999"), transient, failover.OutcomeUnknown, "29999"},
		"401":          {says(401, `{}`), failover.ClassUnauthorized, failover.OutcomeNotAccepted, ""},
		"402":          {says(402, `{}`), failover.ClassExhausted, failover.OutcomeNotAccepted, ""},
		"403":          {vendorsim.Status(403), unsupported, failover.OutcomeNotAccepted, "20403"},
		"404":          {vendorsim.Status(404), unsupported, failover.OutcomeNotAccepted, "20404"},
		"408":          {says(408, `{}`), failover.ClassTimeout, failover.OutcomeUnknown, ""},
		"409":          {says(409, `{}`), transient, failover.OutcomeUnknown, ""},
		"422":          {says(422, `{}`), invalid, failover.OutcomeNotAccepted, ""},
		"429":          {says(429, ``), failover.ClassRateLimited, failover.OutcomeNotAccepted, ""},
		"500":          {says(500, `{}`), transient, failover.OutcomeUnknown, ""},
		"501":          {says(501, `{}`), unsupported, failover.OutcomeNotAccepted, ""},
		"502, a page":  {vendorsim.HTMLError(502), transient, failover.OutcomeUnknown, ""},
		"503":          {says(503, `{}`), transient, failover.OutcomeUnknown, ""},
		"504":          {says(504, `{}`), failover.ClassTimeout, failover.OutcomeUnknown, ""},
		"301":          {vendorsim.Redirect(301, "https://x.test/"+callee), unsupported, failover.OutcomeNotAccepted, ""},
		"a text":       {says(503, "Sorry, "+callee), transient, failover.OutcomeUnknown, ""},
		"an array":     {says(400, `[1]`), invalid, failover.OutcomeNotAccepted, ""},
		"null":         {says(400, `null`), invalid, failover.OutcomeNotAccepted, ""},
		"half":         {says(400, `{"code":21211,"mess`), invalid, failover.OutcomeNotAccepted, ""},
		"odd types":    {says(400, `{"code":{},"message":[],"status":"x"}`), invalid, failover.OutcomeNotAccepted, ""},
		"a text code":  {says(400, `{"code":"21610","message":7}`), invalid, failover.OutcomeNotAccepted, "21610"},
		"a number":     {says(400, `{"code":`+callee[1:]+`}`), invalid, failover.OutcomeNotAccepted, ""},
		"a word":       {says(400, `{"code":"`+token+`"}`), invalid, failover.OutcomeNotAccepted, ""},
		"a fraction":   {says(400, `{"code":2121.1}`), invalid, failover.OutcomeNotAccepted, ""},
		"huge":         {vendorsim.HugeError(500, 4<<20), transient, failover.OutcomeUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t)
			for _, ofCall := range []bool{false, true} {
				s.Fail(row.fault)
				e := refused(t, client, ofCall)
				assert.Equal(t, row.class, e.Class)
				assert.Equal(t, row.outcome, e.Outcome)
				assert.Equal(t, row.code, e.Code)
				assertPlain(t, e)
			}
			assert.Equal(t, 2, s.Stats().Requests, "one attempt is one request")
			assert.Empty(t, s.Ledger.Entries())
		})
	}
}

func TestWhatAnErrorKnows(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Fail(vendorsim.Status(429).RetryAfter(7))
	e := refused(t, client, false)
	assert.Equal(t, 7*time.Second, e.RetryAfter)
	assert.NotEmpty(t, e.RequestID)
	assert.Equal(t, "Too Many Requests", e.Message)
	assert.Equal(t, "rate_limited (429 20429, request "+e.RequestID+", retry after 7s)", e.Error())

	s.Fail(vendorsim.Status(400).Code("21211"))
	e = refused(t, client, false)
	assert.Contains(t, e.Message, vendorsim.RefusedNumber, "it is there to be read, and not printed")
	assert.Contains(t, e.Error(), "invalid (400 21211, request ")
	assertPlain(t, e)
}

// What the vendor really says no to.
func TestTheVendorRefuses(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.OptOut("+15550000001")
	s.Landlines("+15550000002")
	s.Regions("+1")
	s.Own(mine)
	send := func(m sms.Message) *failover.Error {
		m.Body = text
		_, err := client.SMS().Do(t.Context(), m)
		assertPlain(t, err)
		return errorOf(t, err)
	}
	require.ErrorIs(t, send(sms.Message{To: "+15550000001"}), sms.ErrOptedOut)
	require.ErrorIs(t, send(sms.Message{To: "+15550000002"}), sms.ErrInvalidRecipient)
	assert.Equal(t, failover.ClassUnsupported, send(sms.Message{To: "+4915550000"}).Class)
	assert.Equal(t, failover.ClassUnsupported, send(sms.Message{To: callee, From: "twilio:+15550007777"}).Class)
	assert.Equal(t, failover.ClassInvalid, send(sms.Message{To: callee, StatusCallback: "https://a_b.test/"}).Class)
	s.Suspend(true)
	assert.Equal(t, failover.ClassUnauthorized, send(sms.Message{To: callee}).Class)
	assert.Empty(t, s.Ledger.Entries())

	stranger := vendorsim.Twilio(account, "another")
	defer stranger.Close()
	_, err := clientOf(t, stranger).SMS().Do(t.Context(), hello())
	assert.Equal(t, failover.ClassUnauthorized, errorOf(t, err).Class)
	assertPlain(t, err)
}

// faults are what may happen to a request, and what is known then. Where the
// vendor has read the request, it may have sent the message.
var faults = map[string]struct {
	fault vendorsim.Fault
	class failover.Class
}{
	"reset after read": {vendorsim.ResetAfterRead(), failover.ClassTransient},
	"hang-up":          {vendorsim.HangUp(), failover.ClassTransient},
	"half a header":    {vendorsim.HalfHeader(), failover.ClassUnknown},
	"garbage":          {vendorsim.Garbage(), failover.ClassUnknown},
	"500":              {vendorsim.Status(500), failover.ClassTransient},
	"502":              {vendorsim.Status(502).Code("29999"), failover.ClassTransient},
	"503":              {vendorsim.Status(503), failover.ClassTransient},
}

func TestWhatBecameOfARequestIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, c := range faults {
		for _, processed := range []bool{false, true} {
			t.Run(fmt.Sprint(name, processed), func(t *testing.T) {
				t.Parallel()
				s, client := start(t)
				fault := c.fault
				if processed {
					fault = vendorsim.Processed(fault)
				}
				s.FailAlways(fault)
				for _, ofCall := range []bool{false, true} {
					e := refused(t, client, ofCall)
					assert.Equal(t, failover.OutcomeUnknown, e.Outcome, "%v", e)
					assert.Equal(t, c.class, failover.Classify(e).Class, "%v", e)
					assertPlain(t, e)
				}
				assert.Equal(t, 2, s.Stats().Requests, "nothing is sent again")
				if processed {
					assert.Len(t, s.Ledger.Entries(), 2)
				} else {
					assert.Empty(t, s.Ledger.Entries())
				}
			})
		}
	}
}

// What never reached the vendor was not sent.
func TestWhatCertainlyWasNotSent(t *testing.T) {
	t.Parallel()
	unsent := func(t *testing.T, client *twilio.Client) {
		t.Helper()
		for _, ofCall := range []bool{false, true} {
			e := refused(t, client, ofCall)
			assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, "%v", e)
			assertPlain(t, e)
		}
	}
	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		s, client := start(t, preset)
		s.Down()
		e := refused(t, client, false)
		assert.Equal(t, "transient (dial: connection refused)", e.Error())
		_, ok := errors.AsType[*net.OpError](e)
		assert.True(t, ok, "the cause can be reached")
		unsent(t, client)
	})
	t.Run("TLS that is not trusted", func(t *testing.T) {
		t.Parallel()
		s, client := startOn(t, []vendorsim.Option{vendorsim.WithTLS()}, preset)
		unsent(t, client)
		assert.Zero(t, s.Stats().Requests)
	})
	t.Run("TLS where there is none", func(t *testing.T) {
		t.Parallel()
		s, client := start(t, preset)
		again := clientOf(t, s, preset, twilio.WithBaseURL("https"+strings.TrimPrefix(s.URL(), "http")))
		unsent(t, again)
		assert.Zero(t, s.Stats().Requests)
		_, err := client.SMS().Do(t.Context(), hello())
		require.NoError(t, err)
	})
	t.Run("a context that is over", func(t *testing.T) {
		t.Parallel()
		s, client := start(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := client.SMS().Do(ctx, hello())
		assert.Equal(t, failover.OutcomeNotAccepted, errorOf(t, err).Outcome)
		require.ErrorIs(t, err, context.Canceled)
		_, err = client.Call().Do(ctx, ring())
		assert.Equal(t, failover.OutcomeNotAccepted, errorOf(t, err).Outcome)
		assert.Zero(t, s.Stats().Requests)
	})
	t.Run("a deadline while dialling", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			silent := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				<-ctx.Done()
				return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
			}}
			defer silent.CloseIdleConnections()
			client, err := twilio.New(account, token, twilio.WithHTTPClient(&http.Client{Transport: silent}),
				twilio.WithSenders(sms.Senders{"": mine}))
			require.NoError(t, err)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err = client.SMS().Do(ctx, hello())
			assert.Equal(t, failover.OutcomeNotAccepted, errorOf(t, err).Outcome)
			assert.Equal(t, failover.ClassTimeout, errorOf(t, err).Class)
		})
	})
}

// preset is the transport that failover.SendOnce has, in place of the
// simulator's.
var preset = twilio.WithHTTPClient(&http.Client{})

// A reset at once may come before or after the request was written, and what is
// written to a connection that was reset may have been read for all that net/http
// can tell.
func TestResetOnAccept(t *testing.T) {
	t.Parallel()
	for _, how := range [][]vendorsim.Option{nil, {vendorsim.InMemory()}} {
		s, client := startOn(t, how)
		s.FailAlways(vendorsim.Reset())
		for range 20 {
			e := refused(t, client, false)
			assert.NotEqual(t, failover.OutcomeAccepted, e.Outcome)
			assert.Equal(t, failover.ClassTransient, failover.Classify(e).Class, "%v", e)
			assertPlain(t, e)
		}
		assert.Zero(t, s.Stats().Requests)
		assert.Empty(t, s.Ledger.Entries())
		assert.LessOrEqual(t, s.Stats().Connections, 20, "nothing is tried again")
	}
}

// The transport of failover.SendOnce works against a vendor that speaks HTTP/2
// as well: it does not.
func TestHTTP1Only(t *testing.T) {
	t.Parallel()
	s, client := startOn(t, []vendorsim.Option{vendorsim.WithTLS()})
	_, err := client.SMS().Do(t.Context(), hello())
	require.NoError(t, err)
	state := &tls.ConnectionState{}
	wire := roundTrip(func(r *http.Request) (*http.Response, error) {
		resp, err := s.Client().Transport.RoundTrip(r)
		if err == nil {
			state = resp.TLS
		}
		return resp, err
	})
	_, err = clientOf(t, s, twilio.WithHTTPClient(&http.Client{Transport: wire})).SMS().Do(t.Context(), hello())
	require.NoError(t, err)
	assert.NotEqual(t, "h2", state.NegotiatedProtocol)
}

// The context ends an attempt at once. What was sent then may have been taken.
func TestTheContextEndsAnAttempt(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.FailAlways(vendorsim.Processed(vendorsim.Silence()))
	for _, do := range []func(context.Context) error{
		func(ctx context.Context) error { _, err := client.SMS().Do(ctx, hello()); return err },
		func(ctx context.Context) error { _, err := client.Call().Do(ctx, ring()); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		before, done := len(s.Ledger.Entries()), make(chan struct{})
		go func() {
			defer close(done)
			_ = s.Ledger.Await(ctx, func(all []vendorsim.Entry) bool { return len(all) > before })
			cancel()
		}()
		err := do(ctx)
		<-done
		require.ErrorIs(t, err, context.Canceled)
		assert.Equal(t, failover.OutcomeUnknown, errorOf(t, err).Outcome)
		assertPlain(t, err)
	}
}

// A deadline is kept to the millisecond, and what is asked besides is ended too.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"send", "place", "get", "hangup", "list", "check", "lookup"} {
		for _, fault := range []vendorsim.Fault{vendorsim.Silence(), vendorsim.Stall()} {
			t.Run(way+" "+fault.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := vendorsim.Twilio(account, token, vendorsim.InMemory())
					defer s.Close()
					client := clientOf(t, s)
					placed, err := client.Call().Do(t.Context(), ring())
					require.NoError(t, err)
					s.FailAlways(fault)
					ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
					defer cancel()
					begun := time.Now()
					calls := client.Call()
					switch way {
					case "send":
						_, err = client.SMS().Do(ctx, hello())
					case "place":
						_, err = calls.Do(ctx, ring())
					case "get":
						_, err = calls.Get(ctx, placed.ID)
					case "hangup":
						// Half an answer is a yes.
						if err = calls.Hangup(ctx, placed.ID); fault.String() == vendorsim.Stall().String() {
							require.NoError(t, err)
							err = context.DeadlineExceeded
						}
					case "list":
						_, err = calls.List(ctx, call.Filter{})
					case "check":
						err = client.SMS().Check(ctx)
					case "lookup":
						_, err = client.SMS().Lookup(ctx, hello(), failover.Attempt{ID: "x", Start: time.Now()})
						require.ErrorIs(t, err, twilio.ErrCannotTell)
					}
					require.ErrorIs(t, err, context.DeadlineExceeded)
					assert.Equal(t, 1500*time.Millisecond, time.Since(begun))
					if way == "hangup" {
						return
					}
					class, outcome := failover.ClassTimeout, failover.OutcomeUnknown
					if fault.String() == vendorsim.Stall().String() && (way == "send" || way == "place") {
						class, outcome = failover.ClassIncomplete, failover.OutcomeAccepted
					}
					assert.Equal(t, class, errorOf(t, err).Class)
					assert.Equal(t, outcome, errorOf(t, err).Outcome)
				})
			})
		}
	}
}

// What is logged of all that can go wrong: no number, no text, no token, no
// address, and nothing that the vendor said.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, nothingSecretIsLogged)
}

func nothingSecretIsLogged(t *testing.T) {
	s := vendorsim.Twilio(account, token, vendorsim.InMemory())
	defer s.Close()
	client := clientOf(t, s)
	var log bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	other := failover.Wrap("other", func(context.Context, sms.Message) (*sms.Receipt, error) {
		return nil, &failover.Error{Class: failover.ClassUnsupported, Outcome: failover.OutcomeNotAccepted}
	})
	other.SideEffect = true
	texts, err := sms.New(failover.Providers(client.SMS(), other), failover.WithLogger(logger),
		failover.WithObserver(func(_ context.Context, e failover.Event) { assertPlain(t, e) }))
	require.NoError(t, err)
	defer texts.Close()
	calls, err := call.New([]call.Provider{client.Call()}, failover.WithLogger(logger))
	require.NoError(t, err)
	defer calls.Close()
	faults := []vendorsim.Fault{
		vendorsim.Status(400).Code("21211"), vendorsim.Status(400).Code("21408"), vendorsim.Status(400).Code("21614"),
		vendorsim.Status(401), vendorsim.Status(429).RetryAfter(1), vendorsim.Status(500), vendorsim.HangUp(), vendorsim.Garbage(),
		vendorsim.Page(), vendorsim.HTMLError(502), vendorsim.Redirect(307, "https://x.test/"+callee), vendorsim.Cut(),
		vendorsim.Body(400, "application/json", `{"code":"`+callee+`","message":"`+token+`"}`),
	}
	for _, fault := range faults {
		require.NoError(t, texts.Router().Enable("twilio"))
		require.NoError(t, calls.Router().Enable("twilio"))
		s.FailAlways(fault)
		_, err := texts.Send(t.Context(), hello())
		assertPlain(t, err, texts.Router().Status())
		_, err = calls.MakeCall(t.Context(), ring())
		assertPlain(t, err, calls.Router().Status())
		assertPlain(t, calls.Hangup(t.Context(), "twilio", someCall))
		_, err = calls.Get(t.Context(), "twilio", someCall)
		assertPlain(t, err)
		_, err = calls.List(t.Context(), call.Filter{To: callee})
		assertPlain(t, err)
	}
	assert.NotEmpty(t, log.String())
	assertNoSecret(t, log.String())
}
