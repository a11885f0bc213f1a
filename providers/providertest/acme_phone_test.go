package providertest_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/providertest"
)

// acmeExchange is a vendor of messages and calls, and the ledger of what it
// has done.
type acmeExchange struct {
	mu      sync.Mutex
	entries []acmeEntry
}

type acmeEntry struct {
	ID       string    `json:"id"`
	To       string    `json:"to"`
	From     string    `json:"from"`
	Text     string    `json:"text,omitempty"`
	Play     string    `json:"play,omitempty"`
	Media    []string  `json:"media,omitempty"`
	Callback string    `json:"callback,omitempty"`
	Once     string    `json:"once,omitempty"`
	Status   string    `json:"status"`
	Created  time.Time `json:"created"`
}

// acmeWindow is how long Acme knows a call by its Once.
const acmeWindow = 30 * time.Second

// acmePatience is how old a webhook of Acme's may be.
const acmePatience = time.Minute

func newAcmeExchange() providertest.Carrier {
	x := &acmeExchange{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /messages", x.create("message", "queued"))
	mux.HandleFunc("POST /calls", x.create("call", "dialing"))
	mux.HandleFunc("GET /calls", x.list)
	mux.HandleFunc("GET /messages", x.list)
	mux.HandleFunc("GET /calls/{id}", x.one(func(e *acmeEntry) int { return http.StatusOK }))
	mux.HandleFunc("POST /calls/{id}/end", x.one(func(e *acmeEntry) int {
		if e.Status == "done" {
			return http.StatusConflict
		}
		e.Status = "done"
		return http.StatusOK
	}))
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { acmeAnswer(w, 200, map[string]bool{"pong": true}) })
	return providertest.Carrier{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Key") != providertest.Key {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			mux.ServeHTTP(w, r)
		}),
		Processed: x.processed, Webhook: x.webhook,
		Sign: func(r *http.Request) { acmeSign(r, bodyOf(r)) },
	}
}

func acmeAnswer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	text, _ := json.Marshal(value) //nolint:errchkjson // values of this file
	_, _ = w.Write(text)
}

func (x *acmeExchange) create(kind, status string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var e acmeEntry
		if json.NewDecoder(r.Body).Decode(&e) != nil || e.To == "" || e.From == "" {
			acmeAnswer(w, http.StatusBadRequest, map[string]string{"code": "bad"})
			return
		}
		x.mu.Lock()
		defer x.mu.Unlock()
		for _, other := range x.entries {
			if e.Once != "" && other.Once == e.Once && time.Since(other.Created) < acmeWindow {
				acmeAnswer(w, http.StatusOK, other)
				return
			}
		}
		e.ID, e.Status, e.Created = kind+"-"+strconv.Itoa(1000+len(x.entries)), status, time.Now()
		x.entries = append(x.entries, e)
		acmeAnswer(w, http.StatusCreated, e)
	}
}

func (x *acmeExchange) one(do func(e *acmeEntry) int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		defer x.mu.Unlock()
		for i := range x.entries {
			if x.entries[i].ID == r.PathValue("id") {
				acmeAnswer(w, do(&x.entries[i]), x.entries[i])
				return
			}
		}
		acmeAnswer(w, http.StatusNotFound, map[string]string{"code": "unknown"})
	}
}

func (x *acmeExchange) list(w http.ResponseWriter, r *http.Request) {
	x.mu.Lock()
	defer x.mu.Unlock()
	q := r.URL.Query()
	most, _ := strconv.Atoi(q.Get("most"))
	found := []acmeEntry{}
	for i := len(x.entries) - 1; i >= 0 && len(found) < most; i-- {
		e := x.entries[i]
		if (q.Get("to") == "" || q.Get("to") == e.To) && (q.Get("status") == "" || q.Get("status") == e.Status) {
			found = append(found, e)
		}
	}
	acmeAnswer(w, http.StatusOK, found)
}

func (x *acmeExchange) processed() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	ids := make([]string, len(x.entries))
	for i, e := range x.entries {
		ids[i] = e.ID
	}
	return ids
}

// acmeUpdate is what a webhook says.
type acmeUpdate struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Code   string `json:"code"`
}

func (x *acmeExchange) webhook(ctx context.Context, id, status, code string) (*http.Request, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.entries {
		if e.ID != id {
			continue
		}
		body, err := json.Marshal(acmeUpdate{ID: id, Status: status, Code: code})
		if err != nil {
			return nil, err
		}
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.Callback, bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		r.Header.Set("Content-Type", "application/json")
		acmeSign(r, body)
		return r, nil
	}
	return nil, errors.New("acme: unknown id")
}

// acmeSign signs the time, the address and the body.
func acmeSign(r *http.Request, body []byte) {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	r.Header.Set("Acme-Time", at)
	r.Header.Set("Acme-Signature", hex.EncodeToString(acmeMAC(at, r.URL.String(), body)))
}

func acmeMAC(at, address string, body []byte) []byte {
	mac := hmac.New(sha256.New, []byte(providertest.Key))
	fmt.Fprintf(mac, "%s|%s|%s", at, address, body)
	return mac.Sum(nil)
}

func bodyOf(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body)
	return body
}

// acmePhone is an adapter written the way an outsider would, for messages and
// for calls, and a fault of it.
type acmePhone struct {
	account providertest.Account
	fault   string

	mu   sync.Mutex
	sent map[string]time.Time // attempts, and when they were first sent
	last string               // of the fault that mixes callers up
}

// The ways to get an adapter of messages or calls wrong.
const (
	faultHarmless  = "does not say that it has a side effect"
	faultKeyed     = "sends an Idempotency-Key that the vendor does not know"
	faultRenewable = "lets the transport send again"
	faultSurely    = "takes every broken connection for a refusal"
	faultTimid     = "takes every broken connection for a doubt"
	faultGateway   = "takes every error status for a refusal"
	faultConflict  = "takes every 4xx for a refusal"
	faultUnsure    = "takes a refusal for a doubt"
	faultStrict    = "takes an answer that it cannot read for a failure"
	faultNoReceipt = "gives no receipt for an answer that it cannot read"
	faultForgetful = "forgets to say in the receipt whose it is"
	faultTagless   = "does not tell the vendor which attempt it is"
	faultRewrites  = "rewrites the application's own address"
	faultPathless  = "names itself without the router it is in"
	faultAnybody   = "sends as anybody"
	faultInsistent = "says yes to senders that it refuses"
	faultOptOut    = "does not say why the recipient is out of reach"
	faultPrintTo   = "prints the number"
	faultPrintFrom = "prints the sender"
	faultUnread    = "closes a refusal before it has read it"
	faultFresh     = "dials for every request"
	faultShared    = "mixes its callers up"
	faultGentle    = "believes every webhook"
	faultPartial   = "checks half of what is signed"
	faultTimeless  = "takes webhooks of any age"
	faultGreedy    = "reads all of a webhook"
	faultVague     = "has no word for a forged webhook"
	faultDelivered = "takes every webhook for a good one"
	faultBodiless  = "sends something else than it was given"
	faultMissing   = "takes an error for the proof that nothing was sent"
	faultHopeful   = "takes the first that it finds"
	faultAges      = "finds what was sent long before"
	faultPoke      = "changes something when it looks"
	faultBlunt     = "says that a number that is none was refused by the vendor"
)

func (a *acmePhone) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.account.BaseURL+path, bytes.NewReader(text))
	if err != nil {
		return nil, errors.New("acme: bad request")
	}
	req.Header.Set("X-Key", a.account.Key)
	if a.fault == faultKeyed {
		req.Header.Set("Idempotency-Key", failover.AttemptID(ctx))
	}
	return req, nil
}

// create sends what has a side effect. e is filled if the vendor's answer could
// be read; accepted says that it said yes in any case.
func (a *acmePhone) create(ctx context.Context, path string, e *acmeEntry) (accepted bool, err error) {
	if a.fault == faultDeaf {
		ctx = context.WithoutCancel(ctx)
	}
	resp, err := a.send(ctx, path, e)
	if a.fault == faultRetry && err == nil && resp.StatusCode == http.StatusServiceUnavailable {
		resp.Body.Close()
		resp, err = a.send(ctx, path, e)
	}
	if err != nil {
		return false, a.told(err, e.To)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return false, a.refusal(resp)
	}
	if a.fault != faultLeak {
		defer resp.Body.Close()
	}
	var got acmeEntry
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err == nil {
		err = json.Unmarshal(body, &got)
	}
	if err == nil && got.ID == "" {
		err = errors.New("acme: no id")
	}
	switch {
	case err == nil, a.fault == faultGullible:
		*e = got
		return true, nil
	case a.fault == faultStrict:
		return true, &failover.Error{Class: failover.ClassIncomplete, Status: resp.StatusCode, Err: err}
	default:
		return true, &failover.Error{
			Class: failover.ClassIncomplete, Outcome: failover.OutcomeAccepted, Status: resp.StatusCode, Err: err,
		}
	}
}

// send sends once, unless it is told to get that wrong.
func (a *acmePhone) send(ctx context.Context, path string, body any) (*http.Response, error) {
	req, err := a.request(ctx, http.MethodPost, path, body)
	if err != nil {
		return nil, err
	}
	client := *a.account.Client
	switch a.fault {
	case faultKeyed, faultRenewable:
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	case faultRedirect:
	case faultHasty:
		client.Timeout = time.Second
	case faultFresh:
		transport := client.Transport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true
		client.Transport = transport
		return failover.SendOnce(&client, req)
	default:
		return failover.SendOnce(&client, req)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, &failover.Error{Class: failover.Classify(err).Class, Err: err}
	}
	return resp, nil
}

// told gets an error wrong if it is told to.
func (a *acmePhone) told(err error, to string) error {
	e := failover.Classify(err)
	e.Err = err
	switch a.fault {
	case faultSurely:
		e.Outcome = failover.OutcomeNotAccepted
	case faultTimid:
		e.Outcome = failover.OutcomeUnknown
	case faultPrint:
		return fmt.Errorf("%s: %w", a.account.BaseURL, err)
	case faultPrintKey:
		return fmt.Errorf("acme with %s: %w", a.account.Key, err)
	case faultPrintTo:
		return fmt.Errorf("acme: not sent to %s: %w", to, err)
	default:
		return err
	}
	return e
}

// refusal reads an error answer.
func (a *acmePhone) refusal(resp *http.Response) error {
	if a.fault == faultLeak {
		return failover.HTTPError(resp)
	}
	defer resp.Body.Close()
	limit := int64(64 << 10)
	if a.fault == faultUnread {
		limit = 0
	}
	if a.fault == faultBound {
		limit = 1 << 30
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, limit))
	e := failover.HTTPError(resp)
	var said struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	_ = json.Unmarshal(body, &said)
	e.Message = said.Message
	switch said.Code {
	case "stop":
		e.Code, e.Class, e.Err = said.Code, failover.ClassInvalid, errAcmeStop
	case "nobody":
		e.Code, e.Class, e.Err = said.Code, failover.ClassInvalid, errAcmeNobody
	case "maybe":
		e.Code, e.Class, e.Outcome = said.Code, failover.ClassTransient, failover.OutcomeUnknown
	}
	switch a.fault {
	case faultGateway:
		e.Outcome = failover.OutcomeNotAccepted
	case faultConflict:
		if e.Status < 500 {
			e.Outcome = failover.OutcomeNotAccepted
		}
	case faultUnsure:
		e.Outcome = failover.OutcomeUnknown
	case faultOptOut:
		e.Err = nil
	case faultClassless:
		return &failover.Error{Outcome: e.Outcome, Err: errors.New("acme: refused")}
	case faultMessage:
		return fmt.Errorf("acme: %s: %w", body, e)
	case faultHint:
		e.RetryAfter = 0
	case faultCode:
		e.Code = ""
	}
	return e
}

// ask asks what changes nothing.
func (a *acmePhone) ask(ctx context.Context, method, path string, into any) error {
	req, err := a.request(ctx, method, path, nil)
	if err != nil {
		return err
	}
	client := *a.account.Client
	if a.fault != faultRedirect {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	resp, err := client.Do(req)
	if err != nil {
		if ended := ctx.Err(); ended != nil {
			return fmt.Errorf("acme: %w", ended)
		}
		return failover.Classify(err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return a.refusal(resp)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case a.fault == faultProbe:
		return nil
	case err != nil || json.Unmarshal(body, into) != nil:
		return &failover.Error{Class: failover.ClassIncomplete, Status: resp.StatusCode, Err: err}
	}
	return nil
}

func (a *acmePhone) check(ctx context.Context) error {
	if a.fault == faultPaid {
		_, err := a.create(ctx, "/messages", &acmeEntry{To: "+15005550009", From: "+15005550001"})
		return err
	}
	return a.ask(ctx, http.MethodGet, "/ping", &struct{}{})
}

// own is who the account may send as.
func (a *acmePhone) own(from string) (string, bool) {
	owned := map[string]string{"": "+15005550001", "alerts": "+15005550002"}
	if number, ok := owned[from]; ok {
		return number, true
	}
	for _, number := range owned {
		if number == from {
			return number, true
		}
	}
	return from, a.fault == faultAnybody
}

// foreign is why somebody else's sender is refused.
func (a *acmePhone) foreign(from string) string {
	if a.fault == faultPrintFrom {
		return from + " is not ours"
	}
	return "is not ours"
}

// hook adds what Report needs to an application's address.
func (a *acmePhone) hook(ctx context.Context, callback string) string {
	if callback == "" || failover.OperationID(ctx) == "" || a.fault == faultTagless {
		return callback
	}
	u, err := url.Parse(callback)
	if err != nil {
		return callback
	}
	tag := url.Values{
		"failover_operation": {failover.OperationID(ctx)}, "failover_attempt": {failover.AttemptID(ctx)},
		"failover_provider": {a.path(ctx)},
	}
	if a.fault == faultRewrites {
		for name := range u.Query() {
			tag.Set(name, u.Query().Get(name))
		}
		u.RawQuery = tag.Encode()
		return u.String()
	}
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += tag.Encode()
	return u.String()
}

// path is the provider's name, as Report takes it.
func (a *acmePhone) path(ctx context.Context) string {
	if path := failover.ProviderPath(ctx); path != "" && a.fault != faultPathless {
		return path
	}
	return "acme"
}

// attempt is what a receipt says of an attempt.
func (a *acmePhone) attempt(ctx context.Context) (operation, attempt string) {
	attempt = failover.AttemptID(ctx)
	switch a.fault {
	case faultForgetful:
		return "", ""
	case faultShared:
		a.mu.Lock()
		defer a.mu.Unlock()
		attempt, a.last = a.last, attempt
	}
	return failover.OperationID(ctx), attempt
}

// read reads a webhook.
func (a *acmePhone) read(r *http.Request) (acmeUpdate, error) {
	var u acmeUpdate
	limit := int64(64 << 10)
	if a.fault == faultGreedy {
		limit = 1 << 30
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, limit))
	if err != nil {
		return u, err
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	at, address := r.Header.Get("Acme-Time"), scheme+"://"+r.Host+r.RequestURI
	want := acmeMAC(at, address, body)
	got, _ := hex.DecodeString(r.Header.Get("Acme-Signature"))
	seconds, _ := strconv.ParseInt(at, 10, 64)
	switch {
	case a.fault == faultGentle:
	case a.account.Key != providertest.Key:
		return u, errAcmeForged // its signatures are others'
	case a.fault == faultPartial && len(got) > 8:
		if !hmac.Equal(got[:8], want[:8]) {
			return u, errAcmeForged
		}
	case a.fault == faultVague && !hmac.Equal(got, want):
		return u, errors.New("acme: forged")
	case !hmac.Equal(got, want):
		return u, errAcmeForged
	case time.Since(time.Unix(seconds, 0)) > acmePatience && a.fault != faultTimeless:
		return u, errAcmeForged
	}
	if err := json.Unmarshal(body, &u); err != nil {
		return u, errors.New("acme: malformed")
	}
	return u, nil
}

var errAcmeForged = errors.New("acme: not from acme")

// The refusals of Acme's that end an operation. What they match is for the
// capability to say.
var (
	errAcmeStop   = errors.New("acme: stopped")
	errAcmeNobody = errors.New("acme: nobody there")
)
