package audio_test

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/gofailover/failover/internal/audio"
)

func TestSounds(t *testing.T) {
	pcm := func(values ...int16) []byte {
		var b []byte
		for _, v := range values {
			b = binary.LittleEndian.AppendUint16(b, uint16(v))
		}
		return b
	}
	for _, c := range []struct {
		name    string
		coding  audio.Coding
		samples []byte
		want    bool
	}{
		{"nothing", audio.Linear16, nil, false},
		{"zeros", audio.Linear16, make([]byte, 640), false},
		{"just below", audio.Linear16, pcm(0, 255, -255), false},
		{"at it", audio.Linear16, pcm(0, 256), true},
		{"below zero", audio.Linear16, pcm(0, -256), true},
		{"the least of all", audio.Linear16, pcm(-32768), true},
		{"a half sample", audio.Linear16, []byte{0, 0, 0x7f}, false},
		// The codes of G.711 for zero, for just below and for just above it.
		{"mu-law zero", audio.MuLaw, []byte{0xff, 0x7f}, false},
		{"mu-law 244", audio.MuLaw, []byte{0x68, 0xe8}, false},
		{"mu-law 260", audio.MuLaw, []byte{0xff, 0x67}, true},
		{"mu-law -260", audio.MuLaw, []byte{0xe7}, true},
		{"mu-law loudest", audio.MuLaw, []byte{0x00, 0x80}, true},
		{"A-law zero", audio.ALaw, []byte{0xd5, 0x55}, false},
		{"A-law 248", audio.ALaw, []byte{0x5a, 0xda}, false},
		{"A-law 264", audio.ALaw, []byte{0x45}, true},
		{"A-law loudest", audio.ALaw, []byte{0x2a, 0xaa}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			assert.Equal(t, c.want, audio.Sounds(c.coding, c.samples))
		})
	}
}
