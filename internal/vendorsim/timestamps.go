package vendorsim

import (
	"encoding/json"
	"net/http"
	"time"
)

// timedCharacters is how many characters of text a JSON object has.
const timedCharacters = 5

// timedAudio is one object of the answer with timestamps.
type timedAudio struct {
	AudioBase64         []byte     `json:"audio_base64"`
	Alignment           *alignment `json:"alignment"`
	NormalizedAlignment *alignment `json:"normalized_alignment"`
}

// alignment says when each character is spoken, counted from the beginning of
// the answer.
type alignment struct {
	Characters []string  `json:"characters"`
	Starts     []float64 `json:"character_start_times_seconds"`
	Ends       []float64 `json:"character_end_times_seconds"`
}

// answerTimed answers with one JSON object after the other, each on a line of
// its own.
func answerTimed(w http.ResponseWriter, s elevenSpeech) {
	_, body := s.audio()
	w.Header().Set("Content-Type", "application/json")
	text := []rune(s.text)
	each := s.time / time.Duration(len(text))
	for start := 0; start < len(text); start += timedCharacters {
		end := min(start+timedCharacters, len(text))
		spoken := align(text, start, end, each)
		from, to := len(body)*start/len(text), len(body)*end/len(text)
		writeTimed(w, timedAudio{AudioBase64: body[from:to], Alignment: spoken, NormalizedAlignment: spoken})
	}
}

func writeTimed(w http.ResponseWriter, object timedAudio) {
	line, err := json.Marshal(object)
	if err != nil {
		panic("vendorsim: " + err.Error()) // numbers and text always can be
	}
	writeChunk(w, append(line, '\n'))
}

func align(text []rune, start, end int, each time.Duration) *alignment {
	a := &alignment{}
	for i := start; i < end; i++ {
		a.Characters = append(a.Characters, string(text[i]))
		a.Starts = append(a.Starts, (time.Duration(i) * each).Seconds())
		a.Ends = append(a.Ends, (time.Duration(i+1) * each).Seconds())
	}
	return a
}
