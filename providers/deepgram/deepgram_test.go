package deepgram_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/tts"
)

const key = "deepgram-test-key"

var voices = tts.Voices{"host": "aura-2-thalia-en", "anfitriona": "aura-2-celeste-es"}

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...deepgram.Option) (*vendorsim.Server, *deepgram.Client) {
	t.Helper()
	s := vendorsim.Deepgram(key)
	t.Cleanup(s.Close)
	base := []deepgram.Option{deepgram.WithBaseURL(s.URL()), deepgram.WithHTTPClient(s.Client()), deepgram.WithVoices(voices)}
	c, err := deepgram.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return s, c
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, construct := range map[string]func() (*deepgram.Client, error){
		"deepgram: the API key is empty": func() (*deepgram.Client, error) { return deepgram.New("") },
		"deepgram: the API key contains a space, line end or other character that no key has": func() (*deepgram.Client, error) {
			return deepgram.New("Token " + key)
		},
		"deepgram: base URL: has no host": func() (*deepgram.Client, error) {
			return deepgram.New(key, deepgram.WithBaseURL("https:///v1"))
		},
		"deepgram: WithHTTPClient: the client is nil": func() (*deepgram.Client, error) {
			return deepgram.New(key, deepgram.WithHTTPClient(nil))
		},
		"deepgram: WithName: the name is empty": func() (*deepgram.Client, error) { return deepgram.New(key, deepgram.WithName("")) },
	} {
		c, err := construct()
		require.EqualError(t, err, want)
		assert.Nil(t, c)
		assert.NotContains(t, err.Error(), key)
	}
}

func TestClientPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	c, err := deepgram.New(key, deepgram.WithName("deep-eu"), nil)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "deepgram.Client(deep-eu)", fmt.Sprintf(verb, c))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "deepgram.Client(deep-eu)")
	assert.NotContains(t, log.String(), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	c, err := deepgram.New(key)
	require.NoError(t, err)
	assert.Equal(t, "deepgram", c.TTS().Name)
	assert.Equal(t, "deepgram", c.TTS().Account)

	c, err = deepgram.New(key, deepgram.WithName("fast"), deepgram.WithAccount("team"))
	require.NoError(t, err)
	assert.Equal(t, "fast", c.TTS().Name)
	assert.Equal(t, "team", c.TTS().Account)
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		opts  []deepgram.Option
		req   tts.Request
		query string
		voice string
	}{
		"plain": {
			req:   tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)},
			query: "container=wav&encoding=linear16&model=aura-2-thalia-en&sample_rate=24000", voice: "aura-2-thalia-en",
		},
		"default voice": {
			req:   tts.Request{Text: "Hello.", Format: tts.MP3(0, 0)},
			query: "bit_rate=48000&encoding=mp3&model=aura-2-thalia-en", voice: deepgram.DefaultVoice,
		},
		"explicit voice": {
			req:   tts.Request{Text: "Hello.", Voice: "deepgram:aura-luna-en", Format: tts.MP3(22050, 32000)},
			query: "bit_rate=32000&encoding=mp3&model=aura-luna-en", voice: "aura-luna-en",
		},
		"model, language and speed": {
			opts:  []deepgram.Option{deepgram.WithTTSModels(tts.Models{"best": "aura-2"})},
			req:   tts.Request{Text: "¡Hola!", Voice: "anfitriona", Model: "best", Language: "es-MX", Speed: 0.9, Format: tts.PCM(16000)},
			query: "container=none&encoding=linear16&model=aura-2-celeste-es&sample_rate=16000&speed=0.9", voice: "aura-2-celeste-es",
		},
		"telephony": {
			req:   tts.Request{Text: "Hello.", Voice: "host", Speed: 1, Format: tts.MuLaw(8000)},
			query: "container=none&encoding=mulaw&model=aura-2-thalia-en&sample_rate=8000", voice: "aura-2-thalia-en",
		},
		"Opus": {
			req:   tts.Request{Text: "Hello.", Voice: "host", Format: tts.Opus(32000)},
			query: "bit_rate=32000&container=ogg&encoding=opus&model=aura-2-thalia-en", voice: "aura-2-thalia-en",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, c.opts...)
			audio, err := client.TTS().Do(t.Context(), c.req)
			require.NoError(t, err)
			seen := s.Requests()
			require.Len(t, seen, 1)
			assert.Equal(t, http.MethodPost, seen[0].Method)
			assert.Equal(t, "/v1/speak", seen[0].Path)
			assert.Equal(t, c.query, seen[0].Query.Encode())
			var body map[string]any
			require.NoError(t, json.Unmarshal(seen[0].Body, &body))
			assert.Equal(t, map[string]any{"text": c.req.Text}, body)
			assert.True(t, seen[0].Keyed)

			assert.Equal(t, c.voice, audio.Model)
			assert.Equal(t, c.voice, audio.Voice)
			assert.Equal(t, "deepgram", audio.Provider)
			assert.Equal(t, "deep-1", audio.RequestID)
			assert.Equal(t, 6, audio.Characters)
		})
	}
}

// A server of one's own may have voices of any name.
func TestVoicesOfAnotherShape(t *testing.T) {
	t.Parallel()
	c, err := deepgram.New(key, deepgram.WithVoices(tts.Voices{"host": "6f1c-custom"}))
	require.NoError(t, err)
	assert.True(t, c.TTS().Supports(tts.Request{Text: "a", Voice: "host", Language: "da", Format: tts.WAV(24000)}))
}

// The vendor may tell its own count, or none at all.
func TestCharacters(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	good, err := client.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.MP3(0, 0)})
	require.NoError(t, err)
	for count, want := range map[string]int{"": 2, "12": 12, "many": 2, "-3": 2} {
		s.Fail(vendorsim.Answered(vendorsim.Answer{
			Status: 200, Body: good.Data, Header: http.Header{"Content-Type": {"audio/mpeg"}, "Dg-Char-Count": {count}},
		}))
		got, err := client.TTS().Do(t.Context(), tts.Request{Text: "Ça", Format: tts.MP3(0, 0)})
		require.NoError(t, err)
		assert.Equal(t, want, got.Characters, "Dg-Char-Count: %q", count)
	}
}

// A key restricted to speech may not list projects, and is healthy.
func TestCheckWithARestrictedKey(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Fail(vendorsim.Status(403).Code("INSUFFICIENT_PERMISSIONS"))
	require.NoError(t, client.TTS().Check(t.Context()))
	assert.Equal(t, "/v1/projects", s.Requests()[0].Path)
}

// Without a client of one's own there is one with a transport that works.
func TestDefaultHTTPClient(t *testing.T) {
	t.Parallel()
	s := vendorsim.Deepgram(key)
	defer s.Close()
	c, err := deepgram.New(key, deepgram.WithBaseURL(s.URL()))
	require.NoError(t, err)
	audio, err := c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.WAV(24000)})
	require.NoError(t, err)
	assert.Equal(t, 360*time.Millisecond, audio.Duration)
}
