package stt_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/vendorsim"
	"github.com/gofailover/failover/providers/stt"
	"github.com/gofailover/failover/providers/tts"
)

func TestRequestValidate(t *testing.T) {
	t.Parallel()
	good := stt.Request{
		Audio: stt.Bytes([]byte("abcd")), Format: stt.PCM(8000), Language: "zh-Hant-TW", Keywords: []string{"Fjord", "two words"},
		Duration: time.Second, Words: true, Diarize: true,
	}
	require.NoError(t, good.Validate())
	require.NoError(t, stt.Request{Audio: stt.File("anything")}.Validate(), "whether it is there is found when it is opened")
	for want, change := range map[string]func(*stt.Request){
		"stt: Audio is missing; set for example stt.File(path)": func(r *stt.Request) { r.Audio = stt.Source{} },
		"stt: Audio is empty":                                func(r *stt.Request) { r.Audio = stt.Bytes(nil) },
		"stt: Audio has an empty path":                       func(r *stt.Request) { r.Audio = stt.File("") },
		"stt: Audio has no reader":                           func(r *stt.Request) { r.Audio = stt.Reader(nil, 0) },
		"stt: Audio has a negative bound: -1":                func(r *stt.Request) { r.Audio = stt.Reader(strings.NewReader("a"), -1) },
		"stt: Audio has a negative bound: -2":                func(r *stt.Request) { r.Audio = stt.URL("https://a.test/b").FetchWith(client(nil), -2) },
		"stt: Audio has a URL that is none":                  func(r *stt.Request) { r.Audio = stt.URL("https://a.test/%zz-token") },
		"stt: Audio has a URL that is not http or https":     func(r *stt.Request) { r.Audio = stt.URL("ftp://a.test/token") },
		"stt: Audio has a URL without a host":                func(r *stt.Request) { r.Audio = stt.URL("https:///token") },
		"stt: Audio is to be fetched, and the client is nil": func(r *stt.Request) { r.Audio = stt.URL("https://a.test/b").FetchWith(nil, 0) },
		"stt: Duration -1s is negative":                      func(r *stt.Request) { r.Duration = -time.Second },
		`stt: Language "english!" is no BCP 47 tag`:          func(r *stt.Request) { r.Language = "english!" },
		"stt: Keywords has a term that is empty or no line of text, at 1": func(r *stt.Request) {
			r.Keywords = []string{"fine", "not\nfine"}
		},
		"stt: Keywords has a term that is empty or no line of text, at 0": func(r *stt.Request) { r.Keywords = []string{"caf\xe9"} },
		"stt: Format.SampleRate is missing, and pcm_s16le has no header to tell it": func(r *stt.Request) {
			r.Format = stt.Format{Encoding: tts.EncodingPCM}
		},
		`stt: Format.Encoding "tape" is unknown`:                 func(r *stt.Request) { r.Format = stt.Format{Encoding: "tape"} },
		"stt: Format.Channels 9 is outside 0 to 2":               func(r *stt.Request) { r.Format.Channels = 9 },
		"stt: Format is missing; set for example tts.WAV(24000)": func(r *stt.Request) { r.Format = stt.Format{SampleRate: 8000} },
	} {
		req := good
		change(&req)
		err := req.Validate()
		require.EqualError(t, err, want)
		assert.NotContains(t, err.Error(), "token")
	}
}

func TestPlayingTime(t *testing.T) {
	t.Parallel()
	const text = "Hello there." // 12 characters of 60 ms
	const long = 720 * time.Millisecond
	for name, c := range map[string]struct {
		req  stt.Request
		want time.Duration
	}{
		"WAV":              {stt.Request{Audio: stt.Bytes(vendorsim.SayWAV(text, 8000))}, long},
		"PCM":              {stt.Request{Audio: stt.Bytes(vendorsim.Say(text, 16000)), Format: stt.PCM(16000)}, long},
		"mu-law":           {stt.Request{Audio: stt.Bytes(vendorsim.SayMuLaw(text, 8000)), Format: stt.MuLaw(8000)}, long},
		"A-law":            {stt.Request{Audio: stt.Bytes(vendorsim.SayALaw(text, 8000)), Format: stt.ALaw(8000)}, long},
		"stereo":           {stt.Request{Audio: stt.Bytes(vendorsim.Say(text, 16000)), Format: stt.Format{Encoding: tts.EncodingPCM, SampleRate: 8000, Channels: 2}}, long},
		"a sample is cut":  {stt.Request{Audio: stt.Bytes(append(vendorsim.Say(text, 8000), 0)), Format: stt.PCM(8000)}, long},
		"the caller knows": {stt.Request{Audio: stt.URL("https://a.test/b.wav"), Duration: time.Minute}, time.Minute},
		"who knows better": {stt.Request{Audio: stt.Bytes(vendorsim.SayWAV(text, 8000)), Duration: time.Minute}, time.Minute},
		"file":             {stt.Request{Audio: stt.File(file(t, vendorsim.SayWAV(text, 8000)))}, long},
		"missing file":     {stt.Request{Audio: stt.File("missing")}, 0},
		"URL":              {stt.Request{Audio: stt.URL("https://a.test/b.wav")}, 0},
		"unread":           {stt.Request{Audio: stt.Reader(strings.NewReader("abcd"), 0), Format: stt.PCM(8000)}, 0},
		"text":             {stt.Request{Audio: stt.Bytes([]byte("no audio"))}, 0},
		"nothing":          {stt.Request{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 {
				assert.InDelta(t, c.want, c.req.PlayingTime(), float64(time.Millisecond))
				assert.InDelta(t, c.want/2, stt.HalfOfAudio(c.req), float64(time.Millisecond))
			}
		})
	}
	mp3 := stt.Request{Audio: stt.Bytes(vendorsim.SayMP3(text))}
	assert.InDelta(t, long, mp3.PlayingTime(), float64(30*time.Millisecond), "a frame more or less")

	// Another format of the same bytes is another time.
	req := stt.Request{Audio: stt.Bytes(vendorsim.Say(text, 8000)), Format: stt.PCM(8000)}
	assert.Equal(t, long, req.PlayingTime())
	req.Format = stt.PCM(16000)
	assert.Equal(t, long/2, req.PlayingTime())
}

func TestPerMinute(t *testing.T) {
	t.Parallel()
	cost := stt.PerMinute(0.6)
	assert.InDelta(t, 0.3, cost(stt.Request{Duration: 30 * time.Second}), 1e-9)
	assert.Negative(t, cost(stt.Request{Audio: stt.URL("https://a.test/b.wav")}), "not known")
}

func TestModels(t *testing.T) {
	t.Parallel()
	models := stt.Models{"": "default-1", "accurate": "best-1", "none": ""}
	for name, want := range map[string]string{"": "default-1", "accurate": "best-1", "acme:own:1": "own:1"} {
		id, ok := models.ID("acme", name)
		assert.True(t, ok, name)
		assert.Equal(t, want, id)
	}
	for _, name := range []string{"unknown", "none", "other:own", "acme:"} {
		_, ok := models.ID("acme", name)
		assert.False(t, ok, name)
	}
	id, ok := stt.Models(nil).ID("acme", "")
	assert.True(t, ok)
	assert.Empty(t, id)
}
