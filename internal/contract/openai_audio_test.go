package contract_test

import (
	"bytes"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

const (
	openAISpeech = "/audio/speech"
	openAIListen = "/audio/transcriptions"
)

// mendOpenAI says that speech is audio of any kind, and how the vendor's SDKs
// send a form: with "[]" behind the names of lists. A model that listens is a
// text there: of a form nobody can tell which alternative it is. An answer may
// fit several formats: one with words has a text, too.
func mendOpenAI(doc *openapi3.T) {
	audioToo(doc.Paths.Find(openAISpeech).Post)
	properties := doc.Components.Schemas["CreateTranscriptionRequest"].Value.Properties
	model := openapi3.NewStringSchema()
	for _, name := range enum(properties["model"]) {
		model.Enum = append(model.Enum, name)
	}
	properties["model"] = openapi3.NewSchemaRef("", model)
	for name, property := range maps.Clone(properties) {
		if property.Value.Type.Is("array") {
			delete(properties, name)
			properties[name+"[]"] = property
		}
	}
	anyOf(doc.Paths.Find(openAIListen).Post.Responses.Status(http.StatusOK).Value.Content["application/json"].Schema)
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

func TestOpenAITranscriptions(t *testing.T) {
	t.Parallel()
	sim, wire, s, c := startOpenAI(t, openai.WithSTTModels(stt.Models{"sure": "gpt-4o-transcribe", "timed": "whisper-1"}))
	schema := s.doc.Components.Schemas["CreateTranscriptionRequest"].Value
	var sent []string
	for answer, req := range map[string]stt.Request{
		"CreateTranscriptionResponseJson":         {Language: "en-GB", Keywords: []string{"AC-42", "Oslo"}},
		"CreateTranscriptionResponseVerboseJson":  {Words: true, Language: "en", Keywords: []string{"Oslo"}},
		"CreateTranscriptionResponseDiarizedJson": {Diarize: true},
		"": {Model: "sure", Keywords: []string{"Oslo"}},
	} {
		for _, format := range []stt.Format{{}, stt.PCM(16000), stt.MuLaw(8000)} {
			req.Format = format
			switch format {
			case stt.Format{}:
				req.Audio = stt.Bytes(vendorsim.SayWAV("Hello, you.", 16000))
			case stt.PCM(16000):
				req.Audio = stt.Bytes(vendorsim.Say("Hello, you.", 16000))
			default:
				req.Audio = stt.Bytes(vendorsim.SayMuLaw("Hello, you.", 8000))
			}
			_, err := c.STT().Do(t.Context(), req)
			require.NoError(t, err, answer)
			x := wire.last(t)
			sent = append(sent, s.knowsForm(t, x, schema)...)
			s.holds(t, x)
			if answer != "" {
				s.says(t, answer, x.answer)
			}
		}
	}
	slices.Sort(sent)
	assert.Equal(t, []string{
		"chunking_strategy", "file", "include[]", "keywords[]", "language", "languages[]", "model", "prompt", "response_format",
		"timestamp_granularities[]",
	}, slices.Compact(sent), "every field that is ever sent")
	wrong := wire.last(t)
	wrong.body = bytes.ReplaceAll(wrong.body, []byte("json"), []byte("jsun"))
	_, err := s.asked(t, wrong)
	require.Error(t, err, "the check can fail")
	for _, model := range []string{openai.DefaultSTTModel, openai.DefaultWordsModel, openai.DefaultDiarizeModel} {
		assert.Contains(t, enum(schema.Properties["model"]), model)
	}
	for _, status := range []int{400, 401, 404, 429, 500} {
		sim.Fail(vendorsim.Status(status))
		_, err := c.STT().Do(t.Context(), stt.Request{Audio: stt.Bytes(vendorsim.SayWAV("Hello.", 8000))})
		require.Error(t, err)
		s.says(t, "ErrorResponse", wire.last(t).answer)
	}
}

// knowsForm gives the names of the fields of a form, and checks them.
func (s *spec) knowsForm(t *testing.T, x exchange, schema *openapi3.Schema) []string {
	t.Helper()
	_, params, err := mime.ParseMediaType(x.request.Header.Get("Content-Type"))
	require.NoError(t, err)
	form, err := multipart.NewReader(bytes.NewReader(x.body), params["boundary"]).ReadForm(1 << 20)
	require.NoError(t, err)
	names := slices.Concat(slices.Collect(maps.Keys(form.Value)), slices.Collect(maps.Keys(form.File)))
	for _, name := range names {
		assert.Contains(t, schema.Properties, name)
	}
	return names
}
