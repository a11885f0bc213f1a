package vendorsim

import (
	"encoding/binary"
	"time"
)

// opusSilence is a 20 ms Opus packet of silence, mono.
var opusSilence = []byte{0xF8, 0xFF, 0xFE}

// opusFrame is how many samples at 48 kHz a packet holds.
const opusFrame = 960

// oggOpus is silence as Opus in Ogg (RFC 7845), a second of packets to a page.
func oggOpus(d time.Duration) []byte {
	const preSkip, perPage = 312, 50
	le := binary.LittleEndian
	head := append([]byte("OpusHead"), 1, 1)
	head = le.AppendUint16(head, preSkip)
	head = le.AppendUint32(head, 48000)
	head = append(head, 0, 0, 0) // gain, mapping family
	tags := le.AppendUint32([]byte("OpusTags"), uint32(len("vendorsim")))
	tags = append(tags, "vendorsim"...)
	tags = le.AppendUint32(tags, 0)

	const first, last = 2, 4
	out := oggPage(nil, first, 0, 0, [][]byte{head})
	out = oggPage(out, 0, 0, 1, [][]byte{tags})
	packets := int(d/(20*time.Millisecond)) + 1
	granule := uint64(0)
	for number := uint32(2); packets > 0; number++ {
		n, flags := min(packets, perPage), byte(0)
		if packets -= n; packets == 0 {
			flags = last
		}
		page := make([][]byte, n)
		for i := range page {
			page[i] = opusSilence
		}
		granule += uint64(n) * opusFrame
		out = oggPage(out, flags, granule, number, page)
	}
	return out
}

// oggPage appends a page of packets, each shorter than 255 bytes.
func oggPage(out []byte, flags byte, granule uint64, number uint32, packets [][]byte) []byte {
	const serial = 0x5EED
	le := binary.LittleEndian
	start := len(out)
	out = append(out, 'O', 'g', 'g', 'S', 0, flags)
	out = le.AppendUint64(out, granule)
	out = le.AppendUint32(out, serial)
	out = le.AppendUint32(out, number)
	out = le.AppendUint32(out, 0) // checksum, below
	out = append(out, byte(len(packets)))
	for _, p := range packets {
		out = append(out, byte(len(p)))
	}
	for _, p := range packets {
		out = append(out, p...)
	}
	le.PutUint32(out[start+22:], oggChecksum(out[start:]))
	return out
}

// oggChecksum is the CRC-32 of RFC 3533: polynomial 0x04C11DB7, not reflected,
// which hash/crc32 does not have.
func oggChecksum(page []byte) uint32 {
	crc := uint32(0)
	for _, b := range page {
		crc ^= uint32(b) << 24
		for range 8 {
			if crc&0x80000000 != 0 {
				crc = crc<<1 ^ 0x04C11DB7
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}
