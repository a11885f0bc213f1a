package providertest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

// TTSStream describes a streaming text-to-speech provider to be tested.
type TTSStream struct {
	// New makes the provider: an account with key, at a vendor on baseURL,
	// reached through client. Required.
	New func(key, baseURL string, client *http.Client) (tts.StreamProvider, error)
	// Vendor answers as the vendor does, and accepts [Key] alone. What it
	// flushes is what the suite counts as a chunk; an answer without a flush is
	// cut into chunks of half a kilobyte. It must be at least two. Required.
	Vendor http.Handler
	// Audio takes the audio out of a body of the vendor. nil: the body is
	// audio and nothing else.
	Audio func(body []byte) []byte
	// Aligned says that the vendor tells what has been spoken.
	Aligned bool
	// Request is one that the provider supports. Its Text is replaced.
	// Required.
	Request tts.Request
	// Formats the provider delivers, besides that of Request.
	Formats []tts.Format
	// Unsupported are changes to Request that make it one that this provider
	// cannot serve, though another might.
	Unsupported []tts.Request
	// Refusals are the vendor's error answers and what they mean.
	Refusals []Refusal
	// Events are the bodies of errors that the vendor sends inside an answer
	// that began as a success, and what they mean. Status and Header are not
	// used.
	Events []Refusal
}

// TestTTSStream runs the suite: that of [TestTTS] on streams read to their end,
// and what only streams have.
func TestTTSStream(t *testing.T, c TTSStream) {
	t.Helper()
	if c.New == nil || c.Vendor == nil {
		t.Fatal("providertest: TTSStream needs New and Vendor")
	}
	c.Request.Text = secretText
	if err := c.Request.Validate(); err != nil {
		t.Fatalf("providertest: TTSStream.Request: %v", err)
	}
	t.Run("read to its end", func(t *testing.T) { TestTTS(t, c.whole()) })
	t.Run("chunks", c.testChunks)
	t.Run("as it comes", c.testFlow)
	t.Run("broken off", c.testBroken)
	t.Run("error inside", c.testEvents)
	t.Run("ended by the context", c.testEnded)
	t.Run("left", c.testLeft)
	t.Run("in a router", c.testRouted)
}

// whole is the provider as one that is not a stream.
func (c TTSStream) whole() TTS {
	return TTS{
		New: func(key, baseURL string, client *http.Client) (tts.Provider, error) {
			p, err := c.New(key, baseURL, client)
			return tts.Provider{
				Name: p.Name, Account: p.Account, Check: p.Check, Supports: p.Supports,
				Do: func(ctx context.Context, req tts.Request) (*tts.Audio, error) { return tts.Collect(p.Do(ctx, req)) },
			}, err
		},
		Vendor: c.Vendor, Request: c.Request, Formats: c.Formats, Unsupported: c.Unsupported, Refusals: c.Refusals,
	}
}

func (c TTSStream) provider(t *testing.T, s *vendorsim.Server) tts.StreamProvider {
	t.Helper()
	p, err := c.New(Key, s.URL(), s.Client())
	if err != nil {
		t.Fatalf("New failed: %v", err)
	}
	return p
}

// bubble is inBubble with a record of what the vendor would have sent.
func (c TTSStream) bubble(t *testing.T, name string, test func(t *testing.T, s *vendorsim.Server, sent *sentBody)) {
	t.Helper()
	sent := &sentBody{next: c.Vendor, audio: c.Audio}
	inBubble(t, name, sent, func(t *testing.T, s *vendorsim.Server) { test(t, s, sent) })
}

// sentBody keeps the vendor's last whole answer.
type sentBody struct {
	next  http.Handler
	audio func([]byte) []byte

	mu   sync.Mutex
	body []byte
}

func (b *sentBody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	double := &doubleWriter{ResponseWriter: w}
	b.next.ServeHTTP(double, r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.body = double.body
}

// bytes is the audio of the answer.
func (b *sentBody) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.audio != nil {
		return b.audio(b.body)
	}
	return b.body
}

type doubleWriter struct {
	http.ResponseWriter
	body []byte
}

func (w *doubleWriter) Write(p []byte) (int, error) {
	w.body = append(w.body, p...)
	return w.ResponseWriter.Write(p)
}

func (w *doubleWriter) Flush() { _ = http.NewResponseController(w.ResponseWriter).Flush() }

// received is what came of a stream.
type received struct {
	chunks []tts.Chunk
	at     []time.Duration // when each came
	audio  []byte          // as it was when it came
	err    error
}

// receive ranges over a stream to its end, and calls each after each item.
func receive(stream failover.Stream[tts.Chunk], each func(n int)) received {
	var got received
	start := time.Now()
	for chunk, err := range stream {
		if err != nil {
			got.err = err
			continue // nothing may follow
		}
		got.chunks = append(got.chunks, chunk)
		got.at = append(got.at, time.Since(start))
		got.audio = append(got.audio, chunk.Data...)
		if each != nil {
			each(len(got.chunks))
		}
	}
	return got
}

// joined is the chunks' audio as it is now.
func (got received) joined() []byte {
	var all []byte
	for _, c := range got.chunks {
		all = append(all, c.Data...)
	}
	return all
}

func (got received) summary() *tts.Summary {
	for _, c := range got.chunks {
		if c.Summary != nil {
			return c.Summary
		}
	}
	return nil
}

// wantWhole checks a stream that must have succeeded.
func (c TTSStream) wantWhole(t *testing.T, got received, sent []byte, req tts.Request) {
	t.Helper()
	if got.err != nil {
		t.Fatalf("the stream failed: %v", got.err)
	}
	if !bytes.Equal(got.audio, sent) {
		t.Errorf("the chunks have %d bytes, the vendor's audio has %d and is not the same: pass on every byte, once and in order",
			len(got.audio), len(sent))
	}
	if !bytes.Equal(got.joined(), got.audio) {
		t.Error("a chunk changed after it was delivered: do not reuse its memory")
	}
	last := len(got.chunks) - 1
	for i, chunk := range got.chunks {
		if (chunk.Summary != nil) != (i == last) {
			t.Fatalf("item %d of %d: Summary belongs into the last item and into no other", i+1, last+1)
		}
		if text := fmt.Sprintf("%+v", tts.Chunk{Format: chunk.Format, Summary: chunk.Summary}); strings.Contains(text, Key) {
			t.Error("a chunk prints the API key")
		}
	}
	if last < 1 {
		t.Fatal("there are no chunks before the last item")
	}
	c.wantProgress(t, got.chunks[:last], req)
	wantSummary(t, got.chunks[last].Summary)
}

// wantProgress checks what chunks say of themselves.
func (c TTSStream) wantProgress(t *testing.T, chunks []tts.Chunk, req tts.Request) {
	t.Helper()
	var before tts.Chunk
	for i, chunk := range chunks {
		switch {
		case len(chunk.Data) == 0:
			t.Errorf("chunk %d is empty", i+1)
		case !req.Format.Allows(chunk.Format) || chunk.Format.SampleRate == 0 || chunk.Format.Channels == 0:
			t.Errorf("Chunk.Format is %v, want one that fits %v with rate and channels set", chunk.Format, req.Format)
		case chunk.Offset != req.Offset:
			t.Errorf("Chunk.Offset is %d, want that of the request, %d", chunk.Offset, req.Offset)
		case chunk.Played < before.Played || chunk.Spoken < before.Spoken:
			t.Errorf("chunk %d goes back in time: Played %v after %v, Spoken %d after %d",
				i+1, chunk.Played, before.Played, chunk.Spoken, before.Spoken)
		}
		before = chunk
	}
	if before.Played <= 0 {
		t.Error("Chunk.Played is not set")
	}
	if want := req.Offset + len([]rune(req.Text)); c.Aligned && before.Spoken != want {
		t.Errorf("Chunk.Spoken is %d at the end, want all %d characters", before.Spoken, want)
	}
}

func wantSummary(t *testing.T, s *tts.Summary) {
	t.Helper()
	switch {
	case s.Provider == "":
		t.Error("Summary.Provider is not set")
	case s.Characters <= 0:
		t.Error("Summary.Characters is not set")
	case s.Duration <= 0:
		t.Error("Summary.Duration is not set")
	}
}

func (c TTSStream) testChunks(t *testing.T) {
	for _, format := range append([]tts.Format{c.Request.Format}, c.Formats...) {
		c.bubble(t, format.String(), func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
			req := c.Request
			req.Format = format
			stream := c.provider(t, s).Do(t.Context(), req)
			wantRequests(t, s, 0) // nobody ranges over it yet
			c.wantWhole(t, receive(stream, nil), sent.bytes(), req)
			wantRequests(t, s, 1)
		})
	}
	c.bubble(t, "offset", func(t *testing.T, s *vendorsim.Server, sent *sentBody) {
		req := c.Request
		req.Offset = 7
		c.wantWhole(t, receive(c.provider(t, s).Do(t.Context(), req), nil), sent.bytes(), req)
	})
}
