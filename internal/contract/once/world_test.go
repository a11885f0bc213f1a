package once_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/rawpeer"
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	// attemptTime is what an attempt may take: a silent vendor costs a test that
	// much, unless the caller leaves before.
	attemptTime = 20 * time.Millisecond
	// tolerance is how late a caller may come back on a busy machine. What does
	// not honour its context comes back seconds later, or never.
	tolerance = 2 * time.Second

	sender     = "+15005550001"
	accountSID = "AC0123456789abcdef0123456789abcdef"
)

// world is a client of several vendors.
type world struct {
	t     *testing.T
	seed  uint64
	dice  *dice
	book  *ledger
	calls bool
	lang  dialect // of all vendors, if it is one

	vendors   []*vendor
	elsewhere *rawpeer.Peer // where redirects lead
	certs     *certs
	closers   []func()
	sms       *sms.Client
	call      *call.Client

	current   atomic.Pointer[journey]
	over      chan struct{}
	mu        sync.Mutex
	later     []func()
	uncertain map[string]int // operations that the router told of, by how often
	seconds   map[string]int // attempts of an operation
	late      time.Duration  // the latest that a caller came back after its deadline
}

// certs are made once: keys cost.
type certs struct {
	server   map[string]*tls.Config // by what is negotiated
	client   map[string]*tls.Config
	stranger *tls.Certificate
}

func newCerts(t *testing.T) *certs {
	t.Helper()
	c := &certs{server: map[string]*tls.Config{}, client: map[string]*tls.Config{}}
	for _, protocols := range [][]string{nil, {"h2"}} {
		server, client, err := rawpeer.Certificate(protocols...)
		require.NoError(t, err)
		c.server[strings.Join(protocols, " ")], c.client[strings.Join(protocols, " ")] = server, client
	}
	server, _, err := rawpeer.Certificate()
	require.NoError(t, err)
	c.stranger = &server.Certificates[0]
	return c
}

// emptyWorld has nobody but the one to whom redirects lead.
func emptyWorld(t *testing.T, seed uint64, c *certs) *world {
	t.Helper()
	w := &world{
		t: t, seed: seed, dice: newDice(seed), book: newLedger(), certs: c,
		over: make(chan struct{}), uncertain: map[string]int{}, seconds: map[string]int{},
	}
	var err error
	w.elsewhere, err = rawpeer.New(func(c *rawpeer.Conn) {
		if req, _, err := c.Request(); err == nil && req.Method == http.MethodGet {
			c.Say(answer(200, `{"id":"nothing was done","sid":"nothing","data":{"id":"nothing"}}`))
		}
	})
	require.NoError(t, err)
	return w
}

func newWorld(t *testing.T, seed uint64, calls bool, c *certs) *world {
	t.Helper()
	w := emptyWorld(t, seed, c)
	w.calls = calls
	opts := []failover.Option{
		failover.WithTimeout(attemptTime), failover.WithMaxCooldown(time.Millisecond),
		failover.WithRetry(failover.RetryPolicy{Base: time.Millisecond, Max: time.Millisecond}),
		failover.WithBreaker(failover.BreakerPolicy{ConsecutiveFailures: 1 << 20, ConsecutiveTimeouts: 1 << 20, MinRequests: 1 << 20}),
		failover.WithObserver(w.observe),
	}
	if w.dice.oneIn(2) {
		opts = append(opts, failover.WithStrategy(failover.RoundRobin()))
	}
	var err error
	if calls {
		w.call, err = call.New(build(w, 2+w.dice.roll(3), 1, w.caller, nestCalls, opts), opts...)
	} else {
		w.sms, err = sms.New(build(w, 2+w.dice.roll(3), 1, w.texter, nestTexts, opts), opts...)
	}
	require.NoError(t, err)
	return w
}

// build makes the providers of a router, some of them routers of their own.
func build[P any](
	w *world, size, depth int, one func(name string) P, nest func(*world, string, []P, []failover.Option) P, opts []failover.Option,
) []P {
	providers := make([]P, size)
	for i := range providers {
		name := fmt.Sprintf("p%d", i)
		if depth > 0 && w.dice.oneIn(4) {
			providers[i] = nest(w, name, build(w, 1+w.dice.roll(2), depth-1, one, nest, opts), opts)
			continue
		}
		providers[i] = one(name)
	}
	return providers
}

func nestTexts(w *world, name string, inner []sms.Provider, opts []failover.Option) sms.Provider {
	r, err := failover.New(inner, opts...)
	require.NoError(w.t, err)
	return failover.Nest(name, r)
}

func nestCalls(w *world, name string, inner []call.Provider, opts []failover.Option) call.Provider {
	plain := make([]failover.Provider[call.Request, *call.Call], len(inner))
	for i := range inner {
		plain[i] = inner[i].Provider
	}
	r, err := failover.New(plain, opts...)
	require.NoError(w.t, err)
	return call.Provider{Provider: failover.Nest(name, r)}
}

// open opens a vendor and a way to it.
func (w *world) open() (v *vendor, url string, client *http.Client) {
	by, lang := routes[w.dice.roll(len(routes))], w.lang
	if lang == "" {
		lang = []dialect{speaksTelnyx, speaksTwilio, speaksOwn}[w.dice.roll(3)]
	}
	v = &vendor{
		name: fmt.Sprintf("vendor %d (%s, %s)", len(w.vendors), lang, by), lang: lang, calls: w.calls, world: w,
		commands: map[string]bool{},
	}
	var config, trusts *tls.Config
	if by.secure() {
		kind := strings.Join(by.protocols(), " ")
		config, trusts = w.certs.server[kind].Clone(), w.certs.client[kind]
		config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if w.dice.oneIn(20) {
				return w.certs.stranger, nil
			}
			return &w.certs.server[kind].Certificates[0], nil
		}
		config.Certificates = nil
	}
	var err error
	v.peer, err = rawpeer.NewTLS(config, by.script(v))
	require.NoError(w.t, err)
	w.vendors = append(w.vendors, v)
	client, done := by.client(w, trusts)
	w.closers = append(w.closers, done)
	if w.dice.oneIn(8) {
		return v, strings.Replace(v.peer.URL(), v.peer.Addr(), rawpeer.Nobody, 1), client
	}
	return v, v.peer.URL(), client
}

func (w *world) telnyx(name, url string, client *http.Client) *telnyx.Client {
	opts := []telnyx.Option{
		telnyx.WithName(name), telnyx.WithBaseURL(url), telnyx.WithSenders(sms.Senders{"": sender}),
		telnyx.WithCallers(call.Callers{"": sender}), telnyx.WithConnections(call.Connections{"": "1"}),
	}
	if client != nil {
		opts = append(opts, telnyx.WithHTTPClient(client))
	}
	c, err := telnyx.New("key", opts...)
	require.NoError(w.t, err)
	return c
}

func (w *world) twilio(name, url string, client *http.Client) *twilio.Client {
	opts := []twilio.Option{
		twilio.WithName(name), twilio.WithBaseURL(url), twilio.WithSenders(sms.Senders{"": sender}),
		twilio.WithCallers(call.Callers{"": sender}),
	}
	if client != nil {
		opts = append(opts, twilio.WithHTTPClient(client))
	}
	c, err := twilio.New(accountSID, "token", opts...)
	require.NoError(w.t, err)
	return c
}

func (w *world) texter(name string) sms.Provider {
	v, url, client := w.open()
	switch v.lang {
	case speaksTelnyx:
		return w.telnyx(name, url, client).SMS()
	case speaksTwilio:
		p := w.twilio(name, url, client).SMS()
		if w.dice.oneIn(2) {
			p.Lookup = nil
		}
		return p
	default:
		return own(name, url, client, func(m sms.Message) map[string]string {
			return map[string]string{"text": m.Body, "to": m.To}
		}, func(id string) *sms.Receipt { return &sms.Receipt{ID: id} })
	}
}

func (w *world) caller(name string) call.Provider {
	v, url, client := w.open()
	switch v.lang {
	case speaksTelnyx:
		return w.telnyx(name, url, client).Call()
	case speaksTwilio:
		return w.twilio(name, url, client).Call()
	default:
		return call.Provider{Provider: own(name, url, client, func(r call.Request) map[string]string {
			return map[string]string{"audio_url": r.AudioURL, "to": r.To}
		}, func(id string) *call.Call { return &call.Call{ID: id} })}
	}
}

func (w *world) observe(_ context.Context, e failover.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch e := e.(type) {
	case failover.UncertainEvent:
		w.uncertain[e.Attempt.Operation]++
	case failover.AttemptEvent:
		if len(e.Attempt.Inner) == 0 {
			w.seconds[e.Attempt.Operation]++
		}
	}
}

// pass lets a time up to most pass, or the world end.
func (w *world) pass(most time.Duration) {
	timer := time.NewTimer(w.dice.within(most))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-w.over:
	}
}

// atTheEnd does something when all callers have long left.
func (w *world) atTheEnd(do func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.later = append(w.later, do)
}

// journey is an operation under way.
type journey struct {
	op     string
	cancel context.CancelFunc // nil: the caller stays as long as it can
}

// quit has the caller leave, if it is one that does.
func (w *world) quit() {
	if j := w.current.Load(); j != nil && j.cancel != nil {
		j.cancel()
	}
}

// opOf is the operation that a request is for; of one that was not read, the
// one under way.
func (w *world) opOf(a asked) string {
	if a.op == "" {
		if j := w.current.Load(); j != nil {
			return j.op
		}
	}
	return a.op
}

// told is what a caller learned.
type told struct {
	err       error
	uncertain bool // of a success
}

// send sends one message or places one call.
func (w *world) send(op string, wishes ...failover.Wish) told {
	ctx, cancel := context.WithCancel(failover.With(failover.Operation(context.Background(), op), wishes...))
	defer cancel()
	j := &journey{op: op}
	var deadline time.Time
	switch w.dice.roll(3) {
	case 0:
		var stop context.CancelFunc
		deadline = time.Now().Add(w.dice.within(attemptTime))
		ctx, stop = context.WithDeadline(ctx, deadline)
		defer stop()
	case 1:
		j.cancel = cancel
	}
	w.current.Store(j)
	defer w.current.Store(nil)
	end := told{}
	to := fmt.Sprintf("+1500555%04d", w.dice.roll(10000))
	if w.calls {
		placed, err := w.call.MakeCall(ctx, call.Request{
			To: to, AudioURL: "https://acme.test/" + op + ".mp3", StatusCallback: "https://acme.test/status",
		})
		end.err, end.uncertain = err, err == nil && placed.Uncertain
	} else {
		receipt, err := w.sms.Send(ctx, sms.Message{To: to, Body: op, StatusCallback: "https://acme.test/status"})
		end.err, end.uncertain = err, err == nil && receipt.Uncertain
	}
	if !deadline.IsZero() {
		w.late = max(w.late, time.Since(deadline))
	}
	w.book.note(op, "told %v (uncertain: %v)", end.err, end.uncertain)
	return end
}

// close ends the world: the callers have left, the connections end, and what
// vendors were still about happens.
func (w *world) close() {
	if w.call != nil {
		require.NoError(w.t, w.call.Close())
	}
	if w.sms != nil {
		require.NoError(w.t, w.sms.Close())
	}
	close(w.over)
	for _, done := range w.closers {
		done()
	}
	for _, v := range w.vendors {
		v.peer.Close()
	}
	w.elsewhere.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, do := range w.later {
		do()
	}
}

// requireNobodyLeft waits for the goroutines of requests to end: none is left
// when the connections are closed.
func requireNobodyLeft(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for {
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := ""
		for stack := range strings.SplitSeq(string(stacks), "\n\n") {
			if strings.Contains(stack, "requireNobodyLeft") || strings.Contains(stack, "testing.(*T).Run(") {
				continue
			}
			if strings.Contains(stack, "net/http.") || strings.Contains(stack, "net/http2") || strings.Contains(stack, "gofailover/failover") {
				left = stack
			}
		}
		if left == "" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("a goroutine is left:\n%s", left)
		}
		<-time.After(10 * time.Millisecond)
	}
}
