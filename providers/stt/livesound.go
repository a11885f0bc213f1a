package stt

import (
	"time"

	"github.com/gofailover/failover/internal/audio"
	"github.com/gofailover/failover/providers/tts"
)

// soundWindow is how much audio is judged at once: a syllable is longer.
const soundWindow = 20 * time.Millisecond

// coding is how headerless audio is coded.
func coding(f Format) audio.Coding {
	switch f.Encoding {
	case tts.EncodingMuLaw:
		return audio.MuLaw
	case tts.EncodingALaw:
		return audio.ALaw
	default:
		return audio.Linear16
	}
}

// sounds says for how long something sounds in the audio kept between two
// offsets. It looks no further than for enough of it.
func (s *Session) sounds(from, to int64, enough time.Duration) time.Duration {
	window, how, total := int(s.tempo.bytes(soundWindow)), coding(s.req.Format), time.Duration(0)
	s.ring.pieces(from, to, func(piece []byte) bool {
		for len(piece) > 0 && total < enough {
			n := min(window, len(piece))
			if audio.Sounds(how, piece[:n]) {
				total += s.tempo.span(int64(n))
			}
			piece = piece[n:]
		}
		return total < enough
	})
	return total
}
