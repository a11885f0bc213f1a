package telnyx_test

import (
	"context"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
)

// sent is what a caller learns of a request with a side effect.
type sent struct {
	id, attempt string
	answered    bool
	err         error
}

// senders are the requests that must not be sent twice.
var senders = map[string]func(context.Context, *telnyx.Client) sent{
	"message": func(ctx context.Context, c *telnyx.Client) sent {
		r, err := c.SMS().Do(ctx, text)
		if r == nil {
			return sent{err: err}
		}
		return sent{r.ID, r.Attempt, true, err}
	},
	"call": func(ctx context.Context, c *telnyx.Client) sent {
		r, err := c.Call().Do(ctx, ring)
		if r == nil {
			return sent{err: err}
		}
		return sent{r.ID, r.Attempt, true, err}
	},
}

// Faults of the transport and of answers: what may be known of each, and that
// the vendor got the request once.
func TestFaults(t *testing.T) {
	const (
		accepted    = failover.OutcomeAccepted
		notAccepted = failover.OutcomeNotAccepted
		unknown     = failover.OutcomeUnknown
	)
	rows := []struct {
		fault   vendorsim.Fault
		class   failover.Class
		outcome failover.Outcome
	}{
		{fault: vendorsim.ResetAfterRead(), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.HangUp(), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.HalfHeader(), class: failover.ClassUnknown, outcome: unknown},
		{fault: vendorsim.Garbage(), class: failover.ClassUnknown, outcome: unknown},
		{fault: vendorsim.Silence(), class: failover.ClassTimeout, outcome: unknown},
		{fault: vendorsim.SlowFirstByte(time.Minute), class: failover.ClassTimeout, outcome: unknown},
		{fault: vendorsim.Status(500), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.Status(502), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.Status(503), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.Status(504), class: failover.ClassTransient, outcome: unknown}, // 10008
		{fault: vendorsim.Status(501).Code("77777"), class: failover.ClassUnsupported, outcome: notAccepted},
		{fault: vendorsim.HugeError(500, 1<<20), class: failover.ClassTransient, outcome: unknown},
		{fault: vendorsim.Redirect(302, "https://elsewhere.test/"), class: failover.ClassUnsupported, outcome: notAccepted},
		{fault: vendorsim.Redirect(307, "https://elsewhere.test/"), class: failover.ClassUnsupported, outcome: notAccepted},
		{fault: vendorsim.Redirect(308, "/v2/messages"), class: failover.ClassUnsupported, outcome: notAccepted},

		// Any success is one, whatever can be read of it.
		{fault: vendorsim.Cut(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.CutReset(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.CutChunks(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.BadChunk(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Truncate(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Stall(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Endless(4 << 20), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Empty(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Page(), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Body(202, "application/json", "{}"), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Body(200, "application/json", "null"), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Body(200, "application/json", `[{"data":7}]`), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Body(200, "application/json", `{"data":{"id":null,"call_control_id":""}}`), class: failover.ClassIncomplete, outcome: accepted},
		{fault: vendorsim.Body(204, "", ""), class: failover.ClassIncomplete, outcome: accepted},
	}
	for kind, send := range senders {
		for _, row := range rows {
			for _, reused := range []bool{false, true} { // a connection that was used before
				faults := []vendorsim.Fault{row.fault}
				if row.outcome != notAccepted { // the vendor does not say no to what it has done
					faults = append(faults, vendorsim.Processed(row.fault))
				}
				for _, fault := range faults {
					name := kind + ", " + fault.String()
					if reused {
						name += ", on a connection in use"
					}
					t.Run(name, func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							sim := vendorsim.Telnyx(key, vendorsim.InMemory())
							defer sim.Close()
							c := client(t, sim)
							before := 0
							if reused {
								require.NoError(t, send(within(t, "before"), c).err)
								before = 1
							}
							sim.Fail(fault)
							ctx, cancel := context.WithTimeout(within(t, "op"), 15*time.Second)
							defer cancel()
							got := send(ctx, c)

							e := failover.Classify(got.err)
							assert.Equal(t, row.class, e.Class, "%v", got.err)
							assert.Equal(t, row.outcome, e.Outcome, "%v", got.err)
							assert.Empty(t, got.id)
							assert.Equal(t, row.outcome == accepted, got.answered)
							if got.answered {
								assert.Equal(t, "op.1", got.attempt)
							}
							hasNoSecrets(t, got.err)

							assert.Equal(t, 1, sim.Stats().Requests-before, "sent twice")
							assert.LessOrEqual(t, len(sim.Ledger.Entries())-before, 1, "acted upon twice")
						})
					})
				}
			}
		}
	}
}

// What an answer lacks is said.
func TestWhatAnAnswerLacks(t *testing.T) {
	t.Parallel()
	sim, c := start(t)
	for body, want := range map[string]string{
		"<html>":        "incomplete (200, the answer is not JSON)",
		"":              "incomplete (200, the answer is not JSON)",
		`{"data":{}}`:   "incomplete (200, the answer names no id)",
		`{"result":""}`: "incomplete (200, the answer names no id)",
	} {
		for _, send := range senders {
			sim.Fail(vendorsim.Body(200, "application/json", body))
			require.EqualError(t, send(t.Context(), c).err, want)
		}
	}
}

// Where there is no connection, the vendor certainly has nothing.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	down := vendorsim.Telnyx(key)
	t.Cleanup(down.Close)
	down.Down()
	untrusted := vendorsim.Telnyx(key, vendorsim.WithTLS())
	t.Cleanup(untrusted.Close)
	plain := vendorsim.Telnyx(key) // where TLS is expected
	t.Cleanup(plain.Close)
	for name, row := range map[string]struct {
		url   string
		dial  func(context.Context, string, string) (net.Conn, error)
		class failover.Class
	}{
		"refused":       {url: down.URL(), class: failover.ClassTransient},
		"untrusted":     {url: untrusted.URL(), class: failover.ClassTransient},
		"not TLS":       {url: "https" + plain.URL()[len("http"):], class: failover.ClassTransient},
		"no such host":  {url: "https://api.telnyx.test", dial: noHost, class: failover.ClassTransient},
		"never answers": {url: "https://api.telnyx.test", dial: noAnswer, class: failover.ClassTimeout},
	} {
		for kind, send := range senders {
			_, c := start(t, telnyx.WithBaseURL(row.url), telnyx.WithHTTPClient(&http.Client{Transport: &http.Transport{DialContext: row.dial}}))
			ctx := within(t, "op")
			if row.class == failover.ClassTimeout {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
				defer cancel()
			}
			got := send(ctx, c)
			e := failover.Classify(got.err)
			assert.Equal(t, row.class, e.Class, "%s, %s: %v", kind, name, got.err)
			assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, "%s, %s: %v", kind, name, got.err)
			assert.False(t, got.answered)
			hasNoSecrets(t, got.err)
			assert.Zero(t, c.Remembered())
		}
	}
	assert.Zero(t, plain.Stats().Requests)
	assert.Zero(t, untrusted.Stats().Requests)
}

func noHost(context.Context, string, string) (net.Conn, error) {
	return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "api.telnyx.test", IsNotFound: true}}
}

func noAnswer(ctx context.Context, _, _ string) (net.Conn, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A connection that is reset when it is accepted may have taken the request in,
// as far as the client can see. It is not said to have been accepted, and not
// sent again.
func TestResetOnAccept(t *testing.T) {
	t.Parallel()
	for kind, send := range senders {
		for _, opts := range [][]vendorsim.Option{nil, {vendorsim.InMemory()}, {vendorsim.WithTLS()}} {
			sim := vendorsim.Telnyx(key, opts...)
			sim.Fail(vendorsim.Reset())
			got := send(within(t, "op"), client(t, sim))
			e := failover.Classify(got.err)
			assert.Equal(t, failover.ClassTransient, e.Class, kind)
			assert.NotEqual(t, failover.OutcomeAccepted, e.Outcome, kind)
			hasNoSecrets(t, got.err)
			assert.Zero(t, sim.Stats().Requests, kind)
			assert.Empty(t, sim.Ledger.Entries(), kind)
			sim.Close()
		}
	}
}

// The caller's own end is the caller's, and leaves the outcome open only if the
// request may have gone.
func TestCanceled(t *testing.T) {
	for kind, send := range senders {
		synctest.Test(t, func(t *testing.T) {
			sim := vendorsim.Telnyx(key, vendorsim.InMemory())
			defer sim.Close()
			c := client(t, sim)
			sim.Fail(vendorsim.Processed(vendorsim.Silence()))
			ctx, cancel := context.WithCancel(within(t, "op"))
			time.AfterFunc(time.Second, cancel)
			got := send(ctx, c)
			require.ErrorIs(t, got.err, context.Canceled, kind)
			assert.Equal(t, failover.OutcomeUnknown, failover.Classify(got.err).Outcome, kind)
			assert.Len(t, sim.Ledger.Entries(), 1)

			got = send(ctx, c)
			require.ErrorIs(t, got.err, context.Canceled, kind)
			assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(got.err).Outcome, kind)
			assert.Equal(t, 1, sim.Stats().Requests, "it was over before it began")
		})
	}
}

// Nobody is sent to another place with somebody's text.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := vendorsim.Telnyx(key)
	t.Cleanup(elsewhere.Close)
	for kind, send := range senders {
		for _, status := range []int{301, 302, 303, 307, 308} {
			sim := vendorsim.Telnyx(key)
			sim.Fail(vendorsim.Redirect(status, elsewhere.URL()+"/v2/messages"))
			got := send(within(t, "op"), client(t, sim))
			e := failover.Classify(got.err)
			assert.Equal(t, failover.ClassUnsupported, e.Class, "%s %d", kind, status)
			assert.Equal(t, failover.OutcomeNotAccepted, e.Outcome, "%s %d", kind, status)
			hasNoSecrets(t, got.err)
			sim.Close()
		}
	}
	assert.Zero(t, elsewhere.Stats().Connections)
}

// Over HTTP/2 nobody can tell what has left, so that the default transport does
// not offer it.
func TestDefaultTransportIsHTTP1(t *testing.T) {
	t.Parallel()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	hello := make(chan []byte, 1)
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		first := make([]byte, 4<<10)
		n, _ := conn.Read(first)
		hello <- first[:n]
	}()
	c, err := telnyx.New(key, telnyx.WithBaseURL("https://"+listener.Addr().String()), telnyx.WithSenders(sms.Senders{"": own}))
	require.NoError(t, err)
	_, err = c.SMS().Do(t.Context(), text)
	assert.Equal(t, failover.OutcomeNotAccepted, failover.Classify(err).Outcome)
	said := <-hello
	require.NotEmpty(t, said)
	assert.NotContains(t, string(said), "\x02h2")
}
