package livesim

import (
	"fmt"
	"time"
)

// Fault is one way to fail, at a moment of a connection. The zero Fault is none.
type Fault struct {
	name   string
	status int // the upgrade is refused
	code   string
	act    func(*session) // at the moment
	begin  func(*session) // from the beginning
	at     Moment
}

// String names the fault and its moment, for example "cut after 2 finals".
func (f Fault) String() string {
	switch {
	case f.name == "":
		return "none"
	case f.status != 0 || f.begin != nil:
		return f.name
	default:
		return f.name + " " + f.at.String()
	}
}

// At sets the moment of a fault. Default [AtOnce]. It means nothing to a refused
// upgrade and to faults that last.
func (f Fault) At(m Moment) Fault {
	f.at = m
	return f
}

// Moment is when a fault strikes.
type Moment struct {
	name   string
	what   momentKind
	count  int
	played time.Duration
}

type momentKind int

const (
	momentOnce momentKind = iota
	momentTime
	momentAudio
	momentInterims
	momentFinals
	momentFinish
	momentLast
)

// String names the moment.
func (m Moment) String() string {
	if m.name == "" {
		return "at once"
	}
	return m.name
}

// AtOnce is when the socket was accepted.
func AtOnce() Moment { return Moment{} }

// After is a while after the socket was accepted.
func After(d time.Duration) Moment {
	return Moment{name: "after " + d.String(), what: momentTime, played: d}
}

// AfterAudio is when so much audio was received, and what there is to say of it
// was said.
func AfterAudio(d time.Duration) Moment {
	return Moment{name: "after " + d.String() + " of audio", what: momentAudio, played: d}
}

// AfterInterims is right after the nth interim result with words.
func AfterInterims(n int) Moment {
	return Moment{name: fmt.Sprintf("after %d interims", n), what: momentInterims, count: n}
}

// AfterFinals is right after the nth final result with words.
func AfterFinals(n int) Moment {
	return Moment{name: fmt.Sprintf("after %d finals", n), what: momentFinals, count: n}
}

// AtFinish is when the client said that there is no more audio, before the last
// result.
func AtFinish() Moment { return Moment{name: "at the finish", what: momentFinish} }

// AtLast is after the last result and before the end.
func AtLast() Moment { return Moment{name: "after the last result", what: momentLast} }

// None is no fault.
func None() Fault { return Fault{} }

// Status refuses the upgrade with an HTTP status in the vendor's envelope. An
// empty code means the vendor's most common with that status.
func Status(status int, code string) Fault {
	return Fault{name: fmt.Sprintf("%d %s", status, code), status: status, code: code}
}

// Cut ends the connection without a closing handshake.
func Cut() Fault { return Fault{name: "cut", act: func(s *session) { s.cut(false) }} }

// Reset ends the connection with a reset.
func Reset() Fault { return Fault{name: "reset", act: func(s *session) { s.cut(true) }} }

// Close ends the connection with a closing handshake.
func Close(code int, reason string) Fault {
	return Fault{name: fmt.Sprintf("close %d %s", code, reason), act: func(s *session) { s.close(code, reason) }}
}

// Message sends an error in the way of the vendor, and then closes: ElevenLabs
// names its errors in the field message_type, Deepgram closes with code 1011 and
// the code as reason.
func Message(code string) Fault {
	return Fault{name: "error " + code, act: func(s *session) { s.speaker.fail(code) }}
}

// Silent says nothing any more, but goes on to take audio.
func Silent() Fault { return Fault{name: "silent", act: func(s *session) { s.mute = true }} }

// Deaf takes no audio any more, and says nothing.
func Deaf() Fault {
	return Fault{name: "deaf", act: func(s *session) {
		s.mute = true
		s.stall()
	}}
}

// Garbage sends a frame that is none.
func Garbage() Fault {
	return Fault{name: "garbage", act: func(s *session) { s.raw([]byte{0xff, 0x03, 'x', 'y', 'z'}) }}
}

// Binary sends a binary message.
func Binary() Fault {
	return Fault{name: "binary message", act: func(s *session) { s.send(false, []byte{1, 2, 3}) }}
}

// BadJSON sends a text that is no JSON.
func BadJSON() Fault {
	return Fault{name: "malformed JSON", act: func(s *session) { s.send(true, []byte(`{"type":"Results",`)) }}
}

// Huge sends a text of size bytes.
func Huge(size int) Fault {
	return Fault{name: "huge message", act: func(s *session) {
		text := make([]byte, size)
		for i := range text {
			text[i] = ' '
		}
		s.send(true, text)
	}}
}

// Again sends the last final result once more.
func Again() Fault {
	return Fault{name: "duplicate final", act: func(s *session) {
		for _, m := range s.lastFinal {
			s.send(true, m)
		}
	}}
}

// Skip says nothing of the next final result.
func Skip() Fault { return Fault{name: "skipped final", act: func(s *session) { s.skip = true }} }

// Late lets the messages after the moment come so much later.
func Late(d time.Duration) Fault {
	return Fault{name: "late by " + d.String(), act: func(s *session) { s.pause(d) }}
}

// Slow takes so long for every message.
func Slow(d time.Duration) Fault {
	return Fault{name: "slow by " + d.String(), begin: func(s *session) { s.slow = d }}
}

// Endless gives interim results and never a final one, but at the end.
func Endless() Fault {
	return Fault{name: "endless interims", begin: func(s *session) { s.endless = true }}
}

// Pongless answers no ping.
func Pongless() Fault {
	return Fault{name: "no pong", begin: func(s *session) { s.pongless.Store(true) }}
}

// Wordless hears no words in any audio.
func Wordless() Fault {
	return Fault{name: "zero words", begin: func(s *session) { s.wordless = true }}
}

// Unheard ends in good order, without a word about any of the audio.
func Unheard() Fault { return Fault{name: "zero audio", begin: func(s *session) { s.unheard = true }} }

// Hanging never answers a closing handshake.
func Hanging() Fault {
	return Fault{name: "no closing handshake", begin: func(s *session) { s.hanging = true }}
}
