package audio

import (
	"encoding/binary"
	"time"
)

// Format tags (RFC 2361).
const (
	wavePCM        = 1
	waveFloat      = 3
	waveALaw       = 6
	waveMuLaw      = 7
	waveExtensible = 0xFFFE
)

const (

	// A server that streams a WAV file does not know its length when it
	// writes the header. It writes 0 or one of the largest numbers there;
	// below this bound a length is meant.
	unknownLength = 0x7FFF0000
)

// WAV reads a RIFF/WAVE file of linear PCM.
func WAV(data []byte) (Info, error) {
	head, ok, err := readWaveHead(data, true)
	switch {
	case err != nil:
		return Info{}, err
	case len(data) < 12:
		return Info{}, Error("no WAV header")
	case !ok:
		return Info{}, Error("the WAV file has no samples")
	case !head.linear():
		return Info{}, errNotLinear
	}
	samples := data[head.start:]
	if head.knowsSize() {
		if uint64(head.size) > uint64(len(samples)) {
			return Info{}, Error("the WAV file is cut")
		}
		samples = samples[:head.size]
	}
	if len(samples) == 0 {
		return Info{}, Error("the WAV file has no samples")
	}
	return Raw(samples, head.info.SampleRate, head.info.Channels, head.info.BitsPerSample)
}

// waveHead is everything before the samples.
type waveHead struct {
	info  Info
	codec uint16
	start int    // of the samples
	size  uint32 // of the samples, as the header says
}

// knowsSize says whether the length is meant.
func (h waveHead) knowsSize() bool { return h.size != 0 && h.size < unknownLength }

const errNotLinear = Error("the WAV file is not linear PCM")

func (h waveHead) linear() bool { return h.codec == wavePCM }

// readWaveHead reads up to the samples; false means that they are farther down,
// or nowhere if data is all there is.
func readWaveHead(data []byte, all bool) (head waveHead, ok bool, err error) {
	if !agree(data, "RIFF") || len(data) > 8 && !agree(data[8:], "WAVE") {
		return waveHead{}, false, Error("no WAV header")
	}
	for at := uint64(12); at+8 <= uint64(len(data)); {
		name, size := string(data[at:at+4]), binary.LittleEndian.Uint32(data[at+4:])
		at += 8
		// Chunks are padded to an even length.
		next := at + uint64(size) + uint64(size&1)
		switch name {
		case "fmt ":
			if !all && size >= minFormat && uint64(len(data)) < at+minFormat {
				return waveHead{}, false, nil
			}
			if head.info, head.codec, err = waveFormat(data[at:], size); err != nil {
				return waveHead{}, false, err
			}
		case "data":
			if head.info.SampleRate == 0 {
				return waveHead{}, false, Error("the WAV file has no format")
			}
			head.start, head.size = int(at), size
			return head, true, nil
		}
		at = next
	}
	return waveHead{}, false, nil
}

// agree says whether data begins with text, as far as it goes.
func agree(data []byte, text string) bool {
	n := min(len(data), len(text))
	return string(data[:n]) == text[:n]
}

// minFormat is the length of the shortest chunk "fmt ".
const minFormat = 16

// subFormat is where an extensible format says its codec.
const subFormat = 24

func waveFormat(chunk []byte, size uint32) (Info, uint16, error) {
	if size < minFormat || len(chunk) < minFormat {
		return Info{}, 0, Error("the WAV header is cut")
	}
	codec := binary.LittleEndian.Uint16(chunk)
	if codec == waveExtensible {
		codec = wavePCM
		if size >= subFormat+2 && len(chunk) >= subFormat+2 {
			codec = binary.LittleEndian.Uint16(chunk[subFormat:])
		}
	}
	info := Info{
		Channels:      int(binary.LittleEndian.Uint16(chunk[2:])),
		SampleRate:    int(binary.LittleEndian.Uint32(chunk[4:])),
		BitsPerSample: int(binary.LittleEndian.Uint16(chunk[14:])),
	}
	if info.Channels == 0 || info.SampleRate == 0 || info.BitsPerSample == 0 || info.BitsPerSample%8 != 0 {
		return Info{}, 0, Error("the WAV header makes no sense")
	}
	return info, codec, nil
}

// maxWaveHead bounds what may stand before the samples: vendors put a comment
// there at most.
const maxWaveHead = 64 << 10

// waveScanner collects the header and then counts.
type waveScanner struct {
	collected []byte // of the header, until it is whole
	head      waveHead
	known     bool
	samples   int64 // bytes
}

// ScanWAV reads a RIFF/WAVE file of linear PCM; see [WAV].
func ScanWAV() Scanner { return &waveScanner{} }

func (s *waveScanner) Scan(piece []byte) error {
	if s.known {
		s.samples += int64(len(piece))
		return nil
	}
	s.collected = append(s.collected, piece...)
	head, ok, err := readWaveHead(s.collected, false)
	switch {
	case err != nil:
		return err
	case ok && !head.linear():
		return errNotLinear
	case ok:
		s.head, s.known, s.samples = head, true, int64(len(s.collected)-head.start)
		s.collected = nil
	case len(s.collected) > maxWaveHead:
		return Error("the WAV file has no samples")
	}
	return nil
}

func (s *waveScanner) Info() (Info, bool) { return s.head.info, s.known }

func (s *waveScanner) Whole() int64 {
	if !s.known {
		return 0
	}
	return int64(s.head.start) + s.samples
}

// heard is how many bytes of samples there are; a file may go on behind them.
func (s *waveScanner) heard() int64 {
	if s.head.knowsSize() {
		return min(s.samples, int64(s.head.size))
	}
	return s.samples
}

func (s *waveScanner) frame() int64 {
	return max(1, int64(s.head.info.Channels*s.head.info.BitsPerSample/8))
}

func (s *waveScanner) Played() time.Duration {
	return seconds(s.heard()/s.frame(), int64(s.head.info.SampleRate))
}

func (s *waveScanner) End() error {
	switch {
	case !s.known && len(s.collected) < 12:
		return Error("no WAV header")
	case !s.known, s.samples == 0 && !s.head.knowsSize():
		return Error("the WAV file has no samples")
	case s.head.knowsSize() && s.samples < int64(s.head.size):
		return Error("the WAV file is cut")
	case s.heard()%s.frame() != 0:
		return Error("the last sample is cut")
	}
	return nil
}
