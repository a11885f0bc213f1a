package providertest

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

// strikes are after how many chunks a fault strikes.
var strikes = []int{0, 1, 3}

// testFlow sees that a chunk is there when the vendor has sent it, and that
// nobody hurries the vendor or the consumer.
func (c TTSStream) testFlow(t *testing.T) {
	const pause = time.Second
	c.bubble(t, "slow vendor", func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		s.FailAlways(vendorsim.Pace(pause))
		got := receive(c.provider(t, s).Do(t.Context(), c.Request), nil)
		c.wantWhole(t, got, sent.bytes(), c.Request)
		if total := got.at[len(got.at)-1]; got.at[0] > total/2 {
			t.Errorf("the first chunk came after %v of %v: pass each on when it is there", got.at[0], total)
		}
	})
	for _, fault := range []vendorsim.Fault{vendorsim.SlowFirstByte(time.Minute), vendorsim.SlowFirstChunk(time.Minute)} {
		c.bubble(t, fault.String(), func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
			s.FailAlways(fault)
			got := receive(c.provider(t, s).Do(t.Context(), c.Request), nil)
			c.wantWhole(t, got, sent.bytes(), c.Request)
			if got.at[0] != time.Minute {
				t.Errorf("the first chunk came after %v, want %v", got.at[0], time.Minute)
			}
		})
	}
	c.bubble(t, "slow consumer", func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		got := receive(c.provider(t, s).Do(t.Context(), c.Request), func(int) { <-time.After(time.Minute) })
		c.wantWhole(t, got, sent.bytes(), c.Request)
		wantRequests(t, s, 1)
	})
}

// testBroken breaks the stream: what came before is right, and it ends with an
// error.
func (c TTSStream) testBroken(t *testing.T) {
	for _, n := range strikes {
		for _, fault := range []vendorsim.Fault{vendorsim.CutAfter(n), vendorsim.ResetAfter(n), vendorsim.BadChunkAfter(n)} {
			c.testBreak(t, fault, c.Request)
		}
	}
	for _, format := range append([]tts.Format{c.Request.Format}, c.Formats...) {
		req := c.Request
		req.Format = format
		if c.Aligned || format.Encoding == tts.EncodingOpus {
			c.testBreak(t, vendorsim.EndAfter(1), req)
		}
		// Any bytes are good samples of G.711.
		if c.Aligned || format.Encoding != tts.EncodingMuLaw && format.Encoding != tts.EncodingALaw {
			c.testBreak(t, vendorsim.EndWithin(1), req)
		}
		c.testBreak(t, vendorsim.EndAfter(0), req)
	}
	if c.Audio != nil {
		c.testBreak(t, vendorsim.ReplaceAfter(1, "nonsense"), c.Request)
		c.testBreak(t, vendorsim.ReplaceAfter(1, `{"`), c.Request)
	}
	c.testBreak(t, vendorsim.ReplaceAfter(0, "<!DOCTYPE html><html><body>Please sign in.</body></html>"), c.Request)
	c.testBreak(t, vendorsim.ReplaceAfter(1, `{"message":"`+Canary+`"}`), c.Request)
}

func (c TTSStream) testBreak(t *testing.T, fault vendorsim.Fault, req tts.Request) {
	t.Helper()
	c.bubble(t, fault.String()+" of "+req.Format.String(), func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		s.FailAlways(fault)
		got := receive(c.provider(t, s).Do(t.Context(), req), nil)
		if got.err == nil {
			t.Fatalf("%d bytes before %v were passed off as whole", len(got.audio), fault)
		}
		wantClass(t, got.err, failover.ClassIncomplete, fault.String())
		c.wantPart(t, got, sent.bytes())
		wantRequests(t, s, 1)
	})
}

// wantPart checks what was delivered of a stream that broke off.
func (c TTSStream) wantPart(t *testing.T, got received, sent []byte) {
	t.Helper()
	if got.summary() != nil {
		t.Error("a stream that broke off has a Summary, which says that it is whole")
	}
	if !bytes.HasPrefix(sent, got.audio) {
		t.Error("what came before the failure is not what the vendor sent")
	}
}

func (c TTSStream) testEvents(t *testing.T) {
	for _, event := range c.Events {
		for _, n := range strikes {
			c.bubble(t, fmt.Sprintf("%s after %d chunks", event.Name, n), func(t *testing.T, s *vendorsim.Server, _ *sentBody) {
				s.FailAlways(vendorsim.ReplaceAfter(n, event.Body))
				got := receive(c.provider(t, s).Do(t.Context(), c.Request), nil)
				e := wantClass(t, got.err, event.Want, event.Name)
				if e.Code != event.Code {
					t.Errorf("Error.Code is %q, want %q: read the error inside the answer", e.Code, event.Code)
				}
				if bytes.Contains(got.audio, []byte(event.Body)) {
					t.Error("the error was delivered as audio")
				}
				wantRequests(t, s, 1)
			})
		}
	}
}

// testEnded ends a stream that has stalled.
func (c TTSStream) testEnded(t *testing.T) {
	const deadline, cancelled = 5 * time.Second, 2 * time.Second
	for _, n := range strikes {
		fault := vendorsim.StallAfter(n)
		c.bubble(t, "deadline in a "+fault.String(), func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
			s.FailAlways(fault)
			ctx, cancel := context.WithTimeout(t.Context(), deadline)
			defer cancel()
			start := time.Now()
			got := receive(c.provider(t, s).Do(ctx, c.Request), nil)
			wantEnded(t, got.err, context.DeadlineExceeded, "the caller's deadline")
			wantAt(t, start, deadline)
			c.wantPart(t, got, sent.bytes())
			wantGone(t, s)
		})
		c.bubble(t, "cancel in a "+fault.String(), func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
			s.FailAlways(fault)
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(cancelled, cancel)
			start := time.Now()
			got := receive(c.provider(t, s).Do(ctx, c.Request), nil)
			wantEnded(t, got.err, context.Canceled, "the caller's cancel")
			wantAt(t, start, cancelled)
			c.wantPart(t, got, sent.bytes())
			wantGone(t, s)
		})
	}
}

// testLeft leaves the loop over a stream.
func (c TTSStream) testLeft(t *testing.T) {
	c.bubble(t, "after the first chunk", func(t *testing.T, s *vendorsim.Server, _ *sentBody) {
		s.FailAlways(vendorsim.Pace(time.Minute))
		for _, err := range c.provider(t, s).Do(t.Context(), c.Request) {
			if err != nil {
				t.Fatalf("the stream failed: %v", err)
			}
			break
		}
		wantGone(t, s)
	})
	c.bubble(t, "by a panic", func(t *testing.T, s *vendorsim.Server, _ *sentBody) {
		s.FailAlways(vendorsim.Pace(time.Minute))
		p := c.provider(t, s)
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the consumer's panic did not come through")
				}
			}()
			for range p.Do(t.Context(), c.Request) { //nolint:errcheck // an item or an error: the consumer panics
				panic("the consumer's own")
			}
		}()
		wantGone(t, s)
	})
}

// testRouted puts the provider into a router beside itself.
func (c TTSStream) testRouted(t *testing.T) {
	client := func(t *testing.T, s *vendorsim.Server, actions ...failover.Interruption) *tts.StreamClient {
		t.Helper()
		first, second := c.provider(t, s), c.provider(t, s)
		first.Name, second.Name, second.Account = "first", "second", "second"
		client, err := tts.NewStream(failover.StreamProviders(first, second), failover.WithInterrupted(actions...))
		if err != nil {
			t.Fatalf("no router can be made of the provider: %v", err)
		}
		return client
	}
	c.bubble(t, "error inside, at once", func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		s.Fail(vendorsim.ReplaceAfter(0, `{}`))
		got := receive(client(t, s, failover.Fail).SynthesizeStream(t.Context(), c.Request), nil)
		c.wantWhole(t, got, sent.bytes(), c.Request)
		if total := got.summary(); total.Provider != "second" {
			t.Errorf("%s spoke, want the second provider", total.Provider)
		}
	})
	c.bubble(t, "restart", func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		s.Fail(vendorsim.CutAfter(1))
		audio, err := tts.Collect(client(t, s, failover.Restart).SynthesizeStream(t.Context(), c.Request))
		if err != nil {
			t.Fatalf("nobody took over: %v", err)
		}
		if !bytes.Equal(audio.Data, sent.bytes()) {
			t.Error("the audio after a restart is not the vendor's")
		}
	})
	c.bubble(t, "continue", func(t *testing.T, s *vendorsim.Server, _ *sentBody) {
		if _, ok := tts.Continue(c.Request, []tts.Chunk{{Data: []byte{0}, Format: c.Request.Format, Played: 1}}); !ok {
			t.Skip("the format of Request cannot be continued")
		}
		s.Fail(vendorsim.CutAfter(1))
		audio, err := tts.Collect(client(t, s, failover.Continue).SynthesizeStream(t.Context(), c.Request))
		if err != nil {
			t.Fatalf("nobody took over: %v; set Continue", err)
		}
		wantAudio(t, audio, c.Request.Format)
		wantRequests(t, s, 2)
	})
}
