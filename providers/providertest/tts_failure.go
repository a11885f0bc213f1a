package providertest

import (
	"net/http"
	"testing"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

func (c TTS) testAnswer(t *testing.T) {
	for _, fault := range []vendorsim.Fault{
		vendorsim.Empty(), vendorsim.Cut(), vendorsim.CutReset(), vendorsim.CutChunks(), vendorsim.BadChunk(), vendorsim.Page(),
		vendorsim.Body(http.StatusOK, "application/json", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "", `{"message":"`+Canary+`"}`),
		vendorsim.Body(http.StatusOK, "text/plain", Canary),
		vendorsim.Body(http.StatusNoContent, "", ""),
	} {
		inBubble(t, fault.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.FailAlways(fault)
			audio, err := c.provider(t, s).Do(t.Context(), c.Request)
			if err == nil {
				t.Fatalf("%d bytes of %v were passed off as whole", len(audio.Data), fault)
			}
			wantClass(t, err, failover.ClassIncomplete, fault.String())
			wantRequests(t, s, 1)
		})
	}
	for _, format := range c.formats() {
		if format.Encoding == tts.EncodingMuLaw || format.Encoding == tts.EncodingALaw {
			continue // any bytes are good samples
		}
		inBubble(t, "truncated "+format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Truncate())
			req := c.Request
			req.Format = format
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassIncomplete, "half of the audio under a good status")
		})
		if format.Encoding == tts.EncodingPCM {
			continue
		}
		inBubble(t, "something else than "+format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			s.Fail(vendorsim.Body(http.StatusOK, format.ContentType(), "\x01\x02\x03\x04 not that at all"))
			req := c.Request
			req.Format = format
			_, err := c.provider(t, s).Do(t.Context(), req)
			wantClass(t, err, failover.ClassIncomplete, "audio of another format")
		})
	}
	inBubble(t, "endless", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		if testing.Short() {
			t.Skip("reads until the provider has had enough")
		}
		const tooMuch = 1 << 30
		s.FailWhen(func(vendorsim.Request) vendorsim.Fault { return vendorsim.Endless(tooMuch) })
		_, err := c.provider(t, s).Do(t.Context(), c.Request)
		wantClass(t, err, failover.ClassIncomplete, "an answer without end")
		if s.Stats().Sent >= tooMuch {
			t.Error("a gigabyte was read: bound the answer")
		}
	})
}
