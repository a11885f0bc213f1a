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
			if isLoud(int(decodeMuLaw[b])) {
				return true
			}
		}
	case ALaw:
		for _, b := range samples {
			if isLoud(int(decodeALaw[b])) {
				return true
			}
		}
	default:
		for ; len(samples) >= 2; samples = samples[2:] {
			if isLoud(int(int16(binary.LittleEndian.Uint16(samples)))) { //nolint:gosec // samples are signed
				return true
			}
		}
	}
	return false
}

func isLoud(sample int) bool { return sample >= SilentBelow || -sample >= SilentBelow }
