// Sms sends messages through two vendors, simulated on loopback with their real
// wire protocols: no key, no network, nobody is texted. One vendor fails in
// three ways, and the ledgers at the end show what was really sent.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/sms"
	"github.com/gofailover/failover/providers/telnyx"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	accountSID  = "AC0123456789abcdef0123456789abcdef"
	authToken   = "0123456789abcdef0123456789abcdef"
	telnyxKey   = "KEY0123456789ABCDEF"
	twilioOwned = "+15550001001"
	telnyxOwned = "+15550002001"
	anna        = "+15557770001"
	berta       = "+15557770002"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := run(ctx, os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer) error {
	// Two vendors. In your service these lines are gone, and so is WithBaseURL.
	twilioSim := vendorsim.Twilio(accountSID, authToken)
	defer twilioSim.Close()
	telnyxSim := vendorsim.Telnyx(telnyxKey)
	defer telnyxSim.Close()
	twilioSim.Own(twilioOwned)
	telnyxSim.Own(telnyxOwned)

	s, err := newService(twilioSim, telnyxSim)
	if err != nil {
		return err
	}
	defer s.close()
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	say("The first vendor is down: nothing can have reached it, so the other one sends.")
	twilioSim.Down()
	say("  %s", s.send(ctx, "order-1", anna, "Order 1 has been shipped."))
	if err := twilioSim.Up(); err != nil {
		return err
	}

	say("\nAll is well: the first vendor sends.")
	say("  %s", s.send(ctx, "order-2", anna, "Order 2 has been shipped."))

	say("\nThe first vendor takes the message, and the connection dies before it says so.")
	twilioSim.Fail(vendorsim.Processed(vendorsim.ResetAfterRead()))
	say("  %s", s.send(ctx, "order-3", anna, "Order 3 has been shipped."))
	say("  again: %s", s.send(ctx, "order-3", anna, "Order 3 has been shipped."))
	say("Its webhook says what became of it. Nothing is sent again.")
	if err := deliver(ctx, twilioSim, "order-3", "delivered"); err != nil {
		return err
	}
	say("  again: %s", s.send(ctx, "order-3", anna, "Order 3 has been shipped."))

	say("\nThe first vendor says that it is too busy: it has not taken the message.")
	twilioSim.Fail(vendorsim.Status(http.StatusTooManyRequests).RetryAfter(1))
	say("  %s", s.send(ctx, "order-4", anna, "Order 4 has been shipped."))

	say("\nThe recipient has opted out: no other vendor is asked to get around that.")
	if err := s.client.Router().Enable("twilio"); err != nil { // its rate limit is over
		return err
	}
	twilioSim.OptOut(berta)
	say("  %s", s.send(ctx, "news-1", berta, "Our new catalogue is out."))

	say("\nWhat was really sent:")
	for _, operation := range []string{"order-1", "order-2", "order-3", "order-4", "news-1"} {
		say("  %-8s twilio %d, telnyx %d", operation,
			twilioSim.Ledger.Count(operation), telnyxSim.Ledger.Count(operation))
	}
	return nil
}

// service is what an application has: a client, and a place where the vendors'
// webhooks arrive.
type service struct {
	client *sms.Client
	twilio *twilio.Client
	telnyx *telnyx.Client
	hooks  *httptest.Server
}

func newService(twilioSim, telnyxSim *vendorsim.Telephony) (*service, error) {
	s := &service{}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /status", s.report)
	s.hooks = httptest.NewServer(mux)

	var err error
	s.twilio, err = twilio.New(accountSID, authToken, twilio.WithBaseURL(twilioSim.URL()),
		twilio.WithSenders(sms.Senders{"": twilioOwned}))
	if err != nil {
		return nil, err
	}
	s.telnyx, err = telnyx.New(telnyxKey, telnyx.WithBaseURL(telnyxSim.URL()),
		telnyx.WithPublicKey(telnyxSim.PublicKey()), telnyx.WithSenders(sms.Senders{"": telnyxOwned}))
	if err != nil {
		return nil, err
	}
	first, second := s.twilio.SMS(), s.telnyx.SMS()
	// The story is about a message that stays uncertain until its webhook comes;
	// Twilio could also be asked at once, by this function.
	first.Lookup = nil
	s.client, err = sms.New(failover.Providers(first, second), failover.WithRetry(failover.RetryPolicy{MaxAttempts: 1}))
	return s, err
}

func (s *service) close() {
	s.hooks.Close()
	_ = s.client.Close()
}

// report hands a webhook on whose signature is good. Both vendors call the same
// address.
func (s *service) report(w http.ResponseWriter, r *http.Request) {
	read := s.twilio.SMSUpdate
	if r.Header.Get("Telnyx-Signature-Ed25519") != "" {
		read = s.telnyx.SMSUpdate
	}
	update, err := read(r)
	if err != nil {
		http.Error(w, "not a webhook of the vendor's", http.StatusForbidden)
		return
	}
	if err := s.client.Report(update); err != nil && !errors.Is(err, sms.ErrNotOurs) {
		http.Error(w, "unknown", http.StatusInternalServerError)
	}
}

// send tells the story of one message. The operation names what it is for.
func (s *service) send(ctx context.Context, operation, to, text string) string {
	receipt, err := s.client.Send(failover.Operation(ctx, operation), sms.Message{
		To: to, Body: text, StatusCallback: s.hooks.URL + "/status",
	})
	switch {
	case err == nil:
		return fmt.Sprintf("%s: %s by %s", operation, receipt.Status, receipt.Provider)
	case errors.Is(err, failover.ErrUncertain):
		return fmt.Sprintf("%s: may have been sent, so it is not sent again\n    %v", operation, err)
	case errors.Is(err, sms.ErrOptedOut):
		return operation + ": the recipient wants no messages"
	case errors.Is(err, failover.ErrDuplicate):
		return fmt.Sprintf("%s: was sent already\n    %v", operation, err)
	default:
		return fmt.Sprintf("%s: not sent: %v", operation, err)
	}
}

// deliver lets the vendor send its status callback for the operation.
func deliver(ctx context.Context, sim *vendorsim.Telephony, operation, status string) error {
	for _, e := range sim.Ledger.Entries() {
		if e.Operation != operation {
			continue
		}
		code, err := sim.Deliver(ctx, http.DefaultClient, e.ID, status, "")
		if err == nil && code >= http.StatusMultipleChoices {
			err = fmt.Errorf("the webhook was answered with %d", code)
		}
		return err
	}
	return fmt.Errorf("the vendor knows nothing of %s", operation)
}
