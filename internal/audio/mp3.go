package audio

import (
	"bytes"
	"time"
)

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
	if len(b) < mp3Head || b[0] != 0xFF || b[1]&0xE0 != 0xE0 || b[1]>>1&3 != 1 {
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

// The lengths of the headers of a frame and of an ID3v2 tag.
const (
	mp3Head = 4
	id3Head = 10
)

// skipID3 passes over an ID3v2 tag.
func skipID3(data []byte) []byte {
	if len(data) < id3Head || string(data[:3]) != "ID3" {
		return data
	}
	return data[min(id3Head+id3Size(data), len(data)):]
}

// id3Size is how much of a tag follows its header: a length in 7-bit bytes, and
// a footer if there is one.
func id3Size(head []byte) int {
	size := 0
	for i, b := range head[6:id3Head] {
		size += int(b&0x7F) << (7 * (3 - i))
	}
	if head[5]&0x10 != 0 {
		size += id3Head
	}
	return size
}

// mp3Scanner walks from frame to frame.
type mp3Scanner struct {
	head    []byte // of the next frame or tag, while it is not whole
	skip    int    // bytes left of the frame or tag
	frame   mp3Frame
	inFrame bool // skip is of a frame
	first   mp3Frame
	tagged  bool // there was a tag at the beginning
	samples int64
	size    int64 // bytes so far
	whole   int64
}

// ScanMP3 reads a sequence of MPEG Layer III frames; see [MP3].
func ScanMP3() Scanner { return &mp3Scanner{} }

func (s *mp3Scanner) Scan(piece []byte) error {
	for len(piece) > 0 {
		if s.skip > 0 {
			n := min(s.skip, len(piece))
			piece = piece[n:]
			s.pass(n)
			continue
		}
		s.head = append(s.head, piece[0])
		piece = piece[1:]
		s.size++
		if err := s.look(); err != nil {
			return err
		}
	}
	return nil
}

// pass passes over n bytes of the frame or tag.
func (s *mp3Scanner) pass(n int) {
	s.skip -= n
	s.size += int64(n)
	if s.skip > 0 {
		return
	}
	s.whole = s.size
	if s.inFrame {
		s.samples += int64(s.frame.samples)
		s.inFrame = false
	}
}

// look says what the head begins, as soon as there is enough of it.
func (s *mp3Scanner) look() error {
	if s.first.size == 0 && !s.tagged && agree(s.head, "ID3") {
		if len(s.head) == id3Head {
			s.skip, s.tagged, s.head = id3Size(s.head), true, nil
		}
		return nil
	}
	if len(s.head) < mp3Head {
		return nil
	}
	frame, ok := readMP3Frame(s.head)
	switch {
	case ok && (s.first.size == 0 || frame.sampleRate == s.first.sampleRate):
		if s.first.size == 0 {
			s.first = frame
		}
		s.frame, s.inFrame = frame, true
		s.skip, s.head = frame.size-len(s.head), nil
	case s.first.size == 0:
		return Error("no MP3 frame")
	default:
		s.head = append([]byte(nil), nextSync(s.head)...)
		s.whole = s.size - int64(len(s.head))
	}
	return nil
}

func (s *mp3Scanner) Info() (Info, bool) {
	return Info{SampleRate: s.first.sampleRate, Channels: s.first.channels}, s.first.size > 0
}

func (s *mp3Scanner) Whole() int64 { return s.whole }

func (s *mp3Scanner) Played() time.Duration { return seconds(s.samples, int64(s.first.sampleRate)) }

func (s *mp3Scanner) End() error {
	switch {
	case s.first.size == 0:
		return Error("no MP3 frame")
	case s.inFrame, len(s.head) > 1 && s.head[0] == 0xFF && s.head[1]&0xE0 == 0xE0:
		return Error("the last MP3 frame is cut")
	}
	return nil
}
