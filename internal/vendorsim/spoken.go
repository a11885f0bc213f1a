package vendorsim

import (
	"encoding/binary"
	"math"
	"strings"
	"time"
)

// Speech that simulators can hear: a text coded in tones, so that what they
// write down is what is in the samples that arrived, and nothing else. A text
// that was cut is heard cut, at another sample rate it is gibberish, and silence
// is nothing.
//
// Each byte takes 60 ms, a usual rate of speaking for a character: its upper
// half as a tone of 30 ms, then its lower half.
const (
	toneTime   = 30 * time.Millisecond
	toneLow    = 400 // Hz
	toneStep   = 100
	toneCount  = 16
	tonePeak   = 8000
	toneSilent = 100 // the root of the mean square of what is silence
)

// Say is a text as 16-bit little-endian samples, mono, that the simulators of
// speech to text hear. Words of their own are directions: "[fr]" says that what
// follows is French, "[#1]" that the second speaker has the word, "[..]" is a
// second of silence.
func Say(text string, rate int) []byte {
	var b []byte
	for i, part := range strings.Split(text, "[..]") {
		if i > 0 {
			b = append(b, make([]byte, 2*rate)...)
		}
		b = sayTones(b, strings.TrimSpace(part), rate)
	}
	return b
}

func sayTones(b []byte, text string, rate int) []byte {
	begin, n := 0, 0
	for _, c := range []byte(text) {
		for _, half := range []byte{c >> 4, c & 0x0F} {
			n++
			end := toneEdge(n, rate)
			step := 2 * math.Pi * float64(toneLow+toneStep*int(half)) / float64(rate)
			for i := range end - begin {
				b = binary.LittleEndian.AppendUint16(b, uint16(int16(tonePeak*math.Cos(step*float64(i)))))
			}
			begin = end
		}
	}
	return b
}

// toneEdge is the sample at which the nth tone begins: at some rates a tone has
// no whole number of samples.
func toneEdge(n, rate int) int { return int(math.Round(float64(n*rate) * toneTime.Seconds())) }

// SayWAV is Say in a WAV file.
func SayWAV(text string, rate int) []byte { return wavFile(Say(text, rate), rate) }

// SayMuLaw is Say in G.711 mu-law, headerless.
func SayMuLaw(text string, rate int) []byte { return coded(Say(text, rate), muLawSample) }

// SayALaw is Say in G.711 A-law, headerless.
func SayALaw(text string, rate int) []byte { return coded(Say(text, rate), aLawSample) }

// SayMP3 is an MP3 file that plays as long as the text takes to say. The
// simulators cannot hear it, and read the text in its tag.
func SayMP3(text string) []byte {
	tag := mp3Mark + text
	head := []byte("ID3\x04\x00\x00")
	for shift := 21; shift >= 0; shift -= 7 {
		head = append(head, byte(len(tag)>>shift)&0x7F)
	}
	return append(append(head, tag...), mp3(time.Duration(2*len(text))*toneTime, 44100, 128000)...)
}

const mp3Mark = "SAID:"

// Hush is silence as 16-bit samples.
func Hush(d time.Duration, rate int) []byte { return make([]byte, 2*int(d.Seconds()*float64(rate))) }

func coded(pcm []byte, code func(int16) byte) []byte {
	b := make([]byte, len(pcm)/2)
	for i := range b {
		b[i] = code(int16(binary.LittleEndian.Uint16(pcm[2*i:])))
	}
	return b
}

// heardWord is a word and when it was said.
type heardWord struct {
	text       string
	start, end float64 // seconds
	confidence float64
	speaker    int
}

// heardSpeech is what is in samples.
type heardSpeech struct {
	words    []heardWord
	language string
	duration float64 // seconds
}

// text is all of it.
func (h heardSpeech) text() string {
	all := make([]string, len(h.words))
	for i, w := range h.words {
		all[i] = w.text
	}
	return strings.Join(all, " ")
}

// confidence is that of all words together.
func (h heardSpeech) confidence() float64 {
	sum := 0.0
	for _, w := range h.words {
		sum += w.confidence
	}
	return thousandths(sum / float64(max(1, len(h.words))))
}

// hear writes down what is in samples.
func hear(samples []float64, rate int) heardSpeech {
	h := heardSpeech{language: "en", duration: float64(len(samples)) / float64(rate)}
	ear := ear{samples: samples, rate: rate}
	var word heardWord
	var text []byte
	purity, heard := 0.0, 0
	finish := func() {
		if len(text) > 0 {
			word.text, word.confidence = strings.ToValidUTF8(string(text), "?"), thousandths(0.98*purity/float64(heard))
			h.words = append(h.words, word)
		}
		word, text, purity, heard = heardWord{}, nil, 0, 0
	}
	for {
		c, start, end, pure, ok := ear.next()
		if !ok {
			break
		}
		if ear.paused || isBlank(c) {
			finish()
		}
		if isBlank(c) {
			continue
		}
		if len(text) == 0 {
			word.start = start
		}
		word.end, purity, heard = end, purity+pure, heard+1
		text = append(text, c)
	}
	finish()
	h.direct()
	return h
}

// isBlank says whether a byte is white space. Those above ASCII are parts of
// letters.
func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// direct follows the directions among the words.
func (h *heardSpeech) direct() {
	var words []heardWord
	speaker := 0
	for _, w := range h.words {
		direction, begins := strings.CutPrefix(w.text, "[")
		direction, ends := strings.CutSuffix(direction, "]")
		n, isSpeaker := strings.CutPrefix(direction, "#")
		switch {
		case !begins || !ends:
			w.speaker = speaker
			words = append(words, w)
		case isSpeaker:
			speaker = atoi(n)
		default:
			h.language = direction
		}
	}
	h.words = words
}

// ear reads bytes from tones.
type ear struct {
	samples []float64
	rate    int
	at      int // where the tones begin
	tones   int // read since then
	paused  bool
}

// next is the next byte; ok is false at the end. Half a byte at the end is
// nothing.
func (e *ear) next() (c byte, start, end, purity float64, ok bool) {
	e.paused = false
	for {
		high, begin, _, p, ok := e.tone()
		if !ok {
			if !e.seek() {
				return 0, 0, 0, 0, false
			}
			e.paused = true
			continue
		}
		low, _, end, q, ok := e.tone()
		if !ok {
			continue
		}
		return byte(high<<4 | low), e.seconds(begin), e.seconds(end), (p + q) / 2, true
	}
}

func (e *ear) seconds(sample int) float64 { return thousandths(float64(sample) / float64(e.rate)) }

// tone reads one; ok is false if there is silence, or no more.
func (e *ear) tone() (half, begin, end int, purity float64, ok bool) {
	begin, end = e.at+toneEdge(e.tones, e.rate), e.at+toneEdge(e.tones+1, e.rate)
	if end > len(e.samples) {
		return 0, 0, 0, 0, false
	}
	window := e.samples[begin:end]
	total := 0.0
	for _, v := range window {
		total += v * v
	}
	if math.Sqrt(total/float64(len(window))) < toneSilent {
		return 0, 0, 0, 0, false
	}
	e.tones++
	best := 0.0
	for i := range toneCount {
		// What share of the power a tone of this frequency has.
		if share := 2 * goertzel(window, float64(toneLow+toneStep*i)/float64(e.rate)) / (total * float64(len(window))); share > best {
			best, half = share, i
		}
	}
	return half, begin, end, min(best, 1), true
}

// seek goes to where the next tones begin.
func (e *ear) seek() bool {
	e.at += toneEdge(e.tones, e.rate)
	e.tones = 0
	for e.at < len(e.samples) && math.Abs(e.samples[e.at]) < 4*toneSilent {
		e.at++
	}
	return e.at+toneEdge(2, e.rate) <= len(e.samples)
}

// goertzel is the power of samples at a frequency, which is given as a share of
// the sample rate.
func goertzel(samples []float64, frequency float64) float64 {
	c := 2 * math.Cos(2*math.Pi*frequency)
	var s1, s2 float64
	for _, v := range samples {
		s1, s2 = v+c*s1-s2, s1
	}
	return s1*s1 + s2*s2 - c*s1*s2
}

func thousandths(v float64) float64 { return math.Round(v*1000) / 1000 }
