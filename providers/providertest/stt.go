package providertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
)

// STT describes a speech-to-text provider to be tested.
type STT struct {
	// New makes the provider: an account with key, at a vendor on baseURL,
	// reached through client. Required.
	New func(key, baseURL string, client *http.Client) (stt.Provider, error)
	// Vendor answers as the vendor does, and accepts [Key] alone. Required.
	Vendor http.Handler
	// Request is one that the provider supports. Its Audio and Format are
	// replaced.
	Request stt.Request
	// Text is what the vendor writes down of whatever it is sent. Empty for the
	// simulators of this module, which hear what is said.
	Text string
	// Formats are the headerless formats that the provider takes.
	Formats []stt.Format
	// TakesURL says that the vendor fetches audio from an https URL.
	TakesURL bool
	// Unsupported are requests that this provider cannot serve, though another
	// might. Those without Audio get some.
	Unsupported []stt.Request
	// Refusals are the vendor's error answers and what they mean.
	Refusals []Refusal
	// Partial are bodies of answers with a good status in which something is
	// missing that a transcript has.
	Partial []string
}

// sampleRate is that of the suite's audio.
const sampleRate = 8000

// TestSTT runs the suite.
func TestSTT(t *testing.T, c STT) {
	t.Helper()
	if c.New == nil || c.Vendor == nil {
		t.Fatal("providertest: STT needs New and Vendor")
	}
	c.Request.Audio, c.Request.Format = stt.Bytes(spokenFile()), stt.Format{}
	if err := c.Request.Validate(); err != nil {
		t.Fatalf("providertest: STT.Request: %v", err)
	}
	if c.Text == "" {
		c.Text = secretText
	}
	o := c.operation()
	t.Run("success", c.testSuccess)
	t.Run("sources", c.testSources)
	t.Run("URL", c.testURL)
	t.Run("before anything is sent", c.testLocal)
	t.Run("refusals", o.testRefusals)
	t.Run("connection", o.testConnection)
	t.Run("upload", c.testUpload)
	t.Run("answer", c.testAnswer)
	t.Run("another attempt", c.testAgain)
	t.Run("time", o.testTime)
	t.Run("concurrency", o.testConcurrency)
	t.Run("health check", o.testHealth)
}

// spokenFile is a WAV file in which the secret is told.
func spokenFile() []byte { return vendorsim.SayWAV(secretText, sampleRate) }

// longFile is spokenFile with so many seconds of silence behind it.
func longFile(seconds int) []byte {
	return vendorsim.SayWAV(secretText+strings.Repeat("[..]", seconds), 16000)
}

// So much silence is more than a server takes in after it has answered, and
// more than the network takes in before anybody reads.
const (
	longForServer  = 30
	longForNetwork = 300
)

func (c STT) operation() operation {
	return operation{
		vendor: c.Vendor, refusals: c.Refusals,
		make: func(t *testing.T, key string, s *vendorsim.Server, client *http.Client) (call, check func(ctx context.Context) error) {
			t.Helper()
			p := c.providerWith(t, key, s, client)
			return func(ctx context.Context) error {
				heard, err := p.Do(ctx, c.Request)
				if err == nil && (heard == nil || heard.Text != c.Text) {
					err = errors.New("the transcript is not what was said")
				}
				return err
			}, p.Check
		},
	}
}

// provider makes the provider under test.
func (c STT) provider(t *testing.T, s *vendorsim.Server) stt.Provider {
	t.Helper()
	return c.providerWith(t, Key, s, s.Client())
}

func (c STT) providerWith(t *testing.T, key string, s *vendorsim.Server, client *http.Client) stt.Provider {
	t.Helper()
	p, err := c.New(key, s.URL(), client)
	if err != nil {
		t.Fatalf("New failed: %v", err)
	}
	return p
}

// secretFile puts the suite's audio into a file whose path is nobody's business.
func secretFile(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "patient-4711.wav")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// sentAudio is the audio in a request: the part of a form that is a file, or
// the body.
func sentAudio(t *testing.T, r vendorsim.Request) []byte {
	t.Helper()
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return r.Body
	}
	for form := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"]); ; {
		part, err := form.NextPart()
		if err != nil {
			return nil
		}
		if part.FileName() != "" {
			data, err := io.ReadAll(part)
			if err != nil {
				t.Errorf("the form is cut: %v", err)
			}
			return data
		}
	}
}

// wantSent checks that the nth request has all of the samples, or all of the
// file.
func wantSent(t *testing.T, s *vendorsim.Server, n int, audio []byte) {
	t.Helper()
	all := s.Requests()
	if len(all) <= n {
		t.Fatalf("the vendor got %d requests, want %d at least", len(all), n+1)
	}
	if sent := sentAudio(t, all[n]); !bytes.HasSuffix(sent, audio) {
		t.Errorf("the vendor got %d bytes of audio, which do not end with the %d bytes of the request: "+
			"open the audio anew for every attempt, and send all of it", len(sent), len(audio))
	}
}
