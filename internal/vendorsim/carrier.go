package vendorsim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Telephony is a running simulator of a vendor of messages and calls.
type Telephony struct {
	*Server
	*Carrier
}

// Carrier is a vendor of messages and calls: its API, which [Start] serves,
// and what it knows of numbers. It is safe for concurrent use.
type Carrier struct {
	Vendor Vendor
	// Ledger has what the vendor has processed.
	Ledger *Ledger

	webhook   func(context.Context, Entry) (*http.Request, error)
	publicKey string
	requests  atomic.Int64

	mu    sync.Mutex
	rules rules
}

// rules are what a carrier knows of numbers and of the account. Nil lists
// know of none.
type rules struct {
	owned, optedOut, landlines, regions []string

	suspended bool
	funds     float64
	lag       time.Duration
	curt      bool // a repeated command is answered without a call
}

// beginning is an account in good standing.
var beginning = rules{funds: 100}

// RefusedNumber is the recipient that a refusal on command is about, such as
// that of [Status], where the vendor names one in its message: programs must
// not repeat such messages.
const RefusedNumber = "+15550001234"

// refusedText is for codes that a simulator has no words for.
const refusedText = "Refused on command, for " + RefusedNumber + "."

func (c *Carrier) run(opts []Option) *Telephony {
	return &Telephony{Server: Start(c.Vendor, opts...), Carrier: c}
}

func (c *Carrier) change(how func(*rules)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	how(&c.rules)
}

func (c *Carrier) now() rules {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rules
}

// Own sets the numbers of the account: others cannot send or call. With none,
// which is how it begins, every number is the account's.
func (c *Carrier) Own(numbers ...string) {
	c.change(func(r *rules) { r.owned = slices.Clone(numbers) })
}

// OptOut sets the recipients that have said STOP.
func (c *Carrier) OptOut(numbers ...string) {
	c.change(func(r *rules) { r.optedOut = slices.Clone(numbers) })
}

// Landlines sets the recipients that cannot get messages.
func (c *Carrier) Landlines(numbers ...string) {
	c.change(func(r *rules) { r.landlines = slices.Clone(numbers) })
}

// Regions sets the prefixes, such as "+1", of the numbers that the account may
// reach. With none, which is how it begins, it may reach all.
func (c *Carrier) Regions(prefixes ...string) {
	c.change(func(r *rules) { r.regions = slices.Clone(prefixes) })
}

// Suspend sets whether the account is suspended: then it cannot send and call.
func (c *Carrier) Suspend(suspended bool) {
	c.change(func(r *rules) { r.suspended = suspended })
}

// SetFunds sets the balance of the account, in dollars: 100 to begin with. With
// nothing left it cannot send and call. Twilio suspends it.
func (c *Carrier) SetFunds(dollars float64) {
	c.change(func(r *rules) { r.funds = dollars })
}

// Lag sets how long it takes until a message or call is found in lists, as it
// does at the vendors: nothing to begin with. It can be found by its id at once.
func (c *Carrier) Lag(d time.Duration) {
	c.change(func(r *rules) { r.lag = d })
}

func (r rules) owns(number string) bool { return len(r.owned) == 0 || contains(r.owned, number) }

func (r rules) reaches(number string) bool {
	return len(r.regions) == 0 ||
		slices.ContainsFunc(r.regions, func(prefix string) bool { return strings.HasPrefix(number, prefix) })
}

// Callback is the request by which the vendor tells the caller the status that
// the message or call has now, signed as the vendor signs. It is an error if
// the caller has not asked to be told, or not of that status.
func (c *Carrier) Callback(ctx context.Context, id string) (*http.Request, error) {
	e, ok := c.Ledger.Find(id)
	if !ok {
		return nil, fmt.Errorf("vendorsim: no message or call %q", id)
	}
	if e.StatusCallback == "" {
		return nil, errors.New("vendorsim: the caller gave no address for callbacks")
	}
	return c.webhook(ctx, e)
}

// Deliver sets the status as [Ledger.SetStatus] does and sends the callback
// with client. It returns the status of the answer.
func (c *Carrier) Deliver(ctx context.Context, client *http.Client, id, status, code string) (int, error) {
	if err := c.Ledger.SetStatus(id, status, code); err != nil {
		return 0, err
	}
	req, err := c.Callback(ctx, id)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// named puts into e what the query of the callback's address says.
func (e Entry) named() Entry {
	address, err := url.Parse(e.StatusCallback)
	if err != nil {
		return e
	}
	q := address.Query()
	e.Operation, e.Attempt, e.Provider = q.Get("failover_operation"), q.Get("failover_attempt"), q.Get("failover_provider")
	return e
}

// isWeb says whether s is an address that a vendor would call. Their hosts have
// no underscores.
func isWeb(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && !strings.Contains(u.Host, "_")
}
