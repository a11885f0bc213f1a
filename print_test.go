package failover_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
)

// planted must be found nowhere. It stands for keys, bodies, prompts, phone
// numbers and addresses.
const planted = "hunter2"

// loudError prints its secret wherever it is asked.
type loudError struct{ Secret string }

func (e loudError) Error() string                { return "loud " + e.Secret }
func (e loudError) String() string               { return e.Secret }
func (e loudError) GoString() string             { return e.Secret }
func (e loudError) LogValue() slog.Value         { return slog.StringValue(e.Secret) }
func (e loudError) MarshalJSON() ([]byte, error) { return []byte(strconv.Quote(e.Secret)), nil }
func (e loudError) MarshalText() ([]byte, error) { return []byte(e.Secret), nil }
func (e loudError) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, e.Secret) }
func (e loudError) StatusCode() int              { return 503 }

// leaks are errors whose text holds the secret.
func leaks() map[string]error {
	where := &net.TCPAddr{IP: net.IPv4(10, 1, 2, 3), Port: 4433, Zone: planted}
	request := &url.Error{Op: "Post", URL: "https://" + planted + "@api/v1?key=" + planted, Err: errors.New(planted)}
	return map[string]error{
		"text":               errors.New("key " + planted),
		"wrapped":            fmt.Errorf("key %s: %w", planted, io.EOF),
		"joined":             errors.Join(errors.New(planted), io.ErrUnexpectedEOF),
		"url":                request,
		"url of a lost dial": &url.Error{Op: "Post", URL: "https://" + planted, Err: &net.OpError{Op: "dial", Net: "tcp", Addr: where, Err: syscall.ECONNREFUSED}},
		"url of a timeout":   &url.Error{Op: "Post", URL: "https://" + planted, Err: context.DeadlineExceeded},
		"address":            &net.OpError{Op: "read", Net: "tcp", Source: where, Addr: where, Err: errors.New(planted)},
		"address error":      &net.AddrError{Err: planted, Addr: planted},
		"host":               &net.DNSError{Err: planted, Name: planted, Server: planted},
		"host not found":     &net.DNSError{Err: planted, Name: planted, Server: planted, IsNotFound: true},
		"certificate":        &tls.CertificateVerificationError{Err: x509.HostnameError{Host: planted, Certificate: &x509.Certificate{}}},
		"record":             tls.RecordHeaderError{Msg: planted},
		"body":               &json.UnmarshalTypeError{Value: planted, Field: planted},
		"number":             &strconv.NumError{Func: planted, Num: planted, Err: strconv.ErrSyntax},
		"loud":               loudError{planted},
		"loud, wrapped":      fmt.Errorf("%w", loudError{planted}),
		"vendor's message":   &failover.Error{Class: failover.ClassTransient, Status: 500, Message: "no such key " + planted},
		"vendor's cause":     &failover.Error{Class: failover.ClassInvalid, Message: planted, Err: request},
		"vendor's, wrapped":  fmt.Errorf("%s: %w", planted, &failover.Error{Class: failover.ClassTimeout, Message: planted, Err: loudError{planted}}),
		"rate limit":         &failover.Error{Class: failover.ClassRateLimited, Message: planted, RetryAfter: time.Minute, Err: errors.New(planted)},
		"refused key":        &failover.Error{Class: failover.ClassUnauthorized, Message: "bad key " + planted, Err: errors.New(planted)},
	}
}

// exposures are the ways in which something ends up in front of eyes.
func exposures(v any) map[string]string {
	shown := map[string]string{}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
		shown[verb] = fmt.Sprintf(verb, v)
	}
	data, err := json.Marshal(v)
	shown["JSON"] = string(data) + fmt.Sprint(err)
	for name, handler := range map[string]func(io.Writer, *slog.HandlerOptions) slog.Handler{
		"slog text": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewTextHandler(w, o) },
		"slog JSON": func(w io.Writer, o *slog.HandlerOptions) slog.Handler { return slog.NewJSONHandler(w, o) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out, nil)).Info("it", "value", v, slog.Group("group", "value", v))
		shown[name] = out.String()
	}
	if err, ok := v.(error); ok {
		shown["wrapped"] = fmt.Errorf("wrapped: %w", err).Error()
		shown["joined"] = errors.Join(err, io.EOF).Error()
	}
	return shown
}

func requireNothingPlanted(t *testing.T, what string, v any) {
	t.Helper()
	for how, text := range exposures(v) {
		require.NotContains(t, text, planted, "%s: %T by %s", what, v, how)
		require.NotContains(t, text, "10.1.2.3", "%s: %T by %s", what, v, how)
		require.NotContains(t, text, "PANIC", "%s: %T by %s", what, v, how)
		require.NotContains(t, text, "panicked\n", "%s: %T by %s", what, v, how)
	}
}

// requireErrorIsSilent looks at an error of ours and at everything of ours that
// it holds, values as well as pointers.
func requireErrorIsSilent(t *testing.T, err error) {
	t.Helper()
	requireNothingPlanted(t, "error", err)
	var attempts []failover.Attempt
	switch e := err.(type) {
	case *failover.AllFailedError:
		requireNothingPlanted(t, "value", *e)
		attempts = e.Attempts
		for _, s := range e.Skipped {
			requireNothingPlanted(t, "skip", s)
		}
	case *failover.CanceledError:
		requireNothingPlanted(t, "value", *e)
		attempts = e.Attempts
	case *failover.UncertainError:
		requireNothingPlanted(t, "value", *e)
		attempts = append(e.Attempts, e.Attempt)
	case *failover.NoneAvailableError:
		requireNothingPlanted(t, "value", *e)
	}
	for _, a := range attempts {
		requireNothingPlanted(t, "attempt", a)
		requireNothingPlanted(t, "attempt", &a)
		requireNothingPlanted(t, "attempt's error", a.Err)
		if a.Err != nil {
			requireNothingPlanted(t, "attempt's error as a value", *a.Err)
			requireNothingPlanted(t, "in a struct", struct{ Err error }{a.Err})
			requireNothingPlanted(t, "in a struct as a value", struct{ Err failover.Error }{*a.Err})
			requireNothingPlanted(t, "in a map", map[string]any{"err": a.Err})
		}
	}
}

func TestNothingSecretIsPrinted(t *testing.T) {
	t.Parallel()
	for name, leak := range leaks() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var logged bytes.Buffer
				notes := &notebook{}
				all := &slog.HandlerOptions{Level: slog.LevelDebug}
				a, b := newActor("a"), newActor("b")
				a.fails(leak)
				b.failsAs(failover.ClassTimeout)
				pa := a.provider()
				pa.Check = func(context.Context) error { return leak }
				pb := b.provider()
				pb.Validate = func(context.Context, string, string) error { return leak }
				r := withProviders(t, failover.Providers(pa, pb), notes.option(),
					failover.WithLogger(slog.New(slog.NewJSONHandler(&logged, all))),
					failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second}))

				ctx, cancel := context.WithCancelCause(failover.Operation(t.Context(), "op"))
				for range 6 {
					_, err := r.Do(ctx, "prompt "+planted)
					require.Error(t, err)
					requireErrorIsSilent(t, err)
					wait(t, time.Second)
				}
				b.plays(func(context.Context) (string, error) { return planted, nil }) // and Validate refuses it
				for range 3 {
					_, err := r.Do(ctx, planted)
					require.Error(t, err)
					requireErrorIsSilent(t, err)
					wait(t, 15*time.Second)
				}
				cancel(errors.New(planted))
				_, err := r.Do(ctx, planted)
				require.ErrorIs(t, err, context.Canceled)
				requireErrorIsSilent(t, err)

				requireNothingPlanted(t, "status", r.Status())
				s := r.Status()
				requireNothingPlanted(t, "status", &s)
				for _, p := range s.Providers {
					requireNothingPlanted(t, "status", p)
					requireNothingPlanted(t, "last error", p.LastError)
					if p.Health != nil {
						requireNothingPlanted(t, "last probe", p.Health.LastError)
					}
				}
				plan, err := r.Plan(t.Context(), planted)
				require.NoError(t, err)
				requireNothingPlanted(t, "plan", plan)
				require.NoError(t, r.Close())
				require.NotEmpty(t, notes.all())
				for _, e := range notes.all() {
					requireNothingPlanted(t, "event", e)
				}
				require.NotEmpty(t, logged.String())
				require.NotContains(t, logged.String(), planted)
				requireNothingPlanted(t, "classified", failover.Classify(leak))
			})
		})
	}
}

func TestNothingSecretIsPrintedOfASideEffect(t *testing.T) {
	t.Parallel()
	for name, leak := range leaks() {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T) {
				var logged bytes.Buffer
				notes := &notebook{}
				a := newActor("a")
				a.fails(leak)
				p := a.provider()
				p.SideEffect = true
				p.Lookup = func(context.Context, string, failover.Attempt) (string, error) { return "", leak }
				r := withProviders(t, failover.Providers(p), notes.option(),
					failover.WithLogger(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug}))))
				_, err := r.Do(failover.Operation(t.Context(), "op"), "call +1 "+planted)
				require.Error(t, err)
				requireErrorIsSilent(t, err)
				require.NoError(t, r.Report("op", "a", failover.OutcomeNotAccepted, leak))
				for _, e := range notes.all() {
					requireNothingPlanted(t, "event", e)
				}
				requireNothingPlanted(t, "status", r.Status())
				require.NotContains(t, logged.String(), planted)
			})
		})
	}
}

func TestNothingSecretIsPrintedOfAPanic(t *testing.T) {
	bubble(t, func(t *testing.T) {
		var logged bytes.Buffer
		notes := &notebook{}
		p := newActor("a").provider()
		p.Check = func(context.Context) error { panic(loudError{planted}) }
		r := withProviders(t, failover.Providers(p), notes.option(),
			failover.WithLogger(slog.New(slog.NewTextHandler(&logged, nil))),
			failover.WithHealthChecks(failover.HealthPolicy{Interval: time.Second}))
		wait(t, 5*time.Second)
		require.NoError(t, r.Close())
		require.NotEmpty(t, noted[failover.PanicEvent](notes))
		for _, e := range notes.all() {
			requireNothingPlanted(t, "event", e)
		}
		require.Contains(t, logged.String(), "provider code panicked")
		require.NotContains(t, logged.String(), planted)
	})
}

// promised is an adapter's error that vouches for its text.
type promised struct{}

func (promised) Error() string { return "voice table has no row" }
func (promised) SafeToPrint()  {}

func TestSafeToPrintIsPrinted(t *testing.T) {
	t.Parallel()
	for _, err := range []error{promised{}, fmt.Errorf("%s: %w", planted, promised{})} {
		e := &failover.Error{Class: failover.ClassUnsupported, Err: err}
		require.Equal(t, "unsupported (voice table has no row)", e.Error())
	}
}

func TestPrintedTextIsFitForALine(t *testing.T) {
	t.Parallel()
	e := &failover.Error{
		Provider: "a", Class: failover.ClassTransient, Code: strings.Repeat("\u202e\nx\x00", 500),
		RequestID: strings.Repeat("y\r", 500), Status: 500,
	}
	text := e.Error()
	require.Less(t, len(text), 300)
	require.NotContains(t, text, "\n")
	require.NotContains(t, text, "\u202e")
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("it", "error", e)
	require.Less(t, out.Len(), 500)
}
