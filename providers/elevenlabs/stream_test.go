package elevenlabs_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/tts"
)

// drain ranges over a stream to its end.
func drain(stream failover.Stream[tts.Chunk]) ([]tts.Chunk, error) {
	var all []tts.Chunk
	for chunk, err := range stream {
		if err != nil {
			return all, err
		}
		all = append(all, chunk)
	}
	return all, nil
}

func TestStreamOnTheWire(t *testing.T) {
	t.Parallel()
	req := tts.Request{Text: "Héllo, you there.", Voice: "host", Model: "fast", Language: "fr-CA", Speed: 1.1, Format: tts.MuLaw(8000)}
	for variant, opts := range map[string][]elevenlabs.Option{"/stream": nil, "/stream/with-timestamps": {elevenlabs.WithTimestamps()}} {
		s, client := start(t, append(opts, elevenlabs.WithTTSModels(tts.Models{"fast": "eleven_flash_v2_5"}))...)
		chunks, err := drain(client.TTSStream().Do(t.Context(), req))
		require.NoError(t, err)
		seen := s.Requests()
		require.Len(t, seen, 1)
		assert.Equal(t, http.MethodPost, seen[0].Method)
		assert.Equal(t, "/v1/text-to-speech/"+vendorsim.ElevenLabsVoices[0]+variant, seen[0].Path)
		assert.Equal(t, "output_format=ulaw_8000", seen[0].Query.Encode())
		assert.JSONEq(t,
			`{"text":"Héllo, you there.","model_id":"eleven_flash_v2_5","language_code":"fr","voice_settings":{"speed":1.1}}`, string(seen[0].Body))
		assert.True(t, seen[0].Keyed)

		duration := 17 * time.Duration(float64(60*time.Millisecond)) * 10 / 11
		total := *chunks[len(chunks)-1].Summary
		assert.InDelta(t, duration, total.Duration, float64(time.Millisecond))
		total.Duration = 0
		assert.Equal(t, tts.Summary{
			Provider: "elevenlabs", Model: "eleven_flash_v2_5", Voice: vendorsim.ElevenLabsVoices[0], RequestID: "eleven-1", Characters: 17,
		}, total)
	}
}

func TestStreamProviderFields(t *testing.T) {
	t.Parallel()
	c, err := elevenlabs.New(key, elevenlabs.WithName("fast"), elevenlabs.WithAccount("team"), elevenlabs.WithVoices(voices))
	require.NoError(t, err)
	p := c.TTSStream()
	assert.Equal(t, "fast", p.Name)
	assert.Equal(t, "team", p.Account)
	assert.Zero(t, p.FirstContent+p.Idle+p.Total, "the router's")
	assert.NotContains(t, fmt.Sprintf("%+v %#v", p, p), key)
	assert.True(t, p.Supports(tts.Request{Text: "a", Voice: "host", Format: tts.PCM(16000)}))
	assert.True(t, p.Supports(tts.Request{}), "what is wrong with a request Do says better")
	assert.False(t, p.Supports(tts.Request{Text: "a", Voice: "host", Format: tts.WAV(0)}), "a WAV file has its length in its header")

	got := []tts.Chunk{{Data: []byte{0, 0}, Format: tts.PCM(8000), Spoken: 6, Played: time.Second}}
	rest, ok := p.Continue(tts.Request{Text: "Hello you.", Voice: "host", Format: tts.PCM(8000)}, got)
	require.True(t, ok)
	assert.Equal(t, "you.", rest.Text)
	_, ok = p.Continue(tts.Request{Text: "Hello you.", Voice: "guest", Format: tts.PCM(8000)}, got)
	assert.False(t, ok, "a voice that is not spoken here")
}

func TestTimestamps(t *testing.T) {
	t.Parallel()
	_, client := start(t, elevenlabs.WithTimestamps())
	chunks, err := drain(client.TTSStream().Do(t.Context(), tts.Request{Text: "Hello you.", Voice: "host", Format: tts.PCM(8000)}))
	require.NoError(t, err)
	require.Len(t, chunks, 3)
	assert.Equal(t, 5, chunks[0].Spoken)
	assert.Equal(t, 300*time.Millisecond, chunks[0].Played)
	assert.Equal(t, 10, chunks[1].Spoken)
}

// object is a line of an answer with timestamps.
func object(audio []byte, text string, ends ...float64) string {
	var characters []string
	for _, r := range text {
		characters = append(characters, string(r))
	}
	line, err := json.Marshal(map[string]any{
		"audio_base64": base64.StdEncoding.EncodeToString(audio),
		"alignment":    map[string]any{"characters": characters, "character_end_times_seconds": ends},
	})
	if err != nil {
		panic(err)
	}
	return string(line) + "\n"
}

// The vendor's answers with timestamps, as they are and as they might be.
func TestTimedAnswers(t *testing.T) {
	t.Parallel()
	second := make([]byte, 16000)
	plain := `{"audio_base64":"` + base64.StdEncoding.EncodeToString(second) + `"}`
	for name, c := range map[string]struct {
		body   string
		spoken int // by the end
		class  failover.Class
	}{
		"as documented":               {object(second, "Hi.", .3, .6, .9), 3, 0},
		"without alignment":           {plain, 0, 0},
		"alignment is null":           {strings.Replace(plain, "}", `,"alignment":null,"normalized_alignment":null}`, 1), 0, 0},
		"alignment first":             {object(nil, "Hi.", .3, .6, .9) + plain, 3, 0},
		"an object without audio":     {plain + `{"audio_base64":"","alignment":null}`, 0, 0},
		"times are missing":           {object(second, "Hi.", .3), 0, 0},
		"times make no sense":         {object(second, "Hi.", .3, -1, 1e300), 0, 0},
		"another text":                {object(second, "Ho.", .3, .6, .9), 0, 0},
		"new fields":                  {strings.Replace(plain, "}", `,"is_final":true}`, 1), 0, 0},
		"half of the text":            {object(second, "H", .3), 1, failover.ClassIncomplete},
		"half of the audio":           {object(second, "Hi.", .3, 5, 9), 1, failover.ClassIncomplete},
		"audio is null":               {`{"audio_base64":null}`, 0, failover.ClassIncomplete},
		"audio is no base64":          {`{"audio_base64":"!!!"}`, 0, failover.ClassIncomplete},
		"audio is a number":           {`{"audio_base64":7}`, 0, failover.ClassIncomplete},
		"nothing":                     {"", 0, failover.ClassIncomplete},
		"no audio in it":              {`{"audio_base64":""}`, 0, failover.ClassIncomplete},
		"null":                        {"null", 0, failover.ClassIncomplete},
		"an object cut in the middle": {plain + plain[:100], 0, failover.ClassIncomplete},
		"an error":                    {plain + legacy("quota_exceeded"), 0, failover.ClassExhausted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, client := start(t, elevenlabs.WithTimestamps())
			s.Fail(vendorsim.Body(http.StatusOK, "application/json", c.body))
			chunks, err := drain(client.TTSStream().Do(t.Context(), tts.Request{Text: "Hi.", Voice: "host", Format: tts.PCM(8000)}))
			assert.Equal(t, c.class, failover.ClassOf(err), "%v", err)
			spoken := 0
			for _, chunk := range chunks {
				spoken = max(spoken, chunk.Spoken)
			}
			assert.Equal(t, c.spoken, spoken)
			if c.class == failover.ClassUnknown {
				require.NoError(t, err)
				assert.NotNil(t, chunks[len(chunks)-1].Summary)
			}
		})
	}
}

// FuzzTimed reads arbitrary answers with timestamps: it never panics, and ends
// with a summary or with an error that prints nothing of the body.
func FuzzTimed(f *testing.F) {
	second := make([]byte, 100)
	f.Add(object(second, "Hi.", .001, .002, .003))
	f.Add(object(second, "H", .001) + object(second, "i.", .001, .002))
	f.Add(object(second, "Hello", -1, 1e308, 0, 0, 0) + `{"detail":{"status":"quota_exceeded"}}`)
	f.Add(`{"audio_base64":"AAAA","alignment":{"characters":[""],"character_end_times_seconds":[1]}}`)
	f.Add(`null 7 "x" [`)
	f.Fuzz(func(t *testing.T, body string) {
		c, err := elevenlabs.New(key, elevenlabs.WithVoices(voices), elevenlabs.WithTimestamps(),
			elevenlabs.WithHTTPClient(&http.Client{Transport: answerWith{http.StatusOK, body}}))
		if err != nil {
			t.Fatal(err)
		}
		chunks, err := drain(c.TTSStream().Do(t.Context(), tts.Request{Text: "Hi.", Voice: "host", Format: tts.PCM(8000)}))
		var audio []byte
		spoken := 0
		for _, chunk := range chunks {
			audio = append(audio, chunk.Data...)
			if chunk.Spoken > 3 || chunk.Spoken < 0 {
				t.Errorf("%d characters of 3 are spoken", chunk.Spoken)
			}
			spoken = max(spoken, chunk.Spoken)
		}
		var said bytes.Buffer
		for d := json.NewDecoder(strings.NewReader(body)); ; {
			var o struct {
				Audio []byte `json:"audio_base64"`
			}
			if d.Decode(&o) != nil {
				break
			}
			said.Write(o.Audio)
		}
		switch {
		case err == nil && (len(chunks) == 0 || chunks[len(chunks)-1].Summary == nil):
			t.Error("neither a summary nor an error")
		case err == nil && !bytes.Equal(audio, said.Bytes()):
			t.Errorf("%d bytes of %d are said to be whole", len(audio), said.Len())
		case !bytes.HasPrefix(said.Bytes(), audio):
			t.Error("delivered is what never came")
		}
		if text := fmt.Sprintf("%v %+v", err, err); err != nil && (len(text) > 500 || strings.ContainsAny(text, `<>{}[]"\+@/?&=`)) {
			t.Errorf("prints %q", text)
		}
	})
}
