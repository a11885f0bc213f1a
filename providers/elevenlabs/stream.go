package elevenlabs

import (
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"time"

	"github.com/gofailover/failover/internal/httpcall"
	"github.com/gofailover/failover/providers/tts"
)

// WithTimestamps makes [Client.TTSStream] ask for audio with the time of each
// character (POST /v1/text-to-speech/{voice}/stream/with-timestamps): its
// chunks say how much has been Spoken, a stream that broke off is continued at
// the word, and one that ends in good order before its text does is noticed.
// The audio comes in JSON, a third more bytes. Default off.
func WithTimestamps() Option {
	return optionFunc(func(o *options) error {
		o.timestamps = true
		return nil
	})
}

// TTSStream is the account's text to speech as a stream: POST
// /v1/text-to-speech/{voice}/stream, or what [WithTimestamps] says. It delivers
// the formats of [Client.TTS] but for WAV, whose header has a length that
// nobody knows yet; ask for PCM instead. Check is the same. Every call returns
// a new value, whose fields can be set.
func (c *Client) TTSStream() tts.StreamProvider {
	s := c.speaker("/stream", streamFormats)
	if c.timestamps {
		s = c.speaker("/stream/with-timestamps", streamFormats)
		s.Pieces = timedPieces
	}
	p := tts.WrapStream(c.name, s.Stream)
	p.Account, p.Check, p.Supports = c.account, c.check, s.Supports
	p.Continue = tts.ContinueWhere(s.Supports)
	return p
}

// streamFormats are the formats that a stream can have.
var streamFormats = slices.DeleteFunc(slices.Clone(ttsFormats), func(f ttsFormat) bool {
	return f.format.Encoding == tts.EncodingWAV
})

// timedObject is one JSON object of an answer with timestamps. An error has
// none of these fields.
type timedObject struct {
	Audio     *[]byte    `json:"audio_base64"`
	Alignment *alignment `json:"alignment"`
}

// alignment is the time of each character of the text, in seconds.
type alignment struct {
	Characters []string  `json:"characters"`
	Ends       []float64 `json:"character_end_times_seconds"`
}

// timedPieces are the audio and the alignment of JSON objects as they come.
func timedPieces(resp *http.Response) iter.Seq2[tts.Piece, error] {
	return func(yield func(tts.Piece, error) bool) {
		for object, err := range httpcall.Objects(resp) {
			var piece tts.Piece
			if err == nil {
				piece, err = readTimed(resp, object)
			}
			if !yield(piece, err) || err != nil {
				return
			}
		}
	}
}

func readTimed(resp *http.Response, raw []byte) (tts.Piece, error) {
	var object timedObject
	if json.Unmarshal(raw, &object) != nil || object.Audio == nil {
		return tts.Piece{}, httpcall.NotAudio(resp, readError(raw))
	}
	return tts.Piece{Data: *object.Audio, Marks: object.Alignment.marks()}, nil
}

// maxTime bounds a time that a vendor tells: no speech lasts a day.
const maxTime = 24 * 60 * 60

// marks are what can be made of the alignment: none of one that makes no sense.
func (a *alignment) marks() []tts.Mark {
	if a == nil || len(a.Characters) != len(a.Ends) {
		return nil
	}
	marks := make([]tts.Mark, len(a.Characters))
	for i, text := range a.Characters {
		if end := a.Ends[i]; end < 0 || end > maxTime {
			return nil
		}
		marks[i] = tts.Mark{Text: text, End: time.Duration(a.Ends[i] * float64(time.Second))}
	}
	return marks
}
