package vendorsim

import (
	"bytes"
	"context"
	"encoding/binary"
	"net/url"
	"path"
	"strings"
	"unicode"
)

// hearing is how a simulator hears, where a fault changes that.
type hearing struct {
	deaf       bool    // hears nothing
	confidence float64 // 0: its own
	rate       float64 // takes the sample rate for so many times what it is; 0: as it is
}

type hearingKey struct{}

func hearingOf(ctx context.Context) hearing {
	h, _ := ctx.Value(hearingKey{}).(hearing)
	return h
}

// hears answers as the vendor does that hears so.
func hears(name string, h hearing) Fault {
	return Fault{name: name, apply: func(x *exchange) {
		x.r = x.r.WithContext(context.WithValue(x.r.Context(), hearingKey{}, h))
		x.deliver(x.good())
	}}
}

// EmptyTranscript answers as if nothing had been said.
func EmptyTranscript() Fault { return hears("empty transcript", hearing{deaf: true}) }

// LowConfidence answers with so little confidence in every word.
func LowConfidence(confidence float64) Fault {
	return hears("low confidence", hearing{confidence: confidence})
}

// WrongSampleRate takes the sample rate of the audio for twice what it is: the
// text is gibberish, and half as long.
func WrongSampleRate() Fault { return hears("wrong sample rate", hearing{rate: 2}) }

// listen writes down a file, or samples at a rate if that is above 0; false if
// they are nothing that can be listened to.
func (h hearing) listen(file []byte, rate int) (heardSpeech, bool) {
	heard, ok := h.of(file, rate)
	return h.change(heard), ok
}

// fetch writes down what is at a URL.
func (h hearing) fetch(address string) (heardSpeech, bool) {
	heard, ok := fetched(address)
	return h.change(heard), ok
}

func (h hearing) change(heard heardSpeech) heardSpeech {
	if h.deaf {
		heard.words = nil
	}
	for i := range heard.words {
		if h.confidence > 0 {
			heard.words[i].confidence = h.confidence
		}
	}
	return heard
}

func (h hearing) of(file []byte, rate int) (heardSpeech, bool) {
	switch {
	case rate > 0:
		return h.samples(fromPCM(file), rate), len(file) > 1
	case bytes.HasPrefix(file, []byte("RIFF")):
		samples, rate, ok := readWAV(file)
		return h.samples(samples, rate), ok
	case bytes.HasPrefix(file, []byte("ID3")):
		return readMP3(file)
	default:
		return heardSpeech{}, false
	}
}

func (h hearing) samples(samples []float64, rate int) heardSpeech {
	if h.rate > 0 {
		rate = int(h.rate * float64(rate))
	}
	return hear(samples, max(1, rate))
}

func fromPCM(b []byte) []float64 {
	samples := make([]float64, len(b)/2)
	for i := range samples {
		samples[i] = float64(int16(binary.LittleEndian.Uint16(b[2*i:])))
	}
	return samples
}

// readWAV reads the first channel of 16-bit samples or G.711.
func readWAV(file []byte) (samples []float64, rate int, ok bool) {
	le := binary.LittleEndian
	codec, frame := uint16(0), 1
	for at := 12; at+8 <= len(file); {
		name, size := string(file[at:at+4]), int(le.Uint32(file[at+4:]))
		chunk := file[at+8:]
		switch {
		case name == "fmt " && len(chunk) >= 16:
			codec, rate, frame = le.Uint16(chunk), int(le.Uint32(chunk[4:])), max(1, int(le.Uint16(chunk[12:])))
		case name == "data":
			samples, ok = fromWAV(chunk[:min(size, len(chunk))], codec, frame)
			return samples, rate, ok && rate > 0
		}
		at += 8 + size + size&1
	}
	return nil, 0, false
}

func fromWAV(data []byte, codec uint16, frame int) (samples []float64, ok bool) {
	table := map[uint16]*[256]float64{6: aLawTable, 7: muLawTable}[codec]
	if table == nil && codec != 1 {
		return nil, false
	}
	if table == nil {
		frame = max(frame, 2)
	}
	for ; len(data) >= frame; data = data[frame:] {
		if table != nil {
			samples = append(samples, table[data[0]])
		} else {
			samples = append(samples, float64(int16(binary.LittleEndian.Uint16(data))))
		}
	}
	return samples, len(samples) > 0
}

// The samples of G.711 by their codes: in the middle of those that are coded so.
var muLawTable, aLawTable = g711Table(muLawSample), g711Table(aLawSample)

func g711Table(encode func(int16) byte) *[256]float64 {
	var sum, of, table [256]float64
	for s := -32768; s <= 32767; s++ {
		code := encode(int16(s))
		sum[code], of[code] = sum[code]+float64(s), of[code]+1
	}
	for code := range table {
		table[code] = sum[code] / max(of[code], 1)
	}
	return &table
}

// readMP3 reads the tag of a file that [SayMP3] has made, and counts its frames
// of 1152 samples at 44.1 kHz.
func readMP3(file []byte) (heardSpeech, bool) {
	if len(file) < 10 {
		return heardSpeech{}, false
	}
	size := 0
	for _, b := range file[6:10] {
		size = size<<7 | int(b&0x7F)
	}
	if len(file) < 10+size {
		return heardSpeech{}, false
	}
	text, ok := strings.CutPrefix(string(file[10:10+size]), mp3Mark)
	if !ok {
		return heardSpeech{}, false
	}
	frames := bytes.Count(file[10+size:], []byte{0xFF, 0xFB})
	return written(text, float64(frames)*1152/44100), true
}

// written is a text as if it had been heard.
func written(text string, duration float64) heardSpeech {
	h := heardSpeech{language: "en", duration: duration}
	at := 0.0
	for word := range strings.FieldsSeq(text) {
		end := at + float64(2*len(word))*toneTime.Seconds()
		h.words = append(h.words, heardWord{text: word, start: thousandths(at), end: thousandths(end), confidence: 0.98})
		at = end + 2*toneTime.Seconds()
	}
	h.direct()
	return h
}

// fetched is what a vendor hears at a URL: the words of the file's name, which
// are joined by "-". At the host missing.test there is nothing.
func fetched(address string) (heardSpeech, bool) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "missing.test" {
		return heardSpeech{}, false
	}
	name := path.Base(u.Path)
	text := strings.ReplaceAll(strings.TrimSuffix(name, path.Ext(name)), "-", " ")
	return written(text, float64(2*len(text))*toneTime.Seconds()), true
}

// bare is a word in small letters, without punctuation.
func bare(word string) string {
	return strings.ToLower(strings.TrimFunc(word, unicode.IsPunct))
}

// turns divides words where somebody else speaks, and at pauses.
func (h heardSpeech) turns() [][]heardWord {
	const pause = 0.8
	var all [][]heardWord
	for i, w := range h.words {
		if i == 0 || w.speaker != h.words[i-1].speaker || w.start-h.words[i-1].end >= pause {
			all = append(all, nil)
		}
		all[len(all)-1] = append(all[len(all)-1], w)
	}
	return all
}
