package tts_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover"
	"github.com/gofailover/failover/providers/tts"
)

func TestRequestValidate(t *testing.T) {
	t.Parallel()
	good := tts.Request{Text: "Hello.", Format: tts.WAV(24000)}
	for want, change := range map[string]func(*tts.Request){
		"":                                                                          func(*tts.Request) {},
		"tts: Text is empty":                                                        func(r *tts.Request) { r.Text = " \n" },
		"tts: Text is not valid UTF-8":                                              func(r *tts.Request) { r.Text = "caf\xe9" },
		"tts: Speed -1 is outside 0.25 to 4":                                        func(r *tts.Request) { r.Speed = -1 },
		"tts: Speed 0.2 is outside 0.25 to 4":                                       func(r *tts.Request) { r.Speed = 0.2 },
		"tts: Speed NaN is outside 0.25 to 4":                                       func(r *tts.Request) { r.Speed = math.NaN() },
		"tts: Speed +Inf is outside 0.25 to 4":                                      func(r *tts.Request) { r.Speed = math.Inf(1) },
		`tts: Language "e" is no BCP 47 tag`:                                        func(r *tts.Request) { r.Language = "e" },
		`tts: Language "en_US" is no BCP 47 tag`:                                    func(r *tts.Request) { r.Language = "en_US" },
		`tts: Language "en-" is no BCP 47 tag`:                                      func(r *tts.Request) { r.Language = "en-" },
		`tts: Language "12" is no BCP 47 tag`:                                       func(r *tts.Request) { r.Language = "12" },
		`tts: Language "en-averylongone" is no BCP 47 tag`:                          func(r *tts.Request) { r.Language = "en-averylongone" },
		"tts: Format is missing; set for example tts.WAV(24000)":                    func(r *tts.Request) { r.Format = tts.Format{SampleRate: 8000} },
		`tts: Format.Encoding "telegraph" is unknown`:                               func(r *tts.Request) { r.Format.Encoding = "telegraph" },
		"tts: Format.SampleRate is missing, and mulaw has no header to tell it":     func(r *tts.Request) { r.Format = tts.MuLaw(0) },
		"tts: Format.SampleRate 100 is outside 8000 to 192000":                      func(r *tts.Request) { r.Format = tts.PCM(100) },
		"tts: Format.SampleRate -1 is outside 8000 to 192000":                       func(r *tts.Request) { r.Format = tts.WAV(-1) },
		"tts: Format.Channels 3 is outside 0 to 2":                                  func(r *tts.Request) { r.Format.Channels = 3 },
		"tts: Format.BitRate -5 is negative":                                        func(r *tts.Request) { r.Format = tts.MP3(0, -5) },
		"tts: Format.BitRate 64000 is set, but follows from the sample rate of wav": func(r *tts.Request) { r.Format.BitRate = 64000 },
	} {
		r := good
		change(&r)
		if err := r.Validate(); want == "" {
			require.NoError(t, err)
		} else {
			require.EqualError(t, err, want)
		}
	}
	for _, tag := range []string{"en", "EN-gb", "zh-Hans-CN", "es-419", "yue"} {
		r := good
		r.Language = tag
		require.NoError(t, r.Validate(), tag)
	}
	for _, speed := range []float64{0, 0.25, 1, 4} {
		r := good
		r.Speed = speed
		require.NoError(t, r.Validate(), speed)
	}
}

func TestInvalidAndUnsupported(t *testing.T) {
	t.Parallel()
	require.NoError(t, tts.Invalid(nil))

	err := tts.Invalid(tts.Request{}.Validate())
	assert.Equal(t, failover.ClassInvalid, failover.ClassOf(err))
	var field *tts.RequestError
	require.ErrorAs(t, err, &field)
	assert.Equal(t, "Text", field.Field)

	err = tts.Unsupported("Voice", "%q has no id here", "host")
	assert.Equal(t, failover.ClassUnsupported, failover.ClassOf(err))
	require.ErrorAs(t, err, &field)
	require.EqualError(t, field, `tts: Voice "host" has no id here`)
}

func TestFormatAllows(t *testing.T) {
	t.Parallel()
	offered := tts.Format{Encoding: tts.EncodingMP3, SampleRate: 44100, Channels: 1, BitRate: 128000}
	for _, want := range []tts.Format{
		offered, tts.MP3(0, 0), tts.MP3(44100, 0), tts.MP3(0, 128000), {Encoding: tts.EncodingMP3, Channels: 1},
	} {
		assert.True(t, want.Allows(offered), "%v", want)
	}
	for _, want := range []tts.Format{
		{}, tts.WAV(44100), tts.MP3(22050, 0), tts.MP3(0, 64000), {Encoding: tts.EncodingMP3, Channels: 2},
	} {
		assert.False(t, want.Allows(offered), "%v", want)
	}
}

func TestFormatDescriptions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		format      tts.Format
		text, media string
	}{
		{tts.MP3(44100, 128000), "mp3 44100 Hz 128 kbit/s", "audio/mpeg"},
		{tts.WAV(24000), "wav 24000 Hz", "audio/wav"},
		{tts.PCM(16000), "pcm_s16le 16000 Hz mono", "audio/pcm;rate=16000"},
		{tts.MuLaw(8000), "mulaw 8000 Hz mono", "audio/PCMU;rate=8000"},
		{tts.ALaw(8000), "alaw 8000 Hz mono", "audio/PCMA;rate=8000"},
		{tts.Opus(0), "opus 48000 Hz", "audio/ogg;codecs=opus"},
		{tts.Format{Encoding: "x", Channels: 2, BitRate: 24500}, "x stereo 24.5 kbit/s", ""},
		{tts.Format{Encoding: tts.EncodingMP3, Channels: 5}, "mp3 5 channels", "audio/mpeg"},
	} {
		assert.Equal(t, c.text, c.format.String())
		assert.Equal(t, c.media, c.format.ContentType())
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	type answer struct {
		id string
		ok bool
	}
	table := tts.Voices{"host": "id1", "acme:host": "id2", "mute": ""}
	for name, want := range map[string]answer{
		"host":      {"id1", true},
		"acme:host": {"id2", true}, // a row is a row
		"acme:id9":  {"id9", true},
		"acme:a:b":  {"a:b", true},
		"acme:":     {"", false},
		"other:id9": {"id9", false},
		"guest":     {"", false},
		"mute":      {"", false},
		"":          {"", true},
	} {
		id, ok := table.ID("acme", name)
		assert.Equal(t, want.ok, ok, "%q", name)
		if ok {
			assert.Equal(t, want.id, id, "%q", name)
		}
	}
	id, ok := tts.Models{"": "standard"}.ID("acme", "")
	assert.True(t, ok)
	assert.Equal(t, "standard", id)
	_, ok = tts.Models(nil).ID("acme", "fast")
	assert.False(t, ok)
}

func TestSameLanguage(t *testing.T) {
	t.Parallel()
	assert.True(t, tts.SameLanguage("en-GB", "EN"))
	assert.True(t, tts.SameLanguage("es", "es-419"))
	assert.False(t, tts.SameLanguage("en", "es"))
	for _, alike := range [][2]string{{"nb-NO", "no"}, {"nn", "no"}, {"fil-PH", "tl"}, {"cmn", "zh-Hans"}, {"zh-HK", "yue"}, {"iw", "he"}} {
		assert.True(t, tts.SameLanguage(alike[0], alike[1]), alike)
	}
	assert.False(t, tts.SameLanguage("zh-HK", "zh"), "Cantonese is not Mandarin")
	assert.False(t, tts.SameLanguage("zh-HK", "zh-TW"))
}

func TestPerThousand(t *testing.T) {
	t.Parallel()
	assert.InDelta(t, 0.0015, tts.PerThousand(0.3)(tts.Request{Text: "héllo"}), 1e-12)
}

// wav24k is n bytes of silence in a WAV file of 24 kHz, mono.
func wav24k(n int) []byte {
	head := "RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\xc0\x5d\x00\x00\x80\xbb\x00\x00\x02\x00\x10\x00data\x00\x00\x00\x00"
	return append([]byte(head), make([]byte, n)...)
}

func TestNewAudio(t *testing.T) {
	t.Parallel()
	got, err := tts.NewAudio(tts.WAV(0), wav24k(48000))
	require.NoError(t, err)
	assert.Equal(t, tts.Format{Encoding: tts.EncodingWAV, SampleRate: 24000, Channels: 1}, got.Format)
	assert.Equal(t, time.Second, got.Duration)
	assert.False(t, got.Empty())

	got, err = tts.NewAudio(tts.PCM(8000), make([]byte, 16000))
	require.NoError(t, err)
	assert.Equal(t, tts.PCM(8000), got.Format)
	assert.Equal(t, time.Second, got.Duration)

	got, err = tts.NewAudio(tts.Format{Encoding: tts.EncodingPCM, SampleRate: 8000, Channels: 2}, make([]byte, 16000))
	require.NoError(t, err)
	assert.Equal(t, time.Second/2, got.Duration)

	eightBit := wav24k(100)
	eightBit[34] = 8
	for name, c := range map[string]struct {
		want tts.Format
		data []byte
		err  string
	}{
		"another rate":     {tts.WAV(16000), wav24k(100), "tts: not wav 16000 Hz: delivered wav 24000 Hz mono"},
		"another width":    {tts.WAV(0), eightBit, "tts: not wav: the samples are not 16 bits wide"},
		"stereo wanted":    {tts.Format{Encoding: tts.EncodingWAV, Channels: 2}, wav24k(100), "tts: not wav stereo: delivered wav 24000 Hz mono"},
		"another encoding": {tts.MP3(0, 0), wav24k(100), "tts: not mp3: no MP3 frame"},
		"odd PCM":          {tts.PCM(8000), make([]byte, 3), "tts: not pcm_s16le 8000 Hz mono: the last sample is cut"},
		"no format":        {tts.Format{}, make([]byte, 2), "tts: not : unknown encoding"},
	} {
		_, err := tts.NewAudio(c.want, c.data)
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), name)
		var audio *tts.AudioError
		require.ErrorAs(t, err, &audio, name)
		require.EqualError(t, audio, c.err, name)
	}

	for name, data := range map[string][]byte{"nothing": nil, "no samples": wav24k(0)} {
		_, err := tts.NewAudio(tts.WAV(0), data)
		assert.Equal(t, failover.ClassIncomplete, failover.ClassOf(err), name)
	}
	_, err = tts.NewAudio(tts.PCM(8000), nil)
	require.ErrorIs(t, err, failover.ErrEmpty)
}

func TestEmpty(t *testing.T) {
	t.Parallel()
	assert.True(t, (*tts.Audio)(nil).Empty())
	assert.True(t, (&tts.Audio{}).Empty())
	assert.False(t, (&tts.Audio{Data: []byte{0}}).Empty())
}

func TestIsLanguage(t *testing.T) {
	t.Parallel()
	for _, tag := range []string{"en", "en-GB", "zh-Hant-TW", "es-419", "yue"} {
		assert.True(t, tts.IsLanguage(tag), tag)
	}
	for _, tag := range []string{"", "e", "english!", "en_GB", "en-", "-en", "123", "en-subtagstoolong"} {
		assert.False(t, tts.IsLanguage(tag), tag)
	}
}

func TestHeaderless(t *testing.T) {
	t.Parallel()
	for _, f := range []tts.Format{tts.PCM(8000), tts.MuLaw(8000), tts.ALaw(8000)} {
		assert.True(t, f.Headerless(), f)
	}
	for _, f := range []tts.Format{tts.WAV(8000), tts.MP3(0, 0), tts.Opus(0), {}} {
		assert.False(t, f.Headerless(), f)
	}
}
