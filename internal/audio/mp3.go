package audio

import "bytes"

// Tables of ISO/IEC 11172-3 and 13818-3 for Layer III, the first row for
// MPEG-1, the second for MPEG-2 and 2.5. Bit rates in kbit/s.
var (
	mp3BitRates = [2][16]int{
		{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0},
		{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},
	}
	mp3SampleRates = map[byte][4]int{
		3: {44100, 48000, 32000, 0}, // MPEG-1
		2: {22050, 24000, 16000, 0}, // MPEG-2
		0: {11025, 12000, 8000, 0},  // MPEG-2.5
	}
)

// mp3Frame is one frame header.
type mp3Frame struct {
	sampleRate, channels, samples, size int
}

// MP3 reads a sequence of MPEG Layer III frames, with or without tags around
// it. Bytes between later frames that belong to none are passed over, as
// players do; a last frame that is shorter than its header says means that the
// file is cut.
func MP3(data []byte) (Info, error) {
	rest := skipID3(data)
	first, ok := readMP3Frame(rest)
	if !ok {
		return Info{}, Error("no MP3 frame")
	}
	samples := int64(0)
	for len(rest) > 0 {
		frame, ok := readMP3Frame(rest)
		if !ok || frame.sampleRate != first.sampleRate {
			rest = nextSync(rest)
			continue
		}
		if frame.size > len(rest) {
			return Info{}, Error("the last MP3 frame is cut")
		}
		samples += int64(frame.samples)
		rest = rest[frame.size:]
	}
	return Info{
		SampleRate: first.sampleRate,
		Channels:   first.channels,
		Duration:   seconds(samples, int64(first.sampleRate)),
	}, nil
}

// nextSync passes over b's first byte and everything up to the next one that
// may begin a frame.
func nextSync(b []byte) []byte {
	next := bytes.IndexByte(b[1:], 0xFF)
	if next < 0 {
		return nil
	}
	return b[1+next:]
}

func readMP3Frame(b []byte) (mp3Frame, bool) {
	if len(b) < 4 || b[0] != 0xFF || b[1]&0xE0 != 0xE0 || b[1]>>1&3 != 1 {
		return mp3Frame{}, false
	}
	version := b[1] >> 3 & 3
	rates, ok := mp3SampleRates[version]
	if !ok {
		return mp3Frame{}, false
	}
	row, samples := 0, 1152
	if version != 3 {
		row, samples = 1, 576
	}
	f := mp3Frame{sampleRate: rates[b[2]>>2&3], samples: samples, channels: 2}
	bitRate := mp3BitRates[row][b[2]>>4] * 1000
	if f.sampleRate == 0 || bitRate == 0 {
		return mp3Frame{}, false
	}
	if b[3]>>6 == 3 {
		f.channels = 1
	}
	f.size = samples/8*bitRate/f.sampleRate + int(b[2]>>1&1)
	return f, true
}

// skipID3 passes over an ID3v2 tag. Its length is written in 7-bit bytes.
func skipID3(data []byte) []byte {
	if len(data) < 10 || string(data[:3]) != "ID3" {
		return data
	}
	size := 10
	for i, b := range data[6:10] {
		size += int(b&0x7F) << (7 * (3 - i))
	}
	if data[5]&0x10 != 0 {
		size += 10
	}
	return data[min(size, len(data)):]
}
