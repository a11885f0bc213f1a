package contract_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/deepgram"
	"github.com/gofailover/failover/providers/tts"
)

const deepSpeak, deepListen = "/v1/speak", "/v1/listen"

// mendDeepgram mends what the description gets wrong: alternatives that
// overlap, and audio that is called JSON.
func mendDeepgram(doc *openapi3.T) {
	speak := doc.Paths.Find(deepSpeak).Post
	for _, parameter := range speak.Parameters {
		anyOf(parameter.Value.Schema)
	}
	anyOf(speak.Responses.Status(http.StatusBadRequest).Value.Content["application/json"].Schema)
	audioToo(speak)

	listen := doc.Paths.Find(deepListen).Post
	for _, parameter := range listen.Parameters {
		anyOf(parameter.Value.Schema)
	}
	// Audio is not mentioned as what is sent, and a refusal is called a
	// transcript.
	bytes := openapi3.NewStringSchema().WithFormat("binary")
	listen.RequestBody.Value.Content["audio/*"] = openapi3.NewMediaType().WithSchema(bytes)
	listen.Responses.Status(http.StatusBadRequest).Value.Content = speak.Responses.Status(http.StatusBadRequest).Value.Content
}

func startDeep(t *testing.T) (*vendorsim.Server, *tap, *spec, tts.Provider) {
	t.Helper()
	sim, wire, s, client := newDeep(t)
	return sim, wire, s, client.TTS()
}

func newDeep(t *testing.T) (*vendorsim.Server, *tap, *spec, *deepgram.Client) {
	t.Helper()
	sim := vendorsim.Deepgram(key)
	t.Cleanup(sim.Close)
	s := load(t, "deepgram.json", sim.URL(), mendDeepgram)
	wire := &tap{next: sim.Client().Transport}
	client, err := deepgram.New(key, deepgram.WithBaseURL(sim.URL()), deepgram.WithHTTPClient(&http.Client{Transport: wire}),
		deepgram.WithVoices(tts.Voices{"host": "aura-2-thalia-en", "anfitriona": "aura-2-celeste-es"}))
	require.NoError(t, err)
	return sim, wire, s, client
}

// The same operation serves streams.
func TestDeepgramStreams(t *testing.T) {
	t.Parallel()
	_, wire, s, client := newDeep(t)
	for _, req := range []tts.Request{
		{Text: "Hello.", Format: tts.MP3(0, 0)},
		{Text: "Hello.", Format: tts.WAV(24000)},
		{Text: "Hola.", Voice: "anfitriona", Language: "es", Speed: 0.9, Format: tts.MuLaw(8000)},
	} {
		_, err := tts.Collect(client.TTSStream().Do(t.Context(), req))
		require.NoError(t, err)
		s.holds(t, wire.last(t))
	}
}

func TestDeepgramRequests(t *testing.T) {
	t.Parallel()
	_, wire, s, p := startDeep(t)
	for _, req := range []tts.Request{
		{Text: "Hello.", Format: tts.MP3(0, 0)},
		{Text: "Hola.", Voice: "anfitriona", Language: "es", Speed: 0.9, Format: tts.MuLaw(8000)},
	} {
		_, err := p.Do(t.Context(), req)
		require.NoError(t, err)
		s.holds(t, wire.last(t))
		assert.Equal(t, "Token "+key, wire.last(t).request.Header.Get("Authorization"))
	}
	assert.Contains(t, enum(s.parameter(t, deepSpeak, "model")), deepgram.DefaultVoice)
}

// Whatever is sent, the vendor has; of its encodings only those that no
// request can ask for are not sent.
func TestDeepgramFormats(t *testing.T) {
	t.Parallel()
	_, wire, s, p := startDeep(t)
	var sent []string
	for _, format := range everyFormat() {
		req := tts.Request{Text: "Hello.", Voice: "host", Format: format}
		if !p.Supports(req) {
			continue
		}
		_, err := p.Do(t.Context(), req)
		require.NoError(t, err, format)
		s.holds(t, wire.last(t))
		sent = append(sent, wire.last(t).request.URL.Query().Get("encoding"))
	}
	sent = append(sent, "aac", "flac")
	slices.Sort(sent)
	want := enum(s.parameter(t, deepSpeak, "encoding"))
	slices.Sort(want)
	assert.Equal(t, want, slices.Compact(sent))
}

// The simulator says no as the vendor does.
func TestDeepgramRefusals(t *testing.T) {
	t.Parallel()
	sim, wire, s, p := startDeep(t)
	sim.Fail(vendorsim.Status(400), vendorsim.Status(402), vendorsim.Status(429).RetryAfter(1))
	for range 3 {
		_, err := p.Do(t.Context(), tts.Request{Text: "Hello.", Voice: "host", Format: tts.WAV(24000)})
		require.Error(t, err)
		s.holds(t, wire.last(t))
	}

	// Requests that the adapter never sends.
	for _, query := range []string{"?model=siri", "?encoding=tape", "?speed=9", ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, sim.URL()+deepSpeak+query, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Token "+key)
		resp, err := (&http.Client{Transport: wire}).Do(req)
		require.NoError(t, err)
		resp.Body.Close()
		assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
		s.answers(t, http.MethodPost, deepSpeak, wire.last(t))
	}
}
