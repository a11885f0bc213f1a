package tts

import (
	"strconv"
	"strings"
)

// Encoding is how audio is coded and wrapped.
type Encoding string

// The encodings a request can ask for.
const (
	// EncodingMP3 is MPEG Layer III.
	EncodingMP3 Encoding = "mp3"
	// EncodingWAV is signed 16-bit little-endian samples in a WAV file.
	EncodingWAV Encoding = "wav"
	// EncodingPCM is signed 16-bit little-endian samples without a header.
	EncodingPCM Encoding = "pcm_s16le"
	// EncodingMuLaw is G.711 mu-law, 8 bits a sample, without a header, as
	// telephony in North America and Japan uses it.
	EncodingMuLaw Encoding = "mulaw"
	// EncodingALaw is G.711 A-law, 8 bits a sample, without a header, as
	// telephony elsewhere uses it.
	EncodingALaw Encoding = "alaw"
	// EncodingOpus is Opus in an Ogg file.
	EncodingOpus Encoding = "opus"
)

// Format says exactly what audio is wanted, or what audio is. It is
// comparable.
//
// MP3, WAV and Opus files name their own sample rate and channels, so a
// request for one of them may leave these zero: whatever the provider makes,
// and Audio.Format says what that was. Headerless encodings (PCM, mu-law,
// A-law) need a SampleRate.
type Format struct {
	// Encoding is required.
	Encoding Encoding
	// SampleRate is in Hz.
	SampleRate int
	// Channels is 1 or 2. 0 means one for headerless encodings and the
	// provider's choice for the others.
	Channels int
	// BitRate is in bits a second, for MP3 and Opus only. 0 is the provider's
	// choice. It is asked for, but not checked in what was delivered.
	BitRate int
}

// MP3 is MPEG Layer III, commonly MP3(44100, 128000). Zeros leave the choice
// to the provider.
func MP3(sampleRate, bitRate int) Format {
	return Format{Encoding: EncodingMP3, SampleRate: sampleRate, BitRate: bitRate}
}

// WAV is a WAV file of 16-bit samples, commonly WAV(24000).
func WAV(sampleRate int) Format {
	return Format{Encoding: EncodingWAV, SampleRate: sampleRate}
}

// PCM is headerless 16-bit little-endian mono, commonly PCM(16000), PCM(24000)
// or PCM(44100).
func PCM(sampleRate int) Format {
	return Format{Encoding: EncodingPCM, SampleRate: sampleRate, Channels: 1}
}

// MuLaw is headerless G.711 mu-law mono; telephony wants MuLaw(8000).
func MuLaw(sampleRate int) Format {
	return Format{Encoding: EncodingMuLaw, SampleRate: sampleRate, Channels: 1}
}

// ALaw is headerless G.711 A-law mono; telephony wants ALaw(8000).
func ALaw(sampleRate int) Format {
	return Format{Encoding: EncodingALaw, SampleRate: sampleRate, Channels: 1}
}

// Opus is Opus in Ogg at 48 kHz, commonly Opus(64000). Zero leaves the bit
// rate to the provider.
func Opus(bitRate int) Format {
	return Format{Encoding: EncodingOpus, SampleRate: 48000, BitRate: bitRate}
}

// Headerless says whether the bytes do not name their own format: PCM, mu-law
// and A-law.
func (f Format) Headerless() bool {
	switch f.Encoding {
	case EncodingPCM, EncodingMuLaw, EncodingALaw:
		return true
	default:
		return false
	}
}

// bitsPerSample of the encodings that have samples of one width.
func (f Format) bitsPerSample() int {
	switch f.Encoding {
	case EncodingPCM, EncodingWAV:
		return 16
	case EncodingMuLaw, EncodingALaw:
		return 8
	default:
		return 0
	}
}

// Bounds of what is not a mistake: G.711 starts at 8 kHz, and nobody
// synthesises speech above 192 kHz.
const (
	minSampleRate = 8000
	maxSampleRate = 192000
)

// Validate says what is wrong with a wanted format; nil if nothing is. It
// knows no vendor: whether one delivers it is another question.
func (f Format) Validate() error {
	switch f.Encoding {
	case EncodingMP3, EncodingWAV, EncodingPCM, EncodingMuLaw, EncodingALaw, EncodingOpus:
	case "":
		return &RequestError{Field: "Format", Reason: "is missing; set for example tts.WAV(24000)"}
	default:
		return invalid("Format.Encoding", "%.40q is unknown", string(f.Encoding))
	}
	switch {
	case f.SampleRate == 0 && f.Headerless():
		return invalid("Format.SampleRate", "is missing, and %s has no header to tell it", f.Encoding)
	case f.SampleRate != 0 && (f.SampleRate < minSampleRate || f.SampleRate > maxSampleRate):
		return invalid("Format.SampleRate", "%d is outside %d to %d", f.SampleRate, minSampleRate, maxSampleRate)
	case f.Channels < 0 || f.Channels > 2:
		return invalid("Format.Channels", "%d is outside 0 to 2", f.Channels)
	case f.BitRate < 0:
		return invalid("Format.BitRate", "%d is negative", f.BitRate)
	case f.BitRate != 0 && f.Encoding != EncodingMP3 && f.Encoding != EncodingOpus:
		return invalid("Format.BitRate", "%d is set, but follows from the sample rate of %s", f.BitRate, f.Encoding)
	}
	return nil
}

// Allows says whether offered is an answer to f: the same where f says
// something, anything where f leaves it open.
func (f Format) Allows(offered Format) bool {
	return f.Encoding == offered.Encoding &&
		(f.SampleRate == 0 || f.SampleRate == offered.SampleRate) &&
		(f.Channels == 0 || f.Channels == offered.Channels) &&
		(f.BitRate == 0 || f.BitRate == offered.BitRate)
}

// ContentType is the MIME type of the encoding, with the rate where the bytes
// do not tell it; empty for an unknown encoding.
func (f Format) ContentType() string {
	switch f.Encoding {
	case EncodingMP3:
		return "audio/mpeg"
	case EncodingWAV:
		return "audio/wav"
	case EncodingPCM:
		return "audio/pcm;rate=" + strconv.Itoa(f.SampleRate)
	case EncodingMuLaw:
		return "audio/PCMU;rate=" + strconv.Itoa(f.SampleRate)
	case EncodingALaw:
		return "audio/PCMA;rate=" + strconv.Itoa(f.SampleRate)
	case EncodingOpus:
		return "audio/ogg;codecs=opus"
	default:
		return ""
	}
}

// String describes the format, for example "mp3 44100 Hz mono 128 kbit/s".
func (f Format) String() string {
	parts := []string{string(f.Encoding)}
	if f.SampleRate != 0 {
		parts = append(parts, strconv.Itoa(f.SampleRate)+" Hz")
	}
	switch f.Channels {
	case 0:
	case 1:
		parts = append(parts, "mono")
	case 2:
		parts = append(parts, "stereo")
	default:
		parts = append(parts, strconv.Itoa(f.Channels)+" channels")
	}
	if f.BitRate != 0 {
		parts = append(parts, strconv.FormatFloat(float64(f.BitRate)/1000, 'f', -1, 64)+" kbit/s")
	}
	return strings.Join(parts, " ")
}
