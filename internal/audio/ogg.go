package audio

import (
	"bytes"
	"encoding/binary"
	"math"
	"time"
)

// Opus counts in samples of 48 kHz whatever it was made from (RFC 7845,
// section 4).
const opusRate = 48000

// OggOpus reads an Opus stream in an Ogg container (RFC 3533, RFC 7845).
func OggOpus(data []byte) (Info, error) {
	info := Info{SampleRate: opusRate}
	var end, preSkip int64
	audio := false
	for page := 0; len(data) > 0; page++ {
		granule, payload, rest, err := oggPage(data)
		if err != nil {
			return Info{}, err
		}
		switch {
		case page == 0:
			if info.Channels, preSkip, err = opusHead(payload); err != nil {
				return Info{}, err
			}
		case bytes.HasPrefix(payload, []byte("OpusTags")):
		case granule > 0 && len(payload) > 0:
			end, audio = max(end, granule), true
		}
		data = rest
	}
	if !audio {
		return Info{}, Error("the Ogg file has no audio")
	}
	info.Duration = seconds(max(0, end-preSkip), opusRate)
	return info, nil
}

// opusHead reads the first page.
func opusHead(payload []byte) (channels int, preSkip int64, err error) {
	if len(payload) < 19 || !bytes.HasPrefix(payload, []byte("OpusHead")) || payload[9] == 0 {
		return 0, 0, Error("the Ogg file is not Opus")
	}
	return int(payload[9]), int64(binary.LittleEndian.Uint16(payload[10:])), nil
}

// oggHead is the length of a page's header, without the table of its segments.
const oggHead = 27

// oggPage takes the first page off data. granule is -1 where no packet ends on
// the page.
func oggPage(data []byte) (granule int64, payload, rest []byte, err error) {
	if len(data) < 4 || string(data[:4]) != "OggS" {
		return 0, nil, nil, Error("no Ogg page")
	}
	size, ok, err := oggPageSize(data)
	if err != nil || !ok {
		return 0, nil, nil, Error("the Ogg file is cut")
	}
	payload = data[oggHead+int(data[oggHead-1]) : size]
	position := binary.LittleEndian.Uint64(data[6:])
	if position > math.MaxInt64 {
		return -1, payload, data[size:], nil
	}
	return int64(position), payload, data[size:], nil
}

// oggScanner collects a page and then reads it.
type oggScanner struct {
	collected []byte // of the page, at most 65307 bytes
	pages     int
	info      Info
	preSkip   int64
	end       int64 // granule position
	audio     bool
	last      bool // the page before was the last of its stream
	size      int64
}

// ScanOggOpus reads an Opus stream in an Ogg container; see [OggOpus]. Unlike
// a file, a stream must end with the page that says so.
func ScanOggOpus() Scanner { return &oggScanner{info: Info{SampleRate: opusRate}} }

func (s *oggScanner) Scan(piece []byte) error {
	s.size += int64(len(piece))
	s.collected = append(s.collected, piece...)
	rest := s.collected
	for len(rest) > 0 {
		size, ok, err := oggPageSize(rest)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if err := s.page(rest[:size]); err != nil {
			return err
		}
		rest = rest[size:]
	}
	s.collected = append(s.collected[:0], rest...)
	return nil
}

// oggPageSize is the length of the page that data begins with; false means
// that data has not all of it.
func oggPageSize(data []byte) (size int, ok bool, err error) {
	if !agree(data, "OggS") {
		return 0, false, Error("no Ogg page")
	}
	if len(data) < oggHead || len(data) < oggHead+int(data[oggHead-1]) {
		return 0, false, nil
	}
	size = oggHead + int(data[oggHead-1])
	for _, segment := range data[oggHead:size] {
		size += int(segment)
	}
	return size, len(data) >= size, nil
}

func (s *oggScanner) page(data []byte) error {
	const last = 4
	granule, payload, _, err := oggPage(data)
	if err != nil {
		return err
	}
	if s.pages == 0 {
		if s.info.Channels, s.preSkip, err = opusHead(payload); err != nil {
			return err
		}
	} else if granule > 0 && len(payload) > 0 && !bytes.HasPrefix(payload, []byte("OpusTags")) {
		s.end, s.audio = max(s.end, granule), true
	}
	s.pages++
	s.last = data[5]&last != 0
	return nil
}

func (s *oggScanner) Info() (Info, bool) { return s.info, s.pages > 0 }

func (s *oggScanner) Whole() int64 {
	if s.pages == 0 {
		return 0
	}
	return s.size
}

func (s *oggScanner) Played() time.Duration { return seconds(max(0, s.end-s.preSkip), opusRate) }

func (s *oggScanner) End() error {
	switch {
	case s.size == 0:
		return Error("no Ogg page")
	case len(s.collected) > 0, s.pages > 0 && !s.last:
		return Error("the Ogg file is cut")
	case !s.audio:
		return Error("the Ogg file has no audio")
	}
	return nil
}
