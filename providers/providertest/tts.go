package providertest

import (
	"context"
	"net/http"
	"testing"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/tts"
)

// secretText is what the suite has spoken. It must turn up in no error.
const secretText = "The vault opens with nine four seven."

// TTS describes a text-to-speech provider to be tested.
type TTS struct {
	// New makes the provider: an account with key, at a vendor on baseURL,
	// reached through client. Required.
	New func(key, baseURL string, client *http.Client) (tts.Provider, error)
	// Vendor answers as the vendor does, and accepts [Key] alone. The audio
	// it makes must be at least a few hundred bytes long. Required.
	Vendor http.Handler
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
}

// TestTTS runs the suite.
func TestTTS(t *testing.T, c TTS) {
	t.Helper()
	if c.New == nil || c.Vendor == nil {
		t.Fatal("providertest: TTS needs New and Vendor")
	}
	c.Request.Text = secretText
	if err := c.Request.Validate(); err != nil {
		t.Fatalf("providertest: TTS.Request: %v", err)
	}
	t.Run("success", c.testSuccess)
	t.Run("before anything is sent", c.testLocal)
	o := c.operation()
	t.Run("refusals", o.testRefusals)
	t.Run("connection", o.testConnection)
	t.Run("answer", c.testAnswer)
	t.Run("time", o.testTime)
	t.Run("concurrency", o.testConcurrency)
	t.Run("health check", o.testHealth)
}

func (c TTS) operation() operation {
	return operation{
		vendor: c.Vendor, refusals: c.Refusals,
		make: func(t *testing.T, key string, s *vendorsim.Server, client *http.Client) (call, check func(ctx context.Context) error) {
			t.Helper()
			p := c.providerWith(t, key, s, client)
			return func(ctx context.Context) error {
				audio, err := p.Do(ctx, c.Request)
				if err == nil {
					_, err = tts.NewAudio(c.Request.Format, audio.Data)
				}
				return err
			}, p.Check
		},
	}
}

// provider makes the provider under test.
func (c TTS) provider(t *testing.T, s *vendorsim.Server) tts.Provider {
	t.Helper()
	return c.providerWith(t, Key, s, s.Client())
}

func (c TTS) providerWith(t *testing.T, key string, s *vendorsim.Server, client *http.Client) tts.Provider {
	t.Helper()
	p, err := c.New(key, s.URL(), client)
	if err != nil {
		t.Fatalf("New failed: %v", err)
	}
	return p
}

// formats are all that are said to be delivered.
func (c TTS) formats() []tts.Format {
	return append([]tts.Format{c.Request.Format}, c.Formats...)
}

// textless are requests that nobody can serve.
func (c TTS) textless() map[string]tts.Request {
	empty, blank, garbled, noFormat, mute, fast, babel := c.Request, c.Request, c.Request, c.Request, c.Request, c.Request, c.Request
	empty.Text = ""
	blank.Text = " \n\t"
	garbled.Text = "caf\xe9"
	noFormat.Format = tts.Format{}
	mute.Format = tts.Format{Encoding: "telegraph"}
	fast.Speed = 100
	babel.Language = "not a language"
	return map[string]tts.Request{
		"empty text": empty, "blank text": blank, "text that is not UTF-8": garbled, "no format": noFormat,
		"unknown encoding": mute, "absurd speed": fast, "malformed language": babel,
	}
}
