package audio_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/gofailover/failover/internal/audio"
)

const levelRate = 8000

// wave is a second of a sine whose root of the mean square is so many decibels
// below full scale.
func wave(dBFS float64) []float64 {
	samples := make([]float64, levelRate)
	for i := range samples {
		samples[i] = math.Sqrt2 * math.Pow(10, dBFS/20) * math.Sin(2*math.Pi*440*float64(i)/levelRate)
	}
	return samples
}

func pcm16(samples []float64) []byte {
	var b []byte
	for _, v := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(math.Round(v*(1<<15)))))
	}
	return b
}

// widths are the same samples in other layouts.
var widths = map[string]struct {
	bits, tag uint16
	code      func(v float64) []byte
}{
	"8 bits":  {8, 1, func(v float64) []byte { return []byte{byte(128 + math.Round(v*127))} }},
	"16 bits": {16, 1, func(v float64) []byte { return pcm16([]float64{v}) }},
	"24 bits": {24, 1, func(v float64) []byte {
		n := uint32(int32(math.Round(v * (1 << 23))))
		return []byte{byte(n), byte(n >> 8), byte(n >> 16)}
	}},
	"32 bits": {32, 1, func(v float64) []byte {
		return binary.LittleEndian.AppendUint32(nil, uint32(int32(math.Round(v*(1<<31-1)))))
	}},
	"floats": {32, 3, func(v float64) []byte {
		return binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)))
	}},
}

func TestHeardWAV(t *testing.T) {
	t.Parallel()
	for name, w := range widths {
		for level, want := range map[float64]bool{-20: true, -39: true, -41: false, -80: false} {
			var data []byte
			for _, v := range wave(level) {
				data = append(data, w.code(v)...)
			}
			size := uint32(len(data))
			file := wavFile(t, w.tag, 1, w.bits, levelRate, size, data)
			heard, known := audio.HeardWAV(iotest.HalfReader(bytes.NewReader(file)), -40)
			assert.True(t, known, name)
			assert.Equal(t, want, heard, "%s at %v dB", name, level)
		}
	}
}

func TestHeard(t *testing.T) {
	t.Parallel()
	how := audio.Samples{Codec: audio.CodecPCM, Info: audio.Info{SampleRate: levelRate, Channels: 1, BitsPerSample: 16}}
	loud := wave(-20)
	click := make([]float64, levelRate)
	copy(click[100:], loud[:levelRate/25]) // 40 ms
	late := append(make([]float64, 5*levelRate), loud[:levelRate/5]...)
	offset := make([]float64, levelRate)
	for i := range offset {
		offset[i] = 0.5
	}
	scattered := make([]float64, 5*levelRate)
	for i := range 6 {
		copy(scattered[i*levelRate/2:], loud[:levelRate/50])
	}
	for name, c := range map[string]struct {
		samples []float64
		want    bool
	}{
		"loud": {loud, true}, "silence": {make([]float64, levelRate), false}, "nothing": {nil, false}, "a click": {click, false},
		"loud at last": {late, true}, "a constant": {offset, false}, "words far apart": {scattered, true},
	} {
		heard, known := audio.Heard(bytes.NewReader(pcm16(c.samples)), how, -50)
		assert.True(t, known, name)
		assert.Equal(t, c.want, heard, name)
	}

	// A window that is cut is looked at, a sample that is cut is not.
	heard, known := audio.Heard(bytes.NewReader(pcm16(loud)[:levelRate/5+1]), how, -50)
	assert.True(t, known)
	assert.True(t, heard)

	// It reads until it knows.
	r := bytes.NewReader(pcm16(loud))
	heard, _ = audio.Heard(r, how, -50)
	assert.True(t, heard)
	assert.Equal(t, levelRate*2-levelRate*2/10, r.Len())

	_, known = audio.Heard(io.MultiReader(bytes.NewReader(make([]byte, 100)), iotest.ErrReader(errors.New("gone"))), how, -50)
	assert.False(t, known)
}

// In one channel of two is loud enough.
func TestHeardInOneChannel(t *testing.T) {
	t.Parallel()
	how := audio.Samples{Codec: audio.CodecPCM, Info: audio.Info{SampleRate: levelRate, Channels: 2, BitsPerSample: 16}}
	var both []float64
	for _, v := range wave(-30) {
		both = append(both, 0, v)
	}
	heard, known := audio.Heard(bytes.NewReader(pcm16(both)), how, -32)
	assert.True(t, known)
	assert.True(t, heard)
}

// The codes of G.711 are those of ITU-T: the loudest, the quietest, and one in
// between.
func TestHeardG711(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		codec audio.Codec
		codes []byte // two, in turn
		above float64
		below float64
	}{
		"mu-law, loudest":  {audio.CodecMuLaw, []byte{0x00, 0x80}, -1, 0},
		"mu-law, silence":  {audio.CodecMuLaw, []byte{0xFF, 0x7F}, -999, -150},
		"mu-law, quiet":    {audio.CodecMuLaw, []byte{0xFE, 0x7E}, -73, -72}, // 8 of 32768
		"A-law, loudest":   {audio.CodecALaw, []byte{0xAA, 0x2A}, -1, 0},
		"A-law, quietest":  {audio.CodecALaw, []byte{0xD5, 0x55}, -73, -72}, // 8 of 32768
		"A-law, in middle": {audio.CodecALaw, []byte{0x95, 0x15}, -25, -23},
	} {
		how := audio.Samples{Codec: c.codec, Info: audio.Info{SampleRate: levelRate, Channels: 1, BitsPerSample: 8}}
		data := bytes.Repeat(c.codes, levelRate/2)
		heard, known := audio.Heard(bytes.NewReader(data), how, c.above)
		require.True(t, known, name)
		assert.True(t, heard || c.above == -999, name)
		heard, _ = audio.Heard(bytes.NewReader(data), how, c.below)
		assert.False(t, heard, name)
	}
}

func TestHeardKnowsWhatItCannotDecode(t *testing.T) {
	t.Parallel()
	good := audio.Info{SampleRate: levelRate, Channels: 1, BitsPerSample: 16}
	for name, how := range map[string]audio.Samples{
		"no codec":        {Info: good},
		"12 bits":         {Codec: audio.CodecPCM, Info: audio.Info{SampleRate: levelRate, Channels: 1, BitsPerSample: 12}},
		"no channels":     {Codec: audio.CodecPCM, Info: audio.Info{SampleRate: levelRate, BitsPerSample: 16}},
		"no rate":         {Codec: audio.CodecPCM, Info: audio.Info{Channels: 1, BitsPerSample: 16}},
		"absurd rate":     {Codec: audio.CodecPCM, Info: audio.Info{SampleRate: 1 << 30, Channels: 1, BitsPerSample: 16}},
		"absurd channels": {Codec: audio.CodecPCM, Info: audio.Info{SampleRate: levelRate, Channels: 65535, BitsPerSample: 16}},
		"wide mu-law":     {Codec: audio.CodecMuLaw, Info: good},
		"wide A-law":      {Codec: audio.CodecALaw, Info: good},
		"short float":     {Codec: audio.CodecFloat, Info: good},
	} {
		_, known := audio.Heard(bytes.NewReader(make([]byte, 100)), how, -50)
		assert.False(t, known, name)
	}
	for name, file := range map[string][]byte{
		"no WAV":         []byte("text"),
		"no samples":     []byte("RIFF\x00\x00\x00\x00WAVE"),
		"ADPCM":          wavFile(t, 2, 1, 16, levelRate, 4, []byte("abcd")),
		"nothing at all": nil,
	} {
		_, known := audio.HeardWAV(bytes.NewReader(file), -50)
		assert.False(t, known, name)
	}
}

// What is written into a header is what is read from it.
func TestWAVHeader(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		how  audio.Samples
		size int64
	}{
		"PCM":    {audio.Samples{Codec: audio.CodecPCM, Info: audio.Info{SampleRate: 16000, Channels: 2, BitsPerSample: 16}}, 64000},
		"mu-law": {audio.Samples{Codec: audio.CodecMuLaw, Info: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 8}}, 8000},
		"A-law":  {audio.Samples{Codec: audio.CodecALaw, Info: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 8}}, 8000},
	} {
		head := audio.WAVHeader(c.how, c.size)
		got, err := audio.Measure(bytes.NewReader(append(head, make([]byte, c.size)...)), int64(len(head))+c.size)
		require.NoError(t, err, name)
		assert.Equal(t, c.how.Playing(c.size), got.Duration, name)
		got.Duration = 0
		assert.Equal(t, c.how.Info, got, name)
		assert.Equal(t, int64(binary.LittleEndian.Uint32(head[4:])), int64(len(head))-8+c.size, name)
	}

	// Nothing is said of a length that does not fit.
	head := audio.WAVHeader(audio.Samples{Codec: audio.CodecPCM, Info: audio.Info{SampleRate: 16000, Channels: 1, BitsPerSample: 16}}, 5<<30)
	assert.Equal(t, []byte{0xFF, 0xFF, 0xFF, 0xFF}, head[len(head)-4:])
	assert.Equal(t, []byte{0xFF, 0xFF, 0xFF, 0xFF}, head[4:8])
	assert.Zero(t, audio.Samples{}.Playing(100))
}

// FuzzMeasure feeds arbitrary files to what reads them piece by piece.
func FuzzMeasure(f *testing.F) {
	f.Add([]byte("RIFF\x00\x00\x00\x00WAVEdata\x02\x00\x00\x00ab"))
	f.Add(mp3Frames(3, 0xC0))
	f.Add(flac(44100, 2, 16, 88200))
	f.Add(audio.WAVHeader(audio.Samples{Codec: audio.CodecMuLaw, Info: audio.Info{SampleRate: 8000, Channels: 1, BitsPerSample: 8}}, 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		info, err := audio.Measure(bytes.NewReader(data), int64(len(data)))
		if err == nil && (info.Duration < 0 || info.SampleRate <= 0 || info.Channels <= 0) {
			t.Errorf("measured as %+v", info)
		}
		audio.Header(audio.Sniff(data), data)
		audio.HeardWAV(bytes.NewReader(data), -50)
	})
}
