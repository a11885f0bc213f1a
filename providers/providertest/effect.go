package providertest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/phone"
	"github.com/gofailover/failover/internal/vendorsim"
)

// Account is what a provider with side effects is made for, to be tested.
type Account struct {
	// Key is what the vendor knows the account by: [Key], or one that it does
	// not know.
	Key string
	// BaseURL is where the vendor is.
	BaseURL string
	// Client reaches it.
	Client *http.Client
	// PublicKey is the vendor's own, of its webhooks: what [Carrier] says.
	PublicKey string
}

// Carrier is a vendor of messages or of calls.
type Carrier struct {
	// Handler answers as the vendor does, and accepts [Key] alone. Required.
	Handler http.Handler
	// Processed are the vendor's ids of the messages it has sent, or the calls
	// it has placed, in order, whatever the caller was told. Required.
	Processed func() []string
	// Webhook is the request by which the vendor tells, when asked to, that
	// what it has processed has come to a status, with its own code of why if
	// it went wrong: signed, and with a body. nil: it tells nothing.
	Webhook func(ctx context.Context, id, status, code string) (*http.Request, error)
	// Sign signs a webhook once more, with the body it has now. It may be nil:
	// then nothing that is signed is malformed.
	Sign func(r *http.Request)
	// PublicKey is what its webhooks are checked with, if that is not [Key].
	PublicKey string
}

// effect is the part that the suites of messages and of calls share: a request
// that must not be carried out twice.
type effect[Req, Resp any] struct {
	start func() Carrier
	adapt func(Account) (adapter[Req, Resp], error)
	serve func(providers ...failover.Provider[Req, Resp]) (service[Req], error)
	seen  func(Resp) *receipt // nil for none

	req, hooked Req                   // one that is served; the same with a StatusCallback
	from        func(Req, string) Req // the same with another sender
	senders     map[string]string
	foreign     []string
	carried     []string // what the vendor must be told for req
	invalid     map[string]Req
	recipients  map[string]Req // with a recipient that cannot be
	noRecipient error
	unsupported []Req
	refusals    []Refusal

	updates  []statusRow
	forged   error
	notOurs  error
	lifetime time.Duration
	window   time.Duration

	secrets map[string]string
}

// adapter is what is tested.
type adapter[Req, Resp any] struct {
	provider failover.Provider[Req, Resp]
	update   func(*http.Request) (update, error) // nil: it reads no webhooks
}

// service is a client over several providers.
type service[Req any] struct {
	send   func(ctx context.Context, req Req) (*receipt, error)
	report func(u update) error
}

// receipt is what an sms.Receipt and a call.Call have in common.
type receipt struct{ provider, id, operation, attempt, status string }

// update is what an sms.Update and a call.Update have in common.
type update struct {
	provider, operation, attempt, id, status string

	err   *failover.Error
	whole any
}

// statusRow is a status that the vendor tells, and what that means.
type statusRow struct {
	status, code string
	want         failover.Class
	outcome      failover.Outcome
	cause        error
}

// anOperation has what must survive an address and a body of JSON.
const anOperation = "order-7: shipped & paid=50%+ä"

// callback is an application's own, with what must neither be lost nor change.
const (
	callbackHost  = "hooks.example.org"
	callbackQuery = "b=2&ticket=sesame-nine&a=one%20two&b=1"
	callback      = "https://" + callbackHost + "/status%2Fin/x?" + callbackQuery
)

// line is a vendor and the provider under test.
type line[Req, Resp any] struct {
	e       *effect[Req, Resp]
	s       *vendorsim.Server
	carrier Carrier
	p       failover.Provider[Req, Resp]
	update  func(*http.Request) (update, error)

	sends              int
	operation, attempt string // of the latest one
}

func (e *effect[Req, Resp]) test(t *testing.T) {
	t.Helper()
	t.Run("success", e.testSuccess)
	t.Run("callback", e.testCallback)
	t.Run("before anything is sent", e.testLocal)
	t.Run("refusals", e.testRefusals)
	t.Run("never connected", e.testNeverConnected)
	t.Run("sent once", e.testOnce)
	t.Run("http2", e.testHTTP2)
	t.Run("answer", e.testAnswer)
	t.Run("time", e.testTime)
	t.Run("concurrency", e.testConcurrency)
	t.Run("repeats", e.testRepeats)
	t.Run("lookup", e.testLookup)
	t.Run("failover", e.testFailover)
	t.Run("webhooks", e.testWebhooks)
	t.Run("health check", e.testHealth)
}

// bubble runs a subtest against an in-memory vendor under fake time; see
// inBubble.
func (e *effect[Req, Resp]) bubble(t *testing.T, name string, test func(t *testing.T, l *line[Req, Resp]), opts ...vendorsim.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			l := e.line(t, append(opts, vendorsim.InMemory())...)
			defer l.s.Close()
			test(t, l)
			l.s.Client().CloseIdleConnections()
			synctest.Wait()
			if open := l.s.Stats().Open; open > 0 {
				t.Errorf("%d connections are still in use after the call returned: "+
					"read or close the body of every response, whatever its status", open)
			}
		})
	})
}

// tcp runs a subtest against a vendor on loopback.
func (e *effect[Req, Resp]) tcp(t *testing.T, name string, test func(t *testing.T, l *line[Req, Resp]), opts ...vendorsim.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		l := e.line(t, opts...)
		defer l.s.Close()
		test(t, l)
	})
}

// both runs a subtest in either way.
func (e *effect[Req, Resp]) both(t *testing.T, name string, test func(t *testing.T, l *line[Req, Resp])) {
	t.Helper()
	e.bubble(t, name, test)
	e.tcp(t, name+" over TCP", test)
}

func (e *effect[Req, Resp]) line(t *testing.T, opts ...vendorsim.Option) *line[Req, Resp] {
	t.Helper()
	l := &line[Req, Resp]{e: e, carrier: e.start()}
	if l.carrier.Handler == nil || l.carrier.Processed == nil {
		t.Fatal("providertest: a Carrier needs Handler and Processed")
	}
	l.s = vendorsim.Start(vendor(l.carrier.Handler), opts...)
	l.connect(t, l.s.Client(), l.s.URL())
	return l
}

// connect makes the provider once more, for an account that is reached in
// another way.
func (l *line[Req, Resp]) connect(t *testing.T, client *http.Client, baseURL string) {
	t.Helper()
	l.adapt(t, Account{Key: Key, BaseURL: baseURL, Client: client, PublicKey: l.carrier.PublicKey})
}

func (l *line[Req, Resp]) adapt(t *testing.T, account Account) {
	t.Helper()
	a, err := l.e.adapt(account)
	if err != nil {
		t.Fatalf("New failed: %v", err)
	}
	l.p, l.update = a.provider, a.update
}

// send sends a request in the first attempt of an operation of its own.
func (l *line[Req, Resp]) send(ctx context.Context, req Req) (*receipt, error) {
	return l.sendAs(ctx, l.p.Name, req)
}

// sendAs is send for a provider at a path.
func (l *line[Req, Resp]) sendAs(ctx context.Context, path string, req Req) (got *receipt, err error) {
	l.sends++
	l.operation = anOperation
	if l.sends > 1 {
		l.operation += " #" + strconv.Itoa(l.sends)
	}
	within(ctx, path, l.operation, func(ctx context.Context) {
		l.attempt = failover.AttemptID(ctx)
		got, err = l.do(ctx, req)
	})
	return got, err
}

func (l *line[Req, Resp]) do(ctx context.Context, req Req) (*receipt, error) {
	resp, err := l.p.Do(ctx, req)
	return l.e.seen(resp), err
}

// within calls do as a router calls the Do of a provider, which may be a path.
func within(ctx context.Context, path, operation string, do func(ctx context.Context)) {
	outer, name, nested := strings.Cut(path, "/")
	if !nested {
		name = path
	}
	p := failover.Wrap(name, func(ctx context.Context, _ struct{}) (bool, error) {
		do(ctx)
		return true, nil
	})
	p.SideEffect = true
	router, err := failover.New(failover.Providers(p), failover.WithTimeout(0))
	if err == nil && nested {
		router, err = failover.New(failover.Providers(failover.Nest(outer, router)), failover.WithTimeout(0))
	}
	if err != nil {
		panic(err) // the name of a provider that is checked elsewhere
	}
	_, _ = router.Do(failover.Operation(ctx, operation), struct{}{}) // do keeps what it has to tell
}

// wantSent checks what one call has cost the vendor, and done to the
// recipient.
func (l *line[Req, Resp]) wantSent(t *testing.T, requests, processed int) {
	t.Helper()
	wantRequests(t, l.s, requests)
	if got := len(l.carrier.Processed()); got != processed {
		t.Errorf("the vendor has carried out %d requests, want %d: one attempt must have its effect once at the most", got, processed)
	}
}

// wantClass checks an error's class and outcome, and that it prints nothing it
// must not.
func (l *line[Req, Resp]) wantClass(t *testing.T, err error, class failover.Class, outcome failover.Outcome, when string) *failover.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: the provider reported success; want an error of class %v", when, class)
	}
	l.wantOutcome(t, err, outcome, when)
	e := failover.Classify(err)
	if e.Class != class {
		t.Errorf("%s: the error is of class %v, want %v (%v)", when, e.Class, class, err)
	}
	return e
}

// outcomes are what is lost if an outcome is not told.
var outcomes = map[failover.Outcome]string{
	failover.OutcomeNotAccepted: "it was certainly not carried out, and another provider could serve it",
	failover.OutcomeUnknown:     "it may have been carried out, and would be carried out again by the next provider",
	failover.OutcomeAccepted:    "a 2xx is a yes, however little of the answer can be read",
}

func (l *line[Req, Resp]) wantOutcome(t *testing.T, err error, want failover.Outcome, when string) {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: the provider reported success; want an error of outcome %v", when, want)
	}
	l.e.wantDiscreet(t, err)
	if got := failover.Classify(err).Outcome; got != want {
		t.Errorf("%s: the outcome is %v, want %v: %s (%v)", when, got, want, outcomes[want], err)
	}
}

// wantDiscreet is that of every suite, with numbers and addresses.
func (e *effect[Req, Resp]) wantDiscreet(t *testing.T, err error) {
	t.Helper()
	wantDiscreet(t, err)
	secrets := map[string]string{
		"a URL":                    "https://",
		"the address of callbacks": callbackHost,
		"a secret of the callback": "sesame",
	}
	for _, number := range append(slices.Collect(maps.Values(e.senders)), e.foreign...) {
		if phone.IsE164(number) {
			secrets["a sender's number, …"+number[len(number)-2:]] = number[1:]
		}
	}
	maps.Copy(secrets, e.secrets)
	wantSilence(t, err, secrets)
}

// wantReceipt checks that a receipt says whose it is. One of an answer that
// could be read is whole.
func (l *line[Req, Resp]) wantReceipt(t *testing.T, got *receipt, path string, whole bool) {
	t.Helper()
	if got == nil {
		t.Fatal("there is no receipt: whoever waits for the webhook needs provider, operation and attempt")
	}
	switch {
	case got.provider != path:
		t.Errorf("the receipt's Provider is %q, want %q: failover.ProviderPath says it", got.provider, path)
	case got.operation != l.operation:
		t.Errorf("the receipt's Operation is %q, want %q: failover.OperationID says it", got.operation, l.operation)
	case got.attempt != l.attempt:
		t.Errorf("the receipt's Attempt is %q, want %q: failover.AttemptID says it", got.attempt, l.attempt)
	case whole && got.id == "":
		t.Error("the receipt's ID is empty: it is what the vendor knows it by")
	case whole && got.status == "":
		t.Error("the receipt's Status is unknown, though the vendor told it")
	}
}
