package live_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/internal/livesim"
	"github.com/gofailover/failover/providers/elevenlabs"
	"github.com/gofailover/failover/providers/live"
	"github.com/gofailover/failover/providers/stt"
)

const started = `{"message_type":"session_started","session_id":"sess-1","config":{}}`

func TestElevenLabsQuery(t *testing.T) {
	const plain = "audio_format=pcm_16000&commit_strategy=vad&include_timestamps=true&language_code=en&model_id=scribe_v2_realtime"
	for name, c := range map[string]struct {
		change func(*stt.LiveRequest)
		set    string
		opts   []live.ElevenLabsOption
	}{
		"plain":    {func(*stt.LiveRequest) {}, "", nil},
		"manual":   {func(*stt.LiveRequest) {}, "commit_strategy=manual", []live.ElevenLabsOption{live.WithManualCommits(), nil}},
		"mu-law":   {func(r *stt.LiveRequest) { r.Format = stt.MuLaw(8000) }, "audio_format=ulaw_8000", nil},
		"48 kHz":   {func(r *stt.LiveRequest) { r.Format = stt.PCM(48000) }, "audio_format=pcm_48000", nil},
		"region":   {func(r *stt.LiveRequest) { r.Language = "PT-br" }, "language_code=pt", nil},
		"explicit": {func(r *stt.LiveRequest) { r.Model = "elevenlabs:scribe_v3_live" }, "model_id=scribe_v3_live", nil},
		"pause":    {func(r *stt.LiveRequest) { r.Pause = 850 * time.Millisecond }, "vad_silence_threshold_secs=0.85", nil},
		"keywords": {func(r *stt.LiveRequest) { r.Keywords = []string{"Zoë", "b"} }, "keyterms=Zo%C3%AB&keyterms=b", nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, says(started))
			req := pcm()
			c.change(&req)
			p := elevenLabsAt(t, w.url, c.opts...)
			assert.True(t, p.Supports(req))
			dialed(t, p, req)
			assert.Equal(t, with(t, plain, c.set), w.asked)
		})
	}
	w := newWire(t, says(started))
	dialed(t, elevenLabsAt(t, w.url), stt.LiveRequest{Format: stt.PCM(16000)})
	assert.Equal(t, "true", w.asked.Get("include_language_detection"))
	assert.NotContains(t, w.asked, "language_code")
}

func TestElevenLabsIsLeftOut(t *testing.T) {
	for want, change := range map[string]func(*stt.LiveRequest){
		"Model \"odd\" has no id":       func(r *stt.LiveRequest) { r.Model = "odd" },
		"Format alaw":                   func(r *stt.LiveRequest) { r.Format = stt.ALaw(8000) },
		"Format mulaw 16000":            func(r *stt.LiveRequest) { r.Format = stt.MuLaw(16000) },
		"Format pcm_s16le 11025":        func(r *stt.LiveRequest) { r.Format = stt.PCM(11025) },
		"Format pcm_s16le 16000 Hz st":  func(r *stt.LiveRequest) { r.Format.Channels = 2 },
		"Diarize is not":                func(r *stt.LiveRequest) { r.Diarize = true },
		"NoPunctuation is not":          func(r *stt.LiveRequest) { r.NoPunctuation = true },
		"Pause 200ms is not above":      func(r *stt.LiveRequest) { r.Pause = 200 * time.Millisecond },
		"Pause 4s is not above":         func(r *stt.LiveRequest) { r.Pause = 4 * time.Second },
		"Keywords are more than 50":     func(r *stt.LiveRequest) { r.Keywords = strings.Fields(strings.Repeat("word ", 51)) },
		"Keywords are longer than 20 c": func(r *stt.LiveRequest) { r.Keywords = []string{strings.Repeat("é", 21)} },
	} {
		t.Run(want, func(t *testing.T) {
			p := elevenLabsAt(t, "http://127.0.0.1:1")
			req := pcm()
			change(&req)
			assert.False(t, p.Supports(req))
			_, err := p.Dial(t.Context(), req)
			require.ErrorContains(t, err, want)
			assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err))
		})
	}
}

// committed is a final result with its words, half a second each.
func committed(text string) string {
	var words []string
	for i, w := range strings.Fields(text) {
		words = append(words, fmt.Sprintf(`{"text":%q,"start":%v,"end":%v,"type":"word","logprob":-0.6931}`, w, float64(i)/2, float64(i)/2+0.4),
			`{"text":" ","start":0,"end":0,"type":"spacing"}`)
	}
	return fmt.Sprintf(`{"message_type":"committed_transcript_with_timestamps","text":%q,"language_code":"en","words":[%s]}`, text, strings.Join(words, ","))
}

func plain(text string) string {
	return fmt.Sprintf(`{"message_type":"committed_transcript","text":%q}`, text)
}

const throttled = `{"message_type":"commit_throttled","error":"too soon"}`

func TestElevenLabsEvents(t *testing.T) {
	const ms = time.Millisecond
	w := newWire(t, says(started,
		`{"message_type":"partial_transcript","text":" hel"}`,
		`{"message_type":"something_new"}`,
		plain("Hello, you."), committed("Hello, you."),
	))
	conn := dialed(t, elevenLabsAt(t, w.url), stt.LiveRequest{Format: stt.PCM(16000)})
	assert.Equal(t, stt.LiveEvent{Text: "hel", Model: "scribe_v2_realtime", RequestID: "sess-1"}, received(t, conn))
	e := received(t, conn)
	assert.InDelta(t, 0.5, e.Confidence, 0.001)
	e.Confidence, e.Words[0].Confidence, e.Words[1].Confidence = 0, 0, 0
	assert.Equal(t, stt.LiveEvent{
		Text: "Hello, you.", Final: true, EndOfSpeech: true, Language: "en", Model: "scribe_v2_realtime", RequestID: "sess-1",
		Words: []stt.Word{{Text: "Hello,", End: 400 * ms}, {Text: "you.", Start: 500 * ms, End: 900 * ms}},
	}, e)
}

// A final result comes in two messages; every order of them, and the lack of
// one, gives each text once.
func TestElevenLabsFinalsInTwoMessages(t *testing.T) {
	partial := `{"message_type":"partial_transcript","text":"next"}`
	for name, messages := range map[string][]string{
		"as usual":             {plain("a b"), committed("a b"), plain("c"), committed("c")},
		"the other way round":  {committed("a b"), plain("a b"), plain("c"), committed("c")},
		"both ways":            {committed("a b"), plain("a b"), committed("c"), plain("c")},
		"words do not come":    {plain("a b"), partial, plain("c"), committed("c")},
		"the next comes first": {plain("a b"), plain("c"), committed("c")},
		"no words, throttled":  {plain("a b"), throttled, plain("c"), committed("c")},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, says(append([]string{started}, append(messages, plain("end"), committed("end"))...)...))
			conn := dialed(t, elevenLabsAt(t, w.url), pcm())
			var texts []string
			for len(texts) == 0 || texts[len(texts)-1] != "end" {
				if e := received(t, conn); e.Final {
					texts = append(texts, e.Text)
				}
			}
			assert.Equal(t, []string{"a b", "c", "end"}, texts)
		})
	}
}

func TestElevenLabsMessages(t *testing.T) {
	w := newWire(t, says(started))
	conn := dialed(t, elevenLabsAt(t, w.url), pcm())
	go func() { _, _ = conn.Receive(context.Background()) }()
	samples := []byte{1, 2, 3, 4}
	require.NoError(t, conn.Send(t.Context(), samples))
	require.NoError(t, conn.KeepAlive(t.Context())) // there was audio
	require.NoError(t, conn.KeepAlive(t.Context())) // there was none
	require.NoError(t, conn.Flush(t.Context()))
	require.NoError(t, conn.Finish(t.Context()))
	chunk := func(audio, commit string) string {
		return `{"message_type":"input_audio_chunk","audio_base_64":"` + audio + `","commit":` + commit + `,"sample_rate":16000}`
	}
	for _, want := range []string{
		chunk(base64.StdEncoding.EncodeToString(samples), "false"), chunk("", "false"), chunk("", "true"), chunk("", "true"),
	} {
		assert.JSONEq(t, want, <-w.heard)
	}
}

// A refusal after the socket was accepted is a failure to dial.
func TestElevenLabsRefusesAfterAccepting(t *testing.T) {
	w := newWire(t, says(`{"message_type":"auth_error","error":"the vendor's own words"}`))
	_, err := elevenLabsAt(t, w.url).Dial(t.Context(), pcm())
	assert.Equal(t, failover.ClassUnauthorized, failover.ClassOf(err))
	saysNothing(t, err)
}

func TestElevenLabsErrors(t *testing.T) {
	for kind, class := range map[string]failover.Class{
		"auth_error": failover.ClassUnauthorized, "unaccepted_terms": failover.ClassUnauthorized, "unaccepted_terms_error": failover.ClassUnauthorized,
		"quota_exceeded": failover.ClassExhausted, "quota_exceeded_error": failover.ClassExhausted,
		"rate_limited": failover.ClassRateLimited, "queue_overflow": failover.ClassRateLimited, "resource_exhausted": failover.ClassRateLimited,
		"input_error": failover.ClassUnsupported, "chunk_size_exceeded": failover.ClassUnsupported, "invalid_request": failover.ClassUnsupported,
		"transcriber_error": failover.ClassTransient, "error": failover.ClassTransient,
		"session_time_limit_exceeded": failover.ClassTransient, "insufficient_audio_activity": failover.ClassTransient,
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWire(t, says(started, `{"message_type":"`+kind+`","error":"the vendor's own words `+key+`"}`))
			_, err := dialed(t, elevenLabsAt(t, w.url), pcm()).Receive(t.Context())
			assert.Equal(t, class, failover.ClassOf(err))
			assert.Equal(t, kind, codeOf(err))
			expired := kind == "session_time_limit_exceeded" || kind == "insufficient_audio_activity"
			assert.Equal(t, expired, errors.Is(err, stt.ErrLiveExpired))
			assert.Contains(t, err.Error(), "sess-1")
			saysNothing(t, err)
		})
	}
	t.Run("a type within", func(t *testing.T) {
		w := newWire(t, says(started, `{"message_type":"error","error":"quota_exceeded"}`))
		_, err := dialed(t, elevenLabsAt(t, w.url), pcm()).Receive(t.Context())
		assert.Equal(t, failover.ClassExhausted, failover.ClassOf(err))
		assert.Equal(t, "quota_exceeded", codeOf(err))
	})
	t.Run("closed without a word", func(t *testing.T) {
		w := newWire(t, func(ctx context.Context, ws *websocket.Conn) {
			says(started)(ctx, ws)
			_ = ws.Close(websocket.StatusNormalClosure, "")
		})
		_, err := dialed(t, elevenLabsAt(t, w.url), pcm()).Receive(t.Context())
		require.ErrorIs(t, err, stt.ErrLiveExpired)
	})
}

// loud is 100 ms of audio that sounds.
func loud() []byte { return livesim.Voice{Rate: 16000}.Noise(100 * time.Millisecond) }

// At the end the vendor's answer to the commit is the last. One that it gave by
// itself meanwhile is not taken for it.
func TestElevenLabsEnds(t *testing.T) {
	for name, c := range map[string]struct {
		sends   int // of 100 ms that sound
		answers []string
		commits int
		want    []string
	}{
		"the last word is the end":              {9, []string{plain("a b"), committed("a b")}, 1, []string{"a b"}},
		"nothing was said":                      {0, []string{throttled}, 1, []string{""}},
		"there was nothing left":                {9, []string{plain(""), committed("")}, 1, []string{""}},
		"one by itself, then the last":          {30, []string{plain("a b"), committed("a b"), plain("a b c d e f"), committed("a b c d e f")}, 2, []string{"a b", "a b c d e f"}},
		"noise after the last word":             {30, []string{plain("a b"), committed("a b"), throttled, throttled}, 2, []string{"a b", ""}},
		"noise after the last word, and before": {30, []string{throttled}, 1, []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, func(ctx context.Context, ws *websocket.Conn) {
				says(started)(ctx, ws)
				says(c.answers...)(ctx, ws)
			})
			conn := dialed(t, elevenLabsAt(t, w.url), pcm())
			for range c.sends {
				require.NoError(t, conn.Send(t.Context(), loud()))
			}
			require.NoError(t, conn.Finish(t.Context()))
			var texts []string
			for {
				e, err := conn.Receive(t.Context())
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				texts = append(texts, e.Text)
			}
			require.NoError(t, conn.Close())
			assert.Equal(t, c.want, texts)
			commits := 0
			for len(w.heard) > 0 {
				if strings.Contains(<-w.heard, `"commit":true`) {
					commits++
				}
			}
			assert.Equal(t, c.commits, commits)
		})
	}
}

// With manual commits a final result comes when the application asks for it.
func TestManualCommits(t *testing.T) {
	bubble(t, func(t *testing.T) {
		sim := livesim.ElevenLabs(key, livesim.InMemory())
		defer sim.Close()
		c, err := elevenlabs.New(key, elevenlabs.WithBaseURL(sim.URL()), elevenlabs.WithHTTPClient(sim.Client()))
		require.NoError(t, err)
		client, err := stt.NewLive([]stt.LiveProvider{live.ElevenLabs(c, live.WithManualCommits())})
		require.NoError(t, err)
		r := &rig{t: t, client: client, voice: livesim.Voice{Rate: 16000}, req: pcm()}
		k := r.start(t.Context())
		k.speak(r.voice.Say(100*time.Millisecond, 1, 2, 3))
		k.speak(r.voice.Silence(10 * time.Second))
		assert.Empty(t, k.text())
		k.session.Commit()
		pass(time.Millisecond)
		assert.Equal(t, "1 2 3", k.text())
		k.speak(r.voice.Say(100*time.Millisecond, 4, 5))
		k.finish()
		assert.Equal(t, "1 2 3 4 5", k.text())
		for _, result := range k.results {
			assert.False(t, result.EndOfSpeech, "nobody but the application knows")
		}
	})
}
