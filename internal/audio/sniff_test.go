package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/audio"
)

// flac is the beginning of a FLAC file.
func flac(rate, channels, bits, samples uint64) []byte {
	b := append([]byte("fLaC\x00\x00\x00\x22"), make([]byte, 10)...)
	b = binary.BigEndian.AppendUint64(b, rate<<44|(channels-1)<<41|(bits-1)<<36|samples)
	return append(b, make([]byte, 16)...)
}

func TestSniff(t *testing.T) {
	t.Parallel()
	for want, heads := range map[audio.Kind][]string{
		audio.KindWAV:     {"RIFF\x00\x00\x00\x00WAVEfmt "},
		audio.KindMP3:     {"ID3\x04\x00", "\xFF\xFB\x90\xC0"},
		audio.KindOgg:     {"OggS\x00\x02"},
		audio.KindFLAC:    {"fLaC\x00"},
		audio.KindMP4:     {"\x00\x00\x00\x20ftypM4A "},
		audio.KindWebM:    {"\x1A\x45\xDF\xA3\x01"},
		audio.KindAAC:     {"\xFF\xF1\x50\x80", "\xFF\xF9\x50\x80"},
		audio.KindAMR:     {"#!AMR\n", "#!AMR-WB\n"},
		audio.KindAIFF:    {"FORM\x00\x00\x00\x00AIFF", "FORM\x00\x00\x00\x00AIFC"},
		audio.KindUnknown: {"", "R", "RIFF", "RIFF\x00\x00\x00\x00AVI ", "FORM", "\x00\x00", "<html>", "\x01\x02\x03\x04"},
	} {
		for _, head := range heads {
			assert.Equal(t, want, audio.Sniff([]byte(head)), "%q", head)
		}
		if want != audio.KindUnknown {
			assert.NotEmpty(t, want.Extension())
			assert.True(t, strings.HasPrefix(want.ContentType(), "audio/"))
		}
	}
	assert.Equal(t, "application/octet-stream", audio.KindUnknown.ContentType())
	assert.Empty(t, audio.KindUnknown.Extension())
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	second := make([]byte, 2*8000)
	opus := oggFile(48312, "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00", "OpusTags....", "\xf8\xff\xfe")
	opus[bytes.LastIndex(opus, []byte("OggS"))+5] = 4 // the last page
	for name, c := range map[string]struct {
		file []byte
		want audio.Info
		err  string
	}{
		"WAV":                  {file: wavFile(t, 1, 1, 16, 8000, 16000, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"WAV of unknown size":  {file: wavFile(t, 1, 1, 16, 8000, 0xFFFFFFFF, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"WAV that is cut":      {file: wavFile(t, 1, 1, 16, 8000, 16000, second[:8000]), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second / 2}},
		"WAV with a tail":      {file: append(wavFile(t, 1, 1, 16, 8000, 16000, second), make([]byte, 999)...), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"WAV of mu-law":        {file: wavFile(t, 7, 1, 8, 8000, 8000, second[:8000]), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 8, Duration: time.Second}},
		"WAV of floats":        {file: wavFile(t, 3, 2, 32, 1000, 16000, second), want: audio.Info{SampleRate: 1000, Channels: 2, BitsPerSample: 32, Duration: 2 * time.Second}},
		"WAV without samples":  {file: []byte("RIFF\x00\x00\x00\x00WAVE"), err: "the WAV file has no samples"},
		"WAV without a format": {file: []byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"), err: "the WAV file has no format"},
		"MP3":                  {file: mp3Frames(100, 0xC0), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: 100 * 1152 * time.Second / 44100}},
		"MP3 that is none":     {file: []byte("ID3\x04\x00\x00\x00\x00\x00\x02abnothing at all"), err: "the audio cannot be read"},
		"Opus":                 {file: opus, want: audio.Info{SampleRate: 48000, Channels: 1, Duration: time.Second}},
		"Vorbis":               {file: oggFile(1, "\x01vorbis0123456789012", "x"), err: "the audio cannot be read"},
		"FLAC":                 {file: flac(44100, 2, 16, 88200), want: audio.Info{SampleRate: 44100, Channels: 2, BitsPerSample: 16, Duration: 2 * time.Second}},
		"FLAC that was piped":  {file: flac(44100, 2, 16, 0), err: "the FLAC file does not say how long it is"},
		"FLAC that is cut":     {file: flac(44100, 2, 16, 88200)[:20], err: "the FLAC header is cut"},
		"M4A":                  {file: []byte("\x00\x00\x00\x20ftypM4A "), err: "the audio does not say how long it is"},
		"text":                 {file: []byte("not audio"), err: "the audio does not say how long it is"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audio.Measure(iotest.HalfReader(bytes.NewReader(c.file)), int64(len(c.file)))
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.InDelta(t, c.want.Duration, got.Duration, float64(time.Microsecond))
			c.want.Duration = got.Duration
			assert.Equal(t, c.want, got)
		})
	}
	_, err := audio.Measure(iotest.ErrReader(errors.New("gone")), 100)
	require.EqualError(t, err, "the audio cannot be read")
}

// Of a WAV file the header is enough, however long it is.
func TestMeasureReadsNoMoreThanItNeeds(t *testing.T) {
	t.Parallel()
	file := wavFile(t, 1, 1, 16, 8000, 1<<30, make([]byte, 100<<10))
	r := bytes.NewReader(file)
	info, err := audio.Measure(r, 1<<30)
	require.NoError(t, err)
	assert.InDelta(t, (1<<30)/16000, info.Duration.Seconds(), 1)
	assert.Less(t, len(file)-r.Len(), 65<<10)
}

func TestHeader(t *testing.T) {
	t.Parallel()
	opus := oggFile(48312, "OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00", "OpusTags....")
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x00\x0a"), make([]byte, 10)...)
	for name, c := range map[string]struct {
		file []byte
		want audio.Info
	}{
		"WAV":  {wavFile(t, 1, 2, 16, 8000, 4, []byte("abcd")), audio.Info{SampleRate: 8000, Channels: 2, BitsPerSample: 16}},
		"MP3":  {append(id3, mp3Frames(1, 0x00)...), audio.Info{SampleRate: 44100, Channels: 2}},
		"Opus": {opus, audio.Info{SampleRate: 48000, Channels: 2}},
		"FLAC": {flac(16000, 1, 24, 16000), audio.Info{SampleRate: 16000, Channels: 1, BitsPerSample: 24, Duration: time.Second}},
	} {
		got, ok := audio.Header(audio.Sniff(c.file), c.file)
		assert.True(t, ok, name)
		assert.Equal(t, c.want, got, name)
	}
	for _, kind := range []audio.Kind{audio.KindWAV, audio.KindMP3, audio.KindOgg, audio.KindFLAC, audio.KindMP4, audio.KindUnknown} {
		_, ok := audio.Header(kind, []byte("ID3 and no more"))
		assert.False(t, ok)
	}
}
