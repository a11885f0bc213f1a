package providertest

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

func (c STT) testSuccess(t *testing.T) {
	words, diarized, bare := c.Request, c.Request, c.Request
	words.Words, diarized.Diarize, bare.NoPunctuation = true, true, true
	for name, req := range map[string]stt.Request{"plain": c.Request, "words": words, "speakers": diarized, "no punctuation": bare} {
		inBubble(t, name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			c.testHeard(t, s, req)
		})
	}
	overTCP(t, "over TCP", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p := c.provider(t, s)
		for range 2 { // the second on a connection that was used before
			heard, err := p.Do(t.Context(), c.Request)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			c.wantTranscript(t, heard, c.Request)
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
			t.Error("listening has no side effect; SideEffect would forbid failover")
		}
	})
}

// testHeard wants what was asked for, or to be told that this provider does not
// offer it.
func (c STT) testHeard(t *testing.T, s *vendorsim.Server, req stt.Request) {
	t.Helper()
	p := c.provider(t, s)
	heard, err := p.Do(t.Context(), req)
	if p.Supports != nil && !p.Supports(req) {
		wantClass(t, err, failover.ClassUnsupported, "a request that Supports says no to")
		wantRequests(t, s, 0)
		return
	}
	if err != nil {
		t.Fatalf("Do failed: %v", err)
	}
	c.wantTranscript(t, heard, req)
	wantRequests(t, s, 1)
	wantSent(t, s, 0, spokenFile())
}

func (c STT) wantTranscript(t *testing.T, heard *stt.Transcript, req stt.Request) {
	t.Helper()
	if heard == nil {
		t.Fatal("the answer is empty, and was passed off as a success")
	}
	want := c.Text
	if req.NoPunctuation {
		want = strings.ToLower(strings.TrimSuffix(want, "."))
	}
	said := make([]string, len(heard.Words))
	for i, w := range heard.Words {
		said[i] = w.Text
	}
	switch {
	case heard.Text != want:
		t.Error("Transcript.Text is not what was said")
	case req.Words && strings.Join(said, " ") != want:
		t.Error("Transcript.Words are not what was said, though they were asked for")
	case heard.Provider == "":
		t.Error("Transcript.Provider is not set")
	case heard.Model == "":
		t.Error("Transcript.Model is not set")
	case heard.Duration <= 0:
		t.Error("Transcript.Duration is not set")
	case req.Language != "" && !tts.SameLanguage(heard.Language, req.Language):
		t.Errorf("Transcript.Language is %q, want that of the request, %q", heard.Language, req.Language)
	}
	for _, w := range heard.Words {
		if w.End <= w.Start || w.End > heard.Duration+time.Second {
			t.Errorf("a word is said from %v to %v in audio of %v", w.Start, w.End, heard.Duration)
		}
		if req.Diarize && w.Speaker == "" {
			t.Error("a word has no speaker, though speakers were asked for")
		}
	}
}

// testSources has the same audio from everywhere.
func (c STT) testSources(t *testing.T) {
	file := spokenFile()
	for name, source := range map[string]func(t *testing.T) stt.Source{
		"bytes":           func(*testing.T) stt.Source { return stt.Bytes(file) },
		"file":            func(t *testing.T) stt.Source { t.Helper(); return stt.File(secretFile(t, file)) },
		"reader":          func(*testing.T) stt.Source { return stt.Reader(onlyReader{bytes.NewReader(file)}, 0) },
		"reader at bound": func(*testing.T) stt.Source { return stt.Reader(onlyReader{bytes.NewReader(file)}, int64(len(file))) },
		"slow reader":     func(*testing.T) stt.Source { return stt.Reader(iotest.OneByteReader(bytes.NewReader(file)), 0) },
	} {
		inBubble(t, name, c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			req := c.Request
			req.Audio = source(t)
			heard, err := c.provider(t, s).Do(t.Context(), req)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			c.wantTranscript(t, heard, req)
			wantSent(t, s, 0, file)
		})
	}
	for _, format := range c.Formats {
		inBubble(t, format.String(), c.Vendor, func(t *testing.T, s *vendorsim.Server) {
			p, req, samples := c.provider(t, s), c.Request, spokenSamples(t, format)
			req.Audio, req.Format = stt.Bytes(samples), format
			if p.Supports != nil && !p.Supports(req) {
				t.Fatalf("Supports says no to %v, which is said to be taken", format)
			}
			heard, err := p.Do(t.Context(), req)
			if err != nil {
				t.Fatalf("Do failed: %v", err)
			}
			c.wantTranscript(t, heard, req)
			wantSent(t, s, 0, samples)
		})
	}
	inBubble(t, "long file", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		req, long := c.Request, longFile(longForServer)
		req.Audio = stt.Bytes(long)
		heard, err := c.provider(t, s).Do(t.Context(), req)
		if err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		c.wantTranscript(t, heard, req)
		wantSent(t, s, 0, long)
	})
}

// onlyReader has no other methods, above all none to read again.
type onlyReader struct{ io.Reader }

// spokenSamples tells the secret in a headerless format.
func spokenSamples(t *testing.T, format stt.Format) []byte {
	t.Helper()
	switch format.Encoding {
	case tts.EncodingPCM:
		return vendorsim.Say(secretText, format.SampleRate)
	case tts.EncodingMuLaw:
		return vendorsim.SayMuLaw(secretText, format.SampleRate)
	case tts.EncodingALaw:
		return vendorsim.SayALaw(secretText, format.SampleRate)
	default:
		t.Fatalf("providertest: STT.Formats: %v is not headerless", format)
		return nil
	}
}

// testURL sees to it that nobody fetches what the caller did not allow.
func (c STT) testURL(t *testing.T) {
	inBubble(t, "as it is", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		p, req := c.provider(t, s), c.Request
		// At the vendor's own address: whoever fetches it is seen.
		req.Audio = stt.URL(strings.Replace(s.URL(), "http:", "https:", 1) + "/secret-token/hello-there.wav")
		if !c.TakesURL {
			if p.Supports == nil || p.Supports(req) {
				t.Error("Supports does not say no to a URL, so a router wastes an attempt")
			}
			_, err := p.Do(t.Context(), req)
			wantClass(t, err, failover.ClassUnsupported, "a URL, which this vendor does not take")
			wantRequests(t, s, 0)
			return
		}
		heard, err := p.Do(t.Context(), req)
		if err != nil {
			t.Fatalf("Do failed: %v", err)
		}
		if heard.Text == "" {
			t.Error("the transcript is empty")
		}
		wantRequests(t, s, 1)
		if !bytes.Contains(s.Requests()[0].Body, []byte("secret-token/hello-there.wav")) {
			t.Error("the vendor was not told the URL")
		}
	})
	inBubble(t, "that may be fetched", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		fetched := 0
		req := c.Request
		storage := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			fetched++
			return vendorsim.Record(http.StatusOK, http.Header{}, string(spokenFile())), nil
		})}
		req.Audio = stt.URL("https://audio.test/hello-there.wav").FetchWith(storage, 0)
		for range 2 {
			if _, err := c.provider(t, s).Do(t.Context(), req); err != nil {
				t.Fatalf("Do failed: %v", err)
			}
		}
		want := 1
		if c.TakesURL {
			want = 0
		}
		if fetched != want {
			t.Errorf("the audio was fetched %d times for two attempts, want %d", fetched, want)
		}
	})
	inBubble(t, "that cannot be fetched", c.Vendor, func(t *testing.T, s *vendorsim.Server) {
		if c.TakesURL {
			t.Skip("the vendor fetches it")
		}
		req := c.Request
		storage := &http.Client{Transport: transport(func(*http.Request) (*http.Response, error) {
			return nil, errors.New("no route to " + Canary)
		})}
		req.Audio = stt.URL("https://audio.test/hello-there.wav").FetchWith(storage, 0)
		_, err := c.provider(t, s).Do(t.Context(), req)
		wantClass(t, err, failover.ClassUnsatisfactory, "audio that cannot be fetched")
		wantRequests(t, s, 0)
	})
}

// transport is an http.RoundTripper in a function.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
