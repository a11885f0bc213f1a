package openai_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/openai/openai-go/v3"
	sdkoption "github.com/openai/openai-go/v3/option"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/openai"
	"github.com/gofailover/failover/providers/tts"
)

// speaker is a client with tables for speech.
func speaker(t *testing.T, opts ...openai.Option) (*vendorsim.Server, *openai.Client) {
	t.Helper()
	return start(t, append([]openai.Option{openai.WithVoices(voices), openai.WithTTSModels(ttsModels)}, opts...)...)
}

func TestSpeechOnTheWire(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		req    tts.Request
		opts   []openai.Option
		whole  string
		stream string // empty: the same
	}{
		"defaults": {
			req:    tts.Request{Text: "Hello.", Format: tts.WAV(0)},
			whole:  `{"model":"gpt-4o-mini-tts","voice":"alloy","input":"Hello.","response_format":"wav"}`,
			stream: `{"model":"gpt-4o-mini-tts","voice":"alloy","input":"Hello.","response_format":"wav","stream_format":"sse"}`,
		},
		"an older model": {
			req:   tts.Request{Text: "Hello <you> & \"me\".", Model: "old", Voice: "guest", Speed: 1.5, Language: "pt-BR", Format: tts.MP3(0, 0)},
			whole: `{"model":"tts-1","voice":"onyx","input":"Hello <you> & \"me\".","response_format":"mp3","speed":1.5}`,
		},
		"a voice of one's own": {
			req:    tts.Request{Text: "Hello.", Model: "new", Voice: "openai:voice_1234", Format: tts.PCM(24000)},
			whole:  `{"model":"gpt-4o-mini-tts-2025-12-15","voice":{"id":"voice_1234"},"input":"Hello.","response_format":"pcm"}`,
			stream: `{"model":"gpt-4o-mini-tts-2025-12-15","voice":{"id":"voice_1234"},"input":"Hello.","response_format":"pcm","stream_format":"sse"}`,
		},
		"another vendor": {
			opts:  []openai.Option{openai.WithVendor("acme"), openai.WithVoices(tts.Voices{"": "voice_tara"}), openai.WithTTSModels(tts.Models{"": "orpheus"})},
			req:   tts.Request{Text: "Saluton.", Speed: 0.8, Language: "eo", Format: tts.Opus(0)},
			whole: `{"model":"orpheus","voice":"voice_tara","input":"Saluton.","response_format":"opus","speed":0.8}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := speaker(t, c.opts...)
			if c.opts != nil {
				client = dial(t, s, append(c.opts, openai.WithBaseURL(s.URL()+"/compatible"))...)
			}
			_, err := client.TTS().Do(t.Context(), c.req)
			require.NoError(t, err)
			_, err = tts.Collect(client.TTSStream().Do(t.Context(), c.req))
			require.NoError(t, err)
			seen := s.Requests()
			require.Len(t, seen, 2)
			if c.stream == "" {
				c.stream = c.whole
			}
			assert.JSONEq(t, c.whole, string(seen[0].Body))
			assert.JSONEq(t, c.stream, string(seen[1].Body))
			for _, r := range seen {
				assert.Equal(t, http.MethodPost, r.Method)
				assert.True(t, strings.HasSuffix(r.Path, "/audio/speech"), r.Path)
				assert.True(t, r.Keyed)
			}
		})
	}
}

func TestSpeech(t *testing.T) {
	t.Parallel()
	_, c := speaker(t)
	req := tts.Request{Text: "Grüß dich.", Voice: "host", Language: "de", Format: tts.WAV(24000)}
	audio, err := c.TTS().Do(t.Context(), req)
	require.NoError(t, err)
	assert.Equal(t, "WAVE", string(audio.Data[8:12]))
	audio.Data = nil
	assert.Equal(t, &tts.Audio{
		Format: tts.Format{Encoding: tts.EncodingWAV, SampleRate: 24000, Channels: 1}, Duration: 600 * time.Millisecond,
		Provider: "openai", Model: "gpt-4o-mini-tts", Voice: "marin", RequestID: "req_openai_1", Characters: 10,
	}, audio)

	var last tts.Chunk
	for chunk, err := range c.TTSStream().Do(t.Context(), req) {
		require.NoError(t, err)
		assert.Zero(t, chunk.Spoken, "the vendor does not say")
		last = chunk
	}
	assert.Equal(t, &tts.Summary{
		Provider: "openai", Model: "gpt-4o-mini-tts", Voice: "marin", RequestID: "req_openai_1", Characters: 10,
		Duration: 600 * time.Millisecond,
	}, last.Summary)
}

func TestSpeakerFields(t *testing.T) {
	t.Parallel()
	_, c := speaker(t, openai.WithName("gpt-eu"), openai.WithAccount("team"))
	whole, stream := c.TTS(), c.TTSStream()
	assert.Equal(t, "gpt-eu", whole.Name)
	assert.Equal(t, "gpt-eu", stream.Name)
	assert.Equal(t, "team", whole.Account)
	assert.Equal(t, "team", stream.Account)
	assert.Zero(t, whole.Timeout, "the client's")
	assert.Zero(t, stream.FirstContent+stream.Idle+stream.Total, "the router's")
	assert.NotContains(t, fmt.Sprintf("%+v %#v %+v", whole, whole, stream), key)
	require.NoError(t, stream.Check(t.Context()))

	got := []tts.Chunk{{Data: []byte{0, 0}, Format: tts.PCM(24000), Spoken: 6, Played: time.Second}}
	rest, ok := stream.Continue(tts.Request{Text: "Hello you.", Format: tts.PCM(24000)}, got)
	require.True(t, ok)
	assert.Equal(t, "you.", rest.Text)
	got[0].Format.SampleRate = 16000
	_, ok = stream.Continue(tts.Request{Text: "Hello you.", Format: tts.PCM(16000)}, got)
	assert.False(t, ok, "a rate that is not spoken here")
}

// What is too long for OpenAI, and what only the vendor can tell.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	s, c := speaker(t)
	p := c.TTS()
	req := tts.Request{Model: "old", Format: tts.MP3(0, 0), Text: strings.Repeat("é", 4096)}
	assert.True(t, p.Supports(req))
	_, err := p.Do(t.Context(), req)
	require.NoError(t, err)
	req.Text += "é"
	assert.False(t, p.Supports(req))
	_, err = p.Do(t.Context(), req)
	assert.Equal(t, failover.ClassUnsupported, class(err))
	require.EqualError(t, err, "unsupported (tts: Text has more than 4096 characters)")
	require.Len(t, s.Requests(), 1, "the longer one is not sent")

	req = tts.Request{Format: tts.MP3(0, 0), Text: strings.Repeat("語", 2001)} // tokens of the newer model
	require.True(t, p.Supports(req))
	_, err = p.Do(t.Context(), req)
	assert.Equal(t, failover.ClassUnsupported, class(err))
	require.EqualError(t, err, "unsupported (400 invalid_value, request req_openai_1)")

	_, other := startOther(t, openai.WithVoices(tts.Voices{"": "tara"}), openai.WithTTSModels(tts.Models{"": "orpheus"}))
	assert.True(t, other.TTS().Supports(tts.Request{Format: tts.WAV(0), Text: strings.Repeat("x", 9999)}), "another vendor may take more")
}

func TestFormatsOfOtherVendors(t *testing.T) {
	t.Parallel()
	tables := []openai.Option{openai.WithVoices(tts.Voices{"": "tara"}), openai.WithTTSModels(tts.Models{"": "orpheus"})}
	_, c := startOther(t, tables...)
	p := c.TTS()
	for format, want := range map[tts.Format]bool{
		tts.WAV(0): true, tts.WAV(48000): true, tts.MP3(44100, 0): true, tts.Opus(0): true,
		tts.MP3(44100, 128000): false, // not to be asked for, and not to be told
		tts.PCM(24000):         false, // does not tell its rate
		tts.MuLaw(8000):        false,
	} {
		assert.Equal(t, want, p.Supports(tts.Request{Text: "a", Format: format}), format)
	}
	// Whatever comes is told from its bytes.
	_, err := p.Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.WAV(48000)})
	assert.Equal(t, failover.ClassIncomplete, class(err))
	require.EqualError(t, err, "incomplete (200, tts: not wav 48000 Hz: delivered wav 24000 Hz mono, request req_openai_1)")

	_, c = startOther(t, append(tables, openai.WithTTSFormats(tts.PCM(16000), tts.MP3(0, 64000)))...)
	p = c.TTS()
	for format, want := range map[tts.Format]bool{
		tts.PCM(16000): true, tts.MP3(22050, 64000): true, tts.MP3(0, 0): true,
		tts.PCM(24000): false, tts.MP3(22050, 32000): false, tts.WAV(0): false,
	} {
		assert.Equal(t, want, p.Supports(tts.Request{Text: "a", Format: format}), format)
	}

	_, bare := startOther(t)
	_, err = bare.TTS().Do(t.Context(), tts.Request{Text: "a", Format: tts.WAV(0)})
	require.EqualError(t, err, "unsupported (tts: Model is empty, and acme has no usual one)")
	_, bare = startOther(t, openai.WithTTSModels(tts.Models{"": "orpheus"}))
	_, err = bare.TTS().Do(t.Context(), tts.Request{Text: "a", Format: tts.WAV(0)})
	require.EqualError(t, err, "unsupported (tts: Voice is empty, and acme has no usual one)")
}

func TestSpeechOptionsRefuse(t *testing.T) {
	t.Parallel()
	for want, opt := range map[string]openai.Option{
		"openai: WithTTSFormats: mulaw 8000 Hz mono cannot be asked for":                                    openai.WithTTSFormats(tts.MuLaw(8000)),
		"openai: WithTTSFormats: tts: Format is missing; set for example tts.WAV(24000)":                    openai.WithTTSFormats(tts.WAV(0), tts.Format{}),
		"openai: WithTTSFormats: tts: Format.SampleRate is missing, and pcm_s16le has no header to tell it": openai.WithTTSFormats(tts.PCM(0)),
	} {
		_, err := openai.New(key, opt)
		require.EqualError(t, err, want)
	}
}

// The tables are copies.
func TestSpeechTables(t *testing.T) {
	t.Parallel()
	ours, models := tts.Voices{"host": "marin"}, tts.Models{"fine": "tts-1-hd"}
	_, c := start(t, openai.WithVoices(ours), openai.WithTTSModels(models))
	delete(ours, "host")
	delete(models, "fine")
	assert.True(t, c.TTS().Supports(tts.Request{Text: "a", Voice: "host", Format: tts.WAV(0)}))
	assert.True(t, c.TTS().Supports(tts.Request{Text: "a", Model: "fine", Format: tts.WAV(0)}))
	assert.True(t, c.TTS().Supports(tts.Request{}), "what is wrong with a request Do says better")
}

// A client of the SDK's own speaks too, and is asked once.
func TestUseSpeaks(t *testing.T) {
	t.Parallel()
	s := vendorsim.OpenAI(key)
	t.Cleanup(s.Close)
	own := sdk.NewClient(sdkoption.WithAPIKey(key), sdkoption.WithBaseURL(s.URL()+"/v1"), sdkoption.WithHTTPClient(s.Client()))
	c, err := openai.Use(own)
	require.NoError(t, err)
	_, err = c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.MP3(0, 0)})
	require.NoError(t, err)
	s.Fail(vendorsim.Status(503), vendorsim.Status(503))
	_, err = tts.Collect(c.TTSStream().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.MP3(0, 0)}))
	assert.Equal(t, failover.ClassTransient, class(err))
	assert.Len(t, s.Requests(), 2)
}

// Speech has limits of its own: they are not those of the language models.
func TestSpeechNotesNoLimits(t *testing.T) {
	t.Parallel()
	_, c := speaker(t)
	_, err := c.TTS().Do(t.Context(), tts.Request{Text: "Hello.", Format: tts.MP3(0, 0)})
	require.NoError(t, err)
	assert.Zero(t, c.LLM().Limits().At)
}
