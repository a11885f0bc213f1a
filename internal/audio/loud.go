package audio

import "encoding/binary"

// Coding is how headerless samples are coded.
type Coding uint8

// The codings of headerless audio.
const (
	Linear16 Coding = iota // signed, little-endian
	MuLaw
	ALaw
)

// SilentBelow is the peak, of 32768, below which nothing can be heard that
// anybody would write down: -42 dB of full scale. Speech on a bad line is some
// 20 dB above it, the noise of a quiet one below.
const SilentBelow = 256

// Sounds says whether any of the samples is at least as loud as SilentBelow. A
// last part of a sample is not looked at.
func Sounds(c Coding, samples []byte) bool {
	switch c {
	case MuLaw:
		for _, b := range samples {
			if muLawPeak(b) >= SilentBelow {
				return true
			}
		}
	case ALaw:
		for _, b := range samples {
			if aLawPeak(b) >= SilentBelow {
				return true
			}
		}
	default:
		for ; len(samples) >= 2; samples = samples[2:] {
			v := int(int16(binary.LittleEndian.Uint16(samples))) //nolint:gosec // samples are signed
			if v >= SilentBelow || -v >= SilentBelow {
				return true
			}
		}
	}
	return false
}

// muLawPeak is the magnitude of a G.711 mu-law sample, of 32124.
func muLawPeak(b byte) int {
	b = ^b
	exponent, mantissa := b>>4&7, int(b&15)
	return (mantissa<<3+0x84)<<exponent - 0x84
}

// aLawPeak is the magnitude of a G.711 A-law sample, of 32256.
func aLawPeak(b byte) int {
	b ^= 0x55
	exponent, mantissa := b>>4&7, int(b&15)
	if exponent == 0 {
		return mantissa<<4 + 8
	}
	return (mantissa<<4 + 0x108) << (exponent - 1)
}
