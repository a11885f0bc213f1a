package audio

import "encoding/binary"

const (
	wavePCM        = 1
	waveExtensible = 0xFFFE

	// A server that streams a WAV file does not know its length when it
	// writes the header. It writes 0 or one of the largest numbers there;
	// below this bound a length is meant.
	unknownLength = 0x7FFF0000
)

// WAV reads a RIFF/WAVE file of linear PCM.
func WAV(data []byte) (Info, error) {
	if len(data) < 12 || string(data[:4]) != "RIFF" || string(data[8:12]) != "WAVE" {
		return Info{}, Error("no WAV header")
	}
	var info Info
	for rest := data[12:]; len(rest) >= 8; {
		name, size := string(rest[:4]), binary.LittleEndian.Uint32(rest[4:8])
		rest = rest[8:]
		switch name {
		case "fmt ":
			var err error
			if info, err = waveFormat(rest, size); err != nil {
				return Info{}, err
			}
		case "data":
			return waveData(info, rest, size)
		}
		// Chunks are padded to an even length.
		skip := uint64(size) + uint64(size&1)
		if skip > uint64(len(rest)) {
			break
		}
		rest = rest[skip:]
	}
	return Info{}, Error("the WAV file has no samples")
}

func waveFormat(chunk []byte, size uint32) (Info, error) {
	if size < 16 || len(chunk) < 16 {
		return Info{}, Error("the WAV header is cut")
	}
	if tag := binary.LittleEndian.Uint16(chunk); tag != wavePCM && tag != waveExtensible {
		return Info{}, Error("the WAV file is not linear PCM")
	}
	info := Info{
		Channels:      int(binary.LittleEndian.Uint16(chunk[2:])),
		SampleRate:    int(binary.LittleEndian.Uint32(chunk[4:])),
		BitsPerSample: int(binary.LittleEndian.Uint16(chunk[14:])),
	}
	if info.Channels == 0 || info.SampleRate == 0 || info.BitsPerSample == 0 || info.BitsPerSample%8 != 0 {
		return Info{}, Error("the WAV header makes no sense")
	}
	return info, nil
}

func waveData(info Info, samples []byte, size uint32) (Info, error) {
	if info.SampleRate == 0 {
		return Info{}, Error("the WAV file has no format")
	}
	if size != 0 && size < unknownLength {
		if uint64(size) > uint64(len(samples)) {
			return Info{}, Error("the WAV file is cut")
		}
		samples = samples[:size]
	}
	if len(samples) == 0 {
		return Info{}, Error("the WAV file has no samples")
	}
	return Raw(samples, info.SampleRate, info.Channels, info.BitsPerSample)
}
