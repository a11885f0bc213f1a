package contract_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/tts"
)

const openAISpeech = "/audio/speech"

// mendOpenAI says that speech is audio of any kind.
func mendOpenAI(doc *openapi3.T) {
	audioToo(doc.Paths.Find(openAISpeech).Post)
}

func startOpenAI(t *testing.T, opts ...openai.Option) (*vendorsim.Server, *tap, *spec, *openai.Client) {
	t.Helper()
	sim := vendorsim.OpenAI(key)
	t.Cleanup(sim.Close)
	s := load(t, "openai.json", sim.URL()+"/v1", mendOpenAI)
	wire := &tap{next: sim.Client().Transport}
	c, err := openai.New(key, append([]openai.Option{
		openai.WithBaseURL(sim.URL() + "/v1"), openai.WithHTTPClient(&http.Client{Transport: wire}),
	}, opts...)...)
	require.NoError(t, err)
	return sim, wire, s, c
}

func TestOpenAISpeech(t *testing.T) {
	t.Parallel()
	sim, wire, s, c := startOpenAI(t, openai.WithTTSModels(tts.Models{"old": "tts-1"}))
	for _, req := range []tts.Request{
		{Text: "Hello.", Format: tts.WAV(24000)},
		{Text: "Hola.", Model: "old", Voice: "openai:nova", Language: "es", Speed: 0.9, Format: tts.MP3(0, 0)},
		{Text: "Hello.", Voice: "openai:voice_1234", Format: tts.PCM(24000)},
	} {
		_, err := c.TTS().Do(t.Context(), req)
		require.NoError(t, err)
		s.holds(t, wire.last(t))
		assert.Equal(t, "Bearer "+key, wire.last(t).request.Header.Get("Authorization"))

		_, err = tts.Collect(c.TTSStream().Do(t.Context(), req))
		require.NoError(t, err)
		s.asks(t, wire.last(t))
	}
	// Whatever is sent, the vendor has; of its formats only those that no
	// request can ask for are not sent.
	schema := s.doc.Components.Schemas["CreateSpeechRequest"]
	sent := []string{"aac", "flac"}
	for _, format := range everyFormat() {
		req := tts.Request{Text: "Hello.", Format: format}
		if !c.TTS().Supports(req) {
			continue
		}
		_, err := c.TTS().Do(t.Context(), req)
		require.NoError(t, err, format)
		s.holds(t, wire.last(t))
		sent = append(sent, field(t, wire.last(t).body, "response_format"))
	}
	slices.Sort(sent)
	want := enum(schema.Value.Properties["response_format"])
	slices.Sort(want)
	assert.Equal(t, want, slices.Compact(sent))
	assert.Contains(t, enum(schema.Value.Properties["model"]), openai.DefaultTTSModel)
	assert.Contains(t, enum(s.doc.Components.Schemas["VoiceIdsShared"]), openai.DefaultVoice)
	require.Error(t, s.conforms(schema, []byte(`{"model":"m","input":"a","voice":"alloy","rate":2}`)), "the check can fail")

	// The events of a stream.
	_, err := tts.Collect(c.TTSStream().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.PCM(24000)}))
	require.NoError(t, err)
	events := data(wire.last(t).answer)
	for i, event := range events {
		if i < len(events)-1 {
			s.says(t, "SpeechAudioDeltaEvent", []byte(event))
		} else {
			s.says(t, "SpeechAudioDoneEvent", []byte(event))
		}
	}
	for _, status := range []int{400, 401, 404, 429, 500} {
		sim.Fail(vendorsim.Status(status))
		_, err := c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.WAV(24000)})
		require.Error(t, err)
		s.says(t, "ErrorResponse", wire.last(t).answer)
	}
}
