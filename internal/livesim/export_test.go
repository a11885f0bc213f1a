package livesim

import (
	"slices"
	"time"
)

// Hear writes down audio that comes so many bytes at a time, and says when the
// first word begins.
func Hear(v Voice, audio []byte, step int) (texts []string, first time.Duration) {
	e := ear{voice: v}
	for part := range slices.Chunk(audio, step) {
		e.hear(part)
	}
	e.close()
	for _, w := range e.words {
		texts = append(texts, w.text())
	}
	return texts, v.Span(int(e.words[0].start) * v.width())
}
