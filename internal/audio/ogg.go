package audio

import (
	"bytes"
	"encoding/binary"
	"math"
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
			if len(payload) < 19 || !bytes.HasPrefix(payload, []byte("OpusHead")) || payload[9] == 0 {
				return Info{}, Error("the Ogg file is not Opus")
			}
			info.Channels = int(payload[9])
			preSkip = int64(binary.LittleEndian.Uint16(payload[10:]))
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

// oggPage takes the first page off data. granule is -1 where no packet ends on
// the page.
func oggPage(data []byte) (granule int64, payload, rest []byte, err error) {
	if len(data) < 4 || string(data[:4]) != "OggS" {
		return 0, nil, nil, Error("no Ogg page")
	}
	if len(data) < 27 || len(data) < 27+int(data[26]) {
		return 0, nil, nil, Error("the Ogg file is cut")
	}
	head, size := 27+int(data[26]), 0
	for _, segment := range data[27:head] {
		size += int(segment)
	}
	if len(data) < head+size {
		return 0, nil, nil, Error("the Ogg file is cut")
	}
	position := binary.LittleEndian.Uint64(data[6:])
	if position > math.MaxInt64 {
		return -1, data[head : head+size], data[head+size:], nil
	}
	return int64(position), data[head : head+size], data[head+size:], nil
}
