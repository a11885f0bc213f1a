// Call places phone calls through two vendors, simulated on loopback with their
// real wire protocols: no key, no network, no phone rings. The ledgers at the
// end show how often one would have.
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
	"github.com/gofailover/failover/providers/call"
	"github.com/gofailover/failover/providers/telnyx"
	"github.com/gofailover/failover/providers/twilio"
)

const (
	accountSID  = "AC0123456789abcdef0123456789abcdef"
	authToken   = "0123456789abcdef0123456789abcdef"
	telnyxKey   = "KEY0123456789ABCDEF"
	connection  = "1494404757140276705"
	twilioOwned = "+15550001001"
	telnyxOwned = "+15550002001"
	anna        = "+15557770001"
	reminder    = "https://example.com/reminder.mp3"
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

	s, err := newService(twilioSim, telnyxSim)
	if err != nil {
		return err
	}
	defer s.close()
	say := func(format string, args ...any) { fmt.Fprintf(out, format+"\n", args...) }

	say("The first vendor is down: nothing can have reached it, so the other one dials.")
	twilioSim.Down()
	say("  %s", s.tell(ctx, "reminder-1"))
	if err := twilioSim.Up(); err != nil {
		return err
	}

	say("\nAll is well: the first vendor dials, and the call stays with it.")
	placed, err := s.call(ctx, "reminder-2")
	if err != nil {
		return err
	}
	say("  reminder-2: %s by %s", placed.Status, placed.Provider)
	if err := deliver(ctx, twilioSim, "reminder-2", "in-progress"); err != nil {
		return err
	}
	if placed, err = s.client.Get(ctx, placed.Provider, placed.ID); err != nil {
		return err
	}
	say("  reminder-2: %s", placed.Status)
	if err := s.client.Hangup(ctx, placed.Provider, placed.ID); err != nil {
		return err
	}
	say("  reminder-2: hung up")

	say("\nThe first vendor dials, and says 500. A phone may be ringing: nobody dials again.")
	twilioSim.Fail(vendorsim.Processed(vendorsim.Status(http.StatusInternalServerError)))
	say("  %s", s.tell(ctx, "reminder-3"))
	say("Its webhook says that it rang, and nobody was in. That is an answer, not a fault.")
	if err := deliver(ctx, twilioSim, "reminder-3", "no-answer"); err != nil {
		return err
	}
	say("  again: %s", s.tell(ctx, "reminder-3"))

	say("\nThe other vendor drops a command that comes twice, so there it is repeated at once.")
	if err := s.client.SetPrimary("telnyx"); err != nil {
		return err
	}
	telnyxSim.Fail(vendorsim.Processed(vendorsim.ResetAfterRead()))
	say("  %s", s.tell(ctx, "reminder-4"))

	say("\nHow often a phone rang:")
	for _, operation := range []string{"reminder-1", "reminder-2", "reminder-3", "reminder-4"} {
		say("  %-10s twilio %d, telnyx %d", operation,
			twilioSim.Ledger.Count(operation), telnyxSim.Ledger.Count(operation))
	}
	return nil
}

// service is what an application has: a client, and a place where the vendors'
// webhooks arrive.
type service struct {
	client *call.Client
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
		twilio.WithCallers(call.Callers{"": twilioOwned}))
	if err != nil {
		return nil, err
	}
	s.telnyx, err = telnyx.New(telnyxKey, telnyx.WithBaseURL(telnyxSim.URL()), telnyx.WithPublicKey(telnyxSim.PublicKey()),
		telnyx.WithCallers(call.Callers{"": telnyxOwned}), telnyx.WithConnections(call.Connections{"": connection}))
	if err != nil {
		return nil, err
	}
	s.client, err = call.New([]call.Provider{s.twilio.Call(), s.telnyx.Call()})
	return s, err
}

func (s *service) close() {
	s.hooks.Close()
	_ = s.client.Close()
}

// report hands a webhook on whose signature is good. Both vendors call the same
// address.
func (s *service) report(w http.ResponseWriter, r *http.Request) {
	read := s.twilio.CallUpdate
	if r.Header.Get("Telnyx-Signature-Ed25519") != "" {
		read = s.telnyx.CallUpdate
	}
	update, err := read(r)
	if err != nil {
		http.Error(w, "not a webhook of the vendor's", http.StatusForbidden)
		return
	}
	if err := s.client.Report(update); err != nil && !errors.Is(err, call.ErrNotOurs) {
		http.Error(w, "unknown", http.StatusInternalServerError)
	}
}

// call places a call that plays the reminder. The operation names what it is
// for.
func (s *service) call(ctx context.Context, operation string) (*call.Call, error) {
	return s.client.MakeCall(failover.Operation(ctx, operation), call.Request{
		To: anna, AudioURL: reminder, RingTimeout: 20 * time.Second, StatusCallback: s.hooks.URL + "/status",
	})
}

// tell tells the story of one call.
func (s *service) tell(ctx context.Context, operation string) string {
	placed, err := s.call(ctx, operation)
	switch {
	case err == nil:
		return fmt.Sprintf("%s: %s by %s", operation, placed.Status, placed.Provider)
	case errors.Is(err, failover.ErrUncertain):
		return fmt.Sprintf("%s: may be ringing, so nobody dials again\n    %v", operation, err)
	case errors.Is(err, failover.ErrDuplicate):
		return fmt.Sprintf("%s: was placed already\n    %v", operation, err)
	default:
		return fmt.Sprintf("%s: not placed: %v", operation, err)
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
