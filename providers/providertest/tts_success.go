package providertest

import (
	"context"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

func (c TTS) testSuccess(t *testing.T) {
	for _, format := range c.formats() {
		inBubble(t, format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			p, req := c.provider(t, s), c.Request
			req.Format = format
			if p.Supports != nil && !p.Supports(req) {
				t.Fatalf("Supports says no to %v, which is said to be delivered", format)
			}
			got, err := p.Do(t.Context(), req)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			wantAudio(t, got, format)
			wantRequests(t, s, 1)
		})
	}
	overTCP(t, "over TCP", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		for range 2 { // the second on a connection that was used before
			got, err := p.Do(t.Context(), c.Request)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			wantAudio(t, got, c.Request.Format)
		}
		if n := s.Stats().Connections; n != 1 {
			t.Errorf("two calls one after the other took %d connections, want 1: read every answer to its end", n)
		}
	})
	inBubble(t, "the provider itself", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		if _, err := failover.New(failover.Providers(p)); err != nil {
			t.Errorf("no router can be made of the provider: %v", err)
		}
		if p.SideEffect {
			t.Error("speech has no side effect; SideEffect would forbid failover")
		}
	})
}

func wantAudio(t *testing.T, got *tts.Audio, format tts.Format) {
	t.Helper()
	if got.Empty() {
		t.Fatal("the answer is empty, and was passed off as a success")
	}
	if _, err := tts.NewAudio(format, got.Data); err != nil {
		t.Errorf("the answer is not what was asked for: %v", err)
	}
	if !format.Allows(got.Format) || got.Format.SampleRate == 0 || got.Format.Channels == 0 {
		t.Errorf("Audio.Format is %v, want one that fits %v with rate and channels set", got.Format, format)
	}
	if got.Duration <= 0 {
		t.Error("Audio.Duration is not set")
	}
	if got.Characters <= 0 {
		t.Error("Audio.Characters is not set")
	}
	if got.Provider == "" {
		t.Error("Audio.Provider is not set")
	}
}

func (c TTS) testLocal(t *testing.T) {
	for name, req := range c.textless() {
		inBubble(t, name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassInvalid, name)
			wantRequests(t, s, 0)
		})
	}
	for _, req := range c.Unsupported {
		req.Text = secretText
		name := req.Voice + " " + req.Model + " " + req.Language + " " + req.Format.String()
		inBubble(t, name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			p := c.provider(t, s)
			if p.Supports == nil || p.Supports(req) {
				t.Error("Supports does not say no, so a router wastes an attempt")
			}
			_, err := p.Do(t.Context(), req)
			e := wantClass(t, err, failover.ClassUnsupported, name)
			if e.Outcome != failover.OutcomeNotAccepted {
				t.Errorf("the outcome is %v, want %v: nothing was sent", e.Outcome, failover.OutcomeNotAccepted)
			}
			wantRequests(t, s, 0)
		})
	}
	inBubble(t, "context that has ended", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := c.provider(t, s).Do(ctx, c.Request)
		wantEnded(t, err, context.Canceled, "a context that ended before the call")
		wantRequests(t, s, 0)
	})
}
