package contract_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

const (
	key          = "contract-key"
	elevenSpeak  = "/v1/text-to-speech/{voice_id}"
	elevenStream = "/v1/text-to-speech/{voice_id}/stream"
)

func startEleven(t *testing.T, opts ...elevenlabs.Option) (*vendorsim.Server, *tap, *spec, tts.Provider) {
	t.Helper()
	sim, wire, s, client := newEleven(t, opts...)
	return sim, wire, s, client.TTS()
}

func newEleven(t *testing.T, opts ...elevenlabs.Option) (*vendorsim.Server, *tap, *spec, *elevenlabs.Client) {
	t.Helper()
	sim := vendorsim.ElevenLabs(key)
	t.Cleanup(sim.Close)
	s := load(t, "elevenlabs.json", sim.URL(), func(doc *openapi3.T) {
		audioToo(doc.Paths.Find(elevenSpeak).Post)
		audioToo(doc.Paths.Find(elevenStream).Post)
	})
	wire := &tap{next: sim.Client().Transport}
	base := []elevenlabs.Option{
		elevenlabs.WithBaseURL(sim.URL()), elevenlabs.WithHTTPClient(&http.Client{Transport: wire}),
		elevenlabs.WithVoices(tts.Voices{"host": vendorsim.ElevenLabsVoices[0]}),
		elevenlabs.WithTTSModels(tts.Models{"fast": "eleven_flash_v2_5"}),
	}
	client, err := elevenlabs.New(key, append(base, opts...)...)
	require.NoError(t, err)
	return sim, wire, s, client
}

func TestElevenLabsRequests(t *testing.T) {
	t.Parallel()
	_, wire, s, p := startEleven(t, elevenlabs.WithVoiceSettings(elevenlabs.VoiceSettings{
		Stability: new(0.4), SimilarityBoost: new(0.8), Style: new(0.1), SpeakerBoost: new(true),
	}))
	for _, req := range []tts.Request{
		{Text: "Hello.", Voice: "host", Format: tts.MP3(44100, 128000)},
		{Text: "Bonjour.", Voice: "host", Model: "fast", Language: "fr-CA", Speed: 1.2, Format: tts.MuLaw(8000)},
	} {
		_, err := p.Do(t.Context(), req)
		require.NoError(t, err)
		s.holds(t, wire.last(t))
		assert.Equal(t, key, wire.last(t).request.Header.Get("Xi-Api-Key"), "the description declares no security")
	}
}

// Every format that the vendor has can be asked for, and is answered.
func TestElevenLabsFormats(t *testing.T) {
	t.Parallel()
	_, wire, s, p := startEleven(t)
	var sent []string
	for _, format := range everyFormat() {
		req := tts.Request{Text: "Hello.", Voice: "host", Format: format}
		if !p.Supports(req) {
			continue
		}
		_, err := p.Do(t.Context(), req)
		require.NoError(t, err, format)
		s.holds(t, wire.last(t))
		sent = append(sent, wire.last(t).request.URL.Query().Get("output_format"))
	}
	slices.Sort(sent)
	want := enum(s.parameter(t, elevenSpeak, "output_format"))
	slices.Sort(want)
	assert.Equal(t, want, slices.Compact(sent))
}

// As a stream the vendor has all formats but those with a length in their
// header.
func TestElevenLabsStreamFormats(t *testing.T) {
	t.Parallel()
	_, wire, s, client := newEleven(t)
	p := client.TTSStream()
	var sent []string
	for _, format := range everyFormat() {
		req := tts.Request{Text: "Hello.", Voice: "host", Format: format}
		if !p.Supports(req) {
			continue
		}
		_, err := tts.Collect(p.Do(t.Context(), req))
		require.NoError(t, err, format)
		s.holds(t, wire.last(t))
		sent = append(sent, wire.last(t).request.URL.Query().Get("output_format"))
	}
	slices.Sort(sent)
	want := enum(s.parameter(t, elevenStream, "output_format"))
	slices.Sort(want)
	assert.Equal(t, want, slices.Compact(sent))
}

func TestElevenLabsStreamRequests(t *testing.T) {
	t.Parallel()
	settings := elevenlabs.WithVoiceSettings(elevenlabs.VoiceSettings{Stability: new(0.4), SpeakerBoost: new(true)})
	req := tts.Request{Text: "Bonjour.", Voice: "host", Model: "fast", Language: "fr-CA", Speed: 1.2, Format: tts.MuLaw(8000)}
	for _, opts := range [][]elevenlabs.Option{{settings}, {settings, elevenlabs.WithTimestamps()}} {
		sim, wire, s, client := newEleven(t, opts...)
		_, err := tts.Collect(client.TTSStream().Do(t.Context(), req))
		require.NoError(t, err)
		x := wire.last(t)
		path := x.request.URL.Path
		// The description may lack the variant with timestamps, which takes
		// what the one without takes.
		x.request.URL.Path = strings.TrimSuffix(x.request.URL.Path, "/with-timestamps")
		s.asks(t, x)
		assert.Equal(t, key, x.request.Header.Get("Xi-Api-Key"))
		refusesNothing(t, sim, wire, path)
		s.answers(t, http.MethodPost, elevenStream, wire.last(t))
	}
}

// The simulator says no as the vendor does.
func TestElevenLabsRefusals(t *testing.T) {
	t.Parallel()
	sim, wire, s, p := startEleven(t)
	sim.Fail(vendorsim.Status(401), vendorsim.Status(429).RetryAfter(1))
	for range 2 {
		_, err := p.Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)})
		require.Error(t, err)
		s.holds(t, wire.last(t))
	}

	refusesNothing(t, sim, wire, "/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0])
	s.answers(t, http.MethodPost, elevenSpeak, wire.last(t))
}

// refusesNothing sends a request that does not fit the schema, which the
// adapter never does: one without a body.
func refusesNothing(t *testing.T, sim *vendorsim.Server, wire *tap, path string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.URL()+path, http.NoBody)
	require.NoError(t, err)
	req.Header.Set("Xi-Api-Key", key)
	resp, err := (&http.Client{Transport: wire}).Do(req)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
}

// everyFormat lists more formats than any vendor has.
func everyFormat() []tts.Format {
	all := []tts.Format{tts.MP3(0, 0), tts.WAV(0), tts.Opus(0)}
	for _, rate := range []int{8000, 11025, 16000, 22050, 24000, 32000, 44100, 48000} {
		all = append(all, tts.WAV(rate), tts.PCM(rate), tts.MuLaw(rate), tts.ALaw(rate))
		for _, bits := range []int{32000, 48000, 64000, 96000, 128000, 192000} {
			all = append(all, tts.MP3(rate, bits))
		}
	}
	for _, bits := range []int{32000, 64000, 96000, 128000, 192000} {
		all = append(all, tts.Opus(bits))
	}
	return all
}
