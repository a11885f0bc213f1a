package audio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
)

// Codec is how samples are coded.
type Codec int

// The codecs that [Heard] decodes.
const (
	CodecUnknown Codec = iota
	CodecPCM
	CodecFloat
	CodecMuLaw
	CodecALaw
)

// Samples says how samples are laid out.
type Samples struct {
	Codec Codec
	// Info is without its Duration.
	Info Info
}

// frame is the length of a sample of every channel.
func (s Samples) frame() int { return s.Info.Channels * s.Info.BitsPerSample / 8 }

// The windows that [Heard] looks at, and how many of them must be loud: a
// click is no speech.
const (
	windowsPerSecond = 50
	loudWindows      = 5
)

// Samples beyond these are none: a header can claim anything.
const (
	mostRate  = 1_000_000
	mostFrame = 256
)

// Heard says whether samples are louder than a level, in decibels below full
// scale, for a tenth of a second altogether: the root of the mean square of
// windows of 20 ms, a constant offset apart, in the loudest channel. It reads
// until it knows. known is false where the codec is not known, and where the
// samples cannot be read.
func Heard(samples io.Reader, how Samples, dBFS float64) (heard, known bool) {
	decode, frame := how.decoder(), how.frame()
	rate := how.Info.SampleRate
	if decode == nil || frame <= 0 || frame > mostFrame || rate < windowsPerSecond || rate > mostRate {
		return false, false
	}
	least := math.Pow(10, dBFS/20)
	window := make([]byte, frame*(rate/windowsPerSecond))
	for loud := 0; ; {
		n, err := io.ReadFull(samples, window)
		if loudest(window[:n-n%frame], how, decode) > least {
			loud++
		}
		switch {
		case loud >= loudWindows:
			return true, true
		case err == io.EOF, err == io.ErrUnexpectedEOF:
			return false, true
		case err != nil:
			return false, false
		}
	}
}

// loudest is the level of the loudest channel of a window, from 0 to 1.
func loudest(window []byte, how Samples, decode func([]byte) float64) float64 {
	width, most := how.Info.BitsPerSample/8, 0.0
	for channel := range how.Info.Channels {
		sum, squares, n := 0.0, 0.0, 0.0
		for at := channel * width; at < len(window); at += how.frame() {
			v := decode(window[at : at+width])
			sum, squares, n = sum+v, squares+v*v, n+1
		}
		if n > 0 {
			most = max(most, squares/n-sum/n*(sum/n))
		}
	}
	return math.Sqrt(most)
}

// decoder reads one sample as a number between -1 and 1; nil if nobody can.
func (s Samples) decoder() func([]byte) float64 {
	le := binary.LittleEndian
	switch {
	case s.Codec == CodecMuLaw && s.Info.BitsPerSample == 8:
		return func(b []byte) float64 { return float64(decodeMuLaw[b[0]]) / (1 << 15) }
	case s.Codec == CodecALaw && s.Info.BitsPerSample == 8:
		return func(b []byte) float64 { return float64(decodeALaw[b[0]]) / (1 << 15) }
	case s.Codec == CodecFloat && s.Info.BitsPerSample == 32:
		return func(b []byte) float64 { return float64(math.Float32frombits(le.Uint32(b))) }
	case s.Codec != CodecPCM:
		return nil
	}
	switch s.Info.BitsPerSample {
	case 8: // unsigned, unlike the others
		return func(b []byte) float64 { return (float64(b[0]) - 128) / (1 << 7) }
	case 16:
		return func(b []byte) float64 { return float64(int16(le.Uint16(b))) / (1 << 15) } //nolint:gosec // the same bits
	case 24:
		return func(b []byte) float64 {
			return float64(int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24)) / (1 << 31) //nolint:gosec // the same bits
		}
	case 32:
		return func(b []byte) float64 { return float64(int32(le.Uint32(b))) / (1 << 31) } //nolint:gosec // the same bits
	default:
		return nil
	}
}

// HeardWAV is [Heard] of a WAV file.
func HeardWAV(file io.Reader, dBFS float64) (heard, known bool) {
	head := make([]byte, maxWaveHead)
	n, err := io.ReadFull(file, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, false
	}
	h, ok, err := readWaveHead(head[:n], true)
	if err != nil || !ok {
		return false, false
	}
	samples := io.MultiReader(bytes.NewReader(head[h.start:n]), file)
	if h.knowsSize() {
		samples = io.LimitReader(samples, int64(h.size))
	}
	return Heard(samples, Samples{Codec: codecs[h.codec], Info: h.info}, dBFS)
}

var codecs = map[uint16]Codec{
	wavePCM: CodecPCM, waveFloat: CodecFloat, waveMuLaw: CodecMuLaw, waveALaw: CodecALaw,
}

// WAVHeader is the header of a WAV file with size bytes of samples.
func WAVHeader(how Samples, size int64) []byte {
	le := binary.LittleEndian
	codec := uint16(wavePCM)
	for tag, c := range codecs {
		if c == how.Codec {
			codec = tag
		}
	}
	format := le.AppendUint16(nil, codec)
	format = le.AppendUint16(format, uint16(how.Info.Channels))               //nolint:gosec // a few
	format = le.AppendUint32(format, uint32(how.Info.SampleRate))             //nolint:gosec // below 2^18
	format = le.AppendUint32(format, uint32(how.Info.SampleRate*how.frame())) //nolint:gosec // below 2^20
	format = le.AppendUint16(format, uint16(how.frame()))                     //nolint:gosec // a few
	format = le.AppendUint16(format, uint16(how.Info.BitsPerSample))          //nolint:gosec // a few
	fact := []byte(nil)
	if codec != wavePCM {
		format = le.AppendUint16(format, 0) // no more than that
		fact = append(le.AppendUint32([]byte("fact"), 4), le.AppendUint32(nil, length(size/int64(max(1, how.frame()))))...)
	}
	head := append([]byte("WAVEfmt "), le.AppendUint32(nil, length(int64(len(format))))...)
	head = append(append(head, format...), fact...)
	head = le.AppendUint32(append(head, "data"...), length(size))
	return append(le.AppendUint32([]byte("RIFF"), length(int64(len(head))+size)), head...)
}

// length is n, or the number that means that it is not known.
func length(n int64) uint32 {
	if n >= unknownLength {
		return math.MaxUint32
	}
	return uint32(n) //nolint:gosec // it fits
}
