package stt

import (
	"time"

	"github.com/gofailover/failover/providers/tts"
)

// tempo converts between bytes of headerless audio and time.
type tempo struct {
	frame int64 // bytes of a sample of all channels
	rate  int64
}

func tempoOf(f Format) tempo {
	width := int64(1)
	if f.Encoding == tts.EncodingPCM {
		width = 2
	}
	return tempo{frame: width * int64(max(1, f.Channels)), rate: int64(f.SampleRate)}
}

// span is how long n bytes play. Taken in two parts: the product of a count of
// samples and a billion overflows after two days.
func (t tempo) span(n int64) time.Duration {
	frames := n / t.frame
	return time.Duration(frames/t.rate)*time.Second + time.Duration(frames%t.rate)*time.Second/time.Duration(t.rate)
}

// bytes is how many whole frames play within d, to the nearest: it undoes span.
func (t tempo) bytes(d time.Duration) int64 {
	const second = int64(time.Second)
	frames := int64(d)/second*t.rate + (int64(d)%second*t.rate+second/2)/second
	return frames * t.frame
}

// whole is n without what it has of an incomplete frame.
func (t tempo) whole(n int64) int64 { return n - n%t.frame }

// ring is the newest of a session's audio, by offsets from its beginning. It
// takes memory as it needs it, up to most, and keeps what it took.
type ring struct {
	buf   []byte
	most  int
	first int   // index in buf of the byte at start
	start int64 // of what is kept
	end   int64
	peak  int // the most that was kept
}

func (r *ring) kept() int { return int(r.end - r.start) }

func (r *ring) room() int { return r.most - r.kept() }

// write keeps p, for which there must be room.
func (r *ring) write(p []byte) {
	if len(p) == 0 {
		return
	}
	r.grow(r.kept() + len(p))
	at := (r.first + r.kept()) % len(r.buf)
	n := copy(r.buf[at:], p)
	copy(r.buf, p[n:])
	r.end += int64(len(p))
	r.peak = max(r.peak, r.kept())
}

// grow makes buf hold n bytes.
func (r *ring) grow(n int) {
	if n <= len(r.buf) {
		return
	}
	buf := make([]byte, min(r.most, max(n, 2*len(r.buf), 4<<10)))
	r.copy(r.start, buf[:r.kept()])
	r.buf, r.first = buf, 0
}

// release lets go of what is before the offset.
func (r *ring) release(to int64) {
	n := min(to, r.end) - r.start
	if n <= 0 {
		return
	}
	r.first = (r.first + int(n)) % max(1, len(r.buf))
	r.start += n
}

// copy copies to p what is kept from the offset on, which must not be before
// start, and says how much that was.
func (r *ring) copy(from int64, p []byte) int {
	n := 0
	r.pieces(from, from+int64(len(p)), func(piece []byte) bool {
		n += copy(p[n:], piece)
		return true
	})
	return n
}

// pieces gives what is kept between two offsets, in at most two parts.
func (r *ring) pieces(from, to int64, give func([]byte) bool) {
	from, to = max(from, r.start), min(to, r.end)
	if from >= to {
		return
	}
	at := (r.first + int(from-r.start)) % len(r.buf)
	n := min(int(to-from), len(r.buf)-at)
	if give(r.buf[at:at+n]) && int(to-from) > n {
		give(r.buf[:int(to-from)-n])
	}
}
