package vendorsim

import (
	"encoding/binary"
	"math"
	"time"
	"unicode/utf8"
)

// speechTime is how long a text takes to say: 60 ms a character, which is a
// usual rate, and a quarter of a second at least.
func speechTime(text string, speed float64) time.Duration {
	d := time.Duration(utf8.RuneCountInString(text)) * 60 * time.Millisecond
	if speed > 0 {
		d = time.Duration(float64(d) / speed)
	}
	return max(d, 250*time.Millisecond)
}

// tone is a quiet sine of 440 Hz.
func tone(d time.Duration, rate int) []int16 {
	samples := make([]int16, int(d.Seconds()*float64(rate)))
	for i := range samples {
		samples[i] = int16(8000 * math.Sin(2*math.Pi*440*float64(i)/float64(rate)))
	}
	return samples
}

// pcm is the tone as 16-bit little-endian samples.
func pcm(d time.Duration, rate int) []byte {
	samples := tone(d, rate)
	b := make([]byte, 0, 2*len(samples))
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	return b
}

// wav is the tone in a WAV file.
func wav(d time.Duration, rate int) []byte { return wavFile(pcm(d, rate), rate) }

// wavFile puts 16-bit samples, mono, into a WAV file.
func wavFile(samples []byte, rate int) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, 44+len(samples)), "RIFF"...)
	b = le.AppendUint32(b, uint32(36+len(samples)))
	b = append(b, "WAVEfmt "...)
	b = le.AppendUint32(b, 16)
	b = le.AppendUint16(b, 1) // linear PCM
	b = le.AppendUint16(b, 1) // mono
	b = le.AppendUint32(b, uint32(rate))
	b = le.AppendUint32(b, uint32(2*rate))
	b = le.AppendUint16(b, 2)
	b = le.AppendUint16(b, 16)
	b = append(b, "data"...)
	b = le.AppendUint32(b, uint32(len(samples)))
	return append(b, samples...)
}

// muLaw is the tone in G.711 mu-law.
func muLaw(d time.Duration, rate int) []byte {
	samples := tone(d, rate)
	b := make([]byte, len(samples))
	for i, s := range samples {
		b[i] = muLawSample(s)
	}
	return b
}

// muLawSample codes sign, segment and four bits of a sample, inverted.
func muLawSample(s int16) byte {
	const bias, clip = 0x84, 32635
	sign, v := byte(0), int(s)
	if v < 0 {
		sign, v = 0x80, -v
	}
	v = min(v, clip) + bias
	segment := 7
	for mask := 0x4000; segment > 0 && v&mask == 0; mask >>= 1 {
		segment--
	}
	return ^(sign | byte(segment<<4) | byte(v>>(segment+3)&0x0F))
}

// aLaw is the tone in G.711 A-law.
func aLaw(d time.Duration, rate int) []byte {
	samples := tone(d, rate)
	b := make([]byte, len(samples))
	for i, s := range samples {
		b[i] = aLawSample(s)
	}
	return b
}

// aLawSample codes sign, segment and four bits of a sample, every other bit
// inverted.
func aLawSample(s int16) byte {
	sign, v := byte(0x80), int(s)
	if v < 0 {
		sign, v = 0, -v-1
	}
	segment := 7
	for mask := 0x4000; segment > 0 && v&mask == 0; mask >>= 1 {
		segment--
	}
	low := byte(v >> (max(segment, 1) + 3) & 0x0F)
	return (sign | byte(segment<<4) | low) ^ 0x55
}
