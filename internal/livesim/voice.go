package livesim

import (
	"encoding/binary"
	"strconv"
	"time"
)

// Voice speaks numbers, in headerless audio.
type Voice struct {
	// Rate is the sample rate in Hz.
	Rate int
	// MuLaw makes it 8-bit mu-law samples. Otherwise they are 16 bits,
	// little-endian.
	MuLaw bool
}

const (
	// WordTime is how long a word lasts.
	WordTime = 300 * time.Millisecond
	// A word is made of frames, each of which says which of which word it is.
	frameTime  = 10 * time.Millisecond
	wordFrames = int(WordTime / frameTime)
)

// A frame is samples: a mark, the word's number, the frame's and a sum, and
// then a tone. Each of them is a symbol of seven bits.
const (
	mark0, mark1 = 0x7a, 0x15
	headSymbols  = 6
)

func (v Voice) width() int {
	if v.MuLaw {
		return 1
	}
	return 2
}

func (v Voice) frameSamples() int { return v.Rate * int(frameTime/time.Millisecond) / 1000 }

// symbol is a loud sample that carries seven bits.
func (v Voice) symbol(b []byte, s int) []byte {
	if v.MuLaw {
		return append(b, byte(s&0x3f)|byte(s>>6&1)<<7) // the loud half of the codes
	}
	return binary.LittleEndian.AppendUint16(b, uint16(4096+64*s))
}

// read is the symbol of a sample; false if it is none.
func (v Voice) read(b []byte) (int, bool) {
	if v.MuLaw {
		return int(b[0]&0x3f) | int(b[0]>>7)<<6, b[0]&0x40 == 0
	}
	n := int(int16(binary.LittleEndian.Uint16(b))) - 4096
	return n / 64, n >= 0 && n < 128*64 && n%64 == 0
}

// Word is the audio of a number from 0 to 16383.
func (v Voice) Word(number int) []byte {
	var b []byte
	for frame := range wordFrames {
		head := [headSymbols]int{mark0, mark1, number >> 7 & 127, number & 127, frame, 0}
		head[5] = sum(head[2:5])
		for _, s := range head {
			b = v.symbol(b, s)
		}
		for i := headSymbols; i < v.frameSamples(); i++ {
			b = v.symbol(b, i*frame&63) // never a mark
		}
	}
	return b
}

func sum(symbols []int) int {
	total := 0x2b
	for _, s := range symbols {
		total += 3*s + 1
	}
	return total & 63
}

// Silence is the audio of nobody speaking.
func (v Voice) Silence(d time.Duration) []byte {
	b := make([]byte, int(d*time.Duration(v.Rate)/time.Second)*v.width())
	if v.MuLaw {
		for i := range b {
			b[i] = 0xff
		}
	}
	return b
}

// Noise is the audio of something that sounds and is no word.
func (v Voice) Noise(d time.Duration) []byte {
	var b []byte
	for range int(d * time.Duration(v.Rate) / time.Second) {
		b = v.symbol(b, 1)
	}
	return b
}

// Say is the audio of numbers one after the other, each followed by a pause.
func (v Voice) Say(pause time.Duration, numbers ...int) []byte {
	var b []byte
	for _, n := range numbers {
		b = append(b, v.Word(n)...)
		b = append(b, v.Silence(pause)...)
	}
	return b
}

// Span is how long n bytes last.
func (v Voice) Span(n int) time.Duration {
	return time.Duration(n/v.width()) * time.Second / time.Duration(v.Rate)
}

// word is a word that was heard, with its place in the audio in samples.
type word struct {
	number     int
	start, end int64
	frames     int
}

const (
	// knownFrames of a word are enough to know it, fragmentFrames to hear that
	// there was something.
	knownFrames    = 20
	fragmentFrames = 4
)

// text is how a word is written.
func (w word) text() string {
	if w.frames < knownFrames {
		return strconv.Itoa(w.number) + "?"
	}
	return strconv.Itoa(w.number)
}

// ear hears words in audio as it comes.
type ear struct {
	voice Voice
	rest  []byte // not understood yet
	at    int64  // of rest, in samples
	words []word // complete, or cut off by something else
	open  *word  // being spoken
}

// hear takes audio and finds the words in it.
func (e *ear) hear(audio []byte) {
	e.rest = append(e.rest, audio...)
	width, frame := e.voice.width(), e.voice.frameSamples()
	used := 0
	for len(e.rest)-used >= frame*width {
		number, nth, ok := e.frame(e.rest[used:])
		if !ok {
			used += width
			e.at++
			if e.open != nil && e.at >= e.open.end+int64(frame) {
				e.close()
			}
			continue
		}
		e.take(number, nth, frame)
		used += frame * width
		e.at += int64(frame)
	}
	e.rest = append(e.rest[:0], e.rest[used:]...)
}

// frame reads the head of a frame.
func (e *ear) frame(b []byte) (number, nth int, ok bool) {
	var head [headSymbols]int
	width := e.voice.width()
	for i := range head {
		s, ok := e.voice.read(b[i*width:])
		if !ok {
			return 0, 0, false
		}
		head[i] = s
	}
	if head[0] != mark0 || head[1] != mark1 || head[5] != sum(head[2:5]) {
		return 0, 0, false
	}
	return head[2]<<7 | head[3], head[4], true
}

// take takes in a frame.
func (e *ear) take(number, nth, frame int) {
	if e.open != nil && (e.open.number != number || nth == 0) {
		e.close()
	}
	if e.open == nil {
		e.open = &word{number: number, start: e.at}
	}
	e.open.frames++
	e.open.end = e.at + int64(frame)
	if nth == wordFrames-1 {
		e.close()
	}
}

// close ends the word that is being spoken.
func (e *ear) close() {
	if e.open != nil && e.open.frames >= fragmentFrames {
		e.words = append(e.words, *e.open)
	}
	e.open = nil
}

// drain takes the words heard so far.
func (e *ear) drain() []word {
	words := e.words
	e.words = nil
	return words
}
