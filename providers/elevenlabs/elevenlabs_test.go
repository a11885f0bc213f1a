package elevenlabs_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

const key = "sk-elevenlabs-test"

var voices = tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}

// start runs a simulator and makes a client of it.
func start(t *testing.T, opts ...elevenlabs.Option) (*vendorsim.Server, *elevenlabs.Client) {
	t.Helper()
	s := vendorsim.ElevenLabs(key)
	t.Cleanup(s.Close)
	base := []elevenlabs.Option{
		elevenlabs.WithBaseURL(s.URL()), elevenlabs.WithHTTPClient(s.Client()), elevenlabs.WithVoices(voices),
	}
	c, err := elevenlabs.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return s, c
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for want, construct := range map[string]func() (*elevenlabs.Client, error){
		"elevenlabs: the API key is empty": func() (*elevenlabs.Client, error) {
			return elevenlabs.New("")
		},
		"elevenlabs: the API key contains a space, line end or other character that no key has": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key + "\n")
		},
		"elevenlabs: base URL: must begin with https:// or http://": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key, elevenlabs.WithBaseURL("api.elevenlabs.io"))
		},
		"elevenlabs: WithHTTPClient: the client is nil": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key, elevenlabs.WithHTTPClient(nil))
		},
		"elevenlabs: WithName: the name is empty": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key, elevenlabs.WithName(""))
		},
		"elevenlabs: WithVoiceSettings: Stability 1.5 is outside 0 to 1": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key, elevenlabs.WithVoiceSettings(elevenlabs.VoiceSettings{Stability: new(1.5)}))
		},
		"elevenlabs: WithVoiceSettings: Style NaN is outside 0 to 1": func() (*elevenlabs.Client, error) {
			return elevenlabs.New(key, elevenlabs.WithVoiceSettings(elevenlabs.VoiceSettings{Style: new(math.NaN())}))
		},
	} {
		c, err := construct()
		require.EqualError(t, err, want)
		assert.Nil(t, c)
		assert.NotContains(t, err.Error(), key)
	}
}

func TestClientPrintsItsNameOnly(t *testing.T) {
	t.Parallel()
	c, err := elevenlabs.New(key, elevenlabs.WithName("eleven-eu"), nil)
	require.NoError(t, err)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		assert.Equal(t, "elevenlabs.Client(eleven-eu)", fmt.Sprintf(verb, c))
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "client", c)
	assert.Contains(t, log.String(), "elevenlabs.Client(eleven-eu)")
	assert.NotContains(t, log.String(), key)
	assert.NotContains(t, fmt.Sprintf("%+v %#v", c.TTS(), c.TTS()), key)
}

func TestProviderFields(t *testing.T) {
	t.Parallel()
	c, err := elevenlabs.New(key)
	require.NoError(t, err)
	assert.Equal(t, "elevenlabs", c.TTS().Name)
	assert.Equal(t, "elevenlabs", c.TTS().Account)
	assert.Zero(t, c.TTS().Timeout, "the router's")

	c, err = elevenlabs.New(key, elevenlabs.WithName("fast"), elevenlabs.WithAccount("team"))
	require.NoError(t, err)
	assert.Equal(t, "fast", c.TTS().Name)
	assert.Equal(t, "team", c.TTS().Account)

	c, err = elevenlabs.New(key, elevenlabs.WithName("alone"))
	require.NoError(t, err)
	assert.Equal(t, "alone", c.TTS().Account, "clients with two names have two keys unless told otherwise")
}

func TestOnTheWire(t *testing.T) {
	t.Parallel()
	path := "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[0]
	for name, c := range map[string]struct {
		opts              []elevenlabs.Option
		req               tts.Request
		path, query, body string
		model             string
	}{
		"plain": {
			req:  tts.Request{Text: "Hello.", Voice: "host", Format: tts.MP3(44100, 128000)},
			path: path, query: "output_format=mp3_44100_128",
			body: `{"text":"Hello.","model_id":"eleven_multilingual_v2"}`,
		},
		"explicit voice": {
			req:  tts.Request{Text: "Hello.", Voice: "elevenlabs:" + vendorsim.ElevenLabsVoices[1], Format: tts.MP3(0, 0)},
			path: "/v1/text-to-speech/" + vendorsim.ElevenLabsVoices[1], query: "output_format=mp3_44100_128",
			body: `{"text":"Hello.","model_id":"eleven_multilingual_v2"}`,
		},
		"model, language and speed": {
			opts: []elevenlabs.Option{elevenlabs.WithTTSModels(tts.Models{"fast": "eleven_flash_v2_5"})},
			req:  tts.Request{Text: "Héllo.", Voice: "host", Model: "fast", Language: "fr-CA", Speed: 1.1, Format: tts.MuLaw(8000)},
			path: path, query: "output_format=ulaw_8000",
			body: `{"text":"Héllo.","model_id":"eleven_flash_v2_5","language_code":"fr","voice_settings":{"speed":1.1}}`,
		},
		"a model that finds the language out": {
			req:  tts.Request{Text: "Hallo.", Voice: "host", Language: "de", Format: tts.PCM(16000)},
			path: path, query: "output_format=pcm_16000",
			body: `{"text":"Hallo.","model_id":"eleven_multilingual_v2"}`,
		},
		"a model of one language": {
			opts: []elevenlabs.Option{elevenlabs.WithTTSModels(tts.Models{"": "eleven_flash_v2"})},
			req:  tts.Request{Text: "Hello.", Voice: "host", Language: "en-GB", Format: tts.Opus(0)},
			path: path, query: "output_format=opus_48000_64",
			body: `{"text":"Hello.","model_id":"eleven_flash_v2"}`,
		},
		"settings": {
			opts: []elevenlabs.Option{elevenlabs.WithVoiceSettings(elevenlabs.VoiceSettings{
				Stability: new(0.0), SimilarityBoost: new(0.75), Style: new(1.0), SpeakerBoost: new(false),
			})},
			req:  tts.Request{Text: "Hello.", Voice: "host", Speed: 1, Format: tts.WAV(0)},
			path: path, query: "output_format=wav_24000",
			body: `{"text":"Hello.","model_id":"eleven_multilingual_v2","voice_settings":{"stability":0,"similarity_boost":0.75,"style":1,"use_speaker_boost":false}}`,
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
			assert.Equal(t, c.path, seen[0].Path)
			assert.Equal(t, c.query, seen[0].Query.Encode())
			assert.JSONEq(t, c.body, string(seen[0].Body))
			assert.True(t, seen[0].Keyed)

			var sent struct {
				ModelID string `json:"model_id"`
			}
			require.NoError(t, json.Unmarshal(seen[0].Body, &sent))
			assert.Equal(t, sent.ModelID, audio.Model)
			assert.Contains(t, c.path, audio.Voice)
			assert.Equal(t, "elevenlabs", audio.Provider)
			assert.Equal(t, "eleven-1", audio.RequestID)
			assert.Equal(t, 6, audio.Characters)
		})
	}
}

// The vendor may tell its own count, or none at all.
func TestCharacters(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	good, err := client.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.MP3(0, 0)})
	require.NoError(t, err)
	for cost, want := range map[string]int{"": 2, "12": 12, "many": 2, "-3": 2} {
		s.Fail(vendorsim.Answered(vendorsim.Answer{
			Status: 200, Body: good.Data, Header: http.Header{"Content-Type": {"audio/mpeg"}, "Character-Cost": {cost}},
		}))
		got, err := client.TTS().Do(t.Context(), tts.Request{Text: "Ça", Voice: "host", Format: tts.MP3(0, 0)})
		require.NoError(t, err)
		assert.Equal(t, want, got.Characters, "Character-Cost: %q", cost)
	}
}

func TestTablesAreCopied(t *testing.T) {
	t.Parallel()
	table := tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}
	_, client := start(t, elevenlabs.WithVoices(table))
	delete(table, "host")
	assert.True(t, client.TTS().Supports(tts.Request{Text: "a", Voice: "host", Format: tts.MP3(0, 0)}))
}

// A key restricted to speech may not read the account, and is healthy.
func TestCheckWithARestrictedKey(t *testing.T) {
	t.Parallel()
	s, client := start(t)
	s.Fail(vendorsim.Status(401).Code("missing_permissions"))
	require.NoError(t, client.TTS().Check(t.Context()))
	assert.Equal(t, "/v1/user", s.Requests()[0].Path)
}

// Without a client of one's own there is one with a transport that works.
func TestDefaultHTTPClient(t *testing.T) {
	t.Parallel()
	s := vendorsim.ElevenLabs(key)
	defer s.Close()
	c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(s.URL()), elevenlabs.WithVoices(voices))
	require.NoError(t, err)
	audio, err := c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)})
	require.NoError(t, err)
	assert.Equal(t, 360*time.Millisecond, audio.Duration)
}

// The Timeout of an http.Client is not ours to have: a slow answer within its
// context is a good one.
func TestClientTimeoutIsNotUsed(t *testing.T) {
	t.Parallel()
	s, _ := start(t)
	hasty := &http.Client{Transport: s.Client().Transport, Timeout: time.Nanosecond}
	c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(s.URL()), elevenlabs.WithVoices(voices), elevenlabs.WithHTTPClient(hasty))
	require.NoError(t, err)
	_, err = c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)})
	require.NoError(t, err)
}
