package providertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
)

// vendor makes a simulator's vendor of a handler. Errors on command have no
// envelope: a provider must do with the status.
func vendor(handler http.Handler) vendorsim.Vendor {
	return vendorsim.Vendor{
		Name:    "vendor",
		Handler: handler,
		Refuse:  func(status int, _ string) vendorsim.Answer { return vendorsim.Answer{Status: status} },
	}
}

// inBubble runs a subtest against an in-memory server under fake time, and
// then sees that nothing was left behind. Goroutines that stay blocked make
// synctest itself fail.
func inBubble(t *testing.T, name string, handler http.Handler, test func(t *testing.T, s *vendorsim.Server)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := vendorsim.Start(vendor(handler), vendorsim.InMemory())
			defer s.Close()
			test(t, s)
			s.Client().CloseIdleConnections()
			synctest.Wait()
			if open := s.Stats().Open; open > 0 {
				t.Errorf("%d connections are still in use after the call returned: "+
					"read or close the body of every response, whatever its status", open)
			}
		})
	})
}

// overTCP runs a subtest against a server on loopback.
func overTCP(t *testing.T, name string, handler http.Handler, test func(t *testing.T, s *vendorsim.Server), opts ...vendorsim.Option) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		s := vendorsim.Start(vendor(handler), opts...)
		defer s.Close()
		test(t, s)
	})
}

// wantClass checks an error's class and that it prints nothing it must not.
func wantClass(t *testing.T, err error, want failover.Class, when string) *failover.Error {
	t.Helper()
	if err == nil {
		t.Fatalf("%s: the provider reported success; want an error of class %v", when, want)
	}
	wantDiscreet(t, err)
	e := failover.Classify(err)
	if e.Class != want {
		t.Errorf("%s: the error is of class %v, want %v (%v)", when, e.Class, want, err)
	}
	return e
}

// wantRequests checks how many HTTP requests one call made.
func wantRequests(t *testing.T, s *vendorsim.Server, want int) {
	t.Helper()
	if got := s.Stats().Requests; got != want {
		t.Errorf("one call made %d HTTP requests, want %d: retries and redirects belong to the router, "+
			"and what can be refused locally needs no request", got, want)
	}
}

// wantDiscreet prints err in every way that programs print errors.
func wantDiscreet(t *testing.T, err error) {
	t.Helper()
	wantSilence(t, err, map[string]string{
		"the API key":          Key,
		"the request's text":   secretText,
		"the vendor's message": Canary,
		"the vendor's address": "vendor.test",
		"a URL":                "http://",
	})
}

// wantSilence prints err in the same ways, and looks for other secrets.
func wantSilence(t *testing.T, err error, secrets map[string]string) {
	t.Helper()
	for how, text := range printed(err) {
		for what, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%s of the error prints %s; keep it out of errors: %s", how, what, text)
			}
		}
	}
}

func printed(err error) map[string]string {
	all := map[string]string{
		"Error()": err.Error(),
		"%v":      fmt.Sprintf("%v", err),
		"%+v":     fmt.Sprintf("%+v", err),
		"%#v":     fmt.Sprintf("%#v", err),
		"%q":      fmt.Sprintf("%q", err),
		"%s":      fmt.Sprintf("%s", err),
	}
	for name, e := range map[string]any{"the error": err, "Classify(error)": failover.Classify(err)} {
		if text, err := json.Marshal(e); err == nil {
			all["JSON of "+name] = string(text)
		}
		var log bytes.Buffer
		slog.New(slog.NewTextHandler(&log, nil)).Error("failed", "err", e)
		slog.New(slog.NewJSONHandler(&log, nil)).Error("failed", "err", e)
		all["slog of "+name] = log.String()
		all["%+v of "+name] = fmt.Sprintf("%+v %#v", e, e)
	}
	return all
}

// wantEnded checks the error of a call that its context ended.
func wantEnded(t *testing.T, err error, want error, when string) {
	t.Helper()
	switch {
	case err == nil:
		t.Fatalf("%s: the provider reported success", when)
	case !errors.Is(err, want):
		t.Errorf("%s: the error does not match %v: %v", when, want, err)
	case errors.Is(want, context.DeadlineExceeded) && failover.Classify(err).Class != failover.ClassTimeout:
		t.Errorf("%s: the error is of class %v, want %v: time ran out, the answer was not at fault (%v)",
			when, failover.Classify(err).Class, failover.ClassTimeout, err)
	}
	wantDiscreet(t, err)
}
