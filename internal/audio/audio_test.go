package audio_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/audio"
)

// wavFile makes a file of the given samples; size is what its header claims.
func wavFile(t *testing.T, tag, channels, bits uint16, rate, size uint32, samples []byte) []byte {
	t.Helper()
	le := binary.LittleEndian
	b := []byte("RIFF\x00\x00\x00\x00WAVELIST\x03\x00\x00\x00abc\x00fmt \x10\x00\x00\x00")
	b = le.AppendUint16(b, tag)
	b = le.AppendUint16(b, channels)
	b = le.AppendUint32(b, rate)
	b = le.AppendUint32(b, rate*uint32(channels*bits/8))
	b = le.AppendUint16(b, channels*bits/8)
	b = le.AppendUint16(b, bits)
	b = append(b, "data"...)
	b = le.AppendUint32(b, size)
	return append(b, samples...)
}

func TestWAV(t *testing.T) {
	t.Parallel()
	second := make([]byte, 2*8000)
	for name, c := range map[string]struct {
		file []byte
		want audio.Info
		err  string
	}{
		"whole":         {file: wavFile(t, 1, 1, 16, 8000, 16000, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"extensible":    {file: wavFile(t, 0xFFFE, 2, 16, 8000, 16000, second), want: audio.Info{SampleRate: 8000, Channels: 2, BitsPerSample: 16, Duration: time.Second / 2}},
		"streamed 0":    {file: wavFile(t, 1, 1, 16, 8000, 0, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"streamed max":  {file: wavFile(t, 1, 1, 16, 8000, 0xFFFFFFFF, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"streamed 2^31": {file: wavFile(t, 1, 1, 16, 8000, 0x7FFFFFDB, second), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"trailing":      {file: append(wavFile(t, 1, 1, 16, 8000, 16000, second), "LIST\x00\x00\x00\x00"...), want: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 16, Duration: time.Second}},
		"cut":           {file: wavFile(t, 1, 1, 16, 8000, 16000, second[:8000]), err: "the WAV file is cut"},
		"odd":           {file: wavFile(t, 1, 1, 16, 8000, 0, second[:8001]), err: "the last sample is cut"},
		"no samples":    {file: wavFile(t, 1, 1, 16, 8000, 0, nil), err: "the WAV file has no samples"},
		"float":         {file: wavFile(t, 3, 1, 32, 8000, 16000, second), err: "the WAV file is not linear PCM"},
		"no rate":       {file: wavFile(t, 1, 1, 16, 0, 16000, second), err: "the WAV header makes no sense"},
		"no channels":   {file: wavFile(t, 1, 0, 16, 8000, 16000, second), err: "the WAV header makes no sense"},
		"header only":   {file: []byte("RIFF\x00\x00\x00\x00WAVE"), err: "the WAV file has no samples"},
		"data first":    {file: []byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"), err: "the WAV file has no format"},
		"short fmt":     {file: []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00ab"), err: "the WAV header is cut"},
		"huge chunk":    {file: []byte("RIFF\x00\x00\x00\x00WAVEfuzz\xff\xff\xff\xffab"), err: "the WAV file has no samples"},
		"text":          {file: []byte("<!DOCTYPE html><html></html>"), err: "no WAV header"},
		"nothing":       {err: "no WAV header"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audio.WAV(c.file)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

// mp3Frames makes n frames of 44.1 kHz, 128 kbit/s without padding: 417 bytes.
func mp3Frames(n int, mode byte) []byte {
	var b []byte
	for range n {
		frame := make([]byte, 417)
		copy(frame, []byte{0xFF, 0xFB, 0x90, mode})
		b = append(b, frame...)
	}
	return b
}

func TestMP3(t *testing.T) {
	t.Parallel()
	const mono, stereo = 0xC0, 0x00
	tenFrames := 10 * 1152 * time.Second / 44100
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...)
	footed := append([]byte("ID3\x04\x00\x10\x00\x00\x00\x00"), make([]byte, 10)...)
	low := make([]byte, 144) // MPEG-2, 24 kHz, 48 kbit/s
	copy(low, []byte{0xFF, 0xF3, 0x64, 0xC0})
	for name, c := range map[string]struct {
		file []byte
		want audio.Info
		err  string
	}{
		"whole":         {file: mp3Frames(10, mono), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: tenFrames}},
		"stereo":        {file: mp3Frames(10, stereo), want: audio.Info{SampleRate: 44100, Channels: 2, Duration: tenFrames}},
		"MPEG-2":        {file: low, want: audio.Info{SampleRate: 24000, Channels: 1, Duration: 24 * time.Millisecond}},
		"ID3v2":         {file: append(id3, mp3Frames(10, mono)...), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: tenFrames}},
		"ID3v2 footer":  {file: append(footed, mp3Frames(10, mono)...), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: tenFrames}},
		"ID3v1":         {file: append(mp3Frames(10, mono), "TAG and a title"...), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: tenFrames}},
		"joined":        {file: append(append(mp3Frames(5, mono), 0, 0, 0xFF, 0), mp3Frames(5, mono)...), want: audio.Info{SampleRate: 44100, Channels: 1, Duration: tenFrames}},
		"cut":           {file: mp3Frames(10, mono)[:4000], err: "the last MP3 frame is cut"},
		"cut first":     {file: mp3Frames(1, mono)[:300], err: "the last MP3 frame is cut"},
		"tag only":      {file: id3, err: "no MP3 frame"},
		"tag too long":  {file: []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7f"), err: "no MP3 frame"},
		"WAV":           {file: []byte("RIFF\x00\x00\x00\x00WAVEfmt \xFF\xFB\x90\xC0"), err: "no MP3 frame"},
		"Layer II":      {file: []byte{0xFF, 0xFD, 0x90, 0xC0}, err: "no MP3 frame"},
		"reserved":      {file: []byte{0xFF, 0xEB, 0x90, 0xC0}, err: "no MP3 frame"},
		"bad bit rate":  {file: []byte{0xFF, 0xFB, 0xF0, 0xC0}, err: "no MP3 frame"},
		"free bit rate": {file: []byte{0xFF, 0xFB, 0x00, 0xC0}, err: "no MP3 frame"},
		"bad rate":      {file: []byte{0xFF, 0xFB, 0x9C, 0xC0}, err: "no MP3 frame"},
		"nothing":       {err: "no MP3 frame"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audio.MP3(c.file)
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
}

func oggFile(granule uint64, payloads ...string) []byte {
	var b []byte
	for i, p := range payloads {
		b = append(b, "OggS\x00\x00"...)
		at := uint64(0)
		if i == len(payloads)-1 {
			at = granule
		}
		b = binary.LittleEndian.AppendUint64(b, at)
		b = append(b, make([]byte, 12)...)
		b = append(b, 1, byte(len(p)))
		b = append(b, p...)
	}
	return b
}

func TestOggOpus(t *testing.T) {
	t.Parallel()
	const head = "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00" // mono, 312 samples to skip
	whole := oggFile(48312, head, "OpusTags....", "\xf8\xff\xfe")
	for name, c := range map[string]struct {
		file []byte
		err  string
	}{
		"whole":       {file: whole},
		"cut page":    {file: whole[:len(whole)-1], err: "the Ogg file is cut"},
		"cut header":  {file: whole[:len(whole)-20], err: "the Ogg file is cut"},
		"no audio":    {file: oggFile(0, head, "OpusTags...."), err: "the Ogg file has no audio"},
		"open end":    {file: oggFile(^uint64(0), head, "OpusTags....", "abc"), err: "the Ogg file has no audio"},
		"Vorbis":      {file: oggFile(1, "\x01vorbis0123456789012", "x"), err: "the Ogg file is not Opus"},
		"no channels": {file: oggFile(1, "OpusHead\x01\x000123456789012", "x"), err: "the Ogg file is not Opus"},
		"junk":        {file: append(whole, "junk"...), err: "no Ogg page"},
		"text":        {file: []byte("<html>"), err: "no Ogg page"},
		"nothing":     {err: "the Ogg file has no audio"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := audio.OggOpus(c.file)
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, audio.Info{SampleRate: 48000, Channels: 1, Duration: time.Second}, got)
		})
	}
}

func TestRaw(t *testing.T) {
	t.Parallel()
	got, err := audio.Raw(make([]byte, 32000), 16000, 1, 16)
	require.NoError(t, err)
	assert.Equal(t, audio.Info{SampleRate: 16000, Channels: 1, BitsPerSample: 16, Duration: time.Second}, got)

	_, err = audio.Raw(make([]byte, 32001), 16000, 1, 16)
	require.EqualError(t, err, "the last sample is cut")

	_, err = audio.Raw(make([]byte, 4), 16000, 0, 16)
	require.Error(t, err)
}

// FuzzFiles feeds arbitrary bytes to every reader: no panic, no hang, and what
// is accepted has a rate, channels and a duration that is not negative.
func FuzzFiles(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"))
	f.Add(mp3Frames(3, 0xC0))
	f.Add(oggFile(48312, "OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00", "OpusTags....", "abc"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for name, read := range map[string]func([]byte) (audio.Info, error){
			"wav": audio.WAV, "mp3": audio.MP3, "ogg": audio.OggOpus,
		} {
			info, err := read(data)
			if err == nil && (info.SampleRate <= 0 || info.Channels <= 0 || info.Duration < 0) {
				t.Errorf("%s: accepted as %+v", name, info)
			}
		}
	})
}
