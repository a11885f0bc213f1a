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

const (
	// hushTime is a silence that is between two words rather than within one.
	hushTime = 60 * time.Millisecond
	// hushWithin is how far it is looked for: several words.
	hushWithin = 2 * time.Second
)

// hush is where it is silent first after an offset, so that no provider hears
// the second half of a word; the offset itself if it is not silent soon.
func (s *Session) hush(from int64) int64 {
	window, how := s.tempo.bytes(soundWindow), coding(s.req.Format)
	for at, quiet := from, time.Duration(0); at < min(s.ring.end, from+s.tempo.bytes(hushWithin)); at += window {
		loud := false
		s.ring.pieces(at, at+window, func(piece []byte) bool {
			loud = loud || audio.Sounds(how, piece)
			return true
		})
		if quiet += soundWindow; loud {
			quiet = 0
		}
		if quiet >= hushTime {
			return at + window - s.tempo.bytes(hushTime)
		}
	}
	return from
}

// drones says that it was not silent for a moment in the last seconds before an
// offset: that is noise, or somebody who draws no breath.
func (s *Session) drones(before int64) bool {
	hush := s.tempo.bytes(hushTime)
	for at := max(s.ring.start, before-s.tempo.bytes(hushWithin)); at+hush <= before; at += hush / 3 {
		if s.sounds(at, at+hush, 1) == 0 {
			return false
		}
	}
	return true
}
